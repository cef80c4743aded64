"""Runs of a campaign whose process is killed: module-level, because the processes import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from dmvpn.judge.campaign import RunVerdict
from dmvpn.judge.campaigns import Order, OrderOutcome


def carried_out(order: Order, *, shorten: bool = True) -> OrderOutcome:
    """Return what an order came to. why: a file; where it is there, this process is killed and the file goes, but
    not one with `always` in its name.
    """
    file = Path(order.why)
    if order.why and file.exists():
        if "always" not in file.name:
            file.unlink()
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    return OrderOutcome(
        order,
        RunVerdict(
            violations=(), faults=(), router_hours=1.0, sent=1, demanded=1, lost=0, longest={}, digest=str(order.seed)
        ),
    )
