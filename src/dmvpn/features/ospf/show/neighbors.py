"""`show ip ospf neighbor [interface] [detail]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.rows import Source, table
from dmvpn.base.values import dataclass
from dmvpn.features.ospf.show.common import HELP, OSPF, clock, processes, role_of
from dmvpn.ios import Args, ExecCommand, ShowContext, age

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.interface import Neighbor

_neighbor: Final[Source[Neighbor, float]] = Source()


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborEntry:
    """One neighbor. dead: seconds until it is given up. adjacent: for how long it has been in its state, seconds."""

    router: str = _neighbor.column(
        "Neighbor ID     ",
        "{:<16}",
        "Neighbor ID :: The neighbor's router identifier, which need not be an address that can be reached.",
    )
    priority: int = _neighbor.column(
        "Pri   ",
        "{:>3}   ",
        "Pri :: Its priority in the election of the designated router; 0: never elected, or there is no election.",
        _neighbor(lambda it: it.priority if it.interface.settings.elects else 0),
    )
    state: str = _neighbor.column("State           ", "{:<16}", cell=lambda entry: f"{entry.state}/{entry.role}")
    role: str = _neighbor(role_of)
    dead: str = _neighbor.column(
        "Dead Time   ",
        "{:<12}",
        "Dead Time :: Time until the neighbor goes down unless a Hello comes. [RFC 2328 §10.5]",
        _neighbor.at(
            lambda it, now: (
                clock(it.last_heard + it.interface.settings.dead_interval - now) if int(it.router) else "   -    "
            )
        ),
    )
    address: str = _neighbor.column(
        "Address         ",
        "{:<16}",
        "Address :: The neighbor's address on this network: the next hop of routes through it.",
    )
    interface: str = _neighbor.column("Interface", "{}", of=_neighbor(lambda it: it.interface.name))
    area: str = _neighbor(lambda it: it.interface.area.title)
    changes: int
    designated: str
    backup: str
    options: int
    adjacent: str = _neighbor.at(lambda it, now: age(now - it.since))
    waiting: int = _neighbor(lambda it: len(it.waiting))
    retransmissions: int
    helped: int | None = _neighbor.at(
        lambda it, now: None if it.helped_until is None else max(0, round(it.helped_until - now))
    )
    reason: str = _neighbor(lambda it: str(it.refusal or ""))


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
            _neighbor.row(NeighborEntry, neighbor, ctx.now)
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


def render_neighbors(answer: ShowNeighbors) -> Iterator[str]:
    """Yield a table, or a paragraph for each."""
    if answer.detail:
        for entry in answer.neighbors:
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
    elif answer.neighbors:
        yield ""
        yield from table(NeighborEntry, answer.neighbors)
    if answer.detail:
        for refused in answer.refused:
            yield f" Hellos of {refused.address} on {refused.interface} are not taken: {refused.reason}"


NEIGHBORS: Final = ExecCommand(
    f"{OSPF} neighbor [* {{interface:interface}} | {{router:address}} | detail ]",
    {**HELP, "neighbor": "Neighbors", "router": "Only this router", "detail": "All about them"},
    query=query_neighbors,
    render=render_neighbors,
)
