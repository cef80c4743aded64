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
from dmvpn.base.effects import SendIp, in_table
from dmvpn.base.streams import SEND_LIMIT, StreamClose, StreamLine, StreamOpen, StreamSend, TcpState
from dmvpn.base.values import dataclass
from dmvpn.features.system import messages
from dmvpn.features.system.packet import SYSLOG_PORT, udp_datagram
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
    """`logging host 10.0.0.5 vrf WAN transport tcp port 1514`. vrf: where it is, "": in the global table."""

    address: IPv4Address
    transport: Transport = Transport.UDP
    port: int = SYSLOG_PORT
    vrf: str = ""


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
            self._close(self._connections.pop(host))
        for host in hosts:
            if host.transport is Transport.TCP and host not in self._connections:
                connection = self._connections[host] = self._new(host)
                self._context.start(connection.call, 0.0)

    def _new(self, host: LogHost) -> _Connection:
        return _Connection(host, Timer("open the connection to a log host", lambda: self._call(host), host.address))

    def _close(self, connection: _Connection) -> None:
        self._context.stop(connection.call)
        if connection.stream is not None:
            self._emit(connection.host, StreamClose(connection.stream))

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
            self._context.emit(messages.LogHostStarted.again(*_place(connection.host)))
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
            self._context.emit(messages.LogHostFailed.at(*_place(connection.host)))
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
