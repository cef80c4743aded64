"""Paths that no neighbor sent: `network`, `redistribute`, `aggregate-address`, and imports from other VRFs.

`Aggregates` has each aggregate, its contributing routes, and the routes that it suppresses.

`Imports` has the paths that other VRFs of this router export and whose route targets this VRF imports (RFC 4364 §4.3).
`import map` may deny or change them. A path that leads out of an interface of this VRF is refused: its packets would
come back to where they came from.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import islice

from dmvpn.base.addresses import UNSPECIFIED, UNSPECIFIED_OF, Prefix
from dmvpn.base.distribution import line_for
from dmvpn.base.exports import ExportedPath, PathsImported
from dmvpn.base.notices import Route, RouteSource
from dmvpn.base.pages import Groups
from dmvpn.base.ports import Ports
from dmvpn.base.routemaps import UNCHANGED, MatchedRoute
from dmvpn.features.bgp.attributes import Aggregator, Attributes, Origin, Segment, SegmentKind, outside
from dmvpn.features.bgp.model import NO_VPN, Aggregate, BgpConfig, NetworkLine, Vpn
from dmvpn.features.bgp.paths import OWN_WEIGHT, Imported, LocRib, Path, PathOrigin, imported_source, own_source
from dmvpn.features.bgp.policy import candidate, changed, kinds_of

#: A path: the VRF that exports it, and its prefix.
Key = tuple[str, Prefix]


# ------------------------------------------------------------------------------------------ networks and redistribution


def own_path(
    prefix: Prefix, config: BgpConfig, networks: Groups[Prefix, NetworkLine], ports: Ports, now: float
) -> Path | None:
    """Return the path that we originate for this prefix, from `network` or else `redistribute`; None: none.

    networks: the `network` lines by prefix.
    """
    route = ports.rib.exact(prefix)
    if route is None or route.source in (RouteSource.BGP, RouteSource.HOST, RouteSource.LOCAL):
        return None
    paths = (
        _mapped(_path(origin, route, kind, metric, config.local_preference, now), name, route, ports)
        for origin, kind, metric, name in _reasons(route, config, networks)
    )
    return next((path for path in paths if path is not None), None)


def _reasons(
    route: Route, config: BgpConfig, networks: Groups[Prefix, NetworkLine]
) -> Iterator[tuple[PathOrigin, Origin, int, str]]:
    """Yield the ways in which a route may be originated: path origin, ORIGIN, metric, and the route map that must
    permit it.
    """
    for network in networks.group(route.prefix).values():
        yield PathOrigin.NETWORK, Origin.IGP, route.metric, network.route_map
    if route.prefix.is_default and not config.default_originate:
        return
    one = line_for(config.redistributions, route)
    if one is not None:
        seed = config.default_metric if one.metric is None else one.metric
        metric = route.metric if seed is None else seed
        yield PathOrigin.REDISTRIBUTED, Origin.INCOMPLETE, metric, one.route_map


def _mapped(path: Path, name: str, route: Route, ports: Ports) -> Path | None:
    """Return the path as changed by the route map; None: the map denies the route."""
    if not name:
        return path
    changes = ports.policies.of_routes().mapped(name, MatchedRoute.of(route))
    if changes is None:
        return None
    weight = path.weight if changes.weight is None else changes.weight
    return replace(path, attributes=changed(path.attributes, changes), weight=weight)


def own_prefixes(config: BgpConfig, ports: Ports, version: int) -> dict[Prefix, None]:
    """Return all prefixes of this IP version that may have an originated path."""
    prefixes = dict.fromkeys(network.prefix for network in config.networks)
    if config.redistributions:
        prefixes.update(dict.fromkeys(route.prefix for route in ports.rib.routes() if route.prefix.version == version))
    return prefixes


def aggregate_path(
    aggregate: Aggregate, parts: Iterable[Path], config: BgpConfig, router_id: IPv4Address, now: float
) -> Path | None:
    """Return the path of an aggregate of these routes, RFC 4271 §9.2.2.2; None: no route contributes.

    With `as-set` it has the communities of all of them, too (RFC 1997).
    """
    paths = list({id(part.attributes): part.attributes for part in parts}.values())
    if not paths:
        return None
    communities = dict.fromkeys(sorted(number for one in paths for number in one.communities))
    has_systems = any(outside(one.path) for one in paths)
    return Path(
        origin=PathOrigin.AGGREGATE,
        attributes=Attributes(
            origin=max(one.origin for one in paths) if aggregate.as_set else Origin.IGP,
            path=_joined(paths) if aggregate.as_set else (),
            next_hop=UNSPECIFIED_OF[aggregate.prefix.version],
            atomic=not aggregate.as_set and has_systems,
            aggregator=Aggregator(config.outer_as, router_id),
            communities=tuple(communities) if aggregate.as_set else (),
        ),
        weight=OWN_WEIGHT,
        default_pref=config.local_preference,
        since=now,
    )


def _joined(paths: list[Attributes]) -> tuple[Segment, ...]:
    """Return the AS path of an aggregate: the common beginning as a sequence, then a set of the remaining
    AS numbers.
    """
    ways = [outside(one.path) for one in paths]
    first, *others = map(_leading, ways)
    common = list(first)
    for other in others:
        same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(common, other, strict=False))
        common = [system for system, _ in same]
    rest = sorted({system for way in ways for system in _systems(way)[len(common) :]})
    parts = (Segment(SegmentKind.SEQUENCE, tuple(common)), Segment(SegmentKind.SET, tuple(rest)))
    return tuple(part for part in parts if part.systems)


def _systems(path: tuple[Segment, ...]) -> tuple[int, ...]:
    return tuple(system for part in path for system in part.systems)


def _leading(path: tuple[Segment, ...]) -> tuple[int, ...]:
    is_sequence = bool(path) and path[0].kind is SegmentKind.SEQUENCE
    return path[0].systems if is_sequence else ()


def _path(origin: PathOrigin, route: Route, kind: Origin, metric: int, default_pref: int, now: float) -> Path:
    hop = route.next_hops[0].address if route.next_hops else None
    return Path(
        origin=origin,
        attributes=Attributes(
            origin=kind, next_hop=hop or UNSPECIFIED_OF[route.prefix.version], med=min(metric, 0xFFFFFFFF)
        ),
        weight=OWN_WEIGHT,
        default_pref=default_pref,
        since=now,
    )


# ------------------------------------------------------------------------------------------------ aggregates


class Aggregates:
    """suppressed: prefixes that are not advertised, with the aggregates that suppress them."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._parts: dict[Prefix, dict[Prefix, Path]] = {}
        self.suppressed: dict[Prefix, tuple[Prefix, ...]] = {}

    def clear(self) -> list[Prefix]:
        """Forget all aggregates because the configuration changed; the caller must process all contributing routes
        again.

        Returns the prefixes that are no longer suppressed.
        """
        released = list(self.suppressed)
        self.suppressed.clear()
        self._parts.clear()
        return released

    def follow(
        self, config: BgpConfig, router_id: IPv4Address, table: LocRib, prefixes: Iterable[Prefix], now: float
    ) -> dict[Prefix, None]:
        """Update the aggregates that contain these prefixes, whose best paths may have changed.

        Returns the prefixes whose advertisement changes because of that.
        """
        news: dict[Prefix, None] = {}
        for aggregate in config.aggregates:
            inside = [prefix for prefix in prefixes if prefix != aggregate.prefix and prefix in aggregate.prefix]
            if inside:
                parts = self._parts.setdefault(aggregate.prefix, {})
                for inner in inside:
                    best = table.best(inner)
                    if best is None:
                        parts.pop(inner, None)
                    else:
                        parts[inner] = best
                news.update(self._make(aggregate, config, router_id, table, inside, now))
        return news

    def _make(
        self,
        aggregate: Aggregate,
        config: BgpConfig,
        router_id: IPv4Address,
        table: LocRib,
        inside: Iterable[Prefix],
        now: float,
    ) -> dict[Prefix, None]:
        """Rebuild an aggregate. Returns the prefixes that changed, contributing routes that it suppresses or releases
        included.
        """
        prefix, source = aggregate.prefix, own_source(PathOrigin.AGGREGATE)
        parts = self._parts[prefix]
        existed = table.known(prefix, source) is not None
        made_of = [part for inner, part in parts.items() if self._makes(aggregate, inner, part)]
        path = self._with_map(aggregate_path(aggregate, made_of, config, router_id, now), aggregate, prefix)
        if path is None:
            table.take_away(prefix, source)
        else:
            table.put((prefix,), path)
        news = dict.fromkeys(table.choose([prefix]))
        concerned = inside if existed and path is not None else {**dict.fromkeys(inside), **parts}
        for inner in concerned:
            part = parts.get(inner)
            is_quiet = path is not None and part is not None and self._is_quiet(aggregate, inner, part)
            before = self.suppressed.get(inner, ())
            after = (*(one for one in before if one != prefix), *((prefix,) if is_quiet else ()))
            if after:
                self.suppressed[inner] = after
            else:
                self.suppressed.pop(inner, None)
            if bool(before) is not bool(after):
                news[inner] = None
        return news

    def _is_quiet(self, aggregate: Aggregate, prefix: Prefix, part: Path) -> bool:
        """Return whether the aggregate suppresses this contributing route."""
        if aggregate.summary_only or not aggregate.suppress_map:
            return aggregate.summary_only
        route = candidate(prefix, part.attributes, kinds_of(part))
        return self._ports.policies.of_routes().mapped(aggregate.suppress_map, route) is not None

    def _makes(self, aggregate: Aggregate, prefix: Prefix, part: Path) -> bool:
        """Return whether a route contributes to the aggregate (`advertise-map`)."""
        if not aggregate.advertise_map:
            return True
        route = candidate(prefix, part.attributes, kinds_of(part))
        return self._ports.policies.of_routes().mapped(aggregate.advertise_map, route) is not None

    def _with_map(self, path: Path | None, aggregate: Aggregate, prefix: Prefix) -> Path | None:
        """Return the aggregate with what its `attribute-map` sets; a map that denies it changes nothing."""
        if path is None or not aggregate.attribute_map:
            return path
        route = candidate(prefix, path.attributes)
        changes = self._ports.policies.of_routes().mapped(aggregate.attribute_map, route)
        return path if changes is None else replace(path, attributes=changed(path.attributes, changes))


