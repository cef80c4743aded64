"""The packet engine of dmvpn: multipoint GRE, in clear or in ESP, between TAP devices and sockets.

NBMA and other IPv4 addresses are 4 octets, MAC addresses 6. Tunnels are numbers of the caller's, of which a tunnel made
later has the higher one. Where packets are received is a number of the caller's, too: a door (`Core.set_door`). A
method that names a tunnel that is not there raises KeyError.
"""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, final

__all__ = ["INTERFACE", "Core", "Engine", "__version__"]

__version__: Final[str]

#: What `Core` and `Engine` look like. dmvpn refuses an engine of another one.
INTERFACE: Final[int]

#: Something for the router: kind, tunnel, where it came from, octets, number, connection, our door, UDP port.
#:
#: "nhrp"       tunnel, neighbor, the packet; connection that protected it or 0
#: "keepalive"  tunnel, neighbor
#: "big"        tunnel, neighbor, what an ICMP error quotes of a packet that does not fit the path to it and may be
#:              answered; number: octets of what would fit
#: "hairpin"    tunnel, neighbor, the packet's first octets; number: of the tunnel it left by; connection
#: "ike"        source, the datagram with its marker; number: TOS; our door; source port
#: "spi"        ESP for an SA that is not: source; number: SPI; our door; source port, 0: protocol 50
#: "clear"      GRE in clear for a protected tunnel: source; our door
#: "heard"      the peer of a connection is elsewhere: source; connection; source port
#: "worn"       a pair of SAs is worn; number: its inbound SPI
#: "unheard"    packets go out on a connection, and none comes in: where its peer is; connection
Punt: TypeAlias = tuple[
    Literal["nhrp", "keepalive", "big", "hairpin", "ike", "spi", "clear", "heard", "worn", "unheard"],
    int,
    bytes,
    bytes,
    int,
    int,
    int,
    int,
]

