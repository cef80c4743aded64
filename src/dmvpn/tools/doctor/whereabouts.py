"""Checks whether a router looks for its server where that is: whose the NBMA address of the server is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import translators
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.router.facts import TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP = Step.UNDERLAY
#: Clients that have to agree before a server is wrong.
_MANY: Final = 2


def server_address(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check whose the NBMA address of the server is."""
    nbma = client.nbma
    address = client.server.address if client.server is not None else None
    if nbma is None:
        if client.server is not None and not client.server.responding:
            what = f"{client.name} does not know the NBMA address of its next hop server {address or ''}".rstrip()
            line = f"ip nhrp nhs {address or 'dynamic'} nbma ADDRESS multicast"
            yield Finding(
                step=Step.REGISTRATION,
                cause=Cause.NHS_NBMA,
                router=client.name,
                what=what,
                fix=(f"interface {client.tunnel.name}", line),
            )
        return
    for name, gateway in scene.lab.gateways.items():
        if gateway.public == nbma:
            what = f"{nbma} is the public address of {name}: what comes there unasked is for nobody inside"
            yield Finding(step=_STEP, cause=Cause.SERVER_BEHIND_NAT, router=client.name, what=what)
            return
    if client.hub == client.name:
        yield _itself(scene, client)
        return
    inside = translators.hiding(scene, client)
    if inside and (client.name, client.tunnel.name) not in scene.servers():
        yield _nobody(scene, client, nbma, address, f"that is an address behind {inside}, which nobody outside reaches")
    elif not client.hub and not scene.dead() and not _leads_outside(scene, client):
        yield _nobody(scene, client, nbma, address)
    elif client.hub and client.there is None:
        yield from _other_router(scene, client, nbma, address)


def _leads_outside(scene: Scene, client: Client) -> bool:
    """Return whether a tunnel of two ends leads to one that is not in view: nobody here is its other end."""
    if client.server is not None or client.tunnel.nhrp:
        return False
    port = interface_of(client.facts, client.tunnel.name)
    networks = [own.network for own in (port.addresses if port is not None else ())]
    others = [tunnel for name, facts in scene.alive() if name != client.name for tunnel in facts.tunnels]
    near = any(own in network for one in others for own in one.addresses for network in networks)
    return not near and all(one.destination != client.tunnel.source for one in others)


def _itself(scene: Scene, client: Client) -> Finding:
    """Return a router that is to register with itself; the others know better."""
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
    section = (f"interface {client.tunnel.name}",)
    written = [line for line in client.facts.configuration if line.strip().startswith("ip nhrp nhs ")]
    wrong = [f"no {line.strip()}" for line in written if str(client.nbma) in line.split()]
    right = (
        [f"ip nhrp nhs {known.server.address} nbma {known.nbma} multicast"]
        if known is not None and known.server is not None
        else []
    )
    return Finding(
        step=Step.REGISTRATION,
        cause=Cause.NHS_ADDRESS,
        router=client.name,
        what=f"{client.name} looks for its server at {client.nbma}, and that is {client.name} itself",
        evidence=tuple(f"{client.name}: {line.removeprefix('no ')}" for line in wrong),
        fix=(*section, *wrong, *right) if wrong else (),
    )


def _named(client: Client) -> object:
    return client.server.address if client.server is not None else None


def _nobody(
    scene: Scene,
    client: Client,
    nbma: Address,
    address: Address | None,
    why: str = "nobody in this lab has that address",
) -> Finding:
    real = scene.tunnel_owner(address)
    what = f"{client.name} looks for its server at {nbma}, and {why}"
    moved = _moved(scene, client, nbma, real)
    if moved is not None:
        return moved
    if client.server is None or client.tunnel.destination == nbma:
        hub = next((other for other in _hubs(scene, client)), None)
        right = f"tunnel destination {hub or 'ADDRESS'}"
        return Finding(
            step=_STEP,
            cause=Cause.WRONG_DESTINATION,
            router=client.name,
            what=what,
            evidence=(f"{client.name}: tunnel destination {nbma}",),
            fix=(f"interface {client.tunnel.name}", right),
        )
    fix = server_lines(client, real[1].source if real is not None else None)
    more = f"; {address} is {real[0]}, whose NBMA address is {real[1].source}" if real is not None else ""
    return Finding(step=_STEP, cause=Cause.NHS_NBMA, router=client.name, what=what + more, fix=fix)


def _moved(scene: Scene, client: Client, nbma: Address, real: tuple[str, TunnelFacts] | None) -> Finding | None:
    """Return that a server is not where all of its clients look for it, whose wire the address belongs to."""
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
        fix=(f"interface {port.name}", f"ip address {nbma} {near.netmask}"),
        others=tuple(one.name for one in seeking),
    )


def _hubs(scene: Scene, client: Client) -> Iterator[Address]:
    """Yield where a point-to-point tunnel may lead: to one that leads here; to a server that others of this cloud
    use.
    """
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
            right = (f"interface {client.tunnel.name}", f"tunnel destination {real[1].source}")
        yield Finding(step=_STEP, cause=cause, router=client.name, what=what, fix=right)
    elif real is not None and facts.tunnels:
        mine = real[1]
        what = f"{client.hub} has {nbma}, but its {mine.name} leaves from {mine.source_interface} ({mine.source})"
        port = next((it.name for it in facts.interfaces for each in it.addresses if each.ip == nbma), "INTERFACE")
        yield Finding(
            step=Step.LINE,
            cause=Cause.WRONG_SOURCE,
            router=client.hub,
            what=what,
            fix=(f"interface {mine.name}", f"tunnel source {port}"),
        )
    else:
        what = f"{client.hub} has {nbma}, but no tunnel with that source"
        yield Finding(step=Step.GRE, cause=Cause.NO_TUNNEL_THERE, router=client.hub, what=what)


def server_lines(client: Client, nbma: Address | None) -> tuple[str, ...]:
    """Return what says where the server is, in the way that this router says it."""
    address = client.server.address if client.server is not None else None
    family = "ip" if address is None or address.version == 4 else "ipv6"
    interface = f"interface {client.tunnel.name}"
    written = [line for line in client.facts.configuration if line.strip().startswith(f"{family} nhrp map {address} ")]
    if written:
        return (interface, f"no {written[0].strip()}", f"{family} nhrp map {address} {nbma or 'ADDRESS'}")
    return (interface, f"{family} nhrp nhs {address} nbma {nbma or 'ADDRESS'} multicast")
