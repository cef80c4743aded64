"""Two customers reach the services VRF of one router by route targets, and not each other."""

from __future__ import annotations

import pytest

from dmvpn.router.facts import router_facts
from dmvpn.shells.facts import lab_facts
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.walk import as_text, walk
from support.doctors import ExaminedWorld
from support.texts import file_text
from support.world import World

_BORDER = file_text("shared_services_border.cfg")
_NEIGHBOR = """hostname R{n}
interface Loopback0
 ip address 192.168.{n}.1 255.255.255.0
interface GigabitEthernet1
 ip address 10.0.{n}.{n} 255.255.255.0
 no shutdown
{routing}
end
"""
_ROUTING = {
    2: "ip route 0.0.0.0 0.0.0.0 10.0.2.1",
    3: "router bgp 65003\n neighbor 10.0.3.1 remote-as 65000\n network 192.168.3.0",
    4: "router ospf 1\n network 0.0.0.0 255.255.255.255 area 0",
}


def shared_services() -> World:
    """Return R2 in VRF A of R1 by static routes, R3 in VRF B by BGP, and R4 in VRF S by OSPF."""
    wires = [{"ends": [f"R1:GigabitEthernet{n - 1}", f"R{n}:GigabitEthernet1"]} for n in _ROUTING]
    lab = Lab.model_validate({"routers": {f"R{n}": {} for n in (1, 2, 3, 4)}, "links": wires})
    texts = {f"R{n}": _NEIGHBOR.format(n=n, routing=routing) for n, routing in _ROUTING.items()}
    world = World.of(Scenario("shared-services", lab, {"R1": _BORDER, **texts}))
    world.run_for(90)
    return world


@pytest.fixture
def world() -> World:
    return shared_services()


def reaches(world: World, sender: int, receiver: int) -> bool:
    """Return whether the station behind one router reaches that behind another, and is answered."""
    return "!!!!!" in world.do(f"R{sender}", f"ping 192.168.{receiver}.1 source Loopback0 repeat 5")


def is_whole(world: World) -> bool:
    """Return whether both customers reach the services, and not each other."""
    wanted = all(reaches(world, *pair) for pair in ((2, 4), (4, 2), (3, 4), (4, 3)))
    return wanted and not reaches(world, 2, 3) and not reaches(world, 3, 2)


def routes(world: World, vrf: str) -> list[str]:
    """Return the BGP routes of a VRF, without their ages."""
    lines = world.do("R1", f"show ip route vrf {vrf} bgp").splitlines()
    return [line for line in lines if line.startswith("B  ")]


def has(world: World, vrf: str, prefix: str) -> bool:
    """Return whether a VRF has a BGP route."""
    return any(f" {prefix} " in f"{line} ".replace("/", " ") for line in routes(world, vrf))


# -------------------------------------------------------------------------------------------------------- what is there


def test_customers_reach_the_services_and_not_each_other(world: World) -> None:
    assert is_whole(world)
    hops = world.do("R2", "traceroute 192.168.4.1 source Loopback0")
    assert "1 10.0.2.1" in hops
    assert "2 10.0.4.4" in hops or "2 192.168.4.1" in hops


def test_imported_routes_name_the_vrf_that_their_next_hops_are_in(world: World) -> None:
    (connected,) = [line for line in routes(world, "B") if "10.0.4.0" in line]
    assert "is directly connected (S), 00:01:" in connected
    assert connected.endswith(", GigabitEthernet3")
    (learned,) = [line for line in routes(world, "S") if "192.168.3.0" in line]
    assert "[20/0] via 10.0.3.3 (B), 00:01:" in learned
    shown = world.do("R1", "show ip route vrf A 192.168.4.1")
    assert 'Known via "bgp 65000", distance 20, metric 2, type external' in shown
    assert "  * 10.0.4.4 (S), from 0.0.0.0, " in shown


def test_a_path_says_what_it_is_imported_from_and_which_targets_it_has(world: World) -> None:
    shown = world.do("R1", "show bgp vpnv4 unicast vrf S 192.168.3.0/24").splitlines()
    assert shown[0].startswith("BGP routing table entry for 65000:100:192.168.3.0/24, version ")
    assert "best #1, table S" in shown[1]
    assert "  65003, imported path from 65000:2:192.168.3.0/24 (B)" in shown
    assert "    10.0.3.3 (via vrf B) from 10.0.3.3 (192.168.3.1)" in shown
    assert "      Extended Community: RT:65000:2" in shown
    assert "RT:65000:2" in world.do("R1", "show ip bgp vpnv4 vrf B 192.168.3.0")


