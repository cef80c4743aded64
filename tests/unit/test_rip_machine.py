"""RIP between routers on a wire, in virtual time."""

from __future__ import annotations

import itertools
from ipaddress import IPv4Address

import pytest

from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.chronicle import StateChanged
from dmvpn.base.effects import Listen, NextHop, SendIp, StopListening
from dmvpn.base.events import HostRouteChanged, IpReceived, LinkChanged
from dmvpn.base.notices import LineEnds, NeighborSilent, Notice, RouteRetracted, RouteSource
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.policy import FEATURE as POLICY
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.rip import FEATURE as RIP
from dmvpn.features.rip.interface import GROUP
from dmvpn.features.rip.machine import RipMachine
from dmvpn.features.rip.output import seal_md5
from dmvpn.features.rip.packet import Command, RipEntry, RipPacket, UpdateHeader
from dmvpn.features.static import FEATURE as STATIC
from dmvpn.features.tunnel import FEATURE as TUNNEL
from dmvpn.net.ip import UdpDatagram
from support.segments import Segments
from support.texts import file_text, is_golden
from support.workbench import Workbench, of_type

GI1, GI2 = "GigabitEthernet0/1", "GigabitEthernet0/2"


def router(seed: int = 1) -> Workbench:
    return Workbench(POLICY, INTERFACE, TUNNEL, RIB, STATIC, RIP, seed=seed)


def interface(name: str, address: str, more: str = "") -> str:
    return f"interface {name}\n ip address {address} 255.255.255.0\n{more}"


def process(*networks: str, more: str = "") -> str:
    lines = "".join(f" network {network}\n" for network in networks)
    return f"router rip\n version 2\n no auto-summary\n{lines}{more}"


def pair(left: str = "", right: str = "") -> Segments:
    """A and B share 10.0.0.0/24 on Gi0/1; each has a LAN, 10.1.1.0/24 and 10.2.2.0/24, on Gi0/2."""
    net = Segments()
    net.add("A", router(1), interface(GI1, "10.0.0.1") + interface(GI2, "10.1.1.1") + process("10.0.0.0") + left)
    net.add("B", router(2), interface(GI1, "10.0.0.2") + interface(GI2, "10.2.2.2") + process("10.0.0.0") + right)
    for name in net.routers:
        net.link(name, GI2, up=True)
    net.connect(("A", GI1), ("B", GI1))
    return net


def rip_routes(bench: Workbench) -> dict[str, int]:
    """The RIP routes in the table, with their metrics."""
    return {str(r.prefix): r.metric for r in bench.ports.rib.routes() if r.source is RouteSource.RIP}


def octets_from(source: str, octets: bytes) -> IpReceived:
    """A datagram of RIP to the group."""
    sender = IPv4Address(source)
    datagram = UdpDatagram(source_port=520, destination_port=520, payload=octets)
    return IpReceived(GI1, sender, GROUP, 17, datagram.serialize(sender, GROUP), ttl=2)


def entries(order: SendIp) -> list[RipEntry]:
    return list(RipPacket.parse(order.payload[8:]).entries)


def updates(net: Segments, name: str, name_of_interface: str, since: float = 0.0) -> list[dict[str, int]]:
    """What a router announced on an interface, one dictionary for each response."""
    return [
        {str(entry.prefix): entry.metric for entry in entries(order)}
        for when, who, order in net.sent
        if who == name
        and when >= since
        and order.interface == name_of_interface
        and RipPacket.parse(order.payload[8:]).command == Command.RESPONSE
    ]


def packet_from(source: str, *found: RipEntry, port: int = 520, version: int = 2) -> IpReceived:
    packet = RipPacket(command=Command.RESPONSE, version=version, entries=found)
    datagram = UdpDatagram(source_port=port, destination_port=520, payload=packet.serialize())
    sender = IPv4Address(source)
    return IpReceived(GI1, sender, GROUP, 17, datagram.serialize(sender, GROUP), 2, 0xC0)


def entry(prefix: str, metric: int = 1, next_hop: IPv4Address = UNSPECIFIED) -> RipEntry:
    return RipEntry.of_prefix(Prefix.parse(prefix), metric, next_hop=next_hop)


def lone(more: str = "") -> Workbench:
    """Router A alone, its circuit up, nothing learned."""
    bench = router()
    bench.configure(interface(GI1, "10.0.0.1") + process("10.0.0.0", more=more))
    bench.handle(LinkChanged(GI1, up=True))
    return bench


# -------------------------------------------------------------------------------------------------- convergence


def test_a_pair_converges_within_a_tenth_of_a_second() -> None:
    net = pair().run(0.1)
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1}
    assert rip_routes(net.routers["B"]) == {"10.1.1.0/24": 1}
    assert net.routers["A"].ports.rib.forwarding(IPv4Address("10.2.2.9"))[0].address == IPv4Address("10.0.0.2")


