"""The Rust engine: the distribution `dmvpn-engine` moves the packets, this module tells it what to do.

    TAP, raw socket <-> threads of dmvpn_engine.Engine, which decide by dmvpn_engine.Core <- orders from here
                            `-> NHRP, keepalives, hairpins -> a queue and one descriptor -> `_read` -> events

The core is `dmvpn.dataplane.python.core.PacketCore` in Rust: same packets in, same octets out. Descriptors are made
here, as for the Python engine, so both meet the same problems of a host and explain them in the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, Literal

import dmvpn_engine

from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, GreDrops, Hairpin, KeepaliveReceived, NhrpReceived, PeerUsage
from dmvpn.dataplane.sockets import GreSocket
from dmvpn.net.octets import ipv4_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import SetHairpin, TunnelSpec
    from dmvpn.dataplane.tap import Tap
    from dmvpn.dataplane.userspace.watch import Watch

#: The one that this module speaks.
_INTERFACE: Final = 1


@dataclass(slots=True)
class _Served:
    """A tunnel that is served. number: of the core's table."""

    number: int
    spec: TunnelSpec


class RustEngine:
    """A `PacketEngine` in Rust."""

    name = "rust"

    def __init__(self, report: Callable[[Event], None], watch: Watch) -> None:
        """Raises UserError if the installed engine is of another version, OSError."""
        if dmvpn_engine.INTERFACE != _INTERFACE:
            version = dmvpn_engine.__version__
            raise UserError(f"dmvpn-engine {version} is not made for this dmvpn; 'make engine' builds the right one")
        self._core = dmvpn_engine.Core()
        self._engine = dmvpn_engine.Engine(self._core)
        self._report = report
        self._watch = watch
        self._served: dict[str, _Served] = {}
        self._names: dict[int, str] = {}
        self._sockets: dict[bytes, GreSocket] = {}
        self._numbers = 0
        self._closed = False
        watch.add(self._engine.fileno(), self._read)

    def set_tunnel(self, spec: TunnelSpec, tap: Tap, own_mac: bytes) -> None:
        """Begin to serve a tunnel, or change what is known of it. Raises OSError, UserError."""
        self._open_socket(spec.source)  # first, for it may fail: then nothing has changed
        served = self._served.get(spec.name)
        if served is None:
            served = _Served(self._numbers + 1, spec)
            self._engine.set_tap(served.number, tap.fileno())
            self._numbers = served.number
            self._served[spec.name] = served
            self._names[served.number] = spec.name
        served.spec = spec
        destination = spec.destination.packed if spec.destination is not None else None
        self._core.set_tunnel(served.number, spec.source.packed, destination, spec.key, own_mac, spec.mtu, spec.mss)
        self._close_unused_sockets()

    def remove_tunnel(self, tunnel: str) -> None:
        """Stop serving it."""
        served = self._served.pop(tunnel, None)
        if served is not None:
            self._engine.clear_tap(served.number)
            self._core.remove_tunnel(served.number)
            del self._names[served.number]
            self._close_unused_sockets()

    def set_peer(self, tunnel: str, peer: int, nbma: IPAddress) -> None:
        """Frames for this peer id go to an NBMA address."""
        self._core.set_peer(self._served[tunnel].number, peer, nbma.packed)

    def set_multicast(self, tunnel: str, nbmas: tuple[IPAddress, ...]) -> None:
        """Multicast frames go to these NBMA addresses."""
        self._core.set_multicast(self._served[tunnel].number, [nbma.packed for nbma in nbmas])

    def set_hairpin(self, order: SetHairpin) -> None:
        """What the tunnel reports of transit packets."""
        self._core.set_hairpin(self._served[order.tunnel].number, order.network, order.report, order.interval)

    def set_addresses(self, own: frozenset[bytes], of_tunnels: dict[str, bytes]) -> None:
        """All our addresses, and each tunnel's own (packed)."""
        self._core.set_own_addresses(sorted(address for address in own if len(address) == 4))
        for name, address in of_tunnels.items():
            self._core.set_address(self._served[name].number, address)

    def send(self, tunnel: str, nbma: IPAddress, protocol: int, payload: bytes, tos: int) -> None:
        """Send something of the router's own in GRE. Raises OSError."""
        self._engine.send(self._served[tunnel].number, nbma.packed, protocol, payload, tos)

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        """Packets sent and received by NBMA address."""
        counts = self._core.usage(self._served[tunnel].number)
        return tuple(PeerUsage(ipv4_address(nbma), sent, received) for nbma, sent, received in counts)

    def dropped(self) -> GreDrops:
        """GRE packets that went nowhere."""
        malformed, no_tunnel, no_peer, not_ipv4, unsent = self._core.dropped()
        return GreDrops(malformed=malformed, no_tunnel=no_tunnel, no_peer=no_peer, not_ipv4=not_ipv4, unsent=unsent)

    def close(self) -> None:
        """Stop and give everything back."""
        if self._closed:
            return
        self._closed = True
        self._watch.remove(self._engine.fileno())
        self._engine.close()
        self._served.clear()
        self._close_unused_sockets()

    # ------------------------------------------------------------------------------------------------ small change

    def _read(self) -> None:
        for punt in self._engine.take_punts():
            event = self._event(*punt)
            if event is not None:
                self._report(event)

    def _event(
        self, kind: Literal["nhrp", "keepalive", "hairpin"], number: int, nbma: bytes, data: bytes, out: int
    ) -> Event | None:
        """None: the tunnel went while the packet was waiting."""
        tunnel = self._names.get(number)
        if tunnel is None:
            return None
        if kind == "nhrp":
            return NhrpReceived(tunnel, ipv4_address(nbma), data)
        if kind == "keepalive":
            return KeepaliveReceived(tunnel)
        left_by = self._names.get(out)
        return Hairpin(tunnel, left_by, ipv4_address(nbma), data) if left_by is not None else None

    def _open_socket(self, source: IPAddress) -> None:
        if not isinstance(source, IPv4Address):
            raise UserError(f"tunnel source {source}: the Rust engine carries GRE over IPv4 only")
        if source.packed in self._sockets:
            return
        opened = GreSocket(source)
        try:
            self._engine.set_socket(source.packed, opened.fileno())
        except OSError:
            opened.close()
            raise
        self._sockets[source.packed] = opened

    def _close_unused_sockets(self) -> None:
        used = {served.spec.source.packed for served in self._served.values()}
        for source in [source for source in self._sockets if source not in used]:
            if not self._closed:
                self._engine.clear_socket(source)
            self._sockets.pop(source).close()
