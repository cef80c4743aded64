"""The film of a judged run: the last minutes before a violation, as the page of `dmvpn web` plays them.

    run again, with a witness  ->  each second the routers' chronicles, as news
    faults and violations      ->  steps that no router reports: "fault", "violation"

A run is the same each time, so the film is made by a second run, which knows when the violation comes. The stage,
news and steps are those of `web/page/film.js`.

Faults are in words: what happens when one begins, when it ends, and a short word for the map.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from dmvpn.base.chronicle import ChronicleLine, addresses_in_news, line_to_plain
from dmvpn.base.values import Value
from dmvpn.features.chronicle import ChronicleMachine
from dmvpn.ios.interfaces import short_interface
from dmvpn.judge import faults
from dmvpn.judge.campaign import Witness, run
from dmvpn.judge.campaigns import Order
from dmvpn.judge.faults import Fault, Kill, Partition, Restart
from dmvpn.judge.judge import Violation
from dmvpn.labs.films import Film, is_kept
from dmvpn.router.features import FEATURES
from dmvpn.router.router import Router
from dmvpn.shells.simulator.network import Segment
from dmvpn.shells.simulator.simulator import Simulator
from dmvpn.tools.explain.lookup import in_messages
from dmvpn.tools.picture import as_stage, picture_of

_CLEARED = {
    "nhrp": "clear ip nhrp",
    "session": "clear dmvpn session",
    "session static": "clear dmvpn session static",
    "crypto": "clear crypto session",
}

#: Virtual seconds before its end that a film has.
LAST: Final = 300.0
#: Virtual seconds between two looks at the routers: they keep the fields of few messages.
OFTEN: Final = 1.0
#: Messages that a film has. Changes are not counted: they make the state of the routers.
MOST_MESSAGES: Final = 20_000


# ------------------------------------------------------------------------------------------------ faults in words


class FaultWords(Value):
    """The words for a fault. begin, end: sentences; end is "" for a moment. badge: a few letters, "" without any."""

    begin: str
    end: str = ""
    badge: str = ""


def words_of(fault: Fault) -> FaultWords:
    """Return the words for a fault."""
    match fault:
        case faults.Kill(router=router):
            return FaultWords(f"{router} is killed", f"{router} starts again")
        case faults.Restart(router=router):
            return FaultWords(f"{router} is stopped", f"{router} starts again")
        case faults.LinkDown(router=router):
            return FaultWords(f"the wire of {router} is pulled out", f"the wire of {router} is plugged in", "pulled")
        case faults.Cut(router=router):
            return FaultWords(f"the wire of {router} passes no packets", f"the wire of {router} passes packets", "cut")
        case faults.Impair():
            wrong = ", ".join(_wrong(fault))
            badge = f"{fault.loss:.0%}" if fault.loss else "bad"
            return FaultWords(f"the wire of {fault.router} {wrong}", f"the wire of {fault.router} is restored", badge)
        case faults.Partition(one=one, other=other, one_way=one_way):
            which = f"packets from {one} to {other}" if one_way else f"packets between {one} and {other}"
            return FaultWords(
                f"{which} vanish in the provider's network", f"{which} pass again", "\N{MULTIPLICATION SIGN}"
            )
        case _:
            return FaultWords(_moment(fault))


def _wrong(fault: faults.Impair) -> list[str]:
    """Return what a bad wire does to packets."""
    return [
        *([f"loses {fault.loss:.3g} of its packets"] if fault.loss else []),
        *([f"doubles {fault.duplicate:.3g} of them"] if fault.duplicate else []),
        *([f"delays them by up to {1000 * fault.jitter:.3g} ms"] if fault.jitter else []),
    ] or ["is as good as before"]


def _moment(fault: Fault) -> str:
    """Return what happens at a fault that does not last."""
    match fault:
        case faults.Renumber(router=router, network=network):
            return f"the provider gives {router} an address of 198.18.{network}.0/30"
        case faults.Rebind(router=router):
            return f"the translator before {router} forgets its flows"
        case faults.ClockStep(router=router, step=step):
            return f"the clock of {router} jumps by {step:g} s"
        case faults.Clear(router=router, what=what):
            return f"a user types '{_CLEARED.get(what, what)}' at {router}"
        case faults.Purges(router=router, pretended=pretended, count=count):
            return f"{count} forged Purge Requests reach {router} in the name of {pretended}"
        case faults.Malformed(router=router, pretended=pretended, count=count):
            return f"{count} malformed NHRP packets reach {router} in the name of {pretended}"
        case _:
            return f"{fault.KIND} at {', '.join(fault.places)}"


# ------------------------------------------------------------------------------------------------ the film


def judged_film(order: Order, ends: float) -> Film:
    """Return the film of a run. ends: of its violation, seconds since the network converged. Raises UserError."""
    plan = order.plan()
    witness = FilmWitness(max(0.0, ends - LAST))
    verdict = run(plan, witness)
    witness.look()
    kinds: dict[tuple[str, tuple[tuple[str, str], ...]], list[Violation]] = {}
    for each in verdict.violations:
        kinds.setdefault((each.rule, each.way), []).append(each)
    violations = [(min(same, key=lambda each: each.time), len(same) - 1) for same in kinds.values()]
    steps = [*witness.steps, *(witness.violation(first, more) for first, more in violations)]
    news, begins = witness.news()
    broken = f": {verdict.violations[0].rule}" if verdict.violations else ""
    about = f"{order.name}, seed {order.seed}{broken}"
    return {
        "stage": {**as_stage(picture_of(plan.scenario, f"simulation of {order.name}")), "title": about},
        "news": news,
        "steps": steps,
        "begins": begins,
        **({"ends": max(witness.time_of(first) for first, _ in violations)} if violations else {}),
        "meanings": in_messages(FEATURES),
    }


class FilmWitness(Witness):
    """Keeps what a film of a run needs. steps: faults so far, as a film has them."""

    remembers: ClassVar[bool] = True

    def __init__(self, since: float) -> None:
        """since: when the film begins, seconds since the network converged; 0: when the simulation begins."""
        self.steps: list[dict[str, object]] = []
        self._since = since
        self._start: float | None = None
        self._looks = False
        self._begins = 0.0
        self._seen: dict[str, _Seen] = {}
        self._news: list[dict[str, object]] = []

    # -------------------------------------------------------------------------------------------- the run

    def begins(self, world: Simulator) -> None:
        """Begin to look, if the film has the beginning of the run."""
        self._world = world
        if not self._since:
            self._look_on()

    def converged(self, start: float) -> None:
        """Begin to look when the film begins."""
        self._start = start
        if self._since:
            self._world.after(start + self._since - self._world.now, self._look_on)

    def happened(self, fault: Fault, wire: Segment | None, *, begins: bool) -> None:
        """Keep a fault as a step. A router that it stopped has had no time for another word."""
        words = words_of(fault)
        step: dict[str, object] = {
            "type": "fault",
            "time": self._wall(self._world.now),
            "sign": "~" if not fault.seconds else "+" if begins else "-",
            "kind": fault.KIND,
            "text": words.begin if begins else words.end,
            "router": fault.places[0] if fault.places else "",
        }
        if len(fault.places) > 1:
            step["other"] = fault.places[1]
        if words.badge:
            step["badge"] = words.badge
        if isinstance(fault, Partition):
            step["path"] = [[fault.one, fault.other], *([] if fault.one_way else [[fault.other, fault.one]])]
        if wire is not None:
            step["wire"] = [[station.name, short_interface(port)] for station, port in wire.ends]
        self.steps.append(step)
        if self._looks and isinstance(fault, Kill | Restart):
            self.look()

    # -------------------------------------------------------------------------------------------- looking

    def _look_on(self) -> None:
        """Look now, and again each second."""
        if not self._looks:
            self._looks = True
            self._begins = self._world.now
        self.look()
        self._world.after(OFTEN, self._look_on)

    def look(self) -> None:
        """Read what the routers have noted since the last look; of a killed router, what it noted before its death."""
        now = self._wall(self._world.now)
        for name, node in self._world.routers.items():
            seen = self._seen.get(name)
            if seen is not None and seen.router is not node.router:
                self._keep(name, seen, begins=False)
                self._news.append({"router": name, "now": now, "gone": True})
                del self._seen[name]
                seen = None
            if node.alive:
                begins = seen is None
                seen = self._seen.setdefault(name, _Seen(node.router))
                self._keep(name, seen, begins=begins)

    def _keep(self, name: str, seen: _Seen, *, begins: bool) -> None:
        lines, addresses = seen.fresh(self._world.now)
        if lines or addresses or begins:
            plain = [{**line_to_plain(line), "time": self._wall(line.time)} for line in lines]
            heard = {"router": name, "now": self._wall(self._world.now), "begins": begins, "missed": 0}
            self._news.append({**heard, "addresses": addresses, "lines": plain})

    # -------------------------------------------------------------------------------------------- the film

    def news(self) -> tuple[list[dict[str, object]], float]:
        """Return the news, and when the film begins, seconds since 1970: late enough to have a bounded size."""
        times = sorted(time for each in self._news for time in _messages(each))
        begins = self._wall(self._begins)
        if len(times) > MOST_MESSAGES:
            begins = max(begins, times[-MOST_MESSAGES])
        return [_since(each, begins) for each in self._news], begins

    def violation(self, violation: Violation, more: int) -> dict[str, object]:
        """Return a violation as a step. more: the number of later ones of its kind."""
        return {
            "type": "violation",
            "time": self.time_of(violation),
            "name": violation.rule,
            "text": violation.text + (f"; {more} more like it followed" if more else ""),
            "path": [list(leg) for leg in violation.way],
        }

    def time_of(self, violation: Violation) -> float:
        """Return the time of a violation, seconds since 1970; of a network that never converged: the end of its run."""
        return self._wall(self._world.now if self._start is None else self._start + violation.time)

    def _wall(self, now: float) -> float:
        """Return a time of the world as seconds since 1970. Clocks of routers may be wrong: a fault sets them."""
        return self._world.epoch + now


class _Seen:
    """How far a router was read, in one of its lives."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self._last = 0
        self._addresses: tuple[str, ...] = ()

    def fresh(self, now: float) -> tuple[list[ChronicleLine], tuple[str, ...]]:
        """Return the lines since the last call, and all its addresses if they changed, otherwise none."""
        context = self.router.context(now)
        chronicle = context.machine(ChronicleMachine)
        lines = chronicle.after(self._last, settled=not self._last)
        self._last = max(self._last, chronicle.last)
        addresses = addresses_in_news(context.ports.interfaces.all())
        if addresses == self._addresses:
            return lines, ()
        self._addresses = addresses
        return lines, addresses


def _messages(news: dict[str, object]) -> Iterator[float]:
    """Yield the times of messages among news."""
    lines = news.get("lines")
    for line in lines if isinstance(lines, list) else ():
        if "way" in line:
            yield line["time"]


def _since(news: dict[str, object], begins: float) -> dict[str, object]:
    """Return news without messages before a time: changes are kept, for the state at that time follows from them."""
    lines = news.get("lines")
    if not isinstance(lines, list):
        return news
    return {**news, "lines": [line for line in lines if is_kept(line, begins)]}
