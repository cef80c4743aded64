"""Purges, RFC 2332 §5.2.5 and §5.2.6: telling those who resolved something that it is not so any more.

We send one to each requester of a prefix of ours that goes away, and to a server from which we withdraw; it is repeated
until it is answered, or a few times (FRR never answers). We act on one that comes from who may know: the owner of the
binding or a server of ours, and answer it also if nothing matched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.features.nhrp.cache import Entry, EntryType
from dmvpn.features.nhrp.cie import CieCode, ClientInfo
from dmvpn.features.nhrp.counters import Refusal
from dmvpn.features.nhrp.extensions import (
    ForwardTransitRecord,
    NatAddress,
    ReverseTransitRecord,
)
from dmvpn.features.nhrp.packet import PurgeFlag, PurgeReply, PurgeRequest
from dmvpn.features.nhrp.replies import hop_by_hop
from dmvpn.features.nhrp.station import Station, Timer, TimerKind

if TYPE_CHECKING:
    from dmvpn.features.nhrp.peers import Peers
    from dmvpn.features.nhrp.server import Server
    from dmvpn.features.nhrp.tunnel import Tunnel

#: Seconds to wait for an answer, try by try.
RETRIES = (1.0, 2.0, 4.0)


@dataclass(slots=True)
class Outstanding:
    """A Purge Request without answer. nbma: where it went first; further tries go by the hub."""

    tunnel: str
    nbma: IPAddress
    packet: PurgeRequest
    tries: int = 0


class Purger:
    """Sends, acts on and answers Purge Requests."""

    def __init__(self, station: Station, peers: Peers, server: Server) -> None:
        self._station = station
        self._peers = peers
        self._server = server
        self._outstanding: dict[int, Outstanding] = {}

    # -------------------------------------------------------------------------------------------- sending

    def local_lost(self, tunnel: Tunnel, entry: Entry) -> None:
        """A prefix that we gave to others is not ours any more: tell them."""
        self._station.remove_entry(tunnel, entry)
        for requester, known in (entry.requesters or {}).items():
            if known.expires > self._station.now:
                self._send(tunnel, requester, known.nbma, entry.target, flags=PurgeFlag.NAT)

    def withdraw(self, tunnel: Tunnel, server: IPAddress, nbma: IPAddress) -> None:
        """Take our registration back from a server."""
        if tunnel.running and tunnel.address is not None:
            self._send(tunnel, server, nbma, Prefix.host(tunnel.address), flags=PurgeFlag.NAT)

    def due(self, timer: Timer) -> None:
        """A Purge Request went unanswered."""
        request_id = timer.subject
        outstanding = self._outstanding.get(request_id) if isinstance(request_id, int) else None
        tunnel = self._station.tunnels.get(timer.tunnel)
        if outstanding is None:
            return
        if tunnel is None or not tunnel.running or outstanding.tries >= len(RETRIES):
            del self._outstanding[outstanding.packet.request_id]
            return
        server = tunnel.server()
        if server is not None and server.nbma is not None:
            outstanding.nbma = server.nbma
        self._transmit(tunnel, outstanding)

    # -------------------------------------------------------------------------------------------- receiving

    def request(self, tunnel: Tunnel, packet: PurgeRequest, outer_source: IPAddress) -> None:
        """A Purge Request for us."""
        for cie in packet.cies:
            address = cie.protocol if cie.protocol is not None else packet.source_protocol
            purged = Prefix.of(address, cie.host_or_prefix_length(address.max_prefixlen))
            for member in self._station.network(tunnel):
                for entry in _inside(member, purged):
                    self._purge(member, entry, packet, outer_source)
        if not packet.flags & PurgeFlag.NO_REPLY:
            reply = PurgeReply(
                source_nbma=packet.source_nbma,
                source_protocol=packet.source_protocol,
                destination_protocol=packet.destination_protocol,
                flags=packet.flags,
                request_id=packet.request_id,
                cies=tuple(replace(cie, code=CieCode.SUCCESS) for cie in packet.cies),
                extensions=hop_by_hop(packet.extensions, self._station.authentication(tunnel)),
            )
            self._station.send(tunnel, outer_source, reply)

    def reply(self, tunnel: Tunnel, packet: PurgeReply, outer_source: IPAddress) -> None:
        """A Purge Reply for us."""
        outstanding = self._outstanding.pop(packet.request_id, None)
        if outstanding is None:
            self._station.refuse(tunnel, Refusal.UNSOLICITED, outer_source)
        else:
            self._station.deadlines.cancel(Timer(TimerKind.PURGE, outstanding.tunnel, packet.request_id))

    # -------------------------------------------------------------------------------------------- parts

    def _purge(self, tunnel: Tunnel, entry: Entry, packet: PurgeRequest, outer_source: IPAddress) -> None:
        """Drop an entry, if the sender may say so. What is configured, or our own, stays."""
        from_server = any(client.nbma == outer_source for client in tunnel.clients.values())
        from_owner = packet.source_protocol == entry.next_hop or entry.nbma == outer_source
        if entry.type is EntryType.STATIC or entry.is_local:
            return
        if not (from_owner or (from_server and not entry.is_registered)):
            self._station.refuse(tunnel, Refusal.NOT_ALLOWED, outer_source)
        elif entry.is_registered:
            self._server.withdraw(tunnel, entry, "NHRP: no error")
        else:
            self._peers.drop(tunnel, entry)

    def _send(self, tunnel: Tunnel, destination: IPAddress, nbma: IPAddress, purged: Prefix, flags: PurgeFlag) -> None:
        if not tunnel.running:
            return
        address, nbma_of_ours = tunnel.own
        packet = PurgeRequest(
            source_nbma=nbma_of_ours,
            source_protocol=address,
            destination_protocol=destination,
            flags=flags,
            request_id=self._station.next_request_id(),
            cies=(ClientInfo(prefix_length=purged.length, protocol=purged.address),),
            extensions=(
                ForwardTransitRecord(),
                ReverseTransitRecord(),
                *self._station.authentication(tunnel),
                NatAddress(),
            ),
        )
        outstanding = self._outstanding[packet.request_id] = Outstanding(tunnel.name, nbma, packet)
        self._transmit(tunnel, outstanding)

    def _transmit(self, tunnel: Tunnel, outstanding: Outstanding) -> None:
        when = self._station.now + RETRIES[outstanding.tries]
        outstanding.tries += 1
        self._station.deadlines.set(Timer(TimerKind.PURGE, tunnel.name, outstanding.packet.request_id), when)
        self._station.send(tunnel, outstanding.nbma, outstanding.packet)


def _inside(tunnel: Tunnel, purged: Prefix) -> list[Entry]:
    """The entries whose target is, or lies in, the purged prefix. Only a real prefix costs a look at all of them."""
    if purged.is_host:
        entry = tunnel.cache.get(purged)
        return [entry] if entry is not None else []
    return [entry for entry in tunnel.cache.entries() if entry.target in purged]
