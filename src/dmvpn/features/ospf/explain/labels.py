"""Headings and labels of OSPF's shows."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import label_group

_NEIGHBORS = label_group(
    "columns of OSPF's neighbors",
    ("show ip ospf neighbor",),
    Word("Neighbor ID", "The neighbor's router identifier, which need not be an address that can be reached."),
    Word("Pri", "Its priority when a designated router is elected; 0: never. 0 where nobody is elected."),
    Word("Dead Time", "How long until it is given up unless a Hello comes.", clause="RFC 2328 §10.5"),
    Word("Address", "The neighbor's address on this network: the next hop of routes by it."),
    next="show ip ospf neighbor detail",
    sighted=True,
    mark=r"^Neighbor ID +Pri ",
)
_DETAIL = label_group(
    "particulars of a neighbor of OSPF",
    ("show ip ospf neighbor detail",),
    Word("In the area", "The area of the network, and our interface there."),
    Word("Neighbor priority", "Its priority in elections, its state, and how often that changed.", also=("priority",)),
    Word("state changes", "How often its state changed: few, of a healthy one."),
    Word("DR is", "Whom it takes for designated router and for backup; 0.0.0.0: nobody.", also=("BDR is",)),
    Word("Options", "What it can do, as its Hellos say: 0x2 is external routes.", clause="RFC 2328 §A.2"),
    Word("Dead timer due", "When it is given up, if no Hello comes until then.", also=("due",)),
    Word("is up for", "For how long it has been in its state."),
    Word("Index", "IOS's numbers of the neighbor in its tables: always 0 here."),
    Word(
        "retransmission queue length",
        "Advertisements that it has been told and has not acknowledged. 0 is healthy.",
        also=("number of retransmission",),
    ),
    Word("Its last packet was not taken", "The reason follows.", also=("are not taken",)),
    next="debug ip ospf adj",
)
_INTERFACES = label_group(
    "labels of OSPF's interfaces",
    ("show ip ospf interface",),
    Word("line protocol", "Whether the interface carries packets."),
    Word("Internet Address", "Its address with the length of the mask, which must be the same at both ends."),
    Word("Area", "The area that the network belongs to; both ends must agree.", clause="RFC 2328 §3"),
    Word("Attached via Network Statement", "A `network` line, or `ip ospf ... area` of the interface, put it there."),
    Word("Process ID", "The number of the process, which means nothing to other routers.", also=("PID",)),
    Word("Router ID", "The name of this router in OSPF: the highest address of a loopback, or `router-id`."),
    Word("Network Type", "How many neighbors there are, and whether one speaks for all: `ip ospf network`."),
    Word("Cost", "What the way out of here costs: `ip ospf cost`, or by bandwidth. A tunnel's is 1000."),
    Word("Transmit Delay", "Seconds that what leaves here grows older on its way."),
    Word("Priority", "Ours in elections; 0: we are never elected."),
    Word("Timer intervals", "Seconds: between Hellos, until a silent neighbor is given up, until the first election."),
    Word("Dead", "Seconds of silence that end a neighbor; the same at both ends.", clause="RFC 2328 §10.5"),
    Word("Wait", "Seconds before the first election."),
    Word("Retransmit", "Seconds after which what was not acknowledged is sent again."),
    Word("Hello due in", "When the next Hello leaves."),
    Word("No Hellos", "No neighbors are wanted here (`passive-interface`), or why there cannot be any."),
    Word("Neighbor Count", "How many neighbors are known."),
    Word("Adjacent neighbor count", "How many have the same database; they follow.", also=("Adjacent with neighbor",)),
    Word("Suppress hello", "Demand circuits, which are not here: always 0."),
    Word(
        "Loopback interface is treated as a stub Host",
        "A loopback is told with a mask of 32 ones, unless it has `ip ospf network point-to-point`.",
    ),
    Word("Designated Router", "Who speaks for the network: identifier and address."),
    Word("Backup Designated router", "Who takes its place."),
    Word(
        "No designated router on this network",
        "Nobody is elected yet, or may be.",
        also=("No backup designated router on this network",),
    ),
    Word("Simple password authentication", "A password travels in clear in every packet.", clause="RFC 2328 §D.4.2"),
    Word(
        "Cryptographic authentication",
        "Packets carry digests; the key that new ones are made with is the youngest.",
        also=("youngest key id", "Sending SA: Key", "Algorithm", "key chain", "no valid key"),
        clause="RFC 2328 §D.4.3",
    ),
    Word("msec", "Milliseconds."),
    next="show ip ospf neighbor",
)
_BRIEF = label_group(
    "columns of OSPF's interfaces",
    ("show ip ospf interface brief",),
    Word("IP Address/Mask", "Our address there with the length of the mask."),
    Word("Nbrs F/C", "Neighbors: how many are full, and how many are known."),
    next="show ip ospf interface",
    mark=r"^Interface +PID ",
)
_DATABASE = label_group(
    "labels of the link state database",
    ("show ip ospf database",),
    Word("Router Link States", "Type 1: routers and their links.", clause="RFC 2328 §12.4.1"),
    Word("Net Link States", "Type 2: networks with a designated router.", clause="RFC 2328 §12.4.2"),
    Word("Summary Net Link States", "Type 3: networks of other areas.", clause="RFC 2328 §12.4.3"),
    Word("Summary ASB Link States", "Type 4: border routers of other areas.", clause="RFC 2328 §12.4.3"),
    Word("Type-7 AS External Link States", "Networks outside, told in an NSSA.", clause="RFC 3101 §2.2"),
    Word("Type-5 AS External Link States", "Networks outside of OSPF.", clause="RFC 2328 §12.4.4"),
    Word("Link ID", "What it is about: a router, a network, or a designated router's address."),
    Word("ADV Router", "Who says it."),
    Word("Age", "Seconds since it was made; at 3600 it is gone, and at 1800 it is said again."),
    Word("Seq#", "Of two instances the one with the higher number is the newer one."),
    Word("Checksum", "Of the advertisement; routers that agree have the same."),
    Word("Link count", "How many links the router tells."),
    next="show ip ospf",
)
_DETAILS = label_group(
    "labels of an advertisement",
    (
        "show ip ospf database router",
        "show ip ospf database network",
        "show ip ospf database summary",
        "show ip ospf database asbr-summary",
        "show ip ospf database nssa-external",
        "show ip ospf database external",
    ),
    Word("LS age", "Seconds since it was made; it is said again at 1800."),
    Word(
        "LS Type",
        "What it tells of.",
        also=("Router Links", "Network Links", "Summary Links", "AS External Link"),
        clause="RFC 2328 §A.4.1",
    ),
    Word(
        "Link State ID",
        "What it is about; what the address is, the words behind it say.",
        also=("summary Network Number", "External Network Number", "address of Designated Router"),
    ),
    Word("Advertising Router", "The router that made it."),
    Word("LS Seq Number", "Its number, in hexadecimal: the higher one is the newer one."),
    Word("Length", "Octets of it."),
    Word(
        "No TOS-capability",
        "It knows one metric of a link, not one for each type of service.",
        also=("No DC", "DC"),
    ),
    Word(
        "Type 7/5 translation",
        "A border router of the area is to tell it outside, or not.",
        also=("No Type 7/5 translation",),
        clause="RFC 3101 §2.4",
    ),
    Word("Area Border Router", "It joins areas."),
    Word("AS Boundary Router", "It brings routes in from outside, or translates those of an NSSA."),
    Word("Number of Links", "How many links it tells; all of them follow."),
    Word(
        "Link connected to",
        "A router, a network with a designated router, or a network that leads no further.",
        also=("another Router (point-to-point)", "a Virtual Link", "something of type"),
    ),
    Word(
        "(Link ID)",
        "What the link leads to, and by which address.",
        also=("(Link Data)", "Link Data", "Neighboring Router ID", "Network/subnet number"),
        clause="RFC 2328 §A.4.2",
    ),
    Word(
        "Number of MTID metrics",
        "Further topologies, which are not here: always 0.",
        also=("TOS 0 Metrics", "MTID"),
    ),
    Word("Network Mask", "The length of the network's mask."),
    Word("Attached Router", "A router on the network."),
    Word("Metric", "What the way from the router that says it costs."),
    Word(
        "Metric Type",
        "1: the way to the router that says it counts, too. 2: only what it says counts.",
        also=("Larger than any link state path", "Comparable directly to link state metric"),
    ),
    Word("Forward Address", "Where packets are to go; 0.0.0.0: to the router that says it."),
    Word("External Route Tag", "An administrator's mark."),
    next="show ip ospf database",
)
_PROCESS = label_group(
    "labels of a process of OSPF",
    ("show ip ospf",),
    Word("Routing Process", "The process and its router identifier.", also=("OSPF Router with ID",)),
    Word(
        "Initial SPF schedule delay",
        "Between a change and the first calculation of routes: `timers throttle spf`. Milliseconds, as all below.",
        also=("msecs",),
    ),
    Word(
        "Minimum hold time between two consecutive SPFs",
        "Between the first calculation and the second; it doubles while changes go on.",
        also=("Maximum wait time between two consecutive SPFs",),
    ),
    Word("Initial LSA throttle delay", "Between a change of ours and what we say of it."),
    Word(
        "Minimum hold time for LSA throttle",
        "Between two instances of one advertisement of ours; it doubles while changes go on.",
        also=("Maximum wait time for LSA throttle",),
    ),
    Word(
        "Minimum LSA arrival",
        "How long an instance is kept at least before a newer one is taken: `timers lsa arrival`.",
    ),
    Word(
        "Originating router-LSAs with maximum metric",
        "`max-metric router-lsa`: others go through this router only if there is no other way.",
        clause="RFC 6987",
    ),
    Word("Number of external LSA", "Networks outside of OSPF, and the sum of their checksums."),
    Word("Checksum Sum", "Of all advertisements: routers of an area that agree have the same.", also=("Sum",)),
    Word("Number of areas in this router", "How many areas it has interfaces in; of each kind how many."),
    Word("normal", "Areas that know external routes; stub areas and NSSAs do not."),
    Word("Reference bandwidth unit", "What bandwidth costs 1: `auto-cost reference-bandwidth`."),
    Word("BACKBONE", "Area 0, by which all others are joined.", also=("BACKBONE(0)",)),
    Word("It is a", "What kind of area it is.", also=("no summary LSA in this area",)),
    Word(
        "Perform type-7/type-5 LSA translation",
        "This border router tells outside what comes into the NSSA.",
        clause="RFC 3101 §3.1",
    ),
    Word(
        "Area range",
        "A prefix that other areas hear in the place of the networks in it. Active: it holds one; its cost follows.",
        also=("Active", "Passive", "Advertise", "DoNotAdvertise"),
    ),
    Word("Number of interfaces in this area", "How many of ours are in it."),
    Word("SPF algorithm last executed", "When routes were last calculated.", also=("SPF algorithm executed", "times")),
    Word("Number of LSA", "How many advertisements the area's database holds."),
    next="show ip ospf database",
)
_PROTOCOLS = label_group(
    "what OSPF says of itself",
    ("show ip protocols",),
    Word("area", "The area that the networks belong to.", clause="RFC 2328 §3"),
    Word("Routing on Interfaces Configured Explicitly", "Interfaces with `ip ospf ... area`."),
    Word("intra-area", "Administrative distance of routes within an area."),
    Word("inter-area", "That of routes from other areas."),
    next="show ip ospf",
)
_BORDERS = label_group(
    "ways to border routers",
    ("show ip ospf border-routers",),
    Word("Internal Router Routing Table", "Router, cost, next hop, what the router is, by which area it is reached."),
    Word("Intra-area route", "i: the router is in an area of ours. I: in another area.", also=("Inter-area route",)),
    Word("ABR", "It has interfaces in several areas, one of them the backbone.", clause="RFC 2328 §3.3"),
    Word("ASBR", "It tells of networks outside of OSPF; ABR/ASBR does both.", also=("ABR/ASBR",)),
    Word("SPF", "How often the ways in this area were calculated."),
    Word("Base Topology", "The only one that there is here."),
    next="show ip ospf database router",
)
_VIRTUAL_LINKS = label_group(
    "labels of a virtual link",
    ("show ip ospf virtual-links",),
    Word(
        "Virtual Link",
        "A link of the backbone through another area, to a router identifier. Up: that area leads there.",
        also=("VIRTUAL_LINK",),
        clause="RFC 2328 §15",
    ),
    Word("Transit area", "The area that it leads through, and the interface by which it leaves."),
    Word("Topology-MTID", "Further topologies, which are not here.", also=("Disabled", "Shutdown", "Topology Name")),
    Word("Adjacency State", "How far the neighbor at its other end is: FULL is healthy."),
    next="show ip ospf border-routers",
)
_LISTS = label_group(
    "what neighbors of OSPF owe",
    ("show ip ospf retransmission-list", "show ip ospf request-list"),
    Word("Link state retransmission due", "When what follows is sent again, unless it is acknowledged."),
    Word("Queue length", "How many advertisements were not acknowledged."),
    Word("Type", "What the advertisement tells of: 1 router, 2 network, 3 and 4 other areas, 5 and 7 outside."),
    Word("LS ID", "Its name: a router, a network, or a designated router's address."),
    Word("ADV RTR", "The router that tells it."),
    Word("Seq NO", "Its number: of two instances the higher one counts."),
    next="show ip ospf neighbor detail",
)
GROUPS: Final = (
    *(_NEIGHBORS, _DETAIL, _INTERFACES, _BRIEF, _DATABASE, _DETAILS, _PROCESS, _PROTOCOLS),
    *(_BORDERS, _VIRTUAL_LINKS, _LISTS),
)
