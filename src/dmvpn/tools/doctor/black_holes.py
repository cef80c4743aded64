"""Checks of static routes: none leads packets into nothing, to an unknown address, or to a wrong router."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor.configuration import NULL, removal_lines, routes_to
from dmvpn.tools.doctor.underlay_path import is_last_resort
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Network
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict


def black_holes(scene: Scene) -> Iterator[Verdict]:
    """Check that no static route drops traffic for another site, except as a last resort."""
    sites = {(who, own.network) for who, _, own in scene.ports()}
    for name, facts in scene.alive():
        for route in facts.routes:
            if not route.drops or route.source != "static" or is_last_resort(route):
                continue
            hit = sorted(
                {
                    who
                    for who, network in sites
                    if who != name and network.version == route.prefix.version and network.overlaps(route.prefix)
                }
            )
            better = [one.prefix for one in facts.routes if not one.drops and one.prefix != route.prefix]
            if hit and not any(network in better for who, network in sites if who in hit):
                yield Finding(
                    step=Step.ROUTING,
                    cause=Cause.BLACK_HOLE,
                    router=name,
                    what=f"a static route of {name} drops packets for {route.prefix} ({', '.join(hit)})",
                    evidence=(f"{name}: S {route.prefix} is directly connected, Null0",),
                    fix=removal_lines(facts, route.prefix, NULL),
                )


def next_hops(scene: Scene) -> Iterator[Verdict]:
    """Check that no static route leads by a tunnel to an unknown address, or to a site that lacks the network and is no
    server.
    """
    serving = {name for name, _ in scene.servers()}
    having: dict[Network, list[str]] = {}
    for who, _, own in scene.ports():
        having.setdefault(own.network, []).append(who)
    for name, facts in scene.alive():
        tunnels = {tunnel.name for tunnel in facts.tunnels}
        ways = ((route, hop) for route in facts.routes if route.source == "static" for hop in route.next_hops)
        for route, hop in ways:
            taker, owners = (
                scene.tunnel_owner(hop.address),
                [who for who in having.get(route.prefix, ()) if who != name],
            )
            is_right = bool(scene.dead()) if taker is None else not owners or taker[0] in (*owners, *serving)
            if hop.address is None or hop.interface not in tunnels or is_right:
                continue
            whose = f"{hop.address}, which no router has" if taker is None else f"{taker[0]}, and {owners[0]} has it"
            lines = [line for one, line in routes_to(facts, route.prefix) if one.next_hop == hop.address]
            yield Finding(
                step=Step.ROUTING,
                cause=Cause.BLACK_HOLE,
                router=name,
                what=f"a static route of {name} sends packets for {route.prefix} to {whose}",
                evidence=(f"{name}: S {route.prefix} via {hop.address}, {hop.interface}",),
                fix=tuple(f"no {line}" for line in lines),
                route=route.prefix if taker is None else None,
            )
