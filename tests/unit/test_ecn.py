"""Congestion marks through a tunnel: RFC 6040 figure 4, all of it."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.net.ecn import decapsulated, merged
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet

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
