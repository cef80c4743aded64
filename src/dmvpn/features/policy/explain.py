"""What the prompt and the shows say of lists and maps, explained for `dmvpn explain`. Imported on first use."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import WordGroup, WordKind, answer_group, label_group

_ANSWERS = answer_group(
    "access, prefix and AS path lists",
    Word(
        "% The last sequence number is taken; give this entry one of its own",
        "Entries get numbers in steps of ten (five in prefix lists), and none is left behind the last one.",
    ),
    Word(
        "% An entry asks for dscp, or for precedence and tos: they are in one octet",
        "The DSCP has the bits of the precedence, and some of the type of service. Two entries can ask for one each.",
    ),
    Word(
        "% Fragments have no ports, flags or types: fragments cannot stand beside them",
        "`fragments` means later fragments, which lack the header behind IP. Leave out the ports, or `fragments`.",
    ),
    Word(
        "% Reflexive lists do not exist here; let answers in by `established` or by their ports",
        "`reflect` and `evaluate` would let in answers to what went out. `established` does so for TCP, and an entry "
        "with the server's port for the rest.",
    ),
    Word("% There is no named access list <name>", "Only lists of `ip access-list` can be numbered again."),
    Word(
        "% Times are [start HH:MM DAY MONTH YEAR] [end HH:MM DAY MONTH YEAR]",
        "A time range begins at one moment and ends at another, as in `absolute start 08:00 1 January 2026`.",
    ),
    Word(
        "% Days are daily, weekdays, weekend or names of days, then HH:MM to [DAY] HH:MM",
        "A part of every week, as in `periodic weekdays 8:00 to 17:00` or `periodic Friday 20:00 to Monday 8:00`.",
    ),
    Word("% The range ends before it begins", "The first address of a range is the lower one."),
    Word(
        "% Invalid access list name.",
        "1 to 99 and 1300 to 1999 are numbers of standard lists, 100 to 199 and 2000 to 2699 of extended ones.",
    ),
    Word(
        "% Access-list type conflicts with prior definition",
        "A list of the other kind has this name; take that away first, or choose another name.",
    ),
    Word("% Duplicate sequence number", "The list has an entry with this number; take that away first."),
    Word(
        "% Invalid prefix range for <prefix>, make sure: len < ge-value <= le-value",
        "`ge` and `le` name lengths beyond the prefix's own, in growing order.",
    ),
    Word(
        "% Invalid regular expression <text>: <why>",
        "AS path and expanded community lists take IOS's regular expressions; this one cannot be read.",
    ),
    Word("%Insertion failed - seq # exists", "The prefix list has an entry with this number."),
    next="show running-config",
)

_KEYS = label_group(
    "labels of a key chain",
    ("show key chain",),
    Word("Key-chain", "A list of keys: protocols that authenticate name it.", also=("key",)),
    Word("text", "The key itself, in clear; (unset): it has no `key-string`, and is of no use.", also=("(unset)",)),
    Word(
        "accept lifetime",
        "When what others seal with the key is taken (`accept-lifetime`). OSPF takes every key at all times.",
        also=("lifetime", "always valid", "valid now", "accept", "infinite", "UTC"),
    ),
    Word(
        "send lifetime",
        "When we seal with the key (`send-lifetime`): EIGRP and RIP with the lowest number that is valid.",
        also=("send",),
    ),
    next="show running-config",
)

_MAPS = label_group(
    "labels of a route map",
    ("show route-map",),
    Word("route-map", "An entry of a map; the first entry that fits decides.", also=("sequence", "permit", "deny")),
    Word("Match clauses", "Every kind of match must hold, of each kind one value; none: it fits every route."),
    Word("ip address", "The prefix is in one of these lists.", also=("access-lists", "prefix-lists")),
    Word(
        "ip next-hop",
        "The next hop is in one of these lists; below `Set clauses`: it becomes this.",
        also=("next-hop",),
    ),
    Word("interface", "The route leads over this interface."),
    Word("route-source", "The neighbor that advertised the route is in one of these lists; for OSPF, its router ID."),
    Word("source-protocol", "The protocol that has the route in the routing table."),
    Word("as-path", "BGP's path is in one of these lists.", also=("as-path filter", "filter")),
    Word(
        "community",
        "BGP's communities are in one of these lists; below `Set clauses`: they become these.",
        also=("community-list", "community-list filter"),
    ),
    Word(
        "extcommunity",
        "BGP's extended communities are in one of these lists.",
        clause="RFC 4360",
        also=("extcommunity-list", "extcommunity-list filter"),
    ),
    Word(
        "extended community",
        "These route targets, or this site of origin, replace the existing ones.",
        clause="RFC 4360",
        also=("RT", "SoO"),
    ),
    Word(
        "large-community",
        "BGP's large communities are in one of these lists; below `Set clauses`: they become these.",
        clause="RFC 8092",
        also=("large-community-list", "large-community-list filter"),
    ),
    Word("route-type", "Where the route came from.", also=("internal", "external", "local", "nssa-external")),
    Word("exact-match", "With exactly these communities."),
    Word("additive", "Besides the communities that there are."),
    Word(
        "comm-list",
        "BGP communities that this list permits are removed before other communities are set.",
        also=("delete",),
    ),
    Word("metric", "The metric of the route; in BGP its MED."),
    Word("metric-type", "OSPF: external type 1 or 2."),
    Word("tag", "The administrator's mark of the route."),
    Word("local-preference", "BGP's preference in the AS."),
    Word("weight", "BGP's preference on this router."),
    Word("origin", "BGP's origin: igp or incomplete."),
    Word("as-path prepend last-as", "So often the first AS of BGP's path is put before it.", also=("last-as",)),
    Word("peer-address", "The next hop is the neighbor, or this router in outgoing routes."),
    Word("self", "The next hop is this router."),
    Word("unchanged", "The next hop stays as advertised."),
    Word("as-path prepend", "These numbers come before BGP's path.", also=("prepend",)),
    Word("Continue", "The entry that goes on after this one fitted.", also=("to next entry",)),
    Word("Set clauses", "What becomes of a route that fits, if the entry permits it."),
    Word("Policy routing matches", "IOS's line: no packets are routed by maps here.", also=("packets", "bytes")),
    Word("Route matches", "A line of our own: how often the entry matched a route."),
    Word("not found", "No map has this name; where one is asked for, it lets nothing through."),
    next="show running-config",
)
_ENTRIES = WordGroup(
    title="what an entry of a route map does",
    kind=WordKind.FLAG,
    screens=("show route-map",),
    next="show running-config",
    sighting=r"^route-map \S+, (permit|deny), sequence",
    explanations=(
        Word("permit", "A route that fits is let through, changed as the entry says."),
        Word("deny", "A route that fits is not let through."),
    ),
)
_POLICY = label_group(
    "labels of policy routing",
    ("show ip policy",),
    Word("Route map", "IOS's heading: no packets are routed by maps here.", also=("Interface",)),
    next="show route-map",
)
_LISTS = label_group(
    "labels of lists that choose routes",
    (
        *("show ip prefix-list", "show ip as-path-access-list", "show ip community-list"),
        *("show ip extcommunity-list", "show ip large-community-list"),
    ),
    Word("ip prefix-list", "A list of prefixes; the first entry that fits decides.", also=("entries",)),
    Word("seq", "The place of the entry in the list."),
    Word("count", "How many entries the list has."),
    Word("range entries", "Entries with `ge` or `le`."),
    Word("sequences", "The first and the last number of an entry."),
    Word("refcount", "The list itself, and the entries of route maps that name it."),
    Word("hit count", "How often the entry matched a route."),
    Word("AS path access list", "Regular expressions for AS paths; the first match decides."),
    Word("ge", "At least so many bits."),
    Word("le", "At most so many bits."),
    Word(
        "Community standard list",
        "A route needs all communities of an entry.",
        also=("Named", "Community", "list", "standard"),
    ),
    Word("Extended community standard list", "Lists of extended communities.", also=("Extended", "RT", "SoO")),
    Word("Large Community standard list", "Lists of large communities.", also=("Large",)),
    Word("Community expanded list", "Regular expressions for all communities of a route.", also=("expanded",)),
    next="show running-config",
)

_ACCESS = label_group(
    "access lists",
    ("show ip access-lists", "show access-lists"),
    Word("IP access list", "A list of addresses or packets; the first entry that matches decides.", also=("access",)),
    Word("Standard", "By source address alone."),
    Word("Extended", "By addresses, protocol and ports."),
    Word("permit", "The list selects packets that match, or excludes them.", also=("deny",)),
    Word("wildcard bits", "Bits of the address that do not matter.", also=("any", "host")),
    Word("eq", "This port, or one of these.", also=("neq", "range", "gt", "lt")),
    Word("established", "TCP, but not the first packet of a connection."),
    Word(
        "echo",
        "Messages of this type alone. NAT does nothing by a list with such a condition and says so, and an entry with "
        "one matches no route; the same holds for flags, fragments, marks, times and object groups.",
    ),
    Word("fragments", "Later fragments alone, which have no ports."),
    Word("dscp", "A mark of the packet.", also=("precedence", "tos")),
    Word("match-all", "TCP with all of these flags; match-any: with one of them.", also=("match-any",)),
    Word("option", "IP options, one of them or any."),
    Word("ttl", "The time to live that the packet has when it arrives."),
    Word("time-range", "The entry counts only at these times; behind it whether it does now."),
    Word("object-group", "One of the members of this group of addresses or services."),
    Word("log", "Packets that the entry decides on in a packet filter are logged.", also=("log-input",)),
    Word(
        "matches",
        "Packets that the entry has decided on in packet filters since they were cleared, on all ports together.",
        also=("match",),
    ),
    Word("inactive", "It is not the time of the entry's time range, so the entry is passed over."),
    Word("active", "It is that time, or there is no such time range."),
    Word("in", "The list that the port asks about what comes in; out: about what goes out.", also=("out",)),
    Word("ip", "Every protocol."),
    next="show running-config",
)

GROUPS: Final = (_ACCESS, _ANSWERS, _KEYS, _MAPS, _ENTRIES, _POLICY, _LISTS)
