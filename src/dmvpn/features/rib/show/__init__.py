"""The commands of the routing table.

routes      show ip route [protocol]            prefix      show ip route A.B.C.D, show ip route summary
cef         show ip cef                         protocols   show ip protocols [summary], clear ip route
ipv6        show ipv6 route [protocol | X:X:X:X::X]
entries     what the route commands show, as values

All but the summary take `at TIME`, too.
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.rib.show import cef, ipv6, prefix, protocols, routes
from dmvpn.ios.vrfs import by_vrf

COMMANDS: Final = (
    routes.ROUTES,
    by_vrf(routes.ROUTES, "show ip route"),
    by_vrf(prefix.PREFIX, "show ip route"),
    by_vrf(prefix.SUMMARY, "show ip route"),
    routes.PARTS,
    routes.LISTED,
    routes.PAST,
    prefix.SUMMARY,
    prefix.PREFIX,
    prefix.PAST_PREFIX,
    *cef.COMMANDS,
    protocols.PROTOCOLS,
    protocols.SUMMARY,
    protocols.CLEAR,
    *ipv6.COMMANDS,
)
