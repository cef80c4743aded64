"""The entries of a list as rules of nf_tables: each set says its first entry that fits, what no set can have is a rule.

The place of an entry in its list is its rank. A set finds entries that ask for the same fields, so at most one of them
fits. Its rank becomes the packet's mark, and is compared with the ranks that the other sets find:

    chain list-6 {                                                                  a rule for each shape of entries:
        ip saddr map @list-key-0 meta mark set (that rank) goto list-6-1
        ip daddr . th dport map @list-key-1 meta mark set (that rank) goto list-found
        (what no set can look up) counter return
        counter return }                                      no set has it: the entry about all packets, or the end
    chain list-6-1 { ip daddr . th dport map @list-key-1 jump list-6-hit-1; what no set can look up; goto list-found }
    chain list-6-hit-1 {
        ip daddr . th dport map @list-key-1 . meta mark @list-less-0 meta mark set (that rank) return
        the same, if the first digits of both ranks are equal, with the second digits }
    chain list-found { meta mark set 0, (the mark before that) vmap @list-ranks }      verdict and counter of the entry

So it costs one lookup for each shape of entries, however many of each there are and however they alternate. nf_tables
compares no two values of a packet: a rank has digits, and `less` has the pairs of them of which the first one is less.
The mark of packets is 0 afterwards.
"""

from __future__ import annotations

import itertools
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from dmvpn.base.filters import END_OF_LIST, FilterEntry
from dmvpn.dataplane.netlink import sets
from dmvpn.dataplane.netlink.nftables import (
    Compare,
    Meta,
    NetfilterVerdict,
    compare,
    constant,
    counter,
    mark_from,
    masked,
    meta,
    verdict,
)
from dmvpn.dataplane.packets import NEEDED_OCTETS
from dmvpn.dataplane.userspace import filter_matches
from dmvpn.dataplane.userspace.filter_matches import (
    WORTH_BOXES,
    BoxKey,
    HashKey,
    Kind,
    Masks,
    Piece,
    Rules,
    is_prefix,
    layers,
    masks_of,
    values_of,
)

#: The bits of a digit, at most; each has an octet of the rank. So a rank has two digits in most lists, or three.
_DIGIT: Final = 6
_DIGITS: Final = 3
#: Lists with more entries have no ranks.
MOST: Final = 1 << _DIGIT * _DIGITS
#: Fewer pieces than this are rules or boxes: a set costs as much as some of them.
WORTH_A_SET: Final = 8
#: Hashes for one chain, each of which costs a lookup: other shapes are boxes.
_HASHES: Final = 24
#: Chains for what is looked up behind an entry that was found; each has the lookups behind some of the first ones.
_BLOCKS: Final = 8
_RANK = struct.Struct("!I")
_PAIR = struct.Struct("!II")
#: Where a digit of the rank that was found is, and behind it that of the packet's mark.
_OWN, _MARKED = sets.FIRST_REGISTER + 1, sets.FIRST_REGISTER + 2
#: A register behind the first four ones, which is not in the way of a key.
_SPARE: Final = sets.FIRST_REGISTER + 4


class _Group(NamedTuple):
    """Pieces that are looked up in these chains, behind these matches."""

    places: tuple[str, ...]
    guards: tuple[bytes, ...]


class _Find(NamedTuple):
    """A lookup. expressions: they end with a rank in `FIRST_REGISTER`; first, last: the ranks that it may find."""

    expressions: tuple[bytes, ...]
    first: int
    last: int
    size: int


class _Lone(NamedTuple):
    """A piece that is a rule, with its guards."""

    piece: Piece
    guards: tuple[bytes, ...]
    rank: int


