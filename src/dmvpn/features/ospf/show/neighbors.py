"""`show ip ospf neighbor [interface] [detail]`, and their `retransmission-list` and `request-list`: LSAs that they have
not acknowledged, and LSAs that we lack.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import spelled
from dmvpn.base.moments import clock
from dmvpn.base.rows import Source, table
from dmvpn.base.values import Value
from dmvpn.features.ospf.show.common import HELP, OSPF, heading, processes, role_of
from dmvpn.ios import Args, ExecCommand, ShowContext, age

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.features.ospf.interface import Neighbor
    from dmvpn.features.ospf.lsa import LsaHeader
    from dmvpn.features.ospf.machine import Process


# ------------------------------------------------------------------------------------------------ neighbors


_neighbor: Final[Source[Neighbor, float]] = Source()


class NeighborEntry(Value, kw_only=True):
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
        _neighbor(lambda it: spelled(it.address)),
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
    number: int = _neighbor(lambda it: int(it.number))


class RefusedRouter(Value):
    """A router whose Hellos are not taken, and why."""

    address: str
    interface: str
    reason: str


class ShowNeighbors(Value):
    """The answer to `show ip ospf neighbor`. processes: number and identifier of each, and how many of them it has."""

    detail: bool
    neighbors: tuple[NeighborEntry, ...]
    refused: tuple[RefusedRouter, ...]
    processes: tuple[tuple[int, str, int], ...]


def query_neighbors(ctx: ShowContext, args: Args) -> ShowNeighbors:
    """Return all neighbors, or those on one interface."""
    only, router = args.interface("interface", None), args.address("router", None)
    found = [
        (process, neighbor)
        for process in processes(ctx, args)
        for interface in process.interfaces.values()
        if only in (None, interface.name)
        for neighbor in sorted(interface.neighbors.values(), key=lambda each: each.router, reverse=True)
        if router in (None, neighbor.router)
    ]
    counts = Counter(process for process, _ in found)
    return ShowNeighbors(
        "detail" in args or router is not None,
        tuple(_neighbor.row(NeighborEntry, neighbor, ctx.now) for _, neighbor in found),
        tuple(
            RefusedRouter(spelled(address), interface.name, str(reason))
            for process in processes(ctx, args)
            for interface in process.interfaces.values()
            if only in (None, interface.name)
            for address, reason in interface.refusals.items()
        ),
        tuple((process.number, str(process.router_id), count) for process, count in counts.items()),
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
            yield from condition(entry, "0/0/0")
    elif answer.neighbors:
        yield ""
        yield from table(NeighborEntry, answer.neighbors)
    yield from refusals(answer)


def condition(entry: NeighborEntry, index: str) -> Iterator[str]:
    """Yield how a neighbor is, which the paragraphs of both versions end with. index: as IOS counts."""
    yield f"    Dead timer due in {entry.dead}"
    yield f"    Neighbor is up for {entry.adjacent}"
    again = f"number of retransmission {entry.retransmissions}"
    yield f"    Index {index}, retransmission queue length {entry.waiting}, {again}"
    if entry.helped is not None:
        yield f"    It restarts gracefully, and is helped for {entry.helped} more seconds"
    if entry.reason:
        yield f"    Its last packet was not taken: {entry.reason}"


def refusals(answer: ShowNeighbors) -> Iterator[str]:
    """Yield the routers whose Hellos are not taken, behind the paragraphs."""
    for refused in answer.refused if answer.detail else ():
        yield f" Hellos of {refused.address} on {refused.interface} are not taken: {refused.reason}"


NEIGHBORS: Final = ExecCommand(
    f"{OSPF} neighbor [* {{interface:interface}} | {{router:address}} | detail ]",
    {**HELP, "neighbor": "Neighbors", "router": "Only this router", "detail": "All about them"},
    query=query_neighbors,
    render=render_neighbors,
)


# ------------------------------------------------------------------------------------- retransmission and request lists


class ListedLsa(Value, kw_only=True):
    """One LSA. age: seconds, as in its header."""

    type: int
    id: str
    router: str
    sequence: int
    age: int
    checksum: int


class NeighborList(Value, kw_only=True):
    """The list of one neighbor. due: seconds until it is sent again, None of requests."""

    neighbor: str
    interface: str
    address: str
    due: float | None
    lsas: tuple[ListedLsa, ...]


class ProcessLists(Value):
    """The lists of one process; neighbors with an empty list are left out."""

    own: str
    process: int
    neighbors: tuple[NeighborList, ...]


class ShowLists(Value):
    """The answer to `show ip ospf retransmission-list` and to `show ip ospf request-list`."""

    processes: tuple[ProcessLists, ...]


def query_retransmissions(ctx: ShowContext, args: Args) -> ShowLists:
    """Return LSAs that neighbors have not acknowledged."""

    def entry(process: Process, neighbor: Neighbor) -> NeighborList:
        when = process.state.context.timers.when(neighbor.retransmit_timer)
        due = None if when is None else when - ctx.now
        return _entry(neighbor, [lsa.header for lsa, _ in neighbor.waiting.values()], due)

    return _lists(ctx, args, entry)


def query_requests(ctx: ShowContext, args: Args) -> ShowLists:
    """Return LSAs that were requested from neighbors, or will be."""
    return _lists(ctx, args, lambda process, neighbor: _entry(neighbor, [*neighbor.talk.requests.values()], None))


def _lists(ctx: ShowContext, args: Args, entry: Callable[[Process, Neighbor], NeighborList]) -> ShowLists:
    only, router = args.interface("interface", None), args.address("router", None)
    found = []
    for process in processes(ctx, args):
        chosen = [
            neighbor
            for neighbor in process.neighbors()
            if only in (None, neighbor.interface.name) and router in (None, neighbor.router)
        ]
        entries = (entry(process, neighbor) for neighbor in chosen)
        lists = tuple(each for each in entries if each.lsas)
        found.append(ProcessLists(str(process.router_id), process.number, lists))
    return ShowLists(tuple(found))


def _entry(neighbor: Neighbor, headers: list[LsaHeader], due: float | None) -> NeighborList:
    return NeighborList(
        neighbor=str(neighbor.router),
        interface=neighbor.interface.name,
        address=spelled(neighbor.address),
        due=due,
        lsas=tuple(
            ListedLsa(
                type=header.type,
                id=str(header.id),
                router=str(header.router),
                sequence=header.sequence & 0xFFFFFFFF,
                age=header.age,
                checksum=header.checksum,
            )
            for header in headers
        ),
    )


def render_lists(answer: ShowLists) -> Iterator[str]:
    """Yield a table for each neighbor."""
    for process in answer.processes:
        yield from heading(process.own, process.process)
        for each in process.neighbors:
            yield f" Neighbor {each.neighbor}, interface {each.interface} address {each.address}"
            if each.due is not None:
                due = f"Link state retransmission due in {max(0, round(1000 * each.due))} msec"
                yield f" {due}, Queue length {len(each.lsas)}"
            yield ""
            yield " Type  LS ID           ADV RTR         Seq NO      Age    Checksum"
            for lsa in each.lsas:
                sequence = f"0x{lsa.sequence:08X}"
                yield f" {lsa.type:>4}  {lsa.id:<16}{lsa.router:<16}{sequence}  {lsa.age:<7}0x{lsa.checksum:04X}"
            yield ""


_WHOSE: Final = "[ {router:address} ] [ {interface:interface} ]"
RETRANSMISSIONS: Final = ExecCommand(
    f"{OSPF} retransmission-list {_WHOSE}",
    {**HELP, "router": "Identifier of one", "retransmission-list": "What neighbors have not acknowledged"},
    query=query_retransmissions,
    render=render_lists,
)
REQUESTS: Final = ExecCommand(
    f"{OSPF} request-list {_WHOSE}",
    {**HELP, "router": "Identifier of one", "request-list": "What neighbors are asked for"},
    query=query_requests,
    render=render_lists,
)
LISTS: Final = (RETRANSMISSIONS, REQUESTS)
