"""Exercises: tasks with checks of the behavior of a network, never of the wording of its configuration.

An exercise is its start (`dmvpn.shells.exercises`) and its tasks, each with its checks (`tasks.yaml`). One small model
is there for each kind of check; `check` names it, `hint` points to the probable mistake.

    tasks:
      - title: R31 is registered
        checks:
          - {check: registered, at: R31, server: 192.168.100.11, hint: Which line names the next hop server?}

The checks of a task are in the order in which an engineer would look for a mistake: the first check that fails gives
the hint.

`look` checks the tasks in a network (`ExerciseBench`): a running lab (`labs/prompts.py`), or a simulated world
(`tests/support/bench.py`). It uses shows, pings and traces at its routers. The learner's lines are not changed; to test
the failure of a router, its wires are cut.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, Protocol, assert_never

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dmvpn.base import addresses
from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.network.device import Device
from dmvpn.shells.exercises import ExercisePlace, find_place, places
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools import answers
from dmvpn.tools.answers import Json, NeighborRow, Row, rows, text
from dmvpn.tools.troubles.orders import Bench

# ------------------------------------------------------------------------------------------------ checks


_ADDRESS: Final = r"^(\d+\.\d+\.\d+\.\d+|[\da-f]*:[\da-f:]*)"
Address = Annotated[str, Field(pattern=_ADDRESS + "$")]
Prefix = Annotated[str, Field(pattern=_ADDRESS + r"/\d+$")]


class Strict(BaseModel):
    """A model that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _Check(Strict):
    hint: str = ""


class LineCheck(_Check):
    """An interface is there, and its line protocol is up."""

    check: Literal["line"]
    at: str
    interface: str


class NeighborCheck(_Check):
    """Two routers are EIGRP neighbors, and have been for long enough to stay so."""

    check: Literal["neighbor"]
    at: str
    address: Address


class RegisteredCheck(_Check):
    """A next hop server answers."""

    check: Literal["registered"]
    at: str
    server: Address


class RouteCheck(_Check):
    """A route to exactly this prefix. via: its next hop. source: "eigrp", "nhrp", ... override: NHRP's next hop over
    the route's own. present: false where it shall not be there."""

    check: Literal["route"]
    at: str
    to: Prefix
    via: Address | None = None
    source: str = ""
    override: Address | None = None
    present: bool = True


class SummaryCheck(_Check):
    """A single route that covers all these prefixes, and equals none of them. The learner chooses its prefix."""

    check: Literal["summary"]
    at: str
    of: tuple[Prefix, ...] = Field(min_length=1)
    via: Address
    source: str = ""


class MappingCheck(_Check):
    """An NHRP entry. nbma: its NBMA address; claimed: the NBMA address that the client claims for itself. lasts: most
    seconds until it expires. flags, lacks: as `show ip nhrp` prints them."""

    check: Literal["mapping"]
    at: str
    target: Prefix
    nbma: Address | None = None
    claimed: Address | None = None
    kind: str = ""
    lasts: float | None = None
    flags: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


class ReachCheck(_Check):
    """An address answers pings that carry this source. size: octets of the packet; df: whole or not at all."""

    check: Literal["reach"]
    at: str
    source: Address = Field(alias="from")
    to: Address
    size: int = Field(default=100, ge=36, le=1500)
    df: bool = False


class PathCheck(_Check):
    """Packets go this way: the routers that answer a trace before its end. A shortcut gets the time it takes."""

    check: Literal["path"]
    at: str
    source: Address = Field(alias="from")
    to: Address
    via: tuple[Address, ...]


class ProtectedCheck(_Check):
    """There is a session of IPsec with this NBMA address, and the tunnel takes nothing in clear."""

    check: Literal["protected"]
    at: str
    interface: str
    peer: Address


class ClampCheck(_Check):
    """A router on the path clamps the TCP MSS to segments that fit into so many octets, headers included."""

    check: Literal["clamp"]
    at: tuple[str, ...] = Field(min_length=1)
    interface: str
    largest: int


class FixedCheck(_Check):
    """So many troubles of `lab break` were found and fixed in this lab."""

    check: Literal["fixed"]
    number: int


class WhenCheck(_Check):
    """Checks after `seconds` in which a router was dead (all its wires cut), or a wire dropped some kinds of packets,
    as in `lab impair --block`. The fault is removed afterwards."""

    check: Literal["when"]
    dead: str = ""
    link: str = ""
    block: tuple[str, ...] = ()
    seconds: float = Field(default=30.0, ge=1, le=300)
    checks: tuple[Simple, ...]


