"""IKEv1 on the wire: its messages, which are a header and a chain of payloads. RFC 2408 §3, RFC 2407 §4.6.

Nothing here knows a key. `parse` reads a datagram (without the non-ESP marker of UDP port 4500); encrypted payloads
stay octets (`Sealed`). `serialize` makes the octets of payloads as they came: hashes and signatures are over octets.

Every payload (RFC 2408 §3.4 to §3.16, RFC 3947 §3.2 and §5.2, and Cisco's fragments) is a frozen dataclass with its
`TYPE`, `body()` and `parse_body(octets, offset)`; proposals have a file of their own. Unknown payloads stay as they
came. `body` makes the octets that `parse_body` got.

The identities of quick mode say for which packets its SAs are (RFC 2409 §5.5, RFC 2407 §4.6.2): an address, a subnet
or a range, with a protocol and at most one port. The rest of the program calls them traffic selectors.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import field
from typing import ClassVar, Final, Self

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.features.ike import chain
from dmvpn.features.ike.identity import Identification
from dmvpn.features.ike.numbers import IdType
from dmvpn.features.ike.v1 import numbers
from dmvpn.features.ike.v1.proposals import Proposal, parse_proposals, serialize_proposals
from dmvpn.net.ipv4 import ip_address

# ------------------------------------------------------------------------------------------------ payloads


#: Octets; a bound of our own: names are kept, compared and logged.
_LONGEST_IDENTITY = 512
#: Octets of the output of a hash, SHA-512 at most.
_LONGEST_HASH = 64
_LAST_FRAGMENT: Final = 0x01

_SA = struct.Struct("!II")
_ID = struct.Struct("!BBH")
_ADDRESS_SIZES: Final[dict[int, int]] = {IdType.IPV4_ADDR: 4, IdType.IPV6_ADDR: 16}
_NOTIFY = struct.Struct("!IBBH")
_FRAGMENT = struct.Struct("!HBB")


class SecurityAssociation(chain.Payload, Value):
    """The offers, or the choice. RFC 2408 §3.4, RFC 2407 §4.6.1; only IPsec's DOI and the situation without labels."""

    TYPE: ClassVar = numbers.PayloadType.SA
    proposals: tuple[Proposal, ...]

    def body(self) -> bytes:
        return _SA.pack(numbers.Doi.IPSEC, numbers.Situation.IDENTITY_ONLY) + serialize_proposals(self.proposals)

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, _SA.size, "an SA payload", offset, "RFC 2407 §4.6.1")
        doi, situation = _SA.unpack_from(octets)
        if doi != numbers.Doi.IPSEC or situation != numbers.Situation.IDENTITY_ONLY:
            raise WireError(f"DOI {doi} with situation {situation}", offset=offset, clause="RFC 2407 §4.2")
        return cls(parse_proposals(octets[_SA.size :], offset + _SA.size))


class KeyExchange(chain.OctetsPayload, Value):
    """A public value; the SA payload says of which group. RFC 2408 §3.7."""

    TYPE: ClassVar = numbers.PayloadType.KE


class IdentificationPayload(Identification, chain.Payload, Value):
    """Who the sender is, or in quick mode which packets an SA is for. RFC 2407 §4.6.2.

    protocol, port: of these packets, 0: any.
    """

    TYPE: ClassVar = numbers.PayloadType.ID
    protocol: int = 0
    port: int = 0

    def body(self) -> bytes:
        return _ID.pack(self.kind, self.protocol, self.port) + self.data

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, _ID.size, "an identification payload", offset, "RFC 2407 §4.6.2")
        if len(octets) > _ID.size + _LONGEST_IDENTITY:
            raise WireError(f"an identity of {len(octets)} octets", offset=offset, clause="RFC 2407 §4.6.2")
        kind, protocol, port = _ID.unpack_from(octets)
        return cls(kind, octets[_ID.size :], protocol, port)


class Certificate(chain.EncodedPayload, Value):
    """RFC 2408 §3.9. data: X.509 in DER for encoding 4."""

    TYPE: ClassVar = numbers.PayloadType.CERT


