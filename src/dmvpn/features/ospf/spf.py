"""An area, its shortest paths as a function of its database (RFC 2328 §16.1), and the routes that follow.

    tree     routers and networks by cost, each with the next hops of all ways of that cost
    routes   networks, made of a tree and of the stub links of its routers

The caller provides the next hops of our links: next hops are addresses of neighbors, which only interfaces know.

Routes of all kinds are compared as RFC 2328 §11, §16.2 to §16.4 and RFC 3101 §2.5 say (`keep_better`).

Ranges are many networks advertised as one: `area ... range` between areas, `summary-address` for redistributed routes.
A range is active while it holds a network that is reached within its area; then border routers advertise the range
instead of the networks in it. Its cost is that of the nearest network: IOS does as RFC 1583 had it, where RFC 2328
§12.4.3 takes the farthest. The advertising router drops packets to unknown destinations within the range (Null0).

Long work is done in `Slices`: between two of them the router handles other events, Hellos of neighbors above all. The
work is a generator, which yields where it may be interrupted. A slice ends there; the next one follows by a deadline
that is due a moment later. A request meanwhile is met when the work is finished.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import field
from ipaddress import IPv4Address
from typing import Final, NamedTuple, Self, TypeVar

from dmvpn.base.addresses import IPAddress, Prefix, mask_length
from dmvpn.base.context import PAUSE, Context, Timer
from dmvpn.base.effects import NextHop
from dmvpn.base.values import Mutable, Value, project
from dmvpn.features.ospf.lsa import (
    EVERYWHERE,
    LAST_RESORT,
    UNKNOWN_EVERYWHERE,
    Body,
    Database,
    LinkType,
    LsaKey,
    LsaType,
    NetworkBody,
    Options,
    RouterBody,
    RouterFlag,
    RouterLink,
    VertexId,
)
from dmvpn.features.ospf.model import IPV4, Area, AreaKind, AreaRange, Family

T = TypeVar("T")


# ------------------------------------------------------------------------------------------------ long work in slices


#: Vertices, links or routes that are worked on in one slice: some milliseconds.
SLICE: Final = 128


class Slices:
    """Does one thing at a time in slices. The work itself looks at its end whether it was requested again."""

    def __init__(self, purpose: str, context: Context) -> None:
        self._context = context
        self._steps: Generator[None, None, None] | None = None
        self._again = False
        self._timer = Timer(purpose, self._go_on)

    @property
    def is_busy(self) -> bool:
        """Whether the work is in progress."""
        return self._steps is not None

    @property
    def is_wanted_again(self) -> bool:
        """Whether it was requested once more meanwhile."""
        return self._again

    def begin(self, steps: Generator[None, None, None]) -> None:
        """Begin these steps; if the work is being done already, note that it is wanted again."""
        if self._steps is not None:
            self._again = True
            return
        self._steps = steps
        self._go_on()

    def stop(self) -> None:
        """Drop the work in progress, which is no longer needed."""
        self._context.stop(self._timer)
        self._steps, self._again = None, False

    def end(self) -> None:
        """Drop the work and its timer for good."""
        self.stop()
        self._context.retire(self._timer)

    def _go_on(self) -> None:
        if self._steps is None:
            return
        for _ in self._steps:
            self._context.start(self._timer, PAUSE)
            return
        self._steps, self._again = None, False


def paced(items: Iterable[T]) -> Iterator[tuple[T, bool]]:
    """Yield each item, and whether a slice ends before it."""
    for number, item in enumerate(items, 1):
        yield item, not number % SLICE


def drained(steps: Generator[None, None, T]) -> T:
    """Return the result of the work, done at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


# ------------------------------------------------------------------------------------------------ shortest paths


#: Next hops in the order in which they were found; () of ourselves.
Hops = tuple[NextHop, ...]


class Vertex(NamedTuple):
    """A router, or a network."""

    is_network: bool
    id: VertexId


class FirstHops(Value):
    """The next hops of our own links.

    neighbors: by our end of the link (`OspfInterface.number`) and the neighbor's identifier. interfaces: by our end.
    virtual: of virtual links, by the same as of neighbors. stations: of version 3: the address of a router on one of
    our links, by the link's name and its identifier; None: its router LSA says it.
    """

    neighbors: Mapping[tuple[IPv4Address, VertexId], NextHop]
    interfaces: Mapping[IPv4Address, str]
    virtual: Mapping[tuple[IPv4Address, VertexId], Hops] = field(default_factory=dict)
    stations: Mapping[tuple[str, VertexId], IPAddress] | None = None


