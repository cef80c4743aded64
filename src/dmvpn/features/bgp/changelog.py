"""Which prefixes of an Adj-RIB-Out changed last, and when: for those who could not follow.

Each change has a number. A prefix counts with its last change alone, so the log is as long as the table, and what
was withdrawn is in it as long as somebody may not have heard of it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    from dmvpn.base.addresses import Prefix


class ChangeLog:
    """latest: the number of the last change, 0: there was none."""

    def __init__(self) -> None:
        self.latest = 0
        self._last: dict[Prefix, int] = {}
        self._entries: list[tuple[int, Prefix]] = []  # by number; those that are not the last of their prefix count not

    def __len__(self) -> int:
        return len(self._last)

    @property
    def is_long(self) -> bool:
        """Return whether more than half of the entries are superseded by later ones."""
        return len(self._entries) > 2 * len(self._last)

    def note(self, prefix: Prefix) -> None:
        """Take a change in."""
        self.latest += 1
        self._last[prefix] = self.latest
        self._entries.append((self.latest, prefix))

    def after(self, number: int, most: int) -> tuple[list[Prefix], int]:
        """Return the first prefixes that changed after this, and the number of the last of them."""
        found: list[Prefix] = []
        at = bisect_right(self._entries, number, key=_number)
        while at < len(self._entries) and len(found) < most:
            number, prefix = self._entries[at]
            if self._last.get(prefix) == number:
                found.append(prefix)
            at += 1
        return found, number if at < len(self._entries) else self.latest

    def tidy(self, told: Container[Prefix], heard: int) -> None:
        """Forget what counts no more: earlier changes, and what was withdrawn up to a number that all have heard."""
        self._entries = [
            (number, prefix)
            for number, prefix in self._entries
            if self._last[prefix] == number and (number > heard or prefix in told)
        ]
        self._last = {prefix: number for number, prefix in self._entries}

    def oldest_of(self, last: int) -> int:
        """Return the number before which everything is forgotten if so many entries are kept."""
        return self._entries[-last][0] if last < len(self._entries) else 0


def _number(entry: tuple[int, Prefix]) -> int:
    return entry[0]
