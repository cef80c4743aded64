"""Checks of tunnels: their interfaces, and the traffic between their two ends.

Interfaces are up, with a source and with a unique address in the subnet of the cloud. The two ends have routes to each
other, pings pass, and so do copies of multicast packets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Final

from dmvpn.base.facts import Address, AddressWithLength
from dmvpn.base.findings import Cause
from dmvpn.features.ipsec.reasons import IpsecReason
from dmvpn.features.rib.facts import RouteFacts
from dmvpn.features.static.config import ROUTE
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.features.tunnel.reasons import TunnelReason
from dmvpn.ios import INTERFACE, Blank
from dmvpn.ios.common import SHUTDOWN
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.tools.doctor import addressing, missing_routes, tables, terms
from dmvpn.tools.doctor.configuration import is_next_hop, lines_from, removal_lines
from dmvpn.tools.doctor.scene import Client, ProbePurpose, Scene, addresses_of, interface_of
from dmvpn.tools.doctor.terms import differences
from dmvpn.tools.doctor.underlay_path import best_route, filtered_wires, probe_result
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step, Verdict
from dmvpn.tools.lint.rules import neighbors
from dmvpn.tools.lint.rules import tunnels as tunnel_rules
from dmvpn.tools.lint.rules.tunnels import MASKS

# ------------------------------------------------------------------------------------------------ interfaces


def tunnels(scene: Scene) -> Iterator[Verdict]:
    """Check that each tunnel is up, or report the reason."""
    for name, facts in scene.alive():
        for tunnel in facts.tunnels:
            yield _tunnel(scene, name, facts, tunnel)


def _tunnel(scene: Scene, name: str, facts: RouterFacts, tunnel: TunnelFacts) -> Verdict:
    interface = (INTERFACE.line(name=tunnel.name),)
    evidence = f"{name}: {tunnel.name} is {'up' if tunnel.up else f'down: {tunnel.reason}'}"
    found = partial(Finding, step=Step.LINE, router=name, evidence=(evidence,))
    recursion = _recursion(name, facts, tunnel)
    if recursion is not None:
        return recursion
    if tunnel.up and not tunnel.addresses:
        fix = (*interface, addressing.tunnel_line(scene, tunnel))
        return found(cause=Cause.NO_ADDRESS, what=f"{tunnel.name} of {name} has no address", fix=fix)
    if tunnel.up:
        return Fine(Step.LINE, f"{tunnel.name} of {name} is up, source {tunnel.source}")
    if tunnel.reason.is_one(TunnelReason.SHUT) or (not tunnel.reason and not tunnel.enabled):
        what = f"{tunnel.name} of {name} is shut down"
        return found(cause=Cause.TUNNEL_SHUTDOWN, what=what, fix=(*interface, SHUTDOWN.no()))
    source = interface_of(facts, tunnel.source_interface)
    if source is not None and not source.enabled:
        what = f"{source.name} of {name}, the source of {tunnel.name}, is shut down"
        fix = (INTERFACE.line(name=source.name), SHUTDOWN.no())
        return found(step=Step.UNDERLAY, cause=Cause.INTERFACE_SHUTDOWN, what=what, fix=fix)
    elsewhere = tables.source(scene, name, facts, tunnel) or _not_learned(scene, name, tunnel)
    if elsewhere is not None:
        return elsewhere
    cause, line = _CAUSES.get(tunnel.reason.code, Cause.TUNNEL_DOWN), ""
    if cause is Cause.WRONG_SOURCE:
        line = tunnel_lines.SOURCE.line(interface=addressing.source_port(scene, name))
    elif cause is Cause.WRONG_DESTINATION:
        line = tunnel_lines.DESTINATION.line(address=Blank("address"))
        sought = {(one.nbma, one.hub) for one in scene.clients() if one.name != name}
        if (tunnel.source, name) in sought or tunnel.servers:
            cause, line = Cause.HUB_POINT_TO_POINT, tunnel_lines.MODE.line(gre=True, multipoint=True)
    what = f"{tunnel.name} of {name} is down: {tunnel.reason or 'no reason known'}"
    return found(cause=cause, what=what, fix=(*interface, line) if line else ())


def _not_learned(scene: Scene, name: str, tunnel: TunnelFacts) -> Finding | None:
    """Return why a tunnel has no route to its destination, if a routing protocol is to bring it."""
    if tunnel.destination is None or not tunnel.reason.is_one(TunnelReason.NO_ROUTE):
        return None
    owner, here = scene.owner(tunnel.destination), (name, tunnel.front)
    found = missing_routes.to_address(scene, owner, here, tunnel.destination, step=Step.UNDERLAY)
    return found and replace(found, evidence=(f"{name}: {tunnel.name} is down: {tunnel.reason}", *found.evidence))


#: The fault of a tunnel that is down.
_CAUSES: Final = {
    code.id: cause
    for cause, codes in (
        (Cause.UNDECIDED, (TunnelReason.SOURCE_DOWN, TunnelReason.KEEPALIVE)),
        (Cause.WRONG_SOURCE, (TunnelReason.SOURCE_WITHOUT_ADDRESS, TunnelReason.SOURCE_OF_ROUTE)),
        (Cause.WRONG_SOURCE, (TunnelReason.NO_INTERFACE, TunnelReason.NO_SOURCE)),
        (Cause.WRONG_DESTINATION, (TunnelReason.NO_DESTINATION,)),
        (Cause.MISSING_ROUTE, (TunnelReason.NO_ROUTE,)),
        (
            Cause.PROFILE,
            (TunnelReason.UNPROTECTED, IpsecReason.NO_PROFILE, IpsecReason.NO_TRANSFORM, IpsecReason.OTHER_PROFILE),
        ),
    )
    for code in codes
}


def _recursion(name: str, facts: RouterFacts, tunnel: TunnelFacts) -> Finding | None:
    """Return the finding that the tunnel is down because its own packets would go through it."""
    if not tunnel.reason.is_one(TunnelReason.RECURSION):
        return None
    nbmas = [server.nbma for server in tunnel.servers if server.nbma is not None]
    nbmas += [tunnel.destination] if tunnel.destination is not None else []
    fix: tuple[str, ...] = ()
    for nbma in nbmas:
        fix = tuple(f"no {line}" for line in lines_from(facts, nbma)) or fix
        route = best_route(facts, nbma, tunnel.front)
        learned = route is not None and any(hop.interface == tunnel.name for hop in route.next_hops)
        if learned and route is not None and not fix:
            fix = (ROUTE.line(network=nbma, mask="255.255.255.255", next_hop=Blank("next-hop")),)
    return Finding(
        step=Step.LINE,
        cause=Cause.RECURSION,
        router=name,
        what=f"the route to the far end of {tunnel.name} of {name} leads through {tunnel.name} itself",
        evidence=(f"{name}: {tunnel.name} is down: {tunnel.reason}",),
        fix=fix,
    )


def addresses(scene: Scene) -> Iterator[Verdict]:
    """Check that no two tunnels of a cloud have one address."""
    owned = [
        (name, tunnel, address)
        for name, facts in scene.alive()
        for tunnel in facts.tunnels
        for address in tunnel.addresses
    ]
    for (one, mine, address), (other, theirs, same) in combinations(owned, 2):
        if one == other or address != same:
            continue
        name, tunnel = _mistaken(scene, (one, mine), (other, theirs))
        servers = [(who, client.server) for who in (one, other) for client in scene.clients(who)]
        yield Finding(
            step=Step.REGISTRATION,
            cause=Cause.ADDRESS_CONFLICT,
            router=name,
            what=f"{one} and {other} both have the tunnel address {address}",
            evidence=tuple(f"{who} says: {it.reason}" for who, it in servers if it is not None and it.reason),
            fix=(
                INTERFACE.line(name=tunnel.name),
                *(f"no ipv6 address {str(own).upper()}" for own in _own(scene, name, tunnel, address)),
                addressing.tunnel_line(scene, tunnel, address.version),
            ),
            others=tuple(who for who in (one, other) if who != name),
        )


def _own(scene: Scene, name: str, tunnel: TunnelFacts, address: Address) -> Iterator[AddressWithLength]:
    """Yield an address of IPv6 with its length: a further one does not replace it, as one of IPv4 does."""
    facts = scene.facts(name)
    mine = addresses_of(facts, tunnel.name) if facts is not None and address.version == 6 else ()
    return (own for own in mine if own.ip == address)


def _mistaken(scene: Scene, one: tuple[str, TunnelFacts], other: tuple[str, TunnelFacts]) -> tuple[str, TunnelFacts]:
    """Return of two tunnels with one address the one to change.

    It is a server whose clients use another address; or the unregistered one.
    """
    for router in (one, other):
        if addressing.wanted_server_address(scene, router[1]) is not None:
            return router
    is_registered = [all(server.responding for server in router[1].servers) for router in (one, other)]
    return other if is_registered == [True, False] else one


def subnets(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the tunnel's address is in the subnet of its server's."""
    here, server = addresses_of(client.facts, client.tunnel.name), client.server
    if client.there is None or client.hub_facts is None or any(is_taken(scene, client.name, own.ip) for own in here):
        return  # another router's address: it shows its network
    named = [own.network for own in here if server is not None and server.address in own.network]
    theirs = [own.network for own in addresses_of(client.hub_facts, client.there.name)]
    found = list(differences(scene, client, MASKS, Step.LINE))
    if found and named:
        networks = Counter(
            own.network for _, facts in scene.alive() for one in facts.tunnels for own in addresses_of(facts, one.name)
        )
        if all(networks[one] > 1 for one in (*named, *theirs)):
            return  # the line leads into another cloud
    yield from found