class Reached(Value):
    """A vertex of the tree. cost: of the path to it. flags: of a router."""

    cost: int
    hops: Hops
    flags: int = 0


class Tree(Value):
    """The shortest paths from this router."""

    routers: Mapping[IPv4Address, Reached]
    networks: Mapping[VertexId, Reached]


class AreaRoute(Value):
    """A network in an area. hops: () if it is our own. origin: the advertising router."""

    prefix: Prefix
    cost: int
    hops: Hops
    origin: IPv4Address


class Graph(Mutable):
    """The database as a graph: bodies by vertex, their originators, and links by both of their ends."""

    routers: dict[VertexId, RouterBody] = field(default_factory=dict)
    links: dict[tuple[VertexId, int, VertexId], RouterLink] = field(default_factory=dict)
    networks: dict[VertexId, tuple[NetworkBody, IPv4Address]] = field(default_factory=dict)

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
            if not isinstance(link.id, IPv4Address) or link.type == LinkType.STUB:
                continue
            before = found.networks.get(link.id) if is_network else found.routers.get(link.id)
            if before is None:
                continue
            steps = self.edges(Vertex(is_network, link.id))
            costs = [before.cost + cost for vertex, cost, _ in steps if vertex == end]
            if found.routers[router].cost in costs and int(link.data) >> 24:
                return link.data
        return None

    def on_network(self, router: VertexId, network: VertexId) -> IPv4Address | None:
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


def tree(database: Database, root: IPv4Address, first_hops: FirstHops) -> Tree:
    """Return the shortest paths from `root`, which is this router."""
    return drained(grow(drained(graph_of(database)), root, first_hops))


def grow(graph: Graph, root: IPv4Address, first_hops: FirstHops) -> Generator[None, None, Tree]:
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
            hops = _hops(graph, first_hops, (vertex, found[vertex][1]), other, link, root)
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
    return Tree(routers, networks)  # type: ignore[arg-type]  # a router is an address


def graph_of(database: Database, version: int = 4) -> Generator[None, None, Graph]:
    """Yield the graph of the current database; changes of it meanwhile do not count. version: of IP."""
    graph = Graph()
    for (key, entry), ends in paced(database.living()):
        if ends:
            yield
        body = entry.lsa.body
        if version == 6:
            _add3(graph, key, body, entry.lsa.header.options)
        elif isinstance(body, RouterBody) and key[1] == key[2]:
            graph.add(key.id, body)
        elif isinstance(body, NetworkBody):
            rival = graph.networks.get(key.id)
            if rival is None or rival[1] < key.router:
                graph.networks[key.id] = (body, key.router)
    return graph


def _add3(graph: Graph, key: LsaKey, body: Body, options: int) -> None:
    """Add an advertisement of version 3. A router may need several; a router that does not forward leads no further.

    RFC 5340 §4.8.1.
    """
    if isinstance(body, NetworkBody):
        graph.networks[key.router, key.id] = (body, key.router)
    elif isinstance(body, RouterBody) and options & Options.V6:
        known = graph.routers.get(key.router)
        graph.add(key.router, body)
        if not options & Options.LOCAL_SIGNALING:
            graph.routers[key.router] = RouterBody(body.flags, ())
        elif known is not None:
            graph.routers[key.router] = RouterBody(body.flags, (*known.links, *body.links))


def _hops(
    graph: Graph,
    first_hops: FirstHops,
    parent: tuple[Vertex, dict[NextHop, None]],
    child: Vertex,
    link: RouterLink | None,
    root: IPv4Address,
) -> dict[NextHop, None]:
    """Return the next hops of a vertex that is reached by `parent`, RFC 2328 §16.1.1; none: it cannot be reached so."""
    vertex, inherited = parent
    if not vertex.is_network and vertex.id == root and link is not None:
        if child.is_network:
            name = first_hops.interfaces.get(link.data)
            return {NextHop(name): None} if name is not None else {}
        if link.type == LinkType.VIRTUAL:
            return dict.fromkeys(first_hops.virtual.get((link.data, child.id), ()))
        hop = first_hops.neighbors.get((link.data, child.id))
        return {hop: None} if hop is not None else {}
    if not vertex.is_network:
        return inherited
    if first_hops.stations is not None:
        near = (
            (hop.interface, first_hops.stations.get((hop.interface, child.id))) for hop in inherited if not hop.address
        )
        beyond = {hop: None for hop in inherited if hop.address}
        return {**beyond, **{NextHop(name, found): None for name, found in near if found is not None}}
    address = graph.on_network(child.id, vertex.id)
    hops = (NextHop(hop.interface, address) if hop.address is None else hop for hop in inherited)
    return {hop: None for hop in hops if hop.address is not None}


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
            prefix = Prefix.of(network_id, length)  # type: ignore[arg-type]  # in version 2 an address
            better(best, AreaRoute(prefix, reached.cost, hops, router))
    for (router, reached), ends in paced(found.routers.items()):
        if ends:
            yield
        for link in graph.routers[router].links:
            length = mask_length(link.data) if link.type == LinkType.STUB else None
            if length is not None:
                hops = () if router == root else reached.hops
                prefix = Prefix.of(link.id, length)  # type: ignore[arg-type]  # in version 2 an address
                better(best, AreaRoute(prefix, reached.cost + link.metric, hops, router))
    return best


