"""The Rust engine: the distribution `dmvpn-engine` moves the packets, this module controls it.

    TAP, raw 47, raw 50, UDP 4500 <-> threads of dmvpn_engine.Engine, which decide by dmvpn_engine.Core <- orders
                     `-> NHRP, keepalives, hairpins, IKE, facts -> a queue and one descriptor -> `_read` -> events

The core is `dmvpn.dataplane.python.core.PacketCore` in Rust: same packets in, same octets out. Descriptors are made
here, as for the Python engine, so both meet the same problems of a host and report them with the same messages.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from ipaddress import IPv4Address
from typing import Final

import dmvpn_engine

from dmvpn.base import events
from dmvpn.base.addresses import IPAddress
from dmvpn.base.breath import gulping
from dmvpn.base.effects import DfBit, SetHairpin, TunnelSpec
from dmvpn.base.errors import UserError
from dmvpn.base.protection import EspSa, SaCount
from dmvpn.dataplane.contract import Door, Doors, OwnAddress
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.packets import IKE_BEHIND_NAT, ike_received
from dmvpn.dataplane.sockets import EspSocket, GreSocket, UdpSocket
from dmvpn.dataplane.tap import Tap
from dmvpn.dataplane.userspace.engine import Served, SocketEngine, TooBig, Watch
from dmvpn.net.ipv4 import ipv4_address

#: The version of the interface that this module uses.
_INTERFACE: Final = 11
#: Seconds between two checks whether the engine's thread has read a TAP, and until the wait is given up.
_DRAIN: Final = 0.001
_LONGEST_DRAIN: Final = 0.05


class RustEngine(SocketEngine):
    """A `PacketEngine` in Rust."""

    name = "rust"
    carries_ipv6 = True

    def __init__(self, report: Callable[[events.Event], None], watch: Watch) -> None:
        """Raises UserError if the installed engine is of another version, OSError."""
        if dmvpn_engine.INTERFACE != _INTERFACE:
            version = dmvpn_engine.__version__
            raise UserError(f"dmvpn-engine {version} is not made for this dmvpn; 'make engine' builds the right one")
        self._core = dmvpn_engine.Core()
        self._engine = dmvpn_engine.Engine(self._core)
        super().__init__(report, watch, Doors())
        self._closed = False
        watch.add(self._engine.fileno(), self._read)

    def set_tunnel(self, spec: TunnelSpec, tap: Tap, own_mac: bytes) -> None:
        """Add a tunnel, or change its settings. Raises OSError, UserError."""
        source = self._open_socket(spec)  # first, because it may fail: then nothing has changed
        served = self._served.get(spec.name)
        fresh = served is None
        if served is None:
            served = Served(self._numbers + 1, spec, tap)
        served.spec = spec
        destination = spec.destination.packed if spec.destination is not None else None
        self._core.set_tunnel(
            served.number,
            source,
            destination,
            spec.key,
            own_mac,
            spec.mtu,
            spec.mss,
            protected=spec.protected,
            df=spec.df.value,
            checksum=spec.checksum,
            sequence=spec.sequence,
            barred=[nbma.packed for nbma in spec.barred],
        )
        if fresh:
            self._engine.set_tap(served.number, tap.fileno())
            self._numbers = served.number
            self._served[spec.name] = served
            self._names[served.number] = spec.name
        self._close_unused_sockets()
        self._mind_paths()

    def drain(self, tunnel: str) -> None:
        """Send the packets that the kernel has routed into the TAP so far: wait until the engine's thread has read
        them.
        """
        served = self._served.get(tunnel)
        if served is None:
            return
        poll, end = select.poll(), time.monotonic() + _LONGEST_DRAIN
        poll.register(served.tap.fileno(), select.POLLIN)
        while poll.poll(0) and time.monotonic() < end:
            time.sleep(_DRAIN)
        time.sleep(_DRAIN)  # the packet that was read last is being sent

    def remove_tunnel(self, tunnel: str) -> None:
        """Remove the tunnel."""
        served = self._served.pop(tunnel, None)
        if served is not None:
            self._engine.clear_tap(served.number)
            self._core.remove_tunnel(served.number)
            del self._names[served.number]
            self._close_unused_sockets()
            self._mind_paths()

    def set_peer(self, tunnel: str, peer: int, nbma: IPAddress, connection: int = 0) -> None:
        """Send frames for this peer id to an NBMA address, over this connection."""
        self._core.set_peer(self._served[tunnel].number, peer, nbma.packed, connection)

    def clear_peer(self, tunnel: str, peer: int) -> None:
        """Forget a peer id."""
        self._core.clear_peer(self._served[tunnel].number, peer)

    def set_multicast(
        self,
        tunnel: str,
        nbmas: tuple[IPAddress, ...],
        bound: tuple[tuple[IPAddress, int], ...] = (),
        *,
        version: int = 4,
    ) -> None:
        """Send multicast frames to these NBMA addresses, and over each of these connections."""
        over = [(nbma.packed, connection) for nbma, connection in bound]
        self._core.set_multicast(self._served[tunnel].number, [nbma.packed for nbma in nbmas], over, version)

    def set_hairpin(self, order: SetHairpin) -> None:
        """Set which transit packets the tunnel reports."""
        served = self._served[order.tunnel]
        network = self._networks.number(served.spec.vrf, order.network)
        self._core.set_hairpin(served.number, network, order.report, order.interval, order.version)

    def set_addresses(self, own: frozenset[OwnAddress], of_tunnels: dict[str, OwnAddress]) -> None:
        """Set all our addresses, and each tunnel's own."""
        of = [sorted(one for one in own if len(one.address) == length) for length in (4, 16)]
        self._core.set_own_addresses(*of)
        for name, (table, address) in of_tunnels.items():
            self._core.set_address(self._served[name].number, address, table)

    def set_ipv6(self, tunnel: str, mtu: int, mss: int | None, address: bytes) -> None:
        """Let a tunnel carry IPv6, or (mtu 0) no more."""
        self._core.set_ipv6(self._served[tunnel].number, mtu, mss, address or None)

    def send(
        self, tunnel: str, nbma: IPAddress, protocol: int, payload: bytes, tos: int, *, connection: int = 0
    ) -> None:
        """Send a packet of the router's own in GRE. Raises OSError."""
        self._engine.send(self._served[tunnel].number, nbma.packed, protocol, payload, tos, connection)

    def usage(self, tunnel: str) -> tuple[events.PeerUsage, ...]:
        """Return the counters by NBMA address; on a protected tunnel by connection."""
        served = self._served[tunnel]
        if served.spec.protected:
            over = self._core.usage_over(served.number)
            return tuple(
                events.PeerUsage(ipv4_address(nbma), sent, received, connection, *octets)
                for connection, nbma, sent, received, *octets in gulping(over)
                if nbma is not None
            )
        counts = self._core.usage(served.number)
        return tuple(
            events.PeerUsage(ipv4_address(nbma), sent, received, 0, *octets)
            for nbma, sent, received, *octets in gulping(counts)
        )

    def dropped(self) -> events.GreDrops:
        """Return the counters of dropped GRE packets."""
        names = [one.name for one in fields(events.GreDrops)]
        return events.GreDrops(**dict(zip(names, self._core.dropped(), strict=True)))

    # ------------------------------------------------------------------------------------------------ IPsec

    def install_sa(self, sa: EspSa, *, eager: bool) -> None:
        """Install a pair of SAs. Raises UserError."""
        EspSuite.of(sa.transform)  # raises the error for an unknown transform
        install_sa(self._core, self._doors.number(sa.local, sa.front), sa, eager=eager)

    def use_sa(self, spi_in: int) -> None:
        """Send on this pair of SAs."""
        self._core.use_sa(spi_in)

    def remove_sa(self, spi_in: int) -> None:
        """Remove both SAs of a pair, with their keys."""
        self._core.remove_sa(spi_in)

    def move_connection(self, connection: int, remote: IPAddress, remote_port: int) -> None:
        """Send the packets of all SAs of a connection to this address and port from now on."""
        self._core.move_connection(connection, remote.packed, remote_port)

    def sa_counts(self) -> tuple[SaCount, ...]:
        """Return the counters of every pair of SAs."""
        names = [one.name for one in fields(SaCount)]
        return tuple(SaCount(**dict(zip(names, counts, strict=True))) for counts in gulping(self._core.sa_counts()))

    def close(self) -> None:
        """Stop and release all resources."""
        if self._closed:
            return
        self._closed = True
        self._watch.remove(self._engine.fileno())
        self._engine.close()
        self._served.clear()
        self._close_unused_sockets()
        self._ends.close()

    # ------------------------------------------------------------------------------------------------ helpers

    def _read(self) -> None:
        for punt in self._engine.take_punts():
            event = event_of(punt, self._names, self._doors)
            if event is not None:
                self._report(event)

    def _open_socket(self, spec: TunnelSpec) -> Door:
        """Open the socket of a tunnel, if no other tunnel has it, and return its door. Raises OSError, UserError."""
        if not isinstance(spec.source, IPv4Address):
            raise UserError(f"tunnel source {spec.source}: the Rust engine carries GRE over IPv4 only")
        source = self._door(spec)
        has_df = spec.df is not DfBit.CLEAR
        opened = self._sockets.get(source)
        if opened is None:
            opened = GreSocket(spec.source, df=has_df)
            try:
                self._announce(source)
                self._engine.set_socket(source, opened.fileno(), opened.whole_fileno())
            except OSError:
                opened.close()
                raise
            self._sockets[source] = opened
        elif has_df and opened.whole_fileno() is None:
            opened.allow_df()
            self._engine.set_socket(source, opened.fileno(), opened.whole_fileno())
        return source

    def _announce(self, door: Door) -> None:
        """Say what a number means, before anything of it is received."""
        self._core.set_door(door, self._doors.table(door), self._doors.address(door).packed)

    def _stop_reading(self, door: Door, opened: GreSocket) -> None:
        if not self._closed:
            self._engine.clear_socket(door)

    def _begin_end(self, local: Door, esp: EspSocket, udp: UdpSocket) -> None:
        self._announce(local)
        try:
            self._engine.set_socket(local, esp.fileno(), esp.whole_fileno(), "esp")
            self._engine.set_socket(local, udp.fileno(), udp.whole_fileno(), "udp")
        except OSError:
            self._engine.clear_socket(local, "esp")
            raise

    def _stop_end(self, local: Door, *_: EspSocket | UdpSocket) -> None:
        if not self._closed:
            self._engine.clear_socket(local, "esp")
            self._engine.clear_socket(local, "udp")


