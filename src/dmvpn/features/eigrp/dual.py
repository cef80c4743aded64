"""DUAL, the diffusing update algorithm: RFC 7868 §3.5, after Garcia-Luna-Aceves, "Loop-Free Routing Using Diffusing
Computations" (1993). It knows destinations, sources and distances, and neither packets nor timers.

A destination is *passive* while its best path is a feasible one: the source's own distance (RD) is smaller than every
distance of ours since the last time we asked (FD), so that source cannot be routing through us. When the best path
is not feasible, the destination becomes *active*: everybody is told our distance by the old successor and asked for
his, and nothing changes until all have replied. Then nobody holds an old distance of ours, and FD may grow.

    receive(prefix, source, report, message)    a neighbor says something, or a path of our own changed
    forget(source)                              a neighbor is gone, with all its paths and the replies it owes
    outcome                                     what must be done about it; the caller takes it away

The moves between the states are the table `MOVES` of `topology.py`. Three points go beyond the RFC's text. A REPLY in
which the successor's distance grew counts like the UPDATE it is (otherwise the second arc of a loop could be chosen).
The feasible path taken is always the best path of all or none, as in the paper, so that the shortest way is found. And
who is active and has told everybody "unreachable" answers even the old successor at once: waiting could close a circle
of waiters where split horizon spared an interface, and the answer cannot get worse.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.metric import INFINITY, MetricScale
from dmvpn.features.eigrp.topology import Destination, Event, Path, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.metric import Vector
    from dmvpn.features.eigrp.topology import Report, Source

#: Destinations farther away than this count as unreachable (`metric maximum-hops`).
MAXIMUM_HOPS = 100


class Message(enum.Enum):
    """How a report reached us. Changes of our own paths and links are UPDATEs too."""

    UPDATE = "update"
    QUERY = "query"
    REPLY = "reply"


class Neighborhood(Protocol):
    """What DUAL finds around it.

    trace: prints a line of `debug eigrp fsm`, None while nobody wants it.
    """

    trace: Callable[[str], None] | None

    @property
    def maximum_hops(self) -> int:
        """Destinations farther away than this count as unreachable."""
        ...

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
        self.table: dict[Prefix, Destination] = {}
        self.active: dict[Prefix, Destination] = {}
        self.outcome = Outcome()
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
        if self._neighborhood.trace:
            self._neighborhood.trace(
                f"rcv{message.value}: {prefix} via {source.address} metric {self._distances(source, report)}"
            )
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
            destination.forget(source)
            if destination.state is State.PASSIVE:
                self._while_passive(destination, None, None, now)
            else:
                self._while_active(destination, source, Message.REPLY, now)

    def relink(self, source: Source, link: Vector, now: float) -> None:
        """Rate the paths of `source` again, because the link to it changed."""
        source.relink(link)
        for prefix in list(source.prefixes):
            path = self.table[prefix].paths[source]
            self.receive(prefix, source, path.report, Message.UPDATE, now)

    # The two halves of the machine -----------------------------------------------------------------------------

    def _while_passive(
        self, destination: Destination, querier: Source | None, told_by: Source | None, now: float
    ) -> None:
        best = destination.best()
        feasible = best is not None and best.is_feasible(destination.feasible_distance)
        successor = destination.successor
        if feasible or (best is None and successor is None):
            self._move(destination, Event.FEASIBLE, now)
            self._adopt(destination, best)
            if querier is not None:
                self.outcome.replies[querier, destination.prefix] = None
            return
        successor_asks = querier is not None and querier is successor
        if successor_asks:
            self._move(destination, Event.SUCCESSOR_ASKS, now, querier)
        else:
            self._move(destination, Event.LOST, now)
            if querier is not None:
                self.outcome.replies[querier, destination.prefix] = None
        self.active[destination.prefix] = destination
        self._ask(destination, told_by if told_by is successor else None, now)

    def _while_active(self, destination: Destination, source: Source, message: Message, now: float) -> None:
        if source is destination.successor:
            path = destination.paths.get(source)
            if message is Message.QUERY and destination.current is None:
                self.outcome.replies[source, destination.prefix] = None  # it cannot get worse for us
            elif message is Message.QUERY:
                self._move(destination, Event.SUCCESSOR_ASKS_AGAIN, now, source)
            elif (path.distance if path else INFINITY) > destination.distance:
                self._move(destination, Event.SUCCESSOR_INCREASES, now)
            self.outcome.routes[destination.prefix] = None
        elif message is Message.QUERY:
            self.outcome.replies[source, destination.prefix] = None
        if message is Message.REPLY and destination.replied(source):
            self._all_replied(destination, now)

    def _ask(self, destination: Destination, told_by: Source | None, now: float) -> None:
        """Freeze our distance by the old successor, as it is now, and ask everybody but who waits for our reply."""
        destination.freeze(self._serial + 1)
        self._reported(destination)
        destination.ask(self._neighborhood.audience(destination.prefix, told_by))
        self.outcome.queried[destination.prefix] = None
        if not destination.awaiting:
            self._all_replied(destination, now)

    def _all_replied(self, destination: Destination, now: float) -> None:
        best = destination.best()
        may_grow = destination.state in (State.ASKED, State.SUCCESSOR_ASKED)
        if not may_grow and (best is None or not best.is_feasible(destination.feasible_distance)):
            self._move(destination, Event.REPLIES_NOT_FEASIBLE, now)
            self._ask(destination, destination.querier, now)
            return
        self._move(destination, Event.REPLIES, now)
        del self.active[destination.prefix]
        self._adopt(destination, best)

    # Small pieces ----------------------------------------------------------------------------------------------

    def _record(self, destination: Destination, source: Source, report: Report) -> None:
        """Note what the source says, with the link to it added."""
        metric = report.metric
        if metric is not None and source.link is not None:
            metric = metric.through(source.link)
        distance = self.scale.distance(metric)
        if metric is None or distance >= INFINITY or metric.hop_count > self._neighborhood.maximum_hops:
            destination.lose(source)
            return
        reported = 0 if source.is_local else self.scale.distance(report.metric)
        destination.learn(Path(source, report, metric, distance, reported))

    def _adopt(self, destination: Destination, best: Path | None) -> None:
        querier = destination.adopt(best, self._serial + 1)
        if querier is not None:
            self.outcome.replies[querier, destination.prefix] = None
        self._reported(destination)
        if best is None:
            del self.table[destination.prefix]

    def _reported(self, destination: Destination) -> None:
        self._serial = max(self._serial, destination.serial)
        self.outcome.changed[destination.prefix] = None
        self.outcome.routes[destination.prefix] = None

    def _move(self, destination: Destination, event: Event, now: float, querier: Source | None = None) -> None:
        old = destination.move(event, now, querier)
        if self._neighborhood.trace and old is not destination.state:
            self._neighborhood.trace(f"{destination.prefix} from {old.name} to {destination.state.name}: {event.value}")

    def _distances(self, source: Source, report: Report) -> str:
        metric = report.metric.through(source.link) if report.metric and source.link else report.metric
        both = (self.scale.distance(metric), self.scale.distance(report.metric))
        return "/".join("Infinity" if distance >= INFINITY else str(distance) for distance in both)
