"""Packet filters in the simulator: lists on the WAN, on a tunnel, changed under traffic; what senders and users see."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.filters import ReversePath
from dmvpn.base.translation import UDP
from dmvpn.net.ipv4 import Ipv4Packet
from dmvpn.router.facts import RouterFacts, router_facts
from support.stories import Story, stories, tell

if TYPE_CHECKING:
    from support.world import World

_WAN = (
    "ip access-list extended WAN-IN",
    "10 permit udp any any eq isakmp",
    "20 permit udp any any eq non500-isakmp",
    "30 permit esp any any",
    "interface GigabitEthernet0/1",
    "ip access-group WAN-IN in",
)


NETWORK = "front-door"


def answers(world: World, sequence: int, destination: str = "10.1.102.100", host: str = "H1") -> bool:
    """Return whether a host gets an answer to its ping."""
    world.ping(host, destination, sequence)
    world.run_for(2)
    return sequence in world.replies(host)


def test_a_list_on_a_tunnel_sees_packets_inside_and_no_nhrp(world: World) -> None:
    world.configure(
        "SPOKE1",
        "ip access-list extended T",
        "10 permit eigrp any any",
        "20 deny icmp any host 10.1.101.100 echo log-input",
        "30 permit ip any any",
        "interface Tunnel0",
        "ip access-group T in",
    )
    world.run_for(60)
    assert answers(world, 1), "a reply is no echo"
    assert not answers(world, 2, "10.1.101.100", "H2")
    lines = [line for line in world.messages("SPOKE1") if "IPACCESSLOGDP" in line]
    assert lines == ["%SEC-6-IPACCESSLOGDP: list T denied icmp 10.1.102.100 (Tunnel0) -> 10.1.101.100 (8/0), 1 packet"]


def test_facts_say_what_each_port_filters_and_travel_as_json(world: World) -> None:
    world.configure("SPOKE1", *_WAN, "interface GigabitEthernet0/2", "ip verify unicast reverse-path")
    facts = router_facts(world.sim.routers["SPOKE1"].router, world.now)
    again = RouterFacts.model_validate_json(facts.model_dump_json())
    assert again.packet_filters == facts.packet_filters
    wan, lan = facts.packet_filters
    assert wan.filters.inward is not None
    assert (wan.interface, wan.filters.inward.name) == ("GigabitEthernet0/1", "WAN-IN")
    assert lan.filters.reverse_path == ReversePath(strict=True)


def test_a_denied_station_is_told_so_and_not_with_no_ip_unreachables(world: World) -> None:
    lan = ("ip access-list extended L", "deny icmp any any", "interface GigabitEthernet0/2", "ip access-group L in")
    world.configure("SPOKE1", *lan)
    wire = world.watch("SPOKE1", "GigabitEthernet0/2")
    assert not answers(world, 1)
    assert ("10.1.101.1", "10.1.101.100") in wire.ends()
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "no ip unreachables")
    wire = world.watch("SPOKE1", "GigabitEthernet0/2")
    assert not answers(world, 2)
    assert ("10.1.101.1", "10.1.101.100") not in wire.ends()
    assert "ICMP unreachables are never sent" in world.do("SPOKE1", "show ip interface GigabitEthernet0/2")


def test_a_forged_sender_does_not_pass_a_port_that_verifies_senders(world: World) -> None:
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "ip verify unicast source reachable-via rx")
    assert answers(world, 1)
    forged, station = IPv4Address("10.1.102.9"), IPv4Address("10.1.102.100")
    packet = Ipv4Packet(protocol=UDP, source=forged, destination=station, payload=bytes(8))
    world.deliver("SPOKE1", "GigabitEthernet0/2", packet)
    shown = world.do("SPOKE1", "show ip interface GigabitEthernet0/2")
    assert "  IP verify source reachable-via RX\n   1 verification drops" in shown


@pytest.mark.parametrize("story", stories("packet_filters"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, answers)
