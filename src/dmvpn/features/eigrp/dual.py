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

What comes into DUAL besides the reports of neighbors:

    InboundLists   `distribute-list ... in`, `offset-list ... in`. While such lines exist, the reports of each neighbor
                   are stored as received, so that changed lists do not require the neighbor to send them again
    Connected      the participating interfaces: subnets, RFC 7868 §3.3, summaries, and link cost
    Summaries      `ip summary-address eigrp`: not in RFC 7868; they work as on IOS

A summary is a destination of the topology table while any more specific destination inside it is reachable. Its metric
is that of the nearest component, unless `summary-metric` sets another. On the interfaces where it is configured, it is
advertised in place of its components (`advertiser.py`); our own routing table gets it as a route to Null0 (`rib.py`).
"""

from __future__ import annotations

import enum
from dataclasses import field, replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.distribution import Covered, Distribution
from dmvpn.base.notices import InterfaceState, RouteSource
from dmvpn.base.routemaps import MatchedRoute
from dmvpn.base.values import Mutable
from dmvpn.features.eigrp.messages import fsm_line
from dmvpn.features.eigrp.metric import INFINITY, Vector
from dmvpn.features.eigrp.topology import (
    UNREACHABLE,
    Destination,
    DestinationState,
    Event,
    Origin,
    Path,
    PathSource,
    Report,
    Unusable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.base.context import Context
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.model import Summary
    from dmvpn.features.eigrp.state import State

    #: Returns the neighbors to query about a prefix; the source is the successor whose message caused the query.
    Audience = Callable[[Prefix, PathSource | None], list[PathSource]]


# ------------------------------------------------------------------------------------------------ DUAL


class Message(enum.Enum):
    """The packet type of a report. Changes of our own paths and links count as UPDATEs."""

    UPDATE = "update"
    QUERY = "query"
    REPLY = "reply"


class DualActions(Mutable):
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

    def remove_source(self, source: PathSource, now: float) -> None:
        """Remove a lost source: its paths are gone, and it counts as having replied to all queries
        (RFC 7868 §3.5, 8).
        """
        self.too_far.drop_source(source)
        concerned = dict(source.prefixes)
        concerned.update((prefix, None) for prefix, active in self.active.items() if source in active.awaiting)
        for prefix in concerned:
            destination = self.table[prefix]
            destination.remove_source(source)
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
        reports.update(self.too_far.reports(source))
        return reports

    # The two halves of the machine -----------------------------------------------------------------------------

    def _while_passive(
        self, destination: Destination, querier: PathSource | None, reported_by: PathSource | None, now: float
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
        self._ask(destination, reported_by if reported_by is successor else None, now)

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

    def _ask(self, destination: Destination, reported_by: PathSource | None, now: float) -> None:
        """Freeze our distance through the old successor as it is now, and query all neighbors but a successor that
        waits for our reply.
        """
        destination.freeze(self._serial + 1)
        self._reported(destination)
        destination.ask(self._audience(destination.prefix, reported_by))
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


# ------------------------------------------------------------------------------------------------ inbound lists


class InboundLists:
    """The inbound lists of one process. denied: reports that they deny."""

    def __init__(self, state: State, dual: Dual) -> None:
        self._state = state
        self._dual = dual
        self.denied = Unusable()
        self._heard: dict[PathSource, dict[Prefix, Report]] = {}

    def believed(self, prefix: Prefix, source: PathSource, report: Report) -> Report:
        """Return the report that DUAL receives for a neighbor's report."""
        if not self._state.settings.distribution.says(inwards=True):
            return report
        heard = self._heard.setdefault(source, {})
        if report.metric is None:
            heard.pop(prefix, None)
        else:
            heard[prefix] = report
        return self._judged(prefix, source, report)

    def configure(self, old: Distribution, sources: list[PathSource]) -> None:
        """Apply changed lines, to earlier reports as well."""
        if not old.says(inwards=True) and self._state.settings.distribution.says(inwards=True):
            for source in sources:
                self._heard[source] = self._dual.reports(source)
        self.judge_again(sources)

    def judge_again(self, sources: list[PathSource]) -> None:
        """Apply the lists again because their content changed."""
        for source in sources:
            known = self._dual.reports(source)
            for prefix, report in list(self._heard.get(source, {}).items()):
                believed = self._judged(prefix, source, report)
                if believed != known.get(prefix, UNREACHABLE):
                    self._dual.receive(prefix, source, believed, Message.UPDATE, self._state.context.now)
        if not self._state.settings.distribution.says(inwards=True):
            self._heard.clear()
            self.denied = Unusable()

    def forget_source(self, source: PathSource) -> None:
        """Forget the reports of a lost neighbor."""
        self._heard.pop(source, None)
        self.denied.drop_source(source)

    def _judged(self, prefix: Prefix, source: PathSource, report: Report) -> Report:
        believed = self._changed(prefix, source, report)
        if believed.metric is None and report.metric is not None:
            self.denied.keep(source, prefix, report)
        else:
            self.denied.drop(source, prefix)
        return believed

    def _changed(self, prefix: Prefix, source: PathSource, report: Report) -> Report:
        """Return a report after the lists."""
        if report.metric is None:
            return report
        policies, distribution = self._state.context.ports.policies.of_routes(), self._state.settings.distribution
        route = replace(candidate(prefix, report, source.interface), gateway=source.address)
        if not distribution.permits(policies, route, source.interface, inwards=True):
            return UNREACHABLE
        offset = distribution.offset(policies, route, source.interface, inwards=True)
        return replace(report, metric=self._dual.scale.farther(report.metric, offset)) if offset else report


