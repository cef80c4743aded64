"""A few EIGRP machines on wires in virtual time: a wire has a delay, loses packets with a seed, and can be cut.

The routing table of a router is what its machine has offered. Everything is deterministic: same seed, same run.
"""

from __future__ import annotations

import heapq
import random
import time
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, Self, cast

from dmvpn.base import notices
from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.effects import SendIp
from dmvpn.base.events import IpReceived, Tick
from dmvpn.features.eigrp import FEATURE
from dmvpn.features.eigrp.machine import EigrpMachine
from dmvpn.features.eigrp.metric import Vector
from dmvpn.features.eigrp.model import IPV4, EigrpConfig, InterfaceSettings, NetworkLine, ProcessSettings, Summary
from dmvpn.features.eigrp.output import PROTOCOL
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.tlv import Encoded, Parameters, SoftwareVersion
from dmvpn.features.eigrp.topology import Advert, from_tlv, to_tlv
from dmvpn.ios import CliError, ExecParser
from support.fakes import FakeDebugging, FakeInterfaces, FakeRib, fake_ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.events import Event
    from dmvpn.base.ports import Ports
    from dmvpn.features.eigrp.machine import Process
    from dmvpn.router.router import Router

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
    routes: dict[Prefix, notices.Route] = field(default_factory=dict)
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
        self.event(name, notices.Configured("eigrp", config))
        return self

    def plug(self, wire: str, router: str, interface: notices.InterfaceState) -> Self:
        """Give the router this interface; on a wire unless the name of the wire is empty."""
        if wire:
            self.wires.setdefault(wire, Wire([], self._delay)).ends.append((router, interface.name))
        self.change(router, interface.name, interface)
        return self

    def change(self, router: str, name: str, new: notices.InterfaceState | None) -> None:
        """The interface is like this now."""
        interfaces = self.routers[router].interfaces
        old = interfaces.get(name)
        interfaces.states = [state for state in interfaces.states if state.name != name] + ([new] if new else [])
        self.event(router, notices.InterfaceChanged(name, old, new))

    def line(self, router: str, name: str, *, up: bool) -> Self:
        """The line protocol of an interface changes."""
        state = self.routers[router].interfaces.get(name)
        assert state is not None
        self.change(router, name, replace(state, line=up))
        return self

    def event(self, name: str, event: Event | notices.Notice) -> None:
        router = self.routers[name]
        for result in router.machine.handle(event, self.now):
            match result:
                case SendIp():
                    self._send(router, result)
                case notices.RouteOffered(route=route):
                    router.routes[route.prefix] = route
                case notices.RouteRetracted(prefix=prefix):
                    del router.routes[prefix]
                case notices.Log(text=text):
                    router.logs.append(text)
                case notices.DebugOutput(lines=lines):
                    router.debugs.extend(lines)

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


def ethernet(
    name: str, address: str, length: int = 24, delay: int = 10, bandwidth: int = 1_000_000
) -> notices.InterfaceState:
    """Return an interface that is up.

    delay: microseconds.
    bandwidth: kbit/s.
    """
    return notices.InterfaceState(
        name=name,
        enabled=True,
        line=True,
        address=IPv4Address(address),
        prefix_length=length,
        delay=delay,
        bandwidth=bandwidth,
    )


def tunnel(address: str) -> notices.InterfaceState:
    """Return the tunnel of `notes-phase3`: 4000 kbit/s, 50000 microseconds, 1400 octets."""
    return replace(ethernet("Tunnel100", address, delay=50_000, bandwidth=4000), ip_mtu=1400, mtu=1476)


# A hub of EIGRP among thousands of neighbors that only answer: one machine in virtual time.
#
# The spokes say Hello, have one LAN each, acknowledge whatever is reliable, and reply to each query, 10 to 200 ms
# later. They are no stubs, so there is somebody to ask; they are told a summary of their LANs, and what the router
# behind the hub tells.