_SimpleCheck = (
    LineCheck
    | NeighborCheck
    | RegisteredCheck
    | RouteCheck
    | SummaryCheck
    | MappingCheck
    | ReachCheck
    | PathCheck
    | ProtectedCheck
    | ClampCheck
    | FixedCheck
)
AnyCheck = _SimpleCheck | WhenCheck
Simple = Annotated[_SimpleCheck, Field(discriminator="check")]
Check = Annotated[AnyCheck, Field(discriminator="check")]

WhenCheck.model_rebuild()


# ------------------------------------------------------------------------------------------------ exercises


TASKS: Final = "tasks.yaml"


class Task(Strict):
    """A task. begins_done: its checks pass at the start, and must still pass at the end."""

    title: str
    begins_done: bool = False
    checks: tuple[Check, ...] = Field(min_length=1)


class _Tasks(Strict):
    minutes: int
    tasks: tuple[Task, ...] = Field(min_length=1)


class Exercise(Value):
    """An exercise. minutes: the time for a learner who reads the page and types the lines."""

    place: ExercisePlace
    minutes: int
    tasks: tuple[Task, ...]

    @property
    def name(self) -> str:
        """The name for `lab up`."""
        return self.place.name

    def scenario(self) -> Scenario:
        """Return the scenario at its start. Raises UserError."""
        return Scenario.load(self.name)


def exercise(name: str) -> Exercise | None:
    """Return the exercise whose lab has this name; None if it is no exercise. Raises UserError."""
    place = find_place(name)
    return _read(place) if place is not None else None


def exercises() -> tuple[Exercise, ...]:
    """Return all exercises, in order. Raises UserError."""
    return tuple(_read(place) for place in places())


def _read(place: ExercisePlace) -> Exercise:
    path: Path = place.folder / TASKS
    try:
        found = _Tasks.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise UserError(f"{path}: {error}") from error
    return Exercise(place, found.minutes, found.tasks)


# ------------------------------------------------------------------------------------------------ checks in a network


#: Seconds that a task gets which is not done, once in an examination: a registration or a route may be on its way.
PATIENCE: Final = 12.0
#: Octets of a ping that names no size.
_USUAL: Final = 100
_CUT: Final = Badness(cut=1.0)


class ExerciseBench(Bench, Protocol):
    """A `Bench` that also knows what its wires are like, and how many troubles were fixed in it."""

    def badness(self, link: str) -> Badness:
        """Return the impairment of a wire. link: one of its ends, "R31:GigabitEthernet0/1"."""

    def restore(self, link: str, badness: Badness) -> None:
        """Restore a wire; the status of the lab shows it."""

    @property
    def fixed(self) -> int:
        """How many times `lab break` was answered."""


class TaskResult(Value):
    """The result of a task. missing: the observation that contradicts it; "" if it is done."""

    task: Task
    missing: str = ""
    hint: str = ""

    @property
    def is_done(self) -> bool:
        """True if the task is done."""
        return not self.missing


def look(bench: ExerciseBench, exercise: Exercise) -> tuple[TaskResult, ...]:
    """Check all tasks. A task that is not done is checked again after a moment, as convergence takes time."""
    look_at = _Look(bench, exercise.scenario())
    findings = [look_at.task(task) for task in exercise.tasks]
    if all(finding.is_done for finding in findings):
        return tuple(findings)
    bench.wait(PATIENCE)
    return tuple(finding if finding.is_done else look_at.task(finding.task) for finding in findings)


