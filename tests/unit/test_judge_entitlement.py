"""Who talks directly must lose nothing when a hub dies; who was silent, and only did so before, is owed no more."""

from __future__ import annotations

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.judge import faults
from dmvpn.judge.anatomy import Anatomy
from dmvpn.judge.judge import GRACE, Judge
from dmvpn.judge.traffic import Traffic
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.simulator import Simulator


@pytest.mark.parametrize(("silent_before", "broken"), [(False, {"direct path"}), (True, set[str]())])
def test_a_conversation_that_was_silent_is_direct_only_when_its_packets_are_again(
    silent_before: bool, broken: set[str]
) -> None:
    scenario = Scenario.load("notes-phase3")
    world = Simulator.of(scenario)
    anatomy = Anatomy.of(world, scenario)
    traffic = Traffic(world, scenario, anatomy, SeededEntropy("1"))
    judge = Judge(world, anatomy, traffic, 0.0)
    spokes = [flow for flow in traffic.flows if set(flow.sites) == {"R31", "R41"}]
    world.run_for(30.0)
    for flow in spokes:
        flow.talking_since, flow.direct = world.now, 5
        if silent_before:
            traffic.started(flow)
    judge.begins(faults.Kill(at=30.0, seconds=60.0, router="R11"))
    for flow in spokes:
        flow.sent[10_000] = world.now
    world.run_for(GRACE + 1.0)
    judge.review()
    assert {violation.rule for violation in judge.violations} == broken
