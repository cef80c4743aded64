"""Loc-RIB: for each prefix all paths that we know, and the best of them. It alone writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmvpn.features.bgp.paths import USUAL, Path, PathOrigin, ordered, side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix

#: Who has a path: a peer, or one of our own reasons to announce a prefix.
Source = tuple[PathOrigin, "IPv4Address"]


@dataclass(slots=True)
class Destination:
    """A prefix. paths: by who told them. best: those in use, the best one first. version: of the table then."""

    paths: dict[Source, Path] = field(default_factory=dict)
    best: tuple[Path, ...] = ()
    version: int = 0

    @property
    def chosen(self) -> Path | None:
        """The best path."""
        return self.best[0] if self.best else None


class LocRib:
    """metric_to: of a next hop, None: it cannot be reached. limits: paths at a time, external and internal.

    decision: how the best path is found.
    hops: the next hops of all paths, with the prefixes and how many paths of each lead there. own: what we announce.
    """

    def __init__(self, metric_to: Callable[[IPv4Address], int | None]) -> None:
        self.destinations: dict[Prefix, Destination] = {}
        self.version = 1
        self.limits = (1, 1)
        self.decision = USUAL
        self.metric_to = metric_to
        self.hops: dict[IPv4Address, dict[Prefix, int]] = {}
        self.own: dict[Prefix, None] = {}

    def put(self, prefix: Prefix, path: Path) -> None:
        """Put a path that somebody tells, unless it is known; `choose` says what follows."""
        source = path.origin, path.peer
        destination = self.destinations.get(prefix)
        if destination is None:
            destination = self.destinations[prefix] = Destination()
        known = destination.paths.get(source)
        if known == path:
            return  # it keeps its age, and stays the one that was chosen
        if known is not None:
            self._count(prefix, known, -1)
        destination.paths[source] = path
        self._count(prefix, path, 1)
        if path.own:
            self.own[prefix] = None

    def known(self, prefix: Prefix, source: Source) -> Path | None:
        """Return what this one tells of a prefix."""
        destination = self.destinations.get(prefix)
        return destination.paths.get(source) if destination is not None else None

    def take_away(self, prefix: Prefix, source: Source) -> None:
        """Take away what somebody does not tell any more."""
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
        """Choose again; returns the prefixes whose best paths are others now.

        Those that were told together have the same paths, so what is the best of them is found once.
        """
        changed = []
        known: dict[tuple[int, ...], tuple[Path, ...]] = {}
        for prefix in dict.fromkeys(prefixes):
            destination = self.destinations.get(prefix)
            if destination is None:
                continue
            paths = tuple(map(id, destination.paths.values()))
            best = known.get(paths)
            if best is None:
                best = known[paths] = self._best_of(destination.paths.values())
            if best is not destination.best and best != destination.best:
                self.version += 1
                destination.best, destination.version = best, self.version
                changed.append(prefix)
            if not destination.paths:
                del self.destinations[prefix]
        return changed

    def _best_of(self, paths: Iterable[Path]) -> tuple[Path, ...]:
        candidates = ordered(paths, self.metric_to, self.decision)
        limit = self.limits[candidates[0].internal] if candidates else 1
        return tuple(side_by_side(candidates, self.metric_to, limit, self.decision))

    def best(self, prefix: Prefix) -> Path | None:
        """Return the best path to a prefix."""
        destination = self.destinations.get(prefix)
        return destination.chosen if destination is not None else None

    def by_next_hop(self, hops: Iterable[IPv4Address]) -> list[Prefix]:
        """Return the prefixes of which a path leads there."""
        return list({prefix: None for hop in hops for prefix in self.hops.get(hop, ())})
