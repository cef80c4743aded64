"""A whole lab as facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.shells.facts.values import HostFacts, LabFacts, LinkFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.shells.facts.values import GatewayFacts, RouterFacts
    from dmvpn.shells.scenario import Scenario


def lab_facts(
    scenario: Scenario,
    routers: Mapping[str, RouterFacts | None],
    gateways: Mapping[str, GatewayFacts],
    cut: Iterable[tuple[str, str]],
    bad: Mapping[tuple[str, str], tuple[str, ...]] | None = None,
) -> LabFacts:
    """The whole.

    cut: the ends of all wires that nothing passes.
    bad: what else is wrong with a wire, by an end.
    """
    severed, worse = set(cut), bad or {}
    links = [
        LinkFacts(
            name=" -- ".join(f"{node}:{port}" for node, port in ends),
            ends=tuple(ends),
            cut=not severed.isdisjoint(ends),
            bad=next((worse[end] for end in ends if end in worse), ()),
        )
        for ends, _ in scenario.segments()
    ]
    hosts = {
        name: HostFacts(
            address=host.interface,
            gateway=host.gateway,
            address6=host.interface6,
            gateway6=host.gateway6,
            router=scenario.end(host.link)[0],
        )
        for name, host in scenario.lab.hosts.items()
    }
    providers = tuple(name for name in routers if scenario.role(name) == "provider")
    return LabFacts(
        routers=dict(routers), providers=providers, gateways=dict(gateways), hosts=hosts, links=tuple(links)
    )
