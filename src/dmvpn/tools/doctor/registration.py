"""Checks of GRE and NHRP between a tunnel and its server: key, kind of tunnel, the server's NBMA address, registration.

A NAT on the path counts, too: GRE has no ports, so of two routers behind one address only one has a flow to a given
remote address.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dmvpn.base.facts import Address, ReasonFacts
from dmvpn.base.findings import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.features.nhrp import lint as nhrp_rules
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.nhrp.parts import CieCode
from dmvpn.features.nhrp.reasons import NhrpReason, Refusal
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.features.tunnel.terms import KEY
from dmvpn.ios import INTERFACE
from dmvpn.network.terms.protocols import NHRP, TUNNELS
from dmvpn.tools.doctor import terms
from dmvpn.tools.doctor.addressing import address_line
from dmvpn.tools.doctor.impact import has_server
from dmvpn.tools.doctor.scene import Client, Scene, interface_of
from dmvpn.tools.doctor.terms import differences, registration_state
from dmvpn.tools.doctor.tunnels import is_taken
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step, Verdict
from dmvpn.tools.lint.rules import registration as registration_rules
from dmvpn.tools.lint.rules import tunnels as tunnel_rules

# ------------------------------------------------------------------------------------------------ NAT


def shared_translator(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check whether another station behind the same translator has the only flow to the server."""
    name = scene.gateway_of(client.name, client.tunnel.source_interface)
    nbma, source = client.nbma, client.tunnel.source
    if name is None or client.tunnel.protection or client.works:
        return
    gateway = scene.lab.gateways[name]
    holder = _holder(scene, client, name)
    if holder is None:
        yield Fine(Step.UNDERLAY, f"{name} has no flow to {nbma} that would be in the way of {client.name}")
        return
    other = scene.owner(holder)
    if other is None:
        what = (
            f"{name} ({gateway.public}) remembers a flow of {holder} to {nbma}, an address no longer in use, and GRE "
            f"has no ports to distinguish it from a flow of {client.name} ({source})"
        )
        remedy = f"wait until it is forgotten, or: dmvpn lab rebind {name}"
    else:
        what = (
            f"{client.name} ({source}) and {other} ({holder}) are behind {name} ({gateway.public}), and GRE has no "
            f"ports to distinguish them: the only flow from there to {nbma} is {other}'s"
        )
        remedy = "another public address for one of them, or IPsec: in UDP 4500 there are ports"
    yield Finding(Step.UNDERLAY, Cause.SAME_NAT, client.name, what, order=remedy)


def hiding_translator(scene: Scene, client: Client) -> str:
    """Return the translator that hides the server's NBMA address from this client, or ""."""
    mine = scene.gateway_of(client.name, client.tunnel.source_interface)
    return next((name for name, it in scene.lab.gateways.items() if name != mine and client.nbma in it.private), "")


def _holder(scene: Scene, client: Client, name: str) -> Address | None:
    """Return the other station behind this translator with the flow to this server: by its table, else by
    registrations.
    """
    nbma, source = client.nbma, client.tunnel.source
    gateway = scene.lab.gateways[name]
    public, flows = gateway.public_of(source), gateway.flows
    if flows is not None:
        inside = [flow.inside for flow in flows if flow.remote == nbma and gateway.public_of(flow.inside) == public]
        return None if not inside or source in inside else inside[0]
    for other in scene.clients():
        tunnel = other.tunnel
        if tunnel.source == source or tunnel.protection or not other.works or other.nbma != nbma:
            continue
        if scene.gateway_of(other.name, tunnel.source_interface) == name and scene.seen_as(other) == public:
            return tunnel.source
    return None


# ------------------------------------------------------------------------------------------------ GRE and NHRP


_STEP: Final = Step.REGISTRATION

# ---------------------------------------------------------------------------------------------------- GRE


