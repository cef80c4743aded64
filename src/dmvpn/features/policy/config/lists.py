"""Entries put together to lists: when a line changes, only its entry of its list.

A list may have 100,000 entries, and there may be as many lists.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from dmvpn.base.pages import NONE, Pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.features.policy.model import AccessEntry

V = TypeVar("V")
STEP = 10


class ListEntry(NamedTuple, Generic[V]):
    """One entry. listed: the name of its list. sequence: None in lists whose entries are in the order of entry."""

    listed: str
    sequence: int | None
    rule: V


class Lists(Generic[V]):
    """All lists of a kind by name."""

    def __init__(self) -> None:
        self.lists: Mapping[str, Pages[V]] = {}

    def follow(self, gone: Mapping[int, ListEntry[V]], came: Mapping[int, ListEntry[V]]) -> None:
        """See `Follower`."""
        changes: dict[str, dict[int, V | None]] = {}
        for number, entry in gone.items():
            place = number if entry.sequence is None else entry.sequence
            changes.setdefault(entry.listed, {})[place] = None
        for number, entry in came.items():
            place = number if entry.sequence is None else entry.sequence
            changes.setdefault(entry.listed, {})[place] = entry.rule
        lists = dict(self.lists)
        for name, changed in changes.items():
            lists[name] = lists.get(name, NONE).turned(changed)
            if not lists[name]:
                del lists[name]
        self.lists = lists


class Numbered:
    """Access lists in one line for each entry: the n-th one of a list has the number 10 n, remarks have theirs, too."""

    def __init__(self) -> None:
        self.lists: Mapping[str, Pages[AccessEntry]] = {}
        self._entries: dict[str, dict[int, AccessEntry | None]] = {}

    def follow(
        self, gone: Mapping[int, ListEntry[AccessEntry | None]], came: Mapping[int, ListEntry[AccessEntry | None]]
    ) -> None:
        """See `Follower`."""
        lists, again = dict(self.lists), {entry.listed: None for entry in gone.values()}
        for number, entry in gone.items():
            del self._entries[entry.listed][number]
        behind: dict[str, dict[int, AccessEntry | None]] = {}
        for number, entry in came.items():
            entries = self._entries.setdefault(entry.listed, {})
            if entries and next(reversed(entries)) > number:
                again[entry.listed] = None
            entries[number] = entry.rule
            behind.setdefault(entry.listed, {}).update(_numbered(len(entries), entry.rule))
        for name, entries in behind.items():
            lists[name] = lists.get(name, NONE).turned(entries)
        for name in again:
            entries = self._entries[name] = dict(sorted(self._entries[name].items()))
            rules: dict[int, AccessEntry | None] = {}
            for place, rule in enumerate(entries.values(), 1):
                rules |= _numbered(place, rule)
            renumbered: Pages[AccessEntry] = Pages()
            lists[name] = renumbered.turned(rules)
            if not entries:
                del lists[name], self._entries[name]
        self.lists = lists


def _numbered(place: int, rule: AccessEntry | None) -> dict[int, AccessEntry | None]:
    sequence = STEP * place
    return {sequence: None if rule is None else replace(rule, sequence=sequence)}


def behind(entries: Pages[AccessEntry], more: Iterable[AccessEntry]) -> Pages[AccessEntry]:
    """Return a list, and behind its entries those of the other form."""
    last = max((entry.sequence for entry in entries), default=0)
    first = last - last % STEP
    return entries.turned({first + entry.sequence: replace(entry, sequence=first + entry.sequence) for entry in more})
