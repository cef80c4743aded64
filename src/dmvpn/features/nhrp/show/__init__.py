"""The commands of NHRP.

entries      show ip nhrp ..., and what exists for IPv6, too
servers      show ip nhrp nhs ...
dmvpn        show dmvpn ...                     statistics   show ip nhrp traffic, summary, multicast, redirect
happenings   show nhrp stats; clear ip nhrp, clear dmvpn session, clear dmvpn statistics
endpoints    show adjacency, show tunnel endpoints, show nhrp group-map
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.nhrp.show import dmvpn, endpoints, entries, happenings, servers, statistics

COMMANDS: Final = (
    *dmvpn.COMMANDS,
    *entries.COMMANDS,
    *servers.COMMANDS,
    *statistics.COMMANDS,
    *happenings.COMMANDS,
    *endpoints.COMMANDS,
)

__all__ = ["COMMANDS"]
