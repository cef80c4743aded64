"""Purges, RFC 2332 §5.2.5 and §5.2.6: withdraw a binding from the stations that resolved it.

We send one to each requester of a prefix of ours that goes away, and to a server from which we withdraw. It is repeated
until it is answered, or a few times (FRR never answers). If a great many are sent at a time, the last are sent once,
with N, and forgotten. We act on a purge from a station that may send it: the one at the NBMA address in question, or a
server of ours that purges its own bindings or passes on the owner's purge. A purge is answered even if nothing matched,
but not if its sender may not send it: the reply would confirm it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local
from dmvpn.base.context import Timer
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.values import Mutable
from dmvpn.features.nhrp.cache import Entry, EntryType, NbmaPeer
from dmvpn.features.nhrp.connections import secured, standing_of, way_to
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.packet import PurgeFlag, PurgeReply, PurgeRequest
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, NatAddress, hop_by_hop
from dmvpn.features.nhrp.peers import Peers
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.routing import Egress, NextStation, route_message
from dmvpn.features.nhrp.server import Server
from dmvpn.features.nhrp.shared import ENDED_ENTRY, LOOKED_AT
from dmvpn.features.nhrp.tunnel import Tunnel

#: Seconds to wait for an answer, try by try.
RETRIES = (1.0, 2.0, 4.0)
#: Purge Requests that may wait for an answer at a time.
LARGEST_OUTSTANDING = 16_384
#: Entries that a purge removes at once; the others follow a few in each event.
MOST_AT_ONCE = 64


class Outstanding(Mutable):
    """A Purge Request without reply.

    to: where it went last: first straight, then along the routes.
    withdrawal: of our own registration, from a server.
    repeat: the timer that sends it again.
    """

    tunnel: str
    to: NbmaPeer
    packet: PurgeRequest
    withdrawal: bool
    repeat: Timer
    tries: int = 0

    @property
    def recipient(self) -> tuple[str, IPAddress]:
        """The tunnel, and the tunnel address of the station that the request goes to."""
        return self.tunnel, self.packet.destination_protocol


class Purger:
    """Sends, acts on and answers Purge Requests."""

    def __init__(self, instance: Instance, peers: Peers, server: Server) -> None:
        self._instance = instance
        self._context = instance.context
        self._peers = peers
        self._server = server
        self._outstanding: dict[int, Outstanding] = {}
        #: The same, by tunnel and destination station.
        self._to: dict[tuple[str, IPAddress], dict[int, Outstanding]] = {}

    # -------------------------------------------------------------------------------------------- sending

    def local_lost(self, tunnel: Tunnel, entry: Entry) -> None:
        """Purge a prefix that is no longer ours at all its requesters."""
        self._instance.remove_entry(tunnel, entry)
        for requester, known in (entry.requesters or {}).items():
            if known.expires > self._context.now:
                self._send(tunnel, requester, self._way(tunnel, requester, known.at), entry.target)

    def route_changed(self, tunnel: Tunnel, prefix: Prefix) -> None:
        """Purge the entries of ours in this prefix that no longer lead here.

        An entry may be part of the route (of a default route, say), or the route part of the entry.
        """
        for entry in list(tunnel.cache.local.values()) if tunnel.running else ():
            given = entry.target
            if (given in prefix or prefix in given) and route_message(self._instance, tunnel, given.address) != Egress(
                given
            ):
                self.local_lost(tunnel, entry)

    def withdraw(self, tunnel: Tunnel, server: IPAddress, nbma: IPAddress) -> None:
        """Withdraw our registration from a server."""
        if tunnel.running and tunnel.address is not None:
            local = (Prefix.host(tunnel.link_local),) if tunnel.link_local is not None else ()
            self._send(tunnel, server, NbmaPeer(nbma), Prefix.host(tunnel.address), *local, withdrawal=True)

    def leave(self, tunnel: Tunnel) -> None:
        """Withdraw everything in an orderly stop: registrations from servers, and bindings from requesters.

        Peers then look for another path, instead of sending to us until the holding time ends. The purge also names our
        tunnel address, the next hop of all bindings. Peers need not answer (N): we shall not be there to receive it.
        """
        for client in tunnel.clients.values():
            if client.is_responding and client.nbma is not None:
                self.withdraw(tunnel, client.nhs, client.nbma)
        self.take_answers_back(tunnel)

    def take_answers_back(self, tunnel: Tunnel) -> None:
        """Withdraw the bindings that requesters resolved.

        Registrations stay at the servers until our holding time ends.
        """
        if not tunnel.running or tunnel.address is None:
            return
        for entry in list(tunnel.cache.local.values()):
            named = dict.fromkeys((entry.target, Prefix.host(entry.next_hop)))
            for requester, known in (entry.requesters or {}).items():
                if known.expires > self._context.now:
                    packet = self._request(tunnel, requester, tuple(named))
                    to = self._way(tunnel, requester, known.at)
                    self._instance.send(tunnel, to, replace(packet, flags=packet.flags | PurgeFlag.NO_REPLY))
            self._instance.remove_entry(tunnel, entry)

    def drop_purge(self, tunnel: Tunnel, server: IPAddress) -> None:
        """Drop an unanswered purge to this server: it must not undo our new registration there."""
        for outstanding in list(self._to.get((tunnel.name, server), {}).values()):
            if outstanding.withdrawal:
                self._end(outstanding)

    def given_again(self, tunnel: Tunnel, requester: IPAddress, prefix: Prefix) -> None:
        """Drop unanswered purges of a prefix that the requester resolves again.

        Our tunnel address, the next hop of the answer, is valid again with it.
        """
        for outstanding in list(self._to.get((tunnel.name, requester), {}).values()):
            purged = [cie.protocol for cie in outstanding.packet.cies]
            is_given = prefix.address in purged or any(own in purged for own in tunnel.addresses)
            if is_given and not outstanding.withdrawal:
                self._end(outstanding)

    def _repeat(self, request_id: int) -> None:
        """Repeat a Purge Request without reply, or give up."""
        outstanding = self._outstanding[request_id]
        tunnel = self._instance.tunnels.get(outstanding.tunnel)
        if tunnel is None or not tunnel.running or outstanding.tries >= len(RETRIES):
            self._end(outstanding)
            return
        hop = route_message(self._instance, tunnel, outstanding.packet.destination_protocol)
        # A withdrawal always goes straight: another server has no authority over the registration.
        if isinstance(hop, NextStation) and hop.tunnel is tunnel and not outstanding.withdrawal:
            outstanding.to = hop.neighbor
        self._transmit(tunnel, outstanding)

    # -------------------------------------------------------------------------------------------- receiving

    def request(self, tunnel: Tunnel, packet: PurgeRequest, sender: NbmaPeer) -> None:
        """Act on a Purge Request for us."""
        purged: PrefixTable[None] = PrefixTable()
        for cie in packet.cies:
            address = cie.protocol if cie.protocol is not None else packet.source_protocol
            purged[Prefix.of(address, cie.host_or_prefix_length(address.max_prefixlen))] = None
        from_server = any(
            client.nbma == sender.nbma
            for member in self._instance.network(tunnel)
            for client in member.clients.values()
        )
        standing = standing_of(self._instance.ports.protection, tunnel, sender, tunnel.cache.at(sender.nbma))
        ends: list[tuple[Tunnel, Entry]] = []
        refused = False
        for member in self._instance.network(tunnel):
            for entry in _named(member, purged, sender.nbma, all_of_them=from_server, on_link=member is tunnel):
                if sender.meets(entry.neighbor) or (from_server and _may_be_purged(packet, entry, tunnel)):
                    ends.append((member, entry))
                else:
                    refused = True
            if from_server:
                self._instance.charge(standing, len(member.cache) // LOOKED_AT)
        self._instance.charge(standing, ENDED_ENTRY * len(ends))
        for member, entry in ends[:MOST_AT_ONCE]:
            self._purge(member, entry)
        if len(ends) > MOST_AT_ONCE:
            self._context.work(self._purge_later([(*end, end[1].expires) for end in ends[MOST_AT_ONCE:]]))
        if refused and not ends:
            self._instance.refuse(tunnel, Refusal.NOT_ALLOWED, sender.nbma)
            return
        if not packet.flags & PurgeFlag.NO_REPLY:
            reply = PurgeReply(
                source_nbma=packet.source_nbma,
                source_protocol=packet.source_protocol,
                destination_protocol=packet.destination_protocol,
                flags=packet.flags,
                request_id=packet.request_id,
                cies=tuple(replace(cie, code=CieCode.SUCCESS) for cie in packet.cies),
                extensions=hop_by_hop(packet.extensions, self._instance.authentication(tunnel)),
            )
            self._instance.send(tunnel, sender, reply)

    def reply(self, tunnel: Tunnel, packet: PurgeReply, sender: NbmaPeer) -> None:
        """Take in a Purge Reply for us."""
        outstanding = self._outstanding.get(packet.request_id)
        if outstanding is None:
            self._instance.refuse(tunnel, Refusal.UNSOLICITED, sender.nbma)
        else:
            self._end(outstanding)

    # -------------------------------------------------------------------------------------------- parts

    def _end(self, outstanding: Outstanding) -> None:
        request_id = outstanding.packet.request_id
        del self._outstanding[request_id]
        requests = self._to[outstanding.recipient]
        del requests[request_id]
        if not requests:
            del self._to[outstanding.recipient]
        self._context.stop(outstanding.repeat)

    def _way(self, tunnel: Tunnel, requester: IPAddress, at: NbmaPeer) -> NbmaPeer:
        """Return the way to a requester: straight, or along the routes where nothing protects the straight way.

        at: where our reply went.
        """
        if not tunnel.protected:
            return at
        entry = tunnel.cache.host(requester)
        protection = self._instance.ports.protection
        straight = secured(protection, tunnel, at) if entry is None else way_to(protection, tunnel, entry)
        if straight is not None:
            return straight
        hop = route_message(self._instance, tunnel, requester)
        return hop.neighbor if isinstance(hop, NextStation) and hop.tunnel is tunnel else at

    def _purge_later(self, ends: list[tuple[Tunnel, Entry, float | None]]) -> Iterator[None]:
        """Remove entries, except those registered again meanwhile. ends: each with its expiry at the time of
        the purge.
        """
        for tunnel, entry, expires in ends:
            if tunnel.cache.get(entry.target) is entry and entry.expires == expires:
                self._purge(tunnel, entry)
            yield

    def _purge(self, tunnel: Tunnel, entry: Entry) -> None:
        if entry.is_registered:
            self._server.withdraw(tunnel, entry, "NHRP: no error")
        else:
            self._peers.drop(tunnel, entry)

    def _send(
        self, tunnel: Tunnel, destination: IPAddress, to: NbmaPeer, *purged: Prefix, withdrawal: bool = False
    ) -> None:
        if not tunnel.running:
            return
        packet = self._request(tunnel, destination, purged)
        if len(self._outstanding) >= LARGEST_OUTSTANDING:
            self._instance.send(tunnel, to, replace(packet, flags=packet.flags | PurgeFlag.NO_REPLY))
            return
        request_id = packet.request_id
        repeat = Timer("repeat a Purge Request", lambda: self._repeat(request_id), request_id)
        outstanding = self._outstanding[request_id] = Outstanding(tunnel.name, to, packet, withdrawal, repeat)
        self._to.setdefault(outstanding.recipient, {})[request_id] = outstanding
        self._transmit(tunnel, outstanding)

    def _request(self, tunnel: Tunnel, destination: IPAddress, purged: tuple[Prefix, ...]) -> PurgeRequest:
        address, nbma = tunnel.own
        return PurgeRequest(
            source_nbma=nbma,
            source_protocol=address,
            destination_protocol=destination,
            flags=PurgeFlag.NAT,
            request_id=self._instance.next_request_id(),
            cies=tuple(ClientInfo(prefix_length=prefix.length, protocol=prefix.address) for prefix in purged),
            extensions=(*self._instance.records(tunnel), *self._instance.authentication(tunnel), NatAddress()),
        )

    def _transmit(self, tunnel: Tunnel, outstanding: Outstanding) -> None:
        self._context.start(outstanding.repeat, RETRIES[outstanding.tries])
        outstanding.tries += 1
        self._instance.send(tunnel, outstanding.to, outstanding.packet)


def _may_be_purged(packet: PurgeRequest, entry: Entry, tunnel: Tunnel) -> bool:
    """Return whether a server that relays this packet may purge the entry.

    Clients withdraw registrations directly (§5.2.5).
    """
    source = packet.source_protocol
    return not entry.is_registered and (source == entry.next_hop or tunnel.is_server(source))


def _is_own(entry: Entry) -> bool:
    """Return whether an entry is of one of the two addresses that an IPv6 station registers together."""
    address = entry.target.address
    return address.version == 6 and (entry.is_next_hop or is_link_local(address))


def _named(
    tunnel: Tunnel, purged: PrefixTable[None], nbma: IPAddress, *, all_of_them: bool, on_link: bool
) -> list[Entry]:
    """Return the entries whose target lies in a purged prefix, without configured entries and our own.

    The two addresses of an IPv6 client end together: a client whose global address still works would not notice that
    its link-local one, the next hop of routes, is gone. on_link: the purge came by this tunnel.

    A stranger cannot make us search the whole cache: only entries that lead to its own NBMA address, and exact matches.
    """
    found: dict[Prefix, Entry] = {}
    for prefix in purged:
        exact = tunnel.cache.get(prefix)
        if exact is not None:
            found[prefix] = exact
    if any(not prefix.is_host for prefix in purged):
        for entry in tunnel.cache.entries() if all_of_them else tunnel.cache.at(nbma):
            if any(prefix.length <= entry.target.length for prefix, _ in purged.matches(entry.target.address)):
                found[entry.target] = entry
    if not on_link:  # a link-local address of another station, on another link
        found = {target: entry for target, entry in found.items() if not is_link_local(target.address)}
    ours = [entry for entry in found.values() if entry.is_registered and entry.nbma == nbma and _is_own(entry)]
    for station in dict.fromkeys(entry.next_hop for entry in ours):
        found |= {entry.target: entry for entry in tunnel.cache.behind(station) if _is_own(entry)}
    return [entry for entry in found.values() if entry.type is not EntryType.STATIC and not entry.is_local]
