"""Routes that a router lacks: the first router on the way without one, its neighbor with it, and the reason.

    routes      both ends of a tunnel: what one has and the other lacks
    exchanges   VRFs of one router, of which only one has the other's routes
    to_address  from the router of an address to a router without a route to it

Why a route does not pass is asked of the routers themselves (`Scene.why`): the rules that advertise and accept it say.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from ipaddress import IPv4Address, ip_network
from itertools import islice, pairwise, permutations
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.addresses import Prefix
from dmvpn.base.barriers import Gap, RouteEnd, RouteReason
from dmvpn.base.causes import Cause
from dmvpn.tools.doctor.configuration import cause_of, remedy
from dmvpn.tools.doctor.scene import addresses_of
from dmvpn.tools.doctor.underlay_path import is_last_resort
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.facts import Address, Network
    from dmvpn.features.rib.facts import RouteFacts
    from dmvpn.network.customers import Table
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

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

    @property
    def table(self) -> Table:
        """The router and its VRF."""
        return self.name, self.facts.vrf


class _Lan(NamedTuple):
    """A network and its router."""

    owner: str
    network: Network


# ------------------------------------------------------------------------------------------------ tunnels


def routes(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the server has the routes to the client's LANs, and the client those to the LANs behind the server."""
    hub, there = client.hub_facts, client.there
    near = _end(client.name, client.facts, client.tunnel)
    far = _end(client.hub, hub, there) if hub is not None and there is not None else None
    if near is None or far is None:
        return
    own = list(_missing(scene, near, far, _lans(scene, near.name, near.facts, with_site=True)))
    yield from own
    if own:
        return
    fellows = [
        lan for one in scene.fellows(client)[:MOST_FELLOWS] for lan in _lans(scene, one.name, one.facts, with_site=True)
    ]
    behind = (*_lans(scene, far.name, far.facts, with_site=False), *fellows)
    yield from islice(_missing(scene, far, near, behind), 1)


def _missing(scene: Scene, here: _End, there: _End, known: Iterable[_Lan]) -> Iterator[Finding]:
    """Yield why networks that one end has do not pass to the other end, which lacks them."""
    for lan in known:
        if lan.owner != there.name and _has(here.facts, lan.network) and _lacks_it(there, lan.network):
            found = _explained(scene, here, there, lan)
            if found is not None:
                yield found


def _end(name: str, facts: RouterFacts, tunnel: TunnelFacts) -> _End | None:
    address = next((one for one in tunnel.addresses if one.version == 4), None)
    return _End(name, facts, tunnel.name, address) if address is not None else None


def _lans(scene: Scene, name: str, facts: RouterFacts, *, with_site: bool) -> Iterator[_Lan]:
    """Yield the networks of a router that have hosts. with_site: and that of its site, where no host is known."""
    site = scene.site_of(name, facts) if with_site else None
    for lan in scene.lans(name, facts):
        is_wanted = lan.served or (site is not None and lan.address.ip == site[1])
        if is_wanted and lan.port.vrf == facts.vrf and lan.address.version == 4:
            yield _Lan(name, lan.address.network)


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
    default routes and last resorts. What a static route drops is no missing route (`black_holes`).
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
                found = _explained(scene, near, far, _Lan(f"VRF {here.vrf}", network))
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
    facts = scene.of(owner or "")
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
            found = _explained(scene, near, far, _Lan(owner[0], network))
            return replace(found, step=step) if found is not None else None
    return None


def _links(scene: Scene, *, with_providers: bool) -> dict[Table, dict[Table, tuple[_End, _End]]]:
    """Return the neighbors of each table of each router, by the routing protocols."""
    found: dict[Table, dict[Table, tuple[_End, _End]]] = {}
    for name, facts in scene.alive():
        for table in facts.tables:
            seen = facts.seen_in(table.vrf)
            heard = [(it.name, one) for it in (table.rip.interfaces if table.rip else ()) for one in it.heard]
            for port, address in (
                *_on_wires(scene, name, table.vrf, with_providers=with_providers),
                *((one.interface, one.address) for one in table.neighbors if one.up),
                *heard,
            ):
                whose = scene.owner(address) or ""
                other, mine = scene.of(whose), addresses_of(facts, port)
                own = next((one.ip for one in mine if address in one.network), None)
                theirs = other.interfaces if other is not None else ()
                there = next((it for it in theirs if any(one.ip == address for one in it.addresses)), None)
                if other is not None and own is not None and there is not None:
                    near = _End(name, seen, port, own)
                    far = _End(whose, other.seen_in(there.vrf), there.name, address)
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
    sender, receiver = (RouteEnd(end.name, end.facts.vrf, end.address) for end in (here, there))
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
