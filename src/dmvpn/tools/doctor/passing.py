"""Checks of what passes between two ends that agree: routes to each other, pings, and copies of multicasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.probes import Kind
from dmvpn.tools.doctor.rip import tells_by_multicast
from dmvpn.tools.doctor.there_and_back import without
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step
from dmvpn.tools.doctor.way import best_route
from dmvpn.tools.doctor.wires import answer, stopped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.features.rib.facts import RouteFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict


def ends_routed(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that each end reaches the tunnel address of the other by the tunnel.

    NHRP asks no route, so it works all the same.
    """
    for name, facts, tunnel, whom, address in _ends(client):
        route = astray(facts, tunnel, address)
        if route is None:
            continue
        hop = next(iter(route.next_hops), None)
        leads = "into nothing" if route.drops or hop is None else f"to {hop.address or hop.interface}"
        yield Finding(
            step=Step.REGISTRATION,
            cause=Cause.NHS_ROUTE,
            router=name,
            what=f"{name} sends what is for {address}, the tunnel address of {whom}, {leads}, and not by {tunnel.name}",
            evidence=(f"{name}: {route.prefix} ({route.source}) is the route that it takes",),
            fix=without(scene, name, route) if route.source == "static" else (),
            stops=_is_needed(facts, address),
        )


def _is_needed(facts: RouterFacts, address: Address) -> bool:
    """Return whether routes lead by this address, or a session of BGP is to be with it."""
    routes = (line.split() for line in facts.configuration if line.startswith("ip route "))
    return address in facts.bgp.called or any(str(address) in words[4:] for words in routes)


def _ends(client: Client) -> Iterator[tuple[str, RouterFacts, TunnelFacts, str, Address]]:
    """Yield who sends by which tunnel to whom, and to which of his tunnel addresses."""
    there, hub, server = client.there, client.hub_facts, client.server
    if server is not None and server.address is not None:
        yield client.name, client.facts, client.tunnel, client.hub or "the server", server.address
    if there is not None and hub is not None:
        for address in client.tunnel.addresses:
            if not address.is_link_local:
                yield client.hub, hub, there, client.name, address


def astray(facts: RouterFacts, tunnel: TunnelFacts, address: Address) -> RouteFacts | None:
    """Return the route to an address at the far end of a tunnel, if it leads elsewhere than by it."""
    route = best_route(facts, address)
    if route is None or not route.prefix.prefixlen or any(address in own for own in facts.addresses.values()):
        return None
    hops = (*route.next_hops, *((route.override,) if route.override is not None else ()))
    return None if any(hop.interface == tunnel.name for hop in hops) else route


def silent(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Find where all is as it should be at both ends, pings pass, and the tunnel does not: something between drops its
    packets.
    """
    if client.there is None or client.nbma is None:
        return
    through = answer(scene, Kind.TUNNEL, client.name, client.server.address if client.server is not None else None)
    ping = answer(scene, Kind.UNDERLAY, client.name, client.nbma)
    if through is not None and through.passed and client.works:
        yield Fine(Step.GRE, f"pings through the tunnel from {client.name} to {client.hub}: {through}")
        return
    if client.works and any(
        astray(facts, tunnel, address) is not None for _, facts, tunnel, _, address in _ends(client)
    ):
        return  # where those pings, or the answers, went instead has been said
    stuck = (client.server is not None and not client.works and not client.server.refused) or (
        through is not None and through.silent
    )
    if not stuck:
        return
    evidence = tuple(
        f"{what} from {client.name} to {client.hub}: {found}"
        for what, found in (("pings through the underlay", ping), ("pings through the tunnel", through))
        if found is not None
    )
    reason = client.server.reason if client.server is not None else ""
    said = (f"{client.name} says: {reason}",) if reason else ()
    lost = stopped(scene, client)
    if ping is not None and ping.passed and lost and not client.tunnel.protection:
        yield Finding(
            step=Step.GRE,
            cause=Cause.GRE_BLOCKED,
            router=client.name,
            what=f"pings pass between {client.name} and {client.hub}, and GRE (protocol 47) is dropped",
            evidence=(*evidence, *lost, *said),
        )
    else:
        left = "; ".join(one.value for one in client.server.suspicions) if client.server is not None else ""
        yield Finding(
            step=Step.REGISTRATION,
            cause=Cause.UNDECIDED,
            router=client.name,
            what=f"{client.name} and {client.hub} do not hear each other, and all that can be seen is as it should be",
            evidence=(*evidence, *said, *((f"{client.name} suspects: {left}",) if left else ())),
        )


def multicast(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that both ends copy multicasts to each other where a routing protocol runs."""
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or not client.works:
        return
    eigrp = bool(client.facts.eigrp or hub.eigrp)
    down = eigrp or tells_by_multicast(hub, there, client.tunnel)
    up = eigrp or tells_by_multicast(client.facts, client.tunnel, there)
    seen, what = scene.seen_as(client), "hello" if eigrp else "update"
    if down and there.multipoint and seen not in there.multicast and not there.multicast_dynamic:
        yield Finding(
            step=Step.MULTICAST,
            cause=Cause.HUB_MULTICAST,
            router=client.hub,
            what=f"{client.hub} copies multicasts to nobody who registers: {client.name} hears no {what}",
            evidence=(f"{client.hub}: copies go to {', '.join(map(str, there.multicast)) or 'nobody'}",),
            fix=(f"interface {there.name}", "ip nhrp map multicast dynamic"),
        )
    elif up and client.tunnel.multipoint and client.nbma not in client.tunnel.multicast:
        yield Finding(
            step=Step.MULTICAST,
            cause=Cause.SPOKE_MULTICAST,
            router=client.name,
            what=f"{client.name} copies no multicast to {client.hub}, which hears no {what}",
            evidence=(f"{client.name}: copies go to {', '.join(map(str, client.tunnel.multicast)) or 'nobody'}",),
            fix=(f"interface {client.tunnel.name}", f"ip nhrp map multicast {client.nbma}"),
        )
    elif down or up:
        yield Fine(Step.MULTICAST, f"{client.name} and {client.hub} copy multicasts to each other")
