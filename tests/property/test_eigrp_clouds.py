"""Random clouds of EIGRP: one hub or two, stubs or none, summaries or none; whatever fails, no packet keeps running
in a circle.

Spokes hear only hubs, as over a tunnel. A packet takes the longest prefix; what a summary discards goes nowhere.

DUAL promises that the routes to one prefix never make a circle, and at no moment they may. It promises nothing about
routes to different prefixes: when a spoke loses its LAN, it still has the summary of the hub, and until the hub has the
spoke's message, the hub sends packets for that LAN back to the spoke. Such a circle may last as long as the message to
a router of the circle is on its way, retransmissions included, and no longer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import RouteKind
from dmvpn.features.eigrp.model import InterfaceSettings, ProcessSettings, Summary
from dmvpn.features.eigrp.tlv import StubFlag
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
            if not self.has_told_all(teller, str(own)):
                return True
            if path.report.next_hop != path.source.address and self.awaits_news(teller, prefix):
                return True
        return False

    def has_told_all(self, name: str, address: str) -> bool:
        """Is the router with this address a neighbor that has acknowledged all that this router has to say?"""
        interfaces = self.net.routers[name].process.state.interfaces.values()
        neighbors = [neighbor for interface in interfaces for neighbor in interface.neighbors.values()]
        ours = [neighbor for neighbor in neighbors if str(neighbor.address) == address]
        groups = [neighbor.interface.group for neighbor in ours]
        is_idle = all(neighbor.is_up and neighbor.is_idle for neighbor in ours)
        return bool(ours) and is_idle and not any(group.updates or group.queries for group in groups)


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
