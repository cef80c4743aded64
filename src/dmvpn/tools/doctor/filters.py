"""Checks of filters that suppress a route, outbound or inbound.

They run where neighbors are up, a LAN is advertised, and the other end has no route to it. The lists themselves are
evaluated, so that one which permits the route is not blamed.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.causes import Cause
from dmvpn.base.distribution import EVERY
from dmvpn.base.routemaps import MatchedRoute
from dmvpn.features.bgp.model import FilterDirection, FilterKind
from dmvpn.tools.doctor.configuration import read
from dmvpn.tools.doctor.learned_routes import MOST_FELLOWS, lacks
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.distribution import Distribution
    from dmvpn.base.facts import Network
    from dmvpn.base.routemaps import RoutePolicies
    from dmvpn.network.device import Device
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Words of lines that filter.
_WORDS = ("distribute-list", "prefix-list", "route-map", "filter-list", "offset-list", "distance ")
#: From RIP's metric of a neighbor's own network to infinity; a distance at which no route is taken.
_TOO_FAR, _NEVER = 15, 255


def filtered_routes(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the other end accepts each end's LAN, and the LANs that the hub learned."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None:
        return
    ends = (
        (client.name, client.facts, client.tunnel, client.hub, hub, there),
        (client.hub, hub, there, client.name, client.facts, client.tunnel),
    )
    for advertiser, facts, tunnel, receiver, theirs, other in ends:
        fellows = _passed_on(scene, client, hub, there) if advertiser == client.hub else ()
        for prefix in (*_lans_of(scene, advertiser, facts), *fellows):
            if not lacks(theirs, other, prefix.network_address + 1):
                continue
            for name, own, out, far in ((advertiser, facts, True, other), (receiver, theirs, False, tunnel)):
                line = blocking_line(name, own, prefix, far, out=out)
                if line is not None:
                    yield _finding(name, line, prefix, receiver, out=out)
                    return


def _lans_of(scene: Scene, name: str, facts: RouterFacts) -> Iterator[IPv4Network]:
    """Yield the LAN of a router."""
    site = scene.site_of(name, facts)
    lan = site[0] if site is not None else ""
    for it in facts.interfaces:
        yield from (one.network for one in it.addresses if it.name == lan and isinstance(one.network, IPv4Network))


def _passed_on(scene: Scene, client: Client, hub: RouterFacts, there: TunnelFacts) -> Iterator[IPv4Network]:
    """Yield the LANs of other clients that the server learned."""
    for other in scene.fellows(client)[:MOST_FELLOWS]:
        for prefix in _lans_of(scene, other.name, other.facts):
            if not lacks(hub, there, prefix.network_address + 1):
                yield prefix


def _finding(name: str, line: tuple[str, ...], prefix: Network, receiver: str, *, out: bool) -> Finding:
    what = f"{name} does not advertise {prefix}" if out else f"{name} ignores routes to {prefix}"
    return Finding(
        step=Step.ROUTING,
        cause=Cause.ROUTE_FILTERED,
        router=name,
        what=f"{what}: {_why(line[-1])}",
        evidence=(f"{name}: {' / '.join(line)}", f"{receiver}: no route to {prefix} by the tunnel"),
        fix=(*line[:-1], f"no {line[-1]}"),
    )


def _why(line: str) -> str:
    if line.startswith("distance"):
        return "at that distance nothing becomes a route"
    return "an offset makes it unreachable" if line.startswith("offset-list") else "a list refuses it"


def blocking_line(
    name: str, facts: RouterFacts, prefix: IPv4Network, far: TunnelFacts, *, out: bool
) -> tuple[str, ...] | None:
    """Return the line whose list filters this prefix, with the lines that lead to it; None: there is none."""
    if not any(word in line for line in facts.configuration for word in _WORDS):
        return None
    device = read(name, facts.configuration)
    policies = device.policies
    candidate = MatchedRoute(prefix=Prefix.parse(str(prefix)))
    ports = tuple(tunnel.name for tunnel in facts.tunnels)
    processes: list[Distribution] = [one.distribution for one in device.eigrp.processes]
    processes += [device.rip.distribution]
    lists = [one for process in processes for one in process.lists]
    of_ospf = [one for process in device.ospf.processes for one in process.distribution.lists]
    # LSAs of OSPF's own areas pass every outbound list: these apply to imported routes.
    lists += [one for one in of_ospf if one.inwards or _is_imported(facts, prefix)]
    candidate = replace(candidate, gateway=next((own for own in far.addresses if isinstance(own, IPv4Address)), None))
    for one in lists:
        if (
            one.source is not None
            or one.inwards is out
            or one.interface not in ("", *ports)
            or one.permits(policies, candidate)
        ):
            continue
        words = f"distribute-list {one.kind.value.replace('access-list', '')} {one.name}"
        return _line(facts, words, "in" if one.inwards else "out", one.interface)
    return (
        _too_far(device, facts, candidate, out=out)
        or (None if out else _never(device, facts, far))
        or _of_bgp(device, facts, candidate, policies, far, out=out)
    )


def _too_far(device: Device, facts: RouterFacts, candidate: MatchedRoute, *, out: bool) -> tuple[str, ...] | None:
    """Return the line that makes RIP's metric of the route infinite."""
    ports = tuple(tunnel.name for tunnel in facts.tunnels)
    for one in device.rip.distribution.offsets:
        if one.offset < _TOO_FAR or one.inwards is out or one.interface not in ("", *ports):
            continue
        if one.name == EVERY or device.policies.access_list_permits(one.name, candidate.prefix):
            return _line(facts, f"offset-list {one.name} {'in' if one.inwards else 'out'} {one.offset}")
    return None


