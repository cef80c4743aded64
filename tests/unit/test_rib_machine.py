"""The routing table: selection, recursion, forwarding entries."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, NextHop, SetRoute
from dmvpn.base.events import EffectFailed, HostRouteChanged, LinkChanged, Resync
from dmvpn.base.notices import (
    OverrideOffered,
    Route,
    RouteChanged,
    RouteOffered,
    RouteRetracted,
    RoutesCleared,
    RouteSource,
)
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.rib.recursion import LARGEST_CIRCLE, SLICE
from dmvpn.features.rib.table import RouteTable
from support.routing import GI1, GI2, a, make, p, route, routes_in, via
from support.workbench import Workbench, of_type

if TYPE_CHECKING:
    from collections.abc import Iterable


def test_an_interface_makes_a_connected_and_a_local_route_which_the_shell_is_not_told_about() -> None:
    bench = Workbench(INTERFACE, RIB)
    bench.configure(f"interface {GI1}\n ip address 172.16.31.1 255.255.255.252\n")
    effects = bench.handle(LinkChanged(GI1, up=True))
    assert routes_in(effects) == []
    assert [(str(known.prefix), known.source) for known in bench.ports.rib.routes()] == [
        ("172.16.31.0/30", RouteSource.CONNECTED),
        ("172.16.31.1/32", RouteSource.LOCAL),
    ]
    bench.handle(LinkChanged(GI1, up=False))
    assert bench.ports.rib.routes() == ()


def test_the_longest_match_wins() -> None:
    bench = make()
    bench.handle(
        RouteOffered(route("10.0.0.0/8", via("172.16.31.2"))), RouteOffered(route("10.4.0.0/16", via("172.16.31.1")))
    )
    found = bench.ports.rib.lookup(a("10.4.4.1"))
    assert found is not None
    assert found.prefix == p("10.4.0.0/16")
    assert bench.ports.rib.lookup(a("11.0.0.1")) is None
    assert bench.ports.rib.forwarding(a("11.0.0.1")) == ()


def test_the_smaller_distance_wins_and_the_other_one_waits() -> None:
    bench = make()
    rip = Route(
        prefix=p("10.4.4.0/24"), source=RouteSource.RIP, distance=120, metric=1, next_hops=(via("172.16.31.1"),)
    )
    eigrp = route("10.4.4.0/24", via("172.16.31.2"))
    assert routes_in(bench.handle(RouteOffered(rip))) == [SetRoute(p("10.4.4.0/24"), (via("172.16.31.1"),))]
    assert routes_in(bench.handle(RouteOffered(eigrp))) == [SetRoute(p("10.4.4.0/24"), (via("172.16.31.2"),))]
    assert routes_in(bench.handle(RouteRetracted(RouteSource.EIGRP, "100", p("10.4.4.0/24")))) == [
        SetRoute(p("10.4.4.0/24"), (via("172.16.31.1"),))
    ]
    assert routes_in(bench.handle(RouteRetracted(RouteSource.RIP, "", p("10.4.4.0/24")))) == [
        ClearRoute(p("10.4.4.0/24"))
    ]


def test_the_same_offer_again_changes_nothing() -> None:
    bench = make()
    offer = RouteOffered(route("10.4.4.0/24", via("172.16.31.2")))
    bench.handle(offer)
    bench.notices.clear()
    assert bench.handle(offer) == []
    assert not [notice for notice in bench.notices if isinstance(notice, RouteChanged)]


def test_a_route_through_an_interface_that_is_down_is_not_used() -> None:
    bench = make()
    bench.handle(RouteOffered(route("10.4.4.0/24", via("172.16.31.2"), via("10.3.3.9", GI2))))
    assert routes_in(bench.handle(LinkChanged(GI1, up=False))) == [SetRoute(p("10.4.4.0/24"), (via("10.3.3.9", GI2),))]
    assert routes_in(bench.handle(LinkChanged(GI2, up=False))) == [ClearRoute(p("10.4.4.0/24"))]
    assert routes_in(bench.handle(LinkChanged(GI1, up=True))) == [SetRoute(p("10.4.4.0/24"), (via("172.16.31.2"),))]


def test_distance_255_is_never_used() -> None:
    bench = make("ip route 10.9.0.0 255.255.0.0 172.16.31.2 255\n")
    assert bench.ports.rib.exact(p("10.9.0.0/16")) is None


# ------------------------------------------------------------------------------------------------ the host's own


def test_whatever_the_configuration_says_wins_over_a_route_of_the_host_and_gives_way_to_it_in_one_order() -> None:
    bench = make()
    assert routes_in(bench.handle(HostRouteChanged(p("10.9.0.0/16"), (via("172.16.31.2"),), 100))) == []
    assert bench.ports.rib.forwarding(a("10.9.0.1")) == (via("172.16.31.2"),)
    effects = bench.configure("ip route 10.9.0.0 255.255.0.0 10.3.3.9\n")
    assert routes_in(effects) == [SetRoute(p("10.9.0.0/16"), (via("10.3.3.9", GI2),))]
    assert routes_in(bench.handle(HostRouteChanged(p("10.9.0.0/16"), ()))) == []
    bench.handle(HostRouteChanged(p("10.9.0.0/16"), (via("172.16.31.2"),), 100))
    assert routes_in(bench.configure("no ip route 10.9.0.0 255.255.0.0 10.3.3.9\n")) == [ClearRoute(p("10.9.0.0/16"))]
    assert bench.ports.rib.forwarding(a("10.9.0.1")) == (via("172.16.31.2"),)


def test_a_null_route_behind_all_others_wins_over_a_route_of_the_host() -> None:
    bench = make("ip route 10.9.0.0 255.255.0.0 Null0 254\n")
    bench.handle(HostRouteChanged(p("10.9.0.0/16"), (via("172.16.31.2"),)))
    assert bench.ports.rib.forwarding(a("10.9.0.1")) == ()


def test_a_static_route_does_not_follow_the_hosts_default_route() -> None:
    """Its next hop is in a tunnel that is down: what belongs into the tunnel would leave by the provider."""
    bench = make("ip route 10.9.0.0 255.255.0.0 192.168.100.41\n")
    assert routes_in(bench.handle(HostRouteChanged(p("0.0.0.0/0"), (via("172.16.31.2"),)))) == []
    assert bench.ports.rib.exact(p("10.9.0.0/16")) is None


# ------------------------------------------------------------------------------------------------ NHRP


TUNNEL = "GigabitEthernet0/2"  # stands for a tunnel: any interface with a line will do


def shortcut(prefix: str, *hops: NextHop) -> Route:
    return Route(prefix=p(prefix), source=RouteSource.NHRP, distance=250, metric=255, next_hops=hops)


def test_an_nhrp_route_counts_for_packets_and_can_be_looked_past() -> None:
    bench = make()
    bench.handle(RouteOffered(route("10.0.0.0/8", via("10.3.3.11", TUNNEL))))
    effects = bench.handle(RouteOffered(shortcut("10.4.4.0/24", via("10.3.3.41", TUNNEL))))
    assert routes_in(effects) == [SetRoute(p("10.4.4.0/24"), (via("10.3.3.41", TUNNEL),))]
    rib = bench.ports.rib
    assert rib.forwarding(a("10.4.4.1")) == (via("10.3.3.41", TUNNEL),)
    plain = rib.lookup_without_nhrp(a("10.4.4.1"))
    assert plain is not None
    assert plain.prefix == p("10.0.0.0/8")
    assert rib.exact(p("10.4.4.0/24")) is None


def test_the_host_route_of_a_peer_is_ordered_although_it_has_no_next_hop_address() -> None:
    effects = make().handle(RouteOffered(shortcut("10.3.3.41/32", NextHop(TUNNEL))))
    assert routes_in(effects) == [SetRoute(p("10.3.3.41/32"), (NextHop(TUNNEL),))]


def test_an_override_replaces_the_next_hop_in_one_order_and_leaves_the_route_alone() -> None:
    bench = make()
    bench.handle(RouteOffered(route("10.4.4.0/24", via("10.3.3.11", TUNNEL))))
    bench.notices.clear()
    effects = bench.handle(OverrideOffered(p("10.4.4.0/24"), via("10.3.3.41", TUNNEL)))
    assert effects == [SetRoute(p("10.4.4.0/24"), (via("10.3.3.41", TUNNEL),))]
    assert not [notice for notice in bench.notices if isinstance(notice, RouteChanged)]
    found = bench.ports.rib.lookup(a("10.4.4.1"))
    assert found is not None
    assert found.next_hops == (via("10.3.3.11", TUNNEL),)
    assert bench.ports.rib.forwarding(a("10.4.4.1")) == (via("10.3.3.41", TUNNEL),)
    assert bench.handle(OverrideOffered(p("10.4.4.0/24"), None)) == [
        SetRoute(p("10.4.4.0/24"), (via("10.3.3.11", TUNNEL),))
    ]


def test_an_override_without_a_route_waits_for_one() -> None:
    bench = make()
    assert bench.handle(OverrideOffered(p("10.4.4.0/24"), via("10.3.3.41", TUNNEL))) == []
    effects = bench.handle(RouteOffered(route("10.4.4.0/24", via("10.3.3.11", TUNNEL))))
    assert effects == [SetRoute(p("10.4.4.0/24"), (via("10.3.3.41", TUNNEL),))]
    assert bench.handle(RouteRetracted(RouteSource.EIGRP, "100", p("10.4.4.0/24"))) == [ClearRoute(p("10.4.4.0/24"))]


def test_an_override_through_an_interface_that_goes_down_ends_at_once() -> None:
    bench = make()
    bench.handle(RouteOffered(route("10.4.4.0/24", via("172.16.31.2"))))
    bench.handle(OverrideOffered(p("10.4.4.0/24"), via("10.3.3.41", TUNNEL)))
    effects = bench.handle(LinkChanged(TUNNEL, up=False))
    assert SetRoute(p("10.4.4.0/24"), (via("172.16.31.2"),)) in effects


# ------------------------------------------------------------------------------------------------ the shell


def test_an_order_that_failed_is_tried_again_and_its_reason_is_shown_meanwhile() -> None:
    bench = make()
    (order,) = of_type(bench.handle(RouteOffered(route("10.4.4.0/24", via("172.16.31.2")))), SetRoute)
    bench.handle(EffectFailed(order, 101, "Network is unreachable"))
    shown = "\n".join(bench.show("show ip route 10.4.4.1"))
    assert "Not in the forwarding table: the host refused the route (Network is unreachable)" in shown
    assert bench.advance(1.0) == [order]
    assert "Not in the forwarding table" not in "\n".join(bench.show("show ip route 10.4.4.1"))


def test_resync_says_every_entry_again() -> None:
    bench = make("ip route 0.0.0.0 0.0.0.0 172.16.31.2\n")
    assert of_type(bench.handle(Resync()), SetRoute) == [SetRoute(p("0.0.0.0/0"), (via("172.16.31.2"),))]


def test_clear_ip_route_repeats_the_entries_and_tells_the_protocols() -> None:
    bench = make("ip route 0.0.0.0 0.0.0.0 172.16.31.2\n")
    assert bench.do("clear ip route *") == [SetRoute(p("0.0.0.0/0"), (via("172.16.31.2"),))]
    assert RoutesCleared(None) in bench.notices


def test_debug_ip_routing_prints_what_comes_and_goes() -> None:
    bench = make()
    bench.debugging.flags.add("ip routing")
    bench.handle(RouteOffered(route("10.4.4.0/24", via("172.16.31.2"))))
    bench.handle(RouteRetracted(RouteSource.EIGRP, "100", p("10.4.4.0/24")))
    assert bench.debug_lines == [
        "RT: add 10.4.4.0/24 via 172.16.31.2, eigrp metric [90/1000]",
        "RT: del 10.4.4.0/24 via 172.16.31.2, eigrp metric [90/1000]",
    ]


@pytest.mark.lengthy
def test_ten_thousand_routes_are_taken_in_a_second() -> None:
    bench = make("ip route 0.0.0.0 0.0.0.0 172.16.31.2\n")
    rib = bench.machines["rib"]
    total = 0
    for number in range(10_000):
        prefix = Prefix.of(IPv4Address(0x0B000000 + (number << 8)), 24)
        total += len(rib.handle(RouteOffered(route(str(prefix), via("10.3.3.9", GI2))), float(number)))
    assert total == 20_000
    assert len(bench.ports.rib.routes()) == 10_005


# Next hops that are found in the table: what looking for them costs, and circles.

ROUTES = 2000


def table() -> RouteTable:
    """A table with one connected network, 10.0.0.0/8."""
    made = RouteTable(lambda interface, version: True)
    made.offer(bgp_route("10.0.0.0/8", NextHop("Gi1"), source=RouteSource.CONNECTED), 0.0)
    return made


def bgp_route(prefix: str, *hops: str | NextHop, source: RouteSource = RouteSource.BGP) -> Route:
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


def rest(made: RouteTable) -> list[RouteChanged]:
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
    cost = offer_all(made, (bgp_route(lan, f"10.0.0.{1 + one % few}") for one, lan in enumerate(lans())))
    assert cost == few
    assert shown(made, lans()[-1]) == (NextHop("Gi1", IPv4Address(f"10.0.0.{1 + (ROUTES - 1) % few}")),)


@pytest.mark.lengthy
@pytest.mark.parametrize("few", [1, 10])
def test_next_hops_behind_a_learned_route_cost_no_more(few: int) -> None:
    made = table()
    made.offer(bgp_route("11.0.0.0/8", "10.0.0.9"), 0.0)
    cost = offer_all(made, (bgp_route(lan, f"11.0.0.{1 + one % few}") for one, lan in enumerate(lans())))
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
    offer_all(made, (bgp_route(f"{hop}/32", "10.0.0.9") for hop in own))
    offer_all(made, (bgp_route(lan, hop) for lan, hop in zip(lans(), own, strict=True)))
    before = made.recursion.looked_up
    gone = made.retract(RouteSource.BGP, "", Prefix.parse(f"{own[7]}/32"), 1.0)
    assert made.recursion.looked_up - before == 1
    assert [change.prefix for change in gone] == [Prefix.parse(f"{own[7]}/32"), Prefix.parse(lans()[7])]


@pytest.mark.lengthy
@pytest.mark.parametrize("upwards", [True, False])
def test_a_chain_of_two_thousand_routes_leads_to_its_end(upwards: bool) -> None:
    """A neighbor could end the router's work on an event by a chain of routes, each with its next hop in the next."""
    made = table()
    chain = [bgp_route(f"20.{one >> 8}.{one & 255}.0/24", _inside(one + 1)) for one in range(ROUTES)]
    last = bgp_route(f"20.{ROUTES >> 8}.{ROUTES & 255}.0/24", "10.0.0.9")
    cost = offer_all(made, [*chain, last] if upwards else [last, *reversed(chain)])
    assert cost <= 3 * ROUTES + 1
    assert shown(made, "20.0.0.0/24") == (NextHop("Gi1", IPv4Address("10.0.0.9")),)
    gone = made.retract(RouteSource.BGP, "", last.prefix, 1.0) + rest(made)
    assert len(gone) == ROUTES + 1


