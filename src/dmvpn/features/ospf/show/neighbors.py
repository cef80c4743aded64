"""`show ip ospf neighbor [interface] [detail]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ospf.show.common import HELP, OSPF, clock, processes, role_of
from dmvpn.ios import Args, ExecCommand, ShowContext, age

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.interface import Neighbor


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborEntry:
    """One neighbor. dead: seconds until it is given up. adjacent: for how long it has been in its state, seconds."""

    router: str
    priority: int
    state: str
    role: str
    dead: str
    address: str
    interface: str
    area: str
    changes: int
    designated: str
    backup: str
    options: int
    adjacent: str
    waiting: int
    retransmissions: int
    helped: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class RefusedRouter:
    """A router whose Hellos are not taken, and why."""

    address: str
    interface: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShowNeighbors:
    """The answer to `show ip ospf neighbor`."""

    detail: bool
    neighbors: tuple[NeighborEntry, ...]
    refused: tuple[RefusedRouter, ...]


def query_neighbors(ctx: ShowContext, args: Args) -> ShowNeighbors:
    """Return all neighbors, or those on one interface."""
    only, router = args.interface("interface", None), args.address("router", None)
    interfaces = [
        interface
        for process in processes(ctx, args)
        for interface in process.interfaces.values()
        if only in (None, interface.name)
    ]
    return ShowNeighbors(
        "detail" in args or router is not None,
        tuple(
            _entry(neighbor, ctx.now)
            for interface in interfaces
            for neighbor in sorted(interface.neighbors.values(), key=lambda each: each.router, reverse=True)
            if router in (None, neighbor.router)
        ),
        tuple(
            RefusedRouter(str(address), interface.name, str(reason))
            for interface in interfaces
            for address, reason in interface.refusals.items()
        ),
    )


def _entry(neighbor: Neighbor, now: float) -> NeighborEntry:
    settings = neighbor.interface.settings
    return NeighborEntry(
        router=str(neighbor.router),
        priority=neighbor.priority if settings.elects else 0,
        state=neighbor.state.value,
        role=role_of(neighbor),
        dead=clock(neighbor.last_heard + settings.dead_interval - now) if int(neighbor.router) else "   -    ",
        address=str(neighbor.address),
        interface=neighbor.interface.name,
        area=neighbor.interface.area.title,
        changes=neighbor.changes,
        designated=str(neighbor.designated),
        backup=str(neighbor.backup),
        options=neighbor.options,
        adjacent=age(now - neighbor.since),
        waiting=len(neighbor.waiting),
        retransmissions=neighbor.retransmissions,
        helped=None if neighbor.helped_until is None else max(0, round(neighbor.helped_until - now)),
        reason=str(neighbor.refusal) if neighbor.refusal else "",
    )


def render_neighbors(answer: ShowNeighbors) -> Iterator[str]:
    """Yield a table, or a paragraph for each."""
    if answer.detail:
        for entry in answer.neighbors:
            yield from _paragraph(entry)
    elif answer.neighbors:
        yield ""
        yield "Neighbor ID     Pri   State           Dead Time   Address         Interface"
        for entry in answer.neighbors:
            state = f"{entry.state}/{entry.role}"
            yield (
                f"{entry.router:<16}{entry.priority:>3}   {state:<16}{entry.dead:<12}{entry.address:<16}"
                f"{entry.interface}"
            )
    if answer.detail:
        for refused in answer.refused:
            yield f" Hellos of {refused.address} on {refused.interface} are not taken: {refused.reason}"


def _paragraph(entry: NeighborEntry) -> Iterator[str]:
    yield f" Neighbor {entry.router}, interface address {entry.address}"
    yield f"    In the area {entry.area} via interface {entry.interface}"
    yield f"    Neighbor priority is {entry.priority}, State is {entry.state}, {entry.changes} state changes"
    yield f"    DR is {entry.designated} BDR is {entry.backup}"
    yield f"    Options is 0x{entry.options:X} in Hello"
    yield f"    Dead timer due in {entry.dead}"
    yield f"    Neighbor is up for {entry.adjacent}"
    again = f"number of retransmission {entry.retransmissions}"
    yield f"    Index 0/0/0, retransmission queue length {entry.waiting}, {again}"
    if entry.helped is not None:
        yield f"    It restarts gracefully, and is helped for {entry.helped} more seconds"
    if entry.reason:
        yield f"    Its last packet was not taken: {entry.reason}"


NEIGHBORS: Final = ExecCommand(
    f"{OSPF} neighbor [* {{interface:interface}} | {{router:address}} | detail ]",
    {**HELP, "neighbor": "Neighbors", "router": "Only this router", "detail": "All about them"},
    query=query_neighbors,
    render=render_neighbors,
)
