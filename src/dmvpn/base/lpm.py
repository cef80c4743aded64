"""Longest-prefix match: a dictionary per prefix length, tried from the longest.

A routing table holds few different lengths (seldom more than five), so this beats a trie in Python, and it is
small enough to be right. Both families live side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address
from operator import itemgetter
from typing import Generic, TypeVar

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.breath import in_order

Value = TypeVar("Value")


class PrefixTable(Generic[Value]):
    """Values by prefix. Setting, deleting and finding cost one dictionary access for each length in use."""

    __slots__ = ("_entries", "_lengths", "_tables", "get")

    def __init__(self) -> None:
        self._entries: dict[Prefix, Value] = {}
        #: Returns the value of exactly this prefix, or None: the dictionary's own, as routes ask for it all the time.
        self.get: Callable[[Prefix], Value | None] = self._entries.get
        self._tables: dict[tuple[int, int], dict[int, Prefix]] = {}
        #: Of IPv4 and of IPv6: negative lengths, so that the longest is first.
        self._lengths: tuple[tuple[int, ...], ...] = ((), ())

    def __setitem__(self, prefix: Prefix, value: Value) -> None:
        version, number, length = prefix.version, prefix.number, prefix.length
        table = self._tables.get((version, length))
        if table is None:
            table = self._tables[version, length] = {}
            self._order()
        table[number >> ((32 if version == 4 else 128) - length)] = prefix
        self._entries[prefix] = value

    def __delitem__(self, prefix: Prefix) -> None:
        del self._entries[prefix]
        version, number, length = prefix.version, prefix.number, prefix.length
        table = self._tables[version, length]
        del table[number >> (prefix.width - length)]
        if not table:
            del self._tables[version, length]
            self._order()

    def _order(self) -> None:
        lengths = sorted((version, -length) for version, length in self._tables)
        self._lengths = tuple(tuple(length for of, length in lengths if of == version) for version in (4, 6))

    def __contains__(self, prefix: Prefix) -> bool:
        return prefix in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Prefix]:
        return iter(self._entries)

    def values(self) -> Iterable[Value]:
        """Return all values, in order of insertion."""
        return self._entries.values()

    def pop(self, prefix: Prefix) -> Value | None:
        """Remove this prefix and return its value, or None if it was not there."""
        value = self._entries.get(prefix)
        if prefix in self._entries:
            del self[prefix]
        return value

    def lookup(self, address: IPAddress) -> tuple[Prefix, Value] | None:
        """Return the longest prefix that holds `address`, with its value."""
        version, width = (4, 32) if type(address) is IPv4Address else (address.version, address.max_prefixlen)
        number = int(address)
        for negative in self._lengths[version == 6]:
            found = self._tables[version, -negative].get(number >> (width + negative))
            if found is not None:
                return found, self._entries[found]
        return None

    def matches(self, address: IPAddress) -> Iterator[tuple[Prefix, Value]]:
        """Yield every prefix that holds `address`, the longest first."""
        version, width = (4, 32) if type(address) is IPv4Address else (address.version, address.max_prefixlen)
        number = int(address)
        for negative in self._lengths[version == 6]:
            found = self._tables[version, -negative].get(number >> (width + negative))
            if found is not None:
                yield found, self._entries[found]

    def items(self) -> list[tuple[Prefix, Value]]:
        """Return all prefixes with their values, sorted by prefix."""
        return in_order(self._entries.items(), key=itemgetter(0))
