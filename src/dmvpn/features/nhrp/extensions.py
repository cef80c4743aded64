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

`MappedPorts` is our own vendor extension: the UDP ports by which stations behind NAT are reached. Its format is in
docs/reference/nhrp-vendor-extension.md, too.

IKE and ESP of a station behind NAT come from its UDP port 4500, which the NAT shows as another one. Only who hears it
knows: its server. So a Resolution Request carries this extension, empty, and servers on the way write into it where
they hear the requester, and in the reply where they hear the responder:

    request   requester (empty) -> the server of the requester adds it   -> ... -> the responder reads it, copies it
    reply     responder         -> the server of the responder adds it   -> ... -> the requester reads it

It is vendor private (RFC 2332 §5.3.5) and not compulsory: who does not know it passes it on, or copies it. Without an
IEEE number of our own the vendor is a locally administered one (second digit 2, IEEE 802c), which others may have
chosen as well; so four octets follow that tell ours apart: "VPN" and the version.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from dmvpn.base.errors import WireError
from dmvpn.features.nhrp.cie import ClientInfo, parse_cies
from dmvpn.net.octets import ip_address

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

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
    """The base of all extensions. compulsory: who does not know it must not ignore it (the C bit)."""

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
        """Encode header and value."""
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
        """Encode header and value."""
        return _encode(ExtensionType.AUTHENTICATION, self.compulsory, _SPI.pack(0, self.spi) + self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorPrivate(Extension):
    """RFC 2332 §5.3.5. vendor: the 3 octets of its IEEE number. Several may stand in a packet."""

    compulsory: bool = False
    vendor: bytes
    data: bytes

    def serialize(self) -> bytes:
        """Encode header and value."""
        return _encode(ExtensionType.VENDOR_PRIVATE, self.compulsory, self.vendor + self.data)

    @classmethod
    def of_group(cls, name: str) -> VendorPrivate:
        """The NHRP group of a spoke (`nhrp group NAME`): sub-type 1, length, name. Raises ValueError."""
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
        """Encode header and value."""
        return _encode(self.type, self.compulsory, self.value)


Extensions = tuple[Extension, ...]

#: Classes of which several may stand in a packet.
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
    """The (first) extension of this class, or None."""
    for extension in extensions:
        if isinstance(extension, kind):
            return extension
    return None


def put(extensions: Extensions, extension: Extension) -> Extensions:
    """The list with this extension in the place of the first one of its class, or behind the others if there is none.

    Further ones of the class go. (Not for vendor private and unknown extensions, which may stand more than once.)
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
    """The list without the extensions of this class."""
    return tuple([extension for extension in extensions if not isinstance(extension, kind)])


def repeated(extensions: Extensions) -> int | None:
    """The number of the first extension of a class that stood before; vendors' and unknown ones may (RFC 2332 §5.3)."""
    seen: list[type[Extension]] = []
    for number, extension in enumerate(extensions):
        kind = type(extension)
        if kind in seen:
            return number
        if kind not in _MANY:
            seen.append(kind)
    return None


def append_entry(extensions: Extensions, kind: type[AddressExtension], entry: ClientInfo) -> Extensions:
    """The list with `entry` behind the others of the extension of this class. Without such an extension: unchanged.

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


#: Authentication stands before these, as IOS has it.
_BEHIND_AUTHENTICATION = (NatAddress, VendorPrivate)


def hop_by_hop(extensions: Extensions, own: tuple[Authentication, ...]) -> Extensions:
    """The extensions with our authentication in place of the received one: exactly one, or none if we have none.

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
    """The first extension of a class that we do not understand and must not ignore, RFC 2332 §5.3."""
    return next((e for e in extensions if e.compulsory and isinstance(e, kind)), None)


VENDOR: Final = b"\x02DM"
_MAGIC: Final = b"VPN\x01"
_ITEM = struct.Struct("!BB")
_MAPPED_PORT: Final = 1
_PORT = struct.Struct("!HB")
_LENGTHS: Final = (4, 16)
#: Stations that one extension names. There are two in a resolution.
LARGEST_NUMBER: Final = 4
#: A NAT keeps the ports above 1023 there (RFC 4787 §4.2.2): what is said of lower ones would only lead IKE astray.
LOWEST_PORT: Final = 1024


@dataclass(frozen=True, slots=True)
class MappedPort:
    """Where a station is heard: its tunnel address, its translated NBMA address, and the UDP port there."""

    protocol: IPAddress
    nbma: IPAddress
    port: int


@dataclass(frozen=True, slots=True)
class MappedPorts:
    """The extension. others: items of types that later versions may have, which stay as they are."""

    entries: tuple[MappedPort, ...] = ()
    others: tuple[tuple[int, bytes], ...] = ()

    @classmethod
    def parse(cls, extension: Extension) -> MappedPorts | None:
        """What an extension says, if it is ours and well-formed; all others are not for us."""
        if not isinstance(extension, VendorPrivate) or extension.vendor != VENDOR:
            return None
        data, position = extension.data, len(_MAGIC)
        if data[:position] != _MAGIC:
            return None
        entries: list[MappedPort] = []
        others: list[tuple[int, bytes]] = []
        while position + _ITEM.size <= len(data):
            kind, length = _ITEM.unpack_from(data, position)
            position += _ITEM.size
            value = data[position : position + length]
            position += length
            if kind != _MAPPED_PORT:
                others.append((kind, value))
            elif (entry := _entry(value)) is not None:
                entries.append(entry)
            else:
                return None
        fits = position == len(data) and len(entries) + len(others) <= LARGEST_NUMBER
        return cls(tuple(entries), tuple(others)) if fits else None

    @property
    def extension(self) -> VendorPrivate:
        """As it goes into a packet."""
        items = [(_MAPPED_PORT, _value(entry)) for entry in self.entries] + list(self.others)
        octets = b"".join(_ITEM.pack(kind, len(value)) + value for kind, value in items)
        return VendorPrivate(vendor=VENDOR, data=_MAGIC + octets)

    def port_of(self, protocol: IPAddress, nbma: IPAddress) -> int:
        """The port of this station at this address; 0: nothing is said of it, or nothing that can be."""
        found = (entry.port for entry in self.entries if (entry.protocol, entry.nbma) == (protocol, nbma))
        return next((port for port in found if port >= LOWEST_PORT), 0)


def mapped_ports(extensions: Extensions) -> MappedPorts | None:
    """The (first) extension of ours in the list, or None."""
    return next((ports for each in extensions if (ports := MappedPorts.parse(each)) is not None), None)


def with_mapped_ports(extensions: Extensions, ports: MappedPorts) -> Extensions:
    """The list with this one in the place of the first one of ours; further ones go."""
    changed: list[Extension] = []
    placed = False
    for old in extensions:
        if MappedPorts.parse(old) is None:
            changed.append(old)
        elif not placed:
            changed.append(ports.extension)
            placed = True
    return tuple(changed)


def _entry(value: bytes) -> MappedPort | None:
    if len(value) < _PORT.size:
        return None
    port, length = _PORT.unpack_from(value)
    nbma, protocol = value[_PORT.size : _PORT.size + length], value[_PORT.size + length :]
    if length not in _LENGTHS or len(protocol) not in _LENGTHS:
        return None
    return MappedPort(ip_address(protocol), ip_address(nbma), port)


def _value(entry: MappedPort) -> bytes:
    nbma = entry.nbma.packed
    return _PORT.pack(entry.port, len(nbma)) + nbma + entry.protocol.packed
