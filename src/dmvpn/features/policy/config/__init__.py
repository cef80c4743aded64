"""The lines of access lists, prefix lists, route maps and key chains, and the typed model that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.policy.config import access_lists, objects, route_maps
from dmvpn.ios.common import KEY_CHAIN_LINES, KEY_CHAIN_MODES

if TYPE_CHECKING:
    from dmvpn.base.packetsets import ListedEntry
    from dmvpn.base.pages import Pages
    from dmvpn.base.routemaps import RoutePolicies
    from dmvpn.features.policy.model import AccessEntry, PolicyConfig
    from dmvpn.ios import ConfigTree

_OWN: Final = (*objects.LINES, *access_lists.LINES, *route_maps.LINES)

MODES: Final = (*KEY_CHAIN_MODES, *objects.MODES, *access_lists.MODES, *route_maps.MODES)
LINES: Final = (*KEY_CHAIN_LINES, *_OWN)


def model(tree: ConfigTree) -> PolicyConfig | None:
    """Return what the configuration says of lists and maps; None: nothing. Key chains are read by the protocols."""
    if not tree.mentions(_OWN):
        return None
    # Its many classes take longer to make than all the lines above, and most routers need none of them.
    from dmvpn.features.policy.config.tree import read

    return read(tree)


def policies(tree: ConfigTree) -> RoutePolicies:
    """Return the same lists and maps for the filtering of routes."""
    from dmvpn.features.policy.machine import of_routes

    return of_routes(model(tree))


def listed_entries(config: PolicyConfig, entries: Pages[AccessEntry]) -> tuple[ListedEntry, ...]:
    """Return what the entries of an access list mean in a packet filter, whatever the time is."""
    from dmvpn.features.policy.packets import FilterLists

    return tuple(map(FilterLists(config).listed, entries))
