"""ESP on every data plane: the same test, simulated and with real packets. RFC 4303, RFC 3948."""

from __future__ import annotations

import socket
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from contract.peers import CBC, ENCAPSULATED, GCM, KEY, Peer, pair_of_sas
from contract.test_planes import PLANES, REAL, TUNNEL, contract, on_kernels, only_icmp, only_udp, udp
from contract.worlds import RealWorld, World, host, nbma
from dmvpn.base import events
from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import (
    GRE_NHRP,
    DfBit,
    InstallSa,
    Listen,
    NextHop,
    PollInterfaces,
    PollSas,
    PollUsage,
    RemoveSa,
    SendGre,
    SendIp,
    SendKeepalive,
    ServeIpsec,
    SetAdjacency,
    SetCarrier,
    SetHairpin,
    SetInterface,
    SetMulticast,
    SetRoute,
    SetTunnel,
    TunnelSpec,
    UseSa,
)
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.engines import choose
from dmvpn.net import icmp
from dmvpn.net.gre import GreHeader
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet
from dmvpn.shells.lab.namespaces import run_in_lab

if TYPE_CHECKING:
    from dmvpn.base.protection import EspTransform, SaCount

#: Where a hand-made peer is: its NBMA address, its tunnel address and a host of its LAN.
OUTSIDE = "10.0.2.77"
PEER_TUNNEL = IPv4Address("172.16.0.9")
PEER_HOST = IPv4Address("192.168.9.100")
GROUP = IPv4Address("224.0.0.10")
ECT, CE = 0b10, 0b11


def tunnel(world: World, name: str, *, mtu: int = 1400, df: DfBit = DfBit.CLEAR) -> None:
    """A protected mGRE tunnel with its address, up, and IPsec served."""
    spec = TunnelSpec(name="Tunnel0", source=nbma(name), destination=None, key=KEY, mtu=mtu, protected=True, df=df)
    world.execute(
        name,
        ServeIpsec((nbma(name),)),
        SetTunnel(spec),
        SetInterface("Tunnel0", True, ((TUNNEL[name], 24),)),
        SetCarrier("Tunnel0", True),
        SetHairpin("Tunnel0", 1, True),
    )


def a_and_b(
    world: World, *, port: int = 0, mtu: int = 1400, transform: EspTransform = GCM, df: DfBit = DfBit.CLEAR
) -> None:
    """Both LANs see each other through a protected tunnel."""
    sas = pair_of_sas("A", "B", port=port, transform=transform)
    for name, other, sa in (("A", "B", sas[0]), ("B", "A", sas[1])):
        tunnel(world, name, mtu=mtu, df=df)
        world.execute(
            name,
            InstallSa(sa, True),
            SetAdjacency("Tunnel0", TUNNEL[other], nbma(other), sa.connection),
            SetRoute(Prefix.of(host(other), 24), (NextHop("Tunnel0", TUNNEL[other]),)),
        )


def hub(world: World, *peers: Peer) -> None:
    """A has hand-made peers; 192.168.9.0/24 is behind the first one."""
    tunnel(world, "A")
    for number, peer in enumerate(peers):
        next_hop = PEER_TUNNEL + number
        world.execute("A", peer.install(), SetAdjacency("Tunnel0", next_hop, peer.address, peer.connection))
    world.execute("A", SetRoute(Prefix.of(PEER_HOST, 24), (NextHop("Tunnel0", PEER_TUNNEL),)))


def from_peer(destination: IPv4Address | None = None, *, tos: int = 0) -> bytes:
    """A packet of a host behind a hand-made peer, for host A or somebody else."""
    destination = destination or host("A")
    datagram = UdpDatagram(source_port=4000, destination_port=5000, payload=b"from a peer")
    payload = datagram.serialize(PEER_HOST, destination)
    packet = Ipv4Packet(source=PEER_HOST, destination=destination, protocol=IpProtocol.UDP, payload=payload, tos=tos)
    return packet.serialize()


def in_gre(payload: bytes) -> bytes:
    return GreHeader(protocol_type=0x0800, key=KEY).serialize(payload)


def drops(world: World, name: str) -> events.GreDrops:
    world.execute(name, PollInterfaces())
    return world.of(name, events.InterfacesCounted)[-1].drops


def counts(world: World, name: str) -> tuple[SaCount, ...]:
    world.execute(name, PollSas())
    return world.of(name, events.SasCounted)[-1].counts


def arrived(world: World, name: str, number: int) -> None:
    """Wait for so many packets at the host behind a router, and make sure that there are no more."""
    world.until(lambda: len(only_udp(world.received[name])) >= number)
    world.run(0.05)
    assert len(only_udp(world.received[name])) == number


def send_until_told(world: World, size: int) -> None:
    """Send packets with DF from A's LAN to B's until A is told that they are too large."""

    def is_told() -> bool:
        world.send("A", udp("A", host("B"), size=size, df=True))
        world.run(0.05)
        return bool(only_icmp(world.received["A"]))

    world.until(is_told)


# ------------------------------------------------------------------------------------------------ nothing in clear


@pytest.mark.parametrize(("port", "transform"), [(ENCAPSULATED, GCM), (0, CBC)], ids=["gcm-udp", "cbc-50"])
@pytest.mark.parametrize("plane", PLANES)
def test_lan_to_lan_all_that_the_provider_sees_is_esp(plane: str, port: int, transform: EspTransform) -> None:
    def check(world: World) -> None:
        a_and_b(world, port=port, transform=transform)
        for _ in range(3):
            world.send("A", udp("A", host("B")))
            world.send("B", udp("B", host("A")))
        arrived(world, "A", 3)
        arrived(world, "B", 3)
        assert {packet.protocol for packet in world.wire} == {IpProtocol.UDP if port else IpProtocol.ESP}
        assert not any(bytes(32) in packet.payload for packet in world.wire), "what the hosts sent cannot be read"

    contract(check)(plane)


