"""Numbers of OSPF's packets and advertisements."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.ospf.lsa import LinkType, LsaType, Options, RouterFlag
from dmvpn.features.ospf.packet import DescriptionFlag, PacketType

_PACKET_TYPES = words(WordKind.CODE, PacketType, rank=60)("""
    ## packets of OSPF :: dmvpn lab capture, debug ip ospf packet, show ip ospf database [RFC 2328 §A.3.1]
        next: debug ip ospf packet
    HELLO | HELLO (OSPF) :: Discovers neighbors and keeps them up: sent at regular intervals.
    DESCRIPTION :: Database description: what a router has, as headers.
    REQUEST | REQUEST (OSPF) :: Link state request: send me these.
    UPDATE | UPDATE (OSPF) :: Link state update: advertisements, asked for or new.
    ACKNOWLEDGMENT :: Link state acknowledgment: these have come.
    """)
_LSA_TYPES = words(WordKind.CODE, LsaType, rank=60)("""
    ## link state advertisements :: dmvpn lab capture, debug ip ospf packet, show ip ospf database [RFC 2328 §A.4.1]
        next: debug ip ospf packet
    ROUTER :: Type 1: a router and its links.
    NETWORK :: Type 2: a network with a designated router, and the routers on it.
    SUMMARY :: Type 3: a network in another area.
    BORDER_SUMMARY :: Type 4: a router in another area that brings routes in.
    EXTERNAL :: Type 5: a network outside of OSPF.
    NSSA_EXTERNAL :: Type 7: the same, advertised in a not-so-stubby area. [RFC 3101 §2.2]
    OPAQUE_LINK :: Type 9: something for the routers of a link, as a Grace-LSA. [RFC 5250 §3]
    OPAQUE_AREA :: Type 10: something for the routers of an area. [RFC 5250 §3]
    OPAQUE_AS :: Type 11: something for all routers of OSPF. [RFC 5250 §3]
    """)
_LINK_TYPES = words(WordKind.CODE, LinkType, rank=60)("""
    ## links in a router's advertisement :: dmvpn lab capture, debug ip ospf packet, show ip ospf database
        [RFC 2328 §A.4.2]
        next: debug ip ospf packet
    POINT_TO_POINT | POINT_TO_POINT (link) :: A link to one other router.
    TRANSIT :: A link to a network with a designated router.
    STUB :: A network that leads no further, or a host.
    VIRTUAL :: A virtual link through an area.
    """)
_OPTIONS = words(WordKind.CODE, Options, rank=60)("""
    ## options of OSPF :: dmvpn lab capture, debug ip ospf packet, show ip ospf database [RFC 2328 §A.2]
        next: debug ip ospf packet
    EXTERNAL | EXTERNAL (option) :: E: external routes are known here. Both ends must agree.
    MULTICAST :: MC: multicast OSPF, which is not in use.
    NSSA :: N: the area is not so stubby; P in type 7: to be translated.
    LOCAL_SIGNALING :: L: a block of local signaling follows the packet; it is not read.
    DEMAND :: DC: demand circuits.
    OPAQUE :: O: opaque advertisements are taken (RFC 5250).
    DOWN :: DN: a provider's router brought the route in (RFC 4576); another one does not use it.
    """)
_ROUTER_FLAGS = words(WordKind.CODE, RouterFlag, rank=60)("""
    ## what a router says it is :: dmvpn lab capture, debug ip ospf packet, show ip ospf database [RFC 2328 §A.4.2]
        next: debug ip ospf packet
    BORDER :: B: an area border router.
    EXTERNAL | EXTERNAL (router) :: E: it brings routes in from outside.
    VIRTUAL :: V: an end of a virtual link.
    TRANSLATOR :: Nt: it translates type 7 into type 5. [RFC 3101 §2.4]
    """)
_DESCRIPTION_FLAGS = words(WordKind.CODE, DescriptionFlag, rank=60)("""
    ## flags of database descriptions :: dmvpn lab capture, debug ip ospf packet, show ip ospf database
        [RFC 2328 §A.3.3]
        next: debug ip ospf packet
    MASTER :: MS: the sender leads the exchange.
    MORE :: M: more descriptions follow.
    INIT :: I: the first one.
    RESYNC :: R: databases are exchanged again without losing the adjacency. [RFC 4811]
    """)

GROUPS: Final = groups(vars())
