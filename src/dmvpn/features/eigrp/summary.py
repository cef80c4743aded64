"""Summaries, `ip summary-address eigrp`: not in RFC 7868; they work as on IOS.

A summary is a destination of the topology table while any more specific destination inside it is reachable. Its metric
is that of the nearest component, unless `summary-metric` sets another. On the interfaces where it is configured, it is
advertised in place of its components (`policy.py`); our own routing table gets it as a route to Null0 (`offers.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.dual import Dual, Message
from dmvpn.features.eigrp.topology import UNREACHABLE, Destination, Origin, PathSource, Report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Context
    from dmvpn.features.eigrp.metric import Vector
    from dmvpn.features.eigrp.model import Summary


@dataclass(slots=True, eq=False)
class _Summary:
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
                    self._component_changed(summary, prefix)

    def components(self, prefix: Prefix) -> int:
        """Return how many reachable destinations are inside this summary."""
        return sum(1 for destination in self._dual.table.values() if _is_component(prefix, destination))

    def _component_changed(self, summary: _Summary, prefix: Prefix) -> None:
        nearest = self._reachable(summary.nearest)
        component = self._reachable(prefix)
        if prefix == summary.nearest or nearest is None:
            self._survey(summary)
        elif component is not None and component.distance < nearest.distance:
            self._tell(summary, component)

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
