"""OSPF in numbers: its neighbors, its packets, its advertisements, its calculations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.metrics import NEIGHBORS, ROUTING_DROPS, ROUTING_PACKETS, MetricRow
from dmvpn.base.values import collected
from dmvpn.features.ospf.machine import Process
from dmvpn.features.ospf.show.common import own_processes
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import filling, measured

#: RFC 2328 §A.3.1.
_KINDS: Final = {1: "hello", 2: "database_description", 3: "request", 4: "update", 5: "acknowledgment"}


def _processes(ctx: ShowContext) -> Iterator[tuple[str, str, Process]]:
    for protocol, version in (("ospf", 4), ("ospfv3", 6)):
        for process in own_processes(ctx, version):
            yield protocol, str(process.number), process


@filling(NEIGHBORS)
def _neighbors(ctx: ShowContext) -> Iterator[MetricRow]:
    for protocol, name, process in _processes(ctx):
        found = Counter(
            (interface.name, neighbor.state.value)
            for interface in tuple(process.interfaces.values())
            for neighbor in breathing(tuple(interface.neighbors.values()))
        )
        for (interface, state), count in found.items():
            yield (protocol, name, interface, state, count)


@filling(ROUTING_PACKETS)
def _packets(ctx: ShowContext) -> Iterator[MetricRow]:
    for protocol, name, process in _processes(ctx):
        sender = process.sender
        for number, kind in _KINDS.items():
            yield (protocol, name, kind, sender.sent.get(number, 0), sender.received.get(number, 0))


@filling(ROUTING_DROPS)
def _drops(ctx: ShowContext) -> Iterator[MetricRow]:
    for protocol, name, process in _processes(ctx):
        for reason, count in sorted(process.sender.dropped.items()):
            yield (protocol, name, reason, count)


@measured("ospf_areas", "protocol", "process", "area")("""
    gauge dmvpn_ospf_lsas :: Link state advertisements in the database of an area.
    counter dmvpn_ospf_calculations_total :: Calculations of shortest paths in an area.
    """)
def _areas(ctx: ShowContext) -> Iterator[MetricRow]:
    for protocol, name, process in _processes(ctx):
        for area in tuple(process.areas.values()):
            yield (protocol, name, area.title, len(area.database.entries), area.calculations)


METRICS: Final = collected(Measured, vars())