def better(best: dict[Prefix, AreaRoute], route: AreaRoute) -> None:
    """Keep the shorter path, or both of equal ones; our own network stays our own."""
    known = best.get(route.prefix)
    if known is None or route.cost < known.cost:
        best[route.prefix] = route
    elif route.cost == known.cost and known.hops and route.hops:
        hops = tuple(dict.fromkeys((*known.hops, *route.hops)))
        best[route.prefix] = AreaRoute(route.prefix, route.cost, hops, min(known.origin, route.origin))


# ------------------------------------------------------------------------------------------------ an area


#: Of version 2.
_KNOWN: Final = frozenset(int(kind) for kind in LsaType if kind not in (LsaType.LINK, LsaType.PREFIXES))


class RunningArea(Mutable, eq=False):
    """An area; or in version 3 one link of it, as far as advertisements are for this alone.

    tree: the shortest-path tree, None before the first calculation. calculations: how many.

    basis: the input of the tree. is_transit: virtual links lead through it (TransitCapability, RFC 2328 §6).
    """

    number: int
    settings: Area
    database: Database
    tree: Tree | None = None
    basis: tuple[Graph, FirstHops] | None = None
    is_transit: bool = False
    family: Family = IPV4
    calculations: int = 0
    calculated: float = field(default=float("-inf"))

    def configure(self, settings: Area) -> None:
        """Obey other lines."""
        self.settings = settings

    def tree_of(self, graph: Graph, first_hops: FirstHops) -> Tree | None:
        """Return the tree of this graph if the last calculation already found it; None: it must be calculated."""
        if self.basis is None or self.basis[1] != first_hops or not graph.has_tree_of(self.basis[0]):
            return None
        return self.tree

    @property
    def first_hops(self) -> FirstHops | None:
        """The next hops of our own links at the last calculation; None before the first one."""
        return None if self.basis is None else self.basis[1]

    def take(self, tree: Tree, basis: tuple[Graph, FirstHops], now: float) -> None:
        """Store the result of a calculation."""
        self.tree, self.basis = tree, basis
        self.is_transit = any(each.flags & RouterFlag.VIRTUAL for each in tree.routers.values())
        self.calculated = now
        self.calculations += 1

    @property
    def id(self) -> IPv4Address:
        """Its number as packets have it."""
        return IPv4Address(self.number)

    @property
    def takes_externals(self) -> bool:
        """Whether type 5 LSAs are flooded into this area."""
        return self.settings.kind is AreaKind.NORMAL

    def admits(self, kind: int) -> bool:
        """Return whether an advertisement of this type may be here.

        Types 5 and 11 come into normal areas, type 7 into NSSAs alone. Version 3 admits unknown types.
        """
        if kind in EVERYWHERE or kind >> 13 == UNKNOWN_EVERYWHERE:
            return self.takes_externals
        return (kind in _KNOWN or self.family.version == 6) and (
            kind != LsaType.NSSA_EXTERNAL or self.settings.kind is AreaKind.NSSA
        )

    def translates(self, router_id: IPv4Address) -> bool:
        """Return whether this router translates type 7 LSAs. RFC 3101 §3.1; asked of border routers alone."""
        if self.settings.kind is not AreaKind.NSSA or self.tree is None:
            return False
        if self.settings.nssa.always:
            return True
        others = {
            router: reached.flags
            for router, reached in self.tree.routers.items()
            if reached.flags & RouterFlag.BORDER and router != router_id
        }
        return not any(flags & RouterFlag.TRANSLATOR or router > router_id for router, flags in others.items())

    @property
    def options(self) -> Options:
        """Our capabilities in this area, as in Hellos."""
        if self.family.version == 6:
            more = (
                Options.NSSA if self.settings.kind is AreaKind.NSSA else Options.EXTERNAL if self.takes_externals else 0
            )
            return Options.V6 | Options.LOCAL_SIGNALING | more
        if self.settings.kind is AreaKind.NSSA:
            return Options.NSSA
        return Options.EXTERNAL if self.takes_externals else Options(0)

    @property
    def title(self) -> str:
        """As shows call it."""
        return str(self.number)


