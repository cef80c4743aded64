"""Checks of the underlay: routers that run, wires, interfaces, masks, and addresses that two routers have."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.features.interface.config import sections as port_lines
from dmvpn.ios import INTERFACE, Blank
from dmvpn.ios.common import SHUTDOWN
from dmvpn.shells.lab_model import INSIDE
from dmvpn.tools.doctor import addressing
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import AddressWithLength, Network
    from dmvpn.tools.doctor.scene import Port, Scene
    from dmvpn.tools.doctor.verdicts import Verdict

_STEP = Step.UNDERLAY


def dead_routers(scene: Scene) -> Iterator[Verdict]:
    """Find routers that do not run."""
    for name in scene.dead():
        yield Finding(_STEP, Cause.ROUTER_DEAD, name, f"{name} is not running", order=f"dmvpn lab start {name}")


def cut_wires(scene: Scene) -> Iterator[Verdict]:
    """Find wires that are cut in the lab."""
    for link in scene.lab.links:
        if link.cut:
            node, port = link.ends[0]
            name = next((one for one, _ in link.ends if one not in scene.lab.providers), node)
            what, order = f"the link {link.name} is cut", f"dmvpn lab impair {node}:{port}"
            yield Finding(_STEP, Cause.LINK_CUT, name, what, ("the lab says so",), order=order)


def interfaces(scene: Scene) -> Iterator[Verdict]:
    """Find interfaces that are plugged in, and shut down or without address."""
    for name, facts in scene.alive():
        sources = [one.source_interface for one in facts.tunnels]
        for interface in facts.interfaces:
            is_source = interface.name in sources
            if not (scene.link((name, interface.name)) if scene.lab.links else is_source):
                continue
            is_providers, port = name in scene.lab.providers, interface.name
            if not interface.enabled:
                evidence = (f"{name}: {port} is administratively down",)
                fix = (INTERFACE.of(name=port), SHUTDOWN.no())
                yield Finding(_STEP, Cause.INTERFACE_SHUTDOWN, name, f"{port} of {name} is shut down", evidence, fix)
            elif not interface.addresses and (is_providers or is_source):
                whose = "to which a router is connected" if is_providers else "from which a tunnel leaves"
                what, right = f"{port} of {name}, {whose}, has no address", _address_lines(scene, name, port)
                yield Finding(_STEP, Cause.NO_ADDRESS, name, what, fix=right)


def _address_lines(scene: Scene, name: str, port: str) -> tuple[str, ...]:
    """Return the lines that give a port another address: that which its wire needs, if it is known."""
    return addressing.wire_lines(scene, name) or (INTERFACE.of(name=port), addressing.address_line())


def conflicts(scene: Scene) -> Iterator[Verdict]:
    """Check that no two routers have one underlay address, nor one LAN."""
    seen = [
        (name, port.name, own)
        for name, port, own in scene.ports()
        if not port.name.startswith("Loopback") and not own.ip.is_link_local
    ]
    strange = set(addressing.mistaken_ports(scene))
    for (one, port, mine), (other, there, theirs) in combinations(seen, 2):
        if one == other or mine.version != theirs.version or not mine.network.overlaps(theirs.network):
            continue
        link = scene.link((one, port))
        if link is not None and (other, there) in link.ends:
            if mine.ip == theirs.ip:
                yield _same(scene, (one, port, mine), (other, there, theirs))
            continue
        if {(one, port), (other, there)} & strange or _are_apart(scene, (one, port), (other, there)):
            continue
        same_address = mine.ip == theirs.ip and not {one, other} & set(scene.lab.providers)
        if same_address or mine.network == theirs.network:
            yield _twice(scene, (one, port, mine), (other, there, theirs))


def _same(scene: Scene, one: tuple[str, str, AddressWithLength], other: tuple[str, str, AddressWithLength]) -> Finding:
    """Return the finding that both ends of a wire have one address; a provider's is right."""
    (name, port, mine), (far, _, _) = (other, one) if one[0] in scene.lab.providers else (one, other)
    what = f"{port} of {name} has {mine.ip}, which is that of {far} at the other end of its wire"
    evidence, fix = (f"{name}: {port} {mine}",), _address_lines(scene, name, port)
    return Finding(_STEP, Cause.NBMA_CONFLICT, name, what, evidence, fix, others=(far,))


