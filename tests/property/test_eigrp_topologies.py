"""Random clouds of EIGRP: one hub or two, stubs or none, summaries or none; whatever fails, no packet keeps running
in a circle.

Spokes hear only hubs, as over a tunnel. A packet takes the longest prefix; what a summary discards goes nowhere.

DUAL promises that the routes to one prefix never make a circle, and at no moment they may. It promises nothing about
routes to different prefixes: when a spoke loses its LAN, it still has the summary of the hub, and until the hub has the
spoke's message, the hub sends packets for that LAN back to the spoke. Such a circle may last as long as the message to
a router of the circle is on its way, retransmissions included, and no longer.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import RouteKind
from dmvpn.features.eigrp.model import InterfaceSettings, ProcessSettings, Summary
from dmvpn.features.eigrp.tlv import StubFlag
from dmvpn.features.eigrp.topology import DestinationState
from support.cases import few_examples
from support.eigrp_net import EVERYTHING, EigrpNet, ethernet, tunnel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.notices import Route

TUNNEL, SUMMARY = "Tunnel100", Summary(Prefix.parse("10.0.0.0/16"))
STUB = StubFlag.CONNECTED | StubFlag.SUMMARY


@dataclass(frozen=True)
class Cloud:
    """A network and what happens to it.

    stubs: one for each spoke.
    summaries: one for each hub.
    events: which line goes down or comes up, with pauses in seconds.
    """

    stubs: tuple[bool, ...]
    summaries: tuple[bool, ...]
    split_horizon: bool
    next_hop_self: bool
    events: tuple[tuple[int, float], ...]
    loss: float
    seed: int


CLOUDS = st.builds(
    Cloud,
    st.lists(st.booleans(), min_size=2, max_size=3).map(tuple),
    st.lists(st.booleans(), min_size=1, max_size=2).map(tuple),
    st.booleans(),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 15), st.sampled_from([0.0, 0.005, 0.03, 0.2, 3.0])), max_size=6).map(tuple),
    st.sampled_from([0.0, 0.0, 0.1, 0.3]),
    st.integers(0, 1000),
)


class World:
    """The cloud as a running network: CORE, hubs H0 and H1, spokes S0 and so on, each with a LAN."""

    def __init__(self, cloud: Cloud) -> None:
        self.net = EigrpNet(cloud.seed)
        self.owners: dict[str, str] = {}
        self.lines: list[tuple[str, str]] = []
        self.targets: list[IPv4Address] = []
        self._router("CORE", ProcessSettings(autonomous_system=100, networks=(EVERYTHING,)))
        for number, summarizes in enumerate(cloud.summaries):
            own = InterfaceSettings(
                split_horizon=cloud.split_horizon,
                next_hop_self=cloud.next_hop_self,
                summaries=(SUMMARY,) if summarizes else (),
            )
            self._router(f"H{number}", self._process(own))
            self._plug(f"wire{number}", f"H{number}", f"172.16.{number}.1", "GigabitEthernet1/0")
            self._plug(f"wire{number}", "CORE", f"172.16.{number}.2", f"GigabitEthernet1/{number}")
            self._plug("overlay", f"H{number}", f"192.168.100.{number + 1}", TUNNEL)
        for number, is_stub in enumerate(cloud.stubs):
            self._router(f"S{number}", self._process(InterfaceSettings(), STUB if is_stub else None))
            self._plug("overlay", f"S{number}", f"192.168.100.{number + 11}", TUNNEL)
        self.net.wires["overlay"].between = lambda sender, receiver: sender.startswith("H") != receiver.startswith("H")
        for wire in self.net.wires.values():
            wire.loss = cloud.loss

    @staticmethod
    def _process(own: InterfaceSettings, stub: StubFlag | None = None) -> ProcessSettings:
        return ProcessSettings(autonomous_system=100, networks=(EVERYTHING,), interfaces=((TUNNEL, own),), stub=stub)

    def _router(self, name: str, process: ProcessSettings) -> None:
        lan = f"10.0.{len(self.targets)}.1"
        self.net.router(name, process)
        self.net.plug("", name, ethernet("GigabitEthernet0/0", lan))
        self.lines.append((name, "GigabitEthernet0/0"))
        self.targets.append(IPv4Address(lan))

    def _plug(self, wire: str, router: str, address: str, name: str) -> None:
        state = tunnel(address) if name == TUNNEL else ethernet(name, address)
        self.net.plug(wire, router, state)
        self.owners[address] = router
        self.lines.append((router, name))

    def toggle(self, number: int) -> None:
        """Take a line down, or up again."""
        router, name = self.lines[number % len(self.lines)]
        state = self.net.routers[router].interfaces.get(name)
        assert state is not None
        self.net.line(router, name, up=not state.line)

    def run(self, seconds: float) -> None:
        """Let time pass, and check the routes of all routers after each event."""
        end = self.net.now + seconds
        while self.net.step(end):
            self.check()

    def check(self) -> None:
        """No routes to one prefix make a circle, and those to several prefixes only while news of one is on its way."""
        for prefix in dict.fromkeys(prefix for router in self.net.routers.values() for prefix in router.routes):
            hops = {name: self.next_routers(router.routes.get(prefix)) for name, router in self.net.routers.items()}
            for circle in _circles(hops):
                raise AssertionError(f"routes to {prefix} lead through {circle} at {self.net.now}")
        for target in self.targets:
            routes = {name: self.route_to(name, target) for name in self.net.routers}
            for circle in _circles({name: self.next_routers(route) for name, route in routes.items()}):
                used = [(name, route.prefix) for name in circle if (route := routes[name]) is not None]
                is_news_coming = any(self.awaits_news(name, prefix) for name, prefix in used)
                assert is_news_coming, f"packets to {target} run through {circle} at {self.net.now}"

    def route_to(self, name: str, target: IPv4Address) -> Route | None:
        """Return the route that a router's packets to this address take; None if it delivers or has none."""
        own = self.net.routers[name].interfaces.all()
        if any(state.line and state.prefix is not None and target in state.prefix for state in own):
            return None
        fitting = [route for prefix, route in self.net.routers[name].routes.items() if target in prefix]
        return max(fitting, key=lambda route: route.prefix.length, default=None)

    def next_routers(self, route: Route | None) -> list[str]:
        """Return the routers that a route sends packets to, by any of its equal paths."""
        if route is None or route.kind is RouteKind.DISCARD:
            return []
        return [self.owners[str(hop.address)] for hop in route.next_hops]

    def awaits_news(self, name: str, prefix: Prefix) -> bool:
        """Does a router whose word this router's route rests on still have something to say to the next one?

        Or has it lost the adjacency, which the next one has yet to notice? With `no next-hop-self` the route rests on
        more routers than one.
        """
        destination = self.net.routers[name].process.dual.table.get(prefix)
        for path in destination.usable() if destination is not None else ():
            own = self.net.routers[name].process.state.interfaces[path.source.interface].address
            teller = self.owners[str(path.source.address)]
            address = str(own)
            interfaces = self.net.routers[teller].process.state.interfaces.values()
            neighbors = [neighbor for interface in interfaces for neighbor in interface.neighbors.values()]
            ours = [neighbor for neighbor in neighbors if str(neighbor.address) == address]
            groups = [neighbor.interface.group for neighbor in ours]
            is_idle = all(neighbor.is_up and neighbor.is_idle for neighbor in ours)
            if not (bool(ours) and is_idle and not any(group.updates or group.queries for group in groups)):
                return True
            if path.report.next_hop != path.source.address and self.awaits_news(teller, prefix):
                return True
        return False


