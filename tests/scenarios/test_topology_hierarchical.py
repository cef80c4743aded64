"""Scenario hierarchical: a global hub, two regional hubs, spokes in each region. Three clouds, one network, one key.

Spokes have a single summary, so that every shortcut is a route of NHRP's own. A request for a host of the other region
walks spoke, regional hub, global hub, regional hub, spoke; the answer comes directly, and then the traffic.
"""

from __future__ import annotations

import re

import pytest

from dmvpn.features.nhrp import packet as nhrp
from dmvpn.features.nhrp.parts import ForwardTransitRecord, find
from support.outages import hops, outages, peers, route
from support.stories import Story, stories, tell
from support.world import Wiretap, World

GLOBAL, HUB_A, HUB_B = "10.255.0.1", "10.255.0.11", "10.255.0.12"
REGION_A, REGION_B = "10.255.1.1", "10.255.2.1"
A1, A2, B1 = "10.255.1.11", "10.255.1.12", "10.255.2.11"
NBMA = {A1: "198.51.100.1", A2: "198.51.100.5", B1: "198.51.100.9", GLOBAL: "203.0.113.1", HUB_A: "203.0.113.101"}
UNDERLAY = "GigabitEthernet0/1"
ACROSS = ("HA1", "10.2.1.100")
#: A registration retry at its longest, and the greetings after it.
RETURN = 64 * 1.1 + 5.0


#: Every hub knows its clients, and everybody has a way to every LAN. No traffic yet.
NETWORK, SETTLED_AFTER = "hierarchical", 1


def shortcuts(world: World, router: str) -> list[str]:
    """The routes that NHRP has put into the routing table."""
    return [line.split()[1] for line in world.lines(router, "ip route") if re.match(r"H +\d", line)]


def echoes(tap: Wiretap) -> int:
    """How many echo requests of hosts were seen in tunnels."""
    return sum(str(inner.source).endswith(".100") and inner.payload[0] == 8 for _, inner in tap.pings())


def test_a_spoke_needs_one_route_of_eigrp_and_the_hubs_have_one_for_each_region(world: World) -> None:
    learned = [line.split()[1] for line in world.lines("SPOKE-A1", "ip route") if re.match(r"D +\d", line)]
    assert learned == ["10.0.0.0/8"]
    assert route(world, "HUB-B", "10.1.0.0/16").endswith(f"via {GLOBAL} Tunnel0")
    assert route(world, "GLOBAL", "10.1.0.0/16").endswith(f"via {HUB_A} Tunnel0")
    assert shortcuts(world, "SPOKE-A1") == []


def test_between_regions_the_first_packets_go_by_three_hubs_and_later_ones_directly(world: World) -> None:
    assert hops(world, "SPOKE-A1", "10.2.1.1", "10.1.1.1")[:2] == [REGION_A, GLOBAL]
    assert hops(world, "SPOKE-A1", "10.2.1.1", "10.1.1.1") == [B1]
    assert hops(world, "SPOKE-B1", "10.1.1.1", "10.2.1.1") == [A1]


def test_the_request_walks_from_hub_to_hub_and_the_answer_comes_directly(world: World) -> None:
    tap = world.watch("SPOKE-B1", UNDERLAY)
    world.ping("HA1", "10.2.1.100")
    world.run_for(2)
    ((found, request),) = [pair for pair in tap.nhrp(nhrp.ResolutionRequest) if str(pair[1].source_protocol) == A1]
    record = find(request.extensions, ForwardTransitRecord)
    assert record is not None
    assert [str(entry.protocol) for entry in record.entries] == [HUB_A, GLOBAL, REGION_B]
    assert request.hop_count == 252
    assert str(request.destination_protocol) == "10.2.1.100"
    assert found.way == ("203.0.113.9", NBMA[B1])
    replies = [found.way for found, reply in tap.nhrp(nhrp.ResolutionReply) if str(reply.source_protocol) == A1]
    assert replies == [(NBMA[B1], NBMA[A1])]


