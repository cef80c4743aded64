"""What is done to each packet between a TAP and GRE, as a value: octets in, octets out, no system call.

    outbound(tunnel, frame)  what the kernel routed into a TAP -> checksums, segments, MSS, ICMP source -> GRE -> `wire`
    inbound(packet)          what came from an NBMA neighbour    -> tunnel by address and key -> frame -> `taps`,
                                                                    or NHRP and keepalives -> `punts`

The kernel names the neighbour by the destination of the Ethernet frame: 02:00 and a 32-bit peer id, which this table
turns into an NBMA address; a point-to-point tunnel has only one. The Rust engine does the same to the octet: both are
fuzzed against each other, so whatever changes here changes there.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from dmvpn.base.effects import GRE_IPV4, GRE_NHRP
from dmvpn.base.errors import WireError
from dmvpn.dataplane.contract import COUNTED_PEERS, HAIRPIN_PAIRS
from dmvpn.dataplane.python.segments import BadOffload, finished, unfinished
from dmvpn.dataplane.tap import VNET_HEADER_SIZE, VnetHeader
from dmvpn.net.checksum import checksum
from dmvpn.net.gre import GreHeader, ProtocolType
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol
from dmvpn.net.tcp import clamp_mss

Value = TypeVar("Value")

_ETHERNET = 14
_IPV4_ETHERTYPE = b"\x08\x00"
#: Octets of a hairpinned packet that are reported: enough for any header the redirect quotes.
_REPORTED = 64

PEER_MAC_PREFIX = b"\x02\x00"
OWN_MAC_PREFIX = b"\x02\x01"


class ToWire(NamedTuple):
    """A GRE packet to send from our NBMA address to a neighbour's. Addresses are packed."""

    source: bytes
    nbma: bytes
    tos: int
    packet: bytes


class ToTap(NamedTuple):
    """A frame (vnet header, Ethernet, IP) that the kernel shall receive on a tunnel."""

    tunnel: int
    frame: bytes


class Punt(NamedTuple):
    """Something for the router itself. kind: "nhrp", "keepalive" or "hairpin". out: the tunnel a hairpin leaves by."""

    kind: str
    tunnel: int
    nbma: bytes
    data: bytes
    out: int = 0


@dataclass(slots=True)
class Dropped:
    """Packets that went nowhere, by reason."""

    malformed: int = 0
    no_tunnel: int = 0
    no_peer: int = 0
    not_ipv4: int = 0
    unsent: int = 0


@dataclass(slots=True)
class CoreTunnel:
    """One tunnel. own_mac: of the TAP. mtu: octets, of the inner packets. peers: NBMA address by peer id.

    sent, received: packets by NBMA address.
    """

    source: bytes
    destination: bytes | None
    key: int | None
    own_mac: bytes
    address: bytes = b""
    mtu: int = 1400
    mss: int | None = None
    network: int | None = None
    report: bool = False
    interval: float = 8.0
    peers: dict[bytes, bytes] = field(default_factory=dict)
    multicast: tuple[bytes, ...] = ()
    sent: dict[bytes, int] = field(default_factory=dict)
    received: dict[bytes, int] = field(default_factory=dict)
    ids: dict[bytes, bytes] = field(default_factory=dict)


