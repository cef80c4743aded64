"""A hub restarts unnoticed, and a spoke talks to another one directly: what is said to it comes by the hub."""

from __future__ import annotations

from dmvpn.judge.variants import vary
from dmvpn.shells.scenario import Scenario
from support.world import World


def test_a_spoke_that_talks_directly_notices_that_its_server_has_forgotten_it() -> None:
    texts = vary(Scenario.load("notes-phase3"), ("static",)).configurations
    world = World("notes-phase3", change=lambda router, _: texts[router]).converge()
    world.run_for(20)
    world.sim.kill("R11")
    world.sim.boot("R11", texts["R11"])
    world.stream("H4", "10.1.1.100", seconds=20, rate=2)
    world.stream("H3", "10.4.4.100", seconds=20, rate=2)
    before = len(world.replies("H3"))
    world.stream("H3", "10.4.4.100", seconds=5, rate=2)
    world.run_for(1)
    assert len(world.replies("H3")) - before >= 9
