"""The shortest paths within an area: RFC 2328 §16.1, as a function of its database.

    tree     routers and networks by cost, each with the next hops of all ways of that cost
    routes   networks, made of a tree and of the stub links of its routers

The caller provides the next hops of our links: next hops are addresses of neighbors, which only interfaces know.
"""

from __future__ import annotations

import heapq
from dataclasses import field
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.addresses import Prefix, mask_length
from dmvpn.base.effects import NextHop
from dmvpn.base.values import dataclass
from dmvpn.features.ospf.lsa import LAST_RESORT, LinkType, NetworkBody, RouterBody, RouterLink
from dmvpn.features.ospf.slices import SLICE, drained, paced

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from ipaddress import IPv4Address

    from dmvpn.features.ospf.lsa import Database

#: Next hops in the order in which they were found; () of ourselves.
Hops = tuple[NextHop, ...]


class Vertex(NamedTuple):
    """A router, by its identifier, or a network, by the address of its designated router."""

    is_network: bool
    id: IPv4Address


@dataclass(frozen=True, slots=True)
class Ways:
    """The next hops of our own links.

    neighbors: by our address on the link and the neighbor's identifier. interfaces: by our address. virtual: of virtual
    links, by the same as of neighbors.
    """

    neighbors: Mapping[tuple[IPv4Address, IPv4Address], NextHop]
    interfaces: Mapping[IPv4Address, str]
    virtual: Mapping[tuple[IPv4Address, IPv4Address], Hops] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reached:
    """A vertex of the tree. cost: of the path to it. flags: of a router."""

    cost: int
    hops: Hops
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Tree:
    """The shortest paths from this router."""

    routers: Mapping[IPv4Address, Reached]
    networks: Mapping[IPv4Address, Reached]


@dataclass(frozen=True, slots=True)
class AreaRoute:
    """A network in an area. hops: () if it is our own. origin: the advertising router."""

    prefix: Prefix
    cost: int
    hops: Hops
    origin: IPv4Address


@dataclass(slots=True)
class Graph:
    """The database as a graph: bodies by vertex, their originators, and links by both of their ends."""

    routers: dict[IPv4Address, RouterBody] = field(default_factory=dict)
    links: dict[tuple[IPv4Address, int, IPv4Address], RouterLink] = field(default_factory=dict)
    networks: dict[IPv4Address, tuple[NetworkBody, IPv4Address]] = field(default_factory=dict)

    def edges(self, vertex: Vertex) -> Iterator[tuple[Vertex, int, RouterLink | None]]:
        """Yield where a vertex leads, RFC 2328 §16.1 (2): the other end has to lead back."""
        if vertex.is_network:
            for router in self.networks[vertex.id][0].routers:
                if (router, LinkType.TRANSIT, vertex.id) in self.links:
                    yield Vertex(is_network=False, id=router), 0, None
            return
        for link in self.routers[vertex.id].links:
            if link.type == LinkType.TRANSIT:
                network = self.networks.get(link.id)
                if network is not None and vertex.id in network[0].routers:
                    yield Vertex(is_network=True, id=link.id), link.metric, link
            elif link.type in _TO_ROUTERS and (link.id, link.type, vertex.id) in self.links:
                yield Vertex(is_network=False, id=link.id), link.metric, link

    def add(self, router: IPv4Address, body: RouterBody) -> None:
        """Add a router with its links; of several to the same end the first one counts."""
        self.routers[router] = body
        for link in body.links:
            self.links.setdefault((router, link.type, link.id), link)

    def has_tree_of(self, other: Graph) -> bool:
        """Return whether the shortest paths to routers and networks are the same as in another graph.

        Stub links do not count.
        """
        if self.routers.keys() != other.routers.keys() or self.networks != other.networks:
            return False
        return all(body is old or _joins(body) == _joins(old) for body, old in self._beside(other))

    def _beside(self, other: Graph) -> Iterator[tuple[RouterBody, RouterBody]]:
        return ((body, other.routers[router]) for router, body in self.routers.items())

    def address_of(self, router: IPv4Address, found: Tree) -> IPv4Address | None:
        """Return the address by which the shortest path reaches a router, RFC 2328 §16.1; None: its links have none."""
        end = Vertex(is_network=False, id=router)
        for link in self.routers[router].links:
            is_network = link.type == LinkType.TRANSIT
            before = (found.networks if is_network else found.routers).get(link.id)
            if before is None or link.type == LinkType.STUB:
                continue
            steps = self.edges(Vertex(is_network, link.id))
            costs = [before.cost + cost for vertex, cost, _ in steps if vertex == end]
            if found.routers[router].cost in costs and int(link.data) >> 24:
                return link.data
        return None

    def on_network(self, router: IPv4Address, network: IPv4Address) -> IPv4Address | None:
        """Return the address of a router on a network."""
        link = self.links.get((router, LinkType.TRANSIT, network))
        return link.data if link is not None else None


_TO_ROUTERS: Final = (LinkType.POINT_TO_POINT, LinkType.VIRTUAL)
#: The mask of a network whose prefix is suppressed, RFC 6860 §3.2.1.
_HOST: Final = 32
#: A way that costs so much is none (RFC 2328 §16.1 knows no such limit; RFC 6987 uses it up to here).
_NO_WAY: Final = LAST_RESORT * 64


