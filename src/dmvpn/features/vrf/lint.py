"""Rules about the VRFs of one router."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from dmvpn.base.findings import Concern, Severity, rule
from dmvpn.features.vrf.model import VrfConfig, VrfSettings

TARGETS: Final = rule(Severity.WARNING)(r"""
    route-target-inert: A VRF imports what another VRF exports, and BGP does not exchange their routes
    BGP exchanges the routes of VRFs by their route targets, from the BGP table of one VRF into that of another. It does
    so between VRFs that have `rd` and an `address-family ipv4 vrf` of `router bgp`. Otherwise the lines are kept, and
    the routes stay in their VRF.
    bad: vrf definition RED\n rd 65000:1\n route-target export 65000:1\nvrf definition BLUE\n rd 65000:2\n
    route-target import 65000:1
    fix: vrf definition BLUE\n rd 65000:2\n address-family ipv4\nrouter bgp 65000\n address-family ipv4 vrf BLUE\n
     redistribute connected
    """)
RULES: Final = (TARGETS,)


def check(config: VrfConfig, families: Collection[str]) -> Iterator[Concern]:
    """Yield findings. families: the VRFs that have an address family of BGP."""
    by_name = {vrf.name: vrf for vrf in config.vrfs}
    exporters: dict[str, list[str]] = {}
    for vrf in config.vrfs:
        for target in vrf.exports:
            exporters.setdefault(target, []).append(vrf.name)
    for vrf in config.vrfs:
        others = dict.fromkeys(name for target in vrf.imports for name in exporters.get(target, ()) if name != vrf.name)
        lacks = {name: _lack(by_name[name], families) or _lack(vrf, families) for name in others}
        wanted = [name for name, lack in lacks.items() if lack]
        if wanted:
            why = "; ".join(dict.fromkeys(lack for lack in lacks.values() if lack))
            what = f"routes of VRF {', '.join(wanted)} do not go to VRF {vrf.name} by route targets: {why}"
            yield Concern(
                rule=TARGETS, at=((f"ip vrf {vrf.name}" if vrf.is_old else f"vrf definition {vrf.name}"),), what=what
            )


def _lack(vrf: VrfSettings, families: Collection[str]) -> str:
    """Return what a VRF lacks to exchange routes; "": nothing."""
    if vrf.name not in families:
        return f"router bgp has no address-family ipv4 vrf {vrf.name}"
    return "" if vrf.rd else f"VRF {vrf.name} has no rd"
