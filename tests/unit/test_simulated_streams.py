"""Byte streams between two simulated boxes over a wire that delays, loses and doubles packets, or is cut."""

from __future__ import annotations

import heapq
import os
import random
import select
import socket
import time
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import WireError
from dmvpn.base.streams import (
    SEND_LIMIT,
    StreamBlocked,
    StreamClose,
    StreamData,
    StreamDown,
    StreamEnd,
    StreamListen,
    StreamOpen,
    StreamPeer,
    StreamSend,
    StreamUp,
    StreamWritable,
)
from dmvpn.dataplane.contract import Callers
from dmvpn.dataplane.simulated.streams import SimulatedStreams
from dmvpn.dataplane.userspace import streams as kernel_streams
from dmvpn.dataplane.userspace.streams import KernelStreams
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.net.tcp import Flag, TcpSegment

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import Effect, SendIp
    from dmvpn.base.events import Event

LEFT, RIGHT = IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")


def _owner_of(own: IPv4Address) -> Callable[[str, IPAddress], bool]:
    return lambda _vrf, address: address == own


class Wire:
    """Two boxes. loss: the part of packets that get lost. cut: all of them."""

    def __init__(self, seed: int = 1, loss: float = 0.0, doubled: float = 0.0) -> None:
        chance = self._chance = random.Random(seed)
        self.loss, self.doubled, self.cut, self.now = loss, doubled, False, 0.0
        self.events: dict[IPv4Address, list[Event]] = {LEFT: [], RIGHT: []}
        self.sizes: list[int] = []
        self._heap: list[tuple[float, int, SendIp]] = []
        self._count = 0
        self.boxes = {
            own: SimulatedStreams(self.send, _owner_of(own), self.events[own].append, chance.randbytes)
            for own in (LEFT, RIGHT)
        }

    def order(self, own: IPv4Address, *effects: Effect) -> None:
        for effect in effects:
            self.boxes[own].execute(effect, self.now)

    def connect(self) -> int:
        self.order(RIGHT, StreamListen(179, (StreamPeer(Prefix(LEFT, 32)),)))
        self.order(LEFT, StreamOpen(2, LEFT, RIGHT, 179))
        self.run(300.0)
        (up,) = [event for event in self.events[RIGHT] if isinstance(event, StreamUp)]
        return up.stream

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            dues = [due for box in self.boxes.values() if (due := box.next_deadline()) is not None]
            due = min([*dues, *(entry[0] for entry in self._heap[:1])], default=end)
            if due >= end:
                self.now = end
                return
            self.now = due
            if self._heap and self._heap[0][0] <= due:
                order = heapq.heappop(self._heap)[2]
                assert isinstance(order.source, IPv4Address)
                assert isinstance(order.destination, IPv4Address)
                packet = Ipv4Packet(
                    source=order.source, destination=order.destination, protocol=IpProtocol.TCP, payload=order.payload
                )
                self.boxes[order.destination].receive(packet, self.now)
            else:
                for box in self.boxes.values():
                    box.tick(self.now)

    def heard(self, own: IPv4Address) -> bytes:
        return b"".join(event.octets for event in self.events[own] if isinstance(event, StreamData))

    def downs(self, own: IPv4Address) -> list[StreamEnd]:
        return [event.end for event in self.events[own] if isinstance(event, StreamDown)]

    def send(self, _vrf: str, order: SendIp) -> None:
        self.sizes.append(len(order.payload) - 20)
        if self.cut or self._chance.random() < self.loss:
            return
        for _ in range(2 if self._chance.random() < self.doubled else 1):
            self._count += 1
            heapq.heappush(self._heap, (self.now + 0.02 + 0.03 * self._chance.random(), self._count, order))


@pytest.mark.parametrize("seed", range(5))
def test_a_wire_that_loses_doubles_and_reorders_changes_no_octet(seed: int) -> None:
    wire = Wire(seed, loss=0.1, doubled=0.1)
    theirs = wire.connect()
    question, answer = bytes(range(256)) * 30, b"and back" * 500
    wire.order(LEFT, StreamSend(2, question))
    wire.order(RIGHT, StreamSend(theirs, answer), StreamClose(theirs))
    wire.run(2000.0)
    assert wire.heard(LEFT) == answer
    assert wire.downs(LEFT) == [StreamEnd.CLOSED]


@pytest.fixture
def wire() -> Wire:
    wire = Wire()
    wire.connect()
    return wire


def test_data_is_cut_at_other_places_than_it_was_sent(wire: Wire) -> None:
    wire.order(LEFT, *(StreamSend(2, bytes(100)) for _ in range(50)))
    wire.run(10.0)
    assert wire.heard(RIGHT) == bytes(5000)
    assert any(0 < size < 100 for size in wire.sizes)


def test_the_same_seed_cuts_at_the_same_places() -> None:
    sizes = []
    for _ in range(2):
        wire = Wire(7)
        wire.connect()
        wire.order(LEFT, StreamSend(2, bytes(5000)))
        wire.run(10.0)
        sizes.append(wire.sizes)
    assert sizes[0] == sizes[1]


