"""Rules about front doors: the VRFs of a tunnel's outer packets, of its source and of its IKE profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.findings import Rule, Severity
from dmvpn.base.tables import table_named
from dmvpn.features.ike.config import profiles
from dmvpn.features.tunnel.config import VRF
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.overlay import Network, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern

SOURCE: Final = Rule(
    id="tunnel-vrf-of-source",
    severity=Severity.ERROR,
    title="The source of a tunnel is in another VRF than its outer packets",
    why="`tunnel vrf` names the table in which the far end is looked up; the address of the source must be in the same "
    "one. Otherwise replies come to a table in which nothing waits for them: the tunnel carries nothing.",
    bad="interface Tunnel0\n tunnel source GigabitEthernet1",
    fix="interface Tunnel0\n tunnel vrf INTERNET",
)
PROFILE: Final = Rule(
    id="ikev2-profile-other-vrf",
    severity=Severity.ERROR,
    title="The IKEv2 profile of a tunnel is for another VRF than its outer packets",
    why="An IKEv2 profile applies to peers of the VRF that `match fvrf` names, and without that line to those of the "
    "global table. For a tunnel with another `tunnel vrf` there is then no profile: no IKE SA comes up.",
    bad="crypto ikev2 profile P\n match identity remote address 0.0.0.0",
    fix="crypto ikev2 profile P\n match fvrf INTERNET",
    cause=Cause.TABLE,
)
RULES: Final = (SOURCE, PROFILE)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield tunnels whose source, or IKEv2 profile, is in another VRF."""
    for end in network.ends:
        if end.tunnel.front and end.tunnel.front not in end.device.vrfs.names:
            continue  # refused: the line of the tunnel is named
        if end.source_vrf != end.tunnel.front:
            yield _source(end)
        else:
            yield from _profile(end)


def _source(end: TunnelEnd) -> NetworkConcern:
    device, tunnel = end.device, end.tunnel
    vrf = end.source_vrf
    wanted = f"tunnel vrf {tunnel.front}" if tunnel.front else "no tunnel vrf"
    line = VRF.of(vrf=vrf) if vrf else VRF.no(vrf=tunnel.front)
    at = end.line("tunnel vrf") if tunnel.front else end.line("tunnel source")
    what = f"{end.source_port}, the source of {end.name}, is in {table_named(vrf)}, and the tunnel has {wanted}"
    return found(SOURCE, device, at, what, f"{end.at[0]}\n {line}")


def _profile(end: TunnelEnd) -> Iterator[NetworkConcern]:
    tunnel = end.tunnel
    used = next((one.ikev2_profile for one in end.device.ipsec.profiles if one.name == tunnel.protection), "")
    profile = next((one for one in end.device.ikev2.profiles if one.name == used), None)
    if profile is None or profile.fvrf in ("any", tunnel.front):
        return
    opening = profiles.PROFILE.of(name=profile.name)
    line = profiles.MATCH_FVRF.of(vrf=tunnel.front) if tunnel.front else profiles.MATCH_FVRF.no(vrf=profile.fvrf)
    has = f"match fvrf {profile.fvrf}" if profile.fvrf else "no match fvrf"
    needs = f"tunnel vrf {tunnel.front}" if tunnel.front else "no tunnel vrf"
    what = f"IKEv2 profile {profile.name} has {has}, and {end.name}, which uses it, has {needs}"
    at = (opening, "match fvrf") if profile.fvrf else (opening,)
    yield found(PROFILE, end.device, at, what, f"{opening}\n {line}", related=((end.device, end.at),))
