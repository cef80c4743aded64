"""What is believed of what neighbors tell: `distribute-list ... in`, `offset-list ... in`.

While there are such lines, what each neighbor said is kept as it said it, so that other lists need no neighbor to say
it again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.routemaps import Candidate
from dmvpn.features.eigrp.dual import Dual, Message
from dmvpn.features.eigrp.topology import UNREACHABLE, Report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Context
    from dmvpn.base.distribution import Distribution
    from dmvpn.features.eigrp.topology import Source


class Intake:
    """The inward lists of one process."""

    def __init__(self, context: Context, dual: Dual, distribution: Distribution) -> None:
        self.distribution = distribution
        self._context = context
        self._dual = dual

    def believed(self, prefix: Prefix, source: Source, report: Report) -> Report:
        """Return what DUAL hears of what a neighbor says."""
        if not self.distribution.says(inwards=True):
            return report
        source.heard[prefix] = report
        return self._judged(prefix, source, report)

    def configure(self, distribution: Distribution, sources: Iterable[Source]) -> None:
        """Apply other lines: what was said before counts by them."""
        old, self.distribution = self.distribution, distribution
        if old != distribution:
            if not old.says(inwards=True) and distribution.says(inwards=True):
                for source in sources:
                    paths = ((prefix, self._dual.table[prefix].paths[source]) for prefix in source.prefixes)
                    source.heard = {prefix: path.report for prefix, path in paths}
            self.judge_again(sources)

    def judge_again(self, sources: Iterable[Source]) -> None:
        """Judge again, because the lists say something else now."""
        for source in sources:
            for prefix, report in list(source.heard.items()):
                believed = self._judged(prefix, source, report)
                destination = self._dual.table.get(prefix)
                path = destination.paths.get(source) if destination is not None else None
                if believed != (path.report if path is not None else UNREACHABLE):
                    self._dual.receive(prefix, source, believed, Message.UPDATE, self._context.now)
            if not self.distribution.says(inwards=True):
                source.heard.clear()

    def _judged(self, prefix: Prefix, source: Source, report: Report) -> Report:
        if report.metric is None:
            return report
        policies = self._context.ports.policies.of_routes()
        route = candidate(prefix, report, source.interface)
        if not self.distribution.permits(policies, route, source.interface, inwards=True):
            return UNREACHABLE
        offset = self.distribution.offset(policies, route, source.interface, inwards=True)
        return replace(report, metric=self._dual.scale.farther(report.metric, offset)) if offset else report


def candidate(prefix: Prefix, report: Report, interface: str) -> Candidate:
    """Return a path, as lists and route maps look at it."""
    tag = report.external.tag if report.external is not None else 0
    return Candidate(prefix=prefix, next_hop=report.next_hop, interface=interface, tag=tag)
