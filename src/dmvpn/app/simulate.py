"""`dmvpn simulate` and `dmvpn replay`: whole networks in virtual time, and single routers from their recordings."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.base.recording import Entry, dump, load
from dmvpn.ios import CliError
from dmvpn.router.features import FEATURES
from dmvpn.router.language import exec_parser
from dmvpn.router.router import Router
from dmvpn.shells.ready import missing
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.shells.simulator.entropy import router_entropy
from dmvpn.shells.simulator.pairs import go_direct
from dmvpn.shells.simulator.topologies import phase3

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import TextIO

    from dmvpn.base.events import Event


def simulate(arguments: argparse.Namespace) -> int:
    """Run a scenario until it has converged, then send traffic between spokes. 1 if something did not come up."""
    began = time.monotonic()
    if arguments.scenario == "phase3":
        scenario = phase3(arguments.spokes or 10)
    elif arguments.spokes is not None:
        raise UserError("--spokes is for phase3; other scenarios are what their folder says")
    else:
        scenario = Scenario.load(arguments.scenario)
    recording = arguments.record.open("w") if arguments.record else None
    world = Simulator.of(scenario, arguments.seed, record=_recorder(recording))
    print(f"{scenario.name}: {len(world.routers)} routers, seed {arguments.seed}")
    routes = scenario.lab.ready.routes

    def lacks() -> list[str]:
        return [
            f"{name}: {text}"
            for name, node in world.routers.items()
            if scenario.role(name) != "provider"
            for text in missing(node.router, routes.get(name, ()))
        ]

    converged = world.run_while(lambda: bool(lacks()), arguments.seconds, step=0.25)
    if not converged:
        print("\n".join(lacks()[:20]), file=sys.stderr)
        print(f"not converged after {arguments.seconds:g} virtual seconds", file=sys.stderr)
        return 1
    print(f"all registered and converged after {world.now:.2f} virtual seconds, {time.monotonic() - began:.1f} real")
    result = go_direct(world, scenario)
    print(f"{result.direct} of {result.pairs} spoke pairs went direct; {result.lost} of {result.sent} packets lost")
    print(f"{time.monotonic() - began:.1f} s in all, digest {world.digest}")
    if recording is not None:
        recording.close()
    return 0 if result.direct == result.pairs else 1


def _recorder(file: TextIO | None) -> Callable[[str, Event, float], None] | None:
    if file is None:
        return None

    def record(router: str, event: Event, now: float) -> None:
        file.write(dump(Entry(now, router, event)) + "\n")

    return record


def replay(arguments: argparse.Namespace) -> int:
    """Feed recorded events to fresh routers; print their final state. The same file gives the same state."""
    routers: dict[str, Router] = {}
    effects, last = 0, 0.0
    with arguments.file.open() as lines:
        for line in lines:
            entry = load(line)
            if arguments.router is not None and entry.router != arguments.router:
                continue
            if entry.router not in routers:
                routers[entry.router] = Router(router_entropy(arguments.seed, entry.router))
            effects += len(routers[entry.router].handle(entry.event, entry.time))
            last = entry.time
    if not routers:
        raise UserError(f"{arguments.file}: no events" + (f" of {arguments.router}" if arguments.router else ""))
    print(f"{len(routers)} routers, {effects} effects, {last:.3f} seconds")
    if arguments.show:
        match = exec_parser(FEATURES).match(arguments.show)
        if isinstance(match, CliError):
            raise UserError("\n".join((arguments.show, *match.lines(0))))
        for name, router in routers.items():
            print(f"{name}#{arguments.show}")
            print("\n".join(match.lines(router.context(last))))
    return 0