def keys(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that both tunnels have the same key, or none."""
    there = client.there
    if there is None or client.nbma not in (there.source, scene.public(client.hub, there)):
        return
    ends = ((client.name, client.facts), (client.hub, client.hub_facts))
    strays = tuple(
        f"{name}: {facts.drops.no_tunnel} GRE packets for no tunnel of its own"
        for name, facts in ends
        if facts is not None and facts.drops.no_tunnel
    )
    yield from differences(scene, client, TUNNELS, Step.GRE, registration_state, strays)
    if there.key == client.tunnel.key:
        yield Fine(Step.GRE, f"{client.name} and {client.hub} both have {KEY.words(there.key)}")


_hub_point_to_point: Final = terms.of_pair(Step.GRE, tunnel_rules.HUB)
_elsewhere: Final = terms.of_pair(Step.GRE, tunnel_rules.ELSEWHERE)


def point_to_point(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that a server has a multipoint tunnel, or a tunnel to this client; likewise for a point-to-point client."""
    there = client.there
    if there is not None and there.destination is not None and there.destination != scene.seen_as(client):
        yield from _hub_point_to_point(scene, client)
    yield from _elsewhere(scene, client)


# ---------------------------------------------------------------------------------------------------- NHRP


#: Tunnels with NHRP lines but no network-id, or with a map of a server, but no server line.
_NETWORK_IDS: Final = (nhrp_rules.NETWORK_ID, tunnel_rules.WITHOUT_NHRP)
_without_nhrp: Final = terms.of_all(_STEP, *_NETWORK_IDS, registration_rules.MISSING)
_network_ids: Final = terms.of_pair(_STEP, *_NETWORK_IDS)
_wrong_addresses: Final = terms.of_pair(_STEP, registration_rules.NOBODY, registration_rules.CLIENT)
_fewer: Final = terms.of_all(_STEP, registration_rules.FEWER)
#: A registration is renewed before it expires.
holding_times: Final = terms.of_pair(_STEP, nhrp_rules.EXPIRES)


def without_nhrp(scene: Scene) -> Iterator[Finding]:
    """Find tunnels that do not run NHRP, or do not register with a server that they map."""
    for one in _without_nhrp(scene):
        works = any(each.server is not None and each.works for each in scene.clients(one.router))
        is_registered = works and has_server(scene.clients(), one.router)
        yield replace(one, stops=one.cause is not Cause.NHS_MISSING or not is_registered)


def missing_servers(scene: Scene) -> Iterator[Finding]:
    """Find a client that does not register with a server that all similar clients have."""
    for one in _fewer(scene):
        yield replace(one, stops=not has_server(scene.clients(), one.router))


def servers(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the router at the NBMA address runs NHRP and has the server's tunnel address; and that it
    accepts us.
    """
    there, server = client.there, client.server
    if there is None or server is None:
        return
    if not there.nhrp and client.hub_facts is not None:
        yield from _network_ids(scene, client)
        return
    wrong = list(_wrong_addresses(scene, client))
    yield from wrong or _agreement(scene, client)


def _agreement(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check the password, and the server's answer."""
    there, server = client.there, client.server
    if there is None or server is None:
        return
    reason = server.reason
    evidence = (f"{client.name} says: {reason}",) if reason else ()
    refusals = there.refusals.get(Refusal.AUTHENTICATION.value, 0)
    counted = (f"{client.hub}: {refusals} NHRP packets with a wrong password",) if refusals else ()
    passwords = list(differences(scene, client, NHRP, _STEP, registration_state, (*evidence, *counted)))
    yield from passwords
    if passwords:
        return
    if server.refused and any(is_taken(scene, client.name, address) for address in client.tunnel.addresses):
        return  # the owner of the address comes first, and is a finding of its own
    if server.refused and refused_with(reason, CieCode.UNIQUE_ADDRESS_REGISTERED):
        yield _anothers(scene, client, reason) or _stale(scene, client, reason)
    elif server.refused:
        what = f"{client.hub} answers, and no registration comes of it: {reason}"
        yield Finding(_STEP, Cause.REFUSED, client.name, what, evidence)
    elif server.responding:
        yield Fine(_STEP, f"{client.name} is registered with {client.hub}{client.in_version}")


def refused_with(reason: ReasonFacts, *codes: CieCode) -> bool:
    """Return whether the registration was refused with one of these codes."""
    said = reason.find(NhrpReason.REFUSED)
    return said is not None and any(code in said.fields for code in codes)


def _anothers(scene: Scene, client: Client, reason: ReasonFacts) -> Finding | None:
    """Return the finding that the server knows another client by this tunnel address, at that client's usual place."""
    entries = [one for one in (client.there.mappings if client.there is not None else ()) if one.kind == "dynamic"]
    seen = {scene.seen_as(one): one for one in scene.fellows(client)}
    theirs = next((one for one in entries if one.next_hop in client.tunnel.addresses and one.nbma in seen), None)
    if theirs is None:
        return None
    other = seen[theirs.nbma]
    own = interface_of(client.facts, client.tunnel.name)
    before = next((one.next_hop for one in entries if one.nbma == scene.seen_as(client)), None)
    near = own.addresses[0] if own is not None and own.addresses else None
    what = f"{client.name} has the tunnel address {theirs.next_hop}, by which {client.hub} knows {other.name}"
    evidence = (f"{client.name} says: {reason}", f"{client.hub}: {theirs.next_hop} is at {theirs.nbma}, unique")
    fix = (INTERFACE.line(name=client.tunnel.name), address_line(before, near.network if near is not None else None))
    order = f"at {client.hub}: clear ip nhrp"
    return Finding(_STEP, Cause.ADDRESS_CONFLICT, client.name, what, evidence, fix, order=order, others=(other.name,))


def _stale(scene: Scene, client: Client, reason: ReasonFacts) -> Finding:
    mine = client.tunnel.addresses
    entries = [
        f"{client.hub}: {mapping.next_hop} is at {mapping.nbma}, unique"
        for mapping in (client.there.mappings if client.there is not None else ())
        if mapping.next_hop in mine
    ]
    place = f"{client.name} is at {scene.seen_as(client)} now, and {client.hub} still has it elsewhere"
    what, evidence = f"{place}: it was registered as unique", (f"{client.name} says: {reason}", *entries)
    fix = (INTERFACE.line(name=client.tunnel.name), nhrp_lines.REGISTRATION_NO_UNIQUE.line())
    order = f"at {client.hub}: clear ip nhrp {mine[0] if mine else ''}".rstrip()
    return Finding(_STEP, Cause.STALE_UNIQUE, client.name, what, evidence, fix, order=order)


# ----------------------------------------------------------------------------------------- the NBMA address of a server


_UNDERLAY = Step.UNDERLAY
_wrong_nbma: Final = terms.of_pair(_UNDERLAY, registration_rules.MAP, registration_rules.SOURCE)
_no_server: Final = terms.of_pair(Step.REGISTRATION, registration_rules.WITHOUT_NBMA, registration_rules.OWN)


def server_address(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check which router has the NBMA address of the server."""
    nbma = client.nbma
    wrong = [*_wrong_nbma(scene, client), *_no_server(scene, client)]
    yield from wrong
    if wrong:
        return
    boxes = ((name, it) for name, it in scene.lab.gateways.items() if nbma is not None and it.public == nbma)
    box = next((name for name, it in boxes if nbma not in it.inward), "")
    if box:
        what = f"{nbma} is the public address of {box}: unsolicited packets to it reach no host inside"
        yield Finding(step=_UNDERLAY, cause=Cause.SERVER_BEHIND_NAT, router=client.name, what=what)
        return
    if nbma is None:
        if client.server is not None and not client.server.responding:
            what = f"{client.name} does not know the NBMA address of its next hop server {client.server.address or ''}"
            evidence = (f"{client.name} says: {client.server.reason}",) if client.server.reason else ()
            fix = _server_lines(scene, client)
            yield Finding(Step.REGISTRATION, Cause.NHS_NBMA, client.name, what.rstrip(), evidence, fix)
        return
    inside = hiding_translator(scene, client)
    if inside and (client.name, client.tunnel.name) not in scene.servers():
        yield _nobody(scene, client, nbma, f"that is an address behind {inside}, which is unreachable from outside")
    elif not client.hub and not scene.dead() and not _leads_outside(scene, client):
        yield _nobody(scene, client, nbma, "no router in this lab has that address")
    elif (
        client.hub_facts is not None
        and client.there is None
        and not (client.hub in scene.lab.providers and _leads_outside(scene, client))
    ):
        what = f"{client.hub} has {nbma}, but no tunnel with that source"
        yield Finding(step=Step.GRE, cause=Cause.NO_TUNNEL_THERE, router=client.hub, what=what)


def _leads_outside(scene: Scene, client: Client) -> bool:
    """Return whether a point-to-point tunnel leads out of view: no router here is its other end."""
    if client.server is not None or client.tunnel.nhrp:
        return False
    port = interface_of(client.facts, client.tunnel.name)
    networks = [own.network for own in (port.addresses if port is not None else ())]
    others = [tunnel for name, facts in scene.alive() if name != client.name for tunnel in facts.tunnels]
    near = any(own in network for one in others for own in one.addresses for network in networks)
    return not near and all(one.destination != client.tunnel.source for one in others)


def _nobody(scene: Scene, client: Client, nbma: Address, why: str) -> Finding:
    what = f"{client.name} looks for its server at {nbma}, and {why}"
    if client.server is None or client.tunnel.destination == nbma:
        # A tunnel that leads here, or a server that other clients use.
        others = [other for other in scene.clients() if other.name != client.name]
        here = (one.tunnel.source for one in others if one.tunnel.destination == client.tunnel.source)
        served = (one.nbma for one in others if one.there is not None and one.nbma != client.tunnel.source)
        hub = next((address for address in (*here, *served) if address is not None), None)
        right = tunnel_lines.DESTINATION.line(address=hub or Blank("address"))
        evidence, lines = (
            (f"{client.name}: tunnel destination {nbma}",),
            (INTERFACE.line(name=client.tunnel.name), right),
        )
        return Finding(_UNDERLAY, Cause.WRONG_DESTINATION, client.name, what, evidence, lines)
    address = client.server.address
    mine = [one for one in scene.clients(client.name) if one.hub not in ("", client.name)]
    if (
        scene.tunnel_owner(address) is None
        and mine
        and all(one.works for one in mine)
        and all(one.router != client.name for one in missing_servers(scene))
    ):  # registered with all servers of similar routers: a further one may not exist yet
        more = f"and no router has the tunnel address {address}. No user notices it now: all servers serve it"
        return Finding(step=_UNDERLAY, cause=Cause.NHS_NBMA, router=client.name, what=f"{what}, {more}", advice=True)
    fix = _server_lines(scene, client)
    return Finding(step=_UNDERLAY, cause=Cause.NHS_NBMA, router=client.name, what=what, fix=fix)


def _server_lines(scene: Scene, client: Client) -> tuple[str, ...]:
    """Return the line of a server with the address at which it is."""
    address = client.server.address if client.server is not None else None
    real = scene.tunnel_owner(address)
    nbma = (scene.public(*real) if real is not None else None) or Blank("address")
    line = nhrp_lines.server(address, nbma)
    if address is None:
        line = nhrp_lines.NHS_DYNAMIC.line(nbma_address=nbma, multicast=True)
    return (INTERFACE.line(name=client.tunnel.name), line)
