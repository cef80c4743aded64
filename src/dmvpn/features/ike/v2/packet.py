"""IKEv2 on the wire: its messages, which are a header and a chain of payloads. RFC 7296 §3, RFC 7383 §2.5.

Nothing here knows a key: `crypto` decrypts an SK payload, and `channel` puts fragments together (RFC 7383).

`parse` reads a datagram (without the non-ESP marker of UDP port 4500); encrypted payloads stay an `Encrypted` or
`EncryptedFragment` payload. `serialize` makes the same octets again.

Every payload is a frozen dataclass with its `TYPE`, `body()` and `parse_body(octets, offset)`; the contents of SA and
TS payloads are in `proposals.py`. What we do not know stays as it came (`Unknown`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import field
from typing import ClassVar, Final, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.features.ike import chain
from dmvpn.features.ike.identity import Identification
from dmvpn.features.ike.v2.numbers import FIRST_STATUS, ExchangeType, Flag, NotifyType, PayloadType
from dmvpn.features.ike.v2.proposals import (
    Proposal,
    parse_proposals,
    parse_selectors,
    serialize_proposals,
    serialize_selectors,
)

# ------------------------------------------------------------------------------------------------ payloads


#: Bit of the second octet of a payload's header, RFC 7296 §3.2.
CRITICAL: Final = 0x80
#: Octets; a bound of our own: names are kept, compared and logged.
_LONGEST_IDENTITY = 512


class SecurityAssociation(chain.Payload, Value):
    """The offered proposals, or the one chosen proposal. RFC 7296 §3.3."""

    TYPE: ClassVar = PayloadType.SA
    proposals: tuple[Proposal, ...]

    def body(self) -> bytes:
        return serialize_proposals(self.proposals)

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        return cls(parse_proposals(octets, offset))


class KeyExchange(chain.Payload, Value):
    """A public value of a Diffie-Hellman group. RFC 7296 §3.4."""

    TYPE: ClassVar = PayloadType.KE
    group: int
    data: bytes

    def body(self) -> bytes:
        return struct.pack("!Hxx", self.group) + self.data

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, 4, "a key exchange payload", offset, "RFC 7296 §3.4")
        return cls(int.from_bytes(octets[:2], "big"), octets[4:])


class _IdentificationPayload(Identification, chain.Payload, Value):
    """Who the sender is, or whom it wants to talk to. RFC 7296 §3.5."""

    def body(self) -> bytes:
        return encoded(self)

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, 4, "an identification payload", offset, "RFC 7296 §3.5")
        if len(octets) > 4 + _LONGEST_IDENTITY:
            raise WireError(f"an identity of {len(octets) - 4} octets", offset=offset, clause="RFC 7296 §3.5")
        return cls(octets[0], octets[4:])


def encoded(identity: Identification) -> bytes:
    """Encode an identity, RFC 7296 §3.5; this is also what AUTH signs (§2.15)."""
    return bytes((identity.kind, 0, 0, 0)) + identity.data


class InitiatorId(_IdentificationPayload, Value):
    """IDi."""

    TYPE: ClassVar = PayloadType.IDI


class ResponderId(_IdentificationPayload, Value):
    """IDr."""

    TYPE: ClassVar = PayloadType.IDR


class Certificate(chain.EncodedPayload, Value):
    """RFC 7296 §3.6. data: X.509 in DER for encoding 4."""

    TYPE: ClassVar = PayloadType.CERT


class CertificateRequest(chain.EncodedPayload, Value):
    """RFC 7296 §3.7. data: SHA-1 hashes of the public keys of the authorities that are believed, 20 octets each."""

    TYPE: ClassVar = PayloadType.CERTREQ


class Authentication(chain.Payload, Value):
    """Proof of the sender's identity. RFC 7296 §3.8."""

    TYPE: ClassVar = PayloadType.AUTH
    method: int
    data: bytes

    def body(self) -> bytes:
        return bytes((self.method, 0, 0, 0)) + self.data

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, 4, "an authentication payload", offset, "RFC 7296 §3.8")
        return cls(octets[0], octets[4:])


