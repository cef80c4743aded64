"""The SA payload: proposals and their transforms, RFC 7296 §3.3.

A proposal offers, for each type of transform, a list of which the other side takes one. Attributes that we do not know
are kept: a transform with one of them is not acceptable, but not an error either (§3.3.6).

Traffic selectors say which packets a child SA is for (§3.13).
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from dmvpn.base.errors import WireError
from dmvpn.features.ike.chain import TrafficSelector
from dmvpn.features.ike.numbers import Encr, Esn, Group, Integ, Prf, TransformType
from dmvpn.features.ike.v2.numbers import SelectorType
from dmvpn.net.ipv4 import ip_address

#: More than honest offers have: what a stranger can make us compare is bounded by them.
LARGEST_NUMBER_OF_PROPOSALS: Final = 32
LARGEST_NUMBER_OF_TRANSFORMS: Final = 512
#: Key Length, the only attribute that RFC 7296 §3.3.5 defines; it has the short form.
KEY_LENGTH: Final = 14
_SHORT: Final = 0x8000
_PROPOSALS = "RFC 7296 §3.3"
_TRANSFORMS = "RFC 7296 §3.3.2"
_ATTRIBUTES = "RFC 7296 §3.3.5"

_SUBSTRUCTURE = struct.Struct("!BxHBBBB")
_TRANSFORM = struct.Struct("!BxHBxH")
_ATTRIBUTE = struct.Struct("!HH")
_LAST, _MORE_PROPOSALS, _MORE_TRANSFORMS = 0, 2, 3

_NAMES: dict[int, type[Encr | Prf | Integ | Group | Esn]] = {
    TransformType.ENCR: Encr,
    TransformType.PRF: Prf,
    TransformType.INTEG: Integ,
    TransformType.KE: Group,
    TransformType.ESN: Esn,
}


class Transform(NamedTuple):
    """One algorithm.

    key_length: bits, 0 where the algorithm has one size.
    others: unknown attributes, as they came.
    """

    type: int
    id: int
    key_length: int = 0
    others: tuple[tuple[int, bytes], ...] = ()

    def __str__(self) -> str:
        kind = _NAMES.get(self.type)
        try:
            name = kind(self.id).name if kind else str(self.id)
        except ValueError:
            name = str(self.id)
        return f"{name}_{self.key_length}" if self.key_length else name

    def serialize(self, *, last: bool) -> bytes:
        attributes = _ATTRIBUTE.pack(_SHORT | KEY_LENGTH, self.key_length) if self.key_length else b""
        for number, value in self.others:
            long = not number & _SHORT
            attributes += number.to_bytes(2, "big") + (len(value).to_bytes(2, "big") if long else b"") + value
        size = _TRANSFORM.size + len(attributes)
        return _TRANSFORM.pack(_LAST if last else _MORE_TRANSFORMS, size, self.type, self.id) + attributes


class Proposal(NamedTuple):
    """One offer.

    number: from 1.
    spi: of the sender, 4 octets for ESP, 8 for an IKE SA that is rekeyed, else none.
    """

    number: int
    protocol: int
    spi: bytes
    transforms: tuple[Transform, ...]

    def __str__(self) -> str:
        return "/".join(str(transform) for transform in self.transforms)

    def serialize(self, *, last: bool) -> bytes:
        count = len(self.transforms)
        body = self.spi + b"".join(
            [transform.serialize(last=index == count) for index, transform in enumerate(self.transforms, 1)]
        )
        size = _SUBSTRUCTURE.size + len(body)
        more = _LAST if last else _MORE_PROPOSALS
        return _SUBSTRUCTURE.pack(more, size, self.number, self.protocol, len(self.spi), count) + body


def serialize_proposals(proposals: tuple[Proposal, ...]) -> bytes:
    """Return the body of an SA payload."""
    return b"".join([proposal.serialize(last=proposal is proposals[-1]) for proposal in proposals])


def parse_proposals(octets: bytes, offset: int) -> tuple[Proposal, ...]:
    """Read the body of an SA payload. Raises WireError.

    offset: of the body in the message.
    """
    proposals: list[Proposal] = []
    at = total = 0
    while at < len(octets):
        if len(octets) - at < _SUBSTRUCTURE.size:
            raise WireError("a proposal is cut off", offset=offset + at, clause=_PROPOSALS)
        more, size, number, protocol, spi_size, count = _SUBSTRUCTURE.unpack_from(octets, at)
        start, end = at + _SUBSTRUCTURE.size + spi_size, at + size
        if start > end or end > len(octets):
            raise WireError("a proposal's length is wrong", offset=offset + at + 2, clause=_PROPOSALS)
        if (more == _LAST) != (end == len(octets)):
            raise WireError("the last proposal is not marked as the last", offset=offset + at, clause=_PROPOSALS)
        spi = octets[start - spi_size : start]
        total += count
        if len(proposals) >= LARGEST_NUMBER_OF_PROPOSALS or total > LARGEST_NUMBER_OF_TRANSFORMS:
            raise WireError("more proposals or transforms than we compare", offset=offset + at, clause=_PROPOSALS)
        transforms = _parse_transforms(octets[start:end], count, offset + start)
        proposals.append(Proposal(number, protocol, spi, transforms))
        at = end
    if not proposals:
        raise WireError("an SA payload without a proposal", offset=offset, clause=_PROPOSALS)
    return tuple(proposals)


def _parse_transforms(octets: bytes, count: int, offset: int) -> tuple[Transform, ...]:
    transforms: list[Transform] = []
    at = 0
    while at < len(octets):
        if len(octets) - at < _TRANSFORM.size:
            raise WireError("a transform is cut off", offset=offset + at, clause=_TRANSFORMS)
        _, size, kind, identifier = _TRANSFORM.unpack_from(octets, at)
        if size < _TRANSFORM.size or at + size > len(octets):
            raise WireError("a transform's length is wrong", offset=offset + at + 2, clause=_TRANSFORMS)
        start, at = at + _TRANSFORM.size, at + size
        key_length, others = _parse_attributes(octets[start:at], offset + start) if start < at else (0, ())
        transforms.append(Transform(kind, identifier, key_length, others))
    if len(transforms) != count:
        raise WireError(f"{len(transforms)} transforms where {count} are told", offset=offset, clause=_PROPOSALS)
    return tuple(transforms)


def _parse_attributes(octets: bytes, offset: int) -> tuple[int, tuple[tuple[int, bytes], ...]]:
    key_length, others, at = 0, [], 0
    while at < len(octets):
        if len(octets) - at < _ATTRIBUTE.size:
            raise WireError("an attribute is cut off", offset=offset + at, clause=_ATTRIBUTES)
        number, value = _ATTRIBUTE.unpack_from(octets, at)
        at += _ATTRIBUTE.size
        if number == _SHORT | KEY_LENGTH and value and not key_length:
            key_length = value
        elif number & _SHORT:
            others.append((number, value.to_bytes(2, "big")))
        elif at + value <= len(octets):
            others.append((number, octets[at : at + value]))
            at += value
        else:
            raise WireError("an attribute's length is wrong", offset=offset + at - 2, clause=_ATTRIBUTES)
    return key_length, tuple(others)


# ---------------------------------------------------------------------------------------------------- traffic selectors


_HEADER = struct.Struct("!BBHHH")
_COUNT = 4
_CLAUSE = "RFC 7296 §3.13"
_ADDRESS_LENGTH: dict[int, int] = {SelectorType.IPV4_RANGE: 4, SelectorType.IPV6_RANGE: 16}


def serialize_selectors(selectors: tuple[TrafficSelector, ...]) -> bytes:
    """Return the body of a TSi or TSr payload."""
    return bytes((len(selectors), 0, 0, 0)) + b"".join(map(_serialize_selector, selectors))


def _serialize_selector(selector: TrafficSelector) -> bytes:
    kind = SelectorType.IPV4_RANGE if selector.first.version == 4 else SelectorType.IPV6_RANGE
    addresses = selector.first.packed + selector.last.packed
    return _HEADER.pack(kind, selector.protocol, _HEADER.size + len(addresses), *selector.ports) + addresses


def parse_selectors(octets: bytes, offset: int) -> tuple[TrafficSelector, ...]:
    """Read the body of a TSi or TSr payload; selectors of unknown types are left out. Raises WireError."""
    if len(octets) < _COUNT:
        raise WireError("a traffic selector payload is cut off", offset=offset, clause=_CLAUSE)
    selectors, at = [], _COUNT
    for _ in range(octets[0]):
        if len(octets) - at < _HEADER.size:
            raise WireError("a traffic selector is cut off", offset=offset + at, clause=_CLAUSE)
        kind, protocol, size, low, high = _HEADER.unpack_from(octets, at)
        if size < _HEADER.size or at + size > len(octets):
            raise WireError("a traffic selector's length is wrong", offset=offset + at + 2, clause=_CLAUSE)
        if kind in _ADDRESS_LENGTH:
            length = _ADDRESS_LENGTH[kind]
            if size != _HEADER.size + 2 * length:
                raise WireError("a traffic selector's length is wrong", offset=offset + at + 2, clause=_CLAUSE)
            middle = at + _HEADER.size + length
            first, last = octets[middle - length : middle], octets[middle : middle + length]
            selectors.append(TrafficSelector(ip_address(first), ip_address(last), protocol, (low, high)))
        at += size
    if at != len(octets):
        raise WireError("octets behind the last traffic selector", offset=offset + at, clause=_CLAUSE)
    return tuple(selectors)