def _never(device: Device, facts: RouterFacts, far: TunnelFacts) -> tuple[str, ...] | None:
    """Return the line with a distance that prevents routes from the other end."""
    for process in device.eigrp.processes:
        if process.internal_distance == _NEVER:
            return _line(facts, f"distance eigrp {_NEVER}")
    if device.rip.distance == _NEVER or any(_NEVER in one.distances for one in device.ospf.processes):
        return _line(facts, f"distance {_NEVER}")
    if _NEVER in device.bgp.distances:
        return _line(facts, "distance bgp")
    distributions = [*(one.distribution for one in device.eigrp.processes), device.rip.distribution]
    of_neighbors = [one for each in distributions for one in each.distances]
    for one in (*of_neighbors, *device.bgp.neighbor_distances):
        known = any(isinstance(own, IPv4Address) and one.neighbors.hold(own) for own in far.addresses)
        if one.distance == _NEVER and known:
            return _line(facts, f"distance {_NEVER}")
    return None


def _is_imported(facts: RouterFacts, prefix: IPv4Network) -> bool:
    """Return whether the prefix is on no interface that OSPF runs on."""
    own = {one.name for process in facts.ospf for one in process.interfaces}
    return all(prefix not in (one.network for one in it.addresses) for it in facts.interfaces if it.name in own)


def _of_bgp(
    device: Device, facts: RouterFacts, candidate: MatchedRoute, policies: RoutePolicies, far: TunnelFacts, *, out: bool
) -> tuple[str, ...] | None:
    direction = FilterDirection.OUT if out else FilterDirection.IN
    groups = {one.group for one in device.bgp.neighbors if one.peer in far.addresses}
    for neighbor in device.bgp.neighbors:
        if neighbor.peer not in far.addresses and neighbor.peer not in groups:
            continue
        for one in neighbor.filters:
            if one.direction is not direction:
                continue
            maps = one.kind is FilterKind.ROUTE_MAP and policies.mapped(one.name, candidate) is None
            lists = one.kind is FilterKind.PREFIX_LIST and not policies.prefix_list_permits(one.name, candidate.prefix)
            if maps or lists:
                return _line(facts, f"neighbor {neighbor.peer} {one.kind.value} {one.name} {one.direction.value}")
    return None


def _line(facts: RouterFacts, words: str, *others: str) -> tuple[str, ...] | None:
    """Return the line that begins with these words, with the lines that lead to it.

    others: words behind them, "": none.
    """
    trail: list[str] = []
    wanted = words.split()
    behind = [word for word in others if word]
    for text in facts.configuration:
        depth = len(text) - len(text.lstrip())
        del trail[depth:]
        found = text.split()
        if found[: len(wanted)] == wanted and all(word in found[len(wanted) :] for word in behind):
            return (*trail, text.strip())
        trail.append(text.strip())
    return None
