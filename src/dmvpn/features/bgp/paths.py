"""Paths to one prefix, and the choice of the best one: RFC 4271 §9.1.2, with the steps that IOS adds.

weight, LOCAL_PREF, originated by us, AS path length, origin, MED (within one neighboring AS), external over internal,
metric to the next hop, the oldest external path, router ID, length of the cluster list, address of the peer, not
imported from another VRF
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.values import dataclass
from dmvpn.features.bgp.model import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ipaddress import IPv4Address

    from dmvpn.base.effects import NextHop
    from dmvpn.features.bgp.attributes import Attributes

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
Source = tuple[PathOrigin, "IPv4Address", int | str | None]


def own_source(origin: PathOrigin) -> Source:
    """Return the source of a path that this router originates."""
    return origin, UNSPECIFIED, None


def imported_source(vrf: str) -> Source:
    """Return the source of a path that is imported from another VRF."""
    return PathOrigin.IMPORTED, UNSPECIFIED, vrf


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a path is in the VRF that it is imported from.

    rd: the route distinguisher of that VRF. metric: of the route to its next hop there. is_own: that VRF originates it.
    peer: the neighbor there that sent it. A neighbor in this VRF may have the same address.
    next_hops: where the routing table of that VRF leads.
    """

    vrf: str
    rd: str
    metric: int
    is_own: bool
    peer: IPv4Address
    next_hops: tuple[NextHop, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
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
    peer: IPv4Address = UNSPECIFIED
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
        return self.origin, self.peer, self.number

    @property
    def inside(self) -> bool:
        """Whether the peer is in our AS or our confederation; the decision treats both alike (RFC 5065 §5.3)."""
        return self.internal or self.confederate

    @property
    def own(self) -> bool:
        """Whether this router originates the path, in this table."""
        return self.origin is not PathOrigin.PEER and self.imported is None

    @property
    def teller(self) -> IPv4Address:
        """The sender, whichever VRF it is in; 0.0.0.0: ourselves."""
        return self.peer if self.imported is None else self.imported.peer

    @property
    def local_pref(self) -> int:
        """LOCAL_PREF, or the default if it is absent."""
        said = self.attributes.local_pref
        return self.default_pref if said is None else said


def ordered(
    paths: Iterable[Path], metric_to: Callable[[IPv4Address], int | None], decision: Decision = USUAL
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
    paths: list[Path], metric_to: Callable[[IPv4Address], int | None], limit: int, decision: Decision = USUAL
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
    hops: dict[IPv4Address, Path] = {}
    for path in equal:
        hops.setdefault(path.attributes.next_hop, path)
    return list(hops.values())[:limit]


def path_metric(path: Path, metric_to: Callable[[IPv4Address], int | None]) -> int | None:
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
