"""What every data plane does, on each of them: the same test, simulated and with real packets."""

from __future__ import annotations

import errno
import functools
import importlib.util
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, ip_address, ip_interface, ip_network
from types import MappingProxyType

import pytest
from _pytest.mark import ParameterSet

from contract.worlds import LAN, UNDERLAY, RealWorld, SimulatedWorld, World, host, nbma
from dmvpn.base import effects
from dmvpn.base.addresses import Prefix
from dmvpn.base.events import (
    Hairpin,
    InterfacesCounted,
    IpReceived,
    KeepaliveReceived,
    NhrpReceived,
    PeerUsage,
    Unresolved,
    UsageReported,
)
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.engines import choose
from dmvpn.features.interface.facts import InterfaceFacts
from dmvpn.features.rib.facts import HopFacts, RouteFacts
from dmvpn.net import icmp
from dmvpn.net.gre import GreHeader
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet, checksum, pseudo_header
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.shells.facts import HostFacts, LabFacts, LinkFacts
from dmvpn.shells.lab.namespaces import run_in_lab
from dmvpn.tools.walk import walk

TUNNEL = {"A": IPv4Address("172.16.0.1"), "B": IPv4Address("172.16.0.2"), "C": IPv4Address("172.16.0.3")}
Contract = Callable[[World], None]
NO_ENGINE = importlib.util.find_spec("dmvpn_engine") is None
Planes = str | ParameterSet
REAL: list[Planes] = [
    pytest.param("python", marks=pytest.mark.lab),
    pytest.param(
        "rust", marks=[pytest.mark.lab, pytest.mark.skipif(NO_ENGINE, reason="dmvpn-engine is not installed")]
    ),
]
PLANES: list[Planes] = ["simulated", *REAL]


def on_planes(planes: list[Planes]) -> Callable[[Contract], Callable[[str], None]]:
    """Return the decorator that runs a test on these planes."""

    def decorate(test: Contract) -> Callable[[str], None]:
        @pytest.mark.parametrize("plane", planes)
        @functools.wraps(test)
        def on_plane(plane: str) -> None:
            if plane == "simulated":
                test(SimulatedWorld())
                return

            def real() -> None:
                world = RealWorld(choose(plane))
                try:
                    test(world)
                finally:
                    world.close()

            run_in_lab(real)

        del on_plane.__wrapped__  # pytest would ask for a fixture "world"
        return on_plane

    return decorate


#: Of tests for every plane, and of tests for the planes of a kernel.
contract = on_planes(PLANES)
on_kernels = on_planes(REAL)


def multipoint(world: World, name: str, *, key: int | None = 100, mtu: int = 1400, mss: int | None = None) -> None:
    """An mGRE tunnel with its address, up."""
    spec = effects.TunnelSpec(name="Tunnel0", source=nbma(name), destination=None, key=key, mtu=mtu, mss=mss)
    world.execute(
        name,
        effects.SetTunnel(spec),
        effects.SetInterface("Tunnel0", True, ((TUNNEL[name], 24),)),
        effects.SetCarrier("Tunnel0", True),
        effects.SetHairpin("Tunnel0", 1, True),
    )


def joined(world: World, *, key: int | None = 7, checksum: bool = False, sequence: bool = False) -> None:
    """A and B with a point-to-point tunnel between them, and routes to their LANs."""
    for name, far in (("A", "B"), ("B", "A")):
        spec = effects.TunnelSpec(
            name="Tunnel0",
            source=nbma(name),
            destination=nbma(far),
            key=key,
            mtu=1464,
            checksum=checksum,
            sequence=sequence,
        )
        world.execute(
            name,
            effects.SetTunnel(spec),
            effects.SetInterface("Tunnel0", True, ((TUNNEL[name], 24),)),
            effects.SetCarrier("Tunnel0", True),
            effects.SetRoute(Prefix.of(host(far), 24), (effects.NextHop("Tunnel0", TUNNEL[far]),)),
        )


def hub_and_spokes(world: World, *, mtu: int = 1400, mss: int | None = None) -> None:
    """B and C send everything through A, which knows both."""
    for name in TUNNEL:
        multipoint(world, name, mtu=mtu, mss=mss)
    lans = {name: Prefix.of(host(name), 24) for name in TUNNEL}
    for name in ("B", "C"):
        world.execute("A", effects.SetAdjacency("Tunnel0", TUNNEL[name], nbma(name)))
        world.execute("A", effects.SetRoute(lans[name], (effects.NextHop("Tunnel0", TUNNEL[name]),)))
        world.execute(name, effects.SetAdjacency("Tunnel0", TUNNEL["A"], nbma("A")))
        world.execute(
            name, effects.SetRoute(Prefix.parse("192.168.0.0/16"), (effects.NextHop("Tunnel0", TUNNEL["A"]),))
        )


