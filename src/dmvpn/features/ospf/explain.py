"""What the configuration of OSPF makes the router say, explained for `dmvpn explain`. Imported when somebody asks."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import answer_group, label_group, log, log_group
from dmvpn.features.ospf import messages

_LOGS = log_group(
    "OSPF",
    log(messages.NotBuilt, "OSPF-4-NOT_BUILT", "When the configuration is read.", next="show running-config"),
)

_ANSWERS = answer_group(
    "OSPF",
    Word(
        "% This release does not run OSPF; its configuration is kept",
        "OSPF's shows have nothing to show: its lines are read and kept for a router that can.",
    ),
    next="show running-config",
)

_LABELS = label_group(
    "what OSPF says of itself",
    ("show ip protocols",),
    Word(
        "Not running",
        "The lines of OSPF are read, kept and shown; nobody is spoken to.",
        also=("this release keeps the configuration of OSPF and has no neighbors and no routes",),
    ),
    Word("area", "The area that the networks belong to.", clause="RFC 2328 §3"),
    next="show running-config",
)

GROUPS: Final = (_ANSWERS, _LOGS, _LABELS)
