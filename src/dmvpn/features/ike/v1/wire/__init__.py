"""IKEv1 on the wire: its messages, which are a header and a chain of payloads. RFC 2408 §3.1 and §3.2.

    numbers      what IANA assigned
    proposals    offers and choices: transforms with their attributes
    payloads     the parts of a message

Nothing here knows a key. `parse` reads a datagram (without the non-ESP marker of UDP port 4500); encrypted payloads
stay octets (`Sealed`). `serialize` makes the octets of payloads as they came: hashes and signatures are over octets.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.features.ike.chain import (
    GENERIC,
    HEADER,
    HEADER_LENGTH,
    LARGEST_NUMBER_OF_PAYLOADS,
    NO_SPI,
    PayloadChain,
    first_of,
    name_of,
    serialize_chain,
)
from dmvpn.features.ike.v1.numbers import ExchangeType, Flag, NotifyType, PayloadType
from dmvpn.features.ike.v1.packet import READERS, Notify, Unknown, VendorId

if TYPE_CHECKING:
    from dmvpn.features.ike.chain import Payload
    from dmvpn.features.ike.v1.numbers import Vendor


_VERSION: Final = 0x10
_FLAGS: Final = 0x07
#: Zero octets behind the last payload: libreswan fills messages in clear up to a multiple of four (`ikepad`).
LONGEST_PADDING: Final = 3
#: They have no meaning outside of an SA payload.
_ONLY_INSIDE: Final = (PayloadType.PROPOSAL, PayloadType.TRANSFORM)
_HEADER_CLAUSE = "RFC 2408 §3.1"
_CHAIN = "RFC 2408 §3.2"


class UnsupportedVersion(WireError):
    """The message has another version: the answer may be INVALID-MAJOR-VERSION (RFC 2408 §5.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The fixed header without the fields that follow from the rest.

    cookie_i, cookie_r: 8 octets each.
    message_id: 0 in phase 1.
    """

    cookie_i: bytes
    cookie_r: bytes
    exchange: int
    flags: Flag = Flag(0)
    message_id: int = 0

    @property
    def cookies(self) -> bytes:
        """CKY-I | CKY-R."""
        return self.cookie_i + self.cookie_r

    @property
    def is_encrypted(self) -> bool:
        """Whether the payloads are encrypted."""
        return Flag.ENCRYPTION in self.flags

    @property
    def exchange_name(self) -> str:
        """As the standard calls it."""
        return name_of(self.exchange, ExchangeType, "exchange")

    def serialize(self, first: int, length: int) -> bytes:
        """Encode the header, RFC 2408 §3.1. first: type of the first payload; length: octets of the whole message."""
        fields = (self.cookie_i, self.cookie_r, first, _VERSION, self.exchange, self.flags, self.message_id, length)
        return HEADER.pack(*fields)


@dataclass(frozen=True, slots=True)
class Chain(PayloadChain):
    """Payloads in their order, with questions that exchanges of IKEv1 ask of them."""

    def notify(self, kind: NotifyType) -> Notify | None:
        """Return the first notify of a type."""
        return next((payload for payload in self.all(Notify) if payload.kind == kind), None)

    def has_vendor(self, vendor: Vendor) -> bool:
        """Return whether a vendor ID begins like this one; some have flags or a version behind it."""
        return any(payload.data.startswith(vendor.value) for payload in self.all(VendorId))


@dataclass(frozen=True, slots=True)
class Sealed:
    """Encrypted payloads. first: type of the first of them."""

    first: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class Message(Chain):
    """Header and payloads; `payloads` is empty if they are encrypted."""

    header: Header = field(kw_only=True)
    sealed: Sealed | None = field(default=None, kw_only=True)

    def serialize(self) -> bytes:
        """Encode the message, RFC 2408 §3.1; without the non-ESP marker."""
        sealed = self.sealed or Sealed(first_of(self.payloads), serialize_chain(self.payloads))
        return self.header.serialize(sealed.first, HEADER_LENGTH + len(sealed.octets)) + sealed.octets

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Decode the message. Raises WireError, UnsupportedVersion."""
        header, first = parse_header(octets)
        if header.is_encrypted and first != PayloadType.FRAGMENT:  # the whole message may be encrypted
            return cls(header=header, sealed=Sealed(first, octets[HEADER_LENGTH:]))
        payloads, end = parse_chain(first, octets, HEADER_LENGTH)
        if len(octets) - end > LONGEST_PADDING or any(octets[end:]):
            raise WireError("octets behind the last payload", offset=end, clause=_CHAIN)
        if header.is_encrypted and len(payloads) > 1:
            raise WireError("payloads in clear in an encrypted message", offset=HEADER_LENGTH, clause=_CHAIN)
        return cls(payloads, header=header)


def parse_header(octets: bytes) -> tuple[Header, int]:
    """Read the header alone, and the type of the first payload. Raises WireError, UnsupportedVersion."""
    if len(octets) < HEADER_LENGTH:
        raise WireError("an ISAKMP header is cut off", offset=len(octets), clause=_HEADER_CLAUSE)
    cookie_i, cookie_r, first, version, exchange, flags, message_id, length = HEADER.unpack_from(octets)
    if version != _VERSION:
        raise UnsupportedVersion(f"IKE version {version >> 4}.{version & 15}", offset=17, clause=_HEADER_CLAUSE)
    if flags & ~_FLAGS:
        raise WireError(f"unknown flags {flags:#x}", offset=19, clause="RFC 2408 §5.2")
    if length != len(octets):
        raise WireError(f"{len(octets)} octets, not {length}", offset=24, clause=_HEADER_CLAUSE)
    if cookie_i == NO_SPI:
        raise WireError("the initiator's cookie is zero", offset=0, clause=_HEADER_CLAUSE)
    header = Header(cookie_i=cookie_i, cookie_r=cookie_r, exchange=exchange, flags=Flag(flags), message_id=message_id)
    return header, first


def parse_chain(first: int, octets: bytes, at: int = 0) -> tuple[tuple[Payload, ...], int]:
    """Read payloads from octet `at` on. Returns them and where they end. Raises WireError."""
    payloads: list[Payload] = []
    kind = first
    while kind != PayloadType.NONE:
        if len(octets) - at < GENERIC.size or len(payloads) >= LARGEST_NUMBER_OF_PAYLOADS:
            raise WireError(f"payload {kind} is cut off", offset=at, clause=_CHAIN)
        following, reserved, size = GENERIC.unpack_from(octets, at)
        start, end = at + GENERIC.size, at + size
        if end < start or end > len(octets):
            raise WireError(f"the length of payload {kind} is wrong", offset=at + 2, clause=_CHAIN)
        if reserved or kind in _ONLY_INSIDE:
            raise WireError(f"payload {kind} is not legal here", offset=at, clause="RFC 2408 §5.3")
        body = octets[start:end]
        reader = READERS.get(kind)
        payloads.append(reader(body, start) if reader else Unknown(kind, body))
        kind, at = following, end
    return tuple(payloads), at
