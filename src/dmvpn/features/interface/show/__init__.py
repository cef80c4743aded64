"""The commands of interfaces.

blocks      show interfaces, clear counters         tables      show ip interface [brief], show interfaces description
ipv6        show ipv6 interface [brief]                 arp         show arp
summary     show interfaces summary                     traffic     show ip traffic
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.interface.show import arp, blocks, ipv6, tables, traffic
from dmvpn.features.interface.show import blocks as summary

COMMANDS: Final = (
    blocks.INTERFACES,
    blocks.CLEAR,
    summary.SUMMARY,
    tables.DESCRIPTION,
    tables.BRIEF,
    tables.IP_INTERFACE,
    *ipv6.COMMANDS,
    *arp.COMMANDS,
    *traffic.COMMANDS,
)
