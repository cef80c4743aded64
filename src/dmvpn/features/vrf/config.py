"""`vrf definition`, `ip vrf` and the lines inside them."""

from __future__ import annotations

from typing import Final

from dmvpn.features.vrf.model import VrfConfig
from dmvpn.ios import ConfigLine, ConfigTree
from dmvpn.ios.vrfs import DEFINITION, IP_VRF

RD: Final = ConfigLine("vrf", "rd {rd:word}", {"rd": "Route distinguisher"}, order=1)
FAMILY: Final = ConfigLine("vrf", "address-family ipv4", {}, order=20, opens="vrf-family")

LINES: Final = (DEFINITION, IP_VRF, RD, FAMILY)


def vrfs(tree: ConfigTree) -> tuple[str, ...]:
    """Return the VRFs that have IPv4, sorted by name."""
    named = {args.text("name") for args, section in tree.sections(DEFINITION) if section.get(FAMILY) is not None}
    named |= {args.text("name") for args in tree.all(IP_VRF)}
    return tuple(sorted(named))


def model(tree: ConfigTree) -> VrfConfig | None:
    """Return what the configuration says of VRFs; None: nothing."""
    names = vrfs(tree)
    return VrfConfig(names) if names else None
