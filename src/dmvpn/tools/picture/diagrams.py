"""Pictures that other programs lay out: Graphviz, Mermaid, and the page of `dmvpn web`.

In the language of Graphviz there are nodes with their addresses, wires, tunnels, a cluster for each region. Mermaid
has a flow chart, as GitHub draws it in a page; nodes get names of our own (n1, n2 ...), so that no router's name is
taken for syntax. The page draws the values itself and plays what happens on them (`web/page/film.js`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.ios.filters import Plain
from dmvpn.tools.picture.model import Kind, Node, Picture, Tunnel, TunnelState, Wire
from dmvpn.tools.watch.ladder import escaped

# ------------------------------------------------------------------------------------------------ Graphviz


_SHAPES: Final = {
    Kind.HUB: 'shape=box, style="rounded,filled", fillcolor="#dbeafb"',
    Kind.SPOKE: 'shape=box, style="rounded,filled", fillcolor="#fff3d6"',
    Kind.ROUTER: 'shape=box, style="rounded,filled", fillcolor="#eceff2"',
    Kind.PROVIDER: 'shape=ellipse, style="dashed,filled", fillcolor="#eef1f4"',
    Kind.NAT: 'shape=hexagon, style=filled, fillcolor="#fbe4f0"',
    Kind.HOST: 'shape=box, style=filled, fillcolor="#f6f8fa"',
}
_COLORS: Final = ("#0072b2", "#00795a", "#a8487f", "#6b5b00")
_DIRECT: Final = 'color="#d55e00", style=dotted, penwidth=3, dir=both, constraint=false'


def as_dot(picture: Picture) -> str:
    """Return the graph, lines with their ends."""
    lines = [
        "graph dmvpn {",
        f"  label={_quoted(f'{picture.title} ({picture.about})')}; labelloc=t; fontname=sans;",
        "  node [fontname=monospace, fontsize=10]; edge [fontname=monospace, fontsize=9];",
    ]
    for index, name in enumerate(picture.regions):
        members = [f"    {_node(node)}" for node in picture.nodes if node.region == index]
        lines += [f"  subgraph cluster{index} {{", f"    label={_quoted(f'region of {name}')};", *members, "  }"]
    lines += [f"  {_node(node)}" for node in picture.nodes if node.region is None]
    lines += [f"  {line}" for number, wire in enumerate(picture.wires) for line in _wire(number, wire)]
    lines += [f"  {_tunnel(picture, tunnel)}" for tunnel in picture.tunnels]
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: Node) -> str:
    said = [f"{node.name} ({node.kind.value if node.runs else 'does not run'})"]
    said += [f"{port.name} {port.address}".strip() for port in node.ports if node.kind is not Kind.PROVIDER]
    return f"{_quoted(node.name)} [label={_quoted(*said)}, {_SHAPES[node.kind]}];"


def _wire(number: int, wire: Wire) -> Iterator[str]:
    """Yield a wire, or a switch and its wires."""
    label = _quoted(*(each for each in (wire.network, ", ".join(wire.problems)) if each))
    style = ', style=dashed, color="#b3261e"' if wire.problems else ""
    if len(wire.nodes) == 2:
        first, second = wire.nodes
        yield f"{_quoted(first)} -- {_quoted(second)} [label={label}{style}];"
        return
    yield f"wire{number} [label={label}, shape=plain];"
    for node in wire.nodes:
        yield f'{_quoted(node)} -- wire{number} [label=""{style}];'


def _tunnel(picture: Picture, tunnel: Tunnel) -> str:
    cloud = picture.clouds[tunnel.cloud]
    if tunnel.state is TunnelState.DIRECT:
        drawn, name = _DIRECT, f"direct, {cloud.name}"
    else:
        pen = "dashed, penwidth=1" if tunnel.state is TunnelState.DOWN else "bold, penwidth=2"
        drawn = f'color="{_COLORS[tunnel.cloud % len(_COLORS)]}", style={pen}, constraint=false'
        name = f"{cloud.name}{', down' if tunnel.state is TunnelState.DOWN else ''}"
    return f"{_quoted(tunnel.here)} -- {_quoted(tunnel.there)} [label={_quoted(name)}, {drawn}];"


def _quoted(*lines: str) -> str:
    r"""Return lines as one string of DOT, in which `\` begins an escape and `\n` a line."""
    plain = ("".join(letter if letter.isprintable() else "." for letter in line) for line in lines)
    return '"' + r"\n".join(line.replace("\\", r"\\").replace('"', r"\"") for line in plain) + '"'


# ------------------------------------------------------------------------------------------------ Mermaid


_CHART_SHAPES: Final = {Kind.PROVIDER: ("([", "])"), Kind.NAT: ("{{", "}}"), Kind.HOST: ("[", "]")}
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
        members = [f"        {_chart_node(node, names)}" for node in picture.nodes if node.region == index]
        lines += [f'    subgraph r{index}["{escaped(f"region of {region}")}"]', *members, "    end"]
    lines += [f"    {_chart_node(node, names)}" for node in picture.nodes if node.region is None]
    lines += [f"    {line}" for number, wire in enumerate(picture.wires) for line in _chart_wire(number, wire, names)]
    lines += [f"    {_chart_tunnel(picture, tunnel, names)}" for tunnel in picture.tunnels]
    return "\n".join([*lines, *(f"    {style}" for style in _STYLES)]) + "\n"


def _chart_node(node: Node, names: dict[str, str]) -> str:
    begin, end = _CHART_SHAPES.get(node.kind, _ROUTER)
    said = [node.name] if node.kind is Kind.PROVIDER else [f"{node.name} ({node.kind.value})"]
    said += [f"{port.name} {port.address}".strip() for port in node.ports if node.kind is not Kind.PROVIDER]
    style = ":::dead" if not node.runs else f":::{node.kind.value}" if node.kind in (Kind.HUB, Kind.SPOKE) else ""
    return f'{names[node.name]}{begin}"{"<br/>".join(escaped(line) for line in said)}"{end}{style}'


def _chart_wire(number: int, wire: Wire, names: dict[str, str]) -> Iterator[str]:
    """Yield a wire, or a switch and its wires."""
    label = escaped(", ".join((wire.network, *wire.problems)).strip(", "))
    nodes = [names[node] for node in wire.nodes if node in names]
    if len(nodes) == 2:
        yield f'{nodes[0]} ---|"{label}"| {nodes[1]}' if label else f"{nodes[0]} --- {nodes[1]}"
        return
    yield f'w{number}["{label or "wire"}"]'
    yield from (f"{node} --- w{number}" for node in nodes)


def _chart_tunnel(picture: Picture, tunnel: Tunnel, names: dict[str, str]) -> str:
    cloud = escaped(picture.clouds[tunnel.cloud].name)
    arrow, label = {
        TunnelState.DIRECT: ("<-.->", f"direct, {cloud}"),
        TunnelState.DOWN: ("-.-x", f"down, {cloud}"),
    }.get(tunnel.state, ("===", cloud))
    # Mermaid puts what a line leads to below what it comes from: hubs are above their spokes.
    return f'{names[tunnel.there]} {arrow}|"{label}"| {names[tunnel.here]}'


# ------------------------------------------------------------------------------------------------ the page


def as_stage(picture: Picture) -> dict[str, Plain]:
    """Return nodes, wires, and the tunnels to next hop servers, as a JSON object."""
    return {
        "title": picture.title,
        "about": picture.about,
        "nodes": [
            {
                "name": node.name,
                "kind": node.kind.value,
                "addresses": [each.partition("/")[0] for port in node.ports for each in port.addresses],
            }
            for node in picture.nodes
        ],
        "wires": [{"ends": [list(end) for end in wire.ends]} for wire in picture.wires],
        "tunnels": [
            {"here": tunnel.here, "there": tunnel.there, "cloud": picture.clouds[tunnel.cloud].name}
            for tunnel in picture.tunnels
            if tunnel.state is not TunnelState.DIRECT
        ],
    }
