"""EIGRP before OSPF, brought together by two hubs: tags and lists keep packets from circles, at every instant."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmvpn.base.effects import RouteKind
from dmvpn.features.rib.machine import RibMachine
from support.world import World

ROUTERS = ("CORE", "HUB1", "HUB2", "SPOKE1", "SPOKE2")
TARGETS = tuple(IPv4Address(text) for text in ("10.1.10.100", "10.1.101.100", "10.1.102.100", "10.255.0.11"))
OWNERS = {
    "10.1.0.1": "HUB1",
    "10.1.0.5": "HUB2",
    "10.1.0.2": "CORE",
    "10.1.0.6": "CORE",
    "10.255.0.1": "HUB1",
    "10.255.0.2": "HUB2",
    "10.255.0.11": "SPOKE1",
    "10.255.0.12": "SPOKE2",
}
#: What may go and come back: LANs, cables, tunnels, and the ports to the provider, whose loss only silence tells.
LINES = (
    ("CORE", "GigabitEthernet0/1"),
    ("CORE", "GigabitEthernet0/2"),
    ("CORE", "GigabitEthernet0/3"),
    *((router, port) for router in ROUTERS[1:] for port in ("Tunnel0", "GigabitEthernet0/1")),
    *((router, "GigabitEthernet0/2") for router in ROUTERS[3:]),
)
EVENTS = st.lists(
    st.tuples(st.sampled_from(LINES), st.booleans(), st.sampled_from([0.0, 0.02, 0.3, 6.0, 20.0])),
    min_size=1,
    max_size=5,
)


class Watched:
    """The network, and after every event in it a look for circles."""

    def __init__(self, seed: int) -> None:
        self.world = World("eigrp-to-ospf", seed=seed).converge()
        self._down: dict[tuple[str, str], None] = {}

    def toggle(self, router: str, interface: str, *, silently: bool) -> None:
        """Take a line down, or up again; silently: its wire is cut, and nobody is told."""
        line = (router, interface)
        was_down = line in self._down
        if silently and interface == "GigabitEthernet0/1" and router != "CORE":
            wire = self.world.sim.segment_of(router, interface)
            wire.impairment.cut = not wire.impairment.cut
            return
        self.world.configure(router, f"interface {interface}", "no shutdown" if was_down else "shutdown")
        if was_down:
            del self._down[line]
        else:
            self._down[line] = None

    def run(self, seconds: float) -> None:
        """Let time pass; whenever tables may have changed, no way may be a circle."""
        sim = self.world.sim
        end = sim.now + seconds
        while (following := sim.next_event()) is not None and following <= end:
            sim.run_until(following)
            for target in TARGETS:
                self._judge(target)
        sim.run_until(end)

    def _judge(self, target: IPv4Address) -> None:
        for start in ROUTERS:
            way = [start]
            while (following := self._next(way[-1], target)) is not None:
                assert following not in way, f"{self.world.now:.3f} s: to {target}: {way} and {following} again"
                way.append(following)

    def _next(self, router: str, target: IPv4Address) -> str | None:
        route = self.world.sim.routers[router].router.machine(RibMachine).lookup(target)
        if route is None or route.kind is not RouteKind.FORWARD or not route.next_hops:
            return None
        return OWNERS.get(str(route.next_hops[0].address))


@pytest.mark.slow
@given(EVENTS, st.integers(0, 1000))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
def test_where_two_hubs_bring_two_protocols_together_no_packet_ever_runs_in_a_circle(
    events: list[tuple[tuple[str, str], bool, float]], seed: int
) -> None:
    watched = Watched(seed)
    for (router, interface), silently, pause in events:
        watched.toggle(router, interface, silently=silently)
        watched.run(pause)
    watched.run(20)
