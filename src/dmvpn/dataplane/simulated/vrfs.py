"""The data plane of a simulated router: a box for each VRF, and the dispatch of effects among them.

InVrf                                    the box of that VRF
an effect that names a tunnel, or sends  the box that the interface is in
out of an interface
SetInterface, SetTunnel                  the same, after the port has moved to the VRF that they name
SetVrfs                                  makes and removes boxes
any other                                the global table's box

An effect on one box changes its state, or sends a packet through it (`VrfBox`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ClassVar, Final

from dmvpn.base import effects
from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import earliest
from dmvpn.base.effects import NextHop
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, UsageReported
from dmvpn.base.filters import FilterCount
from dmvpn.base.shell import EthernetStation
from dmvpn.base.streams import StreamClose, StreamListen, StreamOpen, StreamPause, StreamSend, StreamSign
from dmvpn.base.translation import Translations
from dmvpn.dataplane.contract import DataPlane, EffectError
from dmvpn.dataplane.simulated.chassis import Chassis, Transmit
from dmvpn.dataplane.simulated.forwarding import DEFAULT_MTU, NbmaPeer, SimulatedTunnel
from dmvpn.dataplane.simulated.gre import TunnelBox

# ---------------------------------------------------------------------------------------------------- plane


class VrfBox(TunnelBox):
    """The part of a simulated router that is in one VRF, or in the global table; and all of a simulated host."""

    def execute(self, effect: effects.Effect) -> None:
        """Carry out one effect; effects for other modules are ignored. Raises EffectError."""
        match effect:
            case effects.SendIp():
                self._send_own(effect)
            case effects.SendGre():
                self._send_gre(effect)
            case effects.PollUsage():  # these two early because they are frequent: a quiet router hardly does more
                self._report_usage(effect)
            case effects.PollInterfaces():
                self._report(self._chassis.interfaces_counted())
            case effects.SendKeepalive():
                self._send_keepalive(effect)
            case effects.SetAdjacency():
                self._set_adjacency(effect)
            case effects.ClearAdjacency():
                self._tunnel(effect, effect.tunnel).adjacencies.pop(effect.next_hop, None)
            case effects.SetMulticast():
                receivers = (*map(NbmaPeer, effect.nbmas), *(NbmaPeer(*bound) for bound in effect.bound))
                self._tunnel(effect, effect.tunnel).multicast[effect.version] = receivers
            case effects.SetHairpin():
                self._tunnel(effect, effect.tunnel).set_hairpin(effect)
            case effects.SetRoute():
                self._table.set_route(effect)
            case effects.ClearRoute():
                self._table.clear_route(effect.prefix)
            case effects.SetInterface():
                self._set_interface(effect)
            case effects.SetTranslation():
                self._translation.set(effect)
            case effects.SetFilters():
                self._filters.set(effect)
            case effects.ForgetTranslations():
                self._translation.clear_flows(effect.meant)
            case effects.SetIpv6Forwarding():
                self._chassis.forwards_ipv6 = effect.enabled
            case effects.SetTunnel():
                self._set_tunnel(effect.spec)
            case effects.SetCarrier():
                self._tunnel(effect, effect.tunnel).carrier = effect.up
                self._table.port(effect.tunnel).carrier = effect.up
            case effects.RemoveTunnel():
                self._remove_tunnel(effect.tunnel)
            case effects.Listen():
                self._listeners.add((effect.interface, effect.protocol, effect.port), self.vrf)
            case effects.StopListening():
                self._listeners.remove((effect.interface, effect.protocol, effect.port), self.vrf)
            case StreamListen() | StreamOpen() | StreamSend() | StreamSign() | StreamPause() | StreamClose():
                self._chassis.streams.execute(effect, self._chassis.now, self.vrf)
            case _:
                self._execute_ipsec(effect)

    # ------------------------------------------------------------------------------------------------ state

    def _set_interface(self, effect: effects.SetInterface) -> None:
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

    def _set_tunnel(self, spec: effects.TunnelSpec) -> None:
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

    def _set_adjacency(self, effect: effects.SetAdjacency) -> None:
        tunnel = self._tunnel(effect, effect.tunnel)
        tunnel.adjacencies[effect.next_hop] = NbmaPeer(effect.nbma, effect.connection)
        waiting = tunnel.waiting.pop(effect.next_hop, None)
        if waiting is not None:
            self._chassis.deadlines.cancel((effect.tunnel, effect.next_hop))
            for packet in waiting.packets:
                self._emit(effect.tunnel, effect.next_hop, packet)

    def _report_usage(self, effect: effects.PollUsage) -> None:
        self._tunnel(effect, effect.tunnel)
        self._report(UsageReported(effect.tunnel, self._chassis.usage(effect.tunnel)))


# ---------------------------------------------------------------------------------------------------- vrfs

_OF_A_TUNNEL: Final = (
    effects.SendGre,
    effects.PollUsage,
    effects.SendKeepalive,
    effects.SetAdjacency,
    effects.ClearAdjacency,
    effects.SetMulticast,
    effects.SetHairpin,
    effects.SetCarrier,
    effects.RemoveTunnel,
)
#: Effects that matter to the dispatch while there is no VRF.
_ABOUT_VRFS: Final = frozenset((effects.InVrf, effects.SetVrfs, effects.SetInterface, effects.SetTunnel))


class SimulatedPlane(Chassis, DataPlane):
    """The data plane of a simulated router, and all of a simulated host."""

    box_type: ClassVar[type[VrfBox]] = VrfBox

    def __init__(
        self, report: Callable[[Event], None], transmit: Transmit, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        """random: source of unpredictable values."""
        super().__init__(report, transmit, random, self._send_segment)
        #: The box of each VRF, and of the global table.
        self.boxes: dict[str, VrfBox] = {}
        self._global = self.boxes[""] = self.box_type(self, "", self.boxes)

    # ------------------------------------------------------------------------------------------------ effects

    def execute(self, effect: effects.Effect) -> None:
        """Carry out one effect; effects for other modules are ignored. Raises EffectError."""
        if len(self.boxes) == 1 and type(effect) not in _ABOUT_VRFS:
            self._global.execute(effect)
            return
        try:
            self._execute(effect)
        except UserError as error:
            raise EffectError(effect, 0, str(error)) from error

    def _execute(self, effect: effects.Effect) -> None:
        match effect:
            case effects.InVrf():
                self._box(effect.vrf).execute(effect.effect)
            case effects.SetVrfs():
                self._set_vrfs(effect.vrfs)
            case effects.SetInterface():
                self._move(effect.interface, effect.vrf)
                self._box(effect.vrf).execute(effect)
            case effects.SetTunnel(spec=spec):
                known = self.tunnel_table.by_name.get(spec.name)
                if known is None or known.spec.vrf != spec.vrf:
                    self._move(spec.name, spec.vrf)
                self._box_of(spec.name, spec.vrf).execute(effect)
            case effects.SendIp(interface=str(interface)):
                self._box_of(interface).execute(effect)
            case _ if isinstance(effect, _OF_A_TUNNEL):
                self._box_of(effect.tunnel).execute(effect)
            case _:
                self._global.execute(effect)

    def _send_segment(self, vrf: str, packet: effects.SendIp) -> None:
        if vrf in self.boxes:
            self.boxes[vrf].execute(packet)

    def _box(self, vrf: str) -> VrfBox:
        """Return the box of a VRF. Raises UserError if there is none."""
        box = self.boxes.get(vrf)
        if box is None:
            raise UserError(f"there is no VRF {vrf}")
        return box

    def _box_of(self, interface: str, vrf: str = "") -> VrfBox:
        """Return the box that an interface is in. vrf: of an interface that does not exist."""
        port = self.ports.get(interface)
        return self._box(vrf if port is None else port.vrf)

    def _move(self, interface: str, vrf: str) -> None:
        port = self.ports.get(interface)
        if port is not None and port.vrf != vrf:
            self._box(vrf)
            self.tables[port.vrf].move_port(interface, self.tables[vrf])

    def _set_vrfs(self, names: tuple[str, ...]) -> None:
        for vrf in [vrf for vrf in self.boxes if vrf and vrf not in names]:
            self.streams.abort_vrf(vrf)
            self.listeners.forget_vrf(vrf)
            for name in [port.name for port in self.ports.values() if port.vrf == vrf]:
                self._move(name, "")
            del self.boxes[vrf], self.tables[vrf]
        for vrf in names:
            if vrf not in self.boxes:
                self.boxes[vrf] = self.box_type(self, vrf, self.boxes)

    def close(self) -> None:
        """Do nothing: there are no resources to release."""

    # ------------------------------------------------------------------------------------------------ packets

    def receive(self, interface: str, data: bytes) -> None:
        """Receive a packet by a physical port."""
        port = self.ports.get(interface)
        if port is not None and port.running:
            self.boxes[port.vrf].receive(port, data)

    def next_deadline(self) -> float | None:
        """Return when `tick` is due next: for packets that wait for a next hop, and segments to repeat."""
        waiting, streams = self.deadlines.next(), self.streams.next_deadline()
        return waiting if streams is None else earliest(waiting, streams)  # asked for every packet

    def tick(self) -> None:
        """Serve streams, and drop packets for next hops that were not resolved in time."""
        self.streams.tick(self.now)
        for name, next_hop in self.deadlines.pop_due(self.now):
            tunnel = self.tunnel_table.by_name.get(name)
            if tunnel is not None:
                self._box_of(name).give_up(tunnel, next_hop)

    def set_carrier(self, interface: str, up: bool) -> None:
        """Plug a wire into a physical port, or pull it out."""
        self.tables[""].port(interface).carrier = up

    # ------------------------------------------------------------------------------------------------ questions

    def addresses_of(self, interface: str) -> tuple[tuple[IPAddress, int], ...]:
        """Return the addresses that the port answers to."""
        port = self.ports.get(interface)
        if port is None or not port.running:
            return ()
        return (*port.addresses, *self.translation.answered(port)) if self.translation.aliases else port.addresses

    def has_elsewhere(self, interface: str, address: IPAddress) -> bool:
        """Return whether another port of the same VRF has the address: proxy ARP, and Linux, answer for it, too."""
        port = self.ports.get(interface)
        return port is not None and port.running and address.version == 4 and self._owns(port.vrf, address)

    @property
    def tunnels(self) -> tuple[str, ...]:
        """The names of the tunnels."""
        return tuple(self.tunnel_table.by_name)

    def route(self, destination: IPAddress, vrf: str = "") -> tuple[NextHop, ...]:
        """Return the next hops for a destination in a VRF; empty if it would be dropped. For invariants in tests."""
        table = self.tables.get(vrf)
        hops = table.next_hops(destination) if table is not None else effects.RouteKind.UNREACHABLE
        return () if isinstance(hops, effects.RouteKind) else hops

    def adjacency(self, tunnel: str, next_hop: IPAddress) -> IPAddress | None:
        """Return the NBMA address that packets for an overlay next hop go to. For invariants in tests."""
        found = self.tunnel_table.by_name.get(tunnel)
        neighbor = found.neighbor(next_hop) if found else None
        return neighbor.nbma if neighbor else None

    def adjacencies(self, tunnel: str) -> dict[IPAddress, IPAddress]:
        """Return all overlay next hops of a multipoint tunnel with their NBMA addresses.

        For invariants in tests.
        """
        found = self.tunnel_table.by_name.get(tunnel)
        return {next_hop: known.nbma for next_hop, known in found.adjacencies.items()} if found else {}

    def translations(self) -> Translations:
        """Return the translated flows, and the counters."""
        return self.translation.translations(self.now)

    def filtered(self) -> tuple[FilterCount, ...]:
        """Return the counters of the lists of all ports."""
        return self.filters.counts()

    def stations(self) -> tuple[EthernetStation, ...]:
        """Return an empty tuple: a simulated wire has no link layer."""
        return ()
