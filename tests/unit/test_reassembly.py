"""Fragments are put together, whatever order they come in, and what does not fit costs bounded memory."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.context import PAUSE, Context
from dmvpn.base.errors import WireError
from dmvpn.base.events import IpReceived
from dmvpn.base.pacing import Pace, PacedPackets
from dmvpn.base.protection import EspCipher, EspHash, EspTransform
from dmvpn.dataplane.contract import ALARMS_PER_SECOND, Alarms, Door
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.fragmentation import AGE, DATAGRAMS, LARGEST, LEAST, OCTETS, PIECES, TIMEOUT, PathMtus, Reassembler
from dmvpn.dataplane.python.tunnels import CoreTunnel, TunnelTable
from dmvpn.dataplane.userspace.taps import SPARE, PeerNumbers
from dmvpn.net.ipv4 import IpProtocol, Ipv4Flag, Ipv4Packet
from dmvpn.net.ipv6 import Ipv6Packet
from support.fakes import fake_ports
from support.work import calls

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from dmvpn.base.addresses import IPAddress

WHOLE = Ipv4Packet(
    source=IPv4Address("192.0.2.2"),
    destination=IPv4Address("192.0.2.1"),
    protocol=IpProtocol.GRE,
    payload=b"",
    identification=7,
    options=b"\x94\x04\x00\x00\x07\x03\x04\x00",
)


def piece(start: int, octets: int, *, more: bool = True, identification: int = 7, tos: int = 0) -> Ipv4Packet:
    flags = Ipv4Flag.MORE_FRAGMENTS if more else Ipv4Flag(0)
    place = replace(WHOLE, identification=identification, flags=flags, fragment_offset=start >> 3)
    return replace(place, payload=bytes(octets), tos=tos)


@given(st.binary(min_size=1, max_size=500), st.sampled_from([76, 100, 300]), st.randoms(use_true_random=False))
def test_pieces_in_any_order_some_of_them_twice_are_the_datagram(data: bytes, size: int, chance: Random) -> None:
    whole = replace(WHOLE, payload=data, tos=0xB8)
    pieces = whole.fragments(size)
    order = [*pieces, *pieces[:-1]]
    chance.shuffle(order)
    reassembler = Reassembler()
    assert whole in [reassembler.add(fragment, 0.0) for fragment in order]


@pytest.mark.parametrize(
    ("second", "fits"),
    [
        (piece(8, 8), True),
        (piece(32, 8), True),
        (piece(32, 3, more=False), True),
        (piece(24, 8), False),
        (piece(24, 16), False),
        (piece(0, 16), False),
        (piece(0, 8, more=False), False),
        (piece(8, 16), False),
        (piece(16, 24), False),
        (piece(8, 8, more=False), False),
    ],
)
def test_what_overlaps_is_forgotten_with_all_of_its_datagram(second: Ipv4Packet, fits: bool) -> None:
    reassembler = Reassembler()
    for start, octets in ((0, 8), (16, 16)):
        assert reassembler.add(piece(start, octets), 0.0) is None
    if fits:
        assert reassembler.add(second, 0.0) is None
        return
    with pytest.raises(WireError, match="do not fit"):
        reassembler.add(second, 0.0)
    assert reassembler.add(piece(8, 8), 0.0) is None
    assert reassembler.add(piece(16, 1, more=False), 0.0) is None, "the first one is gone"


def test_behind_its_last_piece_a_datagram_has_none() -> None:
    for behind in (piece(24, 8), piece(24, 8, more=False)):
        reassembler = Reassembler()
        reassembler.add(piece(16, 5, more=False), 0.0)
        with pytest.raises(WireError, match="do not fit"):
            reassembler.add(behind, 0.0)


@pytest.mark.parametrize("odd", [piece(0, 12), piece(8, 0, more=False), piece(65528, 8, more=False)])
def test_what_is_a_fragment_of_no_packet_is_refused(odd: Ipv4Packet) -> None:
    with pytest.raises(WireError, match="part of no packet"):
        Reassembler().add(odd, 0.0)


def test_a_packet_that_would_be_too_long_with_its_header_is_refused() -> None:
    reassembler = Reassembler()
    assert reassembler.add(piece(0, 65504), 0.0) is None
    with pytest.raises(WireError, match="too long"):
        reassembler.add(piece(65504, 4, more=False), 0.0)


@pytest.mark.parametrize(("first", "second", "expected"), [(2, 3, 3), (3, 1, 3), (0xB8, 0, 0xB8), (0, 3, None)])
def test_a_mark_in_one_piece_is_the_wholes_unless_another_forbids_it(
    first: int, second: int, expected: int | None
) -> None:
    """RFC 3168 §5.3."""
    reassembler = Reassembler()
    assert reassembler.add(piece(0, 8, tos=first), 0.0) is None
    if expected is None:
        with pytest.raises(WireError, match="marked"):
            reassembler.add(piece(8, 1, more=False, tos=second), 0.0)
        return
    whole = reassembler.add(piece(8, 1, more=False, tos=second), 0.0)
    assert whole is not None
    assert whole.tos == expected


def test_what_stays_incomplete_too_long_is_forgotten() -> None:
    for later, complete in ((TIMEOUT, True), (TIMEOUT + 0.1, False)):
        reassembler = Reassembler()
        reassembler.add(piece(0, 8), 0.0)
        assert (reassembler.add(piece(8, 1, more=False), later) is not None) == complete


def test_what_stays_incomplete_too_long_is_forgotten_though_no_piece_comes_any_more() -> None:
    reassembler = Reassembler()
    reassembler.add(piece(0, 8), 0.0)
    reassembler.forget_old(TIMEOUT)
    assert len(reassembler) == 1
    reassembler.forget_old(TIMEOUT + 0.1)
    assert len(reassembler) == 0


# ------------------------------------------------------------------------------------------------ IPv6

WHOLE6 = Ipv6Packet(
    traffic_class=0xB8,
    next_header=IpProtocol.UDP,
    hop_limit=64,
    source=IPv6Address("2001:db8::2"),
    destination=IPv6Address("2001:db8::1"),
    payload=b"",
)


def piece6(start: int, octets: int, *, more: bool = True, following: int = 17, identification: int = 7) -> Ipv6Packet:
    header = struct.pack("!BBHI", following, 0, start | more, identification)
    return replace(WHOLE6, next_header=44, payload=header + bytes(octets))


@given(st.binary(min_size=1, max_size=5000), st.sampled_from([1280, 1400, 1500]), st.randoms(use_true_random=False))
def test_pieces_of_ipv6_fit_the_mtu_and_are_the_packet_in_any_order(data: bytes, size: int, chance: Random) -> None:
    whole = replace(WHOLE6, payload=data)
    pieces = whole.fragments(size, 9)
    assert all(len(fragment.serialize()) <= size for fragment in pieces)
    assert all(fragment.is_fragment for fragment in pieces) == (len(data) > size - 40)
    if len(pieces) == 1:
        assert pieces == [whole]
        return
    order = [*pieces, *pieces[:-1]]
    chance.shuffle(order)
    reassembler = Reassembler()
    assert whole in [reassembler.add(fragment, 0.0) for fragment in order]


def test_what_overlaps_is_no_packet_of_ipv6_and_what_is_cut_short_is_none_either() -> None:
    """RFC 5722, RFC 8200 §4.5."""
    reassembler = Reassembler()
    assert reassembler.add(piece6(0, 16), 0.0) is None
    for wrong in (piece6(8, 16), replace(piece6(0, 0), payload=bytes(8)), piece6(16, 9), piece6(65528, 9, more=False)):
        with pytest.raises(WireError):
            reassembler.add(wrong, 0.0)
    assert len(reassembler) == 0
    assert reassembler.add(piece6(16, 1, more=False), 0.0) is None, "the first piece has gone with its datagram"


def test_a_fragment_that_is_the_whole_packet_has_nothing_to_do_with_other_pieces() -> None:
    """RFC 6946; and the header that follows is the one in the first piece."""
    reassembler = Reassembler()
    assert reassembler.add(piece6(8, 4, more=False, following=58), 0.0) is None
    assert reassembler.add(piece6(0, 8, more=False), 0.0) == replace(WHOLE6, payload=bytes(8))
    assert reassembler.add(piece6(0, 8), 0.0) == replace(WHOLE6, payload=bytes(12))


def test_only_so_many_datagrams_pieces_and_octets_wait_and_the_oldest_goes_first() -> None:
    def is_there(reassembler: Reassembler, identification: int) -> bool:
        return reassembler.add(piece(8, 1, more=False, identification=identification), 0.0) is not None

    reassembler = Reassembler()
    for number in range(DATAGRAMS + 1):
        reassembler.add(piece(0, 8, identification=number), 0.0)
    assert is_there(reassembler, DATAGRAMS)
    assert is_there(reassembler, 1)
    assert not is_there(reassembler, 0)
    reassembler = Reassembler()
    reassembler.add(piece(0, 8, identification=99), 0.0)
    for number in range(OCTETS // 60_000 + 1):
        reassembler.add(piece(0, 60_000, identification=number), 0.0)
    assert not is_there(reassembler, 99)
    reassembler = Reassembler()
    for number in range(PIECES):
        reassembler.add(piece(16 * number, 8), 0.0)
    with pytest.raises(WireError, match="do not fit"):
        reassembler.add(piece(16 * PIECES, 8), 0.0)


# Packets that wait for their sender's turn are read when it comes, whoever else sends.

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


# What routers on the way say of packets that are too big, and how long and how much of it counts.

THERE = b"\xc6\x33\x64\x01"


def test_what_was_heard_holds_for_some_minutes() -> None:
    paths = PathMtus[bytes]()
    assert paths.to(THERE, 0.0) is None
    paths.learn(THERE, 1300, 0.0)
    paths.learn(THERE, 1280, 10.0)
    assert (len(paths), paths.to(THERE, AGE)) == (1, 1280)
    assert (paths.to(THERE, AGE + 10), len(paths)) == (None, 0)


def test_what_is_over_goes_though_nobody_asks_for_it() -> None:
    """One peer that was gone had every packet of the router looked at forever."""
    paths = PathMtus[bytes]()
    paths.learn(THERE, 1300, 0.0)
    paths.learn(bytes(4), 1300, 10.0)
    assert (paths.knows(AGE), len(paths)) == (True, 1)
    assert (paths.knows(AGE + 10), len(paths)) == (False, 0)
    paths.learn(THERE, 1300, 2000.0)
    paths.learn(bytes(4), 1300, 2000.0 + AGE)
    assert len(paths) == 1
    paths.learn(bytes(4), 1280, 2001.0 + AGE)
    assert paths.knows(2000.5 + 2 * AGE), "it was heard of again"


def test_a_forger_cannot_make_packets_smaller_than_linux_does_nor_fill_the_memory() -> None:
    paths = PathMtus[bytes]()
    paths.learn(THERE, 0, 0.0)
    assert paths.to(THERE, 1.0) == LEAST
    for number in range(LARGEST + 5):
        paths.learn(number.to_bytes(4, "big"), 1300, 1.0)
    assert len(paths) == LARGEST
    assert paths.to(THERE, 2.0) is None


def test_the_largest_payload_fills_its_room_to_the_last_block() -> None:
    for transform in (EspTransform(EspCipher.AES_GCM, 256), EspTransform(EspCipher.AES_CBC, 128, EspHash.SHA256)):
        suite = EspSuite.of(transform)
        for room in range(1200, 1300):
            largest = suite.largest(room)
            assert largest + suite.overhead(largest) <= room < largest + 1 + suite.overhead(largest + 1)


# Which tunnel a packet of GRE belongs to: as in the engine's `table.rs`.

HERE, THERE_TOO = Door(0), Door(1)
REMOTE, ELSEWHERE = (IPv4Address(f"10.0.0.{number}").packed for number in (2, 3))


def table(*tunnels: tuple[bytes | None, int | None]) -> TunnelTable:
    """Tunnels 1, 2, ... from here, each with its destination and key."""
    made = TunnelTable()
    for number, (destination, key) in enumerate(tunnels, 1):
        made.set(number, CoreTunnel(HERE, destination, key, bytes(6)))
    return made


@pytest.mark.parametrize(
    ("remote", "key", "expected"),
    [(REMOTE, None, 2), (ELSEWHERE, None, 1), (REMOTE, 0, 3), (REMOTE, 7, 4), (ELSEWHERE, 7, None)],
)
def test_a_point_to_point_tunnel_comes_before_a_multipoint_one_and_keys_must_be_equal(
    remote: bytes, key: int | None, expected: int | None
) -> None:
    tunnels = table((None, None), (REMOTE, None), (None, 0), (REMOTE, 7))
    assert tunnels.demultiplex(HERE, remote, key) == expected
    assert tunnels.demultiplex(THERE_TOO, REMOTE, None) is None, "the same address in another front door"


def test_a_removed_tunnel_gives_way_to_the_next_one() -> None:
    tunnels = table((REMOTE, None), (REMOTE, None), (None, None))
    for expected in (1, 2, 3):
        assert tunnels.demultiplex(HERE, REMOTE, None) == expected
        tunnels.remove(expected)
    assert tunnels.demultiplex(HERE, REMOTE, None) is None


def test_a_tunnel_with_a_new_key_is_found_by_it_alone() -> None:
    tunnels = table((None, 1))
    tunnels[1].key = 2
    tunnels.set(1, tunnels[1])
    assert tunnels.demultiplex(HERE, REMOTE, 1) is None
    assert tunnels.demultiplex(HERE, REMOTE, 2) == 1


# Numbers of peers in a userspace plane: never given twice, and those of gone connections do not pile up.

NBMA, OTHER, NEXT_HOP = IPv4Address("198.51.100.1"), IPv4Address("198.51.100.2"), IPv4Address("172.16.0.1")


def test_a_spoke_that_comes_back_for_ever_does_not_fill_the_memory() -> None:
    peers = PeerNumbers()
    steady = peers.lead(NEXT_HOP + 1, OTHER, 1)
    given, forgotten = {steady}, []
    for connection in range(2, 10 * SPARE):
        number = peers.lead(NEXT_HOP, NBMA, connection)
        assert number not in given
        given.add(number)
        forgotten += peers.forget_idle()
    assert len(peers) <= 2 * SPARE + 2
    assert forgotten == sorted(forgotten), "the oldest first"
    assert not {steady, number} & set(forgotten), "not those in use"
    assert peers.lead(NEXT_HOP + 1, OTHER, 1) == steady


def test_a_next_hop_that_was_cleared_does_not_keep_its_peer() -> None:
    peers = PeerNumbers()
    for number in range(3 * SPARE):
        peers.lead(NEXT_HOP + number, NBMA, number + 1)
    assert peers.forget_idle() == []
    for number in range(3 * SPARE):
        peers.clear(NEXT_HOP + number)
    assert len(peers.forget_idle()) == SPARE


# How often the router is told what strangers can make happen.


def test_the_same_thing_is_told_once_a_second() -> None:
    alarms = Alarms()
    assert [alarms.may_tell("a", when) for when in (0.0, 0.5, 0.99, 1.0, 1.5, 2.1)] == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]


def test_however_many_strangers_there_are_only_so_many_are_told_of_in_a_second() -> None:
    alarms = Alarms()
    told = [alarms.may_tell(stranger, stranger / 10_000) for stranger in range(5_000)]
    assert sum(told) == ALARMS_PER_SECOND
    assert alarms.may_tell("a legitimate one", 1.1)
