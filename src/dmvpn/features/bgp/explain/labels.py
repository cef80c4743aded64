"""Labels of the shows of BGP. For `dmvpn explain`; imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import WordGroup, WordKind, label_group

_SUMMARY: Final = ("show ip bgp summary", "show bgp summary")
_TABLE: Final = ("show ip bgp", "show bgp")

_COLUMNS = label_group(
    "labels of the summary of BGP",
    _SUMMARY,
    Word("BGP router identifier", "The name of this router in BGP.", clause="RFC 4271 §1.1"),
    Word("local AS number", "Our autonomous system."),
    Word("BGP table version", "Counts the changes of the table.", also=("main routing table version",)),
    Word("network entries", "Prefixes in the table; their octets are what IOS counts for them.", also=("memory",)),
    Word("path entries", "Paths to these prefixes."),
    Word("BGP path/bestpath attribute entries", "Sets of attributes that differ."),
    Word("BGP route-map cache entries", "IOS's line; always 0 here.", also=("BGP filter-list cache entries",)),
    Word("BGP activity", "How many prefixes and paths there are.", also=("prefixes", "paths", "scan interval", "secs")),
    Word("MsgRcvd", "Messages received from the neighbor, and sent to it.", also=("MsgSent",)),
    Word("TblVer", "The table version last sent to the neighbor."),
    Word("InQ", "Messages that wait; received messages never wait here.", also=("OutQ", "InQ depth", "OutQ depth")),
    Word("Up/Down", "How long the neighbor has been in this state.", also=("Up", "Down")),
    Word("State/PfxRcd", "The state of a neighbor, or how many prefixes came from it.", also=("PfxRcd",)),
    Word(
        "Dynamically created neighbors",
        "Neighbors without a configuration of their own: they connected from a `bgp listen range`.",
        also=(
            "Dynamically created based on a listen range command",
            "Total dynamically created neighbors",
            "Subnet ranges",
            "max",
        ),
    ),
    Word("BGP peergroup", "The settings of the neighbors of a range.", also=("listen range group members",)),
    next="show ip bgp neighbors",
    clause="RFC 4271",
)
_ROUTES = label_group(
    "labels of the table of BGP",
    _TABLE,
    Word("Next Hop", "Where packets go; 0.0.0.0: the prefix is our own."),
    Word("Weight", "Preference on this router alone; 32768 for routes that this router originates.", also=("weight",)),
    Word("LocPrf", "Preference in our AS (LOCAL_PREF); 100 if not set.", also=("localpref",)),
    Word("Path", "The autonomous systems on the way, the nearest first, and the origin.", also=("Paths", "path")),
    Word("local router ID", "The name of this router in BGP, as the summary has it."),
    Word("BGP routing table entry for", "One prefix, with all paths to it."),
    Word(
        "Route Distinguisher",
        "What makes the prefixes of a VRF unique among those of all VRFs; `rd` says it.",
        also=("default for vrf",),
        clause="RFC 4364 §4.1",
    ),
    Word(
        "imported path from",
        "The path is another VRF's: its route distinguisher, the prefix and its name follow. One of its route targets "
        "is imported here.",
        also=("via vrf",),
        clause="RFC 4364 §4.3",
    ),
    Word("available", "How many paths there are.", also=("best path", "no best path")),
    Word(
        "Advertised to update-groups",
        "The groups of neighbors to which it is advertised; `show ip bgp update-group` lists them.",
        also=("Not advertised to any peer",),
    ),
    Word("not advertised to any peer", "It has the community no-advertise.", clause="RFC 1997"),
    Word("not advertised to EBGP peer", "It has the community no-export.", clause="RFC 1997"),
    Word("not advertised outside local AS", "It has the community local-AS.", clause="RFC 1997"),
    Word("Advertisements suppressed by an aggregate", "An aggregate is advertised instead."),
    Word("Refresh Epoch", "IOS's count of refreshes; not kept here."),
    Word(
        "Path advertised to update-groups",
        "The groups of neighbors that receive this path, if they receive several.",
        also=("Path not advertised to any peer",),
        clause="RFC 7911",
    ),
    Word(
        "rx pathid",
        "Path identifier from the sender; 0 if the sender sends one path for each prefix.",
        clause="RFC 7911 §3",
    ),
    Word(
        "tx pathid", "Path identifier with which this router sends it (0x...); 0: it is not sent.", clause="RFC 7911 §3"
    ),
    Word("aggregated by", "The router that made the aggregate.", clause="RFC 4271 §5.1.7"),
    Word("Received from a RR-client", "The neighbor is a `route-reflector-client` of ours."),
    Word("received & used", "The neighbor has `soft-reconfiguration inbound`, and no filter changed the path."),
    Word("Community", "Marks of administrators, as two numbers or by name.", clause="RFC 1997"),
    Word("Extended Community", "RT: route target; SoO: site of origin.", clause="RFC 4360", also=("Extended",)),
    Word("Large Community", "Marks of administrators, as three numbers.", clause="RFC 8092", also=("Large",)),
    Word("Originator", "The router from which a reflector learned the route.", clause="RFC 4456 §8"),
    Word("Cluster list", "The reflectors that the route has passed.", clause="RFC 4456 §8"),
    Word("Local", "The path of a route that this router originates."),
    Word("Total number of prefixes", "How many lines there are above.", also=("number",)),
    Word("RPKI validation codes", "IOS's legend: nothing is validated here.", also=("valid", "invalid", "Not found")),
    next="show ip bgp",
    clause="RFC 4271 §9",
)
_CODES = WordGroup(
    title="status codes of the table of BGP",
    kind=WordKind.FLAG,
    screens=_TABLE,
    rank=19,
    next="show ip bgp",
    joined=True,
    sighting=r"^ ([*sr][>bd ][im ]a?) ",
    cell=r"([*sr][>bd ]?[im ]?a?) ?",
    explanations=(
        Word("s", "An aggregate with `summary-only` covers it, so it is not advertised.", also=("suppressed",)),
        Word("d", "It flapped too often and is suppressed for a while (`bgp dampening`).", also=("damped",)),
        Word("h", "It is withdrawn and flapped recently; only `flap-statistics` shows it.", also=("history",)),
        Word("*", "Valid: the next hop can be reached.", also=("valid",)),
        Word(">", "The best path: it is used and advertised.", also=("best",)),
        Word("i", "Learned from an internal neighbor. At the end of a line: origin IGP.", also=("internal",)),
        Word(
            "r",
            "RIB-failure in IOS's legend: the routing table has another protocol's route (`show ip bgp rib-failure`).",
            also=("RIB-failure",),
        ),
        Word(
            "S", "Kept while its neighbor restarts gracefully, until the neighbor advertises it again.", also=("Stale",)
        ),
        Word("m", "Used beside the best path (`maximum-paths`).", also=("multipath",)),
        Word(
            "b",
            "The backup path: it would follow the best one (`bgp additional-paths install`).",
            also=("backup-path",),
        ),
        Word("f", "RT-Filter in IOS's legend; not set here.", also=("RT-Filter",)),
        Word("x", "best-external in IOS's legend; not set here.", also=("best-external",)),
        Word(
            "a",
            "It may be advertised in addition to the best path (`bgp additional-paths select`).",
            also=("additional-path",),
        ),
        Word("c", "RIB-compressed in IOS's legend; not set here.", also=("RIB-compressed",)),
        Word("t", "secondary path in IOS's legend; not set here.", also=("secondary path",)),
        Word("L", "long-lived-stale in IOS's legend; not set here.", also=("long-lived-stale",)),
        Word("e", "Origin EGP."),
        Word("?", "Origin incomplete: redistributed.", also=("incomplete",)),
        Word("V", "Valid, of RPKI, in IOS's legend; nothing is validated here."),
        Word("I", "Invalid, of RPKI, in IOS's legend; nothing is validated here."),
        Word("N", "Not found, of RPKI, in IOS's legend; nothing is validated here."),
    ),
)
_MARKS = WordGroup(
    title="what a path of BGP is",
    kind=WordKind.FLAG,
    screens=_TABLE,
    rank=20,
    next="show ip bgp",
    clause="RFC 4271 §9.1",
    sighting=r"^ +Origin \w+, .*?((?:valid|sourced|aggregated|(?:confed-)?internal|(?:confed-)?external)\b.*)$",
    explanations=(
        Word("valid", "The next hop can be reached."),
        Word("internal", "Learned from a neighbor in our own autonomous system."),
        Word("external", "Learned from a neighbor in another autonomous system."),
        Word("confed-external", "Learned from another member AS of our confederation.", clause="RFC 5065"),
        Word("confed-internal", "Its path contains another member AS of our confederation.", clause="RFC 5065"),
        Word("sourced", "This router originates it."),
        Word("aggregated", "It is made of longer prefixes (`aggregate-address`)."),
        Word("local", "This router made the aggregate."),
        Word("best2", "The second best path: `bgp additional-paths select best 2`.", clause="RFC 7911"),
        Word("best3", "The third best path: `bgp additional-paths select best 3`.", clause="RFC 7911"),
        Word("group-best", "The best path from its neighboring AS: `select group-best`.", clause="RFC 7911"),
        Word("all", "The best path with its next hop: `select all`.", clause="RFC 7911"),
        Word(
            "backup/repair", "It would follow the best path, which is computed again as soon as that path disappears."
        ),
        Word("best", "This path is used and advertised to neighbors."),
        Word("atomic-aggregate", "Its path does not name all autonomous systems behind it.", clause="RFC 4271 §5.1.6"),
        Word("multipath", "It is used beside the best path (`maximum-paths`)."),
    ),
)
_DYNAMIC = WordGroup(
    title="mark of a neighbor of BGP",
    kind=WordKind.FLAG,
    screens=_SUMMARY,
    rank=22,
    next="show ip bgp neighbors",
    sighting=r"^(\*)\d+\.\d+\.\d+\.\d+ +4 ",
    explanations=(Word("*", "This neighbor has no configuration of its own: it connected from a `bgp listen range`."),),
)
_NEIGHBORS = label_group(
    "labels of a neighbor of BGP",
    ("show ip bgp neighbors", "show bgp neighbors"),
    Word("BGP neighbor is", "The address of the neighbor; a star: it connected from a `bgp listen range`."),
    Word("remote AS", "Its autonomous system."),
    Word("internal link", "It is of our own AS; else the link is external.", also=("link", "eBGP")),
    Word("Neighbor under common administration", "It is in another system of our confederation.", clause="RFC 5065"),
    Word("remote router ID", "Its name in BGP; 0.0.0.0: not heard yet."),
    Word("Description", "The description from the configuration."),
    Word("Member of peer-group", "The neighbor takes its settings from the group.", also=("for session parameters",)),
    Word("Last read", "How long ago a message came from it.", also=("last write",)),
    Word(
        "Send hold time",
        "Seconds for which its TCP may accept no data from us: 8 minutes, or twice the hold time. Our own line.",
        clause="RFC 9687 §6",
        also=("left: it takes nothing",),
    ),
    Word("hold time", "Seconds without a message after which the session ends.", also=("keepalive interval",)),
    Word(
        "Neighbor capabilities",
        "The capabilities that both ends advertised.",
        also=(
            "advertised and received",
            "Route refresh",
            "Four-octets ASN Capability",
            "Address family",
            "Enhanced Refresh Capability",
        ),
    ),
    Word("No session", "Why this router does not connect to it."),
    Word(
        "Message statistics",
        "Messages by kind, sent and received.",
        also=("Rcvd", "Opens", "Notifications", "Keepalives", "Route Refresh"),
    ),
    Word("Default minimum time between advertisement runs", "How long advertisements to it wait."),
    Word("For address family", "What follows is about this family."),
    Word(
        "Additional paths Send",
        "This router may send it several paths for a prefix, if the configuration selects some.",
        clause="RFC 7911 §4",
    ),
    Word("Additional paths Receive", "It may send several paths for a prefix.", clause="RFC 7911 §4"),
    Word(
        "Additional Paths advertised",
        "The paths sent in addition to the best one: `neighbor ... advertise additional-paths`.",
        also=("best", "group-best", "all"),
    ),
    Word("Route-Reflector Client", "Internal routes are reflected to it.", clause="RFC 4456 §6"),
    Word("NEXT_HOP is always this router for eBGP paths", "`next-hop-self`."),
    Word("Prefix activity", "Prefixes advertised and received.", also=("Prefixes Current", "Consumes")),
    Word("Used as bestpath", "How many of its paths are the best ones.", also=("n/a",)),
    Word("Used as multipath", "How many of its paths are in use beside a better one.", clause="RFC 4271 §9.1"),
    Word(
        "Local Policy Denied Prefixes",
        "Prefixes that were received and refused: their path is a loop.",
        also=("Outbound", "Inbound"),
    ),
    Word("Connections established", "How often there was a session, and how often it ended.", also=("dropped",)),
    Word("Last reset", "When and why it ended last.", also=("due to",)),
    Word("Local host", "Our end of the session.", also=("Local port",)),
    next="show ip bgp neighbors",
    clause="RFC 4271 §8",
)
_PROTOCOLS = label_group(
    "labels of a routing process (BGP)",
    ("show ip protocols",),
    Word("IGP synchronization", "IOS's line; there is none."),
    Word("Automatic route summarization", "There is none: a `network` line means one prefix."),
    Word(
        "FiltIn",
        "IOS's columns; the filters of neighbors are in the running configuration.",
        also=("FiltOut", "DistIn", "DistOut", "RouteMap"),
    ),
    Word("Distance", "Administrative distances: of external, internal and our own routes.", also=("local",)),
    next="show ip protocols",
)

GROUPS: Final = (_COLUMNS, _ROUTES, _CODES, _MARKS, _DYNAMIC, _NEIGHBORS, _PROTOCOLS)
