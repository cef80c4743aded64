"""The path of a packet through the underlay, by routes and wires; where packets are lost, and of what size.

Both ends of a wire count packets. Packets that one end sent and the other end did not receive between two samples were
lost on this wire. Loss in both directions is a cut; loss in one direction is a filter or a translator that drops
packets.

Packets of full size are lost on one wire. If those of all clients of a server are lost, the wire is at the server; if
those of only one client are lost, it is at the client. With a single client, pings to the two gateways decide.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.breath import breathe
from dmvpn.base.facts import Address
from dmvpn.base.findings import Cause
from dmvpn.base.values import Value
from dmvpn.features.rib.facts import HopFacts, RouteFacts
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.ios import INTERFACE
from dmvpn.ios.common import IP_MTU
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.shells.lab_model import INSIDE
from dmvpn.tools.doctor.configuration import device, texts
from dmvpn.tools.doctor.scene import Client, Port, ProbePurpose, ProbeResult, Scene, interface_of
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step, Verdict
from dmvpn.tools.lint.rules.tunnels import HEADERS, LEAST, mtu_line

#: Routers on one path; more is a loop.
_LONGEST = 16


class PathEnd(enum.Enum):
    """The end of a path."""

    ARRIVED = "arrived"
    NO_ROUTE = "no route"
    DROPPED = "dropped by a route to Null0"
    NOBODY = "no router has the next hop"
    DEAD = "the next router is dead"
    SHUT = "the next interface is shut down"
    TUNNEL = "the route leads through a tunnel"
    LOOP = "the way is a loop"
    UNSEEN = "it leaves the visible network"


class UnderlayPath(Value):
    """at: the router where it ends. next_hop: the missing receiver there. wires: ports passed, the senders' first.

    route: the last one. blame: the router that keeps the packet from going on, if that is not the one where it ends.
    vrf: the table of `at` that the packet was looked up in, "": the global table.
    """

    end: PathEnd
    at: str
    next_hop: Address | None = None
    wires: tuple[tuple[Port, Port], ...] = ()
    route: RouteFacts | None = None
    blame: str = ""
    vrf: str = ""


#: Routes with a distance like this one are backups for when all other routes are gone.
_LAST: Final = 250


def is_last_resort(route: RouteFacts) -> bool:
    """Return whether the route only drops packets without any other route, as a protection.

    `dmvpn lint` recommends such routes.
    """
    return route.drops and route.source == "static" and route.distance >= _LAST


def tunnels_of(facts: RouterFacts, route: RouteFacts | None) -> list[TunnelFacts]:
    """Return the tunnels that a route leads into."""
    ports = [hop.interface for hop in route.next_hops] if route is not None else []
    return [tunnel for tunnel in facts.tunnels if tunnel.name in ports]


def leads_nowhere(facts: RouterFacts, route: RouteFacts | None) -> bool:
    """Return whether an address at another site has no route but a default route or a last resort, past all tunnels."""
    is_rest = route is None or not route.prefix.prefixlen or is_last_resort(route)
    return is_rest and not tunnels_of(facts, route)


def best_route(facts: RouterFacts, target: Address, vrf: str | None = None) -> RouteFacts | None:
    """Return the route that a packet takes in a VRF; None: in the table that the facts show."""
    return next(iter(facts.routes_to(target, vrf)), None)


def trace(scene: Scene, router: str, target: Address, vrf: str = "") -> UnderlayPath:
    """Return the path from a VRF of a router, such as the front door of a tunnel, to an address of the underlay."""
    breathe()
    wires: tuple[tuple[Port, Port], ...] = ()
    at = router
    for _ in range(_LONGEST):
        facts = scene.facts(at)
        if facts is None:
            return UnderlayPath(PathEnd.DEAD, at, wires=wires, blame=at)
        target = scene.station(at, target) or target
        if any(one.ip == target for it in facts.interfaces if it.vrf == vrf for one in it.addresses):
            return UnderlayPath(PathEnd.ARRIVED, at, wires=wires, vrf=vrf)
        route = best_route(facts, target, vrf)
        if route is None:
            return UnderlayPath(PathEnd.NO_ROUTE, at, wires=wires, vrf=vrf)
        if route.drops or not route.next_hops:
            return UnderlayPath(PathEnd.DROPPED, at, wires=wires, route=route, vrf=vrf)
        hop = route.next_hops[0]
        next_hop = hop.address if hop.address is not None else target
        if any(tunnel.name == hop.interface for tunnel in facts.tunnels):
            return UnderlayPath(PathEnd.TUNNEL, at, next_hop, wires, route, vrf=vrf)
        port = (at, hop.interface)
        link = scene.link(port)
        if link is None:
            return UnderlayPath(PathEnd.UNSEEN, at, next_hop, wires, route, vrf=vrf)
        taken = _taken(scene, port, link.ends, next_hop)
        if isinstance(taken, UnderlayPath):
            return UnderlayPath(taken.end, at, next_hop, wires, route, taken.blame, vrf)
        for other in route.next_hops[1:]:
            astray = _astray(scene, at, other)
            if astray is not None:
                return UnderlayPath(PathEnd.NOBODY, at, astray, wires, route, vrf=vrf)
        over, at = taken
        wires = (*wires, *over)
        vrf = scene.vrf_of(over[-1][1])
        if target == next_hop and at in scene.lab.gateways:
            station = scene.lab.gateways[at].inward.get(target) if isinstance(target, IPv4Address) else None
            link = scene.link((at, INSIDE))
            ends = link.ends if link is not None and station is not None else ()
            inside = next((end for end in ends if station in [one.ip for one in scene.addresses_at(*end)]), None)
            over = (((at, INSIDE), inside),) if inside is not None else ()
            return UnderlayPath(PathEnd.ARRIVED, inside[0] if inside is not None else at, wires=(*wires, *over))
    return UnderlayPath(PathEnd.LOOP, at, wires=wires)


def _astray(scene: Scene, at: str, hop: HopFacts) -> Address | None:
    """Return the next hop of a second equal-cost route, if no station on its wire has it."""
    link = scene.link((at, hop.interface))
    if link is None or hop.address is None:
        return None
    taken = _taken(scene, (at, hop.interface), link.ends, hop.address)
    return hop.address if isinstance(taken, UnderlayPath) and taken.end is PathEnd.NOBODY else None


def _taken(
    scene: Scene, port: Port, ends: Iterable[Port], next_hop: Address
) -> UnderlayPath | tuple[tuple[tuple[Port, Port], ...], str]:
    """Return the receiver on this wire: the wires up to there, and the next router; or why there is none."""
    others = [end for end in ends if end != port]
    for node, interface in others:
        facts = scene.facts(node)
        if facts is not None and (next_hop in facts.addresses.get(interface, ()) or scene.station(node, next_hop)):
            return ((port, (node, interface)),), node
        gateway = scene.lab.gateways.get(node)
        if gateway is not None and next_hop in gateway.publics:
            return ((port, (node, interface)),), node
        if gateway is not None and interface == "inside" and next_hop in gateway.private:
            return _through(scene, port, (node, interface))
    for node, interface in others:
        if node in scene.lab.routers and scene.facts(node) is None:
            return UnderlayPath(PathEnd.DEAD, node, blame=node)
        facts = scene.facts(node)
        if facts is not None and any(it.name == interface and not it.enabled for it in facts.interfaces):
            return UnderlayPath(PathEnd.SHUT, node, blame=node)
    return UnderlayPath(PathEnd.NOBODY, port[0])


def _through(scene: Scene, port: Port, inside: Port) -> UnderlayPath | tuple[tuple[tuple[Port, Port], ...], str]:
    """Go through a translator, which forwards by its outside wire, to the first router there."""
    link = scene.behind(inside[0])
    for end in link.ends if link is not None else ():
        if end[0] in scene.lab.routers:
            return ((port, inside), ((inside[0], "outside"), end)), end[0]
    return UnderlayPath(PathEnd.UNSEEN, inside[0])


# ------------------------------------------------------------------------------------------------ packet loss


#: Packets of a sample that are significant; a share of lost ones that exceeds the error of sampling.
_ENOUGH: Final = 4
_SHARE: Final = 0.1
#: Ends of an ordinary wire.
_TWO: Final = 2


class Direction(Value):
    """One direction of a wire between two samples. shared: its ends, if it has more than two: then counts are for all
    of them.
    """

    sender: Port
    receiver: Port
    sent: int
    received: int
    shared: tuple[Port, ...] = ()

    @property
    def lost(self) -> float:
        """The share of lost packets."""
        return max(0, self.sent - self.received) / self.sent if self.sent else 0.0

    @property
    def dead(self) -> bool:
        """Whether nothing arrives."""
        return self.sent >= _ENOUGH and self.received == 0

    def __str__(self) -> str:
        one, other = ":".join(self.sender), ":".join(self.receiver)
        if self.shared:
            ends = " and ".join(map(":".join, self.shared))
            return f"{ends} sent {self.sent} packets to each other, and received {self.received}"
        return f"{one} sent {self.sent} packets, {other} received {self.received}"


def probe_result(scene: Scene, kind: ProbePurpose, router: str, target: object = ...) -> ProbeResult | None:
    """Return the result of a probe, if it was run. target: ...: whichever it was."""
    for probe, outcome in scene.answers.items():
        if (probe.kind, probe.router) == (kind, router) and target in (..., probe.target) and outcome.tried:
            return outcome
    return None


def direction(scene: Scene, sender: Port, receiver: Port) -> Direction | None:
    """Return the traffic since the earlier sample, if both ends count. On a wire with more ends, between all of them.

    The counters there do not show the receiver.
    """
    link = scene.link(sender)
    every = link.ends if link is not None and receiver in link.ends else (sender, receiver)
    if len(every) > _TWO:
        counts = [_grown(scene, port) for port in every]
        known = [one for one in counts if one is not None]
        if len(known) < len(counts):
            return None
        return Direction(sender, receiver, sum(sent for _, sent in known), sum(came for came, _ in known), every)
    sent, received = _grown(scene, sender), _grown(scene, receiver)
    if sent is None or received is None:
        return None
    return Direction(sender, receiver, sent[1], received[0])


def _grown(scene: Scene, port: Port) -> tuple[int, int] | None:
    """Return packets received and sent since the earlier sample."""
    before = scene.earlier.routers.get(port[0]) if scene.earlier is not None else None
    now = scene.facts(port[0])
    if before is None or now is None:
        return None
    one, other = interface_of(before, port[1]), interface_of(now, port[1])
    if one is None or other is None or other.received < one.received or other.sent < one.sent:
        return None
    return other.received - one.received, other.sent - one.sent


def losses(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check whether pings between the NBMA addresses pass, and where they are lost."""
    if client.nbma is None:
        return
    first = probe_result(scene, ProbePurpose.UNDERLAY, client.name, client.nbma)
    many = probe_result(scene, ProbePurpose.LOSS, client.name, client.nbma) or first
    if first is None or many is None:
        return
    if many.passed and many.lost * 10 <= len(many.marks):
        yield Fine(Step.UNDERLAY, f"pings from {client.name} to {client.nbma}: {many}")
        return
    if first.silent and client.works and tunnel_passes(scene, client):
        return  # pings are filtered somewhere, and there is no other fault
    yield from _lost(scene, client, many if many.lost < len(many.marks) else first)


