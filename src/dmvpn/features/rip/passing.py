"""Why RIP does not pass a route to a neighbor, by the rules that announce and accept it (`table`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dmvpn.base.barriers import Barrier, Gap, RouteReason, Side, barred, listed, not_brought_in, not_running
from dmvpn.features.rip.database import Announcement
from dmvpn.features.rip.packet import INFINITY
from dmvpn.features.rip.table import Announced, Summaries, advertised_on, believed_of, candidate, candidate_on

if TYPE_CHECKING:
    from dmvpn.features.rip.interface import RipInterface
    from dmvpn.features.rip.machine import RipMachine

_NAME = "rip"


def barrier(here: Side, there: Side, gap: Gap) -> Barrier | None:
    """Return why a route does not pass, None: it does, or RIP does not connect these two."""
    mine, theirs = (cast("RipMachine", side.machines[_NAME]) for side in (here, there))
    circuit = next((one for one in mine.circuits.values() if one.holds(gap.receiver.address)), None)
    other = next((one for one in theirs.circuits.values() if one.holds(gap.sender.address)), None)
    if circuit is None or other is None:
        return not_running(_NAME, circuit, other)
    if gap.prefix not in mine.table.own and gap.prefix not in mine.table.database.routes:
        best, config = here.ports.rib.exact(gap.prefix), mine.config
        if best is None:
            return None
        return not_brought_in(_NAME, best, config.redistributions, here.policies, config.distribution)
    (route,) = mine.table.look([gap.prefix])
    return _not_sent(here, mine, circuit, route) or _not_taken(there, theirs, other, route, gap)


def _not_sent(here: Side, machine: RipMachine, circuit: RipInterface, route: Announced) -> Barrier | None:
    config, prefix = machine.config, route.prefix
    if route.metric >= INFINITY:
        best = here.ports.rib.exact(prefix)
        if best is None or best.source.value == _NAME:
            return barred(_NAME, RouteReason.TOO_FAR)
        return barred(_NAME, RouteReason.HIDDEN, best.source.value)
    sent = advertised_on(circuit.name, (route,), config, here.ports)
    denied = listed(_NAME, config.distribution, here.policies, candidate_on(route), circuit.name, inwards=False)
    if not sent or sent[0].metric >= INFINITY:
        return denied or barred(_NAME, RouteReason.TOO_FAR)
    settings = config.interface(circuit.name)
    if settings.split_horizon and circuit.name in route.interfaces:
        return barred(_NAME, RouteReason.SPLIT_HORIZON, circuit.name)
    summary = Summaries.on(circuit.state, settings, auto_summary=config.auto_summary).summary(prefix)
    return barred(_NAME, RouteReason.SUMMARY, summary) if summary not in (None, prefix) else None


def _not_taken(there: Side, machine: RipMachine, circuit: RipInterface, route: Announced, gap: Gap) -> Barrier | None:
    sender, lists = gap.sender.address, machine.config.distribution
    heard = Announcement(
        prefix=gap.prefix, metric=route.metric, tag=route.tag, gateway=sender, next_hop=sender, interface=circuit.name
    )
    left = believed_of(heard, machine.config, there.ports)
    if left is not None and left.metric < INFINITY:
        return None
    denied = listed(_NAME, lists, there.policies, candidate(heard), circuit.name, inwards=True)
    return denied or barred(_NAME, RouteReason.TOO_FAR, at_sender=False)
