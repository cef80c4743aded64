"""What a tunnel is told of a list is what the list decides about its packets, one by one."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import OuterAddress
from dmvpn.base.entrances import Entrances, Outer, surely_denied
from dmvpn.base.filters import Condition, FilterEntry, FilterList
from dmvpn.base.translation import UDP, Addresses
from support.fakes import FakeFilters, fake_ports, up

PORT: Final = "GigabitEthernet0/0"
#: Few values, so that entries and packets often meet.
_ADDRESSES = st.sampled_from([IPv4Address(number) for number in (0x0A000000, 0x0A000001, 0x0A000101, 0xC0000201)])
_WILDCARDS = st.sampled_from([IPv4Address(number) for number in (0, 1, 0xFF, 0xFF00, 0x80000000, 0xFFFFFFFF)])
_PORTS = st.sampled_from([None, ((500, 500),), ((4500, 4500),), ((0, 600),), ()])
_RANGES = st.builds(Addresses, _ADDRESSES, _WILDCARDS)
_GROUPS = st.lists(_RANGES, max_size=2).map(tuple)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    protocol = draw(st.sampled_from([None, UDP, 47, 50]))
    has_ports = protocol == UDP
    sources = draw(_GROUPS)
    everywhere = Addresses(IPv4Address(0), IPv4Address(0xFFFFFFFF))
    return Condition(
        source=everywhere if sources else draw(_RANGES),
        destination=draw(_RANGES),
        protocol=protocol,
        sources=sources,
        source_ports=draw(_PORTS) if has_ports else None,
        destination_ports=draw(_PORTS) if has_ports else None,
        fragments=draw(st.booleans()) and not has_ports,
    )


@st.composite
def lists(draw: st.DrawFn) -> FilterList:
    entries = draw(st.lists(st.tuples(st.booleans(), conditions()), min_size=1, max_size=7))
    return FilterList("X", tuple(FilterEntry(10 * place, *one) for place, one in enumerate(entries, 1)))


@given(lists(), st.sampled_from(list(Outer)), _ADDRESSES, st.lists(_ADDRESSES, min_size=1, max_size=3))
def test_a_denial_is_that_of_the_list(
    listed: FilterList, what: Outer, own: IPv4Address, peers: list[IPv4Address]
) -> None:
    ports = fake_ports(up(PORT, str(own)))
    ports.filters = FakeFilters({PORT: listed})
    entrances = Entrances(ports)
    for peer in peers:
        denied = entrances.denial(what, (OuterAddress(own), peer))
        assert (denied.sequence if denied is not None else None) == listed.denies(what.packet(peer, own))


@given(lists(), st.sampled_from(list(Outer)), _ADDRESSES, _ADDRESSES)
def test_what_is_denied_without_addresses_is_denied_with_them(
    listed: FilterList, what: Outer, own: IPv4Address, peer: IPv4Address
) -> None:
    packet = what.packet(peer, own)
    for local, remote in ((None, None), (own, None), (None, peer)):
        if surely_denied(listed, what, local, remote) is not None:
            assert listed.denies(packet) is not None
    assert surely_denied(listed, what, own, peer) == listed.denies(packet)
