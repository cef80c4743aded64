"""Labels of the rarer shows of BGP: groups, templates, clusters, settings of a neighbor. For `dmvpn explain`."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

_SHOWS: Final = ("show ip bgp", "show bgp")

_SESSION = label_group(
    "labels of the session with a neighbor of BGP",
    _SHOWS,
    Word("Neighbor sessions", "How many there are: one.", also=("is not multisession capable", "Session")),
    Word("Output queue size", "Prefixes that still have to be sent to it."),
    Word("Index", "The neighbor's update group.", also=("Advertise bit", "update-group member", "peer-group member")),
    Word("Address tracking is enabled", "Whether there is a route to it.", also=("the RIB does", "have a route to")),
    Word(
        "Graceful-Restart",
        "Whether its routes are kept while it restarts, if it says that it can (`bgp graceful-restart`).",
        clause="RFC 4724 §4.2",
        also=("restart-time", "stalepath-time"),
    ),
    Word(
        "Graceful Restart Capability",
        "What it advertised about restarts: how long its routes are kept while it is away.",
        clause="RFC 4724 §3",
        also=("Remote Restart timer is", "Address families advertised by peer", "was preserved", "none"),
    ),
    Word(
        "Stale routes",
        "A line of our own: routes that it has not advertised again since its session ended.",
        also=("removed in",),
    ),
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
    Word(
        "Inbound soft reconfiguration allowed",
        "Routes that filters refuse are kept as well (`soft-reconfiguration inbound`).",
    ),
    Word(
        "NEXT_HOP is always this router for eBGP paths and iBGP paths", "`next-hop-self all`.", also=("and iBGP paths",)
    ),
    Word("NEXT_HOP is propagated unchanged", "`next-hop-unchanged`."),
    Word(
        "Overrides the neighbor AS with my AS before sending updates",
        "`as-override`: its own AS number in a path becomes ours, so that it accepts the path.",
    ),
    Word("Private AS number removed from updates", "`remove-private-as`.", clause="RFC 6996 §5"),
    Word(
        "Allow local AS in AS path up to", "`allowas-in`: paths with our own AS number are accepted.", also=("times",)
    ),
    Word(
        "Community attribute sent", "`send-community`.", clause="RFC 1997", also=("Extended-community attribute sent",)
    ),
    Word("Default information originate", "A default route is advertised to it.", also=("default route-map",)),
    Word(
        "Route map for selective unsuppression",
        "`unsuppress-map`: advertises the parts of aggregates that the map permits.",
    ),
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
    Word("Template", "Settings that several neighbors share.", also=("index",)),
    next="show running-config",
)
_GROUPS = label_group(
    "labels of groups of neighbors of BGP",
    _SHOWS,
    Word(
        "update-group",
        "Neighbors that receive the same routes: their messages are made once for all.",
        also=("Summary for Update-groups",),
    ),
    Word(
        "BGP Update version",
        "The version of the table; messages: prefixes that still have to be sent to members.",
        also=("messages",),
    ),
    Word("Number of NLRIs in the Adj-RIB-Out", "Prefixes advertised to each member.", clause="RFC 4271 §3.2"),
    Word("Minimum time between advertisement runs", "How long advertisements wait."),
    Word("BGP peer-group is", "A group of the configuration.", also=("peer-group", "Group", "Type")),
    Word(
        "members",
        "The members of the group; a star: the member connected from a `bgp listen range`.",
        also=("member", "Queued"),
    ),
    Word("Hash", "IOS's column; 0 here.", also=("Refcount",)),
    Word("Global cluster-id", "The name of our cluster of route reflection.", clause="RFC 4456 §7"),
    Word(
        "BGP client-to-client reflection",
        "This router reflects the routes of clients to other clients.",
        also=("all (inter-cluster and intra-cluster)", "intra-cluster", "Used"),
    ),
    Word(
        "List of cluster-ids",
        "Clusters, and how many clients they have.",
        also=("Cluster-id", "C2C-rfl-CFG", "C2C-rfl-USE"),
    ),
    Word(
        "BGP Total Messages Formatted",
        "UPDATEs sent to the leaders of update groups, and prefixes that still have to be sent to members.",
        also=("Enqueued",),
    ),
    Word("Leader", "The member that is named for its update group."),
    Word("MsgFmt", "UPDATEs sent to the leader."),
    Word("MsgRepl", "UPDATEs sent to the other members."),
    Word("Csize", "Prefixes that the group still has to process; IOS counts messages of its cache."),
    Word("Qsize", "Prefixes that still have to be sent to members; IOS counts messages."),
    Word("inaccessible", "There is no route to the next hop.", also=("Prefixes",)),
    Word("RIB-failure", "Why the routing table has another route.", also=("RIB-NH Matches", "Higher admin distance")),
    next="show ip bgp update-group",
)

_DAMPENING = label_group(
    "labels of routes of BGP that come and go",
    _SHOWS,
    Word("dampening", "Half-life, reuse limit, suppress limit, longest time, as they are typed.", also=("DEFAULT",)),
    Word("Half-life time", "The time after which a penalty has halved.", also=("mins", "secs")),
    Word("Decay Time", "From the largest penalty down to the suppress limit."),
    Word("Max suppress penalty", "The largest penalty; after the longest time it is down to the reuse limit."),
    Word("Max suppress time", "A route is suppressed for so long at most."),
    Word("Suppress penalty", "A route with a larger penalty is not used."),
    Word("Reuse penalty", "A suppressed route is used again when its penalty falls to this."),
    Word("From", "The neighbor that advertises it."),
    Word("Flaps", "How often the route was withdrawn or changed, and in how much time.", also=("Duration",)),
    Word("Reuse", "When it is used again, if nothing happens meanwhile."),
    Word("suppressed due to dampening", "The route flapped too often and is not used."),
    Word(
        "Dampinfo",
        "The penalty of the route: 1000 for each withdrawal, 500 for each change, halved after each half-life.",
        also=("penalty", "flapped", "reuse in"),
    ),
    next="show ip bgp dampening flap-statistics",
    clause="RFC 2439 §4",
)

GROUPS: Final = (_SESSION, _ROUTES, _GROUPS, _DAMPENING)
