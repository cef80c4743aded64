"""The oracle: what lint and the doctor say of every mechanism of the catalog, as texts that git compares.

In the folder tests, X being a mechanism, a rule, a network or a file:

    python -m support.oracle --only X           print its blocks as they are now
    python -m support.oracle --check --only X   print how they differ from the files
    python -m support.oracle --write --only X   write them into the files
    python -m support.oracle --jobs 2           write `tests/scenarios/oracle`: six minutes of a processor

A change of lint, of the doctor or of the catalog that should not change what users read leaves these files as they are;
one that does so on purpose writes its blocks again, and its message says why for each kind of row that changed.

    troubles.txt ...   a block for each mechanism in a network: whether packets suffer, lint's findings and what becomes
                       of them when their lines are entered, the doctor's findings, and whether their lines heal
    fixes.txt          the same of lint for each case of `lint_cases`

Each mechanism is put into one network that it fits, those of `TROUBLES` into two; all networks have their turn. The
sentences of findings are not in it: their wording is free. The packets are those of `dmvpn diff`: UDP between hosts;
for lists also TCP and ICMP.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from functools import cache, partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final
from zlib import crc32

from dmvpn.base.errors import UserError
from dmvpn.base.findings import Severity
from dmvpn.labs.proofs.networks import HEALED, Case, LeakError, well_rows
from dmvpn.labs.proofs.verdicts import LATER
from dmvpn.network.lines import after
from dmvpn.tools.diff.measuring import worse
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.lint import lint, sites_of
from dmvpn.tools.troubles import TROUBLES
from dmvpn.tools.troubles.faults import Fault, fault, places
from dmvpn.tools.troubles.further import FURTHER, UNLISTED
from dmvpn.tools.troubles.orders import carry_out, configurations_with
from dmvpn.tools.troubles.packet_lists import LISTS
from dmvpn.tools.troubles.plans import CERTIFICATES, Plan
from dmvpn.tools.troubles.protection import AUTHENTICATION
from dmvpn.tools.troubles.stage import Stage
from dmvpn.tools.troubles.vrfs import VRFS
from support import list_faults, vrf_faults
from support.conformance import ROOT
from support.diagnoses import PLAIN, follow, known_fault, network
from support.lint_cases import CASES
from support.list_faults import Services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dmvpn.base.findings import LintFinding
    from dmvpn.shells.scenario import Scenario
    from dmvpn.tools.diff.measuring import Rows
    from dmvpn.tools.doctor.verdicts import Finding
    from dmvpn.tools.lint import Site
    from dmvpn.tools.troubles.model import Trouble
    from support.lint_cases import Case as LintCase

FOLDER: Final = ROOT / "tests" / "scenarios" / "oracle"
FIXES: Final = "fixes"
_CLOUD: Final = replace(PLAIN, spokes=3)
_SEALED: Final = replace(_CLOUD, sealed=True)
_PLANS: Final[dict[str, Plan | str]] = {
    "eigrp": _CLOUD,
    "ikev2": replace(_CLOUD, protection="ikev2"),
    "ospf": replace(_CLOUD, routing="ospf"),
    "ibgp": replace(_CLOUD, routing="ibgp"),
    "rip-phase2": replace(_CLOUD, routing="rip", phase=2),
    "eigrp-phase2": replace(_CLOUD, phase=2),
    "classic-phase1": replace(_CLOUD, routing="eigrp-classic", phase=1),
    "ebgp": replace(_CLOUD, routing="ebgp"),
    "two-hubs": replace(_CLOUD, hubs=2),
    "static": replace(_CLOUD, routing="static"),
    "ospf-phase2": replace(_CLOUD, routing="ospf", phase=2),
    "ikev1": replace(_CLOUD, protection="ikev1"),
}
#: A network for the mechanisms that fit no other one, or one other.
_RARE: Final[dict[str, Plan | str]] = {
    "behind-nat": replace(_CLOUD, protection="ikev2", translators={1: "cone", 2: "cone"}),
}
_PROVING: Final[dict[str, Plan | str]] = {
    "certificates": replace(_SEALED, protection=CERTIFICATES),
    "sealed-ospf": replace(_SEALED, routing="ospf"),
    "sealed-rip": replace(_SEALED, routing="rip", phase=2),
    "sealed-ibgp": replace(_SEALED, routing="ibgp"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the oracle. rare: networks whose turn is the last. most: networks of each mechanism.

    services: TCP and ICMP between hosts count, too, and no packet may arrive that did not before.
    """

    troubles: tuple[Trouble, ...]
    networks: Mapping[str, Plan | str]
    rare: Mapping[str, Plan | str] = field(default_factory=dict)
    most: int = 1
    services: bool = False


