"""The doctor finds each mistake of leases, NAT and VLANs that is drawn at a branch, and its lines repair it."""

from __future__ import annotations

import pytest

from dmvpn.labs.proofs.verdicts import broken_case
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.troubles.branch import BRANCH
from dmvpn.tools.troubles.faults import fault, places
from dmvpn.tools.troubles.stage import Stage
from support.diagnoses import PLAIN, follow, network


@pytest.mark.parametrize("name", [one.id for one in BRANCH])
def test_a_mistake_at_a_branch_has_its_name_and_its_lines(name: str) -> None:
    scenario = network(PLAIN)
    trouble = next(one for one in BRANCH if one.id == name)
    chosen = next(one for place in places(Stage.of(scenario)) if (one := fault(trouble, place)) is not None)
    case, _ = broken_case(scenario, chosen)
    found = [one for one in visit(case.examined).findings if not one.advice]
    assert [chosen.is_named(one.cause, one.router) for one in found] == [True], found
    assert follow(case, found), found
    assert [one for one in visit(case.examined).findings if not one.advice] == []
