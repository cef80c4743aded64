"""NAT in numbers: flows, and the packets that made them or belong to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.metrics import MetricRow
from dmvpn.base.values import collected
from dmvpn.features.nat.machine import NatMachine
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import measured


@measured("nat")("""
    gauge dmvpn_nat_translations :: Translated flows.
    counter dmvpn_nat_hits_total :: Packets of translated flows, their first ones not counted.
    counter dmvpn_nat_misses_total :: Packets that made a translated flow.
    counter dmvpn_nat_refused_total :: Packets without a translation: a station had its share, or a pool was used up.
    """)
def _flows(ctx: ShowContext) -> Iterator[MetricRow]:
    if ctx.machine(NatMachine).config.every_rule:
        found = ctx.counting.translations()
        yield (len(found.flows), found.hits, found.misses, found.refused)


METRICS: Final = collected(Measured, vars())
