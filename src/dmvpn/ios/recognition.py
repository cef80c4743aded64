"""Recognizes configurations of routers, and finds the host name in them.

    hostname_of(text)        the first host name that it sets, "" if none
    looks_like_one(text)     not notes or scripts: it sets a host name, or addresses on an interface
    is_empty(text)           no line of a configuration is in it

Lines are seen as `Transcript` and `fenced` leave them, so a log of a terminal and a page of Markdown are looked into.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.ios.markdown import fenced
from dmvpn.ios.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A line that sets the host name.
HOSTNAME: Final = re.compile(r" ?hostname\s+\"?([A-Za-z][\w.-]{0,62})\"?\s*(?:[!;].*)?$", re.IGNORECASE)
#: The head of an interface's section.
INTERFACE: Final = re.compile(
    r"\s{0,2}int(?:e|er|erf|erfa|erfac|erface)?\s+([a-z][a-z-]*\s?[\d/.:]+)\s*$", re.IGNORECASE
)
#: Lines below that head in a configuration, within so many lines.
_OF_INTERFACES: Final = re.compile(r"ip addr?|ip nhrp|tunnel ", re.IGNORECASE)
_NEAR: Final = 8
#: Lines that only leave a mode.
_LEAVES: Final = ("end", "exit")


def hostname_of(text: str) -> str:
    """Return the host name that a configuration sets first; "" if it sets none."""
    return next((found[1] for line in _lines(text) if (found := HOSTNAME.match(line)) is not None), "")


def looks_like_one(text: str) -> bool:
    """Return whether it sets a host name, or addresses on an interface."""
    left = 0
    for line in _lines(text):
        if HOSTNAME.match(line) or (left and _OF_INTERFACES.match(line)):
            return True
        left = _NEAR if INTERFACE.match(line) else max(0, left - 1)
    return False


def is_empty(text: str) -> bool:
    """Return whether no line of it is configuration: comments, `end` and what commands printed are none."""
    return all(line.startswith("!") or line.lower() in _LEAVES for line in _lines(text))


def _lines(text: str) -> Iterator[str]:
    """Yield what of each line is configuration, without its indentation."""
    transcript = Transcript()
    for line in Transcript.lines(fenced(text)):
        taken = transcript.take(line)
        if taken is not None and taken.text:
            yield taken.text.strip()
