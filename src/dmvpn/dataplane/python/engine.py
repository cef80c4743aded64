"""The Python engine: moves packets between descriptors and the pure `PacketCore`.

    TAP, raw 47, raw 50, UDP 4500 -> one turn of packets into the core -> `_flush`: results to their destinations

It runs where there is no Rust engine, is easy to read, and is the reference that the Rust engine is fuzzed against.
About 100,000 packets a second, or 1 Gbit/s of TCP.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from dataclasses import asdict
from ipaddress import IPv4Address

from dmvpn.base.addresses import IPAddress
from dmvpn.base.breath import breathing
from dmvpn.base.effects import DfBit, SetHairpin, TunnelSpec
from dmvpn.base.events import Event, GreDrops, Hairpin, KeepaliveReceived, NhrpReceived, PeerUsage
from dmvpn.base.protection import EspSa, SaCount
from dmvpn.dataplane.contract import Door, OwnAddress, usage_of
from dmvpn.dataplane.esp.protection import Sealed
from dmvpn.dataplane.esp.table import PeerPlace
from dmvpn.dataplane.python.core import PacketCore, Punt, ToWire
from dmvpn.dataplane.python.tunnels import CoreTunnel, NbmaPeer, Overlay
from dmvpn.dataplane.sockets import EspSocket, GreSocket, UdpSocket
from dmvpn.dataplane.tap import Tap
from dmvpn.dataplane.userspace.engine import Served, SocketEngine, TooBig, Watch
from dmvpn.net.gre import GreSequence
from dmvpn.net.ipv4 import ipv4_address

# ---------------------------------------------------------------------------------------------------- engine

#: Packets read from one descriptor before other descriptors get their turn.
_TURN = 64


class PythonEngine(SocketEngine):
    """A `PacketEngine` in Python."""

    name = "python"
    carries_ipv6 = True

    def __init__(self, report: Callable[[Event], None], watch: Watch) -> None:
        self.core = PacketCore()
        super().__init__(report, watch, self.core.doors)
        self._buffer = bytearray(65536)

    def set_tunnel(self, spec: TunnelSpec, tap: Tap, own_mac: bytes) -> None:
        """Add a tunnel, or change its settings. Raises OSError, UserError."""
        source = self._door(spec)
        self._open_socket(spec, source)  # first, because it may fail: then nothing has changed
        served = self._served.get(spec.name)
        if served is None:
            self._numbers += 1
            served = self._served[spec.name] = Served(self._numbers, spec, tap)
            self._names[served.number] = spec.name
            self._watch.add(tap.fileno(), lambda: self._read_tap(served))
        elif served.spec.front != spec.front:
            # The loop calls back in the backend that it was asked in, and no longer when that is removed.
            self._watch.remove(tap.fileno())
            self._watch.add(tap.fileno(), lambda: self._read_tap(served))
        served.spec = spec
        destination = spec.destination.packed if spec.destination is not None else None
        tunnel = self.core.tunnels.get(served.number)
        if tunnel is None:
            tunnel = CoreTunnel(source, destination, spec.key, own_mac, protected=spec.protected)
        else:
            tunnel.source, tunnel.destination, tunnel.key = source, destination, spec.key
        self.core.tunnels.set(served.number, tunnel)
        tunnel.mtu, tunnel.mss, tunnel.protected, tunnel.df = spec.mtu, spec.mss, spec.protected, spec.df
        tunnel.checksum = spec.checksum
        tunnel.barred = frozenset(nbma.packed for nbma in spec.barred)
        tunnel.sequence = (tunnel.sequence or GreSequence()) if spec.sequence else None
        self._close_unused_sockets()
        self._mind_paths()

    def drain(self, tunnel: str) -> None:
        """Send the packets that the kernel has routed into the TAP so far."""
        served = self._served.get(tunnel)
        if served is not None:
            self._read_tap(served)

    def remove_tunnel(self, tunnel: str) -> None:
        """Remove the tunnel."""
        served = self._served.pop(tunnel, None)
        if served is not None:
            self._watch.remove(served.tap.fileno())
            self.core.tunnels.remove(served.number)
            del self._names[served.number]
            self._close_unused_sockets()
            self._mind_paths()

    def set_peer(self, tunnel: str, peer: int, nbma: IPAddress, connection: int = 0) -> None:
        """Send frames for this peer id to an NBMA address, over this connection."""
        self.core.set_peer(self._served[tunnel].number, peer, nbma.packed, connection)

    def clear_peer(self, tunnel: str, peer: int) -> None:
        """Forget a peer id."""
        self.core.clear_peer(self._served[tunnel].number, peer)

    def set_multicast(
        self,
        tunnel: str,
        nbmas: tuple[IPAddress, ...],
        bound: tuple[tuple[IPAddress, int], ...] = (),
        *,
        version: int = 4,
    ) -> None:
        """Send multicast frames to these NBMA addresses, and over each of these connections."""
        served = self._overlay(tunnel, version)
        served.multicast = tuple(nbma.packed for nbma in nbmas)
        served.bound = tuple(NbmaPeer(nbma.packed, connection) for nbma, connection in bound)

    def set_hairpin(self, order: SetHairpin) -> None:
        """Set which transit packets the tunnel reports."""
        tunnel = self._overlay(order.tunnel, order.version)
        network = self._networks.number(self._served[order.tunnel].spec.vrf, order.network)
        tunnel.network, tunnel.report, tunnel.interval = network, order.report, order.interval

    def set_addresses(self, own: frozenset[OwnAddress], of_tunnels: dict[str, OwnAddress]) -> None:
        """Set all our addresses, and each tunnel's own."""
        self.core.own_addresses = own
        for name, (table, address) in of_tunnels.items():
            tunnel = self._core_tunnel(name)
            tunnel.table, tunnel.address = table, address

    def set_ipv6(self, tunnel: str, mtu: int, mss: int | None, address: bytes) -> None:
        """Let a tunnel carry IPv6, or (mtu 0) no more."""
        overlay = self._core_tunnel(tunnel).ipv6
        overlay.mtu, overlay.mss, overlay.address = mtu, mss, address

    def send(
        self, tunnel: str, nbma: IPAddress, protocol: int, payload: bytes, tos: int, *, connection: int = 0
    ) -> None:
        """Send a packet of the router's own in GRE. Raises OSError."""
        core = self.core
        number, now = self._served[tunnel].number, time.monotonic()
        core.send(number, nbma.packed, protocol, payload, tos, connection=connection, now=now)
        while core.wire:
            self._send_gre(core.wire.pop())
        while core.protection.sealed:
            sealed = core.protection.sealed.pop()
            try:
                self._send_sealed(sealed)
            except OSError:
                core.protection.refused(sealed)
                raise
        self._tell()

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        """Return the counters by NBMA address; on a protected tunnel by connection."""
        counted = self._core_tunnel(tunnel)
        if counted.protected:
            usage = []
            for number in dict.fromkeys((*counted.sent_over, *counted.received_over)):
                link = self.core.protection.table.link(number)
                if link is not None:
                    sent, received = counted.sent_over.get(number), counted.received_over.get(number)
                    usage.append(usage_of(ipv4_address(link.place.address), sent, received, number))
            return tuple(usage)
        peers = dict.fromkeys((*counted.sent, *counted.received))
        return tuple(
            usage_of(ipv4_address(nbma), counted.sent.get(nbma), counted.received.get(nbma))
            for nbma in breathing(peers)
        )

    def dropped(self) -> GreDrops:
        """Return the counters of dropped GRE packets."""
        return GreDrops(**asdict(self.core.dropped))

    # ------------------------------------------------------------------------------------------------ IPsec

    def install_sa(self, sa: EspSa, *, eager: bool) -> None:
        """Install a pair of SAs. Raises UserError."""
        self.core.protection.table.install(sa, eager=eager)

    def use_sa(self, spi_in: int) -> None:
        """Send on this pair of SAs."""
        self.core.protection.table.use(spi_in)

    def remove_sa(self, spi_in: int) -> None:
        """Remove both SAs of a pair, with their keys."""
        self.core.protection.table.remove(spi_in)

    def move_connection(self, connection: int, remote: IPAddress, remote_port: int) -> None:
        """Send the packets of all SAs of a connection to this address and port from now on."""
        self.core.protection.table.move(connection, PeerPlace(remote.packed, remote_port))

    def sa_counts(self) -> tuple[SaCount, ...]:
        """Return the counters of every pair of SAs."""
        return tuple(pair.count() for pair in breathing(tuple(self.core.protection.table.pairs())))

    def close(self) -> None:
        """Stop and release all resources."""
        for tunnel in list(self._served):
            self.remove_tunnel(tunnel)
        self._ends.close()

    # ------------------------------------------------------------------------------------------------ packets

    def _read_tap(self, served: Served) -> None:
        core, now = self.core, time.monotonic()
        for _ in range(_TURN):
            frame = served.tap.read_frame()
            if frame is None:
                break
            core.outbound(served.number, frame, now)
        self._flush()

    def _read_packets(
        self, local: Door, opened: GreSocket | EspSocket, take: Callable[[Door, bytes, float], None]
    ) -> None:
        buffer, now = self._buffer, time.monotonic()
        for _ in range(_TURN):
            length = opened.receive(buffer)
            if length is None:
                break
            take(local, bytes(memoryview(buffer)[:length]), now)
        self._flush()

    def _begin_end(self, local: Door, esp: EspSocket, udp: UdpSocket) -> None:
        self._watch.add(esp.fileno(), lambda: self._read_packets(local, esp, self.core.inbound_esp))
        self._watch.add(udp.fileno(), lambda: self._read_udp(local, udp))

    def _stop_end(self, _: Door, esp: EspSocket, udp: UdpSocket) -> None:
        self._watch.remove(esp.fileno())
        self._watch.remove(udp.fileno())

    def _read_udp(self, local: Door, opened: UdpSocket) -> None:
        now = time.monotonic()
        for _ in range(_TURN):
            arrived = opened.receive()
            if arrived is None:
                break
            source = PeerPlace(arrived.source, arrived.port)
            self.core.inbound_udp(local, source, arrived.tos, arrived.octets, now)
            if self.core.protection.events:
                break  # IKE first: it may make the SA of the packet behind it
        self._flush()

    def _flush(self) -> None:
        core = self.core
        packets, core.wire = core.wire, []
        for packet in packets:
            if packet.source in self._sockets:
                try:
                    self._send_gre(packet)
                except OSError:
                    core.dropped.unsent += 1
        sealed, core.protection.sealed = core.protection.sealed, []
        for each in sealed:
            try:
                self._send_sealed(each)
            except OSError:
                core.protection.refused(each)
        frames, core.taps = core.taps, []
        for number, frame in frames:
            self._served[self._names[number]].tap.write(frame)
        self._tell()

    def _send_gre(self, packet: ToWire) -> None:
        opened, nbma = self._sockets[packet.source], str(ipv4_address(packet.nbma))
        try:
            opened.send(packet.packet, nbma, tos=packet.tos, df=packet.df)
        except OSError as error:
            if not packet.df or error.errno != errno.EMSGSIZE:
                raise
            self._learn_path(packet.source, packet.nbma, opened.path_mtu(ipv4_address(packet.nbma)))
            opened.send(packet.packet, nbma, tos=packet.tos)

    def _send_sealed(self, sealed: Sealed) -> None:
        end, remote = self._ends.at(sealed.local), socket.inet_ntoa(sealed.remote)
        for df in (sealed.df, False):
            try:
                if sealed.port:
                    end.udp.send(sealed.packet, remote, sealed.port, tos=sealed.tos, df=df)
                else:
                    end.esp.send(sealed.packet, remote, tos=sealed.tos, df=df)
                return
            except OSError as error:
                if not df or error.errno != errno.EMSGSIZE:
                    raise
                self._learn_path(sealed.local, sealed.remote, end.udp.path_mtu(ipv4_address(sealed.remote)))

    def _learn_path(self, local: Door, remote: bytes, mtu: int) -> None:
        """Learn that a packet with DF is too big: this one is sent fragmented, later ones are checked before
        (`PacketCore`).
        """
        self.core.paths.learn((self.core.doors.table(local), remote), mtu, time.monotonic())

    def _tell(self) -> None:
        core = self.core
        punts, core.punts = core.punts, []
        for punt in punts:
            self._report(self._event(punt))
        events, core.protection.events = core.protection.events, []
        for event in events:
            self._report(event)

    def _event(self, punt: Punt) -> Event:
        tunnel, nbma = self._names[punt.tunnel], ipv4_address(punt.nbma)
        if punt.kind == "nhrp":
            return NhrpReceived(tunnel, nbma, punt.data, punt.connection)
        if punt.kind == "keepalive":
            return KeepaliveReceived(tunnel)
        if punt.kind == "big":
            return TooBig(tunnel, punt.out, punt.data)
        return Hairpin(tunnel, self._names[punt.out], nbma, punt.data, punt.connection)

    # ------------------------------------------------------------------------------------------------ sockets

    def _open_socket(self, spec: TunnelSpec, source: Door) -> None:
        if not isinstance(spec.source, IPv4Address):
            return
        has_df = spec.df is not DfBit.CLEAR
        known = self._sockets.get(source)
        if known is None:
            opened = self._sockets[source] = GreSocket(spec.source, df=has_df)
            self._watch.add(opened.fileno(), lambda: self._read_packets(source, opened, self.core.inbound))
        elif has_df:
            known.allow_df()

    def _stop_reading(self, door: Door, opened: GreSocket) -> None:
        self._watch.remove(opened.fileno())

    def _overlay(self, tunnel: str, version: int) -> CoreTunnel | Overlay:
        return self._core_tunnel(tunnel) if version == 4 else self._core_tunnel(tunnel).ipv6

    def _core_tunnel(self, name: str) -> CoreTunnel:
        return self.core.tunnels[self._served[name].number]
