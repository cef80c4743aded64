"""VRFs that a file defines below the first line that names them. They are defined first, with a warning.

`show running-config` always has the definitions first, and IOS refuses the lines above a late one. A file in another
order was written by hand, and its owner means those lines.

    late_definitions(text, result)    the definitions below a refused line that names their VRF
    define(tree, late, other)         put these VRFs of another tree into a tree
    with_warnings(result, late)       say so
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.ios.account import ConfigResult, Fate, Problem
from dmvpn.ios.config_line import GLOBAL
from dmvpn.ios.section import Section
from dmvpn.ios.vrfs import DEFINITION, IP_VRF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.ios.tree import ConfigTree

_DEFINITION: Final = re.compile(r"\s*(?:vrf definition|ip vrf)\s+(\S+)\s*\Z", re.IGNORECASE)
_USE: Final = re.compile(r"\bvrf\s+(?:forwarding\s+)?(\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LateDefinition:
    """The definition of a VRF, and the first line above it that names it.

    number, used: of their lines. text: of the definition.
    """

    number: int
    text: str
    used: int


def late_definitions(text: str, result: ConfigResult) -> dict[str, LateDefinition]:
    """Return the definitions below a refused line that names their VRF, by its name. result: of the text."""
    refused = (entry for entry in result.entries if entry.fate is Fate.REFUSED)
    uses = [(use[1], entry.number) for entry in refused for use in _USE.finditer(entry.text)]
    if not uses:
        return {}
    defined: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        definition = _DEFINITION.match(line)
        if definition is not None:
            defined.setdefault(definition[1], (number, line.strip()))
    found: dict[str, LateDefinition] = {}
    for name, used in uses:
        number, line = defined.get(name, (0, ""))
        if used < number:
            found.setdefault(name, LateDefinition(number, line, used))
    return found


def define(tree: ConfigTree, late: Mapping[str, LateDefinition], other: ConfigTree) -> None:
    """Define these VRFs as another tree does."""
    for line in (DEFINITION, IP_VRF):
        for statement in other.entries(line):
            if statement.args.text("name") in late and statement.section is not None:
                section = Section(statement.section.mode, tree)
                section.fill_from(statement.section)
                tree.put(replace(statement, section=section))


def with_warnings(result: ConfigResult, late: Mapping[str, LateDefinition]) -> ConfigResult:
    """Return the result with a warning at each definition that was moved."""
    said = (
        Problem(
            one.number,
            one.text,
            GLOBAL.name,
            (f"% Warning: taken as if it were above line {one.used}, which names this VRF",),
            is_warning=True,
        )
        for one in late.values()
    )
    problems = sorted((*result.problems, *said), key=lambda problem: problem.line_number)
    return replace(result, problems=tuple(problems), is_moved=True)
