"""Lines of a file that name a VRF above its definition: they are refused, as on IOS, which reads files in order, too.

`show running-config` always has the definitions first. A file in another order was written by hand, so the refusal says
which lines to move.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.ios.entries import ConfigResult, Fate

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFINITION: Final = re.compile(r"\s*(?:vrf definition|ip vrf)\s+(\S+)\s*\Z", re.IGNORECASE)
_USE: Final = re.compile(r"\bvrf\s+(?:forwarding\s+)?(\S+)", re.IGNORECASE)


def with_places(result: ConfigResult, text: str) -> ConfigResult:
    """Return the result with the place of each late definition in the refusals that it causes."""
    refused = [entry for entry in result.entries if entry.fate is Fate.REFUSED and _USE.search(entry.text)]
    if not refused:
        return result
    defined = _definitions(text)
    said = {entry.number: line for entry in refused if (line := _advice(entry.number, entry.text, defined))}
    if not said:
        return result
    return replace(
        result,
        problems=tuple(
            replace(one, message_lines=(*one.message_lines, said[one.line_number])) if one.line_number in said else one
            for one in result.problems
        ),
        entries=tuple(
            replace(one, message_lines=(*one.message_lines, said[one.number])) if one.number in said else one
            for one in result.entries
        ),
    )


def _definitions(text: str) -> dict[str, tuple[int, str]]:
    """Return the first definition of each VRF: its line number and its text."""
    found: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        defined = _DEFINITION.match(line)
        if defined is not None:
            found.setdefault(defined[1], (number, line.strip()))
    return found


def _advice(number: int, text: str, defined: Mapping[str, tuple[int, str]]) -> str:
    """Return what to move, "" if no VRF of the line is defined only below it."""
    for use in _USE.finditer(text):
        place, definition = defined.get(use[1], (0, ""))
        if place > number:
            return f"% Move `{definition}` (line {place}), with its address family, above the lines that name it"
    return ""