@contract
def test_clear_gre_for_a_protected_tunnel_is_dropped_and_told_once(world: World) -> None:
    hub(world, Peer(world, "A", OUTSIDE))
    clear = Ipv4Packet(
        source=IPv4Address(OUTSIDE), destination=nbma("A"), protocol=IpProtocol.GRE, payload=in_gre(from_peer())
    )
    for _ in range(3):
        world.inject("A", clear)
    world.until(lambda: drops(world, "A").in_clear == 3 and bool(world.of("A", events.ClearReceived)))
    assert only_udp(world.received["A"]) == []
    assert world.of("A", events.ClearReceived) == [events.ClearReceived(nbma("A"), IPv4Address(OUTSIDE))]


@contract
def test_what_comes_sealed_for_a_tunnel_in_clear_goes_nowhere(world: World) -> None:
    """It has no protection that anybody agreed on, and its neighbors are others."""
    peer = Peer(world, "A", OUTSIDE)
    hub(world, peer)
    spec = TunnelSpec(name="Tunnel1", source=nbma("A"), destination=None, key=KEY + 1, mtu=1400)
    address = SetInterface("Tunnel1", True, ((IPv4Address("172.16.1.1"), 24),))
    world.execute("A", SetTunnel(spec), address, SetCarrier("Tunnel1", True))
    gre = GreHeader(protocol_type=0x0800, key=KEY + 1).serialize(from_peer())
    peer.send_esp(peer.outbound.seal(gre, IpProtocol.GRE))
    world.until(lambda: drops(world, "A").no_tunnel == 1)
    peer.send(from_peer())
    arrived(world, "A", 1)


@contract
def test_without_an_sa_a_protected_tunnel_sends_nothing_at_all(world: World) -> None:
    peer = Peer(world, "A", OUTSIDE)
    hub(world, peer)
    world.execute("A", RemoveSa(peer.sa.spi_in), SetMulticast("Tunnel0", (peer.address,), bound=((peer.address, 7),)))
    world.execute("A", SendGre("Tunnel0", peer.address, GRE_NHRP, b"a request"))
    world.send("A", udp("A", PEER_HOST))
    world.execute("A", Listen("Tunnel0", 88, GROUP), SendIp("Tunnel0", TUNNEL["A"], GROUP, 88, b"a hello", ttl=1))
    world.until(lambda: drops(world, "A").no_sa == 4)
    assert world.wire == []


@contract
def test_a_tunnel_that_becomes_protected_stops_at_once_in_clear(world: World) -> None:
    hub(world)
    spec = TunnelSpec(name="Tunnel0", source=nbma("A"), destination=None, key=KEY, mtu=1400)
    world.execute("A", SetTunnel(spec), SetAdjacency("Tunnel0", PEER_TUNNEL, IPv4Address(OUTSIDE)))
    world.send("A", udp("A", PEER_HOST))
    world.until(lambda: [packet.protocol for packet in world.wire] == [IpProtocol.GRE])
    world.execute("A", SetTunnel(replace(spec, protected=True)))
    world.send("A", udp("A", PEER_HOST))
    world.until(lambda: drops(world, "A").no_sa == 1)
    assert len(world.wire) == 1


@contract
def test_a_keepalive_goes_and_comes_back_in_esp(world: World) -> None:
    sas = pair_of_sas("A", "B")
    for name, other, sa in (("A", "B", sas[0]), ("B", "A", sas[1])):
        spec = TunnelSpec(name="Tunnel0", source=nbma(name), destination=nbma(other), key=KEY, mtu=1400, protected=True)
        world.execute(
            name, ServeIpsec((nbma(name),)), SetTunnel(spec), SetCarrier("Tunnel0", True), InstallSa(sa, True)
        )
    world.execute("A", SendKeepalive("Tunnel0"))
    world.until(lambda: world.of("A", events.KeepaliveReceived) == [events.KeepaliveReceived("Tunnel0")])
    assert [packet.protocol for packet in world.wire] == [IpProtocol.ESP, IpProtocol.ESP]


@contract
def test_a_show_reads_what_sas_carried_up_to_this_moment(world: World) -> None:
    peer = Peer(world, "A", OUTSIDE)
    hub(world, peer)
    for _ in range(3):
        peer.send(from_peer())
    arrived(world, "A", 3)
    answer = world.counting("A").sas_counted()
    assert answer is not None
    assert [(count.spi_in, count.received) for count in answer.counts] == [(peer.sa.spi_in, 3)]
    assert world.of("A", events.SasCounted) == []


# ------------------------------------------------------------------------------------------------ connections


@contract
def test_two_peers_behind_one_address_are_told_apart_by_their_sas(world: World) -> None:
    one, two = Peer(world, "A", OUTSIDE, connection=7, port=40007), Peer(world, "A", OUTSIDE, connection=8, port=40008)
    hub(world, one, two)
    world.execute("A", SetRoute(Prefix.of(PEER_HOST + 256, 24), (NextHop("Tunnel0", PEER_TUNNEL + 1),)))
    for peer, text in ((one, b"of one"), (two, b"of two")):
        peer.send(text, GRE_NHRP)
    world.until(lambda: len(world.of("A", events.NhrpReceived)) == 2)
    assert world.of("A", events.NhrpReceived) == [
        events.NhrpReceived("Tunnel0", one.address, b"of one", 7),
        events.NhrpReceived("Tunnel0", two.address, b"of two", 8),
    ]
    world.send("A", udp("A", PEER_HOST))
    world.send("A", udp("A", PEER_HOST + 256))
    world.execute("A", SendGre("Tunnel0", one.address, GRE_NHRP, b"an answer", connection=8))
    world.until(lambda: len(world.wire) == 3)
    ((_, packet),) = one.received()
    assert Ipv4Packet.parse(packet[8:]).destination == PEER_HOST
    assert {packet[8:] for _, packet in two.received()} >= {b"an answer"}
    world.execute("A", PollUsage("Tunnel0"))
    assert set(world.of("A", events.UsageReported)[-1].peers) == {
        events.PeerUsage(one.address, 1, 1, 7, 60, 6),
        events.PeerUsage(two.address, 2, 1, 8, 69, 6),
    }