class Nonce(chain.NoncePayload, Value):
    """RFC 7296 §3.9."""

    TYPE: ClassVar = PayloadType.NONCE
    SHORTEST: ClassVar = 16
    CLAUSE: ClassVar = "RFC 7296 §3.9"


class Notify(chain.Payload, Value):
    """An error or a piece of information. RFC 7296 §3.10. protocol, spi: of the child SA it is about, if of one."""

    TYPE: ClassVar = PayloadType.NOTIFY
    kind: int
    data: bytes = b""
    protocol: int = 0
    spi: bytes = b""

    @property
    def is_error(self) -> bool:
        """Whether it reports an error."""
        return self.kind < FIRST_STATUS

    @property
    def name(self) -> str:
        """As the standard calls it."""
        return chain.name_of(self.kind, NotifyType, "notify")

    def body(self) -> bytes:
        return struct.pack("!BBH", self.protocol, len(self.spi), self.kind) + self.spi + self.data

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, 4, "a notify payload", offset, "RFC 7296 §3.10")
        protocol, size, kind = struct.unpack_from("!BBH", octets)
        chain.cut(octets, 4 + size, "the SPI of a notify payload", offset, "RFC 7296 §3.10")
        return cls(kind, octets[4 + size :], protocol, octets[4 : 4 + size])


class Delete(chain.Payload, Value):
    """SAs that the sender has given up: the IKE SA itself (no SPI), or its inbound child SAs. RFC 7296 §3.11."""

    TYPE: ClassVar = PayloadType.DELETE
    protocol: int
    spis: tuple[bytes, ...] = ()

    def body(self) -> bytes:
        size = len(self.spis[0]) if self.spis else 0
        return struct.pack("!BBH", self.protocol, size, len(self.spis)) + b"".join(self.spis)

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, 4, "a delete payload", offset, "RFC 7296 §3.11")
        protocol, size, count = struct.unpack_from("!BBH", octets)
        if len(octets) != 4 + size * count or (count and not size):
            raise WireError("a delete payload's length is wrong", offset=offset, clause="RFC 7296 §3.11")
        return cls(protocol, tuple(octets[at : at + size] for at in range(4, len(octets), size or 1)))


class VendorId(chain.OctetsPayload, Value):
    """What the sender is. RFC 7296 §3.12."""

    TYPE: ClassVar = PayloadType.VENDOR_ID


class Selectors(chain.Payload, Value):
    """Which packets the child SA is for, at one end. RFC 7296 §3.13."""

    selectors: tuple[chain.TrafficSelector, ...]

    def body(self) -> bytes:
        return serialize_selectors(self.selectors)

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        return cls(parse_selectors(octets, offset))


class InitiatorSelectors(Selectors, Value):
    """TSi."""

    TYPE: ClassVar = PayloadType.TSI


class ResponderSelectors(Selectors, Value):
    """TSr."""

    TYPE: ClassVar = PayloadType.TSR


class Encrypted(chain.Payload, Value):
    """SK, the last payload of a message. RFC 7296 §3.14. first: type of the first payload inside; sealed: IV to ICV."""

    TYPE: ClassVar = PayloadType.SK
    first: int
    sealed: bytes

    def body(self) -> bytes:
        return self.sealed


class EncryptedFragment(chain.Payload, Value):
    """SKF. RFC 7383 §2.5. number: from 1; first: type of the first payload inside, 0 in all but fragment 1."""

    TYPE: ClassVar = PayloadType.SKF
    first: int
    number: int
    total: int
    sealed: bytes

    def body(self) -> bytes:
        return struct.pack("!HH", self.number, self.total) + self.sealed

    @classmethod
    def read_after(cls, first: int, octets: bytes, offset: int) -> Self:
        """Parse a fragment, RFC 7383 §2.5. first: type of the first payload inside. Raises WireError."""
        chain.cut(octets, 4, "a fragment", offset, "RFC 7383 §2.5")
        number, total = struct.unpack_from("!HH", octets)
        if not 1 <= number <= total or (number > 1 and first):
            raise WireError(f"fragment {number} of {total}", offset=offset, clause="RFC 7383 §2.5")
        return cls(first, number, total, octets[4:])


