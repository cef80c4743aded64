"""Scenario phase2-eigrp: EIGRP tells the spokes each other as next hops, NHRP finds out where these are."""

from __future__ import annotations

import pytest

from dmvpn.features.nhrp import packet as nhrp
from support.outages import hops, outages, peers, route
from support.stories import Story, stories, tell
from support.world import World

HUB, SPOKE1, SPOKE2 = "10.255.0.1", "10.255.0.11", "10.255.0.12"
NBMA = {HUB: "203.0.113.1", SPOKE1: "198.51.100.1", SPOKE2: "198.51.100.5"}
UNDERLAY = "GigabitEthernet0/1"
THERE = ("H1", "10.1.2.100")
#: EIGRP's hold time, and a second for what follows it.
HOLD = 15.0 + 1.0
#: A direct path that dies is left within so many seconds.
DEAD_PATH = 3.0


#: The spokes are registered, and everybody has every LAN. No traffic yet.
NETWORK = "phase2-eigrp"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_first_packets_go_by_the_hub_and_none_is_lost(seed: int) -> None:
    world = World("phase2-eigrp", seed=seed).converge()
    tap = world.watch("SPOKE1", UNDERLAY)
    assert outages(world, THERE, seconds=3, rate=100) == []
    sent = [found.outer.destination for found, inner in tap.pings() if str(inner.source) == "10.1.1.100"]
    assert [str(sent[0]), str(sent[-1])] == [NBMA[HUB], NBMA[SPOKE2]]
    by_hub = sum(str(destination) == NBMA[HUB] for destination in sent)
    assert [str(destination) for destination in sent[:by_hub]] == [NBMA[HUB]] * by_hub, "it never goes back"


def test_the_spoke_asks_for_the_next_hop_not_for_the_host(world: World) -> None:
    tap = world.watch("SPOKE1", UNDERLAY)
    world.do("SPOKE1", "ping 10.1.2.100 source 10.1.1.1")
    requests = [(found.way, str(packet.destination_protocol)) for found, packet in tap.nhrp(nhrp.ResolutionRequest)]
    assert ((NBMA[SPOKE1], NBMA[HUB]), SPOKE2) in requests
    assert {destination for _, destination in requests} <= {SPOKE1, SPOKE2}
    assert tap.nhrp(nhrp.TrafficIndication) == []


def test_show_dmvpn_has_the_other_spoke_and_no_route_is_overridden(world: World) -> None:
    world.do("SPOKE1", "ping 10.1.2.1 source 10.1.1.1")
    world.run_for(2)
    hub = f"{NBMA[HUB]} {HUB} UP S {HUB}/32"
    assert hub in peers(world, "SPOKE1")
    assert f"{NBMA[SPOKE2]} {SPOKE2} UP D {SPOKE2}/32" in peers(world, "SPOKE1")
    assert f"{NBMA[SPOKE1]} {SPOKE1} UP D {SPOKE1}/32" in peers(world, "SPOKE2")
    assert not [line for line in world.lines("SPOKE1", "ip route") if line.startswith(("H ", "D   %"))][1:]
    assert peers(world, "HUB") == [f"{NBMA[each]} {each} UP D {each}/32" for each in (SPOKE1, SPOKE2)]


def test_traffic_to_the_hubs_lan_asks_for_nothing(world: World) -> None:
    tap = world.watch("SPOKE1", UNDERLAY)
    assert outages(world, ("H1", "10.1.0.100"), seconds=2) == []
    assert tap.nhrp(nhrp.ResolutionRequest) == []
    assert peers(world, "SPOKE1") == [f"{NBMA[HUB]} {HUB} UP S {HUB}/32"]


def test_clearing_the_cache_under_traffic_loses_nothing_and_the_way_is_found_again(world: World) -> None:
    clear = ((2.0, lambda: world.do("SPOKE1", "clear ip nhrp")), (4.0, lambda: world.do("SPOKE2", "clear ip nhrp")))
    assert outages(world, THERE, seconds=6, rate=50, events=clear) == []
    assert hops(world, "SPOKE1", "10.1.2.1", "10.1.1.1") == [SPOKE2]


def test_a_mapping_in_use_outlives_its_holding_time_without_a_gap(world: World) -> None:
    """Six hundred seconds in this scenario; it is asked for again before they are over."""
    assert outages(world, THERE, seconds=700, rate=1) == []
    assert hops(world, "SPOKE1", "10.1.2.1", "10.1.1.1") == [SPOKE2]


def test_what_a_dead_hub_takes_away_comes_back_with_it(world: World) -> None:
    """In phase 2 the routes are the hub's word: without it they go when its hold time is over."""
    outages(world, THERE, seconds=2)
    (gap,) = outages(world, THERE, seconds=40, events=((2.0, lambda: world.sim.kill("HUB")),))
    assert gap.start >= 2.0 + HOLD - 6.0, "until the hold time is over the spokes talk on"
    world.sim.boot("HUB", world.scenario.configurations["HUB"])
    assert world.wait_until(lambda: not world.lacks(), 70.4 + HOLD)
    assert outages(world, THERE, seconds=2) == []


def test_a_spoke_that_dies_and_returns_is_reached_again(world: World) -> None:
    outages(world, THERE, seconds=2)
    back = world.scenario.configurations["SPOKE2"]
    events = ((2.0, lambda: world.sim.kill("SPOKE2")), (30.0, lambda: world.sim.boot("SPOKE2", back)))
    (gap,) = outages(world, THERE, seconds=60, events=events)
    assert gap.start == 2.0
    assert gap.start + gap.seconds <= 30.0 + DEAD_PATH
    assert hops(world, "SPOKE1", "10.1.2.1", "10.1.1.1") == [SPOKE2]


@pytest.mark.parametrize("story", stories("topology_phase2_eigrp"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, hops, peers, route)
