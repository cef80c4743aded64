"""`dmvpn walk` beside real packets of the simulator: the same wires, the same octets, the same answers of ICMP."""

from __future__ import annotations

from ipaddress import IPv4Address
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import SetFilters
from dmvpn.base.events import EffectFailed
from dmvpn.base.translation import TCP, UDP
from dmvpn.features.filter.machine import FilterMachine
from dmvpn.shells.exercises import built_in_names
from dmvpn.tools.walk import Act, Walk, WalkOutcome, as_text, walk
from support.nats import derived
from support.walking import Ears, echo, edges, errors, try_it
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: A protected scenario whose spoke R31 is behind a translator, so that its ESP goes in UDP 4500; and one without.
IN_UDP, IN_PROTOCOL_50 = "ipsec-spoke-behind-nat", "ipsec-dual-hub"
NEVER_IN_UDP = ("\ninterface Tunnel", "\ncrypto ipsec encapsulation udp never\n!\ninterface Tunnel")


def lines(*pairs: tuple[str, str]) -> Callable[[str, str], str]:
    """Other lines in all configurations."""

    def change(_router: str, text: str) -> str:
        for old, new in pairs:
            text = text.replace(old, new)
        return text

    return change


def tell_the_truth(world: World, ends: tuple[str, str]) -> None:
    """Through the hub, while a shortcut comes, over it; then sizes around every edge, with DF and without."""
    ears = Ears(world)
    for _ in range(4):
        try_it(world, ears, ends, 100)
        try_it(world, ears, ends[::-1], 100)
    world.run_for(3)
    told = try_it(world, ears, ends, 100)
    for size in edges(told):
        for df in (False, True):
            try_it(world, ears, ends, size, df=df)


@pytest.mark.parametrize(
    ("scenario", "ends"),
    [
        ("notes-phase3", ("H3", "H4")),
        ("notes-gre", ("H1", "H3")),
        ("phase2-eigrp", ("H1", "H2")),
        ("hierarchical", ("HA2", "HB1")),
        ("mixed-spokes", ("H4", "H5")),
        ("two-spokes-one-nat", ("H32", "H4")),
        ("ipsec-both-behind-nat", ("H3", "H4")),
        ("ipsec-symmetric-nat", ("H3", "H4")),
        ("ipsec-two-spokes-one-nat", ("H3", "H32")),
        (IN_PROTOCOL_50, ("H1", "H2")),
        ("ipv6-phase3", ("H3", "H4")),
        ("two-customers", ("BLUE1", "BLUE2")),
        ("shared-services", ("R1", "WEB")),
        ("shared-services", ("B1", "B2")),
    ],
)
def test_a_walk_is_what_packets_do(scenario: str, ends: tuple[str, str]) -> None:
    tell_the_truth(World(scenario).converge(), ends)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", sorted({*built_in_names()} - {"branch-vlans"}))  # VLANs: test_vlans.py
def test_a_walk_is_what_packets_do_between_all_hosts(scenario: str) -> None:
    world = World(scenario).converge()
    ears, hosts = Ears(world), world.scenario.lab.hosts
    for _ in range(2):
        for ends in permutations(hosts, 2):
            if hosts[ends[0]].address == hosts[ends[1]].address:
                continue  # of two customers: a host sends to itself
            for size, df in ((100, False), (1500, False), (1500, True)):
                try_it(world, ears, ends, size, df=df)
        world.run_for(3)


