"""Suspicions about tunnels: IKE and the SAs, the registration, traffic through the tunnel, sizes, and phase 3."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from dmvpn.base.facts import ReasonFacts
from dmvpn.base.findings import Cause
from dmvpn.features.ike.reasons import IkeReason, main_mode_message
from dmvpn.features.ipsec.config.profiles import PROFILE
from dmvpn.features.nhrp.config.lines import MAP_MULTICAST
from dmvpn.features.nhrp.parts import CieCode
from dmvpn.features.nhrp.reasons import NhrpReason, Suspicion
from dmvpn.features.nhrp.terms import refuses_password
from dmvpn.features.tunnel.config import PROTECTION
from dmvpn.ios import INTERFACE
from dmvpn.ios.common import IP_MTU
from dmvpn.tools.doctor import ipsec
from dmvpn.tools.doctor.configuration import device, removal_lines, tunnel_end
from dmvpn.tools.doctor.registration import refused_with
from dmvpn.tools.doctor.scene import ProbePurpose, interface_of, rip_on
from dmvpn.tools.doctor.suspicions.underlay import ServerView, here, maybe, mild
from dmvpn.tools.doctor.tunnels import bypassing_route
from dmvpn.tools.doctor.verdicts import Hypothesis

# ------------------------------------------------------------------------------------------------ IKE


def ike(view: ServerView) -> Iterator[Hypothesis]:
    """Yield suspicions from IKE's state with the server."""
    client, tunnel = view.client, view.client.tunnel
    if not tunnel.protection:
        profiles = device(client.facts).ipsec.profiles if not client.works else ()
        if profiles:
            name = profiles[0].name
            why = f"{PROFILE.line(name=name)} is configured, and {tunnel.name} does not use it"
            yield here(Cause.UNPROTECTED, why, (INTERFACE.line(name=tunnel.name), PROTECTION.line(profile=name)))
        return
    if client.server is not None and client.server.secured:
        return
    reasons = [peer.reason for peer in client.facts.unsecured(tunnel) if peer.nbma == client.nbma]
    end = tunnel_end(client.facts, tunnel, 4)
    clues = [(reason, ipsec.clue_at(reason, end)) for reason in reasons]
    for reason, known in clues:
        if known is not None:
            yield maybe(known.cause, f"IKE says: {reason}", "the same lines at the server")
    for reason, known in clues:
        if known is None or not known.own:
            yield from _vague(reason, view.peer)
    if not reasons:
        yield maybe(Cause.IKE_BLOCKED, f"there is no IKE SA with {view.peer}", "the log of the server")


def _vague(reason: ReasonFacts, peer: str) -> Iterator[Hypothesis]:
    """Yield hypotheses for a reason with several possible causes."""
    why, log = f"IKE says: {reason}", f"the log of {peer}"
    if reason.find(IkeReason.SILENT_PROOF, IkeReason.UNREADABLE_REFUSAL):
        yield maybe(Cause.PSK, why, log)
        yield maybe(Cause.IKE_IDENTITY, why, log)
    if ipsec.no_proof_at_4500(reason):
        yield maybe(
            Cause.NAT_T_BLOCKED, f"{why}, after IKE began well on port 500", "do UDP packets to port 4500 pass?"
        )
    elif reason.find(IkeReason.SILENT_PROOF, IkeReason.UNREADABLE_REFUSAL):
        return
    elif ipsec.is_silent(reason):
        yield maybe(Cause.UNPROTECTED, why, f"does the tunnel of {peer} have 'tunnel protection'?")
        yield maybe(Cause.IKE_BLOCKED, why, f"does UDP port 500 reach {peer}?")
        if ipsec.is_silent(reason, main_mode_message(1)):
            yield maybe(Cause.PSK_MISSING, why, f"does {peer} have a key for this router?")
        yield maybe(Cause.TUNNEL_SHUTDOWN, why, f"is the tunnel of {peer} up?")
    elif reason.find(IkeReason.PROOF_REFUSED):
        yield maybe(Cause.PSK, why, log)
        yield maybe(Cause.IKE_IDENTITY, why, log)
        yield maybe(Cause.PSK_MISSING, why, log)
        yield maybe(Cause.CERTIFICATE, why, log)
    elif reason.find(IkeReason.NO_CHILD, IkeReason.NO_CHILD_FOR):
        yield maybe(Cause.TRANSFORM, why, f"{log}; the transform sets of both")
        yield maybe(Cause.PFS, why, log)
        yield maybe(Cause.MODE, why, log)
    else:
        yield maybe(Cause.IKE_PROPOSAL, why, f"{log}; the proposals of both")


