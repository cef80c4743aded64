"""The exec language of a router: its features' commands, the debugs of all their flags, and the session's own.

Entries of the session are like those of the features, so `?`, Tab and abbreviations treat them alike. An action returns
a `Request`, which the session's interpreter carries out. A query gets a `SessionContext`: the view of every show, and
the session. Commands that engineers type and that nothing here can carry out (`reload in`, `ssh`) say what does the
same.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import aside
from dmvpn.base.moments import age
from dmvpn.base.values import Value
from dmvpn.face import requests, shows
from dmvpn.face.archiving import ARCHIVE_SHOWS
from dmvpn.face.capturing import CAPTURES, SHOW_CAPTURE
from dmvpn.face.filing import FILE_SYSTEMS, LISTINGS, SHOW_FLASH, startup_shown
from dmvpn.face.requests import RUNNING, STARTUP, FilePlace, place_in
from dmvpn.face.shows import PROCESSOR, TERMINALS
from dmvpn.features.system import SystemMachine
from dmvpn.features.system.show.switches import debug_commands
from dmvpn.ios import Args, Change, ExecCommand, ExecParser, Feature, ShowContext
from dmvpn.router.prompt import annotator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.face.context import SessionContext, User


# -------------------------------------------------------------------------------------------- commands that are refused


#: Of `configure terminal revert timer`: where `reload in` names no time, and at most.
_USUAL_MINUTES, _MOST_MINUTES = 10, 120
_RELOAD: Final[Mapping[str, str]] = {
    "reload": "Start this router again",
    "in": "After some time",
    "delay": "mmm or hhh:mm",
    "at": "At a time of day",
    "time": "hh:mm",
    "reason": "Why",
    "cancel": "Do not, after all",
}
_AWAY: Final[Mapping[str, str]] = {
    "ssh": "Log in elsewhere by SSH",
    "telnet": "Log in elsewhere by Telnet",
    "arguments": "Where, and how",
}


def _no_reload_later(_: ShowContext, args: Args) -> Change:
    minutes = _minutes(args.text("delay", ""))
    return Change(
        said=(
            "% Error: this router cannot start itself again. A change that takes itself back unless you confirm it:",
            f"%        configure terminal revert timer {minutes}, and then configure confirm (or configure revert now)",
        ),
        failed=True,
    )


def _minutes(delay: str) -> int:
    """Return how long `reload in` was to wait, as `configure terminal revert` takes it: 1 to 120."""
    hours, _, minutes = delay.rpartition(":")
    if not (minutes.isdecimal() and (hours.isdecimal() or not hours)) or len(delay) > len("hhh:mm"):
        return _USUAL_MINUTES
    return min(max(60 * int(hours or 0) + int(minutes), 1), _MOST_MINUTES)


def _no_reload_to_cancel(_: ShowContext, __: Args) -> Change:
    return Change(said=("%No reload is scheduled.",), failed=True)


def _no_client(ctx: ShowContext, args: Args) -> Change:
    return Change(
        said=(
            "% Error: no client runs on this router. A program of its machine connects from here: in a lab with real "
            "packets,",
            f"%        dmvpn lab exec {ctx.hostname} {args.words[0]} {args.text('arguments')}",
            "%        In a simulated lab no connection leaves: dmvpn shell NAME is the prompt of another router.",
        ),
        failed=True,
    )


REFUSED: Final = (
    ExecCommand("reload in {delay:word} [ {reason:line} ]", _RELOAD, action=_no_reload_later, privilege=15),
    ExecCommand("reload at {time:word} [ {reason:line} ]", _RELOAD, action=_no_reload_later, privilege=15),
    ExecCommand("reload cancel", _RELOAD, action=_no_reload_to_cancel, privilege=15),
    ExecCommand("ssh {arguments:line}", _AWAY, action=_no_client),
    ExecCommand("telnet {arguments:line}", _AWAY, action=_no_client),
)


# ------------------------------------------------------------------------------------------------ shows


class StartupConfig(Value):
    """`show startup-config`."""

    lines: tuple[str, ...]


def startup_config(ctx: SessionContext, _: Args) -> StartupConfig:
    """Show the startup configuration."""
    return StartupConfig(tuple(startup_shown(ctx).splitlines()))


def render_startup_config(config: StartupConfig) -> Iterator[str]:
    """Yield its size, and the lines."""
    if not config.lines:
        yield "startup-config is not present"
        return
    yield f"Using {sum(len(line) + 1 for line in config.lines)} out of 33554432 bytes"
    yield from config.lines
    yield ""


class History(Value):
    """`show history`."""

    lines: tuple[str, ...]


def history(ctx: SessionContext, _: Args) -> History:
    """Show the history."""
    return History(ctx.history)


def render_history(report: History) -> Iterator[str]:
    """Return the lines, the oldest first."""
    return (f"  {line}" for line in report.lines)


class Privilege(Value):
    """`show privilege`."""

    level: int


def privilege(ctx: SessionContext, _: Args) -> Privilege:
    """Show the privilege level."""
    return Privilege(ctx.privilege)


def render_privilege(report: Privilege) -> Iterator[str]:
    """Yield one line."""
    yield f"Current privilege level is {report.level}"


class Users(Value):
    """`show users`."""

    users: tuple[User, ...]


def users(ctx: SessionContext, _: Args) -> Users:
    """Query the users that are logged in."""
    return Users(ctx.users)


def render_users(report: Users) -> Iterator[str]:
    """Yield a table; `*` marks the line on which it is read."""
    yield "    Line       User       Host(s)              Idle       Location"
    for number, user in enumerate(report.users):
        line = user.line
        mark = "*" if user.here else " "
        name = f"{line.kind} {line.number}"
        yield f"{mark}{number:>3} {name:<10} {line.user:<10} {'idle':<20} {age(user.idle):<10} {line.location}".rstrip()
    yield ""
    yield "  Interface    User               Mode         Idle     Peer Address"
    yield ""


class SshSession(Value):
    """An SSH login. line: the number of the terminal line."""

    line: int
    user: str
    location: str


class SshSessions(Value):
    """`show ssh`."""

    sessions: tuple[SshSession, ...]


def ssh_sessions(ctx: SessionContext, _: Args) -> SshSessions:
    """Show the sessions of SSH (`show ssh`)."""
    lines = (user.line for user in ctx.users if not user.line.is_console)
    return SshSessions(tuple(SshSession(line.number, line.user, line.location) for line in lines))


def render_ssh_sessions(report: SshSessions) -> Iterator[str]:
    """Yield a table; ciphers are known to the program alone that speaks SSH."""
    if not report.sessions:
        yield "%No SSHv2 server connections running."
        return
    yield "Connection Version Mode Encryption  Hmac         State                 Username"
    for session in report.sessions:
        yield f"{session.line:<10} 2.0     IN   {'-':<11} {'-':<12} {'Session started':<21} {session.user}"


class SshSettings(Value):
    """`show ip ssh`. time_out: seconds."""

    time_out: int
    tries: int


def ssh_settings(ctx: SessionContext, _: Args) -> SshSettings:
    """Query the settings of SSH (`show ip ssh`)."""
    ssh = ctx.machine(SystemMachine).config.ssh
    return SshSettings(ssh.time_out, ssh.tries)


def render_ssh_settings(report: SshSettings) -> Iterator[str]:
    """Yield the lines as IOS has them."""
    yield "SSH Enabled - version 2.0"
    yield "Authentication methods:publickey,keyboard-interactive,password"
    yield f"Authentication timeout: {report.time_out} secs; Authentication retries: {report.tries}"


# ------------------------------------------------------------------------------------------------ entries


def _ask(syntax: str, texts: str | Mapping[str, str], request: requests.Request, level: int = 15) -> ExecCommand:
    """Return a command that always makes the same request."""

    def action(_: ShowContext, __: Args) -> requests.Request:
        return request

    return ExecCommand(syntax, texts, action=action, privilege=level)


def _either(name: str) -> str:
    """Return the syntax of a file, or of one of the two configurations by its word."""
    return f"( running-config={name}-running | startup-config={name}-startup | {{{name}:file}} )"


def _end(args: Args, name: str) -> FilePlace:
    return RUNNING if f"{name}-running" in args else place_in(args, name, STARTUP)


_CHANGES: Mapping[str, str] = {
    "terminal": "From this terminal",
    "replace": "Let a file take the place of what runs",
    "file": "A whole configuration: flash:NAME, nvram:startup-config",
    "list": "Show the lines that make the change",
    "force": "Without asking",
    "nolock": "The same: no session is locked out here",
    "revert": "Take the change back",
    "trigger": "When",
    "error": "A line is refused: all stays as it was",
    "timer": "Unless the change is confirmed in time",
    "time": "The same",
    "idle": "Unless this user types something meanwhile: each line begins the time again",
    "minutes": "Minutes",
    "confirm": "The change stays",
    "now": "At once",
}


_TERMINAL: Mapping[str, str] = {
    "length": "Lines of the screen",
    "lines": "How many; 0: no pauses",
    "width": "Columns of the screen",
    "columns": "How many; 0: endless",
    "monitor": "Show log messages and debugs here",
    "no": "Switch something off",
    "exec": "Commands at the prompt",
    "prompt": "Before what they print",
    "timestamp": "The load, and the time of day",
    "history": "Remember lines that were typed",
    "size": "How many",
}
_COPY: Mapping[str, str] = {
    "copy": "Copy a file",
    "from": "The file: flash:NAME, nvram:startup-config, system:running-config, null:",
    "to": "Where to",
    "delete": "Delete a file",
    "/force": "Without asking",
    "file": "flash:NAME",
    "running-config": "The configuration that is in effect",
    "startup-config": "The configuration for the next start",
}

#: Shows that need the session: their queries take a `SessionContext`.
SESSION_SHOWS: tuple[ExecCommand, ...] = (
    ExecCommand("show history", "Lines that were typed here", query=history, render=render_history),
    ExecCommand("show privilege", "The privilege level of this session", query=privilege, render=render_privilege),
    ExecCommand("show users", "Users logged in", query=users, render=render_users),
    ExecCommand("show ssh", "Users logged in by SSH", query=ssh_sessions, render=render_ssh_sessions),
    ExecCommand("show ip ssh", "How SSH behaves", query=ssh_settings, render=render_ssh_settings),
    ExecCommand("systat", "Users logged in", query=users, render=render_users),
    ExecCommand(
        "show startup-config",
        "The configuration for the next start",
        query=startup_config,
        render=render_startup_config,
        privilege=15,
    ),
    *LISTINGS,
    *ARCHIVE_SHOWS,
    *PROCESSOR,
    *TERMINALS,
    FILE_SYSTEMS,
    SHOW_FLASH,
    SHOW_CAPTURE,
    ExecCommand(
        "show configuration",
        "The configuration for the next start",
        query=startup_config,
        render=render_startup_config,
        privilege=15,
    ),
)

BUILTINS: tuple[ExecCommand, ...] = (
    *SESSION_SHOWS,
    shows.COMMAND,
    *(
        _ask(word, {word: text}, requests.Leave(), 0)
        for word, text in (("exit", "Leave"), ("quit", "Leave"), ("logout", "Leave"))
    ),
    ExecCommand(
        "enable [ {level:1-15} ]",
        {"enable": "Go to the privileged level", "level": "Privilege level"},
        action=lambda _, args: requests.Enable(args.integer("level", 15)),
        privilege=0,
    ),
    ExecCommand(
        "disable [ {level:0-15} ]",
        {"disable": "Go back to the level of users", "level": "Privilege level"},
        action=lambda _, args: requests.Disable(args.integer("level", 1)),
        privilege=0,
    ),
    _ask("configure terminal", {"terminal": "From this terminal"}, requests.Configure()),
    ExecCommand(
        "configure terminal revert timer [ idle ] {minutes:1-120}",
        _CHANGES,
        action=lambda _, args: requests.Configure(minutes=args.integer("minutes"), idle="idle" in args),
        privilege=15,
    ),
    ExecCommand(
        "configure replace {file:file}"
        " [* list | force | nolock | revert trigger error | ( timer | time ) {minutes:1-120} ]",
        _CHANGES,
        action=lambda _, args: requests.Replace(
            place=place_in(args, "file"),
            force="force" in args,
            listed="list" in args,
            all_or_nothing="trigger" in args,
            minutes=args.integer("minutes", 0),
        ),
        privilege=15,
    ),
    _ask("configure confirm", _CHANGES, requests.ConfirmChange()),
    _ask("configure revert now", _CHANGES, requests.Revert()),
    ExecCommand(
        "configure revert timer [ idle ] {minutes:1-120}",
        _CHANGES,
        action=lambda _, args: requests.Revert(args.integer("minutes"), idle="idle" in args),
        privilege=15,
    ),
    _ask("archive config", {"archive": "Copy the configuration", "config": "What runs"}, requests.ArchiveNow()),
    _ask("configure", {}, requests.Configure(ask=True)),
    ExecCommand(
        "terminal length {lines:0-512}",
        _TERMINAL,
        action=lambda _, args: requests.SetScreen(length=args.integer("lines")),
    ),
    ExecCommand(
        "terminal width {columns:0-512}",
        _TERMINAL,
        action=lambda _, args: requests.SetScreen(width=args.integer("columns")),
    ),
    _ask("terminal monitor", _TERMINAL, requests.SetMonitor(on=True)),
    _ask("terminal no monitor", _TERMINAL, requests.SetMonitor(on=False)),
    _ask("terminal exec prompt timestamp", _TERMINAL, requests.SetTimestamps(on=True)),
    _ask("terminal no exec prompt timestamp", _TERMINAL, requests.SetTimestamps(on=False)),
    ExecCommand(
        "terminal history [ size {size:0-256} ]",
        _TERMINAL,
        action=lambda _, args: requests.SetHistory(args.integer("size", 10)),
    ),
    _ask("write [ memory ]", {"memory": "For the next start"}, requests.Save()),
    _ask("write erase", {"erase": "Forget the configuration for the next start"}, requests.EraseStartup()),
    _ask("erase startup-config", {"erase": "Forget a file", **_COPY}, requests.EraseStartup()),
    ExecCommand(
        f"copy {_either('from')} {_either('to')}",
        _COPY,
        action=lambda _, args: requests.Copy(_end(args, "from"), _end(args, "to")),
        privilege=15,
    ),
    ExecCommand(
        "delete [ /force ] {file:file}",
        _COPY,
        action=lambda _, args: requests.Delete(place_in(args, "file"), force="/force" in args),
        privilege=15,
    ),
    ExecCommand(
        "clear line vty {number:0-1869}",
        {"line": "Log a user out", "vty": "A line for network logins", "number": "Its number"},
        action=lambda _, args: requests.ClearLine(args.integer("number")),
        privilege=15,
    ),
    _ask("reload", {"reload": "Start this router again"}, requests.Reload()),
    *CAPTURES,
    *REFUSED,
    ExecCommand(
        "tclsh",
        "Tcl: not here",
        action=lambda _, __: Change(
            said=(
                "% Error: there is no Tcl here; loop outside: for a in ADDRESS...; do dmvpn -r ROUTER ping $a; done",
            ),
            failed=True,
        ),
        privilege=15,
    ),
)


# ------------------------------------------------------------------------------------------------ the language


@lru_cache(maxsize=4)
def exec_parser(features: tuple[Feature, ...]) -> ExecParser:
    """Return the parser that all sessions on routers of these features share.

    For the first one all shows are imported, which takes a tenth of a second, aside.
    """
    commands = [command for feature in features for command in aside(partial(tuple, feature.commands))]
    flags = [flag for feature in features for flag in feature.debugs]
    return ExecParser([*commands, *debug_commands(flags), *BUILTINS], annotator(features))
