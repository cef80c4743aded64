"""All routes of the process: what peers tell, what we announce, what is chosen, and what the RIB gets of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.distribution import Distribution
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.notices import Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.base.routemaps import UNCHANGED, Candidate, Changes
from dmvpn.features.bgp.attributes import prepended
from dmvpn.features.bgp.model import Aggregate, BgpConfig, Direction
from dmvpn.features.bgp.nexthops import NextHops
from dmvpn.features.bgp.own import aggregate_path, own_path, own_prefixes
from dmvpn.features.bgp.paths import Path, PathOrigin
from dmvpn.features.bgp.policy import candidate, changed, verdict
from dmvpn.features.bgp.table import LocRib

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.peer import Peer
    from dmvpn.features.bgp.session import Session

_OWN = (PathOrigin.NETWORK, PathOrigin.REDISTRIBUTED)


class Routes:
    """suppressed: prefixes that an aggregate with `summary-only` speaks for."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._hops = NextHops(ports)
        self._config = BgpConfig()
        self._router_id: IPv4Address = UNSPECIFIED
        self._dirty: dict[Prefix, None] = {}
        #: Of what peers are to hear although the best path is the same.
        self._news: dict[Prefix, None] = {}
        self._offered: dict[Prefix, Route] = {}
        self.table = LocRib(self._hops.metric_to)
        self.suppressed: dict[Prefix, None] = {}

    def configure(self, config: BgpConfig, router_id: IPv4Address | None, now: float) -> list[Notice]:
        """Other lines about routes."""
        old, self._config = self._config, config
        self._router_id = router_id or UNSPECIFIED
        self.table.limits = config.maximum_paths
        self.look_at_own(now)
        if (old.maximum_paths, old.aggregates) != (config.maximum_paths, config.aggregates):
            self._dirty.update(dict.fromkeys(self.table.destinations))
            self._news.update(self.suppressed)
            self.suppressed.clear()
            for gone in old.aggregates:
                self.table.take_away(gone.prefix, (PathOrigin.AGGREGATE, UNSPECIFIED))
                self._dirty[gone.prefix] = None
        if (old.distances, old.neighbor_distances) != (config.distances, config.neighbor_distances):
            return [one for prefix in self.table.destinations for one in self._offer(prefix)]
        return []

    def look_at_own(self, now: float) -> None:
        """What we announce of our own accord may be something else: other lines, other route maps."""
        mine = [prefix for prefix, found in self.table.destinations.items() if any(p.own for p in found.paths.values())]
        for prefix in {**dict.fromkeys(mine), **own_prefixes(self._config, self._ports)}:
            self.route_changed(prefix, now)

    def condition(self, name: str) -> Changes | None:
        """What a route map makes of the first route of the routing table that it permits; None: it permits none."""
        if not name:
            return UNCHANGED
        policies = self._ports.policies.of_routes()
        made = (policies.mapped(name, Candidate.of(route)) for route in self._ports.rib.routes())
        return next((changes for changes in made if changes is not None), None)

    def stop(self) -> list[Notice]:
        """There is no process any more: what the RIB hears. Then this object is of no use."""
        return [self._retracted(prefix) for prefix in self._offered]

    def learn(self, peer: Peer, session: Session, prefixes: Iterable[Prefix], now: float) -> None:
        """A peer told something else of these, or its filters are others now."""
        policies = self._ports.policies.of_routes()
        source = (PathOrigin.PEER, peer.address)
        lines, heard = peer.settings.lines, session.heard
        for prefix in prefixes:
            self._dirty[prefix] = None
            attributes = peer.received.get(prefix)
            changes = verdict(policies, lines, Direction.IN, prefix, attributes) if attributes is not None else None
            peer.filter(prefix, is_refused=attributes is not None and changes is None)
            if attributes is None or changes is None:
                self.table.take_away(prefix, source)
                continue
            settings = peer.settings
            if settings.local_as != settings.real_as and not settings.internal and lines.local_as_prepends:
                attributes = replace(attributes, path=prepended(attributes.path, settings.local_as))
            path = Path(
                origin=PathOrigin.PEER,
                attributes=changed(attributes, changes),
                peer=peer.address,
                identifier=heard.identifier if heard is not None else UNSPECIFIED,
                internal=peer.settings.internal,
                client=lines.route_reflector_client,
                weight=(lines.weight or 0) if changes.weight is None else changes.weight,
                since=now,
            )
            if self.table.known(prefix, source) != path:
                self.table.put(prefix, path)

    def forget(self, peer: Peer) -> None:
        """A peer is no more."""
        for prefix in peer.forget_routes():
            self.table.take_away(prefix, (PathOrigin.PEER, peer.address))
            self._dirty[prefix] = None

    def route_changed(self, prefix: Prefix, now: float) -> None:
        """The routing table has something else for this prefix: our own path may be another."""
        path = own_path(prefix, self._config, self._ports, now)
        known = self.table.destinations.get(prefix)
        for origin in _OWN:
            before = known.paths.get((origin, UNSPECIFIED)) if known is not None else None
            after = path if path is not None and path.origin is origin else None
            if before == after:
                continue
            self._dirty[prefix] = None
            if after is None:
                self.table.take_away(prefix, (origin, UNSPECIFIED))
            else:
                self.table.put(prefix, after)

    def may_resolve(self, prefix: Prefix) -> bool:
        """May a next hop of somebody's be inside this prefix?"""
        return self._hops.any_inside(prefix)

    def look_again(self, now: float) -> None:
        """The routing table has changed: next hops may be others."""
        paths = (path for found in self.table.destinations.values() for path in found.paths.values())
        changed = self._hops.refresh(in_use=dict.fromkeys(path.attributes.next_hop for path in paths))
        self._dirty.update(dict.fromkeys(self.table.by_next_hop(changed) if changed else ()))

    def settle(self, now: float) -> tuple[list[Prefix], list[Notice]]:
        """Choose where something changed. Returns the prefixes of which peers are to hear, and what the RIB hears."""
        if not self._dirty:
            return [], []
        dirty, self._dirty = self._dirty, {}
        news, self._news = self._news, {}
        changed = {**news, **dict.fromkeys(self.table.choose(dirty))}
        for aggregate in self._config.aggregates:
            inside = [prefix for prefix in dirty if prefix in aggregate.prefix]
            if inside:
                changed.update(dict.fromkeys(self._aggregate(aggregate.prefix, now)))
        results = [one for prefix in changed for one in self._offer(prefix)]
        return list(changed), results

    def _aggregate(self, prefix: Prefix, now: float) -> list[Prefix]:
        """Make an aggregate again; returns what changed by that, the parts that it speaks for included."""
        aggregate = next(one for one in self._config.aggregates if one.prefix == prefix)
        parts = {
            inner: found.chosen
            for inner, found in self.table.destinations.items()
            if inner != prefix and inner in prefix and found.chosen is not None
        }
        path = aggregate_path(
            aggregate,
            [part for part in parts.values() if part is not None],
            self._config.local_as,
            self._router_id,
            now,
        )
        path = self._with_map(path, aggregate, prefix)
        source = (PathOrigin.AGGREGATE, UNSPECIFIED)
        if path is None:
            self.table.take_away(prefix, source)
        else:
            self.table.put(prefix, path)
        changed = self.table.choose([prefix])
        quiet = {
            inner: None for inner, part in parts.items() if path is not None and self._is_quiet(aggregate, inner, part)
        }
        before = {inner: None for inner in self.suppressed if inner != prefix and inner in prefix}
        for inner in before:
            del self.suppressed[inner]
        self.suppressed.update(quiet)
        return [*changed, *(inner for inner in {**before, **quiet} if (inner in before) != (inner in quiet))]

    def _is_quiet(self, aggregate: Aggregate, prefix: Prefix, part: Path) -> bool:
        """Is a part told no more, since the aggregate speaks for it?"""
        if aggregate.summary_only or not aggregate.suppress_map:
            return aggregate.summary_only
        route = candidate(prefix, part.attributes)
        return self._ports.policies.of_routes().mapped(aggregate.suppress_map, route) is not None

    def _with_map(self, path: Path | None, aggregate: Aggregate, prefix: Prefix) -> Path | None:
        """The aggregate with what its map sets; a map that refuses it changes nothing."""
        if path is None or not aggregate.attribute_map:
            return path
        route = candidate(prefix, path.attributes)
        changes = self._ports.policies.of_routes().mapped(aggregate.attribute_map, route)
        return path if changes is None else replace(path, attributes=changed(path.attributes, changes))

    # ------------------------------------------------------------------------------------------------------- RIB

    def _offer(self, prefix: Prefix) -> list[Notice]:
        found = self.table.destinations.get(prefix)
        route = self._route(prefix, found.best) if found is not None and found.best else None
        if route is None:
            known = self._offered.pop(prefix, None)
            return [self._retracted(prefix)] if known is not None else []
        if self._offered.get(prefix) == route:
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
            distance=self._distance(prefix, path, internal if path.internal else external),
            metric=attributes.med or 0,
            next_hops=tuple(NextHop("", one.attributes.next_hop) for one in best),
            external=not path.internal,
            tag=attributes.neighbor_system,
            told_by=tuple(one.peer for one in best),
            details=_details(attributes),
            since=path.since,
        )
        if path.origin is PathOrigin.AGGREGATE:
            return replace(
                route,
                distance=local,
                next_hops=(NextHop("Null0"),),
                kind=RouteKind.DISCARD,
                external=False,
                told_by=(),
                details=(),
            )
        return None if path.own else route

    def _distance(self, prefix: Prefix, path: Path, otherwise: int) -> int:
        mine = Distribution(distances=self._config.neighbor_distances)
        policies = self._ports.policies.of_routes()
        return mine.distance(policies, candidate(prefix, path.attributes), path.peer, otherwise)

    def _retracted(self, prefix: Prefix) -> RouteRetracted:
        return RouteRetracted(RouteSource.BGP, str(self._config.local_as), prefix)


def _details(attributes: Attributes) -> tuple[str, ...]:
    """What `show ip route A.B.C.D` adds for a route of BGP."""
    tag = attributes.neighbor_system
    return (
        f"      AS Hops {attributes.path_length}",
        *((f"      Route tag {tag}",) if tag else ()),
        "      MPLS label: none",
    )
