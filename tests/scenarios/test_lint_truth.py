"""Is lint right? Each mistake of its cases in the simulator: after an error something is missing, else nothing is.

The networks are those of the table of cases, with a provider between them. What is missing is what `lab up` would say:
a registration, or a route to the LAN of another site.
"""

from __future__ import annotations

import pytest

from dmvpn.base.findings import Severity
from dmvpn.features.system.machine import SystemMachine
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.tools.lint import lint
from support.cases import one_in
from support.lint_cases import BGP, CASES, CLEAR, PHASE1, PHASE2, RIP, SEALED, SIGNED, Case, Network, fixed

_PROVIDER = """\
hostname TRANSPORT
interface GigabitEthernet1
 ip address 198.51.100.254 255.255.255.0
interface GigabitEthernet2
 ip address 203.0.113.254 255.255.255.0
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
