"""A socket that hears what changes in the kernel's tables, in its network namespace.

It never blocks: give `fileno()` to the event loop and call `read` when it is readable. Subscribe first and dump
afterwards, so that nothing falls between the two.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import TYPE_CHECKING, Self

from dmvpn.base.errors import WireError
from dmvpn.dataplane.netlink.codes import Group
from dmvpn.dataplane.netlink.events import KernelEvent, Overrun, parse_event
from dmvpn.dataplane.netlink.wire import parse_messages

if TYPE_CHECKING:
    from types import TracebackType

#: The kernel cuts a notification to what the reader offers; none is larger than this.
_DATAGRAM = 1 << 16
_SO_RCVBUFFORCE = 33


class NetlinkMonitor:
    """Hears the notifications of some groups. `undecodable` counts datagrams that our decoders refused."""

    def __init__(
        self, groups: Group = Group.EVERYTHING, *, receive_buffer: int = 4 << 20, ignored_port: int = 0
    ) -> None:
        """receive_buffer: octets. ignored_port: the `port` of a `NetlinkSocket` whose own changes are not reported."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self._ignored_port = ignored_port
        self.undecodable = 0
        try:
            _set_receive_buffer(self._socket, receive_buffer)
            self._socket.bind((0, int(groups)))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """The descriptor to watch for readability."""
        return self._socket.fileno()

    def read(self, datagrams: int = 64) -> list[KernelEvent]:
        """What has arrived, oldest first; at most this many datagrams, so that a flood cannot starve other work."""
        events: list[KernelEvent] = []
        for _ in range(datagrams):
            try:
                datagram, sender = self._socket.recvfrom(_DATAGRAM)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                events.append(Overrun())
                continue
            if sender[0] == 0:  # the kernel; other processes may send to us, too
                self._decode(datagram, events)
        return events

    def _decode(self, datagram: bytes, events: list[KernelEvent]) -> None:
        try:
            for message in parse_messages(memoryview(datagram)):
                if self._ignored_port and message.port == self._ignored_port:
                    continue
                event = parse_event(message)
                if event is not None:
                    events.append(event)
        except WireError:
            self.undecodable += 1

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _set_receive_buffer(sock: socket.socket, octets: int) -> None:
    """As large as allowed: only real root may go beyond net.core.rmem_max."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)
    with contextlib.suppress(PermissionError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, octets)
