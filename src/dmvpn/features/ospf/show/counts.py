"""`show ip ospf statistics`, `events`, `traffic`, `max-metric`, `rib`, `flood-list`, `sham-links`; and the commands
that clear them.

Headings are those of IOS. The columns of statistics and the words of events are our own: a calculation is measured in
networks, since virtual time does not pass meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.notices import RouteSource
from dmvpn.base.values import dataclass
from dmvpn.features.ospf.events import ClearOspfCounters
from dmvpn.features.ospf.packet import PacketType
from dmvpn.features.ospf.show.common import HELP, OSPF, clock, processes
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.lsa import LsaHeader
    from dmvpn.features.ospf.process import Process

_KINDS: Final = (
    (PacketType.HELLO, "hello"),
    (PacketType.DESCRIPTION, "database desc"),
    (PacketType.REQUEST, "link state req"),
    (PacketType.UPDATE, "link state updates"),
    (PacketType.ACKNOWLEDGMENT, "link state acks"),
)


@dataclass(frozen=True, slots=True)
class Section:
    """One process: its heading, and its lines of text."""

    router: str
    process: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShowSections:
    """The answer to these commands."""

    sections: tuple[Section, ...]


def section_of(process: Process, lines: Iterator[str]) -> Section:
    """Return the section of one process."""
    return Section(str(process.router_id), process.number, tuple(lines))


def render_sections(answer: ShowSections) -> Iterator[str]:
    """Process by process."""
    for section in answer.sections:
        yield ""
        yield f"            OSPF Router with ID ({section.router}) (Process ID {section.process})"
        yield ""
        yield from section.lines


def query_statistics(ctx: ShowContext, args: Args) -> ShowSections:
    """Return the last calculations."""
    return ShowSections(tuple(section_of(each, _statistics(each, ctx.now)) for each in processes(ctx, args)))


def _statistics(process: Process, now: float) -> Iterator[str]:
    for area in process.areas.values():
        yield f"  Area {area.title}: SPF algorithm executed {area.calculations} times"
    yield ""
    yield "  SPF calculation"
    yield "Delta T    Networks  Reason"
    for run in process.state.history.runs:
        yield f"{clock(now - run.at):<11}{run.networks:<10}{', '.join(run.reasons)}".rstrip()


def query_events(ctx: ShowContext, args: Args) -> ShowSections:
    """Return recent events, the last first."""
    return ShowSections(tuple(section_of(each, _events(ctx, each)) for each in processes(ctx, args)))


def _events(ctx: ShowContext, process: Process) -> Iterator[str]:
    for number, (at, what) in enumerate(reversed(process.state.history.events), 1):
        text = what if isinstance(what, str) else _changed(what)
        yield f"{number:<5}{ctx.ports.clock.local(at):%b %d %H:%M:%S}: {text}"


def _changed(header: LsaHeader) -> str:
    sequence = f"0x{header.sequence & 0xFFFFFFFF:08X}"
    return f"LSA of type {header.type}, LSID {header.id}, from {header.router}, seq {sequence}, age {header.age}"


def query_traffic(ctx: ShowContext, args: Args) -> ShowSections:
    """Return packet counters by type, and dropped packets by reason."""
    return ShowSections(tuple(section_of(each, _traffic(each)) for each in processes(ctx, args)))


def _traffic(process: Process) -> Iterator[str]:
    sender = process.sender
    dropped = sum(sender.dropped.values())
    yield f"  Rcvd: {sum(sender.received.values())} total, {dropped} dropped"
    yield from _packets(sender.received)
    yield f"  Sent: {sum(sender.sent.values())} total"
    yield from _packets(sender.sent)
    for reason, count in sorted(sender.dropped.items()):
        yield f"  Dropped, {reason}: {count}"


def _packets(counts: dict[int, int]) -> Iterator[str]:
    words = [f"{counts.get(kind, 0)} {name}" for kind, name in _KINDS]
    yield f"        {', '.join(words[:3])}"
    yield f"        {', '.join(words[3:])}"


def query_maximum(ctx: ShowContext, args: Args) -> ShowSections:
    """Return whether we are a last resort."""
    return ShowSections(tuple(section_of(each, _maximum(each)) for each in processes(ctx, args)))


def _maximum(process: Process) -> Iterator[str]:
    configured, resort = process.settings.maximum_metric, process.state.last_resort
    if configured is None:
        yield "  Router is not originating router-LSAs with maximum metric"
        return
    state = "" if resort is not None else "not "
    yield f"  Router is {state}originating router-LSAs with maximum metric"
    left = process.state.startup_left
    if configured.on_startup is not None:
        state = "active" if resort is not None else "inactive"
        yield f"    Condition: on startup for {configured.on_startup} seconds, State: {state}"
        if resort is not None and left is not None:
            yield f"    Time remaining: {clock(left)}"
    else:
        yield "    Condition: always, State: active"
    if configured.stubs:
        yield "    Advertise stub links with maximum metric in router-LSAs"
    if configured.summaries is not None:
        yield f"    Advertise summary-LSAs with metric {configured.summaries}"
    if configured.externals is not None:
        yield f"    Advertise external-LSAs with metric {configured.externals}"


def query_rib(ctx: ShowContext, args: Args) -> ShowSections:
    """Return the routes of OSPF itself, whatever the routing table takes."""
    wanted = args.address("prefix", None)
    mask = args.address("mask", None)
    return ShowSections(tuple(section_of(each, _rib(ctx, each, wanted, mask)) for each in processes(ctx, args)))


def _rib(ctx: ShowContext, process: Process, wanted: object, mask: object) -> Iterator[str]:
    yield "\t\tBase Topology (MTID 0)"
    yield ""
    yield "OSPF local RIB"
    yield "Codes: * - Best, > - Installed in global RIB"
    yield ""
    for prefix, route in sorted(
        process.state.found.routes.items(), key=lambda each: (int(each[0].address), each[0].length)
    ):
        if wanted not in (None, prefix.address) or mask not in (None, prefix.netmask):
            continue
        kind = {"": "Intra", "IA": "Inter", "E1": "Ext1", "E2": "Ext2", "N1": "NSSA1", "N2": "NSSA2"}[route.kind.value]
        area = f", area {route.area}" if route.area is not None else ""
        best = ctx.ports.rib.exact(prefix)
        is_ours = best is not None and (best.source, best.process) == (RouteSource.OSPF, str(process.number))
        mark = "*>" if is_ours else "* "
        connected = "" if route.hops else ", Connected"
        yield f"{mark}  {prefix}, {kind}, cost {route.metric}{area}{connected}"
        for hop in route.hops:
            yield f"      via {hop.address}, {hop.interface}"


def query_floods(ctx: ShowContext, args: Args) -> ShowSections:
    """Query LSAs that were sent to neighbors and are not acknowledged, interface by interface."""
    only = args.interface("interface", None)
    return ShowSections(tuple(section_of(each, _floods(each, only)) for each in processes(ctx, args)))


def _floods(process: Process, only: str | None) -> Iterator[str]:
    for name, interface in process.interfaces.items():
        if only in (None, name):
            waiting = {key: None for neighbor in interface.neighbors.values() for key in neighbor.waiting}
            yield f" Interface {name}, Queue length {len(waiting)}"


def query_sham(ctx: ShowContext, args: Args) -> ShowSections:
    """Return no sham links: they belong to MPLS VPNs."""
    return ShowSections(())


def clear_counters(ctx: ShowContext, args: Args) -> ClearOspfCounters:
    """Clear counters: `clear ip ospf counters`, `traffic`, `events`, `statistics`."""
    return ClearOspfCounters(args.integer("number", None))


COUNTS: Final = (
    ExecCommand(
        f"{OSPF} statistics [ detail ]",
        {**HELP, "statistics": "The last calculations", "detail": "The same"},
        query=query_statistics,
        render=render_sections,
    ),
    ExecCommand(
        f"{OSPF} events", {**HELP, "events": "What happened lately"}, query=query_events, render=render_sections
    ),
    ExecCommand(f"{OSPF} traffic", {**HELP, "traffic": "Packets by kind"}, query=query_traffic, render=render_sections),
    ExecCommand(
        f"{OSPF} max-metric",
        {**HELP, "max-metric": "Whether this router is a last resort"},
        query=query_maximum,
        render=render_sections,
    ),
    ExecCommand(
        f"{OSPF} rib [ {{prefix:address}} [ {{mask:mask}} ] ] [ detail ]",
        {**HELP, "rib": "The routes of OSPF itself", "prefix": "Network", "mask": "Its mask", "detail": "The same"},
        query=query_rib,
        render=render_sections,
    ),
    ExecCommand(
        f"{OSPF} flood-list [ {{interface:interface}} ]",
        {**HELP, "flood-list": "Advertisements that wait for acknowledgments"},
        query=query_floods,
        render=render_sections,
    ),
    ExecCommand(
        f"{OSPF} sham-links", {**HELP, "sham-links": "Of MPLS VPNs: none"}, query=query_sham, render=render_sections
    ),
    ExecCommand(
        "clear ip ospf [ {number:1-65535} ] ( counters | traffic | events | statistics )",
        {
            **HELP,
            "counters": "Begin to count again",
            "traffic": "Packets by kind",
            "events": "What happened lately",
            "statistics": "The last calculations",
        },
        action=clear_counters,
        privilege=15,
    ),
)
