"""A packet filter's list as rules of nf_tables. In nft's syntax:

    chain list {
        ip frag-off & 0x1fff != 0 goto list-later                      later fragments have no ports
        meta l4proto tcp @th,104,8 (is there) goto list-6; the same of UDP and ICMP
        meta l4proto { tcp, udp, icmp } drop                           too short to be looked at
        goto list-other }
    chain list-6 {
        (key) map @list-key-0 meta mark set (that rank) ...            sets, where entries are many (`filter_ranks`)
        tcp flags & (rst | ack) != 0 counter return                    what no set can look up is a rule
        counter goto denied }                                          the end of the list

The chain of ICMP of a list on a tunnel begins with echoes that prove a direct path: they return, and are not counted.

nf_tables skips a rule for octets that a packet lacks, and a deny must not be skipped: so packets that are too short
are dropped first, and second fragments that would overwrite TCP flags (RFC 1858, RFC 3128).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from dmvpn.base.filters import END_OF_LIST
from dmvpn.base.translation import ICMP, TCP
from dmvpn.base.values import dataclass
from dmvpn.dataplane.filtered import NEEDED_OCTETS
from dmvpn.dataplane.netlink.expressions import Fragment, is_fragment
from dmvpn.dataplane.netlink.nftables import NetfilterVerdict, counter, transport_header, verdict
from dmvpn.dataplane.userspace.filter_matches import fields, guards, is_protocol, path_echo
from dmvpn.dataplane.userspace.filter_options import HAS_OPTION, OptionWalks
from dmvpn.dataplane.userspace.filter_pieces import ANY_PROTOCOL, Kind, pieces_of
from dmvpn.dataplane.userspace.filter_ranks import MOST, Ranked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dmvpn.base.filters import FilterEntry, FilterList
    from dmvpn.base.translation import Addresses
    from dmvpn.dataplane.userspace.filter_chains import Rules
    from dmvpn.dataplane.userspace.filter_pieces import Piece

#: The chain of a table that answers denied packets and drops them.
DENIED: Final = "denied"


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
    entries = listed.entries
    pieces = [piece for entry in entries for piece in pieces_of(entry)]
    name, later, other = rules.chain("-list"), rules.chain("-later"), rules.chain("-other")
    chains = _Chains({protocol: rules.chain(f"-{protocol}") for protocol in NEEDED_OCTETS}, later, other)
    second = (*is_protocol(TCP), *is_fragment(Fragment.SECOND))
    rules.rule(chains.later, *second, verdict(NetfilterVerdict.DROP))
    for subnet in echo_subnets:
        rules.rule(chains.of_protocol[ICMP], *path_echo(subnet), verdict(NetfilterVerdict.RETURN))
    outcomes = _Outcomes(rules, report)
    # The search for options needs the mark that ranks are in.
    asks_options = any(entry.condition.option is not None and entry.condition.option >= 0 for entry in entries)
    if asks_options or len(entries) > MOST:
        _add_one_by_one(rules, chains, outcomes, pieces)
    else:
        Ranked(rules, entries, pieces, chains.of).add(chains.all(), outcomes.of, DENIED)
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
        complete = (*is_protocol(protocol), transport_header(octets - 1, 1))
        rules.rule(name, *complete, verdict(goto, chains.of_protocol[protocol]))
    for protocol in NEEDED_OCTETS:
        rules.rule(name, *is_protocol(protocol), drop)
    rules.rule(name, verdict(goto, chains.other))


def _add_one_by_one(rules: Rules, chains: _Chains, outcomes: _Outcomes, pieces: Sequence[Piece]) -> None:
    """Add the pieces as rules, in order, to the chains of all kinds of packets that they are about."""
    options = OptionWalks(rules)
    for piece in pieces:
        condition, verdict_of = piece.entry.condition, verdict(*outcomes.of(piece.entry))
        for asked in guards(rules, piece):
            for name in chains.of(piece):
                known = name in chains.of_protocol.values() or condition.protocol is None
                matches = (*(() if known else is_protocol(piece.box.protocol)), *fields(piece), *asked)
                found: tuple[bytes, ...] = ()
                if condition.option is not None and condition.option >= 0:
                    walk = verdict(NetfilterVerdict.JUMP, options.chain(condition.option))
                    rules.rule(name, *matches, walk)
                    found = HAS_OPTION
                rules.rule(name, *matches, *found, counter(), verdict_of, mark=piece.entry.sequence)
    for place in chains.all():
        rules.rule(place, counter(), verdict(NetfilterVerdict.GOTO, DENIED), mark=END_OF_LIST)


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
