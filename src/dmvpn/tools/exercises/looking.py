"""Checks the tasks of an exercise in a network: by shows, pings and traces at its routers, and by cutting wires.

`Ground` is the network: a running lab (`labs/bench.py`), or a simulated world (`tests/support/bench.py`). The
learner's lines are not changed; to test the failure of a router, its wires are cut.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Final, Protocol, assert_never

from dmvpn.base.values import dataclass
from dmvpn.network.device import Device
from dmvpn.shells.lab.badness import Badness
from dmvpn.tools import answers
from dmvpn.tools.answers import rows, text
from dmvpn.tools.exercises.exercise import (
    ClampCheck,
    FixedCheck,
    LineCheck,
    MappingCheck,
    NeighborCheck,
    PathCheck,
    ProtectedCheck,
    ReachCheck,
    RegisteredCheck,
    RouteCheck,
    SummaryCheck,
    WhenCheck,
)
from dmvpn.tools.troubles.orders import Bench

if TYPE_CHECKING:
    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.answers import Json, NeighborRow, Row
    from dmvpn.tools.exercises.exercise import AnyCheck, Exercise, Task

#: Seconds that a task gets which is not done, once in an examination: a registration or a route may be on its way.
PATIENCE: Final = 12.0
#: Octets of a ping that names no size.
_USUAL: Final = 100
_CUT: Final = Badness(cut=1.0)


class Ground(Bench, Protocol):
    """A `Bench` that also knows what its wires are like, and how many troubles were fixed in it."""

    def badness(self, link: str) -> Badness:
        """Return the impairment of a wire. link: one of its ends, "R31:GigabitEthernet0/1"."""
        ...

    def restore(self, link: str, badness: Badness) -> None:
        """Restore a wire; the status of the lab shows it."""
        ...

    @property
    def fixed(self) -> int:
        """How many times `lab break` was answered."""
        ...


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The result of a task. missing: the observation that contradicts it; "" if it is done."""

    task: Task
    missing: str = ""
    hint: str = ""

    @property
    def is_done(self) -> bool:
        """True if the task is done."""
        return not self.missing


def look(ground: Ground, exercise: Exercise) -> tuple[TaskResult, ...]:
    """Check all tasks. A task that is not done is checked again after a moment, as convergence takes time."""
    look_at = _Look(ground, exercise.scenario())
    findings = [look_at.task(task) for task in exercise.tasks]
    if all(finding.is_done for finding in findings):
        return tuple(findings)
    ground.wait(PATIENCE)
    return tuple(finding if finding.is_done else look_at.task(finding.task) for finding in findings)


