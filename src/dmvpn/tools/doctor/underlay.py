"""Checks of the underlay: routers that run, interfaces, masks, and the way between the NBMA addresses."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

from dmvpn.features.tunnel.reasons import TunnelReason
from dmvpn.shells.lab_model import INSIDE
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import lans, overtold, own, tracks
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step
from dmvpn.tools.doctor.way import End, Way, best_route, way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address, AddressWithLength
    from dmvpn.features.interface.facts import InterfaceFacts
    from dmvpn.features.rib.facts import RouteFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP = Step.UNDERLAY
#: Clients that have to agree before a server is wrong.
_MANY: Final = 2


# ---------------------------------------------------------------------------------------------------- a router


def dead_routers(scene: Scene) -> Iterator[Verdict]:
    """Find those that do not run."""
    for name in scene.dead():
        what = f"{name} is not running"
        yield Finding(step=_STEP, cause=Cause.ROUTER_DEAD, router=name, what=what, order=f"dmvpn lab start {name}")


def cut_wires(scene: Scene) -> Iterator[Verdict]:
    """Find wires that the lab says are cut."""
    for link in scene.lab.links:
        if link.cut:
            nodes = [node for node, _ in link.ends]
            node, port = link.ends[0]
            yield Finding(
                step=_STEP,
                cause=Cause.LINK_CUT,
                router=_a_router(scene, nodes),
                what=f"the link {link.name} is cut",
                evidence=("the lab says so",),
                order=f"dmvpn lab impair {node}:{port}",
            )


def _a_router(scene: Scene, nodes: list[str]) -> str:
    """Return the one of these that is no provider, if there is one."""
    return next((node for node in nodes if node not in scene.lab.providers), nodes[0])


def interfaces(scene: Scene) -> Iterator[Verdict]:
    """Find interfaces that are plugged in, and shut down or without address."""
    for name, facts in scene.alive():
        wired = list(scene.underlay_wires(name)) if scene.lab.links else list(_sources(facts))
        for interface in wired:
            if not interface.enabled:
                yield Finding(
                    step=_STEP,
                    cause=Cause.INTERFACE_SHUTDOWN,
                    router=name,
                    what=f"{interface.name} of {name} is shut down",
                    evidence=(f"{name}: {interface.name} is administratively down",),
                    fix=(f"interface {interface.name}", "no shutdown"),
                )
            elif not interface.addresses and (
                name in scene.lab.providers or any(one.source_interface == interface.name for one in facts.tunnels)
            ):
                whose = "to which somebody is wired" if name in scene.lab.providers else "from which a tunnel leaves"
                yield Finding(
                    step=_STEP,
                    cause=Cause.NO_ADDRESS,
                    router=name,
                    what=f"{interface.name} of {name}, {whose}, has no address",
                    fix=own.wire_lines(scene, name) or (f"interface {interface.name}", "ip address ADDRESS MASK"),
                )


def _sources(facts: RouterFacts) -> Iterator[InterfaceFacts]:
    for tunnel in facts.tunnels:
        found = interface_of(facts, tunnel.source_interface)
        if found is not None:
            yield found


def masks(scene: Scene) -> Iterator[Verdict]:
    """Check that both ends of a wire have the same network."""
    for link in scene.lab.links:
        ends = [(node, port, each) for node, port in link.ends for each in _addresses(scene, node, port)]
        for (one, port, mine), (other, _, theirs) in combinations(ends, 2):
            if one == other or mine.version != theirs.version or mine.network == theirs.network:
                continue
            if not mine.network.overlaps(theirs.network):
                continue
            name, at, wrong, right = (
                (one, port, mine, theirs)
                if one not in scene.lab.providers and one not in scene.lab.hosts
                else (other, "", theirs, mine)
            )
            at = at or next(end for node, end in link.ends if node == other)
            yield Finding(
                step=_STEP,
                cause=Cause.WRONG_MASK,
                router=name,
                what=f"{at} of {name} has {wrong}, and the other end of the wire is {right}: one mask is wrong",
                evidence=(f"{name}: {wrong}", f"the other end: {right}"),
                fix=(f"interface {at}", f"ip address {wrong.ip} {right.network.netmask}"),
            )


def _addresses(scene: Scene, node: str, port: str) -> tuple[AddressWithLength, ...]:
    facts, host = scene.of(node), scene.lab.hosts.get(node)
    if host is not None:
        return (host.address,)
    found = interface_of(facts, port) if facts is not None else None
    return found.addresses if found is not None else ()


def conflicts(scene: Scene) -> Iterator[Verdict]:
    """Check that no two routers have one underlay address, nor one LAN."""
    seen: list[tuple[str, str, AddressWithLength]] = []
    for name, facts in scene.alive():
        tunnels = {tunnel.name for tunnel in facts.tunnels}
        for interface in facts.interfaces:
            if interface.name not in tunnels and not interface.name.startswith("Loopback"):
                seen += [(name, interface.name, one) for one in interface.addresses if not one.ip.is_link_local]
    strange = set(lans.strangers(scene))
    for (one, port, mine), (other, there, theirs) in combinations(seen, 2):
        if one == other or mine.version != theirs.version or not mine.network.overlaps(theirs.network):
            continue
        link = scene.link((one, port))
        if link is not None and (other, there) in link.ends:
            if mine.ip == theirs.ip:
                yield _same(scene, (one, port, mine), (other, there, theirs))
            continue
        if {(one, port), (other, there)} & strange:
            continue
        same_address = mine.ip == theirs.ip and not {one, other} & set(scene.lab.providers)
        if same_address or (mine.network == theirs.network and not _is_nat(scene, one, other)):
            yield _twice(scene, (one, port, mine), (other, there, theirs))


def _same(scene: Scene, one: tuple[str, str, AddressWithLength], other: tuple[str, str, AddressWithLength]) -> Finding:
    """Return that both ends of a wire have one address; a provider's is right."""
    (name, port, mine), (far, _, _) = (other, one) if one[0] in scene.lab.providers else (one, other)
    return Finding(
        step=_STEP,
        cause=Cause.NBMA_CONFLICT,
        router=name,
        what=f"{port} of {name} has {mine.ip}, which is that of {far} at the other end of its wire",
        evidence=(f"{name}: {port} {mine}",),
        fix=own.wire_lines(scene, name) or (f"interface {port}", "ip address ADDRESS MASK"),
        others=(far,),
    )


