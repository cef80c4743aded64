"""The judge on protected networks: what they bear, and that nothing excuses a packet in clear."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.dataplane.simulated.gre import TunnelBox
from dmvpn.judge import faults
from dmvpn.judge.campaign import IN_CLEAR, Plan, RunVerdict, run
from dmvpn.judge.variants import vary
from dmvpn.shells.scenario import Scenario

if TYPE_CHECKING:
    from dmvpn.base.effects import TunnelSpec
    from dmvpn.dataplane.simulated.forwarding import NbmaPeer, Outer
    from dmvpn.judge.faults import Fault


def judged(*happens: Fault, seconds: float = 60.0, variant: str = "protected") -> RunVerdict:
    """notes-phase3 with IPsec under these faults."""
    scenario = vary(Scenario.load("notes-phase3"), (variant,))
    return run(Plan(scenario=scenario, seed=1, seconds=seconds, faults=happens))


VERSIONS = ("protected", "protected-v1")


@pytest.mark.parametrize("variant", VERSIONS)
def test_what_esp_carries_is_judged_like_what_gre_carries(variant: str) -> None:
    verdict = judged(variant=variant)
    assert verdict.ok
    assert verdict.sent > 50
    assert verdict.lost == 0
    assert verdict.demanded == verdict.sent


@pytest.mark.parametrize("variant", VERSIONS)
@pytest.mark.parametrize(
    "fault",
    [
        faults.Kill(at=20.0, seconds=8.0, router="R11"),
        faults.Kill(at=20.0, seconds=2.0, router="R31"),
        faults.Cut(at=20.0, seconds=30.0, router="R11"),
        faults.Partition(at=20.0, seconds=30.0, one="R31", other="R41"),
        faults.Impair(at=20.0, seconds=20.0, router="R31", loss=0.3),
        faults.Impair(at=20.0, seconds=20.0, router="R31", duplicate=0.3, jitter=0.05),
        faults.Clear(at=20.0, router="R11", what="crypto"),
        faults.Clear(at=20.0, router="R31", what="crypto"),
        faults.Malformed(at=20.0, router="R11", pretended="R31", count=100),
    ],
    ids=lambda fault: f"{fault.KIND}-{fault.places[0]}",
)
def test_a_protected_network_bears_each_kind_of_fault_within_its_bound(fault: Fault, variant: str) -> None:
    assert judged(fault, variant=variant).violations == ()


def test_a_translator_that_forgets_its_flows_while_the_hub_is_away_touches_all_who_are_behind_it() -> None:
    """Those of its other spoke are lost with them, though its direct path should not notice that the hub is away."""
    scenario = vary(Scenario.load("ipsec-two-spokes-one-nat"), ("static",))
    happens = (
        faults.LinkDown(at=60.0, seconds=100.0, router="R11"),
        faults.Rebind(at=96.064, router="R31"),
    )
    assert run(Plan(scenario=scenario, seed=77057, seconds=200.0, faults=happens)).violations == ()


def test_the_judge_sees_a_plane_that_sends_in_clear_what_it_has_no_sa_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first packet of the first second."""

    def outer(
        box: TunnelBox, spec: TunnelSpec, receiver: NbmaPeer, message: bytes, tos: int, *, df: bool = False
    ) -> Outer | None:
        in_clear = right(box, replace(spec, protected=False), receiver, message, tos, df=df)
        return right(box, spec, receiver, message, tos, df=df) or in_clear

    right = TunnelBox.outer
    monkeypatch.setattr(TunnelBox, "outer", outer)
    verdict = judged(faults.Clear(at=20.0, router="R31", what="crypto"))
    assert {violation.rule for violation in verdict.violations} == {IN_CLEAR}
