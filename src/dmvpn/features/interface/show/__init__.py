"""The commands of interfaces.

blocks      show interfaces [summary], clear counters
tables      show ip interface [brief], show interfaces description
ipv6        show ipv6 interface [brief]                 arp         show arp
traffic     show ip traffic
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.interface.show import blocks, tables
from dmvpn.features.interface.show import tables as arp
from dmvpn.features.interface.show import tables as ipv6
from dmvpn.features.interface.show import tables as traffic

COMMANDS: Final = (
    blocks.INTERFACES,
    blocks.CLEAR,
    blocks.SUMMARY,
    tables.DESCRIPTION,
    tables.BRIEF,
    tables.IP_INTERFACE,
    *ipv6.IPV6_COMMANDS,
    *arp.ARP_COMMANDS,
    *traffic.TRAFFIC_COMMANDS,
)
