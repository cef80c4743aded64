"""OSPF version 3 over a cloud: network types, phase 2 by NHRP, areas, redistribution, the router ID."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.events import IpReceived
from dmvpn.features.ospf.lsa import (
    Body,
    LinkBody,
    LinkType,
    LsaKey,
    LsaType,
    PrefixEntry,
    RouterBody,
    RouterLink,
)
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.features.ospf.packet import LinkStateUpdate, OspfPacket
from dmvpn.features.ospf.spf import Graph
from dmvpn.features.ospf.version3 import Lsa3, serialize
from dmvpn.net.gre import ProtocolType
from dmvpn.network.device import Device
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = """ipv6 router ospf 1
 router-id 0.0.0.{number}
interface Tunnel100
 ipv6 ospf 1 area 0
 ipv6 ospf network {network}
 ipv6 ospf priority {priority}
 ipv6 ospf hello-interval 5
interface GigabitEthernet0/2
 ipv6 ospf 1 area {area}
"""
CHAIN = """key chain OPEN
 key 7
  key-string sesame
  cryptographic-algorithm hmac-sha-256
interface Tunnel100
 ospfv3 authentication key-chain OPEN
"""
ALL = IPv6Address("ff02::5")
FAR = "2001:db8:4::100"


def cloud(network: str, lines: str = LINES) -> World:
    """Return a cloud that has these lines in place of its static routes of IPv6. Area 3 is behind R31."""

    def change(name: str, text: str) -> str:
        kept = [line for line in text.splitlines() if not line.startswith(("ipv6 route ", "end"))]
        area, priority = 3 if name == "R31" else 0, 10 if name == "R11" else 0
        said = lines.format(number=name[1:], network=network, priority=priority, area=area)
        return "\n".join([*kept, *said.splitlines(), "end", ""])

    world = World("dual-stack", change=lambda name, text: change(name, text) if name.startswith("R") else text)
    world.run_for(40)
    return world


def test_in_a_broadcast_cloud_spokes_go_direct_by_the_link_local_next_hop_of_the_other_one() -> None:
    world = cloud("broadcast")
    assert "     via FE80::41, Tunnel100" in world.lines("R31", "ipv6 route ospf")
    assert "OI  2001:DB8:3::/64 [110/26]" in world.lines("R41", "ipv6 route ospf")
    assert "0.0.0.31          0   FULL/DROTHER" in world.show("R11", "ipv6 ospf neighbor")
    said = world.do("R31", "debug ipv6 ospf hello", "undebug ospfv3 hello", "clear ipv6 access-list")
    assert said.split("\n") == ["OSPF hello debugging is on", "OSPF hello debugging is off", ""]
    assert world.lines("R11", "ospfv3")[:2] == [" OSPFv3 1 address-family ipv6", " Router ID 0.0.0.11"]
    assert world.show("R11", "ospfv3 1 ipv6 neighbor") == world.show("R11", "ospfv3 neighbor")
    amounts = world.lines("R11", "ospfv3 database database-summary")
    assert "  Link                4        0        0" in amounts[: amounts.index("Process 1 database summary")]
    said = world.show("R11", "ipv6 ospf database prefix | json")
    assert re.search(r'"about": \[\s*\d+,\s*"[\d.]+",\s*"0\.0\.0\.41"', said), "not numbers of addresses"
    full = "%OSPFv3-5-ADJCHG: Process 1, IPv6, Nbr 0.0.0.31 on Tunnel100 from LOADING to FULL, Loading Done"
    assert any(full in line for line in world.messages("R11"))
    assert world.stream("H3", FAR, seconds=4, rate=5) == len(world.replies("H3"))
    trace = world.do("R31", "traceroute 2001:db8:4::1 source 2001:db8:3::1 probe 1")
    assert "2001:DB8:100::41" in trace
    assert "2001:DB8:100::11" not in trace


def test_multipoint_leads_through_the_hub_and_a_lost_lan_is_withdrawn() -> None:
    world = cloud("point-to-multipoint")
    routes = world.lines("R31", "ipv6 route ospf")
    assert "O   2001:DB8:100::41/128 [110/50]" in routes
    assert "O   2001:DB8:4::/64 [110/51]" in routes
    assert "     via FE80::41, Tunnel100" not in routes
    world.configure("R41", "interface GigabitEthernet0/2", "shutdown")
    world.run_for(5)
    assert "2001:DB8:4::/64" not in world.show("R31", "ipv6 route")


@pytest.mark.parametrize("router", [("ipv6 router ospf 1",), ("router ospfv3 1", "address-family ipv6 unicast")])
def test_a_distribute_list_keeps_routes_out_of_the_table_and_routes_of_another_protocol_out_of_ospf(
    router: tuple[str, ...],
) -> None:
    world = cloud("broadcast", LINES.replace("ipv6 router ospf 1\n router-id", "\n ".join(router) + "\n  router-id"))
    world.configure("R31", "ipv6 prefix-list FAR deny 2001:DB8:4::/64", "ipv6 prefix-list FAR permit ::/0 le 128")
    said = world.configure("R31", *router, "distribute-list prefix-list FAR in Tunnel100")
    assert "%" not in said
    world.run_for(10)
    assert "2001:DB8:4::/64" not in world.show("R31", "ipv6 route")
    assert "2001:DB8:3::/64" in world.show("R41", "ipv6 route ospf")
    assert " distribute-list prefix-list FAR in Tunnel100" in world.show("R31", "running-config")
    world.configure("R31", *router, "no distribute-list prefix-list FAR in Tunnel100")
    world.run_for(10)
    assert "2001:DB8:4::/64" in world.show("R31", "ipv6 route ospf")
    world.configure("R11", "ipv6 prefix-list FAR permit 2001:DB8:E::/48")
    world.configure("R11", "ipv6 route 2001:db8:e::/48 Null0", "ipv6 route 2001:db8:f::/48 Null0")
    world.configure("R11", *router, "redistribute static", "distribute-list prefix-list FAR out static")
    world.run_for(10)
    routes = world.show("R31", "ipv6 route ospf")
    assert "2001:DB8:E::/48" in routes
    assert "2001:DB8:F::/48" not in routes


def test_stub_areas_ranges_external_routes_and_summaries() -> None:
    world = cloud("point-to-multipoint")
    world.configure("R11", "ipv6 route 2001:db8:f:1::/64 Null0", "ipv6 route 2001:db8:f:2::/64 Null0")
    world.configure("R11", "ipv6 router ospf 1", "redistribute static metric 7", "default-information originate always")
    world.configure("R31", "ipv6 router ospf 1", "area 3 range 2001:db8:3::/48")
    world.run_for(10)
    routes = world.lines("R41", "ipv6 route ospf")
    assert "OE2 2001:DB8:F:1::/64 [110/7]" in routes
    assert "OE2 ::/0 [110/1]" in routes
    assert "OI  2001:DB8:3::/48 [110/51]" in routes
    world.configure("R11", "ipv6 router ospf 1", "summary-prefix 2001:db8:f::/48")
    world.run_for(10)
    routes = world.lines("R41", "ipv6 route ospf")
    assert "OE2 2001:DB8:F::/48 [110/7]" in routes
    assert not any("2001:DB8:F:1::/64" in line for line in routes)
    shown = world.lines("R11", "ospfv3 summary-prefix")
    assert shown[1] == "          OSPFv3 1 address-family ipv6 (router-id 0.0.0.11)"
    assert shown[-1] == "2001:DB8:F::/48     Metric 7, External metric type 2, Tag 0"
    assert "  Prefix Address: 2001:DB8:F::" in world.lines("R41", "ipv6 ospf database external")
    assert "  Prefix Length: 48, Options: None" in world.lines("R11", "ipv6 ospf database external")
    assert "  Prefix Length: 48, Options: None" in world.lines("R31", "ipv6 ospf database inter-area prefix")
    assert "*>  2001:DB8:3::/48, Inter, cost 51, area 0" in world.lines("R41", "ipv6 ospf rib 2001:db8:3::/48")


@pytest.mark.parametrize("line", ["area 3 filter-list prefix P out", "area 0 filter-list prefix P in"])
def test_a_filter_between_areas_asks_a_prefix_list_of_ipv6(line: str) -> None:
    world = cloud("point-to-multipoint")
    world.configure("R31", "ip prefix-list P permit 0.0.0.0/0", "ipv6 router ospf 1", line)
    world.run_for(8)
    lan = [route for route in world.lines("R41", "ipv6 route ospf") if route.startswith("OI")]
    assert lan == [], "a list of IPv4 of this name lets no prefix of IPv6 pass"
    world.configure("R31", "ipv6 prefix-list P permit 2001:db8::/32 le 64")
    world.run_for(8)
    assert len([route for route in world.lines("R41", "ipv6 route ospf") if route.startswith("OI")]) == 1
    assert f"Area-filter P {line.split()[-1]}" in world.show("R31", "ospfv3")
    assert line in world.show("R31", "running-config | section ospf")


def test_an_nssa_brings_routes_in_that_its_border_router_translates() -> None:
    world = cloud("point-to-multipoint", LINES.replace("ipv6 router ospf 1\n", "ipv6 router ospf 1\n area 7 nssa\n"))
    for name in ("R11", "R41"):
        world.configure(name, "interface Tunnel100", "no ipv6 ospf 1", f"ipv6 ospf 1 area {7 if name == 'R41' else 0}")
    world.configure("R41", "interface GigabitEthernet0/2", "ipv6 ospf 1 area 7")
    world.configure("R11", "interface Tunnel100", "ipv6 ospf 1 area 7", "exit", "interface GigabitEthernet0/2")
    world.configure("R41", "ipv6 route 2001:db8:e::/48 Null0", "ipv6 router ospf 1", "redistribute static")
    world.run_for(40)
    assert "ON2 2001:DB8:E::/48 [110/20]" in world.lines("R11", "ipv6 route ospf")
    assert "Type-5 AS External" in world.show("R11", "ipv6 ospf database"), "translated into the backbone"


def test_bgp_takes_the_kinds_of_routes_that_its_line_names_and_connected_networks_if_it_says_so() -> None:
    world = cloud("point-to-multipoint")
    world.configure("R31", "ipv6 route 2001:db8:e::/48 Null0", "ipv6 router ospf 1", "redistribute static")
    line = "redistribute ospf 1 match internal"
    world.configure("R11", "router bgp 65000", "address-family ipv6", line)
    world.run_for(10)
    first = world.show("R11", "bgp ipv6 unicast")
    world.configure("R11", "router bgp 65000", "address-family ipv6", f"{line} external 2 include-connected")
    world.run_for(10)
    second = world.show("R11", "bgp ipv6 unicast")
    for prefix, comes_first in (("3::/64", True), ("4::/64", True), ("E::/48", False), ("1::/64", False)):
        assert (f"2001:DB8:{prefix}" in first, f"2001:DB8:{prefix}" in second) == (comes_first, True), prefix


def test_a_neighbor_that_floods_gets_its_share_of_a_network_and_each_of_its_links_costs_one_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = cloud("broadcast")
    machine = world.sim.routers["R11"].router.machine(OspfMachine)
    process, stranger, looks = machine.ipv6[1], IPv4Address("7.7.7.7"), list[int]()
    neighbor = next(iter(process.interfaces["Tunnel100"].neighbors.values()))

    def add(self: Graph, router: IPv4Address, body: RouterBody, known: Callable[..., None] = Graph.add) -> None:
        looks.extend([len(body.links)] if router == stranger else [])
        known(self, router, body)

    def tell(kind: LsaType, number: IPv4Address, router: IPv4Address, body: Body) -> None:
        lsa = Lsa3.make(LsaKey(kind, number, router), body, sequence=5, options=0x13)
        packet = OspfPacket(router=neighbor.router, area=IPv4Address(0), content=LinkStateUpdate((lsa,)))
        octets = serialize(packet, neighbor.address, ALL)
        process.receiver.receive(neighbor.interface, IpReceived("Tunnel100", neighbor.address, ALL, 89, octets, 1))

    monkeypatch.setattr(Graph, "add", add)
    many = tuple(PrefixEntry(Prefix(IPv6Address((0x20010DB9 << 32 | number) << 64), 64)) for number in range(5000))
    for number, entries in ((neighbor.number, many[:3000]), (IPv4Address(77), many[3000:])):
        tell(LsaType.LINK, number, neighbor.router, LinkBody(0, IPv6Address("fe80::31"), entries))
    for count in range(20):
        link = RouterLink(LinkType.POINT_TO_POINT, IPv4Address(count), stranger, 1, bytes(4))
        tell(LsaType.ROUTER, IPv4Address(count), stranger, RouterBody(0, (link,)))
    world.run_for(0.2)  # then the router whose links these are said to be takes them back
    said = [line for line in world.lines("R11", "ipv6 ospf database prefix") if "Number of Prefixes: 1" in line]
    assert 1000 < max(int(line.split()[-1]) for line in said) < 3276
    world.run_for(10)
    assert set(looks) == {1}


def test_without_an_ipv4_address_a_process_waits_and_says_so_as_ios_does() -> None:
    world = cloud("broadcast")
    ports = [line.split()[1] for line in world.lines("R11", "running-config") if line.startswith("interface")]
    for port in ports:
        world.configure("R11", f"interface {port}", "no ip address")
    world.configure("R11", "ipv6 router ospf 1", "no router-id")
    world.run_for(20)
    said = "%OSPFv3-4-NORTRID: OSPFv3 process 1 could not pick a router-id, please configure manually"
    assert any(said in line for line in world.messages("R11"))
    world.configure("R11", "ipv6 router ospf 1", "router-id 0.0.0.99")
    world.run_for(5)
    assert "(0.0.0.99)" in world.show("R11", "ipv6 ospf database")


NAMED = """router ospfv3 1
 router-id 0.0.0.{number}
 area 3 stub no-summary
 address-family ipv6 unicast
  passive-interface default
  no passive-interface Tunnel100
  redistribute static metric 9
 exit-address-family