@pytest.mark.parametrize(
    ("scenario", "ends", "change", "whole"),
    [
        ("notes-phase3", ("H3", "H4"), lines((" ip mtu 1400\n", "")), 1472),
        ("notes-phase3", ("H3", "H4"), lines((" ip mtu 1400\n", ""), (" tunnel key 100\n", "")), 1476),
        ("notes-phase3", ("H3", "H4"), lines((" ip mtu 1400\n", " ip mtu 1500\n")), 1472),
        (IN_UDP, ("H3", "H4"), lines((" ip mtu 1400\n", "")), 1430),
        (IN_UDP, ("H3", "H4"), lines((" ip mtu 1400\n", " ip mtu 1500\n")), 1430),
        (IN_UDP, ("H3", "H4"), lines((" ip mtu 1400\n", ""), ("mode transport", "mode tunnel")), 1410),
        (IN_UDP, ("H3", "H4"), lines((" ip mtu 1400\n", ""), ("esp-gcm 256", "esp-aes 256 esp-sha256-hmac")), 1414),
        (
            IN_UDP,
            ("H3", "H4"),
            lines(
                (" ip mtu 1400\n", " ip mtu 1500\n"),
                ("esp-gcm 256", "esp-aes 128 esp-sha512-hmac"),
                ("mode transport", "mode tunnel"),
            ),
            1378,
        ),
        (IN_PROTOCOL_50, ("H1", "H2"), lines((" ip mtu 1400\n", " ip mtu 1500\n"), NEVER_IN_UDP), 1438),
        (
            IN_PROTOCOL_50,
            ("H1", "H2"),
            lines((" ip mtu 1400\n", " ip mtu 1500\n"), NEVER_IN_UDP, ("esp-gcm 256", "esp-aes esp-sha-hmac")),
            1430,
        ),
    ],
)
def test_every_octet_of_gre_and_esp_is_counted(
    scenario: str, ends: tuple[str, str], change: Callable[[str, str], str], whole: int
) -> None:
    world = World(scenario, change=change).converge()
    tell_the_truth(world, ends)
    assert walk(world.sim.facts(world.scenario), *ends).budget.whole == whole


@pytest.mark.parametrize("scenario", ["notes-phase3", IN_UDP])
def test_a_provider_with_a_small_mtu_cuts_what_is_wrapped(scenario: str) -> None:
    def change(router: str, text: str) -> str:
        return text.replace(" no shutdown", " ip mtu 1300\n no shutdown") if router == "TRANSPORT" else text

    world = World(scenario, change=change).converge()
    tell_the_truth(world, ("H3", "H4"))
    told = walk(world.sim.facts(world.scenario), "H3", "H4")
    assert told.budget.limit.startswith("TRANSPORT: GigabitEthernet0/")
    assert told.budget.with_df == 1400


def test_a_translator_joins_what_was_cut_before_it_translates() -> None:
    def change(router: str, text: str) -> str:
        text = text.replace(" ip mtu 1400\n", " ip mtu 1500\n")
        small = "interface GigabitEthernet0/1\n ip mtu 1300\n"
        return text.replace("interface GigabitEthernet0/1\n", small) if router == "R31" else text

    world = World(IN_UDP, change=change).converge()
    told = try_it(world, Ears(world), ("H3", "H4"), 1420)
    pieces = [crossing.octets for crossing in told.forth.crossings if "NAT1" in crossing.link]
    assert [len(octets) for octets in pieces] == [2, 1]


def test_plain_packets_are_walked_through_a_translator_and_their_answers_back() -> None:
    world = World("spoke-behind-nat").converge()
    told = walk(world.sim.facts(world.scenario), "R31", "172.16.11.2")
    assert told.back is not None
    assert (told.forth.end.where, told.back.end.where) == ("TRANSPORT", "R31")
    assert str(told.back.question.destination) == "172.16.31.1"
    assert "(5/5)" in world.do("R31", "ping 172.16.11.2")
    from_host = try_it(world, Ears(world), ("H3", "172.16.11.2"), 100)
    assert from_host.back is not None
    assert from_host.back.end.why == "no station on the wire has 10.3.3.100"  # the translator has no route to it