def test_a_router_that_comes_later_gets_the_table_at_once() -> None:
    net = Segments()
    net.add("A", router(1), interface(GI1, "10.0.0.1") + interface(GI2, "10.1.1.1") + process("10.0.0.0"))
    net.link("A", GI2, up=True)
    net.add("B", router(2), interface(GI1, "10.0.0.2") + process("10.0.0.0"))
    net.link("A", GI1, up=True).run(100)
    net.connect(("A", GI1), ("B", GI1))
    net.run(0.1)
    assert rip_routes(net.routers["B"]) == {"10.1.1.0/24": 1}


def test_hops_are_counted_as_ios_shows_them_along_a_line_of_routers() -> None:
    net = Segments()
    for number in range(1, 5):
        text = interface(GI1, f"10.0.{number}.1") + interface(GI2, f"10.0.{number + 1}.2") + process("10.0.0.0")
        net.add(f"R{number}", router(number), text)
    net.link("R1", GI1, up=True)
    for number in range(1, 4):
        net.connect((f"R{number}", GI2), (f"R{number + 1}", GI1))
    net.run(10)
    assert rip_routes(net.routers["R4"]) == {"10.0.1.0/24": 3, "10.0.2.0/24": 2, "10.0.3.0/24": 1}


def test_a_lost_network_is_withdrawn_along_the_line_without_waiting_for_timers() -> None:
    net = pair().run(40)
    net.link("B", GI2, up=False).run(0.2)
    assert rip_routes(net.routers["A"]) == {}
    assert updates(net, "B", GI1, since=net.now - 0.2) == [{"10.2.2.0/24": 16}]


def test_updates_come_every_thirty_seconds_or_a_little_earlier() -> None:
    net = pair().run(1)
    net.sent.clear()
    net.run(300)
    times = [when for when, who, order in net.sent if who == "A" and order.interface == GI1]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) >= 10
    assert all(25.5 <= gap <= 30.0 for gap in gaps)


def test_packets_look_like_those_of_ios() -> None:
    bench = router()
    bench.configure(interface(GI1, "10.0.0.1") + process("10.0.0.0"))
    effects = bench.handle(LinkChanged(GI1, up=True))
    assert Listen(GI1, 17, GROUP, 520) in effects
    (request,) = of_type(effects, SendIp)
    assert (request.interface, request.source, request.destination) == (GI1, IPv4Address("10.0.0.1"), GROUP)
    assert (request.protocol, request.ttl, request.tos) == (17, 2, 0xC0)
    assert RipPacket.parse(request.payload[8:]).asks_for_whole_table
    assert StopListening(GI1, 17, GROUP, 520) in bench.handle(LinkChanged(GI1, up=False))


@pytest.fixture
def bench() -> Workbench:
    return lone()


def test_the_table_is_asked_for_again_while_nobody_answers(bench: Workbench) -> None:
    times = []
    for _ in range(70):
        sent = of_type(bench.advance(1.0), SendIp)
        times += [bench.now for order in sent if RipPacket.parse(order.payload[8:]).command == Command.REQUEST]
    assert times == [1, 3, 7, 15, 31]


# ------------------------------------------------------------------------------------------------------- timers


def test_a_gateway_that_falls_silent_is_told_once_and_again_when_it_has_come_back(bench: Workbench) -> None:
    """NHRP was told of silent neighbors of EIGRP and BGP, and not of a hub that RIP heard no more."""
    bench.ports.remembers = True
    seen: list[Notice] = []

    def told() -> list[str]:
        new, seen[:] = bench.notices[len(seen) :], bench.notices
        return [
            f"{notice.sign.value} {notice.text}" if isinstance(notice, StateChanged) else f"silent {notice.address}"
            for notice in new
            if isinstance(notice, NeighborSilent) or (isinstance(notice, StateChanged) and "RIP" in notice.text)
        ]

    for _ in range(2):
        bench.handle(packet_from("10.0.0.2", entry("10.9.0.0/16", 3)))
        bench.handle(packet_from("10.0.0.2", entry("10.9.0.0/16", 3)))
        assert told() == ["+ RIP: tells routes"]
        bench.advance(179)
        assert told() == []
        bench.advance(300)
        assert told() == ["silent 10.0.0.2", "- RIP: silent for 180 seconds"]
    bench.handle(packet_from("10.0.0.2", entry("10.9.0.0/16", 3)))
    bench.handle(LinkChanged(GI1, up=False))
    assert told() == ["+ RIP: tells routes", "- RIP: interface down"]


