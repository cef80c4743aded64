"""Faults: troubles at all places of a network, lines that nobody listed, networks from a seed."""

from __future__ import annotations

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.render.reading import parse
from dmvpn.tools.troubles import TROUBLES, trouble
from dmvpn.tools.troubles.acts import Role
from dmvpn.tools.troubles.faults import draw, draw_story, fault, faults, places
from dmvpn.tools.troubles.networks import table_of
from dmvpn.tools.troubles.orders import Type
from dmvpn.tools.troubles.stage import Stage

DUAL = Stage.of(Scenario.load("dual-hub"))


def test_every_spoke_and_every_hub_has_its_turn() -> None:
    found = list(faults([trouble("tunnel-key")], DUAL))
    assert {one.stage.parts[Role.SPOKE] for one in found} == {"SPOKE1", "SPOKE2", "HUB1", "HUB2"}
    assert [order.router for one in found for order in one.orders if isinstance(order, Type)] == [
        one.stage.parts[Role.SPOKE] for one in found
    ]


def test_a_hub_does_not_play_the_spoke_where_another_router_is_meant() -> None:
    assert fault(trouble("nhs-nbma"), list(places(DUAL))[-1]) is None


def test_the_second_server_is_the_one_of_the_place() -> None:
    second = DUAL.cast("HUB2", "SPOKE2", "SPOKE1")
    (order,) = fault(trouble("second-server-missing"), second).orders  # type: ignore[union-attr]
    assert order.router == "SPOKE2"  # type: ignore[union-attr]
    assert any("10.255.0.2" in line for line in order.lines)  # type: ignore[union-attr]


def test_a_seed_draws_the_same_fault_again_and_others_draw_others() -> None:
    drawn = [draw(TROUBLES, DUAL, SeededEntropy(seed)).id for seed in range(40)]
    assert drawn == [draw(TROUBLES, DUAL, SeededEntropy(seed)).id for seed in range(40)]
    assert len(set(drawn)) > 30
    assert any(name.startswith("line-") for name in drawn)


def test_what_is_told_happens_to_a_spoke_and_is_noticed() -> None:
    for seed in range(40):
        found = draw_story(TROUBLES, DUAL, SeededEntropy(seed))
        assert found.trouble.noticed
        assert found.stage.parts[Role.SPOKE] in DUAL.spokes


@pytest.mark.parametrize("seed", range(60))
def test_a_network_from_a_seed_is_a_table_that_can_be_read(seed: int) -> None:
    table, _ = parse(table_of(SeededEntropy(seed), 8), "sites.yaml")
    assert len(table.spokes) >= 2
    assert len(table.hubs) + len(table.spokes) <= 8
