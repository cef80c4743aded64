"""A neighbor starts again so quickly that our own advertisement stays as it was: the routes come back all the same."""

from __future__ import annotations

import pytest

from support.ospf_net import OspfNet


@pytest.mark.parametrize("milliseconds", range(0, 60, 5))
def test_routes_return_if_a_calculation_runs_while_a_neighbor_that_started_again_is_not_full(milliseconds: int) -> None:
    net = OspfNet(3, [(1, 2), (2, 3)], lan=False)
    net.run_for(20)
    net.set_cost(3, 2, 5)  # requests a calculation at routers 1 and 2, which runs 50 ms later
    net.run_for(milliseconds / 1000)
    net.start(2)
    net.run_for(20)
    assert {number: net.found(number) for number in net.routers} == {n: net.shortest(n) for n in net.routers}
