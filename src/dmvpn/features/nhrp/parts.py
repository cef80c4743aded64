"""What NHRP packets are made of behind their headers: client information entries, and extensions.

A Client Information Entry (CIE, RFC 2332 §5.2.0.1) is one binding of protocol addresses to an NBMA address. Six
messages are lists of them, and so are four extensions. Extensions (§5.3) follow the mandatory part, each with type,
length and value:

    ResponderAddress       3  who answered
    ForwardTransitRecord   4  through which servers the request went ...
    ReverseTransitRecord   5  ... and the reply
    Authentication         7  in the form of Cisco: the password in clear, hop by hop
    VendorPrivate          8  see vendor.py
    NatAddress             9  the addresses of peers as the world outside their NAT sees them (Cisco)
    UnknownExtension          any other, octet for octet

The End extension (0) is not in the list, `NhrpPacket.end` is it. The order is the peer's and is kept. Of each type
there is one, vendor private excepted. `find`, `put` and `append_entry` make new lists out of old.
"""

from __future__ import annotations

import enum
import struct
from functools import lru_cache
from typing import ClassVar, Final, TypeVar

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.net.ipv4 import ip_address

_CIE_CLAUSE: Final = "RFC 2332 §5.2.0.1"
_CIE = struct.Struct("!BBxxHHBBBB")

#: A longer address (E.164 flag, reserved bit) or subaddress is not found on an IP underlay.
LARGEST_SUBADDRESS = 63


class AddressFamily(enum.IntEnum):
    """ar$afn: the family of NBMA addresses (IANA address family numbers)."""

    IPV4 = 1
    IPV6 = 2


#: Octets of an address of the family.
ADDRESS_LENGTH: dict[int, int] = {AddressFamily.IPV4: 4, AddressFamily.IPV6: 16}


class CieCode(enum.IntEnum):
    """The result for an entry: 0, or a NAK, RFC 2332 §5.2.2 and §5.2.4.

    FRR sends 11 where the RFC says 12; 11 has no other meaning, so `is_no_binding` accepts both.
    """

    SUCCESS = 0
    ADMINISTRATIVELY_PROHIBITED = 4
    INSUFFICIENT_RESOURCES = 5
    NO_BINDING_FRR = 11
    NO_BINDING = 12
    BINDING_NOT_UNIQUE = 13
    UNIQUE_ADDRESS_REGISTERED = 14


_CODES = {int(code): code for code in CieCode}


class ClientInfo(Value, kw_only=True):
    """Client Information Entry (CIE), RFC 2332 §5.2.0.1.

    code: a `CieCode`, or what the peer sent.
    prefix_length: bits; 0 and 255 mean one address.
    mtu: octets, 0 = not stated; advice only.
    holding_time: seconds, 0 in a NAK.
    preference: not used (IOS: 255 or 0).
    nbma, protocol: None = the address of the mandatory part.
    """

    code: int = CieCode.SUCCESS
    prefix_length: int = 0
    mtu: int = 0
    holding_time: int = 0
    preference: int = 0
    nbma: IPAddress | None = None
    nbma_subaddress: bytes = b""
    protocol: IPAddress | None = None

    def serialize(self) -> bytes:
        """Encode. Raises struct.error if a number does not fit its field."""
        nbma = self.nbma.packed if self.nbma is not None else b""
        protocol = self.protocol.packed if self.protocol is not None else b""
        nbma_tl, sub_tl, protocol_tl = len(nbma), len(self.nbma_subaddress), len(protocol)
        fixed = _CIE.pack(
            self.code, self.prefix_length, self.mtu, self.holding_time, nbma_tl, sub_tl, protocol_tl, self.preference
        )
        return fixed + nbma + self.nbma_subaddress + protocol

    @property
    def is_no_binding(self) -> bool:
        """Whether the NAK says that no station has registered the address, in the RFC's form or in FRR's."""
        return self.code in (CieCode.NO_BINDING, CieCode.NO_BINDING_FRR)

    def host_or_prefix_length(self, width: int) -> int:
        """Return the prefix length, with 0 and 255 (and anything above `width` bits) read as the whole address."""
        return self.prefix_length if 0 < self.prefix_length <= width else width


