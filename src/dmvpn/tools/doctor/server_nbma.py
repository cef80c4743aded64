"""Checks which router has the NBMA address of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.features.nhrp.config import lines as nhrp_lines
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor import nat, servers
from dmvpn.tools.doctor.addressing import address_line
from dmvpn.tools.doctor.nhrp_configuration import map_statements, servers_at
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.router.facts import TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP = Step.UNDERLAY
#: Clients that must agree before a server counts as wrong.
_MANY: Final = 2


def server_address(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check which router has the NBMA address of the server."""
    nbma = client.nbma
    address = client.server.address if client.server is not None else None
    if nbma is None:
        if client.server is not None and not client.server.responding:
            what = f"{client.name} does not know the NBMA address of its next hop server {address or ''}".rstrip()
            line = _server_line(address)
            yield Finding(
                step=Step.REGISTRATION,
                cause=Cause.NHS_NBMA,
                router=client.name,
                what=what,
                fix=(INTERFACE.of(name=client.tunnel.name), line),
            )
        return
    for name, gateway in scene.lab.gateways.items():
        if gateway.public == nbma:
            what = f"{nbma} is the public address of {name}: unsolicited packets to it reach no host inside"
            yield Finding(step=_STEP, cause=Cause.SERVER_BEHIND_NAT, router=client.name, what=what)
            return
    if client.hub == client.name:
        yield _itself(scene, client)
        return
    inside = nat.hiding_translator(scene, client)
    if inside and (client.name, client.tunnel.name) not in scene.servers():
        yield _nobody(
            scene, client, nbma, address, f"that is an address behind {inside}, which is unreachable from outside"
        )
    elif not client.hub and not scene.dead() and not _leads_outside(scene, client):
        yield _nobody(scene, client, nbma, address)
    elif client.hub and client.there is None and not _ends_at_provider(scene, client):
        yield from _other_router(scene, client, nbma, address)


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


def _itself(scene: Scene, client: Client) -> Finding:
    """Return the finding that a router registers with itself; the other clients show the real server."""
    others = [one for one in scene.clients() if one.name != client.name and one.hub not in ("", client.name)]
    known = next((one for one in others if one.server is not None and one.server.address is not None), None)
    real = scene.tunnel_owner(client.server.address) if client.server is not None else None
    if real is not None and real[0] != client.name and real[1].source is not None:
        what = f"{client.name} looks for its server at {client.nbma}, its own address; {_named(client)}"
        return Finding(
            step=Step.REGISTRATION,
            cause=Cause.NHS_NBMA,
            router=client.name,
            what=f"{what} is {real[0]}, at {real[1].source}",
            fix=server_lines(client, real[1].source),
        )
    section = (INTERFACE.of(name=client.tunnel.name),)
    wrong = servers_at(client.facts, client.tunnel.name, client.nbma)
    right = (
        [nhrp_lines.server(known.server.address, known.nbma)] if known is not None and known.server is not None else []
    )
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.NHS_ADDRESS,
        router=client.name,
        what=f"{client.name} looks for its server at {client.nbma}, and that is {client.name} itself",
        evidence=tuple(f"{client.name}: {line}" for line in wrong),
        fix=(*section, *(f"no {line}" for line in wrong), *right) if wrong else (),
    )


def _server_line(address: Address | None) -> str:
    """Return the line of a server with an unknown NBMA address."""
    if address is None:
        return nhrp_lines.NHS_DYNAMIC.of(nbma_address=Blank("address"), multicast=True)
    return nhrp_lines.server(address, Blank("address"))


def _named(client: Client) -> object:
    return client.server.address if client.server is not None else None


def _nobody(
    scene: Scene,
    client: Client,
    nbma: Address,
    address: Address | None,
    why: str = "no router in this lab has that address",
) -> Finding:
    real = scene.tunnel_owner(address)
    what = f"{client.name} looks for its server at {nbma}, and {why}"
    moved = _moved(scene, client, nbma, real)
    if moved is not None:
        return moved
    if client.server is None or client.tunnel.destination == nbma:
        hub = next((other for other in _hubs(scene, client)), None)
        right = tunnel_lines.DESTINATION.of(address=hub or Blank("address"))
        return Finding(
            step=_STEP,
            cause=Cause.WRONG_DESTINATION,
            router=client.name,
            what=what,
            evidence=(f"{client.name}: tunnel destination {nbma}",),
            fix=(INTERFACE.of(name=client.tunnel.name), right),
        )
    if real is None and _has_all_others(scene, client):
        more = f"and no router has the tunnel address {address}. No user notices it now: all servers serve it"
        return Finding(step=_STEP, cause=Cause.NHS_NBMA, router=client.name, what=f"{what}, {more}", advice=True)
    fix = server_lines(client, real[1].source if real is not None else None)
    more = f"; {address} is {real[0]}, whose NBMA address is {real[1].source}" if real is not None else ""
    return Finding(step=_STEP, cause=Cause.NHS_NBMA, router=client.name, what=what + more, fix=fix)


