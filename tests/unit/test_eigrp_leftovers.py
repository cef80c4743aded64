"""What is gone from EIGRP is free at once: a hub of thousands of neighbors that come and go does not grow meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
from support.leftovers import alive, uncollected
from unit.test_eigrp_adjacency import pair

if TYPE_CHECKING:
    from support.eigrp_net import EigrpNet


@pytest.fixture
def net() -> EigrpNet:
    net = pair()
    net.run(5)
    return net


def test_neighbors_that_are_silent_for_too_long_are_free(net: EigrpNet) -> None:
    with uncollected():
        before = alive(Neighbor)
        net.wires["tunnel"].loss = 1.0
        net.run(60)
        assert alive(Neighbor) == before - 2


def test_a_neighbor_that_never_answers_is_free(net: EigrpNet) -> None:
    with uncollected():
        before = alive(Neighbor)
        net.line("R31", "Tunnel100", up=False)
        net.wires["tunnel"].drops = lambda sender, _: sender == "R11"
        net.line("R31", "Tunnel100", up=True)
        net.run(300)
        net.line("R11", "Tunnel100", up=False)
        assert alive(Neighbor) == before - 2


def test_an_interface_that_is_down_is_free_with_its_neighbors(net: EigrpNet) -> None:
    with uncollected():
        before = [alive(kind) for kind in (Neighbor, EigrpInterface)]
        for router in net.routers:
            net.line(router, "Tunnel100", up=False)
        net.run(60)
        assert [alive(kind) for kind in (Neighbor, EigrpInterface)] == [each - 2 for each in before]
