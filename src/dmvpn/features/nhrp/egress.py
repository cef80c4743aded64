"""How much an egress may answer for, RFC 2332 §6.3: the route that leads out of the network, without its exceptions.

An answer for a whole prefix draws the packets of all its addresses here. So no part of it may be one that we ourselves
would send back into the NHRP network, or drop: of 10.4.0.0/16 by our LAN with 10.4.9.0/24 by the tunnel, who asks for
10.4.4.1 gets 10.4.0.0/21. More special routes that lead out by our own interfaces are no exceptions: they end here too.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import RouteKind
from dmvpn.base.notices import RouteSource

if TYPE_CHECKING:
    from dmvpn.base.notices import Route
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel

#: A shorter prefix is not given away: who has a default route to the Internet must not attract everything (as FRR).
SHORTEST_PREFIX = 8


def given_prefix(station: Station, tunnel: Tunnel, route: Prefix, address: IPAddress) -> Prefix:
    """The shortest prefix of `route` that holds `address` and nothing that we reach otherwise."""
    if route.length < SHORTEST_PREFIX:
        return Prefix.host(address)
    length = route.length
    for inner in _inside(station.ports.rib.routes(), route):
        if _leads_elsewhere(station, tunnel, inner):
            length = max(length, _common_length(inner.prefix, address) + 1)
    return Prefix.of(address, min(length, address.max_prefixlen))


def _inside(routes: tuple[Route, ...], prefix: Prefix) -> list[Route]:
    """The routes for parts of a prefix; they stand together, since routes are sorted by prefix."""
    found: list[Route] = []
    for index in range(bisect_left(routes, _order(prefix), key=lambda route: _order(route.prefix)), len(routes)):
        route = routes[index]
        if route.prefix not in prefix:
            break
        if route.prefix != prefix:
            found.append(route)
    return found


def _order(prefix: Prefix) -> tuple[int, Prefix]:
    return prefix.address.version, prefix


def _leads_elsewhere(station: Station, tunnel: Tunnel, route: Route) -> bool:
    """Does it lead back into the network, or nowhere? What NHRP installed says nothing of routing, `local` is us."""
    if route.source in (RouteSource.NHRP, RouteSource.LOCAL):
        return False
    if route.kind is not RouteKind.FORWARD:
        return True
    return any(station.same_network(tunnel, hop.interface) is not None for hop in route.next_hops)


def _common_length(prefix: Prefix, address: IPAddress) -> int:
    """Bits that the prefix and the address have in common, at most those of the prefix."""
    differing = (int(prefix.address) ^ int(address)).bit_length()
    return min(prefix.length, address.max_prefixlen - differing)
