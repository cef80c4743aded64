"""Redistribution of routes from the routing table, and routes that a process offers to it.

A route is redistributed while it is the best one of its prefix and a `redistribute` names its source; the default route
by `default-information originate` alone. A route map of `redistribute` chooses and changes routes. With a route map,
the default route is advertised while the map permits some route of the routing table.

Offered are the routes of the calculation. Our own networks are the routing table's business.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, Prefix, classful_length
from dmvpn.base.distribution import NOTHING, line_for
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.base.routemaps import UNCHANGED, Changes, MatchedRoute
from dmvpn.features.ospf.lsa import INFINITY, ExternalBody
from dmvpn.features.ospf.model import ProcessSettings, Redistribution
from dmvpn.features.ospf.spf import OspfRoute, WayKind, drained, dropped, paced
from dmvpn.features.ospf.state import State
from dmvpn.features.ospf.version3 import external_body
from dmvpn.net.ipv4 import ipv4_address

# ------------------------------------------------------------------------------------------------ redistributed routes


#: Costs that IOS advertises if none is configured: of routes, of BGP's, of the default route.
_COST: Final = 20
_COST_OF_BGP: Final = 1
_COST_OF_DEFAULT: Final = 1


class Imports:
    """Asks the routing table for the routes that one process redistributes."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._permitted: Prefix | None = None  # the first route that the route map of the default route permits

    def has_default(self) -> bool:
        """Return whether there is a default route that is not of this process."""
        route = self._state.context.ports.rib.exact(self._state.family.default)
        return route is not None and not self._is_ours(route)

    def may_decide(self, prefix: Prefix, route: Route | None) -> bool:
        """Return whether a changed route may change the result of the default route's route map.

        It may if it is the first permitted route, or was: then the whole table need not be searched.
        """
        settings = self._state.settings.default_originate
        if settings is None or not settings.route_map or prefix.is_default:
            return False
        if prefix.version != self._state.family.version:
            return False
        if prefix == self._permitted:
            return True
        if route is None or (self._permitted is not None and self._permitted < prefix):
            return False
        return self._mapped(settings.route_map, route) is not None

    def external_body(self, prefix: Prefix) -> ExternalBody | None:
        """Return the external LSA body for a prefix; None: do not advertise it."""
        version = self._state.family.version
        if prefix.version != version:
            return None
        route = self._state.context.ports.rib.exact(prefix)
        if prefix.is_default:
            return self._default(route)
        if route is None or self._is_ours(route):
            return None
        line = line_for(self._state.settings.redistributions, route)
        whole = version == 6 or prefix.length == classful_length(ipv4_address(prefix.address.packed))
        return self._brought_in(line, route) if line is not None and (line.subnets or whole) else None

    def _brought_in(self, line: Redistribution, route: Route) -> ExternalBody | None:
        changes = self._mapped(line.route_map, route)
        policies, lines = self._state.context.ports.policies, self._state.settings.distribution
        permitted = not lines.lists or (
            lines.permits(policies.of_routes(), MatchedRoute.of(route), "", inwards=False)
            and lines.brings_in(policies.of_routes(), MatchedRoute.of(route))
        )
        if changes is None or not permitted:
            return None
        cost = changes.metric_of(self._cost(line))
        tag = line.tag or route.tag if changes.tag is None else changes.tag
        is_type_2 = _is_type_2(changes, line.metric_type)
        is_down = self._is_down(route)
        forwarding = self._forwarding(route)
        return external_body(route.prefix, min(cost, INFINITY - 1), is_type_2, forwarding, tag, is_down=is_down)

    def _is_down(self, route: Route | None) -> bool:
        """Return whether the provider brings the route in."""
        return route is not None and route.source is RouteSource.BGP and self._state.is_provider_edge

    def _forwarding(self, route: Route) -> IPv4Address:
        """Return the next hop if the others on its network reach it as we do, RFC 2328 §12.4.4.1; else 0.0.0.0.

        The network must be advertised in OSPF: a suppressed prefix is not (RFC 6860 §2.3).
        """
        (hop, *others) = route.next_hops or (None,)
        interface = self._state.interfaces.get(hop.interface) if hop is not None and not others else None
        if hop is None or interface is None or not isinstance(hop.address, IPv4Address):
            return UNSPECIFIED
        settings = interface.settings
        shared = interface.speaks and settings.elects and not settings.suppress_prefixes
        return hop.address if shared and hop.address in interface.prefix else UNSPECIFIED

    def _mapped(self, name: str, route: Route) -> Changes | None:
        """Return the changes that a route map makes to a route, None: it refuses it."""
        if not name:
            return UNCHANGED
        return self._state.context.ports.policies.of_routes().mapped(name, MatchedRoute.of(route))

    def _default(self, route: Route | None) -> ExternalBody | None:
        settings = self._state.settings.default_originate
        if settings is None or (not settings.always and (route is None or self._is_ours(route))):
            return None
        changes = self._condition(settings.route_map)
        if changes is None:
            return None
        cost = _COST_OF_DEFAULT if settings.metric is None else settings.metric
        cost = min(changes.metric_of(cost), INFINITY - 1)
        tag = self._state.settings.number if changes.tag is None else changes.tag
        is_type_2, is_down = _is_type_2(changes, settings.metric_type), self._is_down(route)
        return external_body(self._state.family.default, cost, is_type_2, tag=tag, is_down=is_down)

    def _condition(self, name: str) -> Changes | None:
        """Return the changes that the route map makes to the first permitted route, None: it permits none."""
        if not name:
            return UNCHANGED
        self._permitted = None
        for route in self._state.context.ports.rib.routes():
            changes = self._mapped(name, route) if route.prefix.version == self._state.family.version else None
            if changes is not None:
                self._permitted = route.prefix
                return changes
        return None

    def _cost(self, redistribution: Redistribution) -> int:
        if redistribution.metric is not None:
            return redistribution.metric
        default = self._state.settings.default_metric
        if default is not None:
            return default
        return _COST_OF_BGP if redistribution.source is RouteSource.BGP else _COST

    def _is_ours(self, route: Route) -> bool:
        """Return whether we know it by this process, or it is a network that OSPF runs on."""
        if route.source is RouteSource.OSPF and route.process == str(self._state.settings.number):
            return True
        names = {hop.interface for hop in route.next_hops}
        return route.source is RouteSource.CONNECTED and not names.isdisjoint(self._state.interfaces)


