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
    Word("Its last packet was not taken", "Why, stands behind it.", also=("are not taken",)),
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
        also=("youngest key id",),
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
    Word("Minimum LSA arrival", "How long an instance is kept at least before a newer one is taken."),
    Word("Number of external LSA", "Networks outside of OSPF, and the sum of their checksums."),
    Word("Checksum Sum", "Of all advertisements: routers of an area that agree have the same.", also=("Sum",)),
    Word("Number of areas in this router", "How many areas it has interfaces in; of each kind how many."),
    Word("normal", "Areas that know external routes; stub areas and NSSAs do not."),
    Word("Reference bandwidth unit", "What bandwidth costs 1: `auto-cost reference-bandwidth`."),
    Word("BACKBONE", "Area 0, by which all others are joined.", also=("BACKBONE(0)",)),
    Word("It is a", "What kind of area it is."),
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
GROUPS: Final = (_NEIGHBORS, _DETAIL, _INTERFACES, _BRIEF, _DATABASE, _PROCESS, _PROTOCOLS)
