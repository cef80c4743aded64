"""The security associations of a data plane: selects the connection of a packet, and the pair of SAs in it.

    SaTable   all of them: by number of the connection, by (local, remote), by inbound SPI
    EspLink   a connection: where its peer is, its pairs, and the one used for sending
    SaPair    the SAs of both directions under one set of keys (RFC 4301 §4.4.2), with its limits; each SA makes ESP
              packets of payloads, or the reverse

A rekey loses no packets: a pair that is not installed `eager` is *pending*, that is, only received on, until a packet
of the peer arrives on it; then it is used for sending, and older pending pairs are no longer used. Addresses are
packed, for dicts; ours is a number (`local`).

Replay protection, and the upper half of a sequence number, are those of RFC 4303 §3.4.3 and appendix A. The window is
at least 1,024 packets wide: trains of packets (UDP segmentation, several queues) arrive out of order.

The planes report a connection on which packets go out and none comes in, and IKE asks the peer whether it lives. That
costs one comparison for each packet that goes out. Traffic in one direction is legitimate, so a silence that goes on
causes fewer and fewer alarms: after 10 s, 40 s, 160 s ... of it, always with a packet that goes out.
"""

from __future__ import annotations

import os
import struct
from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Final, NamedTuple, Protocol

from dmvpn.base.protection import EspSa, SaCount
from dmvpn.base.values import Mutable
from dmvpn.dataplane.contract import Door, Doors
from dmvpn.dataplane.esp.suite import EspError, EspSuite
from dmvpn.dataplane.fragmentation import Reassembler
from dmvpn.net.ip import UDP_HEADER_LENGTH
from dmvpn.net.ipv4 import HEADER_LENGTH

# ------------------------------------------------------------------------------------------------ replay protection


SMALLEST: Final = 1024
_HALF: Final = 1 << 32


class ReplayWindow:
    """Received sequence numbers. size: packets; 0: no protection. top: the highest so far, 64 bits."""

    __slots__ = ("_seen", "size", "top")

    def __init__(self, size: int = SMALLEST) -> None:
        self.size = max(size, SMALLEST) if size else 0
        self.top = 0
        self._seen = 0  # bit n: top - n was received

    def full_number(self, low: int) -> int:
        """Return the 64-bit sequence number from the lower half in a packet (appendix A2.2)."""
        high, bottom = self.top >> 32, self.top & (_HALF - 1)
        width = self.size or SMALLEST
        if bottom >= width - 1:
            guess = high if low > bottom - width else high + 1
        else:  # the window reaches back into the previous half
            guess = high - 1 if low > (bottom - width) % _HALF and high else high
        return guess << 32 | low

    def is_fresh(self, number: int) -> bool:
        """Return whether a packet with this number may be accepted.

        Checked before decryption, and again before it is recorded.
        """
        if number == 0:
            return False
        if not self.size or number > self.top:
            return True
        behind = self.top - number
        return behind < self.size and not self._seen >> behind & 1

    def note(self, number: int) -> None:
        """Record that the packet with this number was accepted: a second one is a replay."""
        if number > self.top:
            ahead = number - self.top
            self._seen = (self._seen << ahead | 1) & ((1 << self.size) - 1) if ahead < self.size else 1
            self.top = number
        elif self.size:
            self._seen |= 1 << (self.top - number)


# ------------------------------------------------------------------------------------------------ one direction


_HEADER: Final = struct.Struct("!4sI")
_PADDING: Final = bytes(range(1, 256))
_LAST: Final = (1 << 32) - 1
_LAST_EXTENDED: Final = (1 << 64) - 1


class Replayed(EspError):
    """A packet that is a duplicate, or older than the window (RFC 4303 §3.4.3)."""


class Exhausted(Exception):
    """The sequence numbers of an SA are used up: nothing may be sent on it any more (RFC 4303 §3.3.3)."""


class _Protection(Protocol):
    """The cipher's operations on one packet."""

    def seal(self, header: bytes, number: int, text: bytes) -> bytes: ...

    def open(self, header: bytes, number: int, sealed: bytes) -> bytes: ...