class _Look:
    def __init__(self, bench: ExerciseBench, scenario: Scenario) -> None:
        self._bench = bench
        self._scenario = scenario

    def task(self, task: Task) -> TaskResult:
        """Return the first check that fails."""
        for check in task.checks:
            missing, hint = self._when(check) if isinstance(check, WhenCheck) else (self._simple(check), check.hint)
            if missing:
                return TaskResult(task, missing, hint)
        return TaskResult(task)

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
                size = f" size {check.size}" if check.size != _USUAL else ""
                return self._ping(check.at, check.source, check.to, f"{size}{' df-bit' if check.df else ''}")
            case PathCheck():
                return self._path(check)
            case ProtectedCheck():
                return self._protected(check)
            case ClampCheck():
                return self._clamp(check)
            case FixedCheck():
                number = self._bench.fixed
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
            self._bench.wait(answers.STEADY - found.age)
            found = self._find_neighbor(check)
        if found is None or not found.is_up:
            return f"{check.at} has no EIGRP neighbor {check.address}"
        if found.age < answers.STEADY - 1:
            return f"the EIGRP neighbor {check.address} of {check.at} comes and goes"
        return ""

    def _find_neighbor(self, check: NeighborCheck) -> NeighborRow | None:
        (answer,) = self._bench.ask([(check.at, answers.of_version(answers.NEIGHBORS, check.address))])
        return next((one for one in answers.neighbors(answer) if one.address == check.address), None)

    def _registered(self, check: RegisteredCheck) -> str:
        (answer,) = self._bench.ask([(check.at, answers.of_version(answers.SERVERS, check.server))])
        for server in answers.servers(answer):
            if server.address == check.server:
                why = f": {server.reason}" if server.reason else ""
                return "" if server.is_registered else f"{check.at} is not registered with {check.server}{why}"
        return f"{check.at} does not know the next hop server {check.server}"

    def _route(self, check: RouteCheck) -> str:
        answer = self._json(check.at, answers.of_version("show ip route", check.to))
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
        wanted = [addresses.Prefix.parse(prefix) for prefix in check.of]
        for row in rows(self._json(check.at, answers.of_version("show ip route", check.via)), "entries"):
            prefix = addresses.Prefix.parse(text(row, "prefix"))
            covers = all(prefix != one and one in prefix for one in wanted)
            hops = [text(hop, "address") for hop in rows(row, "next_hops")]
            if covers and check.via in hops and check.source in ("", text(row, "source")):
                return ""
        by = f" of {check.source.upper()}" if check.source else ""
        return f"{check.at} has no one route{by} via {check.via} that covers {' and '.join(check.of)}"

    def _mapping(self, check: MappingCheck) -> str:
        answer = self._json(check.at, answers.of_version("show ip nhrp", check.target))
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
        said = []  # the octets in a segment of TCP that each interface lets pass; 0: any number
        for router in check.at:
            (running,) = self._bench.ask([(router, answers.CONFIGURATION)])
            settings = Device.read(router, running).interface(check.interface)
            said.append((settings.mss or 0) if settings is not None else 0)
        if any(clamp and clamp <= largest for clamp in said):
            return ""
        where = f"{check.interface} of {' and '.join(check.at)}"
        if not any(said):
            return f"{where} do not clamp the MSS of TCP"
        return f"{where} clamp the MSS to {' and '.join(str(clamp) for clamp in said if clamp)}, and {largest} fit"

    # ------------------------------------------------------------------------------------------------ packets

    def _ping(self, router: str, source: str, to: str, how: str = "") -> str:
        (answer,) = self._bench.ask([(router, answers.ping(to, source, f"{how} repeat 4 timeout 1".strip()))])
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
            (answer,) = self._bench.ask([(check.at, line)])
            hops = answers.hops(answer)
            if hops == wanted:
                return ""
            self._bench.wait(answers.SHORTCUT)
        return f"packets from {check.at} to {check.to} go by {', '.join(hops[:-1]) or 'nobody'}"

    def _when(self, check: WhenCheck) -> tuple[str, str]:
        bad = Badness(block=check.block) if check.block else _CUT
        wires = (ends for ends, _ in self._scenario.segments())
        of_dead = [f"{node}:{port}" for ends in wires for node, port in ends if node == check.dead]
        ends = [check.link] if check.link else of_dead
        before = [self._bench.badness(end) for end in ends]
        for end in ends:
            self._bench.impair(end, bad)
        try:
            self._bench.wait(check.seconds)
            found = [(self._simple(inner), inner.hint or check.hint) for inner in check.checks]
        finally:
            for end, was in zip(ends, before, strict=True):
                self._bench.restore(end, was)
            self._bench.wait(check.seconds)
        missing, hint = next(((text, hint) for text, hint in found if text), ("", ""))
        when = f"without {check.dead}" if check.dead else f"while {check.link} drops {' and '.join(check.block)}"
        return (f"{when}, {missing}" if missing else ""), hint

    def _json(self, router: str, line: str) -> Json:
        (answer,) = self._bench.ask([(router, f"{line} | json")])
        return answers.read(answer)


def _because(row: Row) -> str:
    reason = text(row, "reason")
    return f": {reason}" if reason else ""
