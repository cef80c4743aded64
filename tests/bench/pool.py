"""Campaigns on processes of this machine and on a cluster of Dask: runs a second, and what one task more costs.

The runs are a campaign of short ones, two at a time: `--jobs 2`, and two Dask workers on loopback, in turns; the time
is from the first task to the last result, with workers that are warm. The overhead is that of a thousand tasks that do
nothing, in one batch, each. Last the start of `dmvpn simulate --help`, which must not depend on the extra.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.figures import Figure, Skipped
from dmvpn.judge.campaigns import Task, run_text, version
from dmvpn.tools.pool.local import LocalPool
from support.dask_cluster import cluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.tools.pool.on_dask import DaskPool

_WORKERS: Final = 2
_MILLI: Final = 1000.0
#: Says in a new process whether a module of Dask was imported.
_IMPORTS: Final = (
    "import sys; from dmvpn.app.main import argument_parser; argument_parser(); "
    "print(sum(name.split('.')[0] in ('dask', 'distributed') for name in sys.modules))"
)


def measure(*, quick: bool) -> list[Figure]:
    """Run them. Raises Skipped without the extra."""
    if find_spec("distributed") is None:
        raise Skipped("Dask is missing: pip install 'dmvpn[pool]'")
    from dmvpn.tools.pool.on_dask import DaskPool

    runs, tasks, rounds = (8, 200, 1) if quick else (100, 1000, 3)
    lines = [Task(network="intro-phase3", seed=seed, hours=0.01, version=version()).to_json() for seed in range(runs)]
    far, near, overhead = [], [], []
    with (
        tempfile.TemporaryDirectory(prefix="dmvpn-pool-") as folder,
        cluster(Path(folder), _WORKERS) as made,
        DaskPool(made.address, None) as dask,
        LocalPool(_WORKERS) as local,
    ):
        for warm in (dask, local):
            _seconds(warm, run_text, lines[:4])
        for _ in range(rounds):
            far.append(runs / _seconds(dask, run_text, lines))
            near.append(runs / _seconds(local, run_text, lines))
            overhead.append(_seconds(dask, str, [str(number) for number in range(tasks)]) * _MILLI / tasks)
    imported = subprocess.run([sys.executable, "-c", _IMPORTS], check=True, capture_output=True, text=True).stdout
    return [
        Figure(
            name="runs a second on two Dask workers",
            unit="/s",
            values=tuple(far),
            more=True,
            baseline=tuple(near),
            against="`--jobs 2`",
        ),
        Figure(name=f"a task that does nothing, {tasks} in a batch", unit="ms", values=tuple(overhead), goal=20.0),
        Figure(name="modules of Dask that a command imports", unit="", values=(float(imported),), goal=0.0, floor=0.0),
    ]


def _seconds(pool: DaskPool | LocalPool, work: Callable[[str], str], lines: list[str]) -> float:
    begun = time.perf_counter()
    came = sum(1 for _ in pool.submit(work, lines))
    assert came == len(lines), f"{came} of {len(lines)} results came"
    return time.perf_counter() - begun
