"""The session's own shows.

    show terminal         the settings of this session's terminal
    show line             the console and the lines for remote users
    show processes cpu    the CPU load of the process in which this router runs
    show tech-support     the shows that a support engineer needs, in one piece; keys and passwords are left out

A simulated lab has all its routers in one process. There is no sampling in the background: the figures count from the
newest earlier show that is old enough, or from the start of the process if there was none. The routers of a lab are
forks: the CPU time of each begins at zero.
"""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.values import Mutable, Value
from dmvpn.features.system import LineConfig, SystemMachine
from dmvpn.ios import Args, ExecCommand, Match, ShowContext
from dmvpn.router.prompt import exec_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.face.context import SessionContext


# ------------------------------------------------------------------------------------------------ terminals


#: Lines for remote users where the configuration has none: `line vty 0 4`.
_DEFAULT_VTYS: Final = 5


class Terminal(Value):
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


class LineState(Value):
    """A line. kind: CTY (the console) or VTY. access_list: of the permitted source addresses, "" for all.

    used: a session is on it. here: the session of the show itself.
    """

    kind: str
    number: int
    access_list: str
    used: bool
    here: bool


class TerminalLines(Value):
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


# ------------------------------------------------------------------------------------------------ processor


#: Seconds of the three figures, and looks that are remembered: at most one in half the shortest time.
_SPANS: Final = (5.0, 60.0, 300.0)
_MOST: Final = 240


class Look(Value):
    """A moment, and the processor time used by then; seconds."""

    when: float
    used: float


class Looks(Mutable):
    """Earlier looks, the oldest first."""

    begun: Look
    seen: deque[Look] = field(default_factory=lambda: deque(maxlen=_MOST))

    def begin_again(self, now: Look) -> None:
        """Forget what another process used."""
        self.begun = now
        self.seen.clear()

    def busy(self, now: Look) -> tuple[int, ...]:
        """Return per cent of one processor, for each span; this look is remembered."""
        found = tuple(_share(self._before(now.when - span), now) for span in _SPANS)
        if not self.seen or now.when - self.seen[-1].when >= _SPANS[0] / 2:
            self.seen.append(now)
        return found

    def _before(self, moment: float) -> Look:
        return next((look for look in reversed(self.seen) if look.when <= moment), self.begun)


def _share(since: Look, now: Look) -> int:
    return round(100 * (now.used - since.used) / max(now.when - since.when, 1e-3))


def _look() -> Look:
    return Look(time.monotonic(), time.process_time())


_looks: Final = Looks(_look())
os.register_at_fork(after_in_child=lambda: _looks.begin_again(_look()))


class Processor(Value):
    """`show processes cpu`. Per cent of one processor; more than 100 with threads."""

    five_seconds: int
    one_minute: int
    five_minutes: int


def processor(_: SessionContext, __: Args) -> Processor:
    """Show the processor (`show processes cpu`)."""
    return Processor(*_looks.busy(_look()))


def render_processor(found: Processor) -> Iterator[str]:
    """Yield the line that tools read; the second number is time in interrupts, of which a process has none."""
    yield (
        f"CPU utilization for five seconds: {found.five_seconds}%/0%; "
        f"one minute: {found.one_minute}%; five minutes: {found.five_minutes}%"
    )


def timestamp(view: ShowContext) -> Iterator[str]:
    """Yield what precedes each show after `terminal exec prompt timestamp`: the load, and the time."""
    from dmvpn.features.system.show import time_source  # shows are loaded at their first use

    load = Processor(*_looks.busy(_look()))
    longer = f"one minute: {load.one_minute}%; five minutes: {load.five_minutes}%"
    yield f"Load for five secs: {load.five_seconds}%/0%; {longer}"
    yield time_source(view)
    yield ""


class ProcessLine(Value):
    """The process of this router. runtime: milliseconds of processor time since it started."""

    number: int
    runtime: int
    load: Processor


def process(_: SessionContext, __: Args) -> ProcessLine:
    """Show the process (`show processes cpu sorted`): there is one, in which all protocols run."""
    now = _look()
    return ProcessLine(os.getpid(), round(now.used * 1000), Processor(*_looks.busy(now)))


def render_process(found: ProcessLine) -> Iterator[str]:
    """Yield the head of `show processes cpu`, and a table of one row. Calls are not counted."""
    yield from render_processor(found.load)
    load = found.load
    yield " PID Runtime(ms)     Invoked      uSecs   5Sec   1Min   5Min TTY Process"
    shares = " ".join(f"{share:>5.2f}%" for share in (load.five_seconds, load.one_minute, load.five_minutes))
    yield f"{found.number:>4} {found.runtime:>11} {'-':>11} {'-':>10} {shares}   0 dmvpn"


_HELP: Final = {
    "processes": "The process in which this router runs",
    "cpu": "How busy it is",
    "sorted": "With the process as a row of a table",
    "5sec": "By the last five seconds",
    "1min": "By the last minute",
    "5min": "By the last five minutes",
}
PROCESSOR: Final = (
    ExecCommand("show processes cpu", _HELP, query=processor, render=render_processor),
    ExecCommand("show processes cpu sorted [ 5sec | 1min | 5min ]", _HELP, query=process, render=render_process),
)


# ------------------------------------------------------------------------------------------------ tech-support


#: Commands that this router does not have are left out.
_COMMANDS: Final = (
    "show version",
    "show clock",
    "show interfaces",
    "show ip interface brief",
    "show ip route",
    "show ip route next-hop-override",
    "show dmvpn detail",
    "show ip nhrp detail",
    "show ip nhrp nhs detail",
    "show ip nhrp multicast",
    "show ip nhrp traffic",
    "show nhrp stats",
    "show crypto session detail",
    "show crypto ikev2 sa detailed",
    "show crypto ikev2 session detailed",
    "show crypto ikev2 stats",
    "show crypto ipsec sa detail",
    "show crypto ipsec profile",
    "show crypto pki certificates",
    "show ip eigrp neighbors",
    "show ip eigrp topology",
    "show ip protocols",
    "show debugging",
    "show logging",
)


class TechSection(Value):
    """The output of one command."""

    command: str
    lines: tuple[str, ...]


class TechSupport(Value):
    """All parts; the configuration is the first one."""

    parts: tuple[TechSection, ...]


def query(ctx: ShowContext, _: Args) -> TechSupport:
    """Ask every command."""
    parser = exec_parser(ctx.features)
    matches = [(command, parser.match(command)) for command in _COMMANDS]
    configuration = TechSection("show running-config", tuple(ctx.running.render_for_others()))
    parts = [TechSection(command, tuple(match.lines(ctx))) for command, match in matches if isinstance(match, Match)]
    return TechSupport((configuration, *parts))


def render(answer: TechSupport) -> Iterator[str]:
    """Yield the output of each command, under its name."""
    for part in answer.parts:
        yield from ("", f"------------------ {part.command} ------------------", "", *part.lines)


COMMAND: Final = ExecCommand(
    "show tech-support",
    {"tech-support": "All facts for support, without keys"},
    query=query,
    render=render,
    privilege=15,
)
