"""Names of hosts by VRF: `ip host vrf`, in pings and for the servers of a tunnel behind a front door."""

from __future__ import annotations

import pytest

from support.world import World


@pytest.fixture
def world() -> World:
    return World("front-door").converge()


def registered(world: World) -> bool:
    return any("RE" in line.split()[:2] for line in world.lines("SPOKE1", "ip nhrp nhs"))


def test_a_ping_in_a_vrf_knows_the_names_of_its_vrf(world: World) -> None:
    world.configure("SPOKE1", "ip host vrf INTERNET hub 203.0.113.1", "ip host hub 10.255.0.1")
    assert "ICMP Echos to 203.0.113.1," in world.do("SPOKE1", "ping vrf INTERNET hub")
    assert "ICMP Echos to 10.255.0.1," in world.do("SPOKE1", "ping hub")
    assert "203.0.113.1" in world.show("SPOKE1", "hosts vrf INTERNET")
    assert "203.0.113.1" not in world.show("SPOKE1", "hosts")


def test_a_server_is_found_by_the_name_that_it_has_in_the_front_door(world: World) -> None:
    """The same name has another address in the global table."""
    servers = ("interface Tunnel0", "no ip nhrp nhs 10.255.0.1", "no ip nhrp nhs 10.255.0.2")
    world.configure("SPOKE1", "ip host hub 192.0.2.77", "ip host vrf INTERNET hub 203.0.113.1", *servers)
    world.configure("SPOKE1", "interface Tunnel0", "ip nhrp nhs dynamic nbma hub multicast")
    world.run_for(5)
    assert "203.0.113.1" in world.show("SPOKE1", "ip nhrp nhs detail")
    assert "10.255.0.1/32 via 10.255.0.1" in world.show("SPOKE1", "ip nhrp")


def test_a_server_follows_its_name_in_the_front_door(world: World) -> None:
    world.configure("SPOKE1", "interface Tunnel0", "no ip nhrp nhs 10.255.0.1", "no ip nhrp nhs 10.255.0.2")
    world.configure("SPOKE1", "interface Tunnel0", "ip nhrp nhs 10.255.0.2 nbma hub multicast")
    world.run_for(2)
    assert "NBMA address: 203.0.113.5" not in world.show("SPOKE1", "ip nhrp")
    world.configure("SPOKE1", "ip host vrf INTERNET hub 203.0.113.5")
    world.run_for(5)
    assert "NBMA address: 203.0.113.5" in world.show("SPOKE1", "ip nhrp")


def test_a_server_follows_the_front_door_of_its_tunnel(world: World) -> None:
    world.configure(
        "SPOKE1",
        *("vrf definition OTHER", "address-family ipv4", "exit-address-family"),
        *("ip host vrf INTERNET hub 203.0.113.5", "ip host vrf OTHER hub 192.0.2.77", "interface Tunnel0"),
        *(
            "no ip nhrp nhs 10.255.0.1",
            "no ip nhrp nhs 10.255.0.2",
            "ip nhrp nhs 10.255.0.2 nbma hub",
            "tunnel vrf OTHER",
        ),
    )
    world.run_for(2)
    assert "NBMA address: 192.0.2.77" in world.show("SPOKE1", "ip nhrp")
    world.configure("SPOKE1", "interface Tunnel0", "tunnel vrf INTERNET")
    world.run_for(2)
    assert "NBMA address: 203.0.113.5" in world.show("SPOKE1", "ip nhrp")
