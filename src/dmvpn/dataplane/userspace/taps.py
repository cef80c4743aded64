"""The interfaces that a userspace plane makes: a TAP for each tunnel, and one for each loopback.

A tunnel is three things that must agree: the TAP, its configuration in the kernel, and the engine's processing of its
packets. Its neighbors have link-layer addresses that contain peer numbers.

The TAP is in the VRF of the packets inside, GRE leaves by the front door: the engine opens its sockets in that backend.
Call everything in the backend of the interface's VRF.

A peer number identifies an NBMA address, on a protected tunnel together with a connection. It is never reused, so a
frame that was queued before a change cannot reach the wrong peer. The number of connections over time is unlimited: of
those without a next hop only some are kept, because frames for them may still be queued.

The kernel takes about 20 ms to remove an interface, and nearly all of it waits for other processors. Removals in many
threads wait together: a hundred interfaces that go with their VRFs take as long as a few. So TAPs that go with the
effects of one event stay until its end, down and without orders, and are closed together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import field
from ipaddress import ip_address
from itertools import chain
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.effects import ClearAdjacency, SetAdjacency, SetCarrier, SetInterface, TunnelSpec
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, Resync
from dmvpn.base.values import Mutable, Value
from dmvpn.dataplane.contract import OwnAddress
from dmvpn.dataplane.tap import Tap
from dmvpn.dataplane.userspace.engine import PacketEngine
from dmvpn.dataplane.userspace.links import InterfaceNames, made_here
from dmvpn.dataplane.userspace.vrf_devices import Places
from dmvpn.dataplane.userspace.vrfs import Part
from dmvpn.net.ipv6 import LEAST_MTU

# ---------------------------------------------------------------------------------------------------- peers

#: Idle peers that are forgotten at a time, and the least number that is kept.
SPARE: Final = 1024


class PeerNumbers:
    """The peers of one tunnel, and the peer of each overlay next hop."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[IPAddress, int], int] = {}
        self._in_use: dict[IPAddress, int] = {}
        self._given = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def lead(self, next_hop: IPAddress, nbma: IPAddress, connection: int) -> int:
        """Return the number of the peer that a next hop leads to from now on; a new number for a new peer."""
        number = self._numbers.get((nbma, connection))
        if number is None:
            self._given += 1
            number = self._numbers[nbma, connection] = self._given
        self._in_use[next_hop] = number
        return number

    def clear(self, next_hop: IPAddress) -> None:
        """Remove a next hop."""
        self._in_use.pop(next_hop, None)

    def forget_idle(self) -> list[int]:
        """Forget the peers that were idle longest, if there are too many, and return their numbers."""
        if len(self._numbers) <= len(self._in_use) + 2 * SPARE:
            return []
        used = frozenset(self._in_use.values())
        idle = [peer for peer, number in self._numbers.items() if number not in used][:SPARE]
        return [self._numbers.pop(peer) for peer in idle]


# ---------------------------------------------------------------------------------------------------- closing

#: Removals at a time. With more of them, requests of all programs to the kernel wait longer.
_AT_A_TIME: Final = 16


class Closing:
    """The TAPs that go."""

    def __init__(self) -> None:
        self._together = 0
        self._going: dict[str, Tap] = {}

    @contextmanager
    def together(self) -> Iterator[None]:
        """Postpone the removal of TAPs to the end, and remove them all at once."""
        self._together += 1
        try:
            yield
        finally:
            self._together -= 1
            if not self._together:
                self._close(list(self._going.values()))
                self._going.clear()

    def close(self, tap: Tap) -> None:
        """Close a TAP: now, or at the end of `together`."""
        if self._together:
            self._going[tap.name] = tap
        else:
            tap.close()

    def make_way(self, name: str) -> None:
        """Close the TAP of this name, if it is still there: another one is to be made."""
        tap = self._going.pop(name, None)
        if tap is not None:
            tap.close()

    @staticmethod
    def _close(taps: list[Tap]) -> None:
        if len(taps) < 2:
            for tap in taps:
                tap.close()
            return
        with ThreadPoolExecutor(min(len(taps), _AT_A_TIME)) as pool:
            for closed in [pool.submit(tap.close) for tap in taps]:
                closed.result()


# ---------------------------------------------------------------------------------------------------- taps

#: First octets of link-layer addresses on a TAP: a peer's id follows the one, the interface's number the other.
PEER_MAC = b"\x02\x00"
OWN_MAC = b"\x02\x01"


class _Tunnel(Mutable):
    spec: TunnelSpec
    tap: Tap
    mac: bytes
    part: Part
    peers: PeerNumbers = field(default_factory=PeerNumbers)


