"""What a client may register, RFC 2332 §5.2.3: addresses of the tunnel's subnet, and others that nobody else has.

Whoever registers an address draws its packets: all spokes that ask for it are told to go there. So an address outside
of the subnet is a station's only if routing does not say otherwise:

    no route to it, or a default one alone    nobody else is known to have it
    the longest route leads to that station   routing says so, too
    it leads anywhere else                    NAK 4: a host behind another spoke, behind us, or nowhere (Null0)

The route's next hop must be registered from where the claim comes. If nobody has registered that next hop the client
may say that it is the one. Whenever somebody registers it from another place the claim is looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, is_one_station
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.features.nhrp.cie import CieCode
from dmvpn.features.nhrp.counters import Refusal
from dmvpn.features.nhrp.egress import SHORTEST_PREFIX

if TYPE_CHECKING:
    from dmvpn.features.nhrp.claims import Claim
    from dmvpn.features.nhrp.neighbor import Neighbor
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel


@dataclass(frozen=True, slots=True)
class Refused:
    """A registration that is not taken: the code of the NAK, and why, if there is more to say."""

    code: CieCode
    why: Refusal | None = None


_PROHIBITED = Refused(CieCode.ADMINISTRATIVELY_PROHIBITED)


def why_not_admitted(station: Station, tunnel: Tunnel, claim: Claim) -> Refused | None:
    """Why a client may not speak for this target, whoever has it now. None: it may.

    It may for addresses other than ours, and for one address if uniquely.
    """
    target, address = claim.target, claim.target.address
    if claim.unique and not target.is_host:
        return _PROHIBITED
    if claim.at.nbma == tunnel.nbma or not (is_one_station(address) and is_one_station(claim.at.nbma)):
        return _PROHIBITED
    if not target.is_host and not is_one_station(claim.next_hop):
        return _PROHIBITED
    if tunnel.is_ours(address) or not (target.is_host or all(own not in target for own in tunnel.addresses)):
        return _PROHIBITED
    if tunnel.is_edge(claim.next_hop) or any(edge in target for edge in tunnel.edges):
        return Refused(CieCode.ADMINISTRATIVELY_PROHIBITED, Refusal.NO_STATION)
    if is_guest(tunnel, target):
        if not target.is_host or station.owns(address):
            return _PROHIBITED
        if not leads_to(station, tunnel, address, claim.at, claim.speaker):
            return Refused(CieCode.ADMINISTRATIVELY_PROHIBITED, Refusal.ROUTED_ELSEWHERE)
    return None


def is_guest(tunnel: Tunnel, target: Prefix) -> bool:
    """Is it outside of the tunnel's subnet, so that routing has a say?"""
    beside_us = tunnel.subnet is not None and target in tunnel.subnet
    return not beside_us and not is_link_local(target.address)


def leads_to(station: Station, tunnel: Tunnel, address: IPAddress, at: Neighbor, speaker: IPAddress | None) -> bool:
    """Does our longest route to the address lead to this very station, if there is one that is no default route?

    speaker: the tunnel address that the station calls its own.
    """
    route = station.ports.rib.lookup_without_nhrp(address)
    if route is None or route.prefix.length < SHORTEST_PREFIX:
        return True
    return (
        route.kind is RouteKind.FORWARD
        and bool(route.next_hops)
        and all(_is_there(station, tunnel, hop, at, speaker) for hop in route.next_hops)
    )


@dataclass(frozen=True, slots=True)
class Guest:
    """On what an address outside of the subnet was believed: `hops`, the next hops to it.

    speaker: the one of them that nobody had registered, and that the station said it was itself.
    """

    hops: tuple[IPAddress, ...] = ()
    speaker: IPAddress | None = None


def looked_at(station: Station, tunnel: Tunnel, address: IPAddress, speaker: IPAddress | None) -> Guest:
    """A guest whom we believe, as routing is now. speaker: the tunnel address that the station calls its own."""
    route = station.ports.rib.lookup_without_nhrp(address)
    hops = route.next_hops if route is not None and route.prefix.length >= SHORTEST_PREFIX else ()
    by_it = any(hop.address == speaker and hop.interface == tunnel.name for hop in hops)
    is_credited = speaker is not None and by_it and tunnel.cache.binding(speaker) is None
    return Guest(tuple(hop.address for hop in hops if hop.address is not None), speaker if is_credited else None)


def _is_there(station: Station, tunnel: Tunnel, hop: NextHop, at: Neighbor, speaker: IPAddress | None) -> bool:
    """Is the station at the end of this next hop? It may be on another tunnel of the network, too."""
    leaves_by = station.same_network(tunnel, hop.interface)
    if leaves_by is None:
        return False
    if leaves_by.far_end is not None:
        return leaves_by.far_end == at.nbma
    if hop.address is None:  # everybody of the link: who has it is for NHRP to say
        return leaves_by is tunnel
    entry = leaves_by.cache.binding(hop.address)
    if entry is None:
        return leaves_by is tunnel and hop.address == speaker
    return at.meets(entry.neighbor)
