"""What one visit of the doctor sends, in networks that are drawn: no more than it may, nothing that builds a way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmvpn.base.entropy import SeededEntropy
from dmvpn.labs.proofs.networks import drawn
from dmvpn.tools.doctor.scene import MOST_COMMANDS, MOST_ECHOES
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.troubles import TROUBLES
from dmvpn.tools.troubles.faults import draw
from dmvpn.tools.troubles.orders import carry_out
from dmvpn.tools.troubles.plans import Plan, plan_of
from dmvpn.tools.troubles.stage import Stage
from support.bench import WorldBench
from support.doctors import ExaminedWorld
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Routers of a network of the quick property.
FEW = 5


class Counting(ExaminedWorld):
    """A world that notes what is typed."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.typed: list[str] = []

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """What commands print."""
        self.typed += [line for _, line in questions]
        return super().ask(questions)


def direct_ways(world: World) -> set[tuple[str, str, object]]:
    """What routers know of each other by resolution, or are asking for.

    A negative entry is no way: a hub has one after the echo of a spoke that is not registered and gets no answer.
    """
    return {
        (name, tunnel.name, entry.target)
        for name, facts in world.sim.facts(world.scenario).routers.items()
        for tunnel in (facts.tunnels if facts is not None else ())
        for entry in tunnel.mappings
        if entry.kind != "static" and not {"registered", "negative"} & {*entry.flags}
    }


def visited(plan: Plan, seed: int) -> None:
    """A network with a fault, some of whose spokes talked, and one visit."""
    scenario = drawn(plan)
    world = World.of(scenario)
    world.run_for(30)
    chosen = draw(TROUBLES, Stage.of(scenario), SeededEntropy(f"{seed}/fault"))
    carry_out(WorldBench(world), chosen.orders)
    world.run_for(30)
    before = direct_ways(world)
    examined = Counting(world)
    visit(examined)
    echoes = sum(int(line.split("repeat ")[1].split()[0]) for line in examined.typed if line.startswith("ping "))
    assert len(examined.typed) <= MOST_COMMANDS == 60, chosen.id
    assert echoes <= MOST_ECHOES == 2000, chosen.id
    assert all(line.startswith(("ping ", "traceroute ")) for line in examined.typed), chosen.id
    assert direct_ways(world) <= before, chosen.id


@pytest.mark.lengthy
@settings(deadline=None, max_examples=2)
@given(st.integers(0, 2**32))
def test_no_visit_of_a_network_sends_more_than_it_may_or_builds_a_way(seed: int) -> None:
    visited(plan_of(SeededEntropy(str(seed)), FEW), seed)


@pytest.mark.slow
@pytest.mark.parametrize("routing", ["eigrp", "ospf", "ebgp", "static"])
def test_nor_does_one_of_forty_spokes(routing: str) -> None:
    plan = Plan(
        phase=3,
        hubs=2,
        spokes=40,
        routing=routing,
        protection="",
        mtu=1400,
        key=7,
        authentication=True,
        server_lines=True,
        stubs=False,
    )
    visited(plan, len(routing))
