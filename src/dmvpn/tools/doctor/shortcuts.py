"""Checks of phase 3: redirect at the hub, resolution, and shortcut at the spokes; and of pairs of spokes.

Two spokes are a pair, like a client and its server, as soon as one of them needs the other: it has an NHRP entry for
it, or it is a peer without SAs. The facts of both ends decide about static maps, and about faults between two spokes
that both reach the hub; the checks send no probes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import ip_keyword
from dmvpn.base.facts import Address
from dmvpn.base.findings import Cause
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.nhrp.reasons import NhrpReason
from dmvpn.ios import INTERFACE
from dmvpn.router.facts import TunnelFacts
from dmvpn.tools.doctor import ipsec, terms, underlay, underlay_path
from dmvpn.tools.doctor.configuration import device, texts
from dmvpn.tools.doctor.scene import Client, ProbePurpose, Scene
from dmvpn.tools.doctor.underlay_path import probe_result
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step, Verdict
from dmvpn.tools.lint.rules import phases, tunnels
from dmvpn.tools.lint.rules.registration import MAP
from dmvpn.tools.lint.rules.tunnels import HEADERS, mtu_line

# ------------------------------------------------------------------------------------------------ phase 3


#: Tunnels that must agree before one that differs counts as wrong.
_ENOUGH_OTHERS: Final = 2


_redirect: Final = terms.of_pair(Step.REDIRECT, phases.REDIRECT)
_shortcut: Final = terms.of_pair(Step.SHORTCUT, phases.SHORTCUT)
_single: Final = terms.of_pair(Step.SHORTCUT, phases.SPOKE)
_next_hop: Final = terms.of_all(Step.REDIRECT, phases.NEXT_HOP, phases.SUMMARY)
_unclamped: Final = terms.of_pair(Step.GRE, tunnels.NO_MSS)
_clamped: Final = terms.of_pair(Step.GRE, tunnels.MSS)


def redirects(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that a hub sends redirects if spokes with shortcuts send traffic for other spokes through it."""
    there = client.there
    if there is None or not client.tunnel.shortcuts or not client.tunnel.multipoint or not scene.fellows(client):
        return
    if there.redirects:
        yield Fine(Step.REDIRECT, f"{client.hub} sends redirects{client.in_version}")
        return
    if _sends_by_hub(scene, client):
        yield from _redirect(scene, client)


