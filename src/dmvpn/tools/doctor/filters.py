"""Checks of filters: who keeps a route from being told, or from being believed.

Asked where neighbors are neighbors, a LAN is announced, and the other end has no route to it. The lists are asked
themselves, so that one which lets the route pass is not blamed.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.routemaps import Candidate
from dmvpn.features.bgp.model import Direction, FilterKind
from dmvpn.network.device import Device
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.learnt import MOST_FELLOWS, lacks
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.distribution import Distribution
    from dmvpn.base.facts import Network
    from dmvpn.base.routemaps import RoutePolicies
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Words of lines that filter.
_WORDS = ("distribute-list", "prefix-list", "route-map", "filter-list")


def between(scene: Scene, client: Client) -> Iterator[Verdict]:
    """What one end tells of its LAN, and of those that it learnt, the other end takes."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None:
        return
    ends = (
        (client.name, client.facts, client.tunnel, client.hub, hub, there),
        (client.hub, hub, there, client.name, client.facts, client.tunnel),
    )
    for teller, facts, tunnel, listener, theirs, other in ends:
        fellows = _passed_on(scene, client, hub, there) if teller == client.hub else ()
        for prefix in (*_told(scene, teller, facts), *fellows):
            if not lacks(theirs, other, prefix.network_address + 1):
                continue
            for name, own, out, far in ((teller, facts, True, other), (listener, theirs, False, tunnel)):
                line = blocking(name, own, prefix, far, out=out)
                if line is not None:
                    yield _finding(name, line, prefix, listener, out=out)
                    return


def _told(scene: Scene, name: str, facts: RouterFacts) -> Iterator[IPv4Network]:
    """Yield the LAN of a router."""
    site = scene.site_of(name, facts)
    lan = site[0] if site is not None else ""
    for it in facts.interfaces:
        yield from (one.network for one in it.addresses if it.name == lan and isinstance(one.network, IPv4Network))


def _passed_on(scene: Scene, client: Client, hub: RouterFacts, there: TunnelFacts) -> Iterator[IPv4Network]:
    """Yield what the server learnt of the LANs of other clients."""
    for other in scene.fellows(client)[:MOST_FELLOWS]:
        for prefix in _told(scene, other.name, other.facts):
            if not lacks(hub, there, prefix.network_address + 1):
                yield prefix


def _finding(name: str, line: tuple[str, ...], prefix: Network, listener: str, *, out: bool) -> Finding:
    what = f"{name} tells nobody of {prefix}" if out else f"{name} does not believe what it hears of {prefix}"
    return Finding(
        step=Step.ROUTING,
        cause=Cause.ROUTE_FILTERED,
        router=name,
        what=f"{what}: a list refuses it",
        evidence=(f"{name}: {' / '.join(line)}", f"{listener}: no route to {prefix} by the tunnel"),
        fix=(*line[:-1], f"no {line[-1]}"),
    )


def blocking(
    name: str, facts: RouterFacts, prefix: IPv4Network, far: TunnelFacts, *, out: bool
) -> tuple[str, ...] | None:
    """Return the line, with those that lead to it, whose list keeps this prefix back; None: there is none."""
    if not any(word in line for line in facts.configuration for word in _WORDS):
        return None
    device = _read(name, facts.configuration)
    policies = device.policies
    candidate = Candidate(prefix=Prefix.parse(str(prefix)))
    ports = tuple(tunnel.name for tunnel in facts.tunnels)
    processes: list[Distribution] = [one.distribution for one in device.eigrp.processes]
    processes += [device.rip.distribution]
    lists = [one for process in processes for one in process.lists]
    of_ospf = [one for process in device.ospf.processes for one in process.distribution.lists]
    # What OSPF floods of its own areas passes every list: those of what is told concern what it imports.
    lists += [one for one in of_ospf if one.inwards or _is_imported(facts, prefix)]
    for one in lists:
        if one.inwards is out or one.interface not in ("", *ports) or one.permits(policies, candidate):
            continue
        words = f"distribute-list {one.kind.value.replace('access-list', '')} {one.name}"
        return _line(facts, words, "in" if one.inwards else "out", one.interface)
    return _of_bgp(device, facts, candidate, policies, far, out=out)


def _is_imported(facts: RouterFacts, prefix: IPv4Network) -> bool:
    """Return whether it is on no interface that OSPF runs on."""
    own = {one.name for process in facts.ospf for one in process.interfaces}
    return all(prefix not in (one.network for one in it.addresses) for it in facts.interfaces if it.name in own)


def _of_bgp(
    device: Device, facts: RouterFacts, candidate: Candidate, policies: RoutePolicies, far: TunnelFacts, *, out: bool
) -> tuple[str, ...] | None:
    direction = Direction.OUT if out else Direction.IN
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
    """Where a line is that begins with these words, with those that lead to it. others: words behind them, "": none."""
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


@lru_cache(maxsize=64)
def _read(name: str, lines: tuple[str, ...]) -> Device:
    return Device.read(name, "\n".join([*lines, "end", ""]))
