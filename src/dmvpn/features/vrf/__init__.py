"""VRFs: which there are, and which interfaces are in them. What happens inside one is other features' (`Scope.VRF`).

config    the lines        model    what they say        show    show vrf [detail]
"""

from __future__ import annotations

from dmvpn.features.vrf import config
from dmvpn.ios import Feature

FEATURE = Feature(name="vrf", config=config.LINES, vrfs=config.vrfs)
