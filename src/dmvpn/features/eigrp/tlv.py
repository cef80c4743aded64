"""EIGRP TLVs other than routes: RFC 7868 §6.7, corrected where routers differ.

In a Hello they carry the metric weights and holding time of its sender (`Parameters`), its software
(`SoftwareVersion`), whether it is a stub, and which neighbors must ignore the next multicast (`Sequence`). Routes are
in `packet.py`. Any other TLV is an `UnknownTlv` and is preserved octet for octet.

Different from the RFC: the authentication TLV has type and length fields of 2 octets (§6.7.2 has one); the version TLV
has 8 octets; the peer information TLV 0x0006 carries the stub flags; IOS sends the topology list as 0x00F5 where §6.7.8
says 0x0008.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from typing import ClassVar, Final, Self

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.net.ipv4 import ip_address

#: Type, and length including these four octets.
HEADER = struct.Struct("!HH")

_PARAMETERS = struct.Struct("!BBBBBBH")
_AUTHENTICATION = struct.Struct("!HHII8x")
_VERSION = struct.Struct("!BBBB")
_TOPOLOGY_LIST = struct.Struct("!HH")
_GOODBYE = 255
_ADDRESS_LENGTHS = (4, 16)


class TlvType(enum.IntEnum):
    """TLV types, RFC 7868 §6.6.1."""

    PARAMETERS = 0x0001
    AUTHENTICATION = 0x0002
    SEQUENCE = 0x0003
    SOFTWARE_VERSION = 0x0004
    NEXT_MULTICAST_SEQUENCE = 0x0005
    STUB = 0x0006
    PEER_TERMINATION = 0x0007
    TOPOLOGY_LIST = 0x0008
    TOPOLOGY_LIST_IOS = 0x00F5
    CLASSIC_REQUEST = 0x0101
    CLASSIC_INTERNAL = 0x0102
    CLASSIC_EXTERNAL = 0x0103
    CLASSIC_COMMUNITY = 0x0104
    CLASSIC_INTERNAL_IPV6 = 0x0402
    CLASSIC_EXTERNAL_IPV6 = 0x0403
    WIDE_REQUEST = 0x0601
    WIDE_INTERNAL = 0x0602
    WIDE_EXTERNAL = 0x0603


class AuthenticationType(enum.IntEnum):
    """RFC 7868 §6.7.2."""

    MD5 = 2
    SHA256 = 3


#: Octets of a digest.
DIGEST_LENGTH: dict[int, int] = {AuthenticationType.MD5: 16, AuthenticationType.SHA256: 32}


class StubFlag(enum.IntFlag):
    """What a stub router advertises (`eigrp stub ...`); plain `eigrp stub` is CONNECTED | SUMMARY | REDISTRIBUTED."""

    CONNECTED = 0x0001
    STATIC = 0x0002
    SUMMARY = 0x0004
    REDISTRIBUTED = 0x0008
    LEAK_MAP = 0x0010
    RECEIVE_ONLY = 0x0020


class Tlv(Value, kw_only=True):
    """The base of all TLVs."""

    def serialize(self) -> bytes:
        """Encode type, length and value. Raises struct.error if a number does not fit its field."""
        raise NotImplementedError


class Parameters(Tlv, Value, kw_only=True):
    """RFC 7868 §6.7.1. k1 to k6: metric weights. hold_time: seconds; receivers use the sender's value."""

    TYPE: ClassVar = TlvType.PARAMETERS

    k1: int = 1
    k2: int = 0
    k3: int = 1
    k4: int = 0
    k5: int = 0
    k6: int = 0
    hold_time: int

    @classmethod
    def goodbye(cls, hold_time: int) -> Self:
        """Return the parameters of a router that leaves: all weights 255, as IOS sends them (§6.7.7 omits K6)."""
        return cls(k1=_GOODBYE, k2=_GOODBYE, k3=_GOODBYE, k4=_GOODBYE, k5=_GOODBYE, k6=_GOODBYE, hold_time=hold_time)

    @property
    def is_goodbye(self) -> bool:
        """Whether the sender leaves: K1 to K5 are 255, RFC 7868 §6.7.7."""
        return self.k1 == self.k2 == self.k3 == self.k4 == self.k5 == _GOODBYE

    def serialize(self) -> bytes:
        """Encode."""
        value = _PARAMETERS.pack(self.k1, self.k2, self.k3, self.k4, self.k5, self.k6, self.hold_time)
        return encode(self.TYPE, value)


