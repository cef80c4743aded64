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
from dmvpn.base.errors import surely
from dmvpn.base.events import EffectFailed, Event, Resync, Tick
from dmvpn.base.liveness import PathLost
from dmvpn.base.notices import (
    AccessListsChanged,
    Configured,
    InterfaceChanged,
    MulticastReached,
    NeighborSilent,
    Notice,
    RouteChanged,
    RouteSource,
)
from dmvpn.base.streams import (
    StreamBlocked,
    StreamClose,
    StreamData,
    StreamDown,
    StreamListen,
    StreamUp,
    StreamWritable,
)
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.events import ClearBgp, Softness
from dmvpn.features.bgp.helper import Restarts, may_return
from dmvpn.features.bgp.intake import Intake
from dmvpn.features.bgp.limits import Limits
from dmvpn.features.bgp.model import BgpConfig
from dmvpn.features.bgp.neighbors import Neighbors
from dmvpn.features.bgp.packet import Cease, ErrorCode, Notification, RouteRefresh, Update
from dmvpn.features.bgp.process import Process
from dmvpn.features.bgp.restart import END_OF_TABLE
from dmvpn.features.bgp.routes import Routes
from dmvpn.features.bgp.session import RESTARTED, Ending, cease
from dmvpn.features.bgp.settings import (
    are_guests_alike,
    configured_peers,
    groups_of,
    guest,
    inward_lines,
    longest_hold_time,
    session_lines,
    settings_of,
)
from dmvpn.features.bgp.teller import BREATH, SETTLING, Teller
from dmvpn.features.bgp.watched import path_lost, watch
from dmvpn.features.bgp.ways import local_end

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.effects import Effect
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.groups import Group
    from dmvpn.features.bgp.paths import Path
    from dmvpn.features.bgp.peer import Peer
    from dmvpn.features.bgp.session import Session
    from dmvpn.features.bgp.settings import PeerSettings

