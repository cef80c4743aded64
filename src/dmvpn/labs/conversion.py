"""A lab is converted to another DMVPN phase: the lines, the differences, and the ways of packets before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.labs.lessons import is_way
from dmvpn.network.lines import difference
from dmvpn.tools.lessons import Check, Health, examine
from dmvpn.tools.phases import phase_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dmvpn.labs.lessons import LessonLab
    from dmvpn.tools.troubles.stage import Stage

#: Looks at a network after a change of its phase, a second after each other.
_SETTLING: Final = 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the network. ways: sentences about hops before and now. is_worse: a site is not reached now."""

    ways: tuple[str, ...]
    is_worse: bool


class Conversion:
    """The conversion of a lab. orders: lines for each router that needs any; empty if there is nothing to do.

    `look`, `enter` and `outcome` are called once, in this order; the first and the last may take half a minute.
    """

    def __init__(self, lab: LessonLab, phase: int) -> None:
        """Find the lines; nothing is changed yet. Raises UserError."""
        if lab.lesson is not None:
            raise UserError(
                "something is broken here for somebody to find, and these lines might fix it: first 'dmvpn lab grade' "
                "until all is well, or 'dmvpn lab reset'"
            )
        self._lab = lab
        self._before = lab.running()
        _refuse_the_dead(lab, self._before)
        self._stage: Stage = lab.stage(self._before)
        self.orders: Mapping[str, Sequence[str]] = phase_lines(self._stage, phase)
        self._was = Health()

    def look(self) -> None:
        """Examine the network before the change."""
        self._was = examine(self._lab.bench, self._stage)

    def enter(self) -> dict[str, list[str]]:
        """Enter the lines, and return the differences of the running configurations, by router. Raises UserError."""
        bench = self._lab.bench
        for router, lines in self.orders.items():
            bench.configure(router, lines)
        running = bench.running(list(self.orders))
        return {router: list(difference(self._before[router], text, router)) for router, text in running.items()}

    def outcome(self) -> Outcome:
        """Let the spokes resolve again, wait until the network has settled, and examine it."""
        self._lab.bench.ask([(router, "clear ip nhrp") for router in self._stage.spokes])
        now = self._settled()
        reached = [subject for subject, value in self._was.found.items() if value and is_way(subject)]
        return Outcome(tuple(_ways(self._was, now)), any(not now.found.get(subject) for subject in reached))

    def _settled(self) -> Health:
        """Return the health of the network once all paths work, or when the time is over."""
        for _ in range(_SETTLING):
            health = examine(self._lab.bench, self._stage)
            if all(value for subject, value in health.found.items() if is_way(subject)):
                break
            self._lab.bench.wait(1.0)
        return health


def _refuse_the_dead(lab: LessonLab, running: Mapping[str, str]) -> None:
    """Refuse to change a lab with dead routers: the change would be incomplete. Raises UserError."""
    dead = [name for name in lab.scenario.configurations if name not in running]
    if dead:
        raise UserError(
            f"{' and '.join(dead)} {'does' if len(dead) == 1 else 'do'} not answer, so nothing was typed anywhere; "
            f"'dmvpn lab start {dead[0]}' starts a dead router, 'dmvpn lab reset' begins again"
        )


def _ways(was: Health, now: Health) -> list[str]:
    """Return the hops between sites, before and now."""
    ways = [subject for check, subject in now.found if check is Check.REACH]
    return [f"{way}: {_hops(was, way)} before, {_hops(now, way)} now" for way in ways]


def _hops(health: Health, way: str) -> str:
    number = health.found.get((Check.PATH, way), 0)
    return f"{number} hop{'s' if number > 1 else ''}" if number else "not reached"