#: What becomes of the packets of an entry: the verdict, and the chain that it leads to.
Outcome = tuple[NetfilterVerdict, str]


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
        self._alone: dict[str, list[_Lone]] = defaultdict(list)
        #: By chain, the rank of the first entry that is about all of its packets.
        self._whole: dict[str, int] = {}
        self._of = of
        bits = max(1, (len(entries) - 1).bit_length())
        self._digits = 2 if bits <= 2 * _DIGIT else _DIGITS
        self._bits = -(-bits // self._digits)
        self._sort(pieces)

    def add(self, chains: Iterable[str], outcome: Callable[[FilterEntry], Outcome], end: str) -> None:
        """Add the rules to all chains. end: the chain of packets that no entry fits."""
        outcomes = [outcome(entry) for entry in self._entries]
        finds: dict[str, list[_Find]] = defaultdict(list)
        numbers = itertools.count()
        for (group, masks), values in self._hashes.items():
            key = HashKey(masks, next(iter(values.values()))[0].box.bits)
            loads = (*key.loads(), sets.lookup(self._hash(next(numbers), key, values), sets.FIRST_REGISTER))
            self._find(finds, group, loads, [rank for _, rank in values.values()])
        for group, boxes in self._boxes.items():
            for some in boxes:
                key_of_boxes = BoxKey([piece for piece, _ in some])
                name = self._box_map(next(numbers), key_of_boxes, some)
                loads = (*key_of_boxes.loads(), sets.lookup(name, sets.FIRST_REGISTER))
                self._find(finds, group, loads, [rank for _, rank in some])
        found, decide = "", b""
        if finds:
            decide, found = sets.lookup(self._verdicts(outcomes)), self._rules.chain("-found")
            clear = (constant(bytes(4), _SPARE), mark_from(_SPARE))
            self._rules.rule(found, meta(Meta.MARK, sets.FIRST_REGISTER), *clear, decide)
        for number, place in enumerate(chains):
            ordered = sorted(finds.get(place, ()), key=lambda find: find.size)  # the largest is the cheapest to find by
            self._place(f"{number}", place, ordered, found, decide)
            rank = self._whole.get(place)
            for one in self._lone(place, len(self._entries) if rank is None else rank):
                decided = (counter(), verdict(*outcomes[one.rank]))
                self._rules.rule(place, *_matches(one), *decided, mark=self._entries[one.rank].sequence)
            last = (NetfilterVerdict.GOTO, end) if rank is None else outcomes[rank]
            mark = END_OF_LIST if rank is None else self._entries[rank].sequence
            self._rules.rule(place, counter(), verdict(*last), mark=mark)

    # ------------------------------------------------------------------------------------------------ the plan

    def _sort(self, pieces: Iterable[Piece]) -> None:
        ranks: dict[int, int] = {}
        for rank, entry in enumerate(self._entries):
            ranks.setdefault(id(entry), rank)
        rest = []
        for piece, guards in self._guarded(pieces):
            rank, places, masks = ranks[id(piece.entry)], self._of(piece), masks_of(piece)
            if masks is not None and not any(masks[1:]) and not guards:
                needed = NEEDED_OCTETS[self._rules.version]
                whole = places if not masks[0] else places[:1] if piece.box.protocol in needed else ()
                whole = whole if piece.kind is not Kind.LATER or not masks[0] else ()
                for place in whole:
                    self._whole.setdefault(place, rank)
                places = tuple(place for place in places if place not in whole)
            elif masks is not None and any(masks):
                found = self._hashes[_Group(places, guards), masks]
                found.setdefault(values_of(piece, masks), (piece, rank))
                continue
            rest.append((_Lone(piece, guards, rank), places))
        for group, masks in self._infrequent():
            values = self._hashes.pop((group, masks)).values()
            rest += [(_Lone(piece, group.guards, rank), group.places) for piece, rank in values]
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
            if size < WORTH_A_SET or any(used[place] >= _HASHES for place in group.places):
                found.append((group, masks))
            else:
                for place in group.places:
                    used[place] += 1
        return found

    def _make_boxes(self, rest: Sequence[tuple[_Lone, tuple[str, ...]]]) -> None:
        by_group: dict[_Group, list[_Lone]] = defaultdict(list)
        for one, places in rest:
            if is_prefix(one.piece.entry.condition):
                by_group[_Group(places, one.guards)].append(one)
            else:
                self._add_alone(one, places)
        for group, found in by_group.items():
            ranks = {id(one.piece): one.rank for one in found}
            for layer in layers([one.piece for one in found]):
                if len(layer) >= WORTH_BOXES:
                    self._boxes.setdefault(group, []).append([(piece, ranks[id(piece)]) for piece in layer])
                    continue
                for piece in layer:
                    self._add_alone(_Lone(piece, group.guards, ranks[id(piece)]), group.places)

    def _add_alone(self, one: _Lone, places: Iterable[str]) -> None:
        for place in places:
            self._alone[place].append(one)

    # ------------------------------------------------------------------------------------------------ rules

    def _find(
        self, finds: dict[str, list[_Find]], group: _Group, loads: tuple[bytes, ...], ranks: Sequence[int]
    ) -> None:
        for place in group.places:
            finds[place].append(_Find((*group.guards, *loads), min(ranks), max(ranks), len(ranks)))

    def _place(self, end: str, place: str, finds: Sequence[_Find], found: str, last: bytes) -> None:
        """Add the lookups of a chain, and the chains behind it of packets that one of them found.

        last: carries out the verdict of a rank.
        """
        rules, kept = self._rules, mark_from(sets.FIRST_REGISTER)
        rest = self._rest(end, place, found, max((find.last for find in finds), default=0))
        hits: dict[int, str] = {}
        for position, find in enumerate(finds):
            if find.first < max((earlier.last for earlier in finds[:position]), default=0):
                hits[position] = hit = rules.chain(f"-hit-{end}-{position}")
                for comparison in self._less:  # each looks the rank up again: rules share no registers
                    rules.rule(hit, *find.expressions, *comparison, kept, verdict(NetfilterVerdict.RETURN))
        size = -(-len(finds) // _BLOCKS)
        following = ""
        for position, find in enumerate(finds):
            if not position % size:
                following = rest
                later = [other for other in hits if other > position - (size > 1)]
                if later:
                    following = rules.chain(f"-next-{end}-{position}")
                    for other in later:
                        rules.rule(following, *finds[other].expressions, verdict(NetfilterVerdict.JUMP, hits[other]))
                    rules.rule(following, verdict(NetfilterVerdict.GOTO, rest))
            done = (last,) if following == found else (kept, verdict(NetfilterVerdict.GOTO, following))
            rules.rule(place, *find.expressions, *done)

    def _rest(self, end: str, place: str, found: str, last: int) -> str:
        """Return the chain of packets of which all lookups are done. last: the last rank that they may have."""
        whole = self._whole.get(place, last)
        alone = self._lone(place, min(last, whole))
        if not alone and whole >= last:
            return found
        name = self._rules.chain(f"-rest-{end}")
        for one in alone:
            self._keep(name, one.rank, *_matches(one))
        if whole < last:
            self._keep(name, whole)
        self._rules.rule(name, verdict(NetfilterVerdict.GOTO, found))
        return name

    def _lone(self, place: str, rank: int) -> list[_Lone]:
        """Return the pieces of a chain that are rules, those of lesser ranks than this, in order."""
        return sorted((one for one in self._alone[place] if one.rank < rank), key=lambda one: one.rank)

    def _keep(self, name: str, rank: int, *matches: bytes) -> None:
        """Add a rule that keeps a rank if it is less than the one of the packet."""
        packed = _RANK.pack(self._number(rank))
        greater = (meta(Meta.MARK), compare(Compare.MORE, packed))
        self._rules.rule(name, *greater, *matches, constant(packed), mark_from(1))

    # ------------------------------------------------------------------------------------------------ sets

    def _hash(self, number: int, key: HashKey, found: dict[Masks, tuple[Piece, int]]) -> str:
        size = len(found)
        name = self._rules.set(
            f"-key-{number}", lambda table, name, place: sets.number_map(table, name, place, key.struct.size, size)
        )
        element, of, packed, number_of = sets.number_maker(key.struct), key.fields, _RANK.pack, self._number
        elements = (element(of(values), packed(number_of(rank))) for values, (_, rank) in found.items())
        self._rules.parts += sets.add_elements(self._rules.table, name, elements)
        return name

    def _box_map(self, number: int, key: BoxKey, found: Sequence[tuple[Piece, int]]) -> str:
        name = self._rules.set(
            f"-box-{number}", lambda table, name, place: sets.number_boxes(table, name, place, key.fields)
        )
        element, packed, number_of = sets.number_box_maker(key.struct), _RANK.pack, self._number
        elements = (element(*key.ranges(piece.box), packed(number_of(rank))) for piece, rank in found)
        self._rules.parts += sets.add_elements(self._rules.table, name, elements)
        return name

    def _number(self, rank: int) -> int:
        """Return a rank as the kernel has it: each digit in an octet, the last octet empty."""
        bits = self._bits
        digits = [rank >> bits * place & (1 << bits) - 1 for place in range(self._digits - 1, -1, -1)]
        return sum(digit << 24 - 8 * place for place, digit in enumerate(digits))

    @cached_property
    def _less(self) -> list[tuple[bytes, ...]]:
        """The comparisons, one of which holds if the rank in `FIRST_REGISTER` is less than the packet's one."""
        found: list[tuple[bytes, ...]] = []
        equal: tuple[bytes, ...] = ()
        for place in range(self._digits):
            count = 1 << self._bits
            mask = (0xFF << 24 - 8 * place).to_bytes(4, "big")
            both = (masked(mask, sets.FIRST_REGISTER, to=_OWN), meta(Meta.MARK, _MARKED), masked(mask, _MARKED))
            less = ((one, other) for other in range(count) for one in range(other))
            found.append((*equal, *both, sets.is_member(self._pairs(f"-less-{place}", place, list(less)), _OWN)))
            if place < self._digits - 1:
                same = self._pairs(f"-same-{place}", place, [(one, one) for one in range(count)])
                equal = (*equal, *both, sets.is_member(same, _OWN))
        return found

    def _pairs(self, end: str, place: int, pairs: Sequence[tuple[int, int]]) -> str:
        name = self._rules.set(
            end, lambda table, name, number: sets.key_set(table, name, number, _PAIR.size, max(1, len(pairs)))
        )
        shift = 24 - 8 * place
        elements = (sets.key_element(_PAIR.pack(one << shift, other << shift)) for one, other in pairs)
        self._rules.parts += sets.add_elements(self._rules.table, name, elements)
        return name

    def _verdicts(self, outcomes: Sequence[Outcome]) -> str:
        """Make the map from ranks to what becomes of their packets."""
        size = max(1, len(outcomes))
        name = self._rules.set(
            "-ranks", lambda table, name, place: sets.counted_map(table, name, place, _RANK.size, size), counts=True
        )
        makers: dict[Outcome, Callable[[Sequence[int], int], bytes]] = {}
        elements = []
        for rank, (entry, result) in enumerate(zip(self._entries, outcomes, strict=True)):
            if result not in makers:
                makers[result] = sets.maker(_RANK, sets.verdict_data(*result))
            elements.append(makers[result]((self._number(rank),), entry.sequence))
        self._rules.parts += sets.add_elements(self._rules.table, name, elements)
        return name


def _matches(one: _Lone) -> tuple[bytes, ...]:
    piece = one.piece
    protocol = piece.entry.condition.protocol
    version = piece.entry.condition.source.address.version
    asked = () if protocol is None or piece.kind is Kind.FIRST else filter_matches.is_protocol(protocol, version)
    return (*asked, *filter_matches.fields(piece), *one.guards)