class CertificateRequest(chain.EncodedPayload, Value):
    """RFC 2408 §3.10. data: the name of an authority in DER."""

    TYPE: ClassVar = numbers.PayloadType.CERTREQ


class Hash(chain.OctetsPayload, Value):
    """A proof by a shared secret. RFC 2408 §3.11."""

    TYPE: ClassVar = numbers.PayloadType.HASH

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        if not 0 < len(octets) <= _LONGEST_HASH:
            raise WireError(f"a hash of {len(octets)} octets", offset=offset, clause="RFC 2408 §3.11")
        return cls(octets)


class Signature(chain.OctetsPayload, Value):
    """A proof by a private key. RFC 2408 §3.12."""

    TYPE: ClassVar = numbers.PayloadType.SIG


class Nonce(chain.NoncePayload, Value):
    """RFC 2408 §3.13, RFC 2409 §5."""

    TYPE: ClassVar = numbers.PayloadType.NONCE
    SHORTEST: ClassVar = 8
    CLAUSE: ClassVar = "RFC 2409 §5"


class Notify(chain.Payload, Value):
    """An error or a piece of information. RFC 2408 §3.14. protocol, spi: of the SA; of ISAKMP both cookies, or none."""

    TYPE: ClassVar = numbers.PayloadType.NOTIFY
    kind: int
    data: bytes = b""
    protocol: int = 0
    spi: bytes = b""
    doi: int = numbers.Doi.IPSEC

    @property
    def is_error(self) -> bool:
        """Whether it says that something failed."""
        return self.kind < numbers.FIRST_STATUS

    @property
    def name(self) -> str:
        """As the standard calls it."""
        return chain.name_of(self.kind, numbers.NotifyType, "notify")

    def body(self) -> bytes:
        return _NOTIFY.pack(self.doi, self.protocol, len(self.spi), self.kind) + self.spi + self.data

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, _NOTIFY.size, "a notify payload", offset, "RFC 2408 §3.14")
        doi, protocol, size, kind = _NOTIFY.unpack_from(octets)
        start = _NOTIFY.size + size
        chain.cut(octets, start, "the SPI of a notify payload", offset, "RFC 2408 §3.14")
        return cls(kind, octets[start:], protocol, octets[_NOTIFY.size : start], doi)


class Delete(chain.Payload, Value):
    """SAs that the sender has deleted: its inbound SAs of IPsec, or ISAKMP SAs by both cookies. RFC 2408 §3.15."""

    TYPE: ClassVar = numbers.PayloadType.DELETE
    protocol: int
    spis: tuple[bytes, ...]
    doi: int = numbers.Doi.IPSEC

    def body(self) -> bytes:
        return _NOTIFY.pack(self.doi, self.protocol, len(self.spis[0]), len(self.spis)) + b"".join(self.spis)

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, _NOTIFY.size, "a delete payload", offset, "RFC 2408 §3.15")
        doi, protocol, size, count = _NOTIFY.unpack_from(octets)
        if not size or not count or len(octets) != _NOTIFY.size + size * count:
            raise WireError("a delete payload's length is wrong", offset=offset, clause="RFC 2408 §3.15")
        spis = tuple(octets[at : at + size] for at in range(_NOTIFY.size, len(octets), size))
        return cls(protocol, spis, doi)


class VendorId(chain.OctetsPayload, Value):
    """The sender's program, or an extension that it knows. RFC 2408 §3.16."""

    TYPE: ClassVar = numbers.PayloadType.VENDOR_ID


class NatDetection(chain.OctetsPayload, Value):
    """The hash of an address and port. RFC 3947 §3.2."""

    TYPE: ClassVar = numbers.PayloadType.NAT_D

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        if not 0 < len(octets) <= _LONGEST_HASH:
            raise WireError(f"a hash of {len(octets)} octets", offset=offset, clause="RFC 3947 §3.2")
        return cls(octets)


class DraftNatDetection(NatDetection, Value):
    """The same with the number of the drafts."""

    TYPE: ClassVar = numbers.PayloadType.NAT_D_DRAFT


