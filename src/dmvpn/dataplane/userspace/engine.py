"""The interface between the planes: Python and Rust differ only in the engine that processes packets.

Owners of sockets where tunnels are protected: the engine has raw protocol 47 (for each tunnel source), and for each
served address raw protocol 50 and UDP port 4500. UDP port 500 and everything else is shared code. All of them are bound
to the local address, never to an interface: a tunnel source may be a loopback, and packets come in anywhere.

What opens sockets, or sends, is called in the backend of the front door (`vrfs`); callbacks come there, too.

Events that an engine reports, beside those of clear GRE: `NhrpReceived` and `Hairpin` with their connection;
`IpReceived` of protocol 17, interface "", for IKE on port 4500, its payload being UDP header, non-ESP marker, message;
`ConnectionHeard`, `ConnectionUnheard`, `SaWorn`; and `UnknownSpi` and `ClearReceived` at the rate of
`contract.ALARMS_PER_SECOND`. `TooBig`, at the same rate, is for the plane alone.
"""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable, Container
from contextlib import ExitStack
from ipaddress import IPv4Address
from typing import NamedTuple, Protocol

from dmvpn.base.addresses import IPAddress
from dmvpn.base.effects import DfBit, SetHairpin, TunnelSpec
from dmvpn.base.errors import UserError
from dmvpn.base.events import Event, GreDrops, PeerUsage
from dmvpn.base.protection import EspSa, SaCount
from dmvpn.base.values import Mutable, Value
from dmvpn.dataplane.contract import Door, Doors, NhrpNetworks, OwnAddress
from dmvpn.dataplane.packets import IKE_BEHIND_NAT
from dmvpn.dataplane.sockets import EspSocket, GreSocket, UdpSocket
from dmvpn.dataplane.tap import Tap

# ---------------------------------------------------------------------------------------------------- watch


class Watch(Protocol):
    """An event loop, seen from a plane (asyncio's `add_reader`; in tests a `selectors` loop)."""

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever the descriptor is readable."""

    def remove(self, descriptor: int) -> None:
        """Stop watching."""


class Loop(Watch, Protocol):
    """An event loop that also has a clock."""

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call `call` once, after so many seconds."""


# ---------------------------------------------------------------------------------------------------- engine


class TooBig(Event, Value):
    """A packet for a tunnel does not fit the path to its neighbor and has DF: its sender must get an ICMP error.

    mtu: octets of a packet that would fit.
    quoted: the part of the IP packet that an ICMP error quotes; the packet may be answered.
    """

    tunnel: str
    mtu: int
    quoted: bytes


class IpsecEnd(NamedTuple):
    """The two sockets that receive ESP at an address of ours; IKE comes to UDP port 4500, too."""

    esp: EspSocket
    udp: UdpSocket


class IpsecEnds:
    """Opens and closes the sockets of all served addresses."""

    def __init__(
        self,
        doors: Doors,
        begin: Callable[[Door, EspSocket, UdpSocket], None],
        stop: Callable[[Door, EspSocket, UdpSocket], None],
    ) -> None:
        """begin: reads new sockets from now on, or raises OSError; stop: reads them no more, and they are closed."""
        self._doors = doors
        self._begin = begin
        self._stop = stop
        self._ends: dict[Door, IpsecEnd] = {}

    def serve(self, addresses: tuple[IPAddress, ...], front: str) -> dict[IPAddress, OSError | UserError]:
        """Open both sockets at exactly these addresses of a VRF; returns errors by address."""
        wanted = {self._doors.number(address, front): address for address in addresses}
        for local in [local for local in self._ends if self._doors.front(local) == front and local not in wanted]:
            self._close(local)
        problems: dict[IPAddress, OSError | UserError] = {}
        for local, address in wanted.items():
            if local not in self._ends:
                try:
                    if not isinstance(address, IPv4Address):
                        raise UserError(f"{address}: IPsec is carried over IPv4 only")
                    with ExitStack() as opened:
                        udp = opened.enter_context(UdpSocket(address, IKE_BEHIND_NAT))
                        esp = opened.enter_context(EspSocket(address))
                        self._begin(local, esp, udp)
                        opened.pop_all()
                    self._ends[local] = IpsecEnd(esp, udp)
                except (OSError, UserError) as error:
                    problems[address] = error
        return problems

    def mind_paths(self, locals_: Container[Door]) -> None:
        """Enable path MTU discovery at these addresses and at no others (`sockets`)."""
        for local, end in self._ends.items():
            end.esp.mind_paths(local in locals_)
            end.udp.mind_paths(local in locals_)

    def at(self, local: Door) -> IpsecEnd:
        """Return the sockets of an address. Raises OSError: it is not served."""
        end = self._ends.get(local)
        if end is None:
            raise OSError(errno.EADDRNOTAVAIL, f"IPsec is not served on {self._doors.address(local)}")
        return end

    def close(self) -> None:
        """Close all sockets."""
        for local in list(self._ends):
            self._close(local)

    def _close(self, local: Door) -> None:
        end = self._ends.pop(local)
        self._stop(local, end.esp, end.udp)
        end.esp.close()
        end.udp.close()


