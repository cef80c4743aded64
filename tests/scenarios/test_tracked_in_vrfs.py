"""Operations of IP SLA and tracked routes inside a VRF: the front door has an echo and a route of its own."""

from __future__ import annotations

import pytest

from support.world import World

ECHO = (
    "ip sla 1",
    "icmp-echo 203.0.113.1",
    "vrf INTERNET",
    "frequency 5",
    "timeout 1000",
    "ip sla schedule 1 life forever start-time now",
    "track 1 ip sla 1 reachability",
)


@pytest.fixture
def world() -> World:
    return World("front-door").converge()


def entered(world: World, *lines: str) -> World:
    answer = world.configure("SPOKE1", *lines)
    assert "%" not in answer, answer
    world.run_for(12)
    return world


def test_a_route_of_a_front_door_follows_an_echo_in_it(world: World) -> None:
    entered(world, *ECHO, "ip route vrf INTERNET 192.0.2.0 255.255.255.0 198.51.100.2 track 1")
    assert "192.0.2.0" in world.show("SPOKE1", "ip route vrf INTERNET")
    assert "  Reachability is Up" in world.lines("SPOKE1", "track 1")
    assert "    Static IP Routing 0" in world.lines("SPOKE1", "track 1")
    assert "Vrf Name: INTERNET" in world.lines("SPOKE1", "ip sla configuration 1")
    world.cut("SPOKE1", "GigabitEthernet0/1")
    world.run_for(7)
    assert "192.0.2.0" not in world.show("SPOKE1", "ip route vrf INTERNET")


def test_an_object_is_followed_no_more_when_the_vrf_of_the_routes_is_removed(world: World) -> None:
    """`show track` named static routes as its followers that had gone with their VRF."""
    entered(
        world,
        "vrf definition SPARE",
        "address-family ipv4",
        "exit",
        "exit",
        "track 1 interface Loopback0 line-protocol",
    )
    entered(world, "ip route vrf SPARE 192.0.2.0 255.255.255.0 Null0 track 1")
    assert "    Static IP Routing 0" in world.lines("SPOKE1", "track 1")
    entered(world, "no vrf definition SPARE")
    assert "    Static IP Routing 0" not in world.lines("SPOKE1", "track 1")


def test_an_echo_without_a_vrf_is_sent_in_the_global_table(world: World) -> None:
    """The provider has no route back to the tunnel, and the global table none to the provider."""
    entered(world, *(line for line in ECHO if not line.startswith("vrf")))
    assert "  Latest operation return code: Timeout" in world.lines("SPOKE1", "track 1")


def test_a_source_that_is_in_another_table_is_no_source(world: World) -> None:
    entered(world, ECHO[0], f"{ECHO[1]} source-interface GigabitEthernet0/2", *ECHO[2:])
    assert "  Latest operation return code: Timeout" in world.lines("SPOKE1", "track 1")


def test_a_tracked_route_is_looked_up_in_its_vrf(world: World) -> None:
    """Both tables have a default route: the one of the tunnel goes, the one of the front door stays."""
    route = "ip route 0.0.0.0 0.0.0.0 reachability"
    entered(world, f"track 1 {route}", f"track 2 {route}", "ip vrf INTERNET")
    assert '  VPN Routing/Forwarding table "INTERNET"' in world.lines("SPOKE1", "track 2")
    world.configure("SPOKE1", "interface Tunnel0", "shutdown")
    world.run_for(3)
    assert "  Reachability is Down" in world.lines("SPOKE1", "track 1")
    assert "  Reachability is Up (STATIC)" in world.lines("SPOKE1", "track 2")
    world.configure("SPOKE1", "no ip route vrf INTERNET 0.0.0.0 0.0.0.0 198.51.100.2")
    world.run_for(3)
    assert "  Reachability is Down" in world.lines("SPOKE1", "track 2")


def test_lines_that_name_a_vrf_go_with_it(world: World) -> None:
    """A saved configuration would have lines that the next start refuses."""
    entered(world, *ECHO, "track 2 ip route 0.0.0.0 0.0.0.0 reachability", "ip vrf INTERNET")
    world.configure("SPOKE1", "no vrf definition INTERNET")
    running = world.lines("SPOKE1", "running-config")
    assert "  vrf INTERNET" not in running
    assert " ip vrf INTERNET" not in running
    assert " icmp-echo 203.0.113.1" in running


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (("track 1 ip route 0.0.0.0/0 reachability", "ip vrf X"), "% VRF X does not exist or does not have a RD/AF."),
        (("ip sla 1", "icmp-echo 192.0.2.1", "vrf X"), "% VRF X does not exist or does not have a RD/AF."),
        (("track 1 interface Tunnel0 line-protocol", "ip vrf INTERNET"), "% Track 1 is not of an IP route"),
    ],
)
def test_a_vrf_that_would_have_no_effect_is_refused(world: World, lines: tuple[str, ...], answer: str) -> None:
    assert answer in world.configure("SPOKE1", *lines)
