"""Lists as sets of packets decide as they decide packet by packet, and an entry that is called shadowed is."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.filters import ESTABLISHED, Condition, FilterEntry, FilterList, Flags, Packet
from dmvpn.base.packetsets import EVERYTHING, ListedEntry, meanings, rest_of, sets_of, shadows, split
from dmvpn.base.routemaps import PrefixIndex, PrefixRule
from dmvpn.base.translation import ICMP, TCP, UDP, Addresses

#: Few values, so that entries and packets often meet.
_ADDRESSES = st.sampled_from([IPv4Address(number) for number in (0x0A000000, 0x0A000001, 0x0A000101, 0xC0000201)])
_WILDCARDS = st.sampled_from([IPv4Address(number) for number in (0, 1, 0xFF, 0xFF00, 0x80000000, 0xFFFFFFFF)])
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
            source=Addresses(packet.source, IPv4Address(0)),
            destination=Addresses(packet.destination, IPv4Address(0)),
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


@given(lists())
def test_each_part_of_all_packets_has_an_example_that_its_entry_decides_on(listed: FilterList) -> None:
    decided = split(meanings(listed, most=1_000) or [], [EVERYTHING], most=2_000)
    for one in decided or ():
        example = one.packets.example()
        if not example.options:
            assert listed.decides(example) == one.entry


@given(lists(), packets())
def test_an_entry_that_is_called_shadowed_decides_on_no_packet(listed: FilterList, packet: Packet) -> None:
    entries = [ListedEntry(one.sequence, one.permit, (one,)) for one in listed.entries]
    shadowed = {one.entry.sequence for one in shadows(entries)}
    decides = listed.decides(packet)
    assert decides is None or decides.sequence not in shadowed or packet.is_later_fragment


@given(lists())
def test_an_entry_behind_one_that_is_equal_or_about_everything_is_called_shadowed(listed: FilterList) -> None:
    """What is asked for in vain (`lt 0`) is not called so: it never fitted anything."""
    (first, *_) = listed.entries
    everything = Condition(
        source=Addresses(IPv4Address(0), IPv4Address(0xFFFFFFFF)),
        destination=Addresses(IPv4Address(0), IPv4Address(0xFFFFFFFF)),
    )
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
def prefixes(draw: st.DrawFn) -> Prefix:
    """A prefix near others: 0.0.0.0/0, or of few addresses."""
    number, length = draw(st.integers(0, 7)) << 29 | draw(st.integers(0, 3)) << 8, draw(st.sampled_from((0, 3, 24, 32)))
    return Prefix.of(Prefix.parse("0.0.0.0/0").address + number, length)


@st.composite
def rules(draw: st.DrawFn) -> PrefixRule:
    prefix = draw(prefixes())
    shortest = draw(st.integers(prefix.length, 32))
    return PrefixRule(draw(st.booleans()), prefix, shortest, draw(st.integers(shortest, 32)))


@given(st.lists(rules(), max_size=12), prefixes())
def test_it_is_the_first_one_that_fits(listed: list[PrefixRule], asked: Prefix) -> None:
    expected = next((rule for rule in listed if rule.fits(asked)), None)
    assert PrefixIndex(listed).first(asked) is expected