def test_debugs_of_events_and_of_the_database_print_their_part_alone(bench: Workbench) -> None:
    bench.debugging.flags = {"ip rip events"}
    bench.handle(packet_from("10.0.0.2", entry("10.9.0.0/16", 3)))
    assert bench.debug_lines == [f"RIP: received v2 update from 10.0.0.2 on {GI1}", "RIP: Update contains 1 routes"]
    bench.debugging.flags = {"ip rip database"}
    bench.debug_lines.clear()
    bench.handle(packet_from("10.0.0.2", entry("10.9.0.0/16", 4)))
    bench.advance(500)
    assert bench.debug_lines == [
        f"RIP-DB: 10.9.0.0/16 (metric 4) via 10.0.0.2 on {GI1}",
        "RIP-DB: 10.9.0.0/16 is possibly down",
    ]


def test_a_silent_route_is_held_down_and_then_forgotten(bench: Workbench) -> None:
    """invalid 180, holddown 180, flush 240: another router is not believed meanwhile unless it is better."""
    bench.handle(packet_from("10.0.0.2", entry("10.9.0.0/16", 3)))
    bench.advance(179)
    assert rip_routes(bench) == {"10.9.0.0/16": 3}
    bench.advance(1)
    assert rip_routes(bench) == {}
    assert "10.9.0.0/16    is possibly down" in bench.show("show ip rip database")
    bench.handle(packet_from("10.0.0.3", entry("10.9.0.0/16", 3)))
    assert rip_routes(bench) == {}
    bench.advance(60)
    assert bench.show("show ip rip database") == [
        "10.0.0.0/8    auto-summary",
        f"10.0.0.0/24    directly connected, {GI1}",
    ]
    bench.handle(packet_from("10.0.0.3", entry("10.9.0.0/16", 3)))
    assert rip_routes(bench) == {"10.9.0.0/16": 3}


def test_a_silent_route_is_given_up_even_while_events_come_faster_than_crowds_of_timers_rest(bench: Workbench) -> None:
    bench.handle(packet_from("10.0.0.2", entry("10.9.0.0/16", 3)))
    bench.now += 181  # a busy router: no timer has had its turn
    for _ in range(3):
        bench.handle(packet_from("10.0.0.3", entry("10.8.0.0/16", 3)))
        bench.advance(0.0005)
    assert rip_routes(bench) == {"10.8.0.0/16": 3}


@pytest.mark.parametrize(("gateway", "metric"), [("10.0.0.2", 5), ("10.0.0.3", 2)])
def test_holddown_believes_the_old_gateway_and_better_ones(bench: Workbench, gateway: str, metric: int) -> None:
    bench.handle(packet_from("10.0.0.2", entry("10.9.0.0/16", 3)))
    bench.handle(packet_from("10.0.0.2", entry("10.9.0.0/16", 16)))
    assert rip_routes(bench) == {}
    bench.handle(packet_from(gateway, entry("10.9.0.0/16", metric)))
    assert rip_routes(bench) == {"10.9.0.0/16": metric}


def test_without_holddown_another_gateway_takes_over_at_once() -> None:
    bench = lone(" timers basic 30 180 0 240\n")
    bench.handle(packet_from("10.0.0.2", entry("10.9.0.0/16", 3)), packet_from("10.0.0.2", entry("10.9.0.0/16", 16)))
    bench.handle(packet_from("10.0.0.3", entry("10.9.0.0/16", 4)))
    assert rip_routes(bench) == {"10.9.0.0/16": 4}


def test_equal_paths_share_the_load_and_a_better_one_replaces_them(bench: Workbench) -> None:
    for gateway in ("10.0.0.2", "10.0.0.3"):
        bench.handle(packet_from(gateway, entry("10.9.0.0/16", 3)))
    assert len(bench.ports.rib.forwarding(IPv4Address("10.9.1.1"))) == 2
    bench.handle(packet_from("10.0.0.3", entry("10.9.0.0/16", 5)))
    assert len(bench.ports.rib.forwarding(IPv4Address("10.9.1.1"))) == 1
    bench.handle(packet_from("10.0.0.4", entry("10.9.0.0/16", 1)))
    assert rip_routes(bench) == {"10.9.0.0/16": 1}


# ------------------------------------------------------------------------------------------------- what is believed


@pytest.mark.parametrize(
    "packet",
    [
        packet_from("10.0.0.1", entry("10.9.0.0/16")),
        packet_from("192.0.2.1", entry("10.9.0.0/16")),
        packet_from("10.0.0.2", entry("10.9.0.0/16"), port=1024),
        packet_from("10.0.0.2", entry("10.9.0.0/16"), version=1),
        packet_from("10.0.0.2", entry("10.9.0.0/16", 17)),
        packet_from("10.0.0.2", entry("10.9.0.0/16", 0)),
        packet_from("10.0.0.2", entry("127.0.0.0/8")),
        packet_from("10.0.0.2", entry("239.0.0.0/8")),
    ],
    ids=["own", "foreign subnet", "port", "version 1", "metric 17", "metric 0", "loopback", "multicast"],
)
def test_what_rfc_2453_forbids_is_not_believed(bench: Workbench, packet: IpReceived) -> None:
    bench.handle(packet)
    assert rip_routes(bench) == {}