def test_a_short_cut_loses_nothing(wire: Wire) -> None:
    wire.cut = True
    wire.order(LEFT, StreamSend(2, b"later"))
    wire.run(20.0)
    wire.cut = False
    wire.run(60.0)
    assert wire.heard(RIGHT) == b"later"


def test_whoever_sends_into_a_cut_wire_gives_up_in_the_end(wire: Wire) -> None:
    wire.cut = True
    wire.order(LEFT, StreamSend(2, b"never"))
    wire.run(2000.0)
    assert wire.downs(LEFT) == [StreamEnd.TIMED_OUT]
    assert wire.downs(RIGHT) == []


def test_whoever_calls_over_a_cut_wire_gives_up() -> None:
    wire = Wire()
    wire.cut = True
    wire.order(LEFT, StreamOpen(2, LEFT, RIGHT, 179))
    wire.run(200.0)
    assert wire.downs(LEFT) == [StreamEnd.TIMED_OUT]


def test_an_end_that_forgot_the_connection_resets_it(wire: Wire) -> None:
    """What a peer does that was killed and lives again."""
    wire.boxes[RIGHT] = SimulatedStreams(
        wire.send, _owner_of(RIGHT), wire.events[RIGHT].append, random.Random(2).randbytes
    )
    wire.order(LEFT, StreamSend(2, b"still there?"))
    wire.run(5.0)
    assert wire.downs(LEFT) == [StreamEnd.RESET]


def test_whoever_sends_more_than_the_limit_loses_the_stream(wire: Wire) -> None:
    wire.order(LEFT, StreamSend(2, bytes(SEND_LIMIT)), StreamSend(2, b"!"))
    assert wire.downs(LEFT) == [StreamEnd.OVERRUN]


def test_a_segment_of_an_elder_connection_resets_nothing(wire: Wire) -> None:
    up = next(event for event in wire.events[LEFT] if isinstance(event, StreamUp))
    forged = TcpSegment(source_port=179, destination_port=up.local_port, sequence=77, flags=Flag.RST)
    packet = Ipv4Packet(source=RIGHT, destination=LEFT, protocol=IpProtocol.TCP, payload=forged.serialize(RIGHT, LEFT))
    wire.boxes[LEFT].receive(packet, wire.now)
    assert wire.downs(LEFT) == []


def test_a_segment_has_one_encoding() -> None:
    segment = TcpSegment(
        source_port=179, destination_port=50000, sequence=1, flags=Flag.ACK | Flag.PSH, options=bytes(4), payload=b"x"
    )
    data = segment.serialize(LEFT, RIGHT)
    assert TcpSegment.parse(data, LEFT, RIGHT) == segment
    assert TcpSegment.parse(data, LEFT, RIGHT).serialize(LEFT, RIGHT) == data


@pytest.mark.parametrize("at", [0, 13, 12, 20])
def test_a_damaged_segment_is_refused(at: int) -> None:
    data = bytearray(TcpSegment(source_port=1, destination_port=2, sequence=3, payload=b"four").serialize(LEFT, RIGHT))
    data[at] ^= 0x5A
    with pytest.raises(WireError):
        TcpSegment.parse(data, LEFT, RIGHT)
    with pytest.raises(WireError):
        TcpSegment.parse(data[:12], LEFT, RIGHT)


def test_a_signature_is_only_good_with_its_password_and_addresses() -> None:
    segment = TcpSegment(source_port=1, destination_port=2, sequence=3, payload=b"four")
    options = segment.signature_option(LEFT, RIGHT, b"key")
    signed = TcpSegment(source_port=1, destination_port=2, sequence=3, payload=b"four", options=options)
    assert signed.signed_by(LEFT, RIGHT, b"key")
    assert not signed.signed_by(LEFT, RIGHT, b"other")
    assert not signed.signed_by(RIGHT, LEFT, b"key")
    assert not segment.signed_by(LEFT, RIGHT, b"key")


# Byte streams on the kernel's TCP, over the loopback: what a neighbor that never reads can keep of them.

#: Seconds until a test gives up: a busy machine is slow.
PATIENCE = 60.0
HERE = IPv4Address("127.0.0.1")


class Turns:
    """Watches descriptors, a turn at a time."""

    def __init__(self) -> None:
        self.ready: dict[int, Callable[[], object]] = {}

    def add(self, descriptor: int, ready: Callable[[], object]) -> None:
        self.ready[descriptor] = ready

    def remove(self, descriptor: int) -> None:
        del self.ready[descriptor]

    def turn(self) -> None:
        for descriptor in select.select(list(self.ready), [], [], 0.005)[0]:
            self.ready[descriptor]()


def sockets() -> set[str]:
    """The sockets that this process has."""
    folder = Path("/proc/self/fd")
    links = [os.readlink(each) for each in folder.iterdir() if each.exists() or each.is_symlink()]
    return {link for link in links if link.startswith("socket:")}


