"""The interfaces that a userspace plane makes: a TAP for each tunnel, and one for each loopback.

A tunnel is three things that must agree: the TAP, its configuration in the kernel, and the engine's processing of its
packets. Its neighbors have link-layer addresses that contain peer numbers (`peers.py`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, Resync
from dmvpn.base.values import dataclass
from dmvpn.dataplane.tap import Tap
from dmvpn.dataplane.userspace.names import InterfaceNames, made_here
from dmvpn.dataplane.userspace.peers import PeerNumbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import ClearAdjacency, SetAdjacency, SetCarrier, SetInterface, TunnelSpec
    from dmvpn.dataplane.userspace.control import ControlSockets
    from dmvpn.dataplane.userspace.engine import PacketEngine
    from dmvpn.dataplane.userspace.kernel import Kernel

#: First octets of link-layer addresses on a TAP: a peer's id follows the one, the interface's number the other.
PEER_MAC = b"\x02\x00"
OWN_MAC = b"\x02\x01"


@dataclass(slots=True)
class _Tunnel:
    spec: TunnelSpec
    tap: Tap
    mac: bytes
    peers: PeerNumbers = field(default_factory=PeerNumbers)


class Taps:
    """Tunnels and loopbacks, by IOS name."""

    def __init__(
        self,
        names: InterfaceNames,
        kernel: Kernel,
        engine: PacketEngine,
        control: ControlSockets,
        report: Callable[[Event], None],
        *,
        vnet_hdr: bool,
    ) -> None:
        self._names = names
        self._kernel = kernel
        self._engine = engine
        self._control = control
        self._report = report
        self._vnet_hdr = vnet_hdr
        self._tunnels: dict[str, _Tunnel] = {}
        self._loopbacks: dict[str, Tap] = {}
        self._addresses: dict[str, tuple[tuple[IPAddress, int], ...]] = {}

    def __contains__(self, tunnel: str) -> bool:
        """Return whether there is a tunnel of this name."""
        return tunnel in self._tunnels

    def spec(self, tunnel: str) -> TunnelSpec:
        """Return the current order of a tunnel."""
        return self._tunnels[tunnel].spec

    def address(self, interface: str) -> IPAddress | None:
        """Return the first address of an interface, if it has one."""
        addresses = self._addresses.get(interface)
        return addresses[0][0] if addresses else None

    def close(self) -> None:
        """Remove all of them."""
        for tunnel in self._tunnels.values():
            with suppress(OSError):  # the interface was deleted
                tunnel.tap.set_persistent(False)
            tunnel.tap.close()
        for tap in self._loopbacks.values():
            tap.close()

    # ------------------------------------------------------------------------------------------------ tunnels

    def set_tunnel(self, spec: TunnelSpec) -> None:
        """Make or change a tunnel. Raises OSError, UserError, and then leaves no partial tunnel."""
        tunnel = self._tunnels.get(spec.name)
        if tunnel is not None and (tunnel.spec.destination is None) != (spec.destination is None):
            self.remove_tunnel(spec.name)  # the kernel treats the neighbors of the two kinds differently
            tunnel = None
            self._report(Resync())  # addresses and everything else on the interface went with it
        fresh = tunnel is None
        if tunnel is None:
            mac = OWN_MAC + len(self._names.linux(spec.name)).to_bytes(1, "big") + _number(spec.name).to_bytes(3, "big")
            tunnel = self._tunnels[spec.name] = self._make_tunnel(spec, mac)
        before, tunnel.spec = tunnel.spec, spec
        try:
            if before.mtu != spec.mtu:
                self._kernel.set_mtu(spec.name, spec.mtu)
            self._engine.set_tunnel(spec, tunnel.tap, tunnel.mac)
        except (OSError, UserError):
            if fresh:  # no partial tunnel: the next order for it starts again
                del self._tunnels[spec.name]
                self._kernel.forget_tunnel(spec.name)
                tunnel.tap.close()
            elif spec.protected and not before.protected:
                self.remove_tunnel(spec.name)  # the engine would go on in clear
            raise
        self._kernel.protect(spec.name, protected=spec.protected)
        # Overlay traffic shall stop with a protected tunnel's process, not take the default route in clear.
        tunnel.tap.set_persistent(spec.protected)
        self._tell_addresses()

    def _make_tunnel(self, spec: TunnelSpec, mac: bytes) -> _Tunnel:
        """Return a TAP with all its settings.

        Raises OSError, UserError, and then leaves no TAP behind that did not exist before.
        """
        tap = Tap(self._names.linux(spec.name), vnet_hdr=self._vnet_hdr)
        try:
            tap.set_hardware_address(mac)
            tap.set_transmit_queue()
            tap.set_carrier(False)
            self._kernel.prepare_tap(spec.name, spec.mtu, multipoint=spec.destination is None)
            while tap.read() is not None:
                pass  # packets for peers of an earlier run
        except BaseException:
            tap.close()
            raise
        return _Tunnel(spec, tap, mac)

    def remove_tunnel(self, name: str) -> None:
        """Remove a tunnel, if it exists."""
        tunnel = self._tunnels.pop(name, None)
        if tunnel is not None:
            self._engine.drain(name)
            self._engine.remove_tunnel(name)
            self._control.forget_interface(name)
            self._kernel.forget_tunnel(name)
            with suppress(OSError):  # the interface was deleted
                tunnel.tap.set_persistent(False)
            tunnel.tap.close()
        self._addresses.pop(name, None)

    def vanished(self, name: str) -> None:
        """Restore an interface of ours that was deleted, by having all orders repeated."""
        if name in self._tunnels:
            self.remove_tunnel(name)
        elif name in self._loopbacks:
            self._loopbacks.pop(name).close()
            self._kernel.forget_tunnel(name)
        else:
            return
        self._report(Resync())

    def set_carrier(self, effect: SetCarrier) -> None:
        """Set whether the kernel routes into a tunnel."""
        if not effect.up:
            self._engine.drain(effect.tunnel)  # a last message may have just been sent
        self._tunnels[effect.tunnel].tap.set_carrier(effect.up)

    def set_adjacency(self, effect: SetAdjacency) -> None:
        """Send packets for a next hop to a peer."""
        peers = self._tunnels[effect.tunnel].peers
        peer = peers.lead(effect.next_hop, effect.nbma, effect.connection)
        self._engine.set_peer(effect.tunnel, peer, effect.nbma, effect.connection)
        self._kernel.set_neighbor(effect.tunnel, effect.next_hop, PEER_MAC + peer.to_bytes(4, "big"))
        for idle in peers.forget_idle():
            self._engine.clear_peer(effect.tunnel, idle)

    def clear_adjacency(self, effect: ClearAdjacency) -> None:
        """Remove a next hop."""
        self._tunnels[effect.tunnel].peers.clear(effect.next_hop)
        self._kernel.clear_neighbor(effect.tunnel, effect.next_hop)

    # ------------------------------------------------------------------------------------------------ addresses

    def set_interface(self, effect: SetInterface) -> None:
        """Set state and addresses of an interface; a loopback is made with its first order."""
        name = effect.interface
        if made_here(name) and name not in self._tunnels and name not in self._loopbacks:
            if name.startswith("Tunnel"):
                return  # its SetTunnel has not come yet: the tunnel feature repeats this order after it
            self._loopbacks[name] = Tap(self._names.linux(name))
            self._kernel.prepare_tap(name, 1500, multipoint=False)
        self._kernel.set_interface(effect)
        self._addresses[name] = effect.addresses
        self._tell_addresses()

    def _tell_addresses(self) -> None:
        own = frozenset(address.packed for addresses in self._addresses.values() for address, _ in addresses)
        tunnels = {name: self._addresses[name][0][0].packed for name in self._tunnels if self._addresses.get(name)}
        self._engine.set_addresses(own, tunnels)


def _number(name: str) -> int:
    digits = "".join(character for character in name if character.isdigit())
    return int(digits or "0") & 0xFFFFFF
