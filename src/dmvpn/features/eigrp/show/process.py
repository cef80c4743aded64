"""Shows of a whole process: its block in `show ip protocols`, and `show eigrp protocols`; `show ip eigrp events`,
`timers` and `traffic`; `clear ip eigrp events`.

Events are the last ones, newest first. The layout is that of IOS; only the kinds of events that exist here are shown.
Running timers are a tree, in which a parent has the time of its first child.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix, classful_length, mask_length, spelled
from dmvpn.base.breath import breathing
from dmvpn.base.values import Value
from dmvpn.features.eigrp.model import LARGEST_EVENT_LOG, NetworkLine, Redistribution
from dmvpn.features.eigrp.packet import Opcode
from dmvpn.features.eigrp.show.common import (
    HELP,
    ProcessName,
    both_commands,
    clear_commands,
    every_process,
    name_of,
    processes,
)
from dmvpn.features.eigrp.tlv import StubFlag
from dmvpn.ios import Args, ExecCommand, ShowContext, age, interface_sort_key, short_interface
from dmvpn.ios.routing import filter_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.context import Timer
    from dmvpn.features.eigrp.machine import ClearEvents, Process


# ------------------------------------------------------------------------------------------------ lines of a process


def ip_protocols(ctx: ShowContext) -> list[str]:
    """Return the lines of all processes, with an empty line between blocks."""
    lines: list[str] = []
    for process in every_process(ctx):
        if lines:
            lines.append("")
        lines += _block(process, ctx.now)
    return lines


def ipv6_protocols(ctx: ShowContext) -> list[str]:
    """Return the lines of all processes for IPv6, with the interfaces that they run on."""
    lines: list[str] = []
    for process in every_process(ctx, 6):
        rules = process.state.settings.redistributions
        lines += [
            f'IPv6 Routing Protocol is "eigrp {process.state.autonomous_system}"',
            *_parameters(process),
            "",
            "  Interfaces:",
            *(f"    {name}" for name in sorted(process.state.interfaces, key=interface_sort_key)),
            "  Redistribution:",
            *([f"    Redistributing protocol {' '.join(_named(rule))}" for rule in rules] or ["    None"]),
        ]
    return lines


def _named(rule: Redistribution) -> Iterator[str]:
    yield rule.source.value
    yield from (text for text in (rule.process, f"route-map {rule.route_map}" if rule.route_map else "") if text)


def protocol_names(ctx: ShowContext) -> list[str]:
    """Return the running processes."""
    return [f"eigrp {process.state.autonomous_system}" for process in every_process(ctx)]


def _block(process: Process, now: float) -> Iterator[str]:
    settings = process.state.settings
    yield f'Routing Protocol is "eigrp {settings.autonomous_system}"'
    yield from filter_lines(settings.distribution)
    held = {one.inwards for one in settings.distribution.defaults}
    if False in held:
        yield "  Default networks not flagged in outgoing updates"
    else:
        yield "  Default networks flagged in outgoing updates"
    if True in held:
        yield "  Default networks not accepted from incoming updates"
    else:
        yield "  Default networks accepted from incoming updates"
    if settings.redistributions:
        yield "  Redistributing: " + ", ".join(rule.source.value for rule in settings.redistributions)
    yield from (f"  {line}" for line in _parameters(process))
    yield ""
    yield "  Automatic Summarization: disabled"
    yield from _summaries(process)
    yield f"  Maximum path: {settings.maximum_paths}"
    yield "  Routing for Networks:"
    for network in settings.networks:
        yield f"    {network_text(network)}"
    passive = [name for name, interface in process.state.interfaces.items() if interface.settings.passive]
    if passive:
        yield "  Passive Interface(s):"
        for name in sorted(passive, key=interface_sort_key):
            yield f"    {name}"
    yield "  Routing Information Sources:"
    yield "    Gateway         Distance      Last Update"
    for gateway, (distance, since) in sorted(_gateways(process).items()):
        yield f"    {gateway:<15}{distance:>9}      {age(now - since)}"
    yield f"  Distance: internal {settings.internal_distance} external {settings.external_distance}"


def _parameters(process: Process) -> Iterator[str]:
    settings = process.state.settings
    weights = settings.scale.weights
    k6 = f" K6={weights.k6}" if settings.is_named else ""
    yield from name_of(process).heading("Protocol")
    values = f"K1={weights.k1}, K2={weights.k2}, K3={weights.k3}, K4={weights.k4}, K5={weights.k5}"
    yield f"  Metric weight {values}{k6}"
    if settings.is_named:
        yield f"  Metric rib-scale {settings.scale.rib_scale}"
        yield "  Metric version 64bit"
    yield "  Soft SIA disabled"
    yield "  NSF-aware route hold timer is 240"
    yield f"  Router-ID: {process.state.router_id}"
    if settings.stub is not None:
        words = [flag.name.lower().replace("_", "-") for flag in StubFlag if flag in settings.stub and flag.name]
        yield f"  Stub, {', '.join(words)}"
    yield "  Topology : 0 (base) "
    yield f"    Active Timer: {f'{settings.active_time / 60:.0f} min' if settings.active_time else 'disabled'}"
    yield f"    Distance: internal {settings.internal_distance} external {settings.external_distance}"
    yield f"    Maximum path: {settings.maximum_paths}"
    yield f"    Maximum hopcount {settings.maximum_hops}"
    yield f"    Maximum metric variance {settings.variance}"


class ShowProtocols(Value):
    """The answer to `show eigrp protocols`: the lines of each process."""

    processes: tuple[tuple[str, ...], ...]


def query_protocols(ctx: ShowContext, _: Args) -> ShowProtocols:
    """Return the parameters of each process."""
    return ShowProtocols(
        tuple(
            (
                *_parameters(process),
                f"    Total Prefix Count: {len(process.dual.table)}",
                f"    Total Redist Count: {process.redistributor.count}",
            )
            for version in (4, 6)
            for process in every_process(ctx, version)
        )
    )


def render_protocols(answer: ShowProtocols) -> Iterator[str]:
    """Yield the blocks, each followed by an empty line."""
    for lines in answer.processes:
        yield from lines
        yield ""


def _summaries(process: Process) -> Iterator[str]:
    """Yield the configured summaries, with the interfaces on which they are advertised."""
    where: dict[Prefix, list[str]] = {}
    for name in sorted(process.state.interfaces, key=interface_sort_key):
        for summary in process.state.interfaces[name].settings.summaries:
            where.setdefault(summary.prefix, []).append(short_interface(name))
    if where:
        yield "  Address Summarization:"
    for prefix, names in sorted(where.items()):
        yield f"    {prefix} for {', '.join(names)}"
        destination = process.dual.table.get(prefix)
        if destination is not None and destination.current is not None:
            count = process.summaries.components(prefix)
            yield f"      Summarizing {count} component{'s' if count > 1 else ''} with metric {destination.distance}"


def _gateways(process: Process) -> dict[str, tuple[int, float]]:
    """Return neighbors whose routes are in the table: distance, and the time of the latest route."""
    gateways: dict[str, tuple[int, float]] = {}
    for path, route in process.offers.sources():
        if path.source.is_local:
            continue
        gateway = str(path.source.address)
        _, since = gateways.get(gateway, (0, 0.0))
        gateways[gateway] = (process.state.settings.internal_distance, max(since, route.since))
    return gateways


def network_text(network: NetworkLine) -> str:
    """Return a network in the format of IOS: a classful one without length, any other with its length or wildcard."""
    length = mask_length(IPv4Address(int(network.wildcard) ^ 0xFFFFFFFF))
    if length is None:
        return f"{network.address} {network.wildcard}"
    if length in (classful_length(network.address), 0):
        return str(network.address)
    return f"{network.address}/{length}"


PROTOCOLS: Final = ExecCommand(
    "show eigrp protocols",
    {**HELP, "protocols": "What holds for each process"},
    query=query_protocols,
    render=render_protocols,
)


# ------------------------------------------------------------------------------------------------ events


class EventLine(Value):
    """One event. time: HH:MM:SS.mmm in the router's time zone."""

    time: str
    what: str
    values: tuple[str, ...]


