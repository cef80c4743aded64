"""Headings and labels of EIGRP's shows."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words

_NEIGHBORS = words(WordKind.LABEL, mark=r"^EIGRP-IPv4 .*Neighbors for AS\(", sighted=True)("""
    ## columns of the neighbors :: show ip eigrp neighbors, show eigrp address-family ipv4 neighbors
        next: show ip eigrp neighbors detail
    Static Neighbors | Static Address :: Neighbors from `neighbor` lines, whether they are up or not.
    H :: Handle: a number that this router gives to each neighbor, in the order in which they came up.
    Hold | Hold (sec) :: Seconds until the neighbor goes down unless a packet from it arrives. [RFC 7868 §5.3.1]
        when: It counts down from the neighbor's own hold time and starts again with each packet.
    Uptime :: For how long the neighbor has been up without interruption. next: show logging
    SRTT | SRTT (ms) :: Smooth round trip time: milliseconds from a reliable packet to its acknowledgement, averaged
        over many. [RFC 7868 §5.2]
        when: 0 until a first packet was acknowledged.
    RTO :: Retransmission time-out: milliseconds without an acknowledgement after which a packet is sent again. It
        follows from SRTT. [RFC 7868 §5.2]
        when: Large values mean a slow or lossy path.
    Q Cnt | Q | Cnt :: Queue count: packets for this neighbor that wait to be sent or acknowledged. 0 is healthy.
        [RFC 7868 §5.2]
        when: If it stays above 0, unicasts to the neighbor, or its acknowledgements, are lost.
    Seq Num | Seq | Num :: Sequence number of the last reliable packet from this neighbor.
    """)
_DETAIL = words(WordKind.LABEL, sighted=True)("""
    ## particulars of a neighbor :: show ip eigrp neighbors detail, show eigrp address-family ipv4 neighbors detail
        next: show ip eigrp neighbors
    Version :: The neighbor's release of its software and of EIGRP, as its Hellos say.
    Retrans :: How many packets were sent to it again since it came up. [RFC 7868 §5.2]
    Retries :: How often the packet that waits now was sent again; at 16 the neighbor is given up.
    Prefixes :: How many destinations are known through this neighbor. next: show ip eigrp topology
    Topology-ids from peer :: The topologies that the neighbor speaks of; 0 is the base one, the only one here.
    Topologies advertised to peer | base :: The topologies advertised to the neighbor; here always `base`, the only one.
    Stub Peer Advertising :: The neighbor is a stub (`eigrp stub`): it advertises the kinds of routes in parentheses and
        no learned routes.
        when: Spokes of a DMVPN, mostly.
    Receive-Only Peer Advertising :: The neighbor is a stub that advertises no routes (`eigrp stub receive-only`).
    Suppressing queries :: The neighbor is a stub, so it receives no queries: it is no transit to other destinations.
    Max Nbrs :: How many neighbors may be had; 0 is without limit.
    Current Nbrs :: How many neighbors there are.
    """)
_ACCOUNTING = words(WordKind.LABEL, mark=r"^EIGRP-IPv4 .*Accounting for AS\(", sighted=True)("""
    ## accounts of the prefixes :: show ip eigrp accounting, show eigrp address-family ipv4 accounting
        next: show ip eigrp neighbors
    Total Prefix Count :: Destinations of the topology table. next: show ip eigrp topology
    States :: What the first column says of each source: A, P or D.
    A-Adjacency :: The neighbor takes part in routing; of Redistributed: routes come in.
    P-Pending :: The neighbor has not answered yet.
    D-Down :: It advertised more than `maximum-prefix` allows and is kept down. next: clear ip eigrp neighbors
    Address/Source :: The neighbor, or `Redistributed`: routes that this router redistributes.
    Prefix Count | Prefix | Count :: Destinations known through it.
    Restart Count | Restart :: How often the neighbor was kept down (`restart-count`).
    Restart/ Reset(s) | Restart/ | Reset(s) :: Seconds until the neighbor may come up again; `never`: only `clear`
        brings it back.
    Accounting :: Prefixes counted by neighbor or source, for `maximum-prefix`.
    """)
_INTERFACES = words(WordKind.LABEL, mark=r"^EIGRP-IPv4 .*Interfaces for AS\(", sighted=True)("""
    ## columns of the interfaces :: show ip eigrp interfaces, show eigrp address-family ipv4 interfaces
        next: show ip eigrp interfaces detail
    Peers :: How many neighbors are on the interface.
    Xmit Queue Un/Reliable | Xmit Queue :: Packets that wait in the interface's queue, those without and with
        acknowledgement.
    PeerQ Un/Reliable | PeerQ | Un/Reliable :: Packets that wait in the queues of single neighbors.
    Mean SRTT | Mean :: The average of the round trip times of all neighbors there, in milliseconds.
    Pacing Time Un/Reliable | Pacing Time :: Milliseconds between two packets, so that EIGRP leaves bandwidth for other
        traffic.
    Multicast Flow Timer | Multicast | Flow Timer :: Milliseconds that a multicast waits for acknowledgements before it
        is repeated as unicasts. [RFC 7868 §5.2]
    Pending Routes | Pending | Routes :: Destinations that wait in the interface's queue to be advertised.
    """)
_LABELS = words(WordKind.LABEL)("""
    ## particulars of an interface :: show ip eigrp interfaces detail, show eigrp address-family ipv4 interfaces detail
        next: show ip eigrp interfaces
    Hello-interval :: Seconds from one Hello of ours to the next. [RFC 7868 §5.3.2]
    Hold-time :: The hold time in our Hellos: a neighbor without a packet from us for so long drops us.
        [RFC 7868 §5.3.1]
    Split-horizon :: Routes are not advertised on the interface on which they were learned. A hub between spokes needs
        it off. [RFC 7868 §5.4.2]
    Next xmit serial :: Serial number of the next route to advertise there; none waits here between two packets.
    Packetized sent/expedited :: Packets built from routes, and how many of them were built early.
    Hello's sent/expedited :: Hellos sent, and those sent out of turn, as to a new neighbor.
    Un/reliable mcasts :: Multicasts sent, without and with acknowledgement.
    Un/reliable ucasts :: Unicasts sent, without and with acknowledgement.
    Mcast exceptions :: Multicasts that went to single neighbors instead, because other neighbors were not ready.
    CR packets :: Packets in conditional receive mode: neighbors that lag behind ignore them.
    ACKs suppressed :: Acknowledgements that were part of other packets instead of packets of their own.
    Retransmissions sent :: Packets of ours that were not acknowledged in time and sent again.
    Out-of-sequence rcvd :: Packets that came with another sequence number than the next one.
    Topology-ids on interface :: The topologies that run on the interface; 0 is the base one.
    Topologies advertised on this interface :: The topologies advertised to neighbors there.
    Topologies not advertised on this interface :: The topologies not advertised to neighbors there; here always none.
    Next-hop-self disabled :: Routes keep the next hop that they had (`no next-hop-self`); phase 2 needs it.
    next-hop info forwarded :: The next hop that a neighbor advertised is advertised unchanged.
    ECMP mode :: Whether all next hops of equal paths are advertised (`no-ecmp-mode`).
    Authentication mode :: How packets are authenticated; `is not set`: they are not. [RFC 7868 §6.7.2]
    key-chain :: The `key chain` whose keys prove packets. next: show running-config
    No neighbors :: Why there can be no neighbors on this interface.

    ## labels of the topology table :: show ip eigrp topology, show eigrp address-family ipv4 topology
        next: show ip eigrp topology
    FD :: Feasible distance: the smallest distance to the destination since it was last passive. A neighbor whose own
        distance is smaller cannot lead back through us. [RFC 7868 §3.3]
        when: Only such neighbors are feasible successors, and take over at once.
        next: show ip eigrp topology all-links
    successors | Successor :: How many next hops have the best distance and are used.
    serno :: The serial number of the last change of the destination in this router's table.
    tag :: A number that route maps set and match.
    Inaccessible | Infinity :: The distance is infinite: no neighbor has a path.
    replies :: Neighbors that owe an answer, while a destination is active.
    query-origin | Query origin flag :: Which router lost its path first: this one, or the successor.
    Remaining replies :: The neighbors that owe an answer, one in each line below.
    Waiting for a reply :: The neighbors that have not answered the query.
    State :: Passive: settled. Active: neighbors are being asked.
    RIB :: The distance with which the routing table has the route, scaled down.
    Descriptor Blocks :: The paths to the destination, one in each block.
    Send flag :: Which packets wait to be sent for this path: here always none.
    Composite metric :: The distance by this path, and the neighbor's own distance behind the slash, made of the vector
        metric. [RFC 7868 §5.6]
    Internal :: The destination is in EIGRP by a `network` line somewhere. [RFC 7868 §6.8]
    External :: The destination was redistributed into EIGRP somewhere. [RFC 7868 §6.8.3]
    Vector metric :: The parts of the metric, as routers advertise them. [RFC 7868 §5.6]
    Minimum bandwidth :: Of the slowest link on the path, in kilobits a second.
    Total delay :: All delays on the path together, as configured or assumed, not as measured.
    Reliability | Loading :: 255 is certain. It counts only if `metric weights` say so.
    Load :: How busy the links are, 255 is full. It counts only if `metric weights` say so.
    Minimum MTU :: The smallest MTU of the path; advertised, but not used in any decision.
    Hop count | Hops :: How many routers lie between; too many end the route.
    Originating router :: The router ID of the router that brought the route into EIGRP.
    External data :: What the router that redistributed says of the source. [RFC 7868 §6.8.3]
    AS number of route :: The process or autonomous system that the external route comes from.
    External protocol :: The routing protocol that the external route comes from.
    external metric :: The metric that the route had outside.
    Administrator tag :: The tag that was set where the route was redistributed.
    not in topology table :: EIGRP knows no such destination. next: show ip route
    Topology Table | Table | Topology :: All destinations that EIGRP knows, with their paths.
    Entry | entry :: One destination of the topology table.
    """)
_PROTOCOLS = words(WordKind.LABEL, mark=r'^Routing Protocol is "eigrp ', sighted=True)("""
    ## labels of a routing process (EIGRP) :: show ip protocols, show eigrp protocols next: show ip protocols
    Total Prefix Count :: How many destinations the process knows. next: show ip eigrp topology
    Total Redist Count :: Routes that are brought in (`redistribute`). next: show ip eigrp accounting
    Routing Protocol :: A process that is configured here; its number follows.
    Outgoing update filter list :: A `distribute-list ... out`: which routes are advertised.
    Redistributed | filtered by :: A `distribute-list ... out PROTOCOL`: which of its routes are redistributed.
    Incoming update filter list :: A `distribute-list ... in`: which routes are accepted.
    Default networks | Default networks not flagged in outgoing updates | Default networks not accepted from incoming
        updates | Default networks flagged in outgoing updates | Default networks accepted from incoming updates ::
        Whether default routes are advertised and accepted like other routes (`no default-information`: not).
    Redistributing :: The sources whose routes EIGRP advertises as well.
    Automatic Summarization :: Whether routes are summarized to their classful network (`auto-summary`).
    Maximum path :: How many equal next hops one route may have (`maximum-paths`).
    Routing for Networks :: The `network` lines: interfaces in these take part.
    Passive Interface :: Interfaces whose networks are advertised and that have no neighbors.
    Routing Information Sources :: The neighbors that routes were learned from.
    Gateway :: The address of such a neighbor.
    Distance :: How far the source of a route is trusted; the smallest wins. next: show ip route
    internal :: The administrative distance of EIGRP's own routes.
    external :: The administrative distance of routes that were redistributed into EIGRP.
    Last Update :: How long ago the last routes came from the neighbor.
    Metric weight :: The K values; neighbors must have the same. [RFC 7868 §5.6.1]
    Metric rib-scale :: By what the wide metric is divided to fit into the routing table.
    Metric version :: 64bit: wide metrics, which distinguish fast links. [RFC 7868 §5.6.2]
    Soft SIA :: Whether a neighbor that is stuck is kept.
    NSF-aware route hold timer :: Seconds for which routes of a neighbor that restarts gracefully are kept.
    Router-ID | ID :: The number that names this router, in the form of an address.
    Stub :: This router is a stub and advertises the routes that follow.
    Active Timer :: Minutes that a neighbor may owe a reply before it is stuck in active.
    Maximum hopcount :: Routes over more hops are ignored.
    Maximum metric variance :: Paths of up to so many times the best distance are used as well (`variance`).
    Address Summarization :: The `summary-address` lines: one route advertised instead of many.
    Summarizing | component | components :: How many routes the summary stands for.
    metric :: The metric that is advertised for the summary.
    VR :: The name of a virtual instance: named mode.
    Address-Family :: The kind of addresses that the process routes.
    Protocol for AS | AS | for AS :: The autonomous system: the number that neighbors must share.
    """)
_TRAFFIC = words(WordKind.LABEL)("""
    ## packets by kind :: show ip eigrp traffic next: show ip eigrp traffic
    Hellos :: Small multicasts by which neighbors find each other and stay. [RFC 7868 §5.3.2]
    Updates :: Packets that advertise routes. [RFC 7868 §4.1]
    Queries :: Requests for a path to a destination that was lost. [RFC 7868 §4.2]
    Replies :: Answers to queries. [RFC 7868 §4.3]
    Acks :: Acknowledgements that went by themselves. [RFC 7868 §5.2]
    SIA-Queries :: Sent to neighbors that owe a reply, to ask whether they still work on it. [RFC 7868 §4.4.1]
    SIA-Replies :: Answers to SIA-Queries: still active, or not. [RFC 7868 §4.4.1]
    sent/received :: The first number counts what this router sent, the second what it received.
    Dropped :: Packets that were dropped, by reason.
    Traffic Statistics :: Packets of EIGRP, counted since the process began.

    ## how large the topology table is :: show ip eigrp topology summary next: show ip eigrp topology
    Head serial | Head | next serial | serial :: IOS's number of the oldest change.
    pending replies | pending | routes | dummies :: Destinations for which replies are awaited.
    neighbors present on | enabled on | interfaces :: How many of its interfaces have neighbors.
    Quiescent interfaces | Quiescent :: Interfaces without neighbors; in IOS, interfaces with nothing to send.

    ## the last events of EIGRP :: show ip eigrp events next: show ip eigrp topology
    Event information for :: The newest event comes first; `eigrp event-log-size` says how many are kept.
    Event log is empty :: Nothing happened since the process began, or the events were cleared.
    Peer up :: A neighbor came; its address and the interface follow. [RFC 7868 §5.3]
    Peer down :: A neighbor went. [RFC 7868 §5.3] next: show logging
    Metric set :: A destination has this distance now. [RFC 7868 §3.1]
    NDB delete :: A destination is not in the topology table any more.
    Active net/peers :: Neighbors were asked about it, as many as the number says. [RFC 7868 §3.5]
    Stuck in active :: This neighbor did not answer in time, and was given up. [RFC 7868 §4.4.1]

    ## timers of EIGRP :: show ip eigrp timers next: show ip eigrp neighbors
    Timers | Timers for | (parent) | Expiration | Type | Process :: A tree: a parent is due when the first timer below
        it is.
    Hello Process | Hello :: When the next Hello leaves by each interface.
    Update Process :: What EIGRP expects from its neighbors, and when.
    Peer holding :: The neighbor goes down then unless a packet comes from it. [RFC 7868 §5.3.2]
    Peer transmission :: Its packet is sent again if it is not acknowledged by then. [RFC 7868 §5.2]
    Multicast flow :: Neighbors that lag behind are excluded from multicasts then. [RFC 7868 §5.2]
    Pacing :: When EIGRP may send again within its share of the bandwidth (`bandwidth-percent`).
    SIA Process :: When neighbors that owe replies are asked again, by destination. [RFC 7868 §4.4.1]
    SIA :: A destination whose replies are awaited. next: show ip eigrp topology active

    ## EIGRP in a VRF :: show ip eigrp vrf next: show ip eigrp vrf
    VRF :: The VRF whose process this is. next: show vrf
    TID :: The number of the topology: there is only the base topology, 0.
    Protocol :: What holds for the process.
    """)

GROUPS: Final = groups(vars())
