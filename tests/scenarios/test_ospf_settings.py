"""Lines of OSPF that change what is told or how fast, each judged by what another router or the wire sees."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from dmvpn.features.ospf.packet import Hello, OspfPacket
from dmvpn.net import gre
from dmvpn.net.ipv4 import Ipv4Packet
from support.outages import outages, route
from support.stories import Story, stories, tell
from support.world import Wiretap, World

PREFIX = "10.1.2.0/24"


NETWORK = "ospf-phase3"


def hellos(wire: Wiretap, receiver: str) -> list[float]:
    """When Hellos passed inside of GRE to this NBMA address."""
    tunnelled = (each for each in wire.tunnelled(gre.ProtocolType.IPV4) if each.way[1] == receiver)
    found = ((each.time, Ipv4Packet.parse(each.payload)) for each in tunnelled)
    packets = ((time, OspfPacket.parse(packet.payload)) for time, packet in found if packet.protocol == 89)
    return [time for time, packet in packets if isinstance(packet.content, Hello)]


# ------------------------------------------------------------------------------------------------ what is told


@pytest.mark.conforms("ospf:6860-links")
def test_networks_between_routers_are_told_to_nobody_if_prefixes_are_suppressed(world: World) -> None:
    assert route(world, "SPOKE1", "10.255.0.12/32") != ""
    world.configure("SPOKE2", "router ospf 1", "prefix-suppression")
    world.run_for(6)
    assert route(world, "SPOKE1", "10.255.0.12/32") == ""
    assert route(world, "SPOKE1", PREFIX) != "", "of a passive interface"
    assert route(world, "SPOKE1", "10.0.0.12/32") != "", "of a loopback"
    assert outages(world, ("H1", "10.1.2.100"), seconds=2) == []
    world.configure("SPOKE2", "interface Tunnel0", "ip ospf prefix-suppression disable")
    world.run_for(6)
    assert route(world, "SPOKE1", "10.255.0.12/32") != ""
    world.configure("SPOKE2", "interface GigabitEthernet0/2", "ip ospf prefix-suppression")
    world.run_for(6)
    assert not route(world, "SPOKE1", PREFIX).startswith("O ")


@pytest.mark.conforms("ospf:6860-network")
def test_the_prefix_of_a_network_with_a_designated_router_can_be_suppressed() -> None:
    world = World("guide-phase2-broadcast").converge()
    lan = "192.168.12.0/24"
    for router in ("HUB1", "SPOKE1", "SPOKE2"):
        world.configure(router, "interface Tunnel0", "ip ospf prefix-suppression")
    world.run_for(10)
    assert "Network Mask: /32" in world.show("SPOKE1", "ip ospf database network")
    assert route(world, "SPOKE1", lan) == f"O {lan} [110/1001] via 10.0.0.12 Tunnel0"
    assert not re.search(r"^O +10\.0\.0\.", world.show("SPOKE1", "ip route ospf"), re.MULTILINE)


@pytest.mark.conforms("ospf:6987-resort")
def test_a_router_can_be_a_last_resort_for_a_while_after_its_start(world: World) -> None:
    world.sim.kill("HUB")
    world.run_for(1)
    text = "\n".join(line for line in world.scenario.configurations["HUB"].splitlines() if line != "end")
    more = ("router ospf 1", " max-metric router-lsa on-startup 120 external-lsa 900")
    text = "\n".join((text, *more, " default-information originate always", "end", ""))
    world.sim.boot("HUB", text)
    assert world.wait_until(lambda: "[110/66536]" in route(world, "SPOKE1", PREFIX), 100)
    assert "Originating router-LSAs with maximum metric" in world.show("HUB", "ip ospf")
    assert "Metric: 900" in world.show("SPOKE1", "ip ospf database external")
    world.run_for(125)
    assert "[110/2001]" in route(world, "SPOKE1", PREFIX)
    assert "Metric: 1 " in world.show("SPOKE1", "ip ospf database external")


# ------------------------------------------------------------------------------------------------ how fast


def learned_after(world: World) -> float:
    """Seconds until SPOKE1 knows of a new LAN of SPOKE2."""
    world.run_for(60)
    world.configure("SPOKE2", "interface Loopback0", "ip address 10.77.0.1 255.255.255.255 secondary")
    world.configure("SPOKE2", "interface Loopback7", "ip address 10.78.0.1 255.255.255.255", "ip ospf 1 area 0")
    begun = world.now
    assert world.wait_until(lambda: route(world, "SPOKE1", "10.78.0.1/32") != "", 60)
    return world.now - begun


def test_a_change_is_told_and_calculated_soon(world: World) -> None:
    assert learned_after(world) < 0.3


@pytest.mark.conforms("ospf:12.4-minls")
def test_the_throttle_of_advertisements_delays_what_we_say(world: World) -> None:
    world.configure("SPOKE2", "router ospf 1", "timers throttle lsa 3000 3000 5000")
    assert 3.0 <= learned_after(world) < 3.5
    assert " Initial LSA throttle delay 3000 msecs" in world.show("SPOKE2", "ip ospf")


def test_the_throttle_of_the_calculation_delays_what_we_learn(world: World) -> None:
    world.configure("SPOKE1", "router ospf 1", "timers throttle spf 4000 4000 5000")
    assert 4.0 <= learned_after(world) < 4.5


@pytest.mark.conforms("ospf:8.1-groups", "ospf:9.5.1-poll")
def test_a_configured_neighbor_that_does_not_answer_is_called_seldom() -> None:
    def change(router: str, text: str) -> str:
        text = text.replace("network point-to-multipoint", "network point-to-multipoint non-broadcast")
        return text.replace(
            " router-id 10.0.0.1\n",
            " router-id 10.0.0.1\n neighbor 10.255.0.11\n neighbor 10.255.0.12 poll-interval 90\n",
        )

    world = World("ospf-phase3", change=change).converge()
    world.sim.kill("SPOKE2")
    world.run_for(130)
    wire = world.watch("HUB", "GigabitEthernet0/1")
    world.run_for(200)
    times = hellos(wire, "198.51.100.5")
    assert 2 <= len(times) <= 3
    assert min(after - before for before, after in pairwise(times)) >= 90


@pytest.mark.parametrize("story", stories("ospf_settings"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, route)
