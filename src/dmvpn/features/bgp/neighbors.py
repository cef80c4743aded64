"""Who is a neighbor, and over which connection: who is called, who may call, and what follows when one ends.

A peer is called when there is a way to it, and called again with growing pauses. Who calls us is taken if its address
is configured or in a `bgp listen range`. This alone writes the table of peers and that of connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import jittered
from dmvpn.base.reasons import Reason
from dmvpn.base.streams import StreamClose, StreamListen, StreamOpen
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.codes import Cease, ErrorCode
from dmvpn.features.bgp.opening import Identity
from dmvpn.features.bgp.packet import Notification
from dmvpn.features.bgp.peer import Peer
from dmvpn.features.bgp.restart import Restart
from dmvpn.features.bgp.session import Ending, Session, cease
from dmvpn.features.bgp.settings import caller_of, calling_guests, guest
from dmvpn.features.bgp.ways import leads_past_its_tunnel, local_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from ipaddress import IPv4Address

    from dmvpn.base.notices import InterfaceChanged
    from dmvpn.base.streams import StreamPeer, StreamUp
    from dmvpn.features.bgp.process import Process
    from dmvpn.features.bgp.settings import PeerSettings

PORT: Final = 179
#: Seconds between two log messages about connections of one peer that fail alike, and how many peers are told apart.
_COMPLAINT_PAUSE: Final = 60.0
_MOST_COMPLAINTS: Final = 64
#: Seconds until a port that could not be opened is tried again.
LISTEN_RETRY: Final = 30.0


class Neighbors:
    """peers: by address. by_stream: the connections. gone: is told of each session that was established and is over."""

    def __init__(self, process: Process, gone: Callable[[Peer, Session, Ending, float], None]) -> None:
        self._process = process
        self._gone = gone
        self._ended: list[Session] = []
        self._failures: dict[tuple[IPv4Address, int, int], float] = {}
        self._listening: StreamListen | None = None
        self._callers: dict[IPv4Address, StreamPeer] = {}
        self._are_others = False  # they are not those whom we listened to last
        self._calling_guests: tuple[StreamPeer, ...] = ()
        self._guests = 0
        self.peers: dict[IPv4Address, Peer] = {}
        self.by_stream: dict[int, tuple[Peer, Session]] = {}

    # ---------------------------------------------------------------------------------------------- configuration

    def add(self, settings: PeerSettings, now: float) -> None:
        """Add a peer that is configured: it is called at once."""
        self.peers[settings.address] = Peer(settings, dynamic=False)
        self.call_soon(self.peers[settings.address], now, at_once=True)

    def remove(self, peer: Peer, now: float) -> None:
        """Remove a peer that is configured no more."""
        self._forget(peer)
        self.reset(peer, Cease.DECONFIGURED, "Neighbor deleted", now)
        self._process.timers.cancel(("call", peer.address))

    def reset(self, peer: Peer, subcode: Cease, reason: str, now: float) -> None:
        """End the sessions with a peer, and say why."""
        peer.end_sessions(subcode, reason, now)
        self.bury_all(now)

    def sign(self, peer: Peer, now: float) -> None:
        """Go on by another password where there is a session, as IOS does; what only begins is given up."""
        for session in list(peer.sessions):
            if session.is_established:
                session.sign(peer.settings.lines.password)
            else:
                session.notify(cease(Cease.CONFIGURATION_CHANGE), "Config change", now)
        self.bury_all(now)

    def configure_callers(self, wanted: Mapping[IPv4Address, PeerSettings]) -> None:
        """Follow other lines: others may call.

        wanted: the settings of all configured peers.
        """
        config = self._process.config
        self._callers, self._calling_guests = {}, tuple(calling_guests(config)) if config.local_as else ()
        self._are_others = True
        self.configure_some_callers(wanted)

    def configure_some_callers(self, changed: Mapping[IPv4Address, PeerSettings | None]) -> None:
        """Do the same for a few peers of many.

        changed: their settings; None: they are configured no more.
        """
        for address, settings in changed.items():
            caller = caller_of(settings) if settings is not None else None
            if caller == self._callers.get(address):
                continue
            self._are_others = True
            if caller is not None:
                self._callers[address] = caller
            else:
                del self._callers[address]

    def listen(self) -> None:
        """Have the port opened for those who may call, if that is something new."""
        if not self._are_others and self._listening is not None:
            return
        self._are_others = False
        order = StreamListen(PORT, (*self._callers.values(), *self._calling_guests))
        if order != self._listening and (order.peers or self._listening is not None):
            self._listening = order
            self._process.order(order)

    def listen_again(self) -> None:
        """Listen again, since somebody forgot that we do."""
        self._listening = None
        self.listen()

    def cannot_listen(self, text: str, now: float) -> None:
        """Note that the port could not be opened; text: why."""
        self._process.order(messages.CannotListen.of(text))
        self._listening = None
        self._process.timers.set(("listen", 0), now + LISTEN_RETRY)

    # ------------------------------------------------------------------------------------------------------ calls

    def call_soon(self, peer: Peer, now: float, *, at_once: bool = False) -> None:
        """Call a peer at once, or after a pause that grows."""
        pause = 0.0 if at_once else jittered(self._process.ports.entropy, peer.pause(), 0.25)
        self._process.timers.set(("call", peer.address), now + pause)

    def call(self, peer: Peer, now: float) -> None:
        """Open a connection, if there is none and there is a way."""
        if peer.sessions or peer.dynamic or peer.settings.lines.shutdown or now < peer.barred_until:
            return
        peer.bar()
        local, why = local_end(self._process.ports, peer.settings)
        peer.wait(Reason(why, since=now) if why is not None else None)
        self.call_soon(peer, now)
        identity = self._identity(peer.settings)
        if local is None or identity is None or peer.settings.lines.passive:
            return
        settings = peer.settings
        session = self._new_session(peer, self._process.ports.streams.next(), identity)
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
        self.arm(session)
        self._process.order(order)

    def _identity(self, settings: PeerSettings, *, dynamic: bool = False) -> Identity | None:
        self._process.choose_router_id()
        if self._process.router_id is None:
            return None
        return Identity(
            local_as=settings.local_as,
            remote_as=settings.remote_as,
            router_id=self._process.router_id,
            hold_time=settings.hold_time,
            keepalive=settings.keepalive,
            least_hold_time=settings.least_hold_time,
            marks_refreshes=not settings.lines.plain_refresh,
            restart=Restart(seconds=self._process.config.restart_time) if settings.helps else None,
            additional=settings.additional,
            alternates=settings.lines.alternates if dynamic else (),
        )

    def _new_session(self, peer: Peer, stream: int, identity: Identity) -> Session:
        process, address = self._process, peer.address

        def trace(flag: str, text: str) -> None:
            if process.traces(address, flag):
                process.debug([f"BGP: {address} {text}"])

        session = Session(stream, identity, peer.counts, process.order, self._ended.append, trace)
        peer.sessions.append(session)
        self.by_stream[stream] = peer, session
        return session

    # ------------------------------------------------------------------------------------------------ connections

    def connected(self, up: StreamUp, now: float) -> None:
        """Take a connection: one that we opened, or that somebody else did."""
        if not up.taken:
            found = self.by_stream.get(up.stream)
            if found is not None:
                found[1].connected(up, now)
                self.arm(found[1])
            return
        way = self._process.ports.rib.lookup_without_nhrp(up.remote)
        is_past = way is not None and bool(way.next_hops) and leads_past_its_tunnel(self._process.ports, up.remote, way)
        peer = self._caller(up) if not is_past else None
        identity = self._identity(peer.settings, dynamic=peer.dynamic) if peer is not None else None
        if peer is None or identity is None or peer.settings.lines.shutdown or peer.is_busy or now < peer.barred_until:
            if peer is not None:
                self.forget_guest(peer)
            self._process.order(StreamClose(up.stream, abort=True))
            return
        session = self._new_session(peer, up.stream, identity)
        session.connected(up, now)
        self.arm(session)

    def _caller(self, up: StreamUp) -> Peer | None:
        """Return who called: a configured peer, or a guest of a range, unless there are too many."""
        known = self.peers.get(up.remote)
        if known is not None:
            source = known.settings.lines.update_source
            state = self._process.ports.interfaces.get(source) if source else None
            return known if state is None or state.address == up.local else None
        settings = guest(self._process.config, up.remote)
        if settings is None or self._guests >= self._process.config.listen_limit:
            return None
        self.peers[up.remote] = Peer(settings, dynamic=True)
        self._guests += 1
        return self.peers[up.remote]

    def recognize(self, peer: Peer, session: Session) -> None:
        """Obey the lines of the system that a guest says it is in, where a range has several."""
        remote_as = session.identity.remote_as
        if peer.dynamic and remote_as != peer.settings.remote_as:
            known = guest(self._process.config, peer.address, remote_as=remote_as)
            peer.obey(peer.settings if known is None else known)

    def forget_guest(self, peer: Peer) -> None:
        """Forget a guest that is gone, and not awaited after a restart."""
        if peer.dynamic and not peer.sessions and self._process.timers.when(("restart", peer.address)) is None:
            self._forget(peer)

    def _forget(self, peer: Peer) -> None:
        if self.peers.pop(peer.address, None) is not None:
            self._guests -= peer.dynamic

    def arm(self, session: Session) -> None:
        """Wake up when the session wants to."""
        due = session.timers.next()
        if due is None:
            self._process.timers.cancel(("session", session.stream))
        else:
            self._process.timers.set(("session", session.stream), due)

    def bury_all(self, now: float) -> None:
        """Have done with the sessions that ended."""
        while self._ended:
            self._bury(self._ended.pop(0), now)

    def _bury(self, session: Session, now: float) -> None:
        """Bury a session that is over: say so, and call again."""
        peer, _ = self.by_stream.pop(session.stream)
        peer.sessions.remove(session)
        self._process.timers.cancel(("session", session.stream))
        ending = session.ending
        if ending is None:
            raise AssertionError("a session that has not ended is buried")
        notification = ending.notification
        if notification is not None and ending.by and ending.reason and self._may_log(session, peer, notification, now):
            way = "sent to" if ending.by == "sent" else "received from"
            is_stuck = notification.code == ErrorCode.SEND_HOLD_TIME and ending.by == "stuck"
            told = messages.Notified.of(way, peer.address, notification)
            self._process.order(messages.Stuck.of(peer.address, session.send_hold_time) if is_stuck else told)
        if session.was_established:
            self._gone(peer, session, ending, now)
        if peer.sessions or self.peers.get(peer.address) is not peer:
            return
        if peer.dynamic:
            self.forget_guest(peer)
        elif not peer.settings.lines.shutdown and self._process.timers.when(("call", peer.address)) is None:
            self.call_soon(peer, now)

    def _may_log(self, session: Session, peer: Peer, notification: Notification, now: float) -> bool:
        """Return whether the log may have another line about connections that never became a session: one a minute."""
        if session.was_established:
            return True
        self._failures = {key: said for key, said in self._failures.items() if now - said < _COMPLAINT_PAUSE}
        key = peer.address, notification.code, notification.subcode
        if key in self._failures or len(self._failures) >= _MOST_COMPLAINTS:
            return False
        self._failures[key] = now
        return True

    def interface_changed(self, event: InterfaceChanged, now: float) -> None:
        """End sessions whose end is gone; directly connected external ones as soon as the line is down."""
        self.listen()
        own = {address for address, _ in event.new.addresses} if event.new is not None else set()
        lost = [address for address, _ in event.old.addresses if address not in own] if event.old is not None else []
        falls_over = self._process.config.falls_over and (event.new is None or not event.new.line)
        here = [address for address, _ in event.old.addresses] if event.old is not None else []
        for peer, session in list(self.by_stream.values()):
            if session.up is None or session.ending is not None:
                continue
            if session.up.local in lost or (falls_over and session.up.local in here and not peer.settings.internal):
                self._process.order(StreamClose(session.stream, abort=True))
                session.end(Ending("Interface flap"))
        if event.new is not None and event.new.line and not (event.old is not None and event.old.line):
            self.reached(event.name, now)

    def checking_ways(self) -> Iterator[None]:
        """Give up peers with `fall-over` that have no route to them. Those that wait for a way are called."""
        for address in list(self.peers):
            peer, now = self.peers.get(address), self._process.now
            if peer is None:
                continue
            session = peer.session
            if session is not None and peer.settings.lines.fall_over:
                if self._process.ports.rib.lookup_without_nhrp(peer.address) is None:
                    session.notify(Notification(ErrorCode.CEASE, Cease.OUT_OF_RESOURCES), "Route to peer lost", now)
            elif (
                peer.reason is not None
                and not peer.sessions
                and local_end(self._process.ports, peer.settings)[0] is not None
            ):
                self.call_soon(peer, now, at_once=True)
            yield

    def reached(self, tunnel: str, now: float) -> None:
        """Call peers on a tunnel now, because somebody new answers there."""
        state = self._process.ports.interfaces.get(tunnel)
        prefix = state.prefix if state is not None else None
        for peer in self.peers.values():
            if prefix is not None and peer.address in prefix:
                self._hurry(peer, now)

    def _hurry(self, peer: Peer, now: float) -> None:
        """Call at once; a call that nobody has answered so far is begun again, since TCP waits ever longer."""
        if peer.dynamic or any(session.up is not None for session in peer.sessions):
            return
        for session in peer.sessions:
            self._process.order(StreamClose(session.stream, abort=True))
            session.end(Ending(""))
        self.bury_all(now)
        peer.be_called_often()
        self.call_soon(peer, now, at_once=True)
