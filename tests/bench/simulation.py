"""A thousand spokes in virtual time: `dmvpn simulate phase3 --spokes N`, a command of its own each time.

One hub with EIGRP and a summary, N spokes that register and learn it, then pings between N/2 disjoint pairs of spokes,
which must go direct. Seconds on the clock say what a user waits on this machine as it is; processor seconds (user and
kernel) say what it costs, whatever else runs.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass

from bench.figures import Figure
from bench.labs import DMVPN

_DIRECT = re.compile(r"(\d+) of (\d+) spoke pairs went direct; (\d+) of \d+ packets lost")


@dataclass(frozen=True, slots=True)
class _Run:
    """spokes: how many. clock, processor: seconds. memory: MB at most. direct, pairs: spoke pairs. lost: packets."""

    spokes: int
    clock: float
    processor: float
    memory: float
    direct: int
    pairs: int
    lost: int


def measure(*, quick: bool) -> list[Figure]:
    """Simulate networks of three sizes."""
    sizes = (30, 100, 200) if quick else (100, 500, 1000)
    few, some, many = (_simulate(spokes) for spokes in sizes)
    # What one spoke more costs: with few of them, and with many. Imports and the rest drop out.
    slopes = (_slope(few, some), _slope(some, many))
    memory = (many.memory - few.memory) * 1024 / (many.spokes - few.spokes)
    return [
        Figure(name=f"{many.spokes} spokes", unit="s", values=(many.clock,), goal=60),
        Figure(name=f"{many.spokes} spokes, processor time", unit="s", values=(many.processor,)),
        Figure(
            name=f"pairs that went direct, of {many.pairs}", unit="", values=(many.direct,), goal=many.pairs, more=True
        ),
        Figure(name="packets lost between them", unit="", values=(many.lost,)),
        Figure(
            name=f"processor time for one spoke more, {some.spokes} to {many.spokes}",
            unit="ms",
            values=(slopes[1],),
            baseline=(slopes[0],),
            against=f"{few.spokes} to {some.spokes}",
        ),
        Figure(name="memory for one spoke more", unit="KB", values=(memory,)),
    ]


def _slope(fewer: _Run, more: _Run) -> float:
    """Milliseconds of processor time for each spoke that there is more."""
    return (more.processor - fewer.processor) / (more.spokes - fewer.spokes) * 1e3


def _simulate(spokes: int) -> _Run:
    begun = time.monotonic()
    command = [*DMVPN, "simulate", "phase3", "--spokes", str(spokes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    clock = time.monotonic() - begun
    found = _DIRECT.search(said)
    assert found is not None, said
    direct, pairs, lost = map(int, found.groups())
    return _Run(spokes, clock, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, direct, pairs, lost)
