"""What lint and the doctor say of each mechanism, and what becomes of networks whose owners follow them, is as kept.

`python -m support.oracle` writes the files again, see there.
"""

from __future__ import annotations

import re
from typing import Final

import pytest

from support.held_out import FAULTS, HEALTHY, HeldOut, hosts_changed, scenario_of, seen, totals
from support.oracle import FILES, FIXES, FOLDER, PARTS, block, cases, kept, written

#: Mechanisms that every day has, and the file of each.
DAILY = (
    ("troubles", "tunnel-key"),
    ("troubles", "nhs-nbma"),
    ("troubles", "psk"),
    ("troubles", "ospf-hello"),
    ("lists", "entry-too-early"),
)
#: Parts of all cases, each with every so many-th of them: `make test-slow` tries them.
SHARES = 60


@pytest.mark.parametrize(("file", "mechanism"), DAILY, ids=[mechanism for _, mechanism in DAILY])
def test_what_is_said_of_a_mechanism_and_whether_it_heals_is_as_kept(file: str, mechanism: str) -> None:
    case, text = next(one for one in kept(file).items() if one[0].startswith(f"{mechanism}@"))
    assert block(file, case) == text


@pytest.mark.parametrize("rule", cases(FIXES))
def test_what_becomes_of_a_case_of_lint_is_as_kept(rule: str) -> None:
    assert block(FIXES, rule) == kept(FIXES)[rule]


@pytest.mark.parametrize("share", range(SHARES))
def test_what_is_said_of_every_mechanism_is_as_kept(share: int) -> None:
    chosen = [(file, case) for file in PARTS for case in cases(file)][share::SHARES]
    assert "\n".join(block(*one) for one in chosen) == "\n".join(kept(file)[case] for file, case in chosen)


def test_every_mechanism_fits_a_network_of_its_file_and_has_a_name_of_its_own() -> None:
    names = [one.id for part in PARTS.values() for one in part.troubles]
    assert list(dict.fromkeys(case.partition("@")[0] for file in PARTS for case in cases(file))) == names


@pytest.mark.parametrize("file", FILES)
def test_the_files_have_each_case_and_no_other_one(file: str) -> None:
    """A mechanism or a rule is new, or gone: write its blocks."""
    assert tuple(kept(file)) == cases(file)
    assert written(file, kept(file)) == (FOLDER / f"{file}.txt").read_text()


# The table of held-out cases is well formed, and its measure runs. What it measures is no test.

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
