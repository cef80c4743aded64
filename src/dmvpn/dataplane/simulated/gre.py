"""Tunnels of the simulated box: encapsulation of packets that leave by one, decapsulation of received ones, and ESP.

The box of a tunnel's front door sends and receives its GRE packets; the packets inside are those of the box that the
tunnel is in. A packet for a next hop without adjacency waits there until `SetAdjacency` releases it, or it is given up.

    GRE packet -> connection (the adjacency's, else the newest) -> its current pair -> ESP [-> UDP] -> as any packet
    protocol 50, UDP 4500 -> SPI -> open -> GRE packet, with its connection
    UDP 500, and 4500 behind the non-ESP marker -> `IpReceived`

The octets are real ones: RFC 4303 with the ciphers of `dataplane.esp`, RFC 3948 in UDP. A connection has one outer
address at a time: its packets count as coming from there, whatever their source, until `MoveConnection`. All SAs are
in one table; each is of one front door, whose box seals and opens. Packets of a protected tunnel leave only encrypted.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address

from dmvpn.base import effects
from dmvpn.base.addresses import IPAddress
from dmvpn.base.effects import Effect, SendGre, SendKeepalive, TunnelSpec
from dmvpn.base.errors import UserError, WireError
from dmvpn.base.events import IpReceived, KeepaliveReceived, NhrpReceived, Unresolved
from dmvpn.base.shell import CaptureDirection
from dmvpn.dataplane.contract import RESOLUTION_TIMEOUT, UNRESOLVED_NEXT_HOPS, WAITING_PACKETS, Alarms, EffectError
from dmvpn.dataplane.esp.table import EspLink, PeerPlace
from dmvpn.dataplane.fragmentation import LEAST, PathMtus, Room
from dmvpn.dataplane.packets import IKE, IKE_BEHIND_NAT, NON_ESP_MARKER, may_answer, too_big
from dmvpn.dataplane.simulated.box import IpBox
from dmvpn.dataplane.simulated.chassis import Chassis, Loss
from dmvpn.dataplane.simulated.forwarding import NbmaPeer, Outer, SimulatedTunnel, Waiting
from dmvpn.net import gre, icmp, ip
from dmvpn.net import gre as ecn
from dmvpn.net import ip as udp
from dmvpn.net.ip import IpPacket
from dmvpn.net.ipv4 import HEADER_LENGTH, TOS_INTERNETWORK_CONTROL, Header, IpProtocol, ip_address, peek_plain
from dmvpn.net.ipv6 import LEAST_MTU, Ipv6Packet

#: Types of the payload of GRE that are IP packets.
_INNER = tuple(effects.GRE_OF.values())
#: Protocols that carry GRE: itself, ESP, and ESP in UDP.
_OF_TUNNELS = (IpProtocol.GRE, IpProtocol.ESP, IpProtocol.UDP)


class TunnelBox(IpBox):
    """A box with tunnels, which may be protected."""

    def __init__(self, chassis: Chassis, vrf: str, boxes: Mapping[str, TunnelBox]) -> None:
        super().__init__(chassis, vrf, boxes)
        self._boxes: Mapping[str, TunnelBox] = boxes
        self._paths = PathMtus[bytes]()
        self._refusals = Alarms()
        self._protection = chassis.protection
        self._served: frozenset[IPAddress] = frozenset()

    # ------------------------------------------------------------------------------------------------ out

    def _emit_tunnel(self, tunnel: SimulatedTunnel, next_hop: IPAddress, data: bytes) -> None:
        carried = effects.GRE_OF[data[0] >> 4]
        if next_hop.is_multicast or self._table.port(tunnel.spec.name).is_broadcast(next_hop):
            everybody = tunnel.multicast.get(next_hop.version, ())
            receivers = everybody if tunnel.spec.destination is None else (NbmaPeer(tunnel.spec.destination),)
            self._tell(tunnel, data, CaptureDirection.OUT)
            self._encapsulate(tunnel, receivers, carried, data)
            return
        neighbor = tunnel.neighbor(next_hop)
        if neighbor is not None:
            self._tell(tunnel, data, CaptureDirection.OUT)
            self._encapsulate(tunnel, (neighbor,), carried, data)
            return
        waiting = tunnel.waiting.get(next_hop)
        if waiting is None and len(tunnel.waiting) >= UNRESOLVED_NEXT_HOPS:
            self._lose(Loss.UNRESOLVED)
        elif waiting is None:
            tunnel.waiting[next_hop] = Waiting(self._chassis.now, [data])
            self._chassis.deadlines.set((tunnel.spec.name, next_hop), self._chassis.now + RESOLUTION_TIMEOUT)
            self._report(Unresolved(tunnel.spec.name, next_hop))
        elif len(waiting.packets) < WAITING_PACKETS:
            waiting.packets.append(data)

    def _tell(self, tunnel: SimulatedTunnel, packet: bytes, direction: CaptureDirection) -> None:
        if self._chassis.overhear is not None:
            self._chassis.overhear(tunnel.spec.name, packet, direction)

    def _encapsulate(
        self,
        tunnel: SimulatedTunnel,
        receivers: tuple[NbmaPeer, ...],
        protocol: int,
        payload: bytes,
        tos: int | None = None,
    ) -> None:
        """Send a packet to these neighbors: the GRE packet is made once, and an outer header for each of them."""
        front = self._front(tunnel.spec)
        if front is None:
            self._lose(Loss.NO_ROUTE)
            return
        port = self._table.port(tunnel.spec.name)
        tos = ip.peek_tos(payload) if tos is None else tos
        df = tunnel.spec.df is effects.DfBit.SET or (
            tunnel.spec.df is effects.DfBit.COPY
            and (protocol == effects.GRE_IPV6 or (protocol == effects.GRE_IPV4 and bool(payload[6] & 0x40)))
        )
        minds_paths = protocol in _INNER and tunnel.spec.df is not effects.DfBit.CLEAR
        message = b""
        for receiver in receivers:
            room = front.room(tunnel.spec, receiver) if minds_paths else None
            may_df = True
            if room is not None:
                length, largest = len(payload), room.largest
                if length > (largest if protocol == effects.GRE_IPV4 else max(largest, LEAST_MTU)):
                    self._encapsulate_pieces(tunnel, receiver, payload, largest)
                    continue
                may_df = room.df and length <= largest
            message = message or tunnel.header(protocol).serialize(payload)
            outer = front.outer(tunnel.spec, receiver, message, tos, df=df and may_df)
            if outer is not None:
                tunnel.count_sent(outer.receiver, len(payload))
                port.count_sent(len(payload))
                front.send_outer(outer.receiver.nbma, outer.packet)

    def _encapsulate_pieces(self, tunnel: SimulatedTunnel, receiver: NbmaPeer, payload: bytes, largest: int) -> None:
        """Encapsulate for a path of at most `largest` octets: fragment the packet first, or send its sender an ICMP
        error.
        """
        packet = ip.parse(payload)
        if isinstance(packet, Ipv6Packet):
            largest = max(largest, LEAST_MTU)
            if self._table.owner(packet.source, tunnel.spec.name) is not None:
                self._learn_own_path(packet.destination, largest)
        if isinstance(packet, Ipv6Packet) or packet.dont_fragment:
            if may_answer(payload) and self._refusals.may_tell(ip.peek_addresses(payload), self._chassis.now):
                self._answer(payload, too_big(largest), link=tunnel.spec.name)
            return
        try:
            pieces = packet.fragments(largest)
        except WireError:
            self._chassis.count_drop("malformed")
            return
        for piece in pieces:
            self._encapsulate(tunnel, (receiver,), effects.GRE_IPV4, piece.serialize())

    def _front(self, spec: TunnelSpec) -> TunnelBox | None:
        """Return the box that sends and receives a tunnel's GRE packets, or None: its VRF does not exist."""
        return self._boxes.get(spec.front)

    def room(self, spec: TunnelSpec, receiver: NbmaPeer) -> Room | None:
        """Return the room on the path to a neighbor; None: it is unknown."""
        now = self._chassis.now
        if not self._paths.knows(now):
            return None
        link = self._link_to(spec, receiver) if spec.protected else None
        mtu = self._paths.to(receiver.nbma.packed if link is None else link.place.address, now)
        if mtu is None:
            return None
        room = mtu - HEADER_LENGTH if link is None else link.room(mtu)
        return Room(room - gre.header_length(spec.key, checksum=spec.checksum, sequence=spec.sequence), mtu > LEAST)

    def outer(
        self, spec: TunnelSpec, receiver: NbmaPeer, message: bytes, tos: int, *, df: bool = False
    ) -> Outer | None:
        """Return the outer packet for a GRE packet, or None: it must not leave."""
        if not spec.protected:
            packet = self._packet(spec.source, receiver.nbma, IpProtocol.GRE, message, spec.ttl, tos, dont_fragment=df)
            return Outer(receiver, packet)
        link = self._link_to(spec, receiver)
        if link is None:
            self._chassis.count_drop("no_sa")
            return None
        if link.current.inner is not None:
            self._draw_identification()  # the packets of a seed stay the same
        is_sealed = self._protection.seal(link, message, tos, self._chassis.now)
        if self._protection.events:
            self._tell_events()
        if not is_sealed:
            return None  # already counted
        sealed = self._protection.sealed.pop()
        if self._chassis.sealed is not None:
            self._chassis.sealed(sealed.inside, sealed.packet)
        protocol, octets, remote = IpProtocol.ESP, sealed.packet, ip_address(sealed.remote)
        if sealed.port:
            protocol, octets = IpProtocol.UDP, udp.without_checksum(IKE_BEHIND_NAT, sealed.port, octets)
        packet = self._packet(spec.source, remote, protocol, octets, spec.ttl, tos, dont_fragment=df)
        return Outer(NbmaPeer(remote, link.number), packet)

    def _tell_events(self) -> None:
        events, self._protection.events = self._protection.events, []
        for event in events:
            self._report(event)

    def _link_to(self, spec: TunnelSpec, receiver: NbmaPeer) -> EspLink | None:
        local = self._protection.table.doors.number(spec.source, spec.front)
        if receiver.connection:
            link = self._protection.table.link(receiver.connection)
        else:
            link = self._protection.table.between(local, receiver.nbma.packed)
        if link is None or link.local != local or ip_address(link.place.address) in spec.barred:
            return None
        return link

    def _reached(self, tunnel: SimulatedTunnel, next_hop: IPAddress) -> NbmaPeer | None:
        neighbor = tunnel.neighbor(next_hop)
        if neighbor is None or not tunnel.spec.protected:
            return neighbor
        link = self._link_to(tunnel.spec, neighbor)
        return neighbor if link is None else NbmaPeer(ip_address(link.place.address), link.number)

    def _pass_up(self, interface: str, packet: IpPacket, *, quiet: bool) -> None:
        if packet.protocol == IpProtocol.ICMP:
            self._mind_path(packet.payload)
        elif isinstance(packet, Ipv6Packet) and packet.protocol == IpProtocol.ICMPV6:
            self._mind_own_path(packet)
        super()._pass_up(interface, packet, quiet=quiet)

    def _mind_path(self, message: bytes) -> None:
        """Learn a path MTU if the ICMP message is about a packet of a tunnel that was too big for a router on
        the way.
        """
        with suppress(WireError):
            error = icmp.parse(message)
            if not isinstance(error, icmp.DestinationUnreachable):
                return
            quoted, needs = error.quoted, icmp.UnreachableCode.FRAGMENTATION_NEEDED
            if error.code != needs or len(quoted) < HEADER_LENGTH or quoted[9] not in _OF_TUNNELS:
                return
            specs = [tunnel.spec for tunnel in self._tunnels.by_name.values() if tunnel.spec.front == self.vrf]
            if any(spec.df is not effects.DfBit.CLEAR and spec.source.packed == quoted[12:16] for spec in specs):
                self._paths.learn(quoted[16:20], error.next_hop_mtu, self._chassis.now)

    def _mind_own_path(self, packet: Ipv6Packet) -> None:
        """Learn a path MTU from the message of a router that says that a packet of its receiver was too big."""
        with suppress(WireError):
            error = ip.parse_icmp(packet.payload, packet.source, packet.destination)
            if not isinstance(error, icmp.DestinationUnreachable):
                return
            source, destination = ip.peek_addresses(error.quoted)
            is_ours = error.code == icmp.UnreachableCode.FRAGMENTATION_NEEDED and source == packet.destination
            if is_ours and packet.source != source:
                self._learn_own_path(destination, error.next_hop_mtu)

    def _learn_own_path(self, destination: IPAddress, mtu: int) -> None:
        """Learn a path MTU for our own packets: none above the known one, or below the least of IPv6 (RFC 8201 §4)."""
        if LEAST_MTU <= mtu < (self._path_mtus.to(destination.packed, self._chassis.now) or 0xFFFF):
            self._path_mtus.learn(destination.packed, mtu, self._chassis.now)

    def send_outer(self, nbma: IPAddress, outer: bytes) -> None:
        """Send the outer packet of a tunnel whose front door this is."""
        hop = self._table.choose(nbma, outer)
        # A route to the far end that leads through a tunnel would encapsulate forever; the tunnel feature reports that.
        if isinstance(hop, effects.RouteKind):
            self._lose(Loss.NO_ROUTE)
        elif hop.interface in self._tunnels.by_name:
            self._lose(Loss.RECURSIVE)
        else:
            self._counted[nbma.version]["IpOutRequests"] += 1
            self._emit(hop.interface, hop.address or nbma, outer)

    # ------------------------------------------------------------------------------------------------ in

    def _decapsulate(self, sender: NbmaPeer, local: IPAddress, message: bytes, tos: int | None = None) -> None:
        """Decapsulate the GRE packet from a neighbor to our address `local`."""
        try:
            header, start = gre.GreHeader.parse(message)
        except WireError:
            self._chassis.count_drop("malformed")
            return
        tunnel = self._tunnels.demultiplex(self.vrf, local, sender.nbma, header.key)
        port = self._chassis.ports.get(tunnel.spec.name) if tunnel is not None else None
        if tunnel is None or port is None or not port.up:
            self._chassis.count_drop("no_tunnel")
            return
        if not self._may_come(tunnel, sender, local):
            return
        name, payload = tunnel.spec.name, message[start:]
        tunnel.count_received(sender, len(payload))
        if tunnel.spec.sequence and not tunnel.sequence.is_in_order(header.sequence):
            self._chassis.count_drop("malformed")
            return
        port.count_received(len(payload))
        if header.protocol_type == effects.GRE_NHRP:
            self._report(NhrpReceived(name, sender.nbma, payload, sender.connection))
        elif header.protocol_type == gre.ProtocolType.KEEPALIVE:
            self._report(KeepaliveReceived(name))
        elif (marked := _marked(tos, header.protocol_type, payload)) is None:
            self._chassis.count_drop("malformed")
        elif not self._boxes[port.vrf].take_inner(tunnel, sender, local, header.protocol_type, marked):
            self._chassis.count_drop("not_ipv4")

    def _may_come(self, tunnel: SimulatedTunnel, sender: NbmaPeer, local: IPAddress) -> bool:
        spec, is_sealed = tunnel.spec, bool(sender.connection)
        if spec.protected and not is_sealed:
            door = self._protection.table.doors.number(local, self.vrf)
            self._protection.refuse_clear(door, sender.nbma.packed, self._chassis.now)
            self._tell_events()
            return False
        if is_sealed and (not spec.protected or sender.nbma in spec.barred):
            self._chassis.count_drop("no_tunnel")
            return False
        return True

    def take_inner(
        self, tunnel: SimulatedTunnel, sender: NbmaPeer, local: IPAddress, protocol: int, payload: bytes
    ) -> bool:
        """Process the payload of GRE; return False if it is no IP packet of the version in GRE's protocol type."""
        name = tunnel.spec.name
        is_running = self._table.port(name).running
        self._tell(tunnel, payload, CaptureDirection.IN)
        self._counted[6 if protocol == effects.GRE_IPV6 else 4]["IpInReceives"] += 1
        if self._filters.ports and not self._admits(name, payload):
            return True
        if protocol == gre.ProtocolType.IPV4 and is_running:
            header = peek_plain(payload)
            if header is not None and self._overheard(name, header, payload):
                return True
            if header is not None and header.protocol != IpProtocol.GRE and self._is_for_others(name, header):
                self.forward(name, header, payload, sender)
                return True
        try:
            inner = ip.parse(payload)
        except WireError:
            return False
        if effects.GRE_OF[inner.source.version] != protocol:
            return False
        if inner.protocol == IpProtocol.GRE and (inner.destination, inner.source) == (sender.nbma, local):
            # The neighbor's keepalive goes back even while our own line is down: otherwise two could never come up
            # again.
            front = self._front(tunnel.spec)
            if front is not None:
                front.return_keepalive(tunnel.spec, sender, payload)
        elif is_running:
            self._take(name, inner, sender)
        return True

    def return_keepalive(self, spec: TunnelSpec, sender: NbmaPeer, packet: bytes) -> None:
        """Send a keepalive back to the neighbor that it came from."""
        if not spec.protected:
            self.send_outer(sender.nbma, packet)
            return
        outer = self.outer(spec, sender, ip.parse(packet).payload, ip.peek_tos(packet))
        if outer is not None:
            self.send_outer(outer.receiver.nbma, outer.packet)

    def _send_gre(self, effect: SendGre) -> None:
        tunnel = self._tunnel(effect, effect.tunnel)
        receiver = NbmaPeer(effect.nbma, effect.connection)
        self._encapsulate(tunnel, (receiver,), effect.protocol, effect.payload, effect.tos)

    def _send_keepalive(self, effect: SendKeepalive) -> None:
        tunnel = self._tunnel(effect, effect.tunnel)
        spec = tunnel.spec
        if not isinstance(spec.source, IPv4Address) or not isinstance(spec.destination, IPv4Address):
            raise EffectError(effect, 97, "keepalives are for point-to-point tunnels over IPv4")
        payload = gre.keepalive(spec.source, spec.destination, key=spec.key)[gre.header_length(spec.key) :]
        message = tunnel.header(effects.GRE_IPV4).serialize(payload)
        front = self._front(spec)
        outer = front.outer(spec, NbmaPeer(spec.destination), message, TOS_INTERNETWORK_CONTROL) if front else None
        if front is not None and outer is not None:
            tunnel.count_sent(outer.receiver, len(payload))
            front.send_outer(outer.receiver.nbma, outer.packet)

    def _tunnel(self, effect: Effect, name: str) -> SimulatedTunnel:
        tunnel = self._tunnels.by_name.get(name)
        if tunnel is None:
            raise EffectError(effect, 19, f"no tunnel {name}")
        return tunnel

    # ------------------------------------------------------------------------------------------------ ESP and IKE

    def _execute_ipsec(self, effect: Effect) -> None:
        match effect:
            case effects.ServeIpsec():
                self._served = frozenset(effect.locals)
            case effects.InstallSa():
                try:
                    self._protection.table.install(effect.sa, eager=effect.eager)
                except UserError as error:
                    raise EffectError(effect, errno.EINVAL, str(error)) from error
            case effects.UseSa():
                self._protection.table.use(effect.spi_in)
            case effects.RemoveSa():
                self._protection.table.remove(effect.spi_in)
            case effects.MoveConnection():
                self._protection.table.move(effect.connection, PeerPlace(effect.remote.packed, effect.remote_port))
            case effects.PollSas():
                self._report(self._chassis.sas_counted())
            case _:
                pass

    def _is_ipsec(self, interface: str, header: Header | IpPacket, payload: bytes) -> bool:
        if header.destination not in self._served:
            return False
        if header.protocol == IpProtocol.ESP:
            self._open(PeerPlace(header.source.packed, 0), header, payload)
            return True
        ports = payload[:4]
        if len(payload) < udp.UDP_HEADER_LENGTH:
            return False
        port = int.from_bytes(ports[2:], "big")
        if port == IKE:
            self._hand_to_ike(interface, header, payload)
        elif port == IKE_BEHIND_NAT:
            data = payload[udp.UDP_HEADER_LENGTH :]
            if data[:4] == NON_ESP_MARKER:
                self._hand_to_ike(interface, header, payload)
            elif len(data) > len(NON_ESP_MARKER):  # else the octet that keeps a mapping alive (RFC 3948 §2.3)
                self._open(PeerPlace(header.source.packed, int.from_bytes(ports[:2], "big")), header, data)
        else:
            return False
        return True

    def _hand_to_ike(self, interface: str, header: Header | IpPacket, payload: bytes) -> None:
        self._report(
            IpReceived(
                interface=interface,
                source=header.source,
                destination=header.destination,
                protocol=IpProtocol.UDP,
                payload=payload,
                ttl=header.ttl,
                tos=header.tos,
                vrf=self.vrf,
            )
        )

    def _open(self, source: PeerPlace, header: Header | IpPacket, packet: bytes) -> None:
        """Decrypt ESP that came to an address of ours; header: the outer one."""
        door = self._protection.table.doors.number(header.destination, self.vrf)
        opened = self._protection.open(door, source, header.tos, packet, self._chassis.now)
        if self._protection.events:
            self._tell_events()
        if opened is not None:
            sender = NbmaPeer(ip_address(opened.nbma), opened.connection)
            self._decapsulate(sender, header.destination, opened.gre, opened.tos)


def _marked(tos: int | None, protocol: int, payload: bytes) -> bytes | None:
    """Return an IP packet with the outer header's congestion marks (RFC 6040); None: it must be dropped."""
    if tos is None or protocol not in _INNER or len(payload) < HEADER_LENGTH:
        return payload
    return ecn.decapsulated(tos, payload)
