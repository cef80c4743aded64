"""IPv6 headers."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.net.gre import GreHeader, ProtocolType
from dmvpn.net.ipv4 import Ipv4Packet
from dmvpn.net.ipv6 import Ipv6Packet
from support.wire import vectors

packets = st.builds(
    Ipv6Packet,
    traffic_class=st.integers(0, 255),
    flow_label=st.integers(0, 0xFFFFF),
    next_header=st.integers(0, 255),
    hop_limit=st.integers(0, 255),
    source=st.integers(0, 2**128 - 1).map(IPv6Address),
    destination=st.integers(0, 2**128 - 1).map(IPv6Address),
    payload=st.binary(max_size=64),
)


@given(packets, st.binary(max_size=8))
def test_a_packet_is_read_as_it_was_written_and_padding_is_left(packet: Ipv6Packet, padding: bytes) -> None:
    assert Ipv6Packet.parse(packet.serialize() + padding) == packet


def test_a_packet_inside_a_tunnel_of_another_implementation_is_read() -> None:
    outer = Ipv4Packet.parse(vectors("gre")["gre_ipv6_key100"])
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
def test_a_header_that_does_not_fit_is_refused(octets: str, what: str) -> None:
    with pytest.raises(WireError, match=what):
        Ipv6Packet.parse(bytes.fromhex(octets))


def test_a_payload_too_long_for_its_length_field_is_not_written() -> None:
    packet = Ipv6Packet(next_header=59, source=IPv6Address(1), destination=IPv6Address(2), payload=bytes(0x10000))
    with pytest.raises(ValueError, match="65536 octets"):
        packet.serialize()