def udp(source: str, destination: IPv4Address, *, size: int = 32, ttl: int = 64, df: bool = False) -> Ipv4Packet:
    """A UDP packet of a host. size: octets of data."""
    payload = UdpDatagram(source_port=4000, destination_port=5000, payload=bytes(size))
    return Ipv4Packet(
        source=host(source),
        destination=destination,
        protocol=IpProtocol.UDP,
        payload=payload.serialize(host(source), destination),
        ttl=ttl,
        identification=7,
        flags=Ipv4Flag.DONT_FRAGMENT if df else Ipv4Flag(0),
    )


def only_udp(packets: list[Ipv4Packet]) -> list[Ipv4Packet]:
    return [packet for packet in packets if packet.protocol == IpProtocol.UDP]


def only_icmp(packets: list[Ipv4Packet]) -> list[icmp.IcmpMessage]:
    return [icmp.parse(packet.payload) for packet in packets if packet.protocol == IpProtocol.ICMP]


@contract
def test_a_packet_goes_from_lan_to_lan_through_the_hub_and_loses_three_hops(world: World) -> None:
    hub_and_spokes(world)
    world.send("B", udp("B", host("C"), ttl=64))
    world.until(lambda: bool(only_udp(world.received["C"])))
    assert [packet.ttl for packet in only_udp(world.received["C"])] == [61]


@contract
def test_a_tunnel_may_have_an_mtu_too_small_for_ipv6(world: World) -> None:
    hub_and_spokes(world, mtu=1200)
    world.send("B", udp("B", host("C"), size=1000))
    world.until(lambda: bool(only_udp(world.received["C"])))


@contract
def test_a_packet_goes_directly_once_adjacency_and_route_say_so(world: World) -> None:
    hub_and_spokes(world)
    world.execute(
        "B",
        effects.SetAdjacency("Tunnel0", TUNNEL["C"], nbma("C")),
        effects.SetRoute(Prefix.of(host("C"), 24), (effects.NextHop("Tunnel0", TUNNEL["C"]),)),
    )
    world.send("B", udp("B", host("C"), ttl=64))
    world.until(lambda: bool(only_udp(world.received["C"])))
    assert [packet.ttl for packet in only_udp(world.received["C"])] == [62]


@contract
def test_the_first_hairpinned_packet_of_a_pair_is_reported_with_its_previous_hop(world: World) -> None:
    hub_and_spokes(world)
    for _ in range(3):
        world.send("B", udp("B", host("C"), ttl=64))
    world.until(lambda: len(only_udp(world.received["C"])) == 3)
    (hairpin,) = world.of("A", Hairpin)
    assert (hairpin.tunnel, hairpin.out_tunnel, hairpin.nbma) == ("Tunnel0", "Tunnel0", nbma("B"))
    assert hairpin.packet[8] == 62, "the TTL after the hub's decrement"
    assert hairpin.packet[12:20] == host("B").packed + host("C").packed


@contract
def test_traffic_to_the_hubs_own_lan_is_no_hairpin(world: World) -> None:
    hub_and_spokes(world)
    world.send("B", udp("B", host("A")))
    world.until(lambda: bool(only_udp(world.received["A"])))
    assert world.of("A", Hairpin) == []


@contract
def test_a_packet_for_an_unknown_next_hop_waits_and_is_asked_about_once(world: World) -> None:
    hub_and_spokes(world)
    world.execute("B", effects.SetRoute(Prefix.of(host("C"), 24), (effects.NextHop("Tunnel0", TUNNEL["C"]),)))
    for _ in range(3):
        world.send("B", udp("B", host("C")))
    world.until(lambda: bool(world.of("B", Unresolved)))
    world.run(0.1)
    assert world.of("B", Unresolved) == [Unresolved("Tunnel0", TUNNEL["C"])]
    world.execute("B", effects.SetAdjacency("Tunnel0", TUNNEL["C"], nbma("C")))
    world.until(lambda: len(only_udp(world.received["C"])) == 3)


