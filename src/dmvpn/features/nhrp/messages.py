"""Log messages of NHRP. Texts are those of IOS, typos included: tools match them.

`%NHRP-` messages are always written, `%DMVPN-` messages with `logging dmvpn`. `MESSAGES` lists all classes; the
docstring of each is its explanation for `dmvpn explain`.
"""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.addresses import IPAddress, Prefix, spelled
from dmvpn.base.notices import Log, log_messages
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


class ReplyWithError(Log, name="NHRP-3-PAKREPLY"):
    """A server answered our request with a NAK. 14: it holds our address for another NBMA address, uniquely."""

    @classmethod
    def of(cls, kind: PacketType, code: int) -> Self:
        """Return the message for a reply of this type."""
        text = f"Receive {PACKET_NAMES[kind]} packet with error - {code_name(code)}"
        return cls(text)


class ErrorReceived(Log, name="NHRP-3-PAKERROR"):
    """A peer could not work with a packet of ours and says why. With 11 it takes our password for a wrong one."""

    @classmethod
    def of(cls, kind: str, code: int, peer: Station) -> Self:
        """Return the message for an error about a packet of this kind; peer: tunnel and NBMA address of its sender."""
        text = f"Receive Error Indication for our {kind}, code: {error_name(code)}, from {_of(peer)}"
        return cls(text)


class PasswordRefused(Log, name="NHRP-3-PAKAUTH"):
    """A packet was refused because its password is not that of `ip nhrp authentication` here.

    Written where `logging dmvpn` is not configured; where it is, `%DMVPN-3-DMVPN_NHRP_ERROR` says the same.
    """

    @classmethod
    def of(cls, tunnel: str, kind: str, peer: Station) -> Self:
        """Return the message about a packet of this kind; peer: tunnel and NBMA address of its sender."""
        return cls(f"{tunnel}: {kind} of {_of(peer)} refused: its password is not ours")


class IdentityRefused(Log, name="NHRP-4-IDENTITY"):
    """`ip nhrp bind identity`: a station with valid credentials wants a tunnel address of another station.

    Either the station uses another's address, or a spoke was replaced by a spoke with another identity: then the old
    entry has to expire, or be removed by `clear ip nhrp`.
    """

    @classmethod
    def of(cls, tunnel: str, client: Station, holder: str, claimant: str) -> Self:
        """Return the message; client: tunnel and NBMA address; holder, claimant: IKE identities."""
        who = claimant or "a station without an identity of its own"
        return cls(f"{tunnel}: {_of(client)} is registered by {holder}, refused to {who}")


class RegistrationRefused(Log, name="NHRP-4-REGREFUSED"):
    """A station wants to register an address without a right to it; the text says why. A NAK is returned.

    An address behind another station, the subnet's own address, another station's NBMA address, or too many addresses:
    a mistake in its configuration, or a member that wants other members' packets.
    """

    @classmethod
    def of(cls, tunnel: str, target: Prefix, nbma: IPAddress, why: str) -> Self:
        """Return the message; nbma: the address that the request came from."""
        what = spelled(target.address if target.is_host else target)
        return cls(f"{tunnel}: {what} is not registered for {nbma}: {why}")


class SocketChanged(Log, name="DMVPN-5-CRYPTO_SS"):
    """Packets of a tunnel to this NBMA address can be protected from now on, or no more."""

    @classmethod
    def of(cls, tunnel: str, local: IPAddress, remote: IPAddress, *, up: bool) -> Self:
        """Return the message; local, remote: NBMA addresses. The second blank is IOS's."""
        text = f" {tunnel}: local address : {local} remote address : {remote} socket is {'UP' if up else 'DOWN'}"
        return cls(text)


class NhsUp(Log, name="DMVPN-5-NHRP_NHS_UP"):
    """We are registered with a next hop server."""

    @classmethod
    def of(cls, tunnel: str, server: Station, own: Station) -> Self:
        return cls(f"{tunnel}: Next Hop Server : {_of(server)} for {_of(own)} is  UP")


