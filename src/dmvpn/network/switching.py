"""Layer 2 of a network: which interfaces are in one broadcast domain, and the spanning tree of each VLAN.

A frame passes *strands*, each the part of a wire that carries one VLAN, and *bridges*, each the part of a switch that
has one VLAN; it begins and ends at *ends*: subinterfaces, `interface Vlan`, routed ports, hosts. These are the vertices
of a graph (`Layer2.links`). Two ends are in one broadcast domain if they are connected there.

    ends --- strand --- bridge --- strand --- bridge --- end
    R1:Gi0/0.10  |       (SW1, 10)  |         (SW2, 10)   SW2:Vlan10

No box speaks a protocol: the trees are computed from the boxes, as 802.1D decides. Root is the bridge with the lowest
priority, then address; each other bridge forwards at its port with the cheapest path to the root, each strand has one
designated bridge, and all other ports block. So the graph has no circle, whatever the wires are: no frame passes twice.

An interface that is plugged into a wire itself, as in networks inferred from addresses, is only there.

Both ends of a strand are what their own box says: frames of an access port of VLAN 10 arrive in VLAN 20 of a box whose
port is in VLAN 20, and those of one native VLAN in the other, as on real wires.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Final, NamedTuple

from dmvpn.base.entropy import made_hardware
from dmvpn.base.events import SwitchingComputed
from dmvpn.base.switching import (
    UNTAGGED,
    Box,
    Designated,
    EthernetPort,
    PortMode,
    PortRole,
    TreePort,
    VlanTree,
    within,
)
from dmvpn.base.values import Mutable, Value


class Strand(NamedTuple):
    """The part of a wire with one tag, `UNTAGGED` included. wire: its number."""

    wire: int
    tag: int


class Bridge(NamedTuple):
    """The part of a switch that has one VLAN."""

    box: str
    vlan: int


class End(NamedTuple):
    """An interface with addresses: of a router, a host or a gateway."""

    node: str
    interface: str


Vertex = Strand | Bridge | End


class PluggedWire(Value):
    """A wire: its ends (node, port), and whether it is cut."""

    ends: tuple[tuple[str, str], ...]
    cut: bool = False


class Layer2(Mutable):
    """The graph of all wires that carry VLANs.

    links: the vertices beside each vertex, with the port between the two, "": none.
    plain: the ends of wires without VLANs.
    trees: of each box. trunks: its ports that are trunks.
    carriers: whether ends, and ports with VLANs, are up.
    """

    links: dict[Vertex, dict[Vertex, str]] = field(default_factory=dict)
    plain: list[tuple[tuple[str, str], ...]] = field(default_factory=list)
    trees: dict[str, list[VlanTree]] = field(default_factory=dict)
    trunks: dict[str, list[str]] = field(default_factory=dict)
    carriers: dict[End, bool] = field(default_factory=dict)

    def join(self, one: Vertex, other: Vertex, port: str) -> None:
        """Connect two vertices."""
        self.links.setdefault(one, {})[other] = port
        self.links.setdefault(other, {})[one] = port

    def computed(self, node: str, box: Box) -> SwitchingComputed:
        """Return the part of a box."""
        up = tuple(port.name for port in box.ports if self.carriers.get(End(node, port.name)))
        return SwitchingComputed(tuple(self.trees.get(node, ())), tuple(self.trunks.get(node, ())), up)

    def ways_to(self, target: Vertex) -> dict[Vertex, Vertex]:
        """Return the next vertex towards this one from every vertex of its domain."""
        ways, waiting = {target: target}, [target]
        for vertex in waiting:
            for beside in self.links.get(vertex, ()):
                if beside not in ways:
                    ways[beside] = vertex
                    waiting.append(beside)
        return ways

    def segments(self) -> list[tuple[tuple[str, str], ...]]:
        """Return the wires as routers see them: plain ones, and broadcast domains."""
        found, seen = list(self.plain), set[Vertex]()
        for vertex in self.links:
            if isinstance(vertex, End) and vertex not in seen:
                ends = self.ends_with(vertex)
                seen.update(ends)
                found.append(tuple(ends))
        return found

    def ends_with(self, end: End) -> list[End]:
        """Return the ends of the broadcast domain of an end, itself included."""
        return [vertex for vertex in self.ways_to(end) if isinstance(vertex, End)]


def address_of(box: str, interface: str = "") -> bytes:
    """Return the link-layer address of a box, or of its interface, the same in every lab."""
    return made_hardware(f"{box} {interface}")


def carries_vlans(wire: PluggedWire, boxes: Mapping[str, Box]) -> bool:
    """Return whether more than untagged frames of routed ports pass a wire."""
    return any(port is not None for port in _ports_of(wire, boxes))


def layer2(wires: Sequence[PluggedWire], boxes: Mapping[str, Box]) -> Layer2:
    """Compute the graph. A box that is not there, as a router that is switched off, has no ports."""
    found = Layer2()
    known = tuple(dict.fromkeys(vlan for box in boxes.values() for vlan in box.known))
    plugged = {end for wire in wires for end in wire.ends}  # looked up, never iterated
    tree_ports: dict[Strand, list[tuple[Bridge, EthernetPort]]] = {}
    bridged: dict[Vertex, None] = {}
    taken: dict[frozenset[tuple[str, str]], None] = {}
    for number, wire in enumerate(wires):
        if not carries_vlans(wire, boxes):
            found.plain.append(wire.ends)
            continue
        ports = _ports_of(wire, boxes)
        named = list(zip(wire.ends, ports, strict=True))
        bundle = frozenset((node, port.logical if port is not None else name) for (node, name), port in named)
        found.carriers |= {End(*end): not port.shutdown for end, port in named if port is not None}
        is_spare = bundle in taken and any(port is not None and port.bundle for port in ports)
        if not (wire.cut or is_spare):
            taken[bundle] = None
        for (node, name), port in named:
            if port is not None and port.bundle:
                channel = End(node, port.bundle)
                found.carriers[channel] = found.carriers.get(channel, False) or not (port.shutdown or wire.cut)
            others = [other for other in ports if other is not None and other is not port]
            for tag, vertex in _places(node, name, port, others, boxes, known).items():
                if isinstance(vertex, End) and vertex.interface != name and vertex in plugged:
                    continue
                strand = Strand(number, tag)
                if isinstance(vertex, End):
                    found.carriers[vertex] = found.carriers.get(vertex, False) or port is None or not port.shutdown
                else:
                    bridged[vertex] = None
                if wire.cut or is_spare:
                    continue
                if isinstance(vertex, End):
                    found.join(strand, vertex, name)
                elif isinstance(vertex, Bridge) and port is not None:
                    tree_ports.setdefault(strand, []).append((vertex, port))
            if port is not None and port.switched and not port.shutdown and _is_trunk(port, others):
                trunks = found.trunks.setdefault(node, [])
                trunks += [port.logical] if port.logical not in trunks else []
    _grow(found, tree_ports, boxes)
    interfaces = [
        (End(name, f"Vlan{vlan}"), Bridge(name, vlan)) for name, box in boxes.items() for vlan in box.interfaces
    ]
    for end, bridge in interfaces:
        if end not in plugged:
            found.carriers[end] = bridge in bridged
            if bridge in bridged:
                found.join(bridge, end, "")
    return found


def _ports_of(wire: PluggedWire, boxes: Mapping[str, Box]) -> list[EthernetPort | None]:
    return [boxes[node].port(name) if node in boxes else None for node, name in wire.ends]


def _places(
    node: str,
    name: str,
    port: EthernetPort | None,
    others: Sequence[EthernetPort],
    boxes: Mapping[str, Box],
    known: Sequence[int],
) -> dict[int, Vertex]:
    """Return where frames go that come in by a port, by their tag. known: the VLANs of the network."""
    if port is None:
        return {UNTAGGED: End(node, name)}
    if port.shutdown:
        return {UNTAGGED: End(node, name)} if not port.switched else {}
    if not port.switched:
        return {tag: End(node, interface) for tag, interface in port.layers}
    if not _is_trunk(port, others):
        voice = {port.voice: Bridge(node, port.voice)} if port.voice else {}
        return {**voice, UNTAGGED: Bridge(node, port.access)}
    tags = [vlan for vlan in boxes[node].has_of(known) if within(vlan, port.allowed)]
    return {UNTAGGED if vlan == port.native else vlan: Bridge(node, vlan) for vlan in tags}


_ASKS: Final = (PortMode.TRUNK, PortMode.DESIRABLE)


def _is_trunk(port: EthernetPort, others: Sequence[EthernetPort]) -> bool:
    """Return whether a port is a trunk, as DTP would agree."""
    if port.mode in (PortMode.TRUNK, PortMode.ACCESS):
        return port.mode is PortMode.TRUNK
    willing = (*_ASKS, PortMode.AUTO) if port.mode is PortMode.DESIRABLE else _ASKS
    return port.negotiates and any(other.mode in willing and other.negotiates for other in others)


# ------------------------------------------------------------------------------------------------ spanning trees


#: Costs of IEEE 802.1D-1998 by the beginning of a port's name.
_COSTS: Final = (("Ten", 2), ("Gigabit", 4), ("Fast", 19), ("Ethernet", 100), ("Port-channel", 3))


def _cost(port: EthernetPort) -> int:
    return next((cost for beginning, cost in _COSTS if port.logical.startswith(beginning)), 4)


_Identity = tuple[int, bytes]
#: A way to the root: its cost, the bridge and the number of the port that offer it, and the own port.
_Way = tuple[int, _Identity, int, int]


def _grow(found: Layer2, ports: Mapping[Strand, list[tuple[Bridge, EthernetPort]]], boxes: Mapping[str, Box]) -> None:
    """Compute the trees, and join strands and bridges where a port forwards."""
    numbers = {(name, port.name): place for name, box in boxes.items() for place, port in enumerate(box.ports, 1)}
    addresses = {name: address_of(name) for name in boxes}
    identity = {
        bridge: (boxes[bridge.box].priority(bridge.vlan), addresses[bridge.box])
        for there in ports.values()
        for bridge, _ in there
    }
    by_bridge: dict[Bridge, list[tuple[Strand, EthernetPort]]] = {}
    for strand, there in ports.items():
        for bridge, port in there:
            by_bridge.setdefault(bridge, []).append((strand, port))
    paths: dict[Bridge, tuple[Bridge, int, tuple[Strand, EthernetPort] | None]] = {}
    for root in sorted(by_bridge, key=lambda bridge: identity[bridge]):
        if root not in paths:
            for bridge, cost, way in _paths(root, by_bridge, ports, identity, numbers):
                paths[bridge] = root, cost, way
    designated = {
        strand: min(there, key=lambda one: (paths[one[0]][1], identity[one[0]], numbers[one[0].box, one[1].name]))
        for strand, there in ports.items()
    }
    for bridge, own in by_bridge.items():
        root, cost, way = paths[bridge]
        roles = []
        for strand, port in own:
            role = PortRole.ROOT if (strand, port) == way else PortRole.ALTERNATE
            nearest, its_port = designated[strand]
            role = PortRole.DESIGNATED if designated[strand] == (bridge, port) else role
            offer = Designated(paths[nearest][1], identity[nearest], numbers[nearest.box, its_port.name])
            if role is not PortRole.ALTERNATE:
                found.join(strand, bridge, port.name)
            roles.append(TreePort(port.logical, role, _cost(port), numbers[bridge.box, port.name], offer))
        towards = way[1].logical if way is not None else ""
        tree = VlanTree(
            bridge.vlan,
            identity[root],
            identity[bridge],
            cost,
            towards,
            tuple(sorted(roles, key=lambda port: port.number)),
        )
        found.trees.setdefault(bridge.box, []).append(tree)
    for trees in found.trees.values():
        trees.sort(key=lambda tree: tree.vlan)


def _paths(
    root: Bridge,
    by_bridge: Mapping[Bridge, list[tuple[Strand, EthernetPort]]],
    ports: Mapping[Strand, list[tuple[Bridge, EthernetPort]]],
    identity: Mapping[Bridge, _Identity],
    numbers: Mapping[tuple[str, str], int],
) -> Iterator[tuple[Bridge, int, tuple[Strand, EthernetPort] | None]]:
    """Yield each bridge that the root reaches, with the cost and the port of its way to the root."""
    done: dict[Bridge, None] = {}
    waiting: list[tuple[_Way, int, Bridge, tuple[Strand, EthernetPort] | None]] = [
        ((0, identity[root], 0, 0), 0, root, None)
    ]
    serial = 0
    while waiting:
        (cost, *_), _, bridge, way = heapq.heappop(waiting)
        if bridge in done:
            continue
        done[bridge] = None
        yield bridge, cost, way
        for strand, port in by_bridge[bridge]:
            for other, there in ports[strand]:
                if other not in done:
                    serial += 1
                    offer = (
                        cost + _cost(there),
                        identity[bridge],
                        numbers[bridge.box, port.name],
                        numbers[other.box, there.name],
                    )
                    heapq.heappush(waiting, (offer, serial, other, (strand, there)))