def test_every_hub_that_turns_a_packet_round_sends_a_redirect_to_its_source(world: World) -> None:
    """The other hubs pass on what is not for them: the indication is for the address that the packet came from."""
    tap = world.watch("SPOKE-A1", UNDERLAY)
    world.ping("HA1", "10.2.1.100")
    world.run_for(2)
    indications = [(str(packet.source_protocol), packet.hop_count) for _, packet in tap.nhrp(nhrp.TrafficIndication)]
    assert indications == [(REGION_A, 255), (GLOBAL, 254), (HUB_B, 253)]
    assert {str(packet.destination_protocol) for _, packet in tap.nhrp(nhrp.TrafficIndication)} == {"10.1.1.100"}
    assert len([p for _, p in tap.nhrp(nhrp.ResolutionRequest) if str(p.source_protocol) == A1]) == 1, "it asks once"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_packet_is_lost_while_the_shortcut_is_built(seed: int) -> None:
    world = World("hierarchical", seed=seed).converge()
    tap = world.watch("GLOBAL", UNDERLAY)
    assert outages(world, ACROSS, seconds=3, rate=100) == []
    assert 0 < echoes(tap) <= 4, "in by one tunnel leg and out by the other, once or twice"


def test_within_a_region_the_global_hub_sees_nothing(world: World) -> None:
    tap = world.watch("GLOBAL", UNDERLAY)
    assert hops(world, "SPOKE-A1", "10.1.2.1", "10.1.1.1") == [REGION_A, A2]
    assert hops(world, "SPOKE-A1", "10.1.2.1", "10.1.1.1") == [A2]
    assert outages(world, ("HA2", "10.1.1.100"), seconds=2) == []
    assert tap.nhrp(nhrp.ResolutionRequest) == []
    assert echoes(tap) == 0


def test_to_the_headquarters_a_spoke_goes_past_its_regional_hub_too(world: World) -> None:
    assert hops(world, "SPOKE-A1", "10.0.1.1", "10.1.1.1")[0] == REGION_A
    assert hops(world, "SPOKE-A1", "10.0.1.1", "10.1.1.1") == [GLOBAL]
    assert outages(world, ("H0", "10.1.1.100"), seconds=2) == []
    assert shortcuts(world, "GLOBAL") == [], "the global hub makes none itself: it has no `ip nhrp shortcut`"


def test_the_death_of_the_global_hub_stops_no_flow_and_no_region(world: World) -> None:
    outages(world, ACROSS, seconds=2)
    assert outages(world, ACROSS, seconds=60, events=((2.0, lambda: world.sim.kill("GLOBAL")),)) == []
    assert outages(world, ("HA1", "10.1.2.100"), seconds=3) == []
    world.sim.boot("GLOBAL", world.scenario.configurations["GLOBAL"])
    assert outages(world, ACROSS, seconds=RETURN) == []
    assert not world.lacks()
    assert outages(world, ("HA2", "10.2.1.100"), seconds=3) == []


def test_all_three_hubs_may_die_and_what_is_established_goes_on(world: World) -> None:
    outages(world, ACROSS, seconds=2)
    names = ("GLOBAL", "HUB-A", "HUB-B")
    events = tuple((2.0 + number, lambda name=name: world.sim.kill(name)) for number, name in enumerate(names))
    assert outages(world, ACROSS, seconds=100, events=events) == []
    assert shortcuts(world, "SPOKE-A1") == ["10.2.1.0/24", f"{B1}/32"]
    for name in names:
        world.sim.boot(name, world.scenario.configurations[name])
    assert outages(world, ACROSS, seconds=RETURN) == []
    assert not world.lacks()


def test_the_loss_of_a_far_lan_is_told_to_the_other_region_at_once(world: World) -> None:
    outages(world, ACROSS, seconds=2)
    assert "10.2.1.0/24" in shortcuts(world, "SPOKE-A1")
    world.configure("SPOKE-B1", "interface GigabitEthernet0/2", "shutdown")
    world.run_for(1)
    assert "10.2.1.0/24" not in shortcuts(world, "SPOKE-A1")
    world.configure("SPOKE-B1", "interface GigabitEthernet0/2", "no shutdown")
    world.run_for(3)
    assert outages(world, ACROSS, seconds=3) == []
    assert hops(world, "SPOKE-A1", "10.2.1.1", "10.1.1.1") == [B1]