@contract
def test_a_packet_from_one_peer_to_another_behind_the_same_address_is_a_hairpin(world: World) -> None:
    one, two = Peer(world, "A", OUTSIDE, connection=7, port=40007), Peer(world, "A", OUTSIDE, connection=8, port=40008)
    hub(world, one, two)
    world.execute("A", SetRoute(Prefix.of(PEER_HOST + 256, 24), (NextHop("Tunnel0", PEER_TUNNEL + 1),)))
    one.send(from_peer(PEER_HOST + 256))
    world.until(lambda: bool(world.of("A", events.Hairpin)))
    (hairpin,) = world.of("A", events.Hairpin)
    assert (hairpin.nbma, hairpin.connection) == (one.address, 7)
    assert len(two.received()) == 1


@contract
def test_who_names_no_connection_gets_the_newest_with_that_address(world: World) -> None:
    one, two = Peer(world, "A", OUTSIDE, connection=8), Peer(world, "A", OUTSIDE, connection=7)
    hub(world, one, two)
    world.execute("A", SendGre("Tunnel0", one.address, GRE_NHRP, b"to whom"))
    world.until(lambda: bool(world.wire))
    assert (len(one.received()), len(two.received())) == (1, 0), "8 is newer than 7"
    world.execute("A", RemoveSa(one.sa.spi_in), SendGre("Tunnel0", one.address, GRE_NHRP, b"to whom"))
    world.until(lambda: len(world.wire) == 2)
    assert len(two.received()) == 1


@contract
def test_a_peer_that_another_tunnel_has_by_another_profile_is_barred_in_both_directions(world: World) -> None:
    """Its key would lead its packets in, and the newest connection with its address ours out."""
    mine, barred = Peer(world, "A", OUTSIDE), Peer(world, "A", "10.0.2.78", connection=8)
    hub(world, mine, barred)
    spec = TunnelSpec(
        name="Tunnel0", source=nbma("A"), destination=None, key=KEY, mtu=1400, protected=True, barred=(barred.address,)
    )
    world.execute("A", SetTunnel(spec), SetMulticast("Tunnel0", (mine.address, barred.address)))
    barred.send(from_peer())
    barred.send(b"a request", GRE_NHRP)
    world.until(lambda: drops(world, "A").no_tunnel == 2)
    for connection in (0, 8):
        world.execute("A", SendGre("Tunnel0", barred.address, GRE_NHRP, b"an answer", connection=connection))
    world.execute("A", Listen("Tunnel0", 88, GROUP), SendIp("Tunnel0", TUNNEL["A"], GROUP, 88, b"a hello", ttl=1))
    world.until(lambda: drops(world, "A").no_sa == 3 and len(world.wire) == 1)
    assert (len(mine.received()), len(barred.received())) == (1, 0)
    assert world.of("A", events.NhrpReceived) == []
    assert only_udp(world.received["A"]) == []
    world.execute("A", SetTunnel(replace(spec, barred=())))
    barred.send(from_peer())
    arrived(world, "A", 1)


@contract
def test_multicast_goes_once_over_each_connection_that_is_named(world: World) -> None:
    one, two = Peer(world, "A", OUTSIDE, connection=7, port=40007), Peer(world, "A", OUTSIDE, connection=8, port=40008)
    hub(world, one, two)
    world.execute("A", SetMulticast("Tunnel0", (), bound=((one.address, 7), (two.address, 8))))
    world.execute("A", Listen("Tunnel0", 88, GROUP), SendIp("Tunnel0", TUNNEL["A"], GROUP, 88, b"a hello", ttl=1))
    world.until(lambda: len(world.wire) == 2)
    assert (len(one.received()), len(two.received())) == (1, 1)


@contract
def test_a_tunnel_with_another_source_does_not_use_the_connections_of_the_old_one(world: World) -> None:
    peer, other = Peer(world, "A", OUTSIDE), IPv4Address("10.0.1.99")
    hub(world, peer)
    spec = TunnelSpec(name="Tunnel0", source=other, destination=None, key=KEY, mtu=1400, protected=True)
    world.execute("A", SetInterface("Loopback0", True, ((other, 32),)), SetTunnel(spec))
    world.send("A", udp("A", PEER_HOST))
    world.until(lambda: drops(world, "A").no_sa == 1)
    assert world.wire == []


@contract
def test_a_peer_that_is_heard_from_elsewhere_is_told_of_once_and_followed_when_that_is_ordered(world: World) -> None:
    peer = Peer(world, "A", OUTSIDE, port=40007)
    hub(world, peer)
    peer.send(from_peer())
    late = peer.sealed(from_peer())
    peer.address, peer.port = IPv4Address("10.0.2.88"), 50000
    for _ in range(3):
        peer.send(from_peer())
    arrived(world, "A", 4)
    assert world.of("A", events.ConnectionHeard) == [events.ConnectionHeard(7, IPv4Address("10.0.2.88"), 50000)]
    world.send("A", udp("A", PEER_HOST))
    world.until(lambda: bool(world.wire))
    assert world.wire[0].destination == IPv4Address(OUTSIDE), "the plane decides nothing"
    world.execute("A", peer.move("10.0.2.88", 50000))
    peer.received()
    world.send("A", udp("A", PEER_HOST))
    world.until(lambda: len(world.wire) == 2)
    assert len(peer.received()) == 1
    peer.address, peer.port = IPv4Address(OUTSIDE), 40007
    peer.send_esp(late)
    arrived(world, "A", 5)
    assert len(world.of("A", events.ConnectionHeard)) == 1, "a late packet says where the peer was"


