"""How long a spoke may need to register again: that depends on how long its own server was away."""

from __future__ import annotations

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.judge import faults
from dmvpn.judge.anatomy import Anatomy
from dmvpn.judge.judge import GRACE, Judge
from dmvpn.judge.traffic import Traffic
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.simulator import Simulator

AWAY = faults.Partition(at=0.0, seconds=210.0, one="SPOKE1", other="HUB2")
LATE = faults.Kill(at=200.0, seconds=400.0, router="HUB1")
SHORT = faults.Kill(at=200.0, seconds=5.0, router="HUB1")
#: HUB2 dies while SPOKE1 cannot reach it, and is back when it can.
DEAD_TOO = faults.Kill(at=200.0, seconds=12.0, router="HUB2")
#: SPOKE2 has waited for HUB2 for ten seconds, whatever SPOKE1 has.
ANOTHER = faults.Partition(at=200.0, seconds=10.0, one="SPOKE2", other="HUB2")


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("happens", "spoke", "back", "after", "broken"),
    [
        pytest.param((AWAY, LATE), "SPOKE1", 210.0, 80.0, set[str](), id="the other hub dies late"),
        pytest.param((AWAY, LATE), "SPOKE1", 210.0, 90.0, {"black hole"}, id="and it takes too long"),
        pytest.param((AWAY, SHORT), "SPOKE1", 205.0, 15.0, set[str](), id="the other hub dies for a moment"),
        pytest.param((AWAY, SHORT), "SPOKE1", 205.0, 40.0, {"black hole"}, id="and that takes too long"),
        pytest.param((AWAY, DEAD_TOO), "SPOKE1", 212.0, 84.0, set[str](), id="the hub that is away dies, too"),
        pytest.param((AWAY, DEAD_TOO), "SPOKE1", 212.0, 90.0, {"black hole"}, id="and it takes too long then"),
        pytest.param((AWAY, ANOTHER), "SPOKE2", 210.0, 40.0, {"black hole"}, id="another spoke has waited longer"),
    ],
)
def test_a_registration_may_take_as_long_as_its_own_server_was_away(
    happens: tuple[faults.Fault, ...], spoke: str, back: float, after: float, broken: set[str]
) -> None:
    scenario = Scenario.load("dual-hub")
    world = Simulator.of(scenario)
    anatomy = Anatomy.of(world, scenario)
    traffic = Traffic(world, scenario, anatomy, SeededEntropy("1"))
    judge = Judge(world, anatomy, traffic, 0.0)
    flow = next(one for one in traffic.flows if set(one.sites) == {spoke, "CORE"})
    moments = [(one.at, judge.begins, one) for one in happens] + [(one.end, judge.ends, one) for one in happens]
    for at, act, fault in sorted(moments, key=lambda moment: moment[0]):
        if at <= back:
            world.run_for(at - world.now)
            act(fault)
    world.run_for(back + after - world.now)
    flow.sent[10_000] = world.now
    world.run_for(GRACE + 1.0)
    judge.review()
    assert {violation.rule for violation in judge.violations} == broken
