"""Two hubs and sixty spokes in virtual time, in clear and protected: what it costs until all are at work.

`dual-hub` with copies of its spokes: each registers with both hubs, by EIGRP it learns its routes, of which the
preferred hub's are used. Protected: IKEv2 with a shared key and AES-GCM on every tunnel, so each spoke has an IKE SA
and a pair of SAs with each hub before it registers. Processor time, from the configurations as text to the last
registration and route, of one core.
"""

from __future__ import annotations

import gc
import time
from typing import Final

from bench.direct import protected
from bench.figures import Figure
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.shells.collecting import uncollected
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.multiply import multiply

#: Virtual seconds after which all must be at work.
_LATEST: Final = 120.0


def measure(*, quick: bool) -> list[Figure]:
    """Let them come up."""
    spokes, runs = (10, 1) if quick else (60, 3)
    found = []
    for name in ("in clear", "protected"):
        times = [_come_up(spokes, is_protected=name == "protected") for _ in range(runs)]
        found += [
            Figure(
                name=f"{spokes} spokes at both hubs, {name}: processor time",
                unit="s",
                values=tuple(processor for processor, _ in times),
            ),
            Figure(name=f"{spokes} spokes at both hubs, {name}: virtual time", unit="s", values=(times[0][1],)),
        ]
    return found


def _come_up(spokes: int, *, is_protected: bool) -> tuple[float, float]:
    """Return processor seconds, and virtual ones."""
    (scenario,) = multiply([Scenario.load("dual-hub")], spokes)
    if is_protected:
        for name, text in scenario.configurations.items():
            scenario.configurations[name] = protected(text, tunnel=0, key=1)
    gc.collect()
    begun = time.process_time()
    with uncollected():
        world = Simulator.of(scenario)
    hubs = [world.routers[name].router.machine(NhrpMachine) for name in ("HUB1", "HUB2")]

    def is_coming() -> bool:
        """A tunnel that is not protected yet lacks nothing, so the hubs are asked, too."""
        return any(len(hub.of_version(4)[0].cache) < spokes for hub in hubs) or bool(world.missing(scenario))

    ready = world.run_while(is_coming, _LATEST, step=0.5)
    assert ready, f"{len(world.missing(scenario))} things missing after {world.now:.0f} s"
    return time.process_time() - begun, world.now
