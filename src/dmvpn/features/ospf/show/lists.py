"""`show ip ospf retransmission-list` and `request-list`: outstanding acknowledgments and LSAs of neighbors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.ospf.show.common import HELP, OSPF, processes
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.features.ospf.interface import Neighbor
    from dmvpn.features.ospf.lsa import LsaHeader
    from dmvpn.features.ospf.machine import Process


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLsa:
    """One LSA. age: seconds, as in its header."""

    type: int
    id: str
    router: str
    sequence: int
    age: int
    checksum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborList:
    """The list of one neighbor. due: seconds until it is sent again, None of requests."""

    neighbor: str
    interface: str
    address: str
    due: float | None
    lsas: tuple[ListedLsa, ...]


@dataclass(frozen=True, slots=True)
class ProcessLists:
    """The lists of one process; neighbors with an empty list are left out."""

    own: str
    process: int
    neighbors: tuple[NeighborList, ...]


@dataclass(frozen=True, slots=True)
class ShowLists:
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
        address=str(neighbor.address),
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
        yield ""
        yield f"            OSPF Router with ID ({process.own}) (Process ID {process.process})"
        yield ""
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
