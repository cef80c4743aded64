"""Conclusions from the first words of a line of a file, without its grammar.

first_word(line)       without a `no` before it
is_written(line)       does it read like a sentence or a heading, and not like a line of IOS?
is_slip(line, known)   is the first word nearly one of these?
is_of_tunnels(line)    may it protect a tunnel?
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from dmvpn.ios.interfaces import KINDS, find_kind
from dmvpn.ios.markdown import heading_of
from dmvpn.ios.slips import slip_of
from dmvpn.ios.transcript import without_prompt

#: Openers of sections in which nothing is kept that is not understood.
OURS: Final = frozenset(("interface", "crypto", "router", "key"))
_KINDS: Final = frozenset(kind.name.lower() for kind in KINDS)
_OF_TUNNELS: Final = frozenset(("tunnel",))
#: How sentences and headings end, and words of sentences that no line of IOS begins with.
_STOPS: Final = (":", ".", ",")
_OF_SENTENCES: Final = frozenset(("the", "an", "is", "are", "this", "that", "these", "we", "you", "your", "following"))
_FEW: Final = 8
#: What no words follow.
_ALONE: Final = frozenset(("end",))


def first_word(line: str) -> str:
    """Return the first word in small letters; the one behind `no`."""
    words = line.split(None, 2)
    return (words[1] if words[0].lower() == "no" and len(words) > 1 else words[0]).lower()


def is_slip(line: str, known: frozenset[str]) -> bool:
    """Return whether its first word is nearly one of these.

    A word that nothing may follow must be alone on its line.
    """
    return slip_of(first_word(line), _with_more(known) if " " in line.strip() else known)


@lru_cache(maxsize=64)
def _with_more(known: frozenset[str]) -> frozenset[str]:
    """Return the words of `known` that other words may follow."""
    return known - _ALONE


def is_of_tunnels(line: str) -> bool:
    """Return whether the line begins with a word of tunnel protection, or a misspelling of one."""
    word = first_word(line)
    return word in _OF_TUNNELS or slip_of(word, _OF_TUNNELS)


def is_swallowed(printed: str) -> bool:
    """Return whether a banner without an end took this line of a text from a tunnel. Others may speak of protection."""
    text = without_prompt(printed)
    return bool(text.strip()) and is_of_tunnels(text)


def is_heading(line: str) -> bool:
    """Return whether it is one word, and a colon. What opens a section has a name behind it."""
    word = line.strip()
    return word[-1] == ":" and word[:-1].replace("-", "").replace("_", "").isalnum() and not line[:1].isspace()


def is_written(line: str) -> bool:
    """Return whether it reads like a sentence or a heading. A router shows no line that begins in capitals."""
    text = line.strip()
    if text[:1].isupper() or text[-1:] in _STOPS or not text.isascii() or heading_of(text, is_prose=True):
        return True
    return not _OF_SENTENCES.isdisjoint(text.lower().split()[:_FEW])


def is_others_interface(line: str) -> bool:
    """Return whether it names an interface of a kind that does not exist here, and that no slip of the pen makes one of
    ours.
    """
    words = line.lower().split()
    name = "".join(words[1:3]) if words[0] == "interface" else ""
    kind = name.rstrip("0123456789/.:")
    return kind != name and kind[:1].isalpha() and not slip_of(kind, _KINDS) and find_kind(kind) is None
