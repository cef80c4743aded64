"""The clamp of TCP's maximum segment size."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.net.checksum import checksum, pseudo_header
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.net.ipv6 import Ipv6Packet
from dmvpn.net.tcp import clamp_mss

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
    pseudo = pseudo_header(source, destination, IpProtocol.TCP, len(segment))
    segment[16:18] = checksum(pseudo + segment).to_bytes(2, "big")
    if six:
        return Ipv6Packet(
            next_header=IpProtocol.TCP, source=SIX[0], destination=SIX[1], payload=bytes(segment)
        ).serialize()
    return Ipv4Packet(
        protocol=IpProtocol.TCP,
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
    datagram[6] = IpProtocol.UDP
    assert clamp_mss(bytes(datagram), 100) == bytes(datagram)


@given(st.binary(max_size=100), st.sampled_from([b"", b"\x45", b"\x4f", b"\x60"]))
def test_random_octets_come_back_no_longer_and_no_shorter(octets: bytes, start: bytes) -> None:
    assert len(clamp_mss(start + octets, 100)) == len(start + octets)
