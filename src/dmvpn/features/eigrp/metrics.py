"""EIGRP in numbers: its neighbors, its packets, its topology table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.metrics import NEIGHBORS, ROUTING_DROPS, ROUTING_PACKETS, MetricRow
from dmvpn.base.values import collected
from dmvpn.features.eigrp.machine import Process
from dmvpn.features.eigrp.packet import Opcode
from dmvpn.features.eigrp.show.common import every_process
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import filling, measured


def _processes(ctx: ShowContext) -> Iterator[tuple[str, str, Process]]:
    for protocol, version in (("eigrp", 4), ("eigrp_ipv6", 6)):
        for process in every_process(ctx, version):
            yield protocol, str(process.state.autonomous_system), process


@filling(NEIGHBORS)
def _neighbors(ctx: ShowContext) -> Iterator[MetricRow]:
    for protocol, name, process in _processes(ctx):
        found = Counter((one.interface.name, one.state.value) for one in breathing(process.neighbors()))
        for (interface, state), count in found.items():
            yield (protocol, name, interface, state, count)


@filling(ROUTING_PACKETS)
def _packets(ctx: ShowContext) -> Iterator[MetricRow]:
    for protocol, name, process in _processes(ctx):
        traffic = process.state.traffic
        for kind in Opcode:
            yield (protocol, name, kind.name.lower(), traffic.sent[kind], traffic.received[kind])


@filling(ROUTING_DROPS)
def _drops(ctx: ShowContext) -> Iterator[MetricRow]:
    for protocol, name, process in _processes(ctx):
        for reason, count in sorted(process.state.traffic.dropped.items()):
            yield (protocol, name, reason, count)


@measured("eigrp_topology", "protocol", "process")("""
    gauge dmvpn_eigrp_destinations :: Destinations of the topology table.
    gauge dmvpn_eigrp_active_destinations :: Destinations that wait for replies of neighbors.
    """)
def _topology(ctx: ShowContext) -> Iterator[MetricRow]:
    for protocol, name, process in _processes(ctx):
        table = tuple(process.dual.table.values())
        yield (protocol, name, len(table), sum(destination.is_active for destination in breathing(table)))


METRICS: Final = collected(Measured, vars())
