"""When the preferred hub of the dual-hub scenarios dies: how long traffic by it stops, and when it is used again.

H1 pings the servers behind the core, by HUB1, which is killed without a word (`kill -9`) and started again later. An
outage is the longest run of pings without an answer; EIGRP has its default timers, so its hold time of 15 s is the
bound. "Used again" is from the start of the router to the spoke's route by it: one registration retry, whose pause has
grown with the time for which the hub was dead. Meanwhile H1 pings H2 over a shortcut, which is to feel nothing.

In the simulator the seed also moves the moment of death against the Hellos, so the runs spread over all there is; real
labs do the same a few times by the wall clock, both designs side by side.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bench.figures import Figure, Skipped
from bench.labs import need_namespaces
from support.dual_hub import DESIGNS, FAILOVER, H2, RESTART, RETURN, SERVER, kill, start, worst
from support.labs import Labs
from support.outages import outages

if TYPE_CHECKING:
    from support.dual_hub import DualHub

#: Pings a second.
RATE: Final = 50
#: Seconds between two Hellos: the moments of death spread over one such interval.
HELLO: Final = 5.0
#: Seconds for which the hub is dead in the simulator, long enough for the slowest retries; and before a quick restart.
DEAD, RESTARTED_AFTER = 300.0, 2.0
#: Seconds for which a real lab is looked at after the death; then the hub is started again.
LOOK: Final = 22
#: What the designs are called in the figures.
_NAMES: Final = {"dual-hub": "one cloud", "dual-hub-two-clouds": "two clouds"}


def measure(*, quick: bool) -> list[Figure]:
    """Simulated runs of both designs, then real ones where labs can run."""
    figures = [figure for design in DESIGNS for figure in _simulated(design, 3 if quick else 10)]
    try:
        need_namespaces()
    except Skipped:
        return figures
    return figures + _real(1 if quick else 2)


# ------------------------------------------------------------------------------------------------ in the simulator


@dataclass(frozen=True, slots=True)
class _Run:
    """Seconds: of the outage, until the hub is used again, of the outage by a quick restart. lost: on the shortcut."""

    outage: float
    back: float
    restart: float
    lost: int


def _simulated(design: DualHub, runs: int) -> list[Figure]:
    lives = [_life(design, seed, HELLO * seed / runs) for seed in range(1, runs + 1)]
    name = f"{_NAMES[design.scenario]}, simulator"
    return [
        _seconds(f"HUB1 dies: outage, {name}", [life.outage for life in lives], FAILOVER),
        _seconds(f"HUB1 returns after {DEAD:.0f} s: used again, {name}", [life.back for life in lives], RETURN),
        _seconds(
            f"HUB1 restarts in {RESTARTED_AFTER:.0f} s: outage, {name}",
            [life.restart for life in lives],
            RESTARTED_AFTER + RESTART,
        ),
        Figure(
            name=f"pings lost on a shortcut at its death, of {runs * LOOK * RATE:,}, {name}",
            unit="",
            values=(float(sum(life.lost for life in lives)),),
            goal=0,
        ),
    ]


def _life(design: DualHub, seed: int, phase: float) -> _Run:
    """One world: death and return under traffic to the servers; another: death under a shortcut; a third: a restart."""
    world = design.world(seed)
    world.run_for(phase)
    gaps = outages(world, ("H1", SERVER), seconds=LOOK, rate=RATE, events=((0.0, kill(world, "HUB1")),))
    world.run_for(DEAD - LOOK)
    begin = world.now
    start(world, "HUB1")()
    world.wait_until(lambda: design.chosen(world)[0] == "HUB1", 2 * RETURN)
    back = world.now - begin
    world = design.world(seed)
    world.run_for(phase)
    outages(world, ("H1", H2), seconds=2)
    lost = outages(world, ("H1", H2), seconds=LOOK, rate=RATE, events=((0.0, kill(world, "HUB1")),))
    world = design.world(seed)
    world.run_for(phase)
    events = ((0.0, kill(world, "HUB1")), (RESTARTED_AFTER, start(world, "HUB1")))
    restart = outages(world, ("H1", SERVER), seconds=LOOK, rate=RATE, events=events)
    return _Run(worst(gaps), back, worst(restart), round(sum(gap.seconds for gap in lost) * RATE))


# ------------------------------------------------------------------------------------------------ with real packets


def _real(runs: int) -> list[Figure]:
    felt: dict[str, list[float]] = {design.scenario: [] for design in DESIGNS}
    back: dict[str, list[float]] = {design.scenario: [] for design in DESIGNS}
    with Labs() as labs:
        for design in DESIGNS:
            labs.up(design.scenario)
        for number in range(runs):
            time.sleep(1.0 + HELLO * number / runs)
            _one_death(labs, felt, back)
    name = "HUB1 returns after {:.0f} s: used again, {}, lab"
    return [
        figure
        for scenario, words in _NAMES.items()
        for figure in (
            _seconds(f"HUB1 dies: outage, {words}, lab", felt[scenario], FAILOVER),
            _seconds(name.format(LOOK, words), back[scenario], RETURN),
        )
    ]


def _one_death(labs: Labs, felt: dict[str, list[float]], back: dict[str, list[float]]) -> None:
    """Both labs at once."""
    count = LOOK * RATE
    streams = {name: labs.start_stream(f"{name}/H1", SERVER, count=count, seconds=LOOK) for name in felt}
    for name in streams:
        labs.say("lab", "kill", f"{name}/HUB1")
    for name, stream in streams.items():
        felt[name].append(labs.echoes(stream, count, LOOK).gap)
    begin = time.monotonic()
    for name in streams:
        labs.say("lab", "start", f"{name}/HUB1")
    waiting = list(DESIGNS)
    while waiting and time.monotonic() < begin + RETURN:
        for design in [design for design in waiting if _goes_by_the_first(labs, design)]:
            back[design.scenario].append(time.monotonic() - begin)
            waiting.remove(design)
    if waiting:
        raise RuntimeError(f"HUB1 is not used again after {RETURN} s: {', '.join(d.scenario for d in waiting)}")


def _goes_by_the_first(labs: Labs, design: DualHub) -> bool:
    printed = labs.on(f"{design.scenario}/SPOKE1", "show ip route 10.1.10.0 255.255.255.0")
    return f"  * {design.hubs[0]}, from {design.hubs[0]}, " in printed


def _seconds(name: str, values: list[float], bound: float) -> Figure:
    """A figure of seconds. bound: what no run may exceed."""
    return Figure(name=name, unit="s", values=tuple(values), goal=bound)
