"""Comments that allow findings of a rule, and findings about such comments.

    ! lint: allow RULE REASON         findings of RULE at the next line; if that opens a section, anywhere in it
    ! lint: allow-file RULE REASON    findings of RULE anywhere in this file

A reason is required, because later readers of the line need it. A comment without a reason allows nothing. A comment
without a finding is itself reported, so that it does not hide later findings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import LintFinding, Rule, Severity
from dmvpn.base.values import dataclass
from dmvpn.ios.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dmvpn.network.device import Device

WITHOUT_REASON: Final = Rule(
    id="silence-without-reason",
    severity=Severity.WARNING,
    title="A comment that allows something without a reason",
    why="It allows nothing: the finding stays. Later readers of the configuration have to know why the line is right.",
    bad="! lint: allow tunnel-keepalive",
    fix="! lint: allow tunnel-keepalive the far end is a firewall that drops idle flows",
)
UNUSED: Final = Rule(
    id="silence-unused",
    severity=Severity.WARNING,
    title="A comment that allows a finding that does not exist",
    why="The finding has disappeared, or the rule is misspelled. If the comment stayed, it would hide the next "
    "finding.",
    bad="! lint: allow tunnel-keepalif reason",
    fix="! lint: allow tunnel-keepalive reason",
)
RULES: Final = (WITHOUT_REASON, UNUSED)
_COMMENT: Final = re.compile(r"\s*!\s*lint:\s*(?P<verb>\S*)\s*(?P<rule>\S*)\s*(?P<reason>.*?)\s*$")


@dataclass(frozen=True, slots=True)
class Silence:
    """One comment. first, last: the lines that it is about."""

    line: int
    rule: str
    reason: str
    first: int
    last: int
    understood: bool = True

    def covers(self, finding: LintFinding) -> bool:
        """Return whether it allows this finding. Comments cannot allow findings about comments."""
        return bool(self.understood and self.reason) and (
            finding.rule == self.rule and self.first <= finding.line <= self.last
        )


def silences(device: Device) -> list[Silence]:
    """Return the comments of a configuration, in its order."""
    lines = Transcript.lines(device.text)
    found: list[Silence] = []
    for number, text in enumerate(lines, 1):
        match = _COMMENT.match(text)
        if match is None:
            continue
        verb, rule, reason = match["verb"], match["rule"], match["reason"]
        first, last = (1, len(lines) + 1) if verb == "allow-file" else _below(device, number)
        known = verb in ("allow", "allow-file") and bool(rule)
        found.append(Silence(number, rule, reason, first, last, known))
    return found


def _below(device: Device, number: int) -> tuple[int, int]:
    """Return the lines that the one after the comment stands for: itself, or its whole section."""
    following = [place for place in device.places if place.number > number]
    if not following:
        return number, number
    opened = following[0]
    last = opened.number
    for place in following[1:]:
        if place.path[: len(opened.whole)] != opened.whole:
            break
        last = place.number
    return opened.number, last


def apply(
    findings: Sequence[LintFinding], devices: Sequence[Device], rules: Mapping[str, Rule]
) -> tuple[list[LintFinding], list[LintFinding]]:
    """Return the findings that are not allowed, and the findings about the comments."""
    by_file = {device.name: silences(device) for device in devices}
    used: set[tuple[str, int]] = set()  # looked up, never iterated
    left: list[LintFinding] = []
    for finding in findings:
        covering = [one for one in by_file.get(finding.file, ()) if one.covers(finding)]
        used.update((finding.file, one.line) for one in covering)
        if not covering:
            left.append(finding)
    said = [
        finding
        for device in devices
        for one in by_file[device.name]
        for finding in _about(one, device, rules, is_used=(device.name, one.line) in used)
    ]
    return left, said


def _about(one: Silence, device: Device, rules: Mapping[str, Rule], *, is_used: bool) -> Iterator[LintFinding]:
    def finding(rule: Rule, what: str) -> LintFinding:
        return LintFinding(
            rule=rule.id,
            severity=rule.severity,
            file=device.name,
            line=one.line,
            router=device.hostname,
            what=what,
            why=rule.why,
        )

    if not one.understood:
        yield finding(UNUSED, "`! lint:` is followed by `allow RULE REASON` or `allow-file RULE REASON`")
    elif one.rule not in rules:
        yield finding(UNUSED, f"there is no rule {one.rule}")
    elif not one.reason:
        yield finding(WITHOUT_REASON, f"why is {one.rule} allowed? Without a reason it is not")
    elif not is_used:
        where = "in this file" if one.first == 1 and one.last > 1 else "there"
        yield finding(UNUSED, f"{one.rule} finds nothing {where}; take the comment out")
