"""Headings and labels of the routing table's shows. For `dmvpn explain`; imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

_ROUTE = "show ip route"

_TABLE = label_group(
    "labels of the routing table",
    (_ROUTE,),
    Word("Gateway of last resort", "The next hop of the default route: where packets go that no other route wants."),
    Word("is subnetted", "A classful network of which subnets of one size are known.", also=("subnets",)),
    Word(
        "is variably subnetted",
        "A classful network of which subnets of several sizes are known.",
        also=("Variably subnetted", "masks"),
    ),
    Word(
        "is a summary",
        "The route summarizes more specific routes; packets that match none of these are dropped.",
        next="show ip eigrp topology",
    ),
    Word(
        "is directly connected",
        "The network is on the wire of the interface that is named.",
        also=("directly connected",),
    ),
    Word("to network", "The network of the default route."),
    Word("Routing entry", "One route in full.", also=("known subnets", "supernet")),
    Word("Known via", "Who brought the route: a protocol, or the interface itself.", next="show ip protocols"),
    Word("distance", "How far the source of the route is trusted; of several, the smallest wins."),
    Word("metric", "The cost of the way; of routes of one protocol the smallest wins.", also=("Metric",)),
    Word("keeps no past", "The router does not remember its routes of earlier moments."),
    Word(
        "type",
        "What kind of route of its protocol it is.",
        also=(
            "internal",
            "external",
        ),
    ),
    Word("Tag", "A number that the route carries for route maps."),
    Word("Redistributing via", "The protocols that redistribute the route."),
    Word("Last update from", "The neighbor that advertised it, and how long ago.", also=("Last update",)),
    Word("Not in the forwarding table", "The host did not take the route; its words follow.", next="show logging"),
    Word("Routing Descriptor Blocks", "The next hops, one in each block; `*` is the one whose turn it is."),
    Word("Route metric", "The metric by this next hop."),
    Word("traffic share count", "Of how many parts of the packets this next hop gets one."),
    Word("via interface", "The network is reached by the interface itself.", also=("via", "connected, via interface")),
    Word("candidate default path", "The route may be the default route."),
    Word("IP routing table name", "The table; there is one."),
    Word("IP routing table maximum-paths", "How many next hops one route may have at most."),
    Word("Route Source", "Who brought the routes that are counted in this row."),
    Word("Networks", "Routes that are whole classful networks.", also=("Network",)),
    Word("Subnets", "Routes that are parts of one.", also=("Subnet",)),
    Word("Replicates", "Routes copied from other tables; none here."),
    Word("Overhead", "Memory for next hops, as IOS would count it.", also=("Memory (bytes)", "Memory")),
    Word(
        "IP Routing is NSF aware",
        "Routes of a neighbor that restarts gracefully are kept for a while.",
        next="show ip protocols",
    ),
    Word("moment", "The routing table as it was then.", also=("at the moment",)),
    next=_ROUTE,
)

_CEF = label_group(
    "labels of the forwarding table",
    ("show ip cef",),
    Word("Prefix", "The destinations; the longest match wins."),
    Word("Next Hop", "Where packets for them go.", also=("nexthop",)),
    Word("epoch", "A count of how often the table was made again.", also=("Database epoch", "entries at this epoch")),
    Word("CEF", "The forwarding table, in IOS's word: it is always on.", also=("IPv4 CEF is enabled", "running")),
    Word(
        "prefixes",
        "Its destinations; packets to non-forwarding ones (non-fwd) are dropped.",
        also=("fwd", "non-fwd", "non"),
    ),
    Word("Table id", "IOS's line: there is one table.", also=("VRF Default",)),
    Word(
        "flags",
        "What kind of entry it is: of a network on an interface (attached, connected), for this router (receive, "
        "local), the default route.",
        also=("attached, connected", "receive, local", "default route handler"),
    ),
    Word(
        "adj out of",
        "The way of a conversation over an Ethernet; of several equal ways each has a line: the data plane chooses.",
        also=("IP adj", "adj", "out of", "out", "addr"),
    ),
    Word("midchain out of", "The same over a tunnel.", also=("IP midchain", "midchain"), next="show adjacency detail"),
    next="show ip cef",
    sighted=True,
)

_IPV6 = label_group(
    "labels of the IPv6 routing table",
    ("show ipv6 route",),
    Word("IPv6 Routing Table", "All IPv6 routes of the router, and how many.", also=("entries",)),
    Word("Route count", "How many next hops the IPv6 route has.", also=("share count",)),
    Word("Routing paths", "The next hops of the IPv6 route."),
    Word("Last updated", "How long ago the IPv6 route was learned."),
    next="show ipv6 route",
)

_SUMMARY = label_group(
    "labels of the list of routing processes",
    ("show ip protocols summary",),
    Word("Index Process Name", "What brings routes in, counted.", also=("Process Name", "Index")),
    next="show ip protocols",
)

GROUPS: Final = (_TABLE, _CEF, _IPV6, _SUMMARY)
