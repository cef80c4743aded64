"""IPv6 inside a tunnel over IPv4, on every plane that carries it: the same test, simulated and with real packets."""

from __future__ import annotations

import itertools
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Address, IPv6Address

from contract.test_planes import TUNNEL, contract, on_kernels, only_icmp, only_udp, udp
from contract.worlds import LAN, RealWorld, World, host, host6, nbma
from dmvpn.base import effects
from dmvpn.base.addresses import Prefix
from dmvpn.base.events import Hairpin, IpReceived, Unresolved
from dmvpn.base.filters import FilterList, PortFilters
from dmvpn.dataplane import netlink
from dmvpn.net import icmp, ip
from dmvpn.net.icmp import closed_icmpv6
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.ipv6 import Ipv6Packet
from dmvpn.net.tcp import Flag, TcpSegment

TUNNEL6 = {name: IPv6Address(f"2001:db8:100::{number}") for number, name in enumerate("ABC", 1)}
LAN6 = {name: Prefix.of(host6(name), 64) for name in TUNNEL6}


def overlay(
    world: World, *, mtu: int = 1400, mtu6: int = 1400, df: effects.DfBit = effects.DfBit.CLEAR, protected: bool = False
) -> None:
    """B and C send everything through A, which knows both; in both versions of IP."""
    world.set_up_ipv6()
    for number, name in enumerate(TUNNEL6, 1):
        spec = effects.TunnelSpec(
            name="Tunnel0", source=nbma(name), destination=None, key=100, mtu=mtu, df=df, protected=protected
        )
        addresses = (TUNNEL[name], 24), (TUNNEL6[name], 64), (IPv6Address(f"fe80::{number}"), 64)
        world.execute(
            name,
            effects.SetTunnel(spec),
            effects.SetInterface("Tunnel0", True, addresses, mtu6=mtu6, mss6=mtu6 - 60),
            effects.SetCarrier("Tunnel0", True),
            effects.SetHairpin("Tunnel0", 1, True),
            effects.SetHairpin("Tunnel0", 600, True, version=6),
        )
    for name in ("B", "C"):
        for here, there, lan in ((name, "A", Prefix.parse("2001:db8::/32")), ("A", name, LAN6[name])):
            world.execute(
                here,
                effects.SetAdjacency("Tunnel0", TUNNEL[there], nbma(there)),
                effects.SetAdjacency("Tunnel0", TUNNEL6[there], nbma(there)),
                effects.SetRoute(lan, (effects.NextHop("Tunnel0", TUNNEL6[there]),)),
            )
        world.execute("A", effects.SetRoute(Prefix.of(host(name), 24), (effects.NextHop("Tunnel0", TUNNEL[name]),)))
        world.execute(
            name, effects.SetRoute(Prefix.parse("192.168.0.0/16"), (effects.NextHop("Tunnel0", TUNNEL["A"]),))
        )


def udp6(source: str, destination: IPv6Address, *, size: int = 32, hops: int = 64) -> Ipv6Packet:
    """A UDP packet of a host. size: octets of data."""
    datagram = UdpDatagram(source_port=4000, destination_port=5000, payload=bytes(size))
    return Ipv6Packet(
        next_header=IpProtocol.UDP,
        hop_limit=hops,
        source=host6(source),
        destination=destination,
        payload=datagram.serialize(host6(source), destination),
    )


def messages(world: World, name: str) -> list[tuple[IPv6Address, icmp.IcmpMessage]]:
    """The ICMPv6 messages that a host got, each with its sender."""
    packets = [packet for packet in world.received6[name] if packet.next_header == IpProtocol.ICMPV6]
    return [(one.source, ip.parse_icmp(one.payload, one.source, one.destination)) for one in packets]


def arrived(world: World, name: str) -> list[int]:
    """The hop limits of the datagrams that a host got."""
    return [packet.hop_limit for packet in world.received6[name] if packet.next_header == IpProtocol.UDP]


