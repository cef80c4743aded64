"""A small IP box: what the Linux kernel and a userspace plane do with packets, without Linux.

The objects: `Port` (an interface with its addresses), the forwarding table (connected prefixes and `SetRoute`s in one
longest-match table), `Tunnel`s (see tunnels.py), listeners. The way of a packet:

    receive(interface, packet) -> for us?      -> deliver  -> GRE: decapsulate -> receive(tunnel, inner packet)
                               |                           -> ICMP echo: answer; listener: event; else ICMP error
                               -> else forward -> TTL, longest match, hairpin -> emit out of a port
    emit: a tunnel  -> MTU, MSS, adjacency -> GRE -> forwarding table again -> emit out of a physical port
          physical  -> MTU, fragments -> `transmit(interface, next hop, packet)` of the network it is plugged into

Packets are real octets from end to end, so whatever passes here has been encoded and decoded. IPv6 goes the same way;
neighbours are found without asking, as with IPv4. A link-local address is looked for on its own link, in no table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from dmvpn.base.addresses import IPAddress, is_link_local
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.effects import (
    NextHop,
    RouteKind,
    SendIp,
)
from dmvpn.base.errors import WireError
from dmvpn.base.events import (
    Event,
    GreDrops,
    Hairpin,
    IpReceived,
)
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.simulated.errors import IcmpError, may_answer, time_exceeded, too_big, unreachable
from dmvpn.dataplane.simulated.forwarding import ForwardingTable, Port
from dmvpn.dataplane.simulated.reassembly import Reassembler
from dmvpn.dataplane.simulated.tunnels import HairpinFilter, Tunnel, TunnelTable
from dmvpn.net import icmp, ip
from dmvpn.net.ip import IpPacket, peek_flow
from dmvpn.net.ipv4 import (
    HEADER_LENGTH,
    TOS_INTERNETWORK_CONTROL,
    Header,
    IpProtocol,
    Ipv4Packet,
    peek_plain,
)
from dmvpn.net.tcp import clamp_mss

#: Hands a packet to whoever has `next_hop` on the wire of `interface`; False if nobody has.
Transmit = Callable[[str, IPAddress, bytes], bool]

#: Multicasts of these protocols are not only listened to: echoes are answered, UDP has ports, GRE is opened.
_NOT_ONLY_HEARD = frozenset({IpProtocol.ICMP, IpProtocol.UDP, IpProtocol.GRE})


@dataclass(frozen=True, slots=True)
class Counters:
    """What a box did with packets that went no further, for tests and for people."""

    malformed: int = 0
    no_route: int = 0
    expired: int = 0
    unresolved: int = 0


class IpBox(ABC):
    """Takes packets from wires and tunnels and passes them on; `gre.py` adds GRE, `plane.py` what it is told to do."""

    def __init__(self, report: Callable[[Event], None], transmit: Transmit) -> None:
        self.now = 0.0
        self.counters = Counters()
        self.forwards_ipv6 = False
        self._gre_drops = GreDrops()
        self._report = report
        self._transmit = transmit
        self._table = ForwardingTable()
        self._tunnels = TunnelTable()
        self._hairpins = HairpinFilter()
        self._listeners: dict[tuple[str, int, int | None], int] = {}
        self._reassembler = Reassembler()
        self._deadlines: Deadlines[tuple[str, IPAddress]] = Deadlines()
        self._identification = 0

    def next_deadline(self) -> float | None:
        """When `tick` is due next: packets that wait for a next hop are not kept for ever."""
        return self._deadlines.next()

    def tick(self) -> None:
        """Give up next hops that nobody resolved in time: their senders get host unreachable."""
        for name, next_hop in self._deadlines.pop_due(self.now):
            tunnel = self._tunnels.by_name.get(name)
            waiting = tunnel.waiting.pop(next_hop, None) if tunnel else None
            for packet in waiting.packets if waiting else ():
                self._count("unresolved")
                self._refuse(packet, icmp.UnreachableCode.HOST, via=name)

    # ------------------------------------------------------------------------------------------------ from the wire

    def receive(self, interface: str, data: bytes) -> None:
        """A packet came in by a physical port."""
        port = self._table.ports.get(interface)
        if port is None or not port.running:
            return
        if self._took_short_way(interface, port, data):
            return
        try:
            packet = ip.parse(data)
        except WireError:
            self._count("malformed")
            return
        port.count_received(len(data), multicast=packet.destination.is_multicast)
        self._take(interface, packet)

    def _took_short_way(self, interface: str, port: Port, data: bytes) -> bool:
        """GRE for us and the multicasts of routing protocols are nearly all that a large quiet network hears.

        They are done here after a look at the header; the way below comes to the same, and is for everything else.
        """
        header = peek_plain(data)
        if header is None:
            return False
        if header.protocol == IpProtocol.GRE and header.destination in self._table.own:
            port.count_received(len(data))
            self._decapsulate(header.source, header.destination, data[HEADER_LENGTH:])
            return True
        if self._overheard(interface, header, data):
            port.count_received(len(data), multicast=True)
            return True
        return False

    def _overheard(self, interface: str, header: Header, data: bytes) -> bool:
        """Is it a multicast of a protocol without ports? Then whoever listens gets it, and nobody answers."""
        if header.protocol in _NOT_ONLY_HEARD or not header.destination.is_multicast:
            return False
        if (interface, header.protocol, None) in self._listeners:
            self._report(
                IpReceived(
                    interface=interface,
                    source=header.source,
                    destination=header.destination,
                    protocol=header.protocol,
                    payload=data[HEADER_LENGTH:],
                    ttl=header.ttl,
                    tos=header.tos,
                )
            )
        return True

    def _take(self, interface: str, packet: IpPacket, nbma: IPAddress | None = None) -> None:
        """A packet from a wire, or out of a tunnel (then `nbma` is the neighbour it came from)."""
        destination, port = packet.destination, self._table.port(interface)
        if destination.version == 6 and not (port.has_ipv6 and ip.is_possible(packet)):
            self._count("malformed")
        elif destination.is_multicast or port.is_broadcast(destination):
            self._deliver(interface, packet, quiet=True)
        elif self._table.owner(destination, interface) is not None:
            self._deliver(interface, packet)
        else:
            self._forward(interface, packet, nbma)

    # ------------------------------------------------------------------------------------------------ for ourselves

    def _deliver(self, interface: str, packet: IpPacket, *, quiet: bool = False) -> None:
        """A packet for this box. quiet: it was multicast or broadcast, which no error may answer (RFC 1122 §3.2.2)."""
        whole = self._whole(packet) if packet.is_fragment else packet
        if whole is None:
            return
        if whole.protocol == IpProtocol.GRE:
            self._decapsulate(whole.source, whole.destination, whole.payload)
        elif (
            ip.is_icmp(whole.protocol, whole.source) and self._answered_echo(interface, whole) and not _is_probe(whole)
        ):
            return
        else:
            self._pass_up(interface, whole, quiet=quiet)

    def _whole(self, fragment: IpPacket) -> IpPacket | None:
        """The datagram, if this was its last missing fragment. Those of IPv6, which only hosts make, are not joined."""
        if isinstance(fragment, Ipv4Packet):
            return self._reassembler.add(fragment, self.now)
        self._count("malformed")
        return None

    def _answered_echo(self, interface: str, packet: IpPacket) -> bool:
        try:
            message = ip.parse_icmp(packet.payload, packet.source, packet.destination)
        except WireError:
            self._count("malformed")
            return True
        if not isinstance(message, icmp.EchoRequest):
            return False
        version = packet.source.version
        stays = is_link_local(packet.source) or is_link_local(packet.destination)
        is_own = self._table.owner(packet.destination, interface) is not None
        reply = SendIp(
            interface if stays else None,
            packet.destination if is_own else None,
            packet.source,
            ip.ICMP[version],
            ip.serialize_icmp(message.reply(), version),
            tos=packet.tos,
        )
        with suppress(EffectError):  # a sender that nobody can reach gets no answer
            self._send_own(reply)
        return True

    def _pass_up(self, interface: str, packet: IpPacket, *, quiet: bool) -> None:
        port = peek_flow(packet.serialize()).destination_port if packet.protocol == IpProtocol.UDP else None
        if ip.is_icmp(packet.protocol, packet.source) or (interface, packet.protocol, port) in self._listeners:
            self._report(
                IpReceived(
                    interface=interface,
                    source=packet.source,
                    destination=packet.destination,
                    protocol=packet.protocol,
                    payload=packet.payload,
                    ttl=packet.ttl,
                    tos=packet.tos,
                )
            )
        elif not quiet:
            udp = packet.protocol == IpProtocol.UDP
            code = icmp.UnreachableCode.PORT if udp else icmp.UnreachableCode.PROTOCOL
            self._refuse(packet.serialize(), code, source=packet.destination, link=interface)

    # ------------------------------------------------------------------------------------------------ forwarding

    def _forward(self, interface: str, packet: IpPacket, nbma: IPAddress | None) -> None:
        if packet.destination.version == 6 and not self.forwards_ipv6:
            self._count("no_route")
            return
        if packet.ttl <= 1:
            self._count("expired")
            source = self._table.port(interface).address_towards(packet.source)
            self._answer(packet.serialize(), time_exceeded, source=source, link=interface)
            return
        packet = packet.one_hop_on()
        data = packet.serialize()
        hop = self._hop_of(interface, packet, data)
        if isinstance(hop, RouteKind):
            self._drop(data, hop, arrived=interface)
            return
        next_hop = hop.address or packet.destination
        if nbma is not None:
            self._watch_hairpin(interface, hop.interface, next_hop, nbma, data)
        self._emit(hop.interface, next_hop, data, mss=self._table.port(interface).clamp(next_hop.version))

    def _hop_of(self, interface: str, packet: IpPacket, data: bytes) -> NextHop | RouteKind:
        """The way of a packet of others. One with a link-local address stays on its link, RFC 4291 §2.5.6."""
        if is_link_local(packet.destination):
            return NextHop(interface)
        hop = self._table.choose(packet.destination, data)
        leaves_link = is_link_local(packet.source) and not isinstance(hop, RouteKind) and hop.interface != interface
        return RouteKind.DISCARD if leaves_link else hop

    def _drop(self, data: bytes, kind: RouteKind, *, arrived: str = "") -> None:
        self._count("no_route")
        if kind is not RouteKind.DISCARD:
            self._refuse(data, icmp.UnreachableCode.HOST, via=arrived)

    def _watch_hairpin(self, arrived: str, leaves: str, next_hop: IPAddress, nbma: IPAddress, data: bytes) -> None:
        order = self._tunnels.hairpin(arrived, leaves, next_hop, nbma)
        if order is None:
            return
        flow = peek_flow(data)
        if self._hairpins.first(flow.source, flow.destination, order.interval, self.now):
            self._report(Hairpin(arrived, leaves, nbma, data[:64]))

    # ------------------------------------------------------------------------------------------------ out of a port

    def _emit(self, interface: str, next_hop: IPAddress, data: bytes, *, mss: int | None = None) -> None:
        port = self._table.ports.get(interface)
        if port is None or not port.running:
            self._drop(data, RouteKind.UNREACHABLE)
            return
        version = next_hop.version
        own_mss = port.clamp(version)
        if limit := min(mss, own_mss) if mss and own_mss else mss or own_mss:
            data = clamp_mss(data, limit)
        if len(data) > port.largest(version):
            self._emit_fragments(port, next_hop, data)
        elif interface in self._tunnels.by_name:
            self._emit_tunnel(self._tunnels.by_name[interface], next_hop, data)
        elif self._transmit(interface, next_hop, data):
            port.count_sent(len(data))
        else:
            self._refuse(data, icmp.UnreachableCode.HOST, link=interface)

    def _emit_fragments(self, port: Port, next_hop: IPAddress, data: bytes) -> None:
        packet = ip.parse(data)
        if not isinstance(packet, Ipv4Packet) or packet.dont_fragment:
            self._answer(data, too_big(port.largest(packet.source.version)), link=port.name)
            return
        for piece in packet.fragments(port.mtu):
            self._emit(port.name, next_hop, piece.serialize())

    @abstractmethod
    def _emit_tunnel(self, tunnel: Tunnel, next_hop: IPAddress, data: bytes) -> None:
        """A packet leaves by a tunnel."""

    @abstractmethod
    def _decapsulate(self, nbma: IPAddress, local: IPAddress, message: bytes) -> None:
        """A GRE packet from `nbma` to `local`, an address of this box."""

    # ------------------------------------------------------------------------------------------------ our own packets

    def _send_own(self, effect: SendIp) -> None:
        destination = effect.destination
        if effect.source is not None and effect.source.version != destination.version:
            raise EffectError(effect, 97, f"a packet from {effect.source} to {destination}")
        own = self._table.owner(destination, effect.interface or "")
        if own is not None:
            source = effect.source or destination
            data = self._packet(source, destination, effect.protocol, effect.payload, effect.ttl, effect.tos)
            self._deliver(own, ip.parse(data))
            return
        hop = self._way_of(effect)
        if isinstance(hop, RouteKind):
            raise EffectError(effect, 101, f"no route to {destination}")
        port = self._table.ports.get(hop.interface)
        source_address = effect.source or (port.address_towards(destination) if port else None)
        if port is None or not port.running or source_address is None:
            raise EffectError(effect, 100, f"{hop.interface} is down or has no address")
        data = self._packet(
            source_address,
            destination,
            effect.protocol,
            effect.payload,
            effect.ttl,
            effect.tos,
            dont_fragment=effect.df,
        )
        self._emit(hop.interface, hop.address or destination, data)

    def _way_of(self, effect: SendIp) -> NextHop | RouteKind:
        """The way of a packet of our own: the interface that it has to leave by, or what its flow takes."""
        if effect.interface:
            self._draw_identification()  # as the look at a flow does: a seed's packets stay what they ever were
            return NextHop(effect.interface)
        source, destination = effect.source or effect.destination, effect.destination
        probe = self._packet(source, destination, effect.protocol, effect.payload, effect.ttl, 0)
        return self._table.choose(destination, probe)

    def _draw_identification(self) -> int:
        self._identification = (self._identification + 1) & 0xFFFF
        return self._identification

    def _packet(
        self,
        source: IPAddress,
        destination: IPAddress,
        protocol: int,
        payload: bytes,
        ttl: int,
        tos: int,
        *,
        dont_fragment: bool = False,
    ) -> bytes:
        return ip.build(
            source=source,
            destination=destination,
            protocol=protocol,
            payload=payload,
            ttl=ttl,
            tos=tos,
            identification=self._draw_identification(),
            dont_fragment=dont_fragment,
        )

    # ------------------------------------------------------------------------------------------------ ICMP errors

    def _refuse(
        self,
        data: bytes,
        code: icmp.UnreachableCode,
        *,
        source: IPAddress | None = None,
        via: str = "",
        link: str = "",
    ) -> None:
        """Tell the sender of a packet that it cannot be delivered. via: the interface it came by or should leave by,
        which answers; link: the same, if another one may.
        """
        if via and source is None:
            source = self._table.port(via).address_towards(peek_flow(data).source)
        self._answer(data, unreachable(code), source=source, link=link or via)

    def _answer(
        self,
        data: bytes,
        message: Callable[[bytes], IcmpError],
        *,
        source: IPAddress | None = None,
        link: str = "",
    ) -> None:
        """Send an ICMP error about a packet to its sender, unless RFC 1122 §3.2.2 forbids it.

        link: where the sender is, if its address is link-local.
        """
        if not may_answer(data):
            return
        sender = peek_flow(data).source
        body = ip.serialize_icmp(message(ip.quote(data)), sender.version)
        own = self._table.owner(sender, link)
        if own is not None:
            self._deliver(own, ip.parse(self._error_packet(sender, sender, body)))
            return
        if is_link_local(sender):
            hop = NextHop(link) if link else RouteKind.UNREACHABLE
        else:
            hop = self._table.choose(sender, data)
        if isinstance(hop, RouteKind):
            return
        # IOS answers a probe that came by a tunnel from the tunnel's own address, whatever address was probed.
        outgoing = self._table.port(hop.interface)
        if source is None or hop.interface in self._tunnels.by_name:
            source = outgoing.address_towards(sender)
        if source is not None:
            self._emit(hop.interface, hop.address or sender, self._error_packet(source, sender, body))

    def _error_packet(self, source: IPAddress, destination: IPAddress, message: bytes) -> bytes:
        protocol = ip.ICMP[destination.version]
        return self._packet(source, destination, protocol, message, 255, TOS_INTERNETWORK_CONTROL)

    def _count(self, what: str) -> None:
        self.counters = replace(self.counters, **{what: getattr(self.counters, what) + 1})


def _is_probe(packet: IpPacket) -> bool:
    """An echo request of another router: the machines hear of it."""
    return packet.tos == TOS_INTERNETWORK_CONTROL and ip.is_echo_request(packet.payload, packet.source.version)
