"""Ports, addresses, tunnels and the forwarding table of the simulated plane."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container
from dataclasses import field
from typing import Final, NamedTuple

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, stays_on_link
from dmvpn.base.effects import NextHop, RouteKind, SetHairpin, SetInterface, SetRoute, TunnelSpec
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.values import Mutable
from dmvpn.dataplane.contract import HAIRPIN_PAIRS, Amount
from dmvpn.net import gre
from dmvpn.net.ip import peek_flow

# ------------------------------------------------------------------------------------------------ forwarding


_BROADCAST = 0xFFFFFFFF
#: Octets of an IP packet on a wire without a configured MTU.
DEFAULT_MTU: Final = 1500
#: VRFs whose tables one packet may be looked up in: leaks may lead round in a circle.
_MOST_TABLES: Final = 4


class SimulatedPort(Mutable):
    """An interface.

    carrier: a wire is plugged in (for a tunnel: its line protocol).
    mtu: octets of an IP packet.
    mtu6, mss6: for IPv6; without `mtu6`, `mtu` applies.
    has_ipv4: it has an IPv4 address; without one nothing that arrives there is forwarded, as on IOS.
    has_ipv6: it has an IPv6 address; without one it accepts no IPv6 packets.
    received, sent: packets, and then their octets.
    vrf: the VRF that it is in, "": the global table.
    """

    name: str
    up: bool = True
    carrier: bool = True
    mtu: int = DEFAULT_MTU
    addresses: tuple[tuple[IPAddress, int], ...] = ()
    mss: int | None = None
    mtu6: int | None = None
    mss6: int | None = None
    received: int = 0
    received_octets: int = 0
    multicasts: int = 0
    sent: int = 0
    sent_octets: int = 0
    broadcasts: tuple[int, ...] = (_BROADCAST,)
    has_ipv4: bool = False
    has_ipv6: bool = False
    vrf: str = ""

    def count_received(self, octets: int, *, multicast: bool = False) -> None:
        """Count a packet that came in."""
        self.received += 1
        self.received_octets += octets
        self.multicasts += multicast

    def count_sent(self, octets: int) -> None:
        """Count a packet that went out."""
        self.sent += 1
        self.sent_octets += octets

    @property
    def running(self) -> bool:
        """Whether it can carry packets."""
        return self.up and self.carrier

    def address_towards(self, peer: IPAddress) -> IPAddress | None:
        """Return the source address of a packet to `peer`: the primary one of that IP version.

        A link-local address is used only for destinations on the link, or if there is no other address (RFC 6724 §5).
        """
        version, local = peer.version, stays_on_link(peer)
        last: IPAddress | None = None
        for address, _ in self.addresses:
            if address.version == version:
                if is_link_local(address) == local:
                    return address
                last = last or address
        return last

    def has(self, address: IPAddress) -> bool:
        """Return whether the address belongs to this interface."""
        return address in [own for own, _ in self.addresses]

    def largest(self, version: int) -> int:
        """Return the MTU of an IP version, octets."""
        return self.mtu if version == 4 or self.mtu6 is None else self.mtu6

    def clamp(self, version: int) -> int | None:
        """Return the largest segment size of an IP version, octets."""
        return self.mss if version == 4 else self.mss6

    def is_broadcast(self, destination: IPAddress) -> bool:
        """Return whether the address is the broadcast address of one of its networks, or 255.255.255.255.

        IPv6 has none.
        """
        return destination.version == 4 and int(destination) in self.broadcasts

    def set_addresses(self, addresses: tuple[tuple[IPAddress, int], ...]) -> None:
        """Set its addresses. Values derived from them are needed for each packet, so they are stored here."""
        self.addresses = addresses
        self.has_ipv4 = any(address.version == 4 for address, _ in addresses)
        self.has_ipv6 = any(address.version == 6 for address, _ in addresses)
        directed = [Prefix.of(*own).broadcast for own in addresses if own[0].version == 4 and own[1] < 31]
        self.broadcasts = (_BROADCAST, *map(int, directed))


class ForwardingTable:
    """Where packets go: connected prefixes (they come first, as in Linux) and routes, in one longest-match table.

    ports: those of its VRF.
    """

    def __init__(
        self,
        vrf: str = "",
        every: dict[str, SimulatedPort] | None = None,
        tables: dict[str, ForwardingTable] | None = None,
    ) -> None:
        """every: the ports of all VRFs. tables: the tables of all VRFs."""
        self.ports: dict[str, SimulatedPort] = {}
        self._vrf = vrf
        self._every = {} if every is None else every
        self._tables = {} if tables is None else tables
        self.own: dict[IPAddress, str] = {}
        self._routes: dict[Prefix, SetRoute] = {}
        self._table: PrefixTable[tuple[NextHop, ...] | RouteKind] = PrefixTable()

    def port(self, name: str) -> SimulatedPort:
        """Return the port of this name, of whatever VRF; it is made here on first use."""
        port = self.ports.get(name) or self._every.get(name)
        if port is None:
            port = self.ports[name] = self._every[name] = SimulatedPort(name, vrf=self._vrf)
        return port

    def move_port(self, name: str, to: ForwardingTable) -> None:
        """Move a port to the table of another VRF, without addresses."""
        port = self._take_out(name)
        if port is not None:
            port.vrf = to._vrf
            port.set_addresses(())
            to.ports[name] = port

    def owner(self, address: IPAddress, link: str) -> str | None:
        """Return the port that has this address, or None. A link-local one is looked up on the port `link` alone."""
        own = self.own.get(address)
        if own is None and link and is_link_local(address) and self.port(link).has(address):
            return link
        return own

    def set_interface(self, order: SetInterface) -> None:
        """Give a port its state and addresses."""
        port = self.port(order.interface)
        affected = dict.fromkeys(_connected((*port.addresses, *order.addresses)))
        port.up = order.up
        port.set_addresses(order.addresses)
        self._note_own_addresses()
        for prefix in affected:
            self._refresh(prefix)

    def remove_port(self, name: str) -> None:
        """Remove a port with its addresses; routes through it stay, and drop their packets."""
        if self._take_out(name) is not None:
            del self._every[name]

    def _take_out(self, name: str) -> SimulatedPort | None:
        port = self.ports.pop(name, None)
        self._note_own_addresses()
        for prefix in _connected(port.addresses if port else ()):
            self._refresh(prefix)
        return port

    def set_route(self, route: SetRoute) -> None:
        """Add or replace one route."""
        self._routes[route.prefix] = route
        self._refresh(route.prefix)

    def clear_route(self, prefix: Prefix) -> None:
        """Remove a route."""
        self._routes.pop(prefix, None)
        self._refresh(prefix)

    def next_hops(self, destination: IPAddress) -> tuple[NextHop, ...] | RouteKind:
        """Return all equal-cost next hops for a destination, or how its packets are dropped."""
        found = self.look_up(destination)
        return found[1] if found else RouteKind.UNREACHABLE

    def look_up(self, destination: IPAddress) -> tuple[Prefix, tuple[NextHop, ...] | RouteKind] | None:
        """Return the route for a destination: its prefix, and what becomes of packets; None: there is none."""
        return self._table.lookup(destination)

    def choose(self, destination: IPAddress, data: bytes, tables: int = _MOST_TABLES) -> NextHop | RouteKind:
        """Return the next hop of one packet: the packets of a flow share one of several next hops, chosen by weight.

        tables: of how many VRFs the tables may be looked up.
        """
        hops = self.next_hops(destination)
        if isinstance(hops, RouteKind):
            return hops
        hop = hops[0]
        if len(hops) > 1:
            hop = self._share(hops, data)
        return hop if hop.interface else self._look_up_again(hop, destination, data, tables - 1)

    def _share(self, hops: tuple[NextHop, ...], data: bytes) -> NextHop:
        parts = [hop for hop in hops for _ in range(hop.weight)]
        return parts[_spread(data) % len(parts)]

    def _look_up_again(self, leak: NextHop, destination: IPAddress, data: bytes, tables: int) -> NextHop | RouteKind:
        """Return the next hop that the table of another VRF has for a leaked packet."""
        table = self._tables.get(leak.vrf)
        if table is None or not tables:
            return RouteKind.UNREACHABLE
        hop = table.choose(leak.address or destination, data, tables)
        if isinstance(hop, RouteKind) or hop.address is not None or leak.address is None:
            return hop
        return NextHop(hop.interface, leak.address)

    def _note_own_addresses(self) -> None:
        self.own = {
            address: name
            for name, port in self.ports.items()
            if port.up
            for address, _ in port.addresses
            if not is_link_local(address)  # two links may have the same one
        }

    def _refresh(self, prefix: Prefix) -> None:
        for port in self.ports.values():
            if port.up and prefix in _connected(port.addresses):
                self._table[prefix] = (NextHop(port.name),)
                return
        route = self._routes.get(prefix)
        if route is None:
            self._table.pop(prefix)
        else:
            self._table[prefix] = route.next_hops if route.kind is RouteKind.FORWARD else route.kind


def _connected(addresses: tuple[tuple[IPAddress, int], ...]) -> list[Prefix]:
    """Return the prefixes that can be reached without a route: not fe80::/64, which is on every link."""
    return [Prefix.of(address, length) for address, length in addresses if not is_link_local(address)]


def _spread(data: bytes) -> int:
    flow = peek_flow(data)
    return int(flow.source) ^ int(flow.destination) ^ flow.protocol ^ flow.source_port ^ flow.destination_port


# ------------------------------------------------------------------------------------------------ tunnels


class NbmaPeer(NamedTuple):
    """The peer that a GRE packet goes to, or came from.

    connection: the connection that protects it; 0: in clear, or the newest there.
    """

    nbma: IPAddress
    connection: int = 0


class Outer(NamedTuple):
    """A packet for the wire, and the neighbor that it reaches."""

    receiver: NbmaPeer
    packet: bytes


class Waiting(Mutable):
    """Packets for one unresolved next hop, and when the first one arrived (seconds)."""

    since: float
    packets: list[bytes] = field(default_factory=list)


class SimulatedTunnel(Mutable):
    """One tunnel: its specification, adjacencies and counters.

    sent and received: what passed, by NBMA address, or by the number of the connection that protected it.
    hairpins, multicast: the orders of NHRP for each IP version.
    """

    spec: TunnelSpec
    carrier: bool = False
    hairpins: dict[int, SetHairpin] = field(default_factory=dict)
    adjacencies: dict[IPAddress, NbmaPeer] = field(default_factory=dict)
    multicast: dict[int, tuple[NbmaPeer, ...]] = field(default_factory=dict)
    waiting: dict[IPAddress, Waiting] = field(default_factory=dict)
    sent: dict[IPAddress | int, Amount] = field(default_factory=dict)
    received: dict[IPAddress | int, Amount] = field(default_factory=dict)
    sequence: gre.GreSequence = field(default_factory=gre.GreSequence)

    def header(self, protocol: int) -> gre.GreHeader:
        """Return the header of the next GRE packet that leaves."""
        spec = self.spec
        sequence = self.sequence if spec.sequence else None
        return gre.next_header(protocol, spec.key, checksum=spec.checksum, sequence=sequence)

    def set_hairpin(self, order: SetHairpin) -> None:
        """Set which transit packets this tunnel reports for an IP version."""
        self.hairpins[order.version] = order

    def forget_other_versions(self, versions: Container[int]) -> None:
        """Forget the neighbors of IP versions without an address here."""
        self.adjacencies = {hop: known for hop, known in self.adjacencies.items() if hop.version in versions}

    def network(self, version: int) -> int | None:
        """Return the NHRP network that packets of this IP version belong to."""
        order = self.hairpins.get(version)
        return order.network if order is not None else None

    def neighbor(self, next_hop: IPAddress) -> NbmaPeer | None:
        """Return the neighbor of an overlay next hop: the far end of a point-to-point tunnel, else its adjacency."""
        if self.spec.destination is not None:
            return NbmaPeer(self.spec.destination)
        return self.adjacencies.get(next_hop)

    def count_sent(self, receiver: NbmaPeer, octets: int) -> None:
        """Count a packet that went to a neighbor."""
        _count(self.sent, receiver, octets)

    def count_received(self, sender: NbmaPeer, octets: int) -> None:
        """Count a packet that came from a neighbor."""
        _count(self.received, sender, octets)


def _count(amounts: dict[IPAddress | int, Amount], neighbor: NbmaPeer, octets: int) -> None:
    peer = neighbor.connection or neighbor.nbma
    amount = amounts.get(peer)
    if amount is None:
        amount = amounts[peer] = Amount()
    amount.add(octets)


class TunnelTable:
    """All tunnels, found by name or by the header of a received GRE packet."""

    __slots__ = ("by_name",)

    def __init__(self) -> None:
        self.by_name: dict[str, SimulatedTunnel] = {}

    def hairpin(self, arrived: str, leaves: str, version: int) -> SetHairpin | None:
        """Return the order to report packets from one tunnel to another one, if there is one."""
        incoming, outgoing = self.by_name.get(arrived), self.by_name.get(leaves)
        order = incoming.hairpins.get(version) if incoming is not None else None
        if order is None or outgoing is None or not order.report or order.network is None:
            return None
        return order if order.network == outgoing.network(version) else None

    def demultiplex(self, front: str, local: IPAddress, remote: IPAddress, key: int | None) -> SimulatedTunnel | None:
        """Return the tunnel of a packet received in a front door: a point-to-point one to that remote address before
        a multipoint one.
        """
        multipoint: SimulatedTunnel | None = None
        for tunnel in self.by_name.values():
            spec = tunnel.spec
            if spec.source == local and spec.key == key and spec.front == front:
                if spec.destination == remote:
                    return tunnel
                if spec.destination is None:
                    multipoint = tunnel
        return multipoint


class HairpinFilter:
    """Passes each address pair of an NHRP network once per interval; its memory is bounded, and the oldest pair is
    forgotten first.
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[int | None, IPAddress, IPAddress], float] = OrderedDict()

    def first(self, order: SetHairpin, source: IPAddress, destination: IPAddress, now: float) -> bool:
        """Return True if the pair was not reported during the interval of this order."""
        pair = (order.network, source, destination)
        last = self._seen.get(pair)
        if last is not None and now - last < order.interval:
            return False
        self._seen[pair] = now
        self._seen.move_to_end(pair)
        if len(self._seen) > HAIRPIN_PAIRS:
            self._seen.popitem(last=False)
        return True