@contract
def test_packets_of_both_versions_pass_the_hub_and_go_direct_once_routes_say_so(world: World) -> None:
    overlay(world)
    world.send("B", udp6("B", host6("C")))
    world.send("B", udp("B", host("C")))
    world.until(lambda: bool(arrived(world, "C") and only_udp(world.received["C"])))
    assert (arrived(world, "C"), [one.ttl for one in only_udp(world.received["C"])]) == ([61], [61])
    hairpins = world.of("A", Hairpin)
    assert [(one.tunnel, one.out_tunnel, one.nbma) for one in hairpins] == [("Tunnel0", "Tunnel0", nbma("B"))] * 2
    ends = sorted((ip.peek_addresses(one.packet) for one in hairpins), key=str)
    assert ends == [(host("B"), host("C")), (host6("B"), host6("C"))]
    world.execute("B", effects.SetRoute(LAN6["C"], (effects.NextHop("Tunnel0", TUNNEL6["C"]),)))
    world.send("B", udp6("B", host6("C")))
    world.until(lambda: bool(world.of("B", Unresolved)))
    assert world.of("B", Unresolved) == [Unresolved("Tunnel0", TUNNEL6["C"])]
    world.execute("B", effects.SetAdjacency("Tunnel0", TUNNEL6["C"], nbma("C")))
    world.until(lambda: arrived(world, "C") == [61, 62])


@contract
def test_packets_of_ipv4_go_by_way_of_a_next_hop_of_ipv6_and_wait_for_that_one(world: World) -> None:
    """RFC 8950. The MTU and the hairpin of IPv4 hold, not those of IPv6."""
    overlay(world, mtu6=1280)
    for name in ("B", "C"):
        back = Prefix.of(host(name), 24)
        world.execute("A", effects.SetRoute(back, (effects.NextHop("Tunnel0", TUNNEL6[name]),)))
        everything = Prefix.parse("192.168.0.0/16")
        world.execute(name, effects.SetRoute(everything, (effects.NextHop("Tunnel0", TUNNEL6["A"]),)))
    world.send("B", udp("B", host("C"), size=1340))
    world.until(lambda: bool(only_udp(world.received["C"])))
    assert [one.ttl for one in only_udp(world.received["C"])] == [61]
    assert [(one.nbma, ip.peek_addresses(one.packet)) for one in world.of("A", Hairpin)] == [
        (nbma("B"), (host("B"), host("C")))
    ]
    world.execute("B", effects.SetRoute(Prefix.of(host("C"), 24), (effects.NextHop("Tunnel0", TUNNEL6["C"]),)))
    world.send("B", udp("B", host("C")))
    world.until(lambda: bool(world.of("B", Unresolved)))
    assert world.of("B", Unresolved) == [Unresolved("Tunnel0", TUNNEL6["C"])]
    world.execute("B", effects.SetAdjacency("Tunnel0", TUNNEL6["C"], nbma("C")))
    world.until(lambda: [one.ttl for one in only_udp(world.received["C"])] == [61, 62])


@contract
def test_errors_come_from_the_tunnels_addresses_as_ios_sends_them(world: World) -> None:
    overlay(world)
    for packet in (udp6("B", host6("C"), hops=2), udp6("B", IPv6Address("2001:db8:3::1"), hops=9)):
        world.send("B", packet)
    world.until(lambda: len(messages(world, "B")) == 2)
    expired, unreachable = sorted(messages(world, "B"), key=lambda one: int(one[0]))
    assert (expired[0], type(expired[1])) == (TUNNEL6["A"], icmp.TimeExceeded)
    assert unreachable[0] == TUNNEL6["C"], "of an address in the LAN, too"
    assert isinstance(unreachable[1], icmp.DestinationUnreachable)
    assert unreachable[1].code == icmp.UnreachableCode.PORT


@contract
def test_each_version_has_its_own_mtu(world: World) -> None:
    overlay(world, mtu=1300, mtu6=1452)
    world.send("B", udp6("B", host6("C"), size=1452 - 48))
    world.until(lambda: arrived(world, "C") == [61])
    world.send("B", udp6("B", host6("C"), size=1453 - 48))
    world.send("B", udp("B", host("C"), size=1301 - 28, df=True))
    world.send("B", udp("B", host("C"), size=1301 - 28))
    world.until(lambda: bool(messages(world, "B") and only_icmp(world.received["B"])))
    big = [messages(world, "B")[0][1], only_icmp(world.received["B"])[0]]
    assert [one.next_hop_mtu for one in big if isinstance(one, icmp.DestinationUnreachable)] == [1452, 1300]
    world.until(lambda: bool(only_udp(world.received["C"])))
    assert arrived(world, "C") == [61]


