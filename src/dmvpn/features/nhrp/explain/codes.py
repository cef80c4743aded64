"""Codes in packets of NHRP: types, NAKs, errors, extensions, flags; by name and by number.

Reasons for refused packets in `show ip nhrp traffic detail`, and the counters of `show nhrp stats`.
"""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.nhrp.packet import ErrorCode, PacketType, PurgeFlag, RegistrationFlag, ResolutionFlag, TrafficCode
from dmvpn.features.nhrp.parts import AddressFamily, CieCode, ExtensionType, SecurityParameter
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.tunnel import Happening

_RFC: Final = "rfc 2332 nhrp code"

_NAKS = words(
    WordKind.CODE,
    CieCode,
    rank=20,
    names=f"{_RFC} nak cie registration resolution reply",
    sighting=r"(?:packet with error - [a-z ]+|\bcode: [a-z ]+)\((\d+)\)",
    by_number=True,
)("""
    ## NAK, the code of a client information entry :: show logging, debug nhrp packet [RFC 2332 §5.2.2 and §5.2.4]
        next: show ip nhrp nhs detail
    SUCCESS | no error :: Not a NAK: the entry was registered, or the address resolved.
        when: In every reply that grants the request.
    ADMINISTRATIVELY_PROHIBITED | administratively prohibited :: The server could and will not: its policy forbids this
        station or address.
        when: An identity that holds the address already (`ip nhrp bind identity`), or a policy of another vendor.
    INSUFFICIENT_RESOURCES | insufficient resources :: The server has no room for another entry. It is asked again
        later.
        when: A table at its limit; a sign of too many spokes, or of a station that registers arbitrary addresses.
        next: on the server: show ip nhrp summary
    NO_BINDING_FRR :: FRR's number for 12, no binding for this address; RFC 2332 leaves 11 unassigned here, so it is
        read as 12. [RFC 2332 §5.2.2]
        when: From hubs that run FRR's nhrpd.
    NO_BINDING | no address binding :: No station has this address: the server has no client, and no router behind a
        client, for it. [RFC 2332 §5.2.2]
        when: The spoke in question is not registered, or the tunnel address does not exist. Packets go through the hub.
        next: on the server: show ip nhrp
    BINDING_NOT_UNIQUE | address not unique :: Several stations have the address, and the question was for a single one.
        [RFC 2332 §5.2.2]
        when: When the U bit of the request was set and more than one NBMA address is registered.
    UNIQUE_ADDRESS_REGISTERED | unique address registered already :: The server holds this tunnel address for another
        NBMA address, registered as unique, until that expires. [RFC 2332 §5.2.4]
        when: A spoke whose public address changed (DHCP, NAT) comes back; or two spokes have one tunnel address. `ip
        nhrp registration no-unique` on the spokes lets the last one win.
        next: on the server: show ip nhrp detail
    """)
