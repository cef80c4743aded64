"""Filters of neighbors, and the attribute changes of route maps.

Their order is that of IOS: inbound the route map, then lists; outbound lists, then the route map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.routemaps import UNCHANGED, Changes, HopWord, MatchedRoute, RoutePolicies
from dmvpn.features.bgp.attributes import Attributes, Origin, path_text, prepended
from dmvpn.features.bgp.model import Filter, FilterDirection, FilterKind, NeighborLines
from dmvpn.features.bgp.paths import Path

#: The origin of a path, in the words of `match route-type`.
EXTERNAL: Final = ("external",)
INTERNAL: Final = ("internal",)
LOCAL: Final = ("local",)
_NO_HOPS: Final[Mapping[HopWord, IPAddress]] = {}
_ORIGINS: Final = {"igp": Origin.IGP, "incomplete": Origin.INCOMPLETE}


def verdict(
    policies: RoutePolicies,
    lines: NeighborLines,
    direction: FilterDirection,
    prefix: Prefix,
    attributes: Attributes,
    kinds: tuple[str, ...] = EXTERNAL,
) -> Changes | None:
    """Return the changes that the neighbor's filters make to a path in this direction; None: they deny it."""
    changes = UNCHANGED
    for one in lines.filters:
        if one.direction is not direction:
            continue
        if one.kind is FilterKind.ROUTE_MAP:
            source = lines.peer if direction is FilterDirection.IN and not isinstance(lines.peer, str) else None
            made = policies.mapped(one.name, replace(candidate(prefix, attributes, kinds), gateway=source))
            if made is None:
                return None
            changes = made
        elif not _is_listed(policies, one, prefix, attributes):
            return None
    return changes


def _is_listed(policies: RoutePolicies, one: Filter, prefix: Prefix, attributes: Attributes) -> bool:
    if one.kind is FilterKind.FILTER_LIST:
        return policies.as_path_permits(one.name, path_text(attributes.path))
    if one.kind is FilterKind.PREFIX_LIST:
        return policies.prefix_list_permits(one.name, prefix)
    return policies.access_list_permits(one.name, prefix)


def kinds_of(path: Path) -> tuple[str, ...]:
    """Return the route types of a path, as `match route-type` names them."""
    if path.own:
        return LOCAL
    return INTERNAL if path.inside else EXTERNAL


def candidate(prefix: Prefix, attributes: Attributes, kinds: tuple[str, ...] = EXTERNAL) -> MatchedRoute:
    """Return a path in the form that route maps match. kinds: its route types."""
    return MatchedRoute(
        prefix=prefix,
        next_hop=attributes.next_hop,
        metric=attributes.med or 0,
        as_path=path_text(attributes.path),
        communities=attributes.communities,
        extended=attributes.extended_numbers,
        large=attributes.large_numbers,
        local_preference=attributes.local_pref,
        kinds=kinds,
    )


def changed(attributes: Attributes, changes: Changes, hops: Mapping[HopWord, IPAddress] = _NO_HOPS) -> Attributes:
    """Return the attributes with the changes of a route map, except weight, which is no attribute.

    hops: addresses for the keywords of `set ip next-hop` and `set ipv6 next-hop`; one without leaves the next hop
    unchanged.
    """
    if changes == UNCHANGED:
        return attributes
    first = (attributes.neighbor_system,) * changes.repeat if attributes.neighbor_system else ()
    version = attributes.next_hop.version
    wanted = changes.next_hop if version == 4 else changes.next_hop6
    hop = hops.get(wanted) if isinstance(wanted, HopWord) else wanted
    if hop is not None and hop.version != version:
        hop = None  # an end of a session over the other version
    marks, extended, large = changes.communities, changes.extended, changes.large
    return replace(
        attributes,
        origin=_ORIGINS.get(changes.origin, attributes.origin),
        path=prepended(attributes.path, *changes.prepend, *first) if changes.prepend or first else attributes.path,
        next_hop=hop or attributes.next_hop,
        med=changes.metric_of(attributes.med or 0) if changes.sets_metric else attributes.med,
        communities=marks.applied(attributes.communities) if marks is not None else attributes.communities,
        local_pref=attributes.local_pref if changes.local_preference is None else changes.local_preference,
        extended=_octets(extended.applied(attributes.extended_numbers), 8)
        if extended is not None
        else attributes.extended,
        large=_octets(large.applied(attributes.large_numbers), 12) if large is not None else attributes.large,
    )


def _octets(communities: tuple[int, ...], size: int) -> tuple[bytes, ...]:
    """Return the encoding of communities."""
    return tuple(one.to_bytes(size, "big") for one in communities)
