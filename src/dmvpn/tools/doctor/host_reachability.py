"""Checks that hosts of different sites reach each other.

The trace of a packet (`tools.walk`) shows where the packet is dropped. The check examines the routes of that router:
routes that are not advertised, and routes that lead elsewhere. It runs last, because every earlier fault drops packets
as well.

Where there are too many pairs of hosts to trace them all, `host_pairs` selects some. Every router's route to every host
is looked up, which is cheap. Where most routers have the same kind of route to a host and a few have another kind, or
none, packets from these few routers are traced first.

`path_to` says whether a path from a router to an address at another site exists, and whether it is direct.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Final, TypeAlias

from dmvpn.base.addresses import Prefix, ip_keyword
from dmvpn.base.breath import breathing
from dmvpn.base.facts import Address
from dmvpn.base.findings import Cause
from dmvpn.base.lpm import PrefixTable
from dmvpn.features.interface.config import UNICAST_ROUTING
from dmvpn.features.nhrp.facts import MappingFacts
from dmvpn.features.rib.facts import RouteFacts
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.shells.facts import HostFacts
from dmvpn.shells.lab_model import UNLEASED
from dmvpn.tools.doctor import addressing, missing_routes
from dmvpn.tools.doctor.configuration import routes_to
from dmvpn.tools.doctor.missing_routes import to_address
from dmvpn.tools.doctor.scene import Client, ProbePurpose, Scene
from dmvpn.tools.doctor.tables import route_elsewhere
from dmvpn.tools.doctor.underlay_path import (
    PathEnd,
    best_route,
    is_last_resort,
    leads_nowhere,
    probe_result,
    trace,
    tunnels_of,
)
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step, Verdict
from dmvpn.tools.walk import WalkedPath, WalkOutcome, walk

# ----------------------------------------------------------------------------------------------- which pairs are traced


#: Properties that the routes of two routers to one host may share: protocol, prefix length, and whether it forwards.
_Kind: TypeAlias = "tuple[str, int, bool] | None"
#: How many routers share its kind of route, the source, and the destination.
_Path: TypeAlias = "tuple[int, HostFacts, HostFacts]"
#: Paths to consider at most: of hundreds of routers one may lack all routes, which is one fault.
_MOST_PAIRS: Final = 2000


def host_pairs(scene: Scene, hosts: Sequence[HostFacts]) -> list[tuple[HostFacts, HostFacts]]:
    """Return source and destination: first those whose router shares its kind of route with the fewest routers."""
    here: dict[str, HostFacts] = {}
    for host in hosts:
        here.setdefault(host.router, host)
    known = dict(scene.alive())
    tables = {name: PrefixTable[_Kind]() for name in here if name in known}
    for name, table in tables.items():
        for route in known[name].routes:
            prefix = Prefix.of(route.prefix.network_address, route.prefix.prefixlen)
            table[prefix] = (route.source, prefix.length, route.drops)
    found: list[_Path] = []
    for target in breathing(hosts):
        ip = target.address.ip
        asking = [name for name in tables if name != target.router and here[name].address.version == ip.version]
        found_there = {name: tables[name].lookup(ip) for name in asking}
        kinds = {name: one[1] if one is not None else None for name, one in found_there.items()}
        often = Counter(kinds.values())
        most = max(often.values(), default=0)
        found += [(often[kind], here[name], target) for name, kind in kinds.items() if often[kind] < most]
    return [(one, other) for _, one, other in _in_turn(sorted(found, key=lambda one: one[0])[:_MOST_PAIRS])]


def _in_turn(found: list[_Path]) -> Iterator[_Path]:
    """Yield each router and each target once before any again: a table that lacks everything is not the only fault."""
    while found:
        later: list[_Path] = []
        senders: set[str] = set()
        targets: set[str] = set()
        for one in found:
            if one[1].router in senders or one[2].router in targets:
                later.append(one)
                continue
            senders.add(one[1].router)
            targets.add(one[2].router)
            yield one
        if len(later) == len(found):
            break
        found = later


# --------------------------------------------------------------------------------------------- hosts of different sites


#: Walks of one examination: all pairs of nine hosts; with more hosts, some with the first and with the next, and as
#: many again where a router's route to a host differs from the routes of other routers.
_MOST: Final = 72
_STEP: Final = Step.ROUTING


def hosts(scene: Scene) -> Iterator[Verdict]:
    """Check that every host reaches the hosts of other sites.

    A host at a provider is in the Internet, and need not reach a site.
    """
    names = {id(host): name for name, host in scene.lab.hosts.items()}
    pairs = [pair for pair in _pairs(scene) if pair[0].router not in scene.lab.providers]
    lost: list[tuple[WalkedPath, str]] = []
    walked = 0
    for source, target, host in pairs:
        here, there = names[id(source)], names[id(host)]
        if scene.customer_of(here) != scene.customer_of(there):
            continue
        walked += 1
        path = walk(scene.unfiltered, here, there if target == host.address.ip else str(target)).forth
        if path.end.outcome in (WalkOutcome.DROPPED, WalkOutcome.LOOP):
            lost.append((path, there))
    # Where VRFs keep two hosts apart, the way back is missing, too, perhaps at a router without VRFs.
    apart = {(path.question.destination, path.question.source) for path, _ in lost if path.end.apart}
    found = [
        _finding(scene, path, host)
        for path, host in lost
        if (path.question.source, path.question.destination) not in apart or path.end.apart
    ]
    explained = [one for one in found if one.cause is not Cause.NO_ROUTE_THERE]
    yield from explained or found
    if walked and not lost:
        yield Fine(Step.ROUTING, f"packets between hosts of different sites find their way: {walked} ways walked")


def _pairs(scene: Scene) -> Iterator[tuple[HostFacts, Address, HostFacts]]:
    """Yield the source host, the destination, and the destination host: of one IP version, behind living routers."""
    known = [host for host in scene.lab.hosts.values() if scene.facts(host.router) is not None]
    if len(known) * (len(known) - 1) <= _MOST:
        for one, other in permutations(known, 2):
            yield from _ends(one, other)
        return
    for place, one in enumerate(known[: _MOST // 4]):
        for other in (known[0], known[(place + 1) % len(known)]):
            yield from _ends(one, other)
            yield from _ends(other, one)
    for one, other in host_pairs(scene, known)[:_MOST]:
        yield from _ends(one, other)


def _ends(here: HostFacts, there: HostFacts) -> Iterator[tuple[HostFacts, Address, HostFacts]]:
    if here.router == there.router:
        return
    ours, theirs = ([own.ip for own in host.addresses if own != UNLEASED] for host in (here, there))
    for ip in ours:
        target = next((other for other in theirs if ip.version == other.version), None)
        if target is not None:
            yield here, target, there


def _finding(scene: Scene, path: WalkedPath, name: str) -> Finding:
    """Return why a packet did not arrive: the host's gateway, a network that is not advertised, or a misleading
    route.
    """
    host, customer = scene.lab.hosts[name], scene.customer_of(name)
    source, target, end = path.question.source, path.question.destination, path.end
    evidence = (f"from {source} to {target}: {end.why or end.outcome.value}, at {end.where}",)
    lan = addressing.lan_of(scene, end.where) if end.where in scene.lab.hosts else None
    if lan is not None:
        return addressing.strange(scene, lan, evidence)
    mine = [node for node in path.nodes if node in scene.lab.routers and node not in scene.lab.providers]
    at = mine[-1] if mine else host.router
    stopped = scene.facts(at)
    if target.version == 6 and stopped is not None and not stopped.forwards_ipv6:
        what = f"{at} does not forward IPv6, so packets for {target} ({host.router}) end there"
        return Finding(_STEP, Cause.NO_ROUTE_THERE, at, what, evidence, (UNICAST_ROUTING.line(),))
    astray = _astray(scene, mine, target, customer)
    if astray is not None:
        at, leading = astray
        what = f"a static route of {at} sends packets for {target} ({host.router}) where no router forwards them"
        return Finding(_STEP, Cause.BLACK_HOLE, at, what, evidence, _without(scene, at, leading, host.router))
    gone = missing_routes.withdrawn(scene, at, target, evidence, Step.ROUTING)
    if gone is not None:
        return gone
    facts = _seen(scene, at, customer)
    elsewhere = route_elsewhere(at, facts, target, evidence) if facts is not None else None
    if elsewhere is not None:
        return elsewhere
    barred = to_address(scene, host.router, (at, facts.vrf if facts is not None else ""), target)
    if barred is not None:
        return replace(barred, evidence=(*evidence, *barred.evidence))
    if end.apart:  # which is what VRFs are for
        what = f"{at} has a route to {target} ({host.router}) in another VRF only: its VRFs keep these hosts apart"
        ask = f"may they reach each other? Then a VRF of {at} imports a route-target that the other one exports"
        found = Finding(_STEP, Cause.NO_ROUTE_THERE, at, what, evidence, decide=ask)
        return replace(found, advice=True, apart=True)
    route = best_route(facts, target) if facts is not None else None
    leads = f", but {route.prefix} ({route.source})" if route is not None else ""
    vrf = f"vrf {facts.vrf} " if facts is not None and facts.vrf else ""
    show = f"show {ip_keyword(target.version)} route {vrf}{target}"
    ask = f"which router does not advertise it to {at}? {show}, from there back to {at}"
    what = f"{at} has no route to {target} ({host.router}){leads}"
    return Finding(_STEP, Cause.NO_ROUTE_THERE, at, what, evidence, decide=ask)


def _seen(scene: Scene, name: str, customer: str) -> RouterFacts | None:
    """Return a router's facts with the table of a customer."""
    facts = scene.facts(name)
    vrf = next((vrf for (router, vrf), of in scene.customers.items() if (router, of) == (name, customer)), None)
    return facts.seen_in(vrf) if facts is not None and vrf is not None else facts