_ERRORS = words(
    WordKind.CODE,
    ErrorCode,
    rank=21,
    names=f"{_RFC} error indication",
    sighting=r"(?:code: |Reason:  |error code: )[a-z ]+ \((\d+)\)",
    by_number=True,
)("""
    ## code of an Error Indication :: show logging, debug nhrp packet [RFC 2332 §5.2.7]
        next: show ip nhrp traffic detail
    UNRECOGNIZED_EXTENSION | unrecognized extension :: A compulsory extension is in the packet that the receiver does
        not know, so it may not act on it. [RFC 2332 §5.3]
        when: Between vendors.
    LOOP_DETECTED_FRR :: FRR's number for 3, loop detected. when: From routers that run FRR's nhrpd.
    LOOP_DETECTED | loop detected :: The packet came back to a server that had passed it on: the hubs send it in a
        circle.
        when: Two hubs that are each other's best route for the address.
        next: show ip route (the address, on each hub)
    PROTOCOL_ADDRESS_UNREACHABLE | protocol address unreachable :: A server on the way knows no NBMA address that leads
        to the destination of the packet.
        when: An `ip nhrp nhs` line that names a tunnel address which is not the server's; a client that is gone.
        next: show running-config interface Tunnel
    PROTOCOL_ERROR | protocol generic error :: The packet broke the rules in a way that has no code of its own.
        when: A fault in one of the two programs. The packet itself has the details.
        next: debug nhrp packet
    SDU_SIZE_EXCEEDED | sdu size exceeded :: The packet is larger than the network of a server on the way carries.
        when: Very many extensions or entries in one packet, or a tiny MTU.
        next: show interfaces Tunnel
    INVALID_EXTENSION | invalid extension :: An extension is where it may not be, comes twice, or its length is wrong.
        next: debug nhrp extension
    INVALID_RESOLUTION_REPLY | invalid resolution reply received :: A Resolution Reply arrived that answers no request
        of the receiver.
        when: After a restart, or when answers are forged.
    AUTHENTICATION_FAILURE | authentication failure :: The password of `ip nhrp authentication` differs, or one side has
        none. It goes over the wire in clear: it guards against mistakes, not against enemies. [RFC 2332 §5.3.4]
        when: On the first registration of a spoke that was configured with another word.
        next: show running-config interface Tunnel (on both ends)
    HOP_COUNT_EXCEEDED | hop count exceeded :: The packet was passed on by as many servers as its hop count allows.
        [RFC 2332 §5.1]
        when: Nearly always a loop between hubs.
    VPN_MISMATCH | vpn mismatch :: The packet names another VPN than that in which it arrived. [RFC 2735]
        when: Only with the VPN extensions of RFC 2735, which DMVPN does not use.
    VPN_UNSUPPORTED | vpn unsupported :: The packet names a VPN, and the receiver has none. [RFC 2735]
        when: Only with the VPN extensions of RFC 2735, which DMVPN does not use.
    """)
_TYPES = words(
    WordKind.CODE,
    PacketType,
    rank=25,
    names=f"{_RFC} packet type op opcode",
    sighting=r"\b((?:Resolution|Registration|Purge) (?:Request|Reply)|(?:Error|Traffic) Indication)\b",
)("""
    ## packet types :: show ip nhrp traffic, debug nhrp next: show ip nhrp traffic
    RESOLUTION_REQUEST | Resolution Request | resolution :: Asks for the NBMA address that leads to a tunnel address, or
        to the network behind it. [RFC 2332 §5.2.1]
        when: From a spoke after a redirect (phase 3), or for a next hop that has no NBMA address (phase 2).
    RESOLUTION_REPLY | Resolution Reply | reply :: Answers a Resolution Request with an NBMA address, a prefix and a
        holding time, or with a NAK. [RFC 2332 §5.2.2]
        when: From the router that the address is behind; it goes straight to the asker.
    REGISTRATION_REQUEST | Registration Request | registration :: A client registers its tunnel address and NBMA address
        with its server, for the holding time. [RFC 2332 §5.2.3]
        when: At the start and every third of the holding time.
    REGISTRATION_REPLY | Registration Reply :: The server's answer: registered, or a NAK with the reason.
        [RFC 2332 §5.2.4]
    PURGE_REQUEST | Purge Request | purge :: Withdraws a mapping: the receiver must delete it now, because it is no
        longer valid. [RFC 2332 §5.2.5]
        when: When a network goes away, a route leads elsewhere, or a user types `clear ip nhrp`.
    PURGE_REPLY | Purge Reply :: Confirms a Purge Request, so that it need not be repeated. [RFC 2332 §5.2.6]
    ERROR_INDICATION | Error Indication :: A station could not process a packet. It carries a code and the beginning of
        that packet, and is never answered itself. [RFC 2332 §5.2.7]
    TRAFFIC_INDICATION | Traffic Indication | redirect :: The redirect of phase 3: a hub informs a spoke that its
        packets enter and leave by the same network, so there may be a shorter way. [draft-detienne-dmvpn-01]
        when: With `ip nhrp redirect` on the hub, at most once in a while for each pair of addresses.
        next: show ip nhrp redirect
    """)
