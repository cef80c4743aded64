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

    __slots__ = ("_act", "_context", "_deadlines", "_most", "_timer")

    def __init__(self, context: Context, purpose: str, act: Callable[[Name], None], *, most: int) -> None:
        self._context = context
        self._act = act
        self._most = most
        self._deadlines: Deadlines[Name] = Deadlines()
        self._timer = Timer(purpose, self._fire)

    def set(self, name: Name, when: float) -> None:
        """Make `name` due at `when` (seconds, monotonic), and forget an earlier setting of the name."""
        self._deadlines.set(name, when)
        self._arm()

    def cancel(self, name: Name) -> None:
        """Forget `name`; it need not be set."""
        self._deadlines.cancel(name)
        self._arm()

    def when(self, name: Name) -> float | None:
        """Return the time at which `name` is due, or None if it is not set."""
        return self._deadlines.when(name)

    def _fire(self) -> None:
        self._timer.cost = 0
        try:
            for name in self._deadlines.take_due(self._context.now, self._most):
                self._timer.cost += 1
                self._act(name)
        finally:
            self._arm()

    def _arm(self) -> None:
        """Arm the timer for the earliest name. A name due at once needs no pause: `Context.fire` rests itself."""
        following, timers = self._deadlines.next(), self._context.timers
        if following is None:
            timers.cancel(self._timer)
        elif following != timers.when(self._timer):
            timers.set(self._timer, following)
