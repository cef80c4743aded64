"""What every part of a machine of many parts works with: the time, the timers, the ports, and what goes out.

The machine sets `now` before each event and takes `out` after it. A `Timer` is what lies on the heap of
`base.deadlines`: an object of its own for each purpose, so setting and canceling it costs no search.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmvpn.base.deadlines import Deadlines
from dmvpn.base.notices import DebugOutput

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports


@dataclass(slots=True, eq=False)
class Timer:
    """Something that is to be done later."""

    fire: Callable[[], None]


@dataclass(slots=True, eq=False)
class Context:
    """The surroundings of one machine. now: seconds, monotonic."""

    ports: Ports
    now: float = 0.0
    out: list[Effect | Notice] = field(default_factory=list)
    timers: Deadlines[Timer] = field(default_factory=Deadlines)

    def start(self, timer: Timer, seconds: float) -> None:
        """Let `timer` fire in so many seconds; an earlier setting of it is forgotten."""
        self.timers.set(timer, self.now + seconds)

    def stop(self, timer: Timer) -> None:
        """Forget `timer`; it need not be running."""
        self.timers.cancel(timer)

    def is_running(self, timer: Timer) -> bool:
        """Return whether the timer is set."""
        return self.timers.when(timer) is not None

    def debug(self, *lines: str) -> None:
        """Print debug lines. Ask `ports.debugging.on` first: formatting costs."""
        self.out.append(DebugOutput(lines))