def taken(scene: Scene) -> Iterator[Verdict]:
    """Check that no loopback has the address that another router's tunnel leaves from: it would take those packets for
    its own.
    """
    sources = {
        tunnel.source: (name, tunnel) for name, facts in scene.alive() for tunnel in facts.tunnels if tunnel.source
    }
    for name, facts in scene.alive():
        own_sources = {tunnel.source for tunnel in facts.tunnels}
        for interface in facts.interfaces:
            for mine in interface.addresses if interface.name.startswith("Loopback") else ():
                if mine.ip not in sources or mine.ip in own_sources:
                    continue
                other, tunnel = sources[mine.ip]
                yield Finding(
                    step=_STEP,
                    cause=Cause.NBMA_CONFLICT,
                    router=name,
                    what=f"{interface.name} of {name} has {mine.ip}, which {tunnel.name} of {other} leaves from",
                    evidence=(f"{name}: {interface.name} {mine}", f"{other}: tunnel source {mine.ip}"),
                    fix=(f"interface {interface.name}", f"no ip address {mine.ip} {mine.netmask}"),
                    others=(other,),
                )


def _is_nat(scene: Scene, one: str, other: str) -> bool:
    """Return whether it is a translator: behind these everybody may have the same network."""
    inside = {node for link in scene.lab.links for node, _ in link.ends if any(p == "inside" for _, p in link.ends)}
    return one in inside and other in inside


def _twice(scene: Scene, one: tuple[str, str, AddressWithLength], other: tuple[str, str, AddressWithLength]) -> Finding:
    (a, port, mine), (b, there, theirs) = one, other
    what = f"{a} ({port}) and {b} ({there}) both have the network {mine.network}: packets for it find only one of them"
    fix = (f"interface {port}", "ip address ANOTHER-NETWORK MASK")
    return Finding(
        step=Step.ROUTING if _is_lan(scene, a, port) else _STEP,
        cause=Cause.LAN_OVERLAP if _is_lan(scene, a, port) else Cause.NBMA_CONFLICT,
        router=a,
        what=what,
        evidence=(f"{a}: {port} {mine}", f"{b}: {there} {theirs}"),
        fix=fix,
        others=(b,),
    )


def _is_lan(scene: Scene, name: str, port: str) -> bool:
    facts = scene.of(name)
    return facts is not None and all(tunnel.source_interface != port for tunnel in facts.tunnels)