# ---------------------------------------------------------------------------------------------- imports from other VRFs


class Imports:
    """The paths that this VRF gets. Only this class writes them into the table, in slices. waiting: the next ones."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._vpn = NO_VPN
        self._known: dict[Key, ExportedPath] = {}
        self.waiting: dict[Key, None] = {}

    def prefixes(self) -> Iterator[Prefix]:
        """Yield the prefixes of the paths that wait."""
        return (prefix for _, prefix in self.waiting)

    def configure(self, vpn: Vpn) -> None:
        """Apply a changed `import map`."""
        if vpn.import_map != self._vpn.import_map:
            self.look_again()
        self._vpn = vpn

    def look_again(self) -> None:
        """Queue all paths, because maps or lists changed."""
        self.waiting.update(dict.fromkeys(self._known))

    def receive(self, event: PathsImported) -> None:
        """Queue the paths that another VRF exports from now on, or no longer."""
        for prefix in event.gone:
            if self._known.pop((event.source, prefix), None) is not None:
                self.waiting[event.source, prefix] = None
        for path in event.paths:
            self._known[event.source, path.prefix] = path
            self.waiting[event.source, path.prefix] = None

    def clear(self) -> None:
        """Forget everything because the process ends."""
        self._known.clear()
        self.waiting.clear()

    def take(self, table: LocRib, most: int) -> list[Prefix]:
        """Process up to `most` paths; returns their prefixes."""
        some = list(islice(self.waiting, most))
        for key in some:
            del self.waiting[key]
            vrf, prefix = key
            path = self._path(self._known[key]) if key in self._known else None
            if path is None:
                table.take_away(prefix, imported_source(vrf))
            else:
                table.put((prefix,), path)
        return [prefix for _, prefix in some]

    def _path(self, exported: ExportedPath) -> Path | None:
        """Return a path as this VRF has it; None: it is not imported."""
        path, hops = exported.path, exported.next_hops
        is_back = any(hop.interface and self._ports.interfaces.get(hop.interface) is not None for hop in hops)
        if not isinstance(path, Path) or is_back:
            return None
        numbers = dict.fromkeys((*path.attributes.extended_numbers, *exported.targets))
        marked = replace(path.attributes, extended=tuple(one.to_bytes(8, "big") for one in sorted(numbers)))
        changes = UNCHANGED
        if self._vpn.import_map:
            route = candidate(exported.prefix, marked)
            mapped = self._ports.policies.of_routes().mapped(self._vpn.import_map, route)
            if mapped is None:
                return None
            changes = mapped
        return replace(
            path,
            origin=PathOrigin.IMPORTED,
            attributes=changed(marked, changes),
            peer=UNSPECIFIED,
            number=None,
            client=False,
            weight=path.weight if changes.weight is None else changes.weight,
            imported=Imported(
                vrf=exported.vrf,
                rd=exported.rd,
                metric=exported.metric,
                is_own=path.own,
                peer=path.peer,
                next_hops=tuple(replace(hop, leaks=True) for hop in hops),
            ),
        )
