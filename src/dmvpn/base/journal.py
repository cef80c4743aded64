"""The earlier states of a table: the present state, and the changes that led to it.

The owner of a table notes each entry that has changed. A `Journal` keeps the current entries, and for each change the
earlier value. The state at an earlier time is the present state with every later change undone. Nothing is copied while
time passes; a question about the past costs one step for each change since then.

The number of changes is bounded. The oldest changes are forgotten, and `oldest` says from when on changes are kept.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

#: Changes of one table that can be undone.
LARGEST_JOURNAL: Final = 8192


class Journal(Generic[K, V]):
    """A table that remembers. Values are frozen; None means a missing entry."""

    __slots__ = ("_changes", "_limit", "_present", "oldest")

    def __init__(self, limit: int = LARGEST_JOURNAL) -> None:
        """oldest: everything before this time (seconds) is forgotten; None: nothing is."""
        self.oldest: float | None = None
        self._limit = limit
        self._present: dict[K, V] = {}
        self._changes: deque[tuple[float, K, V | None]] = deque()

    def note(self, key: K, value: V | None, now: float) -> V | None:
        """Set the entry from now on. Returns its earlier value; `value` itself if nothing changed."""
        before = self._present.get(key)
        if before == value:
            return value
        if value is None:
            del self._present[key]
        else:
            self._present[key] = value
        self._changes.append((now, key, before))
        if len(self._changes) > self._limit:
            self.oldest = self._changes.popleft()[0]
        return before

    def correct(self, key: K, value: V) -> None:
        """Replace the value by one with more detail about the same state: this is no change."""
        self._present[key] = value

    def get(self, key: K) -> V | None:
        """Return the entry as it is now."""
        return self._present.get(key)

    def present(self) -> list[K]:
        """Return the keys of the current entries."""
        return list(self._present)

    def at(self, time: float) -> dict[K, V]:
        """Return the table after all changes up to `time`, which must not be before `oldest`."""
        table = dict(self._present)
        for when, key, before in reversed(self._changes):
            if when <= time:
                break
            if before is None:
                table.pop(key, None)
            else:
                table[key] = before
        return table
