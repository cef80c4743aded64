"""ICMP for IPv6, RFC 4443, in the words of ICMP for IPv4.

A router does the same things with both: it answers echoes, says what it could not deliver and why, and reads what
others say. So this file has no messages of its own. It writes those of `net.icmp` with the numbers of RFC 4443 and
reads them back; which number means which is the table by which translators work (RFC 7915 §4.2 and §5.2).

    EchoRequest, EchoReply                        128, 129
    DestinationUnreachable                        1
      with code FRAGMENTATION_NEEDED              2, Packet Too Big, with the MTU
      with code PROTOCOL                          4, Parameter Problem, code 1
    TimeExceeded                                  3
    OtherMessage                                  everything else, type and octets as they are

The checksum covers the addresses (RFC 4443 §2.3), which the sender of a message often leaves to the data plane. So
`serialize` leaves it open and `net.ip.build` closes it, as the kernel does for senders on a raw socket
(RFC 3542 §3.1).
"""

from __future__ import annotations

import enum
import struct
from typing import TYPE_CHECKING

from dmvpn.base.errors import WireError
from dmvpn.net import icmp
from dmvpn.net.ipv4 import IpProtocol, checksum, pseudo_header
from dmvpn.net.ipv6 import HEADER_LENGTH as _IPV6_HEADER_LENGTH

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.net.ipv4 import Octets

_HEADER = struct.Struct("!BBHHH")
_LONG_HEADER = struct.Struct("!BBHI")

#: Octets of the largest error message, its IP header included, RFC 4443 §2.4 (c).
LARGEST_ERROR = 1280
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
    Icmpv6UnreachableCode.NO_ROUTE: icmp.UnreachableCode.NETWORK,
    Icmpv6UnreachableCode.ADMINISTRATIVELY_PROHIBITED: icmp.UnreachableCode.ADMINISTRATIVELY_PROHIBITED,
    Icmpv6UnreachableCode.BEYOND_SCOPE: icmp.UnreachableCode.HOST,
    Icmpv6UnreachableCode.ADDRESS: icmp.UnreachableCode.HOST,
    Icmpv6UnreachableCode.PORT: icmp.UnreachableCode.PORT,
}
_WRITTEN = {
    icmp.UnreachableCode.NETWORK: Icmpv6UnreachableCode.NO_ROUTE,
    icmp.UnreachableCode.PORT: Icmpv6UnreachableCode.PORT,
    icmp.UnreachableCode.NETWORK_UNKNOWN: Icmpv6UnreachableCode.NO_ROUTE,
    icmp.UnreachableCode.ADMINISTRATIVELY_PROHIBITED: Icmpv6UnreachableCode.ADMINISTRATIVELY_PROHIBITED,
}


def parse(data: Octets, source: IPAddress, destination: IPAddress) -> icmp.IcmpMessage:
    """Decode the payload of an IPv6 packet between these addresses. Raises WireError."""
    if len(data) < icmp.HEADER_LENGTH:
        raise WireError("ICMPv6 header cut short", offset=len(data), clause="RFC 4443 §2.1")
    if checksum(pseudo_header(source, destination, IpProtocol.ICMPV6, len(data)) + bytes(data)):
        raise WireError("ICMPv6 checksum is wrong", offset=2, clause="RFC 4443 §2.3")
    kind, code, _, first, second = _HEADER.unpack_from(data)
    body = bytes(data[icmp.HEADER_LENGTH :])
    match kind:
        case Icmpv6Type.ECHO_REQUEST:
            return icmp.EchoRequest(identifier=first, sequence=second, payload=body)
        case Icmpv6Type.ECHO_REPLY:
            return icmp.EchoReply(identifier=first, sequence=second, payload=body)
        case Icmpv6Type.DESTINATION_UNREACHABLE:
            return icmp.DestinationUnreachable(code=_READ.get(code, icmp.UnreachableCode.HOST), quoted=body)
        case Icmpv6Type.PACKET_TOO_BIG:
            needed = icmp.UnreachableCode.FRAGMENTATION_NEEDED
            return icmp.DestinationUnreachable(code=needed, next_hop_mtu=min(first << 16 | second, 0xFFFF), quoted=body)
        case Icmpv6Type.TIME_EXCEEDED:
            return icmp.TimeExceeded(code=code, quoted=body)
        case Icmpv6Type.PARAMETER_PROBLEM if code == _UNRECOGNIZED_NEXT_HEADER:
            return icmp.DestinationUnreachable(code=icmp.UnreachableCode.PROTOCOL, quoted=body)
        case Icmpv6Type.PARAMETER_PROBLEM:
            return icmp.OtherMessage(type=icmp.IcmpType.PARAMETER_PROBLEM, code=code, rest=bytes(data[4:]))
        case _:
            return icmp.OtherMessage(type=kind, code=code, rest=bytes(data[4:]))


