"""What the configuration of BGP makes the router say, explained for `dmvpn explain`. Imported when somebody asks."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import answer_group, label_group, log, log_group
from dmvpn.features.bgp import messages

_LOGS = log_group(
    "BGP",
    log(messages.NotBuilt, "BGP-4-NOT_BUILT", "When the configuration is read.", next="show running-config"),
)

_ANSWERS = answer_group(
    "BGP",
    Word(
        "% BGP: Incorrect network or mask/prefix-length configured",
        "The address of a `network` line has bits set behind its mask.",
    ),
    next="show running-config",
)

_LABELS = label_group(
    "what BGP says of itself",
    ("show ip protocols",),
    Word(
        "Not running",
        "The lines of BGP are read, kept and shown; nobody is spoken to.",
        also=("this release keeps the configuration of BGP and has no neighbors and no routes",),
    ),
    next="show running-config",
)

GROUPS: Final = (_ANSWERS, _LOGS, _LABELS)
