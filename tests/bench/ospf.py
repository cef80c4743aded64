"""A hub of OSPF with 500 spokes: cold start, one leaf's flap, and the longest that one event keeps the hub.

`ospf-phase3`, multiplied, in the simulator in this process. Measured is the processor time of the hub's OSPF machine
alone, event by event; garbage is not collected meanwhile, since that of 500 other routers would be counted. The leaf is
a loopback of one spoke that goes down and comes up again: the hub hears of it, tells everybody, hears 499
acknowledgments and calculates. Octets are those of OSPF packets that the hub sends, one for each multicast.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Final

from bench.figures import Figure
from dmvpn.base.effects import SendIp
from dmvpn.base.events import EnteredLine, LinesEntered
from dmvpn.features.ospf.machine import OspfMachine
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.multiply import multiply

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.notices import Notice

#: Virtual seconds after which all neighbors must be full, and those that a flap is watched for: one Hello interval, so
#: that a quiet window has as many Hellos.
_LATEST: Final = 120.0
_FLAP: Final = 10.0


class _Watched:
    """The hub's machine. costs: processor seconds of each event. octets: that it sent."""

    def __init__(self, machine: OspfMachine) -> None:
        self.machine = machine
        self.costs: list[float] = []
        self.octets = 0
        self._handle = machine.handle
        machine.handle = self.handle  # type: ignore[method-assign]

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        begun = time.process_time()
        done = self._handle(event, now)
        self.costs.append(time.process_time() - begun)
        self.octets += sum(len(each.payload) for each in done if isinstance(each, SendIp))
        return done

    def take(self) -> tuple[float, float]:
        """All the time since this was asked last, and that of the longest event; seconds."""
        costs, self.costs = self.costs, []
        return sum(costs), max(costs, default=0.0)

    def full(self) -> int:
        """Neighbors with the same database."""
        return sum(one.is_full for process in self.machine.processes.values() for one in process.neighbors())


def measure(*, quick: bool) -> list[Figure]:
    """Start a network, then let one leaf flap."""
    spokes = 100 if quick else 500
    (scenario,) = multiply([Scenario.load("ospf-phase3")], spokes)
    world = Simulator.of(scenario)
    hub = _Watched(world.routers["HUB"].router.machine(OspfMachine))
    gc.collect()
    gc.disable()
    try:
        world.run_while(lambda: hub.full() < spokes, _LATEST, 0.1)
        if hub.full() < spokes:
            raise RuntimeError(f"{hub.full()} of {spokes} neighbors are full")
        ready = world.now
        world.run_for(20.0)
        (start, longest), octets = hub.take(), hub.octets
        world.run_for(_FLAP)
        quiet, _ = hub.take()
        leaf = next(name for name in reversed(world.routers) if name.startswith("SPOKE"))
        flaps = []
        for line in ("shutdown", "no shutdown"):
            world.post(leaf, LinesEntered((EnteredLine(("interface Loopback0",), line),)))
            world.run_for(_FLAP)
            spent, one = hub.take()
            flaps.append(max(0.0, spent - quiet))
            longest = max(longest, one)
    finally:
        gc.enable()
    return [
        Figure(name=f"{spokes} neighbors full after a cold start, virtual time", unit="s", values=(ready,)),
        Figure(name="the hub's processor time for it", unit="s", values=(start,)),
        Figure(name="octets that the hub sends for it", unit="KB", values=(octets / 1024,)),
        Figure(name="a leaf goes down: the hub's processor time", unit="ms", values=(flaps[0] * 1e3,), goal=50),
        Figure(name="it comes up again", unit="ms", values=(flaps[1] * 1e3,), goal=50),
        Figure(name="the longest event of all", unit="ms", values=(longest * 1e3,), goal=20),
    ]
