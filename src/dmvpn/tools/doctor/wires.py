"""What gets lost on the wires: pings that did not come back, and counters that say where they stopped.

A wire has two ends, and both count. Between two samples, what one end sent and the other did not receive was lost on
the wire between them; which direction that is tells a cut from a filter or a translator that lets nothing in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.probes import Kind, Outcome
from dmvpn.tools.doctor.scene import interface_of, lines_of
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step
from dmvpn.tools.doctor.way import End, way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.doctor.scene import Client, Port, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Packets of a sample that say anything; a share of lost ones that is no accident of the moments of counting.
_ENOUGH: Final = 4
_SHARE: Final = 0.1
#: Ways of others that one is compared with.
_COMPARED: Final = 8
#: Ends of an ordinary wire.
_TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of a wire between two samples. shared: its ends, if it has more than two: both, of all of them."""

    sender: Port
    receiver: Port
    sent: int
    received: int
    shared: tuple[Port, ...] = ()

    @property
    def lost(self) -> float:
        """The share that did not arrive."""
        return max(0, self.sent - self.received) / self.sent if self.sent else 0.0

    @property
    def dead(self) -> bool:
        """Nothing arrives."""
        return self.sent >= _ENOUGH and self.received == 0

    def __str__(self) -> str:
        one, other = ":".join(self.sender), ":".join(self.receiver)
        if self.shared:
            ends = " and ".join(map(":".join, self.shared))
            return f"{ends} sent {self.sent} packets to each other, and received {self.received}"
        return f"{one} sent {self.sent} packets, {other} received {self.received}"


def answer(scene: Scene, kind: Kind, router: str, target: object) -> Outcome | None:
    """Return what a probe came to, if it was tried."""
    for probe, outcome in scene.answers.items():
        if (probe.kind, probe.router, probe.target) == (kind, router, target) and outcome.tried:
            return outcome
    return None


def direction(scene: Scene, sender: Port, receiver: Port) -> Direction | None:
    """Return what passed since the earlier sample, where both ends count. Of one with more ends, between all of them.

    Nobody can say there to whom of the others an end has sent.
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
    """Return packets received and sent since."""
    before = scene.earlier.routers.get(port[0]) if scene.earlier is not None else None
    now = scene.of(port[0])
    if before is None or now is None:
        return None
    one, other = interface_of(before, port[1]), interface_of(now, port[1])
    if one is None or other is None or other.received < one.received or other.sent < one.sent:
        return None
    return other.received - one.received, other.sent - one.sent


def losses(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Do pings between the NBMA addresses pass, and where do they not?"""
    if client.nbma is None:
        return
    first = answer(scene, Kind.UNDERLAY, client.name, client.nbma)
    many = answer(scene, Kind.LOSS, client.name, client.nbma) or first
    if first is None or many is None:
        return
    if many.passed and many.lost * 10 <= len(many.marks):
        yield Fine(Step.UNDERLAY, f"pings from {client.name} to {client.nbma}: {many}")
        return
    if first.silent and client.works and _tunnel_passes(scene, client):
        return  # somebody does not let pings pass, and nothing else is wrong
    yield from _lost(scene, client, many if many.lost < len(many.marks) else first)


def _tunnel_passes(scene: Scene, client: Client) -> bool:
    found = answer(scene, Kind.TUNNEL, client.name, client.server.address if client.server is not None else None)
    return found is not None and found.passed


def _lost(scene: Scene, client: Client, pings: Outcome) -> Iterator[Verdict]:
    evidence = f"pings from {client.name} to {client.nbma}: {pings}"
    worst: Direction | None = None
    for one, other in _wires(scene, client):
        there, back = direction(scene, one, other), direction(scene, other, one)
        if there is not None and back is not None and (there.dead or back.dead):
            yield _silent(scene, there, back, evidence)
            return
        for found in (there, back):
            if found is not None and found.sent >= _ENOUGH and found.lost > _SHARE:
                worst = found if worst is None or found.lost > worst.lost else worst
    unexplained = worst.sent - worst.received - len(pings.marks) if worst is not None else 0
    if worst is not None and (not pings.silent or unexplained >= _ENOUGH):
        place = _place(scene, worst.sender, worst.receiver)
        yield Finding(
            step=Step.UNDERLAY,
            cause=Cause.LOSSY_LINK,
            router=place[0],
            what=f"{_between(scene, worst.sender, worst.receiver)} loses packets ({worst.lost:.0%})",
            evidence=(evidence, str(worst)),
            order=f"dmvpn lab impair {':'.join(place)}",
        )
    elif worst is None and not pings.silent and not pings.refused:
        yield Finding(
            step=Step.UNDERLAY,
            cause=Cause.LOSSY_LINK,
            router=client.name,
            what=f"packets between {client.name} and {client.hub or client.nbma} get lost, and no counter says where",
            evidence=(evidence,),
            others=(client.hub,) if client.hub else (),
            decide="whose wire it is: do pings from each of the two to its own gateway get lost, too?",
        )


