"""Checks of the tables that ports, tunnels, LANs and routing protocols are in.

A packet is looked up in one table. Where its port, the tunnel and the routes are in different ones, each line is right
by itself, and nothing says which of them is the mistake. The routes that are configured decide, then the other routers.

    sources     the port that a tunnel leaves by, and `tunnel vrf`
    insides     the LAN and the tunnel, where no tunnel is in the table of the LAN
    profiles    `match fvrf`, and keys of IKEv1 by VRF
    elsewhere   a routing process, or a static route, that the table of the tunnel lacks and another one has

    clouds      the key of each tunnel is that of its VRF's cloud, on routers with a cloud for each customer

Where two tunnels have exchanged their keys or their VRFs, each customer's packets reach the tunnel of the other one.
The other routers, which agree on the key of each VRF, show which key is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from dmvpn.base.facts import Address
from dmvpn.base.findings import Cause
from dmvpn.base.placeholder import Placeholder
from dmvpn.base.ports import table_named
from dmvpn.features.interface.facts import InterfaceFacts
from dmvpn.features.static.config import line_of
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.features.tunnel.reasons import TunnelReason
from dmvpn.ios import INTERFACE, vrfs
from dmvpn.ios.interface_addresses import ADDRESS
from dmvpn.network.lines import moved, process_of
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.tools.doctor import terms
from dmvpn.tools.doctor.configuration import device, read
from dmvpn.tools.doctor.ipsec import is_secured
from dmvpn.tools.doctor.scene import Client, Scene, interface_of
from dmvpn.tools.doctor.verdicts import Finding, Step, Verdict
from dmvpn.tools.lint.rules import vrfs as vrf_rules

# ------------------------------------------------------------------------------------------------ the front door


def source(scene: Scene, name: str, facts: RouterFacts, tunnel: TunnelFacts) -> Finding | None:
    """Return the finding that a tunnel is down because its source is in another table than its outer packets."""
    port = interface_of(facts, tunnel.source_interface)
    if not tunnel.reason.is_one(TunnelReason.SOURCE_VRF) or port is None:
        return None
    # Whether the port is in the wrong table, and not the tunnel: by routes, else by the other tunnels.
    own = device(facts)
    hops = [[one.next_hop for one in own.static_of(vrf).ipv4] for vrf in (tunnel.front, port.vrf)]
    by_routes = [any(hop in it.network for hop in some if hop is not None for it in port.addresses) for some in hops]
    others = Counter(one.front for other, there in scene.alive() if other != name for one in there.tunnels)
    by_others = others[tunnel.front] > others[port.vrf]
    is_of_port = by_routes[0] if by_routes[0] != by_routes[1] else by_others
    has = f"{tunnel.name} has {f'tunnel vrf {tunnel.front}' if tunnel.front else 'no tunnel vrf'}"
    if is_of_port:
        fix = (INTERFACE.line(name=port.name), *moved_port(facts, port, tunnel.front))
    else:
        line = tunnel_lines.VRF.line(vrf=port.vrf) if port.vrf else tunnel_lines.VRF.no(vrf=tunnel.front)
        fix = (INTERFACE.line(name=tunnel.name), line)
    what = f"{port.name} of {name} is in {table_named(port.vrf)}, and {has}: its outer packets cannot leave there"
    return _finding(Step.LINE, name, what, (f"{name}: {tunnel.name} is down: {tunnel.reason}",), fix)


def _finding(step: Step, name: str, what: str, evidence: tuple[str, ...], fix: tuple[str, ...]) -> Finding:
    return Finding(step=step, cause=Cause.TABLE, router=name, what=what, evidence=evidence, fix=fix)


def misplaced_default(facts: RouterFacts, front: str, hop: Address | Placeholder) -> tuple[str, ...]:
    """Return the lines that remove a default route with this next hop from the other tables."""
    tables = [vrf for vrf in ("", *device(facts).vrfs.names) if vrf != front]
    found = ((vrf, route) for vrf in tables for route in device(facts).static_of(vrf).ipv4)
    return tuple(f"no {line_of(one, vrf)}" for vrf, one in found if one.prefix.is_default and one.next_hop == hop)


def identities(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that IKE has a profile, and keys, for peers in the table of the tunnel's outer packets."""
    if client.there is not None and not is_secured(client):
        yield from _identities(scene, client)


_identities: Final = terms.of_pair(Step.IKE, vrf_rules.PROFILE, vrf_rules.KEYS)


