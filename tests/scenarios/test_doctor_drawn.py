"""Faults that a seed drew and the doctor missed once, or took for something else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.proofs.judging import LATER, judge
from dmvpn.labs.proofs.networks import FEW, Case, Harm, drawn, well_rows
from dmvpn.shells.lab.badness import HARMLESS
from dmvpn.tools.doctor import visit
from dmvpn.tools.troubles.plans import Plan
from dmvpn.tools.troubles.stage import Stage
from support.cases import one_in
from support.diagnoses import ill_of, judged_of, known_fault, network
from support.doctors import ExaminedWorld
from support.typed import Typed, read
from support.world import World

if TYPE_CHECKING:
    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.doctor import Finding

CLOUD = Plan(
    phase=3,
    hubs=1,
    spokes=3,
    routing="static",
    protection="",
    mtu=1400,
    key=7,
    authentication=True,
    server_lines=True,
    stubs=False,
)
LARGE = replace(CLOUD, hubs=3, spokes=5, routing="ospf")
NHS = "line-gone/interface_Tunnel100/ip_nhrp_nhs_192.168.100.11_nbma_172.16.11.1_multicast"
_PLANS = {"CLOUD": CLOUD, "LARGE": LARGE}


def _plan(case: Typed) -> Plan | str:
    return replace(_PLANS[case.network], **case.settings) if case.network in _PLANS else case.network


MISSED = {what: (_plan(case), case.fault) for what, case in read("missed").items()}


@pytest.mark.parametrize("case", one_in(3, MISSED))
def test_what_was_missed_once_is_named_first(case: str) -> None:
    what, fault = MISSED[case]
    scenario = network(what)
    found = judged_of(case, scenario, fault)
    assert found.harm is Harm.NOW, found
    assert found.rank == 1, found
    assert not found.wrong, found


def test_a_spoke_that_sends_all_sites_to_its_hub_is_not_to_change_where_the_hub_lacks_one() -> None:
    """The hub drops what it knows no more of: the spoke was told, as certain, to take its only route away."""
    found = judge("well-7e/18", FEW)
    assert found.harm is Harm.NOW, found
    assert found.rank == 1, found
    assert "HUB1" in found.found[0], found


def test_a_key_of_a_hub_that_lost_its_address_is_for_all_spokes_again() -> None:
    """Each spoke had a line for the same peer of the keyring: the last one worked."""
    found = judge("doctor/6", FEW, heals=True)
    assert found.rank == 1, found
    assert found.left == (), found


def test_a_missing_key_does_not_take_the_place_of_another_spokes_key() -> None:
    """The hub's address replaced that of the only peer in the keyring: another spoke."""
    anybody = "peer ANY\n  address 0.0.0.0 0.0.0.0"
    known = {"HUB1": "peer SPOKES\n  address 198.51.100.0 255.255.255.0", "S1": "peer S2\n  address 198.51.100.9"}
    cloud = replace(CLOUD, protection="ikev2")
    world = World(drawn(cloud), change=lambda name, text: text.replace(anybody, known.get(name, anybody)))
    world.run_for(120)
    finding = visit(ExaminedWorld(world), "S1").findings[0]
    assert (finding.cause, finding.router) == (Cause.PSK_MISSING, "S1")
    key = ("peer HUB1", "address 203.0.113.5", "pre-shared-key <secret>")
    assert finding.fix == ("crypto ikev2 keyring CLOUD", *key)


@pytest.mark.slow
def test_addresses_that_two_spokes_exchanged_are_exchanged_again() -> None:
    """In the copy no hub remembers the spokes, so that it shows something else: wrong systems of BGP at the hubs. Lines
    for those were entered, and the spokes kept the wrong addresses.
    """
    found = judge("doctor/143", FEW, heals=True)
    assert found.rank == 1, found
    assert found.left == (), found


def test_lines_are_judged_once_a_negative_entry_of_nhrp_has_expired() -> None:
    """A spoke remembered for three minutes that there was no direct way; the lines were called useless after two."""
    found = judge("doctor/168", FEW, heals=True)
    assert found.rank == 1, found
    assert found.left == (), found


def test_a_translator_that_became_symmetric_is_named_where_two_spokes_no_longer_meet() -> None:
    """Calls took the long way, and the doctor said that nothing was broken, though both spokes said why."""
    found = judge("doctor/150", FEW)
    assert found.harm is Harm.NOW, found
    assert found.rank == 1, found
    assert found.found[0].startswith("symmetric NAT, NAT1: R31 and R41 are behind NAT"), found


