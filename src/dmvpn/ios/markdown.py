"""Markdown around configurations: what stands between its fences is what somebody would type; the rest is prose."""

from __future__ import annotations

import html
import re
from typing import Final

from dmvpn.ios.headings import heading_of
from dmvpn.ios.transcript import BLOCK

_FENCE: Final = re.compile(r"[ \t>]{0,12}(?P<mark>`{3,}|~{3,})[ \t]*(?P<kind>[\w+#.-]*)[^`]*$")
_ANY: Final = re.compile(r"(?m)^[ \t>]{0,12}(?:`{3}|~{3})")
_OF_INLINE: Final = 6
#: Two lines of a configuration that are paragraphs, one behind the other.
_PARAGRAPHS: Final = re.compile(
    r"(?mi)^[ \t]{0,16}<p>[ \t]{0,16}(?:interface|crypto|router|hostname|ip|tunnel)[ \t][^<\n]{1,200}</p>[ \t\r]*\n"
    r"[ \t]{0,16}<p>"
)
_TAG: Final = re.compile(r"</?(?:p|pre|code|br|div|span|blockquote)(?:\s[^<>]{0,80})?/?>", re.IGNORECASE)
#: A blank that an editor of pages put in the place of one that it would have taken away.
_BLANK: Final = re.compile(r"^&(?:#x20|#32|nbsp);")
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

    The text itself if it has no two fences; then tags of HTML around its lines, if those are what it has.
    """
    if not has_fences(text):
        return _without_tags(text) if _PARAGRAPHS.search(text) else text
    mark = ""
    lines: list[str] = []
    for whole in text.split("\n"):
        line = whole.rstrip("\r")
        fence = _FENCE.match(line)
        if fence is None:
            line = _BLANK.sub(" ", line)
            lines.append(line if mark or _PROTECTS.match(line) else _inline(line) or _heading(line))
            continue
        # One with a word behind it begins a block, even if the one before was never closed.
        if not mark or fence["kind"]:
            mark = fence["mark"][0]
        elif fence["mark"][0] == mark:
            mark = ""
        begun = _BEGUN.match(line) if mark else None
        lines.append(begun[1] if begun is not None else BLOCK if mark else "")
    return "\n".join(lines)


def _without_tags(text: str) -> str:
    """The text of a page whose lines are paragraphs of HTML."""
    return "\n".join(html.unescape(_TAG.sub("", line)) if "<" in line else line for line in text.split("\n"))


def _inline(line: str) -> str:
    """What a block of one line holds."""
    bare = line.strip()
    is_block = bare.startswith("```") and bare.endswith("```") and bare.count("`") == _OF_INLINE
    return bare.strip("`").strip() if is_block else ""


def _heading(line: str) -> str:
    name = heading_of(line, is_prose=True)
    return f"! {name}" if name else ""
