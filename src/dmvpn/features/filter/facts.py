"""Packet filters as facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.facts import NO_REASON, Fact, ReasonFacts, reason_facts
from dmvpn.base.filters import PortFilters

if TYPE_CHECKING:
    from dmvpn.features.filter.machine import FilterMachine


class FilterFacts(Fact):
    """The filters of a port for a version of IP.

    reason: why the host does not filter so; then nothing passes its lists, or all does.
    """

    interface: str
    filters: PortFilters
    reason: ReasonFacts = NO_REASON
    version: int = 4


def facts(machine: FilterMachine) -> tuple[FilterFacts, ...]:
    """Return the filters of all ports that have some."""
    return tuple(
        FilterFacts(
            interface=port, filters=filters, reason=reason_facts(machine.failure(port, version)), version=version
        )
        for (port, version), filters in machine.ordered.items()
    )
