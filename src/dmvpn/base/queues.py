"""Many deadlines under one timer of a context: entries that expire, associations to be renewed.

A `Timer` is an object, and an object for each of 100,000 prefixes costs memory that a name does not. So a machine keeps
such deadlines by name, and the queue keeps one timer armed for the earliest of them:

    self._expiry = TimerQueue(context, "let entries expire", self._expire, most=64)
    self._expiry.set(prefix, entry.expires)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from dmvpn.base.context import Timer
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.errors import surely

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.context import Context

Name = TypeVar("Name")


class TimerQueue(Generic[Name]):
    """Deadlines by name (any hashable value), which arm a timer of the context by themselves.

    purpose: of the timer, in words.
    act: called with each name that is due, the earliest first. What it cancels meanwhile is left out.
    most: names of one event; each costs 1 of the machine's budget, and the others follow after a `PAUSE`.
    """

    __slots__ = ("_act", "_armed", "_context", "_most", "_purpose")

    def __init__(self, context: Context, purpose: str, act: Callable[[Name], None], *, most: int) -> None:
        self._context = context
        self._act = act
        self._most = most
        self._purpose = purpose
        #: The deadlines and their timer; made for the first name, since most queues of a router stay empty.
        self._armed: tuple[Deadlines[Name], Timer] | None = None

    def set(self, name: Name, when: float) -> None:
        """Make `name` due at `when` (seconds, monotonic), and forget an earlier setting of the name."""
        if self._armed is None:
            self._armed = Deadlines(), Timer(self._purpose, self._fire)
        self._armed[0].set(name, when)
        self._arm(*self._armed)

    def cancel(self, name: Name) -> None:
        """Forget `name`; it need not be set."""
        if self._armed is not None:
            self._armed[0].cancel(name)
            self._arm(*self._armed)

    def when(self, name: Name) -> float | None:
        """Return the time at which `name` is due, or None if it is not set."""
        return None if self._armed is None else self._armed[0].when(name)

    def _fire(self) -> None:
        deadlines, timer = surely(self._armed)
        timer.cost = 0
        try:
            for name in deadlines.take_due(self._context.now, self._most):
                timer.cost += 1
                self._act(name)
        finally:
            self._arm(deadlines, timer)

    def _arm(self, deadlines: Deadlines[Name], timer: Timer) -> None:
        """Arm the timer for the earliest name. A name due at once needs no pause: `Context.fire` rests itself."""
        following, timers = deadlines.next(), self._context.timers
        if following is None:
            timers.cancel(timer)
        elif following != timers.when(timer):
            timers.set(timer, following)
