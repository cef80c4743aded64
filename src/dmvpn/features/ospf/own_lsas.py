"""Our router, network and summary LSAs: each is originated again when it may have changed. RFC 2328 §12.4.1 to §12.4.3.

A router is a border router if it has interfaces in the backbone and in another area: it originates summaries, and
learns routes between areas from summaries (§16.2). It uses summaries of the backbone alone, so that all paths
between areas lead through the backbone and none in a circle.
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.features.ospf.flooding import as_it_is, network_body, router_body
from dmvpn.features.ospf.lsa import (
    INFINITY,
    LsaKey,
    LsaType,
    Options,
    RouterFlag,
    SummaryBody,
)
from dmvpn.features.ospf.model import AreaKind
from dmvpn.features.ospf.neighbor import InterfaceState
from dmvpn.features.ospf.spf import OspfRoute, Reached, WayKind, range_of
from dmvpn.net.ipv4 import ipv4_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.features.ospf.externals import Externals
    from dmvpn.features.ospf.flooding import Origination
    from dmvpn.features.ospf.interface import Neighbor, OspfInterface
    from dmvpn.features.ospf.spf import RunningArea
    from dmvpn.features.ospf.state import State


# ---------------------------------------------------------------------------------------------- router and network LSAs


class Topology:
    """Requests router and network advertisements of one process."""

    def __init__(self, state: State, origination: Origination, externals: Externals) -> None:
        self._state = state
        self._origination = origination
        self._externals = externals

    def describe(self, area: RunningArea) -> None:
        """Originate our router LSA of an area again."""
        key = LsaKey(LsaType.ROUTER, self._state.router_id, self._state.router_id)
        self._origination.request(area, key, partial(router_body, self._state, area))

    def describe_all(self) -> None:
        """Describe the same in all areas."""
        for area in self._state.areas.values():
            self.describe(area)

    def adjacency_changed(self, neighbor: Neighbor) -> None:
        """Note that a neighbor became, or stopped being, full."""
        state, name = neighbor.state.value, neighbor.interface.name
        self._state.history.note(self._state.context.now, f"Neighbor {neighbor.router} on {name} is {state}")
        self.network_changed(neighbor.interface)
        if neighbor.interface.far_end is not None:
            self.describe_all()  # we are a border router by it, and its area a transit area
            self._externals.refresh_all()
            self._state.request_calculation()

    def network_changed(self, interface: OspfInterface) -> None:
        """Describe this interface again: its LSA content may have changed."""
        self.describe(interface.area)
        self._externals.retell(interface.area)
        key = LsaKey(LsaType.NETWORK, interface.address, self._state.router_id)
        if interface.phase is InterfaceState.DESIGNATED:
            self._origination.request(interface.area, key, partial(network_body, self._state, interface))
        else:
            self._origination.withdraw(interface.area, key)


# ------------------------------------------------------------------------------------------------ summaries


_DEFAULT = Prefix.of(IPv4Address(0), 0)


class Summaries:
    """The summaries that one process, if it is a border router, originates into each area."""

    def __init__(self, state: State, origination: Origination) -> None:
        self._state = state
        self._origination = origination
        self._told: dict[tuple[int, LsaKey], SummaryBody] = {}

    def refresh(self, routes: Mapping[Prefix, OspfRoute]) -> None:
        """Apply the current routes within OSPF."""
        wanted: dict[tuple[int, LsaKey], SummaryBody] = {}
        if self._state.is_border:
            for area in self._state.areas.values():
                self._add_networks(wanted, area, routes)
                self._add_borders(wanted, area)
        areas = self._state.areas
        for name in [name for name in self._told if name not in wanted]:
            del self._told[name]
            if name[0] in areas:
                self._origination.withdraw(areas[name[0]], name[1])
        for name, body in wanted.items():
            if self._told.get(name) != body:
                self._told[name] = body
                self._origination.request(areas[name[0]], name[1], partial(as_it_is, body))

    def forget(self) -> None:
        """Forget the originated summaries, because the process restarts."""
        self._told.clear()

    def forget_area(self, number: int) -> None:
        """Forget an area that was removed from this router. If it returns before the next calculation, all summaries
        are originated again.
        """
        self._told = {name: body for name, body in self._told.items() if name[0] != number}

    def _add_networks(
        self, wanted: dict[tuple[int, LsaKey], SummaryBody], area: RunningArea, routes: Mapping[Prefix, OspfRoute]
    ) -> None:
        settings = area.settings
        found: dict[Prefix, int] = {}
        for route in () if settings.no_summary else self._fit(area, routes):
            prefix, cost = self._as_told(route, area)
            if prefix is not None and self._is_let_through(prefix, route, area):
                found[prefix] = cost
        if settings.kind is AreaKind.STUB or (settings.kind is AreaKind.NSSA and settings.no_summary):
            found[_DEFAULT] = settings.default_cost
        for prefix in sorted(found):
            first, mask = ipv4_address(prefix.address.packed), ipv4_address(prefix.netmask.packed)
            key = LsaKey(LsaType.SUMMARY, first, self._state.router_id)
            if (area.number, key) in wanted:  # RFC 2328 Appendix E
                key = key._replace(id=IPv4Address(int(first) | int(prefix.wildcard)))
            wanted[area.number, key] = SummaryBody(mask, self._cost(found[prefix]))

    def _fit(self, area: RunningArea, routes: Mapping[Prefix, OspfRoute]) -> Iterator[OspfRoute]:
        """Yield routes that the area does not know by itself, and that do not lead into it."""
        names = {each.name for each in self._state.interfaces.values() if each.area is area}
        for route in routes.values():
            inside = route.kind in (WayKind.INTRA, WayKind.INTER)
            leads_back = any(hop.interface in names for hop in route.hops)
            if inside and route.area != area.number and not leads_back and route.cost < INFINITY:
                yield route

    def _cost(self, cost: int) -> int:
        """Return the cost of a network in our summaries: higher, if we are a last resort."""
        resort = self._state.last_resort
        return cost if resort is None or resort.summaries is None else resort.summaries

    def _as_told(self, route: OspfRoute, area: RunningArea) -> tuple[Prefix | None, int]:
        """Return the network, or the range that contains it, with its cost; None: do not advertise it.

        Each network of the backbone is advertised into an area that virtual links lead through, RFC 2328 §12.4.3.
        """
        home = self._state.areas.get(route.area) if route.area is not None else None
        if route.kind is not WayKind.INTRA or home is None or (area.is_transit and not home.number):
            return route.prefix, route.cost
        known = range_of(home, route.prefix)
        active = self._state.found.active.get((home.number, known.prefix)) if known is not None else None
        if active is None:
            return route.prefix, route.cost
        return (active.settings.prefix if active.settings.advertise else None), active.cost

    def _is_let_through(self, prefix: Prefix, route: OspfRoute, area: RunningArea) -> bool:
        """Return whether the filters of both areas let a network or range pass from one into the other."""
        home = self._state.areas.get(route.area) if route.area is not None else None
        filters = (home.settings.filter_out if home is not None else "", area.settings.filter_in)
        policies = self._state.context.ports.policies
        return all(policies.of_routes().prefix_list_permits(name, prefix) for name in filters if name)

    def _add_borders(self, wanted: dict[tuple[int, LsaKey], SummaryBody], area: RunningArea) -> None:
        """Type 4: where those are that bring routes in."""
        if not area.takes_externals:
            return
        for router, (number, reached) in self._state.found.borders.items():
            if number != area.number and router != self._state.router_id:
                key = LsaKey(LsaType.BORDER_SUMMARY, router, self._state.router_id)
                wanted[area.number, key] = SummaryBody(IPv4Address(0), self._cost(reached.cost))


def border_routers(state: State) -> dict[IPv4Address, tuple[int, Reached]]:
    """Return the AS boundary routers, with the area of the path to them: within an area first, then the nearest."""
    found: dict[IPv4Address, tuple[int, Reached]] = {}
    for area in state.areas.values():
        for router, reached in area.tree.routers.items() if area.tree is not None and area.takes_externals else ():
            known = found.get(router)
            if reached.flags & RouterFlag.EXTERNAL and (known is None or reached.cost < known[1].cost):
                found[router] = area.number, reached
    near = frozenset(found)
    for area, key, cost, border in _learned(state, LsaType.BORDER_SUMMARY):
        known = found.get(key.id)
        if key.id not in near and (known is None or cost < known[1].cost):
            found[key.id] = area.number, Reached(cost, border.hops, int(RouterFlag.EXTERNAL))
    return found


def inter_area_routes(state: State) -> Iterator[OspfRoute]:
    """Yield networks of other areas from summaries of border routers, except for active ranges of our own."""
    ranges = {prefix for _, prefix in state.found.active}
    for area, key, cost, border in _learned(state, LsaType.SUMMARY):
        prefix = area.database.entries[key].lsa.prefix
        if prefix is not None and prefix not in ranges:
            yield OspfRoute(
                prefix=prefix, kind=WayKind.INTER, cost=cost, hops=border.hops, origin=key.router, area=area.number
            )


def _learned(state: State, kind: LsaType) -> Iterator[tuple[RunningArea, LsaKey, int, Reached]]:
    """Yield valid summaries, with the total cost of the path, and the border router that originated them."""
    for area in [state.areas[0]] if state.is_border else list(state.areas.values()):
        for key, cost, border in learned_in(state, area, kind):
            yield area, key, cost, border


def learned_in(state: State, area: RunningArea, kind: LsaType) -> Iterator[tuple[LsaKey, int, Reached]]:
    """Yield the same of one area, without the area."""
    for key, entry in area.database.entries.items():
        body = entry.lsa.body
        counts = key.type == kind and key.router != state.router_id and key not in area.database.dying
        if not counts or not isinstance(body, SummaryBody) or body.metric >= INFINITY or area.tree is None:
            continue
        if kind is LsaType.SUMMARY and entry.lsa.header.options & Options.DOWN and state.is_provider_edge:
            continue
        border = area.tree.routers.get(key.router)
        if border is None or not border.flags & RouterFlag.BORDER:
            continue
        if border.cost + body.metric < INFINITY:
            yield key, border.cost + body.metric, border