@contract
def test_packets_out_and_none_in_for_ten_seconds_is_reported_once(world: World) -> None:
    peer = Peer(world, "A", OUTSIDE)
    hub(world, peer)

    def request() -> None:
        world.execute("A", SendGre("Tunnel0", peer.address, GRE_NHRP, b"a request"))

    world.send("A", udp("A", PEER_HOST))
    world.run(0.8)
    peer.send(from_peer())
    arrived(world, "A", 1)
    request()
    world.run(9.6)
    request()
    assert world.of("A", events.ConnectionUnheard) == [], "the packet that came in began the time again"
    world.run(0.6)
    world.send("A", udp("A", PEER_HOST))
    world.until(lambda: bool(world.of("A", events.ConnectionUnheard)))
    request()
    world.send("A", udp("A", PEER_HOST))
    world.run(0.1)
    assert world.of("A", events.ConnectionUnheard) == [events.ConnectionUnheard(7)]


# ------------------------------------------------------------------------------------------------ SAs


@contract
def test_a_rekey_under_traffic_loses_nothing(world: World) -> None:
    a_and_b(world)
    old, new = pair_of_sas("A", "B"), pair_of_sas("A", "B", number=2)
    sent = 0

    def both_ways() -> None:
        nonlocal sent
        for _ in range(5):
            world.send("A", udp("A", host("B")))
            world.send("B", udp("B", host("A")))
            sent += 1
        world.run(0.01)

    both_ways()
    world.execute("B", InstallSa(new[1], False))  # it answers the rekey, and does not know yet that A got the answer
    both_ways()
    world.execute("A", InstallSa(new[0], True))
    both_ways()
    world.until(lambda: all(len(only_udp(world.received[name])) == sent for name in "AB"))  # nothing is on its way
    world.execute("A", RemoveSa(old[0].spi_in))
    both_ways()
    world.execute("B", RemoveSa(old[1].spi_in))
    both_ways()
    arrived(world, "A", sent)
    arrived(world, "B", sent)
    assert drops(world, "A") == drops(world, "B") == events.GreDrops()


@contract
def test_the_answering_side_of_a_rekey_sends_on_the_new_sa_when_it_has_heard_it(world: World) -> None:
    peer = Peer(world, "A", OUTSIDE)
    hub(world, peer)
    newer = Peer(world, "A", OUTSIDE, connection=7)
    newer_sa = replace(pair_of_sas("A", "B", number=9)[0], connection=7, remote=peer.address)
    newer.take(newer_sa)
    world.execute("A", InstallSa(newer_sa, False), SendGre("Tunnel0", peer.address, GRE_NHRP, b"1"))
    world.until(lambda: len(world.wire) == 1)
    assert (len(peer.received()), len(newer.received())) == (1, 0)
    newer.send(b"heard", GRE_NHRP)
    world.until(lambda: bool(world.of("A", events.NhrpReceived)))
    world.execute("A", SendGre("Tunnel0", peer.address, GRE_NHRP, b"2"))
    world.until(lambda: len(world.wire) == 2)
    assert (len(peer.received()), len(newer.received())) == (0, 1)
    world.execute("A", UseSa(peer.sa.spi_in), SendGre("Tunnel0", peer.address, GRE_NHRP, b"3"))
    world.until(lambda: len(world.wire) == 3)
    assert (len(peer.received()), len(newer.received())) == (1, 0)
    world.execute("A", RemoveSa(peer.sa.spi_in), SendGre("Tunnel0", peer.address, GRE_NHRP, b"4"))
    world.until(lambda: len(world.wire) == 4)
    assert len(newer.received()) == 1, "what is left is sent on"


@contract
def test_a_replayed_packet_a_damaged_one_and_one_behind_the_window_go_nowhere(world: World) -> None:
    peer = Peer(world, "A", OUTSIDE)
    hub(world, peer)
    behind = peer.sealed(from_peer())
    packet = peer.sealed(from_peer())
    peer.send_esp(packet)
    peer.send_esp(packet)
    damaged = bytearray(peer.sealed(from_peer()))
    damaged[-1] ^= 1
    peer.send_esp(bytes(damaged))
    peer.send_esp(b"\x00\x00\x10\x07\x00")
    peer.outbound.packets += 1024
    peer.send(from_peer())
    peer.send_esp(behind)
    arrived(world, "A", 2)
    world.until(lambda: counts(world, "A")[0].replayed == 2)
    (count,) = counts(world, "A")
    assert (count.spi_in, count.received, count.replayed, count.broken) == (peer.sa.spi_in, 2, 2, 1)


@contract
def test_esp_for_an_unknown_sa_is_told_once_a_second_with_its_place(world: World) -> None:
    peer, stranger = Peer(world, "A", OUTSIDE), Peer(world, "A", "10.0.2.88", connection=8, port=40008)
    hub(world, peer)
    for _ in range(5):
        stranger.send(from_peer())
    world.until(lambda: drops(world, "A").no_spi == 5 and bool(world.of("A", events.UnknownSpi)))
    assert world.of("A", events.UnknownSpi) == [
        events.UnknownSpi(nbma("A"), stranger.address, 40008, stranger.sa.spi_in)
    ]
    world.run(1.1)
    stranger.send(from_peer())
    world.until(lambda: len(world.of("A", events.UnknownSpi)) == 2)
    assert only_udp(world.received["A"]) == []


