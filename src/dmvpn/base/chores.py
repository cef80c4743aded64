"""Long work of a machine, of which each event does a little: between two pieces the router handles other events.

    chores = Chores(most)
    chores.begin(work)     the first piece at once, if nothing else is left to do
    chores.go_on()         the next piece; the machine asks for it a `PAUSE` after the one before, while `is_busy`
    chores.drop(owner)     drop the work of one process of the machine, which ends

Work is a generator that yields after each step. How many steps are a piece is a number, and no time is looked at: so a
replay does the same in the same events. The state that a step needs may have changed since the work was begun; it looks
first.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")

#: Seconds until the next piece.
PAUSE: Final = 0.001


def in_pieces(items: Sequence[T], size: int, act: Callable[[Sequence[T]], None]) -> Iterator[None]:
    """Return work that acts on successive parts of a long list, with a step between two of them."""
    for first in range(0, len(items), size):
        if first:
            yield
        act(items[first : first + size])


class Chores:
    """Pending work, in order. most: steps of one piece, some milliseconds."""

    __slots__ = ("_left", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._left: list[tuple[Iterator[None], object]] = []

    @property
    def is_busy(self) -> bool:
        """Whether work is pending."""
        return bool(self._left)

    @property
    def waiting(self) -> int:
        """The number of works that are not finished."""
        return len(self._left)

    def begin(self, work: Iterator[None], owner: object = None) -> None:
        """Take on more work. owner: the process that may end before the work does, see `drop`."""
        self._left.append((work, owner))
        if len(self._left) == 1:
            self.go_on()

    def go_on(self) -> None:
        """Do one piece of the pending work."""
        steps = 0
        while self._left and steps < self._most:
            first = self._left[0]
            done = sum(1 for _ in islice(first[0], self._most - steps))
            steps += done
            if steps < self._most and self._left and self._left[0] is first:  # the work may have dropped itself
                del self._left[0]

    def drop(self, owner: object = None) -> None:
        """Drop all work that is left. owner: only the work of this owner."""
        self._left = [each for each in self._left if owner is not None and each[1] is not owner]

    def finish(self) -> None:
        """Do all that is left: something else must not begin before."""
        while self._left:
            for _ in self._left.pop(0)[0]:
                pass
