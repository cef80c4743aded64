"""Routes for the routing table, made from the destinations of the topology table.

The RIB has connected prefixes already. A summary is offered as a discard route (Null0): packets to an unknown
destination inside it must not return along the default route.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import OwnWay, Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.eigrp.dual import candidate
from dmvpn.features.eigrp.topology import Destination, Origin, Path

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.dual import Dual, Summaries
    from dmvpn.features.eigrp.state import State

#: Administrative distance of a route that is not installed.
UNUSABLE: Final = 255
NULL: Final = NextHop("Null0")

#: Maximum share of the flows for the nearest of several unequal paths.
_PARTS: Final = 16


class Offers:
    """The routes that one process offers to the RIB."""

    def __init__(self, state: State, dual: Dual, summaries: Summaries) -> None:
        self._state = state
        self._context = state.context
        self._dual = dual
        self._summaries = summaries
        self._offered: dict[Prefix, Route] = {}

    def refresh(self, prefix: Prefix) -> None:
        """Offer the present route to this prefix, if it differs from the one in the RIB."""
        route = self._route(prefix)
        if route == self._offered.get(prefix):
            return
        if route is not None:
            self._offered[prefix] = route
            self._context.emit(RouteOffered(route))
        elif prefix in self._offered:
            self._retract(prefix)

    def refresh_all(self) -> None:
        """Offer all routes again because the settings changed."""
        for prefix in list(dict.fromkeys((*self._dual.table, *self._offered))):
            self.refresh(prefix)

    def retract_all(self) -> None:
        """Retract all routes because the process ends."""
        for prefix in list(self._offered):
            self._retract(prefix)

    def sources(self) -> list[tuple[Path, Route]]:
        """Return the first path of every offered destination, with the route."""
        table = self._dual.table
        pairs = ((table[prefix].usable(), route) for prefix, route in self._offered.items() if prefix in table)
        return [(paths[0], route) for paths, route in pairs if paths]

    def chosen(self, destination: Destination) -> list[Path]:
        """Return the paths that packets take: within the variance, up to the maximum."""
        paths = destination.usable()
        if not paths or paths[0].source.is_local:
            return []
        settings = self._state.settings
        limit = paths[0].distance * settings.variance
        chosen = [path for path in paths if path.distance <= limit and not path.source.is_local]
        return chosen[: settings.maximum_paths]

    def _retract(self, prefix: Prefix) -> None:
        route = self._offered.pop(prefix)
        self._context.emit(RouteRetracted(route.source, route.process, prefix))

    def _route(self, prefix: Prefix) -> Route | None:
        destination = self._dual.table.get(prefix)
        if destination is None:
            return None
        path = destination.current
        if path is not None and path.source.origin is Origin.SUMMARY:
            return self._null_route(prefix, path)
        chosen = self.chosen(destination)
        if not chosen:
            return None
        settings, best = self._state.settings, chosen[0]
        external = best.report.external
        ways = tuple(OwnWay(settings.scale.rib_metric(path.distance), details(path)) for path in chosen)
        distance = settings.external_distance
        if external is None:
            policies = self._context.ports.policies.of_routes()
            route = candidate(prefix, best.report, best.source.interface)
            distance = settings.distribution.distance(policies, route, best.source.address, settings.internal_distance)
        return Route(
            prefix=prefix,
            source=RouteSource.EIGRP,
            process=str(settings.autonomous_system),
            distance=distance,
            metric=settings.scale.rib_metric(best.distance),
            next_hops=tuple(
                NextHop(path.source.interface, path.report.next_hop, share)
                for path, share in zip(chosen, _shares([path.distance for path in chosen]), strict=True)
            ),
            external=external is not None,
            tag=external.tag if external else 0,
            details=details(best),
            ways=ways if len(set(ways)) > 1 else (),
            since=self._context.now,
        )

    def _null_route(self, prefix: Prefix, path: Path) -> Route | None:
        distance, settings = self._summaries.distances.get(prefix, UNUSABLE), self._state.settings
        if distance >= UNUSABLE:
            return None
        return Route(
            prefix=prefix,
            source=RouteSource.EIGRP,
            process=str(settings.autonomous_system),
            distance=distance,
            metric=settings.scale.rib_metric(path.distance),
            next_hops=(NULL,),
            kind=RouteKind.DISCARD,
            details=details(path),
            since=self._context.now,
        )


def _shares(distances: list[int]) -> list[int]:
    """Return the share of the flows for each path: more for a nearer one (`traffic-share balanced`), as on IOS.

    distances: ascending.
    """
    if distances[0] == distances[-1]:
        return [1] * len(distances)
    parts = [max(1, round(_PARTS * distances[0] / distance)) for distance in distances]
    common = gcd(*parts)
    return [part // common for part in parts]


def details(path: Path) -> tuple[str, ...]:
    """Return the lines that `show ip route A.B.C.D` adds for an EIGRP route."""
    metric = path.metric
    return (
        f"      Total delay is {metric.delay_us} microseconds, minimum bandwidth is {metric.bandwidth} Kbit",
        f"      Reliability {metric.reliability}/255, minimum MTU {metric.mtu} bytes",
        f"      Loading {metric.load}/255, Hops {metric.hop_count}",
    )
