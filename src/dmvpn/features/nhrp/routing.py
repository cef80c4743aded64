"""The routing of NHRP messages: the next station towards an overlay address (RFC 2332 §5.2.0.1 and §6.1).

    Egress        we are the egress of the NHRP network for the address: we answer for it
    NextStation   another station of the network is nearer: a message about the address goes there
    Unreachable   no station of the network has the address

Requests and indications go this way towards their destination, replies towards their source. The routing table decides,
without NHRP's own routes: a request that followed a shortcut would go to the station that it asks about.

An egress may answer (`given_prefix`, RFC 2332 §6.3) for the route that leads out of the network, without its
exceptions. A reply for a whole prefix draws the packets of all its addresses here. So it may contain no address that we
ourselves would send back into the NHRP network, or drop. For example, 10.4.0.0/16 leads to our LAN and 10.4.9.0/24 to
the tunnel: a request for 10.4.4.1 gets 10.4.0.0/21. More specific routes that lead out by our own interfaces are no
exceptions: they end here too.

A server stands in for another that is silent (`Standby`). A routing protocol gives a dead hub up and sends packets to
the other one. A static route does not: its next hop remains the dead hub's tunnel address. So while one server does not
answer and another one does, packets for the next hop of the first go to the NBMA address of the second, which routes
them like all other packets.

    silent     no reply to several requests: another server stands in
    doubted    it answers again, but may know few of its clients yet: for a while the other one goes on standing in
    trusted    it is its own next hop

A server that gets our multicast is trusted as soon as it answers: a routing protocol needs to reach it, and does not
use it before it has its routes.

A router that forwards packets between members of a network announces a shorter way (`Redirects`) by a Traffic
Indication (draft-detienne-dmvpn-01). The data plane reports transit packets that came out of a tunnel and left by a
tunnel of the same network, once for each interval and pair of addresses. The indication goes to the station from which
the packet came, unless that is itself the next hop of the packet's destination.
"""

from __future__ import annotations

from bisect import bisect_left

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local
from dmvpn.base.context import earliest
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.errors import WireError
from dmvpn.base.events import Hairpin
from dmvpn.base.notices import Route, RouteSource
from dmvpn.base.values import Value
from dmvpn.features.nhrp.cache import Entry, EntryType, NbmaPeer
from dmvpn.features.nhrp.forwarding import Forwarding, multicast_receivers
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.packet import TrafficIndication
from dmvpn.features.nhrp.parts import ForwardTransitRecord, NatAddress, ReverseTransitRecord
from dmvpn.features.nhrp.tunnel import Suppressed, Tunnel
from dmvpn.net import ip
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL

#: No shorter prefix is put into a reply: a router with a default route must not attract the whole Internet (as FRR).
SHORTEST_PREFIX = 8
#: Seconds for which a server is doubted: by then all its clients have registered again (`client.LONGEST_RETRY`, and
#: more).
RETURN_DELAY = 75.0


def given_prefix(instance: Instance, tunnel: Tunnel, route: Prefix, address: IPAddress) -> Prefix:
    """Return the shortest prefix of `route` that holds `address` and no address that we reach by another way."""
    if route.length < SHORTEST_PREFIX:
        return Prefix.host(address)
    length = route.length
    for inner in _inside(instance.rib(tunnel).routes(), route):
        if _leads_elsewhere(instance, tunnel, inner):
            length = max(length, _common_length(inner.prefix, address) + 1)
    return Prefix.of(address, min(length, address.max_prefixlen))


def _inside(routes: tuple[Route, ...], prefix: Prefix) -> list[Route]:
    """Return the routes for parts of a prefix; they are adjacent, since routes are sorted by prefix."""
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


def _leads_elsewhere(instance: Instance, tunnel: Tunnel, route: Route) -> bool:
    """Return whether the route leads back into the network, or nowhere. NHRP's routes do not count; `local` is us."""
    if route.source in (RouteSource.NHRP, RouteSource.LOCAL):
        return False
    if route.kind is not RouteKind.FORWARD:
        return True
    return any(instance.same_network(tunnel, hop.interface) is not None for hop in route.next_hops)


def _common_length(prefix: Prefix, address: IPAddress) -> int:
    """Return the number of bits that the prefix and the address have in common, at most those of the prefix."""
    differing = (int(prefix.address) ^ int(address)).bit_length()
    return min(prefix.length, address.max_prefixlen - differing)


class Egress(Value):
    """We are the egress.

    prefix: the prefix that we may answer for: our own route, as far as it is valid.
    """

    prefix: Prefix


class NextStation(Value):
    """The message goes out of `tunnel`, to the station with tunnel address `next_hop`."""

    tunnel: Tunnel
    next_hop: IPAddress
    neighbor: NbmaPeer


class Unreachable(Value):
    """No station of the network has the address.

    why: one clause for people.
    """

    why: str


Routing = Egress | NextStation | Unreachable