# ------------------------------------------------------------------------------------------------ inside


def insides(scene: Scene) -> Iterator[Verdict]:
    """Check that a tunnel is in the table of each LAN, where the tunnel's own table has no LAN.

    A VRF that exchanges routes with others by route targets needs no tunnel.
    """
    for name, facts in scene.alive():
        lans = _lans(scene, name, facts)
        for tunnel in facts.tunnels:
            inside = interface_of(facts, tunnel.name)
            if inside is None or not inside.addresses or any(port.vrf == inside.vrf for port in lans):
                continue
            tables = [one.vrf for one in facts.interfaces if any(one.name == t.name for t in facts.tunnels)]
            own = device(facts)  # stations that NAT lets out to the provider may want no tunnel
            inward = [port for port in lans if port.addresses and not own.translates(port.name, "inside")]
            exchanging = [vrf.name for vrf in own.vrfs.vrfs if vrf.imports or vrf.exports]
            alone = [port for port in inward if port.vrf not in (*tables, *exchanging)]
            if len(alone) == 1 and _do_others(scene, name, tunnel):
                yield _apart(name, facts, inside, alone[0])


def _lans(scene: Scene, name: str, facts: RouterFacts) -> list[InterfaceFacts]:
    """Return the ports of a router that have hosts on their wires."""
    links = ((port, scene.link((name, port.name))) for port in facts.interfaces)
    return [port for port, link in links if link and any(node in scene.lab.hosts for node, _ in link.ends)]


def _do_others(scene: Scene, name: str, tunnel: TunnelFacts) -> bool:
    """Return whether the other routers of a cloud that have LANs have one in the table of their tunnel."""
    found = []
    for other, facts in scene.alive():
        lans = _lans(scene, other, facts)
        for one in facts.tunnels if other != name else ():
            inside = interface_of(facts, one.name)
            if inside is not None and lans and one.key == tunnel.key:
                found.append(any(port.vrf == inside.vrf for port in lans))
    return bool(found) and all(found)


def _apart(name: str, facts: RouterFacts, inside: InterfaceFacts, lan: InterfaceFacts) -> Finding:
    """Return the finding that LAN and tunnel are in different tables: where routes are configured, both belong."""
    is_lan_wrong = _has_routing(facts, inside.vrf) or not _has_routing(facts, lan.vrf)
    moves, stays = (lan, inside) if is_lan_wrong else (inside, lan)
    places = f"{moves.name} of {name} is in {table_named(moves.vrf)}, and {stays.name} in {table_named(stays.vrf)}"
    fix = (INTERFACE.line(name=moves.name), *moved_port(facts, moves, stays.vrf))
    what = f"{places}: no packet of the LAN goes by the tunnel"
    return _finding(Step.LINE, name, what, (f"{name}: show vrf",), fix)


def _has_routing(facts: RouterFacts, vrf: str) -> bool:
    """Return whether a routing protocol, or a static route besides default routes, is configured for a table."""
    own = read(facts.hostname, facts.configuration, vrf)
    networks = (*own.rip.networks, *(one for process in own.eigrp.processes for one in process.networks))
    spoken = networks or own.ospf.processes or (own.bgp.local_as and own.bgp.neighbors)
    return bool(spoken) or any(not route.prefix.is_default for route in device(facts).static_of(vrf).ipv4)


def moved_port(facts: RouterFacts, port: InterfaceFacts, vrf: str) -> tuple[str, ...]:
    """Return the lines that move an interface into a table; it loses its addresses by that, and gets them again."""
    is_old = any(line == f"ip vrf {vrf}" for line in facts.configuration)
    form = vrfs.IP_FORWARDING if is_old else vrfs.FORWARDING
    enter = form.line(name=vrf) if vrf else leaving(facts, port)
    own = [one for one in port.addresses if one.version == 4][:1]
    return enter, *(ADDRESS.line(address=one.ip, mask=one.network.netmask) for one in own)


def leaving(facts: RouterFacts, port: InterfaceFacts) -> str:
    """Return the line that takes an interface out of its VRF."""
    is_old = any(line == f"ip vrf {port.vrf}" for line in facts.configuration)
    return "no ip vrf forwarding" if is_old else "no vrf forwarding"


# ------------------------------------------------------------------------------------------------ routing


