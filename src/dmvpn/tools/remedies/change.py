"""Remedies as a change for review: the changed configurations, and a unified diff of them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from dmvpn.network.lines import Lines, after, indented, with_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dmvpn.tools.doctor.verdicts import Diagnosis

#: The file of the diff, beside the configurations.
PATCH: Final = "remedies.diff"


def changed(diagnosis: Diagnosis, configurations: Mapping[str, str]) -> dict[str, str]:
    """Return by router its configuration with the lines that were tried and work; routers without any are not there.

    Raises UserError for a line that a router would refuse.
    """
    now: dict[str, str] = {}
    for one in diagnosis.findings:
        if one.trial is not None and one.trial.works and one.is_complete:
            now[one.router] = _with(now.get(one.router, configurations[one.router]), one.fix)
    return now


def _with(text: str, lines: tuple[str, ...]) -> str:
    """Add lines in the order of a running configuration, if the text has that; else at its end: the rest stays as it
    is.
    """
    entered = after(text, lines)
    has_order = _said(text.splitlines()) == _said(Lines.of(text).lines)
    return entered if has_order else with_lines(text, ("!", *indented(lines)))


def _said(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.strip(" !") and line != "end"]


def patch(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Yield the changes as `patch -p1` takes them, in a folder of configurations."""
    for router, text in now.items():
        ends = (f"a/{router}.cfg", f"b/{router}.cfg")
        yield from difflib.unified_diff(before[router].splitlines(), text.splitlines(), *ends, lineterm="")
