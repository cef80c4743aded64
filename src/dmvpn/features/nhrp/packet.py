"""NHRP packets: RFC 2332 §5, with the Traffic Indication of draft-detienne-dmvpn-01.

    NhrpPacket                            fixed header, addresses, extensions
    ├── ClientMessage                     types 1 to 6: flags, request id, list of CIEs
    │   ├── ResolutionRequest, ResolutionReply
    │   ├── RegistrationRequest, RegistrationReply
    │   └── PurgeRequest, PurgeReply
    ├── ErrorIndication                   type 7
    └── TrafficIndication                 type 8, "redirect"

`parse` takes what GRE carried (protocol type 0x2001) and returns one of the eight; `serialize` is its inverse and makes
the same octets again, also of what we do not understand: a server forwards packets of which it knows a part.

Lengths, offsets and the checksum are not fields: they follow from the rest. A reply has the source of its *request* and
is routed towards it; requests and indications are routed towards their destination (§5.2.0.1).
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import ClassVar, Final, TypedDict

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value, copier
from dmvpn.features.nhrp import parts
from dmvpn.net.gre import ProtocolType
from dmvpn.net.ipv4 import Octets, checksum, ipv4_address, ipv6_address

#: ar$afn, ar$pro.type, (ar$pro.snap), ar$hopcnt, ar$pktsz, ar$chksum, ar$extoff, ar$op.version, ar$op.type, ar$shtl,
#: ar$sstl, and the beginning of every mandatory part: two protocol address lengths and six octets that differ by type.
HEADER = struct.Struct("!HH5xBHHHBBBBBBHI")
#: ar$pktsz, ar$chksum, ar$extoff.
_LENGTHS = struct.Struct("!HHH")
_SIZE_AT = 10
_CHECKSUM_AT = 12
_VERSION = 1
_LARGEST_PACKET = 0xFFFF

_FIXED: Final = "RFC 2332 §5.1"
_MANDATORY: Final = "RFC 2332 §5.2.0.1"
_PROTOCOL_ADDRESS_LENGTH: dict[int, int] = {ProtocolType.IPV4: 4, ProtocolType.IPV6: 16}
_AFN = {4: parts.AddressFamily.IPV4, 6: parts.AddressFamily.IPV6}
_PROTOCOL_TYPE = {4: ProtocolType.IPV4, 6: ProtocolType.IPV6}
HOP_COUNT = 255  # where IOS starts every packet, replies too; it drops what arrives with 0 (FRR issue 951)


class PacketType(enum.IntEnum):
    """ar$op.type, RFC 2332 §5.1; 8 is Cisco's."""

    RESOLUTION_REQUEST = 1
    RESOLUTION_REPLY = 2
    REGISTRATION_REQUEST = 3
    REGISTRATION_REPLY = 4
    PURGE_REQUEST = 5
    PURGE_REPLY = 6
    ERROR_INDICATION = 7
    TRAFFIC_INDICATION = 8


class ResolutionFlag(enum.IntFlag):
    """RFC 2332 §5.2.1 and §5.2.2; NAT is Cisco's: the sender understands the NAT address extension."""

    ROUTER = 0x8000  # Q: the source is a router
    AUTHORITATIVE = 0x4000  # A: only the station with the registration (or the route) may answer
    DESTINATION_STABLE = 0x2000  # D
    UNIQUE = 0x1000  # U
    SOURCE_STABLE = 0x0800  # S: the binding of the source may be cached
    NAT = 0x0002


class RegistrationFlag(enum.IntFlag):
    """RFC 2332 §5.2.3."""

    UNIQUE = 0x8000
    NAT = 0x0002


class PurgeFlag(enum.IntFlag):
    """RFC 2332 §5.2.5."""

    NO_REPLY = 0x8000
    NAT = 0x0002


class ErrorCode(enum.IntEnum):
    """The error in a packet, RFC 2332 §5.2.7 and RFC 2735 §7. FRR sends 2 where the RFC says 3."""

    UNRECOGNIZED_EXTENSION = 1
    LOOP_DETECTED_FRR = 2
    LOOP_DETECTED = 3
    PROTOCOL_ADDRESS_UNREACHABLE = 6
    PROTOCOL_ERROR = 7
    SDU_SIZE_EXCEEDED = 8
    INVALID_EXTENSION = 9
    INVALID_RESOLUTION_REPLY = 10
    AUTHENTICATION_FAILURE = 11
    HOP_COUNT_EXCEEDED = 15
    VPN_MISMATCH = 16
    VPN_UNSUPPORTED = 17


