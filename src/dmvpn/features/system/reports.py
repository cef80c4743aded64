"""What the show commands of this feature report, and how each report reads on a screen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.moments import age, uptime
from dmvpn.base.values import Value
from dmvpn.features.system.clock import TimeZone, long_date
from dmvpn.features.system.events import ConditionKind
from dmvpn.features.system.machine import ActiveDebug
from dmvpn.features.system.syslog import SEVERITIES

#: The dialect that is named for tools (Genie, NAPALM, Ansible look for such a number), and this program's own image.
DIALECT_LONG, DIALECT = "17.09.04a", "17.9.4a"


class Version(Value, kw_only=True):
    """`show version`.

    uptime: seconds.
    interfaces: how many Ethernet interfaces of each speed ("Gigabit Ethernet").
    """

    version: str
    hostname: str
    uptime: float
    board: str
    memory_kb: int
    used_kb: int
    disk_kb: int
    interfaces: tuple[tuple[str, int], ...]


def render_version(report: Version) -> Iterator[str]:
    """Yield the words that automation looks for, without claiming to be the software of another vendor."""
    free_kb = max(0, report.memory_kb - report.used_kb)
    yield (
        f"dmvpn {report.version}: an open DMVPN router, NOT Cisco software; "
        "the next two lines only name the dialect for tools"
    )
    yield f"Cisco IOS XE Software, Version {DIALECT_LONG}"
    yield (
        f"Cisco IOS Software [Dialect], dmvpn Software (X86_64_LINUX-DMVPN-{report.version}), "
        f"Version {DIALECT}, compatible mode"
    )
    yield "Copyright (c) 2026-2026 by the dmvpn contributors (Apache-2.0)"
    yield from ("", "", "ROM: dmvpn")
    yield f"{report.hostname} uptime is {uptime(report.uptime)}"
    yield f"Uptime for this control processor is {uptime(report.uptime)}"
    yield "System returned to ROM by reload"
    yield 'System image file is "bootflash:dmvpn.conf"'
    yield "Last reload reason: reload"
    yield from ("", "", "")
    yield f"cisco dmvpn (VXE) processor (revision VXE) with {free_kb}K/{report.used_kb}K bytes of memory."
    yield f"Processor board ID {report.board}"
    yield "Router operating mode: Autonomous ( IOS-XE dialect)"
    for kind, count in report.interfaces:
        yield f"{count} {kind} interface{'' if count == 1 else 's'}"
    yield "32768K bytes of non-volatile configuration memory."
    yield f"{report.memory_kb}K bytes of physical memory."
    yield f"{report.disk_kb}K bytes of virtual hard disk at bootflash:."
    yield from ("", "Configuration register is 0x2102", "")


class ClockReport(Value, kw_only=True):
    """`show clock`.

    moment: UTC.
    source: what set it, for `detail`; "" in the plain form.
    """

    moment: datetime
    authoritative: bool
    zone: TimeZone
    source: str = ""


def render_clock(report: ClockReport) -> Iterator[str]:
    """Yield one line; a second one says where the time comes from."""
    local = report.zone.local(report.moment)
    mark = "" if report.authoritative else "*"
    time = f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"
    yield f"{mark}{time} {long_date(report.moment, report.zone)}"
    if report.source:
        yield f"Time source is {report.source}"


class LogDestination(Value, kw_only=True):
    """One place that log lines go to. level: None, it takes none."""

    level: int | None
    messages: int

    def __str__(self) -> str:
        if self.level is None:
            return "disabled"
        return f"level {SEVERITIES[self.level]}, {self.messages} messages logged"


class LogHostReport(Value):
    """A log host. connected: lines can get there, as far as is known. vrf: where it is, "": in the global table."""

    address: IPv4Address
    transport: str
    port: int
    connected: bool
    vrf: str


class LogReport(Value, kw_only=True):
    """`show logging`."""

    enabled: bool
    console: LogDestination
    monitor: LogDestination
    buffered: LogDestination
    trap: LogDestination
    hosts: tuple[LogHostReport, ...]
    source_interfaces: tuple[tuple[str, str], ...]
    buffer_size: int
    lines: tuple[str, ...]


def render_log(report: LogReport) -> Iterator[str]:
    """Yield the switches, then the buffer."""
    yield (
        f"Syslog logging: {'enabled' if report.enabled else 'disabled'} (0 messages dropped, 0 messages rate-limited, "
        "0 flushes, 0 overruns, xml disabled, filtering disabled)"
    )
    yield from ("", "No Active Message Discriminator.", "", "", "", "No Inactive Message Discriminator.", "", "")
    for title, destination, indent in (
        ("Console logging: ", report.console, 21),
        ("Monitor logging: ", report.monitor, 21),
        ("Buffer logging:  ", report.buffered, 20),
    ):
        if destination.level is None:
            yield f"    {title}disabled"
        else:
            yield f"    {title}{destination}, xml disabled,"
            yield " " * indent + "filtering disabled"
    yield "    Exception Logging: size (4096 bytes)"
    yield "    Count and timestamp logging messages: disabled"
    yield "    Persistent logging: disabled"
    yield from ("", "No active filter modules.", "")
    yield from _trap_lines(report)
    if report.buffered.level is not None:
        yield from ("", f"Log Buffer ({report.buffer_size} bytes):", "")
        yield from report.lines


def _trap_lines(report: LogReport) -> Iterator[str]:
    trap = report.trap
    if trap.level is None:
        yield "    Trap logging: disabled"
    else:
        yield f"    Trap logging: level {SEVERITIES[trap.level]}, {trap.messages} message lines logged"
    for host in report.hosts:
        name = f"{host.address}({host.vrf})" if host.vrf else f"{host.address} "
        yield f"        Logging to {name} ({host.transport} port {host.port}, audit disabled,"
        yield f"              link {'up' if host.connected else 'down'}),"
        yield f"              {trap.messages} message lines logged,"
        yield "              0 message lines rate-limited,"
        yield "              0 message lines dropped-by-MD,"
        yield "              xml disabled, sequence number disabled"
        yield "              filtering disabled"
    yield "        Logging Source-Interface:       VRF Name:"
    yield from (f"        {interface:<32}{vrf}".rstrip() for vrf, interface in report.source_interfaces)


class ConditionsReport(Value):
    """The answer to `show nhrp debug-condition`: kinds and values."""

    conditions: tuple[tuple[ConditionKind, str], ...]


_CONDITION_TITLES: Final = {
    ConditionKind.NBMA: "Peer NBMA addresses",
    ConditionKind.ADDRESS: "Peer tunnel addresses",
    ConditionKind.INTERFACE: "Interfaces",
}


def render_conditions(report: ConditionsReport) -> Iterator[str]:
    """Yield a paragraph for each kind that there is."""
    for kind, title in _CONDITION_TITLES.items():
        values = [value for its_kind, value in report.conditions if its_kind is kind]
        if values:
            yield f"{title} under debug are:"
            yield from (f"{value}," for value in values)


class DebugReport(Value):
    """`show debugging`."""

    active: tuple[ActiveDebug, ...]
    conditions: tuple[str, ...]


def render_debugging(report: DebugReport) -> Iterator[str]:
    """Yield one block for each group, then the conditions; nothing at all if nothing is on."""
    groups: dict[str, list[ActiveDebug]] = {}
    for debug in report.active:
        groups.setdefault(debug.group, []).append(debug)
    for group, debugs in groups.items():
        yield f"{group}:"
        for debug in debugs:
            yield f"  {debug.listed} debugging is on"
        yield ""
    for number, condition in enumerate(report.conditions, 1):
        yield f"Condition {number}: {condition}"


class HostsReport(Value):
    """`show hosts`."""

    domain: str
    lookup: bool
    hosts: tuple[tuple[str, IPv4Address], ...]


def render_hosts(report: HostsReport) -> Iterator[str]:
    """Yield the default domain, where names come from, and the table of `ip host`."""
    yield f"Default domain is {report.domain or 'not set'}"
    yield f"Name/address lookup uses {'domain service' if report.lookup else 'static mappings'}"
    yield ""
    yield "Codes: UN - unknown, EX - expired, OK - OK, ?? - revalidate"
    yield "       temp - temporary, perm - permanent"
    yield "       NA - Not Applicable None - Not defined"
    yield ""
    yield "Host                      Port  Flags      Age Type   Address(es)"
    for name, address in report.hosts:
        yield f"{name:<25} None  (perm, OK)  0   IP    {address}"


class PathMtusReport(Value):
    """`show ipv6 mtu`: destinations, octets of the largest packet on the way there, and seconds since the report."""

    paths: tuple[tuple[IPAddress, int, float], ...]


def render_path_mtus(report: PathMtusReport) -> Iterator[str]:
    """Yield the table of IOS."""
    yield "MTU     Since     Destination Address"
    for address, octets, seconds in report.paths:
        yield f"{octets:<8}{age(seconds):<10}{spelled(address)}"


class Inventory(Value):
    """`show inventory`."""

    board: str
    version: str


def render_inventory(report: Inventory) -> Iterator[str]:
    """Yield the chassis: all the hardware that a program has."""
    yield 'NAME: "Chassis", DESCR: "dmvpn router (software)"'
    yield f"PID: DMVPN             , VID: {report.version:<5}, SN: {report.board}"
    yield ""