@contract
def test_a_path_with_less_room_is_told_to_senders_but_every_packet_of_1280_octets_passes(world: World) -> None:
    overlay(world, mtu=1460, mtu6=1460, df=effects.DfBit.COPY)
    world.narrow("A", 1350)

    def told() -> list[int]:
        world.send("B", udp6("B", host6("A"), size=1400))
        world.run(0.1)
        found = [one for _, one in messages(world, "B")]
        return [one.next_hop_mtu for one in found if isinstance(one, icmp.DestinationUnreachable)]

    world.until(lambda: 1322 in told())  # less IPv4's header and GRE's
    world.send("B", udp6("B", host6("A"), size=1322 - 48))
    world.until(lambda: bool(arrived(world, "A")))
    world.narrow("A", 1000)

    def passes() -> bool:
        world.send("B", udp6("B", host6("A"), size=1280 - 48))
        world.run(0.1)
        return len(arrived(world, "A")) > 1

    world.until(passes)
    assert all(mtu >= 1280 for mtu in told())


@contract
def test_connections_are_clamped_and_probes_of_other_routers_are_reported(world: World) -> None:
    overlay(world)
    segment = TcpSegment(source_port=4000, destination_port=80, sequence=1, flags=Flag.SYN, options=b"\2\4\x05\xb4")
    ends = host6("B"), host6("C")
    payload = segment.serialize(*ends)
    world.send("B", Ipv6Packet(next_header=IpProtocol.TCP, source=ends[0], destination=ends[1], payload=payload))
    world.until(lambda: any(one.next_header == IpProtocol.TCP for one in world.received6["C"]))
    (syn,) = [one for one in world.received6["C"] if one.next_header == IpProtocol.TCP]
    assert TcpSegment.parse(syn.payload, *ends).options == b"\2\4\x05\x3c"
    for tos in (0, 0xC0):
        probe = ip.serialize_icmp(icmp.EchoRequest(identifier=tos, sequence=1, payload=b"probe"), 6)
        world.execute("B", effects.SendIp(None, TUNNEL6["B"], TUNNEL6["A"], IpProtocol.ICMPV6, probe, tos=tos))
    world.until(lambda: len(world.of("B", IpReceived)) == 2)
    (asked,) = world.of("A", IpReceived)
    assert (asked.source, asked.destination, asked.tos, asked.interface) == (
        TUNNEL6["B"],
        TUNNEL6["A"],
        0xC0,
        "Tunnel0",
    )
    answers = [ip.parse_icmp(one.payload, one.source, one.destination) for one in world.of("B", IpReceived)]
    assert [(type(one), one.identifier) for one in answers if isinstance(one, icmp.EchoReply)] == [
        (icmp.EchoReply, 0),
        (icmp.EchoReply, 0xC0),
    ]


@contract
def test_hellos_go_to_every_neighbor_of_the_list_and_not_back(world: World) -> None:
    overlay(world)
    group, local = IPv6Address("ff02::a"), IPv6Address("fe80::1")
    for name in TUNNEL6:
        world.execute(name, effects.Listen("Tunnel0", 88, group))
    world.execute("A", effects.SetMulticast("Tunnel0", (nbma("B"), nbma("C")), 6))
    world.execute("A", effects.SendIp("Tunnel0", local, group, 88, b"a hello", ttl=1, tos=0xC0))
    world.until(lambda: bool(world.of("B", IpReceived) and world.of("C", IpReceived)))
    for name in ("B", "C"):
        (event,) = world.of(name, IpReceived)
        found = event.interface, event.source, event.destination, event.protocol, event.payload, event.ttl
        assert found == ("Tunnel0", local, group, 88, b"a hello", 1)
    assert world.of("A", IpReceived) == []