@contract
def test_a_next_hop_that_nobody_resolves_is_given_up_and_the_sender_hears_of_it(world: World) -> None:
    hub_and_spokes(world)
    world.execute("B", effects.SetRoute(Prefix.of(host("C"), 24), (effects.NextHop("Tunnel0", TUNNEL["C"]),)))
    world.send("B", udp("B", host("C")))
    world.until(lambda: bool(only_icmp(world.received["B"])), seconds=4)
    (message,) = only_icmp(world.received["B"])
    assert isinstance(message, icmp.DestinationUnreachable)
    assert message.code == icmp.UnreachableCode.HOST


@contract
def test_a_forgotten_adjacency_is_asked_about_again(world: World) -> None:
    hub_and_spokes(world)
    world.execute("B", effects.ClearAdjacency("Tunnel0", TUNNEL["A"]))
    world.send("B", udp("B", host("C")))
    world.until(lambda: bool(world.of("B", Unresolved)))
    assert world.of("B", Unresolved)[0] == Unresolved("Tunnel0", TUNNEL["A"])


@contract
def test_nhrp_goes_straight_to_an_nbma_address_and_arrives_with_the_true_sender(world: World) -> None:
    for name in ("A", "B"):
        multipoint(world, name)
    world.execute("B", effects.SendGre("Tunnel0", nbma("A"), effects.GRE_NHRP, b"not really NHRP"))
    world.until(lambda: bool(world.of("A", NhrpReceived)))
    assert world.of("A", NhrpReceived) == [NhrpReceived("Tunnel0", nbma("B"), b"not really NHRP")]


@contract
def test_a_packet_with_another_key_reaches_no_tunnel(world: World) -> None:
    multipoint(world, "A", key=100)
    multipoint(world, "B", key=101)
    world.execute("B", effects.SendGre("Tunnel0", nbma("A"), effects.GRE_NHRP, b"with the wrong key"))
    world.run(0.2)
    assert world.of("A", NhrpReceived) == []


@contract
def test_two_tunnels_on_one_source_are_told_apart_by_their_keys(world: World) -> None:
    multipoint(world, "A", key=100)
    second = effects.TunnelSpec(name="Tunnel1", source=nbma("A"), destination=None, key=101, mtu=1400)
    world.execute("A", effects.SetTunnel(second), effects.SetCarrier("Tunnel1", True))
    multipoint(world, "B", key=101)
    world.execute("B", effects.SendGre("Tunnel0", nbma("A"), effects.GRE_NHRP, b"for the second"))
    world.until(lambda: bool(world.of("A", NhrpReceived)))
    assert [event.tunnel for event in world.of("A", NhrpReceived)] == ["Tunnel1"]


@contract
def test_multicast_is_copied_to_every_neighbor_of_the_list(world: World) -> None:
    group = IPv4Address("224.0.0.10")
    for name in TUNNEL:
        multipoint(world, name)
        world.execute(name, effects.Listen("Tunnel0", 88, group))
    world.execute("A", effects.SetMulticast("Tunnel0", (nbma("B"), nbma("C"))))
    world.execute("A", effects.SendIp("Tunnel0", TUNNEL["A"], group, 88, b"a hello", ttl=1, tos=0xC0))
    world.until(lambda: bool(world.of("B", IpReceived) and world.of("C", IpReceived)))
    for name in ("B", "C"):
        (event,) = world.of(name, IpReceived)
        assert (event.interface, event.source, event.protocol, event.payload) == (
            "Tunnel0",
            TUNNEL["A"],
            88,
            b"a hello",
        )
        assert (event.ttl, event.tos) == (1, 0xC0)
    assert world.of("A", IpReceived) == [], "not to ourselves"


@contract
def test_a_packet_larger_than_the_tunnel_goes_in_fragments_to_everybody_and_arrives_whole(world: World) -> None:
    """An advertisement of OSPF that a hub makes of 150 neighbors is larger than any packet of its tunnel."""
    group = IPv4Address("224.0.0.5")
    for name in TUNNEL:
        multipoint(world, name)
        world.execute(name, effects.Listen("Tunnel0", 89, group))
    world.execute(
        "A",
        effects.SetMulticast("Tunnel0", (nbma("B"), nbma("C"))),
        effects.SetAdjacency("Tunnel0", TUNNEL["B"], nbma("B")),
    )
    payloads = [bytes(number % 251 for number in range(octets)) for octets in (1381, 4000, 65_000)]
    for payload in payloads:
        world.execute("A", effects.SendIp("Tunnel0", TUNNEL["A"], group, 89, payload, ttl=1, tos=0xC0))
    world.until(lambda: all(len(world.of(name, IpReceived)) == len(payloads) for name in ("B", "C")))
    world.execute("A", effects.SendIp("Tunnel0", TUNNEL["A"], TUNNEL["B"], 89, payloads[1], ttl=1, tos=0xC0))
    world.until(lambda: len(world.of("B", IpReceived)) == 4)
    assert [event.payload for event in world.of("C", IpReceived)] == payloads
    assert [event.payload for event in world.of("B", IpReceived)] == [*payloads, payloads[1]]
    assert {(event.interface, event.source) for event in world.of("B", IpReceived)} == {("Tunnel0", TUNNEL["A"])}