def _protection(
    suite: EspSuite, key: bytes, integrity_key: bytes, esn: bool, random: Callable[[int], bytes]
) -> _Protection:
    if len(key) != suite.keymat:
        raise ValueError(f"{len(key)} octets of key where {suite.keymat} are needed")
    from dmvpn.dataplane.esp.ciphers import Cbc, Gcm  # late: most routers protect nothing

    return Gcm(suite, key, esn) if suite.is_aead else Cbc(suite, key, integrity_key, esn, random)


class Outbound:
    """Our sending direction. spi: 4 octets, the peer's. packets, octets: encrypted so far (octets of payload)."""

    __slots__ = ("_esn", "_protection", "octets", "packets", "spi", "suite")

    def __init__(
        self,
        suite: EspSuite,
        spi: bytes,
        key: bytes,
        integrity_key: bytes = b"",
        *,
        esn: bool = False,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.suite, self.spi = suite, spi
        self._protection, self._esn = _protection(suite, key, integrity_key, esn, random), esn
        self.packets = self.octets = 0

    def seal(self, payload: bytes, next_header: int) -> bytes:
        """Return the ESP packet, from SPI to ICV. Raises Exhausted."""
        if self.packets >= (_LAST_EXTENDED if self._esn else _LAST):
            raise Exhausted
        self.packets += 1
        self.octets += len(payload)
        padding = self.suite.padding(len(payload))
        text = payload + _PADDING[:padding] + bytes((padding, next_header))
        header = _HEADER.pack(self.spi, self.packets & _LAST)
        return header + self._protection.seal(header, self.packets, text)


class Inbound:
    """Our receiving direction. spi: 4 octets, ours. replayed, broken: refused packets, by reason."""

    __slots__ = ("_esn", "_least", "_protection", "broken", "octets", "packets", "replayed", "spi", "suite", "window")

    def __init__(
        self,
        suite: EspSuite,
        spi: bytes,
        key: bytes,
        integrity_key: bytes = b"",
        *,
        window: ReplayWindow,
        esn: bool = False,
    ) -> None:
        self.suite, self.spi, self.window = suite, spi, window
        self._protection, self._esn = _protection(suite, key, integrity_key, esn, os.urandom), esn
        self._least = suite.overhead(0) - suite.padding(0)
        self.packets = self.octets = self.replayed = self.broken = 0

    def open(self, packet: bytes) -> tuple[bytes, int]:
        """Return payload and next header of an ESP packet. Raises EspError; the window has not moved then."""
        try:
            return self._open(packet)
        except Replayed:
            self.replayed += 1
            raise
        except EspError:
            self.broken += 1
            raise

    def _open(self, packet: bytes) -> tuple[bytes, int]:
        if len(packet) < self._least:
            raise EspError("an ESP packet is cut off", offset=len(packet), clause="RFC 4303 §2")
        header = packet[:8]
        low = int.from_bytes(header[4:], "big")
        number = self.window.full_number(low) if self._esn else low
        if not self.window.is_fresh(number):
            raise Replayed(f"sequence number {number} came before, or too late", offset=4, clause="RFC 4303 §3.4.3")
        text = self._protection.open(header, number, packet[8:])
        padding, next_header = text[-2], text[-1]
        if padding + 2 > len(text):
            raise EspError("more padding than octets", offset=len(packet), clause="RFC 4303 §2.4")
        self.window.note(number)
        payload = text[: -2 - padding]
        self.packets += 1
        self.octets += len(payload)
        return payload, next_header


# -------------------------------------------------------------------------------- connections on which nothing comes in


#: Seconds from the first packet that nothing has followed to the first alarm.
PATIENCE: Final = 10.0
#: How many times as long the silence must be for the next alarm.
GROWTH: Final = 4


class Silence:
    """How long a peer has been silent while packets went to it."""

    __slots__ = ("_patience", "_since")

    def __init__(self) -> None:
        self._since: float | None = None
        self._patience = PATIENCE

    def sent(self, now: float) -> bool:
        """Note a packet that went out, and return whether an alarm is due. now: seconds."""
        if self._since is None:
            self._since = now
            return False
        if now - self._since < self._patience:
            return False
        self._patience *= GROWTH
        return True

    def ended(self) -> None:
        """Note that a packet came in, or that the peer is elsewhere from now on: the next silence is another one."""
        self._since, self._patience = None, PATIENCE


# ------------------------------------------------------------------------------------------------ the table


#: Packets after which a pair without extended sequence numbers needs a rekey: three quarters of them.
WORN_PACKETS: Final = 3 << 30


class PeerPlace(NamedTuple):
    """Where a peer is.

    address: packed.
    port: of UDP, 0: protocol 50.
    """

    address: bytes
    port: int


class SaPair(Mutable, eq=False):
    """The SAs of both directions under one set of keys.

    order: of installation.
    soft, hard: octets, 0: no limit.
    inner: source and destination of the IP header inside ESP as we write it, None in transport mode.
    pending: it is used for sending when a packet arrives on it.
    unsent: packets that were refused.
    """

    spi_in: int
    connection: int
    order: int
    outbound: Outbound
    inbound: Inbound
    esn: bool
    soft: int
    hard: int
    inner: tuple[bytes, bytes] | None
    pending: bool = False
    worn: bool = False
    unsent: int = 0

    def seal(self, payload: bytes, next_header: int) -> bytes | None:
        """Return the ESP packet of a payload, or None: this pair must not send any more."""
        if self.hard and self.outbound.octets + len(payload) > self.hard:
            self.unsent += 1
            return None
        try:
            return self.outbound.seal(payload, next_header)
        except Exhausted:
            self.unsent += 1
            return None

    def open(self, packet: bytes) -> tuple[bytes, int] | None:
        """Return payload and next header of an ESP packet, or None.

        None: it fails authentication, is a replay, or comes after the pair's hard limit.
        """
        if self.hard and self.inbound.octets >= self.hard:
            self.inbound.broken += 1
            return None
        try:
            return self.inbound.open(packet)
        except EspError:
            return None

    def wears_out(self) -> bool:
        """Return whether it has reached its soft limit. True once."""
        if self.worn:
            return False
        sent, received = self.outbound, self.inbound
        self.worn = (bool(self.soft) and max(sent.octets, received.octets) >= self.soft) or (
            not self.esn and max(sent.packets, received.window.top) >= WORN_PACKETS
        )
        return self.worn

    def count(self) -> SaCount:
        """Return its counters."""
        return SaCount(
            spi_in=self.spi_in,
            sent=self.outbound.packets,
            sent_octets=self.outbound.octets,
            received=self.inbound.packets,
            received_octets=self.inbound.octets,
            replayed=self.inbound.replayed,
            broken=self.inbound.broken,
            unsent=self.unsent,
        )


class EspLink(Mutable, eq=False):
    """A connection.

    latest: the order of the newest pair that packets of the peer arrived on.
    elsewhere: the new place of the peer that was reported last, from the source of good packets.
    fragments: of inner packets in tunnel mode; kept by connection, so that one peer cannot exhaust the others' room.
    silence: whether the peer answers.
    """

    number: int
    local: Door
    place: PeerPlace
    current: SaPair
    pairs: dict[int, SaPair] = field(default_factory=dict)
    latest: int = 0
    elsewhere: PeerPlace | None = None
    fragments: Reassembler = field(default_factory=Reassembler)
    silence: Silence = field(default_factory=Silence)

    def use(self, pair: SaPair) -> None:
        """Send on this pair from now on: older pairs are no longer used for that, newer ones are still pending."""
        self.current = pair
        for known in self.pairs.values():
            known.pending = False
            if known is pair:
                return

    def room(self, mtu: int) -> int:
        """Return octets of the largest GRE packet that leaves on the current pair in an IPv4 packet of `mtu` octets."""
        outside = HEADER_LENGTH + (UDP_HEADER_LENGTH if self.place.port else 0)
        inside = HEADER_LENGTH if self.current.inner is not None else 0
        return self.current.outbound.suite.largest(mtu - outside) - inside

    def heard(self, pair: SaPair, source: PeerPlace) -> bool:
        """Record the source of a good packet, the newest of this pair, and return whether to report a move of the peer.

        Packets on a pair from before the peer's last rekey do not show where the peer is now.
        """
        if pair.order < self.latest:
            return False
        self.latest = pair.order
        if source == self.place:
            self.elsewhere = None
            return False
        before, self.elsewhere = self.elsewhere, source
        return before != source


class SaTable:
    """All connections and their pairs of SAs."""

    def __init__(self, random: Callable[[int], bytes] = os.urandom, doors: Doors | None = None) -> None:
        """random: initialization vectors of AES-CBC. doors: shared with the owner of the sockets."""
        self.doors = Doors() if doors is None else doors
        self._random = random
        self._links: dict[int, EspLink] = {}
        self._between: dict[tuple[Door, bytes], list[int]] = {}
        self._pairs: dict[int, SaPair] = {}
        self._installed = 0

    def install(self, sa: EspSa, *, eager: bool) -> None:
        """Receive on a pair, and send on it if `eager`, or if its connection has no other. Raises UserError.

        An existing pair is left unchanged: restarting under its keys would repeat nonces, and accept replays.
        """
        suite = EspSuite.of(sa.transform)
        if sa.spi_in in self._pairs:
            return
        self._installed += 1
        pair = SaPair(
            spi_in=sa.spi_in,
            connection=sa.connection,
            order=self._installed,
            outbound=Outbound(suite, _spi(sa.spi_out), sa.key_out, sa.hash_key_out, esn=sa.esn, random=self._random),
            inbound=Inbound(
                suite, _spi(sa.spi_in), sa.key_in, sa.hash_key_in, window=ReplayWindow(sa.window), esn=sa.esn
            ),
            esn=sa.esn,
            soft=sa.soft_octets,
            hard=sa.hard_octets,
            inner=((sa.inner_local or sa.local).packed, (sa.inner_remote or sa.remote).packed)
            if sa.tunnel_mode
            else None,
        )
        local, place = self.doors.number(sa.local, sa.front), PeerPlace(sa.remote.packed, sa.remote_port)
        link = self._links.get(sa.connection)
        if link is None:
            link = self._links[sa.connection] = EspLink(sa.connection, local, place, pair)
            self._enter(link)
        else:
            self._put(link, local, place)
        self._pairs[sa.spi_in] = link.pairs[sa.spi_in] = pair
        if eager:
            link.use(pair)
        else:
            pair.pending = link.current is not pair

    def use(self, spi_in: int) -> None:
        """Send on this pair from now on."""
        pair = self._pairs.get(spi_in)
        if pair is not None:
            self._links[pair.connection].use(pair)

    def remove(self, spi_in: int) -> None:
        """Remove a pair; a connection without any is removed, too."""
        pair = self._pairs.pop(spi_in, None)
        if pair is None:
            return
        link = self._links[pair.connection]
        del link.pairs[spi_in]
        if not link.pairs:
            del self._links[link.number]
            self._leave(link)
        elif link.current is pair:
            link.use(next(reversed(link.pairs.values())))

    def move(self, number: int, place: PeerPlace) -> None:
        """Set the place of the peer of a connection."""
        link = self._links.get(number)
        if link is not None:
            self._put(link, link.local, place)

    def link(self, number: int) -> EspLink | None:
        """Return a connection by its number."""
        return self._links.get(number)

    def between(self, local: Door, remote: bytes) -> EspLink | None:
        """Return the newest connection between these addresses: the one of the highest number."""
        there = self._between.get((local, remote))
        return self._links[there[-1]] if there else None

    def find(self, spi_in: int) -> tuple[EspLink, SaPair] | None:
        """Return the connection and the pair of an inbound SPI."""
        pair = self._pairs.get(spi_in)
        return (self._links[pair.connection], pair) if pair is not None else None

    def pairs(self) -> Iterator[SaPair]:
        """Return all pairs, the oldest first."""
        return iter(self._pairs.values())

    def _put(self, link: EspLink, local: Door, place: PeerPlace) -> None:
        if (link.local, link.place) != (local, place):
            self._leave(link)
            link.local, link.place, link.elsewhere = local, place, None
            link.silence.ended()
            self._enter(link)

    def _enter(self, link: EspLink) -> None:
        insort(self._between.setdefault((link.local, link.place.address), []), link.number)

    def _leave(self, link: EspLink) -> None:
        ends = link.local, link.place.address
        self._between[ends].remove(link.number)
        if not self._between[ends]:
            del self._between[ends]


def _spi(number: int) -> bytes:
    return number.to_bytes(4, "big")
