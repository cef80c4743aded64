"""The guard of protected tunnels against a small model of the kernel's rules and tables.

It covers exactly what the routes into protected tunnels cover: whichever of our routes the kernel has lost, a packet
for such a tunnel is dropped or goes into it, and every other packet goes where it would without a guard.
"""

from __future__ import annotations

import errno
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import EVERY_BIT, UNSPECIFIED_OF, IPAddress, Prefix
from dmvpn.base.effects import ClearRoute, NextHop, RouteKind, SetRoute
from dmvpn.base.filters import ESTABLISHED, Condition, FilterEntry, FilterList, Flags, Packet
from dmvpn.base.packetsets import EVERYTHING, ListedEntry, meanings, rest_of, sets_of, shadows, split
from dmvpn.base.routemaps import PrefixIndex, PrefixRule
from dmvpn.base.translation import ICMP, TCP, UDP, Addresses
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import wire
from dmvpn.dataplane.netlink.route import parse_route, parse_rule
from dmvpn.dataplane.userspace.cleanup import StaleObjects
from dmvpn.dataplane.userspace.keeper import Keeper
from dmvpn.dataplane.userspace.links import MAIN
from dmvpn.dataplane.userspace.records import Ledger, Others
from dmvpn.dataplane.userspace.routes import Guard, KernelRoutes
from dmvpn.dataplane.userspace.tables import TableHost
from dmvpn.dataplane.userspace.translation import Translation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

INDEX = {"Tunnel0": 1, "Tunnel1": 2, "GigabitEthernet0/1": 3}
PROTECTED = frozenset((1, 2))
MAIN_PRIORITY = 32766
#: The bits behind the longest prefixes, by version.
BEHIND: dict[type[IPAddress], int] = {IPv4Address: 28, IPv6Address: 124}
#: One in each of the longest prefixes.
ADDRESSES = [version((number << behind) + 1) for version, behind in BEHIND.items() for number in range(16)]
NEIGHBORS: dict[int, IPAddress] = {4: IPv4Address("192.0.2.1"), 6: IPv6Address("2001:db8::1")}

#: Few of them, so that they lie in each other.
prefixes = st.builds(
    lambda version, number, length: Prefix.of(version(number << BEHIND[version]), length),
    st.sampled_from(list(BEHIND)),
    st.integers(0, 15),
    st.integers(0, 4),
)
names = st.lists(st.sampled_from(sorted(INDEX)), min_size=1, max_size=2, unique=True)
orders = st.one_of(
    st.builds(
        lambda prefix, some: SetRoute(prefix, tuple(NextHop(name, NEIGHBORS[prefix.version]) for name in some)),
        prefixes,
        names,
    ),
    st.builds(SetRoute, prefixes, st.just(()), st.just(RouteKind.DISCARD)),
    st.builds(ClearRoute, prefixes),
)
steps = st.one_of(
    st.tuples(st.just("order"), st.lists(orders, min_size=1, max_size=6, unique_by=lambda order: order.prefix)),
    st.tuples(st.just("lose"), st.lists(prefixes, min_size=1, max_size=6)),
    st.tuples(st.just("other"), prefixes),
)

#: A packet's fate: the links that it may leave by, (): it is dropped; None: there is no route.
Fate = tuple[int, ...] | None


class Tables(netlink.NetlinkSocket):
    """Rules and routes of a kernel. carried_out: called after each request."""

    def __init__(self) -> None:
        self._sequence = 0
        self.policy = {(version, MAIN_PRIORITY): netlink.Rule(MAIN_PRIORITY, version=version) for version in (4, 6)}
        self.routes_of: dict[int, dict[tuple[Prefix, int], netlink.KernelRoute]] = {netlink.TABLE_MAIN: {}}
        self.carried_out: Callable[[], None] = lambda: None

    def _exchange(self, batch: Sequence[wire.Request], octets: bytes, first: int) -> list[netlink.KernelRefusal]:
        refusals = []
        for request, message in zip(batch, wire.parse_messages(memoryview(octets)), strict=True):
            if not self._carry_out(message):
                refusals.append(netlink.KernelRefusal(request, errno.ESRCH, "no such route"))
            self.carried_out()
        return refusals

    def _carry_out(self, message: wire.KernelMessage) -> bool:
        kinds = netlink.KernelMessageType
        if message.kind in (kinds.NEWRULE, kinds.DELRULE):
            rule = parse_rule(message.body)
            assert rule is not None
            place = rule.version, rule.priority
            if message.kind == kinds.NEWRULE:
                self.policy[place] = rule
            return message.kind == kinds.NEWRULE or self.policy.pop(place, None) is not None
        route = parse_route(message.body)
        assert route is not None
        table = self.routes_of.setdefault(route.table, {})
        if message.kind == kinds.NEWROUTE:
            table[route.prefix, route.metric] = route
        return message.kind == kinds.NEWROUTE or table.pop((route.prefix, route.metric), None) is not None

    def fate(self, address: IPAddress) -> Fate:
        """Return what becomes of a packet, after all rules."""
        for _, rule in sorted(self.policy.items()):
            if rule.version != address.version:
                continue
            found = [one for one in self.routes_of.get(rule.table, {}).values() if address in one.prefix]
            if not found:
                continue
            route = min(found, key=lambda one: (-one.prefix.length, one.metric))
            if route.kind is not netlink.RouteType.UNICAST:
                return ()
            if rule.suppress is None or route.prefix.length > rule.suppress:
                return tuple(hop.link for hop in route.next_hops)
        return None