def takers(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that a client of a hub with redirects has shortcuts enabled, if any similar client does.

    Hubs are clients of hubs, too.
    """
    there, tunnel = client.there, client.tunnel
    if there is None or not there.redirects:
        return
    alike = [one.tunnel for one in scene.fellows(client) if one.tunnel.redirects is tunnel.redirects]
    if not any(one.shortcuts and one.multipoint for one in alike):
        return
    if tunnel.destination is not None and not tunnel.shortcuts:
        yield Fine(Step.SHORTCUT, f"{client.name} is point-to-point: all goes by {client.hub}")
    elif tunnel.destination is not None:
        yield from (replace(one, stops=False) for one in _single(scene, client))
    elif not tunnel.shortcuts:
        yield from _shortcut(scene, client)
    elif not _server_only(client):
        yield Fine(Step.SHORTCUT, f"{client.name} takes shortcuts{client.in_version}")


def askers(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that a client with possible direct paths sends Resolution Requests: in phase 2 for next hops, in 3 for
    shortcuts.
    """
    tunnel = client.tunnel
    mute = _server_only(client) if tunnel.multipoint else ()
    if not mute or not any(one.tunnel.multipoint for one in scene.fellows(client)):
        return
    what = f"{client.name} sends all packets for other sites through {client.hub}, and sends no resolution requests"
    fix = (INTERFACE.line(name=tunnel.name), *(f"no {line}" for line in mute))
    yield Finding(Step.SHORTCUT, Cause.SHORTCUT, client.name, what, (f"{client.name}: {mute[0]}",), fix)


def _server_only(client: Client) -> tuple[str, ...]:
    """Return the line that keeps a client from sending Resolution Requests."""
    line = nhrp_lines.of_version(nhrp_lines.SERVER_ONLY, client.version)
    return texts(device(client.facts).section(client.tunnel.name), line)


def next_hops(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the hub preserves next hops for spokes with multipoint tunnels and no shortcuts (phase 2)."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or there.redirects:
        return
    some = [one for one in (client, *scene.fellows(client)) if one.tunnel.multipoint and not one.tunnel.shortcuts]
    ports = [it for process in hub.eigrp for it in process.interfaces if it.name == there.name]
    if len({one.name for one in some}) > 1 and (hub.bgp.local_as or any(not one.split_horizon for one in ports)):
        yield from (one for one in _next_hop(scene) if one.router == client.hub)


def _sends_by_hub(scene: Scene, client: Client) -> bool:
    """Return whether a client sends by its server for the LAN of another one: in phase 2 the next hop is that one.

    Existing shortcuts do not count as routing.
    """
    there = (*client.there.addresses, client.there.link_local) if client.there is not None else ()
    sites = (
        scene.site_of(one.name, one.facts, client.version) for one in scene.fellows(client) if one.tunnel.multipoint
    )
    for lan in (site[1] for site in sites if site is not None):
        route = next((route for route in client.facts.routes_to(lan) if route.source != "nhrp"), None)
        if route is not None and any(hop.address is not None and hop.address in there for hop in route.next_hops):
            return True
    return False


def small(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the tunnels of a client and of its server carry as large packets as all other tunnels."""
    there, clients = client.there, [client, *scene.fellows(client)]
    others = [one.tunnel.ip_mtu for one in scene.fellows(client)]
    others += [there.ip_mtu] if there is not None else []
    if _is_narrow(scene, [client], ProbePurpose.UNDERLAY_OTHERS):
        yield Fine(Step.GRE, f"the way between {client.name} and {client.hub} takes no packets of full size")
    else:
        yield from _smaller(client.name, client.version, client.tunnel, others)
    if (
        there is not None
        and client.hub_facts is not None
        and not _is_narrow(scene, clients, ProbePurpose.UNDERLAY_FULL)
    ):
        yield from _smaller(client.hub, client.version, there, [one.tunnel.ip_mtu for one in clients])


def _is_narrow(scene: Scene, clients: list[Client], kind: ProbePurpose) -> bool:
    """Return whether pings of this size were lost on any of these paths: then a smaller tunnel is right."""
    found = (probe_result(scene, kind, one.name, one.nbma) for one in clients)
    return any(outcome is not None and not outcome.passed for outcome in found)


def _is_smaller(tunnel: TunnelFacts, others: list[int]) -> bool:
    """Return whether a tunnel carries less than all other tunnels of its cloud, although its port would carry
    as much.
    """
    return len(others) >= _ENOUGH_OTHERS and tunnel.ip_mtu < min(others) <= tunnel.room


def _smaller(name: str, version: int, tunnel: TunnelFacts, others: list[int]) -> Iterator[Verdict]:
    if not _is_smaller(tunnel, others):
        return
    usual = min(others)
    section, headers = INTERFACE.line(name=tunnel.name), HEADERS[version]
    clamp = (tunnels.clamp_line(usual - headers, version),) if 0 < (tunnel.mss or 0) < usual - headers else ()
    what = f"{tunnel.name} of {name} takes {tunnel.ip_mtu} octets, all others {usual} and more"
    ip = ip_keyword(version)
    evidence, fix = (f"{name}: {ip} mtu {tunnel.ip_mtu}",), (section, mtu_line(usual, version), *clamp)
    yield Finding(Step.GRE, Cause.MTU, name, what, evidence, fix, stops=False)


def clamped(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that TCP is clamped to the tunnel: where other tunnels of the network clamp, one without a clamp was
    forgotten.
    """
    if client.there is None:
        return
    alike = [it for _, facts in scene.alive() for it in facts.tunnels if it.nhrp is client.tunnel.nhrp]
    is_usual = any(tunnel.mss is not None for tunnel in alike)
    for one in _unclamped(scene, client):
        yield replace(one, advice=not is_usual, stops=False)
    mtus = [it.ip_mtu for it in alike]
    ends = ((client.name, client.tunnel), (client.hub, client.there))
    right: list[str] = []
    for name, tunnel in ends:  # its clamp fits all other tunnels, and only itself is smaller, which is reported already
        others = list(mtus)
        if tunnel.ip_mtu in others:
            others.remove(tunnel.ip_mtu)
        fits = tunnel.mss is not None and tunnel.mss + HEADERS[client.version] <= min(others, default=0)
        if _is_smaller(tunnel, others) and fits:
            right.append(name)
    yield from (replace(one, stops=False) for one in _clamped(scene, client) if one.router not in right)


# ------------------------------------------------------------------------------------------------ pairs of spokes


#: Checks of two ends, until a fault is found.
_CHECKS: Final = (underlay.routes, underlay_path.outer_ttl, ipsec.protection, ipsec.ike, ipsec.unused_sas)
#: Reasons for a path through the hub that are no fault.
_MEANT: Final = (NhrpReason.SAME_NAT, NhrpReason.BOTH_BEHIND_NAT, NhrpReason.PEER_BEGINS, NhrpReason.NOT_HEARD)
_maps: Final = terms.of_all(Step.REGISTRATION, MAP)


def static_maps(scene: Scene) -> Iterator[Verdict]:
    """Check that static maps have the right NBMA addresses; those of a server are checked with its client."""
    return (one for one in _maps(scene) if one.cause is Cause.WRONG_MAP)


def pairs(scene: Scene, broken: set[str]) -> Iterator[Verdict]:
    """Check pairs of spokes that need each other. broken: routers with a known fault that explains everything."""
    by_nbma = {seen: client for client in scene.clients() if (seen := scene.seen_as(client)) is not None}
    done: set[frozenset[str]] = set()
    for client in scene.clients():
        for nbma in _wanted(client):
            other = by_nbma.get(nbma)
            if other is None or other.name == client.name or frozenset((client.name, other.name)) in done:
                continue
            if {client.name, other.name} & broken:
                continue
            done.add(frozenset((client.name, other.name)))
            yield from _of_pair(scene, client, other, nbma)


def symmetric_translators(scene: Scene) -> Iterator[Verdict]:
    """Find spokes that asked for each other and cannot meet, because of a symmetric translator. It may be a plan, since
    packets arrive by the hub.
    """
    by_nbma = {seen: client for client in scene.clients() if (seen := scene.seen_as(client)) is not None}
    done: set[frozenset[str]] = set()
    for client in scene.clients():
        for entry in client.tunnel.mappings:
            other = by_nbma.get(entry.nbma) if entry.nbma is not None else None
            if other is None or not entry.reason.find(NhrpReason.BOTH_BEHIND_NAT):
                continue
            names = frozenset((client.name, other.name))
            gateways = [scene.gateway_of(one.name, one.tunnel.source_interface) or "" for one in (client, other)]
            kinds = [scene.lab.gateways[name].kind for name in gateways if name]
            if names in done or "symmetric" not in kinds or "cone" in kinds:
                continue
            done.add(names)
            name, pair = gateways[kinds.index("symmetric")], (client.name, other.name)
            what = f"{' and '.join(pair)} are behind NAT, and a symmetric translator keeps them apart"
            evidence = (f"{client.name} says: {entry.reason}",)
            found = Finding(Step.SHORTCUT, Cause.NAT_KIND, name, what, evidence, others=pair, stops=False)
            yield replace(found, decide=f"are {' and '.join(pair)} meant to send everything by a hub?", mild=True)


def _wanted(client: Client) -> Iterator[Address]:
    """Yield NBMA addresses, except servers', that the tunnel sends to, or would."""
    servers = {server.nbma for server in client.tunnel.servers}
    for entry in client.tunnel.mappings:
        if entry.nbma is not None and entry.nbma not in servers and not entry.reason.find(*_MEANT):
            yield entry.nbma
    for peer in client.facts.unsecured(client.tunnel):
        if peer.nbma not in servers:
            yield peer.nbma


def _of_pair(scene: Scene, client: Client, other: Client, nbma: Address) -> Iterator[Verdict]:
    """Yield the first fault between the two."""
    both = Client(client.name, client.facts, client.tunnel, None, nbma, other.name, other.facts, other.tunnel)
    for check in _CHECKS:
        found = [one for one in check(scene, both) if isinstance(one, Finding)]
        decided = [one for one in found if one.named]
        if decided:
            yield from decided
            return
