"""Numbers of OSPF's packets and advertisements."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import WordGroup, WordKind, code
from dmvpn.features.ospf.lsa import LinkType, LsaType, Options, RouterFlag
from dmvpn.features.ospf.packet import DescriptionFlag, PacketType

_P, _L, _K, _O, _R, _D = PacketType, LsaType, LinkType, Options, RouterFlag, DescriptionFlag


def _codes(title: str, clause: str, *explanations: Word) -> WordGroup:
    return WordGroup(
        title=title,
        kind=WordKind.CODE,
        screens=("dmvpn lab capture", "debug ip ospf packet", "show ip ospf database"),
        rank=60,
        next="debug ip ospf packet",
        clause=clause,
        explanations=explanations,
    )


GROUPS: Final = (
    _codes(
        "packets of OSPF",
        "RFC 2328 §A.3.1",
        code(_P.HELLO, "Discovers neighbors and keeps them up: sent at regular intervals.", also=("HELLO (OSPF)",)),
        code(_P.DESCRIPTION, "Database description: what a router has, as headers."),
        code(_P.REQUEST, "Link state request: send me these.", also=("REQUEST (OSPF)",)),
        code(_P.UPDATE, "Link state update: advertisements, asked for or new.", also=("UPDATE (OSPF)",)),
        code(_P.ACKNOWLEDGMENT, "Link state acknowledgment: these have come."),
    ),
    _codes(
        "link state advertisements",
        "RFC 2328 §A.4.1",
        code(_L.ROUTER, "Type 1: a router and its links."),
        code(_L.NETWORK, "Type 2: a network with a designated router, and the routers on it."),
        code(_L.SUMMARY, "Type 3: a network in another area."),
        code(_L.BORDER_SUMMARY, "Type 4: a router in another area that brings routes in."),
        code(_L.EXTERNAL, "Type 5: a network outside of OSPF."),
        code(_L.NSSA_EXTERNAL, "Type 7: the same, advertised in a not-so-stubby area.", clause="RFC 3101 §2.2"),
        code(_L.OPAQUE_LINK, "Type 9: something for the routers of a link, as a Grace-LSA.", clause="RFC 5250 §3"),
        code(_L.OPAQUE_AREA, "Type 10: something for the routers of an area.", clause="RFC 5250 §3"),
        code(_L.OPAQUE_AS, "Type 11: something for all routers of OSPF.", clause="RFC 5250 §3"),
    ),
    _codes(
        "links in a router's advertisement",
        "RFC 2328 §A.4.2",
        code(_K.POINT_TO_POINT, "A link to one other router.", also=("POINT_TO_POINT (link)",)),
        code(_K.TRANSIT, "A link to a network with a designated router."),
        code(_K.STUB, "A network that leads no further, or a host."),
        code(_K.VIRTUAL, "A virtual link through an area."),
    ),
    _codes(
        "options of OSPF",
        "RFC 2328 §A.2",
        code(_O.EXTERNAL, "E: external routes are known here. Both ends must agree.", also=("EXTERNAL (option)",)),
        code(_O.MULTICAST, "MC: multicast OSPF, which is not in use."),
        code(_O.NSSA, "N: the area is not so stubby; P in type 7: to be translated."),
        code(_O.LOCAL_SIGNALING, "L: a block of local signaling follows the packet; it is not read."),
        code(_O.DEMAND, "DC: demand circuits."),
        code(_O.OPAQUE, "O: opaque advertisements are taken (RFC 5250)."),
        code(_O.DOWN, "DN: a provider's router brought the route in (RFC 4576); another one does not use it."),
    ),
    _codes(
        "what a router says it is",
        "RFC 2328 §A.4.2",
        code(_R.BORDER, "B: an area border router."),
        code(_R.EXTERNAL, "E: it brings routes in from outside.", also=("EXTERNAL (router)",)),
        code(_R.VIRTUAL, "V: an end of a virtual link."),
        code(_R.TRANSLATOR, "Nt: it translates type 7 into type 5.", clause="RFC 3101 §2.4"),
    ),
    _codes(
        "flags of database descriptions",
        "RFC 2328 §A.3.3",
        code(_D.MASTER, "MS: the sender leads the exchange."),
        code(_D.MORE, "M: more descriptions follow."),
        code(_D.INIT, "I: the first one."),
        code(_D.RESYNC, "R: databases are exchanged again without losing the adjacency.", clause="RFC 4811"),
    ),
)
