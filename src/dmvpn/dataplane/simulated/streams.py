"""The byte streams of a simulated router: its listeners, its connections, and the dispatch of segments.

Segments are real ones in real packets: they cross tunnels, are encrypted, get lost with a wire that is cut, and a
capture shows them. A station that may not connect gets an RST, as does a segment without connection; one without the
required signature, or with too small a TTL, gets no answer, like from a Linux kernel.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import earliest
from dmvpn.base.effects import SendIp
from dmvpn.base.streams import (
    STREAMS_TAKEN,
    StreamClose,
    StreamDown,
    StreamEnd,
    StreamListen,
    StreamOpen,
    StreamPause,
    StreamSend,
    StreamSign,
)
from dmvpn.dataplane.contract import Callers, EffectError
from dmvpn.dataplane.simulated.connection import Ends, Manner, Phase, TcpConnection
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, IpProtocol
from dmvpn.net.segment import Flag, TcpSegment

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address

    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.streams import StreamPeer
    from dmvpn.net.ipv4 import Ipv4Packet

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
        owns: Callable[[str, IPv4Address], bool],
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
            case StreamListen(port=port, peers=peers):
                self._listening.setdefault((vrf, port), Callers()).set(peers)
                if not peers:
                    del self._listening[vrf, port]
            case StreamOpen():
                self._open(effect, now, vrf)
            case StreamSend() if effect.stream in self._by_number:
                connection = self._by_number[effect.stream]
                connection.write(effect.octets, now)
                self._drop_if_gone(connection)
            case StreamSign() if effect.stream in self._by_number:
                self._by_number[effect.stream].sign(effect.password.encode())
            case StreamPause() if effect.stream in self._by_number:
                self._by_number[effect.stream].pause(paused=effect.paused)
            case StreamClose() if effect.stream in self._by_number:
                connection = self._by_number[effect.stream]
                if effect.abort:
                    connection.abort(None)
                else:
                    connection.close(now)
                self._drop_if_gone(connection)

    def receive(self, packet: Ipv4Packet, now: float, vrf: str = "") -> None:
        """Process a packet of protocol 6 for this router, received in a VRF. Raises WireError."""
        segment = TcpSegment.parse(packet.payload, packet.source, packet.destination)
        ends = Ends(packet.destination, segment.destination_port, packet.source, segment.source_port, vrf)
        connection = self._connections.get(ends)
        if connection is not None:
            if _fits(connection.manner, segment, packet):
                connection.take(segment, now)
                self._drop_if_gone(connection)
            return
        peer = self._peer(ends)
        if peer is None:
            self._refuse(segment, packet, vrf)
            return
        manner = Manner(peer.password.encode(), peer.ttl, peer.minimum_ttl)
        if not _fits(manner, segment, packet):
            return
        if segment.flags & (Flag.SYN | Flag.ACK | Flag.RST) == Flag.SYN and len(self._connections) < STREAMS_TAKEN:
            self._taken += 2
            connection = self._connect(self._taken, ends, manner)
            connection.answer(segment, now)
            self._drop_if_gone(connection)
        else:
            self._refuse(segment, packet, vrf)

    def forget(self, vrf: str) -> None:
        """Abort the streams of a VRF, and listen there no more."""
        self._listening = {place: callers for place, callers in self._listening.items() if place[0] != vrf}
        for connection in [one for one in self._connections.values() if one.ends.vrf == vrf]:
            connection.abort(StreamEnd.UNREACHABLE)
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

    def _open(self, order: StreamOpen, now: float, vrf: str) -> None:
        if not self._owns(vrf, order.local):
            self._report(StreamDown(order.stream, StreamEnd.UNREACHABLE, f"{order.local} is no address of ours"))
            return
        ends = Ends(order.local, self._free_port(order, vrf), order.remote, order.port, vrf)
        manner = Manner(order.password.encode(), order.ttl, order.minimum_ttl)
        connection = self._connect(order.stream, ends, manner)
        connection.call(now)
        self._drop_if_gone(connection)

    def _free_port(self, order: StreamOpen, vrf: str) -> int:
        while True:
            port = _FIRST_PORT + int.from_bytes(self._random(2), "big") % (0x10000 - _FIRST_PORT)
            if Ends(order.local, port, order.remote, order.port, vrf) not in self._connections:
                return port

    def _connect(self, stream: int, ends: Ends, manner: Manner) -> TcpConnection:
        connection = TcpConnection(stream, ends, manner, send=self._send, report=self._report, random=self._random)
        self._connections[ends] = self._by_number[stream] = connection
        return connection

    def _peer(self, ends: Ends) -> StreamPeer | None:
        """Return the listed peer with the longest prefix for this remote address."""
        callers = self._listening.get((ends.vrf, ends.local_port))
        return callers.closest(ends.remote) if callers is not None else None

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

    def _refuse(self, segment: TcpSegment, packet: Ipv4Packet, vrf: str) -> None:
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

    def _emit(self, vrf: str, segment: TcpSegment, source: IPv4Address, destination: IPv4Address, ttl: int) -> None:
        payload = segment.serialize(source, destination)
        order = SendIp(None, source, destination, IpProtocol.TCP, payload, ttl=ttl, tos=TOS_INTERNETWORK_CONTROL)
        with suppress(EffectError):  # no route now: it is sent again later, or the connection times out
            self._send_packet(vrf, order)


def _fits(manner: Manner, segment: TcpSegment, packet: Ipv4Packet) -> bool:
    """Return whether the segment has the required signature and at least the required TTL."""
    if packet.ttl < manner.minimum_ttl:
        return False
    if not manner.password:
        return not segment.is_signed
    return segment.signed_by(packet.source, packet.destination, manner.password)