class Served(Mutable):
    """A tunnel of an engine. number: by which its core knows the tunnel."""

    number: int
    spec: TunnelSpec
    tap: Tap


class SocketEngine(ABC):
    """What engines have in common: the tunnels that they serve, and their sockets, which are the plane's."""

    def __init__(self, report: Callable[[Event], None], watch: Watch, doors: Doors) -> None:
        self._report = report
        self._watch = watch
        self._doors = doors
        self._served: dict[str, Served] = {}
        self._names: dict[int, str] = {}
        self._numbers = 0
        self._networks = NhrpNetworks()
        self._sockets: dict[Door, GreSocket] = {}
        self._ends = IpsecEnds(doors, self._begin_end, self._stop_end)

    def serve_ipsec(self, locals_: tuple[IPAddress, ...], front: str = "") -> dict[IPAddress, OSError | UserError]:
        """Open protocol 50 and UDP port 4500 at exactly these addresses; returns errors by address."""
        problems = self._ends.serve(locals_, front)
        self._mind_paths()
        return problems

    def send_ike(
        self, local: IPAddress, remote: IPAddress, remote_port: int, payload: bytes, tos: int, front: str = ""
    ) -> None:
        """Send octets from UDP port 4500 of a served address. Raises OSError."""
        self._ends.at(self._doors.number(local, front)).udp.send(payload, str(remote), remote_port, tos=tos)

    def _door(self, spec: TunnelSpec) -> Door:
        return self._doors.number(spec.source, spec.front)

    def _mind_paths(self) -> None:
        """Enable path MTU discovery at the sockets that send packets with DF."""
        specs = [served.spec for served in self._served.values()]
        minding = frozenset(self._door(spec) for spec in specs if spec.df is not DfBit.CLEAR)
        for source, opened in self._sockets.items():
            opened.mind_paths(source in minding)
        self._ends.mind_paths(minding)

    def _close_unused_sockets(self) -> None:
        used = {self._door(served.spec) for served in self._served.values()}
        for source in [source for source in self._sockets if source not in used]:
            opened = self._sockets.pop(source)
            self._stop_reading(source, opened)
            opened.close()

    @abstractmethod
    def _begin_end(self, local: Door, esp: EspSocket, udp: UdpSocket) -> None:
        """Read new sockets from now on. Raises OSError."""

    @abstractmethod
    def _stop_end(self, local: Door, esp: EspSocket, udp: UdpSocket) -> None:
        """Read sockets no more."""

    @abstractmethod
    def _stop_reading(self, door: Door, opened: GreSocket) -> None:
        """Read a socket for GRE no more."""


