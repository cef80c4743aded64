"""IPv4 headers, fragments, and looks at the octets without decoding."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.net import icmp, ip, ipv4
from dmvpn.net import icmp as icmpv6
from dmvpn.net.gre import GreHeader, ProtocolType
from dmvpn.net.icmp import (
    DestinationUnreachable,
    EchoReply,
    EchoRequest,
    IcmpMessage,
    OtherMessage,
    TimeExceeded,
    UnreachableCode,
)
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv6 import Ipv6Packet
from dmvpn.net.tcp import clamp_mss
from support.pcap import payloads
from support.wire import decoded_or_refused, vectors, with_checksum

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

SOURCE, DESTINATION = IPv4Address("192.0.2.2"), IPv4Address("198.51.100.2")
RECORD_ROUTE = bytes.fromhex("0707040000000001")  # not copied into later fragments, and a filler
ROUTER_ALERT = bytes.fromhex("94040000")  # copied

packets = st.builds(
    ipv4.Ipv4Packet,
    tos=st.integers(0, 255),
    identification=st.integers(0, 0xFFFF),
    flags=st.integers(0, 7).map(ipv4.Ipv4Flag),
    fragment_offset=st.integers(0, 0x1FFF),
    ttl=st.integers(0, 255),
    protocol=st.integers(0, 255),
    source=st.integers(0, 2**32 - 1).map(IPv4Address),
    destination=st.integers(0, 2**32 - 1).map(IPv4Address),
    options=st.integers(0, 10).flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words)),
    payload=st.binary(max_size=64),
)


def udp_packet(payload: bytes = b"", options: bytes = b"") -> ipv4.Ipv4Packet:
    return ipv4.Ipv4Packet(
        protocol=ipv4.IpProtocol.UDP, source=SOURCE, destination=DESTINATION, options=options, payload=payload
    )


@given(packets)
def test_a_packet_is_read_as_it_was_written(packet: ipv4.Ipv4Packet) -> None:
    assert ipv4.Ipv4Packet.parse(packet.serialize()) == packet


@given(packets, st.binary(min_size=1, max_size=20))
def test_what_follows_the_total_length_is_padding(packet: ipv4.Ipv4Packet, padding: bytes) -> None:
    assert ipv4.Ipv4Packet.parse(memoryview(packet.serialize() + padding)) == packet


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
        ipv4.Ipv4Packet.parse(bytes.fromhex(octets))


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
    assert [bool(piece.flags & ipv4.Ipv4Flag.MORE_FRAGMENTS) for piece in pieces] == [True] * (len(pieces) - 1) + [
        False
    ]


def test_a_fragment_of_a_fragment_keeps_its_place() -> None:
    middle = replace(udp_packet(bytes(64)), fragment_offset=100, flags=ipv4.Ipv4Flag.MORE_FRAGMENTS)
    pieces = middle.fragments(52)
    assert [(piece.fragment_offset, bool(piece.flags & ipv4.Ipv4Flag.MORE_FRAGMENTS)) for piece in pieces] == [
        (100, True),
        (104, True),
    ]
    assert all(piece.is_fragment for piece in pieces)


@pytest.mark.parametrize(("offset", "octets", "fits"), [(8123, 531, True), (8123, 532, False), (8191, 1000, False)])
def test_a_fragment_that_ends_where_no_packet_does_is_not_cut_again(offset: int, octets: int, fits: bool) -> None:
    """Behind 13 bits the offsets of its pieces began again."""
    last = ipv4.Ipv4Packet(
        source=IPv4Address("192.0.2.1"),
        destination=IPv4Address("192.0.2.2"),
        protocol=ipv4.IpProtocol.UDP,
        payload=bytes(octets),
        fragment_offset=offset,
    )
    if not fits:
        with pytest.raises(WireError, match="ends where no packet does"):
            last.fragments(300)
        return
    pieces = [ipv4.Ipv4Packet.parse(piece.serialize()) for piece in last.fragments(300)]
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
        assert ipv4.Ipv4Packet.parse(piece.serialize()) == piece


def test_an_mtu_that_holds_no_fragment_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="MTU of 27"):
        udp_packet(bytes(100)).fragments(27)


def test_a_look_at_a_packet_finds_its_flow() -> None:
    octets = udp_packet(bytes.fromhex("020802080008000011"), options=ROUTER_ALERT).serialize()
    assert ipv4.peek_addresses(octets) == (SOURCE, DESTINATION)
    assert ipv4.peek_flow(octets) == (SOURCE, DESTINATION, ipv4.IpProtocol.UDP, 520, 520)


def test_a_look_at_a_quoted_header_needs_no_more_than_the_header() -> None:
    octets = udp_packet(bytes.fromhex("0208020800080000")).serialize()[:20]
    assert ipv4.peek_flow(octets) == (SOURCE, DESTINATION, ipv4.IpProtocol.UDP, 0, 0)


def test_a_later_fragment_has_no_ports() -> None:
    octets = replace(udp_packet(bytes(range(8))), fragment_offset=3).serialize()
    assert ipv4.peek_flow(octets).source_port == 0


def test_protocols_without_ports_have_none() -> None:
    assert (
        ipv4.peek_flow(replace(udp_packet(bytes(range(8))), protocol=ipv4.IpProtocol.ICMP).serialize()).destination_port
        == 0
    )


@given(packets)
def test_a_hop_changes_the_ttl_and_keeps_the_checksum_right(packet: ipv4.Ipv4Packet) -> None:
    octets = bytearray(packet.serialize())
    before = bytes(octets)
    left = ipv4.decrement_ttl(octets)
    if packet.ttl <= 1:
        assert left == 0
        assert bytes(octets) == before
    else:
        assert left == packet.ttl - 1
        assert ipv4.Ipv4Packet.parse(octets) == replace(packet, ttl=left)


def test_what_is_not_ipv4_has_no_hops_and_no_addresses() -> None:
    for octets in (b"", bytes(20), b"\x45" * 19):
        with pytest.raises(WireError, match="not an IPv4 header"):
            ipv4.decrement_ttl(bytearray(octets))
        with pytest.raises(WireError, match="not an IPv4 header"):
            ipv4.peek_addresses(octets)


def test_flags_say_what_a_router_may_do() -> None:
    assert replace(udp_packet(), flags=ipv4.Ipv4Flag.DONT_FRAGMENT).dont_fragment
    assert not udp_packet().dont_fragment
    assert ipv4.checksum(udp_packet().serialize()) == 0


# ICMP over IPv6 (RFC 4443): its numbers, its checksum, and the words that it shares with ICMP over IPv4.

ONE, OTHER = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")
QUOTED = bytes(48)


def closed(message: IcmpMessage) -> bytes:
    """Its octets between the two addresses."""
    return icmpv6.closed_icmpv6(icmpv6.serialize_icmpv6(message), ONE, OTHER)


# The sum of the first was made by hand: 0x2001 + 0xdb8 twice, 1, 2, length 12, protocol 58, and the message.
@pytest.mark.parametrize(
    ("message", "octets"),
    [
        (EchoRequest(identifier=7, sequence=1, payload=b"abcd"), "8000" + "5f75" + "00070001" + "61626364"),
        (EchoReply(identifier=7, sequence=1, payload=b"abcd"), "8100" + "5e75" + "00070001" + "61626364"),
    ],
)
def test_an_echo_has_exactly_one_encoding(message: IcmpMessage, octets: str) -> None:
    assert closed(message).hex() == octets
    assert icmpv6.parse_icmpv6(bytes.fromhex(octets), ONE, OTHER) == message


@pytest.mark.parametrize(
    ("message", "start"),
    [
        (DestinationUnreachable(code=UnreachableCode.NETWORK, quoted=QUOTED), "0100"),
        (DestinationUnreachable(code=UnreachableCode.ADMINISTRATIVELY_PROHIBITED, quoted=QUOTED), "0101"),
        (DestinationUnreachable(code=UnreachableCode.HOST, quoted=QUOTED), "0103"),
        (DestinationUnreachable(code=UnreachableCode.PORT, quoted=QUOTED), "0104"),
        (DestinationUnreachable(code=UnreachableCode.PROTOCOL, quoted=QUOTED), "0401"),
        (DestinationUnreachable(code=UnreachableCode.FRAGMENTATION_NEEDED, next_hop_mtu=1280, quoted=QUOTED), "0200"),
        (TimeExceeded(quoted=QUOTED), "0300"),
        (OtherMessage(type=135, code=0, rest=bytes(20)), "8700"),
    ],
)
def test_every_message_is_read_back_in_the_words_of_ipv4(message: IcmpMessage, start: str) -> None:
    octets = closed(message)
    assert octets[:2].hex() == start
    assert icmpv6.parse_icmpv6(octets, ONE, OTHER) == message


def test_the_mtu_of_packet_too_big_and_the_pointer_of_a_parameter_problem_stand_in_the_second_word() -> None:
    too_big = DestinationUnreachable(code=UnreachableCode.FRAGMENTATION_NEEDED, next_hop_mtu=1400, quoted=QUOTED)
    assert closed(too_big)[4:8] == (1400).to_bytes(4, "big")
    jumbo = bytes.fromhex("0200000000020000") + QUOTED
    message = icmpv6.parse_icmpv6(icmpv6.closed_icmpv6(jumbo, ONE, OTHER), ONE, OTHER)
    assert isinstance(message, DestinationUnreachable)
    assert message.next_hop_mtu == 0xFFFF, "an MTU of 131072 is no small one"
    unknown = DestinationUnreachable(code=UnreachableCode.PROTOCOL, quoted=QUOTED)
    assert closed(unknown)[4:8] == (6).to_bytes(4, "big"), "where the next header field is"


def test_the_checksum_covers_the_addresses() -> None:
    octets = closed(EchoRequest(identifier=7, sequence=1))
    with pytest.raises(WireError, match="checksum"):
        icmpv6.parse_icmpv6(octets, ONE, IPv6Address("2001:db8::3"))


def test_a_message_that_is_closed_already_gets_the_same_checksum_again() -> None:
    octets = closed(EchoRequest(identifier=7, sequence=1))
    assert icmpv6.closed_icmpv6(octets, ONE, OTHER) == octets


def test_a_message_that_is_cut_short_is_refused() -> None:
    with pytest.raises(WireError, match="cut short"):
        icmpv6.parse_icmpv6(bytes(7), ONE, OTHER)


def test_an_error_quotes_no_more_than_fits_1280_octets() -> None:
    assert len(icmpv6.quote_icmpv6(bytes(9000))) == 1280 - 40 - 8


@given(st.binary(max_size=60))
def test_whatever_comes_is_read_or_refused(octets: bytes) -> None:
    for data in (octets, icmpv6.closed_icmpv6(octets, ONE, OTHER) if len(octets) >= 4 else octets):
        try:
            message = icmpv6.parse_icmpv6(data, ONE, OTHER)
        except WireError:
            continue
        assert (
            icmpv6.parse_icmpv6(icmpv6.closed_icmpv6(icmpv6.serialize_icmpv6(message), ONE, OTHER), ONE, OTHER)
            == message
        )


@given(st.binary(max_size=80))
def test_headers_of_either_version_are_read_or_refused(octets: bytes) -> None:
    for data in (octets, b"\x60" + octets, b"\x45" + octets):
        for read in (ip.parse, ip.peek_addresses, ip.peek_flow, ip.peek_tos, ip.peek_payload):
            decoded_or_refused(read, data)


def test_a_packet_of_either_version_is_built_by_its_addresses() -> None:
    packet = ip.parse(ip.build(source=ONE, destination=OTHER, protocol=99, payload=b"x", ttl=9, tos=0xC0))
    assert isinstance(packet, Ipv6Packet)
    assert (packet.protocol, packet.ttl, packet.tos) == (99, 9, 0xC0)
    assert ip.peek_tos(packet.serialize()) == 0xC0
    with pytest.raises(ValueError, match="from 2001:db8::1 to"):
        ip.build(source=ONE, destination=IPv4Address("10.0.0.1"), protocol=99, payload=b"x")


def test_a_udp_datagram_without_checksum_gets_one_over_ipv6() -> None:
    """There must be one (RFC 8200 §8.1), and who lets the plane choose the source cannot make it."""
    bare = bytes.fromhex("c000829a000c0000") + b"abcd"
    packet = ip.parse(ip.build(source=ONE, destination=OTHER, protocol=17, payload=bare))
    assert packet.payload[6:8] != bytes(2)
    assert ip.peek_flow(packet.serialize())[3:] == (0xC000, 0x829A)


# The clamp of TCP's maximum segment size.

SYN, ACK = 0x02, 0x10
FOUR = (IPv4Address("10.1.0.1"), IPv4Address("10.2.0.1"))
SIX = (IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2"))


def mss(value: int) -> bytes:
    return bytes((2, 4)) + value.to_bytes(2, "big")


def packet(options: bytes, *, flags: int = SYN, six: bool = False, fragment_offset: int = 0) -> bytes:
    """An IP packet with a TCP header and right checksums."""
    options += bytes(-len(options) % 4)
    header = bytearray(bytes.fromhex("c000005000000001000000000000faf000000000"))
    header[12] = (20 + len(options)) // 4 << 4
    header[13] = flags
    segment = bytearray(header + options)
    source, destination = SIX if six else FOUR
    pseudo = ipv4.pseudo_header(source, destination, ipv4.IpProtocol.TCP, len(segment))
    segment[16:18] = ipv4.checksum(pseudo + segment).to_bytes(2, "big")
    if six:
        return Ipv6Packet(
            next_header=ipv4.IpProtocol.TCP, source=SIX[0], destination=SIX[1], payload=bytes(segment)
        ).serialize()
    return ipv4.Ipv4Packet(
        protocol=ipv4.IpProtocol.TCP,
        source=FOUR[0],
        destination=FOUR[1],
        fragment_offset=fragment_offset,
        payload=bytes(segment),
    ).serialize()


@given(
    st.lists(st.sampled_from([b"\x01", b"\x03\x03\x07", b"\x04\x02"]), max_size=4),
    st.integers(0, 0xFFFF),
    st.integers(1, 0xFFFF),
    st.booleans(),
)
def test_a_syn_gets_the_smaller_value_and_the_checksum_that_belongs_to_it(
    before: list[bytes], offered: int, limit: int, six: bool
) -> None:
    """At odd offsets too: other options may be before this one."""
    others = b"".join(before)
    syn = packet(others + mss(offered), six=six)
    assert clamp_mss(syn, limit) == packet(others + mss(min(offered, limit)), six=six)


@pytest.mark.parametrize(
    "untouched",
    [
        packet(mss(1460), flags=ACK),
        packet(mss(1360)),
        packet(mss(536)),
        packet(b""),
        packet(b"\x00" + mss(1460)),
        packet(mss(1460), fragment_offset=1),
        packet(bytes((2, 3)) + b"\x05\xb4"),
        packet(bytes((2, 40)) + b"\x05\xb4"),
        packet(bytes((3, 0)) + mss(1460)),
        packet(mss(1460))[:42],
        packet(mss(1460))[:39],
        b"",
        b"\x45" * 19,
        b"\x00" * 80,
    ],
)
def test_everything_else_is_the_same_object_afterwards(untouched: bytes) -> None:
    assert clamp_mss(untouched, 1360) is untouched


def test_a_checksum_left_to_the_interface_is_left_to_it() -> None:
    syn = packet(mss(1460))
    clamped = clamp_mss(syn, 1360, partial_checksum=True)
    assert clamped == syn[:42] + (1360).to_bytes(2, "big") + syn[44:]


def test_udp_is_not_tcp() -> None:
    datagram = bytearray(packet(mss(1460), six=True))
    datagram[6] = ipv4.IpProtocol.UDP
    assert clamp_mss(bytes(datagram), 100) == bytes(datagram)


@given(st.binary(max_size=100), st.sampled_from([b"", b"\x45", b"\x4f", b"\x60"]))
def test_random_octets_come_back_no_longer_and_no_shorter(octets: bytes, start: bytes) -> None:
    assert len(clamp_mss(start + octets, 100)) == len(start + octets)


# ICMP messages.

words = st.integers(0, 0xFFFF)
bodies = st.binary(max_size=64)
messages: st.SearchStrategy[IcmpMessage] = st.one_of(
    st.builds(EchoRequest, identifier=words, sequence=words, payload=bodies),
    st.builds(EchoReply, identifier=words, sequence=words, payload=bodies),
    st.builds(DestinationUnreachable, code=st.just(4), next_hop_mtu=words, quoted=bodies),
    st.builds(DestinationUnreachable, code=st.integers(0, 3), quoted=bodies),
    st.builds(TimeExceeded, code=st.integers(0, 1), quoted=bodies),
    st.builds(
        OtherMessage, type=st.integers(13, 255), code=st.integers(0, 255), rest=st.binary(min_size=4, max_size=64)
    ),
)


@given(messages)
def test_a_message_is_read_as_it_was_written(message: IcmpMessage) -> None:
    assert icmp.parse(message.serialize()) == message


def test_the_messages_of_captured_packets_are_written_as_they_were_read() -> None:
    captured = [ipv4.Ipv4Packet.parse(found.octets) for found in payloads("ipv4")]
    octets = [packet.payload for packet in captured if packet.protocol == ipv4.IpProtocol.ICMP]
    for kind in (EchoRequest, EchoReply, DestinationUnreachable):
        assert any(isinstance(icmp.parse(one), kind) for one in octets)
    assert [icmp.parse(one).serialize() for one in octets] == octets


def test_fragmentation_needed_tells_the_next_hop_mtu() -> None:
    octets = with_checksum(bytes.fromhex("0304000000000578") + b"\x45" + bytes(27), 2)
    assert icmp.parse(octets) == DestinationUnreachable(
        code=UnreachableCode.FRAGMENTATION_NEEDED, next_hop_mtu=1400, quoted=b"\x45" + bytes(27)
    )


def test_a_reply_returns_what_the_request_brought() -> None:
    assert EchoRequest(identifier=1, sequence=2, payload=b"abc").reply() == EchoReply(
        identifier=1, sequence=2, payload=b"abc"
    )


def test_a_redirect_is_nothing_to_act_on() -> None:
    octets = with_checksum(bytes.fromhex("05010000c0000201") + bytes(28), 2)
    assert icmp.parse(octets) == OtherMessage(type=5, code=1, rest=bytes.fromhex("c0000201") + bytes(28))


def test_the_labels_behind_a_quoted_packet_are_not_part_of_it() -> None:
    """A provider's MPLS routers append an extension that RFC 4884 announces in the second octet behind the checksum."""
    quoted = bytes(range(128))
    octets = with_checksum(bytes.fromhex("0b00000000200000") + quoted + bytes.fromhex("2000000000080101"), 2)
    assert icmp.parse(octets) == TimeExceeded(code=0, quoted=quoted)


