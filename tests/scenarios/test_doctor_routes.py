"""A route that a router lacks: the doctor names the first router that lacks it, why it did not pass, and the lines."""

from __future__ import annotations

import pytest

from support.bench import WorldBench
from support.doctors import no_advice
from support.routing import with_rip
from support.typed import Typed, read
from support.world import World

_RIP = "notes-phase3 with RIP"
FAULTS = read("routes")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_reason_for_a_missing_route_is_named_at_its_router_with_lines_that_bring_it(fault: Typed) -> None:
    world = World("notes-phase3", change=with_rip) if fault.network == _RIP else World(fault.network)
    bench = WorldBench(world.converge())
    for router, lines in fault.lines.items():
        bench.configure(router, lines)
    cleared = [(name, f"clear ip {what}") for name in world.sim.routers for what in ("route *", "bgp *")]
    bench.ask(cleared)
    world.run_for(300)
    first = no_advice(world)[0]
    router, cause, words = fault.found
    assert (first.router, first.cause) == (router, cause), first
    assert words in first.what
    if first.fix:
        for one in no_advice(world):
            bench.configure(one.router, one.fix)
        bench.ask(cleared)
        world.run_for(300)
        assert no_advice(world) == []
