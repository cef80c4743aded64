"""Reports of destinations that a neighbor can reach and we cannot reach through it: our distance would be infinite,
there are too many hops, or a list denies them.

A neighbor does not repeat its reports, RFC 7868 §5.3. So these reports are kept: when the link to the neighbor costs
less, more hops are allowed, or the list changes, they become paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.topology import PathSource, Report


class Unusable:
    """Reports that are no paths: too far, in DUAL, or denied by a list, in `Intake`."""

    def __init__(self) -> None:
        self._reports: dict[PathSource, dict[Prefix, Report]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def of(self, source: PathSource) -> Mapping[Prefix, Report]:
        """Return the reports of one source."""
        return self._reports.get(source, {})

    def keep(self, source: PathSource, prefix: Prefix, report: Report) -> None:
        """Keep a report in place of the source's previous one."""
        reports = self._reports.setdefault(source, {})
        self._count += prefix not in reports
        reports[prefix] = report

    def drop(self, source: PathSource, prefix: Prefix) -> None:
        """Drop the report of a destination that has become a path, or was withdrawn."""
        reports = self._reports.get(source)
        if reports is not None and reports.pop(prefix, None) is not None:
            self._count -= 1
            if not reports:
                del self._reports[source]

    def forget(self, source: PathSource) -> None:
        """Drop all reports of a lost source."""
        self._count -= len(self._reports.pop(source, ()))
