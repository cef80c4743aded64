"""Checks of spokes that are to talk directly: static maps, and what keeps two ends apart that both reach the hub.

Two spokes are a pair as a client and its server are one, as soon as either wants the other: an entry, a peer without
SAs. What both ends say of it decides; nothing is sent to find out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.nhrp.reasons import NhrpReason
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import ipsec, sas, there_and_back, wires
from dmvpn.tools.doctor.scene import Client, lines_of
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: What is asked of two ends, until something is found.
_CHECKS = (there_and_back.ways, wires.lifetimes, ipsec.protection, ipsec.ike, sas.barren)
#: Reasons for the way by the hub that are no fault.
_MEANT = (NhrpReason.SAME_NAT, NhrpReason.BOTH_BEHIND_NAT, NhrpReason.PEER_BEGINS, NhrpReason.NOT_HEARD)


def maps(scene: Scene) -> Iterator[Verdict]:
    """Check that what a router was told by hand of another one's NBMA address is so."""
    for name, facts in scene.alive():
        for tunnel in facts.tunnels:
            for entry in tunnel.mappings:
                if entry.kind != "static" or entry.nbma is None or entry.nbma.is_unspecified:
                    continue
                if any(entry.next_hop == server.address for server in tunnel.servers):
                    continue  # what is said of a server is checked with it
                right = _right(scene, entry.next_hop)
                if right is None or entry.nbma in right[1]:
                    continue
                yield _wrong_map(name, facts, tunnel, (entry.next_hop, entry.nbma), right)


def _right(scene: Scene, address: Address) -> tuple[str, tuple[Address, ...]] | None:
    """Return whose tunnel address that is, and the NBMA addresses that others may know it by."""
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
    family = "ip" if address.version == 4 else "ipv6"
    section = f"interface {tunnel.name}"
    written = [f"no {line}" for line in lines_of(facts, section, f"{family} nhrp map {address} ")]
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.WRONG_MAP,
        router=name,
        what=f"a static map of {name} has {address} at {nbma}, and that is {owner}, at {known[0]}",
        evidence=(f"{name}: {address} is at {nbma} (static)", f"{owner}: {tunnel.name} leaves from {known[-1]}"),
        fix=(section, *written),
        others=(owner,),
    )


def pairs(scene: Scene, broken: set[str]) -> Iterator[Verdict]:
    """Check two spokes of which one wants the other. broken: routers of which something is known that explains all."""
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


def _wanted(client: Client) -> Iterator[Address]:
    """Yield NBMA addresses of others than servers that the tunnel sends to, or would."""
    servers = {server.nbma for server in client.tunnel.servers}
    for entry in client.tunnel.mappings:
        if entry.nbma is not None and entry.nbma not in servers and not entry.reason.find(*_MEANT):
            yield entry.nbma
    for peer in (*client.tunnel.unsecured, *client.facts.refused):
        if peer.nbma not in servers:
            yield peer.nbma


def _of_pair(scene: Scene, client: Client, other: Client, nbma: Address) -> Iterator[Verdict]:
    """Yield the first thing that keeps them apart."""
    both = Client(client.name, client.facts, client.tunnel, None, nbma, other.name, other.facts, other.tunnel)
    for check in _CHECKS:
        found = [one for one in check(scene, both) if isinstance(one, Finding)]
        decided = [one for one in found if one.named]
        if decided:
            yield from decided
            return