def tunnel_passes(scene: Scene, client: Client) -> bool:
    """Return whether pings through the tunnel to the server were answered."""
    server = client.server
    found = probe_result(scene, ProbePurpose.TUNNEL, client.name, server.address) if server is not None else None
    return found is not None and found.passed


def _lost(scene: Scene, client: Client, pings: ProbeResult) -> Iterator[Verdict]:
    evidence = f"pings from {client.name} to {client.nbma}: {pings}"
    worst: Direction | None = None
    for one, other in wires_to_server(scene, client):
        there, back = direction(scene, one, other), direction(scene, other, one)
        if there is not None and back is not None and (there.dead or back.dead):
            yield _silent(scene, there, back, evidence)
            return
        for found in (there, back):
            if found is not None and found.sent >= _ENOUGH and found.lost > _SHARE:
                worst = found if worst is None or found.lost > worst.lost else worst
    unexplained = worst.sent - worst.received - len(pings.marks) if worst is not None else 0
    if worst is not None and (not pings.silent or unexplained >= _ENOUGH):
        yield _at_wire(scene, worst, Cause.LOSSY_LINK, f"loses packets ({worst.lost:.0%})", (evidence, str(worst)))
    elif worst is None and not pings.silent and not pings.refused:
        what = f"packets between {client.name} and {client.hub or client.nbma} get lost, and no counter says where"
        others, said = (client.hub,) if client.hub else (), (evidence,)
        ask = "whose wire it is: do pings from each of the two to its own gateway get lost, too?"
        yield Finding(Step.UNDERLAY, Cause.LOSSY_LINK, client.name, what, said, others=others, decide=ask)


