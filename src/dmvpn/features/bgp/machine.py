"""BGP-4, the process: RFC 4271 with the timers and habits of IOS.

    StreamData ──> Session ──> Update ──> AdjRibIn ──────────────> learning ──┐
    RouteChanged ──> own paths, aggregates, next hops ─────────────────────────┴──> LocRib.choose ──┬──> RouteOffered
                                                                                                    └──> advertiser
    advertiser ──> update groups ──> StreamSend

The machine hands events to these parts and passes results from one part to the next. Work that may take long is done in
slices, so that other events are handled in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from typing import ClassVar, Final

from dmvpn.base import notices, streams
from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import Context, Machine, Timer
from dmvpn.base.events import EffectFailed, Event, Packets, Resync
from dmvpn.base.exports import PathsImported
from dmvpn.base.notices import PathLost
from dmvpn.base.ports import Ports
from dmvpn.features.bgp.advertiser import SETTLING
from dmvpn.features.bgp.events import ClearBgp, ClearDampening, Softness
from dmvpn.features.bgp.families import FAMILIES
from dmvpn.features.bgp.lifecycle import Lifecycle, Neighbors, Reception, lost_by
from dmvpn.features.bgp.model import IPV4_KEY, BgpConfig
from dmvpn.features.bgp.neighbor import Connector, Neighbor, Peer, State, path_lost, watch
from dmvpn.features.bgp.packet import Cease
from dmvpn.features.bgp.settings import (
    PeerSettings,
    are_guests_alike,
    changed_peers,
    configured_peers,
    groups_of,
    guest,
    inward_lines,
    longest_hold_time,
    session_lines,
)
from dmvpn.features.bgp.tables import Table

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
    crowds: ClassVar[tuple[type[notices.Notice], ...]] = (notices.RouteChanged,)

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports, steps=_STEPS, cost=_SLICE_COST))
        state = self._state = State(self._context)
        self._connector = Connector(state)
        #: The families by key; IPv4 unicast, which has fields of its own in messages, is always there.
        self.tables: dict[bytes, Table] = {}
        self.ipv4 = self._add(IPV4_KEY)
        self._lifecycle = Lifecycle(state, self._connector, self.tables)
        self._neighbors = Neighbors(state, self._connector, self._lifecycle, self.tables)
        self._reception = Reception(state, self._lifecycle, self.tables)
        self._hops = Timer("look at next hops", self._look_at_next_hops, cost=_SLICE_COST)
        self._policies = Timer("apply changed policies", self._advertise_again, cost=_SLICE_COST)
        self._slice = Timer("look at the next slice of changed routes", _nothing)
        #: Prefixes whose routes changed in the current event; whether BGP makes, and made, the route.
        self._echoes: list[tuple[Prefix, bool]] = []

    def _add(self, key: bytes) -> Table:
        """Add a family."""
        table = self.tables[key] = Table(self._state, FAMILIES[key])
        self._each = tuple(self.tables.values())
        return table

    # ---------------------------------------------------------------------------------------------------- machine

    def begin(self) -> None:
        """Begin an event, which is no RouteChanged unless `dispatch` says so."""
        self._echoes.clear()

    def dispatch(self, event: Event | notices.Notice) -> None:
        """Pass an event to the parts that handle it."""
        if type(event) is notices.RouteChanged:  # first of all: each route of ours comes back
            if self._state.config.local_as:
                old, new = event.old, event.new
                is_ours = (old is None or old.source is notices.RouteSource.BGP) and (
                    new is None or new.source is notices.RouteSource.BGP
                )
                self._echoes.append((event.prefix, is_ours))
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
                self._context.work(self._regrouping(list(self.neighbors)))
            case notices.AccessListsChanged():
                # Apply changed lists and maps: to our own routes at once, to advertisements after a delay, to received
                # routes only on `clear ip bgp ... in`.
                for table in self._each:
                    table.look_again()
                if any(table.advertiser.is_filtered for table in self._each):
                    self._context.start(self._policies, POLICY_DELAY)
            case notices.MulticastReached(tunnel=tunnel):
                self._neighbors.reached(tunnel)
            case PathsImported():
                self.ipv4.imports.receive(event)
            case PathLost():
                path_lost(event, self.neighbors.values())
            case EffectFailed(effect=streams.StreamListen()):
                self._neighbors.cannot_listen(event.text)
            case Resync():
                self._neighbors.listen_again()
            case ClearBgp():
                self._context.work(self._clear(event, list(self.neighbors)))
            case ClearDampening():
                self.tables[event.family].flaps.clear_flaps(event.prefix)

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
                for key, one in peer.peers.items():
                    self.tables[key].advertiser.writable(one)
            case streams.StreamBlocked():
                session.blocked()
            case streams.StreamDown():
                session.end(lost_by(session, event))

    def settle(self) -> None:
        """Look at the routing table's changes, bury ended sessions, process a slice of the changed routes, and act on
        the results.

        The routing table reports a route that we offered within the same event of the router.
        """
        if self._echoes:
            self._routes_changed()
        if self._state.ended:
            self._lifecycle.bury_all()
        is_behind = False
        for table in self._each:
            backlog = table.routes.backlog
            if not backlog:
                continue
            if self._echoes and backlog > ECHO:
                is_behind = True
                continue
            changed, results, learned = table.routes.settle(self._context.now)
            self._context.emit(*results)
            if changed:
                table.advertiser.changed(changed)
                table.exports.changed(changed)
            for peer in learned:
                table.limits.check(peer)
            self._lifecycle.bury_all()
            if table.routes.backlog:
                is_behind = True
        if is_behind:
            # Schedule the next slice; the routing table, which reports many routes at a time, does not put it off.
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
    def neighbors(self) -> Mapping[IPAddress, Neighbor]:
        """The neighbors by address, in whatever families."""
        return self._state.neighbors

    @property
    def peers(self) -> Mapping[IPAddress, Peer]:
        """The neighbors in IPv4 unicast by address."""
        return self.ipv4.peers

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
                self.ipv4.configure(config)
                self.ipv4.routes.configure(config, state.router_id)
                return
        for one in config.others if config.local_as else ():
            if one.family not in self.tables:
                self._add(one.family)
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
            self._context.work(self._renaming(list(self.neighbors)))
        # All neighbors hear of their lines before the tables do: a family that is gone has no neighbor then.
        lines = {one.family: one for one in (config, *config.others)}
        for key, table in self.tables.items():
            self._configure_table(table, lines.get(key) or BgpConfig())
        self._context.work(
            self._obeying((*self.neighbors, *wanted), config, wanted, alike=are_guests_alike(old, config))
        )
        neighbors.listen()

    def _configure_table(self, table: Table, config: BgpConfig) -> None:
        """Apply the lines of one family; without any its routes go, and its neighbors with their sessions."""
        old = table.configure(config)
        if old.dampening != config.dampening:
            table.flaps.clear_flaps()
        if not config.local_as:
            table.exports.stop()
            self._context.emit(*table.routes.stop())
            return
        table.routes.configure(config, self._state.router_id)
        table.imports.configure(config.vpn)
        table.exports.configure(config.vpn)
        if old.local_preference != config.local_preference:
            table.advertiser.preference_changed()
            for peer in table.peers.values():
                table.learn(peer, peer.received)

    def _stop(self) -> None:
        """Stop the process because its AS number changed or it was removed: withdraw its routes and end all
        sessions.
        """
        for peer in list(self.neighbors.values()):
            self._neighbors.remove(peer)
        for table in self._each:
            table.stop()
        self._state.forget_router_id()
        if not self.config.local_as:
            self._context.drop_work()
            self._neighbors.stop()
            for timer in (self._hops, self._policies, self._slice):
                self._context.stop(timer)

    def _configure_some_peers(self, changed: dict[IPAddress, PeerSettings | None]) -> None:
        """Apply the changed lines of a few peers without visiting the unchanged ones, of which there may be
        thousands.
        """
        self._neighbors.configure_some_callers(changed)
        for address, settings in changed.items():
            peer = self.neighbors.get(address)
            if peer is not None and (settings is not None or not peer.dynamic):
                self._obey(peer, None if peer.dynamic else settings)
        for address, settings in changed.items():
            if settings is not None and address not in self.neighbors:
                self._neighbors.add(settings)

    def _obey(self, peer: Neighbor, settings: PeerSettings | None) -> None:
        if settings is None:
            self._neighbors.remove(peer)
        elif settings != peer.settings:
            self._change(peer, settings)
        else:
            self._regroup(peer)

    def _regroup(self, neighbor: Neighbor) -> None:
        """Move a neighbor to the update groups that match now."""
        for key, peer in neighbor.peers.items():
            self.tables[key].advertiser.regroup(peer)

    def _regrouping(self, addresses: list[IPAddress]) -> Iterator[None]:
        """Move these neighbors to the update groups that match after an interface changed."""
        for address in addresses:
            if address in self.neighbors:
                self._regroup(self.neighbors[address])
            yield

    def _renaming(self, addresses: list[IPAddress]) -> Iterator[None]:
        """End the sessions that use the old router ID."""
        for address in addresses:
            if address in self.neighbors:
                self._lifecycle.reset(self.neighbors[address], Cease.CONFIGURATION_CHANGE, "Router ID changed")
            yield

    def _obeying(
        self,
        addresses: Iterable[IPAddress],
        config: BgpConfig,
        wanted: dict[IPAddress, PeerSettings],
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
            peer, settings = self.neighbors.get(address), wanted.get(address)
            if peer is not None and peer.dynamic and alike and settings is None:
                self._regroup(peer)
            elif peer is not None and peer.dynamic:
                self._obey(
                    peer,
                    None if settings is not None else guest(config, address, groups, remote_as=peer.settings.remote_as),
                )
            elif peer is not None:
                self._obey(peer, settings)
            if settings is not None and address not in self.neighbors:
                self._neighbors.add(settings)
            yield

    def _change(self, peer: Neighbor, settings: PeerSettings) -> None:
        """Apply new settings: those of the session end it, those of routes only change which are advertised and
        accepted.
        """
        before = {key: one.settings for key, one in peer.peers.items()}
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
            for key, one in peer.peers.items():
                self.tables[key].advertiser.regroup(one)
                if inward_lines(before[key]) != inward_lines(one.settings):
                    self._ask_again(one)
        if self.neighbors.get(peer.address) is not peer:
            return  # a dynamic neighbor whose session ended
        self._neighbors.join_families(peer)
        if old.lines.bfd != settings.lines.bfd and peer.session is not None:
            self._context.emit(*watch(self._state.ports, peer, peer.session, wanted=settings.lines.bfd))
        peer.be_called_often()
        self._connector.connect_soon(peer, at_once=True)

    def _end(self, peer: Neighbor, subcode: Cease, reason: str) -> None:
        """End the sessions with a peer by the operator's decision: its routes are not kept for a restart either."""
        self._lifecycle.reset(peer, subcode, reason)
        for key, one in peer.peers.items():
            self.tables[key].restarts.give_up(one)
        self._state.forget_guest(peer)

    # ----------------------------------------------------------------------------------------------------- others

    def _routes_changed(self) -> None:
        may_resolve = not all(is_ours for _, is_ours in self._echoes)
        for table in self._each:
            version = table.family.version
            changes = [change for change in self._echoes if change[0].version == version]
            if changes:
                table.routes_changed(changes, self._context.now)
                may_resolve = may_resolve or any(table.routes.may_resolve(prefix) for prefix, _ in changes)
        if may_resolve and not self._context.is_running(self._hops):
            self._context.start(self._hops, SETTLING)

    def _look_at_next_hops(self) -> None:
        """Evaluate next hops and the routes to neighbors again because the routing table changed."""
        for table in self._each:
            table.routes.look_again()
        self._context.work(self._neighbors.checking_ways())

    def _advertise_again(self) -> None:
        """Apply changed lists and maps to advertisements."""
        for table in self._each:
            table.advertiser.policies_changed()

    def _clear(self, event: ClearBgp, addresses: list[IPAddress]) -> Iterator[None]:
        """Clear the sessions with these neighbors to which the command applies."""
        selected: dict[bytes, dict[int, None]] = {}
        for address in addresses:
            peer = self.neighbors.get(address)
            meant = event.meant(peer) if peer is not None else []
            if peer is None or not meant:
                continue
            if event.softness is Softness.HARD:
                peer.bar()
                self._end(peer, Cease.RESET, "User reset")
                peer.be_called_often()
                if peer.address in self.neighbors and not peer.dynamic:
                    self._connector.connect_soon(peer, at_once=not peer.settings.lines.shutdown)
                meant = []
            for one in meant:
                if event.softness is not Softness.SOFT_OUT:
                    self._ask_again(one)
                if event.softness is not Softness.SOFT_IN:
                    family = one.settings.family
                    self.tables[family].advertiser.select_again(one, selected.setdefault(family, {}))
            yield

    def _ask_again(self, peer: Peer) -> None:
        """Filter the routes of a peer again, and request a route refresh from it."""
        session = peer.session
        if session is None:
            return
        self._context.start(peer.select, SETTLING)  # lists configured with them are known by then
        if session.refreshes:
            session.send(FAMILIES[peer.settings.family].refresh())
