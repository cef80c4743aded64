"""The verdict on the doctor's findings in one network, which has a fault or is well.

The fault is of a seed, and the network is looked at some minutes after it. Remedies are lines that are entered in the
broken network itself; what they restore counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Final

from dmvpn.base.entropy import SeededEntropy, below
from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.labs.copied import CopiedLab
from dmvpn.labs.proofs.networks import (
    FORGOTTEN,
    HARMLESS,
    HEALED,
    MANY,
    Case,
    Harm,
    LeakError,
    latent,
    network_of,
    title,
    traits,
    well_rows,
    with_harmless,
)
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.measuring import Rows, worse
from dmvpn.tools.doctor.verdicts import Diagnosis, Finding
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.remedies.affected_pairs import reduced
from dmvpn.tools.remedies.trial import attempt
from dmvpn.tools.troubles import TROUBLES
from dmvpn.tools.troubles.faults import Fault, draw, fault, places
from dmvpn.tools.troubles.orders import Run, Type, are_lines, carry_out
from dmvpn.tools.troubles.stage import Stage
from dmvpn.tools.troubles.underlay import SLOW

#: Virtual seconds until timers have acted.
LATER: Final = 180.0
#: Draws until one is in lines: most are.
_TRIES: Final = 100

#: Lines that let strangers in, or turn something off: they fix nothing.
_GUARDS: Final = ("no tunnel protection", "no ip nhrp authentication", "no authentication", "shutdown", "no crypto")
_MOST_LINES: Final = 5
_HEADS: Final = ("interface ", "router ", "address-family ", "af-interface ", "topology ", "crypto ", "peer ", "key ")


# ------------------------------------------------------------------------------------------------ a fault


def fault_of(name: str, stage: Stage) -> Fault:
    """Return the fault of a draw."""
    return draw(TROUBLES, stage, SeededEntropy(f"{name}/fault"))


def line_fault_of(name: str, stage: Stage) -> Fault:
    """Return the first fault of a draw that is in configurations alone. Raises UserError if none comes."""
    entropy = SeededEntropy(f"{name}/fault")
    for _ in range(_TRIES):
        found = draw(TROUBLES, stage, entropy)
        if are_lines(found.orders):
            return found
    raise UserError(f"{name}: no fault in lines came")


def near_of(chosen: Fault) -> tuple[str, ...]:
    """Return the routers that have a part in a fault."""
    return tuple(dict.fromkeys(name for name in chosen.stage.parts.values() if name in chosen.stage.actors))


def broken_case(scenario: Scenario, *faults: Fault, near: Sequence[str] = ()) -> tuple[Case, Rows]:
    """Return a network some minutes after these faults, and its rows before them. Raises UserError."""
    case = Case(scenario, 1, near)
    well = well_rows(case)
    for chosen in faults:
        carry_out(case.bench, chosen.orders)
    case.wait(LATER)
    return case, well


def orders_in_words(chosen: Fault) -> str:
    return " | ".join(
        f"{one.router}: {' / '.join(one.lines)}" if isinstance(one, Type) else str(one)
        for one in chosen.orders
        if not isinstance(one, Run)
    )


class Broken(Value):
    """A network some minutes after a fault. network: its title. well: the rows before. bad: the rows that it harms."""

    chosen: Fault
    network: str
    traits: tuple[str, ...]
    case: Case
    well: Rows
    bad: tuple[str, ...]


def broken(name: str, most: int) -> Broken:
    """Return the network of a draw with its fault. Raises UserError."""
    scenario = network_of(name, most)
    stage = Stage.of(scenario)
    chosen = fault_of(name, stage)
    case, well = broken_case(scenario, chosen, near=near_of(chosen))
    return Broken(chosen, title(scenario), traits(stage), case, well, worse(case.rows(), well))


# ------------------------------------------------------------------------------------------------ remedies


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
    case, well = broken_case(scenario, chosen, near=near_of(chosen))
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


# ------------------------------------------------------------------------------------------------ the verdict


class DoctorVerdict(Value, kw_only=True):
    """A case and its verdict. rank: of the first right finding, 0: none. wrong: the first finding, as certain.

    left: the rows that are not as they were after the lines that a copy of the network showed to work; None: no such
    lines, or none were entered.
    """

    name: str
    network: str
    what: str
    harm: Harm
    mechanism: str = ""
    traits: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    rank: int = 0
    wrong: str = ""
    nothing: bool = False
    found: tuple[str, ...] = ()
    accused: bool = False
    left: tuple[str, ...] | None = None

    def plain(self) -> dict[str, object]:
        """Return the verdict as a JSON object."""
        return asdict(self) | {"harm": self.harm.value}

    @property
    def missed(self) -> bool:
        """Whether the doctor was wrong."""
        if self.harm is Harm.NONE:
            return self.accused
        return self.harm is Harm.NOW and (self.rank != 1 or bool(self.left))

    def __str__(self) -> str:
        verdict = "accused" if self.accused else f"rank {self.rank}" if self.rank else "not named"
        said = "; ".join(self.found[:3]) or "nothing is broken"
        wrong = " WRONG" if self.wrong else ""
        left = f": the lines do not restore {self.left[0]}" if self.left else ""
        return f"{self.name} [{self.harm.value}] {self.network}: {self.what}: {verdict}{wrong}: {said}{left}"


def judge(name: str, most: int = MANY, *, heals: bool = False) -> DoctorVerdict:
    """Return the verdict on a draw with a fault. heals: see `judged`. Raises UserError and LeakError."""
    scenario = network_of(name, most)
    return judged(name, scenario, fault_of(name, Stage.of(scenario)), heals=heals)


def said_at_once(case: Case) -> Diagnosis:
    """Return the diagnosis of a case, without trials."""
    return visit(case.examined)


def judged(
    name: str,
    scenario: Scenario,
    chosen: Fault,
    said: Callable[[Case], Diagnosis] = said_at_once,
    *,
    heals: bool = False,
) -> DoctorVerdict:
    """Return the verdict on a network with this fault. said: asks the doctor.

    heals: enter the lines that a copy shows to work, too. Raises UserError and LeakError.
    """
    try:
        case, well = broken_case(scenario, chosen, near=near_of(chosen))
    except UserError as error:
        raise UserError(f"{name}: {chosen.id}: {error}") from error
    now = case.rows()
    bad = worse(now, well)
    diagnosis = said(case)
    findings = [one for one in diagnosis.findings if not one.advice]
    harm = Harm.NOW if bad else Harm.SLIGHT if case.loses() else latent(case, well, scenario)
    rank = 0
    if harm in (Harm.NOW, Harm.SLIGHT):
        for number, one in enumerate(findings[:3], 1):
            if chosen.is_named(one.cause, one.router) or restores(scenario, chosen, one):
                rank = number
                break
    first = findings[0] if findings else None
    wrong = ""
    if harm is Harm.NOW and first is not None and rank != 1 and first.certain:
        wrong = "" if helps(scenario, chosen, first, bad) else first.what
    remedies = entered(tried(case, diagnosis)) if heals and bad and findings else ()
    return DoctorVerdict(
        name=name,
        network=title(scenario),
        mechanism=chosen.trouble.mechanism,
        traits=traits(Stage.of(scenario)),
        what=f"{chosen.id}: {orders_in_words(chosen)}",
        harm=harm,
        bad=bad,
        rank=rank,
        wrong=wrong,
        nothing=not findings,
        found=tuple(f"{one.cause.value}, {one.router}: {one.what} {list(one.fix)}" for one in findings),
        accused=harm is Harm.NONE and any(not one.mild for one in findings),
        left=left_by(case, well, remedies) if remedies else None,
    )


def healthy(name: str, most: int = MANY) -> DoctorVerdict:
    """Return the verdict on a draw without a fault: a well network, in one of several variants. Raises LeakError."""
    scenario = network_of(name, most)
    entropy = SeededEntropy(f"{name}/healthy")
    kinds = ("plain", "idle", "slow", "restarted", "rekeyed", *HARMLESS)
    what = kinds[below(entropy, len(kinds))]
    if what in HARMLESS:
        scenario = with_harmless(scenario, what)
    case = Case(scenario, 1)
    well_rows(case)
    if what == "slow":
        standing = list(places(Stage.of(scenario)))
        slow = fault(SLOW, standing[below(entropy, len(standing))])
        carry_out(case.bench, slow.orders if slow is not None else ())
    elif what == "restarted":
        case.restart()
    elif what == "rekeyed":
        case.rekey()
    case.wait(LATER)
    if what != "idle":
        case.rows()
    findings = [one for one in visit(case.examined).findings if not one.advice and not one.mild]
    return DoctorVerdict(
        name=name,
        network=title(scenario),
        what=what,
        harm=Harm.NONE,
        accused=bool(findings),
        found=tuple(f"{one.cause.value}, {one.router}: {one.what}" for one in findings),
    )
