"""Interfaces in numbers: whether they are up, and what the data plane counts of each, and of GRE that it dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.events import GreDrops
from dmvpn.base.metrics import MetricRow
from dmvpn.base.values import collected
from dmvpn.ios import Measured, ShowContext
from dmvpn.ios.measured import measured

#: The fields of `InterfaceCount`, in the order of the families.
_NUMBERS: Final = (
    "received_octets",
    "sent_octets",
    "received",
    "sent",
    "multicasts",
    "receive_errors",
    "send_errors",
    "receive_drops",
    "send_drops",
)


@measured("interfaces", "interface", "vrf")("""
    gauge dmvpn_interface_up :: 1 while the line protocol is up: the interface carries packets.
    gauge dmvpn_interface_enabled :: 0 if it is shut down.
    gauge dmvpn_interface_mtu_bytes :: Its MTU.
    """)
def _states(ctx: ShowContext) -> Iterator[MetricRow]:
    for state in breathing(ctx.ports.interfaces.all()):
        yield (state.name, state.vrf, int(state.line), int(state.enabled), state.mtu)


@measured("interface_traffic", "interface")("""
    counter dmvpn_interface_received_bytes_total :: Octets that it received.
    counter dmvpn_interface_sent_bytes_total :: Octets that it sent.
    counter dmvpn_interface_received_packets_total :: Packets that it received.
    counter dmvpn_interface_sent_packets_total :: Packets that it sent.
    counter dmvpn_interface_received_multicast_packets_total :: Multicast packets that it received.
    counter dmvpn_interface_receive_errors_total :: Damaged packets that it received.
    counter dmvpn_interface_send_errors_total :: Packets that it could not send.
    counter dmvpn_interface_receive_drops_total :: Received packets that were dropped.
    counter dmvpn_interface_send_drops_total :: Packets that should have left, and were dropped.
    """)
def _traffic(ctx: ShowContext) -> Iterator[MetricRow]:
    found = ctx.counting.interfaces_counted()
    for count in breathing(() if found is None else found.counts):
        yield (count.interface, *(getattr(count, name) for name in _NUMBERS))


@measured("tunnel_drops", "reason")("""
    counter dmvpn_tunnel_dropped_packets_total :: GRE and ESP that the data plane dropped; reason: malformed, no_tunnel,
        no_peer, not_ipv4, unsent, in_clear, no_sa, no_spi.
    """)
def _drops(ctx: ShowContext) -> Iterator[MetricRow]:
    found = ctx.counting.interfaces_counted()
    for each in fields(GreDrops) if found is not None else ():
        yield (each.name, getattr(found.drops, each.name) if found is not None else 0)


METRICS: Final = collected(Measured, vars())
