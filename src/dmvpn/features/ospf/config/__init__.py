"""The configuration lines of OSPF, and the typed model that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.config import interfaces, processes, version3

if TYPE_CHECKING:
    from dmvpn.features.ospf.model import OspfConfig
    from dmvpn.ios import ConfigTree

MODES: Final = (*processes.MODES, *version3.MODES)
LINES: Final = (*processes.LINES, *interfaces.LINES, *version3.LINES)


def model(tree: ConfigTree, vrf: str = "") -> OspfConfig | None:
    """Return the OSPF configuration of a VRF, "": of the global table; None: nothing."""
    if not tree.mentions(LINES):
        return None
    # Its many classes take longer to make than all the lines above, and most routers need none of them.
    from dmvpn.features.ospf.config.tree import read

    config = read(tree, vrf)
    return config if config.processes or config.ipv6 is not None or not vrf else None
