"""Headings and labels of EIGRP's shows."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

_NEIGHBORS = label_group(
    "columns of the neighbors",
    ("show ip eigrp neighbors", "show eigrp address-family ipv4 neighbors"),
    Word("Static Neighbors", "Neighbors from `neighbor` lines, whether they are up or not.", also=("Static Address",)),
    Word("H", "Handle: a number that this router gives to each neighbor, in the order in which they came up."),
    Word(
        "Hold",
        "Seconds until the neighbor goes down unless a packet from it arrives.",
        "It counts down from the neighbor's own hold time and starts again with each packet.",
        clause="RFC 7868 §5.3.1",
        also=("Hold (sec)",),
    ),
    Word("Uptime", "For how long the neighbor has been up without interruption.", next="show logging"),
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
        "Queue count: packets for this neighbor that wait to be sent or acknowledged. 0 is healthy.",
        "If it stays above 0, unicasts to the neighbor, or its acknowledgements, are lost.",
        next="show ip eigrp neighbors detail",
        clause="RFC 7868 §5.2",
        also=("Q", "Cnt"),
    ),
    Word("Seq Num", "Sequence number of the last reliable packet from this neighbor.", also=("Seq", "Num")),
    next="show ip eigrp neighbors detail",
    sighted=True,
    mark=r"^EIGRP-IPv4 .*Neighbors for AS\(",
)

_DETAIL = label_group(
    "particulars of a neighbor",
    ("show ip eigrp neighbors detail", "show eigrp address-family ipv4 neighbors detail"),
    Word("Version", "The neighbor's release of its software and of EIGRP, as its Hellos say."),
    Word("Retrans", "How many packets were sent to it again since it came up.", clause="RFC 7868 §5.2"),
    Word("Retries", "How often the packet that waits now was sent again; at 16 the neighbor is given up."),
    Word("Prefixes", "How many destinations are known through this neighbor.", next="show ip eigrp topology"),
    Word("Topology-ids from peer", "The topologies that the neighbor speaks of; 0 is the base one, the only one here."),
    Word(
        "Topologies advertised to peer",
        "The topologies advertised to the neighbor; here always `base`, the only one.",
        also=("base",),
    ),
    Word(
        "Stub Peer Advertising",
        "The neighbor is a stub (`eigrp stub`): it advertises the kinds of routes in parentheses and no learned "
        "routes.",
        "Spokes of a DMVPN, mostly.",
    ),
    Word(
        "Receive-Only Peer Advertising",
        "The neighbor is a stub that advertises no routes (`eigrp stub receive-only`).",
    ),
    Word(
        "Suppressing queries",
        "The neighbor is a stub, so it receives no queries: it is no transit to other destinations.",
    ),
    Word("Max Nbrs", "How many neighbors may be had; 0 is without limit."),
    Word("Current Nbrs", "How many neighbors there are."),
    next="show ip eigrp neighbors",
    sighted=True,
)

_ACCOUNTING = label_group(
    "accounts of the prefixes",
    ("show ip eigrp accounting", "show eigrp address-family ipv4 accounting"),
    Word("Total Prefix Count", "Destinations of the topology table.", next="show ip eigrp topology"),
    Word("States", "What the first column says of each source: A, P or D."),
    Word("A-Adjacency", "The neighbor takes part in routing; of Redistributed: routes come in."),
    Word("P-Pending", "The neighbor has not answered yet."),
    Word(
        "D-Down", "It advertised more than `maximum-prefix` allows and is kept down.", next="clear ip eigrp neighbors"
    ),
    Word("Address/Source", "The neighbor, or `Redistributed`: routes that this router redistributes."),
    Word("Prefix Count", "Destinations known through it.", also=("Prefix", "Count")),
    Word("Restart Count", "How often the neighbor was kept down (`restart-count`).", also=("Restart",)),
    Word(
        "Restart/ Reset(s)",
        "Seconds until the neighbor may come up again; `never`: only `clear` brings it back.",
        also=("Restart/", "Reset(s)"),
    ),
    Word("Accounting", "Prefixes counted by neighbor or source, for `maximum-prefix`."),
    next="show ip eigrp neighbors",
    sighted=True,
    mark=r"^EIGRP-IPv4 .*Accounting for AS\(",
)

_INTERFACES = label_group(
    "columns of the interfaces",
    ("show ip eigrp interfaces", "show eigrp address-family ipv4 interfaces"),
    Word("Peers", "How many neighbors are on the interface."),
    Word(
        "Xmit Queue Un/Reliable",
        "Packets that wait in the interface's queue, those without and with acknowledgement.",
        also=("Xmit Queue",),
    ),
    Word("PeerQ Un/Reliable", "Packets that wait in the queues of single neighbors.", also=("PeerQ", "Un/Reliable")),
    Word("Mean SRTT", "The average of the round trip times of all neighbors there, in milliseconds.", also=("Mean",)),
    Word(
        "Pacing Time Un/Reliable",
        "Milliseconds between two packets, so that EIGRP leaves bandwidth for other traffic.",
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
        "Destinations that wait in the interface's queue to be advertised.",
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
        "The hold time in our Hellos: a neighbor without a packet from us for so long drops us.",
        clause="RFC 7868 §5.3.1",
    ),
    Word(
        "Split-horizon",
        "Routes are not advertised on the interface on which they were learned. A hub between spokes needs it off.",
        clause="RFC 7868 §5.4.2",
    ),
    Word(
        "Next xmit serial", "Serial number of the next route to advertise there; none waits here between two packets."
    ),
    Word("Packetized sent/expedited", "Packets built from routes, and how many of them were built early."),
    Word("Hello's sent/expedited", "Hellos sent, and those sent out of turn, as to a new neighbor."),
    Word("Un/reliable mcasts", "Multicasts sent, without and with acknowledgement."),
    Word("Un/reliable ucasts", "Unicasts sent, without and with acknowledgement."),
    Word(
        "Mcast exceptions", "Multicasts that went to single neighbors instead, because other neighbors were not ready."
    ),
    Word("CR packets", "Packets in conditional receive mode: neighbors that lag behind ignore them."),
    Word("ACKs suppressed", "Acknowledgements that were part of other packets instead of packets of their own."),
    Word("Retransmissions sent", "Packets of ours that were not acknowledged in time and sent again."),
    Word("Out-of-sequence rcvd", "Packets that came with another sequence number than the next one."),
    Word("Topology-ids on interface", "The topologies that run on the interface; 0 is the base one."),
    Word("Topologies advertised on this interface", "The topologies advertised to neighbors there."),
    Word(
        "Topologies not advertised on this interface",
        "The topologies not advertised to neighbors there; here always none.",
    ),
    Word("Next-hop-self disabled", "Routes keep the next hop that they had (`no next-hop-self`); phase 2 needs it."),
    Word("next-hop info forwarded", "The next hop that a neighbor advertised is advertised unchanged."),
    Word("ECMP mode", "Whether all next hops of equal paths are advertised (`no-ecmp-mode`)."),
    Word("Authentication mode", "How packets are authenticated; `is not set`: they are not.", clause="RFC 7868 §6.7.2"),
    Word("key-chain", "The `key chain` whose keys prove packets.", next="show running-config"),
    Word("No neighbors", "Why there can be no neighbors on this interface."),
    next="show ip eigrp interfaces",
)

_TOPOLOGY = label_group(
    "labels of the topology table",
    ("show ip eigrp topology", "show eigrp address-family ipv4 topology"),
    Word(
        "FD",
        "Feasible distance: the smallest distance to the destination since it was last passive. A neighbor whose "
        "own distance is smaller cannot lead back through us.",
        "Only such neighbors are feasible successors, and take over at once.",
        next="show ip eigrp topology all-links",
        clause="RFC 7868 §3.3",
    ),
    Word("successors", "How many next hops have the best distance and are used.", also=("Successor",)),
    Word("serno", "The serial number of the last change of the destination in this router's table."),
    Word("tag", "A number that route maps set and match."),
    Word("Inaccessible", "The distance is infinite: no neighbor has a path.", also=("Infinity",)),
    Word("replies", "Neighbors that owe an answer, while a destination is active."),
    Word("query-origin", "Which router lost its path first: this one, or the successor.", also=("Query origin flag",)),
    Word("Remaining replies", "The neighbors that owe an answer, one in each line below."),
    Word("Waiting for a reply", "The neighbors that have not answered the query."),
    Word("State", "Passive: settled. Active: neighbors are being asked."),
    Word("RIB", "The distance with which the routing table has the route, scaled down."),
    Word("Descriptor Blocks", "The paths to the destination, one in each block."),
    Word("Send flag", "Which packets wait to be sent for this path: here always none."),
    Word(
        "Composite metric",
        "The distance by this path, and the neighbor's own distance behind the slash, made of the vector metric.",
        clause="RFC 7868 §5.6",
    ),
    Word("Internal", "The destination is in EIGRP by a `network` line somewhere.", clause="RFC 7868 §6.8"),
    Word("External", "The destination was redistributed into EIGRP somewhere.", clause="RFC 7868 §6.8.3"),
    Word("Vector metric", "The parts of the metric, as routers advertise them.", clause="RFC 7868 §5.6"),
    Word("Minimum bandwidth", "Of the slowest link on the path, in kilobits a second."),
    Word("Total delay", "All delays on the path together, as configured or assumed, not as measured."),
    Word("Reliability", "255 is certain. It counts only if `metric weights` say so.", also=("Loading",)),
    Word("Load", "How busy the links are, 255 is full. It counts only if `metric weights` say so."),
    Word("Minimum MTU", "The smallest MTU of the path; advertised, but not used in any decision."),
    Word("Hop count", "How many routers lie between; too many end the route.", also=("Hops",)),
    Word("Originating router", "The router ID of the router that brought the route into EIGRP."),
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
    ("show ip protocols", "show eigrp protocols"),
    Word("Total Prefix Count", "How many destinations the process knows.", next="show ip eigrp topology"),
    Word("Total Redist Count", "Routes that are brought in (`redistribute`).", next="show ip eigrp accounting"),
    Word("Routing Protocol", "A process that is configured here; its number follows."),
    Word("Outgoing update filter list", "A `distribute-list ... out`: which routes are advertised."),
    Word(
        "Redistributed",
        "A `distribute-list ... out PROTOCOL`: which of its routes are redistributed.",
        also=("filtered by",),
    ),
    Word("Incoming update filter list", "A `distribute-list ... in`: which routes are accepted."),
    Word(
        "Default networks",
        "Whether default routes are advertised and accepted like other routes (`no default-information`: not).",
        also=(
            "Default networks not flagged in outgoing updates",
            "Default networks not accepted from incoming updates",
            "Default networks flagged in outgoing updates",
            "Default networks accepted from incoming updates",
        ),
    ),
    Word("Redistributing", "The sources whose routes EIGRP advertises as well."),
    Word("Automatic Summarization", "Whether routes are summarized to their classful network (`auto-summary`)."),
    Word("Maximum path", "How many equal next hops one route may have (`maximum-paths`)."),
    Word("Routing for Networks", "The `network` lines: interfaces in these take part."),
    Word("Passive Interface", "Interfaces whose networks are advertised and that have no neighbors."),
    Word("Routing Information Sources", "The neighbors that routes were learned from."),
    Word("Gateway", "The address of such a neighbor."),
    Word("Distance", "How far the source of a route is trusted; the smallest wins.", next="show ip route"),
    Word("internal", "The administrative distance of EIGRP's own routes."),
    Word("external", "The administrative distance of routes that were redistributed into EIGRP."),
    Word("Last Update", "How long ago the last routes came from the neighbor."),
    Word("Metric weight", "The K values; neighbors must have the same.", clause="RFC 7868 §5.6.1"),
    Word("Metric rib-scale", "By what the wide metric is divided to fit into the routing table."),
    Word("Metric version", "64bit: wide metrics, which distinguish fast links.", clause="RFC 7868 §5.6.2"),
    Word("Soft SIA", "Whether a neighbor that is stuck is kept."),
    Word("NSF-aware route hold timer", "Seconds for which routes of a neighbor that restarts gracefully are kept."),
    Word("Router-ID", "The number that names this router, in the form of an address.", also=("ID",)),
    Word("Stub", "This router is a stub and advertises the routes that follow."),
    Word("Active Timer", "Minutes that a neighbor may owe a reply before it is stuck in active."),
    Word("Maximum hopcount", "Routes over more hops are ignored."),
    Word("Maximum metric variance", "Paths of up to so many times the best distance are used as well (`variance`)."),
    Word("Address Summarization", "The `summary-address` lines: one route advertised instead of many."),
    Word("Summarizing", "How many routes the summary stands for.", also=("component", "components")),
    Word("metric", "The metric that is advertised for the summary."),
    Word("VR", "The name of a virtual instance: named mode."),
    Word("Address-Family", "The kind of addresses that the process routes."),
    Word("Protocol for AS", "The autonomous system: the number that neighbors must share.", also=("AS", "for AS")),
    next="show ip protocols",
    sighted=True,
    mark=r'^Routing Protocol is "eigrp ',
)

_TRAFFIC = label_group(
    "packets by kind",
    ("show ip eigrp traffic",),
    Word("Hellos", "Small multicasts by which neighbors find each other and stay.", clause="RFC 7868 §5.3.2"),
    Word("Updates", "Packets that advertise routes.", clause="RFC 7868 §4.1"),
    Word("Queries", "Requests for a path to a destination that was lost.", clause="RFC 7868 §4.2"),
    Word("Replies", "Answers to queries.", clause="RFC 7868 §4.3"),
    Word("Acks", "Acknowledgements that went by themselves.", clause="RFC 7868 §5.2"),
    Word(
        "SIA-Queries",
        "Sent to neighbors that owe a reply, to ask whether they still work on it.",
        clause="RFC 7868 §4.4.1",
    ),
    Word("SIA-Replies", "Answers to SIA-Queries: still active, or not.", clause="RFC 7868 §4.4.1"),
    Word("sent/received", "The first number counts what this router sent, the second what it received."),
    Word("Dropped", "Packets that were dropped, by reason."),
    Word("Traffic Statistics", "Packets of EIGRP, counted since the process began."),
    next="show ip eigrp traffic",
)
_SUMMARY = label_group(
    "how large the topology table is",
    ("show ip eigrp topology summary",),
    Word("Head serial", "IOS's number of the oldest change.", also=("Head", "next serial", "serial")),
    Word("pending replies", "Destinations for which replies are awaited.", also=("pending", "routes", "dummies")),
    Word("neighbors present on", "How many of its interfaces have neighbors.", also=("enabled on", "interfaces")),
    Word(
        "Quiescent interfaces",
        "Interfaces without neighbors; in IOS, interfaces with nothing to send.",
        also=("Quiescent",),
    ),
    next="show ip eigrp topology",
)

_EVENTS = label_group(
    "the last events of EIGRP",
    ("show ip eigrp events",),
    Word("Event information for", "The newest event comes first; `eigrp event-log-size` says how many are kept."),
    Word("Event log is empty", "Nothing happened since the process began, or the events were cleared."),
    Word("Peer up", "A neighbor came; its address and the interface follow.", clause="RFC 7868 §5.3"),
    Word("Peer down", "A neighbor went.", next="show logging", clause="RFC 7868 §5.3"),
    Word("Metric set", "A destination has this distance now.", clause="RFC 7868 §3.1"),
    Word("NDB delete", "A destination is not in the topology table any more."),
    Word("Active net/peers", "Neighbors were asked about it, as many as the number says.", clause="RFC 7868 §3.5"),
    Word("Stuck in active", "This neighbor did not answer in time, and was given up.", clause="RFC 7868 §4.4.1"),
    next="show ip eigrp topology",
)
_TIMERS = label_group(
    "timers of EIGRP",
    ("show ip eigrp timers",),
    Word(
        "Timers",
        "A tree: a parent is due when the first timer below it is.",
        also=("Timers for", "(parent)", "Expiration", "Type", "Process"),
    ),
    Word("Hello Process", "When the next Hello leaves by each interface.", also=("Hello",)),
    Word("Update Process", "What EIGRP expects from its neighbors, and when."),
    Word("Peer holding", "The neighbor goes down then unless a packet comes from it.", clause="RFC 7868 §5.3.2"),
    Word("Peer transmission", "Its packet is sent again if it is not acknowledged by then.", clause="RFC 7868 §5.2"),
    Word("Multicast flow", "Neighbors that lag behind are excluded from multicasts then.", clause="RFC 7868 §5.2"),
    Word("Pacing", "When EIGRP may send again within its share of the bandwidth (`bandwidth-percent`)."),
    Word("SIA Process", "When neighbors that owe replies are asked again, by destination.", clause="RFC 7868 §4.4.1"),
    Word("SIA", "A destination whose replies are awaited.", next="show ip eigrp topology active"),
    next="show ip eigrp neighbors",
)

_VRF = label_group(
    "EIGRP in a VRF",
    ("show ip eigrp vrf",),
    Word("VRF", "The VRF whose process this is.", next="show vrf"),
    Word("TID", "The number of the topology: there is only the base topology, 0."),
    Word("Protocol", "What holds for the process."),
    next="show ip eigrp vrf",
)

GROUPS: Final = (
    _VRF,
    _SUMMARY,
    _EVENTS,
    _TIMERS,
    _ACCOUNTING,
    _NEIGHBORS,
    _DETAIL,
    _INTERFACES,
    _INTERFACE_DETAIL,
    _TOPOLOGY,
    _PROTOCOLS,
    _TRAFFIC,
)
