"""The packet engine of dmvpn: multipoint GRE between TAP devices and raw sockets.

NBMA and other IPv4 addresses are 4 octets, MAC addresses 6; tunnels are numbers of the caller's, of which a tunnel made
later has the higher one. A method that names a tunnel that is not there raises KeyError.
"""

from collections.abc import Sequence
from typing import Final, Literal, final

__all__ = ["INTERFACE", "Core", "Engine", "__version__"]

__version__: Final[str]

#: What `Core` and `Engine` look like. dmvpn refuses an engine of another one.
INTERFACE: Final[int]

@final
class Core:
    """All tunnels of one router. Results collect until they are taken."""

    def __new__(cls, *, pairs: int = 65536, counted: int = 65536) -> Core:
        """pairs: of addresses that the hairpin detector remembers. counted: NBMA addresses without adjacency."""

    def set_tunnel(
        self,
        number: int,
        source: bytes,
        destination: bytes | None,
        key: int | None,
        own_mac: bytes,
        mtu: int,
        mss: int | None,
    ) -> None:
        """Make a tunnel, or change what is known of it."""

    def remove_tunnel(self, number: int) -> None:
        """Forget a tunnel and what it carried."""

    def set_peer(self, number: int, peer: int, nbma: bytes) -> None:
        """Frames of the tunnel to 02:00 and this id go to an NBMA address."""

    def clear_peer(self, number: int, peer: int) -> None:
        """Forget a peer id."""

    def set_multicast(self, number: int, nbmas: Sequence[bytes]) -> None:
        """Multicast frames go to these NBMA addresses."""

    def set_hairpin(self, number: int, network: int | None, report: bool, interval: float) -> None:
        """What the tunnel reports of transit packets. interval: seconds."""

    def set_address(self, number: int, address: bytes | None) -> None:
        """The tunnel's own address."""

    def set_own_addresses(self, addresses: Sequence[bytes]) -> None:
        """All our addresses."""

    def outbound(self, number: int, frame: bytes, now: float) -> None:
        """A frame from the TAP of a tunnel, vnet header first. now: seconds, for the hairpin interval."""

    def inbound(self, packet: bytes) -> None:
        """A whole IPv4 packet of protocol 47, outer header first, as a raw socket returns it."""

    def inbound_merged(self, packets: Sequence[bytes]) -> None:
        """A batch of such packets, with their TCP segments merged as the engine merges them."""

    def send(self, number: int, nbma: bytes, protocol: int, payload: bytes, tos: int) -> None:
        """Send something of the router's own in GRE, straight to an NBMA address."""

    def take_wire(self) -> list[tuple[bytes, bytes, int, bytes]]:
        """Take what goes to NBMA addresses: source, NBMA address, TOS and GRE packet."""

    def take_taps(self) -> list[tuple[int, bytes]]:
        """Take what goes to the kernel: tunnel and frame."""

    def take_punts(self) -> list[tuple[Literal["nhrp", "keepalive", "hairpin"], int, bytes, bytes, int]]:
        """Take what goes to the router: kind, tunnel, NBMA address, octets, and the tunnel that a hairpin leaves by."""

    def usage(self, number: int) -> list[tuple[bytes, int, int]]:
        """Packets sent and received on a tunnel, by NBMA address."""

    def dropped(self) -> tuple[int, int, int, int, int]:
        """Packets that went nowhere: malformed, of no tunnel, to no peer, not IPv4, refused by the kernel."""

@final
class Engine:
    """Two threads that move packets between TAPs and raw sockets. What is for the router makes `fileno` readable."""

    def __new__(cls, core: Core) -> Engine:
        """Start it. core: what decides about packets; what it is told counts at once."""

    def set_tap(self, number: int, descriptor: int) -> None:
        """Move packets of a tunnel through a TAP (non-blocking, vnet header), which is duplicated. Raises OSError."""

    def clear_tap(self, number: int) -> None:
        """Let go of a TAP. When this returns it is closed."""

    def set_socket(self, source: bytes, descriptor: int) -> None:
        """Send and receive for one of our NBMA addresses by a raw socket, which is duplicated. Raises OSError."""

    def clear_socket(self, source: bytes) -> None:
        """Let go of a socket. When this returns it is closed."""

    def send(self, number: int, nbma: bytes, protocol: int, payload: bytes, tos: int) -> None:
        """Send something of the router's own in GRE, straight to an NBMA address. Raises OSError."""

    def fileno(self) -> int:
        """The descriptor to watch."""

    def take_punts(self) -> list[tuple[Literal["nhrp", "keepalive", "hairpin"], int, bytes, bytes, int]]:
        """Take what waits for the router, like `Core.take_punts`. Raises RuntimeError if packets move no longer."""

    def lost_punts(self) -> int:
        """How many found the queue full."""

    def close(self) -> None:
        """Stop, and let go of everything. A second time it does nothing."""
