"""BFD in numbers: its sessions by state, and dropped packets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.metrics import NEIGHBORS, ROUTING_DROPS, MetricRow
from dmvpn.base.values import collected
from dmvpn.features.bfd.machine import BfdMachine
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import filling


@filling(NEIGHBORS)
def _neighbors(ctx: ShowContext) -> Iterator[MetricRow]:
    sessions = tuple(ctx.machine(BfdMachine).sessions.values())
    found = Counter((session.interface, session.state.word) for session in breathing(sessions))
    for (interface, state), count in found.items():
        yield ("bfd", "", interface, state, count)


@filling(ROUTING_DROPS)
def _drops(ctx: ShowContext) -> Iterator[MetricRow]:
    for drop, count in tuple(ctx.machine(BfdMachine).drops.items()):
        yield ("bfd", "", drop.name.lower(), count)


METRICS: Final = collected(Measured, vars())
