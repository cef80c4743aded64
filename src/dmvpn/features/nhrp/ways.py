"""Which way to an overlay address, as an NHRP station sees it (RFC 2332 §5.2.0.1 and §6.1).

    Here      we are where the address leaves the NHRP network: we answer for it
    Onward    another station of the network is nearer: that is where a message about the address goes
    Nowhere   nobody knows

Requests and indications go this way towards their destination, replies towards their source. The routing table decides,
as if NHRP had put nothing into it: a request that followed a shortcut would ask the one who is to be asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import NextHop, RouteKind

if TYPE_CHECKING:
    from dmvpn.base.notices import Route
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel

#: A shorter prefix is not given away: who has a default route to the Internet must not attract everything (as FRR).
SHORTEST_PREFIX = 8


@dataclass(frozen=True, slots=True)
class Here:
    """We are the egress. prefix: what we may answer for, the whole prefix of our own route."""

    prefix: Prefix


@dataclass(frozen=True, slots=True)
class Onward:
    """The message goes out of `tunnel`, to the station with tunnel address `next_hop` at `nbma`."""

    tunnel: Tunnel
    next_hop: IPAddress
    nbma: IPAddress


@dataclass(frozen=True, slots=True)
class Nowhere:
    """Nobody knows the address. why: one clause for people."""

    why: str


Way = Here | Onward | Nowhere


def find_way(station: Station, tunnel: Tunnel, address: IPAddress, came_from: IPAddress | None = None) -> Way:
    """The way to `address` within the network of `tunnel`.

    came_from: the NBMA address of the station that sent us the message. It does not go back there.
    """
    owner = station.ports.interfaces.owner(address)
    if owner is not None and station.same_network(tunnel, owner.name) is not None:
        return Here(Prefix.host(address))
    if owner is not None and owner.line:
        return Here(_connected(owner.addresses, address))
    for member in station.network(tunnel):
        entry = member.cache.binding(address)
        if entry is not None and entry.nbma is not None:
            return _unless_back(Onward(member, entry.next_hop, entry.nbma), came_from)
    route = station.ports.rib.lookup_without_nhrp(address)
    if route is None:
        return Nowhere("no route")
    if route.kind is not RouteKind.FORWARD:
        return Nowhere("the route discards")
    for hop in route.next_hops:
        leaves_by = station.same_network(tunnel, hop.interface)
        if leaves_by is not None:
            return _unless_back(_along(leaves_by, hop, came_from), came_from)
    return Here(_given_prefix(route, address))


def _along(tunnel: Tunnel, hop: NextHop, came_from: IPAddress | None) -> Way:
    """Out of a tunnel of the network: to the next hop of the route if it is a known station, else to a server."""
    if hop.address is not None:
        entry = tunnel.cache.binding(hop.address)
        if entry is not None and entry.nbma is not None:
            return Onward(tunnel, hop.address, entry.nbma)
    if tunnel.far_end is not None:
        return Onward(tunnel, hop.address or next(iter(tunnel.clients), tunnel.far_end), tunnel.far_end)
    server = tunnel.server(avoid=came_from)
    if server is None or server.nbma is None:
        return Nowhere("nobody has registered it, and there is no next hop server to ask")
    return Onward(tunnel, server.nhs, server.nbma)


def _unless_back(way: Way, came_from: IPAddress | None) -> Way:
    if isinstance(way, Onward) and way.nbma == came_from:
        return Nowhere("the route leads back to where the message came from")
    return way


def _connected(addresses: tuple[tuple[IPAddress, int], ...], own: IPAddress) -> Prefix:
    """The whole prefix in which an address of our own lies: never its local host route."""
    return next((Prefix.of(address, length) for address, length in addresses if address == own), Prefix.host(own))


def _given_prefix(route: Route, address: IPAddress) -> Prefix:
    return route.prefix if route.prefix.length >= SHORTEST_PREFIX else Prefix.host(address)
