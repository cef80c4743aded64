"""The table of held-out cases is well formed, and its measure runs. What it measures is no test."""

from __future__ import annotations

import re
from typing import Final

import pytest

from support.held_out import hosts_changed, scenario_of, seen, totals
from support.held_out_cases import FAULTS, HEALTHY, HeldOut

CASES: Final = {one.name: one for one in (*FAULTS, *HEALTHY)}
_STEP: Final = re.compile(
    r"(?P<router>\S+?)(: |# )\S.*|wire (?P<link>[^:]+):\S+: \S.*|host (?P<host>\S+): \S+|nat (?P<nat>\S+): \S+"
    r"|off (?P<dead>\S+)|wait \d+"
)


def test_no_two_cases_have_one_name() -> None:
    assert len(CASES) == len(FAULTS) + len(HEALTHY)


@pytest.mark.parametrize("network", sorted({one.network for one in CASES.values()}))
def test_the_steps_of_each_case_are_about_what_its_network_has(network: str) -> None:
    mine = [one for one in CASES.values() if one.network == network]
    scenario = scenario_of(mine[0])
    known = {*scenario.configurations, *scenario.lab.hosts, *scenario.lab.gateways}
    for case in mine:
        assert case.steps, case.name
        for step in case.steps:
            found = _STEP.fullmatch(step)
            assert found is not None, f"{case.name}: {step}"
            assert {name for name in found.groupdict().values() if name} <= known, f"{case.name}: {step}"
        for pattern in (text for truth in case.truths for text in truth):
            re.compile(pattern)


def test_the_gateway_of_a_host_is_another_from_the_start_on() -> None:
    case = CASES["gateway-of-the-old-router"]
    assert str(hosts_changed(scenario_of(case), case).lab.hosts["H2"].gateway) == "10.1.2.254"


def test_a_fault_is_measured() -> None:
    found = seen(CASES["tunnel-address-of-the-hub"])
    assert found.is_sound, found
    assert totals([found])[0].startswith("1 faults: ")


def test_a_case_that_a_router_refuses_is_no_case() -> None:
    found = seen(HeldOut(name="typo", network="bgp-phase3", why="a typo", steps=("HUB: interfase Tunnel0",)))
    assert not found.is_sound
    assert str(found).startswith("NO CASE typo: HUB refuses")
