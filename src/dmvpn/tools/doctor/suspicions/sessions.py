"""Suspicions about OSPF and BGP with the server: what its packets and sessions say, then what two routers compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.ospf import running_on
from dmvpn.tools.doctor.suspicions.seen import here, maybe, mild

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import NeighborFacts
    from dmvpn.tools.doctor.suspicions.seen import Seen
    from dmvpn.tools.doctor.verdicts import Hypothesis

#: What a refused Hello speaks for; what is left are terms that two routers agree on.
_SAID: Final = ((OspfReason.NOT_AUTHENTIC, Cause.OSPF_AUTHENTICATION), (OspfReason.MTU, Cause.MTU))


def ospf(seen: Seen) -> Iterator[Hypothesis]:
    """Look at OSPF with the server."""
    client, tunnel = seen.client, seen.client.tunnel
    running = running_on(client.facts, tunnel)
    if not client.facts.ospf:
        return
    if running is None:
        yield mild(Cause.NETWORK_STATEMENT, f"OSPF does not run on {tunnel.name}", "is it to speak with the server?")
        return
    if not running[1].speaks:
        lines = (f"router ospf {running[0].process}", f"no passive-interface {tunnel.name}")
        yield here(Cause.PASSIVE_INTERFACE, f"{tunnel.name} is a passive interface of OSPF", lines)
        return
    near = [one for one in _near(seen, "ospf ") if one.interface == tunnel.name]
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


def bgp(seen: Seen) -> Iterator[Hypothesis]:
    """Look at BGP with the server."""
    facts, server = seen.client.facts, seen.client.server
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
        lines = (f"router bgp {facts.bgp.local_as}", f"no neighbor {address} shutdown")
        yield here(Cause.BGP_NEIGHBOR, f"the session with {address} is shut down", lines)
        return
    found = [one for one in _near(seen, "bgp ") if one.address == address]
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


def _near(seen: Seen, protocol: str) -> Iterator[NeighborFacts]:
    return (one for one in seen.client.facts.neighbors if one.protocol.startswith(protocol))
