"""Route maps of `redistribute` in EIGRP and RIP, judged by what other routers get to know."""

from __future__ import annotations

import pytest

from support.stories import Story, stories, tell
from support.world import World

STATIC = ("ip route 172.20.0.0 255.255.0.0 Null0 tag 5", "ip route 172.21.0.0 255.255.0.0 Null0")


def knows(world: World, router: str, protocol: str, prefix: str) -> bool:
    """Has a router a route of this protocol for the prefix?"""
    return prefix in world.show(router, f"ip route {protocol}")


EIGRP = ("router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100", "topology base")


@pytest.mark.parametrize(
    ("match", "known"),
    [("", False), (" match internal", False), (" match internal external 2", True), (" match external 1", False)],
)
def test_external_routes_of_ospf_come_into_bgp_only_where_the_line_names_them(match: str, known: bool) -> None:
    world = World("ospf-phase3").converge()
    world.configure("SPOKE1", STATIC[0], "router ospf 1", "redistribute static subnets")
    world.configure("HUB", "router bgp 65000", f"redistribute ospf 1{match}")
    world.run_for(30)
    table = world.show("HUB", "ip bgp")
    assert ("172.20.0.0" in table) is known
    assert ("10.1.1.0/24" in table) is (match != " match external 1")
    assert f"redistribute ospf 1{match}\n" in f"{world.show('HUB', 'running-config')}\n"


@pytest.mark.parametrize("story", stories("redistribution_maps"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, knows)
