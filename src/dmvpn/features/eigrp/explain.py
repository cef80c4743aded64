"""Explanations of the output of EIGRP for `dmvpn explain` and `| explain`. Imported on first use, never by a machine.

states     of destinations, neighbors, DUAL; why a neighbor went down
codes      opcodes, TLVs and flags of packets (RFC 7868 §6)
lines      log messages, debug lines, reasons
labels     columns and labels of the shows
"""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.eigrp import messages
from dmvpn.features.eigrp.dual import Message
from dmvpn.features.eigrp.packet import ExternalFlag, ExternalProtocol, Opcode, PacketFlag, RouteFlag, VirtualRouterId
from dmvpn.features.eigrp.reasons import DownReason, EigrpReason, NeighborState
from dmvpn.features.eigrp.tlv import AuthenticationType, StubFlag, TlvType
from dmvpn.features.eigrp.topology import DestinationState, Event, Origin

# ------------------------------------------------------------------------------------------------ states


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


# ------------------------------------------------------------------------------------------------ codes


_RFC: Final = "rfc 7868 eigrp code"

_OPCODES = words(
    WordKind.CODE,
    Opcode,
    rank=24,
    names=f"{_RFC} opcode packet type",
    sighting=r"EIGRP: (?:Sending|Received) ([A-Z]+) on ",
)("""
    ## opcodes :: debug eigrp packets, show ip eigrp traffic [RFC 7868 §6.5] next: show ip eigrp traffic
    UPDATE :: Advertises routes; must be acknowledged. The first to a new neighbor has the INIT flag. [RFC 7868 §4.1]
    REQUEST :: Reserved; no router sends it.
    QUERY :: The sender lost its path to a destination and asks for yours; must be answered. [RFC 7868 §4.2]
        when: In a failure without a feasible successor. Stub spokes are not asked: `eigrp stub`.
        next: show ip eigrp topology active
    REPLY :: The answer to a Query; it may say that there is no path. [RFC 7868 §4.3]
    HELLO :: I am here; every 5 seconds, or 60 on slow links. Not acknowledged. With an acknowledgment number and
        nothing in it, it is an ACK. [RFC 7868 §5.3.2]
        next: show ip eigrp neighbors
    ACK :: An empty Hello that confirms a packet; some routers give it an opcode of its own. [RFC 7868 §5.2]
    SIA_QUERY | SIAQUERY :: Halfway to stuck in active: asks a neighbor whether the query is still active there.
        [RFC 7868 §4.4.1]
    SIA_REPLY | SIAREPLY :: Yes, still waiting for other neighbors; the timer starts again. [RFC 7868 §4.4.1]
    """)
_FLAGS = words(
    WordKind.FLAG,
    PacketFlag,
    rank=36,
    names=f"{_RFC} flag",
    sighting=r"Flags 0x[0-9A-F]+:\(([A-Z,_-]+)\)",
)("""
    ## flags of a packet :: debug eigrp packets [RFC 7868 §6.5] next: debug eigrp packets
    INIT :: The first packet for a new neighbor: send me everything. [RFC 7868 §5.3.3]
        when: Seen again and again: the two hear each other one way only.
    CONDITIONAL_RECEIVE | CR :: Only for neighbors that the Hello before did not exclude; the others get it later by
        unicast. [RFC 7868 §5.2]
    RESTART :: The sender restarts and asks its neighbors to keep their routes meanwhile.
    END_OF_TABLE | EOT :: With this packet the first table is complete.
    """)
_ROUTERS = words(WordKind.CODE, VirtualRouterId, rank=58, names=f"{_RFC} virtual router")("""
    ## virtual routers :: debug eigrp packets [RFC 7868 §6.5] next: debug eigrp packets
    UNICAST :: The ordinary one: routes for unicast.
    MULTICAST :: Routes for multicast only; not taken here.
    SERVICE :: Services, not routes; not taken here.
    """)
