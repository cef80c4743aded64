"""From the configuration to what routing protocols ask (`base.routemaps`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.routemaps import AddressRule, Changes, Counted, MapRule, PrefixRule, RoutePolicies
from dmvpn.base.translation import Addresses
from dmvpn.features.policy.model import ANY

if TYPE_CHECKING:
    from dmvpn.features.policy.model import AccessList, AddressRange, PolicyConfig, RouteMapEntry


def of_routes(config: PolicyConfig | None, hits: dict[tuple[Counted, str, int], int] | None = None) -> RoutePolicies:
    """All lists and maps, for those who ask about routes. None: there are none. hits: where to count."""
    if config is None:
        return RoutePolicies()
    return RoutePolicies(
        access_lists={listed.name: _addresses(listed) for listed in config.access_lists},
        prefix_lists={
            listed.name: tuple(
                PrefixRule(entry.permit, entry.prefix, entry.shortest, entry.longest, entry.sequence)
                for entry in listed.entries
            )
            for listed in config.prefix_lists
        },
        as_path_lists={listed.name: listed.entries for listed in config.as_path_lists},
        community_lists={listed.name: listed.entries for listed in config.community_lists},
        route_maps={mapped.name: tuple(map(_rule, mapped.entries)) for mapped in config.route_maps},
        hits={} if hits is None else hits,
    )


def _addresses(listed: AccessList) -> tuple[AddressRule, ...]:
    """Its entries: in extended lists the destination is the mask, and protocols other than `ip` mean no route.

    The denial at the end is said, for a list of which no entry is about routes is not an empty one.
    """
    rules = [
        AddressRule(entry.permit, _range(entry.source), _range(entry.destination) if listed.extended else None)
        for entry in listed.entries
        if entry.protocol is None
    ]
    return (*rules, AddressRule(False, _range(ANY))) if listed.entries else ()


def _range(listed: AddressRange) -> Addresses:
    return Addresses(listed.address, listed.wildcard)


def _rule(entry: RouteMapEntry) -> MapRule:
    return MapRule(
        sequence=entry.sequence,
        permit=entry.permit,
        access_lists=entry.access_lists,
        prefix_lists=entry.prefix_lists,
        next_hop_access_lists=entry.next_hop_access_lists,
        next_hop_prefix_lists=entry.next_hop_prefix_lists,
        interfaces=entry.interfaces,
        as_paths=entry.as_paths,
        communities=entry.communities,
        tags=entry.tags,
        metrics=entry.metrics,
        changes=Changes(
            metric=entry.set_metric,
            metric_type=entry.set_metric_type,
            tag=entry.set_tag,
            next_hop=entry.set_next_hop,
            local_preference=entry.set_local_preference,
            weight=entry.set_weight,
            origin=entry.set_origin,
            prepend=entry.prepend,
            communities=entry.set_communities,
        ),
        go_on=entry.go_on,
    )
