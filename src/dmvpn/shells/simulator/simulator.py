"""The simulation: routers, hosts, wires, and one heap of scheduled actions.

Time is a number that jumps to the next action. The same scenario and seed give the same events in the same order, down
to the octets: chance comes from seeded streams, one for each router and wire, and nothing depends on the order of a
set. `run_until` alone drives it; `--simulated` labs call it with the wall clock, tests and `dmvpn simulate` as fast as
possible.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from dmvpn.base import events
from dmvpn.base.breath import BREATH, breathing
from dmvpn.base.effects import SendIp
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.recording import Recorder
from dmvpn.base.shell import CaptureDirection
from dmvpn.base.values import Mutable
from dmvpn.ios.language import sealed_text
from dmvpn.router.facts import Rendered, SetupFacts, router_facts, setup_facts
from dmvpn.router.language import configurator
from dmvpn.router.likeness import Likes
from dmvpn.shells.certificates import NOTHING, Certificates
from dmvpn.shells.facts import LabFacts, lab_facts
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.ready import missing
from dmvpn.shells.simulator.network import Impairment, Segment, SwitchedNetwork
from dmvpn.shells.simulator.node import HostNode, NatNode, RouterNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.switching import Box
    from dmvpn.shells.lab_model import HostAddress, HostSpec
    from dmvpn.shells.scenario import Scenario


Node = RouterNode | HostNode | NatNode
#: Called with a packet: node, interface, octets, and whether it leaves or arrives.
Heard = Callable[[str, str, bytes, CaptureDirection], None]

#: 2026-11-20 06:00:00 UTC: the default wall clock at the start of a simulation.
EPOCH = 1_795_154_400.0
#: Seconds that the name service takes.
NAME_DELAY = 0.02


class _Plug(Mutable):
    """A node's port on a wire; the wire passes packets to it."""

    simulator: Simulator
    node: Node

    @property
    def name(self) -> str:
        return self.node.name

    def receive(self, interface: str, packet: bytes) -> None:
        if self.simulator.captures:
            self.simulator.captured(self.name, interface, packet, CaptureDirection.IN)
        self.node.arrive(interface, packet, self.simulator.now)
        self.simulator.schedule(self.node)

    def addresses_of(self, interface: str) -> tuple[tuple[IPAddress, int], ...]:
        return self.node.addresses_of(interface)

    def has_elsewhere(self, interface: str, address: IPAddress) -> bool:
        node = self.node
        return isinstance(node, RouterNode) and node.alive and node.plane.has_elsewhere(interface, address)


