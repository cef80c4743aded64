"""What a picture shows, as values. Names are those of the network; the writers escape them.

Wires have a purpose: to a provider, behind a NAT box, between inner routers, to hosts. A band is what sites are
connected by: a provider's router, or a wire that tunnels use and no provider is on. A NAT box is between a band and
routers. All other routers are inner ones, behind a router that is wired to a band.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from enum import Enum

from dmvpn.base.values import Mutable, Value

# ------------------------------------------------------------------------------------------------ values


class Kind(Enum):
    """What a node is."""

    HUB = "hub"
    SPOKE = "spoke"
    ROUTER = "router"
    PROVIDER = "provider"
    NAT = "NAT"
    HOST = "host"


class TunnelState(Enum):
    """The state of a tunnel. CONFIGURED: nothing runs, so only its configuration is known."""

    CONFIGURED = "configured"
    UP = "up"
    DOWN = "down"
    DIRECT = "direct"


class Port(Value, kw_only=True):
    """An interface with an address.

    name: short, as "Gi0/1".
    address: with its length.
    more: its further addresses.
    cloud: of a tunnel, its index in `Picture.clouds`; None for other ports.
    is_source: a tunnel uses its address as its NBMA address.
    """

    name: str
    address: str
    cloud: int | None = None
    is_source: bool = False
    more: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """All its addresses, with their lengths."""
        return (self.address, *self.more)


class Node(Value, kw_only=True):
    """A router, a NAT box or a host.

    runs: False for a router that is known to be dead.
    region: index in `Picture.regions`, None: in none.
    """

    name: str
    kind: Kind
    ports: tuple[Port, ...] = ()
    runs: bool = True
    region: int | None = None


class Wire(Value, kw_only=True):
    """A wire or a switch.

    ends: nodes and their ports, "" for the only port of a host.
    network: its prefixes.
    problems: "cut", "loss 10".
    """

    ends: tuple[tuple[str, str], ...]
    network: str = ""
    problems: tuple[str, ...] = ()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes, each once."""
        return tuple(dict.fromkeys(node for node, _ in self.ends))


class Cloud(Value, kw_only=True):
    """The tunnels of one subnet, or all tunnels between two ends alone.

    name: the prefix of its tunnel addresses.
    details: for the legend: "network-id 1", "IPsec".
    protected: IPsec protects it.
    """

    name: str
    details: tuple[str, ...] = ()
    protected: bool = False


class Tunnel(Value, kw_only=True):
    """A tunnel between two routers.

    here, there: client and server, if one of them is a server.
    cloud: index in `Picture.clouds`.
    note: more about it, as why it is down.
    """

    here: str
    there: str
    cloud: int
    state: TunnelState = TunnelState.CONFIGURED
    note: str = ""


class Picture(Value, kw_only=True):
    """A network.

    about: what it is a picture of: "scenario", "lab that runs".
    regions: their names, which are those of their hubs.
    """

    title: str
    about: str
    nodes: tuple[Node, ...]
    wires: tuple[Wire, ...]
    clouds: tuple[Cloud, ...]
    tunnels: tuple[Tunnel, ...]
    regions: tuple[str, ...] = ()

    @property
    def caption(self) -> str:
        """What it is a picture of, and its contents, counted."""
        return f"{self.about}: {self.summary}"

    @property
    def summary(self) -> str:
        """Its contents, counted: "3 routers, 1 provider, 3 hosts, 2 tunnels, 1 direct tunnel"."""
        routers = sum(node.kind in (Kind.HUB, Kind.SPOKE, Kind.ROUTER) for node in self.nodes)
        direct = sum(tunnel.state is TunnelState.DIRECT for tunnel in self.tunnels)
        counts = (
            (routers, "router"),
            (sum(node.kind is Kind.PROVIDER for node in self.nodes), "provider"),
            (sum(node.kind is Kind.NAT for node in self.nodes), "NAT box"),
            (sum(node.kind is Kind.HOST for node in self.nodes), "host"),
            (len(self.tunnels) - direct, "tunnel"),
            (direct, "direct tunnel"),
        )
        plurals = {name: f"{name}es" if name.endswith("x") else f"{name}s" for _, name in counts}
        return ", ".join(f"{count} {plurals[name] if count != 1 else name}" for count, name in counts if count)


# ----------------------------------------------------------------------------------------------- wires by their purpose


class Uplink(Value, kw_only=True):
    """A router's or NAT box's wire to a band. band: its index."""

    node: str
    band: int
    wire: Wire


class Underlay(Mutable, kw_only=True):
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
    sources = {(name, port.name) for name in kinds for port in nodes[name].ports if port.is_source}
    if owner is not None:
        found.hosts += [(host, owner, wire) for host in hosts]
    if inside:
        found.behind += [(router, inside[0], wire) for router in routers]
    elif providers:
        found.uplinks += [Uplink(node=name, band=providers[0], wire=wire) for name in routers]
        found.between += [(providers[0], other, wire) for other in providers[1:]]
    elif len(routers) > 1 and sources & {*wire.ends}:
        found.bands.append(wire.network or "a wire")
        found.uplinks += [Uplink(node=name, band=len(found.bands) - 1, wire=wire) for name in routers]
    else:
        found.inner += [(routers[0], other, wire) for other in routers[1:]]
