"""Checks of the access lists of ports: whether an inbound list keeps out what a tunnel needs from its peers.

A router's own facts suffice for the peers that it knows. The whole lab shows clients that a server never heard of.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.base.entrances import Denial, Outer, denial_by
from dmvpn.base.filters import END_OF_LIST
from dmvpn.tools.doctor.verdicts import Finding, Step
from dmvpn.tools.opened_lists import permitting_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.base.filters import FilterList
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Scene
    from dmvpn.tools.doctor.verdicts import Verdict
    from dmvpn.tools.opened_lists import Denied

_STEPS = {Outer.IKE: Step.IKE, Outer.ESP: Step.SA, Outer.IN_UDP: Step.SA, Outer.GRE: Step.GRE}


def lists(scene: Scene) -> Iterator[Verdict]:
    """Check the inbound lists of the ports by which packets of the tunnels' peers come."""
    for name, facts in scene.alive():
        lists = {one.interface: one.filters.inward for one in facts.packet_filters if one.filters.inward is not None}
        told: dict[tuple[str, tuple[Denied, ...]], list[Denial]] = {}
        for tunnel in facts.tunnels if lists else ():
            for peer, is_translated in _peers(scene, name, facts, tunnel).items():
                denied = _denied(facts, tunnel, lists, peer, is_translated=is_translated)
                if denied:
                    what = tuple((one.what, one.sequence) for one in denied)
                    told.setdefault((denied[0].interface, what), []).append(denied[0])
        for (port, what), denials in told.items():
            yield _finding(name, denials, what, lists[port])


def _finding(name: str, denials: list[Denial], what: tuple[Denied, ...], listed: FilterList) -> Finding:
    """Return the finding about peers from which a list denies the same.

    denials: of the first thing that each peer needs. what: all that each of them needs and the list denies.
    """
    first = denials[0]
    count = f" and {len(denials) - 1} more" if denials[1:] else ""
    peers = [one.remote for one in denials if isinstance(one.remote, IPv4Address)]
    lines = permitting_lines(listed, what, peers)
    entry = next((one for one in listed.entries if one.sequence == first.sequence), None)
    return Finding(
        step=_STEPS[first.what],
        cause=Cause.LIST_CUTS_TUNNEL,
        router=name,
        what=f"on {name}, {first}{count}",
        evidence=(
            f"{name}: show ip access-lists interface {first.interface} in: "
            + ("no entry permits it" if first.sequence == END_OF_LIST or entry is None else f"entry {first.sequence}"),
        ),
        fix=lines,
        order="" if lines else f"an entry of access list {listed.name} that permits {first.what.value}",
    )


def _denied(
    facts: RouterFacts, tunnel: TunnelFacts, lists: dict[str, FilterList], peer: Address, *, is_translated: bool
) -> list[Denial]:
    """Return what the tunnel needs from a peer and the list of a port denies."""
    source = tunnel.source
    if source is None:
        return []
    for port in _ways_in(facts, tunnel, source, peer):
        listed = lists.get(port)
        if listed is None:
            continue
        by = {what: denial_by(listed, port, what, (source, peer)) for what in Outer}
        needs = _needs(facts, tunnel, peer, is_translated=is_translated)
        if by[Outer.IN_UDP] is None and all(sa.remote != peer for sa in facts.sas_of(tunnel)):
            needs = tuple(what for what in needs if what is not Outer.ESP)
        if found := [denial for what in needs if (denial := by[what]) is not None]:
            return found
    return []


def _needs(facts: RouterFacts, tunnel: TunnelFacts, peer: Address, *, is_translated: bool) -> tuple[Outer, ...]:
    """Return what comes from a peer: with SAs as they are, else as they would be."""
    if not tunnel.protection:
        return (Outer.GRE,)
    ports = [sa.remote_port for sa in facts.sas_of(tunnel) if sa.remote == peer]
    if not ports:
        return Outer.IKE, Outer.IN_UDP if is_translated else Outer.ESP
    return (Outer.IN_UDP if ports[-1] else Outer.ESP,)


def _ways_in(facts: RouterFacts, tunnel: TunnelFacts, source: Address, peer: Address) -> tuple[str, ...]:
    """Return the ports by which packets of a peer come: the one with our address, or for a loopback the way there."""
    near = (it for it in facts.interfaces if it.vrf == tunnel.front)
    owner = next((it.name for it in near if source in [one.ip for one in it.addresses]), "")
    if not owner.startswith("Loopback"):
        return (owner,)
    route = next(iter(facts.routes_to(peer, tunnel.front)), None)
    return tuple(hop.interface for hop in route.next_hops) if route is not None else ()


def _peers(scene: Scene, name: str, facts: RouterFacts, tunnel: TunnelFacts) -> dict[Address, bool]:
    """Return the NBMA addresses of a tunnel's peers, and whether there is NAT on the way to each."""
    named = [tunnel.destination, *(server.nbma for server in tunnel.servers)]
    named += [mapping.nbma for mapping in tunnel.mappings]
    named += [peer.nbma for peer in tunnel.unsecured]
    named += [sa.remote for sa in facts.sas_of(tunnel)]
    found: dict[Address, bool] = {one: False for one in named if isinstance(one, IPv4Address) and one != tunnel.source}
    for client in scene.clients():
        seen = scene.seen_as(client)
        translated = seen != client.tunnel.source
        if client.hub == name and client.there is tunnel and isinstance(seen, IPv4Address):
            found[seen] = translated
        elif client.name == name and client.tunnel is tunnel and isinstance(client.nbma, IPv4Address):
            found[client.nbma] = found.get(client.nbma, False) or translated
    return found
