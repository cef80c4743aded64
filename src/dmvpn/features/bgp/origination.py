"""Routes that this router originates: `network`, `redistribute`, `aggregate-address`."""

from __future__ import annotations

import itertools
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.notices import RouteSource
from dmvpn.base.redistribution import line_for
from dmvpn.base.routemaps import MatchedRoute
from dmvpn.features.bgp.attributes import Aggregator, Attributes, Origin, Segment, SegmentKind, outside
from dmvpn.features.bgp.paths import OWN_WEIGHT, Path, PathOrigin, changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.groups import Groups
    from dmvpn.base.notices import Route
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.model import Aggregate, BgpConfig, NetworkLine


def own_path(
    prefix: Prefix, config: BgpConfig, networks: Groups[Prefix, NetworkLine], ports: Ports, now: float
) -> Path | None:
    """Return the path that we originate for this prefix, from `network` or else `redistribute`; None: none.

    networks: the `network` lines by prefix.
    """
    route = ports.rib.exact(prefix) if prefix.version == 4 else None
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
    for network in networks.of(route.prefix).values():
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


def own_prefixes(config: BgpConfig, ports: Ports) -> dict[Prefix, None]:
    """Return all prefixes that may have an originated path."""
    prefixes = dict.fromkeys(network.prefix for network in config.networks)
    if config.redistributions:
        prefixes.update(dict.fromkeys(route.prefix for route in ports.rib.routes()))
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
            next_hop=UNSPECIFIED,
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
            origin=kind, next_hop=hop if isinstance(hop, IPv4Address) else UNSPECIFIED, med=min(metric, 0xFFFFFFFF)
        ),
        weight=OWN_WEIGHT,
        default_pref=default_pref,
        since=now,
    )
