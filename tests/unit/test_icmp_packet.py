"""ICMP messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.net import icmp
from dmvpn.net.icmp import (
    DestinationUnreachable,
    EchoReply,
    EchoRequest,
    IcmpMessage,
    OtherMessage,
    TimeExceeded,
    UnreachableCode,
)
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet, peek_addresses
from support.pcap import payloads
from support.wire import with_checksum

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
    captured = [Ipv4Packet.parse(found.octets) for found in payloads("ipv4")]
    octets = [packet.payload for packet in captured if packet.protocol == IpProtocol.ICMP]
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
        if (packet := Ipv4Packet.parse(found.octets)).protocol == IpProtocol.ICMP
        and isinstance(message := icmp.parse(packet.payload), DestinationUnreachable)
    )
    assert all(peek_addresses(found.quoted))


@pytest.mark.parametrize(("octets", "what"), [("0800", "cut short"), ("0800000000000000", "checksum")])
def test_a_message_that_does_not_fit_is_refused(octets: str, what: str) -> None:
    with pytest.raises(WireError, match=what):
        icmp.parse(bytes.fromhex(octets))
