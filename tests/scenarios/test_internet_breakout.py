"""Internet breakout: stations of the company reach the provider through the front door, by NAT and a route leak."""

from __future__ import annotations

import pytest

from dmvpn.router.facts import router_facts
from dmvpn.shells.facts import lab_facts
from dmvpn.tools.walk import as_text, walk
from support.stories import Story, stories, tell
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


def test_a_walk_follows_the_leak(world: World) -> None:
    routers = {name: router_facts(node.router, world.now) for name, node in world.sim.routers.items()}
    facts = lab_facts(world.scenario, routers, {}, ())
    told = "\n".join(as_text(walk(facts, "10.1.101.100", PROVIDER)))
    assert told.count("delivered at") == 2, "the answer finds back into the table of the station"


@pytest.mark.parametrize("story", stories("internet_breakout"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, answers)
