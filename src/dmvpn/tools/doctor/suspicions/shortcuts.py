"""Suspicions about sizes, and about phase 3."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.probes import Kind
from dmvpn.tools.doctor.registration import says_password
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.suspicions.seen import here, maybe, mild

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.doctor.suspicions.seen import Seen
    from dmvpn.tools.doctor.verdicts import Hypothesis


def sizes(seen: Seen) -> Iterator[Hypothesis]:
    """Yield what fits, and what is done with what does not."""
    small, pieces = seen.ping(Kind.UNDERLAY), seen.ping(Kind.UNDERLAY_PIECES)
    inside, tunnel = seen.ping(Kind.TUNNEL_FULL), seen.client.tunnel
    if small is not None and small.passed and inside is not None and inside.silent:
        why = f"full packets through the tunnel (ip mtu {tunnel.ip_mtu}): {inside}"
        if pieces is not None and pieces.silent:
            yield maybe(
                Cause.FRAGMENTS_BLOCKED, f"{why}; pings in pieces: {pieces}", "a ping of 2000 octets without df-bit"
            )
        yield maybe(Cause.MTU, why, "pings with df-bit, ever smaller")
        yield maybe(Cause.PATH_MTU, why, "the same")
    found = next((sa for sa in seen.client.facts.sas if sa.remote == seen.client.nbma and sa.used), None)
    if tunnel.protection and found is not None and not found.transport:
        why = "the SAs are in tunnel mode, which GRE does not need"
        yield mild(Cause.MODE, why, "'mode' of the transform set, here and at the server")
    if tunnel.ip_mtu > tunnel.room:
        why = f"ip mtu {tunnel.ip_mtu}, and {tunnel.room} octets leave in one piece"
        yield here(Cause.MTU, why, (f"interface {tunnel.name}", f"ip mtu {min(1400, tunnel.room // 10 * 10)}"))
    if tunnel.mss is None and tunnel.ip_mtu <= 1460:
        why = f"TCP is not clamped on {tunnel.name}, which carries {tunnel.ip_mtu} octets"
        yield mild(Cause.MSS, why, "do hosts learn the MTU? 'ip tcp adjust-mss' at the other routers")


def shortcuts(seen: Seen) -> Iterator[Hypothesis]:
    """Yield what phase 3 needs of this router, and whether anything came of it."""
    tunnel = seen.client.tunnel
    section = f"interface {tunnel.name}"
    if tunnel.destination is not None and tunnel.shortcuts:
        why = f"{tunnel.name} takes shortcuts and is point-to-point: it leads to {tunnel.destination} alone"
        yield here(Cause.SPOKE_POINT_TO_POINT, why, (section, "tunnel mode gre multipoint"))
        return
    if not tunnel.multipoint or not _tried_sites(seen):
        return
    roundabout = _hairpin(seen)
    if not tunnel.shortcuts:
        if roundabout:
            yield mild(Cause.SHORTCUT, f"{roundabout}, and there is no 'ip nhrp shortcut'", "is it to be phase 3?")
        return
    learnt = [
        one for one in tunnel.mappings if one.kind in ("dynamic", "incomplete") and one.next_hop not in _hubs(seen)
    ]
    if not learnt and roundabout:
        yield maybe(Cause.REDIRECT, f"{roundabout}, and no redirect came", "'ip nhrp redirect' on the server's tunnel")
        return
    for one in learnt:
        if one.kind == "incomplete" and one.reason:
            why = f"{one.target}: {one.reason}"
            if says_password(one.reason):
                yield maybe(Cause.AUTHENTICATION, why, "'ip nhrp authentication' of both")
                continue
            yield mild(Cause.SPOKE_POINT_TO_POINT, why, "'tunnel mode' of the router behind which it is")
            yield mild(Cause.NETWORK_ID, why, "NHRP of that router")


def _hairpin(seen: Seen) -> str:
    """Return a traceroute that went to the server and by the same tunnel on to another spoke: a redirect is due for
    that.
    """
    mine = interface_of(seen.client.facts, seen.client.tunnel.name)
    networks = [address.network for address in mine.addresses] if mine is not None else []
    servers = {str(address) for address in _hubs(seen)}
    for probe, outcome in seen.scene.answers.items():
        hops = outcome.path
        if len(hops) > 1 and hops[0] in servers and any(ip_address(hops[1]) in network for network in networks):
            return f"packets to {probe.target} go {' -> '.join(hops)}"
    return ""


def _hubs(seen: Seen) -> set[object]:
    return {server.address for server in seen.client.tunnel.servers}


def _tried_sites(seen: Seen) -> bool:
    return any(
        probe.kind is Kind.SITES and probe.router == seen.client.name and outcome.tried
        for probe, outcome in seen.scene.answers.items()
    )
