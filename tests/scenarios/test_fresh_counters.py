"""Counters on a screen are those of the moment of the question; asking changes nothing, and is not recorded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.world import World

if TYPE_CHECKING:
    from dmvpn.base.events import Event

PINGS = 40
SHOWS = {
    "crypto ipsec sa peer 198.51.100.1": r"#pkts encaps: (\d+)",
    "crypto session remote 198.51.100.1 detail": r"Outbound: #pkts enc'ed (\d+)",
    "dmvpn detail": r"Outbound: #pkts enc'ed (\d+)",
    "interfaces Tunnel0": r"(\d+) packets output",
    "interfaces GigabitEthernet1": r"(\d+) packets output",
}


@pytest.fixture(scope="module")
def world() -> World:
    world = World("intro-phase3").converge()
    world.run_for(7)
    return world


def number(world: World, show: str) -> int:
    found = re.search(SHOWS[show], world.show("SPOKE10", show))
    assert found, world.show("SPOKE10", show)
    return int(found[1])


@pytest.mark.parametrize("show", SHOWS)
def test_what_was_sent_just_now_is_counted_already(world: World, show: str) -> None:
    """200 pings, and `#pkts enc'ed 0`: shows gave what the plane had counted some seconds before."""
    before = number(world, show)
    text = world.do("SPOKE10", f"ping 10.0.0.1 repeat {PINGS}")
    assert f"({PINGS}/{PINGS})" in text
    assert number(world, show) >= before + PINGS


@pytest.mark.parametrize("show", [*SHOWS, "tunnel traffic"])
def test_the_question_is_no_event_of_the_router(world: World, show: str) -> None:
    events: list[Event] = []
    node = world.sim.routers["SPOKE10"]
    node.watch = events.append
    deadline = node.router.next_deadline()
    assert world.show("SPOKE10", show) == world.show("SPOKE10", show)
    assert events == []
    assert node.router.next_deadline() == deadline


def test_cleared_counters_do_not_count_what_passed_before(world: World) -> None:
    world.do("SPOKE10", f"ping 10.0.0.1 repeat {PINGS}", "clear counters Tunnel0", "y")
    assert number(world, "interfaces Tunnel0") == 0
