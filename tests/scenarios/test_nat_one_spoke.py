"""Scenario spoke-behind-nat: R31 behind a translator, R41 not; GRE without IPsec."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.nhrp import packet as nhrp
from dmvpn.features.nhrp.parts import NatAddress, find
from dmvpn.net import ipv4
from support.nats import ALIKE, alike, attributes, both_behind_nat, lost, room_outside
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC, PRIVATE = "172.16.31.1", "192.168.31.10"
R31, R41 = "192.168.100.31", "192.168.100.41"


NETWORK, SETTLED_AFTER = "spoke-behind-nat", 10


def without_routing(router: str, text: str) -> str:
    """Static routes instead of EIGRP: no hellos keep anything alive."""
    static = {
        "R11": "ip route 10.3.3.0 255.255.255.0 192.168.100.31\nip route 10.4.4.0 255.255.255.0 192.168.100.41",
        "R31": "ip route 10.0.0.0 255.0.0.0 192.168.100.11",
        "R41": "ip route 10.0.0.0 255.0.0.0 192.168.100.11",
    }
    head, mark, rest = text.partition("router eigrp")
    return head + static[router] + "\n" + rest[rest.index("ip route") :] if mark else text


def without_guide_timers(router: str, text: str) -> str:
    """Static routes, and NHRP's default timers: a registration every 40 minutes."""
    text = without_routing(router, text)
    return text.replace(" ip nhrp holdtime 120\n", "").replace(" ip nhrp registration timeout 60\n", "")


def with_long_holding_time(_router: str, text: str) -> str:
    """The default of two hours."""
    return text.replace(" ip nhrp holdtime 120\n", "")


# ------------------------------------------------------------------------------------------------- registration


def test_the_hub_shows_the_public_address_and_the_one_that_the_spoke_claims(world: World) -> None:
    lines = world.lines("R11", f"ip nhrp {R31}")
    assert lines[0] == f"{R31}/32 via {R31}"
    assert {"registered", "nat", "nhop"} <= set(lines[2].split())
    assert lines[3:5] == [f"   NBMA address: {PUBLIC} ", f"     (Claimed NBMA address: {PRIVATE}) "]
    assert attributes(world, "R11", R31) == ["DN"]
    assert attributes(world, "R11", R41) == ["D"]


def test_the_reply_tells_the_spoke_its_public_address() -> None:
    world = World("spoke-behind-nat")
    tap = world.watch("R31", "GigabitEthernet0/1")
    world.converge()
    replies = [packet for _, packet in tap.nhrp(nhrp.RegistrationReply)]
    nat = find(replies[0].extensions, NatAddress)
    assert nat is not None
    assert (str(nat.entries[-1].nbma), str(nat.entries[-1].protocol)) == (PUBLIC, R31)


# ------------------------------------------------------------------------------------------------- spoke to spoke


@pytest.mark.parametrize(("source", "destination"), [("H3", "10.4.4.100"), ("H4", "10.3.3.100")])
def test_whoever_begins_the_spokes_go_direct_and_nothing_is_lost(world: World, source: str, destination: str) -> None:
    assert lost(world, source, destination, seconds=5) == 0
    assert attributes(world, "R31", R41) == ["DT2", "DT1"]
    assert attributes(world, "R41", R31) == ["DNT2", "DNT1"]
    trace = world.do("R41", "traceroute 10.3.3.1 source 10.4.4.1")
    assert trace.splitlines()[-1].startswith(f"  1 {R31} ")


def test_the_other_spoke_sends_to_the_public_address_and_knows_the_claimed_one(world: World) -> None:
    lost(world, "H4", "10.3.3.100", seconds=5)
    entry = world.lines("R41", f"ip nhrp {R31}")
    assert entry[3:5] == [f"   NBMA address: {PUBLIC} ", f"     (Claimed NBMA address: {PRIVATE}) "]


@pytest.mark.conforms("frr-3475")
@pytest.mark.parametrize("kind", ["cone", "port-restricted", "symmetric"])
def test_two_spokes_behind_different_translators_meet_because_both_begin(tmp_path: Path, kind: str) -> None:
    """GRE has no ports that a translator could change: whatever its kind, an answer finds its way."""
    world = World(both_behind_nat(tmp_path, kind)).converge()
    world.run_for(10)
    assert lost(world, "H4", "10.3.3.100", seconds=5) == 0
    assert attributes(world, "R31", R41) == ["DNT2", "DNT1"]
    assert attributes(world, "R41", R31) == ["DNT2", "DNT1"]


