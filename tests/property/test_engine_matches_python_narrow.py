"""Narrow paths in the core of the Rust engine against its oracle: what is cut, what is told, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import DfBit
from dmvpn.base.protection import EspCipher, EspSa, EspTransform
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.esp.table import Outbound, PeerPlace
from dmvpn.dataplane.fragmentation import AGE, LEAST, TIMEOUT
from dmvpn.dataplane.tap import VnetHeader
from dmvpn.net import icmp
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet
from support import traffic
from support.both_cores import Both, Tunnel

if TYPE_CHECKING:
    from dmvpn.dataplane.python.core import PacketCore, Punt

MTU = 600
POINT = Tunnel(
    traffic.OURS[0], traffic.THEIRS[0], None, 1400, None, None, None, False, [], [], protected=False, df=DfBit.COPY
)
SPOKES = [bytes((10, 9, 0, number)) for number in range(50)]
MULTIPOINT = replace(POINT, destination=None, multicast=SPOKES, peers=list(enumerate(SPOKES)))
PROTECTED = replace(POINT, protected=True)
SUITE = EspSuite.gcm(256)
SA = EspSa(
    connection=7,
    spi_in=0x1001,
    spi_out=0x2001,
    transform=EspTransform(EspCipher.AES_GCM, 256),
    key_in=bytes(SUITE.keymat),
    key_out=bytes(SUITE.keymat),
    local=IPv4Address(traffic.OURS[0]),
    remote=IPv4Address(traffic.THEIRS[0]),
    tunnel_mode=True,
)
UDP = Ipv4Packet(source=traffic.INSIDE[0], destination=traffic.INSIDE[1], protocol=IpProtocol.UDP, payload=bytes(1000))
WHOLE = replace(UDP, flags=Ipv4Flag.DONT_FRAGMENT)


def frame(packet: bytes, mac: bytes = b"\x02\x00\x00\x00\x00\x01") -> bytes:
    return VnetHeader().serialize() + mac + traffic.OWN_MAC + b"\x08\x00" + packet


def narrow(tunnel: Tunnel = POINT, mtu: int = MTU) -> Both:
    """Both cores, when a path has just been heard of."""
    both = Both([tunnel])
    for nbma in (*tunnel.multicast, traffic.THEIRS[0]):
        both.learn_path(nbma, mtu, 0.0)
    return both


def told(both: Both) -> list[Punt]:
    """What was told, when both have been found to agree."""
    punts = both.python.punts
    both.agree()
    return punts


@pytest.mark.parametrize(
    "unanswerable",
    [
        replace(WHOLE, fragment_offset=125),
        replace(WHOLE, destination=traffic.GROUPS[0]),
        replace(WHOLE, destination=traffic.GROUPS[2]),
        *(
            replace(WHOLE, protocol=IpProtocol.ICMP, payload=bytes((kind,)) + bytes(1000))
            for kind in (
                icmp.IcmpType.DESTINATION_UNREACHABLE,
                icmp.IcmpType.REDIRECT,
                icmp.IcmpType.TIME_EXCEEDED,
                icmp.IcmpType.PARAMETER_PROBLEM,
            )
        ),
    ],
)
def test_whom_nobody_answers_takes_nobodys_turn_to_be_told(unanswerable: Ipv4Packet) -> None:
    """A host that sent what no error may answer kept all others from hearing that their packets are too big."""
    both = narrow()
    for number in range(200):
        source = IPv4Address(0x0B000000 + number)
        both.outbound(1, frame(replace(unanswerable, source=source).serialize()), 1.0)
    same_pair = replace(WHOLE, destination=unanswerable.destination)
    both.outbound(1, frame(replace(unanswerable, source=same_pair.source).serialize()), 1.0)
    assert told(both) == []
    both.outbound(1, frame(WHOLE.serialize()), 1.0)
    assert [punt.kind for punt in told(both)] == ["big"]


@pytest.mark.parametrize("kind", [icmp.IcmpType.ECHO_REQUEST, icmp.IcmpType.ECHO_REPLY])
def test_of_a_ping_that_is_too_big_its_sender_hears_as_much_as_an_error_quotes(kind: int) -> None:
    both = narrow()
    packet = replace(WHOLE, protocol=IpProtocol.ICMP, payload=bytes((kind,)) + bytes(1000)).serialize()
    both.outbound(1, frame(packet), 1.0)
    (punt,) = told(both)
    assert (punt.data, punt.out) == (packet[:548], MTU - 24)


def test_with_octets_behind_it_a_packet_that_fits_goes_with_the_checksum_that_we_write() -> None:
    """A sum has two zeros; only one of them is what we write."""
    packets = (replace(UDP, identification=number, payload=bytes(400)).serialize() for number in range(0x10000))
    packet = next(packet for packet in packets if packet[10:12] == bytes(2))
    both = narrow()
    both.outbound(1, frame(packet[:10] + b"\xff\xff" + packet[12:] + bytes(300)), 1.0)
    assert [each.packet[4:] for each in both.python.wire] == [packet]
    both.agree()


@pytest.mark.parametrize("offset", [8123, 8191])
def test_a_fragment_that_ends_where_no_packet_does_is_not_cut_again(offset: int) -> None:
    """Its last pieces began again at the front: 13 bits are not more than that."""
    both = narrow()
    both.outbound(1, frame(replace(UDP, fragment_offset=offset).serialize()), 1.0)
    assert (both.python.wire, both.python.dropped.malformed) == ([], 1)
    both.agree()


def test_what_is_as_large_as_a_packet_can_be_gets_no_inner_header_around_it() -> None:
    for learned in (False, True):
        both = narrow(PROTECTED) if learned else Both([PROTECTED])
        both.install(SA, eager=True)
        for size in (65_484, 65_491, 65_492, 65_515):  # 65,511 are the most: 4 of GRE, 20 of the inner header
            both.outbound(1, frame(replace(WHOLE if learned else UDP, payload=bytes(size)).serialize()), 1.0)
        sent = [] if learned else [65_484, 65_491]
        assert len(both.python.protection.sealed) == len(sent)
        assert both.python.dropped.malformed == (0 if learned else 2)
        both.agree()
        both.send(1, traffic.THEIRS[0], bytes(65_512))
        assert both.python.dropped.malformed == (1 if learned else 3)
        both.agree()


@pytest.mark.parametrize(("mtu", "df"), [(LEAST + 1, True), (LEAST, False), (100, False)])
def test_to_where_it_may_be_narrower_than_anybody_says_nothing_goes_with_df(mtu: int, df: bool) -> None:
    both = narrow(replace(POINT, df=DfBit.SET), mtu)
    both.outbound(1, frame(UDP.serialize()), 1.0)
    both.outbound(1, frame(replace(UDP, payload=bytes(100)).serialize()), 1.0)
    assert [each.df for each in both.python.wire] == [df] * 3
    assert all(len(each.packet) + 20 <= LEAST + 1 for each in both.python.wire)
    both.agree()


def test_a_path_that_is_over_is_forgotten_though_no_packet_goes_there() -> None:
    """One that was gone had every packet to others looked at forever."""
    both = Both([POINT])
    both.learn_path(traffic.THEIRS[3], MTU, 0.0)
    both.outbound(1, frame(WHOLE.serialize()), AGE - 1)
    assert len(both.python.paths) == 1
    both.outbound(1, frame(WHOLE.serialize()), AGE)
    assert len(both.python.paths) == 0
    both.agree()


def test_multicast_is_the_same_to_all_neighbors_and_cut_for_those_who_need_it() -> None:
    both = Both([MULTIPOINT])
    for number, nbma in enumerate(MULTIPOINT.multicast[:40]):
        both.learn_path(nbma, (MTU, 800, 1400)[number % 3], 0.0)
    group = replace(UDP, destination=traffic.GROUPS[0]).serialize()
    both.outbound(1, frame(group, b"\x01\x00\x5e\x00\x00\x0a"), 1.0)
    counts = [sum(each.nbma == nbma for each in both.python.wire) for nbma in MULTIPOINT.multicast]
    assert counts == [(2, 2, 1)[number % 3] for number in range(40)] + [1] * 10
    both.agree()


def test_pieces_that_wait_for_others_in_vain_go_with_the_peers_next_packet() -> None:
    both = Both([PROTECTED])
    both.install(SA, eager=True)
    peer = Outbound(SUITE, SA.spi_in.to_bytes(4, "big"), SA.key_in)
    gre = GreHeader(protocol_type=0x0800).serialize(UDP.serialize())
    inside = Ipv4Packet(
        source=IPv4Address(traffic.THEIRS[0]), destination=IPv4Address(traffic.OURS[0]), protocol=47, payload=gre
    )

    def waiting(core: PacketCore) -> int:
        link = core.protection.table.link(SA.connection)
        assert link is not None
        return len(link.fragments)

    def come(packet: Ipv4Packet, now: float) -> None:
        sealed = peer.seal(packet.serialize(), 4)
        both.inbound_udp(traffic.OURS[0], PeerPlace(traffic.THEIRS[0], 4500), 0, sealed, now)

    come(inside.fragments(500)[0], 0.0)
    assert waiting(both.python) == 1
    come(inside, TIMEOUT + 1)
    assert waiting(both.python) == 0
    assert len(both.python.taps) == 1
    both.agree()