def say_goodbyes(world: World, end: effects.Effect) -> None:
    """A sends something by multicast, and its tunnel ends."""
    group = IPv4Address("224.0.0.10")
    for name in ("A", "B"):
        multipoint(world, name)
        world.execute(name, effects.Listen("Tunnel0", 88, group))
    world.execute("A", effects.SetMulticast("Tunnel0", (nbma("B"),)))
    goodbyes = [effects.SendIp("Tunnel0", TUNNEL["A"], group, 88, b"goodbye %d" % number, ttl=1) for number in range(5)]
    world.execute("A", *goodbyes, end)
    world.until(lambda: len(world.of("B", IpReceived)) == 5)


@contract
def test_what_was_sent_just_before_a_tunnel_goes_down_still_leaves(world: World) -> None:
    """Goodbyes stayed in the TAP."""
    say_goodbyes(world, effects.SetCarrier("Tunnel0", False))


@contract
def test_what_was_sent_just_before_a_tunnel_is_removed_still_leaves(world: World) -> None:
    say_goodbyes(world, effects.RemoveTunnel("Tunnel0"))


@contract
def test_a_routing_protocol_over_udp_hears_its_group_on_its_interface(world: World) -> None:
    group = IPv4Address("224.0.0.9")
    for name in ("A", "B"):
        multipoint(world, name)
        world.execute(name, effects.Listen("Tunnel0", IpProtocol.UDP, group, 520))
    world.execute("A", effects.SetMulticast("Tunnel0", (nbma("B"),)))
    datagram = UdpDatagram(source_port=520, destination_port=520, payload=b"a response").serialize(TUNNEL["A"], group)
    world.execute("A", effects.SendIp("Tunnel0", TUNNEL["A"], group, IpProtocol.UDP, datagram, ttl=1))
    world.until(lambda: bool(world.of("B", IpReceived)))
    (event,) = world.of("B", IpReceived)
    received = UdpDatagram.parse(event.payload, event.source, event.destination)
    assert (received.source_port, received.destination_port, received.payload) == (520, 520, b"a response")


@contract
def test_an_echo_to_the_far_tunnel_address_is_answered(world: World) -> None:
    hub_and_spokes(world)
    request = icmp.EchoRequest(identifier=99, sequence=1, payload=b"probe")
    world.execute("B", effects.SendIp(None, TUNNEL["B"], TUNNEL["A"], IpProtocol.ICMP, request.serialize()))
    world.until(lambda: bool(world.of("B", IpReceived)))
    assert [icmp.parse(event.payload) for event in world.of("B", IpReceived)] == [request.reply()]


@contract
def test_an_echo_of_another_router_is_answered_and_reported_and_one_of_anybody_else_only_answered(world: World) -> None:
    """A router checks its direct paths with echoes that are marked internetwork control."""
    hub_and_spokes(world)
    for number, tos in ((1, 0), (2, 0xC0)):
        request = icmp.EchoRequest(identifier=99, sequence=number)
        world.execute(
            "B", effects.SendIp(None, TUNNEL["B"], TUNNEL["A"], IpProtocol.ICMP, request.serialize(), tos=tos)
        )
    world.until(lambda: len(world.of("B", IpReceived)) == 2)
    (event,) = world.of("A", IpReceived)
    assert (event.interface, event.source, event.tos) == ("Tunnel0", TUNNEL["B"], 0xC0)
    assert icmp.parse(event.payload) == icmp.EchoRequest(identifier=99, sequence=2)


@contract
def test_a_probe_can_be_sent_straight_to_an_nbma_address_past_all_tables(world: World) -> None:
    for name in ("B", "C"):
        multipoint(world, name)
    world.execute("C", effects.SetAdjacency("Tunnel0", TUNNEL["B"], nbma("B")))
    request = icmp.EchoRequest(identifier=5, sequence=1)
    packet = Ipv4Packet(
        source=TUNNEL["B"], destination=TUNNEL["C"], protocol=IpProtocol.ICMP, payload=request.serialize()
    )
    world.execute("B", effects.SendGre("Tunnel0", nbma("C"), effects.GRE_IPV4, packet.serialize()))
    world.until(lambda: bool(world.of("B", IpReceived)))
    assert [icmp.parse(event.payload) for event in world.of("B", IpReceived)] == [request.reply()]


