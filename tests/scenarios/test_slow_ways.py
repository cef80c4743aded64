"""A wire over a satellite is slow, and that is all: who judges it by another wire's time takes it for a broken one."""

from __future__ import annotations

import pytest

from dmvpn.labs.proofs.case import Case, well_rows
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.rows import worse
from dmvpn.tools.doctor import visit
from dmvpn.tools.troubles.stage import Stage


@pytest.mark.parametrize("delay", [600.0, 1250.0])
@pytest.mark.parametrize("name", ["phase2-eigrp", "notes-phase3"])
def test_a_slow_wire_loses_nothing_and_takes_nobody_off_the_direct_way(name: str, delay: float) -> None:
    """With a round trip of 1.2 s packets went by the hub every other second, and all large ones counted as lost."""
    scenario = Scenario.load(name)
    case = Case(scenario, 1)
    well = well_rows(case)
    stage = Stage.of(scenario)
    spoke = stage.actors[stage.spokes[0]]
    case.bench.impair(f"{spoke.name}:{spoke.wan}", Badness(delay=delay))
    case.wait(180)
    assert worse(case.rows(), well) == ()
    assert visit(case.examined).healthy
