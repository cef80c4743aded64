"""Checks of pairs of spokes: static maps, and faults between two spokes that both reach the hub.

Two spokes are a pair, like a client and its server, as soon as one of them needs the other: it has an NHRP entry for
it, or it is a peer without SAs. The facts of both ends decide; the checks send no probes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.features.nhrp.reasons import NhrpReason
from dmvpn.tools.doctor import ipsec, terms, underlay, underlay_path
from dmvpn.tools.doctor.scene import Client
from dmvpn.tools.doctor.verdicts import Finding, Step
from dmvpn.tools.lint.rules.registration import MAP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict

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
