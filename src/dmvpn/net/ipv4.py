"""The Internet Protocol, version 4 (RFC 791), its checksum, and the octets that decoders are given.

`Ipv4Packet` is a whole datagram or fragment, header options kept as they came. Code that only needs to know where a
packet goes does not decode it: `peek_addresses` and `peek_flow` look at the octets and cost a fraction of `parse`.

The checksum is that of RFC 1071, its update when one word changes that of RFC 1624. The ones' complement sum of 16-bit
words is the sum modulo 65535, and 65536 is 1 modulo 65535: so the sum of a message is the message itself, read as one
big-endian number, modulo 65535. One division in C takes the place of a loop.

A packet may lack its TCP or UDP checksum, because it was left to a network card: the field has the pseudo header's sum.
Linux does so for whatever it makes or merges, until a packet leaves by a card that cannot help. A virtual cable carries
such packets as they are, so they never were on a wire that could have hurt them.

Addresses come out of octets without parsing text. A hub reads the same few thousand addresses over and over. Making an
`IPv4Address` takes three times as long as finding an earlier equal one, and one object a router instead of one a packet
also keeps the caches small.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple, Self

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ octets


Octets = bytes | bytearray | memoryview

#: More than a hub with 10,000 spokes sees: one NBMA and one tunnel address each, and some hosts. About 5 MB when full.
_REMEMBERED = 32768


@lru_cache(maxsize=_REMEMBERED)
def ipv4_address(packed: bytes) -> IPv4Address:
    """Return the address of these 4 octets."""
    return IPv4Address(packed)


@lru_cache(maxsize=_REMEMBERED)
def ipv6_address(packed: bytes) -> IPv6Address:
    """Return the address of these 16 octets."""
    return IPv6Address(packed)


def ip_address(packed: bytes) -> IPAddress:
    """Return the IPv4 address of 4 octets, the IPv6 address of 16. Raises ValueError for any other length."""
    return ipv4_address(packed) if len(packed) == 4 else ipv6_address(packed)


# ------------------------------------------------------------------------------------------------ the checksum


def checksum(data: Octets) -> int:
    """Return the value for the checksum field of `data`, in which that field is zero; an odd length is padded, RFC 1071
    §4.1.

    Over a message that carries its right checksum the result is 0.
    """
    number = int.from_bytes(data, "big")
    if len(data) & 1:
        number <<= 8
    # Ones' complement has two zeros. A sum of words that are not all zero is never the positive one.
    return 0xFFFF - (number % 0xFFFF or (0xFFFF if number else 0))


def update(checksum: int, old: int, new: int) -> int:
    """Return the checksum after one aligned 16-bit word changed from `old` to `new`, RFC 1624 §3 equation 3."""
    total = (checksum ^ 0xFFFF) + (old ^ 0xFFFF) + new
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16) ^ 0xFFFF


def pseudo_header(source: IPAddress, destination: IPAddress, protocol: int, length: int) -> bytes:
    """Return what UDP and TCP sum before their own header: RFC 768 for IPv4, RFC 8200 §8.1 for IPv6.

    length: octets of transport header and data.
    """
    if type(source) is IPv4Address:
        return source.packed + destination.packed + protocol.to_bytes(2, "big") + length.to_bytes(2, "big")
    return source.packed + destination.packed + length.to_bytes(4, "big") + protocol.to_bytes(4, "big")


# ------------------------------------------------------------------------------------------------ packets


_HEADER = struct.Struct("!BBHHHBBH4s4s")
HEADER_LENGTH = _HEADER.size

#: TOS of routing and other control packets, "internetwork control" of RFC 791 §3.1. IOS marks NHRP with it too.
TOS_INTERNETWORK_CONTROL = 0xC0


class IpProtocol(enum.IntEnum):
    """Protocol numbers that this router looks at (IANA)."""

    ICMP = 1
    IGMP = 2
    TCP = 6
    UDP = 17
    GRE = 47
    ESP = 50
    ICMPV6 = 58
    EIGRP = 88
    OSPF = 89


class Ipv4Flag(enum.IntFlag):
    """The three flags before the fragment offset, RFC 791 §3.1."""

    RESERVED = 4
    DONT_FRAGMENT = 2
    MORE_FRAGMENTS = 1


_FLAGS = tuple(Ipv4Flag(value) for value in range(8))

_NO_OPTIONS = 0x45  # version 4, a header of five words
_IN_PIECES = 0x3FFF  # More Fragments, or an offset
_COPIED = 0x80  # the option is in every fragment, RFC 791 §3.1
_END_OF_OPTIONS = 0
_NO_OPERATION = 1


class Ipv4Packet(Value, kw_only=True):
    """A datagram or a fragment of one, RFC 791 §3.1.

    fragment_offset: units of 8 octets, as on the wire.
    options: octets behind the fixed header, a multiple of 4.
    """

    tos: int = 0
    identification: int = 0
    flags: Ipv4Flag = _FLAGS[0]
    fragment_offset: int = 0
    ttl: int = 255
    protocol: int
    source: IPv4Address
    destination: IPv4Address
    options: bytes = b""
    payload: bytes

    @classmethod
    def parse(cls, data: Octets) -> Self:
        """Decode the packet that `data` begins with; what follows its total length is padding. Raises WireError."""
        if len(data) < HEADER_LENGTH:
            raise WireError("IPv4 header cut short", offset=len(data), clause="RFC 791 §3.1")
        if data[0] >> 4 != 4:
            raise WireError(f"IP version {data[0] >> 4}", offset=0, clause="RFC 791 §3.1")
        header_length = (data[0] & 0x0F) << 2
        if not HEADER_LENGTH <= header_length <= len(data):
            raise WireError(f"IPv4 header length {header_length}", offset=0, clause="RFC 791 §3.1")
        total_length = data[2] << 8 | data[3]
        if not header_length <= total_length <= len(data):
            raise WireError(f"IPv4 total length {total_length}", offset=2, clause="RFC 791 §3.1")
        _, tos, _, identification, fragment, ttl, protocol, _, source, destination = _HEADER.unpack_from(data)
        if checksum(data[:header_length]):
            raise WireError("IPv4 header checksum is wrong", offset=10, clause="RFC 791 §3.1")
        return cls(
            tos=tos,
            identification=identification,
            flags=_FLAGS[fragment >> 13],
            fragment_offset=fragment & 0x1FFF,
            ttl=ttl,
            protocol=protocol,
            source=ipv4_address(source),
            destination=ipv4_address(destination),
            options=bytes(data[HEADER_LENGTH:header_length]),
            payload=bytes(data[header_length:total_length]),
        )

    def serialize(self) -> bytes:
        """Encode header, options and payload. Raises ValueError if they do not fit the length fields."""
        return build(
            source=self.source,
            destination=self.destination,
            protocol=self.protocol,
            payload=self.payload,
            ttl=self.ttl,
            tos=self.tos,
            identification=self.identification,
            fragment=self.flags << 13 | self.fragment_offset,
            options=self.options,
        )

    @property
    def dont_fragment(self) -> bool:
        """True if a router must answer with ICMP instead of fragmenting."""
        return bool(self.flags & Ipv4Flag.DONT_FRAGMENT)

    @property
    def is_fragment(self) -> bool:
        """True unless this is a whole datagram."""
        return bool(self.fragment_offset or self.flags & Ipv4Flag.MORE_FRAGMENTS)

    def fragments(self, mtu: int) -> list[Self]:
        """Cut the packet so that every piece fits `mtu` octets, RFC 791 §2.3 and §3.2; [self] if it fits already.

        A fragment may be cut again. Whether the packet may be cut at all (Don't Fragment) is the caller's decision.
        Raises ValueError if `mtu` does not hold the header and 8 octets, WireError if it is a fragment of no packet.
        """
        header_length = HEADER_LENGTH + len(self.options)
        if header_length + len(self.payload) <= mtu:
            return [self]
        if 8 * self.fragment_offset + len(self.payload) > 0xFFFF - header_length:
            raise WireError("a fragment that ends where no packet does", offset=6, clause="RFC 791 §3.2")
        pieces: list[Self] = []
        start = 0
        options = self.options
        while start < len(self.payload):
            room = (mtu - HEADER_LENGTH - len(options)) & ~7
            if room < 8:
                raise ValueError(f"IPv4 fragments do not fit an MTU of {mtu}")
            end = start + room
            last = end >= len(self.payload)
            pieces.append(
                replace(
                    self,
                    flags=self.flags if last else self.flags | Ipv4Flag.MORE_FRAGMENTS,
                    fragment_offset=self.fragment_offset + (start >> 3),
                    options=options,
                    payload=self.payload[start:end],
                )
            )
            start = end
            # Those options whose copied flag is set, padded to whole words, RFC 791 §3.1
            kept = bytearray()
            position = 0
            while position < len(self.options) and self.options[position] != _END_OF_OPTIONS:
                kind = self.options[position]
                if kind == _NO_OPERATION:
                    position += 1
                    continue
                length = self.options[position + 1] if position + 1 < len(self.options) else 0
                if length < 2 or position + length > len(self.options):
                    break  # malformed from here on: nothing of it can be copied
                if kind & _COPIED:
                    kept += self.options[position : position + length]
                position += length
            options = bytes(kept) + bytes(-len(kept) & 3)
        return pieces


def build(
    *,
    source: IPv4Address,
    destination: IPv4Address,
    protocol: int,
    payload: bytes,
    ttl: int = 255,
    tos: int = 0,
    identification: int = 0,
    fragment: int = 0,
    options: bytes = b"",
) -> bytes:
    """Return the octets of a packet. fragment: the word of flags and fragment offset.

    Raises ValueError if it is too long.
    """
    header_length = HEADER_LENGTH + len(options)
    total_length = header_length + len(payload)
    if header_length > 60 or header_length & 3 or total_length > 0xFFFF:
        raise ValueError(f"IPv4 header of {header_length} and packet of {total_length} octets")
    fixed = _HEADER.pack(
        0x40 | header_length >> 2,
        tos,
        total_length,
        identification,
        fragment,
        ttl,
        protocol,
        0,
        source.packed,
        destination.packed,
    )
    header = fixed + options
    return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + payload


class Header(NamedTuple):
    """What `peek_plain` reads. The payload follows `HEADER_LENGTH` octets."""

    tos: int
    ttl: int
    protocol: int
    source: IPv4Address
    destination: IPv4Address
    is_multicast: bool


def peek_plain(data: bytes) -> Header | None:
    """Return the header of a packet that is like nearly all: whole, without options, nothing behind it, a right
    checksum.

    A fifth of the work of `Ipv4Packet.parse`, which finds the same. None: only `parse` can say what this is.
    """
    if len(data) < HEADER_LENGTH or data[0] != _NO_OPTIONS:
        return None
    _, tos, length, _, fragment, ttl, protocol, _, source, destination = _HEADER.unpack_from(data)
    if length != len(data) or fragment & _IN_PIECES or checksum(data[:HEADER_LENGTH]):
        return None
    return Header(tos, ttl, protocol, ipv4_address(source), ipv4_address(destination), destination[0] >> 4 == 0xE)


class Flow(NamedTuple):
    """What identifies a conversation. Ports are 0 where the packet has none (or is not the first fragment)."""

    source: IPv4Address
    destination: IPv4Address
    protocol: int
    source_port: int
    destination_port: int


def peek_addresses(data: Octets) -> tuple[IPv4Address, IPv4Address]:
    """Return source and destination of the IPv4 packet in `data`, of which no more than the header need be there.

    The checksum is not looked at: this also reads the headers that errors and redirects quote. Raises WireError.
    """
    if len(data) < HEADER_LENGTH or data[0] >> 4 != 4:
        raise WireError("not an IPv4 header", offset=0, clause="RFC 791 §3.1")
    return ipv4_address(bytes(data[12:16])), ipv4_address(bytes(data[16:20]))


def peek_flow(data: Octets) -> Flow:
    """Return the flow of the IPv4 packet in `data`.

    Like `peek_addresses`, but with protocol and ports. Raises WireError.
    """
    source, destination = peek_addresses(data)
    protocol = data[9]
    start = (data[0] & 0x0F) << 2
    first_fragment = not (data[6] & 0x1F or data[7])
    if protocol not in (IpProtocol.TCP, IpProtocol.UDP) or not first_fragment or len(data) < start + 4:
        return Flow(source, destination, protocol, 0, 0)
    ports = int.from_bytes(data[start : start + 4], "big")
    return Flow(source, destination, protocol, ports >> 16, ports & 0xFFFF)


def decrement_ttl(packet: bytearray) -> int:
    """Take one hop off the TTL in place, checksum included (RFC 1812 §5.2.2), and return the new TTL.

    At 0 or 1 nothing is changed and the result is 0: the packet may not be forwarded. Raises WireError.
    """
    if len(packet) < HEADER_LENGTH or packet[0] >> 4 != 4:
        raise WireError("not an IPv4 header", offset=0, clause="RFC 791 §3.1")
    ttl = packet[8]
    if ttl <= 1:
        return 0
    old_word = ttl << 8 | packet[9]
    packet[8] = ttl - 1
    old_checksum = int.from_bytes(packet[10:12], "big")
    packet[10:12] = update(old_checksum, old_word, old_word - 0x100).to_bytes(2, "big")
    return ttl - 1


# --------------------------------------------------------------------------------- checksums that a card was to compute


#: Where in the header the checksum is, and least octets of the header.
_HEADERS = {IpProtocol.TCP: (16, 20), IpProtocol.UDP: (6, 8)}
#: The first octet of a packet of IPv6 is at least this.
_IPV6 = 0x60
_IPV6_HEADER_LENGTH = 40


def lacks_checksum(packet: Octets) -> int | None:
    """Return where in its transport header a whole IP packet has a checksum that is to be completed; None: it lacks
    nothing.

    packet: not shorter than its IP header. A right checksum that happens to be equal to the pseudo header's sum does
    no harm: completing it gives the same value again.
    """
    if packet[0] >= _IPV6:
        return _lacks_over_ipv6(packet)
    protocol, ip_length = packet[9], (packet[0] & 0x0F) << 2
    if protocol not in _HEADERS:
        return None
    at, least = _HEADERS[IpProtocol(protocol)]
    length = len(packet) - ip_length
    if (
        ip_length < HEADER_LENGTH
        or length < least
        or int.from_bytes(packet[2:4], "big") != len(packet)
        or packet[6] & 0x3F
        or packet[7]
    ):
        return None
    found = int.from_bytes(packet[ip_length + at : ip_length + at + 2], "big")
    pseudo = int.from_bytes(packet[12:20], "big") + protocol + length
    return at if found == (pseudo % 0xFFFF or 0xFFFF) else None


def _lacks_over_ipv6(packet: Octets) -> int | None:
    if packet[6] not in _HEADERS:
        return None
    at, least = _HEADERS[IpProtocol(packet[6])]
    length = len(packet) - _IPV6_HEADER_LENGTH
    if length < least or int.from_bytes(packet[4:6], "big") != length:
        return None
    start = _IPV6_HEADER_LENGTH + at
    pseudo = int.from_bytes(packet[8:40], "big") + packet[6] + length
    return at if int.from_bytes(packet[start : start + 2], "big") == (pseudo % 0xFFFF or 0xFFFF) else None
