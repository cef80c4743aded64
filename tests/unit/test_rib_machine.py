"""The routing table: selection, recursion, forwarding entries."""

from __future__ import annotations

from ipaddress import IPv4Address

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
from support.routing import GI1, GI2, a, make, p, route, routes_in, via
from support.workbench import Workbench, of_type


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