#: Seconds after which neighbors hear by the lists and maps that have changed, as IOS has it: time to undo a mistake.
POLICY_DELAY: Final = 60.0
#: Timers that are obeyed in one event, and those that count as more.
_AT_ONCE: Final = 32
_COSTS: Final = {"tell": 16, "hops": 16, "policy": 16, "judge": 16}
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
    )

    def __init__(self, ports: Ports) -> None:
        self._process = Process(ports)
        self._neighbors = Neighbors(self._process, self._gone)
        self._intake = Intake(self._process.order)
        self._limits = Limits(self._process, self._intake)
        self.restarts = Restarts(self._process, self._intake, lambda peer, prefixes: self.routes.learn(peer, prefixes))
        self.routes = Routes(ports)
        self._teller = Teller(self._process, self.routes)
        self._resting = 0.0

    # ---------------------------------------------------------------------------------------------------- machine

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        process = self._process
        process.results = []
        match event:
            case Configured(model=model):
                self._configure(model if isinstance(model, BgpConfig) else BgpConfig(), now)
            case _ if not self.config.local_as:
                return []
            case StreamUp():
                self._neighbors.connected(event, now)
            case StreamData(stream=stream) if stream in self._neighbors.by_stream:
                self._heard(*self._neighbors.by_stream[stream], event.octets, now)
            case StreamWritable(stream=stream) if stream in self._neighbors.by_stream:
                peer, session = self._neighbors.by_stream[stream]
                session.writable()
                self._teller.writable(peer, now)
            case StreamBlocked(stream=stream) if stream in self._neighbors.by_stream:
                self._neighbors.by_stream[stream][1].blocked(now)
            case StreamDown(stream=stream) if stream in self._neighbors.by_stream:
                _, session = self._neighbors.by_stream[stream]
                session.end(_lost(session, event))
            case RouteChanged():
                self._route_changed(event, now)
            case InterfaceChanged():
                self._interface_changed(event, now)
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
                self._clear(event, now)
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
        return peer is not None and prefix in peer.stale and self.restarts.deadline(peer.address) is not None

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
            changed = self._changed_peers(old, config)
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
            for peer in list(self.peers.values()):
                neighbors.reset(peer, Cease.CONFIGURATION_CHANGE, "Router ID changed", now)
        self._configure_peers(old, wanted, now)
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
        self._process.order(*self.routes.stop())
        self.routes = Routes(self._process.ports)
        self._teller = Teller(self._process, self.routes)
        self._process.router_id = None

    @staticmethod
    def _changed_peers(old: BgpConfig, config: BgpConfig) -> dict[IPv4Address, PeerSettings | None] | None:
        """Return the settings of the peers whose own lines changed; None: those of a group did, which has members."""
        gone, came = config.neighbors.changes(old.neighbors)
        changed: dict[IPv4Address, PeerSettings | None] = {}
        for lines in (*gone.values(), *came.values()):
            if not isinstance(lines.peer, IPv4Address):
                return None
            changed[lines.peer] = None
        for lines in came.values():
            if isinstance(lines.peer, IPv4Address):
                changed[lines.peer] = settings_of(config, lines.peer, lines)
        return changed

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

    def _configure_peers(self, old: BgpConfig, wanted: dict[IPv4Address, PeerSettings], now: float) -> None:
        config = self._process.config
        alike, groups = are_guests_alike(old, config), groups_of(config)
        for peer in list(self.peers.values()):
            if peer.dynamic and alike and peer.address not in wanted:
                self._teller.regroup(peer, now)
                continue
            if peer.dynamic:
                self._obey(peer, None if peer.address in wanted else guest(config, peer.address, groups), now)
            else:
                self._obey(peer, wanted.get(peer.address), now)
        for address, settings in wanted.items():
            if address not in self.peers:
                self._neighbors.add(settings, now)

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

    # --------------------------------------------------------------------------------------------------- sessions

    def _heard(self, peer: Peer, session: Session, octets: bytes, now: float) -> None:
        was_open = session.heard is not None
        was_established = session.is_established
        for told in session.take(octets, now):
            if not was_established:
                was_established = True
                self._established(peer, session, now)
            if isinstance(told, Update):
                self._take_update(peer, session, told, now)
            elif told.family == 1 and told.subsequent == 1:
                self._take_refresh(peer, session, told, now)
        if session.is_established and not was_established:
            self._established(peer, session, now)
        elif session.heard is not None and not was_open:
            for loser in peer.losers(session):
                self._collide(loser, now)
        self._neighbors.arm(session)

    def _take_refresh(self, peer: Peer, session: Session, refresh: RouteRefresh, now: float) -> None:
        """Take the request of a peer to hear everything again, or its word where its own refresh begins and ends (RFC
        7313).
        """
        match refresh.subtype:
            case 0:
                self._teller.repeat(peer, now)
            case 1 | 2 if session.marks_refreshes:
                self.routes.learn(peer, self._intake.refresh(peer, ends=refresh.subtype == 2))

    def _established(self, peer: Peer, session: Session, now: float) -> None:
        for other in [one for one in peer.sessions if one is not session]:
            self._collide(other, now)
        self._neighbors.bury_all(now)
        peer.came_up(surely(session.heard).identifier, now)
        if self.config.log_changes:
            self._process.order(messages.NeighborChanged.up(_name(peer)))
        self.restarts.back(peer, session, now)
        self._teller.join(peer, session, now)
        if peer.settings.lines.bfd:
            self._process.order(*watch(self._process.ports, peer, session, wanted=True))

    @staticmethod
    def _collide(session: Session, now: float) -> None:
        """Look whether there is a better connection: RFC 4271 §6.8.

        One that was established was lost, or there were no other.
        """
        if session.is_established:
            session.give_way()
        else:
            session.notify(cease(Cease.COLLISION), "", now)

    def _take_update(self, peer: Peer, session: Session, update: Update, now: float) -> None:
        if update == END_OF_TABLE:
            self.restarts.told_everything(peer)
            return
        own = session.identity.router_id
        if self._process.traces(peer.address, messages.UPDATES, messages.UPDATES_IN):
            said = self._intake.readable(peer, session, update)
            self._process.debug(messages.received_lines(peer.address, update, said))
        changed = self._intake.take(peer, session, update, own, self.config.cluster_id or own, now)
        self.routes.learn(peer, changed)
        self._limits.check_all(self.peers, now)

    def _gone(self, peer: Peer, session: Session, ending: Ending, now: float) -> None:
        """Note that a peer that was established is no more."""
        peer.went_down(ending.reason, now)
        self._process.order(*watch(self._process.ports, peer, session, wanted=False))
        if self.config.log_changes:
            self._process.order(messages.NeighborChanged.down(_name(peer), ending.reason))
        self.restarts.lost(peer, session, ending, now)
        self._teller.leave(peer)
        notification = ending.notification
        if notification is not None and notification.code == ErrorCode.HOLD_TIME and ending.by == "sent":
            state = self._process.ports.interfaces.owner(surely(session.up).local)
            if state is not None:
                self._process.order(NeighborSilent(state.name, peer.address))

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
        is_ours = all(one is None or one.source is RouteSource.BGP for one in (event.old, event.new))
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

    def _interface_changed(self, event: InterfaceChanged, now: float) -> None:
        """End sessions whose end is gone; directly connected external ones as soon as the line is down."""
        self._neighbors.listen()
        own = {address for address, _ in event.new.addresses} if event.new is not None else set()
        lost = [address for address, _ in event.old.addresses if address not in own] if event.old is not None else []
        falls_over = self.config.falls_over and (event.new is None or not event.new.line)
        here = [address for address, _ in event.old.addresses] if event.old is not None else []
        for peer, session in list(self._neighbors.by_stream.values()):
            if session.up is None or session.ending is not None:
                continue
            if session.up.local in lost or (falls_over and session.up.local in here and not peer.settings.internal):
                self._process.order(StreamClose(session.stream, abort=True))
                session.end(Ending("Interface flap"))
        if event.new is not None and event.new.line and not (event.old is not None and event.old.line):
            self._neighbors.reached(event.name, now)
        for peer in self.peers.values():
            self._teller.regroup(peer, now)

    def _clear(self, event: ClearBgp, now: float) -> None:
        for peer in list(self.peers.values()):
            if not event.is_about(peer):
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
                    self._teller.judge_again(peer, now)

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
            case "hops", _:
                self.routes.look_again()
                self._check_ways(now)
            case "listen", _:
                self._neighbors.listen()
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

    def _check_ways(self, now: float) -> None:
        """Give up a peer with `fall-over` that has no route to it. Those that wait for a way are called."""
        for peer in list(self.peers.values()):
            session = peer.session
            if session is not None and peer.settings.lines.fall_over:
                if self._process.ports.rib.lookup_without_nhrp(peer.address) is None:
                    session.notify(Notification(ErrorCode.CEASE, Cease.OUT_OF_RESOURCES), "Route to peer lost", now)
            elif (
                peer.reason is not None
                and not peer.sessions
                and local_end(self._process.ports, peer.settings)[0] is not None
            ):
                self._neighbors.call_soon(peer, now, at_once=True)


def _lost(session: Session, event: StreamDown) -> Ending:
    """Return how a session ended whose connection is gone."""
    ending = Ending("Peer closed the session" if session.up is not None else event.end.value, is_lost=True)
    return replace(ending, reason=RESTARTED) if may_return(session, ending) else ending


def _name(peer: Peer) -> str:
    """Return the name as the log has it: guests have a star."""
    return f"*{peer.address}" if peer.dynamic else str(peer.address)