@contract
def test_a_packet_that_dies_on_the_hub_is_reported_from_its_tunnel_address(world: World) -> None:
    hub_and_spokes(world)
    world.send("B", udp("B", host("C"), ttl=2))
    world.until(lambda: bool(only_icmp(world.received["B"])))
    (answer,) = [packet for packet in world.received["B"] if packet.protocol == IpProtocol.ICMP]
    assert isinstance(icmp.parse(answer.payload), icmp.TimeExceeded)
    assert answer.source == TUNNEL["A"]


@contract
def test_port_unreachable_comes_from_the_tunnel_address_whatever_address_was_probed(world: World) -> None:
    hub_and_spokes(world)
    world.send("B", udp("B", IPv4Address("192.168.3.1")))
    world.until(lambda: bool(only_icmp(world.received["B"])))
    (answer,) = [packet for packet in world.received["B"] if packet.protocol == IpProtocol.ICMP]
    message = icmp.parse(answer.payload)
    assert isinstance(message, icmp.DestinationUnreachable)
    assert message.code == icmp.UnreachableCode.PORT
    assert answer.source == TUNNEL["C"]


@contract
def test_a_packet_too_big_that_may_not_be_cut_is_refused_with_the_tunnels_mtu(world: World) -> None:
    hub_and_spokes(world, mtu=1400)
    world.send("B", udp("B", host("C"), size=1400, df=True))
    world.until(lambda: bool(only_icmp(world.received["B"])))
    (message,) = only_icmp(world.received["B"])
    assert isinstance(message, icmp.DestinationUnreachable)
    assert (message.code, message.next_hop_mtu) == (icmp.UnreachableCode.FRAGMENTATION_NEEDED, 1400)


def facts_of(mtu: int) -> LabFacts:
    """The facts of hub and spokes, of their hosts, and of the provider."""
    networks = {name: ip_interface(f"{host(name)}/24").network for name in TUNNEL}
    provider = {f"GigabitEthernet0/{number}": f"10.0.{number}.2" for number in (1, 2, 3)}
    routers: dict[str, RouterFacts | None] = {"P": router_facts(provider)}
    for number, name in enumerate(TUNNEL, 1):
        others = ("B", "C") if name == "A" else ("A",)
        ports = {UNDERLAY: str(nbma(name)), LAN: f"192.168.{number}.1", "Tunnel0": str(TUNNEL[name])}
        ways: dict[str, tuple[str, IPv4Address]] = {"0.0.0.0/0": (UNDERLAY, IPv4Address(f"10.0.{number}.2"))}
        for other in others:
            ways[str(networks[other]) if name == "A" else "192.168.0.0/16"] = ("Tunnel0", TUNNEL[other])
        routers[name] = router_facts(ports, ways, tuple((TUNNEL[other], nbma(other), 0) for other in others), mtu)
    hosts = {
        f"H{name}": HostFacts(
            address=ip_interface(f"{host(name)}/24"), gateway=IPv4Address(f"192.168.{n}.1"), router=name
        )
        for n, name in enumerate(TUNNEL, 1)
    }
    ends = [((name, UNDERLAY), ("P", f"GigabitEthernet0/{n}")) for n, name in enumerate(TUNNEL, 1)]
    ends += [((name, LAN), (f"H{name}", "eth0")) for name in TUNNEL]
    links = tuple(LinkFacts(name=f"{one[0]} -- {other[0]}", ends=(one, other), cut=False) for one, other in ends)
    return LabFacts(routers=routers, gateways={}, hosts=hosts, links=links)


def router_facts(
    ports: dict[str, str],
    ways: Mapping[str, tuple[str, IPv4Address]] = MappingProxyType({}),
    adjacencies: tuple[tuple[IPv4Address, IPv4Address, int], ...] = (),
    mtu: int = 1500,
) -> RouterFacts:
    """A router with these addresses, routes and neighbors."""
    interfaces = tuple(
        InterfaceFacts(
            name=name,
            enabled=True,
            line=True,
            addresses=(ip_interface(f"{address}/24"),),
            ip_mtu=mtu if name == "Tunnel0" else 1500,
        )
        for name, address in ports.items()
    )
    hops = [(own.network, it.name, None) for it in interfaces for own in it.addresses]
    routes = [*hops, *((ip_network(prefix), *way) for prefix, way in ways.items())]
    tunnel = TunnelFacts(
        name="Tunnel0",
        up=True,
        addresses=(),
        source=ip_address(ports.get(UNDERLAY, "0.0.0.0")),
        source_interface=UNDERLAY,
        destination=None,
        key=100,
        nhrp=True,
        network_id=1,
        adjacencies=adjacencies,
    )
    return RouterFacts(
        interfaces=interfaces,
        tunnels=(tunnel,) if adjacencies else (),
        routes=tuple(
            RouteFacts(
                prefix=prefix,
                source="static",
                distance=1,
                metric=0,
                next_hops=(HopFacts(address=address, interface=interface),),
            )
            for prefix, interface, address in routes
        ),
    )


