"""RIP with a neighbor that is hostile or broken: what it costs is bounded, and others are served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import SendIp
from dmvpn.features.rip import database, machine
from dmvpn.features.rip.packet import Command, RipEntry, RipPacket
from support.work import calls
from support.workbench import of_type
from unit.test_rip_machine import entries, octets_from, pair, rip_routes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.events import IpReceived
    from support.segments import Segments


def tells(gateway: str, numbers: Iterable[int]) -> list[IpReceived]:
    """Responses with networks 20.x.y.0/24, twenty-five in each."""
    told = [RipEntry.of_prefix(Prefix.parse(f"20.{n >> 8}.{n & 255}.0/24"), 2) for n in numbers]
    parts = [tuple(told[start : start + 25]) for start in range(0, len(told), 25)]
    return [octets_from(gateway, RipPacket(command=Command.RESPONSE, entries=part).serialize()) for part in parts]


def knows(prefixes: int) -> Segments:
    net = pair()
    net.run(10)
    net.routers["A"].handle(*tells("10.0.0.2", range(prefixes)))
    net.run(6)  # a large table is read at a pace
    assert len([prefix for prefix in rip_routes(net.routers["A"]) if prefix.startswith("20.")]) == prefixes
    return net


def test_a_question_about_one_prefix_costs_the_same_however_many_there_are() -> None:
    asked = RipPacket(command=Command.REQUEST, entries=(RipEntry.of_prefix(Prefix.parse("20.0.7.0/24"), 16),))
    question = octets_from("10.0.0.9", asked.serialize())
    few, many = (knows(count).routers["A"] for count in (50, 2000))
    (order,) = of_type(many.handle(question), SendIp)
    assert [entry.metric for entry in entries(order)] == [3]
    assert calls(lambda: many.handle(question)) < 2 * calls(lambda: few.handle(question))


def test_who_asks_for_the_whole_table_a_thousand_times_hears_it_once_a_second_and_others_hear_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "PACE", machine.PACE._replace(credit=1 << 30))
    net = knows(0)
    asked = octets_from("10.0.0.9", RipPacket.whole_table_request().serialize())
    other = octets_from("10.0.0.8", RipPacket.whole_table_request().serialize())
    for _ in range(2):
        answers = [order for _ in range(1000) for order in of_type(net.routers["A"].handle(asked), SendIp)]
        assert len(answers) == 1
        assert len(of_type(net.routers["A"].handle(other), SendIp)) == 1
        net.run(2)
    assert "ignored 1998 packets" in "".join(net.routers["A"].show("show ip protocols"))


def test_a_gateway_that_tells_without_end_takes_the_room_of_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MOST_PREFIXES", 200)
    monkeypatch.setattr(database, "MOST_OF_ONE", 100)
    net = knows(0)
    hostile, friend = tells("10.0.0.9", range(1000)), tells("10.0.0.8", range(2000, 2050))
    net.routers["A"].handle(*hostile, *friend)
    net.run(0.1)  # the routing table takes some at a time
    routes = rip_routes(net.routers["A"])
    assert len([prefix for prefix in routes if prefix.startswith("20.0.")]) == 100
    assert len([prefix for prefix in routes if prefix.startswith("20.7.") or prefix.startswith("20.8.")]) == 50
    assert len([line for line in net.routers["A"].logs if "RIP-4-TOO_MANY" in line]) == 1
    net.run(600)
    net.routers["A"].handle(*tells("10.0.0.9", range(3000, 3050)))
    assert len([prefix for prefix in rip_routes(net.routers["A"]) if prefix.startswith("20.11.")]) == 50


def test_all_gateways_together_tell_no_more_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MOST_PREFIXES", 200)
    net = knows(0)
    for number in range(10):
        net.routers["A"].handle(*tells(f"10.0.0.{100 + number}", range(50 * number, 50 * number + 50)))
    assert len(rip_routes(net.routers["A"])) <= 200
    assert len([line for line in net.routers["A"].logs if "RIP-4-TOO_MANY" in line]) <= 10


@pytest.mark.lengthy
def test_a_gateway_whose_routes_change_all_the_time_is_heard_slowly_and_another_one_at_once() -> None:
    """A gateway held the core of its neighbors with 2.7 Mbit/s of changes."""
    net = knows(0)
    router, hostile = net.routers["A"], tells("10.0.0.9", range(50_000))
    octets = len(hostile[0].payload)
    router.handle(*hostile, *hostile, *hostile)
    net.run(2)
    most = (2 * machine.PACE.rate + machine.PACE.credit) // octets * 25 + 25
    assert 0 < len([prefix for prefix in rip_routes(router) if prefix.startswith("20.")]) <= most
    router.handle(*tells("10.0.0.8", range(60_000, 60_050)))
    net.run(0.1)
    assert len([prefix for prefix in rip_routes(router) if prefix.startswith("20.234.")]) == 50
    assert "more than is read of one gateway" in "".join(router.show("show ip protocols"))


@pytest.mark.lengthy
def test_a_whole_table_that_comes_at_one_moment_waits_and_nothing_of_it_is_lost() -> None:
    net = knows(0)
    net.routers["A"].handle(*tells("10.0.0.9", range(4000)))
    net.run(6)
    assert len([prefix for prefix in rip_routes(net.routers["A"]) if prefix.startswith("20.")]) == 4000
