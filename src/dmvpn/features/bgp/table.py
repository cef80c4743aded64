"""Loc-RIB: all known paths to each prefix, and the best ones. Only this class writes them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.additional import AdvertisablePath, Merit, eligible, numbered
from dmvpn.features.bgp.model import BEST_ALONE
from dmvpn.features.bgp.paths import USUAL, Path, Source, ordered, side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix


@dataclass(slots=True)
class Destination:
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

    def __init__(self, metric_to: Callable[[IPv4Address], int | None]) -> None:
        self.destinations: dict[Prefix, Destination] = {}
        self.version = 1
        self.limits = (1, 1)
        self.decision = USUAL
        self.choice = BEST_ALONE
        self.metric_to = metric_to
        self.hops: dict[IPv4Address, dict[Prefix, int]] = {}
        self.own: dict[Prefix, None] = {}

    def put(self, prefix: Prefix, path: Path) -> None:
        """Store a path unless it is known; call `choose` afterwards."""
        source = path.source
        destination = self.destinations.get(prefix)
        if destination is None:
            destination = self.destinations[prefix] = Destination()
        known = destination.paths.get(source)
        if known == path:
            return  # it keeps its age and stays the chosen one
        if known is not None:
            self._count(prefix, known, -1)
        destination.paths[source] = path
        self._count(prefix, path, 1)
        if path.own:
            self.own[prefix] = None

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
        self._count(prefix, path, -1)
        if path.own and not any(other.own for other in destination.paths.values()):
            del self.own[prefix]

    def _count(self, prefix: Prefix, path: Path, change: int) -> None:
        hop = path.attributes.next_hop
        there = self.hops.get(hop)
        if there is None:
            there = self.hops[hop] = {}
        count = there.get(prefix, 0) + change
        if count:
            there[prefix] = count
            return
        del there[prefix]
        if not there:
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
                known[paths] = self._chosen_of(destination.paths.values())
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

    def _chosen_of(self, paths: Iterable[Path]) -> tuple[tuple[Path, ...], list[tuple[Path, Merit]]]:
        """Return the paths in use, and the paths that may be advertised."""
        usable = ordered(paths, self.metric_to, self.decision)
        limit = self.limits[usable[0].inside] if usable else 1
        others = [] if self.choice == BEST_ALONE else eligible(usable, self.metric_to, self.choice, self.decision)
        return tuple(side_by_side(usable, self.metric_to, limit, self.decision)), others

    def candidates(self, prefix: Prefix) -> tuple[AdvertisablePath, ...]:
        """Return the paths that may be advertised together, best first."""
        destination = self.destinations.get(prefix)
        if destination is None or not destination.best:
            return ()
        return destination.candidates or (AdvertisablePath(0, destination.best[0], Merit.BEST),)

    def best(self, prefix: Prefix) -> Path | None:
        """Return the best path to a prefix."""
        destination = self.destinations.get(prefix)
        return destination.chosen if destination is not None else None

    def reaches(self, path: Path) -> bool:
        """Return whether there is a route to the next hop of a path."""
        return path.own or path.imported is not None or self.metric_to(path.attributes.next_hop) is not None

    def by_next_hop(self, hops: Iterable[IPv4Address]) -> list[Prefix]:
        """Return the prefixes that have a path with one of these next hops."""
        return list({prefix: None for hop in hops for prefix in self.hops.get(hop, ())})