_EXTENSIONS = words(
    WordKind.CODE,
    ExtensionType,
    rank=26,
    names=f"{_RFC} extension type",
    sighting=r"Extension\((\d+)\):",
    by_number=True,
)("""
    ## extensions :: debug nhrp extension next: debug nhrp extension
    END :: Closes the list of extensions. [RFC 2332 §5.3.0]
    RESPONDER_ADDRESS :: The addresses of the station that made the reply. The requester asks for the extension by
        sending it empty. [RFC 2332 §5.3.1]
    FORWARD_TRANSIT_RECORD :: Each server that forwards the request adds its addresses here; a server that finds its own
        has detected a loop. [RFC 2332 §5.3.2]
    REVERSE_TRANSIT_RECORD :: The same for the reply's way back. [RFC 2332 §5.3.3]
    AUTHENTICATION :: The password of `ip nhrp authentication`, in clear. [RFC 2332 §5.3.4]
    VENDOR_PRIVATE :: Additions of a vendor: the group of `ip nhrp group`, and the UDP ports of peers behind NAT.
        [RFC 2332 §5.3.5]
        next: show dmvpn detail
    NAT_ADDRESS :: The NBMA address as the outside sees it, added by the server that noticed the translation.
        [draft-detienne-dmvpn-01]
        next: show ip nhrp detail
    """)
_RESOLUTION_FLAGS = words(WordKind.FLAG, ResolutionFlag, rank=27, sighting=r'^ *\(M\) flags: "([a-z -]*)", reqid')("""
    ## flags of a Resolution Request or Reply :: debug nhrp packet [RFC 2332 §5.2.1 and §5.2.2] next: debug nhrp packet
    ROUTER | Q :: Q bit: the requester is a router, not a host.
    AUTHORITATIVE | A | auth :: A bit: only the station that holds the registration, or the route, may answer; no
        copies.
    DESTINATION_STABLE | dst-stable :: D bit: the answer holds as long as its holding time, even if routes behind the
        station change.
    UNIQUE | U :: U bit: in a question, only a single answer is wanted; in an answer, there is no other.
    SOURCE_STABLE | src-stable :: S bit: the sender's own pair of addresses is stable and accurate, so receivers may
        keep it.
    NAT :: The sender understands the NAT address extension. [draft-detienne-dmvpn-01]
    """)
_REGISTRATION_FLAGS = words(WordKind.FLAG, RegistrationFlag, rank=28)("""
    ## flags of a Registration Request :: debug nhrp packet [RFC 2332 §5.2.3] next: debug nhrp packet
    UNIQUE :: U bit: no other station may register this address until it expires (off with `registration no-unique`).
    NAT :: The client understands the NAT address extension, so the server may send it its outside address.
        [draft-detienne-dmvpn-01]
    """)
_PURGE_FLAGS = words(WordKind.FLAG, PurgeFlag, rank=29)("""
    ## flags of a Purge Request :: debug nhrp packet next: debug nhrp packet
    NO_REPLY | no-reply :: N bit: the purge needs no reply, so it is not repeated either. [RFC 2332 §5.2.5]
    NAT :: The sender of the purge understands the NAT address extension. [draft-detienne-dmvpn-01]
    """)
_FIELDS = words(
    WordKind.CODE,
    AddressFamily,
    SecurityParameter,
    TrafficCode,
    rank=35,
    names=f"{_RFC} afn traffic spi",
)("""
    ## other numbers of a packet :: debug nhrp packet [RFC 2332 §5.1] next: debug nhrp packet
    IPV4 | AF_IP | AF_IP(1) :: NBMA addresses in this packet are of IPv4.
    IPV6 | AF_IP6 | AF_IP6(2) :: NBMA addresses in this packet are of IPv6.
    CLEARTEXT :: The kind of the authentication extension: a password in clear, the only method that DMVPN uses.
        [RFC 2332 §5.3.4]
    REDIRECT :: Why a Traffic Indication was sent: there may be a shorter way. There is no other code.
        [draft-detienne-dmvpn-01]
    """)

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


#: Words that may precede a number, whatever the code belongs to.

GROUPS: Final = groups(vars())
