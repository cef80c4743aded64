"""Filters of neighbors, and what route maps change in paths.

IOS asks them in this order: from a neighbor the route map, then lists; to a neighbor lists, then the route map.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.routemaps import UNCHANGED, Candidate, Changes
from dmvpn.features.bgp.attributes import Attributes, Origin, path_text, prepended
from dmvpn.features.bgp.model import Direction, FilterKind

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.routemaps import RoutePolicies
    from dmvpn.features.bgp.model import Filter, Neighbor

_ORIGINS: Final = {"igp": Origin.IGP, "incomplete": Origin.INCOMPLETE}


def verdict(
    policies: RoutePolicies, lines: Neighbor, direction: Direction, prefix: Prefix, attributes: Attributes
) -> Changes | None:
    """Return what the filters of this neighbor make of a path in this direction; None: it does not pass."""
    changes = UNCHANGED
    for one in lines.filters:
        if one.direction is not direction:
            continue
        if one.kind is FilterKind.ROUTE_MAP:
            made = policies.mapped(one.name, candidate(prefix, attributes))
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


def candidate(prefix: Prefix, attributes: Attributes) -> Candidate:
    """Return a path, as a route map looks at it."""
    return Candidate(
        prefix=prefix,
        next_hop=attributes.next_hop,
        metric=attributes.med or 0,
        as_path=path_text(attributes.path),
        communities=attributes.communities,
    )


def changed(attributes: Attributes, changes: Changes) -> Attributes:
    """Return the attributes with everything that a route map sets; weight is no attribute."""
    if changes == UNCHANGED:
        return attributes
    marks = changes.communities
    return replace(
        attributes,
        origin=_ORIGINS.get(changes.origin, attributes.origin),
        path=prepended(attributes.path, *changes.prepend) if changes.prepend else attributes.path,
        next_hop=changes.next_hop or attributes.next_hop,
        med=attributes.med if changes.metric is None else changes.metric,
        communities=marks.applied(attributes.communities) if marks is not None else attributes.communities,
        local_pref=attributes.local_pref if changes.local_preference is None else changes.local_preference,
    )
