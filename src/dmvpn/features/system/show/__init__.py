"""The commands of this feature: shows about the router as a computer, ping, traceroute, clear; `switches` has debug."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from dmvpn import __version__
from dmvpn.base.addresses import IPAddress
from dmvpn.base.breath import breathing
from dmvpn.base.events import ClockSet, Event
from dmvpn.base.moments import month_of, read_time
from dmvpn.base.values import Value
from dmvpn.features.system import reports
from dmvpn.features.system.clock import long_date
from dmvpn.features.system.events import ClearLogging, StartPing, StartTraceroute
from dmvpn.features.system.machine import SystemMachine
from dmvpn.features.system.probes import PATH_MTU_AGE
from dmvpn.features.system.show import absent, sockets
from dmvpn.features.system.show.absent import lines_of
from dmvpn.features.system.show.dialog import ask_ping, ask_traceroute
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.differences import with_defaults
from dmvpn.ios.feature import Change, Confirm, ShowContext
from dmvpn.ios.grammar import Args, ExecCommand
from dmvpn.ios.tree import MARK, render_statement, render_tree
from dmvpn.ios.vrfs import by_vrf

#: The text before "Ethernet" in the kind of an interface, and how `show version` calls it.
_SPEEDS = (
    ("Ethernet", "Ethernet"),
    ("FastEthernet", "FastEthernet"),
    ("GigabitEthernet", "Gigabit Ethernet"),
    ("TenGigabitEthernet", "Ten Gigabit Ethernet"),
)

# ------------------------------------------------------------------------------------------------ queries


def version(ctx: ShowContext, _: Args) -> reports.Version:
    """Query the content of `show version`."""
    machine = ctx.machine(SystemMachine)
    host = machine.host
    names = [interface.name.rstrip("0123456789/.:") for interface in ctx.ports.interfaces.all()]
    counts = ((title, names.count(kind)) for kind, title in _SPEEDS)
    return reports.Version(
        version=__version__,
        hostname=ctx.hostname,
        uptime=ctx.now - (machine.started if machine.started is not None else ctx.now),
        board=host.board,
        memory_kb=host.memory_kb,
        used_kb=host.used_kb,
        disk_kb=host.disk_kb,
        interfaces=tuple((title, count) for title, count in counts if count),
    )


def clock(ctx: ShowContext, args: Args) -> reports.ClockReport:
    """Query the content of `show clock [detail]`."""
    machine = ctx.machine(SystemMachine)
    return reports.ClockReport(
        moment=machine.wall(ctx.now),
        authoritative=machine.clock.authoritative,
        zone=machine.config.zone,
        source="the operating system" if "detail" in args else "",
    )


def time_source(ctx: ShowContext) -> str:
    """Return the time and its source, as printed before shows after `terminal exec prompt timestamp`."""
    machine = ctx.machine(SystemMachine)
    report = reports.ClockReport(
        moment=machine.wall(ctx.now), authoritative=machine.clock.authoritative, zone=machine.config.zone
    )
    source = "Time source is the operating system" if report.authoritative else "No time source"
    return f"{source}, {next(reports.render_clock(report))}"


def set_clock(ctx: ShowContext, args: Args) -> ClockSet | Change:
    """Set the clock (`clock set`): the time of the router's own zone. Timers run on as they did."""
    milliseconds, month = read_time(args.text("time")), month_of(args.text("month"))
    if milliseconds is None or not month:
        return Change(said=("% Not a valid time: hh:mm:ss, a day, and a month by its name",), failed=True)
    try:
        day = datetime(args.integer("year"), month, args.integer("day"), tzinfo=UTC)
    except ValueError:
        return Change(said=("% Not a valid date: that month has no such day",), failed=True)
    zone = ctx.machine(SystemMachine).config.zone
    moment = day + timedelta(milliseconds=milliseconds) - timedelta(minutes=zone.minutes)
    return ClockSet(moment.timestamp() - ctx.now, authoritative=True)


