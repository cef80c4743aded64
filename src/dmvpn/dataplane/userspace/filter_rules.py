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

The chain of ICMP of a list on a tunnel begins with echoes that prove a direct path: they return, and are not counted.

nf_tables skips a rule for octets that a packet lacks, and a deny must not be skipped: so packets that are too short
are dropped first, and second fragments that would overwrite TCP flags (RFC 1858, RFC 3128).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from dmvpn.base.filters import END_OF_LIST
from dmvpn.base.translation import ICMP, TCP
from dmvpn.base.values import dataclass
from dmvpn.dataplane.filtered import NEEDED_OCTETS
from dmvpn.dataplane.netlink.expressions import Fragment, is_fragment
from dmvpn.dataplane.netlink.nftables import NetfilterVerdict, counter, transport_header, verdict
from dmvpn.dataplane.netlink.sets import (
    add_elements,
    box_maker,
    counted_map,
    interval_map,
    lookup,
    maker,
    verdict_data,
)
from dmvpn.dataplane.userspace.filter_keys import WORTH_BOXES, BoxKey, HashKey, masks_of, values_of
from dmvpn.dataplane.userspace.filter_matches import fields, guards, is_protocol, path_echo
from dmvpn.dataplane.userspace.filter_options import HAS_OPTION, OptionWalks
from dmvpn.dataplane.userspace.filter_pieces import ANY_PROTOCOL, Kind, leveled, pieces_of
from dmvpn.dataplane.userspace.filter_ranks import MOST, Ranked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dmvpn.base.filters import FilterEntry, FilterList
    from dmvpn.base.translation import Addresses
    from dmvpn.dataplane.userspace.filter_chains import Rules
    from dmvpn.dataplane.userspace.filter_keys import Masks
    from dmvpn.dataplane.userspace.filter_pieces import Piece

#: The chain of a table that answers denied packets and drops them.
DENIED: Final = "denied"
#: Fewer pieces than this are rules: a set costs as much as some of them.
_WORTH_A_SET: Final = 8
#: Hashes for one level, each of which costs a lookup: other shapes are boxes of one set.
_HASHES: Final = 4
#: A list that costs a packet no more lookups and rules than this has levels; and what a rank costs: two lookups.
LEVELS: Final = 24
COST_OF_RANK: Final = 2
#: A list with so many entries has ranks if they cost no more than this: its levels take longest to find.
_MANY: Final = 2_000
_FEW: Final = 8


def add_list(
    rules: Rules,
    listed: FilterList,
    report: Callable[[FilterEntry], tuple[bytes, ...]],
    echo_subnets: Sequence[Addresses] = (),
) -> str:
    """Add the rules of a list; returns the name of its first chain, which returns for permitted packets.

    report: the expressions that report a packet, none if the router cannot read reports. echo_subnets: see
    `PortFilters`. Raises UnsuitableEntry.
    """
    by_entry = [list(pieces_of(entry)) for entry in listed.entries]
    name, later, other = rules.chain("-list"), rules.chain("-later"), rules.chain("-other")
    chains = _Chains({protocol: rules.chain(f"-{protocol}") for protocol in NEEDED_OCTETS}, later, other)
    second = (*is_protocol(TCP), *is_fragment(Fragment.SECOND))
    rules.rule(chains.later, *second, verdict(NetfilterVerdict.DROP))
    for subnet in echo_subnets:
        rules.rule(chains.of_protocol[ICMP], *path_echo(subnet), verdict(NetfilterVerdict.RETURN))
    outcomes = _Outcomes(rules, report)
    plan = _plan(rules, listed, by_entry, chains)
    if isinstance(plan, Ranked):
        plan.add(chains.all(), outcomes.of, DENIED)
    else:
        _List(rules, chains, outcomes).add(plan)
    _divide(rules, name, chains)
    return name


def _plan(
    rules: Rules, listed: FilterList, by_entry: Sequence[Sequence[Piece]], chains: _Chains
) -> Ranked | Sequence[Sequence[Piece]]:
    """Return the list by ranks, if packets pass it faster so; else its levels."""
    entries, pieces = listed.entries, itertools.chain.from_iterable(by_entry)
    # The search for options needs the mark, too.
    may_rank = len(entries) <= MOST and not any(
        entry.condition.option is not None and entry.condition.option >= 0 for entry in entries
    )
    ranked = Ranked(rules, entries, pieces, chains.of) if may_rank and len(entries) >= _MANY else None
    if ranked is not None and ranked.cost() <= _FEW:
        return ranked
    levels = leveled(by_entry)
    cost = len(levels) + sum(not piece.is_box for level in levels for piece in level)
    if cost <= LEVELS or not may_rank:
        return levels
    ranked = ranked or Ranked(rules, entries, pieces, chains.of)
    return ranked if COST_OF_RANK * ranked.cost() < cost else levels


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
        complete = (*is_protocol(protocol), transport_header(octets - 1, 1))
        rules.rule(name, *complete, verdict(goto, chains.of_protocol[protocol]))
    for protocol in NEEDED_OCTETS:
        rules.rule(name, *is_protocol(protocol), drop)
    rules.rule(name, verdict(goto, chains.other))