def _joins(body: RouterBody) -> tuple[int, list[RouterLink]]:
    """Return the roles of a router, and its links to further vertices."""
    return body.flags, [link for link in body.links if link.type != LinkType.STUB]


def tree(database: Database, root: IPv4Address, ways: Ways) -> Tree:
    """Return the shortest paths from `root`, which is this router."""
    return drained(grow(drained(graph_of(database)), root, ways))


def grow(graph: Graph, root: IPv4Address, ways: Ways) -> Generator[None, None, Tree]:
    """Yield between slices of the work of `tree`, and return the tree."""
    start = Vertex(is_network=False, id=root)
    found: dict[Vertex, tuple[int, dict[NextHop, None]]] = {}
    if root in graph.routers:
        found[start] = (0, {})
    done: dict[Vertex, None] = {}
    heap = [(0, not start.is_network, start.id)] if found else []
    while heap:
        cost, is_router, vertex_id = heapq.heappop(heap)
        vertex = Vertex(not is_router, vertex_id)  # of equal cost networks come first, RFC 2328 §16.1 (3)
        if vertex in done:
            continue
        done[vertex] = None
        if not len(done) % SLICE:
            yield
        for other, metric, link in graph.edges(vertex):
            total = cost + metric
            if other in done or total >= _NO_WAY:
                continue
            hops = _hops(graph, ways, (vertex, found[vertex][1]), other, link, root)
            known = found.get(other)
            if not hops or (known is not None and known[0] < total):
                continue
            if known is not None and known[0] == total:
                known[1].update(hops)
            else:
                found[other] = (total, dict(hops))
                heapq.heappush(heap, (total, not other.is_network, other.id))
    routers = {
        vertex.id: Reached(found[vertex][0], tuple(found[vertex][1]), graph.routers[vertex.id].flags)
        for vertex in done
        if not vertex.is_network
    }
    networks = {vertex.id: Reached(found[vertex][0], tuple(found[vertex][1])) for vertex in done if vertex.is_network}
    return Tree(routers, networks)


def graph_of(database: Database) -> Generator[None, None, Graph]:
    """Yield the graph of the current database; changes of it meanwhile do not count."""
    graph = Graph()
    entries = [(key, entry) for key, entry in database.entries.items() if key not in database.dying]
    for (key, entry), ends in paced(entries):
        if ends:
            yield
        body = entry.lsa.body
        if isinstance(body, RouterBody) and key.id == key.router:
            graph.add(key.id, body)
        elif isinstance(body, NetworkBody):
            rival = graph.networks.get(key.id)
            if rival is None or rival[1] < key.router:
                graph.networks[key.id] = (body, key.router)
    return graph


def _hops(
    graph: Graph,
    ways: Ways,
    parent: tuple[Vertex, dict[NextHop, None]],
    child: Vertex,
    link: RouterLink | None,
    root: IPv4Address,
) -> dict[NextHop, None]:
    """Return the next hops of a vertex that is reached by `parent`, RFC 2328 §16.1.1; none: it cannot be reached so."""
    vertex, inherited = parent
    if not vertex.is_network and vertex.id == root and link is not None:
        if child.is_network:
            name = ways.interfaces.get(link.data)
            return {NextHop(name): None} if name is not None else {}
        if link.type == LinkType.VIRTUAL:
            return dict.fromkeys(ways.virtual.get((link.data, child.id), ()))
        hop = ways.neighbors.get((link.data, child.id))
        return {hop: None} if hop is not None else {}
    if not vertex.is_network:
        return inherited
    address = graph.on_network(child.id, vertex.id)
    told = (NextHop(hop.interface, address) if hop.address is None else hop for hop in inherited)
    return {hop: None for hop in told if hop.address is not None}


def routes(database: Database, found: Tree, root: IPv4Address) -> dict[Prefix, AreaRoute]:
    """Return the networks of an area, RFC 2328 §16.1 (2): transit networks, then stub links."""
    return drained(collect(drained(graph_of(database)), found, root))


def collect(graph: Graph, found: Tree, root: IPv4Address) -> Generator[None, None, dict[Prefix, AreaRoute]]:
    """Yield between slices of the work of `routes`, and return the routes."""
    best: dict[Prefix, AreaRoute] = {}
    for network_id, reached in found.networks.items():
        body, router = graph.networks[network_id]
        length = mask_length(body.mask)
        if length is not None and length != _HOST:
            hops = tuple(hop for hop in reached.hops if hop.address is not None)
            _better(best, AreaRoute(Prefix.of(network_id, length), reached.cost, hops, router))
    for (router, reached), ends in paced(found.routers.items()):
        if ends:
            yield
        for link in graph.routers[router].links:
            length = mask_length(link.data) if link.type == LinkType.STUB else None
            if length is not None:
                hops = () if router == root else reached.hops
                _better(best, AreaRoute(Prefix.of(link.id, length), reached.cost + link.metric, hops, router))
    return best


def _better(best: dict[Prefix, AreaRoute], route: AreaRoute) -> None:
    """Keep the shorter path, or both of equal ones; our own network stays our own."""
    known = best.get(route.prefix)
    if known is None or route.cost < known.cost:
        best[route.prefix] = route
    elif route.cost == known.cost and known.hops and route.hops:
        hops = tuple(dict.fromkeys((*known.hops, *route.hops)))
        best[route.prefix] = AreaRoute(route.prefix, route.cost, hops, min(known.origin, route.origin))
