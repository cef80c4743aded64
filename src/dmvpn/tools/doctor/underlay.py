"""Checks of the underlay: routers that run, wires, interfaces, masks, and addresses that two routers have.

Its routes lead from each end of a tunnel to the other one, in both directions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network
from itertools import combinations
from typing import Final

from dmvpn.base.breath import gulping
from dmvpn.base.facts import Address, AddressWithLength, Network
from dmvpn.base.findings import Cause
from dmvpn.features.static.config import ROUTE, ROUTE_VRF
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.ios import INTERFACE, Blank, Placeholder
from dmvpn.ios.common import SHUTDOWN
from dmvpn.ios.interface_addresses import ADDRESS
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.shells.lab_model import INSIDE
from dmvpn.tools.doctor import addressing, missing_routes, registration, tables, terms
from dmvpn.tools.doctor.configuration import device, removal_lines, route_line, static_lines
from dmvpn.tools.doctor.scene import Client, Port, Scene, interface_of, is_translator
from dmvpn.tools.doctor.underlay_path import PathEnd, UnderlayPath, best_route, trace
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step, Verdict
from dmvpn.tools.lint.rules import underlay

# ----------------------------------------------------------------------------------------------- routers and interfaces


_STEP = Step.UNDERLAY


def dead_routers(scene: Scene) -> Iterator[Verdict]:
    """Find routers that do not run."""
    for name in scene.dead():
        yield Finding(_STEP, Cause.ROUTER_DEAD, name, f"{name} is not running", order=f"dmvpn lab start {name}")


def cut_wires(scene: Scene) -> Iterator[Verdict]:
    """Find wires that are cut in the lab."""
    for link in scene.lab.links:
        if link.cut:
            node, port = link.ends[0]
            name = next((one for one, _ in link.ends if one not in scene.lab.providers), node)
            what, order = f"the link {link.name} is cut", f"dmvpn lab impair {node}:{port}"
            yield Finding(_STEP, Cause.LINK_CUT, name, what, ("the lab says so",), order=order)


def interfaces(scene: Scene) -> Iterator[Verdict]:
    """Find interfaces that are plugged in, and shut down or without address."""
    for name, facts in scene.alive():
        sources = [one.source_interface for one in facts.tunnels]
        for interface in facts.interfaces:
            is_source = interface.name in sources
            if not (scene.link((name, interface.name)) if scene.lab.links else is_source):
                continue
            is_providers, port = name in scene.lab.providers, interface.name
            if not interface.enabled and (interface.addresses or not port.startswith("Vlan")):
                evidence = (f"{name}: {port} is administratively down",)
                fix = (INTERFACE.line(name=port), SHUTDOWN.no())
                yield Finding(_STEP, Cause.INTERFACE_SHUTDOWN, name, f"{port} of {name} is shut down", evidence, fix)
            elif not interface.addresses and (is_providers or is_source):
                whose = "to which a router is connected" if is_providers else "from which a tunnel leaves"
                what, right = f"{port} of {name}, {whose}, has no address", _address_lines(scene, name, port)
                yield Finding(_STEP, Cause.NO_ADDRESS, name, what, fix=right)


def _address_lines(scene: Scene, name: str, port: str) -> tuple[str, ...]:
    """Return the lines that give a port another address: that which its wire needs, if it is known."""
    return addressing.wire_lines(scene, name) or (INTERFACE.line(name=port), addressing.address_line())


def conflicts(scene: Scene) -> Iterator[Verdict]:
    """Check that no two routers have one underlay address, nor one LAN."""
    seen = [
        (name, port.name, own)
        for name, port, own in scene.ports()
        if not port.name.startswith("Loopback") and not own.ip.is_link_local
    ]
    strange = set(addressing.mistaken_ports(scene))
    for (one, port, mine), (other, there, theirs) in gulping(combinations(seen, 2)):
        if one == other or mine.version != theirs.version or not mine.network.overlaps(theirs.network):
            continue
        link = scene.link((one, port))
        if link is not None and (other, there) in link.ends:
            if mine.ip == theirs.ip:
                yield _same(scene, (one, port, mine), (other, there, theirs))
            continue
        if {(one, port), (other, there)} & strange or _are_apart(scene, (one, port), (other, there)):
            continue
        same_address = mine.ip == theirs.ip and not {one, other} & set(scene.lab.providers)
        if same_address or mine.network == theirs.network:
            yield _twice(scene, (one, port, mine), (other, there, theirs))


def _same(scene: Scene, one: tuple[str, str, AddressWithLength], other: tuple[str, str, AddressWithLength]) -> Finding:
    """Return the finding that both ends of a wire have one address; a provider's is right."""
    (name, port, mine), (far, _, _) = (other, one) if one[0] in scene.lab.providers else (one, other)
    what = f"{port} of {name} has {mine.ip}, which is that of {far} at the other end of its wire"
    evidence, fix = (f"{name}: {port} {mine}",), _address_lines(scene, name, port)
    return Finding(_STEP, Cause.NBMA_CONFLICT, name, what, evidence, fix, others=(far,))


