"""`show ip eigrp topology [all-links | detail-links | active | pending | prefix]`, and its `summary`: the size of the
topology table, and its sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED, UNSPECIFIED_OF, Prefix, spelled
from dmvpn.base.breath import breathing, in_order
from dmvpn.base.values import Value
from dmvpn.features.eigrp.metric import INFINITY
from dmvpn.features.eigrp.packet import ExternalProtocol
from dmvpn.features.eigrp.show.common import ProcessName, both_commands, distance_text, name_of, processes
from dmvpn.features.eigrp.topology import Destination, DestinationState, Origin, Path
from dmvpn.ios import Args, ShowContext, age, short_interface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.eigrp.machine import Process


# ------------------------------------------------------------------------------------------------ destinations


_CODES: Final = (
    "Codes: P - Passive, A - Active, U - Update, Q - Query, R - Reply,",
    "       r - reply Status, s - sia Status ",
    "",
)
_ORIGINS: Final = {
    DestinationState.INCREASED: "Local origin",
    DestinationState.ASKED: "Local origin",
    DestinationState.SUCCESSOR_INCREASED: "Multiple Origins",
    DestinationState.SUCCESSOR_ASKED: "Successor Origin",
}
_PROTOCOLS: Final[dict[int, str]] = {
    ExternalProtocol.EIGRP: "EIGRP",
    ExternalProtocol.STATIC: "Static",
    ExternalProtocol.RIP: "RIP",
    ExternalProtocol.OSPF: "OSPF",
    ExternalProtocol.BGP: "BGP",
    ExternalProtocol.CONNECTED: "Connected",
}


class ExternalEntry(Value):
    """The origin of a redistributed destination."""

    autonomous_system: int
    protocol: str
    metric: int
    tag: int


class PathEntry(Value):
    """One path.

    via: a neighbor, or the word for a path of our own.
    delay_ps: picoseconds.
    bandwidth: kbit/s.
    """

    via: str
    next_hop: str
    interface: str
    distance: int
    reported_distance: int
    bandwidth: int
    delay_ps: int
    reliability: int
    load: int
    mtu: int
    hops: int
    originator: str
    external: ExternalEntry | None


class DestinationEntry(Value):
    """One destination.

    awaiting: address and interface of the neighbors that owe a reply.
    paths: successors first.
    """

    prefix: str
    active: bool
    successors: int
    feasible_distance: int
    rib_metric: int
    serial: int
    tag: int
    origin_flag: int
    query_origin: str
    active_for: str
    awaiting: tuple[tuple[str, str], ...]
    paths: tuple[PathEntry, ...]


class TopologyTable(Value):
    """The destinations of one process, sorted."""

    process: ProcessName
    wide: bool
    destinations: tuple[DestinationEntry, ...]


class ShowTopology(Value):
    """The answer to `show ip eigrp topology`. serials: serial numbers are requested. prefix: the destination whose
    details are requested; "": a table.
    """

    serials: bool
    prefix: str
    tables: tuple[TopologyTable, ...]


def query_topology(ctx: ShowContext, args: Args) -> ShowTopology:
    """Return all destinations, the active ones, or a single one."""
    wanted = args.any_prefix(None)
    all_links = "all-links" in args or wanted is not None
    tables = []
    for process in processes(ctx, args):
        destinations = in_order(process.dual.table.values(), key=lambda destination: destination.prefix)
        if wanted is not None:
            destinations = _find(process, wanted, exact="mask" in args or "/" in " ".join(args.words))
        elif "active" in args:
            destinations = [destination for destination in destinations if destination.is_active]
        elif "pending" in args:
            destinations = [destination for destination in destinations if _is_pending(process, destination)]
        elif "zero-successors" in args:
            destinations = [destination for destination in destinations if not destination.successors]
        entries = [
            _destination(process, destination, ctx.now, all_links=all_links) for destination in breathing(destinations)
        ]
        tables.append(TopologyTable(name_of(process), process.state.settings.is_named, tuple(entries)))
    return ShowTopology("all-links" in args or "detail-links" in args, spelled(wanted) if wanted else "", tuple(tables))


def _is_pending(process: Process, destination: Destination) -> bool:
    """Return whether neighbors owe a reply, or have yet to receive something."""
    prefix = destination.prefix
    return (
        destination.is_active
        or any(interface.group.waits(prefix) for interface in process.state.interfaces.values())
        or any(neighbor.backlog.waits(prefix) for neighbor in process.neighbors())
    )


def _find(process: Process, wanted: Prefix, *, exact: bool) -> list[Destination]:
    """Return the destination of this prefix; for a plain address, the longest match."""
    table = process.dual.table
    if exact:
        return [table[wanted]] if wanted in table else []
    holding = [destination for destination in table.values() if wanted.address in destination.prefix]
    holding.sort(key=lambda destination: -destination.prefix.length)
    return holding[:1]


def _destination(process: Process, destination: Destination, now: float, *, all_links: bool) -> DestinationEntry:
    ranked = destination.feasible_successors()
    if all_links:
        others = [path for path in destination.paths.values() if path not in ranked]
        ranked += sorted(others, key=lambda path: (path.distance, path.source.rank))
    current = destination.current
    external = current.report.external if current else None
    return DestinationEntry(
        prefix=spelled(destination.prefix),
        active=destination.is_active,
        successors=0 if destination.is_active else len(destination.successors),
        feasible_distance=destination.feasible_distance,
        rib_metric=process.state.settings.scale.rib_metric(destination.distance) if current else INFINITY,
        serial=destination.serial,
        tag=external.tag if external else 0,
        origin_flag=1 if destination.state.value is None else destination.state.value,
        query_origin=_ORIGINS.get(destination.state, ""),
        active_for=age(now - destination.active_since) if destination.is_active else "",
        awaiting=tuple((spelled(source.address), source.interface) for source in destination.awaiting),
        paths=tuple(_path(process, path) for path in ranked),
    )


def _path(process: Process, path: Path) -> PathEntry:
    metric, external, source = path.metric, path.report.external, path.source
    entry = None
    if external is not None:
        protocol = _PROTOCOLS.get(external.protocol, str(external.protocol))
        entry = ExternalEntry(external.autonomous_system, protocol, external.metric, external.tag)
    hop, version = path.report.next_hop, process.state.settings.family.version
    return PathEntry(
        via=_via(path),
        next_hop=spelled(hop if hop != UNSPECIFIED else UNSPECIFIED_OF[version]),
        interface="Null0" if source.origin is Origin.SUMMARY else source.interface,
        distance=path.distance,
        reported_distance=path.reported_distance,
        bandwidth=metric.bandwidth,
        delay_ps=metric.delay,
        reliability=metric.reliability,
        load=metric.load,
        mtu=metric.mtu,
        hops=metric.hop_count,
        originator=str(process.state.router_id if source.is_local else path.report.originator),
        external=entry,
    )


def _via(path: Path) -> str:
    match path.source.origin:
        case Origin.CONNECTED:
            return "Connected"
        case Origin.SUMMARY:
            return "Summary"
        case Origin.REDISTRIBUTED:
            return "R" + path.source.interface
        case _:
            return spelled(path.source.address)


def render_topology(answer: ShowTopology) -> Iterator[str]:
    """Yield a table for each process, or the details of one destination."""
    for table in answer.tables:
        if answer.prefix:
            yield from _render_single(table, answer.prefix)
        else:
            yield from table.process.topology_heading("Table")
            yield from _CODES
            for destination in table.destinations:
                yield from _render_row(destination, serials=answer.serials)
            yield ""


def _render_row(entry: DestinationEntry, *, serials: bool) -> Iterator[str]:
    distance = "Inaccessible" if entry.feasible_distance >= INFINITY else str(entry.feasible_distance)
    tag = f", tag is {entry.tag}" if entry.tag else ""
    serial = f", serno {entry.serial}" if serials else ""
    letter = "A" if entry.active else "P"
    yield f"{letter} {entry.prefix}, {entry.successors} successors, FD is {distance}{tag}{serial}"
    if entry.active:
        count = len(entry.awaiting)
        yield f"    {count} replies, active {entry.active_for}, query-origin: {entry.query_origin}"
    for path in entry.paths:
        yield _render_path(path)
    if entry.active:
        yield "      Remaining replies:"
        for address, interface in entry.awaiting:
            yield f"         via {address}, r, {interface}"


def _render_path(path: PathEntry) -> str:
    distances = f"({distance_text(path.distance)}/{distance_text(path.reported_distance)})"
    if path.via == "Connected":
        return f"        via Connected, {path.interface}"
    if path.via.startswith("R"):
        return f"        via {path.via} {distances}"
    return f"        via {path.via} {distances}, {path.interface}"


def _render_single(table: TopologyTable, prefix: str) -> Iterator[str]:
    if not table.destinations:
        yield from table.process.topology_heading("Entry")
        yield f"%Entry {prefix} not in topology table"
        return
    entry = table.destinations[0]
    yield from table.process.topology_heading("Entry", f" for {entry.prefix}")
    rib = f", RIB is {distance_text(entry.rib_metric)}" if table.wide else ""
    yield (
        f"  State is {'Active' if entry.active else 'Passive'}, Query origin flag is {entry.origin_flag}, "
        f"{entry.successors} Successor(s), FD is {distance_text(entry.feasible_distance)}{rib}"
    )
    for address, interface in entry.awaiting:
        yield f"  Waiting for a reply of {address} ({interface})"
    yield "  Descriptor Blocks:"
    for path in entry.paths:
        yield from _render_block(path, wide=table.wide)


def _render_block(path: PathEntry, *, wide: bool) -> Iterator[str]:
    kind = "External" if path.external else "Internal"
    delay = f"{path.delay_ps} picoseconds" if wide else f"{path.delay_ps // 1_000_000} microseconds"
    where = f"{path.next_hop} ({path.interface})" if not path.via.startswith("R") else path.next_hop
    source = str(UNSPECIFIED) if path.via == "Summary" else path.via
    yield f"  {where}, from {source}, Send flag is 0x0"
    distances = f"{distance_text(path.distance)}/{distance_text(path.reported_distance)}"
    yield f"      Composite metric is ({distances}), route is {kind}"
    yield "      Vector metric:"
    yield f"        Minimum bandwidth is {path.bandwidth} Kbit"
    yield f"        Total delay is {delay}"
    yield f"        Reliability is {path.reliability}/255"
    yield f"        Load is {path.load}/255"
    yield f"        Minimum MTU is {path.mtu}"
    yield f"        Hop count is {path.hops}"
    yield f"        Originating router is {path.originator}"
    if path.external is not None:
        yield "      External data:"
        yield f"        AS number of route is {path.external.autonomous_system}"
        yield f"        External protocol is {path.external.protocol}, external metric is {path.external.metric}"
        yield f"        Administrator tag is {path.external.tag} (0x{path.external.tag:08X})"


TOPOLOGY: Final = both_commands(
    "topology [ all-links | detail-links | active | pending | zero-successors | {prefix:prefix} "
    "| {address:address} {mask:mask} ]",
    {
        "topology": "The topology table",
        "all-links": "All paths, feasible or not",
        "detail-links": "With the number of the last change of each",
        "active": "What replies are awaited for",
        "pending": "Destinations that wait for replies or updates",
        "zero-successors": "What no way leads to",
        "prefix": "Everything about this destination",
        "address": "Everything about this destination",
        "mask": "Its mask",
    },
    query_topology,
    render_topology,
)


# ------------------------------------------------------------------------------------------------ the summary


class TopologySummary(Value):
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


class ShowTopologySummary(Value):
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
        name = f"{one.process.family}({one.process.autonomous_system})"
        yield f"{name} enabled on {one.interfaces} interfaces, {neighbors}"
        yield f"Quiescent interfaces: {'/'.join(one.quiet) or 'none'}"
        yield ""


SUMMARY: Final = both_commands(
    "topology summary", {"topology": "The topology table", "summary": "How large it is"}, query_summary, render_summary
)
