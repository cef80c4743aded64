"""The block of each OSPF process in `show ip protocols`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ospf.model import AreaKind
from dmvpn.features.ospf.show.common import own_processes
from dmvpn.ios import age, interface_sort_key
from dmvpn.ios.routing import filter_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.features.ospf.machine import Process
    from dmvpn.ios import ShowContext


def ip_protocols(ctx: ShowContext) -> list[str]:
    """Return the lines of all processes, an empty one between two blocks."""
    lines: list[str] = []
    for process in own_processes(ctx):
        if lines:
            lines.append("")
        lines += _block(process, ctx.now)
    return lines


def protocol_names(ctx: ShowContext) -> list[str]:
    """Return the processes that run."""
    return [f"ospf {process.number}" for process in own_processes(ctx)]


def _block(process: Process, now: float) -> Iterator[str]:
    settings = process.settings
    kinds = [area.settings.kind for area in process.areas.values()]
    counts = [kinds.count(kind) for kind in (AreaKind.NORMAL, AreaKind.STUB, AreaKind.NSSA)]
    yield f'Routing Protocol is "ospf {process.number}"'
    yield from filter_lines(settings.distribution)
    yield f"  Router ID {process.router_id}"
    yield (f"  Number of areas in this router is {len(kinds)}. {counts[0]} normal {counts[1]} stub {counts[2]} nssa")
    yield f"  Maximum path: {settings.maximum_paths}"
    yield "  Routing for Networks:"
    for network in settings.networks:
        yield f"    {network.address} {network.wildcard} area {network.area}"
    attached = [name for name in process.interfaces if process.state.own_of(name).process is not None]
    if attached:
        yield "  Routing on Interfaces Configured Explicitly:"
        yield from (f"    {name}" for name in sorted(attached, key=interface_sort_key))
    passive = [name for name, interface in process.interfaces.items() if interface.settings.passive]
    if passive:
        yield "  Passive Interface(s):"
        yield from (f"    {name}" for name in sorted(passive, key=interface_sort_key))
    yield "  Routing Information Sources:"
    yield "    Gateway         Distance      Last Update"
    for gateway, (distance, since) in sorted(_gateways(process).items()):
        yield f"    {gateway!s:<16}{distance:>8}      {age(now - since)}"
    intra, inter, external = settings.distances
    if intra == inter == external:
        yield f"  Distance: (default is {intra})"
    else:
        yield f"  Distance: intra-area {intra} inter-area {inter} external {external}"


def _gateways(process: Process) -> dict[IPv4Address, tuple[int, float]]:
    """Return the routers that originated installed routes, with the distance and the time of the latest change."""
    found: dict[IPv4Address, tuple[int, float]] = {}
    for prefix, route in process.offers.offered.items():
        if prefix not in process.state.found.routes:
            continue
        origin = process.state.found.routes[prefix].origin
        _, since = found.get(origin, (0, float("-inf")))
        found[origin] = (route.distance, max(since, route.since))
    return found