class Unknown(chain.UnknownPayload, Value):
    """A payload that we do not use: Configuration, EAP, or a type newer than this program."""

    critical: bool = False

    @property
    def header_bits(self) -> int:
        return CRITICAL if self.critical else 0


#: How to read the payloads that stand for themselves.
READERS: Final[dict[int, Callable[[bytes, int], chain.Payload]]] = {
    kind.TYPE: kind.parse_body
    for kind in (
        *(SecurityAssociation, KeyExchange, InitiatorId, ResponderId, Certificate, CertificateRequest, Authentication),
        *(Nonce, Notify, Delete, VendorId, InitiatorSelectors, ResponderSelectors),
    )
}


# ------------------------------------------------------------------------------------------------ messages


_VERSION: Final = 0x20
_FLAGS_AT: Final = 19
#: As numbers: each operation on an enum of flags is five calls.
RESPONSE: Final = int(Flag.RESPONSE)
FROM_INITIATOR: Final = int(Flag.INITIATOR)
_KNOWN_FLAGS: Final = int(Flag.INITIATOR | Flag.VERSION | Flag.RESPONSE)

_HEADER_CLAUSE = "RFC 7296 §3.1"
_CHAIN = "RFC 7296 §3.2"


class UnsupportedVersion(WireError):
    """The message has another major version: the answer is INVALID_MAJOR_VERSION (RFC 7296 §2.5)."""


class UnsupportedCritical(WireError):
    """A payload that must be understood is not: the answer is UNSUPPORTED_CRITICAL_PAYLOAD with its type (§2.5)."""

    def __init__(self, kind: int, *, offset: int) -> None:
        super().__init__(f"critical payload {kind} is unknown", offset=offset, clause="RFC 7296 §2.5")
        self.kind = kind


class Header(Value, kw_only=True):
    """The fixed header without the fields that follow from the rest.

    spi_i, spi_r: 8 octets each.
    flags: those of `Flag`.
    """

    spi_i: bytes
    spi_r: bytes
    exchange: int
    flags: int
    message_id: int

    @property
    def is_response(self) -> bool:
        """Whether it is an answer, not a request."""
        return self.flags & RESPONSE != 0

    @property
    def from_initiator(self) -> bool:
        """Whether the original initiator of the IKE SA sent it."""
        return self.flags & FROM_INITIATOR != 0

    @property
    def exchange_name(self) -> str:
        """As the standard calls it."""
        return chain.name_of(self.exchange, ExchangeType, "exchange")

    def serialize(self, first: int, length: int) -> bytes:
        """Encode the header, RFC 7296 §3.1. first: type of the first payload; length: octets of the whole message."""
        fields = (self.spi_i, self.spi_r, first, _VERSION, self.exchange, self.flags, self.message_id, length)
        return chain.HEADER.pack(*fields)


class Chain(chain.PayloadChain, Value):
    """Payloads in their order, with questions that exchanges of IKEv2 ask of them."""

    def notify(self, kind: NotifyType) -> Notify | None:
        """Return the first notify of a type."""
        for payload in self.payloads:
            if type(payload) is Notify and payload.kind == kind:
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


