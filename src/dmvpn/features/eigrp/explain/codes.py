"""Codes in packets of EIGRP, RFC 7868 §6."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.eigrp.packet import ExternalFlag, ExternalProtocol, Opcode, PacketFlag, RouteFlag, VirtualRouterId
from dmvpn.features.eigrp.tlv import AuthenticationType, StubFlag, TlvType

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

GROUPS: Final = groups(vars())