class TrafficCode(enum.IntEnum):
    """Why a Traffic Indication was sent, draft-detienne-dmvpn-01."""

    REDIRECT = 0


class NhrpPacket(Value, kw_only=True):
    """What all packets have: RFC 2332 §5.1 and the addresses of §5.2.0.1.

    source_nbma: of the station that made the request (in a reply too), which NAT may have made unreachable.
    without_nbma: it was left out (length 0), and `source_nbma` is the unspecified address (OpenNHRP after a purge).
    end: what closes the extensions, the End extension and any octets behind it (OpenNHRP 0.14.1 leaves 16 in Error
    Indications). Empty, and no extensions: the packet has no extension part at all (ar$extoff 0).
    """

    TYPE: ClassVar[PacketType]

    hop_count: int = HOP_COUNT
    source_nbma: IPAddress
    source_nbma_subaddress: bytes = b""
    without_nbma: bool = False
    source_protocol: IPAddress
    destination_protocol: IPAddress
    extensions: parts.Extensions = ()
    end: bytes = parts.END

    @property
    def source_nbma_octets(self) -> bytes:
        """The source NBMA address as it is in the packet: nothing if it was left out."""
        return b"" if self.without_nbma else self.source_nbma.packed

    def _parts(self) -> tuple[int, int, bytes]:
        """Return the six octets that differ by type (two of them, then four) and what follows the addresses."""
        raise NotImplementedError

    def forwarded(self, extensions: parts.Extensions) -> NhrpPacket:
        """Return the packet for the next hop: one hop less, and with these extensions (transit record, password)."""
        kind = type(self)
        if kind not in _FORWARDED:
            _FORWARDED[kind] = copier(kind, "hop_count", "extensions")
        return _FORWARDED[kind](self, self.hop_count - 1, extensions)

    def serialize(self) -> bytes:
        """Encode with lengths and checksum. Raises ValueError if it does not fit, struct.error if a number does not."""
        first, second, body = self._parts()
        source_nbma = self.source_nbma_octets
        source = self.source_protocol.packed
        destination = self.destination_protocol.packed
        subaddress = self.source_nbma_subaddress
        shtl, sstl, src_len, dst_len = len(source_nbma), len(subaddress), len(source), len(destination)
        family, protocol = _AFN[self.source_nbma.version], _PROTOCOL_TYPE[self.source_protocol.version]
        header = HEADER.pack(
            family, protocol, self.hop_count, 0, 0, 0, _VERSION, self.TYPE, shtl, sstl, src_len, dst_len, first, second
        )
        packet = bytearray().join([header, source_nbma, subaddress, source, destination, body])
        extension_offset = 0
        if self.extensions or self.end:
            extension_offset = len(packet)
            for extension in self.extensions:
                packet += extension.serialize()
            packet += self.end or parts.END
        size = len(packet)
        if size > _LARGEST_PACKET or src_len != dst_len:
            raise ValueError(f"NHRP packet of {size} octets from {source!r} to {destination!r}")
        _LENGTHS.pack_into(packet, _SIZE_AT, size, 0, extension_offset)
        packet[_CHECKSUM_AT : _CHECKSUM_AT + 2] = checksum(packet).to_bytes(2, "big")
        return bytes(packet)


class ClientMessage(NhrpPacket, Value, kw_only=True):
    """Requests and replies about bindings, RFC 2332 §5.2.1 to §5.2.6.

    request_id: a reply repeats its request's, so does a retransmission.
    flags: unknown ones survive.
    """

    FLAGS: ClassVar[type[enum.IntFlag]]

    flags: enum.IntFlag
    request_id: int
    cies: tuple[parts.ClientInfo, ...] = ()

    def _parts(self) -> tuple[int, int, bytes]:
        return self.flags, self.request_id, b"".join([cie.serialize() for cie in self.cies])


class ResolutionRequest(ClientMessage, Value, kw_only=True):
    """RFC 2332 §5.2.1: which NBMA address leads to `destination_protocol`?"""

    TYPE: ClassVar = PacketType.RESOLUTION_REQUEST
    FLAGS: ClassVar = ResolutionFlag
    flags: ResolutionFlag


