"""Packets for the engines, as hypothesis strategies: mostly such as occur, some damaged, over few addresses and keys.

`frames` come from a TAP (vnet header, Ethernet, IP), `gre_packets` from a raw socket (outer header, GRE, payload).
"""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import IPv4Address

from hypothesis import strategies as st

from dmvpn.dataplane.tap import GSO_ECN, GSO_TCPV4, GSO_UDP_L4, NEEDS_CHECKSUM, VNET_HEADER_SIZE, VnetHeader
from dmvpn.net.gre import GreHeader, ProtocolType
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet, checksum, pseudo_header
from support.pcap import payloads

#: Some are more usual than others; 100 is the key of the captures.
OURS = tuple(bytes((10, 0, 0, number)) for number in (1, 2))
THEIRS = tuple(bytes((198, 51, 100, number)) for number in (1, 2, 3, 4))
INSIDE = tuple(IPv4Address(f"192.168.{number}.1") for number in (1, 2, 3))
GROUPS = tuple(map(IPv4Address, ("224.0.0.10", "239.255.1.2", "255.255.255.255")))
TUNNEL_ADDRESS = IPv4Address("172.16.0.1")
OWN_ADDRESSES = (TUNNEL_ADDRESS, INSIDE[0])
OWN_MAC = bytes.fromhex("020100000007")

path_mtus = st.sampled_from([0, 576, 600, 1280, 1399, 1400])
our_addresses = st.sampled_from([OURS[0]] * 5 + [OURS[1]])
keys = st.sampled_from([100] * 6 + [None, 0])

_ACK, _PSH, _SYN, _FIN, _CWR = 0x10, 0x08, 0x02, 0x01, 0x80
_OPTIONS = (
    b"",
    b"\x02\x04\x05\xb4",
    b"\x01\x02\x04\x05\xb4\x01\x01\x01",
    b"\x01\x01\x08\x0a12345678",
    b"\x05\x28\x02\x04",
)
_ICMP_PORT_UNREACHABLE = b"\x03\x03\x00\x00\x00\x00\x00\x00"
_ICMP_ECHO = b"\x08\x00\xf7\xfe\x00\x01\x00\x00"


def tcp_packet(
    source: IPv4Address,
    destination: IPv4Address,
    data: bytes,
    *,
    ports: int = 0x10002000,
    sequence: int = 0,
    flags: int = _ACK,
    options: bytes = b"",
    identification: int = 0,
    ip_options: bytes = b"",
    partial: bool = False,
) -> bytes:
    """Return a TCP packet. partial: its checksum field holds the sum of the pseudo header only."""
    header = struct.pack("!IIIBBHHH", ports, sequence, 1, (20 + len(options)) << 2, flags, 512, 0, 0)
    segment = bytearray(header + options + data)
    pseudo = pseudo_header(source, destination, IpProtocol.TCP, len(segment))
    value = 0xFFFF - checksum(pseudo) if partial else checksum(pseudo + segment)
    struct.pack_into("!H", segment, 16, value)
    packet = Ipv4Packet(
        source=source,
        destination=destination,
        protocol=IpProtocol.TCP,
        payload=bytes(segment),
        identification=identification,
        flags=Ipv4Flag.DONT_FRAGMENT,
        ttl=63,
        options=ip_options,
    )
    return packet.serialize()


def udp_packet(source: IPv4Address, destination: IPv4Address, data: bytes, *, ports: int, identification: int) -> bytes:
    """Return a UDP packet with its checksum."""
    datagram = bytearray(struct.pack("!IHH", ports, 8 + len(data), 0) + data)
    value = checksum(pseudo_header(source, destination, IpProtocol.UDP, len(datagram)) + datagram)
    struct.pack_into("!H", datagram, 6, value or 0xFFFF)
    packet = Ipv4Packet(
        source=source,
        destination=destination,
        protocol=IpProtocol.UDP,
        payload=bytes(datagram),
        identification=identification,
        ttl=63,
    )
    return packet.serialize()


