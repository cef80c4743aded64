"""IKEv2 on the wire: its messages, which are a header and a chain of payloads. RFC 7296 §3.1 and §3.2.

    numbers      what IANA assigned
    proposals    what is offered and chosen: transforms with their attributes; traffic selectors
    payloads     the parts of a message

Nothing here knows a key: `crypto` opens what is inside an SK payload, and `sealed` puts fragments together (RFC 7383).

`parse` reads a datagram (without the non-ESP marker of UDP port 4500); what is encrypted stays an `Encrypted` or
`EncryptedFragment` payload. `serialize` makes the same octets again.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.features.ike import chain
from dmvpn.features.ike.chain import (
    GENERIC,
    HEADER,
    HEADER_LENGTH,
    LARGEST_NUMBER_OF_PAYLOADS,
    NO_SPI,
    PayloadChain,
    first_of,
    name_of,
)
from dmvpn.features.ike.v2.numbers import ExchangeType, Flag, NotifyType, PayloadType
from dmvpn.features.ike.v2.packet import CRITICAL, READERS, Encrypted, EncryptedFragment, Notify, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ike.chain import Payload


_VERSION: Final = 0x20
_FLAGS_AT: Final = 19

_HEADER_CLAUSE = "RFC 7296 §3.1"
_CHAIN = "RFC 7296 §3.2"


class UnsupportedVersion(WireError):
    """The message has another major version: the answer is INVALID_MAJOR_VERSION (RFC 7296 §2.5)."""


class UnsupportedCritical(WireError):
    """A payload that must be understood is not: the answer is UNSUPPORTED_CRITICAL_PAYLOAD with its type (§2.5)."""

    def __init__(self, kind: int, *, offset: int) -> None:
        super().__init__(f"critical payload {kind} is unknown", offset=offset, clause="RFC 7296 §2.5")
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The fixed header without the fields that follow from the rest.

    spi_i, spi_r: 8 octets each.
    """

    spi_i: bytes
    spi_r: bytes
    exchange: int
    flags: Flag
    message_id: int

    @property
    def is_response(self) -> bool:
        """Whether it is an answer, not a request."""
        return Flag.RESPONSE in self.flags

    @property
    def from_initiator(self) -> bool:
        """Whether the original initiator of the IKE SA sent it."""
        return Flag.INITIATOR in self.flags

    @property
    def exchange_name(self) -> str:
        """As the standard calls it."""
        return name_of(self.exchange, ExchangeType, "exchange")

    def serialize(self, first: int, length: int) -> bytes:
        """Encode the header, RFC 7296 §3.1. first: type of the first payload; length: octets of the whole message."""
        fields = (self.spi_i, self.spi_r, first, _VERSION, self.exchange, self.flags, self.message_id, length)
        return HEADER.pack(*fields)


@dataclass(frozen=True, slots=True)
class Chain(PayloadChain):
    """Payloads in their order, with questions that exchanges of IKEv2 ask of them."""

    def notify(self, kind: NotifyType) -> Notify | None:
        """Return the first notify of a type."""
        for payload in self.payloads:
            if isinstance(payload, Notify) and payload.kind == kind:
                return payload
        return None

    @property
    def asks_for_eap(self) -> bool:
        """Whether the responder wants the initiator to prove itself with EAP, RFC 7296 §2.16."""
        return any(payload.kind == PayloadType.EAP for payload in self.all(Unknown))

    @property
    def error(self) -> Notify | None:
        """Return the first notify that says that something failed."""
        return next((notify for notify in self.all(Notify) if notify.is_error), None)


