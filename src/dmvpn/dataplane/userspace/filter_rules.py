"""A packet filter's list as rules of nf_tables. In nft's syntax:

    chain list {
        ip frag-off & 0x1fff != 0 goto list-later                      later fragments have no ports
        meta l4proto tcp @th,104,8 (is there) goto list-6; the same of UDP and ICMP
        meta l4proto { tcp, udp, icmp } drop                           too short to be looked at
        goto list-other }                                              IPv6: packets without a known protocol: drop
    chain list-6 {
        (key) map @list-key-0 meta mark set (that rank) ...            sets, where entries are many (`filter_ranks`)
        tcp flags & (rst | ack) != 0 counter return                    what no set can look up is a rule
        counter goto denied }                                          the end of the list

The chain of ICMP of a list on a tunnel begins with echoes that prove a direct path: they return, and are not counted.

nf_tables skips a rule for octets that a packet lacks, and a deny must not be skipped: so packets that are too short
are dropped first, and second fragments that would overwrite TCP flags (RFC 1858, RFC 3128).

IP options (`OptionWalks`) have lengths, and nf_tables has no loops: rules go through the header octet by octet, with
the packet's mark as the place where the next option begins. So such an entry clears the mark of packets that it looks
at.

The check of a packet's sender, `ip verify unicast source`: `fib` asks the kernel's routing tables. They do not say
which route they found: without `allow-default` the packet has a mark while it is asked, and policy rules of that mark
(`source_rules`) leave the default route out. So the mark of a packet is cleared that such a port receives.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Sequence
from typing import Final

from dmvpn.base.filters import END_OF_LIST, UNREACHABLE_SENDER, FilterEntry, FilterList, ReversePath
from dmvpn.base.translation import ICMP_OF, TCP, Addresses
from dmvpn.base.values import Value
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink.nftables import (
    Compare,
    Fragment,
    Meta,
    NetfilterVerdict,
    compare,
    counter,
    has_extension,
    has_mark,
    header_words,
    is_behind,
    is_fragment,
    mark_from,
    masked,
    meta,
    network_header,
    route_back,
    set_mark,
    transport_header,
    verdict,
)
from dmvpn.dataplane.netlink.sets import FIRST_REGISTER, add_elements, load, lookup, number_element, number_map
from dmvpn.dataplane.packets import NEEDED_OCTETS
from dmvpn.dataplane.userspace.filter_matches import (
    ANY_PROTOCOL,
    NEXT_HEADER,
    Kind,
    Piece,
    Rules,
    fields,
    guards,
    is_protocol,
    path_echo,
    pieces_of,
)
from dmvpn.dataplane.userspace.filter_ranks import MOST, Ranked
from dmvpn.net.ipv6 import AUTHENTICATION, EXTENSION_HEADERS, HOP_BY_HOP, NOTHING

# ---------------------------------------------------------------------------------------------------- filter options

_IP: Final = 1
_NATIVE32 = struct.Struct("=I")
#: The mark of a packet that has the option; other values are where the next option begins.
_FOUND: Final = 0x10000
_OPTIONS: Final = range(20, 60)
#: The match behind a chain of `OptionWalks`; it clears the mark.
HAS_OPTION: Final = (*has_mark(_FOUND), *set_mark(0))


class OptionWalks:
    """The chains of one list that search options."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._walks: dict[int, str] = {}
        self._hops = ""

    def chain(self, option: int) -> str:
        """Return the chain that marks packets with an option, for `HAS_OPTION`, and clears the mark of other ones."""
        known = self._walks.get(option)
        if known is not None:
            return known
        name = self._walks[option] = self._rules.chain(f"-option-{option}")
        rules, hops = self._rules, self._hops or self._make_hops()
        rules.rule(name, *set_mark(_OPTIONS.start))
        for place in _OPTIONS:
            here = has_mark(place)
            rules.rule(name, *here, *header_words(Compare.AT_MOST, place // 4), *set_mark(0))
            kind = (*here, network_header(place, 1))
            rules.rule(name, *kind, compare(Compare.EQUAL, bytes((option,))), *set_mark(_FOUND))
            rules.rule(name, *kind, compare(Compare.EQUAL, b"\1"), *set_mark(place + 1))
            hop = (load(_IP, place + 1, 1, 1), meta(Meta.MARK, FIRST_REGISTER), lookup(hops, to=1), mark_from(1))
            rules.rule(name, *kind, compare(Compare.MORE, b"\1"), *hop)
        rules.rule(name, meta(Meta.MARK), compare(Compare.NOT_EQUAL, _NATIVE32.pack(_FOUND)), *set_mark(0))
        return name

    def _make_hops(self) -> str:
        """Make the map from where an option begins, and its length, to where the next one does."""
        self._hops = self._rules.set("-hops", lambda table, name, number: number_map(table, name, number, 8))
        elements = (
            number_element(_NATIVE32.pack(place) + bytes((length, 0, 0, 0)), _NATIVE32.pack(place + length))
            for place in _OPTIONS
            for length in range(2, _OPTIONS.stop - place + 1)
        )
        self._rules.parts += add_elements(self._rules.table, self._hops, elements)
        return self._hops


# ---------------------------------------------------------------------------------------------------- filter routes

#: The mark of packets whose source is looked up without the default route; and the priority of the rules.
SOURCE_MARK: Final = 0x0D5F0001
_PRIORITY: Final = 32690
_DESTINATION: Final = 16


def add_reverse_path(rules: Rules, name: str, wanted: ReversePath) -> None:
    """Add rules that drop packets whose source is not reachable. They pass what asks for an address, and multicast."""
    multicast = (network_header(_DESTINATION, 1), masked(b"\xf0"), compare(Compare.EQUAL, b"\xe0"))
    rules.rule(name, *multicast, verdict(NetfilterVerdict.ACCEPT))
    marked = not wanted.allow_default
    if marked:
        rules.rule(name, *set_mark(SOURCE_MARK))
    drop = (counter(), verdict(NetfilterVerdict.DROP))
    rules.rule(name, *route_back(by_input=wanted.strict, marked=marked), *drop, mark=UNREACHABLE_SENDER)
    if marked:
        rules.rule(name, *set_mark(0))


def source_rules() -> tuple[netlink.Rule, netlink.Rule]:
    """Return the policy rules by which a marked packet finds no default route."""
    found = netlink.Rule(_PRIORITY, suppress=0, mark=SOURCE_MARK)
    return found, netlink.Rule(_PRIORITY + 1, mark=SOURCE_MARK, is_end=True)


# ---------------------------------------------------------------------------------------------------- filter rules

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
    version, needed = rules.version, NEEDED_OCTETS[rules.version]
    chains = _Chains({protocol: rules.chain(f"-{protocol}") for protocol in needed}, later, other)
    second = (*is_protocol(TCP, version), *is_fragment(Fragment.SECOND, version))
    rules.rule(chains.later, *second, verdict(NetfilterVerdict.DROP))
    for subnet in echo_subnets:
        rules.rule(chains.of_protocol[ICMP_OF[version]], *path_echo(subnet), verdict(NetfilterVerdict.RETURN))
    outcomes = _Outcomes(rules, report)
    # The search for options needs the mark that ranks are in.
    options = [entry.condition.option for entry in entries] if version == 4 else []
    asks_options = any(option is not None and option >= 0 for option in options)
    if asks_options or len(entries) > MOST:
        _add_one_by_one(rules, chains, outcomes, pieces)
    else:
        Ranked(rules, entries, pieces, chains.chains).add(chains.all(), outcomes.verdict, DENIED)
    goto = NetfilterVerdict.GOTO
    # nf_tables skips a rule that asks for the protocol where it cannot follow the extension headers of IPv6.
    is_followed = (meta(Meta.PROTOCOL),) if version == 6 else ()
    if version == 6:
        behind = (network_header(NEXT_HEADER, 1), compare(Compare.NOT_EQUAL, bytes((HOP_BY_HOP,))))
        rules.rule(name, *behind, *has_extension(HOP_BY_HOP), verdict(NetfilterVerdict.DROP))
        for header in sorted(EXTENSION_HEADERS):
            hidden = (*is_protocol(AUTHENTICATION, version), *is_behind(AUTHENTICATION, header))
            rules.rule(name, *hidden, verdict(NetfilterVerdict.DROP))
    rules.rule(name, *is_followed, *is_fragment(Fragment.LATER, version), verdict(goto, chains.later))
    for protocol, octets in needed.items():
        complete = (*is_protocol(protocol, version), transport_header(octets - 1, 1))
        rules.rule(name, *complete, verdict(goto, chains.of_protocol[protocol]))
    for protocol in needed:
        rules.rule(name, *is_protocol(protocol, version), verdict(NetfilterVerdict.DROP))
    if version == 6:
        rules.rule(name, *is_protocol(NOTHING, version), verdict(goto, chains.other))
        rules.rule(name, *is_followed, transport_header(0, 1), verdict(goto, chains.other))
        rules.rule(name, verdict(NetfilterVerdict.DROP))
        return name
    rules.rule(name, verdict(goto, chains.other))
    return name


class _Chains(Value):
    """The chains of a list: by protocol; of later fragments; of all other packets."""

    of_protocol: dict[int, str]
    later: str
    other: str

    def all(self) -> tuple[str, ...]:
        """Return all of them."""
        return (*self.of_protocol.values(), self.later, self.other)

    def chains(self, piece: Piece) -> tuple[str, ...]:
        """Return those of the packets that a piece may be about."""
        protocol = piece.box.protocol
        if piece.kind is Kind.LATER:
            return (self.later,)
        if protocol == ANY_PROTOCOL:
            return self.all()
        first = self.of_protocol.get(protocol, self.other)
        return (first,) if piece.kind is Kind.FIRST else (first, self.later)


def _add_one_by_one(rules: Rules, chains: _Chains, outcomes: _Outcomes, pieces: Sequence[Piece]) -> None:
    """Add the pieces as rules, in order, to the chains of all kinds of packets that they are about."""
    options = OptionWalks(rules)
    for piece in pieces:
        condition, verdict_of = piece.entry.condition, verdict(*outcomes.verdict(piece.entry))
        for asked in guards(rules, piece):
            for name in chains.chains(piece):
                known = name in chains.of_protocol.values() or condition.protocol is None
                matches = (*(() if known else is_protocol(piece.box.protocol, rules.version)), *fields(piece), *asked)
                found: tuple[bytes, ...] = ()
                if condition.option is not None and condition.option >= 0 and rules.version == 4:
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

    def verdict(self, entry: FilterEntry) -> tuple[NetfilterVerdict, str]:
        """Return the verdict, and the chain that it leads to."""
        final = (NetfilterVerdict.RETURN, "") if entry.permit else (NetfilterVerdict.GOTO, DENIED)
        report = self._report(entry) if entry.log or entry.log_input else ()
        if not report:
            return final
        name = self._rules.chain(f"-report-{next(self._numbers)}")
        self._rules.rule(name, *report)
        self._rules.rule(name, verdict(*final))
        return NetfilterVerdict.GOTO, name
