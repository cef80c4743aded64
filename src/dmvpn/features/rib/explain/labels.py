"""Headings and labels of the routing table's shows. For `dmvpn explain`; imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words

_TABLE = words(WordKind.LABEL)("""
    ## labels of the routing table :: show ip route next: show ip route
    Gateway of last resort :: The next hop of the default route: where packets go that no other route wants.
    is subnetted | subnets :: A classful network of which subnets of one size are known.
    is variably subnetted | Variably subnetted | masks :: A classful network of which subnets of several sizes are
        known.
    is a summary :: The route summarizes more specific routes; packets that match none of these are dropped.
        next: show ip eigrp topology
    is directly connected | directly connected :: The network is on the wire of the interface that is named.
    to network :: The network of the default route.
    Routing entry | known subnets | supernet :: One route in full.
    Known via :: Who brought the route: a protocol, or the interface itself. next: show ip protocols
    distance :: How far the source of the route is trusted; of several, the smallest wins.
    metric | Metric :: The cost of the way; of routes of one protocol the smallest wins.
    keeps no past :: The router does not remember its routes of earlier moments.
    type | internal | external :: What kind of route of its protocol it is.
    Tag :: A number that the route carries for route maps.
    Redistributing via :: The protocols that redistribute the route.
    Last update from | Last update :: The neighbor that advertised it, and how long ago.
    Not in the forwarding table :: The host did not take the route; its words follow. next: show logging
    Routing Descriptor Blocks :: The next hops, one in each block; `*` is the one whose turn it is.
    Route metric :: The metric by this next hop.
    traffic share count :: Of how many parts of the packets this next hop gets one.
    via interface | via | connected, via interface :: The network is reached by the interface itself.
    candidate default path :: The route may be the default route.
    IP routing table name :: The table; there is one.
    IP routing table maximum-paths :: How many next hops one route may have at most.
    Route Source :: Who brought the routes that are counted in this row.
    Networks | Network :: Routes that are whole classful networks.
    Subnets | Subnet :: Routes that are parts of one.
    Replicates :: Routes copied from other tables; none here.
    Overhead | Memory (bytes) | Memory :: Memory for next hops, as IOS would count it.
    IP Routing is NSF aware :: Routes of a neighbor that restarts gracefully are kept for a while.
        next: show ip protocols
    moment | at the moment :: The routing table as it was then.
    """)
_CEF = words(WordKind.LABEL, sighted=True)("""
    ## labels of the forwarding table :: show ip cef next: show ip cef
    Prefix :: The destinations; the longest match wins.
    Next Hop | nexthop :: Where packets for them go.
    epoch | Database epoch | entries at this epoch :: A count of how often the table was made again.
    CEF | IPv4 CEF is enabled | running :: The forwarding table, in IOS's word: it is always on.
    prefixes | fwd | non-fwd | non :: Its destinations; packets to non-forwarding ones (non-fwd) are dropped.
    Table id | VRF Default :: IOS's line: there is one table.
    flags | attached, connected | receive, local | default route handler :: What kind of entry it is: of a network on an
        interface (attached, connected), for this router (receive, local), the default route.
    adj out of | IP adj | adj | out of | out | addr :: The way of a conversation over an Ethernet; of several equal ways
        each has a line: the data plane chooses.
    midchain out of | IP midchain | midchain :: The same over a tunnel. next: show adjacency detail
    """)
_LABELS = words(WordKind.LABEL)("""
    ## labels of the IPv6 routing table :: show ipv6 route next: show ipv6 route
    IPv6 Routing Table | entries :: All IPv6 routes of the router, and how many.
    Route count | share count :: How many next hops the IPv6 route has.
    Routing paths :: The next hops of the IPv6 route.
    Last updated :: How long ago the IPv6 route was learned.

    ## labels of the list of routing processes :: show ip protocols summary next: show ip protocols
    Index Process Name | Process Name | Index :: What brings routes in, counted.
    """)

GROUPS: Final = groups(vars())
