"""Markdown around configurations: what stands between its fences is what somebody would type; the rest is prose."""

from __future__ import annotations

import re
from typing import Final

from dmvpn.ios.headings import heading_of

_FENCE: Final = re.compile(r"[ \t>]{0,12}(?P<mark>`{3,}|~{3,})[ \t]*(?P<kind>[\w+#.-]*)[^`]*$")
_ANY: Final = re.compile(r"(?m)^[ \t>]{0,12}(?:`{3}|~{3})")
_OF_INLINE: Final = 6
#: Wherever the fences stand: without it a tunnel would be in clear.
_PROTECTS: Final = re.compile(
    r"[ \t]{0,16}tunnel[ \t]+protection[ \t]+ipsec[ \t]+profile[ \t]+\S+(?:[ \t]+shared)?[ \t]*$"
)
#: The first line of a block behind its fence.
_BEGUN: Final = re.compile(
    r"[ \t>]{0,12}```[ \t]*((?:interface|int|router|crypto|ip|hostname|line|route-map|conf)\s[^`]*)$"
)


def has_fences(text: str) -> bool:
    """Has it two fences, so that something stands between them?"""
    found = _ANY.finditer(text)
    return next(found, None) is not None and next(found, None) is not None


def fenced(text: str) -> str:
    """The text with blank lines for what is outside fences, but comments for headings that name a router.

    The text itself if it has no two fences.
    """
    if not has_fences(text):
        return text
    mark = ""
    lines: list[str] = []
    for whole in text.split("\n"):
        line = whole.rstrip("\r")
        fence = _FENCE.match(line)
        if fence is None:
            lines.append(line if mark or _PROTECTS.match(line) else _inline(line) or _heading(line))
            continue
        # One with a word behind it begins a block, even if the one before was never closed.
        if not mark or fence["kind"]:
            mark = fence["mark"][0]
        elif fence["mark"][0] == mark:
            mark = ""
        begun = _BEGUN.match(line) if mark else None
        lines.append(begun[1] if begun is not None else "")
    return "\n".join(lines)


def _inline(line: str) -> str:
    """What a block of one line holds."""
    bare = line.strip()
    is_block = bare.startswith("```") and bare.endswith("```") and bare.count("`") == _OF_INLINE
    return bare.strip("`").strip() if is_block else ""


def _heading(line: str) -> str:
    name = heading_of(line, is_prose=True)
    return f"! {name}" if name else ""
