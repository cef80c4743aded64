"""A list whose entries share packets again and again, as rules of nf_tables: each set says its first entry that fits.

The place of an entry in its list is its rank. A set finds entries that ask for the same fields, so at most one of them
fits, and its rank is compared with the least one so far, which is the packet's mark meanwhile:

    chain list-6 {
        meta mark set (end of the list)
        ip saddr map @list-key-0 . meta mark @list-less meta mark set (that rank)
        ip daddr . th dport map @list-key-1 . meta mark @list-less meta mark set (that rank)         for each shape
        meta mark set 0, (the mark before that) vmap @list-ranks }        verdict and counter of the entry

So it costs one lookup for each shape of entries, however many of each there are and however they alternate. nf_tables
compares no two values of a packet: `less` has the pairs of ranks of which the first one is less, as boxes, one for each
rank. The mark of packets is 0 afterwards.
"""

from __future__ import annotations

import itertools
import struct
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.filters import END_OF_LIST
from dmvpn.dataplane.netlink.expressions import mark_from
from dmvpn.dataplane.netlink.nftables import Compare, Meta, NetfilterVerdict, compare, constant, meta
from dmvpn.dataplane.netlink.sets import (
    FIRST_REGISTER,
    add_elements,
    area_maker,
    areas,
    counted_map,
    is_member,
    lookup,
    maker,
    number_box_maker,
    number_boxes,
    number_maker,
    number_map,
    verdict_data,
)
from dmvpn.dataplane.userspace import filter_matches
from dmvpn.dataplane.userspace.filter_keys import (
    BOX,
    BOX_BEHIND,
    FIELDS,
    FIELDS_BEHIND,
    HashKey,
    Masks,
    box_loads,
    corners,
    masks_of,
    values_of,
)
from dmvpn.dataplane.userspace.filter_pieces import Kind, is_prefix, layers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dmvpn.base.filters import FilterEntry
    from dmvpn.dataplane.userspace.filter_chains import Rules
    from dmvpn.dataplane.userspace.filter_pieces import Piece

#: Lists with more entries have no ranks.
MOST: Final = 0xFFFE
#: Fewer pieces than this are rules or boxes: a set costs as much as some of them.
_WORTH_A_SET: Final = 4
#: Hashes for one chain, each of which costs a lookup: other shapes are boxes.
_HASHES: Final = 24
_RANK = struct.Struct("!H2x")
_PAIR = struct.Struct("!H2xH2x")
_PAIR_FIELDS: Final = (2, 2)
_SECOND: Final = FIRST_REGISTER + 1
#: A register behind the first four ones, which is not in the way of a key.
_SPARE: Final = FIRST_REGISTER + 4


class _Group(NamedTuple):
    """Pieces that are looked up in these chains, behind these matches."""

    places: tuple[str, ...]
    guards: tuple[bytes, ...]