def test_a_peer_that_has_moved_is_walked_to_where_it_is_now(tmp_path: Path) -> None:
    """The translator has another address: the hub's NHRP entry has the old one, its SA the new."""
    wide = (("172.16.31.2 255.255.255.252", "172.16.31.2 255.255.255.0"),)
    folder = derived(tmp_path, IN_UDP, lab=(("172.16.31.1/30", "172.16.31.1/24"),), TRANSPORT=wide)
    world = World(folder).converge()
    world.sim.gateways["NAT1"].rebind(IPv4Address("172.16.31.3"))
    ears = Ears(world)
    for _ in range(10):
        world.ping("H3", "10.1.1.100")
        world.run_for(1)
    told = try_it(world, ears, ("H1", "H3"), 100)
    assert told.forth.end.outcome is WalkOutcome.DELIVERED
    assert IPv4Address("172.16.31.3") in [crossing.destination for crossing in told.forth.crossings]


def test_tunnel_mode_leaves_room_for_whole_blocks_with_its_inner_header() -> None:
    """What the user saw: AES-CBC in tunnel mode, no `ip mtu`: packets of 1398 octets were cut on the way."""
    change = lines((" ip mtu 1400\n", ""), ("mode transport", "mode tunnel"), ("esp-gcm 256", "esp-aes esp-sha-hmac"))
    world = World(IN_UDP, change=change).converge()
    tell_the_truth(world, ("H3", "H4"))
    told = walk(world.sim.facts(world.scenario), "H3", "H4")
    assert told.budget.whole == told.budget.with_df == 1394


def test_whom_a_small_path_is_told_first_and_who_tells_it_on() -> None:
    """With path MTU discovery the outer header must not be cut: the provider tells the router, that the next sender."""

    def change(router: str, text: str) -> str:
        if router == "TRANSPORT":
            return text.replace(" no shutdown", " ip mtu 1300\n no shutdown")
        return text.replace(" tunnel key 100\n", " tunnel key 100\n tunnel path-mtu-discovery\n")

    world = World("notes-phase3", change=change).converge()
    ears = Ears(world)
    for _ in range(4):
        try_it(world, ears, ("H3", "H4"), 100)
    world.run_for(3)
    told = try_it(world, ears, ("H3", "H4"), 1400, df=True)
    end = told.forth.end
    assert (end.outcome, end.where, end.later_mtu) == (WalkOutcome.DROPPED, "TRANSPORT", 1272)
    assert told.budget.with_df == 1272
    assert errors(world, "H3") == []
    echo(world, "H3", "10.4.4.100", 1400, df=True)
    world.run_for(0.4)
    assert errors(world, "H3") == [("10.3.3.1", 1272)]
    try_it(world, ears, ("H3", "H4"), 1272, df=True)


def test_of_two_equal_ways_a_walk_takes_the_one_that_the_packet_takes() -> None:
    world = World("notes-phase3", change=lines((" ip nhrp shortcut\n", ""))).converge()
    for hub_or_spoke in ("192.168.100.11", "192.168.100.41"):
        world.configure("R31", f"ip route 10.4.4.0 255.255.255.0 {hub_or_spoke}")
    ears = Ears(world)
    taken = []
    for destination in ("10.4.4.100", "10.4.4.1"):
        told = try_it(world, ears, ("H3", destination), 100)
        taken += [step.what for step in told.forth.steps if "2 equal ways" in step.what]
    assert len(dict.fromkeys(taken)) == 2


# `dmvpn walk` names the list and the entry that permit or drop a packet, and what its sender hears of it.

SSH, HTTPS = (TCP, 22), (TCP, 443)
_LAN = (
    "ip access-list extended LAN-IN",
    "10 remark no shells",
    "10 deny tcp any any eq 22",
    "20 permit tcp any any eq 443",
    "30 permit icmp any any",
    "interface GigabitEthernet0/2",
    "ip access-group LAN-IN in",
)


NETWORK = "front-door"


def walked(world: World, service: tuple[int, int] | None = None, source: str = "H1", destination: str = "H2") -> Walk:
    return walk(world.sim.facts(world.scenario), source, destination, service=service)


def filtered(told: Walk) -> list[str]:
    return [step.what for step in told.forth.steps if step.act is Act.FILTER]


