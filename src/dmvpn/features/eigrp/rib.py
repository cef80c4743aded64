"""Redistribution: routes of the routing table that enter EIGRP as external destinations; and routes for the routing
table.

A route enters while it is the best one of its prefix and its protocol is redistributed, RFC 7868 §5.6, §6.8.3. Static
and connected routes have the metric of the interface they lead over unless one is configured, and those of another
EIGRP process the metric that they have there; routes of other protocols need a configured metric.

Offered are the destinations of the topology table. The routing table has connected prefixes already. A summary is
offered as a discard route (Null0): packets to an unknown destination inside it must not return along the default route.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.context import in_pieces
from dmvpn.base.distribution import line_for
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import InterfaceState, OwnWay, Route, RouteChanged, RouteOffered, RouteRetracted, RouteSource
from dmvpn.base.routemaps import UNCHANGED, Changes, MatchedRoute
from dmvpn.features.eigrp.dual import Dual, Message, Summaries, candidate
from dmvpn.features.eigrp.metric import Vector, link_vector, seed_vector
from dmvpn.features.eigrp.model import Redistribution
from dmvpn.features.eigrp.packet import ExternalData, ExternalProtocol
from dmvpn.features.eigrp.state import State
from dmvpn.features.eigrp.topology import UNREACHABLE, Destination, Origin, Path, PathSource, Report

# ------------------------------------------------------------------------------------------------ redistributed routes


_PROTOCOLS: Final = {
    RouteSource.STATIC: ExternalProtocol.STATIC,
    RouteSource.CONNECTED: ExternalProtocol.CONNECTED,
    RouteSource.RIP: ExternalProtocol.RIP,
    RouteSource.EIGRP: ExternalProtocol.EIGRP,
    RouteSource.OSPF: ExternalProtocol.OSPF,
    RouteSource.BGP: ExternalProtocol.BGP,
}
#: Sources whose routes need no configured metric, and are never replaced by EIGRP routes.
_OWN_METRIC: Final = (RouteSource.STATIC, RouteSource.CONNECTED)
#: Sources whose processes have numbers.
_NUMBERED: Final = (RouteSource.EIGRP, RouteSource.OSPF, RouteSource.BGP)
#: The metric of a route that leads over no interface (Null0).
_NOWHERE: Final = link_vector(1_000_000, 10, 1500)
#: Prefixes processed in one event: the loss of one queries all neighbors, which may be thousands.
_TOGETHER: Final = 8


class Redistributor:
    """The redistributed routes of one process, none while redistribution is barred."""

    def __init__(self, state: State, dual: Dual) -> None:
        self._state = state
        self._context = state.context
        self._dual = dual
        self._is_barred = False
        self._sources: dict[RouteSource, PathSource] = {}
        self._taken: dict[Prefix, PathSource] = {}

    @property
    def count(self) -> int:
        """The number of redistributed routes."""
        return len(self._taken)

    def bar(self, barred: bool) -> None:
        """Stop redistribution (barred), or resume it."""
        self._is_barred = barred
        self.refresh_all()

    def refresh_all(self) -> None:
        """Process the whole routing table because the settings or our router ID changed."""
        routes = self._context.ports.rib.routes() if self._state.settings.redistributions else ()
        present = dict.fromkeys(route.prefix for route in routes)
        gone = [prefix for prefix in self._taken if prefix not in present]
        self._context.work(in_pieces([*gone, *present], _TOGETHER, self._look_at), self._state)

    def _look_at(self, prefixes: Iterable[Prefix]) -> None:
        for prefix in prefixes:
            self._take(prefix, self._context.ports.rib.exact(prefix) if self._state.settings.redistributions else None)

    def policies_changed(self) -> None:
        """Apply changed lists and route maps."""
        settings = self._state.settings
        lists = any(one.source is not None for one in settings.distribution.lists)
        if lists or any(rule.route_map for rule in settings.redistributions):
            self.refresh_all()

    def route_changed(self, change: RouteChanged) -> None:
        """Process a changed best route."""
        if self._state.settings.redistributions or self._taken:
            self._take(change.prefix, change.new)

    def interface_changed(self, old: InterfaceState | None, new: InterfaceState | None) -> None:
        """Process static and connected routes again if the cost of an interface changed: they may lead over it."""
        scale = self._state.settings.scale
        if old is None or new is None or scale.link(old) == scale.link(new):
            return
        rated = [prefix for prefix, source in self._taken.items() if source.absolute]
        self._context.work(in_pieces(rated, _TOGETHER, self._look_at), self._state)

    def _take(self, prefix: Prefix, route: Route | None) -> None:
        report = self._report(route) if route and not self._is_barred else None
        source = self._source(route.source) if route and report else None
        old = self._taken.pop(prefix, None)
        if old is not None and old is not source:
            self._dual.receive(prefix, old, UNREACHABLE, Message.UPDATE, self._context.now)
        if source is not None and report is not None:
            self._taken[prefix] = source
            self._dual.receive(prefix, source, report, Message.UPDATE, self._context.now)

    def _source(self, kind: RouteSource) -> PathSource:
        if kind not in self._sources:
            self._sources[kind] = PathSource(Origin.REDISTRIBUTED, kind.value, absolute=kind in _OWN_METRIC)
        return self._sources[kind]

    def _report(self, route: Route) -> Report | None:
        """Return the report of a route as an external destination; None: it is not redistributed."""
        rule = None if self._is_ours(route) else line_for(self._state.settings.redistributions, route)
        if rule is None or route.prefix.version != self._state.settings.family.version:
            return None
        lists, policies = self._state.settings.distribution, self._context.ports.policies.of_routes()
        if not lists.brings_in(policies, MatchedRoute.of(route)):
            return None
        changes = self._mapped(rule.route_map, route)
        if changes is None:
            return None
        own = seed_vector(*changes.vector) if changes.vector else None
        metric = own or rule.metric or self._state.settings.default_metric or self._own_metric(rule, route)
        if metric is None:
            return None
        external = ExternalData(
            originator=self._state.router_id,
            autonomous_system=int(route.process) if route.source in _NUMBERED else 0,
            tag=route.tag if changes.tag is None else changes.tag,
            metric=0 if route.source in _OWN_METRIC else route.metric,
            protocol=_PROTOCOLS[route.source],
        )
        return Report(metric, external=external)

    def _is_ours(self, route: Route) -> bool:
        """Return whether the route is our own, which is never redistributed."""
        return route.source is RouteSource.EIGRP and route.process == str(self._state.settings.autonomous_system)

    def _mapped(self, name: str, route: Route) -> Changes | None:
        """Return the changes of a route map to a route; None: it denies the route."""
        if not name:
            return UNCHANGED
        return self._context.ports.policies.of_routes().mapped(name, MatchedRoute.of(route))

    def _own_metric(self, rule: Redistribution, route: Route) -> Vector | None:
        if rule.source is RouteSource.EIGRP:
            destination = self._state.tables.get(int(rule.process), {}).get(route.prefix)
            return destination.current.metric if destination is not None and destination.current is not None else None
        if rule.source not in _OWN_METRIC:
            return None
        interface = route.next_hops[0].interface if route.next_hops else ""
        state = self._context.ports.interfaces.get(interface)
        return self._state.settings.scale.link(state) if state else _NOWHERE


# ------------------------------------------------------------------------------------------------ offered routes


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
