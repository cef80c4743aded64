"""Loc-RIB: for each prefix all paths that we know, and the best of them. It alone writes them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.additional import Candidate, Merit, eligible, numbered
from dmvpn.features.bgp.model import BEST_ALONE
from dmvpn.features.bgp.paths import USUAL, Path, Source, ordered, side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix


@dataclass(slots=True)
class Destination:
    """A prefix. paths: by who told them. best: those in use, the best one first. version: of the table then.

    candidates: those that may be told beside each other, if there is a choice.
    """

    paths: dict[Source, Path] = field(default_factory=dict)
    best: tuple[Path, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    version: int = 0

    @property
    def chosen(self) -> Path | None:
        """The best path."""
        return self.best[0] if self.best else None


class LocRib:
    """metric_to: of a next hop, None: it cannot be reached. limits: paths at a time, external and internal.

    decision: how the best path is found. choice: what may be told besides.
    hops: the next hops of all paths, with the prefixes and how many paths of each lead there. own: what we announce.
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
        """Put a path that somebody tells, unless it is known; `choose` says what follows."""
        source = path.source
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
        """Return the paths in use, and those that may be told."""
        usable = ordered(paths, self.metric_to, self.decision)
        limit = self.limits[usable[0].inside] if usable else 1
        others = [] if self.choice == BEST_ALONE else eligible(usable, self.metric_to, self.choice, self.decision)
        return tuple(side_by_side(usable, self.metric_to, limit, self.decision)), others

    def candidates(self, prefix: Prefix) -> tuple[Candidate, ...]:
        """Return the paths that may be told beside each other, the best one first."""
        destination = self.destinations.get(prefix)
        if destination is None or not destination.best:
            return ()
        return destination.candidates or (Candidate(0, destination.best[0], Merit.BEST),)

    def best(self, prefix: Prefix) -> Path | None:
        """Return the best path to a prefix."""
        destination = self.destinations.get(prefix)
        return destination.chosen if destination is not None else None

    def by_next_hop(self, hops: Iterable[IPv4Address]) -> list[Prefix]:
        """Return the prefixes of which a path leads there."""
        return list({prefix: None for hop in hops for prefix in self.hops.get(hop, ())})
