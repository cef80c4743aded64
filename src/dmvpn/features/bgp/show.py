"""The block of BGP in `show ip protocols`: that it does not run, and with whom it is to talk when it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.bgp.machine import BgpReporter

if TYPE_CHECKING:
    from dmvpn.ios import ShowContext


def ip_protocols(ctx: ShowContext) -> list[str]:
    """The lines, none if there is no `router bgp`."""
    config = ctx.machine(BgpReporter).config
    if config is None:
        return []
    return [
        f'Routing Protocol is "bgp {config.local_as}"',
        "  Not running: this release keeps the configuration of BGP and has no neighbors and no routes",
        "  Neighbor(s):",
        "    Address",
        *(f"    {neighbor.peer}" for neighbor in config.neighbors if not neighbor.is_group),
    ]
