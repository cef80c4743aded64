"""Questions that features ask each other, as protocols. Answers are values; a question changes nothing.

A feature *notifies* another feature with a notice (`base.notices`), and *queries* it through these ports. The
router puts the machines that answer into `Ports` when it builds itself.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.addresses import Prefix
from dmvpn.base.protection import Connection, Credentials, IkeStats, IkeView, Protected, ProtectedPair, SaView
from dmvpn.base.streams import StreamNumbers
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from dmvpn.base.addresses import IPAddress, OuterAddress
    from dmvpn.base.effects import NextHop
    from dmvpn.base.entropy import Entropy
    from dmvpn.base.filters import FilterCount, FilterList
    from dmvpn.base.notices import InterfaceState, Route, TunnelState
    from dmvpn.base.reasons import Reason
    from dmvpn.base.routemaps import RoutePolicies
    from dmvpn.base.translation import PacketPolicies


# ------------------------------------------------------------------------------------------------ names of tables


def table_named(vrf: str) -> str:
    """Return what people call the routing table of a VRF, "": the global one."""
    return f"VRF {vrf}" if vrf else "the global table"


# ------------------------------------------------------------------------------------------------ ports


class Interfaces(Protocol):
    """Asked of the interface feature."""

    def get(self, name: str) -> InterfaceState | None:
        """Return the interface, or None."""

    def all(self) -> tuple[InterfaceState, ...]:
        """Return all interfaces, in IOS order (by kind, then number)."""

    def owner(self, address: IPAddress, vrf: str = "") -> InterfaceState | None:
        """Return the interface that has this address, whatever its state, or None. vrf: the VRF that it is in."""

    def hardware(self, name: str) -> bytes:
        """Return the hardware address of an interface, 6 octets; one made of its name where there is none."""


def interface_in(interfaces: Interfaces, subnet: Prefix, vrf: str, but: str = "") -> str:
    """Return an interface of a VRF whose subnet overlaps with this one, "": there is none. but: its name is ignored."""
    for one in interfaces.all():
        taken = (Prefix.of(*own) for own in one.routed(subnet.version)) if one.vrf == vrf and one.name != but else ()
        if any(own in subnet or subnet in own for own in taken):
            return one.name
    return ""


class Tunnels(Protocol):
    """Asked of the tunnel feature."""

    def get(self, name: str) -> TunnelState | None:
        """Return the tunnel, or None if there is no such interface."""

    def all(self) -> tuple[TunnelState, ...]:
        """Return all tunnels, in order of their numbers."""


class Rib(Protocol):
    """Asked of the RIB."""

    def lookup(self, address: IPAddress) -> Route | None:
        """Return the best route for a destination by longest match; next hops resolved to interfaces.

        None: no route.
        """
        return None

    def lookup_without_nhrp(self, address: IPAddress) -> Route | None:
        """Return the same, as if NHRP had installed and overridden nothing."""
        return None

    def exact(self, prefix: Prefix) -> Route | None:
        """Return the best route of exactly this prefix that NHRP did not install, or None."""
        return None

    def forwarding(self, address: IPAddress) -> tuple[NextHop, ...]:
        """Return next hops as a packet takes them: NHRP's routes and overrides count. Empty: dropped."""
        return ()

    def routes(self) -> tuple[Route, ...]:
        """Return the best routes, sorted by prefix."""
        return ()


class NoRoutes(Rib):
    """The routing table of a VRF that does not exist."""


NO_ROUTES: Final = NoRoutes()


class Protection(Protocol):
    """Asked of the IPsec feature."""

    def between(self, tunnel: str, nbma: IPAddress, port: int = 0) -> Protected:
        """Return how far the protection of this pair is. For a tunnel without protection: SECURED, connection 0.

        port: of the peer alone that has this UDP port at the address, 0: of any.
        """

    def is_wanted(self, tunnel: str, nbma: IPAddress) -> bool:
        """Return whether any feature wants packets of the tunnel to this address protected."""

    def connection(self, number: int) -> Connection | None:
        """Return a connection that has SAs, by its number."""

    def connections(self, outer: OuterAddress | None = None, remote: IPAddress | None = None) -> tuple[Connection, ...]:
        """Return connections with SAs (between these addresses), the newest first."""

    def sas(self) -> tuple[SaView, ...]:
        """Return all pairs of SAs, the oldest first."""

    def pairs(self) -> tuple[ProtectedPair, ...]:
        """Return all tunnels and NBMA addresses that are wanted or protected, in order of tunnel and address."""


class Ike(Protocol):
    """Asked of the IKEv2 feature."""

    def sas(self) -> tuple[IkeView, ...]:
        """Return all IKE SAs, the oldest first."""
        return ()

    def stats(self) -> IkeStats:
        """Return the counters since the start, or since they were cleared."""
        return IkeStats()


