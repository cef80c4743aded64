"""Long work in slices: between two of them the router handles other events, Hellos of neighbors above all.

The work is a generator, which yields where it may be interrupted. A slice ends there; the next one follows by a
deadline that is due a moment later. A request meanwhile is met when the work is finished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.chores import PAUSE
from dmvpn.base.context import Timer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from typing import TypeVar

    from dmvpn.base.context import Context

    T = TypeVar("T")

#: Vertices, links or routes that are worked on in one slice: some milliseconds.
SLICE: Final = 128


class Slices:
    """Does one thing at a time in slices. The work itself looks at its end whether it was requested again."""

    def __init__(self, purpose: str, context: Context) -> None:
        self._context = context
        self._steps: Generator[None, None, None] | None = None
        self._again = False
        self._timer = Timer(purpose, self._go_on)

    @property
    def is_busy(self) -> bool:
        """Whether the work is in progress."""
        return self._steps is not None

    @property
    def is_wanted_again(self) -> bool:
        """Whether it was requested once more meanwhile."""
        return self._again

    def begin(self, steps: Generator[None, None, None]) -> None:
        """Begin these steps; if the work is being done already, note that it is wanted again."""
        if self._steps is not None:
            self._again = True
            return
        self._steps = steps
        self._go_on()

    def stop(self) -> None:
        """Drop the work in progress, which is no longer needed."""
        self._context.stop(self._timer)
        self._steps, self._again = None, False

    def end(self) -> None:
        """Drop the work and its timer for good."""
        self.stop()
        self._context.retire(self._timer)

    def _go_on(self) -> None:
        if self._steps is None:
            return
        for _ in self._steps:
            self._context.start(self._timer, PAUSE)
            return
        self._steps, self._again = None, False


def paced(items: Iterable[T]) -> Iterator[tuple[T, bool]]:
    """Yield each item, and whether a slice ends before it."""
    for number, item in enumerate(items, 1):
        yield item, not number % SLICE


def drained(steps: Generator[None, None, T]) -> T:
    """Return the result of the work, done at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
