"""Checks that hosts of different sites reach each other.

The trace of a packet (`tools.walk`) shows where the packet is dropped. The check examines the routes of that router:
routes that are not advertised, and routes that lead elsewhere. It runs last, because every earlier fault drops packets
as well.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor import addressing, host_pairs, missing_routes
from dmvpn.tools.doctor.configuration import routes_to
from dmvpn.tools.doctor.missing_routes import to_address
from dmvpn.tools.doctor.tables import route_elsewhere
from dmvpn.tools.doctor.underlay_path import best_route, is_last_resort
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step
from dmvpn.tools.walk import WalkOutcome, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.features.rib.facts import RouteFacts
    from dmvpn.router.facts import RouterFacts
    from dmvpn.shells.facts import HostFacts
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict
    from dmvpn.tools.walk import WalkedPath

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
    known = [host for host in scene.lab.hosts.values() if scene.of(host.router) is not None]
    if len(known) * (len(known) - 1) <= _MOST:
        for one, other in permutations(known, 2):
            yield from _ends(one, other)
        return
    for place, one in enumerate(known[: _MOST // 4]):
        for other in (known[0], known[(place + 1) % len(known)]):
            yield from _ends(one, other)
            yield from _ends(other, one)
    for one, other in host_pairs.pairs(scene, known)[:_MOST]:
        yield from _ends(one, other)


def _ends(here: HostFacts, there: HostFacts) -> Iterator[tuple[HostFacts, Address, HostFacts]]:
    if here.router == there.router:
        return
    theirs = [own.ip for own in (there.address, there.address6) if own is not None]
    for own in (here.address, here.address6):
        target = next((ip for ip in theirs if own is not None and ip.version == own.version), None)
        if own is not None and target is not None:
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
    astray = _astray(scene, mine, target, customer)
    if astray is not None:
        at, leading = astray
        what = f"a static route of {at} sends packets for {target} ({host.router}) where no router forwards them"
        return Finding(_STEP, Cause.BLACK_HOLE, at, what, evidence, _without(scene, at, leading, host.router))
    at = mine[-1] if mine else host.router
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
    ask = f"which router does not advertise it to {at}? show ip route {vrf}{target}, from there back to {at}"
    what = f"{at} has no route to {target} ({host.router}){leads}"
    return Finding(_STEP, Cause.NO_ROUTE_THERE, at, what, evidence, decide=ask)


def _seen(scene: Scene, name: str, customer: str) -> RouterFacts | None:
    """Return a router's facts with the table of a customer."""
    facts = scene.of(name)
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
    if names and _answers_for(scene, names[-1], (target, customer), longest):
        return None
    # The last one of these on the path: the other routes may lead to it.
    return next((one for one in reversed(found) if one[1].prefix.prefixlen == longest), None)


def _answers_for(scene: Scene, name: str, wanted: tuple[Address, str], length: int) -> bool:
    """Return whether the router is a server with a summary to Null0 for unknown targets, at least this long.

    wanted: the target, and its customer.
    """
    target, customer = wanted
    facts = _seen(scene, name, customer)
    route = best_route(facts, target) if facts is not None else None
    serves = any(who == name for who, _ in scene.servers())
    return serves and route is not None and is_last_resort(route) and route.prefix.prefixlen >= length


def _without(scene: Scene, at: str, route: RouteFacts, owner: str) -> tuple[str, ...]:
    """Return the lines to remove: of several for one prefix, only lines that do not lead to its owner."""
    lines = [(f"no {line}", static.next_hop) for static, line in routes_to(scene.of(at), route.prefix)]
    facts = scene.of(owner)
    own = [address for tunnel in (facts.tunnels if facts is not None else ()) for address in tunnel.addresses]
    return tuple(line for line, hop in lines if hop not in own) or tuple(line for line, _ in lines)
