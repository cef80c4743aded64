"""Static routes: how next hops are found, what happens when they are not, how the lines are kept."""

from __future__ import annotations

import pytest

from dmvpn.base.effects import ClearRoute, RouteKind, SetRoute
from dmvpn.base.events import LinkChanged
from dmvpn.base.notices import RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.static import FEATURE as STATIC
from support.routing import GI1, GI2, a, make, p, route, routes_in, via
from support.workbench import Workbench


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
