"""Every show that people and tools ask of a DMVPN router exists, says what is so on that router, and has JSON."""

from __future__ import annotations

import json

import pytest

from support.shows_page import REFUSED, ROUTERS, Router
from support.world import World


def _world(router: Router) -> World:
    """The scenario, when traffic has gone the direct way."""
    world = World(router.scenario).converge()
    if router.scenario == "notes-phase3":
        world.stream("H4", "10.3.3.100", seconds=2, rate=10)
    return world


@pytest.mark.parametrize("router", ROUTERS, ids=lambda router: f"{router.scenario}-{router.name}")
def test_each_says_what_is_so_in_text_and_as_data(router: Router) -> None:
    world = _world(router)
    wrong = []
    for command, says in router.shows:
        shown = world.do(router.name, command)
        if says not in shown or "% Invalid" in shown or "% Incomplete" in shown:
            wrong.append((command, says, shown))
        data = world.do(router.name, f"{command} | json")
        if not isinstance(_read(data), dict):
            wrong.append((command, "JSON", data))
    assert wrong == []


def test_what_a_router_has_not_is_refused_in_the_words_that_tools_know() -> None:
    world = World("bgp-phase3").converge()
    for command, _ in REFUSED:
        assert "% Invalid input detected" in world.do("SPOKE1", command), command


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
