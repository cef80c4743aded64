"""Redistribution: routes of the routing table that come into EIGRP as external destinations, RFC 7868 §5.6, §6.8.3.

A route comes in while it is the best one of its prefix and its protocol is to be redistributed. Static and connected
routes have the metric of the interface they lead over unless one is configured, and those of another process of EIGRP
the metric that they have there; others come in only with a metric.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.chores import in_pieces
from dmvpn.base.notices import Route, RouteSource
from dmvpn.base.redistribution import line_for
from dmvpn.base.routemaps import UNCHANGED, Candidate, Changes
from dmvpn.features.eigrp.dual import Dual, Message
from dmvpn.features.eigrp.metric import Vector, link_vector, seed_vector
from dmvpn.features.eigrp.route import ExternalData, ExternalProtocol
from dmvpn.features.eigrp.topology import UNREACHABLE, Origin, Report, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.notices import RouteChanged
    from dmvpn.features.eigrp.model import Redistribution
    from dmvpn.features.eigrp.surroundings import Surroundings

_PROTOCOLS: Final = {
    RouteSource.STATIC: ExternalProtocol.STATIC,
    RouteSource.CONNECTED: ExternalProtocol.CONNECTED,
    RouteSource.RIP: ExternalProtocol.RIP,
    RouteSource.EIGRP: ExternalProtocol.EIGRP,
    RouteSource.OSPF: ExternalProtocol.OSPF,
    RouteSource.BGP: ExternalProtocol.BGP,
}
#: Those whose routes need no configured metric, and whose routes EIGRP never takes the place of.
_OWN_METRIC: Final = (RouteSource.STATIC, RouteSource.CONNECTED)
#: Those whose processes have numbers.
_NUMBERED: Final = (RouteSource.EIGRP, RouteSource.OSPF, RouteSource.BGP)
#: The metric of a route that leads over no interface (Null0).
_NOWHERE: Final = link_vector(1_000_000, 10, 1500)
#: Prefixes that are looked at in one event: of one that goes all neighbors are asked, which may be thousands.
_TOGETHER: Final = 8


class Redistributor:
    """What one process takes from the routing table, unless it is barred from that."""

    def __init__(self, process: Surroundings, dual: Dual, is_barred: Callable[[], bool]) -> None:
        self._process = process
        self._context = process.context
        self._dual = dual
        self._is_barred = is_barred
        self._sources = {
            kind: Source(Origin.REDISTRIBUTED, kind.value, absolute=kind in _OWN_METRIC) for kind in _PROTOCOLS
        }
        self._taken: dict[Prefix, Source] = {}

    @property
    def count(self) -> int:
        """How many routes came in."""
        return len(self._taken)

    def refresh_all(self) -> None:
        """Go through the whole routing table, because the settings or our router id changed."""
        routes = self._context.ports.rib.routes() if self._process.settings.redistributions else ()
        present = dict.fromkeys(route.prefix for route in routes)
        gone = [prefix for prefix in self._taken if prefix not in present]
        self._context.work(in_pieces([*gone, *present], _TOGETHER, self._look_at))

    def _look_at(self, prefixes: Iterable[Prefix]) -> None:
        for prefix in prefixes:
            self._take(
                prefix, self._context.ports.rib.exact(prefix) if self._process.settings.redistributions else None
            )

    def policies_changed(self) -> None:
        """Apply other lists or route maps."""
        settings = self._process.settings
        lists = any(one.source is not None for one in settings.distribution.lists)
        if lists or any(rule.route_map for rule in settings.redistributions):
            self.refresh_all()

    def route_changed(self, change: RouteChanged) -> None:
        """Look at the best route of a prefix, which is another one."""
        if self._process.settings.redistributions or self._taken:
            self._take(change.prefix, change.new)

    def _take(self, prefix: Prefix, route: Route | None) -> None:
        report = self._report(route) if route and not self._is_barred() else None
        source = self._sources[route.source] if route and report else None
        old = self._taken.pop(prefix, None)
        if old is not None and old is not source:
            self._dual.receive(prefix, old, UNREACHABLE, Message.UPDATE, self._context.now)
        if source is not None and report is not None:
            self._taken[prefix] = source
            self._dual.receive(prefix, source, report, Message.UPDATE, self._context.now)

    def _report(self, route: Route) -> Report | None:
        """Return what the route says as an external destination, None if it is not to come in."""
        rule = None if self._is_ours(route) else line_for(self._process.settings.redistributions, route)
        if rule is None or route.prefix.version != 4:
            return None
        lists, policies = self._process.settings.distribution, self._context.ports.policies.of_routes()
        if not lists.brings_in(policies, Candidate.of(route)):
            return None
        changes = self._mapped(rule.route_map, route)
        if changes is None:
            return None
        own = seed_vector(*changes.vector) if changes.vector else None
        metric = own or rule.metric or self._process.settings.default_metric or self._own_metric(rule, route)
        if metric is None:
            return None
        external = ExternalData(
            originator=self._process.router_id,
            autonomous_system=int(route.process) if route.source in _NUMBERED else 0,
            tag=route.tag if changes.tag is None else changes.tag,
            metric=0 if route.source in _OWN_METRIC else route.metric,
            protocol=_PROTOCOLS[route.source],
        )
        return Report(metric, external=external)

    def _is_ours(self, route: Route) -> bool:
        """Return whether the route is our own, which never comes in again."""
        return route.source is RouteSource.EIGRP and route.process == str(self._process.settings.autonomous_system)

    def _mapped(self, name: str, route: Route) -> Changes | None:
        """Return what a route map makes of a route, None: it refuses it."""
        if not name:
            return UNCHANGED
        return self._context.ports.policies.of_routes().mapped(name, Candidate.of(route))

    def _own_metric(self, rule: Redistribution, route: Route) -> Vector | None:
        if rule.source is RouteSource.EIGRP:
            return self._process.metric_in(rule.process, route.prefix)
        if rule.source not in _OWN_METRIC:
            return None
        interface = route.next_hops[0].interface if route.next_hops else ""
        state = self._context.ports.interfaces.get(interface)
        return self._process.settings.scale.link(state) if state else _NOWHERE
