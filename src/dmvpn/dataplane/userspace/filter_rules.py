"""A packet filter's list as rules of nf_tables. In nft's syntax, a list of some thousand entries:

    map list-1-all-0 { ip saddr : verdict }                            entries about hosts, a hash, each with a counter
    map list-1-6     { meta l4proto . ip saddr . ip daddr . th sport . th dport : verdict }        ranges, of all kinds
    chain list {
        ip frag-off & 0x1fff != 0 goto list-later                      later fragments have no ports
        meta l4proto tcp @th,104,8 (is there) goto list-6; the same of UDP and ICMP
        meta l4proto { tcp, udp, icmp } drop                           too short to be looked at
        goto list-other }
    chain list-6 {
        (key) vmap @list-1-all-0; (key) vmap @list-1-6                 permit: return; deny: goto denied
        tcp flags & (rst | ack) != 0 counter return                    what no set can look up is a rule
        counter goto denied }                                          the end of the list

nf_tables skips a rule for octets that a packet lacks, and a deny must not be skipped: so packets that are too short
are dropped first, and second fragments that would overwrite TCP flags (RFC 1858, RFC 3128).
"""

from __future__ import annotations

import itertools
import struct
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from dmvpn.base.filters import END_OF_LIST
from dmvpn.base.translation import TCP
from dmvpn.base.values import dataclass
from dmvpn.dataplane.filtered import NEEDED_OCTETS
from dmvpn.dataplane.netlink.expressions import Fragment, header_words, is_fragment
from dmvpn.dataplane.netlink.nftables import (
    Compare,
    NetfilterVerdict,
    compare,
    counter,
    masked,
    network_header,
    transport_header,
    verdict,
)
from dmvpn.dataplane.netlink.sets import (
    FIRST_REGISTER,
    add_elements,
    box_maker,
    counted_map,
    interval_map,
    load,
    lookup,
    maker,
    verdict_data,
)
from dmvpn.dataplane.userspace.filter_options import HAS_OPTION, OptionWalks
from dmvpn.dataplane.userspace.filter_pieces import ANY_PROTOCOL, WHOLE, Kind, leveled, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dmvpn.base.filters import FilterEntry, FilterList, Flags
    from dmvpn.base.translation import Addresses
    from dmvpn.dataplane.userspace.filter_chains import Rules
    from dmvpn.dataplane.userspace.filter_pieces import Box, Piece

#: The chain of a table that answers denied packets and drops them.
DENIED: Final = "denied"
#: Fewer pieces than this are rules: a set costs as much as some of them.
_WORTH_A_SET: Final = 8
#: Hashes for one level, each of which costs a lookup: other shapes are boxes of one set.
_HASHES: Final = 4
#: Octets of the fields: protocol, source, destination; and the two numbers behind IP.
_FIELDS: Final = (1, 4, 4)
_FIELDS_BEHIND: Final = (*_FIELDS, 2, 2)
_KEY = struct.Struct("!B3xII")
_KEY_BEHIND = struct.Struct("!B3xIIH2xH2x")
_IP, _BEHIND_IP = 1, 2
_PROTOCOL, _SERVICE, _TTL, _SOURCE, _DESTINATION = 9, 1, 8, 12, 16
_TCP_FLAGS: Final = 13


def add_list(rules: Rules, listed: FilterList, report: Callable[[FilterEntry], tuple[bytes, ...]]) -> str:
    """Add the rules of a list; returns the name of its first chain, which returns for permitted packets.

    report: the expressions that report a packet, none if the router cannot read reports. Raises UnsuitableEntry.
    """
    levels = leveled(listed.entries)
    name, later, other = rules.chain("-list"), rules.chain("-later"), rules.chain("-other")
    chains = _Chains({protocol: rules.chain(f"-{protocol}") for protocol in NEEDED_OCTETS}, later, other)
    _List(rules, chains, report).add(levels)
    _divide(rules, name, chains)
    return name


@dataclass(frozen=True, slots=True)
class _Chains:
    """The chains of a list: by protocol; of later fragments; of all other packets."""

    of_protocol: dict[int, str]
    later: str
    other: str

    def all(self) -> tuple[str, ...]:
        """Return all of them."""
        return (*self.of_protocol.values(), self.later, self.other)

    def of(self, piece: Piece) -> tuple[str, ...]:
        """Return those of the packets that a piece may be about."""
        protocol = piece.box.protocol
        if piece.kind is Kind.LATER:
            return (self.later,)
        if protocol == ANY_PROTOCOL:
            return self.all()
        first = self.of_protocol.get(protocol, self.other)
        return (first,) if piece.kind is Kind.FIRST else (first, self.later)


