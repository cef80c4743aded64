"""`show ip ospf statistics`, `events`, `traffic`, `max-metric`, `rib`, `flood-list`, `sham-links`, `timers rate-limit`,
`nsf`, `neighbor summary`; and the commands that clear counters or begin something again.

Headings are those of IOS. The columns of statistics and the words of events are our own: a calculation is measured in
networks, since virtual time does not pass meanwhile.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from dmvpn.base.addresses import Prefix, spelled
from dmvpn.base.moments import clock
from dmvpn.base.notices import RouteSource
from dmvpn.base.values import Value, project
from dmvpn.features.ospf.lsa import LsaHeader, LsaType
from dmvpn.features.ospf.neighbor import NeighborState
from dmvpn.features.ospf.packet import PacketType
from dmvpn.features.ospf.show.common import HELP, OSPF, heading, processes, version_of
from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from ipaddress import IPv4Address

    from dmvpn.base.effects import NextHop
    from dmvpn.features.ospf.machine import ClearOspfCounters, ForceCalculation, Process, RefreshRedistribution
    from dmvpn.features.ospf.model import MaximumMetric


# ------------------------------------------------------------------------------------------------ counters


_KINDS: Final = (
    (PacketType.HELLO, "hello"),
    (PacketType.DESCRIPTION, "database desc"),
    (PacketType.REQUEST, "link state req"),
    (PacketType.UPDATE, "link state updates"),
    (PacketType.ACKNOWLEDGMENT, "link state acks"),
)
_WAYS: Final = {"": "Intra", "IA": "Inter", "E1": "Ext1", "E2": "Ext2", "N1": "NSSA1", "N2": "NSSA2"}


T = TypeVar("T")


class Section(Value, Generic[T]):
    """One process: its heading, its lines of text, and the values that they are made of."""

    router: str
    process: int
    lines: tuple[str, ...]
    values: T


class ShowSections(Value, Generic[T]):
    """The answer to these commands."""

    sections: tuple[Section[T], ...] = ()


def sections_of(
    chosen: Iterator[Process], values: Callable[[Process], T], lines: Callable[[T], Iterator[str]]
) -> ShowSections[T]:
    """Return a section for each process, with the values of the process and their lines."""
    found = ((process, values(process)) for process in chosen)
    return ShowSections(
        tuple(Section(str(process.router_id), process.number, tuple(lines(one)), one) for process, one in found)
    )


def render_sections(answer: ShowSections[T]) -> Iterator[str]:
    """Process by process."""
    for section in answer.sections:
        yield from heading(section.router, section.process)
        yield from section.lines


class PastRun(Value, kw_only=True):
    """A calculation. ago: seconds. networks: routes that it found. reasons: "R", "N", "SN", "SA", "X"."""

    ago: float
    networks: int
    reasons: tuple[str, ...]


class Calculations(Value):
    """How often each area was calculated, and the last calculations."""

    areas: dict[str, int]
    runs: tuple[PastRun, ...]


def query_statistics(ctx: ShowContext, args: Args) -> ShowSections[Calculations]:
    """Return the last calculations."""

    def values(process: Process) -> Calculations:
        runs = tuple(project(PastRun, run, ago=ctx.now - run.at) for run in process.state.history.runs)
        return Calculations({area.title: area.calculations for area in process.areas.values()}, runs)

    return sections_of(processes(ctx, args), values, _statistics)


def _statistics(found: Calculations) -> Iterator[str]:
    for area, calculations in found.areas.items():
        yield f"  Area {area}: SPF algorithm executed {calculations} times"
    yield ""
    yield "  SPF calculation"
    yield "Delta T    Networks  Reason"
    for run in found.runs:
        yield f"{clock(run.ago):<11}{run.networks:<10}{', '.join(run.reasons)}".rstrip()


class PastEvent(Value):
    """What happened, and when."""

    time: datetime
    text: str


def query_events(ctx: ShowContext, args: Args) -> ShowSections[tuple[PastEvent, ...]]:
    """Return recent events, the last first."""
    local = ctx.ports.clock.local

    def values(process: Process) -> tuple[PastEvent, ...]:
        events = reversed(process.state.history.events)
        return tuple(PastEvent(local(at), what if isinstance(what, str) else _changed(what)) for at, what in events)

    return sections_of(processes(ctx, args), values, _events)


def _events(found: tuple[PastEvent, ...]) -> Iterator[str]:
    for number, event in enumerate(found, 1):
        yield f"{number:<5}{event.time:%b %d %H:%M:%S}: {event.text}"


def _changed(header: LsaHeader) -> str:
    sequence = f"0x{header.sequence & 0xFFFFFFFF:08X}"
    kind = header.type if header.type < LsaType.PREFIXES else f"0x{header.type:04X}"
    return f"LSA of type {kind}, LSID {header.id}, from {header.router}, seq {sequence}, age {header.age}"


class PacketCounters(Value):
    """Packets by kind, and dropped packets by reason."""

    received: dict[str, int]
    sent: dict[str, int]
    dropped: dict[str, int]


def query_traffic(ctx: ShowContext, args: Args) -> ShowSections[PacketCounters]:
    """Return packet counters by type, and dropped packets by reason."""
    return sections_of(processes(ctx, args), _counters, _traffic)


def _counters(process: Process) -> PacketCounters:
    received, sent = (
        {name: counts.get(kind, 0) for kind, name in _KINDS}
        for counts in (process.sender.received, process.sender.sent)
    )
    return PacketCounters(received, sent, dict(sorted(process.sender.dropped.items())))


def _traffic(found: PacketCounters) -> Iterator[str]:
    yield f"  Rcvd: {sum(found.received.values())} total, {sum(found.dropped.values())} dropped"
    yield from _packets(found.received)
    yield f"  Sent: {sum(found.sent.values())} total"
    yield from _packets(found.sent)
    for reason, count in found.dropped.items():
        yield f"  Dropped, {reason}: {count}"


def _packets(counts: dict[str, int]) -> Iterator[str]:
    words = [f"{count} {name}" for name, count in counts.items()]
    yield f"        {', '.join(words[:3])}"
    yield f"        {', '.join(words[3:])}"


class LastResort(Value):
    """Whether a router advertises maximum metrics now. configured: None if never. left: seconds, None: no limit."""

    configured: MaximumMetric | None
    active: bool
    left: float | None


def query_maximum(ctx: ShowContext, args: Args) -> ShowSections[LastResort]:
    """Return whether we are a last resort."""

    def values(process: Process) -> LastResort:
        state = process.state
        return LastResort(process.settings.maximum_metric, state.last_resort is not None, state.startup_left)

    return sections_of(processes(ctx, args), values, _maximum)


def _maximum(found: LastResort) -> Iterator[str]:
    configured = found.configured
    if configured is None:
        yield "  Router is not originating router-LSAs with maximum metric"
        return
    yield f"  Router is {'' if found.active else 'not '}originating router-LSAs with maximum metric"
    if configured.on_startup is not None:
        state = "active" if found.active else "inactive"
        yield f"    Condition: on startup for {configured.on_startup} seconds, State: {state}"
        if found.active and found.left is not None:
            yield f"    Time remaining: {clock(found.left)}"
    else:
        yield "    Condition: always, State: active"
    if configured.stubs:
        yield "    Advertise stub links with maximum metric in router-LSAs"
    if configured.summaries is not None:
        yield f"    Advertise summary-LSAs with metric {configured.summaries}"
    if configured.externals is not None:
        yield f"    Advertise external-LSAs with metric {configured.externals}"


class LocalRoute(Value, kw_only=True):
    """A route of OSPF. area: None for an external route. installed: the routing table has it from this process."""

    prefix: Prefix
    kind: str
    metric: int
    area: int | None
    installed: bool
    hops: tuple[NextHop, ...]


def query_rib(ctx: ShowContext, args: Args) -> ShowSections[tuple[LocalRoute, ...]]:
    """Return the routes of OSPF itself, whatever the routing table takes."""
    wanted = args.values_given.get("prefix")
    mask = args.address("mask", None)

    def values(process: Process) -> tuple[LocalRoute, ...]:
        routes = sorted(process.state.found.routes.items(), key=lambda each: (int(each[0].address), each[0].length))
        return tuple(
            project(LocalRoute, route, kind=_WAYS[route.kind.value], installed=_is_installed(ctx, process, prefix))
            for prefix, route in routes
            if wanted in (None, prefix.address, prefix) and mask in (None, prefix.netmask)
        )

    return sections_of(processes(ctx, args), values, _rib)


def _is_installed(ctx: ShowContext, process: Process, prefix: Prefix) -> bool:
    best = ctx.ports.rib.exact(prefix)
    return best is not None and (best.source, best.process) == (RouteSource.OSPF, str(process.number))


def _rib(found: tuple[LocalRoute, ...]) -> Iterator[str]:
    yield "\t\tBase Topology (MTID 0)"
    yield ""
    yield "OSPF local RIB"
    yield "Codes: * - Best, > - Installed in global RIB"
    yield ""
    for route in found:
        area = f", area {route.area}" if route.area is not None else ""
        connected = "" if route.hops else ", Connected"
        mark = "*>" if route.installed else "* "
        yield f"{mark}  {spelled(route.prefix)}, {route.kind}, cost {route.metric}{area}{connected}"
        for hop in route.hops:
            yield f"      via {spelled(hop.address)}, {hop.interface}"


def query_floods(ctx: ShowContext, args: Args) -> ShowSections[dict[str, int]]:
    """Count LSAs that were sent to neighbors and are not acknowledged, by interface."""
    only = args.interface("interface", None)

    def values(process: Process) -> dict[str, int]:
        return {
            name: len({key: None for neighbor in interface.neighbors.values() for key in neighbor.waiting})
            for name, interface in process.interfaces.items()
            if only in (None, name)
        }

    return sections_of(processes(ctx, args), values, _floods)


def _floods(found: dict[str, int]) -> Iterator[str]:
    for name, length in found.items():
        yield f" Interface {name}, Queue length {length}"


def query_sham(ctx: ShowContext, args: Args) -> ShowSections[None]:
    """Return no sham links: they belong to MPLS VPNs."""
    return ShowSections()


def clear_counters(ctx: ShowContext, args: Args) -> ClearOspfCounters:
    """Clear counters: `clear ip ospf counters`, `traffic`, `events`, `statistics`."""
    from dmvpn.features.ospf.machine import ClearOspfCounters

    return ClearOspfCounters(args.integer("number", None), version_of(args))


_HELP: Final = {
    **HELP,
    "statistics": "The last calculations",
    "detail": "The same",
    "events": "What happened lately",
    "traffic": "Packets by kind",
    "max-metric": "Whether this router is a last resort",
    "flood-list": "Advertisements that wait for acknowledgments",
    "sham-links": "Of MPLS VPNs: none",
    "counters": "Begin to count again",
    "timers": "What waits",
    "rate-limit": "Our own advertisements that wait for their turn",
    "nsf": "Help for neighbors that restart",
    "neighbor": "Neighbors",
    "rib": "The routes of OSPF itself",
    "prefix": "Network",
    "mask": "Its mask",
    "summary": "How many are in each state",
    "force-spf": "Calculate the routes again",
    "redistribution": "Redistribute all routes again",
}
COUNTS: Final = (
    ExecCommand(f"{OSPF} statistics [ detail ]", _HELP, query=query_statistics, render=render_sections),
    ExecCommand(f"{OSPF} events", _HELP, query=query_events, render=render_sections),
    ExecCommand(f"{OSPF} traffic", _HELP, query=query_traffic, render=render_sections),
    ExecCommand(f"{OSPF} max-metric", _HELP, query=query_maximum, render=render_sections),
    ExecCommand(
        f"{OSPF} rib [ {{prefix:address}} [ {{mask:mask}} ] ] [ detail ]",
        _HELP,
        query=query_rib,
        render=render_sections,
    ),
    ExecCommand(f"{OSPF} flood-list [ {{interface:interface}} ]", _HELP, query=query_floods, render=render_sections),
    ExecCommand(f"{OSPF} sham-links", _HELP, query=query_sham, render=render_sections),
    ExecCommand(
        "clear ip ospf [ {number:1-65535} ] ( counters | traffic | events | statistics )",
        _HELP,
        action=clear_counters,
        privilege=15,
    ),
)


# ------------------------------------------------------------------------------------------------ what is under way


class WaitingLsa(Value, kw_only=True):
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


class Helping(Value):
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


class NeighborCounts(Value):
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
    from dmvpn.features.ospf.machine import ForceCalculation

    return ForceCalculation(args.integer("number", None), version_of(args))


def refresh_redistribution(ctx: ShowContext, args: Args) -> RefreshRedistribution:
    """Evaluate all redistributed routes (`clear ip ospf redistribution`)."""
    from dmvpn.features.ospf.machine import RefreshRedistribution

    return RefreshRedistribution(args.integer("number", None), version_of(args))


_CLEAR: Final = "clear ip ospf [ {number:1-65535} ]"
UNDERWAY: Final = (
    ExecCommand(f"{OSPF} timers rate-limit", _HELP, query=query_rate_limit, render=render_sections),
    ExecCommand(f"{OSPF} nsf", _HELP, query=query_restarts, render=render_sections),
    ExecCommand(f"{OSPF} neighbor summary", _HELP, query=query_summary, render=render_sections),
    ExecCommand(f"{_CLEAR} force-spf", _HELP, action=force_calculation, privilege=15),
    ExecCommand(f"{_CLEAR} redistribution", _HELP, action=refresh_redistribution, privilege=15),
)
