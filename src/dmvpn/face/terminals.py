"""`show terminal`: the settings of this session's terminal. `show line`: the console and the lines for remote users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.values import dataclass
from dmvpn.features.system import LineConfig, SystemMachine
from dmvpn.ios import Args, ExecCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.face.context import SessionContext

#: Lines for remote users where the configuration has none: `line vty 0 4`.
_DEFAULT_VTYS: Final = 5


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal of a session.

    length: lines of a page, 0: no pages. width: columns, 0: endless.
    timeout: seconds of silence until logout, 0: never.
    monitors: log messages appear here.
    history_size: lines that are remembered.
    """

    kind: str
    number: int
    location: str
    length: int
    width: int
    timeout: int
    monitors: bool
    history_size: int


def terminal(ctx: SessionContext, _: Args) -> Terminal:
    """Show the terminal of this session."""
    line, screen = next(user.line for user in ctx.users if user.here), ctx.screen
    config = ctx.machine(SystemMachine).config.line(line.kind, line.number)
    return Terminal(
        line.kind,
        line.number,
        line.location,
        screen.page,
        screen.line,
        config.timeout,
        line.is_console or screen.monitor,
        screen.history_size,
    )


def render_terminal(report: Terminal) -> Iterator[str]:
    """Yield the lines of IOS about settings that terminals have here."""
    yield f'Line {report.kind} {report.number}, Location: "{report.location}", Type: ""'
    yield f"Length: {report.length} lines, Width: {report.width} columns"
    yield "Status: Ready, Active, Automore " + ("On" if report.length else "Off")
    yield "Timeouts:      Idle EXEC"
    yield f"                {_spelled(report.timeout)}"
    yield f"Log messages and debugs are {'' if report.monitors else 'not '}shown on this terminal."
    yield "Editing is enabled."
    yield f"History is enabled, history size is {report.history_size}."


def _spelled(seconds: int) -> str:
    """Return hours, minutes and seconds, or "never"."""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}" if seconds else "never"


@dataclass(frozen=True, slots=True)
class LineState:
    """A line. kind: CTY (the console) or VTY. access_list: of the permitted source addresses, "" for all.

    used: a session is on it. here: the session of the show itself.
    """

    kind: str
    number: int
    access_list: str
    used: bool
    here: bool


@dataclass(frozen=True, slots=True)
class TerminalLines:
    """All lines of the router."""

    lines: tuple[LineState, ...]


def lines(ctx: SessionContext, _: Args) -> TerminalLines:
    """Show all lines."""
    config = ctx.machine(SystemMachine).config
    used = {(user.line.kind, user.line.number): user.here for user in ctx.users}
    most = max((line.last + 1 for line in config.lines if line.kind == "vty"), default=_DEFAULT_VTYS)
    names = [("con", 0), *(("vty", number) for number in range(most))]
    names += [name for name in used if name not in names]
    return TerminalLines(tuple(_state(config.line(*name), name, used) for name in breathing(names)))


def _state(config: LineConfig, name: tuple[str, int], used: dict[tuple[str, int], bool]) -> LineState:
    kind, number = name
    return LineState("CTY" if kind == "con" else "VTY", number, config.access_list, name in used, used.get(name, False))


def render_lines(report: TerminalLines) -> Iterator[str]:
    """Yield a table; `*` marks lines in use."""
    yield "   Tty Line Typ     Tx/Rx    A Modem  Roty AccO AccI  Uses   Noise  Overruns  Int"
    for number, line in enumerate(report.lines):
        mark = "*" if line.used else " "
        access = line.access_list or "-"
        yield (
            f"{mark}{number:>5} {line.number:>4} {line.kind}              -    -      -    - {access:>4}"
            f" {int(line.used):>5} {0:>7}       0/0    -"
        )


TERMINALS: Final = (
    ExecCommand("show terminal", "How this terminal is set", query=terminal, render=render_terminal),
    ExecCommand("show line", "The console, and lines for remote users", query=lines, render=render_lines),
)
