"""DUAL, the diffusing update algorithm: RFC 7868 §3.5, after Garcia-Luna-Aceves, "Loop-Free Routing Using Diffusing
Computations" (1993). It handles destinations, sources and distances, but no packets and no timers.

A destination is *passive* while its best path is feasible: the reported distance (RD) of its source is smaller than
every distance of ours since the last diffusing computation (FD), so the source cannot be routing through us. When the
best path is not feasible, the destination becomes *active*: we report our distance through the old successor to all
neighbors, query them, and change nothing until all have replied. Then no neighbor uses an old distance of ours, and FD
may grow.

    receive(prefix, source, report, message)    a neighbor sends a report, or a path of our own changed
    forget(source)                              a neighbor is gone, with all its paths and the replies it owes
    outcome                                     the resulting actions; the caller takes them

The state transitions are `MOVES` in `topology.py`. Four points go beyond the text of the RFC. A REPLY in which the
successor's distance grew counts as the UPDATE that it is (otherwise the second arc of a loop could be chosen). The path
taken is always the best of all paths or none, as in the paper, so that the shortest path is found. A router that is
active and has reported "unreachable" to all neighbors replies at once even to its old successor: waiting could close a
cycle of waiting routers where split horizon omitted an interface, and the reply cannot get worse. And an old successor
that lost the destination is not used again while we are active: its new path may come from an old report of ours.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.messages import fsm_line
from dmvpn.features.eigrp.metric import INFINITY
from dmvpn.features.eigrp.topology import Destination, DestinationState, Event, Path, Unusable

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.metric import Vector
    from dmvpn.features.eigrp.state import State
    from dmvpn.features.eigrp.topology import PathSource, Report

    #: Returns the neighbors to query about a prefix; the source is the successor whose message caused the query.
    Audience = Callable[[Prefix, PathSource | None], list[PathSource]]


class Message(enum.Enum):
    """The packet type of a report. Changes of our own paths and links count as UPDATEs."""

    UPDATE = "update"
    QUERY = "query"
    REPLY = "reply"


@dataclass(slots=True)
class DualActions:
    """Actions that DUAL requests. Dictionaries without values are ordered sets.

    changed: destinations whose advertised metric may have changed.
    queried: destinations that became active; query the neighbors in `awaiting`.
    replies: the neighbors to reply to, with the destinations.
    routes: destinations whose usable paths may have changed.
    """

    changed: dict[Prefix, None] = field(default_factory=dict)
    queried: dict[Prefix, None] = field(default_factory=dict)
    replies: dict[tuple[PathSource, Prefix], None] = field(default_factory=dict)
    routes: dict[Prefix, None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changed or self.queried or self.replies or self.routes)


class Dual:
    """The topology table of one process and the state machine over it."""

    def __init__(self, state: State, audience: Audience) -> None:
        self._state = state
        self.scale = state.settings.scale
        self.table: dict[Prefix, Destination] = {}
        self.active: dict[Prefix, Destination] = {}
        self.too_far = Unusable()
        self.outcome = DualActions()
        self._audience = audience
        self._serial = 0

    def take_outcome(self) -> DualActions:
        """Return the actions since the last call."""
        outcome, self.outcome = self.outcome, DualActions()
        return outcome

    def receive(self, prefix: Prefix, source: PathSource, report: Report, message: Message, now: float) -> None:
        """Process a report from `source` about `prefix`. now: seconds, monotonic."""
        destination = self.table.get(prefix)
        if destination is None:
            if report.metric is None:
                self.too_far.drop(source, prefix)
                if message is Message.QUERY:
                    self.outcome.replies[source, prefix] = None
                return
            destination = self.table[prefix] = Destination(prefix)
        if self._state.traces_dual:
            self._trace(f"rcv{message.value}: {prefix} via {source.address} metric {self._distances(source, report)}")
        self._record(destination, source, report)
        if destination.state is DestinationState.PASSIVE:
            self._while_passive(destination, source if message is Message.QUERY else None, source, now)
        else:
            self._while_active(destination, source, message, now)

    def forget(self, source: PathSource, now: float) -> None:
        """Remove a lost source: its paths are gone, and it counts as having replied to all queries
        (RFC 7868 §3.5, 8).
        """
        self.too_far.forget(source)
        concerned = dict(source.prefixes)
        concerned.update((prefix, None) for prefix, active in self.active.items() if source in active.awaiting)
        for prefix in concerned:
            destination = self.table[prefix]
            destination.forget(source)
            if destination.state is DestinationState.PASSIVE:
                self._while_passive(destination, None, None, now)
            else:
                self._while_active(destination, source, Message.REPLY, now)

    def relink(self, source: PathSource, link: Vector, now: float) -> None:
        """Compute the paths of `source` again because the link to it changed."""
        source.relink(link)
        self.rate_again(source, now)

    def rate_again(self, source: PathSource, now: float) -> None:
        """Process all reports of `source` again because the maximum distance changed."""
        for prefix, report in self.reports(source).items():
            self.receive(prefix, source, report, Message.UPDATE, now)

    def reports(self, source: PathSource) -> dict[Prefix, Report]:
        """Return all destinations that `source` reported as reachable, whether or not we can reach them through it."""
        reports = {prefix: self.table[prefix].paths[source].report for prefix in source.prefixes}
        reports.update(self.too_far.of(source))
        return reports

    # The two halves of the machine -----------------------------------------------------------------------------

    def _while_passive(
        self, destination: Destination, querier: PathSource | None, told_by: PathSource | None, now: float
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

    def _while_active(self, destination: Destination, source: PathSource, message: Message, now: float) -> None:
        if source is destination.successor:
            path = destination.paths.get(source)
            if message is Message.QUERY and destination.current is None:
                self.outcome.replies[source, destination.prefix] = None  # our distance cannot get worse
            elif message is Message.QUERY:
                self._move(destination, Event.SUCCESSOR_ASKS_AGAIN, now, source)
            elif (path.distance if path else INFINITY) > destination.distance:
                self._move(destination, Event.SUCCESSOR_INCREASES, now)
            self.outcome.routes[destination.prefix] = None
        elif message is Message.QUERY:
            self.outcome.replies[source, destination.prefix] = None
        if message is Message.REPLY and destination.replied(source):
            self._all_replied(destination, now)

    def _ask(self, destination: Destination, told_by: PathSource | None, now: float) -> None:
        """Freeze our distance through the old successor as it is now, and query all neighbors but a successor that
        waits for our reply.
        """
        destination.freeze(self._serial + 1)
        self._reported(destination)
        destination.ask(self._audience(destination.prefix, told_by))
        self.outcome.queried[destination.prefix] = None
        if not destination.awaiting:
            self._all_replied(destination, now)

    def _all_replied(self, destination: Destination, now: float) -> None:
        best = destination.best()
        may_grow = destination.state in (DestinationState.ASKED, DestinationState.SUCCESSOR_ASKED)
        if not may_grow and (best is None or not best.is_feasible(destination.feasible_distance)):
            self._move(destination, Event.REPLIES_NOT_FEASIBLE, now)
            self._ask(destination, destination.querier, now)
            return
        self._move(destination, Event.REPLIES, now)
        del self.active[destination.prefix]
        self._adopt(destination, best)

    # Small pieces ----------------------------------------------------------------------------------------------

    def _record(self, destination: Destination, source: PathSource, report: Report) -> None:
        """Store the report of a source, with the cost of the link added."""
        metric = report.metric
        if metric is not None and source.link is not None:
            metric = metric.through(source.link)
        distance = self.scale.distance(metric)
        if metric is None or distance >= INFINITY or metric.hop_count > self._state.settings.maximum_hops:
            destination.lose(source)
            if metric is None or source.is_local:
                self.too_far.drop(source, destination.prefix)
            else:
                self.too_far.keep(source, destination.prefix, report)
            return
        self.too_far.drop(source, destination.prefix)
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

    def _move(self, destination: Destination, event: Event, now: float, querier: PathSource | None = None) -> None:
        old = destination.move(event, now, querier)
        if self._state.traces_dual and old is not destination.state:
            self._trace(f"{destination.prefix} from {old.name} to {destination.state.name}: {event.value}")

    def _trace(self, text: str) -> None:
        self._state.context.debug(fsm_line(text))

    def _distances(self, source: PathSource, report: Report) -> str:
        metric = report.metric.through(source.link) if report.metric and source.link else report.metric
        both = (self.scale.distance(metric), self.scale.distance(report.metric))
        return "/".join("Infinity" if distance >= INFINITY else str(distance) for distance in both)