class Simulator:
    """A network of routers, hosts and translators in virtual time. names: those of its name service, in lower case.

    overhear: called with every packet as it leaves a station, and before it the names of the station and of its port.
    sealed: called with every GRE packet that a router encrypts, and its ESP packet.
    captures: called with every packet at every port and tunnel, with the names of its node and interface, as it leaves
        and as it arrives.
    """

    def __init__(self, seed: int = 1, *, epoch: float = EPOCH, remembers: bool = False) -> None:
        self.seed = seed
        self.remembers = remembers
        self.now = 0.0
        self.epoch = epoch
        self.routers: dict[str, RouterNode] = {}
        self.hosts: dict[str, HostNode] = {}
        self.gateways: dict[str, NatNode] = {}
        self.names: dict[str, tuple[IPAddress, ...]] = {}
        self.segments: list[Segment] = []
        self.certificates: dict[str, Certificates] = {}
        self.overhear: Callable[[str, str, bytes], None] | None = None
        self.sealed: Callable[[bytes, bytes], None] | None = None
        self.captures: list[Heard] = []
        #: VLANs, if a router has some.
        self._switched: SwitchedNetwork | None = None
        self._wires: dict[tuple[str, str], Segment] = {}
        self._ports: dict[str, list[str]] = {}
        self._rendered: dict[str, Rendered] = {}
        self.plugs: dict[str, _Plug] = {}
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._wakes: dict[str, float] = {}
        self._serial = 0
        self._hash = hashlib.sha256()
        self._lives: dict[str, int] = {}
        self._sealed_lines: dict[str, str] = {}
        self._likes = Likes()
        self._recorders: dict[str, Recorder] = {}
        self._write: Callable[[str], object] | None = None

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        seed: int = 1,
        *,
        epoch: float = EPOCH,
        record: Callable[[str], object] | None = None,
        overhear: Callable[[str, str, bytes], None] | None = None,
        remembers: bool = False,
    ) -> Simulator:
        """Return the simulation of a scenario: everything plugged in and configured, at time 0.

        record: takes the recording of all routers, as text.
        overhear: see the class; here it gets the first packet, too.
        remembers: routers keep their past, which costs memory for each of them.
        """
        world = cls(seed, epoch=epoch, remembers=remembers)
        world._write = record
        world.certificates = scenario.certificates
        world.overhear = overhear
        for name in scenario.configurations:
            world.add_router(name)
        for name, host in scenario.lab.hosts.items():
            addresses: list[HostAddress] = [] if host.is_leased else [(host.interface, host.gateway)]
            if host.interface6 is not None:
                addresses.append((host.interface6, host.gateway6))
            kind = _leased_host(host.leased) if host.leased else HostNode
            world.add_host(name, kind(name, addresses, world._transmitter(name), makes_address=host.makes_address))
            world.schedule(world.hosts[name])
        for name, gateway in scenario.lab.gateways.items():
            entropy = SeededEntropy(f"{seed}/{name}")
            world.add_gateway(NatNode(name, gateway, entropy, world._transmitter(name)))
        for ends, link in scenario.segments():
            segment = world.connect(ends)
            segment.impairment = Impairment.of(Badness(delay=link.delay, loss=link.loss, rate=link.rate))
        for name, text in scenario.configurations.items():
            world.boot(name, text)
        return world

    # ------------------------------------------------------------------------------------------------ building

    def add_router(self, name: str) -> RouterNode:
        """Return a router without configuration."""
        if self._write is not None:
            self._recorders[name] = Recorder(name, self._write)
        node = self._router(name, 0)
        node.resolve = self._resolver(node)
        self.routers[name] = node
        self.plugs[name] = _Plug(self, node)
        return node

    def _router(self, name: str, life: int) -> RouterNode:
        # The stream of a router; a killed and restarted one has another life and draws other numbers.
        node = RouterNode(
            name,
            SeededEntropy(f"{self.seed}/{name}/{life}" if life else f"{self.seed}/{name}"),
            SeededEntropy(f"{self.seed}/{name}/{life}/plane"),
            self._transmitter(name),
            self._recorders.get(name),
            remembers=self.remembers,
        )
        node.router.likes = self._likes
        node.plane.sealed = self._tell_sealed
        node.plane.stations_learned = lambda: self._switched.learned(name) if self._switched is not None else ()
        node.switch = lambda box: self._switch(name, box)
        node.plane.overhear = lambda tunnel, packet, direction: self.captured(name, tunnel, packet, direction)
        return node

    def _switch(self, name: str, box: Box) -> None:
        if self._switched is None:
            self._switched = SwitchedNetwork(self)
        self._switched.set(name, box)

    def _tell_sealed(self, message: bytes, sealed: bytes) -> None:
        if self.sealed is not None:
            self.sealed(message, sealed)

    def captured(self, name: str, interface: str, packet: bytes, direction: CaptureDirection) -> None:
        """Pass a packet at a port or tunnel of a node to all captures."""
        for heard in self.captures:
            heard(name, interface, packet, direction)

    def add_host(self, name: str, node: HostNode) -> None:
        """Add a host."""
        self.hosts[name] = node
        self.plugs[name] = _Plug(self, node)

    def add_gateway(self, node: NatNode) -> None:
        """Add a translator."""
        self.gateways[node.name] = node
        self.plugs[node.name] = _Plug(self, node)

    def connect(self, ends: list[tuple[str, str]]) -> Segment:
        """Return a wire between these (node, interface) ends."""
        name = " ".join(f"{node}:{interface}" for node, interface in ends)
        segment = Segment(name, SeededEntropy(f"{self.seed}/{name}"), self.after)
        self.segments.append(segment)
        for node, interface in ends:
            self._plug(segment, node, interface)
        return segment

    def plug_host(self, name: str, addresses: list[HostAddress], router: str, interface: str) -> HostNode:
        """Add a host at the port of a router: on the existing wire, or on one of its own."""
        host = HostNode(name, addresses, self._transmitter(name))
        self.add_host(name, host)
        wire = self._wires.get((router, interface))
        if wire is None:
            self.connect([(router, interface), (name, "eth0")])
            self.post(router, events.LinkChanged(interface, True))
        else:
            self._plug(wire, name, "eth0")
        return host

    def _plug(self, segment: Segment, node: str, interface: str) -> None:
        segment.plug(self.plugs[node], interface)
        self._wires[node, interface] = segment
        self._ports.setdefault(node, []).append(interface)

    def boot(self, name: str, configuration: str) -> None:
        """Start a router: clock, stored files, configuration, carriers. A restart does the same."""
        node = self.routers[name]
        node.alive = True
        self.post(name, events.ClockSet(self.epoch))
        self.post(name, events.PlaneAnnounced(ipv6=True, manages=True))
        certificates = self.certificates.get(name, NOTHING)
        for given in certificates.given:
            self.post(name, given)
        for key, octets in sorted(node.stored.items()):
            self.post(name, events.Remembered(key, octets))
        # The stream for salts of passwords that a file has in plain text. It is the same for each password, so equal
        # passwords have equal hashes
        language, salts = configurator(node.router.features), SeededEntropy(f"{self.seed}/secrets")
        sealed = sealed_text(language, configuration, salts, self._sealed_lines)
        self.post(name, events.ConfigurationEntered(certificates.head + sealed, by="startup", saved=True))
        for interface in self._ports.get(name, ()):
            self.post(name, events.LinkChanged(interface, True))

    def kill(self, name: str) -> None:
        """Kill a router as by `kill -9`: its state is lost, except stored files; its neighbors get no message."""
        old = self.routers[name]
        old.alive = False
        if self._switched is not None:
            self._switched.forget(name)
        self._wakes.pop(name, None)  # deadlines of the dead router must not precede those of the new one
        self._lives[name] = self._lives.get(name, 0) + 1
        fresh = self._router(name, self._lives[name])
        fresh.alive = False
        fresh.outside, fresh.watch, fresh.stored = old.outside, old.watch, old.stored
        fresh.resolve = self._resolver(fresh)
        self.routers[name] = fresh
        self.plugs[name].node = fresh

    def delete_files(self, name: str) -> None:
        """Delete a router's stored files: its next life starts empty."""
        self.routers[name].stored.clear()

    # ------------------------------------------------------------------------------------------------ running

    def post(self, name: str, event: events.Event) -> None:
        """Pass an event to a router now."""
        node = self.routers[name]
        node.post(event, self.now)
        self.schedule(node)

    def after(self, delay: float, action: Callable[[], None]) -> None:
        """Schedule an action `delay` seconds from now."""
        self._serial += 1
        heapq.heappush(self._heap, (self.now + delay, self._serial, action))

    def send(self, name: str, packet: SendIp) -> None:
        """Let a host or router send a packet of its own. Raises EffectError if it has no route."""
        node = self.hosts.get(name) or self.routers[name]
        node.send(packet, self.now)
        self.schedule(node)

    def schedule(self, node: Node) -> None:
        """Schedule a node's next deadline, if that is earlier than the scheduled one."""
        deadline = node.next_deadline()
        if deadline is None:
            return
        planned = self._wakes.get(node.name)
        if planned is None or deadline < planned:
            self._wakes[node.name] = deadline
            self.after(max(0.0, deadline - self.now), lambda: self._wake(node, deadline))

    def next_event(self) -> float | None:
        """Return the time of the next action, or None."""
        return self._heap[0][0] if self._heap else None

    @property
    def pending(self) -> int:
        """Number of scheduled actions."""
        return len(self._heap)

    def run_until(self, time: float, is_enough: Callable[[], bool] | None = None) -> None:
        """Carry out all actions up to `time` (seconds since the start). is_enough: whether to stop behind an action."""
        heap, breath = self._heap, BREATH.get()
        while heap and heap[0][0] <= time:
            self.now, _, action = heapq.heappop(heap)
            action()
            if breath is not None:
                breath.pause()
            if is_enough is not None and is_enough():
                return
        self.now = max(self.now, time)

    def run_for(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.run_until(self.now + seconds)

    def run_while(self, condition: Callable[[], bool], limit: float, step: float = 0.1) -> bool:
        """Let time pass while `condition` holds, at most `limit` seconds; True if it ended."""
        end = self.now + limit
        while condition():
            if self.now >= end:
                return False
            self.run_until(min(end, self.now + step))
        return True

    def missing(self, scenario: Scenario) -> list[str]:
        """Return the items that are not ready yet, router by router; none: the scenario has converged.

        Providers do not count.
        """
        routes = scenario.lab.ready.routes
        return scenario.still_missing(
            {
                name: missing(node.router, routes.get(name, ()))
                for name, node in self.routers.items()
                if scenario.role(name) != "provider"
            }
        )

    def facts(self, scenario: Scenario) -> LabFacts:
        """Return the facts of the whole network, for tools that decide what a router alone can only suspect."""
        routers = {
            name: router_facts(node.router, self.now) if node.alive else None
            for name, node in breathing(self.routers.items())
        }
        gateways = {name: node.facts(self.now) for name, node in self.gateways.items()}
        cut = [(end.name, port) for segment in self.segments if segment.impairment.cut for end, port in segment.ends]
        bad = {
            (end.name, port): segment.impairment.filters.particulars
            for segment in self.segments
            if not segment.impairment.filters.harmless
            for end, port in segment.ends
        }
        wires = self._switched.segments() if self._switched is not None else None
        return lab_facts(scenario, routers, gateways, cut, bad, wires, self.hosts_of(scenario))

    def hosts_of(self, scenario: Scenario) -> dict[str, HostSpec]:
        """Return the hosts of a scenario with their leases."""
        return {name: self.hosts[name].now(host) for name, host in scenario.lab.hosts.items()}

    def setups(self, known: Mapping[str, str]) -> dict[str, SetupFacts | None]:
        """Return how each router is set up, None for a dead one. known: the tags that the client knows."""
        return {
            name: setup_facts(node.router, known.get(name, ""), self._rendered.setdefault(name, Rendered()))
            if node.alive
            else None
            for name, node in self.routers.items()
        }

    def segment_of(self, node: str, interface: str) -> Segment:
        """Return the wire that is plugged into a port. Raises KeyError."""
        return self._wires[node, interface]

    @property
    def digest(self) -> str:
        """Hash of every packet that was on a wire so far: equal for equal seeds."""
        return self._hash.hexdigest()[:16]

    def _wake(self, node: Node, deadline: float) -> None:
        if self._wakes.get(node.name) != deadline:
            return
        del self._wakes[node.name]
        node.wake(self.now)
        self.schedule(node)

    def _resolver(self, node: RouterNode) -> Callable[[str], None]:
        def answer(name: str) -> None:
            if node.alive:
                self.post(node.name, events.NameResolved(name, self.names.get(name.lower(), ())))

        return lambda name: self.after(NAME_DELAY, lambda: answer(name))

    def _transmitter(self, name: str) -> Callable[[str, IPAddress, bytes], bool]:
        def transmit(interface: str, next_hop: IPAddress, packet: bytes) -> bool:
            segment = self._wires.get((name, interface))
            if self._switched is not None:
                segment = self._switched.attachments.get((name, interface), segment)
            if segment is None:
                return False
            self._hash.update(packet)
            if self.captures:
                self.captured(name, interface, packet, CaptureDirection.OUT)
            if self.overhear is not None:
                self.overhear(name, interface, packet)
            return segment.transmit(self.plugs[name], next_hop, packet, self.now)

        return transmit


def _leased_host(versions: tuple[int, ...]) -> Callable[..., HostNode]:
    from dmvpn.shells.simulator.leased_host import LeasedHost  # most networks have none

    return partial(LeasedHost, versions)