def log(ctx: ShowContext, _: Args) -> reports.LogReport:
    """Query the content of `show logging`."""
    machine = ctx.machine(SystemMachine)
    config, counters = machine.config.logging, machine.syslog.counters
    return reports.LogReport(
        enabled=config.enabled,
        console=reports.LogDestination(level=config.console, messages=counters.console),
        monitor=reports.LogDestination(level=config.monitor, messages=counters.monitor),
        buffered=reports.LogDestination(level=config.buffered, messages=counters.buffered),
        trap=reports.LogDestination(level=config.trap, messages=counters.trap),
        hosts=tuple(
            reports.LogHostReport(
                host.address, host.transport.value, host.port, machine.log_hosts.is_connected(host), host.vrf
            )
            for host in config.hosts
        ),
        source_interfaces=config.source_interfaces,
        buffer_size=config.buffer_size,
        lines=machine.syslog.lines,
    )


def debugging(ctx: ShowContext, _: Args) -> reports.DebugReport:
    """Query the content of `show debugging`."""
    switches = ctx.machine(SystemMachine).switches
    return reports.DebugReport(switches.active, tuple(str(condition) for condition in switches.conditions))


def debug_conditions(ctx: ShowContext, _: Args) -> reports.ConditionsReport:
    """Query the content of `show nhrp debug-condition`."""
    return _conditions(ctx, "nhrp")


def crypto_conditions(ctx: ShowContext, _: Args) -> reports.ConditionsReport:
    """Query the content of `show crypto debug-condition`."""
    return _conditions(ctx, "crypto")


def _conditions(ctx: ShowContext, family: str) -> reports.ConditionsReport:
    found = ctx.machine(SystemMachine).switches.conditions_of(family)
    return reports.ConditionsReport(tuple((condition.kind, condition.value) for condition in found))


def hosts(ctx: ShowContext, args: Args) -> reports.HostsReport:
    """Query the content of `show hosts [vrf NAME]`."""
    names, vrf = ctx.machine(SystemMachine).config.names, args.text("vrf", "")
    of_vrf = tuple((name, address) for table, name, address in names.vrf_hosts if table == vrf)
    return reports.HostsReport(names.domain, names.lookup, of_vrf if vrf else tuple(names.hosts))


def path_mtus(ctx: ShowContext, _: Args) -> reports.PathMtusReport:
    """Query the content of `show ipv6 mtu`."""
    found, vrf = ctx.machine(SystemMachine).probes.path_mtus, ctx.ports.vrf
    paths = ((address, octets, ctx.now - when) for (at, address), (octets, when, _) in found.items() if at == vrf)
    return reports.PathMtusReport(tuple(sorted(path for path in paths if path[2] < PATH_MTU_AGE)))


def inventory(ctx: ShowContext, _: Args) -> reports.Inventory:
    """Query the content of `show inventory`."""
    host = ctx.machine(SystemMachine).host
    return reports.Inventory(host.board, __version__)


# ------------------------------------------------------------------------------------------------ running-config


class RunningConfig(Value):
    """`show running-config`. changed: "06:01:09 UTC Fri Nov 20 2026 by admin", or "" before any change.

    unknown: the VRF that was asked for, which does not exist.
    """

    lines: tuple[str, ...]
    changed: str = ""
    partial: bool = False
    unknown: str = ""


def running_config(ctx: ShowContext, args: Args) -> RunningConfig:
    """Query the content of `show running-config [all]`: the settings that differ from the default, or all. (Defaults of
    other releases are not invented.)
    """
    machine = ctx.machine(SystemMachine)
    change = machine.last_change
    changed = ""
    if change is not None:
        moment, zone = machine.wall(change.when), machine.config.zone
        changed = f"{zone.local(moment):%H:%M:%S} {long_date(moment, zone)} by {change.by}"
    if "all" in args:
        settings = with_defaults(line for feature in ctx.features for line in breathing(feature.config))
        lines = render_tree(ctx.running, hide=ctx.hides, of=settings)
    else:
        lines = ctx.running.render(hide=ctx.hides)
    return RunningConfig(tuple(with_version(lines)), changed)


def running_interface(ctx: ShowContext, args: Args) -> RunningConfig | None:
    """Query the content of `show running-config interface X`."""
    wanted = args.interface("interface")
    for statement in ctx.running.statements():
        if statement.line is INTERFACE and statement.args.interface("name") == wanted:
            return RunningConfig(tuple(render_statement(statement, hide=ctx.hides)), partial=True)
    return None


