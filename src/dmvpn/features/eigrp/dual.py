"""DUAL, the diffusing update algorithm: RFC 7868 §3.5, after Garcia-Luna-Aceves, "Loop-Free Routing Using Diffusing
Computations" (1993). It knows destinations, sources and distances, and neither packets nor timers.

A destination is *passive* while its best path is a feasible one: the source's own distance (RD) is smaller than every
distance of ours since the last time we asked (FD), so that source cannot be routing through us. When the best path
is not feasible, the destination becomes *active*: everybody is told our distance by the old successor and asked for
his, and nothing changes until all have replied. Then nobody holds an old distance of ours, and FD may grow.

    receive(prefix, source, report, message)    a neighbor says something, or a path of our own changed
    forget(source)                              a neighbor is gone, with all its paths and the replies it owes
    outcome                                     what must be done about it; the caller takes it away

The moves between the states are the table `MOVES`. Three points go beyond the RFC's text. A REPLY in which the
successor's distance grew counts like the UPDATE it is (otherwise the second arc of a loop could be chosen). The
feasible path taken is always the best path of all or none, as in the paper, so that the shortest way is found. And who
is active and has told everybody "unreachable" answers even the old successor at once: waiting could close a circle of
waiters where split horizon spared an interface, and the answer cannot get worse.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from dmvpn.features.eigrp.metric import INFINITY, MetricScale
from dmvpn.features.eigrp.topology import Destination, Path, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.topology import Report, Source

#: Destinations farther away than this count as unreachable (`metric maximum-hops`).
MAXIMUM_HOPS = 100


class Message(enum.Enum):
    """How a report reached us. Changes of our own paths and links are UPDATEs too."""

    UPDATE = "update"
    QUERY = "query"
    REPLY = "reply"


class Event(enum.Enum):
    """What may move a destination; the numbers are those of the arcs in RFC 7868 §3.5, figure 1."""

    FEASIBLE = "the best path is feasible, or there is none and was none"  # 1, 2
    SUCCESSOR_ASKS = "the successor asks, and the best path is not feasible"  # 3
    LOST = "the best path is not feasible after any other change"  # 4
    SUCCESSOR_ASKS_AGAIN = "the successor asks while replies are awaited"  # 5
    SUCCESSOR_INCREASES = "the distance by the successor grew while replies are awaited"  # 9, 10
    REPLIES_NOT_FEASIBLE = "the last reply came, and the best path is not feasible"  # 11, 12
    REPLIES = "the last reply came, and the best path may be taken"  # 13, 14, 15, 16


#: Every legal move. A missing pair (KeyError) is our bug, never a neighbor's.
MOVES: dict[tuple[State, Event], State] = {
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


class Neighborhood(Protocol):
    """The neighbors that DUAL may ask."""

    def audience(self, prefix: Prefix, told_by: Source | None) -> list[Source]:
        """Return neighbors to be queried, in a fixed order: all but stubs.

        told_by: the successor whose message made us ask. Split horizon spares its interface (RFC 7868 §5.4.2), but for
        those there who may think that they can reach the prefix through us.
        """
        ...


@dataclass(slots=True)
class Outcome:
    """What DUAL wants done. Dictionaries without values are ordered sets.

    changed: destinations whose reported metric may be different.
    queried: those that went active; ask the neighbors in `awaiting`.
    replies: the neighbors to answer, and for what.
    routes: whose usable paths may be different.
    """

    changed: dict[Prefix, None] = field(default_factory=dict)
    queried: dict[Prefix, None] = field(default_factory=dict)
    replies: dict[tuple[Source, Prefix], None] = field(default_factory=dict)
    routes: dict[Prefix, None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changed or self.queried or self.replies or self.routes)


class Dual:
    """The topology table of one process and the state machine over it."""

    def __init__(self, scale: MetricScale, neighborhood: Neighborhood) -> None:
        self.scale = scale
        self.maximum_hops = MAXIMUM_HOPS
        self.table: dict[Prefix, Destination] = {}
        self.active: dict[Prefix, Destination] = {}
        self.outcome = Outcome()
        self.trace: Callable[[str], None] | None = None  # `debug eigrp fsm`
        self._neighborhood = neighborhood
        self._serial = 0

    def take_outcome(self) -> Outcome:
        """Return what is to be done since the last call."""
        outcome, self.outcome = self.outcome, Outcome()
        return outcome

    def receive(self, prefix: Prefix, source: Source, report: Report, message: Message, now: float) -> None:
        """Take in that `source` says `report` about `prefix`. now: seconds, monotonic."""
        destination = self.table.get(prefix)
        if destination is None:
            if report.metric is None:
                if message is Message.QUERY:
                    self.outcome.replies[source, prefix] = None
                return
            destination = self.table[prefix] = Destination(prefix)
        if self.trace:
            self.trace(f"rcv{message.value}: {prefix} via {source.address} metric {self._distances(source, report)}")
        self._record(destination, source, report)
        if destination.state is State.PASSIVE:
            self._while_passive(destination, source if message is Message.QUERY else None, source, now)
        else:
            self._while_active(destination, source, message, now)

    def forget(self, source: Source, now: float) -> None:
        """Forget `source`, which is gone: it has no path any more and counts as having replied to everything (RFC 7868
        §3.5, 8).
        """
        concerned = dict(source.prefixes)
        concerned.update((prefix, None) for prefix, active in self.active.items() if source in active.awaiting)
        for prefix in concerned:
            destination = self.table[prefix]
            destination.paths.pop(source, None)
            if destination.querier is source:
                destination.querier = None
            if destination.state is State.PASSIVE:
                self._while_passive(destination, None, None, now)
            else:
                self._while_active(destination, source, Message.REPLY, now)
        source.prefixes.clear()

    def rate_again(self, source: Source, now: float) -> None:
        """Rate the paths of `source` again, because the link to it changed."""
        for prefix in list(source.prefixes):
            path = self.table[prefix].paths[source]
            self.receive(prefix, source, path.report, Message.UPDATE, now)

    # The two halves of the machine -----------------------------------------------------------------------------

    def _while_passive(
        self, destination: Destination, querier: Source | None, told_by: Source | None, now: float
    ) -> None:
        best = self._best(destination)
        feasible = best is not None and best.is_feasible(destination.feasible_distance)
        successor = destination.successor
        if feasible or (best is None and successor is None):
            self._move(destination, Event.FEASIBLE)
            self._adopt(destination, best)
            if querier is not None:
                self.outcome.replies[querier, destination.prefix] = None
            return
        successor_asks = querier is not None and querier is successor
        self._move(destination, Event.SUCCESSOR_ASKS if successor_asks else Event.LOST)
        if successor_asks:
            destination.querier = querier
        elif querier is not None:
            self.outcome.replies[querier, destination.prefix] = None
        destination.active_since = now
        self.active[destination.prefix] = destination
        self._ask(destination, told_by if told_by is successor else None, now)

    def _while_active(self, destination: Destination, source: Source, message: Message, now: float) -> None:
        if source is destination.successor:
            path = destination.paths.get(source)
            if message is Message.QUERY and destination.current is None:
                self.outcome.replies[source, destination.prefix] = None  # it cannot get worse for us
            elif message is Message.QUERY:
                self._move(destination, Event.SUCCESSOR_ASKS_AGAIN)
                destination.querier = source
            elif (path.distance if path else INFINITY) > destination.distance:
                self._move(destination, Event.SUCCESSOR_INCREASES)
            self.outcome.routes[destination.prefix] = None
        elif message is Message.QUERY:
            self.outcome.replies[source, destination.prefix] = None
        if message is Message.REPLY:
            destination.awaiting.pop(source, None)
            if not destination.awaiting:
                self._all_replied(destination, now)

    def _ask(self, destination: Destination, told_by: Source | None, now: float) -> None:
        """Freeze our distance by the old successor, as it is now, and ask everybody but who waits for our reply."""
        frozen = destination.paths.get(destination.successor) if destination.successor else None
        self._report(destination, frozen)
        destination.feasible_distance = destination.distance
        audience = self._neighborhood.audience(destination.prefix, told_by)
        destination.awaiting = {source: None for source in audience if source is not destination.querier}
        self.outcome.queried[destination.prefix] = None
        self.outcome.routes[destination.prefix] = None
        if not destination.awaiting:
            self._all_replied(destination, now)

    def _all_replied(self, destination: Destination, now: float) -> None:
        best = self._best(destination)
        if destination.state in (State.ASKED, State.SUCCESSOR_ASKED):
            destination.feasible_distance = INFINITY
        elif best is None or not best.is_feasible(destination.feasible_distance):
            self._move(destination, Event.REPLIES_NOT_FEASIBLE)
            self._ask(destination, destination.querier, now)
            return
        self._move(destination, Event.REPLIES)
        del self.active[destination.prefix]
        querier, destination.querier = destination.querier, None
        if querier is not None:
            self.outcome.replies[querier, destination.prefix] = None
        self._adopt(destination, best)

    # Small pieces ----------------------------------------------------------------------------------------------

    def _record(self, destination: Destination, source: Source, report: Report) -> None:
        """Note what the source says, with the link to it added."""
        metric = report.metric
        if metric is not None and source.link is not None:
            metric = metric.through(source.link)
        distance = self.scale.distance(metric)
        if metric is None or distance >= INFINITY or metric.hop_count > self.maximum_hops:
            destination.paths.pop(source, None)
            source.prefixes.pop(destination.prefix, None)
            return
        reported = 0 if source.is_local else self.scale.distance(report.metric)
        destination.paths[source] = Path(source, report, metric, distance, reported)
        source.prefixes[destination.prefix] = None

    def _best(self, destination: Destination) -> Path | None:
        """Return the path with the smallest distance; of equal ones a feasible one, the present successor first."""
        paths = destination.paths
        if not paths:
            return None
        if len(paths) == 1:
            return next(iter(paths.values()))
        limit, successor = destination.feasible_distance, destination.successor
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

    def _adopt(self, destination: Destination, best: Path | None) -> None:
        destination.successor = best.source if best else None
        self._report(destination, best)
        destination.feasible_distance = min(destination.feasible_distance, destination.distance)
        self.outcome.routes[destination.prefix] = None
        if best is None:
            destination.feasible_distance = INFINITY
            del self.table[destination.prefix]

    def _report(self, destination: Destination, path: Path | None) -> None:
        """Report this as our path from now on, as far as others are told."""
        if path != destination.current:
            self._serial += 1
            destination.serial = self._serial
        destination.current = path
        self.outcome.changed[destination.prefix] = None

    def _move(self, destination: Destination, event: Event) -> None:
        old = destination.state
        destination.state = MOVES[old, event]
        if self.trace and old is not destination.state:
            self.trace(f"{destination.prefix} from {old.name} to {destination.state.name}: {event.value}")

    def _distances(self, source: Source, report: Report) -> str:
        metric = report.metric.through(source.link) if report.metric and source.link else report.metric
        both = (self.scale.distance(metric), self.scale.distance(report.metric))
        return "/".join("Infinity" if distance >= INFINITY else str(distance) for distance in both)
