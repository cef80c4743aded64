"""A picture as a flow chart for Mermaid, as GitHub draws it in a page.

Nodes get names of our own (n1, n2 ...), so that no router's name is taken for syntax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.tools.picture.model import Kind, TunnelState
from dmvpn.tools.watch.mermaid import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.picture.model import Node, Picture, Tunnel, Wire

_SHAPES: Final = {Kind.PROVIDER: ("([", "])"), Kind.NAT: ("{{", "}}"), Kind.HOST: ("[", "]")}
_ROUTER: Final = ("(", ")")
_STYLES: Final = (
    "classDef hub fill:#dbeafb,stroke:#0072b2,color:#1b1f24",
    "classDef spoke fill:#fff3d6,stroke:#8c959f,color:#1b1f24",
    "classDef dead stroke:#b3261e,stroke-dasharray:4 3",
)


def as_mermaid(picture: Picture) -> str:
    """Return the chart, lines with their ends."""
    names = {node.name: f"n{number}" for number, node in enumerate(picture.nodes, 1)}
    lines = ["flowchart TB", f"    %% {escaped(picture.title)} ({escaped(picture.about)})"]
    for index, region in enumerate(picture.regions):
        members = [f"        {_node(node, names)}" for node in picture.nodes if node.region == index]
        lines += [f'    subgraph r{index}["{escaped(f"region of {region}")}"]', *members, "    end"]
    lines += [f"    {_node(node, names)}" for node in picture.nodes if node.region is None]
    lines += [f"    {line}" for number, wire in enumerate(picture.wires) for line in _wire(number, wire, names)]
    lines += [f"    {_tunnel(picture, tunnel, names)}" for tunnel in picture.tunnels]
    return "\n".join([*lines, *(f"    {style}" for style in _STYLES)]) + "\n"


def _node(node: Node, names: dict[str, str]) -> str:
    begin, end = _SHAPES.get(node.kind, _ROUTER)
    said = [node.name] if node.kind is Kind.PROVIDER else [f"{node.name} ({node.kind.value})"]
    said += [f"{port.name} {port.address}".strip() for port in node.ports if node.kind is not Kind.PROVIDER]
    style = ":::dead" if not node.runs else f":::{node.kind.value}" if node.kind in (Kind.HUB, Kind.SPOKE) else ""
    return f'{names[node.name]}{begin}"{"<br/>".join(escaped(line) for line in said)}"{end}{style}'


def _wire(number: int, wire: Wire, names: dict[str, str]) -> Iterator[str]:
    """Yield a wire, or a switch and its wires."""
    label = escaped(", ".join((wire.network, *wire.problems)).strip(", "))
    nodes = [names[node] for node in wire.nodes if node in names]
    if len(nodes) == 2:
        yield f'{nodes[0]} ---|"{label}"| {nodes[1]}' if label else f"{nodes[0]} --- {nodes[1]}"
        return
    yield f'w{number}["{label or "wire"}"]'
    yield from (f"{node} --- w{number}" for node in nodes)


def _tunnel(picture: Picture, tunnel: Tunnel, names: dict[str, str]) -> str:
    cloud = escaped(picture.clouds[tunnel.cloud].name)
    arrow, label = {
        TunnelState.DIRECT: ("<-.->", f"direct, {cloud}"),
        TunnelState.DOWN: ("-.-x", f"down, {cloud}"),
    }.get(tunnel.state, ("===", cloud))
    # Mermaid puts what a line leads to below what it comes from: hubs are above their spokes.
    return f'{names[tunnel.there]} {arrow}|"{label}"| {names[tunnel.here]}'
