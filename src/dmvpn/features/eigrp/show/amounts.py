"""`show ip eigrp topology summary`: the size of the topology table, and its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.show.common import ProcessName, both_commands, name_of, processes
from dmvpn.ios import Args, ShowContext, short_interface

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class TopologySummary:
    """One process. serial: of the last change. pending: destinations for which replies are awaited.

    quiet: interfaces without neighbors.
    """

    process: ProcessName
    serial: int
    routes: int
    pending: int
    interfaces: int
    with_neighbors: int
    quiet: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShowTopologySummary:
    """The answer."""

    processes: tuple[TopologySummary, ...]


def query_summary(ctx: ShowContext, args: Args) -> ShowTopologySummary:
    """Return the counts of every process."""
    found = []
    for process in processes(ctx, args):
        table, interfaces = process.dual.table.values(), process.state.interfaces.items()
        quiet = tuple(short_interface(name) for name, interface in interfaces if not interface.neighbors)
        found.append(
            TopologySummary(
                name_of(process),
                max((destination.serial for destination in table), default=0),
                len(table),
                sum(destination.is_active for destination in table),
                len(interfaces),
                len(interfaces) - len(quiet),
                quiet,
            )
        )
    return ShowTopologySummary(tuple(found))


def render_summary(answer: ShowTopologySummary) -> Iterator[str]:
    """Yield a paragraph for each process."""
    for one in answer.processes:
        yield from one.process.topology_heading("Table")
        yield f"Head serial 1, next serial {one.serial + 1}"
        yield f"{one.routes} routes, {one.pending} pending replies, 0 dummies"
        neighbors = f"neighbors present on {one.with_neighbors} interfaces"
        yield f"EIGRP-IPv4({one.process.autonomous_system}) enabled on {one.interfaces} interfaces, {neighbors}"
        yield f"Quiescent interfaces: {'/'.join(one.quiet) or 'none'}"
        yield ""


SUMMARY: Final = both_commands(
    "topology summary", {"topology": "The topology table", "summary": "How large it is"}, query_summary, render_summary
)