def stopped(scene: Scene, client: Client) -> tuple[str, ...]:
    """Return wires on the way that swallow packets of some kind, while pings pass: the counts of their two ends."""
    found = [
        one
        for near, far in _wires(scene, client)
        for one in (direction(scene, near, far), direction(scene, far, near))
        if one is not None and one.sent - one.received >= _ENOUGH
    ]
    return tuple(map(str, found))


def _wires(scene: Scene, client: Client) -> Iterator[tuple[Port, Port]]:
    """Yield those from the client to its server. Translators do not count packets: their two wires are as one.

    Behind one that several share nobody can say whose packets are missing.
    """
    found = way(scene, client.name, client.nbma) if client.nbma is not None else None
    if found is None or found.end is not End.ARRIVED:
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
    place = _place(scene, there.sender, there.receiver)
    between = _between(scene, there.sender, there.receiver)
    if not there.received and not back.received:
        cause, what = Cause.LINK_CUT, f"{between} carries nothing, though both ends are up"
    else:
        dead = there if there.dead else back
        cause = Cause.ONE_WAY_LOSS
        what = f"{between} lets nothing pass from {dead.sender[0]} to {dead.receiver[0]}, and the rest does"
    return Finding(
        step=Step.UNDERLAY,
        cause=cause,
        router=place[0],
        what=what,
        evidence=(evidence, str(there), str(back)),
        order=f"dmvpn lab impair {':'.join(place)}",
    )


def _place(scene: Scene, one: Port, other: Port) -> Port:
    """Return the end of a wire that people name it by: not the provider's; of several the first."""
    link = scene.link(one)
    if link is not None and other in link.ends and len(link.ends) > _TWO:
        return next((port for port in link.ends if port[0] not in scene.lab.providers), one)
    return other if one[0] in scene.lab.providers else one