_TLVS = words(WordKind.CODE, TlvType, rank=56, names=f"{_RFC} tlv type")("""
    ## TLVs :: debug eigrp packets [RFC 7868 §6.6.1] next: debug eigrp packets
    PARAMETERS :: K values and hold time; in every Hello. [RFC 7868 §6.7.1] next: show ip protocols
    AUTHENTICATION :: The digest of the packet, and the number of its key. [RFC 7868 §6.7.2]
    SEQUENCE :: Neighbors that must ignore the next multicast. [RFC 7868 §6.7.3]
    SOFTWARE_VERSION :: Release of the sender and of its EIGRP; 2.0 and later have wide metrics. [RFC 7868 §6.7.4]
        next: show ip eigrp neighbors detail
    NEXT_MULTICAST_SEQUENCE :: The sequence number of the next multicast. [RFC 7868 §6.7.5]
    STUB :: What a stub router advertises; such a neighbor is not asked in a failure. [RFC 7868 §6.7.6]
        next: show ip eigrp neighbors detail
    PEER_TERMINATION :: The neighbors that the sender drops. [RFC 7868 §6.7.7]
    TOPOLOGY_LIST :: Which topologies the sender has. [RFC 7868 §6.7.8]
    TOPOLOGY_LIST_IOS :: The same in the number that IOS sends.
    CLASSIC_REQUEST :: A request in the classic format; unused.
    CLASSIC_INTERNAL :: A route of EIGRP's own, classic metric: bandwidth and delay, 32 bits in sum. [RFC 7868 §6.8]
    CLASSIC_EXTERNAL :: A redistributed route, classic metric. [RFC 7868 §6.8.3]
    CLASSIC_INTERNAL_IPV6 :: A route of EIGRP's own for IPv6, classic metric. [RFC 7868 §6.6.1]
    CLASSIC_EXTERNAL_IPV6 :: A redistributed route of IPv6, classic metric. [RFC 7868 §6.6.1]
    CLASSIC_COMMUNITY :: Communities of a route, classic format. [RFC 7868 §6.4]
    WIDE_REQUEST :: A request in the format of wide metrics; unused.
    WIDE_INTERNAL :: A route of EIGRP's own, wide metric: 64 bits, delay in picoseconds. [RFC 7868 §6.9]
    WIDE_EXTERNAL :: A redistributed route, wide metric. [RFC 7868 §6.9.4]
    """)
_DIGESTS = words(WordKind.CODE, AuthenticationType, rank=57, names=f"{_RFC} authentication")("""
    ## kinds of authentication :: debug eigrp packets [RFC 7868 §6.7.2] next: show ip eigrp interfaces detail
    MD5 :: `authentication mode md5`: an MD5 digest with a key of a key chain.
    SHA256 :: `authentication mode hmac-sha-256`: a password of named mode; unproven beside a live IOS router.
    """)
_STUBS = words(
    WordKind.FLAG, StubFlag, rank=37, names=f"{_RFC} stub", sighting=r"Stub Peer Advertising \(([A-Z -]+)\)"
)("""
    ## what a stub advertises :: show ip eigrp neighbors detail [RFC 7868 §6.7.6] next: show ip eigrp neighbors detail
    CONNECTED :: The stub advertises its connected networks.
    STATIC :: The stub advertises static routes that it redistributes.
    SUMMARY :: The stub advertises its summaries.
    REDISTRIBUTED | REDISTRIBUTED (stub) :: The stub advertises the routes that it redistributes.
    LEAK_MAP :: The stub also advertises the routes that its leak-map permits.
    RECEIVE_ONLY | RECEIVE-ONLY :: The stub advertises no routes and only receives them.
    """)
_ROUTES = words(WordKind.FLAG, RouteFlag, rank=59)("""
    ## flags of a route :: debug eigrp packets [RFC 7868 §6.8.1 and §6.9.2] next: show ip eigrp topology
    SOURCE_WITHDRAW :: The source itself withdrew the route.
    CANDIDATE_DEFAULT :: The route may serve as default.
    ACTIVE :: The route is active at the sender: it has queried its own neighbors.
    REPLICATED :: The route was copied from another table.
    """)
