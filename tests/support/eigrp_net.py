"""A few EIGRP machines on wires in virtual time: a wire has a delay, loses packets with a seed, and can be cut.

The routing table of a router is what its machine has offered. Everything is deterministic: same seed, same run.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Self, cast

from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.effects import SendIp
from dmvpn.base.events import IpReceived, Tick
from dmvpn.base.notices import (
    Configured,
    DebugOutput,
    InterfaceChanged,
    InterfaceState,
    Log,
    RouteOffered,
    RouteRetracted,
)
from dmvpn.features.eigrp import FEATURE
from dmvpn.features.eigrp.machine import EigrpMachine
from dmvpn.features.eigrp.model import EigrpConfig, NetworkLine, ProcessSettings
from dmvpn.features.eigrp.packet import EigrpPacket
from dmvpn.ios import CliError, ExecParser
from support.fakes import FakeDebugging, FakeInterfaces, FakeRib, fake_ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.notices import Notice, Route
    from dmvpn.base.ports import Ports
    from dmvpn.features.eigrp.machine import Process

EVERYTHING = NetworkLine(UNSPECIFIED, IPv4Address("255.255.255.255"))


@dataclass
class Sent:
    """A packet on a wire."""

    at: float
    router: str
    wire: str
    order: SendIp

    @property
    def packet(self) -> EigrpPacket:
        return EigrpPacket.parse(self.order.payload)


@dataclass
class Wire:
    """The routers on it.

    loss: 0 to 1.
    delay: seconds.
    drops: what is lost, by sender and packet.
    between: does the one router hear the other? Spokes on a tunnel hear the hub alone.
    """

    ends: list[tuple[str, str]]
    delay: float = 0.01
    loss: float = 0.0
    drops: Callable[[str, SendIp], bool] = lambda sender, order: False
    between: Callable[[str, str], bool] = lambda sender, receiver: True


@dataclass
class EigrpRouter:
    """One machine, its interfaces, and what it has said."""

    name: str
    machine: EigrpMachine
    interfaces: FakeInterfaces
    debugging: FakeDebugging
    rib: FakeRib
    routes: dict[Prefix, Route] = field(default_factory=dict)
    logs: list[str] = field(default_factory=list)
    debugs: list[str] = field(default_factory=list)

    @property
    def process(self) -> Process:
        return next(iter(self.machine.processes.values()))

    def metric(self, prefix: str) -> int | None:
        route = self.routes.get(Prefix.parse(prefix))
        return route.metric if route else None

    def show(self, line: str, now: float) -> list[str]:
        """Return the lines of a show command."""
        match = ExecParser(FEATURE.commands).match(line)
        assert not isinstance(match, CliError), match
        return list(match.lines(View(self, now)))

    def next_hops(self, prefix: str) -> list[str]:
        return [str(hop.address) for hop in self.routes[Prefix.parse(prefix)].next_hops]


@dataclass
class View:
    """The part of a show command's context that EIGRP looks at."""

    router: EigrpRouter
    now: float
    ports: Ports = field(default_factory=fake_ports)

    def machine(self, kind: type[EigrpMachine]) -> EigrpMachine:
        assert kind is EigrpMachine
        return self.router.machine


