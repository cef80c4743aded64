"""The proposals of an SA payload, their transforms, and the attributes of these: RFC 2408 §3.3, §3.5 and §3.6.

A transform is a whole suite, and the responder takes one transform of one proposal. What the attributes mean depends
on the protocol; here they are numbers and octets. A proposal that was read is written again as the same octets, because
both ends prove that they saw the same SA payload.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple, Self

from dmvpn.base.errors import WireError
from dmvpn.features.ike.chain import GENERIC, cut

#: More than honest offers have: what a stranger can make us compare is bounded by them.
LARGEST_NUMBER_OF_PROPOSALS: Final = 32
LARGEST_NUMBER_OF_TRANSFORMS: Final = 512
LARGEST_NUMBER_OF_ATTRIBUTES: Final = 32
#: Octets: the prime of a group of 8192 bits.
LONGEST_ATTRIBUTE: Final = 1024
_SHORT: Final = 0x8000
_LARGEST_SHORT: Final = 0xFFFF
_ATTRIBUTES = "RFC 2408 §3.3"
_PROPOSALS = "RFC 2408 §3.5"
_TRANSFORMS = "RFC 2408 §3.6"

#: Next payload, reserved, length; then number, protocol, SPI size, number of transforms.
_PROPOSAL = struct.Struct("!BBHBBBB")
#: Next payload, reserved, length; then number, identifier, reserved.
_TRANSFORM = struct.Struct("!BBHBBH")
_ATTRIBUTE = struct.Struct("!HH")
_LAST, _MORE_PROPOSALS, _MORE_TRANSFORMS = 0, 2, 3


class Attribute(NamedTuple):
    """An attribute of a transform.

    octets: its value.
    is_short: it has the form with 2 octets instead of a length.
    """

    kind: int
    octets: bytes
    is_short: bool = True

    @classmethod
    def of(cls, kind: int, value: int) -> Self:
        """Return an attribute with a number: short if it fits, else of 4 octets."""
        if value <= _LARGEST_SHORT:
            return cls(kind, value.to_bytes(2, "big"))
        return cls(kind, value.to_bytes(4, "big"), is_short=False)

    @property
    def value(self) -> int:
        """The value as a number."""
        return int.from_bytes(self.octets, "big")

    def serialize(self) -> bytes:
        """Encode the attribute, RFC 2408 §3.3."""
        if self.is_short:
            return (_SHORT | self.kind).to_bytes(2, "big") + self.octets
        return _ATTRIBUTE.pack(self.kind, len(self.octets)) + self.octets


class Transform(NamedTuple):
    """One suite.

    number: in its proposal, from 1.
    id: KEY_IKE, or a cipher of ESP.
    """

    number: int
    id: int
    attributes: tuple[Attribute, ...] = ()

    def serialize(self, *, last: bool) -> bytes:
        """Encode the transform, RFC 2408 §3.6."""
        attributes = b"".join([attribute.serialize() for attribute in self.attributes])
        size = _TRANSFORM.size + len(attributes)
        return _TRANSFORM.pack(_LAST if last else _MORE_TRANSFORMS, 0, size, self.number, self.id, 0) + attributes


class Proposal(NamedTuple):
    """One offer. Proposals with the same number are wanted together (AH and ESP, or with compression).

    spi: of the sender, 4 octets for ESP; of ISAKMP it means nothing.
    """

    number: int
    protocol: int
    spi: bytes
    transforms: tuple[Transform, ...]

    def serialize(self, *, last: bool) -> bytes:
        """Encode the proposal, RFC 2408 §3.5."""
        count = len(self.transforms)
        body = self.spi + b"".join(
            [transform.serialize(last=index == count) for index, transform in enumerate(self.transforms, 1)]
        )
        more, size = _LAST if last else _MORE_PROPOSALS, _PROPOSAL.size + len(body)
        return _PROPOSAL.pack(more, 0, size, self.number, self.protocol, len(self.spi), count) + body


def serialize_proposals(proposals: tuple[Proposal, ...]) -> bytes:
    """Return what follows the situation in an SA payload."""
    count = len(proposals)
    return b"".join([proposal.serialize(last=index == count) for index, proposal in enumerate(proposals, 1)])


def parse_proposals(octets: bytes, offset: int) -> tuple[Proposal, ...]:
    """Read what follows the situation in an SA payload. Raises WireError.

    offset: of the octets in the message.
    """
    proposals: list[Proposal] = []
    at = total = 0
    while at < len(octets):
        end = _end(octets, at, (_PROPOSAL.size, _MORE_PROPOSALS), offset, _PROPOSALS)
        *_, number, protocol, spi_size, count = _PROPOSAL.unpack_from(octets, at)
        start = at + _PROPOSAL.size + spi_size
        if start > end:
            raise WireError("the SPI of a proposal is cut off", offset=offset + at, clause=_PROPOSALS)
        total += count
        if len(proposals) >= LARGEST_NUMBER_OF_PROPOSALS or total > LARGEST_NUMBER_OF_TRANSFORMS:
            raise WireError("more proposals or transforms than we compare", offset=offset + at, clause=_PROPOSALS)
        transforms = _parse_transforms(octets[start:end], count, offset + start)
        proposals.append(Proposal(number, protocol, octets[start - spi_size : start], transforms))
        at = end
    if not proposals:
        raise WireError("an SA payload without a proposal", offset=offset, clause=_PROPOSALS)
    return tuple(proposals)


def _parse_transforms(octets: bytes, count: int, offset: int) -> tuple[Transform, ...]:
    transforms: list[Transform] = []
    at = 0
    while at < len(octets):
        end = _end(octets, at, (_TRANSFORM.size, _MORE_TRANSFORMS), offset, _TRANSFORMS)
        *_, number, identifier, reserved = _TRANSFORM.unpack_from(octets, at)
        start = at + _TRANSFORM.size
        if reserved:
            raise WireError("reserved octets of a transform are set", offset=offset + start - 2, clause=_TRANSFORMS)
        transforms.append(Transform(number, identifier, parse_attributes(octets[start:end], offset + start)))
        at = end
    if len(transforms) != count or not transforms:
        raise WireError(f"{len(transforms)} transforms, not {count}", offset=offset, clause=_PROPOSALS)
    return tuple(transforms)


def _end(octets: bytes, at: int, fixed: tuple[int, int], offset: int, clause: str) -> int:
    """Check the generic header of a proposal or transform, and return where the next one begins. Raises WireError.

    fixed: octets of the fixed part, and the type that announces another one.
    """
    least, another = fixed
    cut(octets[at:], least, "a proposal or transform", offset + at, clause)
    more, reserved, size = GENERIC.unpack_from(octets, at)
    end: int = at + size
    if size < least or end > len(octets):
        raise WireError("the length of a proposal or transform is wrong", offset=offset + at + 2, clause=clause)
    if reserved or more != (_LAST if end == len(octets) else another):
        raise WireError("a proposal or transform is followed by another type", offset=offset + at, clause=clause)
    return end


def parse_attributes(octets: bytes, offset: int = 0) -> tuple[Attribute, ...]:
    """Read the attributes of a transform, or of a notification about a lifetime. Raises WireError."""
    attributes: list[Attribute] = []
    at = 0
    length = len(octets)
    while at < length:
        if at + _ATTRIBUTE.size > length:
            raise WireError("an attribute is cut off", offset=offset + at, clause=_ATTRIBUTES)
        kind, size = _ATTRIBUTE.unpack_from(octets, at)
        start = at + _ATTRIBUTE.size
        if kind & _SHORT:
            attributes.append(Attribute(kind & ~_SHORT, octets[start - 2 : start]))
        elif size > LONGEST_ATTRIBUTE or start + size > length:
            raise WireError("an attribute's length is wrong", offset=offset + at + 2, clause=_ATTRIBUTES)
        else:
            attributes.append(Attribute(kind, octets[start : start + size], is_short=False))
            start += size
        at = start
        if len(attributes) > LARGEST_NUMBER_OF_ATTRIBUTES:
            raise WireError("more attributes than a transform has", offset=offset + at, clause=_ATTRIBUTES)
    return tuple(attributes)
