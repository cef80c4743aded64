"""Suspicions about the way to the server: route, pings, and the subnet of the tunnel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.tunnel.messages import RecursiveRouting
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.probes import Kind
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.suspicions.seen import here, maybe, mild
from dmvpn.tools.doctor.way import best_route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.doctor.suspicions.seen import Seen
    from dmvpn.tools.doctor.verdicts import Hypothesis


def route(seen: Seen) -> Iterator[Hypothesis]:
    """Look at the route to the server's NBMA address."""
    client, nbma = seen.client, seen.client.nbma
    if nbma is None:
        yield here(Cause.NHS_NBMA, "the NBMA address of the next hop server is not configured")
        return
    troubled = not client.works or not seen.reaches
    for line in [line for line in client.facts.log if line.is_one(RecursiveRouting) and troubled][-1:]:
        why = f"the log says: {line.text}"
        yield maybe(Cause.RECURSION, why, f"'show ip route {nbma}' when it happens again: who tells of it?")
    earlier = seen.scene.earlier.routers.get(client.name) if seen.scene.earlier is not None else None
    was = best_route(earlier, nbma) if earlier is not None else None
    if troubled and was is not None and any(hop.interface == client.tunnel.name for hop in was.next_hops):
        why = f"a moment ago {nbma} was reached by {client.tunnel.name} itself ({was.prefix}, {was.source})"
        yield maybe(Cause.RECURSION, why, "who tells of that network by the tunnel?")
    if seen.wan is not None and seen.wan.enabled and not seen.wan.line:
        why = f"{seen.wan.name} has no carrier"
        yield maybe(Cause.LINK_CUT, why, "the cable, and the port at its other end")
        yield maybe(Cause.INTERFACE_SHUTDOWN, f"{why}: the provider's port may be shut down", "the provider")
        return
    route = best_route(client.facts, nbma)
    if route is None:
        statics = [text for text in client.facts.configuration if text.startswith("ip route 0.0.0.0 ")]
        if statics:
            why = f"'{statics[0]}' is configured and not used: its gateway is on no network of this router"
            yield maybe(Cause.WRONG_MASK, why, "the mask that the provider gave for this port")
            yield maybe(Cause.WRONG_NEXT_HOP, why, "the gateway's address that the provider gave")
        why = f"there is no route to {nbma}"
        yield here(Cause.MISSING_ROUTE, why, ("ip route 0.0.0.0 0.0.0.0 NEXT-HOP",))
        return
    hop = next(iter(route.next_hops), None)
    if route.drops or hop is None:
        yield here(Cause.BLACK_HOLE, f"{route.prefix}, which leads to {nbma}, goes to Null0")
    elif hop.interface == client.tunnel.name:
        yield here(Cause.RECURSION, f"the route to {nbma} ({route.prefix}) leads through {client.tunnel.name} itself")
    elif hop.interface and hop.interface != client.tunnel.source_interface and not client.works:
        if not _is_plugged(seen, hop.interface):
            return
        source = client.tunnel.source_interface
        why = f"{client.tunnel.name} leaves from {source}, and packets to {nbma} by {hop.interface}"
        yield maybe(Cause.WRONG_SOURCE, why, f"ping {nbma} source {client.tunnel.source_interface}")
        yield maybe(Cause.WRONG_NEXT_HOP, f"the route to {nbma} leaves by {hop.interface}", "who the gateway is")


def _is_plugged(seen: Seen, interface: str) -> bool:
    found = interface_of(seen.client.facts, interface)
    return found is not None and found.line


