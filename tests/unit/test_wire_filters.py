"""What a filter on a wire takes away, packet by packet; and what an order for it says."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet
from dmvpn.net.udp import UdpDatagram
from dmvpn.shells.lab.badness import FILTERS, Badness, ip_packet

if TYPE_CHECKING:
    from dmvpn.shells.lab.control import Json

HERE, THERE = IPv4Address("192.0.2.1"), IPv4Address("198.51.100.1")


def packet(protocol: int, payload: bytes = bytes(64)) -> Ipv4Packet:
    return Ipv4Packet(source=HERE, destination=THERE, protocol=protocol, payload=payload)


def udp(source: int, destination: int, length: int = 64) -> Ipv4Packet:
    datagram = UdpDatagram(source_port=source, destination_port=destination, payload=bytes(length))
    return packet(IpProtocol.UDP, datagram.serialize(HERE, THERE))


PIECES = [piece.serialize() for piece in udp(4500, 4500, length=3000).fragments(1500)]
PACKETS = {
    "GRE": packet(IpProtocol.GRE).serialize(),
    "ESP": packet(IpProtocol.ESP).serialize(),
    "ICMP": packet(IpProtocol.ICMP).serialize(),
    "TCP": packet(IpProtocol.TCP).serialize(),
    "IKE": udp(500, 500).serialize(),
    "IKE from a translated port": udp(30_000, 500).serialize(),
    "an answer to a translated port": udp(500, 30_000).serialize(),
    "ESP in UDP": udp(4500, 4500).serialize(),
    "UDP else": udp(5000, 45_000).serialize(),
    "the first piece": PIECES[0],
    "a later piece": PIECES[1],
    "the last piece": PIECES[-1],
    "nothing": b"",
    "IPv6": bytes([0x60]) + bytes(60),
}
BLOCKED = {
    "gre": ["GRE"],
    "esp": ["ESP"],
    "icmp": ["ICMP"],
    "udp-500": ["IKE", "IKE from a translated port", "an answer to a translated port"],
    "udp-4500": ["ESP in UDP", "the first piece"],
    "fragments": ["the first piece", "a later piece", "the last piece"],
}


def test_there_are_three_pieces() -> None:
    assert len(PIECES) == 3


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_takes_its_kind_and_nothing_else(name: str) -> None:
    badness = Badness(block=(name,))
    assert [what for what, octets in PACKETS.items() if badness.blocks(octets)] == BLOCKED[name]


def test_a_packet_that_must_not_be_cut_is_no_piece() -> None:
    whole = Ipv4Packet(
        source=HERE, destination=THERE, protocol=IpProtocol.GRE, payload=bytes(8), flags=Ipv4Flag.DONT_FRAGMENT
    )
    assert not Badness(block=("fragments",)).blocks(whole.serialize())


def test_ports_are_found_behind_options() -> None:
    datagram = UdpDatagram(source_port=500, destination_port=500, payload=b"").serialize(HERE, THERE)
    long = Ipv4Packet(
        source=HERE, destination=THERE, protocol=IpProtocol.UDP, payload=datagram, options=b"\x01\x01\x01\x00"
    )
    assert Badness(block=("udp-500",)).blocks(long.serialize())


def test_several_kinds_may_be_blocked_at_once() -> None:
    badness = Badness(block=("esp", "udp-4500"))
    assert [what for what, octets in PACKETS.items() if badness.blocks(octets)] == [
        "ESP",
        "ESP in UDP",
        "the first piece",
    ]


@pytest.mark.parametrize(
    ("frame", "is_ip"), [(bytes(12) + b"\x08\x00", True), (bytes(12) + b"\x08\x06", False), (b"", False)]
)
def test_only_frames_of_ipv4_have_something_to_look_at(frame: bytes, is_ip: bool) -> None:
    assert bool(ip_packet(frame + PACKETS["GRE"])) == is_ip


def test_an_order_says_what_a_wire_is_like_and_is_read_as_it_was_meant() -> None:
    badness = Badness(delay=5.0, loss=2.0, block=("esp", "fragments"), sender="R31")
    assert Badness.read({"do": "impair", "link": "R31:Gi0/1", "hidden": True, **badness.request()}) == badness
    assert badness.particulars == (
        "delay 5 from R31",
        "loss 2 from R31",
        "block esp from R31",
        "block fragments from R31",
    )


def test_one_way_concerns_the_named_sender_alone() -> None:
    assert [Badness(sender="R31").concerns(name) for name in ("R31", "R11")] == [True, False]
    assert Badness().concerns("R11")
    assert Badness(sender="R31").harmless
    assert not Badness(sender="R31", loss=1.0).harmless


@pytest.mark.parametrize("block", ["esp", ["ospf"], [1]])
def test_what_cannot_be_blocked_is_refused_with_what_can(block: Json) -> None:
    with pytest.raises(UserError, match="gre, esp, udp-500, udp-4500, fragments, icmp"):
        Badness.read({"do": "impair", "block": block})
