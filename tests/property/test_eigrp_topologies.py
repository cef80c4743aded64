"""Random networks of EIGRP routers whose links fail and return: when it is quiet, every route is a shortest path."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.features.eigrp.topology import State
from support.eigrp_net import EigrpNet, ethernet

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


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    routers = draw(st.integers(2, 6))
    members = st.lists(st.integers(0, routers - 1), min_size=2, max_size=3, unique=True).map(lambda ends: tuple(sorted(ends)))
    links = draw(
        st.lists(st.builds(Link, members, st.sampled_from([1, 2, 5, 10, 30])), min_size=1, max_size=8)
    )
    pauses = st.sampled_from([0.0, 0.005, 0.012, 0.03, 0.2, 3.0])
    events = draw(st.lists(st.tuples(st.integers(0, len(links) - 1), pauses), max_size=8))
    return Plan(
        routers,
        tuple(links),
        tuple(events),
        draw(st.integers(0, 1000)),
        draw(st.sampled_from([0.0, 0.0, 0.1, 0.3])),
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
            self.net.router(f"R{number}")
            self.net.plug("", f"R{number}", ethernet("GigabitEthernet0/0", f"10.0.{number}.1"))
        for index, link in enumerate(plan.links):
            for number in link.routers:
                state = ethernet(f"GigabitEthernet1/{index}", f"172.16.{index}.{number + 1}", delay=10 * link.delay)
                self.net.plug(f"wire{index}", f"R{number}", state)
                self.net.wires[f"wire{index}"].loss = plan.loss

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


@given(plans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_after_quiet_every_metric_is_that_of_a_shortest_path_and_nothing_is_active(plan: Plan) -> None:
    world = World(plan)
    world.net.run(3)
    for index, pause in plan.events:
        world.toggle(index)
        world.net.run(pause)
    world.net.run(1)
    for wire in world.net.wires.values():
        wire.loss = 0.0  # quiet: with a third of all Hellos lost no adjacency lives for ever
    world.net.run(60)
    for number in range(plan.routers):
        router = world.net.routers[f"R{number}"]
        lans = {str(prefix): route.metric for prefix, route in router.routes.items() if str(prefix).startswith("10.0.")}
        assert lans == world.expected(number), f"R{number}"
        active = [str(d.prefix) for d in router.process.dual.table.values() if d.state is not State.PASSIVE]
        assert not active
        for destination in router.process.dual.table.values():
            assert destination.feasible_distance <= destination.distance
    for number in range(plan.routers):
        for target in range(plan.routers):
            assert not _loops(world, number, Prefix.parse(f"10.0.{target}.0/24"))


def _loops(world: World, start: int, prefix: Prefix) -> bool:
    """Does a packet come back to a router where it was, by any of the equal paths?"""
    owners = {
        (f"172.16.{index}.{number + 1}"): f"R{number}" for index, link in enumerate(world.plan.links) for number in link.routers
    }
    pending: list[tuple[str, frozenset[str]]] = [(f"R{start}", frozenset())]
    while pending:
        name, seen = pending.pop()
        if name in seen:
            return True
        route = world.net.routers[name].routes.get(prefix)
        pending += [(owners[str(hop.address)], seen | {name}) for hop in (route.next_hops if route else ())]
    return False