@contract
def test_a_walk_says_what_a_plane_does(world: World) -> None:
    """The box that a walk runs is one of these planes: the others are its witnesses."""
    hub_and_spokes(world, mtu=1400)
    lab = facts_of(1400)
    for size, df in ((100, False), (1400, True), (1401, True), (1401, False), (1500, False)):
        for heard in (world.wire, world.received["B"], world.received["C"]):
            heard.clear()
        path = walk(lab, "HB", "HC", size=size, df=df, service=(IpProtocol.UDP, 5000)).forth
        wires = {crossing.sender: list(crossing.octets) for crossing in path.crossings if crossing.receiver == "P"}
        world.send("B", udp("B", host("C"), size=size - 28, df=df))
        if path.end.refusal is not None:
            world.until(lambda: bool(only_icmp(world.received["B"])))
            (message,) = only_icmp(world.received["B"])
            assert getattr(message, "next_hop_mtu", 0) == path.end.refusal.mtu
        else:
            pieces = len(path.crossings[-1].octets)
            world.until(lambda count=pieces: len(only_udp(world.received["C"])) >= count)  # type: ignore[misc]
            assert only_udp(world.received["C"])[0].ttl == path.end.ttl
        for name in ("A", "B"):
            seen = [len(packet.serialize()) for packet in world.wire if packet.source == nbma(name)]
            assert seen == wires.get(name, []), (size, df)


@contract
def test_a_packet_too_big_is_cut_before_encapsulation(world: World) -> None:
    hub_and_spokes(world, mtu=1400)
    world.send("B", udp("B", host("C"), size=1460))
    world.until(lambda: len(only_udp(world.received["C"])) >= 2)
    pieces = only_udp(world.received["C"])
    assert sum(len(piece.payload) for piece in pieces) == 1460 + 8
    assert all(20 + len(piece.payload) <= 1400 for piece in pieces)


@contract
def test_the_maximum_segment_size_of_a_passing_syn_is_lowered(world: World) -> None:
    hub_and_spokes(world, mss=1360)
    syn = bytes.fromhex("0fa0138800000001000000006002200000000000020405b4")
    pseudo = pseudo_header(host("B"), host("C"), IpProtocol.TCP, len(syn))
    syn = syn[:16] + checksum(pseudo + syn).to_bytes(2, "big") + syn[18:]
    packet = Ipv4Packet(source=host("B"), destination=host("C"), protocol=IpProtocol.TCP, payload=syn, identification=1)
    world.send("B", packet)
    world.until(lambda: any(p.protocol == IpProtocol.TCP for p in world.received["C"]))
    (received,) = [p for p in world.received["C"] if p.protocol == IpProtocol.TCP]
    assert received.payload[20:24] == b"\x02\x04" + (1360).to_bytes(2, "big")
    assert checksum(pseudo + received.payload) == 0


@contract
def test_a_discarded_prefix_swallows_packets_and_an_unreachable_one_says_so(world: World) -> None:
    for prefix, kind in (
        ("198.18.1.0/24", effects.RouteKind.DISCARD),
        ("198.18.2.0/24", effects.RouteKind.UNREACHABLE),
    ):
        world.execute("B", effects.SetRoute(Prefix.parse(prefix), (), kind))
    world.send("B", udp("B", IPv4Address("198.18.1.1")))
    world.send("B", udp("B", IPv4Address("198.18.2.1")))
    world.until(lambda: bool(only_icmp(world.received["B"])))
    world.run(0.1)
    (message,) = only_icmp(world.received["B"])
    assert isinstance(message, icmp.DestinationUnreachable)
    assert message.quoted[16:20] == IPv4Address("198.18.2.1").packed


@contract
def test_a_cleared_route_gives_way_to_the_shorter_one(world: World) -> None:
    hub_and_spokes(world)
    longer = Prefix.of(host("C"), 24)
    world.execute("B", effects.SetRoute(longer, (), effects.RouteKind.DISCARD), effects.ClearRoute(longer))
    world.send("B", udp("B", host("C")))
    world.until(lambda: bool(only_udp(world.received["C"])))