def test_where_the_direct_way_is_closed_everything_goes_by_the_hub_and_nothing_is_lost(world: World) -> None:
    """The provider lets no GRE pass between the spokes: the path is never proved, so it is never taken."""

    def closed(_sender: str, _receiver: str, packet: bytes) -> bool:
        source, destination = map(str, ipv4.peek_addresses(packet))
        return {source, destination} != {"172.16.41.1", PUBLIC}

    world.sim.segment_of("R41", "GigabitEthernet0/1").gate = closed
    assert lost(world, "H4", "10.3.3.100", seconds=20) == 0
    assert lost(world, "H3", "10.4.4.100", seconds=20) == 0
    trace = world.do("R31", "traceroute 10.4.4.1 source 10.3.3.1")
    assert [line.split()[1] for line in trace.splitlines()[3:]] == ["192.168.100.11", R41]


def test_a_direct_path_that_nobody_uses_is_kept_open_by_the_spoke_behind_the_translator() -> None:
    """Its mapping would be forgotten after 180 s, and the other spoke's first packets would be lost."""
    world = World("spoke-behind-nat", change=with_long_holding_time).converge()
    world.run_for(10)
    assert lost(world, "H4", "10.3.3.100", seconds=5) == 0
    world.run_for(600)
    assert attributes(world, "R41", R31) == ["DNT2", "DNT1"]
    assert lost(world, "H4", "10.3.3.100", seconds=5) == 0


def test_a_path_that_is_only_kept_open_counts_as_unused_and_expires() -> None:
    def short(_router: str, text: str) -> str:
        return text.replace("network-id 100\n", "network-id 100\n ip nhrp holdtime 120\n")

    world = World("spoke-behind-nat", change=short).converge()
    lost(world, "H4", "10.3.3.100", seconds=5)
    assert attributes(world, "R41", R31) == ["DNT2", "DNT1"]
    world.run_for(60 + 120 + 10)
    assert attributes(world, "R41", R31) == attributes(world, "R31", R41) == []


# ------------------------------------------------------------------------------------------------- mappings


def test_a_translator_that_restarts_is_survived_within_seconds(world: World) -> None:
    lost(world, "H4", "10.3.3.100", seconds=5)
    world.sim.gateways["NAT1"].rebind()
    assert lost(world, "H4", "10.3.3.100", seconds=20) <= 3 * 20
    world.sim.gateways["NAT1"].rebind()
    assert lost(world, "H1", "10.3.3.100", seconds=20) <= 5 * 20, "until the next hello of the spoke"


def test_another_public_address_is_registered_as_soon_as_the_server_falls_silent(tmp_path: Path) -> None:
    world = World(room_outside(tmp_path)).converge()
    world.run_for(30)
    world.sim.gateways["NAT1"].rebind(IPv4Address("172.16.31.9"))
    assert lost(world, "H1", "10.3.3.100", seconds=30) <= 10 * 20
    assert "   NBMA address: 172.16.31.9 " in world.lines("R11", f"ip nhrp {R31}")


def test_a_unique_registration_keeps_the_new_address_out_until_the_old_entry_expires(tmp_path: Path) -> None:
    def unique(_router: str, text: str) -> str:
        return text.replace(" ip nhrp registration no-unique\n", "")

    world = World(room_outside(tmp_path), change=unique).converge()
    world.run_for(30)
    world.sim.gateways["NAT1"].rebind(IPv4Address("172.16.31.9"))
    world.run_for(60)
    assert any("unique address registered already(14)" in message for message in world.messages("R31"))
    assert f"   NBMA address: {PUBLIC} " in world.lines("R11", f"ip nhrp {R31}")
    world.run_for(120 + 64)
    assert "   NBMA address: 172.16.31.9 " in world.lines("R11", f"ip nhrp {R31}")


# Six spokes that prove one identity, behind one outer address: only their ports tell them apart.

NAT1 = "172.16.31.1"
NUMBERS = range(1, ALIKE + 1)
VERSIONS = pytest.mark.parametrize("isakmp", [False, True], ids=["IKEv2", "IKEv1"])


def settled(folder: Path, *, isakmp: bool) -> World:
    world = World(alike(folder, isakmp=isakmp)).converge()
    world.run_for(5)
    return world


