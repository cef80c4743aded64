"""Findings for people: `FILE:LINE: severity rule: what`, then the lines that fix it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.base.findings import Finding, Rule


#: So many other lines are shown with a finding; programs get all of them.
_SEEN: Final = 4
#: So many findings are shown to people.
MOST_PRINTED: Final = 1000


def as_text(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a paragraph for each finding, and a line that counts them."""
    for finding in findings[:MOST_PRINTED]:
        first, *more = finding.what.split("\n")
        yield f"{finding.file}:{finding.line}: {finding.severity.value} {finding.rule}: {first}"
        yield from (f"    {line}" for line in more)
        shown = finding.related if len(finding.related) <= _SEEN else finding.related[: _SEEN - 1]
        yield from (f"    see {place}" for place in shown)
        if shown != finding.related:
            yield f"    and {len(finding.related) - len(shown)} other lines"
        if finding.fix:
            on = f" on {finding.router}" if _is_elsewhere(finding) else ""
            yield f"  fix{on}:"
            yield from (f"    {line}" for line in finding.fix.split("\n"))
    if len(findings) > MOST_PRINTED:
        yield f"and {len(findings) - MOST_PRINTED} more"
    yield counted(findings)


def _is_elsewhere(finding: Finding) -> bool:
    """Return whether the file does not tell the router's name."""
    return finding.router not in finding.file


def counted(findings: Sequence[Finding]) -> str:
    """Return how many there are of each severity."""
    if not findings:
        return "nothing found"
    words = {
        Severity.ERROR: ("error", "errors"),
        Severity.WARNING: ("warning", "warnings"),
        Severity.ADVICE: ("advice",) * 2,
    }
    numbers = {severity: sum(finding.severity is severity for finding in findings) for severity in Severity}
    return ", ".join(f"{number} {words[severity][number > 1]}" for severity, number in numbers.items() if number)


def listed(rules: Sequence[Rule]) -> Iterator[str]:
    """Yield one line for each rule."""
    width = max(len(rule.id) for rule in rules)
    for rule in rules:
        yield f"{rule.id:<{width}}  {rule.severity.value:<7}  {rule.title}"


def explained(rule: Rule) -> Iterator[str]:
    """Yield all that there is to say of a rule."""
    yield f"{rule.id} ({rule.severity.value})"
    yield rule.title
    yield ""
    yield rule.why
    for title, lines in (("For example", rule.bad), ("Instead", rule.fix)):
        if lines:
            yield ""
            yield f"{title}:"
            yield from (f"  {line}" for line in lines.split("\n"))
