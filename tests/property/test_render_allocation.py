"""Addresses that are given to sites: none overlap, and what was given stays, whatever happens to the table."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.tools.render.addresses import AllocationError
from dmvpn.tools.render.allocation import Allocations, allocate
from dmvpn.tools.render.table import Hub, Spoke, Table

_NAMES = [f"S{number}" for number in range(12)]
#: What a site says itself: nothing, its LAN, its number, its address outside.
_SITES = st.sampled_from(
    [
        {},
        {},
        {},
        {"lan": "10.1.3.0/24"},
        {"lan": "10.1.0.0/22"},
        {"number": 12},
        {"nbma": "100.64.0.5/30", "gateway": "100.64.0.6"},
        {"dynamic": True},
        {"nbma": "10.1.2.2/24", "gateway": "10.1.2.1", "nat": {}},
        {"nbma": "10.1.4.2/22", "gateway": "10.1.4.1", "nat": {}},
        {"nbma": "10.1.4.2/24", "gateway": "10.1.4.1", "nat": {}},
    ]
)
#: A table's spokes, in any order.
_SPOKES = st.lists(st.tuples(st.sampled_from(_NAMES), _SITES), unique_by=lambda site: site[0], max_size=12)


def _table(
    spokes: list[tuple[str, dict[str, object]]], lans: str = "10.1.0.0/20", outside: str = "100.64.0.0/26"
) -> Table:
    return Table.model_validate(
        {
            "tunnel": {"network": "10.1.8.0/26"},  # within the pool of LANs: nobody may get it
            "pools": {
                "lan": {"network": lans, "length": 24},
                "nbma": {"network": outside, "length": 30},
            },
            "hubs": {"HUB": {}},
            "spokes": dict(spokes),
        }
    )


def _try(table: Table, kept: Allocations) -> Allocations | None:
    try:
        return allocate(table, kept)
    except AllocationError:
        return None  # two sites name the same, or a pool is full: said, and nothing is given


def _networks(table: Table, given: Allocations) -> list[IPv4Network]:
    own = [site.lan for site in table.sites.values() if site.lan is not None]
    outside = [site.nbma.network for site in table.sites.values() if site.nbma is not None and not _has_nat(site)]
    return [table.tunnel.network, *own, *dict.fromkeys(outside), *given.lans.values(), *given.nbmas.values()]


def _inside(table: Table) -> list[IPv4Network]:
    """What is behind NAT: it may be the same at many sites, and nothing else there is."""
    return [site.nbma.network for site in table.sites.values() if site.nbma is not None and _has_nat(site)]


def _has_nat(site: Hub | Spoke) -> bool:
    return getattr(site, "nat", None) is not None


@given(_SPOKES)
def test_no_two_sites_get_anything_that_overlaps(spokes: list[tuple[str, dict[str, object]]]) -> None:
    table = _table(spokes)
    found = _try(table, Allocations())
    if found is not None:
        assert set(found.numbers) == set(table.sites)
        assert len(set(found.numbers.values())) == len(found.numbers)
        assert all(1 <= number <= 62 for number in found.numbers.values())
        assert not [pair for pair in combinations(_networks(table, found), 2) if pair[0].overlaps(pair[1])]
        assert not [pair for pair in product(_networks(table, found), _inside(table)) if pair[0].overlaps(pair[1])]
        assert all((site.lan is None) == (name in found.lans) for name, site in table.sites.items())


@given(st.lists(_SPOKES, min_size=2, max_size=5))
def test_sites_that_stay_keep_what_they_were_given_through_any_history(
    history: list[list[tuple[str, dict[str, object]]]],
) -> None:
    kept, before = Allocations(), _table([])
    for spokes in history:
        table = _table(spokes)
        found = _try(table, kept)
        if found is None:
            continue
        for name, site in table.sites.items():
            if name not in before.sites or site != before.sites[name]:
                continue
            assert found.numbers[name] == kept.numbers.get(name, found.numbers[name])
            assert found.lans.get(name) == kept.lans.get(name, found.lans.get(name))
            assert found.nbmas.get(name) == kept.nbmas.get(name, found.nbmas.get(name))
        assert not [pair for pair in combinations(_networks(table, found), 2) if pair[0].overlaps(pair[1])]
        assert len(set(found.numbers.values())) == len(table.sites)
        assert allocate(table, found) == found, "once more changes nothing"
        kept, before = found, table


@given(st.permutations(_NAMES[:6]))
def test_the_order_of_the_table_is_nothing_to_those_who_have_something(names: list[str]) -> None:
    first = allocate(_table([(name, {}) for name in _NAMES[:6]]), Allocations())
    again = allocate(_table([(name, {}) for name in names]), first)
    assert (dict(again.numbers), dict(again.lans), dict(again.nbmas)) == (first.numbers, first.lans, first.nbmas)


def test_a_site_in_the_middle_of_the_table_renumbers_nobody() -> None:
    first = allocate(_table([("A", {}), ("B", {})]), Allocations())
    again = allocate(_table([("A", {}), ("NEW", {}), ("B", {})]), first)
    assert {name: again.lans[name] for name in ("HUB", "A", "B")} == first.lans
    assert again.numbers["NEW"] == 13


def test_another_pool_is_another_lan_and_no_error() -> None:
    first = allocate(_table([("A", {})]), Allocations())
    moved = allocate(_table([("A", {})], lans="10.2.0.0/20"), first)
    assert moved.lans["A"].subnet_of(IPv4Network("10.2.0.0/20"))
    assert moved.numbers == first.numbers


def test_a_number_that_a_smaller_tunnel_network_does_not_have_is_given_again() -> None:
    found = allocate(_table([("A", {})]), Allocations({"A": 200}))
    assert found.numbers["A"] == 11


def test_pools_that_overlap_give_nothing_twice() -> None:
    table = _table([("A", {}), ("B", {})], lans="10.1.0.0/20", outside="10.1.0.0/24")
    given_once = allocate(table, Allocations())
    for found in (given_once, allocate(_table([("A", {}), ("B", {}), ("C", {})], outside="10.1.0.0/24"), given_once)):
        assert not [
            pair for pair in combinations([*found.lans.values(), *found.nbmas.values()], 2) if pair[0].overlaps(pair[1])
        ]
