"""The commands of interfaces.

blocks      show interfaces [summary], clear counters
tables      show ip interface [brief], show ipv6 interface [brief], show interfaces description, show arp,
            show ipv6 routers
stack       show ip traffic, show ipv6 traffic
"""

from typing import Final

from dmvpn.features.interface.show import blocks, stack, tables

COMMANDS: Final = (
    blocks.INTERFACES,
    blocks.CLEAR,
    blocks.SUMMARY,
    tables.DESCRIPTION,
    tables.BRIEF,
    tables.IP_INTERFACE,
    tables.IPV6_BRIEF,
    tables.IPV6_INTERFACE,
    tables.ROUTERS,
    *tables.ARP_COMMANDS,
    *stack.COMMANDS,
)