_EXTERNAL_FLAGS = words(WordKind.FLAG, ExternalFlag, rank=59)("""
    ## flags of an external route :: debug eigrp packets [RFC 7868 §6.8.3] next: show ip eigrp topology
    EXTERNAL :: The route came into EIGRP from outside.
    CANDIDATE_DEFAULT :: The route from outside may serve as default.
    """)
_SOURCES = words(
    WordKind.CODE, ExternalProtocol, rank=54, names=f"{_RFC} external protocol", sighting=r"External protocol is (\w+)"
)("""
    ## where an external route comes from :: show ip eigrp topology [RFC 7868 §6.8.3]
        next: show ip protocols (on the router that redistributes)
    IGRP :: Redistributed from IGRP, EIGRP's forerunner.
    EIGRP :: Redistributed from EIGRP of another autonomous system.
    STATIC | Static :: Redistributed from static routes.
    RIP :: Redistributed from RIP.
    HELLO :: Redistributed from the old HELLO routing protocol (RFC 891).
    OSPF :: Redistributed from OSPF.
    ISIS :: Redistributed from IS-IS.
    EGP :: Redistributed from EGP.
    BGP :: Redistributed from BGP.
    IDRP :: Redistributed from IDRP.
    CONNECTED | Connected :: Redistributed from connected networks, instead of a `network` line.
    """)


# ------------------------------------------------------------------------------------------------ lines


_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of EIGRP :: the prompt next: show running-config
    %Warning: automatic summaries are not made; use summary-address :: `auto-summary` is kept and does nothing: classful
        summaries break networks with parts in several places.
    % Autonomous system <number> is configured in named mode :: `router eigrp NAME` has this autonomous system already;
        one process cannot be written in both modes.
    % Autonomous system <number> is configured in classic mode :: `router eigrp NUMBER` exists already; take it away
        before it is written in named mode.
    % EIGRP for IPv6 has no networks: it runs on all interfaces with IPv6 :: Take an interface out by `shutdown` in its
        `af-interface`, or let it have no neighbors by `passive-interface`.
    % The address family is of IPv<number> :: The address or prefix in the line is of the other version.
    % No usable Router-ID found :: A process for IPv6 needs a router ID in the form of an IPv4 address: enter
        `eigrp router-id`, or give any interface an IPv4 address. Without one it does not start.
    % receive-only stands alone :: A stub that advertises nothing cannot also advertise connected or other routes.
    %Entry <prefix> not in topology table :: EIGRP knows no path to exactly this prefix. next: show ip eigrp topology
    """)
_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of EIGRP :: show logging next: show logging
    %DUAL-5-NBRCHANGE :: At each neighbor that comes (`up: new adjacency`) or goes (`down: ` and why). [RFC 7868 §5.3]
        next: show ip eigrp neighbors
    %DUAL-3-SIA :: When the active timer (three minutes) ends without a reply or SIA-Reply, or after three SIA-Replies.
        [RFC 7868 §4.4.1]
        next: show ip eigrp topology active
    %DUAL-4-AUTHBLOCKED :: A key chain is missing or empty, or the mode is not in this build. [RFC 7868 §6.7.2]
        next: show ip eigrp interfaces detail
    %DUAL-4-AUTHMISMATCH :: The two ends have other modes, keys or passwords, or one of them has none. [RFC 7868 §6.7.2]
        next: show ip eigrp interfaces detail, show key chain
    %DUAL-6-NBRINFO :: When a Hello comes from outside the interface's subnet. next: show ip interface brief
    %DUAL-4-PFXLIMITTHR :: When so many percent of `maximum-prefix` are there (75 if the line does not say).
        next: show ip eigrp accounting
    %DUAL-3-PFXLIMIT :: When one more prefix is there than `maximum-prefix` allows. The neighbor is kept down for
        `restart` minutes (5), `restart-count` times (3), then until it is cleared.
        next: show ip eigrp accounting, clear ip eigrp neighbors
    %DUAL-4-BADPACKET :: A length or a field that the standard forbids. [RFC 7868 §6.5] next: debug eigrp packets
    %DUAL-4-NBRLIMIT :: A member greets by thousands of addresses, or the cloud is larger than any that this router is
        made for.
        next: show ip eigrp neighbors
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug eigrp packets :: debug eigrp packets, show logging [RFC 7868 §6.5] next: show ip eigrp traffic
    EIGRP: <Sending|Received> <packet> on <interface> - paklen <octets> nbr <address> :: A packet of EIGRP left for one
        neighbor, or came from it.
    EIGRP: <Sending|Received> <packet> on <interface> - paklen <octets> :: A packet of EIGRP left for all neighbors, by
        multicast to 224.0.0.10.
    AS <number>, Flags <flags>, Seq <number>/<number> interfaceQ 0/0 iidbQ un/rely 0/0 :: The autonomous system, which
        must be the same; the flags; the packet's sequence number, and the sequence number that it acknowledges (0:
        none). [RFC 7868 §5.2]

    ## lines of debug ip eigrp :: debug ip eigrp, show logging next: show ip eigrp topology
    EIGRP-IPv<number>(<number>): <Int|Ext> <prefix> metric <distance> from <address> :: What a neighbor says of a
        destination, external or not, with its own distance. [RFC 7868 §5.6]
    EIGRP-IPv<number>(<number>): <Int|Ext> <prefix> unreachable from <address> :: The neighbor has no way to it.

    ## lines of debug eigrp fsm :: debug eigrp fsm, show logging [RFC 7868 §3.5] next: show ip eigrp topology all-links
    DUAL: rcv<update|query|reply>: <prefix> via <address> metric <distances> :: A report about the destination reached
        DUAL, with our distance by that neighbor and its own.
    DUAL: <prefix> from <state> to <state>: <event> :: The destination moved in DUAL's state machine, because of the
        event behind the colon.

    ## lines of debug eigrp neighbors :: debug eigrp neighbors, show logging [RFC 7868 §5.3]
        next: show ip eigrp neighbors
    EIGRP: New peer <address> on <interface> :: A Hello came from a router that was no neighbor before.
    EIGRP: Neighbor <address> went down on <interface>: <reason> :: A neighbor was given up, and why.
    """)
