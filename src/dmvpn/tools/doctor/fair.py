"""What lines the doctor may print: those that keep strangers out, leave everything on, and are few.

Of a finding whose lines would do otherwise, whichever check they are from, words are left: what there is to decide.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.tools.doctor.verdicts import Finding

#: Lines that change anything, at most.
MOST_LINES: Final = 5
#: Lines that only say where others go.
_OPENING: Final = ("interface ", "router ", "address-family ", "af-interface ", "topology ", "crypto ", "peer ", "key ")
#: Lines that begin like one of these, and change something.
_NO_HEADING: Final = ("crypto isakmp key ", "key-string ")
#: Words of lines that say who may speak here: `no` before them lets in everybody.
_PROTECTS: Final = frozenset(
    ("protection", "authentication", "password", "crypto", "key", "key-string", "access-group")
)
_ALIKE: Final = "protect both ends alike; lines that take protection away are not shown"
_MUCH: Final = "compare its lines with those of a router that works: there is more to change than is shown"


def within(finding: Finding) -> Finding:
    """Return the finding with its lines, if they may be shown."""
    if any(map(_lets_in, finding.fix)):
        return replace(finding, fix=(), order=finding.order or _ALIKE)
    if "shutdown" in finding.fix or len(list(changing(finding.fix))) > MOST_LINES:
        return replace(finding, fix=(), order=finding.order or _MUCH)
    return finding


def changing(lines: Iterable[str]) -> Iterable[str]:
    """Return the lines that change something, without those that only open a section."""
    return (line for line in lines if not line.startswith(_OPENING) or line.startswith(_NO_HEADING))


def _lets_in(line: str) -> bool:
    """Return whether it takes away what keeps strangers out.

    A tunnel's key tells tunnels apart, and keeps nobody out.
    """
    words = line.split()
    return words[:1] == ["no"] and not _PROTECTS.isdisjoint(words) and words[1:3] != ["tunnel", "key"]
