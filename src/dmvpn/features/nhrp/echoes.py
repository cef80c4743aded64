"""ICMP echoes past routes and adjacencies: is the station at an NBMA address there, and does its tunnel address answer?

An echo goes out in GRE straight to the NBMA address; its answer comes by whatever path the peer has to us. Echoes probe
the paths to other spokes (peers.py) and to servers that answer our registrations: a server may die long before the next
registration is due.

The data plane answers the echoes of peers, and reports them: its answers do not count as use of an entry. Otherwise two
routers that check their path would keep it alive for each other forever.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, is_link_local
from dmvpn.base.context import Timer
from dmvpn.base.effects import GRE_OF, SendGre
from dmvpn.base.entropy import below
from dmvpn.base.errors import WireError
from dmvpn.base.notices import PathLost, Witness
from dmvpn.base.values import dataclass
from dmvpn.features.nhrp.cache import NbmaPeer
from dmvpn.features.nhrp.path import DirectPath, PathOutput, PathState
from dmvpn.net import icmp, ip
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.events import IpReceived
    from dmvpn.features.nhrp.client import NhsClient
    from dmvpn.features.nhrp.instance import Instance
    from dmvpn.features.nhrp.shared import HeardAndSilent
    from dmvpn.features.nhrp.tunnel import Tunnel

#: An answer counts if it is to one of the last few echoes: a slow path may still be a path.
_ACCEPTED_SEQUENCES = 16


@dataclass(frozen=True, slots=True)
class _Watched:
    """A path with echoes in flight. timer: for its deadline."""

    tunnel: str
    path: DirectPath
    timer: Timer


class Echoes:
    """Owns the identifiers of echoes, and the timers of the paths that are probed."""

    def __init__(self, instance: Instance, due: Callable[[str, DirectPath], None]) -> None:
        """due: called with the tunnel and a path whose deadline has come."""
        self._instance = instance
        self._context = instance.context
        self._due = due
        self._paths: dict[int, _Watched] = {}

    def identifier(self) -> int:
        """Return an identifier that no path has. `watch` registers the path, and `forget_path` removes it."""
        identifier = below(self._instance.ports.entropy, 0x10000)
        while identifier in self._paths:
            identifier = (identifier + 1) & 0xFFFF
        return identifier

    def watch(self, tunnel: Tunnel, path: DirectPath) -> None:
        """Find answers to this path's echoes from now on."""
        timer = Timer("let a path act", partial(self._due, tunnel.name, path), path.peer)
        self._paths[path.identifier] = _Watched(tunnel.name, path, timer)

    def forget_path(self, path: DirectPath) -> None:
        """Forget a path that is gone."""
        watched = self._paths.pop(path.identifier, None)
        if watched is not None:
            self._context.stop(watched.timer)

    def arm(self, path: DirectPath) -> None:
        """Set the timer for the path's deadline, as long as it is watched."""
        watched = self._paths.get(path.identifier)
        if watched is not None:
            self._context.arm(watched.timer, path.deadline)

    def send(self, tunnel: Tunnel, path: DirectPath) -> None:
        """Send the next echo."""
        source = tunnel.link_local if is_link_local(path.peer) else tunnel.address
        way = self._instance.secured(tunnel, path.neighbor)
        if source is None or way is None:
            return
        version = path.peer.version
        request = icmp.EchoRequest(identifier=path.identifier, sequence=path.sequence)
        packet = ip.build(
            tos=TOS_INTERNETWORK_CONTROL,
            protocol=ip.ICMP[version],
            source=source,
            destination=path.peer,
            payload=ip.serialize_icmp(request, version),
        )
        tunnel.count_own(way)
        self._context.emit(SendGre(tunnel.name, way.nbma, GRE_OF[version], packet, connection=way.connection))

    def asked(self, tunnel: Tunnel, event: IpReceived) -> None:
        """Count the answer to a peer's echo as our own packet: it is no traffic from behind us."""
        source = event.source
        if event.tos != TOS_INTERNETWORK_CONTROL or not ip.is_icmp(event.protocol, source):
            return
        if not ip.is_echo_request(event.payload, source.version):
            return
        way = tunnel.adjacencies.get(source)
        if way is not None:
            tunnel.count_own(self._instance.secured(tunnel, way) or way)

    def answered(self, event: IpReceived) -> tuple[str, DirectPath, int] | None:
        """Return the tunnel, the path and the number of the echo that this message answers; None if it answers none."""
        source = event.source
        if not ip.is_icmp(event.protocol, source) or not ip.is_echo_reply(event.payload, source.version):
            return None
        try:
            message = ip.parse_icmp(event.payload, source, event.destination)
        except WireError:
            return None
        if not isinstance(message, icmp.EchoReply) or message.identifier not in self._paths:
            return None
        watched = self._paths[message.identifier]
        path = watched.path
        recent = (path.sequence - message.sequence) & 0xFFFF < _ACCEPTED_SEQUENCES
        return (watched.tunnel, path, message.sequence) if recent and path.peer == event.source else None


#: Seconds between two checks of a server that gets no traffic while other peers do.
OVERLOOKED = 8.0


class ServerPaths:
    """Owns `Tunnel.server_paths`."""

    def __init__(self, instance: Instance, echoes: Echoes) -> None:
        self._instance = instance
        self._context = instance.context
        self._echoes = echoes

    def watch(self, tunnel: Tunnel, client: NhsClient) -> None:
        """Watch a server that answers."""
        if client.nbma is None or client.nhs.is_unspecified:
            return
        identifier = self._echoes.identifier()
        path = DirectPath(client.nhs, NbmaPeer(client.nbma), identifier, self._context.now, PathState.PROVEN)
        tunnel.server_paths[client.nhs] = path
        self._echoes.watch(tunnel, path)

    def forget_server(self, tunnel: Tunnel, server: IPAddress) -> None:
        """Stop watching a server."""
        path = tunnel.server_paths.pop(server, None)
        if path is not None:
            self._echoes.forget_path(path)

    def is_lost(self, tunnel: Tunnel, path: DirectPath, outputs: list[PathOutput]) -> bool:
        """Carry out the outputs of a path, and return whether the path is lost. A lost path is forgotten."""
        if PathOutput.PROBE in outputs:
            self._echoes.send(tunnel, path)
        self._echoes.arm(path)
        if path.usable:
            return False
        self.forget_server(tunnel, path.peer)
        if tunnel.config.watch_servers:
            self._context.emit(PathLost(Witness.NHRP, tunnel.name, path.peer))
        return True


def is_overlooked(path: DirectPath, traffic: HeardAndSilent, now: float) -> bool:
    """Return whether we send to other spokes and not to this server, so that its silence would go unnoticed.

    The other spokes' packets may come through the server, and while we send it nothing, nothing else shows that it is
    there and knows us.
    """
    if path.nbma in traffic.heard or not (traffic.heard or traffic.silent):
        return False
    return path.checked_at is None or now - path.checked_at >= OVERLOOKED
