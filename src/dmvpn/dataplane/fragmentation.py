"""Packets that are too big for a path: path MTUs, and reassembly of fragments.

A path MTU is the size of the largest packet with DF set that reaches an NBMA address (RFC 1191, RFC 4301 §8.2). Routers
on the way report it in ICMP messages without authentication. So a report holds for some minutes only, and there
is a minimum: a forger can make us fragment packets, and no more.

Reassembly, RFC 791 §3.2 and RFC 8200 §4.5, is bounded in datagrams, fragments, octets and time. A datagram with
overlapping fragments is dropped (RFC 5722 requires it for IPv6). An ECN mark of a router on the way in one fragment
applies to the whole (RFC 3168 §5.3). `engine/src/reassembly.rs` does the same over IPv4.
"""

from __future__ import annotations

import math
from bisect import bisect, insort
from collections import OrderedDict
from dataclasses import field, replace
from typing import Final, Generic, NamedTuple, TypeVar, cast

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.values import Mutable
from dmvpn.net import gre
from dmvpn.net.ip import IpPacket
from dmvpn.net.ipv4 import HEADER_LENGTH, Ipv4Flag, Ipv4Packet
from dmvpn.net.ipv6 import FRAGMENT

# ------------------------------------------------------------------------------------------------ path MTUs


#: Seconds for which a message counts (RFC 1191 §6.3; `age-timer` of IOS's tunnels).
AGE: Final = 600.0
#: The smallest path MTU in octets that is accepted, as in Linux (`net.ipv4.route.min_pmtu`). A path with a smaller
#: reported MTU may really be narrower: packets to there have no DF, so that routers can fragment them further.
LEAST: Final = 552
#: Addresses that are stored; the one with the oldest report goes first.
LARGEST: Final = 4096


#: What is on the way: a packed address, in an engine with the number of the front door whose table leads there.
Path = TypeVar("Path", bytes, tuple[int, bytes])


class Room(NamedTuple):
    """The room on a path.

    largest: octets of a packet that is not fragmented.
    df: it may have DF.
    """

    largest: int
    df: bool


class PathMtus(Generic[Path]):
    """Path MTUs, the oldest report first. Mostly empty, which makes a look-up cheap."""

    __slots__ = ("_earliest", "_learned")

    def __init__(self) -> None:
        self._learned: OrderedDict[Path, tuple[int, float]] = OrderedDict()
        self._earliest = math.inf  # when the first of them expires

    def __len__(self) -> int:
        return len(self._learned)

    def knows(self, now: float) -> bool:
        """Return whether any path MTU is known."""
        if not self._learned:
            return False
        self._forget_old(now)
        return bool(self._learned)

    def learn(self, path: Path, mtu: int, now: float) -> None:
        """Learn that a packet on this way was too big; mtu: octets of a packet that fits."""
        self._forget_old(now)
        self._learned[path] = max(mtu, LEAST), now + AGE
        self._earliest = min(self._earliest, now + AGE)
        self._learned.move_to_end(path)
        if len(self._learned) > LARGEST:
            self._learned.popitem(last=False)

    def to(self, path: Path, now: float) -> int | None:
        """Return octets of the largest packet on this way, None: unknown."""
        self._forget_old(now)
        learned = self._learned.get(path)
        return None if learned is None else learned[0]

    def _forget_old(self, now: float) -> None:
        """Remove expired entries of unused addresses, too: one such entry would keep the check on for all packets."""
        if now < self._earliest:
            return
        self._earliest = math.inf
        for path, (_, until) in list(self._learned.items()):
            if now < until:
                self._earliest = until
                return
            del self._learned[path]


# ------------------------------------------------------------------------------------------------ reassembly


#: Seconds that a datagram may stay incomplete (RFC 791 suggests 15), and how many may be incomplete at a time.
TIMEOUT: Final = 15.0
DATAGRAMS: Final = 64
#: Fragments of one datagram: one of 64 KiB has 125 of them in packets of 552 octets.
PIECES: Final = 128
#: Octets of all incomplete datagrams.
OCTETS: Final = 1 << 18

_MAX_PACKET = 0xFFFF
_Key = tuple[IPAddress, IPAddress, int, int]
_Packet = TypeVar("_Packet", bound=IpPacket)


class _Piece(NamedTuple):
    """What a fragment adds to its datagram."""

    flags: Ipv4Flag
    octets: bytes


def _read(fragment: IpPacket) -> tuple[_Key, int, _Piece]:
    """Return what all fragments of a datagram share, the place of this one in octets, and what it adds.

    Raises WireError.
    """
    if isinstance(fragment, Ipv4Packet):
        start = fragment.fragment_offset << 3
        key = (fragment.source, fragment.destination, fragment.protocol, fragment.identification)
        return key, start, _Piece(fragment.flags, fragment.payload)
    _, start, more, identification = fragment.fragment_header()
    flags = Ipv4Flag.MORE_FRAGMENTS if more else Ipv4Flag(0)
    return (fragment.source, fragment.destination, FRAGMENT, identification), start, _Piece(flags, fragment.payload[8:])


