"""Paths to one prefix, and the choice of the best one: RFC 4271 §9.1.2, with the steps that IOS adds.

weight, LOCAL_PREF, originated by us, AS path length, origin, MED (within one neighboring AS), external over internal,
metric to the next hop, the oldest external path, router ID, length of the cluster list, address of the peer, not
imported from another VRF

Besides the best path, others may be advertised (RFC 7911), selected as on IOS:

    usable paths, best first ──> eligible: why each may be advertised ──> numbered: its path identifier

A path keeps its identifier as long as it may be advertised, so a change of one path causes no update of another.

`NextHops` asks the routing table once for each next hop whether it is reachable, and at what metric. NHRP routes do not
resolve a next hop: they exist for packets on a path that the routing protocol has chosen.

`LocRib` has all known paths to each prefix, and the best ones; nothing else writes them.
"""

from __future__ import annotations

import enum
from bisect import bisect_left, insort
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import field
from ipaddress import IPv4Address
from itertools import count, islice
from typing import Final, NamedTuple

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.ports import Ports
from dmvpn.base.values import Mutable, Value
from dmvpn.features.bgp.attributes import Attributes
from dmvpn.features.bgp.model import BEST_ALONE, Decision, PathChoice

# ------------------------------------------------------------------------------------------------ the decision process


DEFAULT_LOCAL_PREF: Final = 100
USUAL: Final = Decision()
#: The weight of routes that this router originates.
OWN_WEIGHT: Final = 32768


class PathOrigin(enum.Enum):
    """How we got a path."""

    __hash__ = object.__hash__  # enum.Enum hashes in Python code, and an origin is part of many keys

    PEER = "peer"
    NETWORK = "network"
    REDISTRIBUTED = "redistributed"
    AGGREGATE = "aggregate"
    IMPORTED = "imported"


#: Identifies a path to a prefix: a peer, and its path identifier if it sends them; one of our reasons to originate it;
#: or the VRF that it is imported from.
#: The peer is there as octets, which remember their hash.
Source = tuple[PathOrigin, bytes, int | str | None]


def peer_source(peer: IPAddress, number: int | None) -> Source:
    """Return the source of a path that a peer sent. number: the path identifier, if it sends them."""
    return PathOrigin.PEER, peer.packed, number


def own_source(origin: PathOrigin) -> Source:
    """Return the source of a path that this router originates."""
    return origin, b"", None


def imported_source(vrf: str) -> Source:
    """Return the source of a path that is imported from another VRF."""
    return PathOrigin.IMPORTED, b"", vrf


class Imported(Value, kw_only=True):
    """What a path is in the VRF that it is imported from.

    rd: the route distinguisher of that VRF. metric: of the route to its next hop there. is_own: that VRF originates it.
    peer: the neighbor there that sent it. A neighbor in this VRF may have the same address.
    next_hops: where the routing table of that VRF leads.
    """

    vrf: str
    rd: str
    metric: int
    is_own: bool
    peer: IPAddress
    next_hops: tuple[NextHop, ...]


class Path(Value, kw_only=True):
    """A path. peer: the sender; 0.0.0.0: ourselves. identifier: the sender's router ID. client: it is our reflector
    client.

    number: the path identifier that the peer sent; None: it sends none.
    confederate: the peer is in another member AS of our confederation.
    damped: the path is not used because of its flaps.
    imported: the path is another VRF's.
    default_pref: the local preference if LOCAL_PREF is absent. since: when it was received, seconds monotonic.
    """

    origin: PathOrigin
    attributes: Attributes
    peer: IPAddress = UNSPECIFIED
    identifier: IPv4Address = UNSPECIFIED
    number: int | None = None
    internal: bool = False
    confederate: bool = False
    client: bool = False
    damped: bool = False
    imported: Imported | None = None
    weight: int = 0
    default_pref: int = DEFAULT_LOCAL_PREF
    since: float = field(default=0.0, compare=False)

    @property
    def source(self) -> Source:
        """Its key among the paths to a prefix."""
        if self.imported is not None:
            return imported_source(self.imported.vrf)
        return peer_source(self.peer, self.number) if self.origin is PathOrigin.PEER else own_source(self.origin)

    @property
    def inside(self) -> bool:
        """Whether the peer is in our AS or our confederation; the decision treats both alike (RFC 5065 §5.3)."""
        return self.internal or self.confederate

    @property
    def own(self) -> bool:
        """Whether this router originates the path, in this table."""
        return self.origin is not PathOrigin.PEER and self.imported is None

    @property
    def teller(self) -> IPAddress:
        """The sender, whichever VRF it is in; 0.0.0.0: ourselves."""
        return self.peer if self.imported is None else self.imported.peer

    @property
    def local_pref(self) -> int:
        """LOCAL_PREF, or the default if it is absent."""
        said = self.attributes.local_pref
        return self.default_pref if said is None else said


