"""Reasons for refused packets in `show ip nhrp traffic detail`, and the counters of `show nhrp stats`."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.tunnel import Happening

_REFUSALS = words(
    WordKind.COUNTER, Refusal, rank=30, sighting=r"(?:Refused: \d+ |packet from \S+ refused: )([a-zA-Z ,]+)", lines=True
)("""
    ## why packets were refused :: show ip nhrp traffic detail, show logging, debug nhrp error next: debug nhrp error
    MALFORMED :: This is not an NHRP packet: wrong version, length or checksum. [RFC 2332 §5.1]
        when: Damage in transit, or another protocol.
    AUTHENTICATION :: The password differs from ours, or is missing. Error 11 is returned to the sender.
        [RFC 2332 §5.3.4]
        when: `ip nhrp authentication` differs between the two ends.
        next: show running-config interface Tunnel (on both ends)
    UNKNOWN_EXTENSION :: The sender requires an extension that this router does not support. Error 1 is returned.
        [RFC 2332 §5.3]
    HOP_COUNT :: The packet was forwarded too often. Error 15 is returned to the sender. [RFC 2332 §5.1]
        when: A loop between servers.
    LOOP :: The packet's own record of servers already has this router: the packet went in a circle. Error 3.
        [RFC 2332 §5.3.2]
    NO_WAY :: No entry and no route leads to the destination of the packet. Error 6 is returned to the sender.
        [RFC 2332 §5.2.7]
        when: A spoke names a next hop server's tunnel address wrongly, or the client is gone.
        next: show ip nhrp
    UNSOLICITED :: The reply matches no request of ours, or the request was answered before. [RFC 2332 §5.2.0.1]
        when: A late second copy is harmless; many copies mean that answers are being guessed.
    FORGED :: The addresses inside cannot be the sender's: our own, a multicast, or outside the tunnel's subnet.
        when: A spoke with a wrong mask, or an attack.
        next: show ip interface brief
    SEND_LIMIT :: A packet of ours was not sent: `ip nhrp max-send` is reached.
        when: Too many requests at once; see the line Max-send limit.
        next: show ip nhrp traffic
    NOT_ALLOWED :: The sender has no right to its request, for example to purge an entry of another station.
        [RFC 2332 §5.2.5]
    REGISTRATION_REFUSED :: A client was answered with a NAK, mostly 14: its address is registered by another one.
        [RFC 2332 §5.2.4]
        next: show ip nhrp detail
    RESOLUTION_REFUSED :: A Resolution Request was answered with a NAK: no station here has the address.
        [RFC 2332 §5.2.2]
        next: show ip nhrp
    IGNORED :: The packet is well-formed, but the configuration does not use it.
        when: A redirect on a router without `ip nhrp shortcut`, or a tunnel without `ip nhrp network-id`.
        next: show running-config interface Tunnel
    TOO_LARGE :: The packet does not fit into the network that it would have to take. Error 8 is returned to the sender.
        [RFC 2332 §5.2.7]
    INVALID_EXTENSION :: A known extension is in a packet in which it means nothing. Error 9 is returned to the sender.
        [RFC 2332 §5.2.7]
    ERROR_LIMIT :: An Error Indication of ours was not sent, so that a flood of bad packets makes no flood of errors.
        [RFC 2332 §5.2.7]
    NO_ROOM :: A table of this router is full. Existing entries stay, new ones are refused with NAK 5.
        next: show ip nhrp summary
    IN_CLEAR :: GRE came without ESP on a tunnel with `tunnel protection`, and was dropped unread.
        when: The peer has no protection, or lost it.
        next: show crypto ipsec sa
    UNPROTECTED :: A packet of ours was not sent: there is no SA with that peer, and in clear nothing may leave.
        next: show crypto session detail
    OTHER_IDENTITY :: `ip nhrp bind identity`: the tunnel address belongs to a station that proved another name to IKE.
        next: show crypto ikev2 sa detailed
    NO_STATION :: No station has the first or the last address of a subnet. NAK 4 is returned. [RFC 2332 §5.2.4]
        when: A typing mistake in its `ip address`, or a station that wants to receive broadcasts.
        next: show logging
    ROUTED_ELSEWHERE :: A station registers an address outside the tunnel's subnet, and the longest route to it other
        than a default does not lead to that station. NAK 4 is returned; if the route came later, the entry is removed.
        [RFC 2332 §5.2.4]
        when: It wants the packets of a host behind another one, or its own route has not come yet.
        next: show ip route A.B.C.D
    OTHER_NBMA :: On a protected tunnel a station may register only its own NBMA address; only a server (`nhs`, `map`)
        may forward other stations' registrations. NAK 4 is returned. [RFC 2332 §5.2.3]
        next: show ip nhrp nhs
    HELD_BACK :: IKE did not begin with an address that one station named: it named more new ones in a minute than `ip
        nhrp hearsay limit` allows (20 without the line, half of them in requests). Packets go by the hub meanwhile.
        when: Very many direct paths at once, or a member that wants IKE to go to strangers.
        next: show crypto sockets
    TOO_MANY :: The station has as many entries as `ip nhrp registration limit` allows, 32 without the line; a prefix
        counts as all its addresses. NAK 5. [RFC 2332 §5.2.4]
        when: A station with many addresses, or a station that fills the table.
        next: show ip nhrp summary
    TOO_MUCH_WORK :: One station exceeded its share: 20,000 octets a second, each packet counted as 128 more; a
        configured server has ten times as much. The packet was not read.
        when: A member that floods this router; in clear, also very many stations behind one translator: they ask again.
    """)
_HAPPENINGS = words(
    WordKind.COUNTER,
    Happening,
    rank=32,
    sighting=r"(\[[SR]\][A-Z][A-Za-z/ ]*?) *: [1-9]",
    mark=r"^Codes: T - Transport, O - Overlay",
)("""
    ## rows of the statistics :: show nhrp stats, show ip nhrp stats next: show nhrp stats detail
    UP :: The tunnel came up: registrations begin.
    DOWN :: The tunnel went down: the entries learned on it are deleted.
    ADDRESS_CHANGED :: The tunnel or its source has another address: all is registered again.
    END_POINT_ADDED :: A peer was installed in the data plane: tunnel address, NBMA address.
    END_POINT_DELETED :: A peer was taken out of the data plane.
    ROUTE_ADDED :: NHRP gave the routing table a route of its own (T1, `H`).
    ROUTE_DELETED :: NHRP took a route of its own back.
    OVERRIDE_ADDED :: NHRP put its next hop into another protocol's route (T2, `%`).
    OVERRIDE_DELETED :: NHRP took its next hop out of another protocol's route.
    """)
_STATISTICS_CODES = words(WordKind.FLAG, rank=45)("""
    ## codes of the statistics :: show nhrp stats, show ip nhrp stats next: show nhrp stats
    T | Transport :: Transport: the network below the tunnel.
    O | Overlay :: Overlay: the network inside the tunnel.
    EP | End Point :: End Point: a peer in the data plane's table.
    TP | Tunnel Protection :: Tunnel Protection: IPsec on the tunnel interface.
    VA | Virtual Access :: Virtual Access: an interface made for one peer. This router makes none.
    [S] | Sent from NHRP :: Sent from NHRP: an order to another part of the router.
    [R] | Received by NHRP :: Received by NHRP: events from other parts of the router.
    [number] | Error associated with an event :: How many of these orders the host refused. next: show logging
    """)
_MULTICAST_FLAGS = words(WordKind.FLAG, rank=33, sighting=r"Flags: (\w+)", mark=r"^  I/F     NBMA address")("""
    ## Flags of a receiver :: show ip nhrp multicast, show ipv6 nhrp multicast next: show ip nhrp multicast
    static (multicast) | static :: `ip nhrp map multicast ADDRESS`: copies of multicasts go there.
    dynamic (multicast) | dynamic :: `ip nhrp map multicast dynamic`: the client registered, so it gets copies of
        multicasts.
    nhs (multicast) | nhs :: The next hop server gets copies of multicasts, because its line says `multicast`.
    """)

GROUPS: Final = groups(vars())
