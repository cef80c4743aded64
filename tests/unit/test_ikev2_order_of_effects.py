"""In which order an event of IKE says what it says: SAs are there before packets that rely on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import ReportKey, SendIp
from dmvpn.base.events import Event, KeysWanted, Tick
from dmvpn.base.negotiation import (
    ConnectionChanged,
    ConnectionUnwanted,
    NegotiationChanged,
    NegotiationWanted,
    SaClosed,
    SaNegotiated,
    SaRenewalWanted,
)
from support.ike_machines import MachineNet, Node

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice

TOLD = (ConnectionChanged, NegotiationChanged, ReportKey, SaClosed, SaNegotiated, SendIp)


def by_event(node: Node) -> list[list[Effect | Notice]]:
    """What the node says from now on: one list for each of its events that says anything."""
    events: list[list[Effect | Notice]] = []
    handle = node.machine.handle

    def recorded(event: Event | Notice, now: float) -> list[Effect | Notice]:
        results = handle(event, now)
        told: list[Effect | Notice] = [result for result in results if isinstance(result, TOLD)]
        events.extend([told] if told else [])
        return results

    node.machine.handle = recorded  # type: ignore[method-assign]
    return events


def kinds(results: list[Effect | Notice]) -> list[str]:
    return [type(result).__name__ for result in results]


def pair() -> tuple[MachineNet, Node, Node]:
    net = MachineNet()
    return net, net.node("192.0.2.1"), net.node("192.0.2.2")


def test_an_attempt_is_announced_before_its_first_packet_leaves() -> None:
    net, one, two = pair()
    events = by_event(one)
    one.tell(NegotiationWanted("IPSEC", one.address, two.address, True))
    assert kinds(events[0]) == ["NegotiationChanged", "SendIp"]
    net.run(1)
    assert kinds(events[-1]) == ["ConnectionChanged", "SaNegotiated"]


def test_the_answer_that_lets_a_peer_send_leaves_when_we_can_receive() -> None:
    net, one, two = pair()
    events = by_event(two)
    one.want(two)
    net.run(1)
    assert [kinds(results) for results in events] == [["SendIp"], ["ConnectionChanged", "SaNegotiated", "SendIp"]]


def test_a_new_pair_is_there_before_the_old_one_is_closed() -> None:
    net, one, two = pair()
    one.want(two)
    net.run(1)
    asking, answering = by_event(one), by_event(two)
    one.tell(SaRenewalWanted(next(iter(one.pairs))))
    net.run(1)
    for events in (asking, answering):
        said = [kind for results in events for kind in kinds(results)]
        assert said.index("SaNegotiated") < said.index("SaClosed")
    assert kinds(answering[0]) == ["SaNegotiated", "SendIp"]


def test_a_connection_goes_behind_its_last_pair() -> None:
    net, one, two = pair()
    one.want(two)
    net.run(1)
    events = by_event(one)
    (number,) = one.connections
    one.tell(ConnectionUnwanted(number, "enough"))
    assert kinds(events[0]) == ["SendIp", "SaClosed", "ConnectionChanged"]


def test_keys_are_written_for_a_capture_at_the_end_of_the_event_that_agreed_on_them() -> None:
    net, one, two = pair()
    two.tell(KeysWanted(True))
    events = by_event(two)
    one.want(two)
    net.run(1)
    said = [kinds(results) for results in events]
    assert said == [["SendIp", "ReportKey"], ["ConnectionChanged", "SaNegotiated", "SendIp", "ReportKey", "ReportKey"]]
    two.tell(KeysWanted(False))
    one.tell(SaRenewalWanted(next(iter(one.pairs))))
    net.run(1)
    assert "ReportKey" not in [kind for results in events[2:] for kind in kinds(results)]


def test_keys_of_an_event_that_raised_an_error_are_not_written_with_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A capture had the keys of an IKE SA that never was."""

    def fail() -> None:
        raise ZeroDivisionError

    net, one, two = pair()
    two.tell(KeysWanted(True))
    with monkeypatch.context() as failing:
        failing.setattr(two.machine.peers, "settle", fail)
        one.want(two)
        with pytest.raises(ZeroDivisionError):
            net.run(1)
    assert "ReportKey" not in kinds(two.machine.handle(Tick(), net.now))
