"""The log: what a line looks like, where it goes, and the buffer behind `show logging`.

    Log, DebugOutput --> stamped line --> buffer              `logging buffered`
                                      --> ConsoleLine         `logging console`, `logging monitor`
                                      --> UDP to each host    `logging host`, `logging trap` (RFC 3164)

A line is made once. A destination takes it if its level is at least as talkative as the line's severity: 0
(emergencies) is the most severe, 7 (debugging) the least. Sessions look at `LoggingConfig` to see which of console and
monitor want a `ConsoleLine`; it is not sent out at all if neither does.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.effects import ConsoleLine, Effect, SendIp
from dmvpn.features.system.clock import Timestamps, TimeZone, WallClock, stamp
from dmvpn.features.system.packet import SYSLOG_PORT, udp_datagram
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from dmvpn.base.notices import DebugOutput, Log
    from dmvpn.base.ports import Ports

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
_LOCAL7 = 23  # RFC 3164 §4.1.1: the facility that IOS uses unless told otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingConfig:
    """`logging ...`. A level of None: this destination is switched off. buffer_size: octets."""

    enabled: bool = True
    console: int | None = DEBUGGING
    monitor: int | None = DEBUGGING
    buffered: int | None = DEBUGGING
    buffer_size: int = 4096
    trap: int | None = INFORMATIONAL
    hosts: tuple[IPv4Address, ...] = ()
    source_interface: str | None = None
    log_stamps: Timestamps = field(default_factory=Timestamps)
    debug_stamps: Timestamps = field(default_factory=Timestamps)
    sequence_numbers: bool = False


@dataclass(slots=True)
class Counters:
    """Lines that each destination took since the start."""

    console: int = 0
    monitor: int = 0
    buffered: int = 0
    trap: int = 0


class LogLine(NamedTuple):
    """A line of the buffer. message: what it tells, None for a debug."""

    text: str
    message: type[Log] | None


@dataclass(slots=True)
class Syslog:
    """The log of one router. started: monotonic seconds, for `service timestamps ... uptime`."""

    ports: Ports
    clock: WallClock
    config: LoggingConfig = field(default_factory=LoggingConfig)
    zone: TimeZone = field(default_factory=TimeZone)
    started: float = 0.0
    counters: Counters = field(default_factory=Counters)
    _buffer: deque[LogLine] = field(default_factory=deque)
    _octets: int = 0
    _number: int = 0

    def log(self, message: Log, now: float) -> list[Effect]:
        """A log message: every line of its text after the first is a separate line, without a stamp."""
        first, *rest = message.text.split("\n")
        head = f"%{message.facility}-{message.severity}-{message.mnemonic}: {first}"
        effects = self._write(self._stamped(head, self.config.log_stamps, now), message.severity, type(message))
        for line in rest:
            effects += self._write(line, message.severity, type(message))
        return effects

    def debug(self, output: DebugOutput, now: float) -> list[Effect]:
        """Lines of a debug: severity 7, a stamp on each."""
        effects: list[Effect] = []
        for line in output.lines:
            effects += self._write(self._stamped(line, self.config.debug_stamps, now), DEBUGGING)
        return effects

    def clear(self) -> None:
        """Empty the buffer."""
        self._buffer.clear()
        self._octets = 0

    def configure(self, config: LoggingConfig) -> None:
        """Take over a new configuration; a smaller buffer loses its oldest lines."""
        self.config = config
        self._trim()

    @property
    def lines(self) -> tuple[str, ...]:
        """The buffer, oldest line first."""
        return tuple(line.text for line in self._buffer)

    @property
    def told(self) -> tuple[LogLine, ...]:
        """The same, each with what it tells."""
        return tuple(self._buffer)

    def _stamped(self, text: str, style: Timestamps, now: float) -> str:
        self._number += 1
        number = f"{self._number:06}: " if self.config.sequence_numbers else ""
        return number + stamp(style, self.clock, self.zone, now, self.started) + text

    def _write(self, line: str, severity: int, message: type[Log] | None = None) -> list[Effect]:
        config, counters = self.config, self.counters
        if not config.enabled:
            # IOS: `no logging on` leaves the console alone.
            return self._to_terminals(line, severity, monitor=False)
        if _takes(config.buffered, severity):
            counters.buffered += 1
            self._buffer.append(LogLine(line, message))
            self._octets += len(line) + 1
            self._trim()
        effects = self._to_terminals(line, severity, monitor=True)
        if _takes(config.trap, severity):
            counters.trap += 1
            effects += [self._to_host(host, line, severity) for host in config.hosts]
        return effects

    def _to_terminals(self, line: str, severity: int, *, monitor: bool) -> list[Effect]:
        console = _takes(self.config.console, severity)
        monitor = monitor and _takes(self.config.monitor, severity)
        self.counters.console += console
        self.counters.monitor += monitor
        return [ConsoleLine(line, severity)] if console or monitor else []

    def _to_host(self, host: IPv4Address, line: str, severity: int) -> SendIp:
        """RFC 3164 §4.1: the priority in angle brackets, then IOS's own count of its messages."""
        text = f"<{_LOCAL7 * 8 + severity}>{self.counters.trap}: {line}"
        source = self._source()
        datagram = udp_datagram((SYSLOG_PORT, SYSLOG_PORT), text.encode(), source, host)
        return SendIp(None, source, host, IpProtocol.UDP, datagram)

    def _source(self) -> IPv4Address | None:
        if self.config.source_interface is None:
            return None
        interface = self.ports.interfaces.get(self.config.source_interface)
        address = interface.address if interface else None
        return address if isinstance(address, IPv4Address) else None

    def _trim(self) -> None:
        while self._buffer and self._octets > self.config.buffer_size:
            self._octets -= len(self._buffer.popleft().text) + 1


def _takes(level: int | None, severity: int) -> bool:
    return level is not None and severity <= level
