"""The show and clear commands of EIGRP: a query that returns a dataclass, a renderer that turns it into lines.

Each show exists in the words of classic and of named mode, for both families: `show ip eigrp [N] X`, `show eigrp
address-family ipv4 [N] X`, `show ipv6 eigrp [N] X`, `show eigrp address-family ipv6 [N] X`. Those of IPv4 exist for a
VRF, too: `show ip eigrp vrf NAME [N] X`.
"""

from dmvpn.features.eigrp.show.neighbors import ACCOUNTING, CLEAR, INTERFACES, NEIGHBORS, STATIC
from dmvpn.features.eigrp.show.process import (
    CLEAR_EVENTS,
    EVENTS,
    PROTOCOLS,
    TIMERS,
    TRAFFIC,
    ip_protocols,
    ipv6_protocols,
    protocol_names,
)
from dmvpn.features.eigrp.show.topology import SUMMARY, TOPOLOGY
from dmvpn.ios.vrfs import by_vrf

COMMANDS = (
    *NEIGHBORS,
    *STATIC,
    *TOPOLOGY,
    *SUMMARY,
    *INTERFACES,
    *TRAFFIC,
    *ACCOUNTING,
    *TIMERS,
    *EVENTS,
    PROTOCOLS,
    by_vrf(PROTOCOLS, "show eigrp protocols"),
    *CLEAR,
    *CLEAR_EVENTS,
)

__all__ = ["COMMANDS", "ip_protocols", "ipv6_protocols", "protocol_names"]
