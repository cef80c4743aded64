"""Tracked objects in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.metrics import MetricRow
from dmvpn.base.values import collected
from dmvpn.features.track.machine import TrackMachine
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import measured


@measured("tracked", "object", "kind")("""
    gauge dmvpn_track_up :: 1 while the tracked object is up.
    counter dmvpn_track_changes_total :: How often the tracked object went up or down.
    """)
def _objects(ctx: ShowContext) -> Iterator[MetricRow]:
    for number, found in tuple(ctx.machine(TrackMachine).objects.all.items()):
        yield (str(number), found.settings.kind.name.lower(), int(found.is_up), found.changes)


METRICS: Final = collected(Measured, vars())