class Lab:
    """A router's routes over these tables, and what is to become of packets."""

    def __init__(self) -> None:
        self.tables = Tables()
        ledger, keeper = Ledger(None), Keeper(self.tables, lambda _event: None)
        guard = Guard(self.tables, keeper, Others)
        left = StaleObjects(self.tables, MAIN)

        def nothing(_given: object) -> None: ...

        here = self.tables, keeper
        translation = Translation(TableHost(ledger, Others, nothing), str, lambda _name: [], *here, MAIN.table)
        self.routes = KernelRoutes(self.tables, keeper, guard, ledger, left, translation, index=INDEX.__getitem__)
        for name in ("Tunnel0", "Tunnel1"):
            self.routes.protect(name, None, protected=True)
        self.ordered: dict[Prefix, tuple[int, ...]] = {}

    def order(self, some: Sequence[SetRoute | ClearRoute]) -> None:
        """Carry orders out; at no moment a packet leaves in clear that was and will be for a protected tunnel."""
        before = {address for address in ADDRESSES if self.is_for_tunnel(address)}
        for one in some:
            self.ordered.pop(one.prefix, None)
            if isinstance(one, SetRoute):
                self.ordered[one.prefix] = tuple(INDEX[hop.interface] for hop in one.next_hops)
        inside = [address for address in ADDRESSES if address in before and self.is_for_tunnel(address)]

        def look() -> None:
            assert all(is_inside(self.tables.fate(address)) for address in inside)

        self.tables.carried_out = look
        assert self.routes.carry_out(some) == []
        self.tables.carried_out = lambda: None

    def lose(self, prefix: Prefix) -> None:
        """Let another program remove our route of this prefix."""
        self.tables.routes_of[netlink.TABLE_MAIN].pop((prefix, netlink.ROUTE_METRIC), None)

    def other(self, prefix: Prefix) -> None:
        """Let the host have a route of its own for this prefix, or have it no more."""
        main = self.tables.routes_of[netlink.TABLE_MAIN]
        if main.pop((prefix, 0), None) is None:
            hop = netlink.KernelNextHop(9)
            main[prefix, 0] = netlink.KernelRoute(prefix, (hop,), metric=0, protocol=4)

    @property
    def others(self) -> dict[Prefix, Fate]:
        """The host's own routes."""
        main = self.tables.routes_of[netlink.TABLE_MAIN]
        return {prefix: (9,) for prefix, metric in main if not metric}

    def is_for_tunnel(self, address: IPAddress) -> bool:
        """Return whether packets are for a protected tunnel, by the longest match of all routes, lost ones too."""
        return is_protected(longest(self.ordered | self.others, address))

    def wanted(self, address: IPAddress) -> Fate:
        """Return the fate by the longest match, where a route into protected tunnels counts even if it is lost."""
        fates: dict[Prefix, Fate] = {}
        for prefix, links in self.ordered.items():
            if (prefix, netlink.ROUTE_METRIC) in self.tables.routes_of[netlink.TABLE_MAIN]:
                fates[prefix] = links
            elif is_protected(links):
                fates[prefix] = ()
        return longest(fates | self.others, address)


def longest(fates: Mapping[Prefix, Fate], address: IPAddress) -> Fate:
    """Return the fate of the longest prefix that has the address; None: there is none."""
    found = [prefix for prefix in fates if address in prefix]
    return fates[max(found, key=lambda prefix: prefix.length)] if found else None