@contract
def test_a_packet_of_our_own_that_is_larger_than_the_tunnel_takes_arrives_whole(world: World) -> None:
    """The hub's list of 100 links in OSPF version 3 was refused, and its spokes had no routes."""
    overlay(world)
    group, local = IPv6Address("ff02::5"), IPv6Address("fe80::1")
    world.execute("B", effects.Listen("Tunnel0", 89, group))
    world.execute("A", effects.SetMulticast("Tunnel0", (nbma("B"), nbma("C")), 6))
    world.execute("A", effects.SendIp("Tunnel0", local, group, 89, bytes(3000), ttl=1))
    world.until(lambda: bool(world.of("B", IpReceived)))
    (event,) = world.of("B", IpReceived)
    assert (event.source, event.payload) == (local, bytes(3000))


@contract
def test_an_echo_larger_than_the_tunnel_takes_goes_in_pieces_both_ways(world: World) -> None:
    """No router on the way cuts a packet of IPv6: its sender does (RFC 8200 §4.5)."""
    overlay(world)
    data = bytes(range(250)) * 12
    probe = ip.serialize_icmp(icmp.EchoRequest(identifier=7, sequence=1, payload=data), 6)
    world.execute("B", effects.SendIp(None, TUNNEL6["B"], TUNNEL6["A"], IpProtocol.ICMPV6, probe))
    world.until(lambda: bool(world.of("B", IpReceived)))
    (event,) = world.of("B", IpReceived)
    answer = ip.parse_icmp(event.payload, event.source, event.destination)
    assert (event.source, type(answer)) == (TUNNEL6["A"], icmp.EchoReply)
    assert isinstance(answer, icmp.EchoReply)
    assert answer.payload == data


@contract
def test_a_datagram_to_a_port_that_a_machine_listens_to_is_received_and_no_kernel_refuses_it(world: World) -> None:
    """As BFD's, from and to link-local addresses."""
    overlay(world)
    ours, theirs = IPv6Address("fe80::1"), IPv6Address("fe80::2")
    world.execute("B", effects.Listen("Tunnel0", 17, IPv6Address("ff02::1"), 3784))
    world.execute("A", effects.SetAdjacency("Tunnel0", theirs, nbma("B")))
    datagram = UdpDatagram(source_port=49152, destination_port=3784, payload=b"are you there?").serialize(ours, theirs)
    world.execute("A", effects.SendIp("Tunnel0", ours, theirs, 17, datagram, ttl=255, tos=0xC0))
    world.until(lambda: bool(world.of("B", IpReceived)))
    (event,) = world.of("B", IpReceived)
    assert (event.interface, event.source, event.payload, event.ttl) == ("Tunnel0", ours, datagram, 255)
    assert world.of("A", IpReceived) == []


#: Extension headers before a message of ICMPv6, with the protocol of the first: none; destination options; options of
#: each hop, then of the destination; a routing header with nothing left; a fragment that is the whole packet.
_OPTIONS = b"\x01\x04\0\0\0\0"
BEFORE_NEWS_OF_THE_LINK = (
    (IpProtocol.ICMPV6, b""),
    (60, b"\x3a\0" + _OPTIONS),
    (0, b"\x3c\0" + _OPTIONS + b"\x3a\0" + _OPTIONS),
    (43, b"\x3a\0\x04\0\0\0\0\0"),
    (44, b"\x3a\0\0\0\0\0\0\x07"),
    (60, b"\x2c\0" + _OPTIONS + b"\x3a\0\0\x01\0\0\0\x07"),
)


