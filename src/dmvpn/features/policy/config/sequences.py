"""Sequence numbers of lists: an entry that is entered without one gets the next.

A list may have 100,000 entries, and each of them asks which numbers there are: nothing here looks at all of them.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from dmvpn.ios import Args


class Sequences:
    """The entries of one command in one section, by list (its `name`, if it says one), number and content."""

    __slots__ = ("_by_content", "_by_number", "_numbers")

    def __init__(self, entries: Iterable[Args] = ()) -> None:
        self._by_number: dict[tuple[Hashable, int], dict[Hashable, Args]] = {}
        self._by_content: dict[Args, dict[Hashable, Args]] = {}
        #: Of each list the numbers, the largest first; some may be gone.
        self._numbers: dict[Hashable, list[int]] = {}
        for args in entries:
            self.add(args, args)

    def add(self, key: Hashable, args: Args) -> None:
        """Add an entry, the last one so far."""
        name, number = args.said("name"), args.integer("sequence")
        if (name, number) not in self._by_number:
            heapq.heappush(self._numbers.setdefault(name, []), -number)
        self._by_number.setdefault((name, number), {})[key] = args
        self._by_content.setdefault(_content(args), {})[key] = args

    def remove(self, key: Hashable, args: Args) -> None:
        """Remove an entry that is gone."""
        place, content = (args.said("name"), args.integer("sequence")), _content(args)
        for entries in (self._by_number.get(place, {}), self._by_content.get(content, {})):
            entries.pop(key, None)
        if not self._by_number.get(place, True):
            del self._by_number[place]
        if not self._by_content.get(content, True):
            del self._by_content[content]

    def last(self, name: Hashable) -> int:
        """Return the largest number of a list; 0: it has no entry."""
        numbers = self._numbers.get(name, [])
        while numbers and (name, -numbers[0]) not in self._by_number:
            heapq.heappop(numbers)
        return -numbers[0] if numbers else 0

    def numbered(self, args: Args, step: int) -> Args:
        """Return the entry with its sequence number: its own, that of an equal entry, or the next multiple of
        `step`.
        """
        if "sequence" in args.values_given:
            return args
        equal = next(iter(self._by_content.get(_content(args), {}).values()), None)
        if equal is not None:
            return equal
        last = self.last(args.said("name"))
        return args.having(sequence=last - last % step + step)

    def rivals(self, args: Args) -> list[Args]:
        """Return other entries of the list with this sequence number."""
        entries = self._by_number.get((args.said("name"), args.integer("sequence")), {})
        return [entry for entry in entries.values() if entry != args]


def _content(args: Args) -> Args:
    """Return all but the number, and the word before it in prefix lists."""
    return args.without("sequence").without("seq")
