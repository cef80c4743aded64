"""Why OSPF does not pass a route to a neighbor, by what both know of their areas (`own_lsas`, `rib`)."""

from __future__ import annotations

from typing import cast

from dmvpn.base.addresses import Prefix, classful_length
from dmvpn.base.barriers import Barrier, Gap, RouteEnd, RouteReason, Side, barred, listed, not_brought_in, not_running
from dmvpn.base.distribution import line_for
from dmvpn.base.notices import RouteSource
from dmvpn.base.routemaps import MatchedRoute
from dmvpn.features.ospf.interface import OspfInterface
from dmvpn.features.ospf.machine import OspfMachine, Process
from dmvpn.features.ospf.rib import Imports, candidate
from dmvpn.features.ospf.spf import OspfRoute, RunningArea, range_of
from dmvpn.net.ipv4 import ipv4_address

_NAME = "ospf"


def barrier(here: Side, there: Side, gap: Gap) -> Barrier | None:
    """Return why a route does not pass, None: it does, or OSPF does not connect these two."""
    version = gap.prefix.version
    mine, theirs = ([*cast("OspfMachine", side.machines[_NAME]).of_version(version).values()] for side in (here, there))
    for process in mine:
        area = _area_with(process, gap.receiver)
        other = next((one for one in theirs if _area_with(one, gap.sender) is not None), None)
        if area is not None and other is not None:
            found = other.state.found.routes.get(gap.prefix)
            return _not_taken(there, other, found, gap) if found is not None else _not_sent(here, process, area, gap)
    return not_running(_NAME, _running(mine, gap.sender), _running(theirs, gap.receiver))


def _running(processes: list[Process], end: RouteEnd) -> OspfInterface | None:
    interfaces = (interface for process in processes for interface in process.interfaces.values())
    return next((one for one in interfaces if end.has(one.address)), None)


def _area_with(process: Process, end: RouteEnd) -> RunningArea | None:
    """Return the area of an adjacency with a neighbor."""
    return next((one.interface.area for one in process.state.neighbors() if end.has(one.address) and one.is_full), None)


def _not_sent(here: Side, process: Process, area: RunningArea, gap: Gap) -> Barrier | None:
    state, prefix = process.state, gap.prefix
    found = state.found.routes.get(prefix)
    if found is None and Imports(state).external_body(prefix) is None:
        return _not_brought_in(here, process, prefix)
    if found is None or found.kind.is_external:
        return barred(_NAME, RouteReason.STUB_AREA, area.number) if not area.takes_externals else None
    if found.area == area.number:
        return None
    if not state.is_border:
        return barred(_NAME, RouteReason.AREA, gap.sender.router)
    home = state.areas.get(found.area) if found.area is not None else None
    known = range_of(home, prefix) if home is not None else None
    if known is not None and known.advertise:
        return barred(_NAME, RouteReason.SUMMARY, known.prefix)
    if known is not None and home is not None:
        unsent = ("area", str(home.number), "range", str(known.prefix.address), "not-advertise")
        return barred(_NAME, RouteReason.LIST, " ".join(unsent), line=unsent)
    out = ((home.number, home.settings.filter_out, "out"),) if home is not None else ()
    for number, name, way in (*out, (area.number, area.settings.filter_in, "in")):
        if name and not here.policies.prefix_list_permits(name, prefix):
            words = ("area", str(number), "filter-list", "prefix", name, way)
            return barred(_NAME, RouteReason.LIST, " ".join(words), line=words)
    return barred(_NAME, RouteReason.SUMMARY, "0.0.0.0/0") if area.settings.no_summary else None


def _not_brought_in(here: Side, process: Process, prefix: Prefix) -> Barrier | None:
    route, settings = here.ports.rib.exact(prefix), process.state.settings
    if route is None:
        return None
    line = line_for(settings.redistributions, route)
    if line is not None and not (line.subnets or prefix.length == classful_length(ipv4_address(prefix.address.packed))):
        words = ("redistribute", line.source.value)
        return barred(_NAME, RouteReason.NO_SUBNETS, line=words)
    lists = settings.distribution
    denied = listed(_NAME, lists, here.policies, MatchedRoute.of(route), "", inwards=False) if line else None
    return denied or not_brought_in(_NAME, route, settings.redistributions, here.policies, lists)


def _not_taken(there: Side, process: Process, found: OspfRoute, gap: Gap) -> Barrier | None:
    lists = process.state.settings.distribution
    for hop in found.hops:
        denied = listed(_NAME, lists, there.policies, candidate(found, hop), hop.interface, inwards=True)
        if denied is not None:
            return denied
    number = str(process.number)
    is_offered = gap.prefix in process.offers.offered
    best = there.ports.rib.exact(gap.prefix)
    is_ours = best is not None and (best.source, best.process) == (RouteSource.OSPF, number)
    return None if is_offered or is_ours or not found.hops else barred(_NAME, RouteReason.NEVER, at_sender=False)