_REASONS = words(WordKind.REASON, EigrpReason)("""
    ## reasons of EIGRP :: show ip eigrp interfaces detail, show logging next: show ip eigrp interfaces detail
    HIDDEN :: A hidden password (type 6 or 7) is not read. The interface stays silent: nothing is sent unprotected
        instead.
    NO_KEY_CHAIN :: `ip authentication mode eigrp` is there and `ip authentication key-chain eigrp` is missing.
    NO_KEY :: The chain that the interface names does not exist, is empty, or no key of it is valid now.
        next: show running-config (key chain)
    NO_VALID_KEY :: Let lifetimes of keys overlap, and look at the clock. next: show key chain, show clock
    WRONG_DIGEST :: The neighbor's packets were made with another key, or changed on the way.
    NO_DIGEST :: The neighbor's packets carry no authentication, and our interface asks for it.
    OFF_HERE :: The neighbor's packets carry a digest, and our interface asks for none.
    """)


# ------------------------------------------------------------------------------------------------ labels


_NEIGHBORS = words(WordKind.LABEL, mark=r"^EIGRP-IPv[46] .*Neighbors for AS\(", sighted=True)("""
    ## columns of the neighbors :: show ip eigrp neighbors, show eigrp address-family ipv4 neighbors
        next: show ip eigrp neighbors detail
    Static Neighbors | Static Address :: Neighbors from `neighbor` lines, whether they are up or not.
    H :: Handle: a number that this router gives to each neighbor, in the order in which they came up.
    Hold | Hold (sec) :: Seconds until the neighbor goes down unless a packet from it arrives. [RFC 7868 §5.3.1]
        when: It counts down from the neighbor's own hold time and starts again with each packet.
    Uptime :: For how long the neighbor has been up without interruption. next: show logging
    SRTT | SRTT (ms) :: Smooth round trip time: milliseconds from a reliable packet to its acknowledgement, averaged
        over many. [RFC 7868 §5.2]
        when: 0 until a first packet was acknowledged.
    RTO :: Retransmission time-out: milliseconds without an acknowledgement after which a packet is sent again. It
        follows from SRTT. [RFC 7868 §5.2]
        when: Large values mean a slow or lossy path.
    Q Cnt | Q | Cnt :: Queue count: packets for this neighbor that wait to be sent or acknowledged. 0 is healthy.
        [RFC 7868 §5.2]
        when: If it stays above 0, unicasts to the neighbor, or its acknowledgements, are lost.
    Link-local address :: The neighbor's address of IPv6, in the next line. [RFC 4291 §2.5.6]
    Seq Num | Seq | Num :: Sequence number of the last reliable packet from this neighbor.
    """)
