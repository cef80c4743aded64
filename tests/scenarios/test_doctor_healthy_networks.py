"""Networks that are odd and well are not accused: what the doctor says there is advice, or asks whether it is meant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.copied import CopiedLab, brought_up
from dmvpn.labs.proofs.verdicts import LATER
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.report import as_text
from dmvpn.tools.doctor.verdicts import Finding, Health, Step, in_words
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.remedies.trial import attempt, settle
from support.cases import every_day_but
from support.odd import CLOUD, ODD, TWO, Odd, accusations, case_of, odd_of, said_of
from support.written import DYNAMIC, MULTICAST, NHS, OSPF, write

if TYPE_CHECKING:
    from pathlib import Path

#: One of each kind; `make test-all` tries the others, too.
EVERY_DAY = (
    "a spoke's tunnel is smaller, and clamps TCP to fit",
    "a narrow wire, and a smaller tunnel that fits it",
    "a spoke without the second hub",
    "a spoke with an entry of a hub that will come",
    "a spoke whose only server is itself, and which the hub has the map of",
    "a hub that is a server of its own",
    "a hub that alone is multipoint, of spokes with NHRP and without servers",
    "one point-to-point spoke with a line of phase 3",
    "a hub with a static tunnel to one spoke beside the cloud",
    "a branch whose tunnel is shut",
    "a branch whose LAN is shut",
    "a LAN in quarantine behind a list",
    "guests that reach no other site",
    "guests with a host that reach no other site",
    "registrations of another pace",
    "a route in one direction to the spoke itself",
    "a larger network at a spoke's end",
    "several proposals of IPsec at one spoke",
)


@pytest.mark.parametrize("name", every_day_but(tuple(name for name in ODD if name not in EVERY_DAY), ODD))
def test_a_network_that_is_odd_and_well_is_not_accused(name: str) -> None:
    """Branches that were shut on purpose, and tunnels that are smaller than others, were called broken for certain."""
    found = said_of(ODD[name])
    assert accusations(found) == []
    assert found.healthy, "the exit code is 0"


@pytest.mark.parametrize("number", every_day_but(range(4, 40), range(40)))
def test_an_oddity_at_any_place_of_any_cloud_is_not_accused(number: int) -> None:
    what, odd = odd_of(f"odd/{number}")
    assert accusations(said_of(odd)) == [], what


@pytest.mark.parametrize(
    ("name", "health"),
    [
        ("a LAN in quarantine behind a list", Health.APART),
        ("a LAN that nobody advertises", Health.WELL),
        ("a spoke that takes the hub's LAN alone", Health.APART),
    ],
)
def test_what_a_list_or_a_filter_keeps_apart_is_named_and_not_broken(name: str, health: Health) -> None:
    """After 160 copies the line that opens a network in quarantine was shown, and the exit code was 1."""
    found = said_of(ODD[name])
    assert found.health is health
    assert found.health.code in (0, 3)
    for one in found.findings:
        assert one.advice or (one.mild and one.decide), one


def test_a_branch_that_is_switched_off_may_be_meant_and_the_hub_may_not() -> None:
    case = case_of(Odd(CLOUD))
    case.simulator.kill("S1")
    case.wait(LATER)
    found = visit(case.examined)
    assert (found.health, found.findings[0].decide) == (Health.APART, "is S1 switched off on purpose?")
    assert next(as_text(found)) == "5 routers: cut off at underlay (router dead), at S1, unless intended"
    case.simulator.kill("HUB1")
    case.wait(LATER)
    assert visit(case.examined).health is Health.BROKEN


def test_what_may_be_meant_says_so_and_asks() -> None:
    lines = list(as_text(said_of(ODD["a branch whose tunnel is shut"])))
    assert lines[0] == "5 routers: likely broken at line protocol (tunnel shut down), at S1, unless intended"
    assert "  to decide: is S1 shut down on purpose?" in lines


@pytest.mark.parametrize(
    "odd",
    [
        Odd(CLOUD, {"HUB1": ("interface Tunnel0", "shutdown")}),
        Odd(TWO, {"HUB1": ("interface Tunnel0", "shutdown")}),
        Odd(CLOUD, {"TRANSPORT": ("interface GigabitEthernet0/2", "shutdown")}),
    ],
    ids=["the only hub", "the hub that the other one registers with", "a port of the provider"],
)
def test_what_others_need_is_broken_whoever_shut_it_down(odd: Odd) -> None:
    found = said_of(odd)
    assert not found.healthy
    assert found.findings[0].certain


def test_a_router_that_looks_to_itself_is_not_said_to_have_other_servers() -> None:
    """It was: "other servers serve it", where there was none; the lines that were shown cut it off."""
    (said,) = said_of(ODD["a spoke whose only server is itself, and which the hub has the map of"]).findings
    assert said.advice
    assert "other servers" not in said.what
    assert "reach it by static maps" in said.what


def test_a_copy_with_better_wires_does_not_vouch_for_larger_packets() -> None:
    """Where the wire takes no more, lines for a larger tunnel were shown as tried."""
    diagnosis = said_of(Odd(CLOUD, {"S1": ("interface Tunnel0", "ip mtu 1300")}))
    finding = diagnosis.findings[0]
    assert finding.cause is Cause.MTU
    narrow = Finding(step=Step.GRE, cause=Cause.PATH_MTU, router="S1", what="large packets vanish")
    bare = replace(finding, trial=None)
    case = case_of(Odd(CLOUD, {"S1": ("interface Tunnel0", "ip mtu 1300")}))
    tried = attempt(replace(diagnosis, findings=(narrow, bare)), CopiedLab(case.as_it_runs()))
    assert in_words(tried).findings[1].fix == ()
    assert in_words(tried).findings[1].untried


def test_a_copy_has_the_wires_that_the_lab_knows_to_be_bad() -> None:
    wires = {"S1:GigabitEthernet0/1": Badness(mtu=1200)}
    case = case_of(Odd(CLOUD, {}, wires))
    links = case.bench.facts().links
    copy = CopiedLab(
        case.as_it_runs(),
        links=tuple(
            one.model_copy(update={"bad": ("mtu 1200",)}) for one in links if ("S1", "GigabitEthernet0/1") in one.ends
        ),
    )
    settle(copy)
    found = visit(copy).findings[0]
    assert (found.cause, found.router) == (Cause.PATH_MTU, "S1")


def test_the_network_of_a_loopback_interface_needs_a_route_to_its_address_alone(tmp_path: Path) -> None:
    """OSPF sends no more than that; the doctor proposed the line that was there."""
    loopback = "interface Loopback1\n ip address 10.9.{0}.1 255.255.255.0\n"
    ospf = OSPF + " network 10.9.0.0 0.0.255.255 area 0\ninterface GigabitEthernet0/1\n no ip address\n"
    type_ = " ip ospf network point-to-multipoint\n"
    clients = {name: (at, loopback.format(at), NHS + MULTICAST + type_, ospf) for name, at in (("A", 2), ("B", 3))}
    write(tmp_path, HUB=(1, loopback.format(1), DYNAMIC + type_, ospf), **clients)
    assert accusations(visit(brought_up(Scenario.load(str(tmp_path))))) == []
