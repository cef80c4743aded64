"""What `debug ip routing` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.effects import RouteKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.notices import Route
    from dmvpn.features.rib.table import Change

#: The name of the debug flag.
ROUTING = "ip routing"


def change_lines(change: Change) -> Iterator[str]:
    """The lines for one change of the table."""
    if change.old is not None:
        yield from _lines("del", change.old)
    if change.new is not None:
        yield from _lines("add", change.new)


def _lines(verb: str, route: Route) -> Iterator[str]:
    metric = f"{route.source.value} metric [{route.distance}/{route.metric}]"
    if route.kind is not RouteKind.FORWARD:
        yield f"RT: {verb} {route.prefix} via {UNSPECIFIED}, {metric}"
    for hop in route.next_hops if route.kind is RouteKind.FORWARD else ():
        yield f"RT: {verb} {route.prefix} via {hop.address or UNSPECIFIED}, {metric}"


def override_line(prefix: object, next_hop: object | None) -> str:
    """The line for a next-hop override that came (or, None, went)."""
    return f"RT: {'add' if next_hop else 'del'} NHO {prefix}" + (f" via {next_hop}" if next_hop else "")
