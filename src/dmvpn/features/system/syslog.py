"""The log: the format of a line, its destinations, and the buffer behind `show logging`.

    Log, DebugOutput --> stamped line --> buffer              `logging buffered`
                                      --> ConsoleLine         `logging console`, `logging monitor`
                                      --> each log host       `logging host`, `logging trap` (`LogHosts`)

A line is made once. A destination takes it if its level is at least as talkative as the line's severity: 0
(emergencies) is the most severe, 7 (debugging) the least. Sessions look at `LoggingConfig` to see which of console and
monitor want a `ConsoleLine`; it is not sent out at all if neither does.

Log hosts: lines that leave the router by UDP (RFC 3164) or over a TCP connection (RFC 6587 §3.4.2).

    line -> framed for the host -> UDP: SendIp
                                -> TCP: queue -> StreamSend, once the connection is up

A datagram is lost if the host does not listen. Behind TCP the last `QUEUE_LIMIT` lines wait for the connection, which
is tried again every `RETRY` seconds: `logging queue-limit trap` of IOS has the same bound by default.
"""

from __future__ import annotations

import enum
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import field
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.context import Context, Timer
from dmvpn.base.effects import ConsoleLine, Effect, SendIp, in_table
from dmvpn.base.notices import DebugOutput, Log, LogKind
from dmvpn.base.streams import SEND_LIMIT, StreamClose, StreamLine, StreamOpen, StreamSend, StreamUp, TcpState
from dmvpn.base.values import Mutable, Value
from dmvpn.features.system import messages
from dmvpn.features.system.clock import Timestamps, TimeZone, WallClock, stamp
from dmvpn.features.system.ping import SYSLOG_PORT, udp_datagram
from dmvpn.net.ipv4 import IpProtocol

# ------------------------------------------------------------------------------------------------ log hosts


#: Lines that wait for a connection; the oldest go first.
QUEUE_LIMIT: Final = 100
#: Seconds between two attempts to connect.
RETRY: Final = 30.0
_TTL: Final = 64


class Transport(enum.Enum):
    """How lines travel; the value is its word in a configuration."""

    UDP = "udp"
    TCP = "tcp"

    @property
    def default_port(self) -> int:
        """RFC 3164 §2; RFC 3195 §9.3, which IOS uses for lines over plain TCP, too."""
        return SYSLOG_PORT if self is Transport.UDP else 601


class LogHost(NamedTuple):
    """`logging host 10.0.0.5 vrf WAN transport tcp port 1514`. vrf: where it is, "": in the global table."""

    address: IPv4Address
    transport: Transport = Transport.UDP
    port: int = SYSLOG_PORT
    vrf: str = ""


class _Connection(Mutable):
    """A TCP connection to a host.

    stream: its number, None if there is none. call: opens it.
    up: the addresses and ports of the latest connection. in_flight: octets sent since all that was sent had left.
    """

    host: LogHost
    call: Timer
    stream: int | None = None
    is_up: bool = False
    up: StreamUp | None = None
    has_failed: bool = False
    in_flight: int = 0
    queue: deque[bytes] = field(default_factory=lambda: deque(maxlen=QUEUE_LIMIT))

    def flush(self) -> Iterator[Effect]:
        while self.queue and self.stream is not None and self.is_up:
            if self.in_flight + len(self.queue[0]) > SEND_LIMIT:
                return
            self.in_flight += len(self.queue[0])
            yield StreamSend(self.stream, self.queue.popleft())


