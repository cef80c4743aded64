"""What many routers tell becomes one story: each message once, from whom to whom, in the order of time."""

from __future__ import annotations

import itertools
from ipaddress import ip_address

import pytest

from dmvpn.base.chronicle import (
    ChronicleLine,
    MessagePassed,
    Sign,
    StateChanged,
    Topic,
    Way,
    line_from_plain,
    line_to_plain,
)
from dmvpn.face.watcher import RETRY
from dmvpn.tools.watch.steps import HOLD, Arrow, Assembler, Note, Step

NBMA = {"R11": "172.16.11.1", "R31": "172.16.31.1", "R41": "172.16.41.1"}


def passed(way: Way, peer: str, mark: str = "m", name: str = "Resolution Request") -> MessagePassed:
    """A message to or from a router, or an address."""
    address = ip_address(NBMA.get(peer, peer))
    return MessagePassed(
        protocol="NHRP", name=name, way=way, interface="Tunnel100", peer=address, subject="?", mark=mark
    )


def told(*lines: tuple[str, float, MessagePassed | StateChanged]) -> list[Step]:
    """The steps of these lines (router, time, what), which come in this order."""
    assembler = Assembler()
    for router, address in NBMA.items():
        assembler.knows(router, [address])
    for number, (router, time, what) in enumerate(lines, 1):
        assembler.add(router, ChronicleLine(number, time, what), arrived=0.0)
    return assembler.take(arrived_before=1.0)


def ends(steps: list[Step]) -> list[tuple[str, str, bool]]:
    """From whom to whom, and whether it arrived."""
    return [(step.sender, step.receiver, step.arrived) for step in steps if isinstance(step, Arrow)]


def test_what_one_sent_and_another_received_is_one_arrow() -> None:
    lines = [("R31", 1.0, passed(Way.SENT, "R11")), ("R11", 1.1, passed(Way.RECEIVED, "R31"))]
    for order in itertools.permutations(lines):
        assert ends(told(*order)) == [("R31", "R11", True)]


def test_behind_a_translator_the_mark_tells_who_it_was() -> None:
    steps = told(("R31", 1.0, passed(Way.SENT, "198.51.100.7")), ("R41", 1.1, passed(Way.RECEIVED, "203.0.113.9")))
    assert ends(steps) == [("R31", "R41", True)]


def test_what_nobody_received_leads_to_whom_the_address_belongs_and_did_not_arrive() -> None:
    assert ends(told(("R31", 1.0, passed(Way.SENT, "R41")))) == [("R31", "R41", False)]


def test_who_cannot_be_seen_keeps_his_address() -> None:
    sent, received = passed(Way.SENT, "198.51.100.7", "a"), passed(Way.RECEIVED, "198.51.100.7", "b")
    steps = told(("R31", 1.0, sent), ("R31", 2.0, received))
    assert ends(steps) == [("R31", "198.51.100.7", True), ("198.51.100.7", "R31", True)]


def test_of_a_message_that_was_repeated_the_last_one_arrived() -> None:
    again = passed(Way.SENT, "R11")
    steps = told(("R31", 1.0, again), ("R31", 1.3, again), ("R11", 1.31, passed(Way.RECEIVED, "R31")))
    assert ends(steps) == [("R31", "R11", False), ("R31", "R11", True)]


def test_each_of_two_that_both_arrived_is_an_arrow() -> None:
    sent, received = passed(Way.SENT, "R11"), passed(Way.RECEIVED, "R31")
    steps = told(("R31", 1.0, sent), ("R11", 1.1, received), ("R31", 2.0, sent), ("R11", 2.1, received))
    assert ends(steps) == [("R31", "R11", True)] * 2


def test_the_same_words_much_later_are_another_message() -> None:
    steps = told(("R31", 1.0, passed(Way.SENT, "R11")), ("R11", 60.0, passed(Way.RECEIVED, "R31")))
    assert ends(steps) == [("R31", "R11", False), ("R31", "R11", True)]


