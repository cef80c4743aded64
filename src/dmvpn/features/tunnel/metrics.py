"""Tunnels in numbers: each with its ends, for joins in queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.metrics import Table, gauge, info
from dmvpn.ios import Measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.metrics import MetricRow
    from dmvpn.ios import ShowContext

_TUNNELS: Final = Table(
    name="tunnels",
    labels=("interface",),
    families=(
        gauge("dmvpn_tunnel_up", "1 while the tunnel can send: it has its source, and its protection if it needs one."),
        gauge("dmvpn_tunnel_mtu_bytes", "The largest IP packet that fits into the tunnel unfragmented."),
    ),
)
_ENDS: Final = Table(
    name="tunnel_ends",
    labels=("interface", "source", "destination", "protection", "vrf", "front_vrf"),
    families=(info("dmvpn_tunnel_info", "The ends of a tunnel, its IPsec profile and its VRFs."),),
)


def _tunnels(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel in ctx.ports.tunnels.all():
        yield (tunnel.name, int(tunnel.up), tunnel.ip_mtu)


def _ends(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel in ctx.ports.tunnels.all():
        ends = (str(tunnel.source or ""), str(tunnel.destination or ""))
        yield (tunnel.name, *ends, tunnel.protection, tunnel.vrf, tunnel.front, 1)


METRICS: Final = (Measured(_TUNNELS, _tunnels), Measured(_ENDS, _ends))
