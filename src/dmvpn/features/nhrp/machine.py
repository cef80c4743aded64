"""The machine: hands events to the parts of NHRP, and timers to those who set them.

    Configured, TunnelChanged, InterfaceChanged   configuration.py
    NhrpReceived                                  reception.py, from there to server, responder, resolver ...
    Unresolved                                    resolver.py
    Hairpin                                       redirect.py
    IpReceived, UsageReported                     peers.py, registration.py (who is alive?)
    RouteChanged                                  here: shortcuts and given prefixes follow the routing table
    ClearCache, ClearSessions ...                 here
    Tick                                          timers, by kind

All parts share one `Station`; none knows the one who calls it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import (
    ClearAdjacency,
    Effect,
    PollUsage,
    SetAdjacency,
    SetHairpin,
    SetMulticast,
)
from dmvpn.base.events import (
    EffectFailed,
    Event,
    Hairpin,
    IpReceived,
    NameResolved,
    NhrpReceived,
    Resync,
    Tick,
    Unresolved,
    UsageReported,
)
from dmvpn.base.notices import (
    Configured,
    InterfaceChanged,
    Notice,
    RouteChanged,
    RouteSource,
    TunnelChanged,
)
from dmvpn.base.reasons import Reason
from dmvpn.base.retries import Retries
from dmvpn.features.nhrp.cache import Entry, EntryType, RouteState
from dmvpn.features.nhrp.configuration import Configuration
from dmvpn.features.nhrp.counters import Counters
from dmvpn.features.nhrp.echoes import Echoes
from dmvpn.features.nhrp.errors import Errors
from dmvpn.features.nhrp.events import ClearCache, ClearCounters, ClearSessions, Withdraw
from dmvpn.features.nhrp.model import NhrpConfig
from dmvpn.features.nhrp.names import Names
from dmvpn.features.nhrp.peers import Peers
from dmvpn.features.nhrp.purge import Purger
from dmvpn.features.nhrp.reception import Reception
from dmvpn.features.nhrp.redirect import Redirects
from dmvpn.features.nhrp.registration import Registration
from dmvpn.features.nhrp.resolver import Resolver
from dmvpn.features.nhrp.responder import Responder
from dmvpn.features.nhrp.routes import Routes
from dmvpn.features.nhrp.server import Server
from dmvpn.features.nhrp.station import Station, Timer, TimerKind
from dmvpn.features.nhrp.transit import Transit
from dmvpn.features.nhrp.usage import take_in
from dmvpn.features.nhrp.ways import Here, find_way

if TYPE_CHECKING:
    from dmvpn.base.ports import Ports
    from dmvpn.features.nhrp.tunnel import Tunnel


class NhrpMachine:
    """NHRP on all tunnels of a router."""

    subscriptions: tuple[type[Event] | type[Notice], ...] = (
        NhrpReceived,
        Unresolved,
        Hairpin,
        IpReceived,
        UsageReported,
        NameResolved,
        InterfaceChanged,
        TunnelChanged,
        RouteChanged,
        EffectFailed,
        Resync,
        ClearCache,
        ClearCounters,
        ClearSessions,
        Withdraw,
    )

    def __init__(self, ports: Ports) -> None:
        station = self._station = Station(ports)
        self._retries: Retries[Effect] = Retries()
        self._routes = Routes(station)
        self._echoes = Echoes(station)
        self._peers = Peers(station, self._routes, self._echoes)
        self._names = Names(station)
        self._registration = Registration(station, self._echoes)
        self._server = Server(station, self._peers)
        self._resolver = Resolver(station, self._peers, self._routes)
        responder = Responder(station, self._peers)
        self._purger = Purger(station, self._peers, self._server)
        self._redirects = Redirects(station)
        errors = Errors(station)
        self._reception = Reception(
            station,
            errors,
            registration=self._registration,
            server=self._server,
            resolver=self._resolver,
            responder=responder,
            purger=self._purger,
            transit=Transit(station, errors),
        )
        self._configuration = Configuration(
            station,
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

    @property
    def config(self) -> NhrpConfig:
        """What is configured."""
        return self._station.config

    def next_deadline(self) -> float | None:
        """When the next timer is due."""
        deadlines = [when for when in (self._station.deadlines.next(), self._retries.next()) if when is not None]
        return min(deadlines, default=None)

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        self._station.begin(now)
        match event:
            case NhrpReceived():
                self._reception.receive(event)
            case Tick():
                self._tick()
            case Unresolved() | Hairpin() | UsageReported():
                self._from_plane(event)
            case IpReceived():
                self._heard(event)
            case RouteChanged():
                self._route_changed(event)
            case Configured(model=NhrpConfig() as config):
                self._configuration.apply(config)
            case TunnelChanged():
                self._tunnel_changed(event)
            case InterfaceChanged():
                self._interface_changed(event)
            case EffectFailed():
                self._effect_failed(event)
            case NameResolved():
                if self._names.resolved(event):
                    self._configuration.names_changed()
            case Resync():
                for tunnel in self._station.tunnels.values():
                    self._configuration.restore(tunnel)
            case _:
                self._ordered(event)
        return self._station.end()

    # -------------------------------------------------------------------------------------------- the data plane

    def _from_plane(self, event: Unresolved | Hairpin | UsageReported) -> None:
        tunnel = self._station.tunnels.get(event.tunnel)
        if tunnel is None or not tunnel.running:
            return
        match event:
            case Unresolved():
                self._resolver.unresolved(tunnel, event.next_hop)
            case Hairpin():
                self._redirects.hairpin(tunnel, event)
            case UsageReported():
                traffic = take_in(tunnel, event, self._station.now)
                self._peers.traffic(tunnel, traffic)
                self._registration.traffic(tunnel, traffic)

    def _heard(self, event: IpReceived) -> None:
        """Perhaps the answer to an echo of ours."""
        answered = self._echoes.answered(event)
        if answered is None:
            return
        name, path = answered
        tunnel = self._station.tunnels.get(name)
        if tunnel is None:
            return
        if tunnel.paths.get(path.peer) is path:
            self._peers.echo_answered(tunnel, path)
        elif tunnel.server_paths.get(path.peer) is path:
            self._registration.echo_answered(tunnel, path)

    def _path_due(self, tunnel: Tunnel, timer: Timer) -> None:
        if not isinstance(timer.subject, IPAddress) or not tunnel.running:
            return
        if path := tunnel.paths.get(timer.subject):
            self._peers.due(tunnel, path)
        elif path := tunnel.server_paths.get(timer.subject):
            self._registration.path_due(tunnel, path)

    def _effect_failed(self, event: EffectFailed) -> None:
        """An order about adjacencies failed: it is given again later, if it still holds then."""
        if isinstance(event.effect, SetAdjacency | ClearAdjacency | SetMulticast | SetHairpin):
            reason = Reason("the data plane refused an order", event.text, since=self._station.now)
            self._retries.failed(event.effect, reason, self._station.now)

    def _retry(self, effect: Effect) -> None:
        match effect:
            case SetAdjacency(name, next_hop, nbma):
                tunnel = self._station.tunnels.get(name)
                wanted = tunnel is not None and tunnel.running and tunnel.adjacencies.get(next_hop) == nbma
            case ClearAdjacency(name, next_hop):
                tunnel = self._station.tunnels.get(name)
                wanted = tunnel is not None and tunnel.running and next_hop not in tunnel.adjacencies
            case SetMulticast(name, nbmas):
                tunnel = self._station.tunnels.get(name)
                wanted = tunnel is not None and tunnel.running and tunnel.multicast == nbmas
            case SetHairpin(name):
                tunnel = self._station.tunnels.get(name)
                wanted = tunnel is not None and tunnel.running and tunnel.network_id == effect.network
            case _:
                wanted = False
        if wanted:
            self._station.emit(effect)
        else:
            self._retries.forget(effect)

    # -------------------------------------------------------------------------------------------- interfaces, routes

    def _tunnel_changed(self, event: TunnelChanged) -> None:
        tunnel = self._station.tunnels.get(event.name)
        if tunnel is not None:
            before = (tunnel.running, tunnel.nbma, tunnel.address)
            tunnel.state = event.new
            self._follow(tunnel, before)

    def _interface_changed(self, event: InterfaceChanged) -> None:
        tunnel = self._station.tunnels.get(event.name)
        if tunnel is not None:
            before = (tunnel.running, tunnel.nbma, tunnel.address)
            tunnel.interface = event.new
            self._follow(tunnel, before)

    def _follow(self, tunnel: Tunnel, before: tuple[bool, object, object]) -> None:
        """The tunnel's state changed: start, stop or begin anew."""
        was_running = before[0]
        if tunnel.running and not was_running:
            self._configuration.came_up(tunnel)
        elif was_running and not tunnel.running:
            self._configuration.went_down(tunnel)
        elif tunnel.running and before != (True, tunnel.nbma, tunnel.address):
            self._configuration.moved(tunnel)

    def _route_changed(self, event: RouteChanged) -> None:
        if event.new is not None and event.new.source is RouteSource.NHRP:
            return
        for tunnel in list(self._station.tunnels.values()):
            entry = tunnel.cache.get(event.prefix)
            if entry is None:
                continue
            if entry.is_local:
                if find_way(self._station, tunnel, event.prefix.address) != Here(entry.target):
                    self._purger.local_lost(tunnel, entry)
            elif entry.route in (RouteState.INSTALLED, RouteState.OVERRIDE):
                self._reconsider(tunnel, entry)

    def _reconsider(self, tunnel: Tunnel, entry: Entry) -> None:
        """The route that a shortcut overrides came, went or changed."""
        other = self._station.ports.rib.exact(entry.target)
        within = other is None or any(
            self._station.same_network(tunnel, hop.interface) is not None for hop in other.next_hops
        )
        if within:
            self._routes.install(tunnel, entry)
        else:
            self._peers.drop(tunnel, entry)

    # -------------------------------------------------------------------------------------------- timers

    def _tick(self) -> None:
        for effect in self._retries.pop_due(self._station.now):
            self._retry(effect)
        for timer in self._station.deadlines.pop_due(self._station.now):
            self._due(timer)

    def _due(self, timer: Timer) -> None:
        if timer.kind is TimerKind.NAME:
            self._names.due(timer)
        tunnel = self._station.tunnels.get(timer.tunnel)
        if tunnel is None:
            return
        match timer.kind:
            case TimerKind.REGISTER:
                self._registration.due(timer)
                self._configuration.doubt_names(tunnel)
                self._peers.server_changed(tunnel)
            case TimerKind.EXPIRY:
                self._expired(tunnel, timer)
            case TimerKind.REFRESH:
                self._resolver.refresh(timer)
            case TimerKind.RETRY:
                self._resolver.due(timer)
            case TimerKind.PURGE:
                self._purger.due(timer)
            case TimerKind.PROBE:
                self._path_due(tunnel, timer)
            case TimerKind.MULTICAST:
                self._station.update_multicast(tunnel)
            case TimerKind.POLL:
                if tunnel.running:
                    self._station.emit(PollUsage(tunnel.name))
                    self._station.watch_traffic(tunnel)

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
            case ClearCache(target):
                for tunnel in self._station.tunnels.values():
                    self._clear(tunnel, [e for e in tunnel.cache.entries() if target is None or e.target in target])
            case ClearCounters():
                for tunnel in self._station.tunnels.values():
                    tunnel.counters = Counters()
            case ClearSessions():
                self._clear_sessions(event)
            case Withdraw():
                for tunnel in self._station.tunnels.values():
                    for client in tunnel.clients.values():
                        if client.is_responding and client.nbma is not None:
                            self._purger.withdraw(tunnel, client.nhs, client.nbma)
            case _:
                pass

    def _clear(self, tunnel: Tunnel, entries: list[Entry]) -> None:
        for entry in entries:
            if tunnel.cache.get(entry.target) is entry:
                self._configuration.forget(tunnel, entry, "NHRP: no error")

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
