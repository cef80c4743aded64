"""What the routing table prints, explained for `dmvpn explain` and `| explain`. Imported on first use."""

from typing import Final

from dmvpn.base.barriers import RouteReason
from dmvpn.base.effects import RouteKind
from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.notices import RouteSource
from dmvpn.features.rib import messages
from dmvpn.features.rib.reasons import RibReason

# -------------------------------------------------------------------------------------- codes, reasons and log messages


_FOREIGN = "It is in the legend for people who know IOS; this router never has such routes."

_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of the routing table :: show logging next: show logging
    %HOST-4-CONTESTED :: When one route, neighbor, rule, address or interface of ours is lost five times with less than
        15 seconds in between: a network manager that applies its own configuration, another routing daemon, a script.
        next: ip monitor (on the machine), dmvpn doctor
    %HOST-5-CALM :: 15 seconds after the contested routes were restored for the last time. next: dmvpn doctor
    """)
_CODES = words(
    WordKind.FLAG,
    rank=16,
    sighting=r"^([A-Za-z][* ][A-Za-z\d ]{2}[%+p& ]) +\d+\.\d+\.\d+\.\d+",
    mark=r"^Codes: L - local, C - connected",
    cell=r"([A-Za-z][* ](?: ?(?:EX|IA|N[12]|E[12]|su|L[12]|ia|N[iod]))? *[%+p&]? *|[A-Za-z][%+&])",
    joined=True,
)(f"""
    ## codes of the routing table :: show ip route next: show ip route
    L :: Local: an address of this router itself, as a host route. next: show ip interface brief
    C :: Connected: the network of an interface that is up; distance 0. next: show ip interface brief
    S :: Static: from an `ip route` line; distance 1 unless it says another. next: show running-config
    R :: RIP; distance 120. [RFC 2453] next: show ip rip database
    D :: EIGRP (for DUAL, its algorithm); distance 90 for internal routes. [RFC 7868] next: show ip eigrp topology
    EX | EIGRP external :: EIGRP external: redistributed into EIGRP from elsewhere; distance 170, so that it loses
        against most. [RFC 7868 §6.8.3]
        next: show ip eigrp topology (the prefix)
    H :: NHRP: a route of NHRP's own to a network behind another spoke, straight to it (T1 in `show dmvpn`); distance
        250.
        when: On a phase 3 spoke whose routing protocol has no route for exactly this prefix.
        next: show ip nhrp shortcut
    % | next hop override :: Next-hop override: the protocol's route stays, and packets go to NHRP's next hop instead
        (T2 in `show dmvpn`). `[NHO]` shows that hop.
        when: On a phase 3 spoke whose routing protocol has exactly this prefix.
        next: show ip route next-hop-override
    * | candidate default :: Candidate default: the route that the gateway of last resort is taken from.
    G | NHRP registered :: NHRP registered: host routes for registered spokes. This router makes none; look at the
        cache.
        next: show ip nhrp
    g | NHRP registration summary :: NHRP registration summary: one route for all registered spokes. This router makes
        none.
        next: show ip nhrp
    B :: BGP, the protocol between autonomous systems. [RFC 4271] next: show ip bgp
    O :: OSPF, within an area; distance 110. [RFC 2328 §16.1] next: show ip ospf database
    IA | OSPF inter area | inter area :: OSPF between areas: advertised by an area border router. [RFC 2328 §16.2]
        next: show ip ospf database
    N1 | OSPF NSSA external type 1 | NSSA extern 1 :: OSPF, external type 1 in a not-so-stubby area. [RFC 3101 §2.5]
    N2 | OSPF NSSA external type 2 | NSSA extern 2 :: OSPF, external type 2 in a not-so-stubby area. [RFC 3101 §2.5]
    E1 | OSPF external type 1 | extern 1 :: OSPF external type 1: the way inside counts too. [RFC 2328 §16.4]
    E2 | OSPF external type 2 | extern 2 :: OSPF external type 2: the outer metric alone counts. [RFC 2328 §16.4]
    M | mobile :: Mobile IP. {_FOREIGN}
    m | OMP :: OMP, of SD-WAN. {_FOREIGN}
    n | NAT :: NAT. {_FOREIGN}
    Ni | NAT inside :: NAT, inside. {_FOREIGN}
    No | NAT outside :: NAT, outside. {_FOREIGN}
    Nd | NAT DIA :: NAT for direct internet access. {_FOREIGN}
    i | IS-IS :: IS-IS. {_FOREIGN}
    su | IS-IS summary :: A summary of IS-IS. {_FOREIGN}
    L1 | IS-IS level-1 :: IS-IS within an area. {_FOREIGN}
    L2 | IS-IS level-2 :: IS-IS between areas. {_FOREIGN}
    ia | IS-IS inter area :: IS-IS leaked between areas. {_FOREIGN}
    U | per-user static route :: A route that the host has of its own, by DHCP or by hand. It forwards packets and leads
        tunnels to their destinations; distance 254: all others win. It is never advertised and resolves no static
        route.
        when: On a router on Linux (`dmvpn run`). On IOS: a static route made for one user.
    o | ODR :: On-demand routing, which rides on CDP. {_FOREIGN}
    P | periodic downloaded static route :: A static route fetched from a server. {_FOREIGN}
    l | LISP :: LISP. {_FOREIGN}
    a | application route :: A route of an application. {_FOREIGN}
    + | replicated route :: A route copied from another table. {_FOREIGN}
    p | overrides from PfR :: A next hop chosen by performance routing. {_FOREIGN}
    & | replicated local route overrides by connected :: A copied local route behind a connected one. {_FOREIGN}
    """)
_OVERRIDE = words(WordKind.FLAG, rank=17, sighting=r"(\[NHO\])")("""
    ## next hop of NHRP :: show ip route next-hop-override, show ip route next: show ip nhrp shortcut
    [NHO] | NHO :: The next hop that NHRP put in the place of the routing protocol's: packets take this one.
        when: Below a route with `%`, while the shortcut is in use.
    """)
_IPV6_CODES = words(
    WordKind.FLAG,
    rank=34,
    sighting=r"^([A-Z][A-Z12]{0,2} *%?) +[0-9A-Fa-f]*:[0-9A-Fa-f:]*/\d+ \[",
    mark=r"^IPv6 Routing Table",
    cell=r"((?:EX|OI|O[EN][12]|[CLSRDHBOU]) *%?)",
    joined=True,
)(f"""
    ## codes of the IPv6 routing table :: show ipv6 route next: show ipv6 route
    C :: Connected: the IPv6 prefix of an interface that is up. next: show ipv6 interface brief
    L :: Local: an IPv6 address of this router, or FF00::/8, the multicasts that it hears.
    S :: Static: from an `ipv6 route` line. next: show running-config
    R :: RIPng. Not in this router.
    D :: EIGRP for IPv6. next: show ipv6 eigrp topology
    EX | EIGRP external :: EIGRP external: another protocol's route that a router redistributes into EIGRP for IPv6.
    H :: NHRP's own IPv6 route, straight to another spoke. next: show ipv6 nhrp
    % :: NHRP's IPv6 next hop is used instead of the protocol's. next: show ipv6 nhrp
    B :: BGP, from a neighbor of IPv6 unicast. next: show bgp ipv6 unicast
    O | OSPF Intra :: OSPF version 3, within an area. next: show ospfv3 rib
    OI | OSPF Inter :: OSPF version 3, between areas. next: show ospfv3 border-routers
    OE1 | OSPF ext 1 | ON1 | OSPF NSSA ext 1 :: OSPF version 3, external, the way to its border router added; N: from a
        not-so-stubby area. next: show ospfv3 database external
    OE2 | OSPF ext 2 | ON2 | OSPF NSSA ext 2 :: OSPF version 3, external, without the way to its border router.
        next: show ospfv3 database external
    U | Per-user Static route :: An IPv6 static route made for one user. {_FOREIGN}
    """)
_SOURCES = words(WordKind.STATE, rank=38, sighting=r'Known via "([a-z]+)')(f"""
    ## Known via :: show ip route, show ipv6 route next: show ip route
    {RouteSource.CONNECTED.value} :: The network of an interface; administrative distance 0.
    {RouteSource.LOCAL.value} | local (route) :: An address of this router; administrative distance 0.
    static (route) | static :: An `ip route` line; administrative distance 1.
    {RouteSource.EIGRP.value} :: EIGRP; administrative distance 90, external 170, summary 5.
        next: show ip eigrp topology
    {RouteSource.OSPF.value} :: OSPF; administrative distance 110.
    {RouteSource.RIP.value} :: RIP; administrative distance 120. next: show ip rip database
    {RouteSource.BGP.value} :: BGP; administrative distance 20, internal 200. next: show ip bgp
    {RouteSource.ND.value} :: A router of the link, by its advertisements (`ipv6 address autoconfig default`);
        administrative distance 2.
        next: show ipv6 routers
    {RouteSource.HOST.value} :: The host: DHCP, its network manager, or `ip route add`; administrative distance 254.
    {RouteSource.NHRP.value} :: NHRP; administrative distance 250: any other protocol's route for the same prefix wins,
        and gets NHRP's next hop.
        next: show ip nhrp shortcut
    """)
_KINDS = words(
    WordKind.STATE,
    rank=39,
    sighting=r"(?:^\S+/\d+ +|^  )(attached|receive|drop|no route)\b",
    mark=r"^Prefix +Next Hop +Interface",
)(f"""
    ## what becomes of packets :: show ip cef, show ipv6 cef next: show ip cef (the address)
    attached :: On the wire itself: each destination is its own next hop. To Null0: a summary's rest, dropped.
    receive :: For this router itself.
    drop :: Dropped: a route says so, or there can be no host at the address.
    multicast | discard :: Of IPv6: groups, which the router itself listens to; addresses that no packet may have.
    no route :: No default route: what nothing else covers is answered with ICMP unreachable. [RFC 1812 §5.2.7.1]
    {RouteKind.FORWARD.value} :: Packets go to the next hop.
    {RouteKind.DISCARD.value} :: Packets are dropped in silence: Null0.
    {RouteKind.UNREACHABLE.value} :: Packets are dropped, and their sender gets an ICMP host unreachable.
        [RFC 1812 §5.2.7.1]
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug ip routing :: debug ip routing, show logging next: show ip route
    RT: <add|del> NHO <prefix> :: A next hop of NHRP took the place of the protocol's (add), or the protocol's is used
        again (del).
        next: show ip route next-hop-override
    RT: <add|del> <prefix> via <address>, <source> metric [<distance>/<metric>] :: A route came into the table or left
        it. Of several for one prefix the lowest distance wins, then the lowest metric.
    """)
_BARRIERS = words(WordKind.REASON, RouteReason)("""
    ## reasons of routes that do not pass :: show ip route next: show ip route
    NOT_ADVERTISED :: The protocol has neither a `network` line that covers it, nor redistributes it.
    NOT_RUNNING :: No `network` line covers the address on the link, so the two are no neighbors.
    OTHER_MASK :: BGP advertises a network whose prefix the routing table has exactly so.
    NO_SUBNETS :: `redistribute ... subnets` brings in all networks.
    NO_METRIC :: EIGRP and RIP bring in routes of other protocols with `metric`, or `default-metric`, alone.
    NOT_REDISTRIBUTED :: `redistribute ... route-map`, or that of a `network` line; `show route-map` has its entries.
    INTERNAL :: `bgp redistribute-internal` lets other protocols have them.
    LIST :: `show ip prefix-list`, `show access-lists` and `show route-map` have the entries.
    OFFSET :: `offset-list` makes a metric so large that the route counts as unreachable.
    SPLIT_HORIZON :: A route is not sent back to where it came from, which keeps spokes of one tunnel from each other.
    STUB :: `eigrp stub` says which routes it sends; it sends no learned routes.
    SUMMARY :: The summary is sent in its place.
    REFLECTION :: `neighbor ... route-reflector-client` lets an internal neighbor have them.
    COMMUNITY :: no-advertise, no-export or local-AS.
    HIDDEN :: The routing table has a route with a smaller distance, and the protocol advertises only routes in use.
    AREA :: A router in several areas passes routes on if it is in area 0, or has a virtual link there.
    STUB_AREA :: `area ... stub` or `area ... nssa`.
    OWN_SYSTEM :: `neighbor ... allowas-in` takes it all the same, and `neighbor ... as-override` at the sender avoids
        it.
    OWN_ROUTE :: Two routers have one router ID, or one cluster ID.
    NEXT_HOP :: `neighbor ... next-hop-self` at the sender puts its own address there.
    TOO_FAR :: A metric of 16 in RIP, or more hops than `metric maximum-hops` of EIGRP.
    NEVER :: `distance 255`: such a route is never used.
    MAXIMUM :: `neighbor ... maximum-prefix`; `clear ip bgp` brings the session back.
    NOT_EXPORTED :: `route-target export` of the VRF is missing.
    NOT_IMPORTED :: `route-target import` of the other VRF is missing, or has a typing error.
    """)
_REASONS = words(WordKind.REASON, RibReason)("""
    ## reasons of the routing table :: show ip route, show ipv6 route next: show ip route
    REFUSED :: The kernel did not take the route; its words are beside it. It is tried again. next: show logging
    """)
_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of the routing table :: the prompt next: show ip route
    %Prefix not found :: The forwarding table has no entry for this, not even a default route. next: show ip cef
    % Route not found :: The IPv6 routing table has no entry for this. next: show ipv6 route
    % IP routing table vrf <vrf> does not exist :: There is no such VRF. next: show vrf
    % IP routing table <vrf> does not exist :: A static route names a VRF that does not exist. next: show vrf
    % IPv6 routing table <vrf> does not exist :: The same of a route of IPv6. next: show vrf
    % <address> is no router ID :: No router may have that one. [RFC 6286 §2.1]
    % Network not in table | % Subnet not in table :: No route leads there.
    """)


