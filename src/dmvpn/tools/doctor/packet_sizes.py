"""Packet sizes on the path between two ends: large packets that are lost or fragmented, and at which end.

Packets of full size are lost on one wire. If those of all clients of a server are lost, the wire is at the server; if
those of only one client are lost, it is at the client. With a single client, pings to the two gateways decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.causes import Cause
from dmvpn.ios import INTERFACE
from dmvpn.ios.common import IP_MTU
from dmvpn.tools.doctor.configuration import device, texts
from dmvpn.tools.doctor.packet_loss import probe_result, wires_to_server
from dmvpn.tools.doctor.probes import ProbePurpose
from dmvpn.tools.doctor.scene import interface_of
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.tools.doctor.probes import ProbeResult
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

#: Paths of other clients that one is compared with.
_COMPARED: Final = 8
#: Octets of the IPv4 and TCP headers around a segment.
_HEADERS: Final = 40
#: Octets: the smallest MTU of any link, RFC 791 §3.2.
_LEAST: Final = 68
#: Octets: the largest tunnel MTU that a line can set.
_LARGEST: Final = 17940


def mtu_line(octets: int) -> str:
    """Return the line that sets this tunnel MTU; where no line can set one so large, the router computes it."""
    return IP_MTU.of(octets=octets) if octets <= _LARGEST else IP_MTU.no()


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
    passes = _largest_that_passes(scene, client)
    room = passes - _overhead(client)
    order = (
        f"find out what passes: ping {client.nbma} size 1200 df-bit, and smaller"
        if not passes
        else f"{passes} octets pass: 'ip mtu' of {room} and 'ip tcp adjust-mss' of {room - _HEADERS} fit, at both ends"
    )
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


def _largest_that_passes(scene: Scene, client: Client) -> int:
    """Return octets of the largest answered ping of those with varying size; 0: none was answered."""
    sizes = [
        probe.size
        for probe, outcome in scene.answers.items()
        if (probe.kind, probe.router, probe.target) == (ProbePurpose.UNDERLAY_SIZE, client.name, client.nbma)
        and outcome.passed
    ]
    return max(sizes, default=0)


def _narrowest(scene: Scene, client: Client) -> tuple[int, str, str]:
    """Return octets of the largest unfragmented packet, with the router and interface of that limit."""
    egress = interface_of(client.facts, client.tunnel.source_interface)
    found = (egress.ip_mtu if egress is not None else 1500, client.name, client.tunnel.source_interface)
    for one, other in wires_to_server(scene, client):
        for node, port in (one, other):
            facts = scene.of(node)
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
    return max(_LEAST, min(1400, (_narrowest(scene, client)[0] - _overhead(client)) // 10 * 10))


def _makers(scene: Scene, client: Client) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield the ends whose packets are fragmented when they leave or on the path: router, fitting lines, and reason."""
    octets, where, _ = _narrowest(scene, client)
    for name, tunnel in ((client.name, client.tunnel), (client.hub, client.there)):
        if tunnel is not None and tunnel.ip_mtu + _overhead(client) > octets:
            whose = "its own port" if where == name else where
            why = f"ip mtu {tunnel.ip_mtu} at {name} and {_overhead(client)} octets around it; {whose} takes {octets}"
            yield name, (INTERFACE.of(name=tunnel.name), IP_MTU.of(octets=_fitting(scene, client))), why


def tunnel_mtu(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the largest packets of the tunnels fit the path."""
    makers = list(_makers(scene, client))
    if not makers:
        yield Fine(
            Step.GRE, f"ip mtu {client.tunnel.ip_mtu} of {client.name} fits the way to {client.hub or client.nbma}"
        )
        return
    octets, where, port = _narrowest(scene, client)
    others = [_narrowest(scene, one)[0] for one in scene.fellows(client)[:_COMPARED]]
    if where in scene.lab.providers and len(others) > 1 and min(others) > octets:
        facts = scene.of(where)
        written = texts(device(facts).section(port), IP_MTU) if facts is not None else ()
        what = f"{port} of {where} takes {octets} octets, less than the paths of all other routers: {makers[0][2]}"
        fix = tuple(text for line in written for text in (INTERFACE.of(name=port), f"no {line}"))
        yield Finding(Step.GRE, Cause.MTU, where, what, fix=fix, others=(client.name,), stops=False)
        return
    for name, fix, why in makers:
        what = f"full packets of the tunnel are cut into pieces: {why}"
        yield Finding(Step.GRE, Cause.MTU, name, what, fix=fix, advice=True)
