"""Packets that wait for their sender's turn are read when it comes, whoever else sends."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.chores import PAUSE
from dmvpn.base.context import Context
from dmvpn.base.events import IpReceived
from dmvpn.base.pacing import Pace, PacedPackets
from support.fakes import fake_ports
from support.work import calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress

PATIENT, HASTY = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
#: A packet of 200 octets owes 0.1 s more than a neighbor may owe, and each further one 0.2 s more.
PACE = Pace(rate=1000, credit=100, packet=0, room=600, total=1 << 20)


def packet(source: IPv4Address) -> IpReceived:
    return IpReceived("Tunnel0", source, IPv4Address("224.0.0.9"), 17, bytes(200))


class Reader:
    """A machine that only reads: the senders, and when it read."""

    def __init__(self, read: Callable[[IpReceived], bool] = lambda _: True, room: int = 600) -> None:
        self.context = Context(fake_ports())
        self.read: list[tuple[IPAddress, float]] = []
        self.then = read
        self.packets = PacedPackets(self.context, PACE._replace(room=room), self._note)
        self.context.begin(1.0)

    def _note(self, packet: IpReceived) -> bool:
        self.read.append((packet.source, self.context.now))
        return self.then(packet)

    def times(self, source: IPv4Address) -> list[float]:
        return [round(when, 3) for sender, when in self.read if sender == source]

    def tick(self, now: float) -> None:
        due = self.context.next_deadline()
        if due is not None and due <= now:
            self.context.begin(now)
            self.context.fire(32)

    def rest(self) -> None:
        while (due := self.context.next_deadline()) is not None:
            self.tick(due)


def test_packets_that_come_too_fast_are_read_at_the_pace_and_then_dropped() -> None:
    reader = Reader()
    assert [reader.packets.take(packet(HASTY)) for _ in range(5)] == [True] * 4 + [False]
    reader.rest()
    assert reader.times(HASTY) == [1.0, 1.1, 1.3, 1.5]


def test_packets_that_are_not_authentic_do_not_count_against_the_neighbor_whose_address_they_have() -> None:
    reader = Reader(lambda _: False)
    for _ in range(8):
        assert reader.packets.take(packet(PATIENT))
    assert reader.times(PATIENT) == [1.0] * 8


def test_a_neighbor_that_sends_all_the_time_does_not_keep_packets_of_another_one_waiting() -> None:
    reader = Reader(room=1 << 18)
    for sender in (PATIENT, PATIENT, HASTY):
        reader.packets.take(packet(sender))
    assert len(reader.read) == 2
    for number in range(400):  # a packet each half pause, and the clock's turn when it comes
        now = 1.0 + number * PAUSE / 2
        reader.tick(now)
        reader.context.begin(now)
        reader.packets.take(packet(HASTY))
    assert reader.times(PATIENT)[1] < 1.1 + 3 * PAUSE


def test_a_packet_that_raises_an_error_holds_up_no_other() -> None:
    def fail(_: IpReceived) -> bool:
        raise ZeroDivisionError

    reader = Reader()
    for _ in range(3):
        reader.packets.take(packet(HASTY))
        reader.packets.take(packet(PATIENT))
    reader.then = fail
    for _ in range(8):
        with suppress(ZeroDivisionError):
            reader.rest()
    assert reader.times(HASTY) == reader.times(PATIENT) == [1.0, 1.1, 1.3]


def test_a_packet_costs_the_same_however_many_neighbors_wait() -> None:
    """A hub's OSPF took 3 ms to let a packet wait, and 25 ms to read one, while packets of 1000 neighbors waited."""

    def work(neighbors: int) -> float:
        reader = Reader()

        def let_all_send() -> None:
            for number in range(3 * neighbors):
                reader.packets.take(packet(IPv4Address((10 << 24) + number % neighbors)))
            reader.rest()

        count = calls(let_all_send)
        assert len(reader.read) == 3 * neighbors
        return count / neighbors

    assert work(256) < 2 * work(16)
