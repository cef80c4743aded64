"""The configuration lines of BGP, and the typed model that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp.config import processes

if TYPE_CHECKING:
    from dmvpn.features.bgp.model import BgpConfig
    from dmvpn.ios import ConfigTree

MODES: Final = processes.MODES
LINES: Final = processes.LINES


def model(tree: ConfigTree) -> BgpConfig | None:
    """Return what the configuration says of BGP; None: nothing."""
    if not tree.mentions(LINES):
        return None
    # Its many classes take longer to make than all the lines above, and most routers need none of them.
    from dmvpn.features.bgp.config.tree import read

    return read(tree)