class Message(Chain, Value):
    """Header and payloads."""

    header: Header = field(kw_only=True)

    def serialize(self) -> bytes:
        """Encode the message, RFC 7296 §3.1; without the non-ESP marker."""
        body = serialize_chain(self.payloads)
        return self.header.serialize(chain.first_of(self.payloads), chain.HEADER_LENGTH + len(body)) + body

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Decode the message."""
        header, first = parse_header(octets)
        return cls(parse_chain(first, octets, chain.HEADER_LENGTH), header=header)


def parse_header(octets: bytes) -> tuple[Header, int]:
    """Read the header alone, and the type of the first payload. Raises WireError, UnsupportedVersion."""
    if len(octets) < chain.HEADER_LENGTH:
        raise WireError("an IKE header is cut off", offset=len(octets), clause=_HEADER_CLAUSE)
    spi_i, spi_r, first, version, exchange, flags, message_id, length = chain.HEADER.unpack_from(octets)
    if version >> 4 != _VERSION >> 4:
        raise UnsupportedVersion(f"IKE version {version >> 4}.{version & 15}", offset=17, clause=_HEADER_CLAUSE)
    if length != len(octets):
        raise WireError(f"{len(octets)} octets where {length} are told", offset=24, clause=_HEADER_CLAUSE)
    if spi_i == chain.NO_SPI and exchange != ExchangeType.INFORMATIONAL:  # that one may say INVALID_SPI, RFC 7296 §1.5
        raise WireError("the initiator's SPI is zero", offset=0, clause=_HEADER_CLAUSE)
    flags &= _KNOWN_FLAGS
    return Header(spi_i=spi_i, spi_r=spi_r, exchange=exchange, flags=flags, message_id=message_id), first


def is_response(octets: bytes) -> bool:
    """Return whether this is an answer, whatever else it is. Answers are never answered."""
    return octets[_FLAGS_AT] & RESPONSE != 0


def parse_chain(first: int, octets: bytes, at: int = 0) -> tuple[chain.Payload, ...]:
    """Read payloads from octet `at` to the end. Raises WireError, UnsupportedCritical."""
    payloads: list[chain.Payload] = []
    kind, length = first, len(octets)
    while kind != PayloadType.NONE:
        if length - at < chain.GENERIC.size or len(payloads) >= chain.LARGEST_NUMBER_OF_PAYLOADS:
            raise WireError(f"payload {kind} is cut off", offset=at, clause=_CHAIN)
        following, bits, size = chain.GENERIC.unpack_from(octets, at)
        start, end = at + chain.GENERIC.size, at + size
        if end < start or end > length:
            raise WireError(f"the length of payload {kind} is wrong", offset=at + 2, clause=_CHAIN)
        body = octets[start:end]
        if reader := READERS.get(kind):
            payloads.append(reader(body, start))
        elif kind in (PayloadType.SK, PayloadType.SKF):
            sealed = EncryptedFragment.read_after(following, body, start) if kind == PayloadType.SKF else None
            payloads.append(sealed or Encrypted(following, body))
            at = end
            break
        elif bits & CRITICAL and kind not in (PayloadType.CP, PayloadType.EAP):
            raise UnsupportedCritical(kind, offset=at)
        else:
            payloads.append(Unknown(kind, body, bits & CRITICAL != 0))
        kind, at = following, end
    if at != length:
        raise WireError("octets behind the last payload", offset=at, clause=_CHAIN)
    return tuple(payloads)


def says_invalid_syntax(payloads: tuple[chain.Payload, ...]) -> bool:
    """Return whether INVALID_SYNTAX is the only payload: the sender gives the IKE SA up without a DELETE (§2.21.3)."""
    return len(payloads) == 1 and isinstance(payloads[0], Notify) and payloads[0].kind == NotifyType.INVALID_SYNTAX


def unknown_spi(message: Message) -> int | None:
    """Return the SPI that a message outside of any IKE SA calls unknown; None: it is no such message."""
    if message.header.exchange != ExchangeType.INFORMATIONAL or message.header.is_response:
        return None
    notify = message.notify(NotifyType.INVALID_SPI)
    return int.from_bytes(notify.data, "big") if notify is not None and len(notify.data) == 4 else None


def serialize_chain(payloads: tuple[chain.Payload, ...]) -> bytes:
    """Serialize payloads with their headers; an SK or SKF payload comes last and announces the first payload inside."""
    last = payloads[-1] if payloads else None
    inside = last.first if isinstance(last, (Encrypted, EncryptedFragment)) else PayloadType.NONE
    return chain.serialize_chain(payloads, inside)
