"""What is gone from OSPF is free at once: a hub of thousands of neighbors that come and go does not grow meanwhile."""

from __future__ import annotations

import pytest

from dmvpn.features.ospf.interface import Neighbor, OspfInterface
from dmvpn.features.ospf.slices import Slices
from support.leftovers import alive, uncollected
from support.ospf_net import OspfNet
from unit.test_ospf_graceful import grace, tells


@pytest.fixture
def net() -> OspfNet:
    net = OspfNet(3, [(1, 2), (1, 3)])
    net.run_for(10)
    return net


def test_a_neighbor_that_is_silent_for_too_long_is_free(net: OspfNet) -> None:
    with uncollected():
        before = alive(Neighbor)
        net.cut.add((1, 2))
        net.run_for(10)
        assert alive(Neighbor) == before - 2


def test_a_neighbor_that_was_helped_through_a_restart_is_free(net: OspfNet) -> None:
    with uncollected():
        before = alive(Neighbor)
        tells(net, grace())
        net.cut.add((1, 2))
        net.run_for(70)
        assert alive(Neighbor) == before - 2


def test_an_interface_that_is_down_is_free_with_its_neighbors(net: OspfNet) -> None:
    with uncollected():
        before = [alive(kind) for kind in (Neighbor, OspfInterface, Slices)]
        net.set_wire((1, 2), up=False)
        net.run_for(10)
        assert [alive(kind) for kind in (Neighbor, OspfInterface, Slices)] == [each - 2 for each in before]


def test_a_neighbor_that_did_not_acknowledge_what_came_back_meanwhile_is_free(net: OspfNet) -> None:
    route = "ip route 10.77.0.0 255.255.0.0 Null0\n"
    net.enter(1, f"router ospf 1\n redistribute static subnets\n{route}")
    net.run_for(10)
    with uncollected():
        before = alive(Neighbor)
        net.cut.add((1, 2))
        net.enter(1, f"no {route}")
        net.run_for(1)
        net.enter(1, route)
        net.run_for(10)
        assert alive(Neighbor) == before - 2
