"""`dmvpn simulate --campaign N --prove doctor|lint`: what these say of N networks with a fault, and of N without."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import field
from typing import Final, TypeVar

from dmvpn.app.campaign import note
from dmvpn.app.many import Many, chosen_pool, opened
from dmvpn.base.errors import UserError
from dmvpn.base.values import Mutable
from dmvpn.judge.campaigns import version
from dmvpn.labs.proofs.draws import FORM, Draw, Kind, LintMeasure, Measure, Proof, Proven, digest, prove
from dmvpn.labs.proofs.linting import Linted
from dmvpn.labs.proofs.verdicts import DoctorVerdict

V = TypeVar("V", bound=DoctorVerdict | Linted)

_NAMES: Final = {Proven.DOCTOR: "the doctor", Proven.LINT: "lint"}
#: Seeds of the longest proof, for a list of the draws in memory.
_MOST: Final = 1_000_000


def prove_many(arguments: argparse.Namespace) -> int:
    """Prove the doctor or lint over seeds: print each miss, tables and the hash. Returns 1 for a miss.

    Raises UserError.
    """
    began = time.monotonic()
    count = _count(arguments)
    begin = chosen_pool(arguments)
    with opened(arguments, FORM) as file:
        ours, seeds = version(), range(arguments.seed, arguments.seed + count)
        proven = Proven(arguments.prove)
        draws = [Draw(proven=proven, seed=seed, kind=kind, version=ours) for seed in seeds for kind in Kind]
        print(f"{len(draws)} draws: seeds {seeds[0]} to {seeds[-1]}, each with a fault, and with none", flush=True)
        many = Many(draws, FORM, "draws", note)
        proofs = _Proofs(many, proven)
        with closing(
            many.results(file, arguments, begin, lambda pool, left: pool.submit(prove, left), proofs.words)
        ) as results:
            for result in results:
                proofs.count(result)
    proofs.conclude(time.monotonic() - began)
    return 1 if proofs.failed or many.lost else 0


def _count(arguments: argparse.Namespace) -> int:
    """Return the number of seeds. Raises UserError for it, and for options that belong to other runs."""
    wrong = {
        "the scenario": arguments.scenario,
        "--faults": arguments.faults,
        "--hours": arguments.hours,
        "--histogram": arguments.histogram,
        "--film": arguments.film,
        "--variant": arguments.variant,
        "--spokes": arguments.spokes,
        "--record": arguments.record,
    }
    for name, given in wrong.items():
        if given:
            raise UserError(f"--prove draws networks and faults from the seed; leave {name} out")
    count = int(arguments.campaign)
    if count != arguments.campaign or not 0 < count <= _MOST:
        raise UserError(f"--campaign N with --prove: N is a whole number from 1 to {_MOST:,}")
    return count


class _Proofs(Mutable):
    """A proof under way. failed: results that are a miss."""

    many: Many[Draw, Proof]
    proven: Proven
    all: list[Proof] = field(default_factory=list)
    failed: list[Proof] = field(default_factory=list)

    def words(self) -> str:
        """Return what to add to the progress."""
        return f", {len(self.failed)} missed"

    def count(self, proof: Proof) -> None:
        """Add a result; print a miss, and how to see it again."""
        self.all.append(proof)
        if proof.failed:
            self.failed.append(proof)
            note(f"{proof.draw.name}: {proof.failure}" if proof.judged is None else str(proof.judged))
            note(f"to see it again: dmvpn simulate --campaign 1 --prove {self.proven.value} --seed {proof.draw.seed}")

    def conclude(self, spent: float) -> None:
        """Print the tables, the hash of all draws, and the verdict in the last line. spent: seconds."""
        if self.all:
            measure = self._measure()
            print("", *measure.lines(), sep="\n")
            if measure.now:
                print("", *measure.mechanisms(), sep="\n")
            print("", f"hash of all draws: {digest(self.all)}", sep="\n")
        print(f"proof of {_NAMES[self.proven]}: {len(self.all)} draws, {spent:.0f} s: {self._verdict()}")

    def _measure(self) -> Measure | LintMeasure:
        if self.proven is Proven.DOCTOR:
            return Measure(*(list(self._judged(kind, DoctorVerdict)) for kind in Kind))
        return LintMeasure(*(list(self._judged(kind, Linted)) for kind in Kind))

    def _judged(self, kind: Kind, verdict: type[V]) -> Iterator[V]:
        return (p.judged for p in self.all if p.draw.kind is kind and isinstance(p.judged, verdict))

    def _verdict(self) -> str:
        """Return "ok", or which draws are missed and which are lost."""
        said = []
        for word, some in (("MISSED", [proof.draw for proof in self.failed]), ("LOST", self.many.lost)):
            if some:
                names = ", ".join(draw.name for draw in sorted(some, key=lambda draw: (draw.seed, draw.kind.value)))
                said.append(f"{word}: {len(some)} of {len(self.many.tasks)} draws ({names})")
        return "; ".join(said) or "ok"