class Authentication(Tlv, Value, kw_only=True):
    """RFC 7868 §6.7.2.

    key_sequence: always 0 in practice.
    digest: 16 octets for MD5, 32 for HMAC-SHA-256.
    """

    TYPE: ClassVar = TlvType.AUTHENTICATION

    auth_type: int
    key_id: int
    key_sequence: int = 0
    digest: bytes

    def serialize(self) -> bytes:
        """Encode."""
        head = _AUTHENTICATION.pack(self.auth_type, len(self.digest), self.key_id, self.key_sequence)
        return encode(self.TYPE, head + self.digest)


class Sequence(Tlv, Value, kw_only=True):
    """RFC 7868 §6.7.3: neighbors that are behind and must ignore the next multicast (flag CR)."""

    TYPE: ClassVar = TlvType.SEQUENCE

    addresses: tuple[IPAddress, ...]

    def serialize(self) -> bytes:
        """Encode."""
        return encode(self.TYPE, _pack_addresses(self.addresses))


class SoftwareVersion(Tlv, Value, kw_only=True):
    """RFC 7868 §6.7.4. tlv_major 2: the sender also reads wide route TLVs.

    1 and 3 read classic ones only: 3.0 is the multi-topology code of IOS 15.0, whose own route TLV is 0x00F2.
    """

    TYPE: ClassVar = TlvType.SOFTWARE_VERSION

    os_major: int
    os_minor: int
    tlv_major: int
    tlv_minor: int

    def serialize(self) -> bytes:
        """Encode."""
        return encode(self.TYPE, _VERSION.pack(self.os_major, self.os_minor, self.tlv_major, self.tlv_minor))


class NextMulticastSequence(Tlv, Value, kw_only=True):
    """RFC 7868 §6.7.5: the sequence number of the multicast that the accompanying Sequence TLV refers to."""

    TYPE: ClassVar = TlvType.NEXT_MULTICAST_SEQUENCE

    sequence: int

    def serialize(self) -> bytes:
        """Encode."""
        return encode(self.TYPE, self.sequence.to_bytes(4, "big"))


class Stub(Tlv, Value, kw_only=True):
    """The sender is a stub router and must not be queried. (Reserved as peer information in RFC 7868 §6.6.1.)"""

    TYPE: ClassVar = TlvType.STUB

    flags: StubFlag

    def serialize(self) -> bytes:
        """Encode."""
        return encode(self.TYPE, self.flags.to_bytes(2, "big"))


class PeerTermination(Tlv, Value, kw_only=True):
    """RFC 7868 §6.7.7: the adjacency ends. addresses: of the neighbors (FRR fills them in, other routers do not)."""

    TYPE: ClassVar = TlvType.PEER_TERMINATION

    addresses: tuple[IPAddress, ...] = ()

    def serialize(self) -> bytes:
        """Encode."""
        return encode(self.TYPE, _pack_addresses(self.addresses))


class TopologyList(Tlv, Value, kw_only=True):
    """RFC 7868 §6.7.8: the topology identifiers (TID) that the sender supports. IOS sends [0] as type 0x00F5."""

    type: int = TlvType.TOPOLOGY_LIST_IOS
    flags: int = 0
    topologies: tuple[int, ...] = (0,)

    def serialize(self) -> bytes:
        """Encode."""
        identifiers = b"".join([tid.to_bytes(2, "big") for tid in self.topologies])
        return encode(self.type, _TOPOLOGY_LIST.pack(self.flags, len(identifiers)) + identifiers)


class UnknownTlv(Tlv, Value, kw_only=True):
    """A TLV that is skipped, RFC 7868 §6.6: its type or address family is unknown."""

    type: int
    value: bytes

    def serialize(self) -> bytes:
        """Encode."""
        return encode(self.type, self.value)


class Encoded(Tlv, Value, kw_only=True):
    """TLVs that are encoded already: a packet of routes consists of many."""

    octets: bytes

    def serialize(self) -> bytes:
        """Return the octets as they are."""
        return self.octets


def encode(kind: int, value: bytes) -> bytes:
    """Encode header and value of a TLV. Raises struct.error if the value is too long."""
    return HEADER.pack(kind, HEADER.size + len(value)) + value


def _parse_parameters(value: bytes, offset: int) -> Tlv:
    _expect(value, _PARAMETERS.size, offset, "§6.7.1")
    k1, k2, k3, k4, k5, k6, hold_time = _PARAMETERS.unpack(value)
    return Parameters(k1=k1, k2=k2, k3=k3, k4=k4, k5=k5, k6=k6, hold_time=hold_time)


