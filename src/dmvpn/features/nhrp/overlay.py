"""NHRP for one IP version: hands each event to the part that it is about, and timers to those that set them.

`reception` takes the packets of NHRP; `handle` is the list of all other events. A part changes its own state, and what
must be done leaves by `Station.emit`, in the order in which the parts say it. What two or more parts have to do about
one event is here, in the order in which they must do it: packets to an NBMA address may go, or not any more
(registrations, replies and paths wait for that); a peer moved, or is gone (the entries that are bound to its connection
follow); a route changed (shortcuts and prefixes that were given to others follow the routing table).

The parts share one `Station`. No part knows its caller, and no part asks which IP version it serves: that is the
version of the addresses that it is given. `machine.py` hands an event to the overlay that it is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.chores import PAUSE
from dmvpn.base.deadlines import earliest
from dmvpn.base.effects import Effect, PollUsage
from dmvpn.base.events import (
    EffectFailed,
    Event,
    Hairpin,
    IpReceived,
    NameResolved,
    Remembered,
    Resync,
    Tick,
    Unresolved,
)
from dmvpn.base.liveness import PathLost
from dmvpn.base.negotiation import ConnectionChanged, ProtectionChanged
from dmvpn.base.notices import (
    AnswersEnd,
    Configured,
    InterfaceChanged,
    MulticastReached,
    NeighborSilent,
    Notice,
    RouteChanged,
    RouteSource,
    TunnelChanged,
)
from dmvpn.base.protection import ProtectionPhase
from dmvpn.features.nhrp import messages
from dmvpn.features.nhrp.admission import Admission
from dmvpn.features.nhrp.cache import Entry, EntryType, Neighbor, RouteState
from dmvpn.features.nhrp.configuration import Configuration
from dmvpn.features.nhrp.echoes import Echoes
from dmvpn.features.nhrp.model import ClearCache, ClearCounters, ClearSessions, ClearStatistics, NhrpConfig, Withdraw
from dmvpn.features.nhrp.peers import Peers
from dmvpn.features.nhrp.plane import Plane, Routes
from dmvpn.features.nhrp.purge import Purger
from dmvpn.features.nhrp.reception import Reception
from dmvpn.features.nhrp.registration import Registration
from dmvpn.features.nhrp.resolver import Resolver
from dmvpn.features.nhrp.responder import Responder
from dmvpn.features.nhrp.server import Server
from dmvpn.features.nhrp.servers import Names
from dmvpn.features.nhrp.shared import REQUEST_IDS
from dmvpn.features.nhrp.station import Station, Timer, TimerKind
from dmvpn.features.nhrp.transit import Errors, Transit
from dmvpn.features.nhrp.ways import Redirects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.base.ports import Ports
    from dmvpn.base.protection import Connection
    from dmvpn.features.nhrp.shared import Shared, Traffic
    from dmvpn.features.nhrp.tunnel import Tunnel


#: Timers that fire in one event.
_AT_ONCE: Final = 64


class Overlay:
    """NHRP for one IP version on all tunnels of a router."""

    def __init__(self, ports: Ports, shared: Shared, version: int) -> None:
        station = self._station = Station(ports, shared, version)
        #: The tunnels with NHRP, in the order in which they got it.
        self.tunnels: Mapping[str, Tunnel] = station.tunnels
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
        self._resting = float("-inf")
        errors = Errors(station)
        #: Takes packets of NHRP.
        self.reception = Reception(
            station,
            errors,
            registration=self._registration,
            admission=Admission(station, self._server),
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

    def next_deadline(self) -> float | None:
        """Return when the next timer is due; those that are left of a crowd wait for a moment."""
        following = self._station.deadlines.next()
        waits = None if following is None else max(following, self._resting)
        return earliest(waits, self._plane.next_deadline())

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event other than a packet of NHRP, and return what must be done."""
        station = self._station
        station.begin(now)
        match event:
            # What the data plane says.
            case Unresolved(tunnel=name, next_hop=next_hop):
                if (tunnel := self._running(name)) is not None:
                    self._resolver.unresolved(tunnel, next_hop)
            case Hairpin(tunnel=name):
                if (tunnel := self._running(name)) is not None:
                    self._redirects.hairpin(tunnel, event)
            case IpReceived():
                self._heard(event)
            case EffectFailed():
                self._plane.failed(event)
            # Time.
            case Tick():
                self._time_passed()
            # What other features say.
            case RouteChanged():
                self._route_changed(event)
            case TunnelChanged():
                self._tunnel_changed(event)
            case InterfaceChanged():
                self._interface_changed(event)
            case ProtectionChanged():
                self._protection_changed(event)
            case ConnectionChanged():
                self._connection_changed(event)
            case NeighborSilent(interface=name, address=address) | PathLost(interface=name, address=address):
                if (tunnel := station.tunnels.get(name)) is not None:
                    self._registration.neighbor_silent(tunnel, address)
            case AnswersEnd(tunnel=name):
                if (tunnel := station.tunnels.get(name)) is not None:
                    self._purger.take_answers_back(tunnel)
            # Configuration, and what the host remembers.
            case Configured(model=NhrpConfig() as config):
                self._configuration.apply(config)
            case NameResolved():
                if self._names.resolved(event):
                    self._configuration.names_changed()
            case Remembered(name=name) if name == REQUEST_IDS:
                station.request_ids.remember(event.octets)
            case Resync():
                for tunnel in station.tunnels.values():
                    self._configuration.restore(tunnel)
            case _:
                self._ordered(event)
        return station.end()

    def used(self, name: str, traffic: Traffic, now: float) -> list[Effect | Notice]:
        """Take in who was heard on this tunnel since the last look, and who was silent."""
        tunnel = self._running(name)
        if tunnel is None:
            return []
        self._station.begin(now)
        self._peers.traffic(tunnel, traffic)
        self._registration.traffic(tunnel, traffic)
        return self._station.end()

    def _running(self, name: str) -> Tunnel | None:
        tunnel = self._station.tunnels.get(name)
        return tunnel if tunnel is not None and tunnel.running else None

    def _chosen(self, interface: str | None) -> list[Tunnel]:
        """Return the tunnel that an order names; all tunnels if it names none."""
        return [tunnel for tunnel in self._station.tunnels.values() if interface in (None, tunnel.name)]

    # -------------------------------------------------------------------------------------------- timers

    def _time_passed(self) -> None:
        """Do what is due, so much of it as takes some milliseconds: a crowd of clients expires together."""
        self._plane.due()
        now, fired = self._station.now, 0
        for timer in self._station.deadlines.take_due(now, _AT_ONCE):
            self._due(timer)
            fired += 1
        if fired == _AT_ONCE:
            self._resting = now + PAUSE

    def _due(self, timer: Timer) -> None:
        """Hand a timer to its part. The first five clear up even if their tunnel is gone."""
        tunnel = self._station.tunnels.get(timer.tunnel)
        match timer.kind:
            case TimerKind.CHORES:
                self._station.go_on()
            case TimerKind.NAME:
                self._names.due(timer)
            case TimerKind.RETRY:
                self._resolver.due(timer)
            case TimerKind.PURGE:
                self._purger.due(timer)
            case TimerKind.REPLY:
                self._responder.due(timer)
            case _ if tunnel is None:
                pass
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

    def _path_due(self, tunnel: Tunnel, timer: Timer) -> None:
        if not isinstance(timer.subject, IPAddress) or not tunnel.running:
            return
        if path := tunnel.paths.get(timer.subject):
            self._peers.due(tunnel, path)
        elif path := tunnel.server_paths.get(timer.subject):
            self._registration.path_due(tunnel, path)

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

    # -------------------------------------------------------------------------------------------- echoes

    def _heard(self, event: IpReceived) -> None:
        """Take in the answer to one of our echoes, if the packet is one."""
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

    # -------------------------------------------------------------------------------------------- protection

    def _protection_changed(self, event: ProtectionChanged) -> None:
        """Follow a change in the protection of one address."""
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
        """Follow a connection that came, moved or is gone."""
        if event.new is None and event.old is not None:
            self._station.shared.forget_connection(event.old.number)
        for tunnel in self._station.tunnels.values():
            for connection in (event.old, event.new) if tunnel.protected else ():
                if connection is not None:
                    self._follow_connection(tunnel, connection, event.new)
                    if tunnel.cache.over(connection.number):
                        self._station.touch(tunnel, connection.remote)
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
        """Let paths to this address be proved from now on, or rest."""
        for path in self._peers.protection_changed(tunnel, nbma):
            if tunnel.public_nbma is not None:
                self._resolver.greet(tunnel, path.peer)

    def _log_protection(self, tunnel: Tunnel, event: ProtectionChanged) -> None:
        secured = event.state.phase is ProtectionPhase.SECURED
        if event.remote_port:
            return  # the notice is about one peer; another notice is about its address
        if tunnel.nbma is not None and self._station.shared.note_socket(tunnel.name, event.nbma, secured=secured):
            line = messages.SocketChanged.of(tunnel.name, tunnel.nbma, event.nbma, up=secured)
            self._station.log_dmvpn(line, about=f"{tunnel.name} {event.nbma}")

    # -------------------------------------------------------------------------------------------- interfaces, routes

    def _tunnel_changed(self, event: TunnelChanged) -> None:
        tunnel = self._station.tunnels.get(event.name)
        if tunnel is not None:
            before, was_protected = tunnel.identity, tunnel.protected
            tunnel.stand(event.new)
            if tunnel.protected != was_protected:
                self._configuration.protection_configured(tunnel)
            self._configuration.follow(tunnel, before)

    def _interface_changed(self, event: InterfaceChanged) -> None:
        tunnel = self._station.tunnels.get(event.name)
        if tunnel is not None:
            before = tunnel.identity
            was_up = tunnel.interface is not None and tunnel.interface.line
            tunnel.follow(event.new)
            self._configuration.follow(tunnel, before)
            if event.new is not None and event.new.line and not was_up and tunnel.has_server:
                self._station.emit(MulticastReached(tunnel.name))  # with `if-state nhrp` they pass only now

    def _route_changed(self, event: RouteChanged) -> None:
        if event.new is not None and event.new.source is RouteSource.NHRP:
            return
        for tunnel in list(self._station.tunnels.values()):
            self._purger.route_changed(tunnel, event.prefix)
            self._server.route_changed(tunnel, event.prefix)
            entry = tunnel.cache.get(event.prefix)
            if entry is not None and entry.route in (RouteState.INSTALLED, RouteState.OVERRIDE):
                self._reconsider(tunnel, entry)

    def _reconsider(self, tunnel: Tunnel, entry: Entry) -> None:
        """Follow a change of the route that a shortcut overrides."""
        other = self._station.ports.rib.exact(entry.target)
        within = other is None or any(
            self._station.same_network(tunnel, hop.interface) is not None for hop in other.next_hops
        )
        followed = other is not None and self._resolver.follow(tunnel, entry)
        if within or followed:
            self._routes.install(tunnel, entry)
        else:
            self._peers.drop(tunnel, entry)

    # -------------------------------------------------------------------------------------------- orders of people

    def _ordered(self, event: Event | Notice) -> None:
        """Do what somebody orders."""
        station = self._station
        match event:
            case ClearCache(target=target):
                for tunnel in station.tunnels.values():
                    self._clear(tunnel, [e for e in tunnel.cache.entries() if target is None or e.target in target])
            case ClearCounters():
                self._clear_counters(event)
            case ClearStatistics():
                for tunnel in self._chosen(event.interface):
                    tunnel.counters.clear_happenings()
            case ClearSessions():
                self._clear_sessions(event)
            case Withdraw():
                station.leave()
                for tunnel in station.tunnels.values():
                    self._purger.leave(tunnel)
            case _:
                pass

    def _clear(self, tunnel: Tunnel, entries: list[Entry]) -> None:
        self._station.work(self._clearing(tunnel, [(entry, entry.expires) for entry in entries]))

    def _clearing(self, tunnel: Tunnel, entries: list[tuple[Entry, float | None]]) -> Iterator[None]:
        """Forget these entries, unless somebody has renewed them meanwhile."""
        for entry, expires in entries:
            if tunnel.cache.get(entry.target) is entry and entry.expires == expires:
                self._configuration.forget(tunnel, entry, "NHRP: no error")
            yield

    def _clear_counters(self, event: ClearCounters) -> None:
        for tunnel in self._chosen(event.interface):
            if event.server is None:
                tunnel.counters.clear_packets()
            for client in tunnel.clients.values():
                if event.server in (None, client.nhs):
                    client.clear_counters()

    def _clear_sessions(self, event: ClearSessions) -> None:
        for tunnel in self._chosen(event.interface):
            chosen = [
                entry
                for entry in tunnel.cache.entries()
                if event.nbma in (None, entry.nbma) and event.tunnel in (None, entry.next_hop)
            ]
            self._clear(tunnel, chosen)
            static = {entry.next_hop for entry in chosen if entry.type is EntryType.STATIC}
            if event.static:
                self._registration.restart(tunnel, static)
