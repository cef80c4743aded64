"""What the routing table writes into the log, and what `debug ip routing` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, spelled
from dmvpn.base.effects import RouteKind
from dmvpn.base.notices import Route, RouteChanged, log_kind, log_messages

#: The name of the debug flag.
ROUTING = "ip routing"


@log_kind("HOST-4-CONTESTED")
def kernel_contested(what: str) -> str:
    """Another program of this machine removes, again and again, routes or neighbors of the router from the kernel.

    They are restored each time, at growing intervals of up to 5 seconds; meanwhile packets may be lost. Find the
    program (`ip monitor` shows its changes), and configure it to leave protocol 54 and the router's interfaces alone.
    """
    return f"Another program keeps taking away {what}; it is put back, less and less often"


@log_kind("HOST-5-CALM")
def kernel_calm(what: str) -> str:
    """No program removes the router's routes and neighbors from the kernel any more: all of them are there."""
    return f"No program takes away {what} any more"


MESSAGES: Final = log_messages(vars())


def change_lines(change: RouteChanged) -> Iterator[str]:
    """Yield the lines for one change of the table; it is none of it that another protocol runs on a connected
    network.
    """
    old, new = change.old, change.new
    if old is not None and new is not None and replace(old, run_by=new.run_by) == new:
        return
    if change.old is not None:
        yield from _lines("del", change.old)
    if change.new is not None:
        yield from _lines("add", change.new)


def _lines(verb: str, route: Route) -> Iterator[str]:
    metric = f"{route.source.value} metric [{route.distance}/{route.metric}]"
    if route.kind is not RouteKind.FORWARD:
        yield f"RT: {verb} {route.prefix} via {UNSPECIFIED}, {metric}"
    for hop in route.next_hops if route.kind is RouteKind.FORWARD else ():
        yield f"RT: {verb} {spelled(route.prefix)} via {spelled(hop.address or UNSPECIFIED)}, {metric}"


def override_line(prefix: object, next_hop: object | None) -> str:
    """Return the line for a next-hop override that came (or, None, went)."""
    return f"RT: {'add' if next_hop else 'del'} NHO {prefix}" + (f" via {next_hop}" if next_hop else "")