@on_kernels
def test_what_peers_say_of_the_link_reaches_no_kernel_and_what_kernels_say_reaches_no_peer(world: World) -> None:
    """A forged advertisement would give the router a default route, a forged neighbor its packets to somebody else.

    Kernels take them behind extension headers, too.
    """
    assert isinstance(world, RealWorld)
    overlay(world)
    local = IPv6Address("fe80::2")
    own = b"\2\1\2\0\0\0\0\0"
    router = bytes((134, 0, 0, 0, 64, 0, 7, 8)) + bytes(8)
    stranger = bytes((136, 0, 0, 0, 0x60, 0, 0, 0)) + TUNNEL6["C"].packed + own
    redirect = bytes((137, 0, 0, 0, 0, 0, 0, 0)) + local.packed + host6("C").packed
    solicited = bytes((135, 0, 0, 0, 0, 0, 0, 0)) + TUNNEL6["A"].packed + b"\1\1\2\0\0\0\0\7"
    for message in (router, stranger, redirect, solicited):
        for target in (IPv6Address("ff02::1"), TUNNEL6["A"]):
            closed = closed_icmpv6(message, local, target)
            for protocol, headers in BEFORE_NEWS_OF_THE_LINK:
                packet = ip.build(source=local, destination=target, protocol=protocol, payload=headers + closed)
                world.execute("B", effects.SendGre("Tunnel0", nbma("A"), effects.GRE_IPV6, packet))
    world.run(0.3)
    with world.inside("A"), netlink.NetlinkSocket() as kernel:
        assert not [route for route in kernel.routes(but=netlink.ROUTE_PROTOCOL) if not route.prefix.length]
        peers = [one for one in kernel.neighbors() if one.address in (local, TUNNEL6["B"], TUNNEL6["C"])]
        assert {one.lladdr[:2] for one in peers} == {b"\2\0"}
    drops = world.plane("A").interfaces_counted()
    assert drops is not None
    assert drops.drops.not_ipv4 == 8 * len(BEFORE_NEWS_OF_THE_LINK)
    before = len(world.wire)
    with world.inside("A"), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as member:
        group = socket.inet_pton(socket.AF_INET6, "ff02::1234") + socket.if_nametoindex("Tunnel0").to_bytes(4, "little")
        member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)  # the kernel tells the link
        world.run(0.3)
    assert len(world.wire) == before


@on_kernels
def test_a_first_fragment_that_does_not_say_what_it_is_of_is_dropped_and_counted_both_ways(world: World) -> None:
    """News of the link behind options that end in the second fragment: whoever looks at one fragment cannot tell."""
    assert isinstance(world, RealWorld)
    overlay(world)
    local = IPv6Address("fe80::2")
    router = closed_icmpv6(bytes((134, 0, 0, 0, 64, 0, 7, 8)) + bytes(8), local, TUNNEL6["A"])
    long_options = b"\x3a\1\1\x0c" + bytes(12)
    for first, rest in ((b"", long_options + router), (long_options[:8], long_options[8:] + router)):
        for data, place in ((first, 1), (rest, len(first))):
            fragment = struct.pack("!BBHI", 60, 0, place, 7) + data
            packet = ip.build(source=local, destination=TUNNEL6["A"], protocol=44, payload=fragment)
            world.execute("B", effects.SendGre("Tunnel0", nbma("A"), effects.GRE_IPV6, packet))
    world.run(0.3)
    with world.inside("A"), netlink.NetlinkSocket() as kernel:
        assert not [route for route in kernel.routes(but=netlink.ROUTE_PROTOCOL) if not route.prefix.length]
    drops = world.plane("A").interfaces_counted()
    assert drops is not None
    assert drops.drops.malformed == 2
    host = struct.pack("!BBHI", 60, 0, 1, 7) + long_options[:8]
    world.send("A", ip.parse(ip.build(source=host6("A"), destination=host6("B"), protocol=44, payload=host)))
    world.run(0.3)
    drops = world.plane("A").interfaces_counted()
    assert drops is not None
    assert drops.drops.malformed == 3


def under_a_default_of_the_host(world: RealWorld) -> socket.socket:
    """Give the host of B a default route over the underlay, and return a socket that hears its wire."""
    with world.inside("B"), netlink.NetlinkSocket() as kernel:
        link = kernel.find_link("Gi0-1")
        assert link is not None
        hops = (netlink.KernelNextHop(link.index, IPv6Address("fe80::bad"), onlink=True),)
        everywhere = netlink.KernelRoute(Prefix(IPv6Address(0), 0), hops, metric=1024, protocol=4)
        neighbor = netlink.KernelNeighbor(link.index, IPv6Address("fe80::bad"), b"\2\7\7\7\7\7")
        kernel.call(netlink.set_neighbor(neighbor), netlink.add_route(everywhere))
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        wire.bind(("Gi0-1", 3))
        wire.setblocking(False)
    return wire


