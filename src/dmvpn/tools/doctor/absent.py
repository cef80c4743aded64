"""Checks for a routing protocol that all speak in a cloud but one: a client, or the server.

A process that is shut down, or that nobody configured, is not on any interface, so that no comparison of terms is made.
Asked where the server lacks the client's LAN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import ospf, rip, routing
from dmvpn.tools.doctor.learnt import lacks
from dmvpn.tools.doctor.scene import lines_of
from dmvpn.tools.doctor.verdicts import Finding, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict


def processes(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the client speaks one of the protocols that its server speaks with the others."""
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
    heads = [line for line in facts.configuration if line.startswith(f"router {protocol}")]
    shut = next((line for line in heads if any(lines_of(facts, line, "shutdown"))), "")
    said = f"is shut down at {name}" if shut else f"does not run at {name}"
    return Finding(
        step=Step.ROUTING,
        cause=Cause.NETWORK_STATEMENT,
        router=name,
        what=f"{protocol.upper()} {said}, and {whom}",
        evidence=evidence,
        fix=(shut, "no shutdown") if shut else (),
        order="" if shut else f"compare: show running-config | section router {protocol}, at a router that works",
    )


_ALL = ("eigrp", "ospf", "bgp", "rip")


def _spoken(facts: RouterFacts, tunnel: TunnelFacts) -> Iterator[str]:
    """Yield what a server speaks on its tunnel."""
    if routing.running_on(facts, tunnel) is not None:
        yield "eigrp"
    if ospf.running_on(facts, tunnel) is not None:
        yield "ospf"
    if facts.bgp.local_as:
        yield "bgp"
    if rip.rip_on(facts, tunnel) is not None:
        yield "rip"


def _speaks(facts: RouterFacts, name: str) -> bool:
    """Return whether there is a process that runs anywhere."""
    match name:
        case "eigrp":
            return any(one.interfaces for one in facts.eigrp)
        case "ospf":
            return any(one.interfaces for one in facts.ospf)
        case "bgp":
            return bool(facts.bgp.local_as)
        case _:
            return facts.rip is not None and bool(facts.rip.interfaces)
