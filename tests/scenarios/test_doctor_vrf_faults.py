"""Mechanisms of VRFs: the doctor names each one first, and its lines heal the network."""

from __future__ import annotations

import pytest

from dmvpn.base.causes import Cause
from dmvpn.base.errors import UserError
from dmvpn.labs.proofs.breaking import ill, near_of
from dmvpn.labs.proofs.case import HEALED
from dmvpn.tools.diff.rows import worse
from dmvpn.tools.doctor import visit
from dmvpn.tools.troubles import VRFS, Fault, Stage, fault
from support.cases import every_day_but, one_of_each
from support.diagnoses import follow
from support.vrf_faults import CLOUDS, cases, cloud

#: What harms no packet that anybody could tell from another: both customers have the same addresses.
UNSEEN = ("lans-swapped",)
#: Remedies that the reader completes with a key.
WITH_A_SECRET = ("keyring-vrf-missing",)
#: Clouds that every day has; the others are for `make test-all`.
DAILY = ("eigrp-ikev2", "ospf-ikev1", "rip", "ebgp-ikev2", "two-customers")
EVERY = [(name, chosen) for name, chosen in cases() if chosen.trouble.id not in UNSEEN]
FREQUENT = [number for number, (name, _) in enumerate(EVERY) if name in DAILY]
#: Every mechanism in one of the clouds that every day has.
TRIED = {FREQUENT[one] for one in one_of_each([EVERY[number][1].trouble.id for number in FREQUENT])}
RARE = [number for number in range(len(EVERY)) if number not in TRIED]


@pytest.mark.parametrize(
    "number", every_day_but(RARE, range(len(EVERY))), ids=lambda number: f"{EVERY[number][0]}-{EVERY[number][1].id}"
)
def test_a_fault_of_a_vrf_is_named_first_and_the_lines_heal_it(number: int) -> None:
    name, chosen = EVERY[number]
    case, well = ill(cloud(name), chosen, near=near_of(chosen))
    findings = visit(case.patient).findings
    first = findings[0]
    assert chosen.is_named(first.cause, first.router), first
    if chosen.trouble.id in WITH_A_SECRET:
        assert first.has_secret
        return
    follow(case, findings)
    case.wait(HEALED)
    case.rows()
    assert not worse(case.rows(), well), first


@pytest.mark.parametrize("name", CLOUDS)
def test_a_cloud_with_vrfs_that_is_well_is_not_accused(name: str) -> None:
    """Sites with different names for one VRF were not looked at; two customers with one address were mixed up."""
    case, _ = ill(cloud(name))
    findings = visit(case.patient).findings
    assert findings == ()


def test_there_are_more_than_fifteen_mechanisms_and_each_fits_somewhere() -> None:
    fitting = {chosen.trouble.id for _, chosen in cases()}
    assert fitting == {one.id for one in VRFS}
    assert len(VRFS) >= 15


def test_the_address_that_neighbors_know_a_lost_tunnel_by_is_proposed() -> None:
    """The doctor proposed the first free address of the subnet, which no BGP neighbor and no static route had."""
    chosen = mechanism("ebgp-ikev2", "tunnel-address-lost")
    case, _ = ill(cloud("ebgp-ikev2"), chosen, near=near_of(chosen))
    first = visit(case.patient).findings[0]
    assert (first.cause, first.fix[-1]) == (Cause.NO_ADDRESS, "ip address 10.99.0.11 255.255.255.0")


def test_a_default_route_in_the_global_table_is_named_with_the_line_that_moves_it() -> None:
    chosen = mechanism("front-door", "front-default-global")
    case, _ = ill(cloud("front-door"), chosen, near=near_of(chosen))
    first = visit(case.patient).findings[0]
    assert first.cause is Cause.TABLE
    assert first.fix == (
        "no ip route 0.0.0.0 0.0.0.0 198.51.100.2",
        "ip route vrf INTERNET 0.0.0.0 0.0.0.0 198.51.100.2",
    )


def test_a_lan_of_guests_that_nat_lets_out_is_not_accused() -> None:
    """It is in a VRF without a tunnel on purpose."""
    case, _ = ill(cloud("front-door"))
    case.bench.configure("SPOKE1", ["vrf definition GUESTS", "address-family ipv4"])
    port = ["interface GigabitEthernet0/2", "vrf forwarding GUESTS", "ip address 10.1.101.1 255.255.255.0"]
    case.bench.configure("SPOKE1", [*port, "ip nat inside"])
    case.wait(30)
    assert Cause.TABLE not in {one.cause for one in visit(case.patient).findings}


def mechanism(name: str, trouble: str) -> Fault:
    """Return a mechanism in a cloud. Raises UserError."""
    stage = Stage.of(cloud(name))
    found = next((fault(one, stage) for one in VRFS if one.id == trouble), None)
    if found is None:
        raise UserError(f"{trouble} does not fit {name}")
    return found