class EventTable(Value):
    """The events of one process. first: the number of the first event shown; the newest has number 1."""

    autonomous_system: int
    first: int
    events: tuple[EventLine, ...]


class ShowEvents(Value):
    """The answer to `show ip eigrp events`."""

    tables: tuple[EventTable, ...]


def query_events(ctx: ShowContext, args: Args) -> ShowEvents:
    """Return the events of all processes, or of one."""
    first, last = args.integer("first", 1), args.integer("last", LARGEST_EVENT_LOG)
    return ShowEvents(tuple(_events_of(ctx, process, first, last) for process in processes(ctx, args)))


def _events_of(ctx: ShowContext, process: Process, first: int, last: int) -> EventTable:
    lines = []
    for event in breathing(list(process.state.log.newest_first())[first - 1 : last]):
        when = ctx.ports.clock.local(event.when)
        time = f"{when:%H:%M:%S}.{when.microsecond // 1000:03}"
        lines.append(EventLine(time, event.kind.value, tuple(map(_text, event.values))))
    return EventTable(process.state.autonomous_system, first, tuple(lines))


def _text(value: object) -> str:
    return spelled(value) if isinstance(value, Prefix | IPv4Address | IPv6Address) else str(value)


def render_events(answer: ShowEvents) -> Iterator[str]:
    """Yield one block per process, with numbered events."""
    for table in answer.tables:
        yield f"Event information for AS {table.autonomous_system}:"
        for number, event in enumerate(table.events, table.first):
            yield f"{number:<5}{event.time} {event.what}: {' '.join(event.values)}".rstrip(": ")
        if not table.events:
            yield "Event log is empty."


def clear_events(ctx: ShowContext, args: Args) -> ClearEvents:
    """Clear the events (`clear ip eigrp events`)."""
    from dmvpn.features.eigrp.machine import ClearEvents

    return ClearEvents(args.integer("number", None), ctx.ports.vrf, args.version)