def parse_cies(
    data: bytes, start: int, end: int, nbma_length: int, protocol_lengths: tuple[int, ...]
) -> tuple[ClientInfo, ...]:
    """Decode the entries that fill `data` from `start` to `end` exactly. Raises WireError.

    nbma_length, protocol_lengths: octets that an address may have; 0: an entry may have none.
    """
    entries: list[ClientInfo] = []
    while start < end:
        position = start + _CIE.size
        if position > end:
            raise WireError("CIE cut short", offset=start, clause=_CIE_CLAUSE)
        code, prefix_length, mtu, holding_time, nbma_tl, subaddress_tl, protocol_tl, preference = _CIE.unpack_from(
            data, start
        )
        # The lengths are compared whole: with the E.164 flag or the reserved bit set they match no IP address.
        if nbma_tl not in (0, nbma_length) or subaddress_tl > LARGEST_SUBADDRESS:
            raise WireError(f"NBMA address type/length {nbma_tl}/{subaddress_tl}", offset=start + 8, clause=_CIE_CLAUSE)
        if protocol_tl not in protocol_lengths:
            raise WireError(f"protocol address of {protocol_tl} octets", offset=start + 10, clause=_CIE_CLAUSE)
        subaddress_at = position + nbma_tl
        protocol_at = subaddress_at + subaddress_tl
        next_entry = protocol_at + protocol_tl
        if next_entry > end:
            raise WireError("addresses of a CIE cut short", offset=start, clause=_CIE_CLAUSE)
        entries.append(
            ClientInfo(
                code=_CODES.get(code, code),
                prefix_length=prefix_length,
                mtu=mtu,
                holding_time=holding_time,
                preference=preference,
                nbma=ip_address(data[position:subaddress_at]) if nbma_tl else None,
                nbma_subaddress=data[subaddress_at:protocol_at],
                protocol=ip_address(data[protocol_at:next_entry]) if protocol_tl else None,
            )
        )
        start = next_entry
    return tuple(entries)


_CLAUSE: Final = "RFC 2332 §5.3"
_HEADER = struct.Struct("!HH")
_COMPULSORY = 0x8000
_TYPE_MASK = 0x3FFF  # the bit between is unused and ignored
_SPI = struct.Struct("!HH")
_VENDOR_LENGTH = 3
#: RFC 2735 gave type 9 to device capabilities, which have 8 octets. A list of CIEs never does.
_DEVICE_CAPABILITIES_LENGTH = 8
#: Octets of all extensions of a packet that are remembered with what they say.
_LONGEST_REMEMBERED: Final = 256

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


class Extension(Value, kw_only=True):
    """The base of all extensions.

    compulsory: a station that does not know it must not ignore it (the C bit).
    """

    compulsory: bool = True

    def serialize(self) -> bytes:
        """Encode header and value."""
        raise NotImplementedError


class AddressExtension(Extension, Value, kw_only=True):
    """An extension whose value is a list of CIEs."""

    TYPE: ClassVar[ExtensionType]

    entries: tuple[ClientInfo, ...] = ()

    def serialize(self) -> bytes:
        if not self.entries:
            return _EMPTY_OCTETS[self.TYPE, self.compulsory]
        return _encode(self.TYPE, self.compulsory, b"".join([entry.serialize() for entry in self.entries]))


class ResponderAddress(AddressExtension, Value, kw_only=True):
    """RFC 2332 §5.3.1: empty in a request, one entry in the reply: who wrote it."""

    TYPE: ClassVar = ExtensionType.RESPONDER_ADDRESS


class ForwardTransitRecord(AddressExtension, Value, kw_only=True):
    """RFC 2332 §5.3.2: every server that forwards a request appends itself; a reply carries it back unchanged."""

    TYPE: ClassVar = ExtensionType.FORWARD_TRANSIT_RECORD


class ReverseTransitRecord(AddressExtension, Value, kw_only=True):
    """RFC 2332 §5.3.3: every server that forwards a reply appends itself."""

    TYPE: ClassVar = ExtensionType.REVERSE_TRANSIT_RECORD


class NatAddress(AddressExtension, Value, kw_only=True):
    """Cisco's NAT address extension: the translated addresses of the peers in question. IOS and FRR send it C = 0."""

    TYPE: ClassVar = ExtensionType.NAT_ADDRESS

    compulsory: bool = False


class Authentication(Extension, Value, kw_only=True):
    """The authentication extension as IOS writes it: RFC 2332 §5.3.4 without source address, hash or padding.

    data: the password as it is, 8 octets at most from IOS. It keeps out nothing but mistakes.
    """

    spi: int = SecurityParameter.CLEARTEXT
    data: bytes

    def serialize(self) -> bytes:
        return _encode(ExtensionType.AUTHENTICATION, self.compulsory, _SPI.pack(0, self.spi) + self.data)


