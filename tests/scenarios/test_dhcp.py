"""A branch whose LAN has leases: pools, a relay agent, and a spoke whose provider leases it the address of its WAN."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dmvpn.shells.lab_model import LEASED, HostSpec, Lab
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.report import as_text
from dmvpn.tools.doctor.visit import visit
from support import vlans
from support.doctors import ExaminedWorld
from support.world import World

POOL = """
ip dhcp excluded-address 10.3.3.1 10.3.3.49
ip dhcp pool LAN
 network 10.3.3.0 255.255.255.0
 default-router 10.3.3.1
 dns-server 10.1.1.53
 lease 0 0 4
"""


def branch(changes: dict[str, str]) -> World:
    """Return phase 3 with a spoke R31 whose host leases its address. changes: lines for routers."""
    found = Scenario.load("phase3-summary")
    hosts = {**found.lab.hosts, "H3": HostSpec(link="R31:GigabitEthernet0/2", address="dhcp")}
    texts = {name: text + changes.get(name, "") for name, text in found.configurations.items()}
    return World.of(Scenario(found.name, found.lab.model_copy(update={"hosts": hosts}), texts))


WAN = """
ip dhcp excluded-address 172.16.41.2
ip dhcp pool WAN
 network 172.16.41.0 255.255.255.0
 default-router 172.16.41.2
 lease 0 0 2
