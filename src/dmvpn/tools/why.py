"""Why is a router not registered? Decided from a view of the whole lab, where the router itself can only suspect.

`explain` is a pure function of `LabFacts`. For each server that a router is to register with and is not, it goes the
way that a registration would go, and stops at the first thing that is wrong: the router and its tunnel, the wire, the
NBMA address and whose it is, the translator on the way, IPsec, the server's tunnel. What it finds is a fact of the lab,
not a guess; where everything is as it should be it says so, and leaves the router's own suspicions.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.shells.scenario import INSIDE, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.shells.facts import Address, LabFacts, RouterFacts, ServerFacts, TunnelFacts


class Cause(enum.Enum):
    """What is wrong. The values are for programs that read the JSON form."""

    ROUTER_DEAD = "router dead"
    TUNNEL_DOWN = "tunnel down"
    NO_ADDRESS = "no NBMA address"
    LINK_CUT = "link cut"
    NOBODY_THERE = "nobody has the NBMA address"
    SERVER_DEAD = "server dead"
    BEHIND_NAT = "server behind NAT"
    SAME_NAT = "same NAT"
    NO_TUNNEL_THERE = "no tunnel there"
    PROTECTION = "protection"
    IKE = "IKE"
    KEY = "tunnel key"
    NHRP_MISSING = "NHRP missing"
    OTHER_SERVER = "another server"
    REFUSED = "refused"
    ESP_FILTERED = "ESP filtered"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Why one registration is missing. what: a sentence with its evidence. remedy: what to do about it, or ""."""

    tunnel: str
    server: str
    cause: Cause
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    """One registration that is missing."""

    lab: LabFacts
    router: str
    facts: RouterFacts
    tunnel: TunnelFacts
    server: ServerFacts

    def finding(self, cause: Cause, what: str, remedy: str = "") -> Finding:
        server = f"{self.server.address or 'a server'} ({self.server.nbma or 'NBMA address unknown'})"
        return Finding(tunnel=self.tunnel.name, server=server, cause=cause, what=what, remedy=remedy)


def explain(lab: LabFacts, router: str) -> list[Finding]:
    """A finding for each server that `router` is to register with and is not; none: it is registered everywhere."""
    facts = lab.routers[router]
    if facts is None:
        dead, remedy = f"{router} is not running", f"dmvpn lab start {router}"
        return [Finding(tunnel="", server="", cause=Cause.ROUTER_DEAD, what=dead, remedy=remedy)]
    return [
        _judge(_Case(lab, router, facts, tunnel, server))
        for tunnel in facts.tunnels
        for server in tunnel.servers
        if server.wanted and not server.responding
    ]


def _judge(case: _Case) -> Finding:
    for look in (_at_home, _at_the_address, _at_the_translator, _at_ipsec, _at_the_server):
        finding = look(case)
        if finding is not None:
            return finding
    if case.server.refused:
        return case.finding(Cause.REFUSED, f"the server answers, but no registration comes of it: {case.server.reason}")
    if case.tunnel.protection and case.server.suspicions:
        what = "both ends are as they should be, and IKE gets through: ESP (protocol 50, or in UDP 4500) does not"
        return case.finding(Cause.ESP_FILTERED, what, "look for a filter on the way")
    left = "; ".join(case.server.suspicions) or case.server.reason or "it may only need another second"
    what = f"everything that can be seen is as it should be. {case.router} itself: {left}"
    return case.finding(Cause.UNDECIDED, what)


# ---------------------------------------------------------------------------------------------------- the way


def _at_home(case: _Case) -> Finding | None:
    """The router's own tunnel, and the wires at both ends."""
    tunnel = case.tunnel
    if not tunnel.up:
        return case.finding(Cause.TUNNEL_DOWN, f"{tunnel.name} is down: {tunnel.reason or 'no reason known'}")
    if case.server.nbma is None:
        what = "no NBMA address is configured for this server"
        return case.finding(Cause.NO_ADDRESS, what, f"ip nhrp nhs {case.server.address or 'dynamic'} nbma ADDRESS")
    for node, port in _wires(case):
        for link in case.lab.links:
            if link.cut and (node, port) in link.ends:
                remedy = f"dmvpn lab impair {node}:{port}"
                return case.finding(Cause.LINK_CUT, f"the link {link.name} is cut", remedy)
    return None


