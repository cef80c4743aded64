"""Internet breakout: stations of the company reach the provider through the front door, by NAT and a route leak."""

from __future__ import annotations

import pytest

from dmvpn.router.facts import router_facts
from dmvpn.shells.facts import lab_facts
from dmvpn.tools.walk import as_text, walk
from support.world import World

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
def world() -> World:
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


def test_a_station_in_the_global_table_reaches_the_provider_through_the_front_door(world: World) -> None:
    wire = world.watch("SPOKE1", "GigabitEthernet0/1")
    assert answers(world, PROVIDER, 1)
    assert (OUTSIDE, PROVIDER) in wire.ends()
    assert not any(source.startswith("10.") for source, _ in wire.ends())
    assert OUTSIDE in world.do("SPOKE1", "show ip nat translations")
    assert answers(world, "10.1.102.100", 2), "packets of the company still take the tunnel"


def test_a_ping_of_the_router_itself_gets_its_answer_by_the_leak(world: World) -> None:
    """The answer came to the VRF of the port, where nobody had asked."""
    assert "!!!!!" in world.do("SPOKE1", f"ping {PROVIDER}")
    assert f"1 {PROVIDER}" in world.do("SPOKE1", f"traceroute {PROVIDER}")


def test_the_front_door_needs_no_route_back_and_has_none(world: World) -> None:
    assert answers(world, PROVIDER, 1)
    assert "10.1." not in world.do("SPOKE1", "show ip route vrf INTERNET")
    assert "Success rate is 0 percent" in world.do("TRANSPORT", "ping 10.1.101.100")


def test_a_port_that_is_down_takes_the_leak_along(world: World) -> None:
    world.configure("SPOKE1", "interface GigabitEthernet0/1", "shutdown")
    world.run_for(5)
    assert "203.0.113.0" not in world.do("SPOKE1", "show ip route static")


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


def test_without_the_port_to_the_provider_no_default_route_leads_into_it() -> None:
    world = World("front-door-breakout").converge()
    assert "S*    0.0.0.0/0 [1/0] via 198.51.100.2, GigabitEthernet0/1" in world.show("SPOKE1", "ip route")
    assert "S*    0.0.0.0/0 [1/0] via 198.51.100.2" in world.show("SPOKE1", "ip route vrf INTERNET")
    world.configure("SPOKE1", "interface GigabitEthernet0/1", "shutdown")
    world.run_for(5)
    assert "S*" not in world.show("SPOKE1", "ip route")


def test_a_walk_follows_the_leak(world: World) -> None:
    routers = {name: router_facts(node.router, world.now) for name, node in world.sim.routers.items()}
    facts = lab_facts(world.scenario, routers, {}, ())
    told = "\n".join(as_text(walk(facts, "10.1.101.100", PROVIDER)))
    assert told.count("delivered at") == 2, "the answer finds back into the table of the station"


def test_a_customer_in_a_vrf_breaks_out_by_the_rule_of_its_vrf_only(world: World) -> None:
    """H1 moves into a VRF: the rule and the leak of the global table are not for it."""
    world.configure("SPOKE1", "vrf definition GUESTS", "address-family ipv4")
    port = ("interface GigabitEthernet0/2", "vrf forwarding GUESTS", "ip address 10.1.101.1 255.255.255.0")
    world.configure("SPOKE1", *port, _LEAK.format(vrf="vrf GUESTS "))
    world.run_for(5)
    assert not answers(world, PROVIDER, 1)
    said = world.configure("SPOKE1", _RULE.format(vrf="vrf GUESTS "))
    assert "%" not in said
    world.run_for(5)
    assert answers(world, PROVIDER, 2)
    assert OUTSIDE in world.do("SPOKE1", "show ip nat translations vrf GUESTS verbose")
    assert "Total number of translations: 0" in world.do("SPOKE1", "show ip nat translations vrf INTERNET")
    assert "interface GigabitEthernet0/1 vrf GUESTS overload" in world.do("SPOKE1", "show running-config")
    assert not answers(world, "10.1.102.100", 3), "guests reach no station of the company"
