"""`show track [brief | N]`, `show ip sla statistics | summary | configuration`.

The layouts of IP SLA are those of IOS-XE as Genie and ntc-templates read them; a failed probe has no round-trip time.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED_OF, Prefix, spelled
from dmvpn.base.values import Value, collected, project
from dmvpn.features.track.machine import Code, Echo, Object, TrackMachine
from dmvpn.features.track.model import CHOSEN_BY, Operation, TrackKind
from dmvpn.ios import Args, ExecCommand, ShowContext, age


class ObjectEntry(Value, kw_only=True):
    """One tracked object. changed: seconds since the last change. code, rtt: of its operation; rtt in milliseconds.

    level: of a list with thresholds: the weight of the members that are up, or their percentage. weights: empty if they
    do not count.
    """

    number: int
    kind: str
    about: str
    parameter: str
    up: bool
    changes: int
    changed: float
    up_delay: int
    down_delay: int
    route: str = ""
    vrf: str = ""
    learnt_by: str = ""
    hop: str = ""
    code: str = ""
    rtt: int | None = None
    members: tuple[tuple[int, bool, bool], ...] = ()
    weights: tuple[int, ...] = ()
    level: int | None = None
    up_level: int | None = None
    down_level: int | None = None
    followed: bool = False


class ShowTrack(Value):
    """The answer to `show track`."""

    brief: bool
    objects: tuple[ObjectEntry, ...]


class OperationEntry(Value, kw_only=True):
    """One operation. rtt: milliseconds. started: as a date. ago: seconds since then. left: of its life, None: forever.

    life: seconds, None: forever. Times of the configuration are seconds.
    """

    number: int
    destination: str
    source: str
    state: str
    code: str
    rtt: int | None
    started: str
    ago: float | None
    successes: int
    failures: int
    left: int | None
    frequency: int
    timeout: int
    threshold: int
    size: int
    tos: int
    tag: str
    owner: str
    vrf: str
    scheduled: bool
    life: int | None


class ShowSla(Value):
    """The answer to the shows of IP SLA."""

    operations: tuple[OperationEntry, ...]


def query_track(ctx: ShowContext, args: Args) -> ShowTrack:
    """Return all objects, or one."""
    machine, number = ctx.machine(TrackMachine), args.integer("number", None)
    kinds = next((kinds for word, kinds in CHOSEN_BY.items() if word in args), tuple(TrackKind))
    found = [
        _object(ctx, each)
        for each in machine.objects.all.values()
        if number in (None, each.settings.number) and each.settings.kind in kinds
    ]
    return ShowTrack("brief" in args, tuple(found))


def _object(ctx: ShowContext, each: Object) -> ObjectEntry:
    machine, settings = ctx.machine(TrackMachine), each.settings
    rib = ctx.ports.rib_of(settings.vrf)
    route = rib.exact(settings.prefix) if rib is not None and settings.prefix is not None else None
    echo = machine.echoes.running.get(settings.operation)
    has_levels = settings.kind in (TrackKind.WEIGHT, TrackKind.PERCENTAGE)
    states = {number: known.is_up for number, known in machine.objects.all.items()}
    return project(
        ObjectEntry,
        settings,
        kind=settings.kind.name,
        up=each.is_up,
        changes=each.changes,
        changed=ctx.now - each.since,
        route=_route(settings.prefix) if settings.prefix is not None else "",
        learnt_by=route.source.name if route is not None else "",
        hop=route.next_hops[0].interface if route is not None and route.next_hops else "",
        code=(echo.code if echo is not None else Code.UNKNOWN).value if settings.operation else "",
        rtt=_milliseconds(echo.rtt) if echo is not None else None,
        members=tuple((number, reverse, states.get(number, False)) for number, reverse in settings.members),
        weights=settings.weights if settings.kind is TrackKind.WEIGHT else (),
        level=machine.objects.level(settings) if has_levels else None,
        up_level=settings.up_level if has_levels else None,
        down_level=settings.down_level if has_levels else None,
        followed=machine.is_followed(settings.number),
    )


def _route(prefix: Prefix) -> str:
    return f"{prefix.address} {prefix.netmask}" if prefix.version == 4 else spelled(prefix)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else max(1, round(1000 * seconds))


def render_track(answer: ShowTrack) -> Iterator[str]:
    """Yield one block an object, or one line."""
    if answer.brief:
        yield "Track Type        Instance                   Parameter        State Last Change"
        for entry in answer.objects:
            words = entry.about.split(" ")
            kind = " ".join(words[:2]) if words[0] in ("ip", "ipv6") else words[0]
            instance = entry.about[len(kind) + 1 :]
            parameter = entry.parameter.split()[0] if kind == "list" else entry.parameter
            state = "Up" if entry.up else "Down"
            yield f"{entry.number:<6}{kind:<12}{instance:<27}{parameter:<17}{state:<6}{age(entry.changed)}"
        return
    for number, entry in enumerate(answer.objects):
        if number:
            yield ""
        yield from _block(entry)


_SUBJECTS: Final = {
    TrackKind.LINE: "Line protocol",
    TrackKind.ROUTING: "IP routing",
    TrackKind.REACHABLE: "Reachability",
    TrackKind.STATE: "State",
    TrackKind.ROUTE: "Reachability",
    TrackKind.ALL: "Boolean AND",
    TrackKind.ANY: "Boolean OR",
    TrackKind.WEIGHT: "Threshold Weight",
    TrackKind.PERCENTAGE: "Threshold Percentage",
}


def _block(entry: ObjectEntry) -> Iterator[str]:
    kind = TrackKind[entry.kind]
    about = entry.about[0].upper() + entry.about[1:]
    if entry.route:
        about = f"{'IPv6' if ':' in entry.route else 'IP'} route {entry.route}"
    if kind in (TrackKind.REACHABLE, TrackKind.STATE):
        about = f"IP SLA {entry.about.split()[-1]}"
    yield f"Track {entry.number}"
    yield f"  {about} {entry.parameter}"
    state = "Up" if entry.up else "Down"
    learnt = f" ({entry.learnt_by})" if entry.learnt_by else ""
    unit = "%" if kind is TrackKind.PERCENTAGE else ""
    level = f" ({entry.level}{unit})" if entry.level is not None else ""
    subject = "IPv6 routing" if entry.parameter == "ipv6 routing" else _SUBJECTS[kind]
    yield f"  {subject} is {state}{learnt}{level}"
    changes = "1 change" if entry.changes == 1 else f"{entry.changes} changes"
    yield f"    {changes}, last change {age(entry.changed)}"
    for (number, reverse, up), weight in zip_longest(entry.members, entry.weights):
        weighs = f" weight {weight}" if weight is not None else ""
        yield f"    object {'not ' if reverse else ''}{number}{weighs} {'Up' if up else 'Down'}"
    if entry.up_level is not None:
        yield f"  Threshold up {entry.up_level}{unit}, down {entry.down_level}{unit}"
    if entry.up_delay or entry.down_delay:
        delays = ((entry.up_delay, "up"), (entry.down_delay, "down"))
        yield "  Delay " + ", ".join(f"{word} {seconds} secs" for seconds, word in delays if seconds)
    if entry.vrf:
        yield f'  VPN Routing/Forwarding table "{entry.vrf}"'
    if entry.hop:
        yield f"  First-hop interface is {entry.hop}"
    if entry.code:
        yield f"  Latest operation return code: {entry.code}"
        if entry.rtt is not None:
            yield f"  Latest RTT (millisecs) {entry.rtt}"
    if entry.followed:
        yield "  Tracked by:"
        yield "    Static IP Routing 0"


def query_sla(ctx: ShowContext, args: Args) -> ShowSla:
    """Return all operations, or one."""
    echoes, number = ctx.machine(TrackMachine).echoes.running.values(), args.integer("number", None)
    return ShowSla(tuple(_operation(ctx, each) for each in echoes if number in (None, each.settings.number)))


def _operation(ctx: ShowContext, echo: Echo) -> OperationEntry:
    settings = echo.settings
    began = echo.started_at
    source = settings.interface or spelled(settings.source or UNSPECIFIED_OF[settings.destination.version])
    return project(
        OperationEntry,
        settings,
        destination=spelled(settings.destination),
        source=source,
        state=_state(settings, echo),
        code=echo.code.value,
        rtt=_milliseconds(echo.rtt),
        started=ctx.ports.clock.local(began).strftime("%H:%M:%S %Z %a %b %-d %Y") if began is not None else "",
        ago=ctx.now - began if began is not None else None,
        successes=echo.successes,
        failures=echo.failures,
        left=max(0, round(echo.ends_at - ctx.now)) if echo.ends_at is not None else None,
        frequency=round(settings.frequency),
        timeout=round(settings.timeout * 1000),
        threshold=round(settings.threshold * 1000),
        scheduled=settings.after is not None,
        life=round(settings.life) if settings.life is not None else None,
    )


def _state(settings: Operation, echo: Echo) -> str:
    """Return the mark of the summary: active, inactive, pending."""
    if settings.after is None:
        return "~"
    return "*" if echo.is_running else "^"


def render_statistics(answer: ShowSla) -> Iterator[str]:
    """Yield one block an operation."""
    yield "IPSLAs Latest Operation Statistics"
    for entry in answer.operations:
        yield ""
        yield f"IPSLA operation id: {entry.number}"
        rtt = "NoConnection/Busy/Timeout" if entry.rtt is None else f"{entry.rtt} milliseconds"
        if entry.started:
            yield f"        Latest RTT: {rtt}"
            yield f"Latest operation start time: {entry.started}"
        yield f"Latest operation return code: {entry.code}"
        yield f"Number of successes: {entry.successes}"
        yield f"Number of failures: {entry.failures}"
        left = "Forever" if entry.left is None else f"{entry.left} sec"
        yield f"Operation time to live: {left if entry.state == '*' else '0'}"
    yield ""


def render_summary(answer: ShowSla) -> Iterator[str]:
    """Yield one line an operation."""
    yield "IPSLAs Latest Operation Summary"
    yield "Codes: * active, ^ inactive, ~ pending"
    yield "All Stats are in milliseconds. Stats with u are in microseconds"
    yield ""
    yield "ID           Type        Destination       Stats       Return      Last"
    yield "                                                       Code        Run "
    yield "-----------------------------------------------------------------------"
    for entry in answer.operations:
        stats = "-" if entry.rtt is None else f"RTT={entry.rtt}"
        code = "OK" if entry.code == Code.OK.value else entry.code
        last = "-" if entry.ago is None else f"{int(entry.ago)} seconds ago"
        name = f"{entry.state}{entry.number}"
        yield f"{name:<13}{'icmp-echo':<12}{entry.destination:<18}{stats:<12}{code:<12}{last}"


def render_configuration(answer: ShowSla) -> Iterator[str]:
    """Yield one block an operation."""
    yield "IP SLAs Infrastructure Engine-III"
    for entry in answer.operations:
        yield f"Entry number: {entry.number}"
        yield f"Owner: {entry.owner}"
        yield f"Tag: {entry.tag}"
        yield f"Operation timeout (milliseconds): {entry.timeout}"
        yield "Type of operation to perform: icmp-echo"
        yield f"Target address/Source address: {entry.destination}/{entry.source}"
        yield f"Type Of Service parameter: 0x{entry.tos:X}"
        yield f"Request size (ARR data portion): {entry.size}"
        yield "Data pattern: 0xABCDABCD"
        yield "Verify data: No"
        yield f"Vrf Name: {entry.vrf}"
        yield "Schedule:"
        yield f"   Operation frequency (seconds): {entry.frequency}  (not considered if randomly scheduled)"
        begins = "Start Time already passed" if entry.scheduled else "Pending trigger"
        yield f"   Next Scheduled Start Time: {begins}"
        yield "   Group Scheduled : FALSE"
        yield "   Randomly Scheduled : FALSE"
        yield f"   Life (seconds): {'Forever' if entry.life is None else entry.life}"
        yield "   Entry Ageout (seconds): never"
        yield "   Recurring (Starting Everyday): FALSE"
        yield f"   Status of entry (SNMP RowStatus): {'Active' if entry.scheduled else 'notInService'}"
        yield f"Threshold (milliseconds): {entry.threshold}"
        yield ""


_HELP: Final = {"sla": "Measurements", "number": "Number of the operation"}
TRACK: Final = ExecCommand(
    "show track [ brief | {number:1-1000} [ brief ] | ( interface | ip route | ip sla | list ) [ brief ] ]",
    {
        "track": "Tracked objects",
        "brief": "One line for each",
        "number": "Number of the object",
        "interface": "Objects that track interfaces",
        "route": "Objects that track routes",
        "sla": "Objects that track operations of IP SLA",
        "list": "Objects that track other objects",
    },
    query=query_track,
    render=render_track,
)
STATISTICS: Final = ExecCommand(
    "show ip sla statistics [ {number:1-2147483647} ]",
    {**_HELP, "statistics": "What became of the last requests"},
    query=query_sla,
    render=render_statistics,
)
SUMMARY: Final = ExecCommand(
    "show ip sla summary", {**_HELP, "summary": "One line for each"}, query=query_sla, render=render_summary
)
CONFIGURATION: Final = ExecCommand(
    "show ip sla configuration [ {number:1-2147483647} ]",
    {**_HELP, "configuration": "Configuration, with defaults"},
    query=query_sla,
    render=render_configuration,
)
COMMANDS: Final = collected(ExecCommand, vars())
