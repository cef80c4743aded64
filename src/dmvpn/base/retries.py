"""Trying again what the shell could not carry out: after 1, 2, 4 ... 64 seconds.

A machine that gets `EffectFailed` calls `failed(name, reason)`, and `again(name)` orders the same when that is due:

    self._retries = Retries[str](context, "order again", self._order_again, most=64)
    self._retries.failed(name, reason)

Success is not reported: the reason of an order is gone as soon as the order is sent again, and an order that has not
failed again after five minutes is done, and forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from dmvpn.base.queues import TimerQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.context import Context
    from dmvpn.base.reasons import Reason

Name = TypeVar("Name")

LONGEST_DELAY = 64.0
#: Seconds after which an order that did not fail again is done: longer than it takes to negotiate an SA once more.
_DONE: Final = 300.0


class Retries(Generic[Name]):
    """Failed orders by name, with the reason of the last failure and the time of the next attempt.

    An order without a reason was sent again: when it is due, it is done.

    purpose: of the timer, in words.
    again: orders this again, or forgets it if it is not wanted any more.
    most: orders of one event; each costs 1 of the machine's budget, and the others follow after a `PAUSE`.
    """

    __slots__ = ("_again", "_context", "_due", "_failures", "_reasons")

    def __init__(self, context: Context, purpose: str, again: Callable[[Name], None], *, most: int) -> None:
        self._context = context
        self._again = again
        self._due: TimerQueue[Name] = TimerQueue(context, purpose, self._try, most=most)
        #: The last delay, and the last reason, until the order is done.
        self._failures: dict[Name, tuple[float, Reason | None]] = {}
        self._reasons: dict[Name, Reason] = {}

    def failed(self, name: Name, reason: Reason) -> bool:
        """Note that the order `name` failed: it will be due again. Returns whether that, or the reason, is new."""
        delay, known = self._failures.get(name, (0.5, None))
        delay = min(2 * delay, LONGEST_DELAY)
        self._failures[name] = delay, reason
        self._reasons[name] = reason
        self._due.set(name, self._context.now + delay)
        return not reason.says_the_same(known)

    def forget(self, name: Name) -> None:
        """Forget the failures of an order that was replaced by another one."""
        if self._failures.pop(name, None) is not None:
            self._reasons.pop(name, None)
            self._due.cancel(name)

    def reason(self, name: Name) -> Reason | None:
        """Return why the last attempt failed, or None if nothing is known to be wrong."""
        return self._reasons.get(name)

    def _try(self, name: Name) -> None:
        if self._reasons.pop(name, None) is None:
            del self._failures[name]
            return
        self._due.set(name, self._context.now + _DONE)
        self._again(name)