@dataclass(frozen=True, slots=True)
class Message(Chain):
    """Header and payloads."""

    header: Header = field(kw_only=True)

    def serialize(self) -> bytes:
        """Encode the message, RFC 7296 §3.1; without the non-ESP marker."""
        body = serialize_chain(self.payloads)
        return self.header.serialize(first_of(self.payloads), HEADER_LENGTH + len(body)) + body

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Decode the message."""
        header, first = parse_header(octets)
        return cls(tuple(parse_chain(first, octets, HEADER_LENGTH)), header=header)


def parse_header(octets: bytes) -> tuple[Header, int]:
    """Read the header alone, and the type of the first payload. Raises WireError, UnsupportedVersion."""
    if len(octets) < HEADER_LENGTH:
        raise WireError("an IKE header is cut off", offset=len(octets), clause=_HEADER_CLAUSE)
    spi_i, spi_r, first, version, exchange, flags, message_id, length = HEADER.unpack_from(octets)
    if version >> 4 != _VERSION >> 4:
        raise UnsupportedVersion(f"IKE version {version >> 4}.{version & 15}", offset=17, clause=_HEADER_CLAUSE)
    if length != len(octets):
        raise WireError(f"{len(octets)} octets where {length} are told", offset=24, clause=_HEADER_CLAUSE)
    if spi_i == NO_SPI and exchange != ExchangeType.INFORMATIONAL:  # that one may say INVALID_SPI, RFC 7296 §1.5
        raise WireError("the initiator's SPI is zero", offset=0, clause=_HEADER_CLAUSE)
    known = Flag(flags & (Flag.INITIATOR | Flag.VERSION | Flag.RESPONSE))
    return Header(spi_i=spi_i, spi_r=spi_r, exchange=exchange, flags=known, message_id=message_id), first


def is_response(octets: bytes) -> bool:
    """Return whether this is an answer, whatever else it is. Answers are never answered."""
    return bool(octets[_FLAGS_AT] & Flag.RESPONSE)


def parse_chain(first: int, octets: bytes, at: int = 0) -> Iterator[Payload]:
    """Read payloads from octet `at` to the end. Raises WireError, UnsupportedCritical."""
    kind, count = first, 0
    while kind != PayloadType.NONE:
        count += 1
        if len(octets) - at < GENERIC.size or count > LARGEST_NUMBER_OF_PAYLOADS:
            raise WireError(f"payload {kind} is cut off", offset=at, clause=_CHAIN)
        following, critical, size = GENERIC.unpack_from(octets, at)
        if size < GENERIC.size or at + size > len(octets):
            raise WireError(f"the length of payload {kind} is wrong", offset=at + 2, clause=_CHAIN)
        start, end = at + GENERIC.size, at + size
        yield _payload(kind, following, octets[start:end], start, critical=bool(critical & CRITICAL))
        at = end
        if kind in (PayloadType.SK, PayloadType.SKF):
            break
        kind = following
    if at != len(octets):
        raise WireError("octets behind the last payload", offset=at, clause=_CHAIN)


def _payload(kind: int, following: int, body: bytes, offset: int, *, critical: bool) -> Payload:
    if kind == PayloadType.SK:
        return Encrypted(following, body)
    if kind == PayloadType.SKF:
        return EncryptedFragment.read_after(following, body, offset)
    if reader := READERS.get(kind):
        return reader(body, offset)
    if critical and kind not in (PayloadType.CP, PayloadType.EAP):
        raise UnsupportedCritical(kind, offset=offset - GENERIC.size)
    return Unknown(kind, body, critical)


def says_invalid_syntax(payloads: tuple[Payload, ...]) -> bool:
    """Return whether a message says nothing else: its sender gives the IKE SA up without a DELETE (§2.21.3)."""
    return len(payloads) == 1 and isinstance(payloads[0], Notify) and payloads[0].kind == NotifyType.INVALID_SYNTAX


def unknown_spi(message: Message) -> int | None:
    """Return the SPI that a message outside of any IKE SA calls unknown; None: it is no such message."""
    if message.header.exchange != ExchangeType.INFORMATIONAL or message.header.is_response:
        return None
    notify = message.notify(NotifyType.INVALID_SPI)
    return int.from_bytes(notify.data, "big") if notify is not None and len(notify.data) == 4 else None


def serialize_chain(payloads: tuple[Payload, ...]) -> bytes:
    """Serialize payloads with their headers; an SK or SKF payload comes last and announces what is inside."""
    last = payloads[-1] if payloads else None
    inside = last.first if isinstance(last, (Encrypted, EncryptedFragment)) else PayloadType.NONE
    return chain.serialize_chain(payloads, inside)
