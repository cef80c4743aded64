"""A measure of the doctor and of lint on cases that were written without a look at their rules.

Run `python -m support.held_out` in the folder tests: a line for each case of `held_out_cases`, and the totals. Its
`--only NAME` repeats one, `--search` lets the doctor search by trial as `dmvpn doctor` does, and `--since` gives it the
configurations before the steps. Cases come from the
field: a case that was written for a rule would measure nothing.
"""

from __future__ import annotations

import argparse
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Address
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.findings import Severity
from dmvpn.labs.proofs.networks import Case, drawn, well_rows
from dmvpn.labs.proofs.verdicts import LATER, entered, left_by, tried
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.measuring import worse
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.lint import lint, sites_of
from support.by_trial import said_after_trials
from support.conformance import ROOT
from support.diagnoses import PLAIN

if TYPE_CHECKING:
    from dmvpn.tools.doctor.verdicts import Finding

# The cases of `held_out`: faults that people make at night, and networks that look odd and work.
#
# They come from the field and from Cisco's guides, not from the rules of the doctor or of lint. Each is a block of
# `tests/scenarios/held_out.txt`, a change to a built-in scenario or to a drawn network (`held_out.DRAWN`): its name,
# the network, the story, `truth: ROUTER ~ TEXT` for each fault, `apart: LAN, LAN`, and steps. A step is one of these:
#
#     SPOKE1: interface Tunnel0 / ip mtu 1300            lines of a configuration
#     SPOKE1# clear crypto session                       a command
#     wire SPOKE1:GigabitEthernet0/1: loss 30, block esp from HUB
#     host H1: 10.1.1.9                                  another gateway, from the start on
#     nat NAT1: symmetric, off SPOKE1, wait 60


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """A case. why: the story. truths: for each fault, patterns of the router and of a finding's text; (): healthy.

    apart: LANs that the case cuts off on purpose: rows with them are not measured.
    """

    name: str
    network: str
    why: str
    steps: tuple[str, ...]
    truths: tuple[tuple[str, str], ...] = ()
    apart: tuple[str, ...] = ()


def _case(name: str, where: str, *lines: str) -> HeldOut:
    told: dict[str, list[str]] = {"why": [], "truth": [], "apart": []}
    steps: list[str] = []
    for line in lines:
        label, _, text = line.partition(": ")
        told.get(label, steps).append(text if label in told else line)
    return HeldOut(
        name=name,
        network=where.removeprefix("in "),
        why=told["why"][0],
        steps=tuple(steps),
        truths=tuple((router, text) for router, _, text in (one.partition(" ~ ") for one in told["truth"])),
        apart=tuple(one for listed in told["apart"] for one in listed.split(", ")),
    )


_BLOCKS: Final = (ROOT / "tests" / "scenarios" / "held_out.txt").read_text("utf-8").rstrip("\n").split("\n\n")
_CASES: Final = tuple(_case(*block.split("\n")) for block in _BLOCKS)
FAULTS: Final = tuple(one for one in _CASES if one.truths)
HEALTHY: Final = tuple(one for one in _CASES if not one.truths)


#: The networks that are drawn, and not built in.
DRAWN: Final = {
    "drawn with RIP": replace(PLAIN, routing="rip"),
    "drawn with static routes": replace(PLAIN, routing="static"),
    "drawn with certificates": replace(PLAIN, protection="certificates"),
}
#: Virtual seconds in which a configured network comes to rest once shortcuts are forgotten.
_RESTS: Final = 30.0


def scenario_of(case: HeldOut) -> Scenario:
    """Return the network of a case, without its steps."""
    plan = DRAWN.get(case.network)
    return Scenario.load(case.network) if plan is None else drawn(plan)


def hosts_changed(scenario: Scenario, case: HeldOut) -> Scenario:
    """Return the network with the gateways of hosts that a case changes: "host H1: 10.1.1.9"."""
    hosts = dict(scenario.lab.hosts)
    for step in case.steps:
        if found := re.fullmatch(r"host (\S+): (\S+)", step):
            hosts[found[1]] = hosts[found[1]].model_copy(update={"gateway": IPv4Address(found[2])})
    return Scenario(
        scenario.name, scenario.lab.model_copy(update={"hosts": hosts}), scenario.configurations, scenario.certificates
    )