class _Loopback(Value):
    tap: Tap
    part: Part


class Taps:
    """Tunnels and loopbacks, by IOS name."""

    def __init__(
        self,
        names: InterfaceNames,
        engine: PacketEngine,
        places: Places,
        report: Callable[[Event], None],
        *,
        vnet_hdr: bool,
    ) -> None:
        self._names = names
        self._engine = engine
        self._places = places
        self._report = report
        self._vnet_hdr = vnet_hdr
        self._tunnels: dict[str, _Tunnel] = {}
        self._loopbacks: dict[str, _Loopback] = {}
        self._addresses: dict[str, tuple[OwnAddress, ...]] = {}
        #: Numbers of the VRFs that ever had addresses.
        self._tables: dict[str, int] = {"": 0}
        self._closing = Closing()
        #: Within it, interfaces that go are removed at its end, all at once.
        self.together = self._closing.together

    def __contains__(self, tunnel: str) -> bool:
        """Return whether there is a tunnel of this name."""
        return tunnel in self._tunnels

    def vrf_of(self, interface: str) -> str:
        """Return the VRF of an interface of ours, "" if there is none of this name."""
        found = self._tunnels.get(interface) or self._loopbacks.get(interface)
        return found.part.vrf if found is not None else ""

    def leave(self, part: Part) -> None:
        """Remove all interfaces in a VRF that is removed."""
        for name in [name for name, tunnel in self._tunnels.items() if tunnel.part is part]:
            self.remove_tunnel(name)
        for name in [name for name, loopback in self._loopbacks.items() if loopback.part is part]:
            self._remove_loopback(name)

    def leave_front_door(self, vrf: str) -> None:
        """Remove the tunnels whose front door is this VRF: their sockets are of no use any more."""
        for name in [name for name, tunnel in self._tunnels.items() if tunnel.spec.front == vrf]:
            with self._places.at(self._tunnels[name].part.vrf):
                self.remove_tunnel(name)

    def spec(self, tunnel: str) -> TunnelSpec:
        """Return the current order of a tunnel."""
        return self._tunnels[tunnel].spec

    def address(self, interface: str, version: int = 4) -> IPAddress | None:
        """Return the first address of an interface of this version of IP, if it has one."""
        first = self._first(interface, version)
        return ip_address(first.address) if first is not None else None

    def _first(self, interface: str, version: int) -> OwnAddress | None:
        length = 4 if version == 4 else 16
        return next((one for one in self._addresses.get(interface, ()) if len(one.address) == length), None)

    def close(self) -> None:
        """Remove all of them."""
        with self.together():
            for tunnel in self._tunnels.values():
                with suppress(OSError):  # the interface was deleted
                    tunnel.tap.set_persistent(False)
                self._closing.close(tunnel.tap)
            for loopback in self._loopbacks.values():
                self._closing.close(loopback.tap)

    # ------------------------------------------------------------------------------------------------ tunnels

    def set_tunnel(self, spec: TunnelSpec, part: Part) -> None:
        """Make or change a tunnel. Raises OSError, UserError, and then leaves no partial tunnel."""
        tunnel = self._tunnels.get(spec.name)
        # The kernel treats the neighbors of the two kinds differently.
        other_kind = tunnel is not None and (tunnel.spec.destination is None) != (spec.destination is None)
        if tunnel is not None and (other_kind or tunnel.part is not part):
            self.remove_tunnel(spec.name)
            tunnel = None
            self._report(Resync())  # addresses and everything else on the interface went with it
        fresh = tunnel is None
        if tunnel is None:
            digits = "".join(character for character in spec.name if character.isdigit())
            mac = (
                OWN_MAC
                + len(self._names.linux(spec.name)).to_bytes(1, "big")
                + (int(digits or "0") & 0xFFFFFF).to_bytes(3, "big")
            )
            tunnel = self._tunnels[spec.name] = self._make_tunnel(spec, mac, part)
        before, tunnel.spec = tunnel.spec, spec
        try:
            if before.mtu != spec.mtu:
                part.kernel.set_mtu(spec.name, spec.mtu)
            with self._places.at(spec.front):
                self._engine.set_tunnel(spec, tunnel.tap, tunnel.mac)
        except (OSError, UserError):
            if fresh:  # no partial tunnel: the next order for it starts again
                del self._tunnels[spec.name]
                self._engine.remove_tunnel(spec.name)
                part.kernel.forget_tunnel(spec.name)
                tunnel.tap.close()
            elif spec.protected and not before.protected:
                self.remove_tunnel(spec.name)  # the engine would go on in clear
            raise
        part.kernel.protect(spec.name, protected=spec.protected)
        # Overlay traffic shall stop with a protected tunnel's process, not take the default route in clear.
        tunnel.tap.set_persistent(spec.protected)
        self._tell_addresses()

    def _make_tunnel(self, spec: TunnelSpec, mac: bytes, part: Part) -> _Tunnel:
        """Return a TAP with all its settings.

        Raises OSError, UserError, and then leaves no TAP behind that did not exist before.
        """
        self._closing.make_way(self._names.linux(spec.name))
        tap = Tap(self._names.linux(spec.name), vnet_hdr=self._vnet_hdr)
        try:
            tap.set_hardware_address(mac)
            tap.set_transmit_queue()
            tap.set_carrier(False)
            part.kernel.prepare_tap(spec.name, spec.mtu, multipoint=spec.destination is None)
            while tap.read_frame() is not None:
                pass  # packets for peers of an earlier run
        except BaseException:
            tap.close()
            raise
        return _Tunnel(spec, tap, mac, part)

    def remove_tunnel(self, name: str) -> None:
        """Remove a tunnel, if it exists."""
        tunnel = self._tunnels.pop(name, None)
        if tunnel is not None:
            self._engine.drain(name)
            self._engine.remove_tunnel(name)
            tunnel.part.control.forget_interface(name)
            tunnel.part.kernel.forget_tunnel(name)
            with suppress(OSError):  # the interface was deleted
                tunnel.tap.set_persistent(False)
            self._closing.close(tunnel.tap)
        self._addresses.pop(name, None)

    def vanished(self, name: str) -> None:
        """Restore an interface of ours that was deleted, by having all orders repeated."""
        if name in self._tunnels:
            self.remove_tunnel(name)
        elif name in self._loopbacks:
            self._remove_loopback(name)
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
        tunnel = self._tunnels[effect.tunnel]
        peers = tunnel.peers
        peer = peers.lead(effect.next_hop, effect.nbma, effect.connection)
        self._engine.set_peer(effect.tunnel, peer, effect.nbma, effect.connection)
        tunnel.part.kernel.set_neighbor(effect.tunnel, effect.next_hop, PEER_MAC + peer.to_bytes(4, "big"))
        for idle in peers.forget_idle():
            self._engine.clear_peer(effect.tunnel, idle)

    def clear_adjacency(self, effect: ClearAdjacency) -> None:
        """Remove a next hop."""
        tunnel = self._tunnels[effect.tunnel]
        tunnel.peers.clear(effect.next_hop)
        tunnel.part.kernel.clear_neighbor(effect.tunnel, effect.next_hop)

    # ------------------------------------------------------------------------------------------------ addresses

    def set_interface(self, effect: SetInterface, part: Part) -> None:
        """Set state and addresses of an interface; a loopback is made with its first order."""
        name = effect.interface
        if name in self._tunnels and self._tunnels[name].part is not part:
            return  # its SetTunnel has not come yet: the tunnel feature repeats this order after it
        if name in self._loopbacks and self._loopbacks[name].part is not part:
            self._remove_loopback(name)
        if made_here(name) and name not in self._tunnels and name not in self._loopbacks:
            if name.startswith("Tunnel"):
                return  # likewise
            if not effect.up and not effect.addresses:
                self._addresses.pop(name, None)
                self._tell_addresses()
                return  # there is nothing to make: it was removed, perhaps from a VRF
            self._closing.make_way(self._names.linux(name))
            self._loopbacks[name] = _Loopback(Tap(self._names.linux(name)), part)
            part.kernel.prepare_tap(name, 1500, multipoint=False)
        table = self._tables.setdefault(part.vrf, len(self._tables))
        self._addresses[name] = tuple(OwnAddress(table, address.packed) for address, _ in effect.addresses)
        if name in self._tunnels and self._engine.carries_ipv6:
            first = self._first(name, 6)
            own = first.address if first is not None else b""
            self._engine.set_ipv6(name, (effect.mtu6 or LEAST_MTU) if own else 0, effect.mss6, own)
        part.kernel.set_interface(effect)
        self._tell_addresses()

    def _remove_loopback(self, name: str) -> None:
        loopback = self._loopbacks.pop(name)
        loopback.part.control.forget_interface(name)
        loopback.part.kernel.forget_tunnel(name)
        self._closing.close(loopback.tap)

    def _tell_addresses(self) -> None:
        own = frozenset(chain.from_iterable(self._addresses.values()))
        first = {name: self._first(name, 4) for name in self._tunnels}
        self._engine.set_addresses(own, {name: address for name, address in first.items() if address is not None})
