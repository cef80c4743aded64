"""Banners: texts of several lines in a configuration, in which nothing is a line of it.

text_end(line)      how the text ends that this line begins
in_banners(lines)   which of the lines are in one
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.ios.transcript import without_prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

_BANNER: Final = re.compile(
    r"\s*banner\s+(?:(?:motd|login|exec|incoming|slip-ppp|prompt-timeout)\s+)?(\^.|\S)", re.IGNORECASE
)
#: A text that goes on for longer has no end.
_LONGEST: Final = 200


def text_end(line: str) -> str:
    """Return how the text of a banner ends that goes on in the next lines; "" if none does."""
    banner = _BANNER.match(line)
    if banner is None or banner[1] in line[banner.end(1) :]:
        return ""
    return "\x03" if banner[1] == "^C" and "^C" not in line else banner[1]


def in_banners(lines: Sequence[str]) -> list[bool]:
    """Return whether this line is the text of a banner, without the first line of it.

    A banner that does not end does not begin.
    """
    found = [False] * len(lines)
    number = 0
    while number < len(lines):
        until = text_end(without_prompt(lines[number]))
        number += 1
        if until:
            behind = lines[number : number + _LONGEST]
            length = next((count for count, line in enumerate(behind, 1) if until in line), 0)
            found[number : number + length] = [True] * length
            number += length
    return found
