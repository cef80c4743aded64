"""States of destinations and neighbors, and why a neighbor is down."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import WordGroup, WordKind
from dmvpn.features.eigrp.dual import Message
from dmvpn.features.eigrp.states import DownReason, NeighborState
from dmvpn.features.eigrp.topology import DestinationState, Event, Origin

_TOPOLOGY = ("show ip eigrp topology", "show eigrp address-family ipv4 topology")

_CODES = WordGroup(
    title="codes of the topology table",
    kind=WordKind.STATE,
    screens=_TOPOLOGY,
    rank=18,
    next="show ip eigrp topology",
    clause="RFC 7868 §3.5",
    sighting=r"(?:^([PA]) \S+/\d+, |via \S+, (r), )",
    mark=r"Topology Table for AS\(",
    explanations=(
        Word("P", "Passive: DUAL has settled this destination and no query is outstanding. The normal state."),
        Word(
            "A",
            "Active: the path was lost, there is no feasible successor, and all neighbors were queried.",
            "For an instant after a failure. If it lasts, some neighbor owes a reply: stuck in active after three "
            "minutes.",
            next="show ip eigrp topology active",
        ),
        Word(
            "U",
            "Update: a packet with news of this destination is on its way. IOS's legend; not shown here.",
            clause="RFC 7868 §4.1",
        ),
        Word(
            "Q",
            "Query: the neighbors are asked for a path. IOS's legend; the line is an Active one.",
            clause="RFC 7868 §4.2",
        ),
        Word("R", "Reply: our answer is on its way. IOS's legend; not shown here.", clause="RFC 7868 §4.3"),
        Word(
            "r",
            "Reply status: this neighbor has been asked and owes us an answer.",
            "Below an active destination.",
            next="show ip eigrp neighbors (is it still there?)",
            also=("reply Status",),
        ),
        Word(
            "s",
            "SIA status: the neighbor was asked whether the query is still active (SIA-Query).",
            clause="RFC 7868 §4.4.1",
            also=("sia Status",),
        ),
    ),
)

_ORIGIN_FLAGS = WordGroup(
    title="query-origin",
    kind=WordKind.STATE,
    screens=_TOPOLOGY,
    rank=42,
    next="show ip eigrp topology active",
    clause="RFC 7868 §3.5",
    sighting=r"query-origin: (.+)$",
    lines=True,
    explanations=(
        Word("Local origin", "This router lost the path itself and asks."),
        Word("Successor Origin", "The successor queried this router, so it queries its other neighbors."),
        Word(
            "Multiple Origins", "While we asked, the successor asked too, or its distance grew: a second round follows."
        ),
    ),
)

_DUAL_STATES = WordGroup(
    title="states of DUAL",
    kind=WordKind.STATE,
    screens=("debug eigrp fsm",),
    rank=43,
    next="show ip eigrp topology active",
    clause="RFC 7868 §3.5",
    sighting=r"DUAL: \S+ from (\w+ to \w+): ",
    explanations=(
        Word(
            DestinationState.PASSIVE.name,
            "No query is outstanding: the destination has a successor, or no path at all.",
        ),
        Word(
            DestinationState.INCREASED.name,
            "Active, oij 0: we asked, and the distance by the successor grew meanwhile.",
        ),
        Word(DestinationState.ASKED.name, "Active, oij 1: we asked, because no path met the feasibility condition."),
        Word(
            DestinationState.SUCCESSOR_INCREASED.name,
            "Active, oij 2: asked by the successor, or as it grew farther, meanwhile.",
        ),
        Word(
            DestinationState.SUCCESSOR_ASKED.name, "Active, oij 3: the successor asked us and we have no better path."
        ),
    ),
)

_EVENTS = WordGroup(
    title="events of DUAL",
    kind=WordKind.STATE,
    screens=("debug eigrp fsm",),
    rank=44,
    lines=True,
    next="show ip eigrp topology all-links",
    clause="RFC 7868 §3.5, figure 1",
    sighting=r"DUAL: \S+ from \w+ to \w+: (.+)$",
    explanations=(
        Word(Event.FEASIBLE.value, "Arcs 1 and 2: the change can be handled locally; no query is needed."),
        Word(Event.SUCCESSOR_ASKS.value, "Arc 3: the successor has lost its path and asks us."),
        Word(Event.LOST.value, "Arc 4: no neighbor is nearer than our feasible distance, so all are queried."),
        Word(Event.SUCCESSOR_ASKS_AGAIN.value, "Arc 5: a query of the successor came while ours was out."),
        Word(Event.SUCCESSOR_INCREASES.value, "Arcs 9 and 10: what the replies say may be out of date now."),
        Word(
            Event.REPLIES_NOT_FEASIBLE.value,
            "Arcs 11 and 12: all neighbors replied, and no reply is nearer than our earlier distance; all are queried "
            "again.",
        ),
        Word(
            Event.REPLIES.value, "Arcs 13 to 16: all neighbors replied; the best path is used and the state is passive."
        ),
    ),
)

_MESSAGES = WordGroup(
    title="how a report came",
    kind=WordKind.STATE,
    screens=("debug eigrp fsm",),
    rank=46,
    next="debug eigrp packets",
    clause="RFC 7868 §3.5",
    sighting=r"DUAL: rcv(\w+): ",
    explanations=(
        Word(Message.UPDATE.value, "News of a neighbor, or of a link or redistribution of our own."),
        Word(Message.QUERY.value, "The neighbor lost its path and asks for ours; the query has its distance."),
        Word(Message.REPLY.value, "The answer to our query."),
    ),
)

_ORIGINS = WordGroup(
    title="where a path comes from",
    kind=WordKind.STATE,
    screens=_TOPOLOGY,
    rank=47,
    next="show ip eigrp topology",
    sighting=r"^ +via (Connected|Summary|Redistributed|R\w+)[ ,]",
    explanations=(
        Word(
            Origin.CONNECTED.name.capitalize(),
            "A network of an interface that a `network` line covers.",
            next="show ip eigrp interfaces",
            also=("CONNECTED",),
        ),
        Word(
            Origin.SUMMARY.name.capitalize(),
            "`ip summary-address eigrp`: stands for more exact routes; packets for the rest of it are dropped (Null0).",
            next="show ip route",
            also=("SUMMARY",),
        ),
        Word(
            Origin.REDISTRIBUTED.name.capitalize(),
            "Taken from another source by `redistribute`; shown as R and the source's name.",
            next="show ip protocols",
            also=("REDISTRIBUTED",),
        ),
        Word(
            Origin.NEIGHBOR.name.capitalize(),
            "A neighbor advertised it; its address is shown.",
            next="show ip eigrp neighbors",
            also=("NEIGHBOR",),
        ),
    ),
)

_NEIGHBOR_STATES = WordGroup(
    title="states of a neighbor",
    kind=WordKind.STATE,
    screens=("show ip eigrp neighbors detail",),
    rank=48,
    next="show ip eigrp neighbors",
    clause="RFC 7868 §5.3.3",
    explanations=(
        Word(
            NeighborState.PENDING.value,
            "A Hello was heard, and the neighbor has not acknowledged our first Update: it may not hear us.",
            "If it lasts: unicast, or one direction, is lost; the multicast map is missing.",
        ),
        Word(NeighborState.UP.value, "Both sides hear each other and exchange routes.", also=("up (EIGRP neighbor)",)),
        Word(
            NeighborState.DOWN.value,
            "Given up: the log says why. No show has it, because the neighbor is forgotten.",
            also=("down (EIGRP neighbor)",),
        ),
    ),
)

_D = DownReason
_DOWN = WordGroup(
    title="why a neighbor went down",
    kind=WordKind.REASON,
    screens=("show logging", "debug eigrp neighbors"),
    rank=35,
    lines=True,
    next="show ip eigrp neighbors detail",
    sighting=r"(?: is down: | went down on \S+: )(.+)$",
    explanations=(
        Word(
            _D.HOLD_TIME.value,
            "No Hello came for the neighbor's own hold time: usually three Hellos.",
            "The link, the tunnel or IPsec is down, or the multicast map of the hub is missing.",
            next="show dmvpn, show ip nhrp multicast",
            clause="RFC 7868 §5.3.1",
        ),
        Word(_D.INTERFACE_DOWN.value, "Our interface went down.", next="show interfaces"),
        Word(
            _D.STATIC.value,
            "A `neighbor` line for this interface: only routers in such lines remain neighbors there.",
            next="show running-config",
        ),
        Word(
            _D.BFD.value,
            "BFD received no packet from it for the detection time, or it reports that it does not receive ours.",
            "The path or the neighbor died: long before the holding time.",
            next="show bfd neighbors details",
            clause="RFC 5882 §4",
        ),
        Word(
            _D.PREFIX_LIMIT.value,
            "It advertised more prefixes than `maximum-prefix` allows, or than fit: it is kept down for a while.",
            next="show ip eigrp accounting",
        ),
        Word(
            _D.CROWDED.value,
            "There are as many neighbors as there is room for, and it had not answered yet.",
            "Hellos come from thousands of source addresses.",
            next="show ip eigrp neighbors",
        ),
        Word(
            _D.SERVER_DEAD.value,
            "It is a next hop server, and the echoes of NHRP were not answered (`ip nhrp watch-servers`).",
            next="show ip nhrp nhs detail",
        ),
        Word(
            _D.RESTARTED.value,
            "The neighbor restarted: its Update carried the INIT flag, so it has no routes.",
            clause="RFC 7868 §5.3.3",
        ),
        Word(
            _D.TERMINATED.value,
            "The neighbor says that it gave us up, for a reason of its own.",
            "Seen with the neighbor's own message about us.",
            next="on the neighbor: show logging",
        ),
        Word(
            _D.GOODBYE.value,
            "The neighbor stops in an orderly way: shutdown, or `no router eigrp`.",
            "Its Hello has all K values 255.",
            clause="RFC 7868 §6.7.7",
        ),
        Word(
            _D.WEIGHTS.value,
            "`metric weights` differ: the distances could not be compared, so the routers are no neighbors.",
            next="show ip protocols (on both ends)",
            clause="RFC 7868 §6.7.1",
        ),
        Word(
            _D.RETRY_LIMIT.value,
            "A packet was repeated 16 times and never acknowledged: unicast does not get there, "
            "or large packets do not.",
            "Hellos are small multicasts and pass, Updates are larger: MTU, or a missing map on one side.",
            next="ping (the neighbor, size 1400 df-bit)",
            clause="RFC 7868 §5.2",
        ),
        Word(
            _D.ROUTE_CONFIGURATION.value,
            "Something was configured that needs the neighbor to start over, such as `eigrp stub`.",
            next="show running-config",
        ),
        Word(
            _D.AUTHENTICATION.value,
            "A packet of the neighbor carried no digest, a wrong digest, or a digest although none is configured here.",
            "Keys or key numbers differ, or only one side authenticates.",
            next="show running-config (key chain)",
            clause="RFC 7868 §6.7.2",
        ),
        Word(
            _D.AUTHENTICATION_CHANGED.value,
            "The authentication of our interface was changed, so the neighbor has to prove itself again.",
            next="show ip eigrp interfaces detail",
        ),
        Word(
            _D.STUCK_IN_ACTIVE.value,
            "The neighbor owed a reply, and did not answer an SIA-Query either, or was still active "
            "after three of them: it is dropped so that the destination can settle.",
            next="show ip eigrp topology active",
            clause="RFC 7868 §4.4.1",
        ),
        Word(
            _D.PEER_INFO.value,
            "The neighbor's own parameters changed, for example it became a stub.",
            next="show ip eigrp neighbors detail",
        ),
        Word(_D.CLEARED.value, "A user typed `clear ip eigrp neighbors`.", next="show logging"),
        Word(
            _D.SHUTDOWN.value,
            "The process or the interface was switched off by configuration.",
            next="show running-config",
        ),
        Word(_D.PASSIVE.value, "`passive-interface`: no neighbors are wanted there.", next="show ip protocols"),
        Word(_D.ADDRESS.value, "The interface has another address now.", next="show ip interface brief"),
    ),
)

GROUPS: Final = (
    _CODES,
    _ORIGIN_FLAGS,
    _DUAL_STATES,
    _EVENTS,
    _MESSAGES,
    _ORIGINS,
    _NEIGHBOR_STATES,
    _DOWN,
)
