"""Scenario two-customers: equal addresses in two VRFs; each cloud has a source and credentials of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

HUB, SPOKE2 = "10.255.0.1", "10.255.0.12"
CUSTOMERS = ("RED", "BLUE")
#: The port of each customer's LAN, on each router.
LAN = {"RED": "GigabitEthernet0/2", "BLUE": "GigabitEthernet0/3"}


NETWORK = "two-customers"


def hops(world: World, vrf: str) -> list[str]:
    """Return the routers on the way from SPOKE1 to the LAN of SPOKE2."""
    lines = world.do("SPOKE1", f"traceroute vrf {vrf} 10.0.2.1").splitlines()
    return [line.split()[1] for line in lines if line[:3].strip().isdigit()]


@pytest.mark.parametrize(("customer", "other"), [CUSTOMERS, CUSTOMERS[::-1]])
def test_packets_of_a_customer_reach_only_its_own_hosts(world: World, customer: str, other: str) -> None:
    others = [world.watch(router, LAN[other]) for router in ("HUB", "SPOKE2")]
    world.stream(f"{customer}1", "10.0.2.100", seconds=5, rate=1)
    world.ping(f"{customer}1", "10.0.0.100", 5)
    world.run_for(1)
    assert world.replies(f"{customer}1") == [0, 1, 2, 3, 4, 5]
    assert [tap.ends() for tap in others if any("10.0.1.100" in ends for ends in tap.ends())] == []


def test_each_customer_has_a_shortcut_of_its_own(world: World) -> None:
    assert hops(world, "RED") == [HUB, SPOKE2]
    assert hops(world, "RED") == [SPOKE2]
    assert hops(world, "BLUE") == [HUB, SPOKE2], "the shortcut of RED is none of BLUE"
    assert hops(world, "BLUE") == [SPOKE2]
    nhrp = world.show("SPOKE1", "ip nhrp")
    entries = [entry for entry in nhrp.split("10.0.2.0/24 via ")[1:] if entry.startswith(SPOKE2)]
    assert [entry.split()[1] for entry in entries] == ["Tunnel1", "Tunnel2"]


def test_each_table_has_the_routes_of_its_protocol(world: World) -> None:
    red, blue = (world.show("SPOKE1", f"ip route vrf {vrf}") for vrf in CUSTOMERS)
    assert "D        10.0.2.0/24" in red
    assert "Tunnel2" not in red
    assert "O        10.0.2.0/24" in blue
    assert "Tunnel1" not in blue
    assert "10.0." not in world.show("SPOKE1", "ip route")


def test_both_customers_return_after_the_death_of_the_hub(world: World) -> None:
    configuration = world.scenario.configurations["HUB"]
    world.sim.kill("HUB")
    world.run_for(60)
    world.sim.boot("HUB", configuration)
    world.run_for(120)
    assert world.lacks() == []
    for vrf in CUSTOMERS:
        world.ping(f"{vrf}1", "10.0.0.100", 7)
        world.ping(f"{vrf}1", "10.0.2.100", 8)
    world.run_for(5)
    assert [sorted(world.replies(f"{vrf}1")) for vrf in CUSTOMERS] == [[7, 8], [7, 8]]


def test_a_tunnel_that_leaves_its_vrf_and_comes_back_is_protected_again(world: World) -> None:
    """The tunnel is made again, while nothing that IPsec decided about it is different."""
    world.configure("SPOKE1", "interface Tunnel1", "no vrf forwarding RED")
    world.run_for(5)
    world.configure("SPOKE1", "interface Tunnel1", "vrf forwarding RED", "ip address 10.255.0.11 255.255.255.0")
    world.run_for(60)
    assert world.lacks() == []
    world.ping("RED1", "10.0.2.100", 7)
    world.run_for(2)
    assert world.replies("RED1") == [7]


def test_a_port_that_moves_between_vrfs_under_traffic_and_capture_mixes_no_customers(world: World) -> None:
    """BLUE has no LAN at SPOKE1 meanwhile, and its cloud does not carry the packets of RED's host."""
    blue = world.watch("SPOKE2", LAN["BLUE"])
    address = "ip address 10.0.1.1 255.255.255.0"
    capture = "monitor capture CAP interface GigabitEthernet0/2 both"
    assert "% " not in world.do("SPOKE1", capture, "monitor capture CAP match any", "monitor capture CAP start")
    world.stream("RED1", "10.0.2.100", seconds=5, rate=10)
    refused = world.configure("SPOKE1", "interface GigabitEthernet0/2", "vrf forwarding BLUE", address)
    assert "% 10.0.1.0 overlaps with GigabitEthernet0/3" in refused, "one VRF has no network twice"
    before = len(world.replies("RED1"))
    world.stream("RED1", "10.0.2.100", seconds=5, rate=10)
    assert len(world.replies("RED1")) == before
    assert "%" not in world.configure("SPOKE1", "interface GigabitEthernet0/3", "shutdown", "no ip address")
    assert "%" not in world.configure("SPOKE1", "interface GigabitEthernet0/2", address)
    world.run_for(20)
    heard = len(blue.ends())
    assert "% " in world.configure("SPOKE1", "interface GigabitEthernet0/2", "vrf forwarding RED")
    assert "%" not in world.configure("SPOKE1", "interface GigabitEthernet0/2", address)
    world.run_for(20)
    world.stream("RED1", "10.0.2.100", seconds=5, rate=10)
    assert len(world.replies("RED1")) >= before + 45
    assert len([ends for ends in blue.ends()[heard:] if "10.0.1.100" in ends]) == 0
    said = world.do("SPOKE1", "monitor capture CAP stop", "monitor capture CAP export flash:cap.pcap")
    assert "Exported Successfully" in said


#: What BLUE's spoke has and RED's has not: its tunnel, source and credentials.
_BLUES = re.compile(
    r"^(?:interface (?:Tunnel2|Loopback2)|crypto ikev2 (?:keyring|profile) BLUE|crypto ipsec profile BLUE)\n"
    r"(?: .*\n|!\n(?= ))*",
    re.MULTILINE,
)
_KEY = (" tunnel key 1\n", " tunnel key 2\n")
_NHS = ("nbma 203.0.113.1 ", "nbma 203.0.113.129 ")


@pytest.mark.parametrize("lies", [(_KEY,), (_KEY, _NHS)], ids=["its own server", "the server of BLUE"])
def test_a_spoke_of_red_that_uses_the_tunnel_key_of_blue_is_not_in_its_cloud(lies: tuple[tuple[str, str], ...]) -> None:
    """One source, one IPsec profile and one key for all sites: the hub took its registration, and its packets reached
    BLUE's host.
    """

    def change(router: str, text: str) -> str:
        if router == "SPOKE2":
            text = _BLUES.sub("", text)
            assert "Loopback2" not in text
            for line, lie in lies:
                text = text.replace(line, lie)
            text += "ip route vrf RED 10.0.0.0 255.255.255.0 10.255.0.1\n"
        return text

    world = World("two-customers", change=change)
    world.run_for(60)
    blue = world.watch("HUB", LAN["BLUE"])
    world.stream("RED2", "10.0.0.100", seconds=5, rate=1)
    assert "198.51.100.5" not in world.show("HUB", "ip nhrp")
    assert [ends for ends in blue.ends() if "10.0.2.100" in ends] == []
    world.ping("BLUE1", "10.0.0.100", 7)
    world.run_for(1)
    assert world.replies("BLUE1") == [7]


# A VRF that is removed while neighbors, tunnels and their SAs use it, and comes back.

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
