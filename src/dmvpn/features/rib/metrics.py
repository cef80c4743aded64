"""The routing table in numbers: best routes by protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.metrics import MetricRow
from dmvpn.base.values import collected
from dmvpn.features.rib.machine import RibMachine
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import measured


@measured("routes", "ip_version", "protocol")("""
    gauge dmvpn_routes :: Best routes of the routing table, by the protocol that they are from.
    """)
def _routes(ctx: ShowContext) -> Iterator[MetricRow]:
    nodes = tuple(ctx.machine(RibMachine).nodes.items())
    found = Counter(
        (prefix.version, node.best.route.source) for prefix, node in breathing(nodes) if node.best is not None
    )
    for (version, source), count in sorted(found.items(), key=lambda item: (item[0][0], item[0][1].value)):
        yield (str(version), source.value, count)


@measured("route_overrides", "ip_version")("""
    gauge dmvpn_route_overrides :: Routes whose next hop NHRP has replaced.
    """)
def _overrides(ctx: ShowContext) -> Iterator[MetricRow]:
    nodes = tuple(ctx.machine(RibMachine).nodes.items())
    found = Counter({4: 0})
    for prefix, node in breathing(nodes):
        found[prefix.version] += node.override is not None
    for version, count in sorted(found.items()):
        yield (str(version), count)


METRICS: Final = collected(Measured, vars())
