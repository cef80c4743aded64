"""Explanations of the output of EIGRP for `dmvpn explain` and `| explain`. Imported on first use, never by a machine.

states     of destinations, neighbors, DUAL; why a neighbor went down
codes      opcodes, TLVs and flags of packets (RFC 7868 §6)
lines      log messages, debug lines, reasons
labels     columns and labels of the shows
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.eigrp.explain import codes, labels, lines, states

if TYPE_CHECKING:
    from dmvpn.base.explanations import WordGroup

GROUPS: Final[tuple[WordGroup, ...]] = (*states.GROUPS, *codes.GROUPS, *lines.GROUPS, *labels.GROUPS)