class _List:
    """Adds the levels of a list to the chains of the kinds of packets."""

    def __init__(self, rules: Rules, chains: _Chains, outcomes: _Outcomes) -> None:
        self._rules = rules
        self._chains = chains
        self._outcomes = outcomes
        self._options = OptionWalks(rules)

    def add(self, levels: Sequence[Sequence[Piece]]) -> None:
        """Add the rules of all levels, and of the end of the list."""
        rules, chains = self._rules, self._chains
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
            key = HashKey(shape)
            found = self._hash(f"{name}-{number}", key, shape, shapes.pop(shape))
            for place in places:
                self._rules.rule(place, *key.loads(), lookup(found))
        rest = [piece for pieces in shapes.values() for piece in pieces]
        if len(rest) < WORTH_BOXES:
            return rest
        boxes_key = BoxKey(rest)
        found = self._boxes(name, boxes_key, rest)
        for place in places:
            self._rules.rule(place, *boxes_key.loads(), lookup(found))
        return ()

    def _hash(self, end: str, key: HashKey, masks: Masks, pieces: Sequence[Piece]) -> str:
        """Make a hash of pieces of one shape; returns its name."""
        size = len(pieces)
        name = self._rules.set(
            end, lambda table, name, number: counted_map(table, name, number, key.struct.size, size), counts=True
        )
        permit = maker(key.struct, verdict_data(NetfilterVerdict.RETURN))
        deny = maker(key.struct, verdict_data(NetfilterVerdict.GOTO, DENIED))
        of = key.of
        elements = (
            (permit if piece.entry.permit else deny)(of(values_of(piece, masks)), piece.entry.sequence)
            for piece in pieces
        )
        self._rules.parts += add_elements(self._rules.table, name, elements)
        return name

    def _boxes(self, end: str, key: BoxKey, boxes: Sequence[Piece]) -> str:
        name = self._rules.set(
            end, lambda table, name, number: interval_map(table, name, number, key.fields), counts=True
        )
        permit = box_maker(key.struct, verdict_data(NetfilterVerdict.RETURN))
        deny = box_maker(key.struct, verdict_data(NetfilterVerdict.GOTO, DENIED))
        elements = (
            (permit if piece.entry.permit else deny)(*key.of(piece.box), piece.entry.sequence) for piece in boxes
        )
        self._rules.parts += add_elements(self._rules.table, name, elements)
        return name

    def _alone(self, piece: Piece) -> None:
        """Add a piece as rules, of all kinds of packets that it is about."""
        condition = piece.entry.condition
        verdict_of = verdict(*self._outcomes.of(piece.entry))
        for asked in guards(self._rules, piece):
            for name in self._chains.of(piece):
                known = name in self._chains.of_protocol.values() or condition.protocol is None
                protocol = () if known else is_protocol(piece.box.protocol)
                matches = (*protocol, *fields(piece), *asked)
                found: tuple[bytes, ...] = ()
                if condition.option is not None and condition.option >= 0:
                    walk = verdict(NetfilterVerdict.JUMP, self._options.chain(condition.option))
                    self._rules.rule(name, *matches, walk)
                    found = HAS_OPTION
                self._rules.rule(name, *matches, *found, counter(), verdict_of, mark=piece.entry.sequence)


class _Outcomes:
    """What becomes of the packets of an entry."""

    def __init__(self, rules: Rules, report: Callable[[FilterEntry], tuple[bytes, ...]]) -> None:
        self._rules = rules
        self._report = report
        self._numbers = itertools.count()

    def of(self, entry: FilterEntry) -> tuple[NetfilterVerdict, str]:
        """Return the verdict, and the chain that it leads to."""
        final = (NetfilterVerdict.RETURN, "") if entry.permit else (NetfilterVerdict.GOTO, DENIED)
        report = self._report(entry) if entry.log or entry.log_input else ()
        if not report:
            return final
        name = self._rules.chain(f"-report-{next(self._numbers)}")
        self._rules.rule(name, *report)
        self._rules.rule(name, verdict(*final))
        return NetfilterVerdict.GOTO, name


def _shape(piece: Piece) -> Masks | None:
    """Return the bits by which a hash finds a piece; None: no hash does."""
    masks = masks_of(piece)
    return masks if masks is not None and any(masks) else None
