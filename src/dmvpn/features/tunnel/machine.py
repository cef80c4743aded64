"""All GRE tunnels of a router: what the data plane must have, and whether each one carries packets.

Whatever may change a tunnel leads to `_evaluate`, the only place that compares: source and destination (`line`),
keepalives, NHRP's hold, the hold-down after recursive routing. It says what follows, in this order: `SetTunnel`,
`SetCarrier`, `TunnelChanged`, `LineProtocolDecided`.

    InterfaceChanged   the source's address or line; RouteChanged   the way to a destination
    HoldTunnel         NHRP (`if-state nhrp`); KeepaliveReceived    the far end lives
    ProtectionDecided  IPsec can protect the tunnel, or why it cannot

A tunnel that is to be protected is so from its first `SetTunnel` on; it has no carrier until IPsec has decided. Whether
there are SAs with anybody does not matter to the line protocol (as on IOS).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.deadlines import Deadlines, earliest
from dmvpn.base.effects import Effect, RemoveTunnel, SendKeepalive, SetCarrier, SetTunnel, TunnelSpec
from dmvpn.base.events import EffectFailed, Event, GreDrops, InterfacesCounted, KeepaliveReceived, Resync, Tick
from dmvpn.base.negotiation import ProtectionDecided, ProtectionWanted
from dmvpn.base.notices import (
    Configured,
    DebugOutput,
    HoldTunnel,
    InterfaceChanged,
    LineProtocolDecided,
    Notice,
    RouteChanged,
    TunnelChanged,
    TunnelState,
)
from dmvpn.base.reasons import Reason
from dmvpn.base.retries import Retries
from dmvpn.base.values import dataclass
from dmvpn.features.tunnel import line, messages
from dmvpn.features.tunnel.keepalive import Keepalive
from dmvpn.features.tunnel.model import TunnelConfig, TunnelSettings
from dmvpn.features.tunnel.reasons import TunnelReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.ports import Ports

#: Seconds that a tunnel stays down after recursive routing (IOS tries again after about a minute).
RECURSION_HOLD = 60.0

#: What IOS announces as the transport MTU of a tunnel in NHRP packets.
TRANSPORT_MTU = 17916

_RECURSION = Reason(TunnelReason.RECURSION)


@dataclass(slots=True)
class _Tunnel:
    """One tunnel: wanted (settings), ordered (spec, carrier), told to others (state, decided).

    protection: what IPsec decided.
    asked: the far end to which IPsec keeps SAs for us.
    """

    settings: TunnelSettings
    spec: TunnelSpec | None = None
    carrier: bool = False
    state: TunnelState | None = None
    decided: LineProtocolDecided | None = None
    keepalive: Keepalive | None = None
    recursive: bool = False
    hold: Reason | None = None
    protection: ProtectionDecided | None = None
    asked: IPAddress | None = None


class TunnelMachine:
    """Owns every `TunnelState`; answers `ports.Tunnels`. drops: GRE packets that reached none, as of the last count."""

    subscriptions: tuple[type[Event] | type[Notice], ...] = (
        InterfaceChanged,
        RouteChanged,
        HoldTunnel,
        ProtectionDecided,
        KeepaliveReceived,
        InterfacesCounted,
        EffectFailed,
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        self.drops = GreDrops()
        self._ports = ports
        self._tunnels: dict[str, _Tunnel] = {}  # in order of their numbers
        self._rivals: dict[str, str] = {}
        self._timers: Deadlines[tuple[str, str]] = Deadlines()
        self._retries: Retries[str] = Retries()

    # ---------------------------------------------------------------------------------------------- ports.Tunnels

    def get(self, name: str) -> TunnelState | None:
        """Return the tunnel, or None if there is no such interface."""
        tunnel = self._tunnels.get(name)
        return tunnel.state if tunnel else None

    def all(self) -> tuple[TunnelState, ...]:
        """Return all tunnels, in order of their numbers."""
        return tuple(tunnel.state for tunnel in self._tunnels.values() if tunnel.state is not None)

    def spec(self, name: str) -> TunnelSpec | None:
        """Return what the data plane was told of the tunnel, None: nothing."""
        tunnel = self._tunnels.get(name)
        return tunnel.spec if tunnel else None

    # ---------------------------------------------------------------------------------------------------- machine

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        match event:
            case Configured(model=TunnelConfig() as config):
                return self._configure(config, now)
            case InterfaceChanged():
                return self._interface_changed(event.name, now)
            case RouteChanged():
                return self._route_changed(event, now)
            case HoldTunnel():
                tunnel = self._tunnels.get(event.tunnel)
                if tunnel is None:
                    return []
                tunnel.hold = event.reason
                return self._evaluate(tunnel, now)
            case ProtectionDecided():
                tunnel = self._tunnels.get(event.tunnel)
                if tunnel is None or not tunnel.settings.protection:
                    return []
                tunnel.protection = event
                return self._evaluate(tunnel, now)
            case KeepaliveReceived():
                return self._keepalive_received(event.tunnel, now)
            case InterfacesCounted():
                self.drops = event.drops
                return []
            case EffectFailed(effect=SetTunnel(spec=spec)):
                return self._refused(spec.name, event.text, now)
            case Tick():
                return self._tick(now)
            case Resync():
                return [result for tunnel in self._tunnels.values() for result in _all_again(tunnel)]
            case _:
                return []

    def next_deadline(self) -> float | None:
        """Return when a keepalive is due, a hold-down ends, or a refused tunnel is tried again."""
        return earliest(self._timers.next(), self._retries.next())

    def _configure(self, config: TunnelConfig, now: float) -> list[Effect | Notice]:
        wanted = {settings.name: settings for settings in sorted(config.tunnels, key=lambda entry: entry.number)}
        results: list[Effect | Notice] = []
        for name in [name for name in self._tunnels if name not in wanted]:
            results += self._remove(name)
        before, self._tunnels = self._tunnels, {}
        for name, settings in wanted.items():
            tunnel = self._tunnels[name] = before.get(name) or _Tunnel(settings)
            if tunnel.settings != settings:
                tunnel.settings, tunnel.recursive = settings, False
                if settings.shutdown or not settings.protection:
                    tunnel.protection = None
                self._timers.cancel(("recursion", name))
        return results + self._evaluate_all(now)

    def _remove(self, name: str) -> list[Effect | Notice]:
        tunnel = self._tunnels.pop(name)
        self._timers.cancel(("keepalive", name))
        self._timers.cancel(("recursion", name))
        self._retries.forget(name)
        removed: list[Effect | Notice] = [RemoveTunnel(name)] if tunnel.spec else []
        return [*removed, *_ask(tunnel, None), TunnelChanged(name, tunnel.state, None)]

    def _interface_changed(self, name: str, now: float) -> list[Effect | Notice]:
        if name not in self._tunnels:
            return self._evaluate_all(now)
        results: list[Effect | Notice] = []
        for tunnel in self._tunnels.values():
            if tunnel.state is not None and tunnel.state.source_interface == name:
                results += self._evaluate(tunnel, now)
        return results

    def _route_changed(self, event: RouteChanged, now: float) -> list[Effect | Notice]:
        results: list[Effect | Notice] = []
        for tunnel in self._tunnels.values():
            settings = tunnel.settings
            if not settings.multipoint and settings.destination is not None and settings.destination in event.prefix:
                results += self._evaluate(tunnel, now)
        return results

    def _keepalive_received(self, name: str, now: float) -> list[Effect | Notice]:
        tunnel = self._tunnels.get(name)
        if tunnel is None or tunnel.keepalive is None or tunnel.spec is None:
            return []
        tunnel.keepalive.answered()
        results: list[Effect | Notice] = []
        destination = tunnel.spec.destination
        if destination is not None and self._ports.debugging.on(messages.KEEPALIVE, interface=name):
            results.append(DebugOutput((messages.keepalive_received(name, tunnel.spec.source, destination),)))
        return results + self._evaluate(tunnel, now)

    def _refused(self, name: str, text: str, now: float) -> list[Effect | Notice]:
        tunnel = self._tunnels.get(name)
        if tunnel is None:
            return []
        self._retries.failed(name, Reason(TunnelReason.REFUSED, (text,), now), now)
        return self._evaluate(tunnel, now)

    def _tick(self, now: float) -> list[Effect | Notice]:
        results: list[Effect | Notice] = []
        # A tunnel that comes up begins with a keepalive at once: one timer may make another due.
        while due := self._timers.pop_due(now):
            for kind, name in due:
                results += self._timer_due(kind, self._tunnels[name], now)
        for name in self._retries.pop_due(now):
            if tunnel_again := self._tunnels.get(name):
                results += _orders(tunnel_again)
                results += self._evaluate(tunnel_again, now)
        return results

    def _timer_due(self, kind: str, tunnel: _Tunnel, now: float) -> list[Effect | Notice]:
        if kind == "keepalive":
            return self._send_keepalive(tunnel, now)
        tunnel.recursive = False
        return self._evaluate(tunnel, now)

    def _send_keepalive(self, tunnel: _Tunnel, now: float) -> list[Effect | Notice]:
        keepalive, spec = tunnel.keepalive, tunnel.spec
        if keepalive is None or spec is None or spec.destination is None:
            return []
        keepalive.send()
        self._timers.set(("keepalive", spec.name), now + keepalive.period)
        results: list[Effect | Notice] = []
        if self._ports.debugging.on(messages.KEEPALIVE, interface=spec.name):
            text = messages.keepalive_sent(spec.name, spec.source, spec.destination, keepalive.counter)
            results.append(DebugOutput((text,)))
        return [*results, SendKeepalive(spec.name), *self._evaluate(tunnel, now)]

    # ------------------------------------------------------------------------------------------------- evaluation

    def _evaluate_all(self, now: float) -> list[Effect | Notice]:
        self._rivals = line.rivals(self._possible())
        results: list[Effect | Notice] = []
        for tunnel in self._tunnels.values():
            results += self._evaluate(tunnel, now)
        return results

    def _evaluate(self, tunnel: _Tunnel, now: float) -> list[Effect | Notice]:
        """Bring one tunnel up to date and say what follows."""
        settings = tunnel.settings
        source = line.find_source(settings, self._ports)
        mtu = line.default_ip_mtu(settings, source, self._ports)
        sealing = line.sealing(settings, mtu, tunnel.protection)
        results, reason = self._own_reason(tunnel, source, mtu - sealing, now)
        up = reached = reason is None
        results += self._keep_alive(tunnel, up, now)
        if up and tunnel.keepalive is not None and tunnel.keepalive.failed:
            up, reason = False, Reason(TunnelReason.KEEPALIVE, (tunnel.keepalive.retries,))
        carrier = up and tunnel.hold is None
        if tunnel.spec is not None and carrier != tunnel.carrier:
            results.append(SetCarrier(settings.name, carrier))
        tunnel.carrier = carrier and tunnel.spec is not None
        state = _state(settings, source, (mtu - sealing, sealing), reason)
        results += self._tell(tunnel, state, now)
        return results + _ask(tunnel, state.destination if settings.protection and reached else None)

    def _own_reason(
        self, tunnel: _Tunnel, source: line.Source, mtu: int, now: float
    ) -> tuple[list[Effect | Notice], Reason | None]:
        """Order the tunnel if it can exist; why it is down before keepalives are looked at, or None."""
        settings = tunnel.settings
        spec = line.make_spec(settings, source, mtu, tunnel.protection)
        winner = self._rivals.get(settings.name)
        reason = line.missing(settings, source)
        if spec is not None and winner is not None:
            reason = reason or line.rivalry(spec, winner)
        results = self._order(tunnel, spec if winner is None else None)
        reason = reason or line.unprotected(settings, tunnel.protection) or self._retries.reason(settings.name)
        if reason is not None or settings.multipoint or settings.destination is None:
            return results, reason
        if not tunnel.recursive and not self._ports.rib.forwarding(settings.destination):
            return results, Reason(TunnelReason.NO_ROUTE, (settings.destination,))
        if not tunnel.recursive and line.leads_through(settings.name, settings.destination, self._ports):
            tunnel.recursive = True
            self._timers.set(("recursion", settings.name), now + RECURSION_HOLD)
            results.append(messages.RecursiveRouting.of(settings.name))
        return results, _RECURSION if tunnel.recursive else None

    def _possible(self) -> Iterator[TunnelSpec]:
        """Yield what every tunnel would be if it were alone; those that are shut give way to the others."""
        ordered = sorted(self._tunnels.values(), key=lambda tunnel: (tunnel.settings.shutdown, tunnel.settings.number))
        for tunnel in ordered:
            spec = line.make_spec(tunnel.settings, line.find_source(tunnel.settings, self._ports), 0)
            if spec is not None:
                yield spec

    def _order(self, tunnel: _Tunnel, spec: TunnelSpec | None) -> list[Effect | Notice]:
        if spec == tunnel.spec:
            return []
        tunnel.spec = spec
        self._retries.forget(tunnel.settings.name)
        if spec is None:
            tunnel.carrier = False
            return [RemoveTunnel(tunnel.settings.name)]
        return [SetTunnel(spec)]

    def _keep_alive(self, tunnel: _Tunnel, base_up: bool, now: float) -> list[Effect | Notice]:
        """Start keepalives when everything else is right, stop them when it is not."""
        settings = tunnel.settings
        wanted = settings.keepalive if base_up and not settings.multipoint else None
        have = (tunnel.keepalive.period, tunnel.keepalive.retries) if tunnel.keepalive else None
        if wanted == have:
            return []
        timer = ("keepalive", settings.name)
        if wanted is None:
            tunnel.keepalive = None
            self._timers.cancel(timer)
            return []
        tunnel.keepalive = Keepalive(*wanted)
        self._timers.set(timer, now)
        return []

    def _tell(self, tunnel: _Tunnel, state: TunnelState, now: float) -> list[Effect | Notice]:
        """Return notices of what is different now. A reason keeps the time at which it began."""
        name, old = state.name, tunnel.state
        if state.reason is not None:
            before = old.reason if old is not None else None
            since = before.since if before is not None and before.code is state.reason.code else now
            state = replace(state, reason=replace(state.reason, since=since))
        results: list[Effect | Notice] = []
        if state != old:
            tunnel.state = state
            results.append(TunnelChanged(name, old, state))
        reason = state.reason or tunnel.hold
        decided = LineProtocolDecided(name, up=reason is None, reason=reason, mtu=state.ip_mtu)
        if decided != tunnel.decided:
            tunnel.decided = decided
            results.append(decided)
            if self._ports.debugging.on(messages.TUNNEL, interface=name):
                results.insert(0, DebugOutput((messages.line_state(name, reason),)))
        return results


def _orders(tunnel: _Tunnel) -> list[Effect | Notice]:
    """Return the tunnel again, for a shell that lost it."""
    if tunnel.spec is None:
        return []
    return [SetTunnel(tunnel.spec), SetCarrier(tunnel.spec.name, tunnel.carrier)]


def _all_again(tunnel: _Tunnel) -> list[Effect | Notice]:
    """Return the tunnel again, and its line protocol, so that its addresses are said behind it."""
    return [*_orders(tunnel), *([tunnel.decided] if tunnel.decided is not None else [])]


def _ask(tunnel: _Tunnel, far_end: IPAddress | None) -> list[Effect | Notice]:
    """Ask IPsec to keep SAs with this address, None: with nobody."""
    if tunnel.asked == far_end:
        return []
    tunnel.asked = far_end
    return [ProtectionWanted(tunnel.settings.name, "tunnel", ((far_end, 0),) if far_end is not None else ())]


def _state(settings: TunnelSettings, source: line.Source, mtu: tuple[int, int], reason: Reason | None) -> TunnelState:
    """Return the state; mtu: the default IP MTU, and how many octets ESP took away of it."""
    return TunnelState(
        name=settings.name,
        multipoint=settings.multipoint,
        source=source.address,
        source_interface=source.interface,
        destination=None if settings.multipoint else settings.destination,
        key=settings.key,
        transport_mtu=TRANSPORT_MTU - settings.header + 4,
        checksum=settings.checksum,
        sequence=settings.sequence,
        up=reason is None,
        protection=settings.protected_by,
        reason=reason,
        keepalive=None if settings.multipoint else settings.keepalive,
        ip_mtu=mtu[0],
        sealing=mtu[1],
        mss=settings.mss,
        enabled=not (settings.shutdown or settings.vrf or settings.foreign_mode),
        ttl=settings.ttl,
        path_mtu_discovery=settings.path_mtu_discovery,
        transmit_bandwidth=settings.transmit_bandwidth,
        receive_bandwidth=settings.receive_bandwidth,
    )