def is_protected(fate: Fate) -> bool:
    """Return whether the packet leads into protected tunnels alone."""
    return bool(fate) and all(link in PROTECTED for link in fate or ())


def is_inside(fate: Fate) -> bool:
    """Return whether the packet does not leave in clear."""
    return fate == () or is_protected(fate)


@given(st.lists(steps, max_size=8))
def test_whatever_is_lost_a_packet_for_a_protected_tunnel_never_leaves_in_clear(
    happens: list[tuple[str, object]],
) -> None:
    lab = Lab()
    for what, about in happens:
        match what, about:
            case "order", list():
                lab.order(about)
            case "lose", list():
                for prefix in about:
                    lab.lose(prefix)
            case _, Prefix():
                lab.other(about)
        for address in ADDRESSES:
            assert lab.tables.fate(address) == lab.wanted(address), address


# Lists as sets of packets decide as they decide packet by packet, and an entry that is called shadowed is.

#: The IP version of all lists and packets of one example; an address of IPv6 is four times that of IPv4.
_VERSIONS: st.SearchStrategy[type[IPAddress]] = st.shared(st.sampled_from((IPv4Address, IPv6Address)))
_TIMES: dict[type[IPAddress], int] = {IPv4Address: 1, IPv6Address: sum(1 << 32 * place for place in range(4))}


def _some(*numbers: int) -> st.SearchStrategy[IPAddress]:
    return st.builds(lambda version, number: version(number * _TIMES[version]), _VERSIONS, st.sampled_from(numbers))


#: Few values, so that entries and packets often meet.
_ADDRESSES = _some(0x0A000000, 0x0A000001, 0x0A000101, 0xC0000201)
_WILDCARDS = _some(0, 1, 0xFF, 0xFF00, 0x80000000, 0xFFFFFFFF)
_PORTS = st.sampled_from([None, ((80, 80),), ((0, 80),), ((1, 79), (81, 65535)), ()])
_NUMBERS = st.sampled_from([0, 79, 80, 81, 65535])


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    protocol = draw(st.sampled_from([None, TCP, UDP, ICMP]))
    has_ports = protocol in (TCP, UDP)
    return Condition(
        source=Addresses(draw(_ADDRESSES), draw(_WILDCARDS)),
        destination=Addresses(draw(_ADDRESSES), draw(_WILDCARDS)),
        protocol=protocol,
        source_ports=draw(_PORTS) if has_ports else None,
        destination_ports=draw(_PORTS) if has_ports else None,
        icmp=draw(st.sampled_from([None, (8, None), (8, 0), (3, 4)])) if protocol == ICMP else None,
        flags=draw(st.sampled_from([None, ESTABLISHED, Flags(set=2, clear=16)])) if protocol == TCP else None,
        service=draw(st.sampled_from([None, (184, 252), (160, 224)])),
        ttl=draw(st.sampled_from([None, ((64, 64),), ((0, 100), (90, 200)), ()])),
        option=draw(st.sampled_from([None, None, -1, 7])),
        fragments=draw(st.booleans()) and not has_ports,
    )


@st.composite
def lists(draw: st.DrawFn) -> FilterList:
    entries = draw(st.lists(st.tuples(st.booleans(), conditions()), min_size=1, max_size=7))
    return FilterList("X", tuple(FilterEntry(10 * place, *one) for place, one in enumerate(entries, 1)))


@st.composite
def packets(draw: st.DrawFn, options: tuple[tuple[int, ...], ...] = ((), (7,), (148, 7), (131,))) -> Packet:
    protocol, later = draw(st.sampled_from([TCP, UDP, ICMP, 50])), draw(st.booleans())
    has_ports = protocol in (TCP, UDP) and not later
    return Packet(
        protocol=protocol,
        source=draw(_ADDRESSES),
        destination=draw(_ADDRESSES),
        source_port=draw(_NUMBERS) if has_ports else 0,
        destination_port=draw(_NUMBERS) if has_ports else 0,
        icmp=draw(st.sampled_from([(8, 0), (3, 4), (0, 0)])) if protocol == ICMP and not later else (0, 0),
        flags=draw(st.sampled_from([2, 16, 18, 4])) if protocol == TCP and not later else 0,
        service=draw(st.sampled_from([0, 184, 160])),
        ttl=draw(st.sampled_from([1, 64, 95, 255])),
        options=draw(st.sampled_from(options)),
        is_later_fragment=later,
    )