def test_the_entry_that_permits_is_named_and_so_is_the_one_that_drops(world: World) -> None:
    world.configure("SPOKE1", *_LAN)
    told = walked(world, HTTPS)
    assert told.forth.end.outcome is WalkOutcome.DELIVERED
    assert filtered(told) == [
        "GigabitEthernet0/2, list LAN-IN in: entry 20 permits it (permit tcp any any eq 443)",
    ]
    told = walked(world, SSH)
    assert told.forth.end.outcome is WalkOutcome.DROPPED
    assert told.forth.end.why == "GigabitEthernet0/2, list LAN-IN in: entry 10 denies it (deny tcp any any eq 22)"
    assert told.forth.end.refusal is not None
    text = " ".join(" ".join(as_text(told)).split())
    assert "10.1.101.100 -> 10.1.102.100, TCP to port 22, 100 octets" in text
    assert "SPOKE1 sends 10.1.101.100: administratively prohibited, at most twice a second" in text


def test_the_end_of_a_list_drops_what_no_entry_permits(world: World) -> None:
    world.configure("SPOKE1", *_LAN)
    told = walked(world, (UDP, 53))
    assert told.forth.end.why == "GigabitEthernet0/2, list LAN-IN in: no entry permits it, so it is denied"


@pytest.mark.parametrize("asked", ["ip access-group LAN-IN in", "ip verify unicast source reachable-via rx"])
def test_a_port_that_the_host_cannot_filter_as_it_should_lets_nothing_pass(world: World, asked: str) -> None:
    """A port with nothing but a check of senders looked open."""
    world.configure("SPOKE1", *_LAN, "no ip access-group LAN-IN in", asked)
    node = world.sim.routers["SPOKE1"]
    (filters,) = node.router.machine(FilterMachine).ordered.values()
    node.router.handle(EffectFailed(SetFilters("GigabitEthernet0/2", filters), 0, "no nf_tables"), world.sim.now)
    told = walked(world, HTTPS)
    assert told.forth.end.outcome is WalkOutcome.DROPPED
    assert "the port lets nothing pass it, because" in told.forth.end.why
    assert "no nf_tables" in told.forth.end.why
    node.router.handle(EffectFailed(SetFilters("GigabitEthernet0/2", filters), 95, "no nf_tables"), world.sim.now)
    assert walked(world, HTTPS).forth.end.outcome is WalkOutcome.DELIVERED
    shown = world.do("SPOKE1", "show ip interface GigabitEthernet0/2")
    assert "  Access lists: the port is not filtered (no nf_tables)" in shown


def test_without_unreachables_nobody_is_told(world: World) -> None:
    world.configure("SPOKE1", *_LAN, "no ip unreachables")
    told = walked(world, SSH)
    assert told.forth.end.refusal is None
    assert "(no error is sent)" in " ".join(" ".join(as_text(told)).split())


def test_the_answer_of_a_connection_has_ack_and_the_server_port(world: World) -> None:
    world.configure(
        "SPOKE2",
        "access-list 101 permit tcp any eq 443 any established",
        "access-list 101 permit icmp any any echo",
        "interface GigabitEthernet0/2",
        "ip access-group 101 in",
    )
    told = walked(world, HTTPS)
    assert told.back is not None
    assert told.back.end.outcome is WalkOutcome.DELIVERED
    assert [step.what for step in told.back.steps if step.act is Act.FILTER] == [
        "GigabitEthernet0/2, list 101 in: entry 10 permits it (permit tcp any eq 443 any established)"
    ]
    echo = walked(world)
    assert echo.back is not None
    assert "no entry permits it" in echo.back.end.why, "an answer is no echo"


