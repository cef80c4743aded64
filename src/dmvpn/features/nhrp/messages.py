"""Log messages of NHRP. Texts are those of IOS, typos included: tools match them.

`%NHRP-` messages are always written, `%DMVPN-` messages with `logging dmvpn`. `MESSAGES` lists them all; the
docstring of each is its explanation for `dmvpn explain`.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, spelled
from dmvpn.base.notices import log_kind, log_messages
from dmvpn.features.nhrp.packet import ErrorCode, PacketType
from dmvpn.features.nhrp.parts import CieCode

#: Its tunnel address and its NBMA address.
Station = tuple["IPAddress", "IPAddress"]

#: Names of packets in logs and debugs.
PACKET_NAMES: dict[PacketType, str] = {
    PacketType.RESOLUTION_REQUEST: "Resolution Request",
    PacketType.RESOLUTION_REPLY: "Resolution Reply",
    PacketType.REGISTRATION_REQUEST: "Registration Request",
    PacketType.REGISTRATION_REPLY: "Registration Reply",
    PacketType.PURGE_REQUEST: "Purge Request",
    PacketType.PURGE_REPLY: "Purge Reply",
    PacketType.ERROR_INDICATION: "Error Indication",
    PacketType.TRAFFIC_INDICATION: "Traffic Indication",
}

CODE_NAMES: dict[int, str] = {
    CieCode.SUCCESS: "no error",
    CieCode.ADMINISTRATIVELY_PROHIBITED: "administratively prohibited",
    CieCode.INSUFFICIENT_RESOURCES: "insufficient resources",
    CieCode.NO_BINDING_FRR: "no address binding",
    CieCode.NO_BINDING: "no address binding",
    CieCode.BINDING_NOT_UNIQUE: "address not unique",
    CieCode.UNIQUE_ADDRESS_REGISTERED: "unique address registered already",
}

ERROR_NAMES: dict[int, str] = {
    ErrorCode.UNRECOGNIZED_EXTENSION: "unrecognized extension",
    ErrorCode.LOOP_DETECTED_FRR: "loop detected",
    ErrorCode.LOOP_DETECTED: "loop detected",
    ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE: "protocol address unreachable",
    ErrorCode.PROTOCOL_ERROR: "protocol generic error",
    ErrorCode.SDU_SIZE_EXCEEDED: "sdu size exceeded",
    ErrorCode.INVALID_EXTENSION: "invalid extension",
    ErrorCode.INVALID_RESOLUTION_REPLY: "invalid resolution reply received",
    ErrorCode.AUTHENTICATION_FAILURE: "authentication failure",
    ErrorCode.HOP_COUNT_EXCEEDED: "hop count exceeded",
    ErrorCode.VPN_MISMATCH: "vpn mismatch",
    ErrorCode.VPN_UNSUPPORTED: "vpn unsupported",
}


def code_name(code: int) -> str:
    """Return a CIE code with its number: "no error(0)"."""
    return f"{CODE_NAMES.get(code, 'unknown')}({code})"


def error_name(code: int) -> str:
    """Return an error code with its number: "authentication failure (11)"."""
    return f"{ERROR_NAMES.get(code, 'unknown error')} ({code})"


@log_kind("NHRP-3-PAKREPLY")
def reply_with_error(kind: PacketType, code: int) -> str:
    """A server answered our request with a NAK. 14: it holds our address for another NBMA address, uniquely."""
    return f"Receive {PACKET_NAMES[kind]} packet with error - {code_name(code)}"


@log_kind("NHRP-3-PAKERROR")
def error_received(kind: str, code: int, peer: Station) -> str:
    """A peer could not work with a packet of ours and says why. With 11 it takes our password for a wrong one."""
    # peer: tunnel and NBMA address of its sender.
    return f"Receive Error Indication for our {kind}, code: {error_name(code)}, from {_of(peer)}"


@log_kind("NHRP-3-PAKAUTH")
def password_refused(tunnel: str, kind: str, peer: Station) -> str:
    """A packet was refused because its password is not that of `ip nhrp authentication` here.

    Written where `logging dmvpn` is not configured; where it is, `%DMVPN-3-DMVPN_NHRP_ERROR` says the same.
    """
    # peer: tunnel and NBMA address of its sender.
    return f"{tunnel}: {kind} of {_of(peer)} refused: its password is not ours"


@log_kind("NHRP-4-IDENTITY")
def identity_refused(tunnel: str, client: Station, holder: str, claimant: str) -> str:
    """`ip nhrp bind identity`: a station with valid credentials wants a tunnel address of another station.

    Either the station uses another's address, or a spoke was replaced by a spoke with another identity: then the old
    entry has to expire, or be removed by `clear ip nhrp`.
    """
    # client: tunnel and NBMA address; holder, claimant: IKE identities.
    who = claimant or "a station without an identity of its own"
    return f"{tunnel}: {_of(client)} is registered by {holder}, refused to {who}"


@log_kind("NHRP-4-REGREFUSED")
def registration_refused(tunnel: str, target: Prefix, nbma: IPAddress, why: str) -> str:
    """A station wants to register an address without a right to it; the text says why. A NAK is returned.

    An address behind another station, the subnet's own address, another station's NBMA address, or too many addresses:
    a mistake in its configuration, or a member that wants other members' packets.
    """
    # nbma: the address that the request came from.
    what = spelled(target.address if target.is_host else target)
    return f"{tunnel}: {what} is not registered for {nbma}: {why}"


@log_kind("DMVPN-5-CRYPTO_SS")
def socket_changed(tunnel: str, local: IPAddress, remote: IPAddress, *, up: bool) -> str:
    """Packets of a tunnel to this NBMA address can be protected from now on, or no more."""
    # local, remote: NBMA addresses. The second blank is IOS's.
    return f" {tunnel}: local address : {local} remote address : {remote} socket is {'UP' if up else 'DOWN'}"


@log_kind("DMVPN-5-NHRP_NHS_UP")
def nhs_up(tunnel: str, server: Station, own: Station) -> str:
    """We are registered with a next hop server."""
    return f"{tunnel}: Next Hop Server : {_of(server)} for {_of(own)} is  UP"


@log_kind("DMVPN-5-NHRP_NHS_DOWN")
def nhs_down(tunnel: str, server: Station, own: Station, reason: str) -> str:
    """A next hop server answers no more, or refuses us."""
    return f"{tunnel}: Next Hop Server : {_of(server, ' ')} for {_of(own)} is DOWN, Reason: {reason}(NHRP: no error)"


@log_kind("DMVPN-5-NHRP_NHC_UP")
def nhc_up(tunnel: str, client: Station, own: Station) -> str:
    """A client registered with us."""
    return f"{tunnel}: Next Hop Client : {_of(client)} for {_of(own)} is UP"


@log_kind("DMVPN-5-NHRP_NHC_DOWN")
def nhc_down(tunnel: str, client: Station, own: Station, reason: str) -> str:
    """The registration of a client ended."""
    return f"{tunnel}: Next Hop Client : {_of(client, ' ')} for {_of(own)} is DOWN, Reason: External({reason})"


@log_kind("DMVPN-5-NHRP_NHP_UP")
def nhp_up(tunnel: str, peer: Station, own: Station) -> str:
    """Packets to another spoke go directly."""
    return f"{tunnel}: Next Hop NHP : {_of(peer)} for {_of(own)} is UP"


@log_kind("DMVPN-5-NHRP_NHP_DOWN")
def nhp_down(tunnel: str, peer: Station, own: Station, reason: str) -> str:
    """Packets to another spoke go by the hub again."""
    return f"{tunnel}: Next Hop Peer : {_of(peer)} for {_of(own)} is DOWN, Reason: {reason}(NHRP: no error)"


@log_kind("DMVPN-3-DMVPN_NHRP_ERROR")
def nhrp_error(tunnel: str, kind: str, code: int, peer: Station) -> str:
    """A packet of a peer was refused. With 11 the passwords of `ip nhrp authentication` differ.

    IOS logs "Encap Error (7)" if it has no NBMA address to forward a packet to: its destination is not registered.
    Often an `ip nhrp nhs` line names a tunnel address that is not the server's. Error 6, protocol address unreachable,
    is returned to the sender (RFC 2332 §5.2.7).
    """
    # peer: tunnel and NBMA address.
    what = "NHRP Error for"
    if code == ErrorCode.AUTHENTICATION_FAILURE:
        what = "Recieved wrong authentication string for"  # codespell:ignore recieved
    elif code == ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE:
        what, code = "NHRP Encap Error for", ErrorCode.PROTOCOL_ERROR
    return f" {tunnel}: {what}  {kind} , Reason:  {error_name(code)} on {_of(peer)}"


@log_kind("DMVPN-5-NHRP_NETID_UNCONFIGURED")
def network_unconfigured(tunnel: str, nbma: IPAddress) -> str:
    """An NHRP packet came for a tunnel that has no `ip nhrp network-id`."""
    return f"{tunnel}: NHRP Network-ID is not configured, packet from {nbma} dropped"


@log_kind("NHRP-4-PAKREFUSED")
def packet_refused(tunnel: str, nbma: IPAddress, why: str) -> str:
    """A packet was dropped without an answer: it cannot be read, or says what its sender has no right to say."""
    return f"{tunnel}: packet from {nbma} refused: {why}"


def refused_line(tunnel: str, kind: str, code: int, peer: Station, why: str) -> str:
    """Return the debug line about a packet of this kind that is refused. peer: tunnel and NBMA address of its
    sender.
    """
    what = f"{tunnel}: {kind} of {_of(peer)} refused: {why}"
    return (
        f"NHRP: Authentication string mismatch, {what}" if code == ErrorCode.AUTHENTICATION_FAILURE else f"NHRP: {what}"
    )


def objection_line(tunnel: str, kind: str, code: int, peer: Station) -> str:
    """Return the debug line about an Error Indication. peer: tunnel and NBMA address of its sender."""
    return f"NHRP: {tunnel}: {_of(peer)} refuses our {kind}: {error_name(code)}"


def _of(station: Station, blank: str = "") -> str:
    """Return a station as these messages print it. Some have a blank before the parenthesis."""
    tunnel, nbma = station
    return f"(Tunnel: {spelled(tunnel)} NBMA: {spelled(nbma)}{blank})"


MESSAGES: Final = log_messages(vars())
