"""`show ip protocols [summary]`: every routing protocol says its own block, and its name (`Feature.protocol_blocks`,
`protocol_names`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix, mask_length
from dmvpn.base.values import dataclass
from dmvpn.features.rib.machine import ClearRoutes
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class ShowIpProtocols:
    """The blocks, in the order of the features."""

    blocks: tuple[tuple[str, ...], ...]


def query_protocols(ctx: ShowContext, args: Args) -> ShowIpProtocols:
    """Ask every feature that routes."""
    answers = [feature.protocol_blocks(ctx) for feature in ctx.awake if feature.protocol_blocks is not None]
    return ShowIpProtocols(tuple(tuple(lines) for lines in answers if lines))


def render_protocols(answer: ShowIpProtocols) -> Iterator[str]:
    """Yield the blocks with an empty line behind each."""
    yield "*** IP Routing is NSF aware ***"
    yield ""
    for block in answer.blocks:
        yield from block
        yield ""


@dataclass(frozen=True, slots=True)
class ShowIpProtocolsSummary:
    """What brings routes in, in the order of IOS: connected networks, static routes, then the processes."""

    processes: tuple[str, ...]


def query_summary(ctx: ShowContext, args: Args) -> ShowIpProtocolsSummary:
    """Ask every feature that routes for the names of its processes."""
    names = [name for feature in ctx.awake if feature.protocol_names for name in feature.protocol_names(ctx)]
    return ShowIpProtocolsSummary(("connected", "static", *names))


def render_summary(answer: ShowIpProtocolsSummary) -> Iterator[str]:
    """Yield a line each, numbered."""
    yield "Index Process Name"
    yield from (f"{number:<6}{name}" for number, name in enumerate(answer.processes))
    yield "*** IP Routing is NSF aware ***"
    yield ""


def clear_routes(ctx: ShowContext, args: Args) -> ClearRoutes:
    """Clear routes (`clear ip route`)."""
    vrf = ctx.ports.vrf
    if "mask" in args:
        return ClearRoutes(Prefix.of(args.address("network"), mask_length(args.address("mask")) or 0), vrf)
    return ClearRoutes(args.prefix("prefix", None), vrf)


PROTOCOLS = ExecCommand(
    "show ip protocols", {"protocols": "Routing protocols"}, query=query_protocols, render=render_protocols
)
SUMMARY = ExecCommand(
    "show ip protocols summary",
    {"protocols": "Routing protocols", "summary": "Their names"},
    query=query_summary,
    render=render_summary,
)
CLEAR = ExecCommand(
    "clear ip route ( * | {prefix:prefix} | {network:address} {mask:mask} )",
    {"route": "Routes", "*": "All of them", "prefix": "One prefix", "network": "One prefix", "mask": "Its mask"},
    action=clear_routes,
    privilege=15,
)
