"""The settings for a neighbor's routes, in the words of `show ip bgp neighbors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp.model import BEST_ALONE, FilterDirection, FilterKind, PrivateAs
from dmvpn.features.bgp.spelling import choice_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.bgp.model import NeighborLines

_FILTERS: Final = {
    (FilterKind.ROUTE_MAP, FilterDirection.IN): "Route map for incoming advertisements is {}",
    (FilterKind.ROUTE_MAP, FilterDirection.OUT): "Route map for outgoing advertisements is {}",
    (FilterKind.PREFIX_LIST, FilterDirection.IN): "Incoming update prefix filter list is {}",
    (FilterKind.PREFIX_LIST, FilterDirection.OUT): "Outgoing update prefix filter list is {}",
    (FilterKind.DISTRIBUTE_LIST, FilterDirection.IN): "Incoming update network filter list is {}",
    (FilterKind.DISTRIBUTE_LIST, FilterDirection.OUT): "Outgoing update network filter list is {}",
    (FilterKind.FILTER_LIST, FilterDirection.IN): "Incoming update AS path filter list is {}",
    (FilterKind.FILTER_LIST, FilterDirection.OUT): "Outgoing update AS path filter list is {}",
}


def in_words(lines: NeighborLines) -> Iterator[str]:
    """Yield a sentence for each setting that differs from the default."""
    if lines.route_reflector_client:
        yield "Route-Reflector Client"
    if lines.soft_reconfiguration:
        yield "Inbound soft reconfiguration allowed"
    if lines.next_hop_self:
        yield "NEXT_HOP is always this router for eBGP paths" + (" and iBGP paths" if lines.next_hop_self_all else "")
    if lines.next_hop_unchanged:
        yield "NEXT_HOP is propagated unchanged to this neighbor"
    if lines.override_as:
        yield "Overrides the neighbor AS with my AS before sending updates"
    if lines.remove_private_as is not PrivateAs.KEPT:
        yield "Private AS number removed from updates to this neighbor"
    if lines.allow_own_as:
        yield f"Allow local AS in AS path up to {lines.allow_own_as} times"
    if lines.send_community:
        yield "Community attribute sent to this neighbor"
    if lines.send_extended:
        yield "Extended-community attribute sent to this neighbor"
    if lines.unsuppress_map:
        yield f"Route map for selective unsuppression is {lines.unsuppress_map}"
    if lines.default_originate:
        yield "Default information originate" + (
            f", default route-map {lines.originate_map}" if lines.originate_map else ""
        )
    if lines.advertised != BEST_ALONE:
        yield f"Additional Paths advertised: {', '.join(choice_words(lines.advertised))}"
    if lines.weight is not None:
        yield f"Default weight {lines.weight}"
    for direction, word in ((FilterDirection.IN, "Inbound"), (FilterDirection.OUT, "Outbound")):
        if any(one.direction is direction for one in lines.filters):
            yield f"{word} path policy configured"
    for one in lines.filters:
        yield _FILTERS[one.kind, one.direction].format(one.name)
    if lines.maximum_prefixes:
        yield f"Maximum prefixes allowed {lines.maximum_prefixes}{' (warning-only)' if lines.only_warn else ''}"
        yield f"Threshold for warning message {lines.warn_percent}%"