def _divide(rules: Rules, name: str, chains: _Chains) -> None:
    goto, drop = NetfilterVerdict.GOTO, verdict(NetfilterVerdict.DROP)
    rules.rule(name, *is_fragment(Fragment.LATER), verdict(goto, chains.later))
    for protocol, octets in NEEDED_OCTETS.items():
        complete = (*_is_protocol(protocol), transport_header(octets - 1, 1))
        rules.rule(name, *complete, verdict(goto, chains.of_protocol[protocol]))
    for protocol in NEEDED_OCTETS:
        rules.rule(name, *_is_protocol(protocol), drop)
    rules.rule(name, verdict(goto, chains.other))


class _List:
    """Adds the levels of a list to the chains of the kinds of packets."""

    def __init__(self, rules: Rules, chains: _Chains, report: Callable[[FilterEntry], tuple[bytes, ...]]) -> None:
        self._rules = rules
        self._chains = chains
        self._report = report
        self._options = OptionWalks(rules)
        self._numbers = itertools.count()

    def add(self, levels: Sequence[Sequence[Piece]]) -> None:
        rules, chains = self._rules, self._chains
        second = (*_is_protocol(TCP), *is_fragment(Fragment.SECOND))
        rules.rule(chains.later, *second, verdict(NetfilterVerdict.DROP))
        for number, level in enumerate(levels):
            alone = [piece for piece in level if not piece.is_box]
            for end, places, boxes in self._groups(level):
                alone += self._sets(f"-{number}-{end}", boxes, places)
            for piece in alone:
                self._alone(piece)
        for place in chains.all():
            rules.rule(place, counter(), verdict(NetfilterVerdict.GOTO, DENIED), mark=END_OF_LIST)

    def _groups(self, level: Sequence[Piece]) -> Iterator[tuple[str, Sequence[str], Sequence[Piece]]]:
        """Yield pieces that sets may have, with the chains that look them up, and an end for the names of the sets."""
        boxes = [piece for piece in level if piece.is_box]
        yield "all", self._chains.all(), [piece for piece in boxes if piece.kind is Kind.ALL]
        yield "later", (self._chains.later,), [piece for piece in boxes if piece.kind is Kind.LATER]
        for protocol, place in self._chains.of_protocol.items():
            first = [piece for piece in boxes if piece.kind is Kind.FIRST and piece.box.protocol == protocol]
            yield str(protocol), (place,), first

    def _sets(self, name: str, boxes: Sequence[Piece], places: Sequence[str]) -> Sequence[Piece]:
        """Look pieces up in sets: a hash for each of the frequent shapes, boxes for the rest; returns those left."""
        if len(boxes) < _WORTH_A_SET:
            return boxes
        shapes = defaultdict(list)
        for piece in boxes:
            shapes[_shape(piece)].append(piece)
        frequent = sorted(
            (shape for shape in shapes if shape is not None and len(shapes[shape]) >= _WORTH_A_SET),
            key=lambda shape: (-len(shapes[shape]), shape),
        )[:_HASHES]
        for number, shape in enumerate(frequent):
            found, loads = self._hash(f"{name}-{number}", shape, shapes.pop(shape))
            for place in places:
                self._rules.rule(place, *loads, lookup(found))
        rest = [piece for pieces in shapes.values() for piece in pieces]
        if len(rest) < _WORTH_A_SET:
            return rest
        behind = any(piece.kind is Kind.FIRST for piece in rest)
        found = self._boxes(name, rest, behind=behind)
        for place in places:
            self._rules.rule(place, *_key(behind=behind), lookup(found))
        return ()

    def _hash(self, end: str, shape: _Shape, pieces: Sequence[Piece]) -> tuple[str, tuple[bytes, ...]]:
        """Make a hash of pieces of one shape; returns its name, and the expressions that load its key."""
        parts = [part for part, bits in zip(_PARTS, shape, strict=True) if bits]
        key = struct.Struct("!" + "".join(part.code for part in parts))
        size = len(pieces)
        name = self._rules.set(end, lambda table, name, number: counted_map(table, name, number, key.size, size))
        permit = maker(key, verdict_data(NetfilterVerdict.RETURN))
        deny = maker(key, verdict_data(NetfilterVerdict.GOTO, DENIED))
        places = [part.place for part in parts]
        elements = (
            (permit if entry.permit else deny)([values[place] for place in places], entry.sequence)
            for entry, values in ((piece.entry, _exact(piece.box)) for piece in pieces)
        )
        self._rules.parts += add_elements(self._rules.table, name, elements)
        bits_of = [bits for bits in shape if bits]
        loads = (part.load(field, bits) for field, (part, bits) in enumerate(zip(parts, bits_of, strict=True)))
        return name, tuple(itertools.chain.from_iterable(loads))

    def _boxes(self, end: str, boxes: Sequence[Piece], *, behind: bool) -> str:
        fields, key = (_FIELDS_BEHIND, _KEY_BEHIND) if behind else (_FIELDS, _KEY)
        name = self._rules.set(end, lambda table, name, number: interval_map(table, name, number, fields))
        permit = box_maker(key, verdict_data(NetfilterVerdict.RETURN))
        deny = box_maker(key, verdict_data(NetfilterVerdict.GOTO, DENIED))
        elements = (
            (permit if piece.entry.permit else deny)(*_corners(piece.box, behind=behind), piece.entry.sequence)
            for piece in boxes
        )
        self._rules.parts += add_elements(self._rules.table, name, elements)
        return name

    def _alone(self, piece: Piece) -> None:
        """Add a piece as rules, of all kinds of packets that it is about."""
        condition = piece.entry.condition
        verdict_of = self._verdict(piece.entry)
        for ttl in merged(condition.ttl) if condition.ttl is not None else (None,):
            asked = () if ttl is None else _between(network_header(_TTL, 1), ttl, octets=1)
            for name in self._chains.of(piece):
                known = name in self._chains.of_protocol.values() or condition.protocol is None
                matches = (*(() if known else _is_protocol(piece.box.protocol)), *_matches(piece), *asked)
                found: tuple[bytes, ...] = ()
                if condition.option is not None and condition.option >= 0:
                    walk = verdict(NetfilterVerdict.JUMP, self._options.chain(condition.option))
                    self._rules.rule(name, *matches, walk)
                    found = HAS_OPTION
                self._rules.rule(name, *matches, *found, counter(), verdict_of, mark=piece.entry.sequence)

    def _verdict(self, entry: FilterEntry) -> bytes:
        final = verdict(NetfilterVerdict.RETURN) if entry.permit else verdict(NetfilterVerdict.GOTO, DENIED)
        report = self._report(entry) if entry.log or entry.log_input else ()
        if not report:
            return final
        name = self._rules.chain(f"-report-{next(self._numbers)}")
        self._rules.rule(name, *report)
        self._rules.rule(name, final)
        return verdict(NetfilterVerdict.GOTO, name)


