"""Scenario front-door: the provider is in a VRF, and the default route of the company leads into the tunnel."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.filters import ReversePath
from dmvpn.base.translation import UDP
from dmvpn.face.context import new_session
from dmvpn.face.interpreter import OneShot
from dmvpn.net import ipv4
from dmvpn.net.ipv4 import Ipv4Packet
from dmvpn.router.facts import RouterFacts, router_facts
from dmvpn.shells.facts import lab_facts
from dmvpn.tools.walk import as_text, walk
from support.networks import ADDRESS, behind_home_routers
from support.world import World

if TYPE_CHECKING:
    from support.world import Wiretap

PROVIDER = "INTERNET"


NETWORK = "front-door"


def test_a_hub_dies_and_comes_back_and_nothing_leaves_in_clear(world: World) -> None:
    """The world itself fails at the first packet in clear."""
    configuration = world.scenario.configurations["HUB1"]
    world.sim.kill("HUB1")
    world.stream("H1", "10.1.102.100", seconds=60, rate=1)
    world.sim.boot("HUB1", configuration)
    world.run_for(60)
    world.ping("H1", "10.1.10.100", 777)
    world.run_for(5)
    assert world.replies("H1")[-1] == 777


def test_a_peer_that_was_lost_shows_for_how_long_it_is_down(world: World) -> None:
    """It showed the time since the tunnel had come up, and jumped from seconds to minutes."""
    world.run_for(60)
    world.do("SPOKE1", "clear crypto session")
    (shown,) = [line for line in world.lines("SPOKE1", "dmvpn") if "203.0.113.1 " in line]
    assert shown.split()[3:5] == ["IKE", "00:00:00"]


def test_through_rekeys_and_the_death_of_each_hub_nothing_leaves_in_clear(world: World) -> None:
    """The world itself fails at the first packet in clear; no packet of the company is on the provider's wire."""
    routers = ("HUB1", "HUB2", "SPOKE1", "SPOKE2")
    for name in routers:
        world.configure(name, "crypto ipsec profile DMVPN", "set security-association lifetime seconds 120")
        world.do(name, "clear crypto session")
    wire = world.watch("SPOKE1", "GigabitEthernet0/1")
    world.stream("H1", "10.1.102.100", seconds=300, rate=1)
    for hub in ("HUB1", "HUB2"):
        configuration = "\n".join([*world.sim.routers[hub].router.running.render(), "end", ""])
        world.sim.kill(hub)
        world.stream("H1", "10.1.10.100", seconds=150, rate=1)
        world.sim.boot(hub, configuration)
        world.stream("H1", "10.1.102.100", seconds=150, rate=1)
    assert len(world.replies("H1")) > 700
    assert wire.ends()
    assert not [ends for ends in wire.ends() if any(address.startswith("10.") for address in ends)]
    before = spis(world.show("SPOKE1", "crypto ipsec sa"))
    world.run_for(150)
    assert before
    assert not before & spis(world.show("SPOKE1", "crypto ipsec sa")), "all SAs are renewed in this time"


def spis(text: str) -> set[str]:
    """Return the SPIs of all SAs that are shown."""
    return {line.split()[1] for line in text.splitlines() if line.strip().startswith("spi: ")}


def test_a_profile_without_its_front_door_takes_no_peer_from_there(world: World) -> None:
    world.configure("SPOKE1", "crypto ikev2 profile DMVPN", "no match fvrf INTERNET")
    world.do("SPOKE1", "clear crypto session")
    world.run_for(60)
    assert "match fvrf INTERNET" in world.show("SPOKE1", "dmvpn detail") + world.show("SPOKE1", "logging")


def test_addresses_that_go_with_a_vrf_are_news_and_no_failure_of_a_script(world: World) -> None:
    """A program that moved a port stopped there: the answer begins as a refusal does."""
    lines = ("configure terminal", "interface GigabitEthernet0/1", f"no vrf forwarding {PROVIDER}", "end")
    script = OneShot(world.handle("SPOKE1"), new_session(), lines)
    while not script.done:
        script.step()
    assert script.status == 0


