"""Suspicions about OSPF and BGP with the server: evidence of packets and sessions, then comparisons of two routers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.features.bgp.config import processes as bgp_lines
from dmvpn.features.ospf.config import processes as ospf_lines
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.tools.doctor.configuration import bgp_neighbors
from dmvpn.tools.doctor.scene import ospf_on
from dmvpn.tools.doctor.suspicions.observations import here, maybe, mild

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import NeighborFacts
    from dmvpn.tools.doctor.suspicions.observations import ServerView
    from dmvpn.tools.doctor.verdicts import Hypothesis

#: Causes that a refused Hello supports; the rest are parameters that two routers must share.
_SAID: Final = ((OspfReason.NOT_AUTHENTIC, Cause.OSPF_AUTHENTICATION), (OspfReason.MTU, Cause.MTU))


def ospf(view: ServerView) -> Iterator[Hypothesis]:
    """Check OSPF with the server."""
    client, tunnel = view.client, view.client.tunnel
    running = ospf_on(client.facts, tunnel)
    if not client.facts.ospf:
        return
    if running is None:
        yield mild(Cause.NETWORK_STATEMENT, f"OSPF does not run on {tunnel.name}", "is it to speak with the server?")
        return
    if not running[1].speaks:
        lines = (ospf_lines.process(running[0].process, running[0].vrf), ospf_lines.PASSIVE.no(name=tunnel.name))
        yield here(Cause.PASSIVE_INTERFACE, f"{tunnel.name} is a passive interface of OSPF", lines)
        return
    near = [one for one in _near(view, "ospf ") if one.interface == tunnel.name]
    refused = [one for one in near if one.reason and not one.up]
    for one in refused:
        cause = next((cause for reason, cause in _SAID if one.reason.find(reason)), Cause.OSPF_TERMS)
        yield maybe(cause, f"{one.address}: {one.reason}", "the same lines of the server")
    if any(one.up for one in near) or refused:
        return
    why = f"registered, and no OSPF neighbor on {tunnel.name}"
    yield maybe(Cause.OSPF_AUTHENTICATION, why, "'ip ospf authentication' and keys of both")
    yield maybe(Cause.NETWORK_STATEMENT, f"{why}: the server's may not run there", "'show ip ospf interface' there")
    yield maybe(Cause.OSPF_NETWORK_TYPE, why, f"'ip ospf network' of both; here it is {running[1].network}")
    yield maybe(Cause.HUB_MULTICAST, why, "'ip nhrp map multicast dynamic' at the server")
    yield maybe(Cause.OSPF_TERMS, why, "area and intervals of both")


def bgp(view: ServerView) -> Iterator[Hypothesis]:
    """Check BGP with the server."""
    facts, server = view.client.facts, view.client.server
    address = server.address if server is not None else None
    if not facts.bgp.local_as or address is None:
        return
    peer = next((one for one in facts.bgp.peers if one.address == address), None)
    if peer is None:
        if not facts.bgp.ranges:
            why = f"BGP {facts.bgp.local_as} has no line for the server {address}"
            yield mild(Cause.BGP_NEIGHBOR, why, "has the server one for this router?")
        return
    if peer.shutdown:
        lines = (*bgp_neighbors(facts), bgp_lines.NEIGHBOR.no(peer=address, shutdown=True))
        yield here(Cause.BGP_NEIGHBOR, f"the session with {address} is shut down", lines)
        return
    found = [one for one in _near(view, "bgp ") if one.address == address]
    if any(one.up for one in found):
        return
    said = "".join(f": {one.reason}" for one in found if one.reason)
    why = f"no BGP session with {address}{said}"
    password = maybe(Cause.BGP_PASSWORD, why, "'neighbor ... password' of both")
    rest = (
        maybe(Cause.BGP_NEIGHBOR, why, "has the server a line for this router?"),
        maybe(Cause.BGP_SYSTEM, why, f"is {peer.remote_as} the server's system, and {peer.local_as} what it expects?"),
    )
    yield from (password, *rest) if peer.secured else (*rest, password)


def _near(view: ServerView, protocol: str) -> Iterator[NeighborFacts]:
    return (one for one in view.client.facts.neighbors if one.protocol.startswith(protocol))