def taken(scene: Scene) -> Iterator[Verdict]:
    """Check that no loopback has the address of another router's tunnel source: it would take those packets for its
    own.
    """
    sources = {
        tunnel.source: (name, tunnel) for name, facts in scene.alive() for tunnel in facts.tunnels if tunnel.source
    }
    own_sources = {(name, tunnel.source) for name, facts in scene.alive() for tunnel in facts.tunnels}
    for name, port, mine in scene.ports():
        if not port.name.startswith("Loopback") or mine.ip not in sources or (name, mine.ip) in own_sources:
            continue
        other, tunnel = sources[mine.ip]
        what = f"{port.name} of {name} has {mine.ip}, which {tunnel.name} of {other} leaves from"
        evidence = (f"{name}: {port.name} {mine}", f"{other}: tunnel source {mine.ip}")
        fix = (INTERFACE.line(name=port.name), f"no {addressing.address_line(mine.ip, mine.network)}")
        yield Finding(_STEP, Cause.NBMA_CONFLICT, name, what, evidence, fix, others=(other,))


def _are_apart(scene: Scene, one: Port, other: Port) -> bool:
    """Return whether the same addresses may exist at both ports: they are behind translators, in two VRFs, or one is
    that of a provider whose wires do not lead to the other.
    """
    if _is_behind_nat(scene, one) and _is_behind_nat(scene, other):
        return True
    if {one[0], other[0]} & set(scene.lab.providers):
        # Do wires lead from the table of a port to that of the other one, by the tables of routers between?
        near, wanted = {(one[0], scene.vrf_of(one))}, (other[0], scene.vrf_of(other))
        wires = [{(node, scene.vrf_of((node, port))) for node, port in link.ends} for link in scene.lab.links]
        while reached := [wire for wire in wires if wire & near and not wire <= near]:
            near = near.union(*reached)
        if wanted not in near:
            return True
    vrfs = {scene.vrf_of(one), scene.vrf_of(other)}
    return len(vrfs) == 2 and "" not in vrfs  # a VRF may be the global table of another router


def _is_behind_nat(scene: Scene, end: Port) -> bool:
    """Return whether a translator, or a router without tunnels that translates, is between a port and the rest."""
    link = scene.link(end)
    for node, port in link.ends if link is not None else ():
        facts = scene.facts(node)
        if port == INSIDE or (facts is not None and is_translator(facts) and device(facts).translates(port, "inside")):
            return True
    return False