class EigrpNet:
    """Routers and wires. now: seconds."""

    def __init__(self, seed: int = 1, delay: float = 0.01) -> None:
        self.now = 0.0
        self.routers: dict[str, EigrpRouter] = {}
        self.wires: dict[str, Wire] = {}
        self.sent: list[Sent] = []
        self._delay = delay
        self._random = random.Random(seed)
        self._flying: list[tuple[float, int, str, IpReceived]] = []
        self._serial = 0

    def router(
        self, name: str, settings: ProcessSettings | None = None, config: EigrpConfig | None = None
    ) -> EigrpRouter:
        ports = fake_ports(seed=len(self.routers) + 1)
        machine = EigrpMachine(ports)
        router = EigrpRouter(
            name,
            machine,
            cast("FakeInterfaces", ports.interfaces),
            cast("FakeDebugging", ports.debugging),
            cast("FakeRib", ports.rib),
        )
        self.routers[name] = router
        if config is None:
            config = EigrpConfig((settings or ProcessSettings(autonomous_system=100, networks=(EVERYTHING,)),))
        self.configure(name, config)
        return router

    def configure(self, name: str, config: EigrpConfig) -> Self:
        self.event(name, Configured("eigrp", config))
        return self

    def plug(self, wire: str, router: str, interface: InterfaceState) -> Self:
        """Give the router this interface; on a wire unless the name of the wire is empty."""
        if wire:
            self.wires.setdefault(wire, Wire([], self._delay)).ends.append((router, interface.name))
        self.change(router, interface.name, interface)
        return self

    def change(self, router: str, name: str, new: InterfaceState | None) -> None:
        """The interface is like this now."""
        interfaces = self.routers[router].interfaces
        old = interfaces.get(name)
        interfaces.states = [state for state in interfaces.states if state.name != name] + ([new] if new else [])
        self.event(router, InterfaceChanged(name, old, new))

    def line(self, router: str, name: str, *, up: bool) -> Self:
        """The line protocol of an interface changes."""
        state = self.routers[router].interfaces.get(name)
        assert state is not None
        self.change(router, name, replace(state, line=up))
        return self

    def event(self, name: str, event: Event | Notice) -> None:
        router = self.routers[name]
        for result in router.machine.handle(event, self.now):
            self._take(router, result)

    def run(self, seconds: float) -> Self:
        """Let time pass."""
        end = self.now + seconds
        while self.step(end):
            pass
        return self

    def step(self, end: float) -> bool:
        """Let the next thing happen, unless it is later than `end`. False if there is none."""
        deadlines = [
            (deadline, name)
            for name, router in self.routers.items()
            if (deadline := router.machine.next_deadline()) is not None
        ]
        times = [*(deadline for deadline, _ in deadlines), *(flight[0] for flight in self._flying[:1])]
        when = min(times, default=None)
        if when is None or when > end:
            self.now = end
            return False
        self.now = max(self.now, when)
        if self._flying and self._flying[0][0] <= self.now:
            _, _, name, event = heapq.heappop(self._flying)
            self.event(name, event)
            return True
        for deadline, name in deadlines:
            if deadline <= self.now:
                self.event(name, Tick())
        return True

    def packets(self, since: float = 0.0) -> list[Sent]:
        return [sent for sent in self.sent if sent.at >= since]

    def _take(self, router: EigrpRouter, result: Effect | Notice) -> None:
        match result:
            case SendIp():
                self._send(router, result)
            case RouteOffered(route=route):
                router.routes[route.prefix] = route
            case RouteRetracted(prefix=prefix):
                del router.routes[prefix]
            case Log(text=text):
                router.logs.append(text)
            case DebugOutput(lines=lines):
                router.debugs.extend(lines)

    def _send(self, router: EigrpRouter, order: SendIp) -> None:
        for name, wire in self.wires.items():
            if (router.name, order.interface) not in wire.ends:
                continue
            self.sent.append(Sent(self.now, router.name, name, order))
            if wire.drops(router.name, order):
                continue
            for other, interface in wire.ends:
                hears = other != router.name and wire.between(router.name, other)
                if hears and self._hears(other, interface, order) and self._random.random() >= wire.loss:
                    self._fly(wire, other, self._arrival(interface, order))

    def _fly(self, wire: Wire, receiver: str, event: IpReceived) -> None:
        """On a wire that loses packets they overtake each other too."""
        self._serial += 1
        jitter = wire.delay * self._random.random() * 0.5 if wire.loss else 0.0
        heapq.heappush(self._flying, (self.now + wire.delay + jitter, self._serial, receiver, event))

    def _hears(self, router: str, interface: str, order: SendIp) -> bool:
        state = self.routers[router].interfaces.get(interface)
        if state is None or not state.line:
            return False
        return order.destination.is_multicast or order.destination == state.address

    @staticmethod
    def _arrival(interface: str, order: SendIp) -> IpReceived:
        assert order.source is not None
        return IpReceived(
            interface, order.source, order.destination, order.protocol, order.payload, order.ttl, order.tos
        )


def ethernet(name: str, address: str, length: int = 24, delay: int = 10, bandwidth: int = 1_000_000) -> InterfaceState:
    """Return an interface that is up.

    delay: microseconds.
    bandwidth: kbit/s.
    """
    return InterfaceState(
        name=name,
        enabled=True,
        line=True,
        address=IPv4Address(address),
        prefix_length=length,
        delay=delay,
        bandwidth=bandwidth,
    )


def tunnel(address: str) -> InterfaceState:
    """Return the tunnel of `notes-phase3`: 4000 kbit/s, 50000 microseconds, 1400 octets."""
    return replace(ethernet("Tunnel100", address, delay=50_000, bandwidth=4000), ip_mtu=1400, mtu=1476)
