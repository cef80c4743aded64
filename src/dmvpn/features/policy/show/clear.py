"""`clear ip prefix-list`, `clear route-map counters`: forget how often entries fitted. Those of access lists count
nothing, so `clear access-list counters` has nothing to do.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.routemaps import Counted
from dmvpn.base.values import dataclass
from dmvpn.features.policy.events import ClearHits
from dmvpn.ios import Args, ExecCommand, ShowContext


@dataclass(frozen=True, slots=True)
class Nothing:
    """The empty answer where nothing is counted."""


def clear_lists(ctx: ShowContext, args: Args) -> ClearHits:
    """Clear the counts of prefix lists."""
    return ClearHits(Counted.PREFIX_LIST, args.text("name", ""))


def no_counts(ctx: ShowContext, args: Args) -> Nothing:
    """Clear the counts of access lists: there are none."""
    return Nothing()


def silence(answer: Nothing) -> tuple[str, ...]:
    """Return no lines, as IOS does."""
    return ()


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
        "clear [ ip ] access-list counters [ {name:word} ]",
        {"access-list": "Access lists", "counters": "How often entries fitted", "name": "Of one list"},
        query=no_counts,
        render=silence,
        privilege=15,
    ),
    ExecCommand(
        "clear route-map counters [ {name:word} ]",
        {"route-map": "Route maps", "counters": "How often entries fitted", "name": "Of one map"},
        action=clear_maps,
        privilege=15,
    ),
)
