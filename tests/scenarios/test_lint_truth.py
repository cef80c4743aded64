"""Is lint right? Each mistake of its cases in the simulator: after an error something is missing, else nothing is.

The networks are those of the table of cases, with a provider between them. What is missing is what `lab up` would say:
a registration, or a route to the LAN of another site.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.findings import Cause, LintFinding, Severity
from dmvpn.features.system.machine import SystemMachine
from dmvpn.labs.proofs import linting
from dmvpn.labs.proofs.linting import lint_broken, lint_well
from dmvpn.labs.proofs.networks import FEW, Harm
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.tools.lint import lint
from support import doctors
from support.cases import one_in
from support.lint_cases import BGP, CASES, CLEAR, PHASE1, PHASE2, RIP, SEALED, SIGNED, Case, Network, fixed

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.tools.troubles.model import Trouble

_PROVIDER = """\
hostname TRANSPORT
interface GigabitEthernet1
 ip address 198.51.100.254 255.255.255.0
interface GigabitEthernet2
 ip address 203.0.113.254 255.255.255.0
ip dhcp excluded-address 203.0.113.1 203.0.113.99
ip dhcp pool SPOKES
 network 203.0.113.0 255.255.255.0
 default-router 203.0.113.254
"""
_SITES = {"HUB": 1, "SPOKE1": 10, "SPOKE2": 20}
#: Errors that take down again what came up, and after how many seconds at the latest.
_LATER = {"eigrp-hold-time-short": 120, "rip-timers-differ": 120, "tunnel-recursive-protocol": 120}
#: What this simulator cannot decide, and why.
_UNDECIDED = {
    "eigrp-lan-not-told": "that nobody hears of a LAN may be meant; here it is waited for",
    "ipsec-pfs-differs": "has a test of its own below: what is missing is there again before anybody looks",
    "nhrp-nhs-one-less": "its network has a second hub and a third spoke",
    "nhrp-registration-expires": "a spoke of this program notices that the hub has forgotten it; others wait",
    "nhrp-unique-with-dhcp": "there is no DHCP in it: the spoke never gets an address",
    "phase3-summary-without-redirect": "the summary takes the place of the routes that are waited for",
    "nat-takes-own-packets": "a router of this program does not obey the rule, and IOS does",
    "route-next-hop-nobody": "a route is there, and it leads to nobody",
    "static-route-other-vrf": "here it is the only route to the provider, and elsewhere one of many",
    "static-route-hides-lan": "a route is there, and it leads to nothing",
    "subnet-overlap": "it is another prefix that the others hear of",
    "tunnel-key-shared": "the other tunnel's hub is not there",
    "tunnel-profiles-differ": "the other tunnel's hub is not there",
    "tunnel-protection-not-shared": "the other tunnel's hub is not there",
}
#: Errors of networks that need more than their fix.
_FURTHER = {"trustpoint-undefined": "nobody here gives out certificates"}


def simulated(network: Network) -> tuple[Simulator, Scenario]:
    """The network with a provider in the middle."""
    lab = Lab.model_validate(
        {
            "routers": {name: {"role": "hub" if name == "HUB" else "spoke"} for name in _SITES},
            "links": [
                {"ends": ["HUB:GigabitEthernet1", "TRANSPORT:GigabitEthernet1"]},
                {"ends": ["SPOKE1:GigabitEthernet1", "SPOKE2:GigabitEthernet1", "TRANSPORT:GigabitEthernet2"]},
            ],
            "hosts": {
                f"H{number}": {
                    "link": f"{name}:GigabitEthernet2",
                    "address": f"192.168.{number}.100/24",
                    "gateway": f"192.168.{number}.1",
                }
                for name, number in _SITES.items()
            },
            "ready": {
                "routes": {
                    name: [f"192.168.{number}.0/24" for other, number in _SITES.items() if other != name]
                    for name in _SITES
                }
            },
        }
    )
    scenario = Scenario("lint", lab, {**network, "TRANSPORT": _PROVIDER})
    return Simulator.of(scenario, seed=1), scenario


def comes_up(network: Network) -> bool:
    """Is everything there within a minute, and still after two more?"""
    simulator, scenario = simulated(network)
    if not simulator.run_while(lambda: bool(simulator.missing(scenario)), 60.0, 0.5):
        return False
    simulator.run_for(120.0)
    return not simulator.missing(scenario)


def _can_be_simulated(case: Case) -> bool:
    runs = "SPOKE2" in case.bad and not any("router ospf" in text for text in case.bad.values())
    return runs and not case.sites and case.rule not in _UNDECIDED


_SIMULATED = [case for case in CASES if _can_be_simulated(case)]


@pytest.mark.parametrize("network", [CLEAR, SEALED, SIGNED, PHASE1, PHASE2, RIP, BGP])
def test_the_networks_without_a_mistake_come_up(network: Network) -> None:
    assert comes_up(network)


@pytest.mark.parametrize(
    "case", one_in(3, [case for case in _SIMULATED if case.rule not in _LATER]), ids=lambda case: case.rule
)
def test_an_error_does_not_work_and_a_warning_does(case: Case) -> None:
    is_error = any(one.severity is Severity.ERROR for one in lint(case.bad))
    assert comes_up(case.bad) is not is_error


@pytest.mark.parametrize("case", _SIMULATED, ids=lambda case: case.rule)
def test_what_an_error_cut_off_is_there_again_after_its_fix(case: Case) -> None:
    found = lint(case.bad)
    network = fixed(case, found)
    if network is not None and found[0].rule == case.rule not in _FURTHER:
        assert comes_up(network)


@pytest.mark.parametrize("case", [case for case in _SIMULATED if case.rule in _LATER], ids=lambda case: case.rule)
def test_an_error_that_shows_later_breaks_what_came_up(case: Case) -> None:
    simulator, scenario = simulated(case.bad)
    assert simulator.run_while(lambda: bool(simulator.missing(scenario)), 60.0, 0.5)
    assert simulator.run_while(lambda: not simulator.missing(scenario), float(_LATER[case.rule]), 0.5)
    assert lint(case.bad)[0].severity is Severity.ERROR


def test_sas_whose_groups_differ_are_never_renewed() -> None:
    (case,) = [case for case in CASES if case.rule == "ipsec-pfs-differs"]
    simulator, _ = simulated(case.bad)
    simulator.run_for(4000.0)
    log = simulator.routers["SPOKE1"].router.machine(SystemMachine).syslog.lines
    assert any("the child SA could not be replaced" in line for line in log)


# The proofs of the doctor and of lint: every fault, and seeds.


@pytest.fixture(scope="module")
def rows() -> list[str]:
    """The rows of the page."""
    return [line for line in doctors.PAGE.read_text().splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("case", one_in(4, doctors.one_each()), ids=lambda case: f"{case[0].id}-{case[1]}")
def test_the_doctor_says_of_a_fault_what_the_page_says(case: tuple[Trouble, str], rows: list[str]) -> None:
    """If this fails and the doctor is right: `python -m support.doctors` in the folder tests."""
    found = doctors.outcome(*case)
    assert found.row in rows
    assert_no_wrong_cause(found)


def assert_no_wrong_cause(found: doctors.Outcome) -> None:
    """It may know nothing; it may not be sure of what is not so."""
    assert found.named or found.cause in (None, Cause.UNDECIDED), found


@pytest.mark.parametrize("network", doctors.NETWORKS)
def test_a_network_that_is_well_gets_no_finding(network: str) -> None:
    for where, diagnosis in doctors.healthy(network):
        assert diagnosis.healthy, (where, diagnosis.findings, diagnosis.hypotheses)
        assert diagnosis.findings == (), where
        assert diagnosis.hypotheses == (), where


def test_the_page_has_every_fault_in_every_network_that_it_fits(rows: list[str]) -> None:
    assert [tuple(re.split(r" *\| *`?|`", row)[1:3]) for row in rows] == [
        (known.id, "") for known, _ in doctors.cases()
    ]
    assert [row.split(" | ")[1] for row in rows] == [network for _, network in doctors.cases()]


def test_the_page_has_what_the_proof_asks_for(rows: list[str]) -> None:
    faults = {row.split(" | ")[0] for row in rows}
    missed = {row.split(" | ")[0] for row in rows if "(missed)" in row.split(" | ")[2]}
    hidden = {row.split(" | ")[0] for row in rows if "(missed)" in row.split(" | ")[3]}
    assert len(faults) >= doctors.FAULTS
    assert len(faults - missed) >= doctors.NAMED
    assert len(faults - hidden) >= doctors.SUSPECTED
    text = doctors.PAGE.read_text()
    assert text.startswith(doctors.HEAD)
    assert f"- {len(faults - missed)} are found first" in text
    assert f"- {len(faults - hidden)} are among" in text


@pytest.mark.slow
def test_the_page_is_what_the_doctor_says_of_every_fault_in_every_network() -> None:
    outcomes = [doctors.outcome(*case) for case in doctors.cases()]
    assert doctors.PAGE.read_text() == doctors.page(outcomes)
    for found in outcomes:
        assert_no_wrong_cause(found)


# The proof of lint over seeds: what counts as an error that harms nobody.

#: A seed where a spoke loses the NBMA address of one of three servers.
ONE_OF_THREE = "lint/880012"


@pytest.mark.slow
@pytest.mark.timeout(600)  # a network of nine routers, three times, with the death of each hub
def test_an_error_about_a_registration_that_is_missing_is_right_though_two_other_servers_serve_the_spoke() -> None:
    verdict = lint_broken(ONE_OF_THREE, FEW)
    assert verdict.harm is Harm.NONE
    assert any("nhrp-nhs-without-nbma" in one for one in verdict.found), "draw another seed: its network has changed"
    assert not verdict.accused


# `dmvpn simulate --campaign N --prove doctor|lint`: the same seeds give the same lines on any number of processes.

#: A seed whose networks are small.
SEED = 108
#: A draw of lint's proof, in a small network.
PASSIVE = "lint/10"
ERROR = LintFinding(rule="a", severity=Severity.ERROR, file="R11", line=1, router="R11", what="b", why="c")


def _prove(path: Path, seed: int, seeds: int, jobs: int, proven: str = "doctor") -> int:
    words = ["--seed", str(seed), "--jobs", str(jobs), "--results", str(path)]
    return main(["simulate", "--campaign", str(seeds), "--prove", proven, *words])


def _hash(said: str) -> str:
    return next(line for line in said.splitlines() if line.startswith("hash of all draws: "))


@pytest.mark.lengthy
def test_a_proof_that_was_cut_off_goes_on_and_comes_to_the_same_hash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert _prove(whole, SEED, 1, jobs=1) == 0
    said = capsys.readouterr().out
    lines = whole.read_text().splitlines(keepends=True)
    assert len(lines) == 2
    cut.write_text(lines[1] + lines[0][: len(lines[0]) // 2])
    assert _prove(cut, SEED, 1, jobs=2) == 0
    again = capsys.readouterr().out
    assert f"{cut} has 1 of these draws" in again
    assert _hash(again) == _hash(said)
    assert sorted(cut.read_text().splitlines(keepends=True)) == sorted(lines)


@pytest.mark.lengthy
def test_lint_finds_a_passive_interface_and_is_wrong_if_it_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault of this draw is a spoke whose tunnel became passive."""
    seen = lint_broken(PASSIVE, FEW)
    assert seen.harm is Harm.NOW
    assert seen.found[0].startswith("error routing-one-sided, R41: Tunnel100 is a passive interface of EIGRP 100")
    assert not seen.missed
    monkeypatch.setattr(linting, "lint", lambda *_: [])
    assert lint_broken(PASSIVE, FEW).missed


@pytest.mark.lengthy
def test_a_tunnel_that_leads_into_itself_harms_when_the_other_hub_dies() -> None:
    """What is lost at the death of a hub is compared with the well network's loss, not with that of the broken one."""
    assert lint_broken("lint/226", FEW).harm is Harm.LATENT


@pytest.mark.lengthy
def test_a_well_network_that_lint_accuses_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not lint_well(PASSIVE, FEW).missed
    monkeypatch.setattr(linting, "lint", lambda *_: [ERROR])
    assert lint_well(PASSIVE, FEW).missed


@pytest.mark.slow
@pytest.mark.timeout(600)  # forty draws, of some seconds each
def test_the_same_seeds_give_the_same_lines_on_any_number_of_processes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    assert _prove(alone, 100, 10, jobs=1) == 0
    said = capsys.readouterr().out
    assert _prove(shared, 100, 10, jobs=3) == 0
    assert _hash(capsys.readouterr().out) == _hash(said)
    assert sorted(shared.read_text().splitlines()) == sorted(alone.read_text().splitlines())
