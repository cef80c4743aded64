"""The log: the format of a line, its destinations, and the buffer behind `show logging`.

    Log, DebugOutput --> stamped line --> buffer              `logging buffered`
                                      --> ConsoleLine         `logging console`, `logging monitor`
                                      --> each log host       `logging host`, `logging trap` (`log_hosts.py`)

A line is made once. A destination takes it if its level is at least as talkative as the line's severity: 0
(emergencies) is the most severe, 7 (debugging) the least. Sessions look at `LoggingConfig` to see which of console and
monitor want a `ConsoleLine`; it is not sent out at all if neither does.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import field
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.effects import ConsoleLine
from dmvpn.base.values import dataclass
from dmvpn.features.system.clock import Timestamps, TimeZone, WallClock, stamp

if TYPE_CHECKING:
    from dmvpn.base.context import Context
    from dmvpn.base.notices import DebugOutput, Log
    from dmvpn.features.system.log_hosts import LogHost, LogHosts

SEVERITIES = (
    "emergencies",
    "alerts",
    "critical",
    "errors",
    "warnings",
    "notifications",
    "informational",
    "debugging",
)
DEBUGGING = 7
INFORMATIONAL = 6
#: RFC 3164 §4.1.1, by the words of IOS.
FACILITIES: Final = {
    **{"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9},
    **{f"sys{number}": number for number in range(9, 15)},
    **{f"local{number}": 16 + number for number in range(8)},
}
#: The default of IOS.
LOCAL7: Final = FACILITIES["local7"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingConfig:
    """`logging ...`. A level of None: this destination is switched off.

    buffer_size: octets.
    source_interfaces: VRFs ("": the global table), and whose address lines to hosts there come from.
    origin: the text before each line for a log host, "" for nothing.
    rfc5424: lines for log hosts have the form of RFC 5424, with `name` as that of the router.
    """

    enabled: bool = True
    console: int | None = DEBUGGING
    monitor: int | None = DEBUGGING
    buffered: int | None = DEBUGGING
    buffer_size: int = 4096
    trap: int | None = INFORMATIONAL
    hosts: tuple[LogHost, ...] = ()
    source_interfaces: tuple[tuple[str, str], ...] = ()
    facility: int = LOCAL7
    origin: str = ""
    name: str = ""
    rfc5424: bool = False
    log_stamps: Timestamps = field(default_factory=Timestamps)
    debug_stamps: Timestamps = field(default_factory=Timestamps)
    sequence_numbers: bool = False


@dataclass(slots=True)
class LineCounters:
    """Lines that each destination took since the start."""

    console: int = 0
    monitor: int = 0
    buffered: int = 0
    trap: int = 0


class LogLine(NamedTuple):
    """A line of the buffer. message: the class of the message, None for a debug. time: monotonic seconds."""

    text: str
    message: type[Log] | None
    time: float


class _Line(NamedTuple):
    """A line on its way. text: without its stamp."""

    stamped: str
    text: str
    severity: int
    message: Log | None = None


@dataclass(slots=True)
class Syslog:
    """The log of one router.

    started: monotonic seconds, for `service timestamps ... uptime`.
    told_of: messages by severity and name, whether a destination took them or not.
    """

    context: Context
    clock: WallClock
    hosts: LogHosts
    config: LoggingConfig = field(default_factory=LoggingConfig)
    zone: TimeZone = field(default_factory=TimeZone)
    started: float = 0.0
    counters: LineCounters = field(default_factory=LineCounters)
    told_of: Counter[tuple[int, str]] = field(default_factory=Counter)
    _buffer: deque[LogLine] = field(default_factory=deque)
    _octets: int = 0
    _number: int = 0

    def log(self, message: Log) -> None:
        """Log a message: every line of its text after the first is a separate line, without a stamp."""
        self.told_of[message.severity, message.name] += 1
        first, *rest = message.text.split("\n")
        head = f"%{message.name}: {first}"
        self._write(_Line(self._stamped(head, self.config.log_stamps), first, message.severity, message))
        for line in rest:
            self._write(_Line(line, line, message.severity, message))

    def debug(self, output: DebugOutput) -> None:
        """Write the lines of a debug: severity 7, a stamp on each."""
        for line in output.lines:
            self._write(_Line(self._stamped(line, self.config.debug_stamps), line, DEBUGGING))

    def clear(self) -> None:
        """Empty the buffer."""
        self._buffer.clear()
        self._octets = 0

    def configure(self, config: LoggingConfig, zone: TimeZone) -> None:
        """Take over a new configuration; a smaller buffer loses its oldest lines."""
        self.config, self.zone = config, zone
        self._trim()

    @property
    def lines(self) -> tuple[str, ...]:
        """The buffer, oldest line first."""
        return tuple(line.text for line in self._buffer)

    @property
    def told(self) -> tuple[LogLine, ...]:
        """The same, each with its message class."""
        return tuple(self._buffer)

    def _stamped(self, text: str, style: Timestamps) -> str:
        self._number += 1
        number = f"{self._number:06}: " if self.config.sequence_numbers else ""
        return number + stamp(style, self.clock, self.zone, self.context.now, self.started) + text

    def _write(self, line: _Line) -> None:
        config, counters, severity = self.config, self.counters, line.severity
        if not config.enabled:
            # IOS: `no logging on` leaves the console alone.
            self._to_terminals(line, monitor=False)
            return
        if _takes(config.buffered, severity):
            counters.buffered += 1
            message = type(line.message) if line.message is not None else None
            self._buffer.append(LogLine(line.stamped, message, self.context.now))
            self._octets += len(line.stamped) + 1
            self._trim()
        self._to_terminals(line, monitor=True)
        if _takes(config.trap, severity):
            counters.trap += 1
            if config.hosts:
                self.hosts.send((self._rfc5424(line) if config.rfc5424 else self._rfc3164(line)).encode())

    def _to_terminals(self, line: _Line, *, monitor: bool) -> None:
        console = _takes(self.config.console, line.severity)
        monitor = monitor and _takes(self.config.monitor, line.severity)
        self.counters.console += console
        self.counters.monitor += monitor
        if console or monitor:
            self.context.emit(ConsoleLine(line.stamped, line.severity))

    def _rfc3164(self, line: _Line) -> str:
        """Return the line by RFC 3164 §4.1: the priority in angle brackets, then IOS's own count of its messages."""
        origin = f"{self.config.origin}: " if self.config.origin else ""
        return f"<{self.config.facility * 8 + line.severity}>{self.counters.trap}: {origin}{line.stamped}"

    def _rfc5424(self, line: _Line) -> str:
        """Return the line by RFC 5424 §6: priority, version, time, host, application, process, message identifier, no
        structured data.
        """
        config, message = self.config, line.message
        when = self.clock.wall(self.context.now).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        kind = message.name[:32] if message is not None else "-"
        name = (config.origin or config.name).replace(" ", "_") or "-"
        return f"<{config.facility * 8 + line.severity}>1 {when} {name} dmvpn - {kind} - {line.text}"

    def _trim(self) -> None:
        while self._buffer and self._octets > self.config.buffer_size:
            self._octets -= len(self._buffer.popleft().text) + 1


def _takes(level: int | None, severity: int) -> bool:
    return level is not None and severity <= level
