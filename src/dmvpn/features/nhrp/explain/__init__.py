"""Explanations of NHRP's output, for `dmvpn explain` and `| explain`. Imported on demand, never by a machine.

states      letters and words in `show dmvpn`, `show ip nhrp`, `show ip nhrp nhs`; states of peers, servers and paths,
            with reasons; answers of the prompt
codes       packet types, NAKs, errors, extensions, the flags of packets; counters of `show ip nhrp traffic` and `show
            nhrp stats`
lines       log messages, debug lines; columns and labels of the shows; fields of a message
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordGroup
from dmvpn.features.nhrp.explain import codes, lines, states

GROUPS: Final[tuple[WordGroup, ...]] = (*states.GROUPS, *codes.GROUPS, *lines.GROUPS)