def test_a_damaged_packet_is_ignored_and_debug_says_why(bench: Workbench) -> None:
    bench.debugging.flags.add("ip rip")
    good = packet_from("10.0.0.2", entry("10.9.0.0/16"))
    bench.handle(IpReceived(good.interface, good.source, good.destination, 17, good.payload[:-3], 2, 0))
    assert rip_routes(bench) == {}
    assert bench.debug_lines[-1].startswith(f"RIP: ignored packet from 10.0.0.2 on {GI1} (UDP length")


@pytest.mark.parametrize(
    ("named", "used"),
    [(0, "10.0.0.2"), (0x0A000009, "10.0.0.9"), (0xC0000209, "10.0.0.2"), (0x0A000001, "10.0.0.2")],
    ids=["none", "on the subnet", "elsewhere", "ourselves"],
)
def test_a_next_hop_counts_only_on_the_same_subnet(bench: Workbench, named: int, used: str) -> None:
    bench.handle(packet_from("10.0.0.2", entry("10.9.0.0/16", 1, IPv4Address(named))))
    assert bench.ports.rib.forwarding(IPv4Address("10.9.1.1"))[0].address == IPv4Address(used)


# ------------------------------------------------------------------------------------------------- what is announced


def hub_and_spokes(hub_lines: str = "") -> Segments:
    """A tunnel of many as RIP sees it: hub .1 and spokes .11, .12 on one segment, each spoke with a LAN."""
    net = Segments()
    net.add("HUB", router(1), interface(GI1, "10.0.0.1", hub_lines) + process("10.0.0.0"))
    for number in (11, 12):
        text = interface(GI1, f"10.0.0.{number}") + interface(GI2, f"10.{number}.0.1") + process("10.0.0.0")
        net.add(f"S{number}", router(number), text)
        net.link(f"S{number}", GI2, up=True)
    return net


def test_split_horizon_keeps_spokes_apart_until_the_hub_switches_it_off() -> None:
    """Spokes do not hear each other (as over a tunnel), so only the hub can tell them."""
    net = hub_and_spokes()
    net.connect(("HUB", GI1), ("S11", GI1))
    net.connect(("HUB", GI1), ("S12", GI1))
    net.run(60)
    assert rip_routes(net.routers["S11"]) == {}
    net.configure("HUB", f"interface {GI1}\n no ip split-horizon\n").run(1)
    spoke = net.routers["S11"]
    assert rip_routes(spoke) == {"10.12.0.0/24": 2}
    assert spoke.ports.rib.forwarding(IPv4Address("10.12.0.1"))[0].address == IPv4Address("10.0.0.12")
    assert " no ip split-horizon" in net.routers["HUB"].running_lines()


def test_passive_interfaces_listen_and_neighbors_get_unicast() -> None:
    passive = f" passive-interface {GI1}\n"
    net = pair(left=f"router rip\n{passive}").run(60)
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1}
    assert rip_routes(net.routers["B"]) == {}
    net.configure("A", "router rip\n neighbor 10.0.0.2\n").run(31)
    assert rip_routes(net.routers["B"]) == {"10.1.1.0/24": 1}


@pytest.mark.parametrize(
    "end",
    [
        "no router rip\n",
        "router rip\n no network 10.0.0.0\n",
        f"router rip\n passive-interface {GI1}\n",
    ],
)
def test_a_router_that_stops_says_so_and_its_routes_are_gone_at_once(end: str) -> None:
    net = pair().run(1)
    net.configure("B", end).run(0.1)
    assert rip_routes(net.routers["A"]) == {}
    assert updates(net, "B", GI1, since=1.0) == [{"10.2.2.0/24": 16}]


def test_an_interface_that_is_about_to_be_shut_down_says_goodbye_first() -> None:
    net = pair().run(1)
    (goodbye,) = of_type(net.routers["B"].handle(LineEnds(GI1)), SendIp)
    assert [(str(each.prefix), each.metric) for each in entries(goodbye)] == [("10.2.2.0/24", 16)]


def test_a_goodbye_is_sealed_by_the_lines_that_end() -> None:
    keys = "key chain K\n key 1\n  key-string secret\n"
    sealed = f"{keys}interface {GI1}\n ip rip authentication mode md5\n ip rip authentication key-chain K\n"
    net = pair(left=sealed, right=sealed).run(1)
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1}
    net.configure("B", "no router rip\n").run(0.1)
    assert rip_routes(net.routers["A"]) == {}


