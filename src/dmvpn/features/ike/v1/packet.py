"""The payloads of IKEv1: RFC 2408 §3.4 to §3.16, RFC 2407 §4.6, RFC 3947 §3.2 and §5.2, and Cisco's fragments.

Every payload is a frozen dataclass with its `TYPE`, `body()` and `read(octets, offset)`; proposals have a file of their
own. Unknown payloads stay as they came. `body` makes the octets that `read` got.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, ClassVar, Final, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.features.ike import chain
from dmvpn.features.ike.identification import Identification
from dmvpn.features.ike.numbers import IdType
from dmvpn.features.ike.v1.numbers import FIRST_STATUS, Doi, NotifyType, PayloadType, Situation
from dmvpn.features.ike.v1.proposals import Proposal, parse_proposals, serialize_proposals

if TYPE_CHECKING:
    from collections.abc import Callable

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


@dataclass(frozen=True, slots=True)
class SecurityAssociation(chain.Payload):
    """The offers, or the choice. RFC 2408 §3.4, RFC 2407 §4.6.1; only IPsec's DOI and the situation without labels."""

    TYPE: ClassVar = PayloadType.SA
    proposals: tuple[Proposal, ...]

    def body(self) -> bytes:
        return _SA.pack(Doi.IPSEC, Situation.IDENTITY_ONLY) + serialize_proposals(self.proposals)

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, _SA.size, "an SA payload", offset, "RFC 2407 §4.6.1")
        doi, situation = _SA.unpack_from(octets)
        if doi != Doi.IPSEC or situation != Situation.IDENTITY_ONLY:
            raise WireError(f"DOI {doi} with situation {situation}", offset=offset, clause="RFC 2407 §4.2")
        return cls(parse_proposals(octets[_SA.size :], offset + _SA.size))


@dataclass(frozen=True, slots=True)
class KeyExchange(chain.OctetsPayload):
    """A public value; the SA payload says of which group. RFC 2408 §3.7."""

    TYPE: ClassVar = PayloadType.KE


@dataclass(frozen=True, slots=True)
class IdentificationPayload(Identification, chain.Payload):
    """Who the sender is, or in quick mode which packets an SA is for. RFC 2407 §4.6.2.

    protocol, port: of these packets, 0: any.
    """

    TYPE: ClassVar = PayloadType.ID
    protocol: int = 0
    port: int = 0

    def body(self) -> bytes:
        return _ID.pack(self.kind, self.protocol, self.port) + self.data

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, _ID.size, "an identification payload", offset, "RFC 2407 §4.6.2")
        if len(octets) > _ID.size + _LONGEST_IDENTITY:
            raise WireError(f"an identity of {len(octets)} octets", offset=offset, clause="RFC 2407 §4.6.2")
        kind, protocol, port = _ID.unpack_from(octets)
        return cls(kind, octets[_ID.size :], protocol, port)


@dataclass(frozen=True, slots=True)
class Certificate(chain.EncodedPayload):
    """RFC 2408 §3.9. data: X.509 in DER for encoding 4."""

    TYPE: ClassVar = PayloadType.CERT


@dataclass(frozen=True, slots=True)
class CertificateRequest(chain.EncodedPayload):
    """RFC 2408 §3.10. data: the name of an authority in DER."""

    TYPE: ClassVar = PayloadType.CERTREQ


@dataclass(frozen=True, slots=True)
class Hash(chain.OctetsPayload):
    """A proof by a shared secret. RFC 2408 §3.11."""

    TYPE: ClassVar = PayloadType.HASH

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        if not 0 < len(octets) <= _LONGEST_HASH:
            raise WireError(f"a hash of {len(octets)} octets", offset=offset, clause="RFC 2408 §3.11")
        return cls(octets)


@dataclass(frozen=True, slots=True)
class Signature(chain.OctetsPayload):
    """A proof by a private key. RFC 2408 §3.12."""

    TYPE: ClassVar = PayloadType.SIG


@dataclass(frozen=True, slots=True)
class Nonce(chain.NoncePayload):
    """RFC 2408 §3.13, RFC 2409 §5."""

    TYPE: ClassVar = PayloadType.NONCE
    SHORTEST: ClassVar = 8
    CLAUSE: ClassVar = "RFC 2409 §5"


@dataclass(frozen=True, slots=True)
class Notify(chain.Payload):
    """An error or a piece of information. RFC 2408 §3.14. protocol, spi: of the SA; of ISAKMP both cookies, or none."""

    TYPE: ClassVar = PayloadType.NOTIFY
    kind: int
    data: bytes = b""
    protocol: int = 0
    spi: bytes = b""
    doi: int = Doi.IPSEC

    @property
    def is_error(self) -> bool:
        """Whether it says that something failed."""
        return self.kind < FIRST_STATUS

    @property
    def name(self) -> str:
        """As the standard calls it."""
        return chain.name_of(self.kind, NotifyType, "notify")

    def body(self) -> bytes:
        return _NOTIFY.pack(self.doi, self.protocol, len(self.spi), self.kind) + self.spi + self.data

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, _NOTIFY.size, "a notify payload", offset, "RFC 2408 §3.14")
        doi, protocol, size, kind = _NOTIFY.unpack_from(octets)
        start = _NOTIFY.size + size
        chain.cut(octets, start, "the SPI of a notify payload", offset, "RFC 2408 §3.14")
        return cls(kind, octets[start:], protocol, octets[_NOTIFY.size : start], doi)


