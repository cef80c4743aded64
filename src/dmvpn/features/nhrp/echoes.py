"""ICMP echoes past routes and adjacencies: is the station at an NBMA address there, and does its tunnel address answer?

An echo goes out in GRE straight to the NBMA address; its answer comes by whatever way the other side has for us. Paths
to other spokes (peers.py) and to servers (registration.py) are probed so.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.effects import GRE_IPV4, SendGre
from dmvpn.base.entropy import below
from dmvpn.base.errors import WireError
from dmvpn.features.nhrp.station import Station, Timer, TimerKind
from dmvpn.net import icmp
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, IpProtocol, Ipv4Packet

if TYPE_CHECKING:
    from dmvpn.base.events import IpReceived
    from dmvpn.features.nhrp.path import Path
    from dmvpn.features.nhrp.tunnel import Tunnel

#: An answer counts if it is to one of the last few: a slow path may still be a path.
_ACCEPTED_SEQUENCES = 16


class Echoes:
    """Owns the identifiers of echoes, and the timers of the paths that are probed."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._paths: dict[int, tuple[str, Path]] = {}

    def identifier(self) -> int:
        """One that no path has. The path must be registered with `watch`, and given back with `forget`."""
        identifier = below(self._station.ports.entropy, 0x10000)
        while identifier in self._paths:
            identifier = (identifier + 1) & 0xFFFF
        return identifier

    def watch(self, tunnel: Tunnel, path: Path) -> None:
        """Answers to this path's echoes are to be found."""
        self._paths[path.identifier] = (tunnel.name, path)

    def forget(self, tunnel: Tunnel, path: Path) -> None:
        """The path is gone."""
        self._paths.pop(path.identifier, None)
        self._station.deadlines.cancel(Timer(TimerKind.PROBE, tunnel.name, path.peer))

    def arm(self, tunnel: Tunnel, path: Path) -> None:
        """Let the path's deadline be due."""
        timer = Timer(TimerKind.PROBE, tunnel.name, path.peer)
        if path.deadline is None:
            self._station.deadlines.cancel(timer)
        else:
            self._station.deadlines.set(timer, path.deadline)

    def send(self, tunnel: Tunnel, path: Path) -> None:
        """Send the next echo."""
        if not isinstance(tunnel.address, IPv4Address) or not isinstance(path.peer, IPv4Address):
            return
        packet = Ipv4Packet(
            tos=TOS_INTERNETWORK_CONTROL,
            protocol=IpProtocol.ICMP,
            source=tunnel.address,
            destination=path.peer,
            payload=icmp.EchoRequest(identifier=path.identifier, sequence=path.sequence).serialize(),
        )
        tunnel.count_own(path.nbma)
        self._station.emit(SendGre(tunnel.name, path.nbma, GRE_IPV4, packet.serialize()))

    def answered(self, event: IpReceived) -> tuple[str, Path] | None:
        """The tunnel and the path whose echo this message answers; None if it is not such an answer."""
        if event.protocol != IpProtocol.ICMP or not event.payload or event.payload[0] != icmp.IcmpType.ECHO_REPLY:
            return None
        try:
            message = icmp.parse(event.payload)
        except WireError:
            return None
        if not isinstance(message, icmp.EchoReply) or message.identifier not in self._paths:
            return None
        name, path = self._paths[message.identifier]
        recent = (path.sequence - message.sequence) & 0xFFFF < _ACCEPTED_SEQUENCES
        return (name, path) if recent and path.peer == event.source else None