def test_lists_of_tunnels_see_packets_inside_and_those_of_ports_the_outer_ones(world: World) -> None:
    world.configure(
        "SPOKE2",
        *("ip access-list extended WAN", "permit udp any any eq isakmp", "permit udp any any eq non500-isakmp"),
        *("permit esp any any", "ip access-list extended INSIDE", "deny tcp any any eq 22", "permit ip any any"),
        *("interface GigabitEthernet0/1", "ip access-group WAN in"),
        *("interface Tunnel0", "ip access-group INSIDE in"),
        *("interface GigabitEthernet0/2", "ip access-group INSIDE out"),
    )
    world.run_for(5)
    at = [
        (step.where, step.depth, step.what.partition(":")[0])
        for step in walked(world, HTTPS).forth.steps
        if step.act is Act.FILTER
    ]
    assert at == [
        ("SPOKE2", 1, "GigabitEthernet0/1, list WAN in"),
        ("SPOKE2", 0, "Tunnel0, list INSIDE in"),
        ("SPOKE2", 0, "GigabitEthernet0/2, list INSIDE out"),
    ]
    assert walked(world, SSH).forth.end.where == "SPOKE2"
    assert walked(world, SSH).forth.end.why.startswith("Tunnel0, list INSIDE in: entry 10 denies it")


def test_a_list_out_is_not_asked_about_packets_of_the_router_itself(world: World) -> None:
    world.configure("SPOKE1", "access-list 7 deny any", "interface GigabitEthernet0/2", "ip access-group 7 out")
    assert walked(world, source="SPOKE1", destination="H1").forth.end.outcome is WalkOutcome.DELIVERED
    told = walked(world, source="H2", destination="H1")
    assert told.forth.end.why == "GigabitEthernet0/2, list 7 out: entry 10 denies it (deny any)"


def test_the_check_of_senders_is_a_step_and_its_drops_are_silent(world: World) -> None:
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "ip verify unicast source reachable-via rx")
    told = walked(world)
    assert filtered(told) == [
        "GigabitEthernet0/2, ip verify unicast source: 10.1.101.100 is reachable by 10.1.101.0/24"
    ]
    world.configure("SPOKE2", "interface GigabitEthernet0/1", "ip verify unicast source reachable-via rx")
    end = walked(world).forth.end
    assert end.why.startswith("GigabitEthernet0/1, ip verify unicast source: only the default route leads to")
    assert end.refusal is None


def test_the_check_of_senders_passes_an_address_that_only_a_shut_interface_of_the_router_has(world: World) -> None:
    world.configure("SPOKE1", "interface Tunnel0", "ip verify unicast source reachable-via rx allow-default")
    world.configure("SPOKE1", "interface Loopback9", "ip address 10.1.102.100 255.255.255.255", "shutdown")
    told = walk(world.sim.facts(world.scenario), "H2", "H1")
    assert filtered(told) == ["Tunnel0, ip verify unicast source: 10.1.102.100 is reachable by 0.0.0.0/0"]
    world.ping("H2", "10.1.101.100")
    world.run_for(1)
    assert world.replies("H2") != []


def test_later_fragments_are_judged_by_themselves(world: World) -> None:
    world.configure(
        "SPOKE1",
        *("access-list 101 deny icmp any any fragments", "access-list 101 permit ip any any"),
        *("interface GigabitEthernet0/2", "ip access-group 101 out"),
    )
    facts = world.sim.facts(world.scenario)
    assert walk(facts, "H2", "H1", size=1000).forth.end.outcome is WalkOutcome.DELIVERED
    end = walk(facts, "H2", "H1", size=1500).forth.end
    assert (
        end.why == "GigabitEthernet0/2, list 101 out: entry 10 denies its later fragments (deny icmp any any fragments)"
    )


def test_the_entry_that_the_walk_names_is_the_one_that_counts_the_packet(world: World) -> None:
    world.configure("SPOKE1", *_LAN)
    (step,) = filtered(walked(world))
    assert "entry 30 permits it" in step
    assert "30 permit icmp any any (" not in world.do("SPOKE1", "show ip access-lists LAN-IN")
    world.ping("H1", "10.1.102.100", 1)
    world.run_for(2)
    assert "30 permit icmp any any (" in world.do("SPOKE1", "show ip access-lists LAN-IN")
