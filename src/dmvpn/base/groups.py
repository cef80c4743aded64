"""Entries of long lists, put together by what they are about: a change costs as much as the groups that it is in.

    Groups(about)     entries by what `about` says of each of them
    Merged            what one value is made of each group, as a list

The maps of a tunnel are looked up by their targets, and all lines of a neighbor are one neighbor. Both are shown their
lists (`Pages`) again and again, and look only at what changed since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from dmvpn.base.pages import NONE, Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

K = TypeVar("K")
V = TypeVar("V")
W = TypeVar("W")

#: Bits of the number of an entry in its list. The number of the list is above them.
_BITS: Final = 40


class Groups(Generic[K, V]):
    """Entries of one list, or of several, by what they are about."""

    def __init__(self, about: Callable[[V], K]) -> None:
        self._about = about
        self._groups: dict[K, dict[int, V]] = {}
        self._seen: dict[int, Pages[V]] = {}

    def show(self, entries: Pages[V], place: int = 0) -> dict[K, None]:
        """Take in a list as it is now. Returns what the entries are about that are gone or new.

        place: of the list among all lists.
        """
        seen = self._seen.get(place, NONE)
        if entries is seen:
            return {}
        self._seen[place] = entries
        return self.take(*entries.changes(seen), place)

    def take(self, gone: Mapping[int, V], came: Mapping[int, V], place: int = 0) -> dict[K, None]:
        """Take in what changed in a list, by the numbers of its entries. Returns the same."""
        changed: dict[K, None] = {}
        first = place << _BITS
        for number, value in gone.items():
            key = self._about(value)
            changed[key] = None
            group = self._groups[key]
            del group[first + number]
            if not group:
                del self._groups[key]
        for number, value in came.items():
            key = self._about(value)
            changed[key] = None
            self._groups.setdefault(key, {})[first + number] = value
        return changed

    def of(self, key: K) -> dict[int, V]:
        """Return the entries about something, in their order, list by list. The numbers rise."""
        return dict(sorted(self._groups.get(key, {}).items()))


class Merged(Generic[K, V, W]):
    """A list with one value made from each group, at the place of the group's first entry, or of its last."""

    def __init__(self, about: Callable[[V], K], make: Callable[[list[V]], W], *, at_last: bool = False) -> None:
        self._groups: Groups[K, V] = Groups(about)
        self._make = make
        self._place = -1 if at_last else 0
        self._numbers: dict[K, int] = {}
        self._changed: dict[K, None] = {}
        self._merged: Pages[W] = NONE

    def show(self, entries: Pages[V], place: int = 0) -> None:
        """See `Groups`."""
        self._changed |= self._groups.show(entries, place)

    def follow(self, gone: Mapping[int, V], came: Mapping[int, V]) -> None:
        """Take in what changed in the first list."""
        self._changed |= self._groups.take(gone, came)

    def merged(self) -> Pages[W]:
        """Make again the values of groups that have changed, and return all of them."""
        before: dict[int, W | None] = {self._numbers.pop(key): None for key in self._changed if key in self._numbers}
        now: dict[int, W | None] = {}
        for key in self._changed:
            if group := self._groups.of(key):
                self._numbers[key] = list(group)[self._place]
                now[self._numbers[key]] = self._make(list(group.values()))
        self._changed = {}
        self._merged = self._merged.turned(before | now)
        return self._merged