def test_all_tables_of_vpnv4_are_listed_by_route_distinguisher(world: World) -> None:
    shown = world.do("R1", "show bgp vpnv4 unicast all").splitlines()
    heads = [line for line in shown if line.startswith("Route Distinguisher")]
    named = (("1", "A"), ("2", "B"), ("100", "S"))
    assert heads == [f"Route Distinguisher: 65000:{number} (default for vrf {vrf})" for number, vrf in named]
    one = world.do("R1", "show ip bgp vpnv4 vrf A").splitlines()
    assert [line for line in one if line.startswith("Route Distinguisher")] == heads[:1]
    assert world.do("R1", "show ip bgp vpnv4 all 192.168.3.0").count("routing table entry") == 2
    assert "10.0.3.3        4        65003" in world.do("R1", "show bgp vpnv4 unicast all summary")
    assert world.do("R1", "show bgp vpnv4 unicast all 10.9.9.0/24").strip() == "% Network not in table"


# --------------------------------------------------------------------------------------------------------- what changes


def test_a_next_hop_that_moves_moves_in_the_other_vrfs(world: World) -> None:
    world.configure("R1", "no ip route vrf A 192.168.2.0 255.255.255.0 10.0.2.2")
    world.configure("R1", "ip route vrf A 192.168.2.0 255.255.255.0 10.0.2.9")
    world.run_for(5)
    assert "via 10.0.2.9 (A)" in "".join(routes(world, "S"))


def test_a_removed_vrf_takes_its_routes_along_and_brings_them_back(world: World) -> None:
    lines = world.do("R1", "show running-config")
    world.configure("R1", "no vrf definition S")
    world.run_for(5)
    assert not routes(world, "A")
    world.configure("R1", *lines.splitlines())
    world.run_for(120)
    assert is_whole(world)


@pytest.mark.parametrize(
    "lines",
    [
        ("router bgp 65000", "no address-family ipv4 vrf S"),
        ("no router bgp 65000",),
        ("vrf definition S", "no rd 65000:100"),
    ],
)
def test_without_bgp_in_a_vrf_nothing_is_exchanged_with_it(world: World, lines: tuple[str, ...]) -> None:
    text = world.do("R1", "show running-config")
    world.configure("R1", *lines)
    world.run_for(5)
    assert not has(world, "A", "10.0.4.0")
    assert not has(world, "S", "192.168.2.0")
    world.configure("R1", *text.splitlines())
    world.run_for(120)
    assert is_whole(world)


# ---------------------------------------------------------------------------------------------------------------- loops


def test_a_vrf_that_imports_its_own_target_has_its_routes_once(world: World) -> None:
    world.configure("R1", "vrf definition A", "route-target import 65000:1")
    world.run_for(5)
    assert "192.168.2.0" not in "".join(routes(world, "A"))
    assert world.do("R1", "show ip bgp vpnv4 vrf A 192.168.2.0").count("Origin") == 1


def test_vrfs_that_import_each_other_keep_their_own_way_to_a_prefix(world: World) -> None:
    world.configure("R1", "ip route vrf S 192.168.2.0 255.255.255.0 10.0.4.4")
    world.configure("R1", "router bgp 65000", "address-family ipv4 vrf S", "redistribute static")
    world.run_for(5)
    assert "1 available" not in world.do("R1", "show ip bgp vpnv4 vrf A 192.168.2.0")
    assert "S     192.168.2.0/24 [1/0] via 10.0.2.2" in world.do("R1", "show ip route vrf A")
    assert "S     192.168.2.0/24 [1/0] via 10.0.4.4" in world.do("R1", "show ip route vrf S")
    version = world.do("R1", "show ip bgp vpnv4 vrf A summary").splitlines()[1]
    world.run_for(60)
    assert world.do("R1", "show ip bgp vpnv4 vrf A summary").splitlines()[1] == version


# ---------------------------------------------------------------------------------------------- maps, aggregates, peers


