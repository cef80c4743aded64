"""Headings and labels of EIGRP's shows."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

_NEIGHBORS = label_group(
    "columns of the neighbours",
    ("show ip eigrp neighbors", "show eigrp address-family ipv4 neighbors"),
    Word("H", "Handle: a number that this router gives to each neighbour in the order in which they came."),
    Word(
        "Hold",
        "Seconds until the neighbour is given up unless something of it arrives.",
        "It counts down from the neighbour's own hold time and starts again with each packet.",
        clause="RFC 7868 §5.3.1",
        also=("Hold (sec)",),
    ),
    Word("Uptime", "For how long the neighbour has been there without a break.", next="show logging"),
    Word(
        "SRTT",
        "Smooth round trip time: milliseconds from a reliable packet to its acknowledgement, averaged over many.",
        "0 until a first packet was acknowledged.",
        clause="RFC 7868 §5.2",
        also=("SRTT (ms)",),
    ),
    Word(
        "RTO",
        "Retransmission time-out: milliseconds without an acknowledgement after which a packet is sent again. It "
        "follows from SRTT.",
        "Large values mean a slow or lossy path.",
        clause="RFC 7868 §5.2",
    ),
    Word(
        "Q Cnt",
        "Queue count: packets for this neighbour that wait to be sent or acknowledged. 0 is healthy.",
        "If it stays above 0, unicasts to the neighbour, or its acknowledgements, are lost.",
        next="show ip eigrp neighbors detail",
        clause="RFC 7868 §5.2",
        also=("Q", "Cnt"),
    ),
    Word("Seq Num", "Sequence number of the last reliable packet from this neighbour.", also=("Seq", "Num")),
    next="show ip eigrp neighbors detail",
    sighted=True,
    mark=r"^EIGRP-IPv4 .*Neighbors for AS\(",
)

_DETAIL = label_group(
    "particulars of a neighbour",
    ("show ip eigrp neighbors detail", "show eigrp address-family ipv4 neighbors detail"),
    Word("Version", "The neighbour's release of its software and of EIGRP, as its Hellos say."),
    Word("Retrans", "How many packets were sent to it again since it came up.", clause="RFC 7868 §5.2"),
    Word("Retries", "How often the packet that waits now was sent again; at 16 the neighbour is given up."),
    Word("Prefixes", "How many destinations are known through this neighbour.", next="show ip eigrp topology"),
    Word(
        "Topology-ids from peer", "The topologies that the neighbour speaks of; 0 is the base one, the only one here."
    ),
    Word("Topologies advertised to peer", "What the neighbour is told of; `base` is everything here.", also=("base",)),
    Word(
        "Stub Peer Advertising",
        "The neighbour is a stub (`eigrp stub`): it tells routes of the kinds in parentheses and passes nothing on.",
        "Spokes of a DMVPN, mostly.",
    ),
    Word(
        "Receive-Only Peer Advertising",
        "The neighbour is a stub that tells nothing at all (`eigrp stub receive-only`).",
    ),
    Word("Suppressing queries", "It is a stub, so it is not asked when a way is lost: nothing lies behind it."),
    Word("Max Nbrs", "How many neighbours may be had; 0 is without limit."),
    Word("Current Nbrs", "How many neighbours there are."),
    next="show ip eigrp neighbors",
    sighted=True,
)

_INTERFACES = label_group(
    "columns of the interfaces",
    ("show ip eigrp interfaces", "show eigrp address-family ipv4 interfaces"),
    Word("Peers", "How many neighbours are on the interface."),
    Word(
        "Xmit Queue Un/Reliable",
        "Packets that wait in the interface's queue, those without and with acknowledgement.",
        also=("Xmit Queue",),
    ),
    Word("PeerQ Un/Reliable", "Packets that wait in the queues of single neighbours.", also=("PeerQ", "Un/Reliable")),
    Word("Mean SRTT", "The average of the round trip times of all neighbours there, in milliseconds.", also=("Mean",)),
    Word(
        "Pacing Time Un/Reliable",
        "Milliseconds between two packets, so that EIGRP leaves the link to others.",
        also=("Pacing Time",),
    ),
    Word(
        "Multicast Flow Timer",
        "Milliseconds that a multicast waits for acknowledgements before it is repeated as unicasts.",
        clause="RFC 7868 §5.2",
        also=("Multicast", "Flow Timer"),
    ),
    Word(
        "Pending Routes",
        "Destinations that wait in the interface's queue to be told.",
        also=("Pending", "Routes"),
    ),
    next="show ip eigrp interfaces detail",
    sighted=True,
    mark=r"^EIGRP-IPv4 .*Interfaces for AS\(",
)

_INTERFACE_DETAIL = label_group(
    "particulars of an interface",
    ("show ip eigrp interfaces detail", "show eigrp address-family ipv4 interfaces detail"),
    Word("Hello-interval", "Seconds from one Hello of ours to the next.", clause="RFC 7868 §5.3.2"),
    Word(
        "Hold-time",
        "What our Hellos tell the neighbours: for so long they may hear nothing of us.",
        clause="RFC 7868 §5.3.1",
    ),
    Word(
        "Split-horizon",
        "Routes are not told back through the interface that they came by. A hub that joins spokes needs it off.",
        clause="RFC 7868 §5.4.2",
    ),
    Word("Next xmit serial", "Serial number of the next route to be told there; none waits here between two packets."),
    Word("Packetized sent/expedited", "Packets made of routes, and those that were made early."),
    Word("Hello's sent/expedited", "Hellos sent, and those sent out of turn, as to a new neighbour."),
    Word("Un/reliable mcasts", "Multicasts sent, without and with acknowledgement."),
    Word("Un/reliable ucasts", "Unicasts sent, without and with acknowledgement."),
    Word("Mcast exceptions", "Multicasts that went to single neighbours instead, because others were not ready."),
    Word("CR packets", "Packets for neighbours in conditional receive mode: those that are behind do not take them."),
    Word("ACKs suppressed", "Acknowledgements that rode on other packets instead of going by themselves."),
    Word("Retransmissions sent", "Packets of ours that were not acknowledged in time and sent again."),
    Word("Out-of-sequence rcvd", "Packets that came with another sequence number than the next one."),
    Word("Topology-ids on interface", "The topologies that run on the interface; 0 is the base one."),
    Word("Topologies advertised on this interface", "What neighbours there are told of."),
    Word("Topologies not advertised on this interface", "What neighbours there are not told of; nothing here."),
    Word("Next-hop-self disabled", "Routes keep the next hop that they had (`no next-hop-self`); phase 2 needs it."),
    Word("next-hop info forwarded", "The next hop that a neighbour named is told on."),
    Word("ECMP mode", "Whether all next hops of equal paths are told on (`no-ecmp-mode`)."),
    Word("Authentication mode", "How packets prove who sent them; is not set: they do not.", clause="RFC 7868 §6.7.2"),
    Word("key-chain", "The `key chain` whose keys prove packets.", next="show running-config"),
    Word("No neighbors", "Why nobody can be a neighbour on this interface."),
    next="show ip eigrp interfaces",
)

_TOPOLOGY = label_group(
    "labels of the topology table",
    ("show ip eigrp topology", "show eigrp address-family ipv4 topology"),
    Word(
        "FD",
        "Feasible distance: the smallest distance to the destination since it was last passive. A neighbour whose "
        "own distance is smaller cannot lead back through us.",
        "Only such neighbours are feasible successors, and take over at once.",
        next="show ip eigrp topology all-links",
        clause="RFC 7868 §3.3",
    ),
    Word("successors", "How many next hops have the best distance and are used.", also=("Successor",)),
    Word("serno", "The serial number of the last change of the destination in this router's table."),
    Word("tag", "A number that route maps set and match."),
    Word("Inaccessible", "The distance is infinite: nobody knows a way.", also=("Infinity",)),
    Word("replies", "Neighbours that owe an answer, while a destination is active."),
    Word("query-origin", "Who lost the way first: we, or the successor.", also=("Query origin flag",)),
    Word("Remaining replies", "The neighbours that owe an answer, one in each line below."),
    Word("Waiting for a reply", "The neighbours that have not answered the query."),
    Word("State", "Passive: settled. Active: neighbours are being asked."),
    Word("RIB", "The distance with which the routing table has the route, scaled down."),
    Word("Descriptor Blocks", "The paths to the destination, one in each block."),
    Word("Send flag", "What is to be sent of this path: nothing."),
    Word(
        "Composite metric",
        "The distance by this path, and the neighbour's own distance behind the slash, made of the vector metric.",
        clause="RFC 7868 §5.6",
    ),
    Word("Internal", "The destination is in EIGRP by a `network` line somewhere.", clause="RFC 7868 §6.8"),
    Word("External", "The destination was redistributed into EIGRP somewhere.", clause="RFC 7868 §6.8.3"),
    Word("Vector metric", "The parts of the metric, as they are told from router to router.", clause="RFC 7868 §5.6"),
    Word("Minimum bandwidth", "Of the slowest link on the path, in kilobits a second."),
    Word("Total delay", "All delays on the path together, as configured or assumed, not as measured."),
    Word("Reliability", "255 is certain. It counts only if `metric weights` say so.", also=("Loading",)),
    Word("Load", "How busy the links are, 255 is full. It counts only if `metric weights` say so."),
    Word("Minimum MTU", "Of the path; told, and part of no decision."),
    Word("Hop count", "How many routers lie between; too many end the route.", also=("Hops",)),
    Word("Originating router", "The router-id of who brought the route into EIGRP."),
    Word("External data", "What the router that redistributed says of the source.", clause="RFC 7868 §6.8.3"),
    Word("AS number of route", "The process or autonomous system that the external route comes from."),
    Word("External protocol", "The routing protocol that the external route comes from."),
    Word("external metric", "The metric that the route had outside."),
    Word("Administrator tag", "The tag that was set where the route was redistributed."),
    Word("not in topology table", "EIGRP knows no such destination.", next="show ip route"),
    Word("Topology Table", "All destinations that EIGRP knows, with their paths.", also=("Table", "Topology")),
    Word("Entry", "One destination of the topology table.", also=("entry",)),
    next="show ip eigrp topology",
)

_PROTOCOLS = label_group(
    "labels of a routing process (EIGRP)",
    ("show ip protocols",),
    Word("Routing Protocol", "A process that is configured here; its number stands behind."),
    Word("Outgoing update filter list", "A `distribute-list ... out`: which routes are told."),
    Word("Incoming update filter list", "A `distribute-list ... in`: which routes are believed."),
    Word(
        "Default networks",
        "Candidates of the default route in updates; marked and taken as they come.",
        also=(
            "Default networks flagged in outgoing updates",
            "Default networks accepted from incoming updates",
        ),
    ),
    Word("Redistributing", "The sources whose routes are told, too."),
    Word("Automatic Summarization", "Whether routes are told by their classful network (`auto-summary`)."),
    Word("Maximum path", "How many equal next hops one route may have (`maximum-paths`)."),
    Word("Routing for Networks", "The `network` lines: interfaces in these take part."),
    Word("Passive Interface", "Interfaces whose networks are told and that have no neighbours."),
    Word("Routing Information Sources", "The neighbours that routes were learned from."),
    Word("Gateway", "The address of such a neighbour."),
    Word("Distance", "How far the source of a route is trusted; the smallest wins.", next="show ip route"),
    Word("internal", "The administrative distance of EIGRP's own routes."),
    Word("external", "The administrative distance of routes that were redistributed into EIGRP."),
    Word("Last Update", "How long ago the neighbour told something."),
    Word("Metric weight", "The K values; neighbours must have the same.", clause="RFC 7868 §5.6.1"),
    Word("Metric rib-scale", "By what the wide metric is divided to fit into the routing table."),
    Word("Metric version", "64bit: wide metrics, which tell fast links apart.", clause="RFC 7868 §5.6.2"),
    Word("Soft SIA", "Whether a neighbour that is stuck is kept."),
    Word("NSF-aware route hold timer", "Seconds for which routes of a neighbour that restarts gracefully are kept."),
    Word("Router-ID", "The number that names this router, in the form of an address.", also=("ID",)),
    Word("Stub", "This router is a stub and tells what stands behind."),
    Word("Active Timer", "Minutes that a neighbour may owe a reply before it is stuck in active."),
    Word("Maximum hopcount", "Routes over more hops are not believed."),
    Word("Maximum metric variance", "Paths of up to so many times the best distance are used as well (`variance`)."),
    Word("Address Summarization", "The `summary-address` lines: one route told for many."),
    Word("Summarizing", "How many routes the summary stands for.", also=("component", "components")),
    Word("metric", "The metric that is told for the summary."),
    Word("VR", "The name of a virtual instance: named mode."),
    Word("Address-Family", "The kind of addresses that the process routes."),
    Word("Protocol for AS", "The autonomous system: the number that neighbours must share.", also=("AS", "for AS")),
    next="show ip protocols",
    sighted=True,
    mark=r'^Routing Protocol is "eigrp ',
)

_TRAFFIC = label_group(
    "packets by kind",
    ("show ip eigrp traffic",),
    Word("Hellos", "Small multicasts by which neighbours find each other and stay.", clause="RFC 7868 §5.3.2"),
    Word("Updates", "Packets that tell routes.", clause="RFC 7868 §4.1"),
    Word("Queries", "Questions for a way to a destination that was lost.", clause="RFC 7868 §4.2"),
    Word("Replies", "Answers to such questions.", clause="RFC 7868 §4.3"),
    Word("Acks", "Acknowledgements that went by themselves.", clause="RFC 7868 §5.2"),
    Word("SIA-Queries", "Are you still at work on it? Asked of those that owe a reply.", clause="RFC 7868 §4.4.1"),
    Word("SIA-Replies", "Answers to that: still at work, or not.", clause="RFC 7868 §4.4.1"),
    Word("sent/received", "The first number counts what this router sent, the second what it received."),
    Word("Dropped", "Packets that were not taken, by the reason."),
    Word("Traffic Statistics", "Packets of EIGRP, counted since the process began."),
    next="show ip eigrp traffic",
)

GROUPS: Final = (
    _NEIGHBORS,
    _DETAIL,
    _INTERFACES,
    _INTERFACE_DETAIL,
    _TOPOLOGY,
    _PROTOCOLS,
    _TRAFFIC,
)
