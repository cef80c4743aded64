"""The Internet Protocol, version 6: the fixed header of RFC 8200 §3. Extension headers are left in the payload."""

from __future__ import annotations

import enum
import struct
from dataclasses import replace
from ipaddress import IPv6Address
from typing import Final, NamedTuple, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.net.ipv4 import IpProtocol, Octets, ipv6_address

_HEADER = struct.Struct("!IHBB16s16s")
HEADER_LENGTH = _HEADER.size
#: Next header, place and "more", identification (RFC 8200 §4.5).
_FRAGMENT_HEADER = struct.Struct("!BxHI")

#: The next header values of headers with options for every hop, of a fragment (RFC 8200 §4.3, §4.5), and of AH.
HOP_BY_HOP, FRAGMENT, AUTHENTICATION, NOTHING, MOBILITY = 0, 44, 51, 59, 135
#: Those of all headers that another one follows: these, routing, options for the destination, mobility.
EXTENSION_HEADERS = frozenset({HOP_BY_HOP, 43, FRAGMENT, AUTHENTICATION, 60, MOBILITY})
#: Octets that every link takes (§5): in a tunnel with less room, the packet around it is cut (RFC 2473 §7.1).
LEAST_MTU: Final = 1280
#: A lifetime of a prefix without end.
INFINITE: Final = 0xFFFFFFFF


class RouterPreference(enum.IntEnum):
    """The preference as a default router, RFC 4191 §2.1: the two bits of the field."""

    MEDIUM = 0
    HIGH = 1
    LOW = 3


class Ipv6Packet(Value, kw_only=True):
    """A packet, RFC 8200 §3. next_header: of the first octet of `payload`."""

    traffic_class: int = 0
    flow_label: int = 0
    next_header: int
    hop_limit: int = 255
    source: IPv6Address
    destination: IPv6Address
    payload: bytes

    @classmethod
    def parse(cls, data: Octets) -> Self:
        """Decode the packet that `data` begins with; what follows its payload length is padding. Raises WireError."""
        if len(data) < HEADER_LENGTH:
            raise WireError("IPv6 header cut short", offset=len(data), clause="RFC 8200 §3")
        first_word, payload_length, next_header, hop_limit, source, destination = _HEADER.unpack_from(data)
        if first_word >> 28 != 6:
            raise WireError(f"IP version {first_word >> 28}", offset=0, clause="RFC 8200 §3")
        end = HEADER_LENGTH + payload_length
        if end > len(data):
            raise WireError(f"IPv6 payload length {payload_length}", offset=4, clause="RFC 8200 §3")
        return cls(
            traffic_class=first_word >> 20 & 0xFF,
            flow_label=first_word & 0xFFFFF,
            next_header=next_header,
            hop_limit=hop_limit,
            source=ipv6_address(source),
            destination=ipv6_address(destination),
            payload=bytes(data[HEADER_LENGTH:end]),
        )

    @property
    def protocol(self) -> int:
        """`next_header`, in the word of IPv4."""
        return self.next_header

    @property
    def ttl(self) -> int:
        """`hop_limit`, in the word of IPv4."""
        return self.hop_limit

    @property
    def tos(self) -> int:
        """`traffic_class`, in the word of IPv4."""
        return self.traffic_class

    @property
    def dont_fragment(self) -> bool:
        """No router cuts a packet of IPv6, RFC 8200 §4.5."""
        return True

    @property
    def is_fragment(self) -> bool:
        """Whether it begins with a fragment header, RFC 8200 §4.5."""
        return self.next_header == FRAGMENT

    def fragments(self, mtu: int, identification: int) -> list[Self]:
        """Cut a packet of our own so that every piece fits `mtu` octets, RFC 8200 §4.5; [self] if it fits already.

        Its payload must begin with what its receiver alone reads: no header for each hop.
        """
        octets = self.payload
        if HEADER_LENGTH + len(octets) <= mtu:
            return [self]
        room = mtu - HEADER_LENGTH - _FRAGMENT_HEADER.size & ~7
        pieces: list[Self] = []
        for start in range(0, len(octets), room):
            header = _FRAGMENT_HEADER.pack(self.next_header, start | (start + room < len(octets)), identification)
            pieces.append(replace(self, next_header=FRAGMENT, payload=header + octets[start : start + room]))
        return pieces

    def fragment_header(self) -> tuple[int, int, bool, int]:
        """Return the next header, the place in octets, "more" and the identification of a fragment; its own data
        follow. Raises WireError.
        """
        if len(self.payload) <= _FRAGMENT_HEADER.size:
            raise WireError("IPv6 fragment without data", offset=HEADER_LENGTH, clause="RFC 8200 §4.5")
        following, word, identification = _FRAGMENT_HEADER.unpack_from(self.payload)
        return following, word & ~7, bool(word & 1), identification

    def serialize(self) -> bytes:
        """Encode header and payload. Raises ValueError if the payload does not fit its length field."""
        if len(self.payload) > 0xFFFF:
            raise ValueError(f"IPv6 payload of {len(self.payload)} octets")
        first_word = 6 << 28 | self.traffic_class << 20 | self.flow_label
        return (
            _HEADER.pack(
                first_word,
                len(self.payload),
                self.next_header,
                self.hop_limit,
                self.source.packed,
                self.destination.packed,
            )
            + self.payload
        )