def test_an_import_map_decides_which_routes_come(world: World) -> None:
    world.configure("R1", "ip prefix-list OWN permit 192.168.4.1/32", "route-map IN permit 10")
    world.configure("R1", "route-map IN permit 10", "match ip address prefix-list OWN", "set local-preference 300")
    world.configure("R1", "vrf definition A", "address-family ipv4", "import map IN")
    world.run_for(5)
    assert [line.split()[1] for line in routes(world, "A")] == ["192.168.4.1"]
    assert "localpref 300" in world.do("R1", "show ip bgp vpnv4 vrf A 192.168.4.1")
    assert "  Import route-map: IN" in world.do("R1", "show vrf detail A")
    world.configure("R1", "vrf definition A", "address-family ipv4", "no import map")
    world.run_for(5)
    assert has(world, "A", "10.0.4.0")


def test_an_aggregate_of_a_vrf_carries_packets_of_another_vrf(world: World) -> None:
    world.configure("R1", "router bgp 65000", "address-family ipv4 vrf S")
    world.configure(
        "R1",
        "router bgp 65000",
        "address-family ipv4 vrf S",
        "aggregate-address 192.168.4.0 255.255.255.0 summary-only",
    )
    world.run_for(5)
    (line,) = [line for line in routes(world, "A") if "192.168.4" in line]
    assert "192.168.4.0/24 [20/0] via 0.0.0.0 (S), " in line
    assert line.endswith(", Null0")
    assert is_whole(world)


def test_neighbors_with_equal_addresses_in_two_vrfs_receive_each_others_routes() -> None:
    """Split horizon compared addresses only: a neighbor never got the routes of its double in another VRF."""
    ports = "".join(
        f"vrf definition {vrf}\n rd 1:{n}\n address-family ipv4\n  route-target both 1:1\n exit-address-family\n"
        f"interface GigabitEthernet{n}\n vrf forwarding {vrf}\n ip address 10.0.0.1 255.255.255.252\n no shutdown\n"
        for n, vrf in ((2, "A"), (3, "B"))
    )
    families = "".join(
        f" address-family ipv4 vrf {vrf}\n  neighbor 10.0.0.2 remote-as 6500{n}\n  neighbor 10.0.0.2 activate\n"
        for n, vrf in ((2, "A"), (3, "B"))
    )
    spoke = (
        "hostname R{n}\ninterface Loopback0\n ip address 192.168.{n}.1 255.255.255.0\ninterface GigabitEthernet1\n"
        " ip address 10.0.0.2 255.255.255.252\n no shutdown\nrouter bgp 6500{n}\n network 192.168.{n}.0\n"
        " neighbor 10.0.0.1 remote-as 65000\nend\n"
    )
    wires = [{"ends": [f"R1:GigabitEthernet{n}", f"R{n}:GigabitEthernet1"]} for n in (2, 3)]
    lab = Lab.model_validate({"routers": {f"R{n}": {} for n in (1, 2, 3)}, "links": wires})
    texts = {"R1": f"hostname R1\n{ports}router bgp 65000\n{families}end\n"}
    world = World.of(Scenario("doubles", lab, {**texts, **{f"R{n}": spoke.format(n=n) for n in (2, 3)}}))
    world.run_for(60)
    assert reaches(world, 2, 3)
    assert reaches(world, 3, 2)


# ---------------------------------------------------------------------------------------------------- walk and doctor


def with_hosts(*lines: str) -> World:
    """Return the same network with a host behind each of R2, R3 and R4. lines: typed into R1."""
    wires = [{"ends": [f"R1:GigabitEthernet{n - 1}", f"R{n}:GigabitEthernet1"]} for n in _ROUTING]
    hosts = {
        f"H{n}": {"link": f"R{n}:GigabitEthernet2", "address": f"192.168.{n}.100/24", "gateway": f"192.168.{n}.1"}
        for n in _ROUTING
    }
    lab = Lab.model_validate({"routers": {f"R{n}": {} for n in (1, 2, 3, 4)}, "links": wires, "hosts": hosts})
    port = "interface GigabitEthernet2\n no shutdown"
    texts = {
        f"R{n}": _NEIGHBOR.format(n=n, routing=routing).replace("interface Loopback0", port)
        for n, routing in _ROUTING.items()
    }
    world = World.of(Scenario("shared-services", lab, {"R1": _BORDER, **texts}))
    world.configure("R1", *lines)
    world.run_for(90)
    return world


def test_a_walk_follows_an_imported_route_and_says_which_vrf_it_is_from() -> None:
    world = with_hosts()
    told = walk(world.sim.facts(world.scenario), "H2", "H4")
    assert told.forth.nodes == ("H2", "R2", "R1", "R4", "H4")
    assert "via 10.0.4.4, GigabitEthernet3, imported from VRF S" in " ".join(as_text(told))


