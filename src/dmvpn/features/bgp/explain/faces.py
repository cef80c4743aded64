"""Labels of the rarer shows of BGP: groups, templates, clusters, what holds for a neighbor. For `dmvpn explain`."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

_SHOWS: Final = ("show ip bgp", "show bgp")

_SESSION = label_group(
    "labels of the session with a neighbor of BGP",
    _SHOWS,
    Word("Neighbor sessions", "How many there are: one.", also=("is not multisession capable", "Session")),
    Word("Output queue size", "Prefixes that it is still to be told."),
    Word(
        "Index", "The update group that it is in.", also=("Advertise bit", "update-group member", "peer-group member")
    ),
    Word("Address tracking is enabled", "Whether there is a route to it.", also=("the RIB does", "have a route to")),
    Word(
        "Graceful-Restart",
        "Whether its routes are kept while it restarts, if it says that it can (`bgp graceful-restart`).",
        clause="RFC 4724 §4.2",
        also=("restart-time", "stalepath-time"),
    ),
    Word(
        "Graceful Restart Capability",
        "What it said of restarts: for so long its routes are kept while it is away.",
        clause="RFC 4724 §3",
        also=("Remote Restart timer is", "Address families advertised by peer", "was preserved", "none"),
    ),
    Word("Stale routes", "A line of our own: routes that it has not told again since it went.", also=("removed in",)),
    Word(
        "External BGP neighbor may be up to", "So many hops away, by `ebgp-multihop` or `ttl-security`.", also=("away",)
    ),
    Word("Connection state is", "ESTAB: the TCP connection is up.", also=("ESTAB", "unread input bytes", "I/O status")),
    Word("Connection is ECN Disabled", "IOS's line.", also=("ECN",)),
    Word(
        "Mininum incoming TTL",
        "Packets that crossed more routers are dropped (`ttl-security`), in IOS's spelling; 0: none are.",
        clause="RFC 5082 §3",
        also=("Outgoing TTL",),
    ),
    Word("Foreign host", "The neighbor's end of the session.", also=("Foreign port",)),
    next="show ip bgp neighbors",
    clause="RFC 4271 §8",
)
_ROUTES = label_group(
    "labels of what holds for the routes of a neighbor of BGP",
    _SHOWS,
    Word("Inbound soft reconfiguration allowed", "What filters refuse is kept, too (`soft-reconfiguration inbound`)."),
    Word(
        "NEXT_HOP is always this router for eBGP paths and iBGP paths", "`next-hop-self all`.", also=("and iBGP paths",)
    ),
    Word("NEXT_HOP is propagated unchanged", "`next-hop-unchanged`."),
    Word(
        "Overrides the neighbor AS with my AS before sending updates",
        "`as-override`: its own number in a path becomes ours, so that it takes the path.",
    ),
    Word("Private AS number removed from updates", "`remove-private-as`.", clause="RFC 6996 §5"),
    Word("Allow local AS in AS path up to", "`allowas-in`: paths with our own number are taken.", also=("times",)),
    Word(
        "Community attribute sent", "`send-community`.", clause="RFC 1997", also=("Extended-community attribute sent",)
    ),
    Word("Default information originate", "It is told a default route.", also=("default route-map",)),
    Word("Route map for selective unsuppression", "`unsuppress-map`: parts of aggregates that it permits are told."),
    Word("Default weight", "The weight of its routes (`weight`)."),
    Word(
        "Inbound path policy configured", "There are filters.", also=("Outbound path policy configured", "path policy")
    ),
    Word(
        "Route map for incoming advertisements",
        "Filters, by their kind.",
        also=(
            "Route map for outgoing advertisements",
            "Incoming update prefix filter list",
            "Outgoing update prefix filter list",
            "Incoming update network filter list",
            "Outgoing update network filter list",
            "Incoming update AS path filter list",
            "Outgoing update AS path filter list",
        ),
    ),
    Word("Maximum prefixes allowed", "`maximum-prefix`.", also=("warning-only", "Threshold for warning message")),
    Word(
        "Locally configured policies",
        "Lines of its own.",
        also=("Locally configured session commands", "Local policies"),
    ),
    Word(
        "Inherited polices",
        "Lines of its group and templates, in IOS's spelling; behind 0x: how many there are.",
        also=(
            "Inherited policies",
            "Inherited session commands",
            "Local disable policies",
            "Inherited disable policies",
            "Inherited by Template",
        ),
    ),
    Word("Template", "What several neighbors have.", also=("index",)),
    next="show running-config",
)
_GROUPS = label_group(
    "labels of groups of neighbors of BGP",
    _SHOWS,
    Word("update-group", "Neighbors that hear the same: it is made once for all.", also=("Summary for Update-groups",)),
    Word(
        "BGP Update version", "Of the table; messages: prefixes that members are still to hear of.", also=("messages",)
    ),
    Word("Number of NLRIs in the Adj-RIB-Out", "Prefixes that each member is told.", clause="RFC 4271 §3.2"),
    Word("Minimum time between advertisement runs", "Announcements wait for so long."),
    Word("BGP peer-group is", "A group of the configuration.", also=("peer-group", "Group", "Type")),
    Word("members", "Who is in it; a star: it called from a `bgp listen range`.", also=("member", "Queued")),
    Word("Hash", "IOS's column; 0 here.", also=("Refcount",)),
    Word("Global cluster-id", "The name of our cluster of route reflection.", clause="RFC 4456 §7"),
    Word(
        "BGP client-to-client reflection",
        "Clients hear of each other by us.",
        also=("all (inter-cluster and intra-cluster)", "intra-cluster", "Used"),
    ),
    Word(
        "List of cluster-ids",
        "Clusters, and how many clients they have.",
        also=("Cluster-id", "C2C-rfl-CFG", "C2C-rfl-USE"),
    ),
    Word(
        "BGP Total Messages Formatted",
        "UPDATEs that the leaders of update groups were sent, and prefixes that members are still to be sent.",
        also=("Enqueued",),
    ),
    Word("Leader", "The member that is named for its update group."),
    Word("MsgFmt", "UPDATEs that the leader was sent."),
    Word("MsgRepl", "UPDATEs that the other members were sent."),
    Word("Csize", "Prefixes that are still to be looked at for the group; IOS counts messages of its cache."),
    Word("Qsize", "Prefixes that members are still to be sent; IOS counts messages."),
    Word("inaccessible", "There is no route to the next hop.", also=("Prefixes",)),
    Word("RIB-failure", "Why the routing table has another route.", also=("RIB-NH Matches", "Higher admin distance")),
    next="show ip bgp update-group",
)

_DAMPENING = label_group(
    "labels of routes of BGP that come and go",
    _SHOWS,
    Word("dampening", "Half-life, reuse limit, suppress limit, longest time, as they are typed.", also=("DEFAULT",)),
    Word("Half-life time", "After it a penalty is half of what it was.", also=("mins", "secs")),
    Word("Decay Time", "From the largest penalty down to the suppress limit."),
    Word("Max suppress penalty", "The largest penalty; after the longest time it is down to the reuse limit."),
    Word("Max suppress time", "A route is suppressed for so long at most."),
    Word("Suppress penalty", "A route with more is not used."),
    Word("Reuse penalty", "A route with no more is used again."),
    Word("From", "The neighbor that tells it."),
    Word("Flaps", "How often it was taken back or changed, in so much time.", also=("Duration",)),
    Word("Reuse", "When it is used again, if nothing happens meanwhile."),
    Word("suppressed due to dampening", "It came and went too often, and is not used."),
    Word(
        "Dampinfo",
        "What is held against the route: 1000 for each time that it went, 500 for each change, halved by and by.",
        also=("penalty", "flapped", "reuse in"),
    ),
    next="show ip bgp dampening flap-statistics",
    clause="RFC 2439 §4",
)

GROUPS: Final = (_SESSION, _ROUTES, _GROUPS, _DAMPENING)