@dataclass(frozen=True, slots=True)
class Well:
    """A network that has come up, with its rows, what arrives of services, and what lint says of it."""

    case: Case
    rows: Rows
    linted: list[LintFinding]
    arriving: set[tuple[str, str, str]] | None = None

    def change(self) -> str:
        """Return whether packets are lost now, or more arrive than before."""
        lost = bool(worse(self.case.rows(), self.rows))
        if self.arriving is None:
            return "lost" if lost else ""
        now = Services(self.case).arriving()
        return "lost" if lost or self.arriving - now else "more arrives than before" if now - self.arriving else ""


#: Files of blocks about mechanisms, by name.
PARTS: Final = {
    "troubles": Part(TROUBLES, _PLANS, _RARE, most=2),
    "further": Part(FURTHER, _PLANS, _RARE),
    "authentication": Part(AUTHENTICATION, _PROVING),
    "vrfs": Part(VRFS, vrf_faults.CLOUDS),
    "lists": Part(LISTS, list_faults.CLOUDS, services=True),
    "unlisted": Part(UNLISTED, _PLANS, _RARE),
}
FILES: Final = (*PARTS, FIXES)
#: A value that the reader fills in: no configuration line takes it as it is.
_BLANK: Final = re.compile(r"<[a-z-]+>")
#: What becomes of a finding, without details.
_END: Final = re.compile(r"    entered: (?:the (reader fills) in .*|(gone; then|gone|still there|refused).*)")


# ------------------------------------------------------------------------------------------------ which cases there are


@cache
def _network(part: str, name: str) -> Scenario:
    known = PARTS[part]
    what = {**known.networks, **known.rare}[name]
    return network(what)


@cache
def _standing(part: str, name: str) -> tuple[Stage, ...]:
    return tuple(places(Stage.of(_network(part, name))))


@cache
def cases(file: str) -> tuple[str, ...]:
    """Return the names of the cases of a file: `psk@S1,S2,HUB1 in ikev2`, or a rule."""
    if file == FIXES:
        return tuple(sorted(case.rule for case in CASES))
    return tuple(case for known in PARTS[file].troubles for case in _turns(file, known))


def _turns(part: str, known: Trouble) -> list[str]:
    """Return the cases of one mechanism: at the first place of one network, and at the last place of another one.

    Its name chooses the networks, so that a mechanism that is added or removed moves no other one.
    """
    names = [*PARTS[part].networks]
    start = crc32(known.id.encode()) % len(names)
    turns: list[str] = []
    for name in (*names[start:], *names[:start], *PARTS[part].rare):
        standing = _standing(part, name)[:: -1 if turns else 1]
        fitting = next((chosen for place in standing if (chosen := fault(known, place)) is not None), None)
        if fitting is not None:
            turns.append(f"{fitting.id} in {name}")
        if len(turns) == PARTS[part].most:
            break
    return turns


def _fault(part: str, case: str) -> tuple[Scenario, Fault]:
    """Return the network and the fault of a case."""
    chosen, _, name = case.partition(" in ")
    return _network(part, name), known_fault(Stage.of(_network(part, name)), chosen)


# ------------------------------------------------------------------------------------------------ one case


def block(file: str, case: str, well: Well | None = None) -> str:
    """Return what is said of a case. well: its network, which this breaks."""
    if file == FIXES:
        return _fix_block(next(one for one in CASES if one.rule == case))
    scenario, chosen = _fault(file, case)
    well = well or come_up(file, scenario)
    return "\n".join([case, *_linted(scenario, chosen, well.linted), *_diagnosed(well, chosen), ""])


def come_up(part: str, scenario: Scenario) -> Well:
    """Return a network that has come up."""
    case = Case(scenario, 1)
    rows, linted = well_rows(case), lint(scenario.configurations, sites_of(scenario))
    return Well(case, rows, linted, Services(case).arriving() if PARTS[part].services else None)


