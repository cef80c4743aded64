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
#: Fewer pieces than this are rules: a lookup in a set of boxes costs as much as some thirty of them.
WORTH_BOXES: Final = 32
#: Fields of a set of boxes, at least.
_LEAST: Final = 2
_ALL_BITS: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class _Part:
    """A field of a key. code: of `struct`; base, offset, octets: where it is in a packet."""

    code: str
    base: int
    offset: int
    octets: int

    @property
    def whole(self) -> tuple[int, int]:
        """The first and the last value."""
        return 0, (1 << 8 * self.octets) - 1

    def load(self, field: int, mask: int) -> tuple[bytes, ...]:
        """Return the expressions that load its bits into a field of the key."""
        loaded = load(self.base, self.offset, self.octets, field)
        if mask == self.whole[1]:
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


class BoxKey:
    """The key of a set of boxes: the fields in which some of the pieces ask for something.

    The kernel notes all boxes that fit the first field, then those of them that fit the next one: so the field in which
    most boxes differ is the first. A field that all boxes have in common would cost as much as there are boxes.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        ranges = [_ranges(piece.box) for piece in pieces]
        different = [len({box[place] for box in ranges}) for place in range(len(_PARTS))]  # counted, never iterated
        asked = [place for place, part in enumerate(_PARTS) if any(box[place] != part.whole for box in ranges)]
        asked.sort(key=lambda place: -different[place])
        # The kernel's boxes have two fields at least; later fragments have no numbers behind IP.
        asked += [place for place in range(_LEAST) if place not in asked][: max(0, _LEAST - len(asked))]
        self._places = asked
        self.fields = tuple(_PARTS[place].octets for place in asked)
        self.struct = struct.Struct("!" + "".join(_PARTS[place].code for place in asked))

    def loads(self) -> Iterator[bytes]:
        """Yield the expressions that load the key of a packet."""
        for field, place in enumerate(self._places):
            yield from _PARTS[place].load(field, _PARTS[place].whole[1])

    def of(self, box: Box) -> tuple[list[int], list[int]]:
        """Return the first and the last values of a box."""
        ranges = _ranges(box)
        return [ranges[place][0] for place in self._places], [ranges[place][1] for place in self._places]


def _ranges(box: Box) -> tuple[tuple[int, int], ...]:
    """Return the first and the last value of each field."""
    protocol = (0, 0xFF) if box.protocol == ANY_PROTOCOL else (box.protocol, box.protocol)
    source = box.source, box.source | _ALL_BITS >> box.source_length
    destination = box.destination, box.destination | _ALL_BITS >> box.destination_length
    return protocol, source, destination, box.first, box.second
