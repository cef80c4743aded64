"""What the prompt answers to static routes, explained for `dmvpn explain`. Imported when somebody asks."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import answer_group

_ANSWERS = answer_group(
    "static routes",
    Word("%Inconsistent address and mask", "The address has bits set behind the mask."),
    Word("%Invalid next hop: Null0 has no neighbors", "Null0 drops packets; an address behind it means nothing."),
    Word(
        "% Interface has to be specified for a link-local nexthop",
        "A next hop that begins with FE80 may be on any link: the line has to name the interface.",
        clause="RFC 4007 §6",
    ),
    next="show running-config",
)

GROUPS: Final = (_ANSWERS,)