def test_an_interface_that_loses_its_carrier_says_nothing() -> None:
    net = pair().run(1)
    net.link("B", GI1, up=False).run(0.1)
    assert updates(net, "B", GI1, since=1.0) == []


def test_passive_by_default_with_an_exception() -> None:
    net = pair(left=f"router rip\n passive-interface default\n no passive-interface {GI1}\n").run(1)
    assert rip_routes(net.routers["B"]) == {"10.1.1.0/24": 1}
    assert [order for _, who, order in net.sent if who == "A" and order.interface == GI2] == []


def test_static_routes_and_a_default_route_are_redistributed() -> None:
    lines = " redistribute static metric 5\n default-information originate\n"
    net = pair(left=f"ip route 172.20.0.0 255.255.0.0 10.1.1.9\nrouter rip\n{lines}").run(1)
    assert rip_routes(net.routers["B"]) == {"0.0.0.0/0": 1, "10.1.1.0/24": 1, "172.20.0.0/16": 5}
    net.configure("A", "no ip route 172.20.0.0 255.255.0.0 10.1.1.9\n").run(10)
    assert rip_routes(net.routers["B"]) == {"0.0.0.0/0": 1, "10.1.1.0/24": 1}


def test_connected_networks_outside_the_process_are_redistributed_only_on_demand() -> None:
    net = pair(left=interface("Loopback0", "192.168.77.1")).run(1)
    assert "192.168.77.0/24" not in rip_routes(net.routers["B"])
    net.configure("A", "router rip\n redistribute connected\n").run(6)
    assert rip_routes(net.routers["B"])["192.168.77.0/24"] == 1


def test_auto_summary_tells_other_networks_the_classful_one() -> None:
    net = Segments()
    text = interface(GI1, "192.168.1.1") + interface(GI2, "10.1.1.1") + process("10.0.0.0", "192.168.1.0")
    net.add("A", router(1), f"{text} auto-summary\n")
    net.add("B", router(2), interface(GI1, "192.168.1.2") + process("192.168.1.0"))
    net.link("A", GI2, up=True)
    net.connect(("A", GI1), ("B", GI1))
    net.run(1)
    assert rip_routes(net.routers["B"]) == {"10.0.0.0/8": 1}
    net.configure("A", "router rip\n no auto-summary\n").run(6)
    assert rip_routes(net.routers["B"])["10.1.1.0/24"] == 1


def test_a_configured_summary_stands_for_the_prefixes_inside() -> None:
    net = pair(right=f"interface {GI1}\n ip summary-address rip 10.2.0.0 255.255.0.0\n").run(1)
    assert rip_routes(net.routers["A"]) == {"10.2.0.0/16": 1}


NEAR = "ip route 172.16.1.0 255.255.255.0 Null0\n"
GI3 = "GigabitEthernet0/3"
SUMMARY = f"interface {GI1}\n ip summary-address rip 172.16.0.0 255.255.0.0\n"


def summarizing(lines: str = SUMMARY) -> Segments:
    """A hears B's summary 172.16.0.0/16 alone: of 172.16.1.0/24 with metric 2, and of 172.16.2.0/24 with metric 5."""
    far = interface(GI3, "172.16.2.1")
    net = pair(right=f"{far}router rip\n redistribute static metric 2\n redistribute connected metric 5\n{lines}")
    net.link("B", GI3, up=True)
    net.configure("B", NEAR).run(40)
    return net


def told_of_summary(net: Segments, since: float) -> list[int]:
    """The metrics that B told A for the summary."""
    return [said["172.16.0.0/16"] for said in updates(net, "B", GI1, since) if "172.16.0.0/16" in said]


@pytest.mark.parametrize("lines", [SUMMARY, "router rip\n auto-summary\n"], ids=["configured", "classful"])
def test_a_summary_that_loses_a_network_is_told_with_the_metric_of_the_others(lines: str) -> None:
    net = summarizing(lines)
    assert rip_routes(net.routers["A"])["172.16.0.0/16"] == 2
    lost = net.now
    net.configure("B", f"no {NEAR}").run(6)
    assert rip_routes(net.routers["A"])["172.16.0.0/16"] == 5
    net.link("B", GI3, up=False).run(6)
    assert "172.16.0.0/16" not in rip_routes(net.routers["A"])
    heard = told_of_summary(net, lost)
    assert heard == sorted(heard), "never unreachable while one of its networks is there"


def test_a_summary_is_told_at_once_only_if_its_own_metric_changes() -> None:
    net = summarizing()
    net.configure("B", "router rip\n timers basic 600 1800 1800 2400\n").run(30)
    before = net.now
    net.link("B", GI3, up=False).run(6)
    net.link("B", GI3, up=True).run(6)
    assert told_of_summary(net, before) == []
    net.configure("B", f"no {NEAR}").run(6)
    net.configure("B", NEAR).run(6)
    assert told_of_summary(net, before) == [5, 2]


