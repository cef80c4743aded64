"""The routing table against a naive one: whatever happens in whatever order, only the offers decide the outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import ClearRoute, Effect, NextHop, RouteKind, SetRoute
from dmvpn.base.notices import (
    InterfaceChanged,
    InterfaceState,
    Notice,
    OverrideOffered,
    Route,
    RouteChanged,
    RouteOffered,
    RouteRetracted,
    RouteSource,
)
from dmvpn.features.rib.machine import RibMachine
from support.fakes import fake_ports

INTERFACES = ("Gi1", "Gi2", "Gi3")

#: Few addresses and lengths, so that prefixes cover each other and next hops lie inside them.
addresses = st.integers(0, 15).map(lambda number: IPv4Address(0x0A000000 + (number << 24 >> 4) + number))
prefixes = st.builds(Prefix.of, addresses, st.sampled_from([0, 8, 10, 12, 32]))
hops = st.one_of(
    st.builds(NextHop, st.sampled_from(INTERFACES), st.one_of(st.none(), addresses)),
    st.builds(NextHop, st.just(""), addresses),
)
sources = st.sampled_from(
    [(RouteSource.STATIC, 1), (RouteSource.EIGRP, 90), (RouteSource.RIP, 120), (RouteSource.NHRP, 250)]
)


@st.composite
def routes(draw: st.DrawFn) -> Route:
    source, distance = draw(sources)
    discard = source is RouteSource.STATIC and draw(st.integers(0, 9)) == 0
    return Route(
        prefix=draw(prefixes),
        source=source,
        distance=distance,
        metric=draw(st.integers(0, 2)),
        next_hops=() if discard else tuple(draw(st.lists(hops, min_size=1, max_size=2, unique=True))),
        kind=RouteKind.DISCARD if discard else RouteKind.FORWARD,
    )


def state(name: str, line: bool) -> InterfaceState:
    number = INTERFACES.index(name)
    address = IPv4Address(0x0A000000 + (number << 20) + 1)
    return InterfaceState(name=name, enabled=True, line=line, address=address, prefix_length=12)


def link(name: str, up: bool) -> InterfaceChanged:
    return InterfaceChanged(name, state(name, not up), state(name, up))


notices = st.one_of(
    st.builds(RouteOffered, routes()),
    st.builds(lambda source, prefix: RouteRetracted(source[0], "", prefix), sources, prefixes),
    st.builds(link, st.sampled_from(INTERFACES), st.booleans()),
    st.builds(OverrideOffered, prefixes, st.one_of(st.none(), st.builds(NextHop, st.just("Gi1"), addresses))),
)


@dataclass
class World:
    """A RIB with a shell that carries out its orders, and the plain list of everything that was said."""

    rib: RibMachine = field(default_factory=lambda: RibMachine(fake_ports()))
    forwarding: dict[Prefix, SetRoute] = field(default_factory=dict)
    told: dict[Prefix, Route | None] = field(default_factory=dict)
    offers: dict[tuple[RouteSource, Prefix], Route] = field(default_factory=dict)
    up: dict[str, bool] = field(default_factory=dict)
    overrides: dict[Prefix, NextHop | None] = field(default_factory=dict)

    def feed(self, notice: Notice) -> None:
        match notice:
            case RouteOffered(route=route):
                self.offers[route.source, route.prefix] = route
            case RouteRetracted():
                self.offers.pop((notice.source, notice.prefix), None)
            case InterfaceChanged(new=InterfaceState() as new):
                self.up[notice.name] = new.line
            case OverrideOffered():
                self.overrides[notice.prefix] = notice.next_hop
        self.carry_out(self.rib.handle(notice, 0.0))

    def carry_out(self, results: list[Effect | Notice]) -> None:
        for result in results:
            match result:
                case SetRoute():
                    assert self.forwarding.get(result.prefix) != result, "an order that changes nothing"
                    self.forwarding[result.prefix] = result
                case ClearRoute():
                    del self.forwarding[result.prefix]
                case RouteChanged():
                    assert self.told.get(result.prefix) == result.old
                    self.told[result.prefix] = result.new

    def rebuilt(self, *, backwards: bool) -> World:
        """The same offers, said to a new RIB in another order."""
        fresh = World()
        said: list[Notice] = [RouteOffered(route) for route in self.offers.values()]
        said += [link(name, up) for name, up in self.up.items()]
        said += [OverrideOffered(prefix, hop) for prefix, hop in self.overrides.items()]
        for notice in reversed(said) if backwards else said:
            fresh.feed(notice)
        return fresh


def naive_lookup(world: World, address: IPAddress) -> Route | None:
    """Longest match over what was told, by looking at everything."""
    fitting = [route for prefix, route in world.told.items() if route is not None and address in prefix]
    return max(fitting, key=lambda route: route.prefix.length, default=None)


@given(st.lists(notices, max_size=25), addresses)
def test_the_outcome_depends_on_the_offers_and_not_on_their_order(said: list[Notice], address: IPv4Address) -> None:
    world = World()
    for notice in said:
        world.feed(notice)
    for backwards in (False, True):
        fresh = world.rebuilt(backwards=backwards)
        assert fresh.rib.routes() == world.rib.routes()
        assert fresh.forwarding == world.forwarding
        assert fresh.rib.forwarding(address) == world.rib.forwarding(address)


@given(st.lists(notices, max_size=25), addresses)
def test_questions_notices_and_orders_tell_the_same_story(said: list[Notice], address: IPv4Address) -> None:
    world = World()
    for notice in said:
        world.feed(notice)
    assert {route.prefix: route for route in world.rib.routes()} == {
        prefix: route for prefix, route in world.told.items() if route is not None
    }
    found = world.rib.lookup(address)
    assert found == naive_lookup(world, address)
    if found is not None and found.source not in (RouteSource.CONNECTED, RouteSource.LOCAL):
        assert world.forwarding[found.prefix].next_hops == world.rib.forwarding(address)


@given(st.lists(notices, max_size=25))
def test_only_next_hops_that_can_be_reached_are_used(said: list[Notice]) -> None:
    world = World()
    for notice in said:
        world.feed(notice)
    for route in world.rib.routes():
        if route.kind is RouteKind.FORWARD:
            assert route.next_hops
            assert all(world.up.get(hop.interface) for hop in route.next_hops)


@given(st.lists(notices, max_size=25))
def test_of_direct_routes_the_best_distance_and_metric_wins(said: list[Notice]) -> None:
    world = World()
    for notice in said:
        world.feed(notice)
    for (_, prefix), offer in world.offers.items():
        usable = offer.kind is not RouteKind.FORWARD or any(world.up.get(hop.interface) for hop in offer.next_hops)
        best = next((route for route in world.rib.routes() if route.prefix == prefix), None)
        if usable:
            assert best is not None
            assert (best.distance, best.metric) <= (offer.distance, offer.metric)
