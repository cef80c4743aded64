"""Does a line ask for a tunnel to be protected, however it is written?

    asks_for_protection(line)    `tunnel protection ipsec profile P`, behind whatever, abbreviated or with slips

Such a line protects a tunnel where it stands in one. Anywhere else (in the output of a command, in a banner, behind a
prompt, in somebody else's section) it must not be passed over: the tunnel that it was meant for would be in clear.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from dmvpn.ios.slips import slip_of

#: One edit of `protection` leaves one of them; most lines have none.
_MAY_BE: Final = re.compile(r"pro|ect|ion", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\s#>:;,`'\"()\[\]{}|]+")
_LONGEST: Final = 4_096
_SHORTEST: Final = 3
_PROTECTION: Final = frozenset(("protection",))
_IPSEC: Final = frozenset(("ipsec",))
_TAKEN_BACK: Final = frozenset(("no", "default"))


def asks_for_protection(line: str) -> bool:
    """Do two words of it, as they stand, abbreviated or with a slip, say `protection ipsec`? Not of comments."""
    if _MAY_BE.search(line, 0, _LONGEST) is None or line.lstrip().startswith("!"):
        return False
    words = [word.lower() for word in _WORD.findall(line[:_LONGEST])]
    for index, (first, second) in enumerate(pairwise(words)):
        if _is_nearly(first, "protection", _PROTECTION) and _is_nearly(second, "ipsec", _IPSEC):
            return _TAKEN_BACK.isdisjoint(words[:index])
    return False


def _is_nearly(word: str, wanted: str, known: frozenset[str]) -> bool:
    return (len(word) >= _SHORTEST and wanted.startswith(word)) or slip_of(word, known)
