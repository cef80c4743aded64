"""What a picture shows, as values. Names are those of the network; the writers escape them."""

from __future__ import annotations

from enum import Enum

from dmvpn.base.values import dataclass


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An interface with an address.

    name: short, as "Gi0/1".
    address: with its length.
    cloud: of a tunnel, its index in `Picture.clouds`; None for other ports.
    is_source: a tunnel uses its address as its NBMA address.
    """

    name: str
    address: str
    cloud: int | None = None
    is_source: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A router, a NAT box or a host.

    runs: False for a router that is known to be dead.
    region: index in `Picture.regions`, None: in none.
    """

    name: str
    kind: Kind
    ports: tuple[Port, ...] = ()
    runs: bool = True
    region: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The tunnels of one subnet, or all tunnels between two ends alone.

    name: the prefix of its tunnel addresses.
    details: for the legend: "network-id 1", "IPsec".
    protected: IPsec protects it.
    """

    name: str
    details: tuple[str, ...] = ()
    protected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
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
        return ", ".join(f"{count} {_plural(name) if count != 1 else name}" for count, name in counts if count)


def _plural(name: str) -> str:
    return f"{name}es" if name.endswith("x") else f"{name}s"
