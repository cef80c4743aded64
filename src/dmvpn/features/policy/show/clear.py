"""`clear ip prefix-list`, `clear route-map counters`: forget how often entries fitted."""

from __future__ import annotations

from typing import Final

from dmvpn.base.routemaps import Counted
from dmvpn.features.policy.machine import ClearHits
from dmvpn.ios import Args, ExecCommand, ShowContext


def clear_lists(ctx: ShowContext, args: Args) -> ClearHits:
    """Clear the counts of prefix lists."""
    return ClearHits(Counted.PREFIX_LIST, args.text("name", ""))


def clear_maps(ctx: ShowContext, args: Args) -> ClearHits:
    """Clear the counts of route maps."""
    return ClearHits(Counted.ROUTE_MAP, args.text("name", ""))


COMMANDS: Final = (
    ExecCommand(
        "clear ip prefix-list [ {name:word} ]",
        {"prefix-list": "How often entries of prefix lists fitted", "name": "Of one list"},
        action=clear_lists,
        privilege=15,
    ),
    ExecCommand(
        "clear route-map counters [ {name:word} ]",
        {"route-map": "Route maps", "counters": "How often entries fitted", "name": "Of one map"},
        action=clear_maps,
        privilege=15,
    ),
)
