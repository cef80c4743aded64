"""A socket that receives notifications of changes in the kernel's tables, in its network namespace.

It never blocks: give `fileno()` to the event loop and call `read` when it is readable. Subscribe first and dump
afterwards, so that no change is missed.

When its buffer is full the kernel reports that once (ENOBUFS), and then drops messages until all waiting ones are read.
Only then is the loss complete, and notifications from then on are: `Overrun`.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import TYPE_CHECKING, Self

from dmvpn.base.errors import WireError
from dmvpn.dataplane.netlink.events import KernelEvent, Overrun, parse_event
from dmvpn.dataplane.netlink.wire import KernelMessageType, NotificationGroup, parse_messages
from dmvpn.dataplane.socket_calls import attach

if TYPE_CHECKING:
    from types import TracebackType

    from dmvpn.dataplane.socket_calls import Program

#: The kernel cuts a notification to what the reader offers; none is larger than this.
_DATAGRAM = 1 << 16
_SO_RCVBUFFORCE = 33
#: Instructions of a packet filter, which reads numbers in network byte order.
_LOAD_WORD, _LOAD_HALF, _IF_EQUAL, _RETURN = 0x20, 0x28, 0x15, 0x06


class NetlinkMonitor:
    """Receives the notifications of some groups. `undecodable` counts datagrams that our decoders refused."""

    def __init__(
        self,
        groups: NotificationGroup = NotificationGroup.EVERYTHING,
        *,
        receive_buffer: int = 4 << 20,
        ignored_port: int = 0,
        ignored: frozenset[KernelMessageType] = frozenset(KernelMessageType),
    ) -> None:
        """receive_buffer: octets. ignored_port: the `port` of a `NetlinkSocket` whose own changes are not reported.

        ignored: the kinds of messages that this is about.
        """
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self._ignored_port = ignored_port
        self._ignored: frozenset[int] = ignored
        self._overrun = False
        self.undecodable = 0
        try:
            _set_receive_buffer(self._socket, receive_buffer)
            if ignored_port:
                attach(self._socket, _all_but(ignored_port, ignored))
            self._socket.bind((0, int(groups)))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor to watch for readability."""
        return self._socket.fileno()

    def read(self, datagrams: int = 64) -> list[KernelEvent]:
        """Return the events that have arrived, oldest first; at most this many datagrams, so that a flood cannot starve
        other work.

        After an overrun all waiting datagrams are read: as long as any waits, the kernel goes on dropping.
        """
        events: list[KernelEvent] = []
        read = 0
        while read < datagrams or self._overrun:
            read += 1
            try:
                datagram, sender = self._socket.recvfrom(_DATAGRAM)
            except BlockingIOError:
                if self._overrun:
                    self._overrun = False
                    events.append(Overrun())
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._overrun = True
                continue
            if sender[0] == 0:  # the kernel; other processes may send here, too
                self._decode(datagram, events)
        return events

    def _decode(self, datagram: bytes, events: list[KernelEvent]) -> None:
        try:
            for message in parse_messages(memoryview(datagram)):
                if self._ignored_port and message.port == self._ignored_port and message.kind in self._ignored:
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


def _all_but(port: int, kinds: frozenset[KernelMessageType]) -> Program:
    """Return a filter that drops messages of these kinds that the sender with this number caused.

    They must not fill the buffer.
    """
    ours = sorted(kinds)
    return (
        (_LOAD_WORD, 0, 0, 12),  # the sender
        (_IF_EQUAL, 0, len(ours) + 1, socket.htonl(port)),
        (_LOAD_HALF, 0, 0, 4),  # the kind of message
        *((_IF_EQUAL, len(ours) - place, 0, socket.htons(kind)) for place, kind in enumerate(ours)),
        (_RETURN, 0, 0, 0xFFFFFFFF),
        (_RETURN, 0, 0, 0),
    )


def _set_receive_buffer(sock: socket.socket, octets: int) -> None:
    """Set the buffer as large as allowed: only real root may go beyond net.core.rmem_max."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)
    with contextlib.suppress(PermissionError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, octets)
