"""BGP-4, the process: RFC 4271 with the timers and habits of IOS.

    StreamData ──> Session ──> Update ──> intake ──> Adj-RIB-In ──┐
    RouteChanged ──> own paths, aggregates, next hops ────────────┴──> LocRib.choose ──┬──> RouteOffered
                                                                                       └──> teller ──> StreamSend

A peer is called when there is a way to it, and called again with growing pauses. Who calls us is taken if its address
is configured or in a `bgp listen range`. What changes is told after a moment, so that changes which come together
travel together; announcements (never withdrawals) wait for the interval that the peer has between two of them.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import Deadlines
from dmvpn.base.entropy import jittered
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
from dmvpn.base.reasons import Reason
from dmvpn.base.streams import StreamClose, StreamData, StreamDown, StreamListen, StreamOpen, StreamUp, StreamWritable
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.events import ClearBgp, Softness
from dmvpn.features.bgp.intake import Intake
from dmvpn.features.bgp.model import BgpConfig
from dmvpn.features.bgp.packet import Cease, ErrorCode, Notification, RouteRefresh, Update
from dmvpn.features.bgp.peer import FIRST_RETRY, LONGEST_RETRY, Peer
from dmvpn.features.bgp.routes import Routes
from dmvpn.features.bgp.session import Ending, Identity, Session, cease
from dmvpn.features.bgp.settings import (
    callers,
    configured_peers,
    guest,
    inward_lines,
    is_filtered,
    longest_hold_time,
    session_lines,
)
from dmvpn.features.bgp.teller import DEFAULT, Teller
from dmvpn.features.bgp.watched import path_lost, watch
from dmvpn.features.bgp.ways import leads_past_its_tunnel, local_end

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.ports import Ports
    from dmvpn.base.streams import StreamPeer
    from dmvpn.features.bgp.settings import PeerSettings

PORT: Final = 179
#: Seconds after which next hops are looked for again when the routing table has changed.
SETTLING: Final = 0.05
#: Prefixes that all peers together may tell, whatever `maximum-prefix` says: some 700 MB.
MOST_PREFIXES: Final = 250_000
#: Seconds between two times that a peer hears everything, however often it asks for it.
REFRESH_PAUSE: Final = 5.0
#: Seconds between two log messages about connections of one peer that fail alike, and how many peers are told apart.
_COMPLAINT_PAUSE: Final = 60.0
_MOST_COMPLAINTS: Final = 64
#: Seconds after which neighbors hear by the lists and maps that have changed, as IOS has it: time to undo a mistake.
POLICY_DELAY: Final = 60.0
#: Seconds until a port that could not be opened is tried again.
LISTEN_RETRY: Final = 30.0

Results = list["Effect | Notice"]


class BgpMachine:
    """The BGP process; there is at most one. It owns peers and their sessions; `routes` owns what they tell."""

    subscriptions: tuple[type[Event] | type[Notice], ...] = (
        StreamUp,
        StreamData,
        StreamWritable,
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
        self._ports = ports
        self._timers: Deadlines[tuple[str, IPv4Address | int]] = Deadlines()
        self._ended: list[Session] = []
        self._failures: dict[tuple[IPv4Address, int, int], float] = {}
        self._by_stream: dict[int, tuple[Peer, Session]] = {}
        self._listening: StreamListen | None = None
        self._callers: tuple[StreamPeer, ...] = ()
        self._next_stream = 0
        self._out: Results = []
        self.config = BgpConfig()
        self.router_id: IPv4Address | None = None
        self.peers: dict[IPv4Address, Peer] = {}
        self.routes = Routes(ports)
        self.intake = Intake(self._out_order)
        self.teller = Teller(self.routes)

    # ---------------------------------------------------------------------------------------------------- machine

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        self._out = []
        match event:
            case Configured(model=model):
                self._configure(model if isinstance(model, BgpConfig) else BgpConfig(), now)
            case _ if not self.config.local_as:
                return []
            case StreamUp():
                self._connected(event, now)
            case StreamData(stream=stream) if stream in self._by_stream:
                self._heard(*self._by_stream[stream], event.octets, now)
            case StreamWritable(stream=stream) if stream in self._by_stream:
                peer, session = self._by_stream[stream]
                session.writable()
                self._tell(peer, now)
            case StreamDown(stream=stream) if stream in self._by_stream:
                self._lost(*self._by_stream[stream], event, now)
            case RouteChanged():
                self._route_changed(event, now)
            case InterfaceChanged():
                self._interface_changed(event, now)
            case AccessListsChanged():
                self._policies_changed(now)
            case MulticastReached(tunnel=tunnel):
                self._reached(tunnel, now)
            case PathLost():
                path_lost(event, self.peers.values(), now)
            case EffectFailed(effect=StreamListen()):
                self._out.append(messages.CannotListen.of(event.text))
                self._listening = None
                self._timers.set(("listen", 0), now + LISTEN_RETRY)
            case Resync():
                self._listening = None
                self._listen()
            case ClearBgp():
                self._clear(event, now)
            case Tick():
                self._tick(now)
        self._settle(now)
        return self._out

    def next_deadline(self) -> float | None:
        """The next keepalive, hold time, call or announcement."""
        return self._timers.next()

    @property
    def longest_hold_time(self) -> int:
        """Of all sessions that are configured, seconds; 0: there are none."""
        return longest_hold_time(self.config)

    # ---------------------------------------------------------------------------------------------- configuration

    def _configure(self, config: BgpConfig, now: float) -> None:
        old, self.config = self.config, config
        self._callers = callers(config) if config.local_as else ()
        if old.local_as and old.local_as != config.local_as:
            for peer in list(self.peers.values()):
                self._remove(peer, Cease.DECONFIGURED, "Neighbor deleted", now)
            self._out += self.routes.stop()
            self.routes = Routes(self._ports)
            self.teller = Teller(self.routes)
            self.router_id = None
        if not config.local_as:
            self._timers = Deadlines()
            self._listen()
            return
        before = self.router_id
        self._choose_router_id()
        if before not in (None, self.router_id):
            for peer in list(self.peers.values()):
                peer.end_sessions(Cease.CONFIGURATION_CHANGE, "Router ID changed", now)
            self._bury_all(now)
        self._out += [messages.NotBuilt.of(line) for line in config.not_built() if line not in old.not_built()]
        wanted = configured_peers(config)
        for peer in list(self.peers.values()):
            settings = guest(config, peer.address) if peer.dynamic else wanted.get(peer.address)
            if settings is None or (peer.dynamic and peer.address in wanted):
                self._remove(peer, Cease.DECONFIGURED, "Neighbor deleted", now)
            elif settings != peer.settings:
                self._change(peer, settings, now)
        for address, settings in wanted.items():
            if address not in self.peers:
                self.peers[address] = Peer(settings, dynamic=False)
                self._call_soon(self.peers[address], now, at_once=True)
        self._listen()
        self._out += self.routes.configure(config, self.router_id, now)

    def _change(self, peer: Peer, settings: PeerSettings, now: float) -> None:
        """Other lines: those of the session end it, those of routes only say everything again."""
        old, peer.settings = peer.settings, settings
        if settings.lines.shutdown and not old.lines.shutdown:
            peer.end_sessions(Cease.SHUTDOWN, "Admin. shutdown", now)
        elif session_lines(old) != session_lines(settings):
            peer.end_sessions(Cease.CONFIGURATION_CHANGE, "Config change", now)
        else:
            self._refresh(peer, now, inwards=inward_lines(old) != inward_lines(settings))
        if old.lines.bfd != settings.lines.bfd and peer.session is not None:
            self._out += watch(self._ports, peer, peer.session, wanted=settings.lines.bfd)
        peer.retry = FIRST_RETRY
        self._call_soon(peer, now, at_once=True)

    def _remove(self, peer: Peer, subcode: Cease, reason: str, now: float) -> None:
        self.peers.pop(peer.address, None)
        peer.end_sessions(subcode, reason, now)
        self._bury_all(now)
        self._timers.cancel(("call", peer.address))

    def _choose_router_id(self) -> None:
        """Configured, else the highest address of a loopback, else of any interface; it stays what it is."""
        if self.config.router_id is not None:
            self.router_id = self.config.router_id
        elif self.router_id is None:
            states = self._ports.interfaces.all()
            for some in ([one for one in states if one.name.startswith("Loopback")], states):
                addresses = [one.address for one in some if isinstance(one.address, IPv4Address)]
                if addresses:
                    self.router_id = max(addresses)
                    return

    def _listen(self) -> None:
        order = StreamListen(PORT, self._callers)
        if order != self._listening and (order.peers or self._listening is not None):
            self._listening = order
            self._out.append(order)

    # ------------------------------------------------------------------------------------------------------ calls

    def _call_soon(self, peer: Peer, now: float, *, at_once: bool = False) -> None:
        pause = 0.0 if at_once else jittered(self._ports.entropy, peer.retry, 0.25)
        if not at_once:
            peer.retry = min(2 * peer.retry, LONGEST_RETRY)
        self._timers.set(("call", peer.address), now + pause)

    def _call(self, peer: Peer, now: float) -> None:
        """Open a connection, if there is none and there is a way."""
        if peer.sessions or peer.dynamic or peer.settings.lines.shutdown or now < peer.barred_until:
            return
        peer.barred_until = float("-inf")
        local, why = local_end(self._ports, peer.settings)
        peer.reason = Reason(why, since=now) if why is not None else None
        self._call_soon(peer, now)
        identity = self._identity(peer.settings)
        if local is None or identity is None or peer.settings.lines.passive:
            return
        self._next_stream += 2
        settings = peer.settings
        session = self._new_session(peer, self._next_stream, identity)
        order = StreamOpen(
            session.stream,
            local,
            peer.address,
            PORT,
            password=settings.lines.password,
            minimum_ttl=settings.minimum_ttl,
            ttl=settings.ttl,
        )
        session.calls(now)
        self._arm(session)
        self._out.append(order)

    def _identity(self, settings: PeerSettings) -> Identity | None:
        self._choose_router_id()
        if self.router_id is None:
            return None
        return Identity(
            local_as=settings.local_as,
            remote_as=settings.remote_as,
            router_id=self.router_id,
            hold_time=settings.hold_time,
            keepalive=settings.keepalive,
            marks_refreshes=not settings.lines.plain_refresh,
        )

    def _new_session(self, peer: Peer, stream: int, identity: Identity) -> Session:
        session = Session(stream, identity, peer.counts, self._out_order, self._ended.append)
        peer.sessions.append(session)
        self._by_stream[stream] = peer, session
        return session

    def _out_order(self, effect: Effect | Notice) -> None:
        self._out.append(effect)

    # --------------------------------------------------------------------------------------------------- sessions

    def _connected(self, up: StreamUp, now: float) -> None:
        if not up.taken:
            found = self._by_stream.get(up.stream)
            if found is not None:
                found[1].connected(up, now)
                self._arm(found[1])
            return
        way = self._ports.rib.lookup_without_nhrp(up.remote)
        is_past = way is not None and bool(way.next_hops) and leads_past_its_tunnel(self._ports, up.remote, way)
        peer = self._caller(up) if not is_past else None
        identity = self._identity(peer.settings) if peer is not None else None
        busy = peer is not None and (peer.session is not None or sum(one.taken for one in peer.sessions))
        if peer is None or identity is None or peer.settings.lines.shutdown or busy or now < peer.barred_until:
            if peer is not None and peer.dynamic and not peer.sessions:
                del self.peers[peer.address]
            self._out.append(StreamClose(up.stream, abort=True))
            return
        session = self._new_session(peer, up.stream, identity)
        session.connected(up, now)
        self._arm(session)

    def _caller(self, up: StreamUp) -> Peer | None:
        """Who called: a configured peer, or a guest of a range, unless there are too many."""
        known = self.peers.get(up.remote)
        if known is not None:
            source = known.settings.lines.update_source
            state = self._ports.interfaces.get(source) if source else None
            return known if state is None or state.address == up.local else None
        settings = guest(self.config, up.remote)
        guests = sum(peer.dynamic for peer in self.peers.values())
        if settings is None or guests >= self.config.listen_limit:
            return None
        self.peers[up.remote] = Peer(settings, dynamic=True)
        return self.peers[up.remote]

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
                loser.notify(cease(Cease.COLLISION), "", now)
        self._arm(session)

    def _take_refresh(self, peer: Peer, session: Session, refresh: RouteRefresh, now: float) -> None:
        """It wants to hear everything again, or tells where its own refresh begins and ends (RFC 7313)."""
        match refresh.subtype:
            case 0:
                self._say_all_again(peer, now)
            case 1 | 2 if session.marks_refreshes:
                gone = self.intake.refresh(peer, ends=refresh.subtype == 2)
                self.routes.learn(peer, session, gone, now)

    def _established(self, peer: Peer, session: Session, now: float) -> None:
        for other in peer.sessions:
            if other is not session:
                other.notify(cease(Cease.COLLISION), "", now)
        peer.established += 1
        peer.changed, peer.reason, peer.retry = now, None, FIRST_RETRY
        if self.config.log_changes:
            self._out.append(messages.NeighborChanged.up(_name(peer)))
        peer.announce_at = now
        self.teller.greet(peer)
        self._tell_soon(peer, now)
        if peer.settings.lines.bfd:
            self._out += watch(self._ports, peer, session, wanted=True)

    def _take_update(self, peer: Peer, session: Session, update: Update, now: float) -> None:
        own = session.identity.router_id
        changed = self.intake.take(peer, session, update, own, self.config.cluster_id or own, now)
        self.routes.learn(peer, session, changed, now)
        limit = peer.settings.lines.maximum_prefixes
        if limit and peer.accepted > limit:
            self._out.append(messages.MaximumExceeded.of(peer.address, peer.accepted, limit))
            if not peer.settings.lines.only_warn:
                self._bar(peer, now)
                session.notify(cease(Cease.MAXIMUM_PREFIXES), "BGP Notification sent", now)
        elif limit and not peer.warned and peer.accepted * 100 > limit * peer.settings.lines.warn_percent:
            peer.warned = True
            self._out.append(messages.MaximumNear.of(peer.address, peer.accepted, limit))
        if sum(len(one.received) for one in self.peers.values()) > MOST_PREFIXES:
            self._give_up_the_largest(now)

    def _bar(self, peer: Peer, now: float) -> None:
        """It told too much: it stays away for the minutes of `restart`, or until somebody clears it."""
        minutes = peer.settings.lines.restart_minutes
        peer.barred_until = now + 60.0 * minutes if minutes else float("inf")
        if minutes:
            self._timers.set(("call", peer.address), peer.barred_until)

    def _give_up_the_largest(self, now: float) -> None:
        """Peers tell more than there is room for: the one that tells most of it goes, and the others stay."""
        peer = max(self.peers.values(), key=lambda one: len(one.received))
        if peer.session is not None:
            self._out.append(messages.MaximumExceeded.of_all(peer.address, len(peer.received), MOST_PREFIXES))
            peer.session.notify(cease(Cease.OUT_OF_RESOURCES), "BGP Notification sent", now)

    def _lost(self, peer: Peer, session: Session, down: StreamDown, now: float) -> None:
        session.end(Ending("Peer closed the session" if session.up is not None else down.end.value))

    def _settle(self, now: float) -> None:
        """Bury the sessions that ended, carry changes on, and arm what is due."""
        self._bury_all(now)
        changed, results = self.routes.settle(now)
        self._out += results
        if changed:
            for peer in self.peers.values():
                if peer.session is not None:
                    peer.pending.update(dict.fromkeys(changed))
                    self._tell_soon(peer, now)

    def _arm(self, session: Session) -> None:
        """Wake up when the session wants to."""
        due = session.timers.next()
        if due is None:
            self._timers.cancel(("session", session.stream))
        else:
            self._timers.set(("session", session.stream), due)

    def _bury_all(self, now: float) -> None:
        while self._ended:
            self._bury(self._ended.pop(0), now)

    def _bury(self, session: Session, now: float) -> None:
        """A session is over: say so, and call again."""
        peer, _ = self._by_stream.pop(session.stream)
        peer.sessions.remove(session)
        self._timers.cancel(("session", session.stream))
        ending = session.ending
        if ending is None:
            raise AssertionError("a session that has not ended is buried")
        notification = ending.notification
        if notification is not None and ending.by and ending.reason and self._may_log(session, peer, notification, now):
            way = "sent to" if ending.by == "sent" else "received from"
            self._out.append(messages.Notified.of(way, peer.address, notification))
        if session.was_established:
            self._gone(peer, session, ending, now)
        if peer.sessions or self.peers.get(peer.address) is not peer:
            return
        if peer.dynamic:
            del self.peers[peer.address]
        elif not peer.settings.lines.shutdown and self._timers.when(("call", peer.address)) is None:
            self._call_soon(peer, now)

    def _may_log(self, session: Session, peer: Peer, notification: Notification, now: float) -> bool:
        """Connections that never became a session fail alike as fast as somebody opens them: one line a minute."""
        if session.was_established:
            return True
        self._failures = {key: said for key, said in self._failures.items() if now - said < _COMPLAINT_PAUSE}
        key = peer.address, notification.code, notification.subcode
        if key in self._failures or len(self._failures) >= _MOST_COMPLAINTS:
            return False
        self._failures[key] = now
        return True

    def _gone(self, peer: Peer, session: Session, ending: Ending, now: float) -> None:
        """A peer that was established is no more."""
        peer.dropped += 1
        peer.changed, peer.last_reset = now, ending.reason
        self._out += watch(self._ports, peer, session, wanted=False)
        if self.config.log_changes:
            self._out.append(messages.NeighborChanged.down(_name(peer), ending.reason))
        self.routes.forget(peer)
        self._timers.cancel(("tell", peer.address))
        notification = ending.notification
        if notification is not None and notification.code == ErrorCode.HOLD_TIME and ending.by == "sent":
            state = self._ports.interfaces.owner(surely(session.up).local)
            if state is not None:
                self._out.append(NeighborSilent(state.name, peer.address))

    # ----------------------------------------------------------------------------------------------------- others

    def _route_changed(self, event: RouteChanged, now: float) -> None:
        is_ours = all(one is None or one.source is RouteSource.BGP for one in (event.old, event.new))
        self.routes.route_changed(event.prefix, now)
        for peer in self.peers.values():
            if peer.settings.lines.originate_map and peer.session is not None:
                peer.pending[DEFAULT] = None
                self._tell_soon(peer, now)
        if (not is_ours or self.routes.may_resolve(event.prefix)) and self._timers.when(("hops", 0)) is None:
            self._timers.set(("hops", 0), now + SETTLING)

    def _policies_changed(self, now: float) -> None:
        """Our own routes obey at once, what is told after a moment, and what was heard when somebody clears softly."""
        self.routes.look_at_own(now)
        if self._filtered_peers():
            self._timers.set(("policy", 0), now + POLICY_DELAY)

    def _interface_changed(self, event: InterfaceChanged, now: float) -> None:
        """Sessions whose end is gone are over; directly connected external ones as soon as the line is down."""
        self._listen()
        own = {address for address, _ in event.new.addresses} if event.new is not None else set()
        lost = [address for address, _ in event.old.addresses if address not in own] if event.old is not None else []
        line_down = event.new is None or not event.new.line
        here = [address for address, _ in event.old.addresses] if event.old is not None else []
        for peer, session in list(self._by_stream.values()):
            if session.up is None or session.ending is not None:
                continue
            if session.up.local in lost or (line_down and session.up.local in here and not peer.settings.internal):
                self._out.append(StreamClose(session.stream, abort=True))
                session.end(Ending("Interface flap"))
        if event.new is not None and event.new.line and not (event.old is not None and event.old.line):
            self._reached(event.name, now)

    def _reached(self, tunnel: str, now: float) -> None:
        """Somebody new answers on a tunnel: its peers may be called now."""
        state = self._ports.interfaces.get(tunnel)
        prefix = state.prefix if state is not None else None
        for peer in self.peers.values():
            if prefix is not None and peer.address in prefix:
                self._hurry(peer, now)

    def _hurry(self, peer: Peer, now: float) -> None:
        """Call at once; a call that nobody has answered so far is begun again, since TCP waits ever longer."""
        if peer.dynamic or any(session.up is not None for session in peer.sessions):
            return
        for session in peer.sessions:
            self._out.append(StreamClose(session.stream, abort=True))
            session.end(Ending(""))
        self._bury_all(now)
        peer.retry = FIRST_RETRY
        self._call_soon(peer, now, at_once=True)

    def _clear(self, event: ClearBgp, now: float) -> None:
        for peer in list(self.peers.values()):
            if event.neighbor not in (None, peer.address):
                continue
            if event.autonomous_system not in (0, peer.settings.remote_as):
                continue
            if event.softness is Softness.HARD:
                peer.barred_until = float("-inf")
                peer.end_sessions(Cease.RESET, "User reset", now)
                self._bury_all(now)
                peer.retry = FIRST_RETRY
                if peer.address in self.peers and not peer.dynamic:
                    self._call_soon(peer, now, at_once=not peer.settings.lines.shutdown)
            else:
                inwards = event.softness is not Softness.SOFT_OUT
                outwards = event.softness is not Softness.SOFT_IN
                self._refresh(peer, now, inwards=inwards, outwards=outwards)

    def _refresh(self, peer: Peer, now: float, *, inwards: bool, outwards: bool = True) -> None:
        """Let a peer say everything again, and say everything again to it."""
        session = peer.session
        if session is None:
            return
        if inwards:
            self._timers.set(("judge", peer.address), now + SETTLING)
            if session.refreshes:
                session.send(RouteRefresh(), now)
        if outwards:
            self._say_all_again(peer, now)

    def _judge(self, peer: Peer, now: float) -> None:
        """Take what a peer told by the filters that there are now. Lists that came with them are known by now."""
        session = peer.session
        if session is not None:
            self.routes.learn(peer, session, tuple(peer.received), now)

    def _tell_by_policy(self, now: float) -> None:
        """Lists or maps have changed: tell the difference."""
        for peer in self._filtered_peers():
            self.teller.greet(peer)
            self._tell_soon(peer, now)

    def _filtered_peers(self) -> list[Peer]:
        """Those with a session for whom lists or maps decide what they hear."""
        return [peer for peer in self.peers.values() if peer.session is not None and is_filtered(peer.settings)]

    def _say_all_again(self, peer: Peer, now: float) -> None:
        peer.wants_all = True
        peer.announce_at = now
        self._tell_soon(peer, now)

    # ----------------------------------------------------------------------------------------------------- timers

    def _tick(self, now: float) -> None:
        for kind, whose in self._timers.pop_due(now):
            if kind == "hops":
                self.routes.look_again(now)
                self._check_ways(now)
            elif kind == "listen":
                self._listen()
            elif kind == "policy":
                self._tell_by_policy(now)
            elif isinstance(whose, int):
                session = self._by_stream[whose][1]
                session.expire(now)
                self._arm(session)
            elif whose in self.peers:
                self._expire(kind, self.peers[whose], now)

    def _expire(self, kind: str, peer: Peer, now: float) -> None:
        if kind == "call":
            self._call(peer, now)
        elif kind == "judge":
            self._judge(peer, now)
        else:
            self._tell(peer, now)

    def _check_ways(self, now: float) -> None:
        """`fall-over`: a peer without a route to it is given up. Those that wait for a way are called."""
        for peer in list(self.peers.values()):
            session = peer.session
            if session is not None and peer.settings.lines.fall_over:
                if self._ports.rib.lookup_without_nhrp(peer.address) is None:
                    session.notify(Notification(ErrorCode.CEASE, Cease.OUT_OF_RESOURCES), "Route to peer lost", now)
            elif peer.reason is not None and not peer.sessions and local_end(self._ports, peer.settings)[0] is not None:
                self._call_soon(peer, now, at_once=True)

    def _tell_soon(self, peer: Peer, now: float) -> None:
        due = self._timers.when(("tell", peer.address))
        if due is None or due > now + SETTLING:  # withdrawals do not wait for the interval of announcements
            self._timers.set(("tell", peer.address), now + SETTLING)

    def _tell(self, peer: Peer, now: float) -> None:
        session = peer.session
        if session is None or self.router_id is None or session.up is None:
            return
        if peer.wants_all and now >= peer.refreshed + REFRESH_PAUSE:
            self.teller.greet(peer)
            peer.again.update(dict.fromkeys(peer.advertised))
            peer.wants_all, peer.refreshed = False, now
            if session.marks_refreshes:
                peer.is_refreshed = True
                session.send(RouteRefresh(subtype=1), now)
        receiver = self.teller.receiver(peer, session, self.config.cluster_id or self.router_id, self._ports)
        later = self.teller.tell(peer, session, receiver, now)
        if peer.is_refreshed and not peer.again and not peer.pending:
            peer.is_refreshed = False
            session.send(RouteRefresh(subtype=2), now)
        if peer.wants_all:
            later = min(later or float("inf"), peer.refreshed + REFRESH_PAUSE)
        if later is not None:
            self._timers.set(("tell", peer.address), later)


def _name(peer: Peer) -> str:
    """As the log has it: guests have a star."""
    return f"*{peer.address}" if peer.dynamic else str(peer.address)
