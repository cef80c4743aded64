"""The Python engine: moves packets between descriptors and the pure `PacketCore`.

    TAP, raw 47, raw 50, UDP 4500 -> one turn of packets into the core -> `_flush`: results to their destinations

It runs where there is no Rust engine, is easy to read, and is the reference that the Rust engine is fuzzed against.
About 100,000 packets a second, or 1 Gbit/s of TCP.
"""

from __future__ import annotations

import errno
import socket
import time
from contextlib import ExitStack
from dataclasses import asdict
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.breath import breathing
from dmvpn.base.effects import DfBit
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, GreDrops, Hairpin, KeepaliveReceived, NhrpReceived
from dmvpn.base.values import dataclass
from dmvpn.dataplane.contract import NhrpNetworks, usage_of
from dmvpn.dataplane.esp.table import PeerPlace
from dmvpn.dataplane.packets import IKE_BEHIND_NAT
from dmvpn.dataplane.python.core import PacketCore, Punt, ToWire
from dmvpn.dataplane.python.tunnels import CoreTunnel, NbmaPeer
from dmvpn.dataplane.sockets import EspSocket, GreSocket, UdpSocket
from dmvpn.dataplane.userspace.engine import TooBig, minding_paths
from dmvpn.net.gre import GreSequence
from dmvpn.net.ipv4 import ipv4_address

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import SetHairpin, TunnelSpec
    from dmvpn.base.events import PeerUsage
    from dmvpn.base.protection import EspSa, SaCount
    from dmvpn.dataplane.contract import Door, Doors, OwnAddress
    from dmvpn.dataplane.esp.protection import Sealed
    from dmvpn.dataplane.tap import Tap
    from dmvpn.dataplane.userspace.engine import Watch


# ---------------------------------------------------------------------------------------------------- ends


class _End(NamedTuple):
    """The two sockets of one address."""

    esp: EspSocket
    udp: UdpSocket


class IpsecEnds:
    """Opens and closes the sockets, and sends through them; passes received packets to their reader."""

    def __init__(
        self,
        doors: Doors,
        watch: Watch,
        read_esp: Callable[[Door, EspSocket], None],
        read_udp: Callable[[Door, UdpSocket], None],
    ) -> None:
        """read_esp, read_udp: called with the door of a readable socket."""
        self._doors = doors
        self._watch = watch
        self._read_esp = read_esp
        self._read_udp = read_udp
        self._ends: dict[Door, _End] = {}

    def serve(self, addresses: tuple[IPAddress, ...], front: str) -> dict[IPAddress, OSError | UserError]:
        """Open both sockets at exactly these addresses of a VRF; returns errors by address."""
        wanted = {self._doors.number(address, front): address for address in addresses}
        for local in [local for local in self._ends if self._doors.front(local) == front and local not in wanted]:
            self._close(local)
        problems: dict[IPAddress, OSError | UserError] = {}
        for local, address in wanted.items():
            if local not in self._ends:
                try:
                    self._open(local, address)
                except (OSError, UserError) as error:
                    problems[address] = error
        return problems

    def mind_paths(self, locals_: Container[Door]) -> None:
        """Enable path MTU discovery at these addresses and at no others (`sockets`)."""
        for local, end in self._ends.items():
            end.esp.mind_paths(local in locals_)
            end.udp.mind_paths(local in locals_)

    def send(self, sealed: Sealed) -> None:
        """Send an ESP packet. Raises OSError."""
        end, remote = self._end(sealed.local), socket.inet_ntoa(sealed.remote)
        if sealed.port:
            end.udp.send(sealed.packet, remote, sealed.port, tos=sealed.tos, df=sealed.df)
        else:
            end.esp.send(sealed.packet, remote, tos=sealed.tos, df=sealed.df)

    def send_ike(self, local: Door, remote: IPAddress, port: int, payload: bytes, tos: int) -> None:
        """Send octets from UDP port 4500. Raises OSError."""
        self._end(local).udp.send(payload, str(remote), port, tos=tos)

    def path_mtu(self, local: Door, remote: IPv4Address) -> int:
        """Return octets of the largest packet to this address. Raises OSError."""
        return self._end(local).udp.path_mtu(remote)

    def _end(self, local: Door) -> _End:
        end = self._ends.get(local)
        if end is None:
            raise OSError(errno.EADDRNOTAVAIL, f"IPsec is not served on {self._doors.address(local)}")
        return end

    def close(self) -> None:
        """Close all sockets."""
        for local in list(self._ends):
            self._close(local)

    def _open(self, local: Door, address: IPAddress) -> None:
        if not isinstance(address, IPv4Address):
            raise UserError(f"{address}: IPsec is carried over IPv4 only")
        with ExitStack() as opened:
            udp = opened.enter_context(UdpSocket(address, IKE_BEHIND_NAT))
            esp = opened.enter_context(EspSocket(address))
            opened.pop_all()
        self._ends[local] = _End(esp, udp)
        self._watch.add(esp.fileno(), lambda: self._read_esp(local, esp))
        self._watch.add(udp.fileno(), lambda: self._read_udp(local, udp))

    def _close(self, local: Door) -> None:
        for opened in self._ends.pop(local):
            self._watch.remove(opened.fileno())
            opened.close()


