"""The language of configurations, and the texts that are written in it.

VRFs that a file defines below the first line that names them are defined first, with a warning.

`show running-config` always has the definitions first, and IOS refuses the lines above a late one. A file in another
order was written by hand, and its owner means those lines.

    late_definitions(text, result)    the definitions below a refused line that names their VRF
    define(tree, late, other)         put these VRFs of another tree into a tree
    with_warnings(result, late)       say so
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Final

from dmvpn.base.values import Value
from dmvpn.ios.account import ConfigResult, Fate, Problem
from dmvpn.ios.config_line import GLOBAL, ConfigLine, LineGroup, Mode
from dmvpn.ios.language import Known, Language
from dmvpn.ios.places import Places
from dmvpn.ios.protection import Bare
from dmvpn.ios.reader import FileReader
from dmvpn.ios.section import Section
from dmvpn.ios.tree import ConfigTree
from dmvpn.ios.vrfs import DEFINITION, IP_VRF

_DEFINITION: Final = re.compile(r"\s*(?:vrf definition|ip vrf)\s+(\S+)\s*\Z", re.IGNORECASE)
_USE: Final = re.compile(r"\bvrf\s+(?:forwarding\s+)?(\S+)", re.IGNORECASE)


class LateDefinition(Value):
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


class Configurator(Language):
    """Understands lines, and reads whole texts."""

    def __init__(
        self, lines: Sequence[ConfigLine], modes: Sequence[Mode], known: Known = ((), ()), bare: Bare = lambda _: ()
    ) -> None:
        """bare: the tunnels of a configuration that name no IPsec profile; lines that were cut out may have named
        it.
        """
        super().__init__(lines, modes, known)
        self._bare = bare

    def on_host(self, beyond: Mapping[ConfigLine, Callable[[], LineGroup | None]]) -> Configurator:
        """Return the same language for a host that may be unable to carry out these lines (`Language.beyond`)."""
        if not beyond:
            return self
        found = copy(self)
        found.beyond = beyond
        return found

    def parse_text(
        self,
        text: str,
        base: ConfigTree | None = None,
        *,
        places: Places | None = None,
        leaves_out: bool = True,
        weak: bool = False,
    ) -> ConfigResult:
        """Read a file or the log of a terminal on top of `base`. Wrong lines are reported, the others count.

        places: records where each line is.
        leaves_out: lines that restrict or divert traffic are not in the tree.
        weak: weak algorithms are permitted if the file's release does that without a line (`releases`).
        """

        def read(late: Mapping[str, LateDefinition], defined: ConfigTree) -> ConfigResult:
            tree = base.copy() if base else ConfigTree()
            define(tree, late, defined)
            reader = FileReader(self, tree, leaves_out=leaves_out, places=places, bare=self._bare, weak=weak)
            return reader.read_text(text)

        result = read({}, ConfigTree())
        late = late_definitions(text, result)
        if not late:
            return result
        if places is not None:
            places.clear()
        return with_warnings(read(late, result.tree), late)
