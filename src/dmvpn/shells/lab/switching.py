"""VLANs of a real lab: the wires that carry some are taken apart into strands (`network/switching.py`).

A strand that forwards is a cable of its own, a veth pair without tags at full speed; the parts of switches are bridges
in one namespace without routers, where no filter sees their frames. What blocks has no cable at all, so no frame can
run in a circle, not even for a moment: what goes is unplugged before what comes is plugged in.

    R1 Gi0-0.10 ------- port1 [bridge of SW1, VLAN 10] port2 ------- eth0 of a host
                                   port3 ------- Vl10 of SW1

A switch port itself, and an interface whose strand is cut, have a cable that leads nowhere: its carrier is the lamp of
the port. A wire without VLANs stays the plain cable that it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dmvpn.base.events import SwitchingComputed
from dmvpn.base.switching import UNTAGGED, Box, LearnedStation
from dmvpn.base.values import Value
from dmvpn.dataplane import netlink
from dmvpn.network.switching import Bridge, End, Layer2, PluggedWire, Strand, Vertex, carries_vlans, layer2
from dmvpn.shells.lab.impair import Impairments
from dmvpn.shells.lab.namespaces import inside_network, new_network
from dmvpn.shells.lab.wiring import LAYER2, Cable, Wiring, make_switch, plug_in
from dmvpn.shells.lab_model import LinkSpec

#: A cable that leads nowhere needs two ends, too.
_NOWHERE: Final = "nowhere"
#: Ports of a switch in the namespace of the bridges, each with its VLAN and its name.
BridgePorts = Mapping[str, tuple[int, str]]
_NO_WIRE: Final = LinkSpec(ends=["A:Gi0", "B:Gi0"])


class _Part(Value):
    """A plain cable, a strand or a lamp. wire: the number of the cable that it is a part of, -1: none.

    ends: with the bridge of each port of ours, "": none. up: False for a lamp that is out. tag: of a strand.
    """

    wire: int
    ends: tuple[Vertex | str, ...]
    up: bool = True
    tag: int = UNTAGGED


def stations_learned(namespace: int, ports: BridgePorts) -> tuple[LearnedStation, ...]:
    """Return what the bridges of a switch have learned."""
    with inside_network(namespace), netlink.NetlinkSocket() as kernel:
        names = {link.index: ports[link.name] for link in kernel.links() if link.name in ports}
        return tuple(
            LearnedStation(vlan, hardware, port)
            for index, hardware in kernel.stations()
            for vlan, port in ([names[index]] if index in names else [])
        )


#: Passes the trees of a box to its router, and its ports in the namespace of the bridges.
_Tell = Callable[[str, "SwitchingComputed", BridgePorts], None]


class RealSwitching:
    """The VLANs of a lab."""

    def __init__(self, wiring: Wiring, impairments: Impairments, tell: _Tell) -> None:
        self._wiring = wiring
        self._impairments = impairments
        self._tell = tell
        self._boxes: dict[str, Box] = {}
        self._plugged: dict[_Part, Cable] = {}
        self._said: dict[str, tuple[SwitchingComputed, BridgePorts]] = {}
        self._bridges: dict[Bridge, int] = {}
        self._made = 0
        #: The wires as routers see them, once a router has VLANs.
        self.segments: list[tuple[tuple[str, str], ...]] | None = None
        self._settling = {*wiring.hosts, *wiring.gateways}  # looked up, never iterated
        self.is_due = False

    def set(self, node: str, box: Box) -> None:
        """Take the ports of a router that has started, or whose lines have changed."""
        self._boxes[node] = box
        self._said.pop(node, None)
        self.is_due = True

    def forget(self, node: str) -> None:
        """Forget a router that has ended."""
        if self._boxes.pop(node, None) is not None:
            self.is_due = True

    def compute(self) -> None:
        """Plug in the parts that the boxes and the cut wires mean now. Raises UserError, OSError."""
        self.is_due = False
        if LAYER2 not in self._wiring.namespaces:
            self._wiring.namespaces[LAYER2] = new_network()
            self._plugged = {_plain(number, cable): cable for number, cable in enumerate(self._wiring.cables)}
        wires = [PluggedWire(cable.ends, self._impairments.is_cut(cable)) for cable in self._wiring.cables]
        graph = layer2(wires, self._boxes)
        self.segments = graph.segments()
        wanted = dict.fromkeys(self._wanted(wires, graph))
        for part in [part for part in self._plugged if part not in wanted]:
            self._unplug(self._plugged.pop(part))
        for part in wanted:
            if part not in self._plugged:
                self._plugged[part] = self._plug(part)
        self._wiring.parts = {
            cable.name: [plugged for part, plugged in self._plugged.items() if part.wire == number]
            for number, cable in enumerate(self._wiring.cables)
        }
        for cable in self._wiring.cables:
            self._impairments.renew(cable)
        for node, box in self._boxes.items():
            said = graph.computed(node, box), self._ports(node, box)
            if self._said.get(node) != said:
                self._said[node] = said
                self._tell(node, *said)

    def strands(self) -> Iterator[tuple[tuple[str, str], Vertex | str, tuple[str, str], int]]:
        """Yield the ends of all strands: the port of the wire, the vertex, its node and interface, and the tag."""
        for part, cable in self._plugged.items():
            for vertex, place in zip(part.ends, cable.ends, strict=True):
                node = vertex.box if isinstance(vertex, Bridge) else place[0]
                port = dict(self._wiring.cables[part.wire].ends).get(node) if part.wire >= 0 else None
                if port is not None and place != (node, port):
                    yield (node, port), vertex, place, part.tag

    def _ports(self, node: str, box: Box) -> BridgePorts:
        logical = {port.name: port.logical for port in box.ports}
        return {
            name: (vertex.vlan, logical[port])
            for (owner, port), vertex, (_, name), _ in self.strands()
            if owner == node and isinstance(vertex, Bridge)
        }

    def _wanted(self, wires: list[PluggedWire], graph: Layer2) -> Iterator[_Part]:
        """Yield all parts: plain cables, strands that forward, `interface Vlan`s, and lamps."""
        for number, (wire, cable) in enumerate(zip(wires, self._wiring.cables, strict=True)):
            if not carries_vlans(wire, self._boxes):
                yield _plain(number, cable)
        lit: dict[Vertex, None] = {}
        used: dict[Vertex, None] = {}  # a VLAN without an interface needs no cables, and there may be thousands
        for vertex in graph.links:
            if isinstance(vertex, End) and vertex not in used:
                used |= dict.fromkeys(graph.ways_to(vertex))
        for vertex in used:
            beside = graph.links[vertex]
            if isinstance(vertex, Strand):
                ends = tuple(beside) if len(beside) > 1 else (*beside, _NOWHERE)
                yield _Part(vertex.wire, ends, tag=vertex.tag)
                lit |= dict.fromkeys(beside)
            elif isinstance(vertex, End):
                for other in beside:
                    if isinstance(other, Bridge):
                        yield _Part(-1, (vertex, other))
                        lit[vertex] = None
        for end, up in graph.carriers.items():
            if end not in lit and end.node in self._wiring.namespaces:
                yield _Part(-1, (end, _NOWHERE), up)

    # ------------------------------------------------------------------------------------------------ cables

    def _plug(self, part: _Part) -> Cable:
        ends: list[tuple[str, str]] = []
        ports, lamps = [], []
        for vertex in part.ends:
            if isinstance(vertex, End):
                ends.append((vertex.node, vertex.interface))
                continue
            self._made += 1
            port = f"port{self._made}"
            ends.append((LAYER2, port))
            if isinstance(vertex, Bridge):
                self._wiring.bridge_ports[port] = self._bridge(vertex)
                ports.append(port)
            else:
                lamps.append(port)
        known = self._wiring.cables[part.wire] if part.wire >= 0 else None
        cable = Cable(tuple(ends), known.properties if known is not None else _NO_WIRE, steady=True)
        if known is not None and cable.ends == known.ends:
            cable = known
        if cable.is_switch:
            make_switch(self._wiring, cable)
        with netlink.NetlinkSocket() as kernel:
            plug_in(self._wiring, cable, kernel)
        for node in dict.fromkeys(node for node, _ in cable.ends if node in self._settling):
            with inside_network(self._wiring.namespaces[node]):
                self._wiring.settle(node)
        if ports or (lamps and part.up):
            with inside_network(self._wiring.namespaces[LAYER2]), netlink.NetlinkSocket() as kernel:
                self._wiring.attach(ports)
                kernel.call(*(request for port in lamps if part.up for request in _silent(port)))
        return cable

    def _unplug(self, cable: Cable) -> None:
        self._impairments.release(cable)
        for node, interface in cable.ends if cable.is_switch else cable.ends[:1]:
            self._wiring.unplug(node, interface)
        for node, interface in cable.ends:
            if node == LAYER2:
                self._wiring.bridge_ports.pop(interface, None)
        switch = self._wiring.switches.pop(cable.name, None) if cable.is_switch else None
        if switch is not None:
            os.close(switch)

    def _bridge(self, bridge: Bridge) -> int:
        """Return the index of a bridge, which is made when it is first needed."""
        if bridge not in self._bridges:
            name = f"bridge{len(self._bridges)}"
            with inside_network(self._wiring.namespaces[LAYER2]), netlink.NetlinkSocket() as kernel:
                kernel.call(netlink.create_bridge(name))
                kernel.call(*_silent(name))
                link = kernel.find_link(name)
            if link is None:
                raise OSError(f"the kernel made no bridge for VLAN {bridge.vlan} of {bridge.box}")
            self._bridges[bridge] = link.index
        return self._bridges[bridge]


def _plain(number: int, cable: Cable) -> _Part:
    return _Part(number, tuple(End(*end) for end in cable.ends))


def _silent(name: str) -> tuple[netlink.KernelRequest, ...]:
    """Return the requests that set a link of layer 2 up, without an address of its own."""
    return netlink.set_link(name, netlink.LinkSettings(silent_ipv6=True)), netlink.set_up(name)
