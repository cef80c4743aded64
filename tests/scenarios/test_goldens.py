"""What commands print, to the octet: outputs of our own runs, in virtual time and with a seed, so that nothing varies.

`tests/goldens` holds one file for each command and router, named as tests/support/parse_check.py wants it:
`make test-parsers` gives the same files to the parsers of automation users. After a wanted change
`UPDATE_GOLDENS=1 pytest tests/scenarios/test_goldens.py` writes them again; read the difference before committing it.
"""

from __future__ import annotations

import functools
import os
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from dmvpn.base.effects import SendIp
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.net.udp import UdpDatagram
from support.world import World

GOLDENS = Path(__file__).parents[1] / "goldens"

EVERY_ROUTER = (
    "show dmvpn",
    "show dmvpn detail",
    "show ip nhrp",
    "show ip nhrp brief",
    "show ip nhrp detail",
    "show ip nhrp summary",
    "show ip nhrp traffic",
    "show ip route",
    "show ip interface brief",
    "show ip eigrp neighbors",
    "show ip eigrp topology",
    "show ip eigrp interfaces",
    "show ip protocols",
    "show interfaces",
    "show ip cef",
    "show running-config",
    "show logging",
    "show version",
    "show clock",
)
PHASE3_SPOKE = (
    "show ip nhrp nhs",
    "show ip nhrp nhs detail",
    "show ip nhrp multicast",
    "show ip nhrp shortcut",
    "show interfaces Tunnel100",
    "show ip route eigrp",
    "show ip route nhrp",
    "show ip route next-hop-override",
    "show ip route 10.4.4.0",
    "show ip route 192.168.100.41",
    "show ip route 10.3.3.0",
    "show ip cef 10.4.4.0",
    "show dmvpn events 10.4.4.1",
    "show dmvpn changes since 30s",
    "show ip nhrp at 30s",
    "show ip nhrp brief at 15s",
    "show ip route nhrp at 15s",
    "show ip route 10.4.4.0 at 15s",
    "show running-config interface Tunnel100",
    "show debugging",
    "show arp",
    "show adjacency",
    "show tunnel endpoints",
    "show nhrp debug-condition",
    "ping 10.4.4.1 source 10.3.3.1",
    "traceroute 10.4.4.1 source 10.3.3.1",
)
PHASE1 = ("show dmvpn", "show dmvpn detail", "show ip nhrp", "show ip nhrp brief", "show ip route")
GRE = ("show interfaces Tunnel100", "show ip route", "show ip protocols", "show ip rip database")
PROTECTED = (
    "show dmvpn detail",
    "show crypto session",
    "show crypto session detail",
    "show crypto ikev2 sa",
    "show crypto ikev2 sa detailed",
    "show crypto ipsec sa",
    "show adjacency",
    "show tunnel endpoints",
    "show interfaces Tunnel0",
    "show running-config",
    "show logging",
)

WATCHED = ("show bfd neighbors", "show bfd neighbors details", "show bfd summary")

TRANSLATING = ("show ip nat translations", "show ip nat translations verbose", "show ip nat statistics")
FILTERING = (
    "show ip access-lists",
    "show access-lists",
    "show ip access-lists LAN-IN",
    "show ip access-lists interface GigabitEthernet0/2",
    "show ip interface",
)
#: Lines of a router that filters.
FILTERS = (
    *("ip access-list extended WAN-IN", "permit udp any any eq isakmp", "permit udp any any eq non500-isakmp"),
    *("permit esp any any", "ip access-list extended LAN-IN", "permit icmp any any echo log"),
    *("permit tcp any any established", "deny udp any range 1 5 host 10.1.1.1 eq 53 dscp ef", "permit ip any any"),
    *("access-list 7 permit 10.0.0.0 0.255.255.255", "access-list 7 permit host 10.1.1.1", "access-list 7 deny any"),
    *("interface GigabitEthernet0/1", "ip access-group WAN-IN in", "no ip unreachables"),
    *("interface GigabitEthernet0/2", "ip access-group LAN-IN in", "ip access-group 7 out"),
    "ip verify unicast source reachable-via rx allow-default",
)
BGP = (
    "show ip bgp",
    "show ip bgp summary",
    "show ip bgp neighbors",
    "show ip route",
    "show ip protocols",
    "show bgp all",
    "show bgp all summary",
    "show bgp all detail",
    "show bgp all neighbors",
    "show bgp all neighbors 10.255.0.11 advertised-routes",
    "show bgp all neighbors 10.255.0.11 routes",
    "show bgp all cluster-ids",
)

IN_VRFS = (
    "show vrf",
    "show vrf detail",
    "show vrf detail RED",
    "show vrf RED",
    "show ip vrf",
    "show ip vrf detail",
    "show ip vrf interfaces",
    "show ip route vrf RED",
    "show ip route vrf BLUE",
    "show ip interface brief",
    "show ip interface",
    "show ip arp vrf RED",
    "show ip protocols vrf RED",
    "show ip eigrp vrf RED neighbors",
    "show ip cef vrf RED",
    "show running-config vrf RED",
    "show crypto session detail",
    "show crypto ikev2 sa",
)
FRONT_DOOR = (
    "show vrf",
    "show ip route vrf INTERNET",
    "show dmvpn detail",
    "show crypto session fvrf INTERNET",
    "show crypto ikev2 sa",
    "show crypto ipsec sa",
    "show track",
    "show ip sla configuration 1",
)

