"""The doctor's measure of mechanisms that no rule is about (`UNLISTED`), with all trials, as users have it.

Run `python -m support.by_trial --seed 7 --faults 60` in the folder tests. A fault is named if the first finding is at
one of its places and of its causes, or if its lines restore every row of the broken network.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.labs.copied import CopiedLab
from dmvpn.labs.proofs.networks import FEW, network_of
from dmvpn.labs.proofs.verdicts import DoctorVerdict, judged
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.remedies.affected_pairs import reduced
from dmvpn.tools.remedies.search import Search
from dmvpn.tools.remedies.trial import attempt
from dmvpn.tools.remedies.unforeseen import is_unexplained, searched
from dmvpn.tools.troubles.further import UNLISTED
from dmvpn.tools.troubles.stage import Stage
from support.diagnoses import options
from support.further import further_of, print_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.labs.proofs.networks import Case
    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.doctor.verdicts import Diagnosis
    from dmvpn.tools.doctor.visit import ExaminedLab


def said_after_trials(case: Case, *earlier: Mapping[str, str]) -> Diagnosis:
    """Return what `dmvpn doctor` says of a case. earlier: configurations that were good."""
    return said_of(case.as_it_runs(), case.examined, *earlier)


def said_of(network: Scenario, examined: ExaminedLab, *earlier: Mapping[str, str]) -> Diagnosis:
    """Return what `dmvpn doctor` says of a network: what it sees, tries, and searches. network: as it runs.

    earlier: configurations that were good.
    """
    diagnosis = visit(examined)
    small = reduced(network, examined.facts(), diagnosis.concerned)
    if not diagnosis.healthy:
        diagnosis = attempt(diagnosis, CopiedLab(small))
    is_searched = is_unexplained(diagnosis) or bool(earlier)
    return searched(diagnosis, Search(small, CopiedLab, earlier=earlier)) if is_searched else diagnosis


def judge(name: str, most: int = FEW) -> DoctorVerdict:
    """Return a network with a fault, from the beginning to the verdict."""
    scenario = network_of(name, most)
    # The verdict on a fault. restored: the lines of the first finding make every row what it was
    chosen = further_of(name, Stage.of(scenario), UNLISTED)
    found = judged(name, chosen.stage.scenario, chosen, said_after_trials)
    return replace(found, found=tuple(one[:400] for one in found.found))


def main() -> None:
    """Print all of them, and the table."""
    print_all(judge, options().parse_args())


if __name__ == "__main__":
    main()
