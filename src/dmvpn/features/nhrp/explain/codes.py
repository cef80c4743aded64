"""Codes in packets of NHRP: types, NAKs, errors, extensions, flags; by name and by number."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordGroup, WordKind, code
from dmvpn.features.nhrp.packet import ErrorCode, PacketType, PurgeFlag, RegistrationFlag, ResolutionFlag, TrafficCode
from dmvpn.features.nhrp.parts import AddressFamily, CieCode, ExtensionType, SecurityParameter

#: Words that may precede a number, whatever the code belongs to.
_RFC: Final = frozenset({"rfc", "2332", "nhrp", "code"})

_NAKS = WordGroup(
    title="NAK, the code of a client information entry",
    kind=WordKind.CODE,
    screens=("show logging", "debug nhrp packet"),
    rank=20,
    clause="RFC 2332 §5.2.2 and §5.2.4",
    next="show ip nhrp nhs detail",
    sighting=r"(?:packet with error - [a-z ]+|\bcode: [a-z ]+)\((\d+)\)",
    by_number=True,
    names=_RFC | {"nak", "cie", "registration", "resolution", "reply"},
    explanations=(
        code(
            CieCode.SUCCESS,
            "Not a NAK: the entry was registered, or the address resolved.",
            "In every reply that grants the request.",
            also=("no error",),
        ),
        code(
            CieCode.ADMINISTRATIVELY_PROHIBITED,
            "The server could and will not: its policy forbids this station or address.",
            "An identity that holds the address already (`ip nhrp bind identity`), or a policy of another vendor.",
            also=("administratively prohibited",),
        ),
        code(
            CieCode.INSUFFICIENT_RESOURCES,
            "The server has no room for another entry. It is asked again later.",
            "A table at its limit; a sign of too many spokes, or of a station that registers arbitrary addresses.",
            next="on the server: show ip nhrp summary",
            also=("insufficient resources",),
        ),
        code(
            CieCode.NO_BINDING_FRR,
            "FRR's number for 12, no binding for this address; RFC 2332 leaves 11 unassigned here, so it is read as "
            "12.",
            "From hubs that run FRR's nhrpd.",
            clause="RFC 2332 §5.2.2",
        ),
        code(
            CieCode.NO_BINDING,
            "No station has this address: the server has no client, and no router behind a client, for it.",
            "The spoke in question is not registered, or the tunnel address does not exist. Packets go through the "
            "hub.",
            next="on the server: show ip nhrp",
            clause="RFC 2332 §5.2.2",
            also=("no address binding",),
        ),
        code(
            CieCode.BINDING_NOT_UNIQUE,
            "Several stations have the address, and the question was for a single one.",
            "When the U bit of the request was set and more than one NBMA address is registered.",
            clause="RFC 2332 §5.2.2",
            also=("address not unique",),
        ),
        code(
            CieCode.UNIQUE_ADDRESS_REGISTERED,
            "The server holds this tunnel address for another NBMA address, registered as unique, until that expires.",
            "A spoke whose public address changed (DHCP, NAT) comes back; or two spokes have one tunnel address. "
            "`ip nhrp registration no-unique` on the spokes lets the last one win.",
            next="on the server: show ip nhrp detail",
            clause="RFC 2332 §5.2.4",
            also=("unique address registered already",),
        ),
    ),
)

_ERRORS = WordGroup(
    title="code of an Error Indication",
    kind=WordKind.CODE,
    screens=("show logging", "debug nhrp packet"),
    rank=21,
    clause="RFC 2332 §5.2.7",
    next="show ip nhrp traffic detail",
    sighting=r"(?:code: |Reason:  |error code: )[a-z ]+ \((\d+)\)",
    by_number=True,
    names=_RFC | {"error", "indication"},
    explanations=(
        code(
            ErrorCode.UNRECOGNIZED_EXTENSION,
            "A compulsory extension is in the packet that the receiver does not know, so it may not act on it.",
            "Between vendors.",
            clause="RFC 2332 §5.3",
            also=("unrecognized extension",),
        ),
        code(ErrorCode.LOOP_DETECTED_FRR, "FRR's number for 3, loop detected.", "From routers that run FRR's nhrpd."),
        code(
            ErrorCode.LOOP_DETECTED,
            "The packet came back to a server that had passed it on: the hubs send it in a circle.",
            "Two hubs that are each other's best route for the address.",
            next="show ip route (the address, on each hub)",
            also=("loop detected",),
        ),
        code(
            ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE,
            "A server on the way knows no NBMA address that leads to the destination of the packet.",
            "An `ip nhrp nhs` line that names a tunnel address which is not the server's; a client that is gone.",
            next="show running-config interface Tunnel",
            also=("protocol address unreachable",),
        ),
        code(
            ErrorCode.PROTOCOL_ERROR,
            "The packet broke the rules in a way that has no code of its own.",
            "A fault in one of the two programs. The packet itself has the details.",
            next="debug nhrp packet",
            also=("protocol generic error",),
        ),
        code(
            ErrorCode.SDU_SIZE_EXCEEDED,
            "The packet is larger than the network of a server on the way carries.",
            "Very many extensions or entries in one packet, or a tiny MTU.",
            next="show interfaces Tunnel",
            also=("sdu size exceeded",),
        ),
        code(
            ErrorCode.INVALID_EXTENSION,
            "An extension is where it may not be, comes twice, or its length is wrong.",
            next="debug nhrp extension",
            also=("invalid extension",),
        ),
        code(
            ErrorCode.INVALID_RESOLUTION_REPLY,
            "A Resolution Reply arrived that answers no request of the receiver.",
            "After a restart, or when answers are forged.",
            also=("invalid resolution reply received",),
        ),
        code(
            ErrorCode.AUTHENTICATION_FAILURE,
            "The password of `ip nhrp authentication` differs, or one side has none. It goes over the wire in clear: "
            "it guards against mistakes, not against enemies.",
            "On the first registration of a spoke that was configured with another word.",
            next="show running-config interface Tunnel (on both ends)",
            clause="RFC 2332 §5.3.4",
            also=("authentication failure",),
        ),
        code(
            ErrorCode.HOP_COUNT_EXCEEDED,
            "The packet was passed on by as many servers as its hop count allows.",
            "Nearly always a loop between hubs.",
            clause="RFC 2332 §5.1",
            also=("hop count exceeded",),
        ),
        code(
            ErrorCode.VPN_MISMATCH,
            "The packet names another VPN than that in which it arrived.",
            "Only with the VPN extensions of RFC 2735, which DMVPN does not use.",
            clause="RFC 2735",
            also=("vpn mismatch",),
        ),
        code(
            ErrorCode.VPN_UNSUPPORTED,
            "The packet names a VPN, and the receiver has none.",
            "Only with the VPN extensions of RFC 2735, which DMVPN does not use.",
            clause="RFC 2735",
            also=("vpn unsupported",),
        ),
    ),
)

_TYPES = WordGroup(
    title="packet types",
    kind=WordKind.CODE,
    screens=("show ip nhrp traffic", "debug nhrp"),
    rank=25,
    next="show ip nhrp traffic",
    sighting=r"\b((?:Resolution|Registration|Purge) (?:Request|Reply)|(?:Error|Traffic) Indication)\b",
    names=_RFC | {"packet", "type", "op", "opcode"},
    explanations=(
        code(
            PacketType.RESOLUTION_REQUEST,
            "Asks for the NBMA address that leads to a tunnel address, or to the network behind it.",
            "From a spoke after a redirect (phase 3), or for a next hop that has no NBMA address (phase 2).",
            clause="RFC 2332 §5.2.1",
            also=("Resolution Request", "resolution"),
        ),
        code(
            PacketType.RESOLUTION_REPLY,
            "Answers a Resolution Request with an NBMA address, a prefix and a holding time, or with a NAK.",
            "From the router that the address is behind; it goes straight to the asker.",
            clause="RFC 2332 §5.2.2",
            also=("Resolution Reply", "reply"),
        ),
        code(
            PacketType.REGISTRATION_REQUEST,
            "A client registers its tunnel address and NBMA address with its server, for the holding time.",
            "At the start and every third of the holding time.",
            clause="RFC 2332 §5.2.3",
            also=("Registration Request", "registration"),
        ),
        code(
            PacketType.REGISTRATION_REPLY,
            "The server's answer: registered, or a NAK with the reason.",
            clause="RFC 2332 §5.2.4",
            also=("Registration Reply",),
        ),
        code(
            PacketType.PURGE_REQUEST,
            "Withdraws a mapping: the receiver must delete it now, because it is no longer valid.",
            "When a network goes away, a route leads elsewhere, or a user types `clear ip nhrp`.",
            clause="RFC 2332 §5.2.5",
            also=("Purge Request", "purge"),
        ),
        code(
            PacketType.PURGE_REPLY,
            "Confirms a Purge Request, so that it need not be repeated.",
            clause="RFC 2332 §5.2.6",
            also=("Purge Reply",),
        ),
        code(
            PacketType.ERROR_INDICATION,
            "A station could not process a packet. It carries a code and the beginning of that packet, and is never "
            "answered itself.",
            clause="RFC 2332 §5.2.7",
            also=("Error Indication",),
        ),
        code(
            PacketType.TRAFFIC_INDICATION,
            "The redirect of phase 3: a hub informs a spoke that its packets enter and leave by the same network, so "
            "there may be a shorter way.",
            "With `ip nhrp redirect` on the hub, at most once in a while for each pair of addresses.",
            next="show ip nhrp redirect",
            clause="draft-detienne-dmvpn-01",
            also=("Traffic Indication", "redirect"),
        ),
    ),
)

_EXTENSIONS = WordGroup(
    title="extensions",
    kind=WordKind.CODE,
    screens=("debug nhrp extension",),
    rank=26,
    next="debug nhrp extension",
    sighting=r"Extension\((\d+)\):",
    by_number=True,
    names=_RFC | {"extension", "type"},
    explanations=(
        code(ExtensionType.END, "Closes the list of extensions.", clause="RFC 2332 §5.3.0"),
        code(
            ExtensionType.RESPONDER_ADDRESS,
            "The addresses of the station that made the reply. The requester asks for the extension by sending it "
            "empty.",
            clause="RFC 2332 §5.3.1",
        ),
        code(
            ExtensionType.FORWARD_TRANSIT_RECORD,
            "Each server that forwards the request adds its addresses here; a server that finds its own has detected a "
            "loop.",
            clause="RFC 2332 §5.3.2",
        ),
        code(ExtensionType.REVERSE_TRANSIT_RECORD, "The same for the reply's way back.", clause="RFC 2332 §5.3.3"),
        code(
            ExtensionType.AUTHENTICATION,
            "The password of `ip nhrp authentication`, in clear.",
            clause="RFC 2332 §5.3.4",
        ),
        code(
            ExtensionType.VENDOR_PRIVATE,
            "Additions of a vendor: the group of `ip nhrp group`, and the UDP ports of peers behind NAT.",
            next="show dmvpn detail",
            clause="RFC 2332 §5.3.5",
        ),
        code(
            ExtensionType.NAT_ADDRESS,
            "The NBMA address as the outside sees it, added by the server that noticed the translation.",
            next="show ip nhrp detail",
            clause="draft-detienne-dmvpn-01",
        ),
    ),
)

_RESOLUTION_FLAGS = WordGroup(
    title="flags of a Resolution Request or Reply",
    kind=WordKind.FLAG,
    screens=("debug nhrp packet",),
    rank=27,
    clause="RFC 2332 §5.2.1 and §5.2.2",
    next="debug nhrp packet",
    sighting=r'^ *\(M\) flags: "([a-z -]*)", reqid',
    explanations=(
        code(ResolutionFlag.ROUTER, "Q bit: the requester is a router, not a host.", also=("Q",)),
        code(
            ResolutionFlag.AUTHORITATIVE,
            "A bit: only the station that holds the registration, or the route, may answer; no copies.",
            also=("A", "auth"),
        ),
        code(
            ResolutionFlag.DESTINATION_STABLE,
            "D bit: the answer holds as long as its holding time, even if routes behind the station change.",
            also=("dst-stable",),
        ),
        code(
            ResolutionFlag.UNIQUE,
            "U bit: in a question, only a single answer is wanted; in an answer, there is no other.",
            also=("U",),
        ),
        code(
            ResolutionFlag.SOURCE_STABLE,
            "S bit: the sender's own pair of addresses is stable and accurate, so receivers may keep it.",
            also=("src-stable",),
        ),
        code(ResolutionFlag.NAT, "The sender understands the NAT address extension.", clause="draft-detienne-dmvpn-01"),
    ),
)
_REGISTRATION_FLAGS = WordGroup(
    title="flags of a Registration Request",
    kind=WordKind.FLAG,
    screens=("debug nhrp packet",),
    rank=28,
    clause="RFC 2332 §5.2.3",
    next="debug nhrp packet",
    explanations=(
        code(
            RegistrationFlag.UNIQUE,
            "U bit: no other station may register this address until it expires (off with `registration no-unique`).",
        ),
        code(
            RegistrationFlag.NAT,
            "The client understands the NAT address extension, so the server may send it its outside address.",
            clause="draft-detienne-dmvpn-01",
        ),
    ),
)
_PURGE_FLAGS = WordGroup(
    title="flags of a Purge Request",
    kind=WordKind.FLAG,
    screens=("debug nhrp packet",),
    rank=29,
    next="debug nhrp packet",
    explanations=(
        code(
            PurgeFlag.NO_REPLY,
            "N bit: the purge needs no reply, so it is not repeated either.",
            clause="RFC 2332 §5.2.5",
            also=("no-reply",),
        ),
        code(
            PurgeFlag.NAT,
            "The sender of the purge understands the NAT address extension.",
            clause="draft-detienne-dmvpn-01",
        ),
    ),
)

_FIELDS = WordGroup(
    title="other numbers of a packet",
    kind=WordKind.CODE,
    screens=("debug nhrp packet",),
    rank=35,
    clause="RFC 2332 §5.1",
    next="debug nhrp packet",
    names=_RFC | {"afn", "traffic", "spi"},
    explanations=(
        code(AddressFamily.IPV4, "NBMA addresses in this packet are of IPv4.", also=("AF_IP", "AF_IP(1)")),
        code(AddressFamily.IPV6, "NBMA addresses in this packet are of IPv6.", also=("AF_IP6", "AF_IP6(2)")),
        code(
            SecurityParameter.CLEARTEXT,
            "The kind of the authentication extension: a password in clear, the only method that DMVPN uses.",
            clause="RFC 2332 §5.3.4",
        ),
        code(
            TrafficCode.REDIRECT,
            "Why a Traffic Indication was sent: there may be a shorter way. There is no other code.",
            clause="draft-detienne-dmvpn-01",
        ),
    ),
)

GROUPS: Final = (
    _NAKS,
    _ERRORS,
    _TYPES,
    _EXTENSIONS,
    _RESOLUTION_FLAGS,
    _REGISTRATION_FLAGS,
    _PURGE_FLAGS,
    _FIELDS,
)
