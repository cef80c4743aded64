"""NHRP extensions, RFC 2332 §5.3: what follows the mandatory part, a list of type, length and value.

    ResponderAddress       3  who answered
    ForwardTransitRecord   4  through which servers the request went ...
    ReverseTransitRecord   5  ... and the reply
    Authentication         7  in the form of Cisco: the password in clear, hop by hop
    VendorPrivate          8  among others the NHRP group of per-tunnel QoS
    NatAddress             9  the addresses of peers as the world outside their NAT sees them (Cisco)
    UnknownExtension          any other, octet for octet

The End extension (0) is not in the list, `NhrpPacket.end` is it. The order is the peer's and is kept. Of each type
there is one, vendor private excepted. `find`, `put`, `remove` and `append_entry` make new lists out of old.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from dmvpn.base.errors import WireError
from dmvpn.features.nhrp.cie import ClientInfo, parse_cies

_CLAUSE: Final = "RFC 2332 §5.3"
_HEADER = struct.Struct("!HH")
_COMPULSORY = 0x8000
_TYPE_MASK = 0x3FFF  # the bit between is unused and ignored
_SPI = struct.Struct("!HH")
_VENDOR_LENGTH = 3
_CISCO = b"\x00\x00\x0c"
_NHRP_GROUP = 1
#: RFC 2735 gave type 9 to device capabilities, which have 8 octets. A list of CIEs never does.
_DEVICE_CAPABILITIES_LENGTH = 8

#: The End extension: compulsory, no value.
END = b"\x80\x00\x00\x00"


class ExtensionType(enum.IntEnum):
    """Extension types that have a meaning here, RFC 2332 §5.3."""

    END = 0
    RESPONDER_ADDRESS = 3
    FORWARD_TRANSIT_RECORD = 4
    REVERSE_TRANSIT_RECORD = 5
    AUTHENTICATION = 7
    VENDOR_PRIVATE = 8
    NAT_ADDRESS = 9


class SecurityParameter(enum.IntEnum):
    """The SPI of an authentication extension. There is one in DMVPN."""

    CLEARTEXT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """The base of all extensions.

    compulsory: a station that does not know it must not ignore it (the C bit).
    """

    compulsory: bool = True

    def serialize(self) -> bytes:
        """Encode header and value."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressExtension(Extension):
    """An extension whose value is a list of CIEs."""

    TYPE: ClassVar[ExtensionType]

    entries: tuple[ClientInfo, ...] = ()

    def serialize(self) -> bytes:
        value = b"".join([entry.serialize() for entry in self.entries]) if self.entries else b""
        return _encode(self.TYPE, self.compulsory, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponderAddress(AddressExtension):
    """RFC 2332 §5.3.1: empty in a request, one entry in the reply: who wrote it."""

    TYPE: ClassVar = ExtensionType.RESPONDER_ADDRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardTransitRecord(AddressExtension):
    """RFC 2332 §5.3.2: every server that forwards a request appends itself; a reply carries it back unchanged."""

    TYPE: ClassVar = ExtensionType.FORWARD_TRANSIT_RECORD


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseTransitRecord(AddressExtension):
    """RFC 2332 §5.3.3: every server that forwards a reply appends itself."""

    TYPE: ClassVar = ExtensionType.REVERSE_TRANSIT_RECORD


@dataclass(frozen=True, slots=True, kw_only=True)
class NatAddress(AddressExtension):
    """Cisco's NAT address extension: the translated addresses of the peers in question. IOS and FRR send it C = 0."""

    TYPE: ClassVar = ExtensionType.NAT_ADDRESS

    compulsory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication(Extension):
    """The authentication extension as IOS writes it: RFC 2332 §5.3.4 without source address, hash or padding.

    data: the password as it is, 8 octets at most from IOS. It keeps out nothing but mistakes.
    """

    spi: int = SecurityParameter.CLEARTEXT
    data: bytes

    def serialize(self) -> bytes:
        return _encode(ExtensionType.AUTHENTICATION, self.compulsory, _SPI.pack(0, self.spi) + self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorPrivate(Extension):
    """RFC 2332 §5.3.5. There may be several in a packet.

    vendor: the 3 octets of its IEEE number.
    """

    compulsory: bool = False
    vendor: bytes
    data: bytes

    def serialize(self) -> bytes:
        return _encode(ExtensionType.VENDOR_PRIVATE, self.compulsory, self.vendor + self.data)

    @classmethod
    def of_group(cls, name: str) -> VendorPrivate:
        """Make the NHRP group of a spoke (`nhrp group NAME`): sub-type 1, length, name. Raises ValueError."""
        octets = name.encode("ascii")
        return cls(vendor=_CISCO, data=bytes((_NHRP_GROUP, len(octets))) + octets)

    @property
    def group(self) -> str | None:
        """The NHRP group, if this extension carries one. Other sub-types (sub-type, length, value) are skipped."""
        if self.vendor != _CISCO:
            return None
        position = 0
        while position + 2 <= len(self.data):
            subtype, length = self.data[position], self.data[position + 1]
            value = self.data[position + 2 : position + 2 + length]
            if subtype == _NHRP_GROUP and len(value) == length and value.isascii() and value.decode().isprintable():
                return value.decode("ascii")
            position += 2 + length
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownExtension(Extension):
    """An extension this router does not know: forwarded and copied into replies as it is, RFC 2332 §5.3."""

    type: int
    value: bytes

    def serialize(self) -> bytes:
        return _encode(self.type, self.compulsory, self.value)


Extensions = tuple[Extension, ...]

#: Classes of which a packet may have several.
_MANY = (VendorPrivate, UnknownExtension)

_Kind = TypeVar("_Kind", bound=Extension)

_ADDRESS_EXTENSIONS: dict[int, type[AddressExtension]] = {
    kind.TYPE: kind for kind in (ResponderAddress, ForwardTransitRecord, ReverseTransitRecord, NatAddress)
}


def parse_extensions(
    data: bytes, start: int, end: int, *, nbma_length: int, protocol_length: int
) -> tuple[Extensions, int]:
    """Decode the list that begins at `start`; return it with the offset of its End. Raises WireError.

    nbma_length, protocol_length: octets of an address of the families in the fixed header.
    """
    extensions: list[Extension] = []
    while start + _HEADER.size <= end:
        flags_and_type, length = _HEADER.unpack_from(data, start)
        kind = flags_and_type & _TYPE_MASK
        value_at = start + _HEADER.size
        next_at = value_at + length
        if next_at > end:
            raise WireError(f"extension {kind} of {length} octets", offset=start, clause=_CLAUSE)
        if kind == ExtensionType.END:
            if length:
                raise WireError(f"End extension of {length} octets", offset=start, clause=_CLAUSE)
            return tuple(extensions), start
        compulsory = flags_and_type >= _COMPULSORY
        address_extension = _ADDRESS_EXTENSIONS.get(kind)
        if address_extension is None or (kind == ExtensionType.NAT_ADDRESS and length == _DEVICE_CAPABILITIES_LENGTH):
            extensions.append(_other_extension(kind, compulsory, data[value_at:next_at], start))
        elif length:
            entries = parse_cies(data, value_at, next_at, nbma_length=nbma_length, protocol_length=protocol_length)
            extensions.append(address_extension(compulsory=compulsory, entries=entries))
        else:
            extensions.append(_EMPTY[address_extension, compulsory])
        start = next_at
    raise WireError("extensions without End", offset=start, clause=_CLAUSE)


def find(extensions: Extensions, kind: type[_Kind]) -> _Kind | None:
    """Return the (first) extension of this class, or None."""
    for extension in extensions:
        if isinstance(extension, kind):
            return extension
    return None


def put(extensions: Extensions, extension: Extension) -> Extensions:
    """Return the list with this extension instead of the first one of its class; without one, behind the others.

    Further ones of the class go. (Not for vendor private and unknown extensions, of which there may be several.)
    """
    kind = type(extension)
    changed: list[Extension] = []
    placed = False
    for old in extensions:
        if type(old) is not kind:
            changed.append(old)
        elif not placed:
            changed.append(extension)
            placed = True
    return tuple(changed) if placed else (*changed, extension)


def remove(extensions: Extensions, kind: type[Extension]) -> Extensions:
    """Return the list without the extensions of this class."""
    return tuple([extension for extension in extensions if not isinstance(extension, kind)])


def repeated(extensions: Extensions) -> int | None:
    """Return the number of the first extension that repeats a class; vendors' and unknown ones may (RFC 2332 §5.3)."""
    seen: list[type[Extension]] = []
    for number, extension in enumerate(extensions):
        kind = type(extension)
        if kind in seen:
            return number
        if kind not in _MANY:
            seen.append(kind)
    return None


def append_entry(extensions: Extensions, kind: type[AddressExtension], entry: ClientInfo) -> Extensions:
    """Return the list with `entry` added to the extension of this class; without such an extension, the same list.

    So a server puts itself on a transit record, which only the sender of a request may add (RFC 2332 §5.3.2).
    """
    old = find(extensions, kind)
    if old is None:
        return extensions
    return put(extensions, kind(compulsory=old.compulsory, entries=(*old.entries, entry)))


def _other_extension(kind: int, compulsory: bool, value: bytes, offset: int) -> Extension:
    match kind:
        case ExtensionType.AUTHENTICATION:
            if len(value) < _SPI.size:
                raise WireError(f"authentication of {len(value)} octets", offset=offset, clause="RFC 2332 §5.3.4")
            return Authentication(compulsory=compulsory, spi=int.from_bytes(value[2:4], "big"), data=value[_SPI.size :])
        case ExtensionType.VENDOR_PRIVATE:
            if len(value) < _VENDOR_LENGTH:
                raise WireError(f"vendor extension of {len(value)} octets", offset=offset, clause="RFC 2332 §5.3.5")
            return VendorPrivate(compulsory=compulsory, vendor=value[:_VENDOR_LENGTH], data=value[_VENDOR_LENGTH:])
        case _:
            return UnknownExtension(compulsory=compulsory, type=kind, value=value)


def _encode(kind: int, compulsory: bool, value: bytes) -> bytes:
    return _HEADER.pack(kind | _COMPULSORY if compulsory else kind, len(value)) + value


#: Most address extensions of most packets are empty: they need no object of their own.
_EMPTY = {
    (kind, compulsory): kind(compulsory=compulsory)
    for kind in _ADDRESS_EXTENSIONS.values()
    for compulsory in (False, True)
}


#: Authentication is before these, as in packets of IOS.
_BEHIND_AUTHENTICATION = (NatAddress, VendorPrivate)


def hop_by_hop(extensions: Extensions, own: tuple[Authentication, ...]) -> Extensions:
    """Return the extensions with our authentication in place of the received one: exactly one, or none if we have none.

    Two, or an empty one, make IOS answer "Incorrect Auth extn length 0" (FRR issue 16466).
    """
    if not own:
        return remove(extensions, Authentication)
    if find(extensions, Authentication) is not None:
        return put(extensions, own[0])
    before = tuple(extension for extension in extensions if not isinstance(extension, _BEHIND_AUTHENTICATION))
    behind = tuple(extension for extension in extensions if isinstance(extension, _BEHIND_AUTHENTICATION))
    return (*before, own[0], *behind)


def unknown_compulsory(extensions: Extensions, kind: type[Extension]) -> Extension | None:
    """Return the first extension of a class that we do not understand and must not ignore, RFC 2332 §5.3."""
    return next((e for e in extensions if e.compulsory and isinstance(e, kind)), None)
