"""`show ip ospf timers rate-limit`, `nsf`, `neighbor summary`: pending timers, restarting neighbors, progress of
exchanges.

Headings are those of IOS. `clear ip ospf force-spf` and `redistribution` begin something again.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.events import ForceCalculation, RefreshRedistribution
from dmvpn.features.ospf.show.common import HELP, OSPF, clock, processes
from dmvpn.features.ospf.show.counts import ShowSections, render_sections, section_of
from dmvpn.features.ospf.states import NeighborState
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.process import Process


def query_rate_limit(ctx: ShowContext, args: Args) -> ShowSections:
    """Return our own advertisements that are to be made and wait for their turn."""
    return ShowSections(tuple(section_of(each, _waiting(each, ctx.now)) for each in processes(ctx, args)))


def _waiting(process: Process, now: float) -> Iterator[str]:
    yield "List of LSAs that are in rate limit Queue"
    for key, due in process.origination.waiting():
        left = max(0.0, due - now)
        time = f"{clock(left)}.{int(left * 1000) % 1000:03}"
        yield f"    LSAID: {key.id}   Type: {key.type}   Adv Rtr: {key.router} Due in: {time}"


def query_restarts(ctx: ShowContext, args: Args) -> ShowSections:
    """Return the neighbors that we help during a graceful restart."""
    return ShowSections(tuple(section_of(each, _restarts(each)) for each in processes(ctx, args)))


def _restarts(process: Process) -> Iterator[str]:
    strictly = ", until the network changes" if process.settings.helps_strictly else ""
    yield " Non-Stop Forwarding disabled"
    yield f" IETF NSF helper support {'enabled' if process.settings.helps else 'disabled'}{strictly}"
    yield " Cisco NSF helper support disabled"
    yield " OSPF restart state is NO_RESTART"
    for neighbor in process.neighbors():
        if neighbor.is_helped:
            yield f" Neighbor {neighbor.router} ({neighbor.interface.name}) restarts, and counts as full"


def query_summary(ctx: ShowContext, args: Args) -> ShowSections:
    """Count neighbors by their state."""
    return ShowSections(tuple(section_of(each, _summary(each)) for each in processes(ctx, args)))


def _summary(process: Process) -> Iterator[str]:
    states = Counter(neighbor.state for neighbor in process.neighbors())
    for state in NeighborState:
        yield f"{state.value:<18}{states[state]}"
    helped = sum(neighbor.is_helped for neighbor in process.neighbors())
    yield f"{'Total count':<18}{states.total():<5}(Undergoing GR {helped})"


def force_calculation(ctx: ShowContext, args: Args) -> ForceCalculation:
    """Calculate the routes (`clear ip ospf force-spf`)."""
    return ForceCalculation(args.integer("number", None))


def refresh_redistribution(ctx: ShowContext, args: Args) -> RefreshRedistribution:
    """Evaluate all redistributed routes (`clear ip ospf redistribution`)."""
    return RefreshRedistribution(args.integer("number", None))


_CLEAR: Final = "clear ip ospf [ {number:1-65535} ]"
UNDERWAY: Final = (
    ExecCommand(
        f"{OSPF} timers rate-limit",
        {**HELP, "timers": "What waits", "rate-limit": "Our own advertisements that wait for their turn"},
        query=query_rate_limit,
        render=render_sections,
    ),
    ExecCommand(
        f"{OSPF} nsf",
        {**HELP, "nsf": "Help for neighbors that restart"},
        query=query_restarts,
        render=render_sections,
    ),
    ExecCommand(
        f"{OSPF} neighbor summary",
        {**HELP, "neighbor": "Neighbors", "summary": "How many are in each state"},
        query=query_summary,
        render=render_sections,
    ),
    ExecCommand(
        f"{_CLEAR} force-spf",
        {**HELP, "force-spf": "Calculate the routes again"},
        action=force_calculation,
        privilege=15,
    ),
    ExecCommand(
        f"{_CLEAR} redistribution",
        {**HELP, "redistribution": "Look again at all that is brought in"},
        action=refresh_redistribution,
        privilege=15,
    ),
)