class Ranked:
    """The lookups of a list, before they are rules."""

    def __init__(
        self,
        rules: Rules,
        entries: Sequence[FilterEntry],
        pieces: Iterable[Piece],
        of: Callable[[Piece], tuple[str, ...]],
    ) -> None:
        """pieces: in the order of the entries. of: the chains of the packets that a piece may be about."""
        self._rules = rules
        self._entries = entries
        #: By the bits that they ask for, too; in each by the values of these bits.
        self._hashes: dict[tuple[_Group, Masks], dict[Masks, tuple[Piece, int]]] = defaultdict(dict)
        self._boxes: dict[_Group, list[list[tuple[Piece, int]]]] = {}
        self._alone: list[tuple[Piece, tuple[bytes, ...], int]] = []
        self._of = of
        self._sort(pieces)

    def cost(self) -> int:
        """Return how many lookups and rules the most expensive chain has."""
        costs: dict[str, int] = defaultdict(int)
        boxes = (group for group, found in self._boxes.items() for _ in found)
        groups = (*(group for group, _ in self._hashes), *boxes)
        for places in (*(group.places for group in groups), *(self._of(piece) for piece, _, _ in self._alone)):
            for place in places:
                costs[place] += 1
        return max(costs.values(), default=0)

    def add(
        self, chains: Iterable[str], outcome: Callable[[FilterEntry], tuple[NetfilterVerdict, str]], end: str
    ) -> None:
        """Add the rules to all chains. outcome: what becomes of a packet, and in which chain; end: the last chain."""
        rules, numbers = self._rules, itertools.count()
        less, verdicts = self._less(), self._verdicts(outcome, end)
        last = _RANK.pack(len(self._entries))
        for place in chains:
            rules.rule(place, constant(last), mark_from(1))
        for (group, masks), found in self._hashes.items():
            key = HashKey(masks)
            name = self._hash(next(numbers), key, found)
            self._rule(group, (*key.loads(), lookup(name, FIRST_REGISTER)), less)
        for group, boxes in self._boxes.items():
            for some in boxes:
                behind = some[0][0].kind is Kind.FIRST
                name = self._box_map(next(numbers), some, behind=behind)
                self._rule(group, (*box_loads(behind=behind), lookup(name, FIRST_REGISTER)), less)
        for piece, guards, rank in self._alone:
            self._rule_of(piece, guards, _RANK.pack(rank))
        for place in chains:
            clear = (constant(bytes(4), _SPARE), mark_from(_SPARE))
            rules.rule(place, meta(Meta.MARK, FIRST_REGISTER), *clear, lookup(verdicts))

    # ------------------------------------------------------------------------------------------------ the plan

    def _sort(self, pieces: Iterable[Piece]) -> None:
        ranks: dict[int, int] = {}
        for rank, entry in enumerate(self._entries):
            ranks.setdefault(id(entry), rank)
        every = [(piece, guards, ranks[id(piece.entry)]) for piece, guards in self._guarded(pieces)]
        rest = []
        for piece, guards, rank in every:
            masks = masks_of(piece)
            if masks is None or not any(masks):
                rest.append((piece, guards, rank))
            else:
                found = self._hashes[_Group(self._of(piece), guards), masks]
                found.setdefault(values_of(piece, masks), (piece, rank))
        for group, masks in self._infrequent():
            rest += [(piece, group.guards, rank) for piece, rank in self._hashes.pop((group, masks)).values()]
        self._make_boxes(rest)

    def _guarded(self, pieces: Iterable[Piece]) -> Iterator[tuple[Piece, tuple[bytes, ...]]]:
        """Yield the pieces with their guards, of which thousands have none."""
        for piece in pieces:
            if piece.is_box:
                yield piece, ()
            else:
                for guards in filter_matches.guards(self._rules, piece):
                    yield piece, guards

    def _infrequent(self) -> list[tuple[_Group, Masks]]:
        """Return the hashes that are not worth it."""
        order = sorted(self._hashes, key=lambda key: -len(self._hashes[key]))
        used: dict[str, int] = defaultdict(int)
        found = []
        for group, masks in order:
            size = len(self._hashes[group, masks])
            if size < _WORTH_A_SET or any(used[place] >= _HASHES for place in group.places):
                found.append((group, masks))
            else:
                for place in group.places:
                    used[place] += 1
        return found

    def _make_boxes(self, rest: Sequence[tuple[Piece, tuple[bytes, ...], int]]) -> None:
        by_group: dict[_Group, list[tuple[Piece, int]]] = defaultdict(list)
        for piece, guards, rank in rest:
            if is_prefix(piece.entry.condition):
                by_group[_Group(self._of(piece), guards)].append((piece, rank))
            else:
                self._alone.append((piece, guards, rank))
        for group, found in by_group.items():
            ranks = {id(piece): rank for piece, rank in found}
            for layer in layers([piece for piece, _ in found]):
                some = [(piece, ranks[id(piece)]) for piece in layer]
                if len(some) < _WORTH_A_SET:
                    self._alone += [(piece, group.guards, rank) for piece, rank in some]
                else:
                    self._boxes.setdefault(group, []).append(some)

    # ------------------------------------------------------------------------------------------------ rules

    def _rule(self, group: _Group, found: Sequence[bytes], less: str) -> None:
        """Keep the rank that a lookup finds, if it is the least one so far."""
        kept = (meta(Meta.MARK, _SECOND), is_member(less), mark_from(FIRST_REGISTER))
        for place in group.places:
            self._rules.rule(place, *group.guards, *found, *kept)

    def _rule_of(self, piece: Piece, guards: Sequence[bytes], rank: bytes) -> None:
        kept = (meta(Meta.MARK), compare(Compare.MORE, rank), constant(rank), mark_from(1))
        protocol = piece.entry.condition.protocol
        asked = () if protocol is None or piece.kind is Kind.FIRST else filter_matches.is_protocol(protocol)
        for place in self._of(piece):
            self._rules.rule(place, *asked, *filter_matches.fields(piece), *guards, *kept)

    # ------------------------------------------------------------------------------------------------ sets

    def _hash(self, number: int, key: HashKey, found: dict[Masks, tuple[Piece, int]]) -> str:
        size = len(found)
        name = self._rules.set(
            f"-key-{number}", lambda table, name, place: number_map(table, name, place, key.struct.size, size)
        )
        element, of, packed = number_maker(key.struct), key.of, _RANK.pack
        elements = (element(of(values), packed(rank)) for values, (_, rank) in found.items())
        self._rules.parts += add_elements(self._rules.table, name, elements)
        return name

    def _box_map(self, number: int, found: Sequence[tuple[Piece, int]], *, behind: bool) -> str:
        fields, key = (FIELDS_BEHIND, BOX_BEHIND) if behind else (FIELDS, BOX)
        name = self._rules.set(f"-box-{number}", lambda table, name, place: number_boxes(table, name, place, fields))
        element = number_box_maker(key)
        elements = (element(*corners(piece.box, behind=behind), _RANK.pack(rank)) for piece, rank in found)
        self._rules.parts += add_elements(self._rules.table, name, elements)
        return name

    def _less(self) -> str:
        """Make the set of pairs of ranks of which the first one is less; the end of the list is the last rank."""
        name = self._rules.set("-less", lambda table, name, place: areas(table, name, place, _PAIR_FIELDS))
        element = area_maker(_PAIR)
        elements = (element((low, middle), (middle - 1, high)) for low, middle, high in _halves(len(self._entries)))
        self._rules.parts += add_elements(self._rules.table, name, elements)
        return name

    def _verdicts(self, outcome: Callable[[FilterEntry], tuple[NetfilterVerdict, str]], end: str) -> str:
        """Make the map from ranks to what becomes of their packets."""
        size = len(self._entries) + 1
        name = self._rules.set(
            "-ranks", lambda table, name, place: counted_map(table, name, place, _RANK.size, size), counts=True
        )
        makers: dict[tuple[NetfilterVerdict, str], Callable[[Sequence[int], int], bytes]] = {}
        elements = []
        for rank, entry in enumerate(self._entries):
            result = outcome(entry)
            if result not in makers:
                makers[result] = maker(_RANK, verdict_data(*result))
            elements.append(makers[result]((rank,), entry.sequence))
        elements.append(maker(_RANK, verdict_data(NetfilterVerdict.GOTO, end))((len(self._entries),), END_OF_LIST))
        self._rules.parts += add_elements(self._rules.table, name, elements)
        return name


def _halves(last: int) -> Iterator[tuple[int, int, int]]:
    """Yield the first number, the middle, and the last number of each aligned range that two halves have up to `last`:
    of each pair of numbers, one range has the less in its first half and the other one in its second half.
    """
    size = 2
    while size // 2 <= last:
        for low in range(0, last + 1, size):
            if low + size // 2 <= last:
                yield low, low + size // 2, low + size - 1
        size *= 2