@final
class Core:
    """All tunnels of one router. Results collect until they are taken."""

    def __new__(cls, *, pairs: int = 65536, counted: int = 65536) -> Core:
        """pairs: of addresses that the hairpin detector remembers. counted: NBMA addresses without adjacency."""

    def set_tunnel(
        self,
        number: int,
        door: int,
        destination: bytes | None,
        key: int | None,
        own_mac: bytes,
        mtu: int,
        mss: int | None,
        protected: bool = False,
        df: Literal["clear", "copy", "set"] = "clear",
        checksum: bool = False,
        sequence: bool = False,
        barred: Sequence[bytes] = ...,
    ) -> None:
        """Make a tunnel, or change what is known of it.

        protected: GRE leaves and comes in ESP or not at all. df: "do not fragment" of the outer header.
        checksum, sequence: what GRE headers have besides; sequence of point-to-point tunnels alone.
        barred: NBMA addresses that a protected tunnel sends nothing to and takes nothing from.
        """

    def set_door(self, door: int, front: int, address: bytes) -> None:
        """Say what the number of a door means: an address of ours, in a front door, which is a number, too."""

    def learn_path(self, front: int, remote: bytes, mtu: int, now: float) -> None:
        """A packet to there, in this front door, was too big. mtu: octets of one that is not; now: seconds."""

    def remove_tunnel(self, number: int) -> None:
        """Forget a tunnel and what it carried."""

    def set_peer(self, number: int, peer: int, nbma: bytes, connection: int = 0) -> None:
        """Frames of the tunnel to 02:00 and this id go to an NBMA address, over this connection (0: the newest)."""

    def clear_peer(self, number: int, peer: int) -> None:
        """Forget a peer id."""

    def set_multicast(
        self, number: int, nbmas: Sequence[bytes], bound: Sequence[tuple[bytes, int]] = ..., version: int = 4
    ) -> None:
        """Multicast frames go to these NBMA addresses, and to those over one connection each."""

    def set_hairpin(self, number: int, network: int | None, report: bool, interval: float, version: int = 4) -> None:
        """What the tunnel reports of transit packets of a version of IP. interval: seconds."""

    def set_ipv6(self, number: int, mtu: int, mss: int | None, address: bytes | None) -> None:
        """Let the tunnel carry IPv6 packets of up to `mtu` octets; 0: no more. address: its own one."""

    def set_address(self, number: int, address: bytes | None, table: int) -> None:
        """The tunnel's own address, and the number of the routing table that it is in."""

    def set_own_addresses(
        self, addresses: Sequence[tuple[int, bytes]], ipv6: Sequence[tuple[int, bytes]] = ...
    ) -> None:
        """All our addresses, each with the number of the routing table that it is in."""

    def install_sa(
        self,
        *,
        connection: int,
        spi_in: int,
        spi_out: int,
        cipher: str,
        bits: int,
        hash: str | None,
        key_in: bytes,
        key_out: bytes,
        hash_key_in: bytes,
        hash_key_out: bytes,
        door: int,
        remote: bytes,
        remote_port: int,
        esn: bool,
        window: int,
        inner: tuple[bytes, bytes] | None,
        soft: int,
        hard: int,
        eager: bool,
    ) -> None:
        """Receive on a pair of SAs, and send on it if `eager`, or if its connection has nothing else.

        cipher: "aes-gcm" or "aes-cbc"; hash: "sha1", "sha256", "sha384" or "sha512", with the latter. remote_port: of
        UDP, 0: protocol 50. inner: source and destination of the IP header inside ESP in tunnel mode. soft: octets
        after which the pair is worn; hard: after which nothing goes any more; 0: no limit. Raises ValueError.
        """

    def use_sa(self, spi_in: int) -> None:
        """Send on this pair."""

    def remove_sa(self, spi_in: int) -> None:
        """Forget both halves of a pair, and their keys."""

    def move_connection(self, connection: int, remote: bytes, port: int) -> None:
        """The peer of a connection is there now. port: of UDP, 0: protocol 50."""

    def sa_counts(self) -> list[tuple[int, int, int, int, int, int, int, int]]:
        """What every pair carried, in the order of their installation.

        SPI; packets and octets sent; packets and octets received; packets replayed, broken, unsent.
        """

    def outbound(self, number: int, frame: bytes, now: float) -> None:
        """A frame from the TAP of a tunnel, vnet header first.

        now: seconds, for the hairpin interval, paths and silent peers.
        """

    def inbound(self, door: int, packet: bytes, now: float = 0.0) -> None:
        """A whole IPv4 packet of protocol 47, outer header first, as the raw socket of a door returns it.

        now: seconds.
        """

    def inbound_merged(self, door: int, packets: Sequence[bytes]) -> None:
        """A batch of such packets, with their TCP segments merged as the engine merges them."""

    def inbound_esp(self, door: int, packet: bytes, now: float = 0.0) -> None:
        """A whole IPv4 packet of protocol 50, outer header first, as the raw socket of a door returns it.

        now: seconds.
        """

    def inbound_udp(
        self, door: int, source: bytes, port: int, tos: int, datagrams: Sequence[bytes], now: float = 0.0
    ) -> None:
        """The octets of UDP datagrams that came to port 4500 of a door; what comes out is merged. now: seconds."""

    def send(
        self,
        number: int,
        nbma: bytes,
        protocol: int,
        payload: bytes,
        tos: int,
        connection: int = 0,
        now: float = 0.0,
    ) -> None:
        """Send something of the router's own in GRE, straight to an NBMA address, over this connection.

        now: seconds.
        """

    def take_sealed(self) -> list[tuple[int, bytes, int, int, bytes, bool]]:
        """Take ESP packets: our door, the peer's address, its UDP port (0: protocol 50), TOS, packet and DF."""

    def take_wire(self) -> list[tuple[int, bytes, int, bytes, bool]]:
        """Take what goes to NBMA addresses: our door, NBMA address, TOS, GRE packet and DF."""

    def take_taps(self) -> list[tuple[int, bytes]]:
        """Take what goes to the kernel: tunnel and frame."""

    def take_punts(self) -> list[Punt]:
        """Take what goes to the router."""

    def usage(self, number: int) -> list[tuple[bytes, int, int, int, int]]:
        """Packets sent and received on a tunnel, and octets sent and received, by NBMA address."""

    def usage_over(self, number: int) -> list[tuple[int, bytes | None, int, int, int, int]]:
        """The same on a protected tunnel: connection, where its peer is (None: gone), and the four numbers."""

    def dropped(self) -> tuple[int, int, int, int, int, int, int, int]:
        """Packets that went nowhere.

        Malformed, of no tunnel, to no peer, not IPv4, refused by the kernel; without ESP for a protected tunnel, of
        such a one without SA, ESP for an SA that is not.
        """

@final
class Engine:
    """Two threads that move packets between TAPs and sockets. What is for the router makes `fileno` readable."""

    def __new__(cls, core: Core) -> Engine:
        """Start it. core: what decides about packets; what it is told counts at once."""

    def set_tap(self, number: int, descriptor: int) -> None:
        """Move packets of a tunnel through a TAP (non-blocking, vnet header). Raises OSError.

        It stays open until `clear_tap` or `close` has returned.
        """

    def clear_tap(self, number: int) -> None:
        """Let go of a TAP. When this returns it may be closed."""

    def set_socket(
        self, door: int, descriptor: int, whole: int | None, kind: Literal["gre", "esp", "udp"] = "gre"
    ) -> None:
        """Send and receive for a door by a socket. Raises OSError.

        It stays open until `clear_socket` or `close` has returned, as `whole` does, which sends what has DF, and is
        never read; None: nothing has. "gre" and "esp" are raw sockets of protocols 47 and 50, "udp" is one of port
        4500, for ESP and IKE.
        """

    def clear_socket(self, door: int, kind: Literal["gre", "esp", "udp"] = "gre") -> None:
        """Let go of a socket. When this returns it may be closed."""

    def send(self, number: int, nbma: bytes, protocol: int, payload: bytes, tos: int, connection: int = 0) -> None:
        """Send something of the router's own in GRE, straight to an NBMA address. Raises OSError."""

    def fileno(self) -> int:
        """The descriptor to watch."""

    def take_punts(self) -> list[Punt]:
        """Take what waits for the router, like `Core.take_punts`. Raises RuntimeError if packets move no longer."""

    def lost_punts(self) -> int:
        """How many found the queue full."""

    def close(self) -> None:
        """Stop, and let go of everything. A second time it does nothing."""
