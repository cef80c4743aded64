"""Mechanisms that are drawn apart: stray lines, addresses taken twice, wires in one direction, filters inwards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.proofs.networks import Harm, drawn
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor import visit
from support.cases import every_day_but, one_in
from support.diagnoses import PLAIN, ill_of, judged_of
from support.further import judge, said_of_slow

if TYPE_CHECKING:
    from dmvpn.tools.troubles.plans import Plan

CLOUD = PLAIN
#: Plans that together have every protocol.
PLANS = [replace(CLOUD, phase=2, routing=routing) for routing in ("eigrp", "eigrp-classic", "ospf", "rip", "ibgp")]
#: What the doctor missed once, or took for something else, as certain.
MISSED: dict[str, tuple[Plan | str, str]] = {
    "a second default route to nobody, where IKE fails by turns": (
        replace(CLOUD, routing="static", protection="ikev2"),
        "second-default-route@S2,S1,HUB1",
    ),
    "a second default route of the hub": ("bgp-phase3", "second-default-route@HUB,SPOKE2,SPOKE1"),
    "the hub's NBMA address on a loopback, behind NAT": ("ipsec-both-behind-nat", "nbma-taken@R31,R41,R11"),
    "a narrow wire of a hub that is another one's client": (
        replace(CLOUD, hubs=2, routing="ebgp"),
        "hub-wire-narrow@S1,S2,HUB2",
    ),
    "one large network for all LANs, in phase 2": (PLANS[0], "summary-eigrp@S1,S2,HUB1"),
    "one large network for all LANs, in phase 2, by lines of the interface": (PLANS[1], "summary-eigrp@S1,S2,HUB1"),
}


def network(what: Plan | str) -> Scenario:
    """One that is built in, or of a plan."""
    return Scenario.load(what) if isinstance(what, str) else drawn(what)


@pytest.mark.parametrize("number", every_day_but((3, 4, 7, 8, 9), range(10)))
def test_what_is_drawn_apart_is_named_first_and_never_a_wrong_one_as_certain(number: int) -> None:
    """Hundreds of such draws are measured for docs/reference/doctor.md; every day the small networks are tried."""
    found = judge(f"cheap/{number}")
    assert not found.wrong, found
    assert found.rank == 1 or found.harm is not Harm.NOW, found


@pytest.mark.parametrize("case", one_in(3, MISSED))
def test_what_was_missed_once_is_named_first(case: str) -> None:
    what, name = MISSED[case]
    scenario = network(what)
    found = judged_of(case, scenario, name)
    assert found.harm is Harm.NOW, found
    assert found.rank == 1, found


@pytest.mark.parametrize("lines", [False, True])
def test_of_two_spokes_the_one_whose_server_is_nobody_is_to_change_and_not_the_other(lines: bool) -> None:
    """A majority of one is none: the other spoke was told to register with nobody, too."""
    case = ill_of(drawn(replace(CLOUD, server_lines=lines)), "nhs-address@S1,S2,HUB1")
    found = visit(case.examined).findings
    assert {one.router for one in found} == {"S1"}, found
    assert found[0].cause is Cause.NHS_ADDRESS


@pytest.mark.parametrize("number", one_in(3, range(3)))
def test_a_wire_that_takes_more_than_a_second_is_slow_and_not_broken(number: int) -> None:
    assert said_of_slow(f"slow/{number}") == ()


@pytest.mark.slow
def test_of_sixty_that_are_drawn_apart_most_are_named_and_none_is_called_something_else_as_certain() -> None:
    found = [one for one in (judge(f"apart/{number}") for number in range(60)) if one.harm is Harm.NOW]
    missed = [str(one) for one in found if one.rank != 1]
    assert len(missed) <= 0.1 * len(found), missed
    assert not [one for one in found if one.wrong or one.nothing], missed
