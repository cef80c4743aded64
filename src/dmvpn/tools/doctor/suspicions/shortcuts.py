"""Suspicions about sizes, and about phase 3."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.features.nhrp.terms import refuses_password
from dmvpn.ios import INTERFACE
from dmvpn.ios.common import IP_MTU
from dmvpn.tools.doctor.probes import ProbePurpose
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.suspicions.observations import here, maybe, mild

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.doctor.suspicions.observations import ServerView
    from dmvpn.tools.doctor.verdicts import Hypothesis


def sizes(view: ServerView) -> Iterator[Hypothesis]:
    """Yield suspicions about packet sizes, and about the handling of larger packets."""
    small, pieces = view.ping(ProbePurpose.UNDERLAY), view.ping(ProbePurpose.UNDERLAY_PIECES)
    inside, tunnel = view.ping(ProbePurpose.TUNNEL_FULL), view.client.tunnel
    if small is not None and small.passed and inside is not None and inside.silent:
        why = f"full packets through the tunnel (ip mtu {tunnel.ip_mtu}): {inside}"
        if pieces is not None and pieces.silent:
            yield maybe(
                Cause.FRAGMENTS_BLOCKED, f"{why}; pings in pieces: {pieces}", "a ping of 2000 octets without df-bit"
            )
        yield maybe(Cause.MTU, why, "pings with df-bit, ever smaller")
        yield maybe(Cause.PATH_MTU, why, "the same")
    sas = view.client.facts.sas_of(tunnel)
    found = next((sa for sa in sas if sa.remote == view.client.nbma and sa.used), None)
    if tunnel.protection and found is not None and not found.transport:
        why = "the SAs are in tunnel mode, which GRE does not need"
        yield mild(Cause.MODE, why, "'mode' of the transform set, here and at the server")
    if tunnel.ip_mtu > tunnel.room:
        why = f"ip mtu {tunnel.ip_mtu}, and {tunnel.room} octets leave in one piece"
        yield here(
            Cause.MTU, why, (INTERFACE.of(name=tunnel.name), IP_MTU.of(octets=min(1400, tunnel.room // 10 * 10)))
        )
    if tunnel.mss is None and tunnel.ip_mtu <= 1460:
        why = f"TCP is not clamped on {tunnel.name}, which carries {tunnel.ip_mtu} octets"
        yield mild(Cause.MSS, why, "do hosts learn the MTU? 'ip tcp adjust-mss' at the other routers")


def shortcuts(view: ServerView) -> Iterator[Hypothesis]:
    """Yield suspicions about this router's phase 3 configuration, and its results."""
    tunnel = view.client.tunnel
    section = INTERFACE.of(name=tunnel.name)
    if tunnel.destination is not None and tunnel.shortcuts:
        why = f"{tunnel.name} takes shortcuts and is point-to-point: it leads to {tunnel.destination} alone"
        yield here(Cause.SPOKE_POINT_TO_POINT, why, (section, "tunnel mode gre multipoint"))
        return
    tried = {(probe.kind, probe.router) for probe, outcome in view.scene.answers.items() if outcome.tried}
    if not tunnel.multipoint or (ProbePurpose.SITES, view.client.name) not in tried:
        return
    roundabout = _hairpin(view)
    if not tunnel.shortcuts:
        if roundabout:
            yield mild(Cause.SHORTCUT, f"{roundabout}, and there is no 'ip nhrp shortcut'", "is it to be phase 3?")
        return
    learned = [
        one for one in tunnel.mappings if one.kind in ("dynamic", "incomplete") and one.next_hop not in _hubs(view)
    ]
    if not learned and roundabout:
        yield maybe(Cause.REDIRECT, f"{roundabout}, and no redirect came", "'ip nhrp redirect' on the server's tunnel")
        return
    for one in learned:
        if one.kind == "incomplete" and one.reason:
            why = f"{one.target}: {one.reason}"
            if refuses_password(one.reason):
                yield maybe(Cause.AUTHENTICATION, why, "'ip nhrp authentication' of both")
                continue
            yield mild(Cause.SPOKE_POINT_TO_POINT, why, "'tunnel mode' of the router behind which it is")
            yield mild(Cause.NETWORK_ID, why, "NHRP of that router")


def _hairpin(view: ServerView) -> str:
    """Return a traceroute that went to the server and back by the same tunnel to another spoke: it should cause a
    redirect.
    """
    mine = interface_of(view.client.facts, view.client.tunnel.name)
    networks = [address.network for address in mine.addresses] if mine is not None else []
    servers = {str(address) for address in _hubs(view)}
    for probe, outcome in view.scene.answers.items():
        hops = outcome.path
        if len(hops) > 1 and hops[0] in servers and any(ip_address(hops[1]) in network for network in networks):
            return f"packets to {probe.target} go {' -> '.join(hops)}"
    return ""


def _hubs(view: ServerView) -> set[object]:
    return {server.address for server in view.client.tunnel.servers}
