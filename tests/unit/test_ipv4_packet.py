"""IPv4 headers, fragments, and looks at the octets without decoding."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.net.checksum import checksum
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet, decrement_ttl, peek_addresses, peek_flow

SOURCE, DESTINATION = IPv4Address("192.0.2.2"), IPv4Address("198.51.100.2")
RECORD_ROUTE = bytes.fromhex("0707040000000001")  # not copied into later fragments, and a filler
ROUTER_ALERT = bytes.fromhex("94040000")  # copied

packets = st.builds(
    Ipv4Packet,
    tos=st.integers(0, 255),
    identification=st.integers(0, 0xFFFF),
    flags=st.integers(0, 7).map(Ipv4Flag),
    fragment_offset=st.integers(0, 0x1FFF),
    ttl=st.integers(0, 255),
    protocol=st.integers(0, 255),
    source=st.integers(0, 2**32 - 1).map(IPv4Address),
    destination=st.integers(0, 2**32 - 1).map(IPv4Address),
    options=st.integers(0, 10).flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words)),
    payload=st.binary(max_size=64),
)


def udp_packet(payload: bytes = b"", options: bytes = b"") -> Ipv4Packet:
    return Ipv4Packet(protocol=IpProtocol.UDP, source=SOURCE, destination=DESTINATION, options=options, payload=payload)


@given(packets)
def test_a_packet_is_read_as_it_was_written(packet: Ipv4Packet) -> None:
    assert Ipv4Packet.parse(packet.serialize()) == packet


@given(packets, st.binary(min_size=1, max_size=20))
def test_what_follows_the_total_length_is_padding(packet: Ipv4Packet, padding: bytes) -> None:
    assert Ipv4Packet.parse(memoryview(packet.serialize() + padding)) == packet


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        ("45000014", "header cut short"),
        ("65" + "00" * 19, "IP version 6"),
        ("44" + "00" * 19, "header length 16"),
        ("4f" + "00" * 19, "header length 60"),
        ("45000013" + "00" * 16, "total length 19"),
        ("45000015" + "00" * 16, "total length 21"),
        ("45000014" + "00" * 16, "checksum"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(octets: str, what: str) -> None:
    with pytest.raises(WireError, match=what):
        Ipv4Packet.parse(bytes.fromhex(octets))


def test_a_packet_too_long_for_its_length_fields_is_not_written() -> None:
    with pytest.raises(ValueError, match="octets"):
        udp_packet(payload=bytes(65516)).serialize()
    with pytest.raises(ValueError, match="octets"):
        udp_packet(options=bytes(44)).serialize()


def test_a_packet_that_fits_is_its_only_fragment() -> None:
    packet = udp_packet(bytes(80))
    assert packet.fragments(100) == [packet]
    assert not packet.is_fragment


@given(st.binary(min_size=1, max_size=300), st.integers(28, 200))
def test_fragments_fit_the_mtu_and_make_up_the_packet(payload: bytes, mtu: int) -> None:
    packet = udp_packet(payload)
    pieces = packet.fragments(mtu)
    assert b"".join(piece.payload for piece in pieces) == payload
    assert all(len(piece.serialize()) <= mtu for piece in pieces)
    position = 0
    for piece in pieces:
        assert piece.fragment_offset * 8 == position
        position += len(piece.payload)
    assert [bool(piece.flags & Ipv4Flag.MORE_FRAGMENTS) for piece in pieces] == [True] * (len(pieces) - 1) + [False]


def test_a_fragment_of_a_fragment_keeps_its_place() -> None:
    middle = replace(udp_packet(bytes(64)), fragment_offset=100, flags=Ipv4Flag.MORE_FRAGMENTS)
    pieces = middle.fragments(52)
    assert [(piece.fragment_offset, bool(piece.flags & Ipv4Flag.MORE_FRAGMENTS)) for piece in pieces] == [
        (100, True),
        (104, True),
    ]
    assert all(piece.is_fragment for piece in pieces)


@pytest.mark.parametrize(("offset", "octets", "fits"), [(8123, 531, True), (8123, 532, False), (8191, 1000, False)])
def test_a_fragment_that_ends_where_no_packet_does_is_not_cut_again(offset: int, octets: int, fits: bool) -> None:
    """Behind 13 bits the offsets of its pieces began again."""
    last = Ipv4Packet(
        source=IPv4Address("192.0.2.1"),
        destination=IPv4Address("192.0.2.2"),
        protocol=IpProtocol.UDP,
        payload=bytes(octets),
        fragment_offset=offset,
    )
    if not fits:
        with pytest.raises(WireError, match="ends where no packet does"):
            last.fragments(300)
        return
    pieces = [Ipv4Packet.parse(piece.serialize()) for piece in last.fragments(300)]
    assert [piece.fragment_offset for piece in pieces] == [8123, 8158]
    assert all(8 * piece.fragment_offset + len(piece.serialize()) <= 0xFFFF for piece in pieces)


def test_later_fragments_have_only_the_options_that_are_copied() -> None:
    packet = udp_packet(bytes(100), options=RECORD_ROUTE + ROUTER_ALERT)
    first, second, *_ = packet.fragments(68)
    assert first.options == RECORD_ROUTE + ROUTER_ALERT
    assert second.options == ROUTER_ALERT


@pytest.mark.parametrize(
    "options", ["9404000000000000", "0101010100000000", "94ff0000", "94010000", "07000000", "01010194"]
)
def test_odd_options_do_not_stop_the_cutting(options: str) -> None:
    for piece in udp_packet(bytes(100), options=bytes.fromhex(options)).fragments(68):
        assert Ipv4Packet.parse(piece.serialize()) == piece


def test_an_mtu_that_holds_no_fragment_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="MTU of 27"):
        udp_packet(bytes(100)).fragments(27)


def test_a_look_at_a_packet_finds_its_flow() -> None:
    octets = udp_packet(bytes.fromhex("020802080008000011"), options=ROUTER_ALERT).serialize()
    assert peek_addresses(octets) == (SOURCE, DESTINATION)
    assert peek_flow(octets) == (SOURCE, DESTINATION, IpProtocol.UDP, 520, 520)


def test_a_look_at_a_quoted_header_needs_no_more_than_the_header() -> None:
    octets = udp_packet(bytes.fromhex("0208020800080000")).serialize()[:20]
    assert peek_flow(octets) == (SOURCE, DESTINATION, IpProtocol.UDP, 0, 0)


def test_a_later_fragment_has_no_ports() -> None:
    octets = replace(udp_packet(bytes(range(8))), fragment_offset=3).serialize()
    assert peek_flow(octets).source_port == 0


def test_protocols_without_ports_have_none() -> None:
    assert peek_flow(replace(udp_packet(bytes(range(8))), protocol=IpProtocol.ICMP).serialize()).destination_port == 0


@given(packets)
def test_a_hop_changes_the_ttl_and_keeps_the_checksum_right(packet: Ipv4Packet) -> None:
    octets = bytearray(packet.serialize())
    before = bytes(octets)
    left = decrement_ttl(octets)
    if packet.ttl <= 1:
        assert left == 0
        assert bytes(octets) == before
    else:
        assert left == packet.ttl - 1
        assert Ipv4Packet.parse(octets) == replace(packet, ttl=left)


def test_what_is_not_ipv4_has_no_hops_and_no_addresses() -> None:
    for octets in (b"", bytes(20), b"\x45" * 19):
        with pytest.raises(WireError, match="not an IPv4 header"):
            decrement_ttl(bytearray(octets))
        with pytest.raises(WireError, match="not an IPv4 header"):
            peek_addresses(octets)


def test_flags_say_what_a_router_may_do() -> None:
    assert replace(udp_packet(), flags=Ipv4Flag.DONT_FRAGMENT).dont_fragment
    assert not udp_packet().dont_fragment
    assert checksum(udp_packet().serialize()) == 0
