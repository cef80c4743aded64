"""The lines of access lists, prefix lists, route maps and key chains, and the typed model that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.policy.config import access_lists, prefix_lists, route_maps
from dmvpn.features.policy.model import PolicyConfig
from dmvpn.ios.common import KEY_CHAIN_LINES, KEY_CHAIN_MODES

if TYPE_CHECKING:
    from dmvpn.ios import ConfigTree

MODES: Final = (*KEY_CHAIN_MODES, *access_lists.MODES, *route_maps.MODES)
LINES: Final = (*KEY_CHAIN_LINES, *access_lists.LINES, *prefix_lists.LINES, *route_maps.LINES)


def model(tree: ConfigTree) -> PolicyConfig:
    """What the configuration says of lists and maps. Key chains are read by the protocols that use them."""
    return PolicyConfig(
        access_lists=access_lists.access_lists(tree),
        prefix_lists=prefix_lists.prefix_lists(tree),
        route_maps=route_maps.route_maps(tree),
    )