"""


def by_provider(text: str, more: str = "") -> str:
    """Return the configuration of R41 with an address by DHCP instead of its own and its default route."""
    dynamic = text.replace("ip address 172.16.41.1 255.255.255.0", "ip address dhcp")
    return dynamic.replace("ip route 0.0.0.0 0.0.0.0 172.16.41.2\n", "") + more


def leased(world: World, host: str = "H3") -> str:
    address = world.sim.hosts_of(world.scenario)[host].address
    return "" if address == LEASED else address


def test_a_host_of_a_branch_leases_its_address_and_reaches_the_far_lan() -> None:
    world = branch({"R31": POOL}).converge()
    world.run_for(10)
    assert leased(world) == "10.3.3.50/24"
    world.ping("H3", "10.4.4.100", 7)
    world.run_for(2)
    assert world.replies("H3") == [7]
    assert "10.3.3.50" in world.show("R31", "ip dhcp binding")
    assert world.sim.facts(world.scenario).hosts["H3"].address.ip == ip_address("10.3.3.50")
    world.do("R31", "debug ip dhcp server packet")
    world.run_for(600)
    assert leased(world) == "10.3.3.50/24", "renewed"
    assert "DHCPD: Sending DHCPACK to client" in world.show("R31", "logging")
    assert "DHCPDISCOVER         1\n" in world.show("R31", "ip dhcp server statistics")


def test_a_spoke_whose_provider_leases_its_address_registers_and_keeps_it() -> None:
    found = Scenario.load("phase3-summary")
    texts = dict(found.configurations)
    texts |= {"TRANSPORT": texts["TRANSPORT"] + WAN, "R41": by_provider(texts["R41"])}
    world = World.of(Scenario(found.name, found.lab, texts)).converge()
    assert "S*    0.0.0.0/0 [254/0] via 172.16.41.2" in world.show("R41", "ip route static")
    assert "state: 5 Bound" in world.show("R41", "dhcp lease")
    world.run_for(600)
    assert "172.16.41.1" in world.show("R41", "ip interface brief")
    refused = "% Interface does not have a DHCP originated address\n"
    assert world.do("R41", "release dhcp GigabitEthernet0/2") == world.do("R41", "renew dhcp Tunnel100") == refused
    world.do("R41", "release dhcp GigabitEthernet0/1")
    world.run_for(1)
    assert "unassigned" in world.show("R41", "ip interface brief")
    assert "0.0.0.0/0" not in world.show("R41", "ip route static")


def test_a_static_route_by_a_lease_may_name_the_port_with_the_lease() -> None:
    """The line was kept as an unknown one, and had no effect."""
    found = Scenario.load("phase3-summary")
    line = "ip route 10.{0}.0.0 255.255.0.0 GigabitEthernet0/{1} dhcp {0}\n"
    more = line.format(77, 1) + line.format(78, 2)
    texts = dict(found.configurations)
    texts |= {"TRANSPORT": texts["TRANSPORT"] + WAN, "R41": by_provider(texts["R41"], more)}
    world = World.of(Scenario(found.name, found.lab, texts))
    world.run_for(30)
    routes = world.show("R41", "ip route static")
    assert "10.77.0.0/16 [77/0] via 172.16.41.2" in routes
    assert "10.78.0.0" not in routes
    assert more.splitlines()[0] in world.show("R41", "running-config")


def test_an_inbound_list_without_bootpc_keeps_the_lease_out() -> None:
    found = Scenario.load("phase3-summary")
    closed = "ip access-list extended WAN\n permit gre any any\ninterface GigabitEthernet0/1\n ip access-group WAN in\n"
    texts = dict(found.configurations)
    texts |= {"TRANSPORT": texts["TRANSPORT"] + WAN, "R41": by_provider(texts["R41"], closed)}
    world = World.of(Scenario(found.name, found.lab, texts))
    world.run_for(60)
    assert "state: 2 Selecting" in world.show("R41", "dhcp lease")
    world.configure("R41", "ip access-list extended WAN", "permit udp any any eq bootpc")
    world.run_for(70)
    assert "state: 5 Bound" in world.show("R41", "dhcp lease")


def test_hosts_lease_through_the_tunnel_from_a_server_at_another_branch() -> None:
    far = "ip dhcp pool FAR\n network 10.3.3.0 /24\n default-router 10.3.3.1\nip dhcp excluded-address 10.3.3.1\n"
    helper = "ip dhcp relay information option\ninterface GigabitEthernet0/2\n ip helper-address 10.4.4.1\n"
    world = branch({"R31": helper, "R41": far}).converge()
    assert world.wait_until(lambda: leased(world) == "10.3.3.2/24", 70)
    world.ping("H3", "10.4.4.100", 1)
    world.run_for(2)
    assert world.replies("H3") == [1]


def test_bindings_survive_a_restart_where_a_database_keeps_them() -> None:
    world = branch({"R31": POOL + "ip dhcp database flash:leases write-delay 60\n"}).converge()
    assert "Read      :    Nov" in world.show("R31", "ip dhcp database")
    assert "Written   :    Never" in world.show("R31", "ip dhcp database")
    world.run_for(100)
    database = world.show("R31", "ip dhcp database")
    assert ("URL       :    flash:leases" in database, "Successes :    1" in database) == (True, True)
    world.sim.kill("R31")
    world.sim.boot("R31", world.scenario.configurations["R31"])
    world.run_for(5)
    assert "10.3.3.50" in world.show("R31", "ip dhcp binding")


def test_lines_of_a_pool_that_clients_would_refuse_are_refused() -> None:
    world = World.of(Scenario("one", Lab.model_validate({"links": []}), {"R1": "ip dhcp pool LAN\n"}))
    for line in ("lease 400", "lease 0 24", "option 6 ascii foo", "option 1 ip 10.0.0.1 10.0.0.2"):
        assert "%" in world.do("R1", "configure terminal", "ip dhcp pool LAN", line, "end"), line
    assert "pool LAN\n!" in world.do("R1", "show running-config")


def test_the_doctor_says_that_a_host_waits_for_its_lease() -> None:
    world = branch({})
    world.run_for(60)
    said = as_text(visit(ExaminedWorld(world)))
    assert "H3 has no address: R31 has no ip helper-address at GigabitEthernet0/2" in "\n".join(said)


FAR = "ip dhcp pool FAR\n network 10.3.3.0 /24\n default-router 10.3.3.1\nip dhcp excluded-address 10.3.3.1\n"


@pytest.mark.parametrize(
    ("lines", "says", "heals"),
    [
        (
            "router eigrp GRE-OVERLAY\n address-family ipv4 unicast autonomous-system 100\n  eigrp stub receive-only\n",
            "R41 has no way to 10.3.3.1 of R31: EIGRP of R31 does not send its LAN 10.3.3.0/24: a stub",
            "stub",
        ),
        (
            "ip access-list extended LAN\n permit icmp any any\n"
            "interface GigabitEthernet0/2\n ip access-group LAN in\n",
            "the inbound list LAN of GigabitEthernet0/2 denies its requests",
            "permit UDP from port 68 to port 67",
        ),
    ],
)
def test_the_doctor_names_what_ends_the_way_to_a_server_or_back(lines: str, says: str, heals: str) -> None:
    helper = "interface GigabitEthernet0/2\n ip helper-address 10.4.4.1\n"
    world = branch({"R31": helper + lines, "R41": FAR})
    world.run_for(90)
    said = "\n".join(as_text(visit(ExaminedWorld(world))))
    assert f"H3 has no address: {says}" in " ".join(said.split())
    assert heals in said


def test_the_doctor_follows_a_request_over_the_switches_to_the_router_that_leases() -> None:
    """The switch beside the host was named, which leases nothing, and so the list of the server's port was not seen."""
    stick = vlans.R1 + (
        " ip access-group USERS in\nip access-list extended USERS\n permit ip 10.1.99.0 0.0.0.255 any\n"
        "ip dhcp pool USERS\n network 10.1.99.0 255.255.255.0\n default-router 10.1.99.1\n"
    )
    switch = vlans.SW1.replace(
        "interface Vlan99", "interface GigabitEthernet1/1\n switchport access vlan 99\n!\ninterface Vlan99"
    )
    lab = {**vlans.LAB, "hosts": {"H4": {"link": "SW1:GigabitEthernet1/1", "address": "dhcp"}}}
    world = World.of(Scenario("branch", Lab.model_validate(lab), {**vlans.TEXTS, "R1": stick, "SW1": switch}))
    world.run_for(60)
    said = " ".join("\n".join(as_text(visit(ExaminedWorld(world)))).split())
    assert "H4 has no address: the inbound list USERS of GigabitEthernet0/0.99 denies its requests" in said
    assert "at R1" in said


