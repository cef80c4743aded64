"""Static routes: how next hops are found, what happens when they are not, how the lines are kept."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.context import PAUSE
from dmvpn.base.effects import ClearRoute, RouteKind, SetRoute
from dmvpn.base.events import EffectFailed, LinkChanged, Resync, Tick
from dmvpn.base.notices import Configured, RouteOffered, RouteRetracted, RouteSource, TrackChanged, TrackFollowed
from dmvpn.base.pages import Pages
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.rib.machine import SLICE, ClearRoutes
from dmvpn.features.rib.table import RouteTable
from dmvpn.features.static import FEATURE as STATIC
from dmvpn.features.static.machine import StaticMachine
from dmvpn.features.static.model import StaticConfig, StaticRoute
from support.routing import GI1, GI2, a, make, p, route, routes_in, via
from support.work import calls
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice


def test_a_static_next_hop_is_resolved_to_its_interface() -> None:
    bench = make("ip route 0.0.0.0 0.0.0.0 172.16.31.2\n")
    assert bench.ports.rib.forwarding(a("8.8.8.8")) == (via("172.16.31.2"),)
    assert routes_in(bench.handle(LinkChanged(GI1, up=False))) == [ClearRoute(p("0.0.0.0/0"))]
    assert routes_in(bench.handle(LinkChanged(GI1, up=True))) == [SetRoute(p("0.0.0.0/0"), (via("172.16.31.2"),))]


def test_a_static_route_over_a_static_route_is_followed_to_the_end() -> None:
    bench = make("ip route 10.9.0.0 255.255.0.0 10.8.0.1\nip route 10.8.0.0 255.255.0.0 172.16.31.2\n")
    assert bench.ports.rib.forwarding(a("10.9.1.1")) == (via("172.16.31.2"),)
    bench.configure("no ip route 10.8.0.0 255.255.0.0 172.16.31.2\n")
    assert bench.ports.rib.forwarding(a("10.9.1.1")) == ()


def test_static_routes_that_lean_on_each_other_are_not_used() -> None:
    bench = make("ip route 10.8.0.0 255.255.0.0 10.9.0.1\nip route 10.9.0.0 255.255.0.0 10.8.0.1\n")
    assert bench.ports.rib.forwarding(a("10.8.1.1")) == ()
    assert bench.ports.rib.forwarding(a("10.9.1.1")) == ()


def test_of_a_circle_over_the_default_route_the_one_that_closes_it_is_left_out() -> None:
    bench = make(
        "ip route 0.0.0.0 0.0.0.0 172.16.31.2\n"
        "ip route 10.9.0.0 255.255.0.0 10.8.0.1\nip route 10.8.0.0 255.255.0.0 10.9.0.1\n"
    )
    assert bench.ports.rib.exact(p("10.8.0.0/16")) is not None
    assert bench.ports.rib.exact(p("10.9.0.0/16")) is None


def test_a_static_route_cannot_lean_on_itself() -> None:
    bench = make("ip route 10.0.0.0 255.0.0.0 10.1.1.1\n")
    assert bench.ports.rib.exact(p("10.0.0.0/8")) is None


def test_of_two_next_hops_the_one_that_leans_on_the_route_itself_does_not_take_the_other_along() -> None:
    """A second default route, to an address that only the default route leads to, left the router without any."""
    bench = make("ip route 0.0.0.0 0.0.0.0 172.16.31.2\nip route 0.0.0.0 0.0.0.0 172.16.99.9\n")
    assert bench.ports.rib.forwarding(a("8.8.8.8")) == (via("172.16.31.2"),)


def test_a_next_hop_that_is_our_own_address_is_not_used() -> None:
    bench = make("ip route 10.9.0.0 255.255.0.0 172.16.31.1\n")
    assert bench.ports.rib.exact(p("10.9.0.0/16")) is None


def test_a_floating_static_route_takes_over_when_the_protocol_loses_its_route() -> None:
    bench = make("ip route 10.4.4.0 255.255.255.0 172.16.31.2 200\n")
    bench.handle(RouteOffered(route("10.4.4.0/24", via("10.3.3.9", GI2))))
    assert bench.ports.rib.forwarding(a("10.4.4.1")) == (via("10.3.3.9", GI2),)
    bench.handle(RouteRetracted(RouteSource.EIGRP, "100", p("10.4.4.0/24")))
    assert bench.ports.rib.forwarding(a("10.4.4.1")) == (via("172.16.31.2"),)


def test_static_routes_of_one_distance_share_the_load() -> None:
    bench = make("ip route 10.4.4.0 255.255.255.0 172.16.31.2\nip route 10.4.4.0 255.255.255.0 10.3.3.9\n")
    assert bench.ports.rib.forwarding(a("10.4.4.1")) == (via("172.16.31.2"), via("10.3.3.9", GI2))


def test_null0_discards() -> None:
    bench = Workbench(INTERFACE, RIB, STATIC)
    effects = bench.configure("ip route 10.0.0.0 255.0.0.0 Null0\n")
    assert routes_in(effects) == [SetRoute(p("10.0.0.0/8"), (), RouteKind.DISCARD)]
    assert bench.ports.rib.forwarding(a("10.1.1.1")) == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ip route 10.0.0.1 255.0.0.0 172.16.31.2", "%Inconsistent address and mask"),
        ("ip route 10.0.0.0 255.0.0.0 Null0 10.1.1.1", "%Invalid next hop: Null0 has no neighbors"),
        ("ipv6 route 2001:db8::/32 Null0 2001:db8::1", "%Invalid next hop: Null0 has no neighbors"),
        ("ip route 10.0.0.0 255.0.0.0 224.0.0.5", "%Invalid next hop address"),
        ("ip route 10.0.0.0 255.0.0.0 127.0.0.1", "%Invalid next hop address"),
        ("ipv6 route 2001:db8::/32 ff02::1", "%Invalid next hop address"),
        ("ipv6 route 2001:db8::/32 GigabitEthernet0/1 ::1", "%Invalid next hop address"),
        ("ipv6 route 2001:db8::/32 ::ffff:10.0.0.1", "%Invalid next hop address"),
    ],
)
def test_static_routes_that_cannot_be_meant_are_refused(line: str, message: str) -> None:
    assert make().problems(line) == [message]


def test_the_options_of_a_static_route_are_shown_in_the_order_of_ios() -> None:
    bench = make("ip route 10.9.0.0 255.255.0.0 Gi0/1 172.16.31.2 name X tag 5 200 permanent\n")
    expected = f"ip route 10.9.0.0 255.255.0.0 {GI1} 172.16.31.2 200 tag 5 permanent name X"
    assert expected in bench.running_lines()


@pytest.mark.parametrize("name", ['"to R26 (ISP)"', '"short"', "to-R26", '"'])
def test_the_name_of_a_route_may_be_several_words_between_quotation_marks(name: str) -> None:
    """`name "to R26 (ISP)"` was an unknown line, so the router had no default route, and its tunnels stayed down."""
    line = f"ip route 0.0.0.0 0.0.0.0 172.16.31.2 20 name {name}"
    bench = make(f"{line}\n")
    assert line in bench.running_lines()
    assert bench.ports.rib.forwarding(a("8.8.8.8")) == (via("172.16.31.2"),)


# Thousands of routes that change at one moment: the routing table takes them in several events.

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


# Static routes that follow tracked objects: which objects they name, and what a line beside thousands costs.


def tracked(number: int, track: int = 1) -> StaticRoute:
    """The route of a site that follows an object."""
    prefix = Prefix.of(IPv4Address(0x0A000000 + (number << 8)), 24)
    return StaticRoute(prefix=prefix, next_hop=IPv4Address("192.0.2.1"), track=track)


def numbers_of(machine: StaticMachine, routes: Pages[StaticRoute]) -> list[tuple[int, ...]]:
    """What the machine says of objects when it gets these routes."""
    results = machine.handle(Configured("static", StaticConfig(ipv4=routes)), 0.0)
    return [result.numbers for result in results if isinstance(result, TrackFollowed)]


def test_an_object_is_followed_until_the_last_line_with_it_is_gone() -> None:
    machine, routes = StaticMachine(make("").ports), Pages((tracked(1), tracked(1, track=2), tracked(2)))
    assert numbers_of(machine, routes) == [(1, 2)]
    routes = routes.turned({0: None})
    assert numbers_of(machine, routes) == []
    routes = routes.turned({2: tracked(2, track=3)})
    assert numbers_of(machine, routes) == [(2, 3)]
    assert numbers_of(machine, routes.turned({1: None, 2: None})) == [()]


def test_the_table_of_tracked_routes_says_which_objects_are_up() -> None:
    bench = Workbench(STATIC)
    bench.configure(
        "ip route 10.1.0.0 255.255.0.0 192.0.2.1 200 track 7\nip route 10.2.0.0 255.255.0.0 192.0.2.1\n"
        "ip route 10.3.0.0 255.255.0.0 Tunnel0 192.0.2.1 name HUB track 8\n"
    )
    bench.handle(TrackChanged(8, up=True))
    assert bench.show("show ip route track-table") == [
        " ip route 10.1.0.0 255.255.0.0 192.0.2.1 200 track 7 state is [down]",
        " ip route 10.3.0.0 255.255.0.0 Tunnel0 192.0.2.1 name HUB track 8 state is [up]",
    ]


def test_a_line_beside_thousands_of_tracked_ones_looks_at_none_of_them() -> None:
    assert steps(4000) < 2 * steps(400)


def steps(count: int) -> int:
    """Functions that are called for one line more beside so many."""
    machine, routes = StaticMachine(make("").ports), Pages(tracked(number) for number in range(count))
    numbers_of(machine, routes)
    more = routes.turned({count: tracked(count)})
    return calls(lambda: numbers_of(machine, more))
