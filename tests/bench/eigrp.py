"""A hub of EIGRP with 5,000 neighbors: do they stay, what a change and a query cost it, and its longest event.

The hub and its neighbors are those of `support/eigrp_net.py`. What counts is the processor time of the hub's machine,
event by event; garbage is not collected meanwhile. A change and a loss both end with a query: the router behind the hub
is nearest to what changes, so the hub asks all spokes, and tells them what came of it.
"""

from __future__ import annotations

import gc

from bench.figures import Figure
from support.eigrp_net import LINK, NETWORKS, Crowd

#: Virtual seconds within which all must be up, and those without an event.
PATIENCE, QUIET = 120.0, 20.0


def measure(*, quick: bool) -> list[Figure]:
    """Let all come up, let one network change, let one go."""
    number = 1000 if quick else 5000
    crowd = Crowd(number)
    gc.collect()
    gc.disable()
    try:
        # Until everybody is up and knows everything: processor time, of it the longest event; seconds
        while not (crowd.up() == number + 1 and crowd.quiet()):
            crowd.run(0.5)
            if crowd.now > PATIENCE:
                raise RuntimeError(f"{crowd.up()} of {number + 1} neighbors are up")
        start, longest = crowd.take()
        crowd.run(QUIET)
        idle, one = crowd.take()
        longest, rounds = max(longest, one), []
        for metric in (LINK._replace(delay=2 * LINK.delay), None):
            crowd.tell(crowd.core, NETWORKS[:1], metric)
            before = crowd.now
            crowd.run(1.0)
            while not crowd.quiet():
                crowd.run(0.1)
            took = crowd.now - before
            spent, one = crowd.take()
            rounds.append(max(0.0, spent - idle * took / QUIET))
            longest = max(longest, one)
        crowd.run(QUIET)
    finally:
        gc.enable()
    change, query = rounds
    return [
        Figure(name=f"{number:,} neighbors come up: processor time", unit="s", values=(start,)),
        Figure(name="a network changes: all are told, processor time", unit="ms", values=(change * 1e3,)),
        Figure(name=f"it goes: {number:,} are asked and answer, processor time", unit="ms", values=(query * 1e3,)),
        Figure(name="neighbors lost meanwhile", unit="", values=(float(number + 1 - crowd.up()),), goal=0),
        Figure(name="Hellos of a second, processor time", unit="ms", values=(idle / QUIET * 1e3,)),
        Figure(name="the longest event of all", unit="ms", values=(longest * 1e3,), goal=20),
    ]