def route_message(instance: Instance, tunnel: Tunnel, address: IPAddress, came_from: NbmaPeer | None = None) -> Routing:
    """Return the next station towards `address` within the network of `tunnel`.

    came_from: the station that sent us the message. It does not go back there.
    """
    if is_link_local(address):
        return _on_the_link(tunnel, address, came_from)
    owner = instance.owner(tunnel, address)
    if owner is not None and instance.same_network(tunnel, owner.name) is not None:
        return Egress(Prefix.host(address))
    version = address.version
    if owner is not None and owner.runs(version):
        return Egress(given_prefix(instance, tunnel, _connected(owner.routed(version), address), address))
    for member in instance.network(tunnel):
        entry = member.cache.binding(address)
        neighbor = entry.neighbor if entry is not None else None
        if entry is not None and neighbor is not None and _counts(instance, member, entry, address):
            return _unless_back(NextStation(member, entry.next_hop, neighbor), came_from)
    route = instance.rib(tunnel).lookup_without_nhrp(address)
    if route is None:
        return Unreachable("no route")
    if route.kind is not RouteKind.FORWARD:
        return Unreachable("the route discards")
    for hop in route.next_hops:
        leaves_by = instance.same_network(tunnel, hop.interface)
        if leaves_by is not None:
            return _unless_back(_along(leaves_by, hop, came_from), came_from)
    return Egress(given_prefix(instance, tunnel, route.prefix, address))


def _counts(instance: Instance, tunnel: Tunnel, entry: Entry, address: IPAddress) -> bool:
    """Return whether a binding decides where messages go: not if a client registered it where the default route leads.

    Messages and packets must go one way. Otherwise a member could register an address of the Internet, and draw the
    traffic that other members send there through us. Where the subnet is one address, all clients are outside of it,
    and only their registrations name them.
    """
    has_subnet = tunnel.subnet is not None and not tunnel.subnet.is_host
    if not (entry.is_registered and has_subnet and tunnel.is_guest(entry.target)):
        return True
    route = instance.rib(tunnel).lookup_without_nhrp(address)
    return route is None or route.prefix.length >= SHORTEST_PREFIX


def may_be_beyond(instance: Instance, tunnel: Tunnel, address: IPAddress) -> bool:
    """Return whether another station of the network may have the address: it is not ours, and no route leads out to it.

    Otherwise a station that claims the address of a host behind us would draw its packets into the tunnel. A default
    route to the Internet proves nothing: stations of other regions may be known by no other route.
    """
    if is_link_local(address):
        return not tunnel.is_ours(address)
    if instance.owns(tunnel, address) or tunnel.is_edge(address):
        return False
    route = instance.rib(tunnel).lookup_without_nhrp(address)
    if route is None or route.kind is not RouteKind.FORWARD or route.prefix.length < SHORTEST_PREFIX:
        return True
    return any(instance.same_network(tunnel, hop.interface) is not None for hop in route.next_hops)


def _on_the_link(tunnel: Tunnel, address: IPAddress, came_from: NbmaPeer | None) -> Routing:
    """Find a link-local address on its own link: other links may have the same, and no route leads to it."""
    if tunnel.is_ours(address):
        return Egress(Prefix.host(address))
    entry = tunnel.cache.binding(address)
    if entry is not None and entry.neighbor is not None:
        return _unless_back(NextStation(tunnel, address, entry.neighbor), came_from)
    return _unless_back(_along(tunnel, NextHop(tunnel.name), came_from), came_from)


def _along(tunnel: Tunnel, hop: NextHop, came_from: NbmaPeer | None) -> Routing:
    """Return the station to which a tunnel leads: the next hop of the route if it is a known station, else a server."""
    if hop.address is not None:
        entry = tunnel.cache.binding(hop.address)
        if entry is not None and entry.neighbor is not None:
            # Packets for a silent server go to another one (`Standby`).
            own = entry.neighbor
            return NextStation(
                tunnel, hop.address, tunnel.adjacencies.get(hop.address, own) if hop.address in tunnel.doubted else own
            )
    if tunnel.far_end is not None:
        return NextStation(tunnel, hop.address or next(iter(tunnel.clients), tunnel.far_end), NbmaPeer(tunnel.far_end))
    server = tunnel.server(avoid=came_from.nbma if came_from is not None else None)
    if server is None or server.nbma is None:
        return Unreachable("no client has registered it, and there is no next hop server to ask")
    return NextStation(tunnel, server.nhs, NbmaPeer(server.nbma))


def _unless_back(hop: Routing, came_from: NbmaPeer | None) -> Routing:
    if type(hop) is NextStation and hop.neighbor.meets(came_from):
        return Unreachable("the route leads back to where the message came from")
    return hop


def _connected(addresses: tuple[tuple[IPAddress, int], ...], own: IPAddress) -> Prefix:
    """Return the connected prefix of an address of our own, and not its local host route."""
    return next((Prefix.of(address, length) for address, length in addresses if address == own), Prefix.host(own))