_DETAIL = words(WordKind.LABEL, sighted=True)("""
    ## particulars of a neighbor :: show ip eigrp neighbors detail, show eigrp address-family ipv4 neighbors detail
        next: show ip eigrp neighbors
    Version :: The neighbor's release of its software and of EIGRP, as its Hellos say.
    Retrans :: How many packets were sent to it again since it came up. [RFC 7868 §5.2]
    Retries :: How often the packet that waits now was sent again; at 16 the neighbor is given up.
    Prefixes :: How many destinations are known through this neighbor. next: show ip eigrp topology
    Topology-ids from peer :: The topologies that the neighbor speaks of; 0 is the base one, the only one here.
    Topologies advertised to peer | base :: The topologies advertised to the neighbor; here always `base`, the only one.
    Stub Peer Advertising :: The neighbor is a stub (`eigrp stub`): it advertises the kinds of routes in parentheses and
        no learned routes.
        when: Spokes of a DMVPN, mostly.
    Receive-Only Peer Advertising :: The neighbor is a stub that advertises no routes (`eigrp stub receive-only`).
    Suppressing queries :: The neighbor is a stub, so it receives no queries: it is no transit to other destinations.
    Max Nbrs :: How many neighbors may be had; 0 is without limit.
    Current Nbrs :: How many neighbors there are.
    """)
_ACCOUNTING = words(WordKind.LABEL, mark=r"^EIGRP-IPv[46] .*Accounting for AS\(", sighted=True)("""
    ## accounts of the prefixes :: show ip eigrp accounting, show eigrp address-family ipv4 accounting
        next: show ip eigrp neighbors
    Total Prefix Count :: Destinations of the topology table. next: show ip eigrp topology
    States :: What the first column says of each source: A, P or D.
    A-Adjacency :: The neighbor takes part in routing; of Redistributed: routes come in.
    P-Pending :: The neighbor has not answered yet.
    D-Down :: It advertised more than `maximum-prefix` allows and is kept down. next: clear ip eigrp neighbors
    Address/Source :: The neighbor, or `Redistributed`: routes that this router redistributes.
    Prefix Count | Prefix | Count :: Destinations known through it.
    Restart Count | Restart :: How often the neighbor was kept down (`restart-count`).
    Restart/ Reset(s) | Restart/ | Reset(s) :: Seconds until the neighbor may come up again; `never`: only `clear`
        brings it back.
    Accounting :: Prefixes counted by neighbor or source, for `maximum-prefix`.
    """)
_INTERFACES = words(WordKind.LABEL, mark=r"^EIGRP-IPv[46] .*Interfaces for AS\(", sighted=True)("""
    ## columns of the interfaces :: show ip eigrp interfaces, show eigrp address-family ipv4 interfaces
        next: show ip eigrp interfaces detail
    Peers :: How many neighbors are on the interface.
    Xmit Queue Un/Reliable | Xmit Queue :: Packets that wait in the interface's queue, those without and with
        acknowledgement.
    PeerQ Un/Reliable | PeerQ | Un/Reliable :: Packets that wait in the queues of single neighbors.
    Mean SRTT | Mean :: The average of the round trip times of all neighbors there, in milliseconds.
    Pacing Time Un/Reliable | Pacing Time :: Milliseconds between two packets, so that EIGRP leaves bandwidth for other
        traffic.
    Multicast Flow Timer | Multicast | Flow Timer :: Milliseconds that a multicast waits for acknowledgements before it
        is repeated as unicasts. [RFC 7868 §5.2]
    Pending Routes | Pending | Routes :: Destinations that wait in the interface's queue to be advertised.
    """)
