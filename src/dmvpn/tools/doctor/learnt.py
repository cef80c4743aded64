"""Checks of what EIGRP tells: does everybody learn what he needs, and does nothing swallow it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.routing import interface_lines, interface_names, is_up, process_lines, running_on
from dmvpn.tools.doctor.there_and_back import without
from dmvpn.tools.doctor.verdicts import Finding, Step
from dmvpn.tools.doctor.way import dropping, is_last_resort

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Network, IPv6Network

    from dmvpn.base.facts import Address, Network
    from dmvpn.features.eigrp.facts import EigrpFacts
    from dmvpn.features.rib.facts import RouteFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP = Step.ROUTING
#: Sites of others that one client is asked for: a hub that passes nothing on does not do so for any.
MOST_FELLOWS = 8


def black_holes(scene: Scene) -> Iterator[Verdict]:
    """Check that no static route swallows what is for another site, unless all others are gone."""
    sites = set(_sites(scene))
    for name, facts in scene.alive():
        for route in facts.routes:
            if not route.drops or route.source != "static" or is_last_resort(route):
                continue
            hit = sorted(
                {
                    who
                    for who, network in sites
                    if who != name
                    and network.version == route.prefix.version
                    and (
                        network.subnet_of(route.prefix) or route.prefix.subnet_of(network)  # type: ignore[arg-type]
                    )
                }
            )
            if hit and not any(_is_better(facts, route.prefix, network) for who, network in sites if who in hit):
                yield Finding(
                    step=_STEP,
                    cause=Cause.BLACK_HOLE,
                    router=name,
                    what=f"a static route of {name} sends what is for {route.prefix} ({', '.join(hit)}) into nothing",
                    evidence=(f"{name}: S {route.prefix} is directly connected, Null0",),
                    fix=dropping(facts, route),
                )


def to_nobody(scene: Scene) -> Iterator[Verdict]:
    """Check that no static route leads into a tunnel, to a next hop that nobody there has."""
    for name, facts in scene.alive():
        tunnels = {tunnel.name for tunnel in facts.tunnels}
        for route in facts.routes:
            hop = next(iter(route.next_hops), None)
            if route.source != "static" or hop is None or hop.address is None or hop.interface not in tunnels:
                continue
            if scene.tunnel_owner(hop.address) is not None or scene.dead():
                continue
            yield Finding(
                step=_STEP,
                cause=Cause.BLACK_HOLE,
                router=name,
                what=f"a static route of {name} sends what is for {route.prefix} to {hop.address}, which nobody has",
                evidence=(f"{name}: S {route.prefix} via {hop.address}, {hop.interface}",),
                fix=without(scene, name, route),
                route=route.prefix,
            )


def to_others(scene: Scene) -> Iterator[Verdict]:
    """Check that no static route leads by a tunnel to a site that does not have the network, and passes nothing on to
    others.
    """
    serving = {name for name, _ in scene.servers()}
    having: dict[Network, list[str]] = {}
    for who, network in _sites(scene):
        having.setdefault(network, []).append(who)
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
                    step=_STEP,
                    cause=Cause.BLACK_HOLE,
                    router=name,
                    what=f"a static route of {name} sends what is for {route.prefix} ({owners[0]}) to {taker[0]}",
                    evidence=(f"{name}: S {route.prefix} via {hop.address}, {hop.interface}",),
                    fix=tuple(line for line in without(scene, name, route) if str(hop.address) in line.split()),
                )


def _sites(scene: Scene) -> Iterator[tuple[str, Network]]:
    """Yield who has which network, tunnels apart."""
    for name, facts in scene.alive():
        tunnels = {tunnel.name for tunnel in facts.tunnels}
        for interface in facts.interfaces:
            if interface.name not in tunnels:
                yield from ((name, own.network) for own in interface.addresses)


def _is_better(facts: RouterFacts, prefix: object, network: object) -> bool:
    """Return whether a longer route leads there all the same."""
    return any(not one.drops and one.prefix == network and one.prefix != prefix for one in facts.routes)


def sites(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the server knows the client's LAN, and the client those of the others: by some route through the
    tunnel.
    """
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or not client.facts.eigrp or not hub.eigrp or not is_up(client):
        return
    running = running_on(client.facts, client.tunnel)
    if running is None:
        return
    site = scene.site_of(client.name, client.facts)
    if site is not None and not announced(client.facts, site[0]) and lacks(hub, there, site[1]):
        network = next(own.network for it in client.facts.interfaces if it.name == site[0] for own in it.addresses)
        evidence = (f"{client.hub}: no route to {network} by the tunnel",)
        yield not_announced(client.name, running[0], (site[0], network), evidence)
        return
    if site is not None and is_kept_back(running[0], site[0]) and lacks(hub, there, site[1]):
        yield kept_back(client.name, running[0], site, (f"{client.hub}: no route to {site[1]} by the tunnel",))
        return
    yield from _passed_on(scene, client, there, hub)


