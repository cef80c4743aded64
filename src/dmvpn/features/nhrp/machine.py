"""The machine: one overlay for each IP version, and the dispatch of events to them.

The overlays (overlay.py) are the same code and do not refer to each other. A tunnel may belong to both: then two
networks, with their own identifiers, servers and caches, use one underlay. `Shared` holds the state that the overlays
have in common.

The addresses in an event determine the IP version. An event without such an address goes to both overlays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from dmvpn.base import events, notices
from dmvpn.base.context import PAUSE, Context, Machine, Timer
from dmvpn.base.effects import ClearAdjacency, Effect, SetAdjacency, SetHairpin, SetMulticast
from dmvpn.base.negotiation import ConnectionChanged, ProtectionChanged
from dmvpn.base.notices import PathLost
from dmvpn.base.ports import Ports
from dmvpn.features.nhrp import model
from dmvpn.features.nhrp.history import History
from dmvpn.features.nhrp.overlay import Overlay
from dmvpn.features.nhrp.shared import Shared
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.net.gre import ProtocolType
from dmvpn.net.ipv4 import IpProtocol, Octets

VERSIONS = (4, 6)
_NO_TUNNELS: Final[Mapping[str, Tunnel]] = {}
#: Entries, or adjacencies, that long work processes in one event.
_STEPS: Final = 64
#: ar$pro.type of IPv6, as it is in a packet.
_IPV6 = ProtocolType.IPV6.to_bytes(2, "big")


class NhrpMachine(Machine):
    """NHRP on all tunnels of a router.

    config: the current configuration.
    """

    subscriptions: ClassVar[tuple[type[events.Event] | type[notices.Notice] | events.Packets, ...]] = (
        events.NhrpReceived,
        events.Unresolved,
        events.Hairpin,
        events.Packets(IpProtocol.ICMP),
        events.Packets(IpProtocol.ICMPV6),
        events.UsageReported,
        events.NameResolved,
        notices.InterfaceChanged,
        notices.TunnelChanged,
        notices.AnswersEnd,
        notices.NeighborSilent,
        PathLost,
        ProtectionChanged,
        ConnectionChanged,
        notices.RouteChanged,
        events.EffectFailed,
        events.Remembered,
        events.Resync,
        model.ClearCache,
        model.ClearNhrpCounters,
        model.ClearSessions,
        model.ClearStatistics,
        model.Withdraw,
    )
    budget: ClassVar[int] = 64

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports, steps=_STEPS))
        self.config = model.NhrpConfig()
        self._shared = Shared()
        #: By IP version. That of IPv6 is made for its first tunnel or packet: most routers have neither.
        self._overlays: dict[int, Overlay] = {}
        self._tunnels: dict[int, Mapping[str, Tunnel]] = dict.fromkeys(VERSIONS, _NO_TUNNELS)
        self._make(4)
        self._record = Timer("record further changes of entries", lambda: None)  # each event records more
        #: The chronicle's side of NHRP, if the chronicle is on; made with the first event, where its record begins.
        self.history: History | None = None

    @property
    def tunnels(self) -> tuple[Tunnel, ...]:
        """Return the tunnels with NHRP as they are configured, those of IPv4 first.

        A tunnel with both versions is there twice.
        """
        return (*self.of_version(4), *self.of_version(6))

    def of_version(self, version: int) -> tuple[Tunnel, ...]:
        """Return the tunnels with NHRP for this IP version. For shows, which change nothing."""
        return tuple(self._tunnels[version].values())

    def handle(self, event: events.Event | notices.Notice, now: float) -> list[Effect | notices.Notice]:
        """Handle one event. The chronicle's lines follow everything that the event caused."""
        results = super().handle(event, now)
        if self._context.ports.remembers:
            history = self.history = self.history or History(VERSIONS, now)
            was_behind = history.is_behind
            results += history.follow(event, self._tunnels, now)
            if was_behind or history.is_behind:
                self._context.arm(self._record, now + PAUSE if history.is_behind else None)
        return results

    def dispatch(self, event: events.Event | notices.Notice) -> None:
        """Hand an event to the overlays that it concerns."""
        match event:
            case events.NhrpReceived(data=data):  # first of all, because a hub gets thousands
                version = peek_version(data)
                if version not in self._overlays:
                    self._make(version).dispatch(self._own(version))
                self._overlays[version].reception.receive(event)
            case events.UsageReported():  # counters, taken in once for both versions
                traffic = self._shared.take_in(event, self._context.now)
                for overlay in self._overlays.values():
                    overlay.used(event.tunnel, traffic)
            case notices.Configured(model=model.NhrpConfig() as config):
                self._configure(config)
            case _:
                concerned = _version(event)
                for version, overlay in self._overlays.items():
                    if concerned in (None, version):
                        overlay.dispatch(event)

    def settle(self) -> None:
        """Complete an event: request peers that may have moved, and report the wanted connections to IPsec."""
        for overlay in self._overlays.values():
            if overlay.lost:
                overlay.ask_for_lost()
            overlay.settle()

    def _make(self, version: int) -> Overlay:
        overlay = self._overlays[version] = Overlay(self._context, self._shared, version)
        self._tunnels[version] = overlay.tunnels
        return overlay

    def _configure(self, config: model.NhrpConfig) -> None:
        self.config = config
        self.unneeded = () if config.tunnels else (notices.RouteChanged,)
        for version in VERSIONS:
            if version not in self._overlays and any(tunnel.version == version for tunnel in config.tunnels):
                self._make(version)
        for version, overlay in self._overlays.items():
            overlay.dispatch(self._own(version))
        self._shared.keep({tunnel.name for tunnel in self.tunnels})

    def _own(self, version: int) -> notices.Configured:
        """Return the configuration of the tunnels of one version."""
        tunnels = tuple(tunnel for tunnel in self.config.tunnels if tunnel.version == version)
        return notices.Configured("nhrp", replace(self.config, tunnels=tunnels))


def peek_version(data: Octets) -> int:
    """Return the IP version of the network that a packet belongs to, from ar$pro.type; 4 if the packet is too short for
    it.
    """
    return 6 if data[2:4] == _IPV6 else 4


def _version(event: events.Event | notices.Notice) -> int | None:
    """Return the IP version that an event concerns; None if it concerns both."""
    match event:
        case (
            events.IpReceived(source=address)
            | events.Unresolved(next_hop=address)
            | notices.NeighborSilent(address=address)
            | PathLost(address=address)
        ):
            return address.version
        case events.Hairpin(packet=packet):
            return 6 if packet[:1] and packet[0] >> 4 == 6 else 4
        case notices.RouteChanged(prefix=prefix):
            return prefix.version
        case events.EffectFailed(effect=SetAdjacency(next_hop=next_hop) | ClearAdjacency(next_hop=next_hop)):
            return next_hop.version
        case events.EffectFailed(effect=SetMulticast(version=version) | SetHairpin(version=version)):
            return version
        case events.EffectFailed():
            return 4
        case model.ClearCache(version=version) | model.ClearNhrpCounters(version=version):
            return version
        case _:
            return None
