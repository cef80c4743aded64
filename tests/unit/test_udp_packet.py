"""UDP datagrams."""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.net.udp import UdpDatagram
from support.pcap import payloads
from support.wire import decoded_or_refused

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

FOUR = (IPv4Address("192.0.2.2"), IPv4Address("198.51.100.2"))
SIX = (IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2"))

datagrams = st.builds(
    UdpDatagram,
    source_port=st.integers(0, 0xFFFF),
    destination_port=st.integers(0, 0xFFFF),
    payload=st.binary(max_size=64),
)


@given(datagrams, st.sampled_from([FOUR, SIX]), st.binary(max_size=8))
def test_a_datagram_is_read_as_it_was_written_and_padding_is_left(
    datagram: UdpDatagram, addresses: tuple[IPAddress, IPAddress], padding: bytes
) -> None:
    assert UdpDatagram.parse(datagram.serialize(*addresses) + padding, *addresses) == datagram


@given(datagrams)
def test_a_datagram_of_somebody_else_has_the_wrong_checksum(datagram: UdpDatagram) -> None:
    with pytest.raises(WireError, match="checksum"):
        UdpDatagram.parse(datagram.serialize(*FOUR), FOUR[0], IPv4Address("198.51.100.3"))


def test_captured_datagrams_are_written_as_they_were_read() -> None:
    """But for those without checksum, and for those that left it to the interface and are refused."""
    read = 0
    for found in payloads("ipv4"):
        packet = Ipv4Packet.parse(found.octets)
        if packet.protocol != IpProtocol.UDP or packet.payload[6:8] == b"\x00\x00":
            continue
        parse = partial(UdpDatagram.parse, source=packet.source, destination=packet.destination)
        datagram = decoded_or_refused(parse, packet.payload)
        if datagram is not None:
            read += 1
            assert datagram.serialize(packet.source, packet.destination) == packet.payload
    assert read >= 16


def test_a_sender_without_checksum_is_heard_over_ipv4_only() -> None:
    octets = bytes.fromhex("0208020800090000ff")
    assert UdpDatagram.parse(octets, *FOUR).payload == b"\xff"
    with pytest.raises(WireError, match="checksum"):
        UdpDatagram.parse(octets, *SIX)


def test_a_checksum_of_zero_is_sent_as_its_other_form() -> None:
    datagram = UdpDatagram(source_port=0, destination_port=0, payload=b"\x00\x00")
    missing = int.from_bytes(datagram.serialize(*FOUR)[6:8], "big")
    zero_sum = UdpDatagram(source_port=0, destination_port=0, payload=missing.to_bytes(2, "big"))
    assert zero_sum.serialize(*FOUR)[6:8] == b"\xff\xff"
    assert UdpDatagram.parse(zero_sum.serialize(*FOUR), *FOUR) == zero_sum


@pytest.mark.parametrize("octets", ["02080208", "0208020800070000", "0208020800090000"])
def test_a_datagram_that_does_not_fit_is_refused(octets: str) -> None:
    with pytest.raises(WireError, match="UDP"):
        UdpDatagram.parse(bytes.fromhex(octets), *FOUR)


def test_a_payload_too_long_for_its_length_field_is_not_written() -> None:
    with pytest.raises(ValueError, match="65544 octets"):
        UdpDatagram(source_port=1, destination_port=2, payload=bytes(0x10000)).serialize(*FOUR)


@given(st.binary(max_size=40))
def test_random_octets_are_decoded_or_refused(octets: bytes) -> None:
    decoded_or_refused(lambda data: UdpDatagram.parse(data, *FOUR), octets)
