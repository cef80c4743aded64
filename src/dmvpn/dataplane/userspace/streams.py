"""Byte streams on the kernel's TCP, in the network namespace in which the plane was made.

    StreamListen -> one listening socket for each port and version of IP; a connection from an unlisted address is
                    closed at once
    StreamOpen   -> a socket that connects without blocking
    an epoll of its own watches them all, and the plane's loop watches that: it is readable when one of them is ready

TCP MD5 signatures (RFC 2385) are the kernel's: the listening socket has keys by prefix, and each socket that connects
has one. So is TTL security (RFC 5082, IP_MINTTL, IPV6_MINHOPCOUNT).
"""

from __future__ import annotations

import errno
import itertools
import select
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import field
from ipaddress import ip_address
from typing import Final, NamedTuple, TypeAlias

from dmvpn.base import streams
from dmvpn.base.addresses import Prefix
from dmvpn.base.events import Event
from dmvpn.base.values import Mutable
from dmvpn.dataplane.contract import Callers
from dmvpn.dataplane.sockets import opened
from dmvpn.dataplane.userspace.engine import Watch
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL

#: Gives the next number of a stream.
StreamNumber: TypeAlias = "Iterator[int]"


class _Family(NamedTuple):
    """The options of sockets of one IP version: of ip(7) and ipv6(7). signed: an address in struct tcp_md5sig."""

    level: int
    ttl: int
    tos: int
    minimum_ttl: int
    signed: struct.Struct


#: By the address family of a socket.
_FAMILIES: Final[dict[int, _Family]] = {
    socket.AF_INET: _Family(socket.IPPROTO_IP, socket.IP_TTL, socket.IP_TOS, 21, struct.Struct("=H2x4s120x")),
    socket.AF_INET6: _Family(
        socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, socket.IPV6_TCLASS, 73, struct.Struct("=H6x16s104x")
    ),
}
_FAMILY_OF: Final[dict[int, int]] = {4: socket.AF_INET, 6: socket.AF_INET6}
_TCP_MD5SIG_EXT: Final = 32
_MD5_PREFIX: Final = 1
#: struct tcp_md5sig of linux/tcp.h, behind an address: flags, prefix length, key length, interface, key.
_MD5SIG: Final = struct.Struct("=BBHi80s")
#: Connections that wait to be accepted, and operations before other sockets get their turn.
_BACKLOG: Final = 1024
_TURN: Final = 64
#: Milliseconds that a stream may take to end: its peer may never read, and descriptors are few.
LINGERING: Final = 30_000
_ENDS: Final = {
    errno.ECONNREFUSED: streams.StreamEnd.REFUSED,
    errno.ECONNRESET: streams.StreamEnd.RESET,
    errno.EPIPE: streams.StreamEnd.RESET,
    errno.ETIMEDOUT: streams.StreamEnd.TIMED_OUT,
    errno.EHOSTUNREACH: streams.StreamEnd.UNREACHABLE,
    errno.ENETUNREACH: streams.StreamEnd.UNREACHABLE,
    errno.EADDRNOTAVAIL: streams.StreamEnd.UNREACHABLE,
}


class _Stream(Mutable):
    """A socket that is connecting or connected. waiting: octets that the kernel did not take yet; is_blocked:
    reported. is_paused: its octets stay in the kernel. awaited: the events that epoll waits for; -1: those from its
    beginning.
    """

    number: int
    sock: socket.socket
    is_up: bool = False
    taken: bool = False
    is_ending: bool = False
    waiting: bytearray = field(default_factory=bytearray)
    sent_since_notice: int = 0
    is_blocked: bool = False
    is_paused: bool = False
    awaited: int = -1


class _Listener(Mutable):
    sock: socket.socket
    callers: Callers = field(default_factory=Callers)


