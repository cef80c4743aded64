"""Log hosts: lines that leave the router by UDP (RFC 3164) or over a TCP connection (RFC 6587 §3.4.2).

    line -> framed for the host -> UDP: SendIp
                                -> TCP: queue -> StreamSend, once the connection is up

A datagram is lost if the host does not listen. Behind TCP the last `QUEUE_LIMIT` lines wait for the connection, which
is tried again every `RETRY` seconds: `logging queue-limit trap` of IOS has the same bound by default.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.context import Timer
from dmvpn.base.effects import SendIp
from dmvpn.base.streams import SEND_LIMIT, StreamClose, StreamLine, StreamOpen, StreamSend, TcpState
from dmvpn.base.values import dataclass
from dmvpn.features.system import messages
from dmvpn.features.system.packet import SYSLOG_PORT, udp_datagram
from dmvpn.features.system.timers import TimerKind
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.context import Context
    from dmvpn.base.effects import Effect
    from dmvpn.base.streams import StreamUp

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
    """`logging host 10.0.0.5 transport tcp port 1514`."""

    address: IPv4Address
    transport: Transport = Transport.UDP
    port: int = SYSLOG_PORT


@dataclass(slots=True)
class _Connection:
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
        self._source_interface: str | None = None
        self._connections: dict[LogHost, _Connection] = {}

    def configure(self, hosts: tuple[LogHost, ...], source_interface: str | None) -> None:
        """Take over the configuration: new connections are opened at the next tick, others closed."""
        self._hosts = hosts
        is_moved = source_interface != self._source_interface
        self._source_interface = source_interface
        for host in [host for host in self._connections if is_moved or host not in hosts]:
            self._close(self._connections.pop(host))
        for host in hosts:
            if host.transport is Transport.TCP and host not in self._connections:
                connection = self._connections[host] = self._new(host)
                self._context.start(connection.call, 0.0)

    def _new(self, host: LogHost) -> _Connection:
        return _Connection(host, Timer(TimerKind.CALL, lambda: self._call(host), host.address))

    def _close(self, connection: _Connection) -> None:
        self._context.stop(connection.call)
        if connection.stream is not None:
            self._context.emit(StreamClose(connection.stream))

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
        source = self._address(self._source_interface)
        for host in self._hosts:
            if host.transport is Transport.UDP:
                datagram = udp_datagram((SYSLOG_PORT, host.port), text, source, host.address)
                self._context.emit(SendIp(None, source, host.address, IpProtocol.UDP, datagram))
            else:
                connection = self._connections[host]
                connection.queue.append(text + b"\n")
                self._context.emit(*connection.flush())

    def connected(self, up: StreamUp) -> None:
        """Send the queued lines over the new connection."""
        connection = self._of(up.stream)
        if connection is None:
            return
        connection.is_up, connection.up = True, up
        self._context.emit(*connection.flush())
        if connection.has_failed:
            self._context.emit(messages.LogHostStarted.again(*_place(connection.host)))
        connection.has_failed = False

    def writable(self, stream: int) -> None:
        """Note that all that was sent has left."""
        connection = self._of(stream)
        if connection is not None:
            connection.in_flight = 0
            self._context.emit(*connection.flush())

    def disconnected(self, stream: int) -> None:
        """Note that a connection has ended, or never came to be."""
        connection = self._of(stream)
        if connection is not None:
            self._failed(connection)

    def _call(self, host: LogHost) -> None:
        """Open the connection to a host, if there is a route to it."""
        connection, local = self._connections[host], self._local(host.address)
        if local is None:
            self._failed(connection)
            return
        connection.stream = self._context.ports.streams.next()
        self._context.emit(StreamOpen(connection.stream, local, host.address, host.port, ttl=_TTL))

    def _failed(self, connection: _Connection) -> None:
        connection.stream, connection.is_up, connection.in_flight = None, False, 0
        self._context.start(connection.call, RETRY)
        if not connection.has_failed:
            self._context.emit(messages.LogHostFailed.at(*_place(connection.host)))
        connection.has_failed = True

    def _of(self, stream: int) -> _Connection | None:
        return next((one for one in self._connections.values() if one.stream == stream), None)

    def _local(self, host: IPv4Address) -> IPv4Address | None:
        """Return our address of a connection: the configured interface's, else that of the way there."""
        if self._source_interface is not None:
            return self._address(self._source_interface)
        route = self._context.ports.rib.lookup(host)
        return self._address(route.next_hops[0].interface) if route is not None and route.next_hops else None

    def _address(self, interface: str | None) -> IPv4Address | None:
        state = self._context.ports.interfaces.get(interface) if interface is not None else None
        address = state.address if state is not None else None
        return address if isinstance(address, IPv4Address) else None


def _place(host: LogHost) -> tuple[IPv4Address, int]:
    return host.address, host.port
