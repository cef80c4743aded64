"""Static routes that follow tracked objects: which objects they name, and what a line beside thousands costs."""

from __future__ import annotations

from ipaddress import IPv4Address

from dmvpn.base.addresses import Prefix
from dmvpn.base.notices import Configured, TrackChanged, TrackFollowed
from dmvpn.base.pages import Pages
from dmvpn.features.static import FEATURE as STATIC
from dmvpn.features.static.machine import StaticMachine
from dmvpn.features.static.model import StaticConfig, StaticRoute
from support.routing import make
from support.work import calls
from support.workbench import Workbench


def tracked(number: int, track: int = 1) -> StaticRoute:
    """The route of a site that follows an object."""
    prefix = Prefix.of(IPv4Address(0x0A000000 + (number << 8)), 24)
    return StaticRoute(prefix=prefix, next_hop=IPv4Address("192.0.2.1"), track=track)


def told(machine: StaticMachine, routes: Pages[StaticRoute]) -> list[tuple[int, ...]]:
    """What the machine says of objects when it gets these routes."""
    results = machine.handle(Configured("static", StaticConfig(ipv4=routes)), 0.0)
    return [result.numbers for result in results if isinstance(result, TrackFollowed)]


def test_an_object_is_followed_until_the_last_line_with_it_is_gone() -> None:
    machine, routes = StaticMachine(make("").ports), Pages((tracked(1), tracked(1, track=2), tracked(2)))
    assert told(machine, routes) == [(1, 2)]
    routes = routes.turned({0: None})
    assert told(machine, routes) == []
    routes = routes.turned({2: tracked(2, track=3)})
    assert told(machine, routes) == [(2, 3)]
    assert told(machine, routes.turned({1: None, 2: None})) == [()]


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
    told(machine, routes)
    more = routes.turned({count: tracked(count)})
    return calls(lambda: told(machine, more))
