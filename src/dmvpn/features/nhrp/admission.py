"""What a client may register, RFC 2332 §5.2.3: addresses of the tunnel's subnet, and others that nobody else has.

Whoever registers an address draws its packets: all spokes that ask for the address are told to go there. So an address
outside of the subnet belongs to a station only if routing does not say otherwise:

    no route to it, or only a default route   nobody else is known to have it
    the longest route leads to that station   routing says so, too
    it leads anywhere else                    NAK 4: a host behind another spoke, behind us, or nowhere (Null0)

The route's next hop must be registered from where the claim comes. If nobody has registered that next hop, the client
may say that it is the next hop itself. Whenever somebody registers it from another place, the claim is reviewed.

A `Claim` is one entry of a Registration Request, completed from its header and from where it came. `Guests` finds the
registered addresses outside of the subnet by what routing says of them: a hub may have 30,000, and 50,000 routes may
change at once, so neither a route nor a registration looks at all of them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, is_one_station
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.features.nhrp.cie import CieCode, ClientInfo
from dmvpn.features.nhrp.counters import Refusal
from dmvpn.features.nhrp.entry import Neighbor
from dmvpn.features.nhrp.extensions import Extensions, ForwardTransitRecord, VendorPrivate, find
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationRequest
from dmvpn.features.nhrp.ways import SHORTEST_PREFIX

if TYPE_CHECKING:
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel


@dataclass(frozen=True, slots=True)
class Refused:
    """A registration that is not taken.

    code: of the NAK.
    why: if there is more to say.
    """

    code: CieCode
    why: Refusal | None = None


_PROHIBITED = Refused(CieCode.ADMINISTRATIVELY_PROHIBITED)


def why_not_admitted(station: Station, tunnel: Tunnel, claim: Claim) -> Refused | None:
    """Return why a client may not speak for this target, whoever has it now; None if it may.

    It may speak for addresses other than ours, and for one address only if it registers uniquely.
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
    covers_edge = tunnel.is_edge(address) if target.is_host else any(edge in target for edge in tunnel.edges)
    if covers_edge or tunnel.is_edge(claim.next_hop):
        return Refused(CieCode.ADMINISTRATIVELY_PROHIBITED, Refusal.NO_STATION)
    if tunnel.is_guest(target):
        if not target.is_host or station.owns(address):
            return _PROHIBITED
        if not leads_to(station, tunnel, address, claim.at, claim.speaker):
            return Refused(CieCode.ADMINISTRATIVELY_PROHIBITED, Refusal.ROUTED_ELSEWHERE)
    return None


def leads_to(station: Station, tunnel: Tunnel, address: IPAddress, at: Neighbor, speaker: IPAddress | None) -> bool:
    """Return whether our longest route to the address, if it is no default route, leads to this very station.

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
    """Why an address outside of the subnet was believed.

    hops: the next hops to it.
    speaker: the one of them that nobody had registered, and that the station said it was itself.
    """

    hops: tuple[IPAddress, ...] = ()
    speaker: IPAddress | None = None


def looked_at(station: Station, tunnel: Tunnel, address: IPAddress, speaker: IPAddress | None) -> Guest:
    """Return a guest that we believe, with what routing says now.

    speaker: the tunnel address that the station calls its own.
    """
    route = station.ports.rib.lookup_without_nhrp(address)
    hops = route.next_hops if route is not None and route.prefix.length >= SHORTEST_PREFIX else ()
    by_it = any(hop.address == speaker and hop.interface == tunnel.name for hop in hops)
    is_credited = speaker is not None and by_it and tunnel.cache.binding(speaker) is None
    return Guest(tuple(hop.address for hop in hops if hop.address is not None), speaker if is_credited else None)


def _is_there(station: Station, tunnel: Tunnel, hop: NextHop, at: Neighbor, speaker: IPAddress | None) -> bool:
    """Return whether the station is at the end of this next hop. It may be on another tunnel of the network, too."""
    leaves_by = station.same_network(tunnel, hop.interface)
    if leaves_by is None:
        return False
    if leaves_by.far_end is not None:
        return leaves_by.far_end == at.nbma
    if hop.address is None:  # any station of the link: NHRP itself says which one has the address
        return leaves_by is tunnel
    entry = leaves_by.cache.binding(hop.address)
    if entry is None:
        return leaves_by is tunnel and hop.address == speaker
    return at.meets(entry.neighbor)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a client says in one CIE, completed from the common header.

    at: where its packets really come from.
    speaker: the tunnel address that it calls its own.
    """

    target: Prefix
    next_hop: IPAddress
    at: Neighbor
    claimed: IPAddress | None
    unique: bool
    cie: ClientInfo
    speaker: IPAddress


@dataclass(frozen=True, slots=True)
class Asked:
    """What a Registration Request asks for.

    at: where the client is.
    group: of per-tunnel QoS.
    entries: by CIE.
    """

    at: Neighbor
    group: str
    entries: list[tuple[ClientInfo, list[Claim]]]


