"""How good the doctor's remedies are: those that were tried in a copy, applied to the broken world itself.

Run `python -m support.remedies --seed 7 --faults 100` in the folder tests. A remedy is right if it restores every row,
removes no protection, shuts nothing down and changes at most five lines; two that need each other count as one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dmvpn.labs.proofs.networks import MANY
from dmvpn.labs.proofs.verdicts import broken, entered, left_by, tried
from dmvpn.tools.doctor.verdicts import Copied
from dmvpn.tools.doctor.visit import visit
from support.diagnoses import in_processes, options

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the first finding of one fault. bad: rows that it harms.

    lines: its remedy is lines. alike: a copy shows the same. tried: the lines help there. restores: and in the broken
    world itself. left: the rows that are not as they were.
    """

    name: str
    what: str
    network: str
    traits: tuple[str, ...]
    bad: tuple[str, ...]
    copied: Copied | None = None
    first: str = ""
    lines: bool = False
    tried: bool = False
    restores: bool = False
    left: tuple[str, ...] = ()

    @property
    def mechanism(self) -> str:
        """What was done, whatever the place."""
        return self.what.partition("@")[0].partition("/")[0]

    @property
    def counts(self) -> bool:
        """It is one of the findings that the figure is about."""
        return bool(self.bad) and self.lines and self.copied is Copied.ALIKE

    def __str__(self) -> str:
        copied = self.copied.value if self.copied is not None else "no copy"
        verdict = "restores" if self.restores else "tried, and does not restore" if self.tried else "not tried"
        return f"{self.name} {self.what} [{copied}] {verdict}: {self.first} {self.left[:3]}"


def outcome(name: str, most: int = MANY) -> Outcome:
    """Return a network with a fault, a diagnosis, the trial, and the remedy in the broken world."""
    found = broken(name, most)
    chosen, case, bad = found.chosen, found.case, found.bad
    told = Outcome(name=name, what=chosen.id, network=found.network, traits=found.traits, bad=())
    diagnosis = visit(case.examined)
    findings = [one for one in diagnosis.findings if not one.advice]
    if not bad or not findings:
        return replace(told, bad=bad)
    diagnosis = tried(case, diagnosis)
    first = next(one for one in diagnosis.findings if not one.advice)
    left = left_by(case, found.well, entered(diagnosis)) if first.trial is not None and first.trial.works else bad
    return replace(
        told,
        bad=bad,
        copied=diagnosis.copied,
        first=f"{first.cause.value}, {first.router}: {list(first.fix)}",
        lines=findings[0].is_complete,
        tried=first.trial is not None and first.trial.works,
        restores=not left,
        left=left,
    )


def measure(seed: str, faults: int, most: int = MANY, *, jobs: int = 1) -> list[Outcome]:
    """So many of them."""
    return list(in_processes(outcome, seed, faults, most, jobs))


def summary(outcomes: list[Outcome]) -> Iterator[str]:
    """Yield the figure, and what it is of."""
    harmful = [one for one in outcomes if one.bad]
    counted = [one for one in outcomes if one.counts]
    yield f"{len(outcomes)} faults, {len(harmful)} harm now; first findings of lines that reproduce: {len(counted)}"
    for text, found in (
        ("tried and shown to work", [one for one in counted if one.tried]),
        ("restores every row", [one for one in counted if one.restores]),
        ("of those that were tried", [one for one in counted if one.tried and one.restores]),
    ):
        of = sum(one.tried for one in counted) if text.startswith("of") else len(counted)
        yield f"{text:<28}{len(found):>5} of {of:<5}{len(found) / max(1, of):>7.1%}"
    wells = [one for one in harmful if one.copied is Copied.WELL]
    yield f"{'copies that are well':<28}{len(wells):>5} of {len(harmful):<5}{len(wells) / max(1, len(harmful)):>7.1%}"


def main() -> None:
    """Print it."""
    arguments = options().parse_args()
    if arguments.only:
        print(*(outcome(name, arguments.most) for name in arguments.only), sep="\n")
        return
    found = measure(arguments.seed, arguments.faults, arguments.most, jobs=arguments.jobs)
    print(*(one for one in found if one.bad and not one.restores and one.copied is not Copied.WELL), sep="\n")
    print(*summary(found), sep="\n")


if __name__ == "__main__":
    main()
