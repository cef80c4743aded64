"""Routes of BGP that come and go are not used for a while: RFC 2439, with the numbers of IOS."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from dmvpn.features.bgp import flaps
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.bgp.packet import Keepalive, Notification, Update
from support.bgp_callers import Caller, hub
from support.routing import p

if TYPE_CHECKING:
    from support.workbench import Workbench

LAN, OTHER = "10.9.0.0/16", "10.8.0.0/16"
DAMPENING = " bgp dampening\n"


@pytest.fixture
def bench() -> Workbench:
    return hub(DAMPENING)


def flaps_once(caller: Caller, prefix: str = LAN) -> None:
    """It comes and goes."""
    caller.announces(prefix)
    caller.says(Update(withdrawn=(p(prefix),)))


def is_used(bench: Workbench, prefix: str = LAN) -> bool:
    bench.advance(0.1)
    return bench.machine(BgpMachine).routes.table.best(p(prefix)) is not None


@pytest.mark.conforms("bgp:2439-suppress")
def test_a_route_that_went_three_times_is_not_used_when_it_comes_again_and_others_are(bench: Workbench) -> None:
    one, listener = Caller(bench, 2).is_up(), Caller(bench, 3).is_up()
    for _ in range(2):
        flaps_once(one)
    one.announces(LAN)
    assert is_used(bench)
    one.says(Update(withdrawn=(p(LAN),)))
    one.announces(LAN, OTHER)
    assert (is_used(bench), is_used(bench, OTHER)) == (False, True)
    listener.heard.clear()
    listener.waits(1)
    assert p(LAN) not in [prefix for update in listener.updates for prefix in update.announced]
    assert " *d   10.9.0.0/16" in "\n".join(bench.show("show ip bgp"))


@pytest.mark.conforms("bgp:2439-reuse")
def test_it_is_used_again_when_half_lives_have_brought_its_penalty_down(bench: Workbench) -> None:
    """3000 is down to 750 after two half-lives of 15 minutes."""
    one = Caller(bench, 2).is_up()
    for _ in range(3):
        flaps_once(one)
    one.announces(LAN)
    assert not is_used(bench)
    keep_alive(one, 1790)
    assert not is_used(bench)
    keep_alive(one, 20)
    assert is_used(bench)
    assert "10.9.0.0" in "\n".join(bench.show("show ip bgp flap-statistics"))
    keep_alive(one, 910)
    assert not bench.show("show ip bgp flap-statistics")


def keep_alive(caller: Caller, seconds: int) -> None:
    """Wait without losing the session, whose hold time is 90 s."""
    for _ in range(seconds // 10):
        caller.waits(10)
        caller.says(Keepalive())


@pytest.mark.conforms("bgp:2439-ceiling")
def test_however_often_it_flaps_it_waits_no_longer_than_the_longest_time() -> None:
    bench = hub(" bgp dampening 1 750 2000 2\n")
    one = Caller(bench, 2).is_up()
    for _ in range(50):
        flaps_once(one)
    one.announces(LAN)
    assert not is_used(bench)
    keep_alive(one, 130)
    assert is_used(bench)


def test_a_changed_route_counts_half_and_a_repeated_one_and_a_lost_session_nothing(bench: Workbench) -> None:
    one = Caller(bench, 2).is_up()
    one.announces(LAN)
    one.announces(LAN)
    one.announces(LAN, hop="172.16.31.20")
    one.says(Notification(6, 2))
    ((_, flap),) = bench.machine(BgpMachine).flaps.all()
    assert (flap.count, flap.penalty) == (1, 500.0)


def test_routes_of_our_own_system_are_not_dampened() -> None:
    bench = hub(f"{DAMPENING} neighbor GUESTS local-as 65001\n")
    one = Caller(bench, 2).is_up()
    for _ in range(4):
        flaps_once(one)
    assert list(bench.machine(BgpMachine).flaps.all()) == []


@pytest.mark.parametrize(
    ("line", "is_cleared"),
    [
        ("clear ip bgp dampening", True),
        ("clear ip bgp dampening 10.9.0.0 255.255.0.0", True),
        ("clear ip bgp dampening 10.8.0.0 255.255.0.0", False),
        ("clear bgp ipv4 unicast flap-statistics", True),
    ],
)
def test_clear_lets_routes_be_used_again(bench: Workbench, line: str, is_cleared: bool) -> None:
    one = Caller(bench, 2).is_up()
    for _ in range(4):
        flaps_once(one)
    one.announces(LAN)
    assert not is_used(bench)
    bench.do(line)
    assert is_used(bench) is is_cleared


def test_without_the_line_all_routes_are_used_again(bench: Workbench) -> None:
    one = Caller(bench, 2).is_up()
    for _ in range(4):
        flaps_once(one)
    one.announces(LAN)
    assert not is_used(bench)
    bench.configure("router bgp 65000\n no bgp dampening\n")
    assert is_used(bench)
    assert bench.show("show ip bgp dampening parameters") == ["% dampening not enabled for base"]


def test_no_more_routes_are_remembered_than_there_is_room_for(bench: Workbench) -> None:
    one = Caller(bench, 2).is_up()
    with patch.object(flaps, "MOST", 5):
        for number in range(9):
            flaps_once(one, f"10.9.{number}.0/24")
    assert len(list(bench.machine(BgpMachine).flaps.all())) == 5


def test_shows_say_what_holds_and_what_is_held_against_routes(bench: Workbench) -> None:
    one = Caller(bench, 2).is_up()
    for _ in range(3):
        flaps_once(one)
    assert bench.show("show ip bgp dampening dampened-paths") == []
    assert " h 10.9.0.0/16      172.16.31.2     3     00:00:00 00:30:00 65001" in bench.show(
        "show ip bgp flap-statistics"
    )
    one.announces(LAN)
    bench.advance(60)
    assert "*d 10.9.0.0/16      172.16.31.2      00:29:00 65001 i" in bench.show("show ip bgp dampened-paths")
    details = bench.show("show ip bgp 10.9.0.0")
    assert "  65001, (suppressed due to dampening)" in details
    assert "      Dampinfo: penalty 2865, flapped 3 times in 00:01:00, reuse in 00:29:00" in details
    assert bench.show("show ip bgp dampening parameters") == [
        " dampening 15 750 2000 60 (DEFAULT)",
        "  Half-life time      : 15 mins       Decay Time       : 2320 secs",
        "  Max suppress penalty: 12000         Max suppress time: 60 mins",
        "  Suppress penalty    :  2000         Reuse penalty    : 750",
        "",
    ]


def test_a_reuse_limit_above_the_suppress_limit_is_refused(bench: Workbench) -> None:
    assert bench.problems("router bgp 65000\n bgp dampening 15 3000 2000 60\n")