def test_an_error_quotes_so_much_that_it_stays_within_576_octets() -> None:
    packet = b"\x45" + bytes(1399)
    error = TimeExceeded(quoted=icmp.quote(packet))
    assert 20 + len(error.serialize()) == icmp.LARGEST_ERROR
    assert icmp.quote(packet[:84]) == packet[:84]


def test_the_quoted_packet_of_an_error_tells_where_it_was_going() -> None:
    found = next(
        message
        for found in payloads("ipv4")
        if (packet := ipv4.Ipv4Packet.parse(found.octets)).protocol == ipv4.IpProtocol.ICMP
        and isinstance(message := icmp.parse(packet.payload), DestinationUnreachable)
    )
    assert all(ipv4.peek_addresses(found.quoted))


@pytest.mark.parametrize(("octets", "what"), [("0800", "cut short"), ("0800000000000000", "checksum")])
def test_a_message_that_does_not_fit_is_refused(octets: str, what: str) -> None:
    with pytest.raises(WireError, match=what):
        icmp.parse(bytes.fromhex(octets))


# UDP datagrams.

ENDS_OF_FOUR = (IPv4Address("192.0.2.2"), IPv4Address("198.51.100.2"))

datagrams = st.builds(
    UdpDatagram,
    source_port=st.integers(0, 0xFFFF),
    destination_port=st.integers(0, 0xFFFF),
    payload=st.binary(max_size=64),
)


