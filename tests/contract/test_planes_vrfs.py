"""VRFs on planes: front doors, leaks, and equal addresses."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from contract.peers import KEY, Peer, pair_of_sas
from contract.test_planes import TUNNEL, contract, hub_and_spokes, multipoint, on_kernels, only_icmp, only_udp, udp
from contract.worlds import DEFAULT, LAN, UNDERLAY, RealWorld, World, host, nbma
from dmvpn.base.addresses import Prefix
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
    SetCarrier,
    SetInterface,
    SetRoute,
    SetTunnel,
    SetVrfs,
    TunnelSpec,
)
from dmvpn.base.events import AddressAssigned, ClearReceived, IpReceived, LinkChanged, NhrpReceived, UnknownSpi
from dmvpn.base.streams import StreamListen, StreamOpen, StreamPeer, StreamUp
from dmvpn.dataplane.contract import EffectError
from dmvpn.net import icmp
from dmvpn.net.gre import GreHeader
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet

# VRFs on the data planes: the WAN in a front door, customers with the same addresses, ports that move.

WAN = "WAN"


def provider(name: str) -> IPv4Address:
    """The provider's address on the cable of a router."""
    return nbma(name) + 1


def wan_in_a_vrf(world: World, *names: str) -> None:
    """The port to the provider is in a VRF, with the default route."""
    for name in names:
        world.execute(
            name,
            SetVrfs((WAN,)),
            SetInterface(UNDERLAY, True, ((nbma(name), 24),), vrf=WAN),
            InVrf(WAN, SetRoute(DEFAULT, (NextHop(UNDERLAY, provider(name)),))),
        )
        world.until(lambda name=name: all(one.up for one in world.of(name, LinkChanged)[-1:]))  # type: ignore[misc]


def tunnel(
    world: World, name: str, *, protected: bool = False, front: str = WAN, vrf: str = "", df: DfBit = DfBit.CLEAR
) -> None:
    """An mGRE tunnel whose GRE leaves by the front door."""
    spec = TunnelSpec(
        name="Tunnel0",
        source=nbma(name),
        destination=None,
        key=KEY,
        mtu=1400,
        protected=protected,
        front=front,
        vrf=vrf,
        df=df,
    )
    world.execute(
        name,
        SetTunnel(spec),
        SetInterface("Tunnel0", True, ((TUNNEL[name], 24),), vrf=vrf),
        SetCarrier("Tunnel0", True),
    )


def joined(world: World, name: str, other: str, connection: int = 0, vrf: str = "") -> None:
    """The tunnel has the default route of the overlay."""
    route = SetRoute(DEFAULT, (NextHop("Tunnel0", TUNNEL[other]),))
    world.execute(
        name, SetAdjacency("Tunnel0", TUNNEL[other], nbma(other), connection), InVrf(vrf, route) if vrf else route
    )


def exchanged(world: World) -> None:
    """A packet of host A comes to host B, and one back."""
    for name, other in (("A", "B"), ("B", "A")):
        world.send(name, udp(name, host(other)))
        world.until(lambda other=other: len(only_udp(world.received[other])) == 1)  # type: ignore[misc]


@on_kernels
def test_a_tunnel_has_its_front_door_and_the_overlay_a_default_route_of_its_own(world: World) -> None:
    wan_in_a_vrf(world, "A", "B")
    for name, other in (("A", "B"), ("B", "A")):
        tunnel(world, name)
        joined(world, name, other)
    exchanged(world)
    assert all(packet.protocol == IpProtocol.GRE for packet in world.wire if packet.protocol != IpProtocol.ICMP)


@on_kernels
def test_a_vrf_with_a_tunnel_and_a_loopback_takes_six_descriptors(world: World) -> None:
    """It took fourteen, and a router with 70 VRFs came to the end of 1,024."""

    def descriptors(vrfs: int) -> int:
        names = tuple(f"V{number}" for number in range(vrfs))
        world.execute("A", SetVrfs(names))
        for number, name in enumerate(names):
            source = IPv4Address(f"172.31.0.{number}")
            spec = TunnelSpec(
                name=f"Tunnel{number}", source=source, destination=None, key=None, mtu=1400, front=name, vrf=name
            )
            world.execute("A", SetInterface(f"Loopback{number}", True, ((source, 32),), vrf=name), SetTunnel(spec))
        return len(os.listdir("/proc/self/fd"))

    few = descriptors(9)  # the descriptors of so many namespaces stay open
    assert descriptors(13) <= few + 4 * 6


def protected_tunnels(world: World) -> None:
    """Protected tunnels of A and B, behind front doors."""
    wan_in_a_vrf(world, "A", "B")
    for name, other, sa in zip("AB", "BA", pair_of_sas("A", "B"), strict=True):
        world.execute(name, InVrf(WAN, ServeIpsec((nbma(name),))))
        tunnel(world, name, protected=True)
        world.execute(name, InstallSa(replace(sa, front=WAN), True))
        joined(world, name, other, sa.connection)


