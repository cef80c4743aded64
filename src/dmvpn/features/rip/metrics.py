"""RIP in numbers: the gateways that announce routes. RIP has no states of neighbors: they are heard, or gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from dmvpn.base.metrics import NEIGHBORS, MetricRow
from dmvpn.base.values import collected
from dmvpn.features.rip.machine import RipMachine
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import filling


@filling(NEIGHBORS)
def _neighbors(ctx: ShowContext) -> Iterator[MetricRow]:
    for interface, count in Counter(ctx.machine(RipMachine).gateways.present.values()).items():
        yield ("rip", "", interface, "heard", count)


METRICS: Final = collected(Measured, vars())
