"""`dmvpn simulate`: whole networks in virtual time."""

from __future__ import annotations

import argparse
import time
from contextlib import nullcontext

from dmvpn.app.config import check_scenario
from dmvpn.app.progress import Progress
from dmvpn.base.errors import UserError
from dmvpn.judge.anatomy import Anatomy
from dmvpn.judge.variants import vary
from dmvpn.shells.collecting import set_aside, uncollected
from dmvpn.shells.descriptors import allow_descriptors
from dmvpn.shells.files import open_private
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.multiply import multiply
from dmvpn.shells.simulator.topologies import go_direct, phase3
from dmvpn.tools.diff.probing import lans_of


def simulate(arguments: argparse.Namespace) -> int:
    """Run a scenario until it has converged, then send traffic between spokes. 1 if something did not come up."""
    allow_descriptors()
    if arguments.campaign is None and (arguments.results or arguments.histogram or arguments.on or arguments.prove):
        raise UserError("--results, --histogram, --on and --prove go with --campaign")
    if arguments.prove is not None:
        from dmvpn.app.proof import prove_many

        return prove_many(arguments)
    if arguments.film is not None and arguments.faults is None:
        raise UserError("--film goes with --faults: it shows one judged run")
    if arguments.campaign is not None or arguments.faults is not None:
        if arguments.spokes is not None or arguments.record is not None:
            raise UserError("--spokes and --record go with a run without faults")
        from dmvpn.app.campaign import judge_many, judge_one

        return judge_one(arguments) if arguments.campaign is None else judge_many(arguments)
    if arguments.hours is not None:
        raise UserError("--hours goes with --faults random")
    if arguments.scenario is None:
        raise UserError("simulate needs a scenario (or --campaign)")
    is_multiplied = arguments.spokes is not None and arguments.scenario != "phase3"
    if arguments.scenario == "phase3":
        scenario = phase3(10 if arguments.spokes is None else arguments.spokes)
    else:
        scenario = Scenario.load(arguments.scenario)
        check_scenario(scenario)
        if is_multiplied:
            (scenario,) = multiply([scenario], arguments.spokes)
    scenario = vary(scenario, arguments.variant)
    with Progress.of(arguments) as progress:
        began = time.monotonic()
        progress.tell("putting the network together")
        recording = open_private(arguments.record) if arguments.record else None
        with recording or nullcontext():
            with uncollected():
                world = Simulator.of(scenario, arguments.seed, record=recording.write if recording else None)
                if is_multiplied:  # LANs of copies have no host yet, and without one no carrier
                    lans_of(world, scenario, Anatomy.of(world, scenario))
            title = "+".join((scenario.name, *arguments.variant))
            progress.say(f"{title}: {len(world.routers)} routers, seed {arguments.seed}")
            with set_aside():
                return _watch(world, scenario, arguments.seconds, progress, began)


def _watch(world: Simulator, scenario: Scenario, seconds: float, progress: Progress, began: float) -> int:
    """Run a network that began to be put together at `began`, a time of the clock."""

    def is_unfinished() -> bool:
        missing = world.missing(scenario)
        progress.tell(f"{world.now:.2f} virtual seconds, {len(missing)} things missing")
        return bool(missing)

    converged = world.run_while(is_unfinished, seconds, step=0.25)
    if not converged:
        progress.say("\n".join(world.missing(scenario)[:20]), error=True)
        progress.say(f"not converged after {seconds:g} virtual seconds", error=True)
        return 1
    progress.say(
        f"all registered and converged after {world.now:.2f} virtual seconds, {time.monotonic() - began:.1f} real"
    )
    progress.tell("packets between the spokes")
    result = go_direct(world, scenario)
    progress.say(
        f"{result.direct} of {result.pairs} spoke pairs went direct; {result.lost} of {result.sent} packets lost"
    )
    progress.say(f"{time.monotonic() - began:.1f} s in all, digest {world.digest}")
    return 0 if result.direct == result.pairs else 1
