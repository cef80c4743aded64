"""NHRP for one IP version: hands events to its parts, and timers to those who set them.

    Configured, TunnelChanged, InterfaceChanged   configuration.py
    NhrpReceived                                  reception.py, from there to server, responder, resolver ...
    Unresolved                                    resolver.py
    Hairpin                                       transit.py
    IpReceived, UsageReported                     peers.py, registration.py (who is alive?)
    ProtectionChanged, ConnectionChanged          here: all parts that may send now, or no more
    RouteChanged                                  here: shortcuts and given prefixes follow the routing table
    ClearCache, ClearSessions ...                 here
    EffectFailed                                  plane.py
    Tick                                          timers, by kind

All parts share one `Station`; none knows the one who calls it, and none asks which IP version it serves: that of the
addresses that it is given. `machine.py` hands events to the overlay that they are about.

When packets to an NBMA address may go, or no more, registrations, replies and paths that wait for it hear of it. When a
peer has moved, or is gone, entries that are bound to its connection follow. Of a connection that comes nobody knows yet
whose it is: what is bound to it is said by the first message over it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.deadlines import earliest
from dmvpn.base.effects import Effect, PollUsage
from dmvpn.base.events import (
    EffectFailed,
    Event,
    Hairpin,
    IpReceived,
    NameResolved,
    NhrpReceived,
    Remembered,
    Resync,
    Tick,
    Unresolved,
)
from dmvpn.base.notices import (
    AnswersEnd,
    Configured,
    ConnectionChanged,
    InterfaceChanged,
    MulticastReached,
    NeighborSilent,
    Notice,
    ProtectionChanged,
    RouteChanged,
    RouteSource,
    TunnelChanged,
)
from dmvpn.base.protection import ProtectionPhase
from dmvpn.features.nhrp import messages
from dmvpn.features.nhrp.cache import Entry, EntryType, Neighbor, RouteState
from dmvpn.features.nhrp.configuration import Configuration, Names
from dmvpn.features.nhrp.counters import Happening
from dmvpn.features.nhrp.echoes import Echoes
from dmvpn.features.nhrp.errors import Errors
from dmvpn.features.nhrp.model import ClearCache, ClearCounters, ClearSessions, ClearStatistics, NhrpConfig, Withdraw
from dmvpn.features.nhrp.peers import Peers
from dmvpn.features.nhrp.plane import Plane, Routes
from dmvpn.features.nhrp.purge import Purger
from dmvpn.features.nhrp.reception import Reception
from dmvpn.features.nhrp.registration import Registration
from dmvpn.features.nhrp.resolver import Resolver
from dmvpn.features.nhrp.responder import Responder
from dmvpn.features.nhrp.server import Server
from dmvpn.features.nhrp.shared import REQUEST_IDS
from dmvpn.features.nhrp.station import Station, Timer, TimerKind
from dmvpn.features.nhrp.transit import Redirects, Transit
from dmvpn.features.nhrp.ways import Here, find_way

if TYPE_CHECKING:
    from dmvpn.base.ports import Ports
    from dmvpn.base.protection import Connection
    from dmvpn.features.nhrp.counters import Traffic
    from dmvpn.features.nhrp.shared import Shared
    from dmvpn.features.nhrp.tunnel import Tunnel


class Overlay:
    """NHRP for one IP version on all tunnels of a router."""

    def __init__(self, ports: Ports, shared: Shared, version: int) -> None:
        station = self._station = Station(ports, shared, version)
        plane = self._plane = Plane(station)
        self._routes = Routes(station)
        self._echoes = Echoes(station)
        self._peers = Peers(station, plane, self._routes, self._echoes)
        self._names = Names(station)
        self._server = Server(station, plane, self._peers)
        self._resolver = Resolver(station, plane, self._peers, self._routes)
        self._purger = Purger(station, self._peers, self._server)
        self._responder = Responder(station, self._peers, self._purger)
        self._registration = Registration(station, plane, self._echoes, self._peers, self._purger)
        self._redirects = Redirects(station)
        errors = Errors(station)
        self._reception = Reception(
            station,
            errors,
            registration=self._registration,
            server=self._server,
            resolver=self._resolver,
            responder=self._responder,
            purger=self._purger,
            transit=Transit(station, errors),
        )
        self._configuration = Configuration(
            station,
            plane=plane,
            peers=self._peers,
            registration=self._registration,
            resolver=self._resolver,
            server=self._server,
            purger=self._purger,
            names=self._names,
        )

    @property
    def tunnels(self) -> tuple[Tunnel, ...]:
        """The tunnels with NHRP, in the order of the configuration. For shows: look, do not touch."""
        return tuple(self._station.tunnels.values())

    def next_deadline(self) -> float | None:
        """When the next timer is due."""
        return earliest(self._station.deadlines.next(), self._plane.next_deadline())

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        self._station.begin(now)
        match event:
            case NhrpReceived():
                self._reception.receive(event)
            case Tick():
                self._tick()
            case Unresolved() | Hairpin():
                self._from_plane(event)
            case IpReceived():
                self._heard(event)
            case RouteChanged():
                self._route_changed(event)
            case Configured(model=NhrpConfig() as config):
                self._configuration.apply(config)
            case TunnelChanged():
                self._tunnel_changed(event)
            case AnswersEnd(tunnel=name):
                if (tunnel := self._station.tunnels.get(name)) is not None:
                    self._purger.take_answers_back(tunnel)
            case NeighborSilent(interface=name, address=address):
                if (tunnel := self._station.tunnels.get(name)) is not None:
                    self._registration.neighbor_silent(tunnel, address)
            case InterfaceChanged():
                self._interface_changed(event)
            case EffectFailed():
                self._plane.failed(event)
            case ProtectionChanged():
                self._protection_changed(event)
            case ConnectionChanged():
                self._connection_changed(event)
            case NameResolved():
                if self._names.resolved(event):
                    self._configuration.names_changed()
            case Remembered(name=name) if name == REQUEST_IDS:
                self._station.request_ids.remember(event.octets)
            case Resync():
                for tunnel in self._station.tunnels.values():
                    self._configuration.restore(tunnel)
            case _:
                self._ordered(event)
        return self._station.end()

    # -------------------------------------------------------------------------------------------- the data plane

    def used(self, name: str, traffic: Traffic, now: float) -> list[Effect | Notice]:
        """Who was heard and who was silent on this tunnel since the last look."""
        tunnel = self._station.tunnels.get(name)
        if tunnel is None or not tunnel.running:
            return []
        self._station.begin(now)
        self._peers.traffic(tunnel, traffic)
        self._registration.traffic(tunnel, traffic)
        return self._station.end()

    def _from_plane(self, event: Unresolved | Hairpin) -> None:
        tunnel = self._station.tunnels.get(event.tunnel)
        if tunnel is None or not tunnel.running:
            return
        match event:
            case Unresolved():
                self._resolver.unresolved(tunnel, event.next_hop)
            case Hairpin():
                self._redirects.hairpin(tunnel, event)

    def _heard(self, event: IpReceived) -> None:
        """Perhaps the answer to an echo of ours."""
        came_by = self._station.tunnels.get(event.interface)
        if came_by is not None:
            self._echoes.asked(came_by, event)
        answered = self._echoes.answered(event)
        if answered is None:
            return
        name, path, sequence = answered
        tunnel = self._station.tunnels.get(name)
        if tunnel is None:
            return
        if tunnel.paths.get(path.peer) is path:
            self._peers.echo_answered(tunnel, path, sequence)
        elif tunnel.server_paths.get(path.peer) is path:
            self._registration.echo_answered(tunnel, path, sequence)

    def _path_due(self, tunnel: Tunnel, timer: Timer) -> None:
        if not isinstance(timer.subject, IPAddress) or not tunnel.running:
            return
        if path := tunnel.paths.get(timer.subject):
            self._peers.due(tunnel, path)
        elif path := tunnel.server_paths.get(timer.subject):
            self._registration.path_due(tunnel, path)

    # -------------------------------------------------------------------------------------------- protection

    def _protection_changed(self, event: ProtectionChanged) -> None:
        """The protection of one address is different now."""
        tunnel = self._station.tunnels.get(event.tunnel)
        if tunnel is None:
            return
        self._log_protection(tunnel, event)
        if not tunnel.running or not tunnel.protected:
            return
        self._registration.protection_changed(tunnel, event.nbma)
        self._responder.protection_changed(tunnel, event.nbma)
        self._secure_paths(tunnel, event.nbma)

    def _connection_changed(self, event: ConnectionChanged) -> None:
        """A connection came, moved or is gone."""
        if event.new is None and event.old is not None:
            self._station.shared.forget_connection(event.old.number)
        for tunnel in self._station.tunnels.values():
            for connection in (event.old, event.new) if tunnel.protected else ():
                if connection is not None:
                    self._follow_connection(tunnel, connection, event.new)
                    if tunnel.cache.over(connection.number):
                        self._station.wants.touch(tunnel, connection.remote)
            if tunnel.protected and event.returned and event.new is not None:
                self._registration.peer_returned(tunnel, event.new.number)

    def _follow_connection(self, tunnel: Tunnel, connection: Connection, new: Connection | None) -> None:
        if new is None:
            self._server.lost(tunnel, connection.number)
        else:
            to = Neighbor(new.remote, new.number)
            self._server.moved(tunnel, to)
            self._peers.moved(tunnel, to)
        self._secure_paths(tunnel, connection.remote)

    def _secure_paths(self, tunnel: Tunnel, nbma: IPAddress) -> None:
        """Paths to this address may be proved now, or must rest."""
        for path in self._peers.protection_changed(tunnel, nbma):
            if tunnel.public_nbma is not None:
                self._resolver.greet(tunnel, path.peer)

    def _log_protection(self, tunnel: Tunnel, event: ProtectionChanged) -> None:
        secured = event.state.phase is ProtectionPhase.SECURED
        if event.remote_port:
            return  # of one peer; its address is another notice
        if tunnel.nbma is not None and self._station.shared.note_socket(tunnel.name, event.nbma, secured=secured):
            line = messages.SocketChanged.of(tunnel.name, tunnel.nbma, event.nbma, up=secured)
            self._station.log_dmvpn(line, about=f"{tunnel.name} {event.nbma}")

    # -------------------------------------------------------------------------------------------- interfaces, routes

    def _tunnel_changed(self, event: TunnelChanged) -> None:
        tunnel = self._station.tunnels.get(event.name)
        if tunnel is not None:
            before, was_protected = _identity(tunnel), tunnel.protected
            tunnel.stand(event.new)
            if tunnel.protected != was_protected:
                self._configuration.protection_configured(tunnel)
            self._follow(tunnel, before)

    def _interface_changed(self, event: InterfaceChanged) -> None:
        tunnel = self._station.tunnels.get(event.name)
        if tunnel is not None:
            before = _identity(tunnel)
            was_up = tunnel.interface is not None and tunnel.interface.line
            tunnel.follow(event.new)
            self._follow(tunnel, before)
            if event.new is not None and event.new.line and not was_up and tunnel.has_server:
                self._station.emit(MulticastReached(tunnel.name))  # of `if-state nhrp`: only now can anybody speak

    def _follow(self, tunnel: Tunnel, before: tuple[object, ...]) -> None:
        """The tunnel's state changed: start, stop or begin again."""
        was_running = bool(before[0])
        if before != _identity(tunnel):
            self._station.wants.touch_all(tunnel)
        if tunnel.running and not was_running:
            tunnel.counters.count(Happening.UP)
            self._configuration.came_up(tunnel)
        elif was_running and not tunnel.running:
            tunnel.counters.count(Happening.DOWN)
            self._configuration.went_down(tunnel)
        elif tunnel.running and before != _identity(tunnel):
            tunnel.counters.count(Happening.ADDRESS_CHANGED)
            self._configuration.moved(tunnel)

    def _route_changed(self, event: RouteChanged) -> None:
        if event.new is not None and event.new.source is RouteSource.NHRP:
            return
        for tunnel in list(self._station.tunnels.values()):
            for given in list(tunnel.cache.local.values()):
                # What was given may be part of the route (of a default route, say), or the route part of it.
                if given.target in event.prefix or event.prefix in given.target:
                    self._check_given(tunnel, given)
            self._server.route_changed(tunnel, event.prefix)
            entry = tunnel.cache.get(event.prefix)
            if entry is not None and entry.route in (RouteState.INSTALLED, RouteState.OVERRIDE):
                self._reconsider(tunnel, entry)

    def _check_given(self, tunnel: Tunnel, entry: Entry) -> None:
        """May a prefix that we gave to others still be given? If not, they are told."""
        if tunnel.running and find_way(self._station, tunnel, entry.target.address) != Here(entry.target):
            self._purger.local_lost(tunnel, entry)

    def _reconsider(self, tunnel: Tunnel, entry: Entry) -> None:
        """The route that a shortcut overrides came, went or changed."""
        other = self._station.ports.rib.exact(entry.target)
        within = other is None or any(
            self._station.same_network(tunnel, hop.interface) is not None for hop in other.next_hops
        )
        followed = other is not None and self._resolver.follow(tunnel, entry)
        if within or followed:
            self._routes.install(tunnel, entry)
        else:
            self._peers.drop(tunnel, entry)

    # -------------------------------------------------------------------------------------------- timers

    def _tick(self) -> None:
        self._plane.due()
        for timer in self._station.deadlines.pop_due(self._station.now):
            self._due(timer)

    def _due(self, timer: Timer) -> None:
        match timer.kind:  # these have to clear up even if the tunnel is gone
            case TimerKind.NAME:
                self._names.due(timer)
            case TimerKind.RETRY:
                self._resolver.due(timer)
            case TimerKind.PURGE:
                self._purger.due(timer)
            case TimerKind.REPLY:
                self._responder.due(timer)
            case _:
                tunnel = self._station.tunnels.get(timer.tunnel)
                if tunnel is not None:
                    self._due_on(tunnel, timer)

    def _due_on(self, tunnel: Tunnel, timer: Timer) -> None:
        match timer.kind:
            case TimerKind.REGISTER:
                self._registration.due(timer)
                self._configuration.doubt_names(tunnel)
                self._peers.server_changed(tunnel)
            case TimerKind.EXPIRY:
                self._expired(tunnel, timer)
            case TimerKind.REFRESH:
                self._resolver.refresh(timer)
            case TimerKind.PROBE:
                self._path_due(tunnel, timer)
            case TimerKind.MULTICAST:
                self._plane.update_multicast(tunnel)
            case TimerKind.RETURN:
                self._peers.server_changed(tunnel)
            case TimerKind.POLL:
                if tunnel.running:
                    self._station.emit(PollUsage(tunnel.name))
                    self._station.watch_traffic(tunnel, again=True)

    def _expired(self, tunnel: Tunnel, timer: Timer) -> None:
        entry = tunnel.cache.get(timer.subject) if isinstance(timer.subject, Prefix) else None
        if entry is None or entry.expires is None or entry.expires > self._station.now:
            return
        if entry.is_registered:
            self._server.expired(tunnel, entry)
        elif entry.is_local:
            self._station.remove_entry(tunnel, entry)  # those who asked have forgotten it at the same time
        else:
            self._configuration.forget(tunnel, entry, "NHRP: no error")

    # -------------------------------------------------------------------------------------------- orders of people

    def _ordered(self, event: Event | Notice) -> None:
        match event:
            case ClearCache(target=target):
                for tunnel in self._station.tunnels.values():
                    self._clear(tunnel, [e for e in tunnel.cache.entries() if target is None or e.target in target])
            case ClearCounters():
                self._clear_counters(event)
            case ClearStatistics():
                for tunnel in self._station.tunnels.values():
                    if event.interface in (None, tunnel.name):
                        tunnel.counters.clear_happenings()
            case ClearSessions():
                self._clear_sessions(event)
            case Withdraw():
                self._station.leave()
                for tunnel in self._station.tunnels.values():
                    self._purger.leave(tunnel)
            case _:
                pass

    def _clear(self, tunnel: Tunnel, entries: list[Entry]) -> None:
        for entry in entries:
            if tunnel.cache.get(entry.target) is entry:
                self._configuration.forget(tunnel, entry, "NHRP: no error")

    def _clear_counters(self, event: ClearCounters) -> None:
        for tunnel in self._station.tunnels.values():
            if event.interface not in (None, tunnel.name):
                continue
            if event.server is None:
                tunnel.counters.clear_packets()
            for client in tunnel.clients.values():
                if event.server in (None, client.nhs):
                    client.clear_counters()

    def _clear_sessions(self, event: ClearSessions) -> None:
        for tunnel in self._station.tunnels.values():
            if event.interface not in (None, tunnel.name):
                continue
            chosen = [
                entry
                for entry in tunnel.cache.entries()
                if event.nbma in (None, entry.nbma) and event.tunnel in (None, entry.next_hop)
            ]
            self._clear(tunnel, chosen)
            static = {entry.next_hop for entry in chosen if entry.type is EntryType.STATIC}
            if event.static:
                self._registration.restart(tunnel, static)


def _identity(tunnel: Tunnel) -> tuple[object, ...]:
    """Whether we speak at all, what others know of us by, whether in clear, and whether to one far end alone.

    A tunnel that leads to one place needs no adjacencies; when it becomes multipoint, all of them are missing.
    """
    return tunnel.running, tunnel.nbma, tunnel.address, tunnel.link_local, tunnel.protected, tunnel.far_end
