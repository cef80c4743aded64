"""Where packets of a tunnel or of an SA are received: an address of ours in a front door, as one small number.

Two front doors may have the same address. A socket is at one of them, so its number is known at no cost for every
packet that it receives; tables have one short key instead of two, whatever addresses are like. `engine/src/doors.rs` is
the same in Rust.

A number is given once and stays: path MTUs of an address still hold when it comes back. There are as many as
addresses that a router ever had, in each front door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NewType

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

#: An address of ours in a front door.
Door = NewType("Door", int)


class OwnAddress(NamedTuple):
    """An address of ours, and the number of the routing table that it is in; two VRFs may have the same address."""

    table: int
    address: bytes


class Doors:
    """The doors of a router, and its front doors: "" is the global table, with number 0."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[IPAddress, str], Door] = {}
        self._places: list[tuple[IPAddress, str]] = []
        self._tables: dict[str, int] = {"": 0}

    def number(self, address: IPAddress, front: str) -> Door:
        """Return the number of an address in a front door."""
        place = address, front
        known = self._numbers.get(place)
        if known is None:
            known = self._numbers[place] = Door(len(self._places))
            self._places.append(place)
            self._tables.setdefault(front, len(self._tables))
        return known

    def address(self, door: Door) -> IPAddress:
        """Return the address of a door."""
        return self._places[door][0]

    def front(self, door: Door) -> str:
        """Return the front door of a door."""
        return self._places[door][1]

    def table(self, door: Door) -> int:
        """Return the number of the front door of a door."""
        return self._tables[self._places[door][1]]
