"""The seam between the planes: what differs between Python and Rust is only who touches each packet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import SetHairpin, TunnelSpec
    from dmvpn.base.events import GreDrops, PeerUsage
    from dmvpn.dataplane.tap import Tap


class PacketEngine(Protocol):
    """Moves packets between TAPs and GRE. NHRP, keepalives and hairpins are reported as events."""

    #: For people: "python" or "rust".
    name: str

    def set_tunnel(self, spec: TunnelSpec, tap: Tap, own_mac: bytes) -> None:
        """Begin to serve a tunnel, or change what is known of it. Raises OSError, UserError."""
        ...

    def remove_tunnel(self, tunnel: str) -> None:
        """Stop serving it."""
        ...

    def set_peer(self, tunnel: str, peer: int, nbma: IPAddress) -> None:
        """Frames for this peer id go to an NBMA address."""
        ...

    def set_multicast(self, tunnel: str, nbmas: tuple[IPAddress, ...]) -> None:
        """Multicast frames go to these NBMA addresses."""
        ...

    def set_hairpin(self, order: SetHairpin) -> None:
        """What the tunnel reports of transit packets."""
        ...

    def set_addresses(self, own: frozenset[bytes], of_tunnels: dict[str, bytes]) -> None:
        """All our addresses, and each tunnel's own (packed): for ICMP port unreachable as IOS sends it."""
        ...

    def send(self, tunnel: str, nbma: IPAddress, protocol: int, payload: bytes, tos: int) -> None:
        """Send something of the router's own in GRE. Raises OSError."""
        ...

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        """Packets sent and received by NBMA address."""
        ...

    def dropped(self) -> GreDrops:
        """GRE packets that went nowhere."""
        ...

    def close(self) -> None:
        """Stop and give everything back."""
        ...