class NhsDown(Log, name="DMVPN-5-NHRP_NHS_DOWN"):
    """A next hop server answers no more, or refuses us."""

    @classmethod
    def of(cls, tunnel: str, server: Station, own: Station, reason: str) -> Self:
        text = (
            f"{tunnel}: Next Hop Server : {_of(server, ' ')} for {_of(own)} is DOWN, Reason: {reason}(NHRP: no error)"
        )
        return cls(text)


class NhcUp(Log, name="DMVPN-5-NHRP_NHC_UP"):
    """A client registered with us."""

    @classmethod
    def of(cls, tunnel: str, client: Station, own: Station) -> Self:
        return cls(f"{tunnel}: Next Hop Client : {_of(client)} for {_of(own)} is UP")


class NhcDown(Log, name="DMVPN-5-NHRP_NHC_DOWN"):
    """The registration of a client ended."""

    @classmethod
    def of(cls, tunnel: str, client: Station, own: Station, reason: str) -> Self:
        text = f"{tunnel}: Next Hop Client : {_of(client, ' ')} for {_of(own)} is DOWN, Reason: External({reason})"
        return cls(text)


class NhpUp(Log, name="DMVPN-5-NHRP_NHP_UP"):
    """Packets to another spoke go directly."""

    @classmethod
    def of(cls, tunnel: str, peer: Station, own: Station) -> Self:
        return cls(f"{tunnel}: Next Hop NHP : {_of(peer)} for {_of(own)} is UP")


class NhpDown(Log, name="DMVPN-5-NHRP_NHP_DOWN"):
    """Packets to another spoke go by the hub again."""

    @classmethod
    def of(cls, tunnel: str, peer: Station, own: Station, reason: str) -> Self:
        text = f"{tunnel}: Next Hop Peer : {_of(peer)} for {_of(own)} is DOWN, Reason: {reason}(NHRP: no error)"
        return cls(text)


class NhrpError(Log, name="DMVPN-3-DMVPN_NHRP_ERROR"):
    """A packet of a peer was refused. With 11 the passwords of `ip nhrp authentication` differ.

    IOS logs "Encap Error (7)" if it has no NBMA address to forward a packet to: its destination is not registered.
    Often an `ip nhrp nhs` line names a tunnel address that is not the server's. Error 6, protocol address unreachable,
    is returned to the sender (RFC 2332 §5.2.7).
    """

    @classmethod
    def of(cls, tunnel: str, kind: str, code: int, peer: Station) -> Self:
        """Return the message about a packet of this kind; peer: tunnel and NBMA address."""
        what = "NHRP Error for"
        if code == ErrorCode.AUTHENTICATION_FAILURE:
            what = "Recieved wrong authentication string for"  # codespell:ignore recieved
        elif code == ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE:
            what, code = "NHRP Encap Error for", ErrorCode.PROTOCOL_ERROR
        text = f" {tunnel}: {what}  {kind} , Reason:  {error_name(code)} on {_of(peer)}"
        return cls(text)


class NetworkUnconfigured(Log, name="DMVPN-5-NHRP_NETID_UNCONFIGURED"):
    """An NHRP packet came for a tunnel that has no `ip nhrp network-id`."""

    @classmethod
    def of(cls, tunnel: str, nbma: IPAddress) -> Self:
        """Return the message about a packet from this address."""
        text = f"{tunnel}: NHRP Network-ID is not configured, packet from {nbma} dropped"
        return cls(text)


class PacketRefused(Log, name="NHRP-4-PAKREFUSED"):
    """A packet was dropped without an answer: it cannot be read, or says what its sender has no right to say."""

    @classmethod
    def of(cls, tunnel: str, nbma: IPAddress, why: str) -> Self:
        """Return the message about a packet from this address."""
        return cls(f"{tunnel}: packet from {nbma} refused: {why}")


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
