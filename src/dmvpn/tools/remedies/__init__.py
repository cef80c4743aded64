"""Remedies that were tried: the doctor's lines, entered in a copy of the network before anybody enters them anywhere.

scope     which routers a copy needs
trial     the copy unchanged, then with the lines: what becomes better, and whether anything becomes worse
wording   rows that became better, for people
change    the lines as changed configurations, and as a unified diff

Where no rule of the doctor explains what packets suffer from, lines are looked for by trial:

suffering    the pairs of a copy that suffer, compared with others of their kind
names        which words of a configuration mean which router; switches: what the language can switch
changes      what may be tried: lines of one router that go, come, or take another's place
search       which of it restores the pairs
unforeseen   when to search, and what a search says, as findings

What a copy is made of, and how it is asked, is the caller's (`Copy`): a simulator with prompts.
"""

from dmvpn.tools.remedies.change import PATCH, changed, patch
from dmvpn.tools.remedies.scope import MOST, reduced
from dmvpn.tools.remedies.search import Search
from dmvpn.tools.remedies.trial import Copy, attempt, settle
from dmvpn.tools.remedies.unforeseen import is_unexplained, searched

__all__ = [
    "MOST",
    "PATCH",
    "Copy",
    "Search",
    "attempt",
    "changed",
    "is_unexplained",
    "patch",
    "reduced",
    "searched",
    "settle",
]
