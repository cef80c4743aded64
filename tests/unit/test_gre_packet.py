"""GRE headers and keepalives."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.net.gre import GreHeader, ProtocolType, decapsulated, keepalive, merged
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, IpProtocol, Ipv4Packet
from support import traffic
from support.wire import vectors

headers = st.builds(
    GreHeader,
    protocol_type=st.integers(0, 0xFFFF),
    has_checksum=st.booleans(),
    key=st.none() | st.integers(0, 2**32 - 1),
    sequence=st.none() | st.integers(0, 2**32 - 1),
)


@given(headers, st.binary(max_size=80))
def test_a_packet_is_read_as_it_was_written(header: GreHeader, payload: bytes) -> None:
    octets = header.serialize(payload)
    read, start = GreHeader.parse(octets)
    assert (read, octets[start:]) == (header, payload)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("gre_ipv4_nokey", GreHeader(protocol_type=ProtocolType.IPV4)),
        ("gre_ipv4_key100", GreHeader(protocol_type=ProtocolType.IPV4, key=100)),
        ("gre_ipv4_checksum_key100", GreHeader(protocol_type=ProtocolType.IPV4, key=100, has_checksum=True)),
        ("gre_ipv6_key100", GreHeader(protocol_type=ProtocolType.IPV6, key=100)),
        ("gre_keepalive", GreHeader(protocol_type=ProtocolType.IPV4)),
        ("mcast_eigrp_hello_in_gre_key100", GreHeader(protocol_type=ProtocolType.IPV4, key=100)),
    ],
)
def test_a_header_has_exactly_one_encoding(name: str, header: GreHeader) -> None:
    octets = Ipv4Packet.parse(vectors("gre")[name]).payload
    read, start = GreHeader.parse(octets)
    assert read == header
    assert header.serialize(octets[start:]) == octets


def test_all_options_stand_in_the_order_checksum_key_sequence() -> None:
    octets = GreHeader(protocol_type=0x0800, has_checksum=True, key=0x01020304, sequence=0x05060708).serialize(b"")
    assert octets[:4].hex() == "b0000800"
    assert octets[8:].hex() == "0102030405060708"


@pytest.mark.parametrize("flags", [0x4000, 0x0800, 0x0400, 0x0001, 0x0007])
def test_source_routing_and_other_versions_are_refused(flags: int) -> None:
    with pytest.raises(WireError, match="flags"):
        GreHeader.parse(flags.to_bytes(2, "big") + b"\x08\x00" + bytes(12))


@pytest.mark.parametrize("bit", range(3, 10))
def test_reserved_bits_are_ignored(bit: int) -> None:
    """RFC 2784 §2.2: bits 6 to 12 of the header are for the future."""
    assert GreHeader.parse((1 << bit).to_bytes(2, "big") + b"\x08\x00")[0] == GreHeader(protocol_type=0x0800)


@pytest.mark.parametrize("octets", ["", "000008", "20000800", "b00008000000000000000000000000"])
def test_a_header_cut_short_is_refused(octets: str) -> None:
    with pytest.raises(WireError, match="cut short"):
        GreHeader.parse(bytes.fromhex(octets))


@given(headers, st.binary(min_size=2, max_size=40), st.data())
def test_a_damaged_payload_is_noticed_if_there_is_a_checksum(
    header: GreHeader, payload: bytes, data: st.DataObject
) -> None:
    octets = bytearray(header.serialize(payload))
    position = data.draw(st.integers(len(octets) - len(payload), len(octets) - 1))
    octets[position] ^= 0x10
    if header.has_checksum:
        with pytest.raises(WireError, match="checksum"):
            GreHeader.parse(octets)
    else:
        assert GreHeader.parse(octets)[0] == header


def test_a_keepalive_is_what_ios_sends() -> None:
    whole = Ipv4Packet.parse(vectors("gre")["gre_keepalive"])
    assert keepalive(whole.source, whole.destination, identification=1) == whole.payload


@pytest.mark.parametrize("key", [None, 100])
def test_a_keepalive_comes_back_to_who_sent_it(key: int | None) -> None:
    local, peer = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
    octets = keepalive(local, peer, key=key)
    header, start = GreHeader.parse(octets)
    returning = Ipv4Packet.parse(octets[start:])
    assert (header.protocol_type, header.key) == (ProtocolType.IPV4, key)
    assert (returning.source, returning.destination, returning.protocol) == (peer, local, IpProtocol.GRE)
    assert returning.tos == TOS_INTERNETWORK_CONTROL
    inner, end = GreHeader.parse(returning.payload)
    assert inner == GreHeader(protocol_type=ProtocolType.KEEPALIVE, key=key)
    assert end == len(returning.payload)


SUMMED = GreHeader(protocol_type=ProtocolType.IPV4, has_checksum=True, key=100)
FINISHED, UNFINISHED = (
    traffic.tcp_packet(IPv4Address("10.1.0.1"), IPv4Address("10.2.0.1"), bytes(100), partial=partial)
    for partial in (False, True)
)


def with_field(field: bytes, payload: bytes) -> bytes:
    """A GRE packet with this checksum field."""
    octets = SUMMED.serialize(payload)
    return octets[:4] + field + octets[6:]


@pytest.mark.parametrize(
    "octets",
    [
        with_field(b"\0\0", FINISHED),
        with_field(b"\0\0", b"anything"),
        with_field(SUMMED.serialize(FINISHED)[4:6], UNFINISHED),
        with_field(b"\x12\x34", UNFINISHED),
    ],
)
def test_a_checksum_that_linux_left_to_a_network_card_is_not_wrong(octets: bytes) -> None:
    """A Linux hub with `ip link add ... type gre csum` behind a virtual cable: all its packets were dropped."""
    assert GreHeader.parse(octets) == (SUMMED, 12)


@pytest.mark.parametrize("payload", [FINISHED, b"anything", b"\x45" + bytes(19), UNFINISHED[:-1], b""])
def test_a_checksum_that_somebody_wrote_must_hold(payload: bytes) -> None:
    octets = SUMMED.serialize(payload)
    wrong = bytes((octets[4], octets[5] ^ 1 or 1))
    with pytest.raises(WireError, match="checksum"):
        GreHeader.parse(with_field(wrong, payload))


# Congestion marks through a tunnel: RFC 6040 figure 4, all of it.

NOT, ECT_1, ECT_0, CE = 0b00, 0b01, 0b10, 0b11


@pytest.mark.parametrize(
    ("inner", "by_outer"),
    [
        (NOT, {NOT: NOT, ECT_0: NOT, ECT_1: NOT, CE: None}),
        (ECT_0, {NOT: ECT_0, ECT_0: ECT_0, ECT_1: ECT_1, CE: CE}),
        (ECT_1, {NOT: ECT_1, ECT_0: ECT_1, ECT_1: ECT_1, CE: CE}),
        (CE, {NOT: CE, ECT_0: CE, ECT_1: CE, CE: CE}),
    ],
)
def test_the_inner_field_after_decapsulation(inner: int, by_outer: dict[int, int | None]) -> None:
    for outer, result in by_outer.items():
        assert merged(0xB8 | outer, 0x20 | inner) == (None if result is None else 0x20 | result)


def test_a_mark_that_is_taken_over_leaves_a_right_checksum() -> None:
    packet = Ipv4Packet(
        source=IPv4Address("10.1.1.1"),
        destination=IPv4Address("10.2.2.2"),
        protocol=IpProtocol.UDP,
        payload=b"data",
        tos=0xB8 | ECT_0,
    )
    marked = decapsulated(CE, packet.serialize())
    assert marked is not None
    assert Ipv4Packet.parse(marked).tos == 0xB8 | CE
    assert decapsulated(NOT, packet.serialize()) == packet.serialize()