@given(datagrams, st.sampled_from([ENDS_OF_FOUR, SIX]), st.binary(max_size=8))
def test_a_datagram_is_read_as_it_was_written_and_padding_is_left(
    datagram: UdpDatagram, addresses: tuple[IPAddress, IPAddress], padding: bytes
) -> None:
    assert UdpDatagram.parse(datagram.serialize(*addresses) + padding, *addresses) == datagram


@given(datagrams)
def test_a_datagram_of_somebody_else_has_the_wrong_checksum(datagram: UdpDatagram) -> None:
    with pytest.raises(WireError, match="checksum"):
        UdpDatagram.parse(datagram.serialize(*ENDS_OF_FOUR), ENDS_OF_FOUR[0], IPv4Address("198.51.100.3"))


def test_captured_datagrams_are_written_as_they_were_read() -> None:
    """But for those without checksum, and for those that left it to the interface and are refused."""
    read = 0
    for found in payloads("ipv4"):
        packet = ipv4.Ipv4Packet.parse(found.octets)
        if packet.protocol != ipv4.IpProtocol.UDP or packet.payload[6:8] == b"\x00\x00":
            continue
        parse = partial(UdpDatagram.parse, source=packet.source, destination=packet.destination)
        datagram = decoded_or_refused(parse, packet.payload)
        if datagram is not None:
            read += 1
            assert datagram.serialize(packet.source, packet.destination) == packet.payload
    assert read >= 16


