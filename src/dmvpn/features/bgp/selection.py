"""Which routes to a prefix are advertised to the members of an update group, by their filters and route maps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.ports import Ports
from dmvpn.base.routemaps import UNCHANGED, Changes
from dmvpn.features.bgp.model import FilterDirection
from dmvpn.features.bgp.output import Audience, default_route, sent_attributes
from dmvpn.features.bgp.packet import Nlri, NumberedPrefix, named
from dmvpn.features.bgp.paths import Path, is_advertised
from dmvpn.features.bgp.policy import candidate, kinds_of, verdict
from dmvpn.features.bgp.routes import Routes
from dmvpn.features.bgp.updates import AdvertisedRoute, fits


class RouteSelection:
    """Selects routes for the peers of one audience, by the lists and paths of the event at hand.

    preference: the local preference of `bgp default`.
    """

    def __init__(self, audience: Audience, routes: Routes, ports: Ports, preference: int) -> None:
        self._audience = audience
        self._routes = routes
        self._policies = ports.policies.of_routes()
        self._preference = preference
        #: By the identity of a path: most prefixes share their path objects.
        self._known: dict[int, tuple[Path, AdvertisedRoute | None]] = {}

    def routes(self, prefix: Prefix) -> Mapping[Nlri, AdvertisedRoute]:
        """Return the routes to a prefix that are advertised to these peers."""
        found: dict[Nlri, AdvertisedRoute] = {}
        for nlri, path in self._offers(prefix):
            one = self._select(prefix, path)
            if one is not None:
                found[nlri] = one
        audience = self._audience
        if not found and prefix == audience.family.default and audience.lines.default_originate:
            changes = self._routes.condition(audience.lines.originate_map)
            if changes is not None:
                own = default_route(audience, changes, self._preference)
                found[named(prefix, 0 if audience.numbered else None)] = AdvertisedRoute(own, UNSPECIFIED)
        return found

    def _offers(self, prefix: Prefix) -> Iterable[tuple[Nlri, Path]]:
        """Return the paths that may be advertised, the best one or several, under their names in UPDATEs."""
        table = self._routes.table
        if self._audience.numbered:
            return [
                (NumberedPrefix(prefix, one.number), one.path)
                for one in table.candidates(prefix)
                if is_advertised(one.merits, self._audience.advertised)
            ]
        best = table.best(prefix)
        return ((prefix, best),) if best is not None else ()

    def _select(self, prefix: Prefix, path: Path) -> AdvertisedRoute | None:
        lines = self._audience.lines
        if prefix in self._routes.suppressed and not self._is_unsuppressed(prefix, path):
            return None
        changes = (
            verdict(self._policies, lines, FilterDirection.OUT, prefix, path.attributes, kinds_of(path))
            if lines.filters
            else UNCHANGED
        )
        if changes is not UNCHANGED:
            return self._advertised(path, changes) if changes is not None else None
        name = id(path)
        if name not in self._known:
            self._known[name] = path, self._advertised(path, UNCHANGED)
        return self._known[name][1]

    def _is_unsuppressed(self, prefix: Prefix, path: Path) -> bool:
        """Return whether this path is advertised although an aggregate suppresses its prefix."""
        name = self._audience.lines.unsuppress_map
        route = candidate(prefix, path.attributes, kinds_of(path))
        return bool(name) and self._policies.mapped(name, route) is not None

    def _advertised(self, path: Path, changes: Changes) -> AdvertisedRoute | None:
        """Return a path with the attributes that these peers receive; None: it is not for them, or too long to send."""
        attributes = sent_attributes(path, self._audience, changes)
        if attributes is None or not fits(attributes, self._audience.family, wide=self._audience.wide):
            return None
        return AdvertisedRoute(attributes, path.peer)
