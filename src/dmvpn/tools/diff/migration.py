"""The change itself: the new configurations are entered on the network that runs the old ones, under traffic.

No router is restarted: each gets its new configuration as a session would enter it. The cabling stays (union.py); a new
router is switched on, a removed router is switched off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered
from dmvpn.tools.diff import measuring
from dmvpn.tools.diff.behavior import Migration
from dmvpn.tools.diff.union import unite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dmvpn.shells.scenario import Scenario

#: The orders in which routers can be changed, and their descriptions.
ORDERS: Final = {
    "together": "all routers at the same moment",
    "hubs-first": "one router after another, hubs first",
    "spokes-first": "one router after another, spokes first",
}
#: Seconds between two routers that are changed one after another.
PAUSE: Final = 5.0


def migrate(
    before: Scenario, after: Scenario, seed: int, order: str, tell: Callable[[str], None] = lambda _text: None
) -> Migration:
    """Enter the new lines while the old network runs; return which pairs lost packets, and for how long.

    order: of `ORDERS`. The last argument is called with the progress.
    """
    try:
        world, after = unite(before, after)
    except UserError as error:
        return Migration(untried=str(error))
    subject = measuring.Subject.of(world, seed)
    subject.tell = tell
    for name in world.configurations:
        if name not in before.configurations:
            subject.world.kill(name)
    there = {name: lan for name, lan in subject.lans.items() if lan.site in before.configurations}
    pairs = measuring.choose_pairs(there, seed, measuring.MOST_WATCHED)
    measuring.converge(subject, pairs)
    subject.world.run_for(measuring.CALM)
    for _ in range(measuring.PACKETS if pairs else 0):
        subject.probing.stream(pairs, measuring.INTERVAL)
    subject.probing.settle()
    able = [
        pair
        for pair in pairs
        if max(subject.probing.sent(pair)) in subject.probing.arrivals(pair)
        and all(subject.lans[name].site in after.configurations for name in pair)
    ]
    if not able:
        return Migration(untried="no two LANs reach each other before it, and are there afterwards")
    steps = _steps(subject, before, after, order)
    for position, step in enumerate(steps):
        subject.world.after(0.0 if order == "together" else position * PAUSE, step)
    lasts = 0.0 if order == "together" else len(steps) * PAUSE
    outages = measuring.watch(subject, able, least=measuring.LEAST_WATCH + lasts)
    return Migration(how=ORDERS[order], outages=outages, watched=tuple(able))


def _steps(subject: measuring.Subject, before: Scenario, after: Scenario, order: str) -> Sequence[Callable[[], None]]:
    """Return the steps in order, one for each router whose configuration changes."""
    hubs = subject.anatomy.hubs
    changed = [
        name
        for name in subject.scenario.configurations
        if before.configurations.get(name) != after.configurations.get(name)
    ]
    # A provider's ports must exist before a site uses them.
    changed.sort(key=lambda name: (name in subject.anatomy.sites, (name in hubs) != (order == "hubs-first")))
    return [_step(subject, name, before.configurations.get(name), after.configurations.get(name)) for name in changed]


def _step(subject: measuring.Subject, name: str, old: str | None, new: str | None) -> Callable[[], None]:
    world = subject.world
    if new is None:
        return lambda: world.kill(name)
    if old is None:
        return lambda: world.boot(name, new)
    head = world.certificates[name].head if name in world.certificates else ""
    return lambda: world.post(name, ConfigurationEntered(head + new, saved=True))