def serialize(message: icmp.IcmpMessage) -> bytes:
    """Encode; the checksum is left open."""
    match message:
        case icmp.EchoRequest(identifier=identifier, sequence=sequence, payload=payload):
            return _HEADER.pack(Icmpv6Type.ECHO_REQUEST, 0, 0, identifier, sequence) + payload
        case icmp.EchoReply(identifier=identifier, sequence=sequence, payload=payload):
            return _HEADER.pack(Icmpv6Type.ECHO_REPLY, 0, 0, identifier, sequence) + payload
        case icmp.DestinationUnreachable(
            code=icmp.UnreachableCode.FRAGMENTATION_NEEDED, next_hop_mtu=mtu, quoted=quoted
        ):
            return _LONG_HEADER.pack(Icmpv6Type.PACKET_TOO_BIG, 0, 0, mtu) + quoted
        case icmp.DestinationUnreachable(code=icmp.UnreachableCode.PROTOCOL, quoted=quoted):
            kind, code = Icmpv6Type.PARAMETER_PROBLEM, _UNRECOGNIZED_NEXT_HEADER
            return _LONG_HEADER.pack(kind, code, 0, _NEXT_HEADER_AT) + quoted
        case icmp.DestinationUnreachable(code=code, quoted=quoted):
            written = next((new for old, new in _WRITTEN.items() if old == code), Icmpv6UnreachableCode.ADDRESS)
            return _LONG_HEADER.pack(Icmpv6Type.DESTINATION_UNREACHABLE, written, 0, 0) + quoted
        case icmp.TimeExceeded(code=code, quoted=quoted):
            return _LONG_HEADER.pack(Icmpv6Type.TIME_EXCEEDED, code, 0, 0) + quoted
        case icmp.OtherMessage(type=other, code=code, rest=rest):
            number = Icmpv6Type.PARAMETER_PROBLEM if other == icmp.IcmpType.PARAMETER_PROBLEM else other
            return bytes((number, code, 0, 0)) + rest


def closed(payload: bytes, source: IPAddress, destination: IPAddress) -> bytes:
    """Return a message with its checksum for a packet between these addresses."""
    message = bytearray(payload)
    message[2:4] = bytes(2)
    pseudo = pseudo_header(source, destination, IpProtocol.ICMPV6, len(message))
    message[2:4] = checksum(pseudo + message).to_bytes(2, "big")
    return bytes(message)


def is_error(payload: Octets) -> bool:
    """Return whether it is a message that no error may answer: an error (RFC 4443 §2.1) or a redirect.

    It has one octet at least.
    """
    return payload[0] < _FIRST_INFORMATIONAL or payload[0] == Icmpv6Type.REDIRECT


def quote(packet: Octets) -> bytes:
    """Quote as much of an undeliverable packet as an error may carry, RFC 4443 §2.4 (c)."""
    return bytes(packet[: LARGEST_ERROR - _IPV6_HEADER_LENGTH - icmp.HEADER_LENGTH])
