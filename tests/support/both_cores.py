"""The Python core and the Rust one side by side: they are told the same and must say the same.

AES-CBC takes its initialization vector from different sources in the two: packets sealed with it are compared by what
comes out of them; all else to the octet.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import astuple, dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeVar

import pytest

from dmvpn.base.effects import GRE_NHRP, DfBit
from dmvpn.base.protection import EspCipher
from dmvpn.dataplane.contract import Amount
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.esp.table import Inbound, ReplayWindow
from dmvpn.dataplane.python.core import PacketCore
from dmvpn.dataplane.python.segments import finished
from dmvpn.dataplane.python.tunnels import CoreTunnel, NbmaPeer
from dmvpn.dataplane.tap import VNET_HEADER_SIZE, VnetHeader
from dmvpn.net.gre import GreSequence
from support import traffic

if TYPE_CHECKING:
    from dmvpn.base.protection import EspSa
    from dmvpn.dataplane.contract import Door
    from dmvpn.dataplane.esp.table import PeerPlace

dmvpn_engine = pytest.importorskip("dmvpn_engine", reason="dmvpn-engine is not installed: 'make engine' builds it")

#: Of what is remembered of strangers: so few that they are reached.
PAIRS, COUNTED = 3, 2
K = TypeVar("K")
_FRAME_HEADER = VNET_HEADER_SIZE + 14
_OF_PACKETS = ("nhrp", "keepalive", "big", "hairpin")


@dataclass(frozen=True)
class Tunnel:
    """What the control plane says of a tunnel. bound: the peers that get copies of multicast over one connection
    each.
    """

    source: bytes
    destination: bytes | None
    key: int | None
    mtu: int
    mss: int | None
    address: bytes | None
    network: int | None
    report: bool
    multicast: list[bytes]
    peers: list[tuple[int, bytes]]
    protected: bool = False
    bound: tuple[tuple[bytes, int], ...] = ()
    df: DfBit = DfBit.CLEAR
    checksum: bool = False
    sequence: bool = False
    front: str = ""


def _amounts(sent: dict[K, Amount], received: dict[K, Amount]) -> dict[K, list[int]]:
    """Packets sent and received, octets sent and received, as the engine gives them."""
    both = {who: (sent.get(who, Amount()), received.get(who, Amount())) for who in (*sent, *received)}
    return {who: [out.packets, came.packets, out.octets, came.octets] for who, (out, came) in both.items()}


def _by_flow(frames: list[bytes]) -> dict[bytes, list[bytes]]:
    """The packets of frames, whole ones of TCP and UDP by hosts and ports, others by hosts."""
    flows: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for frame in frames:
        for packet in finished(VnetHeader.parse(frame), frame[_FRAME_HEADER:]):
            if packet[0] >> 4 == 6:
                start, end, has_ports = 8, 40, packet[6] in (6, 17)
            else:
                whole = packet[0] == 0x45 and not packet[6] & 0x3F and not packet[7]
                start, end, has_ports = 12, 20, whole and packet[9] in (6, 17)
            flow = packet[start : end + 4 if has_ports else end]
            flows[flow].append(frame[VNET_HEADER_SIZE:_FRAME_HEADER] + packet)
    return flows


class Both:
    """Two cores with the same tunnels."""

    def __init__(self, tunnels: list[Tunnel]) -> None:
        self.python = PacketCore()
        self.rust = dmvpn_engine.Core(pairs=PAIRS, counted=COUNTED)
        self.numbers = range(1, len(tunnels) + 1)
        self._sas: dict[int, EspSa] = {}
        self._said: set[Door] = set()
        self.python.own_addresses = frozenset((0, address.packed) for address in traffic.OWN_ADDRESSES)
        self.rust.set_own_addresses(sorted(self.python.own_addresses))
        for number, tunnel in zip(self.numbers, tunnels, strict=True):
            self._set_tunnel(number, tunnel)

    def set_peer(self, number: int, peer: int, nbma: bytes, connection: int = 0) -> None:
        self.python.set_peer(number, peer, nbma, connection)
        self.rust.set_peer(number, peer, nbma, connection)

    def clear_peer(self, number: int, peer: int) -> None:
        self.python.clear_peer(number, peer)
        self.rust.clear_peer(number, peer)

    def door(self, address: bytes, front: str = "") -> Door:
        """Return the number of an address of ours in a front door; both know it then."""
        doors = self.python.doors
        door = doors.number(IPv4Address(address), front)
        if door not in self._said:
            self._said.add(door)
            self.rust.set_door(door, doors.table(door), address)
        return door

    def learn_path(self, remote: bytes, mtu: int, now: float, front: str = "") -> None:
        table = self.python.doors.table(self.door(traffic.OURS[0], front))
        self.python.paths.learn((table, remote), mtu, now)
        self.rust.learn_path(table, remote, mtu, now)

    def outbound(self, number: int, frame: bytes, now: float) -> None:
        self.python.outbound(number, frame, now)
        self.rust.outbound(number, frame, now)

    def inbound(self, packet: bytes, now: float = 0.0, front: str = "") -> None:
        door = self.came_to(packet, front)
        self.python.inbound(door, packet, now)
        self.rust.inbound(door, packet, now)

    def came_to(self, packet: bytes, front: str = "") -> Door:
        """Return the door whose raw socket returns this packet."""
        return self.door(packet[16:20] if packet[16:20] in traffic.OURS else traffic.OURS[0], front)

    def send(self, number: int, nbma: bytes, payload: bytes, connection: int = 0, now: float = 0.0) -> None:
        self.python.send(number, nbma, GRE_NHRP, payload, 0xC0, connection=connection, now=now)
        self.rust.send(number, nbma, GRE_NHRP, payload, 0xC0, connection, now)

    # ------------------------------------------------------------------------------------------------ IPsec

    def has(self, spi_in: int) -> bool:
        """Is this pair of SAs there? Then it stays as it is, whatever is installed."""
        return self.python.protection.table.find(spi_in) is not None

    def install(self, sa: EspSa, *, eager: bool) -> None:
        if not self.has(sa.spi_in):
            self._sas[sa.spi_out] = sa
        self.python.protection.table.install(sa, eager=eager)
        from dmvpn.dataplane.engine import install_sa

        install_sa(self.rust, self.door(sa.local.packed, sa.front), sa, eager=eager)

    def use(self, spi_in: int) -> None:
        self.python.protection.table.use(spi_in)
        self.rust.use_sa(spi_in)

    def remove(self, spi_in: int) -> None:
        self.python.protection.table.remove(spi_in)
        self.rust.remove_sa(spi_in)

    def move(self, connection: int, place: PeerPlace) -> None:
        self.python.protection.table.move(connection, place)
        self.rust.move_connection(connection, place.address, place.port)

    def inbound_esp(self, packet: bytes, now: float, front: str = "") -> None:
        door = self.came_to(packet, front)
        self.python.inbound_esp(door, packet, now)
        self.rust.inbound_esp(door, packet, now)

    def inbound_udp(
        self, local: bytes, source: PeerPlace, tos: int, datagram: bytes, now: float, front: str = ""
    ) -> None:
        door = self.door(local, front)
        self.python.inbound_udp(door, source, tos, datagram, now)
        self.rust.inbound_udp(door, source.address, source.port, tos, [datagram], now)

    # ------------------------------------------------------------------------------------------------ what comes out

    def agree(self) -> None:
        """Compare everything that came out since the last time, and all counters."""
        from dmvpn.dataplane.engine import event_of  # it needs the engine

        python, rust = self.python, self.rust
        assert rust.take_wire() == [tuple(packet) for packet in python.wire]
        assert rust.take_taps() == [tuple(frame) for frame in python.taps]
        sealed = [
            (each.local, each.remote, each.port, each.tos, each.packet, each.df) for each in python.protection.sealed
        ]
        assert list(map(self._comparable, rust.take_sealed())) == list(map(self._comparable, sealed))
        punts = rust.take_punts()
        assert [punt[:6] for punt in punts if punt[0] in _OF_PACKETS] == [tuple(punt) for punt in python.punts]
        events = [event_of(punt, {}, python.doors) for punt in punts if punt[0] not in _OF_PACKETS]
        assert events == python.protection.events
        python.wire, python.taps, python.punts = [], [], []
        python.protection.sealed, python.protection.events = [], []
        python, rust = self.python, self.rust
        assert rust.dropped() == astuple(python.dropped)
        assert rust.sa_counts() == [astuple(pair.count()) for pair in python.protection.table.pairs()]
        for number in self.numbers:
            tunnel = python.tunnels[number]
            assert {nbma: counts for nbma, *counts in rust.usage(number)} == _amounts(tunnel.sent, tunnel.received)
            over = {connection: counts for connection, _, *counts in rust.usage_over(number)}
            assert over == _amounts(tunnel.sent_over, tunnel.received_over)

    def agree_when_merged(self, received: list[bytes]) -> None:
        """Compare what the kernel makes of a batch of packets that the engine merges with what Python gives it."""
        for packet in received:
            self.python.inbound(self.came_to(packet), packet, 0.0)
        self.rust.inbound_merged(self.came_to(received[0]) if received else 0, received)
        expected = [frame for _, frame in self.python.taps]
        frames = [frame for _, frame in self.rust.take_taps()]
        assert _by_flow(frames) == _by_flow(expected)
        assert len(frames) <= len(expected)

    def _comparable(self, sealed: tuple[int, bytes, int, int, bytes, bool]) -> tuple[object, ...]:
        """Return the packet itself, or, with AES-CBC, what the peer gets out of it."""
        packet = sealed[4]
        sa = self._sas[int.from_bytes(packet[:4], "big")]
        if sa.transform.cipher is EspCipher.AES_GCM:
            return sealed
        suite = EspSuite.of(sa.transform)
        peer = Inbound(suite, packet[:4], sa.key_out, sa.hash_key_out, window=ReplayWindow(0), esn=sa.esn)
        return (*sealed[:4], sealed[5], packet[:8], peer.open(packet), len(packet))

    def _set_tunnel(self, number: int, tunnel: Tunnel) -> None:
        door = self.door(tunnel.source, tunnel.front)
        self.python.tunnels.set(
            number,
            CoreTunnel(
                door,
                tunnel.destination,
                tunnel.key,
                traffic.OWN_MAC,
                address=tunnel.address or b"",
                mtu=tunnel.mtu,
                mss=tunnel.mss,
                network=tunnel.network,
                report=tunnel.report,
                multicast=tuple(tunnel.multicast),
                protected=tunnel.protected,
                bound=tuple(NbmaPeer(nbma, connection) for nbma, connection in tunnel.bound),
                df=tunnel.df,
                checksum=tunnel.checksum,
                sequence=GreSequence() if tunnel.sequence and tunnel.destination else None,
            ),
        )
        rust = self.rust
        rust.set_tunnel(
            number,
            door,
            tunnel.destination,
            tunnel.key,
            traffic.OWN_MAC,
            tunnel.mtu,
            tunnel.mss,
            protected=tunnel.protected,
            df=tunnel.df.value,
            checksum=tunnel.checksum,
            sequence=tunnel.sequence and tunnel.destination is not None,
        )
        rust.set_address(number, tunnel.address, 0)
        rust.set_hairpin(number, tunnel.network, tunnel.report, 8.0)
        rust.set_multicast(number, tunnel.multicast, tunnel.bound)
        for peer, nbma in tunnel.peers:
            self.set_peer(number, peer, nbma)
