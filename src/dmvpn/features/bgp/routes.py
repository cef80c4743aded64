"""All routes of the process: received ones, originated ones, the best paths, and the routes offered to the RIB."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.copies import copier
from dmvpn.base.distribution import Distribution
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.groups import Groups
from dmvpn.base.notices import Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.base.routemaps import UNCHANGED, Changes, MatchedRoute
from dmvpn.features.bgp.model import BgpConfig, PathChoice
from dmvpn.features.bgp.nexthops import NextHops
from dmvpn.features.bgp.origination import Aggregates, own_path, own_prefixes
from dmvpn.features.bgp.packet import prefix_of
from dmvpn.features.bgp.paths import LocRib, Path, PathOrigin, candidate, own_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.learning import Learning
    from dmvpn.features.bgp.model import NetworkLine
    from dmvpn.features.bgp.origination import Imports
    from dmvpn.features.bgp.peer import Peer

_of_prefix: Final = copier(Route, "prefix")
_OWN: Final = (PathOrigin.NETWORK, PathOrigin.REDISTRIBUTED)
#: Prefixes of each kind processed at once: some milliseconds, in which no other event is handled.
SLICE: Final = 64


class Routes:
    """Processes changes in slices: originated prefixes, received routes, and prefixes whose best path must be chosen
    again.
    """

    def __init__(self, ports: Ports, learning: Learning, imports: Imports) -> None:
        self._ports = ports
        self._learning = learning
        self._imports = imports
        self._begin()

    def _begin(self) -> None:
        """Start without any route."""
        self._hops = NextHops(self._ports)
        self._config = BgpConfig()
        self._router_id: IPv4Address = UNSPECIFIED
        self._aggregates = Aggregates(self._ports)
        self._networks: Groups[Prefix, NetworkLine] = Groups(attrgetter("prefix"))
        self._own: dict[Prefix, None] = {}
        self._dirty: dict[Prefix, None] = {}
        self._unoffered: dict[Prefix, None] = {}
        #: Prefixes whose advertisement changes although the best path does not.
        self._news: dict[Prefix, None] = {}
        self._offered: dict[Prefix, Route] = {}
        self.table = LocRib(self._hops.metric_to)

    @property
    def suppressed(self) -> Mapping[Prefix, object]:
        """Prefixes that an aggregate suppresses."""
        return self._aggregates.suppressed

    def instead(self, prefix: Prefix) -> Route | None:
        """Return the route that the routing table has in place of ours; None: it has ours, or we offered none."""
        route = self._ports.rib.exact(prefix) if prefix in self._offered else None
        return route if route is not None and route.source is not RouteSource.BGP else None

    @property
    def pending(self) -> dict[Prefix, None]:
        """The prefixes that wait to be processed."""
        waiting = *self._learning.prefixes(), *self._imports.prefixes()
        return dict.fromkeys((*waiting, *self._own, *self._dirty, *self._unoffered, *self._news))

    @property
    def backlog(self) -> int:
        """How many prefixes wait to be processed."""
        waiting = self._learning.waiting + self._imports.waiting
        return waiting + len(self._own) + len(self._dirty) + len(self._unoffered) + len(self._news)

    def configure(self, config: BgpConfig, router_id: IPv4Address | None) -> None:
        """Apply changed configuration lines about routes."""
        old, self._config = self._config, config
        was_called, self._router_id = self._router_id, router_id or UNSPECIFIED
        self.table.limits, self.table.decision = config.maximum_paths, config.decision
        self._learning.default_pref = config.local_preference
        for place, networks in enumerate(config.network_lists):
            self._own.update(self._networks.show(networks, place))
        if _of_ours(old) != _of_ours(config):
            self.look_at_own()
        self.table.choice = choice_of(config)
        if (old.decision, choice_of(old)) != (config.decision, choice_of(config)):
            self._dirty.update(dict.fromkeys(self.table.destinations))
        # The AGGREGATOR attribute holds our router ID.
        if (old.maximum_paths, old.aggregates, old.outer_as, was_called) != (
            *(config.maximum_paths, config.aggregates, config.outer_as, self._router_id),
        ):
            self._dirty.update(dict.fromkeys(self.table.destinations))
            self._news.update(dict.fromkeys(self._aggregates.clear()))
            for gone in old.aggregates:
                self.table.take_away(gone.prefix, own_source(PathOrigin.AGGREGATE))
                self._dirty[gone.prefix] = None
        if (old.distances, old.neighbor_distances, old.tells_internal) != (
            *(config.distances, config.neighbor_distances, config.tells_internal),
        ):
            self._unoffered.update(dict.fromkeys(self.table.destinations))

    def look_at_own(self) -> None:
        """Queue all originated prefixes, because configuration lines or route maps changed."""
        self._own.update(self.table.own)
        self._own.update(own_prefixes(self._config, self._ports))

    def policies_changed(self) -> None:
        """Apply changed lists and maps to our own routes at once."""
        self.look_at_own()
        if any(one.suppress_map or one.attribute_map for one in self._config.aggregates):
            self._dirty.update(dict.fromkeys(self.table.destinations))

    @property
    def own(self) -> tuple[Prefix, ...]:
        """The originated prefixes of `network` and `redistribute`."""
        found = self.table.destinations
        wanted = [prefix for prefix in own_prefixes(self._config, self._ports) if prefix in found]
        return tuple(prefix for prefix in wanted if any(path.own for path in found[prefix].paths.values()))

    def condition(self, name: str) -> Changes | None:
        """Return the changes that a route map makes to the first route of the routing table that it permits; None: it
        permits none.
        """
        if not name:
            return UNCHANGED
        policies = self._ports.policies.of_routes()
        made = (policies.mapped(name, MatchedRoute.of(route)) for route in self._ports.rib.routes())
        return next((changes for changes in made if changes is not None), None)

    def stop(self) -> list[Notice]:
        """Clear everything because the process ends, and return the retractions for the RIB."""
        gone: list[Notice] = [self._retracted(prefix) for prefix in self._offered]
        self._learning.clear()
        self._imports.clear()
        self._begin()
        return gone

    def route_changed(self, prefix: Prefix, now: float) -> None:
        """Update our originated path after the routing table changed for this prefix."""
        path = own_path(prefix, self._config, self._networks, self._ports, now)
        known = self.table.destinations.get(prefix)
        for origin in _OWN:
            before = known.paths.get(own_source(origin)) if known is not None else None
            after = path if path is not None and path.origin is origin else None
            if before == after:
                continue
            self._dirty[prefix] = None
            if after is None:
                self.table.take_away(prefix, own_source(origin))
            else:
                self.table.put(prefix, after)

    def may_resolve(self, prefix: Prefix) -> bool:
        """Return whether the next hop of a path may be inside this prefix."""
        return self._hops.any_inside(prefix)

    def look_again(self) -> None:
        """Evaluate next hops again because the routing table changed."""
        changed = self._hops.refresh(in_use=self.table.hops)
        self._dirty.update(dict.fromkeys(self.table.by_next_hop(changed)))

    def settle(self, now: float) -> tuple[list[Prefix], list[Notice], list[Peer]]:
        """Process a slice. Returns the prefixes to advertise, the notices for the RIB, and the peers whose routes are
        all processed.
        """
        for prefix in _some(self._own):
            self.route_changed(prefix, now)
        found, learned = self._learning.take(self.table, SLICE, now)
        self._dirty.update(dict.fromkeys(map(prefix_of, found)))
        self._dirty.update(dict.fromkeys(self._imports.take(self.table, SLICE)))
        some = _some(self._dirty)
        changed = dict.fromkeys((*_some(self._news), *self.table.choose(some)))
        changed.update(self._aggregates.follow(self._config, self._router_id, self.table, some, now))
        offered = {**changed, **dict.fromkeys(_some(self._unoffered))}
        alike: dict[int, Route | None] = {}
        return list(changed), [one for prefix in offered for one in self._offer(prefix, alike)], learned

    # ------------------------------------------------------------------------------------------------------- RIB

    def _offer(self, prefix: Prefix, alike: dict[int, Route | None]) -> list[Notice]:
        """Return the notices for the RIB about a prefix. alike: routes by the identity of their best paths: prefixes
        with the same paths differ only in the prefix.
        """
        found = self.table.destinations.get(prefix)
        route = None
        if found is not None and found.best:
            known = alike.get(id(found.best)) if not self._config.neighbor_distances else None
            route = _of_prefix(known, prefix) if known is not None else self._route(prefix, found.best)
            alike[id(found.best)] = route
        before = self._offered.get(prefix)
        if route is None:
            if before is None:
                return []
            del self._offered[prefix]
            return [self._retracted(prefix)]
        if before == route:
            return []
        self._offered[prefix] = route
        return [RouteOffered(route)]

    def _route(self, prefix: Prefix, best: tuple[Path, ...]) -> Route | None:
        path = best[0]
        external, internal, local = self._config.distances
        attributes = path.attributes
        route = Route(
            prefix=prefix,
            source=RouteSource.BGP,
            process=str(self._config.local_as),
            distance=self._distance(prefix, path, internal if path.inside else external),
            metric=attributes.med or 0,
            next_hops=tuple(hop for one in best for hop in _next_hops(one)),
            external=not path.inside,
            stays=path.inside and not self._config.tells_internal,
            tag=attributes.neighbor_system,
            told_by=tuple(one.teller for one in best for _ in _next_hops(one)),
            details=_details(attributes),
            imported=path.imported.vrf if path.imported is not None else "",
            since=path.since,
        )
        if path.origin is PathOrigin.AGGREGATE:
            return replace(
                route,
                distance=local,
                next_hops=(NextHop("Null0"),),
                kind=RouteKind.DISCARD,
                external=False,
                stays=False,
                told_by=(),
                details=(),
            )
        return None if path.own else route

    def _distance(self, prefix: Prefix, path: Path, otherwise: int) -> int:
        if not self._config.neighbor_distances:
            return otherwise
        mine = Distribution(distances=self._config.neighbor_distances)
        policies = self._ports.policies.of_routes()
        return mine.distance(policies, candidate(prefix, path.attributes), path.peer, otherwise)

    def _retracted(self, prefix: Prefix) -> RouteRetracted:
        return RouteRetracted(RouteSource.BGP, str(self._config.local_as), prefix)


def _next_hops(path: Path) -> tuple[NextHop, ...]:
    """Return where a path leads. The routing table finds its next hop, unless it is in another VRF."""
    return (NextHop("", path.attributes.next_hop),) if path.imported is None else path.imported.next_hops


def _details(attributes: Attributes) -> tuple[str, ...]:
    """Return the lines that `show ip route A.B.C.D` adds for a BGP route."""
    tag = attributes.neighbor_system
    return (
        f"      AS Hops {attributes.path_length}",
        *((f"      Route tag {tag}",) if tag else ()),
        "      MPLS label: none",
    )


def _of_ours(config: BgpConfig) -> tuple[object, ...]:
    """Return the settings, besides the `network` lines, that affect the routes we originate."""
    return config.redistributions, config.default_metric, config.default_originate, config.local_preference


def choice_of(config: BgpConfig) -> PathChoice:
    """Return the additional paths to select; a backup may be selected without being advertised."""
    return replace(config.selected, backup=config.selected.backup or config.has_backups)


def _some(prefixes: dict[Prefix, None]) -> list[Prefix]:
    """Remove and return a slice of the prefixes."""
    some = list(islice(prefixes, SLICE))
    for prefix in some:
        del prefixes[prefix]
    return some
