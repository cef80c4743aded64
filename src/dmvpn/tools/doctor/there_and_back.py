"""Checks the routes of the underlay between the two ends of a tunnel, there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.tunnel.reasons import TunnelReason
from dmvpn.shells.lab_model import INSIDE
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import overtold, own, tracks, translators
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step
from dmvpn.tools.doctor.way import End, Way, best_route, way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.features.rib.facts import RouteFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP = Step.UNDERLAY


def ways(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check the routes from end to end, there and back."""
    if client.nbma is None or not client.hub or translators.hiding(scene, client):
        return
    if client.tunnel.reason.is_one(TunnelReason.VRF):
        return  # its ways are in a table of their own, which is said of the tunnel
    there = way(scene, client.name, client.nbma)
    if there.end not in (End.ARRIVED, End.UNSEEN):
        yield from _broken(scene, client, there, client.nbma, client.name)
        return
    back_to = scene.seen_as(client)
    if back_to is None or client.hub_facts is None:
        return
    back = way(scene, client.hub, back_to)
    if back.end in (End.ARRIVED, End.UNSEEN):
        if back.end is End.ARRIVED:
            yield Fine(_STEP, f"routes lead from {client.name} to {client.nbma} ({client.hub}), and back to {back_to}")
        return
    egress = best_route(client.facts, client.nbma)
    leaves = egress.next_hops[0].interface if egress is not None and egress.next_hops else ""
    plugged = scene.link((client.name, client.tunnel.source_interface)) is not None
    by_tunnel = any(tunnel.name == leaves for tunnel in client.facts.tunnels)
    if plugged and leaves and leaves != client.tunnel.source_interface and not by_tunnel:
        yield Finding(
            step=Step.LINE,
            cause=Cause.WRONG_SOURCE,
            router=client.name,
            what=(
                f"{client.tunnel.name} of {client.name} leaves from {client.tunnel.source_interface} ({back_to}), "
                f"which nobody outside reaches; packets to {client.hub} leave by {leaves}"
            ),
            evidence=(f"{back.at}: {back.end.value} to {back_to}",),
            fix=(f"interface {client.tunnel.name}", f"tunnel source {leaves}"),
        )
        return
    yield from _broken(scene, client, back, back_to, client.hub)


def _broken(scene: Scene, client: Client, found: Way, target: Address, start: str) -> Iterator[Verdict]:
    """Yield what the end of a way means."""
    at, blame = found.at, found.blame or found.at
    evidence = (f"from {start} to {target}: {found.end.value} at {at}",)
    fix: tuple[str, ...]
    match found.end:
        case End.NO_ROUTE:
            gone = tracks.withdrawn(scene, at, target, evidence, _STEP)
            if gone is not None:
                yield gone
                return
            if _has_it_written(scene, at, target):
                return  # the route went with its interface, and that is a finding of its own
            what, cause, fix = f"{at} has no route to {target}", Cause.MISSING_ROUTE, _route(scene, at, target)
        case End.DROPPED:
            prefix = found.route.prefix if found.route is not None else target
            what, cause = f"{at} drops what is for {target}: {prefix} leads to Null0", Cause.BLACK_HOLE
            fix = _without(scene, at, found, target)
        case End.NOBODY:
            what, cause, fix = _nobody_there(scene, found, target)
        case End.TUNNEL if told := overtold.by_owner(scene, found, target):
            yield told
            return
        case End.TUNNEL:
            what = f"the route of {at} to {target} leads through a tunnel, whose packets need that very route"
            cause, fix = Cause.RECURSION, _without(scene, at, found, target)
        case End.DEAD:
            what, cause, fix = f"{blame}, on the way from {start} to {target}, does not run", Cause.ROUTER_DEAD, ()
        case End.SHUT:
            what, cause, fix = f"the interface of {blame} towards {at} is shut down", Cause.INTERFACE_SHUTDOWN, ()
        case _:
            blame, fix = _turning(scene, found, target)
            what = f"the way from {start} to {target} is a loop, and a static route of {blame} leads back"
            cause = Cause.WRONG_NEXT_HOP
    yield Finding(
        step=_STEP,
        cause=cause,
        router=blame,
        what=what,
        evidence=evidence,
        fix=fix,
        order=f"dmvpn lab start {blame}" if cause is Cause.ROUTER_DEAD else "",
    )


