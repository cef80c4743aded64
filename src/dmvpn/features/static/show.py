"""`show ip static route`: the lines of the configuration, and which of them packets follow. Layout of IOS; of its
codes only those that there are here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import dataclass
from dmvpn.features.static.machine import StaticMachine
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.ports import Rib
    from dmvpn.features.static.model import StaticRoute


@dataclass(frozen=True, slots=True)
class StaticLine:
    """A way of a prefix. active: packets follow it."""

    distance: int
    interface: str
    next_hop: str
    active: bool


@dataclass(frozen=True, slots=True)
class StaticEntry:
    """A prefix, with its ways in the order of their distances."""

    prefix: Prefix
    ways: tuple[StaticLine, ...]


@dataclass(frozen=True, slots=True)
class ShowIpStaticRoute:
    """The answer, sorted by prefix."""

    entries: tuple[StaticEntry, ...]


def query_static(ctx: ShowContext, args: Args) -> ShowIpStaticRoute:
    """Return all static routes of IPv4."""
    found: dict[Prefix, list[StaticRoute]] = {}
    for route in breathing(ctx.machine(StaticMachine).config.ipv4):
        found.setdefault(route.prefix, []).append(route)
    entries = []
    for prefix in breathing(sorted(found)):
        ways = sorted(found[prefix], key=lambda route: route.distance)
        entries.append(StaticEntry(prefix, tuple(_line(route, ctx.ports.rib) for route in ways)))
    return ShowIpStaticRoute(tuple(entries))


def _line(route: StaticRoute, rib: Rib) -> StaticLine:
    best = rib.exact(route.prefix)
    is_best = best is not None and best.source is RouteSource.STATIC and best.process == str(route.distance)
    hops = best.next_hops if best is not None and is_best else ()
    active = any(
        (not route.interface or hop.interface == route.interface) and route.next_hop in (None, hop.address)
        for hop in hops
    )
    return StaticLine(route.distance, route.interface, str(route.next_hop or ""), active)


def render_static(answer: ShowIpStaticRoute) -> Iterator[str]:
    """Yield the legend, and a line for each way."""
    yield "Codes: M - Manual static"
    yield "Codes in []: A - active, N - non-active"
    yield ""
    yield "Static local RIB for default "
    yield ""
    for entry in answer.entries:
        for number, way in enumerate(entry.ways):
            where = " ".join(part for part in (way.interface, way.next_hop) if part)
            prefix = str(entry.prefix) if not number else " " * len(str(entry.prefix))
            yield f"M  {prefix} [{way.distance}/0] via {where} [{'A' if way.active else 'N'}]"


COMMANDS: Final = (
    ExecCommand(
        "show ip static route",
        {"static": "What was configured by hand", "route": "Static routes, and which are in use"},
        query=query_static,
        render=render_static,
    ),
)