class OriginalAddress(chain.Payload, Value):
    """An address before translation, for transport mode. RFC 3947 §5.2. kind: IPV4_ADDR or IPV6_ADDR."""

    TYPE: ClassVar = numbers.PayloadType.NAT_OA
    kind: int
    address: bytes

    def body(self) -> bytes:
        return _ID.pack(self.kind, 0, 0) + self.address

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, _ID.size, "a NAT-OA payload", offset, "RFC 3947 §5.2")
        kind, *reserved = _ID.unpack_from(octets)
        if any(reserved) or len(octets) - _ID.size != _ADDRESS_SIZES.get(kind):
            raise WireError("a NAT-OA payload is not legal", offset=offset, clause="RFC 3947 §5.2")
        return cls(kind, octets[_ID.size :])


class DraftOriginalAddress(OriginalAddress, Value):
    """The same with the number of the drafts."""

    TYPE: ClassVar = numbers.PayloadType.NAT_OA_DRAFT


class Fragment(chain.Payload, Value):
    """A part of a message that was too large, always in clear: Cisco's fragmentation, as strongSwan reads it.

    id: equal for all parts of a message.
    number: from 1.
    flags: 1 for the last part.
    """

    TYPE: ClassVar = numbers.PayloadType.FRAGMENT
    id: int
    number: int
    flags: int
    data: bytes

    @property
    def is_last(self) -> bool:
        """Whether no part follows."""
        return bool(self.flags & _LAST_FRAGMENT)

    def body(self) -> bytes:
        return _FRAGMENT.pack(self.id, self.number, self.flags) + self.data

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, _FRAGMENT.size + 1, "a fragment", offset, "RFC 2408 §3.2")
        identifier, number, flags = _FRAGMENT.unpack_from(octets)
        if not number:
            raise WireError("a fragment with number 0", offset=offset, clause="RFC 2408 §3.2")
        return cls(identifier, number, flags, octets[_FRAGMENT.size :])


class Unknown(chain.UnknownPayload, Value):
    """A payload that we do not use, such as Mode Configuration's attributes."""


#: How to read each type of payload.
READERS: Final[dict[int, Callable[[bytes, int], chain.Payload]]] = {
    kind.TYPE: kind.parse_body
    for kind in (
        *(SecurityAssociation, KeyExchange, IdentificationPayload, Certificate, CertificateRequest, Hash, Signature),
        *(Nonce, Notify, Delete, VendorId, NatDetection, OriginalAddress),
        *(DraftNatDetection, DraftOriginalAddress, Fragment),
    )
}


# ------------------------------------------------------------------------------------------------ messages


_VERSION: Final = 0x10
_FLAGS: Final = 0x07
#: As a number: each operation on an enum of flags is five calls.
ENCRYPTION: Final = int(numbers.Flag.ENCRYPTION)
#: By their first octets, in which no two are alike.
_TELLING: Final = 8
_VENDORS: Final = {bytes(vendor[:_TELLING]): vendor for vendor in numbers.Vendor}
#: Zero octets behind the last payload: libreswan fills messages in clear up to a multiple of four (`ikepad`).
LONGEST_PADDING: Final = 3
#: They have no meaning outside of an SA payload.
_ONLY_INSIDE: Final = (numbers.PayloadType.PROPOSAL, numbers.PayloadType.TRANSFORM)
_HEADER_CLAUSE = "RFC 2408 §3.1"
_CHAIN = "RFC 2408 §3.2"


class UnsupportedVersion(WireError):
    """The message has another version: the answer may be INVALID-MAJOR-VERSION (RFC 2408 §5.2)."""


class Header(Value, kw_only=True):
    """The fixed header without the fields that follow from the rest.

    cookie_i, cookie_r: 8 octets each.
    flags: those of `Flag`.
    message_id: 0 in phase 1.
    """

    cookie_i: bytes
    cookie_r: bytes
    exchange: int
    flags: int = 0
    message_id: int = 0

    @property
    def cookies(self) -> bytes:
        """CKY-I | CKY-R."""
        return self.cookie_i + self.cookie_r

    @property
    def is_encrypted(self) -> bool:
        """Whether the payloads are encrypted."""
        return self.flags & ENCRYPTION != 0

    @property
    def exchange_name(self) -> str:
        """As the standard calls it."""
        return chain.name_of(self.exchange, numbers.ExchangeType, "exchange")

    def serialize(self, first: int, length: int) -> bytes:
        """Encode the header, RFC 2408 §3.1. first: type of the first payload; length: octets of the whole message."""
        fields = (self.cookie_i, self.cookie_r, first, _VERSION, self.exchange, self.flags, self.message_id, length)
        return chain.HEADER.pack(*fields)