def _is_type_2(changes: Changes, configured: int) -> bool:
    return changes.metric_type == "type-2" if changes.metric_type.startswith("type-") else configured == 2


# ------------------------------------------------------------------------------------------------ offered routes


#: Administrative distance that keeps a route out of the routing table.
_UNUSABLE = 255
#: That of the rest of a `summary-address`, as on IOS: anything else is better.
_SUMMARY = 254


class Offers:
    """The routes that one process has offered to the RIB. is_renewed: by `renew`, since the last calculation began."""

    def __init__(self, state: State) -> None:
        self.offered: dict[Prefix, Route] = {}
        self.is_renewed = False
        self._state = state
        self._context = state.context

    def begin(self) -> None:
        """Note that a calculation begins, whose result is offered at its end."""
        self.is_renewed = False

    def renew(self, summaries: Mapping[Prefix, int]) -> None:
        """Offer the found routes again at once; a calculation at hand is repeated, since its result may be older."""
        drained(self.refresh(summaries))
        self.is_renewed = True

    def refresh(self, summaries: Mapping[Prefix, int]) -> Generator[None, None, None]:
        """Update offers in slices, where they differ from the RIB. summaries: the ranges with a discard route to
        Null0.
        """
        settings, routes = self._state.settings, self._state.found.routes
        ranges = dropped(self._state.found.active, routes) if settings.discards_ranges else {}
        outside = settings.summaries_distance or _SUMMARY
        inside = settings.ranges_distance or settings.distances[0]
        wanted = {prefix: self._to_null(prefix, cost, outside) for prefix, cost in summaries.items()}
        wanted.update((prefix, self._to_null(prefix, cost, inside)) for prefix, cost in ranges.items())
        made = ((prefix, self._route(found, settings)) for prefix, found in routes.items())
        wanted.update((prefix, route) for prefix, route in made if route is not None)
        for prefix in [prefix for prefix in self.offered if prefix not in wanted]:
            self._retract(prefix)
        for (prefix, route), ends in paced(wanted.items()):
            if ends:
                yield
            if route != self.offered.get(prefix):
                self.offered[prefix] = route
                self._context.emit(RouteOffered(route))

    def retract_all(self) -> None:
        """Retract everything, because the process ends."""
        for prefix in list(self.offered):
            self._retract(prefix)

    def _retract(self, prefix: Prefix) -> None:
        if self.offered.pop(prefix, None) is not None:
            self._context.emit(RouteRetracted(RouteSource.OSPF, str(self._state.number), prefix))

    def _to_null(self, prefix: Prefix, metric: int, distance: int) -> Route:
        return Route(
            prefix=prefix,
            source=RouteSource.OSPF,
            process=str(self._state.number),
            distance=distance,
            metric=metric,
            next_hops=(NextHop("Null0"),),
            kind=RouteKind.DISCARD,
            since=self._context.now,
        )

    def _route(self, found: OspfRoute, settings: ProcessSettings) -> Route | None:
        intra, inter, external = settings.distances
        distance = {WayKind.INTRA: intra, WayKind.INTER: inter}.get(found.kind, external)
        hops = found.hops
        if settings.distribution != NOTHING:
            policies, lines = self._context.ports.policies.of_routes(), settings.distribution
            hops = tuple(
                hop for hop in hops if lines.permits(policies, candidate(found, hop), hop.interface, inwards=True)
            )
            distance = lines.distance(policies, candidate(found), found.origin, distance)
        if not hops or distance >= _UNUSABLE or not found.prefix.is_for_stations:
            return None
        return Route(
            prefix=found.prefix,
            source=RouteSource.OSPF,
            process=str(self._state.number),
            distance=distance,
            metric=found.metric,
            next_hops=hops[: settings.maximum_paths],
            subtype=found.kind.value,
            external=found.kind.is_external,
            tag=found.tag,
            told_by=(found.origin,) * len(found.hops[: settings.maximum_paths]),
            since=self._context.now,
        )


def candidate(found: OspfRoute, hop: NextHop | None = None) -> MatchedRoute:
    """Return a route by one of its next hops, as lists look at it."""
    address, interface = (hop.address, hop.interface) if hop is not None else (None, "")
    return MatchedRoute(
        prefix=found.prefix,
        next_hop=address,
        interface=interface,
        tag=found.tag,
        metric=found.metric,
        gateway=address,
        author=found.origin,
    )