def event_of(punt: dmvpn_engine.Punt, tunnels: Mapping[int, str], doors: Doors) -> events.Event | None:
    """Return the event for a packet that the engine hands up. None: its tunnel was removed while the packet waited."""
    kind, number, packed, data, out, connection, came_to, port = punt
    tunnel, nbma, local = tunnels.get(number), ipv4_address(packed), Door(came_to)
    match kind:
        case "ike":
            return ike_received(nbma, port, doors.address(local), IKE_BEHIND_NAT, data, out, doors.front(local))
        case "spi":
            return events.UnknownSpi(doors.address(local), nbma, port, out, doors.front(local))
        case "clear":
            return events.ClearReceived(doors.address(local), nbma, doors.front(local))
        case "heard":
            return events.ConnectionHeard(connection, nbma, port)
        case "worn":
            return events.SaWorn(out)
        case "unheard":
            return events.ConnectionUnheard(connection)
        case "nhrp" if tunnel is not None:
            return events.NhrpReceived(tunnel, nbma, data, connection)
        case "keepalive" if tunnel is not None:
            return events.KeepaliveReceived(tunnel)
        case "big" if tunnel is not None:
            return TooBig(tunnel, out, data)
        case "hairpin" if tunnel is not None and out in tunnels:
            return events.Hairpin(tunnel, tunnels[out], nbma, data, connection)
        case _:
            return None


def install_sa(core: dmvpn_engine.Core, door: Door, sa: EspSa, *, eager: bool) -> None:
    """Pass a pair of SAs to the Rust side. door: where it receives. Raises ValueError."""
    inner = ((sa.inner_local or sa.local).packed, (sa.inner_remote or sa.remote).packed)
    core.install_sa(
        connection=sa.connection,
        spi_in=sa.spi_in,
        spi_out=sa.spi_out,
        cipher=sa.transform.cipher.value,
        bits=sa.transform.bits,
        hash=sa.transform.hash.value if sa.transform.hash is not None else None,
        key_in=sa.key_in,
        key_out=sa.key_out,
        hash_key_in=sa.hash_key_in,
        hash_key_out=sa.hash_key_out,
        door=door,
        remote=sa.remote.packed,
        remote_port=sa.remote_port,
        esn=sa.esn,
        window=sa.window,
        inner=inner if sa.tunnel_mode else None,
        soft=sa.soft_octets,
        hard=sa.hard_octets,
        eager=eager,
    )
