"""All GRE tunnels of a router: the orders to the data plane, and whether each one carries packets.

Whatever may change a tunnel leads to `_evaluate`, the only place that compares: source and destination (`line`),
keepalives, NHRP's hold, the hold-down after recursive routing. It says what follows, in this order: `SetTunnel`,
`SetCarrier`, `TunnelChanged`, `LineProtocolDecided`.

    InterfaceChanged   the source's address or line; RouteChanged   the way to a destination in the VRF of the
                       outer packets; VrfsChanged    whether there is such a VRF
    HoldTunnel         NHRP (`if-state nhrp`); KeepaliveReceived    the far end lives
    ProtectionDecided  IPsec can protect the tunnel, or why it cannot

A tunnel that is to be protected is so from its first `SetTunnel` on; it has no carrier until IPsec has decided. The
line protocol does not depend on SAs (as on IOS).

The far end of a point-to-point tunnel sends GRE keepalives back by merely decapsulating them. One goes out every
`period` seconds, whether the line is up or not; `retries` without an answer take the line down, the first answer puts
it up again. (IOS; there is no RFC.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from dmvpn.base import notices
from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Context, Machine, Retries, Timer
from dmvpn.base.effects import RemoveTunnel, SendKeepalive, SetCarrier, SetTunnel, TunnelSpec
from dmvpn.base.events import EffectFailed, Event, GreDrops, InterfacesCounted, KeepaliveReceived, Packets, Resync
from dmvpn.base.negotiation import ProtectionDecided, ProtectionWanted
from dmvpn.base.ports import Ports
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable, project
from dmvpn.features.tunnel import line, messages
from dmvpn.features.tunnel.model import TunnelConfig, TunnelSettings
from dmvpn.features.tunnel.reasons import TunnelReason

# ------------------------------------------------------------------------------------------------ keepalives


class Keepalive(Mutable):
    """The keepalives of one tunnel.

    unanswered: sent since the last answer.
    counter: sent since the beginning.
    failed: after so many unanswered ones the far end counts as gone.
    """

    period: int
    retries: int
    unanswered: int = 0
    counter: int = 0
    failed: bool = False

    def send(self) -> None:
        """Send one more; those before it that were not answered count as lost."""
        self.failed = self.failed or self.unanswered >= self.retries
        self.unanswered += 1
        self.counter += 1

    def answered(self) -> None:
        """Count a returned keepalive."""
        self.unanswered = 0
        self.failed = False


# ------------------------------------------------------------------------------------------------ the machine


#: Seconds that a tunnel stays down after recursive routing (IOS tries again after about a minute).
RECURSION_HOLD = 60.0

#: What IOS announces as the transport MTU of a tunnel in NHRP packets.
TRANSPORT_MTU = 17916

#: Refused tunnels that are ordered again in one event.
_MOST_ORDERS = 32

_RECURSION = Reason(TunnelReason.RECURSION)


class _Tunnel(Mutable):
    """One tunnel: wanted (settings), ordered (spec, carrier), announced to other features (state, decided).

    protection: IPsec's decision.
    asked: the far end to which IPsec keeps SAs for us.
    sending, resting: send the next keepalive, and end the hold-down after recursive routing.
    """

    settings: TunnelSettings
    sending: Timer
    resting: Timer
    spec: TunnelSpec | None = None
    carrier: bool = False
    state: notices.TunnelState | None = None
    decided: notices.LineProtocolDecided | None = None
    keepalive: Keepalive | None = None
    recursive: bool = False
    hold: Reason | None = None
    protection: ProtectionDecided | None = None
    asked: IPAddress | None = None


class TunnelMachine(Machine):
    """Owns every `TunnelState`; answers `ports.Tunnels`. drops: GRE packets that reached none, as of the last count."""

    subscriptions: ClassVar[tuple[type[Event] | type[notices.Notice] | Packets, ...]] = (
        notices.InterfaceChanged,
        notices.RouteChanged,
        notices.VrfsChanged,
        notices.HoldTunnel,
        ProtectionDecided,
        KeepaliveReceived,
        InterfacesCounted,
        EffectFailed,
        Resync,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self.drops = GreDrops()
        self._tunnels: dict[str, _Tunnel] = {}  # in order of their numbers
        self._rivals: dict[str, str] = {}
        self._retries = Retries[str](
            self._context, "order a tunnel again that the host refused", self._order_again, most=_MOST_ORDERS
        )

    # ---------------------------------------------------------------------------------------------- ports.Tunnels

    def get(self, name: str) -> notices.TunnelState | None:
        """Return the tunnel, or None if there is no such interface."""
        tunnel = self._tunnels.get(name)
        return tunnel.state if tunnel else None

    def all(self) -> tuple[notices.TunnelState, ...]:
        """Return all tunnels, in order of their numbers."""
        return tuple(tunnel.state for tunnel in self._tunnels.values() if tunnel.state is not None)

    def spec(self, name: str) -> TunnelSpec | None:
        """Return the order that the data plane has for the tunnel, None: none."""
        tunnel = self._tunnels.get(name)
        return tunnel.spec if tunnel else None

    # ---------------------------------------------------------------------------------------------------- machine

    def dispatch(self, event: Event | notices.Notice) -> None:
        """Hand an event to the tunnels that it concerns."""
        match event:
            case notices.Configured(model=TunnelConfig() as config):
                self._configure(config)
            case notices.InterfaceChanged():
                self._interface_changed(event.name)
            case notices.RouteChanged():
                self._route_changed(event)
            case notices.VrfsChanged():
                self._evaluate_all()
            case notices.HoldTunnel():
                if (tunnel := self._tunnels.get(event.tunnel)) is not None:
                    tunnel.hold = event.reason
                    self._evaluate(tunnel)
            case ProtectionDecided():
                tunnel = self._tunnels.get(event.tunnel)
                if tunnel is not None and tunnel.settings.protection:
                    tunnel.protection = event
                    self._evaluate(tunnel)
            case KeepaliveReceived():
                self._keepalive_received(event.tunnel)
            case InterfacesCounted():
                self.drops = event.drops
            case EffectFailed(effect=SetTunnel(spec=spec)):
                self._refused(spec.name, event.text)
            case Resync():
                for tunnel in self._tunnels.values():
                    # Addresses are said behind the line protocol.
                    self._orders(tunnel)
                    if tunnel.decided is not None:
                        self._context.emit(tunnel.decided)

    def _configure(self, config: TunnelConfig) -> None:
        wanted = {settings.name: settings for settings in sorted(config.tunnels, key=lambda entry: entry.number)}
        held: dict[str, Reason | None] = {}
        for name, tunnel in [*self._tunnels.items()]:
            if name not in wanted or _tables(wanted[name]) != _tables(tunnel.settings):
                held[name] = tunnel.hold  # NHRP does not decide again about a tunnel that only moves
                self._remove(name)
        before, self._tunnels = self._tunnels, {}
        for name, settings in wanted.items():
            tunnel = self._tunnels[name] = before.get(name) or self._create(settings, held.get(name))
            if tunnel.settings != settings:
                tunnel.settings, tunnel.recursive = settings, False
                if settings.shutdown or not settings.protection:
                    tunnel.protection = None
                self._context.stop(tunnel.resting)
        has_way = any(one.destination is not None and not one.multipoint for one in wanted.values())
        self.unneeded = () if has_way else (notices.RouteChanged,)
        self._evaluate_all()

    def _create(self, settings: TunnelSettings, hold: Reason | None) -> _Tunnel:
        tunnel = _Tunnel(
            settings,
            sending=Timer("send a keepalive", lambda: self._send_keepalive(tunnel), settings.name),
            resting=Timer(
                "try a tunnel again that was shut because of recursive routing",
                lambda: self._rested(tunnel),
                settings.name,
            ),
            hold=hold,
        )
        return tunnel

    def _remove(self, name: str) -> None:
        tunnel = self._tunnels.pop(name)
        self._context.retire(tunnel.sending, tunnel.resting)
        self._retries.forget_order(name)
        if tunnel.spec:
            self._context.emit(RemoveTunnel(name))
        self._want_protection(tunnel, None)
        self._context.emit(notices.TunnelChanged(name, tunnel.state, None))

    def _interface_changed(self, name: str) -> None:
        if name not in self._tunnels:
            settings = [tunnel.settings for tunnel in self._tunnels.values()]
            if any(not (one.multipoint and one.source_interface) or one.source_interface == name for one in settings):
                self._evaluate_all()  # of a multipoint tunnel its source counts alone
            return
        for tunnel in self._tunnels.values():
            if tunnel.state is not None and tunnel.state.source_interface == name:
                self._evaluate(tunnel)

    def _route_changed(self, event: notices.RouteChanged) -> None:
        for tunnel in self._tunnels.values():
            settings = tunnel.settings
            if settings.multipoint or settings.destination is None or settings.front != event.vrf:
                continue
            if settings.destination in event.prefix:
                self._evaluate(tunnel)

    def _keepalive_received(self, name: str) -> None:
        tunnel = self._tunnels.get(name)
        if tunnel is None or tunnel.keepalive is None or tunnel.spec is None:
            return
        tunnel.keepalive.answered()
        destination = tunnel.spec.destination
        if destination is not None and self._context.ports.debugging.on(messages.KEEPALIVE, interface=name):
            self._context.debug(messages.keepalive_received(name, tunnel.spec.source, destination))
        self._evaluate(tunnel)

    def _refused(self, name: str, text: str) -> None:
        if tunnel := self._tunnels.get(name):
            self._retries.failed(name, Reason(TunnelReason.REFUSED, (text,), self._context.now))
            self._evaluate(tunnel)

    def _order_again(self, name: str) -> None:
        """Order a tunnel once more that the host refused."""
        if tunnel := self._tunnels.get(name):
            self._orders(tunnel)
            self._evaluate(tunnel)

    def _rested(self, tunnel: _Tunnel) -> None:
        """End the hold-down after recursive routing."""
        tunnel.recursive = False
        self._evaluate(tunnel)

    def _send_keepalive(self, tunnel: _Tunnel) -> None:
        keepalive, spec = tunnel.keepalive, tunnel.spec
        if keepalive is None or spec is None or spec.destination is None:
            return
        keepalive.send()
        self._context.start(tunnel.sending, keepalive.period)
        if self._context.ports.debugging.on(messages.KEEPALIVE, interface=spec.name):
            self._context.debug(messages.keepalive_sent(spec.name, spec.source, spec.destination, keepalive.counter))
        self._context.emit(SendKeepalive(spec.name))
        self._evaluate(tunnel)

    # ------------------------------------------------------------------------------------------------- evaluation

    def _evaluate_all(self) -> None:
        self._rivals = line.rivals(self._possible()) if len(self._tunnels) > 1 else {}
        for tunnel in self._tunnels.values():
            self._evaluate(tunnel)

    def _evaluate(self, tunnel: _Tunnel) -> None:
        """Bring one tunnel up to date and say what follows."""
        settings, ports = tunnel.settings, self._context.ports
        source = line.find_source(settings, ports)
        mtu = line.default_ip_mtu(settings, source, ports)
        sealing = line.sealing(settings, mtu, tunnel.protection)
        reason = self._own_reason(tunnel, source, mtu - sealing)
        up = reached = reason is None
        self._keep_alive(tunnel, up)
        if up and tunnel.keepalive is not None and tunnel.keepalive.failed:
            up, reason = False, Reason(TunnelReason.KEEPALIVE, (tunnel.keepalive.retries,))
        carrier = up and tunnel.hold is None
        if tunnel.spec is not None and carrier != tunnel.carrier:
            self._context.emit(SetCarrier(settings.name, carrier))
        tunnel.carrier = carrier and tunnel.spec is not None
        state = _state(settings, source, (mtu - sealing, sealing), reason)
        self._tell(tunnel, state)
        self._want_protection(tunnel, state.destination if settings.protection and reached else None)

    def _own_reason(self, tunnel: _Tunnel, source: line.TunnelSource, mtu: int) -> Reason | None:
        """Order the tunnel if it can exist. Returns why it is down before keepalives are looked at, or None."""
        settings, ports = tunnel.settings, self._context.ports
        spec = line.make_spec(settings, source, mtu, tunnel.protection)
        winner = self._rivals.get(settings.name)
        reason = line.missing(settings, source, ports)
        if spec is not None and winner is not None:
            reason = reason or line.rivalry(spec, winner)
        self._order(tunnel, spec if winner is None else None)
        reason = reason or line.unprotected(settings, tunnel.protection) or self._retries.reason(settings.name)
        if reason is not None or settings.multipoint or settings.destination is None:
            return reason
        if not tunnel.recursive and (nowhere := line.no_route(settings, ports)) is not None:
            return nowhere
        if not tunnel.recursive and line.leads_through(settings.name, settings.destination, settings.front, ports):
            tunnel.recursive = True
            self._context.start(tunnel.resting, RECURSION_HOLD)
            self._context.emit(messages.recursive_routing(settings.name))
        return _RECURSION if tunnel.recursive else None

    def _possible(self) -> Iterator[TunnelSpec]:
        """Yield the spec of every tunnel as if it were alone; tunnels that are shut down come last."""
        ordered = sorted(self._tunnels.values(), key=lambda tunnel: (tunnel.settings.shutdown, tunnel.settings.number))
        for tunnel in ordered:
            spec = line.make_spec(tunnel.settings, line.find_source(tunnel.settings, self._context.ports), 0)
            if spec is not None:
                yield spec

    def _order(self, tunnel: _Tunnel, spec: TunnelSpec | None) -> None:
        if spec == tunnel.spec:
            return
        tunnel.spec = spec
        self._retries.forget_order(tunnel.settings.name)
        if spec is None:
            tunnel.carrier = False
            self._context.emit(RemoveTunnel(tunnel.settings.name))
        else:
            self._context.emit(SetTunnel(spec))

    def _keep_alive(self, tunnel: _Tunnel, base_up: bool) -> None:
        """Start keepalives when everything else is right, stop them when it is not."""
        settings = tunnel.settings
        wanted = settings.keepalive if base_up and not settings.multipoint else None
        have = (tunnel.keepalive.period, tunnel.keepalive.retries) if tunnel.keepalive else None
        if wanted == have:
            return
        if wanted is None:
            tunnel.keepalive = None
            self._context.stop(tunnel.sending)
        else:
            tunnel.keepalive = Keepalive(*wanted)
            self._context.start(tunnel.sending, 0.0)

    def _tell(self, tunnel: _Tunnel, state: notices.TunnelState) -> None:
        """Emit notices of the differences. A reason keeps the time at which it began."""
        name, old = state.name, tunnel.state
        if state.reason is not None:
            before = old.reason if old is not None else None
            since = before.since if before is not None and before.code is state.reason.code else self._context.now
            state = replace(state, reason=replace(state.reason, since=since))
        reason = state.reason or tunnel.hold
        decided = notices.LineProtocolDecided(name, up=reason is None, reason=reason, mtu=state.ip_mtu)
        is_news = decided != tunnel.decided
        if is_news and self._context.ports.debugging.on(messages.TUNNEL, interface=name):
            self._context.debug(messages.line_state(name, reason))
        if state != old:
            tunnel.state = state
            self._context.emit(notices.TunnelChanged(name, old, state))
        if is_news:
            tunnel.decided = decided
            self._context.emit(decided)

    def _want_protection(self, tunnel: _Tunnel, far_end: IPAddress | None) -> None:
        """Have IPsec keep SAs with this address, None: with no address."""
        if tunnel.asked == far_end:
            return
        tunnel.asked = far_end
        peers = ((far_end, 0),) if far_end is not None else ()
        self._context.emit(ProtectionWanted(tunnel.settings.name, "tunnel", peers))

    def _orders(self, tunnel: _Tunnel) -> None:
        """Order the tunnel again, for a shell that lost it."""
        if tunnel.spec is not None:
            self._context.emit(SetTunnel(tunnel.spec), SetCarrier(tunnel.spec.name, tunnel.carrier))


def _tables(settings: TunnelSettings) -> tuple[str, str]:
    """Return the VRFs inside and outside. A tunnel that moves to another VRF is a new tunnel."""
    return settings.vrf, settings.front


def _state(
    settings: TunnelSettings, source: line.TunnelSource, mtu: tuple[int, int], reason: Reason | None
) -> notices.TunnelState:
    """Return the state; mtu: the default IP MTU, and how many octets ESP took away of it."""
    return project(
        notices.TunnelState,
        settings,
        source=source.address,
        source_interface=source.interface,
        destination=None if settings.multipoint else settings.destination,
        transport_mtu=TRANSPORT_MTU - settings.header + 4,
        up=reason is None,
        protection=settings.protected_by,
        reason=reason,
        keepalive=None if settings.multipoint else settings.keepalive,
        ip_mtu=mtu[0],
        sealing=mtu[1],
        enabled=not (settings.shutdown or settings.foreign_mode),
    )