class PacketCore:
    """All tunnels of one router. Results collect in `wire`, `taps` and `punts` until the owner takes them."""

    def __init__(self) -> None:
        self.tunnels: dict[int, CoreTunnel] = {}
        self.own_addresses: frozenset[bytes] = frozenset()
        self.wire: list[ToWire] = []
        self.taps: list[ToTap] = []
        self.punts: list[Punt] = []
        self.dropped = Dropped()
        # Where transit packets came from, and when the pair was last reported.
        self._came_from: OrderedDict[bytes, tuple[int, bytes]] = OrderedDict()
        self._reported: OrderedDict[bytes, float] = OrderedDict()

    def set_peer(self, tunnel: int, peer: int, nbma: bytes) -> None:
        """Frames of the tunnel to 02:00 and this id go to an NBMA address."""
        mac = PEER_MAC_PREFIX + peer.to_bytes(4, "big")
        self.tunnels[tunnel].peers[mac] = nbma
        self.tunnels[tunnel].ids[nbma] = mac

    def clear_peer(self, tunnel: int, peer: int) -> None:
        """Forget a peer id."""
        mac = PEER_MAC_PREFIX + peer.to_bytes(4, "big")
        nbma = self.tunnels[tunnel].peers.pop(mac, None)
        if nbma is not None:
            self.tunnels[tunnel].ids.pop(nbma, None)

    # ------------------------------------------------------------------------------------------------ out

    def outbound(self, number: int, frame: bytes, now: float) -> None:
        """A frame from the TAP of tunnel `number`, vnet header first. `now`: seconds, for the hairpin interval."""
        tunnel = self.tunnels[number]
        start = VNET_HEADER_SIZE + _ETHERNET
        if len(frame) < start + HEADER_LENGTH or frame[start - 2 : start] != _IPV4_ETHERTYPE or frame[start] >> 4 != 4:
            self.dropped.not_ipv4 += 1
            return
        mac, packet = frame[VNET_HEADER_SIZE : VNET_HEADER_SIZE + 6], frame[start:]
        if packet[9] == IpProtocol.IGMP:
            return  # group membership is of no interest to a tunnel's neighbours
        nbmas = self._neighbours(tunnel, mac)
        if not nbmas:
            self.dropped.no_peer += 1
            return
        try:
            packets = finished(VnetHeader.parse(frame), packet)
        except BadOffload:
            self.dropped.malformed += 1
            return
        if not mac[0] & 1:
            self._watch_hairpin(number, tunnel, nbmas[0], packets[0], now)
        for packet in packets:
            packet = self._as_ios_would(tunnel, packet)
            if tunnel.mss is not None:
                packet = clamp_mss(packet, tunnel.mss)
            for nbma in nbmas:
                self._send(tunnel, nbma, GRE_IPV4, packet, packet[1])

    def send(self, number: int, nbma: bytes, protocol: int, payload: bytes, tos: int) -> None:
        """Send something of the router's own in GRE, straight to an NBMA address."""
        self._send(self.tunnels[number], nbma, protocol, payload, tos)

    def _neighbours(self, tunnel: CoreTunnel, mac: bytes) -> tuple[bytes, ...]:
        if tunnel.destination is not None:
            return (tunnel.destination,)
        if mac[0] & 1:
            return tunnel.multicast
        nbma = tunnel.peers.get(mac)
        return () if nbma is None else (nbma,)

    def _send(self, tunnel: CoreTunnel, nbma: bytes, protocol: int, payload: bytes, tos: int) -> None:
        _count(tunnel, tunnel.sent, nbma)
        packet = GreHeader(protocol_type=protocol, key=tunnel.key).serialize(payload)
        self.wire.append(ToWire(tunnel.source, nbma, tos, packet))

    def _as_ios_would(self, tunnel: CoreTunnel, packet: bytes) -> bytes:
        """Our own ICMP port unreachable leaves with the tunnel's address, whichever of ours was probed."""
        ip_length = (packet[0] & 0x0F) << 2
        if (
            packet[9] != IpProtocol.ICMP
            or packet[ip_length : ip_length + 2] != b"\x03\x03"
            or not tunnel.address
            or packet[12:16] not in self.own_addresses
        ):
            return packet
        changed = bytearray(packet)
        changed[12:16] = tunnel.address
        changed[10:12] = b"\0\0"
        changed[10:12] = checksum(changed[:ip_length]).to_bytes(2, "big")
        return bytes(changed)

    def _watch_hairpin(self, out: int, leaves: CoreTunnel, nbma: bytes, packet: bytes, now: float) -> None:
        pair = packet[12:20]
        came = self._came_from.get(pair) if self._came_from else None
        if came is None or came[1] == nbma:
            return
        arrived = self.tunnels.get(came[0])
        if arrived is None or not arrived.report or arrived.network is None or arrived.network != leaves.network:
            return
        last = self._reported.get(pair)
        if last is not None and now - last < arrived.interval:
            return
        _remember(self._reported, pair, now)
        self.punts.append(Punt("hairpin", came[0], came[1], packet[:_REPORTED], out))

    # ------------------------------------------------------------------------------------------------ in

    def inbound(self, packet: bytes) -> None:
        """A whole IPv4 packet of protocol 47, outer header first, as a raw socket returns it."""
        start = (packet[0] & 0x0F) << 2 if packet else 0
        if not HEADER_LENGTH <= start <= len(packet):
            self.dropped.malformed += 1
            return
        nbma, local = packet[12:16], packet[16:20]
        try:
            header, length = GreHeader.parse(memoryview(packet)[start:])
        except WireError:
            self.dropped.malformed += 1
            return
        number = self._demultiplex(local, nbma, header.key)
        if number is None:
            self.dropped.no_tunnel += 1
            return
        tunnel, payload = self.tunnels[number], packet[start + length :]
        _count(tunnel, tunnel.received, nbma)
        if header.protocol_type == GRE_NHRP:
            self.punts.append(Punt("nhrp", number, nbma, payload))
        elif header.protocol_type == ProtocolType.KEEPALIVE:
            self.punts.append(Punt("keepalive", number, nbma, b""))
        elif header.protocol_type != GRE_IPV4 or len(payload) < HEADER_LENGTH or payload[0] >> 4 != 4:
            self.dropped.not_ipv4 += 1
        elif payload[9] == IpProtocol.GRE and payload[12:20] == local + nbma:
            self._return_keepalive(local, nbma, payload)
        else:
            self._receive(number, tunnel, nbma, payload)

    def _return_keepalive(self, local: bytes, nbma: bytes, packet: bytes) -> None:
        """A neighbour's keepalive: a packet "from us" to it, to be routed back (the kernel calls that a martian)."""
        start = (packet[0] & 0x0F) << 2
        if HEADER_LENGTH <= start <= len(packet):
            self.wire.append(ToWire(local, nbma, packet[1], packet[start:]))

    def _demultiplex(self, local: bytes, remote: bytes, key: int | None) -> int | None:
        """A point-to-point tunnel to that address before a multipoint one; keys must be equal, or both absent."""
        multipoint: int | None = None
        for number, tunnel in self.tunnels.items():
            if tunnel.source == local and tunnel.key == key:
                if tunnel.destination == remote:
                    return number
                if tunnel.destination is None:
                    multipoint = number
        return multipoint

    def _receive(self, number: int, tunnel: CoreTunnel, nbma: bytes, payload: bytes) -> None:
        offload = unfinished(payload, tunnel.mtu)
        if tunnel.mss is not None:
            payload = clamp_mss(payload, tunnel.mss, partial_checksum=bool(offload.flags))
        if tunnel.report:
            _remember(self._came_from, payload[12:20], (number, nbma))
        first = payload[16]
        if 224 <= first < 240:
            mac = b"\x01\x00\x5e" + bytes((payload[17] & 0x7F,)) + payload[18:20]
        elif payload[16:20] == b"\xff\xff\xff\xff":
            mac = b"\xff" * 6
        else:
            mac = tunnel.own_mac
        source = tunnel.ids.get(nbma, PEER_MAC_PREFIX + bytes(4))
        self.taps.append(ToTap(number, offload.serialize() + mac + source + _IPV4_ETHERTYPE + payload))


def _count(tunnel: CoreTunnel, packets: dict[bytes, int], nbma: bytes) -> None:
    """Count a packet. Addresses that anybody may forge, while they are no peer of ours, get only so many counters."""
    if nbma in packets or nbma in tunnel.ids or len(packets) < COUNTED_PEERS:
        packets[nbma] = packets.get(nbma, 0) + 1


def _remember(memory: OrderedDict[bytes, Value], key: bytes, value: Value) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > HAIRPIN_PAIRS:
        memory.popitem(last=False)
