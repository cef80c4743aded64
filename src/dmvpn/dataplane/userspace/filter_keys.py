"""The keys by which sets find pieces of a list: which bits of which fields, in boxes all of them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink.nftables import masked
from dmvpn.dataplane.netlink.sets import FIRST_REGISTER, load
from dmvpn.dataplane.userspace.filter_matches import BEHIND_IP, DESTINATION, IP, PROTOCOL, SOURCE
from dmvpn.dataplane.userspace.filter_pieces import ANY_PROTOCOL, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.dataplane.userspace.filter_pieces import Box, Piece

#: The bits that decide: of protocol, source, destination, and of the two numbers behind IP.
Masks = tuple[int, int, int, int, int]
#: Octets of the fields of boxes: protocol, source, destination; and the two numbers behind IP.
FIELDS: Final = (1, 4, 4)
FIELDS_BEHIND: Final = (*FIELDS, 2, 2)
BOX = struct.Struct("!B3xII")
BOX_BEHIND = struct.Struct("!B3xIIH2xH2x")
_ALL_BITS: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class _Part:
    """A field of a key. code: of `struct`; base, offset, octets: where it is in a packet."""

    code: str
    base: int
    offset: int
    octets: int

    def load(self, field: int, mask: int) -> tuple[bytes, ...]:
        """Return the expressions that load its bits into a field of the key."""
        loaded = load(self.base, self.offset, self.octets, field)
        if mask == (1 << 8 * self.octets) - 1:
            return (loaded,)
        # Four octets, although the field may have fewer: the kernel masks these faster.
        return loaded, masked(mask.to_bytes(self.octets, "big").ljust(4, b"\0"), FIRST_REGISTER + field)


_PARTS: Final = (
    _Part("B3x", IP, PROTOCOL, 1),
    _Part("I", IP, SOURCE, 4),
    _Part("I", IP, DESTINATION, 4),
    _Part("H2x", BEHIND_IP, 0, 2),
    _Part("H2x", BEHIND_IP, 2, 2),
)


class HashKey:
    """The key of a hash of pieces that ask for the same bits."""

    def __init__(self, masks: Masks) -> None:
        self._places = [place for place, mask in enumerate(masks) if mask]
        self._masks = masks
        self.struct = struct.Struct("!" + "".join(_PARTS[place].code for place in self._places))

    def loads(self) -> Iterator[bytes]:
        """Yield the expressions that load the key of a packet."""
        for field, place in enumerate(self._places):
            yield from _PARTS[place].load(field, self._masks[place])

    def of(self, values: Sequence[int]) -> list[int]:
        """Return those of the fields that the key has. values: of all."""
        return [values[place] for place in self._places]


def masks_of(piece: Piece) -> Masks | None:
    """Return the bits that a piece asks for; None: of one of its fields it asks for a range.

    Chains of one protocol need not look at it. Groups of addresses are sets of their own.
    """
    condition, box = piece.entry.condition, piece.box
    first, second = (_mask(numbers) for numbers in (box.first, box.second))
    if first is None or second is None:
        return None
    protocol = 0 if box.protocol == ANY_PROTOCOL or piece.kind is Kind.FIRST else 0xFF
    source = 0 if condition.sources else _ALL_BITS ^ int(condition.source.wildcard)
    destination = 0 if condition.destinations else _ALL_BITS ^ int(condition.destination.wildcard)
    return protocol, source, destination, first, second


def values_of(piece: Piece, masks: Masks) -> Masks:
    """Return the values of these bits."""
    condition, box = piece.entry.condition, piece.box
    ends = int(condition.source.address), int(condition.destination.address)
    protocol, source, destination, first, second = masks
    return (
        box.protocol & protocol,
        ends[0] & source,
        ends[1] & destination,
        box.first[0] & first,
        box.second[0] & second,
    )


def _mask(numbers: tuple[int, int]) -> int | None:
    """Return the bits that all numbers of this range have in common, and no other numbers have."""
    first, last = numbers
    size = last - first + 1
    return 0xFFFF ^ (size - 1) if not size & (size - 1) and not first % size else None


def box_loads(*, behind: bool) -> Iterator[bytes]:
    """Yield the expressions that load the key of boxes. behind: with the numbers behind IP."""
    yield load(IP, PROTOCOL, 1, 0)
    yield load(IP, SOURCE, 8, 1)  # both addresses
    if behind:
        yield load(BEHIND_IP, 0, 2, 3)
        yield load(BEHIND_IP, 2, 2, 4)


def corners(box: Box, *, behind: bool) -> tuple[Sequence[int], Sequence[int]]:
    """Return the first and the last values of a box."""
    lowest, highest = (0, 0xFF) if box.protocol == ANY_PROTOCOL else (box.protocol, box.protocol)
    source, destination = box.source, box.destination
    first: tuple[int, ...] = (lowest, source, destination)
    last: tuple[int, ...] = (
        highest,
        source | _ALL_BITS >> box.source_length,
        destination | _ALL_BITS >> box.destination_length,
    )
    if behind:
        first, last = (*first, box.first[0], box.second[0]), (*last, box.first[1], box.second[1])
    return first, last
