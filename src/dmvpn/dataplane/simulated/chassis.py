"""What all boxes of one simulated router share, whatever their VRF: packet filters, too.

    Chassis          one router: clock, ports by name, tunnels, SAs, listeners, streams, translation, counters
      tables         their forwarding tables, which find next hops for each other (route leaks)

A port is in one box. A tunnel's port is in the box of the packets inside; its GRE and ESP packets are those of the box
of its front door.

A port without access lists costs one look into an empty dictionary. Boxes of all VRFs share the filters, because ports
have one name each; the table for the look at a sender is that of the box that asks.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.breath import breathing
from dmvpn.base.context import Deadlines
from dmvpn.base.effects import RouteKind, SendIp, SetFilters
from dmvpn.base.events import Event, GreDrops, InterfaceCount, InterfacesCounted, PacketsFiltered, PeerUsage, SasCounted
from dmvpn.base.filters import (
    END_OF_LIST,
    UNREACHABLE_SENDER,
    FilterCount,
    FilterEntry,
    FilterList,
    Packet,
    PortFilters,
    ReversePath,
)
from dmvpn.base.shell import CaptureDirection
from dmvpn.base.switching import LearnedStation
from dmvpn.base.values import Value
from dmvpn.dataplane.contract import PROHIBITED_INTERVAL, Alarms, usage_of
from dmvpn.dataplane.esp.protection import Protection
from dmvpn.dataplane.packets import has_header, packet_of
from dmvpn.dataplane.simulated.forwarding import ForwardingTable, SimulatedPort, SimulatedTunnel, TunnelTable
from dmvpn.dataplane.simulated.streams import SimulatedStreams
from dmvpn.dataplane.simulated.translation import RouterTranslation
from dmvpn.net.ipv4 import ip_address

# ------------------------------------------------------------------------------------------------ packet filters


_NOTHING: Final = PortFilters()
_DEFAULT: Final = Prefix.parse("0.0.0.0/0")
#: An address that a station without one sends from, to everybody.
_ASKS_FOR_ADDRESS: Final = (IPv4Address(0), IPv4Address(0xFFFFFFFF))
_Place = tuple[str, bool, int, int]
#: Kinds of packets whose entry is remembered, in each direction of a port.
_MOST_REMEMBERED: Final = 4096


class SenderDoubt(enum.Enum):
    """Why the sender of a packet is not reachable as a port asks for (RFC 3704 §2)."""

    OWN = "{source} is an address of the router itself"
    NO_ROUTE = "no route to the sender {source}"
    DEFAULT_ROUTE = "only the default route leads to {source}, without allow-default"
    OTHER_PORT = "the route to {source} leads out of {ports}"


class RouterFilters:
    """Carries out `SetFilters`, and decides."""

    def __init__(self, report: Callable[[Event], None]) -> None:
        self._report = report
        #: By port and version of IP.
        self.ports: dict[tuple[str, int], PortFilters] = {}
        self._counts: dict[_Place, int] = {}
        #: By port and direction. A flow asks again and again, and a list is looked through from its beginning.
        self._decided: dict[tuple[str, bool], dict[Packet, FilterEntry | None]] = {}
        self._alarms = Alarms()
        self._prohibited = -PROHIBITED_INTERVAL

    def set(self, order: SetFilters) -> None:
        """Apply this order from now on. Entries that stay keep their counters."""
        port, filters, key = order.interface, order.filters, (order.interface, order.version)
        for inward in (True, False):
            self._decided.pop((port, inward), None)
        kept = filters.counted_on(self.ports.pop(key, _NOTHING))
        for place in [place for place in self._counts if (place[0], place[3]) == key and place[1:3] not in kept]:
            del self._counts[place]
        if filters != _NOTHING:
            self.ports[key] = filters

    def counts(self) -> tuple[FilterCount, ...]:
        """Return the counters of all entries that have decided on packets."""
        return tuple(FilterCount(*place[:3], packets, place[3]) for place, packets in self._counts.items())

    def admits(self, port: str, data: bytes, table: ForwardingTable, now: float) -> bool | None:
        """Return whether a packet that came by the port may go on; None: it may not, and gets no answer."""
        filters = self.ports.get((port, data[0] >> 4 if data else 0))
        if filters is None or not has_header(data):
            return True  # malformed: dropped where it is parsed
        if filters.inward is not None:
            packet = packet_of(data)
            if packet is None:
                return None
            if not filters.is_path_echo(packet) and not self._passes(port, filters.inward, packet, now, inward=True):
                return False
        if filters.reverse_path is not None and not self._is_reachable(port, filters.reverse_path, data, table):
            self._count((port, True, UNREACHABLE_SENDER, 4))
            return None
        return True

    def releases(self, port: str, data: bytes, now: float) -> bool | None:
        """Return whether a forwarded packet may leave by the port; None: it may not, and gets no answer."""
        filters = self.ports.get((port, data[0] >> 4))
        if filters is None or filters.outward is None or not has_header(data):
            return True
        packet = packet_of(data)
        if packet is None:
            return None
        return filters.is_path_echo(packet) or self._passes(port, filters.outward, packet, now, inward=False)

    def may_prohibit(self, now: float) -> bool:
        """Return whether a denied packet may be answered; then none for a while."""
        if now - self._prohibited < PROHIBITED_INTERVAL:
            return False
        self._prohibited = now
        return True

    def is_silent(self, port: str) -> bool:
        """Return whether no ICMP destination unreachable of the router leaves by this port, over IPv4."""
        filters = self.ports.get((port, 4))
        return filters is not None and not filters.unreachables

    # ------------------------------------------------------------------------------------------------ parts

    def _passes(self, port: str, listed: FilterList, packet: Packet, now: float, *, inward: bool) -> bool:
        entry = self._decide(port, listed, packet, inward=inward)
        place = port, inward, END_OF_LIST if entry is None else entry.sequence, packet.source.version
        self._count(place)
        if entry is None:
            return False
        if (entry.log or entry.log_input) and self._alarms.may_tell((place, self._counts[place]), now):
            self._report(PacketsFiltered(port, inward, entry.sequence, packet))
        return entry.permit

    def _is_reachable(self, port: str, asked: ReversePath, data: bytes, table: ForwardingTable) -> bool:
        """Return whether there is a route to the sender as the port asks for."""
        source, destination = IPv4Address(data[12:16]), IPv4Address(data[16:20])
        is_asked = destination.is_multicast or (source, destination) == _ASKS_FOR_ADDRESS
        return is_asked or doubt_of(port, asked, source, table) is None

    def _decide(self, port: str, listed: FilterList, packet: Packet, *, inward: bool) -> FilterEntry | None:
        known = self._decided.setdefault((port, inward), {})
        if packet not in known:
            if len(known) == _MOST_REMEMBERED:
                known.clear()
            known[packet] = listed.decides(packet)
        return known[packet]

    def _count(self, place: _Place) -> None:
        self._counts[place] = self._counts.get(place, 0) + 1


def doubt_of(port: str, asked: ReversePath, source: IPAddress, table: ForwardingTable) -> SenderDoubt | None:
    """Return why there is no route to the sender of a packet as the port asks for; None: there is."""
    if source in table.own:
        return SenderDoubt.OWN
    found = table.look_up(source)
    if found is None or isinstance(found[1], RouteKind):
        return SenderDoubt.NO_ROUTE
    if found[0] == _DEFAULT and not asked.allow_default:
        return SenderDoubt.DEFAULT_ROUTE
    return SenderDoubt.OTHER_PORT if asked.strict and all(hop.interface != port for hop in found[1]) else None


# ------------------------------------------------------------------------------------------------ the chassis


#: Hands a packet to the station that has `next_hop` on the wire of `interface`; False if there is none.
Transmit = Callable[[str, IPAddress, bytes], bool]


class Loss(enum.Enum):
    """Why a box does not deliver or forward a packet. What GRE and ESP drop has names of its own (`GreDrops`)."""

    MALFORMED = "it is malformed"
    NO_ROUTE = "no route to {destination}"
    NO_IPV4 = "it came by an interface without an IPv4 address"
    NO_IPV6 = "{router} does not forward IPv6 (no ipv6 unicast-routing)"
    EXPIRED = "its TTL is over"
    PORT_DOWN = "{port} is down"
    UNRESOLVED = "{next_hop} has not registered, and there is no next hop server to ask"
    NOT_TRANSLATED = "{protocol} has no ports, and the router's own tunnels speak it: NAT overload does not let it out"
    NAT_IS_FULL = "NAT has no address or port for {source}: the pool or the station's share is used up"
    NOT_PUBLISHED = "{destination} is an address of NAT, and no rule takes the packet"
    RECURSIVE = "the route to {destination} leads into a tunnel: recursive routing"


def _count_of(port: SimulatedPort) -> InterfaceCount:  # often: every router asks every few seconds
    return InterfaceCount(
        interface=port.name,
        received=port.received,
        sent=port.sent,
        received_octets=port.received_octets,
        sent_octets=port.sent_octets,
        multicasts=port.multicasts,
    )


_COUNTED: Final = ("IpInReceives", "IpInDelivers", "IpInNoRoutes", "IpOutForwDatagrams", "IpOutRequests")


class _Drawn(Value):
    """A source of octets as entropy."""

    octets: Callable[[int], bytes]


class Chassis:
    """The shared parts of a simulated router."""

    def __init__(
        self,
        report: Callable[[Event], None],
        transmit: Transmit,
        random: Callable[[int], bytes],
        send: Callable[[str, SendIp], None],
    ) -> None:
        """random: source of unpredictable values. send: sends a segment from a VRF.

        `sealed` may be set: it is called with each GRE packet and its ESP packet. So may `overhear`: it is called with
        every packet that goes into a tunnel or comes out, and the tunnel's name.
        """
        self.now = 0.0
        self.report = report
        self.transmit = transmit
        self.random = random
        self.sealed: Callable[[bytes, bytes], None] | None = None
        self.overhear: Callable[[str, bytes, CaptureDirection], None] | None = None
        #: What the bridges of a switch have learned: the lab knows.
        self.stations_learned: Callable[[], tuple[LearnedStation, ...]] = tuple
        #: TTL of answers to echo requests; routers send 255.
        self.echo_ttl = 255
        self.forwards_ipv6 = False
        #: Packets that were dropped, for tests and for people.
        self.losses: dict[Loss, int] = {}
        self.gre_drops = GreDrops()
        #: By version of IP; names of `Counting.statistics`.
        self.counted = {4: dict.fromkeys(_COUNTED, 0), 6: dict.fromkeys(_COUNTED, 0)}
        self.tables: dict[str, ForwardingTable] = {}
        self.ports: dict[str, SimulatedPort] = {}
        self.tunnel_table = TunnelTable()
        self.protection = Protection(self.count_drop, random)
        #: When packets stop waiting, by tunnel and unresolved next hop.
        self.deadlines: Deadlines[tuple[str, IPAddress]] = Deadlines()
        self.listeners = Listeners()
        self.streams = SimulatedStreams(send, self._owns, report, random)
        self.translation = RouterTranslation(self.ports, _Drawn(random))
        self.filters = RouterFilters(report)

    def count_drop(self, why: str) -> None:
        """Count a dropped GRE packet."""
        self.gre_drops = replace(self.gre_drops, **{why: getattr(self.gre_drops, why) + 1})

    def interfaces_counted(self) -> InterfacesCounted:
        """Return the counters of all interfaces, and of dropped packets."""
        return InterfacesCounted(tuple(_count_of(port) for port in self.ports.values()), self.gre_drops)

    def statistics(self, version: int) -> dict[str, int]:
        """Return what a version of IP has counted."""
        return dict(self.counted[version])

    def count_icmp(self, version: int, way: str, message: bytes) -> None:
        """Count a message of ICMP. way: "In" or "Out"."""
        counted, kind = self.counted[version], message[0] if message else 0
        for name in (f"Icmp{way}Msgs", f"Icmp{way}Type{kind}"):
            counted[name] = counted.get(name, 0) + 1

    def sas_counted(self) -> SasCounted:
        """Return the counters of all pairs of SAs."""
        return SasCounted(tuple(pair.count() for pair in breathing(tuple(self.protection.table.pairs()))))

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        """Return the counters of every peer of a tunnel; none if there is no such tunnel."""
        found = self.tunnel_table.by_name.get(tunnel)
        peers = dict.fromkeys((*found.sent, *found.received)) if found is not None else {}
        counted = [self._usage_of(found, peer) for peer in breathing(peers)] if found is not None else []
        return tuple(peer for peer in counted if peer is not None)

    def _usage_of(self, tunnel: SimulatedTunnel, peer: IPAddress | int) -> PeerUsage | None:
        sent, received = tunnel.sent.get(peer), tunnel.received.get(peer)
        if not isinstance(peer, int):
            return usage_of(peer, sent, received)
        link = self.protection.table.link(peer)
        return usage_of(ip_address(link.place.address), sent, received, peer) if link is not None else None

    def _owns(self, vrf: str, address: IPAddress) -> bool:
        table = self.tables.get(vrf)
        return table is not None and address in table.own


class Listeners:
    """Which packets are reported: by interface, protocol and port.

    The machines of several VRFs may listen on one interface while it moves from one VRF to the other.
    """

    __slots__ = ("_by_place",)

    def __init__(self) -> None:
        self._by_place: dict[tuple[str, int, int | None], dict[str, None]] = {}

    def __contains__(self, place: tuple[str, int, int | None]) -> bool:
        return place in self._by_place

    def add(self, place: tuple[str, int, int | None], vrf: str) -> None:
        """Report packets to this place. vrf: whose machine listens."""
        self._by_place.setdefault(place, {})[vrf] = None

    def remove(self, place: tuple[str, int, int | None], vrf: str) -> None:
        """End it."""
        askers = self._by_place.get(place, {})
        askers.pop(vrf, None)
        if not askers:
            self._by_place.pop(place, None)

    def forget_vrf(self, vrf: str) -> None:
        """Remove the listeners of a VRF."""
        for place in list(self._by_place):
            self.remove(place, vrf)