EVENTS: Final = both_commands(
    "events [ {first:1-100000} {last:1-100000} ]",
    {"events": "The last events", "first": "From this one; 1 is the newest", "last": "To this one"},
    query_events,
    render_events,
)
CLEAR_EVENTS: Final = clear_commands("events", {"events": "Forget the last events"}, clear_events)


# ------------------------------------------------------------------------------------------------ timers


class TimerLine(Value):
    """A timer. seconds: until it is due. kind: what it is for."""

    seconds: float
    kind: str


class TimerTable(Value):
    """The timers of one process, sorted by time: of Hellos, of each neighbor, of active destinations."""

    process: ProcessName
    hellos: tuple[TimerLine, ...]
    neighbors: tuple[tuple[TimerLine, ...], ...]
    active: tuple[TimerLine, ...]


class ShowTimers(Value):
    """The answer to `show ip eigrp timers`."""

    tables: tuple[TimerTable, ...]


def query_timers(ctx: ShowContext, args: Args) -> ShowTimers:
    """Return the timers of all processes, or of one."""
    return ShowTimers(tuple(_timers_of(process, ctx.now) for process in processes(ctx, args)))


def _timers_of(process: Process, now: float) -> TimerTable:
    def due(*timers: Timer, named: Callable[[str], str] | None = None) -> tuple[TimerLine, ...]:
        """Return the running timers. named: the words for their subject, if the line has it, as on IOS."""
        times = [(process.state.context.timers.when(timer), timer) for timer in timers]
        lines = [
            TimerLine(
                max(0.0, when - now), f"{timer.purpose} ({named(str(timer.subject))})" if named else timer.purpose
            )
            for when, timer in times
            if when is not None
        ]
        return tuple(sorted(lines, key=lambda line: (line.seconds, line.kind)))

    interfaces = process.state.interfaces.values()
    waits = [due(one.hold_timer, one.retransmit_timer) for one in process.neighbors()]
    flows = [due(each.flow_timer, each.pacing_timer) for each in interfaces]
    return TimerTable(
        name_of(process),
        due(*(each.hello_timer for each in interfaces), named=short_interface),
        tuple(sorted((group for group in (*waits, *flows) if group), key=lambda group: group[0].seconds)),
        due(*process.stuck.timers(), named=str),
    )


def render_timers(answer: ShowTimers) -> Iterator[str]:
    """Yield three parts per process."""
    for table in answer.tables:
        yield from table.process.heading("Timers")
        yield from _part("Hello", [table.hellos], 1)
        yield ""
        yield from _part("Update", list(table.neighbors), 2)
        yield ""
        yield from _part("SIA", [table.active], 1)


def _part(title: str, groups: list[tuple[TimerLine, ...]], depth: int) -> Iterator[str]:
    """Yield a part: its first time, then the groups. depth: level of the timers in the tree."""
    filled = [group for group in groups if group]
    yield f"  {title} Process"
    yield "    Expiration    Type"
    yield _line(0, TimerLine(filled[0][0].seconds if filled else 0.0, "(parent)"))
    for group in filled:
        if depth > 1:
            yield _line(1, TimerLine(group[0].seconds, "(parent)"))
        yield from (_line(depth, line) for line in group)


def _line(depth: int, line: TimerLine) -> str:
    return f"{'  ' * depth}|{line.seconds:>16.3f}  {line.kind}"


TIMERS: Final = both_commands("timers", {"timers": "Timers that run"}, query_timers, render_timers)


# ------------------------------------------------------------------------------------------------ traffic


_KINDS: Final = (
    ("Hellos", Opcode.HELLO),
    ("Updates", Opcode.UPDATE),
    ("Queries", Opcode.QUERY),
    ("Replies", Opcode.REPLY),
    ("Acks", Opcode.ACK),
    ("SIA-Queries", Opcode.SIA_QUERY),
    ("SIA-Replies", Opcode.SIA_REPLY),
)


class TrafficTable(Value):
    """Packets of one process: (type, sent, received), and the dropped ones by reason."""

    process: ProcessName
    packets: tuple[tuple[str, int, int], ...]
    dropped: tuple[tuple[str, int], ...]


class ShowTraffic(Value):
    """The answer to `show ip eigrp traffic`."""

    tables: tuple[TrafficTable, ...]


def query_traffic(ctx: ShowContext, args: Args) -> ShowTraffic:
    """Return the counters of all processes, or of one."""
    tables = []
    for process in processes(ctx, args):
        traffic = process.state.traffic
        packets = tuple((kind, traffic.sent[opcode], traffic.received[opcode]) for kind, opcode in _KINDS)
        tables.append(TrafficTable(name_of(process), packets, tuple(sorted(traffic.dropped.items()))))
    return ShowTraffic(tuple(tables))


def render_traffic(answer: ShowTraffic) -> Iterator[str]:
    """Yield one block per process."""
    for table in answer.tables:
        yield from table.process.heading("Traffic Statistics")
        for kind, sent, received in table.packets:
            yield f"  {kind} sent/received: {sent}/{received}"
        for reason, count in table.dropped:
            yield f"  Dropped, {reason}: {count}"


TRAFFIC: Final = both_commands("traffic", {"traffic": "Packets by kind"}, query_traffic, render_traffic)
