"""The neighbors: configured ones, dynamic ones that connect to us, and the routes to them.

An incoming connection is accepted if its address is configured or in a `bgp listen range`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.streams import StreamClose, StreamListen
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.neighbor import PORT, Peer, PeerTimers, leads_past_its_tunnel, local_end
from dmvpn.features.bgp.packet import Cease, ErrorCode, Notification
from dmvpn.features.bgp.session import Ending, cease
from dmvpn.features.bgp.settings import caller_of, calling_guests, guest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from ipaddress import IPv4Address

    from dmvpn.base.notices import InterfaceChanged
    from dmvpn.base.streams import StreamPeer, StreamUp
    from dmvpn.features.bgp.helper import Restarts
    from dmvpn.features.bgp.learning import Learning
    from dmvpn.features.bgp.lifecycle import Lifecycle
    from dmvpn.features.bgp.neighbor import Calls, State
    from dmvpn.features.bgp.settings import PeerSettings

#: Seconds until we try again to open a port that could not be opened.
LISTEN_RETRY: Final = 30.0
#: Cost of filtering the routes of a neighbor again, from the budget for one event.
_JUDGE_COST: Final = 16


class Neighbors:
    """Adds and removes neighbors, and accepts their connections."""

    def __init__(
        self, state: State, calls: Calls, lifecycle: Lifecycle, restarts: Restarts, learning: Learning
    ) -> None:
        self._state = state
        self._context = state.context
        self._calls = calls
        self._lifecycle = lifecycle
        self._restarts = restarts
        self._learning = learning
        self._listening: StreamListen | None = None
        self._listen_timer = Timer("try again to open the port", self.listen)
        self._callers: dict[IPv4Address, StreamPeer] = {}
        self._are_others = False  # the accepted peers changed since the last StreamListen
        self._calling_guests: tuple[StreamPeer, ...] = ()

    # ---------------------------------------------------------------------------------------------- configuration

    def add(self, settings: PeerSettings) -> None:
        """Add a configured peer and connect to it immediately."""
        self._calls.call_soon(self._new(settings, dynamic=False), at_once=True)

    def _new(self, settings: PeerSettings, *, dynamic: bool) -> Peer:
        address = settings.address
        timers = PeerTimers(
            call=Timer("call a neighbor", lambda: self._calls.call(peer), address),
            leave=Timer("graceful shutdown ends, RFC 8326", lambda: self._leave(peer), address),
            restart=Timer("restart time, RFC 4724 §4.2", lambda: self._restarts.not_back(peer), address),
            judge=Timer(
                "filter the routes again", lambda: self._learning.add(peer, peer.received), address, _JUDGE_COST
            ),
        )
        peer = Peer(settings, timers, dynamic=dynamic)
        self._state.add(peer)
        return peer

    def _leave(self, peer: Peer) -> None:
        """End the sessions with a peer after its graceful shutdown, unless its configuration changed."""
        if peer.settings.is_leaving:
            self._lifecycle.reset(peer, Cease.SHUTDOWN, "Admin. shutdown")

    def remove(self, peer: Peer) -> None:
        """Remove a peer that is no longer configured."""
        self._state.forget(peer)
        self._lifecycle.reset(peer, Cease.DECONFIGURED, "Neighbor deleted")
        self._restarts.give_up(peer)

    def sign(self, peer: Peer) -> None:
        """Change the TCP MD5 password: established sessions continue with it, as on IOS; the other connections are
        closed.
        """
        for session in list(peer.sessions):
            if session.is_established:
                session.sign(peer.settings.lines.password)
            else:
                session.notify(cease(Cease.CONFIGURATION_CHANGE), "Config change")
        self._lifecycle.bury_all()

    def configure_callers(self, wanted: Mapping[IPv4Address, PeerSettings]) -> None:
        """Replace the peers from which connections are accepted.

        wanted: the settings of all configured peers.
        """
        config = self._state.config
        self._callers, self._calling_guests = {}, tuple(calling_guests(config)) if config.local_as else ()
        self._are_others = True
        self.configure_some_callers(wanted)

    def configure_some_callers(self, changed: Mapping[IPv4Address, PeerSettings | None]) -> None:
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
        self._context.emit(messages.CannotListen.of(text))
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
        identity = self._calls.identity(peer.settings, dynamic=peer.dynamic) if peer is not None else None
        if peer is None or identity is None or self._is_unwelcome(peer):
            if peer is not None:
                state.forget_guest(peer)
            self._context.emit(StreamClose(up.stream, abort=True))
            return
        self._calls.open(peer, up.stream, identity).connected(up)

    def _is_unwelcome(self, peer: Peer) -> bool:
        """Return whether an incoming connection of this peer is refused."""
        return peer.settings.lines.shutdown or peer.is_busy or self._context.now < peer.barred_until

    def _caller(self, up: StreamUp) -> Peer | None:
        """Return the peer of an incoming connection: configured, or a new dynamic one unless there are too many."""
        state = self._state
        known = state.peers.get(up.remote)
        if known is not None:
            source = known.settings.lines.update_source
            interface = state.ports.interfaces.get(source) if source else None
            return known if interface is None or interface.address == up.local else None
        settings = guest(state.config, up.remote)
        if settings is None or state.guests >= state.config.listen_limit:
            return None
        return self._new(settings, dynamic=True)

    def interface_changed(self, event: InterfaceChanged) -> None:
        """End sessions whose local address is gone; directly connected external ones as soon as the line is down."""
        self.listen()
        own = {address for address, _ in event.new.addresses} if event.new is not None else set()
        lost = [address for address, _ in event.old.addresses if address not in own] if event.old is not None else []
        falls_over = self._state.config.falls_over and (event.new is None or not event.new.line)
        here = [address for address, _ in event.old.addresses] if event.old is not None else []
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
        ports, peers = self._state.ports, self._state.peers
        for address in list(peers):
            peer = peers.get(address)
            if peer is None:
                continue
            session = peer.session
            if session is not None and peer.settings.lines.fall_over:
                if ports.rib.lookup_without_nhrp(peer.address) is None:
                    session.notify(Notification(ErrorCode.CEASE, Cease.OUT_OF_RESOURCES), "Route to peer lost")
            elif peer.reason is not None and not peer.sessions and local_end(ports, peer.settings)[0] is not None:
                self._calls.call_soon(peer, at_once=True)
            yield

    def reached(self, tunnel: str) -> None:
        """Connect to the peers on a tunnel now, because multicast over it reaches a new router."""
        interface = self._state.ports.interfaces.get(tunnel)
        prefix = interface.prefix if interface is not None else None
        for peer in list(self._state.peers.values()):
            if prefix is not None and peer.address in prefix:
                self._hurry(peer)

    def _hurry(self, peer: Peer) -> None:
        """Connect immediately; an attempt without an answer so far is restarted, because TCP retries with growing
        pauses.
        """
        if peer.dynamic or any(session.up is not None for session in peer.sessions):
            return
        for session in peer.sessions:
            self._context.emit(StreamClose(session.stream, abort=True))
            session.end(Ending(""))
        self._lifecycle.bury_all()
        peer.be_called_often()
        self._calls.call_soon(peer, at_once=True)
