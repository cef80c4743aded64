"""The payloads of IKEv2: RFC 7296 §3.3 to §3.16, RFC 7383 §2.5.

Every payload is a frozen dataclass with its `TYPE`, `body()` and `read(octets, offset)`; what is inside SA and TS
payloads has files of its own. What we do not know stays as it came (`Unknown`).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, ClassVar, Final, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.features.ike import chain
from dmvpn.features.ike.identification import Identification
from dmvpn.features.ike.v2.numbers import FIRST_STATUS, NotifyType, PayloadType
from dmvpn.features.ike.v2.proposals import (
    Proposal,
    parse_proposals,
    parse_selectors,
    serialize_proposals,
    serialize_selectors,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.features.ike.selectors import TrafficSelector

#: Bit of the second octet of a payload's header, RFC 7296 §3.2.
CRITICAL: Final = 0x80
#: Octets; a bound of our own: names are kept, compared and logged.
_LONGEST_IDENTITY = 512


@dataclass(frozen=True, slots=True)
class SecurityAssociation(chain.Payload):
    """What is offered, or the one proposal that was chosen. RFC 7296 §3.3."""

    TYPE: ClassVar = PayloadType.SA
    proposals: tuple[Proposal, ...]

    def body(self) -> bytes:
        return serialize_proposals(self.proposals)

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        return cls(parse_proposals(octets, offset))


@dataclass(frozen=True, slots=True)
class KeyExchange(chain.Payload):
    """A public value of a Diffie-Hellman group. RFC 7296 §3.4."""

    TYPE: ClassVar = PayloadType.KE
    group: int
    data: bytes

    def body(self) -> bytes:
        return struct.pack("!Hxx", self.group) + self.data

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, 4, "a key exchange payload", offset, "RFC 7296 §3.4")
        return cls(int.from_bytes(octets[:2], "big"), octets[4:])


@dataclass(frozen=True, slots=True)
class _IdentificationPayload(Identification, chain.Payload):
    """Who the sender is, or whom it wants to talk to. RFC 7296 §3.5."""

    def body(self) -> bytes:
        return encoded(self)

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, 4, "an identification payload", offset, "RFC 7296 §3.5")
        if len(octets) > 4 + _LONGEST_IDENTITY:
            raise WireError(f"an identity of {len(octets) - 4} octets", offset=offset, clause="RFC 7296 §3.5")
        return cls(octets[0], octets[4:])


def encoded(identity: Identification) -> bytes:
    """Encode an identity, RFC 7296 §3.5; this is also what AUTH signs (§2.15)."""
    return bytes((identity.kind, 0, 0, 0)) + identity.data


@dataclass(frozen=True, slots=True)
class InitiatorId(_IdentificationPayload):
    """IDi."""

    TYPE: ClassVar = PayloadType.IDI


@dataclass(frozen=True, slots=True)
class ResponderId(_IdentificationPayload):
    """IDr."""

    TYPE: ClassVar = PayloadType.IDR


@dataclass(frozen=True, slots=True)
class Certificate(chain.EncodedPayload):
    """RFC 7296 §3.6. data: X.509 in DER for encoding 4."""

    TYPE: ClassVar = PayloadType.CERT


@dataclass(frozen=True, slots=True)
class CertificateRequest(chain.EncodedPayload):
    """RFC 7296 §3.7. data: SHA-1 hashes of the public keys of the authorities that are believed, 20 octets each."""

    TYPE: ClassVar = PayloadType.CERTREQ


@dataclass(frozen=True, slots=True)
class Authentication(chain.Payload):
    """Proof of the sender's identity. RFC 7296 §3.8."""

    TYPE: ClassVar = PayloadType.AUTH
    method: int
    data: bytes

    def body(self) -> bytes:
        return bytes((self.method, 0, 0, 0)) + self.data

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, 4, "an authentication payload", offset, "RFC 7296 §3.8")
        return cls(octets[0], octets[4:])


@dataclass(frozen=True, slots=True)
class Nonce(chain.NoncePayload):
    """RFC 7296 §3.9."""

    TYPE: ClassVar = PayloadType.NONCE
    SHORTEST: ClassVar = 16
    CLAUSE: ClassVar = "RFC 7296 §3.9"


