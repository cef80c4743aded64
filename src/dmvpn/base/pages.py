"""A long tuple of which a few entries change: comparing two versions looks at the pages that differ.

    Pages(values)         the entries, in their order
    .turned(changes)      the next version: the pages with these entries are new, all other pages are shared
    .changes(before)      entries removed and added since an earlier version

A router may have 50,000 static routes or prefixes, and a typed line changes one of them. A model that has them as
`Pages` is made, compared and obeyed at the cost of that one.

Entries of long lists, put together by what they are about: a change costs as much as the groups that it is in.

    Groups(about)     entries by what `about` says of each of them
    Merged            what one value is made of each group, as a list

The maps of a tunnel are looked up by their targets, and all lines of a neighbor are one neighbor. Both are shown their
lists (`Pages`) again and again, and look only at what changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import Final, Generic, Never, TypeVar

# ------------------------------------------------------------------------------------------------ pages


V = TypeVar("V", covariant=True)
D = TypeVar("D")

#: A page has the entries of so many successive numbers.
SIZE: Final = 256


class Pages(Collection[V]):
    """Entries by number, the numbers rising; immutable, equal by the sequence of the entries.

    Entries keep their numbers from one version to the next. `None` is no entry.
    """

    __slots__ = ("_length", "_pages")

    def __init__(self, values: Iterable[V] = ()) -> None:
        self._pages: dict[int, dict[int, V]] = {}
        self._length = 0
        for number, value in enumerate(values):
            self._pages.setdefault(number // SIZE, {})[number] = value
            self._length += 1

    def __iter__(self) -> Iterator[V]:
        return chain.from_iterable(page.values() for page in self._pages.values())

    def __len__(self) -> int:
        return self._length

    def __contains__(self, value: object) -> bool:
        return any(one == value for one in self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pages):
            return NotImplemented
        if self._length != other._length:
            return False
        mine, theirs = self._apart(other)
        return mine == theirs or (mine.keys() != theirs.keys() and tuple(self) == tuple(other))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)})"

    def turned(self, changes: Mapping[int, V | None]) -> Pages[V]:
        """Return the version with these entries at their numbers; None: without. It is this one if nothing changes."""
        turned: Pages[V] = Pages()
        turned._pages, turned._length = dict(self._pages), self._length
        own: dict[int, dict[int, V]] = {}
        for number, value in changes.items():
            place = number // SIZE
            page = turned._pages.get(place, {})
            before = page.get(number)
            if before == value:
                continue
            turned._length += (value is not None) - (before is not None)
            if place not in own:
                own[place] = page = dict(page)
                turned._pages[place] = page
            if value is None:
                del page[number]
            else:
                page[number] = value
        if not own:
            return self
        for place, page in own.items():
            turned._pages[place] = _in_order(page)
            if not page:
                del turned._pages[place]
        turned._pages = _in_order(turned._pages)
        return turned

    def changes(self, before: Pages[V]) -> tuple[dict[int, V], dict[int, V]]:
        """Return the removed and the added entries, by number. One with another number is among both."""
        mine, theirs = self._apart(before)
        gone = {number: value for number, value in theirs.items() if number not in mine or mine[number] != value}
        came = {number: value for number, value in mine.items() if number not in theirs or theirs[number] != value}
        return gone, came

    def _apart(self, other: Pages[V]) -> tuple[dict[int, V], dict[int, V]]:
        """Return of either the entries of the pages that the two do not share."""
        mine, theirs = self._pages, other._pages
        return _without(mine, theirs), _without(theirs, mine)


def _in_order(numbered: dict[int, D]) -> dict[int, D]:
    """Return the same by number. Most often only the last one is new."""
    keys = list(numbered)
    return numbered if keys == sorted(keys) else dict(sorted(numbered.items()))


def _without(pages: dict[int, dict[int, V]], shared: dict[int, dict[int, V]]) -> dict[int, V]:
    apart = (page for place, page in pages.items() if shared.get(place) is not page)
    return {number: value for page in apart for number, value in page.items()}


#: Without entries.
NONE: Final[Pages[Never]] = Pages()


# ------------------------------------------------------------------------------------------------ groups of entries


K = TypeVar("K")
E = TypeVar("E")
W = TypeVar("W")

#: Bits of the number of an entry in its list. The number of the list is above them.
_BITS: Final = 40


class Groups(Generic[K, E]):
    """Entries of one list, or of several, by what they are about."""

    def __init__(self, about: Callable[[E], K]) -> None:
        self._about = about
        self._groups: dict[K, dict[int, E]] = {}
        self._seen: dict[int, Pages[E]] = {}

    def show(self, entries: Pages[E], place: int = 0) -> dict[K, None]:
        """Take in a list as it is now. Returns what the entries are about that are gone or new.

        place: of the list among all lists.
        """
        seen = self._seen.get(place, NONE)
        if entries is seen:
            return {}
        self._seen[place] = entries
        return self.take(*entries.changes(seen), place)

    def take(self, gone: Mapping[int, E], came: Mapping[int, E], place: int = 0) -> dict[K, None]:
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

    def group(self, key: K) -> dict[int, E]:
        """Return the entries about something, in their order, list by list. The numbers rise."""
        return dict(sorted(self._groups.get(key, {}).items()))


class Merged(Generic[K, E, W]):
    """A list with one value made from each group, at the place of the group's first entry, or of its last."""

    def __init__(self, about: Callable[[E], K], make: Callable[[list[E]], W], *, at_last: bool = False) -> None:
        self._groups: Groups[K, E] = Groups(about)
        self._make = make
        self._place = -1 if at_last else 0
        self._numbers: dict[K, int] = {}
        self._changed: dict[K, None] = {}
        self._merged: Pages[W] = NONE

    def show(self, entries: Pages[E], place: int = 0) -> None:
        """See `Groups`."""
        self._changed |= self._groups.show(entries, place)

    def follow(self, gone: Mapping[int, E], came: Mapping[int, E]) -> None:
        """Take in what changed in the first list."""
        self._changed |= self._groups.take(gone, came)

    def merged(self) -> Pages[W]:
        """Make again the values of groups that have changed, and return all of them."""
        before: dict[int, W | None] = {self._numbers.pop(key): None for key in self._changed if key in self._numbers}
        now: dict[int, W | None] = {}
        for key in self._changed:
            if group := self._groups.group(key):
                self._numbers[key] = list(group)[self._place]
                now[self._numbers[key]] = self._make(list(group.values()))
        self._changed = {}
        self._merged = self._merged.turned(before | now)
        return self._merged
