"""A picture in the language of Graphviz: nodes with their addresses, wires, tunnels, a cluster for each region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.tools.picture.model import Kind, TunnelState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.picture.model import Node, Picture, Tunnel, Wire

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
