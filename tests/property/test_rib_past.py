"""Whatever happens to the routing table, what is remembered of now is what is there now."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, RouteKind, SetRoute
from dmvpn.base.events import EffectFailed, Event, LinkChanged
from dmvpn.base.journal import LARGEST_JOURNAL
from dmvpn.base.notices import Notice, OverrideOffered, RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.interface import FEATURE as INTERFACE
from dmvpn.features.rib import FEATURE as RIB
from dmvpn.features.rib.machine import ClearRoutes, RibMachine
from dmvpn.features.rib.past import Past, Record
from support.routing import GI1, GI2, route
from support.workbench import Workbench

PREFIXES = st.sampled_from(["10.0.0.0/8", "10.4.4.0/24", "172.16.31.2/32", "2001:db8:4::/48"]).map(Prefix.parse)
INTERFACES = st.sampled_from([GI1, GI2, ""])


def hop(prefix: Prefix, interface: str, last: int) -> NextHop:
    """A next hop of the prefix's own IP version; without an interface it must be looked up."""
    address = f"172.16.31.{last}" if prefix.address.version == 4 else f"2001:db8:1::{last}"
    return NextHop(interface, ip_address(address))


@st.composite
def events(draw: st.DrawFn) -> Event | Notice:
    """Something that may change a route."""
    prefix, interface, last = draw(PREFIXES), draw(INTERFACES), draw(st.integers(1, 3))
    offered = replace(
        route(
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
    known = route("10.4.4.0/24", NextHop(GI2, ip_address("10.3.3.2")), NextHop(GI1, ip_address("172.16.31.2")))
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
        assert machine.past is not None
        assert machine.past.at(bench.now) == shown(machine), event


def test_a_route_that_is_said_to_be_older_is_remembered_so() -> None:
    bench, machine = make()
    known = route("10.4.4.0/24", NextHop(GI1, ip_address("172.16.31.2")))
    bench.advance(10.0)
    for since in (3.0, 5.0):
        bench.handle(RouteOffered(replace(known, since=since)))
        assert machine.past is not None
        assert machine.past.at(bench.now) == shown(machine)
        assert since in [record.since for record in shown(machine)]


def test_a_route_that_the_host_refused_is_remembered_with_the_reason() -> None:
    bench, machine = make()
    known = route("10.4.4.0/24", NextHop(GI1, ip_address("172.16.31.2")))
    bench.handle(RouteOffered(known))
    bench.advance(1.0)
    bench.handle(EffectFailed(SetRoute(known.prefix, known.next_hops, RouteKind.FORWARD), 1, "refused"))
    assert "the host refused the route (refused)" in [str(record.failure) for record in shown(machine)]
    assert machine.past is not None
    assert machine.past.at(bench.now) == shown(machine)


def test_the_oldest_moment_is_that_of_whatever_was_forgotten_last() -> None:
    past = Past(started=0.5)
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
        assert machine.past is not None
        assert machine.past.at(bench.now) == shown(machine)
        lived[bench.now] = shown(machine)
    for time, records in lived.items():
        assert machine.past is not None
        assert machine.past.at(time) == records
