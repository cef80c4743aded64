"""All routes of a table: received ones, originated ones, the best paths, and the routes offered to the RIB.

`Exports` are the paths that this VRF announces to other VRFs of this router, with its route targets (RFC 4364). Only
the best path to a prefix is exported, as on IOS, and no path that was imported itself. Its next hops are those of the
routing table here: where that table has no route to the prefix, no path is exported. Changes wait for a moment, so that
changes that come together leave together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import islice
from operator import attrgetter
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.context import Timer
from dmvpn.base.distribution import Distribution
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.exports import ExportedPath, PathsExported, PathsWanted
from dmvpn.base.notices import Notice, Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.base.pages import Groups
from dmvpn.base.ports import Ports
from dmvpn.base.routemaps import UNCHANGED, Changes, MatchedRoute
from dmvpn.base.values import copier
from dmvpn.features.bgp.families import Family
from dmvpn.features.bgp.input import Learning
from dmvpn.features.bgp.model import NO_VPN, BgpConfig, NetworkLine, PathChoice, Vpn
from dmvpn.features.bgp.neighbor import FamilyState, Peer
from dmvpn.features.bgp.origination import Aggregates, Imports, own_path, own_prefixes
from dmvpn.features.bgp.packet import prefix_of
from dmvpn.features.bgp.paths import LocRib, NextHops, Path, PathOrigin, own_source
from dmvpn.features.bgp.policy import candidate, kinds_of

# --------------------------------------------------------------------------------------------- the routes of this table


_of_prefix: Final = copier(Route, "prefix")
_OWN: Final = (PathOrigin.NETWORK, PathOrigin.REDISTRIBUTED)


class Routes:
    """Processes changes in slices: originated prefixes, received routes, and prefixes whose best path must be chosen
    again.
    """

    def __init__(self, ports: Ports, family: Family, learning: Learning, imports: Imports) -> None:
        self._ports = ports
        self._family = family
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
        imports = self._imports.waiting
        if not (imports or self._own or self._dirty or self._unoffered or self._news):
            return self._learning.waiting  # as a rule: this is asked after each event
        others = len(imports) + len(self._own) + len(self._dirty) + len(self._unoffered) + len(self._news)
        return self._learning.waiting + others

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
        self._own.update(own_prefixes(self._config, self._ports, self._family.version))

    def policies_changed(self) -> None:
        """Apply changed lists and maps to our own routes at once."""
        self.look_at_own()
        if any(one.suppress_map or one.attribute_map for one in self._config.aggregates):
            self._dirty.update(dict.fromkeys(self.table.destinations))

    @property
    def own(self) -> tuple[Prefix, ...]:
        """The originated prefixes of `network` and `redistribute`."""
        found = self.table.destinations
        wanted = [prefix for prefix in own_prefixes(self._config, self._ports, self._family.version) if prefix in found]
        return tuple(prefix for prefix in wanted if any(path.own for path in found[prefix].paths.values()))

    def condition(self, name: str) -> Changes | None:
        """Return the changes that a route map makes to the first route of our IP version that it permits in the routing
        table; None: it permits none.
        """
        if not name:
            return UNCHANGED
        policies = self._ports.policies.of_routes()
        routes = (route for route in self._ports.rib.routes() if route.prefix.version == self._family.version)
        made = (policies.mapped(name, MatchedRoute.of(route)) for route in routes)
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
                self.table.put((prefix,), after)

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
        if found is not None and found.best and self._family.in_table:
            known = alike.get(id(found.best)) if not self._config.neighbor_distances else None
            route = _of_prefix(known, prefix) if known is not None else self._route(prefix, found.best)
            alike[id(found.best)] = route
        before = self._offered.get(prefix)
        if route is None:
            if before is None:
                return []
            del self._offered[prefix]
            return [self._retracted(prefix)]
        if before is not None and before == route:
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
            details=(  # the lines that `show ip route A.B.C.D` adds
                f"      AS Hops {attributes.path_length}",
                *((f"      Route tag {attributes.neighbor_system}",) if attributes.neighbor_system else ()),
                "      MPLS label: none",
            ),
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


# ------------------------------------------------------------------------------------------------ exports to other VRFs


#: Seconds until changes are exported.
SETTLING: Final = 0.05
#: Prefixes processed at once.
SLICE: Final = 64
_COST: Final = 16


class Exports:
    """The paths that this VRF has announced to the other VRFs."""

    def __init__(self, state: FamilyState, routes: Routes) -> None:
        self._context = state.context
        self._routes = routes
        self._vpn = NO_VPN
        self._announced: dict[Prefix, ExportedPath] = {}
        self._due: dict[Prefix, None] = {}
        self._timer = Timer("export paths to other VRFs", self._export, cost=_COST)

    @property
    def vpn(self) -> Vpn:
        """The configuration."""
        return self._vpn

    def configure(self, vpn: Vpn) -> None:
        """Apply changed lines."""
        old, self._vpn = self._vpn, vpn
        if old.imports != vpn.imports:
            self._context.emit(PathsWanted(vpn.imports, self._context.ports.vrf))
        if (old.rd, old.exports, old.export_map) != (vpn.rd, vpn.exports, vpn.export_map):
            self.look_again()

    def look_again(self) -> None:
        """Queue all prefixes, because lines, maps or lists changed."""
        self.changed((*self._announced, *self._routes.table.destinations))

    def changed(self, prefixes: Iterable[Prefix]) -> None:
        """Queue prefixes whose best path, or whose route in the routing table, changed."""
        if not (self._vpn.exports or self._vpn.export_map or self._announced):
            return
        self._due.update(dict.fromkeys(prefixes))
        if self._due and not self._context.is_running(self._timer):
            self._context.start(self._timer, SETTLING)

    def stop(self) -> None:
        """Take everything back, because the process ends."""
        vrf, gone = self._context.ports.vrf, tuple(self._announced)
        if self._vpn.imports:
            self._context.emit(PathsWanted((), vrf))
        if gone:
            self._context.emit(PathsExported((), gone, vrf))
        self._vpn = NO_VPN
        self._announced.clear()
        self._due.clear()
        self._context.stop(self._timer)

    def targets_of(self, prefix: Prefix, path: Path) -> tuple[int, ...]:
        """Return the route targets of a path: those of its map, or else those of the VRF; (): it is not exported.

        As on IOS, a route that `export map` denies keeps the targets of the VRF.
        """
        if path.imported is not None or not self._may_export:
            return ()
        change = None
        if self._vpn.export_map:
            route = candidate(prefix, path.attributes, kinds_of(path))
            changes = self._context.ports.policies.of_routes().mapped(self._vpn.export_map, route)
            change = changes.extended if changes is not None else None
        return self._vpn.exports if change is None else change.applied(self._vpn.exports)

    @property
    def _may_export(self) -> bool:
        return bool(self._vpn.exports or self._vpn.export_map)

    def _export(self) -> None:
        """Announce what changed, a slice of it."""
        paths, gone = [], []
        for prefix in list(islice(self._due, SLICE)):
            del self._due[prefix]
            before, after = self._announced.get(prefix), self._path(prefix)
            if after == before:
                continue
            if after is not None:
                self._announced[prefix] = after
                paths.append(after)
            else:
                del self._announced[prefix]
                gone.append(prefix)
        if paths or gone:
            self._context.emit(PathsExported(tuple(paths), tuple(gone), self._context.ports.vrf))
        if self._due:
            self._context.arm(self._timer, self._context.now)

    def _path(self, prefix: Prefix) -> ExportedPath | None:
        """Return the path to a prefix that is exported, or None."""
        ports, path = self._context.ports, self._routes.table.best(prefix)
        if path is None or prefix in self._routes.suppressed:
            return None
        targets, next_hops = self.targets_of(prefix, path), _hops_of(ports.rib.exact(prefix), ports.vrf)
        if not targets or not next_hops:
            return None
        metric = 0 if path.own else self._routes.table.metric_to(path.attributes.next_hop)
        return ExportedPath(
            prefix=prefix,
            vrf=ports.vrf,
            rd=self._vpn.rd,
            targets=targets,
            path=path,
            metric=metric or 0,
            next_hops=next_hops,
        )


def _hops_of(route: Route | None, vrf: str) -> tuple[NextHop, ...]:
    """Return where a route of this table leads, for packets of another table; (): nowhere.

    An aggregate leads back into this table, which has the routes that the aggregate stands for.
    """
    if route is None or route.source is RouteSource.HOST or route.imported:
        return ()
    if route.kind is not RouteKind.FORWARD:
        return (NextHop("", vrf=vrf),)
    return route.next_hops
