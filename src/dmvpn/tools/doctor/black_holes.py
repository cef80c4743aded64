"""Checks of static routes: none leads packets into nothing, to an unknown address, or to a wrong router."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor.static_routes import NULL, lines_by_hop, removal_lines
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


def unknown_next_hops(scene: Scene) -> Iterator[Verdict]:
    """Check that no static route into a tunnel has a next hop that does not exist."""
    for name, facts in scene.alive():
        tunnels = {tunnel.name for tunnel in facts.tunnels}
        for route in facts.routes:
            hop = next(iter(route.next_hops), None)
            if route.source != "static" or hop is None or hop.address is None or hop.interface not in tunnels:
                continue
            if scene.tunnel_owner(hop.address) is not None or scene.dead():
                continue
            yield Finding(
                step=Step.ROUTING,
                cause=Cause.BLACK_HOLE,
                router=name,
                what=f"a static route of {name} sends packets for {route.prefix} to {hop.address}, which no router has",
                evidence=(f"{name}: S {route.prefix} via {hop.address}, {hop.interface}",),
                fix=removal_lines(facts, route.prefix),
                route=route.prefix,
            )


def wrong_next_hops(scene: Scene) -> Iterator[Verdict]:
    """Check that no static route leads by a tunnel to a site that lacks the network and is no server."""
    serving = {name for name, _ in scene.servers()}
    having: dict[Network, list[str]] = {}
    for who, _, own in scene.ports():
        having.setdefault(own.network, []).append(who)
    for name, facts in scene.alive():
        tunnels = {tunnel.name for tunnel in facts.tunnels}
        for route in facts.routes:
            if route.source != "static" or not tunnels & {hop.interface for hop in route.next_hops}:
                continue
            owners = [who for who in having.get(route.prefix, ()) if who != name]
            for hop in route.next_hops if owners else ():
                taker = scene.tunnel_owner(hop.address)
                if taker is None or taker[0] in (*owners, *serving):
                    continue
                yield Finding(
                    step=Step.ROUTING,
                    cause=Cause.BLACK_HOLE,
                    router=name,
                    what=f"a static route of {name} sends packets for {route.prefix} ({owners[0]}) to {taker[0]}",
                    evidence=(f"{name}: S {route.prefix} via {hop.address}, {hop.interface}",),
                    fix=tuple(f"no {line}" for line, to in lines_by_hop(facts, route.prefix) if to == hop.address),
                )