_LABELS = words(WordKind.LABEL)("""
    ## particulars of an interface :: show ip eigrp interfaces detail, show eigrp address-family ipv4 interfaces detail
        next: show ip eigrp interfaces
    Hello-interval :: Seconds from one Hello of ours to the next. [RFC 7868 §5.3.2]
    Hold-time :: The hold time in our Hellos: a neighbor without a packet from us for so long drops us.
        [RFC 7868 §5.3.1]
    Split-horizon :: Routes are not advertised on the interface on which they were learned. A hub between spokes needs
        it off. [RFC 7868 §5.4.2]
    Next xmit serial :: Serial number of the next route to advertise there; none waits here between two packets.
    Packetized sent/expedited :: Packets built from routes, and how many of them were built early.
    Hello's sent/expedited :: Hellos sent, and those sent out of turn, as to a new neighbor.
    Un/reliable mcasts :: Multicasts sent, without and with acknowledgement.
    Un/reliable ucasts :: Unicasts sent, without and with acknowledgement.
    Mcast exceptions :: Multicasts that went to single neighbors instead, because other neighbors were not ready.
    CR packets :: Packets in conditional receive mode: neighbors that lag behind ignore them.
    ACKs suppressed :: Acknowledgements that were part of other packets instead of packets of their own.
    Retransmissions sent :: Packets of ours that were not acknowledged in time and sent again.
    Out-of-sequence rcvd :: Packets that came with another sequence number than the next one.
    Topology-ids on interface :: The topologies that run on the interface; 0 is the base one.
    Topologies advertised on this interface :: The topologies advertised to neighbors there.
    Topologies not advertised on this interface :: The topologies not advertised to neighbors there; here always none.
    Next-hop-self disabled :: Routes keep the next hop that they had (`no next-hop-self`); phase 2 needs it.
    next-hop info forwarded :: The next hop that a neighbor advertised is advertised unchanged.
    ECMP mode :: Whether all next hops of equal paths are advertised (`no-ecmp-mode`).
    Authentication mode :: How packets are authenticated; `is not set`: they are not. [RFC 7868 §6.7.2]
    key-chain :: The `key chain` whose keys prove packets. next: show running-config
    No neighbors :: Why there can be no neighbors on this interface.

    ## labels of the topology table :: show ip eigrp topology, show eigrp address-family ipv4 topology
        next: show ip eigrp topology
    FD :: Feasible distance: the smallest distance to the destination since it was last passive. A neighbor whose own
        distance is smaller cannot lead back through us. [RFC 7868 §3.3]
        when: Only such neighbors are feasible successors, and take over at once.
        next: show ip eigrp topology all-links
    successors | Successor :: How many next hops have the best distance and are used.
    serno :: The serial number of the last change of the destination in this router's table.
    tag :: A number that route maps set and match.
    Inaccessible | Infinity :: The distance is infinite: no neighbor has a path.
    replies :: Neighbors that owe an answer, while a destination is active.
    query-origin | Query origin flag :: Which router lost its path first: this one, or the successor.
    Remaining replies :: The neighbors that owe an answer, one in each line below.
    Waiting for a reply :: The neighbors that have not answered the query.
    State :: Passive: settled. Active: neighbors are being asked.
    RIB :: The distance with which the routing table has the route, scaled down.
    Descriptor Blocks :: The paths to the destination, one in each block.
    Send flag :: Which packets wait to be sent for this path: here always none.
    Composite metric :: The distance by this path, and the neighbor's own distance behind the slash, made of the vector
        metric. [RFC 7868 §5.6]
    Internal :: The destination is in EIGRP by a `network` line somewhere. [RFC 7868 §6.8]
    External :: The destination was redistributed into EIGRP somewhere. [RFC 7868 §6.8.3]
    Vector metric :: The parts of the metric, as routers advertise them. [RFC 7868 §5.6]
    Minimum bandwidth :: Of the slowest link on the path, in kilobits a second.
    Total delay :: All delays on the path together, as configured or assumed, not as measured.
    Reliability | Loading :: 255 is certain. It counts only if `metric weights` say so.
    Load :: How busy the links are, 255 is full. It counts only if `metric weights` say so.
    Minimum MTU :: The smallest MTU of the path; advertised, but not used in any decision.
    Hop count | Hops :: How many routers lie between; too many end the route.
    Originating router :: The router ID of the router that brought the route into EIGRP.
    External data :: What the router that redistributed says of the source. [RFC 7868 §6.8.3]
    AS number of route :: The process or autonomous system that the external route comes from.
    External protocol :: The routing protocol that the external route comes from.
    external metric :: The metric that the route had outside.
    Administrator tag :: The tag that was set where the route was redistributed.
    not in topology table :: EIGRP knows no such destination. next: show ip route
    Topology Table | Table | Topology :: All destinations that EIGRP knows, with their paths.
    Entry | entry :: One destination of the topology table.
    """)
