"""Inbound lists: `distribute-list ... in`, `offset-list ... in`.

While such lines exist, the reports of each neighbor are stored as received, so that changed lists do not require the
neighbor to send them again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.routemaps import MatchedRoute
from dmvpn.features.eigrp.dual import Dual, Message
from dmvpn.features.eigrp.topology import UNREACHABLE, Report, Unusable

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.distribution import Distribution
    from dmvpn.features.eigrp.state import State
    from dmvpn.features.eigrp.topology import PathSource


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

    def forget(self, source: PathSource) -> None:
        """Forget the reports of a lost neighbor."""
        self._heard.pop(source, None)
        self.denied.forget(source)

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
