"""The Internet Control Message Protocol: RFC 792, with the next-hop MTU of RFC 1191; for IPv6 RFC 4443.

    EchoRequest, EchoReply     ping, and the liveness probe of a shortcut
    DestinationUnreachable     no route, administratively prohibited, fragmentation needed ...
    TimeExceeded               what traceroute lives on
    OtherMessage               everything else, kept as octets

A redirect (type 5) is an `OtherMessage` on purpose. A router does not listen to redirects (RFC 1812 §5.2.7.2), and in
a DMVPN NHRP's Traffic Indication has that part.

A router does the same things with both versions: it answers echoes, reports packets that it could not deliver, and
reads such reports. So ICMP for IPv6 has no messages of its own here. Those of IPv4 are written with the numbers of RFC
4443 and read back; which number means which is the table by which translators work (RFC 7915 §4.2 and §5.2).

    EchoRequest, EchoReply                        128, 129
    DestinationUnreachable                        1
      with code FRAGMENTATION_NEEDED              2, Packet Too Big, with the MTU
      with code PROTOCOL                          4, Parameter Problem, code 1
    TimeExceeded                                  3
    OtherMessage                                  everything else, type and octets as they are

The checksum covers the addresses (RFC 4443 §2.3), which the sender of a message often leaves to the data plane. So
`serialize_icmpv6` leaves it open and `net.ip.build` closes it, as the kernel does for senders on a raw socket
(RFC 3542 §3.1).
"""

from __future__ import annotations

import enum
import struct
from typing import ClassVar

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.net.ipv4 import HEADER_LENGTH as _IPV4_HEADER_LENGTH
from dmvpn.net.ipv4 import IpProtocol, Octets, checksum, pseudo_header
from dmvpn.net.ipv6 import HEADER_LENGTH as _IPV6_HEADER_LENGTH
from dmvpn.net.ipv6 import LEAST_MTU

# ------------------------------------------------------------------------------------------------ ICMP


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


class EchoRequest(Value, kw_only=True):
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


class EchoReply(Value, kw_only=True):
    """RFC 792, echo reply message."""

    identifier: int
    sequence: int
    payload: bytes = b""

    def serialize(self) -> bytes:
        """Encode with checksum."""
        return _message(IcmpType.ECHO_REPLY, 0, self.identifier, self.sequence, self.payload)


class DestinationUnreachable(Value, kw_only=True):
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


class TimeExceeded(Value, kw_only=True):
    """RFC 792. quoted: the packet that was too old, from its IP header on."""

    TYPE: ClassVar[IcmpType] = IcmpType.TIME_EXCEEDED

    code: int = TimeExceededCode.TTL
    quoted: bytes

    def serialize(self) -> bytes:
        """Encode with checksum."""
        return _message(self.TYPE, self.code, 0, 0, self.quoted)


class OtherMessage(Value, kw_only=True):
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


# ------------------------------------------------------------------------------------------------ ICMP for IPv6


_ICMPV6_HEADER = struct.Struct("!BBHHH")
_LONG_HEADER = struct.Struct("!BBHI")

_FIRST_INFORMATIONAL = 128


class Icmpv6Type(enum.IntEnum):
    """Message types, RFC 4443 §2.1, and the one of RFC 4861 §4.5."""

    DESTINATION_UNREACHABLE = 1
    PACKET_TOO_BIG = 2
    TIME_EXCEEDED = 3
    PARAMETER_PROBLEM = 4
    ECHO_REQUEST = 128
    ECHO_REPLY = 129
    REDIRECT = 137


class Icmpv6UnreachableCode(enum.IntEnum):
    """Why a destination cannot be reached, RFC 4443 §3.1."""

    NO_ROUTE = 0
    ADMINISTRATIVELY_PROHIBITED = 1
    BEYOND_SCOPE = 2
    ADDRESS = 3
    PORT = 4


#: A next header that the destination does not know: the code of a Parameter Problem, RFC 4443 §3.4.
_UNRECOGNIZED_NEXT_HEADER = 1
#: Where the next header field is in the quoted packet.
_NEXT_HEADER_AT = 6

_READ = {
    Icmpv6UnreachableCode.NO_ROUTE: UnreachableCode.NETWORK,
    Icmpv6UnreachableCode.ADMINISTRATIVELY_PROHIBITED: UnreachableCode.ADMINISTRATIVELY_PROHIBITED,
    Icmpv6UnreachableCode.BEYOND_SCOPE: UnreachableCode.HOST,
    Icmpv6UnreachableCode.ADDRESS: UnreachableCode.HOST,
    Icmpv6UnreachableCode.PORT: UnreachableCode.PORT,
}
_WRITTEN = {
    UnreachableCode.NETWORK: Icmpv6UnreachableCode.NO_ROUTE,
    UnreachableCode.PORT: Icmpv6UnreachableCode.PORT,
    UnreachableCode.NETWORK_UNKNOWN: Icmpv6UnreachableCode.NO_ROUTE,
    UnreachableCode.ADMINISTRATIVELY_PROHIBITED: Icmpv6UnreachableCode.ADMINISTRATIVELY_PROHIBITED,
}


