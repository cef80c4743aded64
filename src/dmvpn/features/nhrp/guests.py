"""Registered addresses outside of the subnet, found by what routing says of them.

A hub may have 30,000 of them, and 50,000 routes may change at once: neither a route nor a registration looks at all.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.features.nhrp.admission import Guest


class Guests:
    """What each of them was believed on, by target. The server is the only writer."""

    __slots__ = ("_behind", "_count", "_guests", "_places")

    def __init__(self) -> None:
        self._guests: dict[Prefix, tuple[int, Guest]] = {}  # with a number that counts upwards
        self._count = 0
        #: Version of IP, first address, length, and the target: in this order.
        self._places: list[tuple[int, int, int, Prefix]] = []
        self._behind: dict[IPAddress, dict[Prefix, None]] = {}

    def __len__(self) -> int:
        return len(self._guests)

    def __contains__(self, target: Prefix) -> bool:
        return target in self._guests

    def __getitem__(self, target: Prefix) -> Guest:
        return self._guests[target][1]

    def __setitem__(self, target: Prefix, guest: Guest) -> None:
        known = self._guests.get(target)
        if known is None:
            self._count += 1
            insort(self._places, _place(target))
        else:
            self._leave(target, known[1])
        self._guests[target] = (known[0] if known is not None else self._count), guest
        for hop in guest.hops:
            self._behind.setdefault(hop, {})[target] = None

    def get(self, target: Prefix) -> Guest | None:
        """On what it was believed, or None."""
        known = self._guests.get(target)
        return known[1] if known is not None else None

    def pop(self, target: Prefix) -> None:
        """It is gone, if it was there."""
        known = self._guests.pop(target, None)
        if known is not None:
            self._leave(target, known[1])
            del self._places[bisect_left(self._places, _place(target))]

    def within(self, prefix: Prefix) -> list[Prefix]:
        """The targets that are this prefix or inside of it, the one that has been here longest first."""
        version, first, width = prefix.address.version, int(prefix.address), prefix.address.max_prefixlen
        begin = bisect_left(self._places, (version, first))
        end = bisect_left(self._places, (version, first + (1 << (width - prefix.length))))
        return self._oldest_first([place[3] for place in self._places[begin:end] if place[2] >= prefix.length])

    def behind(self, hop: IPAddress) -> list[Prefix]:
        """The targets to which routing had this next hop when they were believed; the same order."""
        return self._oldest_first(list(self._behind.get(hop, ())))

    def _oldest_first(self, targets: list[Prefix]) -> list[Prefix]:
        return sorted(targets, key=lambda target: self._guests[target][0])

    def _leave(self, target: Prefix, guest: Guest) -> None:
        for hop in guest.hops:
            targets = self._behind.get(hop, {})
            targets.pop(target, None)
            if not targets:
                self._behind.pop(hop, None)


def _place(target: Prefix) -> tuple[int, int, int, Prefix]:
    return target.address.version, int(target.address), target.length, target