def _twice(scene: Scene, one: tuple[str, str, AddressWithLength], other: tuple[str, str, AddressWithLength]) -> Finding:
    (a, port, mine), (b, there, theirs) = one, other
    is_lan = _is_lan(scene, a, port)
    alone = is_lan and _is_lan(scene, b, there) and _stays_at_home(scene, mine.network)
    effect = ", and no other router knows of it" if alone else ": packets for it find only one of them"
    what = f"{a} ({port}) and {b} ({there}) both have the network {mine.network}{effect}"
    evidence = (f"{a}: {port} {mine}", f"{b}: {there} {theirs}")
    fix = (INTERFACE.line(name=port), ADDRESS.line(address=Blank("another-network"), mask=Blank("mask")))
    step, cause = (Step.ROUTING, Cause.LAN_OVERLAP) if is_lan else (_STEP, Cause.NBMA_CONFLICT)
    return Finding(step, cause, a, what, evidence, fix, others=(b,), advice=alone)


def _stays_at_home(scene: Scene, network: Network) -> bool:
    """Return whether a network is known only to routers in it, such as a guest network: no other router sends to it.

    A host in the lab must be reachable.
    """
    if any(host.address.ip in network for host in scene.lab.hosts.values()):
        return False
    return all(
        route.source in ("connected", "local") or route.prefix.prefixlen == 0 or not route.prefix.overlaps(network)
        for _, facts in scene.alive()
        for route in facts.routes
        if route.prefix.version == network.version
    )


def _is_lan(scene: Scene, name: str, port: str) -> bool:
    facts = scene.facts(name)
    return facts is not None and all(tunnel.source_interface != port for tunnel in facts.tunnels)


# ------------------------------------------------------------------------------------------------ routes


#: The prefix of the default route.
_DEFAULT: Final = IPv4Network("0.0.0.0/0")
#: Network and mask of the default route.
_ANY: Final = IPv4Address(0)
_advertised: Final = terms.of_all(Step.LINE, underlay.PROTOCOL)


