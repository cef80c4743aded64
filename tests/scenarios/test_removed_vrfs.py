"""A VRF that is removed while neighbors, tunnels and their SAs use it, and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

LAN: Final = {"RED": "GigabitEthernet0/2", "BLUE": "GigabitEthernet0/3"}
#: What was configured in a VRF and goes with it.
_PORTS: Final = {
    "RED": (("Tunnel1", "10.255.0.11"), (LAN["RED"], "10.0.1.1")),
    "BLUE": (("Tunnel2", "10.255.0.11"), (LAN["BLUE"], "10.0.1.1")),
}
_ROUTING: Final = {
    "RED": (
        "router eigrp CUSTOMERS",
        "address-family ipv4 unicast vrf RED autonomous-system 1",
        "network 10.0.0.0",
    ),
    "BLUE": ("router ospf 2 vrf BLUE", "network 10.0.0.0 0.255.255.255 area 0"),
}


def returned(vrf: str) -> Iterator[str]:
    """Yield the lines that bring a customer of SPOKE1 back."""
    yield from (f"vrf definition {vrf}", "address-family ipv4", "exit-address-family", "exit")
    for port, address in _PORTS[vrf]:
        yield from (f"interface {port}", f"vrf forwarding {vrf}", f"ip address {address} 255.255.255.0", "exit")
    yield from _ROUTING[vrf]


NETWORK = "two-customers"


@pytest.mark.parametrize(("customer", "other"), [("RED", "BLUE"), ("BLUE", "RED")])
def test_a_customer_that_is_removed_under_traffic_disturbs_nobody_and_comes_back(
    world: World, customer: str, other: str
) -> None:
    """Its tunnel is in the global table without an address: nothing of the customer takes the provider's routes."""
    port = "GigabitEthernet0/1"
    wire = world.watch("SPOKE1", port)
    far = world.watch("SPOKE2", LAN[other])
    world.stream(f"{customer}1", "10.0.2.100", seconds=2, rate=10)
    said = world.configure("SPOKE1", f"no vrf definition {customer}")
    assert f"IPv4 addresses from all interfaces in VRF {customer} have been removed" in said
    before, heard = len(world.replies(f"{customer}1")), len(far.ends())
    world.stream(f"{customer}1", "10.0.2.100", seconds=20, rate=10)
    assert len(world.replies(f"{customer}1")) == before
    assert not [ends for ends in wire.ends() if any(end.startswith("10.") for end in ends)], "nothing is in clear"
    assert not [ends for ends in far.ends()[heard:] if "10.0.1.100" in ends]
    world.ping(f"{other}1", "10.0.2.100", 900)
    world.ping(f"{other}1", "10.0.0.100", 901)
    world.run_for(5)
    assert {900, 901} <= set(world.replies(f"{other}1"))
    assert customer not in world.show("SPOKE1", "vrf")
    assert f"VRF {customer}" not in world.show("SPOKE1", "running-config")
    world.run_for(120)  # OSPF's dead interval
    neighbors = {"RED": "ip eigrp vrf RED neighbors", "BLUE": "ip ospf neighbor"}[customer]
    assert "10.255.0.11" not in world.show("HUB", neighbors)

    refused = world.configure("SPOKE1", *returned(customer))
    assert "%" not in refused.replace("%LINK", "").replace("%LINEPROTO", ""), refused
    world.run_for(90)
    assert world.lacks() == []
    world.ping(f"{customer}1", "10.0.2.100", 910)
    world.ping(f"{customer}1", "10.0.0.100", 911)
    world.run_for(5)
    assert {910, 911} <= set(world.replies(f"{customer}1"))


def test_a_front_door_that_is_removed_takes_its_tunnel_down_and_brings_it_up_again() -> None:
    """The hubs forget the spoke, and no packet of the company leaves in clear meanwhile."""
    world = World("front-door").converge()
    wire = world.watch("SPOKE1", "GigabitEthernet0/1")
    world.configure("SPOKE1", "no vrf definition INTERNET")
    world.stream("H1", "10.1.102.100", seconds=30, rate=5)
    assert not [ends for ends in wire.ends() if any(end.startswith("10.") for end in ends)]
    shown = world.show("SPOKE1", "dmvpn")
    assert "UP" not in [line.split()[3] for line in shown.splitlines() if line.strip().startswith("1 ")]
    assert "Tunnel0" not in world.show("SPOKE1", "crypto session | include UP-ACTIVE")
    world.configure(
        "SPOKE1",
        *("vrf definition INTERNET", "address-family ipv4", "exit-address-family", "exit"),
        *("interface GigabitEthernet0/1", "vrf forwarding INTERNET", "ip address 198.51.100.1 255.255.255.252", "exit"),
        *("interface Tunnel0", "tunnel vrf INTERNET", "exit"),
        *("crypto ikev2 profile DMVPN", "match fvrf INTERNET", "exit"),
        "ip route vrf INTERNET 0.0.0.0 0.0.0.0 198.51.100.2",
    )
    world.run_for(90)
    assert world.lacks() == []
    world.ping("H1", "10.1.102.100", 900)
    world.ping("H1", "10.1.10.100", 901)
    world.run_for(5)
    assert {900, 901} <= set(world.replies("H1"))


def test_a_customer_that_is_removed_on_the_hub_takes_its_bgp_sessions_and_its_exported_routes() -> None:
    world = World("shared-services").converge()
    world.stream("B1", "10.100.0.80", seconds=2, rate=5)
    world.configure("HUB", "no vrf definition BLUE")
    world.run_for(30)
    services = world.show("HUB", "ip route vrf SERVICES")
    assert "10.2." not in services
    assert "10.1.11.0" in services
    assert "Established" not in world.show("BLUE1", "ip bgp neighbors | include BGP state")
    world.ping("R1", "10.100.0.80", 900)
    world.run_for(5)
    assert 900 in world.replies("R1")
    definition = ("vrf definition BLUE", "rd 65000:2", "address-family ipv4", "route-target export 65000:2")
    tunnel = ("interface Tunnel2", "vrf forwarding BLUE", "ip address 10.255.2.1 255.255.255.0", "exit")
    family = ("router bgp 65000", "address-family ipv4 vrf BLUE", "redistribute connected")
    peers = (f"neighbor 10.255.2.{n} {what}" for n in (13, 14) for what in (f"remote-as 650{n}", "activate"))
    world.configure("HUB", *definition, "route-target import 65000:100", "exit", "exit", *tunnel, *family, *peers)
    world.run_for(120)
    assert world.lacks() == []
    before = len(world.replies("B1"))
    world.stream("B1", "10.100.0.80", seconds=2, rate=5)
    world.run_for(2)
    assert len(world.replies("B1")) >= before + 9