def test_a_route_that_another_protocol_wins_is_not_announced() -> None:
    net = pair(right="ip route 10.1.1.0 255.255.255.0 10.2.2.9\n")
    third = net.add("C", router(3), interface(GI1, "10.2.2.3") + process("10.0.0.0"))
    net.connect(("B", GI2), ("C", GI1))
    net.run(60)
    assert rip_routes(third) == {"10.0.0.0/24": 1}


def test_a_question_for_some_prefixes_is_answered_with_their_metrics(bench: Workbench) -> None:
    """RFC 2453 §3.9.1: a query of a monitoring station, from a port of its own."""
    bench.advance(1)
    query = RipPacket(command=Command.REQUEST, entries=(entry("10.0.0.0/24", 16), entry("10.77.0.0/16", 16)))
    source, us = IPv4Address("10.0.0.9"), IPv4Address("10.0.0.1")
    datagram = UdpDatagram(source_port=5000, destination_port=520, payload=query.serialize())
    (answer,) = of_type(bench.handle(IpReceived(GI1, source, us, 17, datagram.serialize(source, us))), SendIp)
    reply = UdpDatagram.parse(answer.payload, us, source)
    assert (answer.destination, reply.destination_port) == (source, 5000)
    assert [found.metric for found in RipPacket.parse(reply.payload).entries] == [1, 16]


def test_a_route_of_the_host_is_never_announced() -> None:
    bench = lone(" redistribute static\n redistribute connected\n")
    bench.configure("ip route 172.20.1.0 255.255.255.0 10.0.0.7\n")
    bench.handle(HostRouteChanged(Prefix.parse("172.20.2.0/24"), (NextHop(GI1, IPv4Address("10.0.0.7")),)))
    bench.configure(f"interface {GI1}\n no ip split-horizon\n")
    sent = of_type(bench.advance(40), SendIp)
    told = {str(found.prefix) for order in sent for found in RipPacket.parse(order.payload[8:]).entries}
    assert "172.20.1.0/24" in told
    assert "172.20.2.0/24" not in told


def test_twenty_five_entries_fill_a_packet() -> None:
    bench = lone(" redistribute static\n")
    bench.configure("".join(f"ip route 172.20.{number}.0 255.255.255.0 10.0.0.7\n" for number in range(60)))
    bench.configure(f"interface {GI1}\n no ip split-horizon\n")
    bench.handle(packet_from("10.0.0.2"))
    sent = of_type(bench.advance(40), SendIp)
    assert [len(RipPacket.parse(order.payload[8:]).entries) for order in sent][-3:] == [25, 25, 11]


# ------------------------------------------------------------------------------------------------- the process itself


def test_without_version_2_nothing_is_said_and_the_reason_is_shown() -> None:
    bench = router()
    bench.configure(interface(GI1, "10.0.0.1") + "router rip\n network 10.0.0.0\n")
    assert of_type(bench.handle(LinkChanged(GI1, up=True)), SendIp) == []
    reason = "this build speaks RIP version 2 only (`version 2` is missing)"
    assert f"    {GI1} is silent: {reason}" in bench.show("show ip protocols")


def test_an_interface_may_speak_version_2_whatever_the_process_says() -> None:
    net = pair()
    net.configure("A", f"interface {GI1}\n ip rip send version 2\nrouter rip\n no version\n").run(2)
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1}
    lines = net.routers["A"].show("show ip protocols")
    assert "  Default version control: send version 1, receive any version" in lines
    assert f"    {GI1:<36}2     1 2        No        none" in lines


def test_an_interface_that_is_to_send_version_1_alone_is_silent_and_says_why() -> None:
    """`ip rip send version 1` changed nothing, so that version 2 was sent."""
    net = pair(f"interface {GI1}\n ip rip send version 1\n").run(2)
    assert updates(net, "A", GI1) == []
    assert "version 1 alone is to be sent here" in "\n".join(net.routers["A"].show("show ip protocols"))
    net.configure("A", f"interface {GI1}\n ip rip send version 1 2\n ip rip receive version 1\n").run(2)
    assert rip_routes(net.routers["B"]) == {"10.1.1.0/24": 1}
    assert rip_routes(net.routers["A"]) == {}
    assert "RIP version 2" in "\n".join(net.routers["A"].show("show ip protocols | include ignored"))


def test_an_interface_with_authentication_stays_silent_rather_than_open(bench: Workbench) -> None:
    effects = bench.configure(f"interface {GI1}\n ip rip authentication mode md5\n ip rip authentication key-chain K\n")
    assert effects == [StopListening(GI1, 17, GROUP, 520)]
    bench.handle(packet_from("10.0.0.2", entry("10.9.0.0/16")))
    assert rip_routes(bench) == {}
    assert f'    {GI1} is silent: key chain "K" has no key' in "\n".join(bench.show("show ip protocols"))