def sas(view: ServerView) -> Iterator[Hypothesis]:
    """Check whether anything comes back by ESP."""
    client = view.client
    found = next((sa for sa in client.facts.sas_of(client.tunnel) if sa.remote == client.nbma and sa.used), None)
    sent, received = client.facts.esp_packets(found) if found is not None else (0, 0)
    if found is None or received or sent < 3 or not client.tunnel.protection:
        return
    why = f"IKE is up; {sent} packets went out by ESP, and none came in"
    cause = Cause.NAT_T_BLOCKED if found.remote_port else Cause.ESP_BLOCKED
    silent = "its tunnel may answer nothing"
    yield maybe(cause, why, "'show crypto ipsec sa' at the server: do its counters rise?")
    yield maybe(Cause.KEY, f"{why}: {silent}", "the tunnel key of the server")
    yield maybe(Cause.NETWORK_ID, f"{why}: {silent}", "'ip nhrp network-id' at the server")
    yield maybe(Cause.HUB_POINT_TO_POINT, f"{why}: {silent}", "'tunnel mode' of the server")


# ------------------------------------------------------------------------------------------------ NHRP


def registration(view: ServerView) -> Iterator[Hypothesis]:
    """Yield suspicions about the registration."""
    server, tunnel = view.client.server, view.client.tunnel
    if server is None:
        return
    if tunnel.destination is not None and server.nbma is not None and tunnel.destination != server.nbma:
        why = f"{tunnel.name} leads to {tunnel.destination}, and the next hop server is at {server.nbma}"
        yield here(
            Cause.WRONG_DESTINATION, why, (INTERFACE.line(name=tunnel.name), f"tunnel destination {server.nbma}")
        )
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
        if refuses_password(server.reason):
            yield maybe(Cause.AUTHENTICATION, said, "'ip nhrp authentication' of both")
        elif refused_with(server.reason, CieCode.UNIQUE_ADDRESS_REGISTERED, CieCode.BINDING_NOT_UNIQUE):
            yield maybe(Cause.STALE_UNIQUE, said, "'show ip nhrp' at the server: whose NBMA address does it have?")
            yield maybe(Cause.ADDRESS_CONFLICT, said, "is there another router at that NBMA address?")
            # Another station would forward the request to the server, which then sees it from a foreign address.
            yield maybe(Cause.NHS_NBMA, said, f"whose NBMA address is {view.peer}?")
        else:
            yield maybe(Cause.NHS_ADDRESS, said, "the server's tunnel address")
            yield maybe(Cause.REFUSED, said, "the log of the server")
    elif refuses_password(server.reason):
        yield maybe(Cause.AUTHENTICATION, said, "'ip nhrp authentication' of both")
    else:
        yield from _silent(view)


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
        yield here(Cause.SPOKE_MULTICAST, why, (INTERFACE.line(name=tunnel.name), MAP_MULTICAST.line(nbma=client.nbma)))


def tunnel_pings(view: ServerView) -> Iterator[Hypothesis]:
    """Yield suspicions about pings through the tunnel."""
    found, client = view.ping(ProbePurpose.TUNNEL), view.client
    if found is None or not found.silent:
        return
    why = f"registered once; pings through the tunnel{client.in_version}: {found}"
    if client.tunnel.protection:
        yield maybe(Cause.ESP_BLOCKED, f"{why}, though IKE is up", "'show crypto ipsec sa' at both ends")
        yield maybe(Cause.TUNNEL_SHUTDOWN, why, "is the server's tunnel up?")
    else:
        passes = ", though pings of the NBMA address pass" if view.reaches else ""
        yield maybe(Cause.GRE_BLOCKED, why + passes, "does the server receive GRE from here?")
        yield maybe(Cause.TUNNEL_SHUTDOWN, why + passes, "is the server's tunnel up?")
    yield maybe(Cause.KEY, why, "'tunnel key' of the server")
    yield maybe(Cause.HUB_POINT_TO_POINT, why, "'tunnel mode' of the server")


# ------------------------------------------------------------------------------------------------ shortcuts


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
            Cause.MTU, why, (INTERFACE.line(name=tunnel.name), IP_MTU.line(octets=min(1400, tunnel.room // 10 * 10)))
        )
    if tunnel.mss is None and tunnel.ip_mtu <= 1460:
        why = f"TCP is not clamped on {tunnel.name}, which carries {tunnel.ip_mtu} octets"
        yield mild(Cause.MSS, why, "do hosts learn the MTU? 'ip tcp adjust-mss' at the other routers")


def shortcuts(view: ServerView) -> Iterator[Hypothesis]:
    """Yield suspicions about this router's phase 3 configuration, and its results."""
    tunnel = view.client.tunnel
    section = INTERFACE.line(name=tunnel.name)
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
