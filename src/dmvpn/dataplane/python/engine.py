"""The Python engine: moves packets between descriptors and the pure `PacketCore`.

It is what runs where there is no Rust engine, what people read, and what the Rust engine is fuzzed against. About
100,000 packets a second, or 1 Gbit/s of TCP.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.events import Event, GreDrops, Hairpin, KeepaliveReceived, NhrpReceived, PeerUsage
from dmvpn.dataplane.python.core import CoreTunnel, PacketCore, Punt
from dmvpn.dataplane.sockets import GreSocket
from dmvpn.net.octets import ipv4_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import SetHairpin, TunnelSpec
    from dmvpn.dataplane.tap import Tap
    from dmvpn.dataplane.userspace.watch import Watch

#: Packets taken from one descriptor before others have their turn.
_TURN = 64


@dataclass(slots=True)
class _Served:
    """A tunnel that is served. number: of the core's table."""

    number: int
    spec: TunnelSpec
    tap: Tap


class PythonEngine:
    """A `PacketEngine` in Python."""

    name = "python"

    def __init__(self, report: Callable[[Event], None], watch: Watch) -> None:
        self.core = PacketCore()
        self._report = report
        self._watch = watch
        self._served: dict[str, _Served] = {}
        self._names: dict[int, str] = {}
        self._sockets: dict[bytes, GreSocket] = {}
        self._numbers = 0
        self._buffer = bytearray(65536)

    def set_tunnel(self, spec: TunnelSpec, tap: Tap, own_mac: bytes) -> None:
        """Begin to serve a tunnel, or change what is known of it. Raises OSError, UserError."""
        self._open_socket(spec.source)  # first, for it may fail: then nothing has changed
        served = self._served.get(spec.name)
        if served is None:
            self._numbers += 1
            served = self._served[spec.name] = _Served(self._numbers, spec, tap)
            self._names[served.number] = spec.name
            self._watch.add(tap.fileno(), lambda: self._read_tap(served))
        served.spec = spec
        destination = spec.destination.packed if spec.destination is not None else None
        old = self.core.tunnels.get(served.number)
        if old is None:
            tunnel = CoreTunnel(spec.source.packed, destination, spec.key, own_mac)
            self.core.tunnels[served.number] = tunnel
        else:
            tunnel = old
            tunnel.source, tunnel.destination, tunnel.key = spec.source.packed, destination, spec.key
        tunnel.mtu, tunnel.mss = spec.mtu, spec.mss
        self._close_unused_sockets()

    def remove_tunnel(self, tunnel: str) -> None:
        """Stop serving it."""
        served = self._served.pop(tunnel, None)
        if served is not None:
            self._watch.remove(served.tap.fileno())
            del self.core.tunnels[served.number], self._names[served.number]
            self._close_unused_sockets()

    def set_peer(self, tunnel: str, peer: int, nbma: IPAddress) -> None:
        """Frames for this peer id go to an NBMA address."""
        self.core.set_peer(self._served[tunnel].number, peer, nbma.packed)

    def set_multicast(self, tunnel: str, nbmas: tuple[IPAddress, ...]) -> None:
        """Multicast frames go to these NBMA addresses."""
        self._core_tunnel(tunnel).multicast = tuple(nbma.packed for nbma in nbmas)

    def set_hairpin(self, order: SetHairpin) -> None:
        """What the tunnel reports of transit packets."""
        tunnel = self._core_tunnel(order.tunnel)
        tunnel.network, tunnel.report, tunnel.interval = order.network, order.report, order.interval

    def set_addresses(self, own: frozenset[bytes], of_tunnels: dict[str, bytes]) -> None:
        """All our addresses, and each tunnel's own (packed)."""
        self.core.own_addresses = own
        for name, address in of_tunnels.items():
            self._core_tunnel(name).address = address

    def send(self, tunnel: str, nbma: IPAddress, protocol: int, payload: bytes, tos: int) -> None:
        """Send something of the router's own in GRE. Raises OSError."""
        self.core.send(self._served[tunnel].number, nbma.packed, protocol, payload, tos)
        packet = self.core.wire.pop()
        self._sockets[packet.source].send(packet.packet, str(nbma), tos=packet.tos)

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        """Packets sent and received by NBMA address."""
        counted = self._core_tunnel(tunnel)
        peers = dict.fromkeys((*counted.sent, *counted.received))
        return tuple(
            PeerUsage(ipv4_address(nbma), counted.sent.get(nbma, 0), counted.received.get(nbma, 0)) for nbma in peers
        )

    def dropped(self) -> GreDrops:
        """GRE packets that went nowhere."""
        count = self.core.dropped
        return GreDrops(
            malformed=count.malformed,
            no_tunnel=count.no_tunnel,
            no_peer=count.no_peer,
            not_ipv4=count.not_ipv4,
            unsent=count.unsent,
        )

    def close(self) -> None:
        """Stop and give everything back."""
        for tunnel in list(self._served):
            self.remove_tunnel(tunnel)

    # ------------------------------------------------------------------------------------------------ packets

    def _read_tap(self, served: _Served) -> None:
        core, now = self.core, time.monotonic()
        for _ in range(_TURN):
            frame = served.tap.read()
            if frame is None:
                break
            core.outbound(served.number, frame, now)
        self._flush()

    def _read_socket(self, opened: GreSocket) -> None:
        buffer = self._buffer
        for _ in range(_TURN):
            length = opened.receive(buffer)
            if length is None:
                break
            self.core.inbound(bytes(memoryview(buffer)[:length]))
        self._flush()

    def _flush(self) -> None:
        core = self.core
        packets, core.wire = core.wire, []
        for source, nbma, tos, packet in packets:
            opened = self._sockets.get(source)
            if opened is not None:
                try:
                    opened.send(packet, str(ipv4_address(nbma)), tos=tos)
                except OSError:
                    core.dropped.unsent += 1
        frames, core.taps = core.taps, []
        for number, frame in frames:
            self._served[self._names[number]].tap.write(frame)
        punts, core.punts = core.punts, []
        for punt in punts:
            self._report(self._event(punt))

    def _event(self, punt: Punt) -> Event:
        tunnel, nbma = self._names[punt.tunnel], ipv4_address(punt.nbma)
        if punt.kind == "nhrp":
            return NhrpReceived(tunnel, nbma, punt.data)
        if punt.kind == "keepalive":
            return KeepaliveReceived(tunnel)
        return Hairpin(tunnel, self._names[punt.out], nbma, punt.data)

    # ------------------------------------------------------------------------------------------------ sockets

    def _open_socket(self, source: IPAddress) -> None:
        if source.packed in self._sockets or not isinstance(source, IPv4Address):
            return
        opened = self._sockets[source.packed] = GreSocket(source)
        self._watch.add(opened.fileno(), lambda: self._read_socket(opened))

    def _close_unused_sockets(self) -> None:
        used = {served.spec.source.packed for served in self._served.values()}
        for source in [source for source in self._sockets if source not in used]:
            opened = self._sockets.pop(source)
            self._watch.remove(opened.fileno())
            opened.close()

    def _core_tunnel(self, name: str) -> CoreTunnel:
        return self.core.tunnels[self._served[name].number]
