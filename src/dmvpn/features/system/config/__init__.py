"""The configuration lines of this feature, and the typed model that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.system.clock import StampStyle, Timestamps, TimeZone
from dmvpn.features.system.config import access, keys
from dmvpn.features.system.config.users import CONFIG as USERS
from dmvpn.features.system.config.users import enable_secrets, privilege_rules, users
from dmvpn.features.system.model import LineConfig, SystemConfig, default_timeout
from dmvpn.features.system.names import NamesConfig
from dmvpn.features.system.syslog import DEBUGGING, INFORMATIONAL, SEVERITIES, LoggingConfig
from dmvpn.ios.common import DOMAIN_NAME, DOMAIN_NAME_OLD, HOST, HOSTNAME, host_of
from dmvpn.ios.grammar import Args, ConfigLine, Mode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.ios.section import Section
    from dmvpn.ios.tree import ConfigTree

LINE_MODE = Mode("line", "config-line")

#: A severity: its word, or its number (shown as the word).
_LEVEL = " | ".join((*SEVERITIES, "{level:0-7}"))
_LEVEL_HELP: Mapping[str, str] = {
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
    """The severity in `args`, by word or number; None if there is none."""
    named = next((number for number, word in enumerate(SEVERITIES) if word in args), None)
    return args.integer("level", named)


def _show_level(args: Args) -> str:
    """The line with its severity as a word."""
    level = args.integer("level", None)
    return " ".join(args.words if level is None else (*args.words[:-1], SEVERITIES[level]))


# ------------------------------------------------------------------------------------------------ time

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
)
LOG_STAMPS = ConfigLine(
    "global",
    f"service timestamps log {_STAMPS}",
    {**_STAMPS_HELP, "log": "Before log lines"},
    order=5,
    default_on=True,
    default="service timestamps log datetime msec",
)
SEQUENCE_NUMBERS = ConfigLine("global", "service sequence-numbers", "Number the log lines", order=6)
TIMEZONE = ConfigLine(
    "global",
    "clock timezone {zone:word} {hours:word} [ {minutes:0-59} ]",
    {"timezone": "Set the time zone", "zone": "Its name", "hours": "Hours ahead of UTC, -23 to 23", "minutes": ""},
    order=60,
    check=lambda args, _: None if _hours(args) is not None else "% The offset must be from -23 to 23 hours",
)


def _hours(args: Args) -> int | None:
    text = args.text("hours")
    digits = text.removeprefix("-").removeprefix("+")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 2 and int(digits) <= 23 else None


# ------------------------------------------------------------------------------------------------ log

LOGGING = ConfigLine("global", "logging on", "Send log messages anywhere but to the console", order=30, default_on=True)
BUFFERED = ConfigLine(
    "global",
    f"logging buffered [ {{size:4096-2147483647}} ] [ {_LEVEL} ]",
    {**_LEVEL_HELP, "buffered": "Keep messages in a buffer", "size": "Octets of the buffer"},
    order=31,
    default_on=True,
    default="logging buffered",
    show=_show_level,
)
CONSOLE = ConfigLine(
    "global",
    f"logging console [ {_LEVEL} ]",
    {**_LEVEL_HELP, "console": "Show messages on the console"},
    order=32,
    default_on=True,
    default="logging console",
    show=_show_level,
)
MONITOR = ConfigLine(
    "global",
    f"logging monitor [ {_LEVEL} ]",
    {**_LEVEL_HELP, "monitor": "Show messages on terminals that ask for them"},
    order=33,
    default_on=True,
    default="logging monitor",
    show=_show_level,
)
TRAP = ConfigLine(
    "global",
    f"logging trap [ {_LEVEL} ]",
    {**_LEVEL_HELP, "trap": "What is sent to log hosts"},
    order=700,
    default_on=True,
    default="logging trap",
    show=_show_level,
)
LOG_SOURCE = ConfigLine(
    "global",
    "logging source-interface {interface:interface}",
    {"source-interface": "Where the source address of messages to hosts comes from", "interface": "The interface"},
    order=701,
)
LOG_HOST = ConfigLine(
    "global",
    "logging host {server:address}",
    {"host": "Send messages to a log host", "server": "Its address"},
    key=("server",),
    order=702,
)

# ------------------------------------------------------------------------------------------------ names

_LOOKUP_HELP = "Ask the name service for names that are typed"
DOMAIN_LOOKUP = ConfigLine("global", "ip domain lookup", _LOOKUP_HELP, order=90, keep_no=True)
# The same with a hyphen, as releases before 12.2 wrote it: shown back as typed.
DOMAIN_LOOKUP_OLD = ConfigLine("global", "ip domain-lookup", _LOOKUP_HELP, order=90, keep_no=True)

FILE_PROMPT = ConfigLine(
    "global",
    "file prompt ( noisy | alert | quiet )",
    {
        "file": "How commands on files behave",
        "prompt": "Whether they ask",
        "noisy": "Ask for names, and before something is lost",
        "alert": "The same",
        "quiet": "Never ask",
    },
    order=67,
    default="file prompt noisy",
)

# ------------------------------------------------------------------------------------------------ lines

LINE = ConfigLine(
    "global",
    "line ( con | console=con | aux | vty ) {first:0-1869} [ {last:1-1869} ]",
    {
        "line": "Configure terminal lines",
        "con": "The console",
        "console": "The console",
        "aux": "The auxiliary line",
        "vty": "Lines over the network",
        "first": "First line",
        "last": "Last line",
    },
    order=900,
    opens="line",
)
EXEC_TIMEOUT = ConfigLine(
    "line",
    "exec-timeout {minutes:0-35791} [ {seconds:0-2147483} ]",
    {"exec-timeout": "Log out after silence", "minutes": "0 0: never", "seconds": "More precisely"},
    order=10,
)
SYNCHRONOUS = ConfigLine(
    "line",
    f"logging synchronous [* level ( all | {_LEVEL} ) | limit {{messages:0-2147483647}} ]",
    {
        **_LEVEL_HELP,
        "synchronous": "Repeat the input that a message interrupts",
        "all": "All severities",
        "limit": "At most so many messages wait",
        "messages": "Messages",
    },
    order=20,
)
HISTORY = ConfigLine(
    "line",
    "history size {size:0-256}",
    {"history": "Lines remembered", "size": "How many"},
    order=30,
)
LENGTH = ConfigLine(
    "line",
    "length {lines:0-512}",
    {"length": "Lines of a screen", "lines": "0: no pause"},
    order=40,
    default="length 24",
)
WIDTH = ConfigLine(
    "line",
    "width {columns:0-512}",
    {"width": "Columns of a screen", "columns": "0: endless"},
    order=41,
    default="width 80",
)

MODES = (LINE_MODE, *keys.MODES)
CONFIG = (
    DEBUG_STAMPS,
    LOG_STAMPS,
    SEQUENCE_NUMBERS,
    HOSTNAME,
    LOGGING,
    BUFFERED,
    CONSOLE,
    MONITOR,
    *USERS,
    *access.CONFIG,
    *keys.CONFIG,
    TIMEZONE,
    DOMAIN_LOOKUP,
    DOMAIN_LOOKUP_OLD,
    DOMAIN_NAME,
    DOMAIN_NAME_OLD,
    HOST,
    FILE_PROMPT,
    TRAP,
    LOG_SOURCE,
    LOG_HOST,
    LINE,
    EXEC_TIMEOUT,
    SYNCHRONOUS,
    HISTORY,
    LENGTH,
    WIDTH,
)


def model(tree: ConfigTree) -> SystemConfig:
    """The typed configuration of this feature."""
    zone = tree.get(TIMEZONE)
    domain = tree.get(DOMAIN_NAME) or tree.get(DOMAIN_NAME_OLD)
    return SystemConfig(
        logging=_logging(tree),
        zone=_zone(zone) if zone else TimeZone(),
        names=NamesConfig(
            lookup=tree.flag(DOMAIN_LOOKUP) or tree.flag(DOMAIN_LOOKUP_OLD),
            domain=domain.text("domain") if domain else "",
            hosts=tuple(tree.made(HOST, host_of)),
        ),
        lines=tuple(_line(tree, args, section) for args, section in tree.sections(LINE)),
        ssh=access.ssh(tree),
        secrets=enable_secrets(tree),
        users=users(tree),
        keys=keys.key_hashes(tree),
        rules=privilege_rules(tree),
        file_prompts_quiet="quiet" in tree.args(FILE_PROMPT),
    )


def _zone(args: Args) -> TimeZone:
    hours = _hours(args) or 0
    minutes = args.integer("minutes", 0)
    ahead = not args.text("hours").startswith("-")
    return TimeZone(args.text("zone"), hours * 60 + (minutes if ahead else -minutes))


def _logging(tree: ConfigTree) -> LoggingConfig:
    return LoggingConfig(
        enabled=tree.flag(LOGGING),
        console=_level(tree, CONSOLE, DEBUGGING),
        monitor=_level(tree, MONITOR, DEBUGGING),
        buffered=_level(tree, BUFFERED, DEBUGGING),
        buffer_size=tree.args(BUFFERED).integer("size", 4096),
        trap=_level(tree, TRAP, INFORMATIONAL),
        hosts=tuple(args.address("server") for args in tree.all(LOG_HOST)),
        source_interface=tree.args(LOG_SOURCE).interface("interface", None),
        log_stamps=_stamps(tree, LOG_STAMPS),
        debug_stamps=_stamps(tree, DEBUG_STAMPS),
        sequence_numbers=tree.flag(SEQUENCE_NUMBERS),
    )


def _level(tree: ConfigTree, line: ConfigLine, default: int) -> int | None:
    """The level of a destination, None if it is switched off."""
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


def _line(tree: ConfigTree, args: Args, section: Section) -> LineConfig:
    kind = next(word for word in ("con", "aux", "vty") if word in args)
    first = args.integer("first")
    timeout, history, length, width = (section.get(line) for line in (EXEC_TIMEOUT, HISTORY, LENGTH, WIDTH))
    return LineConfig(
        kind=kind,
        first=first,
        last=args.integer("last", first),
        timeout=timeout.integer("minutes") * 60 + timeout.integer("seconds", 0) if timeout else default_timeout(kind),
        length=length.integer("lines") if length else 24,
        width=width.integer("columns") if width else 80,
        synchronous=section.flag(SYNCHRONOUS),
        history=history.integer("size") if history else 10,
        login=access.login_of(tree, section),
        ssh=access.takes_ssh(section),
        access_list=access.incoming(section),
        level=access.number(section.get(access.LEVEL), "level"),
        rotary=access.number(section.get(access.ROTARY), "group"),
    )
