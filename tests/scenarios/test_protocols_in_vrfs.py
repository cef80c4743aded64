"""Two customers with equal addresses share two routers: each has a VRF, and each protocol keeps their routes apart."""

from __future__ import annotations

import pytest

from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from support.texts import file_text
from support.world import World

_ROUTER = file_text("two_customers_router.cfg")
_EIGRP_NAMED = """router eigrp CUSTOMERS
 address-family ipv4 unicast vrf A autonomous-system 100
  network 0.0.0.0
 exit-address-family
 address-family ipv4 unicast vrf B autonomous-system 100
  network 0.0.0.0
 exit-address-family"""
_EIGRP_CLASSIC = """router eigrp 1
 address-family ipv4 vrf A
  network 0.0.0.0
  autonomous-system 100
 exit-address-family
 address-family ipv4 vrf B autonomous-system 100
  network 0.0.0.0
 exit-address-family"""
_OSPF = """router ospf 1 vrf A
 network 0.0.0.0 255.255.255.255 area 0
router ospf 2 vrf B
 network 0.0.0.0 255.255.255.255 area 0"""
_RIP = file_text("two_customers_rip.cfg")
_BGP = file_text("two_customers_bgp.cfg")
_STATIC = """ip route vrf A 192.168.{o}.0 255.255.255.0 10.0.0.{o}
ip route vrf B 192.168.{o}.0 255.255.255.0 GigabitEthernet2 10.0.0.{o} name B
ip route vrf B 172.16.{o}.0 255.255.255.0 10.0.0.{o} 20 tag 5"""
#: What each protocol needs, and its letter.
PROTOCOLS = {
    "static": (_STATIC, "S"),
    "named-eigrp": (_EIGRP_NAMED, "D"),
    "classic-eigrp": (_EIGRP_CLASSIC, "D"),
    "ospf": (_OSPF, "O"),
    "rip": (_RIP, "R"),
    "bgp": (_BGP, "B"),
}


def two_customers(routing: str) -> World:
    """Return R1 and R2 with a wire for each of both VRFs."""
    wires = [{"ends": [f"R{n}:GigabitEthernet{port}" for n in (1, 2)]} for port in (1, 2)]
    lab = Lab.model_validate({"routers": {"R1": {}, "R2": {}}, "links": wires})
    texts = {f"R{n}": _ROUTER.format(n=n, routing=routing.format(n=n, o=3 - n)) for n in (1, 2)}
    return World.of(Scenario("two-customers", lab, texts))


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_each_customer_has_the_routes_of_its_own_network(protocol: str) -> None:
    routing, letter = PROTOCOLS[protocol]
    world = two_customers(routing)
    world.run_for(90)
    tables = {vrf: world.do("R1", f"show ip route vrf {vrf}").splitlines() for vrf in ("A", "B")}
    for vrf, port in (("A", 1), ("B", 2)):
        assert tables[vrf][:2] == ["", f"Routing Table: {vrf}"]
        (route,) = [line for line in tables[vrf] if " 192.168.2." in line and line.startswith(letter)]
        assert "via 10.0.0.2" in route
        assert f"GigabitEthernet{port}" in route or protocol in ("static", "bgp")
    assert any("172.16.2." in line for line in tables["B"])
    assert not any("172.16.2." in line for line in tables["A"])
    assert "10.0.0" not in world.do("R1", "show ip route")
    assert "Success rate is 100 percent" in world.do("R1", "ping vrf B 172.16.2.1 source Loopback3")
    assert "Success rate is 0 percent" in world.do("R1", "ping vrf A 172.16.2.1")


def test_what_a_router_runs_it_can_read_again(protocol: str) -> None:
    world = two_customers(PROTOCOLS[protocol][0])
    running = world.do("R1", "show running-config")
    assert configurator(FEATURES).parse_text(running).problems == ()
    for line in PROTOCOLS[protocol][0].format(n=1, o=2).splitlines():
        assert line in running.splitlines()


def test_shows_of_eigrp_name_the_vrf() -> None:
    world = two_customers(_EIGRP_NAMED)
    world.run_for(30)
    shown = world.do("R1", "show ip eigrp vrf B neighbors").splitlines()
    assert shown[:2] == ["EIGRP-IPv4 VR(CUSTOMERS) Address-Family Neighbors for AS(100)", "           VRF(B)"]
    assert [line.split()[1:3] for line in shown[4:]] == [["10.0.0.2", "Gi2"]]
    assert "172.16.2.0/24" in world.do("R1", "show eigrp address-family ipv4 vrf B topology")
    assert "172.16.2.0/24" not in world.do("R1", "show eigrp address-family ipv4 vrf A topology")
    assert "10.0.0.2" not in world.do("R1", "show ip eigrp neighbors")
    assert "VRF(A)" in world.do("R1", "show ip protocols vrf A")
    assert "eigrp 100" not in world.do("R1", "show ip protocols")
    assert world.do("R1", "show ip eigrp vrf C neighbors") == "% IP routing table vrf C does not exist\n"


def test_neighbors_of_one_vrf_are_cleared_without_those_of_the_other() -> None:
    world = two_customers(_EIGRP_CLASSIC)
    world.run_for(60)
    world.do("R1", "clear ip eigrp vrf A neighbors")
    world.run_for(10)
    ages = {}
    for vrf in ("A", "B"):
        (line,) = [
            one for one in world.do("R1", f"show ip eigrp vrf {vrf} neighbors").splitlines() if "10.0.0.2" in one
        ]
        ages[vrf] = line.split()[4]
    assert ages["A"] < "00:00:15" < ages["B"]