@on_kernels
def test_a_protected_tunnel_has_its_front_door(world: World) -> None:
    protected_tunnels(world)
    exchanged(world)
    assert {packet.protocol for packet in world.wire} <= {IpProtocol.ESP, IpProtocol.ICMP}


@on_kernels
def test_a_front_door_that_was_removed_is_made_again_with_its_protection(world: World) -> None:
    protected_tunnels(world)
    for name, sa in zip("AB", pair_of_sas("A", "B"), strict=True):
        world.execute(name, SetVrfs(()), RemoveTunnel("Tunnel0"), RemoveSa(sa.spi_in))
    protected_tunnels(world)
    exchanged(world)


@on_kernels
def test_an_address_that_leaves_a_removed_front_door_is_protected_in_the_global_table(world: World) -> None:
    protected_tunnels(world)
    world.execute("A", SetVrfs(()), RemoveTunnel("Tunnel0"), SetInterface(UNDERLAY, True, ((nbma("A"), 24),)))
    world.execute("A", ServeIpsec((nbma("A"),)))
    tunnel(world, "A", protected=True, front="")


@on_kernels
def test_esp_in_udp_and_ike_use_the_front_door(world: World) -> None:
    wan_in_a_vrf(world, "A", "B")
    for name, other, sa in zip("AB", "BA", pair_of_sas("A", "B", port=4500), strict=True):
        world.execute(name, InVrf(WAN, ServeIpsec((nbma(name),))))
        tunnel(world, name, protected=True)
        world.execute(name, InstallSa(replace(sa, front=WAN), True))
        joined(world, name, other, sa.connection)
    exchanged(world)
    for port in (500, 4500):
        data = bytes(4) * (port == 4500) + b"IKE"
        payload = UdpDatagram(source_port=port, destination_port=port, payload=data).serialize(nbma("A"), nbma("B"))
        world.execute("A", InVrf(WAN, SendIp(None, nbma("A"), nbma("B"), IpProtocol.UDP, payload)))
    world.until(lambda: len(world.of("B", IpReceived)) == 2)
    assert {heard.vrf for heard in world.of("B", IpReceived)} == {WAN}


@on_kernels
def test_packets_with_df_outside_that_are_too_big_for_the_front_door_still_arrive(world: World) -> None:
    wan_in_a_vrf(world, "A", "B")
    for name, other in (("A", "B"), ("B", "A")):
        tunnel(world, name, df=DfBit.SET)
        joined(world, name, other)
    exchanged(world)
    sent = [packet for packet in world.wire if packet.protocol == IpProtocol.GRE]
    assert sent
    assert all(packet.dont_fragment for packet in sent)
    world.execute("A", SetInterface(UNDERLAY, True, ((nbma("A"), 24),), mtu=1000, vrf=WAN))
    world.send("A", udp("A", host("B"), size=1200))
    world.until(lambda: len(only_udp(world.received["B"])) == 2)


@on_kernels
def test_a_tunnel_is_in_one_vrf_and_its_gre_in_another(world: World) -> None:
    wan_in_a_vrf(world, "A", "B")
    for number, (name, other) in enumerate((("A", "B"), ("B", "A")), 1):
        world.execute(
            name, SetVrfs((WAN, "RED")), SetInterface(LAN, True, ((IPv4Address(f"192.168.{number}.1"), 24),), vrf="RED")
        )
        tunnel(world, name, vrf="RED")
        joined(world, name, other, vrf="RED")
    world.run(0.1)
    exchanged(world)


@on_kernels
def test_a_stream_in_a_vrf_says_where_it_is(world: World) -> None:
    wan_in_a_vrf(world, "A", "B")
    world.execute("A", InVrf(WAN, StreamListen(179, (StreamPeer(Prefix.of(nbma("B"), 32)),))))
    world.execute("B", InVrf(WAN, StreamOpen(2, nbma("B"), nbma("A"), 179)))
    for name in ("A", "B"):
        world.until(lambda name=name: bool(world.of(name, StreamUp)))  # type: ignore[misc]
        assert world.of(name, StreamUp)[0].vrf == WAN


@on_kernels
def test_the_same_address_in_two_vrfs_is_two(world: World) -> None:
    """Each VRF answers for it, and routes as its own table says."""
    wan_in_a_vrf(world, "A")
    world.execute(
        "A",
        SetInterface("Loopback0", True, ((IPv4Address("10.0.1.1"), 32),)),
        SetRoute(Prefix.parse("10.0.2.0/24"), (NextHop(LAN, host("A")),)),
        InVrf(WAN, SendIp(None, None, nbma("B"), IpProtocol.UDP, udp("A", nbma("B")).payload)),
    )
    world.until(lambda: any(packet.destination == nbma("B") for packet in world.wire))
    world.execute("A", SendIp(None, None, nbma("B"), IpProtocol.UDP, udp("A", nbma("B")).payload))
    world.until(lambda: any(packet.destination == nbma("B") for packet in world.received["A"]))


