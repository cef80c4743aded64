"""The tunnels of the packet core: their ends, neighbors and counters, and which of them a packet of GRE belongs to."""

from __future__ import annotations

from dataclasses import field
from typing import NamedTuple, TypeAlias

from dmvpn.base.effects import DfBit
from dmvpn.base.values import Mutable
from dmvpn.dataplane.contract import Amount, Door
from dmvpn.net.gre import GreHeader, GreSequence, header_length, next_header
from dmvpn.net.ipv6 import LEAST_MTU

# ---------------------------------------------------------------------------------------------------- tunnels

#: The beginning of a neighbor's link-layer address; the peer id follows.
PEER_MAC_PREFIX = b"\x02\x00"
_NOBODY = PEER_MAC_PREFIX + bytes(4)


class NbmaPeer(NamedTuple):
    """The destination of a tunnel's packets: a packed NBMA address, on a protected tunnel over a connection (0: the
    newest).
    """

    nbma: bytes
    connection: int = 0


class Overlay(Mutable):
    """IPv6 inside a tunnel, whose NHRP may be of another network. mtu: octets; 0: it is not carried."""

    mtu: int = 0
    mss: int | None = None
    address: bytes = b""
    network: int | None = None
    report: bool = False
    interval: float = 8.0
    multicast: tuple[bytes, ...] = ()
    bound: tuple[NbmaPeer, ...] = ()


class CoreTunnel(Mutable):
    """One tunnel.

    own_mac: of the TAP.
    mtu: octets, of the inner packets.
    ipv6: the settings and addresses of IPv6; the other ones are IPv4's.
    peers: neighbors by link-layer address.
    multicast, bound: the addresses that get copies, and the connections over which further copies go.
    sent, received: what passed, by NBMA address; on a protected tunnel sent_over, received_over, by connection.
    ids, ids_over: the reverse of peers.
    barred: NBMA addresses whose connections belong to other tunnels.
    table: the number of the routing table that it is in.
    """

    source: Door
    destination: bytes | None
    key: int | None
    own_mac: bytes
    address: bytes = b""
    table: int = 0
    mtu: int = 1400
    mss: int | None = None
    network: int | None = None
    report: bool = False
    interval: float = 8.0
    peers: dict[bytes, NbmaPeer] = field(default_factory=dict)
    multicast: tuple[bytes, ...] = ()
    sent: dict[bytes, Amount] = field(default_factory=dict)
    received: dict[bytes, Amount] = field(default_factory=dict)
    ids: dict[bytes, bytes] = field(default_factory=dict)
    protected: bool = False
    bound: tuple[NbmaPeer, ...] = ()
    sent_over: dict[int, Amount] = field(default_factory=dict)
    received_over: dict[int, Amount] = field(default_factory=dict)
    ids_over: dict[int, bytes] = field(default_factory=dict)
    df: DfBit = DfBit.CLEAR
    checksum: bool = False
    sequence: GreSequence | None = None
    barred: frozenset[bytes] = frozenset()
    ipv6: Overlay = field(default_factory=Overlay)

    def header(self, protocol: int) -> GreHeader:
        """Return the header of the next packet to send."""
        return next_header(protocol, self.key, checksum=self.checksum, sequence=self.sequence)

    @property
    def is_wide(self) -> bool:
        """Whether its interface takes larger packets than IPv4's may be."""
        return bool(self.ipv6.mtu) and max(self.ipv6.mtu, LEAST_MTU) > self.mtu

    @property
    def header_length(self) -> int:
        """Octets of the header."""
        return header_length(self.key, checksum=self.checksum, sequence=self.sequence is not None)

    def set_peer(self, peer: int, neighbor: NbmaPeer) -> None:
        """Send frames for this peer id to a neighbor."""
        mac = _mac(peer)
        self.peers[mac] = neighbor
        if neighbor.connection:
            self.ids_over[neighbor.connection] = mac
        else:
            self.ids[neighbor.nbma] = mac

    def clear_peer(self, peer: int) -> None:
        """Remove a peer id."""
        neighbor = self.peers.pop(_mac(peer), None)
        if neighbor is not None and neighbor.connection:
            self.ids_over.pop(neighbor.connection, None)
        elif neighbor is not None:
            self.ids.pop(neighbor.nbma, None)

    def neighbors(self, mac: bytes, overlay: CoreTunnel | Overlay) -> tuple[NbmaPeer, ...]:
        """Return the neighbors that get a frame to this link-layer address. overlay: this tunnel, or its IPv6."""
        if self.destination is not None:
            return (NbmaPeer(self.destination),)
        if mac[0] & 1:
            return (*map(NbmaPeer, overlay.multicast), *overlay.bound)
        neighbor = self.peers.get(mac)
        return () if neighbor is None else (neighbor,)

    def mac_of(self, sender: NbmaPeer) -> bytes:
        """Return the link-layer address of a neighbor that a packet came from."""
        return self.ids_over.get(sender.connection) or self.ids.get(sender.nbma, _NOBODY)


def _mac(peer: int) -> bytes:
    return PEER_MAC_PREFIX + peer.to_bytes(4, "big")


# ---------------------------------------------------------------------------------------------------- table

#: Source, destination (None: multipoint) and key of a tunnel.
_Ends: TypeAlias = "tuple[Door, bytes | None, int | None]"


class TunnelTable:
    """Tunnels by their number, which is the owner's; a tunnel made later has a higher one."""

    def __init__(self) -> None:
        self._tunnels: dict[int, CoreTunnel] = {}
        self._numbers: dict[_Ends, int] = {}

    def get(self, number: int) -> CoreTunnel | None:
        """Return a tunnel, or None."""
        return self._tunnels.get(number)

    def __getitem__(self, number: int) -> CoreTunnel:
        return self._tunnels[number]

    def set(self, number: int, tunnel: CoreTunnel) -> None:
        """Add a tunnel, or find it by its new ends from now on."""
        self._tunnels[number] = tunnel
        self._index()

    def remove(self, number: int) -> None:
        """Forget a tunnel."""
        del self._tunnels[number]
        self._index()

    def demultiplex(self, local: Door, remote: bytes, key: int | None) -> int | None:
        """Return a point-to-point tunnel to that address before a multipoint one; keys must be equal, or both
        absent.
        """
        number = self._numbers.get((local, remote, key))
        return self._numbers.get((local, None, key)) if number is None else number

    def _index(self) -> None:
        """Index tunnels by their ends: of equal point-to-point ones the first counts, of multipoint ones the last."""
        self._numbers.clear()
        for number, tunnel in self._tunnels.items():
            ends = tunnel.source, tunnel.destination, tunnel.key
            if tunnel.destination is None or ends not in self._numbers:
                self._numbers[ends] = number
