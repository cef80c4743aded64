"""The wires of a picture by their purpose: to a provider, behind a NAT box, between inner routers, to hosts.

A band is what sites are connected by: a provider's router, or a wire that tunnels use and no provider is on. A NAT box
is between a band and routers. All other routers are inner ones, behind a router that is wired to a band.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.tools.picture.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.picture.model import Node, Picture, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """A router's or NAT box's wire to a band. band: its index."""

    node: str
    band: int
    wire: Wire


@dataclass(slots=True, kw_only=True)
class Underlay:
    """How the nodes of a picture are connected.

    bands: the name of each.
    uplinks: of routers and NAT boxes.
    between: wires between two bands.
    behind: (router, its NAT box, their wire).
    inner: wires between routers that no tunnel uses.
    hosts: (host, its router or provider, their wire).
    """

    bands: list[str] = field(default_factory=list)
    uplinks: list[Uplink] = field(default_factory=list)
    between: list[tuple[int, int, Wire]] = field(default_factory=list)
    behind: list[tuple[str, str, Wire]] = field(default_factory=list)
    inner: list[tuple[str, str, Wire]] = field(default_factory=list)
    hosts: list[tuple[str, str, Wire]] = field(default_factory=list)

    @property
    def attached(self) -> list[str]:
        """The nodes with a way to a band that leads through no other router, each once."""
        return list(dict.fromkeys([*(link.node for link in self.uplinks), *(router for router, _, _ in self.behind)]))

    def neighbors(self, name: str) -> Iterator[str]:
        """Yield the routers that share an inner wire with this one."""
        for first, second, _ in self.inner:
            if name in (first, second):
                yield second if name == first else first


def underlay_of(picture: Picture) -> Underlay:
    """Return how the nodes of a picture are connected."""
    nodes = {node.name: node for node in picture.nodes}
    found = Underlay(bands=[node.name for node in picture.nodes if node.kind is Kind.PROVIDER])
    for wire in picture.wires:
        _sort(found, nodes, wire)
    return found


def _sort(found: Underlay, nodes: dict[str, Node], wire: Wire) -> None:
    """Put one wire where it belongs."""
    kinds = {name: nodes[name].kind for name in wire.nodes if name in nodes}
    hosts = [name for name, kind in kinds.items() if kind is Kind.HOST]
    providers = [found.bands.index(name) for name, kind in kinds.items() if kind is Kind.PROVIDER]
    inside = [node for node, port in wire.ends if kinds.get(node) is Kind.NAT and port == "inside"]
    routers = [name for name, kind in kinds.items() if kind not in (Kind.HOST, Kind.PROVIDER) and name not in inside]
    owner = next((name for name in kinds if name not in hosts), None)
    if owner is not None:
        found.hosts += [(host, owner, wire) for host in hosts]
    if inside:
        found.behind += [(router, inside[0], wire) for router in routers]
    elif providers:
        found.uplinks += [Uplink(node=name, band=providers[0], wire=wire) for name in routers]
        found.between += [(providers[0], other, wire) for other in providers[1:]]
    elif len(routers) > 1 and any(_is_source(nodes[node], port) for node, port in wire.ends if node in nodes):
        found.bands.append(wire.network or "a wire")
        found.uplinks += [Uplink(node=name, band=len(found.bands) - 1, wire=wire) for name in routers]
    else:
        found.inner += [(routers[0], other, wire) for other in routers[1:]]


def _is_source(node: Node, port: str) -> bool:
    return any(each.name == port and each.is_source for each in node.ports)
