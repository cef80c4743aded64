"""Routes for the routing table, from the result of the calculation. Our own networks are the RIB's business."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.distribution import NOTHING
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.base.routemaps import MatchedRoute
from dmvpn.features.ospf.spf import WayKind, drained, dropped, paced

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.distribution import Distribution
    from dmvpn.features.ospf.model import ProcessSettings
    from dmvpn.features.ospf.spf import Hops, OspfRoute
    from dmvpn.features.ospf.state import State

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

    def _sorted_out(self, found: OspfRoute, lines: Distribution, distance: int) -> tuple[Hops, int]:
        """Return the next hops that distribute lists permit, and the administrative distance of the route."""
        policies = self._context.ports.policies.of_routes()
        hops = [
            hop for hop in found.hops if lines.permits(policies, candidate(found, hop), hop.interface, inwards=True)
        ]
        return tuple(hops), lines.distance(policies, candidate(found), found.origin, distance)

    def _route(self, found: OspfRoute, settings: ProcessSettings) -> Route | None:
        intra, inter, external = settings.distances
        distance = {WayKind.INTRA: intra, WayKind.INTER: inter}.get(found.kind, external)
        hops = found.hops
        if settings.distribution != NOTHING:
            hops, distance = self._sorted_out(found, settings.distribution, distance)
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
    address = hop.address if hop is not None and isinstance(hop.address, IPv4Address) else None
    interface = hop.interface if hop is not None else ""
    return MatchedRoute(
        prefix=found.prefix,
        next_hop=address,
        interface=interface,
        tag=found.tag,
        metric=found.metric,
        gateway=address,
        author=found.origin,
    )