def candidate(prefix: Prefix, report: Report, interface: str) -> MatchedRoute:
    """Return a path in the form that lists and route maps match."""
    tag = report.external.tag if report.external is not None else 0
    return MatchedRoute(prefix=prefix, next_hop=report.next_hop, interface=interface, tag=tag)


# ------------------------------------------------------------------------------------------------ summaries


class _Summary(Mutable, eq=False):
    """One summary prefix. nearest: the component with the metric that it uses."""

    prefix: Prefix
    nearest: Prefix | None = None


class Summaries:
    """The summaries of one process, whatever interfaces they are configured on. distances: of the routes to Null0."""

    def __init__(self, context: Context, dual: Dual) -> None:
        self._context = context
        self._dual = dual
        self._source = PathSource(Origin.SUMMARY, absolute=True)
        self.distances: dict[Prefix, int] = {}
        self._metrics: dict[Prefix, Vector] = {}
        self._summaries: dict[Prefix, _Summary] = {}

    def configure(
        self, summaries: Iterable[Summary], metrics: Iterable[tuple[Prefix, Vector | None, int | None]]
    ) -> None:
        """Replace the summaries. metrics: the `summary-metric` lines."""
        metrics = tuple(metrics)
        wanted = self.distances = {summary.prefix: summary.distance for summary in summaries}
        wanted.update(
            (prefix, distance) for prefix, _, distance in metrics if distance is not None and prefix in wanted
        )
        before, self._metrics = self._metrics, {prefix: metric for prefix, metric, _ in metrics if metric is not None}
        for prefix in [prefix for prefix in self._summaries if prefix not in wanted]:
            del self._summaries[prefix]
            self._dual.receive(prefix, self._source, UNREACHABLE, Message.UPDATE, self._context.now)
        for prefix in wanted:
            if prefix not in self._summaries or before.get(prefix) != self._metrics.get(prefix):
                self._survey(self._summaries.setdefault(prefix, _Summary(prefix)))

    def note_changed(self, changed: Iterable[Prefix]) -> None:
        """Update the summaries that contain these changed destinations."""
        if not self._summaries:
            return
        for prefix in list(changed):
            for summary in self._summaries.values():
                if prefix in summary.prefix and prefix != summary.prefix:
                    nearest = self._reachable(summary.nearest)
                    component = self._reachable(prefix)
                    if prefix == summary.nearest or nearest is None:
                        self._survey(summary)
                    elif component is not None and component.distance < nearest.distance:
                        self._tell(summary, component)

    def components(self, prefix: Prefix) -> int:
        """Return how many reachable destinations are inside this summary."""
        return sum(1 for destination in self._dual.table.values() if _is_component(prefix, destination))

    def _survey(self, summary: _Summary) -> None:
        """Search the whole table for the nearest component."""
        components = [item for item in self._dual.table.values() if _is_component(summary.prefix, item)]
        nearest = min(components, key=lambda item: (item.distance, item.prefix), default=None)
        self._tell(summary, nearest)

    def _tell(self, summary: _Summary, nearest: Destination | None) -> None:
        path = nearest.current if nearest else None
        summary.nearest = nearest.prefix if nearest and path else None
        report = Report(self._metrics.get(summary.prefix, path.metric)) if path else UNREACHABLE
        destination = self._dual.table.get(summary.prefix)
        known = destination.paths.get(self._source) if destination else None
        if (known.metric if known else None) != report.metric:
            self._dual.receive(summary.prefix, self._source, report, Message.UPDATE, self._context.now)

    def _reachable(self, prefix: Prefix | None) -> Destination | None:
        destination = self._dual.table.get(prefix) if prefix is not None else None
        return destination if destination is not None and destination.current is not None else None


