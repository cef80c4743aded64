"""Faults that nobody listed: what the doctor says of networks and faults from a seed, and of networks that are well."""

from __future__ import annotations

import pytest

from dmvpn.labs.proofs.judging import healthy, judge
from dmvpn.labs.proofs.networks import FEW, Harm
from support.cases import every_day_but
from support.diagnoses import judge_two, measure

#: Faults and networks of the quick measure, by the names of their draws: four of each are tried every day.
FAULTS = [f"1/{number}" for number in range(10)]
WELL = [f"1/well/{number}" for number in range(10)]
#: Those of them that the doctor does not name yet.
MISSED: tuple[str, ...] = ()


@pytest.mark.parametrize("name", every_day_but(FAULTS[4:], FAULTS))
def test_a_fault_that_harms_users_is_named_first_and_never_a_wrong_one_as_certain(name: str) -> None:
    found = judge(name, FEW)
    assert not found.wrong, found
    assert found.rank == 1 or name in MISSED or found.harm is not Harm.NOW, found


@pytest.mark.parametrize("name", every_day_but(WELL[4:], WELL))
def test_a_network_that_is_well_is_not_accused(name: str) -> None:
    found = healthy(name, FEW)
    assert not found.accused, found


@pytest.mark.slow
def test_of_three_hundred_faults_most_are_named_and_no_network_that_is_well_is_accused() -> None:
    found = measure("committed", 300, 300, jobs=2)
    harmful = found.now
    said = "\n".join(found.lines())
    assert sum(one.rank == 1 for one in harmful) >= 0.9 * len(harmful), said
    assert sum(one.rank > 0 for one in harmful) >= 0.97 * len(harmful), said
    assert not [one for one in harmful if one.wrong or one.nothing], said
    assert not [one for one in found.healthy if one.accused], said


@pytest.mark.slow
@pytest.mark.timeout(900)  # twelve pairs of faults
def test_of_two_faults_at_once_one_is_named_first_and_mostly_both_are() -> None:
    """What is missed hides behind the other one: nobody hears what a LAN is told by while no tunnel is up."""
    tried = (judge_two(f"53/two/{number}", FEW) for number in range(12))
    pairs = [one for one in tried if one is not None]
    said = "\n".join(map(str, pairs))
    assert all(one.first for one in pairs), said
    assert sum(0 not in one.ranks for one in pairs) >= 0.6 * len(pairs), said