def take(case: Case, step: str) -> None:
    """Take a step of a case. Raises UserError if a router refuses a line."""
    bench = case.bench
    word, _, rest = step.partition(" ")
    if word == "wait":
        case.wait(float(rest))
    elif word == "off":
        bench.kill(rest)
    elif word == "nat":
        bench.set_nat(*rest.split(": "))
    elif word == "wire":
        link, _, badness = rest.partition(": ")
        bench.impair(link, Badness.named(badness.split(", ")))
    elif word.endswith("#"):
        bench.ask([(word[:-1], rest)])
    elif word != "host":
        bench.configure(word.removesuffix(":"), rest.split(" / "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What became of a case. bad: rows that are worse. left: rows that are worse after the tried lines; None: no lines.

    first: the first finding. certain: it is said without a doubt. named: the first finding is the truth. all_named:
    each truth is among the findings.
    accused: findings on a healthy network. linted: errors and warnings of lint that the case brings at its routers.
    """

    case: HeldOut
    bad: tuple[str, ...] = ()
    first: str = ""
    certain: bool = False
    named: bool = False
    all_named: bool = False
    left: tuple[str, ...] | None = None
    accused: tuple[str, ...] = ()
    linted: tuple[str, ...] = ()
    failure: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether the case is one: a fault harms, and a healthy network works."""
        return not self.failure and bool(self.bad) == bool(self.case.truths)

    def __str__(self) -> str:
        if not self.is_sound:
            return f"NO CASE {self.case.name}: {self.failure or '; '.join(self.bad) or 'nobody is harmed'}"
        if not self.case.truths:
            errors = [*self.accused, *(f"lint {one}" for one in self.linted)]
            return f"{'ACCUSED' if errors else 'quiet'} {self.case.name}: {'; '.join(errors)}".removesuffix(": ")
        wrong = "WRONG AS CERTAIN" if self.certain else "MISSED"
        word = ("named" if self.certain else "likely") if self.named else f"{wrong} [{self.case.why}]"
        lines = "no lines" if self.left is None else f"left: {self.left[0]}" if self.left else "healed"
        found = "linted" if self.linted else "no lint"
        return f"{word} {self.case.name} ({len(self.bad)} rows): {self.first or 'nothing is broken'}: {lines}, {found}"


def words(finding: Finding) -> str:
    """Return a finding in a line."""
    return f"{finding.cause.value}, {finding.router}: {finding.what} {list(finding.fix)}"


def lint_of(scenario: Scenario) -> dict[tuple[str, str, str], Severity]:
    """Return what lint says of a network: rule, router and text."""
    found = lint(scenario.configurations, sites_of(scenario))
    return {(one.rule, one.file.removesuffix(".cfg"), " ".join(one.what.split())): one.severity for one in found}


def seen(held: HeldOut, *, search: bool = False, since: bool = False) -> Seen:
    """Take the steps of a case, and return what is seen."""
    try:
        return _seen(held, search=search or since, earlier=(scenario_of(held).configurations,) if since else ())
    except UserError as error:
        return Seen(case=held, failure=str(error))


def _seen(held: HeldOut, *, search: bool, earlier: tuple[dict[str, str], ...]) -> Seen:
    scenario = scenario_of(held)
    changed = hosts_changed(scenario, held)
    case = Case(changed, 1, tuple(name for name in scenario.configurations if scenario.role(name) != "provider")[:8])
    well = well_rows(case if changed.lab == scenario.lab else Case(scenario, 1, case.near))
    case.simulator.overhear = None  # some cases take the protection away, and packets leave in clear then
    if changed.lab != scenario.lab:
        well_rows(case)
    for step in held.steps:
        take(case, step)
    case.wait(LATER)
    case.end_shortcuts()
    case.wait(_RESTS)
    case.rows()
    bad = tuple(row for row in worse(case.rows(), well) if not any(name in row.split() for name in held.apart))
    known = lint_of(scenario)
    linted = {key: severity for key, severity in lint_of(case.as_it_runs()).items() if key not in known}
    if not held.truths:
        said = said_after_trials(case, *earlier) if search else visit(case.examined)
        accused = [words(one) for one in said.findings if not one.advice and not one.mild]
        errors = [", ".join(key) for key, severity in linted.items() if severity is Severity.ERROR]
        return Seen(case=held, bad=bad, accused=tuple(accused), linted=tuple(errors))
    diagnosis = said_after_trials(case, *earlier) if search else tried(case, visit(case.examined))
    findings = [one for one in diagnosis.findings if not one.advice]
    named = [
        [one for one in findings if re.search(router, one.router) and re.search(text, words(one), re.IGNORECASE)]
        for router, text in held.truths
    ]
    remedies = entered(diagnosis)
    return Seen(
        case=held,
        bad=bad,
        first=words(findings[0]) if findings else "",
        certain=bool(findings) and findings[0].certain,
        named=any(findings[0] in each for each in named if findings),
        all_named=all(named),
        left=left_by(case, well, remedies) if remedies else None,
        linted=tuple(
            ", ".join(key)
            for key, severity in linted.items()
            if severity is not Severity.ADVICE and any(re.search(router, key[1]) for router, _ in held.truths)
        ),
    )


def totals(found: list[Seen]) -> list[str]:
    """Return the totals of all cases."""
    ill = [one for one in found if one.is_sound and one.case.truths]
    two = [one for one in ill if len(one.case.truths) > 1]
    well = [one for one in found if one.is_sound and not one.case.truths]
    lines = [
        f"{len(ill)} faults: {sum(one.named for one in ill)} named first, "
        f"{sum(not one.first for one in ill)} called well, "
        f"{sum(one.certain and not one.named for one in ill)} wrong as certain, "
        f"{sum(one.left == () for one in ill)} healed by the tried lines, {sum(bool(one.left) for one in ill)} not, "
        f"{sum(bool(one.linted) for one in ill)} found by lint",
        f"{len(two)} of them are two faults at once: {sum(one.all_named for one in two)} with both named",
        f"{len(well)} healthy networks: {sum(bool(one.accused) for one in well)} accused by the doctor, "
        f"{sum(bool(one.linted) for one in well)} by lint",
    ]
    unsound = len(found) - len(ill) - len(well)
    return [*lines, f"{unsound} are no cases"] if unsound else lines


def main() -> None:
    """Print all of them, and the totals."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--since", action="store_true")
    arguments = parser.parse_args()
    chosen = [one for one in (*FAULTS, *HEALTHY) if not arguments.only or one.name in arguments.only]
    found: list[Seen] = []
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        for one in pool.map(partial(seen, search=arguments.search, since=arguments.since), chosen):
            print(one, flush=True)
            found.append(one)
    print("\n".join(totals(found)))


if __name__ == "__main__":
    main()
