"""Checks which router has the NBMA address of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor import nat, registration, terms
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.verdicts import Finding, Step
from dmvpn.tools.lint.rules import registration as rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP = Step.UNDERLAY
_elsewhere: Final = terms.of_pair(_STEP, rules.MAP, rules.SOURCE)
_no_server: Final = terms.of_pair(Step.REGISTRATION, rules.WITHOUT_NBMA, rules.OWN)


def server_address(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check which router has the NBMA address of the server."""
    nbma = client.nbma
    box = next((name for name, it in scene.lab.gateways.items() if nbma is not None and it.public == nbma), "")
    if box:
        what = f"{nbma} is the public address of {box}: unsolicited packets to it reach no host inside"
        yield Finding(step=_STEP, cause=Cause.SERVER_BEHIND_NAT, router=client.name, what=what)
        return
    wrong = [*_elsewhere(scene, client), *_no_server(scene, client)]
    yield from wrong
    if wrong:
        return
    if nbma is None:
        if client.server is not None and not client.server.responding:
            what = f"{client.name} does not know the NBMA address of its next hop server {client.server.address or ''}"
            evidence = (f"{client.name} says: {client.server.reason}",) if client.server.reason else ()
            fix = _server_lines(scene, client)
            yield Finding(Step.REGISTRATION, Cause.NHS_NBMA, client.name, what.rstrip(), evidence, fix)
        return
    inside = nat.hiding_translator(scene, client)
    if inside and (client.name, client.tunnel.name) not in scene.servers():
        yield _nobody(scene, client, nbma, f"that is an address behind {inside}, which is unreachable from outside")
    elif not client.hub and not scene.dead() and not _leads_outside(scene, client):
        yield _nobody(scene, client, nbma, "no router in this lab has that address")
    elif client.hub_facts is not None and client.there is None and not _ends_at_provider(scene, client):
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


def _ends_at_provider(scene: Scene, client: Client) -> bool:
    """Return whether a point-to-point tunnel leads to a router of a provider, outside of this network's control."""
    return client.hub in scene.lab.providers and _leads_outside(scene, client)


def _nobody(scene: Scene, client: Client, nbma: Address, why: str) -> Finding:
    what = f"{client.name} looks for its server at {nbma}, and {why}"
    if client.server is None or client.tunnel.destination == nbma:
        hub = next((other for other in _hubs(scene, client)), None)
        right = tunnel_lines.DESTINATION.of(address=hub or Blank("address"))
        evidence, lines = (f"{client.name}: tunnel destination {nbma}",), (INTERFACE.of(name=client.tunnel.name), right)
        return Finding(_STEP, Cause.WRONG_DESTINATION, client.name, what, evidence, lines)
    address = client.server.address
    if scene.tunnel_owner(address) is None and _has_all_others(scene, client):
        more = f"and no router has the tunnel address {address}. No user notices it now: all servers serve it"
        return Finding(step=_STEP, cause=Cause.NHS_NBMA, router=client.name, what=f"{what}, {more}", advice=True)
    fix = _server_lines(scene, client)
    return Finding(step=_STEP, cause=Cause.NHS_NBMA, router=client.name, what=what, fix=fix)


def _server_lines(scene: Scene, client: Client) -> tuple[str, ...]:
    """Return the line of a server with the address at which it is."""
    address = client.server.address if client.server is not None else None
    real = scene.tunnel_owner(address)
    nbma = (real[1].source if real is not None else None) or Blank("address")
    line = nhrp_lines.server(address, nbma)
    if address is None:
        line = nhrp_lines.NHS_DYNAMIC.of(nbma_address=nbma, multicast=True)
    return (INTERFACE.of(name=client.tunnel.name), line)


def _has_all_others(scene: Scene, client: Client) -> bool:
    """Return whether a router is registered with all servers of similar routers: a further one may not exist yet."""
    mine = [one for one in scene.clients(client.name) if one.hub not in ("", client.name)]
    lacks = any(one.router == client.name for one in registration.missing_servers(scene))
    return bool(mine) and all(one.works for one in mine) and not lacks


def _hubs(scene: Scene, client: Client) -> Iterator[Address]:
    """Yield possible far ends of a point-to-point tunnel: a tunnel that leads here; a server that other clients use."""
    others = [other for other in scene.clients() if other.name != client.name]
    for other in others:
        if other.tunnel.destination == client.tunnel.source and other.tunnel.source is not None:
            yield other.tunnel.source
    for other in others:
        if other.there is not None and other.nbma not in (None, client.tunnel.source):
            yield other.nbma