def _parse_authentication(value: bytes, offset: int) -> Tlv:
    if len(value) < _AUTHENTICATION.size:
        raise WireError("authentication TLV cut short", offset=offset, clause="RFC 7868 §6.7.2")
    auth_type, auth_length, key_id, key_sequence = _AUTHENTICATION.unpack_from(value)
    digest = value[_AUTHENTICATION.size :]
    if len(digest) != auth_length or auth_length != DIGEST_LENGTH.get(auth_type, auth_length):
        raise WireError(f"digest of {len(digest)} octets, type {auth_type}", offset=offset, clause="RFC 7868 §6.7.2")
    return Authentication(auth_type=auth_type, key_id=key_id, key_sequence=key_sequence, digest=digest)


def _parse_sequence(value: bytes, offset: int) -> Tlv:
    return Sequence(addresses=_parse_addresses(value, offset, "§6.7.3"))


def _parse_software_version(value: bytes, offset: int) -> Tlv:
    _expect(value, _VERSION.size, offset, "§6.7.4")
    os_major, os_minor, tlv_major, tlv_minor = value
    return SoftwareVersion(os_major=os_major, os_minor=os_minor, tlv_major=tlv_major, tlv_minor=tlv_minor)


def _parse_next_multicast_sequence(value: bytes, offset: int) -> Tlv:
    _expect(value, 4, offset, "§6.7.5")
    return NextMulticastSequence(sequence=int.from_bytes(value, "big"))


def _parse_stub(value: bytes, offset: int) -> Tlv:
    _expect(value, 2, offset, "§6.6.1")
    return Stub(flags=StubFlag(int.from_bytes(value, "big")))


def _parse_peer_termination(value: bytes, offset: int) -> Tlv:
    return PeerTermination(addresses=_parse_addresses(value, offset, "§6.7.7"))


def _parse_topology_list(kind: TlvType) -> Callable[[bytes, int], Tlv]:
    def parse(value: bytes, offset: int) -> Tlv:
        if len(value) < _TOPOLOGY_LIST.size:
            raise WireError("topology list cut short", offset=offset, clause="RFC 7868 §6.7.8")
        flags, size = _TOPOLOGY_LIST.unpack_from(value)
        if size != len(value) - _TOPOLOGY_LIST.size or size & 1:
            raise WireError(f"topology list of {size} octets", offset=offset + 6, clause="RFC 7868 §6.7.8")
        topologies = struct.unpack_from(f"!{size // 2}H", value, _TOPOLOGY_LIST.size)
        return TopologyList(type=kind, flags=flags, topologies=topologies)

    return parse


#: How to decode the value of a TLV at an offset of the packet. All of them raise WireError.
PARSERS: Final[dict[int, Callable[[bytes, int], Tlv]]] = {
    TlvType.PARAMETERS: _parse_parameters,
    TlvType.AUTHENTICATION: _parse_authentication,
    TlvType.SEQUENCE: _parse_sequence,
    TlvType.SOFTWARE_VERSION: _parse_software_version,
    TlvType.NEXT_MULTICAST_SEQUENCE: _parse_next_multicast_sequence,
    TlvType.STUB: _parse_stub,
    TlvType.PEER_TERMINATION: _parse_peer_termination,
    TlvType.TOPOLOGY_LIST: _parse_topology_list(TlvType.TOPOLOGY_LIST),
    TlvType.TOPOLOGY_LIST_IOS: _parse_topology_list(TlvType.TOPOLOGY_LIST_IOS),
}


def _expect(value: bytes, length: int, offset: int, section: str) -> None:
    """Check the length of the value. Raises WireError."""
    if len(value) != length:
        raise WireError(f"TLV of {HEADER.size + len(value)} octets", offset=offset, clause=f"RFC 7868 {section}")


def _pack_addresses(addresses: tuple[IPAddress, ...]) -> bytes:
    return b"".join([bytes((len(address.packed),)) + address.packed for address in addresses])


def _parse_addresses(value: bytes, offset: int, section: str) -> tuple[IPAddress, ...]:
    """Return the list of addresses, each after its length, that fills the value. Raises WireError."""
    addresses: list[IPAddress] = []
    position = 0
    while position < len(value):
        length = value[position]
        end = position + 1 + length
        if length not in _ADDRESS_LENGTHS or end > len(value):
            at = offset + HEADER.size + position
            raise WireError(f"address of {length} octets", offset=at, clause=f"RFC 7868 {section}")
        addresses.append(ip_address(value[position + 1 : end]))
        position = end
    return tuple(addresses)
