"""The configuration lines of PKI, and the typed model that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.pki.config import trustpoints

if TYPE_CHECKING:
    from dmvpn.features.pki.model import PkiConfig
    from dmvpn.ios import ConfigTree

MODES: Final = trustpoints.MODES
LINES: Final = trustpoints.LINES


def model(tree: ConfigTree) -> PkiConfig | None:
    """Return what the configuration says of certificates; None: nothing."""
    if not tree.mentions(LINES):
        return None
    # Its many classes take longer to make than all the lines above, and most routers need none of them.
    from dmvpn.features.pki.config.tree import read

    return read(tree)
