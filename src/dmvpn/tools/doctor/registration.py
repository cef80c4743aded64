"""Checks of GRE and NHRP between a tunnel and its server: key, kind of tunnel, registration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.features.nhrp import lint as nhrp_rules
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.nhrp.parts import CieCode
from dmvpn.features.nhrp.reasons import NhrpReason, Refusal
from dmvpn.features.tunnel.terms import KEY
from dmvpn.ios import INTERFACE
from dmvpn.network.terms.tunnels import NHRP, TUNNELS
from dmvpn.tools.doctor import terms
from dmvpn.tools.doctor.addressing import address_line
from dmvpn.tools.doctor.impact import has_server
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.terms import differences, registration_state
from dmvpn.tools.doctor.tunnel_interfaces import is_taken
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step
from dmvpn.tools.lint.rules import registration as registration_rules
from dmvpn.tools.lint.rules import tunnels as tunnel_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import ReasonFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP: Final = Step.REGISTRATION

# ---------------------------------------------------------------------------------------------------- GRE


def keys(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that both tunnels have the same key, or none."""
    there = client.there
    if there is None or there.source != client.nbma:
        return
    yield from differences(scene, client, TUNNELS, Step.GRE, registration_state, _strays(client))
    if there.key == client.tunnel.key:
        yield Fine(Step.GRE, f"{client.name} and {client.hub} both have {KEY.words(there.key)}")


def _strays(client: Client) -> tuple[str, ...]:
    """Return packets that match no tunnel."""
    found = [
        (name, facts.drops.no_tunnel)
        for name, facts in ((client.name, client.facts), (client.hub, client.hub_facts))
        if facts is not None and facts.drops.no_tunnel
    ]
    return tuple(f"{name}: {count} GRE packets for no tunnel of its own" for name, count in found)


_hub_point_to_point: Final = terms.of_pair(Step.GRE, tunnel_rules.HUB)
_elsewhere: Final = terms.of_pair(Step.GRE, tunnel_rules.ELSEWHERE)


def point_to_point(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that a server has a multipoint tunnel, or one that leads to this client; likewise for a point-to-point
    client.
    """
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
        is_registered = any(each.server is not None and each.works for each in scene.clients(one.router))
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
        yield Fine(_STEP, f"{client.name} is registered with {client.hub}")


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
    fix = (INTERFACE.of(name=client.tunnel.name), address_line(before, near.network if near is not None else None))
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
    fix = (INTERFACE.of(name=client.tunnel.name), nhrp_lines.REGISTRATION_NO_UNIQUE.of())
    order = f"at {client.hub}: clear ip nhrp {mine[0] if mine else ''}".rstrip()
    return Finding(_STEP, Cause.STALE_UNIQUE, client.name, what, evidence, fix, order=order)