def process_elsewhere(name: str, facts: RouterFacts, protocol: str) -> Finding | None:
    """Return the finding that a protocol runs in a table other than that of these facts; None: it runs nowhere else."""
    own = device(facts)
    for vrf in ("", *own.vrfs.names):
        process = process_of(own.lines, f"router {protocol.lower()}", vrf) if vrf != facts.vrf else None
        if process is not None:
            there = f"runs in {table_named(vrf)}, and its tunnel is in {table_named(facts.vrf)}"
            return _finding(Step.ROUTING, name, f"{protocol} of {name} {there}", (), moved(process, vrf, facts.vrf))
    return None


def route_elsewhere(name: str, facts: RouterFacts, target: Address, evidence: tuple[str, ...]) -> Finding | None:
    """Return the finding that another table has the static routes for a destination; None: no table has them."""
    for vrf in ("", *device(facts).vrfs.names):
        static = device(facts).static_of(vrf).ipv4 if vrf != facts.vrf else ()
        ours = {own.network for port in facts.interfaces if port.vrf == facts.vrf for own in port.addresses}
        found = [one for one in static if one.next_hop and any(one.next_hop in network for network in ours)]
        if any(target in route.prefix for route in found):
            there = f"is in {table_named(vrf)}, and its next hop in {table_named(facts.vrf)}"
            fix = tuple(line for one in found for line in (f"no {line_of(one, vrf)}", line_of(one, facts.vrf)))
            return _finding(Step.ROUTING, name, f"the static route of {name} to {target} {there}", evidence, fix)
    return None


# ------------------------------------------------------------------------------------------------ clouds


class _Cloud(NamedTuple):
    """A tunnel with a key, in the table of its interface."""

    router: str
    vrf: str
    key: int
    tunnel: TunnelFacts
    interface: InterfaceFacts


def clouds(scene: Scene) -> Iterator[Verdict]:
    """Check that each tunnel has the key that all other routers have in a VRF of its name."""
    every = [one for name, facts in scene.alive() for one in _clouds(name, facts)]
    for name, facts in scene.alive():
        others = [one for one in every if one.router != name]
        wrong = [one for one in every if one.router == name and _has_key_of_another(one, others)]
        if wrong:
            yield _swapped(name, facts, wrong, others)


def _clouds(name: str, facts: RouterFacts) -> Iterator[_Cloud]:
    for tunnel in facts.tunnels:
        interface = interface_of(facts, tunnel.name)
        if interface is not None and tunnel.key is not None:
            yield _Cloud(name, interface.vrf, tunnel.key, tunnel, interface)


def _has_key_of_another(one: _Cloud, others: list[_Cloud]) -> bool:
    """Return whether two routers at least, and all with the VRF, have another key there, and this key elsewhere."""
    keys = [other.key for other in others if other.vrf == one.vrf]
    places = {other.vrf for other in others if other.key == one.key}
    return len(keys) > 1 and len(set(keys)) == 1 and keys[0] != one.key and bool(places) and one.vrf not in places


def _swapped(name: str, facts: RouterFacts, wrong: list[_Cloud], others: list[_Cloud]) -> Finding:
    """Return the finding. The network-id says whether the key or the VRF of a tunnel is the mistake."""
    keys = {one.vrf: one.key for one in others}
    homes = {one.key: one.vrf for one in others}
    ids = {one.vrf: one.tunnel.network_id for one in others}
    are_keys = all(one.tunnel.network_id == ids.get(one.vrf) for one in wrong)
    changes: list[tuple[_Cloud, tuple[str, ...]]]
    if are_keys:
        changes = [(one, (tunnel_lines.KEY.line(key=keys[one.vrf]),)) for one in wrong]
    else:
        changes = [(one, (leaving(facts, one.interface),)) for one in wrong]
        changes += [(one, moved_port(facts, one.interface, homes[one.key])) for one in wrong]
    fix = tuple(line for one, lines in changes for line in (INTERFACE.line(name=one.tunnel.name), *lines))
    has = " and ".join(f"{one.tunnel.name} in {table_named(one.vrf)} has key {one.key}" for one in wrong)
    wants = " and ".join(f"{keys[one.vrf]} in {table_named(one.vrf)}" for one in wrong)
    what = f"{has} at {name}, and all other routers have {wants}: packets of one customer reach another one"
    evidence = tuple(f"{one.router}: {one.tunnel.name}, {table_named(one.vrf)}, key {one.key}" for one in others)
    return Finding(Step.GRE, Cause.KEY if are_keys else Cause.TABLE, name, what, evidence, fix)
