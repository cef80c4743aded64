"""Checks of routes that EIGRP learned, and of static routes: no route is missing, and none is a black hole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.features.eigrp.config.processes import IN_FAMILY
from dmvpn.features.eigrp.config.sections import SPLIT_HORIZON, process_lines, taken_back
from dmvpn.tools.doctor.eigrp import interface_names, is_up, running_on
from dmvpn.tools.doctor.static_routes import lines_by_hop
from dmvpn.tools.doctor.underlay_path import is_last_resort, null_route_removal
from dmvpn.tools.doctor.underlay_routes import removal_lines
from dmvpn.tools.doctor.verdicts import Finding, Step

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
#: Sites of other routers to check for one client: a hub that does not pass on routes does so for none.
MOST_FELLOWS = 8


def black_holes(scene: Scene) -> Iterator[Verdict]:
    """Check that no static route drops traffic for another site, except as a last resort."""
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
                    what=f"a static route of {name} drops packets for {route.prefix} ({', '.join(hit)})",
                    evidence=(f"{name}: S {route.prefix} is directly connected, Null0",),
                    fix=null_route_removal(facts, route),
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
                step=_STEP,
                cause=Cause.BLACK_HOLE,
                router=name,
                what=f"a static route of {name} sends packets for {route.prefix} to {hop.address}, which no router has",
                evidence=(f"{name}: S {route.prefix} via {hop.address}, {hop.interface}",),
                fix=removal_lines(scene, name, route),
                route=route.prefix,
            )


def wrong_next_hops(scene: Scene) -> Iterator[Verdict]:
    """Check that no static route leads by a tunnel to a site that lacks the network and is no server."""
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
                    what=f"a static route of {name} sends packets for {route.prefix} ({owners[0]}) to {taker[0]}",
                    evidence=(f"{name}: S {route.prefix} via {hop.address}, {hop.interface}",),
                    fix=tuple(f"no {line}" for line, to in lines_by_hop(facts, route.prefix) if to == hop.address),
                )


def _sites(scene: Scene) -> Iterator[tuple[str, Network]]:
    """Yield router and network of each LAN, without tunnels."""
    for name, facts in scene.alive():
        tunnels = {tunnel.name for tunnel in facts.tunnels}
        for interface in facts.interfaces:
            if interface.name not in tunnels:
                yield from ((name, own.network) for own in interface.addresses)


def _is_better(facts: RouterFacts, prefix: object, network: object) -> bool:
    """Return whether a longer route leads there all the same."""
    return any(not one.drops and one.prefix == network and one.prefix != prefix for one in facts.routes)


def site_routes(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the server has a route through the tunnel to the client's LAN, and the client to the other LANs."""
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
    if site is not None and is_stub_suppressed(running[0], site[0]) and lacks(hub, there, site[1]):
        yield stub_suppressed(client.name, running[0], site, (f"{client.hub}: no route to {site[1]} by the tunnel",))
        return
    yield from _passed_on(scene, client, there, hub)


def announced(facts: RouterFacts, interface: str) -> bool:
    """Return whether EIGRP advertises the networks of this interface."""
    return any(
        "connected" in process.redistributes or any(one.name == interface for one in process.interfaces)
        for process in facts.eigrp
    )


def not_announced(
    name: str, process: EigrpFacts, lan: tuple[str, IPv4Network | IPv6Network], evidence: tuple[str, ...]
) -> Finding:
    """Return the finding that a LAN is not advertised. evidence: the effect."""
    interface, network = lan
    return Finding(
        step=_STEP,
        cause=Cause.NETWORK_STATEMENT,
        router=name,
        what=f"EIGRP of {name} does not announce its LAN {network} ({interface})",
        evidence=(f"{name}: EIGRP runs on {interface_names(process)}", *evidence),
        fix=process_lines(process, _network_line(network)),
    )


