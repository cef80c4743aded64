"""Packet filters in the simulator: lists on the WAN, on a tunnel, changed under traffic; what senders and users see."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.filters import ReversePath
from dmvpn.base.translation import UDP
from dmvpn.net.ipv4 import Ipv4Packet
from dmvpn.router.facts import RouterFacts, router_facts
from support.world import World

_WAN = (
    "ip access-list extended WAN-IN",
    "10 permit udp any any eq isakmp",
    "20 permit udp any any eq non500-isakmp",
    "30 permit esp any any",
    "interface GigabitEthernet0/1",
    "ip access-group WAN-IN in",
)


@pytest.fixture
def world() -> World:
    return World("front-door").converge()


def answers(world: World, sequence: int, destination: str = "10.1.102.100", host: str = "H1") -> bool:
    """Return whether a host gets an answer to its ping."""
    world.ping(host, destination, sequence)
    world.run_for(2)
    return sequence in world.replies(host)


def test_a_branch_that_lets_in_ipsec_alone_keeps_its_tunnel_and_answers_no_ping_from_the_provider(world: World) -> None:
    assert "Success rate is 100 percent" in world.do("TRANSPORT", "ping 198.51.100.1")
    world.configure("SPOKE1", *_WAN)
    world.run_for(120)
    assert answers(world, 1)
    assert "Success rate is 0 percent" in world.do("TRANSPORT", "ping 198.51.100.1")
    shown = world.do("SPOKE1", "show ip access-lists WAN-IN")
    assert "Extended IP access list WAN-IN" in shown
    assert any(line.startswith("    20 permit udp any any eq non500-isakmp (") for line in shown.splitlines())
    assert "  Inbound  access list is WAN-IN" in world.do("SPOKE1", "show ip interface GigabitEthernet0/1")


def test_a_list_that_denies_the_port_of_the_tunnel_cuts_it_and_its_entry_counts_and_logs(world: World) -> None:
    world.configure(
        "SPOKE1", *_WAN, "ip access-list extended WAN-IN", "no 30", "5 deny udp any any eq non500-isakmp log"
    )
    world.run_for(5)
    assert not answers(world, 1)
    assert any("%SEC-6-IPACCESSLOGP: list WAN-IN denied udp " in line for line in world.messages("SPOKE1"))
    assert "5 deny udp any any eq non500-isakmp log (" in world.do("SPOKE1", "show access-lists WAN-IN")


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


def test_the_counts_of_a_list_are_cleared_and_other_entries_keep_theirs_when_one_changes(world: World) -> None:
    world.configure(
        "SPOKE1",
        "access-list 101 permit icmp any any",
        "access-list 101 permit ip any any",
        "interface GigabitEthernet0/2",
        "ip access-group 101 in",
    )
    assert answers(world, 1)
    assert "    10 permit icmp any any (1 match)" in world.do("SPOKE1", "show ip access-lists 101")
    world.configure("SPOKE1", "ip access-list extended 101", "5 deny udp any any eq 9")
    assert answers(world, 2)
    found = world.do("SPOKE1", "show ip access-lists interface GigabitEthernet0/2 in")
    assert "permit icmp any any (2 matches)" in found
    world.do("SPOKE1", "clear access-list counters 101")
    assert "match" not in world.do("SPOKE1", "show ip access-lists 101")
    assert answers(world, 3)
    assert "permit icmp any any (1 match)" in world.do("SPOKE1", "show ip access-lists 101")


def test_facts_say_what_each_port_filters_and_travel_as_json(world: World) -> None:
    world.configure("SPOKE1", *_WAN, "interface GigabitEthernet0/2", "ip verify unicast reverse-path")
    facts = router_facts(world.sim.routers["SPOKE1"].router, world.now)
    again = RouterFacts.model_validate_json(facts.model_dump_json())
    assert again.packet_filters == facts.packet_filters
    wan, lan = facts.packet_filters
    assert wan.filters.inward is not None
    assert (wan.interface, wan.filters.inward.name) == ("GigabitEthernet0/1", "WAN-IN")
    assert lan.filters.reverse_path == ReversePath(strict=True)


def test_a_list_that_does_not_exist_lets_all_pass_until_it_exists(world: World) -> None:
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "ip access-group LATER in")
    assert answers(world, 1)
    world.configure("SPOKE1", "ip access-list standard LATER", "permit 192.0.2.0 0.0.0.255")
    assert not answers(world, 2)
    world.configure("SPOKE1", "no ip access-list standard LATER")
    assert answers(world, 3)


def test_an_outward_list_is_for_what_others_send_and_not_for_the_router_itself(world: World) -> None:
    world.configure(
        "SPOKE1",
        "ip access-list extended NO-PING",
        "deny icmp any any",
        "interface GigabitEthernet0/2",
        "ip access-group NO-PING out",
    )
    assert not answers(world, 1)
    assert "Success rate is 100 percent" in world.do("SPOKE1", "ping 10.1.101.100")


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


def test_groups_and_time_ranges_are_followed(world: World) -> None:
    world.configure(
        "SPOKE1",
        "object-group network SITES",
        "10.1.102.0 255.255.255.0",
        "range 10.1.103.1 10.1.103.9",
        "object-group service PINGS",
        "icmp echo",
        "time-range NEVER",
        "absolute start 00:00 1 January 1999 end 00:00 2 January 1999",
        "ip access-list extended G",
        "10 permit ip any any time-range NEVER",
        "20 deny object-group PINGS any object-group SITES",
        "30 permit ip any any",
        "interface GigabitEthernet0/2",
        "ip access-group G in",
    )
    assert not answers(world, 1)
    assert answers(world, 2, "10.1.10.100")
    shown = world.do("SPOKE1", "show ip access-lists G")
    assert "    10 permit ip any any time-range NEVER (inactive)\n" in shown
    assert "    20 deny object-group PINGS any object-group SITES (1 match)\n" in shown