class PacketEngine(Protocol):
    """Moves packets between TAPs and GRE, in ESP or in clear. NHRP, keepalives and hairpins are reported as events.

    For a `connection`, 0 means: the newest (highest number) that has an SA between tunnel source and NBMA address. It
    has no meaning on a tunnel that is not protected.
    """

    #: For people: "python" or "rust".
    name: str
    #: Whether it carries IPv6 inside tunnels.
    carries_ipv6: bool

    def set_tunnel(self, spec: TunnelSpec, tap: Tap, own_mac: bytes) -> None:
        """Add a tunnel, or change its settings. Raises OSError, UserError.

        tap: it stays open until `remove_tunnel` or `close` has returned, also after an error.
        """

    def drain(self, tunnel: str) -> None:
        """Send the packets that the kernel has routed into the TAP, before the tunnel or its SAs end: takes a
        moment.
        """

    def remove_tunnel(self, tunnel: str) -> None:
        """Remove the tunnel."""

    def set_peer(self, tunnel: str, peer: int, nbma: IPAddress, connection: int = 0) -> None:
        """Send frames for this peer id to an NBMA address, over this connection."""

    def clear_peer(self, tunnel: str, peer: int) -> None:
        """Forget a peer id."""

    def set_multicast(
        self,
        tunnel: str,
        nbmas: tuple[IPAddress, ...],
        bound: tuple[tuple[IPAddress, int], ...] = (),
        *,
        version: int = 4,
    ) -> None:
        """Send multicast frames of a version of IP to these NBMA addresses, and over each of these connections."""

    def set_hairpin(self, order: SetHairpin) -> None:
        """Set which transit packets the tunnel reports."""

    def set_addresses(self, own: frozenset[OwnAddress], of_tunnels: dict[str, OwnAddress]) -> None:
        """Set all our addresses, and each tunnel's own: for ICMP port unreachable as IOS sends it."""

    def set_ipv6(self, tunnel: str, mtu: int, mss: int | None, address: bytes) -> None:
        """Let a tunnel carry IPv6 packets of up to `mtu` octets, or (0) no more; call it only where `carries_ipv6`.

        mss: see `SetInterface.mss6`. address: its own one, for ICMPv6 port unreachable; empty: none.
        """

    def send(
        self, tunnel: str, nbma: IPAddress, protocol: int, payload: bytes, tos: int, *, connection: int = 0
    ) -> None:
        """Send a packet of the router's own in GRE. Raises OSError; without SA it is counted (no_sa), not raised."""

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        """Return packets sent and received by NBMA address; on a protected tunnel by connection."""

    def dropped(self) -> GreDrops:
        """Return the counters of dropped GRE packets."""

    # ------------------------------------------------------------------------------------------------ IPsec

    def serve_ipsec(self, locals_: tuple[IPAddress, ...], front: str = "") -> dict[IPAddress, OSError | UserError]:
        """Open protocol 50 and UDP port 4500 at exactly these addresses of a front door, whatever SAs there are.

        Open sockets stay open. Errors are returned by address: for example, another IKE daemon has the port.
        """

    def send_ike(
        self, local: IPAddress, remote: IPAddress, remote_port: int, payload: bytes, tos: int, front: str = ""
    ) -> None:
        """Send octets (marker included, if any) from UDP port 4500 of a served address. Raises OSError.

        For an address that is not served: OSError with EADDRNOTAVAIL.
        """

    def install_sa(self, sa: EspSa, *, eager: bool) -> None:
        """Install a pair of SAs; its connection moves to the place in `sa`. Raises UserError for an unsupported
        transform.

        eager, or the connection had none: send on it at once. A pair whose `spi_in` exists stays unchanged: restarting
        under its keys would repeat nonces, and accept replays.
        """

    def use_sa(self, spi_in: int) -> None:
        """Send on this pair of SAs. An unknown one has ended already."""

    def remove_sa(self, spi_in: int) -> None:
        """Remove both SAs of a pair, with their keys; if it was used for sending, the newest remaining pair replaces
        it.
        """

    def move_connection(self, connection: int, remote: IPAddress, remote_port: int) -> None:
        """Send the packets of all SAs of a connection to this address from now on.

        remote_port: 0: by protocol 50, else from our UDP port 4500.
        """

    def sa_counts(self) -> tuple[SaCount, ...]:
        """Return the counters of every pair of SAs, in the order of their installation."""

    def close(self) -> None:
        """Stop and release all resources."""