@contract
def test_keepalives_of_a_point_to_point_tunnel_come_back(world: World) -> None:
    joined(world, key=None)
    world.execute("A", effects.SendKeepalive("Tunnel0"))
    world.until(lambda: bool(world.of("A", KeepaliveReceived)))
    assert world.of("A", KeepaliveReceived) == [KeepaliveReceived("Tunnel0")]
    assert world.of("B", KeepaliveReceived) == []


@contract
def test_keepalives_come_back_from_a_far_end_whose_own_line_is_down(world: World) -> None:
    """Two ends with keepalives that both gave up could never come up again otherwise."""
    joined(world, key=5)
    for name in ("A", "B"):
        world.execute(name, effects.SetCarrier("Tunnel0", False))
    world.execute("A", effects.SendKeepalive("Tunnel0"))
    world.until(lambda: bool(world.of("A", KeepaliveReceived)))


@contract
def test_a_point_to_point_tunnel_needs_no_adjacency(world: World) -> None:
    joined(world)
    world.send("A", udp("A", host("B"), ttl=64))
    world.until(lambda: bool(only_udp(world.received["B"])))
    assert only_udp(world.received["B"])[0].ttl == 62


@contract
def test_a_tunnel_with_checksums_and_numbers_carries_packets(world: World) -> None:
    joined(world, checksum=True, sequence=True)
    for _ in range(3):
        world.send("A", udp("A", host("B"), size=1400))
        world.send("B", udp("B", host("A")))
    world.execute("A", effects.SendGre("Tunnel0", nbma("B"), effects.GRE_NHRP, b"of the router's own"))
    world.until(lambda: len(only_udp(world.received["B"])) == 3 and len(only_udp(world.received["A"])) == 3)
    world.until(lambda: bool(world.of("B", NhrpReceived)))


@contract
def test_a_packet_that_comes_out_of_order_is_dropped_where_packets_are_numbered(world: World) -> None:
    joined(world, sequence=True)
    for number in (6, 5, 6, 7, 0, 1, 60_000, None):
        header = GreHeader(protocol_type=effects.GRE_NHRP, key=7, sequence=number)
        packet = effects.SendIp(None, nbma("B"), nbma("A"), IpProtocol.GRE, header.serialize(str(number).encode()))
        world.execute("B", packet)
    world.until(lambda: len(world.of("A", NhrpReceived)) == 6)
    world.run(0.2)
    assert [event.data for event in world.of("A", NhrpReceived)] == [b"6", b"7", b"0", b"1", b"60000", b"None"]


@contract
def test_packets_are_counted_by_nbma_address(world: World) -> None:
    hub_and_spokes(world)
    for _ in range(4):
        world.send("B", udp("B", host("C")))
    world.until(lambda: len(only_udp(world.received["C"])) == 4)
    world.execute("A", effects.PollUsage("Tunnel0"))
    world.until(lambda: bool(world.of("A", UsageReported)))
    (report,) = world.of("A", UsageReported)
    usage = {peer.nbma: peer for peer in report.peers}
    assert usage[nbma("B")] == PeerUsage(nbma("B"), sent=0, received=4, received_octets=4 * 60)
    assert usage[nbma("C")] == PeerUsage(nbma("C"), sent=4, received=0, sent_octets=4 * 60)
    asked = world.counting("A")
    assert {peer.nbma: peer for peer in asked.usage("Tunnel0")} == usage
    assert asked.usage("Tunnel9") == ()


@contract
def test_packets_and_octets_are_counted_by_interface(world: World) -> None:
    hub_and_spokes(world)
    world.execute("A", effects.PollInterfaces())
    world.until(lambda: bool(world.of("A", InterfacesCounted)))
    for _ in range(4):
        world.send("B", udp("B", host("C")))
    world.until(lambda: len(only_udp(world.received["C"])) == 4)
    world.execute("A", effects.PollInterfaces())
    world.until(lambda: len(world.of("A", InterfacesCounted)) == 2)
    before, after = ({c.interface: c for c in report.counts} for report in world.of("A", InterfacesCounted))
    for interface in ("Tunnel0", UNDERLAY):
        old, new = before[interface], after[interface]
        # The kernel may have something of its own to send on the wire (ARP, IGMP), not in the tunnel.
        assert new.received - old.received >= 4
        assert new.sent - old.sent >= 4
        assert new.received_octets - old.received_octets >= 4 * 28
        assert new.sent_octets - old.sent_octets >= 4 * 28


