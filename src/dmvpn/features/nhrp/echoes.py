"""ICMP echoes past routes and adjacencies: is the station at an NBMA address there, and does its tunnel address answer?

An echo goes out in GRE straight to the NBMA address; its answer comes by whatever way the other side has to us. Echoes
probe the paths to other spokes (peers.py) and to servers that answer our registrations: a server may die long before we
would ask it again.

The data plane answers the other side's echoes, and tells us of them: its answers are no use of an entry. Otherwise two
routers that check their path would keep it alive for each other forever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import is_link_local
from dmvpn.base.effects import GRE_OF, SendGre
from dmvpn.base.entropy import below
from dmvpn.base.errors import WireError
from dmvpn.base.liveness import PathLost, Witness
from dmvpn.features.nhrp.cache import Neighbor
from dmvpn.features.nhrp.path import Act, Path, PathState
from dmvpn.features.nhrp.station import Station, Timer, TimerKind
from dmvpn.net import icmp, ip
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import IpReceived
    from dmvpn.features.nhrp.client import NhsClient
    from dmvpn.features.nhrp.shared import Traffic
    from dmvpn.features.nhrp.tunnel import Tunnel

#: An answer counts if it is to one of the last few echoes: a slow path may still be a path.
_ACCEPTED_SEQUENCES = 16


class Echoes:
    """Owns the identifiers of echoes, and the timers of the paths that are probed."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._paths: dict[int, tuple[str, Path]] = {}

    def identifier(self) -> int:
        """Return an identifier that no path has. The path is registered with `watch`, and removed with `forget`."""
        identifier = below(self._station.ports.entropy, 0x10000)
        while identifier in self._paths:
            identifier = (identifier + 1) & 0xFFFF
        return identifier

    def watch(self, tunnel: Tunnel, path: Path) -> None:
        """Find answers to this path's echoes from now on."""
        self._paths[path.identifier] = (tunnel.name, path)

    def forget(self, tunnel: Tunnel, path: Path) -> None:
        """Forget a path that is gone."""
        self._paths.pop(path.identifier, None)
        self._station.deadlines.cancel(Timer(TimerKind.PROBE, tunnel.name, path.peer))

    def arm(self, tunnel: Tunnel, path: Path) -> None:
        """Set the timer for the path's deadline."""
        timer = Timer(TimerKind.PROBE, tunnel.name, path.peer)
        if path.deadline is None:
            self._station.deadlines.cancel(timer)
        else:
            self._station.deadlines.set(timer, path.deadline)

    def send(self, tunnel: Tunnel, path: Path) -> None:
        """Send the next echo."""
        source = tunnel.link_local if is_link_local(path.peer) else tunnel.address
        way = self._station.secured(tunnel, path.neighbor)
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
        self._station.emit(SendGre(tunnel.name, way.nbma, GRE_OF[version], packet, connection=way.connection))

    def asked(self, tunnel: Tunnel, event: IpReceived) -> None:
        """Count the answer to a peer's echo as our own packet: nobody behind us uses the path for it."""
        source = event.source
        if event.tos != TOS_INTERNETWORK_CONTROL or not ip.is_icmp(event.protocol, source):
            return
        if not ip.is_echo_request(event.payload, source.version):
            return
        way = tunnel.adjacencies.get(source)
        if way is not None:
            tunnel.count_own(self._station.secured(tunnel, way) or way)

    def answered(self, event: IpReceived) -> tuple[str, Path, int] | None:
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
        name, path = self._paths[message.identifier]
        recent = (path.sequence - message.sequence) & 0xFFFF < _ACCEPTED_SEQUENCES
        return (name, path, message.sequence) if recent and path.peer == event.source else None


#: Seconds between two looks at a server that we do not talk to, while we talk to others.
OVERLOOKED = 8.0


class ServerPaths:
    """Owns `Tunnel.server_paths`."""

    def __init__(self, station: Station, echoes: Echoes) -> None:
        self._station = station
        self._echoes = echoes

    def watch(self, tunnel: Tunnel, client: NhsClient) -> None:
        """Watch a server that answers."""
        if client.nbma is None or client.nhs.is_unspecified:
            return
        identifier = self._echoes.identifier()
        path = Path(client.nhs, Neighbor(client.nbma), identifier, self._station.now, PathState.PROVEN)
        tunnel.server_paths[client.nhs] = path
        self._echoes.watch(tunnel, path)

    def forget(self, tunnel: Tunnel, server: IPAddress) -> None:
        """Watch a server no more."""
        path = tunnel.server_paths.pop(server, None)
        if path is not None:
            self._echoes.forget(tunnel, path)

    def is_lost(self, tunnel: Tunnel, path: Path, acts: list[Act]) -> bool:
        """Do what a path says, and return whether it is lost. Then it is forgotten."""
        if Act.PROBE in acts:
            self._echoes.send(tunnel, path)
        self._echoes.arm(tunnel, path)
        if path.usable:
            return False
        self.forget(tunnel, path.peer)
        if tunnel.config.watch_servers:
            self._station.emit(PathLost(Witness.NHRP, tunnel.name, path.peer))
        return True


def is_overlooked(path: Path, traffic: Traffic, now: float) -> bool:
    """Return whether we talk to other spokes directly, and not to this server, so that its silence would go unnoticed.

    The other spokes' packets may come by way of the server, and while we send it nothing, nothing else shows that it is
    there and knows us.
    """
    if path.nbma in traffic.heard or not (traffic.heard or traffic.silent):
        return False
    return path.checked_at is None or now - path.checked_at >= OVERLOOKED