def test_a_shortcut_between_regions_is_renewed_while_it_is_used_and_forgotten_when_it_is_not(world: World) -> None:
    assert outages(world, ACROSS, seconds=700, rate=1) == []
    assert hops(world, "SPOKE-A1", "10.2.1.1", "10.1.1.1") == [B1]
    world.run_for(700)
    assert shortcuts(world, "SPOKE-A1") == []
    assert peers(world, "SPOKE-A1") == [f"203.0.113.5 {REGION_A} UP S {REGION_A}/32"]


def test_clearing_any_cache_on_the_way_loses_nothing_of_a_direct_flow(world: World) -> None:
    outages(world, ACROSS, seconds=5)
    for router in ("GLOBAL", "HUB-A", "HUB-B", "SPOKE-A1", "SPOKE-B1"):
        clear = ((1.0, lambda name=router: world.do(name, "clear ip nhrp")),)
        assert outages(world, ACROSS, seconds=15, events=clear) == [], router
    assert hops(world, "SPOKE-A1", "10.2.1.1", "10.1.1.1") == [B1]


def second_tunnel(router: str, text: str, line: str, other: str) -> str:
    """The configuration of a regional hub with one line of its regional tunnel changed."""
    if not router.startswith("HUB-"):
        return text
    first, second = re.split(r"(?m)(?=^interface Tunnel[12]$)", text)
    assert line in second
    return first + second.replace(line, other, 1)


def test_with_two_network_ids_the_shortcut_ends_at_the_regional_hubs() -> None:
    """The network ends where the network-id does: a hub with two of them is the egress, and answers for its region."""

    def change(router: str, text: str) -> str:
        return second_tunnel(router, text, "ip nhrp network-id 1", "ip nhrp network-id 2")

    world = World("hierarchical", change=change).converge()
    assert outages(world, ACROSS, seconds=3, rate=50) == []
    assert shortcuts(world, "SPOKE-A1") == []
    assert shortcuts(world, "HUB-A") == ["10.2.1.0/24", f"{HUB_B}/32"]
    assert hops(world, "SPOKE-A1", "10.2.1.1", "10.1.1.1") == [REGION_A, HUB_B, B1]


def test_with_a_key_of_its_own_for_each_region_traffic_stays_with_the_hubs_and_none_is_lost() -> None:
    """Tunnel keys are compared on the wire: spokes with different ones cannot hear each other."""

    def change(router: str, text: str) -> str:
        if router == "HUB-A":
            return second_tunnel(router, text, "tunnel key 1", "tunnel key 2")
        return text.replace("tunnel key 1", "tunnel key 2") if router.startswith("SPOKE-A") else text

    world = World("hierarchical", change=change).converge()
    assert outages(world, ACROSS, seconds=60, rate=5) == []
    assert shortcuts(world, "SPOKE-A1") == []
    assert [row for row in peers(world, "SPOKE-A1") if "10.2.1.0/24" in row] == [f"{NBMA[B1]} {B1} UP DI2 10.2.1.0/24"]
    assert outages(world, ("HA1", "10.1.2.100"), seconds=2) == []
    assert hops(world, "SPOKE-A1", "10.1.2.1", "10.1.1.1") == [A2]


def test_with_one_source_for_both_tunnels_of_a_hub_the_second_stays_down_and_says_what_to_do() -> None:
    def change(router: str, text: str) -> str:
        return text.replace("tunnel source Loopback0", f"tunnel source {UNDERLAY}") if router == "HUB-A" else text

    world = World("hierarchical", change=change)
    world.run_for(10)
    (lack,) = [text for text in world.lacks() if text.startswith("HUB-A: Tunnel1 is down")]
    assert "cannot be distinguished from those of Tunnel0" in lack


@pytest.mark.parametrize("story", stories("topology_hierarchical"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, peers, route)
