"""The configuration lines of this feature, and the typed model that is made of them."""

from __future__ import annotations

from typing import Final

from dmvpn.base.values import collected
from dmvpn.features.system.clock import TimeZone
from dmvpn.features.system.config import access, log
from dmvpn.features.system.config.users import CONFIG as USERS
from dmvpn.features.system.config.users import enable_secrets, privilege_rules, users
from dmvpn.features.system.model import LineConfig, SystemConfig, default_timeout
from dmvpn.features.system.probes import NamesConfig
from dmvpn.ios.common import DOMAIN_NAME, DOMAIN_NAME_OLD, HOST, host_in_vrf, host_of
from dmvpn.ios.config_line import ConfigLine, Mode
from dmvpn.ios.grammar import Args
from dmvpn.ios.section import Section
from dmvpn.ios.tree import ConfigTree

LINE_MODE = Mode("line", "config-line")

# ------------------------------------------------------------------------------------------------ time

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


# ------------------------------------------------------------------------------------------------ names

_LOOKUP_HELP = "Resolve typed names by DNS"
DOMAIN_LOOKUP = ConfigLine("global", "ip domain lookup", _LOOKUP_HELP, order=90, keep_no=True)
# The same with a hyphen, as releases before 12.2 wrote it: shown back as typed.
DOMAIN_LOOKUP_OLD = ConfigLine("global", "ip domain-lookup", _LOOKUP_HELP, order=90, keep_no=True)

_HELP: Final = {
    "file": "How commands on files behave",
    "prompt": "Whether they ask",
    "noisy": "Ask for names, and before something is lost",
    "alert": "The same",
    "quiet": "Never ask",
    "line": "Configure terminal lines",
    "con": "The console",
    "console": "The console",
    "aux": "The auxiliary line",
    "vty": "Lines over the network",
    "first": "First line",
    "last": "Last line",
    "exec-timeout": "Log out after silence",
    "seconds": "More precisely",
    "length": "Lines of a screen",
    "lines": "0: no pause",
    "width": "Columns of a screen",
    "columns": "0: endless",
}
FILE_PROMPT = ConfigLine(
    "global", "file prompt ( noisy | alert | quiet )", _HELP, order=67, default="file prompt noisy"
)

# ------------------------------------------------------------------------------------------------ lines

LINE = ConfigLine(
    "global", "line ( con | console=con | aux | vty ) {first:0-1869} [ {last:1-1869} ]", _HELP, order=900, opens="line"
)
EXEC_TIMEOUT = ConfigLine(
    "line", "exec-timeout {minutes:0-35791} [ {seconds:0-2147483} ]", {**_HELP, "minutes": "0 0: never"}, order=10
)
SYNCHRONOUS = ConfigLine(
    "line",
    f"logging synchronous [* level ( all | {log.LEVEL} ) | limit {{messages:0-2147483647}} ]",
    {
        **log.LEVEL_HELP,
        "synchronous": "Repeat the input that a message interrupts",
        "all": "All severities",
        "limit": "At most so many messages wait",
        "messages": "Messages",
    },
    order=20,
)
HISTORY = ConfigLine("line", "history size {size:0-256}", {"history": "Lines remembered", "size": "How many"}, order=30)
LENGTH = ConfigLine("line", "length {lines:0-512}", _HELP, order=40, default="length 24")
WIDTH = ConfigLine("line", "width {columns:0-512}", _HELP, order=41, default="width 80")

MODES = (LINE_MODE, *access.MODES)
CONFIG = (*log.CONFIG, *USERS, *access.CONFIG, *collected(ConfigLine, vars()))


def model(tree: ConfigTree) -> SystemConfig:
    """Return the typed configuration of this feature."""
    zone = tree.get(TIMEZONE)
    domain = tree.get(DOMAIN_NAME) or tree.get(DOMAIN_NAME_OLD)
    return SystemConfig(
        logging=log.logging(tree),
        zone=_zone(zone) if zone else TimeZone(),
        names=NamesConfig(
            lookup=tree.flag(DOMAIN_LOOKUP) or tree.flag(DOMAIN_LOOKUP_OLD),
            domain=domain.text("domain") if domain else "",
            hosts=tree.made(HOST, host_of),
            vrf_hosts=tree.made(HOST, host_in_vrf),
        ),
        lines=tuple(_line(tree, args, section) for args, section in tree.sections(LINE)),
        ssh=access.ssh(tree),
        secrets=enable_secrets(tree),
        users=users(tree),
        keys=access.key_hashes(tree),
        rules=privilege_rules(tree),
        file_prompts_quiet="quiet" in tree.args(FILE_PROMPT),
    )


def _zone(args: Args) -> TimeZone:
    hours = _hours(args) or 0
    minutes = args.integer("minutes", 0)
    ahead = not args.text("hours").startswith("-")
    return TimeZone(args.text("zone"), hours * 60 + (minutes if ahead else -minutes))


def _line(tree: ConfigTree, args: Args, section: Section) -> LineConfig:
    kind = next(word for word in ("con", "aux", "vty") if word in args)
    first = args.integer("first")
    access_list, vrf_also, vrf_lists = access.incoming(section)
    access_list6, vrf_also6 = access.incoming6(section)
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
        access_list=access_list,
        vrf_also=vrf_also,
        vrf_lists=vrf_lists,
        access_list6=access_list6,
        vrf_also6=vrf_also6,
        level=access.number(section.get(access.LEVEL), "level"),
        rotary=access.number(section.get(access.ROTARY), "group"),
    )
