"""The processing of each packet between a TAP and GRE, as a value: octets in, octets out, no system call.

    outbound(tunnel, frame)  packet routed into a TAP           -> checksums, segments, MSS, ICMP source -> GRE ->
                             `wire`
    inbound(packet)          packet from an NBMA neighbor       -> tunnel by address and key -> frame -> `taps`,
                                                                    or NHRP and keepalives -> `punts`
    inbound_esp, inbound_udp                                        -> `protection`, then as above

Packets of a protected tunnel leave through `protection.sealed` and never through `wire`; it accepts only packets out of
ESP. The connection of a packet is that of its neighbor, else the newest connection between the tunnel's source and the
NBMA address.

The kernel identifies the neighbor by the destination of the Ethernet frame: 02:00 and a 32-bit peer id, which this
table maps to an NBMA address; a point-to-point tunnel has only one. The Rust engine gives the same octets: both are
fuzzed against each other, so a change here needs the same change there.

A packet that is too big for the paths to some of its neighbors is fragmented once for each size, however many neighbors
it goes to. `engine/src/cuts.rs` is the same in Rust.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeVar

from dmvpn.base.effects import GRE_IPV4, GRE_IPV6, GRE_NHRP, DfBit
from dmvpn.base.errors import WireError
from dmvpn.base.values import Mutable
from dmvpn.dataplane.contract import COUNTED_PEERS, HAIRPIN_PAIRS, Alarms, Amount, Door, Doors
from dmvpn.dataplane.esp.protection import Opened, Protection
from dmvpn.dataplane.esp.table import EspLink, PeerPlace
from dmvpn.dataplane.fragmentation import LEAST, PathMtus, Room
from dmvpn.dataplane.packets import may_answer
from dmvpn.dataplane.python.segments import BadOffload, finished, unfinished
from dmvpn.dataplane.python.tunnels import CoreTunnel, NbmaPeer, Overlay, TunnelTable
from dmvpn.dataplane.tap import VNET_HEADER_SIZE, VnetHeader
from dmvpn.net import gre, ip, ipv6
from dmvpn.net.gre import GreHeader, ProtocolType
from dmvpn.net.icmp import closed_icmpv6
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol, Ipv4Packet, checksum, ipv6_address
from dmvpn.net.ipv6 import LEAST_MTU
from dmvpn.net.tcp import clamp_mss

# ---------------------------------------------------------------------------------------------------- cuts


class Cuts:
    """The fragments of one packet, by size."""

    __slots__ = ("_known", "_packet")

    def __init__(self, packet: bytes) -> None:
        self._packet = packet
        self._known: dict[int, list[bytes] | None] = {}

    def fragments(self, largest: int) -> list[bytes] | None:
        """Return the packet in fragments. largest: octets of each. None: it has DF, or is IPv6. Raises WireError."""
        if largest not in self._known:
            whole = ip.parse(self._packet)
            pieces = []
            if isinstance(whole, Ipv4Packet) and not whole.dont_fragment:
                pieces = whole.fragments(largest)
            self._known[largest] = [piece.serialize() for piece in pieces] or None
        return self._known[largest]


# ---------------------------------------------------------------------------------------------------- dropped


class Dropped(Mutable):
    """Dropped packets.

    in_clear, no_sa: of protected tunnels.
    no_spi: ESP with an SPI that is not ours.
    """

    malformed: int = 0
    no_tunnel: int = 0
    no_peer: int = 0
    not_ipv4: int = 0
    unsent: int = 0
    in_clear: int = 0
    no_sa: int = 0
    no_spi: int = 0

    def count(self, why: str) -> None:
        """Count a dropped packet."""
        setattr(self, why, getattr(self, why) + 1)


# ---------------------------------------------------------------------------------------------------- core

Value = TypeVar("Value")

_ETHERNET = 14
_IPV4_ETHERTYPE = b"\x08\x00"
_IPV6_ETHERTYPE = b"\x86\xdd"
#: The first octet of a packet of IPv6 is at least this.
_IPV6 = 0x60
#: The beginning of an ICMPv6 message port unreachable.
_PORT_UNREACHABLE6 = b"\x01\x04"
#: Octets of a hairpinned packet that are reported: enough for any header that the redirect quotes.
_REPORTED = 64

#: An NHRP network, and source and destination of a packet that came from a tunnel of it or leaves by one: customers may
#: have the same addresses.
_Way: TypeAlias = tuple[int | None, bytes]

_DONT_FRAGMENT = 0x40
#: Octets of a packet, where the path says nothing.
_MOST = 0xFFFF
#: The first octet of a group of IPv6.
_GROUP = 0xFF


class ToWire(NamedTuple):
    """A GRE packet to send from our NBMA address to a neighbor's. Addresses are packed.

    source: where it leaves (`dataplane.local`).
    """

    source: Door
    nbma: bytes
    tos: int
    packet: bytes
    df: bool = False


class ToTap(NamedTuple):
    """A frame (vnet header, Ethernet, IP) that the kernel is to receive on a tunnel."""

    tunnel: int
    frame: bytes


class Punt(NamedTuple):
    """A packet for the router itself.

    kind: "nhrp", "keepalive", "hairpin", or "big": the part that an error quotes of a packet that does not fit the path
        and has DF.
    out: the tunnel a hairpin leaves by, or octets of a packet that fits.
    connection: the connection that protected it, 0: in clear.
    """

    kind: str
    tunnel: int
    nbma: bytes
    data: bytes
    out: int = 0
    connection: int = 0


class _Arrival(NamedTuple):
    """The arrival of a GRE packet: where, and its sender. tos: outer TOS for ECN, None: came in clear."""

    local: Door
    sender: NbmaPeer
    tos: int | None = None


class PacketCore:
    """All tunnels of one router. Results collect in `wire`, `taps` and `punts` until the owner takes them."""

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        """random: source of initialization vectors of AES-CBC."""
        self.doors = Doors()
        self.tunnels = TunnelTable()
        self.own_addresses: frozenset[tuple[int, bytes]] = frozenset()
        self.wire: list[ToWire] = []
        self.taps: list[ToTap] = []
        self.punts: list[Punt] = []
        self.dropped = Dropped()
        self.protection = Protection(self.dropped.count, random, self.doors)
        self.paths = PathMtus[tuple[int, bytes]]()
        self._refusals = Alarms()
        # Where transit packets came from, and the last report of them.
        self.came_from: OrderedDict[_Way, tuple[int, NbmaPeer]] = OrderedDict()
        self._reported: OrderedDict[_Way, float] = OrderedDict()

    def set_peer(self, tunnel: int, peer: int, nbma: bytes, connection: int = 0) -> None:
        """Send frames of the tunnel to 02:00 and this id to an NBMA address, over this connection."""
        self.tunnels[tunnel].set_peer(peer, NbmaPeer(nbma, connection))

    def clear_peer(self, tunnel: int, peer: int) -> None:
        """Remove a peer id."""
        self.tunnels[tunnel].clear_peer(peer)

    # ------------------------------------------------------------------------------------------------ out

    def outbound(self, number: int, frame: bytes, now: float) -> None:
        """Process a frame from the TAP of tunnel `number`, vnet header first.

        `now`: seconds, for the hairpin interval, path MTUs and silent peers.
        """
        tunnel = self.tunnels[number]
        overlay: CoreTunnel | Overlay = tunnel
        start = VNET_HEADER_SIZE + _ETHERNET
        kind, packet = frame[start - 2 : start], frame[start:]
        if kind == _IPV4_ETHERTYPE and len(packet) >= HEADER_LENGTH and packet[0] >> 4 == 4:
            if packet[9] == IpProtocol.IGMP:
                return  # group membership does not concern a tunnel's neighbors
            protocol, tos = GRE_IPV4, packet[1]
        elif kind == _IPV6_ETHERTYPE and tunnel.ipv6.mtu and _is_ipv6(packet):
            if (of_the_link := ipv6.is_of_the_link(packet)) is not False:
                self.dropped.malformed += of_the_link is None
                return  # nor do groups, and NHRP finds neighbors
            protocol, tos, overlay = GRE_IPV6, ip.peek_tos(packet), tunnel.ipv6
        else:
            self.dropped.not_ipv4 += 1
            return
        mac = frame[VNET_HEADER_SIZE : VNET_HEADER_SIZE + 6]
        neighbors = tunnel.neighbors(mac, overlay)
        if not neighbors:
            self.dropped.no_peer += 1
            return
        try:
            packets = finished(VnetHeader.parse(frame), packet)
        except BadOffload:
            self.dropped.malformed += 1
            return
        if not mac[0] & 1:
            self._watch_hairpin(number, tunnel, neighbors[0], packets[0], now)
        minds_paths = (tunnel.df is not DfBit.CLEAR and self.paths.knows(now)) or (tunnel.ipv6.mtu and tunnel.is_wide)
        for packet in packets:
            packet = self._as_ios_would(tunnel, packet)
            if overlay.mss is not None:
                packet = clamp_mss(packet, overlay.mss)
            if minds_paths:
                self._send_by_path(number, tunnel, neighbors, protocol, packet, tos, now)
                continue
            for neighbor in neighbors:
                self._send(tunnel, neighbor, protocol, packet, tos, now)

    def _send_by_path(
        self,
        number: int,
        tunnel: CoreTunnel,
        neighbors: tuple[NbmaPeer, ...],
        protocol: int,
        packet: bytes,
        tos: int,
        now: float,
    ) -> None:
        """Send where path MTUs are known: a packet that is too big is fragmented, or its sender gets an ICMP error."""
        cuts, most = Cuts(packet), tunnel.mtu if tunnel.is_wide else _MOST
        for neighbor in neighbors:
            room = self._room(tunnel, neighbor, now) or Room(_MOST, True)
            largest = min(room.largest, most) if protocol == GRE_IPV4 else max(room.largest, LEAST_MTU)
            if len(packet) <= largest:
                may_df = room.df and len(packet) <= room.largest
                self._send(tunnel, neighbor, protocol, packet, tos, now, may_df=may_df)
                continue
            try:
                pieces = cuts.fragments(largest)
            except WireError:
                self.dropped.malformed += 1
                continue
            for piece in pieces or ():
                self._send(tunnel, neighbor, protocol, piece, tos, now, may_df=room.df)
            # A sender that gets no ICMP error does not use up the limit.
            if pieces is None and may_answer(packet) and self._refusals.may_tell(ip.peek_addresses(packet), now):
                self.punts.append(Punt("big", number, neighbor.nbma, ip.quote(packet), largest))

    def send(
        self,
        number: int,
        nbma: bytes,
        protocol: int,
        payload: bytes,
        tos: int,
        *,
        connection: int = 0,
        now: float = 0.0,
    ) -> None:
        """Send a packet of the router's own in GRE, straight to an NBMA address. now: seconds, for a silent peer."""
        self._send(self.tunnels[number], NbmaPeer(nbma, connection), protocol, payload, tos, now)

    def _send(
        self,
        tunnel: CoreTunnel,
        neighbor: NbmaPeer,
        protocol: int,
        payload: bytes,
        tos: int,
        now: float,
        *,
        may_df: bool = True,
    ) -> None:
        packet = tunnel.header(protocol).serialize(payload)
        copied = tunnel.df is DfBit.COPY and (
            protocol == GRE_IPV6 or (protocol == GRE_IPV4 and bool(payload[6] & _DONT_FRAGMENT))
        )
        df = may_df and (tunnel.df is DfBit.SET or copied)
        if not tunnel.protected:
            _count(tunnel, tunnel.sent, neighbor.nbma, len(payload))
            self.wire.append(ToWire(tunnel.source, neighbor.nbma, tos, packet, df))
            return
        link = self._link(tunnel, neighbor)
        if link is None:
            self.dropped.no_sa += 1
        elif self.protection.seal(link, packet, tos, now, df=df):
            self._count_over(tunnel.sent_over, link.number, len(payload))

    def _room(self, tunnel: CoreTunnel, neighbor: NbmaPeer, now: float) -> Room | None:
        """Return the room on the path to a neighbor; None: unknown."""
        link = self._link(tunnel, neighbor) if tunnel.protected else None
        remote = neighbor.nbma if link is None else link.place.address
        mtu = self.paths.to((self.doors.table(tunnel.source), remote), now)
        if mtu is None:
            return None
        room = mtu - HEADER_LENGTH if link is None else link.room(mtu)
        return Room(room - tunnel.header_length, mtu > LEAST)

    def _link(self, tunnel: CoreTunnel, neighbor: NbmaPeer) -> EspLink | None:
        table = self.protection.table
        known = neighbor.connection
        link = table.link(known) if known else table.between(tunnel.source, neighbor.nbma)
        if link is None or link.local != tunnel.source or link.place.address in tunnel.barred:
            return None
        return link

    def _as_ios_would(self, tunnel: CoreTunnel, packet: bytes) -> bytes:
        """Return our own ICMP port unreachable with the tunnel's address, whichever address of ours was probed."""
        if packet[0] >= _IPV6:
            return self._as_ios_would_ipv6(tunnel, packet)
        ip_length = (packet[0] & 0x0F) << 2
        if (
            packet[9] != IpProtocol.ICMP
            or packet[ip_length : ip_length + 2] != b"\x03\x03"
            or not tunnel.address
            or (tunnel.table, packet[12:16]) not in self.own_addresses
        ):
            return packet
        changed = bytearray(packet)
        changed[12:16] = tunnel.address
        changed[10:12] = b"\0\0"
        changed[10:12] = checksum(changed[:ip_length]).to_bytes(2, "big")
        return bytes(changed)

    def _as_ios_would_ipv6(self, tunnel: CoreTunnel, packet: bytes) -> bytes:
        if (
            packet[6] != IpProtocol.ICMPV6
            or packet[40:42] != _PORT_UNREACHABLE6
            or len(packet) < ipv6.HEADER_LENGTH + 8
            or not tunnel.ipv6.address
            or (tunnel.table, packet[8:24]) not in self.own_addresses
        ):
            return packet
        own = tunnel.ipv6.address
        ends = ipv6_address(own), ipv6_address(packet[24:40])
        return packet[:8] + own + packet[24:40] + closed_icmpv6(packet[40:], *ends)

    def _watch_hairpin(self, out: int, leaves: CoreTunnel, to: NbmaPeer, packet: bytes, now: float) -> None:
        if not self.came_from:
            return
        is_ipv4 = packet[0] < _IPV6
        network = leaves.network if is_ipv4 else leaves.ipv6.network
        way = (network, packet[12:20] if is_ipv4 else packet[8:40])
        came = self.came_from.get(way)
        arrived = self.tunnels.get(came[0]) if came is not None else None
        if came is None or arrived is None or self._leads_to(leaves, to, arrived, came[1]):
            return
        order = arrived if is_ipv4 else arrived.ipv6
        if not order.report or order.network != network:
            return
        last = self._reported.get(way)
        if last is not None and now - last < order.interval:
            return
        _remember(self._reported, way, now)
        self.punts.append(Punt("hairpin", came[0], came[1].nbma, packet[:_REPORTED], out, came[1].connection))

    def _leads_to(self, tunnel: CoreTunnel, neighbor: NbmaPeer, arrived: CoreTunnel, sender: NbmaPeer) -> bool:
        """Return whether a packet goes back to its sender. arrived: the tunnel that it came from."""
        if not tunnel.protected:
            table = self.doors.table
            return neighbor.nbma == sender.nbma and table(arrived.source) == table(tunnel.source)
        link = self._link(tunnel, neighbor)
        return link is not None and link.number == sender.connection

    # ------------------------------------------------------------------------------------------------ in

    def inbound(self, local: Door, packet: bytes, now: float = 0.0) -> None:
        """Process a whole IPv4 packet of protocol 47, outer header first, as the raw socket of a door returns it."""
        start = self._payload(packet)
        if start:
            self._decapsulate(_Arrival(local, NbmaPeer(packet[12:16])), packet, start, now)

    def inbound_esp(self, local: Door, packet: bytes, now: float = 0.0) -> None:
        """Process a whole IPv4 packet of protocol 50, outer header first, as the raw socket of a door returns it."""
        start = self._payload(packet)
        if start:
            opened = self.protection.open(local, PeerPlace(packet[12:16], 0), packet[1], packet[start:], now)
            self._opened(local, opened, now)

    def inbound_udp(self, local: Door, source: PeerPlace, tos: int, datagram: bytes, now: float = 0.0) -> None:
        """Process the payload of a UDP datagram that came to port 4500 of a door."""
        self._opened(local, self.protection.receive_udp(local, source, tos, datagram, now), now)

    def _payload(self, packet: bytes) -> int:
        """Return the offset of the payload of an IPv4 packet; 0: it is malformed."""
        start = (packet[0] & 0x0F) << 2 if packet else 0
        if HEADER_LENGTH <= start <= len(packet):
            return start
        self.dropped.malformed += 1
        return 0

    def _opened(self, local: Door, opened: Opened | None, now: float) -> None:
        if opened is not None:
            sender = NbmaPeer(opened.nbma, opened.connection)
            self._decapsulate(_Arrival(local, sender, opened.tos), opened.gre, 0, now)

    def _decapsulate(self, arrival: _Arrival, packet: bytes, start: int, now: float) -> None:
        """Decapsulate GRE that begins at `start`."""
        local, sender, _ = arrival
        try:
            header, length = GreHeader.parse(memoryview(packet)[start:])
        except WireError:
            self.dropped.malformed += 1
            return
        number = self.tunnels.demultiplex(local, sender.nbma, header.key)
        if number is None or (sender.connection and not self._takes(self.tunnels[number], sender)):
            self.dropped.no_tunnel += 1
            return
        tunnel, payload = self.tunnels[number], packet[start + length :]
        if tunnel.protected and not sender.connection:
            self.protection.refuse_clear(local, sender.nbma, now)
            return
        if sender.connection:
            self._count_over(tunnel.received_over, sender.connection, len(payload))
        else:
            _count(tunnel, tunnel.received, sender.nbma, len(payload))
        if tunnel.sequence is not None and not tunnel.sequence.is_in_order(header.sequence):
            self.dropped.malformed += 1
            return
        if header.protocol_type == GRE_NHRP:
            self.punts.append(Punt("nhrp", number, sender.nbma, payload, connection=sender.connection))
        elif header.protocol_type == ProtocolType.KEEPALIVE:
            self.punts.append(Punt("keepalive", number, sender.nbma, b""))
        elif header.protocol_type == GRE_IPV6 and tunnel.ipv6.mtu and _is_ipv6(payload):
            if (of_the_link := ipv6.is_of_the_link(payload)) is None:
                self.dropped.malformed += 1
            elif of_the_link:
                self.dropped.not_ipv4 += 1  # neighbors are found by NHRP: what a peer says of any would be forged
            else:
                self._receive(number, tunnel, arrival, payload)
        elif header.protocol_type != GRE_IPV4 or len(payload) < HEADER_LENGTH or payload[0] >> 4 != 4:
            self.dropped.not_ipv4 += 1
        elif payload[9] == IpProtocol.GRE and payload[12:20] == self.doors.address(local).packed + sender.nbma:
            self._return_keepalive(local, sender, payload, now)
        else:
            self._receive(number, tunnel, arrival, payload)

    def _takes(self, tunnel: CoreTunnel, sender: NbmaPeer) -> bool:
        """Return whether this tunnel accepts packets out of ESP from this sender."""
        return tunnel.protected and sender.nbma not in tunnel.barred

    def _return_keepalive(self, local: Door, sender: NbmaPeer, packet: bytes, now: float) -> None:
        """Return a neighbor's keepalive: a packet "from us" to it, to be routed back (the kernel calls that a
        martian).
        """
        start = (packet[0] & 0x0F) << 2
        if not HEADER_LENGTH <= start <= len(packet):
            return
        if not sender.connection:
            self.wire.append(ToWire(local, sender.nbma, packet[1], packet[start:]))
            return
        link = self.protection.table.link(sender.connection)
        if link is not None:
            self.protection.seal(link, packet[start:], packet[1], now)

    def _receive(self, number: int, tunnel: CoreTunnel, arrival: _Arrival, payload: bytes) -> None:
        sender = arrival.sender
        if arrival.tos is not None:
            marked = gre.decapsulated(arrival.tos, payload)
            if marked is None:
                self.dropped.malformed += 1
                return
            payload = marked
        is_ipv6 = payload[0] >= _IPV6
        overlay = tunnel.ipv6 if is_ipv6 else tunnel
        offload = unfinished(payload, overlay.mtu)
        if overlay.mss is not None:
            payload = clamp_mss(payload, overlay.mss, partial_checksum=bool(offload.flags))
        if overlay.report and overlay.network is not None:
            pair = payload[8:40] if is_ipv6 else payload[12:20]
            _remember(self.came_from, (overlay.network, pair), (number, sender))
        first = payload[16]
        if is_ipv6:
            mac = b"\x33\x33" + payload[36:40] if payload[24] == _GROUP else tunnel.own_mac
        elif 224 <= first < 240:
            mac = b"\x01\x00\x5e" + bytes((payload[17] & 0x7F,)) + payload[18:20]
        elif payload[16:20] == b"\xff\xff\xff\xff":
            mac = b"\xff" * 6
        else:
            mac = tunnel.own_mac
        source = tunnel.mac_of(sender)
        kind = _IPV6_ETHERTYPE if is_ipv6 else _IPV4_ETHERTYPE
        self.taps.append(ToTap(number, offload.serialize() + mac + source + kind + payload))

    def _count_over(self, amounts: dict[int, Amount], connection: int, octets: int) -> None:
        """Count a packet of a connection. If there are too many counters, those of closed connections are removed."""
        amount = amounts.get(connection)
        if amount is None:
            if len(amounts) >= COUNTED_PEERS:
                table = self.protection.table
                for gone in [number for number in amounts if table.link(number) is None]:
                    del amounts[gone]
            amount = amounts[connection] = Amount()
        amount.add(octets)


def _is_ipv6(packet: bytes) -> bool:
    return len(packet) >= ipv6.HEADER_LENGTH and packet[0] >> 4 == 6


def _count(tunnel: CoreTunnel, amounts: dict[bytes, Amount], nbma: bytes, octets: int) -> None:
    """Count a packet. Addresses that are no peers of ours may be forged, so their counters are limited."""
    amount = amounts.get(nbma)
    if amount is None:
        if nbma not in tunnel.ids and len(amounts) >= COUNTED_PEERS:
            return
        amount = amounts[nbma] = Amount()
    amount.add(octets)


def _remember(memory: OrderedDict[_Way, Value], key: _Way, value: Value) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > HAIRPIN_PAIRS:
        memory.popitem(last=False)