class _Look:
    def __init__(self, ground: Ground, scenario: Scenario) -> None:
        self._ground = ground
        self._scenario = scenario

    def task(self, task: Task) -> TaskResult:
        """Return the first check that fails."""
        for check in task.checks:
            missing, hint = self._missing(check)
            if missing:
                return TaskResult(task, missing, hint)
        return TaskResult(task)

    def _missing(self, check: AnyCheck) -> tuple[str, str]:
        """Return the observation that contradicts a check, and a hint; "" if the check passes."""
        if isinstance(check, WhenCheck):
            return self._when(check)
        return self._simple(check), check.hint

    def _simple(self, check: AnyCheck) -> str:
        match check:
            case LineCheck():
                return self._line(check)
            case NeighborCheck():
                return self._neighbor(check)
            case RegisteredCheck():
                return self._registered(check)
            case RouteCheck():
                return self._route(check)
            case SummaryCheck():
                return self._summary(check)
            case MappingCheck():
                return self._mapping(check)
            case ReachCheck():
                return self._reach(check)
            case PathCheck():
                return self._path(check)
            case ProtectedCheck():
                return self._protected(check)
            case ClampCheck():
                return self._clamp(check)
            case FixedCheck():
                number = self._ground.fixed
                return "" if number >= check.number else f"{number} of {check.number} troubles are fixed"
            case WhenCheck():
                return self._when(check)[0]
            case _:
                assert_never(check)

    # ------------------------------------------------------------------------------------------------ state

    def _line(self, check: LineCheck) -> str:
        answer = self._json(check.at, f"show interfaces {check.interface}")
        found = next(iter(rows(answer, "interfaces")), None)
        if found is None:
            return f"{check.at} has no {check.interface}"
        return "" if found.get("line") else f"{check.interface} of {check.at} is down{_because(found)}"

    def _neighbor(self, check: NeighborCheck) -> str:
        found = self._find_neighbor(check)
        if found is not None and not found.is_steady:
            self._ground.wait(answers.STEADY - found.age)
            found = self._find_neighbor(check)
        if found is None or not found.is_up:
            return f"{check.at} has no EIGRP neighbor {check.address}"
        if found.age < answers.STEADY - 1:
            return f"the EIGRP neighbor {check.address} of {check.at} comes and goes"
        return ""

    def _find_neighbor(self, check: NeighborCheck) -> NeighborRow | None:
        (answer,) = self._ground.ask([(check.at, answers.NEIGHBORS)])
        return next((one for one in answers.neighbors(answer) if one.address == check.address), None)

    def _registered(self, check: RegisteredCheck) -> str:
        (answer,) = self._ground.ask([(check.at, answers.SERVERS)])
        for server in answers.servers(answer):
            if server.address == check.server:
                why = f": {server.reason}" if server.reason else ""
                return "" if server.is_registered else f"{check.at} is not registered with {check.server}{why}"
        return f"{check.at} does not know the next hop server {check.server}"

    def _route(self, check: RouteCheck) -> str:
        answer = self._json(check.at, "show ip route")
        found = next((row for row in rows(answer, "entries") if text(row, "prefix") == check.to), None)
        fits = found is not None and check.source in ("", text(found, "source"))
        if not check.present:
            return f"{check.at} has a route of its own to {check.to}" if fits else ""
        by = f" of {check.source.upper()}" if check.source else ""
        if found is None or not fits:
            return f"{check.at} has no route{by} to {check.to}"
        hops = [text(hop, "address") for hop in rows(found, "next_hops")]
        if check.via is not None and check.via not in hops:
            return f"{check.at} sends packets for {check.to} to {' and '.join(hops)}"
        override = found.get("override")
        over = text(override, "address") if isinstance(override, dict) else ""
        if check.override is not None and over != check.override:
            return f"the route of {check.at} to {check.to} has {over or 'no other'} as NHRP's next hop"
        return ""

    def _summary(self, check: SummaryCheck) -> str:
        wanted = [IPv4Network(prefix) for prefix in check.of]
        for row in rows(self._json(check.at, "show ip route"), "entries"):
            prefix = IPv4Network(text(row, "prefix"))
            covers = all(prefix != one and prefix.supernet_of(one) for one in wanted)
            hops = [text(hop, "address") for hop in rows(row, "next_hops")]
            if covers and check.via in hops and check.source in ("", text(row, "source")):
                return ""
        by = f" of {check.source.upper()}" if check.source else ""
        return f"{check.at} has no one route{by} via {check.via} that covers {' and '.join(check.of)}"

    def _mapping(self, check: MappingCheck) -> str:
        answer = self._json(check.at, "show ip nhrp")
        found = next((row for row in rows(answer, "entries") if text(row, "target") == check.target), None)
        if found is None:
            return f"the NHRP cache of {check.at} has no {check.target}"
        where = f"the entry of {check.at} for {check.target}"
        for name, wanted in (("nbma", check.nbma), ("claimed", check.claimed), ("type", check.kind or None)):
            if wanted is not None and text(found, name) != wanted:
                return f"{where} says {name} {text(found, name) or 'nothing'}"
        expires = found.get("expires")
        if check.lasts is not None and not (isinstance(expires, int | float) and expires <= check.lasts):
            return f"{where} lasts longer than {check.lasts:.0f} s"
        flags = found.get("flags")
        has = flags if isinstance(flags, list) else []
        missing = [flag for flag in check.flags if flag not in has]
        if missing:
            return f"{where} has no flag {', '.join(missing)}"
        surplus = [flag for flag in check.lacks if flag in has]
        return f"{where} has the flag {', '.join(surplus)}" if surplus else ""

    def _protected(self, check: ProtectedCheck) -> str:
        tunnel = next(iter(rows(self._json(check.at, f"show interfaces {check.interface}"), "interfaces")), {})
        details = tunnel.get("tunnel")
        if not isinstance(details, dict) or not details.get("protection"):
            return f"{check.interface} of {check.at} sends in clear"
        for session in rows(self._json(check.at, "show crypto session"), "sessions"):
            if text(session, "peer") == check.peer:
                is_up = text(session, "status") == "UP-ACTIVE"
                return "" if is_up else f"the session of {check.at} with {check.peer} is not up{_because(session)}"
        return f"{check.at} has no session of IPsec with {check.peer}"

    def _clamp(self, check: ClampCheck) -> str:
        largest = check.largest - answers.TCP_HEADERS
        said = [self._clamped(router, check.interface) for router in check.at]
        if any(clamp and clamp <= largest for clamp in said):
            return ""
        where = f"{check.interface} of {' and '.join(check.at)}"
        if not any(said):
            return f"{where} do not tell TCP how much they carry"
        return f"{where} tell TCP {' and '.join(str(clamp) for clamp in said if clamp)} octets, and {largest} fit"

    def _clamped(self, router: str, interface: str) -> int:
        """Return the octets in a segment of TCP that an interface lets pass; 0: any number."""
        (running,) = self._ground.ask([(router, answers.CONFIGURATION)])
        settings = Device.read(router, running).interface(interface)
        return (settings.mss or 0) if settings is not None else 0

    # ------------------------------------------------------------------------------------------------ packets

    def _reach(self, check: ReachCheck) -> str:
        size = f" size {check.size}" if check.size != _USUAL else ""
        df = " df-bit" if check.df else ""
        return self._ping(check.at, check.source, check.to, f"{size}{df}")

    def _ping(self, router: str, source: str, to: str, how: str = "") -> str:
        (answer,) = self._ground.ask([(router, answers.ping(to, source, f"{how} repeat 4 timeout 1".strip()))])
        rate = answers.rate(answer)
        like = f" with{how}" if how else ""
        return "" if rate == 100 else f"pings from {router} ({source}) to {to}{like}: {rate} percent come back"

    def _path(self, check: PathCheck) -> str:
        lost = self._ping(check.at, check.source, check.to)
        if lost:
            return lost  # a trace without answers takes half a minute
        line = answers.trace(check.to, check.source)
        wanted = [*check.via, check.to]
        hops: list[str] = []
        for _ in range(answers.TRIES):
            (answer,) = self._ground.ask([(check.at, line)])
            hops = answers.hops(answer)
            if hops == wanted:
                return ""
            self._ground.wait(answers.SHORTCUT)
        return f"packets from {check.at} to {check.to} go by {', '.join(hops[:-1]) or 'nobody'}"

    def _when(self, check: WhenCheck) -> tuple[str, str]:
        bad = Badness(block=check.block) if check.block else _CUT
        ends = [check.link] if check.link else self._ports(check.dead)
        before = [self._ground.badness(end) for end in ends]
        for end in ends:
            self._ground.impair(end, bad)
        try:
            self._ground.wait(check.seconds)
            found = [(self._simple(inner), inner.hint or check.hint) for inner in check.checks]
        finally:
            for end, was in zip(ends, before, strict=True):
                self._ground.restore(end, was)
            self._ground.wait(check.seconds)
        missing, hint = next(((text, hint) for text, hint in found if text), ("", ""))
        when = f"without {check.dead}" if check.dead else f"while {check.link} drops {' and '.join(check.block)}"
        return (f"{when}, {missing}" if missing else ""), hint

    def _ports(self, router: str) -> list[str]:
        """Return one end of each of its wires."""
        wires = [ends for ends, _ in self._scenario.segments()]
        return [f"{node}:{port}" for ends in wires for node, port in ends if node == router]

    def _json(self, router: str, line: str) -> Json:
        (answer,) = self._ground.ask([(router, f"{line} | json")])
        return answers.read(answer)


def _because(row: Row) -> str:
    reason = text(row, "reason")
    return f": {reason}" if reason else ""
