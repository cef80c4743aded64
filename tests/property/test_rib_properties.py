"""The routing table against a naive one: whatever happens in whatever order, only the offers decide the outcome."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, ip_address

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.chronicle import LARGEST_JOURNAL
from dmvpn.base.effects import ClearRoute, Effect, NextHop, RouteKind, SetRoute
from dmvpn.base.events import EffectFailed, Event, IpReceived, LinkChanged
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
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.rib.machine import ClearRoutes, Record, RibMachine, RouteHistory
from dmvpn.features.rip import FEATURE as RIP
from dmvpn.features.rip.database import MOVES, Announcement, Database, LearnedFrom
from dmvpn.features.rip.interface import GROUP
from dmvpn.features.rip.machine import RipMachine
from dmvpn.features.rip.model import RipTimers
from dmvpn.net.ip import UdpDatagram
from support.fakes import fake_ports
from support.routing import GI1, GI2
from support.routing import route as route_to
from support.workbench import Workbench

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
    fitting = [route for prefix, route in world.told.items() if route is not None and address in prefix]
    assert found == max(fitting, key=lambda route: route.prefix.length, default=None)
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


# Whatever happens to the routing table, what is remembered of now is what is there now.

PREFIXES = st.sampled_from(["10.0.0.0/8", "10.4.4.0/24", "172.16.31.2/32", "2001:db8:4::/48"]).map(Prefix.parse)
DRAWN_INTERFACES = st.sampled_from([GI1, GI2, ""])


def hop(prefix: Prefix, interface: str, last: int) -> NextHop:
    """A next hop of the prefix's own IP version; without an interface it must be looked up."""
    address = f"172.16.31.{last}" if prefix.address.version == 4 else f"2001:db8:1::{last}"
    return NextHop(interface, ip_address(address))


@st.composite
def events(draw: st.DrawFn) -> Event | Notice:
    """Something that may change a route."""
    prefix, interface, last = draw(PREFIXES), draw(DRAWN_INTERFACES), draw(st.integers(1, 3))
    offered = replace(
        route_to(
            str(prefix),
            hop(prefix, interface, last),
            source=draw(st.sampled_from([RouteSource.EIGRP, RouteSource.NHRP])),
        ),
        since=float(draw(st.sampled_from([0, 0, 5, 7]))),
    )
    happens: list[Event | Notice] = [
        RouteOffered(offered),
        RouteOffered(offered),
        RouteRetracted(offered.source, offered.process, prefix),
        OverrideOffered(prefix, hop(prefix, GI2, last)),
        OverrideOffered(prefix, None),
        LinkChanged(interface or GI1, up=draw(st.booleans())),
        EffectFailed(SetRoute(prefix, (), RouteKind.FORWARD), 1, "refused"),
        ClearRoutes(draw(st.none() | PREFIXES)),
    ]
    return draw(st.sampled_from(happens))


def shown(machine: RibMachine) -> list[Record]:
    """What a show of now is made of."""
    nodes = machine.nodes.items()
    return [machine.record(node, node.best) for _, node in nodes if node.best is not None]


def make() -> tuple[Workbench, RibMachine]:
    """A router that remembers, with two interfaces that are up."""
    bench = Workbench(INTERFACE, RIB)
    bench.ports.remembers = True
    bench.configure(
        f"interface {GI1}\n ip address 172.16.31.1 255.255.255.252\n ipv6 enable\n"
        f"interface {GI2}\n ip address 10.3.3.1 255.255.255.0\n ipv6 enable\n"
    )
    for interface in (GI1, GI2):
        bench.handle(LinkChanged(interface, up=True))
    return bench, bench.machine(RibMachine)


def test_an_override_that_changes_no_forwarding_entry_is_remembered_with_its_line() -> None:
    bench, machine = make()
    known = route_to("10.4.4.0/24", NextHop(GI2, ip_address("10.3.3.2")), NextHop(GI1, ip_address("172.16.31.2")))
    same = NextHop(GI1, ip_address("172.16.31.2"))
    for event in (
        RouteOffered(replace(known, next_hops=(same,))),
        OverrideOffered(known.prefix, same),
        LinkChanged(GI1, up=False),
        RouteOffered(replace(known, next_hops=known.next_hops[:1])),
        OverrideOffered(known.prefix, known.next_hops[0]),
        LinkChanged(GI2, up=False),
        LinkChanged(GI2, up=True),
        OverrideOffered(known.prefix, None),
    ):
        bench.advance(1.0)
        bench.handle(event)
        assert machine.history is not None
        assert machine.history.at(bench.now) == shown(machine), event


def test_a_route_that_is_said_to_be_older_is_remembered_so() -> None:
    bench, machine = make()
    known = route_to("10.4.4.0/24", NextHop(GI1, ip_address("172.16.31.2")))
    bench.advance(10.0)
    for since in (3.0, 5.0):
        bench.handle(RouteOffered(replace(known, since=since)))
        assert machine.history is not None
        assert machine.history.at(bench.now) == shown(machine)
        assert since in [record.since for record in shown(machine)]


def test_a_route_that_the_host_refused_is_remembered_with_the_reason() -> None:
    bench, machine = make()
    known = route_to("10.4.4.0/24", NextHop(GI1, ip_address("172.16.31.2")))
    bench.handle(RouteOffered(known))
    bench.advance(1.0)
    bench.handle(EffectFailed(SetRoute(known.prefix, known.next_hops, RouteKind.FORWARD), 1, "refused"))
    assert "the host refused the route (refused)" in [str(record.failure) for record in shown(machine)]
    assert machine.history is not None
    assert machine.history.at(bench.now) == shown(machine)


