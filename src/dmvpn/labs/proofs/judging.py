"""The verdict on the doctor's findings in one network, which has a fault or is well."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from dmvpn.base.entropy import SeededEntropy, below
from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.labs.proofs.breaking import LATER, fault_of, ill, near_of, orders_in_words
from dmvpn.labs.proofs.case import Case, Harm, latent, well_rows
from dmvpn.labs.proofs.healing import helps, left_by, restores, shown_to_work
from dmvpn.labs.proofs.networks import HARMLESS, MANY, network_of, title, traits, with_harmless
from dmvpn.tools.diff.measuring import worse
from dmvpn.tools.doctor import visit
from dmvpn.tools.troubles.faults import Fault, fault, places
from dmvpn.tools.troubles.orders import carry_out
from dmvpn.tools.troubles.stage import Stage
from dmvpn.tools.troubles.underlay import SLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.doctor import Diagnosis


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
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


def judge(name: str, most: int = MANY, *, heals: bool = False) -> Judged:
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
) -> Judged:
    """Return the verdict on a network with this fault. said: asks the doctor.

    heals: enter the lines that a copy shows to work, too. Raises UserError and LeakError.
    """
    try:
        case, well = ill(scenario, chosen, near=near_of(chosen))
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
    remedies = shown_to_work(case, diagnosis) if heals and bad and findings else ()
    return Judged(
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


def healthy(name: str, most: int = MANY) -> Judged:
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
    return Judged(
        name=name,
        network=title(scenario),
        what=what,
        harm=Harm.NONE,
        accused=bool(findings),
        found=tuple(f"{one.cause.value}, {one.router}: {one.what}" for one in findings),
    )
