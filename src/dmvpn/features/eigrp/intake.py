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
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.distribution import Distribution
    from dmvpn.features.eigrp.surroundings import Surroundings
    from dmvpn.features.eigrp.topology import Source


class Intake:
    """The inward lists of one process."""

    def __init__(self, process: Surroundings, dual: Dual) -> None:
        self._process = process
        self._dual = dual
        self._heard: dict[Source, dict[Prefix, Report]] = {}

    def believed(self, prefix: Prefix, source: Source, report: Report) -> Report:
        """Return what DUAL hears of what a neighbor says."""
        if not self._process.settings.distribution.says(inwards=True):
            return report
        self._heard.setdefault(source, {})[prefix] = report
        return self._judged(prefix, source, report)

    def configure(self, old: Distribution, sources: list[Source]) -> None:
        """Apply other lines than the old ones: what was said before counts by them."""
        if not old.says(inwards=True) and self._process.settings.distribution.says(inwards=True):
            for source in sources:
                paths = ((prefix, self._dual.table[prefix].paths[source]) for prefix in source.prefixes)
                self._heard[source] = {prefix: path.report for prefix, path in paths}
        self.judge_again(sources)

    def judge_again(self, sources: list[Source]) -> None:
        """Judge again, because the lists say something else now."""
        for source in sources:
            for prefix, report in list(self._heard.get(source, {}).items()):
                believed = self._judged(prefix, source, report)
                destination = self._dual.table.get(prefix)
                path = destination.paths.get(source) if destination is not None else None
                if believed != (path.report if path is not None else UNREACHABLE):
                    self._dual.receive(prefix, source, believed, Message.UPDATE, self._process.context.now)
        if not self._process.settings.distribution.says(inwards=True):
            self._heard.clear()

    def forget(self, source: Source) -> None:
        """Forget what a neighbor said that is gone."""
        self._heard.pop(source, None)

    def _judged(self, prefix: Prefix, source: Source, report: Report) -> Report:
        if report.metric is None:
            return report
        policies, distribution = self._process.context.ports.policies.of_routes(), self._process.settings.distribution
        route = replace(candidate(prefix, report, source.interface), gateway=source.address)
        if not distribution.permits(policies, route, source.interface, inwards=True):
            return UNREACHABLE
        offset = distribution.offset(policies, route, source.interface, inwards=True)
        return replace(report, metric=self._dual.scale.farther(report.metric, offset)) if offset else report


def candidate(prefix: Prefix, report: Report, interface: str) -> Candidate:
    """Return a path, as lists and route maps look at it."""
    tag = report.external.tag if report.external is not None else 0
    return Candidate(prefix=prefix, next_hop=report.next_hop, interface=interface, tag=tag)