def test_a_walk_takes_the_outer_packet_through_the_front_door(world: World) -> None:
    """It ended at the spoke, with recursive routing: the outer packet was looked up where the default route leads into
    the tunnel.
    """
    world.stream("H1", "10.1.102.100", seconds=5, rate=1)
    routers = {name: router_facts(node.router, world.now) for name, node in world.sim.routers.items()}
    facts = lab_facts(world.scenario, routers, {}, ())
    told = "\n".join(as_text(walk(facts, "10.1.101.100", "10.1.102.100")))
    assert "recursive" not in told
    assert "DELIVERED" in told.upper()


def test_spokes_whose_home_routers_give_out_one_address_meet_directly() -> None:
    """Each refused the answer of the other, whose address at home is its own: all packets went by the hub."""
    world = World.of(behind_home_routers()).converge()
    world.stream("H1", "10.1.102.100", seconds=5, rate=1)
    assert world.replies("H1") == [0, 1, 2, 3, 4]
    path = world.do("SPOKE1", "traceroute 10.1.102.1 source 10.1.101.1")
    assert "10.255.0.12" in path
    assert "10.255.0.1 " not in path
    assert f"(Claimed NBMA address: {ADDRESS})" in world.show("SPOKE1", "ip nhrp 10.255.0.12")


#: The addresses of the provider, and others that are in the LANs of the company.
_INSIDE = {
    **{f"198.51.100.{last}": f"10.1.101.20{last}" for last in (1, 2)},
    **{f"198.51.100.{last}": f"10.1.102.20{last}" for last in (5, 6)},
    **{f"203.0.113.{last}": f"10.1.10.10{last}" for last in (1, 2, 5, 6)},
}


def _with_addresses_of_the_company(_router: str, text: str) -> str:
    for old, new in _INSIDE.items():
        text = text.replace(old, new)
    return text


def test_the_provider_may_have_the_addresses_of_the_company() -> None:
    """A shortcut was for single hosts only if the spoke's outer address is in its LAN, as if one table had both."""
    world = World("front-door", change=_with_addresses_of_the_company).converge()
    world.stream("H1", "10.1.102.100", seconds=5, rate=1)
    assert world.replies("H1") == [0, 1, 2, 3, 4]
    assert "10.1.102.0/24 via 10.255.0.12" in world.show("SPOKE1", "ip nhrp shortcut")
    world.run_for(120)
    assert "RECURDOWN" not in world.show("SPOKE1", "logging")
    world.ping("H1", "10.1.102.100", 777)
    world.run_for(5)
    assert world.replies("H1")[-1] == 777


# Packet filters in the simulator: lists on the WAN, on a tunnel, changed under traffic; what senders and users see.

_WAN = (
    "ip access-list extended WAN-IN",
    "10 permit udp any any eq isakmp",
    "20 permit udp any any eq non500-isakmp",
    "30 permit esp any any",
    "interface GigabitEthernet0/1",
    "ip access-group WAN-IN in",
)


def answers(world: World, sequence: int, destination: str = "10.1.102.100", host: str = "H1") -> bool:
    """Return whether a host gets an answer to its ping."""
    world.ping(host, destination, sequence)
    world.run_for(2)
    return sequence in world.replies(host)


def test_a_list_on_a_tunnel_sees_packets_inside_and_no_nhrp(world: World) -> None:
    world.configure(
        "SPOKE1",
        "ip access-list extended T",
        "10 permit eigrp any any",
        "20 deny icmp any host 10.1.101.100 echo log-input",
        "30 permit ip any any",
        "interface Tunnel0",
        "ip access-group T in",
    )
    world.run_for(60)
    assert answers(world, 1), "a reply is no echo"
    assert not answers(world, 2, "10.1.101.100", "H2")
    lines = [line for line in world.messages("SPOKE1") if "IPACCESSLOGDP" in line]
    assert lines == ["%SEC-6-IPACCESSLOGDP: list T denied icmp 10.1.102.100 (Tunnel0) -> 10.1.101.100 (8/0), 1 packet"]


