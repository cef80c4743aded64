"""Hosts that lease IPv6 addresses: from the router of their link, and through a relay agent."""

from __future__ import annotations

import re

import pytest

from dmvpn.features.dhcp.model import CLIENT_PORT6
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.report import as_text
from dmvpn.tools.doctor.visit import visit
from support.doctors import ExaminedWorld
from support.world import World

POOL = """hostname R1
ipv6 unicast-routing
ipv6 dhcp pool LAN
 address prefix 2001:DB8:1::/64
 dns-server 2001:DB8::53
 domain-name example.com
ipv6 dhcp pool FAR
 address prefix 2001:DB8:2::/64 lifetime 600 300
interface GigabitEthernet0/1
 ipv6 address 2001:DB8:1::1/64
 ipv6 nd managed-config-flag
 ipv6 nd prefix default no-autoconfig
 ipv6 dhcp server LAN
 no shutdown
interface GigabitEthernet0/2
 ipv6 address 2001:DB8:12::1/64
 ipv6 dhcp server LAN
 no shutdown
ipv6 route 2001:DB8:2::/64 2001:DB8:12::2
"""
RELAY = """hostname R2
ipv6 unicast-routing
interface GigabitEthernet0/1
 ipv6 address 2001:DB8:2::1/64
 ipv6 nd managed-config-flag
 ipv6 nd prefix default no-autoconfig
 ipv6 dhcp relay destination 2001:DB8:12::1
 no shutdown
interface GigabitEthernet0/2
 ipv6 address 2001:DB8:12::2/64
 no shutdown
ipv6 route 2001:DB8:1::/64 2001:DB8:12::1
"""
LAB = {
    "links": [{"ends": ["R1:GigabitEthernet0/2", "R2:GigabitEthernet0/2"]}],
    "hosts": {
        "H1": {"link": "R1:GigabitEthernet0/1", "address": "10.0.0.1/24", "address6": "dhcp"},
        "H2": {"link": "R2:GigabitEthernet0/1", "address": "10.0.0.1/24", "address6": "dhcp"},
    },
}


def net(pool: str = POOL) -> World:
    return World.of(Scenario("leases", Lab.model_validate(LAB), {"R1": pool, "R2": RELAY}))


def leased(world: World, host: str) -> str:
    """Return the address that a host leased, "": none."""
    own = world.sim.hosts_of(world.scenario)[host].interface6
    return str(own.ip) if own is not None else ""


def test_a_host_leases_an_address_of_its_router_and_another_one_through_a_relay_agent() -> None:
    world = net()
    world.run_for(20)
    near, far = leased(world, "H1"), leased(world, "H2")
    assert near.startswith("2001:db8:1:")
    assert far.startswith("2001:db8:2:")
    shown = world.show("R1", "ipv6 dhcp binding")
    assert re.search(
        rf"Client: FE80::\S+ \n  DUID: 00030001\w{{12}}\n  Username : unassigned\n  VRF : default\n"
        r"  IA NA: IA ID 0x00000001, T1 43200, T2 69120\n"
        rf"    Address: {near.upper()}\n            preferred lifetime 86400, valid lifetime 172800\n"
        r"            expires at \w{3} \d\d \d{4} \d\d:\d\d [AP]M \(1727\d\d seconds\)\n",
        shown,
    )
    assert "valid 600 preferred 300 (1 in use" in world.show("R1", "ipv6 dhcp pool FAR")
    assert "valid 172800 preferred 86400 (1 in use, 0 conflicts)" in world.show("R1", "ipv6 dhcp pool LAN")
    assert "2001:DB8:12::1" in world.show("R2", "ipv6 dhcp interface")
    world.ping("H1", far, 7)
    world.run_for(2)
    assert world.replies("H1") == [7]
    world.run_for(3600)
    assert leased(world, "H2") == far, "renewed"


def test_an_address_whose_server_is_gone_ends() -> None:
    world = net()
    world.run_for(20)
    world.sim.kill("R1")
    world.run_for(700)
    assert leased(world, "H2") == ""


def test_an_address_that_nobody_renews_ends_with_its_lifetime() -> None:
    """It stayed until the next request, some seconds later."""
    world = net()
    assert world.wait_until(lambda: leased(world, "H2") != "", 20)
    world.sim.kill("R1")
    world.run_for(599)
    assert leased(world, "H2") != ""
    world.run_for(1)
    assert leased(world, "H2") == ""


def test_a_leased_host_gets_an_answer_whose_checksum_looks_like_the_port_of_its_client() -> None:
    world = net()
    world.run_for(20)
    far = leased(world, "H2")
    world.ping("H1", far)
    world.run_for(1)
    checksum = int.from_bytes(world.sim.hosts["H1"].received[-1].payload[2:4], "big")
    like_a_port = (checksum - CLIENT_PORT6) % 65535  # a sequence number that is higher lowers the checksum
    world.ping("H1", far, like_a_port)
    world.run_for(1)
    assert world.replies("H1") == [0, like_a_port]


def test_a_restarted_server_gives_a_client_that_renews_the_address_that_it_has() -> None:
    world = net()
    world.run_for(20)
    before = leased(world, "H2")
    world.sim.kill("R1")
    world.sim.boot("R1", POOL)
    world.run_for(400)
    assert leased(world, "H2") == before
    assert before.upper() in world.show("R1", "ipv6 dhcp binding")


def test_a_pool_without_addresses_has_the_rest_alone() -> None:
    world = net(POOL.replace(" address prefix 2001:DB8:1::/64\n", ""))
    world.run_for(30)
    assert leased(world, "H1") == ""
    assert "DNS server: 2001:DB8::53" in world.show("R1", "ipv6 dhcp pool LAN")


@pytest.mark.parametrize(
    ("server", "relay", "says"),
    [
        ((" ipv6 dhcp server LAN\n no", " no"), ("", ""), "H1 has no IPv6 address: R1 has no ipv6 dhcp server and"),
        ((" address prefix 2001:DB8:1::/64\n", ""), ("", ""), "H1 has no IPv6 address: pool LAN, of"),
        (("prefix 2001:DB8:2", "prefix 2001:DB8:7"), ("", ""), "H2 has no IPv6 address: R1 has no pool with the relay"),
        (
            ("", ""),
            (" ipv6 dhcp relay destination 2001:DB8:12::1\n", ""),
            "H2 has no IPv6 address: R2 has no ipv6 dhcp",
        ),
        (("ipv6 route 2001:DB8:2::/64 2001:DB8:12::2\n", ""), ("", ""), "R1 has no way to 2001:db8:2::1 of R2"),
        (
            ("", ""),
            (
                "interface GigabitEthernet0/1\n",
                "ipv6 access-list LAN\n deny udp any any eq 547\n permit ipv6 any any\n"
                "interface GigabitEthernet0/1\n ipv6 traffic-filter LAN in\n",
            ),
            "H2 has no IPv6 address: the inbound list LAN of GigabitEthernet0/1 denies its requests",
        ),
    ],
)
def test_the_doctor_says_why_a_host_has_no_lease(server: tuple[str, str], relay: tuple[str, str], says: str) -> None:
    texts = {"R1": POOL.replace(*server, 1) if server[0] else POOL, "R2": RELAY.replace(*relay) if relay[0] else RELAY}
    world = World.of(Scenario("leases", Lab.model_validate(LAB), texts))
    world.run_for(20)
    said = " ".join("\n".join(as_text(visit(ExaminedWorld(world)))).split())
    assert says in said
    assert "H1 has no address" not in said
