"""`show ip static route`, `show ipv6 static`: the lines of the configuration, and which of them packets follow.

The layout is that of IOS, with the codes that exist here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import Prefix, spelled
from dmvpn.base.breath import breathing
from dmvpn.base.notices import RouteSource
from dmvpn.base.ports import Rib
from dmvpn.base.values import Value
from dmvpn.features.static.machine import StaticMachine
from dmvpn.features.static.model import StaticRoute
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.ios.vrfs import by_vrf


class StaticLine(Value):
    """One path of a prefix. active: packets follow it. tag: an administrator's mark, 0: none."""

    distance: int
    interface: str
    next_hop: str
    active: bool
    tag: int = 0


class StaticEntry(Value):
    """A prefix, with its paths in the order of their distances."""

    prefix: Prefix
    ways: tuple[StaticLine, ...]


class ShowIpStaticRoute(Value):
    """The answer, sorted by prefix. vrf: "", of the global table."""

    entries: tuple[StaticEntry, ...]
    vrf: str = ""


def query_static(ctx: ShowContext, args: Args) -> ShowIpStaticRoute:
    """Return all static routes of one version of IP."""
    config = ctx.machine(StaticMachine).config
    found: dict[Prefix, list[StaticRoute]] = {}
    for route in breathing(config.ipv6 if args.version == 6 else config.ipv4):
        found.setdefault(route.prefix, []).append(route)
    entries = []
    for prefix in breathing(sorted(found)):
        ways = sorted(found[prefix], key=lambda route: route.distance)
        entries.append(StaticEntry(prefix, tuple(_line(route, ctx.ports.rib) for route in ways)))
    return ShowIpStaticRoute(tuple(entries), ctx.ports.vrf)


def _line(route: StaticRoute, rib: Rib) -> StaticLine:
    best = rib.exact(route.prefix)
    is_best = best is not None and best.source is RouteSource.STATIC and best.process == str(route.distance)
    hops = best.next_hops if best is not None and is_best else ()
    active = any(
        (not route.interface or hop.interface == route.interface) and route.next_hop in (None, hop.address)
        for hop in hops
    )
    next_hop = spelled(route.next_hop) if route.next_hop is not None else ""
    return StaticLine(route.distance, route.interface, next_hop, active, route.tag)


def render_static(answer: ShowIpStaticRoute) -> Iterator[str]:
    """Yield the legend, and a line for each path."""
    yield "Codes: M - Manual static"
    yield "Codes in []: A - active, N - non-active"
    yield ""
    yield f"Static local RIB for {answer.vrf or 'default'} "
    yield ""
    for entry in answer.entries:
        for number, way in enumerate(entry.ways):
            where = " ".join(part for part in (way.interface, way.next_hop) if part)
            prefix = str(entry.prefix) if not number else " " * len(str(entry.prefix))
            yield f"M  {prefix} [{way.distance}/0] via {where} [{'A' if way.active else 'N'}]"


def render_static6(answer: ShowIpStaticRoute) -> Iterator[str]:
    """Yield the legend, and a line for each path."""
    yield f"IPv6 Static routes Table - {answer.vrf or 'default'}"
    yield "Codes: * - installed in RIB"
    for entry in answer.entries:
        for way in entry.ways:
            where = ", ".join(part for part in (way.next_hop, way.interface) if part)
            tag = f", tag {way.tag}" if way.tag else ""
            yield f"{'*' if way.active else ' '}   {spelled(entry.prefix)} via {where}, distance {way.distance}{tag}"


class TrackedLine(Value):
    """A line that follows a tracked object."""

    line: str
    track: int
    up: bool


class ShowTrackedRoutes(Value):
    """The answer to `show ip route track-table`, in the order of the configuration. vrf: "", of the global table."""

    routes: tuple[TrackedLine, ...]
    vrf: str = ""


def query_tracked(ctx: ShowContext, args: Args) -> ShowTrackedRoutes:
    """Return static routes of IPv4 that follow an object."""
    machine = ctx.machine(StaticMachine)
    tracked = (route for route in breathing(machine.config.ipv4) if route.track)
    vrf = ctx.ports.vrf
    lines = (TrackedLine(_words(one, vrf), one.track, machine.is_up(one.track)) for one in tracked)
    return ShowTrackedRoutes(tuple(lines), vrf)


def _words(route: StaticRoute, vrf: str) -> str:
    """Return the line of a route without its object."""
    beginning = f"ip route vrf {vrf}" if vrf else "ip route"
    where = (str(each) for each in (route.interface, route.next_hop) if each)
    distance = (str(route.distance),) if route.distance != 1 else ()
    name = (f"name {route.name}",) if route.name else ()
    return " ".join((beginning, str(route.prefix.address), str(route.prefix.netmask), *where, *distance, *name))


def render_tracked(answer: ShowTrackedRoutes) -> Iterator[str]:
    """Yield a line for each."""
    for route in answer.routes:
        yield f" {route.line} track {route.track} state is [{'up' if route.up else 'down'}]"


class WatchedHop(Value):
    """A next hop to which BFD has a session. prefixes: whose routes by it count while it is reached."""

    interface: str
    next_hop: str
    reached: bool
    prefixes: tuple[Prefix, ...]


class ShowStaticBfd(Value):
    """The answer to `show ip static route bfd`: next hops of routes, then `unassociate` ones, each as configured."""

    hops: tuple[WatchedHop, ...]


def query_watched(ctx: ShowContext, args: Args) -> ShowStaticBfd:
    """Return the sessions of one version of IP."""
    hops = (
        WatchedHop(hop.interface, spelled(hop.address), reached, prefixes)
        for hop, reached, prefixes in ctx.machine(StaticMachine).sessions()
        if hop.address is not None and hop.address.version == args.version
    )
    return ShowStaticBfd(tuple(hops))


def render_watched(answer: ShowStaticBfd) -> Iterator[str]:
    """Yield each next hop, and below it the prefixes."""
    yield from ("Codes in []: R - Reachable, U - Unreachable", "")
    for hop in answer.hops:
        yield f"{hop.interface} {hop.next_hop} [{'R' if hop.reached else 'U'}]"
        yield from (f"  {spelled(prefix)}" for prefix in hop.prefixes)


_TABLE: Final = ExecCommand(
    "show ip static route",
    {"static": "Configured by hand", "route": "Static routes, and which are in use"},
    query=query_static,
    render=render_static,
)
_TRACKED: Final = ExecCommand(
    "show ip route track-table",
    {"route": "The routing table", "track-table": "Static routes that follow tracked objects"},
    query=query_tracked,
    render=render_tracked,
)
_TABLE6: Final = ExecCommand(
    "show ipv6 static",
    {"ipv6": "Internet Protocol, version 6", "static": "Configured by hand, and which of them are in use"},
    query=query_static,
    render=render_static6,
)
_BFD, _BFD6 = (
    ExecCommand(
        f"{table.syntax} bfd", {"bfd": "Next hops that BFD watches"}, query=query_watched, render=render_watched
    )
    for table in (_TABLE, _TABLE6)
)
_EVERY: Final = (
    (_TRACKED, "show ip route"),
    *((one, "show ip static route") for one in (_TABLE, _BFD)),
    *((one, "show ipv6 static") for one in (_TABLE6, _BFD6)),
)
COMMANDS: Final = tuple(each for one, words in _EVERY for each in (one, by_vrf(one, words)))
