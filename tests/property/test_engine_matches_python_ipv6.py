"""IPv6 in the core of the Rust engine against its oracle, the Python one: same packets in, same octets out."""

from __future__ import annotations

import struct
from ipaddress import IPv6Address
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.effects import GRE_IPV6, DfBit
from dmvpn.dataplane.python import core as oracle
from dmvpn.dataplane.python.tunnels import Overlay
from dmvpn.dataplane.tap import GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NEEDS_CHECKSUM, VnetHeader
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import IpProtocol, checksum, pseudo_header
from dmvpn.net.ipv6 import Ipv6Packet
from support import traffic
from support.both_cores import COUNTED, PAIRS, Both, Tunnel

OWN = IPv6Address("2001:db8:100::1")
INSIDE = [IPv6Address(f"2001:db8:{number}::1") for number in (1, 2)]
addresses = st.sampled_from([*INSIDE, OWN, IPv6Address("fe80::1"), IPv6Address("::")])
receivers = st.sampled_from([*INSIDE, OWN, IPv6Address("ff02::5"), IPv6Address("ff0e::1:2")])
data = st.one_of(
    st.integers(0, 40).map(bytes), st.sampled_from([1200, 1340, 4000, 60_000]).map(lambda size: b"Zq" * (size // 2))
)


def transport(
    source: IPv6Address,
    destination: IPv6Address,
    protocol: IpProtocol,
    octets: bytes,
    flags: int,
    *,
    partial: bool = False,
    ports: int = 0x10002000,
    sequence: int = 7,
) -> bytes:
    """A segment or datagram. partial: its checksum field holds the sum of the pseudo header only."""
    options = b"\2\4\5\xb4" if flags & 2 else b""
    if protocol is IpProtocol.TCP:
        made = bytearray(struct.pack("!IIIBBHHH", ports, sequence, 1, (20 + len(options)) << 2, flags, 512, 0, 0))
        made += options + octets
        at = 16
    else:
        made, at = bytearray(struct.pack("!IHH", ports, (8 + len(octets)) & 0xFFFF, 0) + octets), 6
    pseudo = pseudo_header(source, destination, protocol, len(made))
    struct.pack_into("!H", made, at, 0xFFFF - checksum(pseudo) if partial else checksum(pseudo + made))
    return bytes(made)


@st.composite
def extensions(draw: st.DrawFn) -> tuple[int, bytes]:
    """Extension headers with what follows them, and the protocol of the first: options, routing, fragments of every
    kind (the whole, the first, later ones, ones that overlap), a few with wrong lengths.
    """
    last = draw(st.sampled_from([IpProtocol.ICMPV6, IpProtocol.ICMPV6, IpProtocol.TCP, IpProtocol.UDP, 50, 59]))
    kinds = draw(st.lists(st.sampled_from([0, 43, 44, 60, 60, 51, 135]), min_size=1, max_size=5))
    octets = b""
    for kind, following in zip(kinds, [*kinds[1:], int(last)], strict=True):
        if kind == 44:
            offset, more = draw(st.sampled_from([0, 0, 1, 8, 170])), draw(st.booleans())
            octets += struct.pack("!BBHI", following, draw(st.sampled_from([0, 7])), offset << 3 | more, 7)
        else:
            units = draw(st.sampled_from([0, 0, 1]))
            wrong = draw(st.sampled_from([0] * 7 + [255]))
            octets += bytes((following, units or wrong, 1, 4 + 8 * units)) + bytes(4 + 8 * units)
    message = draw(
        st.sampled_from([b"\x85\0", b"\x86\0", b"\x87\0", b"\x88\0", b"\x8f\0", b"\x80\0", b"\1\4", b"\2\0"])
    )
    return kinds[0], octets + message + draw(st.binary(max_size=60))


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """Mostly such as occur: TCP, UDP, ICMPv6, what is of the link alone, extension headers, fragments; some damaged."""
    source, destination = draw(addresses), draw(receivers)
    usual = [IpProtocol.TCP, IpProtocol.TCP, IpProtocol.UDP, IpProtocol.ICMPV6]
    protocol = int(draw(st.sampled_from([*usual, 0, 44, 60, 59, 0, 0])))
    if protocol in (IpProtocol.TCP, IpProtocol.UDP):
        flags = draw(st.sampled_from([0x10, 2, 0x12, 0x18, 0x99]))
        payload = transport(source, destination, IpProtocol(protocol), draw(data), flags, partial=draw(st.booleans()))
    elif protocol == IpProtocol.ICMPV6:
        kind = draw(st.sampled_from([b"\1\4", b"\1\0", b"\2\0", b"\x80\0", b"\x85\0", b"\x87\0", b"\x8f\0"]))
        payload = kind + draw(st.binary(max_size=60))
    elif draw(st.booleans()):
        protocol, payload = draw(extensions())
    else:
        payload = draw(st.sampled_from([b"\x3a\0", b"\x06\0", b"\x3a\1", b"\x00\0"])) + draw(st.binary(max_size=40))
    packet = Ipv6Packet(
        traffic_class=draw(st.sampled_from([0, 0xC0, 0xB9, 2])),
        flow_label=draw(st.sampled_from([0, 0xABCDE])),
        next_header=protocol,
        hop_limit=63,
        source=source,
        destination=destination,
        payload=payload,
    ).serialize()
    if draw(st.integers(0, 7)) == 0:
        packet = packet[: draw(st.integers(0, len(packet)))]
    if draw(st.integers(0, 7)) == 0 and packet:
        at = draw(st.integers(0, min(len(packet), 80) - 1))
        packet = packet[:at] + bytes((draw(st.integers(0, 255)),)) + packet[at + 1 :]
    return packet


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    packet = draw(packets())
    kinds = [0, 0, 0, GSO_TCPV6, GSO_TCPV6, GSO_UDP_L4, GSO_TCPV4]
    vnet = VnetHeader(
        flags=draw(st.sampled_from([0, NEEDS_CHECKSUM])),
        gso_type=draw(st.sampled_from(kinds)),
        gso_size=draw(st.sampled_from([1340, 500, 0])),
        checksum_start=draw(st.sampled_from([54, 54, 34])),
        checksum_offset=draw(st.sampled_from([16, 6])),
    )
    mac = draw(st.sampled_from([b"\x33\x33\0\0\0\5", *(b"\2\0\0\0\0" + bytes((peer,)) for peer in (1, 2, 3))]))
    return vnet.serialize() + mac + traffic.OWN_MAC + draw(st.sampled_from([b"\x86\xdd"] * 5 + [b"\x08\0"])) + packet


tunnels = st.builds(
    Tunnel,
    source=st.just(traffic.OURS[0]),
    destination=st.sampled_from([None, None, traffic.THEIRS[0]]),
    key=st.just(100),
    mtu=st.sampled_from([1300, 1400]),
    mss=st.none(),
    address=st.none(),
    network=st.just(1),
    report=st.booleans(),
    multicast=st.just([traffic.THEIRS[3]]),
    peers=st.just([(1, traffic.THEIRS[0]), (2, traffic.THEIRS[1]), (3, traffic.THEIRS[2])]),
    df=st.sampled_from(DfBit),
    checksum=st.booleans(),
)
overlays = st.builds(
    Overlay,
    mtu=st.sampled_from([1280, 1400, 1400, 0]),
    mss=st.sampled_from([None, 1220]),
    address=st.sampled_from([b"", OWN.packed]),
    network=st.sampled_from([None, 6]),
    report=st.booleans(),
    multicast=st.lists(st.sampled_from(traffic.THEIRS), max_size=2).map(tuple),
)
steps = st.one_of(
    st.tuples(st.just("out"), frames(), st.sampled_from([0.0, 4.0, 9.0])),
    st.tuples(st.just("out"), traffic.frames(), st.just(0.0)),
    st.tuples(st.just("in"), packets(), st.sampled_from(traffic.THEIRS)),
    st.tuples(st.just("learn"), st.sampled_from(traffic.THEIRS), traffic.path_mtus),
)


@patch.multiple(oracle, HAIRPIN_PAIRS=PAIRS, COUNTED_PEERS=COUNTED)
@given(tunnels, overlays, st.lists(steps, min_size=3, max_size=14))
def test_both_cores_make_the_same_of_ipv6(tunnel: Tunnel, overlay: Overlay, taken: list[tuple[object, ...]]) -> None:
    both, now = Both([tunnel]), 0.0
    both.python.own_addresses |= {(0, OWN.packed), (0, INSIDE[0].packed)}
    of = [sorted(one for one in both.python.own_addresses if len(one[1]) == length) for length in (4, 16)]
    both.rust.set_own_addresses(*of)
    both.python.tunnels[1].ipv6 = overlay
    both.rust.set_ipv6(1, overlay.mtu, overlay.mss, overlay.address or None)
    both.rust.set_hairpin(1, overlay.network, overlay.report, overlay.interval, 6)
    both.rust.set_multicast(1, list(overlay.multicast), [], 6)
    for step in taken:
        match step:
            case ("out", bytes(frame), float(later)):
                now += later
                both.outbound(1, frame, now)
            case ("in", bytes(packet), bytes(nbma)):
                gre = GreHeader(protocol_type=GRE_IPV6, key=100).serialize(packet)
                both.inbound(traffic.outer(nbma, traffic.OURS[0], gre), now)
            case ("learn", bytes(nbma), int(mtu)):
                both.learn_path(nbma, mtu, now)
        both.agree()


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Packets of some flows, each one's in order, now and then one that differs from the last."""
    sequences, made = [draw(st.sampled_from([0, 0xFFFFFF00])) for _ in range(4)], list[bytes]()
    for flow in draw(st.lists(st.integers(0, 3), max_size=40)):
        size = draw(st.sampled_from([0, 7, *[100] * 8, 101]))
        protocol = IpProtocol.TCP if flow < 3 else IpProtocol.UDP
        flags = draw(st.sampled_from([*[0x10] * 8, 0x18, 0x11, 2]))
        octets, ports = bytes((len(made),)) * size, 0x10002000 + flow
        payload = transport(INSIDE[0], INSIDE[1], protocol, octets, flags, ports=ports, sequence=sequences[flow])
        sequences[flow] = (sequences[flow] + size) & 0xFFFFFFFF
        header = draw(st.sampled_from([0] * 8 + [44, 60]))
        packet = Ipv6Packet(
            traffic_class=draw(st.sampled_from([2] * 8 + [3, 0xB8])),
            flow_label=draw(st.sampled_from([flow] * 8 + [0xABCDE])),
            next_header=header or protocol,
            hop_limit=draw(st.sampled_from([63] * 8 + [62])),
            source=INSIDE[0],
            destination=INSIDE[1],
            payload=bytes((protocol, 0, 0 if header == 44 else 1, 1 if header == 44 else 4, *bytes(4))) * bool(header)
            + payload,
        ).serialize()
        made.append(draw(st.one_of(*[st.just(packet)] * 5, traffic.damaged(st.just(packet)))))
    return made


@given(tunnels, streams())
def test_merged_packets_of_ipv6_are_the_same_packets_for_who_cuts_them_again(
    tunnel: Tunnel, packets: list[bytes]
) -> None:
    both = Both([tunnel])
    both.python.tunnels[1].ipv6 = Overlay(mtu=1400)
    both.rust.set_ipv6(1, 1400, None, None)
    gre = GreHeader(protocol_type=GRE_IPV6, key=100)
    both.agree_when_merged(
        [traffic.outer(traffic.THEIRS[0], traffic.OURS[0], gre.serialize(packet)) for packet in packets]
    )