def filtered_wires(scene: Scene, client: Client) -> tuple[str, ...]:
    """Return wires on the path that drop packets of some kind while pings pass: by the counters of their two ends."""
    found = [
        one
        for near, far in wires_to_server(scene, client)
        for one in (direction(scene, near, far), direction(scene, far, near))
        if one is not None and one.sent - one.received >= _ENOUGH
    ]
    return tuple(map(str, found))


def wires_to_server(scene: Scene, client: Client) -> Iterator[tuple[Port, Port]]:
    """Yield the wires from the client to its server. Translators do not count packets: their two wires are as one.

    Behind a shared translator the owner of lost packets is unknown.
    """
    found = trace(scene, client.name, client.nbma, client.tunnel.front) if client.nbma is not None else None
    if found is None or found.end is not PathEnd.ARRIVED:
        return
    begin: Port | None = None
    for near, far in found.wires:
        begin = begin or near
        if far[0] not in scene.lab.gateways:
            link = scene.link(begin)
            if link is not None and (far in link.ends or len(link.ends) == 2):
                yield begin, far
            begin = None


def _between(scene: Scene, one: Port, other: Port) -> str:
    """Return a wire by its ends, or two with a translator."""
    link = scene.link(one)
    whole = link is not None and other in link.ends
    if link is not None and whole and len(link.ends) > _TWO:
        return f"the wire of {' and '.join(node for node, _ in link.ends)}"
    return f"the {'wire' if whole else 'way through the translator'} between {one[0]} and {other[0]}"