def _wires(case: _Case) -> list[tuple[str, str]]:
    """The ports by which a registration leaves: the router's, its translator's, and those of the server."""
    source = case.tunnel.source_interface
    gateway = _gateway_of(case.lab, case.router, source)
    there = [
        (name, port)
        for name, facts in case.lab.routers.items()
        for port, addresses in (facts.addresses.items() if facts is not None else ())
        if case.server.nbma in addresses
    ]
    return [(case.router, source), *([(gateway, OUTSIDE)] if gateway is not None else []), *there]


def _at_the_address(case: _Case) -> Finding | None:
    """Whose is the NBMA address?"""
    nbma, address = case.server.nbma, case.server.address
    if _owner(case.lab, nbma) is not None:
        return None
    for name, gateway in case.lab.gateways.items():
        if gateway.public == nbma:
            what = f"{nbma} is the public address of {name}: what comes there unasked is for nobody inside"
            return case.finding(Cause.BEHIND_NAT, what, "a server needs an address of its own")
    dead = [name for name, facts in case.lab.routers.items() if facts is None]
    real = _has_tunnel(case.lab, address)
    if real is not None:
        name, tunnel = real
        what = f"nobody in this lab has {nbma}; {address} is {name}, whose NBMA address is {tunnel.source}"
        return case.finding(Cause.NOBODY_THERE, what, _server_line(address, tunnel.source))
    if dead:
        what = f"nobody who runs has {nbma}, and {', '.join(dead)} {'is' if len(dead) == 1 else 'are'} dead"
        return case.finding(Cause.SERVER_DEAD, what, f"dmvpn lab start {dead[0]}")
    return case.finding(Cause.NOBODY_THERE, f"nobody in this lab has {nbma}, and nobody is {address} in a tunnel")


def _at_the_translator(case: _Case) -> Finding | None:
    """GRE has no ports: of two stations behind one address only one has a flow to the same remote."""
    name = _gateway_of(case.lab, case.router, case.tunnel.source_interface)
    nbma, source = case.server.nbma, case.tunnel.source
    if name is None or case.tunnel.protection:
        return None
    gateway = case.lab.gateways[name]
    holder = _holder(case, name)
    if holder is None:
        return None
    other = _owner(case.lab, holder)
    if other is None:
        what = (
            f"{name} ({gateway.public}) remembers a flow of {holder} to {nbma}, whom nobody has any more, and GRE has "
            f"no ports to tell it from one of {case.router} ({source})"
        )
        return case.finding(Cause.SAME_NAT, what, f"wait until it is forgotten, or: dmvpn lab rebind {name}")
    what = (
        f"{case.router} ({source}) and {other} ({holder}) stand behind {name} ({gateway.public}), and GRE has no ports "
        f"to tell them apart: the only flow from there to {nbma} is {other}'s"
    )
    remedy = "another public address for one of them, or IPsec: in UDP 4500 there are ports"
    return case.finding(Cause.SAME_NAT, what, remedy)


def _at_ipsec(case: _Case) -> Finding | None:
    """Do both ends protect the tunnel, and does IKE come to an end? Both tell why not: often only one knows."""
    tunnel = case.tunnel
    owner = _owner(case.lab, case.server.nbma)
    facts = case.lab.routers[owner] if owner is not None else None
    there = [it for it in facts.tunnels if it.source == case.server.nbma and it.up] if facts is not None else []
    if owner is None or not there:
        return None
    if all(bool(it.protection) != bool(tunnel.protection) for it in there):
        with_, without = (case.router, owner) if tunnel.protection else (owner, case.router)
        profile = tunnel.protection or there[0].protection
        what = f"{with_} protects its tunnel (profile {profile}), and {without} sends and takes GRE in clear"
        return case.finding(Cause.PROTECTION, what, f"on {without}: tunnel protection ipsec profile NAME")
    if case.server.secured:
        return None
    ours = next((it.reason for it in tunnel.unsecured if it.nbma == case.server.nbma), "") or case.server.reason
    said = [f"{case.router} says: {ours}"] if ours else []
    known = [peer for other in there for peer in other.unsecured] + [*(facts.refused if facts is not None else ())]
    theirs = dict.fromkeys(peer.reason for peer in known if peer.nbma in _seen_as(case) and peer.reason)
    said += [f"{owner} says: {reason}" for reason in theirs if not _is_said_longer(reason, theirs)]
    what = f"there is no IPsec with {owner} yet"
    return case.finding(Cause.IKE, "; ".join([what, *said]))


def _is_said_longer(reason: str, reasons: Iterable[str]) -> bool:
    """Does another one begin with it, and say more?"""
    return any(other != reason and other.startswith(reason) for other in reasons)


