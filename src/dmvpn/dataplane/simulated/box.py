"""A small IP box: packet processing of the Linux kernel and a userspace plane, without Linux.

The objects: `SimulatedPort` (an interface with its addresses), the forwarding table (connected prefixes and `SetRoute`s
in one longest-match table), `SimulatedTunnel`s (see forwarding.py), listeners. The path of a packet:

    receive(interface, packet) -> for us?      -> deliver  -> GRE: decapsulate -> receive(tunnel, inner packet)
                               |                           -> ICMP echo: answer; listener: event; else ICMP error
                               -> else forward -> TTL, longest match, hairpin -> emit
    emit        -> a tunnel: MTU, MSS, adjacency -> GRE -> forwarding table again -> emit out of a physical port
                -> physical: MTU, fragments -> `transmit(interface, next hop, packet)` of the network it is plugged into

Packets are real octets from end to end, so every packet here has been encoded and decoded. IPv6 takes the same path;
neighbors need no resolution, as with IPv4. A link-local address is looked up on its own link, in no table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from dmvpn.base.addresses import IPAddress, is_link_local
from dmvpn.base.effects import NextHop, RouteKind, SendIp
from dmvpn.base.errors import WireError
from dmvpn.base.events import Hairpin, IpReceived
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.fragmentation import PathMtus, Reassembler
from dmvpn.dataplane.packets import IcmpError, may_answer, time_exceeded, too_big, unreachable
from dmvpn.dataplane.simulated.chassis import Chassis, Loss
from dmvpn.dataplane.simulated.forwarding import (
    ForwardingTable,
    HairpinFilter,
    NbmaPeer,
    SimulatedPort,
    SimulatedTunnel,
)
from dmvpn.dataplane.translator import Drop
from dmvpn.net import icmp, ip
from dmvpn.net.ip import IpPacket, peek_flow
from dmvpn.net.ipv4 import HEADER_LENGTH, TOS_INTERNETWORK_CONTROL, Header, IpProtocol, Ipv4Packet, peek_plain
from dmvpn.net.ipv6 import LEAST_MTU, Ipv6Packet, is_of_the_link
from dmvpn.net.tcp import clamp_mss

#: Protocols whose multicasts do not only go to listeners: echoes are answered, UDP has ports, GRE is decapsulated.
_NOT_ONLY_HEARD = frozenset({IpProtocol.ICMP, IpProtocol.UDP, IpProtocol.GRE})
#: Protocols that carry ESP and IKE.
_MAY_BE_SEALED = frozenset({IpProtocol.ESP, IpProtocol.UDP})


class IpBox(ABC):
    """Receives packets from wires and tunnels, forwards and sends them; `gre.py` adds tunnels, `vrfs.py` the effects.

    Each VRF has one, and so has the global table.
    """

    def __init__(self, chassis: Chassis, vrf: str, boxes: Mapping[str, IpBox]) -> None:
        """vrf: the VRF that it is the box of, "": the global table. boxes: of all VRFs."""
        self.vrf = vrf
        self._boxes = boxes
        self._chassis = chassis
        self._report = chassis.report
        self._table = chassis.tables[vrf] = ForwardingTable(vrf, chassis.ports, chassis.tables)
        self._tunnels = chassis.tunnel_table
        self._translation = chassis.translation
        self._filters = chassis.filters
        self._identification = 0
        self._hairpins = HairpinFilter()
        self._listeners = chassis.listeners
        self._reassemblers = {4: Reassembler(), 6: Reassembler()}
        self._path_mtus: PathMtus[bytes] = PathMtus()  # of IPv6 packets of our own, by packed destination
        self._counted = chassis.counted

    def give_up(self, tunnel: SimulatedTunnel, next_hop: IPAddress) -> None:
        """Drop packets for a next hop that was not resolved in time: their senders get host unreachable."""
        waiting = tunnel.waiting.pop(next_hop, None)
        for packet in waiting.packets if waiting else ():
            self._lose(Loss.UNRESOLVED)
            self._refuse(packet, icmp.UnreachableCode.HOST, via=tunnel.spec.name)

    # ------------------------------------------------------------------------------------------------ from the wire

    def receive(self, port: SimulatedPort, data: bytes) -> None:
        """Receive a packet by a physical port."""
        interface = port.name
        if self._filters.ports and not self._admits(interface, data):
            port.count_received(len(data))
            return
        if self._took_short_way(interface, port, data):
            self._counted[4]["IpInReceives"] += 1
            return
        try:
            packet = ip.parse(data)
        except WireError:
            self._lose(Loss.MALFORMED)
            return
        port.count_received(len(data), multicast=packet.destination.is_multicast)
        self._counted[packet.destination.version]["IpInReceives"] += 1
        self._take(interface, packet)

    def _admits(self, interface: str, data: bytes) -> bool:
        """Return whether the filters of the interface let a received packet go on; if not, answer its sender."""
        admitted = self._filters.admits(interface, data, self._table, self._chassis.now)
        if admitted is False:
            with suppress(WireError):  # of a packet that cannot be read there is nobody to tell
                ip.parse(data)
                self._prohibit(data, interface)
        return bool(admitted)

    def _took_short_way(self, interface: str, port: SimulatedPort, data: bytes) -> bool:
        """Handle GRE for us, multicasts of routing protocols and transit packets, nearly all traffic, by a short path.

        The short path looks only at the header; the normal path below has the same result, and handles all other
        packets.
        """
        header = peek_plain(data)
        if header is None or self._translation.is_outside(interface):
            return False
        if header.protocol == IpProtocol.GRE and header.destination in self._table.own:
            port.count_received(len(data))
            self._counted[4]["IpInDelivers"] += 1
            self._decapsulate(NbmaPeer(header.source), header.destination, data[HEADER_LENGTH:])
            return True
        if header.protocol in _MAY_BE_SEALED and self._is_ipsec(interface, header, data[HEADER_LENGTH:]):
            port.count_received(len(data))
            self._counted[4]["IpInDelivers"] += 1
            return True
        if self._overheard(interface, header, data):
            port.count_received(len(data), multicast=True)
            return True
        if self._is_for_others(interface, header):
            port.count_received(len(data))
            self.forward(interface, header, data, None)
            return True
        return False

    def _is_for_others(self, interface: str, header: Header) -> bool:
        """Return whether a packet only needs to be forwarded, by its header alone."""
        destination = header.destination
        return not (
            header.is_multicast
            or self._table.port(interface).is_broadcast(destination)
            or self._is_for_us(interface, destination)
        )

    def _is_for_us(self, interface: str, destination: IPAddress) -> bool:
        """Return whether the router has or translates an address."""
        return self._table.owner(destination, interface) is not None or self._translation.claims(destination, interface)

    def _overheard(self, interface: str, header: Header, data: bytes) -> bool:
        """Return whether the packet is a multicast of a protocol without ports.

        Then it goes to every listener, and is not answered.
        """
        if header.protocol in _NOT_ONLY_HEARD or not header.is_multicast:
            return False
        self._counted[4]["IpInDelivers"] += 1
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
                    vrf=self.vrf,
                )
            )
        return True

    def _take(self, interface: str, packet: IpPacket, sender: NbmaPeer | None = None) -> None:
        """Process a packet from a wire, or out of a tunnel (then `sender` is the neighbor it came from)."""
        destination, port = packet.destination, self._table.port(interface)
        if destination.version == 6 and not (port.has_ipv6 and ip.is_possible(packet)):
            self._lose(Loss.MALFORMED)
        elif destination.is_multicast or port.is_broadcast(destination):
            self._deliver(interface, packet, quiet=True)
        elif self._is_for_us(interface, destination):
            self._deliver(interface, packet)
        else:
            self.forward(interface, packet, packet.serialize(), sender)

    # ------------------------------------------------------------------------------------------------ for ourselves

    def _deliver(self, interface: str, packet: IpPacket, *, quiet: bool = False) -> None:
        """Deliver a packet for this box. quiet: it was multicast or broadcast, so no error may answer it (RFC 1122
        §3.2.2).
        """
        whole = self._whole(packet) if packet.is_fragment else packet
        if whole is not None and (
            self._translation.is_outside(interface) or self._translation.claims(packet.destination, interface)
        ):
            whole = self._let_inside(interface, whole)
        if whole is None:
            return
        version = whole.source.version
        self._counted[version]["IpInDelivers"] += 1
        if ip.is_icmp(whole.protocol, whole.source):
            self._chassis.count_icmp(version, "In", whole.payload)
        if whole.protocol == IpProtocol.GRE:
            self._decapsulate(NbmaPeer(whole.source), whole.destination, whole.payload)
        elif (whole.protocol in _MAY_BE_SEALED and self._is_ipsec(interface, whole, whole.payload)) or (
            ip.is_icmp(whole.protocol, whole.source) and self._answered_echo(interface, whole) and not _is_probe(whole)
        ):
            return
        elif self._has_streams(interface, whole) and not quiet:
            self._take_segment(whole)
        else:
            self._pass_up(interface, whole, quiet=quiet)

    def take_answer(self, interface: str, packet: IpPacket) -> None:
        """Take the answer to a packet that this box sent by a route leak. interface: where it came in."""
        if self._has_streams(interface, packet):
            self._take_segment(packet)
        else:
            self._pass_up(interface, packet, quiet=True)

    def _has_streams(self, interface: str, packet: IpPacket) -> bool:
        """Return whether the packet is a segment for our TCP. A listener for the whole protocol does TCP itself."""
        return packet.protocol == IpProtocol.TCP and (interface, packet.protocol, None) not in self._listeners

    def _take_segment(self, packet: IpPacket) -> None:
        try:
            self._chassis.streams.receive(packet, self._chassis.now, self.vrf)
        except WireError:
            self._lose(Loss.MALFORMED)

    def _whole(self, fragment: IpPacket) -> IpPacket | None:
        """Return the datagram, if this was its last missing fragment.

        News of the link never come in fragments (RFC 6980), and the first one has all headers (RFC 7112).
        """
        version = fragment.source.version
        if version == 4 or is_of_the_link(fragment.serialize()) is False:
            with suppress(WireError):
                return self._reassemblers[version].add(fragment, self._chassis.now)
        self._lose(Loss.MALFORMED)
        return None

    def _answered_echo(self, interface: str, packet: IpPacket) -> bool:
        try:
            message = ip.parse_icmp(packet.payload, packet.source, packet.destination)
        except WireError:
            self._lose(Loss.MALFORMED)
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
            ttl=self._chassis.echo_ttl,
            tos=packet.tos,
        )
        with suppress(EffectError):  # no reply to a sender without a route
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
                    vrf=self.vrf,
                )
            )
        elif not quiet:
            udp = packet.protocol == IpProtocol.UDP
            code = icmp.UnreachableCode.PORT if udp else icmp.UnreachableCode.PROTOCOL
            self._refuse(packet.serialize(), code, source=packet.destination, link=interface)

    # ------------------------------------------------------------------------------------------------ forwarding

    def forward(self, interface: str, packet: IpPacket | Header, data: bytes, sender: NbmaPeer | None) -> None:
        """Forward a packet. data: its octets."""
        is_ipv6 = packet.destination.version == 6
        counted = self._counted[6 if is_ipv6 else 4]
        if (
            not self._chassis.forwards_ipv6 if is_ipv6 else not self._table.port(interface).has_ipv4
        ):  # one without an address is not routed from
            self._lose(Loss.NO_IPV6 if is_ipv6 else Loss.NO_IPV4)
            return
        if packet.ttl <= 1:
            self._lose(Loss.EXPIRED)
            source = self._table.port(interface).address_towards(packet.source)
            self._answer(data, time_exceeded, source=source, link=interface)
            return
        data = ip.one_hop_on(data)
        hop = self._hop_of(interface, packet, data)
        if isinstance(hop, RouteKind):
            self._lose(Loss.NO_ROUTE)
            counted["IpInNoRoutes"] += 1
            if hop is not RouteKind.DISCARD:
                self._refuse(data, icmp.UnreachableCode.HOST, via=interface)
            return
        next_hop = hop.address or packet.destination
        if sender is not None:
            self._watch_hairpin(interface, hop.interface, next_hop, sender, data)
        if self._translation.is_between(interface, hop.interface) and packet.destination.version == 4:
            translated = self._translated(hop.interface, Ipv4Packet.parse(data))
            if translated is None:
                return
            data = translated
        released = not self._filters.ports or self._filters.releases(hop.interface, data, self._chassis.now)
        if not released:
            if released is False:
                self._prohibit(data, interface)
            return
        counted["IpOutForwDatagrams"] += 1
        self._emit(hop.interface, next_hop, data, mss=self._table.port(interface).clamp(data[0] >> 4))

    def _translated(self, leaves: str, packet: Ipv4Packet) -> bytes | None:
        """Return a packet from inside after translation; None: it is dropped, or fragments are missing."""
        port = self._table.port(leaves)
        if packet.dont_fragment and len(packet.serialize()) > port.mtu:
            self._answer(packet.serialize(), too_big(port.mtu))  # sent from the port's own address
            return None
        whole = self._whole(packet) if packet.is_fragment else packet
        if whole is None:
            return None
        result = self._translation.outwards(leaves, whole.serialize(), self._chassis.now, self.vrf)
        if isinstance(result, Drop):
            self._lose(Loss.NOT_TRANSLATED if result is Drop.REFUSED else Loss.NAT_IS_FULL)
            return None
        return result

    def _let_inside(self, interface: str, packet: IpPacket) -> IpPacket | None:
        """Translate a packet for our outside address: a reply goes to the station inside.

        A packet for us is returned.
        """
        found = self._translation.inwards(interface, packet.serialize(), self._chassis.now)
        vrf, moved = (self.vrf, packet) if found is None else (found[0], ip.parse(found[1]))
        is_own = packet.destination.is_multicast or self._table.port(interface).is_broadcast(packet.destination)
        if found is None and not is_own and self._table.owner(packet.destination, interface) is None:
            self._lose(Loss.NOT_PUBLISHED)
            return None
        if vrf == self.vrf and self._table.owner(moved.destination, interface) is not None:
            return moved
        box = self._boxes.get(vrf)
        if box is not None and moved.destination == packet.destination:
            box.take_answer(interface, moved)
        elif packet.ttl <= 1:
            self._lose(Loss.EXPIRED)
            self._answer(packet.serialize(), time_exceeded, source=packet.destination, link=interface)
        elif box is not None:
            box.forward(interface, moved, moved.serialize(), None)
        return None

    def _hop_of(self, interface: str, packet: IpPacket | Header, data: bytes) -> NextHop | RouteKind:
        """Return the next hop of a transit packet. One with a link-local address stays on its link, RFC 4291 §2.5.6."""
        if is_link_local(packet.destination):
            return NextHop(interface)
        hop = self._table.choose(packet.destination, data)
        leaves_link = is_link_local(packet.source) and not isinstance(hop, RouteKind) and hop.interface != interface
        return RouteKind.DISCARD if leaves_link else hop

    def _watch_hairpin(self, arrived: str, leaves: str, next_hop: IPAddress, sender: NbmaPeer, data: bytes) -> None:
        order = self._tunnels.hairpin(arrived, leaves, data[0] >> 4)
        if order is None or leaves not in self._table.ports:
            return
        if self._reached(self._tunnels.by_name[leaves], next_hop) == sender:
            return  # a packet that goes back where it came from is no detour
        flow = peek_flow(data)
        if self._hairpins.first(order, flow.source, flow.destination, self._chassis.now):
            self._report(Hairpin(arrived, leaves, sender.nbma, data[:64], sender.connection))

    # ------------------------------------------------------------------------------------------------ out of a port

    def _emit(self, interface: str, next_hop: IPAddress, data: bytes, *, mss: int | None = None) -> None:
        port = self._table.ports.get(interface)
        if port is None and (other := self._chassis.ports.get(interface)) is not None:
            if len(data) > other.largest(data[0] >> 4):  # its sender is in this table
                self._emit_fragments(other, next_hop, data)
            else:
                self._boxes[other.vrf].take_leaked(interface, next_hop, data, mss=mss)
            return
        if port is None or not port.running:
            self._lose(Loss.PORT_DOWN)
            self._refuse(data, icmp.UnreachableCode.HOST)
            return
        version = data[0] >> 4  # of an IPv4 packet, too, the next hop may be IPv6 (RFC 8950)
        own_mss = port.clamp(version)
        if limit := min(mss, own_mss) if mss and own_mss else mss or own_mss:
            data = clamp_mss(data, limit)
        if len(data) > port.largest(version):
            self._emit_fragments(port, next_hop, data)
        elif interface in self._tunnels.by_name:
            self._emit_tunnel(self._tunnels.by_name[interface], next_hop, data)
        elif self._chassis.transmit(interface, next_hop, data):
            port.count_sent(len(data))
        else:
            self._refuse(data, icmp.UnreachableCode.HOST, link=interface)

    def take_leaked(self, interface: str, next_hop: IPAddress, data: bytes, *, mss: int | None) -> None:
        """Send a packet from the box of another VRF out of an interface of this one, or deliver it here."""
        own = self._table.owner(next_hop, interface)
        if own is not None and next_hop == peek_flow(data).destination:
            self._deliver(own, ip.parse(data))
        else:
            self._emit(interface, next_hop, data, mss=mss)

    def _emit_fragments(self, port: SimulatedPort, next_hop: IPAddress, data: bytes) -> None:
        packet = ip.parse(data)
        if not isinstance(packet, Ipv4Packet) or packet.dont_fragment:
            self._answer(data, too_big(port.largest(packet.source.version)), link=port.name)
            return
        try:
            pieces = packet.fragments(port.mtu)
        except WireError:
            self._lose(Loss.MALFORMED)
            return
        for piece in pieces:
            self._emit(port.name, next_hop, piece.serialize())

    # ------------------------------------------------------------------------------------------------ our own packets

    def _send_own(self, effect: SendIp) -> None:
        destination = effect.destination
        if effect.source is not None and effect.source.version != destination.version:
            raise EffectError(effect, 97, f"a packet from {effect.source} to {destination}")
        own = self._table.owner(destination, effect.interface or "")
        if own is not None:
            self._count_own(effect)
            source = effect.source or destination
            data = self._packet(source, destination, effect.protocol, effect.payload, effect.ttl, effect.tos)
            self._deliver(own, ip.parse(data))
            return
        hop = self._way_of(effect)
        if isinstance(hop, RouteKind):
            raise EffectError(effect, 101, f"no route to {destination}")
        port = self._table.ports.get(hop.interface) or (
            None if effect.interface else self._chassis.ports.get(hop.interface)
        )
        source_address = effect.source or (port.address_towards(destination) if port else None)
        if port is None or not port.running or source_address is None:
            raise EffectError(effect, 100, f"{hop.interface} is down or has no address")
        self._count_own(effect)
        data = self._packet(
            source_address,
            destination,
            effect.protocol,
            effect.payload,
            effect.ttl,
            effect.tos,
            dont_fragment=effect.df,
        )
        for piece in self._pieces(effect, port, data) if destination.version == 6 else (data,):
            self._emit(hop.interface, hop.address or destination, self._own_translated(hop.interface, piece))

    def _own_translated(self, leaves: str, data: bytes) -> bytes:
        """Return a packet of our own as it leaves by this interface."""
        return self._translation.own(leaves, data, self._chassis.now, self.vrf)

    def _pieces(self, effect: SendIp, port: SimulatedPort, data: bytes) -> Iterable[bytes]:
        """Return a packet of our own as it leaves over IPv6, where no router cuts it; none if it must not be cut."""
        largest = port.largest(6)
        if len(data) > LEAST_MTU and self._path_mtus.knows(self._chassis.now):
            largest = min(largest, self._path_mtus.to(effect.destination.packed, self._chassis.now) or largest)
        if len(data) <= largest:
            return (data,)
        if effect.df:
            self._answer(data, too_big(largest), link=port.name)
            return ()
        packet = Ipv6Packet.parse(data)
        return [piece.serialize() for piece in packet.fragments(max(largest, LEAST_MTU), self._identification)]

    def _count_own(self, effect: SendIp) -> None:
        version = effect.destination.version
        self._counted[version]["IpOutRequests"] += 1
        if effect.protocol == ip.ICMP[version]:
            self._chassis.count_icmp(version, "Out", effect.payload)

    def _way_of(self, effect: SendIp) -> NextHop | RouteKind:
        """Return the next hop of a packet of our own: the interface that it has to leave by, or the route of
        its flow.
        """
        if effect.interface:
            self._draw_identification()  # drawn here as the flow check does: the packets of a seed stay the same
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
        """Send the sender of a packet an ICMP error: it cannot be delivered.

        via: the interface it came by or should leave by; its address is the source.
        link: the same, if it may be another interface.
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
        leaves_link = source is not None and is_link_local(source) and hop.interface != link
        if source is None or leaves_link or hop.interface in self._tunnels.by_name:
            source = outgoing.address_towards(sender)
        is_unreachable = sender.version == 4 and body[0] == icmp.IcmpType.DESTINATION_UNREACHABLE
        if is_unreachable and self._filters.is_silent(hop.interface):
            return
        if source is not None:
            self._emit(hop.interface, hop.address or sender, self._error_packet(source, sender, body))

    def _prohibit(self, data: bytes, interface: str) -> None:
        """Answer a packet that a list of the interface denies, not more often than IOS does."""
        if may_answer(data) and self._filters.may_prohibit(self._chassis.now):
            self._refuse(data, icmp.UnreachableCode.ADMINISTRATIVELY_PROHIBITED, via=interface)

    def _error_packet(self, source: IPAddress, destination: IPAddress, message: bytes) -> bytes:
        protocol = ip.ICMP[destination.version]
        self._counted[destination.version]["IpOutRequests"] += 1
        self._chassis.count_icmp(destination.version, "Out", message)
        return self._packet(source, destination, protocol, message, 255, TOS_INTERNETWORK_CONTROL)

    def _lose(self, loss: Loss) -> None:
        """Count a packet that is dropped."""
        losses = self._chassis.losses
        losses[loss] = losses.get(loss, 0) + 1

    # ------------------------------------------------------------------------------------------------ tunnels

    @abstractmethod
    def _emit_tunnel(self, tunnel: SimulatedTunnel, next_hop: IPAddress, data: bytes) -> None:
        """Send a packet by a tunnel."""

    @abstractmethod
    def _reached(self, tunnel: SimulatedTunnel, next_hop: IPAddress) -> NbmaPeer | None:
        """Return the neighbor that packets for an overlay next hop reach, as received packets name it."""

    @abstractmethod
    def _decapsulate(self, sender: NbmaPeer, local: IPAddress, message: bytes, tos: int | None = None) -> None:
        """Decapsulate a GRE packet from a neighbor to `local`, an address of this box. tos: outer, of a packet out of
        ESP.
        """

    @abstractmethod
    def _is_ipsec(self, interface: str, header: Header | IpPacket, payload: bytes) -> bool:
        """Return whether this packet for this box was ESP, or IKE's. Then it has been processed."""


def _is_probe(packet: IpPacket) -> bool:
    """Return whether the packet is an echo request of another router: these are reported."""
    return packet.tos == TOS_INTERNETWORK_CONTROL and ip.is_echo_request(packet.payload, packet.source.version)
