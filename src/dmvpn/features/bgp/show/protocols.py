"""BGP's block of `show ip protocols`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.bgp.show.common import active
from dmvpn.ios import age

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bgp.machine import BgpMachine
    from dmvpn.ios import ShowContext


def ip_protocols(ctx: ShowContext) -> list[str]:
    """Return the lines; none without `router bgp`."""
    machine = active(ctx)
    return list(_block(ctx, machine)) if machine is not None else []


def protocol_names(ctx: ShowContext) -> list[str]:
    """Return the running process."""
    machine = active(ctx)
    return [f"bgp {machine.config.local_as}"] if machine is not None else []


def _block(ctx: ShowContext, machine: BgpMachine) -> Iterator[str]:
    config = machine.config
    yield f'Routing Protocol is "bgp {config.local_as}"'
    yield "  Outgoing update filter list for all interfaces is not set"
    yield "  Incoming update filter list for all interfaces is not set"
    yield "  IGP synchronization is disabled"
    yield "  Automatic route summarization is disabled"
    sources = [f"{entry.source.value} {entry.process}".rstrip() for entry in config.redistributions]
    if sources:
        yield f"  Redistributing: {', '.join(sources)}"
    yield "  Neighbor(s):"
    yield "    Address          FiltIn FiltOut DistIn DistOut Weight RouteMap"
    for address in sorted(machine.peers):
        yield f"    {address}"
    yield f"  Maximum path: {config.maximum_paths[0]}"
    yield "  Routing Information Sources:"
    yield "    Gateway         Distance      Last Update"
    for address, peer in sorted(machine.peers.items()):
        if peer.session is not None and peer.changed is not None:
            distance = config.distances[1 if peer.settings.internal else 0]
            yield f"    {address!s:<16}{distance:>8}      {age(ctx.now - peer.changed)}"
    external, internal, local = config.distances
    yield f"  Distance: external {external} internal {internal} local {local}"