# ---------------------------------------------------------------------------------------------------- shapes


#: The bits that decide of each of `_PARTS`.
_Shape = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Part:
    """A field of a key. code: of `struct`; place: in `_exact`; base, offset, octets: where it is in a packet."""

    place: int
    code: str
    base: int
    offset: int
    octets: int

    def load(self, field: int, bits: int) -> tuple[bytes, ...]:
        """Return the expressions that load its first bits into a field of the key."""
        loaded = load(self.base, self.offset, self.octets, field)
        if bits == 8 * self.octets:
            return (loaded,)
        mask = (0xFFFFFFFF << (32 - bits) & 0xFFFFFFFF).to_bytes(4, "big")
        return loaded, masked(mask, FIRST_REGISTER + field)


_PARTS: Final = (
    _Part(0, "B3x", _IP, _PROTOCOL, 1),
    _Part(1, "I", _IP, _SOURCE, 4),
    _Part(2, "I", _IP, _DESTINATION, 4),
    _Part(3, "H2x", _BEHIND_IP, 0, 2),
    _Part(4, "H2x", _BEHIND_IP, 2, 2),
)


def _shape(piece: Piece) -> _Shape | None:
    """Return the shape of a piece that a hash finds, else None. Chains of one protocol need not look at it."""
    box = piece.box
    protocol = 0 if box.protocol == ANY_PROTOCOL or piece.kind is Kind.FIRST else 8
    numbers = [0 if both == WHOLE else 16 if both[0] == both[1] else None for both in (box.first, box.second)]
    if None in numbers or not any((protocol, box.source_length, box.destination_length, *numbers)):
        return None
    return (protocol, box.source_length, box.destination_length, numbers[0] or 0, numbers[1] or 0)


