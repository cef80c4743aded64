"""The values made from the entries of a line, kept until the entry changes.

A feature's model asks for one value of each entry or section (`Section.made`). Here is which of
them changed since it asked last; only those are made again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Generic, Never, Protocol, TypeVar, cast

from dmvpn.base.pages import NONE, Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from dmvpn.ios.config_line import ConfigLine

V = TypeVar("V")
W = TypeVar("W", contravariant=True)


class Follower(Protocol[W]):
    """An index of made values, for callers that would otherwise iterate over all of them. Made without arguments."""

    def follow(self, gone: Mapping[int, W], came: Mapping[int, W], /) -> None:
        """Take in what changed, by the numbers of the entries."""


F = TypeVar("F", bound=Follower[Never])

#: So many sets of lines are known. Those of a network of thousands of routers are some dozens.
_MOST_SETS: Final = 512


@lru_cache(maxsize=_MOST_SETS)
def shared(lines: frozenset[ConfigLine]) -> frozenset[ConfigLine]:
    """Return the one set of these lines that all who keep it have. The routers of a simulator ask for the same."""
    return lines


def pages_of(values: Iterable[V | None]) -> Pages[V]:
    """Return the values that are not None."""
    found = [value for value in values if value is not None]
    return Pages(found) if found else NONE


class Made(Generic[V]):
    """The values of the entries of one line in one section, in the order of entry.

    lines: the lines that were read to make them.
    """

    __slots__ = ("_changed", "_followers", "_next", "_numbers", "_pages", "lines")

    def __init__(self, keys: Iterable[Hashable]) -> None:
        self.lines: frozenset[ConfigLine] = frozenset()
        self._pages: Pages[V] = NONE
        self._numbers: dict[Hashable, int] = {}
        self._next = 0
        #: Keys of entries by their numbers; None: the entry is gone.
        self._changed: dict[int, Hashable | None] = {}
        self._followers: dict[type, tuple[Follower[V], Pages[V]]] = {}
        for key in keys:
            self.put(key)

    def put(self, key: Hashable) -> None:
        """Put an entry there, or another one in its place."""
        if key not in self._numbers:
            self._numbers[key] = self._next
            self._next += 1
        self.touch(key)

    def touch(self, key: Hashable) -> None:
        """Note that something inside the entry changed."""
        number = self._numbers.get(key)
        if number is not None:
            self._changed[number] = key

    def drop(self, key: Hashable) -> None:
        """Drop an entry that is gone. If it comes again, it comes last."""
        self._changed[self._numbers.pop(key)] = None

    def pages(self, make: Callable[[Hashable], V | None]) -> Pages[V]:
        """Return all values, those of changed entries made of their keys."""
        if self._changed:
            changed = {number: None if key is None else make(key) for number, key in self._changed.items()}
            self._changed.clear()
            self._pages = self._pages.turned(changed)
        return self._pages

    def follower(self, kind: type[F]) -> F:
        """Return the follower of this kind, which has seen the latest values."""
        known, seen = self._followers.get(kind, (None, NONE))
        follower = known if isinstance(known, kind) else kind()
        if seen is not self._pages:
            # The caller that asks for this index knows the type of its values.
            known = cast("Follower[V]", follower)
            known.follow(*self._pages.changes(seen))
            self._followers[kind] = known, self._pages
        return follower
