"""The configuration lines of IPsec, and the typed model that is made of them."""

from __future__ import annotations

from typing import Final

from dmvpn.features.ipsec.config import profiles
from dmvpn.features.ipsec.model import IpsecConfig
from dmvpn.ios import ConfigTree

MODES: Final = profiles.MODES
LINES: Final = profiles.LINES


def model(tree: ConfigTree) -> IpsecConfig | None:
    """Return what the configuration says of IPsec; None: nothing."""
    if not tree.mentions(LINES):
        return None
    # Its many classes take longer to make than all the lines above, and most routers need none of them.
    from dmvpn.features.ipsec.config.tree import read

    return read(tree)
