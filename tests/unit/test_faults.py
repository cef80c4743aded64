"""Faults as values and as text, and the schedules that a seed makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import UserError
from dmvpn.judge import faults
from dmvpn.judge.anatomy import Anatomy
from dmvpn.judge.bounds import table
from dmvpn.judge.campaigns import Order, orders
from dmvpn.judge.faults import Fault, dumps, from_json, to_json
from dmvpn.judge.injector import Injector
from dmvpn.judge.schedule import random_faults
from dmvpn.judge.variants import fitting, vary
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator

EXAMPLES: list[Fault] = [
    faults.Kill(at=1.0, seconds=2.0, router="R11"),
    faults.Restart(at=1.0, seconds=2.0, router="R11"),
    faults.LinkDown(at=1.0, seconds=2.0, router="R31"),
    faults.Cut(at=1.0, seconds=2.0, router="R31"),
    faults.Partition(at=1.0, seconds=2.0, one="R31", other="R41", one_way=True),
    faults.Impair(at=1.0, seconds=2.0, router="R31", loss=0.3, duplicate=0.1, jitter=0.02),
    faults.Renumber(at=1.0, router="R31", network=7),
    faults.Rebind(at=1.0, router="R31"),
    faults.ClockStep(at=1.0, router="R31", step=-3600.0),
    faults.Clear(at=1.0, router="R31", what="session static"),
    faults.Purges(at=1.0, router="R11", pretended="R31", count=4),
    faults.Malformed(at=1.0, router="R11", pretended="R31", count=4),
]


@pytest.mark.parametrize("fault", EXAMPLES, ids=lambda fault: fault.KIND)
def test_every_kind_of_fault_survives_the_way_through_its_text(fault: Fault) -> None:
    assert from_json(to_json(fault)) == fault


def test_there_is_an_example_of_every_kind() -> None:
    assert {fault.KIND for fault in EXAMPLES} == set(faults.KINDS)


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({"kind": "flood", "at": 1.0}, "its kind is one of kill"),
        ({"kind": "kill", "at": 1.0}, "router"),
        ({"kind": "kill", "at": "soon", "router": "R11"}, "at cannot be 'soon'"),
        ({"kind": "kill", "at": -1.0, "router": "R11"}, "not negative"),
        ({"kind": "kill", "at": 1.0, "router": "R11", "loss": 0.5}, "no 'loss'"),
        ("kill", "not a fault"),
    ],
)
def test_a_fault_that_cannot_be_read_says_why(raw: object, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        from_json(raw)


def test_an_order_survives_the_way_through_its_text() -> None:
    order = Order(scenario="notes-phase3", variants=("static",), seed=7, seconds=60.0, faults=tuple(EXAMPLES), why="so")
    assert Order.from_json(order.to_json()) == order


def schedule(seed: int, seconds: float = 3600.0) -> tuple[Fault, ...]:
    scenario = Scenario.load("notes-phase3")
    world = Simulator.of(scenario)
    anatomy = Anatomy.of(world, scenario)
    injector = Injector(world, scenario, anatomy, SeededEntropy(1))
    return random_faults(anatomy, injector.abilities(), SeededEntropy(seed), seconds)


def test_the_same_seed_is_the_same_misfortune_and_another_one_is_another() -> None:
    assert dumps(schedule(1)) == dumps(schedule(1)) != dumps(schedule(2))


def test_random_faults_are_over_in_time_and_a_router_has_one_at_a_time() -> None:
    found = schedule(3, 7200.0)
    assert len(found) > 20
    assert max(fault.end for fault in found) < 7200.0
    for fault in found:
        later = [other for other in found if other.at > fault.at and set(other.places) & set(fault.places)]
        assert all(other.at >= fault.end for other in later)


def test_a_spoke_is_the_edge_and_a_hub_the_way_between_two() -> None:
    scenario = Scenario.load("notes-phase3")
    anatomy = Anatomy.of(Simulator.of(scenario), scenario)
    assert (anatomy.hubs, anatomy.spokes) == (("R11",), ("R31", "R41"))
    assert anatomy.connected("R31", "R41", frozenset(), frozenset())
    assert not anatomy.connected("R31", "R41", frozenset({"R11"}), frozenset())
    assert not anatomy.connected("R31", "R41", frozenset(), frozenset({("R11", "R31")}))


def test_a_dual_hub_network_has_a_way_when_one_hub_is_dead() -> None:
    scenario = Scenario.load("dual-hub")
    anatomy = Anatomy.of(Simulator.of(scenario), scenario)
    assert anatomy.connected("SPOKE1", "CORE", frozenset({"HUB1"}), frozenset())
    assert not anatomy.connected("SPOKE1", "CORE", frozenset({"HUB1", "HUB2"}), frozenset())


@pytest.mark.parametrize("name", ["notes-phase1", "notes-phase3"])
def test_variants_change_what_they_say(name: str) -> None:
    scenario = Scenario.load(name)
    assert fitting(scenario) == ("static", "no-unique", "short", "if-state", "protected", "protected-v1", "filtered")
    texts = vary(scenario, ("static", "no-unique", "short", "if-state")).configurations
    assert all("router eigrp" not in text for text in texts.values())
    assert " ip nhrp registration no-unique\n" in texts["R31"]
    assert " ip nhrp holdtime 90\n" in texts["R11"]
    assert " if-state nhrp\n" in texts["R31"]
    assert "ip route 10.3.3.0 255.255.255.0 192.168.100.31\n" in texts["R11"]
    assert "ip route 10.4.4.0 255.255.255.0 192.168.100.11\n" in texts["R31"]
    for variant, key in (("protected", "crypto ikev2 keyring"), ("protected-v1", "crypto isakmp key")):
        protected = vary(scenario, (variant,)).configurations["R31"]
        assert key in protected
        assert " tunnel protection ipsec profile " in protected
    assert " ip access-group " in vary(scenario, ("filtered",)).configurations["R31"]


def test_a_variant_that_does_not_exist_or_fit_is_refused() -> None:
    with pytest.raises(UserError, match="no variant 'fast'"):
        vary(Scenario.load("notes-phase3"), ("fast",))
    with pytest.raises(UserError, match="does not fit"):
        vary(Scenario.load("dual-hub"), ("static",))


@pytest.mark.lengthy
def test_a_campaign_plans_as_many_router_hours_as_it_was_asked_for_with_a_seed_for_each_run() -> None:
    chosen = orders(30.0, 1.0, seed=100)
    assert [order.seed for order in chosen] == list(range(100, 100 + len(chosen)))
    assert 30.0 <= sum(len(Scenario.load(order.scenario).configurations) - 1 for order in chosen) < 40.0


def test_the_bounds_in_the_documentation_are_those_that_the_judge_has() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "bounds.md"
    assert table() in page.read_text()
