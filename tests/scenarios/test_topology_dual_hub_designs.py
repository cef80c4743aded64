"""What dual-hub scenarios must survive, in one cloud and in two: dying and returning hubs, restarts, cut cables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import dual_hub
from support.cases import every_day_but

if TYPE_CHECKING:
    from support.dual_hub import DualHub
    from support.world import World


@pytest.fixture(params=dual_hub.DESIGNS, ids=lambda design: design.scenario)
def design(request: pytest.FixtureRequest) -> DualHub:
    design: DualHub = request.param
    return design


@pytest.fixture
def world(design: DualHub) -> World:
    """Converged; no traffic yet."""
    return design.world()


def test_both_directions_prefer_the_first_hub(design: DualHub, world: World) -> None:
    dual_hub.prefers_the_first_hub_in_both_directions(design, world)


@pytest.mark.parametrize("seed", every_day_but((2, 3), (1, 2, 3)))
def test_when_the_first_hub_dies_the_second_takes_over_within_the_hold_time_and_gives_back(
    design: DualHub, seed: int
) -> None:
    dual_hub.fails_over_and_returns(design, design.world(seed))


def test_a_shortcut_feels_neither_the_death_nor_the_return_of_the_first_hub(design: DualHub, world: World) -> None:
    dual_hub.a_shortcut_feels_nothing(design, world)


def test_spokes_that_never_met_find_each_other_by_the_second_hub(design: DualHub, world: World) -> None:
    dual_hub.a_new_shortcut_is_made_by_the_second_hub(design, world)


def test_a_hub_that_restarts_within_the_hold_time_is_back_in_use_soon(design: DualHub, world: World) -> None:
    dual_hub.a_quick_restart_is_missed_by_the_probe(design, world)


def test_the_second_hub_may_come_and_go(design: DualHub, world: World) -> None:
    dual_hub.the_death_of_the_second_hub_is_felt_by_nobody(design, world)


def test_a_cut_cable_of_the_first_hub_is_a_failover_too(design: DualHub, world: World) -> None:
    dual_hub.a_cut_cable_of_the_first_hub_is_a_failover_too(design, world)


def test_a_spoke_that_reaches_the_second_hub_alone_is_met_there(design: DualHub, world: World) -> None:
    dual_hub.a_spoke_that_reaches_the_second_hub_alone_is_met_there(design, world)


def test_established_traffic_survives_both_hubs(design: DualHub, world: World) -> None:
    dual_hub.established_traffic_survives_both_hubs(design, world)
