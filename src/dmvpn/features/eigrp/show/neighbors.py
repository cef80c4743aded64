"""`show ip eigrp neighbors [detail]`, `clear ip eigrp neighbors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.rows import Source
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.machine import ClearNeighbors
from dmvpn.features.eigrp.show.common import ProcessName, both_commands, clear_commands, name_of, processes
from dmvpn.features.eigrp.tlv import StubFlag
from dmvpn.ios import Args, ShowContext, age, short_interface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.eigrp.interface import Neighbor
    from dmvpn.features.eigrp.tlv import SoftwareVersion

_TITLE: Final = (
    "H   Address                 Interface              Hold Uptime   SRTT   RTO  Q  Seq",
    "                                                   (sec)         (ms)       Cnt Num",
)
_STUB_WORDS: Final = (
    (StubFlag.CONNECTED, "CONNECTED"),
    (StubFlag.STATIC, "STATIC"),
    (StubFlag.SUMMARY, "SUMMARY"),
    (StubFlag.REDISTRIBUTED, "REDISTRIBUTED"),
)


_neighbor: Final[Source[Neighbor, float]] = Source()


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborEntry:
    """One neighbor.

    hold: seconds left.
    srtt, rto: milliseconds.
    stub: the routes that it advertises; None: it is no stub.
    """

    handle: int
    address: str
    interface: str = _neighbor(lambda it: it.interface.name)
    hold: int = _neighbor.at(lambda it, now: max(0, int(it.hold_left(now))))
    uptime: str = _neighbor.at(lambda it, now: age(now - it.since))
    srtt: int = _neighbor(lambda it: max(1, round(it.srtt * 1000)) if it.srtt else 0)
    rto: int = _neighbor(lambda it: round(it.rto * 1000))
    queue: int = _neighbor(lambda it: len(it.backlog) + (it.outstanding is not None))
    sequence: int = _neighbor(lambda it: it.last_sequence)
    state: str
    version: str = _neighbor(lambda it: _version(it.software))
    retransmissions: int
    retries: int = _neighbor(lambda it: it.outstanding.tries - 1 if it.outstanding else 0)
    prefixes: int = _neighbor(lambda it: len(it.source.prefixes))
    stub: tuple[str, ...] | None = _neighbor(
        lambda it: None if it.stub is None else tuple(word for flag, word in _STUB_WORDS if flag in it.stub)
    )


@dataclass(frozen=True, slots=True)
class NeighborTable:
    """The neighbors of one process, the highest handle first."""

    process: ProcessName
    neighbors: tuple[NeighborEntry, ...]


@dataclass(frozen=True, slots=True)
class ShowNeighbors:
    """The answer to `show ip eigrp neighbors`."""

    detail: bool
    tables: tuple[NeighborTable, ...]


def query_neighbors(ctx: ShowContext, args: Args) -> ShowNeighbors:
    """Return the neighbors of all processes, or of one, or on one interface."""
    only = args.interface("interface", None)
    tables = [
        NeighborTable(
            name_of(process),
            tuple(
                _neighbor.row(NeighborEntry, neighbor, ctx.now)
                for neighbor in reversed(process.neighbors())
                if only in (None, neighbor.interface.name)
            ),
        )
        for process in processes(ctx, args)
    ]
    return ShowNeighbors("detail" in args, tuple(tables))


def _version(software: SoftwareVersion | None) -> str:
    if software is None:
        return "0.0/0.0"
    return f"{software.os_major}.{software.os_minor}/{software.tlv_major}.{software.tlv_minor}"


def render_neighbors(answer: ShowNeighbors) -> Iterator[str]:
    """Yield one table per process."""
    for table in answer.tables:
        yield from table.process.heading("Neighbors")
        if table.neighbors:
            yield from _TITLE
        for entry in table.neighbors:
            yield (
                f"{entry.handle:<4}{entry.address:<24}{short_interface(entry.interface):<23}{entry.hold:>4} "
                f"{entry.uptime:<8}{entry.srtt:>5}{entry.rto:>6}{entry.queue:>3}  {entry.sequence}"
            )
            if answer.detail:
                yield from _detail(entry)
        if answer.detail and table.neighbors:
            yield "Max Nbrs: 0, Current Nbrs: 0"


def _detail(entry: NeighborEntry) -> Iterator[str]:
    prefixes = f", Prefixes: {entry.prefixes}" if entry.prefixes else ""
    yield f"   Version {entry.version}, Retrans: {entry.retransmissions}, Retries: {entry.retries}{prefixes}"
    yield "   Topology-ids from peer - 0 "
    yield "   Topologies advertised to peer:   base"
    yield ""
    if entry.stub is not None:
        if entry.stub:
            yield f"   Stub Peer Advertising ({' '.join(entry.stub)} ) Routes"
        else:
            yield "   Receive-Only Peer Advertising (No) Routes"
        yield "   Suppressing queries"


def clear_neighbors(ctx: ShowContext, args: Args) -> ClearNeighbors:
    """Clear neighbors (`clear ip eigrp neighbors`)."""
    return ClearNeighbors(
        args.integer("number", None),
        args.interface("interface", None),
        args.address("address", None),
        soft="soft" in args,
        vrf=ctx.ports.vrf,
    )


@dataclass(frozen=True, slots=True)
class StaticNeighbors:
    """The `neighbor` lines of one process: address and interface."""

    process: ProcessName
    neighbors: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ShowStaticNeighbors:
    """The answer to `show ip eigrp neighbors static`."""

    tables: tuple[StaticNeighbors, ...]


def query_static(ctx: ShowContext, args: Args) -> ShowStaticNeighbors:
    """Return the configured neighbors, whether they exist or not."""
    wanted = args.interface("interface", None)
    return ShowStaticNeighbors(
        tuple(
            StaticNeighbors(
                name_of(process),
                tuple(
                    (str(address), name)
                    for name, settings in process.state.settings.interfaces
                    for address in settings.neighbors
                    if wanted in (None, name)
                ),
            )
            for process in processes(ctx, args)
        )
    )


def render_static(answer: ShowStaticNeighbors) -> Iterator[str]:
    """Yield one table per process."""
    for table in answer.tables:
        yield from table.process.heading("Static Neighbors")
        yield "Static Address           Interface"
        for address, interface in table.neighbors:
            yield f"{address:<24} {interface}"


STATIC: Final = both_commands(
    "neighbors static [ {interface:interface} ]",
    {"neighbors": "Neighbors", "static": "Neighbors from `neighbor` lines", "interface": "On this interface"},
    query_static,
    render_static,
)
NEIGHBORS: Final = both_commands(
    "neighbors [* detail | {interface:interface} ]",
    {"neighbors": "Neighbors", "detail": "All about them", "interface": "On this interface"},
    query_neighbors,
    render_neighbors,
)
CLEAR: Final = clear_commands(
    "neighbors [ {address:address} | {interface:interface} ] [ soft ]",
    {
        "neighbors": "Give neighbors up and let them come again",
        "address": "This neighbor",
        "interface": "Those on this interface",
        "soft": "Neighbors stay up and get all routes again",
    },
    clear_neighbors,
)
