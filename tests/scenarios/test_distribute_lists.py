"""Distribute lists, offset lists and distances of neighbors in EIGRP and RIP, judged by the routing tables."""

from __future__ import annotations

import re

import pytest

from support.stories import Story, stories, tell
from support.world import World

#: Where the lists of `phase2-eigrp` are.
TOPOLOGY = ("router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100", "topology base")


def metric(world: World, router: str, prefix: str) -> int | None:
    """The metric of a route; None: there is none."""
    found = re.search(rf"{re.escape(prefix)} \[\d+/(\d+)\]", world.show(router, "ip route"))
    return int(found[1]) if found else None


@pytest.mark.parametrize(("router", "direction"), [("SPOKE1", "in"), ("HUB", "out")])
def test_an_offset_makes_routes_of_eigrp_farther(router: str, direction: str) -> None:
    world = World("phase2-eigrp").converge()
    before = {prefix: metric(world, "SPOKE1", prefix) for prefix in ("10.1.2.0/24", "10.1.0.0/24")}
    world.configure(router, "access-list 9 permit 10.1.2.0 0.0.0.255")
    world.configure(router, *TOPOLOGY, f"offset-list 9 {direction} 1280000")
    world.run_for(5)
    farther = metric(world, "SPOKE1", "10.1.2.0/24")
    assert farther is not None
    assert before["10.1.2.0/24"] is not None
    assert farther - before["10.1.2.0/24"] == pytest.approx(1280000 // 128, abs=1)
    assert metric(world, "SPOKE1", "10.1.0.0/24") == before["10.1.0.0/24"]


def test_a_distance_of_its_own_for_what_one_neighbor_tells() -> None:
    world = World("phase2-eigrp").converge()
    world.configure("SPOKE1", *TOPOLOGY, "distance 77 10.255.0.1 0.0.0.0")
    world.run_for(2)
    assert "10.1.2.0/24 [77/" in world.show("SPOKE1", "ip route")
    gre = World("notes-gre").converge()
    gre.configure("R11", "router rip", "distance 66 0.0.0.0 255.255.255.255")
    gre.run_for(40)
    assert "[66/" in gre.show("R11", "ip route rip")


@pytest.mark.parametrize("direction", ["in", "out"])
def test_rip_believes_and_tells_what_the_lists_let_through_and_offsets_add_hops(direction: str) -> None:
    world = World("notes-gre").converge()
    prefixes = re.findall(r"^R\s+(\S+/\d+|\S+) \[120/(\d+)\] via (\S+),", world.show("R11", "ip route rip"), re.M)
    assert prefixes
    prefix, hops, _ = prefixes[0]
    address = prefix.split("/")[0]
    routers = ["R11"] if direction == "in" else [name for name in world.scenario.configurations if name != "R11"]
    for router in routers:
        world.configure(router, f"access-list 8 permit {address} 0.0.0.255")
        world.configure(router, "router rip", f"offset-list 8 {direction} 4")
    world.run_for(60)
    assert metric(world, "R11", prefix) in {int(hops) + 4, int(hops) + 8}
    for router in routers:
        world.configure(router, "access-list 6 deny any")
        world.configure(router, "router rip", f"distribute-list 6 {direction}")
    world.run_for(300)
    assert metric(world, "R11", prefix) is None


@pytest.mark.parametrize("story", stories("distribute_lists"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, metric)
