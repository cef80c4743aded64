"""Routes that a router lacks: the first router on the way without one, its neighbor with it, and the reason.

    routes       both ends of a tunnel: what one has and the other lacks
    exchanges    VRFs of one router, of which only one has the other's routes
    to_address   from the router of an address to a router without a route to it
    black_holes  static routes into nothing
    next_hops    static routes to an unknown address, or to a wrong router
    withdrawn    static routes that are not installed, because their tracked object (`track`) is down

Why a route does not pass is asked of the routers themselves (`Scene.why`): the rules that advertise and accept it say.
Of a tracked object the report names what it tracks, as far as the configuration says: an IP SLA probe, an interface, a
route.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address, ip_network
from itertools import islice, pairwise, permutations
from typing import Final, NamedTuple

from dmvpn.base.addresses import Prefix
from dmvpn.base.barriers import Gap, RouteEnd, RouteReason
from dmvpn.base.facts import Address, Network
from dmvpn.base.findings import Cause
from dmvpn.features.rib.facts import RouteFacts
from dmvpn.features.static.model import StaticRoute
from dmvpn.features.track.model import TrackKind
from dmvpn.network.device import Device
from dmvpn.network.overlay import Table
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.tools.doctor.configuration import NULL, cause_of, device, remedy, removal_lines, routes_to, static_routes
from dmvpn.tools.doctor.scene import Client, Scene, interface_of, interface_with
from dmvpn.tools.doctor.underlay_path import is_last_resort
from dmvpn.tools.doctor.verdicts import Finding, Step, Verdict

# ------------------------------------------------------------------------------------------ routes of routing protocols


#: Sites of other routers to check for one client: a hub that does not pass on routes does so for none.
MOST_FELLOWS: Final = 8
#: From VRF to VRF of one router nothing is sent.
_NOBODY: Final = IPv4Address(0)


class _End(NamedTuple):
    """A router as seen from one of its tables, its port to a neighbor, and its address there."""

    name: str
    facts: RouterFacts
    port: str
    address: Address
    link_local: Address | None = None

    @property
    def table(self) -> Table:
        """The router and its VRF."""
        return self.name, self.facts.vrf


class _Lan(NamedTuple):
    """A network and its router. needed: the destination for which other routers need a route."""

    owner: str
    network: Network
    needed: Network


# ------------------------------------------------------------------------------------------------ tunnels


def routes(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the server has the routes to the client's LANs, and the client those to the LANs behind the server."""
    hub, there = client.hub_facts, client.there
    near = _end(client.name, client.facts, client.tunnel, client.version)
    far = _end(client.hub, hub, there, client.version) if hub is not None and there is not None else None
    if near is None or far is None:
        return
    own = list(_missing(scene, near, far, _lans(scene, near, with_site=True)))
    yield from own
    if own:
        return
    fellows = [
        lan
        for one in scene.fellows(client)[:MOST_FELLOWS]
        for lan in _lans(scene, near._replace(name=one.name, facts=one.facts), with_site=True)
    ]
    behind = (*_lans(scene, far, with_site=False), *fellows)
    yield from islice(_missing(scene, far, near, behind), 1)


def _missing(scene: Scene, here: _End, there: _End, known: Iterable[_Lan]) -> Iterator[Finding]:
    """Yield why networks that one end has do not pass to the other end, which lacks them."""
    for lan in known:
        if lan.owner != there.name and _has(here.facts, lan.network) and _lacks_it(there, lan.needed):
            found = _explained(scene, here, there, lan)
            if found is not None:
                yield found


def _end(name: str, facts: RouterFacts, tunnel: TunnelFacts, version: int) -> _End | None:
    address = next((one for one in tunnel.addresses if one.version == version), None)
    return _End(name, facts, tunnel.name, address, tunnel.link_local) if address is not None else None


def _lans(scene: Scene, end: _End, *, with_site: bool) -> Iterator[_Lan]:
    """Yield the networks of a router that have hosts, of the IP version of an end. with_site: and that of its site,
    where no host is known.
    """
    name, facts = end.name, end.facts
    site = scene.site_of(name, facts, end.address.version) if with_site else None
    for lan in scene.lans(name, facts):
        is_wanted = lan.served or (site is not None and lan.address.ip == site[1])
        if is_wanted and lan.port.vrf == facts.vrf and lan.address.version == end.address.version:
            network = lan.address.network
            alone = lan.port.name.startswith("Loopback")  # OSPF sends its address alone (RFC 2328 §12.4.1.4)
            yield _Lan(name, network, ip_network(lan.address.ip) if alone else network)


def _route(facts: RouterFacts, network: Network) -> RouteFacts | None:
    """Return the route to a whole network, without shortcuts of NHRP, which expire with their entries."""
    fitting = facts.routes_to(network.network_address)
    return next((one for one in fitting if one.source != "nhrp" and one.prefix.prefixlen <= network.prefixlen), None)


