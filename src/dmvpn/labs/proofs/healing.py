"""Remedies: lines that are entered in the broken network itself, and what they restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.labs.copied import CopiedLab
from dmvpn.labs.proofs.breaking import ill, near_of
from dmvpn.labs.proofs.case import FORGOTTEN, HEALED, LeakError
from dmvpn.tools.diff.measuring import worse
from dmvpn.tools.remedies.affected_pairs import reduced
from dmvpn.tools.remedies.trial import attempt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.labs.proofs.case import Case
    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.diff.measuring import Rows
    from dmvpn.tools.doctor import Diagnosis, Finding
    from dmvpn.tools.troubles.faults import Fault

#: Lines that let strangers in, or turn something off: they fix nothing.
_GUARDS: Final = ("no tunnel protection", "no ip nhrp authentication", "no authentication", "shutdown", "no crypto")
_MOST_LINES: Final = 5
_HEADS: Final = ("interface ", "router ", "address-family ", "af-interface ", "topology ", "crypto ", "peer ", "key ")


def is_fair(lines: Sequence[str]) -> bool:
    """Return whether a remedy keeps strangers out, turns nothing off and is short."""
    changes = [line for line in lines if not line.startswith(_HEADS)]
    return 0 < len(changes) <= _MOST_LINES and not any(line.startswith(_GUARDS) for line in changes)


def tried(case: Case, diagnosis: Diagnosis) -> Diagnosis:
    """Return the diagnosis of a case with its lines tried in a copy, as `dmvpn doctor` tries them."""
    small = reduced(case.as_it_runs(), case.examined.facts(), diagnosis.concerned)
    return attempt(diagnosis, CopiedLab(small))


def entered(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """Return the findings whose lines `--fix` writes: a fault may need lines at two routers."""
    return tuple(one for one in diagnosis.findings if one.trial is not None and one.trial.works and one.is_complete)


def shown_to_work(case: Case, diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """Return the findings of a case whose lines work in a copy of the network."""
    return entered(tried(case, diagnosis))


def left_by(case: Case, well: Rows, remedies: Sequence[Finding]) -> tuple[str, ...]:
    """Enter the lines in the broken network itself, and return the rows that are not as they were, or a refusal."""
    if not all(is_fair(one.fix) for one in remedies):
        return ("not a fair remedy",)
    try:
        for one in remedies:
            case.bench.configure(one.router, one.fix)
    except UserError as error:
        return (str(error),)
    return worse(_rows_at_last(case, well), well)


def _rows_at_last(case: Case, well: Rows) -> Rows:
    """Return the rows once timers have acted, and NHRP has forgotten that it found no way, if a row is still worse."""
    for seconds in (HEALED, FORGOTTEN):
        case.wait(seconds)
        case.rows()
        rows = case.rows()
        if not worse(rows, well):
            break
    return rows


def applied(scenario: Scenario, chosen: Fault, remedy: Finding) -> tuple[Rows, Rows] | None:
    """Return the rows of the well network, and of the broken network with a remedy; None: it cannot be tried."""
    if not is_fair(remedy.fix):
        return None
    case, well = ill(scenario, chosen, near=near_of(chosen))
    try:
        case.bench.configure(remedy.router, list(remedy.fix))
    except (UserError, LeakError, KeyError):
        return None
    return well, _rows_at_last(case, well)


def restores(scenario: Scenario, chosen: Fault, remedy: Finding) -> bool:
    """Return whether every row is as it was before the fault."""
    found = applied(scenario, chosen, remedy)
    return found is not None and not worse(found[1], found[0])


def helps(scenario: Scenario, chosen: Fault, remedy: Finding, bad: tuple[str, ...]) -> bool:
    """Return whether a row is better with a remedy, and none worse."""
    found = applied(scenario, chosen, remedy)
    if found is None:
        return False
    left = worse(found[1], found[0])
    return len(left) < len(bad) and set(left) <= set(bad)
