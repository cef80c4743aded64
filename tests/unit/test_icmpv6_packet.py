"""ICMP over IPv6 (RFC 4443): its numbers, its checksum, and the words that it shares with ICMP over IPv4."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.net import icmpv6, ip
from dmvpn.net.icmp import (
    DestinationUnreachable,
    EchoReply,
    EchoRequest,
    IcmpMessage,
    OtherMessage,
    TimeExceeded,
    UnreachableCode,
)
from dmvpn.net.ipv6 import Ipv6Packet
from support.wire import decoded_or_refused

ONE, OTHER = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")
QUOTED = bytes(48)


def closed(message: IcmpMessage) -> bytes:
    """Its octets between the two addresses."""
    return icmpv6.closed(icmpv6.serialize(message), ONE, OTHER)


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
    assert icmpv6.parse(bytes.fromhex(octets), ONE, OTHER) == message


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
    assert icmpv6.parse(octets, ONE, OTHER) == message


def test_the_mtu_of_packet_too_big_and_the_pointer_of_a_parameter_problem_stand_in_the_second_word() -> None:
    too_big = DestinationUnreachable(code=UnreachableCode.FRAGMENTATION_NEEDED, next_hop_mtu=1400, quoted=QUOTED)
    assert closed(too_big)[4:8] == (1400).to_bytes(4, "big")
    jumbo = bytes.fromhex("0200000000020000") + QUOTED
    message = icmpv6.parse(icmpv6.closed(jumbo, ONE, OTHER), ONE, OTHER)
    assert isinstance(message, DestinationUnreachable)
    assert message.next_hop_mtu == 0xFFFF, "an MTU of 131072 is no small one"
    unknown = DestinationUnreachable(code=UnreachableCode.PROTOCOL, quoted=QUOTED)
    assert closed(unknown)[4:8] == (6).to_bytes(4, "big"), "where the next header field is"


def test_the_checksum_covers_the_addresses() -> None:
    octets = closed(EchoRequest(identifier=7, sequence=1))
    with pytest.raises(WireError, match="checksum"):
        icmpv6.parse(octets, ONE, IPv6Address("2001:db8::3"))


def test_a_message_that_is_closed_already_gets_the_same_checksum_again() -> None:
    octets = closed(EchoRequest(identifier=7, sequence=1))
    assert icmpv6.closed(octets, ONE, OTHER) == octets


def test_a_message_that_is_cut_short_is_refused() -> None:
    with pytest.raises(WireError, match="cut short"):
        icmpv6.parse(bytes(7), ONE, OTHER)


def test_an_error_quotes_no_more_than_fits_1280_octets() -> None:
    assert len(icmpv6.quote(bytes(9000))) == 1280 - 40 - 8


@given(st.binary(max_size=60))
def test_whatever_comes_is_read_or_refused(octets: bytes) -> None:
    for data in (octets, icmpv6.closed(octets, ONE, OTHER) if len(octets) >= 4 else octets):
        try:
            message = icmpv6.parse(data, ONE, OTHER)
        except WireError:
            continue
        assert icmpv6.parse(icmpv6.closed(icmpv6.serialize(message), ONE, OTHER), ONE, OTHER) == message


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
