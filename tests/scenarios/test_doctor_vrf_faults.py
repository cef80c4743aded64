"""Networks with VRFs that are well are not accused; what is said of each mechanism is in the oracle (`vrfs.txt`)."""

from __future__ import annotations

import pytest

from dmvpn.base.causes import Cause
from dmvpn.labs.proofs.breaking import ill
from dmvpn.tools.doctor import visit
from support.diagnoses import ill_of
from support.vrf_faults import CLOUDS, cloud


@pytest.mark.parametrize("name", CLOUDS)
def test_a_cloud_with_vrfs_that_is_well_is_not_accused(name: str) -> None:
    """Sites with different names for one VRF were not looked at; two customers with one address were mixed up."""
    case, _ = ill(cloud(name))
    findings = visit(case.examined).findings
    assert findings == ()


def test_the_address_that_neighbors_know_a_lost_tunnel_by_is_proposed() -> None:
    """The doctor proposed the first free address of the subnet, which no BGP neighbor and no static route had."""
    case = ill_of(cloud("ebgp-ikev2"), "tunnel-address-lost@S1,S2,HUB1")
    first = visit(case.examined).findings[0]
    assert (first.cause, first.fix[-1]) == (Cause.NO_ADDRESS, "ip address 10.99.0.11 255.255.255.0")


def test_a_lan_of_guests_that_nat_lets_out_is_not_accused() -> None:
    """It is in a VRF without a tunnel on purpose."""
    case, _ = ill(cloud("front-door"))
    case.bench.configure("SPOKE1", ["vrf definition GUESTS", "address-family ipv4"])
    port = ["interface GigabitEthernet0/2", "vrf forwarding GUESTS", "ip address 10.1.101.1 255.255.255.0"]
    case.bench.configure("SPOKE1", [*port, "ip nat inside"])
    case.wait(30)
    assert Cause.TABLE not in {one.cause for one in visit(case.examined).findings}
