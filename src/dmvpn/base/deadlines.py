"""Named timers on one heap: a machine sets and cancels them by name, and asks which of them are due.

A timer is a name (any hashable value) and a time on the caller's monotonic clock, in seconds. Setting a name again
moves its timer. Names that are due come back in the order of their times, equal times in the order in which they were
set, so that the same events always give the same effects.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

Name = TypeVar("Name")


def earliest(*times: float | None) -> float | None:
    """Return the first of these times; None means never."""
    first: float | None = None
    for when in times:
        if when is not None and (first is None or when < first):
            first = when
    return first


class Deadlines(Generic[Name]):
    """The timers of one machine."""

    __slots__ = ("_gone", "_heap", "_serial", "_taken", "_when")

    def __init__(self) -> None:
        self._when: dict[Name, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, Name]] = []
        #: Entries of the heap that were moved or canceled, by their serial numbers: many a name hashes slowly.
        self._gone: dict[int, None] = {}
        #: Entries that `take_due` has taken from the heap and not yielded yet.
        self._taken: dict[int, None] = {}
        self._serial = 0

    def set(self, name: Name, when: float) -> None:
        """Make `name` due at `when` (seconds, monotonic), and forget an earlier setting of the name."""
        self.cancel(name)
        self._serial += 1
        self._when[name] = (when, self._serial)
        heapq.heappush(self._heap, (when, self._serial, name))
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._when):
            known = ((when, serial, name) for name, (when, serial) in self._when.items())
            self._heap = [entry for entry in known if entry[1] not in self._taken]
            heapq.heapify(self._heap)
            self._gone.clear()

    def cancel(self, name: Name) -> None:
        """Forget `name`; it need not be set."""
        entry = self._when.pop(name, None)
        if entry is not None and entry[1] in self._taken:
            del self._taken[entry[1]]
        elif entry is not None:
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

    def take_due(self, now: float, most: int) -> Iterator[Name]:
        """Remove and yield the names that are due at `now`, the earliest first, and no more than `most` of them.

        A name that is canceled or set again before its turn comes is left out.
        """
        due: list[tuple[float, int, Name]] = []
        heap, gone = self._heap, self._gone
        while heap and heap[0][0] <= now and len(due) < most:
            entry = heapq.heappop(heap)
            if entry[1] in gone:
                del gone[entry[1]]
            else:
                due.append(entry)
                self._taken[entry[1]] = None
        for when, serial, name in due:
            self._taken.pop(serial, None)
            if self._when.get(name) == (when, serial):
                del self._when[name]
                yield name

    def pop_due(self, now: float) -> list[Name]:
        """Remove and return the names that are due at `now`, the earliest first."""
        due: list[Name] = []
        heap, gone = self._heap, self._gone
        while heap and heap[0][0] <= now:
            _, serial, name = heapq.heappop(heap)
            if serial in gone:
                del gone[serial]
            else:
                del self._when[name]
                due.append(name)
        return due