@contract
def test_esp_for_another_address_of_ours_than_that_of_its_sa_is_for_an_unknown_one(world: World) -> None:
    peer, other = Peer(world, "A", OUTSIDE), IPv4Address("10.0.1.99")
    hub(world, peer)
    loopback = SetInterface("Loopback0", True, ((other, 32),))
    world.execute("A", loopback, ServeIpsec((nbma("A"), other)))
    sealed = peer.sealed(from_peer())
    astray = Ipv4Packet(source=peer.address, destination=other, protocol=IpProtocol.ESP, payload=sealed)
    world.inject("A", astray)
    world.until(lambda: bool(world.of("A", events.UnknownSpi)))
    assert world.of("A", events.UnknownSpi) == [events.UnknownSpi(other, peer.address, 0, peer.sa.spi_in)]
    assert drops(world, "A").no_spi == 1
    peer.send_esp(sealed)
    arrived(world, "A", 1)


@contract
def test_an_sa_that_is_ordered_twice_does_not_begin_again(world: World) -> None:
    """Else nonces would repeat, and what came before could come once more."""
    peer = Peer(world, "A", OUTSIDE)
    hub(world, peer)
    packet = peer.sealed(from_peer())
    for text in (b"1", b"2"):
        world.execute("A", peer.install(), SendGre("Tunnel0", peer.address, GRE_NHRP, text))
        peer.send_esp(packet)
    world.until(lambda: len(world.wire) == 2)
    assert len(peer.received()) == 2, "the second one has a number of its own"
    arrived(world, "A", 1)


@contract
def test_an_sa_is_worn_once_and_at_its_end_nothing_goes_any_more(world: World) -> None:
    peer = Peer(world, "A", OUTSIDE)
    peer.take(replace(peer.sa, soft_octets=1000, hard_octets=2000))
    hub(world, peer)
    for _ in range(6):
        world.execute("A", SendGre("Tunnel0", peer.address, GRE_NHRP, bytes(492)))  # 500 with GRE and its key
        world.run(0.02)
    world.until(lambda: len(world.wire) == 4 and bool(world.of("A", events.SaWorn)))
    assert world.of("A", events.SaWorn) == [events.SaWorn(peer.sa.spi_in)]
    (count,) = counts(world, "A")
    assert (count.sent, count.sent_octets, count.unsent) == (4, 2000, 2)


@contract
def test_with_extended_sequence_numbers_packets_pass_the_32nd_bit(world: World) -> None:
    peer = Peer(world, "A", OUTSIDE)
    peer.take(replace(peer.sa, esn=True))
    hub(world, peer)
    for number in range(2, 6):
        peer.outbound.packets = (1 << 30) * number
        peer.send(from_peer())
    arrived(world, "A", 4)


@contract
def test_in_tunnel_mode_gre_has_an_ip_header_of_its_own_inside_and_only_that_of_its_peer_is_taken(world: World) -> None:
    private = IPv4Address("192.168.77.1")
    peer = Peer(world, "A", OUTSIDE, port=40007)
    peer.take(replace(peer.sa, tunnel_mode=True, inner_remote=private))
    hub(world, peer)
    world.send("A", udp("A", PEER_HOST))
    world.until(lambda: len(world.wire) == 1)
    ((_, inside),) = peer.received()
    inner = Ipv4Packet.parse(inside)
    assert (inner.source, inner.destination, inner.protocol) == (nbma("A"), private, IpProtocol.GRE)
    assert inner.payload[:8] == in_gre(b"")
    for source, protocol in ((private, IpProtocol.GRE), (IPv4Address("192.168.77.2"), IpProtocol.GRE), (private, 4)):
        packet = Ipv4Packet(source=source, destination=nbma("A"), protocol=protocol, payload=in_gre(from_peer()))
        peer.send_esp(peer.outbound.seal(packet.serialize(), 4))
    peer.send(from_peer())  # transport mode, which was not agreed
    arrived(world, "A", 1)
    assert drops(world, "A").malformed == 3


@contract
def test_what_a_peer_cuts_before_it_seals_it_in_tunnel_mode_is_put_together_again(world: World) -> None:
    """RFC 4303 §3.3.4. What overlaps, or is another peer's, is no piece of it."""
    peer, other = Peer(world, "A", OUTSIDE), Peer(world, "A", "10.0.2.78", connection=8, port=40008)
    for each in (peer, other):
        each.take(replace(each.sa, tunnel_mode=True))
    hub(world, peer, other)

    def pieces(of: Peer, text: bytes, size: int = 576) -> list[bytes]:
        datagram = UdpDatagram(source_port=4000, destination_port=5000, payload=text)
        inside = Ipv4Packet(
            source=PEER_HOST,
            destination=host("A"),
            protocol=IpProtocol.UDP,
            payload=datagram.serialize(PEER_HOST, host("A")),
        )
        gre = in_gre(inside.serialize())
        whole = Ipv4Packet(
            source=of.address, destination=nbma("A"), protocol=IpProtocol.GRE, payload=gre, identification=7
        )
        return [piece.serialize() for piece in whole.fragments(size)]

    text = bytes(range(250)) * 5
    first, second, third = pieces(peer, text)
    for piece in (third, first, first):
        peer.send_esp(peer.outbound.seal(piece, 4))
    foreign, theirs, behind = pieces(other, text[::-1])
    other.send_esp(other.outbound.seal(theirs, 4))
    peer.send_esp(peer.outbound.seal(second, 4))
    arrived(world, "A", 1)
    assert only_udp(world.received["A"])[0].payload[8:] == text
    other.send_esp(other.outbound.seal(behind, 4))
    other.send_esp(other.outbound.seal(foreign, 4))
    arrived(world, "A", 2)
    assert only_udp(world.received["A"])[1].payload[8:] == text[::-1]
    assert drops(world, "A") == events.GreDrops()
    for piece in (first, pieces(peer, text, 600)[1], second, third):  # the third one overlaps
        peer.send_esp(peer.outbound.seal(piece, 4))
    peer.send_esp(peer.outbound.seal(b"no packet", 4))
    world.until(lambda: drops(world, "A").malformed == 2)
    arrived(world, "A", 2)


