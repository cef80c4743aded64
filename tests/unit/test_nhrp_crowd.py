"""A crowd of clients of NHRP: what concerns all of them at one moment does not keep everybody else waiting."""

from __future__ import annotations

import pytest

from bench.hub import make_hub, registration
from dmvpn.base.effects import ClearAdjacency, Effect, SetAdjacency
from dmvpn.base.events import EnteredLine, Event, LinesEntered, LinkChanged, Tick
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.model import ClearCache, ClearSessions

CLIENTS = 300
#: Adjacencies that one event may order.
MOST = 130
_UNDERLAY = "GigabitEthernet0/1"


class Crowd:
    """A hub at which all clients register at one moment."""

    def __init__(self) -> None:
        self.router = make_hub()
        self.now = 1.0
        self.longest = 0
        self.ordered: list[Effect] = []
        self.handle(*map(registration, range(1, CLIENTS + 1)))

    def handle(self, *events: Event) -> None:
        for event in events:
            effects = self.router.handle(event, self.now)
            orders = [one for one in effects if isinstance(one, SetAdjacency | ClearAdjacency)]
            self.longest = max(self.longest, len(orders))
            self.ordered += orders

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.handle(Tick())
        self.now = end

    def entries(self) -> int:
        return sum(len(tunnel.cache) for tunnel in self.router.machine(NhrpMachine).tunnels)

    def of(self, kind: type[Effect]) -> int:
        return len({one.next_hop for one in self.ordered if type(one) is kind})  # type: ignore[attr-defined]


@pytest.fixture
def crowd() -> Crowd:
    return Crowd()


def test_clients_that_expire_together_are_forgotten_in_several_events(crowd: Crowd) -> None:
    crowd.run(610.0)
    assert crowd.entries() == 0
    assert crowd.of(ClearAdjacency) == CLIENTS
    assert crowd.longest <= MOST


@pytest.mark.lengthy
@pytest.mark.parametrize("order", [ClearCache(), ClearSessions()])
def test_clients_that_somebody_clears_are_forgotten_in_several_events(crowd: Crowd, order: Event) -> None:
    crowd.handle(order)
    crowd.run(0.5)
    assert crowd.entries() == 0
    assert crowd.longest <= MOST


def test_a_client_that_registers_while_all_are_being_cleared_stays(crowd: Crowd) -> None:
    crowd.now += 1.0
    crowd.handle(ClearCache(), registration(CLIENTS), registration(1))
    crowd.run(0.5)
    assert crowd.entries() == 2


def test_adjacencies_of_all_are_ordered_again_in_several_events(crowd: Crowd) -> None:
    crowd.handle(LinkChanged(_UNDERLAY, up=False))
    crowd.run(0.5)
    crowd.ordered.clear()
    crowd.handle(LinkChanged(_UNDERLAY, up=True))
    crowd.run(0.5)
    assert crowd.of(SetAdjacency) == CLIENTS
    assert crowd.longest <= MOST


def test_a_tunnel_without_nhrp_loses_its_clients_in_several_events(crowd: Crowd) -> None:
    line = EnteredLine(("interface Tunnel0",), "no ip nhrp network-id 1")
    crowd.handle(LinesEntered((line,)))
    crowd.run(0.5)
    assert crowd.of(ClearAdjacency) == CLIENTS
    assert crowd.longest <= MOST