def _seen_as(case: _Case) -> list[Address | None]:
    """The NBMA addresses that the server knows this router by."""
    name = _gateway_of(case.lab, case.router, case.tunnel.source_interface)
    return [case.tunnel.source] if name is None else [case.lab.gateways[name].public]


def _at_the_server(case: _Case) -> Finding | None:
    """The tunnel of the router that has the NBMA address."""
    nbma, address = case.server.nbma, case.server.address
    owner = _owner(case.lab, nbma)
    facts = case.lab.routers[owner] if owner is not None else None
    if owner is None or facts is None:
        return None
    there = [tunnel for tunnel in facts.tunnels if tunnel.source == nbma]
    if not there:
        return case.finding(Cause.NO_TUNNEL_THERE, f"{owner} has {nbma}, but no tunnel with that source")
    same_key = [tunnel for tunnel in there if tunnel.key == case.tunnel.key]
    if not same_key:
        keys = " and ".join(_key(tunnel.key) for tunnel in there)
        what = f"{case.router} has {_key(case.tunnel.key)}, {owner} at {nbma} has {keys}"
        return case.finding(Cause.KEY, what, "the same tunnel key at both")
    ours = (None, *_seen_as(case))
    meant = [tunnel for tunnel in same_key if tunnel.destination in ours]
    if not meant:
        what = f"{same_key[0].name} of {owner} leads to {same_key[0].destination} alone"
        return case.finding(Cause.NO_TUNNEL_THERE, what, f"on {owner}: tunnel mode gre multipoint")
    up = [tunnel for tunnel in meant if tunnel.up]
    if not up:
        reason = meant[0].reason or "no reason known"
        return case.finding(Cause.TUNNEL_DOWN, f"{meant[0].name} of {owner} is down: {reason}")
    with_nhrp = [tunnel for tunnel in up if tunnel.nhrp]
    if not with_nhrp:
        what = f"{up[0].name} of {owner} runs no NHRP"
        return case.finding(Cause.NHRP_MISSING, what, f"on {owner}: ip nhrp network-id NUMBER")
    if address is not None and all(address not in tunnel.addresses for tunnel in with_nhrp):
        own = [mine for tunnel in with_nhrp for mine in tunnel.addresses if mine.version == address.version]
        if not own:
            what = f"{owner} has {nbma}, but its tunnel has no IPv{address.version} address"
            return case.finding(Cause.OTHER_SERVER, what)
        what = f"{owner} has {nbma}, but its tunnel address is {' and '.join(map(str, own))}, not {address}"
        return case.finding(Cause.OTHER_SERVER, what, _server_line(own[0], nbma))
    return None


# ---------------------------------------------------------------------------------------------------- who is who


def _owner(lab: LabFacts, nbma: Address | None) -> str | None:
    """The router that runs and has this address."""
    for name, facts in lab.routers.items():
        if facts is not None and any(nbma in addresses for addresses in facts.addresses.values()):
            return name
    return None


def _has_tunnel(lab: LabFacts, address: Address | None) -> tuple[str, TunnelFacts] | None:
    """The router that has this tunnel address."""
    for name, facts in lab.routers.items():
        for tunnel in facts.tunnels if facts is not None else ():
            if address in tunnel.addresses:
                return name, tunnel
    return None


def _gateway_of(lab: LabFacts, router: str, interface: str) -> str | None:
    """The translator on whose inside wire this port is."""
    for link in lab.links:
        if (router, interface) in link.ends:
            return next((node for node, port in link.ends if port == INSIDE and node in lab.gateways), None)
    return None


def _holder(case: _Case, name: str) -> Address | None:
    """Who else behind this translator has the flow to this server: by its table, else by who is registered."""
    lab, nbma, source = case.lab, case.server.nbma, case.tunnel.source
    gateway = lab.gateways[name]
    if gateway.flows is not None:
        inside = [flow.inside for flow in gateway.flows if flow.remote == nbma]
        if not inside or source in inside:
            return None
        return inside[0]
    for other, facts in lab.routers.items():
        for tunnel in facts.tunnels if facts is not None else ():
            if tunnel.source == source or tunnel.protection or _gateway_of(lab, other, tunnel.source_interface) != name:
                continue
            if any(server.nbma == nbma and server.responding for server in tunnel.servers):
                return tunnel.source
    return None


def _server_line(address: Address | None, nbma: Address | None) -> str:
    """What the client is to be configured with."""
    family = "ip" if address is None or address.version == 4 else "ipv6"
    return f"{family} nhrp nhs {address} nbma {nbma} multicast"


def _key(key: int | None) -> str:
    return "no tunnel key" if key is None else f"tunnel key {key}"
