"""`dmvpn walk` beside real packets of the simulator: the same wires, the same octets, the same answers of ICMP."""

from __future__ import annotations

from ipaddress import IPv4Address
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from dmvpn.shells.exercises import built_in_names
from dmvpn.tools.walk import WalkOutcome, walk
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
@pytest.mark.parametrize("scenario", built_in_names())
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
