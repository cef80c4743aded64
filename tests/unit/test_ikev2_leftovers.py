"""An IKE SA that has ended is free at once: a hub of clients that come and go does not grow meanwhile."""

from __future__ import annotations

import pytest

from dmvpn.base.negotiation import ConnectionSilent, ConnectionUnwanted
from dmvpn.features.ike.v2.sa import IkeSa
from support.ike_machines import MachineNet
from support.leftovers import alive, uncollected


@pytest.fixture
def net() -> MachineNet:
    net = MachineNet()
    for address in ("192.0.2.1", "192.0.2.2"):
        net.node(address)
    return net


def test_attempts_that_nobody_answers_are_free(net: MachineNet) -> None:
    one, two = net.nodes.values()
    net.drops = lambda *_: True
    with uncollected():
        before = alive(IkeSa)
        one.want(two)
        net.run(1000)
        one.want(two, wanted=False)
        net.run(1000)
        assert alive(IkeSa) == before


def test_a_peer_that_is_dead_is_free(net: MachineNet) -> None:
    one, two = net.nodes.values()
    with uncollected():
        before = alive(IkeSa)
        one.want(two)
        net.run(5)
        (number,) = one.connections
        one.want(two, wanted=False)
        net.drops = lambda *_: True
        one.tell(ConnectionSilent(number))
        two.tell(ConnectionUnwanted(next(iter(two.connections)), "enough"))
        net.run(1000)
        assert alive(IkeSa) == before
