"""The Internet Control Message Protocol: RFC 792, with the next-hop MTU of RFC 1191.

    EchoRequest, EchoReply     ping, and the liveness probe of a shortcut
    DestinationUnreachable     no route, administratively prohibited, fragmentation needed ...
    TimeExceeded               what traceroute lives on
    OtherMessage               everything else, kept as octets

A redirect (type 5) is an `OtherMessage` on purpose. A router does not listen to redirects (RFC 1812 §5.2.7.2), and in
a DMVPN the one that counts is NHRP's Traffic Indication.
"""

from __future__ import annotations

import enum
import struct
from typing import TYPE_CHECKING, ClassVar

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.net.ipv4 import HEADER_LENGTH as _IPV4_HEADER_LENGTH
from dmvpn.net.ipv4 import checksum

if TYPE_CHECKING:
    from dmvpn.net.ipv4 import Octets

_HEADER = struct.Struct("!BBHHH")
HEADER_LENGTH = _HEADER.size

#: Octets of the largest error message, its own IP header included, RFC 1812 §4.3.2.3.
LARGEST_ERROR = 576


class IcmpType(enum.IntEnum):
    """Message types (RFC 792)."""

    ECHO_REPLY = 0
    DESTINATION_UNREACHABLE = 3
    REDIRECT = 5
    ECHO_REQUEST = 8
    TIME_EXCEEDED = 11
    PARAMETER_PROBLEM = 12


class UnreachableCode(enum.IntEnum):
    """Why a destination cannot be reached, RFC 792 and RFC 1812 §5.2.7.1."""

    NETWORK = 0
    HOST = 1
    PROTOCOL = 2
    PORT = 3
    FRAGMENTATION_NEEDED = 4
    SOURCE_ROUTE_FAILED = 5
    NETWORK_UNKNOWN = 6
    HOST_UNKNOWN = 7
    ADMINISTRATIVELY_PROHIBITED = 13


class TimeExceededCode(enum.IntEnum):
    """What took too long, RFC 792."""

    TTL = 0
    REASSEMBLY = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoRequest:
    """RFC 792, echo message."""

    identifier: int
    sequence: int
    payload: bytes = b""

    def serialize(self) -> bytes:
        """Encode with checksum."""
        return _message(IcmpType.ECHO_REQUEST, 0, self.identifier, self.sequence, self.payload)

    def reply(self) -> EchoReply:
        """Return the answer: everything returned as it came."""
        return EchoReply(identifier=self.identifier, sequence=self.sequence, payload=self.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoReply:
    """RFC 792, echo reply message."""

    identifier: int
    sequence: int
    payload: bytes = b""

    def serialize(self) -> bytes:
        """Encode with checksum."""
        return _message(IcmpType.ECHO_REPLY, 0, self.identifier, self.sequence, self.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationUnreachable:
    """RFC 792.

    next_hop_mtu: octets, only with FRAGMENTATION_NEEDED (RFC 1191 §4); 0 = an old router did not say.
    quoted: the packet that could not be delivered, from its IP header on, as much of it as was sent back.
    """

    TYPE: ClassVar[IcmpType] = IcmpType.DESTINATION_UNREACHABLE

    code: int
    next_hop_mtu: int = 0
    quoted: bytes

    def serialize(self) -> bytes:
        """Encode with checksum."""
        return _message(self.TYPE, self.code, 0, self.next_hop_mtu, self.quoted)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeExceeded:
    """RFC 792. quoted: the packet that was too old, from its IP header on."""

    TYPE: ClassVar[IcmpType] = IcmpType.TIME_EXCEEDED

    code: int = TimeExceededCode.TTL
    quoted: bytes

    def serialize(self) -> bytes:
        """Encode with checksum."""
        return _message(self.TYPE, self.code, 0, 0, self.quoted)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMessage:
    """A message this router has no use for. rest: the octets behind the checksum."""

    type: int
    code: int
    rest: bytes

    def serialize(self) -> bytes:
        """Encode with checksum."""
        first, second = struct.unpack_from("!HH", self.rest)
        return _message(self.type, self.code, first, second, self.rest[4:])


IcmpMessage = EchoRequest | EchoReply | DestinationUnreachable | TimeExceeded | OtherMessage


def parse(data: Octets) -> IcmpMessage:
    """Decode the payload of an IP packet. Raises WireError.

    Extensions behind a quoted packet (RFC 4884) are cut off: `quoted` holds the packet alone.
    """
    if len(data) < HEADER_LENGTH:
        raise WireError("ICMP header cut short", offset=len(data), clause="RFC 792")
    if checksum(data):
        raise WireError("ICMP checksum is wrong", offset=2, clause="RFC 792")
    kind, code, _, first, second = _HEADER.unpack_from(data)
    body = bytes(data[HEADER_LENGTH:])
    match kind:
        case IcmpType.ECHO_REQUEST:
            return EchoRequest(identifier=first, sequence=second, payload=body)
        case IcmpType.ECHO_REPLY:
            return EchoReply(identifier=first, sequence=second, payload=body)
        case IcmpType.DESTINATION_UNREACHABLE:
            mtu = second if code == UnreachableCode.FRAGMENTATION_NEEDED else 0
            return DestinationUnreachable(code=code, next_hop_mtu=mtu, quoted=_quoted(body, first))
        case IcmpType.TIME_EXCEEDED:
            return TimeExceeded(code=code, quoted=_quoted(body, first))
        case _:
            return OtherMessage(type=kind, code=code, rest=bytes(data[4:]))


def quote(packet: Octets) -> bytes:
    """Quote as much of an undeliverable packet as an error may carry, RFC 1812 §4.3.2.3: 576 octets with both
    headers.
    """
    return bytes(packet[: LARGEST_ERROR - _IPV4_HEADER_LENGTH - HEADER_LENGTH])


def _quoted(body: bytes, first_word: int) -> bytes:
    """Return the original datagram without extensions: RFC 4884 §4.1 gives its length in words in the second octet."""
    words = first_word & 0xFF
    return body[: words << 2] if words else body


def _message(kind: int, code: int, first: int, second: int, body: bytes) -> bytes:
    message = bytearray(_HEADER.pack(kind, code, 0, first, second) + body)
    message[2:4] = checksum(message).to_bytes(2, "big")
    return bytes(message)