def ordered(
    paths: Iterable[Path], metric_to: Callable[[IPAddress], int | None], decision: Decision = USUAL
) -> list[Path]:
    """Return the usable paths, best first; the best path of each neighboring AS precedes the other paths."""
    usable = [(path, metric) for path in paths if (metric := path_metric(path, metric_to)) is not None]
    if len(usable) < 2:
        return [path for path, _ in usable]
    groups: dict[int, list[tuple[Path, int]]] = {}
    for path, metric in usable:
        system = 0 if decision.compares_all_meds else path.attributes.neighbor_system
        groups.setdefault(system, []).append((path, metric))
    heads, others = [], []
    for group in groups.values():
        group.sort(key=lambda one: _key(one[0], one[1], decision, with_med=True))
        heads.append(group[0])
        others += group[1:]
    heads.sort(key=lambda one: _key(one[0], one[1], decision, with_med=False))
    others.sort(key=lambda one: _key(one[0], one[1], decision, with_med=decision.compares_all_meds))
    return [path for path, _ in (*heads, *others)]


def side_by_side(
    paths: list[Path], metric_to: Callable[[IPAddress], int | None], limit: int, decision: Decision = USUAL
) -> list[Path]:
    """Return the best path and the paths equal to it up to the metric to the next hop (`maximum-paths`)."""
    if len(paths) < 2 or limit < 2:
        return paths[:1]
    best = paths[0]

    def rank(path: Path) -> tuple[object, ...]:
        attributes = path.attributes
        systems = () if decision.any_equal_path else attributes.path
        metric = path_metric(path, metric_to)
        return (*_preference(path, decision), _med(path, decision), path.inside, metric, systems)

    highest = rank(best)
    equal = [best, *(path for path in paths[1:] if rank(path) == highest)]
    hops: dict[IPAddress, Path] = {}
    for path in equal:
        hops.setdefault(path.attributes.next_hop, path)
    return list(hops.values())[:limit]


def path_metric(path: Path, metric_to: Callable[[IPAddress], int | None]) -> int | None:
    """Return the metric to the next hop of a path; None: the path cannot be used.

    An imported path has that of its own VRF: otherwise two VRFs that import from each other could each prefer the path
    of the other, and withdraw theirs, without end.
    """
    if path.own:
        return 0
    if path.imported is not None:
        return path.imported.metric
    return None if path.damped else metric_to(path.attributes.next_hop)


def _preference(path: Path, decision: Decision) -> tuple[int, int, bool, int, int]:
    attributes = path.attributes
    length = 0 if decision.ignores_path_length else attributes.path_length
    return -path.weight, -path.local_pref, not path.own, length, attributes.origin


def _med(path: Path, decision: Decision) -> float:
    said = path.attributes.med
    return (float("inf") if decision.missing_med_is_worst else 0) if said is None else said


def _key(path: Path, metric: int, decision: Decision, *, with_med: bool) -> tuple[float, ...]:
    attributes = path.attributes
    med = _med(path, decision) if with_med else 0
    age = 0.0 if path.inside or path.own or decision.compares_router_ids else path.since
    identifier = attributes.originator or path.identifier
    tail = (path.inside, metric, age, int(identifier), len(attributes.clusters), int(path.teller))
    return (*_preference(path, decision), med, *tail, path.imported is not None)


# ---------------------------------------------------------------------------------- paths to advertise besides the best


class Merit(enum.Flag):
    """Why a path may be advertised, or is kept as a backup."""

    BEST = enum.auto()
    SECOND = enum.auto()
    THIRD = enum.auto()
    GROUP_BEST = enum.auto()
    ANY = enum.auto()
    BACKUP = enum.auto()


_NEXT: Final = (Merit.SECOND, Merit.THIRD)


class AdvertisablePath(NamedTuple):
    """A path that may be advertised. number: the path identifier that we send (RFC 7911 §2)."""

    number: int
    path: Path
    merits: Merit


