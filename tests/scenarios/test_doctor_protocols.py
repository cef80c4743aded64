"""What goes wrong with OSPF, BGP, RIP and filters is named, and the lines to enter make it well again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.tools.doctor import visit
from dmvpn.tools.troubles import Plan, Stage
from support.diagnoses import drawn, ill, judged_of, known_fault, restores
from support.harm import Case, Harm, well_rows

if TYPE_CHECKING:
    from dmvpn.shells.scenario import Scenario

_ONE_HUB = Plan(
    phase=3,
    hubs=1,
    spokes=3,
    routing="ospf",
    protection="",
    mtu=1400,
    key=7,
    authentication=True,
    server_lines=False,
    stubs=False,
)


def network(routing: str, phase: int = 3, hubs: int = 1) -> Scenario:
    """Three spokes that learn each other's LANs in this way."""
    return drawn(replace(_ONE_HUB, routing=routing, phase=phase, hubs=hubs))


FAULTS = [
    ("ospf", 3, "ospf-hello"),
    ("ospf", 3, "ospf-area"),
    ("ospf", 3, "ospf-authentication"),
    ("ospf", 2, "ospf-network-type"),
    ("ospf", 3, "ospf-passive"),
    ("ospf", 2, "ospf-nobody-designated"),
    ("ibgp", 3, "bgp-as"),
    ("ebgp", 2, "bgp-password"),
    ("ibgp", 2, "bgp-neighbor-shutdown"),
    ("ebgp", 3, "bgp-neighbor-missing"),
    ("ibgp", 3, "bgp-lan-not-announced"),
    ("ebgp", 3, "bgp-filter"),
    ("rip", 2, "rip-version"),
    ("rip", 2, "rip-passive"),
    ("rip", 2, "rip-filter"),
    ("eigrp", 3, "eigrp-filter"),
    ("eigrp-classic", 3, "hub-filter"),
    ("static", 3, "provider-dead"),
    ("ospf", 3, "line-gone/router_ospf_1/network_10.20.11.0_0.0.0.255_area_0"),
    ("ibgp", 3, "small-tunnel"),
    ("rip", 2, "nhs-missing"),
    ("ospf", 3, "line-gone/interface_Tunnel0/ip_nhrp_nhs_10.99.0.1_nbma_203.0.113.5_multicast"),
]


@pytest.mark.parametrize(("routing", "phase", "fault"), FAULTS)
def test_a_fault_of_a_routing_protocol_is_named_first(routing: str, phase: int, fault: str) -> None:
    scenario = network(routing, phase)
    found = judged_of("", scenario, f"{fault}@S1,S2,HUB1")
    assert found.harm is Harm.NONE or found.rank == 1, found
    assert found.found, found


def test_a_hub_that_reflects_nothing_is_named() -> None:
    case = Case(network("ibgp"), 1)
    well_rows(case)
    case.bench.configure("HUB1", [line for spoke in (1, 2, 3) for line in _unreflected(spoke)])
    case.world.run_for(180)
    first = next(one for one in visit(case.patient).findings if not one.advice)
    assert (first.router, first.cause.value) == ("HUB1", "routes of BGP are not reflected")


def _unreflected(spoke: int) -> tuple[str, str]:
    return "router bgp 65000", f"no neighbor 10.99.0.1{spoke} route-reflector-client"


@pytest.mark.parametrize("routing", ["ospf", "rip", "ibgp", "ebgp"])
@pytest.mark.parametrize("hubs", [1, 3])
def test_where_all_is_well_nobody_is_accused(routing: str, hubs: int) -> None:
    scenario = network(routing, 2, hubs)
    case = Case(scenario, 1)
    well_rows(case)
    assert [one for one in visit(case.patient).findings if not one.advice] == []


def test_the_lines_that_undo_a_filter_let_everybody_reach_the_site_again() -> None:
    scenario = network("rip", 2)
    chosen = known_fault(Stage.of(scenario), "rip-filter@S1,S2,HUB1")
    case, _ = ill(scenario, chosen)
    first = next(one for one in visit(case.patient).findings if not one.advice)
    assert first.fix == ("router rip", "no distribute-list prefix LESSON out")
    assert restores(scenario, chosen, first)