def underlay_advertised(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that neither end advertises the underlay through the tunnel, which would then flap."""
    return (one for one in _advertised(scene) if one.router in (client.name, client.hub))


def routes(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check the routes from end to end, there and back."""
    if client.nbma is None or not client.hub or registration.hiding_translator(scene, client):
        return
    source = interface_of(client.facts, client.tunnel.source_interface)
    if source is not None and (source.vrf != client.tunnel.front or not source.addresses):
        return  # its packets cannot leave there, whatever the routes are
    if client.tunnel.front:
        yield from _front_door(scene, client, client.nbma)
        return
    there = trace(scene, client.name, client.nbma)
    if there.end not in (PathEnd.ARRIVED, PathEnd.UNSEEN):
        yield from _broken(scene, client, there, client.nbma, client.name)
        return
    back_to = scene.seen_as(client)
    if back_to is None or client.hub_facts is None:
        return
    back = trace(scene, client.hub, back_to, client.there.front if client.there is not None else "")
    if back.end in (PathEnd.ARRIVED, PathEnd.UNSEEN):
        if back.end is PathEnd.ARRIVED:
            yield Fine(_STEP, f"routes lead from {client.name} to {client.nbma} ({client.hub}), and back to {back_to}")
        return
    egress = best_route(client.facts, client.nbma)
    leaves = egress.next_hops[0].interface if egress is not None and egress.next_hops else ""
    plugged = scene.link((client.name, client.tunnel.source_interface)) is not None
    by_tunnel = any(tunnel.name == leaves for tunnel in client.facts.tunnels)
    if plugged and leaves and leaves != client.tunnel.source_interface and not by_tunnel:
        what = (
            f"{client.tunnel.name} of {client.name} leaves from {client.tunnel.source_interface} ({back_to}), "
            f"which is not reached from outside; packets to {client.hub} leave by {leaves}"
        )
        evidence = (f"{back.at}: {back.end.value} to {back_to}",)
        fix = (INTERFACE.line(name=client.tunnel.name), tunnel_lines.SOURCE.line(interface=leaves))
        yield Finding(Step.LINE, Cause.WRONG_SOURCE, client.name, what, evidence, fix)
        return
    yield from _broken(scene, client, back, back_to, client.hub)


def _front_door(scene: Scene, client: Client, nbma: Address) -> Iterator[Verdict]:
    """Check that the front doors of both ends have routes to each other; where they lead is left to the pings."""
    front, back_to = client.tunnel.front, scene.seen_as(client)
    if not client.facts.routes_to(nbma, front):
        yield _closed(scene, client.name, client.facts, (client.tunnel, nbma))
        return
    yield Fine(_STEP, f"VRF {front} of {client.name} has a route to {nbma} ({client.hub})")
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or not there.front or back_to is None:
        return
    if not hub.routes_to(back_to, there.front):
        yield _closed(scene, client.hub, hub, (there, back_to))


def _closed(scene: Scene, name: str, facts: RouterFacts, leads: tuple[TunnelFacts, Address]) -> Finding:
    """Return the finding that a front door has no route to a peer. leads: the tunnel, and the peer's address."""
    tunnel, nbma = leads
    front = tunnel.front
    hop = _gateway(scene, name, front) or _gateway(scene, name) or Blank("next-hop")
    astray = tables.misplaced_default(facts, front, hop)
    besides = f", and its default route is in another table ({astray[0].removeprefix('no ')})" if astray else ""
    what = f"VRF {front} of {name} has no route to {nbma}: {tunnel.name} has tunnel vrf {front}{besides}"
    evidence, cause = (f"{name}: show ip route vrf {front} {nbma}",), Cause.TABLE if astray else Cause.MISSING_ROUTE
    return Finding(_STEP, cause, name, what, evidence, (*astray, _default(front, hop)))


def _default(vrf: str, hop: Address | Placeholder) -> str:
    """Return the line of a VRF's default route."""
    return ROUTE_VRF.line(vrf=vrf, network=_ANY, mask=_ANY, next_hop=hop)


def _broken(scene: Scene, client: Client, found: UnderlayPath, target: Address, start: str) -> Iterator[Verdict]:
    """Yield the meaning of a path's end."""
    at, blame = found.at, found.blame or found.at
    evidence = (f"from {start} to {target}: {found.end.value} at {at}",)
    fix: tuple[str, ...]
    match found.end:
        case PathEnd.NO_ROUTE:
            gone = missing_routes.withdrawn(scene, at, target, evidence, _STEP)
            if gone is not None:
                yield gone
                return
            if _has_it_written(scene, at, target):
                return  # the route went with its interface, and that is a finding of its own
            barred = missing_routes.to_address(scene, scene.owner(target), (at, found.vrf), target, step=_STEP)
            if barred is not None:
                yield replace(barred, evidence=(*evidence, *barred.evidence))
                return
            table = f"VRF {found.vrf} of {at}" if found.vrf else at
            what, cause = f"{table} has no route to {target}", Cause.MISSING_ROUTE
            fix = _route(scene, at, target, found.vrf)
        case PathEnd.DROPPED:
            prefix = found.route.prefix if found.route is not None else target
            what, cause = f"{at} drops packets for {target}: {prefix} leads to Null0", Cause.BLACK_HOLE
            fix = _without(scene, at, found, target)
        case PathEnd.NOBODY:
            what, cause, fix = _nobody_there(scene, found, target)
        case PathEnd.TUNNEL:
            what = f"the route of {at} to {target} leads through a tunnel, whose packets need that very route"
            cause, fix = Cause.RECURSION, _without(scene, at, found, target)
        case PathEnd.DEAD:
            what, cause, fix = f"{blame}, on the way from {start} to {target}, does not run", Cause.ROUTER_DEAD, ()
        case PathEnd.SHUT:
            what, cause, fix = f"the interface of {blame} towards {at} is shut down", Cause.INTERFACE_SHUTDOWN, ()
        case _:
            blame, fix = _turning(scene, found, target)
            what = f"the way from {start} to {target} is a loop, and a static route of {blame} leads back"
            cause = Cause.WRONG_NEXT_HOP
    order = f"dmvpn lab start {blame}" if cause is Cause.ROUTER_DEAD else ""
    yield Finding(_STEP, cause, blame, what, evidence, fix, order=order)


def _turning(scene: Scene, found: UnderlayPath, target: Address) -> tuple[str, tuple[str, ...]]:
    """Return the router in a loop with the most specific static route to the target, and the lines that remove the
    route.
    """
    names = dict.fromkeys(node for wire in found.wires for node, _ in wire)
    routes = [
        (name, route)
        for name in names
        if (facts := scene.facts(name)) is not None
        if (route := best_route(facts, target)) is not None and route.source == "static" and route.prefix.prefixlen
    ]
    longest = max(routes, key=lambda one: one[1].prefix.prefixlen, default=None)
    if longest is None:
        return found.at, ()
    return longest[0], removal_lines(scene.facts(longest[0]), longest[1].prefix)


def _has_it_written(scene: Scene, at: str, target: Address) -> bool:
    """Return whether a route is configured, or comes with an address, and its interface is down."""
    facts = scene.facts(at)
    down = [it for it in (facts.interfaces if facts is not None else ()) if not it.line]
    if any(target in own.network for it in down for own in it.addresses):
        return True  # the wire of the target
    return bool(static_lines(facts, _DEFAULT)) and any(not interface.line for interface in scene.underlay_wires(at))


def _route(scene: Scene, at: str, target: Address, vrf: str) -> tuple[str, ...]:
    """Return the missing line: a provider needs one for each remote network, all other routers a default route."""
    if vrf:
        return (_default(vrf, _gateway(scene, at, vrf) or Blank("next-hop")),)
    if at not in scene.lab.providers:
        line = ROUTE.line(network=_ANY, mask=_ANY, next_hop=_gateway(scene, at) or Blank("next-hop"))
        facts = scene.facts(at)
        is_written = facts is not None and line in facts.configuration
        return (addressing.wire_lines(scene, at) if is_written else ()) or (line,)
    owner = scene.owner(target)
    near = (
        theirs.ip
        for link in scene.lab.links
        if at in {node for node, _ in link.ends}
        for node, port in link.ends
        if node == owner
        for theirs in scene.addresses_at(node, port)
        if theirs.version == target.version
    )
    return (host_route(target, next(near, None)),)


def _nobody_there(scene: Scene, found: UnderlayPath, target: Address) -> tuple[str, Cause, tuple[str, ...]]:
    at, route = found.at, found.route
    if route is not None and route.source == "connected":
        what = f"{at} takes {target} for its own wire ({route.prefix}), where no router has it: its mask is too short"
        return what, Cause.WRONG_MASK, (INTERFACE.line(name=route.next_hops[0].interface), addressing.address_line())
    gateway = _gateway(scene, at)
    prefix, unknown = route.prefix if route is not None else _DEFAULT, Blank("next-hop")
    what = f"{at} sends packets for {target} to {found.next_hop}, which no router has"
    wrong = f"no {route_line(prefix, found.next_hop or unknown)}"
    if route is not None and len(route.next_hops) > 1:
        return f"{what}, in turn with others", Cause.WRONG_NEXT_HOP, (wrong,)
    return what, Cause.WRONG_NEXT_HOP, (wrong, route_line(prefix, gateway or unknown))


def host_route(target: Address, next_hop: Address | None) -> str:
    """Return the line of a route to one address."""
    return route_line(ip_network(target), next_hop or Blank("next-hop"))


def _without(scene: Scene, at: str, found: UnderlayPath, target: Address) -> tuple[str, ...]:
    """Return the lines that remove a static route; for a learned one, a static host route that overrides it."""
    if found.route is None:
        return ()
    if found.route.source == "static":
        return removal_lines(scene.facts(at), found.route.prefix)
    return (host_route(target, _gateway(scene, at)),)


def _gateway(scene: Scene, name: str, vrf: str = "") -> Address | None:
    """Return the gateway of a router's VRF: the provider, or the translator, on its wire."""
    found = (addressing.far_end(scene, name, one.name) for one in scene.underlay_wires(name) if one.vrf == vrf)
    return next((far.ip for far in found if far is not None), None)
