"""What the doctor takes for a network of 4, 40 and 400 routers: plan, look, decide; not what its pings wait for.

Then the same with the copy in which it tries the lines: that network is brought up, and lives for some minutes.

One spoke has another tunnel key, so that there is something to find, the doctor looks twice, and it has lines to try.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bench.figures import Figure
from dmvpn.labs.copied import CopiedLab
from dmvpn.shells.simulator.topologies import phase3
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.remedies.affected_pairs import reduced
from dmvpn.tools.remedies.trial import attempt
from support.bench import WorldBench
from support.doctors import ExaminedWorld, as_it_runs
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Routers, and seconds that an answer may take.
_GOALS: Final = ((4, 0.5), (40, 3.0), (400, 15.0))
_SETTLED: Final = 60.0


class _Patient(ExaminedWorld):
    """Counts what the network itself takes: pings and waiting pass in virtual time."""

    spent = 0.0

    def ask(self, questions: Sequence[tuple[str, str]]) -> list[str]:
        """What commands print."""
        begun = time.process_time()
        said = super().ask(questions)
        self.spent += time.process_time() - begun
        return said

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        begun = time.process_time()
        super().wait(seconds)
        self.spent += time.process_time() - begun


def measure(*, quick: bool) -> list[Figure]:
    """One visit each, and one trial."""
    found: list[Figure] = []
    for routers, goal in _GOALS[: 2 if quick else 3]:
        alone, copied = _visit(routers)
        found.append(Figure(name=f"{routers} routers", unit="s", values=(alone,), goal=goal))
        found.append(Figure(name=f"{routers} routers, with the copy", unit="s", values=(alone + copied,), goal=goal))
    return found


def _visit(routers: int) -> tuple[float, float]:
    """Seconds of processor time: of the diagnosis, and of the copy."""
    world = World.of(phase3(routers - 2), seed=1)
    world.run_for(_SETTLED)
    bench = WorldBench(world)
    name = sorted(one for one in world.sim.routers if world.scenario.role(one) == "spoke")[0]
    bench.configure(name, ["interface Tunnel0", "tunnel key 4711"])
    world.run_for(_SETTLED)
    examined = _Patient(world)
    begun = time.process_time()
    found = visit(examined)
    took = time.process_time() - begun - examined.spent
    assert found.findings, "something is wrong, and nothing is found"
    assert found.findings[0].router == name, found.findings[0]
    begun = time.process_time()
    tried = attempt(found, CopiedLab(reduced(as_it_runs(world), examined.facts(), found.concerned)))
    copied = time.process_time() - begun
    trial = tried.findings[0].trial
    assert trial is not None, "nothing was tried"
    assert trial.works, trial
    return took, copied
