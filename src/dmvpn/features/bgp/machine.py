"""BGP-4, the process: RFC 4271 with the timers and habits of IOS.

    StreamData ──> Session ──> Update ──> AdjRibIn ──────────────> learning ──┐
    RouteChanged ──> own paths, aggregates, next hops ─────────────────────────┴──> LocRib.choose ──┬──> RouteOffered
                                                                                                    └──> advertiser
    advertiser ──> update groups ──> StreamSend

The machine hands events to these parts and passes results from one part to the next. Work that may take long is done in
slices, so that other events are handled in between.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from dmvpn.base import notices, streams
from dmvpn.base.context import Context, Machine, Timer
from dmvpn.base.events import EffectFailed, Event, Packets, Resync
from dmvpn.base.exports import PathsImported
from dmvpn.base.notices import PathLost
from dmvpn.features.bgp.advertiser import SETTLING, Advertiser
from dmvpn.features.bgp.events import ClearBgp, ClearDampening, Softness
from dmvpn.features.bgp.input import AdjRibIn, Flaps, Learning, Limits, Restarts
from dmvpn.features.bgp.lifecycle import Lifecycle, Neighbors, Reception, lost_by
from dmvpn.features.bgp.model import BgpConfig
from dmvpn.features.bgp.neighbor import Connector, State, path_lost, watch
from dmvpn.features.bgp.origination import Imports
from dmvpn.features.bgp.packet import Cease, RouteRefresh, named
from dmvpn.features.bgp.routes import Exports, Routes
from dmvpn.features.bgp.settings import (
    are_guests_alike,
    changed_peers,
    configured_peers,
    groups_of,
    guest,
    inward_lines,
    longest_hold_time,
    session_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.groups import UpdateGroup
    from dmvpn.features.bgp.input import Key
    from dmvpn.features.bgp.neighbor import Peer
    from dmvpn.features.bgp.paths import Path
    from dmvpn.features.bgp.settings import PeerSettings

#: Seconds until changed lists and maps apply to advertisements, as on IOS: time to undo a mistake.
POLICY_DELAY: Final = 60.0
#: Neighbors that long work processes in one event.
_STEPS: Final = 32
#: Cost of a slice of work on many routes or neighbors, from the budget for one event.
_SLICE_COST: Final = 16
#: Prefixes processed in an event in which the routing table reports one of our own routes; more wait for their own
#: slice.
ECHO: Final = 16


def _nothing() -> None:
    """Do nothing: the machine processes a slice of routes at the end of this event, as of each event."""


class BgpMachine(Machine):
    """The BGP process; there is at most one."""

    subscriptions: ClassVar[tuple[type[Event] | type[notices.Notice] | Packets, ...]] = (
        streams.StreamUp,
        streams.StreamData,
        streams.StreamWritable,
        streams.StreamBlocked,
        streams.StreamDown,
        notices.RouteChanged,
        notices.InterfaceChanged,
        notices.AccessListsChanged,
        notices.MulticastReached,
        PathLost,
        PathsImported,
        EffectFailed,
        Resync,
        ClearBgp,
        ClearDampening,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports, steps=_STEPS, cost=_SLICE_COST))
        state = self._state = State(self._context)
        damped: dict[Key, None] = {}
        self._adj_rib_in = AdjRibIn(self._context.emit)
        self._learning = Learning(ports, damped)
        self._imports = Imports(ports)
        self.routes = Routes(ports, self._learning, self._imports)
        self.exports = Exports(state, self.routes)
        self._advertiser = Advertiser(state, self.routes)
        self.flaps = Flaps(state, self._learning, damped)
        self.restarts = Restarts(state, self._adj_rib_in, self._learning)
        self._limits = Limits(state, self._adj_rib_in, self.restarts)
        self._connector = Connector(state)
        self._lifecycle = Lifecycle(state, self._connector, self.restarts, self._advertiser)
        self._neighbors = Neighbors(state, self._connector, self._lifecycle, self.restarts, self._learning)
        self._reception = Reception(
            *(state, self._lifecycle, self._adj_rib_in, self._limits, self.flaps),
            *(self.restarts, self._learning, self._advertiser),
        )
        self._hops = Timer("look at next hops", self._look_at_next_hops, cost=_SLICE_COST)
        self._policies = Timer("apply changed policies", self._advertiser.policies_changed, cost=_SLICE_COST)
        self._slice = Timer("look at the next slice of changed routes", _nothing)
        self._is_echo = False  # the current event is a RouteChanged

    # ---------------------------------------------------------------------------------------------------- machine

    def begin(self) -> None:
        """Begin an event, which is no RouteChanged unless `dispatch` says so."""
        self._is_echo = False

    def dispatch(self, event: Event | notices.Notice) -> None:
        """Pass an event to the parts that handle it."""
        if type(event) is notices.RouteChanged:  # first of all: each route of ours comes back
            if self.config.local_as:
                self._is_echo = True
                self._route_changed(event)
            return
        match event:
            case notices.Configured(model=model):
                self._configure(model if isinstance(model, BgpConfig) else BgpConfig())
            case _ if not self.config.local_as:
                return
            case streams.StreamUp():
                self._neighbors.connected(event)
            case (
                streams.StreamData(stream=stream)
                | streams.StreamWritable(stream=stream)
                | streams.StreamBlocked(stream=stream)
            ):
                self._streamed(stream, event)
            case streams.StreamDown(stream=stream):
                self._streamed(stream, event)
            case notices.InterfaceChanged():
                self._neighbors.interface_changed(event)
                self._context.work(self._regrouping(list(self.peers)))
            case notices.AccessListsChanged():
                self._policies_changed()
            case notices.MulticastReached(tunnel=tunnel):
                self._neighbors.reached(tunnel)
            case PathsImported():
                self._imports.receive(event)
            case PathLost():
                path_lost(event, self.peers.values())
            case EffectFailed(effect=streams.StreamListen()):
                self._neighbors.cannot_listen(event.text)
            case Resync():
                self._neighbors.listen_again()
            case ClearBgp():
                self._context.work(self._clear(event, list(self.peers)))
            case ClearDampening():
                self.flaps.clear_flaps(event.prefix)

    def _streamed(
        self,
        stream: int,
        event: streams.StreamData | streams.StreamWritable | streams.StreamBlocked | streams.StreamDown,
    ) -> None:
        """Handle an event of a connection, if it is one of ours."""
        if stream not in self._state.by_stream:
            return
        peer, session = self._state.by_stream[stream]
        match event:
            case streams.StreamData(octets=octets):
                self._reception.receive(peer, session, octets)
            case streams.StreamWritable():
                session.writable()
                self._advertiser.writable(peer)
            case streams.StreamBlocked():
                session.blocked()
            case streams.StreamDown():
                session.end(lost_by(session, event))

    def settle(self) -> None:
        """Bury ended sessions, process a slice of the changed routes, and act on the results.

        The routing table reports a route that we offered within the same event of the router.
        """
        self._lifecycle.bury_all()
        if self._is_echo and self.routes.backlog > ECHO:
            self._work_on()
            return
        if not self.routes.backlog:
            return
        changed, results, learned = self.routes.settle(self._context.now)
        self._context.emit(*results)
        if changed:
            self._advertiser.changed(changed)
            self.exports.changed(changed)
        for peer in learned:
            self._limits.check(peer)
        self._lifecycle.bury_all()
        if self.routes.backlog:
            self._work_on()

    def _work_on(self) -> None:
        """Schedule the next slice; the routing table, which reports many routes at a time, does not put it off."""
        self._context.arm(self._slice, self._context.now)

    @property
    def config(self) -> BgpConfig:
        """The configuration."""
        return self._state.config

    @property
    def vrf(self) -> str:
        """The VRF of this process, "": the global table."""
        return self._context.ports.vrf

    @property
    def router_id(self) -> IPv4Address | None:
        """The router ID; None: no address can serve as one so far."""
        return self._state.router_id

    @property
    def peers(self) -> Mapping[IPv4Address, Peer]:
        """The neighbors by address."""
        return self._state.peers

    def is_stale(self, prefix: Prefix, path: Path) -> bool:
        """Return whether a path is kept only because the neighbor that sent it is restarting."""
        peer = self.peers.get(path.peer)
        is_stale = peer is not None and named(prefix, path.number) in peer.stale
        return is_stale and peer is not None and self.restarts.deadline(peer) is not None

    @property
    def groups(self) -> list[UpdateGroup]:
        """The update groups, by number."""
        return sorted(self._advertiser.groups.values(), key=lambda group: group.number)

    @property
    def longest_hold_time(self) -> int:
        """The longest configured hold time, seconds; 0: no session is configured."""
        return longest_hold_time(self.config)

    # ---------------------------------------------------------------------------------------------- configuration

    def _configure(self, config: BgpConfig) -> None:
        state, neighbors = self._state, self._neighbors
        old, state.config = state.config, config
        if old.local_as and replace(old, network_lists=config.network_lists, neighbors=config.neighbors) == config:
            changed = changed_peers(old, config)
            if changed is not None:
                self._configure_some_peers(changed)
                neighbors.listen()
                self.routes.configure(config, state.router_id)
                return
        wanted = configured_peers(config) if config.local_as else {}
        neighbors.configure_callers(wanted)
        if old.local_as and old.local_as != config.local_as:
            self._stop()
        if not config.local_as:
            neighbors.listen()
            return
        before = state.router_id
        state.choose_router_id(again=old.router_id is not None or bool(old.router_id_of))
        if before not in (None, state.router_id):
            self._context.work(self._renaming(list(self.peers)))
        if old.dampening != config.dampening:
            self.flaps.clear_flaps()
        self._context.work(self._obeying((*self.peers, *wanted), config, wanted, alike=are_guests_alike(old, config)))
        neighbors.listen()
        self.routes.configure(config, state.router_id)
        self._imports.configure(config.vpn)
        self.exports.configure(config.vpn)
        if old.local_preference != config.local_preference:
            self._advertiser.preference_changed()
            for peer in self.peers.values():
                self._learning.add(peer, peer.received)

    def _stop(self) -> None:
        """Stop the process because its AS number changed or it was removed: withdraw its routes and end all
        sessions.
        """
        for peer in list(self.peers.values()):
            self._neighbors.remove(peer)
        self.flaps.clear_flaps()
        self.exports.stop()
        self._context.emit(*self.routes.stop())
        self._advertiser.begin_again()
        self._state.forget_router_id()
        if not self.config.local_as:
            self._context.drop_work()
            self._neighbors.stop()
            for timer in (self._hops, self._policies, self._slice):
                self._context.stop(timer)

    def _configure_some_peers(self, changed: dict[IPv4Address, PeerSettings | None]) -> None:
        """Apply the changed lines of a few peers without visiting the unchanged ones, of which there may be
        thousands.
        """
        self._neighbors.configure_some_callers(changed)
        for address, settings in changed.items():
            peer = self.peers.get(address)
            if peer is not None and (settings is not None or not peer.dynamic):
                self._obey(peer, None if peer.dynamic else settings)
        for address, settings in changed.items():
            if settings is not None and address not in self.peers:
                self._neighbors.add(settings)

    def _obey(self, peer: Peer, settings: PeerSettings | None) -> None:
        if settings is None:
            self._neighbors.remove(peer)
        elif settings != peer.settings:
            self._change(peer, settings)
        else:
            self._advertiser.regroup(peer)

    def _regrouping(self, addresses: list[IPv4Address]) -> Iterator[None]:
        """Move these neighbors to the update groups that match after an interface changed."""
        for address in addresses:
            if address in self.peers:
                self._advertiser.regroup(self.peers[address])
            yield

    def _renaming(self, addresses: list[IPv4Address]) -> Iterator[None]:
        """End the sessions that use the old router ID."""
        for address in addresses:
            if address in self.peers:
                self._lifecycle.reset(self.peers[address], Cease.CONFIGURATION_CHANGE, "Router ID changed")
            yield

    def _obeying(
        self,
        addresses: Iterable[IPv4Address],
        config: BgpConfig,
        wanted: dict[IPv4Address, PeerSettings],
        *,
        alike: bool,
    ) -> Iterator[None]:
        """Apply the configuration to these neighbors; it may change again meanwhile.

        alike: nothing changed for dynamic neighbors. wanted: the settings of all configured neighbors.
        """
        groups = groups_of(config)
        for address in dict.fromkeys(addresses):
            if self._state.config is not config:
                config, alike = self._state.config, False
                wanted, groups = configured_peers(config) if config.local_as else {}, groups_of(config)
            peer, settings = self.peers.get(address), wanted.get(address)
            if peer is not None and peer.dynamic and alike and settings is None:
                self._advertiser.regroup(peer)
            elif peer is not None and peer.dynamic:
                self._obey(
                    peer,
                    None if settings is not None else guest(config, address, groups, remote_as=peer.settings.remote_as),
                )
            elif peer is not None:
                self._obey(peer, settings)
            if settings is not None and address not in self.peers:
                self._neighbors.add(settings)
            yield

    def _change(self, peer: Peer, settings: PeerSettings) -> None:
        """Apply new settings: those of the session end it, those of routes only change which are advertised and
        accepted.
        """
        old = peer.obey(settings)
        leaves = settings.is_leaving and peer.session is not None
        if leaves and settings.lines.shutdown_delay != old.lines.shutdown_delay:
            self._context.start(peer.timers.leave, settings.lines.shutdown_delay)
        if settings.lines.shutdown and not leaves:
            self._end(peer, Cease.SHUTDOWN, "Admin. shutdown")
        elif session_lines(old) != session_lines(settings):
            self._end(peer, Cease.CONFIGURATION_CHANGE, "Config change")
        else:
            if old.lines.password != settings.lines.password:
                self._neighbors.sign(peer)
            self._advertiser.regroup(peer)
            if inward_lines(old) != inward_lines(settings):
                self._ask_again(peer)
        if old.lines.bfd != settings.lines.bfd and peer.session is not None:
            self._context.emit(*watch(self._state.ports, peer, peer.session, wanted=settings.lines.bfd))
        if self.peers.get(peer.address) is not peer:
            return  # a dynamic neighbor whose session ended
        peer.be_called_often()
        self._connector.connect_soon(peer, at_once=True)

    def _end(self, peer: Peer, subcode: Cease, reason: str) -> None:
        """End the sessions with a peer by the operator's decision: its routes are not kept for a restart either."""
        self._lifecycle.reset(peer, subcode, reason)
        self.restarts.give_up(peer)
        self._state.forget_guest(peer)

    # ----------------------------------------------------------------------------------------------------- others

    def _route_changed(self, event: notices.RouteChanged) -> None:
        old, new = event.old, event.new
        is_ours = (old is None or old.source is notices.RouteSource.BGP) and (
            new is None or new.source is notices.RouteSource.BGP
        )
        if not is_ours or event.prefix in self.routes.table.own:
            self.routes.route_changed(event.prefix, self._context.now)
        self.exports.changed((event.prefix,))
        self._advertiser.default_may_change()
        if (not is_ours or self.routes.may_resolve(event.prefix)) and not self._context.is_running(self._hops):
            self._context.start(self._hops, SETTLING)

    def _look_at_next_hops(self) -> None:
        """Evaluate next hops and the routes to neighbors again because the routing table changed."""
        self.routes.look_again()
        self._context.work(self._neighbors.checking_ways())

    def _policies_changed(self) -> None:
        """Apply changed lists and maps: to our own routes at once, to advertisements after a delay, to received routes
        only on `clear ip bgp ... in`.
        """
        self.routes.policies_changed()
        self._imports.look_again()
        self.exports.look_again()
        if self._advertiser.is_filtered:
            self._context.start(self._policies, POLICY_DELAY)

    def _clear(self, event: ClearBgp, addresses: list[IPv4Address]) -> Iterator[None]:
        """Clear the sessions with these neighbors to which the command applies."""
        selected: dict[int, None] = {}
        for address in addresses:
            peer = self.peers.get(address)
            if peer is None or not event.is_about(peer):
                continue
            if event.softness is Softness.HARD:
                peer.bar()
                self._end(peer, Cease.RESET, "User reset")
                peer.be_called_often()
                if peer.address in self.peers and not peer.dynamic:
                    self._connector.connect_soon(peer, at_once=not peer.settings.lines.shutdown)
            else:
                if event.softness is not Softness.SOFT_OUT:
                    self._ask_again(peer)
                if event.softness is not Softness.SOFT_IN:
                    self._advertiser.select_again(peer, selected)
            yield

    def _ask_again(self, peer: Peer) -> None:
        """Filter the routes of a peer again, and request a route refresh from it."""
        session = peer.session
        if session is None:
            return
        self._context.start(peer.timers.select, SETTLING)  # lists configured with them are known by then
        if session.refreshes:
            session.send(RouteRefresh())
