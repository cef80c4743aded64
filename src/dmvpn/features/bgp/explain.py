"""Explanations of the output of BGP for `dmvpn explain` and `| explain`. Imported on first use."""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.rows import column_words
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.attributes import AttributeCode, Community, Origin, SegmentKind
from dmvpn.features.bgp.packet import Capability, Cease, ErrorCode, HeaderError, MessageType, OpenError, UpdateError
from dmvpn.features.bgp.paths import PathOrigin
from dmvpn.features.bgp.reasons import BgpReason
from dmvpn.features.bgp.session import SessionState

# --------------------------------------------------------------------------------------- codes, states and log messages


_RFC: Final = "rfc 4271 bgp code"

_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of BGP :: the prompt next: show running-config
    % BGP: Incorrect network or mask/prefix-length configured :: The address of a `network` line has bits set behind its
        mask.
    % BGP not active :: There is no `router bgp`.
    % dampening not enabled for base :: There is no `bgp dampening`.
    % The reuse limit must be less than the suppress limit :: A route that is suppressed would be used again at once.
    % Failed to compile regular expression. :: The pattern is none of IOS's: a parenthesis or bracket is open.
    % Network not in table :: BGP knows no such prefix, and none that holds the address.
    % No such neighbor <address> :: No neighbor has this address.
    % Inbound soft reconfiguration not enabled on <address> :: Only accepted routes can be shown (`routes`), unless
        there is `neighbor ... soft-reconfiguration inbound`.
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of BGP :: show logging next: show logging
    %BGP-5-ADJCHANGE :: When a session comes up or ends. next: show ip bgp summary
    %BGP-3-NOTIFICATION :: Before the session ends. next: show ip bgp neighbors
    %BGP-3-SENDHOLD :: When the session ends. [RFC 9687 §6] next: show ip bgp neighbors
    %BGP-4-MAXPFX :: At 75 percent, or what the line says. next: show ip bgp summary
    %BGP-3-MAXPFXEXCEED :: next: show ip bgp summary
    %BGP-4-MALFORMED :: [RFC 7606 §2] next: show ip bgp neighbors
    %BGP-3-LISTEN :: When the router starts. next: show ip bgp summary
    """)
_STATES = words(
    WordKind.STATE,
    rank=21,
    sighting=r"(?:^\S+ +4 .* |BGP state = )(Idle \(Admin\)|Idle|Active|Connect|OpenSent|OpenConfirm|Established)",
)(f"""
    ## states of a BGP neighbor :: show ip bgp summary, show bgp summary, show ip bgp neighbors, show bgp neighbors
        [RFC 4271 §8.2.2]
        next: show ip bgp neighbors
    {SessionState.IDLE.value} :: There is no route to the neighbor, so no connection is tried; `show ip bgp neighbors`
        has the reason.
    Idle (Admin) :: `neighbor ... shutdown`: the session is disabled.
    Active :: There is no connection; this router tries again soon, or waits for the neighbor to connect.
    {SessionState.CONNECT.value} :: A TCP connection is being opened, and the neighbor has not answered yet.
    {SessionState.OPEN_SENT.value} :: There is a connection, and the neighbor's OPEN is awaited.
    {SessionState.OPEN_CONFIRM.value} :: The neighbor's OPEN was good; its KEEPALIVE is awaited.
    {SessionState.ESTABLISHED.value} :: The session is up. The summary shows the number of its prefixes instead.
    """)
_REASONS = words(WordKind.REASON, BgpReason)("""
    ## reasons of BGP :: show ip bgp neighbors next: show ip route
    NO_ROUTE :: The routing table has no route to its address.
    NOT_CONNECTED :: Packets to an external neighbor have TTL 1, so a session across other routers is not tried.
    NO_ADDRESS :: `update-source`, or the interface that leads there, cannot be used.
    """)
_MESSAGES = words(WordKind.CODE, MessageType, rank=51, names=f"{_RFC} message")("""
    ## messages of BGP :: show logging [RFC 4271 §4] next: show ip bgp neighbors
    OPEN :: The first message of a session: the sender's AS, router ID and capabilities.
    UPDATE :: Advertises and withdraws routes.
    NOTIFICATION :: Ends the session, and says why.
    KEEPALIVE :: Says that the sender is alive.
    ROUTE_REFRESH :: Asks the neighbor to send all routes again. [RFC 2918 §3]
    """)
_ERRORS = words(WordKind.CODE, ErrorCode, rank=52, names=f"{_RFC} notification error")("""
    ## errors of a NOTIFICATION :: show logging [RFC 4271 §4.5] next: show ip bgp neighbors
    HEADER :: The header of a message was wrong: the two ends do not agree where messages begin.
    OPEN :: The OPEN was not acceptable; the subcode says what of it.
    UPDATE :: An UPDATE was damaged beyond what RFC 7606 lets pass.
    HOLD_TIME :: Nothing was heard for the hold time.
    SEND_HOLD_TIME :: Nothing could be sent for the send hold time: the neighbor does not read. [RFC 9687 §4]
    STATE_MACHINE :: A message came that has no place in that state. [RFC 6608 §4]
    CEASE :: One end wants to end the session; the subcode says why. [RFC 4486 §4]
    """)
_HEADERS = words(WordKind.CODE, HeaderError, rank=53, names=f"{_RFC} header")("""
    ## subcodes of a header error :: show logging [RFC 4271 §6.1] next: show ip bgp neighbors
    NOT_SYNCHRONIZED :: The marker was not all ones.
    BAD_LENGTH :: No message of this type has this length.
    BAD_TYPE :: There is no such message.
    """)
_OPENS = words(WordKind.CODE, OpenError, rank=54, names=f"{_RFC} open")("""
    ## subcodes of an open error :: show logging [RFC 4271 §6.2] next: show ip bgp neighbors
    UNSUPPORTED_VERSION :: The other end speaks another version.
    BAD_PEER_AS :: The neighbor's AS is another one than `remote-as` says.
    BAD_IDENTIFIER :: The router ID is zero, or an internal neighbor has ours.
    UNSUPPORTED_PARAMETER :: An optional parameter is unknown.
    UNACCEPTABLE_HOLD_TIME :: A hold time of 1 or 2 seconds.
    UNSUPPORTED_CAPABILITY :: The neighbor does not do IPv4 unicast. [RFC 5492 §5]
    """)
_UPDATES = words(WordKind.CODE, UpdateError, rank=55, names=f"{_RFC} update")("""
    ## subcodes of an update error :: show logging [RFC 4271 §6.3] next: show ip bgp neighbors
    MALFORMED_LIST :: The lengths in an UPDATE do not fit.
    UNRECOGNIZED_WELL_KNOWN :: A well-known attribute is unknown.
    MISSING_WELL_KNOWN :: An attribute that every route needs is missing.
    BAD_FLAGS :: The flags of an attribute are not those of its type.
    BAD_LENGTH :: No attribute of this type has this length.
    BAD_ORIGIN :: There is no such origin.
    BAD_NEXT_HOP :: The next hop cannot be a host's address.
    BAD_OPTIONAL :: An optional attribute is damaged.
    BAD_NETWORK :: A prefix cannot be read, and so the prefixes behind it cannot, either.
    BAD_AS_PATH :: The AS path is damaged.
    """)
_CEASES = words(WordKind.CODE, Cease, rank=56, names=f"{_RFC} cease")("""
    ## subcodes of a cease :: show logging [RFC 4486 §4] next: show ip bgp neighbors
    MAXIMUM_PREFIXES :: More prefixes than `maximum-prefix` allows.
    SHUTDOWN :: `neighbor ... shutdown` at the other end, or here.
    DECONFIGURED :: The neighbor was taken out of the configuration.
    RESET :: A user typed `clear ip bgp`.
    REJECTED :: The other end accepts no connection from us.
    CONFIGURATION_CHANGE :: A line was changed that only a new session obeys.
    COLLISION :: Both ends had connected; one of the two connections is closed. [RFC 4271 §6.8]
    HARD_RESET :: The routes have to be removed, although the neighbor could restart gracefully. [RFC 8538 §3]
    BFD_DOWN :: BFD reports that the path is lost. [RFC 9384 §3]
    OUT_OF_RESOURCES :: The other end has no resources left, or no route to this router any more.
    """)
_CAPABILITIES = words(WordKind.CODE, Capability, rank=57, names=f"{_RFC} capability")("""
    ## capabilities of BGP :: show logging [RFC 5492 §4] next: show ip bgp neighbors
    MULTIPROTOCOL :: Which address families it speaks. [RFC 4760 §8]
    ROUTE_REFRESH :: It sends its routes again on request. [RFC 2918 §2]
    EXTENDED_NEXT_HOP :: It takes routes of IPv4 whose next hop is an address of IPv6. [RFC 8950 §4]
    GRACEFUL_RESTART :: It marks the end of its table, and may restart gracefully. [RFC 4724 §3]
    FOUR_OCTET_AS :: AS numbers of four octets. [RFC 6793 §3]
    ADDITIONAL_PATHS :: It sends or accepts several paths for a prefix. [RFC 7911 §4]
    ENHANCED_REFRESH :: It marks where a refresh begins and ends. [RFC 7313 §3.1]
    OLD_ROUTE_REFRESH :: Route refresh, by Cisco's old number.
    """)
_ATTRIBUTES = words(WordKind.CODE, AttributeCode, rank=58, names=f"{_RFC} attribute")(
    "## path attributes of BGP :: show logging [RFC 4271 §5.1] next: show ip bgp neighbors\n"
    + "\n".join(f"{code.name} :: {code.row.meaning}" for code in AttributeCode)
)
_COMMUNITIES = words(WordKind.CODE, Community, rank=59, names=f"{_RFC} community")("""
    ## well-known communities :: show logging [RFC 1997] next: show ip bgp neighbors
    GRACEFUL_SHUTDOWN :: The route will go soon; kept and passed on here. [RFC 8326]
    NO_EXPORT :: Not advertised to external neighbors.
    NO_ADVERTISE :: Not advertised to any neighbor.
    NO_EXPORT_SUBCONFED :: Not advertised to external neighbors, including those in other member ASs of the
        confederation.
    """)
_SEGMENTS = words(WordKind.CODE, SegmentKind, rank=59, names=f"{_RFC} segment")("""
    ## segments of an AS path :: show logging [RFC 4271 §4.3] next: show ip bgp neighbors
    SET :: Systems in no order, of an aggregate: in braces.
    SEQUENCE :: Systems in the order of the way.
    CONFEDERATION_SEQUENCE :: Members of a confederation. [RFC 5065 §3]
    CONFEDERATION_SET :: Members of a confederation, in no order. [RFC 5065 §3]
    """)
_ORIGINS = words(WordKind.CODE, Origin, rank=59, names=f"{_RFC} origin")("""
    ## origins of a route of BGP :: show logging [RFC 4271 §5.1.1] next: show ip bgp neighbors
    IGP :: By a `network` line: `i`.
    EGP :: By the protocol EGP, which is no longer in use: `e`.
    INCOMPLETE :: By redistribution: `?`.
    """)
_SOURCES = words(WordKind.LABEL, PathOrigin)("""
    ## where BGP has a path from :: show ip bgp next: show ip bgp
    PEER :: Learned from a neighbor.
    NETWORK :: A `network` line.
    REDISTRIBUTED :: A `redistribute` line.
    AGGREGATE :: An `aggregate-address` line.
    IMPORTED :: Another VRF of this router exports it, and this one imports its route target.
    """)


# ------------------------------------------------------------------------------------------------ shows


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
    + column_words("dmvpn.features.bgp.show.neighbors:NeighborEntry")
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
    Extended Next Hop Capability :: Routes of IPv4 unicast may have next hops of IPv6. [RFC 8950]
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

    ## labels of a routing process (BGP) :: show ip protocols, show ipv6 protocols next: show ip protocols
    IGP synchronization :: IOS's line; there is none.
    Automatic route summarization :: There is none: a `network` line means one prefix.
    FiltIn | FiltOut | DistIn | DistOut | RouteMap | RoutemapIn | RoutemapOut :: IOS's columns; the filters of
        neighbors are in the running configuration.
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


# ------------------------------------------------------------------------------------------------ rarer shows


_RARER: Final = words(WordKind.LABEL)("""
    ## labels of the session with a neighbor of BGP :: show ip bgp, show bgp [RFC 4271 §8] next: show ip bgp neighbors
    Neighbor sessions | is not multisession capable | Session :: How many there are: one.
    Output queue size :: Prefixes that still have to be sent to it.
    Index | Advertise bit | update-group member | peer-group member :: The neighbor's update group.
    Address tracking is enabled | the RIB does | have a route to :: Whether there is a route to it.
    Graceful-Restart | restart-time | stalepath-time :: Whether its routes are kept while it restarts, if it says that
        it can (`bgp graceful-restart`). [RFC 4724 §4.2]
    Graceful Restart Capability | Remote Restart timer is | Address families advertised by peer | was preserved | none
        :: What it advertised about restarts: how long its routes are kept while it is away. [RFC 4724 §3]
    Stale routes | removed in :: A line of our own: routes that it has not advertised again since its session ended.
    External BGP neighbor may be up to | away :: So many hops away, by `ebgp-multihop` or `ttl-security`.
    Connection state is | ESTAB | unread input bytes | I/O status :: ESTAB: the TCP connection is up.
    Connection is ECN Disabled | ECN :: IOS's line.
    Mininum incoming TTL | Outgoing TTL :: Packets that crossed more routers are dropped (`ttl-security`), in IOS's
        spelling; 0: none are. [RFC 5082 §3]
    Foreign host | Foreign port :: The neighbor's end of the session.

    ## labels of what holds for the routes of a neighbor of BGP :: show ip bgp, show bgp next: show running-config
    Inbound soft reconfiguration allowed :: Routes that filters refuse are kept as well (`soft-reconfiguration
        inbound`).
    NEXT_HOP is always this router for eBGP paths and iBGP paths | and iBGP paths :: `next-hop-self all`.
    NEXT_HOP is propagated unchanged :: `next-hop-unchanged`.
    Overrides the neighbor AS with my AS before sending updates :: `as-override`: its own AS number in a path becomes
        ours, so that it accepts the path.
    Private AS number removed from updates :: `remove-private-as`. [RFC 6996 §5]
    Allow local AS in AS path up to | times :: `allowas-in`: paths with our own AS number are accepted.
    Community attribute sent | Extended-community attribute sent :: `send-community`. [RFC 1997]
    Default information originate | default route-map :: A default route is advertised to it.
    Route map for selective unsuppression :: `unsuppress-map`: advertises the parts of aggregates that the map permits.
    Default weight :: The weight of its routes (`weight`).
    Inbound path policy configured | Outbound path policy configured | path policy :: There are filters.
    Route map for incoming advertisements | Route map for outgoing advertisements | Incoming update prefix filter list |
        Outgoing update prefix filter list | Incoming update network filter list | Outgoing update network filter list |
        Incoming update AS path filter list | Outgoing update AS path filter list :: Filters, by their kind.
    Maximum prefixes allowed | warning-only | Threshold for warning message :: `maximum-prefix`.
    Locally configured policies | Locally configured session commands | Local policies :: Lines of its own.
    Inherited polices | Inherited policies | Inherited session commands | Local disable policies | Inherited disable
        policies | Inherited by Template :: Lines of its group and templates, in IOS's spelling; behind 0x: how many
        there are.
    Template | index :: Settings that several neighbors share.

    ## labels of groups of neighbors of BGP :: show ip bgp, show bgp next: show ip bgp update-group
    update-group | Summary for Update-groups :: Neighbors that receive the same routes: their messages are made once for
        all.
    BGP Update version | messages :: The version of the table; messages: prefixes that still have to be sent to members.
    Number of NLRIs in the Adj-RIB-Out :: Prefixes advertised to each member. [RFC 4271 §3.2]
    Minimum time between advertisement runs :: How long advertisements wait.
    BGP peer-group is | peer-group | Group | Type :: A group of the configuration.
    members | member | Queued :: The members of the group; a star: the member connected from a `bgp listen range`.
    Hash | Refcount :: IOS's column; 0 here.
    Global cluster-id :: The name of our cluster of route reflection. [RFC 4456 §7]
    BGP client-to-client reflection | all (inter-cluster and intra-cluster) | intra-cluster | Used :: This router
        reflects the routes of clients to other clients.
    List of cluster-ids | Cluster-id | C2C-rfl-CFG | C2C-rfl-USE :: Clusters, and how many clients they have.
    BGP Total Messages Formatted | Enqueued :: UPDATEs sent to the leaders of update groups, and prefixes that still
        have to be sent to members.
    Leader :: The member that is named for its update group.
    MsgFmt :: UPDATEs sent to the leader.
    MsgRepl :: UPDATEs sent to the other members.
    Csize :: Prefixes that the group still has to process; IOS counts messages of its cache.
    Qsize :: Prefixes that still have to be sent to members; IOS counts messages.
    inaccessible | Prefixes :: There is no route to the next hop.
    RIB-failure | RIB-NH Matches | Higher admin distance :: Why the routing table has another route.

    ## labels of routes of BGP that come and go :: show ip bgp, show bgp [RFC 2439 §4]
        next: show ip bgp dampening flap-statistics
    dampening | DEFAULT :: Half-life, reuse limit, suppress limit, longest time, as they are typed.
    Half-life time | mins | secs :: The time after which a penalty has halved.
    Decay Time :: From the largest penalty down to the suppress limit.
    Max suppress penalty :: The largest penalty; after the longest time it is down to the reuse limit.
    Max suppress time :: A route is suppressed for so long at most.
    Suppress penalty :: A route with a larger penalty is not used.
    Reuse penalty :: A suppressed route is used again when its penalty falls to this.
    From :: The neighbor that advertises it.
    Flaps | Duration :: How often the route was withdrawn or changed, and in how much time.
    Reuse :: When it is used again, if nothing happens meanwhile.
    suppressed due to dampening :: The route flapped too often and is not used.
    Dampinfo | penalty | flapped | reuse in :: The penalty of the route: 1000 for each withdrawal, 500 for each change,
        halved after each half-life.
    """)


# ------------------------------------------------------------------------------------------------ debugs


_DEBUGS: Final = words(WordKind.DEBUG)("""
    ## lines of debug ip bgp updates :: debug ip bgp updates, show logging [RFC 4271 §4.3] next: show ip bgp neighbors
    BGP(<number>): <neighbor> rcvd UPDATE w/ attr: <attributes> :: An UPDATE came from the neighbor; the prefixes with
        these attributes follow, one on a line. The number is that of the address family.
    BGP(<number>): <neighbor> rcvd <prefix> :: The neighbor advertises this prefix.
    BGP(<number>): <neighbor> rcv UPDATE about <prefix> -- withdrawn :: The neighbor withdraws this prefix.
    BGP(<number>): (base) <neighbor> send UPDATE (format) <prefix>, <attributes> :: We advertise this prefix.
    BGP(<number>): (base) <neighbor> send unreachable (format) <prefix> :: We withdraw this prefix.
    BGP(<number>): updgrp <number> - <neighbor> updates replicated to <number> others :: The other members of the
        neighbor's update group are sent the same UPDATEs.

    ## lines of debug ip bgp :: debug ip bgp, show logging next: show ip bgp neighbors
    BGP: <neighbor> went from <state> to <state> :: The session with the neighbor moved. [RFC 4271 §8]
    BGP: <neighbor> <send|rcv> OPEN, <what> :: An OPEN left or came. [RFC 4271 §4.2]
    BGP: <neighbor> <send|rcv> KEEPALIVE :: A KEEPALIVE left or came. [RFC 4271 §4.4]
    BGP: <neighbor> <send|rcv> NOTIFICATION <code> (<words>) :: The session ends. [RFC 4271 §4.5]
    BGP: <neighbor> <send|rcv> REFRESH_REQ for afi/safi: <family> :: All routes are asked for again. [RFC 2918]
    """)


GROUPS: Final = groups(vars())
