"""Named timers on one heap: a machine sets and cancels them by name, and asks which of them are due.

A timer is a name (any hashable value) and a time on the caller's monotonic clock, in seconds. Setting a name again
moves its timer. Names that are due come back in the order of their times, equal times in the order in which they were
set, so that the same events always give the same effects.
"""

from __future__ import annotations

import heapq
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

Name = TypeVar("Name")

_LONG_AGO: Final = float("-inf")
#: Of all timers of which none was canceled yet. Nothing can be written into it.
_NONE: Final = cast("dict[int, None]", MappingProxyType({}))


def earliest(*times: float | None) -> float | None:
    """Return the first of these times; None means never."""
    first: float | None = None
    for when in times:
        if when is not None and (first is None or when < first):
            first = when
    return first


class Deadlines(Generic[Name]):
    """The timers of one machine."""

    __slots__ = ("_gone", "_heap", "_now", "_serial", "_when")

    def __init__(self) -> None:
        self._when: dict[Name, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, Name]] = []
        #: Entries of the heap that were moved or canceled, by their serial numbers: many a name hashes slowly.
        self._gone = _NONE
        self._serial = 0
        #: The time of the running `due`: a new name is not due earlier, so that names still to be yielded come first.
        self._now = _LONG_AGO

    def set(self, name: Name, when: float) -> None:
        """Make `name` due at `when` (seconds, monotonic), and forget an earlier setting of the name."""
        before = self._when.get(name)
        if before is not None:
            if self._gone is _NONE:
                self._gone = {}
            self._gone[before[1]] = None
        if when < self._now:
            when = self._now
        self._serial += 1
        self._when[name] = (when, self._serial)
        heapq.heappush(self._heap, (when, self._serial, name))
        if len(self._gone) > 48 and len(self._gone) > 3 * len(self._when):
            self._heap = [(when, serial, name) for name, (when, serial) in self._when.items()]
            heapq.heapify(self._heap)
            self._gone.clear()

    def cancel(self, name: Name) -> None:
        """Forget `name`; it need not be set."""
        entry = self._when.pop(name, None)
        if entry is not None:
            if self._gone is _NONE:
                self._gone = {}
            self._gone[entry[1]] = None

    def when(self, name: Name) -> float | None:
        """Return the time at which `name` is due, or None if it is not set."""
        entry = self._when.get(name)
        return entry[0] if entry else None

    def next(self) -> float | None:
        """Return the earliest time at which something is due, or None."""
        heap, gone = self._heap, self._gone
        while gone and heap[0][1] in gone:
            del gone[heapq.heappop(heap)[1]]
        return heap[0][0] if heap else None

    def due(self, now: float) -> Iterator[Name]:
        """Remove and yield the names that are due at `now`, the earliest first, each when its turn comes.

        A name that is canceled before its turn is left out. A name that is set meanwhile waits for the next call, even
        if it is due earlier: so a name that sets itself again at once keeps neither the caller nor the other names.
        """
        last, self._now = self._serial, now
        try:
            while self._heap and self._heap[0][0] <= now and self._heap[0][1] <= last:
                _, serial, name = heapq.heappop(self._heap)
                if serial in self._gone:
                    del self._gone[serial]
                else:
                    del self._when[name]
                    yield name
        finally:
            self._now = _LONG_AGO

    def take_due(self, now: float, most: int) -> Iterator[Name]:
        """Remove and yield the names that are due at `now`, as `due` does, and no more than `most` of them."""
        return islice(self.due(now), most)

    def pop_due(self, now: float) -> list[Name]:
        """Remove and return the names that are due at `now`, the earliest first."""
        return list(self.due(now))