@dataclass(frozen=True, slots=True)
class Delete(chain.Payload):
    """SAs that the sender has deleted: its inbound SAs of IPsec, or ISAKMP SAs by both cookies. RFC 2408 §3.15."""

    TYPE: ClassVar = PayloadType.DELETE
    protocol: int
    spis: tuple[bytes, ...]
    doi: int = Doi.IPSEC

    def body(self) -> bytes:
        return _NOTIFY.pack(self.doi, self.protocol, len(self.spis[0]), len(self.spis)) + b"".join(self.spis)

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, _NOTIFY.size, "a delete payload", offset, "RFC 2408 §3.15")
        doi, protocol, size, count = _NOTIFY.unpack_from(octets)
        if not size or not count or len(octets) != _NOTIFY.size + size * count:
            raise WireError("a delete payload's length is wrong", offset=offset, clause="RFC 2408 §3.15")
        spis = tuple(octets[at : at + size] for at in range(_NOTIFY.size, len(octets), size))
        return cls(protocol, spis, doi)


@dataclass(frozen=True, slots=True)
class VendorId(chain.OctetsPayload):
    """The sender's program, or an extension that it knows. RFC 2408 §3.16."""

    TYPE: ClassVar = PayloadType.VENDOR_ID


@dataclass(frozen=True, slots=True)
class NatDetection(chain.OctetsPayload):
    """The hash of an address and port. RFC 3947 §3.2."""

    TYPE: ClassVar = PayloadType.NAT_D

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        if not 0 < len(octets) <= _LONGEST_HASH:
            raise WireError(f"a hash of {len(octets)} octets", offset=offset, clause="RFC 3947 §3.2")
        return cls(octets)


@dataclass(frozen=True, slots=True)
class DraftNatDetection(NatDetection):
    """The same with the number of the drafts."""

    TYPE: ClassVar = PayloadType.NAT_D_DRAFT


@dataclass(frozen=True, slots=True)
class OriginalAddress(chain.Payload):
    """An address before translation, for transport mode. RFC 3947 §5.2. kind: IPV4_ADDR or IPV6_ADDR."""

    TYPE: ClassVar = PayloadType.NAT_OA
    kind: int
    address: bytes

    def body(self) -> bytes:
        return _ID.pack(self.kind, 0, 0) + self.address

    @classmethod
    def read(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, _ID.size, "a NAT-OA payload", offset, "RFC 3947 §5.2")
        kind, *reserved = _ID.unpack_from(octets)
        if any(reserved) or len(octets) - _ID.size != _ADDRESS_SIZES.get(kind):
            raise WireError("a NAT-OA payload is not legal", offset=offset, clause="RFC 3947 §5.2")
        return cls(kind, octets[_ID.size :])


@dataclass(frozen=True, slots=True)
class DraftOriginalAddress(OriginalAddress):
    """The same with the number of the drafts."""

    TYPE: ClassVar = PayloadType.NAT_OA_DRAFT


@dataclass(frozen=True, slots=True)
class Fragment(chain.Payload):
    """A part of a message that was too large, always in clear: Cisco's fragmentation, as strongSwan reads it.

    id: equal for all parts of a message.
    number: from 1.
    flags: 1 for the last part.
    """

    TYPE: ClassVar = PayloadType.FRAGMENT
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
    def read(cls, octets: bytes, offset: int) -> Self:
        chain.cut(octets, _FRAGMENT.size + 1, "a fragment", offset, "RFC 2408 §3.2")
        identifier, number, flags = _FRAGMENT.unpack_from(octets)
        if not number:
            raise WireError("a fragment with number 0", offset=offset, clause="RFC 2408 §3.2")
        return cls(identifier, number, flags, octets[_FRAGMENT.size :])


@dataclass(frozen=True, slots=True)
class Unknown(chain.UnknownPayload):
    """A payload that we do not use, such as Mode Configuration's attributes."""


#: How to read each type of payload.
READERS: Final[dict[int, Callable[[bytes, int], chain.Payload]]] = {
    kind.TYPE: kind.read
    for kind in (
        *(SecurityAssociation, KeyExchange, IdentificationPayload, Certificate, CertificateRequest, Hash, Signature),
        *(Nonce, Notify, Delete, VendorId, NatDetection, OriginalAddress),
        *(DraftNatDetection, DraftOriginalAddress, Fragment),
    )
}