#: What is wrong there, and nobody has anything of it: neither now, nor after a restart, nor while one hub is dead.
HARMLESS_FAULTS = {what: (_plan(case), case.fault, case.found[1]) for what, case in read("harmless").items()}


@pytest.mark.slow
@pytest.mark.parametrize("case", HARMLESS_FAULTS)
def test_what_harms_nobody_is_advice_that_says_when_it_will(case: str) -> None:
    what, fault, cause = HARMLESS_FAULTS[case]
    scenario = network(what)
    found = judged_of(case, scenario, fault)
    assert found.harm is Harm.NONE, found
    assert not found.accused, found
    assert [one for one in advice(scenario, fault) if one.cause is cause and "No user notices it now: " in one.what]


def test_a_route_to_nobody_that_no_packet_meets_is_advice() -> None:
    what, fault, cause = HARMLESS_FAULTS["a route to nobody, beside which others lead"]
    found = advice(network(what), fault)
    assert [one.cause for one in found] == [cause]
    assert found[0].what.endswith("No user notices it now: other routes lead there, until they are gone")


def test_a_hub_without_a_password_registers_spokes_of_phase_1_and_only_its_replies_are_refused() -> None:
    what, fault, cause = HARMLESS_FAULTS["a password that the hub of phase 1 lacks"]
    found = advice(network(what), fault)
    assert [(one.cause, one.router) for one in found] == [(cause, "HUB1")]
    assert "No user notices it now: the server takes requests without a password" in found[0].what
    assert both(replace(CLOUD, phase=2, routing="eigrp"), fault)[0].cause is cause


def advice(scenario: Scenario, fault: str) -> list[Finding]:
    """What is not broken, and said all the same."""
    case = ill_of(scenario, fault)
    case.rows()
    return [one for one in visit(case.examined).findings if one.advice]


TWO = {
    "the way is gone, and a static route leads astray": (
        "provider-dead@S2,S1,HUB1",
        "hub-route-astray@S1,S2,HUB1",
        Cause.BLACK_HOLE,
    ),
    "no route to the underlay, and another tunnel key": (
        "default-route-missing@S1,S2,HUB1",
        "tunnel-key@S3,S2,HUB1",
        Cause.KEY,
    ),
    "a wire is cut, and another spoke has no network-id": (
        "link-cut@S1,S2,HUB1",
        "network-id-missing@S3,S2,HUB1",
        Cause.NETWORK_ID,
    ),
}


@pytest.mark.parametrize("case", TWO)
def test_of_two_faults_both_are_named_and_the_one_below_first(case: str) -> None:
    below, above, cause = TWO[case]
    found = both(replace(CLOUD, routing="ibgp"), below, above)
    scenario = drawn(replace(CLOUD, routing="ibgp"))
    first = known_fault(Stage.of(scenario), below)
    assert first.is_named(found[0].cause, found[0].router), found
    assert cause in [one.cause for one in found], found


def both(plan: Plan, *faults: str) -> list[Finding]:
    """What the doctor says of a network with several faults."""
    case = ill_of(drawn(plan), *faults)
    case.rows()
    return [one for one in visit(case.examined).findings if not one.advice]


@pytest.mark.parametrize("routing", ["eigrp", "ospf", "ibgp"])
def test_a_provider_that_answers_no_pings_breaks_nothing(routing: str) -> None:
    case = Case(drawn(replace(CLOUD, routing=routing)), 1)
    well_rows(case)
    for name in ("HUB1", "S1", "S2", "S3"):
        case.bench.impair(f"{name}:GigabitEthernet0/1", replace(HARMLESS, block=("icmp",)))
    case.wait(LATER)
    case.rows()
    assert [one for one in visit(case.examined).findings if not one.advice] == []


def test_of_many_spokes_one_without_a_route_to_one_lan_is_seen() -> None:
    """Of 156 ways not all are walked; those that begin unlike the others are."""
    world = World.of(drawn(replace(CLOUD, phase=2, spokes=12)))
    world.run_for(30)
    world.configure("S11", "no ip route 10.20.18.0 255.255.255.0 10.99.0.18")
    (found,) = (one for one in visit(ExaminedWorld(world)).findings if not one.advice)
    assert (found.cause, found.router) == (Cause.NO_ROUTE_THERE, "S11")
    assert "10.20.18." in found.what