class ResolutionReply(ClientMessage, Value, kw_only=True):
    """RFC 2332 §5.2.2: the binding, or one CIE with a NAK code."""

    TYPE: ClassVar = PacketType.RESOLUTION_REPLY
    FLAGS: ClassVar = ResolutionFlag
    flags: ResolutionFlag


class RegistrationRequest(ClientMessage, Value, kw_only=True):
    """RFC 2332 §5.2.3: remember these bindings of mine."""

    TYPE: ClassVar = PacketType.REGISTRATION_REQUEST
    FLAGS: ClassVar = RegistrationFlag
    flags: RegistrationFlag


class RegistrationReply(ClientMessage, Value, kw_only=True):
    """RFC 2332 §5.2.4: the same entries with a code each."""

    TYPE: ClassVar = PacketType.REGISTRATION_REPLY
    FLAGS: ClassVar = RegistrationFlag
    flags: RegistrationFlag


class PurgeRequest(ClientMessage, Value, kw_only=True):
    """RFC 2332 §5.2.5: forget these bindings."""

    TYPE: ClassVar = PacketType.PURGE_REQUEST
    FLAGS: ClassVar = PurgeFlag
    flags: PurgeFlag


class PurgeReply(ClientMessage, Value, kw_only=True):
    """RFC 2332 §5.2.6: they are forgotten."""

    TYPE: ClassVar = PacketType.PURGE_REPLY
    FLAGS: ClassVar = PurgeFlag
    flags: PurgeFlag


class ErrorIndication(NhrpPacket, Value, kw_only=True):
    """RFC 2332 §5.2.7, from the station that found the error to the sender of the bad packet; without extension part.

    unused: OpenNHRP leaves flags here.
    error_code: an `ErrorCode` or what the peer sent.
    error_offset: octets into `packet`.
    packet: the bad packet from its fixed header on, as much of it as was sent back.
    """

    TYPE: ClassVar = PacketType.ERROR_INDICATION
    end: bytes = b""
    unused: int = 0
    error_code: int
    error_offset: int = 0
    packet: bytes

    def _parts(self) -> tuple[int, int, bytes]:
        return self.unused, self.error_code << 16 | self.error_offset, self.packet


class TrafficIndication(NhrpPacket, Value, kw_only=True):
    """A hub's redirect, draft-detienne-dmvpn-01: there is a shorter way for packets like this one.

    destination_protocol: the *source* of `packet`, so that the indication finds the router that let it in. (The draft
        says its destination; IOS and FRR do as said here.)
    packet: the IP packet; IOS sends its header and 8 octets.
    """

    TYPE: ClassVar = PacketType.TRAFFIC_INDICATION

    traffic_code: int = TrafficCode.REDIRECT
    packet: bytes

    def _parts(self) -> tuple[int, int, bytes]:
        return 0, self.traffic_code << 16, self.packet


#: How a packet of each class is copied for the next hop.
_FORWARDED: dict[type[NhrpPacket], Callable[[NhrpPacket, int, parts.Extensions], NhrpPacket]] = {}
#: Packets that go towards their *source* (§5.2.0.1).
REPLIES = (ResolutionReply, RegistrationReply, PurgeReply)
_CLIENT_MESSAGES: dict[int, type[ClientMessage]] = {
    kind.TYPE: kind for kind in (ResolutionRequest, RegistrationRequest, PurgeRequest, *REPLIES)
}
_ERROR_CODES = {int(code): code for code in ErrorCode}


class _Common(TypedDict):
    """The fields of `NhrpPacket`."""

    hop_count: int
    source_nbma: IPAddress
    source_nbma_subaddress: bytes
    without_nbma: bool
    source_protocol: IPAddress
    destination_protocol: IPAddress
    extensions: parts.Extensions
    end: bytes


