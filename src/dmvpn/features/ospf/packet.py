"""OSPF packets: RFC 2328 Appendix A.3. `OspfPacket.parse` takes the payload of an IP packet (protocol 89).

Octets beyond the length in the header are the trailer: a digest, and the block of RFC 5613 (local signaling), which is
not read. Whether a packet is authentic, `settings.py` says.
"""

from __future__ import annotations

import enum
import struct
from ipaddress import IPv4Address
from typing import ClassVar, Final, Self

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.features.ospf.lsa import HEADER_LENGTH, Lsa, LsaHeader, LsaKey
from dmvpn.net.ipv4 import Octets, checksum, ipv4_address

_HEADER = struct.Struct("!BBH4s4sHH8s")
PACKET_HEADER = _HEADER.size
_VERSION: Final = 2
_CLAUSE: Final = "RFC 2328 §A.3"
_HELLO = struct.Struct("!4sHBBI4s4s")
_DESCRIPTION = struct.Struct("!HBBI")
_REQUEST = struct.Struct("!III")


class PacketType(enum.IntEnum):
    """RFC 2328 §A.3.1."""

    HELLO = 1
    DESCRIPTION = 2
    REQUEST = 3
    UPDATE = 4
    ACKNOWLEDGMENT = 5


class DescriptionFlag(enum.IntFlag):
    """RFC 2328 §A.3.3."""

    MASTER = 0x01
    MORE = 0x02
    INIT = 0x04
    RESYNC = 0x08  # RFC 4811