class Standby:
    """Owns `Tunnel.doubted`, and decides where packets for the next hops of servers go."""

    def __init__(self, instance: Instance, forwarding: Forwarding) -> None:
        self._instance = instance
        self._context = instance.context
        self._forwarding = forwarding

    def update(self, tunnel: Tunnel) -> None:
        """Follow a server that answers, or no longer answers, or was doubted long enough."""
        now, before, tunnel.doubted = self._context.now, tunnel.doubted, {}
        for client in tunnel.clients.values():
            until = before.get(client.nhs, 0.0)
            if client.is_failing or (until is None and not client.is_responding):
                tunnel.doubted[client.nhs] = None
            elif until is None:
                tunnel.doubted[client.nhs] = now + RETURN_DELAY
            elif until > now:
                tunnel.doubted[client.nhs] = until
        self._context.arm(tunnel.timers.trust, earliest(*tunnel.doubted.values()))
        for client in tunnel.clients.values():
            entry = tunnel.cache.host(client.nhs)
            if entry is not None and entry.neighbor is not None and entry.type is EntryType.STATIC:
                self._forwarding.lead(tunnel, client.nhs, self.in_place_of(tunnel, client.nhs) or entry.neighbor)

    def in_place_of(self, tunnel: Tunnel, next_hop: IPAddress) -> NbmaPeer | None:
        """Return where packets for this next hop go, if it is a server for which another one stands in; else None."""
        if next_hop not in tunnel.doubted:
            return None
        other = tunnel.server()
        if other is None or not other.is_responding or other.nhs in tunnel.doubted:
            return None
        returned = next((c for c in tunnel.clients.values() if c.nhs == next_hop and c.is_responding), None)
        if returned is not None and returned.at in multicast_receivers(tunnel):
            return None
        return other.at


#: As much of a packet as IOS quotes: the IP header and eight octets.
QUOTED = {4: 28, 6: 48}
#: Pairs of one tunnel that `show ip nhrp redirect` lists.
LARGEST_MEMORY = 1024


class Redirects:
    """Sends Traffic Indications."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._context = instance.context

    def hairpin(self, tunnel: Tunnel, event: Hairpin) -> None:
        """Send a redirect to the station from which a packet came that went back into the network."""
        came_from = NbmaPeer(event.nbma, event.connection)
        addresses = quoted_addresses(event.packet)
        if addresses is None:
            return
        source, destination = addresses
        on_link = is_link_local(source) or is_link_local(destination)
        if not tunnel.config.redirect or on_link or source.is_multicast or destination.is_multicast:
            tunnel.counters.count_suppressed()
            return
        if self._leads_to(event.out_tunnel, destination, came_from) or is_probe(event.packet):
            tunnel.counters.count_suppressed()
            return
        expires = self._context.now + tunnel.config.redirect_interval
        known = tunnel.redirects.pop((event.nbma, destination), None)
        drops = known.drops + 1 if known and known.expires > self._context.now else 0
        tunnel.redirects[event.nbma, destination] = Suppressed(event.nbma, destination, drops, expires)
        if len(tunnel.redirects) > LARGEST_MEMORY:
            del tunnel.redirects[next(iter(tunnel.redirects))]
        own_address, own_nbma = tunnel.own
        indication = TrafficIndication(
            source_nbma=own_nbma,
            source_protocol=own_address,
            destination_protocol=source,
            packet=event.packet[: QUOTED[source.version]],
            extensions=(
                ForwardTransitRecord(),
                ReverseTransitRecord(),
                *self._instance.authentication(tunnel),
                NatAddress(),
            ),
        )
        self._instance.send(tunnel, came_from, indication)

    def _leads_to(self, out_tunnel: str, destination: IPAddress, came_from: NbmaPeer) -> bool:
        """Return whether the packet went back to the very station it came from."""
        leaves_by = self._instance.tunnels.get(out_tunnel)
        if leaves_by is None:
            return False
        for hop in self._instance.rib(leaves_by).forwarding(destination):
            next_hop = hop.address if hop.address is not None else destination
            if hop.interface == out_tunnel and came_from.meets(leaves_by.adjacencies.get(next_hop)):
                return True
        return False


def is_probe(packet: bytes) -> bool:
    """Return whether the packet is an echo that checks a direct path, or its answer: these need no redirect."""
    try:
        protocol, start = ip.peek_payload(packet)
        is_control = ip.peek_tos(packet) == TOS_INTERNETWORK_CONTROL
    except WireError:
        return False
    version = packet[0] >> 4
    return is_control and protocol == ip.ICMP[version] and ip.is_echo(packet[start:], version)


def quoted_addresses(packet: bytes) -> tuple[IPAddress, IPAddress] | None:
    """Return source and destination of a quoted packet, or None if it is no IP packet."""
    try:
        return ip.peek_addresses(packet)
    except WireError:
        return None
