"""The machine: one overlay for each IP version, and which of them an event is about.

The overlays (overlay.py) are the same code and know nothing of each other. A tunnel may belong to both: then two
networks, with their own identifiers, servers and caches, use one underlay. `Shared` holds what the overlays have in
common.

The addresses in an event tell which version it is about. An event without such an address goes to both overlays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.chores import PAUSE
from dmvpn.base.deadlines import earliest
from dmvpn.base.effects import ClearAdjacency, Effect, SetAdjacency, SetHairpin, SetMulticast
from dmvpn.base.events import (
    EffectFailed,
    Event,
    Hairpin,
    IpReceived,
    NameResolved,
    NhrpReceived,
    Packets,
    Remembered,
    Resync,
    Tick,
    Unresolved,
    UsageReported,
)
from dmvpn.base.liveness import PathLost
from dmvpn.base.negotiation import ConnectionChanged, ProtectionChanged
from dmvpn.base.notices import (
    AnswersEnd,
    Configured,
    InterfaceChanged,
    NeighborSilent,
    Notice,
    RouteChanged,
    TunnelChanged,
)
from dmvpn.features.nhrp.model import ClearCache, ClearCounters, ClearSessions, ClearStatistics, NhrpConfig, Withdraw
from dmvpn.features.nhrp.overlay import Overlay
from dmvpn.features.nhrp.past import Past
from dmvpn.features.nhrp.shared import Shared
from dmvpn.net.gre import ProtocolType
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from dmvpn.base.ports import Ports
    from dmvpn.features.nhrp.tunnel import Tunnel
    from dmvpn.net.octets import Octets

VERSIONS = (4, 6)
#: ar$pro.type of IPv6, as it is in a packet.
_IPV6 = ProtocolType.IPV6.to_bytes(2, "big")


class NhrpMachine:
    """NHRP on all tunnels of a router.

    config: what is configured.
    """

    subscriptions: tuple[type[Event] | type[Notice] | Packets, ...] = (
        NhrpReceived,
        Unresolved,
        Hairpin,
        Packets(IpProtocol.ICMP),
        Packets(IpProtocol.ICMPV6),
        UsageReported,
        NameResolved,
        InterfaceChanged,
        TunnelChanged,
        AnswersEnd,
        NeighborSilent,
        PathLost,
        ProtectionChanged,
        ConnectionChanged,
        RouteChanged,
        EffectFailed,
        Remembered,
        Resync,
        ClearCache,
        ClearCounters,
        ClearSessions,
        ClearStatistics,
        Withdraw,
    )

    def __init__(self, ports: Ports) -> None:
        self.config = NhrpConfig()
        self._shared = Shared()
        self._overlays = {version: Overlay(ports, self._shared, version) for version in VERSIONS}
        self._tunnels = {version: overlay.tunnels for version, overlay in self._overlays.items()}
        self._remembers = ports.remembers
        self._recalls_at: float | None = None
        #: The chronicle's side of NHRP, if anybody remembers; made with the first event, which says when that begins.
        self.past: Past | None = None

    @property
    def tunnels(self) -> tuple[Tunnel, ...]:
        """Return the tunnels with NHRP as they are configured, those of IPv4 first. A tunnel may be there twice."""
        return (*self.of_version(4), *self.of_version(6))

    def of_version(self, version: int) -> tuple[Tunnel, ...]:
        """Return the tunnels with NHRP for this IP version. They are for shows, which only look."""
        return tuple(self._tunnels[version].values())

    def next_deadline(self) -> float | None:
        """Return when the next timer is due."""
        return earliest(self._recalls_at, *[overlay.next_deadline() for overlay in self._overlays.values()])

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        results = self._handle(event, now)
        if self._remembers:
            past = self.past = self.past or Past(VERSIONS, now)
            results += past.follow(event, self._tunnels, now)
            self._recalls_at = now + PAUSE if past.is_behind else None
        return results

    def _handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        match event:
            case NhrpReceived(data=data):  # first of all, because a hub gets thousands
                return self._overlays[peek_version(data)].reception.receive(event, now)
            case Tick():
                due = [overlay for overlay in self._overlays.values() if _is_due(overlay, now)]
                return [result for overlay in due for result in overlay.handle(event, now)]
            case UsageReported():
                return self._used(event, now)
            case Configured(model=NhrpConfig() as config):
                return self._configure(event.feature, config, now)
        version = _version(event)
        if version is not None:
            return self._overlays[version].handle(event, now)
        return [result for overlay in self._overlays.values() for result in overlay.handle(event, now)]

    def _configure(self, feature: str, config: NhrpConfig, now: float) -> list[Effect | Notice]:
        self.config = config
        results: list[Effect | Notice] = []
        for version, overlay in self._overlays.items():
            own = replace(config, tunnels=tuple(tunnel for tunnel in config.tunnels if tunnel.version == version))
            results += overlay.handle(Configured(feature, own), now)
        self._shared.keep({tunnel.name for tunnel in self.tunnels})
        return results

    def _used(self, event: UsageReported, now: float) -> list[Effect | Notice]:
        """Take in the counters of a tunnel, once for both versions."""
        traffic = self._shared.take_in(event, now)
        return [result for overlay in self._overlays.values() for result in overlay.used(event.tunnel, traffic, now)]


def _is_due(overlay: Overlay, now: float) -> bool:
    deadline = overlay.next_deadline()
    return deadline is not None and deadline <= now


def peek_version(data: Octets) -> int:
    """Return the IP version of the network that a packet belongs to, from ar$pro.type; 4 for what is no such packet."""
    return 6 if data[2:4] == _IPV6 else 4


def _version(event: Event | Notice) -> int | None:
    """Return the IP version that an event is about; None if it is about both."""
    match event:
        case (
            IpReceived(source=address)
            | Unresolved(next_hop=address)
            | NeighborSilent(address=address)
            | PathLost(address=address)
        ):
            return address.version
        case Hairpin(packet=packet):
            return 6 if packet[:1] and packet[0] >> 4 == 6 else 4
        case RouteChanged(prefix=prefix):
            return prefix.address.version
        case EffectFailed(effect=SetAdjacency(next_hop=next_hop) | ClearAdjacency(next_hop=next_hop)):
            return next_hop.version
        case EffectFailed(effect=SetMulticast(version=version) | SetHairpin(version=version)):
            return version
        case EffectFailed():
            return 4
        case ClearCache(version=version) | ClearCounters(version=version):
            return version
        case _:
            return None
