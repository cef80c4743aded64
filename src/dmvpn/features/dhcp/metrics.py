"""DHCP in numbers: leased addresses by pool, messages, and drops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.metrics import MetricRow
from dmvpn.base.values import collected
from dmvpn.features.dhcp.machine import DhcpMachine
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import measured


@measured("dhcp_pools", "pool")("""
    gauge dmvpn_dhcp_bindings :: Leased and offered addresses.
    """)
def _pools(ctx: ShowContext) -> Iterator[MetricRow]:
    machine = ctx.machine(DhcpMachine)
    yield from ((pool.name, machine.server.leases.leased(pool.name)) for pool in machine.config.pools)
    if machine.version6 is not None:
        leases = machine.version6.leases
        yield from ((pool.name, leases.leased(pool.name)) for pool in machine.config.pools6)


@measured("dhcp_messages", "type", "way")("""
    counter dmvpn_dhcp_messages_total :: Messages of the server (`server`) and the relay agent (`relay`).
    """)
def _messages(ctx: ShowContext) -> Iterator[MetricRow]:
    machine = ctx.machine(DhcpMachine)
    for way, counts in (("server", machine.server.counts), ("relay", machine.relay.forwarded)):
        yield from ((name, way, count) for name, count in tuple(counts.items()))


@measured("dhcp_drops", "reason")("""
    counter dmvpn_dhcp_drops_total :: Messages without an answer, and offers and answers that no client asked for.
    """)
def _drops(ctx: ShowContext) -> Iterator[MetricRow]:
    yield from ((why.name.lower(), count) for why, count in tuple(ctx.machine(DhcpMachine).drops.items()))


METRICS: Final = collected(Measured, vars())