def test_a_walk_follows_an_imported_aggregate_through_the_table_that_made_it() -> None:
    family = ("router bgp 65000", "address-family ipv4 vrf S")
    told_world = with_hosts(*family, "aggregate-address 192.168.0.0 255.255.0.0 summary-only")
    told = walk(told_world.sim.facts(told_world.scenario), "H2", "H4")
    assert "by the table of VRF S" in " ".join(as_text(told))
    assert told.forth.nodes == ("H2", "R2", "R1", "R4", "H4")


def test_customers_that_vrfs_keep_apart_are_no_fault() -> None:
    found = visit(ExaminedWorld(with_hosts())).findings
    assert {one.advice for one in found} == {True}
    assert {one.router for one in found} == {"R1"}
    assert all("its VRFs keep these hosts apart" in one.what for one in found)


# Static routes between a VRF and the global table of one router: who reaches whom, and when the routes are there.

_LEAKING = file_text("route_leaks_border.cfg")
_BEHIND = """hostname R{n}
interface Loopback0
 ip address 192.168.{n}.1 255.255.255.0
interface GigabitEthernet1
 ip address 10.0.{n}.{n} 255.255.255.0
 no shutdown
ip route 0.0.0.0 0.0.0.0 10.0.{n}.1
end
"""
_GLOBAL = "ip route vrf A 192.168.3.0 255.255.255.0 10.0.3.3 global"
_BY_INTERFACE = "ip route vrf A 192.168.3.0 255.255.255.0 GigabitEthernet2 10.0.3.3"


def border(leak: str) -> World:
    """Return R2 in VRF A of R1, and R3 in its global table."""
    wires = [{"ends": ["R1:GigabitEthernet1", "R2:GigabitEthernet1"]}]
    wires.append({"ends": ["R1:GigabitEthernet2", "R3:GigabitEthernet1"]})
    lab = Lab.model_validate({"routers": {"R1": {}, "R2": {}, "R3": {}}, "links": wires})
    texts = {"R1": _LEAKING.format(leak=leak), **{f"R{n}": _BEHIND.format(n=n) for n in (2, 3)}}
    world = World.of(Scenario("route-leaks", lab, texts))
    world.run_for(5)
    return world


@pytest.fixture(params=[_GLOBAL, _BY_INTERFACE])
def leaking(request: pytest.FixtureRequest) -> World:
    return border(str(request.param))


def both_reach(world: World) -> bool:
    """Return whether R2 and R3 reach each other."""
    ways = (("R2", 3), ("R3", 2))
    return all("!!!!!" in world.do(name, f"ping 192.168.{to}.1 source Loopback0 repeat 5") for name, to in ways)


def test_a_leak_connects_a_vrf_and_the_global_table_without_another_hop(leaking: World) -> None:
    assert both_reach(leaking)
    hops = leaking.do("R2", "traceroute 192.168.3.1 source Loopback0")
    assert "1 10.0.2.1" in hops
    assert "2 10.0.3.3" in hops or "2 192.168.3.1" in hops


def test_a_packet_too_big_for_the_other_table_is_answered_in_its_own(leaking: World) -> None:
    """The answer was looked up in the table with the small link, which need not know the sender."""
    leaking.configure("R1", "no ip route 192.168.2.0 255.255.255.0 GigabitEthernet1 10.0.2.2")
    leaking.configure("R1", "interface GigabitEthernet2", "ip mtu 1400")
    leaking.run_for(1)
    assert "M" in leaking.do("R2", "ping 192.168.3.1 source Loopback0 size 1450 df-bit").splitlines()[-2]


def test_a_leak_is_there_while_the_other_table_reaches_its_next_hop(leaking: World) -> None:
    leaking.configure("R1", "interface GigabitEthernet2", "shutdown")
    leaking.run_for(5)
    assert "192.168.3.0" not in leaking.do("R1", "show ip route vrf A")
    leaking.configure("R1", "interface GigabitEthernet2", "no shutdown")
    leaking.run_for(5)
    assert "192.168.3.0" in leaking.do("R1", "show ip route vrf A")
    assert both_reach(leaking)


def test_a_leak_follows_its_interface_from_vrf_to_vrf(leaking: World) -> None:
    leaking.configure("R1", "vrf definition B", "address-family ipv4")
    leaking.configure("R1", "interface GigabitEthernet2", "vrf forwarding B", "ip address 10.0.3.1 255.255.255.0")
    leaking.run_for(5)
    is_by_interface = "GigabitEthernet2" in leaking.do("R1", "show running-config | include ip route vrf")
    assert ("192.168.3.0" in leaking.do("R1", "show ip route vrf A")) == is_by_interface