def _linted(scenario: Scenario, chosen: Fault, usual: Sequence[LintFinding]) -> list[str]:
    try:
        texts = configurations_with(chosen.orders, chosen.stage)
    except UserError as error:
        return [f"  lint: does not read it: {error}"]
    return _rows(texts, sites_of(scenario), usual)


def _rows(texts: Mapping[str, str], sites: Mapping[str, Site], usual: Sequence[LintFinding]) -> list[str]:
    lines: list[str] = []
    found = lint(texts, sites)
    for one in _new(found, usual):
        lines.append(f"  lint: {one.severity.value} {one.rule} at {one.file}: {_place(texts[one.file], one.line)}")
        if one.fix:
            lines += [f"    fix: {_joined(one.fix.splitlines())}", f"    entered: {entered(texts, sites, found, one)}"]
    return lines or ["  lint: nothing"]


def _new(findings: Sequence[LintFinding], known: Sequence[LintFinding]) -> list[LintFinding]:
    keys = {(one.rule, one.file, one.what) for one in known}
    return [one for one in findings if (one.rule, one.file, one.what) not in keys]


def _place(text: str, number: int) -> str:
    """Return a line with the headers above it."""
    lines = text.splitlines()[: max(number, 1)]
    words: list[str] = []
    depth = len(lines[-1]) + 1 if lines else 0
    for line in reversed(lines):
        if line.strip(" !") and (indent := len(line) - len(line.lstrip())) < depth:
            words.append(line.strip())
            depth = indent
    return " > ".join(reversed(words))


def _joined(lines: Sequence[str]) -> str:
    return " / ".join(line.strip() for line in lines)


def entered(
    texts: Mapping[str, str], sites: Mapping[str, Site], before: Sequence[LintFinding], finding: LintFinding
) -> str:
    """Return what becomes of a finding when its lines are entered, and the errors and warnings that come of it."""
    if blanks := dict.fromkeys(_BLANK.findall(finding.fix)):
        return f"the reader fills in {', '.join(blanks)}"
    try:
        lines = [line.strip() for line in finding.fix.splitlines()]
        now = lint({**texts, finding.file: after(texts[finding.file], lines)}, sites)
    except UserError:
        return "refused"
    serious = (one for one in _new(now, before) if one.severity is not Severity.ADVICE)
    new = sorted({f"{one.severity.value} {one.rule} at {one.file}" for one in serious})
    is_gone = _count(now, finding) < _count(before, finding)
    return f"{'gone' if is_gone else 'still there'}{'; then ' + ', '.join(new) if new else ''}"


def _count(findings: Sequence[LintFinding], like: LintFinding) -> int:
    return sum((one.rule, one.file) == (like.rule, like.file) for one in findings)


def _diagnosed(well: Well, chosen: Fault) -> list[str]:
    case = well.case
    try:
        carry_out(case.bench, chosen.orders)
        case.wait(LATER)
        change = well.change()
        found = visit(case.examined).findings
    except (UserError, LeakError) as error:
        return [f"  network: {error}"]
    said = [line for one in found for line in _said(one, chosen)] or ["  doctor: nothing"]
    harm = f"  harm: {'yes' if change == 'lost' else f'no, {change}' if change else 'no'}"
    return [harm, *said, f"  healed: {_healed(well, found)}"] if change else [harm, *said]


def _said(one: Finding, chosen: Fault) -> list[str]:
    how = "advice" if one.advice else "mild" if one.mild else "certain" if one.certain else "asks"
    right = "" if chosen.is_named(one.cause, one.router) else " (elsewhere)"
    line = f"  doctor: {how}: {one.cause.value} at {one.router}{right}"
    return [line, *([f"    lines: {_joined(one.fix)}"] if one.fix else [])]


def _healed(well: Well, found: Sequence[Finding]) -> str:
    """Return whether the network is as it was once the lines are entered."""
    try:
        if not follow(well.case, found):
            return "no, the reader fills in a value" if any(one.fix for one in found) else "no, there are no lines"
        well.case.wait(HEALED)
        well.case.rows()
        change = well.change()
        return "no" if change == "lost" else f"no, {change}" if change else "yes"
    except UserError as error:
        return f"no, refused: {error}"
    except LeakError:
        return "no, packets leave in clear"


