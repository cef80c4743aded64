"""Virtual links in awkward moments: events between the slices of a calculation, and lines that are corrected."""

from __future__ import annotations

import pytest

from dmvpn.features.ospf import spf
from dmvpn.features.ospf.machine import OspfMachine
from support.ospf_areas import AreaNet

#: Routers 1 and 2 have a part of the backbone each, which the link through area 1 joins.
WIRES = {(1, 2): 1, (1, 3): 1, (2, 3): 1, (1, 4): 0, (2, 5): 0}


def calculates(net: AreaNet, number: int) -> bool:
    machine = net.routers[number].machines["ospf"]
    assert isinstance(machine, OspfMachine)
    return machine.processes[1].calculation.is_busy


def ups(net: AreaNet, number: int) -> int:
    """How many virtual links of a router are up."""
    return sum(
        "Virtual Link" in line and "is up" in line for line in net.routers[number].show("show ip ospf virtual-links")
    )


@pytest.mark.conforms("ospf:15-virtual-links")
@pytest.mark.parametrize("slice_", range(1, 12))
def test_an_interface_that_goes_between_two_slices_takes_no_calculation_along(
    monkeypatch: pytest.MonkeyPatch, slice_: int
) -> None:
    net = AreaNet(5, WIRES, [(1, 1, 2)])
    net.run_for(20)
    assert 5 in net.found(1)
    monkeypatch.setattr(spf, "SLICE", 1)
    net.set_cost(1, 3, 20)
    while not calculates(net, 1):
        net.run_for(0.0005)
    net.run_for(0.001 * slice_)
    net.set_wire((1, 2), up=False)
    net.run_for(20)
    assert net.found(1)[5][0] == net.expected(1)[5]


def test_a_link_whose_key_chain_is_corrected_comes_up() -> None:
    def chain(word: str) -> str:
        return f"key chain K\n key 1\n  key-string {word}\n  cryptographic-algorithm hmac-sha-256\n"

    net = AreaNet(5, WIRES, [(1, 1, 2)])
    for number, other, word in ((1, 2, "right"), (2, 1, "wrong")):
        lines = f"router ospf 1\n area 1 virtual-link 10.0.0.{other} authentication key-chain K\n"
        net.enter(number, chain(word) + lines)
    net.run_for(30)
    assert 5 not in net.found(1)
    net.enter(2, chain("right"))
    net.run_for(30)
    assert net.found(1)[5][0] == net.expected(1)[5]


@pytest.mark.conforms("ospf:15-virtual-links")
def test_a_link_goes_with_the_last_interface_of_the_area_that_it_leads_through() -> None:
    net = AreaNet(3, {(1, 2): 1, (1, 3): 1, (2, 3): 0}, [(1, 2, 3), (1, 1, 3)])
    net.run_for(20)
    assert ups(net, 3) == 2
    net.set_wire((1, 3), up=False)
    net.run_for(20)
    assert ups(net, 3) == 0
    assert net.found(2)[3][0] == net.expected(2)[3]
    net.set_wire((1, 3), up=True)
    net.run_for(20)
    assert ups(net, 3) == 2


@pytest.mark.conforms("ospf:12.4.3-summaries")
def test_a_border_router_whose_only_interface_in_an_area_flaps_tells_the_area_everything_again() -> None:
    net = AreaNet(3, {(1, 2): 1, (1, 3): 0}, [])
    net.run_for(20)
    before = net.found(2)
    assert 3 in before
    for is_up in (False, True):
        net.set_wire((1, 2), up=is_up)
    net.run_for(20)
    assert net.found(2) == before
