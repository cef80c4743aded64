"""Remedies that were not tried in a copy of the network: the report names the router and the commands, without lines.

A line that was not tried may disconnect a site that works. The exception is a line with a secret to fill in: only the
reader knows the secret, so no copy can try the line, and the line shows where the secret belongs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.tools.doctor.permitted_lines import changing_lines
from dmvpn.tools.doctor.verdicts import Copied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.doctor.verdicts import Diagnosis, Finding

#: Reasons why the copy does not show whether lines work.
_COPIED: Final = {
    Copied.WELL: "a copy of these configurations is well without them",
    Copied.OTHERWISE: "a copy of these configurations shows something else",
    Copied.ALIKE: "the copy does not show this, or others were tried before it",
}
_UNKNOWN: Final = "the right value is unknown here"
_ADVICE: Final = "no user notices it now"


def in_words(diagnosis: Diagnosis, why: str = "") -> Diagnosis:
    """Return the diagnosis without the lines that were not tried.

    why: the reason, if no line at all was tried.
    """
    copied = _COPIED[diagnosis.copied] if diagnosis.copied is not None else "there is no copy to try them in"
    reason = why or copied
    return replace(diagnosis, findings=tuple(_in_words(one, reason) for one in diagnosis.findings))


def _in_words(finding: Finding, reason: str) -> Finding:
    if not finding.fix or finding.trial is not None or (finding.has_secret and not finding.has_unknown):
        return finding
    why = _UNKNOWN if finding.has_unknown else _ADVICE if finding.advice else reason
    return replace(finding, fix=(), order=finding.order or _place(finding), untried=why)


def _place(finding: Finding) -> str:
    """Return the sections of the router, and the commands in them, that the finding concerns."""
    sections: dict[str, list[str]] = {}
    section = ""
    for line in finding.fix:
        if line not in changing_lines((line,)):
            section = line
            continue
        words = _command(line)
        here = sections.setdefault(section if not line.startswith(_GLOBAL) else "", [])
        if words not in here:
            here.append(words)
    return f"look at {'; '.join(_said(sections))}, of {finding.router}"


def _said(sections: dict[str, list[str]]) -> Iterator[str]:
    for section, commands in sections.items():
        quoted = " and ".join(f"'{command}'" for command in commands)
        yield f"{quoted} under '{section}'" if section else quoted


#: Beginnings of lines that belong to no section.
_GLOBAL: Final = ("ip route ", "no ip route ", "ip prefix-list ", "no ip prefix-list ", "no router ", "clock ")


def _command(line: str) -> str:
    """Return the command of a line without its values: the words before the first number or name."""
    words = [word for word in line.split() if word != "no"]
    until = next(
        (at for at, word in enumerate(words) if not word.replace("-", "").islower() or not word[0].isalpha()), None
    )
    return " ".join(words[:until] or words[:1])