class LogHosts:
    """The hosts of `logging host`, and the connections to the TCP hosts."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._hosts: tuple[LogHost, ...] = ()
        #: By VRF, "": for hosts in the global table.
        self._source_interfaces: dict[str, str] = {}
        self._connections: dict[LogHost, _Connection] = {}

    def configure(self, hosts: tuple[LogHost, ...], source_interfaces: tuple[tuple[str, str], ...]) -> None:
        """Take over the configuration: new connections are opened at the next tick, others closed.

        source_interfaces: VRFs, and where the addresses of lines to hosts in them come from.
        """
        self._hosts = hosts
        before, self._source_interfaces = self._source_interfaces, dict(source_interfaces)
        moved = {vrf for vrf, interface in before.items() ^ self._source_interfaces.items()}
        for host in [host for host in self._connections if moved & {"", host.vrf} or host not in hosts]:
            connection = self._connections.pop(host)
            self._context.stop(connection.call)
            if connection.stream is not None:
                self._emit(connection.host, StreamClose(connection.stream))
        for host in hosts:
            if host.transport is Transport.TCP and host not in self._connections:
                connection = self._connections[host] = self._new(host)
                self._context.start(connection.call, 0.0)

    def _new(self, host: LogHost) -> _Connection:
        return _Connection(host, Timer("open the connection to a log host", lambda: self._call(host), host.address))

    def _emit(self, host: LogHost, *effects: Effect) -> None:
        self._context.emit(*(in_table(host.vrf, effect) for effect in effects))

    def is_connected(self, host: LogHost) -> bool:
        """Return whether lines can get there, as far as is known. Datagrams are never acknowledged."""
        connection = self._connections.get(host)
        return connection is None or connection.is_up

    def connections(self) -> Iterator[StreamLine]:
        """Yield the connections, for `show tcp brief`."""
        for each in self._connections.values():
            if each.stream is None:
                continue
            if each.is_up and each.up is not None:
                local, port, state = each.up.local, each.up.local_port, TcpState.ESTABLISHED
            else:
                local, port, state = UNSPECIFIED, 0, TcpState.CALLS
            yield StreamLine(each.stream, local, port, each.host.address, each.host.port, state)

    def send(self, text: bytes) -> None:
        """Send one line to all hosts; over a connection that is not up yet, it waits."""
        for host in self._hosts:
            if host.transport is Transport.UDP:
                source = self._configured_source(host)
                datagram = udp_datagram((SYSLOG_PORT, host.port), text, source, host.address)
                self._emit(host, SendIp(None, source, host.address, IpProtocol.UDP, datagram))
            else:
                connection = self._connections[host]
                connection.queue.append(text + b"\n")
                self._emit(host, *connection.flush())

    def connected(self, up: StreamUp) -> None:
        """Send the queued lines over the new connection."""
        connection = self._of(up.stream)
        if connection is None:
            return
        connection.is_up, connection.up = True, up
        self._emit(connection.host, *connection.flush())
        if connection.has_failed:
            self._context.emit(messages.log_host_started(*_place(connection.host)))
        connection.has_failed = False

    def writable(self, stream: int) -> None:
        """Note that all that was sent has left."""
        connection = self._of(stream)
        if connection is not None:
            connection.in_flight = 0
            self._emit(connection.host, *connection.flush())

    def disconnected(self, stream: int) -> None:
        """Note that a connection has ended, or never came to be."""
        connection = self._of(stream)
        if connection is not None:
            self._failed(connection)

    def _call(self, host: LogHost) -> None:
        """Open the connection to a host, if there is a route to it."""
        connection, local = self._connections[host], self._local(host)
        if local is None:
            self._failed(connection)
            return
        connection.stream = self._context.ports.streams.next()
        self._emit(host, StreamOpen(connection.stream, local, host.address, host.port, ttl=_TTL))

    def _failed(self, connection: _Connection) -> None:
        connection.stream, connection.is_up, connection.in_flight = None, False, 0
        self._context.start(connection.call, RETRY)
        if not connection.has_failed:
            self._context.emit(messages.log_host_failed(*_place(connection.host)))
        connection.has_failed = True

    def _of(self, stream: int) -> _Connection | None:
        return next((one for one in self._connections.values() if one.stream == stream), None)

    def _local(self, host: LogHost) -> IPv4Address | None:
        """Return our address of a connection: the configured interface's, else that of the way there."""
        source = self._configured_source(host)
        if source is not None or host.vrf in self._source_interfaces:
            return source
        rib = self._context.ports.rib_of(host.vrf)
        route = rib.lookup(host.address) if rib is not None else None
        return self._address(host.vrf, route.next_hops[0].interface) if route is not None and route.next_hops else None

    def _configured_source(self, host: LogHost) -> IPv4Address | None:
        """Return the address of the interface for this VRF, or of that for all, if it is in this VRF."""
        interface = self._source_interfaces.get(host.vrf) or self._source_interfaces.get("")
        return None if interface is None else self._address(host.vrf, interface)

    def _address(self, vrf: str, interface: str) -> IPv4Address | None:
        interfaces = self._context.ports.interfaces_of(vrf)
        state = interfaces.get(interface) if interfaces is not None else None
        address = state.address if state is not None else None
        return address if isinstance(address, IPv4Address) else None


def _place(host: LogHost) -> tuple[IPv4Address, int]:
    return host.address, host.port


# ------------------------------------------------------------------------------------------------ the log


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


class LoggingConfig(Value, kw_only=True):
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


class LineCounters(Mutable):
    """Lines that each destination took since the start."""

    console: int = 0
    monitor: int = 0
    buffered: int = 0
    trap: int = 0


class LogLine(NamedTuple):
    """A line of the buffer. message: what it is, None for a debug. time: monotonic seconds."""

    text: str
    message: LogKind | None
    time: float


class _Line(NamedTuple):
    """A line on its way. text: without its stamp."""

    stamped: str
    text: str
    severity: int
    message: Log | None = None


class Syslog(Mutable):
    """The log of one router.

    started: monotonic seconds, for `service timestamps ... uptime`.
    message_counts: messages by severity and name, whether a destination took them or not.
    """

    context: Context
    clock: WallClock
    hosts: LogHosts
    config: LoggingConfig = field(default_factory=LoggingConfig)
    zone: TimeZone = field(default_factory=TimeZone)
    started: float = 0.0
    counters: LineCounters = field(default_factory=LineCounters)
    message_counts: Counter[tuple[int, str]] = field(default_factory=Counter)
    _buffer: deque[LogLine] = field(default_factory=deque)
    _octets: int = 0
    _number: int = 0

    def log(self, message: Log) -> None:
        """Log a message: every line of its text after the first is a separate line, without a stamp."""
        kind = message.kind
        self.message_counts[kind.severity, kind.name] += 1
        first, *rest = message.text.split("\n")
        head = f"%{kind.name}: {first}"
        self._write(_Line(self._stamped(head, self.config.log_stamps), first, kind.severity, message))
        for line in rest:
            self._write(_Line(line, line, kind.severity, message))

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
    def log_lines(self) -> tuple[LogLine, ...]:
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
            message = line.message.kind if line.message is not None else None
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
        kind = message.kind.name[:32] if message is not None else "-"
        name = (config.origin or config.name).replace(" ", "_") or "-"
        return f"<{config.facility * 8 + line.severity}>1 {when} {name} dmvpn - {kind} - {line.text}"

    def _trim(self) -> None:
        while self._buffer and self._octets > self.config.buffer_size:
            self._octets -= len(self._buffer.popleft().text) + 1


def _takes(level: int | None, severity: int) -> bool:
    return level is not None and severity <= level
