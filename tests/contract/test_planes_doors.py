"""One source address in two front doors, as two providers may give it, and front doors that change under traffic."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from contract.peers import KEY, Peer, pair_of_sas
from contract.test_planes import TUNNEL, on_kernels
from contract.test_planes_vrfs import WAN, exchanged, joined, protected_tunnels, provider, tunnel, wan_in_a_vrf
from contract.worlds import DEFAULT, LAN, UNDERLAY, RealWorld, nbma
from dmvpn.base.effects import (
    GRE_NHRP,
    DfBit,
    InstallSa,
    InVrf,
    NextHop,
    RemoveSa,
    RemoveTunnel,
    SendGre,
    SendIp,
    ServeIpsec,
    SetAdjacency,
    SetInterface,
    SetRoute,
    SetTunnel,
    SetVrfs,
    TunnelSpec,
)
from dmvpn.base.events import ClearReceived, IpReceived, NhrpReceived, UnknownSpi
from dmvpn.net.gre import GreHeader
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.net.udp import UdpDatagram

if TYPE_CHECKING:
    from contract.worlds import World

#: The front door of a second customer: the same addresses are behind the other port.
OTHER = "OTHER"
FRONTS = {"Tunnel0": WAN, "Tunnel1": OTHER}


def two_front_doors(world: World, *, protected: bool = False, df: DfBit = DfBit.CLEAR) -> None:
    """A has one address in two front doors, and a tunnel with it in each."""
    wan_in_a_vrf(world, "A")
    world.execute(
        "A",
        SetVrfs((WAN, OTHER)),
        SetInterface(LAN, True, ((nbma("A"), 24),), vrf=OTHER),
        InVrf(OTHER, SetRoute(DEFAULT, (NextHop(LAN, provider("A")),))),
    )
    assert isinstance(world, RealWorld)
    world.be_provider("A", provider("A"))
    for name, front in FRONTS.items():
        if protected:
            world.execute("A", InVrf(front, ServeIpsec((nbma("A"),))))
        spec = TunnelSpec(
            name=name, source=nbma("A"), destination=None, key=KEY, mtu=1400, protected=protected, front=front, df=df
        )
        world.execute("A", SetTunnel(spec))
    world.events["A"].clear()


def _from_both(world: World, packet: Ipv4Packet) -> None:
    """The same packet comes to both front doors, first to the one of Tunnel0."""
    world.inject("A", packet)
    world.run(0.05)
    world.send("A", packet)


def _nhrp(payload: bytes) -> Ipv4Packet:
    gre = GreHeader(protocol_type=GRE_NHRP, key=KEY).serialize(payload)
    return Ipv4Packet(source=nbma("B"), destination=nbma("A"), protocol=IpProtocol.GRE, payload=gre)


@on_kernels
def test_two_tunnels_have_one_source_address_in_two_front_doors(world: World) -> None:
    two_front_doors(world)
    _from_both(world, _nhrp(b"hello"))
    world.until(lambda: len(world.of("A", NhrpReceived)) == 2)
    assert [heard.tunnel for heard in world.of("A", NhrpReceived)] == ["Tunnel0", "Tunnel1"]
    for name, where in (("Tunnel0", world.wire), ("Tunnel1", world.received["A"])):
        where.clear()
        world.execute("A", SendGre(name, nbma("B"), GRE_NHRP, name.encode()))
        world.until(lambda name=name, where=where: any(name.encode() in packet.payload for packet in where))  # type: ignore[misc]
    assert not any(b"Tunnel0" in packet.payload for packet in world.received["A"])


@on_kernels
def test_a_front_door_that_goes_leaves_the_other_one_with_the_same_address(world: World) -> None:
    two_front_doors(world)
    world.execute("A", RemoveTunnel("Tunnel0"), SetVrfs((OTHER,)))
    world.send("A", _nhrp(b"hello"))
    world.until(lambda: bool(world.of("A", NhrpReceived)))
    assert [heard.tunnel for heard in world.of("A", NhrpReceived)] == ["Tunnel1"]


@on_kernels
def test_ike_of_two_front_doors_with_one_address_is_told_apart(world: World) -> None:
    two_front_doors(world, protected=True)
    for port in (500, 4500):
        data = bytes(4) * (port == 4500) + b"IKE"
        payload = UdpDatagram(source_port=port, destination_port=port, payload=data).serialize(nbma("B"), nbma("A"))
        packet = Ipv4Packet(source=nbma("B"), destination=nbma("A"), protocol=IpProtocol.UDP, payload=payload)
        world.events["A"].clear()
        _from_both(world, packet)
        world.until(lambda: len(world.of("A", IpReceived)) == 2)
        assert [heard.vrf for heard in world.of("A", IpReceived)] == [WAN, OTHER]
        for front, where in ((WAN, world.wire), (OTHER, world.received["A"])):
            where.clear()
            back = UdpDatagram(source_port=port, destination_port=port, payload=bytes(4) + front.encode())
            order = SendIp(None, nbma("A"), nbma("B"), IpProtocol.UDP, back.serialize(nbma("A"), nbma("B")))
            world.execute("A", InVrf(front, order))
            world.until(lambda front=front, where=where: any(front.encode() in one.payload for one in where))  # type: ignore[misc]


@on_kernels
def test_peers_with_one_address_in_two_front_doors_are_two_peers(world: World) -> None:
    """Each has its SAs: what one sends opens at its own front door, and what is sent to it is sealed for it alone."""
    two_front_doors(world, protected=True)
    peers = [Peer(world, "A", str(nbma("B")), connection=number) for number in (7, 8)]
    for peer, front in zip(peers, FRONTS.values(), strict=True):
        peer.take(replace(peer.sa, front=front))
        world.execute("A", peer.install())
    esp = [peer.sealed(b"from a peer", GRE_NHRP) for peer in peers]
    packets = [Ipv4Packet(source=nbma("B"), destination=nbma("A"), protocol=IpProtocol.ESP, payload=one) for one in esp]
    world.inject("A", packets[1])  # its SA is the other customer's
    world.until(lambda: bool(world.of("A", UnknownSpi)))
    assert [heard.vrf for heard in world.of("A", UnknownSpi)] == [WAN]
    assert world.of("A", NhrpReceived) == []
    world.inject("A", packets[0])
    world.run(0.05)
    world.send("A", packets[1])
    world.until(lambda: len(world.of("A", NhrpReceived)) == 2)
    heard = [(one.tunnel, one.connection) for one in world.of("A", NhrpReceived)]
    assert heard == [("Tunnel0", 7), ("Tunnel1", 8)]
    for (name, peer), where in zip(zip(FRONTS, peers, strict=True), (world.wire, world.received["A"]), strict=True):
        where.clear()
        world.execute("A", SendGre(name, nbma("B"), GRE_NHRP, b"to a peer"))
        world.until(lambda where=where: any(one.protocol == IpProtocol.ESP for one in where))  # type: ignore[misc]
        spi = next(one.payload[:4] for one in where if one.protocol == IpProtocol.ESP)
        assert int.from_bytes(spi, "big") == peer.sa.spi_out


@on_kernels
def test_clear_gre_for_a_protected_tunnel_is_reported_with_its_front_door_of_two(world: World) -> None:
    two_front_doors(world, protected=True)
    _from_both(world, _nhrp(b"hello"))
    world.until(lambda: len(world.of("A", ClearReceived)) == 2)
    assert [heard.vrf for heard in world.of("A", ClearReceived)] == [WAN, OTHER]


def moved(world: World, front: str, *, protected: bool = False, removed: str) -> None:
    """The port of A, and its tunnel, go to another front door, and the former one goes."""
    world.execute(
        "A",
        SetVrfs((front, removed)),
        SetInterface(UNDERLAY, True, ((nbma("A"), 24),), vrf=front),
        InVrf(front, SetRoute(DEFAULT, (NextHop(UNDERLAY, provider("A")),))),
    )
    tunnel(world, "A", front=front, protected=protected)
    world.execute("A", SetVrfs((front,)))
    world.run(0.1)


@on_kernels
def test_a_tunnel_whose_front_door_changes_goes_on(world: World) -> None:
    """With the Python engine it sent nothing any more once its former front door was removed."""
    wan_in_a_vrf(world, "A", "B")
    for name, other in (("A", "B"), ("B", "A")):
        tunnel(world, name)
        joined(world, name, other)
    exchanged(world)
    for front, removed in ((OTHER, WAN), (WAN, OTHER)):
        moved(world, front, removed=removed)
        for received in world.received.values():
            received.clear()
        exchanged(world)


@on_kernels
def test_a_protected_tunnel_whose_front_door_changes_goes_on_with_new_sas(world: World) -> None:
    protected_tunnels(world)
    exchanged(world)
    ours, theirs = pair_of_sas("A", "B", number=2)
    moved(world, OTHER, removed=WAN, protected=True)
    world.execute("A", RemoveSa(pair_of_sas("A", "B")[0].spi_in), InVrf(OTHER, ServeIpsec((nbma("A"),))))
    world.execute("A", InstallSa(replace(ours, connection=9, front=OTHER), True))
    world.execute("B", InstallSa(replace(theirs, connection=9, front=WAN), True))
    for name, other in (("A", "B"), ("B", "A")):
        world.execute(name, SetAdjacency("Tunnel0", TUNNEL[other], nbma(other), 9))
        world.received[other].clear()
    exchanged(world)
    assert {packet.protocol for packet in world.wire} <= {IpProtocol.ESP, IpProtocol.ICMP}


@on_kernels
def test_a_path_that_is_narrow_in_one_front_door_is_as_wide_as_before_in_the_other(world: World) -> None:
    two_front_doors(world, df=DfBit.SET)
    world.execute("A", SetInterface(UNDERLAY, True, ((nbma("A"), 24),), mtu=1000, vrf=WAN))
    for _ in range(2):
        for name in FRONTS:
            world.execute("A", SendGre(name, nbma("B"), GRE_NHRP, bytes(1200)))
    world.until(lambda: sum(one.protocol == IpProtocol.GRE for one in world.received["A"]) == 2)
    whole = [one for one in world.received["A"] if one.protocol == IpProtocol.GRE]
    assert all(one.dont_fragment and len(one.payload) > 1200 for one in whole)
    assert all(len(one.payload) <= 980 for one in world.wire if one.protocol == IpProtocol.GRE)