def read(packet: RegistrationRequest, sender: Neighbor, holding_time: int, *, trusted: bool) -> Asked:
    """Read a request.

    holding_time: seconds, of one that has no CIE.
    trusted: its sender may speak for others.
    """
    at = _real_place(packet, sender, trusted=trusted)
    cies = packet.cies or (ClientInfo(holding_time=holding_time),)
    return Asked(at, _group_of(packet.extensions), [(cie, _claims_of(packet, cie, at)) for cie in cies])


def _real_place(packet: RegistrationRequest, sender: Neighbor, *, trusted: bool) -> Neighbor:
    """Return where the client is.

    trusted: the sender may pass on what others say, and then the client may be elsewhere.
    """
    record = find(packet.extensions, ForwardTransitRecord)
    return Neighbor(packet.source_nbma) if trusted and record is not None and record.entries else sender


def _claims_of(packet: RegistrationRequest, cie: ClientInfo, at: Neighbor) -> list[Claim]:
    """Read one binding: client addresses of length zero mean those of the header, RFC 2332 §5.2.3."""
    claim = _claim(packet, cie, at)
    return [_claim(packet, replace(cie, nbma=None, protocol=None), at), claim] if is_on_link(cie) else [claim]


def is_on_link(cie: ClientInfo) -> bool:
    """Return whether it names a link-local address."""
    return cie.protocol is not None and is_link_local(cie.protocol)


def _group_of(extensions: Extensions) -> str:
    """Return the NHRP group of the client, for per-tunnel QoS."""
    for extension in extensions:
        if isinstance(extension, VendorPrivate) and extension.group is not None:
            return extension.group
    return ""


def _claim(packet: RegistrationRequest, cie: ClientInfo, at: Neighbor) -> Claim:
    """Read one binding: client addresses of length zero mean those of the common header, RFC 2332 §5.2.3."""
    address = cie.protocol if cie.protocol is not None else packet.source_protocol
    claimed = packet.source_nbma if packet.source_nbma != at.nbma else None
    if cie.nbma is not None and cie.nbma not in (packet.source_nbma, at.nbma):
        at, claimed = Neighbor(cie.nbma), None  # a client may register another station's binding
    length = cie.host_or_prefix_length(address.max_prefixlen)
    target = Prefix.of(address, length)
    next_hop = address if target.is_host and not is_link_local(address) else packet.source_protocol
    unique = RegistrationFlag.UNIQUE in packet.flags
    return Claim(target, next_hop, at, claimed, unique, cie, packet.source_protocol)


class Guests:
    """Why each guest was believed, by target. The server is the only writer."""

    __slots__ = ("_behind", "_count", "_guests", "_places")

    def __init__(self) -> None:
        self._guests: dict[Prefix, tuple[int, Guest]] = {}  # with a number that counts upwards
        self._count = 0
        #: Version of IP, first address, length, and the target: in this order.
        self._places: list[tuple[int, int, int, Prefix]] = []
        self._behind: dict[IPAddress, dict[Prefix, None]] = {}

    def __len__(self) -> int:
        return len(self._guests)

    def __contains__(self, target: Prefix) -> bool:
        return target in self._guests

    def __getitem__(self, target: Prefix) -> Guest:
        return self._guests[target][1]

    def __setitem__(self, target: Prefix, guest: Guest) -> None:
        known = self._guests.get(target)
        if known is None:
            self._count += 1
            insort(self._places, _place(target))
        else:
            self._leave(target, known[1])
        self._guests[target] = (known[0] if known is not None else self._count), guest
        for hop in guest.hops:
            self._behind.setdefault(hop, {})[target] = None

    def get(self, target: Prefix) -> Guest | None:
        """Return why it was believed, or None."""
        known = self._guests.get(target)
        return known[1] if known is not None else None

    def pop(self, target: Prefix) -> None:
        """Forget it, if it was there."""
        known = self._guests.pop(target, None)
        if known is not None:
            self._leave(target, known[1])
            del self._places[bisect_left(self._places, _place(target))]

    def within(self, prefix: Prefix) -> list[Prefix]:
        """Return the targets that are this prefix or inside of it, the one that has been here longest first."""
        version, first, width = prefix.address.version, int(prefix.address), prefix.address.max_prefixlen
        begin = bisect_left(self._places, (version, first))
        end = bisect_left(self._places, (version, first + (1 << (width - prefix.length))))
        return self._oldest_first([place[3] for place in self._places[begin:end] if place[2] >= prefix.length])

    def behind(self, hop: IPAddress) -> list[Prefix]:
        """Return the targets to which routing had this next hop when they were believed, in the same order."""
        return self._oldest_first(list(self._behind.get(hop, ())))

    def _oldest_first(self, targets: list[Prefix]) -> list[Prefix]:
        return sorted(targets, key=lambda target: self._guests[target][0])

    def _leave(self, target: Prefix, guest: Guest) -> None:
        for hop in guest.hops:
            targets = self._behind.get(hop, {})
            targets.pop(target, None)
            if not targets:
                self._behind.pop(hop, None)


def _place(target: Prefix) -> tuple[int, int, int, Prefix]:
    return target.address.version, int(target.address), target.length, target