def _leads_by(route: RouteFacts | None, *ports: str) -> bool:
    override = (route.override,) if route is not None and route.override is not None else ()
    return route is not None and any(hop.interface in ports for hop in (*route.next_hops, *override))


def _has(facts: RouterFacts, network: Network) -> bool:
    """Return whether a route leads to a network; a default route does so by a tunnel alone."""
    route = _route(facts, network)
    by_tunnel = _leads_by(route, *(tunnel.name for tunnel in facts.tunnels))
    if route is None or route.drops or _is_astray(facts, route):
        return False
    return bool(route.prefix.prefixlen) or by_tunnel


def _is_astray(facts: RouterFacts, route: RouteFacts) -> bool:
    """Return whether the next hop of a route of BGP is reached by the underlay alone: its packets go to a provider."""
    ports = [tunnel.source_interface for tunnel in facts.tunnels]
    return route.source == "bgp" and bool(route.next_hops) and all(hop.interface in ports for hop in route.next_hops)


def _lacks_it(end: _End, network: Network) -> bool:
    """Return whether an end has no route to a network: neither by the tunnel, nor another route, besides
    default routes and last resorts. What a static route drops is no missing route (see `black_holes`).
    """
    route = _route(end.facts, network)
    if route is None or _leads_by(route, end.port):
        return route is None
    if _is_astray(end.facts, route):
        return True
    return not route.prefix.prefixlen or (route.drops and (route.source != "static" or is_last_resort(route)))


# ------------------------------------------------------------------------------------------------ VRFs


def exchanges(scene: Scene) -> Iterator[Verdict]:
    """Check that a VRF with routes of another VRF of its router passes on its own: else no packet of hosts returns."""
    served = list(dict.fromkeys(host.address.network for host in scene.lab.hosts.values()))
    for name, facts in scene.alive():
        for here, there in permutations(facts.vrfs, 2):
            near, far = (_End(name, facts.seen_in(one.vrf), f"vrf {one.vrf}", _NOBODY) for one in (here, there))
            is_answered = any(route.imported == there.vrf for route in here.routes)
            for network in served if is_answered else ():
                route = _route(near.facts, network)
                if route is None or route.imported or not _has(near.facts, network) or _has(far.facts, network):
                    continue
                found = _explained(scene, near, far, _Lan(f"VRF {here.vrf}", network, network))
                if found is not None and found.cause is not Cause.ROUTE_FILTERED:
                    yield found
                    break


# ------------------------------------------------------------------------------------------------ any way


def to_address(
    scene: Scene, owner: str | None, lacking: Table, target: Address, *, step: Step = Step.ROUTING
) -> Finding | None:
    """Return why a router lacks the route to an address, given its router, and where: the first router on the way from
    there that lacks it.

    step: with `UNDERLAY` the way leads over wires and providers, too.
    """
    facts = scene.facts(owner or "")
    for it in facts.interfaces if facts is not None and owner is not None else ():
        for own in it.addresses:
            if target in own.network:
                return _on_the_way(scene, (owner or "", it.vrf), lacking, own.network, step)
    return None


def _on_the_way(scene: Scene, owner: Table, lacking: Table, network: Network, step: Step) -> Finding | None:
    links = _links(scene, with_providers=step is Step.UNDERLAY)
    came: dict[Table, Table] = {owner: owner}
    waiting = deque((owner,))
    while waiting and lacking not in came:
        here = waiting.popleft()
        for there in links.get(here, {}):
            if there not in came:
                came[there] = here
                waiting.append(there)
    way = [lacking] if lacking in came else []
    while way and way[-1] != owner:
        way.append(came[way[-1]])
    for here, there in pairwise(reversed(way)):
        near, far = links[here][there]
        if _has(near.facts, network) and not _has(far.facts, network):
            found = _explained(scene, near, far, _Lan(owner[0], network, network))
            return replace(found, step=step) if found is not None else None
    return None


def _links(scene: Scene, *, with_providers: bool) -> dict[Table, dict[Table, tuple[_End, _End]]]:
    """Return the neighbors of each table of each router, by the routing protocols."""
    found: dict[Table, dict[Table, tuple[_End, _End]]] = {}
    for name, facts in scene.alive():
        for table in facts.tables:
            seen = facts.seen_in(table.vrf)
            heard = [(it.name, one) for it in (table.rip.interfaces if table.rip else ()) for one in it.heard]
            for port, known in (
                *_on_wires(scene, name, table.vrf, with_providers=with_providers),
                *((one.interface, one.address) for one in table.neighbors if one.up),
                *heard,
            ):
                address = scene.global_of(facts, port, known)
                whose = scene.owner(address) or ""
                other, mine = scene.facts(whose), interface_of(facts, port)
                own = next((one.ip for one in mine.addresses if address in one.network), None) if mine else None
                there = interface_with(other, address) if other is not None else None
                if other is not None and mine is not None and own is not None and there is not None:
                    near = _End(name, seen, port, own, mine.link_local)
                    far = _End(whose, other.seen_in(there.vrf), there.name, address, there.link_local)
                    found.setdefault(near.table, {}).setdefault(far.table, (near, far))
    return found


