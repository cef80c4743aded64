"""An access list in pieces that a packet filter looks up: which of them may be looked up together.

    Piece     packets of one kind that an entry is about, as a box: a range of values for each field
    layers    the pieces in groups, of which no two pieces have a packet in common: each may be one set

Boxes that might have a packet in common count as if they had one; that costs a layer and no more.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.filters import merged
from dmvpn.base.translation import ICMP, TCP, UDP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.base.filters import Condition, FilterEntry, Ranges
    from dmvpn.base.translation import Addresses

#: `Box.protocol` of all protocols.
ANY_PROTOCOL: Final = -1
WHOLE: Final = (0, 0xFFFF)
#: More kinds of boxes (lengths of their prefixes) than this are told apart by whole octets only.
_SHAPES: Final = 50


class Kind(enum.Enum):
    """Packets with the header behind IP, of TCP, UDP and ICMP; later fragments; all packets."""

    FIRST = "first"
    LATER = "later"
    ALL = "all"


class Box(NamedTuple):
    """Packets. first, second: the values of the two numbers of 16 bits behind the IP header: ports; type and code."""

    protocol: int
    source: int
    source_length: int
    destination: int
    destination_length: int
    first: tuple[int, int] = WHOLE
    second: tuple[int, int] = WHOLE


class Piece(NamedTuple):
    """Packets that an entry is about. is_box: all of the box, else only some of it."""

    entry: FilterEntry
    kind: Kind
    box: Box
    is_box: bool


class UnsuitableEntry(ValueError):
    """An entry asks for a field that packets of its protocol do not have."""


def layers(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return pieces of one chain in groups, of which no two pieces have a packet in common."""
    shapes = {_shape(piece.box) for piece in pieces}  # counted, never iterated
    known = _Index(1 if len(shapes) <= _SHAPES else 8)
    found: list[list[Piece]] = []
    for piece in pieces:
        layer = known.level(piece.box)
        known.add(piece.box, layer + 1)
        if layer == len(found):
            found.append([])
        found[layer].append(piece)
    return found


# ---------------------------------------------------------------------------------------------------- pieces


def pieces_of(entry: FilterEntry) -> Iterator[Piece]:
    """Yield the pieces of an entry. Raises UnsuitableEntry."""
    condition = entry.condition
    _check(entry)
    if condition.ttl is not None and not merged(condition.ttl):
        return
    source, source_length, is_source = _prefix(condition.source)
    destination, destination_length, is_destination = _prefix(condition.destination)
    protocol = ANY_PROTOCOL if condition.protocol is None else condition.protocol
    is_box = is_source and is_destination and not _needs_rule(entry)
    box = Box(protocol, source, source_length, destination, destination_length)
    if not condition.looks_behind_ip:
        yield Piece(entry, Kind.LATER if condition.fragments else Kind.ALL, box, is_box)
        return
    if not condition.fragments:
        is_whole = is_box and condition.flags is None
        for first, second in _behind(condition):
            yield Piece(entry, Kind.FIRST, box._replace(first=first, second=second), is_whole)
    if entry.permit:
        yield Piece(entry, Kind.LATER, box, is_box)


def _check(entry: FilterEntry) -> None:
    condition = entry.condition
    ports = condition.source_ports is not None or condition.destination_ports is not None
    wrong = (
        (ports and condition.protocol not in (TCP, UDP))
        or (condition.icmp is not None and condition.protocol != ICMP)
        or (condition.flags is not None and condition.protocol != TCP)
    )
    if wrong:
        raise UnsuitableEntry(f"entry {entry.sequence}: packets of its protocol do not have what it asks for")


def _needs_rule(entry: FilterEntry) -> bool:
    condition = entry.condition
    if entry.log or entry.log_input or condition.sources or condition.destinations:
        return True
    return any(part is not None for part in (condition.service, condition.ttl, condition.option))


def is_prefix(condition: Condition) -> bool:
    """Return whether its addresses are prefixes, or groups."""
    return _prefix(condition.source)[2] and _prefix(condition.destination)[2]


def _behind(condition: Condition) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    if condition.icmp is not None:
        kind, code = condition.icmp
        yield ((kind << 8, kind << 8 | 0xFF) if code is None else (kind << 8 | code,) * 2), WHOLE
        return
    for first in ports_of(condition.source_ports):
        for second in ports_of(condition.destination_ports):
            yield first, second


def ports_of(ranges: Ranges | None) -> Ranges:
    """Return ranges of ports; None: one with all of them."""
    return (WHOLE,) if ranges is None else merged(ranges)


def _prefix(addresses: Addresses) -> tuple[int, int, bool]:
    """Return a prefix that has all of the addresses, and whether it has no other ones."""
    wildcard = int(addresses.wildcard)
    length = 32 - wildcard.bit_length()
    return int(addresses.address) >> (32 - length) << (32 - length), length, not wildcard & (wildcard + 1)


# ---------------------------------------------------------------------------------------------------- levels


_Shape = tuple[int, int, int]


def _shape(box: Box) -> _Shape:
    return (box.protocol != ANY_PROTOCOL, box.source_length, box.destination_length)


class _Index:
    """Finds the last layer of boxes that may have a packet in common with another one, whatever their ports."""

    def __init__(self, step: int) -> None:
        """step: prefixes are compared by multiples of so many bits."""
        self._step = step
        self._boxes: dict[_Shape, list[tuple[Box, int]]] = {}
        #: By shape, and by what of its boxes another shape can tell apart.
        self._seen: dict[_Shape, dict[_Shape, dict[object, int]]] = {}

    def level(self, box: Box) -> int:
        """Return the number of layers up to the last box that may have a packet in common with this one."""
        return max((self._level(shape, box) for shape in self._boxes), default=0)

    def add(self, box: Box, level: int) -> None:
        """Take in a box; level: the number of layers up to its own."""
        shape = self._shape(box)
        self._boxes.setdefault(shape, []).append((box, level))
        for common, seen in self._seen.setdefault(shape, {}).items():
            _raise(seen, _key(box, common), level)

    def _level(self, shape: _Shape, box: Box) -> int:
        own = self._shape(box)
        common = (min(shape[0], own[0]), min(shape[1], own[1]), min(shape[2], own[2]))
        seen = self._seen[shape].get(common)
        if seen is None:
            seen = self._seen[shape][common] = {}
            for other, level in self._boxes[shape]:
                _raise(seen, _key(other, common), level)
        return seen.get(_key(box, common), 0)

    def _shape(self, box: Box) -> _Shape:
        exact, source, destination = _shape(box)
        return exact, source - source % self._step, destination - destination % self._step


def _raise(seen: dict[object, int], key: object, level: int) -> None:
    seen[key] = max(level, seen.get(key, 0))


def _key(box: Box, shape: _Shape) -> object:
    exact, source, destination = shape
    return (box.protocol if exact else ANY_PROTOCOL, box.source >> (32 - source), box.destination >> (32 - destination))
