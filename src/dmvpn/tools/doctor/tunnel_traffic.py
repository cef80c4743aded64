"""Checks of the traffic between two ends of a tunnel: routes to each other, pings, and copies of multicast packets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor import terms
from dmvpn.tools.doctor.configuration import is_next_hop, removal_lines
from dmvpn.tools.doctor.probes import ProbePurpose
from dmvpn.tools.doctor.underlay_path import best_route, filtered_wires, probe_result
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step
from dmvpn.tools.lint.rules import neighbors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.features.rib.facts import RouteFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict


def tunnel_routes(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that each end's route to the tunnel address of the other leads by the tunnel.

    NHRP itself needs no route, and works all the same.
    """
    for name, facts, tunnel, whom, address in _ends(client):
        route = bypassing_route(facts, tunnel, address)
        if route is None:
            continue
        hop = next(iter(route.next_hops), None)
        leads = "into nothing" if route.drops or hop is None else f"to {hop.address or hop.interface}"
        yield Finding(
            step=Step.REGISTRATION,
            cause=Cause.NHS_ROUTE,
            router=name,
            what=f"{name} sends packets for {address}, the tunnel address of {whom}, {leads}, and not by {tunnel.name}",
            evidence=(f"{name}: {route.prefix} ({route.source}) is the route that it takes",),
            fix=removal_lines(scene.of(name), route.prefix) if route.source == "static" else (),
            stops=address in facts.bgp.called or is_next_hop(facts, address),
        )


def _ends(client: Client) -> Iterator[tuple[str, RouterFacts, TunnelFacts, str, Address]]:
    """Yield sender, its facts and tunnel, receiver, and one of the receiver's tunnel addresses."""
    there, hub, server = client.there, client.hub_facts, client.server
    if server is not None and server.address is not None:
        yield client.name, client.facts, client.tunnel, client.hub or "the server", server.address
    if there is not None and hub is not None:
        for address in client.tunnel.addresses:
            if not address.is_link_local:
                yield client.hub, hub, there, client.name, address


def bypassing_route(facts: RouterFacts, tunnel: TunnelFacts, address: Address) -> RouteFacts | None:
    """Return the route to an address at the far end of a tunnel, if it does not lead by the tunnel."""
    route = best_route(facts, address)
    if route is None or not route.prefix.prefixlen or any(address in own for own in facts.addresses.values()):
        return None
    hops = (*route.next_hops, *((route.override,) if route.override is not None else ()))
    return None if any(hop.interface == tunnel.name for hop in hops) else route


def unexplained_loss(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Find tunnels that do not work although both ends are correct and pings pass: something between drops the
    packets.
    """
    if client.there is None or client.nbma is None:
        return
    through = probe_result(
        scene, ProbePurpose.TUNNEL, client.name, client.server.address if client.server is not None else None
    )
    ping = probe_result(scene, ProbePurpose.UNDERLAY, client.name, client.nbma)
    if through is not None and through.passed and client.works:
        yield Fine(Step.GRE, f"pings through the tunnel from {client.name} to {client.hub}: {through}")
        return
    if client.works and any(
        bypassing_route(facts, tunnel, address) is not None for _, facts, tunnel, _, address in _ends(client)
    ):
        return  # the path of those pings, or of the replies, has been reported
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
    lost = filtered_wires(scene, client)
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


_multicast: Final = terms.of_pair(Step.MULTICAST, neighbors.MULTICAST, neighbors.MULTICAST_HUB)


def multicast(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that both ends copy multicasts to each other where a routing protocol runs."""
    found, pair = list(_multicast(scene, client)), client.pair
    yield from found
    if not found and pair is not None and pair.here.running and pair.there.running:
        yield Fine(Step.MULTICAST, f"{client.name} and {client.hub} copy multicasts to each other")
