"""The configuration lines of BGP, and the model built from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp.config import instance

if TYPE_CHECKING:
    from dmvpn.features.bgp.model import BgpConfig
    from dmvpn.ios import ConfigTree

MODES: Final = instance.MODES
LINES: Final = instance.LINES


def model(tree: ConfigTree, vrf: str = "") -> BgpConfig | None:
    """Return the model of a VRF, "": of the global table; None: there are no BGP lines."""
    if not tree.mentions(LINES):
        return None
    # The import takes longer than defining all the lines above, and most routers do not need it.
    from dmvpn.features.bgp.config.tree import read

    config = read(tree, vrf)
    return config if config.local_as or not vrf else None
