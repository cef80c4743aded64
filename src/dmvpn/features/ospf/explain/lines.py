"""Lines of OSPF: log messages, debugs, reasons."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.ospf import messages
from dmvpn.features.ospf.reasons import OspfReason

_LOGS = words(WordKind.LOG, *messages.MESSAGES)("""
    ## log messages of OSPF :: show logging next: show logging
    %OSPF-5-ADJCHG :: When a neighbor becomes FULL, or goes. [RFC 2328 §10.3] next: show ip ospf neighbor
    %OSPF-5-NSFHELPER :: At a Grace-LSA of it. [RFC 3623 §3] next: show ip ospf neighbor detail
    %OSPF-4-ERRRCV :: A wrong area, key or length. [RFC 2328 §8.2]
        next: show ip ospf interface (area and authentication, on both ends)
    %OSPF-4-MTUMISMATCH :: A description came with another MTU than that of the interface. [RFC 2328 §10.6]
        next: show ip interface (ip mtu on both)
    %OSPF-4-NORTRID :: Ten seconds after the process was configured, if no interface has an address.
        next: show ip interface brief
    %OSPF-4-DUP_RTRID_NBR :: When a packet with our own identifier comes from another address.
        next: show ip ospf (on both)
    %OSPF-4-DUP_RTRID_AREA :: When newer instances of this router's own router LSA arrive four times within a minute.
        next: show ip ospf (on all), router-id
    %OSPF-4-AUTHBLOCKED :: A key is missing: `message-digest-key`, or a key of the key chain with a text and a number
        below 256.
        next: show ip ospf interface
    %OSPF-5-LASTKEYEXP :: When the lifetime of the key with which packets are sealed ends and no other one has begun.
        [RFC 2328 §D.3]
        next: show key chain
    %OSPF-4-NOVALIDKEY :: When the interface comes up before the lifetime of any key begins.
        next: show key chain, show clock
    %OSPF-4-OSPF_MAX_LSA_THR :: When the LSAs of other routers exceed the configured share of `max-lsa`, 75 % by
        default.
        next: show ip ospf database database-summary
    %OSPF-4-OSPF_MAX_LSA :: When the LSAs of other routers exceed `max-lsa`; once, until there are fewer again.
        next: show ip ospf database database-summary
    %OSPF-4-MAXLSA_IGNORE :: When it has been too many for a minute; not with `warning-only`. next: show ip ospf
    """)
_DEBUGS = words(WordKind.DEBUG)("""
    ## lines of debug ip ospf packet :: debug ip ospf packet, show logging next: show ip ospf neighbor
    OSPF: <way> v:2 t:<type> l:<octets> rid:<router> aid:<area> auk:<number> <to|from> <address> <interface> :: A packet
        left or came: its type, its length, the sender's identifier and area, and how it is authenticated.
        [RFC 2328 §A.3.1]

    ## lines of debug ip ospf adj :: debug ip ospf adj, show logging next: show ip ospf neighbor
    OSPF-<process> <interface>: Nbr <router>: <state> -> <state>: <why> :: A neighbor moved on, or back.
    OSPF-<process> <interface>: Nbr <router> has larger interface MTU :: Its description was refused: large packets of
        it would not get through. [RFC 2328 §10.6]
        next: show ip interface (ip mtu on both)
    OSPF-<process> <interface>: Nbr <router> has smaller interface MTU :: Its description was taken, but it refuses
        ours, unless it has `ip ospf mtu-ignore`. [RFC 2328 §10.6]
        next: show ip interface (ip mtu on both)
    OSPF-<process> <interface>: NBR Negotiation Done. We are the <MASTER|SLAVE> :: Who leads the exchange is agreed: the
        router with the higher identifier.
    OSPF-<process> <interface>: Send DBD to <router> seq <number> flag <flags> :: A description of our database left.
        Flags: 4 the first, 2 more follow, 1 we lead.

    ## lines of debug ip ospf events :: debug ip ospf events, show logging next: show ip ospf statistics
    OSPF-<process> EVENT: SPF is done, <number> networks :: The shortest ways are calculated again.

    ## lines of debug ip ospf spf :: debug ip ospf spf, show logging next: show ip ospf statistics
    OSPF-<process> SPF  : SPF is done, <number> networks, because of <why> :: The shortest paths are calculated again
        because of a changed LSA. R: of a router, N: of a network, SN and SA: of another area, X: of an external
        network. [RFC 2328 §16]

    ## lines of debug ip ospf flood :: debug ip ospf flood, show logging next: show ip ospf database
    OSPF-<process> FLOOD: Install type <number>, LSID <id>, adv router <router>, seq <number>, age <seconds> :: The
        database says another thing: this advertisement is new, or takes the place of an older one. [RFC 2328 §13]

    ## lines of debug ip ospf lsa-generation :: debug ip ospf lsa-generation, show logging
        next: show ip ospf timers rate-limit
    OSPF-<process> LSGEN: Build type <number>, LSID <id>, seq <number>, age <seconds> :: This router says something of
        its own; at age 3600 it takes it back. [RFC 2328 §12.4]

    ## lines of debug ip ospf retransmission :: debug ip ospf retransmission, show logging
        next: show ip ospf retransmission-list
    OSPF-<process> RXMT : Retransmit <number> advertisements to <router> on <interface> :: The neighbor has not
        acknowledged them for the retransmit interval. [RFC 2328 §13.6]

    ## lines of debug ip ospf hello :: debug ip ospf hello, show logging next: show ip ospf interface
    OSPF-<process> <interface>: Rcv hello from <router> <address> :: A Hello came and was taken.
    OSPF-<process> <interface>: Rcv hello from <router> <address>: <why> :: A Hello came and was not taken.
    """)
_REASONS = words(WordKind.REASON, OspfReason)("""
    ## reasons of OSPF :: show ip ospf neighbor detail, show ip ospf interface next: show ip ospf neighbor detail
    MASK :: The two ends have different masks.
    DEAD_INTERVAL :: `ip ospf dead-interval` must be the same at both ends.
    HELLO_INTERVAL :: `ip ospf hello-interval` must be the same at both ends. It is 30 s on point-to-multipoint networks
        and those without multicasts, else 10 s.
    KIND :: One end has the area as stub or NSSA, and the other has not.
    AREA :: The two ends are in different areas.
    NOT_AUTHENTIC :: Authentication or its key differs at the two ends.
    TTL :: `ttl-security` wants packets of routers that are near: the other end needs it, too, or else it sends with TTL
        1.
    MTU :: Its `ip mtu` is larger than ours, so that large packets of it would not get through: make them equal, or `ip
        ospf mtu-ignore`.
    """)
_ANSWERS = words(WordKind.ANSWER)("""
    ## answers to lines of OSPF :: the prompt next: show running-config | section router ospf
    % VRF specified does not match existing router :: The process of this number is in another VRF, or in none; a
        process stays where it was made.
    """)

GROUPS: Final = groups(vars())
