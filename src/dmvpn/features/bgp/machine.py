"""BGP-4, the process: RFC 4271 with the timers and habits of IOS.

    StreamData ──> Session ──> Update ──> intake ──> Adj-RIB-In ──> learning ──┐
    RouteChanged ──> own paths, aggregates, next hops ─────────────────────────┴──> LocRib.choose ──┬──> RouteOffered
                                                                                                    └──> teller
    teller ──> update groups ──> StreamSend

The machine hands events to these parts and carries what one of them says to the others. Work that may be long is done
in slices, between which it hears everybody else.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import Deadlines
from dmvpn.base.events import EffectFailed, Event, Resync, Tick
from dmvpn.base.liveness import PathLost
from dmvpn.base.notices import (
    AccessListsChanged,
    Configured,
    InterfaceChanged,
    MulticastReached,
    Notice,
    RouteChanged,
    RouteSource,
)
from dmvpn.base.streams import (
    StreamBlocked,
    StreamData,
    StreamDown,
    StreamListen,
    StreamUp,
    StreamWritable,
)
from dmvpn.features.bgp.codes import Cease
from dmvpn.features.bgp.events import ClearBgp, ClearDampening, Softness
from dmvpn.features.bgp.flaps import Flaps
from dmvpn.features.bgp.hearing import Hearing, lost_by
from dmvpn.features.bgp.helper import Restarts
from dmvpn.features.bgp.intake import Intake
from dmvpn.features.bgp.limits import Limits
from dmvpn.features.bgp.model import BgpConfig
from dmvpn.features.bgp.neighbors import Neighbors
from dmvpn.features.bgp.nlri import named
from dmvpn.features.bgp.packet import RouteRefresh
from dmvpn.features.bgp.process import Process
from dmvpn.features.bgp.routes import Routes
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
from dmvpn.features.bgp.teller import BREATH, SETTLING, Teller
from dmvpn.features.bgp.watched import path_lost, watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.effects import Effect
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.groups import Group
    from dmvpn.features.bgp.paths import Path
    from dmvpn.features.bgp.peer import Peer
    from dmvpn.features.bgp.settings import PeerSettings

#: Seconds after which neighbors hear by the lists and maps that have changed, as IOS has it: time to undo a mistake.
POLICY_DELAY: Final = 60.0
#: Timers that are obeyed in one event, and those that count as more.
_AT_ONCE: Final = 32
_COSTS: Final = {"damp": 8, "tell": 16, "hops": 16, "policy": 16, "judge": 16, "chores": 16}
#: Prefixes that may be looked at when the routing table tells of a route; more wait for a slice of their own.
ECHO: Final = 16


class BgpMachine:
    """The BGP process; there is at most one."""

    subscriptions: tuple[type[Event] | type[Notice], ...] = (
        StreamUp,
        StreamData,
        StreamWritable,
        StreamBlocked,
        StreamDown,
        RouteChanged,
        InterfaceChanged,
        AccessListsChanged,
        MulticastReached,
        PathLost,
        EffectFailed,
        Resync,
        ClearBgp,
        ClearDampening,
    )

    def __init__(self, ports: Ports) -> None:
        self._process = Process(ports)
        self._neighbors = Neighbors(self._process, lambda *what: self._hearing.gone(*what))
        self._intake = Intake(self._process.order)
        self._limits = Limits(self._process, self._intake, self._not_back)
        self.restarts = Restarts(self._process, self._intake, lambda peer, prefixes: self.routes.learn(peer, prefixes))
        self.flaps = Flaps(
            self._process, lambda address: self.peers.get(address), lambda peer, told: self.routes.learn(peer, told)
        )
        self._begin()
        self._resting = 0.0

    # ---------------------------------------------------------------------------------------------------- machine

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        process = self._process
        process.begin(now)
        match event:
            case Configured(model=model):
                self._configure(model if isinstance(model, BgpConfig) else BgpConfig(), now)
            case _ if not self.config.local_as:
                return []
            case StreamUp():
                self._neighbors.connected(event, now)
            case StreamData(stream=stream) if stream in self._neighbors.by_stream:
                self._hearing.heard(*self._neighbors.by_stream[stream], event.octets, now)
            case StreamWritable(stream=stream) if stream in self._neighbors.by_stream:
                peer, session = self._neighbors.by_stream[stream]
                session.writable()
                self._teller.writable(peer, now)
            case StreamBlocked(stream=stream) if stream in self._neighbors.by_stream:
                self._neighbors.by_stream[stream][1].blocked(now)
            case StreamDown(stream=stream) if stream in self._neighbors.by_stream:
                _, session = self._neighbors.by_stream[stream]
                session.end(lost_by(session, event))
            case RouteChanged():
                self._route_changed(event, now)
            case InterfaceChanged():
                self._neighbors.interface_changed(event, now)
                process.work(self._regrouping(list(self.peers)))
            case AccessListsChanged():
                self._policies_changed(now)
            case MulticastReached(tunnel=tunnel):
                self._neighbors.reached(tunnel, now)
            case PathLost():
                path_lost(event, self.peers.values(), now)
            case EffectFailed(effect=StreamListen()):
                self._neighbors.cannot_listen(event.text, now)
            case Resync():
                self._neighbors.listen_again()
            case ClearBgp():
                process.work(self._clear(event, list(self.peers)))
            case ClearDampening():
                self.flaps.forget(event.prefix)
            case Tick():
                self._tick(now)
        self._settle(now, is_echo=isinstance(event, RouteChanged))
        return process.results

    def next_deadline(self) -> float | None:
        """Return the next keepalive, hold time, call or announcement."""
        due = self._process.timers.next()
        return None if due is None else max(due, self._resting)

    @property
    def config(self) -> BgpConfig:
        """What is configured."""
        return self._process.config

    @property
    def router_id(self) -> IPv4Address | None:
        """Its name, None: there is no address to take for it so far."""
        return self._process.router_id

    @property
    def peers(self) -> Mapping[IPv4Address, Peer]:
        """The neighbors by address."""
        return self._neighbors.peers

    def is_stale(self, prefix: Prefix, path: Path) -> bool:
        """Return whether it is kept only because the neighbor that told it may be back soon."""
        peer = self.peers.get(path.peer)
        is_stale = peer is not None and named(prefix, path.number) in peer.stale
        return is_stale and self.restarts.deadline(path.peer) is not None

    @property
    def groups(self) -> list[Group]:
        """The update groups, by number."""
        return sorted(self._teller.groups.values(), key=lambda group: group.number)

    @property
    def longest_hold_time(self) -> int:
        """Of all sessions that are configured, seconds; 0: there are none."""
        return longest_hold_time(self.config)

    # ---------------------------------------------------------------------------------------------- configuration

    def _configure(self, config: BgpConfig, now: float) -> None:
        process, neighbors = self._process, self._neighbors
        old, process.config = process.config, config
        if old.local_as and replace(old, network_lists=config.network_lists, neighbors=config.neighbors) == config:
            changed = changed_peers(old, config)
            if changed is not None:
                self._configure_some_peers(changed, now)
                neighbors.listen()
                self.routes.configure(config, process.router_id)
                return
        wanted = configured_peers(config) if config.local_as else {}
        neighbors.configure_callers(wanted)
        if old.local_as and old.local_as != config.local_as:
            self._stop(now)
        if not config.local_as:
            process.timers = Deadlines()
            neighbors.listen()
            return
        before = process.router_id
        process.choose_router_id(again=old.router_id is not None or bool(old.router_id_of))
        if before not in (None, process.router_id):
            process.work(self._renaming(list(self.peers)))
        if old.dampening != config.dampening:
            self.flaps.forget()
        process.work(self._obeying((*self.peers, *wanted), config, wanted, alike=are_guests_alike(old, config)))
        neighbors.listen()
        self.routes.configure(config, process.router_id)
        if old.local_preference != config.local_preference:
            self._teller.preference_changed(now)
            for peer in self.peers.values():
                self.routes.learn(peer, peer.received)

    def _stop(self, now: float) -> None:
        """Stop the process, since there is another one, or none: the RIB and all neighbors hear of it."""
        for peer in list(self.peers.values()):
            self._neighbors.remove(peer, now)
            self.restarts.give_up(peer)
        self.flaps.forget()
        self._process.order(*self.routes.stop())
        self._begin()
        self._process.router_id = None

    def _begin(self) -> None:
        """Begin without any route."""
        self.routes = Routes(self._process.ports, self.flaps.suppressed)
        self._teller = Teller(self._process, self.routes)
        self._hearing = Hearing(
            *(self._process, self._neighbors, self._intake, self._limits, self.flaps),
            *(self.restarts, self.routes, self._teller),
        )

    def _configure_some_peers(self, changed: dict[IPv4Address, PeerSettings | None], now: float) -> None:
        """Follow lines of a few peers, of which there may be thousands: nobody else is looked at."""
        self._neighbors.configure_some_callers(changed)
        for address, settings in changed.items():
            peer = self.peers.get(address)
            if peer is not None and (settings is not None or not peer.dynamic):
                self._obey(peer, None if peer.dynamic else settings, now)
        for address, settings in changed.items():
            if settings is not None and address not in self.peers:
                self._neighbors.add(settings, now)

    def _obey(self, peer: Peer, settings: PeerSettings | None, now: float) -> None:
        if settings is None:
            self._neighbors.remove(peer, now)
            self.restarts.give_up(peer)
        elif settings != peer.settings:
            self._change(peer, settings, now)
        else:
            self._teller.regroup(peer, now)

    def _regrouping(self, addresses: list[IPv4Address]) -> Iterator[None]:
        """Let these neighbors hear what holds for them now that an interface has changed."""
        for address in addresses:
            if address in self.peers:
                self._teller.regroup(self.peers[address], self._process.now)
            yield

    def _renaming(self, addresses: list[IPv4Address]) -> Iterator[None]:
        """End the sessions in which we have another name."""
        for address in addresses:
            if address in self.peers:
                self._neighbors.reset(
                    self.peers[address], Cease.CONFIGURATION_CHANGE, "Router ID changed", self._process.now
                )
            yield

    def _obeying(
        self,
        addresses: Iterable[IPv4Address],
        config: BgpConfig,
        wanted: dict[IPv4Address, PeerSettings],
        *,
        alike: bool,
    ) -> Iterator[None]:
        """Let these neighbors be as they are configured now, which may change meanwhile.

        alike: nothing changed for guests. wanted: the settings of all configured neighbors.
        """
        groups = groups_of(config)
        for address in dict.fromkeys(addresses):
            if self._process.config is not config:
                config, alike = self._process.config, False
                wanted, groups = configured_peers(config) if config.local_as else {}, groups_of(config)
            peer, settings, now = self.peers.get(address), wanted.get(address), self._process.now
            if peer is not None and peer.dynamic and alike and settings is None:
                self._teller.regroup(peer, now)
            elif peer is not None and peer.dynamic:
                self._obey(
                    peer,
                    None if settings is not None else guest(config, address, groups, remote_as=peer.settings.remote_as),
                    now,
                )
            elif peer is not None:
                self._obey(peer, settings, now)
            if settings is not None and address not in self.peers:
                self._neighbors.add(settings, now)
            yield

    def _change(self, peer: Peer, settings: PeerSettings, now: float) -> None:
        """Obey other lines: those of the session end it, those of routes only make a difference to what is told."""
        old = peer.obey(settings)
        leaves = settings.is_leaving and peer.session is not None
        if leaves and settings.lines.shutdown_delay != old.lines.shutdown_delay:
            self._process.timers.set(("shut", peer.address), now + settings.lines.shutdown_delay)
        if settings.lines.shutdown and not leaves:
            self._end(peer, Cease.SHUTDOWN, "Admin. shutdown", now)
        elif session_lines(old) != session_lines(settings):
            self._end(peer, Cease.CONFIGURATION_CHANGE, "Config change", now)
        else:
            if old.lines.password != settings.lines.password:
                self._neighbors.sign(peer, now)
            self._teller.regroup(peer, now)
            if inward_lines(old) != inward_lines(settings):
                self._ask_again(peer, now)
        if old.lines.bfd != settings.lines.bfd and peer.session is not None:
            self._process.order(*watch(self._process.ports, peer, peer.session, wanted=settings.lines.bfd))
        peer.be_called_often()
        self._neighbors.call_soon(peer, now, at_once=True)

    def _end(self, peer: Peer, subcode: Cease, reason: str, now: float) -> None:
        """End the sessions with a peer because somebody wants it: it is not awaited, either."""
        self._neighbors.reset(peer, subcode, reason, now)
        self.restarts.give_up(peer)

    # ----------------------------------------------------------------------------------------------------- slices

    def _settle(self, now: float, *, is_echo: bool) -> None:
        """Bury the sessions that ended, look at a slice of what changed, and carry on what follows from it.

        is_echo: the routing table tells of a route; of one that we offered it does so within one event of the router.
        """
        self._neighbors.bury_all(now)
        if is_echo and self.routes.backlog > ECHO:
            self._work_on(now)
            return
        if not self.routes.backlog:
            return
        changed, results, learned = self.routes.settle(now)
        self._process.order(*results)
        if changed:
            self._teller.changed(changed, now)
        for peer in learned:
            self._limits.check(peer, now)
        self._neighbors.bury_all(now)
        if self.routes.backlog:
            self._work_on(now)

    def _work_on(self, now: float) -> None:
        """Look at the next slice in a moment."""
        if self._process.timers.when(("work", 0)) != now + BREATH:  # most echoes come many at a time
            self._process.timers.set(("work", 0), now + BREATH)

    # ----------------------------------------------------------------------------------------------------- others

    def _route_changed(self, event: RouteChanged, now: float) -> None:
        old, new = event.old, event.new
        is_ours = (old is None or old.source is RouteSource.BGP) and (new is None or new.source is RouteSource.BGP)
        if not is_ours or event.prefix in self.routes.table.own:
            self.routes.route_changed(event.prefix, now)
        self._teller.default_may_change(now)
        if (not is_ours or self.routes.may_resolve(event.prefix)) and self._process.timers.when(("hops", 0)) is None:
            self._process.timers.set(("hops", 0), now + SETTLING)

    def _policies_changed(self, now: float) -> None:
        """Obey other policies: our own routes at once, what is told after a moment, and what was heard when somebody
        clears softly.
        """
        self.routes.policies_changed()
        if self._teller.is_filtered:
            self._process.timers.set(("policy", 0), now + POLICY_DELAY)

    def _clear(self, event: ClearBgp, addresses: list[IPv4Address]) -> Iterator[None]:
        """Clear the sessions with these neighbors, if the order is about them."""
        judged: dict[int, None] = {}
        for address in addresses:
            peer, now = self.peers.get(address), self._process.now
            if peer is None or not event.is_about(peer):
                continue
            if event.softness is Softness.HARD:
                peer.bar()
                self._end(peer, Cease.RESET, "User reset", now)
                peer.be_called_often()
                if peer.address in self.peers and not peer.dynamic:
                    self._neighbors.call_soon(peer, now, at_once=not peer.settings.lines.shutdown)
            else:
                if event.softness is not Softness.SOFT_OUT:
                    self._ask_again(peer, now)
                if event.softness is not Softness.SOFT_IN:
                    self._teller.judge_again(peer, judged, now)
            yield

    def _ask_again(self, peer: Peer, now: float) -> None:
        """Take what a peer told by other filters, and let it say everything again."""
        session = peer.session
        if session is None:
            return
        self._process.timers.set(("judge", peer.address), now + SETTLING)  # lists that came with them are known by then
        if session.refreshes:
            session.send(RouteRefresh(), now)

    # ----------------------------------------------------------------------------------------------------- timers

    def _tick(self, now: float) -> None:
        """Do what is due, so much of it as takes some milliseconds; a crowd of neighbors has its timers together."""
        timers, left = self._process.timers, _AT_ONCE
        while left > 0 and (due := next(timers.take_due(now, 1), None)) is not None:
            self._fire(*due, now)
            left -= _COSTS.get(due[0], 1)
        following = timers.next()
        if following is not None and following <= now:
            self._resting = now + BREATH

    def _fire(self, kind: str, whose: IPv4Address | int, now: float) -> None:
        match kind, whose:
            case "chores", _:
                self._process.go_on()
            case "hops", _:
                self.routes.look_again()
                self._process.work(self._neighbors.checking_ways())
            case "listen", _:
                self._neighbors.listen()
            case "damp", _:
                self.flaps.expire(now)
            case "policy", _:
                self._teller.policies_changed(now)
            case "tell", int(number):
                self._teller.step(number, now)
            case "session", int(stream) if stream in self._neighbors.by_stream:  # "shut" may have ended it just now
                _, session = self._neighbors.by_stream[stream]
                session.expire(now)
                self._neighbors.arm(session)
            case "call", IPv4Address() as address if address in self.peers:
                self._neighbors.call(self.peers[address], now)
            case "shut", IPv4Address() as address if address in self.peers:
                if self.peers[address].settings.is_leaving:
                    self._neighbors.reset(self.peers[address], Cease.SHUTDOWN, "Admin. shutdown", now)
            case "restart", IPv4Address() as address if address in self.peers:
                self._not_back(self.peers[address])
            case "judge", IPv4Address() as address if address in self.peers:
                self.routes.learn(self.peers[address], self.peers[address].received)

    def _not_back(self, peer: Peer) -> None:
        """Give up a peer that restarted and is not there again, or has not told its table to the end in time."""
        if peer.session is None:
            self.restarts.give_up(peer)
            self._neighbors.forget_guest(peer)
        else:
            self.restarts.forget_stale(peer)
