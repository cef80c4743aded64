"""The configuration lines of IKE, and the typed model that is made of them."""

from __future__ import annotations

from typing import Final

from dmvpn.features.ike.config import isakmp, profiles, settings
from dmvpn.features.ike.model import IkeConfig
from dmvpn.ios import ConfigTree

MODES: Final = (*settings.PROPOSAL_MODES, *profiles.KEYRING_MODES, *profiles.MODES, *isakmp.MODES)
LINES: Final = (*profiles.LINES, *isakmp.LINES, *settings.LINES)


def model(tree: ConfigTree) -> IkeConfig | None:
    """Return what the configuration says of IKE; None: nothing."""
    if not tree.mentions(LINES):
        return None
    # Its many classes take longer to make than all the lines above, and most routers need none of them.
    from dmvpn.features.ike.config.tree import read

    return read(tree)