@contract
def test_a_show_reads_the_counters_of_this_moment_and_nobody_else_hears_of_it(world: World) -> None:
    hub_and_spokes(world)
    for _ in range(4):
        world.send("B", udp("B", host("C")))
    world.until(lambda: len(only_udp(world.received["C"])) == 4)
    answer = world.counting("A").interfaces_counted()
    assert answer is not None
    assert {count.interface: count.received for count in answer.counts}["Tunnel0"] >= 4
    assert world.of("A", InterfacesCounted) == []


@contract
def test_a_tunnel_without_carrier_forwards_nothing(world: World) -> None:
    hub_and_spokes(world)
    world.execute("B", effects.SetCarrier("Tunnel0", False), effects.ClearRoute(Prefix.parse("192.168.0.0/16")))
    world.send("B", udp("B", host("C")))
    world.run(0.3)
    assert only_udp(world.received["C"]) == []


@contract
def test_gre_whose_checksum_linux_left_to_a_network_card_is_taken(world: World) -> None:
    multipoint(world, "A")
    header = GreHeader(protocol_type=effects.GRE_NHRP, has_checksum=True, key=100)
    octets = header.serialize(b"registration")
    for field in (b"\0\0", octets[4:6], b"\x12\x34"):
        world.execute("B", effects.SendIp(None, nbma("B"), nbma("A"), IpProtocol.GRE, octets[:4] + field + octets[6:]))
    world.until(lambda: len(world.of("A", NhrpReceived)) == 2)
    world.run(0.2)
    assert world.of("A", NhrpReceived) == [NhrpReceived("Tunnel0", nbma("B"), b"registration")] * 2


@contract
def test_malformed_gre_changes_nothing(world: World) -> None:
    multipoint(world, "A")
    for octets in (b"", b"\x00", b"\xff\xff\x08\x00", b"\x20\x00\x08\x00", b"\x00\x00\x08\x00\x45", bytes(64)):
        packet = effects.SendIp(None, nbma("B"), nbma("A"), IpProtocol.GRE, octets)
        world.execute("B", packet)
    world.run(0.2)
    world.execute("A", effects.PollInterfaces())
    world.until(lambda: bool(world.of("A", InterfacesCounted)))
    assert world.of("A", NhrpReceived) == []
    drops = world.of("A", InterfacesCounted)[0].drops
    assert drops.malformed + drops.no_tunnel + drops.not_ipv4 == 6


@contract
def test_an_order_about_a_tunnel_that_is_not_there_fails_and_says_so(world: World) -> None:
    for order in (
        effects.SetCarrier("Tunnel9", True),
        effects.SetAdjacency("Tunnel9", TUNNEL["B"], nbma("B")),
        effects.ClearAdjacency("Tunnel9", TUNNEL["B"]),
        effects.SetMulticast("Tunnel9", ()),
        effects.SetHairpin("Tunnel9", 1, True),
        effects.SendGre("Tunnel9", nbma("B"), effects.GRE_NHRP, bytes(32)),
        effects.PollUsage("Tunnel9"),
    ):
        with pytest.raises(EffectError) as failure:
            world.execute("A", order)
        assert failure.value.errno == errno.ENODEV


@contract
def test_a_packet_that_returns_to_where_it_came_from_is_no_hairpin(world: World) -> None:
    hub_and_spokes(world)
    world.execute("A", effects.SetRoute(Prefix.of(host("C"), 24), (effects.NextHop("Tunnel0", TUNNEL["B"]),)))
    world.send("B", udp("B", host("C"), ttl=9))
    world.until(lambda: bool(only_icmp(world.received["B"])))
    assert world.of("A", Hairpin) == []


@contract
def test_no_error_answers_an_error(world: World) -> None:
    hub_and_spokes(world)
    quoted = udp("B", host("C")).serialize()
    error = icmp.DestinationUnreachable(code=icmp.UnreachableCode.PORT, quoted=icmp.quote(quoted)).serialize()
    dying = Ipv4Packet(source=host("B"), destination=host("C"), protocol=IpProtocol.ICMP, payload=error, ttl=1)
    world.send("B", dying)
    world.send("B", udp("B", host("C"), ttl=1))
    world.until(lambda: bool(only_icmp(world.received["B"])))
    world.run(0.2)
    (answer,) = only_icmp(world.received["B"])
    assert isinstance(answer, icmp.TimeExceeded)
    assert answer.quoted[9] == IpProtocol.UDP, "the packet that was no error"