def parse_icmpv6(data: Octets, source: IPAddress, destination: IPAddress) -> IcmpMessage:
    """Decode the payload of an IPv6 packet between these addresses. Raises WireError."""
    if len(data) < HEADER_LENGTH:
        raise WireError("ICMPv6 header cut short", offset=len(data), clause="RFC 4443 §2.1")
    if checksum(pseudo_header(source, destination, IpProtocol.ICMPV6, len(data)) + bytes(data)):
        raise WireError("ICMPv6 checksum is wrong", offset=2, clause="RFC 4443 §2.3")
    kind, code, _, first, second = _ICMPV6_HEADER.unpack_from(data)
    body = bytes(data[HEADER_LENGTH:])
    match kind:
        case Icmpv6Type.ECHO_REQUEST:
            return EchoRequest(identifier=first, sequence=second, payload=body)
        case Icmpv6Type.ECHO_REPLY:
            return EchoReply(identifier=first, sequence=second, payload=body)
        case Icmpv6Type.DESTINATION_UNREACHABLE:
            return DestinationUnreachable(code=_READ.get(code, UnreachableCode.HOST), quoted=body)
        case Icmpv6Type.PACKET_TOO_BIG:
            needed = UnreachableCode.FRAGMENTATION_NEEDED
            return DestinationUnreachable(code=needed, next_hop_mtu=min(first << 16 | second, 0xFFFF), quoted=body)
        case Icmpv6Type.TIME_EXCEEDED:
            return TimeExceeded(code=code, quoted=body)
        case Icmpv6Type.PARAMETER_PROBLEM if code == _UNRECOGNIZED_NEXT_HEADER:
            return DestinationUnreachable(code=UnreachableCode.PROTOCOL, quoted=body)
        case Icmpv6Type.PARAMETER_PROBLEM:
            return OtherMessage(type=IcmpType.PARAMETER_PROBLEM, code=code, rest=bytes(data[4:]))
        case _:
            return OtherMessage(type=kind, code=code, rest=bytes(data[4:]))


def serialize_icmpv6(message: IcmpMessage) -> bytes:
    """Encode; the checksum is left open."""
    match message:
        case EchoRequest(identifier=identifier, sequence=sequence, payload=payload):
            return _ICMPV6_HEADER.pack(Icmpv6Type.ECHO_REQUEST, 0, 0, identifier, sequence) + payload
        case EchoReply(identifier=identifier, sequence=sequence, payload=payload):
            return _ICMPV6_HEADER.pack(Icmpv6Type.ECHO_REPLY, 0, 0, identifier, sequence) + payload
        case DestinationUnreachable(code=UnreachableCode.FRAGMENTATION_NEEDED, next_hop_mtu=mtu, quoted=quoted):
            return _LONG_HEADER.pack(Icmpv6Type.PACKET_TOO_BIG, 0, 0, mtu) + quoted
        case DestinationUnreachable(code=UnreachableCode.PROTOCOL, quoted=quoted):
            kind, code = Icmpv6Type.PARAMETER_PROBLEM, _UNRECOGNIZED_NEXT_HEADER
            return _LONG_HEADER.pack(kind, code, 0, _NEXT_HEADER_AT) + quoted
        case DestinationUnreachable(code=code, quoted=quoted):
            written = next((new for old, new in _WRITTEN.items() if old == code), Icmpv6UnreachableCode.ADDRESS)
            return _LONG_HEADER.pack(Icmpv6Type.DESTINATION_UNREACHABLE, written, 0, 0) + quoted
        case TimeExceeded(code=code, quoted=quoted):
            return _LONG_HEADER.pack(Icmpv6Type.TIME_EXCEEDED, code, 0, 0) + quoted
        case OtherMessage(type=other, code=code, rest=rest):
            number = Icmpv6Type.PARAMETER_PROBLEM if other == IcmpType.PARAMETER_PROBLEM else other
            return bytes((number, code, 0, 0)) + rest


def closed_icmpv6(payload: bytes, source: IPAddress, destination: IPAddress) -> bytes:
    """Return a message with its checksum for a packet between these addresses."""
    message = bytearray(payload)
    message[2:4] = bytes(2)
    pseudo = pseudo_header(source, destination, IpProtocol.ICMPV6, len(message))
    message[2:4] = checksum(pseudo + message).to_bytes(2, "big")
    return bytes(message)


def is_icmpv6_error(payload: Octets) -> bool:
    """Return whether it is a message that no error may answer: an error (RFC 4443 §2.1) or a redirect.

    It has one octet at least.
    """
    return payload[0] < _FIRST_INFORMATIONAL or payload[0] == Icmpv6Type.REDIRECT


def quote_icmpv6(packet: Octets) -> bytes:
    """Quote as much of an undeliverable packet as an error may carry that every link takes, RFC 4443 §2.4 (c)."""
    return bytes(packet[: LEAST_MTU - _IPV6_HEADER_LENGTH - HEADER_LENGTH])
