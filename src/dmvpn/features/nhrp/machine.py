"""The machine: one overlay for each IP version, and the dispatch of events to them.

The overlays are the same code and do not refer to each other. A tunnel may belong to both: then two
networks, with their own identifiers, servers and caches, use one underlay. `Shared` holds the state that the overlays
have in common.

The addresses in an event determine the IP version. An event without such an address goes to both overlays.

An overlay hands each event to the part that it concerns. `reception` takes the packets of NHRP; `dispatch` lists all
other events. A part changes its own state, and its effects leave through the context, in the order in which the parts
emit them. Work on one event that takes two or more parts is here, in the required order: packets to an NBMA address may
leave, or no longer (registrations, replies and paths wait for that); a peer moved or disappeared (the entries that are
bound to its connection follow); a route changed (shortcuts, and prefixes that we gave in replies, follow the routing
table).

The parts share one `Station`, and both overlays share one context. No part knows its caller, and no part checks which
IP version it serves: that is the version of the addresses that it gets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Final

from dmvpn.base import events, notices
from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import PAUSE, Context, Machine, Timer
from dmvpn.base.effects import ClearAdjacency, Effect, SetAdjacency, SetHairpin, SetMulticast
from dmvpn.base.negotiation import ConnectionChanged, ProtectionChanged
from dmvpn.base.notices import (
    AnswersEnd,
    Configured,
    InterfaceChanged,
    MulticastReached,
    NeighborSilent,
    Notice,
    PathLost,
    RouteChanged,
    RouteSource,
    TunnelChanged,
    TunnelState,
)
from dmvpn.base.ports import Ports
from dmvpn.base.protection import ProtectionPhase
from dmvpn.features.nhrp import messages, model
from dmvpn.features.nhrp.admission import Admission
from dmvpn.features.nhrp.cache import Entry, EntryType, NbmaPeer, RouteState
from dmvpn.features.nhrp.configuration import Configuration
from dmvpn.features.nhrp.forwarding import Forwarding, OfferedRoutes
from dmvpn.features.nhrp.history import History
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.path import DirectPath
from dmvpn.features.nhrp.peers import Echoes, Peers
from dmvpn.features.nhrp.purge import Purger
from dmvpn.features.nhrp.reception import Reception
from dmvpn.features.nhrp.registration import Names, Registration
from dmvpn.features.nhrp.renewals import Renewals
from dmvpn.features.nhrp.resolver import Resolver
from dmvpn.features.nhrp.responder import Responder
from dmvpn.features.nhrp.routing import Redirects
from dmvpn.features.nhrp.server import Server
from dmvpn.features.nhrp.shared import REQUEST_IDS, HeardAndSilent, Shared
from dmvpn.features.nhrp.transit import Errors, Transit
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.net.gre import ProtocolType
from dmvpn.net.ipv4 import IpProtocol, Octets


class Overlay:
    """NHRP for one IP version on all tunnels of a router."""

    def __init__(self, context: Context, shared: Shared, version: int) -> None:
        self._context = context
        instance = self._instance = Instance(context, shared, version, self._expired, self._refresh)
        #: The tunnels with NHRP, in the order in which they got it.
        self.tunnels: Mapping[str, Tunnel] = instance.tunnels
        #: Tunnels and peers with lost paths, which are requested again in this event.
        self.lost: dict[tuple[str, Prefix], None] = {}
        #: Completes an event.
        self.settle = instance.settle
        forwarding = self._forwarding = Forwarding(instance)
        self._routes = OfferedRoutes(instance)
        self._echoes = Echoes(instance, self._path_due)
        self._peers = Peers(instance, forwarding, self._routes, self._echoes)
        self._names = Names(instance)
        self._server = Server(instance, forwarding, self._peers)
        self._resolver = Resolver(instance, forwarding, self._peers, self._routes)
        self._purger = Purger(instance, self._peers, self._server)
        self._responder = Responder(instance, self._peers, self._purger)
        self._registration = Registration(instance, forwarding, self._echoes, self._peers, self._purger)
        self._redirects = Redirects(instance)
        errors, renewals = Errors(instance), Renewals(instance)
        #: Takes packets of NHRP.
        self.reception = Reception(
            instance,
            errors,
            registration=self._registration,
            admission=Admission(instance, self._server, renewals),
            resolver=self._resolver,
            responder=self._responder,
            purger=self._purger,
            transit=Transit(instance, errors),
            renewals=renewals,
        )
        self._configuration = Configuration(
            instance,
            forwarding=forwarding,
            peers=self._peers,
            registration=self._registration,
            resolver=self._resolver,
            server=self._server,
            purger=self._purger,
            names=self._names,
        )

    def dispatch(self, event: events.Event | Notice) -> None:
        """Take one event other than a packet of NHRP and a `Tick`."""
        instance = self._instance
        match event:
            # Events of the data plane.
            case events.Unresolved(tunnel=name, next_hop=next_hop):
                if (tunnel := self._running(name)) is not None:
                    self._resolver.unresolved(tunnel, next_hop)
            case events.Hairpin(tunnel=name):
                if (tunnel := self._running(name)) is not None:
                    self._redirects.hairpin(tunnel, event)
            case events.IpReceived():
                self._heard(event)
            case events.EffectFailed():
                self._forwarding.failed(event)
            # Events of other features.
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
                if (tunnel := instance.tunnels.get(name)) is not None:
                    self._registration.neighbor_silent(tunnel, address)
            case AnswersEnd(tunnel=name):
                if (tunnel := instance.tunnels.get(name)) is not None:
                    self._purger.take_answers_back(tunnel)
            # Configuration, and stored state from the host.
            case Configured(model=model.NhrpConfig() as config):
                self._configuration.apply(config)
            case events.NameResolved():
                if self._names.resolved(event):
                    self._configuration.names_changed()
            case events.Remembered(name=name) if name == REQUEST_IDS:
                instance.request_ids.remember(event.octets)
            case events.Resync():
                for tunnel in instance.tunnels.values():
                    self._configuration.restore(tunnel)
            case _:
                self._ordered(event)

    def used(self, name: str, traffic: HeardAndSilent) -> None:
        """Take in which peers of this tunnel were heard since the last poll, and which were silent."""
        if (tunnel := self._running(name)) is not None:
            self._peers.traffic(tunnel, traffic)
            self._registration.traffic(tunnel, traffic)

    def _running(self, name: str) -> Tunnel | None:
        tunnel = self._instance.tunnels.get(name)
        return tunnel if tunnel is not None and tunnel.running else None

    def _chosen(self, interface: str | None) -> list[Tunnel]:
        """Return the tunnel that a command names; all tunnels if it names none."""
        return [tunnel for tunnel in self._instance.tunnels.values() if interface in (None, tunnel.name)]

    # -------------------------------------------------------------------------------------------- timers

    def _expired(self, name: tuple[str, Prefix]) -> None:
        tunnel = self._instance.tunnels.get(name[0])
        entry = tunnel.cache.get(name[1]) if tunnel is not None else None
        if tunnel is None or entry is None or entry.expires is None or entry.expires > self._context.now:
            return
        if entry.is_registered:
            self._server.expired(tunnel, entry)
        elif entry.is_local:
            self._instance.remove_entry(tunnel, entry)  # its requesters have dropped it at the same time
        else:
            self._configuration.remove_entry(tunnel, entry, "NHRP: no error")

    def _refresh(self, name: tuple[str, Prefix]) -> None:
        if (tunnel := self._instance.tunnels.get(name[0])) is not None:
            self._resolver.refresh(tunnel, name[1])

    def _path_due(self, name: str, path: DirectPath) -> None:
        tunnel = self._running(name)
        if tunnel is None:
            return
        if tunnel.paths.get(path.peer) is path:
            if self._peers.due(tunnel, path):
                self.lost[name, Prefix.host(path.peer)] = None
        elif tunnel.server_paths.get(path.peer) is path:
            self._registration.path_due(tunnel, path)

    def ask_for_lost(self) -> None:
        """Request peers whose lost paths are tried again: they may have moved."""
        lost, self.lost = self.lost, {}
        for name in lost:
            self._refresh(name)

    # -------------------------------------------------------------------------------------------- echoes

    def _heard(self, event: events.IpReceived) -> None:
        """Take in the answer to one of our echoes, if the packet is one."""
        came_by = self._instance.tunnels.get(event.interface)
        if came_by is not None:
            self._echoes.asked(came_by, event)
        answered = self._echoes.answered(event)
        if answered is None:
            return
        name, path, sequence = answered
        tunnel = self._instance.tunnels.get(name)
        if tunnel is None:
            return
        if tunnel.paths.get(path.peer) is path:
            self._peers.echo_answered(tunnel, path, sequence)
        elif tunnel.server_paths.get(path.peer) is path:
            self._registration.echo_answered(tunnel, path, sequence)

    # -------------------------------------------------------------------------------------------- protection

    def _protection_changed(self, event: ProtectionChanged) -> None:
        """Follow a change in the protection of one address."""
        tunnel = self._instance.tunnels.get(event.tunnel)
        if tunnel is None:
            return
        secured = event.state.phase is ProtectionPhase.SECURED
        # A notice about one peer, at a port, has no line: another notice is about its address.
        if (
            not event.remote_port
            and tunnel.nbma is not None
            and self._instance.shared.note_socket(tunnel.name, event.nbma, secured=secured)
        ):
            line = messages.socket_changed(tunnel.name, tunnel.nbma, event.nbma, up=secured)
            self._instance.log_dmvpn(line, about=f"{tunnel.name} {event.nbma}")
        if not tunnel.running or not tunnel.protected:
            return
        self._registration.protection_changed(tunnel, event.nbma)
        self._responder.protection_changed(tunnel, event.nbma)
        self._secure_paths(tunnel, event.nbma)

    def _connection_changed(self, event: ConnectionChanged) -> None:
        """Follow a connection that came up, moved or went down."""
        if event.new is None and event.old is not None:
            self._instance.shared.forget_connection(event.old.number)
        for tunnel in self._instance.tunnels.values():
            for connection in (event.old, event.new) if tunnel.protected else ():
                if connection is not None:
                    if event.new is None:
                        self._server.lost(tunnel, connection.number)
                    else:
                        to = NbmaPeer(event.new.remote, event.new.number)
                        self._server.moved(tunnel, to)
                        self._peers.moved(tunnel, to)
                    self._secure_paths(tunnel, connection.remote)
                    if tunnel.cache.over(connection.number):
                        self._instance.touch(tunnel, connection.remote)
            if tunnel.protected and event.returned and event.new is not None:
                self._registration.peer_returned(tunnel, event.new.number)

    def _secure_paths(self, tunnel: Tunnel, nbma: IPAddress) -> None:
        """Prove the paths to this address again, or suspend them."""
        for path in self._peers.protection_changed(tunnel, nbma):
            if tunnel.public_nbma is not None:
                self._resolver.greet(tunnel, path.peer)

    # -------------------------------------------------------------------------------------------- interfaces, routes

    def _tunnel_changed(self, event: TunnelChanged) -> None:
        tunnel = self._instance.tunnels.get(event.name)
        if tunnel is not None:
            before, was_protected = tunnel.identity, tunnel.protected
            tunnel.stand(event.new)
            if tunnel.protected != was_protected:
                self._configuration.protection_configured(tunnel)
            self._configuration.follow(tunnel, before)
            if _front(event.old) != _front(event.new):
                self._configuration.names_changed()

    def _interface_changed(self, event: InterfaceChanged) -> None:
        tunnel = self._instance.tunnels.get(event.name)
        if tunnel is not None:
            before = tunnel.identity
            was_up = tunnel.interface is not None and tunnel.interface.line
            tunnel.follow(event.new)
            self._configuration.follow(tunnel, before)
            if event.new is not None and event.new.line and not was_up and tunnel.has_server:
                self._context.emit(MulticastReached(tunnel.name))  # with `if-state nhrp` they pass only now

    def _route_changed(self, event: RouteChanged) -> None:
        if event.new is not None and event.new.source is RouteSource.NHRP:
            return
        for tunnel in [tunnel for tunnel in self._instance.tunnels.values() if tunnel.config.vrf == event.vrf]:
            self._purger.route_changed(tunnel, event.prefix)
            self._server.route_changed(tunnel, event.prefix)
            entry = tunnel.cache.get(event.prefix)
            if entry is not None and entry.route in (RouteState.INSTALLED, RouteState.OVERRIDE):
                other = self._instance.rib(tunnel).exact(entry.target)
                within = other is None or any(
                    self._instance.same_network(tunnel, hop.interface) is not None for hop in other.next_hops
                )
                followed = other is not None and self._resolver.follow(tunnel, entry)
                if within or followed:
                    self._routes.install(tunnel, entry)
                else:
                    self._peers.drop(tunnel, entry)

    # -------------------------------------------------------------------------------------------- orders of people

    def _ordered(self, event: events.Event | Notice) -> None:
        """Carry out an operator command."""
        instance = self._instance
        match event:
            case model.ClearCache(target=target, vrf=vrf):
                for tunnel in [one for one in instance.tunnels.values() if vrf in (None, one.config.vrf)]:
                    self._clear(tunnel, [e for e in tunnel.cache.entries() if target is None or e.target in target])
            case model.ClearNhrpCounters():
                self._clear_counters(event)
            case model.ClearStatistics():
                for tunnel in self._chosen(event.interface):
                    tunnel.counters.clear_happenings()
            case model.ClearSessions():
                self._clear_sessions(event)
            case model.Withdraw():
                instance.leave()
                for tunnel in instance.tunnels.values():
                    self._purger.leave(tunnel)
            case _:
                pass

    def _clear(self, tunnel: Tunnel, entries: list[Entry]) -> None:
        self._context.work(self._clearing(tunnel, [(entry, entry.expires) for entry in entries]))

    def _clearing(self, tunnel: Tunnel, entries: list[tuple[Entry, float | None]]) -> Iterator[None]:
        """Forget these entries, except entries that were renewed meanwhile."""
        for entry, expires in entries:
            if tunnel.cache.get(entry.target) is entry and entry.expires == expires:
                self._configuration.remove_entry(tunnel, entry, "NHRP: no error")
            yield

    def _clear_counters(self, event: model.ClearNhrpCounters) -> None:
        for tunnel in self._chosen(event.interface):
            if event.server is None:
                tunnel.counters.clear_packets()
            for client in tunnel.clients.values():
                if event.server in (None, client.nhs):
                    client.clear_counters()

    def _clear_sessions(self, event: model.ClearSessions) -> None:
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


def _front(state: TunnelState | None) -> str:
    """Return the VRF in which the names of servers are looked up."""
    return state.front if state is not None else ""


VERSIONS = (4, 6)
_NO_TUNNELS: Final[Mapping[str, Tunnel]] = {}
#: Entries, or adjacencies, that long work processes in one event.
_STEPS: Final = 64
#: ar$pro.type of IPv6, as it is in a packet.
_IPV6 = ProtocolType.IPV6.to_bytes(2, "big")


class NhrpMachine(Machine):
    """NHRP on all tunnels of a router.

    config: the current configuration.
    """

    subscriptions: ClassVar[tuple[type[events.Event] | type[notices.Notice] | events.Packets, ...]] = (
        events.NhrpReceived,
        events.Unresolved,
        events.Hairpin,
        events.Packets(IpProtocol.ICMP),
        events.Packets(IpProtocol.ICMPV6),
        events.UsageReported,
        events.NameResolved,
        notices.InterfaceChanged,
        notices.TunnelChanged,
        notices.AnswersEnd,
        notices.NeighborSilent,
        PathLost,
        ProtectionChanged,
        ConnectionChanged,
        notices.RouteChanged,
        events.EffectFailed,
        events.Remembered,
        events.Resync,
        model.ClearCache,
        model.ClearNhrpCounters,
        model.ClearSessions,
        model.ClearStatistics,
        model.Withdraw,
    )
    budget: ClassVar[int] = 64

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports, steps=_STEPS))
        self.config = model.NhrpConfig()
        self._shared = Shared()
        #: By IP version. That of IPv6 is made for its first tunnel or packet: most routers have neither.
        self._overlays: dict[int, Overlay] = {}
        self._tunnels: dict[int, Mapping[str, Tunnel]] = dict.fromkeys(VERSIONS, _NO_TUNNELS)
        self._make(4)
        self._record = Timer("record further changes of entries", lambda: None)  # each event records more
        #: The chronicle's side of NHRP, if the chronicle is on; made with the first event, where its record begins.
        self.history: History | None = None

    @property
    def tunnels(self) -> tuple[Tunnel, ...]:
        """Return the tunnels with NHRP as they are configured, those of IPv4 first.

        A tunnel with both versions is there twice.
        """
        return (*self.of_version(4), *self.of_version(6))

    def of_version(self, version: int) -> tuple[Tunnel, ...]:
        """Return the tunnels with NHRP for this IP version. For shows, which change nothing."""
        return tuple(self._tunnels[version].values())

    def handle(self, event: events.Event | notices.Notice, now: float) -> list[Effect | notices.Notice]:
        """Handle one event. The chronicle's lines follow everything that the event caused."""
        results = super().handle(event, now)
        if self._context.ports.remembers:
            history = self.history = self.history or History(VERSIONS, now)
            was_behind = history.is_behind
            results += history.follow(event, self._tunnels, now)
            if was_behind or history.is_behind:
                self._context.arm(self._record, now + PAUSE if history.is_behind else None)
        return results

    def dispatch(self, event: events.Event | notices.Notice) -> None:
        """Hand an event to the overlays that it concerns."""
        match event:
            case events.NhrpReceived(data=data):  # first of all, because a hub gets thousands
                version = peek_version(data)
                if version not in self._overlays:
                    self._make(version).dispatch(self._own(version))
                self._overlays[version].reception.receive(event)
            case events.UsageReported():  # counters, taken in once for both versions
                traffic = self._shared.take_in(event, self._context.now)
                for overlay in self._overlays.values():
                    overlay.used(event.tunnel, traffic)
            case notices.Configured(model=model.NhrpConfig() as config):
                self._configure(config)
            case _:
                concerned = _version(event)
                for version, overlay in self._overlays.items():
                    if concerned in (None, version):
                        overlay.dispatch(event)

    def settle(self) -> None:
        """Complete an event: request peers that may have moved, and report the wanted connections to IPsec."""
        for overlay in self._overlays.values():
            if overlay.lost:
                overlay.ask_for_lost()
            overlay.settle()

    def _make(self, version: int) -> Overlay:
        overlay = self._overlays[version] = Overlay(self._context, self._shared, version)
        self._tunnels[version] = overlay.tunnels
        return overlay

    def _configure(self, config: model.NhrpConfig) -> None:
        self.config = config
        self.unneeded = () if config.tunnels else (notices.RouteChanged,)
        for version in VERSIONS:
            if version not in self._overlays and any(tunnel.version == version for tunnel in config.tunnels):
                self._make(version)
        for version, overlay in self._overlays.items():
            overlay.dispatch(self._own(version))
        self._shared.keep({tunnel.name for tunnel in self.tunnels})

    def _own(self, version: int) -> notices.Configured:
        """Return the configuration of the tunnels of one version."""
        tunnels = tuple(tunnel for tunnel in self.config.tunnels if tunnel.version == version)
        return notices.Configured("nhrp", replace(self.config, tunnels=tunnels))


def peek_version(data: Octets) -> int:
    """Return the IP version of the network that a packet belongs to, from ar$pro.type; 4 if the packet is too short for
    it.
    """
    return 6 if data[2:4] == _IPV6 else 4


def _version(event: events.Event | notices.Notice) -> int | None:
    """Return the IP version that an event concerns; None if it concerns both."""
    match event:
        case (
            events.IpReceived(source=address)
            | events.Unresolved(next_hop=address)
            | notices.NeighborSilent(address=address)
            | PathLost(address=address)
        ):
            return address.version
        case events.Hairpin(packet=packet):
            return 6 if packet[:1] and packet[0] >> 4 == 6 else 4
        case notices.RouteChanged(prefix=prefix):
            return prefix.version
        case events.EffectFailed(effect=SetAdjacency(next_hop=next_hop) | ClearAdjacency(next_hop=next_hop)):
            return next_hop.version
        case events.EffectFailed(effect=SetMulticast(version=version) | SetHairpin(version=version)):
            return version
        case events.EffectFailed():
            return 4
        case model.ClearCache(version=version) | model.ClearNhrpCounters(version=version):
            return version
        case _:
            return None
