"""Checks for routers whose OSPF tells others, by the tunnel, how to reach the address that the tunnel leaves from.

Those who believe it send the tunnel's packets into the tunnel, which comes and goes. The one that tells is to stop.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.features.tunnel.reasons import TunnelReason
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.scene import interface_of, lines_of
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.features.ospf.facts import OspfFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict
    from dmvpn.tools.doctor.way import Way


def underlay_told(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that neither end tells its underlay by the tunnel, unless the other one knows a better way there."""
    there, hub, nbma = client.there, client.hub_facts, client.nbma
    seen = scene.seen_as(client)
    if there is None or hub is None or nbma is None or seen is None:
        return
    ends = (
        (client.hub, hub, there, nbma, client.facts, client.tunnel),
        (client.name, client.facts, client.tunnel, seen, hub, there),
    )
    for name, facts, tunnel, address, others, theirs in ends:
        process = _on(facts, tunnel)
        listens = _on(others, theirs) is not None or theirs.reason.is_one(TunnelReason.RECURSION)
        if process is None or not listens or all(it.name != tunnel.source_interface for it in process.interfaces):
            continue
        port = interface_of(facts, tunnel.source_interface)
        told = next((own.network for own in (port.addresses if port is not None else ()) if own.ip == address), None)
        if told is None or any(
            address in route.prefix and route.source != "ospf" and route.prefix.prefixlen >= told.prefixlen
            for route in others.routes
        ):
            continue
        yield _finding(name, facts, process, (tunnel.source_interface, address, str(told)), ())
        return


def _on(facts: RouterFacts, tunnel: TunnelFacts) -> OspfFacts | None:
    """Return the process that runs on a tunnel."""
    return next((one for one in facts.ospf if any(it.name == tunnel.name for it in one.interfaces)), None)


def by_owner(scene: Scene, found: Way, target: Address) -> Finding | None:
    """Return that the owner of an underlay address tells its network; None: the way has another end for other reasons.

    found: a way that ends in a tunnel.
    """
    owner = scene.owner(target)
    facts = scene.of(owner or "")
    if found.route is None or found.route.source != "ospf" or facts is None or owner is None or owner == found.at:
        return None
    port = next((it.name for it in facts.interfaces if any(own.ip == target for own in it.addresses)), "")
    for process in facts.ospf:
        if any(one.name == port for one in process.interfaces):
            evidence = (f"{found.at}: {found.route.prefix} by a tunnel (ospf)",)
            return _finding(owner, facts, process, (port, target, str(found.route.prefix)), evidence)
    return None


def _finding(
    name: str, facts: RouterFacts, process: OspfFacts, told: tuple[str, Address, str], evidence: tuple[str, ...]
) -> Finding:
    """Return who is to stop. told: the port, its address, its network."""
    port, address, network = told
    section = f"router ospf {process.process}"
    statements = [line for line in lines_of(facts, section, "network ") if _covers(line, address)]
    on_port = list(lines_of(facts, f"interface {port}", f"ip ospf {process.process} area "))
    lines = [(section, *statements)] * bool(statements) + [(f"interface {port}", *on_port)] * bool(on_port)
    return Finding(
        step=Step.LINE,
        cause=Cause.RECURSION,
        router=name,
        what=f"{name} tells others by the tunnel how to reach {network}, where the tunnel itself leads",
        evidence=(f"{name}: OSPF runs on {port}", *evidence),
        fix=tuple(text for head, *each in lines for text in (head, *(f"no {line}" for line in each))),
    )


def _covers(line: str, target: Address) -> bool:
    """Return whether a `network` statement takes in an address."""
    address, wildcard = (int(IPv4Address(word)) for word in line.split()[1:3])
    return target.version == 4 and not (address ^ int(target)) & ~wildcard