def _on_wires(scene: Scene, name: str, vrf: str, *, with_providers: bool) -> Iterator[tuple[str, Address]]:
    """Yield the ports of a table, with the addresses of the other routers on their wires."""
    others = [one for one in scene.lab.routers if one != name and (with_providers or one not in scene.lab.providers)]
    for port in scene.underlay_wires(name):
        link = scene.link((name, port.name)) if port.vrf == vrf else None
        for node, end in link.ends if link is not None else ():
            if node in others:
                yield from ((port.name, own.ip) for own in scene.addresses_at(node, end))


# ------------------------------------------------------------------------------------------------ the reason


def _explained(scene: Scene, here: _End, there: _End, lan: _Lan) -> Finding | None:
    """Return why a network that one router has does not pass to its neighbor; None: it does, or it is not known."""
    sender, receiver = (RouteEnd(end.name, end.facts.vrf, end.address, end.link_local) for end in (here, there))
    route = _route(here.facts, lan.network)
    prefix = route.prefix if route is not None else lan.network
    barrier = scene.why(Gap(Prefix.parse(str(prefix)), sender, receiver))
    if barrier is not None and barrier.reason.code is RouteReason.SUMMARY:
        prefix = ip_network(str(barrier.reason.fields[0]))
        barrier = scene.why(Gap(Prefix.parse(str(prefix)), sender, receiver))
    if barrier is None:
        return None
    by_owner = lan.owner == here.name
    end, other = (here, there) if barrier.at_sender or barrier.reason.code is RouteReason.NEXT_HOP else (there, here)
    fix = remedy(barrier, end.facts, prefix, other.address, by_owner=by_owner)
    acts = f"{here.name} does not send" if barrier.at_sender else f"{there.name} does not take"
    of, whose = ("its LAN ", "") if by_owner and prefix == lan.network else ("", f" ({lan.owner})")
    return Finding(
        step=Step.ROUTING,
        cause=cause_of(barrier, by_owner=by_owner),
        router=end.name,
        what=f"{barrier.protocol.upper()} of {acts} {of}{prefix}{whose}: {barrier.reason}",
        evidence=(f"{there.name}: no route to {prefix} by {there.port}",),
        fix=fix,
        decide="" if fix else "which line is right? Only a person knows",
        others=(there.name if end is here else here.name,),
    )


# -------------------------------------------------------------------------------------- static routes that lead nowhere


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


# ------------------------------------------------------------------------------------- static routes that are withdrawn


def withdrawn(scene: Scene, name: str, target: Address, evidence: tuple[str, ...], step: Step) -> Finding | None:
    """Return the finding that a router's route to an address is withdrawn by its tracked object; None: it is not."""
    facts = scene.facts(name)
    if facts is None:
        return None
    known = [one for one in static_routes(facts) if one[0].track and target in one[0].prefix]
    fitting = [one for one in known if not _is_used(facts, one[0])]
    if not fitting:
        return None
    route, line = max(fitting, key=lambda one: one[0].prefix.length)
    why, wanted = _why(scene, device(facts), route.track)
    return Finding(
        step=step,
        cause=Cause.MISSING_ROUTE,
        router=name,
        what=f"the route of {name} to {route.prefix} by {route.next_hop} is gone with track {route.track}: {why}",
        evidence=(f"{name}: {line}", *evidence),
        fix=(f"no {line}", line.replace(f" track {route.track}", "")),
        order=wanted,
    )


def _is_used(facts: RouterFacts, route: StaticRoute) -> bool:
    return any(
        one.source == "static"
        and Prefix.parse(str(one.prefix)) == route.prefix
        and any(hop.address == route.next_hop or hop.interface == route.interface for hop in one.next_hops)
        for one in facts.routes
    )


def _why(scene: Scene, models: Device, number: int) -> tuple[str, str]:
    """Return the object's subject, and further remedies."""
    known = next((one for one in models.track.objects if one.number == number), None)
    if known is None:
        return "there is no such object", f"or: track {number} ..."
    if known.kind not in (TrackKind.REACHABLE, TrackKind.STATE):
        return f"it looks at {known.about} ({known.parameter})", ""
    operation = next((one for one in models.track.operations if one.number == known.operation), None)
    if operation is None:
        return f"there is no ip sla {known.operation}", ""
    hosts = [host.address.ip for host in scene.lab.hosts.values()]
    nobody = scene.owner(operation.destination) is None and operation.destination not in hosts
    whom = f"{operation.destination}{', which no router has' if nobody else ''}"
    probe = f"ip sla {known.operation}"
    return f"{probe} hears nothing of {whom}", f"{probe} with icmp-echo to an address that answers"
