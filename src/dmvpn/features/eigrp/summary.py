"""Summaries, `ip summary-address eigrp`: RFC 7868 does not have them; this is what IOS does.

A summary is a destination of the topology table while anything more specific inside it is reachable. Its metric is
that of the nearest component, unless `summary-metric` says another. On the interfaces that have it configured it is
told instead of its components (`policy.py`); our own routing table gets it as a route to Null0 (`offers.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.dual import Dual, Message
from dmvpn.features.eigrp.topology import UNREACHABLE, Destination, Origin, Report, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Context
    from dmvpn.features.eigrp.metric import Vector
    from dmvpn.features.eigrp.model import Summary


@dataclass(slots=True, eq=False)
class _Summary:
    """One summary prefix. nearest: the component that its metric comes from."""

    prefix: Prefix
    nearest: Prefix | None = None


class Summaries:
    """The summaries of one process, whatever interfaces they are configured on. distances: of the routes to Null0."""

    def __init__(self, context: Context, dual: Dual) -> None:
        self._context = context
        self._dual = dual
        self._source = Source(Origin.SUMMARY, absolute=True)
        self.distances: dict[Prefix, int] = {}
        self._metrics: dict[Prefix, Vector] = {}
        self._summaries: dict[Prefix, _Summary] = {}

    def configure(
        self, summaries: Iterable[Summary], metrics: Iterable[tuple[Prefix, Vector | None, int | None]]
    ) -> None:
        """Set the summaries that there are from now on. metrics: `summary-metric`."""
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
        """Note that these destinations may be nearer, farther or gone."""
        if not self._summaries:
            return
        for prefix in list(changed):
            for summary in self._summaries.values():
                if prefix in summary.prefix and prefix != summary.prefix:
                    self._component_changed(summary, prefix)

    def components(self, prefix: Prefix) -> int:
        """Return how many reachable destinations lie in this summary."""
        return sum(1 for destination in self._dual.table.values() if _is_component(prefix, destination))

    def _component_changed(self, summary: _Summary, prefix: Prefix) -> None:
        nearest = self._reachable(summary.nearest)
        component = self._reachable(prefix)
        if prefix == summary.nearest or nearest is None:
            self._survey(summary)
        elif component is not None and component.distance < nearest.distance:
            self._tell(summary, component)

    def _survey(self, summary: _Summary) -> None:
        """Look through the whole table for the nearest component."""
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
