"""`vrf definition`, `ip vrf` and the lines inside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dmvpn.base.values import collected, project
from dmvpn.features.vrf.model import VrfConfig, VrfSettings
from dmvpn.ios import Args, ConfigLine, ConfigTree, Mode, Section, vrf_targets
from dmvpn.ios.vrf_targets import FAMILY, IP_VRF_MODE, VRF
from dmvpn.ios.vrfs import DEFINITION, IP_VRF, IPV4, IPV6

MODES: Final = (
    Mode(VRF, "config-vrf"),
    Mode(IP_VRF_MODE, "config-vrf"),
    Mode(FAMILY, "config-vrf-af", VRF, exit_word="exit-address-family"),
)


def _description(mode: str) -> ConfigLine:
    return ConfigLine(mode, "description {text:line}", {"description": "What this VRF is for", "text": "Text"}, order=1)


DESCRIPTION: Final = _description(VRF)
IP_DESCRIPTION: Final = _description(IP_VRF_MODE)
LINES: Final = (*collected(ConfigLine, vars()), *vrf_targets.LINES)


def vrfs(tree: ConfigTree) -> tuple[str, ...]:
    """Return the VRFs, sorted by name."""
    config = model(tree)
    return config.names if config is not None else ()


def model(tree: ConfigTree) -> VrfConfig | None:
    """Return what the configuration says of VRFs; None: nothing."""
    found = (*tree.made(DEFINITION, _defined), *tree.made(IP_VRF, _of_ipv4))
    return VrfConfig(tuple(sorted(found, key=lambda one: one.name))) if found else None


def _defined(args: Args, section: Section) -> VrfSettings:
    settings = _settings(args, section, DESCRIPTION, has_ipv4=section.section(IPV4) is not None)
    return replace(settings, has_ipv6=section.section(IPV6) is not None)


def _of_ipv4(args: Args, section: Section) -> VrfSettings:
    return _settings(args, section, IP_DESCRIPTION, is_old=True)


def _settings(
    args: Args, section: Section, description: ConfigLine, *, has_ipv4: bool = True, is_old: bool = False
) -> VrfSettings:
    return project(
        VrfSettings,
        vrf_targets.vpn_lines(section),
        name=args.text("name"),
        description=section.args(description).text("text", ""),
        has_ipv4=has_ipv4,
        is_old=is_old,
    )
