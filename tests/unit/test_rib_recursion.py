"""Next hops that are found in the table: what looking for them costs, and circles."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop
from dmvpn.base.notices import Route, RouteSource
from dmvpn.features.rib.circles import LARGEST_CIRCLE
from dmvpn.features.rib.recursion import SLICE
from dmvpn.features.rib.table import BestRouteChange, RouteTable

if TYPE_CHECKING:
    from collections.abc import Iterable

ROUTES = 2000


def table() -> RouteTable:
    """A table with one connected network, 10.0.0.0/8."""
    made = RouteTable(lambda interface, version: True)
    made.offer(route("10.0.0.0/8", NextHop("Gi1"), source=RouteSource.CONNECTED), 0.0)
    return made


def route(prefix: str, *hops: str | NextHop, source: RouteSource = RouteSource.BGP) -> Route:
    """A route to next hops that are addresses alone, unless they are said to be others."""
    next_hops = tuple(hop if isinstance(hop, NextHop) else NextHop("", IPv4Address(hop)) for hop in hops)
    distance = 0 if source is RouteSource.CONNECTED else 200
    return Route(prefix=Prefix.parse(prefix), source=source, distance=distance, metric=0, next_hops=next_hops)


def lans(number: int = ROUTES) -> list[str]:
    """Networks of neighbors."""
    return [f"20.{one >> 8}.{one & 255}.0/24" for one in range(number)]


def offer_all(made: RouteTable, routes: Iterable[Route]) -> int:
    """Say how many next hops were looked up for these."""
    before = made.recursion.looked_up
    for now, one in enumerate(routes):
        made.offer(one, float(now))
    rest(made)
    return made.recursion.looked_up - before


def rest(made: RouteTable) -> list[BestRouteChange]:
    """Let the table look at what is left to look at, some of it at a time."""
    changes, now = [], 10_000.0
    while made.is_behind:
        some = made.go_on(now)
        assert len(some) <= SLICE
        changes += some
        now += 1.0
    return changes


def shown(made: RouteTable, prefix: str) -> tuple[NextHop, ...] | None:
    """The next hops of the route that is used, or None."""
    node = made.nodes.get(Prefix.parse(prefix))
    return node.shown.next_hops if node is not None and node.shown is not None else None


@pytest.mark.parametrize("few", [1, 10])
def test_thousands_of_routes_over_a_few_next_hops_look_each_of_them_up_once(few: int) -> None:
    made = table()
    cost = offer_all(made, (route(lan, f"10.0.0.{1 + one % few}") for one, lan in enumerate(lans())))
    assert cost == few
    assert shown(made, lans()[-1]) == (NextHop("Gi1", IPv4Address(f"10.0.0.{1 + (ROUTES - 1) % few}")),)


@pytest.mark.lengthy
@pytest.mark.parametrize("few", [1, 10])
def test_next_hops_behind_a_learned_route_cost_no_more(few: int) -> None:
    made = table()
    made.offer(route("11.0.0.0/8", "10.0.0.9"), 0.0)
    cost = offer_all(made, (route(lan, f"11.0.0.{1 + one % few}") for one, lan in enumerate(lans())))
    assert cost == few
    before = made.recursion.looked_up
    gone = made.retract(RouteSource.BGP, "", Prefix.parse("11.0.0.0/8"), 1.0)
    assert len(gone) <= 1 + SLICE
    gone += rest(made)
    assert made.recursion.looked_up - before == few
    assert len(gone) == 1 + ROUTES
    assert all(change.new is None for change in gone)
    for lan in lans():
        made.retract(RouteSource.BGP, "", Prefix.parse(lan), 2.0)
    assert made.recursion.looked_up - before <= few + few


@pytest.mark.lengthy
def test_routes_that_cover_next_hops_of_others_cost_no_look_up_of_anything_else() -> None:
    """One route of 2,000 that changes is no reason to look at the next hops of the others."""
    made = table()
    own = [f"11.{one >> 8}.{one & 255}.1" for one in range(ROUTES)]
    offer_all(made, (route(f"{hop}/32", "10.0.0.9") for hop in own))
    offer_all(made, (route(lan, hop) for lan, hop in zip(lans(), own, strict=True)))
    before = made.recursion.looked_up
    gone = made.retract(RouteSource.BGP, "", Prefix.parse(f"{own[7]}/32"), 1.0)
    assert made.recursion.looked_up - before == 1
    assert [change.prefix for change in gone] == [Prefix.parse(f"{own[7]}/32"), Prefix.parse(lans()[7])]


@pytest.mark.lengthy
@pytest.mark.parametrize("upwards", [True, False])
def test_a_chain_of_two_thousand_routes_leads_to_its_end(upwards: bool) -> None:
    """A neighbor could end the router's work on an event by a chain of routes, each with its next hop in the next."""
    made = table()
    chain = [route(f"20.{one >> 8}.{one & 255}.0/24", _inside(one + 1)) for one in range(ROUTES)]
    last = route(f"20.{ROUTES >> 8}.{ROUTES & 255}.0/24", "10.0.0.9")
    cost = offer_all(made, [*chain, last] if upwards else [last, *reversed(chain)])
    assert cost <= 3 * ROUTES + 1
    assert shown(made, "20.0.0.0/24") == (NextHop("Gi1", IPv4Address("10.0.0.9")),)
    gone = made.retract(RouteSource.BGP, "", last.prefix, 1.0) + rest(made)
    assert len(gone) == ROUTES + 1