def test_facts_say_what_each_port_filters_and_travel_as_json(world: World) -> None:
    world.configure("SPOKE1", *_WAN, "interface GigabitEthernet0/2", "ip verify unicast reverse-path")
    facts = router_facts(world.sim.routers["SPOKE1"].router, world.now)
    again = RouterFacts.model_validate_json(facts.model_dump_json())
    assert again.packet_filters == facts.packet_filters
    wan, lan = facts.packet_filters
    assert wan.filters.inward is not None
    assert (wan.interface, wan.filters.inward.name) == ("GigabitEthernet0/1", "WAN-IN")
    assert lan.filters.reverse_path == ReversePath(strict=True)


def test_a_denied_station_is_told_so_and_not_with_no_ip_unreachables(world: World) -> None:
    lan = ("ip access-list extended L", "deny icmp any any", "interface GigabitEthernet0/2", "ip access-group L in")
    world.configure("SPOKE1", *lan)
    wire = world.watch("SPOKE1", "GigabitEthernet0/2")
    assert not answers(world, 1)
    assert ("10.1.101.1", "10.1.101.100") in wire.ends()
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "no ip unreachables")
    wire = world.watch("SPOKE1", "GigabitEthernet0/2")
    assert not answers(world, 2)
    assert ("10.1.101.1", "10.1.101.100") not in wire.ends()
    assert "ICMP unreachables are never sent" in world.do("SPOKE1", "show ip interface GigabitEthernet0/2")


def test_a_forged_sender_does_not_pass_a_port_that_verifies_senders(world: World) -> None:
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "ip verify unicast source reachable-via rx")
    assert answers(world, 1)
    forged, station = IPv4Address("10.1.102.9"), IPv4Address("10.1.102.100")
    packet = Ipv4Packet(protocol=UDP, source=forged, destination=station, payload=bytes(8))
    world.deliver("SPOKE1", "GigabitEthernet0/2", packet)
    shown = world.do("SPOKE1", "show ip interface GigabitEthernet0/2")
    assert "  IP verify source reachable-via RX\n   1 verification drops" in shown


# Log hosts behind the front door: lines to them leave in the VRF, those to other hosts in the global table.

HOST, PORT = "203.0.113.1", "GigabitEthernet0/1"


def reached(tap: Wiretap, protocol: int, port: int) -> list[str]:
    """Return the sources of the packets for this port of the log host."""
    packets = [ipv4.Ipv4Packet.parse(octets) for _, octets in tap.packets if octets[0] >> 4 == 4]
    mine = [one for one in packets if one.protocol == protocol and str(one.destination) == HOST]
    return [str(one.source) for one in mine if int.from_bytes(one.payload[2:4], "big") == port]


@pytest.mark.parametrize(
    ("lines", "sources"),
    [
        ((f"logging host {HOST} vrf INTERNET transport udp port 5514",), ["198.51.100.1"]),
        ((f"logging host {HOST} transport udp port 5514",), []),
        (
            (
                *("interface Loopback5", "vrf forwarding INTERNET", "ip address 192.0.2.5 255.255.255.255"),
                "logging source-interface Loopback5 vrf INTERNET",
                f"logging host {HOST} vrf INTERNET transport udp port 5514",
            ),
            ["192.0.2.5"],
        ),
    ],
)
def test_lines_leave_in_the_vrf_of_their_host(world: World, lines: tuple[str, ...], sources: list[str]) -> None:
    world.configure("SPOKE1", *lines)
    tap = world.watch("SPOKE1", PORT)
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "shutdown")
    world.run_for(3)
    found = reached(tap, ipv4.IpProtocol.UDP, 5514)
    assert list(dict.fromkeys(found)) == sources


def test_a_connection_is_opened_in_the_vrf(world: World) -> None:
    tap = world.watch("SPOKE1", PORT)
    world.configure("SPOKE1", f"logging host {HOST} vrf INTERNET transport tcp")
    world.run_for(3)
    assert reached(tap, ipv4.IpProtocol.TCP, 601)[0] == "198.51.100.1"
