"""The userspace data plane of a Linux network namespace: a TAP for each tunnel, GRE in raw sockets, the kernel routes.

    effects -> UserspacePlane.execute -> Kernel        (links, addresses, routes, neighbours: netlink)
                                      -> ControlSockets (routing protocols, ICMP)
                                      -> PacketEngine   (TAP <-> GRE, in Python or Rust)
    events  <- kernel notifications, control packets, packets that the engine hands up

A peer id stands for an NBMA address in the link-layer addresses of a tunnel's neighbours. Ids are never reused while
the tunnel exists, so a frame that was queued before a change cannot reach the wrong neighbour.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmvpn.base.effects import (
    GRE_IPV4,
    ClearAdjacency,
    ClearRoute,
    Effect,
    Listen,
    PollInterfaces,
    PollUsage,
    RemoveTunnel,
    SendGre,
    SendIp,
    SendKeepalive,
    SetAdjacency,
    SetCarrier,
    SetHairpin,
    SetInterface,
    SetMulticast,
    SetRoute,
    SetTunnel,
    StopListening,
    TunnelSpec,
)
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, InterfacesCounted, UsageReported
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.tap import Tap
from dmvpn.dataplane.userspace.control import ControlSockets
from dmvpn.dataplane.userspace.engine import PacketEngine
from dmvpn.dataplane.userspace.kernel import Kernel
from dmvpn.dataplane.userspace.names import InterfaceNames, made_here
from dmvpn.dataplane.userspace.watch import Watch
from dmvpn.net.gre import keepalive
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.dataplane.sysctl import Setting

#: First octets of link-layer addresses on a TAP: a peer's id follows the one, the interface's number the other.
PEER_MAC = b"\x02\x00"
OWN_MAC = b"\x02\x01"

#: Orders about a tunnel that must be there.
_OF_A_TUNNEL = (
    SendGre,
    SendKeepalive,
    SetAdjacency,
    ClearAdjacency,
    SetMulticast,
    SetHairpin,
    SetCarrier,
    PollUsage,
)

MakeEngine = Callable[[Callable[[Event], None], Watch], PacketEngine]


@dataclass(slots=True)
class _Tunnel:
    spec: TunnelSpec
    tap: Tap
    mac: bytes
    ids: dict[IPAddress, int] = field(default_factory=dict)


class UserspacePlane:
    """Carries out effects in the network namespace in which it was made."""

    def __init__(
        self,
        report: Callable[[Event], None],
        watch: Watch,
        make_engine: MakeEngine,
        *,
        names: Mapping[str, str] | None = None,
        manage: bool = False,
        vnet_hdr: bool = True,
    ) -> None:
        """names: Linux interface names by IOS names. manage: set up interfaces that we did not make, too."""
        self._names = InterfaceNames(names)
        self._report = report
        self._watch = watch
        self._vnet_hdr = vnet_hdr
        self._kernel = Kernel(self._names, report, manage=manage)
        self._control = ControlSockets(self._names.linux, self._kernel.interface_name, report, watch)
        self._engine = make_engine(report, watch)
        self._tunnels: dict[str, _Tunnel] = {}
        self._loopbacks: dict[str, Tap] = {}
        self._addresses: dict[str, tuple[tuple[IPAddress, int], ...]] = {}
        self._closed = False

    def start(self) -> list[Setting]:
        """Prepare the namespace; returns settings that the system refused."""
        refused = self._kernel.start()
        self._watch.add(self._kernel.fileno(), self._kernel.read)
        return refused

    def adopt(self, interface: str) -> None:
        """Look after an interface that we did not make: its carrier is reported from now on. Raises UserError."""
        self._kernel.adopt(interface)

    def execute(self, effect: Effect) -> None:
        """Carry out one effect; one that is not for a data plane is ignored. Raises EffectError."""
        try:
            self._execute(effect)
        except OSError as error:
            raise EffectError(effect, error.errno or 0, error.strerror or str(error)) from error
        except UserError as error:
            raise EffectError(effect, 0, str(error)) from error

    def close(self) -> None:
        """Give everything back; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._watch.remove(self._kernel.fileno())
        self._control.close()
        self._engine.close()
        for tunnel in self._tunnels.values():
            tunnel.tap.close()
        for tap in self._loopbacks.values():
            tap.close()
        self._kernel.close()

    def _execute(self, effect: Effect) -> None:
        if isinstance(effect, _OF_A_TUNNEL) and effect.tunnel not in self._tunnels:
            raise EffectError(effect, errno.ENODEV, f"no tunnel {effect.tunnel}")  # it could not be made
        match effect:
            case SendIp():
                self._control.send(effect)
            case SendGre():
                self._engine.send(effect.tunnel, effect.nbma, effect.protocol, effect.payload, effect.tos)
            case SendKeepalive():
                self._send_keepalive(effect)
            case SetAdjacency():
                self._set_adjacency(effect)
            case ClearAdjacency():
                self._kernel.clear_neighbour(effect.tunnel, effect.next_hop)
            case SetMulticast():
                self._engine.set_multicast(effect.tunnel, effect.nbmas)
            case SetHairpin():
                self._engine.set_hairpin(effect)
            case SetRoute():
                self._kernel.set_route(effect)
            case ClearRoute():
                self._kernel.clear_route(effect)
            case SetInterface():
                self._set_interface(effect)
            case SetTunnel():
                self._set_tunnel(effect.spec)
            case SetCarrier():
                self._tunnels[effect.tunnel].tap.set_carrier(effect.up)
            case RemoveTunnel():
                self._remove_tunnel(effect.tunnel)
            case PollUsage():
                self._report(UsageReported(effect.tunnel, self._engine.usage(effect.tunnel)))
            case PollInterfaces():
                self._report(InterfacesCounted(self._kernel.counts(), self._engine.dropped()))
            case Listen():
                self._control.listen(effect)
            case StopListening():
                self._control.stop(effect)
            case _:
                pass

    # ------------------------------------------------------------------------------------------------ tunnels

    def _set_tunnel(self, spec: TunnelSpec) -> None:
        tunnel = self._tunnels.get(spec.name)
        if tunnel is not None and (tunnel.spec.destination is None) != (spec.destination is None):
            self._remove_tunnel(spec.name)  # the kernel treats the neighbours of the two kinds differently
            tunnel = None
        fresh = tunnel is None
        if tunnel is None:
            mac = OWN_MAC + len(self._names.linux(spec.name)).to_bytes(1, "big") + _number(spec.name).to_bytes(3, "big")
            tunnel = self._tunnels[spec.name] = self._make_tunnel(spec, mac)
        elif tunnel.spec.mtu != spec.mtu:
            self._kernel.set_mtu(spec.name, spec.mtu)
        tunnel.spec = spec
        try:
            self._engine.set_tunnel(spec, tunnel.tap, tunnel.mac)
        except (OSError, UserError):
            if fresh:  # half a tunnel is none: the next order for it begins anew
                del self._tunnels[spec.name]
                tunnel.tap.close()
            raise
        self._tell_addresses()

    def _make_tunnel(self, spec: TunnelSpec, mac: bytes) -> _Tunnel:
        """A TAP with all its settings. Raises OSError, UserError, and then leaves none behind."""
        tap = Tap(self._names.linux(spec.name), vnet_hdr=self._vnet_hdr)
        try:
            tap.set_hardware_address(mac)
            tap.set_transmit_queue()
            tap.set_carrier(False)
            self._kernel.prepare_tap(spec.name, spec.mtu, multipoint=spec.destination is None)
        except BaseException:
            tap.close()
            raise
        return _Tunnel(spec, tap, mac)

    def _remove_tunnel(self, name: str) -> None:
        tunnel = self._tunnels.pop(name, None)
        if tunnel is not None:
            self._engine.remove_tunnel(name)
            self._control.forget_interface(name)
            tunnel.tap.close()
        self._addresses.pop(name, None)

    def _set_adjacency(self, effect: SetAdjacency) -> None:
        tunnel = self._tunnels[effect.tunnel]
        peer = tunnel.ids.setdefault(effect.nbma, len(tunnel.ids) + 1)
        self._engine.set_peer(effect.tunnel, peer, effect.nbma)
        self._kernel.set_neighbour(effect.tunnel, effect.next_hop, PEER_MAC + peer.to_bytes(4, "big"))

    def _send_keepalive(self, effect: SendKeepalive) -> None:
        spec = self._tunnels[effect.tunnel].spec
        if spec.destination is None or spec.source.version != 4 or spec.destination.version != 4:
            raise EffectError(effect, 97, "keepalives are for point-to-point tunnels over IPv4")
        # The engine puts the outer GRE header on: what it is given is the packet that shall come back.
        message = keepalive(spec.source, spec.destination, key=spec.key)
        header = 4 if spec.key is None else 8
        payload = message[header:]
        self._engine.send(effect.tunnel, spec.destination, GRE_IPV4, payload, TOS_INTERNETWORK_CONTROL)

    # ------------------------------------------------------------------------------------------------ interfaces

    def _set_interface(self, effect: SetInterface) -> None:
        name = effect.interface
        if made_here(name) and name not in self._tunnels and name not in self._loopbacks:
            if name.startswith("Tunnel"):
                return  # its SetTunnel has not come yet: the tunnel feature orders the address again behind it
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
