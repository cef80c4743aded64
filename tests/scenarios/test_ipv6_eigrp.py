"""EIGRP for IPv6 over a cloud: link-local next hops, phase 2 by NHRP, classic and named mode, the router ID."""

from __future__ import annotations

import pytest

from dmvpn.shells.convergence import unfinished
from support.world import World

CLASSIC = """ipv6 router eigrp 100
 eigrp router-id 0.0.0.{number}
interface Tunnel100
 ipv6 eigrp 100
 no ipv6 split-horizon eigrp 100
 no ipv6 next-hop-self eigrp 100
interface GigabitEthernet0/2
 ipv6 eigrp 100
"""
NAMED = """router eigrp CLOUD
 address-family ipv6 unicast autonomous-system 100
  eigrp router-id 0.0.0.{number}
  af-interface Tunnel100
   no split-horizon
   no next-hop-self
  af-interface GigabitEthernet0/1
   shutdown
"""
FAR = "2001:db8:4::100"


def cloud(lines: str, network: str = "dual-stack") -> World:
    """Return a cloud that has these lines in place of its static routes of IPv6."""

    def change(name: str, text: str) -> str:
        kept = [line for line in text.splitlines() if not line.startswith(("ipv6 route ", "end"))]
        return "\n".join([*kept, *lines.format(number=name[1:]).splitlines(), "end", ""])

    world = World(network, change=lambda name, text: change(name, text) if name.startswith("R") else text)
    world.run_for(30)
    return world


@pytest.mark.parametrize("lines", [CLASSIC, NAMED], ids=["classic", "named"])
def test_spokes_exchange_routes_and_go_direct_by_the_link_local_next_hop(lines: str) -> None:
    world = cloud(lines)
    assert "     via FE80::41, Tunnel100" in world.lines("R31", "ipv6 route eigrp")
    shown = world.show("R31", "ipv6 eigrp neighbors")
    assert "0   Link-local address:     Tu100 " in shown
    assert "\n    FE80::11\n" in shown
    assert any("EIGRP-IPv6 100: Neighbor FE80::11 (Tunnel100) is up" in line for line in world.messages("R31"))
    assert world.stream("H3", FAR, seconds=4, rate=5) == len(world.replies("H3"))
    trace = world.do("R31", "traceroute 2001:db8:4::1 source 2001:db8:3::1 probe 1")
    assert "2001:DB8:100::41" in trace
    assert "2001:DB8:100::11" not in trace


def test_a_lost_lan_is_withdrawn_and_both_versions_run_beside_each_other() -> None:
    both = CLASSIC + "router eigrp 100\n network 10.0.0.0\n network 192.168.100.0\n"
    world = cloud(both)
    assert "FE80::31" in world.show("R11", "ipv6 eigrp neighbors")
    assert "192.168.100.31" in world.show("R11", "ip eigrp neighbors")
    assert "Peer up: FE80::31 Tunnel100" in world.show("R11", "ipv6 eigrp events")
    protocols = world.show("R11", "eigrp protocols")
    assert "EIGRP-IPv4 Protocol for AS(100)" in protocols
    assert "EIGRP-IPv6 Protocol for AS(100)" in protocols
    assert unfinished(world.sim.facts(world.scenario)) == {}
    world.configure("R41", "interface GigabitEthernet0/2", "shutdown")
    world.run_for(2)
    assert "2001:DB8:4::/64" not in world.show("R31", "ipv6 route")
    world.do("R11", "clear ipv6 eigrp neighbors")
    assert "192.168.100.31" in world.show("R11", "ip eigrp neighbors")
    assert "FE80::31" not in world.show("R11", "ipv6 eigrp neighbors")
    world.run_for(10)
    assert "FE80::31" in world.show("R11", "ipv6 eigrp neighbors")


