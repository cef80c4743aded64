"""Static routes between a VRF and the global table of one router: who reaches whom, and when the routes are there."""

from __future__ import annotations

import pytest

from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from support.texts import file_text
from support.world import World

_BORDER = file_text("route_leaks_border.cfg")
_NEIGHBOR = """hostname R{n}
interface Loopback0
 ip address 192.168.{n}.1 255.255.255.0
interface GigabitEthernet1
 ip address 10.0.{n}.{n} 255.255.255.0
 no shutdown
ip route 0.0.0.0 0.0.0.0 10.0.{n}.1
end
"""
_GLOBAL = "ip route vrf A 192.168.3.0 255.255.255.0 10.0.3.3 global"
_BY_INTERFACE = "ip route vrf A 192.168.3.0 255.255.255.0 GigabitEthernet2 10.0.3.3"


def border(leak: str) -> World:
    """Return R2 in VRF A of R1, and R3 in its global table."""
    wires = [{"ends": ["R1:GigabitEthernet1", "R2:GigabitEthernet1"]}]
    wires.append({"ends": ["R1:GigabitEthernet2", "R3:GigabitEthernet1"]})
    lab = Lab.model_validate({"routers": {"R1": {}, "R2": {}, "R3": {}}, "links": wires})
    texts = {"R1": _BORDER.format(leak=leak), **{f"R{n}": _NEIGHBOR.format(n=n) for n in (2, 3)}}
    world = World.of(Scenario("route-leaks", lab, texts))
    world.run_for(5)
    return world


@pytest.fixture(params=[_GLOBAL, _BY_INTERFACE])
def world(request: pytest.FixtureRequest) -> World:
    return border(str(request.param))


def reaches(world: World) -> bool:
    """Return whether R2 and R3 reach each other."""
    ways = (("R2", 3), ("R3", 2))
    return all("!!!!!" in world.do(name, f"ping 192.168.{to}.1 source Loopback0 repeat 5") for name, to in ways)


def test_a_leak_connects_a_vrf_and_the_global_table_without_another_hop(world: World) -> None:
    assert reaches(world)
    hops = world.do("R2", "traceroute 192.168.3.1 source Loopback0")
    assert "1 10.0.2.1" in hops
    assert "2 10.0.3.3" in hops or "2 192.168.3.1" in hops


def test_a_packet_too_big_for_the_other_table_is_answered_in_its_own(world: World) -> None:
    """The answer was looked up in the table with the small link, which need not know the sender."""
    world.configure("R1", "no ip route 192.168.2.0 255.255.255.0 GigabitEthernet1 10.0.2.2")
    world.configure("R1", "interface GigabitEthernet2", "ip mtu 1400")
    world.run_for(1)
    assert "M" in world.do("R2", "ping 192.168.3.1 source Loopback0 size 1450 df-bit").splitlines()[-2]


def test_a_leak_is_there_while_the_other_table_reaches_its_next_hop(world: World) -> None:
    world.configure("R1", "interface GigabitEthernet2", "shutdown")
    world.run_for(5)
    assert "192.168.3.0" not in world.do("R1", "show ip route vrf A")
    world.configure("R1", "interface GigabitEthernet2", "no shutdown")
    world.run_for(5)
    assert "192.168.3.0" in world.do("R1", "show ip route vrf A")
    assert reaches(world)


def test_a_leak_follows_its_interface_from_vrf_to_vrf(world: World) -> None:
    world.configure("R1", "vrf definition B", "address-family ipv4")
    world.configure("R1", "interface GigabitEthernet2", "vrf forwarding B", "ip address 10.0.3.1 255.255.255.0")
    world.run_for(5)
    is_by_interface = "GigabitEthernet2" in world.do("R1", "show running-config | include ip route vrf")
    assert ("192.168.3.0" in world.do("R1", "show ip route vrf A")) == is_by_interface


def test_a_leak_is_shown_with_its_way(world: World) -> None:
    shown = world.do("R1", "show ip route vrf A 192.168.3.0")
    assert "10.0.3.3, via GigabitEthernet2" in shown
    assert "nexthop 10.0.3.3 GigabitEthernet2" in world.do("R1", "show ip cef vrf A 192.168.3.0")
    assert "[A]" in world.do("R1", "show ip static route vrf A")


def test_leaks_of_a_removed_vrf_go_and_come_with_it(world: World) -> None:
    lines = world.do("R1", "show running-config")
    world.configure("R1", "no vrf definition A")
    world.run_for(5)
    assert not reaches(world)
    world.configure("R1", *lines.splitlines())
    world.run_for(5)
    assert reaches(world)


def test_leaks_that_point_at_each_other_are_not_used() -> None:
    world = border(
        "ip route vrf A 192.168.9.0 255.255.255.0 192.168.9.1 global\nip route 192.168.9.0 255.255.255.0 192.168.9.1"
    )
    assert "192.168.9.0" not in world.do("R1", "show ip route vrf A")
    assert "192.168.9.0" not in world.do("R1", "show ip route")
