"""The doctor's report: first the faults and the lines to type, then the evidence, then the steps that work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from dmvpn.base.placeholder import SECRET
from dmvpn.network.lines import indented
from dmvpn.tools.doctor.verdicts import Copied, Diagnosis, Finding, Trial, View

#: Lines of one step about working parts, and clauses about a remedy's improvements.
_MOST_OF_A_STEP, _MOST_OF_A_TRIAL = 8, 2
#: The meaning of a copy that does not show the fault.
_COPIED: Final = {
    Copied.WELL: "a copy of these configurations is well in the simulator, so nothing was tried:\n"
    "look at wires, hosts, processes, clocks, and what routers still remember",
    Copied.OTHERWISE: "a copy of these configurations shows something else in the simulator, so nothing was tried",
}
_ALL: Final = 1_000_000
#: So many pieces of advice that differ in names alone are one paragraph; so many others are named in it.
_SEVERAL, _MOST_ALIKE = 3, 4
_TUNNEL: Final = "Tunnel"


def as_json(diagnosis: Diagnosis) -> str:
    """Return the report for programs."""
    return json.dumps(diagnosis.plain(), indent=2)


def as_text(diagnosis: Diagnosis, *, verbose: bool = False) -> Iterator[str]:
    """Yield the report for people. verbose: each probe, too."""
    where = diagnosis.routers[0] if len(diagnosis.routers) == 1 else f"{len(diagnosis.routers)} routers"
    aim = f" -> {diagnosis.address}" if diagnosis.address else ""
    if diagnosis.view is View.ONE_END:
        yield from _one_end(diagnosis, f"{where}{aim}")
    else:
        yield from _whole(diagnosis, f"{where}{aim}", verbose=verbose)
    if diagnosis.fine:
        yield ""
        yield "checked, and fine:"
        most = _ALL if verbose else _MOST_OF_A_STEP  # not hundreds of the same for hundreds of spokes
        for step, group in groupby(diagnosis.fine, key=lambda one: one.step):
            found = list(group)
            for one in found[:most]:
                yield f"  {step.value:<22} {one.what}"
            if found[most:]:
                yield f"  {step.value:<22} ... and {len(found) - most} more (-v)"
    if diagnosis.probes:
        yield ""
        yield f"sent to find out: {len(diagnosis.probes)} pings and traceroutes" + (
            "" if verbose else " (-v lists them)"
        )
    for probe in diagnosis.probes if verbose else ():
        yield f"  {probe}"


def brief(diagnosis: Diagnosis) -> str:
    """Return the verdict alone, with the lines to type."""
    verdict = next(as_text(diagnosis))
    first = next((one for one in diagnosis.findings if not one.advice), None)
    typed = first.fix or filter(None, [first.order]) if first is not None and not first.mild else ()
    lines = " / ".join(line.strip() for line in typed)
    return f"{verdict}; on {first.router}: {lines}" if first is not None and lines else verdict


def _whole(diagnosis: Diagnosis, title: str, *, verbose: bool) -> Iterator[str]:
    broken = [finding for finding in diagnosis.findings if not finding.advice]
    advice = [finding for finding in diagnosis.findings if finding.advice]
    if not broken:
        yield f"{title}: nothing is broken"
    for finding in broken[:1]:
        where = f"{finding.step.value} ({finding.cause.value}), at {finding.router}"
        likely = "likely " if finding.named and not finding.certain else ""
        state = "cut off" if finding.apart else f"{likely}broken"
        yield f"{title}: {state} at {where}{', unless intended' if finding.mild else ''}"
        yield ""
        yield from _finding(finding)
    rest = broken[1:]
    yield from _others("also, possibly as a consequence:", [finding for finding in rest if finding.stops])
    yield from _others("besides:", [finding for finding in rest if not finding.stops])
    if diagnosis.copied in _COPIED:
        yield ""
        yield from _COPIED[diagnosis.copied].splitlines()
    if advice:
        yield ""
        yield "advice:"
    yield from _advice(advice, _ALL if verbose else _MOST_ALIKE)


def _advice(advice: list[Finding], most: int) -> Iterator[str]:
    """Yield a line for each, and advice that differs in names of routers and tunnels alone once. most: of the others
    that are named.
    """
    for finding, *others in _alike(advice):
        untried = " (no lines: none were tried)" if finding.untried else ""
        yield f"  {finding.what}: {' / '.join(finding.fix) or finding.order}{untried}"
        if others:
            shown = ", ".join(dict.fromkeys(_place(one) for one in others[:most]))
            more = f" and {len(others) - most} more (-v)" if len(others) > most else ""
            yield f"    likewise: {shown}{more}"


def _alike(findings: list[Finding]) -> list[list[Finding]]:
    """Return findings that form one paragraph each, in the order of the first ones."""
    names = {finding.router for finding in findings}  # looked up, never iterated

    def without_names(text: str) -> str:
        return " ".join("*" if word in names or _is_tunnel(word) else word for word in text.split(" "))

    together: dict[tuple[object, ...], list[Finding]] = {}
    order = {id(finding): number for number, finding in enumerate(findings)}
    for finding in findings:
        texts = (finding.what, *finding.fix, finding.order)
        key = (finding.step, finding.cause, bool(finding.untried), *map(without_names, texts))
        together.setdefault(key, []).append(finding)
    groups = [group for group in together.values() if len(group) >= _SEVERAL]
    groups += [[finding] for group in together.values() if len(group) < _SEVERAL for finding in group]
    return sorted(groups, key=lambda group: order[id(group[0])])


def _place(finding: Finding) -> str:
    """Return what a finding is about: a tunnel of a router, or the router."""
    tunnel = next(filter(_is_tunnel, finding.what.split(" ")), "")
    return f"{tunnel} of {finding.router}" if tunnel else finding.router


def _is_tunnel(word: str) -> bool:
    return word.startswith(_TUNNEL) and word.removeprefix(_TUNNEL).isdecimal()


def _others(title: str, findings: list[Finding]) -> Iterator[str]:
    """Yield the findings after the first one."""
    if findings:
        yield ""
        yield title
    for finding in findings:
        likely = "likely: " if finding.named and not finding.certain else ""
        yield f"  {likely}{finding.step.value} ({finding.cause.value}), at {finding.router}"
        yield from ("  " + text for text in _finding(finding))


def _finding(finding: Finding) -> Iterator[str]:
    yield f"  {finding.what}"
    for one in finding.evidence:
        yield f"    {one}"
    if finding.fix:
        yield f"  to fix it, on {finding.router}:"
        yield from (f"    {text}" for text in indented(finding.fix))
    if finding.has_secret and finding.trial is None:
        yield f"  {SECRET} is for you to fill in, as the other end has it; so these lines were not tried"
    elif finding.has_secret:
        yield f"  {SECRET} is that of the last good configuration, which is not shown"
    if finding.trial is not None:
        yield f"  {_tried(finding.trial)}"
    if finding.order:
        yield f"  {'or' if finding.fix else 'to fix it'}: {finding.order}"
    if finding.untried:
        yield f"  no lines are shown, because none were tried: {finding.untried}"
    if finding.decide:
        yield f"  to decide: {finding.decide}"


def _tried(trial: Trial) -> str:
    """Return the effect of the lines in the copy."""
    if trial.worse:
        return f"lines were tried and are not shown: worse with them: {', '.join(trial.worse[:_MOST_OF_A_TRIAL])}"
    if trial.gone_with:
        return f"tried: in a copy it is gone with the lines on {trial.gone_with}"
    if not trial.better:
        return "tried: these lines alone change nothing"
    said = trial.better[:_MOST_OF_A_TRIAL]
    more = f", and {len(trial.better) - len(said)} more" if len(trial.better) > len(said) else ""
    with_ = f"these lines and those on {' and '.join(trial.besides)}" if trial.besides else "these lines"
    return f"tried: with {with_} {', '.join(said)}{more}"


def _one_end(diagnosis: Diagnosis, title: str) -> Iterator[str]:
    if diagnosis.healthy:
        yield f"{title}: from this end nothing looks broken"
    else:
        yield f"{title}: one end alone is in view, so nothing is certain; the likeliest first"
    if diagnosis.healthy and diagnosis.hypotheses:
        yield ""
        yield "if users complain nevertheless:"
    for number, one in enumerate(diagnosis.hypotheses, 1):
        yield ""
        yield f"  {number}. {one.cause.value}"
        yield f"     because:    {one.why}"
        yield f"     to decide:  {one.decide}"
    if diagnosis.unseen:
        yield ""
        yield "not seen from here, and whom to ask:"
    for unseen in diagnosis.unseen:
        yield f"  {unseen.about}; ask {unseen.whom}:"
        yield from (f"    {command}" for command in unseen.ask)
