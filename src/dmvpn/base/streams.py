"""Byte streams (TCP), as a router sees them: six orders and five facts.

    StreamListen ──> a client connects ──> StreamUp ─┐
    StreamOpen ──────────────────────────> StreamUp ─┴─> StreamSend, StreamData, StreamWritable ... ──> StreamDown

A stream has a number. The router gives even numbers to streams that it opens; the shell gives odd numbers to streams
that it accepts; neither uses a number twice. A stream that cannot be opened is reported by `StreamDown`, never by
`EffectFailed`. After `StreamClose` there are no more events of a stream, and after `StreamDown` the router need order
nothing for it.

A router that does not want further octets for now orders `StreamPause`: then the shell reads no more of a stream, and
the other end waits as TCP lets it. Some octets that had been read already may still come.

All buffers are bounded. What the other end does not accept waits in the shell, and the router may have
`SEND_LIMIT` octets there at most: it counts what it sends, begins again at each `StreamWritable`, and stops before the
limit. The shell says `StreamWritable` when all that waited has gone, once at least `SEND_NOTICE` octets were sent since
it said so last. A router that goes beyond the limit loses the stream. Where a shell finds out that the other end does
not take what waits, it says `StreamBlocked`, and `StreamWritable` as soon as nothing waits any more.

UDP ports at which a router listens, as `show udp` and `show ip sockets` have them.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import Effect
from dmvpn.base.events import Event
from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ streams


#: Octets that may have been sent since the last `StreamWritable`, and from how many on the shell says it.
SEND_LIMIT: Final = 1 << 18
SEND_NOTICE: Final = 1 << 14
#: Octets that one `StreamData` brings at most: two thousand prefixes of BGP, some milliseconds of work.
RECEIVE_LIMIT: Final = 1 << 13
#: Streams that a shell accepts at a time and port; further clients are refused.
STREAMS_TAKEN: Final = 8192


class StreamNumbers:
    """The numbers of streams that one router opens: even ones, none twice."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        """Return a number that no stream had."""
        self._last += 2
        return self._last


class TcpState(enum.Enum):
    """The TCP states that are modeled here: RFC 9293 §3.3.2, in the words of IOS."""

    LISTENS = "LISTEN"
    CALLS = "SYNSENT"
    ESTABLISHED = "ESTAB"


class StreamLine(Value):
    """A connection as `show tcp brief` has it.

    A listening port is a line, too: remote is 0.0.0.0 or ::, remote_port 0.
    """

    stream: int
    local: IPAddress
    local_port: int
    remote: IPAddress
    remote_port: int
    state: TcpState


class StreamEnd(enum.Enum):
    """Why a stream is no more."""

    CLOSED = "closed by the other end"
    RESET = "reset by the other end"
    REFUSED = "refused"
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable"
    OVERRUN = "more was sent than the other end takes"


class StreamPeer(Value):
    """The clients that streams are accepted from.

    prefix: of its addresses.
    password: of TCP MD5 signatures (RFC 2385), "": none.
    minimum_ttl: packets with a smaller one are dropped (RFC 5082), 0: none is.
    ttl: of our own packets.
    """

    prefix: Prefix
    password: str = field(default="", repr=False)
    minimum_ttl: int = 0
    ttl: int = 255


class StreamListen(Effect, Value):
    """Accept streams at this TCP port from exactly these (the whole list each time); an empty list: close the port."""

    port: int
    peers: tuple[StreamPeer, ...]


class StreamOpen(Effect, Value):
    """Connect from an address of ours. stream: an even number. The rest: as in `StreamPeer`."""

    stream: int
    local: IPAddress
    remote: IPAddress
    port: int
    password: str = field(default="", repr=False)
    minimum_ttl: int = 0
    ttl: int = 255


class StreamSend(Effect, Value):
    """Send octets after all earlier ones."""

    stream: int
    octets: bytes = field(repr=False)


class StreamSign(Effect, Value):
    """Sign a stream that is there by another password from now on, and take nothing else; "": without signatures."""

    stream: int
    password: str = field(default="", repr=False)


class StreamPause(Effect, Value):
    """Read nothing of a stream for now (paused), or go on."""

    stream: int
    paused: bool


class StreamClose(Effect, Value):
    """End a stream after all that was sent; abort: at once, and forget what waits. A stream that does not exist is
    closed.
    """

    stream: int
    abort: bool = False


class StreamUp(Event, Value):
    """A stream is there.

    taken: the other end opened it.
    vrf: where, "": in the global table.
    """

    stream: int
    local: IPAddress
    local_port: int
    remote: IPAddress
    remote_port: int
    taken: bool = False
    vrf: str = ""


class StreamData(Event, Value):
    """Further octets came, cut anywhere."""

    stream: int
    octets: bytes = field(repr=False)


class StreamWritable(Event, Value):
    """All that was sent has left the shell."""

    stream: int


class StreamBlocked(Event, Value):
    """Octets wait that the other end does not take. It is said again when some of them have gone and others wait."""

    stream: int


class StreamDown(Event, Value):
    """The stream is no more, or never came to be. text: what the host says of it."""

    stream: int
    end: StreamEnd
    text: str = ""


# ------------------------------------------------------------------------------------------------ UDP ports


class UdpPort(Value):
    """A port. local: None: at all addresses. interface: the only one on which it receives, "" for all.

    multicast: it receives from a group.
    """

    port: int
    local: IPAddress | None = None
    interface: str = ""
    multicast: bool = False