def parse(data: Octets) -> NhrpPacket:
    """Decode the NHRP packet that `data` begins with; what follows its packet size is padding. Raises WireError."""
    packet = _checked(data)
    afn, protocol_type, hop_count, size, _, extension_offset, _, kind, shtl, sstl, src_len, dst_len, first, second = (
        HEADER.unpack_from(packet)
    )
    nbma_length, protocol_length = address_lengths(afn, protocol_type, (shtl, sstl), (src_len, dst_len))
    subaddress_at = HEADER.size + shtl
    source_at = subaddress_at + sstl
    destination_at = source_at + protocol_length
    body_at = destination_at + protocol_length
    body_end = extension_offset or size
    if not body_at <= body_end <= size:
        raise WireError(f"extension offset {extension_offset} in {size} octets", offset=14, clause=_FIXED)
    extensions: parts.Extensions = ()
    end_at = size
    if extension_offset:
        extensions, end_at = parts.parse_extensions(
            packet, extension_offset, size, nbma_length=nbma_length, protocol_length=protocol_length
        )
    address = ipv4_address if protocol_length == 4 else ipv6_address
    common: _Common = {
        "hop_count": hop_count,
        "source_nbma": (ipv4_address if nbma_length == 4 else ipv6_address)(
            packet[HEADER.size : subaddress_at] or bytes(nbma_length)
        ),
        "source_nbma_subaddress": packet[subaddress_at:source_at],
        "without_nbma": not shtl,
        "source_protocol": address(packet[source_at:destination_at]),
        "destination_protocol": address(packet[destination_at:body_at]),
        "extensions": extensions,
        "end": packet[end_at:],
    }
    client_message = _CLIENT_MESSAGES.get(kind)
    if client_message is not None:
        return client_message(
            **common,
            flags=_flags(client_message.FLAGS, first),
            request_id=second,
            cies=parts.parse_cies(packet, body_at, body_end, nbma_length, (0, protocol_length)),
        )
    if kind == PacketType.ERROR_INDICATION:
        return ErrorIndication(
            **common,
            unused=first,
            error_code=_ERROR_CODES.get(second >> 16, second >> 16),
            error_offset=second & 0xFFFF,
            packet=packet[body_at:body_end],
        )
    return TrafficIndication(**common, traffic_code=second >> 16, packet=packet[body_at:body_end])


@lru_cache(maxsize=64)
def _flags(kind: type[enum.IntFlag], value: int) -> enum.IntFlag:
    """Return flags of this kind: few different ones are in use, and an enumeration takes long to make them."""
    return kind(value)


def _checked(data: Octets) -> bytes:
    """Return the packet without padding, if size, version, type and checksum are right. Raises WireError."""
    length = len(data)
    if length < HEADER.size:
        raise WireError("NHRP header cut short", offset=length, clause=_FIXED)
    size = data[_SIZE_AT] << 8 | data[_SIZE_AT + 1]
    if not HEADER.size <= size <= length:
        raise WireError(f"packet size {size} in {length} octets", offset=_SIZE_AT, clause=_FIXED)
    packet = bytes(data) if size == length else bytes(data[:size])
    if packet[16] != _VERSION:
        raise WireError(f"NHRP version {packet[16]}", offset=16, clause=_FIXED)
    if not PacketType.RESOLUTION_REQUEST <= packet[17] <= PacketType.TRAFFIC_INDICATION:
        raise WireError(f"NHRP packet type {packet[17]}", offset=17, clause=_FIXED)
    if checksum(packet):
        raise WireError("NHRP checksum is wrong", offset=_CHECKSUM_AT, clause=_FIXED)
    return packet


def address_lengths(
    afn: int, protocol_type: int, nbma_lengths: tuple[int, int], protocol_lengths: tuple[int, int]
) -> tuple[int, int]:
    """Return the sizes of NBMA and protocol addresses, if the header agrees with its families. Raises WireError.

    Both protocol addresses must be there in full, as FRR too demands; RFC 2332 §5.2.0.1 has no use for a packet without
    them. The source NBMA address may be left out: the receiver knows the address that the packet came from.
    """
    nbma_length = parts.ADDRESS_LENGTH.get(afn)
    if nbma_length is None:
        raise WireError(f"NBMA address family {afn}", offset=0, clause=_FIXED)
    protocol_length = _PROTOCOL_ADDRESS_LENGTH.get(protocol_type)
    if protocol_length is None:
        raise WireError(f"protocol type {protocol_type:#06x}", offset=2, clause=_FIXED)
    if nbma_lengths[0] not in (0, nbma_length) or nbma_lengths[1] > parts.LARGEST_SUBADDRESS:
        raise WireError(f"source NBMA address type/length {nbma_lengths}", offset=18, clause=_FIXED)
    if protocol_lengths != (protocol_length, protocol_length):
        raise WireError(f"protocol addresses of {protocol_lengths} octets", offset=20, clause=_MANDATORY)
    return nbma_length, protocol_length