_inside = st.sampled_from(INSIDE)
_data = st.one_of(
    st.integers(0, 40).map(bytes),
    st.sampled_from([100, 1348, 4000, 30_000, 65_400]).map(lambda size: b"\x5a\xc3" * (size // 2)),
)
tcp_packets = st.builds(
    tcp_packet,
    _inside,
    _inside,
    _data,
    sequence=st.sampled_from([0, 0xFFFFFFF0]),
    flags=st.sampled_from([_ACK, _SYN, _SYN | _ACK, _ACK | _PSH, _ACK | _FIN | _PSH | _CWR]),
    options=st.sampled_from(_OPTIONS),
    identification=st.sampled_from([0, 0xFFFE]),
    ip_options=st.sampled_from([b"", b"", b"\x94\x04\x00\x00"]),
    partial=st.booleans(),
)


def _ipv4(source: IPv4Address, destination: IPv4Address, protocol: int, payload: bytes, tos: int) -> bytes:
    packet = Ipv4Packet(source=source, destination=destination, protocol=protocol, payload=payload, tos=tos)
    return packet.serialize()


_other_packets = st.builds(
    _ipv4,
    st.sampled_from([*INSIDE, *OWN_ADDRESSES, *map(IPv4Address, (*OURS, *THEIRS))]),
    st.sampled_from([*INSIDE, *GROUPS, *map(IPv4Address, (*OURS, *THEIRS))]),
    st.sampled_from([IpProtocol.ICMP, IpProtocol.IGMP, IpProtocol.UDP, IpProtocol.GRE, IpProtocol.EIGRP]),
    st.one_of(st.sampled_from([_ICMP_PORT_UNREACHABLE, _ICMP_ECHO]), st.binary(max_size=40)),
    st.sampled_from([0, 0xC0]),
)
#: What paths do not take. The options: one that every fragment has, one that only the first has, and none that is one.
_large_packets = st.builds(
    lambda size, flags, offset, options, identification, source, destination: Ipv4Packet(
        source=source,
        destination=destination,
        protocol=IpProtocol.UDP,
        payload=bytes(size),
        flags=flags,
        fragment_offset=offset,
        options=options,
        identification=identification,
        tos=0x28,
    ).serialize(),
    st.sampled_from([500, 544, 1000, 1400, 4000, 65_400]),
    st.sampled_from([Ipv4Flag(0), Ipv4Flag(0), Ipv4Flag.MORE_FRAGMENTS, Ipv4Flag.DONT_FRAGMENT, Ipv4Flag(4)]),
    st.sampled_from([0, 0, 0, 185, 0x1FFF]),
    st.sampled_from([b"", b"\x94\x04\x00\x00", b"\x01\x07\x03\x04\x94\x04\x00\x00", b"\x94\x05\x00\x00"]),
    st.sampled_from([0, 0xFFFE]),
    _inside,
    st.sampled_from([*INSIDE, GROUPS[1]]),
)
#: IPv4 packets, one in a few of them damaged.
packets = st.one_of(*[tcp_packets] * 4, *[_other_packets] * 3, _large_packets, st.binary(max_size=60))


@st.composite
def damaged(draw: st.DrawFn, octets: st.SearchStrategy[bytes]) -> bytes:
    """Return the octets, or, one time in four, with some changed or cut off."""
    drawn = bytearray(draw(octets))
    if draw(st.integers(0, 3)) or not drawn:
        return bytes(drawn)
    # Most of what matters is at the beginning.
    for at in draw(st.lists(st.integers(0, min(len(drawn), 120) - 1), max_size=3)):
        drawn[at] = draw(st.one_of(st.sampled_from([0, 0x40, 0x45, 0x46, 0x4F, 6, 17, 47, 0xFF]), st.integers(0, 255)))
    return bytes(drawn[: draw(st.one_of(st.just(len(drawn)), st.integers(0, min(len(drawn), 120))))])


_macs = st.sampled_from(
    [
        *(b"\x02\x00" + number.to_bytes(4, "big") for number in (1, 2, 3)),
        b"\x01\x00\x5e\x00\x00\x0a",
        b"\xff" * 6,
        OWN_MAC,
    ]
)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Return what a TAP returns."""
    packet = draw(packets)
    ip_length = (packet[0] & 0x0F) << 2 if packet else 20
    offset = 6 if len(packet) > 9 and packet[9] == IpProtocol.UDP else 16
    completion = VnetHeader(NEEDS_CHECKSUM, checksum_start=14 + ip_length, checksum_offset=offset)
    sizes = st.sampled_from([1348, 100, 536, 65535]) if len(packet) > 2000 else st.integers(0, 60)
    kinds = st.sampled_from([GSO_UDP_L4] if offset == 6 else [GSO_TCPV4, GSO_TCPV4 | GSO_ECN])
    train = completion._replace(gso_type=draw(kinds), gso_size=draw(sizes))
    usual = st.sampled_from([VnetHeader(), completion, train])
    vnet = draw(
        st.one_of(usual.map(VnetHeader.serialize), st.binary(min_size=VNET_HEADER_SIZE, max_size=VNET_HEADER_SIZE))
    )
    ether_type = draw(st.sampled_from([b"\x08\x00"] * 9 + [b"\x86\xdd"]))
    return draw(damaged(st.just(vnet + draw(_macs) + OWN_MAC + ether_type + packet)))


#: Whole and right packets, to the peer of number 1, that narrow paths do not take.
large_frames = _large_packets.map(
    lambda packet: VnetHeader().serialize() + b"\x02\x00\x00\x00\x00\x01" + OWN_MAC + b"\x08\x00" + packet
)
_captured = st.sampled_from(payloads("gre")).map(lambda found: found.octets)
_gre_headers = st.builds(
    GreHeader,
    protocol_type=st.sampled_from(
        [ProtocolType.IPV4] * 4 + [ProtocolType.NHRP, ProtocolType.KEEPALIVE, ProtocolType.IPV6]
    ),
    has_checksum=st.sampled_from([False] * 4 + [True]),
    key=keys,
    sequence=st.sampled_from([None, None, None, 7, 8, 0, 5000, 0xFFFFFFFF]),
)
#: The checksum is left to a network card: Linux writes 0 there, or what was there before.
_unsummed_gre = st.builds(
    lambda header, field, packet: (octets := header.serialize(packet))[:4] + field + octets[6:],
    _gre_headers.map(lambda header: replace(header, has_checksum=True)),
    st.sampled_from([b"\x00\x00", b"\x12\x34"]),
    packets,
)
_gre = st.one_of(
    st.builds(GreHeader.serialize, _gre_headers, packets),
    st.builds(GreHeader.serialize, _gre_headers, packets),
    _captured,
    _unsummed_gre,
)


def outer(source: bytes, destination: bytes, gre: bytes) -> bytes:
    """A packet as a raw socket returns it. The kernel has checked its header, so nobody looks at the rest of it."""
    length = min(20 + len(gre), 0xFFFF)
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 255, IpProtocol.GRE, 0, source, destination) + gre


#: What a raw socket returns.
gre_packets = damaged(st.builds(outer, st.sampled_from(THEIRS), our_addresses, _gre))


@st.composite
def flows(draw: st.DrawFn) -> list[bytes]:
    """Packets of some flows of TCP and UDP, each one's in order, now and then with another packet between them."""
    sequence, identification = [draw(st.sampled_from([0, 0xFFFFF000])) for _ in range(3)], [0xFFFE] * 5
    made: list[bytes] = []
    for flow in draw(st.lists(st.integers(0, 4), max_size=40)):
        size = draw(st.sampled_from([0, 7, *[100] * 6, 101]))
        data, ports = bytes((len(made),)) * size, 0x10002000 + flow
        if flow < len(sequence):
            packet = tcp_packet(
                INSIDE[1],
                INSIDE[flow % 2],
                data,
                ports=ports,
                sequence=sequence[flow],
                flags=draw(st.sampled_from([*[_ACK] * 8, _ACK | _PSH, _ACK | _FIN, _SYN])),
                options=_OPTIONS[3],
                identification=identification[flow],
            )
            sequence[flow] = (sequence[flow] + size) & 0xFFFFFFFF
        else:
            packet = udp_packet(INSIDE[1], INSIDE[flow % 2], data, ports=ports, identification=identification[flow])
        identification[flow] = (identification[flow] + draw(st.sampled_from([1] * 9 + [0]))) & 0xFFFF
        made.append(draw(st.one_of(st.just(packet), st.just(packet), st.just(packet), damaged(st.just(packet)))))
    return made
