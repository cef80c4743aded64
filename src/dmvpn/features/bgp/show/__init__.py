"""The shows of BGP, `clear ip bgp`, and its block of `show ip protocols`."""

from __future__ import annotations

from typing import Final

from dmvpn.features.bgp.show import clear, groups, neighbors, prefixes, settings, table
from dmvpn.features.bgp.show.common import ip_protocols, ipv6_protocols, protocol_names
from dmvpn.ios import ExecCommand

COMMANDS: Final[tuple[ExecCommand, ...]] = (
    *neighbors.COMMANDS,
    *table.COMMANDS,
    *prefixes.COMMANDS,
    *groups.COMMANDS,
    *settings.COMMANDS,
    *clear.COMMANDS,
)

__all__ = ["COMMANDS", "ip_protocols", "ipv6_protocols", "protocol_names"]
