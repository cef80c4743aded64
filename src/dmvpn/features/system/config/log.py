"""The lines of the log: timestamps, and the level of each destination."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dmvpn.base.values import collected
from dmvpn.features.system import syslog
from dmvpn.features.system.clock import StampStyle, Timestamps
from dmvpn.ios import common
from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.grammar import Args
from dmvpn.ios.section import Section
from dmvpn.ios.tree import ConfigTree
from dmvpn.ios.vrfs import refusal

#: A severity: its word, or its number (shown as the word).
LEVEL = " | ".join((*syslog.SEVERITIES, "{level:0-7}"))
LEVEL_HELP: Mapping[str, str] = {
    "emergencies": "0: the system is unusable",
    "alerts": "1: act at once",
    "critical": "2: critical conditions",
    "errors": "3: errors",
    "warnings": "4: warnings",
    "notifications": "5: normal but worth a line",
    "informational": "6: for information",
    "debugging": "7: everything, debugs too",
    "level": "The least severe messages that are wanted, as a number",
}


def _level_of(args: Args) -> int | None:
    """Return the severity in `args`, by word or number; None if there is none."""
    named = next((number for number, word in enumerate(syslog.SEVERITIES) if word in args), None)
    return args.integer("level", named)


def _show_level(args: Args) -> str:
    """Return the line with its severity as a word."""
    level = args.integer("level", None)
    return " ".join(args.words if level is None else (*args.words[:-1], syslog.SEVERITIES[level]))


# ------------------------------------------------------------------------------------------------ stamps

_STAMPS = "[ uptime | datetime [* msec | localtime | show-timezone | year ] ]"
_STAMPS_HELP: Mapping[str, str] = {
    "timestamps": "The time before log and debug lines",
    "uptime": "Time since the router started",
    "datetime": "Date and time",
    "msec": "With milliseconds",
    "localtime": "In the time zone of this router",
    "show-timezone": "With the name of the time zone",
    "year": "With the year",
}
DEBUG_STAMPS = ConfigLine(
    "global",
    f"service timestamps debug {_STAMPS}",
    {**_STAMPS_HELP, "debug": "Before debug lines"},
    order=5,
    default_on=True,
    default="service timestamps debug datetime msec",
    shown=True,
)
LOG_STAMPS = ConfigLine(
    "global",
    f"service timestamps log {_STAMPS}",
    {**_STAMPS_HELP, "log": "Before log lines"},
    order=5,
    default_on=True,
    default="service timestamps log datetime msec",
    shown=True,
)
SEQUENCE_NUMBERS = ConfigLine("global", "service sequence-numbers", "Number the log lines", order=6)

# ------------------------------------------------------------------------------------------------ destinations

LOGGING = ConfigLine("global", "logging on", "Send log messages anywhere but to the console", order=30, default_on=True)
BUFFERED = ConfigLine(
    "global",
    f"logging buffered [ {{size:4096-2147483647}} ] [ {LEVEL} ]",
    {**LEVEL_HELP, "buffered": "Keep messages in a buffer", "size": "Octets of the buffer"},
    order=31,
    default_on=True,
    default="logging buffered",
    show=_show_level,
)
CONSOLE = ConfigLine(
    "global",
    f"logging console [ {LEVEL} ]",
    {**LEVEL_HELP, "console": "Show messages on the console"},
    order=32,
    default_on=True,
    default="logging console",
    show=_show_level,
)
MONITOR = ConfigLine(
    "global",
    f"logging monitor [ {LEVEL} ]",
    {**LEVEL_HELP, "monitor": "Show messages on terminals that ask for them"},
    order=33,
    default_on=True,
    default="logging monitor",
    show=_show_level,
)
TRAP = ConfigLine(
    "global",
    f"logging trap [ {LEVEL} ]",
    {**LEVEL_HELP, "trap": "Messages to log hosts"},
    order=700,
    default_on=True,
    default="logging trap",
    show=_show_level,
)


def _check_vrf(args: Args, section: Section) -> str | None:
    return refusal(section, args.text("vrf", ""))


_HELP: Final = {
    "source-interface": "Where the source address of messages to hosts comes from",
    "interface": "The interface",
    "vrf": "For hosts in this VRF only",
    "origin-id": "Begin messages for log hosts with",
    "hostname": "The name of this router",
    "string": "A text",
    "origin": "The text",
    "format": "The form of messages for log hosts",
    "rfc5424": "That of RFC 5424, with date, zone and name",
}
LOG_SOURCE = ConfigLine(
    "global",
    "logging source-interface {interface:interface} [ vrf {vrf:word} ]",
    _HELP,
    key=("vrf",),
    order=701,
    check=_check_vrf,
)
_HOST_HELP: Mapping[str, str] = {
    "host": "Send messages to a log host",
    "server": "Its address",
    "vrf": "In a VRF",
    "transport": "How messages travel",
    "udp": "As datagrams",
    "tcp": "Over a connection: a line for each message",
    "port": "At another port than 514 (UDP) or 601 (TCP)",
}
LOG_HOST = ConfigLine(
    "global",
    "logging host {server:address} [ vrf {vrf:word} ] [ transport ( udp | tcp ) [ port {port:1-65535} ] ]",
    _HOST_HELP,
    key=("server", "vrf", "tcp", "port"),
    order=703,
    check=_check_vrf,
)
# As releases before 12.2 wrote it: shown as it is written today.
LOG_HOST_OLD = ConfigLine(
    "global",
    "logging {server:address}",
    _HOST_HELP,
    key=("server",),
    order=703,
    show=lambda args: f"logging host {args.address('server')}",
)
FACILITY = ConfigLine(
    "global",
    f"logging facility ( {' | '.join(syslog.FACILITIES)} )",
    {"facility": "What log hosts file messages under", **dict.fromkeys(syslog.FACILITIES, "A facility of syslog")},
    order=702,
    default="logging facility local7",
)
ORIGIN = ConfigLine("global", "logging origin-id ( hostname | string {origin:line} )", _HELP, order=702)
# IOS XR's own words; IOS has the older form only.
FORMAT = ConfigLine("global", "logging format rfc5424", _HELP, order=702)

CONFIG = (common.HOSTNAME, *collected(ConfigLine, vars()))


# ------------------------------------------------------------------------------------------------ the model


def logging(tree: ConfigTree) -> syslog.LoggingConfig:
    """Return what the lines say."""
    facility, is_rfc5424 = tree.args(FACILITY), tree.get(FORMAT) is not None
    return syslog.LoggingConfig(
        enabled=tree.flag(LOGGING),
        console=_level(tree, CONSOLE, syslog.DEBUGGING),
        monitor=_level(tree, MONITOR, syslog.DEBUGGING),
        buffered=_level(tree, BUFFERED, syslog.DEBUGGING),
        buffer_size=tree.args(BUFFERED).integer("size", 4096),
        trap=_level(tree, TRAP, syslog.INFORMATIONAL),
        hosts=tuple(dict.fromkeys(_host(args) for line in (LOG_HOST, LOG_HOST_OLD) for args in tree.all(line))),
        source_interfaces=tuple((args.text("vrf", ""), args.interface("interface")) for args in tree.all(LOG_SOURCE)),
        facility=next((syslog.FACILITIES[word] for word in syslog.FACILITIES if word in facility), syslog.LOCAL7),
        origin=_origin(tree),
        name=tree.hostname if is_rfc5424 else "",
        rfc5424=is_rfc5424,
        log_stamps=_stamps(tree, LOG_STAMPS),
        debug_stamps=_stamps(tree, DEBUG_STAMPS),
        sequence_numbers=tree.flag(SEQUENCE_NUMBERS),
    )


def _host(args: Args) -> syslog.LogHost:
    transport = syslog.Transport.TCP if "tcp" in args else syslog.Transport.UDP
    return syslog.LogHost(
        args.address("server"), transport, args.integer("port", transport.default_port), args.text("vrf", "")
    )


def _origin(tree: ConfigTree) -> str:
    args = tree.get(ORIGIN)
    if args is None:
        return ""
    return tree.hostname if "hostname" in args else args.text("origin")


def _level(tree: ConfigTree, line: ConfigLine, default: int) -> int | None:
    """Return the level of a destination, None if it is switched off."""
    if not tree.flag(line):
        return None
    args = tree.get(line)
    level = _level_of(args) if args else None
    return default if level is None else level


def _stamps(tree: ConfigTree, line: ConfigLine) -> Timestamps:
    if not tree.flag(line):
        return Timestamps(style=StampStyle.NONE)
    args = tree.get(line)
    if args is None:
        return Timestamps()
    if "datetime" not in args:
        # IOS: `service timestamps log` alone means the time since the start.
        return Timestamps(style=StampStyle.UPTIME)
    return Timestamps(
        msec="msec" in args, localtime="localtime" in args, show_timezone="show-timezone" in args, year="year" in args
    )
