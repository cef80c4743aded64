"""`show ip ospf timers rate-limit`, `nsf`, `neighbor summary`: pending timers, restarting neighbors, progress of
exchanges.

Headings are those of IOS. `clear ip ospf force-spf` and `redistribution` begin something again.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass, project
from dmvpn.features.ospf.machine import ForceCalculation, RefreshRedistribution
from dmvpn.features.ospf.neighbor import NeighborState
from dmvpn.features.ospf.show.common import HELP, OSPF, clock, processes
from dmvpn.features.ospf.show.counts import ShowSections, render_sections, sections_of
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.features.ospf.machine import Process


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingLsa:
    """An advertisement of our own that waits for its turn. left: seconds."""

    id: IPv4Address
    type: int
    router: IPv4Address
    left: float


def query_rate_limit(ctx: ShowContext, args: Args) -> ShowSections[tuple[WaitingLsa, ...]]:
    """Return our own advertisements that are to be made and wait for their turn."""

    def values(process: Process) -> tuple[WaitingLsa, ...]:
        waiting = process.origination.waiting()
        return tuple(project(WaitingLsa, key, left=max(0.0, due - ctx.now)) for key, due in waiting)

    return sections_of(processes(ctx, args), values, _waiting)


def _waiting(found: tuple[WaitingLsa, ...]) -> Iterator[str]:
    yield "List of LSAs that are in rate limit Queue"
    for lsa in found:
        time = f"{clock(lsa.left)}.{int(lsa.left * 1000) % 1000:03}"
        yield f"    LSAID: {lsa.id}   Type: {lsa.type}   Adv Rtr: {lsa.router} Due in: {time}"


@dataclass(frozen=True, slots=True)
class Helping:
    """Whether we help neighbors that restart. strictly: until the network changes.

    neighbors: router IDs and interfaces of the neighbors that restart now.
    """

    helps: bool
    strictly: bool
    neighbors: tuple[tuple[str, str], ...]


def query_restarts(ctx: ShowContext, args: Args) -> ShowSections[Helping]:
    """Return the neighbors that we help during a graceful restart."""

    def values(process: Process) -> Helping:
        helped = ((str(one.router), one.interface.name) for one in process.neighbors() if one.is_helped)
        return Helping(process.settings.helps, process.settings.helps_strictly, tuple(helped))

    return sections_of(processes(ctx, args), values, _restarts)


def _restarts(found: Helping) -> Iterator[str]:
    strictly = ", until the network changes" if found.strictly else ""
    yield " Non-Stop Forwarding disabled"
    yield f" IETF NSF helper support {'enabled' if found.helps else 'disabled'}{strictly}"
    yield " Cisco NSF helper support disabled"
    yield " OSPF restart state is NO_RESTART"
    for router, interface in found.neighbors:
        yield f" Neighbor {router} ({interface}) restarts, and counts as full"


@dataclass(frozen=True, slots=True)
class NeighborCounts:
    """Neighbors by state. helped: neighbors that restart now."""

    states: dict[str, int]
    helped: int


def query_summary(ctx: ShowContext, args: Args) -> ShowSections[NeighborCounts]:
    """Count neighbors by their state."""

    def values(process: Process) -> NeighborCounts:
        states = Counter(neighbor.state for neighbor in process.neighbors())
        helped = sum(neighbor.is_helped for neighbor in process.neighbors())
        return NeighborCounts({state.value: states[state] for state in NeighborState}, helped)

    return sections_of(processes(ctx, args), values, _summary)


def _summary(found: NeighborCounts) -> Iterator[str]:
    for state, count in found.states.items():
        yield f"{state:<18}{count}"
    yield f"{'Total count':<18}{sum(found.states.values()):<5}(Undergoing GR {found.helped})"


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
        f"{OSPF} nsf", {**HELP, "nsf": "Help for neighbors that restart"}, query=query_restarts, render=render_sections
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