@on_kernels
def test_no_packet_of_a_protected_tunnel_ever_leaves_in_clear(world: World) -> None:
    """The underlay has an IPv6 default route of the host; a capture of all wires sees none of these packets."""
    assert isinstance(world, RealWorld)
    overlay(world, protected=True)
    seen: list[bytes] = []
    wire = under_a_default_of_the_host(world)

    def capture() -> None:
        try:
            while True:
                data = wire.recv(65536)
                seen.extend([data] if host6("B").packed in data or TUNNEL6["A"].packed in data else [])
        except BlockingIOError:
            return

    def traffic() -> None:
        for target in (host6("C"), host6("A"), TUNNEL6["A"], TUNNEL6["C"]):
            world.send("B", udp6("B", target))
        world.run(0.15)
        capture()

    traffic()
    with world.inside("B"), netlink.NetlinkSocket() as kernel:
        for _ in range(3):
            ours = [route for route in kernel.routes(protocol=netlink.ROUTE_PROTOCOL) if route.table == 254]
            kernel.execute([netlink.delete_route(route) for route in ours if route.prefix.version == 6])
            for target in (host6("C"), TUNNEL6["A"]):
                world.send("B", udp6("B", target))
            traffic()
        tunnel = kernel.find_link("Tunnel0")
        assert tunnel is not None
        kernel.call(netlink.set_down(tunnel.index))
    traffic()
    world.execute("B", effects.SetCarrier("Tunnel0", False))
    traffic()
    assert seen == [], "in clear"
    everything = PortFilters(outward=FilterList("NONE", ()))
    world.execute("B", effects.ClearRoute(Prefix.parse("2001:db8::/32")))
    world.execute("B", effects.SetFilters("Tunnel0", everything, version=6))
    for target in (TUNNEL6["A"], TUNNEL6["C"]):
        world.send("B", udp6("B", target))
    world.run(0.2)
    capture()
    assert seen == [], "in clear, because of a list"
    world.send("B", udp6("B", IPv6Address("2001:470::1")))
    world.run(0.2)
    capture()
    assert len(seen) == 1, "what is not the tunnel's takes the host's route"
    wire.close()


@on_kernels
def test_addresses_stay_through_everything_that_happens_to_an_interface(world: World) -> None:
    """Linux takes IPv6 addresses away where it leaves those of IPv4: with a link that goes down, with a small MTU."""
    assert isinstance(world, RealWorld)
    overlay(world, mtu=1200, mtu6=1280)
    for name in ("Gi0-2", "Tunnel0"):
        with world.inside("B"), netlink.NetlinkSocket() as kernel:
            link = kernel.find_link(name)
            assert link is not None
            kernel.call(netlink.set_down(link.index))
            if name == "Tunnel0":
                kernel.call(netlink.set_link(link.index, netlink.LinkSettings(mtu=1000)))
        world.run(0.3)
    world.execute(
        "B", effects.SetTunnel(effects.TunnelSpec(name="Tunnel0", source=nbma("B"), destination=None, key=100, mtu=576))
    )
    world.execute("B", effects.SetInterface(LAN, False, ()), effects.SetInterface(LAN, True, ()))
    lan = (IPv4Address("192.168.2.1"), 24), (IPv6Address("2001:db8:2::1"), 64), (IPv6Address("fe80::2"), 64)
    world.execute("B", effects.SetInterface(LAN, True, lan, mtu6=1500))
    world.send("B", udp6("B", host6("C"), size=1200))
    world.until(lambda: arrived(world, "C") == [61])
    world.execute("B", effects.SetInterface("Tunnel0", True, ((TUNNEL["B"], 24),)))
    with world.inside("B"), netlink.NetlinkSocket() as kernel:
        there = [one for one in kernel.addresses() if one.address in (TUNNEL6["B"], IPv6Address("fe80::2"))]
        assert [one.link for one in there] == [link.index for link in kernel.links() if link.name == "Gi0-2"]


def _has(world: World, ipv6: int, ipv4: int) -> bool:
    """Whether the host behind C has so many datagrams."""
    return (len(arrived(world, "C")), len(only_udp(world.received["C"]))) == (ipv6, ipv4)