def _set(packet: Packet) -> FilterEntry:
    """An entry that fits this packet alone, apart from options."""
    return FilterEntry(
        1,
        True,
        Condition(
            source=Addresses(packet.source, UNSPECIFIED_OF[packet.source.version]),
            destination=Addresses(packet.destination, UNSPECIFIED_OF[packet.source.version]),
            protocol=packet.protocol,
            source_ports=((packet.source_port, packet.source_port),),
            destination_ports=((packet.destination_port, packet.destination_port),),
            icmp=packet.icmp if packet.protocol == ICMP else None,
            flags=Flags(set=packet.flags, clear=63 & ~packet.flags),
            service=(packet.service, 255),
            ttl=((packet.ttl, packet.ttl),),
        ),
    )


@given(lists(), packets(options=((),)))
def test_a_list_decides_about_a_set_as_about_the_packets_in_it(listed: FilterList, packet: Packet) -> None:
    (alone, *_) = sets_of(_set(packet))
    if packet.is_later_fragment:
        alone = next(one for one in sets_of(_set(packet)) if one.later == ((1, 1),))
    decided = split(meanings(listed, most=1_000) or [], [alone], most=10_000)
    expected = listed.decides(packet)
    assert decided is not None
    assert {one.entry for one in decided} == {expected}


@given(lists(), _VERSIONS)
def test_each_part_of_all_packets_has_an_example_that_its_entry_decides_on(
    listed: FilterList, version: type[IPAddress]
) -> None:
    decided = split(meanings(listed, most=1_000) or [], [EVERYTHING], most=2_000)
    for one in decided or ():
        example = one.packets.example(version)
        if not example.options:
            assert listed.decides(example) == one.entry


@given(lists(), packets())
def test_an_entry_that_is_called_shadowed_decides_on_no_packet(listed: FilterList, packet: Packet) -> None:
    entries = [ListedEntry(one.sequence, one.permit, (one,)) for one in listed.entries]
    shadowed = {one.entry.sequence for one in shadows(entries)}
    decides = listed.decides(packet)
    assert decides is None or decides.sequence not in shadowed or packet.is_later_fragment


@given(lists(), _VERSIONS)
def test_an_entry_behind_one_that_is_equal_or_about_everything_is_called_shadowed(
    listed: FilterList, version: type[IPAddress]
) -> None:
    """What is asked for in vain (`lt 0`) is not called so: it never fitted anything."""
    (first, *_) = listed.entries
    every = Addresses(version(0), version(EVERY_BIT[version]))
    everything = Condition(source=every, destination=every)
    for condition in (first.condition, everything):
        earlier, later = FilterEntry(10, False, everything), FilterEntry(20, True, condition)
        found = shadows([ListedEntry(one.sequence, one.permit, (one,)) for one in (earlier, later)])
        fits = any(not one.is_later or condition.fragments for one in sets_of(later))
        assert [one.entry.sequence for one in found] == ([20] if fits else [])


@given(lists())
def test_what_is_left_of_a_set_and_what_is_taken_away_have_nothing_in_common(listed: FilterList) -> None:
    gone = [one for entry in listed.entries for one in sets_of(entry) if one.option is None]
    left = rest_of([EVERYTHING], gone, most=3_000)
    assert not any(one.meets(other) for one in left or () for other in gone)


# The first entry of a prefix list that fits is found by the prefix, however long the list is.


@st.composite
def drawn_prefixes(draw: st.DrawFn) -> Prefix:
    """A prefix near others: 0.0.0.0/0, or of few addresses."""
    number, length = draw(st.integers(0, 7)) << 29 | draw(st.integers(0, 3)) << 8, draw(st.sampled_from((0, 3, 24, 32)))
    return Prefix.of(Prefix.parse("0.0.0.0/0").address + number, length)


@st.composite
def rules(draw: st.DrawFn) -> PrefixRule:
    prefix = draw(drawn_prefixes())
    shortest = draw(st.integers(prefix.length, 32))
    return PrefixRule(draw(st.booleans()), prefix, shortest, draw(st.integers(shortest, 32)))


@given(st.lists(rules(), max_size=12), drawn_prefixes())
def test_it_is_the_first_one_that_fits(listed: list[PrefixRule], asked: Prefix) -> None:
    expected = next((rule for rule in listed if rule.fits(asked)), None)
    assert PrefixIndex(listed).first(asked) is expected