interface Tunnel100
 ospfv3 1 ipv6 area 0
 ospfv3 network {network}
 ospfv3 priority {priority}
interface GigabitEthernet0/2
 ospfv3 1 ipv6 area {area}
"""


def test_the_process_of_its_own_mode_has_its_lines_and_those_of_its_address_family() -> None:
    world = cloud("point-to-multipoint", NAMED)
    assert "OI  2001:DB8:3::/64" in world.show("R11", "ipv6 route ospf")
    assert "No Hellos (Passive interface)" in world.show("R31", "ospfv3 interface GigabitEthernet0/2")
    assert "It is a stub area, no summary LSA in this area" in world.show("R31", "ospfv3")
    kept = world.lines("R31", "running-config")
    block = kept[kept.index("router ospfv3 1") :]
    assert block[1:3] == [" router-id 0.0.0.31", " area 3 stub no-summary"]
    assert block[4:6] == [" address-family ipv6 unicast", "  redistribute static metric 9"]
    world.configure("R31", "router ospfv3 1", "address-family ipv6", "area 9 default-cost 7", "area 3 default-cost 7")
    assert "It is a stub area, no summary LSA in this area" in world.show("R31", "ospfv3"), "areas of both modes count"
    world.configure("R11", "ipv6 route 2001:db8:f::/48 Null0")
    world.run_for(5)
    assert "OE2 2001:DB8:F::/48 [110/9]" in world.lines("R41", "ipv6 route ospf")
    world.configure("R11", "ipv6 router ospf 1", "auto-cost reference-bandwidth 900")
    assert " Reference bandwidth unit is 900 mbps" in world.lines("R11", "ospfv3"), "the lines of both modes count"
    world.configure("R11", "router ospfv3 1", "address-family ipv6", "maximum-paths 3")
    assert world.lines("R11", "running-config").count(" address-family ipv6 unicast") == 1
    world.configure("R11", "router ospfv3 1", "no address-family ipv6")
    assert " address-family ipv6 unicast" not in world.lines("R11", "running-config")
    world.configure("R11", "no router ospfv3 1")
    assert "ospfv3 1 ipv6 area" not in world.show("R11", "running-config interface Tunnel100")


def test_where_a_process_and_its_address_family_say_something_of_one_thing_the_family_has_the_last_word() -> None:
    """The first of both lines counted, and shows had both; ranges of the process were forgotten."""
    world = cloud("point-to-multipoint", NAMED)
    world.configure("R31", "router ospfv3 1", "passive-interface Tunnel100")
    process = "redistribute static metric 5", "summary-prefix 2001:db8:e::/47 tag 5", "area 3 range 2001:db8:3::/48"
    family = "redistribute static metric 7", "summary-prefix 2001:db8:e::/47 tag 7", "area 3 range 2001:db8:b::/48"
    way = "ipv6 route 2001:db8:f::/48 Null0"
    world.configure("R31", way, "router ospfv3 1", *process, "address-family ipv6", *family)
    world.run_for(5)
    assert "No Hellos (Passive interface)" not in world.show("R31", "ospfv3 interface Tunnel100")
    assert "OE2 2001:DB8:E::/47 [110/7]" in world.lines("R41", "ipv6 route ospf")
    assert [line for line in world.lines("R31", "ospfv3 summary-prefix") if "Metric" in line] == [
        "2001:DB8:E::/47     Metric 7, External metric type 2, Tag 7"
    ]
    assert world.show("R31", "ospfv3").count("static with metric mapped to") == 1
    assert "OI  2001:DB8:3::/48" in world.show("R41", "ipv6 route ospf"), "a range of the process"


def test_a_router_that_would_prove_who_it_is_by_ipsec_says_that_this_is_not_here() -> None:
    world = World("dual-stack")
    said = world.configure("R11", "interface Tunnel100", f"ipv6 ospf authentication ipsec spi 256 sha1 {'0' * 40}")
    assert "neighbors that it would keep away are taken" in said


def test_an_authentication_trailer_of_a_key_chain_keeps_out_who_has_another_key() -> None:
    world = cloud("point-to-multipoint")
    chain = ("key chain OPEN", "key 7", "key-string sesame", "cryptographic-algorithm hmac-sha-256")
    for name in ("R11", "R31", "R41"):
        world.configure(name, *chain, "interface Tunnel100", "ospfv3 authentication key-chain OPEN")
    assert " ospfv3 authentication key-chain OPEN" in world.lines("R11", "running-config interface Tunnel100")
    world.run_for(40)
    sealed = "Sending SA: Key 7, Algorithm HMAC-SHA-256 - key chain OPEN"
    assert f"  Cryptographic authentication enabled, {sealed}" in world.lines("R11", "ospfv3 interface")
    assert world.show("R11", "ospfv3 neighbor").count("FULL/") == 2
    world.configure("R31", "key chain OPEN", "key 7", "key-string another")
    world.run_for(40)
    assert world.show("R11", "ospfv3 neighbor").count("FULL/") == 1
    assert any("Authentication: a digest made with another key 7" in line for line in world.messages("R11"))
    world.configure("R31", "key chain OPEN", "key 7", "no cryptographic-algorithm hmac-sha-256")
    assert any("has an algorithm of HMAC-SHA" in line for line in world.messages("R31")), "RFC 7166 has no MD5"


def test_numbers_of_trailers_increase_over_restarts_too_and_a_hello_counts_once() -> None:
    """RFC 7166 §4.1.1. Whoever sent a router's last Hello again kept it up; its own ones were old after a restart."""
    world = cloud("point-to-multipoint non-broadcast", f"{CHAIN} ospfv3 dead-interval 30\n{LINES}".replace(" 5", " 1"))
    wire = world.watch("R31", "GigabitEthernet0/1")
    for number in (31, 41):
        world.configure("R11", "interface Tunnel100", f"ipv6 ospf neighbor fe80::{number}")
        world.configure(f"R{number}", "interface Tunnel100", "ipv6 ospf neighbor fe80::11")
    world.run_for(80)
    assert world.show("R11", "ospfv3 neighbor").count("FULL/") == 2
    for line in ("no ipv6 ospf 1 area 0", "ipv6 ospf 1 area 0"):
        world.configure("R11", "interface Tunnel100", line)
    world.run_for(40)
    assert world.show("R11", "ospfv3 neighbor").count("FULL/") == 2
    assert not any("Dead timer expired" in line for line in world.messages("R31"))
    of_ospf = [each for each in wire.tunnelled(ProtocolType.IPV6) if each.payload[6] == 89]
    last = next(each for each in reversed(of_ospf) if each.payload[41] == 1 and each.payload[23] == 0x31)
    world.cut("R31", "GigabitEthernet0/1")
    for _ in range(4):
        world.deliver("R11", "GigabitEthernet0/1", last.outer)
        world.run_for(10)
    assert world.show("R11", "ospfv3 neighbor").count("FULL/") == 1


