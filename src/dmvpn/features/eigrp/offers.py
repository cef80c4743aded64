"""Routes for the routing table, made of destinations of the topology table.

Our own connected prefixes are the RIB's business. A summary is offered as a route that discards (Null0): what lies in
it and is known to nobody must not go back to where the default route leads.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import OwnWay, Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.eigrp.intake import candidate
from dmvpn.features.eigrp.topology import Destination, Origin, Path

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.dual import Dual
    from dmvpn.features.eigrp.summary import Summaries
    from dmvpn.features.eigrp.surroundings import Surroundings

#: Administrative distance that keeps a route out of the routing table.
UNUSABLE: Final = 255
NULL: Final = NextHop("Null0")

#: Parts of the flows that the nearest of several unequal paths takes at most.
_PARTS: Final = 16


class Offers:
    """What the RIB has been offered by one process."""

    def __init__(self, process: Surroundings, dual: Dual, summaries: Summaries) -> None:
        self._process = process
        self._context = process.context
        self._dual = dual
        self._summaries = summaries
        self._offered: dict[Prefix, Route] = {}

    def refresh(self, prefix: Prefix) -> None:
        """Offer what holds for this prefix now, if it is not what the RIB has."""
        route = self._route(prefix)
        if route == self._offered.get(prefix):
            return
        if route is not None:
            self._offered[prefix] = route
            self._context.out.append(RouteOffered(route))
        elif prefix in self._offered:
            self._retract(prefix)

    def refresh_all(self) -> None:
        """Offer everything again, because the settings changed."""
        for prefix in list(dict.fromkeys((*self._dual.table, *self._offered))):
            self.refresh(prefix)

    def retract_all(self) -> None:
        """Retract everything, because the process ends."""
        for prefix in list(self._offered):
            self._retract(prefix)

    def sources(self) -> list[tuple[Path, Route]]:
        """Return the first path of every destination that is offered, with the route."""
        table = self._dual.table
        pairs = ((table[prefix].usable(), route) for prefix, route in self._offered.items() if prefix in table)
        return [(paths[0], route) for paths, route in pairs if paths]

    def chosen(self, destination: Destination) -> list[Path]:
        """Return the paths that packets take: those within the variance, as many as may be."""
        paths = destination.usable()
        if not paths or paths[0].source.is_local:
            return []
        settings = self._process.settings
        limit = paths[0].distance * settings.variance
        chosen = [path for path in paths if path.distance <= limit and not path.source.is_local]
        return chosen[: settings.maximum_paths]

    def _retract(self, prefix: Prefix) -> None:
        route = self._offered.pop(prefix)
        self._context.out.append(RouteRetracted(route.source, route.process, prefix))

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
        settings, best = self._process.settings, chosen[0]
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
        distance, settings = self._summaries.distances.get(prefix, UNUSABLE), self._process.settings
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
    """Return how many parts of the flows each path takes: the nearer the more (`traffic-share balanced`), as IOS does
    it.

    distances: the smallest one first.
    """
    if distances[0] == distances[-1]:
        return [1] * len(distances)
    parts = [max(1, round(_PARTS * distances[0] / distance)) for distance in distances]
    common = gcd(*parts)
    return [part // common for part in parts]


def details(path: Path) -> tuple[str, ...]:
    """Return what `show ip route A.B.C.D` adds for a route of EIGRP."""
    metric = path.metric
    return (
        f"      Total delay is {metric.delay_us} microseconds, minimum bandwidth is {metric.bandwidth} Kbit",
        f"      Reliability {metric.reliability}/255, minimum MTU {metric.mtu} bytes",
        f"      Loading {metric.load}/255, Hops {metric.hop_count}",
    )
