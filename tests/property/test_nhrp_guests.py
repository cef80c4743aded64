"""Addresses registered outside of the subnet: an index finds what a look at all of them would, and looks at few."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.features.nhrp.server import Guest, Guests
from support.work import calls

#: Few addresses, so that prefixes often hold each other.
PREFIXES = st.one_of(
    st.builds(
        lambda low, length: Prefix.of(IPv4Address(0xFFFFFF00 + low), length), st.integers(0, 255), st.integers(0, 32)
    ),
    st.builds(lambda low, length: Prefix.of(IPv6Address(low), length), st.integers(0, 255), st.integers(118, 128)),
)
HOPS = st.lists(
    st.sampled_from([IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"), IPv4Address("192.0.2.3")]), unique=True
)


@given(st.lists(st.tuples(PREFIXES, st.none() | HOPS.map(tuple)), max_size=40), PREFIXES)
def test_a_changed_route_finds_all_whom_it_concerns_the_oldest_first(
    changes: list[tuple[Prefix, tuple[IPv4Address, ...] | None]], route: Prefix
) -> None:
    guests = Guests()
    known: dict[Prefix, tuple[IPv4Address, ...]] = {}
    for target, hops in changes:
        if hops is None:
            guests.pop(target)
            known.pop(target, None)
        else:
            guests[target] = Guest(hops)
            known[target] = hops
    assert guests.within(route) == [target for target in known if target in route]
    for hop in (IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")):
        assert guests.behind(hop) == [target for target, hops in known.items() if hop in hops]
    assert len(guests) == len(known)


def test_a_changed_route_costs_the_same_however_many_addresses_are_registered() -> None:
    """50,000 routes that changed on a hub with many hosts behind its spokes kept it busy for minutes."""

    def of_one_route(count: int) -> int:
        guests = Guests()
        for number in range(count):
            guests[Prefix.host(IPv4Address(0x0A000000 + number))] = Guest((IPv4Address(0xC0000200 + number),))
        route = Prefix.parse("10.0.0.8/30")
        return calls(lambda: (guests.within(route), guests.behind(IPv4Address("192.0.2.8"))))

    assert of_one_route(3200) == of_one_route(100)
