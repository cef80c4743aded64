"""Wires of the simulation: their ends, the delay of packets, and which packets are lost.

A segment with two ends is a cable, with more a switch. Chance (loss, reordering, duplication) comes from one seeded
stream for each segment, so a change on one wire does not affect another.

With VLANs, frames pass strands and bridges (`network/switching.py`) between the ends of a domain.

Each strand is a part of a simulated wire, so a frame is late, lost, cut and seen there like any other packet. A bridge
learns from which port the frames of an end come; its table is for people, because the way to a known end is computed.
The graph has no circle: a frame makes at most one copy for each strand and end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from dmvpn.base import events
from dmvpn.base.addresses import IPAddress
from dmvpn.base.entropy import Entropy, SeededEntropy, fraction
from dmvpn.base.shell import CaptureDirection
from dmvpn.base.switching import Box, LearnedStation
from dmvpn.base.values import Mutable, Value
from dmvpn.network.switching import Bridge, End, Layer2, PluggedWire, Strand, Vertex, address_of, carries_vlans, layer2
from dmvpn.shells.lab.badness import HARMLESS, LONGEST_QUEUE, Badness

#: Seconds that even the shortest wire takes: no packet arrives at the moment of its departure.
SHORTEST_DELAY = 50e-6
#: On a switch with so many ports the search for an unknown address is not repeated for every packet: thousands of
#: routers that all send to a dead hub would search without end. Seconds for which the address counts as absent.
MANY_PORTS = 64
ABSENT_FOR = 0.01

#: Runs a function after so many seconds.
Later = Callable[[float, Callable[[], None]], None]

#: Gets a packet with the names of its sender and receiver, and returns whether it may pass.
Gate = Callable[[str, str, bytes], bool]


class SimulatedNode(Protocol):
    """Something with ports: a router or a host."""

    @property
    def name(self) -> str:
        """Its name."""

    def receive(self, interface: str, packet: bytes) -> None:
        """Process a packet that arrives."""

    def addresses_of(self, interface: str) -> tuple[tuple[IPAddress, int], ...]:
        """Return the addresses of the port."""

    def has_elsewhere(self, interface: str, address: IPAddress) -> bool:
        """Return whether it has the address at another port, and answers for it at this one."""


class Impairment(Mutable):
    """Impairments of a wire.

    delay, jitter: seconds one way.
    loss, duplicate: 0 to 1.
    rate: bit/s, 0: unlimited.
    cut: nothing passes. Jitter makes packets overtake each other.
    filters: other settings of `lab impair`: kinds of packets that do not pass, and whether all this applies to one
        sender alone.
    """

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    rate: float = 0.0
    cut: bool = False
    filters: Badness = HARMLESS

    @classmethod
    def of(cls, badness: Badness) -> Impairment:
        """Return the impairments of a request of `lab impair`."""
        return cls(
            delay=badness.delay / 1000,
            loss=badness.loss / 100,
            rate=badness.rate * 1000,
            cut=bool(badness.cut),
            filters=badness,
        )


_GOOD = Impairment()


class Segment:
    """One wire with its ends."""

    def __init__(self, name: str, entropy: Entropy, later: Later) -> None:
        self.name = name
        self.impairment = Impairment()
        self.ends: list[tuple[SimulatedNode, str]] = []
        self.watch: Callable[[bytes], None] | None = None
        self.gate: Gate | None = None
        self._entropy = entropy
        self._later = later
        self._found: dict[IPAddress, tuple[SimulatedNode, str]] = {}
        self._absent_until: dict[IPAddress, float] = {}
        self._free_at: dict[str, float] = {}

    def plug(self, station: SimulatedNode, interface: str) -> None:
        """Connect a port."""
        self.ends.append((station, interface))

    def transmit(self, sender: SimulatedNode, next_hop: IPAddress, packet: bytes, now: float) -> bool:
        """Carry a packet to the port that has `next_hop`, or to all for multicast. False: no port has the address."""
        if next_hop.is_multicast or int(next_hop) == 0xFFFFFFFF:
            for station, interface in self.ends:
                if station is not sender:
                    self.carry(sender, station, interface, packet, now)
            return True
        end = self._resolve(next_hop, now)
        if end is None:
            return False
        self.carry(sender, *end, packet, now)
        return True

    def _resolve(self, address: IPAddress, now: float) -> tuple[SimulatedNode, str] | None:
        known = self._found.get(address)
        if known is None or not _answers(known, address):
            if now < self._absent_until.get(address, now):
                return None
            # Find the owners of all addresses: one pass over all ports, not one for each. Of two claimants the first
            # counts
            self._found = {}
            for end in self.ends:
                station, interface = end
                for own, _ in station.addresses_of(interface):
                    self._found.setdefault(own, end)
            known = self._found.get(address)
            known = known or next((end for end in self.ends if end[0].has_elsewhere(end[1], address)), None)
            if known is None and len(self.ends) > MANY_PORTS:
                self._absent_until[address] = now + ABSENT_FOR
        return known

    def carry(self, sender: SimulatedNode, station: SimulatedNode, interface: str, packet: bytes, now: float) -> None:
        """Carry a packet to one port, unless it gets lost."""
        if self.watch is not None:
            self.watch(packet)
        if self.gate is not None and not self.gate(sender.name, station.name, packet):
            return
        wrong = self.impairment if self.impairment.filters.concerns(sender.name) else _GOOD
        if (wrong.filters.block and wrong.filters.blocks(packet)) or wrong.filters.swallows(len(packet)):
            return
        if wrong.cut or (wrong.loss and fraction(self._entropy) < wrong.loss):
            return
        delay = SHORTEST_DELAY + wrong.delay
        if wrong.jitter:
            delay += wrong.jitter * fraction(self._entropy)
        if wrong.rate:
            start, seconds = max(now, self._free_at.get(sender.name, now)), len(packet) * 8 / wrong.rate
            if start - now > LONGEST_QUEUE * seconds:
                return
            self._free_at[sender.name] = start + seconds
            delay += self._free_at[sender.name] - now
        copies = 2 if wrong.duplicate and fraction(self._entropy) < wrong.duplicate else 1
        for _ in range(copies):
            self._later(delay, lambda: station.receive(interface, packet))


def _answers(end: tuple[SimulatedNode, str], address: IPAddress) -> bool:
    station, interface = end
    return address in [own for own, _ in station.addresses_of(interface)]


#: Seconds between two looks at which wires are cut.
LOOK_AGAIN: Final = 0.5
#: Seconds that a bridge remembers an end, as IOS does.
AGE: Final = 300.0
#: Addresses that a bridge stores, and a port's share of them.
_STATIONS, _SHARE = 8192, 1024


class World(Protocol):
    """The simulation around it, as far as it needs it. captures: if there are any, `captured` hands packets to them."""

    now: float
    segments: list[Segment]

    @property
    def captures(self) -> Sequence[object]:
        """What wants to see packets."""

    @property
    def plugs(self) -> Mapping[str, SimulatedNode]:
        """The nodes as wires see them."""

    def after(self, delay: float, action: Callable[[], None]) -> None:
        """Do it `delay` seconds from now."""

    def post(self, name: str, event: events.Event) -> None:
        """Pass an event to a router now."""

    def captured(self, name: str, interface: str, packet: bytes, direction: CaptureDirection) -> None:
        """Pass a packet to all captures."""


_NO_CHANCE: Final = SeededEntropy("no chance here: the wires have their own")


class _Frame(Value):
    """A packet on its way. target: the end that has the next hop, None: all."""

    source: End
    target: End | None
    packet: bytes


class Attachment(Segment):
    """The broadcast domain of one end, as the wire that is plugged into it."""

    def __init__(self, switched: SwitchedNetwork, end: End, ends: list[End]) -> None:
        world = switched.world
        super().__init__(f"{end.node}:{end.interface}", _NO_CHANCE, world.after)
        self._switched = switched
        self._end = end
        for other in ends:
            self.plug(world.plugs[other.node], other.interface)

    def transmit(self, sender: object, next_hop: IPAddress, packet: bytes, now: float) -> bool:
        """Carry a packet to the end that has `next_hop`, or to all. False: no end has the address."""
        target = None
        if not (next_hop.is_multicast or int(next_hop) == 0xFFFFFFFF):
            found = self._resolve(next_hop, now)
            if found is None:
                return False
            target = End(found[0].name, found[1])
        self._switched.pass_on(self._end, self._end, _Frame(self._end, target, packet))
        return True


class _Arrival(Mutable):
    """The far side of a wire, for one frame."""

    switched: SwitchedNetwork
    vertex: Vertex
    strand: Strand
    frame: _Frame
    name: str

    def receive(self, interface: str, packet: bytes) -> None:
        self.switched.arrive(self.vertex, self.strand, interface, self.frame)

    def addresses_of(self, interface: str) -> tuple[tuple[IPAddress, int], ...]:
        return ()

    def has_elsewhere(self, interface: str, address: IPAddress) -> bool:
        return False


class SwitchedNetwork:
    """All VLANs of a simulation; it is there once a box has some. attachments: of ends in VLANs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.attachments: dict[tuple[str, str], Attachment] = {}
        self._boxes: dict[str, Box] = {}
        self._graph = Layer2()
        self._ways: dict[End, dict[Vertex, Vertex]] = {}
        self._cuts: list[bool] = []
        self._said: dict[str, events.SwitchingComputed] = {}
        self._carriers: dict[End, bool] = {}
        self._learned: dict[Bridge, dict[End, tuple[str, float]]] = {}
        self._is_due = False
        world.after(LOOK_AGAIN, self._look)

    def set(self, node: str, box: Box) -> None:
        """Take the ports of a router that has started, or whose lines have changed."""
        self._boxes[node] = box
        self._compute_soon()

    def forget(self, node: str) -> None:
        """Forget a router that was switched off."""
        self._boxes.pop(node, None)
        self._said.pop(node, None)
        self._carriers = {end: up for end, up in self._carriers.items() if end.node != node}
        self._compute_soon()

    def learned(self, node: str) -> tuple[LearnedStation, ...]:
        """Return the table of a switch."""
        oldest, ports = self.world.now - AGE, self._boxes.get(node, Box()).ports
        bundles = {port.name: port.logical for port in ports}
        return tuple(
            LearnedStation(bridge.vlan, address_of(*end), bundles.get(port, port))
            for bridge, table in sorted(self._learned.items())
            if bridge.box == node
            for end, (port, seen) in table.items()
            if seen >= oldest
        )

    def segments(self) -> list[tuple[tuple[str, str], ...]]:
        """Return the wires as routers see them."""
        return self._graph.segments()

    # ------------------------------------------------------------------------------------------------ the graph

    def _look(self) -> None:
        self.world.after(LOOK_AGAIN, self._look)
        if self._cuts != self._cut_wires():
            self._compute()

    def _cut_wires(self) -> list[bool]:
        wrongs = (segment.impairment for segment in self.world.segments)
        return [wrong.cut and not wrong.filters.sender for wrong in wrongs]

    def _compute_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self.world.after(0.0, self._compute)

    def _compute(self) -> None:
        self._is_due = False
        world = self.world
        self._cuts = self._cut_wires()
        wires = [
            PluggedWire(tuple((station.name, port) for station, port in segment.ends), cut)
            for segment, cut in zip(world.segments, self._cuts, strict=True)
        ]
        self._graph = graph = layer2(wires, self._boxes)
        self._ways.clear()
        plugged = [(node, port) for wire in wires if carries_vlans(wire, self._boxes) for node, port in wire.ends]
        ends = [end for end in graph.links if isinstance(end, End)]
        self.attachments = {
            end: Attachment(self, End(*end), graph.ends_with(End(*end))) for end in dict.fromkeys((*plugged, *ends))
        }
        living = {bridge for bridge in graph.links if isinstance(bridge, Bridge)}  # looked up, never iterated
        self._learned = {bridge: table for bridge, table in self._learned.items() if bridge in living}
        carriers, self._carriers = self._carriers, dict(graph.carriers)
        for end in dict.fromkeys((*carriers, *graph.carriers)):
            up = graph.carriers.get(end, False)
            if carriers.get(end) != up and end.node in self._boxes:
                world.post(end.node, events.LinkChanged(end.interface, up))
        for node, box in list(self._boxes.items()):
            said = graph.computed(node, box)
            if self._said.get(node) != said:
                self._said[node] = said
                world.post(node, said)

    # ------------------------------------------------------------------------------------------------ frames

    def pass_on(self, vertex: Vertex, came_from: Vertex, frame: _Frame) -> None:
        """Send a frame from a vertex to the next ones: to all but where it came from, or towards its target."""
        beside = self._graph.links.get(vertex, {})
        if frame.target is not None:
            towards = self._ways.get(frame.target)
            if towards is None:
                towards = self._ways[frame.target] = self._graph.ways_to(frame.target)
            beside = {one: port for one, port in beside.items() if one == towards.get(vertex)}
        for other, port in beside.items():
            if other == came_from:
                continue
            if isinstance(other, Strand):
                self._onto(other, vertex, port, frame)
            else:
                self.world.after(SHORTEST_DELAY, partial(self.arrive, other, vertex, "", frame))

    def _onto(self, strand: Strand, vertex: Vertex, port: str, frame: _Frame) -> None:
        """Put a frame onto a strand: its wire carries it to each station there that is to have it."""
        world, segment = self.world, self.world.segments[strand.wire]
        sender = _node_of(vertex)
        if isinstance(vertex, Bridge) and world.captures:
            world.captured(sender, port, frame.packet, CaptureDirection.OUT)
        for other, far_port in self._graph.links.get(strand, {}).items():
            if other == vertex or (frame.target is not None and self._ways[frame.target].get(strand) != other):
                continue
            arrival = _Arrival(self, other, strand, frame, _node_of(other))
            segment.carry(world.plugs[sender], arrival, far_port, frame.packet, world.now)

    def arrive(self, vertex: Vertex, came_from: Vertex, port: str, frame: _Frame) -> None:
        """Take a frame from a strand or a bridge."""
        if isinstance(vertex, End):
            self.world.plugs[vertex.node].receive(vertex.interface, frame.packet)
        elif isinstance(vertex, Bridge):
            if port and self.world.captures:
                self.world.captured(vertex.box, port, frame.packet, CaptureDirection.IN)
            if port:
                self._learn(vertex, frame.source, port)
            self.pass_on(vertex, came_from, frame)

    def _learn(self, bridge: Bridge, end: End, port: str) -> None:
        """Note behind which port an end is; a port has its share of the table, and the oldest entry makes room."""
        table = self._learned.setdefault(bridge, {})
        if end not in table:
            mine = [other for other, (there, _) in table.items() if there == port] if len(table) >= _SHARE else []
            if len(mine) >= _SHARE:
                del table[mine[0]]
            elif len(table) >= _STATIONS:
                return
        else:
            del table[end]  # the latest is last
        table[end] = port, self.world.now


def _node_of(vertex: Vertex) -> str:
    return vertex.node if isinstance(vertex, End) else vertex.box if isinstance(vertex, Bridge) else ""