@pytest.mark.parametrize("here", [HERE, IPv6Address("::1")])
def test_a_stream_of_either_ip_version_is_signed_and_each_end_knows_both_addresses(here: IPAddress) -> None:
    events: list[Event] = []
    turns = Turns()
    streams = KernelStreams(events.append, turns)
    with socket.socket(socket.AF_INET if here.version == 4 else socket.AF_INET6) as free:
        free.bind((str(here), 0))
        port = free.getsockname()[1]
    streams.listen(StreamListen(port, (StreamPeer(Prefix.host(here), "sesame", minimum_ttl=255),)))
    streams.open(StreamOpen(2, here, here, port, password="sesame", minimum_ttl=255))
    deadline = time.monotonic() + PATIENCE
    while len(events) < 2:
        assert time.monotonic() < deadline
        turns.turn()
    (ours,) = [event for event in events if isinstance(event, StreamUp) and not event.taken]
    (theirs,) = [event for event in events if isinstance(event, StreamUp) and event.taken]
    assert (ours.local, ours.remote, ours.remote_port) == (here, here, port)
    assert (theirs.local, theirs.remote, theirs.remote_port) == (here, here, ours.local_port)
    streams.listen(StreamListen(port, ()))
    streams.close()


def test_a_stream_that_ends_does_not_wait_for_ever_for_a_neighbor_that_never_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernel_streams, "LINGERING", 200)
    events: list[Event] = []
    turns = Turns()
    streams = KernelStreams(events.append, turns)
    deadline = time.monotonic() + PATIENCE
    with socket.create_server((str(HERE), 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        before = sockets()
        streams.open(StreamOpen(2, HERE, HERE, server.getsockname()[1], ttl=64))
        (ours,) = sockets() - before
        neighbor, _ = server.accept()
        with neighbor:
            while not any(isinstance(event, StreamUp) for event in events):
                assert time.monotonic() < deadline
                turns.turn()
            while True:  # until the kernel takes no more
                events.clear()
                streams.send(StreamSend(2, bytes(1 << 17)))
                turns.turn()
                if not any(isinstance(event, StreamWritable) for event in events):
                    break
            streams.close_stream(StreamClose(2))
            assert ours in sockets(), "it ends after what was sent"
            while ours in sockets():
                assert time.monotonic() < deadline
                turns.turn()
    streams.close()


def test_a_neighbor_that_does_not_read_is_told_of_and_again_each_time_it_reads_some() -> None:
    events: list[Event] = []
    turns = Turns()
    streams = KernelStreams(events.append, turns)
    deadline = time.monotonic() + PATIENCE
    taken = sent = 0

    def count(kind: type[Event]) -> int:
        assert time.monotonic() < deadline
        return sum(isinstance(event, kind) for event in events)

    with socket.create_server((str(HERE), 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
        streams.open(StreamOpen(2, HERE, HERE, server.getsockname()[1], ttl=64))
        neighbor, _ = server.accept()
        with neighbor:
            while not count(StreamUp):
                turns.turn()
            while not count(StreamBlocked):
                streams.send(StreamSend(2, bytes(1 << 17)))
                sent += 1 << 17
                turns.turn()
            before = count(StreamBlocked), count(StreamWritable)
            while taken < sent:
                taken += len(neighbor.recv(1 << 16))
                turns.turn()
            while count(StreamWritable) == before[1]:
                turns.turn()
            assert isinstance(events[-1], StreamWritable)
    streams.close()


# Who may open a stream: the closest of thousands, found without looking at all of them.


def caller(prefix: str, password: str = "") -> StreamPeer:
    return StreamPeer(Prefix.parse(prefix), password)


def test_the_longest_prefix_says_who_calls_and_of_equal_ones_the_first() -> None:
    callers = Callers()
    wide, narrow, same = caller("10.0.0.0/8", "a"), caller("10.1.0.0/16", "b"), caller("10.1.0.0/16", "c")
    callers.set((wide, narrow, same))
    found = [callers.closest(IPv4Address(address)) for address in ("10.1.2.3", "10.2.2.3", "11.0.0.1")]
    assert found == [narrow, wide, None]


def test_only_passwords_that_are_others_are_told() -> None:
    callers = Callers()
    first = (caller("10.0.0.1/32", "a"), caller("10.0.0.2/32"), caller("10.0.0.3/32", "c"))
    assert callers.set(first) == [(first[0], True), (first[2], True)]
    second = (*first[1:], caller("10.0.0.1/32", "b"))
    assert callers.set(second) == [(first[0], False), (second[2], True)]
    assert callers.set(second) == []
    assert callers.set(()) == [(first[2], False), (second[2], False)]


def test_fifty_thousand_callers_are_not_compared_with_each_other() -> None:
    """Each of them had been looked for in the list of all others, whenever one more was configured."""
    compared = 0

    class Counted(StreamPeer):
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return super().__eq__(other)

        def __hash__(self) -> int:
            return hash(self.prefix)

    peers = tuple(Counted(Prefix.host(IPv4Address(0x0A000000 + number)), "secret") for number in range(5000))
    callers = Callers()
    callers.set(peers)
    compared = 0
    assert len(callers.set((*peers, Counted(Prefix.parse("10.9.0.0/16"), "secret")))) == 1
    assert callers.closest(IPv4Address("10.0.0.7")) is peers[7]
    assert compared < 2 * len(peers)