@contract
def test_a_dummy_packet_is_no_packet(world: World) -> None:
    """RFC 4303 §2.6: traffic flow confidentiality sends next header 59."""
    peer = Peer(world, "A", OUTSIDE)
    hub(world, peer)
    peer.send_esp(peer.outbound.seal(b"nothing", 59))
    peer.send(from_peer())
    arrived(world, "A", 1)
    assert drops(world, "A") == events.GreDrops()


# ------------------------------------------------------------------------------------------------ headers


@contract
def test_what_a_host_marks_goes_outside_and_congestion_on_the_way_comes_in(world: World) -> None:
    """RFC 4301 §5.1.2.1, RFC 6040 §4.2."""
    peer = Peer(world, "A", OUTSIDE, port=40007)
    hub(world, peer)
    marked = replace(udp("A", PEER_HOST), tos=0xB8 | ECT)
    world.send("A", marked)
    world.until(lambda: bool(world.wire))
    assert world.wire[0].tos == 0xB8 | ECT
    peer.send(from_peer(tos=0xB8 | ECT), tos=0xB8 | CE)
    peer.send(from_peer(tos=0xB8), tos=0xB8 | CE)  # its sender would not understand: dropped as that router would have
    peer.send(from_peer(tos=0x20), tos=0xB8 | ECT)
    arrived(world, "A", 2)
    assert [packet.tos for packet in only_udp(world.received["A"])] == [0xB8 | CE, 0x20]


@contract
def test_what_is_too_big_for_the_path_arrives_all_the_same(world: World) -> None:
    a_and_b(world, mtu=1476)
    world.send("A", udp("A", host("B"), size=1448))
    arrived(world, "B", 1)
    assert all(packet.protocol == IpProtocol.ESP for packet in world.wire)
    assert any(Ipv4Flag.MORE_FRAGMENTS in packet.flags for packet in world.wire)
    assert not any(Ipv4Flag.DONT_FRAGMENT in packet.flags for packet in world.wire)


@contract
def test_what_is_too_big_for_the_tunnel_is_cut_before_it_is_sealed(world: World) -> None:
    a_and_b(world, mtu=1300)
    world.send("A", udp("A", host("B"), size=1448))
    world.until(lambda: len(world.wire) == 2)
    assert not any(packet.flags or packet.fragment_offset for packet in world.wire)
    world.until(lambda: len(world.received["B"]) == 2)


@pytest.mark.parametrize(("port", "transform"), [(ENCAPSULATED, GCM), (0, CBC)], ids=["gcm-udp", "cbc-50"])
@pytest.mark.parametrize("plane", PLANES)
def test_what_the_path_does_not_take_is_refused_or_cut_before_it_is_sealed(
    plane: str, port: int, transform: EspTransform
) -> None:
    """RFC 4301 §8.2: an ICMP message about ESP becomes one about the packet inside."""

    def check(world: World) -> None:
        a_and_b(world, port=port, transform=transform, df=DfBit.COPY)
        world.narrow("B", 1300)

        def told() -> list[int]:
            errors = [e for e in only_icmp(world.received["A"]) if isinstance(e, icmp.DestinationUnreachable)]
            return [error.next_hop_mtu for error in errors]

        def tries_until_told() -> bool:
            world.send("A", udp("A", host("B"), size=1300, df=True))
            world.run(0.05)
            return bool(told())

        world.until(tries_until_told)
        assert Ipv4Flag.DONT_FRAGMENT in world.wire[0].flags
        largest = told()[0]
        assert 1200 < largest < 1260
        world.wire.clear()
        world.received["B"].clear()
        world.send("A", udp("A", host("B"), size=largest - 28, df=True))
        arrived(world, "B", 1)
        assert len(world.wire) == 1
        assert 1300 - 16 < len(world.wire[0].serialize()) <= 1300
        world.send("A", udp("A", host("B"), size=1300))
        world.until(lambda: len(only_udp(world.received["B"])) == 3)
        assert [packet.is_fragment for packet in only_udp(world.received["B"])] == [False, True, True]
        assert not any(packet.is_fragment for packet in world.wire), "it was cut before it was sealed"

    contract(check)(plane)


@contract
def test_what_our_own_wire_does_not_take_is_refused_as_well(world: World) -> None:
    """AES-GCM by protocol 50: 1500 - 20 (IP) - 16 (ESP, IV) - 18 (trailer, ICV) - 8 (GRE with a key) = 1438."""
    a_and_b(world, mtu=1476, df=DfBit.COPY)
    send_until_told(world, 1440)
    told = only_icmp(world.received["A"])[0]
    assert isinstance(told, icmp.DestinationUnreachable)
    assert told.next_hop_mtu == 1438


def forge_too_big(world: World, packet: Ipv4Packet, mtu: int) -> None:
    """Somebody says to A that a packet of it was larger than this."""
    needed = icmp.UnreachableCode.FRAGMENTATION_NEEDED
    forged = icmp.DestinationUnreachable(code=needed, next_hop_mtu=mtu, quoted=packet.serialize())
    provider, body = IPv4Address("10.0.1.2"), forged.serialize()
    world.inject("A", Ipv4Packet(source=provider, destination=nbma("A"), protocol=IpProtocol.ICMP, payload=body))
    world.run(0.05)


def in_clear(world: World, df: DfBit) -> None:
    """Both LANs see each other through a tunnel without protection."""
    for name, other in (("A", "B"), ("B", "A")):
        spec = TunnelSpec(name="Tunnel0", source=nbma(name), destination=nbma(other), key=None, mtu=1400)
        world.execute(
            name,
            SetTunnel(replace(spec, df=df)),
            SetInterface("Tunnel0", True, ((TUNNEL[name], 24),)),
            SetCarrier("Tunnel0", True),
            SetRoute(Prefix.of(host(other), 24), (NextHop("Tunnel0", TUNNEL[other]),)),
        )


