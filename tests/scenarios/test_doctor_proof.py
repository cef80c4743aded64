"""Every fault of the catalog, one at a time: the doctor names it, and says nothing of networks that are well."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.causes import Cause
from support.cases import one_in
from support.doctors import (
    FAULTS,
    HEAD,
    NAMED,
    NETWORKS,
    PAGE,
    SUSPECTED,
    Outcome,
    cases,
    healthy,
    one_each,
    outcome,
    page,
)

if TYPE_CHECKING:
    from dmvpn.tools.troubles.model import Trouble


@pytest.fixture(scope="module")
def rows() -> list[str]:
    """The rows of the page."""
    return [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("case", one_in(4, one_each()), ids=lambda case: f"{case[0].id}-{case[1]}")
def test_the_doctor_says_of_a_fault_what_the_page_says(case: tuple[Trouble, str], rows: list[str]) -> None:
    """If this fails and the doctor is right: `python -m support.doctors` in the folder tests."""
    found = outcome(*case)
    assert found.row in rows
    assert_no_wrong_cause(found)


def assert_no_wrong_cause(found: Outcome) -> None:
    """It may know nothing; it may not be sure of what is not so."""
    assert found.named or found.cause in (None, Cause.UNDECIDED), found


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_that_is_well_gets_no_finding(network: str) -> None:
    for where, diagnosis in healthy(network):
        assert diagnosis.healthy, (where, diagnosis.findings, diagnosis.hypotheses)
        assert diagnosis.findings == (), where
        assert diagnosis.hypotheses == (), where


def test_the_page_has_every_fault_in_every_network_that_it_fits(rows: list[str]) -> None:
    assert [tuple(re.split(r" *\| *`?|`", row)[1:3]) for row in rows] == [(known.id, "") for known, _ in cases()]
    assert [row.split(" | ")[1] for row in rows] == [network for _, network in cases()]


def test_the_page_has_what_the_proof_asks_for(rows: list[str]) -> None:
    faults = {row.split(" | ")[0] for row in rows}
    missed = {row.split(" | ")[0] for row in rows if "(missed)" in row.split(" | ")[2]}
    hidden = {row.split(" | ")[0] for row in rows if "(missed)" in row.split(" | ")[3]}
    assert len(faults) >= FAULTS
    assert len(faults - missed) >= NAMED
    assert len(faults - hidden) >= SUSPECTED
    text = PAGE.read_text()
    assert text.startswith(HEAD)
    assert f"- {len(faults - missed)} are found first" in text
    assert f"- {len(faults - hidden)} are among" in text


@pytest.mark.slow
def test_the_page_is_what_the_doctor_says_of_every_fault_in_every_network() -> None:
    outcomes = [outcome(*case) for case in cases()]
    assert PAGE.read_text() == page(outcomes)
    for found in outcomes:
        assert_no_wrong_cause(found)
