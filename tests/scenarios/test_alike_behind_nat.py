"""Six spokes that prove one identity, behind one outer address: only their ports tell them apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.nats import ALIKE, alike, lost
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

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