# ------------------------------------------------------------------------------------------------ routes


class WayKind(enum.Enum):
    """How we know a network; the value is the code after the O in `show ip route`."""

    INTRA = ""
    INTER = "IA"
    EXTERNAL_1 = "E1"
    EXTERNAL_2 = "E2"
    NSSA_1 = "N1"
    NSSA_2 = "N2"

    @property
    def is_external(self) -> bool:
        """Whether it is an external route."""
        return self not in (WayKind.INTRA, WayKind.INTER)

    @property
    def rank(self) -> int:
        """Whatever the cost: within the area, then between areas, then type 1, then type 2."""
        return _RANKS[self]


_RANKS = {
    WayKind.INTRA: 0,
    WayKind.INTER: 1,
    WayKind.EXTERNAL_1: 2,
    WayKind.NSSA_1: 2,
    WayKind.EXTERNAL_2: 3,
    WayKind.NSSA_2: 3,
}


class OspfRoute(Value, kw_only=True):
    """A network as this router reaches it. cost: of the internal path; outer: of type 2. hops: () if it is our own.

    area: of the path, None of type 5. origin: its router. liking: of external ones that are worth
    the same, the smaller one wins: type 7 that is translated, type 5, other type 7 (RFC 3101 §2.5 (6e)).
    """

    prefix: Prefix
    kind: WayKind
    cost: int
    hops: Hops
    origin: IPv4Address
    area: int | None = None
    outer: int = 0
    tag: int = 0
    liking: int = 0

    @classmethod
    def within(cls, area: int, found: AreaRoute) -> Self:
        """Return a route within an area."""
        prefix, cost, hops, origin = found.prefix, found.cost, found.hops, found.origin
        return cls(prefix=prefix, kind=WayKind.INTRA, cost=cost, hops=hops, origin=origin, area=area)

    @property
    def metric(self) -> int:
        """The metric in the routing table."""
        return self.outer if self.kind in (WayKind.EXTERNAL_2, WayKind.NSSA_2) else self.cost

    @property
    def worth(self) -> tuple[int, int, int, int]:
        """The smaller one wins."""
        return self.kind.rank, self.outer, self.cost, self.liking


def keep_better(best: dict[Prefix, OspfRoute], route: OspfRoute) -> None:
    """Keep the better route, or the next hops of both if they are equally good."""
    known = best.get(route.prefix)
    if known is None or route.worth < known.worth:
        best[route.prefix] = route
    elif route.worth == known.worth and known.hops and route.hops:
        best[route.prefix] = project(
            OspfRoute,
            known,
            prefix=route.prefix,
            hops=tuple(dict.fromkeys((*known.hops, *route.hops))),
            origin=min(known.origin, route.origin),
        )


# ------------------------------------------------------------------------------------------------ ranges


class ActiveRange(Value):
    """A range with a network in it. cost: as advertised in other areas."""

    settings: AreaRange
    cost: int


#: By the number of the area and the prefix of the range.
Active = dict[tuple[int, "Prefix"], ActiveRange]


def range_of(area: RunningArea, prefix: Prefix) -> AreaRange | None:
    """Return the most exact range of an area that a network is in."""
    fitting = [each for each in area.settings.ranges if prefix in each.prefix]
    return max(fitting, key=lambda each: each.prefix.length, default=None)


def active_ranges(areas: Mapping[int, RunningArea], routes: Iterable[OspfRoute]) -> Active:
    """Return the ranges that hold a network of their area. routes: intra-area routes."""
    active: Active = {}
    for route in routes:
        area = areas.get(route.area) if route.area is not None and route.kind is WayKind.INTRA else None
        found = range_of(area, route.prefix) if area is not None and area.settings.ranges else None
        if area is None or found is None:
            continue
        name = (area.number, found.prefix)
        nearest = route.cost if name not in active else min(route.cost, active[name].cost)
        active[name] = ActiveRange(found, nearest if found.cost is None else found.cost)
    return active


def dropped(active: Active, routes: Mapping[Prefix, OspfRoute]) -> dict[Prefix, int]:
    """Return the ranges that need a discard route to Null0, with their costs: advertised ranges whose exact prefix has
    no route.
    """
    return {
        prefix: each.cost for (_, prefix), each in active.items() if each.settings.advertise and prefix not in routes
    }
