"""The client side of registration: drives the `NhsClient`s of a tunnel, RFC 2332 §5.2.3 and §5.2.4.

One client for each configured server. Which of a cluster are used is decided in `choose`: the best by priority, as many
as `max-connections` allows; one that fails is replaced by the next, and asked on, so that it can return (`fallback`).
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.notices import HoldTunnel, MulticastReached
from dmvpn.base.reasons import Reason
from dmvpn.features.nhrp import messages
from dmvpn.features.nhrp.cie import CieCode, ClientInfo
from dmvpn.features.nhrp.client import Act, NhsClient, NhsState
from dmvpn.features.nhrp.counters import Refusal
from dmvpn.features.nhrp.extensions import (
    Extensions,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    ReverseTransitRecord,
    VendorPrivate,
    find,
)
from dmvpn.features.nhrp.model import ALL_CONNECTIONS
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationReply, RegistrationRequest
from dmvpn.features.nhrp.path import Act as PathAct
from dmvpn.features.nhrp.path import Path, PathState
from dmvpn.features.nhrp.station import Station, Timer, TimerKind

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from dmvpn.features.nhrp.echoes import Echoes
    from dmvpn.features.nhrp.tunnel import Tunnel
    from dmvpn.features.nhrp.usage import Traffic


class Registration:
    """Keeps this station registered with its servers."""

    def __init__(self, station: Station, echoes: Echoes) -> None:
        self._station = station
        self._echoes = echoes

    # -------------------------------------------------------------------------------------------- causes

    def start(self, tunnel: Tunnel) -> None:
        """The tunnel can send, or another address of it is to be registered."""
        for client in tunnel.clients.values():
            self._carry_out(tunnel, client, client.hold(self._station.now))
        self.choose(tunnel)

    def restart(self, tunnel: Tunnel, servers: Container[IPAddress]) -> None:
        """Register anew with these servers."""
        for client in tunnel.clients.values():
            if tunnel.running and client.nhs in servers and client.state is not NhsState.WAITING:
                self._carry_out(tunnel, client, client.start(self._station.now))

    def stop(self, tunnel: Tunnel, reason: Reason) -> None:
        """The tunnel cannot send any more. The servers keep what they have: an address is theirs until it expires."""
        for client in tunnel.clients.values():
            self._carry_out(tunnel, client, client.stop(self._station.now, reason))
        tunnel.public_nbma = None

    def renew(self, tunnel: Tunnel) -> None:
        """What we register (holding time, flags, group, password) has changed."""
        for client in tunnel.clients.values():
            self._carry_out(tunnel, client, client.renew(self._station.now))

    def due(self, timer: Timer) -> None:
        """A client's deadline has come."""
        tunnel = self._station.tunnels.get(timer.tunnel)
        client = tunnel.clients.get(timer.subject) if tunnel and isinstance(timer.subject, IPAddress) else None
        if tunnel is not None and tunnel.running:
            if client is not None and client.deadline is not None:
                self._carry_out(tunnel, client, client.due(self._station.now))
            self.choose(tunnel)

    def traffic(self, tunnel: Tunnel, traffic: Traffic) -> None:
        """Who was heard and who was not, since the last look at the counters."""
        now = self._station.now
        for path in list(tunnel.server_paths.values()):
            if path.nbma in traffic.heard:
                self._follow(tunnel, path, path.proved(now))
            elif path.nbma in traffic.silent:
                self._follow(tunnel, path, path.silence(now))

    def forget(self, tunnel: Tunnel, client: NhsClient) -> None:
        """The server is not configured any more."""
        self._forget_path(tunnel, client.nhs)

    def path_due(self, tunnel: Tunnel, path: Path) -> None:
        """The deadline of the path to a server has come."""
        self._follow(tunnel, path, path.expired(self._station.now))

    def echo_answered(self, tunnel: Tunnel, path: Path) -> None:
        """A server answered an echo."""
        self._follow(tunnel, path, path.proved(self._station.now, by_echo=True))

    def reply(self, tunnel: Tunnel, packet: RegistrationReply, outer_source: IPAddress) -> None:
        """A Registration Reply for us."""
        client = next((c for c in tunnel.clients.values() if c.request_id == packet.request_id), None)
        if client is None or packet.source_protocol != tunnel.address:
            self._station.refuse(tunnel, Refusal.UNSOLICITED, outer_source)
            return
        now = self._station.now
        refusal = next((cie for cie in packet.cies if cie.code != CieCode.SUCCESS), None)
        if refusal is not None:
            self._station.log(messages.ReplyWithError.of(packet.TYPE, refusal.code))
            reason = Reason(
                "the next hop server refuses our registration",
                messages.code_name(refusal.code),
                "RFC 2332 §5.2.4",
                since=now,
            )
            self._carry_out(tunnel, client, client.refused(now, reason))
        else:
            self._learn_server(tunnel, client, packet)
            tunnel.public_nbma = _translated(packet.extensions, tunnel.address, tunnel.nbma)
            self._carry_out(tunnel, client, client.accepted(now))
        self.choose(tunnel)

    def update_hold(self, tunnel: Tunnel) -> None:
        """`if-state nhrp`: without a server that answers, the line protocol is down."""
        responding = any(client.is_responding for client in tunnel.clients.values())
        held = tunnel.config.if_state and bool(tunnel.clients) and not responding
        if held != tunnel.held:
            tunnel.held = held
            reason = Reason("no next hop server answers (if-state nhrp)", since=self._station.now) if held else None
            self._station.emit(HoldTunnel(tunnel.name, reason))

    def failed(self, tunnel: Tunnel, request_id: int, reason: Reason) -> None:
        """An Error Indication about one of our requests says why there will be no reply."""
        for client in tunnel.clients.values():
            if client.request_id == request_id:
                client.reason = reason

    # -------------------------------------------------------------------------------------------- choice

    def choose(self, tunnel: Tunnel) -> None:
        """Start and hold clients so that each cluster has as many servers as it may have."""
        if not tunnel.running:
            return
        limits = dict(tunnel.config.max_connections)
        clusters: dict[int, list[NhsClient]] = {}
        for client in tunnel.clients.values():
            clusters.setdefault(client.cluster, []).append(client)
        for number, members in clusters.items():
            members.sort(key=lambda client: client.priority)
            self._choose_of(tunnel, members, limits.get(number, ALL_CONNECTIONS))

    def _choose_of(self, tunnel: Tunnel, members: Iterable[NhsClient], limit: int) -> None:
        now, live, newest = self._station.now, 0, 0.0
        for client in members:
            if client.nbma is None:
                continue
            if live < limit:
                if client.state in (NhsState.DOWN, NhsState.WAITING):
                    self._carry_out(tunnel, client, client.start(now))
                if not client.is_failing:
                    live += 1
                    newest = max(newest, client.since)
            elif client.is_responding and now < newest + tunnel.config.fallback:
                # A better one has only just returned: both are kept until it has proved itself.
                timer = Timer(TimerKind.REGISTER, tunnel.name, None)
                self._station.deadlines.set(timer, newest + tunnel.config.fallback)
            elif client.state is not NhsState.WAITING:
                self._carry_out(tunnel, client, client.hold(now))

    # -------------------------------------------------------------------------------------------- consequences

    def _carry_out(self, tunnel: Tunnel, client: NhsClient, acts: list[Act]) -> None:
        for act in acts:
            match act:
                case Act.REQUEST:
                    client.request_id = client.last_request_id = self._station.next_request_id()
                    self._send(tunnel, client)
                case Act.REPEAT:
                    self._send(tunnel, client)
                case Act.UP:
                    self._log(tunnel, client, up=True)
                    self._station.emit(MulticastReached(tunnel.name))
                case Act.DOWN:
                    self._log(tunnel, client, up=False)
        self.update_hold(tunnel)
        if not client.is_responding:
            self._forget_path(tunnel, client.nhs)
        elif client.nhs not in tunnel.server_paths and client.request_id is None:
            self._watch(tunnel, client)
        timer = Timer(TimerKind.REGISTER, tunnel.name, self._key(tunnel, client))
        if client.deadline is None:
            self._station.deadlines.cancel(timer)
        else:
            self._station.deadlines.set(timer, client.deadline)

    def _watch(self, tunnel: Tunnel, client: NhsClient) -> None:
        """A server that answers is worth watching: it may die long before we would ask it again."""
        if client.nbma is None or not isinstance(client.nhs, IPv4Address):
            return
        path = Path(client.nhs, client.nbma, self._echoes.identifier(), self._station.now, PathState.PROVEN)
        tunnel.server_paths[client.nhs] = path
        self._echoes.watch(tunnel, path)

    def _forget_path(self, tunnel: Tunnel, server: IPAddress) -> None:
        path = tunnel.server_paths.pop(server, None)
        if path is not None:
            self._echoes.forget(tunnel, path)

    def _follow(self, tunnel: Tunnel, path: Path, acts: list[PathAct]) -> None:
        """Probe a server that is silent. If it does not answer, its client asks whether we are still registered."""
        for act in acts:
            if act is PathAct.PROBE:
                self._echoes.send(tunnel, path)
        self._echoes.arm(tunnel, path)
        if not path.usable:
            self._forget_path(tunnel, path.peer)
            for client in tunnel.clients.values():
                if client.nhs == path.peer:
                    self._carry_out(tunnel, client, client.silence(self._station.now))

    @staticmethod
    def _key(tunnel: Tunnel, client: NhsClient) -> IPAddress:
        return next(key for key, other in tunnel.clients.items() if other is client)

    def _send(self, tunnel: Tunnel, client: NhsClient) -> None:
        if client.nbma is None or client.request_id is None:
            return
        client.requests_sent += 1
        self._station.send(tunnel, client.nbma, self._request(tunnel, client, client.request_id))

    def _request(self, tunnel: Tunnel, client: NhsClient, request_id: int) -> RegistrationRequest:
        """The packet as IOS makes it. A server whose address we do not know is asked at our own, as FRR does."""
        address, nbma = tunnel.own
        config, width = tunnel.config, address.max_prefixlen
        known = not client.nhs.is_unspecified
        server = ClientInfo(prefix_length=width, mtu=tunnel.mtu, preference=255, nbma=client.nbma, protocol=client.nhs)
        own = self._station.own_entry(tunnel)
        return RegistrationRequest(
            source_nbma=nbma,
            source_protocol=address,
            destination_protocol=client.nhs if known else address,
            flags=RegistrationFlag.NAT | (RegistrationFlag.UNIQUE if config.unique else RegistrationFlag(0)),
            request_id=request_id,
            cies=(replace(own, nbma=None, protocol=None),),
            extensions=(
                ResponderAddress(),
                ForwardTransitRecord(),
                ReverseTransitRecord(),
                *self._station.authentication(tunnel),
                NatAddress(entries=(server,)),
                *((VendorPrivate.of_group(config.group),) if config.group else ()),
            ),
        )

    def _learn_server(self, tunnel: Tunnel, client: NhsClient, packet: RegistrationReply) -> None:
        """A `dynamic` server told us its tunnel address, in the destination or as the responder."""
        if not client.dynamic:
            return
        responder = find(packet.extensions, ResponderAddress)
        entry = responder.entries[0] if responder and responder.entries else None
        address = entry.protocol if entry and entry.protocol is not None else packet.destination_protocol
        if address != tunnel.address and address != client.nhs and client.nbma is not None:
            client.nhs = address
            self._station.add_static(tunnel, Prefix.host(address), client.nbma)

    def _log(self, tunnel: Tunnel, client: NhsClient, *, up: bool) -> None:
        if client.nbma is None or not tunnel.running:
            return
        server = (client.nhs, client.nbma)
        if up:
            self._station.log_dmvpn(messages.NhsUp.of(tunnel.name, server, tunnel.own))
        else:
            why = "NHRP Registration Failure"
            self._station.log_dmvpn(messages.NhsDown.of(tunnel.name, server, tunnel.own, why))


def _translated(extensions: Extensions, address: IPAddress, nbma: IPAddress | None) -> IPAddress | None:
    """Our NBMA address as the server sees it, if a translator stands between us (Cisco's NAT extension)."""
    nat = find(extensions, NatAddress)
    for entry in nat.entries if nat else ():
        if entry.protocol == address and entry.nbma not in (None, nbma):
            return entry.nbma
    return None
