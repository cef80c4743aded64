"""Packet loss on the wires of the underlay: pings without reply, and counters that show where packets were lost.

Both ends of a wire count packets. Packets that one end sent and the other end did not receive between two samples were
lost on this wire. Loss in both directions is a cut; loss in one direction is a filter or a translator that drops
packets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.base.values import dataclass
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.ios import INTERFACE
from dmvpn.tools.doctor.probes import ProbePurpose, ProbeResult
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.underlay_path import PathEnd, trace
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.doctor.scene import Client, Port, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Packets of a sample that are significant; a share of lost ones that exceeds the error of sampling.
_ENOUGH: Final = 4
_SHARE: Final = 0.1
#: Ends of an ordinary wire.
_TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Direction:
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
    now = scene.of(port[0])
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
            fix = (INTERFACE.of(name=tunnel.name), tunnel_lines.TTL.of(ttl=255))
            yield Finding(Step.GRE, Cause.TTL, name, what, evidence, fix)