def pieces(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Do fragments pass, and what fits into one piece?"""
    if client.nbma is None:
        return
    small = answer(scene, Kind.UNDERLAY, client.name, client.nbma)
    cut = answer(scene, Kind.UNDERLAY_PIECES, client.name, client.nbma)
    full = answer(scene, Kind.UNDERLAY_FULL, client.name, client.nbma)
    if small is None or not small.passed:
        return
    if cut is not None and cut.silent:
        makes = _makes_pieces(scene, client)
        if makes:
            yield Finding(
                step=Step.GRE,
                cause=Cause.FRAGMENTS_BLOCKED,
                router=client.name,
                what=f"fragments between {client.name} and {client.nbma} get lost, and the tunnel makes some: {makes}",
                evidence=(f"small pings: {small}", f"pings in pieces: {cut}"),
                fix=(f"interface {client.tunnel.name}", f"ip mtu {fitting(scene, client)}"),
                stops=False,
            )
        elif full is not None and full.silent:
            yield Finding(
                step=Step.GRE,
                cause=Cause.PATH_MTU,
                router=client.name,
                what=f"large packets between {client.name} and {client.nbma} vanish, whole or in pieces",
                evidence=(f"small pings: {small}", f"the largest of the tunnel: {full}", f"in pieces: {cut}"),
                order=f"find out what passes: ping {client.nbma} size 1200 df-bit, and smaller",
                stops=False,
            )
        else:
            yield Fine(Step.GRE, f"fragments between {client.name} and {client.nbma} get lost; the tunnel makes none")
        return
    if full is not None and full.silent:
        yield Finding(
            step=Step.GRE,
            cause=Cause.PATH_MTU,
            router=client.name,
            what=f"packets of full size from {client.name} to {client.nbma} vanish, and nobody says why",
            evidence=(f"small pings: {small}", f"pings of full size that may not be cut: {full}"),
            fix=(f"interface {client.tunnel.name}", f"ip mtu {fitting(scene, client)}"),
            stops=False,
        )


def lifetimes(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the outer packets live long enough for their way, there and back: each router on it takes one from
    their TTL.
    """
    seen, there = scene.seen_as(client), client.there
    if there is None or client.nbma is None or seen is None:
        return
    for name, tunnel, far in ((client.name, client.tunnel, client.nbma), (client.hub, there, seen)):
        found = way(scene, name, far)
        needed = len(found.wires)
        if found.end is End.ARRIVED and 0 < tunnel.ttl < needed:
            yield Finding(
                step=Step.GRE,
                cause=Cause.TTL,
                router=name,
                what=f"packets of {tunnel.name} of {name} have a TTL of {tunnel.ttl}, and it takes {needed} to {far}",
                evidence=(f"{name}: tunnel ttl {tunnel.ttl}", f"from {name} to {far}: {needed} wires"),
                fix=(f"interface {tunnel.name}", "tunnel ttl 255"),
            )


def narrowest(scene: Scene, client: Client) -> tuple[int, str, str]:
    """Return octets that pass in one piece, and the router and its interface that say so."""
    egress = interface_of(client.facts, client.tunnel.source_interface)
    found = (egress.ip_mtu if egress is not None else 1500, client.name, client.tunnel.source_interface)
    for one, other in _wires(scene, client):
        for node, port in (one, other):
            facts = scene.of(node)
            interface = interface_of(facts, port) if facts is not None else None
            if interface is not None and interface.ip_mtu < found[0]:
                found = (interface.ip_mtu, node, port)
    return found


def overhead(client: Client) -> int:
    """Return octets that the tunnel puts around a packet."""
    egress = interface_of(client.facts, client.tunnel.source_interface)
    return (egress.ip_mtu if egress is not None else 1500) - client.tunnel.room


def fitting(scene: Scene, client: Client) -> int:
    """Return a tunnel MTU that fits the way."""
    return min(1400, (narrowest(scene, client)[0] - overhead(client)) // 10 * 10)


def _makes_pieces(scene: Scene, client: Client) -> str:
    """Return why the tunnel's packets do not leave, or pass, in one piece."""
    octets, where, _ = narrowest(scene, client)
    for tunnel, name in ((client.tunnel, client.name), (client.there, client.hub)):
        if tunnel is not None and tunnel.ip_mtu + overhead(client) > octets:
            whose = "its own port" if where == name else where
            return f"ip mtu {tunnel.ip_mtu} at {name} and {overhead(client)} octets around it; {whose} takes {octets}"
    return ""


def tunnel_mtu(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that what the tunnels let in fits into the way."""
    makes = _makes_pieces(scene, client)
    if not makes:
        yield Fine(
            Step.GRE, f"ip mtu {client.tunnel.ip_mtu} of {client.name} fits the way to {client.hub or client.nbma}"
        )
        return
    octets, where, port = narrowest(scene, client)
    others = [narrowest(scene, one)[0] for one in scene.fellows(client)[:_COMPARED]]
    if where in scene.lab.providers and len(others) > 1 and min(others) > octets:
        facts = scene.of(where)
        written = lines_of(facts, f"interface {port}", "ip mtu ") if facts is not None else ()
        yield Finding(
            step=Step.GRE,
            cause=Cause.MTU,
            router=where,
            what=f"{port} of {where} takes {octets} octets, less than the ways of all others: {makes}",
            fix=tuple(text for line in written for text in (f"interface {port}", f"no {line}")),
            others=(client.name,),
            stops=False,
        )
        return
    yield Finding(
        step=Step.GRE,
        cause=Cause.MTU,
        router=client.name,
        what=f"full packets of the tunnel are cut into pieces: {makes}",
        fix=(f"interface {client.tunnel.name}", f"ip mtu {fitting(scene, client)}"),
        advice=True,
    )
