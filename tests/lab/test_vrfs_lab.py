"""VRFs with real packets: each is a network namespace of its router, and the provider is in one of them."""

from __future__ import annotations

import pytest

from support.labs import Labs, eventually

pytestmark = pytest.mark.lab

PORT = "R2:GigabitEthernet0/1"
#: The spoke leaves its VRF: from now on its tunnel is in the global table inside and outside.
LEAVES = (
    "interface GigabitEthernet0/1",
    "no vrf forwarding WAN",
    "ip address 10.0.0.2 255.255.255.0",
    "interface Tunnel0",
    "no tunnel vrf WAN",
)


def passes(labs: Labs) -> bool:
    """A packet of a host comes through the tunnel, and its reply back."""
    ping = ("lab", "exec", "H1", "ping", "-c", "1", "-W", "1", "192.168.2.100")
    return eventually(lambda: " 0% packet loss" in labs.run(*ping).stdout, 15)


def addresses(labs: Labs, *where: str) -> str:
    return labs.say("lab", "exec", *where, "ip", "-br", "addr")


def test_the_provider_is_in_a_namespace_of_its_own(two_sites: Labs) -> None:
    assert passes(two_sites)
    assert "10.0.0.2/24" in addresses(two_sites, "--vrf", "WAN", "R2")
    assert "10.0.0.2" not in addresses(two_sites, "R2")
    refused = two_sites.run("lab", "exec", "--vrf", "RED", "R2", "ip", "addr")
    assert "R2 has no VRF RED; it has WAN" in refused.stderr


def test_a_killed_router_finds_its_ports_in_their_vrf_again(two_sites: Labs) -> None:
    for order in ("kill", "start"):
        two_sites.say("lab", order, "R2")
    assert passes(two_sites)
    assert "10.0.0.2/24" in addresses(two_sites, "--vrf", "WAN", "R2")


def test_a_cable_that_is_plugged_in_again_is_in_its_vrf(two_sites: Labs) -> None:
    two_sites.say("lab", "impair", PORT, "--delay", "5")
    assert passes(two_sites)
    two_sites.say("lab", "impair", PORT)
    assert passes(two_sites)


def test_a_route_leak_leads_into_the_two_sites_and_outlives_the_router(two_sites: Labs) -> None:
    """The other router answers in its VRF; the tunnel goes on beside it."""
    assert passes(two_sites)
    two_sites.typed("R2", "configure terminal", "ip route 10.0.0.1 255.255.255.255 GigabitEthernet0/1 10.0.0.1", "end")
    two_sites.typed("R2", "copy running-config startup-config")
    assert "!!!!!" in two_sites.typed("R2", "ping 10.0.0.1")
    assert "  1 10.0.0.1 " in two_sites.typed("R2", "traceroute 10.0.0.1")
    for order in ("kill", "start"):
        two_sites.say("lab", order, "R2")
    assert eventually(lambda: "!!!!!" in two_sites.typed("R2", "ping 10.0.0.1"), 15)
    two_sites.typed("R2", "configure terminal", "no ip route 10.0.0.1 255.255.255.255 GigabitEthernet0/1", "end")
    assert "dmleak" not in two_sites.say("lab", "exec", "R2", "ip", "-br", "link")
    assert passes(two_sites)


def test_a_port_leaves_its_vrf_and_the_packets_follow(two_sites: Labs) -> None:
    assert passes(two_sites)
    two_sites.typed("R2", "configure terminal", *LEAVES, "no ip route 0.0.0.0 0.0.0.0 172.16.0.1", "end")
    two_sites.typed("R2", "configure terminal", "ip route 192.168.1.0 255.255.255.0 172.16.0.1", "end")
    assert "10.0.0.2/24" in addresses(two_sites, "R2")
    assert passes(two_sites)
