"""The time of a simulation that follows a clock of the machine, and falls behind where the machine is too slow for it.

A flood of pings can be more than a processor simulates in real time. A simulation that caught up whatever it takes
would have ever more to catch up, and keys and requests would wait for all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds of the machine for which the simulation runs at a time.
LONGEST: Final = 0.1
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
    """See the module's docstring. clock: of the machine, seconds monotonic."""

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        self._world = world
        self._clock = clock
        #: What the machine's clock shows when the simulation's shows 0.
        self._zero = clock() - world.now

    def catch_up(self) -> None:
        """Let the simulation go on until it is at the machine's time, but not for long."""
        world, wanted, ends = self._world, self._clock() - self._zero, self._clock() + LONGEST
        while world.now < wanted and self._clock() < ends:
            due = world.next_event()
            world.run_until(wanted if due is None else min(wanted, max(world.now, due) + _STEP))
        behind = self._clock() - self._zero - world.now
        self._zero += max(0.0, behind - MOST_BEHIND)

    def leap(self, seconds: float) -> None:
        """Let time pass at once, however long the simulation takes for it."""
        begun = self._clock()
        self._world.run_until(self._world.now + seconds)
        self._zero += self._clock() - begun - seconds

    def due(self) -> float | None:
        """Return when something happens next, by the machine's clock, or None."""
        due = self._world.next_event()
        return None if due is None else self._zero + due
