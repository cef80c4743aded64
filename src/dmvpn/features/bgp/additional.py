"""Which paths to a prefix may be told besides the best one (RFC 7911), by the choices that IOS has.

    usable paths, the best one first ──> eligible: why each may be told ──> numbered: as what we tell it

A number belongs to one path of one peer as long as that one may be told, so a neighbor hears of no change but its own.
"""

from __future__ import annotations

import enum
from itertools import count, islice
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.features.bgp.paths import Path, ordered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from ipaddress import IPv4Address

    from dmvpn.features.bgp.model import Choice, Decision


class Merit(enum.Flag):
    """Why a path may be told, or is kept ready."""

    BEST = enum.auto()
    SECOND = enum.auto()
    THIRD = enum.auto()
    GROUP_BEST = enum.auto()
    ANY = enum.auto()
    BACKUP = enum.auto()


_NEXT: Final = (Merit.SECOND, Merit.THIRD)


class Candidate(NamedTuple):
    """A path that may be told. number: as which we tell it, the path identifier of RFC 7911 §2."""

    number: int
    path: Path
    merits: Merit


def eligible(
    paths: Sequence[Path], metric_to: Callable[[IPv4Address], int | None], choice: Choice, decision: Decision
) -> list[tuple[Path, Merit]]:
    """Return which of these may be told, and why. paths: the usable ones, the best one first.

    Of paths with the same next hop one is enough.
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
    """Yield the best of those that are left without the better ones and their next hops, so many times."""
    left = paths
    for _ in range(most):
        better = left[0].attributes.next_hop
        left = ordered([path for path in left if path.attributes.next_hop != better], metric_to, decision)
        if not left:
            return
        yield left[0]


def numbered(before: tuple[Candidate, ...], found: Iterable[tuple[Path, Merit]]) -> tuple[Candidate, ...]:
    """Return these with the numbers that they had before, and the smallest free ones for others."""
    known = {one.path.source: one.number for one in before}
    paths = list(found)
    kept = {known[path.source]: None for path, _ in paths if path.source in known}
    free = islice((number for number in count() if number not in kept), len(paths))
    return tuple(
        Candidate(known[path.source] if path.source in known else next(free), path, merits) for path, merits in paths
    )


def is_told(merits: Merit, choice: Choice) -> bool:
    """Return whether neighbors that hear such a choice hear of a path."""
    wanted = Merit.BEST
    if choice.every:
        wanted |= Merit.ANY
    for merit, _ in zip(_NEXT, range(choice.best - 1), strict=False):
        wanted |= merit
    if choice.group_best:
        wanted |= Merit.GROUP_BEST
    return bool(merits & wanted)
