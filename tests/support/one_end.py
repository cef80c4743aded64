"""What one router alone can suspect of faults that nobody listed: the rank of the cause among its hypotheses.

Run `python -m support.one_end --seed 7 --faults 100` in the folder tests. The router is the spoke whose LAN suffers in
most rows, a hub if no spoke's does; somebody there complains about the first address that is not reached as before.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from dmvpn.labs.proofs.networks import MANY
from dmvpn.labs.proofs.verdicts import broken
from dmvpn.tools.doctor.visit import visit
from support.diagnoses import in_processes, options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.labs.proofs.networks import Case
    from dmvpn.tools.diff.probing import Lan

#: Hypotheses among which the cause is to be.
AMONG: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspected:
    """One fault. bad: rows that it harms. rank: of the cause, 0: it is none of the hypotheses. asked: whom to ask."""

    name: str
    what: str
    network: str
    traits: tuple[str, ...]
    bad: tuple[str, ...]
    router: str = ""
    rank: int = 0
    found: tuple[str, ...] = ()

    @property
    def mechanism(self) -> str:
        """What was done, whatever the place."""
        return self.what.partition("@")[0].partition("/")[0]

    @property
    def suspected(self) -> bool:
        """Is it among the first?"""
        return 0 < self.rank <= AMONG

    def __str__(self) -> str:
        return f"{self.name} {self.what} from {self.router}: rank {self.rank}: {'; '.join(self.found[:6])}"


def suspected(name: str, most: int = MANY) -> Suspected:
    """Return a network with a fault, and what the router that suffers most suspects."""
    found = broken(name, most)
    chosen, case, bad = found.chosen, found.case, found.bad
    told = Suspected(name=name, what=chosen.id, network=found.network, traits=found.traits, bad=())
    if not bad:
        return told
    here, there = complaint(case, bad)
    if not case.simulator.routers[here.site].alive:
        here, there = there, here
    hypotheses = visit(case.examined, here.site, there.address, one_end=True).hypotheses
    rank = next((place for place, one in enumerate(hypotheses, 1) if one.cause in chosen.trouble.causes), 0)
    causes = tuple(one.cause.value for one in hypotheses)
    return replace(told, bad=bad, router=here.site, rank=rank, found=causes)


def complaint(case: Case, bad: tuple[str, ...]) -> tuple[Lan, Lan]:
    """Return the LAN in which somebody complains, and the one that is not reached as before."""
    pairs = [pair for row in bad for pair in case.pairs if row.startswith(f"{pair} ")]
    often = Counter(end for pair in pairs for end in pair)
    hubs = case.subject.anatomy.hubs
    ends = list(often)
    worst = max(ends, key=lambda end: (case.subject.lans[end].site not in hubs, often[end], -ends.index(end)))
    first = next(pair for pair in pairs if worst in pair)
    other = first.destination if first.source == worst else first.source
    return case.subject.lans[worst], case.subject.lans[other]


def measure(seed: str, faults: int, most: int = MANY, *, jobs: int = 1) -> list[Suspected]:
    """So many of them."""
    return list(in_processes(suspected, seed, faults, most, jobs))


def summary(outcomes: list[Suspected]) -> Iterator[str]:
    """Yield the figure."""
    harmful = [one for one in outcomes if one.bad]
    found = sum(one.suspected for one in harmful)
    yield f"{len(outcomes)} faults, {len(harmful)} harm now"
    yield f"{'among three, from one end':<28}{found:>5} of {len(harmful):<5}{found / max(1, len(harmful)):>7.1%}"


def main() -> None:
    """Print it."""
    arguments = options().parse_args()
    found = measure(arguments.seed, arguments.faults, arguments.most, jobs=arguments.jobs)
    print(*(one for one in found if one.bad and not one.suspected), sep="\n")
    print(*summary(found), sep="\n")


if __name__ == "__main__":
    main()
