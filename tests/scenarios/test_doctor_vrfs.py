"""The doctor in networks with VRFs: a front door, and two customers with equal addresses."""

from __future__ import annotations

import pytest

from dmvpn.app.copied import CopiedLab
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import Diagnosis, Step, visit
from dmvpn.tools.remedies import Search, attempt, searched
from support.doctors import WorldPatient, as_it_runs
from support.world import World

DEFAULT = "ip route vrf INTERNET 0.0.0.0 0.0.0.0 198.51.100.2"


def diagnosed(name: str, *changes: tuple[str, str]) -> Diagnosis:
    """Return what the doctor says where SPOKE1 has other lines. changes: lines, and what is in their place."""
    one = Scenario.load(name)
    lines = [dict(changes).get(line, line) for line in one.configurations["SPOKE1"].splitlines()]
    texts = {**one.configurations, "SPOKE1": "\n".join(lines) + "\n"}
    world = World.of(Scenario(one.name, one.lab, texts, one.certificates))
    world.run_for(120)
    diagnosis = attempt(visit(WorldPatient(world)), CopiedLab(as_it_runs(world)))
    return searched(diagnosis, Search(as_it_runs(world), CopiedLab))


@pytest.mark.parametrize("name", ["front-door", "two-customers"])
def test_a_network_with_vrfs_that_is_well_is_not_accused(name: str) -> None:
    """LANs of two customers were expected to reach each other: they have the same addresses."""
    assert diagnosed(name).findings == ()


def test_a_front_door_without_a_route_is_named_with_its_vrf() -> None:
    first = diagnosed("front-door", (DEFAULT, "!")).findings[0]
    assert (first.cause, first.router, first.fix) == (Cause.MISSING_ROUTE, "SPOKE1", (DEFAULT,))
    assert first.what == "VRF INTERNET of SPOKE1 has no route to 203.0.113.1: Tunnel0 has tunnel vrf INTERNET"
    assert first.trial is not None
    assert first.trial.works


def test_an_ikev2_profile_without_its_front_door_is_found_by_trial() -> None:
    first = diagnosed("front-door", (" match fvrf INTERNET", " !")).findings[0]
    assert (first.router, first.fix) == ("SPOKE1", ("crypto ikev2 profile DMVPN", "match fvrf INTERNET"))


def test_keys_of_two_customers_that_changed_places_are_found_by_trial() -> None:
    swapped = ((" tunnel key 1", " tunnel key 2"), (" tunnel key 2", " tunnel key 1"))
    found = diagnosed("two-customers", *swapped).findings[0]
    assert (found.router, found.step) == ("SPOKE1", Step.GRE)
    assert found.fix[:3] == ("interface Tunnel1", "no tunnel key 2", "tunnel key 1")