def _turning(scene: Scene, found: Way, target: Address) -> tuple[str, tuple[str, ...]]:
    """Return who on a loop has a route of its own for just this, and the lines that make it go."""
    names = dict.fromkeys(node for wire in found.wires for node, _ in wire)
    routes = [
        (name, route)
        for name in names
        if (facts := scene.of(name)) is not None
        if (route := best_route(facts, target)) is not None and route.source == "static" and route.prefix.prefixlen
    ]
    longest = max(routes, key=lambda one: one[1].prefix.prefixlen, default=None)
    return (longest[0], without(scene, *longest)) if longest is not None else (found.at, ())


def _has_it_written(scene: Scene, at: str, target: Address) -> bool:
    """Return whether a route is configured, or comes with an address, and its interface is down."""
    facts = scene.of(at)
    down = [it for it in (facts.interfaces if facts is not None else ()) if not it.line]
    if any(target in own.network for it in down for own in it.addresses):
        return True  # the wire that it is on
    written = facts is not None and any(line.startswith("ip route 0.0.0.0 0.0.0.0 ") for line in facts.configuration)
    return written and any(not interface.line for interface in scene.underlay_wires(at))


def _route(scene: Scene, at: str, target: Address) -> tuple[str, ...]:
    """Return the line that is missing: a provider needs one for each network of others, everybody else a default
    route.
    """
    if at not in scene.lab.providers:
        line = f"ip route 0.0.0.0 0.0.0.0 {_gateway(scene, at) or 'NEXT-HOP'}"
        facts = scene.of(at)
        is_written = facts is not None and line in facts.configuration
        return (own.wire_lines(scene, at) if is_written else ()) or (line,)
    owner = scene.owner(target)
    near = (
        theirs.ip
        for link in scene.lab.links
        if at in {node for node, _ in link.ends}
        for node, port in link.ends
        if node == owner
        for theirs in scene.addresses_at(node, port)
    )
    return (f"ip route {target} 255.255.255.255 {next(near, 'NEXT-HOP')}",)


def _nobody_there(scene: Scene, found: Way, target: Address) -> tuple[str, Cause, tuple[str, ...]]:
    at, route = found.at, found.route
    if route is not None and route.source == "connected":
        what = f"{at} takes {target} for its own wire ({route.prefix}), where nobody has it: its mask is too short"
        return what, Cause.WRONG_MASK, (f"interface {route.next_hops[0].interface}", "ip address ADDRESS MASK")
    gateway = _gateway(scene, at)
    prefix = f"{route.prefix.network_address} {route.prefix.netmask}" if route is not None else "0.0.0.0 0.0.0.0"
    what = f"{at} sends what is for {target} to {found.next_hop}, which nobody has"
    wrong = f"no ip route {prefix} {found.next_hop}"
    if route is not None and len(route.next_hops) > 1:
        return f"{what}, in turn with others", Cause.WRONG_NEXT_HOP, (wrong,)
    return what, Cause.WRONG_NEXT_HOP, (wrong, f"ip route {prefix} {gateway or 'NEXT-HOP'}")


def without(scene: Scene, at: str, route: RouteFacts) -> tuple[str, ...]:
    """Return the lines that make a static route go."""
    facts = scene.of(at)
    prefix = f"ip route {route.prefix.network_address} {route.prefix.netmask} "
    return tuple(f"no {line}" for line in (facts.configuration if facts is not None else ()) if line.startswith(prefix))


def _without(scene: Scene, at: str, found: Way, target: Address) -> tuple[str, ...]:
    """Return the same; for a learned route, what keeps it away."""
    if found.route is None:
        return ()
    if found.route.source == "static":
        return without(scene, at, found.route)
    return (f"ip route {target} 255.255.255.255 {_gateway(scene, at) or 'NEXT-HOP'}",)


def _gateway(scene: Scene, name: str) -> Address | None:
    """Return whom a router should send to: the provider, or the translator, on its wire."""
    facts = scene.of(name)
    for interface in facts.interfaces if facts is not None else ():
        link = scene.link((name, interface.name))
        for node, port in link.ends if link is not None else ():
            if port == INSIDE and node in scene.lab.gateways:
                return scene.lab.gateways[node].inside
            if node in scene.lab.providers and node != name:
                return next((one.ip for one in scene.addresses_at(node, port)), None)
    return None
