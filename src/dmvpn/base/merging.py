"""Changes that come quickly one after the other are followed together: a paste changes a list with every few lines, and
an order about the list is as long as the list.

    self._lists = MergedChanges(context, "follow lists", self._refresh, self._differs)
    self._lists.changed()        follows now, or when the prompt has read a part of a paste and the plane has rested
    self._lists.follow()         follows now in any case
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dmvpn.base.context import Context, Timer

#: Seconds from an order to the next one, and more of them for each entry in it: a plane takes half as long for it.
_REST: Final = 0.1
_REST_OF_ENTRY: Final = 2e-4


class MergedChanges:
    """Changes of one machine.

    order: gives the orders that have changed, and returns how many entries they have; 0: none has changed.
    differs: returns whether an order has changed.
    """

    def __init__(self, context: Context, purpose: str, order: Callable[[], int], differs: Callable[[], bool]) -> None:
        self._context = context
        self._order = order
        self._differs = differs
        self._timer = Timer(purpose, self.follow)
        self._rests_until = self._changed_at = float("-inf")

    @property
    def is_waiting(self) -> bool:
        """Whether changes wait to be followed."""
        return self._context.is_running(self._timer)

    def changed(self) -> None:
        """Follow a change at once, or soon together with the next changes."""
        now, before, self._changed_at = self._context.now, self._changed_at, self._context.now
        if now >= max(self._rests_until, before + _REST):
            self.follow()
        elif not self.is_waiting and self._differs():
            self._context.arm(self._timer, self._rests_until)

    def follow(self) -> None:
        """Give the orders that have changed."""
        self._context.stop(self._timer)
        if entries := self._order():
            self._rests_until = self._context.now + _REST + _REST_OF_ENTRY * entries
