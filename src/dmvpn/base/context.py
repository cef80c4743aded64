"""What every part of a machine of many parts works with: the time, the timers, the ports, and what goes out.

The machine calls `begin` before each event and `take` after it. A `Timer` is what lies on the heap of
`base.deadlines`: an object of its own for each purpose, so setting and canceling it costs no search.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.chores import PAUSE, Chores
from dmvpn.base.chronicle import neighbor_changed
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.notices import DebugOutput
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.chronicle import Sign
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
    _chores: Chores = field(init=False, default_factory=lambda: Chores(1))
    _more: Timer = field(init=False)
    _resting: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self._more = Timer(self._go_on)

    def begin(self, now: float) -> None:
        """Begin an event."""
        self.now = now

    def take(self) -> list[Effect | Notice]:
        """Take what goes out, at the end of an event."""
        out, self.out = self.out, []
        return out

    def start(self, timer: Timer, seconds: float) -> None:
        """Let `timer` fire in so many seconds; an earlier setting of it is forgotten."""
        self.timers.set(timer, self.now + seconds)

    def stop(self, timer: Timer) -> None:
        """Forget `timer`; it need not be running."""
        self.timers.cancel(timer)

    def is_running(self, timer: Timer) -> bool:
        """Return whether the timer is set."""
        return self.timers.when(timer) is not None

    def next_deadline(self) -> float | None:
        """Return when the next timer fires; those that are left of a crowd wait for a moment."""
        following = self.timers.next()
        return None if following is None else max(following, self._resting)

    def fire(self, most: int) -> None:
        """Fire the timers that are due. most: so many take some milliseconds; the others follow after a `PAUSE`."""
        for timer in self.timers.take_due(self.now, most):
            timer.fire()
        following = self.timers.next()
        if following is not None and following <= self.now:
            self._resting = self.now + PAUSE

    def work(self, work: Iterator[None]) -> None:
        """Do long work: up to its first step now, and one step in each of the following events."""
        self._chores.begin(work)
        if self._chores.is_busy:
            self.start(self._more, PAUSE)

    def _go_on(self) -> None:
        self._chores.go_on()
        if self._chores.is_busy:
            self.start(self._more, PAUSE)

    def tell_of_neighbor(self, sign: Sign, address: IPAddress, interface: str, text: str) -> None:
        """Tell the chronicle of a neighbor that came or went; it has that whatever is logged."""
        if self.ports.remembers:
            self.out.append(neighbor_changed(sign, address, interface, text))

    def debug(self, *lines: str) -> None:
        """Print debug lines. Ask `ports.debugging.on` first: formatting costs."""
        self.out.append(DebugOutput(lines))