def test_redistributed_routes_are_external_and_a_summary_takes_the_place_of_its_parts() -> None:
    world = cloud(CLASSIC)
    world.configure("R11", "ipv6 route 2001:db8:f::/48 Null0", "ipv6 router eigrp 100", "redistribute static")
    world.configure("R11", "interface Tunnel100", "ipv6 summary-address eigrp 100 2001:db8::/45")
    world.run_for(5)
    routes = world.lines("R31", "ipv6 route eigrp")
    assert "EX  2001:DB8:F::/48 [170/1920256]" in routes
    assert "D   2001:DB8::/45 [90/1920256]" in routes
    assert not any("2001:DB8:4::/64" in line for line in routes)
    assert "    Null0, directly connected" in world.lines("R11", "ipv6 route 2001:db8::/45")


def test_connected_networks_of_another_process_come_in_where_a_line_includes_them_and_lists_filter() -> None:
    world = cloud(CLASSIC)
    second = "ipv6 router eigrp 7", "eigrp router-id 9.9.9.9", "redistribute eigrp 100"
    world.configure("R11", *second)
    world.run_for(5)
    topology = world.show("R11", "ipv6 eigrp 7 topology")
    assert "P 2001:DB8:4::/64" in topology
    assert "P 2001:DB8:1::/64" not in topology
    world.configure("R11", *second[:2], "redistribute eigrp 100 include-connected")
    world.run_for(5)
    assert "P 2001:DB8:1::/64" in world.show("R11", "ipv6 eigrp 7 topology")
    assert "  redistribute eigrp 100 include-connected" not in world.show("R11", "running-config")
    assert " redistribute eigrp 100 include-connected" in world.lines("R11", "running-config")
    world.configure("R31", "ipv6 prefix-list FAR deny 2001:DB8:4::/64", "ipv6 prefix-list FAR permit ::/0 le 64")
    world.configure("R31", "ipv6 router eigrp 100", "distribute-list prefix-list FAR in")
    world.run_for(20)
    assert [line for line in world.lines("R31", "ipv6 route eigrp") if line.startswith("D ")] == [
        "D   2001:DB8:1::/64 [90/1920256]"
    ]
    asked = world.configure(
        "R11", "router bgp 65000", "address-family ipv6", "redistribute eigrp 100 include-connected"
    )
    assert "%" not in asked.replace("%BGP", "")


def test_without_any_ipv4_address_a_process_waits_for_a_router_id() -> None:
    world = cloud(CLASSIC)
    hub = world.show("R11", "running-config | include ^ ip address|^interface")
    world.configure("R11", "ipv6 router eigrp 100", "no eigrp router-id", "exit")
    ports = [line.split()[1] for line in hub.splitlines() if line.startswith("interface")]
    for port in ports:
        world.configure("R11", f"interface {port}", "no ip address")
    world.run_for(60)
    assert "% No usable Router-ID found" in world.show("R11", "ipv6 eigrp neighbors")
    world.configure("R11", "interface Loopback0", "ip address 10.99.0.1 255.255.255.255")
    assert "Router-ID: 10.99.0.1" in world.show("R11", "ipv6 protocols")


def test_lines_of_the_other_version_are_refused() -> None:
    world = World("dual-stack")
    asked = world.configure(
        "R11", "router eigrp CLOUD", "address-family ipv6 unicast autonomous-system 7", "network 10.0.0.0"
    )
    assert "% EIGRP for IPv6 has no networks: it runs on all interfaces with IPv6" in asked
    asked = world.configure(
        "R11", "router eigrp CLOUD", "address-family ipv6 as 7", "af-interface Tunnel100", "summary-address 10.0.0.0/8"
    )
    assert "% The address family is of IPv6" in asked
    for family, prefix in ("ipv4", "2001:db8::/32"), ("ipv6", "10.0.0.0/8"):
        into = "router eigrp CLOUD", f"address-family {family} unicast autonomous-system 7", "topology base"
        asked = world.configure("R11", *into, f"summary-metric {prefix} 1 1 1 1 1")
        assert "% The address family is of IPv" in asked
    asked = world.configure("R11", "router bgp 65000", "address-family ipv6", "network 10.0.0.0 mask 255.0.0.0")
    assert "% The address family is of IPv6" in asked
    assert "network 10.0.0.0" not in world.show("R11", "running-config | section router bgp")
    asked = world.configure("R11", "ipv6 router eigrp 7")
    assert "% Autonomous system 7 is configured in named mode" in asked