def sessions(world: World) -> dict[str, list[str]]:
    """Return the ports of the peers at NAT1 in the hub's `show crypto session`, and the IKE SAs of each."""
    text = world.show("R11", "crypto session")
    parts = re.findall(rf"Peer: {NAT1} port (\d+) \n(.*?)Active SAs", text, re.DOTALL)
    return {port: re.findall(r"IKEv\d SA: .* remote \S+/(\d+) Active", part) for port, part in parts}


def all_six_are_there(world: World) -> bool:
    """Has the hub one session with each, and does it know which?"""
    return len(sessions(world)) == ALIKE and all(ikes == [port] for port, ikes in sessions(world).items())


def each_is_reached(world: World, *, from_outside: bool = True) -> bool:
    """Does a ping of each spoke's host reach the hub's, and the reverse?"""
    ways = [(f"H{number}", "10.1.1.100") for number in NUMBERS]
    ways += [("H0", f"10.3.{number}.100") for number in NUMBERS] if from_outside else []
    return all(lost(world, *way, seconds=1, rate=10) == 0 for way in ways)


@VERSIONS
def test_six_spokes_alike_stay_up_over_rekeys(tmp_path: Path, isakmp: bool) -> None:
    """The hub kept one of six; each INITIAL_CONTACT ended the SAs of the one before."""
    world = settled(tmp_path, isakmp=isakmp)
    assert {line[:5] for line in re.findall(r"IKEv\d SA", world.show("R11", "crypto session"))} == {
        "IKEv1" if isakmp else "IKEv2"
    }
    for _ in range(4):
        assert all_six_are_there(world)
        assert each_is_reached(world)
        world.run_for(400)
    assert world.lacks() == []


@VERSIONS
def test_the_nat_box_of_six_spokes_alike_restarts_and_each_is_found_at_its_new_port(
    tmp_path: Path, isakmp: bool
) -> None:
    world = settled(tmp_path, isakmp=isakmp)
    before = set(sessions(world))
    world.sim.gateways["NAT1"].rebind()
    assert each_is_reached(world, from_outside=False)
    assert each_is_reached(world)
    assert all_six_are_there(world)
    assert len(before & set(sessions(world))) <= 2  # the first one keeps 4500, and BOX3 shows a high port
    world.run_for(1300)
    assert all_six_are_there(world)
    assert each_is_reached(world)


@VERSIONS
def test_one_of_six_spokes_alike_restarts_and_nobody_else_notices(tmp_path: Path, isakmp: bool) -> None:
    world = settled(tmp_path, isakmp=isakmp)
    world.sim.kill("S3")
    world.run_for(5)
    world.sim.boot("S3", world.scenario.configurations["S3"])
    for number in (1, 2, 4, 5, 6):
        assert lost(world, f"H{number}", "10.1.1.100", seconds=2) == 0
    assert all_six_are_there(world)
    assert each_is_reached(world)


@VERSIONS
def test_a_spoke_that_restarts_at_another_port_loses_its_old_sas_within_seconds(tmp_path: Path, isakmp: bool) -> None:
    """It says INITIAL_CONTACT. Whoever has its identity elsewhere is asked, answers, and stays."""
    world = settled(tmp_path, isakmp=isakmp)
    before = set(sessions(world))
    world.sim.kill("S3")
    world.sim.gateways["BOX3"].rebind()
    world.run_for(1)
    world.sim.boot("S3", world.scenario.configurations["S3"])
    assert world.wait_until(lambda: len(sessions(world)) == ALIKE + 1, 5)
    for number in (1, 2, 4, 5, 6):
        assert lost(world, f"H{number}", "10.1.1.100", seconds=1) == 0
    assert world.wait_until(lambda: len(sessions(world)) == ALIKE, 8)
    assert len(before & set(sessions(world))) == ALIKE - 1
    assert each_is_reached(world)


@VERSIONS
def test_another_spoke_talks_to_six_spokes_alike_directly(tmp_path: Path, isakmp: bool) -> None:
    world = settled(tmp_path, isakmp=isakmp)
    for number in NUMBERS:
        assert lost(world, "H41", f"10.3.{number}.100", seconds=3) == 0
    for number in NUMBERS:
        trace = world.do("R41", f"traceroute 10.3.{number}.1 source 10.4.4.1")
        assert re.findall(r"^ +\d+ ([\d.]+) ", trace, re.MULTILINE) == [f"192.168.100.10{number}"]
