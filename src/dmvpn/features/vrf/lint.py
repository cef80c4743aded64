"""Rules about the VRFs of one router."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Concern, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.vrf.model import VrfConfig, VrfSettings

TARGETS: Final = Rule(
    id="route-target-inert",
    severity=Severity.WARNING,
    title="A VRF imports what another VRF of the same router exports",
    why="On IOS with BGP, routes then go from one VRF to the other. Routers of this program keep route targets and do "
    "not act on them: the routes stay in their VRF. Static routes lead from VRF to VRF in both.",
    bad="vrf definition RED\n rd 65000:1\n route-target export 65000:1\nvrf definition BLUE\n rd 65000:2\n"
    " route-target import 65000:1",
    fix="vrf definition BLUE\n address-family ipv4\nip route vrf BLUE 10.1.0.0 255.255.0.0 GigabitEthernet1 192.0.2.1",
)
RULES: Final = (TARGETS,)


def check(config: VrfConfig) -> Iterator[Concern]:
    """Yield findings."""
    exporters: dict[str, list[str]] = {}
    for vrf in config.vrfs:
        for target in vrf.exports:
            exporters.setdefault(target, []).append(vrf.name)
    for vrf in config.vrfs:
        wanted = dict.fromkeys(name for target in vrf.imports for name in exporters.get(target, ()) if name != vrf.name)
        if wanted:
            what = f"routes of VRF {', '.join(wanted)} do not go to VRF {vrf.name} by route targets here"
            yield Concern(rule=TARGETS, at=(_line(vrf),), what=what)


def _line(vrf: VrfSettings) -> str:
    return f"ip vrf {vrf.name}" if vrf.is_old else f"vrf definition {vrf.name}"
