"""The language that lint reads: that of a router, and lines of IOS that no router here takes yet.

A router refuses what it would not act upon and what somebody may rely on: VRFs, NAT, service policies, BFD. A
configuration may be meant for another router, so lint reads these lines and says that they would be refused here. It
has rules about those that stand in this file; the others are in `foreign`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dmvpn.ios import ConfigLine, Configurator, Mode, known_lines
from dmvpn.router.features import FEATURES
from dmvpn.tools.lint import foreign

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.ios import Args, Section

#: What such a line is answered with; the reader shows it as a warning.
NOT_HERE: Final = "%Warning: legal IOS, and refused by a router of this program: it has no"


def _refused(what: str) -> Callable[[Args, Section], str]:
    return lambda args, section: f"{NOT_HERE} {what}"


def _line(
    mode: str, syntax: str, what: str, *, key: tuple[str, ...] | None = None, opens: str | None = None
) -> ConfigLine:
    check = _refused(what) if what else None
    return ConfigLine(mode, syntax, what or "Another line", key=key, opens=opens, keep_no=opens is None, check=check)


_VRFS, _MULTICAST, _QOS, _BFD = "VRFs", "multicast routing", "service policies", "BFD"
MODES: Final = (
    Mode("vrf", "config-vrf"),
    Mode("vrf-family", "config-vrf-af", "vrf", "exit-address-family"),
    Mode("policy-map", "config-pmap"),
    Mode("policy-map-class", "config-pmap-c", "policy-map"),
    Mode("class-map", "config-cmap"),
    *foreign.MODES,
)
VRF: Final = _line("global", "vrf definition {name:word}", _VRFS, key=("name",), opens="vrf")
VRF_OLD: Final = _line("global", "ip vrf {name:word}", _VRFS, key=("name",), opens="vrf")
IN_VRF: Final = _line("interface", "vrf forwarding {name:word}", _VRFS)
IN_VRF_OLD: Final = _line("interface", "ip vrf forwarding {name:word}", _VRFS)
POLICY_MAP: Final = _line("global", "policy-map {name:word}", _QOS, key=("name",), opens="policy-map")
SERVICE_POLICY: Final = _line(
    "interface", "service-policy ( input | output ) {name:word}", _QOS, key=("input", "output")
)
PIM: Final = _line("interface", "ip pim {what:line}", _MULTICAST, key=())
PIM_BIDIR: Final = _line("global", "ip pim bidir-enable", _MULTICAST)
PIM_GLOBAL: Final = _line("global", "ip pim {what:line}", _MULTICAST, key=())
BFD: Final = _line(
    "interface", "bfd interval {interval:50-9999} min_rx {receive:50-9999} multiplier {multiplier:3-50}", _BFD
)
NEGOTIATED: Final = _line("interface", "ip address negotiated", "dial-up")
NAT: Final = _line("interface", "ip nat {what:line}", "NAT", key=())
CLASS: Final = _line("policy-map", "class {name:word}", _QOS, opens="policy-map-class")
IN_CLASS: Final = _line("policy-map-class", "{what:line}", _QOS, key=())
_OTHERS: Final = (
    _line("vrf", "rd {distinguisher:word}", _VRFS),
    _line("vrf", "route-target ( import | export | both ) {target:word}", _VRFS, key=()),
    _line("vrf", "address-family ( ipv4 | ipv6 )", _VRFS, opens="vrf-family"),
    _line("vrf-family", "route-target ( import | export | both ) {target:word}", _VRFS, key=()),
    NEGOTIATED,
    NAT,
    CLASS,
    IN_CLASS,
    _line("global", "class-map {what:line}", _QOS, key=(), opens="class-map"),
    _line("class-map", "match {what:line}", _QOS, key=()),
    _line("global", "ip multicast-routing [ distributed ]", _MULTICAST),
    _line("interface", "qos pre-classify", _QOS),
    _line("interface", "bfd echo", _BFD),
)
LINES: Final = (
    *(VRF, VRF_OLD, IN_VRF, IN_VRF_OLD, POLICY_MAP, SERVICE_POLICY, PIM, PIM_BIDIR, PIM_GLOBAL, BFD),
    *_OTHERS,
    *(
        _line(mode, syntax, what, key=(), opens=foreign.SECTION if opens else None)
        for mode, syntax, opens, what in foreign.lines()
    ),
)


@lru_cache(maxsize=1)
def language() -> Configurator:
    """The reader."""
    return Configurator(
        [*(line for feature in FEATURES for line in feature.config), *LINES],
        [*(mode for feature in FEATURES for mode in feature.modes), *MODES],
        known_lines(),
    )
