"""Explanations of OSPF's output for `dmvpn explain` and `| explain`. Imported on first use, never by a machine.

states     of interfaces and neighbors, roles, why a neighbor went down
codes      packets, advertisements, links and flags (RFC 2328 Appendix A)
lines      log messages, debug lines, reasons
labels     columns and labels of the shows
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.explain import codes, labels, lines, states

if TYPE_CHECKING:
    from dmvpn.base.explanations import WordGroup

GROUPS: Final[tuple[WordGroup, ...]] = (*states.GROUPS, *codes.GROUPS, *lines.GROUPS, *labels.GROUPS)
