"""Scenario intro-phase3: hub and two spokes, IKEv2 with its smart defaults, ESP under every packet, EIGRP inside.

The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.
"""

from __future__ import annotations

import re

import pytest

from support.nats import lost
from support.secured import ike_sas, states
from support.world import World

HUB, SPOKE10, SPOKE20 = "198.51.100.1", "203.0.113.10", "203.0.113.20"


NETWORK, SETTLED_AFTER = "intro-phase3", 5


def traceroute(world: World, router: str, command: str) -> list[str]:
    """The addresses of the hops."""
    text = world.do(router, f"traceroute {command}")
    return re.findall(r"^ +\d+ ([\d.]+) ", text, re.MULTILINE)


def test_everything_is_up_within_seconds_and_registered() -> None:
    world = World("intro-phase3").converge()
    assert world.now < 12
    assert states(world, "HUB") == {SPOKE10: "UP", SPOKE20: "UP"}
    assert states(world, "SPOKE10") == states(world, "SPOKE20") == {HUB: "UP"}


def test_a_spoke_learns_the_other_lan_by_eigrp_through_the_tunnel(world: World) -> None:
    assert any("192.168.20.0/24" in line and "10.0.0.1" in line for line in world.lines("SPOKE10", "ip route eigrp"))


def test_the_second_traceroute_is_direct_and_no_packet_is_lost_on_the_way(world: World) -> None:
    assert traceroute(world, "SPOKE10", "192.168.20.1 source 192.168.10.1") == ["10.0.0.1", "10.0.0.20"]
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0
    assert traceroute(world, "SPOKE10", "192.168.20.1 source 192.168.10.1") == ["10.0.0.20"]
    assert states(world, "SPOKE10") == {HUB: "UP", SPOKE20: "UP"}
    assert states(world, "SPOKE20") == {HUB: "UP", SPOKE10: "UP"}


def test_the_direct_path_is_encrypted_between_the_spokes_themselves(world: World) -> None:
    tap = world.watch("SPOKE20", "GigabitEthernet1")
    lost(world, "H10", "192.168.20.100", seconds=5)
    tap.packets.clear()
    assert lost(world, "H10", "192.168.20.100", seconds=2) == 0
    ends = {tuple(sorted((source, destination))) for source, destination in tap.ends()}
    direct = [pair for pair in tap.ends() if set(pair) == {SPOKE10, SPOKE20}]
    assert len(direct) >= 2 * 40
    assert ends <= {tuple(sorted((SPOKE10, SPOKE20))), tuple(sorted((HUB, SPOKE20)))}


def test_simultaneous_traffic_of_both_spokes_ends_in_one_pair_of_sas(world: World) -> None:
    for sequence in range(40):
        world.ping("H10", "192.168.20.100", sequence)
        world.ping("H20", "192.168.10.100", sequence)
        world.run_for(0.05)
    world.run_for(60)
    assert sorted(world.replies("H10")) == sorted(world.replies("H20")) == list(range(40))
    for router, other in (("SPOKE10", SPOKE20), ("SPOKE20", SPOKE10)):
        assert len(ike_sas(world, router, other)) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_seed_gives_the_same_octets(seed: int) -> None:
    digests = []
    for _ in range(2):
        world = World("intro-phase3", seed=seed).converge()
        lost(world, "H10", "192.168.20.100", seconds=1)
        digests.append(world.sim.digest)
    assert digests[0] == digests[1]


@pytest.mark.parametrize("seed", [1, 4])
def test_packets_that_overtake_the_end_of_a_negotiation_make_nobody_begin_again(seed: int) -> None:
    """The responder sends at once; on a long wire its first packet may be there before the initiator has the keys."""
    world = World("intro-phase3", seed=seed)
    for segment in world.sim.segments:
        segment.impairment.delay, segment.impairment.jitter = 0.03, 0.01
    world.converge().run_for(10)
    assert lost(world, "H10", "192.168.20.100", seconds=5) == 0
    assert len(ike_sas(world, "SPOKE10", SPOKE20)) == 1


def test_without_its_hub_a_spoke_sends_nothing_for_other_sites_to_the_provider(world: World) -> None:
    """The routes of EIGRP went with the hub, and packets for the other LAN took the default route, in clear."""
    world.sim.kill("HUB")
    world.run_for(60)
    assert world.lines("SPOKE10", "ip route eigrp | include 192.168.20") == []
    tap = world.watch("SPOKE10", "GigabitEthernet1")
    assert lost(world, "H10", "192.168.20.100", seconds=2) > 0
    assert [pair for pair in tap.ends() if "192.168.20.100" in map(str, pair)] == []
