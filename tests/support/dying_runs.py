"""Runs of a campaign whose process is killed: module-level, because the processes import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from dmvpn.base.errors import UserError
from dmvpn.judge.campaign import RunVerdict
from dmvpn.judge.campaigns import Result, Task

#: The folder with files that kill: `once-SEED` kills the first process that carries this seed out, `always-SEED` each.
FOLDER = "DMVPN_TEST_DEATHS"


def verdict_of(task: Task) -> RunVerdict:
    """Return the same verdict for the same seed, without a simulation."""
    return RunVerdict(
        violations=(),
        faults=(),
        router_hours=1.0,
        sent=1,
        demanded=1,
        lost=0,
        longest={"kill": task.seed / 4},
        digest=str(task.seed),
    )


def run_text(line: str) -> str:
    """Return what a task came to, or be killed."""
    task = Task.from_json(line)
    folder = Path(os.environ.get(FOLDER, "/nowhere"))
    once, always = folder / f"once-{task.seed}", folder / f"always-{task.seed}"
    if once.exists() or always.exists():
        once.unlink(missing_ok=True)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    return Result(task, verdict_of(task)).to_json()


def refused(line: str) -> str:
    """Raise what a task raises that cannot be done."""
    raise UserError(f"cannot do {line}")
