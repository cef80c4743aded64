"""The commands of NHRP.

entries      show ip nhrp ..., and what exists for IPv6, too
servers      show ip nhrp nhs ...
dmvpn        show dmvpn ...                     statistics   show ip nhrp traffic, summary, multicast, redirect
happenings   show nhrp stats
endpoints    show adjacency, show tunnel endpoints, show nhrp group-map
orders       clear ip nhrp, clear dmvpn session, clear dmvpn statistics, and the names of the debugs
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.nhrp.show import dmvpn, endpoints, entries, happenings, orders, servers, statistics

COMMANDS: Final = (
    *dmvpn.COMMANDS,
    *entries.COMMANDS,
    *servers.COMMANDS,
    *statistics.COMMANDS,
    *happenings.COMMANDS,
    *endpoints.COMMANDS,
    *orders.COMMANDS,
)

__all__ = ["COMMANDS"]
