"""Where somebody cut lines out of a configuration.

    is_cut(line)             `...`, `<snip>`, `! output omitted`
    may_be_protected(lines)  the tunnels that what was cut may protect, and by which IPsec profile

Articles show three dots for what they do not talk about. If they are in a tunnel without protection, and there is an
IPsec profile, the dots may well be the line that names it: such a tunnel is none in clear.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_CUT: Final = re.compile(
    r"\s{0,80}(?:[!#*<\[({~=-]{1,8}\s{0,8})?"
    r"(?:\.{2,80}|\u2026|(?:(?:some|other|rest|output|lines?|config\w{0,9}|text|of)\s){0,4}"
    r"(?:omitted|snip|snipped|truncated|removed|skipped|elided)(?:\s(?:for\s)?\w{1,16}){0,3})"
    r"(?:\s{0,8}[!#*>\])}~=.-]{1,8})?\s{0,80}$",
    re.IGNORECASE,
)
_LONGEST: Final = 200
_PROFILE: Final = re.compile(r"crypto ipsec profile (\S+)$")
_NAMED: Final = re.compile(r" tunnel protection ipsec profile (\S+)")


def is_cut(line: str) -> bool:
    """Does it say that lines were left away here?"""
    return len(line) <= _LONGEST and _CUT.match(line) is not None


def may_be_protected(lines: Sequence[str]) -> tuple[frozenset[str], str]:
    """The headers of the tunnels that name no IPsec profile, and one that they may name; "": there is none.

    A profile that no tunnel names comes first; but two tunnels of one source share theirs.

    lines: as the configuration is shown.
    """
    profiles: dict[str, None] = {}
    tunnels: dict[str, bool] = {}
    header = ""
    for line in lines:
        if not line.startswith(" "):
            header = line if line.startswith("interface Tunnel") else ""
            if header:
                tunnels[header] = False
            elif (profile := _PROFILE.match(line)) is not None:
                profiles[profile[1]] = None
        elif header and (named := _NAMED.match(line)) is not None:
            tunnels[header] = True
    used = {named[1] for line in lines if (named := _NAMED.match(line)) is not None}
    missing = next((name for name in profiles if name not in used), next(iter(profiles), ""))
    return frozenset(tunnel for tunnel, is_protected in tunnels.items() if not is_protected), missing