def _fix_block(case: LintCase) -> str:
    """Return what lint says of a case, and what becomes of it when the lines are entered."""
    usual = lint(case.good, case.good_sites or case.sites)
    return "\n".join([case.rule, *_rows(case.bad, case.sites, usual), ""])


# ------------------------------------------------------------------------------------------------ all cases


def blocks_of(file: str, some: Sequence[str]) -> list[str]:
    """Return what is said of some cases in one network: it comes up once, and a copy of this process breaks it."""
    if file == FIXES:
        return [block(file, case) for case in some]
    well = come_up(file, _network(file, some[0].partition(" in ")[2]))
    gc.freeze()  # a collection in a copy would copy all pages of this process
    return [_in_a_copy(partial(block, file, case, well)) for case in some]


def _in_a_copy(make: Callable[[], str]) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            with open(writing, "w") as out:
                out.write(make())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading) as made:
        text = made.read()
    assert os.waitpid(child, 0)[1] == 0, "see the traceback above"
    return text


# ------------------------------------------------------------------------------------------------ the files


def kept(file: str) -> dict[str, str]:
    """Return the blocks of a file by the names of their cases."""
    blocks = (FOLDER / f"{file}.txt").read_text().split("\n\n")
    return {text.partition("\n")[0]: f"{text.strip()}\n" for text in blocks if text.strip()}


def written(file: str, blocks: Mapping[str, str]) -> str:
    """Return the text of a file of these blocks."""
    return "\n".join(blocks[case] for case in cases(file) if case in blocks)


def difference(file: str, now: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of `diff -u` between the blocks of a file and those of now."""
    old = kept(file)
    for case, text in now.items():
        before = old.get(case, "").splitlines(keepends=True)
        yield from unified_diff(before, text.splitlines(keepends=True), f"{file}.txt", case)


def figures(file: str, blocks: Sequence[str]) -> str:
    """Return the numbers of some blocks."""
    if file == FIXES:
        said = sum("\n  lint: nothing" not in text for text in blocks)
        lines = [line for text in blocks for line in text.splitlines() if line.startswith("    entered: ")]
        ends = Counter(_END.sub(r"\1\2", line) for line in lines)
        return f"lint names {said} of {len(blocks)}, {len(lines)} fixes: {dict(sorted(ends.items()))}"
    harmful = [text for text in blocks if "\n  harm: yes" in text]
    named = sum(map(_is_named, harmful))
    healed = sum("\n  healed: yes" in text for text in harmful)
    return f"{len(blocks)} cases, {len(harmful)} harm: named first {named}, healed {healed}"


def _is_named(text: str) -> bool:
    """Return whether the doctor's first finding is the cause; advice does not count."""
    said = [line for line in text.splitlines() if line.startswith("  doctor: ") and ": advice: " not in line]
    return bool(said) and said[0] != "  doctor: nothing" and not said[0].endswith("(elsewhere)")


def main() -> None:
    """Write the files, or some blocks; or print these."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", action="append", default=[], help="a mechanism, a rule, a network or a file")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="write the blocks into the files, as without --only")
    what.add_argument("--check", action="store_true", help="print how the blocks differ from the files")
    arguments = parser.parse_args()
    only = set(arguments.only)
    todo: dict[tuple[str, str], list[str]] = {}
    for file in FILES:
        for case in cases(file):
            network = case.partition(" in ")[2]
            if not only or {file, case.partition("@")[0], network} & only:
                todo.setdefault((file, network), []).append(case)
    if not todo:
        parser.error(f"nothing is called {' or '.join(arguments.only)}")
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("fork")) as pool:
        made = list(pool.map(blocks_of, [file for file, _ in todo], todo.values()))
    for file in FILES:
        mine = [text for (of, _), texts in zip(todo, made, strict=True) if of == file for text in texts]
        now = {text.partition("\n")[0]: text for text in mine}
        if arguments.check:
            print("".join(difference(file, now)), end="")
        elif only and not arguments.write:
            print("".join(f"{text}\n" for text in now.values()), end="")
        elif now:
            FOLDER.mkdir(exist_ok=True)
            (FOLDER / f"{file}.txt").write_text(written(file, {**(kept(file) if only else {}), **now}))
            print(f"{file}: {figures(file, [*now.values()])}")


if __name__ == "__main__":
    main()