def eligible(
    paths: Sequence[Path], metric_to: Callable[[IPAddress], int | None], choice: PathChoice, decision: Decision
) -> list[tuple[Path, Merit]]:
    """Return the paths that may be advertised, with the reasons. paths: the usable ones, best first.

    `all`, `best` and the backup take at most one path for each next hop.
    """
    if not paths:
        return []
    merits: dict[int, Merit] = {id(paths[0]): Merit.BEST}

    def add(path: Path, merit: Merit) -> None:
        merits[id(path)] = merits.get(id(path), merit) | merit

    hops = {paths[0].attributes.next_hop: None}
    if choice.every:
        for path in paths[1:]:
            if path.attributes.next_hop not in hops:
                hops[path.attributes.next_hop] = None
                add(path, Merit.ANY)
    most = max(choice.best, 2 if choice.backup else 0) - 1
    for place, path in enumerate(_following(paths, metric_to, decision, most)):
        if place < choice.best - 1:
            add(path, _NEXT[place])
        if choice.backup and not place:
            add(path, Merit.BACKUP)
    if choice.group_best:
        systems = {paths[0].attributes.neighbor_system: None}
        for path in paths[1:]:
            if path.attributes.neighbor_system not in systems:
                systems[path.attributes.neighbor_system] = None
                add(path, Merit.GROUP_BEST)
    return [(path, merits[id(path)]) for path in paths if id(path) in merits]


def _following(
    paths: Sequence[Path], metric_to: Callable[[IPAddress], int | None], decision: Decision, most: int
) -> Iterable[Path]:
    """Yield the best of the remaining paths, `most` times, each time without the next hop of the previous one."""
    left = paths
    for _ in range(most):
        better = left[0].attributes.next_hop
        left = ordered([path for path in left if path.attributes.next_hop != better], metric_to, decision)
        if not left:
            return
        yield left[0]


def numbered(before: tuple[AdvertisablePath, ...], found: Iterable[tuple[Path, Merit]]) -> tuple[AdvertisablePath, ...]:
    """Return the candidates. A path keeps its previous number; new paths get the smallest free ones."""
    known = {one.path.source: one.number for one in before}
    paths = list(found)
    kept = {known[path.source]: None for path, _ in paths if path.source in known}
    free = islice((number for number in count() if number not in kept), len(paths))
    return tuple(
        AdvertisablePath(known[path.source] if path.source in known else next(free), path, merits)
        for path, merits in paths
    )


def is_advertised(merits: Merit, choice: PathChoice) -> bool:
    """Return whether a path with these merits is advertised to neighbors for which this choice is configured."""
    wanted = Merit.BEST
    if choice.every:
        wanted |= Merit.ANY
    for merit, _ in zip(_NEXT, range(choice.best - 1), strict=False):
        wanted |= merit
    if choice.group_best:
        wanted |= Merit.GROUP_BEST
    return bool(merits & wanted)


# ------------------------------------------------------------------------------------------------ next hops


