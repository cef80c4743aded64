"""Names that entries of access lists have for protocols of IP."""

from __future__ import annotations

from typing import Final

#: The number in the IP header, None: every one.
PROTOCOLS: Final = {
    "ip": None,
    "icmp": 1,
    "igmp": 2,
    "ipinip": 4,
    "tcp": 6,
    "udp": 17,
    "gre": 47,
    "esp": 50,
    "ahp": 51,
    "eigrp": 88,
    "ospf": 89,
    "nos": 94,
    "pim": 103,
    "pcp": 108,
}
