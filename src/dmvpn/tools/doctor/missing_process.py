"""Checks for routers on which the routing protocol of their cloud does not run.

A process that is shut down, or not configured, is on no interface, so no parameters can be compared. The check runs
where the server has no route to the client's LAN, and compares the client and the server with the other routers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.causes import Cause
from dmvpn.features.eigrp.config import processes as eigrp_lines
from dmvpn.features.eigrp.config.interfaces import AF_SHUTDOWN
from dmvpn.features.ospf.config import processes as ospf_lines
from dmvpn.tools.doctor import eigrp, ospf, rip
from dmvpn.tools.doctor.configuration import device
from dmvpn.tools.doctor.missing_routes import lacks
from dmvpn.tools.doctor.tables import process_elsewhere
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict


def processes(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the client runs one of the protocols that its server runs with its other clients."""
    there, hub = client.there, client.hub_facts
    site = scene.site_of(client.name, client.facts)
    if there is None or hub is None or site is None or not lacks(hub, there, site[1]):
        return
    evidence = (f"{client.hub}: no route to {site[1]} by {there.name}",)
    others = [one for one in scene.fellows(client) if one.there is not None and one.there.name == there.name]
    spoken = [name for name in _spoken(hub, there) if any(_speaks(one.facts, name) for one in others)]
    if spoken and not any(_speaks(client.facts, name) for name in _ALL):
        whom = f"{client.hub} speaks it with its other clients"
        yield _silent(client.name, client.facts, spoken[0], whom, evidence)
        return
    by_all = [
        name
        for name in _spoken(client.facts, client.tunnel)
        if others and all(name in _spoken(one.facts, one.tunnel) for one in others)
    ]
    if by_all and not any(_speaks(hub, name) for name in _ALL):
        yield _silent(client.hub, hub, by_all[0], "all of its clients speak it", evidence)


def _silent(name: str, facts: RouterFacts, protocol: str, whom: str, evidence: tuple[str, ...]) -> Finding:
    shut = _shut_down(facts, protocol)
    elsewhere = process_elsewhere(name, facts, protocol, evidence) if not shut else None
    if elsewhere is not None:
        return elsewhere
    said = f"is shut down at {name}" if shut else f"does not run at {name}"
    return Finding(
        step=Step.ROUTING,
        cause=Cause.NETWORK_STATEMENT,
        router=name,
        what=f"{protocol.upper()} {said}, and {whom}",
        evidence=evidence,
        fix=(*shut, "no shutdown") if shut else (),
        order="" if shut else f"compare: show running-config | section router {protocol}, at a router that works",
    )


def _shut_down(facts: RouterFacts, protocol: str) -> tuple[str, ...]:
    """Return the lines that lead to the `shutdown` of a process, or of its address family; () if there is none."""
    return next(
        _shut_eigrp(facts) if protocol == "eigrp" else _shut_ospf(facts) if protocol == "ospf" else iter(()), ()
    )


def _shut_ospf(facts: RouterFacts) -> Iterator[tuple[str, ...]]:
    for one in device(facts).ospf.processes:
        if one.shutdown:
            yield (ospf_lines.ROUTER.of(number=one.number),)


def _shut_eigrp(facts: RouterFacts) -> Iterator[tuple[str, ...]]:
    tree = device(facts).tree
    for args, process in tree.sections(eigrp_lines.ROUTER_CLASSIC):
        if process.get(eigrp_lines.CLASSIC_SHUTDOWN) is not None:
            yield (eigrp_lines.ROUTER_CLASSIC.text(args),)
    for args, process in tree.sections(eigrp_lines.ROUTER_NAMED):
        if process.get(eigrp_lines.INSTANCE_SHUTDOWN) is not None:
            yield (eigrp_lines.ROUTER_NAMED.text(args),)
        for family, section in process.sections(eigrp_lines.ADDRESS_FAMILY):
            opening = (eigrp_lines.ROUTER_NAMED.text(args), eigrp_lines.ADDRESS_FAMILY.text(family))
            if section.get(eigrp_lines.FAMILY_SHUTDOWN) is not None:
                yield opening
            for port, inner in section.sections(eigrp_lines.AF_INTERFACES):
                if inner.get(AF_SHUTDOWN) is not None:
                    yield (*opening, eigrp_lines.AF_INTERFACES.text(port))


_ALL = ("eigrp", "ospf", "bgp", "rip")


def _spoken(facts: RouterFacts, tunnel: TunnelFacts) -> Iterator[str]:
    """Yield the protocols that a server runs on its tunnel."""
    if eigrp.running_on(facts, tunnel) is not None:
        yield "eigrp"
    if ospf.running_on(facts, tunnel) is not None:
        yield "ospf"
    if facts.bgp.local_as:
        yield "bgp"
    if rip.rip_on(facts, tunnel) is not None:
        yield "rip"


def _speaks(facts: RouterFacts, name: str) -> bool:
    """Return whether a process of this name runs on any interface."""
    match name:
        case "eigrp":
            return any(one.interfaces for one in facts.eigrp)
        case "ospf":
            return any(one.interfaces for one in facts.ospf)
        case "bgp":
            return bool(facts.bgp.local_as)
        case _:
            return facts.rip is not None and bool(facts.rip.interfaces)
