"""BFD in numbers: its sessions by state, and dropped packets."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.metrics import NEIGHBORS, ROUTING_DROPS
from dmvpn.features.bfd.machine import BfdMachine
from dmvpn.ios import Measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.metrics import MetricRow
    from dmvpn.ios import ShowContext


def _neighbors(ctx: ShowContext) -> Iterator[MetricRow]:
    sessions = tuple(ctx.machine(BfdMachine).sessions.values())
    found = Counter((session.interface, session.state.word) for session in breathing(sessions))
    for (interface, state), count in found.items():
        yield ("bfd", "", interface, state, count)


def _drops(ctx: ShowContext) -> Iterator[MetricRow]:
    for drop, count in tuple(ctx.machine(BfdMachine).drops.items()):
        yield ("bfd", "", drop.name.lower(), count)


METRICS: Final = (Measured(NEIGHBORS, _neighbors), Measured(ROUTING_DROPS, _drops))
