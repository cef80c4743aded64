"""Why EIGRP does not pass a route to a neighbor, by the rules that advertise and accept it (`advertiser`, `dual`)."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from dmvpn.base.addresses import Prefix
from dmvpn.base.barriers import Barrier, Gap, RouteEnd, RouteReason, Side, barred, listed, not_brought_in, not_running
from dmvpn.features.eigrp.advertiser import Policy, is_sent_by_stub, leads_over
from dmvpn.features.eigrp.dual import candidate
from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
from dmvpn.features.eigrp.machine import EigrpMachine, Process
from dmvpn.features.eigrp.topology import WITHDRAWN, Path

_NAME = "eigrp"


def barrier(here: Side, there: Side, gap: Gap) -> Barrier | None:
    """Return why a route does not pass, None: it does, or EIGRP does not connect these two."""
    version = gap.prefix.version
    mine, theirs = (cast("EigrpMachine", side.machines[_NAME]).of_version(version) for side in (here, there))
    for number, process in mine.items():
        neighbor = _neighbor(process, gap.receiver)
        sender = _neighbor(theirs[number], gap.sender) if number in theirs else None
        if neighbor is not None and sender is not None:
            known = process.dual.table.get(gap.prefix)
            path = known.current if known is not None else None
            return _not_sent(here, process, neighbor.interface, gap.prefix) or _not_taken(
                there, theirs[number], sender, path, gap.prefix
            )
        if number in theirs:
            return not_running(_NAME, _running(process, gap.sender), _running(theirs[number], gap.receiver))
    return None


def _running(process: Process, end: RouteEnd) -> EigrpInterface | None:
    return next((one for one in process.state.interfaces.values() if end.has(one.address)), None)


def _neighbor(process: Process, end: RouteEnd) -> Neighbor | None:
    return next((one for one in process.neighbors() if end.has(one.address) and one.is_up), None)


def _not_sent(here: Side, process: Process, interface: EigrpInterface, prefix: Prefix) -> Barrier | None:
    destination, settings = process.dual.table.get(prefix), process.state.settings
    path, policy = (destination.current if destination is not None else None), Policy(process.state)
    if destination is None or path is None:
        route = here.ports.rib.exact(prefix)
        if route is None:
            return None
        return not_brought_in(_NAME, route, settings.redistributions, here.policies, settings.distribution)
    if policy.advert(interface, destination) != WITHDRAWN:
        return None
    summary = policy.summary_over(interface, path, prefix)
    if summary is not None:
        return barred(_NAME, RouteReason.SUMMARY, summary)
    if interface.settings.split_horizon and leads_over(interface, destination, path):
        return barred(_NAME, RouteReason.SPLIT_HORIZON, interface.name)
    if settings.stub is not None and not is_sent_by_stub(path, settings.stub):
        return barred(_NAME, RouteReason.STUB)
    asked = candidate(prefix, path.report, path.source.interface)
    return listed(_NAME, settings.distribution, here.policies, asked, interface.name, inwards=False)


def _not_taken(there: Side, process: Process, sender: Neighbor, path: Path | None, prefix: Prefix) -> Barrier | None:
    if path is None:
        return None
    external, identifier = path.report.external, process.state.router_id
    if identifier in (path.report.originator, external.originator if external is not None else None):
        return barred(_NAME, RouteReason.OWN_ROUTE, identifier, at_sender=False)
    route = replace(candidate(prefix, path.report, sender.interface.name), gateway=sender.address)
    lists = process.state.settings.distribution
    denied = listed(_NAME, lists, there.policies, route, sender.interface.name, inwards=True)
    if denied is not None:
        return denied
    destination = process.dual.table.get(prefix)
    is_known = destination is not None and any(source is sender.source for source in destination.paths)
    return None if is_known else barred(_NAME, RouteReason.TOO_FAR, at_sender=False)