CHAIN = "key chain K\n key 1\n  key-string sesame\n"
OTHER = CHAIN.replace("sesame", "other")


def sealed(mode: str, chain: str = CHAIN, keys: str = "K") -> str:
    return f"{chain}interface {GI1}\n ip rip authentication mode {mode}\n ip rip authentication key-chain {keys}\n"


@pytest.mark.parametrize("mode", ["text", "md5"])
def test_routers_with_the_same_key_tell_each_other_and_seal_every_packet(mode: str) -> None:
    net = pair(sealed(mode), sealed(mode)).run(40)
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1}
    assert rip_routes(net.routers["B"]) == {"10.1.1.0/24": 1}


@pytest.mark.parametrize(
    ("left", "right", "why", "both"),
    [
        (sealed("md5"), "", "no digest", "no authentication, ours is md5"),
        ("", sealed("md5"), "authentication that is not configured here", "md5, ours is no authentication"),
        (sealed("md5"), sealed("md5", OTHER), "the digest is wrong (key 1)", "md5, made with another key"),
        (sealed("text"), sealed("text", OTHER), "the password is missing or wrong", "text, made with another key"),
        (sealed("text"), sealed("md5"), "the password is missing or wrong", "md5, ours is text"),
    ],
)
def test_whoever_seals_otherwise_is_not_believed_and_it_says_why(left: str, right: str, why: str, both: str) -> None:
    net = pair(left, right).run(40)
    said = [line for line in net.routers["A"].logs if line.startswith("%RIP")]
    expected = f"%RIP-4-AUTHMISMATCH: Neighbor 10.0.0.2 ({GI1}) is refused: theirs is {both}"
    assert said == [expected], "and no more than once a minute"
    assert rip_routes(net.routers["A"]) == {}
    assert f"the last one from 10.0.0.2: {why}" in "\n".join(net.routers["A"].show("show ip protocols"))


def test_a_packet_that_was_overheard_is_not_taken_again(bench: Workbench) -> None:
    bench.configure(sealed("md5"))

    def said(sequence: int) -> dict[str, int]:
        packet = RipPacket(command=Command.RESPONSE, entries=(entry("10.9.0.0/16", 2 + sequence),))
        octets = seal_md5(packet, key_id=1, key=b"sesame", sequence=sequence)
        bench.handle(octets_from("10.0.0.2", octets))
        return rip_routes(bench)

    assert said(5) == {"10.9.0.0/16": 7}
    assert said(4) == {"10.9.0.0/16": 7}
    assert said(6) == {"10.9.0.0/16": 8}
    bench.advance(181)
    assert said(2) == {"10.9.0.0/16": 4}, "it was silent so long that it may have begun again"


@pytest.mark.lengthy
def test_packets_with_digests_that_wait_are_not_old_when_an_acknowledgment_overtakes_them(bench: Workbench) -> None:
    bench.configure(sealed("md5"))
    tables = [
        RipPacket(command=Command.RESPONSE, entries=tuple(entry(f"20.{part}.{n}.0/24", 2) for n in range(24)))
        for part in range(80)
    ]
    acknowledgment = RipPacket(command=Command.UPDATE_ACKNOWLEDGE, update=UpdateHeader(sequence=1))
    for sequence, packet in enumerate((*tables, acknowledgment), 1):
        bench.handle(octets_from("10.0.0.2", seal_md5(packet, key_id=1, key=b"sesame", sequence=sequence)))
    assert len(rip_routes(bench)) < 80 * 24
    bench.advance(6)
    assert len(rip_routes(bench)) == 80 * 24


def test_keys_of_rip_roll_over() -> None:
    rolling = (
        "key chain K\n key 1\n  key-string old\n  accept-lifetime 06:00:00 Nov 20 2026 duration 120\n"
        "  send-lifetime 06:00:00 Nov 20 2026 duration 60\n"
        " key 2\n  key-string new\n  accept-lifetime 06:00:30 Nov 20 2026 infinite\n"
        "  send-lifetime 06:00:45 Nov 20 2026 infinite\n"
    )
    net = pair(sealed("md5", rolling), sealed("md5", rolling)).run(40)
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1}
    net.run(300)
    assert rip_routes(net.routers["A"]) == {"10.2.2.0/24": 1}
    assert "ignored" not in "\n".join(net.routers["A"].show("show ip protocols"))


def test_no_router_rip_takes_every_route_back() -> None:
    net = pair().run(1)
    net.configure("A", "no router rip\n")
    bench = net.routers["A"]
    assert rip_routes(bench) == {}
    assert any(isinstance(notice, RouteRetracted) for notice in bench.notices)
    net.run(600)
    assert bench.machine(RipMachine).next_deadline() is None