def is_taken(scene: Scene, name: str, address: Address) -> bool:
    """Return whether another router's tunnel has the same address."""
    return any(address in tunnel.addresses for who, facts in scene.alive() if who != name for tunnel in facts.tunnels)


def keepalives(scene: Scene) -> Iterator[Verdict]:
    """Advise against keepalives of multipoint tunnels and of tunnels with NHRP."""
    return (replace(one, advice=True) for one in _keepalives(scene))


_keepalives: Final = terms.of_all(Step.LINE, tunnel_rules.KEEPALIVE)


# ------------------------------------------------------------------------------------------------ traffic


def tunnel_routes(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that each end's route to the tunnel address of the other leads by the tunnel.

    NHRP itself needs no route, and works all the same.
    """
    for name, facts, tunnel, whom, address in _ends(client):
        route = bypassing_route(facts, tunnel, address)
        if route is None:
            continue
        hop = next(iter(route.next_hops), None)
        leads = "into nothing" if route.drops or hop is None else f"to {hop.address or hop.interface}"
        yield Finding(
            step=Step.REGISTRATION,
            cause=Cause.NHS_ROUTE,
            router=name,
            what=f"{name} sends packets for {address}, the tunnel address of {whom}, {leads}, and not by {tunnel.name}",
            evidence=(f"{name}: {route.prefix} ({route.source}) is the route that it takes",),
            fix=removal_lines(scene.facts(name), route.prefix) if route.source == "static" else (),
            stops=address in facts.bgp.called or is_next_hop(facts, address),
        )


def _ends(client: Client) -> Iterator[tuple[str, RouterFacts, TunnelFacts, str, Address]]:
    """Yield sender, its facts and tunnel, receiver, and one of the receiver's tunnel addresses."""
    there, hub, server = client.there, client.hub_facts, client.server
    if server is not None and server.address is not None:
        yield client.name, client.facts, client.tunnel, client.hub or "the server", server.address
    if there is not None and hub is not None:
        for address in client.tunnel.addresses:
            if not address.is_link_local:
                yield client.hub, hub, there, client.name, address


def bypassing_route(facts: RouterFacts, tunnel: TunnelFacts, address: Address) -> RouteFacts | None:
    """Return the route to an address at the far end of a tunnel, if it does not lead by the tunnel."""
    route = best_route(facts, address)
    if route is None or not route.prefix.prefixlen or any(address in own for own in facts.addresses.values()):
        return None
    hops = (*route.next_hops, *((route.override,) if route.override is not None else ()))
    return None if any(hop.interface == tunnel.name for hop in hops) else route


def unexplained_loss(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Find tunnels that do not work although both ends are correct and pings pass: something between drops the
    packets.
    """
    if client.there is None or client.nbma is None:
        return
    through = probe_result(
        scene, ProbePurpose.TUNNEL, client.name, client.server.address if client.server is not None else None
    )
    ping = probe_result(scene, ProbePurpose.UNDERLAY, client.name, client.nbma)
    if through is not None and through.passed and client.works:
        yield Fine(
            Step.GRE, f"pings through the tunnel from {client.name} to {client.hub}{client.in_version}: {through}"
        )
        return
    if client.works and any(
        bypassing_route(facts, tunnel, address) is not None for _, facts, tunnel, _, address in _ends(client)
    ):
        return  # the path of those pings, or of the replies, has been reported
    stuck = (client.server is not None and not client.works and not client.server.refused) or (
        through is not None and through.silent
    )
    if not stuck:
        return
    evidence = tuple(
        f"{what} from {client.name} to {client.hub}{version}: {found}"
        for what, version, found in (
            ("pings through the underlay", "", ping),
            ("pings through the tunnel", client.in_version, through),
        )
        if found is not None
    )
    reason = client.server.reason if client.server is not None else ""
    said = (f"{client.name} says: {reason}",) if reason else ()
    lost = filtered_wires(scene, client)
    if ping is not None and ping.passed and lost and not client.tunnel.protection:
        yield Finding(
            step=Step.GRE,
            cause=Cause.GRE_BLOCKED,
            router=client.name,
            what=f"pings pass between {client.name} and {client.hub}, and GRE (protocol 47) is dropped",
            evidence=(*evidence, *lost, *said),
        )
    else:
        left = "; ".join(one.value for one in client.server.suspicions) if client.server is not None else ""
        yield Finding(
            step=Step.REGISTRATION,
            cause=Cause.UNDECIDED,
            router=client.name,
            what=f"{client.name} and {client.hub} do not hear each other, and all that can be seen is as it should be",
            evidence=(*evidence, *said, *((f"{client.name} suspects: {left}",) if left else ())),
        )


_multicast: Final = terms.of_pair(Step.MULTICAST, neighbors.MULTICAST, neighbors.MULTICAST_HUB)


def multicast(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that both ends copy multicasts to each other where a routing protocol runs."""
    found, pair = list(_multicast(scene, client)), client.pair
    yield from found
    if not found and pair is not None and pair.here.running and pair.there.running:
        yield Fine(Step.MULTICAST, f"{client.name} and {client.hub} copy multicasts to each other{client.in_version}")
