"""The life of a neighbor: it is configured, or connects by itself, its sessions come up, its messages come, they end.

    an OPEN and a KEEPALIVE ──> established ──> restarts, advertiser, BFD
    a session that ended ──> buried at the event's end ──> log, restarts, advertiser ──> reconnect, or forget it

An incoming connection is accepted if its address is configured or in a `bgp listen range`.

    StreamData ──> Session ──> Update ──> AdjRibIn ──> learning
                          └──> RouteRefresh ──> advertiser, AdjRibIn

A neighbor may cause so much work in a second, counted in prefixes; then it waits: we read nothing of it for a moment,
and its session stays. After a few seconds we read once, whatever it owes: we notice if it is dead. Prefixes that it did
not have before are free, because a whole table is to arrive quickly; `maximum-prefix` bounds them. So what counts is
prefixes that change, that it withdraws or that are not taken, and messages that bring none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.chronicle import Sign
from dmvpn.base.context import Timer, TimerQueue
from dmvpn.base.errors import surely
from dmvpn.base.limits import Budgets
from dmvpn.base.notices import InterfaceChanged, InterfaceState, NeighborSilent
from dmvpn.base.streams import StreamClose, StreamDown, StreamListen, StreamPeer, StreamUp
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.input import may_return
from dmvpn.features.bgp.neighbor import (
    PORT,
    Connector,
    Neighbor,
    NeighborTimers,
    State,
    leads_past_its_tunnel,
    local_end,
    network_of,
    watch,
)
from dmvpn.features.bgp.packet import Cease, ErrorCode, Notification, RouteRefresh, Update
from dmvpn.features.bgp.session import RESTARTED, Ending, Session, cease
from dmvpn.features.bgp.settings import PeerSettings, caller_of, calling_guests, guest
from dmvpn.features.bgp.tables import Table

# --------------------------------------------------------------------------------------------- sessions come up and end


#: Seconds between two log messages about connections of one peer that fail with the same error, and how many such pairs
#: of peer and error are tracked.
_COMPLAINT_PAUSE: Final = 60.0
_MOST_COMPLAINTS: Final = 64


class Lifecycle:
    """Acts on sessions that are established, and on sessions that ended."""

    def __init__(self, state: State, connector: Connector, tables: Mapping[bytes, Table]) -> None:
        """tables: the families of the process, by key."""
        self._state = state
        self._context = state.context
        self._connector = connector
        self._tables = tables
        self._failures: dict[tuple[IPAddress, int, int], float] = {}

    # ---------------------------------------------------------------------------------------------------- coming

    def established(self, peer: Neighbor, session: Session) -> None:
        """Act on a session that became established: other sessions with the same neighbor end."""
        for other in [one for one in peer.sessions if one is not session]:
            self.collide(other)
        self.bury_all()
        # The range of a dynamic neighbor may allow several AS numbers: the OPEN says which.
        remote_as = session.identity.remote_as
        if peer.dynamic and remote_as != peer.settings.remote_as:
            known = guest(self._state.config, peer.address, remote_as=remote_as)
            peer.obey(peer.settings if known is None else known)
        peer.came_up(surely(session.peer_open).identifier, self._context.now)
        if self._state.config.log_changes:
            self._context.emit(messages.neighbor_changed(_name(peer), self._context.ports.vrf, "Up"))
        self._tell(peer, session, Sign.CAME, "established")
        for key, one in peer.peers.items():
            if key in session.families:
                self._tables[key].restarts.back(one, session)
                self._tables[key].advertiser.join(one, session)
        if peer.settings.lines.bfd:
            self._context.emit(*watch(self._state.ports, peer, session, wanted=True))

    @staticmethod
    def collide(session: Session) -> None:
        """End a session that loses a collision: RFC 4271 §6.8.

        If it was established, its connection was lost: without graceful restart the new connection would be refused.
        """
        if session.is_established:
            session.give_way()
        else:
            session.notify(cease(Cease.COLLISION), "")

    # ---------------------------------------------------------------------------------------------------- ending

    def reset(self, peer: Neighbor, subcode: Cease, reason: str) -> None:
        """End the sessions with a neighbor with a Cease NOTIFICATION."""
        peer.end_sessions(subcode, reason)
        self.bury_all()

    def bury_all(self) -> None:
        """Act on the sessions that ended."""
        ended = self._state.ended
        while ended:
            session = ended.pop(0)
            state, peer = self._state, self._state.close(session)
            ending = surely(session.ending)
            self._log(peer, session, ending)
            if session.was_established:
                self._gone(peer, session, ending)
            if peer.sessions or state.neighbors.get(peer.address) is not peer:
                continue
            if peer.dynamic:
                state.forget_guest(peer)
            elif not peer.settings.lines.shutdown and not self._context.is_running(peer.timers.connect):
                self._connector.connect_soon(peer)

    def _log(self, peer: Neighbor, session: Session, ending: Ending) -> None:
        """Log the NOTIFICATION that ended a session."""
        notification = ending.notification
        if notification is None or not ending.by or not ending.reason:
            return
        if not session.was_established and not self._may_log(peer, notification):
            return
        if notification.code == ErrorCode.SEND_HOLD_TIME and ending.by == "stuck":
            self._context.emit(messages.stuck(peer.address, session.send_hold_time))
        else:
            way = "sent to" if ending.by == "sent" else "received from"
            self._context.emit(messages.notified(way, peer.address, notification))

    def _may_log(self, peer: Neighbor, notification: Notification) -> bool:
        """Return whether a failed connection may be logged: one message a minute for each peer and error."""
        now = self._context.now
        self._failures = {key: said for key, said in self._failures.items() if now - said < _COMPLAINT_PAUSE}
        key = peer.address, notification.code, notification.subcode
        if key in self._failures or len(self._failures) >= _MOST_COMPLAINTS:
            return False
        self._failures[key] = now
        return True

    def _gone(self, peer: Neighbor, session: Session, ending: Ending) -> None:
        """Act on the end of an established session."""
        ports, emit = self._state.ports, self._context.emit
        peer.went_down(ending.reason, self._context.now)
        emit(*watch(ports, peer, session, wanted=False))
        if self._state.config.log_changes:
            emit(messages.neighbor_changed(_name(peer), self._context.ports.vrf, f"Down {ending.reason}"))
        self._tell(peer, session, Sign.WENT, ending.reason)
        for key, one in peer.peers.items():
            if key in session.families:
                self._tables[key].restarts.lost(one, session, ending)
                self._tables[key].advertiser.leave(one)
        notification = ending.notification
        if notification is not None and notification.code == ErrorCode.HOLD_TIME and ending.by == "sent":
            state = ports.interfaces.owner(surely(session.up).local)
            if state is not None:
                emit(NeighborSilent(state.name, peer.address))

    def _tell(self, peer: Neighbor, session: Session, sign: Sign, text: str) -> None:
        """Report to the chronicle that a neighbor came up or went down, whether or not that is logged."""
        state = self._state.ports.interfaces.owner(session.up.local) if session.up is not None else None
        name = state.name if state is not None else ""
        self._context.tell_of_neighbor(sign, peer.address, name, f"BGP: {text}")


def _name(peer: Neighbor) -> str:
    """Return the name of a neighbor in the log: a dynamic one has a star."""
    return f"*{spelled(peer.address)}" if peer.dynamic else spelled(peer.address)


# ------------------------------------------------------------------------------------------------ messages


#: Work that one neighbor may cause in a second, a tenth of a core, and at once, a whole table that changes; and that of
#: a request to repeat our table.
RATE: Final = 4_000
CREDIT: Final = 100_000
REFRESH: Final = 4_000
#: Seconds for which we read nothing of a neighbor, at most.
LONGEST_PAUSE: Final = 3.0
#: Neighbors whose turn it is in one event.
_AT_ONCE: Final = 32


class Reception:
    """Passes messages from neighbors to the parts that handle them."""

    def __init__(self, state: State, lifecycle: Lifecycle, tables: Mapping[bytes, Table]) -> None:
        self._state = state
        self._context = state.context
        self._lifecycle = lifecycle
        self._tables = tables
        self._budgets: Budgets[IPAddress] = Budgets(RATE, CREDIT)
        self._turns: TimerQueue[int] = TimerQueue(self._context, "read a neighbor again", self._turn, most=_AT_ONCE)

    def receive(self, peer: Neighbor, session: Session, octets: bytes) -> None:
        """Take octets from a connection, and handle all complete messages."""
        was_open = session.peer_open is not None
        was_established = session.is_established
        alive, work = peer.counts.keepalives[1], 0
        for message in session.take(octets):
            if not was_established:
                was_established = True
                self._lifecycle.established(peer, session)
            if isinstance(message, Update):
                work += self._take_update(peer, session, message)
            else:
                work += self._take_refresh(peer, session, message)
        if session.is_established and not was_established:
            self._lifecycle.established(peer, session)
        elif session.peer_open is not None and not was_open:
            for loser in peer.losers(session):
                self._lifecycle.collide(loser)
        # A neighbor that causes too much work waits.
        budgets, address, now = self._budgets, peer.address, self._context.now
        budgets.charge(address, work + peer.counts.keepalives[1] - alive, now)
        if session.is_established and not budgets.may(address, now):
            session.pause()
            self._turns.set(session.stream, min(budgets.when(address, now), now + LONGEST_PAUSE))

    def _turn(self, stream: int) -> None:
        if stream in self._state.by_stream:
            self._state.by_stream[stream][1].go_on()

    def _take_refresh(self, neighbor: Neighbor, session: Session, refresh: RouteRefresh) -> int:
        """Handle a request of a peer to repeat our routes, or the marks of its own refresh (RFC 7313).

        Returns how much work of the neighbor it counts as: a request that waits already causes no more.
        """
        peer = neighbor.peers.get(refresh.key)
        if peer is None or refresh.key not in session.families:
            return 1
        table = self._tables[refresh.key]
        match refresh.subtype:
            case 0 if table.advertiser.repeat(peer):
                return REFRESH
            case 1 | 2 if session.marks_refreshes:
                table.learn(peer, table.adj_rib_in.refresh(peer, ends=refresh.subtype == 2))
                return REFRESH
        return 1

    def _take_update(self, neighbor: Neighbor, session: Session, update: Update) -> int:
        """Apply an UPDATE of one family. Returns how much work of the neighbor it counts as."""
        if update.family not in session.families:
            return 1
        table, peer = self._tables[update.family], neighbor.peers[update.family]
        if update.ends_table:
            table.restarts.end_of_rib(peer)
            return 1
        own, now = session.identity.router_id, self._context.now
        if self._state.traces(peer.address, messages.UPDATES, messages.UPDATES_IN):
            said = table.adj_rib_in.readable(peer, session, update)
            self._context.debug(*messages.received_lines(table.family.number, peer.address, update, said))
        before, known = table.flaps.before(peer, update), len(peer.received)
        changed = table.adj_rib_in.take(peer, session, update, own, self._state.config.cluster_id or own, now)
        table.flaps.received(peer, before, changed)
        table.learn(peer, changed)
        fresh = max(0, len(peer.received) - known)
        table.limits.check_all()
        return len(update.announced) + len(update.withdrawn) - fresh + (not fresh)


def lost_by(session: Session, event: StreamDown) -> Ending:
    """Return the ending of a session whose connection was lost."""
    ending = Ending("Peer closed the session" if session.up is not None else event.end.value, is_lost=True)
    return replace(ending, reason=RESTARTED) if may_return(session, ending) else ending


# ------------------------------------------------------------------------------------- configured and dynamic neighbors


#: Seconds until we try again to open a port that could not be opened.
LISTEN_RETRY: Final = 30.0


class Neighbors:
    """Adds and removes neighbors, and accepts their connections."""

    def __init__(self, state: State, connector: Connector, lifecycle: Lifecycle, tables: Mapping[bytes, Table]) -> None:
        self._state = state
        self._context = state.context
        self._connector = connector
        self._lifecycle = lifecycle
        self._tables = tables
        self._listening: StreamListen | None = None
        self._listen_timer = Timer("try again to open the port", self.listen)
        self._callers: dict[IPAddress, StreamPeer] = {}
        self._are_others = False  # the accepted peers changed since the last StreamListen
        self._calling_guests: tuple[StreamPeer, ...] = ()

    # ---------------------------------------------------------------------------------------------- configuration

    def add(self, settings: PeerSettings) -> None:
        """Add a configured peer and connect to it immediately."""
        self._connector.connect_soon(self._new(settings, dynamic=False), at_once=True)

    def _new(self, settings: PeerSettings, *, dynamic: bool) -> Neighbor:
        address = settings.address
        timers = NeighborTimers(
            connect=Timer("call a neighbor", lambda: self._connector.connect(neighbor), address),
            leave=Timer("graceful shutdown ends, RFC 8326", lambda: self._leave(neighbor), address),
        )
        neighbor = Neighbor(settings, timers, dynamic=dynamic)
        self._state.add(neighbor)
        self.join_families(neighbor)
        return neighbor

    def join_families(self, neighbor: Neighbor) -> None:
        """Add a neighbor to the families in which it is active now, and remove it from the other families."""
        wanted = {one.family: one for one in neighbor.settings.in_families}
        for key in [key for key in neighbor.peers if key not in wanted]:
            self._tables[key].leave(neighbor.peers[key])
        for key, settings in wanted.items():
            if key not in neighbor.peers:
                self._tables[key].join(neighbor, settings)

    def _leave(self, peer: Neighbor) -> None:
        """End the sessions with a peer after its graceful shutdown, unless its configuration changed."""
        if peer.settings.is_leaving:
            self._lifecycle.reset(peer, Cease.SHUTDOWN, "Admin. shutdown")

    def remove(self, peer: Neighbor) -> None:
        """Remove a peer that is no longer configured."""
        self._state.forget_neighbor(peer)
        self._lifecycle.reset(peer, Cease.DECONFIGURED, "Neighbor deleted")
        for key, one in peer.peers.items():
            self._tables[key].restarts.give_up(one)
        peer.forget_families()

    def sign(self, peer: Neighbor) -> None:
        """Change the TCP MD5 password: established sessions continue with it, as on IOS; the other connections are
        closed.
        """
        for session in list(peer.sessions):
            if session.is_established:
                session.sign(peer.settings.lines.password)
            else:
                session.notify(cease(Cease.CONFIGURATION_CHANGE), "Config change")
        self._lifecycle.bury_all()

    def configure_callers(self, wanted: Mapping[IPAddress, PeerSettings]) -> None:
        """Replace the peers from which connections are accepted.

        wanted: the settings of all configured peers.
        """
        config = self._state.config
        self._callers, self._calling_guests = {}, tuple(calling_guests(config)) if config.local_as else ()
        self._are_others = True
        self.configure_some_callers(wanted)

    def configure_some_callers(self, changed: Mapping[IPAddress, PeerSettings | None]) -> None:
        """Update a few of the peers from which connections are accepted.

        changed: their settings; None: no longer configured.
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
        """Open the port for the accepted peers, if they changed."""
        if not self._are_others and self._listening is not None:
            return
        self._are_others = False
        order = StreamListen(PORT, (*self._callers.values(), *self._calling_guests))
        if order != self._listening and (order.peers or self._listening is not None):
            self._listening = order
            self._context.emit(order)

    def listen_again(self) -> None:
        """Listen again because the open port was lost (`Resync`)."""
        self._listening = None
        self.listen()

    def stop(self) -> None:
        """Stop trying to open the port because the process ends."""
        self._context.stop(self._listen_timer)

    def cannot_listen(self, text: str) -> None:
        """Handle a failure to open the port; text: the error."""
        self._context.emit(messages.cannot_listen(text))
        self._listening = None
        self._context.start(self._listen_timer, LISTEN_RETRY)

    # ------------------------------------------------------------------------------------------------ connections

    def connected(self, up: StreamUp) -> None:
        """Handle a new connection, outgoing or incoming."""
        state = self._state
        if not up.taken:
            found = state.by_stream.get(up.stream)
            if found is not None:
                found[1].connected(up)
            return
        way = state.ports.rib.lookup_without_nhrp(up.remote)
        is_past = way is not None and bool(way.next_hops) and leads_past_its_tunnel(state.ports, up.remote, way)
        peer = self._caller(up) if not is_past else None
        identity = self._connector.identity(peer.settings, dynamic=peer.dynamic) if peer is not None else None
        if (
            peer is None
            or identity is None
            or peer.settings.lines.shutdown
            or peer.is_busy
            or self._context.now < peer.barred_until
        ):
            if peer is not None:
                state.forget_guest(peer)
            self._context.emit(StreamClose(up.stream, abort=True))
            return
        self._connector.open(peer, up.stream, identity).connected(up)

    def _caller(self, up: StreamUp) -> Neighbor | None:
        """Return the peer of an incoming connection: configured, or a new dynamic one unless there are too many."""
        state, remote = self._state, up.remote
        known = state.neighbors.get(remote)
        if known is not None:
            source = known.settings.lines.update_source
            interface = state.ports.interfaces.get(source) if source else None
            return known if interface is None or interface.primary(remote.version) == up.local else None
        settings = guest(state.config, remote)
        if settings is None or state.guests >= state.config.listen_limit:
            return None
        return self._new(settings, dynamic=True)

    def interface_changed(self, event: InterfaceChanged) -> None:
        """End sessions whose local address is gone; directly connected external ones as soon as the line is down."""
        self.listen()
        own, here = ([address for address, _ in _addresses(one)] for one in (event.new, event.old))
        lost = [address for address in here if address not in own]
        falls_over = self._state.config.falls_over and (event.new is None or not event.new.line)
        for peer, session in list(self._state.by_stream.values()):
            if session.up is None or session.ending is not None:
                continue
            if session.up.local in lost or (falls_over and session.up.local in here and not peer.settings.internal):
                self._context.emit(StreamClose(session.stream, abort=True))
                session.end(Ending("Interface flap"))
        if event.new is not None and event.new.line and not (event.old is not None and event.old.line):
            self.reached(event.name)

    def checking_ways(self) -> Iterator[None]:
        """End sessions with `fall-over` to peers without a route, and connect to peers that waited for a route."""
        ports, peers = self._state.ports, self._state.neighbors
        for address in list(peers):
            peer = peers.get(address)
            if peer is None:
                continue
            session = peer.session
            if session is not None and peer.settings.lines.fall_over:
                if ports.rib.lookup_without_nhrp(peer.address) is None:
                    session.notify(Notification(ErrorCode.CEASE, Cease.OUT_OF_RESOURCES), "Route to peer lost")
            elif peer.reason is not None and not peer.sessions and local_end(ports, peer.settings)[0] is not None:
                self._connector.connect_soon(peer, at_once=True)
            yield

    def reached(self, tunnel: str) -> None:
        """Connect to the peers on a tunnel now, because multicast over it reaches a new router."""
        interface = self._state.ports.interfaces.get(tunnel)
        for peer in list(self._state.neighbors.values()):
            prefix = network_of(interface, peer.address.version) if interface is not None else None
            if prefix is not None and peer.address in prefix:
                # An attempt without an answer so far is restarted, because TCP retries with growing pauses.
                if peer.dynamic or any(session.up is not None for session in peer.sessions):
                    continue
                for session in peer.sessions:
                    self._context.emit(StreamClose(session.stream, abort=True))
                    session.end(Ending(""))
                self._lifecycle.bury_all()
                peer.be_called_often()
                self._connector.connect_soon(peer, at_once=True)


def _addresses(state: InterfaceState | None) -> tuple[tuple[IPAddress, int], ...]:
    return (*state.addresses, *state.routed(6)) if state is not None else ()
