"""The doctor in a lab with real packets: what it says first, and that its lines fix what is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.labs import Labs, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]


@pytest.fixture(scope="module")
def notes() -> Iterator[Labs]:
    """notes-phase3, one lab for all."""
    with Labs() as labs:
        labs.up("notes-phase3")
        yield labs


def is_well(labs: Labs) -> bool:
    """By states alone: pings that nobody answers take their time."""
    return labs.run("doctor", "--no-probes").stdout.startswith("4 routers: nothing is broken\n")


@pytest.mark.parametrize(
    ("fault", "title", "evidence"),
    [
        pytest.param(
            "provider-port-shutdown",
            "underlay (interface shut down), at TRANSPORT",
            "is administratively down",
            marks=pytest.mark.slow,
        ),
        ("tunnel-key", "GRE (tunnel key), at R31", "GRE packets for no tunnel of its own"),
        pytest.param(
            "gre-blocked",
            "GRE (GRE (protocol 47) blocked), at R31",
            "from R31 to R11: 10 of 10 came back",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_fault_is_named_first_with_its_evidence_and_gone_when_it_is_fixed(
    notes: Labs, fault: str, title: str, evidence: str
) -> None:
    assert eventually(lambda: is_well(notes), 60), notes.run("doctor").stdout
    notes.say("lab", "break", fault)

    def finds() -> bool:
        found = notes.run("doctor")
        first = found.stdout.partition("\n\nchecked, and fine:")[0]
        return first.startswith(f"4 routers: broken at {title}\n") and evidence in first and found.returncode == 1

    assert eventually(finds, 90), notes.run("doctor").stdout
    notes.say("lab", "reset")
