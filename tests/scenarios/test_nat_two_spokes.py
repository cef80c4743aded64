"""Scenario two-spokes-one-nat: R31 and R32 behind one translator, GRE without IPsec. Only one of them can come up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.dataplane.translator import Drop
from dmvpn.net.gre import ProtocolType
from dmvpn.tools.doctor.verdicts import Finding
from dmvpn.tools.doctor.visit import visit
from support.doctors import ExaminedWorld

if TYPE_CHECKING:
    from support.world import World

#: The hub sends to the one that is gone until its entry expires, and the translator remembers the flow for as long
#: after that; then the other asks again, at last.
UNTIL_THE_OTHER_COMES_UP = 120 + 180 + 64 * 1.1 + 1


def findings(world: World, router: str) -> list[Finding]:
    """What the doctor finds for a router without sending anything."""
    return list(visit(ExaminedWorld(world), router, probing=False).findings)


NETWORK, SETTLED_AFTER = "two-spokes-one-nat", 60


def loser_of(world: World) -> tuple[str, str]:
    """Who did not come up, and who did."""
    letters = {name: world.lines(name, "ip nhrp nhs")[-1].split()[1] for name in ("R31", "R32")}
    assert sorted(letters.values()) == ["E", "RE"]
    loser = next(name for name, text in letters.items() if text == "E")
    return loser, "R31" if loser == "R32" else "R32"


@pytest.mark.conforms("frr-8308")
def test_exactly_one_of_them_registers_and_the_lab_counts_as_up(world: World) -> None:
    loser, winner = loser_of(world)
    assert world.lacks() == []
    registered = world.show("R11", "dmvpn")
    assert f"192.168.100.{winner[1:]} " in registered
    assert f"192.168.100.{loser[1:]} " not in registered


def test_the_other_sends_and_hears_nothing_for_as_long_as_one_likes(world: World) -> None:
    loser, _ = loser_of(world)
    address = {"R31": "192.168.31.10", "R32": "192.168.31.11"}[loser]
    tap = world.watch(loser, "GigabitEthernet0/1")
    world.run_for(1800)
    ways = {found.way for found in tap.tunnelled(ProtocolType.NHRP)}
    assert (address, "172.16.11.1") in ways
    assert ("172.16.11.1", address) not in ways
    assert world.sim.gateways["NAT1"].drops[Drop.TAKEN] > 20


@pytest.mark.conforms("frr-8308")
def test_the_other_says_what_may_be_wrong_where_parsers_pass_over_it(world: World) -> None:
    loser, _ = loser_of(world)
    suspicion = "     - another GRE spoke behind the same NAT address has the only flow to it"
    for command in ("ip nhrp nhs detail", "dmvpn detail"):
        lines = world.lines(loser, command)
        assert suspicion in lines, command
        first = next(number for number, line in enumerate(lines) if line.endswith("; perhaps"))
        assert lines[first].startswith("     no reply from the next hop server (")
    assert "perhaps" not in world.show(loser, "dmvpn")


def test_who_came_up_suspects_nothing(world: World) -> None:
    _, winner = loser_of(world)
    assert "perhaps" not in world.show(winner, "ip nhrp nhs detail")


def test_the_view_of_the_whole_lab_decides_it(world: World) -> None:
    loser, winner = loser_of(world)
    assert findings(world, winner) == []
    (finding,) = findings(world, loser)
    assert finding.cause is Cause.SAME_NAT
    assert f"the only flow from there to 172.16.11.1 is {winner}'s" in finding.what
    assert "UDP 4500" in finding.order


def test_while_the_first_is_gone_and_not_forgotten_its_flow_is_named(world: World) -> None:
    loser, winner = loser_of(world)
    world.sim.kill(winner)
    world.run_for(30)
    (finding,) = findings(world, loser)
    assert finding.cause is Cause.SAME_NAT
    assert "NAT1 (172.16.31.1) remembers a flow of 192.168.31.1" in finding.what
    assert finding.order == "wait until it is forgotten, or: dmvpn lab rebind NAT1"
    world.sim.gateways["NAT1"].rebind()
    world.run_for(70)
    assert findings(world, loser) == []


def test_when_the_first_is_gone_and_forgotten_the_second_comes_up(world: World) -> None:
    loser, winner = loser_of(world)
    world.sim.kill(winner)
    registered = f"192.168.100.{loser[1:]}    UP "
    assert registered not in world.show("R11", "dmvpn")
    assert world.wait_until(lambda: registered in world.show("R11", "dmvpn"), UNTIL_THE_OTHER_COMES_UP, step=1)
    world.run_for(1)
    assert "perhaps" not in world.show(loser, "ip nhrp nhs detail")


def test_a_shutdown_does_not_make_room_at_once(world: World) -> None:
    """The translator knows nothing of a shutdown: the second waits until the flow is forgotten."""
    loser, winner = loser_of(world)
    world.configure(winner, "interface Tunnel100", "shutdown")
    world.run_for(100)
    (finding,) = findings(world, loser)
    assert finding.cause is Cause.SAME_NAT
    world.run_for(UNTIL_THE_OTHER_COMES_UP - 100)
    assert findings(world, loser) == []
