"""The commands of NHRP.

entries      show ip nhrp ...                   servers      show ip nhrp nhs ...
dmvpn        show dmvpn ...                     statistics   show ip nhrp traffic, summary, multicast, redirect
orders       clear ip nhrp, clear dmvpn session, and the names of the debugs
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.nhrp.show import dmvpn, entries, orders, servers, statistics

COMMANDS: Final = (
    *dmvpn.COMMANDS,
    *entries.COMMANDS,
    *servers.COMMANDS,
    *statistics.COMMANDS,
    *orders.COMMANDS,
)

__all__ = ["COMMANDS"]
