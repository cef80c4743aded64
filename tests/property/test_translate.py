"""Translation in place gives the octets that encoding the changed packet gives, and undoes itself."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.net import translate
from dmvpn.net.icmp import DestinationUnreachable
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.net.translate import Side
from dmvpn.net.udp import UdpDatagram

addresses = st.integers(0x01000000, 0xDFFFFFFF).map(IPv4Address)
ports = st.integers(1, 0xFFFF)
sides = st.sampled_from(Side)


def datagram(source: tuple[IPv4Address, int], destination: tuple[IPv4Address, int], payload: bytes) -> bytes:
    message = UdpDatagram(source_port=source[1], destination_port=destination[1], payload=payload)
    return Ipv4Packet(
        source=source[0],
        destination=destination[0],
        protocol=IpProtocol.UDP,
        payload=message.serialize(source[0], destination[0]),
    ).serialize()


endpoints = st.tuples(addresses, ports)


@given(endpoints, endpoints, endpoints, sides, st.binary(max_size=40))
def test_a_translated_datagram_is_the_one_that_would_have_been_sent_from_there(
    source: tuple[IPv4Address, int],
    destination: tuple[IPv4Address, int],
    new: tuple[IPv4Address, int],
    side: Side,
    payload: bytes,
) -> None:
    data = bytearray(datagram(source, destination, payload))
    translate.rewrite(data, side, *new)
    ends = (new, destination) if side is Side.SOURCE else (source, new)
    assert bytes(data) == datagram(*ends, payload)
    old = source if side is Side.SOURCE else destination
    translate.rewrite(data, side, *old)
    assert bytes(data) == datagram(source, destination, payload)


@given(endpoints, endpoints, endpoints, sides, st.integers(20, 60))
def test_whatever_an_error_quotes_of_a_packet_is_translated_and_its_checksum_stays_right(
    source: tuple[IPv4Address, int],
    destination: tuple[IPv4Address, int],
    new: tuple[IPv4Address, int],
    side: Side,
    length: int,
) -> None:
    original = datagram(source, destination, bytes(20))[:length]
    message = DestinationUnreachable(code=3, quoted=original).serialize()
    error = Ipv4Packet(source=destination[0], destination=source[0], protocol=IpProtocol.ICMP, payload=message)
    data = bytearray(error.serialize())
    quoted = bytearray(translate.quoted(data) or b"")
    translate.rewrite(quoted, side, *new)
    translate.replace_quoted(data, bytes(quoted))
    assert translate.address(quoted, side) == new[0]
    whole = DestinationUnreachable(code=3, quoted=bytes(quoted)).serialize()
    assert Ipv4Packet.parse(data).payload == whole


@given(st.binary(min_size=20, max_size=64), endpoints, sides)
def test_no_octets_break_it(octets: bytes, new: tuple[IPv4Address, int], side: Side) -> None:
    data = bytearray(b"\x45" + octets[1:])
    length = len(data)
    translate.quoted(data)
    translate.rewrite(data, side, *new)
    assert len(data) == length
