"""What becomes of NHRP when packets of a tunnel can be protected, can be no more, or go over another connection.

    ProtectionChanged   packets to an NBMA address may go now, or not: registrations, replies and paths that wait for it
    ConnectionChanged   a peer has moved, or is gone: entries that are bound to it follow

Of a connection that comes nobody knows yet whose it is: what is bound to it is said by the first message over it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.protection import ProtectionPhase
from dmvpn.features.nhrp import messages
from dmvpn.features.nhrp.neighbor import Neighbor

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.notices import ConnectionChanged, ProtectionChanged
    from dmvpn.base.protection import Connection
    from dmvpn.features.nhrp.peers import Peers
    from dmvpn.features.nhrp.registration import Registration
    from dmvpn.features.nhrp.resolver import Resolver
    from dmvpn.features.nhrp.responder import Responder
    from dmvpn.features.nhrp.server import Server
    from dmvpn.features.nhrp.station import Station
    from dmvpn.features.nhrp.tunnel import Tunnel


class Protection:
    """Tells the parts. It owns nothing."""

    def __init__(
        self,
        station: Station,
        *,
        server: Server,
        registration: Registration,
        resolver: Resolver,
        responder: Responder,
        peers: Peers,
    ) -> None:
        self._station = station
        self._server = server
        self._registration = registration
        self._resolver = resolver
        self._responder = responder
        self._peers = peers

    def changed(self, event: ProtectionChanged) -> None:
        """The protection of one address is different now."""
        tunnel = self._station.tunnels.get(event.tunnel)
        if tunnel is None:
            return
        self._log(tunnel, event)
        if not tunnel.running or not tunnel.protected:
            return
        self._registration.protection_changed(tunnel, event.nbma)
        self._responder.protection_changed(tunnel, event.nbma)
        self._secure_paths(tunnel, event.nbma)

    def connection_changed(self, event: ConnectionChanged) -> None:
        """A connection came, moved or is gone."""
        if event.new is None and event.old is not None:
            self._station.shared.forget_connection(event.old.number)
        for tunnel in self._station.tunnels.values():
            for connection in (event.old, event.new) if tunnel.protected else ():
                if connection is not None:
                    self._follow(tunnel, connection, event.new)
                    if tunnel.cache.over(connection.number):
                        self._station.wants.touch(tunnel, connection.remote)
            if tunnel.protected and event.returned and event.new is not None:
                self._registration.peer_returned(tunnel, event.new.number)

    def _follow(self, tunnel: Tunnel, connection: Connection, new: Connection | None) -> None:
        if new is None:
            self._server.lost(tunnel, connection.number)
        else:
            to = Neighbor(new.remote, new.number)
            self._server.moved(tunnel, to)
            self._peers.moved(tunnel, to)
        self._secure_paths(tunnel, connection.remote)

    def _secure_paths(self, tunnel: Tunnel, nbma: IPAddress) -> None:
        """Paths to this address may be proved now, or must rest."""
        for path in self._peers.protection_changed(tunnel, nbma):
            if tunnel.public_nbma is not None:
                self._resolver.greet(tunnel, path.peer)

    def _log(self, tunnel: Tunnel, event: ProtectionChanged) -> None:
        secured = event.state.phase is ProtectionPhase.SECURED
        if event.remote_port:
            return  # of one peer; its address is another notice
        if tunnel.nbma is not None and self._station.shared.note_socket(tunnel.name, event.nbma, secured=secured):
            line = messages.SocketChanged.of(tunnel.name, tunnel.nbma, event.nbma, up=secured)
            self._station.log_dmvpn(line, about=f"{tunnel.name} {event.nbma}")