def running_vrf(ctx: ShowContext, args: Args) -> RunningConfig:
    """Query the content of `show running-config vrf [NAME]`."""
    vrf = args.text("vrf", "")
    if ctx.ports.rib_of(vrf) is None:
        return RunningConfig((), unknown=vrf)
    return RunningConfig(lines_of(ctx.running, vrf, hide=ctx.hides), partial=True)


def with_version(lines: Iterable[str]) -> Iterator[str]:
    """Yield the configuration with the line that names its dialect, if it has none, and the mark that it is ours."""
    body = list(lines)
    if body[:1] != [MARK]:
        yield MARK
        yield f"version {reports.DIALECT.rpartition('.')[0]}"
        yield "!"
    yield from body


def render_running_config(config: RunningConfig | None) -> Iterator[str]:
    """Yield the header, the lines, `end`."""
    if config is None:
        yield "% Invalid interface: it is not configured"
        return
    if config.unknown:
        yield f"% VRF {config.unknown} does not exist"
        return
    yield from ("Building configuration...", "")
    body = [*config.lines, "end"]
    if not config.partial:
        head = ["!", f"! Last configuration change at {config.changed}", "!"] if config.changed else ["!"]
        body = head + body
    else:
        body = ["!", *body]
    yield f"Current configuration : {sum(len(line) + 1 for line in breathing(body))} bytes"
    yield from body
    yield ""


# ------------------------------------------------------------------------------------------------ actions


def ping(ctx: ShowContext, args: Args) -> Event:
    """Start a ping."""
    return StartPing(
        ctx.session,
        destination=args.text("destination"),
        version=_version(args),
        source=_source(args),
        repeat=args.integer("count", 5),
        size=args.integer("octets", 100),
        timeout=args.integer("seconds", 2),
        df="df-bit" in args,
        vrf=args.text("vrf", ""),
    )


def traceroute(ctx: ShowContext, args: Args) -> Event:
    """Start a traceroute."""
    first, last = args.integer("first", 1), args.integer("last", 30)
    return StartTraceroute(
        ctx.session,
        destination=args.text("destination"),
        version=_version(args),
        source=_source(args),
        probes=args.integer("probes", 3),
        timeout=args.integer("seconds", 3),
        first_ttl=min(first, last),
        last_ttl=last,
        port=args.integer("number", 33434),
        vrf=args.text("vrf", ""),
    )


def _version(args: Args) -> int | None:
    return next((version for version, word in ((4, "ip"), (6, "ipv6")) if word in args), None)


def _source(args: Args) -> IPAddress | str | None:
    return args.any_address("from_address", None) or args.interface("from_interface", None)


def clear_logging(_: ShowContext, __: Args) -> Confirm:
    """Clear the log (`clear logging`)."""
    return Confirm("Clear logging buffer [confirm]", ClearLogging())


# ------------------------------------------------------------------------------------------------ commands

_SOURCE = "source ( {from_address:address} | {from_address:address6} | {from_interface:interface} )"
_PROBE_HELP: Mapping[str, str] = {
    "ip": "IP version 4",
    "ipv6": "IP version 6",
    "destination": "Address or name of a host",
    "source": "Where the packets come from",
    "from_address": "An address of this router",
    "from_interface": "An interface with an address",
    "vrf": "In a VRF",
    "timeout": "How long to wait for an answer",
    "seconds": "Seconds",
}
_RUNNING_HELP: Mapping[str, str] = {
    "running-config": "The configuration that is in effect",
    "all": "With settings at their defaults",
    "interface": "Of one interface",
    "vrf": "Lines about VRFs, or about one VRF",
}
_CLOCK_HELP: Mapping[str, str] = {
    "clock": "The time of day",
    "set": "It is now",
    "time": "hh:mm:ss",
    "day": "Day of the month",
    "month": "Name of the month",
    "year": "Year",
}