@dataclass(frozen=True, slots=True)
class Notify(chain.Payload):
    """An error or a piece of information. RFC 7296 §3.10. protocol, spi: of the child SA it is about, if of one."""

    TYPE: ClassVar = PayloadType.NOTIFY
    kind: int
    data: bytes = b""
    protocol: int = 0
    spi: bytes = b""

    @property
    def is_error(self) -> bool:
        """Does it say that something failed?"""
        return self.kind < FIRST_STATUS

    @property
    def name(self) -> str:
        """As the standard calls it."""
        return chain.name_of(self.kind, NotifyType, "notify")

    def body(self) -> bytes:
        return struct.pack("!BBH", self.protocol, len(self.spi), self.kind) + self.spi + self.data

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, 4, "a notify payload", offset, "RFC 7296 §3.10")
        protocol, size, kind = struct.unpack_from("!BBH", octets)
        chain.cut(octets, 4 + size, "the SPI of a notify payload", offset, "RFC 7296 §3.10")
        return cls(kind, octets[4 + size :], protocol, octets[4 : 4 + size])


@dataclass(frozen=True, slots=True)
class Delete(chain.Payload):
    """SAs that the sender has given up: the IKE SA itself (no SPI), or its inbound child SAs. RFC 7296 §3.11."""

    TYPE: ClassVar = PayloadType.DELETE
    protocol: int
    spis: tuple[bytes, ...] = ()

    def body(self) -> bytes:
        size = len(self.spis[0]) if self.spis else 0
        return struct.pack("!BBH", self.protocol, size, len(self.spis)) + b"".join(self.spis)

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, 4, "a delete payload", offset, "RFC 7296 §3.11")
        protocol, size, count = struct.unpack_from("!BBH", octets)
        if len(octets) != 4 + size * count or (count and not size):
            raise WireError("a delete payload's length is wrong", offset=offset, clause="RFC 7296 §3.11")
        return cls(protocol, tuple(octets[at : at + size] for at in range(4, len(octets), size or 1)))


@dataclass(frozen=True, slots=True)
class VendorId(chain.OctetsPayload):
    """What the sender is. RFC 7296 §3.12."""

    TYPE: ClassVar = PayloadType.VENDOR_ID


@dataclass(frozen=True, slots=True)
class Selectors(chain.Payload):
    """Which packets the child SA is for, at one end. RFC 7296 §3.13."""

    selectors: tuple[TrafficSelector, ...]

    def body(self) -> bytes:
        return serialize_selectors(self.selectors)

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        return cls(parse_selectors(octets, offset))


@dataclass(frozen=True, slots=True)
class InitiatorSelectors(Selectors):
    """TSi."""

    TYPE: ClassVar = PayloadType.TSI


@dataclass(frozen=True, slots=True)
class ResponderSelectors(Selectors):
    """TSr."""

    TYPE: ClassVar = PayloadType.TSR


@dataclass(frozen=True, slots=True)
class Encrypted(chain.Payload):
    """SK, the last payload of a message. RFC 7296 §3.14. first: type of the first payload inside; sealed: IV to ICV."""

    TYPE: ClassVar = PayloadType.SK
    first: int
    sealed: bytes

    def body(self) -> bytes:
        return self.sealed


@dataclass(frozen=True, slots=True)
class EncryptedFragment(chain.Payload):
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


@dataclass(frozen=True, slots=True)
class Unknown(chain.UnknownPayload):
    """A payload that we do not use: Configuration, EAP, or one that is newer than we are."""

    critical: bool = False

    @property
    def header_bits(self) -> int:
        return CRITICAL if self.critical else 0


#: How to read the payloads that stand for themselves.
READERS: Final[dict[int, Callable[[bytes, int], chain.Payload]]] = {
    kind.TYPE: kind.read
    for kind in (
        *(SecurityAssociation, KeyExchange, InitiatorId, ResponderId, Certificate, CertificateRequest, Authentication),
        *(Nonce, Notify, Delete, VendorId, InitiatorSelectors, ResponderSelectors),
    )
}
