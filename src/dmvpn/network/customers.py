"""Which tables of different routers are of one customer: their LANs should reach each other.

A VRF mostly has one name on all routers, so tables of one name are of one customer. The name means nothing outside its
router, though: a VRF whose name no other router has belongs to the tables that its tunnels meet, in a cloud of the same
network and the same key. So does the global table of a customer's own router, where the clouds of several customers
end in global tables.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from ipaddress import IPv4Network, IPv6Network

#: A table: router and VRF, "": its global table.
Table: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TunnelSeat:
    """A tunnel: the table that it is in, the network of its address, and its key."""

    table: Table
    network: IPv4Network | IPv6Network
    key: int | None


def customers(tables: Iterable[Table], tunnels: Iterable[TunnelSeat]) -> Mapping[Table, str]:
    """Return a name for the customer of each table: that of the VRF, or of the first VRF that its tunnels meet."""
    known = list(dict.fromkeys(tables))
    seats = list(tunnels)
    often = Counter(vrf for _, vrf in known)
    found = {table: table[1] for table in known}
    clouds: dict[tuple[IPv4Network | IPv6Network, int | None], str] = {}
    for seat in sorted(seats, key=lambda one: often[one.table[1]] < 2):  # names that several routers have come first
        vrf = seat.table[1]
        cloud = clouds.setdefault((seat.network, seat.key), found.get(seat.table, vrf))
        if vrf and often[vrf] < 2:
            found[seat.table] = cloud
    return found | _own_routers(seats, found)


def _own_routers(seats: list[TunnelSeat], found: Mapping[Table, str]) -> dict[Table, str]:
    """Return the customers of global tables that meet VRFs, and of these VRFs, if there are several customers."""
    named = {(seat.network, seat.key): found.get(seat.table) or seat.table[1] for seat in seats if seat.table[1]}
    met: dict[Table, list[str]] = {}
    for seat in seats:
        if not seat.table[1]:
            met.setdefault(seat.table, []).append(named.get((seat.network, seat.key), ""))
    own = {table: names[0] for table, names in met.items() if names[0] and len({*names}) == 1}
    if len({*own.values()}) < 2:
        return {}
    return own | {seat.table: named[seat.network, seat.key] for seat in seats if seat.table[1]}
