"""OSPF in clouds of many spokes: what a hub says of itself is larger than any packet of the tunnel."""

from __future__ import annotations

import re

import pytest

from dmvpn.net import gre
from dmvpn.net.ipv4 import Ipv4Packet
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.multiply import multiply
from support.world import World

SPOKES = 150


def hub_length(world: World, router: str) -> int:
    """Octets of the hub's router LSA in a router's database."""
    text = world.show(router, "ip ospf database router 10.0.0.1")
    return int(re.findall(r"Length: (\d+)", text)[0])


@pytest.mark.conforms("ospf:12.4.1-size")
@pytest.mark.slow
def test_the_hub_of_150_spokes_tells_in_fragments_what_no_packet_holds_and_all_know_the_same() -> None:
    (scenario,) = multiply([Scenario.load("ospf-phase3")], SPOKES)
    world = World(scenario)
    wire = world.watch("HUB", "GigabitEthernet0/1")
    assert world.wait_until(lambda: world.show("HUB", "ip ospf neighbor").count("FULL/") == SPOKES, 120, 1.0)
    world.run_for(20)
    spokes = [name for name in scenario.configurations if name.startswith("SPOKE")]
    for name in (spokes[0], spokes[-1]):
        assert hub_length(world, name) > 12 * SPOKES
        prefixes = [line.split()[1] for line in world.lines(name, "ip route ospf") if line.startswith("O ")]
        assert len([prefix for prefix in prefixes if prefix.startswith("10.255.0.")]) == SPOKES
    inner = [Ipv4Packet.parse(found.payload) for found in wire.tunnelled(gre.ProtocolType.IPV4)]
    pieces = [packet for packet in inner if packet.protocol == 89 and packet.fragment_offset]
    assert pieces
    assert max(len(packet.serialize()) for packet in inner) <= 1400
    again = re.findall(r"number of retransmission (\d+)", world.show("HUB", "ip ospf neighbor detail"))
    assert max(map(int, again)) <= 2, "no piece is lost on the way"
    before = hub_length(world, spokes[0])
    world.sim.kill(spokes[-1])
    world.run_for(60)
    assert hub_length(world, spokes[0]) == before - 12, "one link less"
