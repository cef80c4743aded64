"""Headings that name routers: `! ===== R1 =====`, `SPOKE-2:`, `## Hub`, `### R1, R2 and R3 (alike)`, in texts whose
routers have no hostname.
"""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(
    r"(?:r|rt|rtr|router|hub|spoke|branch|br|site|edge|isp|hq|core|csr|pe|ce|dc|sw)(?:[-_]?\d[\w-]*|[-_][a-z])"
    r"|[a-z]\w{0,15}[-_](?:r|rtr|router|hub|spoke|edge|gw)[-_]?\d*|(?:hub|spoke|branch|hq|isp|edge)[-_]?[\w-]{0,16}",
    re.IGNORECASE,
)
#: Of the names in a heading, the one that is the router's, and not its part: "R2 (Spoke1)".
_DEVICE: Final = re.compile(r"(?:r|rt|rtr|router|csr)[-_]?\d[\w-]*", re.IGNORECASE)
#: Two words that are a name: "PEER A", "Spoke 2".
_TWO: Final = re.compile(r"(?:PEER|ROUTER|Router|HUB|Hub|SPOKE|Spoke|SITE|Site|BRANCH|Branch) (?:[A-Z]|\d{1,3})")
#: What is between the names of several routers, and what is said of them.
_AND: Final = re.compile(r"\s*(?:,|/|&|\+|\b(?:and|y|e|et|und|и)\b)\s*")
_SAID: Final = re.compile(r"\([^()]{0,60}\)")
_MARK: Final = " & "
_SEVERAL: Final = re.compile(r"! ([\w.-]{1,63}(?: & [\w.-]{1,63}){1,19})")
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
    if _TWO.fullmatch(" ".join(words)):
        return "-".join(words)
    if not words or len(words) > (_WORDS if is_prose else 1):
        return ""
    names = list(dict.fromkeys(word for word in words if _NAME.fullmatch(word) and len(word) > 1))
    # "R5 - Branch", "R2 (Spoke1)": the one with a number, or of a device, is the name; the other says what it is.
    numbered = [name for name in names if any(letter.isdigit() for letter in name)]
    devices = [name for name in numbered if _DEVICE.fullmatch(name)]
    found = next((some for some in (names, numbered, devices) if len(some) == 1), [""])
    return found[0]


def several_of(line: str) -> tuple[str, ...]:
    """Return the routers that a heading of prose names together: what is below it is in the configuration of each."""
    if len(line) > _LONGEST or not line.startswith("#"):
        return ()
    names = [part.strip(_AROUND) for part in _AND.split(_SAID.sub(" ", line).strip(_AROUND))]
    is_several = len(names) > 1 and all(_DEVICE.fullmatch(name) for name in names)
    return tuple(dict.fromkeys(names)) if is_several else ()


def mark_of(names: tuple[str, ...]) -> str:
    """Return the comment that stands for a heading of these routers."""
    return f"! {_MARK.join(names)}" if names else ""


def marked_by(line: str) -> tuple[str, ...]:
    """Return the routers of the comment that `mark_of` made."""
    found = _SEVERAL.fullmatch(line)
    return tuple(found[1].split(_MARK)) if found is not None else ()