_TUNNEL, _WIRE = "Tunnel100", "GigabitEthernet0/0"
_HUB, CORE = IPv4Address("172.16.0.1"), IPv4Address("192.0.2.2")
_HELLO: Final = (
    Parameters(k1=1, k2=0, k3=1, k4=0, k5=0, k6=0, hold_time=15),
    SoftwareVersion(os_major=17, os_minor=9, tlv_major=2, tlv_minor=0),
)
_HELLO_INTERVAL: Final = 5.0
#: Seconds until a packet of the hub is answered.
_SOONEST, _LATEST = 0.01, 0.2
LINK: Final = Vector(delay=10_000_000, bandwidth=1_000_000, mtu=1400)
#: Networks of the router behind the hub; one of them is changed.
NETWORKS: Final = tuple(Prefix.parse(f"198.18.{number}.0/24") for number in range(10))


class Far:
    """A router that answers the hub. told: the destinations that it begins with."""

    def __init__(self, interface: str, address: IPv4Address, told: tuple[Prefix, ...]) -> None:
        self.interface, self.address = interface, address
        self.waiting: list[tuple[Opcode, bytes, PacketFlag]] = [
            (Opcode.UPDATE, b"", PacketFlag.INIT),
            (Opcode.UPDATE, _routes(told, LINK), PacketFlag.END_OF_TABLE),
        ]
        self.sequence = self.last = 0
        self.is_waiting = self.is_greeted = False


def _routes(prefixes: tuple[Prefix, ...], metric: Vector | None) -> bytes:
    return b"".join(to_tlv(prefix, Advert(metric), wide=True).serialize() for prefix in prefixes)


