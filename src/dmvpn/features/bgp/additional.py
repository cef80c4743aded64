"""Paths to advertise besides the best one (RFC 7911), selected as on IOS.

    usable paths, best first ──> eligible: why each may be advertised ──> numbered: its path identifier

A path keeps its identifier as long as it may be advertised, so a change of one path causes no update of another.
"""

from __future__ import annotations

import enum
from itertools import count, islice
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.features.bgp.paths import Path, ordered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from ipaddress import IPv4Address

    from dmvpn.features.bgp.model import Decision, PathChoice


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
    paths: Sequence[Path], metric_to: Callable[[IPv4Address], int | None], choice: PathChoice, decision: Decision
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
    paths: Sequence[Path], metric_to: Callable[[IPv4Address], int | None], decision: Decision, most: int
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


def is_told(merits: Merit, choice: PathChoice) -> bool:
    """Return whether a path with these merits is advertised to neighbors for which this choice is configured."""
    wanted = Merit.BEST
    if choice.every:
        wanted |= Merit.ANY
    for merit, _ in zip(_NEXT, range(choice.best - 1), strict=False):
        wanted |= merit
    if choice.group_best:
        wanted |= Merit.GROUP_BEST
    return bool(merits & wanted)
