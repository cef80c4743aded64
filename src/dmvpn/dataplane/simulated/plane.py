"""The effects on one box: they change its state, or send a packet through it. Those about all boxes are in `vrfs`."""

from __future__ import annotations

from dmvpn.base.effects import (
    ClearAdjacency,
    ClearRoute,
    Effect,
    ForgetTranslations,
    Listen,
    PollInterfaces,
    PollUsage,
    RemoveTunnel,
    SendGre,
    SendIp,
    SendKeepalive,
    SetAdjacency,
    SetCarrier,
    SetFilters,
    SetHairpin,
    SetInterface,
    SetIpv6Forwarding,
    SetMulticast,
    SetRoute,
    SetTranslation,
    SetTunnel,
    StopListening,
    TunnelSpec,
)
from dmvpn.base.events import UsageReported
from dmvpn.base.streams import StreamClose, StreamListen, StreamOpen, StreamPause, StreamSend, StreamSign
from dmvpn.dataplane.simulated.forwarding import DEFAULT_MTU
from dmvpn.dataplane.simulated.gre import TunnelBox
from dmvpn.dataplane.simulated.tunnels import NbmaPeer, SimulatedTunnel


class VrfBox(TunnelBox):
    """The part of a simulated router that is in one VRF, or in the global table; and all of a simulated host."""

    def execute(self, effect: Effect) -> None:
        """Carry out one effect; effects for other modules are ignored. Raises EffectError."""
        match effect:
            case SendIp():
                self._send_own(effect)
            case SendGre():
                self._send_gre(effect)
            case PollUsage():  # these two early because they are frequent: a quiet router hardly does anything else
                self._report_usage(effect)
            case PollInterfaces():
                self._report(self._chassis.interfaces_counted())
            case SendKeepalive():
                self._send_keepalive(effect)
            case SetAdjacency():
                self._set_adjacency(effect)
            case ClearAdjacency():
                self._tunnel(effect, effect.tunnel).adjacencies.pop(effect.next_hop, None)
            case SetMulticast():
                receivers = (*map(NbmaPeer, effect.nbmas), *(NbmaPeer(*bound) for bound in effect.bound))
                self._tunnel(effect, effect.tunnel).multicast[effect.version] = receivers
            case SetHairpin():
                self._tunnel(effect, effect.tunnel).set_hairpin(effect)
            case SetRoute():
                self._table.set_route(effect)
            case ClearRoute():
                self._table.clear_route(effect.prefix)
            case SetInterface():
                self._set_interface(effect)
            case SetTranslation():
                self._translation.set(effect)
            case SetFilters():
                self._filters.set(effect)
            case ForgetTranslations():
                self._translation.forget()
            case SetIpv6Forwarding():
                self._chassis.forwards_ipv6 = effect.enabled
            case SetTunnel():
                self._set_tunnel(effect.spec)
            case SetCarrier():
                self._tunnel(effect, effect.tunnel).carrier = effect.up
                self._table.port(effect.tunnel).carrier = effect.up
            case RemoveTunnel():
                self._remove_tunnel(effect.tunnel)
            case Listen():
                self._listeners.add((effect.interface, effect.protocol, effect.port), self.vrf)
            case StopListening():
                self._listeners.remove((effect.interface, effect.protocol, effect.port), self.vrf)
            case StreamListen() | StreamOpen() | StreamSend() | StreamSign() | StreamPause() | StreamClose():
                self._chassis.streams.execute(effect, self._chassis.now, self.vrf)
            case _:
                self._execute_ipsec(effect)

    # ------------------------------------------------------------------------------------------------ state

    def _set_interface(self, effect: SetInterface) -> None:
        self._table.set_interface(effect)
        own = self._table.port(effect.interface)
        own.mtu6, own.mss6 = effect.mtu6, effect.mss6
        tunnel = self._tunnels.by_name.get(effect.interface)
        if tunnel is not None:
            tunnel.forget_other_versions({address.version for address, _ in effect.addresses})
            return  # the tunnel's own specification decides the remaining state
        port = self._table.port(effect.interface)
        port.mss = effect.mss
        port.mtu = DEFAULT_MTU if effect.mtu is None else effect.mtu

    def _set_tunnel(self, spec: TunnelSpec) -> None:
        tunnel = self._tunnels.by_name.get(spec.name)
        if tunnel is None:
            self._tunnels.by_name[spec.name] = SimulatedTunnel(spec)
            self._table.port(spec.name).carrier = False
        else:
            tunnel.spec = spec
        port = self._table.port(spec.name)
        port.mtu, port.mss = spec.mtu, spec.mss

    def _remove_tunnel(self, name: str) -> None:
        self._tunnels.by_name.pop(name, None)
        self._table.remove_port(name)

    def _set_adjacency(self, effect: SetAdjacency) -> None:
        tunnel = self._tunnel(effect, effect.tunnel)
        tunnel.adjacencies[effect.next_hop] = NbmaPeer(effect.nbma, effect.connection)
        waiting = tunnel.waiting.pop(effect.next_hop, None)
        if waiting is not None:
            self._chassis.deadlines.cancel((effect.tunnel, effect.next_hop))
            for packet in waiting.packets:
                self._emit(effect.tunnel, effect.next_hop, packet)

    def _report_usage(self, effect: PollUsage) -> None:
        self._tunnel(effect, effect.tunnel)
        self._report(UsageReported(effect.tunnel, self._chassis.usage(effect.tunnel)))