def test_what_a_hub_passes_on_is_an_arrow_of_its_own() -> None:
    steps = told(
        ("R31", 1.0, passed(Way.SENT, "R11", "255")),
        ("R11", 1.1, passed(Way.RECEIVED, "R31", "255")),
        ("R11", 1.2, passed(Way.FORWARDED, "R41", "254")),
        ("R41", 1.3, passed(Way.RECEIVED, "R11", "254")),
    )
    assert ends(steps) == [("R31", "R11", True), ("R11", "R41", True)]
    assert [step.forwarded for step in steps if isinstance(step, Arrow)] == [False, True]


def test_a_clock_that_is_a_little_late_turns_no_arrow_round() -> None:
    steps = told(("R31", 1.002, passed(Way.SENT, "R11")), ("R11", 1.001, passed(Way.RECEIVED, "R31")))
    assert ends(steps) == [("R31", "R11", True)]


def test_lines_wait_for_those_that_were_earlier() -> None:
    assembler = Assembler()
    change = StateChanged(topic=Topic.MAPPING, sign=Sign.CAME, subject="10.4.4.0/24", text="= 172.16.41.1 (resolved)")
    assembler.add("R31", ChronicleLine(1, 2.0, change), arrived=10.0)
    assert assembler.take(10.0 - HOLD) == []
    assembler.add("R41", ChronicleLine(1, 1.0, change), arrived=10.2)
    steps = assembler.take(10.3 - HOLD + HOLD)
    assert [step.router for step in steps if isinstance(step, Note)] == ["R41", "R31"]
    assert not assembler.waits


def test_a_line_that_comes_late_waits_for_its_counterpart_as_long_as_any() -> None:
    """Seen: with `--since 1h` what two routers had said to each other was told as lost, twice."""
    assembler = Assembler()
    change = StateChanged(topic=Topic.MAPPING, sign=Sign.CAME, subject="10.4.4.0/24")
    assembler.add("R11", ChronicleLine(9, 5.0, change), arrived=10.0)
    assembler.add("R31", ChronicleLine(1, 1.0, passed(Way.SENT, "R41")), arrived=10.4)
    assert assembler.take(10.1) == []
    assembler.add("R41", ChronicleLine(1, 1.1, passed(Way.RECEIVED, "R31")), arrived=10.6)
    assert ends(assembler.take(10.6)) == [("R31", "R41", True)]
    assert not assembler.waits


def test_of_a_message_that_is_repeated_the_first_receipt_is_of_the_first_one_even_if_its_clock_is_early() -> None:
    again = passed(Way.SENT, "R11")
    steps = told(("R11", 1.001, passed(Way.RECEIVED, "R31")), ("R31", 1.002, again), ("R31", 3.0, again))
    assert [(step.time, step.arrived) for step in steps if isinstance(step, Arrow)] == [(1.002, True), (3.0, False)]


def test_a_router_that_returns_is_heard_before_what_was_sent_to_it_is_told_as_lost() -> None:
    """Seen: R41 was started again, and its registration and the reply to it were each told as lost, twice."""
    assert 2 * RETRY <= HOLD


@pytest.mark.parametrize(
    "what",
    [
        passed(Way.FORWARDED, "2001:db8::1", "mark", "Purge Request"),
        StateChanged(topic=Topic.ROUTE, sign=Sign.WENT, subject="10.0.0.0/8", text="x", interface="Tunnel1"),
        StateChanged(
            topic=Topic.MAPPING,
            sign=Sign.CAME,
            subject="10.4.4.0/24",
            kind="resolved",
            nbma=ip_address("192.0.2.4"),
            next_hop=ip_address("10.0.0.4"),
        ),
    ],
)
def test_a_line_travels_whole(what: MessagePassed | StateChanged) -> None:
    line = ChronicleLine(7, 3.5, what)
    assert line_from_plain(line_to_plain(line)) == line


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"number": True, "time": 1.0},
        {"number": 1, "time": 1.0, "way": "flown"},
        {"number": 1, "time": 1.0, "topic": "x"},
    ],
)
def test_what_is_no_line_is_refused(plain: dict[str, object]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        line_from_plain(plain)
