"""Findings for programs: JSON of our own, and SARIF 2.1.0 (OASIS), which code review tools and CI systems read."""

from __future__ import annotations

import json
from posixpath import normpath
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from dmvpn import __version__
from dmvpn.base.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.base.findings import LintFinding, Rule

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
