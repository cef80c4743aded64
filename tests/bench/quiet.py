"""How many spokes of a quiet network one core simulates as fast as time goes, what they need, and when they are ready.

`phase3` of thousands of spokes, in this process: all register, EIGRP converges, then time passes without data. What
goes on: EIGRP's Hellos both ways every 5 s, on the tunnels (where the hub's go to each spoke) and on the LANs; polls
of the traffic counters (NHRP every 3 s, interfaces every 10 s); hold timers. Registrations are refreshed every 2,400 s,
which is outside the measured time and too seldom to be seen. Spokes times virtual seconds for each second of processor
time are the spokes for which a virtual second costs one real second; not reckoned up from a few spokes, since a large
network does not fit the caches of a processor.
"""

from __future__ import annotations

import gc
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.figures import Figure
from dmvpn.shells.collecting import set_aside, uncollected
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.topologies import phase3

#: Windows of the quiet time, and the virtual seconds of each: two Hellos of everybody.
RUNS: Final = 5
WINDOW: Final = 10.0
#: Virtual seconds after which a network must have converged, and those in which it comes to rest after that.
_LATEST: Final = 60.0
_REST: Final = 20.0


@dataclass(frozen=True, slots=True)
class _Run:
    """spokes: how many. ready: virtual seconds to convergence; it took `processor` seconds. memory: KB for a spoke.

    rates: spokes at real-time speed, one for each window.
    """

    spokes: int
    ready: float
    processor: float
    memory: float
    rates: tuple[float, ...]


def measure(*, quick: bool) -> list[Figure]:
    """Simulate networks of three sizes."""
    # The largest first: it would find memory that a smaller one has left.
    most = _simulate(1000 if quick else 10_000, windows=0)
    many, few = (_simulate(spokes, RUNS) for spokes in ((500, 100) if quick else (5000, 1000)))
    convergence = [
        Figure(
            name=f"until {run.spokes:,} spokes are registered and have routes, processor time",
            unit="s",
            values=(run.processor,),
            goal=35 if run is most else None,
            floor=50 if run is most else None,
        )
        for run in (few, many, most)
    ]
    return [
        Figure(
            name=f"spokes that one core simulates at real-time speed, of {many.spokes:,}",
            unit="",
            values=many.rates,
            goal=20_000,
            floor=14_000,
            more=True,
            baseline=few.rates,
            against=f"with {few.spokes:,}",
        ),
        *convergence,
        Figure(name=f"the same of {most.spokes:,}, virtual time", unit="s", values=(most.ready,)),
        Figure(name="memory of a simulated spoke", unit="KB", values=(most.memory,), goal=60),
    ]


def _simulate(spokes: int, windows: int) -> _Run:
    scenario = phase3(spokes)
    gc.collect()
    before, begun = _resident(), time.process_time()
    with uncollected():
        world = Simulator.of(scenario)
    with set_aside():  # as `dmvpn simulate` does
        ready = world.run_while(lambda: bool(world.missing(scenario)), _LATEST, step=0.5)
    processor, converged = time.process_time() - begun, world.now
    assert ready, f"{len(world.missing(scenario))} things missing after {world.now:.0f} s"
    world.run_for(_REST)
    gc.collect()
    memory = (_resident() - before) / spokes / 1024
    with set_aside():
        rates = tuple(spokes * WINDOW / _processor_time(world) for _ in range(windows))
    return _Run(spokes, converged, processor, memory, rates)


def _processor_time(world: Simulator) -> float:
    begun = time.process_time()
    world.run_for(WINDOW)
    return time.process_time() - begun


def _resident() -> int:
    """Octets of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