@contract
def test_a_list_of_ipv6_denies_packets_of_ipv6_alone_on_ports_and_tunnels_and_tells_their_senders(world: World) -> None:
    overlay(world)
    nothing = FilterList("NOTHING", ())
    places = ("A", "Tunnel0", PortFilters(nothing)), ("A", "Tunnel0", PortFilters(None, nothing))
    for seen, (router, port, filters) in enumerate((*places, ("B", LAN, PortFilters(nothing)))):
        world.execute(router, effects.SetFilters(port, filters, 6))
        world.send("B", udp6("B", host6("C"), size=900))
        world.send("B", udp("B", host("C")))
        world.until(partial(_has, world, seen, seen + 1))
        with suppress(AssertionError):  # a list denies them before they leave, or where they arrive
            world.until(lambda: bool(messages(world, "B")))
        world.execute(router, effects.SetFilters(port, PortFilters(), 6))
        world.send("B", udp6("B", host6("C")))
        world.until(partial(_has, world, seen + 1, seen + 1))
    (error,) = [one for sender, one in messages(world, "B") if sender == IPv6Address("2001:db8:2::1")]
    assert isinstance(error, icmp.DestinationUnreachable)
    assert error.code == icmp.UnreachableCode.ADMINISTRATIVELY_PROHIBITED


def _has_got(world: World, number: int) -> bool:
    return len(arrived(world, "C")) == number


@contract
def test_each_version_counts_its_packets_and_its_errors(world: World) -> None:
    overlay(world)
    counting = world.counting("A")
    before = {version: counting.statistics(version) for version in (4, 6)}
    for number in range(1, 4):  # one by one: a kernel counts what travels merged as one
        world.send("B", udp6("B", host6("C")))
        world.until(partial(_has_got, world, number))
    for packet in (udp6("B", host6("C"), hops=2), udp("B", host("C"))):
        world.send("B", packet)
    world.until(lambda: bool(only_udp(world.received["C"]) and messages(world, "B")))
    now = {version: counting.statistics(version) for version in (4, 6)}

    def grown(version: int, name: str) -> int:
        return now[version].get(name, 0) - before[version].get(name, 0)

    assert [grown(version, "IpOutForwDatagrams") for version in (4, 6)] == [1, 3]
    assert [grown(version, name) for version, name in ((4, "IcmpOutType11"), (6, "IcmpOutType3"))] == [0, 1]
    assert grown(6, "IpInReceives") >= 4
    assert grown(4, "IpInDelivers") >= 5, "the packets around them"


_PATH_MTU = 24


@on_kernels
def test_a_path_mtu_is_learned_of_ones_own_flows_alone_and_never_less_than_1280_octets(world: World) -> None:
    """Packet Too Big of anybody on the tunnel: of a flow that is not, of damaged packets, of less than 1280 octets."""
    assert isinstance(world, RealWorld)
    overlay(world)
    with world.inside("A"), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as ours:
        ours.bind((str(TUNNEL6["A"]), 0))
        ours.connect((str(host6("B")), 5000))
        port = ours.getsockname()[1]

        def too_big(mtu: int, source: int, target: IPv6Address, *, octets: int = 100) -> None:
            lost = UdpDatagram(source_port=source, destination_port=5000, payload=b"a" * 64)
            datagram = lost.serialize(TUNNEL6["A"], target)
            quoted = ip.build(source=TUNNEL6["A"], destination=target, protocol=17, payload=datagram)[:octets]
            message = closed_icmpv6(b"\2\0\0\0" + mtu.to_bytes(4) + quoted, TUNNEL6["B"], TUNNEL6["A"])
            packet = ip.build(source=TUNNEL6["B"], destination=TUNNEL6["A"], protocol=58, payload=message)
            world.execute("B", effects.SendGre("Tunnel0", nbma("A"), effects.GRE_IPV6, packet))
            world.run(0.1)

        for mtu, source, target, octets in (
            (1300, port ^ 1, host6("B"), 100),
            (1300, port, host6("C"), 100),
            (1300, port, host6("B"), 44),
            (1279, port, host6("B"), 100),
            (0, port, host6("B"), 100),
        ):
            too_big(mtu, source, target, octets=octets)
        assert ours.getsockopt(socket.IPPROTO_IPV6, _PATH_MTU) == 1400
        too_big(1300, port, host6("B"))
        assert ours.getsockopt(socket.IPPROTO_IPV6, _PATH_MTU) == 1300


