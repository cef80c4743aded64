"""VRFs with real packets: each is a network namespace of its router, and the provider is in one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.labs import Labs, eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab

WIRES = """\
routers:
  R1: {role: hub}
  R2: {role: spoke}
links:
  - ends: ["R1:GigabitEthernet0/1", "R2:GigabitEthernet0/1"]
hosts:
  H1: {link: "R1:GigabitEthernet0/2", address: 192.168.1.100/24, gateway: 192.168.1.1}
  H2: {link: "R2:GigabitEthernet0/2", address: 192.168.2.100/24, gateway: 192.168.2.1}
"""

ROUTER = """\
hostname R{number}
vrf definition WAN
 address-family ipv4
interface GigabitEthernet0/1
 vrf forwarding WAN
 ip address 10.0.0.{number} 255.255.255.0
 no shutdown
interface GigabitEthernet0/2
 ip address 192.168.{number}.1 255.255.255.0
 no shutdown
interface Tunnel0
 ip address 172.16.0.{number} 255.255.255.0
 ip nhrp network-id 1
 {nhrp}
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 tunnel vrf WAN
ip route 0.0.0.0 0.0.0.0 172.16.0.{other}
"""

NHRP = {1: "ip nhrp map multicast dynamic", 2: "ip nhrp nhs 172.16.0.1 nbma 10.0.0.1 multicast"}
PORT = "R2:GigabitEthernet0/1"
#: The spoke leaves its VRF: from now on its tunnel is in the global table inside and outside.
LEAVES = (
    "interface GigabitEthernet0/1",
    "no vrf forwarding WAN",
    "ip address 10.0.0.2 255.255.255.0",
    "interface Tunnel0",
    "no tunnel vrf WAN",
)


@pytest.fixture
def front_door(labs: Labs, tmp_path: Path) -> Labs:
    """Two routers whose tunnel has a front door, and a default route in the overlay."""
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / "lab.yaml").write_text(WIRES)
    for number, nhrp in NHRP.items():
        text = ROUTER.format(number=number, other=3 - number, nhrp=nhrp)
        (folder / f"R{number}.cfg").write_text(text)
    labs.up(folder)
    return labs


def passes(labs: Labs) -> bool:
    """A packet of a host comes through the tunnel, and its reply back."""
    ping = ("lab", "exec", "H1", "ping", "-c", "1", "-W", "1", "192.168.2.100")
    return eventually(lambda: " 0% packet loss" in labs.run(*ping).stdout, 15)


def addresses(labs: Labs, *where: str) -> str:
    return labs.say("lab", "exec", *where, "ip", "-br", "addr")


def test_the_provider_is_in_a_namespace_of_its_own(front_door: Labs) -> None:
    assert passes(front_door)
    assert "10.0.0.2/24" in addresses(front_door, "--vrf", "WAN", "R2")
    assert "10.0.0.2" not in addresses(front_door, "R2")
    refused = front_door.run("lab", "exec", "--vrf", "RED", "R2", "ip", "addr")
    assert "R2 has no VRF RED; it has WAN" in refused.stderr


def test_a_killed_router_finds_its_ports_in_their_vrf_again(front_door: Labs) -> None:
    for order in ("kill", "start"):
        front_door.say("lab", order, "R2")
    assert passes(front_door)
    assert "10.0.0.2/24" in addresses(front_door, "--vrf", "WAN", "R2")


def test_a_cable_that_is_plugged_in_again_is_in_its_vrf(front_door: Labs) -> None:
    front_door.say("lab", "impair", PORT, "--delay", "5")
    assert passes(front_door)
    front_door.say("lab", "impair", PORT)
    assert passes(front_door)


def test_a_route_leak_leads_into_the_front_door_and_outlives_the_router(front_door: Labs) -> None:
    """The other router answers in its VRF; the tunnel goes on beside it."""
    assert passes(front_door)
    front_door.typed("R2", "configure terminal", "ip route 10.0.0.1 255.255.255.255 GigabitEthernet0/1 10.0.0.1", "end")
    front_door.typed("R2", "copy running-config startup-config")
    assert "!!!!!" in front_door.typed("R2", "ping 10.0.0.1")
    assert "  1 10.0.0.1 " in front_door.typed("R2", "traceroute 10.0.0.1")
    for order in ("kill", "start"):
        front_door.say("lab", order, "R2")
    assert eventually(lambda: "!!!!!" in front_door.typed("R2", "ping 10.0.0.1"), 15)
    front_door.typed("R2", "configure terminal", "no ip route 10.0.0.1 255.255.255.255 GigabitEthernet0/1", "end")
    assert "dmleak" not in front_door.say("lab", "exec", "R2", "ip", "-br", "link")
    assert passes(front_door)


def test_a_port_leaves_its_vrf_and_the_packets_follow(front_door: Labs) -> None:
    assert passes(front_door)
    front_door.typed("R2", "configure terminal", *LEAVES, "no ip route 0.0.0.0 0.0.0.0 172.16.0.1", "end")
    front_door.typed("R2", "configure terminal", "ip route 192.168.1.0 255.255.255.0 172.16.0.1", "end")
    assert "10.0.0.2/24" in addresses(front_door, "R2")
    assert passes(front_door)
