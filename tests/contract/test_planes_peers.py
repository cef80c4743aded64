"""Packets and octets of each peer of a tunnel, on every data plane: the same packets give the same numbers.

Octets are those of what GRE carries: an IP packet with its header, or a message of NHRP. So they are the same in clear
and in ESP, with and without key, checksum and sequence number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contract.peers import KEY
from contract.test_planes import TUNNEL, contract, hub_and_spokes, joined_with_extras, only_udp, udp
from contract.test_planes_ipsec import GROUP, a_and_b, send_until_told
from contract.worlds import host, nbma
from dmvpn.base.effects import (
    GRE_NHRP,
    DfBit,
    SendGre,
    SendIp,
    SendKeepalive,
    SetCarrier,
    SetInterface,
    SetMulticast,
    SetTunnel,
    TunnelSpec,
)
from dmvpn.base.events import KeepaliveReceived, NhrpReceived, PeerUsage
from dmvpn.face.counted import COLUMNS, rows_of_peers
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol

if TYPE_CHECKING:
    from contract.worlds import World
    from dmvpn.base.addresses import IPAddress

#: Octets of the headers of a host's UDP packet.
HEADERS = 28


def usage(world: World, name: str) -> dict[IPAddress, PeerUsage]:
    """What a router counts, by NBMA address."""
    return {peer.nbma: peer for peer in world.counting(name).usage("Tunnel0")}


def numbers(world: World, name: str, peer: str) -> tuple[int, int, int, int]:
    """Packets sent and received, octets sent and received."""
    found = usage(world, name).get(nbma(peer), PeerUsage(nbma(peer), 0, 0))
    return found.sent, found.received, found.sent_octets, found.received_octets


@contract
def test_octets_of_a_peer_are_those_of_the_ip_packets_inside_gre(world: World) -> None:
    hub_and_spokes(world)
    for size in (0, 32, 1000):
        world.send("B", udp("B", host("C"), size=size))
    world.until(lambda: len(only_udp(world.received["C"])) == 3)
    octets = 3 * HEADERS + 1032
    assert numbers(world, "B", "A") == (3, 0, octets, 0)
    assert numbers(world, "A", "B") == (0, 3, 0, octets)
    assert numbers(world, "A", "C") == (3, 0, octets, 0)
    assert numbers(world, "C", "A") == (0, 3, 0, octets)


@contract
def test_a_packet_that_is_cut_for_the_tunnel_counts_as_its_pieces(world: World) -> None:
    hub_and_spokes(world, mtu=1000)
    world.send("B", udp("B", host("A"), size=1400))
    world.until(lambda: bool(only_udp(world.received["A"])))
    world.until(lambda: numbers(world, "A", "B")[1] == 2)
    octets = 1400 + HEADERS + HEADER_LENGTH
    assert numbers(world, "B", "A") == (2, 0, octets, 0)
    assert numbers(world, "A", "B") == (0, 2, 0, octets)


@contract
def test_a_packet_that_is_cut_for_a_narrow_path_counts_as_its_pieces(world: World) -> None:
    a_and_b(world, df=DfBit.COPY)
    world.narrow("B", 1300)
    send_until_told(world, 1300)
    before = numbers(world, "A", "B")
    world.send("A", udp("A", host("B"), size=1300))
    world.until(lambda: numbers(world, "A", "B")[0] == before[0] + 2)
    assert numbers(world, "A", "B")[2] == before[2] + 1300 + HEADERS + HEADER_LENGTH


@contract
def test_a_packet_that_does_not_leave_is_not_counted(world: World) -> None:
    a_and_b(world, df=DfBit.COPY)
    world.narrow("B", 1300)
    send_until_told(world, 1300)
    before = numbers(world, "A", "B")
    world.send("A", udp("A", host("B"), size=1300, df=True))
    world.run(0.1)
    assert numbers(world, "A", "B") == before


@contract
def test_messages_of_nhrp_count_without_any_header(world: World) -> None:
    hub_and_spokes(world)
    world.execute("B", SendGre("Tunnel0", nbma("A"), GRE_NHRP, bytes(77)))
    world.until(lambda: bool(world.of("A", NhrpReceived)))
    assert numbers(world, "B", "A") == (1, 0, 77, 0)
    assert numbers(world, "A", "B") == (0, 1, 0, 77)


@contract
def test_each_copy_of_a_multicast_packet_counts_for_its_peer(world: World) -> None:
    hub_and_spokes(world)
    world.execute("A", SetMulticast("Tunnel0", (nbma("B"), nbma("C"))))
    world.execute("A", SendIp("Tunnel0", TUNNEL["A"], GROUP, 88, bytes(40)))
    world.until(lambda: {peer.sent for peer in usage(world, "A").values()} == {1})
    assert numbers(world, "A", "B") == numbers(world, "A", "C") == (1, 0, HEADER_LENGTH + 40, 0)


@contract
def test_octets_are_the_same_with_checksums_and_numbers_in_gre(world: World) -> None:
    joined_with_extras(world, checksum=True, sequence=True)
    world.send("A", udp("A", host("B"), size=900))
    world.execute("A", SendGre("Tunnel0", nbma("B"), GRE_NHRP, bytes(50)))
    world.until(lambda: bool(only_udp(world.received["B"])) and bool(world.of("B", NhrpReceived)))
    octets = 900 + HEADERS + 50
    assert numbers(world, "A", "B") == (2, 0, octets, 0)
    assert numbers(world, "B", "A") == (0, 2, 0, octets)


@contract
def test_octets_are_the_same_in_esp_and_belong_to_the_connection(world: World) -> None:
    a_and_b(world)
    for size in (0, 32, 1000):
        world.send("A", udp("A", host("B"), size=size))
    world.until(lambda: len(only_udp(world.received["B"])) == 3)
    octets = 3 * HEADERS + 1032
    assert usage(world, "A")[nbma("B")] == PeerUsage(nbma("B"), 3, 0, connection=7, sent_octets=octets)
    assert usage(world, "B")[nbma("A")] == PeerUsage(nbma("A"), 0, 3, connection=7, received_octets=octets)


@contract
def test_a_keepalive_counts_where_it_begins_and_its_return_has_no_octets(world: World) -> None:
    for name, far in (("A", "B"), ("B", "A")):
        spec = TunnelSpec(name="Tunnel0", source=nbma(name), destination=nbma(far), key=None, mtu=1476)
        world.execute(
            name, SetTunnel(spec), SetInterface("Tunnel0", True, ((TUNNEL[name], 24),)), SetCarrier("Tunnel0", True)
        )
    world.execute("A", SendKeepalive("Tunnel0"))
    world.until(lambda: bool(world.of("A", KeepaliveReceived)))
    octets = HEADER_LENGTH + 4  # the GRE packet that comes back, in its own IP header
    assert numbers(world, "A", "B") == (1, 1, octets, 0)
    assert numbers(world, "B", "A") == (0, 1, 0, octets)


@contract
def test_a_packet_that_is_out_of_order_counts_although_it_is_dropped(world: World) -> None:
    joined_with_extras(world, checksum=False, sequence=True)
    for number in (6, 5, 6, 7):
        header = GreHeader(protocol_type=GRE_NHRP, key=7, sequence=number)
        world.execute("B", SendIp(None, nbma("B"), nbma("A"), IpProtocol.GRE, header.serialize(bytes(10 * number))))
    world.until(lambda: numbers(world, "A", "B")[1] == 4)
    assert numbers(world, "A", "B") == (0, 4, 0, 240)


@contract
def test_octets_behind_the_ip_packet_count_as_they_came(world: World) -> None:
    hub_and_spokes(world)
    inner = udp("B", host("A")).serialize() + bytes(10)
    gre = GreHeader(protocol_type=0x0800, key=KEY).serialize(inner)
    world.execute("B", SendIp(None, nbma("B"), nbma("A"), IpProtocol.GRE, gre))
    world.until(lambda: bool(usage(world, "A")))
    assert numbers(world, "A", "B") == (0, 1, 0, len(inner))


@contract
def test_the_topic_peers_has_a_row_of_packets_and_octets_for_each_address(world: World) -> None:
    hub_and_spokes(world)
    for _ in range(2):
        world.send("B", udp("B", host("C"), size=100))
    world.send("C", udp("C", host("A"), size=500))
    world.until(lambda: len(only_udp(world.received["C"])) == 2 and bool(only_udp(world.received["A"])))
    labels, columns = COLUMNS["peers"]
    assert (*labels, *columns) == ("interface", "nbma", "packets_out", "packets_in", "octets_out", "octets_in")
    assert sorted(rows_of_peers(world.counting("A"))) == [
        ("Tunnel0", "10.0.2.1", 0, 2, 0, 256),
        ("Tunnel0", "10.0.3.1", 2, 1, 256, 528),
    ]
