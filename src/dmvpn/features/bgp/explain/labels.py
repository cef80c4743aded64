"""Labels of the shows of BGP. For `dmvpn explain`; imported when somebody asks."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import Group, Kind, label_group

_SUMMARY: Final = ("show ip bgp summary", "show bgp summary")
_TABLE: Final = ("show ip bgp", "show bgp")

_COLUMNS = label_group(
    "labels of the summary of BGP",
    _SUMMARY,
    Word("BGP router identifier", "The name of this router in BGP.", clause="RFC 4271 §1.1"),
    Word("local AS number", "Our autonomous system."),
    Word("BGP table version", "Counts the changes of the table.", also=("main routing table version",)),
    Word("network entries", "Prefixes in the table; their octets are what IOS counts for them.", also=("memory",)),
    Word("path entries", "Ways to these prefixes."),
    Word("BGP path/bestpath attribute entries", "Sets of attributes that differ."),
    Word("BGP route-map cache entries", "IOS's line; always 0 here.", also=("BGP filter-list cache entries",)),
    Word("BGP activity", "Prefixes and paths that there are.", also=("prefixes", "paths", "scan interval", "secs")),
    Word("MsgRcvd", "Messages that came from the neighbor.", also=("MsgSent",)),
    Word("TblVer", "The version of the table that the neighbor was told last."),
    Word("InQ", "Messages that wait; those that came never do here.", also=("OutQ", "InQ depth", "OutQ depth")),
    Word("Up/Down", "How long the neighbor has been as it is.", also=("Up", "Down")),
    Word("State/PfxRcd", "The state of a neighbor, or how many prefixes it told.", also=("PfxRcd",)),
    Word(
        "Dynamically created neighbors",
        "Neighbors that nobody configured: they called from a `bgp listen range`.",
        also=(
            "Dynamically created based on a listen range command",
            "Total dynamically created neighbors",
            "Subnet ranges",
            "max",
        ),
    ),
    Word("BGP peergroup", "What neighbors of a range are like.", also=("listen range group members",)),
    next="show ip bgp neighbors",
    clause="RFC 4271",
)
_ROUTES = label_group(
    "labels of the table of BGP",
    _TABLE,
    Word("Next Hop", "Where packets go; 0.0.0.0: the prefix is our own."),
    Word("Weight", "Preference on this router alone; what is our own has 32768.", also=("weight",)),
    Word("LocPrf", "Preference in our AS (LOCAL_PREF); 100 if nothing is said.", also=("localpref",)),
    Word("Path", "The autonomous systems on the way, the nearest first, and the origin.", also=("Paths", "path")),
    Word("local router ID", "The name of this router in BGP, as the summary has it."),
    Word("BGP routing table entry for", "One prefix, with all paths to it."),
    Word("available", "How many paths there are.", also=("best path", "no best path")),
    Word("Community", "Marks of administrators, as two numbers.", clause="RFC 1997"),
    Word("Extended Community", "RT: route target; SoO: site of origin.", clause="RFC 4360", also=("Extended",)),
    Word("Large Community", "Marks of administrators, as three numbers.", clause="RFC 8092", also=("Large",)),
    Word("Originator", "The router that a reflector has the route from.", clause="RFC 4456 §8"),
    Word("Cluster list", "The reflectors that have passed it on.", clause="RFC 4456 §8"),
    Word("Local", "The path of what this router announces itself."),
    Word("Total number of prefixes", "How many lines there are above.", also=("number",)),
    Word("RPKI validation codes", "IOS's legend: nothing is validated here.", also=("valid", "invalid", "Not found")),
    next="show ip bgp",
    clause="RFC 4271 §9",
)
_CODES = Group(
    title="status codes of the table of BGP",
    kind=Kind.FLAG,
    screens=_TABLE,
    rank=19,
    next="show ip bgp",
    joined=True,
    sighting=r"^ ([*sr][> ][im ]) ",
    cell=r"([*sr][> ]?[im]?) ?",
    explanations=(
        Word("s", "An aggregate with `summary-only` speaks for it: it is told to nobody.", also=("suppressed",)),
        Word("d", "IOS's legend; routes are not damped here.", also=("damped",)),
        Word("h", "history in IOS's legend; not set here.", also=("history",)),
        Word("*", "Valid: the next hop can be reached.", also=("valid",)),
        Word(">", "The best path: this one is used and told.", also=("best",)),
        Word("i", "An internal neighbor told it. At the end of a line: origin IGP.", also=("internal",)),
        Word(
            "r",
            "RIB-failure in IOS's legend: the routing table has another protocol's route (`show ip bgp rib-failure`).",
            also=("RIB-failure",),
        ),
        Word("S", "Kept of a neighbor that restarts gracefully, until it tells it again.", also=("Stale",)),
        Word("m", "Used beside the best path (`maximum-paths`).", also=("multipath",)),
        Word("b", "backup-path in IOS's legend; not set here.", also=("backup-path",)),
        Word("f", "RT-Filter in IOS's legend; not set here.", also=("RT-Filter",)),
        Word("x", "best-external in IOS's legend; not set here.", also=("best-external",)),
        Word("a", "additional-path in IOS's legend; not set here.", also=("additional-path",)),
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
_MARKS = Group(
    title="what a path of BGP is",
    kind=Kind.FLAG,
    screens=_TABLE,
    rank=20,
    next="show ip bgp",
    clause="RFC 4271 §9.1",
    sighting=r"^ +Origin \w+, .*?((?:valid|sourced|aggregated|internal|external)\b.*)$",
    explanations=(
        Word("valid", "The next hop can be reached."),
        Word("internal", "A neighbor in our own autonomous system told it."),
        Word("external", "A neighbor in another autonomous system told it."),
        Word("sourced", "This router announces it."),
        Word("aggregated", "It is made of longer prefixes (`aggregate-address`)."),
        Word("local", "This router made the aggregate."),
        Word("best", "This path is used, and told to neighbors."),
        Word("multipath", "It is used beside the best path (`maximum-paths`)."),
    ),
)
_DYNAMIC = Group(
    title="mark of a neighbor of BGP",
    kind=Kind.FLAG,
    screens=_SUMMARY,
    rank=22,
    next="show ip bgp neighbors",
    sighting=r"^(\*)\d+\.\d+\.\d+\.\d+ +4 ",
    explanations=(Word("*", "Nobody configured this neighbor: it called from a `bgp listen range`."),),
)
_NEIGHBORS = label_group(
    "labels of a neighbor of BGP",
    ("show ip bgp neighbors", "show bgp neighbors"),
    Word("BGP neighbor is", "The address of the neighbor; a star: nobody configured it."),
    Word("remote AS", "Its autonomous system."),
    Word("internal link", "It is of our own AS; else the link is external.", also=("link", "eBGP")),
    Word("remote router ID", "Its name in BGP; 0.0.0.0: not heard yet."),
    Word("Description", "What the configuration says of it."),
    Word("Member of peer-group", "Its lines are those of the group.", also=("for session parameters",)),
    Word("Last read", "When something came from it.", also=("last write",)),
    Word("hold time", "Seconds without a message after which it is given up.", also=("keepalive interval",)),
    Word(
        "Neighbor capabilities",
        "What both ends said that they can do.",
        also=(
            "advertised and received",
            "Route refresh",
            "Four-octets ASN Capability",
            "Address family",
            "Enhanced Refresh Capability",
        ),
    ),
    Word("No session", "Why it is not called."),
    Word(
        "Message statistics",
        "Messages by kind, sent and received.",
        also=("Rcvd", "Opens", "Notifications", "Keepalives", "Route Refresh"),
    ),
    Word("Default minimum time between advertisement runs", "Announcements to it wait for so long."),
    Word("For address family", "What follows is about this family."),
    Word("Route-Reflector Client", "Internal routes are told to it.", clause="RFC 4456 §6"),
    Word("NEXT_HOP is always this router for eBGP paths", "`next-hop-self`."),
    Word("Prefix activity", "Prefixes told and heard.", also=("Prefixes Current", "Consumes")),
    Word("Used as bestpath", "How many of its paths are the best ones.", also=("n/a",)),
    Word("Used as multipath", "How many of its paths are in use beside a better one.", clause="RFC 4271 §9.1"),
    Word(
        "Local Policy Denied Prefixes",
        "Prefixes that were heard and not taken: their path makes a loop.",
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