def test_a_new_distance_is_used_at_once() -> None:
    net = pair().run(1)
    net.configure("A", "router rip\n distance 150\n")
    route = net.routers["A"].ports.rib.exact(Prefix.parse("10.2.2.0/24"))
    assert route is not None
    assert route.distance == 150


def test_clear_ip_route_asks_the_neighbors_again() -> None:
    net = pair().run(1)
    orders = of_type(net.routers["A"].do("clear ip route *"), SendIp)
    assert RipPacket.parse(orders[0].payload[8:]).asks_for_whole_table


def test_the_configuration_is_shown_as_ios_shows_it() -> None:
    bench = router()
    bench.configure(
        "router rip\n network 172.16.11.1\n version 2\n no auto-summary\n timers basic 30 180 180 240\n"
        " passive-interface gi0/1\n distance 120\n default-information originate\n redistribute static metric 2\n"
    )
    assert bench.running_lines() == [
        "router rip",
        " version 2",
        " redistribute static metric 2",
        f" passive-interface {GI1}",
        " network 172.16.0.0",
        " default-information originate",
        " no auto-summary",
        "!",
    ]


# ------------------------------------------------------------------------------------------------- seed scenario S1

S1_R11 = file_text("rip_machine_s1_r11.cfg")
S1_R31 = S1_R11.replace("172.16.31.1", "X").replace("172.16.11.1", "172.16.31.1").replace("X", "172.16.11.1")
S1_TRANSPORT = """hostname TRANSPORT
interface GigabitEthernet0/1
 ip address 172.16.11.2 255.255.255.252
interface GigabitEthernet0/2
 ip address 172.16.31.2 255.255.255.252
router rip
 version 2
 network 172.16.0.0
 no auto-summary
"""


def s1() -> Segments:
    net = Segments()
    net.add("R11", router(1), S1_R11.replace("hostname R11\n", ""))
    net.add("R31", router(2), S1_R31.replace("hostname R11\n", "").replace("192.168.100.11", "192.168.100.31"))
    net.add("TRANSPORT", router(3), S1_TRANSPORT.replace("hostname TRANSPORT\n", ""))
    net.connect(("R11", GI1), ("TRANSPORT", GI1))
    net.connect(("R31", GI1), ("TRANSPORT", GI2))
    net.segments.append([("R11", "Tunnel100"), ("R31", "Tunnel100")])
    return net


def test_s1_the_transport_is_learned_by_rip_and_the_tunnel_comes_up() -> None:
    net = s1().run(3)
    r11 = net.routers["R11"]
    assert f"R        172.16.31.0/30 [120/1] via 172.16.11.2, 00:00:02, {GI1}" in r11.show("show ip route rip")
    assert r11.show("show ip interface brief")[-1].endswith(" manual up                    up      ")
    assert r11.show("show ip rip database") == [
        "172.16.0.0/16    auto-summary",
        f"172.16.11.0/30    directly connected, {GI1}",
        "172.16.31.0/30",
        f"    [1] via 172.16.11.2, 00:00:02, {GI1}",
    ]


def test_s1_the_age_of_a_rip_route_starts_again_with_every_update() -> None:
    net = s1().run(200)
    line = next(line for line in net.routers["R11"].show("show ip route rip") if line.startswith("R "))
    assert ", 00:00:" in line
    assert int(line.split(", ")[1][-2:]) <= 30


def test_s1_a_routing_protocol_that_announces_the_transport_in_the_tunnel_makes_it_flap() -> None:
    net = s1().run(3)
    r11 = net.routers["R11"]
    for name in ("R11", "R31"):
        net.configure(name, "router rip\n network 192.168.100.0\n")
    net.run(2)
    down = "%TUN-5-RECURDOWN: Tunnel100 temporarily disabled due to recursive routing"
    assert down in r11.logs
    assert "%LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel100, changed state to down" in r11.logs
    for bench in net.routers.values():
        bench.logs.clear()
    net.run(65)
    assert "%LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel100, changed state to up" in r11.logs
    assert any(down in bench.logs for bench in net.routers.values())


def test_show_ip_protocols_describes_the_process() -> None:
    net = s1().run(3)
    lines = net.routers["R11"].show("show ip protocols")
    assert lines[:7] == [
        "*** IP Routing is NSF aware ***",
        "",
        'Routing Protocol is "rip"',
        "  Outgoing update filter list for all interfaces is not set",
        "  Incoming update filter list for all interfaces is not set",
        f"  Sending updates every 30 seconds, next due in {lines[5].split()[-2]} seconds",
        "  Invalid after 180 seconds, hold down 180, flushed after 240",
    ]
    is_golden(lines[-7:], "rip_machine/show_ip_protocols_describes_the_process")
