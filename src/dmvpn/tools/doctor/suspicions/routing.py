"""Suspicions about routing protocols and routes.

Of OSPF and BGP with the server there is evidence of packets and sessions, then comparisons of two routers.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.facts import NeighborFacts
from dmvpn.base.findings import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.features.bgp.config import instance as bgp_lines
from dmvpn.features.eigrp.facts import EigrpFacts
from dmvpn.features.eigrp.messages import MESSAGES
from dmvpn.features.eigrp.reasons import DownReason
from dmvpn.features.ospf.config import processes as ospf_lines
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.features.rip import config as rip_lines
from dmvpn.tools.doctor.configuration import NULL, bgp_neighbors, ospf_process, removal_lines
from dmvpn.tools.doctor.scene import ospf_on, rip_on
from dmvpn.tools.doctor.suspicions.underlay import ServerView, here, maybe, mild
from dmvpn.tools.doctor.underlay_path import best_route, is_last_resort
from dmvpn.tools.doctor.verdicts import Hypothesis

# ------------------------------------------------------------------------------------------------ OSPF and BGP


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
        lines = (ospf_process(client.facts, running[0]), ospf_lines.PASSIVE.no(name=tunnel.name))
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


# ------------------------------------------------------------------------------------------------ RIP


def receives_updates(view: ServerView) -> bool:
    """Return whether RIP updates arrive from the server."""
    found, server = rip_on(view.client.facts, view.client.tunnel), view.client.server
    address = server.address if server is not None else None
    return found is not None and any(address in (None, one) for one in found.heard)


def rip_neighbors(view: ServerView) -> Iterator[Hypothesis]:
    """Check RIP with the server."""
    facts, tunnel = view.client.facts, view.client.tunnel
    if facts.rip is None:
        return
    found = rip_on(facts, tunnel)
    own = next((one for one in tunnel.addresses if isinstance(one, IPv4Address)), None)
    if found is None:
        if not facts.eigrp:
            lines = (rip_lines.ROUTER.line(), rip_lines.NETWORK.line(network=str(own or Blank("network"))))
            yield here(Cause.NETWORK_STATEMENT, f"RIP does not run on {tunnel.name}", lines)
        return
    if found.blocked:
        yield here(Cause.RIP_BLOCKED, f"RIP keeps silent on {tunnel.name}: {found.blocked}")
        return
    if found.passive and not facts.rip.neighbors:
        lines = (rip_lines.ROUTER.line(), rip_lines.PASSIVE.no(interface=tunnel.name))
        yield here(Cause.PASSIVE_INTERFACE, f"{tunnel.name} is a passive interface of RIP", lines)
    if receives_updates(view):
        return
    why = f"registered, and the server sends no RIP updates on {tunnel.name}"
    yield maybe(Cause.HUB_MULTICAST, why, "'ip nhrp map multicast dynamic' at the server")
    yield maybe(Cause.NETWORK_STATEMENT, f"{why}: it may not run there", "'show ip protocols' at the server")
    yield maybe(Cause.PASSIVE_INTERFACE, why, "'show ip protocols' at the server")


def rip_routes(view: ServerView) -> Iterator[Hypothesis]:
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
        why = f"RIP does not advertise {own.network} ({interface.name})"
        yield maybe(Cause.NETWORK_STATEMENT, why, "should it be reachable?")
    ways = {hop.interface for route in facts.routes if route.source == "rip" for hop in route.next_hops}
    if tunnel.name not in ways and not silent:
        why = "the server advertises no other site by RIP"
        yield maybe(Cause.SPLIT_HORIZON, why, "'no ip split-horizon' on the server's tunnel")


# ------------------------------------------------------------------------------------------------ routes


def neighbors(view: ServerView) -> Iterator[Hypothesis]:
    """Check EIGRP with the server."""
    client, tunnel, process = view.client, view.client.tunnel, view.eigrp
    if process is None:
        return
    running = next((one for one in process.interfaces if one.name == tunnel.name), None)
    if running is None:
        yield here(Cause.NETWORK_STATEMENT, f"EIGRP {process.autonomous_system} does not run on {tunnel.name}")
        return
    if running.passive:
        yield here(
            Cause.PASSIVE_INTERFACE, f"{tunnel.name} is a passive interface of EIGRP {process.autonomous_system}"
        )
    if running.hold_time <= running.hello_interval:
        why = f"hello every {running.hello_interval} seconds, hold time {running.hold_time}"
        yield here(Cause.EIGRP_TIMERS, why)
    address = client.server.address if client.server is not None else None
    on_tunnel = [one for one in client.facts.neighbors if one.interface == tunnel.name]
    there = [one for one in on_tunnel if address in (None, one.address)]
    if any(one.up for one in there):
        for one in there:
            if one.stub:
                why = f"the server {one.address} says that it is an EIGRP stub: it passes nothing on"
                yield maybe(Cause.HUB_STUB, why, "'eigrp stub' at the server")
        return
    if not running.passive:
        yield from _strangers(view, process, bool(running.authentication))


def _strangers(view: ServerView, process: EigrpFacts, authenticated: bool) -> Iterator[Hypothesis]:
    """Check dropped packets if there is no neighbor: they show more than silence."""
    client, dropped = view.client, process.dropped
    log = [line.text for line in client.facts.log if line.is_one(*MESSAGES)]
    if dropped.get("other autonomous system"):
        why = f"{dropped['other autonomous system']} packets of another autonomous system came"
        yield maybe(Cause.AUTONOMOUS_SYSTEM, why, "the number of the server's process")
    if dropped.get(DownReason.WEIGHTS.value) and log:
        yield maybe(Cause.EIGRP_WEIGHTS, f"the log says: {log[-1]}", "'metric weights' of both")
    if dropped.get("authentication failed") or authenticated:
        why = f"{dropped.get('authentication failed', 0)} packets were not believed"
        yield maybe(Cause.EIGRP_AUTHENTICATION, why, "'authentication' and key chain of both")
    why = f"registered, and no EIGRP neighbor on {client.tunnel.name}"
    for one in client.facts.neighbors:
        if one.interface == client.tunnel.name:
            odd = f"{one.address} is a neighbor by the tunnel, and no server of this router"
            yield maybe(Cause.NHS_NBMA, odd, f"whose NBMA address is {view.peer}?")
    yield maybe(Cause.HUB_MULTICAST, why, "'ip nhrp map multicast dynamic' at the server")
    yield maybe(
        Cause.NETWORK_STATEMENT, f"{why}: the server's EIGRP may not run there", "'show ip eigrp interfaces' there"
    )
    yield maybe(Cause.AUTONOMOUS_SYSTEM, why, "the number of the server's process")
    yield maybe(Cause.PASSIVE_INTERFACE, why, "'show ip protocols' at the server")


def routes(view: ServerView) -> Iterator[Hypothesis]:
    """Yield suspicions about routes from the server, and about our own routes."""
    client, process = view.client, view.eigrp
    tunnels = {one.name for one in client.facts.tunnels}
    yield from _black_holes(view)
    yield from _wanted(view)
    if process is None:
        return
    on = {one.name for one in process.interfaces}
    silent = [it for it in view.lans if it.name not in on and "connected" not in process.redistributes]
    for interface in silent:
        own = interface.addresses[0].network
        yield maybe(
            Cause.NETWORK_STATEMENT, f"EIGRP does not advertise {own} ({interface.name})", "should it be reachable?"
        )
        yield maybe(Cause.LAN_OVERLAP, f"{own} should not be advertised by EIGRP", f"is {own} another site's network?")
    for interface in view.lans:
        if interface not in silent and _is_stub_suppressed(process, interface.name):
            line = f"eigrp stub {' '.join(process.stub or ()) or 'receive-only'}"
            why = f"'{line}' keeps {interface.addresses[0].network} ({interface.name}) from all others"
            yield maybe(Cause.SPOKE_STUB, why, "should it be reachable?")
    routes = [
        route
        for route in client.facts.routes
        if route.source == "eigrp" and any(hop.interface in tunnels for hop in route.next_hops)
    ]
    if not routes and not silent:
        why = "the server is a neighbor, and advertises no other site"
        yield maybe(Cause.SPLIT_HORIZON, why, "'no split-horizon' on the server's tunnel")
        yield maybe(Cause.HUB_STUB, why, "'eigrp stub' at the server")
        yield maybe(Cause.ROUTE_FILTERED, why, "'show ip eigrp topology' at the server")


def _black_holes(view: ServerView) -> Iterator[Hypothesis]:
    """Check for static routes to Null0: they may be intended, but not where a packet must pass."""
    facts, address = view.client.facts, view.address
    taken = best_route(facts, address) if address is not None else None
    for route in facts.routes:
        if not route.drops or route.source != "static" or not route.prefix.prefixlen or is_last_resort(route):
            continue
        lines, why = removal_lines(facts, route.prefix, NULL), f"the static route to {route.prefix} leads to Null0"
        better = next((one.source for one in route.beaten if one.usable and one.source != "static"), "")
        if route == taken:
            yield here(Cause.BLACK_HOLE, f"{why}, and it is what {address} takes", lines)
        elif better:
            yield here(Cause.BLACK_HOLE, f"{why}, though {better} knows the way", lines)
        else:
            yield mild(Cause.BLACK_HOLE, why, f"is it meant so? if not: {' / '.join(lines)}")


def _wanted(view: ServerView) -> Iterator[Hypothesis]:
    """Check this router's table for the requested address."""
    address, facts = view.address, view.client.facts
    if address is None:
        return
    own = next((f"{it.name} {one}" for it in view.lans for one in it.addresses if address in one.network), None)
    ping = next((found for probe, found in view.scene.answers.items() if probe.target == address and found.marks), None)
    if own is not None and (ping is None or "!" not in ping.marks):
        why = f"{address} is on this router's own LAN ({own}), and does not answer"
        yield maybe(Cause.LAN_OVERLAP, why, "is that the LAN's right network, and whose else is it?")
        yield maybe(Cause.WRONG_MASK, why, "the mask of that LAN")
        return
    route = best_route(facts, address)
    if own is None and (route is None or not route.prefix.prefixlen or is_last_resort(route)):
        yield from _not_advertised(view, f"no route leads to {address} by a tunnel")