def _exact(box: Box) -> tuple[int, int, int, int, int]:
    return (box.protocol, box.source, box.destination, box.first[0], box.second[0])


# ---------------------------------------------------------------------------------------------------- expressions


def _key(*, behind: bool) -> Iterator[bytes]:
    yield load(_IP, _PROTOCOL, 1, 0)
    yield load(_IP, _SOURCE, 8, 1)  # both addresses
    if behind:
        yield load(_BEHIND_IP, 0, 2, 3)
        yield load(_BEHIND_IP, 2, 2, 4)


def _corners(box: Box, *, behind: bool) -> tuple[Sequence[int], Sequence[int]]:
    lowest, highest = (0, 0xFF) if box.protocol == ANY_PROTOCOL else (box.protocol, box.protocol)
    source, destination = box.source, box.destination
    first: tuple[int, ...] = (lowest, source, destination)
    last: tuple[int, ...] = (
        highest,
        source | 0xFFFFFFFF >> box.source_length,
        destination | 0xFFFFFFFF >> box.destination_length,
    )
    if behind:
        first, last = (*first, box.first[0], box.second[0]), (*last, box.first[1], box.second[1])
    return first, last


def _matches(piece: Piece) -> Iterator[bytes]:
    """Yield all matches but those for the protocol, for the TTL and for a certain option."""
    condition, box = piece.entry.condition, piece.box
    yield from addresses(_SOURCE, condition.source)
    yield from addresses(_DESTINATION, condition.destination)
    if condition.service is not None:
        value, mask = condition.service
        yield from (network_header(_SERVICE, 1), masked(bytes((mask,))), compare(Compare.EQUAL, bytes((value,))))
    if condition.option is not None and condition.option < 0:
        yield from header_words(Compare.MORE, 5)
    if piece.kind is Kind.FIRST:
        for offset, numbers in enumerate((box.first, box.second)):
            if numbers != WHOLE:
                yield from _between(transport_header(2 * offset, 2), numbers, octets=2)
        if condition.flags is not None:
            yield from _flags(condition.flags)


def _is_protocol(number: int) -> tuple[bytes, bytes]:
    return network_header(_PROTOCOL, 1), compare(Compare.EQUAL, bytes((number,)))


def addresses(offset: int, meant: Addresses) -> tuple[bytes, ...]:
    """Return the match for an address in the IP header."""
    if meant.is_any:
        return ()
    mask = ~int(meant.wildcard) & 0xFFFFFFFF
    wanted = (int(meant.address) & mask).to_bytes(4, "big")
    loads = (network_header(offset, 4), *([masked(mask.to_bytes(4, "big"))] if mask != 0xFFFFFFFF else []))
    return (*loads, compare(Compare.EQUAL, wanted))


def _between(loaded: bytes, numbers: tuple[int, int], *, octets: int) -> tuple[bytes, ...]:
    first, last = (number.to_bytes(octets, "big") for number in numbers)
    if first == last:
        return loaded, compare(Compare.EQUAL, first)
    return loaded, compare(Compare.AT_LEAST, first), compare(Compare.AT_MOST, last)


def _flags(flags: Flags) -> tuple[bytes, ...]:
    """Return the match for TCP flags, of which `Flags` may ask the impossible."""
    loaded = transport_header(_TCP_FLAGS, 1)
    asked, both = (flags.set | flags.clear) & 0xFF, flags.set & flags.clear
    if flags.is_any:
        if both:
            return (loaded,)
        return loaded, masked(bytes((asked,))), compare(Compare.NOT_EQUAL, bytes((flags.clear & 0xFF,)))
    wanted = flags.set & 0xFF
    if both:  # a bit that is set and clear: masked away, and asked for
        return loaded, masked(bytes((asked & ~both,))), compare(Compare.EQUAL, bytes((wanted | both,)))
    return loaded, masked(bytes((asked,))), compare(Compare.EQUAL, bytes((wanted,)))
