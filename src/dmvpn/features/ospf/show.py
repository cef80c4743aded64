"""What shows say of OSPF while it does not run: that, and in `show ip protocols` what each process is to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.machine import OspfReporter
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.model import Process


@dataclass(frozen=True, slots=True)
class NoNeighbors:
    """processes: those that are configured."""

    running: bool
    processes: tuple[int, ...]


def query_neighbors(ctx: ShowContext, args: Args) -> NoNeighbors:
    """`show ip ospf neighbor`."""
    processes = ctx.machine(OspfReporter).processes
    return NoNeighbors(running=False, processes=tuple(process.number for process in processes))


def render_neighbors(answer: NoNeighbors) -> Iterator[str]:
    """One line if OSPF is configured, else none, as on a router without it."""
    if answer.processes:
        yield "% This release does not run OSPF; its configuration is kept"


NEIGHBORS: Final = ExecCommand(
    "show ip ospf neighbor [ {interface:interface} ] [ detail ]",
    {"ospf": "OSPF version 2", "neighbor": "Neighbors", "interface": "On one interface"},
    query=query_neighbors,
    render=render_neighbors,
)
COMMANDS: Final = (NEIGHBORS,)


def ip_protocols(ctx: ShowContext) -> list[str]:
    """The lines of all processes, an empty one between two blocks."""
    lines: list[str] = []
    for process in ctx.machine(OspfReporter).processes:
        if lines:
            lines.append("")
        lines += _block(process)
    return lines


def _block(process: Process) -> Iterator[str]:
    yield f'Routing Protocol is "ospf {process.number}"'
    yield "  Not running: this release keeps the configuration of OSPF and has no neighbors and no routes"
    yield "  Routing for Networks:"
    for network in process.networks:
        yield f"    {network.address} {network.wildcard} area {network.area}"
