"""The commands of the routing table.

routes      show ip route [protocol | A.B.C.D | summary], show ip protocols [summary], show ipv6 protocols, clear ip
            route
cef         show ip cef, show ipv6 cef
entries     what the route commands show, as values; show ipv6 route [protocol | X:X:X:X::X]

All but the summary take `at TIME`, too.
"""

from typing import Final

from dmvpn.features.rib.show import cef, entries, routes
from dmvpn.ios.vrfs import by_vrf

_TABLES: Final = (routes.ROUTES, routes.PARTS, routes.LISTED, routes.PAST, routes.PREFIX, routes.PAST_PREFIX)
_PROTOCOLS: Final = (routes.PROTOCOLS, routes.PROTOCOLS_SUMMARY)

COMMANDS: Final = (
    *_TABLES,
    *(by_vrf(command, "show ip route", is_table=True) for command in _TABLES),
    routes.SUMMARY,
    by_vrf(routes.SUMMARY, "show ip route"),
    routes.IPV6_SUMMARY,
    by_vrf(routes.IPV6_SUMMARY, "show ipv6 route"),
    *cef.COMMANDS,
    *(by_vrf(command, "show ip cef") for command in cef.COMMANDS),
    *cef.IPV6_COMMANDS,
    *(by_vrf(command, "show ipv6 cef") for command in cef.IPV6_COMMANDS),
    *_PROTOCOLS,
    *(by_vrf(command, "show ip protocols") for command in _PROTOCOLS),
    routes.CLEAR,
    by_vrf(routes.CLEAR, "clear ip route"),
    routes.IPV6_PROTOCOLS,
    by_vrf(routes.IPV6_PROTOCOLS, "show ipv6 protocols"),
    *entries.COMMANDS,
    *(by_vrf(command, "show ipv6 route") for command in entries.COMMANDS),
)