def _astray(scene: Scene, names: list[str], target: Address, customer: str) -> tuple[str, RouteFacts] | None:
    """Return the router on the path with a static route for just this target: the last one with the longest prefix.

    A router with a shorter one sends much other traffic the same way, and relies on the next router.
    """
    found: list[tuple[str, RouteFacts]] = []
    for name in dict.fromkeys(names):
        facts = _seen(scene, name, customer)
        route = best_route(facts, target) if facts is not None else None
        if route is not None and route.source == "static" and route.prefix.prefixlen and not is_last_resort(route):
            found.append((name, route))
    longest = max((route.prefix.prefixlen for _, route in found), default=0)
    if names:  # a server with a summary to Null0 for unknown targets, at least this long, answers for the target
        facts = _seen(scene, names[-1], customer)
        route = best_route(facts, target) if facts is not None else None
        serves = any(who == names[-1] for who, _ in scene.servers())
        if serves and route is not None and is_last_resort(route) and route.prefix.prefixlen >= longest:
            return None
    # The last one of these on the path: the other routes may lead to it.
    return next((one for one in reversed(found) if one[1].prefix.prefixlen == longest), None)


def _without(scene: Scene, at: str, route: RouteFacts, owner: str) -> tuple[str, ...]:
    """Return the lines to remove: of several for one prefix, only lines that do not lead to its owner."""
    lines = [(f"no {line}", static.next_hop) for static, line in routes_to(scene.facts(at), route.prefix)]
    facts = scene.facts(owner)
    own = [address for tunnel in (facts.tunnels if facts is not None else ()) for address in tunnel.addresses]
    return tuple(line for line, hop in lines if hop not in own) or tuple(line for line, _ in lines)


# ---------------------------------------------------------------------------------------------- the path to one address


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
    facts = scene.facts(router)
    if facts is None:
        return
    owner = site_owner(scene, address)
    route = best_route(facts, address)
    if owner == router:
        yield Fine(Step.ROUTING, f"{address} is at {router} itself")
        return
    if leads_nowhere(facts, route):
        barred = to_address(scene, owner, (router, facts.vrf), address)
        if barred is not None:
            yield barred
            return
        whose = f"; it is at {owner}" if owner is not None else "; no router in this lab has it"
        what = f"{router} has no route to {address} by a tunnel{whose}"
        evidence = (f"{router}: {route.prefix if route is not None else 'nothing'} is all that fits",)
        yield Finding(Step.ROUTING, Cause.NO_ROUTE_THERE, router, what, evidence)
        return
    for tunnel in tunnels_of(facts, route):
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
