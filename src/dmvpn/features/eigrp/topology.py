"""The topology table: the paths to each destination, and their sources. RFC 7868 §3.3.

    Source         who knows a path: a neighbor, or this router itself (connected, summary, redistributed)
    Report         what a source says about a destination: its own metric for it
    Path           a report with the link to the source added: our distance by this way
    Destination    all paths to one prefix, and its state: `dual.py` says what happens to it

Reports and paths never change; a new one takes the place of the old one. So the path that a destination held when it
went active can be kept as it was (its metric is what neighbors were told), whatever arrives in the meantime.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.metric import INFINITY, Vector

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.route import ExternalData


class Origin(enum.IntEnum):
    """Where a path comes from; the order in which equal ones are preferred."""

    CONNECTED = 0
    SUMMARY = 1
    REDISTRIBUTED = 2
    NEIGHBOR = 3


@dataclass(slots=True, eq=False)
class Source:
    """A source of paths. Compared by identity: a neighbor that comes back is another source.

    interface: where it is ("" for what belongs to no interface).
    link: what the way to it costs; None for ourselves.
    absolute: its path wins whatever its metric is, because the routing table would not take another one either.
    prefixes: what it has a path for, in the order of arrival.
    """

    origin: Origin
    interface: str = ""
    address: IPv4Address = UNSPECIFIED
    link: Vector | None = None
    absolute: bool = False
    prefixes: dict[Prefix, None] = field(default_factory=dict)

    def relink(self, link: Vector) -> None:
        """Note what the way to it costs from now on."""
        self.link = link

    @property
    def preference(self) -> int:
        """Paths of a smaller number win, whatever their metrics are."""
        return self.origin if self.absolute else Origin.NEIGHBOR

    @property
    def rank(self) -> tuple[int, str, int]:
        """The order among sources of equally good paths."""
        return (self.origin, self.interface, int(self.address))

    @property
    def is_local(self) -> bool:
        """True for our own paths."""
        return self.origin is not Origin.NEIGHBOR


@dataclass(frozen=True, slots=True)
class Report:
    """What a source says about a destination.

    metric: the source's own, None = unreachable for it.
    next_hop: where to send packets; unspecified for our own paths.
    originator: router id of the router that the destination belongs to.
    external: where a redistributed destination comes from.
    """

    metric: Vector | None
    next_hop: IPv4Address = UNSPECIFIED
    originator: IPv4Address = UNSPECIFIED
    external: ExternalData | None = None


UNREACHABLE = Report(None)


@dataclass(frozen=True, slots=True)
class Path:
    """One way to a destination.

    distance: ours by this way.
    reported_distance: the source's own (RD), 0 for ours.
    """

    source: Source
    report: Report
    metric: Vector
    distance: int
    reported_distance: int

    def is_feasible(self, limit: int) -> bool:
        """Return whether the feasibility condition holds, RFC 7868 §3.2: the source is nearer than `limit` (our FD), or
        is ourselves.
        """
        return self.reported_distance < limit or self.source.is_local


class State(enum.Enum):
    """The states of a destination, RFC 7868 §3.5. The value is the query origin flag oij of the active ones."""

    PASSIVE = None
    INCREASED = 0  # we asked, and the distance by the successor grew meanwhile
    ASKED = 1  # we asked because we lost the way
    SUCCESSOR_INCREASED = 2  # as 3, or 1, and the successor asked or its distance grew meanwhile
    SUCCESSOR_ASKED = 3  # the successor asked us, and we do not know better


class Event(enum.Enum):
    """What may move a destination; the numbers are those of the arcs in RFC 7868 §3.5, figure 1."""

    FEASIBLE = "the best path is feasible, or there is none and was none"  # 1, 2
    SUCCESSOR_ASKS = "the successor asks, and the best path is not feasible"  # 3
    LOST = "the best path is not feasible after any other change"  # 4
    SUCCESSOR_ASKS_AGAIN = "the successor asks while replies are awaited"  # 5
    SUCCESSOR_INCREASES = "the distance by the successor grew while replies are awaited"  # 9, 10
    REPLIES_NOT_FEASIBLE = "the last reply came, and the best path is not feasible"  # 11, 12
    REPLIES = "the last reply came, and the best path may be taken"  # 13, 14, 15, 16


#: Every legal move of a destination. A missing pair (KeyError) is our bug, never a neighbor's.
MOVES: Final[dict[tuple[State, Event], State]] = {
    (State.PASSIVE, Event.FEASIBLE): State.PASSIVE,
    (State.PASSIVE, Event.SUCCESSOR_ASKS): State.SUCCESSOR_ASKED,
    (State.PASSIVE, Event.LOST): State.ASKED,
    (State.INCREASED, Event.SUCCESSOR_ASKS_AGAIN): State.SUCCESSOR_INCREASED,
    (State.ASKED, Event.SUCCESSOR_ASKS_AGAIN): State.SUCCESSOR_INCREASED,
    (State.SUCCESSOR_INCREASED, Event.SUCCESSOR_ASKS_AGAIN): State.SUCCESSOR_INCREASED,
    (State.SUCCESSOR_ASKED, Event.SUCCESSOR_ASKS_AGAIN): State.SUCCESSOR_INCREASED,
    (State.INCREASED, Event.SUCCESSOR_INCREASES): State.INCREASED,
    (State.ASKED, Event.SUCCESSOR_INCREASES): State.INCREASED,
    (State.SUCCESSOR_INCREASED, Event.SUCCESSOR_INCREASES): State.SUCCESSOR_INCREASED,
    (State.SUCCESSOR_ASKED, Event.SUCCESSOR_INCREASES): State.SUCCESSOR_INCREASED,
    (State.INCREASED, Event.REPLIES_NOT_FEASIBLE): State.ASKED,
    (State.SUCCESSOR_INCREASED, Event.REPLIES_NOT_FEASIBLE): State.SUCCESSOR_ASKED,
    (State.INCREASED, Event.REPLIES): State.PASSIVE,
    (State.ASKED, Event.REPLIES): State.PASSIVE,
    (State.SUCCESSOR_INCREASED, Event.REPLIES): State.PASSIVE,
    (State.SUCCESSOR_ASKED, Event.REPLIES): State.PASSIVE,
}


@dataclass(slots=True, eq=False)
class Destination:
    """A prefix of the topology table, which moves by `MOVES` and changes itself alone.

    current: the path that we use and report; while active it is frozen, None if there is none.
    feasible_distance: the smallest distance since the destination last became passive (FD).
    awaiting: the neighbors that owe us a reply.
    querier: the successor that waits for ours.
    active_since: seconds, monotonic.
    serial: counts the changes of `current`.
    """

    prefix: Prefix
    paths: dict[Source, Path] = field(default_factory=dict)
    state: State = State.PASSIVE
    current: Path | None = None
    feasible_distance: int = INFINITY
    successor: Source | None = None
    awaiting: dict[Source, None] = field(default_factory=dict)
    querier: Source | None = None
    active_since: float = 0.0
    serial: int = 0

    @property
    def is_active(self) -> bool:
        """True while replies are awaited."""
        return self.state is not State.PASSIVE

    @property
    def distance(self) -> int:
        """What we report as our distance."""
        return self.current.distance if self.current else INFINITY

    def learn(self, path: Path) -> None:
        """Note a path; it takes the place of what its source said before."""
        self.paths[path.source] = path
        path.source.prefixes[self.prefix] = None

    def lose(self, source: Source) -> None:
        """Note that a source has no path any more."""
        self.paths.pop(source, None)
        source.prefixes.pop(self.prefix, None)

    def forget(self, source: Source) -> None:
        """Note that a source is gone, which then waits for no reply of ours either."""
        self.lose(source)
        if self.querier is source:
            self.querier = None

    def move(self, event: Event, now: float, querier: Source | None = None) -> State:
        """Take the move; returns the state before. querier: the successor, if it is its query that moves us.

        Whose replies let FD grow: those of a computation in which the distance by the successor did not.
        """
        old, self.state = self.state, MOVES[self.state, event]
        if old is State.PASSIVE is not self.state:
            self.active_since = now
        elif event is Event.REPLIES and old in (State.ASKED, State.SUCCESSOR_ASKED):
            self.feasible_distance = INFINITY
        if querier is not None:
            self.querier = querier
        return old

    def freeze(self, serial: int) -> None:
        """Report our distance by the old successor, as it is now, for as long as we are active."""
        self._report(self.paths.get(self.successor) if self.successor else None, serial)
        self.feasible_distance = self.distance

    def ask(self, audience: list[Source]) -> None:
        """Await the replies of everybody but who waits for ours."""
        self.awaiting = {source: None for source in audience if source is not self.querier}

    def replied(self, source: Source) -> bool:
        """Note a reply; returns whether none is awaited any more."""
        self.awaiting.pop(source, None)
        return not self.awaiting

    def adopt(self, best: Path | None, serial: int) -> Source | None:
        """Take this path while passive; returns the successor that waited for our reply, None if none did."""
        self.successor = best.source if best else None
        self._report(best, serial)
        self.feasible_distance = min(self.feasible_distance, self.distance) if best else INFINITY
        querier, self.querier = self.querier, None
        return querier

    def _report(self, path: Path | None, serial: int) -> None:
        """Report this as our path from now on, as far as others are told."""
        if path != self.current:
            self.serial = serial
        self.current = path

    def best(self) -> Path | None:
        """Return the path with the smallest distance; of equal ones a feasible one, the present successor first."""
        paths = self.paths
        if len(paths) < 2:
            return next(iter(paths.values()), None)
        limit, successor = self.feasible_distance, self.successor
        return min(
            paths.values(),
            key=lambda path: (
                path.source.preference,
                path.distance,
                not path.is_feasible(limit),
                path.source is not successor,
                path.source.rank,
            ),
        )

    def feasible_successors(self) -> list[Path]:
        """Return paths that are nearer than we ever were (RD < FD): the successors first. RFC 7868 §3.2."""
        if len(self.paths) == 1:
            return [path for path in self.paths.values() if path.is_feasible(self.feasible_distance)]
        best = min((path.source.preference for path in self.paths.values()), default=Origin.NEIGHBOR)
        feasible = [
            path
            for path in self.paths.values()
            if path.source.preference == best and path.is_feasible(self.feasible_distance)
        ]
        return sorted(feasible, key=lambda path: (path.distance, path.source.rank))

    def usable(self) -> list[Path]:
        """Return where packets may go, the best first: while active only by the frozen successor, if that still has a
        path.
        """
        if self.state is State.PASSIVE:
            return self.feasible_successors()
        path = self.paths.get(self.successor) if self.successor else None
        return [path] if path else []

    @property
    def successors(self) -> list[Path]:
        """The feasible paths with the smallest distance."""
        feasible = self.feasible_successors()
        return [path for path in feasible if path.distance == feasible[0].distance]