#: S0's LAN goes down: while its query is on the way to H1, S0 follows the summary of H1, and H1 its route to S0.
_LAN_BEHIND_SUMMARY = Cloud(
    stubs=(False, False),
    summaries=(False, True),
    split_horizon=False,
    next_hop_self=False,
    events=((9, 0.0),),
    loss=0.0,
    seed=0,
)


@pytest.mark.lengthy
@given(CLOUDS)
@example(_LAN_BEHIND_SUMMARY)
@example(replace(_LAN_BEHIND_SUMMARY, loss=0.3, seed=291))
@settings(few_examples(12), suppress_health_check=[HealthCheck.too_slow])
def test_no_packet_runs_in_a_circle_once_the_news_of_a_lost_prefix_has_arrived(cloud: Cloud) -> None:
    world = World(cloud)
    world.run(3)
    for number, pause in cloud.events:
        world.toggle(number)
        world.run(pause)
    world.run(1)
    for wire in world.net.wires.values():
        wire.loss = 0.0
    world.run(20)
    for router in world.net.routers.values():
        assert not router.process.dual.active


def _circles(following: dict[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """Yield the routers of each circle, beginning with each of them."""
    for name in following:
        yield from _returns(name, following, ())


def _returns(name: str, following: dict[str, list[str]], seen: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if name in seen:
        yield seen[seen.index(name) :]
        return
    for other in following[name]:
        yield from _returns(other, following, (*seen, name))


# Random networks of EIGRP routers whose links fail and return: when it is quiet, every route is a shortest path.

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
class Links:
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
        return any(_comes_back(name, following, frozenset()) for name in following)

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
    world = Links(plan)
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


def _comes_back(name: str, following: dict[str, list[str]], seen: frozenset[str]) -> bool:
    return name in seen or any(_comes_back(other, following, seen | {name}) for other in following[name])
