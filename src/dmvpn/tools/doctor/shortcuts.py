"""Checks of phase 3: redirect at the hub, resolution, and shortcut at the spokes."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.routing import interface_lines
from dmvpn.tools.doctor.scene import lines_of
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.facts import Address
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Tunnels that have to agree before one that does not is the odd one.
_ENOUGH_OTHERS: Final = 2
#: In an address of IPv4.
_DOTS: Final = 3


def redirects(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that a hub sends redirects if spokes that take shortcuts send it what is for others."""
    there = client.there
    if there is None or not client.tunnel.shortcuts or not client.tunnel.multipoint or not scene.fellows(client):
        return
    if there.redirects:
        yield Fine(Step.REDIRECT, f"{client.hub} sends redirects")
        return
    if not _sends_by_hub(scene, client):
        return
    yield Finding(
        step=Step.REDIRECT,
        cause=Cause.REDIRECT,
        router=client.hub,
        what=f"{client.hub} sends no redirects: {client.name} would take shortcuts, and never hears of one",
        evidence=(f"{client.name}: ip nhrp shortcut", f"{client.hub}: no ip nhrp redirect"),
        fix=(f"interface {there.name}", "ip nhrp redirect"),
    )


def takers(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that a client of a hub that redirects takes shortcuts, if any of its kind does.

    Hubs are clients of hubs, too.
    """
    there, tunnel = client.there, client.tunnel
    if there is None or not there.redirects:
        return
    alike = (one for one in scene.fellows(client) if one.tunnel.redirects is tunnel.redirects)
    others = [one for one in alike if one.tunnel.shortcuts and one.tunnel.multipoint]
    if not others:
        return
    if tunnel.destination is not None and not tunnel.shortcuts:
        yield Fine(Step.SHORTCUT, f"{client.name} is point-to-point: all goes by {client.hub}")
    elif tunnel.destination is not None:
        yield Finding(
            step=Step.SHORTCUT,
            cause=Cause.SPOKE_POINT_TO_POINT,
            router=client.name,
            what=f"{tunnel.name} of {client.name} is to take shortcuts, and leads to {client.hub} alone",
            evidence=(f"{client.name}: tunnel destination {tunnel.destination}", *_unresolved(others)),
            fix=(f"interface {tunnel.name}", "no tunnel destination", "tunnel mode gre multipoint"),
        )
    elif not tunnel.shortcuts:
        yield Finding(
            step=Step.SHORTCUT,
            cause=Cause.SHORTCUT,
            router=client.name,
            what=f"{client.name} takes no shortcuts; {client.hub} sends redirects, and {others[0].name} takes them",
            evidence=(f"{client.name}: no ip nhrp shortcut", f"{client.hub}: ip nhrp redirect"),
            fix=(f"interface {tunnel.name}", "ip nhrp shortcut"),
        )
    elif not any(lines_of(client.facts, f"interface {tunnel.name}", "ip nhrp server-only")):
        yield Fine(Step.SHORTCUT, f"{client.name} takes shortcuts")


def askers(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that a client that may send to others directly asks where they are: in phase 2 for next hops, in 3 for
    shortcuts.
    """
    tunnel = client.tunnel
    section = f"interface {tunnel.name}"
    mute = list(lines_of(client.facts, section, "ip nhrp server-only")) if tunnel.multipoint else []
    if not mute or not any(one.tunnel.multipoint for one in scene.fellows(client)):
        return
    yield Finding(
        step=Step.SHORTCUT,
        cause=Cause.SHORTCUT,
        router=client.name,
        what=f"{client.name} sends all that is for others by {client.hub}, and asks nobody where they are",
        evidence=(f"{client.name}: {mute[0]}",),
        fix=(section, *(f"no {line}" for line in mute)),
    )


def next_hops(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the hub tells spokes each other's next hops where they have multipoint tunnels and no shortcuts (phase
    2).
    """
    there, hub = client.there, client.hub_facts
    if there is None or hub is None or there.redirects:
        return
    some = [one for one in (client, *scene.fellows(client)) if one.tunnel.multipoint and not one.tunnel.shortcuts]
    for process in hub.eigrp if len({one.name for one in some}) > 1 else ():
        own = next((one for one in process.interfaces if one.name == there.name), None)
        if own is None or own.split_horizon:
            continue
        if not own.next_hop_self:
            yield from _summary(scene, client, hub)
            continue
        yield Finding(
            step=Step.REDIRECT,
            cause=Cause.NEXT_HOP_SELF,
            router=client.hub,
            what=(
                f"{client.hub} says of all that it tells that it is the next hop, and sends no redirects: spokes with "
                "multipoint tunnels send everything by it"
            ),
            evidence=(f"{client.hub}: {there.name} with next-hop-self, and no ip nhrp redirect",),
            fix=interface_lines(process, there.name, "no next-hop-self", "no ip next-hop-self eigrp AS"),
        )
    if hub.bgp.local_as and len({one.name for one in some}) > 1:
        yield from _told_as_one(scene, client, _aggregates(hub))


def _summary(scene: Scene, client: Client, hub: RouterFacts) -> Iterator[Verdict]:
    """Yield what EIGRP of the hub sums up."""
    yield from _told_as_one(scene, client, _summary_lines(hub, client.there.name if client.there is not None else ""))


def _aggregates(facts: RouterFacts) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what BGP tells in the place of what is inside it."""
    section = f"router bgp {facts.bgp.local_as}"
    for line in lines_of(facts, section, "aggregate-address "):
        if line.endswith(" summary-only"):
            yield (section, "address-family ipv4"), line


def _told_as_one(scene: Scene, client: Client, lines: Iterable[tuple[tuple[str, ...], str]]) -> Iterator[Verdict]:
    """Check networks that are told in the place of those inside them: of these the hub is the next hop."""
    lans = [site[1] for one in scene.fellows(client) if (site := scene.site_of(one.name, one.facts)) is not None]
    for trail, line in lines:
        address, mask = [word for word in line.split() if word.count(".") == _DOTS][:2]
        inside = [lan for lan in lans if lan in ip_network(f"{address}/{mask}")]
        if not any(_is_sent_by(client, lan) for lan in inside):
            continue
        yield Finding(
            step=Step.REDIRECT,
            cause=Cause.NEXT_HOP_SELF,
            router=client.hub,
            what=(
                f"{client.hub} tells of {address} {mask} instead of the LANs inside it, and sends no redirects: spokes "
                "with multipoint tunnels send everything by it"
            ),
            evidence=(f"{client.hub}: {' / '.join((*trail, line))}",),
            fix=(*trail, f"no {line}"),
        )


def _summary_lines(facts: RouterFacts, tunnel: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what EIGRP sums up on a tunnel, each line with those that lead to its section."""
    trail: list[str] = []
    for text in facts.configuration:
        del trail[len(text) - len(text.lstrip()) :]
        line = text.strip()
        is_such = line.startswith(("summary-address ", "ip summary-address eigrp "))
        if is_such and trail and trail[-1] in (f"interface {tunnel}", f"af-interface {tunnel}") and _ends_in_mask(line):
            yield tuple(trail), line
        trail.append(line)


def _ends_in_mask(line: str) -> bool:
    """Return whether it has no distance of its own behind the network."""
    return all(word.count(".") == 3 for word in line.split()[-2:])


def _is_sent_by(client: Client, lan: Address) -> bool:
    """Return whether a client sends what is for this LAN to its server."""
    route = next(iter(client.facts.routes_to(lan)), None)
    there = client.there.addresses if client.there is not None else ()
    return route is not None and any(hop.address in there for hop in route.next_hops)


def _sends_by_hub(scene: Scene, client: Client) -> bool:
    """Return whether routing has the server as next hop for the LAN of another client.

    In phase 2 the next hop is that client, which is asked for; shortcuts that are there already are no routing.
    """
    there = client.there.addresses if client.there is not None else ()
    fellows = [one for one in scene.fellows(client) if one.tunnel.multipoint]
    lans = [site[1] for one in fellows if (site := scene.site_of(one.name, one.facts)) is not None]
    ways = [[route for route in client.facts.routes_to(lan) if route.source != "nhrp"][:1] for lan in lans]
    return any(hop.address in there for way in ways for route in way for hop in route.next_hops)


def _unresolved(clients: list[Client]) -> tuple[str, ...]:
    return tuple(
        f"{client.name}: {mapping.target} is not resolved: {mapping.reason}"
        for client in clients
        for mapping in client.tunnel.mappings
        if mapping.kind == "incomplete" and mapping.reason
    )[:2]


def small(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that a tunnel takes as large packets as those of all others do: of a client, and of its server."""
    there, clients = client.there, [client, *scene.fellows(client)]
    others = [one.tunnel.ip_mtu for one in scene.fellows(client)]
    others += [there.ip_mtu] if there is not None else []
    yield from _smaller(client.name, client.facts, client.tunnel, others)
    if there is not None and client.hub_facts is not None:
        yield from _smaller(client.hub, client.hub_facts, there, [one.tunnel.ip_mtu for one in clients])


def _smaller(name: str, facts: RouterFacts, tunnel: TunnelFacts, others: list[int]) -> Iterator[Verdict]:
    usual = min(others, default=0)
    if len(others) < _ENOUGH_OTHERS or tunnel.ip_mtu >= usual or tunnel.room < usual:
        return
    section = f"interface {tunnel.name}"
    mss = next((line for line in lines_of(facts, section, "ip tcp adjust-mss ")), "")
    clamp = (f"ip tcp adjust-mss {usual - 40}",) if mss and tunnel.ip_mtu + 40 < usual else ()
    yield Finding(
        step=Step.GRE,
        cause=Cause.MTU,
        router=name,
        what=f"{tunnel.name} of {name} takes {tunnel.ip_mtu} octets, all others {usual} and more",
        evidence=(f"{name}: ip mtu {tunnel.ip_mtu}",),
        fix=(section, f"ip mtu {usual}", *clamp),
        stops=False,
    )


def clamped(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that TCP is told what a tunnel carries: where others of the network do so, one that does not was
    forgotten.
    """
    there = client.there
    if there is None:
        return
    tunnels = {(name, tunnel.name): tunnel for name, facts in scene.alive() for tunnel in facts.tunnels if tunnel.nhrp}
    usual = sorted({tunnel.mss for tunnel in tunnels.values() if tunnel.mss is not None})
    for name, tunnel in ((client.name, client.tunnel), (client.hub, there)):
        right = min(usual[-1] if usual else tunnel.ip_mtu, tunnel.ip_mtu - 40)
        if tunnel.mss is None:
            yield Finding(
                step=Step.GRE,
                cause=Cause.MSS,
                router=name,
                what=f"{tunnel.name} of {name} does not clamp TCP: full segments of hosts (1500 octets) do not fit",
                evidence=(f"{name}: ip mtu {tunnel.ip_mtu}, no ip tcp adjust-mss",),
                fix=(f"interface {tunnel.name}", f"ip tcp adjust-mss {right}"),
                advice=not usual,
                stops=False,
            )
        elif tunnel.mss + 40 > tunnel.ip_mtu:
            yield Finding(
                step=Step.GRE,
                cause=Cause.MSS,
                router=name,
                what=f"{tunnel.name} of {name} clamps TCP to {tunnel.mss}, with an ip mtu of {tunnel.ip_mtu}",
                evidence=(f"{name}: ip mtu {tunnel.ip_mtu}, ip tcp adjust-mss {tunnel.mss}",),
                fix=(f"interface {tunnel.name}", f"ip tcp adjust-mss {tunnel.ip_mtu - 40}"),
                stops=False,
            )