def announced(facts: RouterFacts, interface: str) -> bool:
    """Return whether EIGRP tells of the networks of this interface."""
    return any(
        "connected" in process.redistributes or any(one.name == interface for one in process.interfaces)
        for process in facts.eigrp
    )


def not_announced(
    name: str, process: EigrpFacts, lan: tuple[str, IPv4Network | IPv6Network], evidence: tuple[str, ...]
) -> Finding:
    """Return the finding that nobody hears of a LAN. evidence: who suffers."""
    interface, network = lan
    return Finding(
        step=_STEP,
        cause=Cause.NETWORK_STATEMENT,
        router=name,
        what=f"EIGRP of {name} does not announce its LAN {network} ({interface})",
        evidence=(f"{name}: EIGRP runs on {interface_names(process)}", *evidence),
        fix=process_lines(process, f"network {network.network_address} {network.hostmask}"),
    )


def is_kept_back(process: EigrpFacts, interface: str) -> bool:
    """Return whether it is a stub that does not tell of the network of an interface. (`receive-only` tells of
    nothing.)
    """
    if process.stub is None or "connected" in process.stub:
        return False
    return any(one.name == interface for one in process.interfaces) or "redistributed" not in process.stub


def kept_back(name: str, process: EigrpFacts, lan: tuple[str, Address], evidence: tuple[str, ...]) -> Finding:
    """Return the finding that a stub keeps its LAN to itself. evidence: who suffers."""
    told = process.stub or ()
    return Finding(
        step=_STEP,
        cause=Cause.SPOKE_STUB,
        router=name,
        what=f"{name} is an EIGRP stub that does not tell of its LAN ({lan[0]}, {lan[1]})",
        evidence=(f"{name}: eigrp stub {' '.join(told) or 'receive-only'}", *evidence),
        fix=process_lines(process, f"eigrp stub {' '.join(('connected', *(told or ('summary',))))}"),
    )


def _told_by(other: Client, there: TunnelFacts, hub: RouterFacts, source: str) -> Address | None:
    """Return an address of a network that the hub reaches by another client, as this protocol told it."""
    for route in hub.routes:
        by_other = any(hop.interface == there.name and hop.address in other.tunnel.addresses for hop in route.next_hops)
        if by_other and route.source == source:
            return route.prefix.network_address
    return None


def _lasting(facts: RouterFacts, address: Address) -> RouteFacts | None:
    """Return the route to an address; a shortcut of NHRP's own goes with its entry, so it is none."""
    return next((one for one in facts.routes_to(address) if one.source != "nhrp"), None)


def lacks(facts: RouterFacts, tunnel: TunnelFacts, address: Address) -> bool:
    """Return whether no route leads there by this tunnel."""
    route = _lasting(facts, address)
    hops = (*route.next_hops, *((route.override,) if route.override is not None else ())) if route is not None else ()
    return all(hop.interface != tunnel.name for hop in hops)


def others_told(
    scene: Scene, client: Client, there: TunnelFacts, hub: RouterFacts, source: str
) -> Iterator[tuple[Client, Address]]:
    """Check what the hub learnt by a routing protocol from another client, and this one did not."""
    for other in scene.fellows(client)[:MOST_FELLOWS]:
        target = _told_by(other, there, hub, source)
        if target is None or not lacks(client.facts, client.tunnel, target):
            continue
        taken = _lasting(client.facts, target)
        in_place = taken is not None and taken.drops and (taken.source == source or is_last_resort(taken))
        if taken is None or not taken.prefix.prefixlen or in_place:
            yield other, target  # else by another way, or into nothing: that is not what the hub tells


def _passed_on(scene: Scene, client: Client, there: TunnelFacts, hub: RouterFacts) -> Iterator[Verdict]:
    """Check that what the hub learnt from one client is what the others have, too."""
    for other, target in others_told(scene, client, there, hub, "eigrp"):
        running = running_on(hub, there)
        if not is_up(other):
            continue
        if running is None:
            return
        process, interface = running
        evidence = (f"{client.hub} has a route to {target} ({other.name})", f"{client.name} has none")
        if process.stub is not None:
            yield Finding(
                step=_STEP,
                cause=Cause.HUB_STUB,
                router=client.hub,
                what=f"{client.hub} is an EIGRP stub, and passes on nothing that it learnt",
                evidence=evidence,
                fix=process_lines(process, "no eigrp stub"),
            )
        elif interface.split_horizon:
            yield Finding(
                step=_STEP,
                cause=Cause.SPLIT_HORIZON,
                router=client.hub,
                what=f"split horizon at {client.hub}: what it learnt by {there.name} it does not tell by {there.name}",
                evidence=evidence,
                fix=interface_lines(process, there.name, "no split-horizon", "no ip split-horizon eigrp AS"),
            )
        else:
            yield Finding(
                step=_STEP,
                cause=Cause.ROUTE_FILTERED,
                router=client.hub,
                what=f"{client.hub} does not tell {client.name} of {target} ({other.name})",
                evidence=evidence,
                decide=f"is it in what {client.name} hears? there: show ip eigrp topology all-links",
            )
        return
