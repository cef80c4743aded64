"""Long work on behalf of one user lets the router go on: where it may be interrupted, and which changes may happen
meanwhile.

    for row in breathing(rows): ...    between two rows
    for row in gulping(rows): ...      between sixteen rows that are quickly made
    breathe()                          here
    rows = in_order(rows, key)         while many are sorted
    in_one_go(work)                    does not breathe, whatever the work says
    aside(work)                        does what needs nothing of the router, while the router goes on
    at_home(work)                      does what only the thread of the router may do

Nothing is interrupted elsewhere, so between two breaths everything is as consistent as it always was. During one, the
router handles packets, and other users type: code that breathes while it iterates over a table of a machine takes a
tuple of it first, and code that changes the router checks again that the values it read are still valid.

Outside a `Breath` (`shells/slices.py` gives one to user commands), all of this costs nothing and does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from heapq import merge
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T")

#: Items that are sorted in one go.
RUN: Final = 250
#: Small items between two breaths.
GULP: Final = 16


class BrokenOff(BaseException):
    """The user canceled the command, or disconnected."""


class Breath(Protocol):
    """Lets work go on, and others between its steps."""

    def pause(self) -> None:
        """Let others go on if it is time. Raises BrokenOff."""

    def aside(self, work: Callable[[], T]) -> T:
        """Do work beside the router, which goes on meanwhile. Raises the exceptions of `work`, and BrokenOff
        afterwards.
        """

    def at_home(self, work: Callable[[], T]) -> T:
        """Do work in the thread of the router, at once. Raises what `work` raises."""


class _HeldBreath:
    """A breath that allows no interruption."""

    def __init__(self, breath: Breath) -> None:
        self._breath = breath

    def pause(self) -> None:
        pass

    def aside(self, work: Callable[[], T]) -> T:
        return work()

    def at_home(self, work: Callable[[], T]) -> T:
        return self._breath.at_home(work)


#: Of this thread.
BREATH: Final[ContextVar[Breath | None]] = ContextVar("BREATH", default=None)


def breathe() -> None:
    """Let others go on if it is time. Raises BrokenOff."""
    breath = BREATH.get()
    if breath is not None:
        breath.pause()


def breathing(items: Iterable[T]) -> Iterator[T]:
    """Yield the items, with a breath behind each. Raises BrokenOff."""
    breath = BREATH.get()
    if breath is None:
        yield from items
        return
    for item in items:
        yield item
        breath.pause()


def gulping(items: Iterable[T]) -> Iterator[T]:
    """Yield the items, with a breath behind every sixteenth: for those of which each takes a few microseconds, as long
    as a breath itself. Raises BrokenOff.
    """
    breath = BREATH.get()
    if breath is None:
        yield from items
        return
    rest = iter(items)
    while gulp := tuple(islice(rest, GULP)):
        yield from gulp
        breath.pause()


def in_order(items: Iterable[T], key: Callable[[T], Any] | None = None) -> list[T]:
    """Return the items, sorted, with breaths in between. Raises BrokenOff."""
    if BREATH.get() is None:
        return sorted(items, key=key)  # type: ignore[type-var,arg-type]
    found = list(items)
    runs = breathing(range(0, len(found), RUN))
    return [*breathing(merge(*(sorted(found[run : run + RUN], key=key) for run in runs), key=key))]  # type: ignore[type-var,arg-type]


def in_one_go(work: Callable[[], T]) -> T:
    """Do work without a breath: nothing changes meanwhile. Calls of `at_home` still run in the router's thread."""
    breath = BREATH.get()
    token = BREATH.set(None if breath is None else _HeldBreath(breath))
    try:
        return work()
    finally:
        BREATH.reset(token)


def aside(work: Callable[[], T]) -> T:
    """Do work that does not use the router; another thread may do it. Raises the exceptions of `work`, and
    BrokenOff.
    """
    breath = BREATH.get()
    return work() if breath is None else breath.aside(lambda: in_one_go(work))  # the router goes on already


def at_home(work: Callable[[], T]) -> T:
    """Do work that only the thread of the router may do. Raises what `work` raises."""
    breath = BREATH.get()
    return work() if breath is None else breath.at_home(work)