# ---------------------------------------------------------------------------------------------------- engine

#: Packets read from one descriptor before other descriptors get their turn.
_TURN = 64


@dataclass(slots=True)
class _Served:
    """A tunnel of the engine. number: of the core's table."""

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
        self._sockets: dict[Door, GreSocket] = {}
        self._numbers = 0
        self._networks = NhrpNetworks()
        self._buffer = bytearray(65536)
        self._ends = IpsecEnds(self.core.doors, watch, self._read_esp, self._read_udp)

    def set_tunnel(self, spec: TunnelSpec, tap: Tap, own_mac: bytes) -> None:
        """Add a tunnel, or change its settings. Raises OSError, UserError."""
        source = self._door(spec)
        self._open_socket(spec, source)  # first, because it may fail: then nothing has changed
        served = self._served.get(spec.name)
        if served is None:
            self._numbers += 1
            served = self._served[spec.name] = _Served(self._numbers, spec, tap)
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
        self, tunnel: str, nbmas: tuple[IPAddress, ...], bound: tuple[tuple[IPAddress, int], ...] = ()
    ) -> None:
        """Send multicast frames to these NBMA addresses, and over each of these connections."""
        told = self._core_tunnel(tunnel)
        told.multicast = tuple(nbma.packed for nbma in nbmas)
        told.bound = tuple(NbmaPeer(nbma.packed, connection) for nbma, connection in bound)

    def set_hairpin(self, order: SetHairpin) -> None:
        """Set which transit packets the tunnel reports."""
        tunnel = self._core_tunnel(order.tunnel)
        network = self._networks.number(self._served[order.tunnel].spec.vrf, order.network)
        tunnel.network, tunnel.report, tunnel.interval = network, order.report, order.interval

    def set_addresses(self, own: frozenset[OwnAddress], of_tunnels: dict[str, OwnAddress]) -> None:
        """Set all our addresses, and each tunnel's own."""
        self.core.own_addresses = own
        for name, (table, address) in of_tunnels.items():
            tunnel = self._core_tunnel(name)
            tunnel.table, tunnel.address = table, address

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
            return self._usage_over(counted)
        peers = dict.fromkeys((*counted.sent, *counted.received))
        return tuple(
            usage_of(ipv4_address(nbma), counted.sent.get(nbma), counted.received.get(nbma))
            for nbma in breathing(peers)
        )

    def dropped(self) -> GreDrops:
        """Return the counters of dropped GRE packets."""
        return GreDrops(**asdict(self.core.dropped))

    # ------------------------------------------------------------------------------------------------ IPsec

    def serve_ipsec(self, locals_: tuple[IPAddress, ...], front: str = "") -> dict[IPAddress, OSError | UserError]:
        """Open protocol 50 and UDP port 4500 at exactly these addresses; returns errors by address."""
        problems = self._ends.serve(locals_, front)
        self._mind_paths()
        return problems

    def send_ike(
        self, local: IPAddress, remote: IPAddress, remote_port: int, payload: bytes, tos: int, front: str = ""
    ) -> None:
        """Send octets from UDP port 4500 of a served address. Raises OSError."""
        self._ends.send_ike(self.core.doors.number(local, front), remote, remote_port, payload, tos)

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

    def _read_tap(self, served: _Served) -> None:
        core, now = self.core, time.monotonic()
        for _ in range(_TURN):
            frame = served.tap.read()
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

    def _read_esp(self, local: Door, opened: EspSocket) -> None:
        self._read_packets(local, opened, self.core.inbound_esp)

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
        try:
            self._ends.send(sealed)
        except OSError as error:
            if not sealed.df or error.errno != errno.EMSGSIZE:
                raise
            mtu = self._ends.path_mtu(sealed.local, ipv4_address(sealed.remote))
            self._learn_path(sealed.local, sealed.remote, mtu)
            self._ends.send(sealed._replace(df=False))

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

    def _usage_over(self, counted: CoreTunnel) -> tuple[PeerUsage, ...]:
        usage = []
        for number in dict.fromkeys((*counted.sent_over, *counted.received_over)):
            link = self.core.protection.table.link(number)
            if link is not None:
                sent, received = counted.sent_over.get(number), counted.received_over.get(number)
                usage.append(usage_of(ipv4_address(link.place.address), sent, received, number))
        return tuple(usage)

    # ------------------------------------------------------------------------------------------------ sockets

    def _door(self, spec: TunnelSpec) -> Door:
        return self.core.doors.number(spec.source, spec.front)

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

    def _close_unused_sockets(self) -> None:
        used = {self._door(served.spec) for served in self._served.values()}
        for source in [source for source in self._sockets if source not in used]:
            opened = self._sockets.pop(source)
            self._watch.remove(opened.fileno())
            opened.close()

    def _mind_paths(self) -> None:
        minding = minding_paths((served.spec for served in self._served.values()), self.core.doors)
        for source, opened in self._sockets.items():
            opened.mind_paths(source in minding)
        self._ends.mind_paths(minding)

    def _core_tunnel(self, name: str) -> CoreTunnel:
        return self.core.tunnels[self._served[name].number]