class NoIke(Ike):
    """Of a router without a protected tunnel."""


NO_IKE: Final = NoIke()


class Pki(Protocol):
    """Asked of the PKI feature."""

    def credentials(self, trustpoint: str) -> Credentials | None:
        """Return what this trustpoint provides; None: the trustpoint does not exist, or is empty.

        The same object until something changes.
        """

    def trustpoints(self) -> tuple[str, ...]:
        """Return trustpoints that are not empty, in the order of the configuration."""

    def fits(self, name: str, certificate: bytes) -> bool:
        """Return whether the certificate map of this name means the certificate (DER)."""


class Policies(Protocol):
    """Asked of the policy feature."""

    def of_packets(self) -> PacketPolicies:
        """Access lists and route maps, for planes that match packets by them."""

    def of_routes(self) -> RoutePolicies:
        """Return all lists and route maps, for protocols that filter and change routes by them."""

    def filter_list(self, name: str, version: int = 4) -> FilterList | None:
        """Return an access list of a version of IP as a packet filter, as it is now; None: it does not exist, or has no
        entry.
        """


class Filters(Protocol):
    """Asked of the filter feature."""

    def matches(
        self, counts: Iterable[FilterCount], interface: str = "", *, inward: bool | None = None
    ) -> Mapping[tuple[str, int], int]:
        """Return how many packets entries of access lists have decided on since they were cleared, by list and
        sequence number.

        counts: of the plane. interface, inward: of this port alone, of one direction alone.
        """
        return {}

    @property
    def any_inward(self) -> bool:
        """Whether any port has an inbound list."""
        return False

    def inward(self, interface: str) -> FilterList | None:
        """Return the inbound list of a port for IPv4, as it is at this time; None: all pass."""
        return None

    def failure(self, interface: str, version: int = 4) -> Reason | None:
        """Return why the host does not filter packets of a version of IP at a port as it should, or None."""
        return None


class NoFilters(Filters):
    """Of a router that filters nowhere."""

    any_inward = False  # asked for every packet


NO_FILTERS: Final = NoFilters()


class Debugging(Protocol):
    """Asked of the system feature."""

    @property
    def anything(self) -> bool:
        """Whether any debug is switched on. Code on the path of every packet checks this first."""

    def on(
        self,
        flag: str,
        nbma: IPAddress | None = None,
        *,
        address: IPAddress | None = None,
        interface: str | None = None,
    ) -> bool:
        """Return whether this debug ("nhrp packet") is switched on, and the conditions set for it let these lines
        through.

        nbma, address: the peer's NBMA and tunnel address, interface: the tunnel; give the ones known.
        """


class Clock(Protocol):
    """Asked of the system feature."""

    def wall(self, now: float) -> datetime:
        """Return the wall time at monotonic `now`, UTC."""

    def local(self, now: float) -> datetime:
        """Return the same in the router's own time zone, as `show clock` has it."""


@dataclass
class Ports:
    """The answering machines. The router fills these in before the first event.

    interfaces, rib: of a machine inside a VRF, those of its VRF. Of a machine of the router, all interfaces, and the
        routing table without a VRF.
    streams: numbers for streams that a feature opens.
    vrf: the VRF whose machines have these ports, "": those of the global table, and of the router.
    tables: the ports of the machines of each VRF, and with "" of the global table.
    remembers: the past is kept (`base.chronicle`). Where the past is not kept, features report no
        history.
    manages: the router sets the addresses of ports itself (`PlaneAnnounced`).
    kept: what an earlier life stored (`Store`), by name, for machines that were asleep when it came.
    """

    interfaces: Interfaces
    tunnels: Tunnels
    rib: Rib
    protection: Protection
    ike: Ike
    pki: Pki
    policies: Policies
    debugging: Debugging
    clock: Clock
    entropy: Entropy
    filters: Filters = NO_FILTERS
    streams: StreamNumbers = field(default_factory=StreamNumbers)
    remembers: bool = False
    vrf: str = ""
    tables: dict[str, Ports] = field(default_factory=dict)
    manages: bool = False
    kept: dict[str, bytes] = field(default_factory=dict)

    def rib_of(self, vrf: str) -> Rib | None:
        """Return the routing table of a VRF, "": the global one; None: there is no such VRF."""
        table = self._table(vrf)
        return None if table is None else table.rib

    def interfaces_of(self, vrf: str) -> Interfaces | None:
        """Return the interfaces that are in a VRF, "": in none; None: there is no such VRF."""
        table = self._table(vrf)
        return None if table is None else table.interfaces

    def _table(self, vrf: str) -> Ports | None:
        return self.tables.get(vrf, self if vrf == self.vrf else None)