GATE = " ip access-group L in\nip access-list extended L\n permit icmp any any\n"
GATE += "ip dhcp pool LAN\n network 10.1.1.0 /24\n default-router 10.1.1.1\n"
SIX = " ipv6 address 2001:db8:1::{}/64\n"
GATE6 = f"{SIX.format(1)} ipv6 nd managed-config-flag\n ipv6 traffic-filter L in\n ipv6 dhcp server LAN\n"
GATE6 += "ipv6 access-list L\n permit icmp any any\nipv6 dhcp pool LAN\n address prefix 2001:db8:1::/64\n"
GATE6 += "ipv6 unicast-routing\n"


@pytest.mark.parametrize(
    ("gateway", "other", "host", "says"),
    [
        (
            GATE,
            f"{SIX.format(2)} ipv6 dhcp server SIX\nipv6 dhcp pool SIX\n dns-server 2001:db8::53\n",
            {"address": "dhcp"},
            "H has no address: the inbound list L of GigabitEthernet0/0 denies its requests",
        ),
        (
            GATE6,
            f"{SIX.format(2)} ip helper-address 10.9.9.9\n",
            {"address": "10.1.1.100/24", "address6": "dhcp"},
            "H has no IPv6 address: the inbound list L of GigabitEthernet0/0 denies its requests",
        ),
        ("", "", {"address": "dhcp"}, "H has no address: R1 has no ip helper-address at GigabitEthernet0/0"),
    ],
)
def test_the_doctor_blames_no_router_beside_the_gateway_that_leases_nothing_of_this_version(
    gateway: str, other: str, host: dict[str, str], says: str
) -> None:
    """Lines about the other version of IP counted; and where no router leases, the first on the wire was named."""
    port = "hostname R{0}\ninterface GigabitEthernet0/0\n ip address 10.1.1.{0} 255.255.255.0\n"
    place = "R1:GigabitEthernet0/0"
    lab = {"links": [{"ends": ["R2:GigabitEthernet0/0", place]}], "hosts": {"H": {"link": place, **host}}}
    texts = {"R1": port.format(1) + gateway, "R2": port.format(2) + other}
    world = World.of(Scenario("lan", Lab.model_validate(lab), texts))
    world.run_for(20)
    said = " ".join("\n".join(as_text(visit(ExaminedWorld(world)))).split())
    assert says in said
    assert "at R1" in said
    assert "at R2" not in said
