"""The Send Hold Timer of BGP, RFC 9687: a peer that does not read what it is sent does not keep its session."""

from __future__ import annotations

import pytest

from dmvpn.base.streams import StreamBlocked, StreamClose, StreamWritable
from dmvpn.features.bgp.codes import ErrorCode
from dmvpn.features.bgp.packet import Keepalive, Notification
from support.bgp_callers import Caller, hub
from support.workbench import Workbench, of_type

NEIGHBOR = "show ip bgp neighbors 172.16.31.2"


def keeps_quiet_for(one: Caller, seconds: int) -> None:
    """The peer lives, and says so; it may read or not."""
    for _ in range(seconds // 20):
        one.says(Keepalive())
        one.waits(20)


def blocked() -> tuple[Workbench, Caller]:
    bench = hub()
    one = Caller(bench, 2).is_up()
    bench.handle(StreamBlocked(one.stream))
    return bench, one


@pytest.mark.conforms("bgp:9687-expires")
def test_a_peer_that_takes_nothing_for_eight_minutes_is_given_up_without_a_word_to_it() -> None:
    bench, one = blocked()
    keeps_quiet_for(one, 460)
    assert not one.closed
    one.says(Keepalive())
    closes = of_type(bench.advance(21), StreamClose)
    assert [(each.stream, each.abort) for each in closes] == [(one.stream, True)]
    assert not [message for message in one.heard if isinstance(message, Notification)]
    assert "%BGP-3-SENDHOLD: neighbor 172.16.31.2 has taken nothing for 480 seconds (8/0, send hold time expired)" in (
        bench.logs
    )
    assert "%BGP-5-ADJCHANGE: neighbor *172.16.31.2 Down send hold time expired" in bench.logs


@pytest.mark.conforms("bgp:9687-time")
def test_with_a_long_hold_time_it_is_twice_that() -> None:
    bench = hub(" timers bgp 100 600\n")
    one = Caller(bench, 2).connects().opens(hold_time=600)
    one.says(Keepalive())
    bench.handle(StreamBlocked(one.stream))
    keeps_quiet_for(one, 1180)
    assert not one.closed
    keeps_quiet_for(one, 40)
    assert one.closed


def test_a_session_with_hold_time_0_has_no_send_hold_timer() -> None:
    bench = hub()
    one = Caller(bench, 2).connects().opens(hold_time=0)
    one.says(Keepalive())
    bench.handle(StreamBlocked(one.stream))
    one.waits(10_000)
    assert not one.closed


@pytest.mark.parametrize(("hold_time", "is_given_up"), [(90, True), (0, False)])
def test_a_peer_that_takes_nothing_from_the_start_is_given_up_unless_its_hold_time_is_0(
    hold_time: int, is_given_up: bool
) -> None:
    bench = hub()
    one = Caller(bench, 2).connects()
    bench.handle(StreamBlocked(one.stream))
    one.opens(hold_time=hold_time)
    keeps_quiet_for(one, 460)
    assert not one.closed
    keeps_quiet_for(one, 40)
    assert one.closed is is_given_up


@pytest.mark.parametrize("event", [StreamBlocked, StreamWritable])
def test_a_peer_that_takes_some_of_it_or_all_of_it_again_stays(event: type[StreamBlocked | StreamWritable]) -> None:
    bench, one = blocked()
    keeps_quiet_for(one, 460)
    bench.handle(event(one.stream))
    keeps_quiet_for(one, 460)
    assert not one.closed


def test_the_show_says_how_long_it_may_go_on() -> None:
    bench, one = blocked()
    keeps_quiet_for(one, 60)
    assert "  Send hold time is 480 seconds, 420 left: it takes nothing" in bench.show(NEIGHBOR)
    bench.handle(StreamWritable(one.stream))
    assert "  Send hold time is 480 seconds" in bench.show(NEIGHBOR)


def test_its_notification_is_understood_when_a_peer_manages_to_send_it() -> None:
    bench = hub()
    one = Caller(bench, 2).is_up()
    one.says(Notification(ErrorCode.SEND_HOLD_TIME))
    expected = "received from neighbor 172.16.31.2 8/0 (send hold time expired) 0 bytes"
    assert f"%BGP-3-NOTIFICATION: {expected}" in bench.logs