class NextHops:
    """Metrics of the next hops that were looked up."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._known: dict[IPAddress, int | None] = {}
        self._sorted: list[int] = []  # the same addresses as integers

    def metric_to(self, hop: IPAddress) -> int | None:
        """Return the metric of the route to a next hop; None: unreachable, or our own address."""
        if hop not in self._known:
            self._known[hop] = self._look(hop)
            insort(self._sorted, int(hop))
        return self._known[hop]

    def any_inside(self, prefix: Prefix) -> bool:
        """Return whether a known next hop is inside this prefix."""
        first = prefix.number
        at = bisect_left(self._sorted, first)
        return at < len(self._sorted) and self._sorted[at] < first + prefix.size

    def refresh(self, *, in_use: Container[IPAddress]) -> list[IPAddress]:
        """Look up the next hops again; returns the changed ones. in_use: next hops to keep; the rest is removed."""
        changed = []
        for hop in list(self._known):
            if hop not in in_use:
                del self._known[hop]
                continue
            metric = self._look(hop)
            if metric != self._known[hop]:
                self._known[hop] = metric
                changed.append(hop)
        if len(self._known) != len(self._sorted):
            self._sorted = sorted(map(int, self._known))
        return changed

    def _look(self, hop: IPAddress) -> int | None:
        if self._ports.interfaces.owner(hop) is not None:
            return None
        route = self._ports.rib.lookup_without_nhrp(hop)
        if route is None or route.kind is not RouteKind.FORWARD:
            return None
        return route.metric


# ------------------------------------------------------------------------------------------------ Loc-RIB


class Destination(Mutable):
    """A prefix. paths: by source. best: the paths in use, the best one first. version: the table version of its last
    change.

    candidates: paths that may be advertised together, if several may be.
    """

    paths: dict[Source, Path] = field(default_factory=dict)
    best: tuple[Path, ...] = ()
    candidates: tuple[AdvertisablePath, ...] = ()
    version: int = 0

    @property
    def chosen(self) -> Path | None:
        """The best path."""
        return self.best[0] if self.best else None


class LocRib:
    """metric_to: returns the metric to a next hop; None: unreachable. limits: maximum paths, external and internal.

    decision: options of the best path decision. choice: paths that may be advertised besides the best one.
    hops: the next hops of all paths, with their prefixes and the number of paths of each. own: prefixes that we
    originate.
    """

    def __init__(self, metric_to: Callable[[IPAddress], int | None]) -> None:
        self.destinations: dict[Prefix, Destination] = {}
        self.version = 1
        self.limits = (1, 1)
        self.decision = USUAL
        self.choice = BEST_ALONE
        self.metric_to = metric_to
        self.hops: dict[IPAddress, dict[Prefix, int]] = {}
        self.own: dict[Prefix, None] = {}

    def put(self, prefixes: Iterable[Prefix], path: Path) -> None:
        """Store a path to these prefixes, each once, unless it is known; call `choose` afterwards."""
        source, fresh = path.source, []
        for prefix in prefixes:
            destination = self.destinations.get(prefix)
            if destination is None:
                destination = self.destinations[prefix] = Destination()
            elif (known := destination.paths.get(source)) is not None:
                if known == path:
                    continue  # it keeps its age and stays the chosen one
                self._leave(prefix, known)
            destination.paths[source] = path
            fresh.append(prefix)
        if not fresh:
            return
        users = self.hops.setdefault(path.attributes.next_hop, {})
        for prefix in fresh:
            users[prefix] = users.get(prefix, 0) + 1
        if path.own:
            self.own.update(dict.fromkeys(fresh))

    def known(self, prefix: Prefix, source: Source) -> Path | None:
        """Return the path from this source to a prefix."""
        destination = self.destinations.get(prefix)
        return destination.paths.get(source) if destination is not None else None

    def take_away(self, prefix: Prefix, source: Source) -> None:
        """Remove the path from a source that no longer has one."""
        destination = self.destinations.get(prefix)
        path = destination.paths.pop(source, None) if destination is not None else None
        if destination is None or path is None:
            return
        self._leave(prefix, path)
        if path.own and not any(other.own for other in destination.paths.values()):
            del self.own[prefix]

    def _leave(self, prefix: Prefix, path: Path) -> None:
        """Count a path less among those with its next hop."""
        hop = path.attributes.next_hop
        users = self.hops[hop]
        users[prefix] -= 1
        if not users[prefix]:
            del users[prefix]
            if not users:
                del self.hops[hop]

    def choose(self, prefixes: Iterable[Prefix]) -> list[Prefix]:
        """Choose the best paths again; returns the prefixes for which they changed.

        Prefixes of one UPDATE share their path objects, so the choice is made once for all of them.
        """
        changed = []
        known: dict[tuple[int, ...], tuple[tuple[Path, ...], list[tuple[Path, Merit]]]] = {}
        for prefix in dict.fromkeys(prefixes):
            destination = self.destinations.get(prefix)
            if destination is None:
                continue
            paths = tuple(map(id, destination.paths.values()))
            if paths not in known:
                usable = ordered(destination.paths.values(), self.metric_to, self.decision)
                limit = self.limits[usable[0].inside] if usable else 1
                others = (
                    [] if self.choice == BEST_ALONE else eligible(usable, self.metric_to, self.choice, self.decision)
                )
                known[paths] = (tuple(side_by_side(usable, self.metric_to, limit, self.decision)), others)
            best, others = known[paths]
            candidates = numbered(destination.candidates, others) if others or destination.candidates else ()
            is_same = (best is destination.best or best == destination.best) and candidates == destination.candidates
            if not is_same:
                self.version += 1
                destination.best, destination.candidates, destination.version = best, candidates, self.version
                changed.append(prefix)
            if not destination.paths:
                del self.destinations[prefix]
        return changed

    def candidates(self, prefix: Prefix) -> tuple[AdvertisablePath, ...]:
        """Return the paths that may be advertised together, best first."""
        destination = self.destinations.get(prefix)
        if destination is None or not destination.best:
            return ()
        return destination.candidates or (AdvertisablePath(0, destination.best[0], Merit.BEST),)

    def best(self, prefix: Prefix) -> Path | None:
        """Return the best path to a prefix."""
        destination = self.destinations.get(prefix)
        return destination.best[0] if destination is not None and destination.best else None

    def reaches(self, path: Path) -> bool:
        """Return whether there is a route to the next hop of a path."""
        return path.own or path.imported is not None or self.metric_to(path.attributes.next_hop) is not None

    def by_next_hop(self, hops: Iterable[IPAddress]) -> list[Prefix]:
        """Return the prefixes that have a path with one of these next hops."""
        return list({prefix: None for hop in hops for prefix in self.hops.get(hop, ())})