def _is_component(prefix: Prefix, destination: Destination) -> bool:
    return destination.current is not None and destination.prefix != prefix and destination.prefix in prefix


# ------------------------------------------------------------------------------------------------ connected networks


class Connected:
    """Destinations known from the interfaces of one process. Each interface is a source of its own."""

    def __init__(self, state: State, dual: Dual, summaries: Summaries) -> None:
        self._state = state
        self._context = state.context
        self._covered = Covered(RouteSource.EIGRP, str(state.autonomous_system), state.settings.family.version)
        self._dual = dual
        self._summaries = summaries
        self._sources: dict[str, PathSource] = {}

    def refresh(self, state: InterfaceState) -> None:
        """Update the subnets of an interface that is up: those with an address covered by a `network` statement."""
        source = self._sources.get(state.name)
        if source is None:
            source = self._sources[state.name] = PathSource(Origin.CONNECTED, state.name, absolute=True)
        covered = [
            Prefix.of(address, length)
            for address, length in state.routed(self._state.settings.family.version)
            if self._state.settings.covers(address)
        ]
        self._context.emit(*self._covered.tell(state.name, tuple(covered)))
        now, report = self._context.now, Report(self._dual.scale.link(state))
        for prefix in [prefix for prefix in source.prefixes if prefix not in covered]:
            self._dual.receive(prefix, source, UNREACHABLE, Message.UPDATE, now)
        for prefix in covered:
            destination = self._dual.table.get(prefix)
            known = destination.paths.get(source) if destination else None
            if known is None or known.report != report:
                self._dual.receive(prefix, source, report, Message.UPDATE, now)

    def forget_interface(self, name: str) -> None:
        """Forget an interface that no longer takes part."""
        self._context.emit(*self._covered.tell(name, ()))
        source = self._sources.pop(name, None)
        if source is not None:
            self._dual.remove_source(source, self._context.now)

    def relink(self, interface: EigrpInterface) -> None:
        """Compute the paths of the neighbors on an interface again because its cost changed."""
        for neighbor in interface.neighbors.values():
            self._dual.relink(neighbor.source, interface.link, self._context.now)

    def summarize(self) -> None:
        """Set the summaries of the interfaces that EIGRP runs on; other interfaces have no neighbor to receive them."""
        settings = (interface.settings for interface in self._state.interfaces.values())
        self._summaries.configure(
            (summary for each in settings for summary in each.summaries), self._state.settings.summary_metrics
        )