def _has_all_others(scene: Scene, client: Client) -> bool:
    """Return whether a router is registered with all servers of similar routers: a further one may not exist yet."""
    mine = [one for one in scene.clients(client.name) if one.hub not in ("", client.name)]
    lacks = any(isinstance(one, Finding) and one.router == client.name for one in servers.missing_servers(scene))
    return bool(mine) and all(one.works for one in mine) and not lacks


def _moved(scene: Scene, client: Client, nbma: Address, real: tuple[str, TunnelFacts] | None) -> Finding | None:
    """Return the finding that a server is not at the address that all of its clients use, on whose wire the
    address is.
    """
    address = client.server.address if client.server is not None else None
    seeking = [one for one in scene.clients() if one.server is not None and one.server.address == address]
    facts = scene.of(real[0]) if real is not None else None
    if real is None or facts is None or len({one.name for one in seeking}) < _MANY:
        return None
    port = interface_of(facts, real[1].source_interface)
    near = next((own for own in (port.addresses if port is not None else ()) if nbma in own.network), None)
    if near is None or port is None or any(one.nbma != nbma for one in seeking):
        return None
    return Finding(
        step=_STEP,
        cause=Cause.NHS_NBMA,
        router=real[0],
        what=f"all clients of {real[0]} look for it at {nbma}, and the address of its {port.name} is {near.ip}",
        evidence=tuple(f"{one.name}: {address} is at {nbma}" for one in seeking[:_MANY]),
        fix=(INTERFACE.of(name=port.name), address_line(nbma, near.network)),
        others=tuple(one.name for one in seeking),
    )


def _hubs(scene: Scene, client: Client) -> Iterator[Address]:
    """Yield possible far ends of a point-to-point tunnel: a tunnel that leads here; a server that other clients use."""
    others = [other for other in scene.clients() if other.name != client.name]
    for other in others:
        if other.tunnel.destination == client.tunnel.source and other.tunnel.source is not None:
            yield other.tunnel.source
    for other in others:
        if other.there is not None and other.nbma not in (None, client.tunnel.source):
            yield other.nbma


def _other_router(scene: Scene, client: Client, nbma: Address, address: Address | None) -> Iterator[Verdict]:
    facts = client.hub_facts
    real = scene.tunnel_owner(address)
    if facts is None:
        return
    if real is not None and real[0] != client.hub and real[1].source is not None:
        cause = Cause.NHS_NBMA if client.tunnel.destination != nbma else Cause.WRONG_DESTINATION
        what = f"{nbma} is {client.hub}, and the server {address} is {real[0]}, whose NBMA address is {real[1].source}"
        right = server_lines(client, real[1].source)
        if cause is Cause.WRONG_DESTINATION:
            right = (INTERFACE.of(name=client.tunnel.name), tunnel_lines.DESTINATION.of(address=real[1].source))
        yield Finding(step=_STEP, cause=cause, router=client.name, what=what, fix=right)
    elif real is not None and facts.tunnels:
        mine = real[1]
        what = f"{client.hub} has {nbma}, but its {mine.name} leaves from {mine.source_interface} ({mine.source})"
        port = next(
            (it.name for it in facts.interfaces for each in it.addresses if each.ip == nbma), Blank("interface")
        )
        yield Finding(
            step=Step.LINE,
            cause=Cause.WRONG_SOURCE,
            router=client.hub,
            what=what,
            fix=(INTERFACE.of(name=mine.name), tunnel_lines.SOURCE.of(interface=port)),
        )
    else:
        what = f"{client.hub} has {nbma}, but no tunnel with that source"
        yield Finding(step=Step.GRE, cause=Cause.NO_TUNNEL_THERE, router=client.hub, what=what)


def server_lines(client: Client, nbma: Address | None) -> tuple[str, ...]:
    """Return the lines with the server's address, in the form that this router uses."""
    address = client.server.address if client.server is not None else None
    interface, right = INTERFACE.of(name=client.tunnel.name), nbma or Blank("address")
    written = map_statements(client.facts, client.tunnel.name, address)
    if written and address is not None:
        return (interface, f"no {written[0].text}", nhrp_lines.mapping(address, right))
    return (interface, nhrp_lines.server(address, right))