class Hello(Value, kw_only=True):
    """RFC 2328 §A.3.2. Intervals are seconds. designated, backup: addresses on the network, 0.0.0.0: none.

    Version 3, RFC 5340 §A.3.2, has no mask, but the number of the interface, and routers by their identifiers.
    """

    TYPE: ClassVar = PacketType.HELLO

    mask: IPv4Address = UNSPECIFIED
    number: IPv4Address = UNSPECIFIED
    interval: int
    options: int
    priority: int
    dead_interval: int
    designated: IPv4Address = UNSPECIFIED
    backup: IPv4Address = UNSPECIFIED
    neighbors: tuple[IPv4Address, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode what follows the header. Raises WireError."""
        if len(data) < _HELLO.size or len(data) % 4:
            raise WireError(f"Hello of {len(data)} octets", offset=PACKET_HEADER, clause=_CLAUSE)
        mask, interval, options, priority, dead, designated, backup = _HELLO.unpack_from(data)
        return cls(
            mask=ipv4_address(mask),
            interval=interval,
            options=options,
            priority=priority,
            dead_interval=dead,
            designated=ipv4_address(designated),
            backup=ipv4_address(backup),
            neighbors=tuple([ipv4_address(data[at : at + 4]) for at in range(_HELLO.size, len(data), 4)]),
        )

    def serialize(self) -> bytes:
        """Encode. Raises struct.error if a number does not fit."""
        fixed = _HELLO.pack(
            self.mask.packed,
            self.interval,
            self.options,
            self.priority,
            self.dead_interval,
            self.designated.packed,
            self.backup.packed,
        )
        return b"".join([fixed, *(neighbor.packed for neighbor in self.neighbors)])


class Description(Value, kw_only=True):
    """Database description, RFC 2328 §A.3.3. mtu: octets of the largest packet that needs no fragments."""

    TYPE: ClassVar = PacketType.DESCRIPTION

    mtu: int
    options: int
    flags: int
    sequence: int
    headers: tuple[LsaHeader, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode what follows the header. Raises WireError."""
        if len(data) < _DESCRIPTION.size:
            raise WireError("database description cut short", offset=PACKET_HEADER, clause=_CLAUSE)
        mtu, options, flags, sequence = _DESCRIPTION.unpack_from(data)
        headers = _headers(data[_DESCRIPTION.size :])
        return cls(mtu=mtu, options=options, flags=flags, sequence=sequence, headers=headers)

    def serialize(self) -> bytes:
        """Encode. Raises struct.error if a number does not fit."""
        fixed = _DESCRIPTION.pack(self.mtu, self.options, self.flags, self.sequence)
        return b"".join([fixed, *(header.serialize() for header in self.headers)])

    def has(self, flag: DescriptionFlag) -> bool:
        """Return whether this flag is set."""
        return bool(self.flags & flag)


class LinkStateRequest(Value):
    """Link state request, RFC 2328 §A.3.4."""

    TYPE: ClassVar = PacketType.REQUEST

    keys: tuple[LsaKey, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode what follows the header. Raises WireError."""
        if len(data) % _REQUEST.size:
            raise WireError(f"link state request of {len(data)} octets", offset=PACKET_HEADER, clause=_CLAUSE)
        return cls(tuple([LsaKey.of_numbers(*wanted) for wanted in _REQUEST.iter_unpack(data)]))

    def serialize(self) -> bytes:
        """Encode."""
        return b"".join([_REQUEST.pack(*key) for key in self.keys])


class LinkStateUpdate(Value):
    """Link state update, RFC 2328 §A.3.5. The ages are those of the octets."""

    TYPE: ClassVar = PacketType.UPDATE

    lsas: tuple[Lsa, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode what follows the header. Raises WireError."""
        return cls(advertisements(data, Lsa))

    def serialize(self) -> bytes:
        """Encode."""
        return b"".join([len(self.lsas).to_bytes(4, "big"), *(lsa.octets for lsa in self.lsas)])


class Acknowledgment(Value):
    """Link state acknowledgment, RFC 2328 §A.3.6."""

    TYPE: ClassVar = PacketType.ACKNOWLEDGMENT

    headers: tuple[LsaHeader, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode what follows the header. Raises WireError."""
        return cls(_headers(data))

    def serialize(self) -> bytes:
        """Encode."""
        return b"".join([header.serialize() for header in self.headers])


Content = Hello | Description | LinkStateRequest | LinkStateUpdate | Acknowledgment
_CONTENTS: Final[dict[int, type[Content]]] = {
    kind.TYPE: kind for kind in (Hello, Description, LinkStateRequest, LinkStateUpdate, Acknowledgment)
}


class OspfPacket(Value, kw_only=True):
    """A packet, RFC 2328 §A.3.1. auth_type: AuType. auth: the 8 octets of the header; in version 3 the 16 octets before
    the digest in an authentication trailer, RFC 7166 §4.1. trailer: behind the packet.

    instance: which of several OSPFs on a link, in version 3; its octets are in `version3`.
    """

    router: IPv4Address
    area: IPv4Address
    content: Content
    auth_type: int = 0
    auth: bytes = bytes(8)
    trailer: bytes = b""
    instance: int = 0

    @classmethod
    def parse(cls, payload: Octets) -> Self:
        """Decode. Raises WireError, of a wrong checksum, too (with digests there is none, RFC 2328 §D.4.3)."""
        if len(payload) < PACKET_HEADER:
            raise WireError("OSPF header cut short", offset=len(payload), clause=_CLAUSE)
        octets = bytes(payload)
        version, kind, length, router, area, _, auth_type, auth = _HEADER.unpack_from(octets)
        if version != _VERSION:
            raise WireError(f"OSPF version {version}", offset=0, clause=_CLAUSE)
        if not PACKET_HEADER <= length <= len(octets):
            raise WireError(f"OSPF length {length} in {len(octets)} octets", offset=2, clause=_CLAUSE)
        if auth_type != CRYPTOGRAPHIC and checksum(octets[:16] + octets[PACKET_HEADER:length]):
            raise WireError("wrong OSPF checksum", offset=12, clause="RFC 2328 §D.4")
        parser = _CONTENTS.get(kind)
        if parser is None:
            raise WireError(f"OSPF packet type {kind}", offset=1, clause=_CLAUSE)
        return cls(
            router=ipv4_address(router),
            area=ipv4_address(area),
            content=parser.parse(octets[PACKET_HEADER:length]),
            auth_type=auth_type,
            auth=auth,
            trailer=octets[length:],
        )

    def serialize(self) -> bytes:
        """Encode, with checksum where there is one, and with the trailer. Raises struct.error."""
        content = self.content.serialize()
        fields = (_VERSION, self.content.TYPE, PACKET_HEADER + len(content), self.router.packed, self.area.packed)
        octets = bytearray(_HEADER.pack(*fields, 0, self.auth_type, self.auth) + content)
        if self.auth_type != CRYPTOGRAPHIC:
            octets[12:14] = checksum(octets[:16] + octets[PACKET_HEADER:]).to_bytes(2, "big")
        return bytes(octets) + self.trailer


#: The AuType of digests, RFC 2328 §D.3.
CRYPTOGRAPHIC: Final = 2


def advertisements(data: bytes, kind: type[Lsa]) -> tuple[Lsa, ...]:
    """Decode the LSAs of an update, which are of one version of OSPF. Raises WireError."""
    if len(data) < 4:
        raise WireError("link state update cut short", offset=PACKET_HEADER, clause=_CLAUSE)
    count, at = int.from_bytes(data[:4], "big"), 4
    if count * HEADER_LENGTH > len(data):
        raise WireError(f"{count} LSAs in {len(data)} octets", offset=PACKET_HEADER, clause=_CLAUSE)
    lsas = []
    for _ in range(count):
        header = LsaHeader.parse(data[at : at + HEADER_LENGTH])
        lsas.append(kind.parse(data[at : at + header.length]))
        at += header.length
    if at != len(data):
        raise WireError("octets behind the last LSA", offset=PACKET_HEADER + at, clause=_CLAUSE)
    return tuple(lsas)


def _headers(data: bytes) -> tuple[LsaHeader, ...]:
    if len(data) % HEADER_LENGTH:
        raise WireError(f"LSA headers of {len(data)} octets", offset=PACKET_HEADER, clause=_CLAUSE)
    return tuple([LsaHeader.parse(data[at : at + HEADER_LENGTH]) for at in range(0, len(data), HEADER_LENGTH)])
