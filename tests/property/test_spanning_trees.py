"""Whatever switches and wires there are: the trees have no circle, and what wires connect the trees connect."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.switching import Box, EthernetPort, PortMode
from dmvpn.network.switching import Bridge, End, PluggedWire, Vertex, layer2

_PORTS = 4
_port = st.builds(
    EthernetPort,
    name=st.just(""),
    mode=st.sampled_from(PortMode),
    access=st.integers(1, 3),
    native=st.integers(1, 3),
    allowed=st.sampled_from([((1, 4094),), ((2, 3),), ()]),
    negotiates=st.booleans(),
    bundle=st.sampled_from(["", "", "Port-channel1"]),
    shutdown=st.booleans(),
)


@st.composite
def networks(draw: st.DrawFn) -> tuple[dict[str, Box], list[PluggedWire]]:
    boxes = {}
    for name in ("A", "B", "C"):
        ports = [
            replace(port, name=f"Gi0/{number}")
            for number, port in enumerate(draw(st.lists(_port, min_size=_PORTS, max_size=_PORTS)))
        ]
        priorities = ((1, draw(st.sampled_from([0, 4096]))),)
        boxes[name] = Box(ports=tuple(ports), interfaces=(1, 2), priorities=priorities)
    free = draw(st.permutations([(name, f"Gi0/{number}") for name in boxes for number in range(_PORTS)]))
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=6))
    wires, at = [], 0
    for number, size in enumerate(sizes):
        ends = (*free[at : at + size], (f"H{number}", "eth0"))
        has_host = size > 1 or draw(st.booleans())
        wires.append(PluggedWire(ends if has_host else tuple(free[at : at + 2]), draw(st.booleans())))
        at += max(size, 2)
    return boxes, [wire for wire in wires if len(wire.ends) > 1]


@given(networks())
def test_no_frame_can_pass_twice(network: tuple[dict[str, Box], list[PluggedWire]]) -> None:
    graph = layer2(network[1], network[0])
    edges = sum(len(beside) for beside in graph.links.values()) // 2
    parts, seen = 0, set[Vertex]()
    for vertex in graph.links:
        if vertex not in seen:
            parts += 1
            seen |= graph.ways_to(vertex).keys()
    assert edges == len(graph.links) - parts  # a forest


@given(networks())
def test_a_wire_that_blocks_disconnects_nobody(network: tuple[dict[str, Box], list[PluggedWire]]) -> None:
    boxes, wires = network
    graph = layer2(wires, boxes)
    for bridge in [vertex for vertex in graph.links if isinstance(vertex, Bridge)]:
        roots = {
            tree.root
            for other in graph.ways_to(bridge)
            if isinstance(other, Bridge)
            for tree in graph.trees.get(other.box, ())
            if tree.vlan == other.vlan
        }
        assert len(roots) <= 1
    assert all(isinstance(up, bool) and isinstance(end, End) for end, up in graph.carriers.items())
