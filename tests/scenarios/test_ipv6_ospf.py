"""OSPF version 3 over a cloud: network types, phase 2 by NHRP, areas, redistribution, the router ID."""

from __future__ import annotations

import pytest

from support.world import World

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
    assert world.lines("R11", "ospfv3")[:2] == [" OSPFv3 1 address-family ipv6", " Router ID 0.0.0.11"]
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
    world.configure("R11", "ipv6 route 2001:db8:f::/48 Null0")
    world.run_for(5)
    assert "OE2 2001:DB8:F::/48 [110/9]" in world.lines("R41", "ipv6 route ospf")
    world.configure("R11", "no router ospfv3 1")
    assert "ospfv3 1 ipv6 area" not in world.show("R11", "running-config interface Tunnel100")


def test_a_router_that_would_prove_who_it_is_by_ipsec_says_that_this_is_not_here() -> None:
    world = World("dual-stack")
    said = world.configure("R11", "interface Tunnel100", f"ipv6 ospf authentication ipsec spi 256 sha1 {'0' * 40}")
    assert "neighbors that it would keep away are taken" in said


@pytest.mark.parametrize("kind", ["non-broadcast", "point-to-multipoint non-broadcast"])
def test_configured_neighbors_are_called_by_their_link_local_addresses(kind: str) -> None:
    world = cloud(kind)
    assert "0.0.0.31" not in world.show("R11", "ipv6 ospf neighbor")
    for number in (31, 41):
        world.configure("R11", "interface Tunnel100", f"ipv6 ospf neighbor fe80::{number}")
        world.configure(f"R{number}", "interface Tunnel100", "ipv6 ospf neighbor fe80::11")
    world.run_for(60)
    assert "O   2001:DB8:4::/64" in world.show("R31", "ipv6 route ospf")
