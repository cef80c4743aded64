"""The data plane of a simulated router: a box for each VRF, and the dispatch of effects among them.

InVrf                                    the box of that VRF
an effect that names a tunnel, or sends  the box that the interface is in
out of an interface
SetInterface, SetTunnel                  the same, after the port has moved to the VRF that they name
SetVrfs                                  makes and removes boxes
any other                                the global table's box
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import earliest
from dmvpn.base.effects import (
    ClearAdjacency,
    InVrf,
    PollUsage,
    RemoveTunnel,
    RouteKind,
    SendGre,
    SendIp,
    SendKeepalive,
    SetAdjacency,
    SetCarrier,
    SetHairpin,
    SetInterface,
    SetMulticast,
    SetTunnel,
    SetVrfs,
)
from dmvpn.base.errors import UserError
from dmvpn.dataplane.contract import DataPlane, EffectError
from dmvpn.dataplane.simulated.chassis import Box, Chassis, Transmit
from dmvpn.dataplane.simulated.plane import VrfBox

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.counting import EthernetStation
    from dmvpn.base.effects import Effect, NextHop
    from dmvpn.base.events import Event
    from dmvpn.base.filters import FilterCount
    from dmvpn.base.translation import Translations

_OF_A_TUNNEL: Final = (
    SendGre,
    PollUsage,
    SendKeepalive,
    SetAdjacency,
    ClearAdjacency,
    SetMulticast,
    SetHairpin,
    SetCarrier,
    RemoveTunnel,
)
#: Effects that matter to the dispatch while there is no VRF.
_ABOUT_VRFS: Final = frozenset((InVrf, SetVrfs, SetInterface, SetTunnel))


class SimulatedPlane(Chassis, DataPlane):
    """The data plane of a simulated router, and all of a simulated host."""

    def __init__(
        self, report: Callable[[Event], None], transmit: Transmit, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        """random: source of unpredictable values."""
        super().__init__(report, transmit, random)
        self._global = self.boxes[""] = VrfBox(self, "")

    # ------------------------------------------------------------------------------------------------ effects

    def execute(self, effect: Effect) -> None:
        """Carry out one effect; effects for other modules are ignored. Raises EffectError."""
        if len(self.boxes) == 1 and type(effect) not in _ABOUT_VRFS:
            self._global.execute(effect)
            return
        try:
            self._execute(effect)
        except UserError as error:
            raise EffectError(effect, 0, str(error)) from error

    def _execute(self, effect: Effect) -> None:
        match effect:
            case InVrf():
                self._box(effect.vrf).execute(effect.effect)
            case SetVrfs():
                self._set_vrfs(effect.vrfs)
            case SetInterface():
                self._move(effect.interface, effect.vrf)
                self._box(effect.vrf).execute(effect)
            case SetTunnel(spec=spec):
                known = self.tunnel_table.by_name.get(spec.name)
                if known is None or known.spec.vrf != spec.vrf:
                    self._move(spec.name, spec.vrf)
                self._box_of(spec.name, spec.vrf).execute(effect)
            case SendIp(interface=str(interface)):
                self._box_of(interface).execute(effect)
            case _ if isinstance(effect, _OF_A_TUNNEL):
                self._box_of(effect.tunnel).execute(effect)
            case _:
                self._global.execute(effect)

    def _box(self, vrf: str) -> Box:
        """Return the box of a VRF. Raises UserError if there is none."""
        box = self.boxes.get(vrf)
        if box is None:
            raise UserError(f"there is no VRF {vrf}")
        return box

    def _box_of(self, interface: str, vrf: str = "") -> Box:
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
            self.streams.forget(vrf)
            self.listeners.forget(vrf)
            for name in [port.name for port in self.ports.values() if port.vrf == vrf]:
                self._move(name, "")
            del self.boxes[vrf], self.tables[vrf]
        for vrf in names:
            if vrf not in self.boxes:
                self.boxes[vrf] = VrfBox(self, vrf)

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
        return earliest(self.deadlines.next(), self.streams.next_deadline())

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
        return port.addresses if port and port.running else ()

    @property
    def tunnels(self) -> tuple[str, ...]:
        """The names of the tunnels."""
        return tuple(self.tunnel_table.by_name)

    def route(self, destination: IPAddress, vrf: str = "") -> tuple[NextHop, ...]:
        """Return the next hops for a destination in a VRF; empty if it would be dropped. For invariants in tests."""
        table = self.tables.get(vrf)
        hops = table.next_hops(destination) if table is not None else RouteKind.UNREACHABLE
        return () if isinstance(hops, RouteKind) else hops

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
