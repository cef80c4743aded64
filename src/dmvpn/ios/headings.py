"""Headings that name a router: `! ===== R1 =====`, `SPOKE-2:`, `## Hub`, in texts whose routers have no hostname."""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(
    r"(?:r|rtr|router|hub|spoke|branch|br|site|edge|isp|hq|core|csr|pe|ce|dc|sw)(?:[-_]?\d[\w-]*|[-_][a-z])"
    r"|[a-z]\w{0,15}[-_](?:r|rtr|router|hub|spoke|edge|gw)[-_]?\d*|(?:hub|spoke|branch|hq|isp|edge)[-_]?[\w-]{0,16}",
    re.IGNORECASE,
)
#: What surrounds the name in a heading: rules, marks of comments and of Markdown.
_AROUND: Final = "!#*=-/_:~[](){}<>.,+`'\"|\\ \t"
_TAG: Final = re.compile(r"</?[a-z][^>]{0,40}>", re.IGNORECASE)
_LONGEST: Final = 120
#: More words are a sentence about routers.
_WORDS: Final = 4


def heading_of(line: str, *, is_prose: bool = False) -> str:
    """Return the router that a heading names, "" for other lines.

    is_prose: the line is outside of any configuration, so a few words beside the name do not matter.
    """
    if not line or len(line) > _LONGEST or (line[0] in " \t" and not is_prose):
        return ""
    text = _TAG.sub(" ", line) if is_prose else line
    words = [bare for word in text.split() if (bare := word.strip(_AROUND))]
    if not words or len(words) > (_WORDS if is_prose else 1):
        return ""
    names = [word for word in words if _NAME.fullmatch(word) and len(word) > 1]
    # "R5 - Branch": the one with a number is the name, and the other says what it is.
    numbered = [name for name in names if any(letter.isdigit() for letter in name)]
    found = names if len(names) == 1 else numbered
    return found[0] if len(found) == 1 else ""