def test_a_sender_without_checksum_is_heard_over_ipv4_only() -> None:
    octets = bytes.fromhex("0208020800090000ff")
    assert UdpDatagram.parse(octets, *ENDS_OF_FOUR).payload == b"\xff"
    with pytest.raises(WireError, match="checksum"):
        UdpDatagram.parse(octets, *SIX)


def test_a_checksum_of_zero_is_sent_as_its_other_form() -> None:
    datagram = UdpDatagram(source_port=0, destination_port=0, payload=b"\x00\x00")
    missing = int.from_bytes(datagram.serialize(*ENDS_OF_FOUR)[6:8], "big")
    zero_sum = UdpDatagram(source_port=0, destination_port=0, payload=missing.to_bytes(2, "big"))
    assert zero_sum.serialize(*ENDS_OF_FOUR)[6:8] == b"\xff\xff"
    assert UdpDatagram.parse(zero_sum.serialize(*ENDS_OF_FOUR), *ENDS_OF_FOUR) == zero_sum


@pytest.mark.parametrize("octets", ["02080208", "0208020800070000", "0208020800090000"])
def test_a_datagram_that_does_not_fit_is_refused(octets: str) -> None:
    with pytest.raises(WireError, match="UDP"):
        UdpDatagram.parse(bytes.fromhex(octets), *ENDS_OF_FOUR)