def test_a_leak_is_shown_with_its_way(leaking: World) -> None:
    shown = leaking.do("R1", "show ip route vrf A 192.168.3.0")
    assert "10.0.3.3, via GigabitEthernet2" in shown
    assert "nexthop 10.0.3.3 GigabitEthernet2" in leaking.do("R1", "show ip cef vrf A 192.168.3.0")
    assert "[A]" in leaking.do("R1", "show ip static route vrf A")


def test_leaks_of_a_removed_vrf_go_and_come_with_it(leaking: World) -> None:
    lines = leaking.do("R1", "show running-config")
    leaking.configure("R1", "no vrf definition A")
    leaking.run_for(5)
    assert not both_reach(leaking)
    leaking.configure("R1", *lines.splitlines())
    leaking.run_for(5)
    assert both_reach(leaking)


def test_leaks_that_point_at_each_other_are_not_used() -> None:
    world = border(
        "ip route vrf A 192.168.9.0 255.255.255.0 192.168.9.1 global\nip route 192.168.9.0 255.255.255.0 192.168.9.1"
    )
    assert "192.168.9.0" not in world.do("R1", "show ip route vrf A")
    assert "192.168.9.0" not in world.do("R1", "show ip route")


# Internet breakout: stations of the company reach the provider through the front door, by NAT and a route leak.

PROVIDER = "203.0.113.2"
OUTSIDE = "198.51.100.1"
_NAT = (
    "ip access-list standard LAN",
    "permit 10.1.101.0 0.0.0.255",
    "interface GigabitEthernet0/1",
    "ip nat outside",
    "interface GigabitEthernet0/2",
    "ip nat inside",
)
_LEAK = "ip route {vrf}203.0.113.0 255.255.255.0 GigabitEthernet0/1 198.51.100.2"
_RULE = "ip nat inside source list LAN interface GigabitEthernet0/1 {vrf}overload"


@pytest.fixture
def broken_out() -> World:
    """The scenario front-door, where the stations of SPOKE1 reach one network of the provider directly."""
    world = World("front-door").converge()
    world.configure("SPOKE1", *_NAT, _RULE.format(vrf=""), _LEAK.format(vrf=""))
    world.run_for(5)
    return world


def answers(world: World, destination: str, sequence: int) -> bool:
    """Return whether H1 gets an answer to its ping."""
    world.ping("H1", destination, sequence)
    world.run_for(2)
    return sequence in world.replies("H1")


def test_a_station_in_the_global_table_reaches_the_provider_through_the_front_door(broken_out: World) -> None:
    wire = broken_out.watch("SPOKE1", "GigabitEthernet0/1")
    assert answers(broken_out, PROVIDER, 1)
    assert (OUTSIDE, PROVIDER) in wire.ends()
    assert not any(source.startswith("10.") for source, _ in wire.ends())
    assert OUTSIDE in broken_out.do("SPOKE1", "show ip nat translations")
    assert answers(broken_out, "10.1.102.100", 2), "packets of the company still take the tunnel"


def test_with_a_default_route_into_the_front_door_nothing_of_the_company_leaves_in_clear() -> None:
    """The hubs die: without the route to Null0, packets for the other sites would take the default route."""
    world = World("front-door-breakout").converge()
    wire = world.watch("SPOKE1", "GigabitEthernet0/1")
    assert answers(world, "192.0.2.80", 1)
    assert answers(world, "10.1.102.100", 2)
    for hub in ("HUB1", "HUB2"):
        world.sim.kill(hub)
    for sequence in range(3, 30):
        world.ping("H1", "10.1.10.100", sequence)
        world.run_for(10)
    assert answers(world, "192.0.2.80", 30), "the Internet needs no hub"
    assert not any("10." in (source[:3], destination[:3]) for source, destination in wire.ends())


def test_a_walk_follows_the_leak(broken_out: World) -> None:
    routers = {name: router_facts(node.router, broken_out.now) for name, node in broken_out.sim.routers.items()}
    facts = lab_facts(broken_out.scenario, routers, {}, ())
    told = "\n".join(as_text(walk(facts, "10.1.101.100", PROVIDER)))
    assert told.count("delivered at") == 2, "the answer finds back into the table of the station"
