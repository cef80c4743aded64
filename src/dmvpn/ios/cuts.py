"""Where lines were cut out of a configuration: `...`, `<snip>`, `! output omitted`.

Articles show three dots for what they do not talk about. If they are in a tunnel without protection, and there is an
IPsec profile, the dots may well be the line that names it: such a tunnel is none in clear.
"""

from __future__ import annotations

import re
from typing import Final

_CUT: Final = re.compile(
    r"\s{0,80}(?:[!#*<\[({~=-]{1,8}\s{0,8})?"
    r"(?:\.{2,80}|\u2026|(?:(?:some|other|rest|output|lines?|config\w{0,9}|text|of)\s){0,4}"
    r"(?:omitted|snip|snipped|truncated|removed|skipped|elided)(?:\s(?:for\s)?\w{1,16}){0,3})"
    r"(?:\s{0,8}[!#*>\])}~=.-]{1,8})?\s{0,80}$",
    re.IGNORECASE,
)
_LONGEST: Final = 200


def is_cut(line: str) -> bool:
    """Return whether it says that lines were left away here."""
    return len(line) <= _LONGEST and _CUT.match(line) is not None
