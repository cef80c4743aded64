"""Byte streams on every data plane: what one router sends another gets, in order, or both hear that it is over."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from contract.test_planes import contract
from contract.worlds import nbma
from dmvpn.base.addresses import Prefix
from dmvpn.base.streams import (
    SEND_LIMIT,
    StreamClose,
    StreamData,
    StreamDown,
    StreamEnd,
    StreamListen,
    StreamOpen,
    StreamPause,
    StreamPeer,
    StreamSend,
    StreamSign,
    StreamUp,
    StreamWritable,
)

if TYPE_CHECKING:
    from contract.worlds import World

PORT = 179
EVERYBODY = Prefix.parse("10.0.0.0/8")
PATIENCE = 20.0


def connect(world: World, *, password: str = "", theirs: str = "", peers: tuple[StreamPeer, ...] | None = None) -> None:
    """B listens, A connects with stream 2."""
    taken = (StreamPeer(EVERYBODY, password=theirs),) if peers is None else peers
    world.execute("B", StreamListen(PORT, taken))
    world.execute("A", StreamOpen(2, nbma("A"), nbma("B"), PORT, password=password))


def connected(world: World) -> int:
    """Wait until both ends are up; B's number."""
    world.until(lambda: bool(world.of("A", StreamUp) and world.of("B", StreamUp)), PATIENCE)
    return world.of("B", StreamUp)[0].stream


def heard(world: World, router: str) -> bytes:
    """All that came to a router."""
    return b"".join(event.octets for event in world.of(router, StreamData))


@contract
def test_what_is_sent_comes_in_order_both_ways(world: World) -> None:
    connect(world)
    theirs = connected(world)
    question, answer = bytes(range(256)) * 40, b"yes" * 3000
    for start in range(0, len(question), 700):
        world.execute("A", StreamSend(2, question[start : start + 700]))
    world.execute("B", StreamSend(theirs, answer))
    world.until(lambda: heard(world, "B") == question and heard(world, "A") == answer, PATIENCE)


@contract
def test_of_a_stream_that_is_paused_nothing_comes_until_it_goes_on(world: World) -> None:
    connect(world)
    theirs = connected(world)
    world.execute("B", StreamPause(theirs, paused=True))
    world.execute("A", *(StreamSend(2, bytes((number,)) * 1000) for number in range(40)))
    world.execute("B", StreamSend(theirs, b"yes"))
    world.until(lambda: heard(world, "A") == b"yes", PATIENCE)
    assert not heard(world, "B")
    world.execute("B", StreamPause(theirs, paused=False))
    world.until(lambda: heard(world, "B") == b"".join(bytes((number,)) * 1000 for number in range(40)), PATIENCE)


@contract
def test_each_end_knows_both_addresses_and_who_called(world: World) -> None:
    connect(world)
    connected(world)
    ours, theirs = world.of("A", StreamUp)[0], world.of("B", StreamUp)[0]
    assert (ours.local, ours.remote, ours.remote_port, ours.taken) == (nbma("A"), nbma("B"), PORT, False)
    assert (theirs.local, theirs.remote, theirs.local_port, theirs.taken) == (nbma("B"), nbma("A"), PORT, True)
    assert ours.local_port == theirs.remote_port
    assert (ours.stream % 2, theirs.stream % 2) == (0, 1)


@contract
def test_an_orderly_end_comes_after_the_last_octet(world: World) -> None:
    connect(world)
    connected(world)
    world.execute("A", StreamSend(2, b"x" * 5000), StreamClose(2))
    world.until(lambda: bool(world.of("B", StreamDown)), PATIENCE)
    assert heard(world, "B") == b"x" * 5000
    assert world.of("B", StreamDown)[0].end is StreamEnd.CLOSED
    assert not world.of("A", StreamDown)


@contract
def test_an_aborted_stream_is_reset(world: World) -> None:
    connect(world)
    connected(world)
    world.execute("A", StreamClose(2, abort=True))
    world.until(lambda: bool(world.of("B", StreamDown)), PATIENCE)
    assert world.of("B", StreamDown)[0].end is StreamEnd.RESET


@contract
def test_who_calls_a_closed_port_is_refused(world: World) -> None:
    world.execute("A", StreamOpen(2, nbma("A"), nbma("B"), PORT))
    world.until(lambda: bool(world.of("A", StreamDown)), PATIENCE)
    assert world.of("A", StreamDown)[0].end is StreamEnd.REFUSED


@contract
def test_a_stranger_gets_no_stream(world: World) -> None:
    connect(world, peers=(StreamPeer(Prefix(nbma("C"), 32)),))
    world.until(lambda: bool(world.of("A", StreamDown)), PATIENCE)
    assert not world.of("B", StreamUp)


@contract
def test_a_port_that_was_closed_takes_nobody(world: World) -> None:
    world.execute("B", StreamListen(PORT, (StreamPeer(EVERYBODY),)), StreamListen(PORT, ()))
    world.execute("A", StreamOpen(2, nbma("A"), nbma("B"), PORT))
    world.until(lambda: bool(world.of("A", StreamDown)), PATIENCE)
    assert world.of("A", StreamDown)[0].end is StreamEnd.REFUSED


@contract
def test_both_ends_with_the_same_password_talk(world: World) -> None:
    connect(world, password="sesame", theirs="sesame")
    theirs = connected(world)
    world.execute("B", StreamSend(theirs, b"signed"))
    world.until(lambda: heard(world, "A") == b"signed", PATIENCE)


@contract
def test_a_stream_goes_on_with_another_password_that_both_ends_get_and_stands_still_meanwhile(world: World) -> None:
    connect(world, password="sesame", theirs="sesame")
    theirs = connected(world)
    world.execute("B", StreamSign(theirs, "simsim"), StreamSend(theirs, b"by the new one"))
    world.run(0.3)
    assert heard(world, "A") == b""
    world.execute("A", StreamSign(2, "simsim"))
    world.until(lambda: heard(world, "A") == b"by the new one", PATIENCE)


@contract
def test_other_passwords_and_none_get_no_answer(world: World) -> None:
    connect(world, password="sesame", theirs="simsim")
    world.execute("C", StreamOpen(2, nbma("C"), nbma("B"), PORT))
    world.run(1.0)
    assert not world.of("B", StreamUp)
    assert not world.of("A", StreamDown)
    assert not world.of("C", StreamDown)


@contract
def test_packets_from_too_far_do_not_count(world: World) -> None:
    """B takes no packet that has crossed a router; the provider is one."""
    connect(world, peers=(StreamPeer(EVERYBODY, minimum_ttl=255),))
    world.run(0.5)
    world.execute("A", StreamSend(2, b"from afar"))
    world.run(0.5)
    assert not heard(world, "B")


@contract
def test_an_address_that_is_not_ours_opens_nothing(world: World) -> None:
    world.execute("A", StreamOpen(2, IPv4Address("10.99.99.99"), nbma("B"), PORT))
    world.until(lambda: bool(world.of("A", StreamDown)), PATIENCE)
    assert world.of("A", StreamDown)[0].end is StreamEnd.UNREACHABLE


@contract
def test_whoever_sends_much_is_told_when_there_is_room_again(world: World) -> None:
    connect(world)
    connected(world)
    world.execute("A", StreamSend(2, bytes(SEND_LIMIT)))
    world.until(lambda: bool(world.of("A", StreamWritable)), PATIENCE)
    world.execute("A", StreamSend(2, bytes(SEND_LIMIT)))
    world.until(lambda: len(heard(world, "B")) == 2 * SEND_LIMIT, PATIENCE)
    assert not world.of("A", StreamDown)
