"""Suspicions about the registration, and about traffic through the tunnel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.features.nhrp.config.lines import MAP_MULTICAST
from dmvpn.features.nhrp.parts import CieCode
from dmvpn.features.nhrp.reasons import NhrpReason, Suspicion
from dmvpn.features.nhrp.terms import refuses_password
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor.configuration import removal_lines
from dmvpn.tools.doctor.probes import ProbePurpose
from dmvpn.tools.doctor.registration import refused_with
from dmvpn.tools.doctor.scene import rip_on
from dmvpn.tools.doctor.suspicions.observations import here, maybe, mild
from dmvpn.tools.doctor.tunnels import bypassing_route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import ReasonFacts
    from dmvpn.tools.doctor.suspicions.observations import ServerView
    from dmvpn.tools.doctor.verdicts import Hypothesis


def registration(view: ServerView) -> Iterator[Hypothesis]:
    """Yield suspicions about the registration."""
    server, tunnel = view.client.server, view.client.tunnel
    if server is None:
        return
    if tunnel.destination is not None and server.nbma is not None and tunnel.destination != server.nbma:
        why = f"{tunnel.name} leads to {tunnel.destination}, and the next hop server is at {server.nbma}"
        yield here(Cause.WRONG_DESTINATION, why, (INTERFACE.of(name=tunnel.name), f"tunnel destination {server.nbma}"))
    route = bypassing_route(view.client.facts, tunnel, server.address) if server.address is not None else None
    if route is not None:
        why = f"the route to {server.address} ({route.prefix}, {route.source}) does not lead by {tunnel.name}"
        yield here(Cause.NHS_ROUTE, why, removal_lines(view.client.facts, route.prefix))
    servers = {one.address for one in tunnel.servers}
    for entry in tunnel.mappings:
        if entry.kind == "static" and entry.nbma is not None and entry.next_hop not in servers:
            why = f"a static map has {entry.next_hop} at {entry.nbma}"
            yield mild(Cause.WRONG_MAP, why, "is that so? 'show ip interface brief' of the router that has it")
    if tunnel.holding_time < 2 * tunnel.registration_interval:
        why = f"registered for {tunnel.holding_time} seconds, asked again after {tunnel.registration_interval:.0f}"
        yield here(Cause.HOLDING_TIME, why)
    if server.responding:
        return
    said = f"the server says: {server.reason}"
    if server.refused:
        yield from _refused(server.reason, said, view)
    elif refuses_password(server.reason):
        yield maybe(Cause.AUTHENTICATION, said, "'ip nhrp authentication' of both")
    else:
        yield from _silent(view)


def _refused(reason: ReasonFacts, said: str, view: ServerView) -> Iterator[Hypothesis]:
    if refuses_password(reason):
        yield maybe(Cause.AUTHENTICATION, said, "'ip nhrp authentication' of both")
    elif refused_with(reason, CieCode.UNIQUE_ADDRESS_REGISTERED, CieCode.BINDING_NOT_UNIQUE):
        yield maybe(Cause.STALE_UNIQUE, said, "'show ip nhrp' at the server: whose NBMA address does it have?")
        yield maybe(Cause.ADDRESS_CONFLICT, said, "is there another router at that NBMA address?")
        # Another station would forward the request to the server, which then sees it from a foreign address.
        yield maybe(Cause.NHS_NBMA, said, f"whose NBMA address is {view.peer}?")
    else:
        yield maybe(Cause.NHS_ADDRESS, said, "the server's tunnel address")
        yield maybe(Cause.REFUSED, said, "the log of the server")


def _silent(view: ServerView) -> Iterator[Hypothesis]:
    """Check for requests that are sent while nothing comes back."""
    client, tunnel, server = view.client, view.client.tunnel, view.client.server
    guesses = server.suspicions if server is not None else ()
    why = str((server.reason if server is not None else "") or NhrpReason.NO_REPLY.value)
    if server is not None and server.asks_in is not None:
        why = f"{why}; it asks again in {server.asks_in:.0f} s"
    strays = client.facts.drops.no_tunnel
    key = maybe(
        Cause.KEY,
        f"{why}; {strays} GRE packets came for no tunnel here" if strays else why,
        "'tunnel key' of the server",
    )
    missing = maybe(Cause.NETWORK_ID, why, "'ip nhrp network-id' at the server")
    address = maybe(Cause.NHS_ADDRESS, why, "the server's tunnel address")
    if Suspicion.NHRP_MISSING in guesses:
        yield from (missing, address, maybe(Cause.NHS_NBMA, why, f"whose NBMA address is {view.peer}?"))
        return
    if tunnel.protection:
        yield from (missing, key, maybe(Cause.HUB_POINT_TO_POINT, why, "'tunnel mode' of the server"), address)
        return
    blocked = maybe(Cause.GRE_BLOCKED, f"{why}, though pings pass", "does the server receive GRE from here?")
    down = maybe(Cause.TUNNEL_SHUTDOWN, f"{why}, though pings pass", "is the server's tunnel up?")
    point = maybe(Cause.HUB_POINT_TO_POINT, why, "'tunnel mode' of the server")
    rest = [maybe(Cause.NHS_NBMA, why, f"is {view.peer} the server's NBMA address?")]
    if Suspicion.SAME_NAT in guesses:
        rest.append(maybe(Cause.SAME_NAT, why, "is there another router behind the same translator?"))
    first = (key, blocked, down) if strays or Suspicion.KEY in guesses else (blocked, down, key)
    yield from (*first, missing, point, *rest)


def multicast(view: ServerView) -> Iterator[Hypothesis]:
    """Check for multicast copies to the server, if a routing protocol needs them."""
    client, tunnel = view.client, view.client.tunnel
    found = rip_on(client.facts, tunnel)
    by_rip = client.facts.rip is not None and not client.facts.rip.neighbors and found is not None and not found.passive
    if not (client.facts.eigrp or by_rip) or client.nbma is None:
        return
    if tunnel.multipoint and client.nbma not in tunnel.multicast:
        protocol = "EIGRP" if client.facts.eigrp else "RIP"
        why = f"multicasts are not copied to {client.nbma}: it hears nothing of {protocol}"
        yield here(Cause.SPOKE_MULTICAST, why, (INTERFACE.of(name=tunnel.name), MAP_MULTICAST.of(nbma=client.nbma)))


def tunnel_pings(view: ServerView) -> Iterator[Hypothesis]:
    """Yield suspicions about pings through the tunnel."""
    found, client = view.ping(ProbePurpose.TUNNEL), view.client
    if found is None or not found.silent:
        return
    why = f"registered once; pings through the tunnel: {found}"
    if client.tunnel.protection:
        yield maybe(Cause.ESP_BLOCKED, f"{why}, though IKE is up", "'show crypto ipsec sa' at both ends")
        yield maybe(Cause.TUNNEL_SHUTDOWN, why, "is the server's tunnel up?")
    else:
        passes = ", though pings of the NBMA address pass" if view.reaches else ""
        yield maybe(Cause.GRE_BLOCKED, why + passes, "does the server receive GRE from here?")
        yield maybe(Cause.TUNNEL_SHUTDOWN, why + passes, "is the server's tunnel up?")
    yield maybe(Cause.KEY, why, "'tunnel key' of the server")
    yield maybe(Cause.HUB_POINT_TO_POINT, why, "'tunnel mode' of the server")
