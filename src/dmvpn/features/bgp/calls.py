"""Outgoing connections: when we connect to a neighbor, and the OPEN parameters of a new connection.

We connect as soon as there is a route to the neighbor, and retry with growing pauses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import jittered
from dmvpn.base.reasons import Reason
from dmvpn.base.streams import StreamOpen
from dmvpn.base.values import project
from dmvpn.features.bgp.packet import Restart
from dmvpn.features.bgp.session import OpenParameters, Session
from dmvpn.features.bgp.ways import local_end

if TYPE_CHECKING:
    from dmvpn.features.bgp.neighbor import Peer
    from dmvpn.features.bgp.settings import PeerSettings
    from dmvpn.features.bgp.state import State

PORT: Final = 179


class Calls:
    """Opens connections to neighbors."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._context = state.context

    def call_soon(self, peer: Peer, *, at_once: bool = False) -> None:
        """Connect to a neighbor immediately, or after its retry pause, which grows with each attempt."""
        pause = 0.0 if at_once else jittered(self._state.ports.entropy, peer.pause(), 0.25)
        self._context.start(peer.timers.call, pause)

    def call(self, peer: Peer) -> None:
        """Open a connection, unless one exists, the peer must not be called, or there is no route to it."""
        state, settings = self._state, peer.settings
        if peer.sessions or peer.dynamic or settings.lines.shutdown or self._context.now < peer.barred_until:
            return
        peer.bar()
        local, why = local_end(state.ports, settings)
        peer.wait(Reason(why, since=self._context.now) if why is not None else None)
        self.call_soon(peer)
        identity = self.identity(settings)
        if local is None or identity is None or settings.lines.passive:
            return
        session = self.open(peer, state.ports.streams.next(), identity)
        order = StreamOpen(
            session.stream,
            local,
            peer.address,
            PORT,
            password=settings.lines.password,
            minimum_ttl=settings.minimum_ttl,
            ttl=settings.ttl,
        )
        session.calls()
        self._context.emit(order)

    def identity(self, settings: PeerSettings, *, dynamic: bool = False) -> OpenParameters | None:
        """Return the parameters of our OPEN to a neighbor; None: no address can serve as our router ID."""
        state = self._state
        state.choose_router_id()
        if state.router_id is None:
            return None
        return project(
            OpenParameters,
            settings,
            router_id=state.router_id,
            marks_refreshes=not settings.lines.plain_refresh,
            restart=Restart(seconds=state.config.restart_time) if settings.helps else None,
            alternates=settings.lines.alternates if dynamic else (),
        )

    def open(self, peer: Peer, stream: int, identity: OpenParameters) -> Session:
        """Begin a session with a neighbor over this stream."""
        state = self._state
        session = Session(stream, identity, peer.address, peer.counts, self._context, state.ended.append)
        state.open(peer, session)
        return session
