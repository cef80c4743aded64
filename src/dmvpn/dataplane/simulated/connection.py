"""One TCP connection of the simulated box, RFC 9293: the part that two of our own, or a kernel, need to interoperate.

    opening ── SYN answered ──> open ── close, all acknowledged ──> closing ── FIN acknowledged ──> gone
       └────────────── RST, too many tries ──────────┴───────────────────┴──> gone

Data goes in order and is kept until it is acknowledged; lost data is sent again from there (go back N), after a
measured timeout (RFC 6298). Data out of order is dropped. Data is segmented at random places: no protocol above may
rely on a message arriving in one piece. The window is always open, since received data is passed on at once; while the
router pauses the connection, a window of it is kept, and further data is dropped, to be sent again.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.streams import SEND_LIMIT, SEND_NOTICE, StreamData, StreamDown, StreamEnd, StreamUp, StreamWritable
from dmvpn.base.values import dataclass
from dmvpn.net.segment import Flag, TcpSegment

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address

    from dmvpn.base.events import Event

#: Octets of data in a segment, RFC 9293 §3.7.1: we announce no other MSS.
LARGEST_SEGMENT: Final = 536
#: Octets in flight at a time; the window that we announce.
WINDOW: Final = 0xFFFF
#: Seconds until the first retransmission before a round trip is measured, the shortest and the longest timeout, RFC
#: 6298 §2.
_FIRST_TIMEOUT: Final = 1.0
_SHORTEST_TIMEOUT: Final = 0.2
_LONGEST_TIMEOUT: Final = 60.0
#: Tries without an answer: as many as a Linux kernel makes by default, for an opening and for data.
_TRIES_OPENING: Final = 6
_TRIES: Final = 15
#: One segment in so many is shortened.
_CUT: Final = 4
_SPACE: Final = 1 << 32


class Phase(enum.Enum):
    """The phase of a connection."""

    CALLING = "SYN sent"
    CALLED = "SYN received"
    OPEN = "open"
    CLOSING = "FIN sent"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a connection, and the VRF that its packets are in."""

    local: IPv4Address
    local_port: int
    remote: IPv4Address
    remote_port: int
    vrf: str = ""


@dataclass(frozen=True, slots=True)
class Manner:
    """Settings of a connection's packets: the password of their signature, the TTL, and the lowest TTL to accept."""

    password: bytes = b""
    ttl: int = 255
    minimum_ttl: int = 0