class Flow(NamedTuple):
    """What identifies a conversation. Ports are 0 where the packet has none, or none right behind its header."""

    source: IPv6Address
    destination: IPv6Address
    protocol: int
    source_port: int
    destination_port: int


#: ICMPv6 of the link alone: Multicast Listener Discovery (RFC 2710, RFC 3810), Neighbor Discovery (RFC 4861).
_OF_THE_LINK = frozenset((130, 131, 132, 143, 133, 134, 135, 136, 137))
#: Headers that kernels follow to a message: options of each hop, routing, fragment, options of the destination.
_BEFORE = frozenset((0, 43, FRAGMENT, 60))


class Behind(NamedTuple):
    """What the headers of a packet lead to: its protocol and place. piece: it is of a fragment; later: which is not the
    first one.
    """

    protocol: int
    start: int
    piece: bool = False
    later: bool = False


def behind(data: Octets) -> Behind:
    """Follow the headers of a packet as far as they are there; the fixed one must be whole."""
    protocol, at, is_piece = data[6], HEADER_LENGTH, False
    while protocol in _BEFORE and len(data) > at + 3:
        if protocol == FRAGMENT and (data[at + 2] or data[at + 3] & 0xF8):
            return Behind(data[at], at + _FRAGMENT_HEADER.size, piece=True, later=True)
        is_piece = is_piece or protocol == FRAGMENT
        protocol, at = data[at], at + 8 + (8 * data[at + 1] if protocol != FRAGMENT else 0)
    return Behind(protocol, at, is_piece)


def is_of_the_link(data: Octets) -> bool | None:
    """Return whether a packet, whose header is whole, is one of Neighbor or Multicast Listener Discovery.

    The latter has a Hop-by-Hop Options header before it (RFC 3810 §5), and a kernel takes both behind other headers,
    too. Only the first fragment says what it is of, and no kernel takes the others without it. None: this first one
    does not, and is to be dropped (RFC 7112 §5, RFC 6980 §5).
    """
    headers = behind(data) if data[6] in _BEFORE else (data[6], HEADER_LENGTH, False, False)
    protocol, at, is_piece, is_later = headers
    if is_later:
        return False
    if is_piece and (protocol in _BEFORE or len(data) <= at) and protocol != NOTHING:
        return None
    return protocol == IpProtocol.ICMPV6 and len(data) > at and data[at] in _OF_THE_LINK


def peek_addresses(data: Octets) -> tuple[IPv6Address, IPv6Address]:
    """Return source and destination of the packet in `data`, of which only the header need be there.

    Raises WireError.
    """
    if len(data) < HEADER_LENGTH or data[0] >> 4 != 6:
        raise WireError("not an IPv6 header", offset=0, clause="RFC 8200 §3")
    return ipv6_address(bytes(data[8:24])), ipv6_address(bytes(data[24:40]))


def peek_flow(data: Octets) -> Flow:
    """Return the flow of the packet in `data`. Like `peek_addresses`, but with protocol and ports. Raises WireError."""
    source, destination = peek_addresses(data)
    protocol = data[6]
    if protocol not in (IpProtocol.TCP, IpProtocol.UDP) or len(data) < HEADER_LENGTH + 4:
        return Flow(source, destination, protocol, 0, 0)
    ports = int.from_bytes(data[HEADER_LENGTH : HEADER_LENGTH + 4], "big")
    return Flow(source, destination, protocol, ports >> 16, ports & 0xFFFF)
