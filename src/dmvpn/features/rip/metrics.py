"""RIP in numbers: the gateways that announce routes. RIP has no states of neighbors: they are heard, or gone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from dmvpn.base.metrics import NEIGHBORS, MetricRow
from dmvpn.base.values import collected
from dmvpn.features.rip.machine import RipMachine
from dmvpn.ios import Measured
from dmvpn.ios.measured import filling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.ios import ShowContext


@filling(NEIGHBORS)
def _neighbors(ctx: ShowContext) -> Iterator[MetricRow]:
    for interface, count in Counter(ctx.machine(RipMachine).gateways.present.values()).items():
        yield ("rip", "", interface, "heard", count)


METRICS: Final = collected(Measured, vars())
