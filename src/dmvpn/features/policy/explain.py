"""What the prompt answers to access and prefix lists, explained for `dmvpn explain`. Imported when somebody asks."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import answer_group, label_group

_ANSWERS = answer_group(
    "access, prefix and AS path lists",
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
        "% Invalid regular expression <text>: <why>",
        "AS path and expanded community lists take IOS's regular expressions; this one cannot be read.",
    ),
    Word("%Insertion failed - seq # exists", "The prefix list has an entry with this number."),
    next="show running-config",
)

_KEYS = label_group(
    "labels of a key chain",
    ("show key chain",),
    Word("Key-chain", "A list of keys: protocols that authenticate name it.", also=("key",)),
    Word("text", "The key itself, in clear; (unset): it has no `key-string`, and is of no use.", also=("(unset)",)),
    Word(
        "accept lifetime",
        "When what others seal with the key is taken. Lifetimes are kept and not obeyed: always.",
        also=("lifetime", "always valid", "valid now", "accept"),
    ),
    Word("send lifetime", "When we seal with the key: always.", also=("send",)),
    next="show running-config",
)

GROUPS: Final = (_ANSWERS, _KEYS)