class Chain(chain.PayloadChain, Value):
    """Payloads in their order, with questions that exchanges of IKEv1 ask of them."""

    def notify(self, kind: numbers.NotifyType) -> Notify | None:
        """Return the first notify of a type."""
        return next((payload for payload in self.all(Notify) if payload.kind == kind), None)

    @property
    def vendors(self) -> set[numbers.Vendor]:
        """Which vendor IDs there are; some have flags or a version behind them."""
        found = [(_VENDORS.get(payload.data[:_TELLING]), payload.data) for payload in self.all(VendorId)]
        return {vendor for vendor, octets in found if vendor is not None and octets.startswith(vendor)}


class Sealed(Value):
    """Encrypted payloads. first: type of the first of them."""

    first: int
    octets: bytes


class Message(Chain, Value):
    """Header and payloads; `payloads` is empty if they are encrypted."""

    header: Header = field(kw_only=True)
    sealed: Sealed | None = field(default=None, kw_only=True)

    def serialize(self) -> bytes:
        """Encode the message, RFC 2408 §3.1; without the non-ESP marker."""
        sealed = self.sealed or Sealed(chain.first_of(self.payloads), chain.serialize_chain(self.payloads))
        return self.header.serialize(sealed.first, chain.HEADER_LENGTH + len(sealed.octets)) + sealed.octets

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Decode the message. Raises WireError, UnsupportedVersion."""
        header, first = parse_header(octets)
        if header.is_encrypted and first != numbers.PayloadType.FRAGMENT:  # the whole message may be encrypted
            return cls(header=header, sealed=Sealed(first, octets[chain.HEADER_LENGTH :]))
        payloads, end = parse_chain(first, octets, chain.HEADER_LENGTH)
        if len(octets) - end > LONGEST_PADDING or any(octets[end:]):
            raise WireError("octets behind the last payload", offset=end, clause=_CHAIN)
        if header.is_encrypted and len(payloads) > 1:
            raise WireError("payloads in clear in an encrypted message", offset=chain.HEADER_LENGTH, clause=_CHAIN)
        return cls(payloads, header=header)


def parse_header(octets: bytes) -> tuple[Header, int]:
    """Read the header alone, and the type of the first payload. Raises WireError, UnsupportedVersion."""
    if len(octets) < chain.HEADER_LENGTH:
        raise WireError("an ISAKMP header is cut off", offset=len(octets), clause=_HEADER_CLAUSE)
    cookie_i, cookie_r, first, version, exchange, flags, message_id, length = chain.HEADER.unpack_from(octets)
    if version != _VERSION:
        raise UnsupportedVersion(f"IKE version {version >> 4}.{version & 15}", offset=17, clause=_HEADER_CLAUSE)
    if flags & ~_FLAGS:
        raise WireError(f"unknown flags {flags:#x}", offset=19, clause="RFC 2408 §5.2")
    if length != len(octets):
        raise WireError(f"{len(octets)} octets, not {length}", offset=24, clause=_HEADER_CLAUSE)
    if cookie_i == chain.NO_SPI:
        raise WireError("the initiator's cookie is zero", offset=0, clause=_HEADER_CLAUSE)
    header = Header(cookie_i=cookie_i, cookie_r=cookie_r, exchange=exchange, flags=flags, message_id=message_id)
    return header, first


def parse_chain(first: int, octets: bytes, at: int = 0) -> tuple[tuple[chain.Payload, ...], int]:
    """Read payloads from octet `at` on. Returns them and where they end. Raises WireError."""
    payloads: list[chain.Payload] = []
    kind = first
    while kind != numbers.PayloadType.NONE:
        if len(octets) - at < chain.GENERIC.size or len(payloads) >= chain.LARGEST_NUMBER_OF_PAYLOADS:
            raise WireError(f"payload {kind} is cut off", offset=at, clause=_CHAIN)
        following, reserved, size = chain.GENERIC.unpack_from(octets, at)
        start, end = at + chain.GENERIC.size, at + size
        if end < start or end > len(octets):
            raise WireError(f"the length of payload {kind} is wrong", offset=at + 2, clause=_CHAIN)
        if reserved or kind in _ONLY_INSIDE:
            raise WireError(f"payload {kind} is not legal here", offset=at, clause="RFC 2408 §5.3")
        body = octets[start:end]
        reader = READERS.get(kind)
        payloads.append(reader(body, start) if reader else Unknown(kind, body))
        kind, at = following, end
    return tuple(payloads), at


# --------------------------------------------------------------------------------------------- identities of quick mode


_OF_IDS = "RFC 2407 §4.6.2"
_ANY_PORT: Final = (0, 0xFFFF)
#: Octets of an address, and how many addresses follow.
_SHAPES: Final[dict[int, tuple[int, int]]] = {
    IdType.IPV4_ADDR: (4, 1),
    IdType.IPV6_ADDR: (16, 1),
    numbers.AddressIdType.IPV4_SUBNET: (4, 2),
    numbers.AddressIdType.IPV6_SUBNET: (16, 2),
    numbers.AddressIdType.IPV4_RANGE: (4, 2),
    numbers.AddressIdType.IPV6_RANGE: (16, 2),
}
_SUBNETS: Final = (numbers.AddressIdType.IPV4_SUBNET, numbers.AddressIdType.IPV6_SUBNET)


def selector_of(identity: IdentificationPayload) -> chain.TrafficSelector:
    """Return the packets that an identity names. Raises WireError if it names no addresses."""
    size, count = _SHAPES.get(identity.kind, (0, 0))
    if not size or len(identity.data) != size * count:
        raise WireError(f"an identity of kind {identity.kind} as a traffic selector", offset=0, clause=_OF_IDS)
    first, last = ip_address(identity.data[:size]), ip_address(identity.data[-size:])
    if identity.kind in _SUBNETS:
        first, last = _subnet(identity.data[:size], identity.data[size:])
    if int(first) > int(last):
        raise WireError("a range of addresses that ends before it begins", offset=0, clause=_OF_IDS)
    ports = (identity.port, identity.port) if identity.port else _ANY_PORT
    return chain.TrafficSelector(first, last, identity.protocol, ports)


def _subnet(address: bytes, mask: bytes) -> tuple[IPAddress, IPAddress]:
    """Return the first and the last address of a subnet. Raises WireError if the ones of its mask have gaps."""
    low, ones = int.from_bytes(address, "big"), int.from_bytes(mask, "big")
    rest = ones ^ ((1 << 8 * len(mask)) - 1)
    if rest & (rest + 1):
        raise WireError("a mask with gaps", offset=0, clause=_OF_IDS)
    first, last = (value.to_bytes(len(mask), "big") for value in (low & ones, low & ones | rest))
    return ip_address(first), ip_address(last)


def identity_of(selector: chain.TrafficSelector) -> IdentificationPayload:
    """Return the identity for these packets: an address if it is one, else a range. All ports, or one port.

    Raises ValueError for several ports, for which IKEv1 has no identity.
    """
    low, high = selector.ports
    if low != high and selector.ports != _ANY_PORT:
        raise ValueError(f"ports {low} to {high} have no identity")
    is_ipv4 = selector.first.version == 4
    port = low if low == high else 0
    if selector.first == selector.last:
        kind: int = IdType.IPV4_ADDR if is_ipv4 else IdType.IPV6_ADDR
        return IdentificationPayload(kind, selector.first.packed, selector.protocol, port)
    kind = numbers.AddressIdType.IPV4_RANGE if is_ipv4 else numbers.AddressIdType.IPV6_RANGE
    return IdentificationPayload(kind, selector.first.packed + selector.last.packed, selector.protocol, port)
