"""What the prompt answers to access and prefix lists, explained for `dmvpn explain`. Imported when somebody asks."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import answer_group

_ANSWERS = answer_group(
    "access and prefix lists",
    Word(
        "% The last sequence number is taken; give this entry one of its own",
        "Entries get numbers in steps of ten (five in prefix lists), and none is left behind the last one.",
    ),
    Word("% Duplicate sequence number", "The list has an entry with this number; take that away first."),
    Word(
        "% Invalid prefix range for <prefix>, make sure: len < ge-value <= le-value",
        "`ge` and `le` name lengths beyond the prefix's own, in growing order.",
    ),
    Word(
        "% Access lists are not applied here: filter before this router, and take this line away",
        "Lists are kept for what reads them; no packet is filtered, so an interface does not pretend to be a filter.",
    ),
    Word("%Insertion failed - seq # exists", "The prefix list has an entry with this number."),
    next="show running-config",
)

GROUPS: Final = (_ANSWERS,)
