"""The shows of BGP, `clear ip bgp`, and its block of `show ip protocols`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp.show import clear, groups, neighbors, prefixes, settings, table
from dmvpn.features.bgp.show import groups as progress
from dmvpn.features.bgp.show import neighbors as summary
from dmvpn.features.bgp.show import prefixes as dampening
from dmvpn.features.bgp.show import table as others
from dmvpn.features.bgp.show import table as selections
from dmvpn.features.bgp.show.common import ip_protocols, protocol_names

if TYPE_CHECKING:
    from dmvpn.ios import ExecCommand

COMMANDS: Final[tuple[ExecCommand, ...]] = (
    *summary.SUMMARY_COMMANDS,
    *neighbors.COMMANDS,
    *table.COMMANDS,
    *prefixes.COMMANDS,
    *selections.SELECTION_COMMANDS,
    *groups.COMMANDS,
    *settings.COMMANDS,
    *progress.PROGRESS_COMMANDS,
    *others.OTHER_COMMANDS,
    *dampening.DAMPENING_COMMANDS,
    *clear.COMMANDS,
)

__all__ = ["COMMANDS", "ip_protocols", "protocol_names"]