class VendorPrivate(Extension, Value, kw_only=True):
    """RFC 2332 §5.3.5. There may be several in a packet.

    vendor: the 3 octets of its IEEE number.
    """

    compulsory: bool = False
    vendor: bytes
    data: bytes

    def serialize(self) -> bytes:
        return _encode(ExtensionType.VENDOR_PRIVATE, self.compulsory, self.vendor + self.data)


class UnknownExtension(Extension, Value, kw_only=True):
    """An extension this router does not know: forwarded and copied into replies as it is, RFC 2332 §5.3."""

    type: int
    value: bytes

    def serialize(self) -> bytes:
        return _encode(self.type, self.compulsory, self.value)


Extensions = tuple[Extension, ...]

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
    if end - start <= _LONGEST_REMEMBERED:
        try:
            extensions, length = _remembered(data[start:end], nbma_length, protocol_length)
        except WireError:
            pass  # its offset counts from the first extension
        else:
            return extensions, start + length
    return _read_extensions(data, start, end, nbma_length, protocol_length)


@lru_cache(maxsize=128)
def _remembered(data: bytes, nbma_length: int, protocol_length: int) -> tuple[Extensions, int]:
    """Decode a whole list. All clients of a hub send the same one."""
    return _read_extensions(data, 0, len(data), nbma_length, protocol_length)


def _read_extensions(
    data: bytes, start: int, end: int, nbma_length: int, protocol_length: int
) -> tuple[Extensions, int]:
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
            # FRR's nhrpd answers for IPv6 and gives its IPv4 address here.
            lengths = (0, 4, 16) if kind == ExtensionType.RESPONDER_ADDRESS else (0, protocol_length)
            entries = parse_cies(data, value_at, next_at, nbma_length, lengths)
            extensions.append(address_extension(compulsory=compulsory, entries=entries))
        else:
            extensions.append(_EMPTY[address_extension, compulsory])
        start = next_at
    raise WireError("extensions without End", offset=start, clause=_CLAUSE)


def find(extensions: Extensions, kind: type[_Kind]) -> _Kind | None:
    """Return the (first) extension of this class, or None."""
    for extension in extensions:
        if type(extension) is kind:
            return extension
    return None


def put(extensions: Extensions, extension: Extension) -> Extensions:
    """Return the list with this extension in place of the first one of its class; without one, appended.

    Further extensions of the class are removed. (Not for vendor private and unknown extensions, of which there may be
    several.)
    """
    kind = type(extension)
    for at, old in enumerate(extensions):
        if type(old) is kind:
            return (*extensions[:at], extension, *[each for each in extensions[at + 1 :] if type(each) is not kind])
    return (*extensions, extension)


def append_entry(extensions: Extensions, kind: type[AddressExtension], entry: ClientInfo) -> Extensions:
    """Return the list with `entry` added to the extension of this class; without such an extension, the same list.

    A server adds itself so to a transit record, which only the sender of a request may create (RFC 2332 §5.3.2).
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
_EMPTY = {(kind, flag): kind(compulsory=flag) for kind in _ADDRESS_EXTENSIONS.values() for flag in (False, True)}
_EMPTY_OCTETS = {(kind.TYPE, flag): _encode(kind.TYPE, flag, b"") for kind, flag in _EMPTY}


#: Authentication is before these, as in packets of IOS.
_BEHIND_AUTHENTICATION = (NatAddress, VendorPrivate)


def hop_by_hop(extensions: Extensions, own: tuple[Authentication, ...]) -> Extensions:
    """Return the extensions with our authentication in place of the received one: exactly one, or none if we have none.

    Two, or an empty one, make IOS answer "Incorrect Auth extn length 0" (FRR issue 16466).
    """
    received = find(extensions, Authentication)
    if not own:
        if received is None:
            return extensions
        return tuple([extension for extension in extensions if not isinstance(extension, Authentication)])
    if received is not None:
        return put(extensions, own[0])
    return tuple(sorted((*extensions, own[0]), key=lambda each: isinstance(each, _BEHIND_AUTHENTICATION)))


def unknown_compulsory(extensions: Extensions) -> Extension | None:
    """Return the first extension that we do not understand and must not ignore, RFC 2332 §5.3."""
    for each in extensions:
        if type(each) is UnknownExtension and each.compulsory:
            return each
    return None
