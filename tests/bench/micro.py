"""What single events cost a hub, in processor time of this process: no other work on the machine disturbs that much.

The router is the hub of `dmvpn simulate phase3` with all its features, and its whole way of an event: dispatch,
decoding, the state machines, the answer as octets, log lines. Only the data plane is left out: effects are dropped.
Garbage is collected as in a router that runs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bench.figures import Figure
from bench.loop import collecting
from dmvpn.base.events import IpReceived
from dmvpn.features.eigrp.machine import EigrpMachine
from dmvpn.features.eigrp.model import IPV4
from dmvpn.features.eigrp.output import PROTOCOL
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.topologies import phase3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.base.events import Event
    from dmvpn.router.router import Router

TUNNEL: Final = "Tunnel0"
RUNS: Final = 5


def measure(*, quick: bool) -> list[Figure]:
    """Hellos; registrations are in `hub`, a whole network in `quiet`."""
    spokes = 50 if quick else 300
    world = Simulator.of(phase3(spokes))
    world.run_for(10.0)
    # Hellos a second of processor time, from neighbors that are up: each the one that it always sends
    hub = world.routers["HUB"].router
    (process,) = hub.machine(EigrpMachine).processes.values()
    hellos = [
        IpReceived(TUNNEL, neighbor.address, IPV4.group, PROTOCOL, neighbor.hello, ttl=2)
        for neighbor in process.neighbors()
        if neighbor.is_up
    ]
    assert len(hellos) == len(world.routers) - 1, "a spoke is no neighbor"
    heard = tuple(_rate(hub, hellos, world.now) for _ in range(RUNS))
    return [
        Figure(name=f"EIGRP Hellos a hub hears, {spokes} neighbors", unit="/s", values=heard, more=True),
        Figure(name="one Hello", unit="µs", values=tuple(1e6 / rate for rate in heard)),
    ]


@collecting
def _rate(router: Router, events: Iterable[Event], now: float) -> float:
    """Events a second of processor time."""
    handle: Callable[[Event, float], object] = router.handle
    count, begun = 0, time.process_time()
    for event in events:
        handle(event, now)
        count += 1
    return count / (time.process_time() - begun)
