"""A neighbor that restarts gracefully: its routes stay until it has told its table again (RFC 4724, RFC 8538)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.notices import RouteOffered, RouteRetracted
from dmvpn.base.streams import StreamDown, StreamEnd
from dmvpn.features.bgp import limits
from dmvpn.features.bgp.codes import Cease, ErrorCode
from dmvpn.features.bgp.packet import Capability, CapabilityValue, Notification, Open, Update
from support.bgp_callers import BASE, Caller, hub
from support.routing import p

if TYPE_CHECKING:
    from support.workbench import Workbench

KEPT, LOST = "10.7.0.0/16", "10.8.0.0/16"
END_OF_TABLE = Update()
#: 120 seconds; it may also restart after a NOTIFICATION; IPv4 unicast, and what of it was kept.
FIRST = CapabilityValue(Capability.GRACEFUL_RESTART, bytes.fromhex("4078 0001 01 80"))
AGAIN = CapabilityValue(Capability.GRACEFUL_RESTART, bytes.fromhex("c078 0001 01 80"))
FORGETFUL = CapabilityValue(Capability.GRACEFUL_RESTART, bytes.fromhex("c078 0001 01 00"))
WITHOUT_N = CapabilityValue(Capability.GRACEFUL_RESTART, bytes.fromhex("0078 0001 01 80"))


def helping(more: str = "") -> Workbench:
    return hub(f" bgp graceful-restart\n{more}")


def told(bench: Workbench, capability: CapabilityValue = FIRST) -> Caller:
    """A neighbor has told two prefixes and the end of its table."""
    caller = Caller(bench, 2, more=(capability,)).is_up()
    caller.announces(KEPT, LOST)
    caller.says(END_OF_TABLE)
    caller.waits(1)
    assert offered(bench) == {KEPT, LOST}
    return caller


def offered(bench: Workbench) -> set[str]:
    """What the routing table has of BGP as of now."""
    found: set[str] = set()
    for notice in bench.notices:
        if isinstance(notice, RouteOffered):
            found.add(str(notice.route.prefix))
        elif isinstance(notice, RouteRetracted):
            found.discard(str(notice.prefix))
    return found & {KEPT, LOST}


def dies(bench: Workbench, caller: Caller) -> None:
    bench.handle(StreamDown(caller.stream, StreamEnd.RESET))


@pytest.mark.conforms("bgp:4724-helper")
def test_routes_of_a_neighbor_that_restarts_stay_and_what_it_does_not_tell_again_goes() -> None:
    bench = helping()
    dies(bench, told(bench))
    bench.advance(60)
    assert offered(bench) == {KEPT, LOST}
    assert [line[1:3] for line in bench.show("show ip bgp") if "10." in line and "/16" in line] == ["S>", "S>"]
    assert any("NSF peer closed the session" in line for line in bench.logs)
    again = Caller(bench, 2, call=1, more=(AGAIN,)).is_up()
    again.announces(KEPT)
    bench.advance(1)
    assert offered(bench) == {KEPT, LOST}
    again.says(END_OF_TABLE)
    bench.advance(1)
    assert offered(bench) == {KEPT}
    assert not any(line.startswith(" S") and "10." in line for line in bench.show("show ip bgp"))


@pytest.mark.conforms("bgp:4724-deadline")
def test_routes_of_a_neighbor_that_does_not_come_back_within_its_restart_time_go() -> None:
    bench = helping()
    dies(bench, told(bench))
    bench.advance(119)
    assert offered(bench) == {KEPT, LOST}
    bench.advance(2)
    assert offered(bench) == set()
    assert "172.16.31.2" not in "\n".join(bench.show("show ip bgp summary"))


@pytest.mark.parametrize("command", ["clear ip bgp *", "clear ip bgp 172.16.31.2"])
def test_a_dynamic_neighbor_that_somebody_clears_while_it_restarts_is_forgotten(command: str) -> None:
    """`show ip bgp summary` listed it forever, and it took a place of `bgp listen limit`."""
    bench = helping()
    dies(bench, told(bench))
    bench.advance(1)
    bench.do(command)
    bench.advance(1)
    assert offered(bench) == set()
    assert "172.16.31.2" not in "\n".join(bench.show("show ip bgp summary"))


def test_a_dynamic_neighbor_whose_lines_change_while_it_restarts_is_forgotten() -> None:
    bench = helping()
    dies(bench, told(bench))
    bench.advance(1)
    bench.configure("router bgp 65000\n neighbor GUESTS timers 3 9\n")
    bench.advance(1)
    assert "172.16.31.2" not in "\n".join(bench.show("show ip bgp summary"))


def test_one_that_is_back_and_never_says_that_its_table_ends_has_the_time_for_stale_routes() -> None:
    bench = helping(" bgp graceful-restart stalepath-time 30\n")
    dies(bench, told(bench))
    again = Caller(bench, 2, call=1, more=(AGAIN,)).is_up()
    again.announces(KEPT)
    bench.advance(29)
    assert offered(bench) == {KEPT, LOST}
    bench.advance(2)
    assert offered(bench) == {KEPT}


@pytest.mark.conforms("bgp:4724-forwarding")
def test_one_that_forgot_what_it_forwarded_by_loses_its_routes_when_it_is_back() -> None:
    bench = helping()
    dies(bench, told(bench))
    Caller(bench, 2, call=1, more=(FORGETFUL,)).is_up()
    bench.advance(1)
    assert offered(bench) == set()


def test_what_it_did_not_tell_again_before_it_restarts_once_more_goes() -> None:
    bench = helping()
    dies(bench, told(bench))
    again = Caller(bench, 2, call=1, more=(AGAIN,)).is_up()
    again.announces(KEPT)
    bench.advance(1)
    dies(bench, again)
    bench.advance(1)
    assert offered(bench) == {KEPT}


@pytest.mark.conforms("bgp:4724-new-connection")
def test_a_new_connection_of_one_that_restarted_takes_the_place_of_the_old_one() -> None:
    """TCP had not noticed that the neighbor was gone, and it was refused until the hold time ran out."""
    bench = helping()
    told(bench)
    again = Caller(bench, 2, call=1, more=(AGAIN,)).is_up()
    bench.advance(1)
    assert offered(bench) == {KEPT, LOST}
    assert not again.closed
    again.announces(LOST)
    again.says(END_OF_TABLE)
    bench.advance(1)
    assert offered(bench) == {LOST}


def test_without_the_line_or_without_the_capability_routes_go_with_the_session() -> None:
    for bench, capability in ((hub(), FIRST), (helping(), CapabilityValue(Capability.GRACEFUL_RESTART, b"\x40\x78"))):
        dies(bench, told(bench, capability))
        bench.advance(1)
        assert offered(bench) == set()


@pytest.mark.conforms("bgp:8538-soft")
@pytest.mark.parametrize(
    ("capability", "notification", "left"),
    [
        (FIRST, Notification(ErrorCode.HOLD_TIME), {KEPT, LOST}),
        (FIRST, Notification(ErrorCode.CEASE, Cease.RESET), {KEPT, LOST}),
        (FIRST, Notification(ErrorCode.CEASE, Cease.HARD_RESET, b"\x06\x04"), set()),
        (WITHOUT_N, Notification(ErrorCode.CEASE, Cease.RESET), set()),
    ],
)
def test_routes_stay_after_a_notification_if_both_ends_say_so_and_it_is_no_hard_reset(
    capability: CapabilityValue, notification: Notification, left: set[str]
) -> None:
    bench = helping()
    caller = told(bench, capability)
    caller.says(notification)
    bench.advance(1)
    assert offered(bench) == left


def test_silence_for_the_hold_time_is_a_restart_for_those_that_say_so_alone() -> None:
    for capability, left in ((FIRST, {KEPT, LOST}), (WITHOUT_N, set[str]())):
        bench = helping()
        told(bench, capability)
        bench.advance(95)
        assert offered(bench) == left


@pytest.mark.conforms("bgp:8538-hard")
def test_who_clears_a_neighbor_says_that_its_routes_are_to_go_and_drops_them() -> None:
    bench = helping()
    caller = told(bench)
    caller.hears(bench.do("clear ip bgp *"))
    bench.advance(1)
    assert caller.heard[-1] == Notification(ErrorCode.CEASE, Cease.HARD_RESET, bytes((ErrorCode.CEASE, Cease.RESET)))
    assert offered(bench) == set()


def test_who_clears_an_awaited_neighbor_or_takes_its_group_away_drops_its_routes() -> None:
    for line in ("clear ip bgp *", ""):
        bench = helping()
        dies(bench, told(bench))
        if line:
            bench.do(line)
        else:
            bench.configure("router bgp 65000\n no bgp listen range 172.16.31.0/24 peer-group GUESTS\n")
        bench.advance(1)
        assert offered(bench) == set()


@pytest.mark.conforms("bgp:4724-end")
def test_who_can_restart_is_told_our_table_and_where_it_ends_and_that_we_keep_nothing_ourselves() -> None:
    bench = helping(" network 10.3.3.0 mask 255.255.255.0\n")
    caller = Caller(bench, 2, more=(FIRST,)).is_up()
    caller.waits(1)
    assert [update.announced for update in caller.updates] == [(p("10.3.3.0/24"),), ()]
    assert caller.updates[-1] == END_OF_TABLE
    (ours,) = [message for message in caller.heard if isinstance(message, Open)]
    said = ours.capability(Capability.GRACEFUL_RESTART)
    assert said is not None
    assert said.value == bytes.fromhex("4078")


def test_shows_say_what_a_neighbor_said_of_restarts_and_what_is_kept_of_it() -> None:
    bench = helping()
    caller = told(bench)
    text = "\n".join(bench.show("show ip bgp neighbors 172.16.31.2"))
    assert (
        "Remote Restart timer is 120 seconds\n      Address families advertised by peer:\n        IPv4 Unicast" in text
    )
    assert "Graceful-Restart is enabled, restart-time 120 seconds, stalepath-time 360 seconds" in text
    dies(bench, caller)
    bench.advance(20)
    text = "\n".join(bench.show("show ip bgp neighbors 172.16.31.2"))
    assert "Stale routes: 2, removed in 100 seconds" in text


@pytest.mark.parametrize("value", [b"", b"\x40", b"\x40\x78\x00", b"\x40\x78\x00\x01\x01"])
def test_a_capability_that_cannot_be_read_is_none(value: bytes) -> None:
    bench = helping()
    caller = told(bench, CapabilityValue(Capability.GRACEFUL_RESTART, value))
    dies(bench, caller)
    bench.advance(1)
    assert offered(bench) == set()


def test_what_an_awaited_neighbor_told_counts_no_more_when_there_is_another_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its prefixes took the room of others for ever, until each neighbor was cut off for telling too many."""
    monkeypatch.setattr(limits, "MOST_PREFIXES", 2)
    bench = helping()
    dies(bench, told(bench))
    other = BASE.replace("router bgp 65000", "router bgp 65009")
    bench.configure(f"no router bgp 65000\n{other} bgp graceful-restart\n")
    assert not told(bench).closed


def test_routes_of_one_that_restarts_go_first_where_there_is_no_room_for_those_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MOST_PREFIXES", 3)
    bench = helping()
    dies(bench, told(bench))
    other = Caller(bench, 3).is_up()
    other.announces(KEPT)
    other.waits(1)
    assert (offered(bench), other.closed) == ({KEPT, LOST}, False)
    third = Caller(bench, 4).is_up()
    third.announces(KEPT)
    third.waits(1)
    assert (offered(bench), other.closed, third.closed) == ({KEPT}, False, False)
    assert "exceeds limit 3: 2 are from 172.16.31.2" in bench.logs[-1]
