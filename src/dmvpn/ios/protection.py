"""Checks whether a line asks for tunnel protection, in whatever spelling.

    asks_for_protection(line)        `tunnel protection ipsec profile P`, behind whatever, abbreviated or with slips
    is_request(line)                 the same, and the line is no description
    is_tunnel(mode, header)          a section that may be protected
    Unprotected                      a tunnel for which no line asks for it
    is_about_something_else(line)    its first words are whole, and those of addresses, timers or NHRP, or it is a
                                     sentence: no protection

Such a line protects a tunnel if it is in the section of that tunnel. Anywhere else (in the output of a command, in a
banner, after a prompt, in another section) it must not be skipped: the tunnel that it was meant for would be in clear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from dmvpn.base.values import Value
from dmvpn.ios.errors import slip_of
from dmvpn.ios.tree import ConfigTree

#: One edit of `protection` leaves one of them; most lines have none.
_MAY_BE: Final = re.compile(r"pro|ect|ion", re.IGNORECASE)
#: Two cells of a table.
_ROW: Final = re.compile(r"\s{0,80}\|[^|\S]{0,80}[^|\s][^|]{0,400}\|[^|\S]{0,80}[^|\s][^|]{0,400}\|")
_WORD: Final = re.compile(r"[^\s#>:;,`'\"()\[\]{}|]+")
#: Blanks were lost, or became something else.
_WITHOUT_BLANKS: Final = re.compile(r"\Bprotection\W{0,9}ipsec|protectionipsec", re.IGNORECASE)
_LONGEST: Final = 4_096
#: `no tunnel` is right before it.
_OF_ONE_LINE: Final = 2
_SHORTEST: Final = 3
_PROTECTION: Final = frozenset(("protection",))
_IPSEC: Final = frozenset(("ipsec",))
_TAKEN_BACK: Final = frozenset(("no", "default"))


#: First words of lines of tunnels that do not affect which stations may read and send packets.
_OTHER: Final = re.compile(r"\s*(?:ip (?:nhrp|mtu|tcp|ospf|address)|bandwidth|delay|load-interval|keepalive) ")
#: Words of sentences, and in how many words of a line there must be how many of them; a command has none.
_OF_SENTENCES: Final = frozenset(
    ("and", "are", "be", "between", "for", "is", "of", "our", "so", "that", "the", "to", "we")
)
_SENTENCE, _FULL = 8, 3
#: What may be left of a line that protects, or of NHRP's key.
_TRACES: Final = re.compile(r"pro|ips|cry|key|auth|tunn?e?l", re.IGNORECASE)
_AUTHENTICATION: Final = frozenset(("authentication",))


class Unprotected(Value):
    """A tunnel that names no IPsec profile.

    leaves_by: the interface of its source, "" if nothing says that.
    profile: the IPsec profile that a line which is not there may have named, "": there is none.
    is_profile_idle: no tunnel names it.
    """

    name: str
    leaves_by: str
    shutdown: bool
    profile: str
    is_profile_idle: bool = False


#: Returns the unprotected tunnels of a configuration.
Bare = Callable[["ConfigTree"], Sequence[Unprotected]]


#: How the sections begin that may be protected.
TUNNELS: Final = ("interface tunnel", "interface virtual-template")
_DESCRIPTION: Final = "description"
#: The message for a line about protection in any other section.
ASTRAY: Final = ("% The line protects a tunnel, and no tunnel is open here",)


def asks_for_protection(line: str) -> bool:
    """Return whether two words of it, in full, abbreviated or with a slip, say `protection ipsec`. Not of comments, and
    not of rows of a table, which explain commands.
    """
    if _MAY_BE.search(line, 0, _LONGEST) is None or line.lstrip().startswith("!") or _ROW.match(line):
        return False
    if _WITHOUT_BLANKS.search(line, 0, _LONGEST) is not None:
        return True
    words = [word.lower() for word in _WORD.findall(line[:_LONGEST])]
    for index, (first, second) in enumerate(pairwise(words)):
        if _is_nearly(first, "protection", _PROTECTION) and _is_nearly(second, "ipsec", _IPSEC):
            return _TAKEN_BACK.isdisjoint(words[max(0, index - _OF_ONE_LINE) : index])
    return False


def is_request(line: str) -> bool:
    """Return whether a line asks for protection and is no description, however short: descriptions may speak of it."""
    if not asks_for_protection(line):
        return False
    words = [word for word in line.lower().split(None, 2) if word not in _TAKEN_BACK]
    return not (len(words[0]) >= _SHORTEST + 1 and _DESCRIPTION.startswith(words[0]))


def is_tunnel(mode: str, header: str) -> bool:
    """Return whether a section may be protected: that of a tunnel. header: the line that opens it."""
    return mode == "interface" and header.lower().startswith(TUNNELS)


def is_about_something_else(line: str) -> bool:
    """Return whether a line of a tunnel that was not understood can have protected nothing.

    Not if it may be NHRP's key.
    """
    if len(line) > _LONGEST or _TRACES.search(line) is not None:
        return False
    words = line.lower().split()
    if len(words) >= _SENTENCE and len(_OF_SENTENCES.intersection(words)) >= _FULL:
        return True
    if _OTHER.match(line) is None:
        return False
    return words[:2] != ["ip", "nhrp"] or len(words) < _SHORTEST or not slip_of(words[2], _AUTHENTICATION)


def _is_nearly(word: str, wanted: str, known: frozenset[str]) -> bool:
    return (len(word) >= _SHORTEST and wanted.startswith(word)) or slip_of(word, known)