@contract
def test_a_tunnel_that_has_sent_without_df_copies_it_from_its_next_order_on(world: World) -> None:
    for count, df in enumerate((DfBit.CLEAR, DfBit.COPY), 1):
        in_clear(world, df)
        world.send("A", udp("A", host("B"), df=True))
        arrived(world, "B", count)
    sent = [packet for packet in world.wire if packet.protocol == IpProtocol.GRE and packet.source == nbma("A")]
    assert [packet.dont_fragment for packet in sent] == [False, True]


@pytest.mark.parametrize("port", [None, 0, ENCAPSULATED], ids=["gre", "esp", "udp"])
@pytest.mark.parametrize("plane", PLANES)
def test_where_df_is_clear_nobody_is_believed_who_says_that_packets_are_too_big(plane: str, port: int | None) -> None:
    """One forged message made the kernel send every packet of the tunnel in two pieces, and trains not at all."""

    def check(world: World) -> None:
        if port is None:
            in_clear(world, DfBit.CLEAR)
        else:
            a_and_b(world, port=port)
        world.send("A", udp("A", host("B")))
        arrived(world, "B", 1)
        forge_too_big(world, world.wire[0], 68)
        world.send("A", udp("A", host("B"), size=1300, df=True))
        arrived(world, "B", 2)
        assert only_icmp(world.received["A"]) == []
        assert not any(packet.is_fragment for packet in world.wire), "it was believed by the kernel"

    contract(check)(plane)


@contract
def test_where_df_is_not_set_any_more_nobody_is_believed_any_more(world: World) -> None:
    a_and_b(world, df=DfBit.SET)
    world.send("A", udp("A", host("B")))
    arrived(world, "B", 1)
    tunnel(world, "A", df=DfBit.CLEAR)
    forge_too_big(world, world.wire[0], 600)
    world.wire.clear()
    world.send("A", udp("A", host("B"), size=1300, df=True))
    arrived(world, "B", 2)
    assert not any(packet.is_fragment for packet in world.wire)


@contract
def test_a_path_that_is_narrower_than_anybody_is_believed_is_cut_to_on_the_way(world: World) -> None:
    """Linux believes no less than 552 octets, and neither do we: with DF nothing at all would arrive."""
    a_and_b(world, df=DfBit.SET)
    world.narrow("B", 500)

    def tries_until_it_arrives() -> bool:
        world.send("A", udp("A", host("B"), size=1300))
        world.run(0.05)
        return bool(only_udp(world.received["B"]))

    world.until(tries_until_it_arrives)
    world.run(0.1)
    world.wire.clear()
    world.received["B"].clear()
    world.send("A", udp("A", host("B"), size=1300))
    world.send("A", udp("A", host("B"), size=432))
    world.until(lambda: len(only_udp(world.received["B"])) == 4)
    assert len(world.wire) == 4, "the kernel had nothing to cut"
    assert all(len(packet.serialize()) <= 552 for packet in world.wire)
    assert not any(Ipv4Flag.DONT_FRAGMENT in packet.flags for packet in world.wire)


@contract
def test_one_second_long_the_same_sender_is_told_once_and_who_cannot_be_told_takes_nobodys_turn(world: World) -> None:
    in_clear(world, DfBit.COPY)
    world.narrow("B", 1300)
    send_until_told(world, 1300)
    world.run(1.1)
    world.received["A"].clear()
    unanswerable = replace(udp("A", host("B"), size=1300, df=True), fragment_offset=1)
    world.send("A", unanswerable)
    for _ in range(5):
        world.send("A", udp("A", host("B"), size=1300, df=True))
    world.until(lambda: bool(only_icmp(world.received["A"])))
    world.run(0.1)
    (told,) = only_icmp(world.received["A"])
    assert isinstance(told, icmp.DestinationUnreachable)
    assert told.next_hop_mtu == 1300 - 20 - 4
    assert len(told.quoted) == 548


@contract
def test_what_is_known_of_a_path_is_no_matter_to_a_tunnel_whose_df_is_clear(world: World) -> None:
    a_and_b(world, df=DfBit.COPY)
    world.narrow("B", 1300)
    send_until_told(world, 1300)
    tunnel(world, "A", df=DfBit.CLEAR)
    world.received["A"].clear()
    world.received["B"].clear()
    world.send("A", udp("A", host("B"), size=1300, df=True))
    arrived(world, "B", 1)
    assert only_icmp(world.received["A"]) == []


@contract
def test_without_protection_what_the_path_does_not_take_is_refused_or_cut_before_it_is_put_into_gre(
    world: World,
) -> None:
    in_clear(world, DfBit.COPY)
    world.narrow("B", 1300)
    send_until_told(world, 1300)
    told = only_icmp(world.received["A"])[0]
    assert isinstance(told, icmp.DestinationUnreachable)
    assert told.next_hop_mtu == 1300 - 20 - 4
    world.wire.clear()
    world.received["B"].clear()
    world.send("A", udp("A", host("B"), size=1300))
    world.until(lambda: len(only_udp(world.received["B"])) == 2)
    assert not any(packet.is_fragment for packet in world.wire)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize(("df", "inside"), [(DfBit.SET, False), (DfBit.COPY, True), (DfBit.COPY, False)])
def test_the_outer_header_says_what_is_configured_of_fragments(plane: str, df: DfBit, inside: bool) -> None:
    def check(world: World) -> None:
        a_and_b(world, df=df)
        world.send("A", udp("A", host("B"), df=inside))
        world.execute("A", SendGre("Tunnel0", nbma("B"), GRE_NHRP, b"a request"))
        world.until(lambda: len(world.wire) == 2)
        flags = [Ipv4Flag.DONT_FRAGMENT in packet.flags for packet in world.wire]
        assert sorted(flags) == sorted([df is DfBit.SET or inside, df is DfBit.SET])

    contract(check)(plane)