def test_the_oldest_moment_is_that_of_whatever_was_forgotten_last() -> None:
    past = RouteHistory(started=0.5)
    assert past.oldest == 0.5
    for time in range(LARGEST_JOURNAL + 2):
        past.note_ipv6(time % 2 == 0, float(time))
    assert past.oldest == 1.0
    assert [past.ran_ipv6(time) for time in (1.0, 2.5, 3.0)] == [False, True, False]


@given(st.lists(st.tuples(events(), st.sampled_from([0.0, 0.5, 3.0])), max_size=25))
def test_the_present_is_remembered_after_every_event(happens: list[tuple[Event | Notice, float]]) -> None:
    bench, machine = make()
    lived: dict[float, list[Record]] = {}
    for event, pause in happens:
        bench.advance(pause)
        bench.handle(event)
        assert machine.history is not None
        assert machine.history.at(bench.now) == shown(machine)
        lived[bench.now] = shown(machine)
    for time, records in lived.items():
        assert machine.history is not None
        assert machine.history.at(time) == records


# RIP's database under any sequence of announcements and pauses.

TIMERS = RipTimers()
gateways = st.integers(2, 4).map(lambda host: IPv4Address(0x0A000000 + host))


@st.composite
def announcements(draw: st.DrawFn) -> Announcement:
    gateway = draw(gateways)
    return Announcement(
        prefix=Prefix.of(IPv4Address(0x0A090000 + (draw(st.integers(0, 2)) << 8)), 24),
        metric=draw(st.sampled_from([1, 2, 15, 16])),
        tag=0,
        gateway=gateway,
        next_hop=gateway,
        interface=draw(st.sampled_from(["Gi1", "Gi2"])),
    )


steps = st.lists(st.one_of(announcements(), st.sampled_from([1.0, 29.0, 100.0, 180.0]), st.just("Gi1")), max_size=40)


@given(steps)
def test_paths_of_a_route_agree_and_every_route_has_a_timer(said: list[Announcement | float | str]) -> None:
    database, now = Database(), 0.0
    for step in said:
        match step:
            case Announcement():
                database.learn(step, TIMERS, 4, now)
            case float():
                now += step
                database.expire(TIMERS, now, 1000)
            case _:
                database.lose(list(database.routes), LearnedFrom(step), TIMERS, now, now)
        for route in database.routes.values():
            metrics = {path.metric for path in route.announcements}
            assert len(metrics) == (1 if route.reachable else 0)
            assert route.metric <= 16
            assert route.reachable == (route.metric < 16)
        assert (database.next_deadline() is not None) == bool(database.routes)


@given(steps)
def test_a_route_moves_as_the_table_says(said: list[Announcement | float | str]) -> None:
    database, now = Database(), 0.0
    legal = {(before, after) for (before, _), after in MOVES.items()}
    for step in said:
        known = [*database.routes, *([step.prefix] if isinstance(step, Announcement) else [])]
        before = {prefix: database.state(prefix) for prefix in known}
        match step:
            case Announcement():
                database.learn(step, TIMERS, 4, now)
            case float():
                now += step
                database.expire(TIMERS, now, 1000)
            case _:
                database.lose(list(database.routes), LearnedFrom(step), TIMERS, now, now)
        moved = {(state, database.state(prefix)) for prefix, state in before.items()}
        assert {move for move in moved if move[0] is not move[1]} <= legal


@given(steps)
def test_silence_ends_with_an_empty_database(said: list[Announcement | float | str]) -> None:
    database, now = Database(), 0.0
    for step in said:
        if isinstance(step, Announcement):
            database.learn(step, TIMERS, 4, now)
        elif isinstance(step, float):
            now += step
            database.expire(TIMERS, now, 1000)
    end = now + TIMERS.flush + TIMERS.invalid
    while (due := database.next_deadline()) is not None:
        assert due <= end
        database.expire(TIMERS, max(due, now), 1000)
    assert not database.routes


@given(st.lists(st.binary(max_size=120), max_size=5), st.integers(1, 65535))
def test_whatever_a_neighbor_sends_the_table_stays_sound(payloads: list[bytes], port: int) -> None:
    bench = Workbench(INTERFACE, RIB, RIP)
    bench.configure("interface Gi0/1\n ip address 10.0.0.1 255.255.255.0\nrouter rip\n version 2\n network 10.0.0.0\n")
    bench.handle(LinkChanged("GigabitEthernet0/1", up=True))
    source = IPv4Address("10.0.0.2")
    for payload in payloads:
        for body in (payload, b"\x02\x02\x00\x00" + payload):
            datagram = UdpDatagram(source_port=port, destination_port=520, payload=body).serialize(source, GROUP)
            bench.handle(IpReceived("GigabitEthernet0/1", source, GROUP, 17, datagram, 2, 0))
            bench.handle(IpReceived("GigabitEthernet0/1", source, GROUP, 17, body, 2, 0))
    learned = bench.machine(RipMachine).table.database.routes
    shown = [route for route in bench.ports.rib.routes() if route.source is RouteSource.RIP]
    assert all(route.prefix in learned and 1 <= route.metric <= 15 for route in shown)
