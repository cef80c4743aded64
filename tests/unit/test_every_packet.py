"""What holds for every decoder: it writes again what it read from others, and nothing it is given makes it crash."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.features.eigrp.packet import EigrpPacket
from dmvpn.features.nhrp import packet as nhrp
from dmvpn.features.rip.packet import RipPacket
from dmvpn.net import icmp
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import Ipv4Packet, peek_addresses, peek_flow
from dmvpn.net.ipv6 import Ipv6Packet
from support.pcap import Found, payloads
from support.wire import cuts, damaged, decoded_or_refused, with_checksum

if TYPE_CHECKING:
    from collections.abc import Callable


class Message(Protocol):
    """A decoded packet."""

    def serialize(self) -> bytes: ...


@dataclass(frozen=True)
class Gre:
    """A GRE packet as one value: the decoder itself leaves the payload where it is."""

    header: GreHeader
    payload: bytes

    @classmethod
    def parse(cls, octets: bytes) -> Gre:
        header, start = GreHeader.parse(octets)
        return cls(header, octets[start:])

    def serialize(self) -> bytes:
        return self.header.serialize(self.payload)


def ipv4_fixed(octets: bytes) -> bytes:
    """With a total length and a header checksum that fit."""
    if len(octets) < 20 or not 20 <= (octets[0] & 0x0F) << 2 <= len(octets):
        return octets
    header = (octets[0] & 0x0F) << 2
    octets = octets[:2] + len(octets).to_bytes(2, "big") + octets[4:]
    return with_checksum(octets[:header], 10) + octets[header:]


def nhrp_fixed(octets: bytes) -> bytes:
    """With a packet size and a checksum that fit."""
    return with_checksum(octets[:10] + len(octets).to_bytes(2, "big") + octets[12:], 12) if len(octets) > 14 else octets


def eigrp_fixed(octets: bytes) -> bytes:
    """With a checksum that fits."""
    return with_checksum(octets, 2)


def unchanged(octets: bytes) -> bytes:
    """Nothing in these packets has to fit."""
    return octets


DECODERS: dict[str, tuple[Callable[[bytes], Message], Callable[[bytes], bytes]]] = {
    "ipv4": (Ipv4Packet.parse, ipv4_fixed),
    "gre": (Gre.parse, unchanged),
    "nhrp": (nhrp.parse, nhrp_fixed),
    "eigrp": (EigrpPacket.parse, eigrp_fixed),
    "rip": (RipPacket.parse, unchanged),
}


def short_ones(protocol: str) -> list[Found]:
    """All packets of the protocols we speak; of what only carries them, a few headers."""
    found = payloads(protocol)
    if protocol in ("ipv4", "gre"):
        return [Found(one.protocol, one.where, one.octets[:64]) for one in found[::40]]
    return list(found)


def unlike_ones(protocol: str) -> list[Found]:
    """The same; of NHRP, of which there are hundreds, three of each length and type."""
    if protocol != "nhrp":
        return short_ones(protocol)
    alike: defaultdict[tuple[int, bytes], list[Found]] = defaultdict(list)
    for found in short_ones(protocol):
        alike[len(found.octets), found.octets[16:18]].append(found)
    return [found for group in alike.values() for found in group[:3]]


@pytest.mark.parametrize("protocol", DECODERS)
def test_the_captures_hold_packets_of_the_protocol(protocol: str) -> None:
    assert len(payloads(protocol)) >= 20


@pytest.mark.parametrize("protocol", DECODERS)
@pytest.mark.story("captures-octets")
def test_every_captured_packet_is_written_as_it_was_read(protocol: str) -> None:
    parse, _ = DECODERS[protocol]
    for found in payloads(protocol):
        assert parse(found.octets).serialize() == found.octets, found.where


@pytest.mark.lengthy
@pytest.mark.parametrize("protocol", DECODERS)
def test_every_cut_of_every_captured_packet_is_decoded_or_refused(protocol: str) -> None:
    parse, fixed = DECODERS[protocol]
    for found in short_ones(protocol):
        for octets in cuts(found.octets):
            decoded_or_refused(parse, octets)
            decoded_or_refused(parse, fixed(octets))


@pytest.mark.lengthy
@pytest.mark.parametrize("protocol", DECODERS)
def test_a_damaged_packet_is_refused_or_means_what_it_is_written_as(protocol: str) -> None:
    parse, fixed = DECODERS[protocol]
    for found in unlike_ones(protocol):
        for octets in damaged(found.octets):
            message = decoded_or_refused(parse, fixed(octets))
            if message is not None:
                assert parse(message.serialize()) == message, (found.where, octets.hex())


@pytest.mark.parametrize("protocol", DECODERS)
@given(octets=st.binary(max_size=200))
def test_random_octets_are_decoded_or_refused(protocol: str, octets: bytes) -> None:
    parse, fixed = DECODERS[protocol]
    decoded_or_refused(parse, octets)
    decoded_or_refused(parse, fixed(octets))


@pytest.mark.parametrize("protocol", DECODERS)
@given(data=st.data())
def test_a_captured_packet_with_random_octets_in_it_is_decoded_or_refused(protocol: str, data: st.DataObject) -> None:
    parse, fixed = DECODERS[protocol]
    octets = data.draw(st.sampled_from(payloads(protocol))).octets
    start = data.draw(st.integers(0, len(octets)))
    end = data.draw(st.integers(start, len(octets)))
    filling = data.draw(st.binary(max_size=40))
    decoded_or_refused(parse, fixed(octets[:start] + filling + octets[end:]))


@given(octets=st.binary(max_size=80))
def test_random_octets_are_no_trouble_to_those_without_captures_either(octets: bytes) -> None:
    for parse in (icmp.parse, Ipv6Packet.parse, peek_addresses, peek_flow):
        decoded_or_refused(parse, octets)
    decoded_or_refused(icmp.parse, with_checksum(octets, 2))
    decoded_or_refused(Ipv6Packet.parse, b"\x60" + octets)
    decoded_or_refused(peek_flow, b"\x45" + octets)
