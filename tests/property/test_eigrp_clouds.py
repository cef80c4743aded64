"""Random clouds of EIGRP: one hub or two, stubs or none, summaries or none; whatever fails, no packet runs in a circle.

Spokes hear hubs alone, as over a tunnel. A packet takes the longest prefix; what a summary discards goes nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import RouteKind
from dmvpn.features.eigrp.model import InterfaceSettings, ProcessSettings, Summary
from dmvpn.features.eigrp.tlv import StubFlag
from support.cases import few_examples
from support.eigrp_net import EVERYTHING, EigrpNet, ethernet, tunnel

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
        """Let time pass; at no moment may a packet run in a circle."""
        end = self.net.now + seconds
        while self.net.step(end):
            for target in self.targets:
                assert not self.loops(target), f"to {target} at {self.net.now}"

    def loops(self, target: IPv4Address) -> bool:
        """Does a packet to this address come back to a router where it was, by any of the equal paths?"""
        following = {name: self.next_routers(name, target) for name in self.net.routers}
        return any(_returns(name, following, frozenset()) for name in following)

    def next_routers(self, name: str, target: IPv4Address) -> list[str]:
        """Whom a router sends packets to this address to."""
        own = self.net.routers[name].interfaces.all()
        if any(state.line and state.prefix is not None and target in state.prefix for state in own):
            return []
        fitting = [route for prefix, route in self.net.routers[name].routes.items() if target in prefix]
        best = max(fitting, key=lambda route: route.prefix.length, default=None)
        if best is None or best.kind is RouteKind.DISCARD:
            return []
        return [self.owners[str(hop.address)] for hop in best.next_hops]


@given(CLOUDS)
@settings(few_examples(12), suppress_health_check=[HealthCheck.too_slow])
def test_in_clouds_with_stubs_and_summaries_no_packet_ever_runs_in_a_circle(cloud: Cloud) -> None:
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


def _returns(name: str, following: dict[str, list[str]], seen: frozenset[str]) -> bool:
    return name in seen or any(_returns(other, following, seen | {name}) for other in following[name])
