"""Scenario nat-published: servers behind spokes have public addresses, and what goes to other sites stays sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.router.facts import router_facts
from dmvpn.shells.facts import lab_facts
from dmvpn.tools.walk import walk

if TYPE_CHECKING:
    from support.world import World

NETWORK = "nat-published"
WEB, H3, H4, H5 = "198.51.100.80", "10.3.3.100", "10.4.4.100", "10.4.5.100"
PUBLIC_H4, OF_POOL = "172.16.41.50", "203.0.113.4"


def test_the_internet_reaches_a_station_at_its_public_address_and_nothing_beside_it(world: World) -> None:
    world.ping("WEB", PUBLIC_H4, 5)
    world.ping("WEB", "203.0.113.5", 6)
    world.run_for(1)
    assert world.replies("WEB") == [5]
    shown = world.lines("R41", "ip nat translations")
    assert any(line.split()[:3] == ["---", PUBLIC_H4, H4] for line in shown)


def test_a_station_of_the_site_reaches_it_there_too(world: World) -> None:
    world.ping("H5", PUBLIC_H4, 5)
    world.run_for(1)
    assert world.replies("H5") == [5]


def test_what_goes_to_another_site_is_sealed_and_keeps_its_addresses(world: World) -> None:
    tap, lan = world.watch("R31", "GigabitEthernet0/1"), world.watch("R41", "GigabitEthernet0/2")
    world.ping("H3", H4, 5)
    world.ping("H3", WEB, 6)
    world.run_for(2)
    assert sorted(world.replies("H3")) == [5, 6]
    inside = [Ipv4Packet.parse(octets) for _, octets in lan.packets]
    assert (H3, H4) in {(str(one.source), str(one.destination)) for one in inside}
    outside = [Ipv4Packet.parse(octets) for _, octets in tap.packets]
    clear = {str(one.source) for one in outside if one.protocol == IpProtocol.ICMP}
    assert clear == {OF_POOL, WEB}


def test_a_walk_follows_a_connection_to_the_port_and_back(world: World) -> None:
    routers = {name: router_facts(node.router, world.now) for name, node in world.sim.routers.items()}
    found = walk(lab_facts(world.scenario, routers, {}, ()), "WEB", "172.16.31.1", service=(IpProtocol.TCP, 8080))
    assert found.forth.end.where == "H3"
    assert (str(found.forth.end.destination), found.forth.end.port) == (H3, 80)
    assert found.back is not None
    assert found.back.end.where == "WEB"
    assert str(found.back.end.source) == "172.16.31.1"


def test_a_ping_from_the_routers_address_inside_takes_the_way_of_its_stations(world: World) -> None:
    """It left with its private address, and got no answer: the usual trial of NAT at the prompt failed."""
    shown = world.do("R31", f"ping {WEB} source 10.3.3.1")
    assert "Success rate is 100 percent (5/5)" in shown
    way = walk(world.sim.facts(world.scenario), "10.3.3.1", WEB, start="R31")
    assert any(step.what.startswith("NAT: source 10.3.3.1 becomes ") for step in way.forth.steps)
    assert way.back is not None
    assert way.back.nodes[-1] == "R31"
