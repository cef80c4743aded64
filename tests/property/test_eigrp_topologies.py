"""Random networks of EIGRP routers whose links fail and return: when it is quiet, every route is a shortest path."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from functools import cached_property

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.features.eigrp.model import InterfaceSettings, ProcessSettings
from dmvpn.features.eigrp.topology import DestinationState
from support.cases import few_examples
from support.eigrp_net import EVERYTHING, EigrpNet, ethernet

_BANDWIDTH_TERM = 256 * 10  # 1,000,000 kbit/s everywhere: what differs is delay alone


@dataclass(frozen=True)
class Link:
    """A wire between routers. delay: tens of microseconds. Two ends or more: a LAN."""

    routers: tuple[int, ...]
    delay: int


@dataclass(frozen=True)
class Plan:
    """A network and what happens to it: indices of links that go down or up again, with pauses in seconds."""

    routers: int
    links: tuple[Link, ...]
    events: tuple[tuple[int, float], ...]
    seed: int
    loss: float
    split_horizon: bool
    mtu: int


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    routers = draw(st.integers(2, 6))
    members = st.lists(st.integers(0, routers - 1), min_size=2, max_size=3, unique=True).map(
        lambda ends: tuple(sorted(ends))
    )
    links = draw(st.lists(st.builds(Link, members, st.sampled_from([1, 2, 5, 10, 30])), min_size=1, max_size=8))
    pauses = st.sampled_from([0.0, 0.005, 0.012, 0.03, 0.2, 3.0])
    events = draw(st.lists(st.tuples(st.integers(0, len(links) - 1), pauses), max_size=8))
    return Plan(
        routers,
        tuple(links),
        tuple(events),
        draw(st.integers(0, 1000)),
        draw(st.sampled_from([0.0, 0.0, 0.1, 0.3])),
        draw(st.booleans()),
        draw(st.sampled_from([1500, 100])),  # one destination a packet
    )


@dataclass
class World:
    """The plan as a running network. up: which links are up."""

    plan: Plan
    net: EigrpNet = field(init=False)
    up: set[int] = field(init=False)

    def __post_init__(self) -> None:
        plan = self.plan
        self.net = EigrpNet(plan.seed)
        self.up = set(range(len(plan.links)))
        for number in range(plan.routers):
            own = InterfaceSettings(split_horizon=plan.split_horizon)
            process = ProcessSettings(autonomous_system=100, networks=(EVERYTHING,), default_interface=own)
            self.net.router(f"R{number}", process)
            self.net.plug("", f"R{number}", ethernet("GigabitEthernet0/0", f"10.0.{number}.1"))
        for index, link in enumerate(plan.links):
            for number in link.routers:
                state = ethernet(f"GigabitEthernet1/{index}", f"172.16.{index}.{number + 1}", delay=10 * link.delay)
                self.net.plug(f"wire{index}", f"R{number}", replace(state, ip_mtu=plan.mtu))
                self.net.wires[f"wire{index}"].loss = plan.loss

    def run(self, seconds: float) -> None:
        """Let time pass; at no moment may a packet run in a circle."""
        end = self.net.now + seconds
        while self.net.step(end):
            for target in range(self.plan.routers):
                assert not self.loops(Prefix.parse(f"10.0.{target}.0/24")), f"at {self.net.now}"

    def loops(self, prefix: Prefix) -> bool:
        """Does a packet to this prefix come back to a router where it was, by any of the equal paths?"""
        routes = {name: router.routes.get(prefix) for name, router in self.net.routers.items()}
        following = {
            name: [self.owners[str(hop.address)] for hop in route.next_hops] if route else []
            for name, route in routes.items()
        }
        return any(_returns(name, following, frozenset()) for name in following)

    @cached_property
    def owners(self) -> dict[str, str]:
        """Whose addresses on links these are."""
        ends = ((index, number) for index, link in enumerate(self.plan.links) for number in link.routers)
        return {f"172.16.{index}.{number + 1}": f"R{number}" for index, number in ends}

    def toggle(self, index: int) -> None:
        """Take a link down, or up again, at all its ends."""
        self.up ^= {index}
        for number in self.plan.links[index].routers:
            self.net.line(f"R{number}", f"GigabitEthernet1/{index}", up=index in self.up)

    def expected(self, start: int) -> dict[str, int]:
        """The metric of every router's own network, seen from one router: Dijkstra."""
        distances = {start: 0}
        heap = [(0, start)]
        while heap:
            distance, router = heapq.heappop(heap)
            if distance > distances[router]:
                continue
            for index in self.up:
                link = self.plan.links[index]
                if router in link.routers:
                    for other in link.routers:
                        candidate = distance + link.delay
                        if candidate < distances.get(other, 1 << 40):
                            distances[other] = candidate
                            heapq.heappush(heap, (candidate, other))
        return {
            f"10.0.{router}.0/24": _BANDWIDTH_TERM + 256 * (distance + 1)
            for router, distance in distances.items()
            if router != start
        }


#: R5 dies. R3 queries R1, which replies that the destination is unreachable. Then R1 learns a route from R0, which
#: leads back to R3: the update of R3 to R0 was lost.
_ANSWERED_THEN_REGAINED = Plan(
    routers=6,
    links=(
        Link((0, 4), 10),
        Link((0, 1, 3), 10),
        Link((1, 4), 2),
        Link((2, 3, 4), 10),
        Link((0, 1), 1),
        Link((0, 4, 5), 10),
    ),
    events=((5, 0.0),),
    seed=156,
    loss=0.1,
    split_horizon=True,
    mtu=1500,
)


@pytest.mark.lengthy
@pytest.mark.conforms("eigrp:3.5-loop-free")
@given(plans())
@example(_ANSWERED_THEN_REGAINED)
@settings(few_examples(12), suppress_health_check=[HealthCheck.too_slow])
def test_after_quiet_every_metric_is_that_of_a_shortest_path_and_nothing_is_active(plan: Plan) -> None:
    world = World(plan)
    world.run(3)
    for index, pause in plan.events:
        world.toggle(index)
        world.run(pause)
    world.run(1)
    for wire in world.net.wires.values():
        wire.loss = 0.0  # quiet: with a third of all Hellos lost no adjacency lives forever
    world.run(60)
    for number in range(plan.routers):
        router = world.net.routers[f"R{number}"]
        lans = {str(prefix): route.metric for prefix, route in router.routes.items() if str(prefix).startswith("10.0.")}
        assert lans == world.expected(number), f"R{number}"
        active = [str(d.prefix) for d in router.process.dual.table.values() if d.state is not DestinationState.PASSIVE]
        assert not active
        for destination in router.process.dual.table.values():
            assert destination.feasible_distance <= destination.distance


def _returns(name: str, following: dict[str, list[str]], seen: frozenset[str]) -> bool:
    return name in seen or any(_returns(other, following, seen | {name}) for other in following[name])