def test_a_payload_too_long_for_its_length_field_is_not_written() -> None:
    with pytest.raises(ValueError, match="65544 octets"):
        UdpDatagram(source_port=1, destination_port=2, payload=bytes(0x10000)).serialize(*ENDS_OF_FOUR)


@given(st.binary(max_size=40))
def test_random_octets_are_decoded_or_refused(octets: bytes) -> None:
    decoded_or_refused(lambda data: UdpDatagram.parse(data, *ENDS_OF_FOUR), octets)


# The Internet checksum.


def by_the_book(data: bytes) -> int:
    """RFC 1071 §4.1, the loop."""
    total = 0
    for position in range(0, len(data) - 1, 2):
        total += data[position] << 8 | data[position + 1]
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def test_the_example_of_rfc_1071() -> None:
    assert ipv4.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF ^ 0xDDF2


@given(st.binary(max_size=300) | st.lists(st.sampled_from([b"\x00\x00", b"\xff\xff", b"\x01"])).map(b"".join))
def test_the_division_gives_what_the_loop_gives(data: bytes) -> None:
    assert ipv4.checksum(data) == ipv4.checksum(bytearray(data)) == ipv4.checksum(memoryview(data)) == by_the_book(data)


@given(st.binary(min_size=2, max_size=100).filter(lambda data: len(data) % 2 == 0))
def test_a_message_with_its_checksum_sums_to_nothing(data: bytes) -> None:
    assert ipv4.checksum(data + ipv4.checksum(data).to_bytes(2, "big")) == 0


