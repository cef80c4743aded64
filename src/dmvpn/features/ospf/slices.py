"""Long work in slices: between two of them the router handles other events, Hellos of neighbors above all.

The work is a generator, which yields where it may be interrupted. A slice ends there; the next one follows by a
deadline that is due a moment later. What is asked for meanwhile is done when the work is finished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from typing import TypeVar

    from dmvpn.base.context import Context

    T = TypeVar("T")

#: Vertices, links or routes that are worked on in one slice: some milliseconds.
SLICE: Final = 128
#: Seconds between two slices: with none the next one would follow within the same event.
PAUSE: Final = 0.001


class Slices:
    """Does one thing in slices. work: begins it again. finished(): after the last slice, if it was asked for again."""

    def __init__(
        self, context: Context, work: Callable[[], Generator[None, None, None]], finished: Callable[[], None]
    ) -> None:
        self._context = context
        self._work = work
        self._finished = finished
        self._steps: Generator[None, None, None] | None = None
        self._again = False
        self._timer = Timer(self._go_on)

    @property
    def is_busy(self) -> bool:
        """Has it been begun, and not been finished?"""
        return self._steps is not None

    def begin(self) -> None:
        """Begin the work; if it is being done already, do it once more afterwards."""
        if self._steps is not None:
            self._again = True
            return
        self._steps = self._work()
        self._go_on()

    def stop(self) -> None:
        """Drop the work that is being done, which nobody needs any more."""
        self._context.stop(self._timer)
        self._steps, self._again = None, False

    def _go_on(self) -> None:
        if self._steps is None:
            return
        for _ in self._steps:
            self._context.start(self._timer, PAUSE)
            return
        again, self._steps, self._again = self._again, None, False
        if again:
            self._finished()


def paced(items: Iterable[T]) -> Iterator[tuple[T, bool]]:
    """Yield each item, and whether a slice ends before it."""
    for number, item in enumerate(items, 1):
        yield item, not number % SLICE


def drained(steps: Generator[None, None, T]) -> T:
    """Return what the work comes to, done at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
