"""What the doctor sends: bounded, and patient with ways that are slow."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.tools.doctor.probes import MOST_COMMANDS, MOST_ECHOES, Probe, ProbePurpose, carry_out

if TYPE_CHECKING:
    from collections.abc import Sequence

SILENT, WELL = ".....", "!!!!!"


def probes(count: int, repeat: int = 5) -> list[Probe]:
    return [
        Probe(kind=ProbePurpose.UNDERLAY, router="R1", target=IPv4Address(number), source="Gi0/1", repeat=repeat)
        for number in range(1, count + 1)
    ]


class Prompt:
    """Answers everything alike, and counts. patient: only who waits hears something."""

    def __init__(self, *, patient: bool = False) -> None:
        self.patient = patient
        self.lines: list[str] = []

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        self.lines += [line for _, line in questions]
        return [SILENT if self.patient and "timeout 1" in line else WELL for _, line in questions]


def test_no_visit_sends_more_than_its_commands_and_requests() -> None:
    prompt = Prompt()
    carry_out(probes(200), prompt.ask)
    assert len(prompt.lines) == MOST_COMMANDS
    prompt = Prompt()
    carry_out(probes(50, repeat=300), prompt.ask)
    assert sum(int(line.split("repeat ")[1].split()[0]) for line in prompt.lines) <= MOST_ECHOES


def test_a_way_whose_answers_take_seconds_is_asked_again_with_patience_and_is_well() -> None:
    prompt = Prompt(patient=True)
    (outcome,) = carry_out(probes(1), prompt.ask).values()
    assert outcome.passed
    assert len(prompt.lines) == 2