_HELP: Final = {
    "clock": "The time of day",
    "detail": "And where it comes from",
    "nhrp": "Next Hop Resolution Protocol",
    "debug-condition": "Whom its debugs are about",
    "crypto": "IKE and IPsec",
    "hosts": "Names of hosts, and the domain",
    "vrf": "Those of a VRF",
    "ipv6": "Internet Protocol, version 6",
    "mtu": "Octets that fit on paths, as routers there report",
    "terminal": "The configuration that is in effect, on this screen",
    "ping": "Send echo requests",
    "repeat": "How many requests",
    "count": "Number of requests",
    "size": "How big they are",
    "octets": "Octets of the IP packet",
    "df-bit": "Forbid fragmentation",
}
_MTU: Final = ExecCommand("show ipv6 mtu", _HELP, query=path_mtus, render=reports.render_path_mtus)
COMMANDS: tuple[ExecCommand, ...] = (
    *absent.COMMANDS,
    sockets.BRIEF,
    *sockets.COMMANDS,
    ExecCommand("show version", "Program, uptime, hardware", query=version, render=reports.render_version),
    ExecCommand("show clock [ detail ]", _HELP, query=clock, render=reports.render_clock),
    *(
        ExecCommand(f"clock set {{time:word}} {date} {{year:1993-2035}}", _CLOCK_HELP, action=set_clock, privilege=15)
        for date in ("{day:1-31} {month:word}", "{month:word} {day:1-31}")
    ),
    ExecCommand("show logging", "The log, and where its lines go", query=log, render=reports.render_log),
    ExecCommand("show debugging", "Debugs that are on", query=debugging, render=reports.render_debugging),
    ExecCommand("show nhrp debug-condition", _HELP, query=debug_conditions, render=reports.render_conditions),
    ExecCommand(
        "show crypto debug-condition",
        {**_HELP, "debug-condition": "Peers to which their debugs are limited"},
        query=crypto_conditions,
        render=reports.render_conditions,
    ),
    ExecCommand("show hosts [ vrf {vrf:word} ]", _HELP, query=hosts, render=reports.render_hosts),
    _MTU,
    by_vrf(_MTU, _MTU.syntax),
    ExecCommand("show inventory", "Hardware", query=inventory, render=reports.render_inventory),
    ExecCommand(
        "show running-config [ all ]", _RUNNING_HELP, query=running_config, render=render_running_config, privilege=15
    ),
    ExecCommand("write terminal", _HELP, query=running_config, render=render_running_config, privilege=15),
    ExecCommand(
        "show running-config interface {interface:interface}",
        _RUNNING_HELP,
        query=running_interface,
        render=render_running_config,
        privilege=15,
    ),
    ExecCommand(
        "show running-config vrf [ {vrf:word} ]",
        _RUNNING_HELP,
        query=running_vrf,
        render=render_running_config,
        privilege=15,
    ),
    ExecCommand("clear logging", "Empty the log buffer", action=clear_logging, privilege=15),
    ExecCommand("ping [ vrf {vrf:word} ] [ ip ]", {**_PROBE_HELP, "ping": "Send echo requests"}, action=ask_ping),
    ExecCommand(
        "traceroute [ vrf {vrf:word} ] [ ip ]",
        {**_PROBE_HELP, "traceroute": "Find the way to a host"},
        action=ask_traceroute,
    ),
    ExecCommand(
        "ping [ vrf {vrf:word} ] [ ip | ipv6 ] {destination:word} "
        f"[* {_SOURCE} | repeat {{count:1-2147483647}} | size {{octets:36-18024}} "
        "| timeout {seconds:0-3600} | df-bit ]",
        {**_PROBE_HELP, **_HELP},
        action=ping,
    ),
    ExecCommand(
        "traceroute [ vrf {vrf:word} ] [ ip | ipv6 ] {destination:word} "
        f"[* {_SOURCE} | numeric | probe {{probes:1-65535}} | timeout {{seconds:0-3600}} "
        "| ttl {first:0-255} {last:0-255} | port {number:1-65535} ]",
        {
            **_PROBE_HELP,
            "traceroute": "Find the way to a host",
            "numeric": "Print addresses only (names are never looked up)",
            "probe": "Datagrams for each hop",
            "probes": "Number of datagrams",
            "ttl": "How far to look",
            "first": "First hop",
            "last": "Last hop",
            "port": "UDP port to start with",
            "number": "Port",
        },
        action=traceroute,
    ),
)
