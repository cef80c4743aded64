"""Small stand-ins for what a machine asks through `Ports`: each answers from what the test gave it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.notices import InterfaceState, Log, LogKind, Route, TunnelState
from dmvpn.base.ports import Ports
from dmvpn.base.protection import IkeStats, Protected, ProtectionPhase
from dmvpn.base.routemaps import RoutePolicies
from dmvpn.base.shell import Stored
from dmvpn.base.translation import PacketPolicies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import IPAddress, OuterAddress, Prefix
    from dmvpn.base.effects import NextHop
    from dmvpn.base.filters import FilterCount, FilterList
    from dmvpn.base.protection import Connection, Credentials, IkeView, ProtectedPair, SaView


def log(name: str, text: str) -> Log:
    """Return a log message that no feature has: `log("SYS-5-TEST", "hello")`."""
    return Log(LogKind(name, ""), text)


@dataclass
class FakeInterfaces:
    """Answers `ports.interfaces` from a list."""

    states: list[InterfaceState] = field(default_factory=list)

    def get(self, name: str) -> InterfaceState | None:
        return next((state for state in self.states if state.name == name), None)

    def all(self) -> tuple[InterfaceState, ...]:
        return tuple(self.states)

    def owner(self, address: IPAddress, vrf: str = "") -> InterfaceState | None:
        there = (state for state in self.states if state.vrf == vrf)
        return next((state for state in there if any(own == address for own, _ in state.routed(address.version))), None)

    def hardware(self, name: str) -> bytes:
        return b"\2" + name.encode()[-5:].rjust(5, b"\0")


@dataclass
class FakeTunnels:
    """Answers `ports.tunnels` from a list."""

    states: list[TunnelState] = field(default_factory=list)

    def get(self, name: str) -> TunnelState | None:
        return next((state for state in self.states if state.name == name), None)

    def all(self) -> tuple[TunnelState, ...]:
        return tuple(self.states)


@dataclass
class FakeRib:
    """Answers `ports.rib` from two lists: all routes, and those that NHRP made (by prefix)."""

    known: list[Route] = field(default_factory=list)
    overrides: dict[Prefix, NextHop] = field(default_factory=dict)

    def lookup(self, address: IPAddress) -> Route | None:
        fitting = [route for route in self.known if address in route.prefix]
        return max(fitting, key=lambda route: route.prefix.length, default=None)

    def lookup_without_nhrp(self, address: IPAddress) -> Route | None:
        fitting = [route for route in self.known if address in route.prefix and route.source.value != "nhrp"]
        return max(fitting, key=lambda route: route.prefix.length, default=None)

    def exact(self, prefix: Prefix) -> Route | None:
        return next((r for r in self.known if r.prefix == prefix and r.source.value != "nhrp"), None)

    def forwarding(self, address: IPAddress) -> tuple[NextHop, ...]:
        route = self.lookup(address)
        if route is None:
            return ()
        override = self.overrides.get(route.prefix)
        return (override,) if override else route.next_hops

    def routes(self) -> tuple[Route, ...]:
        return tuple(sorted(self.known, key=lambda route: route.prefix))


@dataclass
class FakeDebugging:
    """Answers `ports.debugging`: the flags named are on."""

    flags: set[str] = field(default_factory=set)

    @property
    def anything(self) -> bool:
        return bool(self.flags)

    def on(
        self,
        flag: str,
        nbma: IPAddress | None = None,
        *,
        address: IPAddress | None = None,
        interface: str | None = None,
    ) -> bool:
        return flag in self.flags


@dataclass
class FakeProtection:
    """Answers `ports.protection`: as told; nothing is protected otherwise."""

    states: dict[tuple[str, IPAddress], Protected] = field(default_factory=dict)
    known: list[Connection] = field(default_factory=list)
    esp: list[SaView] = field(default_factory=list)
    wanted: list[ProtectedPair] = field(default_factory=list)

    def is_wanted(self, tunnel: str, nbma: IPAddress) -> bool:
        return any((pair.tunnel, pair.remote) == (tunnel, nbma) for pair in self.wanted)

    def between(self, tunnel: str, nbma: IPAddress, port: int = 0) -> Protected:
        return self.states.get((tunnel, nbma), Protected(phase=ProtectionPhase.SECURED))

    def connection(self, number: int) -> Connection | None:
        return next((connection for connection in self.known if connection.number == number), None)

    def connections(self, outer: OuterAddress | None = None, remote: IPAddress | None = None) -> tuple[Connection, ...]:
        fitting = [c for c in self.known if outer in (None, c.ends[0]) and remote in (None, c.remote)]
        return tuple(sorted(fitting, key=lambda connection: -connection.since))

    def sas(self) -> tuple[SaView, ...]:
        return tuple(self.esp)

    def pairs(self) -> tuple[ProtectedPair, ...]:
        return tuple(self.wanted)


@dataclass
class FakeIke:
    """Answers `ports.ike`: as told."""

    known: list[IkeView] = field(default_factory=list)
    counted: IkeStats = field(default_factory=IkeStats)

    def sas(self) -> tuple[IkeView, ...]:
        return tuple(self.known)

    def stats(self) -> IkeStats:
        return self.counted


@dataclass
class FakePki:
    """Answers `ports.pki`: as told."""

    known: dict[str, Credentials] = field(default_factory=dict)
    meant: dict[str, tuple[bytes, ...]] = field(default_factory=dict)

    def credentials(self, trustpoint: str) -> Credentials | None:
        return self.known.get(trustpoint)

    def trustpoints(self) -> tuple[str, ...]:
        return tuple(self.known)

    def fits(self, name: str, certificate: bytes) -> bool:
        return certificate in self.meant.get(name, ())


@dataclass
class FakePolicies:
    """Answers `ports.policies` with these."""

    known: PacketPolicies = field(default_factory=PacketPolicies)
    routes: RoutePolicies = field(default_factory=RoutePolicies)
    filters: dict[str, FilterList] = field(default_factory=dict)

    def filter_list(self, name: str, version: int = 4) -> FilterList | None:
        return self.filters.get(name)

    def of_packets(self) -> PacketPolicies:
        return self.known

    def of_routes(self) -> RoutePolicies:
        return self.routes


@dataclass
class FakeFilters:
    """Answers `ports.filters` from the inbound lists of ports; nothing was counted."""

    lists: dict[str, FilterList] = field(default_factory=dict)

    @property
    def any_inward(self) -> bool:
        return bool(self.lists)

    def inward(self, interface: str) -> FilterList | None:
        return self.lists.get(interface)

    def failure(self, interface: str, version: int = 4) -> None:
        return None

    def matches(
        self, counts: Iterable[FilterCount], interface: str = "", *, inward: bool | None = None
    ) -> dict[tuple[str, int], int]:
        return {}


@dataclass
class FakeClock:
    """Answers `ports.clock`: 2026-11-20 06:00:00 UTC plus `now`."""

    def wall(self, now: float) -> datetime:
        return datetime(2026, 11, 20, 6, tzinfo=UTC) + timedelta(seconds=now)

    def local(self, now: float) -> datetime:
        return self.wall(now)


def fake_ports(*states: InterfaceState, seed: int = 1) -> Ports:
    """Ports with these interfaces and nothing else."""
    return Ports(
        interfaces=FakeInterfaces(list(states)),
        tunnels=FakeTunnels(),
        rib=FakeRib(),
        protection=FakeProtection(),
        ike=FakeIke(),
        pki=FakePki(),
        policies=FakePolicies(),
        debugging=FakeDebugging(),
        clock=FakeClock(),
        entropy=SeededEntropy(seed),
    )


def up(name: str, address: str, length: int = 24) -> InterfaceState:
    """Return an interface that is up and has this address."""
    return InterfaceState(name=name, enabled=True, line=True, address=IPv4Address(address), prefix_length=length)


# The files of a router in a test.


class MemoryFlash:
    """Files without a disk; all of them were changed at noon of the first day of 2026."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def files(self) -> tuple[Stored, ...]:
        return tuple(Stored(name, len(octets), 1767268800.0) for name, octets in sorted(self.kept.items()))

    def read_file(self, name: str) -> bytes:
        self._find(name)
        return self.kept[name]

    def write(self, name: str, octets: bytes) -> None:
        self.kept[name] = octets

    def remove(self, name: str) -> None:
        self._find(name)
        del self.kept[name]

    def rename(self, name: str, new: str) -> None:
        self._find(name)
        self.kept[new] = self.kept.pop(name)

    def _find(self, name: str) -> None:
        if name not in self.kept:
            raise FileNotFoundError(2, "No such file or directory")