def _inside(one: int) -> str:
    return f"20.{one >> 8}.{one & 255}.1"


def test_of_a_circle_of_too_many_none_leans_on_another() -> None:
    made = table()
    made.offer(route("0.0.0.0/0", NextHop("Gi2", IPv4Address("192.0.2.1"))), 0.0)
    number = LARGEST_CIRCLE + 1
    ring = [route(lan, _inside((one + 1) % number)) for one, lan in enumerate(lans(number))]
    for one in ring:
        made.offer(one, 0.0)
    assert [lan for lan in lans(number) if shown(made, lan)] == []
    made.retract(RouteSource.BGP, "", ring[-1].prefix, 1.0)
    assert [shown(made, lan) for lan in lans(number - 1)] == [(NextHop("Gi2", IPv4Address("192.0.2.1")),)] * (
        number - 1
    )


def test_of_a_small_circle_over_the_default_route_the_one_that_closes_it_is_left_out() -> None:
    made = table()
    made.offer(route("0.0.0.0/0", NextHop("Gi2", IPv4Address("192.0.2.1"))), 0.0)
    for one, lan in enumerate(lans(3)):
        made.offer(route(lan, _inside((one + 1) % 3)), 0.0)
    assert [shown(made, lan) is not None for lan in lans(3)] == [True, True, False]
    made.retract(RouteSource.BGP, "", Prefix.parse("0.0.0.0/0"), 1.0)
    assert [shown(made, lan) for lan in lans(3)] == [None] * 3


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_an_offer_that_is_in_a_circle_no_more_is_used_in_whichever_order_all_came(order: tuple[int, ...]) -> None:
    made, direct = table(), NextHop("Gi1", IPv4Address("10.0.3.1"))
    offers = [
        route("0.0.0.0/0", "11.0.1.200", source=RouteSource.STATIC),
        replace(route("0.0.0.0/0", direct, source=RouteSource.EIGRP), distance=240),
        route("11.0.1.0/24", direct, source=RouteSource.EIGRP),
        route("11.0.1.128/25", "11.0.1.200"),
    ]
    for one in order:
        made.offer(offers[one], 0.0)
    node = made.nodes.get(Prefix.parse("0.0.0.0/0"))
    assert node is not None
    assert node.shown is not None
    assert node.shown.source is RouteSource.STATIC
