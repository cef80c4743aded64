"""What routers prove themselves with: certificates, clocks, keys of routing protocols with lifetimes; and timers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dmvpn.base.causes import Cause
from dmvpn.labs.proofs.breaking import LATER
from dmvpn.labs.proofs.case import Case, Harm, well_rows
from dmvpn.labs.proofs.networks import FEW, drawn
from dmvpn.tools.doctor import visit
from dmvpn.tools.troubles.plans import CERTIFICATES
from support.cases import every_day_but
from support.diagnoses import PLAIN, ill_of
from support.further import judge_proof, sealed_network

CLOUD = replace(PLAIN, sealed=True)
CERTIFIED = replace(CLOUD, protection=CERTIFICATES)


def test_a_spoke_with_the_wrong_trustpoint_gets_the_lines_that_lead_to_the_right_one() -> None:
    case = ill_of(drawn(CERTIFIED), "certificate-expired@S1,S2,HUB1")
    (found,) = (one for one in visit(case.examined).findings if not one.advice)
    assert found.fix == ("crypto ikev2 profile CLOUD", "no pki trustpoint EXPIRED", "pki trustpoint CLOUD")
    assert "expired at " in found.what


def test_a_spoke_without_the_password_that_a_hub_has_for_all_is_named_and_not_the_hub() -> None:
    """The hub was blamed, and broken for all its spokes, though other hubs served this one."""
    case = ill_of(drawn(replace(CLOUD, hubs=2, routing="ibgp")), "bgp-password-gone@S1,S2,HUB2")
    found = [one for one in visit(case.examined).findings if one.cause is Cause.BGP_PASSWORD]
    assert [one.router for one in found] == ["S1"]
    assert found[0].fix == ("router bgp 65000", "neighbor 10.99.0.2 password <secret>")


def test_a_clock_that_nobody_feels_is_advice_with_the_command_that_sets_it() -> None:
    case = Case(drawn(replace(CLOUD, sealed=False)), 1)
    well_rows(case)
    case.bench.ask([("S1", "clock set 12:00:00 Jan 1 2019")])
    case.wait(LATER)
    diagnosis = visit(case.examined)
    assert diagnosis.healthy
    (found,) = (one for one in diagnosis.findings if one.cause is Cause.CLOCK)
    assert found.router == "S1"
    case.bench.ask([("S1", found.order)])
    assert not [one for one in visit(case.examined).findings if one.cause is Cause.CLOCK]


@pytest.mark.parametrize("number", every_day_but((1, 4, 5), range(6)))
def test_what_is_drawn_of_proofs_is_named_first_and_never_a_wrong_one_as_certain(number: int) -> None:
    """Hundreds of such draws are measured for docs/reference/doctor.md; every day the small networks are tried."""
    found = judge_proof(f"proofs/{number}", FEW)
    assert not found.wrong, found
    assert found.rank == 1 or found.harm is not Harm.NOW, found


@pytest.mark.parametrize("number", every_day_but((0, 1), range(3)))
def test_a_cloud_whose_routers_prove_themselves_is_not_accused(number: int) -> None:
    case = Case(sealed_network(f"proofs/well/{number}"), 1)
    well_rows(case)
    case.wait(LATER)
    case.rows()
    assert visit(case.examined).healthy
