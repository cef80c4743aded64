"""The time of a simulation that follows a clock of the machine, and falls behind where the machine is too slow for it.

A flood of pings can be more than a processor simulates in real time. A simulation that caught up whatever it takes
would have ever more to catch up, and keys and requests would wait for all of it.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

#: Seconds of the machine for which the simulation runs at a time.
LONGEST: Final = 0.1
#: Seconds of the machine for one slice of a leap.
SLICE: Final = 0.05
#: Seconds that the simulation may be behind and still catches up; the rest it never catches up.
MOST_BEHIND: Final = 1.0
#: Seconds of the simulation between two looks at the machine's clock.
_STEP: Final = 0.01


class World(Protocol):
    """The simulation (`Simulator`)."""

    @property
    def now(self) -> float:
        """The time of the simulation, seconds."""

    def run_until(self, time: float) -> None:
        """Let time pass."""

    def next_event(self) -> float | None:
        """Return when something happens next, or None."""


class FollowedClock:
    """See the module's docstring. clock: of the machine, seconds monotonic. leaps: a leap is made."""

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        self._world = world
        self._clock = clock
        #: What the machine's clock shows when the simulation's shows 0.
        self._zero = clock() - world.now
        self.leaps = False

    def catch_up(self) -> None:
        """Let the simulation go on until it is at the machine's time, but not for long."""
        if self.leaps:
            return
        self._go_on(self._clock() - self._zero, self._clock() + LONGEST)
        behind = self._clock() - self._zero - self._world.now
        self._zero += max(0.0, behind - MOST_BEHIND)

    def leap(self, seconds: float, within: float = inf) -> Generator[float]:
        """Let time pass at once, however long the simulation takes for it. within: seconds of the machine at most.

        Yields the share that has passed, again and again; closed earlier, the leap ends there.
        """
        world = self._world
        begun, end, latest = world.now, world.now + seconds, self._clock() + within
        self.leaps = True
        try:
            while world.now < end and self._clock() < latest:
                self._go_on(end, self._clock() + SLICE)
                yield (world.now - begun) / seconds
        finally:
            self.leaps = False
            self._zero = self._clock() - world.now

    def _go_on(self, wanted: float, ends: float) -> None:
        """Let the simulation go on to a time of its own, until a time of the machine."""
        world = self._world
        while world.now < wanted and self._clock() < ends:
            due = world.next_event()
            world.run_until(wanted if due is None else min(wanted, max(world.now, due) + _STEP))

    def due(self) -> float | None:
        """Return when something happens next, by the machine's clock; None for nothing, or while a leap is made."""
        due = None if self.leaps else self._world.next_event()
        return None if due is None else self._zero + due