class _Datagram(Mutable):
    """The fragments of one datagram.

    first: its first fragment; until that comes, any other one.
    pieces: by their offset, in octets.
    starts: these offsets in order.
    end: of the last one.
    marks: of all fragments, a bit for each value of ECN.
    """

    since: float
    first: IpPacket
    pieces: dict[int, _Piece] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    octets: int = 0
    end: int | None = None
    marks: int = 0

    def fits(self, start: int, end: int, *, more: bool) -> bool:
        """Return whether a fragment overlaps no other fragment."""
        at = bisect(self.starts, start)
        if len(self.starts) == PIECES or (at and self._end_of(self.starts[at - 1]) > start):
            return False
        if at < len(self.starts):
            return more and end <= self.starts[at]
        return self.end is None

    def take(self, fragment: IpPacket, piece: _Piece, start: int) -> None:
        """Store a fragment that fits."""
        if not start:
            self.first = fragment
        self.pieces[start] = piece
        insort(self.starts, start)
        self.octets += len(piece.octets)
        self.marks |= 1 << gre.mark(fragment.tos)
        if Ipv4Flag.MORE_FRAGMENTS not in piece.flags:
            self.end = start + len(piece.octets)

    def whole(self) -> IpPacket:
        """Return the datagram, once complete.

        Raises WireError where it should have been dropped on the way.
        """
        first = self.first
        payload = b"".join(self.pieces[start].octets for start in self.starts)
        if isinstance(first, Ipv4Packet) and HEADER_LENGTH + len(first.options) + len(payload) > _MAX_PACKET:
            raise WireError("fragments of a packet that is too long", offset=2, clause="RFC 791 §3.1")
        tos = gre.reassembled(first.tos, self.marks)
        if tos is None:
            raise WireError("a fragment was marked, and another one forbids that", offset=1, clause="RFC 3168 §5.3")
        if isinstance(first, Ipv4Packet):
            return replace(first, tos=tos, flags=Ipv4Flag(0), fragment_offset=0, payload=payload)
        return replace(first, traffic_class=tos, next_header=first.fragment_header()[0], payload=payload)

    def _end_of(self, start: int) -> int:
        return start + len(self.pieces[start].octets)


class Reassembler:
    """Collects fragments until a datagram is whole."""

    def __init__(self) -> None:
        self._incomplete: OrderedDict[_Key, _Datagram] = OrderedDict()
        self._octets = 0

    def add(self, fragment: _Packet, now: float) -> _Packet | None:
        """Add one fragment; return the datagram if that was its last missing one. Raises WireError.

        A fragment that is all of its datagram has nothing to do with other ones (RFC 6946).
        """
        key, start, piece = _read(fragment)
        more, end = Ipv4Flag.MORE_FRAGMENTS in piece.flags, start + len(piece.octets)
        if not start < end <= _MAX_PACKET or (more and end & 7):
            raise WireError("a fragment that is part of no packet", offset=6, clause="RFC 791 §3.2")
        self.forget_old(now)
        datagram = self._incomplete.get(key)
        if (start, more, fragment.source.version) == (0, False, 6):
            datagram = _Datagram(now, fragment)
            datagram.take(fragment, piece, start)
            return cast("_Packet", datagram.whole())
        if datagram is None:
            datagram = self._incomplete[key] = _Datagram(now, fragment)
        if datagram.pieces.get(start) == piece:
            return None  # a duplicate
        if not datagram.fits(start, end, more=more):
            self._forget(key)
            raise WireError("fragments that do not fit each other", offset=6, clause="RFC 791 §3.2")
        datagram.take(fragment, piece, start)
        self._octets += end - start
        if datagram.octets == datagram.end:
            self._forget(key)
            return cast("_Packet", datagram.whole())
        while len(self._incomplete) > DATAGRAMS or self._octets > OCTETS:
            self._forget(next(iter(self._incomplete)))
        return None

    def __len__(self) -> int:
        """Number of incomplete datagrams."""
        return len(self._incomplete)

    def forget_old(self, now: float) -> None:
        """Drop datagrams that are incomplete for too long. To be called with every packet of the peer.

        Otherwise the fragments of a packet that is never completed would stay until the next fragment.
        """
        while self._incomplete:
            key, oldest = next(iter(self._incomplete.items()))
            if now - oldest.since <= TIMEOUT:
                return
            self._forget(key)

    def _forget(self, key: _Key) -> None:
        self._octets -= self._incomplete.pop(key).octets