def test_processes_of_ospf_are_shown_by_their_numbers_whatever_their_vrfs() -> None:
    world = two_customers(_OSPF + "\n network 0.0.0.0 255.255.255.255 area 0")
    world.run_for(60)
    neighbors = world.do("R1", "show ip ospf neighbor")
    assert [line.split()[-1] for line in neighbors.splitlines() if "10.0.0.2" in line] == [
        "GigabitEthernet1",
        "GigabitEthernet2",
    ]
    process = world.do("R1", "show ip ospf 2")
    assert 'Routing Process "ospf 2"' in process
    assert "   Domain ID type 0x0005, value 0.0.0.2" in process
    assert " Connected to MPLS VPN Superbackbone, VRF B" in process
    world.configure("R1", "router ospf 2 vrf B", "capability vrf-lite")
    assert "Superbackbone" not in world.do("R1", "show ip ospf 2")
    assert "172.16.2.0" not in world.do("R1", "show ip ospf 1 database")
    assert 'Routing Protocol is "ospf 2"' in world.do("R1", "show ip protocols vrf B")
    assert "ospf" not in world.do("R1", "show ip protocols")
    assert "% VRF specified does not match existing router" in world.configure("R1", "router ospf 1")
    world.do("R1", "clear ip ospf 2 process", "yes")


def test_neighbors_of_bgp_in_vrfs_have_sessions_of_their_own() -> None:
    world = two_customers(_BGP)
    world.run_for(90)
    log = [line for line in world.console["R1"] if "BGP-5-ADJCHANGE" in line]
    assert [line[line.index("neighbor") :] for line in sorted(log)] == [
        "neighbor 10.0.0.2 vpn vrf A Up",
        "neighbor 10.0.0.2 vpn vrf B Up",
    ]
    summary = world.do("R1", "show bgp vpnv4 unicast vrf B summary")
    assert [line.split()[-1] for line in summary.splitlines() if line.startswith("10.0.0.2")] == ["2"]
    assert "172.16.2.0" in world.do("R1", "show ip bgp vpnv4 vrf B")
    assert "172.16.2.0" not in world.do("R1", "show ip bgp vpnv4 vrf A")
    assert "172.16.2.0" not in world.do("R1", "show ip bgp")
    world.do("R1", "clear bgp vrf B *")
    world.run_for(1)
    downs = [line for line in world.console["R1"] if "Down" in line]
    assert downs
    assert all("vrf B" in line for line in downs)


def test_external_neighbors_in_a_vrf_hear_of_a_route_at_once() -> None:
    """A spoke waited 30 seconds for the networks of other spokes. IOS waits so only outside of VRFs."""
    world = two_customers(_BGP)
    world.run_for(90)
    new = ("interface Loopback9", "vrf forwarding A", "ip address 192.168.9.1 255.255.255.0")
    world.configure("R2", *new)
    world.run_for(2)
    world.configure("R2", *new[:2], "ip address 192.168.99.1 255.255.255.0")
    world.run_for(2)
    assert "B     192.168.99.0/24" in world.do("R1", "show ip route vrf A bgp")
    shown = world.do("R1", "show bgp vpnv4 unicast vrf A neighbors 10.0.0.2")
    assert "Default minimum time between advertisement runs is 0 seconds" in shown


def test_the_database_of_rip_is_that_of_one_vrf() -> None:
    world = two_customers(_RIP)
    world.run_for(60)
    assert "172.16.2.0/24" in world.do("R1", "show ip rip database vrf B")
    assert "172.16.2.0/24" not in world.do("R1", "show ip rip database vrf A")


def test_static_routes_of_a_vrf_are_shown_as_such() -> None:
    world = two_customers(_STATIC)
    world.run_for(5)
    shown = world.do("R1", "show ip static route vrf B").splitlines()
    assert "Static local RIB for B " in shown
    assert "M  192.168.2.0/24 [1/0] via GigabitEthernet2 10.0.0.2 [A]" in shown
    assert "S    " in world.do("R1", "show ip route vrf B static")
    assert "IP routing table name is A (0x1)" in world.do("R1", "show ip route vrf A summary")
    assert "IP routing table name is B (0x2)" in world.do("R1", "show ip route vrf B summary")
    assert "10.0.0.2" in world.do("R1", "show ip cef vrf B 172.16.2.0")
    assert world.do("R1", "show ip route vrf NONE") == "% IP routing table vrf NONE does not exist\n"
    assert world.do("R1", "clear ip route vrf NONE *") == "% IP routing table vrf NONE does not exist\n"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("ip route vrf C 10.0.0.0 255.0.0.0 10.0.0.2", "% IP routing table C does not exist"),
        ("ip route vrf A 10.0.0.1 255.0.0.0 10.0.0.2", "%Inconsistent address and mask"),
        (
            "ip route vrf A 10.0.0.0 255.0.0.0 GigabitEthernet1",
            "% For VPN routes, must specify a next hop IP address if not a point-to-point interface",
        ),
    ],
)
def test_a_static_route_that_no_vrf_can_have_is_refused(line: str, answer: str) -> None:
    world = two_customers("")
    assert answer in world.configure("R1", line)