class TcpConnection:
    """One end.

    send: takes a segment to send.
    report: takes events.
    random: returns octets.
    """

    def __init__(
        self,
        stream: int,
        ends: Ends,
        manner: Manner,
        *,
        send: Callable[[TcpConnection, TcpSegment], None],
        report: Callable[[Event], None],
        random: Callable[[int], bytes],
    ) -> None:
        self.stream = stream
        self.ends = ends
        self.manner = manner
        self.phase = Phase.CALLING
        self.due: float | None = None
        self._send = send
        self._report = report
        self._random = random
        self._unacknowledged = int.from_bytes(random(4), "big")
        #: Data that the other end has not acknowledged, and how much of it is in flight. SYN and FIN count as one octet
        #: each.
        self._data = bytearray()
        self._flying = 0
        self._expected = 0
        self._sent_since_notice = 0
        self._is_ending = False
        #: Data that came while the router paused the connection; None: it reads.
        self._unread: bytearray | None = None
        self._tries = 0
        self._duplicates = 0
        self._timeout = _FIRST_TIMEOUT
        self._round_trip: tuple[float, float] | None = None
        self._measured: tuple[int, float] | None = None

    # ---------------------------------------------------------------------------------------------------- effects

    def sign(self, password: bytes) -> None:
        """Use another password for signatures from now on."""
        self.manner = replace(self.manner, password=password)

    def call(self, now: float) -> None:
        """Open the connection: send a SYN."""
        self._emit(Flag.SYN)
        self._flying = 1
        self._measured = self._unacknowledged + 1 & _SPACE - 1, now
        self._arm(now)

    def answer(self, syn: TcpSegment, now: float) -> None:
        """Answer the SYN of a peer that connects."""
        self.phase = Phase.CALLED
        self._expected = syn.sequence + 1 & _SPACE - 1
        self._emit(Flag.SYN | Flag.ACK)
        self._flying = 1
        self._arm(now)

    def write(self, octets: bytes, now: float) -> None:
        """Send data."""
        if self.phase is not Phase.OPEN or self._is_ending:
            return
        self._data += octets
        self._sent_since_notice += len(octets)
        if self._sent_since_notice > SEND_LIMIT:
            self.abort(StreamEnd.OVERRUN)
            return
        self._push(now)

    def pause(self, *, paused: bool) -> None:
        """Keep what comes, or pass it on."""
        unread = self._unread
        self._unread = (unread or bytearray()) if paused else None
        if unread and not paused:
            self._report(StreamData(self.stream, bytes(unread)))

    def close(self, now: float) -> None:
        """Close it after all data is sent."""
        if self.phase is Phase.OPEN:
            self._is_ending = True
            self._push(now)
        elif self.phase is not Phase.CLOSING:
            self.abort(None)

    def abort(self, why: StreamEnd | None) -> None:
        """Abort it at once, with a RST."""
        self._emit(Flag.RST | Flag.ACK)
        self._end(why)

    # ----------------------------------------------------------------------------------------------------- segments

    def take(self, segment: TcpSegment, now: float) -> None:
        """Process a segment of this connection with a valid signature."""
        if segment.flags & Flag.RST:
            self._reset(segment)
        elif self.phase is Phase.CALLING:
            self._answered(segment, now)
        elif segment.flags & Flag.SYN:
            # A repeated SYN, or the other end has lost this connection: our answer shows it the state.
            self._emit(Flag.SYN | Flag.ACK if self.phase is Phase.CALLED else Flag.ACK)
        elif segment.flags & Flag.ACK:
            self._acknowledged(segment, now)
            if self.phase is not Phase.GONE and segment.length:
                self._take_data(segment)

    def expire(self, now: float) -> None:
        """Send unacknowledged data again after a timeout."""
        self._tries += 1
        if self._tries >= (_TRIES_OPENING if self.phase in {Phase.CALLING, Phase.CALLED} else _TRIES):
            self.abort(StreamEnd.TIMED_OUT)
            return
        self._timeout = min(2 * self._timeout, _LONGEST_TIMEOUT)
        self._repeat(now)

    # --------------------------------------------------------------------------------------------------- private

    def _reset(self, segment: TcpSegment) -> None:
        if self.phase is Phase.CALLING:
            if segment.flags & Flag.ACK and segment.acknowledgment == self._unacknowledged + 1 & _SPACE - 1:
                self._end(StreamEnd.REFUSED)
        elif segment.sequence == self._expected:  # RFC 5961 §3.2: any other is a guess, or late
            self._end(StreamEnd.RESET)

    def _answered(self, segment: TcpSegment, now: float) -> None:
        opening = Flag.SYN | Flag.ACK
        if segment.flags & opening == opening and segment.acknowledgment == self._unacknowledged + 1 & _SPACE - 1:
            self._expected = segment.sequence + 1 & _SPACE - 1
            self._open(segment, now)
            self._emit(Flag.ACK)

    def _open(self, segment: TcpSegment, now: float) -> None:
        taken = self.phase is Phase.CALLED
        self.phase = Phase.OPEN
        self._unacknowledged = segment.acknowledgment
        self._flying = self._tries = 0
        self._measure(segment.acknowledgment, now)
        self.due = None
        ends = self.ends
        self._report(StreamUp(self.stream, ends.local, ends.local_port, ends.remote, ends.remote_port, taken, ends.vrf))

    def _acknowledged(self, segment: TcpSegment, now: float) -> None:
        count = segment.acknowledgment - self._unacknowledged & _SPACE - 1
        if self.phase is Phase.CALLED:
            if count == 1:
                self._open(segment, now)
            return
        if not 0 < count <= self._flying:
            is_duplicate = count == 0 and self._flying and not segment.length
            self._duplicates = self._duplicates + 1 if is_duplicate else 0
            if self._duplicates == 3:  # RFC 5681 §3.2
                self._repeat(now)
            return
        self._duplicates = self._tries = 0
        self._measure(segment.acknowledgment, now)
        ends_here = self.phase is Phase.CLOSING and count > len(self._data)
        del self._data[:count]
        self._unacknowledged = segment.acknowledgment
        self._flying -= count
        if ends_here:
            self._end(None)
            return
        self._push(now)
        if not self._data and self._sent_since_notice >= SEND_NOTICE and self.phase is Phase.OPEN:
            self._sent_since_notice = 0
            self._report(StreamWritable(self.stream))

    def _take_data(self, segment: TcpSegment) -> None:
        """Take in data, or a FIN. A segment out of order is only acknowledged."""
        if segment.sequence != self._expected:
            self._emit(Flag.ACK)
            return
        if self._unread is not None:
            if segment.flags & Flag.FIN or len(self._unread) + len(segment.payload) > WINDOW:
                return
            self._unread += segment.payload
        self._expected = self._expected + segment.length & _SPACE - 1
        if not segment.flags & Flag.FIN:
            self._emit(Flag.ACK)
        if segment.payload and self.phase is Phase.OPEN and not self._is_ending and self._unread is None:
            self._report(StreamData(self.stream, segment.payload))
        if segment.flags & Flag.FIN and self.phase is not Phase.GONE:
            # The peer would not read our remaining data: we only send a FIN.
            self._emit(Flag.FIN | Flag.ACK, sequence=self._unacknowledged + self._flying)
            self._end(None if self._is_ending else StreamEnd.CLOSED)

    def _push(self, now: float) -> None:
        """Send as much as the window allows."""
        while self._flying < min(len(self._data), WINDOW) and self.phase is Phase.OPEN:
            piece = bytes(self._data[self._flying : self._flying + LARGEST_SEGMENT])
            draw = self._random(2)
            if draw[0] % _CUT == 0:
                piece = piece[: 1 + draw[1] * (len(piece) - 1) // 0xFF]
            at = self._unacknowledged + self._flying & _SPACE - 1
            self._emit(Flag.ACK | Flag.PSH, piece, sequence=at)
            self._flying += len(piece)
            if self._measured is None:
                self._measured = at + len(piece) & _SPACE - 1, now
        if self._is_ending and self.phase is Phase.OPEN and not self._data:
            self.phase = Phase.CLOSING
            self._emit(Flag.FIN | Flag.ACK)
            self._flying = 1
        self._arm(now)

    def _repeat(self, now: float) -> None:
        """Send again from the first unacknowledged octet."""
        self._measured = None  # Karn: an acknowledgment does not say which transmission it is for
        match self.phase:
            case Phase.CALLING:
                self._emit(Flag.SYN)
            case Phase.CALLED:
                self._emit(Flag.SYN | Flag.ACK)
            case Phase.CLOSING:
                self._emit(Flag.FIN | Flag.ACK)
            case _:
                self._flying = 0
                self._push(now)
        self._arm(now)

    def _measure(self, acknowledgment: int, now: float) -> None:
        """Measure the round trip, RFC 6298 §2."""
        if self._measured is None or acknowledgment - self._measured[0] & _SPACE - 1 >= _SPACE >> 1:
            return
        sample, self._measured = now - self._measured[1], None
        smooth, varies = self._round_trip or (sample, sample)
        varies = 0.75 * varies + 0.25 * abs(smooth - sample)
        smooth = 0.875 * smooth + 0.125 * sample
        self._round_trip = smooth, varies
        self._timeout = min(max(_SHORTEST_TIMEOUT, smooth + 4 * varies), _LONGEST_TIMEOUT)

    def _arm(self, now: float) -> None:
        self.due = now + self._timeout if self._flying and self.phase is not Phase.GONE else None

    def _emit(self, flags: Flag, payload: bytes = b"", *, sequence: int | None = None) -> None:
        at = self._unacknowledged if sequence is None else sequence & _SPACE - 1
        if sequence is None and flags == Flag.ACK:
            at = self._unacknowledged + self._flying & _SPACE - 1
        segment = TcpSegment(
            source_port=self.ends.local_port,
            destination_port=self.ends.remote_port,
            sequence=at,
            acknowledgment=self._expected if flags & Flag.ACK else 0,
            flags=flags,
            window=WINDOW,
            payload=payload,
        )
        self._send(self, segment)

    def _end(self, why: StreamEnd | None) -> None:
        """End the connection; this is reported unless the router itself wanted it."""
        was_known = self.phase is not Phase.CALLED
        self.phase, self.due = Phase.GONE, None
        self._data.clear()
        if why is not None and was_known and not (self._is_ending and why is not StreamEnd.OVERRUN):
            self._report(StreamDown(self.stream, why))
