"""Tunnels in numbers: each with its ends, for joins in queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.metrics import MetricRow
from dmvpn.base.values import collected
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import measured


@measured("tunnels", "interface")("""
    gauge dmvpn_tunnel_up :: 1 while the tunnel can send: it has its source, and its protection if it needs one.
    gauge dmvpn_tunnel_mtu_bytes :: The largest IP packet that fits into the tunnel unfragmented.
    """)
def _tunnels(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel in ctx.ports.tunnels.all():
        yield (tunnel.name, int(tunnel.up), tunnel.ip_mtu)


@measured("tunnel_ends", "interface", "source", "destination", "protection", "vrf", "front_vrf")("""
    info dmvpn_tunnel_info :: The ends of a tunnel, its IPsec profile and its VRFs.
    """)
def _ends(ctx: ShowContext) -> Iterator[MetricRow]:
    for tunnel in ctx.ports.tunnels.all():
        ends = (str(tunnel.source or ""), str(tunnel.destination or ""))
        yield (tunnel.name, *ends, tunnel.protection, tunnel.vrf, tunnel.front, 1)


METRICS: Final = collected(Measured, vars())
