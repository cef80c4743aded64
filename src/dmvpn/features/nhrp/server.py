"""The clients that are registered with us, and registered addresses outside of the subnet, which depend on routing.

On a protected tunnel a client is bound to the connection that its request came by: two clients behind one translator
differ in nothing else.

An address outside of the tunnel's subnet is a guest: it belongs to its client as long as our longest route to it leads
there (admission.py). The route's next hop must be registered from the address that the claim comes from. If that next
hop is not registered, the client may claim to be the next hop itself. When another station registers the next hop from
another place, the claim is reviewed. `Guests` finds these addresses by the routes to them: a hub may have 30,000, and
50,000 routes may change at once, so neither a route nor a registration examines all of them.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, spelled
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.protection import Proved
from dmvpn.base.values import Value
from dmvpn.features.nhrp import messages
from dmvpn.features.nhrp.cache import Entry, EntryType, Flag, NbmaPeer
from dmvpn.features.nhrp.forwarding import Forwarding
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.parts import ClientInfo
from dmvpn.features.nhrp.peers import Peers
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.routing import SHORTEST_PREFIX
from dmvpn.features.nhrp.tunnel import Tunnel

#: A hub gets thousands of these: combining the flags each time would cost more than all the decisions.
_REGISTERED = Flag.REGISTERED | Flag.NHOP
_REGISTERED_UNIQUE = _REGISTERED | Flag.UNIQUE

#: Seconds between two log lines about one station that claims an address it may not have.
REFUSAL_LOG_INTERVAL = 60.0


class Claim(Value):
    """One binding in a client's request, completed from the common header.

    address: the first one of the target.
    at: where its packets really come from.
    speaker: the tunnel address that the client calls its own.
    """

    target: Prefix
    address: IPAddress
    next_hop: IPAddress
    at: NbmaPeer
    claimed: IPAddress | None
    unique: bool
    cie: ClientInfo
    speaker: IPAddress


class Server:
    """Owns the registered entries."""

    def __init__(self, instance: Instance, forwarding: Forwarding, peers: Peers) -> None:
        self._instance = instance
        self._context = instance.context
        self._forwarding = forwarding
        self._peers = peers
        #: By tunnel: registered addresses outside of the subnet, each with the routing that made us accept it.
        self._guests: dict[str, Guests] = {}

    def register(
        self,
        tunnel: Tunnel,
        claim: Claim,
        old: Entry | None,
        *,
        renews: bool,
        group: str,
        payer: IPAddress | Proved | None,
    ) -> Entry | None:
        """Store a binding that the client may register, and return its entry; None: it is not kept.

        old: the cache entry of the target; renews: this client registered it before, from the same place.
        """
        if old is not None and old.type is EntryType.STATIC:
            return None
        if claim.cie.holding_time == 0:  # RFC 2332 §5.2.0.1: it may not be kept
            if old is not None and old.is_registered:
                self.withdraw(tunnel, old, "NHRP: no error")
            return None
        if group != (old.group if old is not None else ""):
            self._instance.debug(
                "nhrp group",
                tunnel,
                lambda: f"NHRP: {tunnel.name}: {spelled(claim.next_hop)} is of group {group or '(none)'}",
                claim.at.nbma,
                address=claim.next_hop,
            )
        flags = _REGISTERED_UNIQUE if claim.unique else _REGISTERED
        if claim.claimed is not None:
            flags |= Flag.NAT
        if old is not None and renews:
            if old.nbma != claim.at.nbma or old.connection != claim.at.connection:
                self._move(tunnel, old, claim.at)
                old.proved_as(*proof_of(self._instance, claim.at))
            old.registered(flags, claim.claimed, group, claim.cie.mtu)
            old.holds(claim.cie.holding_time, self._context.now)
            self._instance.time_entry(tunnel, old)
            tunnel.cache.charge(old, payer)
            return old
        return self._add(tunnel, claim, old, flags, group, payer)

    def _add(
        self, tunnel: Tunnel, claim: Claim, old: Entry | None, flags: Flag, group: str, payer: IPAddress | Proved | None
    ) -> Entry:
        if old is not None and old.is_registered:
            self._forget(tunnel, old)
        elif old is not None:
            self._peers.supersede(tunnel, old)
        now, holding_time = self._context.now, claim.cie.holding_time
        identity, proved = proof_of(self._instance, claim.at)
        entry = Entry(
            target=claim.target,
            next_hop=claim.next_hop,
            nbma=claim.at.nbma,
            connection=claim.at.connection,
            identity=identity,
            payer=payer,
            proved=proved,
            type=EntryType.DYNAMIC,
            created=now,
            expires=now + holding_time,
            flags=flags,
            claimed=claim.claimed,
            holding_time=holding_time,
            mtu=claim.cie.mtu,
            group=group,
        )
        self._instance.add_entry(tunnel, entry)
        self._forwarding.admit(tunnel, claim.at, claim.address if claim.target.is_host else None)
        if tunnel.is_guest(claim.target):
            self._guests_of(tunnel)[claim.target] = _looked_at(self._instance, tunnel, claim.address, claim.speaker)
        for member in self._instance.network(tunnel) if self._guests else ():
            guests = self._guests.get(member.name)
            for target in guests.behind(claim.address) if guests is not None else ():
                self.review(member, target)
        self._log_up(tunnel, claim)
        return entry

    def expired(self, tunnel: Tunnel, entry: Entry) -> None:
        """Remove a registered entry whose holding time is over."""
        self._forget(tunnel, entry)
        self._log_down(tunnel, entry, "NHRP Registration timeout")

    def withdraw(self, tunnel: Tunnel, entry: Entry, why: str) -> None:
        """Remove a registered entry before its holding time is over."""
        self._forget(tunnel, entry)
        self._log_down(tunnel, entry, why)

    def route_changed(self, tunnel: Tunnel, prefix: Prefix) -> None:
        """Review registered addresses in this prefix, because routing has changed."""
        guests = self._guests.get(tunnel.name)
        for target in guests.within(prefix) if guests is not None else ():
            self.review(tunnel, target)

    def moved(self, tunnel: Tunnel, to: NbmaPeer) -> None:
        """Move the clients of a connection to its new address."""
        for entry in tunnel.cache.over(to.connection):
            if entry.is_registered and entry.neighbor != to:
                self._move(tunnel, entry, to)

    def lost(self, tunnel: Tunnel, connection: int) -> None:
        """Unbind the clients of a lost connection: until they have another one, clients without NAT are reached by
        address.
        """
        for entry in tunnel.cache.over(connection):
            if entry.is_registered and entry.nbma is not None and entry.claimed is None:
                self._move(tunnel, entry, NbmaPeer(entry.nbma))

    def complain(self, tunnel: Tunnel, target: Prefix, at: NbmaPeer, why: Refusal) -> None:
        """Count and log a claim that is refused."""
        tunnel.counters.count_refused(why)
        message = messages.registration_refused(tunnel.name, target, at.nbma, why.value)
        self._instance.log(message, about=f"{tunnel.name} {at.account} {why.name}", interval=REFUSAL_LOG_INTERVAL)
        self._instance.debug(
            "nhrp error",
            tunnel,
            lambda: f"NHRP: {tunnel.name}: {spelled(target)} not registered for {at.nbma}: {why.value}",
            at.nbma,
        )

    def review(self, tunnel: Tunnel, target: Prefix) -> None:
        """Withdraw a guest's address if routing places it behind another station now: an entry must not draw others'
        packets.
        """
        entry = tunnel.cache.get(target)
        if entry is None or entry.neighbor is None:
            return
        guest = self._guests_of(tunnel).get(target)
        speaker = guest.speaker if guest is not None else None
        if leads_to(self._instance, tunnel, target.address, entry.neighbor, speaker):
            self._guests_of(tunnel)[target] = _looked_at(self._instance, tunnel, target.address, speaker)
        else:
            self.complain(tunnel, target, entry.neighbor, Refusal.ROUTED_ELSEWHERE)
            self.withdraw(tunnel, entry, "NHRP: routed to another station")

    def _guests_of(self, tunnel: Tunnel) -> Guests:
        return self._guests.setdefault(tunnel.name, Guests())

    def _move(self, tunnel: Tunnel, entry: Entry, to: NbmaPeer) -> None:
        """Give a client another address, or another connection."""
        self._forwarding.count_receiver(tunnel, entry.neighbor, -1)
        self._instance.move_entry(tunnel, entry, to)
        self._forwarding.count_receiver(tunnel, to, 1)
        if entry.target.is_host:
            self._forwarding.lead(tunnel, entry.target.address, to)

    def _forget(self, tunnel: Tunnel, entry: Entry) -> None:
        self._instance.remove_entry(tunnel, entry)
        if tunnel.name in self._guests:
            self._guests[tunnel.name].pop(entry.target)
        if entry.target.is_host:
            self._forwarding.clear(tunnel, entry.target.address)
        self._forwarding.count_receiver(tunnel, entry.neighbor, -1)

    def _log_up(self, tunnel: Tunnel, claim: Claim) -> None:
        # Thousands may come at once: a line that is not wanted is not formatted.
        if not self._instance.config.logging or is_link_local(claim.address):
            return
        client = (claim.next_hop, claim.at.nbma)
        self._instance.log_dmvpn(messages.nhc_up(tunnel.name, client, tunnel.own))

    def _log_down(self, tunnel: Tunnel, entry: Entry, why: str) -> None:
        if tunnel.running and entry.nbma is not None and not is_link_local(entry.target.address):
            client = (entry.next_hop, entry.nbma)
            self._instance.log_dmvpn(messages.nhc_down(tunnel.name, client, tunnel.own, why))


def proof_of(instance: Instance, at: NbmaPeer) -> tuple[str, Proved | None]:
    """Return the proved identity at the end of this connection, for display and for comparison; empty without one."""
    connection = instance.ports.protection.connection(at.connection) if at.connection else None
    return (connection.identity, connection.proved) if connection is not None else ("", None)


def leads_to(instance: Instance, tunnel: Tunnel, address: IPAddress, at: NbmaPeer, speaker: IPAddress | None) -> bool:
    """Return whether our longest route to the address, if it is no default route, leads to this very station.

    speaker: the tunnel address that the station calls its own.
    """
    route = instance.rib(tunnel).lookup_without_nhrp(address)
    if route is None or route.prefix.length < SHORTEST_PREFIX:
        return True
    return (
        route.kind is RouteKind.FORWARD
        and bool(route.next_hops)
        and all(_is_there(instance, tunnel, hop, at, speaker) for hop in route.next_hops)
    )


class Guest(Value):
    """Why an address outside of the subnet was accepted.

    hops: the next hops to it.
    speaker: the one of them that no station had registered, and that the client claimed to be.
    """

    hops: tuple[IPAddress, ...] = ()
    speaker: IPAddress | None = None


def _looked_at(instance: Instance, tunnel: Tunnel, address: IPAddress, speaker: IPAddress | None) -> Guest:
    """Return a guest that we accept, with the current routing.

    speaker: the tunnel address that the station calls its own.
    """
    route = instance.rib(tunnel).lookup_without_nhrp(address)
    hops = route.next_hops if route is not None and route.prefix.length >= SHORTEST_PREFIX else ()
    by_it = any(hop.address == speaker and hop.interface == tunnel.name for hop in hops)
    is_credited = speaker is not None and by_it and tunnel.cache.binding(speaker) is None
    return Guest(tuple(hop.address for hop in hops if hop.address is not None), speaker if is_credited else None)


def _is_there(instance: Instance, tunnel: Tunnel, hop: NextHop, at: NbmaPeer, speaker: IPAddress | None) -> bool:
    """Return whether the station is this next hop. It may be on another tunnel of the network, too."""
    leaves_by = instance.same_network(tunnel, hop.interface)
    if leaves_by is None:
        return False
    if leaves_by.far_end is not None:
        return leaves_by.far_end == at.nbma
    if hop.address is None:  # any station of the link: NHRP itself decides which one has the address
        return leaves_by is tunnel
    entry = leaves_by.cache.binding(hop.address)
    if entry is None:
        return leaves_by is tunnel and hop.address == speaker
    return at.meets(entry.neighbor)


class Guests:
    """Why each guest was accepted, by target. The server is the only writer."""

    __slots__ = ("_behind", "_count", "_guests", "_places")

    def __init__(self) -> None:
        self._guests: dict[Prefix, tuple[int, Guest]] = {}  # with a serial number, ascending
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
        """Return why the address was accepted, or None."""
        known = self._guests.get(target)
        return known[1] if known is not None else None

    def pop(self, target: Prefix) -> None:
        """Remove the address, if present."""
        known = self._guests.pop(target, None)
        if known is not None:
            self._leave(target, known[1])
            del self._places[bisect_left(self._places, _place(target))]

    def within(self, prefix: Prefix) -> list[Prefix]:
        """Return the targets in this prefix, the oldest first."""
        version, first, width = prefix.address.version, int(prefix.address), prefix.address.max_prefixlen
        begin = bisect_left(self._places, (version, first))
        end = bisect_left(self._places, (version, first + (1 << (width - prefix.length))))
        return self._oldest_first([place[3] for place in self._places[begin:end] if place[2] >= prefix.length])

    def behind(self, hop: IPAddress) -> list[Prefix]:
        """Return the targets that had this next hop when they were accepted, the oldest first."""
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