@given(st.binary(min_size=4, max_size=64), st.integers(0, 0xFFFF), st.integers(0, 31))
def test_an_updated_checksum_is_that_of_the_changed_message(data: bytes, new: int, word: int) -> None:
    data = b"\x45" + data[: len(data) // 2 * 2] + b"\x01"  # never all zero, as no real message is
    at = 2 * (word % (len(data) // 2))
    old = int.from_bytes(data[at : at + 2], "big")
    changed = data[:at] + new.to_bytes(2, "big") + data[at + 2 :]
    if any(changed):
        assert ipv4.update(ipv4.checksum(data), old, new) == ipv4.checksum(changed)


def test_the_example_of_rfc_1624() -> None:
    assert ipv4.update(0xDD2F, 0x5555, 0x3285) == 0x0000


def test_pseudo_headers_have_the_layout_of_their_family() -> None:
    four = ipv4.pseudo_header(ipv4.ip_address(bytes(4)), ipv4.ip_address(b"\xff" * 4), 17, 0x0102)
    six = ipv4.pseudo_header(ipv4.ip_address(bytes(16)), ipv4.ip_address(b"\xff" * 16), 17, 0x0102)
    assert four == bytes(4) + b"\xff" * 4 + bytes.fromhex("00110102")
    assert six == bytes(16) + b"\xff" * 16 + bytes.fromhex("0000010200000011")


def test_an_address_seen_before_is_the_same_object() -> None:
    assert ipv4.ipv4_address(b"\x0a\x00\x00\x01") is ipv4.ipv4_address(bytes((10, 0, 0, 1)))
    assert str(ipv4.ip_address(b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01")) == "2001:db8::1"


# IPv6 headers.

ipv6_packets = st.builds(
    Ipv6Packet,
    traffic_class=st.integers(0, 255),
    flow_label=st.integers(0, 0xFFFFF),
    next_header=st.integers(0, 255),
    hop_limit=st.integers(0, 255),
    source=st.integers(0, 2**128 - 1).map(IPv6Address),
    destination=st.integers(0, 2**128 - 1).map(IPv6Address),
    payload=st.binary(max_size=64),
)


@given(ipv6_packets, st.binary(max_size=8))
def test_a_packet_is_read_as_it_was_written_and_padding_is_left(packet: Ipv6Packet, padding: bytes) -> None:
    assert Ipv6Packet.parse(packet.serialize() + padding) == packet


def test_a_packet_inside_a_tunnel_of_another_implementation_is_read() -> None:
    outer = ipv4.Ipv4Packet.parse(vectors("gre")["gre_ipv6_key100"])
    header, start = GreHeader.parse(outer.payload)
    inner = Ipv6Packet.parse(outer.payload[start:])
    assert header.protocol_type == ProtocolType.IPV6
    assert (str(inner.source), str(inner.destination)) == ("2001:db8:ff::2", "2001:db8:ff::1")
    assert inner.serialize() == outer.payload[start:]


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        ("60" * 39, "cut short"),
        ("45" + "00" * 39, "IP version 4"),
        ("60000000" + "0001" + "00" * 34, "payload length 1"),
    ],
)
def test_an_ipv6_header_that_does_not_fit_is_refused(octets: str, what: str) -> None:
    with pytest.raises(WireError, match=what):
        Ipv6Packet.parse(bytes.fromhex(octets))


def test_an_ipv6_payload_too_long_for_its_length_field_is_not_written() -> None:
    packet = Ipv6Packet(next_header=59, source=IPv6Address(1), destination=IPv6Address(2), payload=bytes(0x10000))
    with pytest.raises(ValueError, match="65536 octets"):
        packet.serialize()
