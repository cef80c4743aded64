"""Named timers on one heap: a machine sets and cancels them by name, and asks which are due.

A timer is a name (any hashable value) and a time on the caller's monotonic clock, in seconds. Setting a name again
moves its timer. Names that are due come back in the order of their times, equal times in the order in which they were
set, so that the same events always give the same effects.
"""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

Name = TypeVar("Name")


class Deadlines(Generic[Name]):
    """The timers of one machine."""

    __slots__ = ("_heap", "_serial", "_when")

    def __init__(self) -> None:
        self._when: dict[Name, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, Name]] = []
        self._serial = 0

    def set(self, name: Name, when: float) -> None:
        """Let `name` be due at `when` (seconds, monotonic); an earlier setting of the name is forgotten."""
        self._serial += 1
        self._when[name] = (when, self._serial)
        heapq.heappush(self._heap, (when, self._serial, name))
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._when):
            self._heap = [(when, serial, name) for name, (when, serial) in self._when.items()]
            heapq.heapify(self._heap)

    def cancel(self, name: Name) -> None:
        """Forget `name`; it need not be set."""
        self._when.pop(name, None)

    def when(self, name: Name) -> float | None:
        """The time at which `name` is due, or None if it is not set."""
        entry = self._when.get(name)
        return entry[0] if entry else None

    def next(self) -> float | None:
        """The earliest time at which something is due, or None."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> list[Name]:
        """Remove and return the names that are due at `now`, the earliest first."""
        due: list[Name] = []
        self._drop_stale()
        while self._heap and self._heap[0][0] <= now:
            name = heapq.heappop(self._heap)[2]
            del self._when[name]
            due.append(name)
            self._drop_stale()
        return due

    def _drop_stale(self) -> None:
        heap, when = self._heap, self._when
        while heap and when.get(heap[0][2], (0.0, -1))[1] != heap[0][1]:
            heapq.heappop(heap)