class KernelStreams:
    """The streams of one router."""

    def __init__(self, report: Callable[[Event], None], watch: Watch, taken: StreamNumber | None = None) -> None:
        """taken: numbers of the streams that peers open, shared with the other VRFs of the router."""
        self._report = report
        self._watch = watch
        self._epoll: select.epoll | None = None
        self._listeners: dict[tuple[int, int], _Listener] = {}
        self._streams: dict[int, _Stream] = {}
        self._by_descriptor: dict[int, _Stream | _Listener] = {}
        self._taken = taken if taken is not None else itertools.count(1, 2)

    def listen(self, order: streams.StreamListen) -> None:
        """Accept streams from these peers, or close the port. Raises OSError."""
        for version, family in _FAMILY_OF.items():
            self._listen(order.port, family, tuple([peer for peer in order.peers if peer.prefix.version == version]))

    def _listen(self, port: int, family: int, peers: tuple[streams.StreamPeer, ...]) -> None:
        place = port, family
        listener = self._listeners.get(place)
        if not peers:
            if listener is not None:
                del self._listeners[place]
                self._forget(listener.sock)
            return
        if listener is None:
            sock = _fresh(family)
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                _prepare(sock, 255, 0)
                sock.bind(("", port))
                sock.listen(_BACKLOG)
            except OSError:
                sock.close()
                raise
            listener = self._listeners[place] = _Listener(sock)
            self._enroll(listener.sock, listener, select.EPOLLIN)
        for peer, came in listener.callers.set(peers):
            _sign(listener.sock, peer.prefix, peer.password if came else "")

    def open(self, order: streams.StreamOpen) -> None:
        """Connect. Failures are reported as `StreamDown`."""
        sock = _fresh(_FAMILY_OF[order.local.version])
        stream = _Stream(order.stream, sock)
        try:
            _prepare(sock, order.ttl, order.minimum_ttl)
            if order.password:
                _sign(sock, Prefix.host(order.remote), order.password)
            sock.bind((str(order.local), 0))
            with suppress(BlockingIOError):
                sock.connect((str(order.remote), order.port))
        except OSError as error:
            sock.close()
            self._report(streams.StreamDown(order.stream, _end_of(error), error.strerror or str(error)))
            return
        self._streams[order.stream] = stream
        self._enroll(sock, stream, select.EPOLLIN | select.EPOLLOUT)

    def send(self, order: streams.StreamSend) -> None:
        """Send octets, or store them until the kernel takes them."""
        stream = self._streams.get(order.stream)
        if stream is None or not stream.is_up or stream.is_ending:
            return
        stream.waiting += order.octets
        stream.sent_since_notice += len(order.octets)
        if stream.sent_since_notice > streams.SEND_LIMIT:
            self._end(stream, streams.StreamEnd.OVERRUN)
        elif len(stream.waiting) == len(order.octets):  # otherwise the kernel is known to be full
            self._flush(stream)

    def sign(self, order: streams.StreamSign) -> None:
        """Use another password for signatures from now on. If the kernel cannot change it, the stream ends."""
        stream = self._streams.get(order.stream)
        if stream is None:
            return
        try:
            _sign(stream.sock, Prefix.parse(stream.sock.getpeername()[0]), order.password)
        except OSError:
            self._end(stream, streams.StreamEnd.RESET)

    def pause(self, order: streams.StreamPause) -> None:
        """Leave what comes in the kernel's buffer, or read on."""
        stream = self._streams.get(order.stream)
        if stream is not None:
            stream.is_paused = order.paused
            self._await(stream)

    def close_stream(self, order: streams.StreamClose) -> None:
        """End a stream after all data is sent, or at once."""
        stream = self._streams.get(order.stream)
        if stream is None:
            return
        if order.abort or not stream.is_up:
            with suppress(OSError):  # an RST instead of a FIN
                stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._drop(stream)
        elif stream.waiting:
            stream.is_ending = True
            with suppress(OSError):
                stream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LINGERING)
        else:
            self._drop(stream)

    def reset(self) -> None:
        """End all streams, because their packets find no way any more."""
        for stream in list(self._streams.values()):
            self._end(stream, streams.StreamEnd.RESET)

    def close(self) -> None:
        """Release all resources."""
        for stream in list(self._streams.values()):
            self._drop(stream)
        for listener in self._listeners.values():
            self._forget(listener.sock)
        self._listeners.clear()
        if self._epoll is not None:
            self._watch.remove(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    # --------------------------------------------------------------------------------------------------- private

    def _enroll(self, sock: socket.socket, owner: _Stream | _Listener, events: int) -> None:
        if self._epoll is None:
            self._epoll = select.epoll()
            self._watch.add(self._epoll.fileno(), self._ready)
        self._by_descriptor[sock.fileno()] = owner
        self._epoll.register(sock.fileno(), events)

    def _forget(self, sock: socket.socket) -> None:
        del self._by_descriptor[sock.fileno()]
        if self._epoll is not None:
            self._epoll.unregister(sock.fileno())
        sock.close()

    def _drop(self, stream: _Stream) -> None:
        del self._streams[stream.number]
        self._forget(stream.sock)

    def _end(self, stream: _Stream, end: streams.StreamEnd, text: str = "") -> None:
        self._drop(stream)
        if not stream.is_ending:
            self._report(streams.StreamDown(stream.number, end, text))

    def _ready(self) -> None:
        if self._epoll is None:
            return
        for descriptor, events in self._epoll.poll(0, _TURN):
            owner = self._by_descriptor.get(descriptor)
            if isinstance(owner, _Listener):
                self._accept(owner)
            elif owner is not None:
                self._move(owner, events)

    def _accept(self, listener: _Listener) -> None:
        for _ in range(_TURN):
            try:
                sock, (remote, port, *_) = listener.sock.accept()
            except OSError:  # there is none, or it has gone again
                return
            peer = listener.callers.closest(ip_address(remote))
            if peer is None or len(self._streams) >= streams.STREAMS_TAKEN:
                sock.close()
                continue
            sock.setblocking(False)
            with suppress(OSError):
                _prepare(sock, peer.ttl, peer.minimum_ttl)
            number = next(self._taken)
            stream = self._streams[number] = _Stream(number, sock, is_up=True, taken=True)
            self._enroll(sock, stream, select.EPOLLIN)
            self._report_up(stream, remote, port)

    def _move(self, stream: _Stream, events: int) -> None:
        if not stream.is_up:
            self._connected(stream)
            return
        if events & select.EPOLLOUT:
            self._flush(stream)
        if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and stream.number in self._streams:
            self._read(stream)

    def _connected(self, stream: _Stream) -> None:
        failure = stream.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            error = OSError(failure, errno.errorcode.get(failure, str(failure)))
            self._end(stream, _end_of(error), str(error.strerror))
            return
        try:
            remote, port, *_ = stream.sock.getpeername()
        except OSError:
            return  # not connected yet
        stream.is_up = True
        self._await(stream)
        self._report_up(stream, remote, port)

    def _report_up(self, stream: _Stream, remote: str, port: int) -> None:
        local, local_port, *_ = stream.sock.getsockname()
        ends = ip_address(local), local_port, ip_address(remote), port
        self._report(streams.StreamUp(stream.number, *ends, taken=stream.taken))

    def _read(self, stream: _Stream) -> None:
        try:
            octets = stream.sock.recv(streams.RECEIVE_LIMIT)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(stream, _end_of(error), error.strerror or "")
            return
        if not octets:
            self._end(stream, streams.StreamEnd.CLOSED)
        elif not stream.is_ending:
            self._report(streams.StreamData(stream.number, octets))

    def _flush(self, stream: _Stream) -> None:
        before = len(stream.waiting)
        try:
            while stream.waiting:
                del stream.waiting[: stream.sock.send(stream.waiting)]
        except BlockingIOError:
            pass
        except OSError as error:
            self._end(stream, _end_of(error), error.strerror or "")
            return
        self._await(stream)
        if stream.is_ending and not stream.waiting:
            self._drop(stream)
        elif stream.is_ending:
            return
        elif stream.waiting and (len(stream.waiting) < before or not stream.is_blocked):
            stream.is_blocked = True
            self._report(streams.StreamBlocked(stream.number))
        elif not stream.waiting and (stream.is_blocked or stream.sent_since_notice >= streams.SEND_NOTICE):
            stream.is_blocked, stream.sent_since_notice = False, 0
            self._report(streams.StreamWritable(stream.number))

    def _await(self, stream: _Stream) -> None:
        """Wait for data unless the stream is paused, and for room in the kernel's buffer while data is waiting."""
        if self._epoll is not None:
            events = (0 if stream.is_paused else select.EPOLLIN) | (select.EPOLLOUT if stream.waiting else 0)
            if events != stream.awaited:
                stream.awaited = events
                self._epoll.modify(stream.sock.fileno(), events)


def _fresh(family: int) -> socket.socket:
    return opened(socket.SOCK_STREAM, 0, family)


def _prepare(sock: socket.socket, ttl: int, minimum_ttl: int) -> None:
    """Set TTL, TOS and the smallest accepted TTL. Raises OSError."""
    family = _FAMILIES[sock.family]
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(family.level, family.ttl, ttl)
    sock.setsockopt(family.level, family.tos, TOS_INTERNETWORK_CONTROL)
    if minimum_ttl:
        sock.setsockopt(family.level, family.minimum_ttl, minimum_ttl)


def _sign(sock: socket.socket, prefix: Prefix, password: str) -> None:
    """Sign segments to and from this prefix; without password: stop signing. Raises OSError."""
    key = password.encode()[:80]
    signed = _FAMILIES[sock.family].signed.pack(sock.family, prefix.address.packed)
    option = signed + _MD5SIG.pack(_MD5_PREFIX, prefix.length, len(key), 0, key)
    with suppress(FileNotFoundError):  # the key to remove is gone already
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_MD5SIG_EXT, option)


def _end_of(error: OSError) -> streams.StreamEnd:
    return _ENDS.get(error.errno or 0, streams.StreamEnd.RESET)
