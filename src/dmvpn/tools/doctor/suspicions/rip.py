"""Suspicions about RIP, and about its routes."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.features.rip import config as rip_lines
from dmvpn.tools.doctor.scene import rip_on
from dmvpn.tools.doctor.suspicions.observations import here, maybe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.doctor.suspicions.observations import ServerView
    from dmvpn.tools.doctor.verdicts import Hypothesis


def receives_updates(view: ServerView) -> bool:
    """Return whether RIP updates arrive from the server."""
    found, server = rip_on(view.client.facts, view.client.tunnel), view.client.server
    address = server.address if server is not None else None
    return found is not None and any(address in (None, one) for one in found.heard)


def neighbors(view: ServerView) -> Iterator[Hypothesis]:
    """Check RIP with the server."""
    facts, tunnel = view.client.facts, view.client.tunnel
    if facts.rip is None:
        return
    found = rip_on(facts, tunnel)
    own = next((one for one in tunnel.addresses if isinstance(one, IPv4Address)), None)
    if found is None:
        if not facts.eigrp:
            lines = (rip_lines.ROUTER.of(), rip_lines.NETWORK.of(network=str(own or Blank("network"))))
            yield here(Cause.NETWORK_STATEMENT, f"RIP does not run on {tunnel.name}", lines)
        return
    if found.blocked:
        yield here(Cause.RIP_BLOCKED, f"RIP keeps silent on {tunnel.name}: {found.blocked}")
        return
    if found.passive and not facts.rip.neighbors:
        lines = (rip_lines.ROUTER.of(), rip_lines.PASSIVE.no(interface=tunnel.name))
        yield here(Cause.PASSIVE_INTERFACE, f"{tunnel.name} is a passive interface of RIP", lines)
    if receives_updates(view):
        return
    why = f"registered, and the server sends no RIP updates on {tunnel.name}"
    yield maybe(Cause.HUB_MULTICAST, why, "'ip nhrp map multicast dynamic' at the server")
    yield maybe(Cause.NETWORK_STATEMENT, f"{why}: it may not run there", "'show ip protocols' at the server")
    yield maybe(Cause.PASSIVE_INTERFACE, why, "'show ip protocols' at the server")


def routes(view: ServerView) -> Iterator[Hypothesis]:
    """Yield suspicions about routes from the server, and about our own routes."""
    facts, tunnel = view.client.facts, view.client.tunnel
    if facts.rip is None or not receives_updates(view):
        return
    announced = [network for network in facts.rip.announces if network.prefixlen]
    silent = [
        (it, own)
        for it in view.lans
        for own in it.addresses
        if own.version == 4 and not any(own.ip in network for network in announced) and not facts.eigrp
    ]
    for interface, own in silent:
        why = f"RIP does not announce {own.network} ({interface.name})"
        yield maybe(Cause.NETWORK_STATEMENT, why, "is it to be reached?")
    ways = {hop.interface for route in facts.routes if route.source == "rip" for hop in route.next_hops}
    if tunnel.name not in ways and not silent:
        why = "the server advertises no other site by RIP"
        yield maybe(Cause.SPLIT_HORIZON, why, "'no ip split-horizon' on the server's tunnel")
