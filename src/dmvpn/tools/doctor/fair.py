"""What lines the doctor may print: those that keep strangers out, leave everything on, and are few.

Of a finding whose lines would do otherwise, whichever check they are from, words are left: what there is to decide.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.tools.doctor.verdicts import Finding

#: Lines that change anything, at most.
MOST_LINES: Final = 5
#: Lines that only say where others go.
_OPENING: Final = ("interface ", "router ", "address-family ", "af-interface ", "topology ", "crypto ", "peer ", "key ")
#: What takes away who may speak here.
_UNPROTECTS: Final = re.compile(
    r"no (tunnel protection|ip nhrp authentication|ipv6 nhrp authentication|crypto |ip access-group|key |"
    r"(ip )?(ospf )?authentication|ip authentication|area \S+ authentication|neighbor \S+ password)"
)
_ALIKE: Final = "protect both ends alike; lines that take protection away are not shown"
_MUCH: Final = "compare its lines with those of a router that works: there is more to change than is shown"


def within(finding: Finding) -> Finding:
    """The finding with its lines, if they may be shown."""
    if any(map(_UNPROTECTS.match, finding.fix)):
        return replace(finding, fix=(), order=finding.order or _ALIKE)
    if "shutdown" in finding.fix or len(list(changing(finding.fix))) > MOST_LINES:
        return replace(finding, fix=(), order=finding.order or _MUCH)
    return finding


def changing(lines: Iterable[str]) -> Iterable[str]:
    """Those that change something."""
    return (line for line in lines if not line.startswith(_OPENING))
