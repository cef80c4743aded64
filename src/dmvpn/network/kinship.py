"""Finds the other end of a link among several ports with a fitting address, where sites use the same addresses.

    R14 Ethernet0/0  172.16.1.0/31, OSPF area 10        three other ports have 172.16.1.1/31, and
    R12 Ethernet0/2  172.16.1.1/31, OSPF area 10        two of these ports run OSPF in one area

Settings that match suggest a pair: routing protocols and areas, the AS numbers of BGP neighbors, a description with the
name of the other router, an IPv6 network.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.addresses import Prefix
from dmvpn.network.routing import Protocol, ospf_interface, running

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address

    from dmvpn.network.device import Device

_ISIS: Final = "ip router isis"
_NAMED: Final = 8
_AGREED: Final = 2
_TOLD: Final = 3


class Seat(NamedTuple):
    """A port with an address, of a router that is called so."""

    router: str
    device: Device
    port: str
    address: IPv4Address


def pairs(seats: Sequence[Seat]) -> list[tuple[int, int]]:
    """Return of the ports of one link's subnet which two are on one wire: indices, those first that fit best."""
    marks = [_Marks(seat, _spoken(seat), _networks(seat)) for seat in seats]
    fitting = [
        (-_kinship(first, second), number, other)
        for number, first in enumerate(marks)
        for other, second in enumerate(marks[number + 1 :], number + 1)
        if first.seat.router != second.seat.router and first.seat.address != second.seat.address
    ]
    taken: set[int] = set()  # asked, never iterated
    found: list[tuple[int, int]] = []
    for _, number, other in sorted(fitting):
        if number not in taken and other not in taken:
            taken |= {number, other}
            found.append((number, other))
    return found


class _Marks(NamedTuple):
    """The characteristics of a port: its routing protocols, and its IPv6 networks."""

    seat: Seat
    spoken: list[str]
    networks: list[str]


def _kinship(first: _Marks, second: _Marks) -> int:
    """Return a score for a wire between two ports; it is negative if their settings contradict a wire."""
    total = _of_sets(first.spoken, second.spoken, _AGREED) + _of_sets(first.networks, second.networks, _TOLD)
    here, there = first.seat, second.seat
    total += _of_systems(here, there) + _of_systems(there, here)
    return total + _NAMED * (_names(here, there) + _names(there, here))


def _of_sets(first: list[str], second: list[str], each: int) -> int:
    common = sum(each for word in first if word in second)
    return common if common else -each if first and second else -1 if first or second else 0


def _spoken(seat: Seat) -> list[str]:
    """Return the routing protocols on the port: the area for OSPF, because numbers of processes need not agree."""
    found = [
        _area(seat) if one.protocol is Protocol.OSPF else str(one)
        for one in running(seat.device, seat.port, seat.address)
        if not one.passive
    ]
    isis = seat.device.lines.section(f"interface {seat.port}").has(_ISIS)
    return [*dict.fromkeys(found), *(["IS-IS"] if isis else [])]


def _area(seat: Seat) -> str:
    own = ospf_interface(seat.device, seat.port)
    if own is not None and own.area is not None:
        return f"OSPF area {own.area}"
    areas = (
        network.area
        for process in seat.device.ospf.processes
        for network in process.networks
        if network.matches(seat.address)
    )
    return f"OSPF area {next(areas, 0)}"


def _networks(seat: Seat) -> list[str]:
    settings = seat.device.interface(seat.port)
    ipv6 = settings.ipv6 if settings is not None else None
    return [str(Prefix.of(*each)) for each in ipv6.addresses] if ipv6 is not None else []


def _of_systems(first: Seat, second: Seat) -> int:
    """Return a score for a BGP neighbor with the other's address: positive if its AS number fits, else negative."""
    named = next((one for one in first.device.bgp.neighbors if one.peer == second.address), None)
    if named is None or named.remote_as is None:
        return 0
    bgp = second.device.bgp
    return _TOLD if named.remote_as in (bgp.local_as, bgp.outer_as) else -_TOLD


def _names(first: Seat, second: Seat) -> int:
    """Return 1 if the description of the first port names the second router, else 0."""
    settings = first.device.interface(first.port)
    said = settings.description if settings is not None else ""
    return int(
        re.search(rf"(?<![A-Za-z0-9]){re.escape(second.router)}(?![A-Za-z0-9])", said, re.IGNORECASE) is not None
    )
