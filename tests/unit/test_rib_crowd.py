"""Thousands of routes that change at one moment: the routing table takes them in several events."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.chores import PAUSE
from dmvpn.base.effects import ClearRoute, SetRoute
from dmvpn.base.events import EffectFailed, LinkChanged, Resync, Tick
from dmvpn.base.notices import RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.rib.machine import SLICE, ClearRoutes
from dmvpn.features.rib.table import RouteTable
from support.routing import GI2, make, route, via
from support.workbench import of_type

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice
    from support.workbench import Workbench

ROUTES = 1000
_PREFIXES = [Prefix.of(IPv4Address(0x0B000000 + (number << 8)), 24) for number in range(ROUTES)]
_OFFERS = [RouteOffered(route(str(prefix), via("10.3.3.9", GI2))) for prefix in _PREFIXES]


def told(bench: Workbench, notices: list[Notice]) -> int:
    """What protocols say in one event; returns how many orders that one makes."""
    bench.now += 1.0
    found = [one for notice in notices for one in bench.machines["rib"].handle(notice, bench.now)]
    return len([one for one in found if isinstance(one, SetRoute | ClearRoute)])


def rest(bench: Workbench, kind: type[Effect], first: int = 0) -> int:
    """How many such orders there are within a second, with those of the first event; no event may have too many."""
    assert first <= SLICE
    count, end = first, bench.now + 1.0
    while (due := bench.next_deadline()) is not None and due <= end:
        bench.now = max(bench.now, due)
        some = len(of_type(bench.handle(Tick()), kind))
        assert some <= SLICE
        count += some
    return count


def full() -> Workbench:
    bench = make("")
    assert rest(bench, SetRoute, told(bench, list(_OFFERS))) == ROUTES
    return bench


def test_routes_that_are_offered_in_one_event_are_taken_in_several() -> None:
    assert len(full().ports.rib.routes()) >= ROUTES


def test_an_error_with_one_of_them_costs_none_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell logs the error and goes on."""
    bench = make("")
    told(bench, list(_OFFERS))
    bench.now += PAUSE
    with monkeypatch.context() as broken:
        broken.setattr(RouteTable, "offer", Mock(side_effect=ZeroDivisionError))
        with pytest.raises(ZeroDivisionError):
            bench.handle(Tick())
    rest(bench, SetRoute)
    assert sum(bench.ports.rib.exact(prefix) is not None for prefix in _PREFIXES) == ROUTES - 1


def test_the_last_word_about_a_route_counts() -> None:
    bench = make("")
    gone = [RouteRetracted(RouteSource.EIGRP, "100", prefix) for prefix in _PREFIXES[-10:]]
    told(bench, [*_OFFERS, *gone])
    rest(bench, SetRoute)
    assert bench.ports.rib.exact(_PREFIXES[-11]) is not None
    assert all(bench.ports.rib.exact(prefix) is None for prefix in _PREFIXES[-10:])


def test_routes_that_are_taken_back_in_one_event_go_in_several() -> None:
    bench = full()
    gone = [RouteRetracted(RouteSource.EIGRP, "100", prefix) for prefix in _PREFIXES]
    assert rest(bench, ClearRoute, told(bench, [*gone])) == ROUTES


def test_routes_out_of_an_interface_follow_its_line_in_several_events() -> None:
    bench = full()
    down = rest(bench, SetRoute, len(of_type(bench.handle(LinkChanged(GI2, up=False)), ClearRoute)))
    assert down <= SLICE
    assert all(bench.ports.rib.exact(prefix) is None for prefix in _PREFIXES)
    up = len(of_type(bench.handle(LinkChanged(GI2, up=True)), SetRoute))
    assert rest(bench, SetRoute, up) == ROUTES


def test_orders_that_are_refused_together_are_given_again_in_several_events() -> None:
    """Their attempts coincide, and all are made however many there are."""
    bench = full()
    bench.handle(*(EffectFailed(SetRoute(prefix, (via("10.3.3.9", GI2),)), 12, "no memory") for prefix in _PREFIXES))
    bench.now += 0.5
    assert rest(bench, SetRoute) == ROUTES


def test_refused_orders_and_offers_that_wait_do_not_stop_each_other() -> None:
    """The attempt is due at the moment at which the first of the other offers are taken."""
    bench = make("")
    told(bench, [*_OFFERS[:1]])
    bench.handle(EffectFailed(SetRoute(_PREFIXES[0], (via("10.3.3.9", GI2),)), 12, "no memory"))
    due = bench.next_deadline()
    assert due is not None
    bench.now = due - PAUSE - 1.0
    first = told(bench, [*_OFFERS[1:]])
    assert first + len(of_type(bench.advance(1.0), SetRoute)) == ROUTES


def test_a_line_that_is_up_again_at_once_leaves_every_route() -> None:
    bench = full()
    bench.handle(LinkChanged(GI2, up=False), LinkChanged(GI2, up=True))
    rest(bench, SetRoute)
    assert all(bench.ports.rib.exact(prefix) is not None for prefix in _PREFIXES)


def test_entries_are_ordered_again_in_several_events() -> None:
    bench = full()
    for order in (ClearRoutes(), Resync()):
        assert rest(bench, SetRoute, len(of_type(bench.handle(order), SetRoute))) == ROUTES