_PROTOCOLS = words(WordKind.LABEL, mark=r'^(?:IPv6 )?Routing Protocol is "eigrp ', sighted=True)("""
    ## labels of a routing process (EIGRP) :: show ip protocols, show ipv6 protocols, show eigrp protocols
        next: show ip protocols
    Total Prefix Count :: How many destinations the process knows. next: show ip eigrp topology
    Total Redist Count :: Routes that are brought in (`redistribute`). next: show ip eigrp accounting
    Routing Protocol :: A process that is configured here; its number follows.
    Outgoing update filter list :: A `distribute-list ... out`: which routes are advertised.
    Redistributed | filtered by :: A `distribute-list ... out PROTOCOL`: which of its routes are redistributed.
    Incoming update filter list :: A `distribute-list ... in`: which routes are accepted.
    Default networks | Default networks not flagged in outgoing updates | Default networks not accepted from incoming
        updates | Default networks flagged in outgoing updates | Default networks accepted from incoming updates ::
        Whether default routes are advertised and accepted like other routes (`no default-information`: not).
    Redistributing :: The sources whose routes EIGRP advertises as well.
    Interfaces :: Where a process for IPv6 runs.
    Redistribution | Redistributing protocol | route-map :: What a process for IPv6 redistributes.
    Automatic Summarization :: Whether routes are summarized to their classful network (`auto-summary`).
    Maximum path :: How many equal next hops one route may have (`maximum-paths`).
    Routing for Networks :: The `network` lines: interfaces in these take part.
    Passive Interface :: Interfaces whose networks are advertised and that have no neighbors.
    Routing Information Sources :: The neighbors that routes were learned from.
    Gateway :: The address of such a neighbor.
    Distance :: How far the source of a route is trusted; the smallest wins. next: show ip route
    internal :: The administrative distance of EIGRP's own routes.
    external :: The administrative distance of routes that were redistributed into EIGRP.
    Last Update :: How long ago the last routes came from the neighbor.
    Metric weight :: The K values; neighbors must have the same. [RFC 7868 §5.6.1]
    Metric rib-scale :: By what the wide metric is divided to fit into the routing table.
    Metric version :: 64bit: wide metrics, which distinguish fast links. [RFC 7868 §5.6.2]
    Soft SIA :: Whether a neighbor that is stuck is kept.
    NSF-aware route hold timer :: Seconds for which routes of a neighbor that restarts gracefully are kept.
    Router-ID | ID :: The number that names this router, in the form of an address.
    Stub :: This router is a stub and advertises the routes that follow.
    Active Timer :: Minutes that a neighbor may owe a reply before it is stuck in active.
    Maximum hopcount :: Routes over more hops are ignored.
    Maximum metric variance :: Paths of up to so many times the best distance are used as well (`variance`).
    Address Summarization :: The `summary-address` lines: one route advertised instead of many.
    Summarizing | component | components :: How many routes the summary stands for.
    metric :: The metric that is advertised for the summary.
    VR :: The name of a virtual instance: named mode.
    Address-Family :: The kind of addresses that the process routes.
    Protocol for AS | AS | for AS :: The autonomous system: the number that neighbors must share.
    """)