def taken(scene: Scene) -> Iterator[Verdict]:
    """Check that no loopback has the address of another router's tunnel source: it would take those packets for its
    own.
    """
    sources = {
        tunnel.source: (name, tunnel) for name, facts in scene.alive() for tunnel in facts.tunnels if tunnel.source
    }
    own_sources = {(name, tunnel.source) for name, facts in scene.alive() for tunnel in facts.tunnels}
    for name, port, mine in scene.ports():
        if not port.name.startswith("Loopback") or mine.ip not in sources or (name, mine.ip) in own_sources:
            continue
        other, tunnel = sources[mine.ip]
        what = f"{port.name} of {name} has {mine.ip}, which {tunnel.name} of {other} leaves from"
        evidence = (f"{name}: {port.name} {mine}", f"{other}: tunnel source {mine.ip}")
        fix = (INTERFACE.of(name=port.name), f"no {addressing.address_line(mine.ip, mine.network)}")
        yield Finding(_STEP, Cause.NBMA_CONFLICT, name, what, evidence, fix, others=(other,))


def _are_apart(scene: Scene, one: Port, other: Port) -> bool:
    """Return whether the same addresses may exist at both ports: they are behind translators, in two VRFs, or one is
    that of a provider whose wires do not lead to the other.
    """
    is_inside = [INSIDE in {port for _, port in link.ends} for end in (one, other) if (link := scene.link(end))]
    if is_inside == [True, True]:
        return True
    if {one[0], other[0]} & set(scene.lab.providers) and not _are_wired(scene, one, other):
        return True
    vrfs = {scene.vrf_of(one), scene.vrf_of(other)}
    return len(vrfs) == 2 and "" not in vrfs  # a VRF may be the global table of another router


def _are_wired(scene: Scene, one: Port, other: Port) -> bool:
    """Return whether wires lead from the table of a port to that of another one, by the tables of routers between."""
    near, wanted = {(one[0], scene.vrf_of(one))}, (other[0], scene.vrf_of(other))
    wires = [{(node, scene.vrf_of((node, port))) for node, port in link.ends} for link in scene.lab.links]
    while reached := [wire for wire in wires if wire & near and not wire <= near]:
        near = near.union(*reached)
    return wanted in near


def _twice(scene: Scene, one: tuple[str, str, AddressWithLength], other: tuple[str, str, AddressWithLength]) -> Finding:
    (a, port, mine), (b, there, theirs) = one, other
    is_lan = _is_lan(scene, a, port)
    alone = is_lan and _is_lan(scene, b, there) and _stays_at_home(scene, mine.network)
    effect = ", and no other router knows of it" if alone else ": packets for it find only one of them"
    what = f"{a} ({port}) and {b} ({there}) both have the network {mine.network}{effect}"
    evidence = (f"{a}: {port} {mine}", f"{b}: {there} {theirs}")
    fix = (INTERFACE.of(name=port), port_lines.ADDRESS.of(address=Blank("another-network"), mask=Blank("mask")))
    step, cause = (Step.ROUTING, Cause.LAN_OVERLAP) if is_lan else (_STEP, Cause.NBMA_CONFLICT)
    return Finding(step, cause, a, what, evidence, fix, others=(b,), advice=alone)


def _stays_at_home(scene: Scene, network: Network) -> bool:
    """Return whether a network is known only to routers in it, such as a guest network: no other router sends to it.

    A host in the lab must be reachable.
    """
    if any(host.address.ip in network for host in scene.lab.hosts.values()):
        return False
    return all(
        route.source in ("connected", "local") or route.prefix.prefixlen == 0 or not route.prefix.overlaps(network)
        for _, facts in scene.alive()
        for route in facts.routes
        if route.prefix.version == network.version
    )


def _is_lan(scene: Scene, name: str, port: str) -> bool:
    facts = scene.of(name)
    return facts is not None and all(tunnel.source_interface != port for tunnel in facts.tunnels)