# ---------------------------------------------------------------------------------------------------- a pair


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
    inside = _translator_of(scene, client)
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


def _translator_of(scene: Scene, client: Client) -> str:
    """Return the translator that hides the server's NBMA address from this client, or ""."""
    mine = scene.gateway_of(client.name, client.tunnel.source_interface)
    return next((name for name, it in scene.lab.gateways.items() if name != mine and client.nbma in it.private), "")


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


def ways(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check the routes from end to end, there and back."""
    if client.nbma is None or not client.hub or _translator_of(scene, client):
        return
    if client.tunnel.reason.is_one(TunnelReason.VRF):
        return  # its ways are in a table of their own, which is said of the tunnel
    there = way(scene, client.name, client.nbma)
    if there.end not in (End.ARRIVED, End.UNSEEN):
        yield from _broken(scene, client, there, client.nbma, client.name)
        return
    back_to = scene.seen_as(client)
    if back_to is None or client.hub_facts is None:
        return
    back = way(scene, client.hub, back_to)
    if back.end in (End.ARRIVED, End.UNSEEN):
        if back.end is End.ARRIVED:
            yield Fine(_STEP, f"routes lead from {client.name} to {client.nbma} ({client.hub}), and back to {back_to}")
        return
    egress = best_route(client.facts, client.nbma)
    leaves = egress.next_hops[0].interface if egress is not None and egress.next_hops else ""
    plugged = scene.link((client.name, client.tunnel.source_interface)) is not None
    by_tunnel = any(tunnel.name == leaves for tunnel in client.facts.tunnels)
    if plugged and leaves and leaves != client.tunnel.source_interface and not by_tunnel:
        yield Finding(
            step=Step.LINE,
            cause=Cause.WRONG_SOURCE,
            router=client.name,
            what=(
                f"{client.tunnel.name} of {client.name} leaves from {client.tunnel.source_interface} ({back_to}), "
                f"which nobody outside reaches; packets to {client.hub} leave by {leaves}"
            ),
            evidence=(f"{back.at}: {back.end.value} to {back_to}",),
            fix=(f"interface {client.tunnel.name}", f"tunnel source {leaves}"),
        )
        return
    yield from _broken(scene, client, back, back_to, client.hub)


def _broken(scene: Scene, client: Client, found: Way, target: Address, start: str) -> Iterator[Verdict]:
    """Yield what the end of a way means."""
    at, blame = found.at, found.blame or found.at
    evidence = (f"from {start} to {target}: {found.end.value} at {at}",)
    fix: tuple[str, ...]
    match found.end:
        case End.NO_ROUTE:
            gone = tracks.withdrawn(scene, at, target, evidence, _STEP)
            if gone is not None:
                yield gone
                return
            if _has_it_written(scene, at, target):
                return  # the route went with its interface, and that is a finding of its own
            what, cause, fix = f"{at} has no route to {target}", Cause.MISSING_ROUTE, _route(scene, at, target)
        case End.DROPPED:
            prefix = found.route.prefix if found.route is not None else target
            what, cause = f"{at} drops what is for {target}: {prefix} leads to Null0", Cause.BLACK_HOLE
            fix = _without(scene, at, found, target)
        case End.NOBODY:
            what, cause, fix = _nobody_there(scene, found, target)
        case End.TUNNEL if told := overtold.by_owner(scene, found, target):
            yield told
            return
        case End.TUNNEL:
            what = f"the route of {at} to {target} leads through a tunnel, whose packets need that very route"
            cause, fix = Cause.RECURSION, _without(scene, at, found, target)
        case End.DEAD:
            what, cause, fix = f"{blame}, on the way from {start} to {target}, does not run", Cause.ROUTER_DEAD, ()
        case End.SHUT:
            what, cause, fix = f"the interface of {blame} towards {at} is shut down", Cause.INTERFACE_SHUTDOWN, ()
        case _:
            blame, fix = _turning(scene, found, target)
            what = f"the way from {start} to {target} is a loop, and a static route of {blame} leads back"
            cause = Cause.WRONG_NEXT_HOP
    yield Finding(
        step=_STEP,
        cause=cause,
        router=blame,
        what=what,
        evidence=evidence,
        fix=fix,
        order=f"dmvpn lab start {blame}" if cause is Cause.ROUTER_DEAD else "",
    )


def _turning(scene: Scene, found: Way, target: Address) -> tuple[str, tuple[str, ...]]:
    """Return who on a loop has a route of its own for just this, and the lines that make it go."""
    names = dict.fromkeys(node for wire in found.wires for node, _ in wire)
    routes = [
        (name, route)
        for name in names
        if (facts := scene.of(name)) is not None
        if (route := best_route(facts, target)) is not None and route.source == "static" and route.prefix.prefixlen
    ]
    longest = max(routes, key=lambda one: one[1].prefix.prefixlen, default=None)
    return (longest[0], without(scene, *longest)) if longest is not None else (found.at, ())


def _has_it_written(scene: Scene, at: str, target: Address) -> bool:
    """Return whether a route is configured, or comes with an address, and its interface is down."""
    facts = scene.of(at)
    down = [it for it in (facts.interfaces if facts is not None else ()) if not it.line]
    if any(target in own.network for it in down for own in it.addresses):
        return True  # the wire that it is on
    written = facts is not None and any(line.startswith("ip route 0.0.0.0 0.0.0.0 ") for line in facts.configuration)
    return written and any(not interface.line for interface in scene.underlay_wires(at))


def _route(scene: Scene, at: str, target: Address) -> tuple[str, ...]:
    """Return the line that is missing: a provider needs one for each network of others, everybody else a default
    route.
    """
    if at not in scene.lab.providers:
        line = f"ip route 0.0.0.0 0.0.0.0 {_gateway(scene, at) or 'NEXT-HOP'}"
        facts = scene.of(at)
        is_written = facts is not None and line in facts.configuration
        return (own.wire_lines(scene, at) if is_written else ()) or (line,)
    owner = scene.owner(target)
    near = (
        theirs.ip
        for link in scene.lab.links
        if at in {node for node, _ in link.ends}
        for node, port in link.ends
        if node == owner
        for theirs in _addresses(scene, node, port)
    )
    return (f"ip route {target} 255.255.255.255 {next(near, 'NEXT-HOP')}",)


def _nobody_there(scene: Scene, found: Way, target: Address) -> tuple[str, Cause, tuple[str, ...]]:
    at, route = found.at, found.route
    if route is not None and route.source == "connected":
        what = f"{at} takes {target} for its own wire ({route.prefix}), where nobody has it: its mask is too short"
        return what, Cause.WRONG_MASK, (f"interface {route.next_hops[0].interface}", "ip address ADDRESS MASK")
    gateway = _gateway(scene, at)
    prefix = f"{route.prefix.network_address} {route.prefix.netmask}" if route is not None else "0.0.0.0 0.0.0.0"
    what = f"{at} sends what is for {target} to {found.next_hop}, whom nobody is"
    wrong = f"no ip route {prefix} {found.next_hop}"
    if route is not None and len(route.next_hops) > 1:
        return f"{what}, in turn with others", Cause.WRONG_NEXT_HOP, (wrong,)
    return what, Cause.WRONG_NEXT_HOP, (wrong, f"ip route {prefix} {gateway or 'NEXT-HOP'}")


def without(scene: Scene, at: str, route: RouteFacts) -> tuple[str, ...]:
    """Return the lines that make a static route go."""
    facts = scene.of(at)
    prefix = f"ip route {route.prefix.network_address} {route.prefix.netmask} "
    return tuple(f"no {line}" for line in (facts.configuration if facts is not None else ()) if line.startswith(prefix))


def _without(scene: Scene, at: str, found: Way, target: Address) -> tuple[str, ...]:
    """Return the same; for a learned route, what keeps it away."""
    if found.route is None:
        return ()
    if found.route.source == "static":
        return without(scene, at, found.route)
    return (f"ip route {target} 255.255.255.255 {_gateway(scene, at) or 'NEXT-HOP'}",)


def _gateway(scene: Scene, name: str) -> Address | None:
    """Return whom a router should send to: the provider, or the translator, on its wire."""
    facts = scene.of(name)
    for interface in facts.interfaces if facts is not None else ():
        link = scene.link((name, interface.name))
        for node, port in link.ends if link is not None else ():
            if port == INSIDE and node in scene.lab.gateways:
                return scene.lab.gateways[node].inside
            if node in scene.lab.providers and node != name:
                return next((one.ip for one in _addresses(scene, node, port)), None)
    return None
