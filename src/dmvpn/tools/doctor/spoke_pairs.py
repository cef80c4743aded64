"""Checks of pairs of spokes: static maps, and faults between two spokes that both reach the hub.

Two spokes are a pair, like a client and its server, as soon as one of them needs the other: it has an NHRP entry for
it, or it is a peer without SAs. The facts of both ends decide; the checks send no probes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.features.nhrp.reasons import NhrpReason
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor import ipsec, packet_loss, sas, underlay_routes
from dmvpn.tools.doctor.configuration import tunnel_end
from dmvpn.tools.doctor.scene import Client
from dmvpn.tools.doctor.verdicts import Finding, Step
from dmvpn.tools.lint.rules.registration import lines_about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Checks of two ends, until a fault is found.
_CHECKS = (underlay_routes.routes, packet_loss.outer_ttl, ipsec.protection, ipsec.ike, sas.unused_sas)
#: Reasons for a path through the hub that are no fault.
_MEANT = (NhrpReason.SAME_NAT, NhrpReason.BOTH_BEHIND_NAT, NhrpReason.PEER_BEGINS, NhrpReason.NOT_HEARD)


def static_maps(scene: Scene) -> Iterator[Verdict]:
    """Check that static maps have the right NBMA addresses."""
    for name, facts in scene.alive():
        for tunnel in facts.tunnels:
            for entry in tunnel.mappings:
                if entry.kind != "static" or entry.nbma is None or entry.nbma.is_unspecified:
                    continue
                if any(entry.next_hop == server.address for server in tunnel.servers):
                    continue  # maps of a server are checked with it
                right = _right(scene, entry.next_hop)
                if right is None or entry.nbma in right[1]:
                    continue
                yield _wrong_map(name, facts, tunnel, (entry.next_hop, entry.nbma), right)


def _right(scene: Scene, address: Address) -> tuple[str, tuple[Address, ...]] | None:
    """Return the router with this tunnel address, and the NBMA addresses that peers may use for it."""
    owned = scene.tunnel_owner(address)
    if owned is None or owned[1].source is None:
        return None
    gateway = scene.gateway_of(owned[0], owned[1].source_interface)
    public = (scene.lab.gateways[gateway].public,) if gateway is not None else ()
    return owned[0], (*public, owned[1].source)


def _wrong_map(
    name: str,
    facts: RouterFacts,
    tunnel: TunnelFacts,
    entry: tuple[Address, Address],
    right: tuple[str, tuple[Address, ...]],
) -> Finding:
    (address, nbma), (owner, known) = entry, right
    end = tunnel_end(facts, tunnel, address.version)
    written = [f"no {one.text}" for one in (lines_about(end, address) if end is not None else ())]
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.WRONG_MAP,
        router=name,
        what=f"a static map of {name} has {address} at {nbma}, and that is {owner}, at {known[0]}",
        evidence=(f"{name}: {address} is at {nbma} (static)", f"{owner}: {tunnel.name} leaves from {known[-1]}"),
        fix=(INTERFACE.of(name=tunnel.name), *written),
        others=(owner,),
    )


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
            yield Finding(
                step=Step.SHORTCUT,
                cause=Cause.NAT_KIND,
                router=gateways[kinds.index("symmetric")],
                what=f"{client.name} and {other.name} are behind NAT, and a symmetric translator keeps them apart",
                evidence=(f"{client.name} says: {entry.reason}",),
                others=(client.name, other.name),
                stops=False,
                decide=f"are {client.name} and {other.name} meant to send everything by a hub?",
                mild=True,
            )


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