@on_kernels
def test_a_ping_in_a_vrf_is_answered_there(world: World) -> None:
    wan_in_a_vrf(world, "A")
    request = icmp.EchoRequest(identifier=1, sequence=1, payload=b"ping").serialize()
    world.execute("A", InVrf(WAN, SendIp(None, None, nbma("C"), IpProtocol.ICMP, request)))
    world.until(lambda: bool(world.of("A", IpReceived)))
    (heard,) = world.of("A", IpReceived)
    assert (heard.interface, heard.source, heard.vrf) == (UNDERLAY, nbma("C"), WAN)
    with pytest.raises(EffectError) as failure:
        world.execute("A", SendIp(None, None, nbma("C"), IpProtocol.ICMP, request))
    assert failure.value.errno == errno.ENETUNREACH


@on_kernels
def test_a_port_that_returns_to_the_global_table_works_there(world: World) -> None:
    wan_in_a_vrf(world, "A")
    world.execute(
        "A",
        SetVrfs(()),
        SetInterface(UNDERLAY, True, ((nbma("A"), 24),)),
        SetRoute(DEFAULT, (NextHop(UNDERLAY, provider("A")),)),
    )
    world.until(lambda: world.of("A", LinkChanged)[-1].up)
    tunnel(world, "A", front="")
    tunnel(world, "B", front="")
    world.execute("B", SetAdjacency("Tunnel0", TUNNEL["A"], nbma("A")))
    world.execute("B", SendGre("Tunnel0", nbma("A"), GRE_NHRP, b"hello"))
    world.until(lambda: bool(world.of("A", NhrpReceived)))


@on_kernels
def test_a_port_is_never_reported_gone_because_it_moved(world: World) -> None:
    wan_in_a_vrf(world, "A")
    world.events["A"].clear()
    for vrf in ("", WAN, "", WAN):
        world.execute("A", SetInterface(UNDERLAY, True, ((nbma("A"), 24),), vrf=vrf))
        world.run(0.1)
    assert all(change.hardware_address for change in world.of("A", LinkChanged)), (
        "a report of one that is gone has no hardware address"
    )
    world.until(lambda: world.of("A", LinkChanged)[-1].up)
    assert world.of("A", AddressAssigned) == []


@contract
def test_what_is_ordered_in_a_vrf_that_does_not_exist_fails_with_its_name(world: World) -> None:
    order = InVrf("NONE", SetRoute(DEFAULT, (NextHop(UNDERLAY, provider("A")),)))
    with pytest.raises(EffectError, match="NONE") as failure:
        world.execute("A", order)
    assert failure.value.effect == order


@contract
def test_an_error_that_passes_keeps_its_source_though_another_vrf_has_that_address(world: World) -> None:
    """A traceroute through the router ended at its tunnel address, where a VRF of it had the address of the station."""
    hub_and_spokes(world)
    world.execute("A", SetVrfs(("RED",)), SetInterface("Loopback0", True, ((host("A"), 32),), vrf="RED"))
    probe = udp("B", host("A")).serialize()
    answer = icmp.DestinationUnreachable(code=icmp.UnreachableCode.PORT, quoted=probe[:28])
    packet = Ipv4Packet(source=host("A"), destination=host("B"), protocol=IpProtocol.ICMP, payload=answer.serialize())
    world.send("A", packet)
    world.until(lambda: bool(only_icmp(world.received["B"])))
    assert [packet.source for packet in world.received["B"] if packet.protocol == IpProtocol.ICMP] == [host("A")]


@contract
def test_a_tunnel_without_an_address_forwards_nothing_of_its_peers(world: World) -> None:
    """With its VRF removed, it is in the global table: packets of its peers left by the provider's default route."""
    multipoint(world, "A")
    multipoint(world, "B")
    world.execute(
        "B",
        SetAdjacency("Tunnel0", TUNNEL["A"], nbma("A")),
        SetRoute(Prefix.parse("192.168.1.0/24"), (NextHop("Tunnel0", TUNNEL["A"]),)),
    )
    world.execute("A", SetInterface("Tunnel0", True, ()))
    world.run(0.1)
    world.send("B", udp("B", host("A")))
    world.run(0.5)
    assert only_udp(world.received["A"]) == []
    world.execute("A", SetInterface("Tunnel0", True, ((TUNNEL["A"], 24),)))
    world.run(0.1)
    world.send("B", udp("B", host("A")))
    world.until(lambda: len(only_udp(world.received["A"])) == 1)


# One source address in two front doors, as two providers may give it, and front doors that change under traffic.

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