def pings(seen: Seen) -> Iterator[Hypothesis]:
    """Do pings reach the server's NBMA address, and where do they end?"""
    first, many, peer = seen.ping(Kind.UNDERLAY), seen.ping(Kind.LOSS), seen.peer
    if first is None or not first.tried:
        return
    elsewhere = [
        outcome
        for probe, outcome in seen.scene.answers.items()
        if probe.kind in (Kind.GATEWAY, Kind.UNDERLAY, Kind.LOSS) and "!" in outcome.marks
    ]
    partly = next((outcome for outcome in elsewhere if outcome.lost * 4 > len(outcome.marks)), None)
    if "!" not in first.marks and partly is not None:
        why = f"pings to {peer}: {first}; others from the same port: {partly}"
        yield maybe(Cause.LOSSY_LINK, why, "the same ping of the gateway, and from the server's end")
    if "!" in first.marks:
        lost = many if many is not None else first
        if lost.lost * 10 > len(lost.marks):
            why = f"pings to {peer}: {lost}"
            yield maybe(Cause.LOSSY_LINK, why, "the same ping of the gateway, and from the server's end")
        return
    if seen.client.works and _through(seen):
        return  # somebody does not let pings pass, and nothing else is wrong
    why = f"pings to {peer}: {first}"
    if first.refused:
        yield maybe(
            Cause.INTERFACE_SHUTDOWN, f"{why}: a router on the way has no way", "the port of the server's router"
        )
        yield maybe(Cause.NHS_NBMA, f"{why}: perhaps it is nobody's address", f"is {peer} the server's NBMA address?")
        yield maybe(Cause.ROUTER_DEAD, why, "the console of the server")
        return
    if seen.gateway is not None and "!" not in seen.gateway.marks:
        near = f"the gateway does not answer, either: {seen.gateway}"
        if _heard(seen):
            yield maybe(Cause.WRONG_NEXT_HOP, f"{near}; but packets come in", "the gateway's address")
        yield maybe(Cause.LINK_CUT, near, "counters of the provider's port: what does it send and receive?")
        yield maybe(Cause.ONE_WAY_LOSS, near, "the same counters, of one direction and the other")
        yield maybe(Cause.INTERFACE_SHUTDOWN, f"{near}: the provider's port may be shut down", "the provider")
        return
    far = f"{why}, though the gateway answers"
    yield maybe(Cause.ROUTER_DEAD, f"{far}: the server may be dead", "does anybody else reach it?")
    yield maybe(Cause.MISSING_ROUTE, f"{far}: the server may have no route back", "'show ip route' at the server")
    yield maybe(Cause.INTERFACE_SHUTDOWN, f"{far}: its port may be down", "'show ip interface brief' at the server")
    yield maybe(Cause.NHS_NBMA, far, f"is {peer} the server's NBMA address?")


def _heard(seen: Seen) -> bool:
    """Return whether anything came in by the port since the earlier sample."""
    earlier = seen.scene.earlier.routers.get(seen.client.name) if seen.scene.earlier is not None else None
    before = interface_of(earlier, seen.client.tunnel.source_interface) if earlier is not None else None
    return before is not None and seen.wan is not None and seen.wan.received > before.received


def _through(seen: Seen) -> bool:
    found = seen.ping(Kind.TUNNEL)
    return found is not None and found.passed


def lifetime(seen: Seen) -> Iterator[Hypothesis]:
    """Look how many routers the tunnel's packets may pass: none with a TTL of 1, and not each server is a neighbor."""
    client, nbma = seen.client, seen.client.nbma
    tunnel, passes = client.tunnel, seen.ping(Kind.TUNNEL)
    route = best_route(client.facts, nbma) if nbma is not None else None
    lines = (f"interface {tunnel.name}", "tunnel ttl 255")
    if tunnel.ttl == 1 and route is not None and route.source not in ("connected", "local"):
        yield here(Cause.TTL, f"packets of {tunnel.name} have a TTL of 1, and {nbma} is behind other routers", lines)
    elif 0 < tunnel.ttl < 255 and (not client.works or (passes is not None and passes.silent)):
        why = f"packets of {tunnel.name} have a TTL of {tunnel.ttl}"
        yield mild(Cause.TTL, why, f"traceroute {nbma}: how many routers are on the way?")


def subnet(seen: Seen) -> Iterator[Hypothesis]:
    """Look whether the server's tunnel address is on the tunnel's own network."""
    client, server = seen.client, seen.client.server
    mine = interface_of(client.facts, client.tunnel.name)
    if server is None or server.address is None or mine is None:
        return
    own = [address for address in mine.addresses if address.version == server.address.version]
    if own and all(server.address not in address.network for address in own):
        why = f"{client.tunnel.name} has {own[0]}, and the server {server.address} is not in that network"
        yield here(Cause.TUNNEL_MASK, why)
        yield maybe(Cause.NHS_ADDRESS, why, "the server's tunnel address")
        yield maybe(Cause.ADDRESS_CONFLICT, why, f"whose address is {own[0].ip}? 'show ip nhrp {own[0].ip}' elsewhere")