def _fragment(place: int, more: bool, data: bytes, following: int = 17) -> tuple[int, bytes]:
    return 44, struct.pack("!BBHI", following, 0, place << 3 | more, 7) + data


def odd_forms(datagram: bytes, far: IPv6Address) -> list[tuple[int, bytes]]:
    """What may follow a header, each with its protocol: fragments, overlapping and atomic ones (RFC 5722, 6946), a long
    chain, options of each hop, routing headers by way of another address, AH and ESP, IPv6 in IPv6, no header at all.
    """
    options = bytes((60, 0)) + _OPTIONS
    way = b"\x11\2%c\1\0\0\0\0" + far.packed
    return [
        _fragment(0, True, datagram[:16]),
        _fragment(1, True, bytes(16)),
        _fragment(2, False, datagram[16:]),
        _fragment(0, False, datagram),
        _fragment(0, True, datagram[:7]),
        _fragment(8191, False, bytes(8)),
        (44, b"\x11\0\0"),
        (0, b"\x11\0\5\2\0\0\1\0" + datagram),
        (0, b"\x11\0\xc2\4\0\1\0\0" + datagram),
        (0, b"\x11\x07" + b"\1\0" * 31 + datagram),
        (60, options * 60 + b"\x11\0" + _OPTIONS + datagram),
        (60, b"\0\0" + _OPTIONS + b"\x11\0" + _OPTIONS + datagram),
        *((43, way.replace(b"%c", bytes((kind,))) + datagram) for kind in (0, 2, 3, 4, 99)),
        (51, b"\x11\4" + bytes(22) + datagram),
        (50, bytes(40)),
        (41, ip.build(source=host6("B"), destination=far, protocol=17, payload=datagram)),
        (135, b"\x3b\0\0\0\0\0\0\0"),
        (59, b"rest"),
        (255, b""),
    ]


SENDERS = [
    IPv6Address(text)
    for text in ("2001:db8:2::77", "fe80::77", "::ffff:10.0.2.9", "::1", "::", "ff02::1", *map(str, TUNNEL6.values()))
]


def odd_packets(payload: bytes, *targets: IPv6Address) -> Iterator[bytes]:
    """Packets of every odd form from each of the senders to these addresses. payload: in each one."""
    datagram = UdpDatagram(source_port=4000, destination_port=5000, payload=payload)
    octets = datagram.serialize(host6("B"), host6("C"))
    for sender, target in itertools.product(SENDERS, targets):
        for protocol, rest in odd_forms(octets, host6("C")):
            yield ip.build(source=sender, destination=target, protocol=protocol, payload=rest)


@on_kernels
def test_packets_of_every_odd_form_leave_no_protected_tunnel_in_clear(world: World) -> None:
    assert isinstance(world, RealWorld)
    overlay(world, protected=True)
    wire = under_a_default_of_the_host(world)
    for number, packet in enumerate(odd_packets(b"in clear" * 4, host6("C"), TUNNEL6["A"], TUNNEL6["B"])):
        with suppress(OSError):
            world.send("B", ip.parse(packet))
        world.run(0.05 if number % 50 == 49 else 0)
    world.run(0.2)
    with suppress(BlockingIOError):
        while data := wire.recv(65536):
            is_error = data[6] == IpProtocol.ICMPV6 and data[40] < icmp.Icmpv6Type.ECHO_REQUEST
            assert is_error or b"in clear" not in data, "an error goes back to a sender outside, and quotes its packet"
    wire.close()


@on_kernels
def test_packets_of_every_odd_form_that_come_out_of_a_tunnel_stop_no_plane(world: World) -> None:
    assert isinstance(world, RealWorld)
    overlay(world)
    everybody = IPv6Address("ff02::1")
    for number, packet in enumerate(odd_packets(b"from a peer", host6("A"), TUNNEL6["A"], host6("C"), everybody)):
        world.execute("B", effects.SendGre("Tunnel0", nbma("A"), effects.GRE_IPV6, packet))
        world.run(0.05 if number % 50 == 49 else 0)
    world.run(0.2)
    world.received6["C"].clear()
    world.send("B", udp6("B", host6("C")))
    world.until(lambda: arrived(world, "C") == [61])
