"""Reasons for refused packets in `show ip nhrp traffic detail`, and the counters of `show nhrp stats`."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import WordGroup, WordKind
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.tunnel import Happening

_REFUSALS = WordGroup(
    title="why packets were refused",
    kind=WordKind.COUNTER,
    screens=("show ip nhrp traffic detail", "show logging", "debug nhrp error"),
    rank=30,
    next="debug nhrp error",
    sighting=r"(?:Refused: \d+ |packet from \S+ refused: )([a-zA-Z ,]+)",
    lines=True,
    explanations=(
        Word(
            Refusal.MALFORMED.value,
            "The octets are no NHRP packet: wrong version, length or checksum.",
            "Damage on the way, or a program that is no NHRP.",
            clause="RFC 2332 §5.1",
        ),
        Word(
            Refusal.AUTHENTICATION.value,
            "The password differs from ours, or is missing. Error 11 is returned to the sender.",
            "`ip nhrp authentication` differs between the two ends.",
            next="show running-config interface Tunnel (on both ends)",
            clause="RFC 2332 §5.3.4",
        ),
        Word(
            Refusal.UNKNOWN_EXTENSION.value,
            "The sender insists on an extension that this router does not know. Error 1 is returned.",
            clause="RFC 2332 §5.3",
        ),
        Word(
            Refusal.HOP_COUNT.value,
            "The packet was forwarded too often. Error 15 is returned to the sender.",
            "A loop between servers.",
            clause="RFC 2332 §5.1",
        ),
        Word(
            Refusal.LOOP.value,
            "The packet's own record of servers already has this router: the packet went in a circle. Error 3.",
            clause="RFC 2332 §5.3.2",
        ),
        Word(
            Refusal.NO_WAY.value,
            "No entry and no route leads to the destination of the packet. Error 6 is returned to the sender.",
            "A spoke names a next hop server's tunnel address wrongly, or the client is gone.",
            next="show ip nhrp",
            clause="RFC 2332 §5.2.7",
        ),
        Word(
            Refusal.UNSOLICITED.value,
            "The number of the reply fits no question of ours, or the question was settled.",
            "A late second copy is harmless; many copies mean that answers are being guessed.",
            clause="RFC 2332 §5.2.0.1",
        ),
        Word(
            Refusal.FORGED.value,
            "The addresses inside cannot be the sender's: our own, a multicast, or outside the tunnel's subnet.",
            "A spoke with a wrong mask, or an attack.",
            next="show ip interface brief",
        ),
        Word(
            Refusal.SEND_LIMIT.value,
            "A packet of ours was not sent: `ip nhrp max-send` is reached.",
            "Too many questions at once; see the line Max-send limit.",
            next="show ip nhrp traffic",
        ),
        Word(
            Refusal.NOT_ALLOWED.value,
            "The sender has no right to its request, for example to purge an entry of another station.",
            clause="RFC 2332 §5.2.5",
        ),
        Word(
            Refusal.REGISTRATION_REFUSED.value,
            "A client was answered with a NAK, mostly 14: its address is registered by another one.",
            next="show ip nhrp detail",
            clause="RFC 2332 §5.2.4",
        ),
        Word(
            Refusal.RESOLUTION_REFUSED.value,
            "A Resolution Request was answered with a NAK: no station here has the address.",
            next="show ip nhrp",
            clause="RFC 2332 §5.2.2",
        ),
        Word(
            Refusal.IGNORED.value,
            "The packet is well-formed and the configuration says not to act on it.",
            "A redirect on a router without `ip nhrp shortcut`, or a tunnel without `ip nhrp network-id`.",
            next="show running-config interface Tunnel",
        ),
        Word(
            Refusal.TOO_LARGE.value,
            "The packet does not fit into the network that it would have to take. Error 8 is returned to the sender.",
            clause="RFC 2332 §5.2.7",
        ),
        Word(
            Refusal.INVALID_EXTENSION.value,
            "A known extension is in a packet in which it means nothing. Error 9 is returned to the sender.",
            clause="RFC 2332 §5.2.7",
        ),
        Word(
            Refusal.ERROR_LIMIT.value,
            "An Error Indication of ours was not sent, so that a flood of bad packets makes no flood of errors.",
            clause="RFC 2332 §5.2.7",
        ),
        Word(
            Refusal.NO_ROOM.value,
            "A table of this router is full. Existing entries stay, new ones are refused with NAK 5.",
            next="show ip nhrp summary",
        ),
        Word(
            Refusal.IN_CLEAR.value,
            "GRE came without ESP on a tunnel with `tunnel protection`, and was dropped unread.",
            "The peer has no protection, or lost it.",
            next="show crypto ipsec sa",
        ),
        Word(
            Refusal.UNPROTECTED.value,
            "A packet of ours was not sent: there is no SA with that peer, and in clear nothing may leave.",
            next="show crypto session detail",
        ),
        Word(
            Refusal.OTHER_IDENTITY.value,
            "`ip nhrp bind identity`: the tunnel address belongs to a station that proved another name to IKE.",
            next="show crypto ikev2 sa detailed",
        ),
        Word(
            Refusal.NO_STATION.value,
            "No station has the first or the last address of a subnet. NAK 4 is returned.",
            "A typing mistake in its `ip address`, or a station that wants to receive broadcasts.",
            next="show logging",
            clause="RFC 2332 §5.2.4",
        ),
        Word(
            Refusal.ROUTED_ELSEWHERE.value,
            "A station registers an address outside the tunnel's subnet, and the longest route to it other than a "
            "default does not lead to that station. NAK 4 is returned; if the route came later, the entry is removed.",
            "It wants the packets of a host behind another one, or its own route has not come yet.",
            next="show ip route A.B.C.D",
            clause="RFC 2332 §5.2.4",
        ),
        Word(
            Refusal.OTHER_NBMA.value,
            "On a protected tunnel a station may register only its own NBMA address; only a server (`nhs`, `map`) may "
            "forward other stations' registrations. NAK 4 is returned.",
            next="show ip nhrp nhs",
            clause="RFC 2332 §5.2.3",
        ),
        Word(
            Refusal.HELD_BACK.value,
            "IKE did not begin with an address that one station named: it named more new ones in a minute than "
            "`ip nhrp hearsay limit` allows (20 without the line, half of them in requests). "
            "Packets go by the hub meanwhile.",
            "Very many direct paths at once, or a member that wants IKE to go to strangers.",
            next="show crypto sockets",
        ),
        Word(
            Refusal.TOO_MANY.value,
            "The station has as many entries as `ip nhrp registration limit` allows, 32 without the line; a prefix "
            "counts as all its addresses. NAK 5.",
            "A station with many addresses, or a station that fills the table.",
            next="show ip nhrp summary",
            clause="RFC 2332 §5.2.4",
        ),
        Word(
            Refusal.TOO_MUCH_WORK.value,
            "One station sent more than is read of one: 20,000 octets in a second, each packet counted as 128 more; of "
            "a server of the configuration ten times as much. The packet was not read.",
            "A member that floods this router; in clear, also very many stations behind one translator: they ask "
            "again.",
            next="debug nhrp error",
        ),
    ),
)

_HAPPENINGS = WordGroup(
    title="rows of the statistics",
    kind=WordKind.COUNTER,
    screens=("show nhrp stats", "show ip nhrp stats"),
    rank=32,
    next="show nhrp stats detail",
    sighting=r"(\[[SR]\][A-Z][A-Za-z/ ]*?) *: [1-9]",
    mark=r"^Codes: T - Transport, O - Overlay",
    explanations=(
        Word(Happening.UP.value, "The tunnel came up: registrations begin."),
        Word(Happening.DOWN.value, "The tunnel went down: the entries learned on it are deleted."),
        Word(Happening.ADDRESS_CHANGED.value, "The tunnel or its source has another address: all is registered again."),
        Word(Happening.END_POINT_ADDED.value, "A peer was installed in the data plane: tunnel address, NBMA address."),
        Word(Happening.END_POINT_DELETED.value, "A peer was taken out of the data plane."),
        Word(Happening.ROUTE_ADDED.value, "NHRP gave the routing table a route of its own (T1, `H`)."),
        Word(Happening.ROUTE_DELETED.value, "NHRP took a route of its own back."),
        Word(Happening.OVERRIDE_ADDED.value, "NHRP put its next hop into another protocol's route (T2, `%`)."),
        Word(Happening.OVERRIDE_DELETED.value, "NHRP took its next hop out of another protocol's route."),
    ),
)

_STATISTICS_CODES = WordGroup(
    title="codes of the statistics",
    kind=WordKind.FLAG,
    screens=("show nhrp stats", "show ip nhrp stats"),
    rank=45,
    next="show nhrp stats",
    explanations=(
        Word("T", "Transport: the network below the tunnel.", also=("Transport",)),
        Word("O", "Overlay: the network inside the tunnel.", also=("Overlay",)),
        Word("EP", "End Point: a peer in the data plane's table.", also=("End Point",)),
        Word("TP", "Tunnel Protection: IPsec on the tunnel interface.", also=("Tunnel Protection",)),
        Word("VA", "Virtual Access: an interface made for one peer. This router makes none.", also=("Virtual Access",)),
        Word("[S]", "Sent from NHRP: an order to another part of the router.", also=("Sent from NHRP",)),
        Word("[R]", "Received by NHRP: events from other parts of the router.", also=("Received by NHRP",)),
        Word(
            "[number]",
            "How many of these orders the host refused.",
            next="show logging",
            also=("Error associated with an event",),
        ),
    ),
)

_MULTICAST_FLAGS = WordGroup(
    title="Flags of a receiver",
    kind=WordKind.FLAG,
    screens=("show ip nhrp multicast", "show ipv6 nhrp multicast"),
    rank=33,
    next="show ip nhrp multicast",
    sighting=r"Flags: (\w+)",
    mark=r"^  I/F     NBMA address",
    explanations=(
        Word("static (multicast)", "`ip nhrp map multicast ADDRESS`: copies of multicasts go there.", also=("static",)),
        Word(
            "dynamic (multicast)",
            "`ip nhrp map multicast dynamic`: the client registered, so it gets copies of multicasts.",
            also=("dynamic",),
        ),
        Word(
            "nhs (multicast)",
            "The next hop server gets copies of multicasts, because its line says `multicast`.",
            also=("nhs",),
        ),
    ),
)

GROUPS: Final = (_REFUSALS, _HAPPENINGS, _STATISTICS_CODES, _MULTICAST_FLAGS)