#: Scenario, router, commands.
CASES = (
    ("notes-phase3", "R31", EVERY_ROUTER + PHASE3_SPOKE),
    ("notes-phase3", "R41", ("show dmvpn detail", "show ip nhrp detail", "show ip route")),
    ("notes-phase3", "R11", EVERY_ROUTER),
    ("notes-phase1", "R11", PHASE1),
    ("notes-phase1", "R31", PHASE1),
    ("notes-phase1", "R41", PHASE1),
    ("notes-gre", "R11", GRE),
    ("course-lab", "HUB", ("show key chain",)),
    ("intro-phase3", "HUB", PROTECTED),
    ("intro-phase3", "SPOKE10", PROTECTED),
    ("ospf-phase3", "HUB", WATCHED),
    ("ospf-phase3", "SPOKE1", WATCHED),
    ("nat-overload", "R31", TRANSLATING),
    ("nat-overload", "R41", TRANSLATING),
    ("front-door", "SPOKE1", FILTERING),
    ("bgp-phase3", "HUB", BGP),
    ("bgp-phase3", "SPOKE1", ("show ip bgp", "show ip bgp 10.1.2.0/24", "show ip route 10.1.2.0")),
    ("bgp-ebgp-phase2", "SPOKE1", ("show ip bgp", "show ip route bgp", "show ip route 10.1.2.0")),
    ("bgp-two-hubs", "SPOKE1", ("show ip bgp", "show ip bgp 10.1.10.0/24")),
    ("eigrp-to-ospf", "SPOKE1", ("show ip route", "show ip route 10.1.10.0", "show ip eigrp topology 10.1.10.0/24")),
    ("eigrp-to-ospf", "CORE", ("show ip route ospf", "show ip route 10.1.101.0", "show ip protocols")),
    ("eigrp-to-ospf", "HUB1", ("show route-map",)),
    ("two-customers", "SPOKE1", IN_VRFS),
    ("front-door", "SPOKE1", FRONT_DOOR),
)


@functools.cache
def outputs(name: str) -> dict[tuple[str, str], str]:
    """What a scenario prints after two minutes, in phase 3 with traffic between the spokes, by router and command.

    All of it is printed in one go: the order of the tests must not move the clock.
    """
    world = World(name, change=_watched).converge()
    world.run_for(100 - world.now)
    if name == "front-door":
        world.configure("SPOKE1", "ip sla 1", "icmp-echo 203.0.113.1", "vrf INTERNET")
        world.configure("SPOKE1", "track 1 ip route 0.0.0.0 0.0.0.0 reachability", "ip vrf INTERNET")
    if name == "notes-phase3":
        world.do("R31", "debug nhrp condition peer nbma 172.16.41.1", "debug nhrp condition interface Tunnel100")
        world.do("R31", "debug nhrp cache")
        world.do("R31", "traceroute 10.4.4.1 source 10.3.3.1")
        world.stream("H4", "10.3.3.100", seconds=5, rate=10)
    if name == "intro-phase3":
        world.stream("H10", "192.168.20.100", seconds=5, rate=10)
    if name == "nat-overload":
        for host in ("H3", "H4"):
            world.stream(host, "198.51.100.80", seconds=2, rate=2)
            world.send(host, _datagram(5000, 53))
            world.send(host, _datagram(500, 500))
    world.run_for(120 - world.now)
    cases = [(router, command) for scenario, router, commands in CASES if scenario == name for command in commands]
    cases.sort(key=lambda case: case[1].startswith("show"), reverse=True)  # what takes time comes last
    unfiltered = [case for case in cases if name != "front-door" or case[1] not in FILTERING]
    found = {(router, command): world.do(router, command) for router, command in unfiltered}
    if len(unfiltered) < len(cases):  # the other outputs are of a router without filters
        world.configure("SPOKE1", *FILTERS)
        world.stream("H1", "10.1.102.100", seconds=5, rate=10)
        world.ping("H1", "10.1.10.100", 1)
        world.run_for(10)
    return found | {case: world.do(*case) for case in cases if case not in unfiltered}


def _watched(_router: str, text: str) -> str:
    """The scenario with OSPF has BFD on its tunnel besides."""
    text = text.replace(" ip ospf network", " bfd interval 500 min_rx 500 multiplier 3\n ip ospf bfd\n ip ospf network")
    return text


def _datagram(source_port: int, port: int) -> SendIp:
    """UDP to the host in the Internet."""
    message = UdpDatagram(source_port=source_port, destination_port=port, payload=b"hello")
    web = IPv4Address("198.51.100.80")
    return SendIp(None, None, web, IpProtocol.UDP, message.serialize(IPv4Address(0), web))


def golden(name: str, router: str, command: str) -> Path:
    """The file of an output."""
    words = command.replace("_", "%5F").replace("/", "%2F").replace("|", "%7C").replace(" ", "_")
    return GOLDENS / f"{words}__{name}_{router}.txt"


@pytest.mark.parametrize(
    ("name", "router", "command"), [(name, router, command) for name, router, commands in CASES for command in commands]
)
def test_the_output_is_the_golden_one(name: str, router: str, command: str) -> None:
    text = outputs(name)[router, command]
    path = golden(name, router, command)
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text(text)
    assert text == path.read_text()


def test_there_is_no_golden_output_that_nobody_compares() -> None:
    known = {golden(name, router, command).name for name, router, commands in CASES for command in commands}
    assert {path.name for path in GOLDENS.iterdir()} - {"README.md"} == known