# ------------------------------------------------------------------------------------------------ shows


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
    IP routing table name | IPv6 routing table name :: The table; there is one.
    IP routing table maximum-paths | IPv6 routing table default maximum-paths :: How many next hops one route may have
        at most.
    Route Source :: Who brought the routes that are counted in this row.
    Networks | Network :: Routes that are whole classful networks.
    Subnets | Subnet :: Routes that are parts of one.
    Replicates :: Routes copied from other tables; none here.
    Overhead | Memory (bytes) | Memory :: Memory for next hops, as IOS would count it.
    Number of prefixes | Number | global scope :: How many routes of IPv6 have each length.
    IP Routing is NSF aware :: Routes of a neighbor that restarts gracefully are kept for a while.
        next: show ip protocols
    moment | at the moment :: The routing table as it was then.
    """)
_CEF = words(WordKind.LABEL, sighted=True)("""
    ## labels of the forwarding table :: show ip cef, show ipv6 cef next: show ip cef
    Prefix :: The destinations; the longest match wins.
    Next Hop | nexthop :: Where packets for them go.
    epoch | Database epoch | entries at this epoch :: A count of how often the table was made again.
    FE80::/10 :: The link-local addresses: a packet to ours is for this router.
    CEF | IPv4 CEF is enabled | IPv6 CEF is enabled | running :: The forwarding table, in IOS's word: it is
        always on.
    prefixes | fwd | non-fwd | non :: Its destinations; packets to non-forwarding ones (non-fwd) are dropped.
    Table id | VRF Default :: IOS's line: there is one table.
    flags | attached, connected | receive, local | default route handler :: What kind of entry it is: of a network on an
        interface (attached, connected), for this router (receive, local), the default route.
    adj out of | IP adj | IPV6 adj | adj | out of | out | addr :: Path of a flow over an Ethernet; of several equal ways
        each has a line: the data plane chooses.
    midchain out of | IP midchain | IPV6 midchain | midchain :: The same over a tunnel. next: show adjacency detail
    """)
_LABELS = words(WordKind.LABEL)("""
    ## labels of the IPv6 routing table :: show ipv6 route next: show ipv6 route
    IPv6 Routing Table | entries :: All IPv6 routes of the router, and how many.
    Route count | share count :: How many next hops the IPv6 route has.
    Routing paths :: The next hops of the IPv6 route.
    Last updated :: How long ago the IPv6 route was learned.

    ## labels of the sources of IPv6 routes :: show ipv6 protocols next: show ipv6 route
    Routing Protocol :: A source of routes: networks of our interfaces (connected), neighbor discovery (ND), static
        routes, or a process of a routing protocol with what holds for it.

    ## labels of the list of routing processes :: show ip protocols summary next: show ip protocols
    Index Process Name | Process Name | Index :: What brings routes in, counted.
    """)


GROUPS: Final = groups(vars())