# ------------------------------------------------------------------------------------------------ IKE


@contract
def test_ike_comes_on_both_of_its_ports_and_a_keepalive_does_not(world: World) -> None:
    peer = Peer(world, "A", OUTSIDE, port=40007)
    tunnel(world, "A")
    peer.send_udp(b"\xff")
    peer.send_udp(b"an IKE message", to=500)
    peer.send_udp(bytes(4) + b"behind the marker")
    world.until(lambda: len(world.of("A", events.IpReceived)) == 2)
    datagrams = []
    for event in world.of("A", events.IpReceived):
        assert (event.source, event.destination, event.protocol) == (peer.address, nbma("A"), IpProtocol.UDP)
        datagrams.append(UdpDatagram.parse(event.payload, event.source, event.destination))
    assert sorted(datagrams, key=lambda datagram: datagram.destination_port) == [
        UdpDatagram(source_port=40007, destination_port=500, payload=b"an IKE message"),
        UdpDatagram(source_port=40007, destination_port=ENCAPSULATED, payload=bytes(4) + b"behind the marker"),
    ]


@contract
def test_esp_right_behind_the_ike_message_that_makes_its_sa_is_not_lost(world: World) -> None:
    """Who answers IKE_AUTH may send at once; both may have come before the router looks."""
    peer = Peer(world, "A", OUTSIDE, port=40009)
    hub(world)

    def establish(event: events.Event) -> None:
        if isinstance(event, events.IpReceived):
            world.execute("A", peer.install())

    world.reactions["A"] = establish
    peer.send_udp(bytes(4) + b"IKE_AUTH")
    peer.send(from_peer())
    arrived(world, "A", 1)
    assert not world.of("A", events.UnknownSpi)


@contract
def test_ike_leaves_from_the_address_and_port_that_it_names(world: World) -> None:
    for name in ("A", "B"):
        world.execute(name, ServeIpsec((nbma(name),)))
    for port in (500, ENCAPSULATED):
        datagram = UdpDatagram(source_port=port, destination_port=port, payload=bytes(4) + b"a message of IKE")
        payload = datagram.serialize(nbma("A"), nbma("B"))
        world.execute("A", SendIp(None, nbma("A"), nbma("B"), IpProtocol.UDP, payload))
    world.until(lambda: len(world.of("B", events.IpReceived)) == 2)
    got = [
        UdpDatagram.parse(event.payload, event.source, event.destination) for event in world.of("B", events.IpReceived)
    ]
    assert [(datagram.source_port, datagram.destination_port) for datagram in got] == [(500, 500), (4500, 4500)]
    assert {event.source for event in world.of("B", events.IpReceived)} == {nbma("A")}
    assert world.of("A", events.IpReceived) == []


@contract
def test_ipsec_may_be_served_at_an_address_of_no_wire(world: World) -> None:
    """A tunnel source may be a loopback: packets come in by any interface."""
    loopback = IPv4Address("10.0.1.99")
    world.execute("A", SetInterface("Loopback0", True, ((loopback, 32),)), ServeIpsec((nbma("A"), loopback)))
    datagram = UdpDatagram(source_port=500, destination_port=500, payload=b"to the loopback")
    world.execute("B", ServeIpsec((nbma("B"),)))
    peer = Peer(world, "A", OUTSIDE, port=500)
    packet = Ipv4Packet(
        source=peer.address,
        destination=loopback,
        protocol=IpProtocol.UDP,
        payload=datagram.serialize(peer.address, loopback),
    )
    world.inject("A", packet)
    world.until(lambda: bool(world.of("A", events.IpReceived)))
    assert world.of("A", events.IpReceived)[0].destination == loopback
    world.execute("A", ServeIpsec((nbma("A"),)))
    world.inject("A", packet)
    world.run(0.1)
    assert len(world.of("A", events.IpReceived)) == 1, "it is served no more"


# ------------------------------------------------------------------------------------------------ hosts


@on_kernels
def test_a_tunnel_that_shall_be_protected_and_cannot_be_made_so_does_not_go_on_in_clear(world: World) -> None:
    hub(world)
    spec = TunnelSpec(name="Tunnel0", source=nbma("A"), destination=None, key=KEY, mtu=1400)
    world.execute("A", SetTunnel(spec), SetAdjacency("Tunnel0", PEER_TUNNEL, IPv4Address(OUTSIDE)))
    with pytest.raises(EffectError):
        world.execute("A", SetTunnel(replace(spec, protected=True, source=IPv4Address("192.0.2.1"))))
    world.send("A", udp("A", PEER_HOST))
    world.run(0.1)
    assert IpProtocol.GRE not in {packet.protocol for packet in world.wire}


@on_kernels
def test_what_the_host_does_not_take_is_an_error_and_is_counted(world: World) -> None:
    peer = Peer(world, "A", OUTSIDE)
    hub(world, peer)
    world.execute("A", ServeIpsec(()))
    with pytest.raises(EffectError):
        world.execute("A", SendGre("Tunnel0", peer.address, GRE_NHRP, b"nhrp"))
    (count,) = counts(world, "A")
    assert (count.sent, count.unsent, drops(world, "A").unsent) == (1, 1, 1)


@pytest.mark.lab
@pytest.mark.parametrize("plane", REAL)
@pytest.mark.parametrize("port", [500, ENCAPSULATED])
def test_another_ike_daemon_on_the_host_is_named_as_the_reason(plane: str, port: int) -> None:
    def real() -> None:
        world = RealWorld(choose(plane))
        try:
            with world.inside("A"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind(("", port))
                with pytest.raises(EffectError, match=f"UDP port {port} on 10.0.1.1: another program has this port"):
                    world.execute("A", ServeIpsec((nbma("A"),)))
            world.execute("A", ServeIpsec((nbma("A"),)))
        finally:
            world.close()

    run_in_lab(real)
