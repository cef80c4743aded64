"""Notifications of changes in the kernel's tables as typed events, and the socket that receives them in its namespace.

The socket never blocks: give `fileno()` to the event loop and call `read_events` when it is readable. Subscribe first
and dump afterwards, so that no change is missed.

When its buffer is full the kernel reports that once (ENOBUFS), and then drops messages until all waiting ones are read.
Only then is the loss complete, and notifications from then on are: `Overrun`.

`Overrun` replaces messages that were lost because the socket was full: a caller that keeps a copy of the kernel's state
dumps it again. A `NeighborEvent` with `ObjectChange.ASKED` is a request of the kernel (see `route`), whose kind is its
state.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import socket
from collections.abc import Hashable
from typing import Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.dataplane.netlink.link import InterfaceAddress, KernelLink, parse_address, parse_link
from dmvpn.dataplane.netlink.route import (
    KERNEL_PROTOCOL,
    KernelNeighbor,
    KernelRoute,
    Rule,
    parse_neighbor,
    parse_route,
    parse_rule,
)
from dmvpn.dataplane.netlink.wire import KernelMessage, KernelMessageType, NotificationGroup, parse_messages
from dmvpn.dataplane.sockets import Program, attach

# ------------------------------------------------------------------------------------------------ events


class ObjectChange(enum.Enum):
    """The change of an event's object."""

    SET = "set"  # it is new, or has changed
    GONE = "gone"
    ASKED = "asked"  # neighbors only: the kernel requests a resolution


class LinkEvent(Value):
    """An interface appeared, changed or went away."""

    change: ObjectChange
    link: KernelLink


class AddressEvent(Value):
    """An address was added, changed or deleted."""

    change: ObjectChange
    address: InterfaceAddress


class RouteEvent(Value):
    """A route was added, replaced or deleted. Routes lost with an interface set down are *not* reported for IPv4."""

    change: ObjectChange
    route: KernelRoute


class RuleEvent(Value):
    """A policy rule was added or deleted."""

    change: ObjectChange
    rule: Rule


class NeighborEvent(Value):
    """A neighbor entry changed or went away, or the kernel requests one."""

    change: ObjectChange
    neighbor: KernelNeighbor


class Overrun(Value):
    """Messages were lost (ENOBUFS): dump and compare."""


KernelEvent = LinkEvent | AddressEvent | RouteEvent | RuleEvent | NeighborEvent | Overrun

_CHANGES = {
    KernelMessageType.NEWLINK: ObjectChange.SET,
    KernelMessageType.DELLINK: ObjectChange.GONE,
    KernelMessageType.NEWADDR: ObjectChange.SET,
    KernelMessageType.DELADDR: ObjectChange.GONE,
    KernelMessageType.NEWROUTE: ObjectChange.SET,
    KernelMessageType.DELROUTE: ObjectChange.GONE,
    KernelMessageType.NEWRULE: ObjectChange.SET,
    KernelMessageType.DELRULE: ObjectChange.GONE,
    KernelMessageType.NEWNEIGH: ObjectChange.SET,
    KernelMessageType.DELNEIGH: ObjectChange.GONE,
    KernelMessageType.GETNEIGH: ObjectChange.ASKED,
}


def parse_event(message: KernelMessage) -> KernelEvent | None:
    """Return the event of a notification; None: of a type or family that we do not follow.

    Raises WireError.
    """
    match message.kind:
        case KernelMessageType.NEWNEIGH | KernelMessageType.DELNEIGH | KernelMessageType.GETNEIGH:
            neighbor = parse_neighbor(message.body)
            return None if neighbor is None else NeighborEvent(_CHANGES[KernelMessageType(message.kind)], neighbor)
        case KernelMessageType.NEWROUTE | KernelMessageType.DELROUTE:
            route = parse_route(message.body)
            return None if route is None else RouteEvent(_CHANGES[KernelMessageType(message.kind)], route)
        case KernelMessageType.NEWRULE | KernelMessageType.DELRULE:
            rule = parse_rule(message.body)
            return None if rule is None else RuleEvent(_CHANGES[KernelMessageType(message.kind)], rule)
        case KernelMessageType.NEWLINK | KernelMessageType.DELLINK:
            link = parse_link(message.body)
            return None if link is None else LinkEvent(_CHANGES[KernelMessageType(message.kind)], link)
        case KernelMessageType.NEWADDR | KernelMessageType.DELADDR:
            address = parse_address(message.body)
            return None if address is None else AddressEvent(_CHANGES[KernelMessageType(message.kind)], address)
        case _:
            return None


def link_of(event: KernelEvent) -> int | None:
    """Return the interface that an event concerns directly, by its address, or by a connected network; else None."""
    match event:
        case LinkEvent(_, link):
            return link.index
        case AddressEvent(_, address):
            return address.link
        case RouteEvent(_, KernelRoute(next_hops=(hop,)) as route) if route.protocol == KERNEL_PROTOCOL:
            return hop.link
        case _:
            return None


def subject_of(event: KernelEvent) -> Hashable:
    """Return the subject of an event: a later event with the same subject replaces it."""
    match event:
        case LinkEvent(_, link):
            return link.index
        case AddressEvent(_, address):
            return (address.link, address.address, address.prefix_length)
        case RouteEvent(_, KernelRoute(next_hops=(hop,)) as route) if route.protocol == KERNEL_PROTOCOL:
            return (hop.link, route.prefix, route.table, route.metric)
        case _:
            return id(event)


# ------------------------------------------------------------------------------------------------ the socket


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
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            with contextlib.suppress(PermissionError):  # only real root may go beyond net.core.rmem_max
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer)
            if ignored_port:
                attach(self._socket, _all_but(ignored_port, ignored))
            self._socket.bind((0, int(groups)))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor to watch for readability."""
        return self._socket.fileno()

    def read_events(self, datagrams: int = 64) -> list[KernelEvent]:
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

    def __exit__(self, *_: object) -> None:
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
