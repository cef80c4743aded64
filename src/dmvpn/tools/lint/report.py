"""Lint's report, for people and for programs.

People read `FILE:LINE: severity rule: what`, then the lines that fix it; what many sites have in common is said once.
Programs read JSON of our own, and SARIF 2.1.0 (OASIS), which code review tools and CI systems read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from posixpath import normpath
from typing import Final
from urllib.parse import quote

from dmvpn import __version__
from dmvpn.base.findings import LintFinding, Rule, Severity

# ------------------------------------------------------------------------------------------------ for people


#: So many other lines are shown with a finding; programs get all of them.
_SEEN: Final = 4
_WORD: Final = re.compile(r"[\w-]+(?:\.[\w-]+)*")
#: So many findings that differ in names of routers alone are one paragraph.
_SEVERAL: Final = 3
#: So many paragraphs are shown to people.
MOST_PRINTED: Final = 1000


def as_text(findings: Sequence[LintFinding]) -> Iterator[str]:
    """Yield a paragraph for each finding, and a line that counts them."""
    # Findings that form one paragraph each: single findings, or several similar ones together
    order = {id(finding): number for number, finding in enumerate(findings)}
    groups = alike(findings)
    paragraphs = [group for group in groups if len(group) >= _SEVERAL]
    paragraphs += [[finding] for group in groups if len(group) < _SEVERAL for finding in group]
    paragraphs = sorted(paragraphs, key=lambda paragraph: order[id(paragraph[0])])
    for finding, *others in paragraphs[:MOST_PRINTED]:
        first, *more = finding.what.split("\n")
        yield f"{finding.file}:{finding.line}: {finding.severity.value} {finding.rule}: {first}"
        yield from (f"    {line}" for line in more)
        shown = finding.related if len(finding.related) <= _SEEN else finding.related[: _SEEN - 1]
        yield from (f"    see {place}" for place in shown)
        if shown != finding.related:
            yield f"    and {len(finding.related) - len(shown)} other lines"
        if others:
            yield f"    likewise: {_places(others)}"
        if finding.fix:
            on = f" on {finding.router}" if finding.router not in finding.file else ""
            yield f"  fix{on}:"
            yield from (f"    {line}" for line in finding.fix.split("\n"))
    left = sum(len(paragraph) for paragraph in paragraphs[MOST_PRINTED:])
    if left:
        yield f"and {left} more"
    yield counted(findings)


def alike(findings: Sequence[LintFinding]) -> list[list[LintFinding]]:
    """Return the findings that say the same of different routers together, in the order of the first ones."""
    names = {finding.router for finding in findings}
    for finding in findings:
        names |= {PurePath(place.file).stem for place in finding.related}

    def without_names(text: str) -> str:
        return _WORD.sub(lambda word: "*" if word[0] in names else word[0], text)

    together: dict[tuple[object, ...], list[LintFinding]] = {}
    for finding in findings:
        what, fix = without_names(finding.what), without_names(finding.fix)
        together.setdefault((finding.severity, finding.rule, what, fix), []).append(finding)
    return list(together.values())


def _places(findings: Sequence[LintFinding]) -> str:
    """Return where they are: the first ones, and how many more there are."""
    places = list(dict.fromkeys(f"{finding.file}:{finding.line}" for finding in findings))
    if len(places) == 1 and len(findings) > 1:
        return f"{places[0]}, {len(findings)} times"
    shown = places if len(places) <= _SEEN else places[: _SEEN - 1]
    return ", ".join(shown) + (f" and {len(places) - len(shown)} more" if shown != places else "")


def counted(findings: Sequence[LintFinding]) -> str:
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


# ------------------------------------------------------------------------------------------------ for programs


_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "note"}


def as_json(findings: Sequence[LintFinding]) -> str:
    """Return `findings`, in their order, and `counts`, by severity."""
    counts = {severity.value: sum(one.severity is severity for one in findings) for severity in Severity}
    described = [
        {
            "rule": one.rule,
            "severity": one.severity.value,
            "file": one.file,
            "line": one.line,
            "router": one.router,
            "what": one.what,
            "why": one.why,
            "fix": one.fix,
            "related": [{"file": place.file, "line": place.line} for place in one.related],
        }
        for one in findings
    ]
    return json.dumps({"findings": described, "counts": counts}, indent=2)


def as_sarif(findings: Sequence[LintFinding], rules: Sequence[Rule], folder: str = "/") -> str:
    """Return one run of the tool `dmvpn lint`, with all its rules.

    folder: files in it get a relative URI; code review tools show only these.
    """
    index = {rule.id: number for number, rule in enumerate(rules)}
    driver = {
        "name": "dmvpn lint",
        "version": __version__,
        "rules": [
            {
                "id": rule.id,
                "shortDescription": {"text": rule.title},
                "fullDescription": {"text": rule.why},
                "help": {"text": f"Instead:\n{rule.fix}" if rule.fix else rule.why},
                "defaultConfiguration": {"level": _LEVELS[rule.severity]},
            }
            for rule in rules
        ],
    }
    results = [
        {
            "ruleId": one.rule,
            "ruleIndex": index[one.rule],
            "level": _LEVELS[one.severity],
            "message": {"text": f"{one.what}\nfix on {one.router}:\n{one.fix}" if one.fix else one.what},
            "locations": [{"physicalLocation": _physical(one.file, one.line, folder)}],
            "relatedLocations": [
                {"id": number, "physicalLocation": _physical(place.file, place.line, folder)}
                for number, place in enumerate(one.related)
            ],
        }
        for one in findings
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _physical(file: str, line: int, folder: str) -> dict[str, object]:
    """Return a line of a file; the name of the file as a URI, relative if it is in the folder."""
    path = normpath(file.replace("\\", "/"))
    if folder != "/" and path.startswith(f"{folder}/"):
        path = path.removeprefix(f"{folder}/")
    uri = quote(path)
    return {"artifactLocation": {"uri": f"file://{uri}" if uri.startswith("/") else uri}, "region": {"startLine": line}}