def _network_line(network: IPv4Network | IPv6Network) -> str:
    """Return the `network` line for a LAN. EIGRP runs for IPv4 here."""
    if network.version == 6:
        return IN_FAMILY.network.of(address=Blank("network"))
    return IN_FAMILY.network.of(address=network.network_address, wildcard=network.hostmask)


def is_stub_suppressed(process: EigrpFacts, interface: str) -> bool:
    """Return whether the process is a stub that does not advertise the network of an interface.

    (`receive-only` advertises nothing.)
    """
    if process.stub is None or "connected" in process.stub:
        return False
    return any(one.name == interface for one in process.interfaces) or "redistributed" not in process.stub


def stub_suppressed(name: str, process: EigrpFacts, lan: tuple[str, Address], evidence: tuple[str, ...]) -> Finding:
    """Return the finding that a stub does not advertise its LAN. evidence: the effect."""
    stub = process.stub or ()
    return Finding(
        step=_STEP,
        cause=Cause.SPOKE_STUB,
        router=name,
        what=f"{name} is an EIGRP stub that does not advertise its LAN ({lan[0]}, {lan[1]})",
        evidence=(f"{name}: eigrp stub {' '.join(stub) or 'receive-only'}", *evidence),
        fix=process_lines(process, IN_FAMILY.stub.of(**dict.fromkeys(("connected", *(stub or ("summary",))), True))),
    )


def _learned_from(other: Client, there: TunnelFacts, hub: RouterFacts, source: str) -> Address | None:
    """Return an address of a network that the hub reaches by another client, learned by this protocol."""
    for route in hub.routes:
        by_other = any(hop.interface == there.name and hop.address in other.tunnel.addresses for hop in route.next_hops)
        if by_other and route.source == source:
            return route.prefix.network_address
    return None


def _lasting(facts: RouterFacts, address: Address) -> RouteFacts | None:
    """Return the route to an address, without shortcuts of NHRP, which expire with their entries."""
    return next((one for one in facts.routes_to(address) if one.source != "nhrp"), None)


def lacks(facts: RouterFacts, tunnel: TunnelFacts, address: Address) -> bool:
    """Return whether no route leads there by this tunnel."""
    route = _lasting(facts, address)
    hops = (*route.next_hops, *((route.override,) if route.override is not None else ())) if route is not None else ()
    return all(hop.interface != tunnel.name for hop in hops)


def missing_routes(
    scene: Scene, client: Client, there: TunnelFacts, hub: RouterFacts, source: str
) -> Iterator[tuple[Client, Address]]:
    """Yield routes that the hub learned by a routing protocol from another client, and that this client lacks."""
    for other in scene.fellows(client)[:MOST_FELLOWS]:
        target = _learned_from(other, there, hub, source)
        if target is None or not lacks(client.facts, client.tunnel, target):
            continue
        taken = _lasting(client.facts, target)
        in_place = taken is not None and taken.drops and (taken.source == source or is_last_resort(taken))
        if taken is None or not taken.prefix.prefixlen or in_place:
            yield other, target  # else by another path, or into Null0: that is not the hub's route


def _passed_on(scene: Scene, client: Client, there: TunnelFacts, hub: RouterFacts) -> Iterator[Verdict]:
    """Check that the hub advertises routes from one client to the other clients."""
    for other, target in missing_routes(scene, client, there, hub, "eigrp"):
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
                fix=process_lines(process, IN_FAMILY.stub.no()),
            )
        elif interface.split_horizon:
            yield Finding(
                step=_STEP,
                cause=Cause.SPLIT_HORIZON,
                router=client.hub,
                what=f"split horizon at {client.hub}: routes learned on {there.name} are not advertised there",
                evidence=evidence,
                fix=taken_back(process, there.name, SPLIT_HORIZON),
            )
        else:
            yield Finding(
                step=_STEP,
                cause=Cause.ROUTE_FILTERED,
                router=client.hub,
                what=f"{client.hub} does not advertise {target} ({other.name}) to {client.name}",
                evidence=evidence,
                decide=f"is it in what {client.name} hears? there: show ip eigrp topology all-links",
            )
        return