def _silent(scene: Scene, there: Direction, back: Direction, evidence: str) -> Finding:
    """Return the finding that nothing passes in one direction of a wire, or in both."""
    said = (evidence, str(there), str(back))
    if not there.received and not back.received:
        return _at_wire(scene, there, Cause.LINK_CUT, "carries nothing, though both ends are up", said)
    dead = there if there.dead else back
    does = f"lets nothing pass from {dead.sender[0]} to {dead.receiver[0]}, and the rest does"
    return _at_wire(scene, there, Cause.ONE_WAY_LOSS, does, said)


def _at_wire(scene: Scene, one: Direction, cause: Cause, does: str, evidence: tuple[str, ...]) -> Finding:
    """Return the finding about a wire. does: to packets."""
    place = _place(scene, one.sender, one.receiver)
    what, order = f"{_between(scene, one.sender, one.receiver)} {does}", f"dmvpn lab impair {':'.join(place)}"
    return Finding(Step.UNDERLAY, cause, place[0], what, evidence, order=order)


def _place(scene: Scene, one: Port, other: Port) -> Port:
    """Return the end of a wire for display: not the provider's; of several the first."""
    link = scene.link(one)
    if link is not None and other in link.ends and len(link.ends) > _TWO:
        return next((port for port in link.ends if port[0] not in scene.lab.providers), one)
    return other if one[0] in scene.lab.providers else one


