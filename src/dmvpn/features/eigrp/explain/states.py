"""States of destinations and neighbors, and why a neighbor is down."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.eigrp.dual import Message
from dmvpn.features.eigrp.states import DownReason, NeighborState
from dmvpn.features.eigrp.topology import DestinationState, Event, Origin

_D = DownReason

_CODES = words(
    WordKind.STATE, rank=18, sighting=r"(?:^([PA]) \S+/\d+, |via \S+, (r), )", mark=r"Topology Table for AS\("
)("""
    ## codes of the topology table :: show ip eigrp topology, show eigrp address-family ipv4 topology [RFC 7868 §3.5]
        next: show ip eigrp topology
    P :: Passive: DUAL has settled this destination and no query is outstanding. The normal state.
    A :: Active: the path was lost, there is no feasible successor, and all neighbors were queried.
        when: For an instant after a failure. If it lasts, some neighbor owes a reply: stuck in active after three
        minutes.
        next: show ip eigrp topology active
    U :: Update: a packet with news of this destination is on its way. IOS's legend; not shown here. [RFC 7868 §4.1]
    Q :: Query: the neighbors are asked for a path. IOS's legend; the line is an Active one. [RFC 7868 §4.2]
    R :: Reply: our answer is on its way. IOS's legend; not shown here. [RFC 7868 §4.3]
    r | reply Status :: Reply status: this neighbor has been asked and owes us an answer.
        when: Below an active destination.
        next: show ip eigrp neighbors (is it still there?)
    s | sia Status :: SIA status: the neighbor was asked whether the query is still active (SIA-Query).
        [RFC 7868 §4.4.1]
    """)
_ORIGIN_FLAGS = words(WordKind.STATE, rank=42, sighting=r"query-origin: (.+)$", lines=True)("""
    ## query-origin :: show ip eigrp topology, show eigrp address-family ipv4 topology [RFC 7868 §3.5]
        next: show ip eigrp topology active
    Local origin :: This router lost the path itself and asks.
    Successor Origin :: The successor queried this router, so it queries its other neighbors.
    Multiple Origins :: While we asked, the successor asked too, or its distance grew: a second round follows.
    """)
_DUAL_STATES = words(WordKind.STATE, rank=43, sighting=r"DUAL: \S+ from (\w+ to \w+): ")(f"""
    ## states of DUAL :: debug eigrp fsm [RFC 7868 §3.5] next: show ip eigrp topology active
    {DestinationState.PASSIVE.name} :: No query is outstanding: the destination has a successor, or no path at all.
    {DestinationState.INCREASED.name} :: Active, oij 0: we asked, and the distance by the successor grew meanwhile.
    {DestinationState.ASKED.name} :: Active, oij 1: we asked, because no path met the feasibility condition.
    {DestinationState.SUCCESSOR_INCREASED.name} :: Active, oij 2: asked by the successor, or as it grew farther,
        meanwhile.
    {DestinationState.SUCCESSOR_ASKED.name} :: Active, oij 3: the successor asked us and we have no better path.
    """)
_EVENTS = words(WordKind.STATE, Event, rank=44, sighting=r"DUAL: \S+ from \w+ to \w+: (.+)$", lines=True)("""
    ## events of DUAL :: debug eigrp fsm [RFC 7868 §3.5, figure 1] next: show ip eigrp topology all-links
    FEASIBLE :: Arcs 1 and 2: the change can be handled locally; no query is needed.
    SUCCESSOR_ASKS :: Arc 3: the successor has lost its path and asks us.
    LOST :: Arc 4: no neighbor is nearer than our feasible distance, so all are queried.
    SUCCESSOR_ASKS_AGAIN :: Arc 5: a query of the successor came while ours was out.
    SUCCESSOR_INCREASES :: Arcs 9 and 10: what the replies say may be out of date now.
    REPLIES_NOT_FEASIBLE :: Arcs 11 and 12: all neighbors replied, and no reply is nearer than our earlier distance; all
        are queried again.
    REPLIES :: Arcs 13 to 16: all neighbors replied; the best path is used and the state is passive.
    """)
_MESSAGES = words(WordKind.STATE, Message, rank=46, sighting=r"DUAL: rcv(\w+): ")("""
    ## how a report came :: debug eigrp fsm [RFC 7868 §3.5] next: debug eigrp packets
    UPDATE :: News of a neighbor, or of a link or redistribution of our own.
    QUERY :: The neighbor lost its path and asks for ours; the query has its distance.
    REPLY :: The answer to our query.
    """)
_ORIGINS = words(WordKind.STATE, rank=47, sighting=r"^ +via (Connected|Summary|Redistributed|R\w+)[ ,]")(f"""
    ## where a path comes from :: show ip eigrp topology, show eigrp address-family ipv4 topology
        next: show ip eigrp topology
    {Origin.CONNECTED.name.capitalize()} | CONNECTED :: A network of an interface that a `network` line covers.
        next: show ip eigrp interfaces
    {Origin.SUMMARY.name.capitalize()} | SUMMARY :: `ip summary-address eigrp`: stands for more exact routes; packets
        for the rest of it are dropped (Null0).
        next: show ip route
    {Origin.REDISTRIBUTED.name.capitalize()} | REDISTRIBUTED :: Taken from another source by `redistribute`; shown as R
        and the source's name.
        next: show ip protocols
    {Origin.NEIGHBOR.name.capitalize()} | NEIGHBOR :: A neighbor advertised it; its address is shown.
        next: show ip eigrp neighbors
    """)
_NEIGHBOR_STATES = words(WordKind.STATE, NeighborState, rank=48)("""
    ## states of a neighbor :: show ip eigrp neighbors detail [RFC 7868 §5.3.3] next: show ip eigrp neighbors
    PENDING :: A Hello was heard, and the neighbor has not acknowledged our first Update: it may not hear us.
        when: If it lasts: unicast, or one direction, is lost; the multicast map is missing.
    UP | up (EIGRP neighbor) :: Both sides hear each other and exchange routes.
    DOWN | down (EIGRP neighbor) :: Given up: the log says why. No show has it, because the neighbor is forgotten.
    """)
_DOWN = words(WordKind.REASON, _D, rank=35, sighting=r"(?: is down: | went down on \S+: )(.+)$")("""
    ## why a neighbor went down :: show logging, debug eigrp neighbors next: show ip eigrp neighbors detail
    HOLD_TIME :: No Hello came for the neighbor's own hold time: usually three Hellos. [RFC 7868 §5.3.1]
        when: The link, the tunnel or IPsec is down, or the multicast map of the hub is missing.
        next: show dmvpn, show ip nhrp multicast
    INTERFACE_DOWN :: Our interface went down. next: show interfaces
    STATIC :: A `neighbor` line for this interface: only routers in such lines remain neighbors there.
        next: show running-config
    BFD :: BFD received no packet from it for the detection time, or it reports that it does not receive ours.
        [RFC 5882 §4]
        when: The path or the neighbor died: long before the holding time.
        next: show bfd neighbors details
    PREFIX_LIMIT :: It advertised more prefixes than `maximum-prefix` allows, or than fit: it is kept down for a while.
        next: show ip eigrp accounting
    CROWDED :: There are as many neighbors as there is room for, and it had not answered yet.
        when: Hellos come from thousands of source addresses.
        next: show ip eigrp neighbors
    SERVER_DEAD :: It is a next hop server, and the echoes of NHRP were not answered (`ip nhrp watch-servers`).
        next: show ip nhrp nhs detail
    RESTARTED :: The neighbor restarted: its Update carried the INIT flag, so it has no routes. [RFC 7868 §5.3.3]
    TERMINATED :: The neighbor says that it gave us up, for a reason of its own.
        when: Seen with the neighbor's own message about us.
        next: on the neighbor: show logging
    GOODBYE :: The neighbor stops in an orderly way: shutdown, or `no router eigrp`. [RFC 7868 §6.7.7]
        when: Its Hello has all K values 255.
    WEIGHTS :: `metric weights` differ: the distances could not be compared, so the routers are no neighbors.
        [RFC 7868 §6.7.1]
        next: show ip protocols (on both ends)
    RETRY_LIMIT :: A packet was repeated 16 times and never acknowledged: unicast does not get there, or large packets
        do not. [RFC 7868 §5.2]
        when: Hellos are small multicasts and pass, Updates are larger: MTU, or a missing map on one side.
        next: ping (the neighbor, size 1400 df-bit)
    ROUTE_CONFIGURATION :: Something was configured that needs the neighbor to start over, such as `eigrp stub`.
        next: show running-config
    AUTHENTICATION :: A packet of the neighbor carried no digest, a wrong digest, or a digest although none is
        configured here. [RFC 7868 §6.7.2]
        when: Keys or key numbers differ, or only one side authenticates.
        next: show running-config (key chain)
    AUTHENTICATION_CHANGED :: The authentication of our interface was changed, so the neighbor has to prove itself
        again.
        next: show ip eigrp interfaces detail
    STUCK_IN_ACTIVE :: The neighbor owed a reply, and did not answer an SIA-Query either, or was still active after
        three of them: it is dropped so that the destination can settle. [RFC 7868 §4.4.1]
        next: show ip eigrp topology active
    PEER_INFO :: The neighbor's own parameters changed, for example it became a stub.
    CLEARED :: A user typed `clear ip eigrp neighbors`. next: show logging
    SHUTDOWN :: The process or the interface was switched off by configuration. next: show running-config
    PASSIVE :: `passive-interface`: no neighbors are wanted there. next: show ip protocols
    ADDRESS :: The interface has another address now. next: show ip interface brief
    """)

GROUPS: Final = groups(vars())
