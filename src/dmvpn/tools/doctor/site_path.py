"""The path from a router to an address at another site: whether it exists, and whether it is direct."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor.missing_routes import to_address
from dmvpn.tools.doctor.probes import ProbePurpose
from dmvpn.tools.doctor.underlay_path import PathEnd, best_route, is_last_resort, probe_result, trace
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.features.nhrp.facts import MappingFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict


def site_owner(scene: Scene, address: Address) -> str | None:
    """Return the router that has the address, or has it on its LAN."""
    for name, _, own in scene.ports():
        if address in own.network and name not in scene.lab.providers:
            return name
    owned = scene.tunnel_owner(address)
    return owned[0] if owned is not None else None


def affecting_routers(scene: Scene, router: str, address: Address | None) -> set[str]:
    """Return the routers whose faults affect one router: itself, its servers, the providers, and the far end of a path.

    A hub is affected by its clients. If no router has a server's address, it may be that of a dead one.
    """
    ends = {router} | ({site_owner(scene, address) or router} if address is not None else set())
    found = ends | {*scene.lab.providers, *scene.lab.gateways}
    for client in scene.clients():
        if client.name in ends:
            found |= {client.hub} if client.hub else set(scene.dead())
        if client.hub == router and address is None:
            found.add(client.name)
    return found


def site_pings(scene: Scene, router: str | None) -> Iterator[Verdict]:
    """Check which pings from site to site were answered. Other checks explain the unanswered ones."""
    for probe, outcome in scene.answers.items():
        if probe.kind is ProbePurpose.SITES and outcome.passed and router in (None, probe.router):
            owner = site_owner(scene, probe.target)
            behind = f" (behind {owner})" if owner is not None else ""
            yield Fine(Step.ROUTING, f"pings from {probe.router} to {probe.target}{behind}: {outcome}")


def path_to(scene: Scene, router: str, address: Address) -> Iterator[Verdict]:
    """Check the path of packets for this address."""
    facts = scene.of(router)
    if facts is None:
        return
    owner = site_owner(scene, address)
    route = best_route(facts, address)
    ports = [hop.interface for hop in route.next_hops] if route is not None else []
    by_tunnel = [tunnel for tunnel in facts.tunnels if tunnel.name in ports]
    if owner == router:
        yield Fine(Step.ROUTING, f"{address} is at {router} itself")
        return
    nowhere = route is None or not route.prefix.prefixlen or is_last_resort(route)
    if nowhere and not by_tunnel:
        barred = to_address(scene, owner, (router, facts.vrf), address)
        if barred is not None:
            yield barred
            return
        whose = f"; it is at {owner}" if owner is not None else "; no router in this lab has it"
        what = f"{router} has no route to {address} by a tunnel{whose}"
        evidence = (f"{router}: {route.prefix if route is not None else 'nothing'} is all that fits",)
        yield Finding(Step.ROUTING, Cause.NO_ROUTE_THERE, router, what, evidence)
        return
    for tunnel in by_tunnel:
        yield from _by_tunnel(scene, (router, facts, tunnel), address, owner)


def _by_tunnel(
    scene: Scene, here: tuple[str, RouterFacts, TunnelFacts], address: Address, owner: str | None
) -> Iterator[Verdict]:
    router, _, tunnel = here
    ping = probe_result(scene, ProbePurpose.SITES, router, address)
    hubs = {server.address for server in tunnel.servers}
    fitting = [one for one in tunnel.mappings if address in one.target and one.next_hop not in hubs]
    direct = max(fitting, key=lambda one: one.target.prefixlen, default=None)
    clients = {client.name: client for client in scene.clients()}
    far = clients.get(owner or "")
    if any(client.name == owner and client.hub == router for client in scene.clients()):
        yield Fine(Step.ROUTING, f"{address} is behind {owner}, and the tunnel of {router} leads straight there")
    elif direct is not None and _is_used(tunnel, direct):
        yield Fine(Step.SHORTCUT, f"{router} sends packets for {address} directly to {direct.next_hop} ({direct.nbma})")
    elif not tunnel.multipoint:
        yield Fine(Step.ROUTING, f"{tunnel.name} of {router} is point-to-point: all go through the hub, as they must")
    elif owner in {client.hub for client in clients.values()} or far is None:
        yield Fine(Step.ROUTING, f"{address} is behind the hub: there is no shorter way")
    else:
        yield from _apart(scene, (router, tunnel), direct, address, far)
    if ping is not None and not ping.passed and "!" not in ping.marks:
        what = f"{router} has a route to {address}, and pings do not come back: is there such a host?"
        yield Finding(Step.SHORTCUT, Cause.UNDECIDED, router, what, (f"pings from {router}: {ping}",))


def _is_used(tunnel: TunnelFacts, known: MappingFacts) -> bool:
    """Return whether packets use an NHRP entry.

    Not while the path is not proved, nor without SAs: then they go through the hub.
    """
    return (
        known.kind == "dynamic"
        and known.nbma is not None
        and known.next_hop not in tunnel.by_server
        and all(peer.nbma != known.nbma for peer in tunnel.unsecured)
    )


def _apart(
    scene: Scene, here: tuple[str, TunnelFacts], known: MappingFacts | None, address: Address, far: Client
) -> Iterator[Verdict]:
    """Find two spokes whose packets go through the hub."""
    router, tunnel = here
    if far.tunnel.destination is not None:
        yield Fine(
            Step.SHORTCUT, f"{far.name} is point-to-point: packets for {address} go through the hub, as they must"
        )
        return
    source = scene.seen_as(far)
    said = (f"{router} says: {known.reason}",) if known is not None and known.reason else ()
    found = trace(scene, router, source, tunnel.front) if source is not None else None
    if found is not None and found.end not in (PathEnd.ARRIVED, PathEnd.UNSEEN):
        what = f"{router} and {far.name} reach the hub, and not each other: {found.end.value} at {found.at}"
        yield Finding(Step.RESOLUTION, Cause.PEERS_APART, found.at, what, said)
        return
    gateways = [
        scene.gateway_of(name, one.source_interface) for name, one in ((router, tunnel), (far.name, far.tunnel))
    ]
    if all(gateways) and known is not None:
        cause = Cause.SAME_NAT if gateways[0] == gateways[1] else Cause.NAT_KIND
        what = f"{router} and {far.name} are both behind NAT ({' and '.join(dict.fromkeys(map(str, gateways)))})"
        evidence = (*said, f"{router}: {known.kind} entry for {known.target}")
        yield Finding(Step.SHORTCUT, cause, str(gateways[0]), what, evidence, advice=True)
    elif known is not None:
        peer = next((one for one in tunnel.unsecured if one.nbma == source), None)
        evidence = (*said, *((f"IKE says: {peer.reason}",) if peer is not None else ()))
        step = Step.RESOLUTION if known.nbma is None else Step.SHORTCUT
        what = f"{router} asked for {address} ({far.name}), and packets still go by the hub"
        yield Finding(step, Cause.PEERS_APART, router, what, evidence)
    elif tunnel.shortcuts:
        yield Fine(Step.SHORTCUT, f"{router} has sent no request for {address} yet: packets for it go through the hub")
    else:
        yield Fine(Step.SHORTCUT, f"{router} takes no shortcuts: packets for {address} go through the hub")
