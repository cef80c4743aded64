"""Labels of the shows of BGP. For `dmvpn explain`; imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.rows import column_words

_LABELS = words(WordKind.LABEL)(
    """
    ## labels of the summary of BGP :: show ip bgp summary, show bgp summary [RFC 4271] next: show ip bgp neighbors
    BGP router identifier :: The name of this router in BGP. [RFC 4271 §1.1]
    local AS number :: Our autonomous system.
    BGP table version | main routing table version :: Counts the changes of the table.
    network entries | memory :: Prefixes in the table; their octets are what IOS counts for them.
    path entries :: Paths to these prefixes.
    BGP path/bestpath attribute entries :: Sets of attributes that differ.
    BGP route-map cache entries | BGP filter-list cache entries :: IOS's line; always 0 here.
    BGP activity | prefixes | paths | scan interval | secs :: How many prefixes and paths there are.
    Dynamically created neighbors | Dynamically created based on a listen range command | Total dynamically created
        neighbors | Subnet ranges | max :: Neighbors without a configuration of their own: they connected from a `bgp
        listen range`.
    BGP peergroup | listen range group members :: The settings of the neighbors of a range.
"""
    + column_words("dmvpn.features.bgp.show.summary:NeighborEntry")
    + """
    ## labels of the table of BGP :: show ip bgp, show bgp [RFC 4271 §9] next: show ip bgp
    Next Hop :: Where packets go; 0.0.0.0: the prefix is our own.
    Weight | weight :: Preference on this router alone; 32768 for routes that this router originates.
    LocPrf | localpref :: Preference in our AS (LOCAL_PREF); 100 if not set.
    Path | Paths | path :: The autonomous systems on the way, the nearest first, and the origin.
    local router ID :: The name of this router in BGP, as the summary has it.
    BGP routing table entry for :: One prefix, with all paths to it.
    Route Distinguisher | default for vrf :: What makes the prefixes of a VRF unique among those of all VRFs; `rd` says
        it. [RFC 4364 §4.1]
    imported path from | via vrf :: The path is another VRF's: its route distinguisher, the prefix and its name follow.
        One of its route targets is imported here. [RFC 4364 §4.3]
    available | best path | no best path :: How many paths there are.
    Advertised to update-groups | Not advertised to any peer :: The groups of neighbors to which it is advertised; `show
        ip bgp update-group` lists them.
    not advertised to any peer :: It has the community no-advertise. [RFC 1997]
    not advertised to EBGP peer :: It has the community no-export. [RFC 1997]
    not advertised outside local AS :: It has the community local-AS. [RFC 1997]
    Advertisements suppressed by an aggregate :: An aggregate is advertised instead.
    Refresh Epoch :: IOS's count of refreshes; not kept here.
    Path advertised to update-groups | Path not advertised to any peer :: The groups of neighbors that receive this
        path, if they receive several. [RFC 7911]
    rx pathid :: Path identifier from the sender; 0 if the sender sends one path for each prefix. [RFC 7911 §3]
    tx pathid :: Path identifier with which this router sends it (0x...); 0: it is not sent. [RFC 7911 §3]
    aggregated by :: The router that made the aggregate. [RFC 4271 §5.1.7]
    Received from a RR-client :: The neighbor is a `route-reflector-client` of ours.
    received & used :: The neighbor has `soft-reconfiguration inbound`, and no filter changed the path.
    Community :: Marks of administrators, as two numbers or by name. [RFC 1997]
    Extended Community | Extended :: RT: route target; SoO: site of origin. [RFC 4360]
    Large Community | Large :: Marks of administrators, as three numbers. [RFC 8092]
    Originator :: The router from which a reflector learned the route. [RFC 4456 §8]
    Cluster list :: The reflectors that the route has passed. [RFC 4456 §8]
    Local :: The path of a route that this router originates.
    Total number of prefixes | number :: How many lines there are above.
    RPKI validation codes | valid | invalid | Not found :: IOS's legend: nothing is validated here.

    ## labels of a neighbor of BGP :: show ip bgp neighbors, show bgp neighbors [RFC 4271 §8]
        next: show ip bgp neighbors
    BGP neighbor is :: The address of the neighbor; a star: it connected from a `bgp listen range`.
    remote AS :: Its autonomous system.
    internal link | link | eBGP :: It is of our own AS; else the link is external.
    Neighbor under common administration :: It is in another system of our confederation. [RFC 5065]
    remote router ID :: Its name in BGP; 0.0.0.0: not heard yet.
    Description :: The description from the configuration.
    Member of peer-group | for session parameters :: The neighbor takes its settings from the group.
    Last read | last write :: How long ago a message came from it.
    Send hold time | left: it takes nothing :: Seconds for which its TCP may accept no data from us: 8 minutes, or twice
        the hold time. Our own line. [RFC 9687 §6]
    hold time | keepalive interval :: Seconds without a message after which the session ends.
    Neighbor capabilities | advertised and received | Route refresh | Four-octets ASN Capability | Address family |
        Enhanced Refresh Capability :: The capabilities that both ends advertised.
    No session :: Why this router does not connect to it.
    Message statistics | Rcvd | Opens | Notifications | Keepalives | Route Refresh :: Messages by kind, sent and
        received.
    Default minimum time between advertisement runs :: How long advertisements to it wait.
    For address family :: What follows is about this family.
    Additional paths Send :: This router may send it several paths for a prefix, if the configuration selects some.
        [RFC 7911 §4]
    Additional paths Receive :: It may send several paths for a prefix. [RFC 7911 §4]
    Additional Paths advertised | best | group-best | all :: The paths sent in addition to the best one: `neighbor ...
        advertise additional-paths`.
    Route-Reflector Client :: Internal routes are reflected to it. [RFC 4456 §6]
    NEXT_HOP is always this router for eBGP paths :: `next-hop-self`.
    Prefix activity | Prefixes Current | Consumes :: Prefixes advertised and received.
    Used as bestpath | n/a :: How many of its paths are the best ones.
    Used as multipath :: How many of its paths are in use beside a better one. [RFC 4271 §9.1]
    Local Policy Denied Prefixes | Outbound | Inbound :: Prefixes that were received and refused: their path is a loop.
    Connections established | dropped :: How often there was a session, and how often it ended.
    Last reset | due to :: When and why it ended last.
    Local host | Local port :: Our end of the session.

    ## labels of a routing process (BGP) :: show ip protocols next: show ip protocols
    IGP synchronization :: IOS's line; there is none.
    Automatic route summarization :: There is none: a `network` line means one prefix.
    FiltIn | FiltOut | DistIn | DistOut | RouteMap :: IOS's columns; the filters of neighbors are in the running
        configuration.
    Distance | local :: Administrative distances: of external, internal and our own routes.
    """
)
_CODES = words(
    WordKind.FLAG, rank=19, sighting=r"^ ([*sr][>bd ][im ]a?) ", cell=r"([*sr][>bd ]?[im ]?a?) ?", joined=True
)("""
    ## status codes of the table of BGP :: show ip bgp, show bgp next: show ip bgp
    s | suppressed :: An aggregate with `summary-only` covers it, so it is not advertised.
    d | damped :: It flapped too often and is suppressed for a while (`bgp dampening`).
    h | history :: It is withdrawn and flapped recently; only `flap-statistics` shows it.
    * | valid :: Valid: the next hop can be reached.
    > | best :: The best path: it is used and advertised.
    i | internal :: Learned from an internal neighbor. At the end of a line: origin IGP.
    r | RIB-failure :: RIB-failure in IOS's legend: the routing table has another protocol's route (`show ip bgp
        rib-failure`).
    S | Stale :: Kept while its neighbor restarts gracefully, until the neighbor advertises it again.
    m | multipath :: Used beside the best path (`maximum-paths`).
    b | backup-path :: The backup path: it would follow the best one (`bgp additional-paths install`).
    f | RT-Filter :: RT-Filter in IOS's legend; not set here.
    x | best-external :: best-external in IOS's legend; not set here.
    a | additional-path :: It may be advertised in addition to the best path (`bgp additional-paths select`).
    c | RIB-compressed :: RIB-compressed in IOS's legend; not set here.
    t | secondary path :: secondary path in IOS's legend; not set here.
    L | long-lived-stale :: long-lived-stale in IOS's legend; not set here.
    e :: Origin EGP.
    ? | incomplete :: Origin incomplete: redistributed.
    V :: Valid, of RPKI, in IOS's legend; nothing is validated here.
    I :: Invalid, of RPKI, in IOS's legend; nothing is validated here.
    N :: Not found, of RPKI, in IOS's legend; nothing is validated here.
    """)
_MARKS = words(
    WordKind.FLAG,
    rank=20,
    sighting=r"^ +Origin \w+, .*?((?:valid|sourced|aggregated|(?:confed-)?internal|(?:confed-)?external)\b.*)$",
)("""
    ## what a path of BGP is :: show ip bgp, show bgp [RFC 4271 §9.1] next: show ip bgp
    valid :: The next hop can be reached.
    internal :: Learned from a neighbor in our own autonomous system.
    external :: Learned from a neighbor in another autonomous system.
    confed-external :: Learned from another member AS of our confederation. [RFC 5065]
    confed-internal :: Its path contains another member AS of our confederation. [RFC 5065]
    sourced :: This router originates it.
    aggregated :: It is made of longer prefixes (`aggregate-address`).
    local :: This router made the aggregate.
    best2 :: The second best path: `bgp additional-paths select best 2`. [RFC 7911]
    best3 :: The third best path: `bgp additional-paths select best 3`. [RFC 7911]
    group-best :: The best path from its neighboring AS: `select group-best`. [RFC 7911]
    all :: The best path with its next hop: `select all`. [RFC 7911]
    backup/repair :: It would follow the best path, which is computed again as soon as that path disappears.
    best :: This path is used and advertised to neighbors.
    atomic-aggregate :: Its path does not name all autonomous systems behind it. [RFC 4271 §5.1.6]
    multipath :: It is used beside the best path (`maximum-paths`).
    """)
_DYNAMIC = words(WordKind.FLAG, rank=22, sighting=r"^(\*)\d+\.\d+\.\d+\.\d+ +4 ")("""
    ## mark of a neighbor of BGP :: show ip bgp summary, show bgp summary next: show ip bgp neighbors
    * :: This neighbor has no configuration of its own: it connected from a `bgp listen range`.
    """)

GROUPS: Final = groups(vars())
