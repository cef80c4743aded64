"""States of destinations and neighbors, and why a neighbor is down."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import Group, Kind
from dmvpn.features.eigrp.dual import Message
from dmvpn.features.eigrp.states import DownReason, NeighborState
from dmvpn.features.eigrp.topology import Event, Origin, State

_TOPOLOGY = ("show ip eigrp topology", "show eigrp address-family ipv4 topology")

_CODES = Group(
    title="codes of the topology table",
    kind=Kind.STATE,
    screens=_TOPOLOGY,
    rank=18,
    next="show ip eigrp topology",
    clause="RFC 7868 §3.5",
    sighting=r"(?:^([PA]) \S+/\d+, |via \S+, (r), )",
    mark=r"Topology Table for AS\(",
    explanations=(
        Word("P", "Passive: DUAL is content with this destination; nobody is being asked. The state to be in."),
        Word(
            "A",
            "Active: the way was lost, no feasible successor was at hand, and all neighbors are being asked.",
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
            "Query: the neighbors are asked for a way. IOS's legend; the line is an Active one.",
            clause="RFC 7868 §4.2",
        ),
        Word("R", "Reply: an answer of ours is on its way. IOS's legend; not shown here.", clause="RFC 7868 §4.3"),
        Word(
            "r",
            "Reply status: this neighbor has been asked and owes us an answer.",
            "Below an active destination.",
            next="show ip eigrp neighbors (is it still there?)",
            also=("reply Status",),
        ),
        Word(
            "s",
            "SIA status: the neighbor was asked whether it is still at work on it (SIA-Query).",
            clause="RFC 7868 §4.4.1",
            also=("sia Status",),
        ),
    ),
)

_ORIGIN_FLAGS = Group(
    title="query-origin",
    kind=Kind.STATE,
    screens=_TOPOLOGY,
    rank=42,
    next="show ip eigrp topology active",
    clause="RFC 7868 §3.5",
    sighting=r"query-origin: (.+)$",
    lines=True,
    explanations=(
        Word("Local origin", "This router lost the way itself and asks."),
        Word("Successor Origin", "The successor asked us, so we ask the others on."),
        Word(
            "Multiple Origins", "While we asked, the successor asked too, or its distance grew: a second round follows."
        ),
    ),
)

_DUAL_STATES = Group(
    title="states of DUAL",
    kind=Kind.STATE,
    screens=("debug eigrp fsm",),
    rank=43,
    next="show ip eigrp topology active",
    clause="RFC 7868 §3.5",
    sighting=r"DUAL: \S+ from (\w+ to \w+): ",
    explanations=(
        Word(State.PASSIVE.name, "Nothing is asked: the destination has a successor, or nobody has a way."),
        Word(State.INCREASED.name, "Active, oij 0: we asked, and the distance by the successor grew meanwhile."),
        Word(State.ASKED.name, "Active, oij 1: we asked, because no path met the feasibility condition."),
        Word(
            State.SUCCESSOR_INCREASED.name, "Active, oij 2: asked by the successor, or as it grew farther, meanwhile."
        ),
        Word(State.SUCCESSOR_ASKED.name, "Active, oij 3: the successor asked us and we know no better."),
    ),
)

_EVENTS = Group(
    title="events of DUAL",
    kind=Kind.STATE,
    screens=("debug eigrp fsm",),
    rank=44,
    lines=True,
    next="show ip eigrp topology all-links",
    clause="RFC 7868 §3.5, figure 1",
    sighting=r"DUAL: \S+ from \w+ to \w+: (.+)$",
    explanations=(
        Word(Event.FEASIBLE.value, "Arcs 1 and 2: the change can be met locally; no query is needed."),
        Word(Event.SUCCESSOR_ASKS.value, "Arc 3: the one that we send to has lost its way and asks us."),
        Word(Event.LOST.value, "Arc 4: no neighbor is nearer than our feasible distance, so all are asked."),
        Word(Event.SUCCESSOR_ASKS_AGAIN.value, "Arc 5: a query of the successor came while ours was out."),
        Word(Event.SUCCESSOR_INCREASES.value, "Arcs 9 and 10: what the replies say may be out of date now."),
        Word(
            Event.REPLIES_NOT_FEASIBLE.value,
            "Arcs 11 and 12: everybody answered, and no answer is nearer than our distance from before; all are asked "
            "once more.",
        ),
        Word(Event.REPLIES.value, "Arcs 13 to 16: everybody answered; the best way is taken and the state is passive."),
    ),
)

_MESSAGES = Group(
    title="how a report came",
    kind=Kind.STATE,
    screens=("debug eigrp fsm",),
    rank=46,
    next="debug eigrp packets",
    clause="RFC 7868 §3.5",
    sighting=r"DUAL: rcv(\w+): ",
    explanations=(
        Word(Message.UPDATE.value, "News of a neighbor, or of a link or redistribution of our own."),
        Word(Message.QUERY.value, "The neighbor lost its way and asks for ours; its distance is in it."),
        Word(Message.REPLY.value, "The answer to a query of ours."),
    ),
)

_ORIGINS = Group(
    title="where a path comes from",
    kind=Kind.STATE,
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
            "A neighbor told it; its address is shown.",
            next="show ip eigrp neighbors",
            also=("NEIGHBOR",),
        ),
    ),
)

_NEIGHBOR_STATES = Group(
    title="states of a neighbor",
    kind=Kind.STATE,
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
_DOWN = Group(
    title="why a neighbor went down",
    kind=Kind.REASON,
    screens=("show logging", "debug eigrp neighbors"),
    rank=35,
    lines=True,
    next="show ip eigrp neighbors detail",
    sighting=r"(?: is down: | went down on \S+: )(.+)$",
    explanations=(
        Word(
            _D.HOLD_TIME.value,
            "No Hello came for as long as the neighbor itself had said: three Hellos, usually.",
            "The link, the tunnel or IPsec is down, or the multicast map of the hub is missing.",
            next="show dmvpn, show ip nhrp multicast",
            clause="RFC 7868 §5.3.1",
        ),
        Word(_D.INTERFACE_DOWN.value, "Our interface went down.", next="show interfaces"),
        Word(
            _D.STATIC.value,
            "A `neighbor` line names others on this interface: whoever is not among them is no neighbor any more.",
            next="show running-config",
        ),
        Word(
            _D.BFD.value,
            "BFD heard nothing from it for the detection time, or it said that it does not hear us.",
            "The path or the neighbor died: long before the holding time.",
            next="show bfd neighbors details",
            clause="RFC 5882 §4",
        ),
        Word(
            _D.PREFIX_LIMIT.value,
            "It told more prefixes than `maximum-prefix` allows, or than there is room for: it stays away for a while.",
            next="show ip eigrp accounting",
        ),
        Word(
            _D.CROWDED.value,
            "There are as many neighbors as there is room for, and it had not answered yet.",
            "Somebody greets by thousands of addresses.",
            next="show ip eigrp neighbors",
        ),
        Word(
            _D.SERVER_DEAD.value,
            "It is a next hop server, and the echoes of NHRP were not answered (`ip nhrp watch-servers`).",
            next="show ip nhrp nhs detail",
        ),
        Word(
            _D.RESTARTED.value,
            "The neighbor began again: its Update carried the INIT flag, so it knows nothing.",
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
            "`metric weights` differ: distances of the two could not be compared, so they are no neighbors.",
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
            "A packet of the neighbor carried no digest, a wrong one, or one that nobody asked for.",
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
            "The neighbor owed a reply, and did not answer an SIA-Query either, or had no "
            "end after three of them: it is given up so that the destination can settle.",
            next="show ip eigrp topology active",
            clause="RFC 7868 §4.4.1",
        ),
        Word(
            _D.PEER_INFO.value,
            "What the neighbor says of itself changed, such as its being a stub.",
            next="show ip eigrp neighbors detail",
        ),
        Word(_D.CLEARED.value, "Somebody typed `clear ip eigrp neighbors`.", next="show logging"),
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
