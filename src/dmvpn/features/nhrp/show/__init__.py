"""The commands of NHRP.

entries      show ip nhrp ...                   servers      show ip nhrp nhs ...
dmvpn        show dmvpn ...                     statistics   show ip nhrp traffic, summary, multicast, redirect
happenings   show nhrp stats                    groups       show nhrp group-map
endpoints    show adjacency, show tunnel endpoints
families     which of these exist for IPv6, too
orders       clear ip nhrp, clear dmvpn session, clear dmvpn statistics, and the names of the debugs
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.nhrp.show import dmvpn, endpoints, entries, groups, happenings, orders, servers, statistics

COMMANDS: Final = (
    *dmvpn.COMMANDS,
    *entries.COMMANDS,
    *servers.COMMANDS,
    *statistics.COMMANDS,
    *happenings.COMMANDS,
    *groups.COMMANDS,
    *endpoints.COMMANDS,
    *orders.COMMANDS,
)

__all__ = ["COMMANDS"]
