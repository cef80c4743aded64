"""The byte streams of a simulated router: its listeners, its connections, and the dispatch of segments.

Segments are real ones in real packets: they cross tunnels, are encrypted, get lost with a wire that is cut, and a
capture shows them. A station that may not connect gets an RST, as does a segment without connection; one without the
required signature, or with too small a TTL, gets no answer, like from a Linux kernel.

`TcpConnection` is the part of TCP (RFC 9293) that two of our own, or one of ours and a kernel, need to interoperate.

    opening ── SYN answered ──> open ── close, all acknowledged ──> closing ── FIN acknowledged ──> gone
       └────────────── RST, too many tries ──────────┴───────────────────┴──> gone

Data goes in order and is kept until it is acknowledged; lost data is sent again from there (go back N), after a
measured timeout (RFC 6298). Data out of order is dropped. Data is segmented at random places: no protocol above may
rely on a message arriving in one piece. The window is always open, since received data is passed on at once; while the
router pauses the connection, a window of it is kept, and further data is dropped, to be sent again.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from dmvpn.base import streams
from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import earliest
from dmvpn.base.effects import Effect, SendIp
from dmvpn.base.events import Event
from dmvpn.base.values import Value
from dmvpn.dataplane.contract import Callers, EffectError
from dmvpn.net.ip import IpPacket
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, IpProtocol
from dmvpn.net.tcp import Flag, TcpSegment

# ------------------------------------------------------------------------------------------------ one connection


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


class Ends(Value):
    """Both ends of a connection, and the VRF that its packets are in."""

    local: IPAddress
    local_port: int
    remote: IPAddress
    remote_port: int
    vrf: str = ""


class Manner(Value):
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
        if self._sent_since_notice > streams.SEND_LIMIT:
            self.abort(streams.StreamEnd.OVERRUN)
            return
        self._push(now)

    def pause(self, *, paused: bool) -> None:
        """Keep what comes, or pass it on."""
        unread = self._unread
        self._unread = (unread or bytearray()) if paused else None
        if unread and not paused:
            self._report(streams.StreamData(self.stream, bytes(unread)))

    def close(self, now: float) -> None:
        """Close it after all data is sent."""
        if self.phase is Phase.OPEN:
            self._is_ending = True
            self._push(now)
        elif self.phase is not Phase.CLOSING:
            self.abort(None)

    def abort(self, why: streams.StreamEnd | None) -> None:
        """Abort it at once, with a RST."""
        self._emit(Flag.RST | Flag.ACK)
        self._end(why)

    # ----------------------------------------------------------------------------------------------------- segments

    def take(self, segment: TcpSegment, now: float) -> None:
        """Process a segment of this connection with a valid signature."""
        if segment.flags & Flag.RST:
            self._reset(segment)
        elif self.phase is Phase.CALLING:
            opening = Flag.SYN | Flag.ACK
            if segment.flags & opening == opening and segment.acknowledgment == self._unacknowledged + 1 & _SPACE - 1:
                self._expected = segment.sequence + 1 & _SPACE - 1
                self._open(segment, now)
                self._emit(Flag.ACK)
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
            self.abort(streams.StreamEnd.TIMED_OUT)
            return
        self._timeout = min(2 * self._timeout, _LONGEST_TIMEOUT)
        self._repeat(now)

    # --------------------------------------------------------------------------------------------------- private

    def _reset(self, segment: TcpSegment) -> None:
        if self.phase is Phase.CALLING:
            if segment.flags & Flag.ACK and segment.acknowledgment == self._unacknowledged + 1 & _SPACE - 1:
                self._end(streams.StreamEnd.REFUSED)
        elif segment.sequence == self._expected:  # RFC 5961 §3.2: any other is a guess, or late
            self._end(streams.StreamEnd.RESET)

    def _open(self, segment: TcpSegment, now: float) -> None:
        taken = self.phase is Phase.CALLED
        self.phase = Phase.OPEN
        self._unacknowledged = segment.acknowledgment
        self._flying = self._tries = 0
        self._measure(segment.acknowledgment, now)
        self.due = None
        ends = self.ends
        self._report(
            streams.StreamUp(self.stream, ends.local, ends.local_port, ends.remote, ends.remote_port, taken, ends.vrf)
        )

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
        if not self._data and self._sent_since_notice >= streams.SEND_NOTICE and self.phase is Phase.OPEN:
            self._sent_since_notice = 0
            self._report(streams.StreamWritable(self.stream))

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
            self._report(streams.StreamData(self.stream, segment.payload))
        if segment.flags & Flag.FIN and self.phase is not Phase.GONE:
            # The peer would not read our remaining data: we only send a FIN.
            self._emit(Flag.FIN | Flag.ACK, sequence=self._unacknowledged + self._flying)
            self._end(None if self._is_ending else streams.StreamEnd.CLOSED)

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

    def _end(self, why: streams.StreamEnd | None) -> None:
        """End the connection; this is reported unless the router itself wanted it."""
        was_known = self.phase is not Phase.CALLED
        self.phase, self.due = Phase.GONE, None
        self._data.clear()
        if why is not None and was_known and not (self._is_ending and why is not streams.StreamEnd.OVERRUN):
            self._report(streams.StreamDown(self.stream, why))


# ---------------------------------------------------------------------------------------------- all streams of a router


#: RFC 6335 §6: dynamic ports, which no service owns.
_FIRST_PORT: Final = 49152


class SimulatedStreams:
    """The streams of a router, in all VRFs.

    send: takes a VRF and a packet to send there.
    owns: returns whether an address is its own in a VRF.
    """

    def __init__(
        self,
        send: Callable[[str, SendIp], None],
        owns: Callable[[str, IPAddress], bool],
        report: Callable[[Event], None],
        random: Callable[[int], bytes],
    ) -> None:
        self._send_packet = send
        self._owns = owns
        self._report = report
        self._random = random
        self._listening: dict[tuple[str, int], Callers] = {}
        self._connections: dict[Ends, TcpConnection] = {}
        self._by_number: dict[int, TcpConnection] = {}
        self._taken = -1

    def execute(self, effect: Effect, now: float, vrf: str = "") -> None:
        """Carry out an effect about streams; all other effects are ignored.

        vrf: where to listen, or to open one. A stream that exists is found by its number, in whatever VRF.
        """
        match effect:
            case streams.StreamListen(port=port, peers=peers):
                self._listening.setdefault((vrf, port), Callers()).set(peers)
                if not peers:
                    del self._listening[vrf, port]
            case streams.StreamOpen():
                self._open(effect, now, vrf)
            case streams.StreamSend() if effect.stream in self._by_number:
                connection = self._by_number[effect.stream]
                connection.write(effect.octets, now)
                self._drop_if_gone(connection)
            case streams.StreamSign() if effect.stream in self._by_number:
                self._by_number[effect.stream].sign(effect.password.encode())
            case streams.StreamPause() if effect.stream in self._by_number:
                self._by_number[effect.stream].pause(paused=effect.paused)
            case streams.StreamClose() if effect.stream in self._by_number:
                connection = self._by_number[effect.stream]
                if effect.abort:
                    connection.abort(None)
                else:
                    connection.close(now)
                self._drop_if_gone(connection)

    def receive(self, packet: IpPacket, now: float, vrf: str = "") -> None:
        """Process a packet of protocol 6 for this router, received in a VRF. Raises WireError."""
        segment = TcpSegment.parse(packet.payload, packet.source, packet.destination)
        ends = Ends(packet.destination, segment.destination_port, packet.source, segment.source_port, vrf)
        connection = self._connections.get(ends)
        if connection is not None:
            if _fits(connection.manner, segment, packet):
                connection.take(segment, now)
                self._drop_if_gone(connection)
            return
        callers = self._listening.get((ends.vrf, ends.local_port))
        peer = callers.closest(ends.remote) if callers is not None else None
        if peer is None:
            self._refuse(segment, packet, vrf)
            return
        manner = Manner(peer.password.encode(), peer.ttl, peer.minimum_ttl)
        if not _fits(manner, segment, packet):
            return
        if (
            segment.flags & (Flag.SYN | Flag.ACK | Flag.RST) == Flag.SYN
            and len(self._connections) < streams.STREAMS_TAKEN
        ):
            self._taken += 2
            connection = self._connect(self._taken, ends, manner)
            connection.answer(segment, now)
            self._drop_if_gone(connection)
        else:
            self._refuse(segment, packet, vrf)

    def abort_vrf(self, vrf: str) -> None:
        """Abort the streams of a VRF, and listen there no more."""
        self._listening = {place: callers for place, callers in self._listening.items() if place[0] != vrf}
        for connection in [one for one in self._connections.values() if one.ends.vrf == vrf]:
            connection.abort(streams.StreamEnd.UNREACHABLE)
            self._drop_if_gone(connection)

    def next_deadline(self) -> float | None:
        """Return when `tick` is due next, seconds."""
        return earliest(*(connection.due for connection in self._connections.values())) if self._connections else None

    def tick(self, now: float) -> None:
        """Repeat data that was not acknowledged in time."""
        for connection in list(self._connections.values()):
            if connection.due is not None and connection.due <= now:
                connection.expire(now)
                self._drop_if_gone(connection)

    def _open(self, order: streams.StreamOpen, now: float, vrf: str) -> None:
        if not self._owns(vrf, order.local):
            self._report(
                streams.StreamDown(order.stream, streams.StreamEnd.UNREACHABLE, f"{order.local} is no address of ours")
            )
            return
        ends = None
        while ends is None or ends in self._connections:
            port = _FIRST_PORT + int.from_bytes(self._random(2), "big") % (0x10000 - _FIRST_PORT)
            ends = Ends(order.local, port, order.remote, order.port, vrf)
        manner = Manner(order.password.encode(), order.ttl, order.minimum_ttl)
        connection = self._connect(order.stream, ends, manner)
        connection.call(now)
        self._drop_if_gone(connection)

    def _connect(self, stream: int, ends: Ends, manner: Manner) -> TcpConnection:
        connection = TcpConnection(stream, ends, manner, send=self._send, report=self._report, random=self._random)
        self._connections[ends] = self._by_number[stream] = connection
        return connection

    def _drop_if_gone(self, connection: TcpConnection) -> None:
        if connection.phase is Phase.GONE and self._by_number.get(connection.stream) is connection:
            del self._connections[connection.ends]
            del self._by_number[connection.stream]

    # --------------------------------------------------------------------------------------------------- packets

    def _send(self, connection: TcpConnection, segment: TcpSegment) -> None:
        ends, manner = connection.ends, connection.manner
        if manner.password:
            options = segment.signature_option(ends.local, ends.remote, manner.password)
            segment = replace(segment, options=options)
        self._emit(ends.vrf, segment, ends.local, ends.remote, manner.ttl)

    def _refuse(self, segment: TcpSegment, packet: IpPacket, vrf: str) -> None:
        """Refuse a segment, RFC 9293 §3.10.7.1."""
        if segment.flags & Flag.RST:
            return
        is_answer = bool(segment.flags & Flag.ACK)
        answer = TcpSegment(
            source_port=segment.destination_port,
            destination_port=segment.source_port,
            sequence=segment.acknowledgment if is_answer else 0,
            acknowledgment=0 if is_answer else segment.sequence + segment.length & 0xFFFFFFFF,
            flags=Flag.RST if is_answer else Flag.RST | Flag.ACK,
        )
        self._emit(vrf, answer, packet.destination, packet.source, 255)

    def _emit(self, vrf: str, segment: TcpSegment, source: IPAddress, destination: IPAddress, ttl: int) -> None:
        payload = segment.serialize(source, destination)
        order = SendIp(None, source, destination, IpProtocol.TCP, payload, ttl=ttl, tos=TOS_INTERNETWORK_CONTROL)
        with suppress(EffectError):  # no route now: it is sent again later, or the connection times out
            self._send_packet(vrf, order)


def _fits(manner: Manner, segment: TcpSegment, packet: IpPacket) -> bool:
    """Return whether the segment has the required signature and at least the required TTL."""
    if packet.ttl < manner.minimum_ttl:
        return False
    if not manner.password:
        return not segment.is_signed
    return segment.signed_by(packet.source, packet.destination, manner.password)