class Crowd:
    """The hub, its neighbors, and the packets on the way. most: what one event made the hub do."""

    def __init__(self, spokes: int, router: Router | None = None) -> None:
        """router: whose EIGRP it is, configured like ours; None: a machine alone."""
        wire = replace(ethernet(_WIRE, "192.0.2.1"), bandwidth=1_000_000)
        state = replace(tunnel(str(_HUB)), prefix_length=16, bandwidth=1_000_000)
        self.machine = EigrpMachine(fake_ports(wire, state)) if router is None else router.machine(EigrpMachine)
        self.hub: EigrpMachine | Router = router or self.machine
        self.now = 0.0
        self.costs: list[float] = []
        self.most = 0
        self.queries = 0
        self._random = random.Random(1)
        self._serial = 0
        self._flying: list[tuple[float, int, Event]] = []
        self.core = Far(_WIRE, CORE, NETWORKS)
        spoke = (IPv4Address(int(_HUB) + 256 + number) for number in range(spokes))
        lans = (Prefix.of(IPv4Address(0x0A000000 + 256 * number), 24) for number in range(spokes))
        self.spokes = [Far(_TUNNEL, address, (lan,)) for address, lan in zip(spoke, lans, strict=True)]
        self._by_address = {each.address: each for each in (self.core, *self.spokes)}
        settings = InterfaceSettings(summaries=(Summary(Prefix.parse("10.0.0.0/8")),))
        process = ProcessSettings(
            autonomous_system=100, name="BENCH", networks=(EVERYTHING,), interfaces=((_TUNNEL, settings),)
        )
        self._hello = EigrpPacket(opcode=Opcode.HELLO, autonomous_system=100, tlvs=_HELLO).serialize()
        if router is None:
            self.handle(notices.Configured("eigrp", EigrpConfig((process,))))
        for number, each in enumerate((self.core, *self.spokes)):
            self._greet(each, 0.001 * number)

    @property
    def process(self) -> Process:
        return self.machine.processes[100]

    def up(self) -> int:
        """Neighbors that are up."""
        return sum(neighbor.is_up for neighbor in self.process.neighbors())

    def quiet(self) -> bool:
        """Has everybody been told everything?"""
        return all(neighbor.is_idle for neighbor in self.process.neighbors()) and not self.process.dual.active

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            due, arrival = self.hub.next_deadline(), self._flying[0][0] if self._flying else float("inf")
            when = min(arrival, due if due is not None else float("inf"))
            if when > end:
                break
            self.now = max(self.now, when)
            self.handle(heapq.heappop(self._flying)[2] if arrival <= self.now else Tick())
        self.now = end

    def take(self) -> tuple[float, float]:
        """The hub's processor time since this was asked last, and that of its longest event, seconds."""
        costs, self.costs = self.costs, []
        return sum(costs), max(costs, default=0.0)

    def tell(self, neighbor: Far, prefixes: tuple[Prefix, ...], metric: Vector | None) -> None:
        """Let a neighbor tell the hub something new."""
        neighbor.waiting.append((Opcode.UPDATE, _routes(prefixes, metric), PacketFlag(0)))
        self._next(neighbor)

    def handle(self, event: Event | notices.Notice) -> None:
        """Let the hub take an event."""
        if isinstance(event, IpReceived) and event.payload is self._hello:
            self._greet(self._by_address[event.source], _HELLO_INTERVAL)  # type: ignore[index]
        begun = time.process_time()
        effects = self.hub.handle(event, self.now)  # type: ignore[arg-type]
        self.costs.append(time.process_time() - begun)
        self.most = max(self.most, len(effects))
        for effect in effects:
            if isinstance(effect, SendIp):
                self._answer(effect)

    def _answer(self, order: SendIp) -> None:
        packet = EigrpPacket.parse(order.payload)
        if packet.opcode == Opcode.HELLO and not packet.acknowledgment:
            return
        if order.destination == IPV4.group:
            heard = self.spokes if order.interface == _TUNNEL else [self.core]
        else:
            heard = [self._by_address[order.destination]]  # type: ignore[index]
        for neighbor in heard:
            neighbor.is_greeted |= PacketFlag.INIT in packet.flags
            if neighbor.is_greeted:
                self._hear(neighbor, packet)

    def _hear(self, neighbor: Far, packet: EigrpPacket) -> None:
        if packet.acknowledgment == neighbor.sequence and neighbor.is_waiting:
            neighbor.is_waiting = False
        if packet.sequence:
            is_query = packet.opcode == Opcode.QUERY and packet.sequence != neighbor.last
            neighbor.last = packet.sequence
            self._send(
                neighbor, EigrpPacket(opcode=Opcode.HELLO, acknowledgment=packet.sequence, autonomous_system=100)
            )
            if is_query:
                self.queries += 1
                told = (from_tlv(tlv) for tlv in packet.tlvs)
                neighbor.waiting.append(
                    (
                        Opcode.REPLY,
                        _routes(tuple(prefix for one in told if one is not None for prefix in one[1]), None),
                        PacketFlag(0),
                    )
                )
        self._next(neighbor)

    def _next(self, neighbor: Far) -> None:
        """Send the next packet that waits, if none is on its way."""
        if neighbor.is_waiting or not neighbor.waiting:
            return
        opcode, octets, flags = neighbor.waiting.pop(0)
        neighbor.sequence += 1
        neighbor.is_waiting = True
        packet = EigrpPacket(
            opcode=opcode,
            flags=flags,
            sequence=neighbor.sequence,
            acknowledgment=neighbor.last,
            autonomous_system=100,
            tlvs=(Encoded(octets=octets),) if octets else (),
        )
        self._send(neighbor, packet)

    def _send(self, neighbor: Far, packet: EigrpPacket) -> None:
        own = _HUB if neighbor.interface == _TUNNEL else IPv4Address("192.0.2.1")
        event = IpReceived(neighbor.interface, neighbor.address, own, PROTOCOL, packet.serialize(), 1, 0xC0)
        self._fly(event, self._random.uniform(_SOONEST, _LATEST))

    def _greet(self, neighbor: Far, delay: float) -> None:
        event = IpReceived(neighbor.interface, neighbor.address, IPV4.group, PROTOCOL, self._hello, 1, 0xC0)
        self._fly(event, delay)

    def _fly(self, event: Event, delay: float) -> None:
        self._serial += 1
        heapq.heappush(self._flying, (self.now + delay, self._serial, event))
