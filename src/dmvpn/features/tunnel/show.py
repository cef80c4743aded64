"""`show tunnel traffic`: GRE packets that reached no tunnel, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.events import GreDrops
from dmvpn.base.values import Value
from dmvpn.features.tunnel.machine import TunnelMachine
from dmvpn.ios import Args, ExecCommand, ShowContext


class ShowTunnelTraffic(Value):
    """The answer to `show tunnel traffic`, as of the last count."""

    drops: GreDrops


def query_traffic(ctx: ShowContext, args: Args) -> ShowTunnelTraffic:
    """Return the counters of the data plane."""
    counted = ctx.counting.interfaces_counted()
    return ShowTunnelTraffic(counted.drops if counted is not None else ctx.machine(TunnelMachine).drops)


def render_traffic(answer: ShowTunnelTraffic) -> Iterator[str]:
    """Yield a line for each reason."""
    drops = answer.drops
    yield "GRE packets dropped:"
    yield f"     {drops.malformed} malformed"
    yield f"     {drops.no_tunnel} for no tunnel with these addresses and this key"
    yield f"     {drops.no_peer} to a next hop without NBMA address"
    yield f"     {drops.not_ipv4} with a payload that is not carried here"
    yield f"     {drops.unsent} that the host refused to send"
    yield f"     {drops.in_clear} in clear for a protected tunnel"
    yield f"     {drops.no_sa} to a neighbor that a protected tunnel has no SA with"
    yield f"     {drops.no_spi} sealed for an SA that is not there"


COMMANDS: Final = (
    ExecCommand(
        "show tunnel traffic",
        {"tunnel": "GRE tunnels", "traffic": "Packets that reached no tunnel"},
        query=query_traffic,
        render=render_traffic,
    ),
)