def outer_ttl(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the TTL of the outer packets suffices for their path, there and back."""
    seen, there = scene.seen_as(client), client.there
    if there is None or client.nbma is None or seen is None:
        return
    for name, tunnel, far in ((client.name, client.tunnel, client.nbma), (client.hub, there, seen)):
        found = trace(scene, name, far, tunnel.front)
        needed = len(found.wires)
        if found.end is PathEnd.ARRIVED and 0 < tunnel.ttl < needed:
            what = f"packets of {tunnel.name} of {name} have a TTL of {tunnel.ttl}, and it takes {needed} to {far}"
            evidence = (f"{name}: tunnel ttl {tunnel.ttl}", f"from {name} to {far}: {needed} wires")
            fix = (INTERFACE.line(name=tunnel.name), tunnel_lines.TTL.line(ttl=255))
            yield Finding(Step.GRE, Cause.TTL, name, what, evidence, fix)


# ------------------------------------------------------------------------------------------------ packet sizes


#: Paths of other clients that one is compared with.
_COMPARED: Final = 8


def fragments(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check whether fragments pass, and which packets fit without fragmentation."""
    if client.nbma is None:
        return
    small = probe_result(scene, ProbePurpose.UNDERLAY, client.name, client.nbma)
    cut = probe_result(scene, ProbePurpose.UNDERLAY_PIECES, client.name, client.nbma)
    full = probe_result(scene, ProbePurpose.UNDERLAY_FULL, client.name, client.nbma)
    if small is None or not small.passed:
        return
    if cut is not None and cut.silent:
        makers = list(_makers(scene, client))
        for name, fix, why in makers:
            what = f"fragments between {client.name} and {client.nbma} get lost, and the tunnel makes some: {why}"
            evidence = (f"small pings: {small}", f"pings in pieces: {cut}")
            yield Finding(Step.GRE, Cause.FRAGMENTS_BLOCKED, name, what, evidence, fix, stops=False)
        if not makers and full is not None and full.silent:
            yield _vanish(scene, client, f"whole or in pieces ({cut})", small, full)
        elif not makers:
            yield Fine(Step.GRE, f"fragments between {client.name} and {client.nbma} get lost; the tunnel makes none")
    elif full is not None and full.silent:
        yield _vanish(scene, client, "and no router says why", small, full)


def _vanish(scene: Scene, client: Client, how: str, small: ProbeResult, full: ProbeResult) -> Finding:
    """Return the finding that large packets are lost, at the end where they are."""
    name = narrow_end(scene, client)
    where = "" if name == client.name else f"{name}, on the ways to its clients: "
    what = f"{where}large packets between {client.name} and {client.nbma} vanish, {how}"
    # Octets of the largest answered ping of those with varying size; 0: none was answered
    sizes = [
        probe.size
        for probe, outcome in scene.answers.items()
        if (probe.kind, probe.router, probe.target) == (ProbePurpose.UNDERLAY_SIZE, client.name, client.nbma)
        and outcome.passed
    ]
    passes = max(sizes, default=0)
    room = passes - _overhead(client)
    order = f"find out what passes: ping {client.nbma} size 1200 df-bit, and smaller"
    if passes:
        ip, segment = client.ip, room - HEADERS[client.version]
        order = f"{passes} octets pass: '{ip} mtu' of {room} and '{ip} tcp adjust-mss' of {segment} fit, at both ends"
    evidence = (f"small pings: {small}", f"pings of full size that may not be cut: {full}")
    others = tuple(one for one in (client.name, client.hub) if one and one != name)
    return Finding(Step.GRE, Cause.PATH_MTU, name, what, evidence, order=order, others=others, stops=False)


def narrow_end(scene: Scene, client: Client) -> str:
    """Return the router at whose end packets of full size get lost."""
    fellows = [probe_result(scene, ProbePurpose.UNDERLAY_FULL, one.name, one.nbma) for one in scene.fellows(client)]
    tried = [outcome for outcome in fellows if outcome is not None]
    elsewhere = [
        probe_result(scene, ProbePurpose.UNDERLAY_FULL, one.name, one.nbma)
        for one in scene.clients(client.name)
        if one.hub != client.hub
    ]
    if any(outcome is not None and outcome.passed for outcome in elsewhere):
        return client.hub or client.name
    if tried:
        return client.name if not client.hub or any(outcome.passed for outcome in tried) else client.hub
    near, far = (probe_result(scene, ProbePurpose.GATEWAY_FULL, name) for name in (client.name, client.hub))
    return client.hub if near is not None and near.passed and far is not None and not far.passed else client.name


def _narrowest(scene: Scene, client: Client) -> tuple[int, str, str]:
    """Return octets of the largest unfragmented packet, with the router and interface of that limit."""
    egress = interface_of(client.facts, client.tunnel.source_interface)
    found = (egress.ip_mtu if egress is not None else 1500, client.name, client.tunnel.source_interface)
    for one, other in wires_to_server(scene, client):
        for node, port in (one, other):
            facts = scene.facts(node)
            interface = interface_of(facts, port) if facts is not None else None
            if interface is not None and interface.ip_mtu < found[0]:
                found = (interface.ip_mtu, node, port)
    return found


def _overhead(client: Client) -> int:
    """Return octets that the tunnel adds to a packet."""
    egress = interface_of(client.facts, client.tunnel.source_interface)
    return (egress.ip_mtu if egress is not None else 1500) - client.tunnel.room


def _fitting(scene: Scene, client: Client) -> int:
    """Return a tunnel MTU that fits the path."""
    return max(LEAST[client.version], min(1400, (_narrowest(scene, client)[0] - _overhead(client)) // 10 * 10))


def _makers(scene: Scene, client: Client) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield the ends whose packets are fragmented when they leave or on the path: router, fitting lines, and reason."""
    octets, where, _ = _narrowest(scene, client)
    for name, tunnel in ((client.name, client.tunnel), (client.hub, client.there)):
        if tunnel is not None and tunnel.ip_mtu + _overhead(client) > octets:
            whose = "its own port" if where == name else where
            around = f"{_overhead(client)} octets around it"
            why = f"{client.ip} mtu {tunnel.ip_mtu} at {name} and {around}; {whose} takes {octets}"
            yield name, (INTERFACE.line(name=tunnel.name), mtu_line(_fitting(scene, client), client.version)), why


def tunnel_mtu(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the largest packets of the tunnels fit the path."""
    makers = list(_makers(scene, client))
    if not makers:
        fits = f"of {client.name} fits the way to {client.hub or client.nbma}"
        yield Fine(Step.GRE, f"{client.ip} mtu {client.tunnel.ip_mtu} {fits}")
        return
    octets, where, port = _narrowest(scene, client)
    others = [_narrowest(scene, one)[0] for one in scene.fellows(client)[:_COMPARED]]
    if where in scene.lab.providers and len(others) > 1 and min(others) > octets:
        facts = scene.facts(where)
        written = texts(device(facts).section(port), IP_MTU) if facts is not None else ()
        what = f"{port} of {where} takes {octets} octets, less than the paths of all other routers: {makers[0][2]}"
        fix = tuple(text for line in written for text in (INTERFACE.line(name=port), f"no {line}"))
        yield Finding(Step.GRE, Cause.MTU, where, what, fix=fix, others=(client.name,), stops=False)
        return
    for name, fix, why in makers:
        what = f"full packets of the tunnel are cut into pieces: {why}"
        yield Finding(Step.GRE, Cause.MTU, name, what, fix=fix, advice=True)