def _inside(one: int) -> str:
    return f"20.{one >> 8}.{one & 255}.1"


def test_of_a_circle_of_too_many_none_leans_on_another() -> None:
    made = table()
    made.offer(bgp_route("0.0.0.0/0", NextHop("Gi2", IPv4Address("192.0.2.1"))), 0.0)
    number = LARGEST_CIRCLE + 1
    ring = [bgp_route(lan, _inside((one + 1) % number)) for one, lan in enumerate(lans(number))]
    for one in ring:
        made.offer(one, 0.0)
    assert [lan for lan in lans(number) if shown(made, lan)] == []
    made.retract(RouteSource.BGP, "", ring[-1].prefix, 1.0)
    assert [shown(made, lan) for lan in lans(number - 1)] == [(NextHop("Gi2", IPv4Address("192.0.2.1")),)] * (
        number - 1
    )


def test_of_a_small_circle_over_the_default_route_the_one_that_closes_it_is_left_out() -> None:
    made = table()
    made.offer(bgp_route("0.0.0.0/0", NextHop("Gi2", IPv4Address("192.0.2.1"))), 0.0)
    for one, lan in enumerate(lans(3)):
        made.offer(bgp_route(lan, _inside((one + 1) % 3)), 0.0)
    assert [shown(made, lan) is not None for lan in lans(3)] == [True, True, False]
    made.retract(RouteSource.BGP, "", Prefix.parse("0.0.0.0/0"), 1.0)
    assert [shown(made, lan) for lan in lans(3)] == [None] * 3


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_an_offer_that_is_in_a_circle_no_more_is_used_in_whichever_order_all_came(order: tuple[int, ...]) -> None:
    made, direct = table(), NextHop("Gi1", IPv4Address("10.0.3.1"))
    offers = [
        bgp_route("0.0.0.0/0", "11.0.1.200", source=RouteSource.STATIC),
        replace(bgp_route("0.0.0.0/0", direct, source=RouteSource.EIGRP), distance=240),
        bgp_route("11.0.1.0/24", direct, source=RouteSource.EIGRP),
        bgp_route("11.0.1.128/25", "11.0.1.200"),
    ]
    for one in order:
        made.offer(offers[one], 0.0)
    node = made.nodes.get(Prefix.parse("0.0.0.0/0"))
    assert node is not None
    assert node.shown is not None
    assert node.shown.source is RouteSource.STATIC