@pytest.mark.parametrize("kind", ["non-broadcast", "point-to-multipoint non-broadcast"])
def test_configured_neighbors_are_called_by_their_link_local_addresses(kind: str) -> None:
    world = cloud(kind)
    assert "0.0.0.31" not in world.show("R11", "ipv6 ospf neighbor")
    for number in (31, 41):
        world.configure("R11", "interface Tunnel100", f"ipv6 ospf neighbor fe80::{number}")
        world.configure(f"R{number}", "interface Tunnel100", "ipv6 ospf neighbor fe80::11")
    world.run_for(60)
    assert "O   2001:DB8:4::/64" in world.show("R31", "ipv6 route ospf")


@pytest.mark.parametrize("process", ["router ospf 1", "ipv6 router ospf 1", "router ospfv3 1"])
@pytest.mark.parametrize(("line", "kind"), [("stub no-summary", "stub"), ("nssa", "NSSA")])
def test_the_backbone_is_no_stub_area(process: str, line: str, kind: str) -> None:
    (problem,) = Device.read("R1", f"{process}\n area 0 {line}\n area 1 {line}\n").problems
    assert problem.message_lines == (f"% OSPF: Backbone can not be configured as {kind} area",)


def test_an_interface_runs_the_process_of_its_last_line_in_whichever_form() -> None:
    port = "interface GigabitEthernet0/1\n ipv6 enable\n ipv6 ospf 1 area 0\n ospfv3 2 ipv6 area 0\n"
    for more, left in (("", " ospfv3 2 ipv6 area 0"), (" ipv6 ospf 3 area 7\n", " ipv6 ospf 3 area 7")):
        lines = Device.read("R1", port + more).lines.lines
        assert [one for one in lines if "area" in one] == [left]