_TRAFFIC = words(WordKind.LABEL)("""
    ## packets by kind :: show ip eigrp traffic next: show ip eigrp traffic
    Hellos :: Small multicasts by which neighbors find each other and stay. [RFC 7868 §5.3.2]
    Updates :: Packets that advertise routes. [RFC 7868 §4.1]
    Queries :: Requests for a path to a destination that was lost. [RFC 7868 §4.2]
    Replies :: Answers to queries. [RFC 7868 §4.3]
    Acks :: Acknowledgements that went by themselves. [RFC 7868 §5.2]
    SIA-Queries :: Sent to neighbors that owe a reply, to ask whether they still work on it. [RFC 7868 §4.4.1]
    SIA-Replies :: Answers to SIA-Queries: still active, or not. [RFC 7868 §4.4.1]
    sent/received :: The first number counts what this router sent, the second what it received.
    Dropped :: Packets that were dropped, by reason.
    Traffic Statistics :: Packets of EIGRP, counted since the process began.

    ## how large the topology table is :: show ip eigrp topology summary next: show ip eigrp topology
    Head serial | Head | next serial | serial :: IOS's number of the oldest change.
    pending replies | pending | routes | dummies :: Destinations for which replies are awaited.
    neighbors present on | enabled on | interfaces :: How many of its interfaces have neighbors.
    Quiescent interfaces | Quiescent :: Interfaces without neighbors; in IOS, interfaces with nothing to send.

    ## the last events of EIGRP :: show ip eigrp events next: show ip eigrp topology
    Event information for :: The newest event comes first; `eigrp event-log-size` says how many are kept.
    Event log is empty :: Nothing happened since the process began, or the events were cleared.
    Peer up :: A neighbor came; its address and the interface follow. [RFC 7868 §5.3]
    Peer down :: A neighbor went. [RFC 7868 §5.3] next: show logging
    Metric set :: A destination has this distance now. [RFC 7868 §3.1]
    NDB delete :: A destination is not in the topology table any more.
    Active net/peers :: Neighbors were asked about it, as many as the number says. [RFC 7868 §3.5]
    Stuck in active :: This neighbor did not answer in time, and was given up. [RFC 7868 §4.4.1]

    ## timers of EIGRP :: show ip eigrp timers next: show ip eigrp neighbors
    Timers | Timers for | (parent) | Expiration | Type | Process :: A tree: a parent is due when the first timer below
        it is.
    Hello Process | Hello :: When the next Hello leaves by each interface.
    Update Process :: What EIGRP expects from its neighbors, and when.
    Peer holding :: The neighbor goes down then unless a packet comes from it. [RFC 7868 §5.3.2]
    Peer transmission :: Its packet is sent again if it is not acknowledged by then. [RFC 7868 §5.2]
    Multicast flow :: Neighbors that lag behind are excluded from multicasts then. [RFC 7868 §5.2]
    Pacing :: When EIGRP may send again within its share of the bandwidth (`bandwidth-percent`).
    SIA Process :: When neighbors that owe replies are asked again, by destination. [RFC 7868 §4.4.1]
    SIA :: A destination whose replies are awaited. next: show ip eigrp topology active

    ## EIGRP in a VRF :: show ip eigrp vrf next: show ip eigrp vrf
    VRF :: The VRF whose process this is. next: show vrf
    TID :: The number of the topology: there is only the base topology, 0.
    Protocol :: What holds for the process.
    """)

GROUPS: Final = groups(vars())
