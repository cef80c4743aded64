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
from urllib.parse import unquote

import pytest

from dmvpn.base.effects import SendIp
from dmvpn.net.ip import UdpDatagram
from dmvpn.net.ipv4 import IpProtocol
from support.world import World

GOLDENS = Path(__file__).parents[1] / "goldens"

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


def _case(path: Path) -> tuple[str, str, str]:
    """Return the scenario, the router and the command that the name of a file has."""
    words, _, place = path.stem.partition("__")
    name, _, router = place.partition("_")
    return name, router, unquote(words.replace("_", " "))


#: Files with scenario, router and command, by these: an empty one makes a case.
CASES = {_case(path): path for path in sorted(GOLDENS.glob("*__*.txt"))}


#: Lines of a router of IPv6, beside those of its scenario; `{}` is its number and that of the other end.
LINES_OF_IPV6 = {
    "ipv6-only": (
        *("router bgp 65000", "neighbor 2001:db8:100::{1} remote-as 65000", "address-family ipv6"),
        *("neighbor 2001:db8:100::{1} activate", "network 2001:db8:{2}::/64"),
        *(
            "ipv6 access-list LAN-IN",
            "permit tcp any any established",
            "permit icmp any any",
            "permit ipv6 any any log",
        ),
        *("interface GigabitEthernet0/2", "ipv6 traffic-filter LAN-IN in"),
    ),
    "ipv6-phase3": (
        *("interface Tunnel100", "ipv6 ospf 1 area 0", "ipv6 ospf network broadcast", "ipv6 ospf priority {3}"),
        *("interface GigabitEthernet0/2", "ipv6 ospf 1 area 0"),
    ),
}


def _filters(command: str) -> bool:
    """Return whether a router is asked for its filters."""
    return "access-lists" in command or command == "show ip interface"


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
    for own, other in (("11", "31"), ("31", "11")) if name in LINES_OF_IPV6 else ():
        world.configure(f"R{own}", *(line.format(own, other, own[0], int(own == "11")) for line in LINES_OF_IPV6[name]))
    if name in LINES_OF_IPV6:
        world.run_for(200 - world.now)
    if name == "branch-vlans":
        for host in ("H3", "H5", "GUEST"):
            world.stream(host, "198.51.100.80", seconds=2, rate=2)
    if name == "nat-overload":
        for host in ("H3", "H4"):
            world.stream(host, "198.51.100.80", seconds=2, rate=2)
            world.send(host, _datagram(5000, 53))
            world.send(host, _datagram(500, 500))
    world.run_for(max(120 - world.now, 0))
    cases = [(router, command) for scenario, router, command in CASES if scenario == name]
    cases.sort(key=lambda case: case[1].startswith("show"), reverse=True)  # what takes time comes last
    unfiltered = [case for case in cases if name != "front-door" or not _filters(case[1])]
    found = {(router, command): world.do(router, command) for router, command in unfiltered}
    if len(unfiltered) < len(cases):  # the other outputs are of a router without filters
        world.configure("SPOKE1", *FILTERS)
        world.do("SPOKE1", "clear crypto session")  # a program's template knows no "(1 match)" of one IKE_SA_INIT
        world.run_for(5)
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


@pytest.mark.parametrize(("name", "router", "command"), CASES)
def test_the_output_is_the_golden_one(name: str, router: str, command: str) -> None:
    text = outputs(name)[router, command]
    path = CASES[name, router, command]
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text(text)
    assert text == path.read_text()