def _not_advertised(view: ServerView, why: str) -> Iterator[Hypothesis]:
    """Yield suspicions about missing routes, by the routing protocol that the server runs with us, if any."""
    client = view.client
    eigrp = any(one.up and one.interface == client.tunnel.name for one in client.facts.neighbors)
    if eigrp:
        why = f"{why}, though the server is a neighbor"
        yield maybe(Cause.SPLIT_HORIZON, why, "'no split-horizon' on the server's tunnel")
    elif receives_updates(view):
        why = f"{why}, though the server advertises other sites by RIP"
        yield maybe(Cause.SPLIT_HORIZON, why, "'no ip split-horizon' on the server's tunnel")
    if eigrp or receives_updates(view):
        yield maybe(Cause.NETWORK_STATEMENT, why, f"does the router of {view.address} advertise it?")
    else:
        why = f"{why}, and no routing protocol advertises any"
        yield maybe(Cause.NO_ROUTE_THERE, why, "is there to be a static route, or a protocol that is not on?")
    if eigrp:
        yield maybe(Cause.HUB_STUB, why, "'eigrp stub' at the server")


def _is_stub_suppressed(process: EigrpFacts, interface: str) -> bool:
    """Return whether the process is a stub that does not advertise the network of an interface.

    (`receive-only` advertises nothing.)
    """
    if process.stub is None or "connected" in process.stub:
        return False
    return any(one.name == interface for one in process.interfaces) or "redistributed" not in process.stub
